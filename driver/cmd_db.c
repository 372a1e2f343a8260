/* rattan db: what the tuning database knows, and carrying it elsewhere. */
#include "driver/cli.h"
#include "driver/files.h"
#include "driver/fingerprint.h"
#include "driver/session.h"
#include "driver/terminal.h"
#include "driver/tuning_lines.h"
#include "driver/tuning_pick.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void list_place(const TuningSpecs *specs, const TuningRecords *records, json_t *json) {
    const TuningKey *key = &records->items[0].key;
    TuningBucket     bucket = {0};
    TuningPick       pick = {0};
    int              failures = 0;
    tuning_bucket_parse(key->bucket, &bucket);
    tuning_choose(records, COMPILER_FINGERPRINT, bucket, &pick);
    for (int r = 0; r < records->count; r++)
        failures += records->items[r].verdict != VERDICT_RIGHT;
    if (json) {
        json_t *row = pick.record ? tuning_record_json(pick.record) : json_object();
        json_object_update_new(row, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "name", name_of(specs, key->spec), "kind",
                                              key->kind, "bucket", key->bucket, "machine", key->machine, "records",
                                              records->count, "failures", failures));
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

static Status list(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningRecords   records = {0};
    TuningSpecs     specs = {0};
    const TuningKey all = {0};
    json_t         *json = job->json ? json_array() : NULL;
    if (db) {
        TRY(tuning_db_find(ctx, db, &all, &records));
        TRY(tuning_db_specs(ctx, db, &specs));
    }
    for (int first = 0, r = 1; r <= records.count; r++)
        if (r == records.count || !same_place(&records.items[r].key, &records.items[first].key)) {
            list_place(&specs, &(TuningRecords){records.items + first, r - first, 0}, json);
            first = r;
        }
    if (json)
        print_json(json);
    else if (!records.count)
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
    schedule_default(spec, kind, &session->target, &schedule);
    schedule_print(&text, &schedule);
    e->fallback = text_str(&text);
    return ST_OK;
}

static void explain_key(const Explained *e) {
    printf("machine   %s%s%s\ncompiler  %s\nspec      %s, search space %d, build %s\n", e->key.machine,
           *e->key.driver ? ", driver " : "", e->key.driver, e->key.compiler, e->key.spec, e->key.space, e->key.build);
    if (e->why)
        printf("skipped   %s\n", e->why);
}

static void explain_pick(Ctx *ctx, const Explained *e) {
    const TuningRecord *r = e->pick.record;
    if (!r) {
        printf("schedule  the default: nothing is known for %s near %s\n  %s\n", e->key.kind,
               e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "any shape", e->fallback);
        return;
    }
    printf("schedule  from %s\n  %s\n", e->pick.path, r->schedule);
    printf("because   it took %.3f of the default's time (spread %.3f, %lld runs, %.3f ms), at worst %.3f, the least for "
           "%s %s\n",
           r->ratio, r->spread, (long long)r->samples, 1e3 * r->seconds, tuning_bound(r), e->key.kind, r->key.bucket);
    if (e->pick.distance)
        printf("          which is the nearest to %s, %d steps of a factor of two away\n",
               tuning_bucket_text(ctx, e->bucket), e->pick.distance);
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
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:i}", "machine", e->key.machine, "spec", e->key.spec, "kind",
                     e->key.kind, "bucket", e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "", "schedule",
                     r ? r->schedule : e->fallback, "record", r ? tuning_record_json(r) : json_null(), "database",
                     r ? e->pick.path : "", "distance", e->pick.distance);
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
static void add_line(Text *text, json_t *json) {
    char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    text_add(text, "%s\n", line ? line : "");
    free(line);
    json_decref(json);
}

static Status export(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningRecords   records = {0};
    TuningSpecs     specs = {0};
    const TuningKey all = {0};
    Text            text = TEXT(ctx);
    if (db) {
        TRY(tuning_db_specs(ctx, db, &specs));
        TRY(tuning_db_find(ctx, db, &all, &records));
    }
    for (int s = 0; s < specs.count; s++)
        add_line(&text, tuning_spec_json(&specs.items[s]));
    for (int r = 0; r < records.count; r++)
        add_line(&text, tuning_record_json(&records.items[r]));
    if (cli_has(job->cli, OPTION_OUTPUT))
        return file_write(ctx, cli_value(job->cli, OPTION_OUTPUT), &(Part){text_str(&text), text.length}, 1);
    fputs(text_str(&text), stdout);
    return ST_OK;
}

static void print_count(const DbJob *job, const TuningCount *count) {
    if (job->json)
        printf("{\"records\": %lld, \"specs\": %lld, \"skipped\": %lld}\n", (long long)count->records,
               (long long)count->specs, (long long)count->skipped);
    else
        printf("%lld records read, %lld lines skipped\n", (long long)count->records, (long long)count->skipped);
}

static Status import(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningCount count = {0};
    for (int f = 0; f < job->count; f++) {
        char  *text;
        size_t size;
        TRY(file_read(ctx, job->operands[f], MOST_BYTES, &text, &size));
        TRY(tuning_db_begin(ctx, db));
        TRY(tuning_lines_put(ctx, db, text, &count));
        TRY(tuning_db_commit(ctx, db));
    }
    print_count(job, &count);
    return ST_OK;
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
    return ctx_fail(ctx, ST_USAGE, "rattan db", "use list, explain, export, import, merge or prune",
                    name ? "there is no action '%.40s'" : "no action is given%.0s", name ? name : "");
}
