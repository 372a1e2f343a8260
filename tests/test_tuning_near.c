/* link: rattan_driver */
/* Schedules of near buckets: at the bucket itself, next to it and far away, where launches are alike and where they are not. The
 * GPU's is a real one: on an H200 it takes 0.963 of the default's time of two sequences of 8192 tokens, and 1.14 of one of 32768. */
#include "codegen/ptx/ptx_codegen.h"
#include "driver/session.h"
#include "driver/targets.h"
#include "driver/tuning_pick.h"
#include "folder_testing.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "passes/search_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char PAPER[] = "return rattention { name = 'paper', heads = 32, kv_heads = 8, head_dim = 128, window = 512, dtype = 'bf16' }";
static const char SMALL[] = "return rattention { name = 'small', heads = 4, kv_heads = 2, head_dim = 64, window = 128 }";
static const char FULL[] = "return attention { name = 'full', heads = 4, kv_heads = 2, head_dim = 64 }";
static const char UNCUT[] = "feature_groups=2 min_items=1";

static Ctx          ctx;
static char         folder[256];
static Target       gpu, cpu;
static const Target *target;
static const Spec   *spec;
static KernelKind   kind;

/* ---- A layer and what is known of it --------------------------------------------------------------------------------- */
static void use(const Target *wanted, const char *text, KernelKind wanted_kind) {
    SpecFile file;
    assert_int_equal(spec_load_text(&ctx, "spec", text, strlen(text), &file), ST_OK);
    target = wanted;
    spec = &file.items[0].spec;
    kind = wanted_kind;
}

/* Over the default, every field of it, as a search puts it. */
static const char *whole(const char *changes) {
    Schedule schedule;
    schedule_default(spec, kind, target, &schedule);
    assert_int_equal(schedule_parse(&ctx, changes, &schedule), ST_OK);
    return schedule_text(&ctx, &schedule);
}

static TuningKey key_of_layer(void) {
    TuningKey key = {0};
    if (!tuning_key_machine(&ctx, target, NULL, &key)) {
        assert_true(tuning_key_target(&ctx, target, &key));
        key.machine = "NVIDIA H200";
        key.driver = "CUDA 13.0";
    }
    tuning_key_layer(&ctx, spec, kind, 0, &key);
    return key;
}

/* ratio 1: the default's, or whatever took as long; without a spread it is the default's. */
static void put(int64_t N, int64_t T, const char *changes, double ratio, double spread) {
    static int   when = 1; /* the newer one counts */
    TuningDb    *db;
    TuningRecord record = {.key = key_of_layer(), .schedule = whole(changes), .samples = 200, .seconds = 1e-3, .ratio = ratio,
                           .spread = spread, .when = when++, .note = ""};
    record.key.bucket = tuning_bucket_text(&ctx, tuning_bucket(N, T));
    assert_int_equal(tuning_db_open(&ctx, tuning_db_path(&ctx), &db), ST_OK);
    assert_int_equal(tuning_db_put(&ctx, db, &record), ST_OK);
    tuning_db_close(db);
}

/* As a search leaves them: the default beside what is better. */
static void put_tuned(int64_t N, int64_t T, const char *changes, double ratio) {
    put(N, T, "", 1, 0);
    put(N, T, changes, ratio, 0.002);
}

static TuningPick pick_of(TuningBucket bucket) {
    TuningPick pick;
    TuningKey  key = key_of_layer();
    tuning_find(&ctx, &key, &(TuningLayer){spec, kind, target}, bucket, &pick, NULL);
    return pick;
}

static void expect_taken_of(TuningBucket bucket, const char *changes) {
    const TuningPick pick = pick_of(bucket);
    if (!pick.record)
        fail_msg("%s: %s", tuning_bucket_text(&ctx, bucket), pick.left_alone ? pick.left_alone : "nothing is known");
    assert_string_equal(pick.record->schedule, whole(changes));
}

static void expect_taken(int64_t N, int64_t T, const char *changes) { expect_taken_of(tuning_bucket(N, T), changes); }

