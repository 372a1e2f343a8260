/* link: rattan_driver */
/* The tuning database: what it keeps, the laws of merging, several writers, a writer that is killed, and files that are
 * damaged, read-only, foreign or of a later version. Each test works in a new folder below TMPDIR. */
#include "base/text.h"
#include "driver/fingerprint.h"
#include "driver/tuning_lines.h"
#include "driver/tuning_pick.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tuning_testing.h"

static Ctx  ctx;
static char folder[256];

static const char *path_of(const char *name) { return ctx_printf(&ctx, "%s/%s", folder, name); }

static TuningDb *open_db(const char *name) {
    TuningDb *db;
    assert_int_equal(tuning_db_open(&ctx, path_of(name), &db), ST_OK);
    return db;
}

static TuningRecord record_of(const char *bucket, const char *schedule, double ratio, int64_t samples) {
    return (TuningRecord){.key = {.machine = "m", .driver = "", .compiler = "c", .build = COMPILER_FINGERPRINT, .spec = "s",
                                  .kind = "forward", .bucket = bucket, .space = 1},
                          .schedule = schedule, .samples = samples, .seconds = ratio, .ratio = ratio, .spread = 0.01,
                          .when = 100, .note = ""};
}

static void put(TuningDb *db, TuningRecord record) { assert_int_equal(tuning_db_put(&ctx, db, &record), ST_OK); }

/* Everything in the database, as text. */
static const char *text_of(TuningDb *db) {
    const TuningRecords records = all_records(&ctx, db);
    Text                text = TEXT(&ctx);
    for (int r = 0; r < records.count; r++) {
        json_t *json = tuning_record_json(&records.items[r]);
        char   *line = json_dumps(json, JSON_SORT_KEYS);
        text_add(&text, "%s\n", line);
        free(line);
        json_decref(json);
    }
    return text_str(&text);
}

/* ---- What it keeps --------------------------------------------------------------------------------------------------- */
static void test_records_come_back(void **state) {
    (void)state;
    TuningDb    *db = open_db("a/b/tuning.db");
    TuningRecord record = record_of("N=1 T=64", "chunk=16", 0.75, 9);
    record.verdict = VERDICT_CRASHED;
    record.note = "signal 11; 'quoted'";
    put(db, record);
    put(db, record_of("N=2 T=64", "chunk=16", 0.5, 3));
    tuning_db_close(db);
    assert_int_equal(tuning_db_read(&ctx, path_of("a/b/tuning.db"), &db), ST_OK);
    const TuningRecords records = all_records(&ctx, db);
    assert_int_equal(records.count, 2);
    assert_int_equal(records.items[0].verdict, VERDICT_CRASHED);
    assert_string_equal(records.items[0].note, record.note);
    assert_string_equal(records.items[0].key.build, COMPILER_FINGERPRINT);
    assert_true(records.items[1].ratio == 0.5 && records.items[1].samples == 3);
    TuningRecords   few = {0};
    const TuningKey filter = {.bucket = "N=2 T=64", .space = 1};
    assert_int_equal(tuning_db_find(&ctx, db, &filter, &few), ST_OK);
    assert_int_equal(few.count, 1);
    tuning_db_close(db);
}

static void test_what_is_not_there_is_empty(void **state) {
    TuningDb *db;
    (void)state;
    assert_int_equal(tuning_db_read(&ctx, path_of("none.db"), &db), ST_OK);
    assert_null(db);
    assert_int_equal(access(path_of("none.db"), F_OK), -1);
}

