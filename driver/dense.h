/* A layer evaluated densely in float32, plainly written: every query against every key before it, row by row. What a
 * person would write first, and what `rattan bench --dense` measures the speed-up against. */
#ifndef RATTAN_DRIVER_DENSE_H
#define RATTAN_DRIVER_DENSE_H

#include "base/spec.h"
#include "driver/tensor_set.h"
#include "runtime/pool.h"

/* Inputs as for a forward kernel, not packed, without h0; q, k, v in any type. `seconds` is the time of the evaluation,
 * without the conversion to float32 and the transposition of the keys. o is [B,T,H,E]. */
Status dense_run(Ctx *ctx, const Spec *spec, const TensorSet *inputs, Pool *pool, float *o, double *seconds);
/* ST_USAGE for a spec or packed input that it does not cover. */
Status dense_check(Ctx *ctx, const Spec *spec, bool packed);

#endif
