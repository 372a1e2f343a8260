/* `rattan check --kind backward`: the gradients' kernel against the float64 reference of gradients.h, or given values.
 */
#ifndef RATTAN_DRIVER_CHECK_GRADIENTS_H
#define RATTAN_DRIVER_CHECK_GRADIENTS_H

#include "driver/report.h"
#include "driver/session.h"

/* `inputs`, of a layer and do, perhaps dfinal_state, in float32. `expected`: the gradients by their inputs' names; NULL:
 * those of the reference. offset: where the first token of a second launch stands, -1: far. The bound is that of judge.h,
 * what rounding inputs and results alone changes being the error of their type. */
Status check_gradients(Ctx *ctx, Session *session, const Spec *spec, const char *name, const TensorSet *inputs,
                       const TensorSet *expected, int64_t offset, Report *report);

/* Of fresh random inputs of a shape. */
Status check_random_gradients(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                              Report *report);

/* The same in two steps: inputs and truth, which live as long as `ctx` does; and as many kernels as wanted, also in other
 * processes, of the session's schedule and target. No gradient of the final state. */
typedef struct GradientCheck GradientCheck;

Status check_gradients_open(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                            const GradientCheck **out);
Status check_gradients_run(Ctx *ctx, const GradientCheck *check, Session *session, Report *report);

#endif
