/* Picking a tuned schedule: see tuning_pick.h. */
#include "driver/tuning_pick.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Status tuning_mode(Ctx *ctx, TuningMode *mode) {
    static const struct {
        const char *name;
        TuningMode  mode;
    } MODES[] = {{"", TUNING_ON}, {"on", TUNING_ON}, {"off", TUNING_OFF}, {"strict", TUNING_STRICT}};
    const char *text = getenv("RATTAN_TUNING");
    for (size_t m = 0; m < sizeof MODES / sizeof *MODES; m++)
        if (strcmp(text ? text : "", MODES[m].name) == 0) {
            *mode = MODES[m].mode;
            return ST_OK;
        }
    return ctx_fail(ctx, ST_USAGE, "RATTAN_TUNING", "use on, off or strict", "'%.40s' is no way to use tunings", text);
}

static bool unlike(const char *one, const char *wanted) { return wanted && strcmp(one, wanted) != 0; }

/* Whether a record of that build says that the schedule fails: that of this build, or of the record's own; of the kind wanted,
 * or the record's own. */
static bool fails(const TuningRecords *records, const TuningRecord *record, const TuningKey *key) {
    for (int r = 0; r < records->count; r++) {
        const TuningRecord *other = &records->items[r];
        if (other->verdict != VERDICT_RIGHT && strcmp(other->schedule, record->schedule) == 0 &&
            (strcmp(other->key.build, key->build) == 0 || strcmp(other->key.build, record->key.build) == 0) &&
            (!unlike(other->key.kind, key->kind) || strcmp(other->key.kind, record->key.kind) == 0))
            return true;
    }
    return false;
}

static int distance_of(const TuningRecord *record, TuningBucket wanted, double *size) {
    TuningBucket bucket;
    if (!tuning_bucket_parse(record->key.bucket, &bucket))
        return INT_MAX;
    *size = (double)bucket.N * (double)bucket.T;
    return wanted.T ? tuning_bucket_distance(bucket, wanted) : 0;
}

/* What a key's compiler names before its version: "cuda:sm_90a; NVRTC 13.0", or nothing, "LLVM 19.1.7". */
static size_t target_length(const char *compiler) {
    const char *end = strchr(compiler, ';');
    return end ? (size_t)(end - compiler) : 0;
}

static bool same_target(const TuningRecord *record, const TuningKey *key) {
    const char  *one = record->key.compiler, *other = key->compiler ? key->compiler : one;
    const size_t length = target_length(other);
    return target_length(one) == length && strncmp(one, other, length) == 0;
}

bool tuning_other_driver(const TuningRecord *record, const TuningKey *key) {
    return unlike(record->key.driver, key->driver);
}
bool tuning_other_compiler(const TuningRecord *record, const TuningKey *key) {
    return unlike(record->key.compiler, key->compiler);
}

typedef struct Rank {
    bool   other_kind; /* the plain kernel's, where that with what is saved was wanted */
    int    others; /* of driver and compiler */
    bool   other_build;
    int    distance;
    double size, bound;
    int64_t samples;
    bool    twin;
} Rank;

static bool better(const Rank *a, const Rank *b) {
    if (a->other_kind != b->other_kind)
        return b->other_kind;
    if (a->others != b->others)
        return a->others < b->others;
    if (a->other_build != b->other_build)
        return b->other_build;
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->size != b->size)
        return a->size > b->size;
    if (a->bound != b->bound)
        return a->bound < b->bound;
    return a->samples != b->samples ? a->samples > b->samples : b->twin && !a->twin;
}

static Rank rank_of(const TuningRecord *record, const TuningKey *key, TuningBucket bucket) {
    Rank rank = {.other_kind = unlike(record->key.kind, key->kind),
                 .others = tuning_other_driver(record, key) + tuning_other_compiler(record, key),
                 .other_build = strcmp(record->key.build, key->build) != 0,
                 .bound = tuning_bound(record),
                 .samples = record->samples,
                 .twin = tuning_is_twin(record)};
    rank.distance = distance_of(record, bucket, &rank.size);
    return rank;
}