static void test_folders_are_private(void **state) {
    struct stat info;
    (void)state;
    tuning_db_close(open_db("new/tuning.db"));
    assert_int_equal(stat(path_of("new"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void test_prune(void **state) {
    int64_t      removed;
    TuningDb    *db = open_db("tuning.db");
    TuningRecord old = record_of("N=1 T=1", "a=1", 1, 1), failed = record_of("N=1 T=1", "b=1", 1, 1), other = old;
    (void)state;
    old.when = 50;
    failed.verdict = VERDICT_HUNG;
    other.key.build = "other";
    put(db, old);
    put(db, failed);
    put(db, other);
    put(db, record_of("N=1 T=1", "c=1", 1, 1));
    assert_int_equal(tuning_db_prune(&ctx, db, &(TuningPrune){.before = 60}, &removed), ST_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(tuning_db_prune(&ctx, db, &(TuningPrune){.failures = true}, &removed), ST_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(tuning_db_prune(&ctx, db, &(TuningPrune){.other_build = COMPILER_FINGERPRINT}, &removed), ST_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(all_records(&ctx, db).count, 1);
    tuning_db_close(db);
}

static bool has_spec(TuningDb *db, const char *spec) {
    TuningSpecs specs = {0};
    assert_int_equal(tuning_db_specs(&ctx, db, &specs), ST_OK);
    for (int s = 0; s < specs.count; s++)
        if (strcmp(specs.items[s].spec, spec) == 0)
            return true;
    return false;
}

/* A search puts its layer before it has measured anything, and goes on while another process prunes. */
static void test_prune_leaves_layers_of_searches(void **state) {
    const TuningSpec layer = {"s", "layer", "text"};
    int64_t          removed;
    (void)state;
    TuningDb *search = open_db("tuning.db"), *other = open_db("tuning.db");
    assert_int_equal(tuning_db_put_spec(&ctx, search, layer.spec, layer.name, layer.text), ST_OK);
    assert_int_equal(tuning_db_prune(&ctx, other, &(TuningPrune){.before = 1000}, &removed), ST_OK);
    assert_int_equal(removed, 0);
    assert_true(has_spec(search, "s"));
    const TuningRecord record = record_of("N=1 T=1", "a=1", 1, 1);
    assert_int_equal(tuning_db_put_of(&ctx, search, &record, &layer), ST_OK);
    put(search, record_of("N=1 T=2", "a=1", 1, 1));
    assert_int_equal(tuning_db_prune(&ctx, other, &(TuningPrune){.before = 1000, .only.bucket = "N=1 T=2"}, &removed), ST_OK);
    assert_int_equal(removed, 1);
    assert_true(has_spec(search, "s")); /* which has another record */
    assert_int_equal(tuning_db_prune(&ctx, other, &(TuningPrune){.before = 1000}, &removed), ST_OK);
    assert_int_equal(removed, 1);
    assert_false(has_spec(search, "s"));
    assert_int_equal(tuning_db_put_of(&ctx, search, &record, &layer), ST_OK); /* the next candidate */
    assert_true(has_spec(search, "s"));
    tuning_db_close(search);
    tuning_db_close(other);
}

/* ---- Laws of merging ------------------------------------------------------------------------------------------------- */
enum { VARIETY = 8, ROUNDS = 40 };

/* Records of few keys, that often collide. */
static TuningRecord random_record(unsigned *seed) {
    static const char *const BUCKETS[] = {"N=1 T=64", "N=2 T=64"}, *const SCHEDULES[] = {"chunk=16", "chunk=32"};
    TuningRecord record = record_of(BUCKETS[rand_r(seed) % 2], SCHEDULES[rand_r(seed) % 2], 0.5 + 0.1 * (rand_r(seed) % 4),
                                    1 + rand_r(seed) % 3);
    record.when = 100 + rand_r(seed) % 2;
    record.verdict = rand_r(seed) % 4 ? VERDICT_RIGHT : (TuningVerdict)(rand_r(seed) % VERDICT_COUNT);
    return record;
}

static const char *merged(const TuningRecord *records, const int *order, int count, const char *name) {
    unlink(path_of(name));
    TuningDb *db = open_db(name);
    assert_int_equal(tuning_db_begin(&ctx, db), ST_OK);
    for (int i = 0; i < count; i++)
        put(db, records[order[i]]);
    assert_int_equal(tuning_db_commit(&ctx, db), ST_OK);
    const char *text = text_of(db);
    tuning_db_close(db);
    return text;
}

/* In any order, and any of them any number of times: the same. */
static void test_merging_commutes_and_repeats(void **state) {
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        TuningRecord records[VARIETY];
        int          order[2 * VARIETY];
        for (int i = 0; i < VARIETY; i++) {
            records[i] = random_record(&seed);
            order[i] = i;
        }
        const char *wanted = merged(records, order, VARIETY, "one.db");
        for (int i = VARIETY; i < 2 * VARIETY; i++)
            order[i] = rand_r(&seed) % VARIETY;
        for (int i = 2 * VARIETY - 1; i > 0; i--) {
            const int other = rand_r(&seed) % (i + 1), swap = order[i];
            order[i] = order[other];
            order[other] = swap;
        }
        assert_string_equal(merged(records, order, 2 * VARIETY, "two.db"), wanted);
    }
}

static void test_failures_are_not_forgotten(void **state) {
    TuningDb    *db = open_db("tuning.db");
    TuningRecord wrong = record_of("N=1 T=64", "chunk=16", 0, 0);
    (void)state;
    wrong.verdict = VERDICT_WRONG;
    put(db, wrong);
    put(db, record_of("N=1 T=64", "chunk=16", 0.1, 100));
    assert_int_equal(all_records(&ctx, db).items[0].verdict, VERDICT_WRONG);
    tuning_db_close(db);
}

static void test_lines_round_trip_and_bad_ones_are_skipped(void **state) {
    TuningDb   *one = open_db("one.db"), *two = open_db("two.db");
    TuningCount count = {0};
    unsigned    seed = 3;
    (void)state;
    for (int i = 0; i < VARIETY; i++)
        put(one, random_record(&seed));
    const char *lines = text_of(one);
    const char *spoiled = ctx_printf(&ctx, "not json\n%s{\"spec\": 1}\n\n%s\n", lines,
                                     "{\"spec\":\"x\",\"name\":\"n\",\"text\":\"t\"}");
    assert_int_equal(tuning_lines_put(&ctx, two, spoiled, &count), ST_OK);
    assert_int_equal(count.skipped, 2);
    assert_int_equal(count.specs, 1);
    assert_string_equal(text_of(two), lines);
    tuning_db_close(one);
    tuning_db_close(two);
}

static void test_lines_with_impossible_numbers_are_skipped(void **state) {
    TuningDb    *db = open_db("tuning.db");
    TuningRecord record = record_of("N=1 T=64", "chunk=16", 0.5, 1);
    TuningCount  count = {0};
    (void)state;
    record.ratio = -1;
    json_t *json = tuning_record_json(&record);
    char   *line = json_dumps(json, 0);
    assert_int_equal(tuning_lines_put(&ctx, db, line, &count), ST_OK);
    assert_int_equal(count.skipped, 1);
    free(line);
    json_decref(json);
    tuning_db_close(db);
}

/* ---- Several processes ----------------------------------------------------------------------------------------------- */
enum { WRITERS = 4, EACH = 25 };

static void write_many(int writer, int count) {
    TuningDb *db = NULL;
    for (int i = 0; i < count; i++) {
        const TuningRecord record = record_of("N=1 T=64", ctx_printf(&ctx, "chunk=%d", 1000 * writer + i), 1, 1);
        if ((!db && tuning_db_open(&ctx, path_of("tuning.db"), &db) != ST_OK) ||
            tuning_db_put(&ctx, db, &record) != ST_OK) {
            fprintf(stderr, "writer %d: %s\n", writer, ctx.message);
            _exit(1);
        }
    }
    tuning_db_close(db);
    _exit(0);
}

/* All of them make the file at once, too. */
static void test_writers_side_by_side(void **state) {
    int status;
    (void)state;
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0)
            write_many(w, EACH);
    for (int w = 0; w < WRITERS; w++) {
        wait(&status);
        assert_int_equal(status, 0);
    }
    TuningDb *db = open_db("tuning.db");
    assert_int_equal(all_records(&ctx, db).count, WRITERS * EACH);
    tuning_db_close(db);
}

/* A writer that is killed leaves all that it had put, and a database that others write on. */
static void test_a_killed_writer(void **state) {
    int  pipes[2], status;
    char byte;
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        TuningDb *db = open_db("tuning.db");
        for (int i = 0;; i++) {
            put(db, record_of("N=1 T=64", ctx_printf(&ctx, "chunk=%d", i), 1, 1));
            if (write(pipes[1], "x", 1) != 1)
                _exit(1);
        }
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(read(pipes[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    TuningDb *db = open_db("tuning.db");
    assert_true(all_records(&ctx, db).count >= 20);
    put(db, record_of("N=8 T=64", "chunk=16", 1, 1));
    tuning_db_close(db);
    close(pipes[0]);
    close(pipes[1]);
}

/* ---- Bad files ------------------------------------------------------------------------------------------------------- */
static void write_file(const char *name, const char *bytes, size_t size) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void refuses(Status wanted, const char *name, const char *message) {
    TuningDb *db;
    assert_int_equal(tuning_db_open(&ctx, path_of(name), &db), wanted);
    assert_null(db);
    assert_non_null(strstr(ctx.message, message));
    ctx_clear(&ctx);
    assert_int_equal(tuning_db_read(&ctx, path_of(name), &db), wanted);
    assert_null(db);
    ctx_clear(&ctx);
}

static void test_damaged_files(void **state) {
    char noise[8192];
    (void)state;
    memset(noise, 'x', sizeof noise);
    write_file("noise.db", noise, sizeof noise);
    refuses(ST_INTEGRITY, "noise.db", "damaged");
    TuningDb *db = open_db("torn.db");
    for (int i = 0; i < 500; i++)
        put(db, record_of("N=1 T=64", ctx_printf(&ctx, "chunk=%d", i), 1, 1));
    tuning_db_close(db);
    FILE *file = fopen(path_of("torn.db"), "r+");
    fseek(file, 4096, SEEK_SET);
    fwrite(noise, 1, sizeof noise, file);
    fclose(file);
    TuningRecords   records = {0};
    const TuningKey all = {0};
    assert_int_equal(tuning_db_read(&ctx, path_of("torn.db"), &db), ST_OK);
    assert_int_equal(tuning_db_find(&ctx, db, &all, &records), ST_INTEGRITY);
    ctx_clear(&ctx);
    tuning_db_close(db);
}

static void run_sql(const char *name, const char *sql) {
    sqlite3 *sqlite;
    assert_int_equal(sqlite3_open(path_of(name), &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sqlite);
}

static void test_foreign_and_newer_files(void **state) {
    (void)state;
    run_sql("foreign.db", "CREATE TABLE t(a)");
    refuses(ST_INTEGRITY, "foreign.db", "not of rattan's");
    tuning_db_close(open_db("newer.db"));
    run_sql("newer.db", "PRAGMA user_version = 2");
    refuses(ST_FAILED, "newer.db", "newer rattan");
}

/* As of a system's folder: no file can be made beside it. As root permissions do not bind: then only the file is tested. */
static void test_read_only(void **state) {
    TuningDb *db = open_db("system/tuning.db");
    (void)state;
    put(db, record_of("N=1 T=64", "chunk=16", 1, 1));
    tuning_db_close(db);
    chmod(path_of("system/tuning.db"), 0444);
    chmod(path_of("system"), 0555);
    assert_int_equal(tuning_db_read(&ctx, path_of("system/tuning.db"), &db), ST_OK);
    assert_non_null(db);
    assert_int_equal(all_records(&ctx, db).count, 1);
    tuning_db_close(db);
    if (geteuid() != 0) {
        assert_int_equal(tuning_db_open(&ctx, path_of("system/tuning.db"), &db), ST_FAILED);
        assert_non_null(strstr(ctx.remedy, "RATTAN_DATA_DIR"));
        ctx_clear(&ctx);
    }
    chmod(path_of("system"), 0755);
}

/* ---- Picking --------------------------------------------------------------------------------------------------------- */
static const TuningRecord *chosen(TuningRecord *records, int count, TuningBucket bucket) {
    TuningPick pick;
    const TuningKey key = record_of("", "", 1, 1).key;
    tuning_choose(&(TuningRecords){records, count, count}, &key, bucket, &pick);
    return pick.record;
}

static void test_choosing(void **state) {
    TuningRecord records[] = {record_of("N=1 T=64", "a", 1, 29), record_of("N=1 T=64", "b", 0.8, 29),
                              record_of("N=1 T=64", "c", 0.7, 29), record_of("N=64 T=4096", "d", 0.9, 29)};
    (void)state;
    assert_string_equal(chosen(records, 4, tuning_bucket(1, 50))->schedule, "c");
    assert_string_equal(chosen(records, 4, tuning_bucket(2, 100))->schedule, "c"); /* two steps away */
    assert_null(chosen(records, 4, tuning_bucket(1, 4096)));                       /* six from both */
    assert_string_equal(chosen(records, 4, (TuningBucket){0})->schedule, "d");     /* not known: the largest */
    records[2].verdict = VERDICT_WRONG;
    assert_string_equal(chosen(records, 4, tuning_bucket(1, 50))->schedule, "b");
    records[1].samples = 9; /* too few to tell */
    assert_string_equal(chosen(records, 4, tuning_bucket(1, 50))->schedule, "a");
    records[1].samples = 29;
    records[1].spread = 0.9; /* hardly measured at all */
    assert_string_equal(chosen(records, 4, tuning_bucket(1, 50))->schedule, "a");
    records[0].key.build = records[1].key.build = "other";
    records[3] = record_of("N=1 T=128", "d", 0.99, 29);
    assert_string_equal(chosen(records, 4, tuning_bucket(1, 50))->schedule, "d"); /* this build's, though a step away */
}

static void test_a_failure_elsewhere_forbids(void **state) {
    TuningRecord records[] = {record_of("N=1 T=64", "a", 0.8, 29), record_of("N=8 T=64", "a", 0, 0)};
    (void)state;
    records[1].verdict = VERDICT_WRONG;
    assert_null(chosen(records, 2, tuning_bucket(1, 64)));
}

/* The user's database first, the system's behind it, a damaged one as if it were empty. */
static void test_layers(void **state) {
    TuningKey   key = record_of("", "", 1, 1).key;
    TuningPick  pick;
    const char *why = NULL;
    (void)state;
    setenv("RATTAN_DATA_DIR", path_of("user"), 1);
    unsetenv("RATTAN_SYSTEM_TUNINGS");
    setenv("XDG_DATA_DIRS", ctx_printf(&ctx, "%s:%s", path_of("one"), path_of("two")), 1);
    TuningDb *two = open_db("two/rattan/tuning.db");
    put(two, record_of("N=1 T=64", "two", 0.5, 29));
    tuning_db_close(two);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, &why);
    assert_string_equal(pick.record->schedule, "two");
    assert_string_equal(pick.path, path_of("two/rattan/tuning.db"));
    assert_null(why);
    mkdir(path_of("one"), 0700);
    mkdir(path_of("one/rattan"), 0700);
    write_file("one/rattan/tuning.db", "this is no database, whatever its name says, and never was one", 62);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, &why);
    assert_string_equal(pick.record->schedule, "two");
    assert_non_null(strstr(why, "damaged"));
    assert_int_equal(ctx.status, ST_OK);
    TuningDb    *user = open_db("user/tuning.db");
    TuningRecord wrong = record_of("N=1 T=64", "two", 0, 0);
    wrong.verdict = VERDICT_WRONG;
    put(user, wrong);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_null(pick.record); /* it failed here */
    put(user, record_of("N=1 T=64", "user", 0.9, 29));
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "user");
    tuning_db_close(user);
}

/* Exactly this driver and compiler first, then one of the two, whatever build or bucket; never code for another target. */
static void test_other_versions(void **state) {
    TuningRecord records[] = {record_of("N=2 T=64", "exact", 0.9, 29), record_of("N=1 T=64", "driver", 0.8, 29),
                              record_of("N=1 T=64", "both", 0.5, 29), record_of("N=1 T=64", "target", 0.1, 29)};
    TuningKey    key = record_of("", "", 1, 1).key;
    TuningPick   pick;
    (void)state;
    key.driver = records[0].key.driver = "CUDA 13.0";
    key.compiler = records[0].key.compiler = records[1].key.compiler = "cuda:sm_90a; NVRTC 13.0";
    records[0].key.build = "another";
    records[1].key.driver = records[2].key.driver = records[3].key.driver = "CUDA 12.4";
    records[2].key.compiler = "cuda:sm_90a; NVRTC 12.8";
    records[3].key.compiler = "cuda:sm_80; NVRTC 13.0";
    for (int first = 0; first < 4; first++) {
        static const char *const WANTED[] = {"exact", "driver", "both"};
        tuning_choose(&(TuningRecords){records + first, 4 - first, 0}, &key, tuning_bucket(1, 64), &pick);
        if (first == 3)
            assert_null(pick.record);
        else
            assert_string_equal(pick.record->schedule, WANTED[first]);
    }
    assert_true(tuning_other_driver(&records[1], &key) && !tuning_other_compiler(&records[1], &key));
    key.driver = NULL; /* not known: code that will run elsewhere */
    assert_false(tuning_other_driver(&records[1], &key));
}

/* Kernels that read what is saved have records of their own; where there are none the plain kernel's serve, and never the other
 * way round. What failed in either is not taken for the one in which it failed. */
static void test_saved_and_plain(void **state) {
    TuningRecord own = record_of("N=1 T=512", "own", 0.9, 29), plain = record_of("N=1 T=64", "plain", 0.5, 29);
    TuningKey    key = own.key, of_plain = own.key;
    TuningPick   pick;
    (void)state;
    setenv("RATTAN_DATA_DIR", path_of("saved"), 1);
    setenv("RATTAN_SYSTEM_TUNINGS", "", 1);
    key.kind = own.key.kind = "backward+saved";
    of_plain.kind = plain.key.kind = "backward";
    TuningDb *db = open_db("saved/tuning.db");
    put(db, plain);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "plain");
    put(db, own);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "own"); /* though its bucket is three steps away */
    tuning_find(&ctx, &of_plain, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "plain");
    tuning_find(&ctx, &of_plain, NULL, tuning_bucket(1, 512), &pick, NULL);
    assert_string_equal(pick.record->schedule, "plain");
    TuningRecord failed = plain;
    failed.schedule = "own"; /* where nothing is saved */
    failed.verdict = VERDICT_CRASHED;
    put(db, failed);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "own");
    failed = own; /* and now where it is */
    failed.verdict = VERDICT_WRONG;
    put(db, failed);
    failed.schedule = "plain";
    put(db, failed);
    tuning_find(&ctx, &key, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_null(pick.record);
    tuning_find(&ctx, &of_plain, NULL, tuning_bucket(1, 64), &pick, NULL);
    assert_string_equal(pick.record->schedule, "plain");
    tuning_db_close(db);
    unsetenv("RATTAN_SYSTEM_TUNINGS");
}

/* A settled file is alone, and is read without a trace. */
static void test_settled(void **state) {
    TuningDb *db = open_db("s/tuning.db");
    (void)state;
    put(db, record_of("N=1 T=64", "a", 1, 29));
    assert_int_equal(tuning_db_settle(&ctx, db), ST_OK);
    tuning_db_close(db);
    assert_int_equal(tuning_db_read(&ctx, path_of("s/tuning.db"), &db), ST_OK);
    assert_int_equal(all_records(&ctx, db).count, 1);
    assert_int_equal(access(path_of("s/tuning.db-wal"), F_OK), -1);
    assert_int_equal(access(path_of("s/tuning.db-shm"), F_OK), -1);
    tuning_db_close(db);
}

static void test_buckets(void **state) {
    TuningBucket bucket;
    (void)state;
    assert_string_equal(tuning_bucket_text(&ctx, tuning_bucket(3, 1000)), "N=4 T=1024");
    assert_string_equal(tuning_bucket_text(&ctx, tuning_bucket(1, 1)), "N=1 T=1");
    assert_true(tuning_bucket_parse("N=4 T=1024", &bucket));
    assert_false(tuning_bucket_parse("N=4 T=1024 ", &bucket));
    assert_false(tuning_bucket_parse("N=0 T=1", &bucket));
    assert_int_equal(tuning_bucket_distance(tuning_bucket(4, 1024), tuning_bucket(1, 4096)), 4);
}

/* ---- Folders --------------------------------------------------------------------------------------------------------- */
static int open_folder(void **state) {
    (void)state;
    ctx_init(&ctx);
    return folder_open(folder, "db");
}

static int close_folder(void **state) {
    (void)state;
    ctx_free(&ctx);
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_records_come_back),
        TEST(test_what_is_not_there_is_empty),
        TEST(test_folders_are_private),
        TEST(test_prune), TEST(test_prune_leaves_layers_of_searches),
        TEST(test_merging_commutes_and_repeats),
        TEST(test_failures_are_not_forgotten),
        TEST(test_lines_round_trip_and_bad_ones_are_skipped),
        TEST(test_lines_with_impossible_numbers_are_skipped),
        TEST(test_writers_side_by_side),
        TEST(test_a_killed_writer),
        TEST(test_damaged_files),
        TEST(test_foreign_and_newer_files),
        TEST(test_read_only),
        TEST(test_choosing),
        TEST(test_a_failure_elsewhere_forbids),
        TEST(test_layers),
        TEST(test_other_versions),
        TEST(test_saved_and_plain),
        TEST(test_settled),
        TEST(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
