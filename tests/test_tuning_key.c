/* link: rattan_driver */
/* The machine in a tuning's key: what was measured on other threads is another machine's. */
#include "driver/targets.h"
#include "driver/tuning_key.h"
#include "runtime/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static Ctx ctx;

static const char *machine_of(const char *name) {
    Target    target;
    TuningKey key = {0};
    assert_int_equal(target_find(&ctx, name, &target), ST_OK);
    return tuning_key_machine(&ctx, &target, NULL, &key) ? key.machine : NULL;
}

static void test_threads(void **state) {
    const int   cores = pool_usable_cores();
    const char *usual = machine_of("host"), *cores_text = ctx_printf(&ctx, ", %d cores", cores);
    (void)state;
    assert_string_equal(strstr(usual, ", "), cores_text); /* and nothing behind it: records from before have just that */
    setenv("RATTAN_NUM_THREADS", ctx_printf(&ctx, "%d", cores), 1);
    assert_string_equal(machine_of("host"), usual);
    setenv("RATTAN_NUM_THREADS", ctx_printf(&ctx, "%d", cores + 1), 1);
    assert_string_equal(machine_of("host"), ctx_printf(&ctx, "%s, %d threads", usual, cores + 1));
    unsetenv("RATTAN_NUM_THREADS");
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
    }
    assert_true(native > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_named_targets)};
    unsetenv("RATTAN_NUM_THREADS");
    ctx_init(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ctx_free(&ctx);
    return failed;
}
