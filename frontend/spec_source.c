/* Places of errors. The line of a constructor's call comes from Lua; Lua keeps no lines for the fields of a table, so
 * that the text is searched again, token by token, for `field =` inside the braces of that call: see spec_source.h.
 *
 * Always: reads nothing beyond the text's length, whatever the text is. */
#include "frontend/spec_source.h"

#include <ctype.h>
#include <string.h>

typedef struct Scan {
    const char *at, *end;
    int         line;
} Scan;

typedef enum TokenKind { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_MARK } TokenKind;

typedef struct Token {
    TokenKind   kind;
    const char *text;
    size_t      length;
    int         line;
} Token;

static bool is(const Token *token, const char *text) {
    return token->kind != TOKEN_STRING && token->length == strlen(text) &&
           memcmp(token->text, text, token->length) == 0;
}

static void advance(Scan *scan, size_t count) {
    for (; count > 0 && scan->at < scan->end; count--)
        scan->line += *scan->at++ == '\n';
}

static bool starts(const Scan *scan, const char *prefix) {
    const size_t length = strlen(prefix);
    return (size_t)(scan->end - scan->at) >= length && memcmp(scan->at, prefix, length) == 0;
}

/* Passes "[==[ ... ]==]"; false: no long bracket stands here. */
static bool skip_long_bracket(Scan *scan) {
    Scan try = *scan;
    if (!starts(&try, "["))
        return false;
    advance(&try, 1);
    int level = 0;
    for (; starts(&try, "="); level++)
        advance(&try, 1);
    if (!starts(&try, "["))
        return false;
    for (int closing = -1; try.at < try.end; advance(&try, 1)) {
        if (*try.at == ']' && closing == level)
            break;
        closing = *try.at == ']' ? 0 : *try.at == '=' && closing >= 0 ? closing + 1 : -1;
    }
    advance(&try, 1);
    *scan = try;
    return true;
}

static void skip_space(Scan *scan) {
    while (scan->at < scan->end) {
        if (starts(scan, "--")) {
            advance(scan, 2);
            if (!skip_long_bracket(scan))
                while (scan->at < scan->end && *scan->at != '\n')
                    advance(scan, 1);
        } else if (isspace((unsigned char)*scan->at)) {
            advance(scan, 1);
        } else {
            return;
        }
    }
}

static void skip_string(Scan *scan) {
    const char quote = *scan->at;
    advance(scan, 1);
    while (scan->at < scan->end && *scan->at != quote && *scan->at != '\n')
        advance(scan, *scan->at == '\\' ? 2 : 1);
    advance(scan, 1);
}

static Token next_token(Scan *scan) {
    skip_space(scan);
    Token token = {TOKEN_END, scan->at, 0, scan->line};
    if (scan->at == scan->end)
        return token;
    if (*scan->at == '"' || *scan->at == '\'') {
        token.kind = TOKEN_STRING;
        skip_string(scan);
    } else if (skip_long_bracket(scan)) {
        token.kind = TOKEN_STRING;
    } else if (isalnum((unsigned char)*scan->at) || *scan->at == '_') {
        token.kind = TOKEN_NAME;
        while (scan->at < scan->end && (isalnum((unsigned char)*scan->at) || *scan->at == '_'))
            advance(scan, 1);
    } else {
        token.kind = TOKEN_MARK;
        const bool two = starts(scan, "==") || starts(scan, "~=") || starts(scan, "<=") || starts(scan, ">=");
        advance(scan, two ? 2 : 1);
    }
    token.length = (size_t)(scan->at - token.text);
    return token;
}

/* How a token changes the depth of braces and of `function ... end` blocks. */
static int nesting(const Token *token) {
    static const char *const open[] = {"{", "(", "[", "function", "if", "do", "repeat"};
    static const char *const close[] = {"}", ")", "]", "end", "until"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (is(token, open[i]))
            return 1;
    for (size_t i = 0; i < sizeof close / sizeof *close; i++)
        if (is(token, close[i]))
            return -1;
    return 0;
}

/* With the scan behind a `{`: finds `name =` in that table, leaves the scan behind the `=`; 0: not there. */
static int find_key(Scan *scan, const char *name, size_t length) {
    bool first = true; /* of an entry */
    for (int depth = 1; depth > 0;) {
        const Token token = next_token(scan);
        if (token.kind == TOKEN_END)
            return 0;
        if (depth == 1 && first && token.kind == TOKEN_NAME && token.length == length &&
            !memcmp(token.text, name, length)) {
            Scan        behind = *scan;
            const Token equals = next_token(&behind);
            if (is(&equals, "=")) {
                *scan = behind;
                return token.line;
            }
        }
        depth += nesting(&token);
        first = depth == 1 && (is(&token, ",") || is(&token, ";"));
    }
    return 0;
}

/* With the scan behind the constructor's name. */
static int find_field(Scan *scan, const char *field) {
    Token token = next_token(scan);
    if (is(&token, "("))
        token = next_token(scan);
    int line = 0;
    for (const char *part = field; is(&token, "{");) {
        const size_t length = strcspn(part, ".");
        const int    found = find_key(scan, part, length);
        line = found ? found : line;
        if (!found || !part[length])
            break;
        part += length + 1;
        token = next_token(scan);
    }
    return line;
}

int spec_field_line(const SpecSource *source, const char *field) {
    if (!source->text || source->line <= 0 || !source->form)
        return 0;
    Scan scan = {source->text, source->text + source->length, 1};
    for (;;) {
        const Token token = next_token(&scan);
        if (token.kind == TOKEN_END || token.line > source->line)
            return 0;
        if (token.line != source->line || !is(&token, source->form))
            continue;
        Scan      inside = scan;
        const int line = find_field(&inside, field);
        if (line)
            return line;
    }
}

const char *spec_place(Ctx *ctx, const SpecSource *source, const char *field) {
    const int         found = field ? spec_field_line(source, field) : 0;
    const int         line = found ? found : source->line;
    const char *const where = line > 0 ? ctx_printf(ctx, "%s:%d", source->file, line) : source->file;
    const char *const named = field ? ctx_printf(ctx, "%s: %s", where, field) : where;
    return source->label && *source->label ? ctx_printf(ctx, "%s (at %s)", named, source->label) : named;
}

const char *spec_clip(Ctx *ctx, const char *text, size_t length) {
    enum { SHOWN = 48 };
    char *clipped =
        ctx_printf(ctx, "\"%.*s%s\"", (int)(length > SHOWN ? SHOWN : length), text, length > SHOWN ? "..." : "");
    for (char *c = clipped; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
    return clipped;
}
