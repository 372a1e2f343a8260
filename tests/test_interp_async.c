/* link: rattan_ir rattan_base */
/* The interpreter's ops for what runs at the same time: roles and the tiles they hand over, products under way, signals, and turns
 * of a parallel loop that are counted. */
#include "tests/ir_testing.h"

/* One role sends rows 0, 1 and rows 2, 3 of a, the other stores their difference; `order` is what the latter does. */
static Status run_roles(Ctx *ctx, int slots, const char *order, TestTile *a, TestTile *out) {
    InterpBinding bindings[2] = {bind_tile("a", a), bind_tile("o", out)};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2};
    Text          text = TEXT(ctx);
    text_add(&text,
             "module \"t\"\nkernel @k tile scratch=0 {\n  param a f64 in [4, 2]\n  param o f64 out [2, 2]\n"
             "  %%z:index = iconst {value=0}\n  %%two:index = iconst {value=2}\n  %%inf:index = iconst {value=inf}\n"
             "  %%q:ring<%d, f32<4x2>> = ring\n  role {role=\"copy\", warps=1, registers=24} {\n"
             "    send %%q, %%z, %%z, %%z, %%z, %%inf {param=\"a\", rows=2, cols=2, rowdim=2, groupdim=-1, period=2}\n"
             "    send %%q, %%z, %%z, %%two, %%z, %%inf {param=\"a\", rows=2, cols=2, rowdim=2, groupdim=-1, period=2}\n"
             "    yield\n  }\n  role {role=\"compute\", warps=4, registers=240} {\n%s"
             "    %%r:f32<2x2> = sub %%v, %%w\n    await {count=0}\n"
             "    store %%z, %%z, %%z, %%z, %%inf, %%r {param=\"o\", rowdim=2, groupdim=-1, period=2}\n    yield\n  }\n}\n",
             slots, order);
    return run_module(ctx, parse_ok(ctx, text_str(&text)), &args);
}

static void check_roles(int slots, const char *order, Status status, const char *message, const TestTile *wanted, TestTile *a) {
    Ctx      ctx;
    TestTile out = {.rows = 2, .cols = 2};
    ctx_init(&ctx);
    assert_int_equal(run_roles(&ctx, slots, order, a, &out), status);
    if (message)
        assert_non_null(strstr(ctx.message, message));
    else
        check_tile(&out, wanted, 1e-6, order);
    ctx_free(&ctx);
}

static void test_roles_hand_over_in_order(void **state) {
    (void)state;
    static const char BOTH[] = "    %v:f32<2x2> = take %q\n    %w:f32<2x2> = take %q\n",
                      COPIED[] = "    %t:f32<2x2> = take %q\n    %v:f32<2x2> = copy %t\n    release %q, %t\n"
                                 "    %w:f32<2x2> = take %q\n",
                      EARLY[] = "    %v:f32<2x2> = take %q\n    release %q, %v\n    %w:f32<2x2> = take %q\n    release %q, %w\n";
    TestTile a = random_tile(4, 2, -1, 1), wanted = {.rows = 2, .cols = 2}, undefined = {2, 2, {NAN, NAN, NAN, NAN}};
    char     order[512];
    for (int e = 0; e < 4; e++)
        wanted.data[e] = a.data[e] - a.data[4 + e];
    snprintf(order, sizeof order, "%s    %%x:f32<2x2> = sub %%v, %%w\n    release %%q, %%v\n    release %%q, %%w\n", BOTH);
    check_roles(1, order, ST_FAILED, "wait for one another for ever", NULL, &a);
    snprintf(order, sizeof order, "%s", BOTH);
    check_roles(2, order, ST_FAILED, "never released", NULL, &a);
    check_roles(2, EARLY, ST_OK, NULL, &undefined, &a);
    snprintf(order, sizeof order, "%s    %%c:f32<2x2> = copy %%w\n", COPIED);
    check_roles(1, order, ST_FAILED, "never released", NULL, &a);
    check_roles(1,
                "    %t:f32<2x2> = take %q\n    %v:f32<2x2> = copy %t\n    release %q, %t\n"
                "    %u:f32<2x2> = take %q\n    %w:f32<2x2> = copy %u\n    release %q, %u\n",
                ST_OK, NULL, &wanted, &a);
}

