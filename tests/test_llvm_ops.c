/* link: rattan_llvm rattan_runtime */
/* The CPU back end op by op: small kernels over many shapes on every target that runs here, against the interpreter. */
#include "tests/llvm_case.h"

static const int WIDTHS[] = {1, 2, 5, 16, 17, 40, 128, 137, 200, 256};
enum { WIDTH_COUNT = sizeof WIDTHS / sizeof *WIDTHS };

/* What the current case is about: bodies take no other arguments. */
static struct {
    int     rows, cols, other, inner, period, style, trim, ta;
    OpCode  op;
    DType   dtype;
    bool    acc, scale, region, down;
    int64_t position;
} now;

static const char *const TARGETS[] = {"host", "x86-64-v3", "x86-64-v4", "aarch64"};
enum { TARGET_COUNT = sizeof TARGETS / sizeof *TARGETS };

/* Most of the time is LLVM's, in which sanitizers see nothing: there each seed has one target. */
static bool is_drawn(int target, uint64_t seed) {
#ifdef __SANITIZE_ADDRESS__
    return seed % TARGET_COUNT == (uint64_t)target;
#else
    (void)target, (void)seed;
    return true;
#endif
}

/* Runs a body on every target; on emulated ones for one seed in `sparse` only. */
static void on_targets(const char *name, CaseBody *body, uint64_t seed, uint64_t sparse, double tolerance) {
    for (int t = 0; t < TARGET_COUNT; t++) {
        if (!is_drawn(t, seed))
            continue;
        if (!case_target_runs(TARGETS[t]))
            continue;
        Case c;
        case_open(&c, TARGETS[t], name, seed);
        c.tolerance = tolerance;
        if (!c.target.native && seed % sparse != 0) {
            ctx_free(&c.ctx);
            continue;
        }
        case_check(&c, body);
    }
}

/* ---- Elementwise ---- */
static void unary_body(Case *c) {
    if (now.op == OP_LOG || now.op == OP_SQRT || now.op == OP_RSQRT)
        c->low = 0.01;
    if (now.op == OP_EXP || now.op == OP_EXP2 || now.op == OP_SIGMOID)
        c->low = -20, c->high = 9;
    Value *x = case_in(c, now.rows, now.cols);
    case_out(c, ir_unary(&c->b, now.op, x));
}

static void test_unary(void **state) {
    (void)state;
    static const OpCode OPS[] = {OP_NEG,  OP_EXP, OP_EXP2, OP_LOG,   OP_TANH,   OP_SIGMOID,
                                 OP_RELU, OP_STEP, OP_ABS, OP_SQRT, OP_RSQRT, OP_ROWSUM, OP_ROWMAX};
    uint64_t            seed = 0;
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++)
        for (int w = 0; w < WIDTH_COUNT; w++) {
            now.op = OPS[i], now.rows = w % 3 + 1, now.cols = WIDTHS[w];
            on_targets(op_info(OPS[i])->name, unary_body, seed++, 5, OPS[i] == OP_ROWSUM ? 2e-5 : 1e-6);
        }
}

static void binary_body(Case *c) {
    if (now.op == OP_DIV)
        c->low = 0.5;
    Value *x = case_in(c, now.rows, now.cols), *y = case_in(c, now.rows, now.cols);
    Value *row = case_in(c, 1, now.cols), *column = case_in(c, now.rows, 1), *one = case_in(c, 1, 1);
    Value *sum = ir_binary(&c->b, now.op, x, y);
    sum = ir_binary(&c->b, now.op, row, sum);
    sum = ir_binary(&c->b, now.op, sum, column);
    case_out(c, ir_binary(&c->b, now.op, one, sum));
}

static void test_binary(void **state) {
    (void)state;
    static const OpCode OPS[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MAX, OP_MIN};
    uint64_t            seed = 0;
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++)
        for (int w = 0; w < WIDTH_COUNT; w++) {
            now.op = OPS[i], now.rows = w % 4 + 1, now.cols = WIDTHS[w];
            on_targets(op_info(OPS[i])->name, binary_body, seed++, 7, 1e-6);
        }
}

