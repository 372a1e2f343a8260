/* A stand-in for a server: feeds whole sequences to an extend or decode kernel piece by piece, through pools of rings
 * and states. It does what a real one may: sequences in any order, in slots of its own choosing, at different
 * positions, some of them sitting a step out (slot -1). Afterwards it says whether anything was touched that should not
 * have been. */
#ifndef RATTAN_DRIVER_SERVING_H
#define RATTAN_DRIVER_SERVING_H

#include "driver/layer_case.h"

typedef struct Serving {
    Session           *session;
    const ReadyKernel *kernel;
    const TensorSet   *inputs; /* whole sequences, rounded to the spec's dtype */
    Random            *random;
    bool               packed;                           /* pieces of different lengths */
    int64_t            piece;                            /* tokens of every piece; packed: a power of two to which their
                                                          * mean is rounded up; 0: any number */
    int64_t            N, T;                             /* sequences; dim 1 of q */
    int64_t            slots;                            /* P */
    int64_t           *slot, *position, *begin, *length; /* of each sequence */
    TensorSet          pools, spare;                     /* ring_k, ring_v, state; as they were at first */
    Tensor             o;                                /* what came out, laid out as forward's o */
    bool               skipped_untouched;                /* o of sequences that sat out was never written */
} Serving;

/* Empty pools and positions 0. The kernel's code object decides the ring's rows. */
void serving_open(Ctx *ctx, Serving *serving);
/* Feeds pieces of up to `most` tokens until every sequence has `until` tokens, or all it has. Memory of the steps is
 * freed. */
Status serving_feed(Ctx *ctx, Serving *serving, const ReadyKernel *kernel, int64_t most, int64_t until);
/* Whether slots that belong to no sequence still hold what they held. */
bool serving_spare_untouched(const Serving *serving);
/* Whether ring_k or ring_v ("k", "v") hold the last keys or values of each sequence. */
bool serving_ring_right(const Serving *serving, const char *what);
/* The states in the order of the sequences, as final_state. */
Tensor serving_states(Ctx *ctx, const Serving *serving);

#endif
