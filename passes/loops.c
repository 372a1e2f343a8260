/* Finding loops by their axis: see loops.h. */
#include "passes/loops.h"

#include <string.h>

bool loop_is(const Op *op, const char *axis) { return op->code == OP_FOR && strcmp(op_text(op, AT_AXIS), axis) == 0; }

Op *loop_find(Block *block, const char *axis) {
    for (Op *op = block->first; op; op = op->next) {
        if (loop_is(op, axis))
            return op;
        Op *inner = op->region ? loop_find(op->region, axis) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

Op *loop_around(const Op *op, const char *axis) {
    for (Op *at = op->parent ? op->parent->owner : NULL; at; at = at->parent ? at->parent->owner : NULL)
        if (loop_is(at, axis))
            return at;
    return NULL;
}