static void fma_body(Case *c) {
    Value *x = case_in(c, now.rows, now.cols), *y = case_in(c, now.rows, now.cols);
    Value *row = case_in(c, 1, now.cols), *column = case_in(c, now.rows, 1), *one = case_in(c, 1, 1);
    Value *sum = ir_fma(&c->b, x, one, column);
    sum = ir_fma(&c->b, row, sum, y);
    case_out(c, ir_fma(&c->b, one, column, sum));
}

static void test_fma(void **state) {
    (void)state;
    for (int w = 0; w < WIDTH_COUNT; w++) {
        now.rows = w % 4 + 1, now.cols = WIDTHS[w];
        on_targets("fma", fma_body, (uint64_t)w, 7, 1e-6);
    }
}

/* Infinities, zeros, NaN and denormals through everything that has branches by value. */
static void special_body(Case *c) {
    static const float VALUES[16] = {INFINITY, -INFINITY, NAN,    0.0f,   -0.0f, 1e-40f, -1e-40f, 3e38f,
                                     -3e38f,   100.0f,    -100.f, -1e30f, 88.7f, -87.5f, 1e-38f,  1.0f};
    Value             *x = case_in(c, 1, 16), *y = case_in(c, 1, 16);
    for (int i = 0; i < 16; i++)
        for (int p = 0; p < 2; p++) {
            ((float *)c->params[p].native)[i] = VALUES[(i * (p ? 5 : 1) + p) % 16];
            ((float *)c->params[p].reference)[i] = VALUES[(i * (p ? 5 : 1) + p) % 16];
        }
    case_out(c, now.op == OP_MAX || now.op == OP_MIN ? ir_binary(&c->b, now.op, x, y) : ir_unary(&c->b, now.op, x));
}

static void test_special_values(void **state) {
    (void)state;
    static const OpCode OPS[] = {OP_EXP, OP_EXP2, OP_LOG,   OP_TANH, OP_SIGMOID, OP_RELU,
                                 OP_STEP, OP_ABS, OP_SQRT, OP_RSQRT, OP_MAX,  OP_MIN};
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        now.op = OPS[i];
        on_targets(op_info(OPS[i])->name, special_body, i, 1, 2e-6);
    }
}

static void concat_body(Case *c) {
    Value *x = case_in(c, now.rows, now.cols), *y = case_in(c, now.rows, now.other);
    case_out(c, ir_binary(&c->b, OP_CONCAT, x, y));
}

static void test_concat(void **state) {
    (void)state;
    uint64_t seed = 0;
    for (int w = 0; w < WIDTH_COUNT; w++)
        for (int v = 0; v < WIDTH_COUNT; v++) {
            now.rows = 2, now.cols = WIDTHS[w], now.other = WIDTHS[v];
            on_targets("concat", concat_body, seed++, 9, 0);
        }
}

static void cols_body(Case *c) {
    Value *x = case_in(c, now.rows, now.cols + now.other + 1);
    case_out(c, ir_cols(&c->b, x, now.other, now.cols));
}

static void test_cols(void **state) {
    (void)state;
    uint64_t seed = 0;
    for (int w = 0; w < WIDTH_COUNT; w++)
        for (int v = 0; v < WIDTH_COUNT; v++) {
            now.rows = 2, now.cols = WIDTHS[w], now.other = WIDTHS[v];
            on_targets("cols", cols_body, seed++, 9, 0);
        }
}

static void mask_body(Case *c) {
    Value        *x = case_in(c, now.rows, now.cols);
    Value        *delta = ir_i(&c->b, case_int(c, -now.cols, now.cols)), *first = ir_i(&c->b, case_int(c, -2, 3));
    const int64_t lo = case_int(c, 0, 1) ? IR_NEG_INF : case_int(c, -9, 9),
                  hi = case_int(c, 0, 3) ? case_int(c, -9, 9) : IR_POS_INF;
    case_out(c, ir_mask(&c->b, x, delta, first, lo, hi, now.period, -INFINITY));
}

static void test_mask(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        now.period = (int)(seed % 5) + 1, now.rows = now.period * (1 + (int)(seed % 3)),
        now.cols = WIDTHS[seed % WIDTH_COUNT];
        on_targets("mask", mask_body, seed, 11, 0);
    }
}