/* Of the two tiles that are sent one role changes the first one's sign, another passes the second one on; `places` is how
 * the latter comes to the second place of ring p. Two roles take all that is there, one of them as `taker` does. */
static Status run_turns(Ctx *ctx, const char *places, const char *taker, TestTile *a, TestTile *out) {
    static const char SEND[] =
        "    send %q, %z, %z, %z, %z, %inf {param=\"a\", rows=2, cols=2, rowdim=2, groupdim=-1, period=2}\n"
        "    send %q, %z, %z, %two, %z, %inf {param=\"a\", rows=2, cols=2, rowdim=2, groupdim=-1, period=2}\n";
    InterpBinding bindings[2] = {bind_tile("a", a), bind_tile("o", out)};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2};
    Text          text = TEXT(ctx);
    text_add(&text,
             "module \"t\"\nkernel @k tile scratch=0 {\n  param a f64 in [4, 2]\n  param o f64 out [2, 2]\n"
             "  %%z:index = iconst {value=0}\n  %%two:index = iconst {value=2}\n  %%inf:index = iconst {value=inf}\n"
             "  %%q:ring<1, f32<2x2>> = ring\n  %%p:ring<1, f32<2x2>> = ring\n"
             "  role {role=\"copy\", warps=1, registers=24} {\n%s    yield\n  }\n", SEND);
    text_add(&text,
             "  role {role=\"one\", warps=4, registers=240} {\n    %%t:f32<2x2> = take %%q\n    %%v:f32<2x2> = neg %%t\n"
             "    release %%q, %%t\n    give %%p, %%v\n    skip %%q\n    skip %%p\n    yield\n  }\n"
             "  role {role=\"two\", warps=4, registers=240} {\n%s    %%t2:f32<2x2> = take %%q\n    %%w:f32<2x2> = copy %%t2\n"
             "    release %%q, %%t2\n    give %%p, %%w\n    yield\n  }\n", places);
    text_add(&text,
             "  role {role=\"look\", warps=1, registers=24} {\n%s    yield\n  }\n"
             "  role {role=\"compute\", warps=4, registers=240} {\n    %%x:f32<2x2> = take %%p\n    %%y:f32<2x2> = copy %%x\n"
             "    release %%p, %%x\n    %%u:f32<2x2> = take %%p\n    %%r:f32<2x2> = sub %%y, %%u\n    release %%p, %%u\n"
             "    store %%z, %%z, %%z, %%z, %%inf, %%r {param=\"o\", rowdim=2, groupdim=-1, period=2}\n    yield\n  }\n}\n", taker);
    return run_module(ctx, parse_ok(ctx, text_str(&text)), &args);
}

static void test_roles_take_turns(void **state) {
    (void)state;
    static const char SKIPS[] = "    skip %q\n    skip %p\n", ONE[] = "    %l:f32<2x2> = take %p\n    release %p, %l\n",
                      BOTH[] = "    %l:f32<2x2> = take %p\n    release %p, %l\n    %m:f32<2x2> = take %p\n    release %p, %m\n";
    static const struct {
        const char *places, *taker, *message;
    } CASES[] = {{SKIPS, BOTH, NULL},
                 {"    skip %q\n", BOTH, "nothing was sent"},
                 {SKIPS, ONE, "never released"},
                 {SKIPS, "    %l:f32<2x2> = take %p\n    skip %p\n", "wait for one another"}};
    TestTile a = random_tile(4, 2, -1, 1), wanted = {.rows = 2, .cols = 2};
    for (int e = 0; e < 4; e++)
        wanted.data[e] = -a.data[e] - a.data[4 + e];
    for (size_t c = 0; c < sizeof CASES / sizeof CASES[0]; c++) {
        Ctx      ctx;
        TestTile out = {.rows = 2, .cols = 2};
        ctx_init(&ctx);
        const Status status = run_turns(&ctx, CASES[c].places, CASES[c].taker, &a, &out);
        assert_int_equal(status, CASES[c].message ? ST_FAILED : ST_OK);
        if (CASES[c].message)
            assert_non_null(strstr(ctx.message, CASES[c].message));
        else
            check_tile(&out, &wanted, 1e-6, "the roles' sum");
        ctx_free(&ctx);
    }
}

