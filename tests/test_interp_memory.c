/* link: rattan_ir rattan_base */
/* The interpreter's memory and control: loads and stores, loops, reductions, rings, scratch places, and what it
 * refuses. */
#include "tests/ir_testing.h"

static const double EXACT = 1e-13;

static void check_run(const char *level, const char *body, TestTile *a, TestTile *b, const TestTile *wanted,
                      InterpArgs args) {
    Ctx      ctx;
    TestTile out = {.rows = wanted->rows, .cols = wanted->cols};
    ctx_init(&ctx);
    if (run_body(&ctx, level, body, a, b, NULL, &out, args) != ST_OK)
        fail_msg("%s\n%s", described(&ctx), body);
    check_tile(&out, wanted, EXACT, body);
    ctx_free(&ctx);
}

static void check_refused(const char *level, const char *body, TestTile *a, InterpArgs args, const char *message) {
    Ctx      ctx;
    TestTile out = {.rows = 2, .cols = 2};
    ctx_init(&ctx);
    assert_int_equal(run_body(&ctx, level, body, a, NULL, NULL, &out, args), ST_FAILED);
    if (!strstr(described(&ctx), message))
        fail_msg("\"%s\" is not in: %s", message, described(&ctx));
    ctx_free(&ctx);
}

/* ---- Loads and stores ---- */

enum { D0 = 2, D1 = 9, D2 = 4, D3 = 6 };

typedef struct Copy { /* a load from x and a store to y, at coordinates (1, start, 1) */
    int     rowdim, groupdim, period, wrap, rows, cols;
    int64_t start, lo, hi;
    bool    down;
} Copy;

/* The element of x, flat, that row r of the copy names, or -1. */
static int64_t source_row(const Copy *copy, int r) {
    int64_t place[3] = {1, copy->start, 1};
    if (copy->groupdim >= 0)
        place[copy->groupdim] += r / copy->period;
    if (copy->rowdim >= 0) {
        int64_t *row = &place[copy->rowdim];
        *row += copy->down ? -(r % copy->period) : r % copy->period;
        if (*row < copy->lo || *row >= copy->hi)
            return -1;
        if (copy->wrap)
            *row = ((*row % copy->wrap) + copy->wrap) % copy->wrap;
    }
    return ((place[0] * D1 + place[1]) * D2 + place[2]) * D3;
}

static const char *copy_text(Ctx *ctx, const Copy *copy, const char *x, const char *y) {
    Text attrs = TEXT(ctx);
    text_add(&attrs, "rowdim=%d, groupdim=%d, period=%d", copy->rowdim, copy->groupdim, copy->period);
    if (copy->wrap)
        text_add(&attrs, ", wrap=%d", copy->wrap);
    if (copy->down)
        text_add(&attrs, ", down=1");
    return ctx_printf(
        ctx,
        "module \"t\"\nkernel @k tile {\n  param x %s in [B, T, %d, %d]\n  param y %s out [B, T, %d, %d]\n"
        "  %%one:index = iconst {value=1}\n  %%s:index = iconst {value=%lld}\n"
        "  %%lo:index = iconst {value=%lld}\n  %%hi:index = iconst {value=%lld}\n"
        "  %%t:f32<%dx%d> = load %%one, %%s, %%one, %%lo, %%hi {param=\"x\", %s}\n"
        "  store %%one, %%s, %%one, %%lo, %%hi, %%t {param=\"y\", %s}\n}\n",
        x, D2, D3, y, D2, D3, (long long)copy->start, (long long)copy->lo, (long long)copy->hi, copy->rows, copy->cols,
        text_str(&attrs), text_str(&attrs));
}

