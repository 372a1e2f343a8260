/* Exploring windows: see explore.h.
 *
 * Few points are measured: of a series the ends and the middle of the windows at one context, and the middle at half of
 * it, all in turns. They give the model. Then two windows between are measured. Where the model had them right within
 * CLOSE, it has the others, too; else these are measured as well. Last, the model is asked for as long a context as
 * there is time to measure, and how far off it was is kept. */
#include "driver/explore.h"

#include "base/clock.h"
#include "driver/spec_set.h"
#include "driver/terminal.h"
#include "frontend/frontend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const KernelKind EXPLORE_KIND[EXPLORE_KINDS] = {KIND_FORWARD, KIND_DECODE, KIND_BACKWARD};
/* Shares of the time, in that order; the rest is the landscape's. */
static const double SHARE[EXPLORE_KINDS] = {0.33, 0.12, 0.38};
static const double CLOSE = 0.05;
enum { LEAST_CONTEXT = 256, LAND_CONTEXT = 2048 /* of the landscape */, PROBES = 2 };
enum { PILOT_CONTEXT = 1024, LAUNCHES = 5 /* of a point: once to warm up, then some */ };
static const double FIRST_SHARE = 0.4; /* of a series' time, for the points that give the model */
enum { LARGEST = 3 /* all points of a series take about so many times as long as the largest: windows double */ };
static const double MOST_BYTES = 256e6; /* that a measured decoding step reads */
static const double FAR_SHARE = 0.2;    /* of a series' time, kept for the probe far beyond; half of it for full attention's */
static const double FAR_BYTES = 1e9;    /* that such a probe may read and write */
enum { FAR_LAUNCHES = 4 /* once to warm up, twice in turns with the anchor, and what it takes to compile */ };

/* ---- Plan ---- */
Spec explore_full_attention(const Spec *layer) {
    Spec full = *layer;
    full.full = true;
    full.window = 0;
    full.map.count = 0;
    full.fold = 0;
    full.qk_scale = full.initial_state = false;
    snprintf(full.name, sizeof full.name, "%.58s_full", layer->name);
    return full;
}

static Status load_maps(Ctx *ctx, const Spec *spec, Explore *e) {
    if (e->ask.map_count == 0) {
        e->ask.maps[0] = spec->map.name;
        e->ask.map_count = 1;
        e->layers[0] = *spec;
        return ST_OK;
    }
    for (int m = 0; m < e->ask.map_count; m++) {
        const char *assignment = ctx_printf(ctx, "feature_map=%s", e->ask.maps[m]);
        if (spec_set(ctx, spec, &assignment, 1, &e->layers[m]) != ST_OK) {
            const char *remedy = ctx_strdup(ctx, ctx->remedy), *message = ctx_strdup(ctx, ctx->message);
            ctx_clear(ctx);
            return ctx_fail(ctx, ST_USAGE, "--maps", remedy, "%s", message);
        }
    }
    return ST_OK;
}

static Status check_ask(Ctx *ctx, const SpecItem *item, const ExploreAsk *ask) {
    const int64_t longest = ask->windows.items[ask->windows.count - 1];
    if (item->spec.full)
        return ctx_fail(ctx, ST_USAGE, item->spec.name,
                        "give a spec of rattention { }, or a layer of a model by --item",
                        "full attention has no window to explore");
    if (longest > ask->contexts.items[0])
        return ctx_fail(ctx, ST_USAGE, "--contexts",
                        ctx_printf(ctx, "begin with %s, or leave out windows above %s", quantity_short(ctx, longest),
                                   quantity_short(ctx, ask->contexts.items[0])),
                        "the context %s is below the window %s, which would be full attention there",
                        quantity_short(ctx, ask->contexts.items[0]), quantity_short(ctx, longest));
    return ST_OK;
}

static int64_t nearest_window(const Explore *e) {
    const Quantities *windows = &e->ask.windows;
    int64_t           nearest = windows->items[0];
    for (int w = 1; w < windows->count; w++)
        if (fabs(log2((double)windows->items[w] / (double)e->item->spec.window)) <
            fabs(log2((double)nearest / (double)e->item->spec.window)))
            nearest = windows->items[w];
    return nearest;
}

