/* A cubin as text: what `--emit sass` shows. */
#ifndef RATTAN_DRIVER_SASS_H
#define RATTAN_DRIVER_SASS_H

#include "base/ctx.h"

/* Asks nvdisasm of the CUDA toolkit: on the path, under $CUDA_HOME, or in its usual folder. ST_FAILED with a remedy
 * without it. */
Status sass_disassemble(Ctx *ctx, const uint8_t *cubin, size_t size, const char **text);

#endif
