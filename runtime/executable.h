/* Executable: a CodeObject loaded into this process and ready to launch. */
#ifndef RATTAN_RUNTIME_EXECUTABLE_H
#define RATTAN_RUNTIME_EXECUTABLE_H

#include "base/code_object.h"
#include "runtime/pool.h"

/* A view of the caller's memory. Strides in elements; the last dim's must be 1 (or the dim be 1). data NULL: absent. */
typedef struct Tensor {
    void   *data;
    DType   dtype;
    int     rank;
    int64_t dims[4], strides[4];
} Tensor;

typedef struct Executable Executable;

/* Takes over nothing: the object stays the caller's and must outlive the executable. ST_NO_DEVICE if this machine lacks a feature. */
Status executable_load(Ctx *ctx, const CodeObject *object, Executable **out);
void   executable_free(Executable *executable);
const CodeObject *executable_object(const Executable *executable);

/* One Tensor for each parameter of the code object that is not PARAM_WORK, in order. Checks dtypes, ranks, dims against each
 * other and the strides (messages name the parameter, what it has and what it should have); makes scratch and work memory,
 * and starts the pool's threads. */
Status executable_prepare(Ctx *ctx, Executable *executable, Pool *pool, const Tensor *args);
/* prepare + run; allocates nothing where prepare has seen the shape before. Safe from several threads at once. */
Status executable_launch(Ctx *ctx, Executable *executable, Pool *pool, const Tensor *args, int64_t position);
/* Bytes of scratch and work memory that launches of this shape need, all threads together. */
Status executable_memory(Ctx *ctx, const Executable *executable, const Pool *pool, const Tensor *args, int64_t *bytes);

#endif
