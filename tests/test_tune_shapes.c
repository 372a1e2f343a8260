/* link: rattan_driver */
/* What a tuner is told in words, and what it checks candidates on. */
#include "driver/bench_case.h"
#include "driver/tune_shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static Ctx ctx;

static Spec layer(int window, int heads) {
    return (Spec){.heads = heads, .kv_heads = heads, .head_dim = 128, .value_dim = 128, .window = window};
}

static void test_ranges(void **state) {
    TuneBuckets *buckets = NEW(&ctx, TuneBuckets);
    (void)state;
    assert_int_equal(tune_shapes_parse(&ctx, "B=1..3,T=1000", KIND_FORWARD, buckets), ST_OK);
    assert_int_equal(buckets->count, 3); /* 1, 2, 4 */
    assert_true(buckets->items[2].N == 4 && buckets->items[2].T == 1024);
    assert_int_equal(tune_shapes_parse(&ctx, "B=1, T=64", KIND_FORWARD, buckets), ST_OK);
    assert_true(buckets->count == 1 && buckets->items[0].T == 64);
    assert_int_equal(tune_shapes_parse(&ctx, "T=1k..4k", KIND_FORWARD, buckets), ST_OK);
    assert_true(buckets->count == 3 && buckets->items[2].T == 4096);
    assert_int_equal(tune_shapes_parse(&ctx, "T=7..3", KIND_FORWARD, buckets), ST_USAGE);
    assert_string_equal(ctx.place, "--shapes: T");
    assert_string_equal(ctx.remedy, "write T=3..7");
    ctx_clear(&ctx);
    static const char *const WRONG[] = {"T=7..3", "T=128,T=256", "B=1,T=64,B=2", "T=1 28", "Q=1", "", ",", "B=1-4", "T=4G", "T=0", "T=8k..4k", "B=1.."};
    for (size_t w = 0; w < sizeof WRONG / sizeof *WRONG; w++) {
        assert_int_equal(tune_shapes_parse(&ctx, WRONG[w], KIND_FORWARD, buckets), ST_USAGE);
        ctx_clear(&ctx);
    }
}

/* Whatever the window: keys have left it, so that the residual branch has something to do. */
static void test_the_check_reaches_behind_the_window(void **state) {
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        for (int window = 1; window <= 65536; window *= 4)
            for (int heads = 1; heads <= 64; heads *= 8) {
                const Spec spec = layer(window, heads);
                Spec       checked;
                Shape      shape;
                tune_small_case(&spec, (KernelKind)kind, &checked, &shape);
                assert_true(shape.T > checked.window + 64);
                assert_true(shape.ring >= checked.window);
                if (kind != KIND_BACKWARD || window <= 256)
                    assert_int_equal(checked.window, window);
                else
                    assert_true(checked.window <= 256 || bench_case_pairs(&checked, 0, shape.T) * heads * 640 <= 2e10);
            }
}

static void test_the_layer_itself_where_it_can_be(void **state) {
    const Spec spec = layer(1024, 32);
    Spec       checked;
    Shape      shape;
    (void)state;
    tune_small_case(&spec, KIND_BACKWARD, &checked, &shape);
    assert_memory_equal(&checked, &spec, sizeof spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_the_check_reaches_behind_the_window),
        cmocka_unit_test(test_the_layer_itself_where_it_can_be),
    };
    ctx_init(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ctx_free(&ctx);
    return failed;
}
