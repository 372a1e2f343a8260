/* The layer of train.lua and its gradients, each sum written out over all keys, in float64: what the kernels' training
 * is compared with. */
#ifndef EXAMPLES_TRAIN_WRITTEN_OUT_H
#define EXAMPLES_TRAIN_WRITTEN_OUT_H

enum { HEADS = 4, KV_HEADS = 2, HEAD_DIM = 16, WINDOW = 16 };

/* q, o [batch, tokens, HEADS, HEAD_DIM], k, v [batch, tokens, KV_HEADS, HEAD_DIM], gains [HEADS, HEAD_DIM]. */
typedef struct Attention {
    const float *q, *k, *v, *swa_norm, *rla_norm;
    float       *o;
    float       *lse, *swa, *rla; /* what the kernels' forward saves for backward; sums written out have no use for it */
    const float *d_o;
    float       *dq, *dk, *dv, *dswa_norm, *drla_norm;
} Attention;

void dense_forward(const Attention *a, int batch, int tokens);
void dense_backward(const Attention *a, int batch, int tokens); /* writes every gradient */

#endif
