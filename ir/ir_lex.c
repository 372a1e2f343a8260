/* The lexer of the IR's text form: see ir_lex.h. Never reads past `length`. */
#include "ir/ir_lex.h"

#include "base/text.h"
#include "ir/ir.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Status lex_fail(const Lexer *lex, size_t at, const char *remedy, const char *format, ...) {
    char    place[256], message[512];
    int     line = 1, column = 1;
    va_list args;
    for (size_t i = 0; i < at && i < lex->length; i++) {
        column = lex->text[i] == '\n' ? 1 : column + 1;
        line += lex->text[i] == '\n';
    }
    snprintf(place, sizeof place, "%s:%d:%d", lex->file, line, column);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ctx_fail(lex->ctx, ST_USAGE, place, remedy, "%s", message);
}

Status lex_expected(const Lexer *lex, const char *what, const char *remedy) {
    char found[24] = "";
    int  n = 0;
    for (size_t i = lex->at; i < lex->length && n < 16 && isgraph((unsigned char)lex->text[i]); i++)
        found[n++] = lex->text[i];
    found[n] = '\0';
    if (n > 0)
        return lex_fail(lex, lex->at, remedy, "expected %s, found \"%s\"", what, found);
    const bool        end = lex->at >= lex->length;
    const char *const place = end                          ? "the end of the text"
                              : lex->text[lex->at] == '\n' ? "the end of the line"
                                                           : "something else";
    return lex_fail(lex, lex->at, remedy, "expected %s, found %s", what, place);
}

char lex_peek(const Lexer *lex) { return lex->at < lex->length ? lex->text[lex->at] : '\0'; }

void lex_blanks(Lexer *lex) {
    while (lex_peek(lex) == ' ' || lex_peek(lex) == '\t')
        lex->at++;
}

void lex_space(Lexer *lex) {
    for (;;) {
        const char c = lex_peek(lex);
        if (c == '#' || c == ';')
            while (lex->at < lex->length && lex->text[lex->at] != '\n')
                lex->at++;
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            lex->at++;
        else
            return;
    }
}

bool lex_accept(Lexer *lex, char c) {
    lex_blanks(lex);
    if (lex_peek(lex) != c)
        return false;
    lex->at++;
    return true;
}

static bool is_first(char c) { return isalpha((unsigned char)c) || c == '_'; }
static bool is_next(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

static size_t word_length(const Lexer *lex) {
    size_t n = 0;
    while (lex->at + n < lex->length && is_next(lex->text[lex->at + n]))
        n++;
    return n;
}

bool lex_accept_word(Lexer *lex, const char *expected) {
    lex_blanks(lex);
    const size_t n = word_length(lex);
    if (n != strlen(expected) || memcmp(lex->text + lex->at, expected, n) != 0)
        return false;
    lex->at += n;
    return true;
}

bool lex_at_word_and(const Lexer *lex, char c) {
    Lexer ahead = *lex;
    lex_space(&ahead);
    if (!is_first(lex_peek(&ahead)))
        return false;
    ahead.at += word_length(&ahead);
    lex_blanks(&ahead);
    return lex_peek(&ahead) == c;
}

Status lex_expect(Lexer *lex, char c, const char *remedy) {
    lex_space(lex);
    if (lex_accept(lex, c))
        return ST_OK;
    return lex_expected(lex, (const char[]){'"', c, '"', '\0'}, remedy);
}

Status lex_word(Lexer *lex, const char *what, const char **word) {
    lex_blanks(lex);
    if (!is_first(lex_peek(lex)))
        return lex_expected(lex, what, NULL);
    const size_t n = word_length(lex);
    *word = ctx_strndup(lex->ctx, lex->text + lex->at, n);
    lex->at += n;
    return ST_OK;
}

Status lex_label(Lexer *lex, const char **label) {
    lex_blanks(lex);
    if (!lex_accept(lex, '%'))
        return lex_expected(lex, "a value", "values are written %name or %12");
    const size_t n = word_length(lex);
    bool         digits = true;
    for (size_t i = 0; i < n; i++)
        digits = digits && isdigit((unsigned char)lex->text[lex->at + i]);
    if (n == 0 || !(digits || is_first(lex_peek(lex))))
        return lex_expected(lex, "a name after %", "values are written %name or %12");
    *label = ctx_strndup(lex->ctx, lex->text + lex->at, n);
    lex->at += n;
    return ST_OK;
}

static bool read_digits(Lexer *lex, bool negative, int64_t *value) {
    int64_t n = 0;
    for (; isdigit((unsigned char)lex_peek(lex)); lex->at++) {
        const int digit = lex_peek(lex) - '0';
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, negative ? -digit : digit, &n))
            return false;
    }
    *value = n;
    return true;
}

