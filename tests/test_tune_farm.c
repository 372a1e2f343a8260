/* link: rattan_driver */
/* The tuner's processes with children that misbehave: every way to fail gets its verdict and its record, is never picked,
 * and holds nobody up. The children here are functions that say what a real one would, or crash, hang and lie as asked. */
#include "base/clock.h"
#include "driver/tune_farm.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tuning_testing.h"

/* What a candidate does, by its `unroll`; the others are as fast as their chunk is small. */
enum { BUILD_REFUSED = 10, BUILD_CRASHES, BUILD_IS_KILLED };
enum { CHECK_WRONG = 20, CHECK_CRASHES, CHECK_HANGS, CHECK_IS_KILLED };
enum { RUN_CRASHES = 30, RUN_HANGS, RUN_REFUSED, RUN_QUITS, RUN_IS_KILLED };
enum { SAME_CODE = 40 /* of all that say so; it crashes with another key_tile than 1 */ };

static Ctx                   ctx;
static char                  folder[256];
static TuningDb             *db;
static volatile sig_atomic_t interrupted;

static int field_of(const char *schedule, const char *name) {
    const char *at = strstr(schedule, name);
    return at ? atoi(at + strlen(name) + 1) : 0;
}

/* The test's program catches some signals, a real child none. */
static void catch_nothing(void) {
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
}

static void fake_build(const TuneTask *task, const char *schedule, bool is_default, int file) {
    const int what = field_of(schedule, "unroll");
    (void)task, (void)is_default;
    catch_nothing();
    if (what == BUILD_CRASHES)
        abort();
    if (what == BUILD_IS_KILLED)
        raise(SIGKILL);
    if (what == BUILD_REFUSED)
        _exit(write(file, "Eno registers are left", 22) == 22 ? 2 : 3);
    const char *all = what == SAME_CODE ? "Osixteen bytes of" : "O";
    _exit(write(file, all, strlen(all)) == (ssize_t)strlen(all) ? 0 : 3);
}

static void reply(int file, int what, double seconds, const char *note) {
    TuneReply r = {.what = what, .seconds = seconds};
    snprintf(r.note, sizeof r.note, "%s", note);
    if (write(file, &r, sizeof r) != sizeof r)
        _exit(1);
}

static void hang(void) {
    for (;;)
        pause();
}

static void fake_serve(const TuneTask *task, const char *schedule, bool is_default, int file, int commands, int replies) {
    const int what = field_of(schedule, "unroll");
    char      command;
    (void)task, (void)is_default, (void)file;
    catch_nothing();
    if (what == CHECK_WRONG)
        reply(replies, REPLY_WRONG, 0, "forward o: error 1, bound 1e-05");
    if (what == CHECK_CRASHES || (what == SAME_CODE && field_of(schedule, "key_tile") != 1))
        raise(SIGSEGV);
    if (what == CHECK_HANGS)
        hang();
    if (what == CHECK_IS_KILLED)
        raise(SIGKILL);
    reply(replies, REPLY_READY, 0, "");
    for (int runs = 0; read(commands, &command, 1) == 1; runs += command == 'g') {
        if (command == 'g' && runs == 1) { /* the second time */
            if (what == RUN_CRASHES)
                raise(SIGSEGV);
            if (what == RUN_HANGS)
                hang();
            if (what == RUN_REFUSED)
                reply(replies, REPLY_REFUSED, 0, "out of memory");
            if (what == RUN_QUITS)
                _exit(0);
            if (what == RUN_IS_KILLED)
                raise(SIGKILL);
        }
        reply(replies, command == 'f' ? REPLY_FLUSHED : REPLY_TIME, 1e-3 * field_of(schedule, "chunk"), "");
    }
    _exit(0);
}

/* Children that fail where they are asked for something that was done before, for another bucket. */
static bool done_before;

static void build_once(const TuneTask *task, const char *schedule, bool is_default, int file) {
    if (done_before)
        abort();
    fake_build(task, schedule, is_default, file);
}

static void check_once(const TuneTask *task, const char *schedule, bool is_default, int file, int commands, int replies) {
    if (task->checked_small != done_before)
        reply(replies, REPLY_WRONG, 0, "checked again, or never");
    fake_serve(task, schedule, is_default, file, commands, replies);
}

/* ---- A farm of them -------------------------------------------------------------------------------------------------- */
typedef struct Bed {
    Session       session;
    TuneTask      task;
    TuningKey     key;
    TuneSearch    search;
    TuneFarm     *farm;
    TuneObjective objective;
} Bed;

static TuneTrial *new_trial(Bed *bed, int chunk, int unroll) {
    TuneTrial *trial = NEW(&ctx, TuneTrial);
    trial->schedule.chunk = chunk;
    trial->schedule.unroll = unroll;
    PUSH(&ctx, bed->search.trials, bed->search.count, bed->search.capacity, trial);
    return trial;
}

