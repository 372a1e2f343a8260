/* What the kernel kinds share: the parameters of a layer, the loop nest around a row, and the formulas of the two branches
 * (RATTENTION.md). Each kind is one file that lays these out; `kind_build` dispatches by KERNEL_KINDS. */
#ifndef RATTAN_FRONTEND_KINDS_KINDS_H
#define RATTAN_FRONTEND_KINDS_KINDS_H

#include "frontend/frontend.h"

/* Positions are relative: 0 is the first token of q in its sequence. Keys before it (negative positions) exist where a
 * kind has rings. A Nest holds the values that the formulas of one sequence and key/value head need. */
typedef struct Nest {
    Ctx        *ctx;
    const Spec *spec;
    Kernel     *kernel;
    int         variant;
    bool        pooled;      /* rings and states by slot */
    int64_t     ring_rows;
    Value      *n, *kv_head; /* loop variables */
    Value      *batch;       /* coordinate of dim 0 of q, k, v, o */
    Value      *first;       /* coordinate of position 0 in dim 1 */
    Value      *end;         /* coordinate past the last token */
    Value      *length;      /* tokens of this sequence in q */
    Value      *origin;      /* absolute position of position 0: for rope */
    Value      *oldest;      /* the first position whose key exists: 0, or down to -window */
    Value      *slot;        /* pooled: of the pools */
    Value      *seen;        /* pooled: tokens before position 0 */
    Value      *state_rows;  /* pooled: F, or 0 where the slot is -1: the rows of the state that may be touched */
} Nest;

/* Declares the inputs that every kind has, in the order of the launch, then the kind's own follow. */
void kind_inputs(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows);

/* Opens `for seq { for kv_head {` and fills the nest; the returned Builder stands inside. kind_close ends both. */
Builder kind_open(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows, Nest *nest);

/* key and value row j of the nest's head, from the ring or the new tokens (1 x D, 1 x E). */
Value *kind_key(Builder *b, const Nest *nest, Value *j);
Value *kind_value(Builder *b, const Nest *nest, Value *j);

/* phi(x), x 1 x D -> 1 x F: the spec's traced feature map. */
Value *kind_feature_map(Builder *b, const FeatureMap *map, Value *x);
/* phi(k_j * k_scale). */
Value *kind_key_features(Builder *b, const Nest *nest, Value *j);

/* sum over j in [oldest, end of row range - W) of phi(k_j)^T v_j: the addition to the state once `length` tokens are in. */
Value *kind_state_sum(Builder *b, const Nest *nest);

/* Everything for the rows of the nest: loops over rows and group heads, both branches, norms, mix, stores. */
void kind_rows(Builder *b, const Nest *nest);

Status kind_forward(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
Status kind_decode(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
Status kind_extend(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);

#endif
