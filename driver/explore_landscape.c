/* The tuning landscape around the default schedule, by chunk and key_tile: see explore.h. */
#include "driver/explore.h"

#include "base/clock.h"
#include "driver/tuning_pick.h"
#include "passes/search_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH_RECORDS = 6 /* cells that the database must know to be shown alone */, MOST_MEASURED = 10 };

typedef struct Lands {
    Explore    *explore;
    Spec        spec;
    SearchSpace space;
    int         chunk, key_tile; /* their knobs */
    int64_t     tokens;
} Lands;

/* ---- Axes ---- */
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int sorted_values(const Knob *knob, int *values) {
    memcpy(values, knob->values, sizeof *values * (size_t)knob->count);
    qsort(values, (size_t)knob->count, sizeof *values, by_value);
    return knob->count;
}

static int knob_named(const SearchSpace *space, const char *name) {
    for (int k = 0; k < space->knob_count; k++)
        if (strcmp(space->knobs[k].name, name) == 0)
            return k;
    return 0;
}

static int index_of(const int *values, int count, int value) {
    for (int i = 0; i < count; i++)
        if (values[i] == value)
            return i;
    return -1;
}

static void open_axes(Ctx *ctx, Explore *e, Lands *l) {
    Landscape *land = &e->landscape;
    Schedule   base;
    l->explore = e;
    l->spec = e->layers[0];
    l->spec.window = e->window;
    if (compile_schedule(ctx, &(CompileRequest){.spec = &l->spec, .target = &e->session->target}, &base) != ST_OK)
        ctx_clear(ctx); /* who measures says it */
    space_open(&l->space, &l->spec, KIND_FORWARD, &e->session->target, &base);
    l->chunk = knob_named(&l->space, "chunk");
    l->key_tile = knob_named(&l->space, "key_tile");
    land->chunk_count = sorted_values(&l->space.knobs[l->chunk], land->chunks);
    land->key_tile_count = sorted_values(&l->space.knobs[l->key_tile], land->key_tiles);
    land->chunk = index_of(land->chunks, land->chunk_count, base.chunk);
    land->key_tile = index_of(land->key_tiles, land->key_tile_count, base.key_tile);
}

/* The default with another chunk and key_tile; false where that cannot be. */
static bool schedule_at(Ctx *ctx, const Lands *l, int chunk, int key_tile, Schedule *schedule) {
    const Knob *knobs = l->space.knobs;
    SpacePoint  point = {{0}};
    point.at[l->chunk] = (int8_t)index_of(knobs[l->chunk].values, knobs[l->chunk].count, chunk);
    point.at[l->key_tile] = (int8_t)index_of(knobs[l->key_tile].values, knobs[l->key_tile].count, key_tile);
    return space_point(ctx, &l->space, &point, schedule);
}

/* ---- What is known ---- */
/* The best record of each cell; -> how many cells have one. */
static int take_records(const TuningRecords *records, Landscape *land) {
    int cells = 0;
    for (int r = 0; r < records->count; r++) {
        const TuningRecord *record = &records->items[r];
        Schedule            schedule = {0};
        Ctx                 ctx;
        ctx_init(&ctx);
        const bool read =
            record->verdict == VERDICT_RIGHT && schedule_parse(&ctx, record->schedule, &schedule) == ST_OK;
        ctx_free(&ctx);
        const int c = index_of(land->chunks, land->chunk_count, schedule.chunk),
                  k = index_of(land->key_tiles, land->key_tile_count, schedule.key_tile);
        if (!read || c < 0 || k < 0)
            continue;
        ExploreCell *cell = &land->cells[c][k];
        cells += !cell->measured;
        if (!cell->measured || record->ratio < cell->seconds)
            *cell = (ExploreCell){record->ratio, true, record->spread, 1};
    }
    return cells;
}

/* A database that cannot be read is none. */
static void add_records(Ctx *ctx, const char *path, const TuningKey *key, TuningRecords *records) {
    TuningDb *db = NULL;
    if (tuning_db_read(ctx, path, &db) == ST_OK && db)
        tuning_db_find(ctx, db, key, records);
    tuning_db_close(db);
    ctx_clear(ctx);
}

/* Of the user's database and the system's. */
static int from_databases(Ctx *ctx, Lands *l) {
    const Explore *e = l->explore;
    TuningKey      key = {0};
    TuningRecords  records = {0};
    TuningPaths    systems;
    const char    *path = tuning_db_path(ctx);
    if (!tuning_key_machine(ctx, &e->session->target, e->session->device, &key))
        return 0;
    tuning_key_layer(ctx, &l->spec, KIND_FORWARD, 0, &key);
    key.build = key.bucket = NULL;
    if (path)
        add_records(ctx, path, &key, &records);
    tuning_db_system_paths(ctx, &systems);
    for (int s = 0; s < systems.count; s++)
        add_records(ctx, systems.items[s], &key, &records);
    return take_records(&records, &l->explore->landscape);
}