/* seconds: what there is of them for the search. */
static Bed *new_bed_for(double seconds, double hang_seconds, TuneBuilds *builds) {
    Bed *bed = NEW(&ctx, Bed);
    bed->session.target.processors = 1;
    bed->task = (TuneTask){.session = &bed->session, .parent = getpid()};
    bed->key = (TuningKey){"m", "", "c", "b", "s", "forward", "N=1 T=64", 1};
    const TuneFarmOptions options = {.task = &bed->task, .db = db, .key = &bed->key, .jobs = 2,
                                     .deadline = seconds_now() + seconds, .hang_seconds = hang_seconds, .late_seconds = 0.5,
                                     .interrupted = &interrupted, .label = "", .build = builds ? build_once : fake_build, .builds = builds,
                                     .serve = builds ? check_once : fake_serve};
    bed->search.leader = new_trial(bed, 64, 1);
    tune_farm_open(&ctx, &options, &bed->farm);
    bed->objective = tune_farm_objective(bed->farm, &bed->search);
    return bed;
}

/* A busy machine may hold a child up for long: none that does not hang is to be taken for one that does. */
static Bed *new_bed_with(TuneBuilds *builds) { return new_bed_for(600, 60, builds); }
static Bed *new_bed(void) { return new_bed_with(NULL); }

static TuneFarmCounts close_bed(Bed *bed) {
    TuneFarmCounts counts;
    assert_int_equal(tune_farm_close(&ctx, bed->farm, &counts), ST_OK);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    return counts;
}

static void fails(int unroll, TuningVerdict verdict, const char *note) {
    Bed       *bed = verdict == VERDICT_HUNG ? new_bed_for(600, 2, NULL) : new_bed();
    TuneTrial *bad = new_trial(bed, 16, unroll), *good = new_trial(bed, 32, 2), *both[] = {bad, good};
    bed->objective.announce(bed->objective.arg, bad);
    bed->objective.announce(bed->objective.arg, good);
    bed->objective.measure(bed->objective.arg, both, 2, 4);
    assert_int_equal(bad->verdict, verdict);
    assert_non_null(strstr(bad->summary.note, note));
    assert_int_equal(good->verdict, VERDICT_RIGHT);
    assert_int_equal(good->count, 4); /* the other one held it up no longer than it took to see */
    assert_true(good->summary.ratio == 0.5);
    assert_true(isinf(trial_bound(bad)));
    int seen = 0;
    const TuningRecords records = all_records(&ctx, db);
    for (int r = 0; r < records.count; r++)
        if (field_of(records.items[r].schedule, "unroll") == unroll) {
            assert_int_equal(records.items[r].verdict, verdict);
            seen++;
        }
    assert_int_equal(seen, 1);
    assert_int_equal(close_bed(bed).failed, 1);
}

static void test_builds_that_fail(void **state) {
    (void)state;
    fails(BUILD_REFUSED, VERDICT_REFUSED, "no registers are left");
    fails(BUILD_CRASHES, VERDICT_CRASHED, "signal 6");
}

static void test_checks_that_fail(void **state) {
    (void)state;
    fails(CHECK_WRONG, VERDICT_WRONG, "bound 1e-05");
    fails(CHECK_CRASHES, VERDICT_CRASHED, "signal 11");
    fails(CHECK_HANGS, VERDICT_HUNG, "no reply");
}

static void test_runs_that_fail(void **state) {
    (void)state;
    fails(RUN_CRASHES, VERDICT_CRASHED, "signal 11");
    fails(RUN_HANGS, VERDICT_HUNG, "no reply");
    fails(RUN_REFUSED, VERDICT_REFUSED, "out of memory");
    fails(RUN_QUITS, VERDICT_CRASHED, "without a word");
}

/* Nobody but a person, or a machine without memory, ends a process so: this run leaves the candidate alone, and nothing is held
 * against it later. */
static void is_killed(int unroll) {
    Bed       *bed = new_bed();
    TuneTrial *bad = new_trial(bed, 16, unroll), *good = new_trial(bed, 32, 2), *both[] = {bad, good};
    bed->objective.measure(bed->objective.arg, both, 2, 4);
    assert_int_equal(bad->verdict, VERDICT_CRASHED);
    assert_true(bad->killed && !good->killed);
    assert_non_null(strstr(bad->summary.note, "was killed"));
    assert_int_equal(good->count, 4);
    const TuningRecords records = all_records(&ctx, db);
    for (int r = 0; r < records.count; r++)
        assert_int_not_equal(field_of(records.items[r].schedule, "unroll"), unroll);
    assert_int_equal(close_bed(bed).failed, 1);
}

