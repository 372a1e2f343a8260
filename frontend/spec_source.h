/* Where a value of a spec was written: for the places of errors. */
#ifndef RATTAN_FRONTEND_SPEC_SOURCE_H
#define RATTAN_FRONTEND_SPEC_SOURCE_H

#include "base/ctx.h"

typedef struct SpecSource {
    const char *file; /* as messages show it */
    const char *text; /* of the whole spec; NULL: not at hand */
    size_t      length;
    int         line;  /* of the constructor's call; 0: not known */
    const char *form;  /* "rattention", "attention", "model" */
    const char *label; /* of a sweep's point; NULL or "": none */
} SpecSource;

/* "spec.lua:4: rope.theta": the line on which the table of the constructor called at source->line sets the field; the
 * call's own line where the field is not found there; without a line where that is not known either. `field` may be
 * NULL. */
const char *spec_place(Ctx *ctx, const SpecSource *source, const char *field);

/* The text in quotes, cut where it is long, with ? for what does not print. */
const char *spec_clip(Ctx *ctx, const char *text, size_t length);

/* The line of the field, 0 where it is not found. */
int spec_field_line(const SpecSource *source, const char *field);

#endif