/* The default: since nothing is known that serves, or it is the best that is. */
static void expect_left_of(TuningBucket bucket, const char *why) {
    const TuningPick pick = pick_of(bucket);
    if (pick.record && !tuning_is_default(pick.record))
        fail_msg("%s gets %s", tuning_bucket_text(&ctx, bucket), pick.record->schedule);
    assert_non_null(pick.left_alone);
    if (!strstr(pick.left_alone, why))
        fail_msg("%s: %s", tuning_bucket_text(&ctx, bucket), pick.left_alone);
}

static void expect_left(int64_t N, int64_t T, const char *why) { expect_left_of(tuning_bucket(N, T), why); }

/* ---- GPUs ------------------------------------------------------------------------------------------------------------ */
static void test_of_a_gpu(void **state) {
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put_tuned(2, 8192, UNCUT, 0.963);
    expect_taken(2, 8192, UNCUT);
    expect_taken(2, 5000, UNCUT); /* the same bucket */
    expect_left(1, 32768, "there it cuts each of 2 sequences into 1 and the default into 2, here each of 1 into 1 and 4");
    expect_left(1, 8192, "there it cuts");
    expect_left(4, 8192, "there it cuts"); /* here neither is cut */
    expect_left(2, 4096, "tiles of sequences of 8192 tokens there fill the 132 multiprocessors otherwise than of 4096 here");
    expect_left(2, 16384, "1 step of a factor of two away no more than 0.98 is relied on"); /* too little */
    expect_left(2, 32768, "2 steps of a factor of two away no more than 0.96 is relied on");
    assert_null(pick_of(tuning_bucket(32, 8192)).record); /* four steps away nothing is known */
    assert_null(pick_of(tuning_bucket(32, 8192)).left_alone);
    expect_left_of((TuningBucket){0}, "the shape, which is not known");
    put_tuned(2, 8192, UNCUT, 0.9); /* were it more, sequences as many and longer would be alike */
    expect_taken(2, 16384, UNCUT);
    expect_taken(2, 32768, UNCUT);
    expect_left(1, 32768, "there it cuts");
}

/* What does not depend on cuts fills the machine alike, or does not. */
static void test_of_as_many_blocks(void **state) {
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put_tuned(8, 4096, "stages=3", 0.8);
    expect_taken(8, 8192, "stages=3");
    expect_taken(8, 32768, "stages=3");
    expect_left(4, 4096, "8 sequences there fill the 132 multiprocessors otherwise than 4 here");
    expect_left(8, 1024, "tiles of sequences of 4096 tokens there fill the 132 multiprocessors otherwise than of 1024 here");
    expect_left(8, 512, "here no row has keys behind its window");
    use(&gpu, PAPER, KIND_DECODE);
    put_tuned(16, 1, "parts=1", 0.8);
    expect_left(2, 1, "16 sequences there fill the 132 multiprocessors otherwise than 2 here");
    expect_left(32, 1, "16 sequences there");
    put_tuned(256, 1, "parts=2", 0.8);
    expect_taken(512, 1, "parts=2"); /* plenty in both */
}

static void test_of_rows_behind_the_window(void **state) {
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put_tuned(64, 512, "stages=3", 0.8);
    expect_left(64, 1024, "here rows have keys behind their window, and there none had");
    use(&gpu, FULL, KIND_FORWARD); /* no window: no such difference */
    put_tuned(512, 512, "stages=3", 0.8);
    expect_taken(512, 1024, "stages=3");
}

/* ---- CPUs ------------------------------------------------------------------------------------------------------------ */
static void test_of_a_cpu(void **state) {
    static const char TILES[] = "tile_rows=6 tile_vectors=4";
    (void)state;
    use(&cpu, SMALL, KIND_FORWARD);
    put_tuned(4, 4096, TILES, 0.8);
    expect_taken(4, 4096, TILES);
    expect_taken(8, 4096, TILES);
    expect_taken(4, 16384, TILES);
    expect_taken(2, 8192, TILES);
    expect_taken(2, 1024, TILES);
    assert_null(pick_of(tuning_bucket(1, 256)).record); /* six steps */
    expect_taken_of((TuningBucket){0}, TILES); /* whatever the shape */
    put_tuned(1, 128, "key_tile=16", 0.7);
    expect_left(1, 256, "here rows have keys behind their window");
}

