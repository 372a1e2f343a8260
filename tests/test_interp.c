/* link: rattan_ir rattan_base */
/* The interpreter's arithmetic: every op on random tiles against a plain computation. Control and memory:
 * test_interp_memory.c. */
#include "tests/ir_testing.h"

static const double EXACT = 1e-13;

static void check_body(const char *body, TestTile *a, TestTile *b, TestTile *c, const TestTile *wanted) {
    Ctx      ctx;
    TestTile out = {.rows = wanted->rows, .cols = wanted->cols};
    ctx_init(&ctx);
    if (run_body(&ctx, "tile", body, a, b, c, &out, (InterpArgs){0}) != ST_OK)
        fail_msg("%s\n%s", described(&ctx), body);
    check_tile(&out, wanted, EXACT, body);
    ctx_free(&ctx);
}

/* ---- Elementwise ---- */

static double c_neg(double x) { return -x; }
static double c_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double c_step(double x) { return x > 0 ? 1 : 0; }
static double c_relu(double x) { return x < 0 ? 0 : x; }
static double c_rsqrt(double x) { return pow(x, -0.5); }

static void test_unary(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double (*fn)(double);
        double lo, hi;
    } CASES[] = {{"neg", c_neg, -3, 3},   {"exp", exp, -3, 3},           {"exp2", exp2, -3, 3},   {"log", log, 0.01, 9},
                 {"tanh", tanh, -3, 3},   {"sigmoid", c_sigmoid, -5, 5}, {"relu", c_relu, -3, 3}, {"abs", fabs, -3, 3},
                 {"sqrt", sqrt, 0.01, 9}, {"rsqrt", c_rsqrt, 0.01, 9}, {"step", c_step, -3, 3}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char     body[80];
        TestTile a = random_tile(5, 7, CASES[i].lo, CASES[i].hi), wanted = a;
        for (int e = 0; e < 35; e++)
            wanted.data[e] = CASES[i].fn(a.data[e]);
        snprintf(body, sizeof body, "  %%r:f32<5x7> = %s %%a", CASES[i].name);
        check_body(body, &a, NULL, NULL, &wanted);
    }
}

static void test_special_values(void **state) {
    (void)state;
    TestTile a = {.rows = 1, .cols = 4, .data = {-INFINITY, 0, NAN, -2}};
    TestTile b = {.rows = 1, .cols = 4, .data = {NAN, 1, 1, -5}};
    check_body("  %r:f32<1x4> = exp %a", &a, NULL, NULL, &(TestTile){1, 4, {0, 1, NAN, exp(-2)}});
    check_body("  %r:f32<1x4> = exp2 %a", &a, NULL, NULL, &(TestTile){1, 4, {0, 1, NAN, 0.25}});
    check_body("  %r:f32<1x4> = relu %a", &a, NULL, NULL, &(TestTile){1, 4, {0, 0, NAN, 0}});
    check_body("  %r:f32<1x4> = max %a, %b", &a, &b, NULL, &(TestTile){1, 4, {NAN, 1, NAN, -2}});
    check_body("  %r:f32<1x4> = min %a, %b", &a, &b, NULL, &(TestTile){1, 4, {NAN, 0, NAN, -5}});
    check_body("  %r:f32<1x1> = rowmax %a", &a, NULL, NULL, &(TestTile){1, 1, {NAN}});
    TestTile zero = {.rows = 1, .cols = 1};
    check_body("  %r:f32<1x1> = log %a", &zero, NULL, NULL, &(TestTile){1, 1, {-INFINITY}});
}

static double c_binary(const char *name, double x, double y) {
    switch (name[0]) {
    case 'a': return x + y;
    case 's': return x - y;
    case 'd': return x / y;
    default: break;
    }
    if (name[1] == 'u')
        return x * y;
    return (name[1] == 'a') == (x > y) ? x : y;
}

