/* Growing strings: see text.h. */
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 32 };

static void reserve(Text *text, size_t more) {
    const size_t need = text->length + more + 1;
    if (need <= text->capacity)
        return;
    const size_t grown = need > 2 * text->capacity ? need + 64 : 2 * text->capacity;
    text->data = ctx_realloc(text->ctx, text->data, text->length, grown);
    text->capacity = grown;
}

void text_write(Text *text, const char *bytes, size_t length) {
    reserve(text, length);
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_put(Text *text, const char *string) { text_write(text, string, strlen(string)); }

/* Most pieces are short: they are written where there is room, and once more only where there was too little. */
void text_add(Text *text, const char *format, ...) {
    va_list args, again;
    if (!strchr(format, '%')) {
        text_put(text, format);
        return;
    }
    va_start(args, format);
    va_copy(again, args);
    reserve(text, SHORT);
    const size_t room = text->capacity - text->length;
    const int    length = vsnprintf(text->data + text->length, room, format, args);
    va_end(args);
    if (length > 0 && (size_t)length >= room) {
        reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    }
    text->length += length > 0 ? (size_t)length : 0;
    text->data[text->length] = '\0';
    va_end(again);
}

const char *text_str(const Text *text) { return text->data ? text->data : ""; }

void text_add_double(Text *text, double value) {
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value || isnan(value))
            break;
    }
    for (char *c = digits; *c; c++)
        if (*c == ',') /* the decimal point of the program's locale */
            *c = '.';
    text_put(text, digits);
}

void text_add_wrapped(Text *text, const char *source, int column, int indent, int width) {
    while (*source) {
        const int length = (int)strcspn(source, " ");
        if (column > indent && column + 1 + length > width) {
            text_add(text, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            text_add(text, " ");
            column++;
        }
        text_write(text, source, (size_t)length);
        column += length;
        source += length;
        source += strspn(source, " ");
    }
    text_add(text, "\n");
}
