/* The lexer of the IR's text form: positions, tokens and messages with file:line:column. Used by ir_parse.c alone.
 * Blanks are spaces and tabs; space also takes newlines and comments (# or ; to the end of the line). */
#ifndef RATTAN_IR_IR_LEX_H
#define RATTAN_IR_IR_LEX_H

#include "base/ctx.h"

typedef struct Lexer {
    Ctx        *ctx;
    const char *file, *text;
    size_t      length, at;
} Lexer;

Status lex_fail(const Lexer *lex, size_t at, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "expected <what>, found <the next characters>". */
Status lex_expected(const Lexer *lex, const char *what, const char *remedy);

char lex_peek(const Lexer *lex); /* the next character, 0 at the end (and for a 0 byte, which nothing accepts) */
void lex_blanks(Lexer *lex);
void lex_space(Lexer *lex);
bool lex_accept(Lexer *lex, char c);                    /* after blanks */
bool lex_accept_word(Lexer *lex, const char *expected); /* after blanks; the whole word */
bool lex_at_word_and(const Lexer *lex, char c);         /* a word, then c: looks ahead past space, takes nothing */

Status lex_expect(Lexer *lex, char c, const char *remedy);
Status lex_word(Lexer *lex, const char *what, const char **word); /* letter or _, then letters, digits, _ . */
Status lex_label(Lexer *lex, const char **label);                 /* %name or %12: without the % */
Status lex_int(Lexer *lex, int64_t *value);                       /* takes inf and -inf: IR_POS_INF, IR_NEG_INF */
Status lex_int_in(Lexer *lex, const char *what, int64_t min, int64_t max, int64_t *value);
Status lex_float(Lexer *lex, double *value);
Status lex_string(Lexer *lex, const char **string);

#endif