/* x is contiguous, y has strides that leave gaps: a row of y is D3 + 1 apart, heads are slower than tokens. */
static void check_copy(const Copy *copy, const char *xtype, const char *ytype) {
    const int64_t strides[4] = {D1 * D2 * (D3 + 1), D3 + 1, D1 * (D3 + 1), 1};
    double        x[D0 * D1 * D2 * D3], y[D0 * D1 * D2 * (D3 + 1)], wanted[D0 * D1 * D2 * (D3 + 1)];
    uint8_t       xs[sizeof x], ys[sizeof y];
    DType         xd, yd;
    Ctx           ctx;
    ctx_init(&ctx);
    assert_true(dtype_parse(xtype, &xd) && dtype_parse(ytype, &yd));
    for (int e = 0; e < D0 * D1 * D2 * D3; e++)
        dtype_store(xd, xs, e, random_between(-2, 2));
    for (int e = 0; e < D0 * D1 * D2 * (D3 + 1); e++) {
        wanted[e] = e % 7;
        dtype_store(yd, ys, e, wanted[e]);
    }
    for (int r = 0; r < copy->rows; r++) {
        const int64_t from = source_row(copy, r), token = from / (D2 * D3) % D1, head = from / D3 % D2;
        for (int c = 0; c < copy->cols && from >= 0; c++) {
            double *element =
                &wanted[strides[0] * (from / (D1 * D2 * D3)) + strides[1] * token + strides[2] * head + c];
            uint8_t rounded[8];
            dtype_store(yd, rounded, 0, dtype_load(xd, xs, from + c));
            *element = dtype_load(yd, rounded, 0);
        }
    }
    InterpBinding bindings[] = {{.name = "x", .data = xs, .dims = {D0, D1, D2, D3}},
                                {.name = "y", .data = ys, .dims = {D0, D1, D2, D3}, .strides = strides}};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2, .syms = {[SYM_B] = D0, [SYM_T] = D1}};
    if (run_module(&ctx, parse_ok(&ctx, copy_text(&ctx, copy, xtype, ytype)), &args) != ST_OK)
        fail_msg("%s", described(&ctx));
    for (int e = 0; e < D0 * D1 * D2 * (D3 + 1); e++)
        assert_float_equal(dtype_load(yd, ys, e), wanted[e], 0);
    ctx_free(&ctx);
}

static void test_copies(void **state) {
    (void)state;
    static const Copy COPIES[] = {
        {.rowdim = 1, .groupdim = 2, .period = 4, .rows = 12, .cols = 6, .start = 3, .lo = 0, .hi = IR_POS_INF},
        {.rowdim = 1, .groupdim = 2, .period = 8, .rows = 16, .cols = 5, .start = -2, .lo = 0, .hi = 4},
        {.rowdim = 1, .groupdim = -1, .period = 20, .rows = 20, .cols = 6, .start = -5, .lo = 1, .hi = 9},
        {.rowdim = 1, .groupdim = -1, .period = 5, .wrap = 7, .rows = 5, .cols = 6, .start = 19, .lo = 20, .hi = 23},
        {.rowdim = 2, .groupdim = 1, .period = 3, .rows = 9, .cols = 1, .start = 2, .lo = 1, .hi = 3},
        {.rowdim = -1, .groupdim = 2, .period = 1, .rows = 3, .cols = 6, .start = 8, .lo = 5, .hi = 4},
        {.rowdim = 0, .groupdim = -1, .period = 1, .rows = 1, .cols = 6, .start = 4, .lo = 0, .hi = 2},
        {.rowdim = 1, .groupdim = 2, .period = 4, .rows = 12, .cols = 6, .start = 5, .lo = 3, .hi = 9, .down = true},
        {.rowdim = 1, .groupdim = -1, .period = 9, .rows = 9, .cols = 5, .start = 6, .lo = 0, .hi = 6, .down = true},
    };
    static const char *const TYPES[] = {"f32", "bf16", "f16", "f64"};
    for (size_t i = 0; i < sizeof COPIES / sizeof COPIES[0]; i++)
        for (int t = 0; t < 16; t++)
            check_copy(&COPIES[i], TYPES[t % 4], TYPES[t / 4]);
}

