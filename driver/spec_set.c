/* --set field=value: see spec_set.h. The spec is printed as far as its file wrote it, the field's line replaced, and the text
 * read back: so every check applies, and defaults follow. */
#include "driver/spec_set.h"

#include "frontend/frontend.h"

#include <ctype.h>
#include <string.h>

/* Whether the value is Lua as it stands; anything else is a word and gets quotes. */
static bool is_lua(const char *value) {
    return strspn(value, "0123456789+-.") > 0 || strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
           *value == '{' || *value == '"' || *value == '\'' || strncmp(value, "function", 8) == 0;
}

/* The line "  field = ..." in canonical text; NULL where there is none. */
static const char *find_line(const char *text, const char *field, size_t length) {
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *word = line + strspn(line, " ");
        if (strncmp(word, field, length) == 0 && word[length + strspn(word + length, " ")] == '=')
            return line;
    }
    return NULL;
}

static Status check_assignment(Ctx *ctx, const char *assignment, size_t *field) {
    const char *equals = strchr(assignment, '=');
    *field = equals ? (size_t)(equals - assignment) : 0;
    bool name = *field > 0;
    for (size_t i = 0; i < *field; i++)
        name = name && (isalnum((unsigned char)assignment[i]) || assignment[i] == '_');
    return name ? ST_OK
                : ctx_fail(ctx, ST_USAGE, "--set", "write FIELD=VALUE, such as window=128", "'%.60s' sets nothing",
                           assignment);
}

/* The text `before` with the assignment made. */
static Status edit(Ctx *ctx, const char *before, const char *assignment, const char **after) {
    size_t field;
    Text   text = TEXT(ctx);
    TRY(check_assignment(ctx, assignment, &field));
    const char *value = assignment + field + 1, *quote = is_lua(value) ? "" : "\"";
    const char *line = find_line(before, assignment, field), *rest = line ? strchr(line, '\n') : NULL;
    if (!line) { /* a field that was not written, or unknown: before the closing brace; loading says which */
        line = strrchr(before, '}');
        rest = ctx_printf(ctx, "\n%s", line);
    }
    text_write(&text, before, (size_t)(line - before));
    text_add(&text, "  %.*s = %s%s%s,%s", (int)field, assignment, quote, value, quote, rest);
    *after = text_str(&text);
    return ST_OK;
}

static bool assigns(const char *const *assignments, int count, const char *field) {
    const size_t length = strlen(field);
    for (int i = 0; i < count; i++)
        if (strncmp(assignments[i], field, length) == 0 && assignments[i][length] == '=')
            return true;
    return false;
}

/* A map that its file wrote as a function is printed as what it did at the old head_dim. */
static Status check_map(Ctx *ctx, const Spec *spec, const char *const *assignments, int count) {
    const bool traced = !spec->full && spec->map.sized && strcmp(spec->map.name, "custom") == 0;
    if (!traced || !assigns(assignments, count, "head_dim") || assigns(assignments, count, "feature_map"))
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, "--set: head_dim", "write it into the spec, or set feature_map as well",
                    "the spec's feature map asks for the length of its vectors, which would stay that of head_dim = %d",
                    spec->head_dim);
}

/* "--set:7: window": the user has not seen the text whose line that is. */
static Status without_line(Ctx *ctx) {
    static const char SET[] = "--set:";
    char *const       number = ctx->place + strlen(SET);
    const size_t      digits = strncmp(ctx->place, SET, strlen(SET)) == 0 ? strspn(number, "0123456789") : 0;
    if (digits && number[digits] == ':')
        return ctx_place(ctx, ctx_printf(ctx, "%s%s", SET, number + digits + 1));
    return digits && !number[digits] ? ctx_place(ctx, "--set") : ctx->status;
}

Status spec_set(Ctx *ctx, const Spec *spec, const char *const *assignments, int count, Spec *out) {
    Text     written = TEXT(ctx);
    SpecFile file;
    if (count == 0) {
        *out = *spec;
        return ST_OK;
    }
    TRY(check_map(ctx, spec, assignments, count));
    spec_print_written(&written, spec);
    const char *text = text_str(&written);
    for (int i = 0; i < count; i++)
        TRY(edit(ctx, text, assignments[i], &text));
    if (spec_load_text(ctx, "--set", text, strlen(text), &file) != ST_OK)
        return without_line(ctx);
    *out = file.items[0].spec;
    return ST_OK;
}