Status lex_int(Lexer *lex, int64_t *value) {
    lex_blanks(lex);
    const size_t start = lex->at;
    const bool   negative = lex_accept(lex, '-');
    if (lex_accept_word(lex, "inf")) {
        *value = negative ? IR_NEG_INF : IR_POS_INF;
        return ST_OK;
    }
    if (!isdigit((unsigned char)lex_peek(lex)))
        return lex_expected(lex, "a whole number", NULL);
    if (!read_digits(lex, negative, value))
        return lex_fail(lex, start, "64 bits hold 9223372036854775807 at most", "the number is too large");
    return ST_OK;
}

Status lex_int_in(Lexer *lex, const char *what, int64_t min, int64_t max, int64_t *value) {
    lex_blanks(lex);
    const size_t start = lex->at;
    char         range[80];
    TRY(lex_int(lex, value));
    snprintf(range, sizeof range, "use %lld to %lld", (long long)min, (long long)max);
    if (*value < min || *value > max)
        return lex_fail(lex, start, range, "%s is %lld", what, (long long)*value);
    return ST_OK;
}

/* strtod needs a terminated copy; no double that was printed is longer. */
Status lex_float(Lexer *lex, double *value) {
    char   digits[64];
    size_t n = 0;
    char  *end;
    lex_blanks(lex);
    while (n + 1 < sizeof digits && lex->at + n < lex->length &&
           (isalnum((unsigned char)lex->text[lex->at + n]) || strchr("+-.", lex->text[lex->at + n])) &&
           lex->text[lex->at + n] != '\0') {
        digits[n] = lex->text[lex->at + n];
        n++;
    }
    digits[n] = '\0';
    *value = strtod(digits, &end);
    if (n == 0 || *end)
        return lex_expected(lex, "a number", "write it as 1.5, 1e-8, inf, -inf or nan");
    lex->at += n;
    return ST_OK;
}

static int hex_digit(char c) {
    if (!isxdigit((unsigned char)c))
        return -1;
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* One character of a string, escapes resolved: \" \\ \xHH. */
static Status string_char(Lexer *lex, char *c) {
    *c = lex->text[lex->at++];
    if (*c != '\\')
        return ST_OK;
    *c = lex_peek(lex);
    lex->at++;
    if (*c == '"' || *c == '\\')
        return ST_OK;
    const int high = lex->at + 1 < lex->length ? hex_digit(lex->text[lex->at]) : -1;
    const int low = lex->at + 1 < lex->length ? hex_digit(lex->text[lex->at + 1]) : -1;
    if (*c != 'x' || high < 0 || low < 0 || high + low == 0)
        return lex_fail(lex, lex->at - 1, "escapes are \\\", \\\\ and \\xHH (not 00)", "unknown escape in a string");
    *c = (char)(high * 16 + low);
    lex->at += 2;
    return ST_OK;
}

Status lex_string(Lexer *lex, const char **string) {
    Text text = TEXT(lex->ctx);
    lex_blanks(lex);
    const size_t start = lex->at;
    if (!lex_accept(lex, '"'))
        return lex_expected(lex, "a string", "strings stand in double quotes");
    while (lex_peek(lex) != '"') {
        char c;
        if (lex->at >= lex->length || lex_peek(lex) == '\n' || lex_peek(lex) == '\0')
            return lex_fail(lex, start, "end it with a double quote on the same line", "the string has no end");
        TRY(string_char(lex, &c));
        text_write(&text, &c, 1);
    }
    lex->at++;
    *string = text_str(&text);
    return ST_OK;
}
