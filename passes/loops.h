/* Finding the loops that the passes on tiles speak of. */
#ifndef RATTAN_PASSES_LOOPS_H
#define RATTAN_PASSES_LOOPS_H

#include "passes/rewrite.h"

bool loop_is(const Op *op, const char *axis);
Op  *loop_find(Block *block, const char *axis); /* the first in printing order, or NULL */
/* The nearest loop of that axis around op, or NULL. */
Op *loop_around(const Op *op, const char *axis);

#endif
