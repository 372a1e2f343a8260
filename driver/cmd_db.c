/* rattan db: what the tuning database knows, and carrying it elsewhere. */
#include "driver/cli.h"
#include "driver/files.h"
#include "driver/fingerprint.h"
#include "driver/session.h"
#include "driver/terminal.h"
#include "driver/tuning_lines.h"
#include "driver/tuning_pick.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "passes/search_space.h"

enum { MOST_BYTES = 1 << 30, SECONDS_A_DAY = 86400 };

typedef struct DbJob {
    const Cli *cli;
    const char *const *operands; /* behind the action */
    int               count;
    bool              json;
} DbJob;

/* ---- list ------------------------------------------------------------------------------------------------------------ */
static const char *name_of(const TuningSpecs *specs, const char *spec) {
    for (int s = 0; s < specs->count; s++)
        if (strcmp(specs->items[s].spec, spec) == 0)
            return specs->items[s].name;
    return spec;
}

static bool same_place(const TuningKey *a, const TuningKey *b) {
    return strcmp(a->spec, b->spec) == 0 && strcmp(a->kind, b->kind) == 0 && strcmp(a->bucket, b->bucket) == 0 &&
           strcmp(a->machine, b->machine) == 0 && strcmp(a->driver, b->driver) == 0 &&
           strcmp(a->compiler, b->compiler) == 0 && a->space == b->space;
}

static void list_place(const TuningSpecs *specs, const TuningRecords *records, const char *path, json_t *json) {
    const TuningKey *key = &records->items[0].key;
    TuningKey        wanted = *key;
    TuningBucket     bucket = {0};
    TuningPick       pick = {0};
    int              failures = 0;
    tuning_bucket_parse(key->bucket, &bucket);
    wanted.build = COMPILER_FINGERPRINT;
    tuning_choose(records, &wanted, bucket, &pick);
    for (int r = 0; r < records->count; r++)
        failures += records->items[r].verdict != VERDICT_RIGHT;
    if (json) {
        json_t *row = pick.record ? tuning_record_json(pick.record) : json_object();
        json_object_update_new(row, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "name", name_of(specs, key->spec),
                                              "kind", key->kind, "bucket", key->bucket, "machine", key->machine, "records",
                                              records->count, "failures", failures, "database", path));
        json_array_append_new(json, row);
        return;
    }
    printf("%-20s %-8s %-16s %4d schedules, %d failed  %s\n", name_of(specs, key->spec), key->kind, key->bucket,
           records->count, failures, key->machine);
    if (pick.record)
        printf("  %.3f ms, %.3f of the default's time (spread %.3f)%s\n  %s\n", 1e3 * pick.record->seconds,
               pick.record->ratio, pick.record->spread,
               strcmp(pick.record->key.build, COMPILER_FINGERPRINT) == 0 ? "" : ", measured with another build",
               pick.record->schedule);
}

static void print_json(json_t *json) {
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(8));
    puts("");
    json_decref(json);
}

/* What one database has, under its name; returns the number of records. */
static Status list_layer(Ctx *ctx, const char *path, const char *layer, json_t *json, int *count) {
    TuningDb       *db = NULL;
    TuningRecords   records = {0};
    TuningSpecs     specs = {0};
    const TuningKey all = {0};
    TRY(tuning_db_read(ctx, path, &db));
    Status status = db ? tuning_db_find(ctx, db, &all, &records) : ST_OK;
    if (status == ST_OK && db)
        status = tuning_db_specs(ctx, db, &specs);
    tuning_db_close(db);
    if (!json && records.count)
        printf("%s (%s)\n", path, layer);
    for (int first = 0, r = 1; r <= records.count; r++)
        if (r == records.count || !same_place(&records.items[r].key, &records.items[first].key)) {
            list_place(&specs, &(TuningRecords){records.items + first, r - first, 0}, path, json);
            first = r;
        }
    *count += records.count;
    return status;
}

/* A system's database that cannot be read is no reason to say nothing of the others. */
static void list_systems(Ctx *ctx, json_t *json, int *count) {
    TuningPaths systems;
    tuning_db_system_paths(ctx, &systems);
    for (int s = 0; s < systems.count; s++)
        if (list_layer(ctx, systems.items[s], "the system's", json, count) != ST_OK) {
            char line[1024];
            ctx_describe(ctx, line, sizeof line);
            terminal_warning(line);
            ctx_clear(ctx);
        }
}