static void test_refuses_what_is_out_of_bounds(void **state) {
    (void)state;
    static const char LOAD[] =
        "  %%at:index = iconst {value=%d}\n"
        "  %%r:f32<2x%d> = load %%z, %%z, %%at, %%z, %%inf {param=\"a\", rowdim=2, groupdim=-1, period=2}\n";
    TestTile a = random_tile(4, 2, -1, 1);
    char     body[256];
    snprintf(body, sizeof body, LOAD, 3, 2);
    check_refused("tile", body, &a, (InterpArgs){0}, "row 1 is at 4 in dim 2 of a, which has 4");
    snprintf(body, sizeof body, "  %%o:index = iconst {value=-1}\n%s",
             "  %r:f32<2x2> = load %o, %z, %z, %z, %inf {param=\"a\", rowdim=2, groupdim=-1, period=2}\n");
    check_refused("tile", body, &a, (InterpArgs){0}, "row 0 is at -1 in dim 0");
}

static void test_refuses_bad_bindings(void **state) {
    (void)state;
    static const char TEXT_[] =
        "module \"t\"\nkernel @k tile {\n  param x f32 in [T, 4]\n  %z:index = iconst {value=0}\n"
        "  %t:f32<1x4> = load %z, %z, %z, %z, %z {param=\"x\", rowdim=-1, groupdim=-1, period=1}\n}\n";
    float         x[12] = {1};
    InterpBinding binding = {.name = "x", .data = x, .dims = {1, 1, 3, 4}};
    InterpArgs    args = {.bindings = &binding, .binding_count = 1, .syms = {[SYM_T] = 3}};
    Ctx           ctx;
    ctx_init(&ctx);
    Module *module = parse_ok(&ctx, TEXT_);
    assert_int_equal(run_module(&ctx, module, &args), ST_OK);
    args.syms[SYM_T] = 2;
    assert_int_equal(run_module(&ctx, module, &args), ST_FAILED);
    assert_non_null(strstr(ctx.message, "dim 2 of x is bound as 3, the kernel has 2"));
    ctx_clear(&ctx);
    args.binding_count = 0;
    assert_int_equal(run_module(&ctx, module, &args), ST_FAILED);
    assert_non_null(strstr(ctx.message, "parameter x is not bound"));
    ctx_free(&ctx);
}

static const char WORK_KERNEL[] = "kernel @%s tile {\n  param w f32 work [N+1, 4]\n  param o f64 out [2, 2]\n"
                                  "  %%z:index = iconst {value=0}\n  %%one:index = iconst {value=1}\n%s}\n";

/* Work memory starts undefined (NaN) and lasts from kernel to kernel. */
static void test_work_memory_lasts(void **state) {
    (void)state;
    static const char ATTRS[] = "rowdim=-1, groupdim=-1, period=1";
    Ctx               ctx;
    double            out[4] = {0};
    InterpBinding     binding = {.name = "o", .data = out, .dims = {1, 1, 2, 2}};
    InterpArgs        args = {.bindings = &binding, .binding_count = 1, .syms = {[SYM_N] = 2}};
    ctx_init(&ctx);
    const char *write = ctx_printf(&ctx,
                                   "  %%f:f32<1x2> = fconst {fvalue=0.5}\n"
                                   "  store %%z, %%z, %%one, %%z, %%z, %%f {param=\"w\", %s}\n",
                                   ATTRS);
    const char *read = ctx_printf(&ctx,
                                  "  %%x:f32<1x2> = load %%z, %%z, %%one, %%z, %%z {param=\"w\", %s}\n"
                                  "  %%y:f32<1x2> = load %%z, %%z, %%z, %%z, %%z {param=\"w\", %s}\n"
                                  "  store %%z, %%z, %%z, %%z, %%z, %%x {param=\"o\", %s}\n"
                                  "  store %%z, %%z, %%one, %%z, %%z, %%y {param=\"o\", %s}\n",
                                  ATTRS, ATTRS, ATTRS, ATTRS);
    Text        text = TEXT(&ctx);
    text_add(&text, "module \"t\"\n");
    text_add(&text, WORK_KERNEL, "first", write);
    text_add(&text, WORK_KERNEL, "second", read);
    if (run_module(&ctx, parse_ok(&ctx, text_str(&text)), &args) != ST_OK)
        fail_msg("%s", described(&ctx));
    assert_true(out[0] == 0.5 && out[1] == 0.5 && isnan(out[2]) && isnan(out[3]));
    ctx_free(&ctx);
}

