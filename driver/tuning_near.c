/* Schedules of near buckets: see tuning_near.h. */
#include "driver/tuning_near.h"

#include "driver/tuning_pick.h"
#include "passes/passes.h"
#include "passes/search_space.h"

#include <string.h>

typedef struct Near {
    const TuningLayer   *layer;
    const TuningRecords *records;
    const TuningRecord  *record;
    TuningBucket         from, to; /* to.T 0: any */
    int                  steps;
    Schedule             tuned, fallback;
} Near;

/* ---- What was measured elsewhere ------------------------------------------------------------------------------------- */
static bool measured_alike(const TuningRecord *one, const TuningRecord *other) {
    return one->verdict == VERDICT_RIGHT && one->samples >= TUNING_SAMPLES && strcmp(one->key.machine, other->key.machine) == 0 &&
           strcmp(one->key.kind, other->key.kind) == 0;
}

/* Whether the record counts for the wanted bucket from one of its own, no farther than Near.record's. */
static bool is_as_near(const Near *near, const TuningRecord *record, TuningBucket *bucket) {
    return measured_alike(record, near->record) && tuning_bucket_parse(record->key.bucket, bucket) &&
           tuning_bucket_distance(*bucket, near->from) > 0 && tuning_bucket_distance(*bucket, near->to) <= near->steps;
}

/* Of the same schedule. */
static const TuningRecord *slower_one(const Near *near) {
    TuningBucket bucket;
    for (int r = 0; r < near->records->count; r++) {
        const TuningRecord *other = &near->records->items[r];
        if (strcmp(other->schedule, near->record->schedule) == 0 && other->ratio > 1 && is_as_near(near, other, &bucket))
            return other;
    }
    return NULL;
}

static bool lies_between(int64_t value, int64_t one, int64_t other) {
    return (one <= value && value <= other) || (other <= value && value <= one);
}

/* Another bucket near enough where the same schedule is no slower at worst, so that the wanted one lies between it and the record's. */
static bool is_agreed_on(const Near *near) {
    TuningBucket bucket;
    for (int r = 0; r < near->records->count && tuning_bound(near->record) <= 1; r++) {
        const TuningRecord *other = &near->records->items[r];
        if (strcmp(other->schedule, near->record->schedule) == 0 && measured_alike(other, near->record) && tuning_bound(other) <= 1 &&
            tuning_bucket_parse(other->key.bucket, &bucket) && tuning_bucket_distance(bucket, near->from) > 0 &&
            tuning_bucket_distance(bucket, near->to) <= TUNING_FARTHEST &&
            lies_between(near->to.N, near->from.N, bucket.N) && lies_between(near->to.T, near->from.T, bucket.T))
            return true;
    }
    return false;
}

static bool has_better(const Near *near, const TuningRecord *fallback) {
    for (int r = 0; r < near->records->count; r++) {
        const TuningRecord *other = &near->records->items[r];
        if (strcmp(other->key.bucket, fallback->key.bucket) == 0 && measured_alike(other, fallback) && !tuning_is_default(other) &&
            tuning_bound(other) < 1)
            return true;
    }
    return false;
}

/* A bucket that was searched in vain. */
static const TuningRecord *unbeaten_default(const Near *near) {
    TuningBucket bucket;
    for (int r = 0; r < near->records->count; r++) {
        const TuningRecord *other = &near->records->items[r];
        if (tuning_is_default(other) && is_as_near(near, other, &bucket) && !has_better(near, other))
            return other;
    }
    return NULL;
}

/* ---- What launches are like ------------------------------------------------------------------------------------------ */
static bool takes_whole(const Near *near) { return near->layer->kind == KIND_FORWARD || near->layer->kind == KIND_BACKWARD; }

/* What lies behind the window is a branch, and kernels, of its own. */
static const char *window_objection(const Near *near) {
    const Spec *spec = near->layer->spec;
    const bool  from = near->from.T > spec->window, to = near->to.T > spec->window;
    if (!takes_whole(near) || spec->full || from == to)
        return NULL;
    return from ? "here no row has keys behind its window, as rows had there" : "here rows have keys behind their window, and there none had";
}

/* How full a tile is where there are fewer tokens than it holds. */
static const char *tile_objection(Ctx *ctx, const Near *near) {
    const int tuned = near->tuned.chunk, fallback = near->fallback.chunk, most = tuned > fallback ? tuned : fallback;
    if (tuned == fallback || near->from.T == near->to.T || (near->from.T >= most && near->to.T >= most))
        return NULL;
    return ctx_printf(ctx, "its tiles hold %d tokens, the default's %d, and sequences have %lld there and %lld here", tuned, fallback,
                      (long long)near->from.T, (long long)near->to.T);
}

static double cut(const Near *near, TuningBucket bucket, const Schedule *schedule) {
    return schedule_segments(near->layer->spec, near->layer->kind, near->layer->target, &(Workload){bucket.N, bucket.T}, schedule);
}

/* Sequences are chains: what a cut gains depends on how long they are and how many run side by side. */
static const char *cut_objection(Ctx *ctx, const Near *near) {
    const double tuned_from = cut(near, near->from, &near->tuned), tuned_to = cut(near, near->to, &near->tuned);
    const double from = cut(near, near->from, &near->fallback), to = cut(near, near->to, &near->fallback);
    if (tuned_from == from && tuned_to == to)
        return NULL;
    if (tuned_from == tuned_to && from == to && near->from.N == near->to.N)
        return NULL;
    return ctx_printf(ctx, "there it cuts each of %lld sequences into %.0f and the default into %.0f, here each of %lld into %.0f and %.0f",
                      (long long)near->from.N, tuned_from, from, (long long)near->to.N, tuned_to, to);
}