Status explore_plan(Ctx *ctx, Session *session, const SpecItem *item, const ExploreAsk *ask, Explore *out) {
    *out = (Explore){.session = session, .item = item, .ask = *ask};
    TRY(check_ask(ctx, item, ask));
    if (!session->target.native)
        return ctx_fail(ctx, ST_NO_DEVICE, "--target", "name a target that runs on this machine",
                        "code for %s does not run here", session->target.name);
    TRY(load_maps(ctx, &item->spec, out));
    out->full = explore_full_attention(&item->spec);
    out->window = nearest_window(out);
    out->series_count = EXPLORE_KINDS * (out->ask.map_count + 1);
    out->series = NEW_ARRAY(ctx, ExploreSeries, out->series_count);
    for (int s = 0; s < out->series_count; s++) {
        out->series[s].kind = EXPLORE_KIND[s / (out->ask.map_count + 1)];
        out->series[s].map = s % (out->ask.map_count + 1) - 1;
    }
    return ST_OK;
}

/* ---- What a series is about ---- */
const ExploreSeries *explore_series(const Explore *e, KernelKind kind, int map) {
    for (int s = 0; s < e->series_count; s++)
        if (e->series[s].kind == kind && e->series[s].map == map)
            return &e->series[s];
    return NULL;
}

Spec explore_spec(const Explore *e, const ExploreSeries *series, int64_t window, int64_t context) {
    if (series->map == MAP_FULL && series->kind != KIND_DECODE)
        return e->full;
    Spec spec = e->layers[series->map == MAP_FULL ? 0 : series->map];
    spec.window = series->map == MAP_FULL ? context : window;
    return spec;
}

int64_t explore_sequences(KernelKind kind) { return kind == KIND_DECODE ? EXPLORE_SEQUENCES : 1; }

/* The series whose times these are: decoding with full attention is the first map's, with the context for a window. */
static const ExploreSeries *source_of(const ExploreSeries *series, int64_t context, int64_t *window) {
    if (series->map != MAP_FULL || series->kind != KIND_DECODE)
        return series;
    *window = context;
    return series + 1;
}

bool explore_has(const ExploreSeries *series) {
    int64_t window = 0;
    return source_of(series, 1, &window)->count > 0;
}

static ModelWork work_of(const Explore *e, const ExploreSeries *series, int64_t window, int64_t context) {
    const Spec spec = explore_spec(e, series, window, context);
    return model_work(&spec, series->kind, explore_sequences(series->kind), context);
}

double explore_fitted(const ExploreSeries *series, const Spec *spec, int64_t context) {
    const ModelWork work = model_work(spec, series->kind, explore_sequences(series->kind), context);
    return model_fitted(&series->model, &work);
}

static double modelled(const Explore *e, const ExploreSeries *series, int64_t window, int64_t context) {
    const ExploreSeries *source = source_of(series, context, &window);
    const ModelWork      work = work_of(e, source, window, context);
    return model_seconds(&source->model, &work, window);
}

int64_t explore_known(const ExploreSeries *series) {
    int64_t longest = 1;
    for (int p = 0; p < series->count; p++) {
        const int64_t window = series->windows[p], tokens = series->points[p].tokens;
        const int64_t known = series->kind == KIND_DECODE && window < tokens ? window : tokens;
        longest = known > longest ? known : longest;
    }
    return longest;
}

/* A point that was measured does the same work on the same window: of decode at any context beyond it. */
ExploreCell explore_cell(const Explore *e, const ExploreSeries *series, int64_t window, int64_t context) {
    const double seconds = modelled(e, series, window, context);
    series = source_of(series, context, &window);
    const ModelWork work = work_of(e, series, window, context);
    for (int p = 0; p < series->count; p++) {
        const ModelWork same = work_of(e, series, series->windows[p], series->points[p].tokens);
        if (series->windows[p] == window && memcmp(&same, &work, sizeof work) == 0)
            return (ExploreCell){series->points[p].seconds, true, series->points[p].spread, 1};
    }
    const int64_t rows = series->kind == KIND_DECODE && window < context ? window : context;
    return (ExploreCell){seconds, false, 0, fmax(1, (double)rows / (double)explore_known(series))};
}

/* ---- Measuring ---- */
typedef struct Want {
    ExploreSeries *series;
    int64_t        window, context;
} Want;

/* A kind's: what is measured of it, all series together, in batches that begin with the same point. */
typedef struct KindRun {
    Explore *explore;
    Want     anchor;  /* of the first batch its first want */
    double   seconds; /* that it took there; 0: nothing is measured yet */
    Want     wants[MEASURE_POINTS - 1];
    int      count;
} KindRun;

static void want(KindRun *run, ExploreSeries *series, int64_t window, int64_t context) {
    for (int w = 0; w < run->count; w++)
        if (run->wants[w].series == series && run->wants[w].window == window && run->wants[w].context == context)
            return;
    run->wants[run->count++] = (Want){series, window, context};
}