/* ---- Control ---- */

/* Carried values are all read before any is written: a swap works; results are the last values. */
static void test_for_carries_in_parallel(void **state) {
    (void)state;
    static const char BODY[] = "  %%n:index = iconst {value=%d}\n  %%two:index = iconst {value=2}\n"
                               "  %%x:f32<2x2>, %%y:f32<2x2> = for %%z, %%n, %%two, %%a, %%b {axis=\"row\"} "
                               "(%%i:index, %%p:f32<2x2>, %%q:f32<2x2>) {\n    %%s:f32<2x2> = add %%p, %%q\n"
                               "    yield %%q, %%s\n  }\n  %%r:f32<2x2> = sub %%x, %%y";
    for (int n = -1; n < 10; n++) {
        char     body[512];
        TestTile a = random_tile(2, 2, -1, 1), b = random_tile(2, 2, -1, 1), wanted = a, x = a, y = b;
        for (int i = 0; i < n; i += 2)
            for (int e = 0; e < 4; e++) {
                const double sum = x.data[e] + y.data[e];
                x.data[e] = y.data[e];
                y.data[e] = sum;
            }
        for (int e = 0; e < 4; e++)
            wanted.data[e] = x.data[e] - y.data[e];
        snprintf(body, sizeof body, BODY, n);
        check_run("tile", body, &a, &b, &wanted, (InterpArgs){0});
    }
}

static void test_loops_end(void **state) {
    (void)state;
    static const char BODY[] = "  %s:index = isym {sym=\"S\"}\n  %l:index = isym {sym=\"L\"}\n"
                               "  for %z, %l, %s {axis=\"row\"} (%i:index) {\n    yield\n  }\n  %r:f32<2x2> = copy %a";
    TestTile          a = random_tile(2, 2, -1, 1);
    check_run("tile", BODY, &a, NULL, &a, (InterpArgs){.syms = {[SYM_S] = 1, [SYM_L] = 100}});
    check_refused("tile", BODY, &a, (InterpArgs){.syms = {[SYM_S] = 0, [SYM_L] = 5}}, "the step is 0");
    check_refused("tile", BODY, &a, (InterpArgs){.syms = {[SYM_S] = -2, [SYM_L] = 5}}, "the step is -2");
    check_refused("tile", BODY, &a, (InterpArgs){.syms = {[SYM_S] = 1, [SYM_L] = IR_POS_INF}}, "too long for a loop");
}

static void test_if_takes_one_side(void **state) {
    (void)state;
    static const char BODY[] =
        "  %c:index = isym {sym=\"S\"}\n  %r:f32<2x2> = if %c, %b {\n    %n:f32<2x2> = neg %a\n    yield %n\n  }";
    TestTile a = random_tile(2, 2, -1, 1), b = random_tile(2, 2, -1, 1), negated = a;
    for (int e = 0; e < 4; e++)
        negated.data[e] = -a.data[e];
    check_run("tile", BODY, &a, &b, &negated, (InterpArgs){.syms = {[SYM_S] = 3}});
    check_run("tile", BODY, &a, &b, &b, (InterpArgs){.syms = {[SYM_S] = 0}});
}

static void test_rows_yields(void **state) {
    (void)state;
    TestTile a = random_tile(3, 4, -1, 1), wanted = {.rows = 3, .cols = 1};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++)
            wanted.data[r] += exp(at(&a, r, c));
    check_run("tile",
              "  %e:f32<3x4>, %s:f32<3x1> = rows {count=3} {\n    %x:f32<3x4> = exp %a\n    %y:f32<3x1> = rowsum %x\n"
              "    yield %x, %y\n  }\n  %r:f32<3x1> = copy %s",
              &a, NULL, &wanted, (InterpArgs){0});
}

