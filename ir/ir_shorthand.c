/* Builder shorthands for the common ops: one call an op, constants folded where the operands are known. */
#include "ir/ir.h"

static Value *make(Builder *b, OpCode code, Value *const *in, int count) {
    return ir_op(b, code, in, count, NULL, 0)->out[0];
}

Value *ir_i(Builder *b, int64_t value) {
    Op *op = ir_op(b, OP_ICONST, NULL, 0, NULL, 0);
    op_set_int(b->ctx, op, AT_VALUE, value);
    return op->out[0];
}

Value *ir_sym(Builder *b, Sym sym) {
    Op *op = ir_op(b, OP_ISYM, NULL, 0, NULL, 0);
    op_set_text(b->ctx, op, AT_SYM, ir_sym_name(sym));
    return op->out[0];
}

Value *ir_iload(Builder *b, const char *param, Value *index) {
    Op *op = ir_op(b, OP_ILOAD, &index, 1, NULL, 0);
    op_set_text(b->ctx, op, AT_PARAM, param);
    return op->out[0];
}

bool ir_fold_index(OpCode code, int64_t x, int64_t y, int64_t *result) {
    switch (code) {
    case OP_IADD: return !__builtin_add_overflow(x, y, result);
    case OP_ISUB: return !__builtin_sub_overflow(x, y, result);
    case OP_IMUL: return !__builtin_mul_overflow(x, y, result);
    case OP_IDIV:
        if (y <= 0)
            return false;
        *result = x / y - (x % y < 0);
        return true;
    case OP_IMOD:
        if (y <= 0)
            return false;
        *result = x % y + (x % y < 0 ? y : 0);
        return true;
    case OP_IMIN: *result = x < y ? x : y; return true;
    case OP_IMAX: *result = x > y ? x : y; return true;
    case OP_ILT: *result = x < y; return true;
    default: return false;
    }
}

/* x + 0, x * 1, min(x, x) and the like: the operand that is the result, or NULL. */
static Value *identity(OpCode code, Value *x, Value *y) {
    switch (code) {
    case OP_IADD: return ir_is_const(y, 0) ? x : ir_is_const(x, 0) ? y : NULL;
    case OP_ISUB: return ir_is_const(y, 0) ? x : NULL;
    case OP_IMUL:
        if (ir_is_const(x, 0) || ir_is_const(y, 1))
            return x;
        return ir_is_const(y, 0) || ir_is_const(x, 1) ? y : NULL;
    case OP_IDIV: return ir_is_const(y, 1) ? x : NULL;
    case OP_IMIN:
    case OP_IMAX: return x == y ? x : NULL;
    default: return NULL;
    }
}

Value *ir_ibin(Builder *b, OpCode code, Value *x, Value *y) {
    int64_t i, j, folded;
    if (ir_const_value(x, &i) && ir_const_value(y, &j) && ir_fold_index(code, i, j, &folded))
        return ir_i(b, folded);
    Value *same = identity(code, x, y);
    return same ? same : make(b, code, (Value *[]){x, y}, 2);
}

Value *ir_unary(Builder *b, OpCode code, Value *x) { return make(b, code, &x, 1); }
Value *ir_binary(Builder *b, OpCode code, Value *x, Value *y) { return make(b, code, (Value *[]){x, y}, 2); }
Value *ir_fma(Builder *b, Value *x, Value *y, Value *z) { return make(b, OP_FMA, (Value *[]){x, y, z}, 3); }

Value *ir_f(Builder *b, double value, int rows, int cols) {
    const Type type = type_tile(DT_F32, rows, cols);
    Op        *op = ir_op(b, OP_FCONST, NULL, 0, &type, 1);
    op_set_float(b->ctx, op, AT_FVALUE, value);
    return op->out[0];
}

/* The result's type depends on ta and tb, which ir_op does not know yet. */
Value *ir_dot(Builder *b, Value *x, Value *y, Value *acc, bool ta, bool tb) {
    Op *op = ir_op(b, OP_DOT, (Value *[]){x, y, acc}, acc ? 3 : 2, NULL, 0);
    op_set_int(b->ctx, op, AT_TA, ta);
    op_set_int(b->ctx, op, AT_TB, tb);
    ir_result_type(op, 0, &op->out[0]->type);
    return op->out[0];
}