static void rope_body(Case *c) {
    Value *x = case_in(c, now.rows, now.cols);
    Value *turned = ir_rope(&c->b, x, ir_i(&c->b, now.position), 10000, now.style, now.period);
    if (now.down)
        op_set_int(&c->ctx, turned->def, AT_DOWN, 1);
    case_out(c, turned);
}

static void test_rope(void **state) {
    (void)state;
    static const int SIZES[] = {2, 6, 32, 40, 72, 128, 130, 200};
    for (uint64_t seed = 0; seed < 64; seed++) {
        now.style = (int)(seed & 1), now.cols = SIZES[seed / 2 % 8], now.period = 1 + (int)(seed % 7);
        now.rows = now.period * (1 + (int)(seed % 2)),
        now.position = seed < 32 ? (int64_t)seed * 1000 : (int64_t)1 << (seed - 32);
        now.down = seed % 3 == 0;
        on_targets("rope", rope_body, seed, 9, 2e-6);
    }
}

/* ---- Memory ---- */
static void window_body(Case *c) {
    const int     groups = now.rows / now.period;
    const int64_t wrap = case_int(c, 0, 1) ? now.period + case_int(c, 0, 4) : 0;
    const int64_t length = wrap ? wrap : 2 * now.period + 6;
    Builder      *b = &c->b;
    Access        access = {.rowdim = 1, .groupdim = 2, .period = now.period, .wrap = (int)wrap};
    access.at[0] = ir_i(b, 1);
    access.at[1] = ir_i(b, wrap ? case_int(c, 0, 50) : case_int(c, -2, 4));
    access.at[2] = ir_i(b, 2);
    const int64_t start = op_int(access.at[1]->def, AT_VALUE, 0);
    access.lo = ir_i(b, wrap ? start + case_int(c, 0, 2) : case_int(c, 0, 3));
    access.hi = ir_i(b, wrap ? start + case_int(c, 1, now.period) : length - case_int(c, 0, 5));
    const int64_t dims[4] = {2, length, 2 + groups, now.cols};
    access.param = case_param(c, now.dtype, dims, PARAM_IN);
    Value *x = ir_load(b, &access, now.rows, now.cols);
    case_out(c, x);
    access.param = case_param(c, now.dtype, dims, PARAM_OUT);
    Op *const store = ir_store(b, &access, ir_binary(b, OP_ADD, x, case_in(c, now.rows, now.cols)));
    if (now.down && !wrap) {
        op_set_int(&c->ctx, x->def, AT_DOWN, 1);
        op_set_int(&c->ctx, store, AT_DOWN, 1);
    }
}

static void test_windows(void **state) {
    (void)state;
    static const DType DTYPES[] = {DT_F32, DT_BF16, DT_F16};
    for (uint64_t seed = 0; seed < 96; seed++) {
        now.dtype = DTYPES[seed % 3], now.period = 1 + (int)(seed % 6), now.rows = now.period * (1 + (int)(seed % 2));
        now.cols = WIDTHS[seed / 3 % WIDTH_COUNT];
        now.down = seed % 4 == 0;
        on_targets("window", window_body, seed, 7, 0);
    }
}

static void rounding_body(Case *c) {
    Value *x = case_in(c, 3, 40);
    float *values = c->params[0].native;
    values[0] = NAN, values[1] = INFINITY, values[2] = -INFINITY, values[3] = 65519.0f, values[4] = 65520.0f;
    values[5] = 3.3961775e38f, values[6] = 1.00390625f, values[7] = 1.01171875f, values[8] = 6e-8f, values[9] = 1e-40f;
    memcpy(c->params[0].reference, values, (size_t)c->params[0].elements * sizeof *values);
    case_out_typed(c, now.dtype, x);
    case_out(c, ir_convert(&c->b, ir_convert(&c->b, x, now.dtype), DT_F32));
}

static void test_rounding(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 2; i++) {
        now.dtype = i ? DT_F16 : DT_BF16;
        on_targets("rounding", rounding_body, i, 1, 0);
    }
}