/* A product runs on until it is awaited. */
static void test_products_are_awaited(void **state) {
    (void)state;
    static const char *const PRODUCT = "    %t:f32<2x2> = take %q\n    %u:f32<2x2> = take %q\n    %w:f32<2x2> = copy %u\n"
                                       "    release %q, %u\n    %p:f32<2x2> = dot %w, %t {ta=0, tb=0}\n",
                             *const EARLY = "    %v:f32<2x2> = copy %p\n    await {count=0}\n    release %q, %t\n",
                             *const TAKEN = "    release %q, %t\n    await {count=0}\n    %v:f32<2x2> = copy %p\n",
                             *const OTHER = "    %s:f32<2x2> = dot %w, %t {ta=0, tb=0}\n    await {count=1}\n"
                                            "    %v:f32<2x2> = copy %s\n    await {count=0}\n    release %q, %t\n",
                             *const RIGHT = "    %s:f32<2x2> = dot %w, %t, %p {ta=0, tb=0}\n    await {count=0}\n"
                                            "    %v:f32<2x2> = copy %s\n    release %q, %t\n";
    TestTile a = random_tile(4, 2, -1, 1), wanted = {.rows = 2, .cols = 2};
    char     order[1024];
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++)
            wanted.data[2 * r + c] = 2 * (a.data[4 + 2 * r] * a.data[c] + a.data[5 + 2 * r] * a.data[2 + c]) - a.data[4 + 2 * r + c];
    snprintf(order, sizeof order, "%s%s", PRODUCT, EARLY);
    check_roles(2, order, ST_FAILED, "looked at before it is awaited", NULL, &a);
    snprintf(order, sizeof order, "%s%s", PRODUCT, TAKEN);
    check_roles(2, order, ST_FAILED, "released while a product reads it", NULL, &a);
    snprintf(order, sizeof order, "%s%s", PRODUCT, OTHER);
    check_roles(2, order, ST_FAILED, "looked at before it is awaited", NULL, &a);
    snprintf(order, sizeof order, "%s%s", PRODUCT, RIGHT);
    check_roles(2, order, ST_OK, NULL, &wanted, &a);
}

/* Of four rows, two at a time, the last ones are there; a row before the first says nothing. */
static void check_signals(const char *expected, Status status) {
    Ctx         ctx;
    InterpArgs  args = {0};
    char        text[1024];
    ctx_init(&ctx);
    snprintf(text, sizeof text,
             "module \"t\"\nkernel @k tile {\n  param there i32 work [1, 8, 1, 1]\n  %%z:index = iconst {value=0}\n"
             "  %%four:index = iconst {value=4}\n  %%one:index = iconst {value=1}\n  %%two:index = iconst {value=2}\n"
             "  %%lo:index = iconst {value=-1}\n  for %%z, %%four, %%two {axis=\"row\"} (%%r:index) {\n"
             "    signal %%z, %%r, %%z, %%z, %%four {param=\"there\", rowdim=1, value=0}\n    yield\n  }\n"
             "  signal %%z, %%lo, %%z, %%z, %%four {param=\"there\", rowdim=1, value=1}\n"
             "  signal %%z, %%two, %%z, %%z, %%four {param=\"there\", rowdim=1, value=1}\n%s}\n",
             expected);
    assert_int_equal(run_module(&ctx, parse_ok(&ctx, text), &args), status);
    assert_true(status == ST_OK || strstr(ctx.message, "nobody signals row"));
    ctx_free(&ctx);
}

