/* Targets of both back ends by name. */
#ifndef RATTAN_DRIVER_TARGETS_H
#define RATTAN_DRIVER_TARGETS_H

#include "ir/target.h"
#include "runtime/cuda_device.h"

/* "host" (also for NULL; with the threads that a pool has by default), a CPU, "cuda:sm_90", or "cuda": the first device of this machine, whose facts then fill the
 * target. ST_USAGE for an unknown name, ST_NO_DEVICE where there is no device or it is too old. */
Status target_find(Ctx *ctx, const char *name, Target *target);
/* The target of a device: its row of archs.def, with the device's multiprocessors, and its shared memory and registers where
 * they are less. */
Status target_of_device(Ctx *ctx, const CudaDevice *device, Target *target);

/* Kernels for this CPU will run on so many threads, as pool_create takes them; 0: no number is given, and the target stays as it
 * is. GPUs have no threads of the host. */
void target_use_threads(Target *target, int threads);

/* Names and help of all, for lists: index 0 .. until NULL. "cuda" itself is not among them. */
const char *target_name(int index);
const char *target_help(int index);

/* "cuda", "cuda:...": needs no lookup. */
bool               target_name_is_cuda(const char *name);
static inline bool target_is_cuda(const Target *target) { return target->warp_size > 0; }

#endif
