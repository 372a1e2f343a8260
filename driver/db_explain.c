/* rattan db explain: which schedule a kernel of a layer gets here, why, and what else was tried. */
#include "driver/db.h"
#include "driver/session.h"
#include "driver/tuning_lines.h"
#include "driver/tuning_pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Explained {
    const char  *title, *target;
    TuningKey    key;
    TuningBucket bucket;
    TuningPick   pick;
    const char  *fallback; /* the default schedule */
    const char  *why;
} Explained;

/* How all layers of the command line are asked for. */
typedef struct Asked {
    Session     *session;
    KernelKind   kind;
    int          variant; /* VARIANT_SAVED or 0 */
    TuningBucket bucket;
    json_t      *list; /* array; NULL: text */
} Asked;

static Status look_up(Ctx *ctx, const Asked *asked, const SpecItem *item, Explained *e) {
    const Target *target = &asked->session->target;
    Schedule      schedule;
    *e = (Explained){.title = item_title(ctx, item), .target = target->name, .bucket = asked->bucket};
    if (!tuning_key_machine(ctx, target, asked->session->device, &e->key) && !tuning_key_target(ctx, target, &e->key))
        return ctx_fail(ctx, ST_NO_DEVICE, "--target", "name a target that runs on this machine, or a GPU's",
                        "nothing is known of %s here", target->name);
    tuning_key_layer(ctx, &item->spec, asked->kind, asked->variant, &e->key);
    tuning_find(ctx, &e->key, &(TuningLayer){&item->spec, asked->kind, target}, e->bucket, &e->pick, &e->why);
    TRY(compile_schedule(ctx, &(CompileRequest){.spec = &item->spec, .kind = asked->kind, .variant = asked->variant, .target = target}, &schedule));
    e->fallback = schedule_text(ctx, &schedule);
    return ST_OK;
}

static void explain_key(Ctx *ctx, const Explained *e) {
    const char *machine = e->key.machine ? e->key.machine : ctx_printf(ctx, "any that code for %s runs on", e->target);
    const bool  driver = e->key.driver && *e->key.driver;
    printf("layer     %s\nmachine   %s%s%s\ncompiler  %s\nspec      %s, search space %d, build %s\n", e->title, machine,
           driver ? ", driver " : "", driver ? e->key.driver : "", e->key.compiler, e->key.spec, e->key.space, e->key.build);
    if (e->why)
        printf("skipped   %s\n", e->why);
    if (e->pick.other_threads)
        printf("ignored   %s\n", tuning_threads_text(ctx, &e->pick));
    if (e->pick.other_spaces)
        printf("ignored   %d records of other search spaces, which other versions of rattan made: tune again\n",
               e->pick.other_spaces);
}

/* What a kernel gets. */
static const char *schedule_of(const Explained *e) {
    const TuningRecord *r = e->pick.record;
    return r && !tuning_is_default(r) ? r->schedule : e->fallback;
}

/* What of another bucket is taken, and what of a nearer one is not. */
static void explain_distance(Ctx *ctx, const Explained *e) {
    const TuningPick *const pick = &e->pick;
    if (pick->distance)
        printf("          which is the nearest to %s that serves it, %d step%s of a factor of two away%s\n",
               tuning_bucket_text(ctx, e->bucket), pick->distance, pick->distance > 1 ? "s" : "",
               tuning_is_default(pick->record) ? ""
               : pick->agreed                  ? ": on the other side of it that schedule is no slower, either"
                                               : ": launches are alike, and it gains enough for that distance");
    if (pick->left_alone)
        printf("          %s\n", pick->left_alone);
}

static void explain_pick(Ctx *ctx, const Explained *e) {
    const TuningRecord *r = e->pick.record;
    const char *const   shape = e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "any shape";
    if (!r) {
        printf("schedule  the default: %s\n  %s\n",
               e->pick.left_alone ? ctx_printf(ctx, "nothing that is known for %s serves %s", e->key.kind, shape)
                                  : ctx_printf(ctx, "nothing is known for %s near %s", e->key.kind, shape),
               e->fallback);
        if (e->pick.left_alone)
            printf("because   %s\n", e->pick.left_alone);
        return;
    }
    printf("schedule  from %s%s\n  %s\n", e->pick.path, tuning_is_default(r) ? ", which knows nothing better than the default" : "",
           schedule_of(e));
    printf("because   it took %.3f of the default's time (spread %.3f, %lld pairs of runs, %.3f ms), at worst %.3f, the least for "
           "%s %s\n",
           r->ratio, r->spread, (long long)r->samples, 1e3 * r->seconds, tuning_bound(r), r->key.kind, r->key.bucket);
    explain_distance(ctx, e);
    if (strcmp(r->key.kind, e->key.kind) != 0)
        printf("          measured without what is saved: there is nothing of %s: tune with --with saved to be sure\n", e->key.kind);
    if (!e->key.machine)
        printf("          measured on %s\n", r->key.machine);
    if (tuning_other_driver(r, &e->key))
        printf("          measured with driver %s: tune again to be sure\n", r->key.driver);
    if (tuning_other_compiler(r, &e->key))
        printf("          compiled by %s: tune again to be sure\n", r->key.compiler);
    if (strcmp(r->key.build, e->key.build) != 0)
        printf("          measured with another build of rattan (%s): tune again to be sure\n", r->key.build);
}

