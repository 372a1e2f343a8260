/* What the files of pass `step` share: a decoding step as the pass found it. */
#ifndef RATTAN_PASSES_STEP_H
#define RATTAN_PASSES_STEP_H

#include "passes/fold.h"

enum { STEP_TILE = 16 /* rows of the tiles that write rings */ };

typedef struct Step {
    Ctx            *ctx;
    Module         *module;
    const PassArgs *args;
    Kernel         *main, *state;
    Op             *seq, *heads, *rows, *group; /* main's loops */
    Op             *keys, *residual;            /* its two reductions */
    Op             *score, *mask;               /* of the keys */
    Value          *key, *values;               /* position of a key tile's first key; its values */
    Residual        sum;                        /* a turn of the residual loop */
    Value          *edge;                       /* the position of its first key */
    Op             *product, *total;            /* phi(q) S; what adds it to the residual sum */
    const Op       *pool, *query;               /* the loads of S and of q */
    Value          *key_features[MAX_PIECES], *features[MAX_PIECES]; /* phi(k), phi(q) in equal pieces */
    int             pieces, width;                                   /* of F: how many, and how wide each */
    int             slice, slices;    /* rows of S in registers at once, how many of these */
    double          unit;             /* of the scores in the exponent */
    int             M, C, K, D, E, F; /* rows, positions of a tile; keys of one; dims */
    Value          *map_input; /* the tile of keys that the feature map is given */
    double          absent;    /* what it is given for keys that are not there */
    int             L, edges, edge_rows; /* the spec's fold; tiles of keys that S takes at once, rows of one */
    DType           dtype;            /* of the products */
} Step;

/* The load of rows that `value`, q's or its features, is computed from. */
const Op *step_rows_of(const Value *value);

/* Partial results of the parts: rows of the query tile, and the columns where each begins. */
Access step_partial(const Step *s, Builder *b, Value *part, ValueMap *map);
#define STEP_SWA(s) 0
#define STEP_RLA(s) ((s)->E)
#define STEP_MOST(s) (2 * (s)->E)
#define STEP_SUM(s) (2 * (s)->E + 1)

/* e^(x - y), both in units of the scores. */
Value *step_power(const Step *s, Builder *b, Value *x, Value *y);

/* Builds the loop over parts at b, which stands before the row loop. */
Status step_parts(Step *s, Builder *b);

/* Puts reductions of columns side by side: see step_order.c. */
void step_join_reductions(Step *s, Block *block);

#endif
