/* States that are written once in L tokens (a spec's fold = L): positions, and a decoding step's rows on CPUs. */
#ifndef RATTAN_PASSES_FOLD_H
#define RATTAN_PASSES_FOLD_H

#include "passes/loops.h"

/* The tokens of a kernel's sequence before position 0; NULL where there are no pools. */
Value *fold_seen(Kernel *kernel);
/* The first position whose key is not in the state that belongs in front of `position`. */
Value *fold_first(const Spec *spec, Builder *b, Value *seen, Value *position);
/* As many of `length` tokens as the state behind them is of. seen: NULL is 0. */
Value *fold_folded(const Spec *spec, Builder *b, Value *seen, Value *length);

/* Rewrites the residual branch of `main`, tile IR of kind decode: S is the pool's, and the keys that are not in it yet,
 * fewer than L and those that leave the window with this row tile, are a tile beside it. -> the branch behind each row tile
 * that is taken where S moves on, still without an end, and what is then to be added to the pool's states. */
Status fold_steps(Ctx *ctx, Kernel *main, const PassArgs *args, Op **moves, Value **sum);

#endif
