/* What the files of pass tile share: see tile.c. */
#ifndef RATTAN_PASSES_TILE_H
#define RATTAN_PASSES_TILE_H

#include "passes/rewrite.h"

/* What a value of the loop level changes with. */
enum { DEP_ROW = 1, DEP_GROUP = 2, DEP_KEY = 4, DEP_QUERY = DEP_ROW | DEP_GROUP };

/* The range of j as seen from row i: oldest <= j, i + lo <= j <= i + hi; IR_NEG_INF where there is no lower end. */
typedef struct Range {
    Value  *oldest;
    int64_t lo, hi;
} Range;

typedef struct Tiler {
    Ctx            *ctx;
    const Spec     *spec;
    const Schedule *schedule;
    bool            raw_scores; /* softmax in units of the product, the factor in the exponent */
    Kernel         *to;
    Value         **map; /* by id of the loop-level value */
    uint8_t        *dep;
    int             chunk;         /* rows of the current row loop, 1 outside of one */
    int             heads;         /* of the current group loop, 1 outside of one */
    int             keys;          /* rows of a key tile in the current reduction, 0 outside of one */
    Value          *row, *old_row; /* first row of the tile; the loop-level row */
    const Value    *old_key;       /* the loop-level key, NULL outside of a reduction */
    const Range    *range;         /* of keys, where the scores of a sum are made; else NULL */
    Value          *key;           /* first key of the tile */
    bool           *vanishes;      /* by id: scores that are 0 where masked */
    bool           *joined;        /* by id: of a concatenation, and the same for every row */
    int             value_count;   /* ids of the loop-level kernel */
    Value          *length;        /* rows there are: the row loop's end */
} Tiler;

static inline Value *get(const Tiler *t, const Value *old) { return t->map[old->id]; }
static inline int    dep(const Tiler *t, const Value *old) { return t->dep[old->id]; }

static inline void set(Tiler *t, const Value *old, Value *value, int dependence) {
    t->map[old->id] = value;
    t->dep[old->id] = (uint8_t)dependence;
    if (value && !value->name)
        value->name = old->name;
}

static inline int operands_dep(const Tiler *t, const Op *op) {
    int all = 0;
    for (int i = 0; i < op->in_count; i++)
        all |= dep(t, op->in[i]);
    return all;
}

static inline Status unsupported(Tiler *t, const Op *op, const char *what) {
    char place[96];
    return ctx_fail(t->ctx, ST_FAILED, ir_describe(op, place, sizeof place),
                    "write the kind so that scores are scalars", "pass tile cannot make tiles of %s", what);
}

static inline int query_rows(const Tiler *t) { return t->chunk * t->heads; }

/* Rows of the tile that stands for a one-row value. */
static inline int rows_of(const Tiler *t, int dependence) {
    if (dependence & DEP_KEY)
        return t->keys;
    if (dependence & DEP_ROW || (dependence & DEP_GROUP && t->heads > 1))
        return query_rows(t);
    return 1;
}

/* The key tiles of a row tile: number m starts at position base + m * size. */
typedef struct KeyTiles {
    Value *base, *first, *count;
    int    size;
} KeyTiles;

/* ST_FAILED: keys that end anywhere but at the row, or another lower end. */
Status   tile_find_range(Tiler *t, const Op *op, Range *range);
KeyTiles tile_key_tiles(Tiler *t, Builder *b, Op *op, const Range *range);
Value   *tile_masked(Tiler *t, Builder *b, Value *score, Value *key, const Range *range, double fill);
/* Builds the region of a reduction for the tile of keys that starts at `key`. */
Status tile_region(Tiler *t, Builder *b, Op *op, Value *key, int keys);
Status tile_op(Tiler *t, Builder *b, Op *op);

/* tile_sums.c: an op `sum`, with those that can run beside it; nothing if it has. */
Status tile_sum(Tiler *t, Builder *b, Op *op);
/* Does it add up products of a column and a row? */
bool tile_is_outer_product(const Op *sum);
/* In a loop over keys: the product that op adds to a key's row in memory, or NULL; and whether op is such a product. */
const Op *tile_added_product(const Op *op);
bool      tile_is_added(const Op *op);
Status    tile_addition(Tiler *t, Builder *b, Op *op, const Op *product);

#endif
