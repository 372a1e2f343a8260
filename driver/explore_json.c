/* What was explored, as JSON: the page reads it, and so may anyone. Times in seconds, sizes in bytes. */
#include "driver/explore.h"

#include "driver/tuning_key.h"
#include "frontend/frontend.h"

#include <string.h>
#include <time.h>

static json_t *window_json(int64_t window) { return window ? json_integer(window) : json_null(); }

static json_t *map_json(const Explore *e, int map) {
    return map == MAP_FULL ? json_null() : json_string(e->ask.maps[map]);
}

/* ---- Times ---- */
static json_t *cell_json(Ctx *ctx, const Explore *e, const ExploreSeries *series, int64_t window, int64_t context) {
    const ExploreCell cell = explore_cell(e, series, window, context);
    const Spec        spec = explore_spec(e, series, window, context);
    const Shape       shape = measure_shape(series->kind, explore_sequences(series->kind), context);
    BenchCase         bench;
    json_t *json = json_pack("{s:o, s:I, s:f, s:b}", "window", window_json(window), "context", (json_int_t)context,
                             "seconds", cell.seconds, "measured", cell.measured);
    if (cell.measured)
        json_object_set_new(json, "spread", json_real(cell.spread));
    else
        json_object_set_new(json, "beyond", json_real(cell.beyond));
    if (bench_case_plan(ctx, &spec, series->kind, &shape, &bench) == ST_OK)
        json_object_update_new(json, json_pack("{s:f, s:f}", "useful_flops", bench.useful_flops, "bytes", bench.bytes));
    ctx_clear(ctx);
    return json;
}

static json_t *cells_json(Ctx *ctx, const Explore *e, const ExploreSeries *series) {
    const Quantities *windows = &e->ask.windows, *contexts = &e->ask.contexts;
    json_t           *list = json_array();
    for (int w = 0; w < (series->map == MAP_FULL ? 1 : windows->count); w++)
        for (int c = 0; c < contexts->count && explore_has(series); c++)
            json_array_append_new(
                list, cell_json(ctx, e, series, series->map == MAP_FULL ? 0 : windows->items[w], contexts->items[c]));
    return list;
}

static json_t *points_json(const ExploreSeries *series) {
    json_t *list = json_array();
    for (int p = 0; p < series->count; p++) {
        const MeasurePoint *point = &series->points[p];
        json_array_append_new(list, json_pack("{s:o, s:I, s:f, s:f, s:i, s:f, s:f, s:s}", "window",
                                              window_json(series->windows[p]), "context", (json_int_t)point->tokens,
                                              "seconds", point->seconds, "spread", point->spread, "runs", point->runs,
                                              "useful_flops", point->useful_flops, "bytes", point->bytes, "schedule",
                                              point->used));
    }
    return list;
}

static json_t *series_json(Ctx *ctx, const Explore *e, const ExploreSeries *series) {
    const double *weights = series->model.weights;
    json_t *far = series->far.beyond > 0 ? json_pack("{s:I, s:f, s:f}", "context", (json_int_t)series->far.context,
                                                     "beyond", series->far.beyond, "miss", series->far.miss)
                                         : json_null();
    return json_pack("{s:o, s:o, s:I, s:i, s:f, s:o, s:o, s:o, s:o}", "map", map_json(e, series->map), "missing",
                     series->missing ? json_string(series->missing) : json_null(), "known",
                     (json_int_t)explore_known(series), "checked", series->checked, "miss", series->miss, "far", far,
                     "model",
                     json_pack("{s:f, s:f, s:f}", "seconds_a_pair", weights[0], "seconds_a_token", weights[1],
                               "seconds_a_launch", weights[2]),
                     "cells", cells_json(ctx, e, series), "points", points_json(series));
}

static json_t *context_json(int64_t context) { return context ? json_integer(context) : json_null(); }

static json_t *break_even_json(Ctx *ctx, const Explore *e, KernelKind kind) {
    static const char *const FROM[] = {[EVEN_UNKNOWN] = "unknown", [EVEN_CROSSING] = "crossing",
                                       [EVEN_WINDOW] = "window",   [EVEN_MEASURED] = "shortest measured",
                                       [EVEN_BYTES] = "bytes",     [EVEN_NOT_FOUND] = "not found"};
    json_t                  *list = json_array();
    for (int m = 0; m < e->ask.map_count; m++)
        for (int w = 0; w < e->ask.windows.count; w++) {
            const int64_t   window = e->ask.windows.items[w];
            const BreakEven even = explore_break_even(e, kind, m, window);
            json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:o, s:o, s:s, s:s}", "map", e->ask.maps[m],
                                                  "window", (json_int_t)window, "context", context_json(even.context),
                                                  "early", context_json(even.early), "late", context_json(even.late),
                                                  "from", FROM[even.from], "words", explore_even_words(ctx, &even)));
        }
    return list;
}

