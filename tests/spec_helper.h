/* What the tests of specs share: a Ctx, loading from text, and reading a feature map with given numbers. */
#ifndef RATTAN_TESTS_SPEC_HELPER_H
#define RATTAN_TESTS_SPEC_HELPER_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/frontend.h"

typedef struct Load {
    const char *file, *text;
    size_t      length;
    SpecFile    out;
} Load;

static Status load_in_ctx(Ctx *ctx, void *arg) {
    Load *load = arg;
    if (!load->text)
        return spec_load_file(ctx, load->file, &load->out);
    return spec_load_text(ctx, load->file, load->text, load->length, &load->out);
}

/* `text` NULL: reads the file. The caller frees the Ctx. */
static inline Status load_spec(Ctx *ctx, const char *file, const char *text, size_t length, SpecFile *out) {
    Load load = {.file = file, .text = text, .length = length};
    ctx_init(ctx);
    const Status status = ctx_run(ctx, load_in_ctx, &load);
    *out = load.out;
    return status;
}

/* Loads what must load. */
static inline SpecFile load_good(Ctx *ctx, const char *file, const char *text) {
    SpecFile     out;
    char         error[2048];
    const Status status = load_spec(ctx, file, text, text ? strlen(text) : 0, &out);
    ctx_describe(ctx, error, sizeof error);
    if (status != ST_OK)
        fail_msg("%s", error);
    return out;
}

static const char good[] =
    "-- a spec with everything\n"
    "local function f(x) return concat(softmax(x), relu(-x) * 0.5) end\n"
    "return rattention {\n"
    "  name = \"good\", heads = 6, kv_heads = 3, head_dim = 22, value_dim = 17, window = 13,\n"
    "  feature_map = f, rope = { theta = 12345.5, style = 'half' }, scale = 0.3, softcap = 5,\n"
    "  sink = true, qk_scale = true, initial_state = \"input\", norm = { kind = [[rms]], eps = 1e-6 },\n"
    "}\n";

/* Loads text whose status alone matters; an error must be one line. */
static inline Status load_bytes(const char *text, size_t length) {
    Ctx          ctx;
    SpecFile     file;
    const Status status = load_spec(&ctx, "x.lua", text, length, &file);
    assert_int_equal(status, ctx.status);
    if (status != ST_OK) {
        assert_true(ctx.message[0] != '\0');
        assert_null(strpbrk(ctx.message, "\n\r\t"));
        assert_null(strpbrk(ctx.place, "\n\r\t"));
    }
    ctx_free(&ctx);
    return status;
}

typedef struct Print {
    const Spec *spec;
    const char *text;
} Print;

static Status print_in_ctx(Ctx *ctx, void *arg) {
    Print *print = arg;
    Text   text = TEXT(ctx);
    spec_print(&text, print->spec);
    print->text = text_str(&text);
    return ST_OK;
}

static inline const char *print_spec(Ctx *ctx, const Spec *spec) {
    Print print = {spec, NULL};
    assert_int_equal(ctx_run(ctx, print_in_ctx, &print), ST_OK);
    return print.text;
}

/* splitmix64, to [-2, 2): the same numbers on every machine. */
static inline double random_value(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-51 - 2;
}

#endif