/* ---- Regions ---- */
static void softmax_body(Case *c) {
    Builder *outer = &c->b;
    Value   *s = case_in(c, now.rows, now.cols), *weights = case_in(c, 1, now.cols), *old = case_in(c, now.rows, 1);
    Op      *rows = ir_rows(outer, now.rows);
    Builder  b = ir_at_end(&c->ctx, c->kernel, rows->region);
    Value   *masked = ir_mask(&b, s, ir_i(&b, 3), ir_i(&b, 0), -1000, 0, now.rows, -INFINITY);
    Value   *largest = ir_binary(&b, OP_MAX, old, ir_unary(&b, OP_ROWMAX, masked));
    Value   *p = ir_unary(&b, OP_EXP, ir_binary(&b, OP_SUB, masked, largest));
    Value   *sum = ir_unary(&b, OP_ROWSUM, p);
    Value   *twice = ir_binary(&b, OP_CONCAT, ir_binary(&b, OP_DIV, p, sum), ir_binary(&b, OP_MUL, p, weights));
    Value   *yields[6] = {twice, largest, sum, ir_unary(&b, OP_EXP, weights), p, p};
    ir_rows_finish(&c->ctx, c->kernel, rows, yields, 6);
    for (int i = 0; i < 6; i++)
        case_out(c, rows->out[i]);
}

static void test_rows_region(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 24; seed++) {
        now.rows = 1 + (int)(seed * 7 % 33), now.cols = WIDTHS[1 + seed % (WIDTH_COUNT - 1)];
        on_targets("softmax", softmax_body, seed, 5, 1e-5);
    }
}

/* What queries go through: loads and rope of the same row, a feature map, and values from outside passed on. */
static void feature_body(Case *c) {
    Value  *scale = case_in(c, 1, now.cols), *outside = case_in(c, now.rows, now.cols);
    Op     *rows = ir_rows(&c->b, now.rows);
    Builder b = ir_at_end(&c->ctx, c->kernel, rows->region);
    Value  *x = case_in_at(c, &b, now.dtype, now.rows, now.cols);
    Value  *turned = ir_rope(&b, x, ir_i(&b, 77), 10000, now.style, now.period);
    Value  *scaled = ir_binary(&b, OP_MUL, x, scale);
    Value  *power = ir_unary(&b, OP_EXP, ir_binary(&b, OP_SUB, scaled, ir_unary(&b, OP_ROWMAX, scaled)));
    Value  *negative = ir_unary(&b, OP_RELU, ir_unary(&b, OP_NEG, scaled));
    Value  *both = ir_binary(&b, OP_CONCAT, ir_binary(&b, OP_DIV, power, ir_unary(&b, OP_ROWSUM, power)), negative);
    Value  *yields[4] = {both, ir_binary(&b, OP_ADD, turned, outside), outside, turned};
    ir_rows_finish(&c->ctx, c->kernel, rows, yields, 4);
    for (int i = 0; i < 4; i++)
        case_out(c, rows->out[i]);
}

static void test_feature_region(void **state) {
    (void)state;
    static const int   SIZES[] = {6, 40, 128, 138, 200, 256};
    static const DType DTYPES[] = {DT_F32, DT_BF16, DT_F16};
    for (uint64_t seed = 0; seed < 36; seed++) {
        now.dtype = DTYPES[seed % 3], now.cols = SIZES[seed % 6], now.style = (int)(seed / 6 % 2);
        now.period = 1 + (int)(seed % 4), now.rows = now.period * (1 + (int)(seed % 3));
        on_targets("feature", feature_body, seed, 5, 4e-6);
    }
}

/* A single column of a row, masked too, meets the whole row: the gradient of a map that joins one. */
static void one_column_body(Case *c) {
    Value *const outside = case_in(c, now.rows, now.cols);
    Op          *rows = ir_rows(&c->b, now.rows);
    Builder      b = ir_at_end(&c->ctx, c->kernel, rows->region);
    Value *const x = case_in_at(c, &b, DT_F32, now.rows, now.cols);
    Value *const one = ir_cols(&b, x, now.other, 1);
    Value *const joined = ir_binary(&b, OP_CONCAT, one, ir_unary(&b, OP_EXP, ir_binary(&b, OP_SUB, x, one)));
    Value *const masked = ir_mask(&b, one, ir_i(&b, 1), ir_i(&b, 0), 0, IR_POS_INF, now.rows, 3);
    Value       *yields[3] = {joined, ir_binary(&b, OP_MUL, ir_cols(&b, joined, 0, 1), outside),
                              ir_binary(&b, OP_MUL, masked, outside)};
    ir_rows_finish(&c->ctx, c->kernel, rows, yields, 3);
    for (int i = 0; i < 3; i++)
        case_out(c, rows->out[i]);
}

