/* link: rattan_driver */
/* Kernels of the public interface get tuned schedules by themselves: by shape, unless told not to, and strictly if asked. */
#include "driver/api.h"
#include "driver/targets.h"
#include "driver/tuning_pick.h"
#include "frontend/frontend.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char SPEC[] = "return rattention { name = 'tuned', heads = 2, head_dim = 16, window = 8 }";

static Ctx             ctx;
static char            folder[256];
static rattan_context *context;
static rattan_spec    *spec;

static void open_context_with(int threads, int no_tuning) {
    const rattan_context_options options = {.threads = threads, .cache_dir = "", .no_tuning = no_tuning};
    assert_int_equal(rattan_context_create(&options, &context, NULL), RATTAN_OK);
    assert_int_equal(rattan_spec_from_text("spec", SPEC, strlen(SPEC), &spec, NULL), RATTAN_OK);
}

static void open_context(int no_tuning) { open_context_with(1, no_tuning); }

static void close_context(void) {
    rattan_spec_destroy(spec);
    rattan_context_destroy(context);
}

static void put_for(int threads, const char *bucket, const char *schedule, double ratio) {
    TuningDb    *db;
    Target       target;
    SpecFile     file;
    TuningRecord record = {.key = {.bucket = bucket}, .schedule = schedule, .samples = 20, .seconds = 1, .ratio = ratio,
                           .spread = 0.001, .when = 1};
    assert_int_equal(target_find(&ctx, "host", &target), ST_OK);
    target_use_threads(&target, threads);
    assert_int_equal(spec_load_text(&ctx, "spec", SPEC, strlen(SPEC), &file), ST_OK);
    assert_true(tuning_key_machine(&ctx, &target, NULL, &record.key));
    tuning_key_layer(&ctx, &file.items[0].spec, KIND_FORWARD, 0, &record.key);
    assert_int_equal(tuning_db_open(&ctx, tuning_db_path(&ctx), &db), ST_OK);
    assert_int_equal(tuning_db_put(&ctx, db, &record), ST_OK);
    tuning_db_close(db);
}

static void put(const char *bucket, const char *schedule, double ratio) { put_for(1, bucket, schedule, ratio); }

static const char *schedule_for(int64_t sequences, int64_t tokens) {
    rattan_kernel      *kernel;
    rattan_kernel_facts facts;
    const rattan_kernel_request request = {.spec = spec, .sequences = sequences, .tokens = tokens};
    assert_int_equal(rattan_kernel_get(context, &request, &kernel, NULL), RATTAN_OK);
    rattan_kernel_describe(kernel, &facts);
    return facts.schedule;
}

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static void test_by_shape(void **state) {
    (void)state;
    put("N=1 T=64", "chunk=32", 0.8);
    put("N=16 T=4096", "chunk=48", 0.9);
    open_context(0);
    assert_true(starts(schedule_for(1, 50), "chunk=32 "));
    assert_true(starts(schedule_for(0, 50), "chunk=32 "));     /* one sequence */
    assert_true(starts(schedule_for(16, 4000), "chunk=48 "));
    assert_true(starts(schedule_for(0, 0), "chunk=48 "));      /* not known: the largest */
    assert_true(starts(schedule_for(1024, 1 << 20), "chunk=16 ")); /* far from all: the default */
    assert_ptr_equal(schedule_for(1, 50), schedule_for(1, 64)); /* one kernel a bucket */
    close_context();
}

static void test_told_not_to(void **state) {
    (void)state;
    put("N=1 T=64", "chunk=32", 0.8);
    open_context(1);
    assert_true(starts(schedule_for(1, 64), "chunk=16 "));
    close_context();
    setenv("RATTAN_TUNING", "off", 1);
    open_context(0);
    assert_true(starts(schedule_for(1, 64), "chunk=16 "));
    close_context();
}

static void test_strict(void **state) {
    rattan_error   error = {0};
    rattan_kernel *kernel;
    (void)state;
    setenv("RATTAN_TUNING", "strict", 1);
    open_context(0);
    assert_int_equal(rattan_kernel_get(context, &(rattan_kernel_request){.spec = spec}, &kernel, &error), RATTAN_FAILED);
    assert_non_null(strstr(error.message, "no tuned schedule"));
    assert_non_null(strstr(error.remedy, "rattan tune"));
    put("N=1 T=64", "chunk=32", 0.8);
    assert_true(starts(schedule_for(1, 64), "chunk=32 "));
    close_context();
    setenv("RATTAN_TUNING", "perhaps", 1);
    assert_int_equal(rattan_context_create(NULL, &context, &error), RATTAN_USAGE);
}

/* What was measured on two threads is for contexts of two. */
static void test_by_threads(void **state) {
    (void)state;
    put_for(2, "N=1 T=64", "chunk=32", 0.8);
    put_for(3, "N=1 T=64", "chunk=48", 0.8);
    static const char *const WANTED[] = {"chunk=16 ", "chunk=32 ", "chunk=48 ", "chunk=16 "};
    for (int threads = 1; threads <= 4; threads++) {
        open_context_with(threads, 0);
        assert_true(starts(schedule_for(1, 64), WANTED[threads - 1]));
        close_context();
    }
    setenv("RATTAN_NUM_THREADS", "3", 1); /* a context that was not told how many */
    open_context_with(0, 0);
    assert_true(starts(schedule_for(1, 64), "chunk=48 "));
    close_context();
    unsetenv("RATTAN_NUM_THREADS");
}

/* A database says chunk=17 elephants, or what this layer cannot have: the default. */
static void test_nonsense_is_not_taken(void **state) {
    (void)state;
    put("N=1 T=64", "chunk=elephants", 0.1);
    open_context(0);
    assert_true(starts(schedule_for(1, 64), "chunk=16 "));
    close_context();
    put("N=1 T=64", "group_heads=7", 0.05);
    open_context(0);
    assert_true(starts(schedule_for(1, 64), "chunk=16 "));
    close_context();
}

static void test_negative_hints(void **state) {
    rattan_error   error = {0};
    rattan_kernel *kernel;
    (void)state;
    open_context(0);
    assert_int_equal(rattan_kernel_get(context, &(rattan_kernel_request){.spec = spec, .tokens = -1}, &kernel, &error),
                     RATTAN_USAGE);
    close_context();
}

static int open_folder(void **state) {
    (void)state;
    ctx_init(&ctx);
    unsetenv("RATTAN_TUNING");
    return folder_open(folder, "api") == 0 && setenv("RATTAN_DATA_DIR", folder, 1) == 0 ? 0 : -1;
}

static int close_folder(void **state) {
    (void)state;
    ctx_free(&ctx);
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_by_shape), TEST(test_by_threads), TEST(test_told_not_to), TEST(test_strict), TEST(test_nonsense_is_not_taken),
        TEST(test_negative_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