static json_t *kinds_json(Ctx *ctx, const Explore *e) {
    json_t *list = json_array();
    for (int k = 0; k < EXPLORE_KINDS; k++) {
        json_t *all = json_array();
        for (int m = MAP_FULL; m < e->ask.map_count; m++)
            json_array_append_new(all, series_json(ctx, e, explore_series(e, EXPLORE_KIND[k], m)));
        json_array_append_new(list, json_pack("{s:s, s:i, s:o, s:o}", "kind", kind_name(EXPLORE_KIND[k]), "sequences",
                                              (int)explore_sequences(EXPLORE_KIND[k]), "series", all, "break_even",
                                              break_even_json(ctx, e, EXPLORE_KIND[k])));
    }
    return list;
}

/* ---- Memory ---- */
static json_t *layer_memory_json(const Explore *e) {
    json_t *list = json_array();
    for (int m = 0; m < e->ask.map_count; m++)
        for (int w = 0; w < e->ask.windows.count; w++) {
            Spec spec = e->layers[m];
            spec.window = e->ask.windows.items[w];
            json_array_append_new(list, json_pack("{s:s, s:I, s:f, s:f}", "map", e->ask.maps[m], "window",
                                                  (json_int_t)spec.window, "ring_bytes", carried_ring_bytes(&spec, 0),
                                                  "state_bytes", carried_state_bytes(&spec)));
        }
    return list;
}

static json_t *model_memory_json(const Explore *e) {
    const SpecFile *file = &e->session->specs;
    if (!file->is_model)
        return json_null();
    json_t *rows = json_array(), *full = json_array();
    for (int c = 0; c < e->ask.contexts.count; c++) {
        const int64_t context = e->ask.contexts.items[c];
        json_array_append_new(full, json_pack("{s:I, s:f}", "context", (json_int_t)context, "bytes",
                                              explore_model_bytes(e, 0, 0, context)));
        for (int m = 0; m < e->ask.map_count; m++)
            for (int w = 0; w < e->ask.windows.count; w++) {
                const int64_t window = e->ask.windows.items[w];
                json_array_append_new(rows, json_pack("{s:s, s:I, s:I, s:f}", "map", e->ask.maps[m], "window",
                                                      (json_int_t)window, "context", (json_int_t)context, "bytes",
                                                      explore_model_bytes(e, m, window, context)));
            }
    }
    return json_pack("{s:s, s:i, s:o, s:o}", "name", file->model_name, "layers", file->layers, "rows", rows, "full",
                     full);
}

static json_t *memory_json(const Explore *e) {
    json_t *full = json_array();
    for (int c = 0; c < e->ask.contexts.count; c++)
        json_array_append_new(full, json_pack("{s:I, s:f}", "context", (json_int_t)e->ask.contexts.items[c], "bytes",
                                              carried_ring_bytes(&e->full, e->ask.contexts.items[c])));
    return json_pack("{s:o, s:o, s:o}", "layer", layer_memory_json(e), "full", full, "model", model_memory_json(e));
}

/* ---- The whole model's times, conclusions ---- */
/* Derived: layers' times times their counts. Null: no model, or layers that were not timed. */
static json_t *model_times_json(const Explore *e) {
    json_t *rows = json_array();
    for (int k = 0; k < EXPLORE_KINDS; k++)
        for (int m = 0; m < e->ask.map_count; m++)
            for (int w = 0; w < e->ask.windows.count; w++)
                for (int c = 0; c < e->ask.contexts.count; c++) {
                    const int64_t window = e->ask.windows.items[w], context = e->ask.contexts.items[c];
                    const double  seconds = explore_model_seconds(e, EXPLORE_KIND[k], m, window, context);
                    if (seconds > 0)
                        json_array_append_new(
                            rows, json_pack("{s:s, s:s, s:I, s:I, s:f, s:f}", "kind", kind_name(EXPLORE_KIND[k]), "map",
                                            e->ask.maps[m], "window", (json_int_t)window, "context",
                                            (json_int_t)context, "seconds", seconds, "full_seconds",
                                            explore_model_seconds(e, EXPLORE_KIND[k], m, 0, context)));
                }
    if (json_array_size(rows))
        return json_pack("{s:i, s:b, s:o}", "layers", e->session->specs.layers, "derived", 1, "rows", rows);
    json_decref(rows);
    return json_null();
}

static json_t *conclusions_json(Ctx *ctx, const Explore *e) {
    json_t *list = json_array();
    for (int m = 0; m < e->ask.map_count; m++) {
        Sentences sentences;
        json_t   *items = json_array();
        explore_conclusions(ctx, e, m, &sentences);
        for (int s = 0; s < sentences.count; s++)
            json_array_append_new(items, json_string(sentences.items[s]));
        json_array_append_new(list, json_pack("{s:s, s:o}", "map", e->ask.maps[m], "sentences", items));
    }
    return list;
}