static void test_binary_broadcasts(void **state) {
    (void)state;
    static const char *const NAMES[] = {"add", "sub", "mul", "div", "max", "min"};
    static const int         SIZES[] = {1, 4};
    for (int n = 0; n < 6; n++) {
        for (int shape = 0; shape < 16; shape++) {
            char     body[80];
            TestTile a = random_tile(SIZES[shape & 1], SIZES[shape >> 1 & 1], 0.5, 3);
            TestTile b = random_tile(SIZES[shape >> 2 & 1], SIZES[shape >> 3 & 1], 0.5, 3);
            TestTile wanted = {.rows = a.rows > b.rows ? a.rows : b.rows, .cols = a.cols > b.cols ? a.cols : b.cols};
            for (int r = 0; r < wanted.rows; r++)
                for (int c = 0; c < wanted.cols; c++)
                    wanted.data[r * wanted.cols + c] =
                        c_binary(NAMES[n], at(&a, a.rows > 1 ? r : 0, a.cols > 1 ? c : 0),
                                 at(&b, b.rows > 1 ? r : 0, b.cols > 1 ? c : 0));
            snprintf(body, sizeof body, "  %%r:f32<%dx%d> = %s %%a, %%b", wanted.rows, wanted.cols, NAMES[n]);
            check_body(body, &a, &b, NULL, &wanted);
        }
    }
}

static void test_fma_broadcasts(void **state) {
    (void)state;
    TestTile a = random_tile(3, 4, -1, 2), b = random_tile(1, 4, -1, 2), c = random_tile(3, 1, -1, 2);
    TestTile wanted = {.rows = 3, .cols = 4};
    for (int r = 0; r < 3; r++)
        for (int col = 0; col < 4; col++)
            wanted.data[r * 4 + col] = a.data[r * 4 + col] * b.data[col] + c.data[r];
    check_body("  %r:f32<3x4> = fma %a, %b, %c", &a, &b, &c, &wanted);
    check_body("  %r:f32<3x4> = fma %b, %a, %c", &a, &b, &c, &wanted);
    check_body("  %r:f32<1x1> = fma %a, %b, %c", &(TestTile){1, 1, {-INFINITY}}, &(TestTile){1, 1, {2}},
               &(TestTile){1, 1, {9}}, &(TestTile){1, 1, {-INFINITY}});
}

static void test_mask(void **state) {
    (void)state;
    TestTile a = random_tile(6, 9, -1, 1), wanted = a;
    /* Rows of two heads: period 3. Keeps columns >= 2 with -1 <= 1 + c - r % 3 <= 4. */
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 9; c++) {
            const int distance = 1 + c - r % 3;
            if (c < 2 || distance < -1 || distance > 4)
                wanted.data[r * 9 + c] = -INFINITY;
        }
    check_body("  %d:index = iconst {value=1}\n  %f:index = iconst {value=2}\n"
               "  %r:f32<6x9> = mask %a, %d, %f {period=3, lo=-1, hi=4, fill=-inf}",
               &a, NULL, NULL, &wanted);
    wanted = a;
    for (int r = 0; r < 6; r++)
        for (int c = r - 1 < 0 ? 0 : r - 1; c < 9; c++) /* hi = -1: c < r - 1 is kept, where delta = 1 */
            wanted.data[r * 9 + c] = 0.5;
    check_body("  %d:index = iconst {value=1}\n  %r:f32<6x9> = mask %a, %d, %z {period=6, lo=-inf, hi=-1, fill=0.5}",
               &a, NULL, NULL, &wanted);
}

/* Transposed: columns of two heads, period 4. Keeps rows >= 2 with -1 <= 1 + r - c % 4 <= 3. */
static void test_mask_of_a_transposed_tile(void **state) {
    (void)state;
    TestTile a = random_tile(6, 8, -1, 1), wanted = a;
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 8; c++) {
            const int distance = 1 + r - c % 4;
            if (r < 2 || distance < -1 || distance > 3)
                wanted.data[r * 8 + c] = 7;
        }
    check_body("  %d:index = iconst {value=1}\n  %f:index = iconst {value=2}\n"
               "  %r:f32<6x8> = mask %a, %d, %f {period=4, lo=-1, hi=3, fill=7, ta=1}",
               &a, NULL, NULL, &wanted);
}

/* ---- Rows ---- */

