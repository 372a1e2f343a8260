/* Between api.c (contexts, kernels, launches) and api_spec.c (errors, specs): what the public handles hold. */
#ifndef RATTAN_DRIVER_API_H
#define RATTAN_DRIVER_API_H

#include "base/spec.h"
#include "rattan/rattan.h"

struct rattan_spec {
    Ctx          ctx; /* its arena holds all below */
    SpecFile     file;
    const char **texts; /* canonical, one an item */
};

/* Runs fn in a Ctx of its own; a failure goes to `error`. */
rattan_status api_run(Status (*fn)(Ctx *ctx, void *arg), void *arg, rattan_error *error);
/* Hands a Ctx's failure on, and its status back. */
rattan_status api_report(const Ctx *ctx, Status status, rattan_error *error);

/* Is a pointer there that a call cannot do without? Else RATTAN_USAGE goes to `error`, and `what` is its place. */
bool api_has(const void *pointer, const char *what, rattan_error *error);

Status       api_check_item(Ctx *ctx, const rattan_spec *spec, int item);
DType        api_dtype(rattan_dtype dtype); /* DT_COUNT for what is none */
rattan_dtype api_public_dtype(DType dtype);

#endif
