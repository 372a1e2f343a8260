/* exponent: powers of e as powers of two, the only ones a GPU computes.
 * In: tile IR with exp(c (a x - m)), where m is a column, a row or a number and a, c are constants. Out: exp2(x * k - m * k'):
 * one fused operation an element, the constants folded into it. Its rounding is relative to m, so columns and rows keep the
 * difference: a maximum that did not move, however large, gives exactly 1. */
#include "passes/rewrite.h"

#include <math.h>

/* Takes signs and constant factors off a value. */
static Value *strip_factors(Value *value, double *factor) {
    double c;
    for (const Op *op = value->def; op; op = value->def) {
        if (op->code == OP_NEG)
            c = -1;
        else if (op->code != OP_MUL || !is_constant_tile(op->in[1], &c) || !type_equal(op->in[0]->type, value->type))
            break;
        *factor *= c;
        value = op->in[0];
    }
    return value;
}

/* A factor that neither vanishes nor overflows in fp32, nor turns -inf into anything else. */
static bool is_usable(double factor) { return fabs(factor) > 1e-30 && fabs(factor) < 1e30; }

/* c x, masked with -inf for a power that is 0 there: the mask takes x, as it is, where c > 0. -> what is masked then. */
static Value *strip_masked(Kernel *kernel, const Op *shift, double *factor) {
    Op *const mask = shift->in[0]->def;
    double    inside = 1;
    if (!mask || mask->code != OP_MASK || op_float(mask, AT_FILL, 0) != -INFINITY || ir_use_count(kernel, mask->out[0]) != 1 ||
        ir_use_count(kernel, shift->out[0]) != 1)
        return shift->in[0];
    Value *const x = strip_factors(mask->in[0], &inside);
    if (inside > 0 && is_usable(inside)) {
        mask->in[0] = x;
        *factor *= inside;
    }
    return mask->out[0];
}

typedef struct Exponent {
    Ctx    *ctx;
    Kernel *kernel;
    int     made; /* powers of two */
} Exponent;

static bool visit(Op *op, void *arg) {
    Exponent       *e = arg;
    double          outer = 1.4426950408889634074, inner = 1;
    if (op->code != OP_EXP)
        return true;
    const Op *shift = strip_factors(op->in[0], &outer)->def;
    if (!shift || shift->code != OP_SUB || (shift->in[1]->type.cols != 1 && shift->in[1]->type.rows != 1) ||
        !type_equal(shift->out[0]->type, shift->in[0]->type) || !is_usable(outer))
        return true;
    Value *x = strip_factors(strip_masked(e->kernel, shift, &inner), &inner);
    if (!is_usable(outer * inner)) {
        x = shift->in[0];
        inner = 1;
    }
    Builder b = ir_before(e->ctx, e->kernel, op);
    e->made++;
    if (x->type.cols == 1 || x->type.rows == 1) {
        Value *const scaled = ir_binary(&b, OP_MUL, shift->out[0], ir_f(&b, outer, 1, 1));
        ir_replace_uses(e->kernel, op->out[0], ir_unary(&b, OP_EXP2, scaled));
        op_erase(op);
        return true;
    }
    Value *const start = ir_binary(&b, OP_MUL, shift->in[1], ir_f(&b, -outer, 1, 1));
    Value *const power = ir_fma(&b, x, ir_f(&b, outer * inner, 1, 1), start);
    ir_replace_uses(e->kernel, op->out[0], ir_unary(&b, OP_EXP2, power));
    op_erase(op);
    return true;
}

Status pass_exponent(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Exponent e = {ctx, module->kernels[k], 0};
        ir_walk(e.kernel->body, visit, &e);
        if (e.made)
            pass_note(ctx, args, e.kernel, "powers of e made powers of two of one fused operation: %d", e.made);
    }
    return ST_OK;
}
