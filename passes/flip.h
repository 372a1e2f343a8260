/* Values as seen from the side: rows for columns. */
#ifndef RATTAN_PASSES_FLIP_H
#define RATTAN_PASSES_FLIP_H

#include "passes/loops.h"

/* Start with the context, the kernel and the region whose values are made anew (NULL: they are used as they are);
 * `map` gives what its index values and numbers become, `flipped` the transposed tiles that are known. */
typedef struct Flip {
    Ctx         *ctx;
    Kernel      *kernel;
    const Block *region;
    ValueMap     map, flipped;
} Flip;

/* Makes at b the transposed tile of `value`, from loads that are transposed on their way and ops that act element by
 * element or on rows, which become columns. ST_USAGE where there is another op. */
Status flip_value(Flip *f, Builder *b, Value *value, Value **out);

#endif