static void test_one_column(void **state) {
    (void)state;
    uint64_t seed = 0;
    for (int w = 1; w < WIDTH_COUNT; w++)
        for (int at = 0; at < WIDTHS[w]; at += 1 + WIDTHS[w] / 5) {
            now.rows = 3, now.cols = WIDTHS[w], now.other = at;
            on_targets("one_column", one_column_body, seed++, 7, 2e-6);
        }
}

/* ---- Products ---- */
static void dot_body(Case *c) {
    Builder  *b = &c->b;
    const int m = now.rows, n = now.cols, k = now.inner;
    c->low = -1, c->high = 1;
    Value *x = now.ta ? case_in(c, k, m) : case_in(c, m, k), *y = case_in(c, k, n);
    Value *acc = now.acc ? case_in(c, m, n) : NULL, *scale = now.acc && now.scale ? case_in(c, m, 1) : NULL;
    Value *in[4] = {x, y, acc, scale};
    Op    *op = ir_op(b, OP_DOT, in, scale ? 4 : acc ? 3 : 2, NULL, 0);
    op_set_int(&c->ctx, op, AT_TA, now.ta);
    op_set_int(&c->ctx, op, AT_TB, 0);
    ir_result_type(op, 0, &op->out[0]->type);
    case_out(c, op->out[0]);
}

static void test_dot(void **state) {
    (void)state;
    static const int SIZES[] = {1, 2, 3, 4, 6, 7, 13, 16, 17, 40, 64, 72, 100, 128};
    uint64_t         pick = 7;
    for (uint64_t seed = 0; seed < 160; seed++) {
        int *sizes[3] = {&now.rows, &now.cols, &now.inner};
        for (int i = 0; i < 3; i++) {
            pick = pick * 6364136223846793005u + 1442695040888963407u;
            *sizes[i] = SIZES[(pick >> 40) % 14];
        }
        now.ta = (int)(seed & 1), now.acc = (seed & 2) != 0, now.scale = (seed & 4) != 0;
        on_targets("dot", dot_body, seed, 13, 1e-5);
    }
}

static void long_dot_body(Case *c) {
    now.rows = 20, now.cols = 70, now.inner = 700;
    dot_body(c);
}

static void test_dot_in_blocks(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        now.ta = (int)(seed & 1), now.acc = (seed & 2) != 0, now.scale = (seed & 4) != 0;
        on_targets("long_dot", long_dot_body, seed, 3, 5e-5);
    }
}

static Value *trimmed_dot(Case *c, Value *x, Value *y, int64_t delta, int64_t lo, int64_t hi) {
    Value *in[3] = {x, y, ir_i(&c->b, delta)};
    Op    *op = ir_op(&c->b, OP_DOT, in, 3, NULL, 0);
    op_set_int(&c->ctx, op, AT_TA, 0);
    op_set_int(&c->ctx, op, AT_TB, 0);
    op_set_int(&c->ctx, op, AT_TRIM, now.trim);
    op_set_int(&c->ctx, op, AT_LO, lo);
    op_set_int(&c->ctx, op, AT_HI, hi);
    op_set_int(&c->ctx, op, AT_PERIOD, now.period);
    ir_result_type(op, 0, &op->out[0]->type);
    return op->out[0];
}