/* ---- Schedules ---- */
static json_t *ints_json(const int *values, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static json_t *landscape_json(const Explore *e) {
    const Landscape *land = &e->landscape;
    json_t          *rows = json_array();
    for (int c = 0; c < land->chunk_count; c++) {
        json_t *row = json_array();
        for (int k = 0; k < land->key_tile_count; k++) {
            const ExploreCell *cell = &land->cells[c][k];
            json_array_append_new(row, cell->seconds > 0
                                           ? json_pack("{s:f, s:b}", "ratio", cell->seconds, "measured", cell->measured)
                                           : json_null());
        }
        json_array_append_new(rows, row);
    }
    return json_pack("{s:I, s:s, s:[ii], s:o, s:o, s:o}", "window", (json_int_t)e->window, "source", land->source,
                     "default", land->chunk, land->key_tile, "chunks", ints_json(land->chunks, land->chunk_count),
                     "key_tiles", ints_json(land->key_tiles, land->key_tile_count), "cells", rows);
}

/* Of the window nearest to the spec's, as forward was measured, or else would be. */
static json_t *tiles_json(Ctx *ctx, const Explore *e) {
    const ExploreSeries *series = explore_series(e, KIND_FORWARD, 0);
    Spec                 spec = e->layers[0];
    Schedule             schedule;
    const char          *used = NULL;
    spec.window = e->window;
    if (compile_schedule(ctx, &(CompileRequest){.spec = &spec, .target = &e->session->target}, &schedule) != ST_OK)
        ctx_clear(ctx); /* who measures says it */
    for (int p = 0; p < series->count; p++)
        if (series->windows[p] == e->window)
            used = series->points[p].used;
    if (used)
        schedule_parse(ctx, used, &schedule);
    return json_pack("{s:I, s:i, s:i, s:i, s:s}", "window", (json_int_t)e->window, "chunk", schedule.chunk, "key_tile",
                     schedule.key_tile, "group_heads", schedule.group_heads, "schedule", schedule_text(ctx, &schedule));
}

/* ---- All ---- */
static json_t *quantities_json(const Quantities *quantities) {
    json_t *list = json_array();
    for (int i = 0; i < quantities->count; i++)
        json_array_append_new(list, json_integer(quantities->items[i]));
    return list;
}

static json_t *spec_json(Ctx *ctx, const Explore *e) {
    const Spec *spec = &e->item->spec;
    Text        text = TEXT(ctx);
    spec_print(&text, spec);
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:I, s:s}", "name", spec->name, "label", e->item->label,
                     "heads", spec->heads, "kv_heads", spec->kv_heads, "head_dim", spec->head_dim, "value_dim",
                     spec->value_dim, "dtype", dtype_name(spec->dtype), "window", (json_int_t)spec->window, "text",
                     text_str(&text));
}

static json_t *machine_json(Ctx *ctx, const Explore *e) {
    const Session *session = e->session;
    TuningKey      key = {0};
    const bool     gpu = session->target.warp_size > 0;
    tuning_key_machine(ctx, &session->target, session->device, &key);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "machine",
                     key.machine ? key.machine : session->target.name, "compiler", key.compiler ? key.compiler : "",
                     "target", session->target.name, "threads",
                     gpu ? json_null() : json_integer(pool_threads(session->pool)), "flops_ceiling",
                     e->tools.fma > 0 ? json_real(e->tools.fma) : json_null(), "bytes_ceiling",
                     e->tools.read > 0 ? json_real(e->tools.read) : json_null(), "flops_of",
                     gpu ? "a bf16 product by cuBLAS" : "FMAs on registers", "bytes_of",
                     gpu ? "a copy in memory" : "reading memory");
}

json_t *explore_json(Ctx *ctx, const Explore *e) {
    const time_t now = time(NULL);
    struct tm    local;
    char         date[32];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M", localtime_r(&now, &local));
    json_t *maps = json_array();
    for (int m = 0; m < e->ask.map_count; m++)
        json_array_append_new(maps, json_string(e->ask.maps[m]));
    return json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rattan", RATTAN_VERSION,
                     "made", date, "seconds", e->finished - e->started, "spec", spec_json(ctx, e), "machine",
                     machine_json(ctx, e), "windows", quantities_json(&e->ask.windows), "contexts",
                     quantities_json(&e->ask.contexts), "maps", maps, "conclusions", conclusions_json(ctx, e), "kinds",
                     kinds_json(ctx, e), "model_times", model_times_json(e), "memory", memory_json(e), "landscape",
                     landscape_json(e), "tiles", tiles_json(ctx, e));
}