static void test_row_reductions(void **state) {
    (void)state;
    TestTile a = random_tile(5, 11, -2, 2), sum = {.rows = 5, .cols = 1}, max = sum;
    for (int r = 0; r < 5; r++) {
        max.data[r] = -INFINITY;
        for (int c = 0; c < 11; c++) {
            sum.data[r] += at(&a, r, c);
            max.data[r] = fmax(max.data[r], at(&a, r, c));
        }
    }
    check_body("  %r:f32<5x1> = rowsum %a", &a, NULL, NULL, &sum);
    check_body("  %r:f32<5x1> = rowmax %a", &a, NULL, NULL, &max);
}

static void test_column_reductions(void **state) {
    (void)state;
    TestTile a = random_tile(7, 5, -2, 2), sum = {.rows = 1, .cols = 5}, max = sum;
    for (int c = 0; c < 5; c++) {
        max.data[c] = -INFINITY;
        for (int r = 0; r < 7; r++) {
            sum.data[c] += at(&a, r, c);
            max.data[c] = fmax(max.data[c], at(&a, r, c));
        }
    }
    check_body("  %r:f32<1x5> = colsum %a", &a, NULL, NULL, &sum);
    check_body("  %r:f32<1x5> = colmax %a", &a, NULL, NULL, &max);
}

/* A store with sum=2 writes a row for every two of its tile. */
static void test_stores_add_up_rows(void **state) {
    (void)state;
    static const char BODY[] =
        "  %x:f32<4x2> = load %z, %z, %z, %z, %inf {param=\"a\", rowdim=2, groupdim=-1, period=4}\n"
        "  store %z, %z, %z, %z, %inf, %x {param=\"o\", rowdim=2, groupdim=-1, period=2, sum=2}\n"
        "  %r:f32<2x2> = load %z, %z, %z, %z, %inf {param=\"o\", rowdim=2, groupdim=-1, period=2}";
    TestTile a = random_tile(4, 2, -1, 1), wanted = {.rows = 2, .cols = 2};
    for (int e = 0; e < 4; e++)
        wanted.data[e] = a.data[e / 2 * 4 + e % 2] + a.data[e / 2 * 4 + 2 + e % 2];
    check_body(BODY, &a, NULL, NULL, &wanted);
}

static void test_concat(void **state) {
    (void)state;
    TestTile a = random_tile(3, 2, -1, 1), b = random_tile(3, 5, -1, 1), wanted = {.rows = 3, .cols = 7};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 7; c++)
            wanted.data[r * 7 + c] = c < 2 ? at(&a, r, c) : at(&b, r, c - 2);
    check_body("  %r:f32<3x7> = concat %a, %b", &a, &b, NULL, &wanted);
}

static void test_cols(void **state) {
    (void)state;
    TestTile a = random_tile(3, 7, -1, 1), wanted = {.rows = 3, .cols = 4};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++)
            wanted.data[r * 4 + c] = at(&a, r, c + 2);
    check_body("  %r:f32<3x4> = cols %a {lo=2}", &a, NULL, NULL, &wanted);
}

static void test_rope(void **state) {
    (void)state;
    for (int style = 0; style < 2; style++) {
        char     body[160];
        TestTile a = random_tile(6, 8, -1, 1), wanted = a;
        for (int r = 0; r < 6; r++)
            for (int n = 0; n < 4; n++) {
                const double angle = (100 + r % 3) * pow(10000, -n / 4.0);
                const int    x = style ? n : 2 * n, y = style ? n + 4 : 2 * n + 1;
                wanted.data[r * 8 + x] = at(&a, r, x) * cos(angle) - at(&a, r, y) * sin(angle);
                wanted.data[r * 8 + y] = at(&a, r, y) * cos(angle) + at(&a, r, x) * sin(angle);
            }
        snprintf(body, sizeof body,
                 "  %%p:index = iconst {value=100}\n  %%r:f32<6x8> = rope %%a, %%p {theta=10000, style=%d, period=3}",
                 style);
        check_body(body, &a, NULL, NULL, &wanted);
    }
}

/* ---- Tiles ---- */

static double operand(const TestTile *tile, bool transposed, int row, int col) {
    return transposed ? at(tile, col, row) : at(tile, row, col);
}