/* trim=1: what is not needed is masked away; trim=2: the first operand is masked before. */
static void trim_body(Case *c) {
    const int     m = now.rows, n = now.cols, k = now.inner, width = now.trim == 1 ? n : k;
    const int64_t delta = case_int(c, -width, width);
    const int64_t lo = case_int(c, 0, 1) ? IR_NEG_INF : case_int(c, -20, 3),
                  hi = case_int(c, 0, 2) ? case_int(c, -3, 20) : IR_POS_INF;
    Value *x = case_in(c, m, k), *y = case_in(c, k, n), *zero = ir_i(&c->b, 0);
    if (now.trim == 2)
        x = ir_mask(&c->b, x, ir_i(&c->b, delta), zero, lo, hi, now.period, 0);
    Value *product = trimmed_dot(c, x, y, delta, lo, hi);
    case_out(c, now.trim == 1 ? ir_mask(&c->b, product, ir_i(&c->b, delta), zero, lo, hi, now.period, 9) : product);
}

static void test_trim(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        now.trim = 1 + (int)(seed & 1), now.period = 1 + (int)(seed * 13 % 40),
        now.rows = now.period * (1 + (int)(seed % 3));
        now.cols = 2 + (int)(seed * 29 % 90), now.inner = 1 + (int)(seed * 17 % 80);
        on_targets("trim", trim_body, seed, 7, 1e-5);
    }
}

/* Keys in a ring of memory, read where they lie: by inner products, and as values, row by row. */
static void view_body(Case *c) {
    Builder      *b = &c->b;
    const int64_t wrap = case_int(c, 0, 1) ? now.other + case_int(c, 0, 9) : 0, start = case_int(c, 0, 60);
    const int64_t length = wrap ? wrap : start + now.other;
    Access        access = {.rowdim = 1, .groupdim = -1, .period = now.other, .wrap = (int)wrap};
    access.at[0] = ir_i(b, 1), access.at[1] = ir_i(b, start), access.at[2] = ir_i(b, 1);
    access.lo = ir_i(b, start + case_int(c, -3, 3));
    access.hi = ir_i(b, start + case_int(c, -1, now.other + 2));
    c->low = -1, c->high = 1;
    access.param = case_param(c, now.dtype, (int64_t[4]){2, length, 2, now.cols}, PARAM_IN);
    Value *keys = ir_load(b, &access, now.other, now.cols);
    keys->type.space = SPACE_GLOBAL;
    Value *acc = now.acc ? case_in(c, now.rows, now.other) : NULL;
    Value *scores = ir_dot(b, case_in(c, now.rows, now.cols), keys, acc, false, true);
    op_set_text(&c->ctx, scores->def, AT_VIA, "inner");
    case_out(c, scores);
    case_out(c, ir_dot(b, case_in(c, now.rows, now.other), keys, NULL, false, false));
    case_out(c, ir_unary(b, OP_NEG, keys));
}

static void test_views(void **state) {
    (void)state;
    static const DType DTYPES[] = {DT_F32, DT_BF16, DT_F16};
    for (uint64_t seed = 0; seed < 60; seed++) {
        now.dtype = DTYPES[seed % 3], now.rows = 1 + (int)(seed % 9), now.other = 1 + (int)(seed * 7 % 40);
        now.cols = WIDTHS[1 + seed % (WIDTH_COUNT - 1)], now.acc = seed % 2 == 0;
        on_targets("view", view_body, seed, 7, 1e-5);
    }
}

static void transpose_body(Case *c) { case_out(c, ir_unary(&c->b, OP_TRANSPOSE, case_in(c, now.rows, now.cols))); }

static void test_transpose(void **state) {
    (void)state;
    static const int SIZES[] = {1, 3, 8, 16, 17, 40, 64};
    for (uint64_t seed = 0; seed < 49; seed++) {
        now.rows = SIZES[seed % 7], now.cols = SIZES[seed / 7];
        on_targets("transpose", transpose_body, seed, 5, 0);
    }
}

