/* --set field=value: a spec with another value in one field, checked like any spec. */
#ifndef RATTAN_DRIVER_SPEC_SET_H
#define RATTAN_DRIVER_SPEC_SET_H

#include "base/spec.h"

/* "window=128", "dtype=bf16", "norm=false", "rope={ theta = 10000, style = \"half\" }". `out` may be `spec`. */
Status spec_set(Ctx *ctx, const Spec *spec, const char *assignment, Spec *out);

#endif
