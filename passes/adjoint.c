/* The derivative of each op: see adjoint.h. Rules are of one row: y = op(x0, x1, ...), dy given, what each operand
 * gets. Where an operand has one column and y has several, it gets the sum over columns. At kinks the gradient is
 * shared: the larger of two gets all, equal ones half, equal maxima of a row equal parts; relu and abs have none at 0. A root's
 * slope at 0 is LEAST_ROOT's, so that behind a relu, or another map that is flat there, nothing is left of it.
 * A maximum that no result depends on, as a softmax's, has none. */
#include "passes/adjoint.h"

#include "passes/shift.h"

static Value *here(const Adjoint *a, Value *value) { return map_get(a->values, value); }
static Value *constant(const Adjoint *a, double value) { return ir_f(a->b, value, 1, 1); }
/* A scalar stands before the row that it scales. */
static Value *times(const Adjoint *a, Value *x, Value *y) {
    const bool swap = y->type.cols == 1 && x->type.cols > 1;
    return ir_binary(a->b, OP_MUL, swap ? y : x, swap ? x : y);
}
static Value *plus(const Adjoint *a, Value *x, Value *y) { return ir_binary(a->b, OP_ADD, x, y); }
static Value *minus(const Adjoint *a, Value *x, Value *y) { return ir_binary(a->b, OP_SUB, x, y); }

static Value *widened(const Adjoint *a, Value *gradient, Type type) {
    if (gradient->type.cols == type.cols)
        return gradient;
    return plus(a, ir_f(a->b, 0, type.rows, type.cols), gradient);
}

void adjoint_add(Adjoint *a, Value *value, Value *gradient) {
    if (value->def && value->def->code == OP_FCONST)
        return;
    if (value->type.cols == 1 && gradient->type.cols > 1)
        gradient = ir_unary(a->b, OP_ROWSUM, gradient);
    Value *const before = adjoint_of(a, value);
    a->gradients.ctx = a->ctx;
    map_set(&a->gradients, value, before ? plus(a, before, gradient) : gradient);
}

Value *adjoint_of(const Adjoint *a, Value *value) {
    Value *const found = map_get(&a->gradients, value);
    return found == value ? NULL : found;
}

Value *adjoint_of_whole(const Adjoint *a, Value *value) {
    Value *const gradient = adjoint_of(a, value);
    return gradient ? widened(a, gradient, value->type) : NULL;
}

static Value *step(const Adjoint *a, Value *x) { return ir_unary(a->b, OP_STEP, x); }

/* What the operand gets of dy where y is the larger of it and another one that is `by` smaller. */
static Value *share(const Adjoint *a, Value *dy, Value *by) {
    Value *const sign = minus(a, step(a, by), step(a, ir_unary(a->b, OP_NEG, by)));
    return times(a, dy, plus(a, times(a, sign, constant(a, 0.5)), constant(a, 0.5)));
}

/* y = x0 * x1: dx0 = dy * x1. */
static void factor(Adjoint *a, const Op *op, int operand, Value *dy) {
    Value *const other = here(a, op->in[1 - operand]);
    adjoint_add(a, op->in[operand], times(a, dy, other));
}

static void quotient(Adjoint *a, const Op *op, Value *dy) {
    Value *const part = ir_binary(a->b, OP_DIV, dy, here(a, op->in[1]));
    adjoint_add(a, op->in[0], part);
    adjoint_add(a, op->in[1], ir_unary(a->b, OP_NEG, times(a, part, here(a, op->out[0]))));
}

static void extreme(Adjoint *a, const Op *op, Value *dy) {
    const int    larger = op->code == OP_MAX ? 0 : 1;
    Value *const by = minus(a, here(a, op->in[larger]), here(a, op->in[1 - larger]));
    adjoint_add(a, op->in[0], share(a, dy, by));
    adjoint_add(a, op->in[1], share(a, dy, ir_unary(a->b, OP_NEG, by)));
}

/* Below the root of every positive number of float32, and enough above the least ones for its inverse to be finite. */
static const double LEAST_ROOT = 1e-30;