/* Four threads, two key/value heads: one sequence keeps half of them busy unless it is cut. */
static void test_of_cuts(void **state) {
    (void)state;
    use(&cpu, SMALL, KIND_FORWARD);
    put_tuned(8, 4096, "segment=0", 0.9);
    expect_taken(8, 8192, "segment=0");
    expect_left(1, 4096, "there it cuts each of 8 sequences into 1 and the default into 1, here each of 1 into 1 and 8");
    expect_left_of((TuningBucket){0}, "it cuts sequences otherwise than the default, and their number and length are not known");
}

static void test_of_tiles(void **state) {
    (void)state;
    use(&cpu, SMALL, KIND_DECODE);
    put_tuned(4, 4, "chunk=4", 0.7);
    expect_taken(2, 4, "chunk=4");
    expect_left(4, 1, "its tiles hold 4 tokens, the default's 1, and sequences have 4 there and 1 here");
    expect_taken(4, 8, "chunk=4");
    put_tuned(4, 1, "key_tile=32", 0.7);
    expect_taken(2, 1, "key_tile=32");
}

/* Of full attention a ring holds all keys: where they no longer stay in the cache it is no use, where they do it is. */
static void test_of_the_cost_model(void **state) {
    (void)state;
    use(&cpu, FULL, KIND_FORWARD);
    put_tuned(4, 16384, "ring=0", 0.9);
    expect_taken(4, 32768, "ring=0");
    expect_taken(8, 16384, "ring=0");
    expect_left(4, 2048, "here by the cost model");
}

/* ---- Other measurements ---------------------------------------------------------------------------------------------- */
static void test_of_gains(void **state) {
    (void)state;
    use(&cpu, SMALL, KIND_FORWARD);
    put_tuned(4, 4096, "tile_rows=6", 0.95);
    expect_taken(4, 8192, "tile_rows=6");
    expect_taken(4, 16384, "tile_rows=6");
    expect_left(4, 32768, "and 3 steps of a factor of two away no more than 0.94 is relied on");
    expect_left_of((TuningBucket){0}, "no more than 0.94");
    put_tuned(2, 8192, "tile_rows=6", 1.01);
    expect_left(2, 4096, "it took 1.010 of the default's time in N=2 T=8192, which is as near");
    expect_taken(4, 2048, "tile_rows=6"); /* the other is farther */
}

static void test_of_searches_in_vain(void **state) {
    (void)state;
    use(&cpu, SMALL, KIND_FORWARD);
    put_tuned(4, 4096, "tile_rows=6", 0.8);
    put(4, 1024, "", 1, 0);
    expect_left(4, 2048, "nothing better than the default was found in N=4 T=1024, which is as near");
    assert_true(tuning_is_default(pick_of(tuning_bucket(4, 2048)).record)); /* known to be the best in the other */
    expect_taken(4, 8192, "tile_rows=6");
    put(4, 1024, "tile_rows=8", 0.9, 0.002); /* one more search found something */
    expect_taken(4, 2048, "tile_rows=6");
}

/* Gains on either side are enough, however small and however launches differ. */
static void test_of_both_sides(void **state) {
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put_tuned(2, 8192, UNCUT, 0.99);
    expect_left(1, 8192, "there it cuts");
    put_tuned(1, 4096, UNCUT, 0.99);
    expect_taken(1, 8192, UNCUT);
    assert_true(pick_of(tuning_bucket(1, 8192)).agreed);
    expect_taken(2, 4096, UNCUT);
    expect_left(4, 8192, "there it cuts"); /* beyond both */
    put_tuned(1, 16384, UNCUT, 1.1);
    assert_true(tuning_is_default(pick_of(tuning_bucket(1, 32768)).record));
    expect_left(1, 8192, "it took 1.100 of the default's time in N=1 T=16384, which is as near");
    expect_taken(2, 4096, UNCUT); /* the third is farther */
}