/* ---- What is measured and what is modelled ---- */
typedef struct Candidate {
    int    chunk, key_tile; /* numbers of the cell */
    double cost;
} Candidate;

static int by_cost(const void *a, const void *b) {
    const double x = ((const Candidate *)a)->cost, y = ((const Candidate *)b)->cost;
    return x < y ? -1 : x > y;
}

/* Every possible cell gets its cost, relative to the default's; the candidates are those but the default, cheap ones
 * first. */
static int model_cells(Ctx *ctx, const Lands *l, Candidate *candidates) {
    Landscape     *land = &l->explore->landscape;
    const Workload work = {1, l->tokens};
    const double   base = schedule_cost(&l->spec, KIND_FORWARD, l->space.target, &work, &l->space.base);
    int            count = 0;
    for (int c = 0; c < land->chunk_count; c++)
        for (int k = 0; k < land->key_tile_count; k++) {
            Schedule schedule;
            if (!schedule_at(ctx, l, land->chunks[c], land->key_tiles[k], &schedule))
                continue;
            const double cost = schedule_cost(&l->spec, KIND_FORWARD, l->space.target, &work, &schedule) / base;
            land->cells[c][k] = (ExploreCell){cost, false, 0, 1};
            if (schedule.chunk != l->space.base.chunk || schedule.key_tile != l->space.base.key_tile)
                candidates[count++] = (Candidate){c, k, cost};
        }
    qsort(candidates, (size_t)count, sizeof *candidates, by_cost);
    return count;
}

/* Beside the default, in one batch: the ratio is of the same turns. */
static Status measure_cells(Ctx *ctx, const Lands *l, const Candidate *candidates, int count, double seconds) {
    Landscape   *land = &l->explore->landscape;
    MeasurePoint points[MOST_MEASURED + 1];
    for (int p = 0; p <= count; p++) {
        Schedule schedule = l->space.base;
        if (p)
            schedule_at(ctx, l, land->chunks[candidates[p - 1].chunk], land->key_tiles[candidates[p - 1].key_tile],
                        &schedule);
        points[p] = (MeasurePoint){.spec = &l->spec,
                                   .kind = KIND_FORWARD,
                                   .sequences = 1,
                                   .tokens = l->tokens,
                                   .schedule = schedule_text(ctx, &schedule)};
    }
    TRY(measure_batch(ctx, &l->explore->tools, points, count + 1, seconds, 0));
    if (land->chunk >= 0 && land->key_tile >= 0)
        land->cells[land->chunk][land->key_tile] = (ExploreCell){1, true, points[0].spread, 1};
    for (int p = 1; p <= count; p++)
        land->cells[candidates[p - 1].chunk][candidates[p - 1].key_tile] =
            (ExploreCell){points[p].seconds / points[0].seconds, true, points[p].spread, 1};
    return ST_OK;
}

/* Half of the cells are the cheapest by their cost; the others lie evenly among the rest, to show where it rises. */
static int choose(const Candidate *all, int count, int most, Candidate *chosen) {
    int number = 0;
    for (int c = 0; c < count && number < (most + 1) / 2; c++)
        chosen[number++] = all[c];
    const int left = count - number, others = most - number < left ? most - number : left, first = number;
    for (int o = 0; o < others; o++)
        chosen[number++] = all[first + (o * left + left / 2) / others];
    return number;
}

Status explore_landscape(Ctx *ctx, Explore *e, int64_t tokens, double deadline) {
    Lands     l = {.tokens = tokens};
    Candidate all[LANDSCAPE_MOST * LANDSCAPE_MOST], chosen[MOST_MEASURED];
    open_axes(ctx, e, &l);
    if (from_databases(ctx, &l) >= ENOUGH_RECORDS) {
        e->landscape.source = "the tuning database: the best schedule of each cell";
        return ST_OK;
    }
    const int    possible = model_cells(ctx, &l, all);
    const double compile = e->session->target.warp_size ? 3 : 0.1, left = deadline - seconds_now();
    const int    affordable = (int)fmax(0, fmin(MOST_MEASURED, left / 2 / compile));
    const int    count = choose(all, possible, affordable, chosen);
    e->landscape.source =
        count ? ctx_printf(ctx,
                           "the default and %d schedules measured, the others by the cost model; the tuning database "
                           "knows too few",
                           count)
              : "the default measured, all others by the cost model: no time was left to measure them, and the tuning "
                "database knows too few";
    const Status status = measure_cells(ctx, &l, chosen, count, fmax(0, left / 3));
    if (status == ST_OK || status == ST_NO_MEMORY)
        return status;
    ctx_clear(ctx); /* a schedule that the compiler refuses */
    e->landscape.source = "the cost model alone";
    return ST_OK;
}
