/* `rattan check --vectors`: one file of inputs and expected outputs. */
#ifndef RATTAN_DRIVER_CHECK_VECTORS_H
#define RATTAN_DRIVER_CHECK_VECTORS_H

#include "driver/report.h"
#include "driver/session.h"

/* Compares the kernel of each of the session's items with the file, or that of the spec in the file's metadata where
 * `from_case`: of kind forward, or, for `gradients`, of kind backward. */
Status check_vectors(Ctx *ctx, Session *session, const char *path, bool from_case, bool gradients,
                     Report *report);

#endif