/* ---- Why it is this one ---------------------------------------------------------------------------------------------- */
const TuningRecord *db_default_of(const TuningRecords *records, const TuningRecord *record) {
    const TuningRecord *found = NULL;
    for (int r = 0; r < records->count; r++) {
        const TuningRecord *other = &records->items[r];
        if (tuning_is_default(other) && !tuning_is_twin(other) && (!found || strcmp(other->key.build, record->key.build) == 0))
            found = other;
    }
    return found;
}

/* "512" of "segment" in " chunk=64 segment=512 "; "" where it is not there. */
static const char *value_in(Ctx *ctx, const char *schedule, const char *field) {
    const char *at = strstr(schedule, ctx_printf(ctx, " %s=", field));
    at = at ? strchr(at, '=') + 1 : "";
    return ctx_strndup(ctx, at, strcspn(at, " "));
}

const char *db_changes(Ctx *ctx, const char *schedule, const char *other, bool before) {
    const char *const fields = ctx_printf(ctx, " %s ", other);
    Text              text = TEXT(ctx);
    char             *rest = NULL;
    for (char *word = strtok_r(ctx_strdup(ctx, schedule), " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strstr(fields, ctx_printf(ctx, " %s ", word)))
            continue;
        const char *was = value_in(ctx, fields, ctx_strndup(ctx, word, strcspn(word, "=")));
        text_add(&text, "%s%s", text.length ? " " : "", word);
        if (before && *was)
            text_add(&text, " (%s)", was);
    }
    return text_str(&text);
}

/* Beside the default that the record was compared with: this build's, or the one that another build had. */
static const char *changes_text(Ctx *ctx, const Explained *e, const TuningRecords *records, const TuningRecord *record, bool before) {
    const bool          own = strcmp(record->key.build, e->key.build) == 0;
    const TuningRecord *base = own ? NULL : db_default_of(records, record);
    const char         *changes = db_changes(ctx, record->schedule, base ? base->schedule : e->fallback, before);
    return *changes ? changes : "the default";
}

static int by_bound(const void *a, const void *b) {
    const TuningRecord *x = a, *y = b;
    if ((x->verdict == VERDICT_RIGHT) != (y->verdict == VERDICT_RIGHT))
        return x->verdict == VERDICT_RIGHT ? -1 : 1;
    const double a_bound = tuning_bound(x), b_bound = tuning_bound(y); /* both may be infinite */
    return a_bound < b_bound ? -1 : a_bound > b_bound ? 1 : x->ratio < y->ratio ? -1 : x->ratio > y->ratio;
}

/* The best of the others that could have been taken, of those by bound; and of those timed too little the one that was faster. */
static void explain_runner_up(Ctx *ctx, const Explained *e, const TuningRecords *sorted) {
    const TuningRecord *pick = e->pick.record, *next = NULL, *hint = NULL;
    for (int r = 0; r < sorted->count; r++) {
        const TuningRecord *record = &sorted->items[r];
        const bool same = tuning_is_default(record) && tuning_is_default(pick); /* the code, at least */
        if (record->verdict != VERDICT_RIGHT || same || strcmp(record->schedule, pick->schedule) == 0)
            continue;
        if (record->samples < TUNING_SAMPLES)
            hint = record->ratio < pick->ratio && (!hint || record->ratio < hint->ratio) ? record : hint;
        else
            next = next ? next : record;
    }
    if (next)
        printf("next      %s: %.3f of the default's time (spread %.3f, %lld pairs of runs), at worst %.3f\n",
               changes_text(ctx, e, sorted, next, false), next->ratio, next->spread, (long long)next->samples, tuning_bound(next));
    if (hint)
        printf("          and %s, which took %.3f in %lld pairs: too few to tell\n", changes_text(ctx, e, sorted, hint, false),
               hint->ratio, (long long)hint->samples);
}

/* What was measured of one whose code is another's is that one's; the pick is told all the same. */
static bool is_told_by_another(const Explained *e, const TuningRecord *record) {
    return tuning_is_twin(record) && strcmp(record->schedule, e->pick.record->schedule) != 0;
}

/* The others of the same bucket, the best first. */
static Status explain_others(Ctx *ctx, const Explained *e, TuningDb *db) {
    enum { MOST = 8 };
    int           twins = 0;
    TuningRecords records = {0};
    TuningKey     filter = e->pick.record->key;
    TRY(tuning_db_find(ctx, db, &filter, &records));
    qsort(records.items, (size_t)records.count, sizeof *records.items, by_bound);
    if (!tuning_is_default(e->pick.record))
        printf("differs   %s\n", changes_text(ctx, e, &records, e->pick.record, true));
    explain_runner_up(ctx, e, &records);
    for (int r = 0; r < records.count; r++)
        twins += is_told_by_another(e, &records.items[r]);
    printf("tried     %d schedules in this bucket%s; at worst, as measured, and what differs from the default\n", records.count,
           twins ? ctx_printf(ctx, ", %d of them the same code as another", twins) : "");
    for (int r = 0, told = 0; r < records.count && told < MOST; r++) {
        const TuningRecord *record = &records.items[r];
        if (is_told_by_another(e, record))
            continue;
        const char *changes = changes_text(ctx, e, &records, record, false);
        told++;
        if (record->verdict != VERDICT_RIGHT)
            printf("  %s (%s)  %s\n", verdict_name(record->verdict), record->note, changes);
        else if (record->samples < TUNING_SAMPLES && !tuning_is_default(record))
            printf("  too few  %.3f +- %.3f, %3lld runs  %s\n", record->ratio, record->spread, (long long)record->samples, changes);
        else
            printf("  %7.3f  %.3f +- %.3f, %3lld runs  %s%s\n", tuning_bound(record), record->ratio, record->spread,
                   (long long)record->samples, changes, tuning_is_twin(record) ? ": " TUNING_TWIN : "");
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
    return json_pack("{s:s, s:s?, s:s, s:s, s:s, s:s, s:o, s:s, s:i, s:s?, s:i, s:i}", "layer", e->title, "machine", e->key.machine, "spec",
                     e->key.spec, "kind", e->key.kind, "bucket", e->bucket.T ? tuning_bucket_text(ctx, e->bucket) : "",
                     "schedule", schedule_of(e), "record", r ? tuning_record_json(r) : json_null(), "database",
                     r ? e->pick.path : "", "distance", e->pick.distance, "left_alone", e->pick.left_alone, "ignored", e->pick.other_spaces,
                     "other_threads", e->pick.other_threads);
}

static Status explain_layer(Ctx *ctx, const Asked *asked, const SpecItem *item) {
    Explained e;
    TRY(look_up(ctx, asked, item, &e));
    if (asked->list) {
        json_array_append_new(asked->list, explained_json(ctx, &e));
        return ST_OK;
    }
    explain_key(ctx, &e);
    explain_pick(ctx, &e);
    return e.pick.record ? explain_others_of(ctx, &e) : ST_OK;
}

static Status explain_layers(Ctx *ctx, const Asked *asked) {
    const Session *const session = asked->session;
    bool                 another = false;
    for (int i = session->first; i < session->last; i++) {
        const SpecItem *const item = &session->specs.items[i];
        if (!kind_fits(&item->spec, asked->kind))
            continue;
        if (another && !asked->list)
            puts("");
        TRY(explain_layer(ctx, asked, item));
        another = true;
    }
    return ST_OK;
}

static Status ask(Ctx *ctx, const DbJob *job, Asked *asked) {
    Shape shape;
    if (cli_has(job->cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(job->cli, OPTION_KIND), &asked->kind));
    TRY(tuning_variant_parse(ctx, cli_value(job->cli, OPTION_WITH), asked->kind, &asked->variant));
    TRY(shape_parse(ctx, cli_value(job->cli, OPTION_SHAPE), &shape));
    asked->bucket = shape_bucket(&shape);
    TRY(session_load_file(ctx, asked->session, job->operands[0]));
    TRY(session_check_kind(ctx, asked->session, asked->kind));
    TRY(session_device(ctx, asked->session));
    return explain_layers(ctx, asked);
}

/* Of one layer an object, of several an array. */
static void print_list(json_t *list) {
    json_t *only = json_array_size(list) == 1 ? json_incref(json_array_get(list, 0)) : NULL;
    db_print_json(only ? only : json_incref(list));
}

Status db_explain(Ctx *ctx, const DbJob *job, TuningDb *db) {
    Session session;
    Asked   asked = {&session, KIND_FORWARD, 0, {0}, job->json ? json_array() : NULL};
    Status  status = session_open(ctx, job->cli, &session);
    (void)db; /* the user's and the system's are looked through */
    if (status == ST_OK)
        status = ask(ctx, job, &asked);
    if (status == ST_OK && asked.list)
        print_list(asked.list);
    json_decref(asked.list);
    session_close(&session);
    return status;
}
