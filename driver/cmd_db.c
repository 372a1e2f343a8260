/* rattan db: carrying the tuning database elsewhere and tidying it; what it knows is shown by db_list.c and db_explain.c. */
#include "driver/db.h"
#include "driver/files.h"
#include "driver/fingerprint.h"
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

bool db_same_place(const TuningKey *a, const TuningKey *b) {
    return strcmp(a->spec, b->spec) == 0 && strcmp(a->kind, b->kind) == 0 && strcmp(a->bucket, b->bucket) == 0 &&
           strcmp(a->machine, b->machine) == 0 && strcmp(a->driver, b->driver) == 0 &&
           strcmp(a->compiler, b->compiler) == 0 && a->space == b->space;
}

void db_print_json(json_t *json) {
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(8));
    puts("");
    json_decref(json);
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

/* `all`: of other buckets, too, for what failed there. */
static void add_records(Ctx *ctx, Lines *lines, const TuningRecords *records, const TuningRecords *all) {
    for (int r = 0; !all && r < records->count; r++)
        add_line(lines, tuning_record_json(&records->items[r]));
    for (int first = 0, r = 1; all && r <= records->count; r++)
        if (r == records->count || !db_same_place(&records->items[r].key, &records->items[first].key)) {
            const TuningRecords kept = without_failed(ctx, all, records->items + first, r - first);
            add_best(lines, &kept);
            first = r;
        }
}

/* A layer goes with its records; where everything goes, so do layers that have none. */
static bool goes(const TuningSpec *spec, const TuningRecords *records, const TuningRecords *all) {
    bool found = records->count == all->count;
    for (int r = 0; r < records->count && !found; r++)
        found = strcmp(records->items[r].key.spec, spec->spec) == 0;
    return found;
}

static Status export(Ctx *ctx, const DbJob *job, TuningDb *db) {
    TuningRecords   records = {0}, all = {0};
    TuningSpecs     specs = {0};
    TuningSelection selection;
    const bool      best = cli_has(job->cli, OPTION_BEST);
    Lines           lines = {TEXT(ctx), best ? 6 : 17};
    TRY(db_select(ctx, job, &selection));
    if (db) {
        TRY(tuning_db_specs(ctx, db, &specs));
        TRY(tuning_db_select(ctx, db, &selection, &records));
        TRY(tuning_db_find(ctx, db, &(TuningKey){0}, &all));
    }
    for (int s = 0; s < specs.count; s++)
        if (goes(&specs.items[s], &records, &all))
            add_line(&lines, tuning_spec_json(&specs.items[s]));
    add_records(ctx, &lines, &records, best ? &all : NULL);
    if (cli_has(job->cli, OPTION_OUTPUT))
        return file_write(ctx, cli_value(job->cli, OPTION_OUTPUT), &(Part){text_str(&lines.text), lines.text.length}, 1);
    fputs(text_str(&lines.text), stdout);
    return ST_OK;
}

static void print_count(const DbJob *job, const TuningCount *count) {
    if (job->json) {
        printf("{\"records\": %lld, \"specs\": %lld, \"skipped\": %lld, \"other_spaces\": %lld}\n", (long long)count->records,
               (long long)count->specs, (long long)count->skipped, (long long)count->other_spaces);
        return;
    }
    printf("%lld records read, %lld lines skipped\n", (long long)count->records, (long long)count->skipped);
    if (count->other_spaces)
        printf("%lld of them are of other search spaces, which other versions of rattan made: kernels here ignore them\n",
               (long long)count->other_spaces);
}

/* A file that says nothing is another one than was meant. */
static Status import_text(Ctx *ctx, const char *path, const char *text, TuningDb *db, TuningCount *all) {
    TuningCount own = {0};
    TRY(tuning_lines_put(ctx, db, text, &own));
    if (own.skipped && !own.records && !own.specs)
        return ctx_fail(ctx, ST_INTEGRITY, path, "give what 'rattan db export' wrote; 'rattan db merge' reads databases",
                        "all of its lines are neither records nor specs");
    if (own.skipped)
        terminal_warning(ctx_printf(ctx, "%s: %lld of %lld lines are neither records nor specs, the first of them line %lld", path,
                                    (long long)own.skipped, (long long)own.lines, (long long)own.first_skipped));
    all->records += own.records;
    all->specs += own.specs;
    all->skipped += own.skipped;
    all->other_spaces += own.other_spaces;
    return ST_OK;
}

/* What another program writes: `rattan db export` on another machine, say. */
static Status read_input(Ctx *ctx, char **text, size_t *size) {
    Text all = TEXT(ctx);
    char piece[1 << 14];
    for (size_t n; (n = fread(piece, 1, sizeof piece - 1, stdin)) > 0;) {
        piece[n] = '\0';
        text_add(&all, "%s", piece);
        if (all.length > MOST_BYTES)
            return ctx_fail(ctx, ST_USAGE, "-", NULL, "it is over the limit of %d MiB", MOST_BYTES >> 20);
    }
    if (ferror(stdin))
        return ctx_fail(ctx, ST_FAILED, "-", NULL, "the standard input cannot be read");
    *text = ctx_strdup(ctx, text_str(&all));
    *size = all.length;
    return ST_OK;
}