static TestTile product(const TestTile *a, const TestTile *b, bool ta, bool tb) {
    TestTile  out = {.rows = ta ? a->cols : a->rows, .cols = tb ? b->rows : b->cols};
    const int inner = ta ? a->rows : a->cols;
    for (int r = 0; r < out.rows; r++)
        for (int c = 0; c < out.cols; c++)
            for (int k = 0; k < inner; k++)
                out.data[r * out.cols + c] += operand(a, ta, r, k) * operand(b, tb, k, c);
    return out;
}

static void test_dot_transposes(void **state) {
    (void)state;
    for (int t = 0; t < 4; t++) {
        char       body[120];
        const bool ta = t & 1, tb = t >> 1;
        TestTile   a = ta ? random_tile(7, 4, -1, 1) : random_tile(4, 7, -1, 1);
        TestTile   b = tb ? random_tile(5, 7, -1, 1) : random_tile(7, 5, -1, 1);
        TestTile   wanted = product(&a, &b, ta, tb);
        snprintf(body, sizeof body, "  %%r:f32<4x5> = dot %%a, %%b {ta=%d, tb=%d}", ta, tb);
        check_body(body, &a, &b, NULL, &wanted);
    }
}

static void test_dot_adds(void **state) {
    (void)state;
    TestTile a = random_tile(4, 6, -1, 1), b = random_tile(6, 5, -1, 1), c = random_tile(4, 5, -1, 1);
    TestTile wanted = product(&a, &b, false, false), scaled = wanted;
    for (int r = 0; r < 4; r++)
        for (int col = 0; col < 5; col++) {
            double sum = 0;
            for (int k = 0; k < 6; k++)
                sum += at(&a, r, k);
            wanted.data[r * 5 + col] += at(&c, r, col);
            scaled.data[r * 5 + col] += at(&c, r, col) * sum;
        }
    check_body("  %r:f32<4x5> = dot %a, %b, %c {ta=0, tb=0}", &a, &b, &c, &wanted);
    check_body("  %s:f32<4x1> = rowsum %a\n  %r:f32<4x5> = dot %a, %b, %c, %s {ta=0, tb=0}", &a, &b, &c, &scaled);
}

/* Each half of the rows has a right side of its own, one below the other. */
static void test_dot_stacks(void **state) {
    (void)state;
    TestTile a = random_tile(4, 6, -1, 1), b = random_tile(12, 5, -1, 1), wanted = {.rows = 4, .cols = 5};
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 5; c++)
            for (int k = 0; k < 6; k++)
                wanted.data[r * 5 + c] += at(&a, r, k) * at(&b, r / 2 * 6 + k, c);
    check_body("  %r:f32<4x5> = dot %a, %b {ta=0, tb=0, stack=2}", &a, &b, NULL, &wanted);
}

/* trim=1: what is outside the band is NaN, so that a wrong mask behind it shows. */
static void test_dot_trims_its_result(void **state) {
    (void)state;
    TestTile a = random_tile(4, 3, -1, 1), b = random_tile(3, 6, -1, 1), wanted = product(&a, &b, false, false);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 6; c++)
            if (2 + c - r % 2 < 3 || 2 + c - r % 2 > 5)
                wanted.data[r * 6 + c] = NAN;
    check_body(
        "  %d:index = iconst {value=2}\n  %r:f32<4x6> = dot %a, %b, %d {ta=0, tb=0, trim=1, lo=3, hi=5, period=2}", &a,
        &b, NULL, &wanted);
}

static void test_dot_checks_its_promise(void **state) {
    (void)state;
    static const char BODY[] = "  %r:f32<4x2> = dot %a, %b, %z {ta=0, tb=0, trim=2, lo=-inf, hi=0, period=4}";
    TestTile          a = random_tile(4, 4, 0.5, 1), b = random_tile(4, 2, -1, 1), out = {.rows = 4, .cols = 2};
    for (int r = 0; r < 4; r++)
        for (int k = r + 1; k < 4; k++)
            a.data[r * 4 + k] = 0;
    TestTile wanted = product(&a, &b, false, false);
    check_body(BODY, &a, &b, NULL, &wanted);
    a.data[1 * 4 + 3] = 1e-30;
    Ctx ctx;
    ctx_init(&ctx);
    assert_int_equal(run_body(&ctx, "tile", BODY, &a, &b, NULL, &out, (InterpArgs){0}), ST_FAILED);
    assert_non_null(strstr(ctx.message, "promises a zero at (1, 3)"));
    ctx_free(&ctx);
}