static void fit(const Explore *e, ExploreSeries *series) {
    ModelSample samples[MODEL_SAMPLES];
    for (int p = 0; p < series->count; p++)
        samples[p] = (ModelSample){work_of(e, series, series->windows[p], series->points[p].tokens), series->windows[p],
                                   series->points[p].seconds};
    if (series->count)
        model_fit(samples, series->count, &series->model);
}

static void add_point(ExploreSeries *series, int64_t window, const MeasurePoint *point) {
    if (series->count == MODEL_SAMPLES)
        return;
    series->windows[series->count] = window;
    series->points[series->count++] = *point;
}

/* Measures what is wanted in one batch, behind the anchor, adds it to the series and fits them anew. */
static Status measure(Ctx *ctx, KindRun *run, double seconds) {
    MeasurePoint *points = NEW_ARRAY(ctx, MeasurePoint, MEASURE_POINTS);
    Spec         *specs = NEW_ARRAY(ctx, Spec, MEASURE_POINTS);
    const int     anchored = run->seconds > 0, count = run->count + anchored;
    for (int p = 0; p < count; p++) {
        const Want *wanted = p < anchored ? &run->anchor : &run->wants[p - anchored];
        specs[p] = explore_spec(run->explore, wanted->series, wanted->window, wanted->context);
        points[p] = (MeasurePoint){.spec = &specs[p],
                                   .kind = wanted->series->kind,
                                   .sequences = explore_sequences(wanted->series->kind),
                                   .tokens = wanted->context};
    }
    TRY(measure_batch(ctx, &run->explore->tools, points, count, seconds, run->seconds));
    if (!anchored) {
        run->anchor = run->wants[0];
        run->seconds = points[0].seconds;
    }
    for (int p = anchored; p < count; p++)
        add_point(run->wants[p - anchored].series, run->wants[p - anchored].window, &points[p]);
    for (int p = anchored; p < count; p++)
        fit(run->explore, run->wants[p - anchored].series);
    run->count = 0;
    return ST_OK;
}

/* How far off the model was at a point that has just been measured, when it did not know it. */
static double miss_of(const Explore *e, const ExploreSeries *series, const TimeModel *before, int point) {
    const ModelWork work = work_of(e, series, series->windows[point], series->points[point].tokens);
    return fabs(model_seconds(before, &work, series->windows[point]) / series->points[point].seconds - 1);
}

/* Notes it; was it close? */
static bool probe(const Explore *e, ExploreSeries *series, const TimeModel *before, int point) {
    const double miss = miss_of(e, series, before, point);
    series->miss = fmax(series->miss, miss);
    series->checked++;
    return miss < CLOSE;
}

/* The windows that a search by halves visits behind the ends and the middle: those farthest from what is known come
 * first. */
static int windows_between(const Quantities *windows, int64_t *order) {
    bool known[QUANTITY_MOST] = {false};
    int  count = 0;
    known[0] = known[windows->count - 1] = known[windows->count / 2] = true;
    for (;;) {
        int best = -1, widest = 0;
        for (int w = 0, last = 0; w < windows->count; w++) {
            if (!known[w])
                continue;
            if (w - last > widest && w - last > 1) {
                widest = w - last;
                best = last + widest / 2;
            }
            last = w;
        }
        if (best < 0)
            return count;
        known[best] = true;
        order[count++] = windows->items[best];
    }
}

/* Of full attention three contexts; of a step its stand-in, a window of the whole context. */
static void want_full(KindRun *run, ExploreSeries *full, int64_t context) {
    if (full->kind == KIND_DECODE)
        want(run, full + 1, context, context);
    else
        for (int part = 4; part >= 1; part /= 2)
            want(run, full, 0, context > part ? context / part : 1);
}

static void want_ends(KindRun *run, ExploreSeries *series, int64_t context) {
    const Quantities *windows = &run->explore->ask.windows;
    const int64_t     middle = windows->items[windows->count / 2];
    want(run, series, middle, series->kind == KIND_DECODE || context < 2 ? context : context / 2);
    want(run, series, middle, context);
    want(run, series, windows->items[0], context);
    want(run, series, windows->items[windows->count - 1], context);
}

/* How many of the next windows there is time to measure, `most` of them; of the first ones all. */
static int affordable(const KindRun *run, const ExploreSeries *series, const int64_t *windows, int most, int64_t context, double seconds) {
    int    count = 0;
    double cost = LAUNCHES * run->seconds;
    while (count < most && (cost += LAUNCHES * modelled(run->explore, series, windows[count], context)) < seconds)
        count++;
    return count;
}

