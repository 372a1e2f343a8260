/* Windows, contexts and feature maps of a layer beside full attention: what is measured, what a model says of the rest,
 * and what follows. See cmd_explore.c for what is shown. */
#ifndef RATTAN_DRIVER_EXPLORE_H
#define RATTAN_DRIVER_EXPLORE_H

#include <jansson.h>

#include "driver/explore_measure.h"
#include "driver/explore_model.h"
#include "driver/quantity.h"

enum { EXPLORE_MAPS = 8, EXPLORE_SEQUENCES = 8 /* that a step of decode is for */, EXPLORE_KINDS = 3 };
enum { MAP_FULL = -1 };

/* What is asked for. */
typedef struct ExploreAsk {
    Quantities  windows, contexts;
    const char *maps[EXPLORE_MAPS]; /* names */
    int         map_count;
    double      budget; /* seconds to measure for */
} ExploreAsk;

/* The times of a kind and map over windows and contexts; of full attention over contexts. */
typedef struct ExploreSeries {
    KernelKind   kind;
    int          map; /* MAP_FULL: full attention */
    MeasurePoint points[MODEL_SAMPLES];
    int64_t      windows[MODEL_SAMPLES]; /* of the points; 0: full attention */
    int          count;
    TimeModel    model;
    double       miss;    /* by how much predictions were off at most, relative, when they were then measured */
    int          checked; /* how many predictions those were */
    const char  *missing; /* why there are no times; NULL: there are */
} ExploreSeries;

typedef struct ExploreCell {
    double seconds;
    bool   measured;
    double spread; /* where measured */
} ExploreCell;

enum { LANDSCAPE_MOST = 12 };

/* Times of schedules by two of their fields, relative to the default's. */
typedef struct Landscape {
    int         chunks[LANDSCAPE_MOST], key_tiles[LANDSCAPE_MOST], chunk_count, key_tile_count;
    ExploreCell cells[LANDSCAPE_MOST][LANDSCAPE_MOST]; /* [chunk][key_tile]; seconds: the ratio, 0: impossible */
    const char *source;
} Landscape;

typedef struct Explore {
    Session        *session;
    const SpecItem *item;
    ExploreAsk      ask;
    MeasureTools    tools;
    Spec            layers[EXPLORE_MAPS]; /* a map each; the window is set where it is used */
    Spec            full;
    ExploreSeries  *series; /* of kind k: full attention at k * (map_count + 1), then the maps */
    int             series_count;
    int64_t         window; /* of the windows the one nearest to the spec's own: for the landscape and the tiles */
    Landscape       landscape;
    double          started, finished;
} Explore;

/* Checks what is asked for against the spec; loads the maps. Nothing is measured yet. ST_USAGE with a remedy. */
Status explore_plan(Ctx *ctx, Session *session, const SpecItem *item, const ExploreAsk *ask, Explore *out);
/* Measures and fits. Of kinds that cannot be had here `missing` says why; without forward it fails. */
Status explore_run(Ctx *ctx, Explore *explore);
/* explore_landscape.c: what the tuning database knows of the window, else a few schedules measured and the rest by
 * their cost. */
Status explore_landscape(Ctx *ctx, Explore *explore, int64_t tokens, double deadline);

int64_t              explore_sequences(KernelKind kind); /* that a launch is for */
const ExploreSeries *explore_series(const Explore *explore, KernelKind kind, int map);
/* The layer that a series times at a window and context. Decoding with full attention: a window of the whole context.
 */
Spec explore_spec(const Explore *explore, const ExploreSeries *series, int64_t window, int64_t context);
/* Are there times? Decoding with full attention has those of the first map. */
bool        explore_has(const ExploreSeries *series);
ExploreCell explore_cell(const Explore *explore, const ExploreSeries *series, int64_t window, int64_t context);
/* As model_break_even. */
int64_t explore_break_even(const Explore *explore, KernelKind kind, int map, int64_t window);

/* Bytes that a sequence carries through all layers of the file's model, its windows set to `window` (0: full attention
 * in every layer); 0 where the file is no model. */
double explore_model_bytes(const Explore *explore, int map, int64_t window, int64_t context);

/* explore_json.c: all of it, for the page and for files. */
json_t *explore_json(Ctx *ctx, const Explore *explore);

extern const KernelKind EXPLORE_KIND[EXPLORE_KINDS];

#endif