static Status import_files(Ctx *ctx, const DbJob *job, TuningDb *db, TuningCount *count) {
    for (int f = 0; f < job->count; f++) {
        char  *text;
        size_t size;
        TRY(strcmp(job->operands[f], "-") == 0 ? read_input(ctx, &text, &size)
                                               : file_read(ctx, job->operands[f], MOST_BYTES, &text, &size));
        TRY(tuning_db_begin(ctx, db));
        TRY(import_text(ctx, job->operands[f], text, db, count));
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
static Status pack(Ctx *ctx, const DbJob *job, TuningDb *db) {
    static const char *const BESIDE[] = {"", "-wal", "-shm", "-journal"};
    const char              *folder;
    sigset_t                 before;
    (void)db;
    if (!cli_has(job->cli, OPTION_OUTPUT))
        return ctx_fail(ctx, ST_USAGE, "rattan db pack", "give -o FILE", "it is not said where to");
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
    for (int r = 0; r < records.count; r++)
        count->other_spaces += records.items[r].key.space != SEARCH_SPACE_VERSION;
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
    TRY(db_select(ctx, job, &prune.only));
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
typedef enum Opening { NOT_OPENED, TO_READ, TO_WRITE } Opening; /* of the user's database */
typedef enum Operands { A_SPEC, A_SPEC_OR_NONE, SOME_FILES } Operands;

typedef struct Action {
    const char *name;
    Status (*run)(Ctx *ctx, const DbJob *job, TuningDb *db);
    Opening  opening;
    Operands operands;
    uint64_t options; /* bits 1 << OptionId, beside --json */
} Action;

_Static_assert(OPTION_COUNT <= 64, "Action.options has a bit an option");
#define OF(id) ((uint64_t)1 << OPTION_##id)
#define CHOOSE (OF(KIND) | OF(WITH) | OF(TARGET) | OF(SHAPE) | OF(SET) | OF(DTYPE) | OF(ITEM))

static const Action ACTIONS[] = {
    {"list", db_list, TO_READ, A_SPEC_OR_NONE, CHOOSE},
    {"explain", db_explain, NOT_OPENED, A_SPEC, CHOOSE | OF(THREADS)},
    {"export", export, TO_READ, A_SPEC_OR_NONE, CHOOSE | OF(BEST) | OF(OUTPUT)},
    {"import", import, TO_WRITE, SOME_FILES, 0},
    {"merge", merge, TO_WRITE, SOME_FILES, 0},
    {"pack", pack, NOT_OPENED, SOME_FILES, OF(OUTPUT)},
    {"prune", prune, TO_WRITE, A_SPEC_OR_NONE, CHOOSE | OF(OLDER) | OF(OTHER_BUILDS) | OF(FAILURES)},
};
enum { ACTION_COUNT = sizeof ACTIONS / sizeof *ACTIONS };

/* No option may be given that the action would not heed: a person who gives one believes that it limits what is done. */
static Status check_options(Ctx *ctx, const Action *action, const Cli *cli) {
    for (int o = 0; o < OPTION_COUNT; o++) {
        const uint64_t bit = (uint64_t)1 << o;
        Text           takers = TEXT(ctx);
        if (!cli_has(cli, (OptionId)o) || o == OPTION_JSON || action->options & bit)
            continue;
        for (int a = 0; a < ACTION_COUNT; a++)
            if (ACTIONS[a].options & bit)
                text_add(&takers, "%s%s", takers.length ? ", " : "", ACTIONS[a].name);
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan db %s", action->name), "leave it out", "--%s is for %s alone",
                        CLI_OPTIONS[o].name, text_str(&takers));
    }
    return ST_OK;
}

static Status check_operands(Ctx *ctx, const Action *action, int count) {
    const char *place = ctx_printf(ctx, "rattan db %s", action->name);
    if (action->operands == SOME_FILES)
        return count ? ST_OK : ctx_fail(ctx, ST_USAGE, place, "see 'rattan db --help'", "no FILE is given");
    if (count == 1 || (count == 0 && action->operands == A_SPEC_OR_NONE))
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, place, action->operands == A_SPEC ? "give one SPEC" : "give one SPEC, or none", "there are %d",
                    count);
}

static Status run_action(Ctx *ctx, const Action *action, const DbJob *job) {
    TuningDb   *db = NULL;
    const char *path = tuning_db_path(ctx);
    TRY(check_options(ctx, action, job->cli));
    TRY(check_operands(ctx, action, job->count));
    if (action->opening != NOT_OPENED)
        TRY(action->opening == TO_WRITE ? tuning_db_open(ctx, path, &db) : tuning_db_read(ctx, path, &db));
    const Status status = action->run(ctx, job, db);
    tuning_db_close(db);
    return status;
}

Status cmd_db(Ctx *ctx, const Cli *cli) {
    const int   given = cli->operands.count;
    const char *name = given ? cli->operands.items[0] : NULL;
    const DbJob job = {cli, cli->operands.items + 1, given - 1, cli_has(cli, OPTION_JSON)};
    for (int a = 0; name && a < ACTION_COUNT; a++)
        if (strcmp(ACTIONS[a].name, name) == 0)
            return run_action(ctx, &ACTIONS[a], &job);
    return ctx_fail(ctx, ST_USAGE, "rattan db", "use list, explain, export, import, merge, pack or prune",
                    name ? "there is no action '%.40s'" : "no action is given%.0s", name ? name : "");
}