static void test_par_loops_run_backwards(void **state) {
    (void)state;
    /* Each turn overwrites the one result: the last turn to run wins. */
    static const char BODY[] =
        "  %n:index = iconst {value=3}\n  %one:index = iconst {value=1}\n"
        "  for %z, %n, %one {axis=\"row\", par=1} (%i:index) {\n"
        "    %x:f32<1x2> = load %z, %z, %i, %z, %z {param=\"a\", rowdim=-1, groupdim=-1, period=1}\n"
        "    store %z, %z, %z, %z, %z, %x {param=\"o\", rowdim=-1, groupdim=-1, period=1}\n    yield\n  }\n"
        "  %r:f32<1x2> = load %z, %z, %z, %z, %z {param=\"o\", rowdim=-1, groupdim=-1, period=1}";
    TestTile a = random_tile(3, 2, -1, 1), first = {1, 2, {a.data[0], a.data[1]}},
             last = {1, 2, {a.data[4], a.data[5]}};
    check_run("tile", BODY, &a, NULL, &last, (InterpArgs){0});
    check_run("tile", BODY, &a, NULL, &first, (InterpArgs){.reverse = true});
}

/* ---- Reductions of the loop level ---- */

static const char SCORES[] =
    "{axis=\"key\", cols=3} (%j:index) {\n"
    "    %s:f32<1x1> = load %z, %z, %j, %z, %z {param=\"a\", rowdim=-1, groupdim=-1, period=1}\n"
    "    %v:f32<1x3> = load %z, %z, %j, %z, %z {param=\"b\", rowdim=-1, groupdim=-1, period=1}\n"
    "    yield %s, %v\n  }\n";

/* softmax over rows lo .. hi - 1 of scores a (n x 1) and vectors b (n x 3); then (vector, log-sum-exp). */
static TestTile softmax_reference(const TestTile *a, const TestTile *b, int lo, int hi, const double *sink) {
    TestTile wanted = {.rows = 1, .cols = 4};
    double   total = sink ? exp(*sink) : 0;
    for (int j = lo; j < hi; j++)
        total += exp(a->data[j]);
    for (int j = lo; j < hi; j++)
        for (int c = 0; c < 3; c++)
            wanted.data[c] += exp(a->data[j]) / total * at(b, j, c);
    wanted.data[3] = log(total);
    return wanted;
}

static void check_softmax(TestTile *a, TestTile *b, int lo, int hi, bool sink, const TestTile *wanted) {
    char body[1024];
    snprintf(
        body, sizeof body,
        "  %%lo:index = iconst {value=%d}\n  %%hi:index = iconst {value=%d}\n  %%sink:f32<1x1> = fconst {fvalue=0.75}\n"
        "  %%w:f32<1x3>, %%l:f32<1x1> = softmax_sum %%lo, %%hi%s %s  %%r:f32<1x4> = concat %%w, %%l",
        lo, hi, sink ? ", %sink" : "", SCORES);
    check_run("loop", body, a, b, wanted, (InterpArgs){0});
}

static void test_softmax_sum(void **state) {
    (void)state;
    const double sink = 0.75;
    TestTile     a = random_tile(9, 1, -4, 4), b = random_tile(9, 3, -1, 1);
    TestTile     all = softmax_reference(&a, &b, 0, 9, NULL), some = softmax_reference(&a, &b, 2, 7, &sink);
    check_softmax(&a, &b, 0, 9, false, &all);
    check_softmax(&a, &b, 2, 7, true, &some);
    check_softmax(&a, &b, 5, 5, false, &(TestTile){1, 4, {0, 0, 0, -INFINITY}});
    check_softmax(&a, &b, 5, 5, true, &(TestTile){1, 4, {0, 0, 0, 0.75}});
    TestTile large = a;
    for (int j = 0; j < 9; j++)
        large.data[j] += 5000;
    all.data[3] += 5000;
    check_softmax(&large, &b, 0, 9, false, &all);
    large.data[4] = -INFINITY;
    b.data[4 * 3] = NAN; /* a key without weight adds nothing, whatever its value */
    TestTile masked = a;
    masked.data[4] = -800;
    TestTile clean = b;
    clean.data[4 * 3] = 0;
    TestTile rest = softmax_reference(&masked, &clean, 0, 9, NULL);
    rest.data[3] += 5000;
    check_softmax(&large, &b, 0, 9, false, &rest);
}

