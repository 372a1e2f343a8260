/* link: rattan_ptx rattan_ir rattan_base */
/* GPU targets: every row is found by its name, every compute capability gets the row that runs on it. */
#include "codegen/ptx/ptx_codegen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_name),
        cmocka_unit_test(unknown_names_list_the_known),
        cmocka_unit_test(capabilities_get_the_row_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
