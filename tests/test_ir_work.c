/* link: rattan_ir rattan_base */
/* Counting work on tile IR: loops by their turns, branches as taken, trims by their band; and loops whose number
 * decides nothing, which are gone through once. */
#include "ir/ir_work.h"
#include "tests/ir_testing.h"

static int64_t ten_times(const void *arg, const char *param, int64_t index) {
    assert_string_equal(param, "pos");
    return 10 * index + *(const int64_t *)arg;
}

static const char HEAD[] =
    "module \"t\"\nkernel @k tile scratch=0 {\n  param q bf16 in [B, T, 8, 64]\n  param o f32 out [B, T, 8, 64]\n"
    "  param pos i32 in [N]\n  param came i64 work [1, 1, 1, 1]\n  %z:index = iconst {value=0}\n  %one:index = iconst {value=1}\n"
    "  %four:index = iconst {value=4}\n  %T:index = isym {sym=\"T\"}\n"
    "  %x:f32<4x8> = fconst {fvalue=1}\n  %y:f32<8x16> = fconst {fvalue=2}\n";

static IrWork counted(const char *body, int64_t tokens) {
    static const int64_t base = 3;
    Ctx                  ctx;
    IrWork               work;
    IrLaunch             launch = {.element = ten_times, .arg = &base};
    ctx_init(&ctx);
    launch.syms[SYM_T] = tokens;
    launch.syms[SYM_N] = 4;
    Module *const module = parse_ok(&ctx, ctx_printf(&ctx, "%s%s}\n", HEAD, body));
    if (ir_verify(&ctx, module) != ST_OK || ir_work(&ctx, module, &launch, &work) != ST_OK)
        fail_msg("%s", described(&ctx));
    ctx_free(&ctx);
    return work;
}

static void check_number(double got, double wanted) {
    if (got != wanted)
        fail_msg("%g, not %g", got, wanted);
}

static void test_tiles(void **state) {
    (void)state;
    const IrWork work =
        counted("  %p:f32<4x16> = dot %x, %y {ta=0, tb=0}\n  %e:f32<4x8> = exp %x\n  %a:f32<4x8> = add %x, %e\n"
                "  %s:f32<4x1> = rowsum %a\n"
                "  %q:f32<4x8> = load %z, %z, %z, %z, %T {param=\"q\", rowdim=1, groupdim=2, period=4}\n"
                "  store %z, %z, %z, %z, %T, %q {param=\"o\", rowdim=1, groupdim=2, period=4}\n",
                100);
    check_number(work.products, 2 * 4 * 8 * 16);
    check_number(work.panels, 4 * 8 * 16);
    check_number(work.specials, 32);
    check_number(work.others, 64);
    check_number(work.loaded, 2 * 32);
    check_number(work.stored, 4 * 32);
}

/* 25 turns of 4 tokens; the inner loop has as many turns as the outer one's number over 4: 0 + 1 + ... + 24. */
static void test_loops(void **state) {
    (void)state;
    const char *nested =
        "  for %z, %T, %four {axis=\"row\"} (%i:index) {\n    %n:index = idiv %i, %four\n"
        "    for %z, %n, %one {axis=\"key\"} (%j:index) {\n      %e:f32<4x8> = exp %x\n      yield\n    }\n"
        "    yield\n  }\n";
    check_number(counted(nested, 100).specials, 32 * 300);
    check_number(counted(nested, 0).specials, 0);
}

/* The outer loop's number decides nothing: one turn counts eight times, whatever stands in it. */
static void test_uniform_loop(void **state) {
    (void)state;
    const char *heads = "  %h:index = iconst {value=8}\n  for %z, %h, %one {axis=\"kv_head\", par=1} (%g:index) {\n"
                        "    for %z, %T, %four {axis=\"row\"} (%i:index) {\n      %m:index = imul %g, %four\n"
                        "      %q:f32<4x8> = load %z, %i, %m, %z, %T {param=\"q\", rowdim=1, groupdim=2, period=4}\n"
                        "      yield\n    }\n    yield\n  }\n";
    check_number(counted(heads, 40).loaded, 8 * 10 * 64);
}

/* A branch on the number, through memory: positions 3, 13, 23, 33, of which two are below 20. */
static void test_branch(void **state) {
    (void)state;
    const char *branch =
        "  %N:index = isym {sym=\"N\"}\n  %limit:index = iconst {value=20}\n"
        "  for %z, %N, %one {axis=\"seq\"} (%n:index) {\n    %p:index = iload %n {param=\"pos\"}\n"
        "    %c:index = ilt %p, %limit\n    if %c {\n      %e:f32<4x8> = exp %x\n      yield\n    }\n    yield\n  }\n";
    check_number(counted(branch, 1).specials, 2 * 32);
}

/* What the last of four turns does alone is done once; what each does, four times. */
static void test_last_of_turns(void **state) {
    (void)state;
    const IrWork work = counted("  %N:index = isym {sym=\"N\"}\n"
                                "  for %z, %N, %one {axis=\"part\", par=1} (%n:index) {\n    %e:f32<4x8> = exp %x\n"
                                "    %l:index = arrive %z, %z, %z, %N {param=\"came\"}\n    if %l {\n"
                                "      %a:f32<4x8> = add %x, %x\n      yield\n    }\n    yield\n  }\n",
                                1);
    check_number(work.specials, 4 * 32);
    check_number(work.others, 32);
}

/* trim=1 with lo = -inf, hi = 0, delta = 0: element (r, c) counts where c <= r, 10 of the 64. trim=2 counts (r, k). */
static void test_trim(void **state) {
    (void)state;
    const IrWork scores = counted("  %p:f32<4x16> = dot %x, %y, %z {ta=0, tb=0, trim=1, lo=-inf, hi=0, period=4}\n", 1);
    check_number(scores.products, 2 * 8 * 10);
    const IrWork sums = counted("  %p:f32<4x16> = dot %x, %y, %z {ta=0, tb=0, trim=2, lo=-inf, hi=0, period=4}\n", 1);
    check_number(sums.products, 2 * 16 * 10);
    const IrWork beyond = counted("  %d:index = iconst {value=50}\n"
                                  "  %p:f32<4x16> = dot %x, %y, %d {ta=0, tb=0, trim=1, lo=-inf, hi=0, period=4}\n",
                                  1);
    check_number(beyond.products, 0);
}

static void test_loop_level(void **state) {
    (void)state;
    Ctx      ctx;
    IrWork   work;
    IrLaunch launch = {.element = ten_times};
    ctx_init(&ctx);
    Module *const module = parse_ok(&ctx, "module \"t\"\nkernel @k loop scratch=0 {\n  %z:index = iconst {value=0}\n"
                                          "  %s:f32<1x8> = sum %z, %z {axis=\"key\", rows=1, cols=8} (%j:index) {\n"
                                          "    %v:f32<1x8> = fconst {fvalue=1}\n    yield %v\n  }\n}\n");
    assert_int_equal(ir_work(&ctx, module, &launch, &work), ST_FAILED);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),  cmocka_unit_test(test_loops), cmocka_unit_test(test_uniform_loop),
        cmocka_unit_test(test_branch), cmocka_unit_test(test_trim),  cmocka_unit_test(test_loop_level),
        cmocka_unit_test(test_last_of_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
