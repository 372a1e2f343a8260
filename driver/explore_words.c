/* What was found, in sentences: made here once, for the page, the data and the terminal. See explore.h. */
#include "driver/explore.h"

static void say(Sentences *out, const char *sentence) {
    if (out->count < EXPLORE_SENTENCES)
        out->items[out->count++] = sentence;
}

/* "118", "3.71", "4" */
static const char *times_words(Ctx *ctx, double ratio) {
    return ratio >= 99.95 ? ctx_printf(ctx, "%.0f", ratio) : ctx_printf(ctx, "%.3g", ratio);
}

static const char *context_or(Ctx *ctx, int64_t context, const char *none) {
    return context ? ctx_printf(ctx, "%lld", (long long)context) : none;
}

/* ---- Break-even ---- */
const char *explore_even_words(Ctx *ctx, const BreakEven *even) {
    if (even->from == EVEN_UNKNOWN)
        return "-";
    const char *words = even->from == EVEN_MEASURED ? ctx_printf(ctx, "<=%lld", (long long)even->context)
                                                    : context_or(ctx, even->context, "not found");
    return even->early == even->late ? words
                                     : ctx_printf(ctx, "%s (noise: %s to %s)", words, context_or(ctx, even->early, "?"),
                                                  context_or(ctx, even->late, "?"));
}

static const char *noise_words(Ctx *ctx, const BreakEven *even) {
    if (even->early == even->late)
        return "";
    if (!even->late)
        return ctx_printf(ctx, ", but no context is long enough to tell it from noise");
    return ctx_printf(ctx, " (within noise: from %lld to %lld)", (long long)even->early, (long long)even->late);
}

static const char *even_sentence(Ctx *ctx, const BreakEven *even) {
    const char     *noise = noise_words(ctx, even);
    const long long context = even->context;
    switch (even->from) {
    case EVEN_CROSSING: return ctx_printf(ctx, "; it is faster from %lld tokens on%s", context, noise);
    case EVEN_WINDOW:
        return ctx_printf(ctx, "; it is faster as soon as the context is longer than the window%s", noise);
    case EVEN_MEASURED:
        return ctx_printf(ctx, "; it is faster at %lld tokens already, the shortest context measured%s", context,
                          noise);
    case EVEN_BYTES:
        return ctx_printf(ctx, "; its ring and state are fewer bytes than all keys and values from %lld tokens on",
                          context);
    case EVEN_NOT_FOUND: return "; the contexts measured are too short to say from where on it is faster";
    case EVEN_UNKNOWN: break;
    }
    return "";
}

/* ---- Times ---- */
static const char *cell_words(Ctx *ctx, const ExploreCell *cell) {
    const char *time = quantity_time(ctx, cell->seconds);
    if (cell->measured)
        return ctx_printf(ctx, "%s (measured)", time);
    if (cell->beyond <= 1)
        return ctx_printf(ctx, "%s (modelled)", time);
    return ctx_printf(ctx, "%s (modelled, %s times beyond the longest context measured)", time,
                      times_words(ctx, cell->beyond));
}

/* Whether an extrapolation was ever held against a measurement. */
static const char *far_words(Ctx *ctx, const FarProbe *far, const char *what) {
    if (far->beyond == 0)
        return ctx_printf(ctx, "that of %s was not checked beyond the contexts that it is fitted to", what);
    return ctx_printf(ctx, "that of %s was off by %.0f %% at %s, %s times beyond what it knew then", what,
                      100 * far->miss, quantity_short(ctx, far->context), times_words(ctx, far->beyond));
}

/* Of decode full attention is the first map's series with other windows. */
static void say_far(Ctx *ctx, const Explore *e, const ExploreSeries *series, const ExploreCell *cell,
                    const ExploreCell *full, Sentences *out) {
    const bool           step = series->kind == KIND_DECODE, layer = cell->beyond > 1, all = full->beyond > 1;
    const char          *kind = kind_name(series->kind);
    const ExploreSeries *whole = explore_series(e, series->kind, step ? 0 : MAP_FULL);
    const char *of_layer = far_words(ctx, &series->far, ctx_printf(ctx, "window %s", quantity_short(ctx, e->window))),
               *of_full = far_words(ctx, &whole->far, "full attention");
    if (layer && all && series->far.beyond == 0 && whole->far.beyond == 0)
        say(out, ctx_printf(ctx, "%s: neither model was checked beyond the contexts that it is fitted to.", kind));
    else if (layer && all)
        say(out, ctx_printf(ctx, "%s: of the models %s; %s.", kind, of_layer, of_full));
    else if (layer || all)
        say(out, ctx_printf(ctx, "%s: of the models %s.", kind, layer ? of_layer : of_full));
}