static void test_sum(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%lo:index = iconst {value=%d}\n  %%hi:index = iconst {value=%d}\n"
        "  %%r:f32<1x3> = sum %%lo, %%hi {axis=\"key\", rows=1, cols=3} (%%j:index) {\n"
        "    %%v:f32<1x3> = load %%z, %%z, %%j, %%z, %%z {param=\"a\", rowdim=-1, groupdim=-1, period=1}\n"
        "    yield %%v\n  }";
    for (int lo = 0; lo < 6; lo++) {
        char     body[512];
        TestTile a = random_tile(6, 3, -1, 1), wanted = {.rows = 1, .cols = 3};
        for (int j = lo; j < 4; j++)
            for (int c = 0; c < 3; c++)
                wanted.data[c] += at(&a, j, c);
        snprintf(body, sizeof body, BODY, lo, 4);
        check_run("loop", body, &a, NULL, &wanted, (InterpArgs){0});
    }
}

/* ---- Rings and places ---- */

/* Slots are taken modulo 3; a view sees what is put later. */
static void check_ring(const char *ring_place) {
    char     body[1024];
    TestTile a = random_tile(2, 2, -1, 1), b = random_tile(2, 2, -1, 1), wanted = a;
    for (int e = 0; e < 4; e++)
        wanted.data[e] = a.data[e] - b.data[e];
    snprintf(body, sizeof body,
             "  %%q:ring<3, f32<2x2>%s> = ring\n  %%one:index = iconst {value=1}\n  %%m:index = iconst {value=-2}\n"
             "  %%seven:index = iconst {value=7}\n  ring_put %%q, %%one, %%b\n  %%v:f32<2x2> = ring_get %%q, %%seven\n"
             "  ring_put %%q, %%z, %%b\n  %%w:f32<2x2> = ring_get %%q, %%z\n  ring_put %%q, %%m, %%a\n  %%r:f32<2x2> = "
             "sub %%v, %%w",
             ring_place);
    check_run("tile", body, &a, &b, &wanted, (InterpArgs){.placed = ring_place[0] != '\0'});
}

static void test_rings(void **state) {
    (void)state;
    check_ring("");
    check_ring(" @0");
    check_ring(" @1024");
}

/* The older group has arrived behind a wait for all but one, the younger one has not; then both have. */
static void check_fetch(const char *place, int count) {
    char     body[1024];
    TestTile a = random_tile(2, 2, -1, 1), b = random_tile(2, 2, -1, 1), wanted = a;
    for (int e = 0; e < 4; e++)
        wanted.data[e] = count == 0 ? a.data[e] - b.data[e] : NAN;
    snprintf(body, sizeof body,
             "  %%q:ring<2, f32<2x2>%s> = ring\n  %%one:index = iconst {value=1}\n  %%two:index = iconst {value=2}\n"
             "  fetch %%q, %%z, %%z, %%z, %%z, %%z, %%two {param=\"a\", rowdim=2, groupdim=-1, period=2}\n  commit\n"
             "  fetch %%q, %%one, %%z, %%z, %%z, %%z, %%two {param=\"b\", rowdim=2, groupdim=-1, period=2}\n  commit\n"
             "  wait {count=%d}\n  barrier\n  %%v:f32<2x2> = ring_get %%q, %%z\n  %%w:f32<2x2> = ring_get %%q, %%one\n"
             "  %%r:f32<2x2> = sub %%v, %%w",
             place, count);
    check_run("tile", body, &a, &b, &wanted, (InterpArgs){.placed = place[0] != '\0'});
}

static void test_fetches_arrive_with_a_wait(void **state) {
    (void)state;
    for (int count = 0; count < 3; count++) {
        check_fetch("", count);
        check_fetch(" @1024", count);
    }
}

