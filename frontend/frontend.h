/* The frontend: Lua spec files to Specs, and Specs to loop IR. */
#ifndef RATTAN_FRONTEND_FRONTEND_H
#define RATTAN_FRONTEND_FRONTEND_H

#include "base/spec.h"
#include "base/text.h"
#include "ir/ir.h"

/* Reads, evaluates (in a child process: see sandbox.c) and checks a spec. `file` names the text in messages. */
Status spec_load_file(Ctx *ctx, const char *path, SpecFile *out);
Status spec_load_text(Ctx *ctx, const char *file, const char *text, size_t length, SpecFile *out);

/* Canonical text: every field with its value, one a line, Lua syntax that loads back to the same spec; a feature map that
 * is not built in is printed as its traced expression, one that is built in as its name with the expression as a comment.
 * Equal specs print equally: cache keys hash it. */
void spec_print(Text *text, const Spec *spec);
/* The same without the fields that the file left to their defaults, but for the name: text to be edited, in which value_dim and
 * scale still follow head_dim, and kv_heads heads, unless the file wrote them. */
void spec_print_written(Text *text, const Spec *spec);

/* The fields with their types, defaults and meanings, for the manual page and --help. */
void spec_fields_help(Text *text);

/* Loop IR of a kind: one file each under kinds/. `ring_rows` (decode, extend): rows of the rings, at least the
 * window, with a fold window + L. */
Status kind_build(Ctx *ctx, const Spec *spec, KernelKind kind, int variant, int64_t ring_rows, Module **out);

#endif