/* dy/dx of y = op(x). */
static Value *slope(const Adjoint *a, OpCode code, Value *x, Value *y) {
    Value *const one = constant(a, 1);
    switch (code) {
    case OP_NEG: return constant(a, -1);
    case OP_EXP: return y;
    case OP_LOG: return ir_binary(a->b, OP_DIV, one, x);
    case OP_TANH: return times(a, minus(a, one, y), plus(a, one, y));
    case OP_SIGMOID: return times(a, y, minus(a, one, y));
    case OP_RELU: return step(a, x);
    case OP_ABS: return minus(a, step(a, x), step(a, ir_unary(a->b, OP_NEG, x)));
    case OP_SQRT: return ir_binary(a->b, OP_DIV, constant(a, 0.5), ir_binary(a->b, OP_MAX, y, constant(a, LEAST_ROOT)));
    case OP_RSQRT: return times(a, times(a, y, constant(a, -0.5)), times(a, y, y));
    default: return NULL;
    }
}

static void row_maximum(Adjoint *a, const Op *op, Value *dy) {
    if (shift_invariant(op->out[0]))
        return;
    Value *const below = minus(a, here(a, op->out[0]), here(a, op->in[0]));
    Value *const equal = minus(a, constant(a, 1), step(a, below));
    adjoint_add(a, op->in[0], times(a, equal, ir_binary(a->b, OP_DIV, dy, ir_unary(a->b, OP_ROWSUM, equal))));
}

static void concatenation(Adjoint *a, const Op *op, Value *dy) {
    const int first = op->in[0]->type.cols;
    adjoint_add(a, op->in[0], ir_cols(a->b, dy, 0, first));
    adjoint_add(a, op->in[1], ir_cols(a->b, dy, first, op->in[1]->type.cols));
}

/* y = x0 x1 or x0 x1^T, x0 one row. */
static void product(Adjoint *a, const Op *op, Value *dy) {
    Value *const x = here(a, op->in[0]), *const z = here(a, op->in[1]);
    const bool turned = op_int(op, AT_TB, 0) != 0, scalar = turned && z->type.rows == 1;
    if (scalar) {
        adjoint_add(a, op->in[0], times(a, dy, z));
        adjoint_add(a, op->in[1], times(a, dy, x));
        return;
    }
    adjoint_add(a, op->in[0], ir_dot(a->b, dy, z, NULL, false, !turned));
    adjoint_add(a, op->in[1], turned ? ir_dot(a->b, dy, x, NULL, true, false) : ir_dot(a->b, x, dy, NULL, true, false));
}

/* A rotation's transpose turns the other way. */
static void rotation(Adjoint *a, const Op *op, Value *dy) {
    Value *const back = ir_ibin(a->b, OP_ISUB, ir_i(a->b, 0), here(a, op->in[1]));
    adjoint_add(a, op->in[0],
                ir_rope(a->b, dy, back, op_float(op, AT_THETA, 1), (int)op_int(op, AT_STYLE, 0),
                        (int)op_int(op, AT_PERIOD, 1)));
}

static Status no_rule(const Adjoint *a, const Op *op) {
    char place[96];
    return ctx_fail(a->ctx, ST_FAILED, ir_describe(op, place, sizeof place), "add its rule to passes/adjoint.c",
                    "pass differentiate knows no derivative of it");
}

static Status elementwise(Adjoint *a, const Op *op, Value *dy) {
    Value *const factor_of_dy = slope(a, op->code, here(a, op->in[0]), here(a, op->out[0]));
    if (!factor_of_dy)
        return no_rule(a, op);
    adjoint_add(a, op->in[0], times(a, dy, factor_of_dy));
    return ST_OK;
}

Status adjoint_op(Adjoint *a, const Op *op) {
    Value *dy = adjoint_of(a, op->out[0]);
    if (!dy)
        return ST_OK;
    if (op->code != OP_MUL)
        dy = widened(a, dy, op->out[0]->type);
    switch (op->code) {
    case OP_FCONST:
    case OP_LOAD: return ST_OK;
    case OP_ADD:
    case OP_SUB:
        adjoint_add(a, op->in[0], dy);
        adjoint_add(a, op->in[1], op->code == OP_ADD ? dy : ir_unary(a->b, OP_NEG, dy));
        return ST_OK;
    case OP_MUL:
        factor(a, op, 0, dy);
        factor(a, op, 1, dy);
        return ST_OK;
    case OP_DIV: quotient(a, op, dy); return ST_OK;
    case OP_MAX:
    case OP_MIN: extreme(a, op, dy); return ST_OK;
    case OP_ROWSUM: adjoint_add(a, op->in[0], dy); return ST_OK;
    case OP_ROWMAX: row_maximum(a, op, dy); return ST_OK;
    case OP_CONCAT: concatenation(a, op, dy); return ST_OK;
    case OP_ROPE: rotation(a, op, dy); return ST_OK;
    case OP_DOT: product(a, op, dy); return ST_OK;
    default: return elementwise(a, op, dy);
    }
}
