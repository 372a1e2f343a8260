/* The spec of a reference vector: the `case` entry of a safetensors file's metadata, turned into Lua text and read like
 * any spec. */
#ifndef RATTAN_DRIVER_GOLDEN_SPEC_H
#define RATTAN_DRIVER_GOLDEN_SPEC_H

#include "base/spec.h"
#include "driver/safetensors.h"

/* Lua text of the spec in the metadata; *text is NULL where there is none. */
Status golden_spec_text(Ctx *ctx, const char *path, const SafeFile *file, const char **text);

/* Whether two specs mean the same layer, names and dtypes aside; otherwise an error that names the first field in which
 * the spec given differs from the case's. */
Status golden_spec_agree(Ctx *ctx, const char *path, const Spec *given, const Spec *of_case);

#endif
