/* link: rattan_driver */
/* The machine in a tuning's key: what was measured on other threads is another machine's. */
#include "driver/targets.h"
#include "driver/tuning_key.h"
#include "driver/tuning_pick.h"
#include "passes/passes.h"
#include "runtime/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static Ctx ctx;

/* threads: 0: none are given. */
static const char *machine_with(const char *name, int threads) {
    Target    target;
    TuningKey key = {0};
    assert_int_equal(target_find(&ctx, name, &target), ST_OK);
    target_use_threads(&target, threads);
    return tuning_key_machine(&ctx, &target, NULL, &key) ? key.machine : NULL;
}

static const char *machine_of(const char *name) { return machine_with(name, 0); }

static void test_threads(void **state) {
    const int   cores = pool_usable_cores();
    const char *usual = machine_of("host"), *cores_text = ctx_printf(&ctx, ", %d cores", cores);
    (void)state;
    assert_string_equal(strstr(usual, ", "), cores_text); /* and nothing behind it: records from before have just that */
    setenv("RATTAN_NUM_THREADS", ctx_printf(&ctx, "%d", cores), 1);
    assert_string_equal(machine_of("host"), usual);
    setenv("RATTAN_NUM_THREADS", ctx_printf(&ctx, "%d", cores + 1), 1);
    assert_string_equal(machine_of("host"), ctx_printf(&ctx, "%s, %d threads", usual, cores + 1));
    assert_string_equal(machine_with("host", cores), usual); /* what is given counts before the variable */
    unsetenv("RATTAN_NUM_THREADS");
    assert_string_equal(machine_with("host", cores), usual);
    assert_string_equal(machine_with("host", cores + 3), ctx_printf(&ctx, "%s, %d threads", usual, cores + 3));
    assert_int_equal(tuning_processor_length(machine_with("host", cores + 3)), tuning_processor_length(usual));
    assert_string_equal(usual + tuning_processor_length(usual), cores_text);
    assert_int_equal(tuning_processor_length("NVIDIA H200"), strlen("NVIDIA H200"));
}

/* The default is cut for as many threads as there will be. */
static void test_default_for_threads(void **state) {
    Target few, many, gpu;
    (void)state;
    assert_int_equal(target_find(&ctx, "host", &few), ST_OK);
    assert_int_equal(few.processors, pool_usable_cores());
    setenv("RATTAN_NUM_THREADS", "3", 1);
    assert_int_equal(target_find(&ctx, "host", &few), ST_OK);
    assert_int_equal(few.processors, 3);
    unsetenv("RATTAN_NUM_THREADS");
    many = few;
    target_use_threads(&few, 2);
    target_use_threads(&many, 64);
    const Spec spec = {.heads = 2, .kv_heads = 2, .head_dim = 32, .value_dim = 32, .window = 256, .fold = 1};
    Schedule   of_few, of_many;
    schedule_default(&spec, KIND_FORWARD, &few, &of_few);
    schedule_default(&spec, KIND_FORWARD, &many, &of_many);
    assert_int_equal(of_few.even_items, 2);
    assert_int_equal(of_many.even_items, 64);
    assert_true(of_many.min_items > of_few.min_items);
    assert_int_equal(target_find(&ctx, "cuda:sm_90a", &gpu), ST_OK);
    const int processors = gpu.processors;
    target_use_threads(&gpu, 2);
    assert_int_equal(gpu.processors, processors);
}

/* A target by its name has the cores of this machine, too. */
static void test_named_targets(void **state) {
    static const char *const NAMES[] = {"x86-64-v3", "x86-64-v4", "aarch64"};
    int                      native = 0;
    (void)state;
    for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++) {
        const char *machine = machine_of(NAMES[n]);
        native += machine != NULL;
        if (machine)
            assert_non_null(strstr(machine, ctx_printf(&ctx, ", %d cores", pool_usable_cores())));
        if (machine)
            assert_non_null(strstr(machine_with(NAMES[n], 999), " cores, 999 threads"));
    }
    assert_true(native > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_default_for_threads), cmocka_unit_test(test_named_targets)};
    unsetenv("RATTAN_NUM_THREADS");
    ctx_init(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ctx_free(&ctx);
    return failed;
}