/* Rows 0 and 1 of the slot are the first fetch's, rows 2 and 3 the second's, which has its last one out of bounds. */
static void test_fetches_share_a_slot(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%q:ring<1, f32<4x2>%s> = ring\n  %%two:index = iconst {value=2}\n  %%three:index = iconst {value=3}\n"
        "  fetch %%q, %%z, %%z, %%z, %%z, %%z, %%two {param=\"a\", rowdim=2, groupdim=-1, period=4, onto=2}\n"
        "  fetch %%q, %%z, %%z, %%z, %%z, %%two, %%three {param=\"b\", rowdim=2, groupdim=-1, period=4, onto=1}\n"
        "  commit\n  wait {count=0}\n  %%r:f32<4x2> = ring_get %%q, %%z";
    TestTile a = random_tile(4, 2, -1, 1), b = random_tile(4, 2, -1, 1), wanted = a;
    char     body[1024];
    for (int e = 4; e < 8; e++)
        wanted.data[e] = e < 6 ? b.data[e] : 0;
    snprintf(body, sizeof body, BODY, "");
    check_run("tile", body, &a, &b, &wanted, (InterpArgs){0});
    snprintf(body, sizeof body, BODY, " @128");
    check_run("tile", body, &a, &b, &wanted, (InterpArgs){.placed = true});
}

/* Tiles that begin at row 3 or behind it are those of b, whose row 0 is row 3; bounds are those of all rows. */
static void test_another_parameter_goes_on(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%from:index = iconst {value=%d}\n  %%end:index = iconst {value=%d}\n"
        "  %%r:f32<2x2> = load %%z, %%z, %%from, %%z, %%end "
        "{param=\"a\", rowdim=2, groupdim=-1, period=2, beyond=\"b\", border=3}";
    TestTile a = random_tile(4, 2, -1, 1), b = random_tile(4, 2, -1, 1);
    for (int from = 0; from < 6; from++)
        for (int end = from; end < from + 3; end++) {
            char     body[512];
            TestTile wanted = random_tile(2, 2, -1, 1);
            for (int e = 0; e < 4; e++)
                wanted.data[e] = from + e / 2 >= end ? 0 : from < 3 ? a.data[2 * from + e] : b.data[2 * (from - 3) + e];
            snprintf(body, sizeof body, BODY, from, end);
            check_run("tile", body, &a, &b, &wanted, (InterpArgs){0});
        }
}

static void test_a_tall_tile_fills_slots(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%q:ring<3, f32<2x2>%s> = ring\n  %%one:index = iconst {value=1}\n  %%two:index = iconst {value=2}\n"
        "  ring_put %%q, %%one, %%a\n  %%v:f32<2x2> = ring_get %%q, %%one\n  %%w:f32<2x2> = ring_get %%q, %%two\n"
        "  %%r:f32<2x2> = sub %%v, %%w";
    TestTile a = random_tile(4, 2, -1, 1), wanted = {.rows = 2, .cols = 2};
    char     body[1024];
    for (int e = 0; e < 4; e++)
        wanted.data[e] = a.data[e] - a.data[4 + e];
    snprintf(body, sizeof body, BODY, "");
    check_run("tile", body, &a, NULL, &wanted, (InterpArgs){0});
    snprintf(body, sizeof body, BODY, " @128");
    check_run("tile", body, &a, NULL, &wanted, (InterpArgs){.placed = true});
}

static void test_ring_slots_start_undefined(void **state) {
    (void)state;
    TestTile wanted = {2, 2, {NAN, NAN, NAN, NAN}};
    check_run("tile", "  %q:ring<3, f32<2x2>> = ring\n  %r:f32<2x2> = ring_get %q, %z", NULL, NULL, &wanted,
              (InterpArgs){0});
    check_run("tile", "  %q:ring<3, f32<2x2> @64> = ring\n  %r:f32<2x2> = ring_get %q, %z", NULL, NULL, &wanted,
              (InterpArgs){.placed = true});
}