static void test_transpose_copy_and_constants(void **state) {
    (void)state;
    TestTile a = random_tile(3, 5, -1, 1), wanted = {.rows = 5, .cols = 3};
    for (int r = 0; r < 5; r++)
        for (int c = 0; c < 3; c++)
            wanted.data[r * 3 + c] = at(&a, c, r);
    check_body("  %r:f32<5x3> = transpose %a", &a, NULL, NULL, &wanted);
    check_body("  %r:f32<3x5> = copy %a", &a, NULL, NULL, &a);
    for (int e = 0; e < 15; e++)
        wanted.data[e] = 0.1;
    check_body("  %r:f32<5x3> = fconst {fvalue=0.1}", NULL, NULL, NULL, &wanted);
}

static void test_convert_rounds(void **state) {
    (void)state;
    TestTile a = random_tile(4, 4, -3, 3), bf16 = a, f16 = a;
    for (int e = 0; e < 16; e++) {
        bf16.data[e] = bf16_to_f32(f32_to_bf16((float)a.data[e]));
        f16.data[e] = f16_to_f32(f32_to_f16((float)a.data[e]));
    }
    check_body("  %h:bf16<4x4> = convert %a\n  %r:f32<4x4> = convert %h", &a, NULL, NULL, &bf16);
    check_body("  %h:f16<4x4> = convert %a\n  %r:f32<4x4> = convert %h", &a, NULL, NULL, &f16);
}

/* Many values at once are those that one by one would be: also in an array with a step, NaN, infinities, halves. */
static void test_many_of_a_type(void **state) {
    static const double VALUES[] = {0.1, -2.5, 1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-24, 65520, 1e-7, 1e39, NAN, -INFINITY, -0.0, 3};
    enum { COUNT = sizeof VALUES / sizeof *VALUES, STEP = 3, FIRST = 2 };
    (void)state;
    for (DType dtype = DT_F32; dtype <= DT_F64; dtype++) {
        double array[FIRST + COUNT * STEP] = {0}, loaded[COUNT], rounded[COUNT];
        memcpy(rounded, VALUES, sizeof rounded);
        for (int n = 0; n < COUNT; n++)
            dtype_store(dtype, array, FIRST + n * STEP, VALUES[n]);
        dtype_load_many(dtype, array, FIRST, STEP, COUNT, loaded);
        dtype_round_many(dtype, rounded, COUNT);
        for (int n = 0; n < COUNT; n++) {
            const double wanted = dtype_load(dtype, array, FIRST + n * STEP);
            assert_memory_equal(&loaded[n], &wanted, sizeof wanted);
            assert_memory_equal(&rounded[n], &wanted, sizeof wanted);
        }
    }
}

/* With columns for vectors and some that are left over. */
static void check_dot_of_rows(void) {
    Ctx      ctx;
    TestTile a = random_tile(3, 11, 0.1, 1), b = random_tile(11, 13, 0.1, 1), out = {.rows = 3, .cols = 13}, wanted = out;
    ctx_init(&ctx);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 13; c++)
            for (int k = 0; k < 11; k++)
                wanted.data[r * 13 + c] = (float)(wanted.data[r * 13 + c] + (double)(float)at(&a, r, k) * (double)(float)at(&b, k, c));
    assert_int_equal(run_body(&ctx, "tile", "  %r:f32<3x13> = dot %a, %b {ta=0, tb=0}", &a, &b, NULL, &out, (InterpArgs){.fp32 = true}),
                     ST_OK);
    check_tile(&out, &wanted, 0, "dot of rows in fp32");
    ctx_free(&ctx);
}