void tuning_choose(const TuningRecords *records, const TuningKey *key, TuningBucket bucket, TuningPick *pick) {
    Rank best = {0};
    pick->record = NULL;
    pick->distance = 0;
    for (int r = 0; r < records->count; r++) {
        const TuningRecord *record = &records->items[r];
        const Rank          rank = rank_of(record, key, bucket);
        if (record->verdict != VERDICT_RIGHT || !isfinite(rank.bound) || rank.distance > TUNING_FARTHEST ||
            !same_target(record, key))
            continue;
        if ((!pick->record || better(&rank, &best)) && !fails(records, record, key)) {
            best = rank;
            pick->record = record;
            pick->distance = rank.distance;
        }
    }
}

size_t tuning_processor_length(const char *machine) {
    const char *end = NULL;
    for (const char *at = machine; (at = strstr(at, "), ")); at++)
        end = at + 1;
    return end ? (size_t)(end - machine) : strlen(machine);
}

const char *tuning_threads_text(Ctx *ctx, const TuningPick *pick) {
    return ctx_printf(ctx, "%d records are of other cores or threads of this processor, as of %s, and are not taken: tune with "
                           "'--threads', or RATTAN_NUM_THREADS, as kernels run",
                      pick->other_threads, pick->threads_of);
}

/* Whether it is of this machine and search space; counts those that are not. */
static bool belongs(const TuningRecord *record, const TuningKey *key, TuningPick *pick) {
    const char *machine = record->key.machine;
    if (unlike(machine, key->machine)) {
        const size_t length = tuning_processor_length(key->machine);
        if (tuning_processor_length(machine) == length && machine[length] && strncmp(machine, key->machine, length) == 0) {
            pick->other_threads++;
            pick->threads_of = machine;
        }
        return false;
    }
    if (record->key.space == key->space)
        return true;
    pick->other_spaces++;
    return false;
}

/* "backward" of "backward+saved", whose kernels it serves where there is nothing of their own; NULL: it is plain. */
static const char *plain_kind(Ctx *ctx, const char *kind) {
    const char *plus = strchr(kind, '+');
    return plus ? ctx_strndup(ctx, kind, (size_t)(plus - kind)) : NULL;
}

/* Adds what one database has of the key's layer, kind, machine and search space; a failure is told and forgotten. */
static void look(Ctx *ctx, const char *path, const TuningKey *key, TuningRecords *records, TuningPick *pick,
                 const char **why) {
    const char *const kinds[] = {key->kind, plain_kind(ctx, key->kind)};
    TuningDb         *db = NULL;
    int               kept = records->count;
    const bool        there = tuning_db_read(ctx, path, &db) == ST_OK && db;
    for (int k = 0; k < 2 && there && kinds[k] && ctx->status == ST_OK; k++)
        tuning_db_find(ctx, db, &(TuningKey){.spec = key->spec, .kind = kinds[k]}, records);
    tuning_db_close(db);
    for (int r = kept; r < records->count; r++)
        if (belongs(&records->items[r], key, pick))
            records->items[kept++] = records->items[r];
    records->count = kept;
    if (ctx->status != ST_OK && why && !*why) {
        char line[1024];
        ctx_describe(ctx, line, sizeof line);
        *why = ctx_strdup(ctx, line);
    }
    ctx_clear(ctx);
}

/* What is right of one bucket goes; what failed there stays known. */
static void leave_bucket(TuningRecords *records, const char *bucket) {
    int kept = 0;
    for (int r = 0; r < records->count; r++)
        if (records->items[r].verdict != VERDICT_RIGHT || strcmp(records->items[r].key.bucket, bucket) != 0)
            records->items[kept++] = records->items[r];
    records->count = kept;
}

/* A default is what a kernel would get anyhow. Of any shape the largest bucket speaks alone. */
static void choose_unobjected(Ctx *ctx, const TuningRecords *all, const TuningKey *key, const TuningLayer *layer, TuningBucket bucket,
                              TuningPick *pick) {
    TuningRecords left = {NEW_ARRAY(ctx, TuningRecord, all->count + 1), 0, 0};
    while (left.count < all->count) {
        left.items[left.count] = all->items[left.count];
        left.count++;
    }
    pick->left_alone = NULL;
    for (;;) {
        pick->agreed = false;
        tuning_choose(&left, key, bucket, pick);
        if (!pick->record || (bucket.T && !pick->distance) || tuning_is_default(pick->record))
            return;
        const char *why = tuning_near_objection(ctx, layer, all, pick->record, bucket, &pick->agreed);
        if (!why)
            return;
        if (!pick->left_alone)
            pick->left_alone = why;
        if (bucket.T)
            leave_bucket(&left, pick->record->key.bucket);
        else
            left.count = 0;
    }
}

