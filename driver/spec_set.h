/* --set field=value: a spec with other values in some fields, checked like any spec. */
#ifndef RATTAN_DRIVER_SPEC_SET_H
#define RATTAN_DRIVER_SPEC_SET_H

#include "base/spec.h"

/* Each "window=128", "dtype=bf16", "norm=false" or "rope={ theta = 10000, style = \"half\" }", made one after the
 * other; the result is checked once. What the spec's file left to a default follows the new values: value_dim and scale
 * head_dim, kv_heads heads. A map that may have constants of head_dim cannot follow: ST_USAGE. `out` may be `spec`. */
Status spec_set(Ctx *ctx, const Spec *spec, const char *const *assignments, int count, Spec *out);

#endif