Value *ir_rope(Builder *b, Value *x, Value *position, double theta, int style, int period) {
    Value *result = make(b, OP_ROPE, (Value *[]){x, position}, 2);
    op_set_float(b->ctx, result->def, AT_THETA, theta);
    op_set_int(b->ctx, result->def, AT_STYLE, style);
    op_set_int(b->ctx, result->def, AT_PERIOD, period);
    return result;
}

Value *ir_mask(Builder *b, Value *x, Value *delta, Value *first_column, int64_t lo, int64_t hi, int period,
               double fill) {
    Value *result = make(b, OP_MASK, (Value *[]){x, delta, first_column}, 3);
    op_set_int(b->ctx, result->def, AT_LO, lo);
    op_set_int(b->ctx, result->def, AT_HI, hi);
    op_set_int(b->ctx, result->def, AT_PERIOD, period);
    op_set_float(b->ctx, result->def, AT_FILL, fill);
    return result;
}

/* Coordinates and bounds of an access as operands, absent ones made. */
static void access_operands(Builder *b, const Access *access, Value *in[5]) {
    for (int d = 0; d < 3; d++)
        in[d] = access->at[d] ? access->at[d] : ir_i(b, 0);
    in[3] = access->lo ? access->lo : ir_i(b, 0);
    in[4] = access->hi ? access->hi : ir_i(b, IR_POS_INF);
}

static void access_attrs(Builder *b, const Access *access, Op *op) {
    op_set_text(b->ctx, op, AT_PARAM, access->param);
    op_set_int(b->ctx, op, AT_ROWDIM, access->rowdim);
    op_set_int(b->ctx, op, AT_GROUPDIM, access->groupdim);
    op_set_int(b->ctx, op, AT_PERIOD, access->period);
    if (access->wrap)
        op_set_int(b->ctx, op, AT_WRAP, access->wrap);
    if (!access->beyond)
        return;
    op_set_text(b->ctx, op, AT_BEYOND, access->beyond);
    op_set_int(b->ctx, op, AT_BORDER, access->border);
}

Value *ir_load(Builder *b, const Access *access, int rows, int cols) {
    Value     *in[5];
    const Type type = type_tile(DT_F32, rows, cols);
    access_operands(b, access, in);
    Op *op = ir_op(b, OP_LOAD, in, 5, &type, 1);
    access_attrs(b, access, op);
    return op->out[0];
}

Op *ir_store(Builder *b, const Access *access, Value *tile) {
    Value *in[6];
    access_operands(b, access, in);
    in[5] = tile;
    Op *const op = ir_op(b, OP_STORE, in, 6, NULL, 0);
    access_attrs(b, access, op);
    return op;
}

Value *ir_convert(Builder *b, Value *x, DType dtype) {
    const Type type = type_tile(dtype, x->type.rows, x->type.cols);
    return ir_op(b, OP_CONVERT, &x, 1, &type, 1)->out[0];
}

Value *ir_as(Builder *b, Value *x, DType dtype) { return x->type.dtype == dtype ? x : ir_convert(b, x, dtype); }

Value *ir_cols(Builder *b, Value *x, int lo, int count) {
    const Type type = type_tile(x->type.dtype, x->type.rows, count);
    Op *const  cols = ir_op(b, OP_COLS, &x, 1, &type, 1);
    op_set_int(b->ctx, cols, AT_LO, lo);
    return cols->out[0];
}

Value *ir_ring(Builder *b, int slots, int rows, int cols) {
    const Type type = type_ring(slots, DT_F32, rows, cols);
    return ir_op(b, OP_RING, NULL, 0, &type, 1)->out[0];
}

void ir_ring_put(Builder *b, Value *ring, Value *slot, Value *tile) {
    ir_op(b, OP_RING_PUT, (Value *[]){ring, slot, tile}, 3, NULL, 0);
}

Value *ir_ring_get(Builder *b, Value *ring, Value *slot) { return make(b, OP_RING_GET, (Value *[]){ring, slot}, 2); }

void ir_bare(Builder *b, OpCode code) { ir_op(b, code, NULL, 0, NULL, 0); }

void ir_wait(Builder *b, int64_t count) { op_set_int(b->ctx, ir_op(b, OP_WAIT, NULL, 0, NULL, 0), AT_COUNT, count); }
