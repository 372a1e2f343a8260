/* CudaExecutable: a CodeObject for a GPU, loaded into a device's primary context and ready to launch on any stream of
 * it. In:  tensors as for Executable, with addresses in the device's memory. Out: kernels enqueued on the caller's
 * stream; the outputs are written when the stream gets there. Always: a launch synchronizes nothing. It allocates
 * nothing where the caller brings the workspace or prepare has seen the shape on that stream, and then may be captured
 * into a graph. Dtypes, ranks, dims, strides, missing and overlapping data are refused before anything is launched. The
 * contents of cu_seqlens, slots and pos cannot be looked at without waiting for the device and are not: kernels reach
 * nothing outside the tensors whatever they hold. */
#ifndef RATTAN_RUNTIME_CUDA_EXECUTABLE_H
#define RATTAN_RUNTIME_CUDA_EXECUTABLE_H

#include "runtime/cuda_device.h"
#include "runtime/executable.h"

typedef struct CudaExecutable CudaExecutable;

/* Where a launch goes. Workspace: memory of the device that nothing else uses until the launch is done, 256-byte
 * aligned, of the size that cuda_executable_memory gives; 0: the executable's own, one a stream, whose launches are enqueued
 * whole, one behind another, if several threads make them. A captured graph keeps using the workspace of the stream it was
 * captured on: do not replay it while other launches run on that stream. */
typedef struct CudaPlace {
    CuStream       stream;
    CuPointer      workspace;
    int64_t        workspace_bytes;
    const CuEvent *events; /* NULL, or one more than there are phases: recorded before, between and behind them */
} CudaPlace;

/* What the driver says of a phase once it is loaded. */
typedef struct CudaPhaseFacts {
    int registers, max_threads;
} CudaPhaseFacts;

/* Object and device stay the caller's and must outlive it. ST_NO_DEVICE if the device cannot run the code. */
Status cuda_executable_load(Ctx *ctx, CudaDevice *device, const CodeObject *object, CudaExecutable **out);
/* No launch may be running. NULL is allowed. */
void              cuda_executable_free(CudaExecutable *executable);
const CodeObject *cuda_executable_object(const CudaExecutable *executable);
CudaDevice       *cuda_executable_device(const CudaExecutable *executable);
CudaPhaseFacts    cuda_executable_phase(const CudaExecutable *executable, int phase);

/* False where the code has the copy engine read a tensor whose address or strides it cannot take: such a launch is refused. */
bool cuda_executable_takes(const CudaExecutable *executable, const Tensor *args);

/* Tensors as in executable.h. What prepare has seen is launched by one call of the driver (cuda_graphs.h), fastest with
 * the very tensors. */
Status cuda_executable_prepare(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const Tensor *args);
Status cuda_executable_launch(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const Tensor *args,
                              int64_t position);
/* Waits for the stream, on which these tensors were launched last: an error of a kernel shows here, with the kernels' names and
 * the launch's sizes. */
Status cuda_executable_wait(Ctx *ctx, const CudaExecutable *executable, CuStream stream, const Tensor *args,
                            int64_t position);
Status cuda_executable_memory(Ctx *ctx, const CudaExecutable *executable, const Tensor *args, int64_t *bytes);

#endif