static int64_t tiles(const Near *near, TuningBucket bucket, const Schedule *schedule) {
    return bucket.N * near->layer->spec->kv_heads * ((bucket.T + schedule->chunk - 1) / schedule->chunk);
}

/* As many, or enough that each of a GPU's multiprocessors takes several turns. */
static bool fill_alike(int64_t one, int64_t other, int processors) {
    enum { TURNS = 8 };
    const int64_t enough = (int64_t)TURNS * processors;
    return one == other || (one >= enough && other >= enough);
}

/* The cost model knows nothing of how kernels of a GPU fill it; on CPUs it does. */
static const char *fill_objection(Ctx *ctx, const Near *near) {
    const Spec *const spec = near->layer->spec;
    const int         processors = near->layer->target->processors;
    if (!near->layer->target->warp_size)
        return NULL;
    if (!fill_alike(near->from.N * spec->kv_heads, near->to.N * spec->kv_heads, processors))
        return ctx_printf(ctx, "%lld sequences there fill the %d multiprocessors otherwise than %lld here", (long long)near->from.N, processors,
                          (long long)near->to.N);
    if (!fill_alike(tiles(near, near->from, &near->tuned), tiles(near, near->to, &near->tuned), processors) ||
        !fill_alike(tiles(near, near->from, &near->fallback), tiles(near, near->to, &near->fallback), processors))
        return ctx_printf(ctx, "tiles of sequences of %lld tokens there fill the %d multiprocessors otherwise than of %lld here",
                          (long long)near->from.T, processors, (long long)near->to.T);
    return NULL;
}

static double relative_cost(const Near *near, TuningBucket bucket) {
    const TuningLayer *const layer = near->layer;
    const Workload           work = {bucket.N, bucket.T};
    return schedule_cost(layer->spec, layer->kind, layer->target, &work, &near->tuned) /
           schedule_cost(layer->spec, layer->kind, layer->target, &work, &near->fallback);
}

/* What the model says is lost on the way is added to what was measured; what it says is gained is not. */
static const char *gain_objection(Ctx *ctx, const Near *near) {
    const double worst = tuning_bound(near->record), most = 1 - TUNING_GAIN_A_STEP * near->steps;
    const double change = near->layer && near->to.T ? relative_cost(near, near->to) / relative_cost(near, near->from) : 1;
    if (worst * (change > 1 ? change : 1) <= most)
        return NULL;
    const char *expected = change > 1 ? ctx_printf(ctx, ", %.3f here by the cost model", worst * change) : "";
    return ctx_printf(ctx, "it takes %.3f of the default's time at worst%s, and %d step%s of a factor of two away no more than %.2f is relied on",
                      worst, expected, near->steps, near->steps > 1 ? "s" : "", most);
}

/* Of every shape the same must hold. */
static const char *any_objection(const Near *near) {
    const Schedule *const tuned = &near->tuned, *const fallback = &near->fallback;
    if (near->layer->target->warp_size)
        return "how it fills the multiprocessors depends on the shape, which is not known";
    return takes_whole(near) && (tuned->segment != fallback->segment || tuned->min_items != fallback->min_items ||
                                 tuned->even_items != fallback->even_items || tuned->spread != fallback->spread)
               ? "it cuts sequences otherwise than the default, and their number and length are not known"
               : NULL;
}

static const char *launch_objection(Ctx *ctx, const Near *near) {
    if (!near->to.T)
        return any_objection(near);
    const char *why = window_objection(near);
    if (!why)
        why = tile_objection(ctx, near);
    if (!why)
        why = cut_objection(ctx, near);
    return why ? why : fill_objection(ctx, near);
}

/* ---- Both ------------------------------------------------------------------------------------------------------------ */
static const char *objection(Ctx *ctx, const Near *near, bool *agreed) {
    const TuningRecord *other = near->to.T ? slower_one(near) : NULL;
    if (other)
        return ctx_printf(ctx, "it took %.3f of the default's time in %s, which is as near", other->ratio, other->key.bucket);
    *agreed = near->to.T && is_agreed_on(near);
    if (*agreed)
        return NULL;
    other = near->to.T ? unbeaten_default(near) : NULL;
    if (other)
        return ctx_printf(ctx, "nothing better than the default was found in %s, which is as near", other->key.bucket);
    const char *why = near->layer ? launch_objection(ctx, near) : NULL;
    return why ? why : gain_objection(ctx, near);
}

/* What cannot be read is refused with a reason where it is used. */
static bool read_schedules(Ctx *ctx, Near *near) {
    schedule_default(near->layer->spec, near->layer->kind, near->layer->target, &near->fallback);
    near->tuned = near->fallback;
    const bool read = schedule_parse(ctx, near->record->schedule, &near->tuned) == ST_OK;
    ctx_clear(ctx);
    return read;
}

const char *tuning_near_objection(Ctx *ctx, const TuningLayer *layer, const TuningRecords *records, const TuningRecord *record,
                                  TuningBucket wanted, bool *agreed) {
    Near *const near = NEW(ctx, Near);
    *near = (Near){.layer = layer, .records = records, .record = record, .to = wanted, .steps = TUNING_FARTHEST};
    *agreed = false;
    if (!tuning_bucket_parse(record->key.bucket, &near->from))
        return "its bucket cannot be read";
    if (wanted.T)
        near->steps = tuning_bucket_distance(near->from, wanted);
    if (layer && !read_schedules(ctx, near))
        return NULL;
    const char *why = objection(ctx, near, agreed);
    return why ? ctx_printf(ctx, "the schedule of %s, the nearest that is known, is left alone: %s", record->key.bucket, why) : NULL;
}
