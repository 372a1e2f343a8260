/* The float64 reference of RATTENTION's gradients, the counterpart of reference.h: kernels of the backward pass are
 * judged against it, so it shares no code with them.
 *
 * In:  a spec and, by name, the inputs of the layer as reference.h has them, with
 *      do            [B,T,H,E]: the gradient of o
 *      dfinal_state  [N,Hk,F,E], or [N,H,F,E] with h0: the gradient of final_state. May be absent; ignored where full.
 *      Any floating types. The shapes of the layer's inputs are the caller's to check (case_check).
 * Out: the gradient of sum(do * o) + sum(dfinal_state * final_state) by each floating input that the spec has, under
 *      that input's name and with its dims, as fp64: q, k, v; swa_norm, rla_norm; sink; q_scale, k_scale; h0.
 * Always: the same bits with any number of threads. The subgradients at a feature map's kinks are map_gradient.h's.
 *      A row of the residual branch that sees no state (no key has left the window, no h0) adds exactly zero.
 *
 * Time: O(T W (D + E)) a head for the softmax branch, O(T F E) for the residual one. Memory beyond the gradients: a
 * thread's keys and values of a window, one state, and rla's gradient of one sequence and group, [T,G,E]; and [N,H,E]
 * for each gain. */
#ifndef RATTAN_DRIVER_GRADIENTS_H
#define RATTAN_DRIVER_GRADIENTS_H

#include "base/spec.h"
#include "driver/tensor_set.h"
#include "driver/terminal.h"

typedef struct GradientsRequest {
    const Spec      *spec;
    const TensorSet *inputs;
    int64_t          position; /* of each sequence's first token, for rope */
    int              threads;  /* < 1: one */
    Progress        *progress; /* started; stepped by tokens. NULL: none */
    bool             single;   /* evaluated in float32: what sums and products give is rounded to that; feature maps are exact */
} GradientsRequest;

/* ST_USAGE: an input is missing, or do or dfinal_state is not of its shape. */
Status gradients_run(Ctx *ctx, const GradientsRequest *request, TensorSet *out);

#endif
