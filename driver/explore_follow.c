/* What follows from the times of an exploration: break-even and its noise, and a whole model's memory and time. See
 * explore.h. */
#include "driver/explore.h"

#include <math.h>

/* ---- Break-even ---- */
typedef struct Compared {
    const ExploreSeries *layer, *full;
    Spec                 spec, whole;
} Compared;

static double layer_time(const void *arg, int64_t context) {
    const Compared *c = arg;
    return explore_fitted(c->layer, &c->spec, context);
}

static double full_time(const void *arg, int64_t context) {
    const Compared *c = arg;
    return explore_fitted(c->full, &c->whole, context);
}

/* How far the fit of a series is from its points, or how much these vary: the larger, relative. */
static double noise_of(const ExploreSeries *series) {
    double spreads[MODEL_SAMPLES];
    for (int p = 0; p < series->count; p++)
        spreads[p] = series->points[p].spread;
    return series->count ? fmax(series->model.miss, bench_median(spreads, series->count)) : 0;
}

static double noise_between(const ExploreSeries *layer, const ExploreSeries *full) {
    return hypot(noise_of(layer), noise_of(full));
}

bool explore_within_noise(const Explore *e, KernelKind kind, int map, double layer, double full) {
    const int    whole = kind == KIND_DECODE ? 0 : MAP_FULL; /* decode's stand-in is of the first map */
    const double noise = noise_between(explore_series(e, kind, map), explore_series(e, kind, whole));
    return fabs(log(layer / full)) <= log1p(noise);
}

static int64_t shortest_measured(const ExploreSeries *series) {
    int64_t shortest = MODEL_LONGEST;
    for (int p = 0; p < series->count; p++)
        shortest = series->points[p].tokens < shortest ? series->points[p].tokens : shortest;
    return shortest;
}

static BreakEven by_bytes(const Spec *spec, const Spec *full) {
    const int64_t context = carried_break_even(spec, full);
    return (BreakEven){EVEN_BYTES, context, context, context};
}

BreakEven explore_break_even(const Explore *e, KernelKind kind, int map, int64_t window) {
    Compared c = {.layer = explore_series(e, kind, map), .full = explore_series(e, kind, MAP_FULL), .whole = e->full};
    if (!explore_has(c.layer) || !explore_has(c.full))
        return (BreakEven){.from = EVEN_UNKNOWN};
    c.spec = explore_spec(e, c.layer, window, 0);
    if (kind == KIND_DECODE)
        return by_bytes(&c.spec, &c.whole);
    const int64_t layer = shortest_measured(c.layer), full = shortest_measured(c.full);
    const int64_t measured = layer > full ? layer : full;
    const int64_t least = window + 1 > measured ? window + 1 : measured;
    const double  noise = noise_between(c.layer, c.full);
    BreakEven     even = {.context = model_break_even(layer_time, full_time, &c, least, 0),
                          .early = model_break_even(layer_time, full_time, &c, least, 1 / (1 + noise) - 1),
                          .late = model_break_even(layer_time, full_time, &c, least, noise)};
    even.from = !even.context          ? EVEN_NOT_FOUND
                : even.context > least ? EVEN_CROSSING
                : least > measured     ? EVEN_WINDOW
                                       : EVEN_MEASURED;
    return even;
}

/* ---- A whole model ---- */
/* A layer of the model with its window set, and the map where it is the one explored; 0: full attention. */
static Spec layer_as_asked(const Explore *e, int item, int map, int64_t window) {
    Spec spec = e->session->specs.items[item].spec;
    if (window == 0)
        return explore_full_attention(&spec);
    if (!spec.full && item == (int)(e->item - e->session->specs.items))
        spec = e->layers[map];
    if (!spec.full)
        spec.window = window;
    return spec;
}

double explore_model_bytes(const Explore *e, int map, int64_t window, int64_t context) {
    const SpecFile *file = &e->session->specs;
    double          bytes = 0;
    for (int l = 0; file->is_model && l < file->layers; l++) {
        const Spec spec = layer_as_asked(e, file->pattern[l], map, window);
        bytes += carried_ring_bytes(&spec, context) + carried_state_bytes(&spec);
    }
    return bytes;
}

static bool same_sizes(const Spec *a, const Spec *b) {
    return a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim &&
           a->value_dim == b->value_dim && a->dtype == b->dtype;
}

double explore_model_seconds(const Explore *e, KernelKind kind, int map, int64_t window, int64_t context) {
    const SpecFile      *file = &e->session->specs;
    const ExploreSeries *layer = explore_series(e, kind, map), *full = explore_series(e, kind, MAP_FULL);
    double               seconds = 0;
    if (!file->is_model || !explore_has(layer) || !explore_has(full))
        return 0;
    for (int l = 0; l < file->layers; l++) {
        const int  item = file->pattern[l];
        const bool own = item == (int)(e->item - file->items), all = window == 0 || file->items[item].spec.full;
        if (!same_sizes(&file->items[item].spec, &e->item->spec) || !(own || all))
            return 0;
        seconds += explore_cell(e, all ? full : layer, all ? 0 : window, context).seconds;
    }
    return seconds;
}
