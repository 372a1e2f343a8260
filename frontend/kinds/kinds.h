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
    bool        again;       /* what rows keep is an input; what is computed of it has names of its own */
    int64_t     ring_rows;
    Value      *n, *kv_head; /* loop variables */
    Value      *batch;       /* coordinate of dim 0 of q, k, v, o */
    Value      *first;       /* coordinate of position 0 in dim 1 */
    Value      *end;         /* coordinate past the last token */
    Value      *length;      /* tokens of this sequence in q */
    Value      *origin;      /* absolute position of position 0: for rope */
    Value      *oldest;      /* the first position whose key is no part of a state: 0, or down to -window - (fold - 1) */
    Value      *folded;      /* as many of the tokens as the state is of once all are in: see kind_open */
    Value      *row;         /* the first row of the loop over rows, or NULL: 0 */
    Value      *slot;        /* pooled: of the pools */
    Value      *seen;        /* pooled: tokens before position 0 */
    Value      *state_rows;  /* pooled: F, or 0 where the slot is -1: the rows of the state that may be touched */
} Nest;

/* Declares the inputs of a layer, in the order of the launch. */
void kind_layer(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows);
/* These, then o and the outputs that the variant asks for. */
void kind_inputs(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows);

/* With fold = L a state is the one that the last multiple of L tokens left: after p tokens it has those before
 * p - p mod L - W, and the keys from there on, at most W + L - 1, are in the ring. It follows from p alone, so that each
 * sequence of a batch may be anywhere.
 * Opens `for seq { for kv_head {` and fills the nest; the returned Builder stands inside. kind_close ends both. */
Builder kind_open(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows, Nest *nest);

/* Of so many tokens those that came after the last multiple of L. */
Value *kind_since_fold(Builder *b, const Nest *nest, Value *tokens);

/* key and value row j of the nest's head, from the ring or the new tokens (1 x D, 1 x E). */
Value *kind_key(Builder *b, const Nest *nest, Value *j);
Value *kind_value(Builder *b, const Nest *nest, Value *j);

/* phi(x), x 1 x D -> 1 x F: the spec's traced feature map. */
Value *kind_feature_map(Builder *b, const FeatureMap *map, Value *x);
/* phi(k_j * k_scale). */
Value *kind_key_features(Builder *b, const Nest *nest, Value *j);

/* sum over j in [oldest, folded - W) of phi(k_j)^T v_j: the addition to the state once all tokens are in. */
Value *kind_state_sum(Builder *b, const Nest *nest);

/* Adds kernel `state`, which stores final_state, with the parameters of `like`. */
void kind_final_state(Ctx *ctx, const Kernel *like, const Spec *spec, int variant, Module *module);

/* Everything for the rows of the nest: loops over rows and group heads, both branches, norms, mix, stores. */
void kind_rows(Builder *b, const Nest *nest);

Status kind_forward(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
Status kind_decode(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
/* What decode and extend mean. Aligned: the loop over rows begins at a multiple of L, so that its tiles do too and S, which
 * goes from tile to tile, is one that may be kept; rows before position 0 load as zeros and are not stored. */
Status kind_on_pools(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, bool aligned, Module *module);
Status kind_extend(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
/* The forward program with parameters for gradients, which pass differentiate turns into theirs. */
Status kind_backward(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);

#endif
