/* Shared by the tests of the IR: parsing text that must be right, random tiles, running a kernel on them. */
#ifndef RATTAN_TESTS_IR_TESTING_H
#define RATTAN_TESTS_IR_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"

/* A plain generator, so that a failure repeats. */
static inline double random_between(double lo, double hi) {
    static uint64_t state = UINT64_C(0x2545F4914F6CDD1D);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return lo + (hi - lo) * (double)(state >> 11) * 0x1p-53;
}

static inline const char *described(const Ctx *ctx) {
    static char out[2048];
    ctx_describe(ctx, out, sizeof out);
    return out;
}

static inline Module *parse_ok(Ctx *ctx, const char *text) {
    Module *module = NULL;
    if (ir_parse(ctx, "test.ir", text, strlen(text), &module) != ST_OK)
        fail_msg("%s\n%s", described(ctx), text);
    return module;
}

enum { TILE_MAX = 1024 };

typedef struct TestTile {
    int    rows, cols;
    double data[TILE_MAX];
} TestTile;

static inline TestTile random_tile(int rows, int cols, double lo, double hi) {
    TestTile tile = {.rows = rows, .cols = cols};
    assert_true(rows * cols <= TILE_MAX);
    for (int i = 0; i < rows * cols; i++)
        tile.data[i] = random_between(lo, hi);
    return tile;
}

static inline double at(const TestTile *tile, int row, int col) { return tile->data[row * tile->cols + col]; }

static inline InterpBinding bind_tile(const char *name, TestTile *tile) {
    return (InterpBinding){.name = name, .data = tile->data, .dims = {1, 1, tile->rows, tile->cols}};
}

/* Ops seen in the kernels that were run: the coverage check of test_interp.c. */
static bool seen_ops[OP_COUNT];

static inline bool note_op(Op *op, void *arg) {
    (void)arg;
    seen_ops[op->code] = true;
    return true;
}

static inline Status run_module(Ctx *ctx, Module *module, const InterpArgs *args) {
    for (int k = 0; k < module->kernel_count; k++)
        ir_walk(module->kernels[k]->body, note_op, NULL);
    return ir_interpret(ctx, module, args);
}

/* Lines that declare tile parameter `name` and load it as value %name. */
static inline void add_operand(Text *params, Text *loads, const char *name, const TestTile *tile) {
    if (!tile)
        return;
    text_add(params, "  param %s f64 in [%d, %d]\n", name, tile->rows, tile->cols);
    text_add(loads,
             "  %%%s:f32<%dx%d> = load %%z, %%z, %%z, %%z, %%inf {param=\"%s\", rowdim=2, groupdim=-1, period=%d}\n",
             name, tile->rows, tile->cols, name, tile->rows);
}

/* Runs `body`, which uses %a %b %c (tiles), %z (0), %inf and defines %r, in a kernel that stores %r into `out`. */
static inline Status run_body(Ctx *ctx, const char *level, const char *body, TestTile *a, TestTile *b, TestTile *c,
                              TestTile *out, InterpArgs args) {
    Text          params = TEXT(ctx), loads = TEXT(ctx), text = TEXT(ctx);
    InterpBinding bindings[4] = {bind_tile("o", out)};
    TestTile     *tiles[3] = {a, b, c};
    args.binding_count = 1;
    for (int i = 0; i < 3; i++) {
        const char *name = (const char *[]){"a", "b", "c"}[i];
        add_operand(&params, &loads, name, tiles[i]);
        if (tiles[i])
            bindings[args.binding_count++] = bind_tile(name, tiles[i]);
    }
    args.bindings = bindings;
    text_add(&text, "module \"t\"\nkernel @k %s scratch=65536 {\n%s  param o f64 out [%d, %d]\n", level,
             text_str(&params), out->rows, out->cols);
    text_add(&text, "  %%z:index = iconst {value=0}\n  %%inf:index = iconst {value=inf}\n%s%s\n", text_str(&loads),
             body);
    text_add(&text, "  store %%z, %%z, %%z, %%z, %%inf, %%r {param=\"o\", rowdim=2, groupdim=-1, period=%d}\n}\n",
             out->rows);
    return run_module(ctx, parse_ok(ctx, text_str(&text)), &args);
}

static inline void check_tile(const TestTile *got, const TestTile *wanted, double tolerance, const char *what) {
    for (int r = 0; r < wanted->rows; r++)
        for (int c = 0; c < wanted->cols; c++) {
            const double x = at(got, r, c), y = at(wanted, r, c);
            const bool   same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= tolerance * (1 + fabs(y));
            if (!same)
                fail_msg("%s: element (%d, %d) is %.17g, not %.17g", what, r, c, x, y);
        }
}

#endif
