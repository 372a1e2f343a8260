/* Writes archives in GNU's form: see archive.h. Members have no time, no owner and the mode 644, as `ar D` writes them.
 */
#include "driver/archive.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char MAGIC[] = "!<arch>\n";

static void add_head(Text *text, const char *name, size_t size) {
    text_add(text, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 0, 0, 0, "100644", size);
}

static void add_big_endian(Text *text, uint32_t number) {
    const char bytes[4] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number};
    text_write(text, bytes, sizeof bytes);
}

static void add_member(Text *text, const char *name, const void *bytes, size_t size) {
    add_head(text, name, size);
    text_write(text, bytes, size);
    if (size % 2)
        text_write(text, "\n", 1);
}

/* How many symbols, where the member of each begins, their names. */
static void add_index(Text *text, const char *const *symbols, int count, size_t behind) {
    Text names = TEXT(text->ctx), index = TEXT(text->ctx);
    for (int s = 0; s < count; s++)
        text_write(&names, symbols[s], strlen(symbols[s]) + 1);
    const size_t size = 4 + 4 * (size_t)count + names.length;
    const size_t member = strlen(MAGIC) + 60 + size + size % 2 + behind;
    add_big_endian(&index, (uint32_t)count);
    for (int s = 0; s < count; s++)
        add_big_endian(&index, (uint32_t)member);
    text_write(&index, text_str(&names), names.length);
    add_member(text, "/", text_str(&index), index.length);
}

/* The table of names that do not fit the head of a member. */
static void add_names(Text *text, const char *member) {
    const char *names = ctx_printf(text->ctx, "%s/\n", member);
    add_member(text, "//", names, strlen(names));
}

void archive_write(Ctx *ctx, const char *member, const uint8_t *object, size_t object_size, const char *const *symbols,
                   int symbol_count, uint8_t **bytes, size_t *size) {
    Text text = TEXT(ctx), names = TEXT(ctx);
    add_names(&names, member);
    text_write(&text, MAGIC, strlen(MAGIC));
    add_index(&text, symbols, symbol_count, names.length);
    text_write(&text, text_str(&names), names.length);
    add_member(&text, "/0", object, object_size);
    *bytes = (uint8_t *)text.data;
    *size = text.length;
}