/* The user's records count before the system's; failures count wherever they are known. */
void tuning_find(Ctx *ctx, const TuningKey *key, const TuningLayer *layer, TuningBucket bucket, TuningPick *pick, const char **why) {
    const char    *path = tuning_db_path(ctx);
    TuningRecords *records = NEW(ctx, TuningRecords);
    TuningPaths    systems;
    *pick = (TuningPick){0};
    tuning_db_system_paths(ctx, &systems);
    for (int place = 0; place <= systems.count && !pick->record; place++) {
        if (path) {
            look(ctx, path, key, records, pick, why);
            choose_unobjected(ctx, records, key, layer, bucket, pick);
            pick->path = path;
        }
        path = place < systems.count ? systems.items[place] : NULL;
    }
}

/* The schedule is text from a file: it counts only if this request can have it. Passes may still refuse it: see
 * ScheduleOrigin. `why`, where nothing is there yet, says why not. */
static bool can_have(Ctx *ctx, const CompileRequest *request, const char *schedule, const char **why) {
    CompileRequest tuned = *request;
    Text           ignored = TEXT(ctx);
    tuned.schedule = schedule;
    const bool can = compile_key_text(ctx, &tuned, &ignored) == ST_OK;
    if (!can && !*why) {
        char line[1024];
        ctx_describe(ctx, line, sizeof line);
        *why = ctx_printf(ctx, "the one that is known is refused: %s", line);
    }
    ctx_clear(ctx);
    return can;
}

/* `key`: of the machine, or of nothing where none is known. */
static Status apply(Ctx *ctx, TuningMode mode, TuningKey *key, TuningBucket bucket, CompileRequest *request) {
    TuningPick *pick = NEW(ctx, TuningPick);
    const char *why = NULL;
    /* Backward is tuned and checked without the gradient of a final state, which takes memory of its own. */
    const bool other = request->kind == KIND_BACKWARD && request->variant & VARIANT_FINAL_STATE;
    if (key->compiler) {
        tuning_key_layer(ctx, request->spec, request->kind, request->variant, key);
        tuning_find(ctx, key, &(TuningLayer){request->spec, request->kind, request->target}, bucket, pick, &why);
    }
    request->pick = pick;
    if (!pick->record && !why)
        why = pick->left_alone;
    if (pick->record && other && !tuning_is_default(pick->record))
        why = pick->left_alone =
            "the one that is known is of gradients without that of a final state, which takes memory of its own";
    const bool strange = pick->record && (other || strcmp(pick->record->key.build, key->build) != 0);
    if (pick->record && tuning_is_default(pick->record) && !(mode == TUNING_STRICT && strange)) {
        request->schedule = ""; /* nothing over this build's own, which strict mode takes only where it was measured */
    } else if (pick->record && !other && can_have(ctx, request, pick->record->schedule, &why)) {
        request->schedule = pick->record->schedule;
        request->origin = mode == TUNING_STRICT ? SCHEDULE_STRICT : SCHEDULE_TUNED;
    } else if (mode == TUNING_STRICT)
        return ctx_fail(ctx, ST_FAILED, request->spec->name, "run 'rattan tune', or unset RATTAN_TUNING",
                        "no tuned schedule for %s, %s, %s%s%s%s", tuning_kind(request->kind, request->variant),
                        key->machine ? key->machine : request->target->name, bucket.T ? "near the shape " : "of any shape",
                        bucket.T ? tuning_bucket_text(ctx, bucket) : "", why ? ": " : "", why ? why : "");
    else
        pick->record = NULL;
    return ST_OK;
}

Status tuning_apply(Ctx *ctx, TuningMode mode, const CudaDevice *device, TuningBucket bucket, CompileRequest *request) {
    TuningKey key = {0};
    if (mode == TUNING_OFF || request->schedule)
        return ST_OK;
    if (!tuning_key_machine(ctx, request->target, device, &key))
        tuning_key_target(ctx, request->target, &key);
    return apply(ctx, mode, &key, bucket, request);
}

Status tuning_apply_elsewhere(Ctx *ctx, TuningMode mode, TuningBucket bucket, CompileRequest *request) {
    TuningKey key = {0};
    if (mode == TUNING_OFF || request->schedule)
        return ST_OK;
    if (!tuning_key_target(ctx, request->target, &key))
        tuning_key_machine(ctx, request->target, NULL, &key);
    return apply(ctx, mode, &key, bucket, request);
}