static Status list(Ctx *ctx, const DbJob *job, TuningDb *db) {
    json_t *json = job->json ? json_array() : NULL;
    int     count = 0;
    (void)db; /* opened for its failures */
    TRY(list_layer(ctx, tuning_db_path(ctx), "the user's", json, &count));
    list_systems(ctx, json, &count);
    if (json)
        print_json(json);
    else if (!count)
        fputs("rattan: the tuning database is empty\n", stderr);
    return ST_OK;
}

/* ---- explain --------------------------------------------------------------------------------------------------------- */
typedef struct Explained {
    TuningKey    key;
    TuningBucket bucket;
    TuningPick   pick;
    const char  *fallback; /* the default schedule */
    const char  *why;
} Explained;

static Status explain_open(Ctx *ctx, const DbJob *job, Session *session, Explained *e) {
    KernelKind kind = KIND_FORWARD;
    Shape      shape;
    Schedule   schedule;
    Text       text = TEXT(ctx);
    if (job->count != 1)
        return ctx_fail(ctx, ST_USAGE, "rattan db explain", "give one SPEC", "there are %d", job->count);
    if (cli_has(job->cli, OPTION_KIND))
        TRY(kind_parse(ctx, cli_value(job->cli, OPTION_KIND), &kind));
    TRY(shape_parse(ctx, cli_value(job->cli, OPTION_SHAPE), &shape));
    TRY(session_load_file(ctx, session, job->operands[0]));
    const Spec *spec = &session->specs.items[session->first].spec;
    e->bucket = shape_bucket(&shape);
    TRY(session_device(ctx, session));
    if (!tuning_key_machine(ctx, &session->target, session->device, &e->key))
        return ctx_fail(ctx, ST_NO_DEVICE, "--target", "name a target that runs on this machine",
                        "nothing is known of %s here", session->target.name);
    tuning_key_layer(ctx, spec, kind, &e->key);
    tuning_find(ctx, &e->key, e->bucket, &e->pick, &e->why);
    TRY(compile_schedule(ctx, &(CompileRequest){.spec = spec, .kind = kind, .target = &session->target}, &schedule));
    schedule_print(&text, &schedule);
    e->fallback = text_str(&text);
    return ST_OK;
}

static void explain_key(const Explained *e) {
    printf("machine   %s%s%s\ncompiler  %s\nspec      %s, search space %d, build %s\n", e->key.machine,
           *e->key.driver ? ", driver " : "", e->key.driver, e->key.compiler, e->key.spec, e->key.space, e->key.build);
    if (e->why)
        printf("skipped   %s\n", e->why);
    if (e->pick.other_spaces)
        printf("ignored   %d records of other search spaces, which other versions of rattan made: tune again\n",
               e->pick.other_spaces);
}

/* What a kernel gets. */
static const char *schedule_of(const Explained *e) {
    const TuningRecord *r = e->pick.record;
    return r && !tuning_is_default(r) ? r->schedule : e->fallback;
}

static void explain_pick(Ctx *ctx, const Explained *e) {
    const TuningRecord *r = e->pick.record;
    if (!r) {
        printf("schedule  the default: nothing is known for %s near %s\n  %s\n", e->key.kind,
               e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "any shape", e->fallback);
        return;
    }
    printf("schedule  from %s%s\n  %s\n", e->pick.path, tuning_is_default(r) ? ", which knows nothing better than the default" : "",
           schedule_of(e));
    printf("because   it took %.3f of the default's time (spread %.3f, %lld runs, %.3f ms), at worst %.3f, the least for "
           "%s %s\n",
           r->ratio, r->spread, (long long)r->samples, 1e3 * r->seconds, tuning_bound(r), e->key.kind, r->key.bucket);
    if (e->pick.distance)
        printf("          which is the nearest to %s, %d steps of a factor of two away\n",
               tuning_bucket_text(ctx, e->bucket), e->pick.distance);
    if (tuning_other_driver(r, &e->key))
        printf("          measured with driver %s: tune again to be sure\n", r->key.driver);
    if (tuning_other_compiler(r, &e->key))
        printf("          compiled by %s: tune again to be sure\n", r->key.compiler);
    if (strcmp(r->key.build, e->key.build) != 0)
        printf("          measured with another build of rattan (%s): tune again to be sure\n", r->key.build);
}

static int by_bound(const void *a, const void *b) {
    const TuningRecord *x = a, *y = b;
    if ((x->verdict == VERDICT_RIGHT) != (y->verdict == VERDICT_RIGHT))
        return x->verdict == VERDICT_RIGHT ? -1 : 1;
    const double a_bound = tuning_bound(x), b_bound = tuning_bound(y); /* both may be infinite */
    return a_bound < b_bound ? -1 : a_bound > b_bound ? 1 : x->ratio < y->ratio ? -1 : x->ratio > y->ratio;
}

