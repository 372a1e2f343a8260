/* `rattan check --shape`: fresh random inputs against the float64 reference, and the kinds against each other. */
#ifndef RATTAN_DRIVER_CHECK_RANDOM_H
#define RATTAN_DRIVER_CHECK_RANDOM_H

#include "driver/report.h"
#include "driver/session.h"

Status check_random(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                    Report *report);

#endif
