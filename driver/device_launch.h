/* Launching a GPU kernel on tensors of the host: copies them to the device, runs, and copies back what was written. For
 * checks and `rattan run`; not for timing. */
#ifndef RATTAN_DRIVER_DEVICE_LAUNCH_H
#define RATTAN_DRIVER_DEVICE_LAUNCH_H

#include "runtime/cuda_executable.h"

/* Tensors of the host, moved to a device: the same dims and strides. */
typedef struct DeviceTensors {
    CudaDevice *device;
    Tensor     *tensors; /* arena */
    int         count;
} DeviceTensors;

/* How many tensors a launch is given: all parameters but working memory. */
int caller_params(const CodeObject *object);

/* Allocates and copies in. device_tensors_free even after a failure. */
Status device_tensors_make(Ctx *ctx, CudaDevice *device, const Tensor *host, int count, DeviceTensors *out);
void   device_tensors_free(DeviceTensors *tensors);

/* Runs a kernel, whatever it is, on copies of the host's tensors and returns when its outputs are in those; `run` waits for it. */
typedef Status DeviceRun(Ctx *ctx, void *arg, const Tensor *tensors);
Status         device_run(Ctx *ctx, CudaDevice *device, const CodeObject *object, const Tensor *args, DeviceRun *run, void *arg);

/* Returns when the outputs are in the host's tensors. `args`: as for executable_launch. */
Status device_launch(Ctx *ctx, CudaExecutable *executable, const Tensor *args, int64_t position);

#endif
