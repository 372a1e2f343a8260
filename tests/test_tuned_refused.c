/* link: rattan_driver */
/* A tuned schedule that passes refuse, such as one of another build, gives way to the default, but in strict mode; one that
 * was asked for does not. What the cache keeps is told apart by that. */
#include "codegen/ptx/ptx_codegen.h"
#include "driver/session.h"
#include "frontend/frontend.h"
#include "passes/search_space.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Four tiles of so wide heads on their way do not fit into shared memory without roles, of forward no two: the default is one
 * with fewer. */
static const char SPEC[] = "return rattention { name = 'wide', heads = 4, kv_heads = 2, head_dim = 256, window = 64,\n"
                           "initial_state = 'input', dtype = 'bf16' }";

static const char STAGES[] = "stages=4";

static Ctx            ctx;
static char           folder[256];
static Cache         *cache;
static SpecFile       file;
static Target         target;
static CompileRequest request;

static void put(KernelKind kind, const char *schedule) {
    TuningDb    *db;
    TuningRecord record = {.key = {.bucket = "N=1 T=256"}, .schedule = schedule, .samples = 40, .seconds = 1, .ratio = 0.8,
                           .spread = 0.001, .when = 1, .note = ""};
    assert_true(tuning_key_target(&ctx, &target, &record.key));
    record.key.machine = "GPU";
    record.key.driver = "CUDA 12.4";
    record.key.build = "another";
    tuning_key_layer(&ctx, request.spec, kind, 0, &record.key);
    assert_int_equal(tuning_db_open(&ctx, tuning_db_path(&ctx), &db), ST_OK);
    assert_int_equal(tuning_db_put(&ctx, db, &record), ST_OK);
    tuning_db_close(db);
}

static Status tune(TuningMode mode, CompileRequest *tuned) {
    *tuned = request;
    return tuning_apply_elsewhere(&ctx, mode, tuning_bucket(1, 256), tuned);
}

/* The schedule of the code that the request gets. */
static const char *schedule_of(const CompileRequest *of) {
    CodeObject *object;
    if (session_object(&ctx, cache, of, &object, NULL) != ST_OK)
        fail_msg("%s: %s", ctx.place, ctx.message);
    const char *schedule = ctx_strdup(&ctx, object->schedule);
    if (of->schedule)
        assert_true(compile_took(&ctx, of, object) == (of->origin == SCHEDULE_ASKED));
    code_object_free(object);
    return schedule;
}

static void expect_refusal(const CompileRequest *of, Status status, const char *place, const char *message) {
    CodeObject *object;
    assert_int_equal(session_object(&ctx, cache, of, &object, NULL), status);
    assert_non_null(strstr(ctx.place, place));
    assert_non_null(strstr(ctx.message, message));
    ctx_clear(&ctx);
}

static void test_default_stands_in(void **state) {
    static const KernelKind KINDS[] = {KIND_FORWARD, KIND_BACKWARD, KIND_EXTEND};
    CompileRequest          tuned;
    (void)state;
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        request.kind = KINDS[k];
        put(KINDS[k], STAGES);
        assert_int_equal(tune(TUNING_ON, &tuned), ST_OK);
        assert_string_equal(tuned.schedule, STAGES);
        assert_string_equal(schedule_of(&tuned), schedule_of(&request));
        assert_string_equal(schedule_of(&tuned), schedule_of(&request)); /* from the cache */
    }
}

static void test_compiler_says_why(void **state) {
    CompileRequest tuned;
    Compiled       compiled;
    (void)state;
    put(KIND_FORWARD, STAGES);
    assert_int_equal(tune(TUNING_ON, &tuned), ST_OK);
    assert_int_equal(compile_kernel(&ctx, &tuned, &compiled), ST_OK);
    assert_non_null(strstr(compiled.refused, "shared memory"));
    code_object_free(compiled.object);
    assert_int_equal(compile_kernel(&ctx, &request, &compiled), ST_OK);
    assert_null(compiled.refused);
    code_object_free(compiled.object);
}