/* ---- Control ---- */
/* Sums tiles through a ring three turns behind, counts along, and branches on the parity of the turn. */
static void loop_body(Case *c) {
    Builder *b = &c->b;
    Value   *x = case_in(c, now.rows, now.cols), *zero = ir_f(b, 0, now.rows, now.cols),
          *ring = ir_ring(b, 3, now.rows, now.cols);
    Value *carried[2] = {zero, ir_i(b, 5)};
    for (int s = 0; s < 3; s++)
        ir_ring_put(b, ring, ir_i(b, s - 3), zero);
    Op     *loop = ir_for(b, "turn", false, ir_i(b, 0), ir_sym(b, SYM_T), ir_i(b, 2), carried, 2);
    Builder in = ir_at_end(&c->ctx, c->kernel, loop->region);
    Value **args = loop->region->args;
    Value  *old = ir_ring_get(&in, ring, args[0]);
    Value  *odd = ir_ibin(&in, OP_IMOD, ir_ibin(&in, OP_IDIV, args[2], ir_i(&in, 3)), ir_i(&in, 2));
    Value  *grown = ir_binary(&in, OP_ADD, args[1], ir_binary(&in, OP_ADD, old, x));
    Value  *otherwise[2] = {grown, args[2]};
    Op     *branch = ir_if(&in, odd, otherwise, 2);
    Builder then = ir_at_end(&c->ctx, c->kernel, branch->region);
    Value  *yields[2] = {ir_unary(&then, OP_NEG, grown), ir_ibin(&then, OP_IADD, args[2], ir_i(&then, 7))};
    ir_yield(&then, yields, 2);
    ir_ring_put(&in, ring, args[0], ir_unary(&in, OP_TANH, branch->out[0]));
    Value *next[2] = {branch->out[0], ir_ibin(&in, OP_IADD, branch->out[1], ir_i(&in, 1))};
    ir_yield(&in, next, 2);
    case_out(c, loop->out[0]);
    case_out(c, ir_mask(b, loop->out[0], loop->out[1], ir_i(b, 0), 12, IR_POS_INF, now.rows, 1));
    c->syms[SYM_T] = now.other;
}

static void test_loops(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        now.rows = 1 + (int)seed % 5, now.cols = WIDTHS[seed % WIDTH_COUNT], now.other = (int)seed * 2 - 1;
        on_targets("loop", loop_body, seed, 5, 1e-5);
    }
}

/* A slot becomes a product of what it held: it may not be overwritten while it is read. */
static void slot_body(Case *c) {
    Builder *b = &c->b;
    Value   *ring = ir_ring(b, 2, 20, 20), *x = case_in(c, 20, 20);
    ir_ring_put(b, ring, ir_i(b, 1), x);
    Value *product = ir_dot(b, ir_ring_get(b, ring, ir_i(b, 1)), x, NULL, false, false);
    ir_ring_put(b, ring, ir_i(b, 1), product);
    Value *turned = ir_unary(b, OP_TRANSPOSE, ir_ring_get(b, ring, ir_i(b, -1)));
    ir_ring_put(b, ring, ir_i(b, 3), turned);
    case_out(c, ir_unary(b, OP_NEG, ir_ring_get(b, ring, ir_i(b, 1))));
}

static void test_slots(void **state) {
    (void)state;
    on_targets("slots", slot_body, 0, 1, 1e-5);
}

/* The item number is taken apart into three axes; each item writes its own row. */
static void axes_body(Case *c) {
    Builder    *b = &c->b;
    const char *in = case_param(c, DT_F32, (int64_t[4]){3, 5, 4, 9}, PARAM_IN);
    const char *out = case_param(c, DT_F32, (int64_t[4]){3, 5, 4, 9}, PARAM_OUT);
    Op         *first = ir_for(b, "batch", true, ir_i(b, 0), ir_i(b, 3), ir_i(b, 1), NULL, 0);
    Builder     b1 = ir_at_end(&c->ctx, c->kernel, first->region);
    Op         *second = ir_for(&b1, "row", true, ir_i(&b1, 0), ir_sym(&b1, SYM_T), ir_i(&b1, 1), NULL, 0);
    Builder     b2 = ir_at_end(&c->ctx, c->kernel, second->region);
    Op         *third = ir_for(&b2, "head", true, ir_i(&b2, 0), ir_i(&b2, 4), ir_i(&b2, 1), NULL, 0);
    Builder     b3 = ir_at_end(&c->ctx, c->kernel, third->region);
    Value      *at[3] = {first->region->args[0], second->region->args[0], third->region->args[0]};
    Access      access = {.param = in, .at = {at[0], at[1], at[2]}, .rowdim = -1, .groupdim = -1, .period = 1};
    Value      *x = ir_load(&b3, &access, 1, 9);
    access.param = out;
    ir_store(&b3, &access, ir_unary(&b3, OP_EXP, x));
    ir_yield(&b3, NULL, 0);
    ir_yield(&b2, NULL, 0);
    ir_yield(&b1, NULL, 0);
    c->syms[SYM_T] = 5;
}

