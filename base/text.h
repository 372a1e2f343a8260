/* Text: a string that grows in a Ctx's arena. Zero-initialize with TEXT(ctx). Always terminated. */
#ifndef RATTAN_BASE_TEXT_H
#define RATTAN_BASE_TEXT_H

#include "base/ctx.h"

typedef struct Text {
    Ctx   *ctx;
    char  *data;
    size_t length, capacity;
} Text;

#define TEXT(ctx) ((Text){(ctx), NULL, 0, 0})

void        text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void        text_put(Text *text, const char *string); /* as it is */
void        text_write(Text *text, const char *bytes, size_t length);
const char *text_str(const Text *text); /* "" when nothing was added */

/* Words of `source` wrapped at `width`, each new line indented. `column` is where the first word starts; ends the line. */
void text_add_wrapped(Text *text, const char *source, int column, int indent, int width);

/* Numbers in the shortest form that reads back to the same double; "inf", "-inf". */
void text_add_double(Text *text, double value);

#endif
