/* link: rattan_passes rattan_ir rattan_base */
/* Pass slots: what it counts is what the interpreter sees, which replays the roles with the slots that the ring has. */
#include "tests/ir_testing.h"

#include "passes/passes.h"

#include <string.h>

enum { TILES = 6, PROGRAMS = 300 };

/* One role of the kernel sends `sent` rows of a through a ring of `slots`, the other one, of `warps`, does `order`. */
static Module *program(Ctx *ctx, int slots, int sent, int warps, const char *order) {
    Text text = TEXT(ctx);
    text_add(&text,
             "module \"t\"\nkernel @k tile scratch=0 {\n  param a f64 in [%d, 2]\n  param o f64 out [%d, 2]\n"
             "  %%z:index = iconst {value=0}\n  %%one:index = iconst {value=1}\n  %%two:index = iconst {value=2}\n"
             "  %%T:index = isym {sym=\"T\"}\n  %%inf:index = iconst {value=inf}\n  %%no:index = ilt %%T, %%one\n"
             "  %%q:ring<%d, f32<4x2>> = ring\n  role {role=\"copy\", warps=1, registers=24} {\n",
             TILES, TILES, slots);
    for (int t = 0; t < sent; t++)
        text_add(&text,
                 "    %%at%d:index = iconst {value=%d}\n"
                 "    send %%q, %%z, %%z, %%at%d, %%z, %%inf {param=\"a\", rows=1, cols=2, rowdim=2, groupdim=-1, period=1}\n",
                 t, t, t);
    text_add(&text, "    yield\n  }\n  role {role=\"compute\", warps=%d, registers=240} {\n%s    yield\n  }\n}\n", warps, order);
    return parse_ok(ctx, text_str(&text));
}

static Status count(Ctx *ctx, Module *module) {
    const PassArgs args = {0};
    for (int p = 0; pass_info(p); p++)
        if (strcmp(pass_info(p)->name, "slots") == 0)
            return pass_info(p)->run(ctx, module, &args);
    return ST_FAILED;
}

/* Does the count say what becomes of the program? `waits`: for ever. */
static bool agree(int slots, int sent, int warps, const char *order, bool *waits) {
    Ctx           ctx;
    TestTile      a = random_tile(TILES, 2, -1, 1), o = {.rows = TILES, .cols = 2};
    InterpBinding bindings[2] = {bind_tile("a", &a), bind_tile("o", &o)};
    InterpArgs    args = {.bindings = bindings, .binding_count = 2};
    args.syms[SYM_T] = 1;
    ctx_init(&ctx);
    Module *const module = program(&ctx, slots, sent, warps, order);
    const Status  run = run_module(&ctx, module, &args);
    *waits = run != ST_OK;
    if (run != ST_OK)
        assert_non_null(strstr(ctx.message, "wait for one another for ever"));
    ctx_clear(&ctx);
    const Status counted = count(&ctx, module);
    if (counted != ST_OK) {
        assert_int_equal(counted, ST_USAGE);
        assert_string_equal(ctx.place, "schedule: shared memory");
    }
    ctx_free(&ctx);
    return (counted == ST_OK) == (run == ST_OK);
}

/* All tiles are taken as they come, and released in any order. */
static void random_order(Text *order) {
    bool held[TILES] = {false};
    int  taken = 0, released = 0;
    while (released < TILES) {
        const int tile = (int)random_between(0, TILES);
        if (taken < TILES && random_between(0, 1) < 0.5)
            text_add(order, "    %%t%d:f32<1x2> = take %%q\n", taken), held[taken++] = true;
        else if (held[tile])
            text_add(order, "    release %%q, %%t%d\n", tile), held[tile] = false, released++;
    }
}

static void test_count_is_what_happens(void **state) {
    (void)state;
    int all = 0;
    for (int i = 0; i < PROGRAMS; i++) {
        Ctx  ctx;
        bool waits;
        ctx_init(&ctx);
        Text order = TEXT(&ctx);
        random_order(&order);
        const int slots = 1 + (int)random_between(0, TILES);
        if (!agree(slots, TILES, 4, text_str(&order), &waits))
            fail_msg("of %d slots:\n%s", slots, text_str(&order));
        all += waits;
        ctx_free(&ctx);
    }
    assert_in_range(all, PROGRAMS / 10, PROGRAMS * 9 / 10);
}

#define TAKE(name) "    %" name ":f32<1x2> = take %q\n"
#define RELEASE(name) "    release %q, %" name "\n"
#define TURN(name) TAKE(name) RELEASE(name) "    yield\n    }\n"

/* `least`: slots. Of a loop whose turns nobody knows, all that there are have too few. */
static const struct {
    const char *order;
    int         sent, least;
} FLOWS[] = {
    {TAKE("a") "    skip %q\n" RELEASE("a"), 2, 2},
    {TAKE("a") "    for %z, %two, %one {axis=\"key\"} (%i:index) {\n" TURN("x") RELEASE("a"), 3, 3},
    {"    for %z, %two, %one {axis=\"key\"} (%i:index) {\n" TAKE("a") RELEASE("a") TURN("x"), 4, 1},
    {TAKE("a") "    if %T {\n" TURN("x") RELEASE("a"), 2, 2},
    /* Given back on each way of the branches, before what comes then. */
    {TAKE("a") "    if %T {\n" RELEASE("a") TURN("x") "    if %no {\n" RELEASE("a") TURN("y"), 2, 1},
    {TAKE("a") "    if %T {\n" TURN("x") "    if %no {\n" TURN("y") RELEASE("a"), 2, 2},
    {TAKE("a") TAKE("b") RELEASE("a") "    if %T {\n" TURN("x") RELEASE("b"), 3, 2},
};

static void test_control_flow(void **state) {
    (void)state;
    for (size_t f = 0; f < sizeof FLOWS / sizeof *FLOWS; f++)
        for (int slots = 1; slots < 5; slots++) {
            bool waits;
            if (!agree(slots, FLOWS[f].sent, 4, FLOWS[f].order, &waits) || waits != (slots < FLOWS[f].least))
                fail_msg("of %d slots:\n%s", slots, FLOWS[f].order);
        }
}

static bool is_refused(int slots, int sent, int warps, const char *order) {
    Ctx ctx;
    ctx_init(&ctx);
    const Status status = count(&ctx, program(&ctx, slots, sent, warps, order));
    ctx_free(&ctx);
    return status != ST_OK;
}

/* What the interpreter does not know of: turns that are as many as the caller wants, and stores of a warp alone, which give their
 * tile back with the next one, or at once where the ring has no slot for that. */
static void test_worst_is_counted(void **state) {
    static const char LOOP[] = TAKE("a") "    for %z, %T, %one {axis=\"key\"} (%i:index) {\n" TURN("x") RELEASE("a"),
                      ONE[] = TAKE("a") RELEASE("a") TAKE("b") RELEASE("b"),
                      TWO[] = TAKE("a") TAKE("b") RELEASE("a") RELEASE("b");
    (void)state;
    assert_true(is_refused(6, 2, 4, LOOP));
    assert_false(is_refused(1, 2, 4, ONE));
    assert_false(is_refused(1, 2, 1, ONE));
    assert_true(is_refused(1, 2, 1, TWO));
    assert_false(is_refused(2, 2, 4, TWO));
    assert_true(is_refused(2, 2, 1, TWO));
    assert_false(is_refused(3, 2, 1, TWO));
    assert_false(is_refused(2, 2, 1, ONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_count_is_what_happens), cmocka_unit_test(test_control_flow),
                                       cmocka_unit_test(test_worst_is_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
