/* Whether what a program computes depends on a value at all where it can be shown that it does not. */
#ifndef RATTAN_PASSES_SHIFT_H
#define RATTAN_PASSES_SHIFT_H

#include "ir/ir.h"

/* Is all that is computed from `number` (1 x 1, of loop IR) the same whatever constant is added to it? Then its gradient
 * is zero. False where this cannot be shown, and where nothing uses it. See shift.c. */
bool shift_invariant(const Value *number);

#endif
