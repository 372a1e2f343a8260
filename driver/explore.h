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

/* A prediction far beyond the contexts known, held against a measurement. */
typedef struct FarProbe {
    int64_t context;
    double  beyond; /* how many times the longest context known before; 0: there was no time for one */
    double  miss;   /* relative */
} FarProbe;

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
    FarProbe     far;
    const char  *missing; /* why there are no times; NULL: there are */
} ExploreSeries;

typedef struct ExploreCell {
    double seconds;
    bool   measured;
    double spread; /* where measured */
    double beyond; /* where modelled: how many times the longest context that the model knows; 1: within */
} ExploreCell;

/* Where the number of a break-even comes from. */
typedef enum EvenFrom {
    EVEN_UNKNOWN,  /* there are no times */
    EVEN_CROSSING, /* the fits of layer and full attention cross there */
    EVEN_WINDOW,   /* faster from window + 1 on: below it the layer sees as many keys as full attention */
    EVEN_MEASURED, /* faster at the shortest context measured; what is below was not looked at */
    EVEN_BYTES,    /* decode: a step reads fewer bytes from there on */
    EVEN_NOT_FOUND /* the fits do not cross: the contexts measured are too short to show how full attention grows */
} EvenFrom;

/* The context from which on a layer beats full attention; 0: none. */
typedef struct BreakEven {
    EvenFrom from;
    int64_t  context, early, late; /* early, late: where it were if the layer took less or more time by the noise */
} BreakEven;

enum { LANDSCAPE_MOST = 12 };

/* Times of schedules by two of their fields, relative to the default's. */
typedef struct Landscape {
    int         chunks[LANDSCAPE_MOST], key_tiles[LANDSCAPE_MOST], chunk_count, key_tile_count;
    ExploreCell cells[LANDSCAPE_MOST][LANDSCAPE_MOST]; /* [chunk][key_tile]; seconds: the ratio, 0: impossible */
    int         chunk, key_tile;                       /* the default's numbers in these; -1: not in them */
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
/* The longest context that was measured; of decode the rows of its ring count, as many as the window at most. */
int64_t explore_known(const ExploreSeries *series);
/* By the fit over all windows and contexts of the series: see model_fitted. */
double explore_fitted(const ExploreSeries *series, const Spec *spec, int64_t context);
Spec   explore_full_attention(const Spec *layer);

/* explore_follow.c: what follows from the times.
 * Of forward and backward by the fits over all windows and contexts, never below the window nor below the shortest
 * context measured; it rises with the window. Of decode by bytes: see carried_break_even. */
BreakEven explore_break_even(const Explore *explore, KernelKind kind, int map, int64_t window);
/* Are two times of layer and full attention nearer to each other than noise lets one tell? */
bool explore_within_noise(const Explore *explore, KernelKind kind, int map, double layer, double full);

/* Bytes that a sequence carries through all layers of the file's model, its windows set to `window` (0: full attention
 * in every layer); 0 where the file is no model. */
double explore_model_bytes(const Explore *explore, int map, int64_t window, int64_t context);
/* Likewise the times of all layers, one after the other: layers' times times their counts. 0 where the file is no
 * model, there are no times, or a layer has other sizes than the explored one. */
double explore_model_seconds(const Explore *explore, KernelKind kind, int map, int64_t window, int64_t context);

/* explore_words.c: the same words for page, data and terminal. */
enum { EXPLORE_SENTENCES = 12 };
typedef struct Sentences {
    const char *items[EXPLORE_SENTENCES];
    int         count;
} Sentences;
/* Of a map: what was found of the window nearest to the spec's at the longest context. */
void        explore_conclusions(Ctx *ctx, const Explore *explore, int map, Sentences *out);
const char *explore_even_words(Ctx *ctx, const BreakEven *even); /* for a table: "1310", "<=512 (noise: to 700)" */

/* explore_json.c: all of it, for the page and for files. */
json_t *explore_json(Ctx *ctx, const Explore *explore);

extern const KernelKind EXPLORE_KIND[EXPLORE_KINDS];

#endif
