/* The bytes that carry specs, or an error, from the sandbox's child process to its parent.
 *
 * Always: spec_wire_read trusts nothing: every length is checked against what is there, every value goes through the
 * checks of spec_fields.h, so that a Spec read here is as good as one built here. Both ends are the same program on the
 * same machine: numbers are in its byte order. */
#ifndef RATTAN_FRONTEND_SPEC_WIRE_H
#define RATTAN_FRONTEND_SPEC_WIRE_H

#include "frontend/spec_source.h"
#include "base/spec.h"
#include "base/text.h"

/* ctx->status and the error in ctx, or the specs. */
void spec_wire_write(Text *bytes, const Ctx *ctx, const SpecFile *file);

/* Fills `out`, or fails as the child did. */
Status spec_wire_read(Ctx *ctx, const SpecSource *source, const char *bytes, size_t length, SpecFile *out);

#endif