/* The others of the same bucket, the best first. */
static Status explain_others(Ctx *ctx, const Explained *e, TuningDb *db) {
    enum { MOST = 8 };
    TuningRecords records = {0};
    TuningKey     filter = e->pick.record->key;
    TRY(tuning_db_find(ctx, db, &filter, &records));
    qsort(records.items, (size_t)records.count, sizeof *records.items, by_bound);
    printf("tried     %d schedules in this bucket\n", records.count);
    for (int r = 0; r < records.count && r < MOST; r++) {
        const TuningRecord *record = &records.items[r];
        if (record->verdict == VERDICT_RIGHT)
            printf("  %.3f +- %.3f, %3lld runs  %s\n", record->ratio, record->spread, (long long)record->samples,
                   record->schedule);
        else
            printf("  %s (%s)  %s\n", verdict_name(record->verdict), record->note, record->schedule);
    }
    return ST_OK;
}

static Status explain_others_of(Ctx *ctx, const Explained *e) {
    TuningDb *db = NULL;
    TRY(tuning_db_read(ctx, e->pick.path, &db));
    const Status status = db ? explain_others(ctx, e, db) : ST_OK;
    tuning_db_close(db);
    return status;
}

static json_t *explained_json(Ctx *ctx, const Explained *e) {
    const TuningRecord *r = e->pick.record;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:i, s:i}", "machine", e->key.machine, "spec", e->key.spec, "kind",
                     e->key.kind, "bucket", e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "", "schedule",
                     schedule_of(e), "record", r ? tuning_record_json(r) : json_null(), "database",
                     r ? e->pick.path : "", "distance", e->pick.distance, "ignored", e->pick.other_spaces);
}

static Status explain(Ctx *ctx, const DbJob *job) {
    Session   session;
    Explained e = {0};
    Status    status = session_open(ctx, job->cli, &session);
    if (status == ST_OK)
        status = explain_open(ctx, job, &session, &e);
    if (status == ST_OK && job->json) {
        print_json(explained_json(ctx, &e));
    } else if (status == ST_OK) {
        explain_key(&e);
        explain_pick(ctx, &e);
        status = e.pick.record ? explain_others_of(ctx, &e) : ST_OK;
    }
    session_close(&session);
    return status;
}

/* ---- export, import, merge, prune ------------------------------------------------------------------------------------ */
typedef struct Lines {
    Text text;
    int  digits; /* of numbers */
} Lines;

static void add_line(Lines *lines, json_t *json) {
    char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(lines->digits));
    text_add(&lines->text, "%s\n", line ? line : "");
    free(line);
    json_decref(json);
}

/* A place's records without the schedules that failed anywhere for the layer and kind on that machine: who gets the lines
 * does not get the failures. */
static TuningRecords without_failed(Ctx *ctx, const TuningRecords *all, const TuningRecord *first, int count) {
    TuningRecords kept = {NEW_ARRAY(ctx, TuningRecord, count), 0, count};
    for (int r = 0; r < count; r++) {
        bool failed = false;
        for (int o = 0; o < all->count && !failed; o++) {
            const TuningRecord *const other = &all->items[o];
            failed = other->verdict != VERDICT_RIGHT && strcmp(other->schedule, first[r].schedule) == 0 &&
                     strcmp(other->key.spec, first[r].key.spec) == 0 && strcmp(other->key.kind, first[r].key.kind) == 0 &&
                     strcmp(other->key.machine, first[r].key.machine) == 0;
        }
        if (!failed)
            kept.items[kept.count++] = first[r];
    }
    return kept;
}

/* Of the records of one place: what a kernel would get, and what it was compared with. */
static void add_best(Lines *lines, const TuningRecords *records) {
    if (!records->count)
        return;
    TuningKey    wanted = records->items[0].key;
    TuningBucket bucket = {0};
    TuningPick   pick = {0};
    wanted.build = COMPILER_FINGERPRINT;
    tuning_bucket_parse(wanted.bucket, &bucket);
    tuning_choose(records, &wanted, bucket, &pick);
    if (!pick.record || pick.record->samples < TUNING_SAMPLES)
        return;
    add_line(lines, tuning_record_json(pick.record));
    for (int r = 0; r < records->count && !tuning_is_default(pick.record); r++) {
        const TuningRecord *record = &records->items[r];
        if (!tuning_is_default(record) || strcmp(record->key.build, pick.record->key.build) != 0)
            continue;
        add_line(lines, tuning_record_json(record));
        break; /* others have the same code */
    }
}

