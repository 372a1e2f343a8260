/* CudaDevice: one GPU of this process by its index: its facts, memory, streams and events.
 * Always: work goes to the device's primary context, the one that CUDA's runtime and PyTorch use, so that their streams
 * and pointers serve here. Every function makes that context current while it runs and puts back what was current;
 * where it is current already that costs nothing. Safe from several threads. */
#ifndef RATTAN_RUNTIME_CUDA_DEVICE_H
#define RATTAN_RUNTIME_CUDA_DEVICE_H

#include "runtime/cuda_driver.h"

typedef struct CudaFacts {
    char    name[128];
    char    bus_id[32];                    /* "0000:01:00.0"; "": the driver does not say */
    int     index, major, minor;           /* compute capability */
    int     multiprocessors, shared_bytes; /* that a block may ask for */
    int     registers;                     /* 32-bit ones of a multiprocessor; 0: the driver does not say */
    int     clock_khz, memory_clock_khz, bus_bits;
    int64_t l2_bytes, memory_bytes;
    int     driver_version; /* 13000 for CUDA 13.0 */
} CudaFacts;

typedef struct CudaDevice {
    CudaDriver driver;
    CudaFacts  facts;
    CuDevice   handle;
    CuContext  context;
} CudaDevice;

/* malloc'd. ST_NO_DEVICE where there is no driver or no device of that index. */
Status cuda_device_open(Ctx *ctx, int index, CudaDevice **out);
/* Everything made on the device must be gone. NULL is allowed. */
void cuda_device_close(CudaDevice *device);
/* Of the devices there are; 0 without a driver. Never fails. */
int cuda_device_count(void);

/* Makes the context current: pairs with cuda_leave, which gets what cuda_enter returned in *pushed. */
Status cuda_enter(Ctx *ctx, const CudaDevice *device, bool *pushed);
void   cuda_leave(const CudaDevice *device, bool pushed);
/* -> pushed. Where the context is lost there is none, and what is freed then frees what the driver still knows of it. */
bool cuda_enter_to_free(const CudaDevice *device);

/* Device memory, 256-byte aligned, at least one byte. Copies return when they are done. */
Status cuda_alloc(Ctx *ctx, const CudaDevice *device, int64_t bytes, CuPointer *out);
void   cuda_free(const CudaDevice *device, CuPointer pointer);
Status cuda_copy_in(Ctx *ctx, const CudaDevice *device, CuPointer to, const void *from, int64_t bytes);
Status cuda_copy_out(Ctx *ctx, const CudaDevice *device, void *to, CuPointer from, int64_t bytes);

Status cuda_stream_create(Ctx *ctx, const CudaDevice *device, CuStream *out);
void   cuda_stream_destroy(const CudaDevice *device, CuStream stream);
/* Whether what is enqueued there goes into a graph; not where that cannot be told. */
bool cuda_stream_capturing(const CudaDevice *device, CuStream stream);
/* Between the two, loading code and allocating end no capture that goes on elsewhere, as they would one in CUDA's default mode.
 * cuda_restore gets what cuda_relax returned; both in the device's context. */
int  cuda_relax(const CudaDevice *device);
void cuda_restore(const CudaDevice *device, int mode);
/* Waits for all work on the stream; an error of a kernel shows here. */
Status cuda_stream_wait(Ctx *ctx, const CudaDevice *device, CuStream stream);

#endif