/* The next nearest has its turn where the nearest does not serve. */
static void test_of_the_next_nearest(void **state) {
    (void)state;
    use(&cpu, SMALL, KIND_FORWARD);
    put_tuned(8, 4096, "segment=0", 0.9);
    expect_left(1, 4096, "there it cuts");
    put_tuned(2, 2048, "tile_rows=6", 0.8);
    expect_taken(1, 1024, "tile_rows=6");
    put_tuned(2, 1024, "even_items=2", 0.9); /* nearer: two sequences are not cut */
    const TuningPick pick = pick_of(tuning_bucket(1, 1024));
    assert_string_equal(pick.record->schedule, whole("tile_rows=6"));
    assert_int_equal(pick.distance, 2);
    assert_non_null(strstr(pick.left_alone, "the schedule of N=2 T=1024, the nearest that is known, is left alone: there it cuts each of 2 "
                                             "sequences into 1 and the default into 1, here each of 1 into 1 and 2"));
}

/* ---- Where it is used ------------------------------------------------------------------------------------------------ */
static Status apply(TuningMode mode, TuningBucket bucket, CompileRequest *request) {
    *request = (CompileRequest){.spec = spec, .kind = kind, .target = target, .emit = EMIT_PLAN};
    return tuning_apply_elsewhere(&ctx, mode, bucket, request);
}

static void test_strict(void **state) {
    CompileRequest request;
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put(2, 8192, UNCUT, 0.9, 0.002);
    assert_int_equal(apply(TUNING_STRICT, tuning_bucket(2, 8192), &request), ST_OK);
    assert_string_equal(request.schedule, whole(UNCUT));
    assert_int_equal(apply(TUNING_STRICT, tuning_bucket(2, 16384), &request), ST_OK);
    assert_string_equal(request.schedule, whole(UNCUT));
    assert_int_equal(apply(TUNING_STRICT, tuning_bucket(1, 32768), &request), ST_FAILED); /* it uses no default */
    assert_non_null(strstr(ctx.message, "no tuned schedule for forward"));
    assert_non_null(strstr(ctx.message, "N=2 T=8192, the nearest that is known, is left alone: there it cuts"));
    ctx_clear(&ctx);
    assert_int_equal(apply(TUNING_ON, tuning_bucket(1, 32768), &request), ST_OK);
    assert_null(request.schedule);
    assert_non_null(strstr(request.pick->left_alone, "there it cuts"));
}

/* Packed sequences count by their number and mean length. */
static void test_packed(void **state) {
    Shape shape;
    (void)state;
    use(&gpu, PAPER, KIND_FORWARD);
    put_tuned(2, 8192, UNCUT, 0.963);
    assert_int_equal(shape_parse(&ctx, "lengths=16000,300", &shape), ST_OK);
    expect_taken_of(shape_bucket(&shape), UNCUT);
    assert_int_equal(shape_parse(&ctx, "lengths=30000,9000", &shape), ST_OK);
    expect_left_of(shape_bucket(&shape), "2 steps");
    assert_int_equal(shape_parse(&ctx, "lengths=8000,8000,8000,300", &shape), ST_OK);
    expect_left_of(shape_bucket(&shape), "there it cuts each of 2 sequences");
}

static int open_folder(void **state) {
    (void)state;
    ctx_init(&ctx);
    unsetenv("RATTAN_TUNING");
    if (folder_open(folder, "near") || setenv("RATTAN_DATA_DIR", folder, 1) != 0 || setenv("RATTAN_SYSTEM_TUNINGS", "", 1) != 0 ||
        ptx_find_target(&ctx, "cuda:sm_90a", &gpu) != ST_OK || target_find(&ctx, "host", &cpu) != ST_OK)
        return -1;
    gpu.native = false; /* also where there is one */
    target_use_threads(&cpu, 4);
    return 0;
}

static int close_folder(void **state) {
    (void)state;
    ctx_free(&ctx);
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_of_a_gpu), TEST(test_of_as_many_blocks), TEST(test_of_rows_behind_the_window), TEST(test_of_a_cpu), TEST(test_of_cuts),
        TEST(test_of_tiles), TEST(test_of_the_cost_model), TEST(test_of_gains), TEST(test_of_searches_in_vain), TEST(test_of_both_sides),
        TEST(test_of_the_next_nearest), TEST(test_strict), TEST(test_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