static void add_records(Ctx *ctx, Lines *lines, const TuningRecords *records, bool best) {
    for (int r = 0; !best && r < records->count; r++)
        add_line(lines, tuning_record_json(&records->items[r]));
    for (int first = 0, r = 1; best && r <= records->count; r++)
        if (r == records->count || !same_place(&records->items[r].key, &records->items[first].key)) {
            const TuningRecords kept = without_failed(ctx, records, records->items + first, r - first);
            add_best(lines, &kept);
            first = r;
        }
}

static Status export(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningRecords   records = {0};
    TuningSpecs     specs = {0};
    const TuningKey all = {0};
    const bool      best = cli_has(job->cli, OPTION_BEST);
    Lines           lines = {TEXT(ctx), best ? 6 : 17};
    if (db) {
        TRY(tuning_db_specs(ctx, db, &specs));
        TRY(tuning_db_find(ctx, db, &all, &records));
    }
    for (int s = 0; s < specs.count; s++)
        add_line(&lines, tuning_spec_json(&specs.items[s]));
    add_records(ctx, &lines, &records, best);
    if (cli_has(job->cli, OPTION_OUTPUT))
        return file_write(ctx, cli_value(job->cli, OPTION_OUTPUT), &(Part){text_str(&lines.text), lines.text.length}, 1);
    fputs(text_str(&lines.text), stdout);
    return ST_OK;
}

static void print_count(const DbJob *job, const TuningCount *count) {
    if (job->json)
        printf("{\"records\": %lld, \"specs\": %lld, \"skipped\": %lld}\n", (long long)count->records,
               (long long)count->specs, (long long)count->skipped);
    else
        printf("%lld records read, %lld lines skipped\n", (long long)count->records, (long long)count->skipped);
}

static Status import_files(Ctx *ctx, const DbJob *job, TuningDb *db, TuningCount *count) {
    for (int f = 0; f < job->count; f++) {
        char  *text;
        size_t size;
        TRY(file_read(ctx, job->operands[f], MOST_BYTES, &text, &size));
        TRY(tuning_db_begin(ctx, db));
        TRY(tuning_lines_put(ctx, db, text, count));
        TRY(tuning_db_commit(ctx, db));
    }
    return ST_OK;
}

static Status import(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningCount count = {0};
    TRY(import_files(ctx, job, db, &count));
    print_count(job, &count);
    return ST_OK;
}

/* What is shipped is text that people can read and merge; a line of it that says nothing is a mistake. */
static Status pack_files(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningCount count = {0};
    TRY(import_files(ctx, job, db, &count));
    if (count.skipped)
        return ctx_fail(ctx, ST_INTEGRITY, "rattan db pack", "mend or remove them", "%lld lines are neither records nor specs",
                        (long long)count.skipped);
    TRY(tuning_db_settle(ctx, db));
    print_count(job, &count);
    return ST_OK;
}

static Status pack_in(Ctx *ctx, const DbJob *job, const char *part) {
    TuningDb *db = NULL;
    char     *bytes;
    size_t    size;
    TRY(tuning_db_open(ctx, part, &db));
    const Status status = pack_files(ctx, job, db);
    tuning_db_close(db);
    TRY(status);
    TRY(file_read(ctx, part, MOST_BYTES, &bytes, &size));
    return file_write(ctx, cli_value(job->cli, OPTION_OUTPUT), &(Part){bytes, size}, 1);
}

/* A new file, whole or not at all: SQLite makes it, and what lies beside it meanwhile, in a folder of its own. */
static Status pack(Ctx *ctx, const DbJob *job) {
    static const char *const BESIDE[] = {"", "-wal", "-shm", "-journal"};
    const char              *folder;
    sigset_t                 before;
    if (!cli_has(job->cli, OPTION_OUTPUT))
        return ctx_fail(ctx, ST_USAGE, "rattan db pack", "give -o FILE", "it is not said where to");
    if (!job->count)
        return ctx_fail(ctx, ST_USAGE, "rattan db pack", "see 'rattan db --help'", "no FILE is given");
    interrupts_hold(&before);
    const bool        made = folder_temporary(ctx, "pack", &folder) == ST_OK;
    const char *const part = ctx_printf(ctx, "%s/tuning.db", folder);
    const Status      status = made ? pack_in(ctx, job, part) : ctx->status;
    for (size_t b = 0; made && b < sizeof BESIDE / sizeof *BESIDE; b++)
        unlink(ctx_printf(ctx, "%s%s", part, BESIDE[b]));
    if (made)
        rmdir(folder);
    interrupts_release(&before);
    return status;
}