/* fp32: every op rounds, and a dot rounds every step of its sum. */
static void test_fp32_rounds_every_op(void **state) {
    (void)state;
    Ctx      ctx;
    TestTile a = random_tile(1, 64, 0.1, 1), b = random_tile(64, 1, 0.1, 1), out = {.rows = 1, .cols = 1}, wanted = out;
    TestTile x = random_tile(1, 1, 1, 2), y = random_tile(1, 1, 1e-9, 2e-9);
    float    sum = 0;
    ctx_init(&ctx);
    for (int k = 0; k < 64; k++)
        sum = (float)(sum + (double)(float)a.data[k] * (double)(float)b.data[k]);
    wanted.data[0] = sum;
    assert_int_equal(run_body(&ctx, "tile", "  %r:f32<1x1> = dot %a, %b {ta=0, tb=0}", &a, &b, NULL, &out,
                              (InterpArgs){.fp32 = true}),
                     ST_OK);
    check_tile(&out, &wanted, 0, "dot in fp32");
    check_dot_of_rows();
    wanted.data[0] = (float)x.data[0];
    assert_int_equal(
        run_body(&ctx, "tile", "  %r:f32<1x1> = add %a, %b", &x, &y, NULL, &out, (InterpArgs){.fp32 = true}), ST_OK);
    check_tile(&out, &wanted, 0, "add in fp32");
    ctx_free(&ctx);
}

/* ---- Index values: the result is where a 1 is stored ---- */

static int64_t c_index(const char *name, int64_t x, int64_t y) {
    const int64_t quotient = (int64_t)floor((double)x / (double)y);
    if (strcmp(name, "idiv") == 0)
        return quotient;
    if (strcmp(name, "imod") == 0)
        return x - y * quotient;
    if (strcmp(name, "ilt") == 0)
        return x < y;
    if (strcmp(name, "imin") == 0 || strcmp(name, "imax") == 0)
        return (name[2] == 'i') == (x < y) ? x : y;
    return name[1] == 'a' ? x + y : name[1] == 's' ? x - y : x * y;
}

static int64_t run_index_op(const char *name, int32_t x, int32_t y) {
    Ctx           ctx;
    double        out[401] = {0};
    int32_t       numbers[2] = {x, y};
    InterpBinding bindings[] = {{.name = "i", .data = numbers, .dims = {1, 1, 1, 2}},
                                {.name = "o", .data = out, .dims = {1, 1, 401, 1}}};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2, .syms = {[SYM_T] = 200}};
    ctx_init(&ctx);
    const char *text =
        ctx_printf(&ctx,
                   "module \"t\"\nkernel @k loop {\n  param i i32 in [2]\n  param o f64 out [401, 1]\n  %%z:index = "
                   "iconst {value=0}\n"
                   "  %%one:index = iconst {value=1}\n  %%x:index = iload %%z {param=\"i\"}\n  %%y:index = iload %%one "
                   "{param=\"i\"}\n"
                   "  %%r:index = %s %%x, %%y\n  %%t:index = isym {sym=\"T\"}\n  %%at:index = iadd %%r, %%t\n"
                   "  %%f:f32<1x1> = fconst {fvalue=1}\n"
                   "  store %%z, %%z, %%at, %%z, %%t, %%f {param=\"o\", rowdim=-1, groupdim=-1, period=1}\n}\n",
                   name);
    if (run_module(&ctx, parse_ok(&ctx, text), &args) != ST_OK)
        fail_msg("%s %d %d: %s", name, x, y, described(&ctx));
    ctx_free(&ctx);
    for (int i = 0; i < 401; i++)
        if (out[i] == 1)
            return i - 200;
    fail_msg("%s stored nothing", name);
    return 0;
}

static void test_index_ops(void **state) {
    (void)state;
    static const char *const NAMES[] = {"iadd", "isub", "imul", "idiv", "imod", "imin", "imax", "ilt"};
    for (int n = 0; n < 8; n++) {
        for (int trial = 0; trial < 20; trial++) {
            const int32_t x = (int32_t)random_between(-14, 14), y = (int32_t)random_between(1, 14);
            assert_int_equal(run_index_op(NAMES[n], x, y), c_index(NAMES[n], x, y));
        }
    }
}