static void test_killed_from_outside(void **state) {
    (void)state;
    is_killed(BUILD_IS_KILLED);
    is_killed(CHECK_IS_KILLED);
    is_killed(RUN_IS_KILLED);
}

/* Samples are in the database as soon as a measurement ends, not when the farm does. */
static void test_records_are_put_at_once(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *trial = new_trial(bed, 16, 1);
    (void)state;
    bed->objective.measure(bed->objective.arg, &trial, 1, 3);
    const TuningRecords records = all_records(&ctx, db);
    assert_int_equal(records.count, 2);
    assert_int_equal(records.items[0].samples, 3);
    assert_true(records.items[0].ratio == 0.25 && records.items[1].ratio == 1);
    bed->objective.measure(bed->objective.arg, &trial, 1, 2);
    assert_int_equal(all_records(&ctx, db).items[0].samples, 5);
    assert_int_equal(close_bed(bed).measured, 2);
}

/* Without the default there is nothing to compare with. */
static void test_the_default_fails(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *trial = new_trial(bed, 16, 1);
    (void)state;
    bed->search.trials[0]->schedule.unroll = CHECK_WRONG;
    bed->objective.measure(bed->objective.arg, &trial, 1, 3);
    assert_int_equal(bed->search.trials[0]->verdict, VERDICT_WRONG);
    assert_int_equal(trial->count, 0);
    close_bed(bed);
}

static TuningVerdict verdict_of(const char *schedule) {
    const TuningRecords records = all_records(&ctx, db);
    for (int r = 0; r < records.count; r++)
        if (strcmp(records.items[r].schedule, schedule) == 0)
            return records.items[r].verdict;
    return VERDICT_COUNT;
}

/* That the default once crashed was a bad moment of the machine where it has run often since. Of others it stays said. */
static void test_an_old_failure_of_the_default_is_refuted(void **state) {
    Bed         *bed = new_bed();
    TuneTrial   *trial = new_trial(bed, 16, 1);
    const char  *texts[2];
    TuningRecord failed = {.key = bed->key, .verdict = VERDICT_CRASHED, .when = 1, .note = "ended with signal 11"};
    (void)state;
    for (int t = 0; t < 2; t++) {
        failed.schedule = texts[t] = schedule_text(&ctx, &bed->search.trials[t]->schedule);
        assert_int_equal(tuning_db_put(&ctx, db, &failed), ST_OK);
    }
    bed->objective.measure(bed->objective.arg, &trial, 1, TUNING_SAMPLES - 1);
    assert_int_equal(verdict_of(texts[0]), VERDICT_CRASHED);
    bed->objective.measure(bed->objective.arg, &trial, 1, 1);
    assert_int_equal(verdict_of(texts[0]), VERDICT_RIGHT);
    assert_int_equal(verdict_of(texts[1]), VERDICT_CRASHED);
    assert_int_equal(close_bed(bed).failed, 0);
}

static void test_a_slow_candidate_is_not_timed_again(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *trial = new_trial(bed, 256, 1);
    (void)state;
    bed->objective.measure(bed->objective.arg, &trial, 1, 8);
    assert_int_equal(trial->count, 2);
    close_bed(bed);
}

/* What has the code of another candidate is not run: it would show the same. */
static void test_the_same_code_is_timed_once(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *first = new_trial(bed, 16, SAME_CODE), *second = new_trial(bed, 8, SAME_CODE), *both[] = {first, second};
    (void)state;
    first->schedule.key_tile = 1;
    bed->objective.measure(bed->objective.arg, both, 1, 3);
    bed->objective.measure(bed->objective.arg, &second, 1, 3);
    assert_int_equal(second->verdict, VERDICT_RIGHT);
    assert_true(second->count == 3 && second->summary.ratio == first->summary.ratio);
    assert_int_equal(all_records(&ctx, db).count, 3);
    close_bed(bed);
}

/* The second bucket's farm takes what the first one's built and checked. */
static void test_a_layer_is_built_and_checked_once(void **state) {
    TuneBuilds builds = {.ctx = &ctx};
    (void)state;
    for (int bucket = 0; bucket < 2; bucket++) {
        Bed       *bed = new_bed_with(&builds);
        TuneTrial *trial = new_trial(bed, 16, SAME_CODE);
        trial->schedule.key_tile = 1;
        done_before = bucket > 0;
        bed->objective.announce(bed->objective.arg, trial);
        bed->objective.measure(bed->objective.arg, &trial, 1, 3);
        assert_int_equal(trial->verdict, VERDICT_RIGHT);
        assert_int_equal(trial->count, 3);
        assert_true(trial->code[0] != 0);
        close_bed(bed);
    }
    assert_int_equal(builds.count, 2);
    tune_builds_close(&builds);
}