static void say_times(Ctx *ctx, const Explore *e, KernelKind kind, int map, Sentences *out) {
    const ExploreSeries *series = explore_series(e, kind, map), *full = explore_series(e, kind, MAP_FULL);
    const int64_t        context = e->ask.contexts.items[e->ask.contexts.count - 1];
    if (series->missing) {
        say(out, ctx_printf(ctx, "%s: %s", kind_name(kind), series->missing));
        return;
    }
    const ExploreCell cell = explore_cell(e, series, e->window, context);
    const char       *layer =
        ctx_printf(ctx, "%s: at context %s the window %s takes %s", kind_name(kind), quantity_short(ctx, context),
                   quantity_short(ctx, e->window), cell_words(ctx, &cell));
    if (!explore_has(full)) {
        say(out, ctx_printf(ctx, "%s.", layer));
        return;
    }
    const ExploreCell whole = explore_cell(e, full, 0, context);
    const BreakEven   even = explore_break_even(e, kind, map, e->window);
    const bool        near = explore_within_noise(e, kind, map, cell.seconds, whole.seconds);
    say(out, ctx_printf(ctx, "%s, full attention %s: %s times as fast%s%s.", layer, cell_words(ctx, &whole),
                        times_words(ctx, whole.seconds / cell.seconds), near ? ", which is within noise" : "",
                        even_sentence(ctx, &even)));
    say_far(ctx, e, series, &cell, &whole, out);
    if (kind == KIND_DECODE)
        say(out,
            "decode: full attention has no kernel of its own; its times are those of a window of the whole context, "
            "with the layer's state and feature map.");
}

/* ---- Memory, the model ---- */
static void say_memory(Ctx *ctx, const Explore *e, int map, Sentences *out) {
    const int64_t context = e->ask.contexts.items[e->ask.contexts.count - 1];
    Spec          spec = e->layers[map];
    spec.window = e->window;
    const double ring = carried_ring_bytes(&spec, 0), state = carried_state_bytes(&spec),
                 full = carried_ring_bytes(&e->full, context);
    say(out,
        ctx_printf(
            ctx,
            "A sequence carries %s a layer (ring %s, state %s); full attention %s at context %s: %s times as much.",
            quantity_bytes(ctx, ring + state), quantity_bytes(ctx, ring), quantity_bytes(ctx, state),
            quantity_bytes(ctx, full), quantity_short(ctx, context), times_words(ctx, full / (ring + state))));
    if (e->session->specs.is_model)
        say(out,
            ctx_printf(ctx, "All %d layers of %s carry %s at context %s; with full attention in every layer %s.",
                       e->session->specs.layers, e->session->specs.model_name,
                       quantity_bytes(ctx, explore_model_bytes(e, map, e->window, context)),
                       quantity_short(ctx, context), quantity_bytes(ctx, explore_model_bytes(e, map, 0, context))));
}

static void say_model_times(Ctx *ctx, const Explore *e, int map, Sentences *out) {
    const int64_t context = e->ask.contexts.items[e->ask.contexts.count - 1];
    const char   *list = "";
    for (int k = 0; k < EXPLORE_KINDS; k++) {
        const double seconds = explore_model_seconds(e, EXPLORE_KIND[k], map, e->window, context),
                     full = explore_model_seconds(e, EXPLORE_KIND[k], map, 0, context);
        if (seconds > 0)
            list = ctx_printf(ctx, "%s%s %s %s, with full attention in every layer %s (%s times as long)", list,
                              *list ? ";" : "", kind_name(EXPLORE_KIND[k]), quantity_time(ctx, seconds),
                              quantity_time(ctx, full), times_words(ctx, full / seconds));
    }
    if (*list)
        say(out, ctx_printf(
                     ctx, "Attention of all %d layers at context %s, derived (a layer's times, times their counts):%s.",
                     e->session->specs.layers, quantity_short(ctx, context), list));
}

static bool is_asked_for(const Explore *e, int64_t window) {
    for (int w = 0; w < e->ask.windows.count; w++)
        if (e->ask.windows.items[w] == window)
            return true;
    return false;
}

void explore_conclusions(Ctx *ctx, const Explore *e, int map, Sentences *out) {
    *out = (Sentences){.count = 0};
    if (!is_asked_for(e, e->item->spec.window))
        say(out, ctx_printf(
                     ctx, "The spec's own window, %s, is not among those explored; what follows is of the nearest, %s.",
                     quantity_short(ctx, e->item->spec.window), quantity_short(ctx, e->window)));
    for (int k = 0; k < EXPLORE_KINDS; k++)
        say_times(ctx, e, EXPLORE_KIND[k], map, out);
    say_memory(ctx, e, map, out);
    say_model_times(ctx, e, map, out);
}