static void test_builder_folds_alike(void **state) {
    (void)state;
    static const char *const NAMES[] = {"iadd", "isub", "imul", "idiv", "imod", "imin", "imax", "ilt"};
    Ctx                      ctx;
    ctx_init(&ctx);
    Kernel *kernel = ir_kernel(&ctx, ir_module(&ctx, "m"), "k", LEVEL_LOOP);
    Builder b = ir_at_end(&ctx, kernel, kernel->body);
    for (int trial = 0; trial < 200; trial++) {
        const int64_t x = (int64_t)random_between(-50, 50), y = (int64_t)random_between(1, 9);
        OpCode        code;
        int64_t       folded = INT64_MIN;
        assert_true(op_find(NAMES[trial % 8], &code));
        assert_true(ir_const_value(ir_ibin(&b, code, ir_i(&b, x), ir_i(&b, y)), &folded));
        assert_int_equal(folded, c_index(NAMES[trial % 8], x, y));
    }
    assert_false(ir_fold_index(OP_IADD, INT64_MAX, 1, &(int64_t){0}));
    assert_false(ir_fold_index(OP_IDIV, 1, 0, &(int64_t){0}));
    ctx_free(&ctx);
}

/* Interpreting again and again must not grow the arena beyond what checking takes. */
static void test_loops_do_not_grow_the_arena(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%n:index = iconst {value=%d}\n  %%one:index = iconst {value=1}\n"
        "  %%r:f32<16x16> = for %%z, %%n, %%one, %%a {axis=\"row\"} (%%i:index, %%p:f32<16x16>) {\n"
        "    %%d:f32<16x16> = neg %%p\n    yield %%d\n  }";
    size_t used[2];
    for (int i = 0; i < 2; i++) {
        Ctx      ctx;
        TestTile a = random_tile(16, 16, 1, 2), out = {.rows = 16, .cols = 16};
        char     body[512];
        ctx_init(&ctx);
        snprintf(body, sizeof body, BODY, i ? 20000 : 2);
        assert_int_equal(run_body(&ctx, "tile", body, &a, NULL, NULL, &out, (InterpArgs){0}), ST_OK);
        check_tile(&out, &a, 0, "an even number of signs");
        used[i] = ctx.used;
        ctx_free(&ctx);
    }
    assert_int_equal(used[0], used[1]);
}

static void test_every_op_has_a_case(void **state) {
    (void)state;
    for (int code = 0; code < OP_COUNT; code++)
        if (!ir_interpreter_knows((OpCode)code))
            fail_msg("the interpreter does not know %s", op_info((OpCode)code)->name);
}

/* Control and memory ops are run by test_interp_memory.c. */
static void test_every_arithmetic_op_was_run(void **state) {
    (void)state;
    for (int code = OP_FCONST; code < OP_COUNT; code++)
        if (!seen_ops[code])
            fail_msg("no test runs %s", op_info((OpCode)code)->name);
    for (int code = 0; code < OP_FOR; code++)
        if (!seen_ops[code])
            fail_msg("no test runs %s", op_info((OpCode)code)->name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_binary_broadcasts),
        cmocka_unit_test(test_fma_broadcasts),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_of_a_transposed_tile),
        cmocka_unit_test(test_row_reductions),
        cmocka_unit_test(test_column_reductions),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_cols),
        cmocka_unit_test(test_rope),
        cmocka_unit_test(test_dot_transposes),
        cmocka_unit_test(test_dot_adds),
        cmocka_unit_test(test_dot_stacks),
        cmocka_unit_test(test_dot_trims_its_result),
        cmocka_unit_test(test_dot_checks_its_promise),
        cmocka_unit_test(test_transpose_copy_and_constants),
        cmocka_unit_test(test_convert_rounds),
        cmocka_unit_test(test_many_of_a_type),
        cmocka_unit_test(test_fp32_rounds_every_op),
        cmocka_unit_test(test_stores_add_up_rows),
        cmocka_unit_test(test_index_ops),
        cmocka_unit_test(test_builder_folds_alike),
        cmocka_unit_test(test_loops_do_not_grow_the_arena),
        cmocka_unit_test(test_every_op_has_a_case),
        cmocka_unit_test(test_every_arithmetic_op_was_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