/* Nothing is begun when the time is up, the default neither. */
static void test_no_time(void **state) {
    Bed        *bed = new_bed();
    TuneTrial  *trial = new_trial(bed, 16, 1);
    CodeObject *object = (CodeObject *)&object;
    (void)state;
    tune_farm_until(bed->farm, seconds_now() - 1);
    assert_int_equal(tune_farm_default(&ctx, bed->farm, bed->search.trials[0], &object), ST_OK);
    assert_null(object);
    bed->objective.measure(bed->objective.arg, &trial, 1, 3);
    assert_int_equal(all_records(&ctx, db).count, 0);
    assert_int_equal(close_bed(bed).measured, 0);
}

/* The end of the search is the end for what hangs, however long it could have been waited for. */
static void test_late(void **state) {
    Bed       *bed = new_bed_for(600, 300, NULL);
    TuneTrial *trial = new_trial(bed, 16, CHECK_HANGS), *before = new_trial(bed, 32, 1);
    (void)state;
    bed->objective.announce(bed->objective.arg, trial);
    bed->objective.measure(bed->objective.arg, &before, 1, 3); /* the default is ready, and known to be so at once */
    const double start = seconds_now();
    tune_farm_until(bed->farm, start + 1);
    bed->objective.measure(bed->objective.arg, &trial, 1, 3);
    assert_true(seconds_now() - start < 100);
    assert_int_equal(trial->verdict, VERDICT_HUNG);
    const TuningRecords records = all_records(&ctx, db);
    int                 hung = 0;
    for (int r = 0; r < records.count; r++)
        hung += records.items[r].verdict == VERDICT_HUNG;
    assert_int_equal(hung, 1);
    close_bed(bed);
}

/* What the default would have taken nobody knows. */
static void test_the_default_is_late(void **state) {
    Bed         *bed = new_bed_for(1, 300, NULL);
    TuneTrial   *trial = new_trial(bed, 16, 1);
    const double start = seconds_now();
    (void)state;
    bed->search.trials[0]->schedule.unroll = CHECK_HANGS;
    bed->objective.measure(bed->objective.arg, &trial, 1, 3);
    assert_true(seconds_now() - start < 100);
    assert_int_equal(bed->search.trials[0]->verdict, VERDICT_RIGHT);
    assert_int_equal(all_records(&ctx, db).count, 0);
    close_bed(bed);
}

static void test_interrupted(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *trial = new_trial(bed, 16, CHECK_HANGS);
    (void)state;
    interrupted = 1;
    const double start = seconds_now();
    bed->objective.measure(bed->objective.arg, &trial, 1, 8);
    assert_true(seconds_now() - start < 30); /* half of what is waited for one that hangs */
    assert_true(bed->objective.stop(bed->objective.arg));
    assert_int_equal(trial->verdict, VERDICT_RIGHT); /* nothing is held against it */
    assert_int_equal(all_records(&ctx, db).count, 0);
    close_bed(bed);
}

/* A dismissed trial's processes end; it can be measured again. */
static void test_dismissed(void **state) {
    Bed       *bed = new_bed();
    TuneTrial *trial = new_trial(bed, 16, 1);
    (void)state;
    bed->objective.announce(bed->objective.arg, trial);
    bed->objective.dismiss(bed->objective.arg, trial);
    assert_null(trial->of_objective);
    bed->objective.measure(bed->objective.arg, &trial, 1, 2);
    bed->objective.dismiss(bed->objective.arg, trial);
    bed->objective.measure(bed->objective.arg, &trial, 1, 2);
    assert_int_equal(trial->count, 4);
    close_bed(bed);
}

/* ---- Folders --------------------------------------------------------------------------------------------------------- */
static int open_folder(void **state) {
    (void)state;
    ctx_init(&ctx);
    interrupted = 0;
    if (folder_open(folder, "farm"))
        return -1;
    return tuning_db_open(&ctx, ctx_printf(&ctx, "%s/tuning.db", folder), &db) == ST_OK ? 0 : -1;
}

static int close_folder(void **state) {
    (void)state;
    tuning_db_close(db);
    ctx_free(&ctx);
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_builds_that_fail),
        TEST(test_checks_that_fail),
        TEST(test_runs_that_fail),
        TEST(test_killed_from_outside),
        TEST(test_records_are_put_at_once),
        TEST(test_the_default_fails),
        TEST(test_an_old_failure_of_the_default_is_refuted),
        TEST(test_a_slow_candidate_is_not_timed_again),
        TEST(test_the_same_code_is_timed_once),
        TEST(test_a_layer_is_built_and_checked_once),
        TEST(test_no_time),
        TEST(test_late),
        TEST(test_the_default_is_late),
        TEST(test_interrupted),
        TEST(test_dismissed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
