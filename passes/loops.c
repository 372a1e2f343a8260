/* Finding loops by their axis, and what they compute: see loops.h. */
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

Op *loop_mask(const Op *loop) {
    for (Op *op = loop->region->first; op; op = op->next)
        if (op->code == OP_MASK)
            return op;
    return NULL;
}

Status match_residual(Ctx *ctx, const char *pass, const Op *loop, Residual *out) {
    const Block   *region = loop->region;
    const Op      *sum = ir_terminator(region)->in[0]->def;
    const DotParts outer = sum && sum->code == OP_DOT ? ir_dot_parts(sum) : (DotParts){0};
    Op *const      mask = outer.x ? outer.x->def : NULL;
    const Op      *score = mask && mask->code == OP_MASK ? mask->in[0]->def : NULL;
    if (outer.acc != region->args[1] || !score || score->code != OP_DOT || !defined_outside(score->in[0], region))
        return ctx_fail(ctx, ST_FAILED, pass, NULL, "the residual branch is not a masked product of features");
    *out = (Residual){score->in[0], score->in[1], outer.y, mask};
    return ST_OK;
}