static Status merge_records(Ctx *ctx, TuningDb *from, TuningDb *db, TuningCount *count) {
    TuningRecords   records = {0};
    TuningSpecs     specs = {0};
    const TuningKey all = {0};
    TRY(tuning_db_find(ctx, from, &all, &records));
    TRY(tuning_db_specs(ctx, from, &specs));
    TRY(tuning_db_begin(ctx, db));
    for (int r = 0; r < records.count; r++)
        TRY(tuning_db_put(ctx, db, &records.items[r]));
    for (int s = 0; s < specs.count; s++)
        TRY(tuning_db_put_spec(ctx, db, specs.items[s].spec, specs.items[s].name, specs.items[s].text));
    count->records += records.count;
    count->specs += specs.count;
    return tuning_db_commit(ctx, db);
}

static Status merge(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningCount count = {0};
    for (int f = 0; f < job->count; f++) {
        TuningDb *from;
        TRY(tuning_db_read(ctx, job->operands[f], &from));
        if (!from)
            return ctx_fail(ctx, ST_FAILED, job->operands[f], "check the path", "there is no tuning database");
        const Status status = merge_records(ctx, from, db, &count);
        tuning_db_close(from);
        TRY(status);
    }
    print_count(job, &count);
    return ST_OK;
}

static Status prune(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningPrune prune = {0};
    int64_t     days, removed;
    TRY(cli_integer(ctx, job->cli, OPTION_OLDER, 0, 100000, -1, &days));
    if (days >= 0)
        prune.before = (int64_t)time(NULL) - days * SECONDS_A_DAY + 1;
    if (cli_has(job->cli, OPTION_OTHER_BUILDS)) {
        prune.other_build = COMPILER_FINGERPRINT;
        prune.other_space = SEARCH_SPACE_VERSION;
    }
    prune.failures = cli_has(job->cli, OPTION_FAILURES);
    if (days < 0 && !prune.other_build && !prune.failures)
        return ctx_fail(ctx, ST_USAGE, "rattan db prune", "give --older-than, --other-builds or --failures",
                        "it is not said what is to go");
    TRY(tuning_db_prune(ctx, db, &prune, &removed));
    printf(job->json ? "{\"removed\": %lld}\n" : "removed %lld records\n", (long long)removed);
    return ST_OK;
}

/* ---- All ------------------------------------------------------------------------------------------------------------- */
typedef struct Action {
    const char *name;
    Status (*run)(Ctx *ctx, const DbJob *job, TuningDb *db);
    bool writes, files;
} Action;

static const Action ACTIONS[] = {{"list", list, false, false},
                                 {"export", export, false, false},
                                 {"import", import, true, true},
                                 {"merge", merge, true, true},
                                 {"prune", prune, true, false}};

static Status run_action(Ctx *ctx, const Action *action, const DbJob *job) {
    TuningDb   *db = NULL;
    const char *path = tuning_db_path(ctx);
    if (cli_has(job->cli, OPTION_BEST) && action->run != export)
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan db %s", action->name), "leave it out", "--best is for export alone");
    if (action->files != (job->count > 0))
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan db %s", action->name), "see 'rattan db --help'",
                        action->files ? "no FILE is given" : "takes no more words");
    TRY(action->writes ? tuning_db_open(ctx, path, &db) : tuning_db_read(ctx, path, &db));
    const Status status = action->run(ctx, job, db);
    tuning_db_close(db);
    return status;
}

Status cmd_db(Ctx *ctx, const Cli *cli) {
    const int   given = cli->operands.count;
    const char *name = given ? cli->operands.items[0] : NULL;
    const DbJob job = {cli, cli->operands.items + 1, given - 1, cli_has(cli, OPTION_JSON)};
    for (size_t a = 0; name && a < sizeof ACTIONS / sizeof *ACTIONS; a++)
        if (strcmp(ACTIONS[a].name, name) == 0)
            return run_action(ctx, &ACTIONS[a], &job);
    if (name && strcmp(name, "explain") == 0)
        return explain(ctx, &job);
    if (name && strcmp(name, "pack") == 0)
        return pack(ctx, &job);
    return ctx_fail(ctx, ST_USAGE, "rattan db", "use list, explain, export, import, merge, pack or prune",
                    name ? "there is no action '%.40s'" : "no action is given%.0s", name ? name : "");
}
