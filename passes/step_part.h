/* What the files of a decoding step's parts share: a part while it is built. See step_parts.c. */
#ifndef RATTAN_PASSES_STEP_PART_H
#define RATTAN_PASSES_STEP_PART_H

#include "passes/flip.h"
#include "passes/step.h"

typedef struct Part {
    Step   *s;
    Builder b;            /* inside of the loops over rows and heads */
    Value  *part, *count; /* number of this part, of all */
    Value  *row, *group;
    Value  *top;       /* the first position behind the keys of this row tile */
    Value  *k, *v, *p; /* rings: keys (NULL: they go through registers), values, exponentials of scores */
    Value  *q, *phi;   /* rows of q; slices of phi(q)^T */
    Value  *edge_phi, *edge_v, *edge_p; /* of the keys that leave the window: phi(k)^T, values, scores^T */
    Value  *leaving;       /* keys of the first tile of these, where they are in registers */
    Value  *first, *moves; /* the first key that S has not; whether S takes some behind this tile of rows and heads (NULL: always) */
    Value  *raw_q, *edge_k; /* what features are made of: rows of q, as above, and leaving keys (NULL: from memory) */
    bool    q_fetched;
    bool    flipped; /* features are made transposed, as phi wants them; else phi has rows of q, and so on */
} Part;

/* Rows of q, and keys and values that leave the window, on their way. */
typedef struct FewRows {
    Flip      rows;
    const Op *sum; /* what main has for the leaving keys */
    Value    *leaving;
    Value    *first, *count; /* position of the first one, how many */
} FewRows;

/* ---- step_parts.c ---- */

/* A tile into a slot of a ring, in the ring's type; its transposed form. */
void   step_put(const Step *s, Builder *b, Value *ring, Value *slot, Value *tile);
Value *step_transposed(Builder *b, Value *tile);
/* Main's rows and heads are the part's. */
ValueMap step_map(const Part *p);
Flip     step_flip(const Part *p);
/* The sum of a ring's rows and new tokens that `value` is computed from; numbers beside them have none. */
const Op *step_sources(const Value *value);
/* Fetches what `load` loads, at other coordinates and bounds `at`, or at its own as `map` has them; onto: see ops.def. */
void step_fetch_at(const Part *p, Builder *b, const Op *load, Value *ring, Value *slot, Value *const *at, int period, int onto);
void step_fetch(const Part *p, Builder *b, const Op *load, Value *ring, Value *slot, ValueMap *map, int period, int onto);
int  step_onto(const Op *load); /* the ring has the keys before the new tokens */

/* ---- step_edges.c ---- */

void step_find_waiting(Part *p); /* with a fold: which keys S has not */
/* Rows of q and leaving keys are fetched; those that are there become features. */
Status step_fetch_rows(Part *p, FewRows *few);
Status step_put_rows(Part *p, FewRows *few);
/* What the keys that S has not give to the rows of this tile. */
Status step_sum_edges(Part *p, Value **residual);

#endif