static void test_strict(void **state) {
    CompileRequest tuned;
    (void)state;
    put(KIND_FORWARD, STAGES);
    assert_int_equal(tune(TUNING_STRICT, &tuned), ST_OK);
    expect_refusal(&tuned, ST_FAILED, "wide", "the tuned schedule for forward is refused: schedule: shared memory");
    put(KIND_EXTEND, "group_heads=7");
    request.kind = KIND_EXTEND;
    assert_int_equal(tune(TUNING_STRICT, &tuned), ST_FAILED);
    assert_non_null(strstr(ctx.message, "the one that is known is refused: schedule: group_heads"));
    ctx_clear(&ctx);
}

/* Its key would be the same, were the schedule alone in it. */
static void test_asked_is_asked(void **state) {
    CompileRequest asked = request, tuned;
    Schedule       first;
    (void)state;
    schedule_default(request.spec, request.kind, &target, &first);
    asked.schedule = schedule_text(&ctx, &first);
    expect_refusal(&asked, ST_USAGE, "schedule: shared memory", "");
    const char *taken = schedule_of(&request);
    assert_string_not_equal(taken, asked.schedule);
    expect_refusal(&asked, ST_USAGE, "schedule: shared memory", "");
    put(KIND_FORWARD, asked.schedule);
    assert_int_equal(tune(TUNING_ON, &tuned), ST_OK);
    assert_string_equal(schedule_of(&tuned), taken);
    expect_refusal(&asked, ST_USAGE, "schedule: shared memory", "");
    asked.schedule = taken;
    assert_string_equal(schedule_of(&asked), taken);
}

/* What a tuner starts from, and what is shown as the default, is what a kernel gets: all of its fields asked for give no
 * other. */
static void test_default_that_is_taken(void **state) {
    static const KernelKind KINDS[] = {KIND_FORWARD, KIND_BACKWARD, KIND_EXTEND, KIND_DECODE};
    (void)state;
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        SearchSpace      space;
        Schedule         taken, point;
        SpacePoint       found;
        const SpacePoint origin = {{0}};
        request.kind = KINDS[k];
        assert_int_equal(compile_schedule(&ctx, &request, &taken), ST_OK);
        CompileRequest asked = request;
        asked.schedule = schedule_text(&ctx, &taken);
        assert_string_equal(schedule_of(&request), asked.schedule);
        assert_string_equal(schedule_of(&asked), asked.schedule);
        space_open(&space, request.spec, request.kind, &target, &taken);
        assert_true(space_point(&ctx, &space, &origin, &point));
        assert_memory_equal(&point, &taken, sizeof taken);
        assert_true(space_find(&space, &taken, &found));
        assert_memory_equal(&found, &origin, sizeof found);
    }
}

static void test_default_of_a_cpu(void **state) {
    Schedule taken, first;
    (void)state;
    assert_int_equal(target_find(&ctx, "x86-64-v3", &target), ST_OK);
    assert_int_equal(compile_schedule(&ctx, &request, &taken), ST_OK);
    schedule_default(request.spec, request.kind, &target, &first);
    assert_memory_equal(&taken, &first, sizeof first);
}

static int open_folder(void **state) {
    (void)state;
    ctx_init(&ctx);
    unsetenv("RATTAN_TUNING");
    if (folder_open(folder, "refused") || setenv("RATTAN_DATA_DIR", folder, 1) != 0 ||
        cache_open(&ctx, "", -1, &cache) != ST_OK || ptx_find_target(&ctx, "cuda:sm_90", &target) != ST_OK ||
        spec_load_text(&ctx, "spec", SPEC, strlen(SPEC), &file) != ST_OK)
        return -1;
    request = (CompileRequest){.spec = &file.items[0].spec, .kind = KIND_FORWARD, .target = &target, .emit = EMIT_PLAN};
    return 0;
}

static int close_folder(void **state) {
    (void)state;
    cache_close(cache);
    ctx_free(&ctx);
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_default_stands_in), TEST(test_compiler_says_why), TEST(test_strict), TEST(test_asked_is_asked),
        TEST(test_default_that_is_taken), TEST(test_default_of_a_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
