/* link: rattan_driver */
/* Outputs of candidates beside the default's: every one counts, also one that the kernel changes in place. */
#include "driver/tune_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 200000 };

static Ctx         ctx;
static Pool       *pool;
static CodeParam   params[4];
static CodeObject  object;
static TensorSet   tensors;
static TuneOutputs outputs;

static Tensor *tensor(const char *name) { return tensors_find(&tensors, name); }
static float  *values(const char *name) { return tensor(name)->data; }

static void add(const char *name, ParamRole role, int64_t count) {
    CodeParam *param = &params[object.param_count++];
    *param = (CodeParam){.role = role, .dtype = DT_F32, .rank = 1};
    snprintf((char *)param->name, sizeof param->name, "%s", name);
    tensors_put(&ctx, &tensors, name, tensor_new(&ctx, DT_F32, 1, (int64_t[]){count}));
    for (int64_t i = 0; i < count; i++)
        values(name)[i] = sinf((float)i);
}

/* What the default writes: o, a gradient of few numbers that cancels, and a state in place. */
static void write_all(float sink) {
    for (int i = 0; i < COUNT; i++)
        values("dq")[i] = cosf((float)i);
    for (int i = 0; i < 8; i++)
        values("dsink")[i] = sink * (float)(i - 4);
    for (int i = 0; i < 100; i++)
        values("state")[i] += 1;
}

static int open_all(void **state) {
    (void)state;
    ctx_init(&ctx);
    object = (CodeObject){.params = params};
    tensors = (TensorSet){0};
    add("do", PARAM_IN, COUNT);
    add("dq", PARAM_OUT, COUNT);
    add("dsink", PARAM_OUT, 8);
    add("state", PARAM_INOUT, 100);
    if (pool_create(&ctx, 2, &pool) != ST_OK || tune_outputs_open(&ctx, &object, &tensors, &outputs) != ST_OK)
        return -1;
    tune_outputs_poison(&tensors, &outputs);
    write_all(1e-6F);
    tune_outputs_expect(&tensors, &outputs);
    for (int i = 0; i < 100; i++)
        values("state")[i] -= 1;
    tune_outputs_poison(&tensors, &outputs);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    tune_outputs_close(&tensors, &outputs);
    pool_destroy(pool);
    ctx_free(&ctx);
    return 0;
}

static void misses(const char *name) {
    assert_int_equal(tune_outputs_compare(&ctx, pool, &tensors, &outputs, 1e-2), ST_MISMATCH);
    assert_non_null(strstr(ctx.message, name));
    ctx_clear(&ctx);
}

static void test_the_same(void **state) {
    (void)state;
    assert_int_equal(outputs.count, 3);
    write_all(1e-6F);
    assert_int_equal(tune_outputs_compare(&ctx, pool, &tensors, &outputs, 1e-2), ST_OK);
}

static void test_what_is_not_written_shows(void **state) {
    (void)state;
    write_all(1e-6F);
    values("dq")[COUNT - 1] = NAN;
    misses("dq");
}

static void test_every_output_counts(void **state) {
    (void)state;
    write_all(1e-6F);
    for (int i = 0; i < COUNT; i += 10)
        values("dq")[i] += 0.1F;
    misses("dq");
    write_all(100);
    misses("dsink");
}

static void test_what_is_changed_in_place_counts(void **state) {
    (void)state;
    write_all(1e-6F);
    values("state")[7] += 1;
    misses("state");
}

/* Noise beside terms as large as do. */
static void test_what_cancels_is_compared_with_do(void **state) {
    (void)state;
    write_all(-1e-5F);
    assert_int_equal(tune_outputs_compare(&ctx, pool, &tensors, &outputs, 1e-2), ST_OK);
}

/* Processes share what is written and what is expected. */
static void test_children_see_it(void **state) {
    int status;
    (void)state;
    if (fork() == 0) {
        write_all(1e-6F);
        tune_outputs_expect(&tensors, &outputs);
        _exit(0);
    }
    wait(&status);
    assert_int_equal(status, 0);
    assert_true(values("dq")[0] == 1);
    assert_memory_equal(values("dq"), outputs.items[0].expected.data, COUNT * sizeof(float));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same),
        TEST(test_what_is_not_written_shows),
        TEST(test_every_output_counts),
        TEST(test_what_is_changed_in_place_counts),
        TEST(test_what_cancels_is_compared_with_do),
        TEST(test_children_see_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
