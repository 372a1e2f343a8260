/* A launch's arguments: from the caller's tensors to checked sizes and the block that the code reads. */
#ifndef RATTAN_RUNTIME_LAUNCH_ARGS_H
#define RATTAN_RUNTIME_LAUNCH_ARGS_H

#include "runtime/executable.h"

enum {
    LAUNCH_MAX_PARAMS = 64,
    LAUNCH_ARGS = 5 * LAUNCH_MAX_PARAMS + SYM_COUNT + 1,
    LAUNCH_MAX_PHASES = 32,
    LAUNCH_MAX_SLICES = 1024
};

typedef struct LaunchSizes {
    int64_t syms[SYM_COUNT];
    int64_t slices;     /* of the heads, one behind another */
    int64_t work_bytes; /* of all PARAM_WORK together */
} LaunchSizes;

/* A code object that a launch can serve: at most LAUNCH_MAX_PARAMS, with a 4-dim "q", phases and maps as code_object.h
 * has them. Else ST_INTEGRITY. */
Status launch_check_object(Ctx *ctx, const CodeObject *object);

/* Binds the Syms to the tensors' dims and checks dtypes, ranks, dims, strides. `tensors`: one for each parameter that is
 * not PARAM_WORK, in order. Data is not looked at. */
Status launch_bind(Ctx *ctx, const CodeObject *object, const Tensor *tensors, int64_t position, LaunchSizes *sizes);

/* Whether a launch of these sizes has an output with elements: where it has none, it need not run. */
bool launch_writes(const CodeObject *object, const LaunchSizes *sizes);

/* Checks what the data pointers say: present, aligned, no output over another tensor. */
Status launch_check_data(Ctx *ctx, const CodeObject *object, const Tensor *tensors);

/* Checks the contents of cu_seqlens, slots and pos. `marks`: P bits, zero before and after. */
Status launch_check_indices(Ctx *ctx, const CodeObject *object, const Tensor *tensors, const LaunchSizes *sizes, uint64_t *marks);

/* Writes the args block up to the Syms; `work` is 64-byte aligned memory of work_bytes. */
void launch_fill(const CodeObject *object, const Tensor *tensors, const LaunchSizes *sizes, uint8_t *work, int64_t *args);

/* A block as launch_fill leaves it becomes that of slice number `slice` of the heads. */
void launch_slice(const CodeObject *object, const LaunchSizes *sizes, int slice, int64_t *args);

/* A dim of a CodePhase, or of a parameter that callers have, as a number; and dim d of any, of PARAM_WORK one slice's. */
int64_t launch_dim(const LaunchSizes *sizes, int64_t dim);
int64_t launch_param_dim(const LaunchSizes *sizes, const CodeParam *param, int d);

/* ---- tensor_memory.c ------------------------------------------------------------------------------------------- */
/* Bytes from the first to behind the last element; 0 without elements; -1 where that does not fit 63 bits. */
int64_t tensor_extent(const Tensor *tensor);
/* Whether two elements of a tensor share memory, or may: dims must nest, each stride beyond all that smaller strides reach. */
bool tensor_overlaps_itself(const Tensor *tensor);
/* Whether two tensors share memory, or may. Interleaved ones (columns of one buffer) are seen to be apart. */
bool tensors_overlap(const Tensor *a, const Tensor *b);

#endif