/* Two windows between; where the model had them right no more, else all that there is time for. */
static Status measure_between(Ctx *ctx, KindRun *run, ExploreSeries *series, int64_t context, double slice,
                              double deadline) {
    int64_t   order[QUANTITY_MOST];
    const int between = windows_between(&run->explore->ask.windows, order);
    bool      close = false;
    for (int w = 0, count; w < between && !close && seconds_now() < deadline; w += count) {
        const TimeModel before = series->model;
        const int       known = series->count;
        const int       most = w ? MEASURE_POINTS - 1 : PROBES, left = between - w < most ? between - w : most; /* the anchor is one, too */
        count = w ? affordable(run, series, order + w, left, context, deadline - seconds_now()) : left;
        if (!count)
            return ST_OK;
        for (int c = 0; c < count; c++)
            want(run, series, order[w + c], context);
        TRY(measure(ctx, run, fmin(slice * count, (deadline - seconds_now()) / 2)));
        close = true;
        for (int p = known; p < series->count; p++)
            close = probe(run->explore, series, &before, p) && close;
    }
    return ST_OK;
}

/* ---- Far beyond ---- */
/* What all tensors of a launch hold, in bytes, nearly; infinite where it cannot be planned. */
static double launch_bytes(Ctx *ctx, const Spec *spec, KernelKind kind, int64_t context) {
    BenchCase   bench;
    const Shape shape = measure_shape(kind, explore_sequences(kind), context);
    if (bench_case_plan(ctx, spec, kind, &shape, &bench) == ST_OK)
        return bench.bytes;
    ctx_clear(ctx);
    return INFINITY;
}

/* The context, by powers of two beyond what the series knows and up to the longest asked for, that takes at most so
 * many seconds; 0: none. Of decode the window is the context: what stands for full attention. */
static int64_t far_context(Ctx *ctx, const Explore *e, const ExploreSeries *series, int64_t window, double seconds) {
    const int64_t longest = e->ask.contexts.items[e->ask.contexts.count - 1];
    int64_t       found = 0;
    for (int64_t context = 2 * explore_known(series); context <= longest; context *= 2) {
        const int64_t own = series->kind == KIND_DECODE ? context : window;
        const Spec    spec = explore_spec(e, series, own, context);
        if (modelled(e, series, own, context) > seconds || launch_bytes(ctx, &spec, series->kind, context) > FAR_BYTES)
            break;
        found = context;
    }
    return found;
}

/* Asks the model of a series for the longest context that `seconds` allow, and measures it. */
static Status probe_far(Ctx *ctx, KindRun *run, ExploreSeries *series, double seconds) {
    const Explore  *e = run->explore;
    const TimeModel before = series->model;
    const int64_t   known = explore_known(series), window = series->map == MAP_FULL ? 0 : e->window;
    const int64_t   context = series->count ? far_context(ctx, e, series, window, seconds / FAR_LAUNCHES) : 0;
    const int       point = series->count;
    if (!context)
        return ST_OK;
    const int64_t own = series->kind == KIND_DECODE ? context : window;
    const bool    cheap = modelled(e, series, own, context) * 3 * FAR_LAUNCHES < seconds;
    want(run, series, own, context);
    const Status status = measure(ctx, run, cheap ? seconds / 3 : 0);
    run->count = 0;
    if (status != ST_OK) { /* too far for the memory or the compiler: unchecked, then */
        ctx_clear(ctx);
        return ST_OK;
    }
    if (series->count > point)
        series->far = (FarProbe){context, (double)context / (double)known, miss_of(e, series, &before, point)};
    return ST_OK;
}

/* Flops a second of the largest kernel of a series, run for a moment: what others on the machine leave counts. 0: not known. */
static double pilot_rate(Ctx *ctx, Explore *e, const ExploreSeries *series, int64_t context) {
    const int64_t longest = e->ask.windows.items[e->ask.windows.count - 1], tokens = context < PILOT_CONTEXT ? context : PILOT_CONTEXT;
    const Spec    spec = explore_spec(e, series, longest, tokens);
    MeasurePoint  point = {.spec = &spec, .kind = series->kind, .sequences = explore_sequences(series->kind), .tokens = tokens};
    if (measure_batch(ctx, &e->tools, &point, 1, 0, 0) == ST_OK)
        return point.useful_flops / point.seconds;
    ctx_clear(ctx); /* who measures says it */
    return 0;
}

