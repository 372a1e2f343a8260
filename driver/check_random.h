/* `rattan check --shape`: fresh random inputs against the float64 reference, and the kinds against each other. */
#ifndef RATTAN_DRIVER_CHECK_RANDOM_H
#define RATTAN_DRIVER_CHECK_RANDOM_H

#include "driver/report.h"
#include "driver/session.h"

Status check_random(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                    Report *report);

/* The same in two steps, for one kind: the inputs and the truth, which live as long as `ctx` and `shape` do; and as many
 * kernels as wanted, also in other processes, of the session's schedule and target. */
typedef struct RandomCheck RandomCheck;

Status check_random_open(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                         const RandomCheck **out);
Status check_random_kind(Ctx *ctx, const RandomCheck *check, Session *session, KernelKind kind, Report *report);

#endif
