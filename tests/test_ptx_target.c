/* link: rattan_ptx rattan_ir rattan_base */
/* GPU targets: every row is found by its name, every compute capability gets the row that runs on it. And which phases of code
 * for GPUs may run beside which. */
#include "codegen/ptx/ptx_codegen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ir/schedule.h"

static void rows_are_found_by_name(void **state) {
    Ctx ctx;
    int count = 0;
    (void)state;
    ctx_init(&ctx);
    for (; ptx_target_name(count); count++) {
        Target target = {0};
        assert_int_equal(ptx_find_target(&ctx, ptx_target_name(count), &target), ST_OK);
        assert_string_equal(target.name, ptx_target_name(count));
        assert_string_equal(target.cpu, ptx_target_name(count) + strlen("cuda:"));
        assert_int_equal(target.warp_size, 32);
        assert_in_range(target.shared_bytes, 99 << 10, 227 << 10);
        assert_true(*ptx_target_help(count));
        assert_int_equal(target.exact, target.cpu[strlen(target.cpu) - 1] == 'a'); /* as NVIDIA names them */
    }
    assert_true(count >= 7);
    assert_null(ptx_target_help(count));
    ctx_free(&ctx);
}

static Status find(Ctx *ctx, void *arg) {
    Target target;
    return ptx_find_target(ctx, arg, &target);
}

static void unknown_names_list_the_known(void **state) {
    Ctx ctx;
    (void)state;
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, find, (void *)"cuda:sm_35"), ST_USAGE);
    assert_non_null(strstr(ctx.message, "cuda:sm_35"));
    assert_non_null(strstr(ctx.remedy, "cuda:sm_90"));
    ctx_free(&ctx);
}

static void capabilities_get_the_row_that_runs(void **state) {
    static const struct {
        int         major, minor;
        const char *name; /* NULL: too old */
    } CASES[] = {{7, 5, NULL},          {8, 0, "cuda:sm_80"},    {8, 6, "cuda:sm_86"},    {8, 7, "cuda:sm_86"},
                 {8, 9, "cuda:sm_89"},  {9, 0, "cuda:sm_90a"},    {10, 0, "cuda:sm_100a"}, {10, 3, "cuda:sm_103a"},
                 {10, 1, "cuda:sm_90"}, {12, 0, "cuda:sm_120a"}, {12, 1, "cuda:sm_90"}};
    (void)state;
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        const char *name = ptx_arch_for(CASES[c].major, CASES[c].minor);
        if (CASES[c].name)
            assert_string_equal(name, CASES[c].name);
        else
            assert_null(name);
    }
}

/* A kernel that copies a row tile from one parameter to another; `given`: what kind backward alone has. */
static int add_copy(char *out, const char *name, const char *given, const char *from, const char *to) {
    return sprintf(out,
                   "kernel @%s tile scratch=0 warps=4 {\n  param q f32 in [B, T, 2, 64]\n  param %s f32 in [B, T, 2, 64]\n"
                   "  param dq f32 out [B, T, 2, 64]\n  param sums f32 work [B, T, 2, 64]\n  param rest f32 work [B, T, 2, 64]\n"
                   "  %%0:index = iconst {value=0}\n  %%1:index = iconst {value=1}\n  %%2:index = isym {sym=\"B\"}\n"
                   "  %%3:index = isym {sym=\"T\"}\n  for %%0, %%2, %%1 {axis=\"seq\", par=1} (%%4:index) {\n"
                   "    %%5:f32<64x64> = load %%4, %%0, %%0, %%0, %%3 {param=\"%s\", rowdim=1, groupdim=-1, period=64}\n"
                   "    %%6:f32<64x64> = neg %%5\n"
                   "    store %%4, %%0, %%0, %%0, %%3, %%6 {param=\"%s\", rowdim=1, groupdim=-1, period=64}\n"
                   "    yield\n  }\n}\n",
                   name, given, from, to);
}

static Status compile_copies(Ctx *ctx, void *given) {
    static const char *const COPIES[4][2] = {{"q", "sums"}, {"sums", "dq"}, {"q", "rest"}, {"rest", "dq"}};
    char                     text[8192];
    int                      length = sprintf(text, "module \"copies\" chunk=64 segment=0 min_items=1\n");
    Module                  *module;
    Target                   target = {0};
    Schedule                 schedule = {0};
    PtxOutput                output;
    for (int k = 0; k < 4; k++)
        length += add_copy(text + length, (const char *[]){"a", "b", "c", "d"}[k], given, COPIES[k][0], COPIES[k][1]);
    TRY(ir_parse(ctx, "copies", text, (size_t)length, &module));
    TRY(ptx_find_target(ctx, "cuda:sm_90a", &target));
    TRY(ptx_compile(ctx, module, &target, &schedule, "", PTX_WANT_SOURCE, NULL, &output));
    const bool backward = strcmp(given, "do") == 0;
    /* a: q -> sums; b: sums -> dq; c: q -> rest; d: rest -> dq, behind b and c. Slices share no results. */
    static const int64_t BESIDE[] = {0, 0, 3, 1}, BEFORE[] = {12, 14, 3, 11};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(output.phases[k].beside, backward ? BESIDE[k] : 0);
        assert_int_equal(output.phases[k].beside_before, backward ? BEFORE[k] : 0);
    }
    return ST_OK;
}

static void phases_that_share_no_written_memory_run_beside(void **state) {
    static const char *const GIVEN[] = {"do", "k"};
    Ctx                      ctx;
    (void)state;
    for (int g = 0; g < 2; g++) {
        ctx_init(&ctx);
        assert_int_equal(ctx_run(&ctx, compile_copies, (void *)GIVEN[g]), ST_OK);
        ctx_free(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_name),
        cmocka_unit_test(unknown_names_list_the_known),
        cmocka_unit_test(capabilities_get_the_row_that_runs),
        cmocka_unit_test(phases_that_share_no_written_memory_run_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
