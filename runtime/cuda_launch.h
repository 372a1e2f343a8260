/* CudaLaunch: one launch of a code object, laid out in full before the driver is asked for anything, so that a refusal
 * leaves nothing running. In:  checked sizes and the args block. Out: a step for each phase that has items, with its
 * grid and its maps; steps enqueued one by one. */
#ifndef RATTAN_RUNTIME_CUDA_LAUNCH_H
#define RATTAN_RUNTIME_CUDA_LAUNCH_H

#include "runtime/cuda_device.h"
#include "runtime/launch_args.h"
#include "runtime/tensor_maps.h"

typedef struct CudaStep {
    CuFunction   function;
    CuTensorMap *maps; /* in the launch */
    int64_t      items;
    unsigned     blocks, threads, shared_bytes;
    int          phase;
    unsigned     cluster;  /* blocks of a cluster; 1: none */
    bool         overlaps; /* never the first step: what comes before that is the caller's */
    uint32_t     beside, beside_before; /* phases that it need not wait for: base/code_object.h */
} CudaStep;

typedef struct CudaLaunch {
    CudaStep    steps[LAUNCH_MAX_PHASES];
    int         step_count;
    uint32_t    phases;            /* bit p: there is a step for phase p */
    unsigned    cluster;           /* the largest of the steps: a graph keeps those that it was made with */
    int64_t     args[LAUNCH_ARGS]; /* as launch_fill leaves it; behind that, the items of the step that is enqueued */
    int         args_count;        /* without the items: what is the same for all steps */
    CuTensorMap maps[CODE_MAX_ALL_MAPS];
} CudaLaunch;

/* `functions`: one a phase. The launch's args are filled; the rest is set here. */
Status cuda_launch_plan(Ctx *ctx, const CodeObject *object, const CudaDevice *device, const CuFunction *functions,
                        MapCache *maps, const LaunchSizes *sizes, CudaLaunch *launch);
/* The driver's result. */
int cuda_launch_step(const CudaDriver *driver, CudaLaunch *launch, int step, CuStream stream);
/* A step's parameters as the driver takes them; good until the next call. */
void cuda_launch_parameters(CudaLaunch *launch, int step, void *parameters[2]);

#endif