static void test_signals_say_what_is_there(void **state) {
    (void)state;
    check_signals("  expect %z, %two, %z, %z, %four {param=\"there\", rowdim=1, rows=2, period=2}\n", ST_OK);
    check_signals("  expect %z, %two, %z, %z, %four {param=\"there\", rowdim=1, rows=6, period=2}\n", ST_OK); /* beyond */
    check_signals("  expect %z, %z, %z, %two, %four {param=\"there\", rowdim=1, rows=4, period=2}\n", ST_OK); /* before */
    check_signals("  expect %z, %z, %z, %z, %four {param=\"there\", rowdim=1, rows=4, period=2}\n", ST_FAILED);
    check_signals("  expect %z, %one, %z, %z, %four {param=\"there\", rowdim=1, rows=1, period=1}\n", ST_FAILED);
}

/* Three turns come to one of two elements of memory that holds anything; whichever is the last one writes its number, and so it is
 * again from a count of 0. */
static void check_arrivals(bool reverse, double last) {
    static const char KERNEL[] =
        "kernel @%s tile {\n  param w f64 in [3, 2]\n  param o f64 out [2, 2]\n  param there i64 work [1, 2, 1, 1]\n"
        "  %%z:index = iconst {value=0}\n  %%one:index = iconst {value=1}\n  %%n:index = iconst {value=%d}\n"
        "  for %%z, %%n, %%one {axis=\"part\", par=1} (%%i:index) {\n"
        "    %%last:index = arrive %%z, %%one, %%z, %%n {param=\"there\"}\n    if %%last {\n"
        "      %%x:f64<1x2> = load %%z, %%z, %%i, %%z, %%z {param=\"w\", rowdim=-1, groupdim=-1, period=1}\n"
        "      %%y:f64<1x2> = load %%z, %%z, %%%s, %%z, %%z {param=\"o\", rowdim=-1, groupdim=-1, period=1}\n"
        "      %%s:f64<1x2> = add %%x, %%y\n"
        "      store %%z, %%z, %%%s, %%z, %%z, %%s {param=\"o\", rowdim=-1, groupdim=-1, period=1}\n      yield\n    }\n"
        "    yield\n  }\n}\n";
    Ctx           ctx;
    double        out[4] = {0}, numbers[6] = {1, 1, 2, 2, 3, 3};
    InterpBinding bindings[] = {{.name = "o", .data = out, .dims = {1, 1, 2, 2}}, {.name = "w", .data = numbers, .dims = {1, 1, 3, 2}}};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2, .reverse = reverse};
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    text_add(&text, "module \"t\"\n");
    text_add(&text, KERNEL, "first", 3, "z", "z");
    text_add(&text, KERNEL, "second", 3, "one", "one");
    if (run_module(&ctx, parse_ok(&ctx, text_str(&text)), &args) != ST_OK)
        fail_msg("%s", described(&ctx));
    for (int i = 0; i < 4; i++)
        assert_true(out[i] == last);
    text = TEXT(&ctx);
    text_add(&text, "module \"t\"\n");
    text_add(&text, KERNEL, "many", 16, "z", "z");
    assert_int_equal(run_module(&ctx, parse_ok(&ctx, text_str(&text)), &args), ST_FAILED);
    assert_non_null(strstr(ctx.message, "16 turns, which are 1 to 15"));
    ctx_free(&ctx);
}

static void test_the_last_turn_knows(void **state) {
    (void)state;
    check_arrivals(false, 3);
    check_arrivals(true, 1);
}
static void test_every_such_op_was_run(void **state) {
    (void)state;
    for (int code = OP_ARRIVE; code < OP_FCONST; code++)
        if (!seen_ops[code])
            fail_msg("no test runs %s", op_info((OpCode)code)->name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_hand_over_in_order),
        cmocka_unit_test(test_roles_take_turns),
        cmocka_unit_test(test_products_are_awaited),
        cmocka_unit_test(test_signals_say_what_is_there),
        cmocka_unit_test(test_the_last_turn_knows),
        cmocka_unit_test(test_every_such_op_was_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