static void test_axes(void **state) {
    (void)state;
    on_targets("axes", axes_body, 0, 1, 2e-6);
}

/* ---- What is emitted ---- */
static void test_same_input_same_output(void **state) {
    (void)state;
    LlvmOutput first = {0}, second = {0};
    Case       c, d;
    now.rows = 8, now.cols = 40;
    case_open(&c, "host", "again", 3);
    case_open(&d, "host", "again", 3);
    CaseBuild build[2] = {{&c, softmax_body}, {&d, softmax_body}};
    assert_int_equal(ctx_run(&c.ctx, case_build_in, &build[0]), ST_OK);
    assert_int_equal(ctx_run(&d.ctx, case_build_in, &build[1]), ST_OK);
    const int all = LLVM_WANT_IR | LLVM_WANT_ASM | LLVM_WANT_OBJECT;
    assert_int_equal(llvm_compile(&c.ctx, c.module, &c.target, &c.schedule, all, &first), ST_OK);
    assert_int_equal(llvm_compile(&d.ctx, d.module, &d.target, &d.schedule, LLVM_WANT_OBJECT, &second), ST_OK);
    assert_int_equal(first.object_size, second.object_size);
    assert_memory_equal(first.object, second.object, first.object_size);
    assert_non_null(strstr(first.ir, "define void @rattan_again_main(ptr %args, i64 %item, ptr %scratch)"));
    assert_non_null(strstr(first.assembly, "rattan_again_main:"));
    for (int p = 0; p < c.count; p++) {
        free(c.params[p].native), free(c.params[p].reference);
        free(d.params[p].native), free(d.params[p].reference);
    }
    ctx_free(&c.ctx);
    ctx_free(&d.ctx);
}

/* What the passes should have removed is refused with the op's name, and nothing is left behind. */
static void unplanned_body(Case *c) {
    Op     *sum = ir_sum(&c->b, "key", ir_i(&c->b, 0), ir_i(&c->b, 3), 1, 8);
    Builder in = ir_at_end(&c->ctx, c->kernel, sum->region);
    Value  *zero = ir_f(&in, 0, 1, 8);
    ir_yield(&in, &zero, 1);
}

static void test_refusal(void **state) {
    (void)state;
    Case       c;
    LlvmOutput out;
    case_open(&c, "host", "refused", 1);
    CaseBuild build = {&c, unplanned_body};
    ctx_run(&c.ctx, case_build_in, &build); /* the verifier says no too: a loop-level op in a tile-level kernel */
    ctx_clear(&c.ctx);
    assert_int_equal(llvm_compile(&c.ctx, c.module, &c.target, &c.schedule, LLVM_WANT_OBJECT, &out), ST_FAILED);
    assert_non_null(strstr(c.ctx.place, "sum"));
    assert_null(out.object);
    ctx_free(&c.ctx);
}

static void test_targets(void **state) {
    (void)state;
    Ctx    ctx;
    Target target;
    ctx_init(&ctx);
    for (int i = 0; llvm_target_name(i); i++) {
        assert_int_equal(llvm_find_target(&ctx, llvm_target_name(i), &target), ST_OK);
        assert_non_null(llvm_target_help(i));
        assert_true(target_lanes(&target) >= 4 && target.vector_registers >= 16 && target.l1_bytes > 0);
    }
    assert_int_equal(llvm_find_target(&ctx, "host", &target), ST_OK);
    for (const char *at = target.features, *comma; (comma = strchr(at, ',')); at = comma + 1)
        assert_true(strcmp(at + 1, comma + 2) < 0);
    assert_int_equal(llvm_find_target(&ctx, "pdp-11", &target), ST_USAGE);
    assert_non_null(strstr(ctx.remedy, "x86-64-v3"));
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_fma),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_rope),
        cmocka_unit_test(test_cols),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_rows_region),
        cmocka_unit_test(test_feature_region),
        cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_dot),
        cmocka_unit_test(test_dot_in_blocks),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_same_input_same_output),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
