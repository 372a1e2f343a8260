/* CudaGraphs: launches of a code object as graphs of the driver's, for the streams, sets of phases and tensors that
 * prepare has seen. In:  a launch that is laid out, or the same call as one that was. Out: all its steps enqueued by one
 * call. Why: a kernel costs its caller 3 to 4 microseconds, a graph of any number 2 to 3, and 0.7 more a kernel where its
 * tensors have to be changed; to check a call and lay it out takes up to 2.
 * Always: a launch makes no graph; graphs that cannot be made or changed are no error, launches then go step by step.
 * Safe from several threads. */
#ifndef RATTAN_RUNTIME_CUDA_GRAPHS_H
#define RATTAN_RUNTIME_CUDA_GRAPHS_H

#include "runtime/cuda_launch.h"

typedef struct CudaGraphs CudaGraphs;

/* What a caller of a launch says. What a launch is checked for, and its arguments, follow from it and from the code object, but for
 * the address of a workspace of the kernel's own; each of those that a stream had is as good as the others. */
typedef struct CudaCall {
    const Tensor *tensors;
    int           count; /* of the tensors */
    int64_t       position;
    CuPointer     workspace; /* the caller's; 0: the kernel's own */
    int64_t       workspace_bytes;
} CudaCall;

/* A launch of several slices, which run one behind another, is one graph. They have the same phases; `plan` lays one out, and
 * says whether it could. */
typedef struct CudaSlices {
    int64_t count;
    bool (*plan)(void *arg, int slice, CudaLaunch *launch);
    void *arg;
} CudaSlices;

/* NULL where the driver lacks what graphs need, or memory ran out. The driver must outlive it. */
CudaGraphs *cuda_graphs_new(const CudaDriver *driver);
/* No launch may be running; the context is current. NULL is allowed, here and below. */
void cuda_graphs_free(CudaGraphs *graphs);

/* Makes a graph for this launch, whose first slice is laid out, if there is none yet of these arguments on this stream, and not
 * too many of these phases. Where there are too many in all, the one used least recently makes room. The context is current
 * and the stream not being captured. Another slice may be what `launch` holds then, here and below. */
void cuda_graphs_prepare(CudaGraphs *graphs, CudaLaunch *launch, const CudaSlices *slices, CuStream stream);
/* Takes the graph with these arguments, else the one of these phases and this stream that was used least recently, and
 * gives it the arguments. False: there is no graph for it, or the stream is being captured, and nothing was enqueued.
 * True: *result is the driver's. `call`: what the launch was laid out from, all of it checked. */
bool cuda_graphs_launch(CudaGraphs *graphs, CudaLaunch *launch, const CudaSlices *slices, const CudaCall *call, CuStream stream,
                        int *result);
/* Launches the graph that the same call on this stream was given before, which needs no check and is not laid out again.
 * False: there is none, or the stream is being captured, and nothing was enqueued. True: *result is the driver's, *steps how many
 * kernels a slice of it has. */
bool cuda_graphs_repeat(CudaGraphs *graphs, const CudaCall *call, CuStream stream, int *steps, int *result);

#endif