/* Two live tiles in one place: without `placed` all is well, with it the first one is lost. */
static void test_clobbered_places_show(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%x:f32<3x20 @0> = neg %%a\n  %%y:f32<3x20 @%d> = exp %%a\n  %%r:f32<3x20> = add %%x, %%y";
    TestTile a = random_tile(3, 20, -1, 1), right = a, lost = a;
    char     body[256];
    for (int e = 0; e < 60; e++) {
        right.data[e] = exp(a.data[e]) - a.data[e];
        lost.data[e] = 2 * exp(a.data[e]);
    }
    snprintf(body, sizeof body, BODY, 0);
    check_run("tile", body, &a, NULL, &right, (InterpArgs){0});
    check_run("tile", body, &a, NULL, &lost, (InterpArgs){.placed = true});
    snprintf(body, sizeof body, BODY, 384); /* 3 rows of 32 floats: just behind */
    check_run("tile", body, &a, NULL, &right, (InterpArgs){.placed = true});
    snprintf(body, sizeof body, BODY, 320); /* into the last row: its first columns or padding */
    for (int e = 0; e < 60; e++)
        lost.data[e] = e < 40 + 16 ? right.data[e] : exp(a.data[e]) + exp(a.data[e - 56]);
    check_run("tile", body, &a, NULL, &lost, (InterpArgs){.placed = true});
}

/* Loop-carried tiles in one place with their next value, as the place pass lays them out. */
static void test_carried_places(void **state) {
    (void)state;
    TestTile a = random_tile(2, 17, -1, 1), wanted = a;
    for (int e = 0; e < 34; e++)
        wanted.data[e] = a.data[e] * 8;
    check_run("tile",
              "  %n:index = iconst {value=3}\n  %one:index = iconst {value=1}\n  %s:f32<2x17 @128> = copy %a\n"
              "  %x:f32<2x17 @128> = for %z, %n, %one, %s {axis=\"row\"} (%i:index, %p:f32<2x17 @128>) {\n"
              "    %d:f32<2x17 @128> = add %p, %p\n    yield %d\n  }\n  %r:f32<2x17> = copy %x",
              &a, NULL, &wanted, (InterpArgs){.placed = true});
}

/* A @global load is read where it is used: a store in between shows. */
static void test_global_loads_read_at_use(void **state) {
    (void)state;
    static const char BODY[] =
        "  %%g:f32<2x2%s> = load %%z, %%z, %%z, %%z, %%inf {param=\"o\", rowdim=2, groupdim=-1, period=2}\n"
        "  store %%z, %%z, %%z, %%z, %%inf, %%a {param=\"o\", rowdim=2, groupdim=-1, period=2}\n  %%r:f32<2x2> = copy "
        "%%g";
    TestTile a = random_tile(2, 2, 1, 2), zero = {.rows = 2, .cols = 2};
    char     body[512];
    snprintf(body, sizeof body, BODY, "");
    check_run("tile", body, &a, NULL, &zero, (InterpArgs){0});
    snprintf(body, sizeof body, BODY, " @global");
    check_run("tile", body, &a, NULL, &a, (InterpArgs){0});
}

static void test_every_control_and_memory_op_was_run(void **state) {
    (void)state;
    for (int code = OP_FOR; code < OP_ARRIVE; code++)
        if (!seen_ops[code])
            fail_msg("no test runs %s", op_info((OpCode)code)->name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_refuses_what_is_out_of_bounds),
        cmocka_unit_test(test_refuses_bad_bindings),
        cmocka_unit_test(test_work_memory_lasts),
        cmocka_unit_test(test_for_carries_in_parallel),
        cmocka_unit_test(test_loops_end),
        cmocka_unit_test(test_if_takes_one_side),
        cmocka_unit_test(test_rows_yields),
        cmocka_unit_test(test_par_loops_run_backwards),
        cmocka_unit_test(test_softmax_sum),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_fetches_arrive_with_a_wait),
        cmocka_unit_test(test_fetches_share_a_slot),
        cmocka_unit_test(test_another_parameter_goes_on),
        cmocka_unit_test(test_a_tall_tile_fills_slots),
        cmocka_unit_test(test_ring_slots_start_undefined),
        cmocka_unit_test(test_clobbered_places_show),
        cmocka_unit_test(test_carried_places),
        cmocka_unit_test(test_global_loads_read_at_use),
        cmocka_unit_test(test_every_control_and_memory_op_was_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