/* The shortest context of those asked for, or as much of it as time and memory allow. */
static int64_t base_context(Ctx *ctx, Explore *e, const ExploreSeries *series, double seconds) {
    const int64_t longest = e->ask.windows.items[e->ask.windows.count - 1];
    const bool    step = series->kind == KIND_DECODE, gpu = target_is_cuda(&e->session->target);
    int64_t       context = e->ask.contexts.items[0];
    const double  most = seconds * FIRST_SHARE / (LARGEST * LAUNCHES), own = step || gpu ? 0 : pilot_rate(ctx, e, series, context);
    const double  rate = own > 0 ? own : e->tools.fma > 0 ? 0.5 * e->tools.fma : 100e12;
    for (; context > LEAST_CONTEXT; context /= 2) {
        BenchCase   bench;
        const Spec  spec = explore_spec(e, series, longest, context);
        const Shape shape = measure_shape(series->kind, explore_sequences(series->kind), context);
        if (bench_case_plan(ctx, &spec, series->kind, &shape, &bench) != ST_OK)
            break;
        if (bench.useful_flops / rate < most && (!step || bench.bytes < MOST_BYTES))
            break;
    }
    return context;
}

/* Full attention and the first map in one batch, since they are compared; then what lies between, map by map. */
static Status measure_kind(Ctx *ctx, Explore *e, int kind, double deadline, Progress *progress) {
    const int      maps = e->ask.map_count, points = e->ask.windows.count + 6;
    const bool     step = EXPLORE_KIND[kind] == KIND_DECODE;
    ExploreSeries *full = &e->series[kind * (maps + 1)];
    KindRun       *run = NEW(ctx, KindRun);
    run->explore = e;
    for (int m = 0; m < maps; m++) {
        ExploreSeries *series = full + 1 + m;
        const double   own = fmax(0.5, (deadline - seconds_now()) / (maps - m)), slice = own / points;
        const double   end = seconds_now() + own, kept = own * FAR_SHARE, of_full = m == 0 && !step ? kept / 2 : 0;
        const int64_t  context = base_context(ctx, e, m ? series : full, own);
        want_ends(run, series, context);
        if (m == 0)
            want_full(run, full, context);
        TRY(measure(ctx, run, fmin(slice * run->count, FIRST_SHARE * own)));
        progress_step(progress, kind * 2 * maps + 2 * m + 1, 2 * maps * EXPLORE_KINDS + 1);
        TRY(measure_between(ctx, run, series, context, slice, end - kept - of_full));
        if (m == 0 || !step) /* of decode the first map stands for full attention */
            TRY(probe_far(ctx, run, series, fmax(kept / 2, end - of_full - seconds_now())));
        if (of_full > 0)
            TRY(probe_far(ctx, run, full, fmax(of_full / 2, end - seconds_now())));
        progress_step(progress, kind * 2 * maps + 2 * m + 2, 2 * maps * EXPLORE_KINDS + 1);
    }
    return ST_OK;
}

/* What cannot be had is said: there may be no kernels of a kind. */
static Status measure_or_note(Ctx *ctx, Explore *e, int kind, double deadline, Progress *progress) {
    const Status status = measure_kind(ctx, e, kind, deadline, progress);
    if (status == ST_OK || EXPLORE_KIND[kind] == KIND_FORWARD || status == ST_NO_MEMORY)
        return status;
    char line[512];
    ctx_describe(ctx, line, sizeof line);
    ctx_clear(ctx);
    for (int m = MAP_FULL; m < e->ask.map_count; m++) {
        ExploreSeries *series = &e->series[kind * (e->ask.map_count + 1) + 1 + m];
        series->missing = ctx_strdup(ctx, line);
        series->count = 0;
    }
    return ST_OK;
}

Status explore_run(Ctx *ctx, Explore *e) {
    Progress progress;
    double   share = 0;
    e->started = seconds_now();
    TRY(measure_open(ctx, e->session, &e->tools));
    progress_start(&progress, e->item->spec.name);
    Status status = ST_OK;
    for (int k = 0; k < EXPLORE_KINDS && status == ST_OK; k++) {
        share += SHARE[k];
        status = measure_or_note(ctx, e, k, e->started + share * e->ask.budget, &progress);
    }
    if (status == ST_OK)
        status = explore_landscape(ctx, e, LAND_CONTEXT, e->started + e->ask.budget);
    progress_end(&progress);
    e->finished = seconds_now();
    return status;
}
