/* Transposed tiles from what computes them: see flip.h. */
#include "passes/flip.h"

static Value *as_it_is(Flip *f, Builder *b, Value *value) {
    return f->region ? clone_slice(b, value, f->region, &f->map) : value;
}

static Status flip_load(Flip *f, Builder *b, const Op *op, Value **out) {
    for (int i = 0; i < op->in_count; i++)
        as_it_is(f, b, op->in[i]);
    *out = ir_unary(b, OP_TRANSPOSE, ir_clone(b, op, &f->map)->out[0]);
    return ST_OK;
}

/* Of one column the sum is the column itself. */
static Status flip_reduction(Flip *f, Builder *b, const Op *op, Value **out) {
    Value *x;
    TRY(flip_value(f, b, op->in[0], &x));
    *out = op->in[0]->type.cols == 1 ? x : ir_unary(b, op->code == OP_ROWSUM ? OP_COLSUM : OP_COLMAX, x);
    return ST_OK;
}

static Status flip_elements(Flip *f, Builder *b, const Op *op, Value **out) {
    Value *in[3];
    for (int i = 0; i < op->in_count; i++)
        TRY(flip_value(f, b, op->in[i], &in[i]));
    *out = ir_op(b, op->code, in, op->in_count, NULL, 0)->out[0];
    return ST_OK;
}

static bool is_elementwise(const Op *op) {
    const TypeRule rule = op_info(op->code)->rule;
    return op->attr_count == 0 && op->in_count <= 3 && (rule == TR_BROADCAST || rule == TR_SAME) && op->code != OP_COPY;
}

Status flip_value(Flip *f, Builder *b, Value *value, Value **out) {
    const Op *op = value->def;
    *out = map_get(&f->flipped, value);
    if (*out != value)
        return ST_OK;
    if (value->type.rows == 1 && value->type.cols == 1) {
        *out = as_it_is(f, b, value);
        return ST_OK;
    }
    if (op && op->code == OP_LOAD)
        TRY(flip_load(f, b, op, out));
    else if (op && op->code == OP_FCONST)
        *out = ir_f(b, op_float(op, AT_FVALUE, 0), value->type.cols, value->type.rows);
    else if (op && (op->code == OP_ROWSUM || op->code == OP_ROWMAX))
        TRY(flip_reduction(f, b, op, out));
    else if (op && is_elementwise(op))
        TRY(flip_elements(f, b, op, out));
    else
        return ctx_fail(f->ctx, ST_USAGE, "feature map", "let it join parts of equal length, or use a CPU's target",
                        "there are no such steps for GPUs yet: op %s", op ? op_info(op->code)->name : "argument");
    map_set(&f->flipped, value, *out);
    return ST_OK;
}
