/* For kernels with roles: those of keys count backwards, so that the positions of their tiles' rows fall; the copy engine and the
 * products of groups of warps know rows that rise alone. */
#include "passes/loops.h"

/* Column c of n is column n - 1 - c from now on, and rows likewise. */
static void turn_mask(Builder *b, Op *mask) {
    const Type    type = mask->out[0]->type;
    const int64_t lo = op_int(mask, AT_LO, 0), hi = op_int(mask, AT_HI, 0);
    Value *const  first = mask->in[2];
    mask->in[1] = ir_ibin(b, OP_ISUB, ir_i(b, type.rows - type.cols), mask->in[1]);
    mask->in[2] = ir_i(b, 0);
    op_set_int(b->ctx, mask, AT_LO, hi == IR_POS_INF ? IR_NEG_INF : -hi);
    op_set_int(b->ctx, mask, AT_HI, lo == IR_NEG_INF ? IR_POS_INF : -lo);
    if (ir_is_const(first, 0))
        return;
    Value *const whole = mask->in[0];
    mask->in[0] = ir_mask(b, whole, first, ir_i(b, 0), IR_NEG_INF, type.cols - 1, 1, op_float(mask, AT_FILL, 0));
}

/* Of the last row, on the way to the first. */
static void turn_rope(Builder *b, Op *rope) {
    const int64_t down = op_int(rope, AT_DOWN, 0), more = op_int(rope, AT_PERIOD, 1) - 1;
    rope->in[1] = index_offset(b, rope->in[1], down ? -more : more);
    op_set_int(b->ctx, rope, AT_DOWN, !down);
}

static bool turn_up(Op *op, void *arg) {
    const Builder *where = arg;
    Builder        b = ir_before(where->ctx, where->kernel, op);
    if (op->code == OP_MASK)
        turn_mask(&b, op);
    else if (op->code == OP_ROPE)
        turn_rope(&b, op);
    else if (op_int(op, AT_DOWN, 0)) {
        const int place = (int)op_int(op, AT_ROWDIM, -1);
        op->in[place] = index_offset(&b, op->in[place], 1 - op_int(op, AT_PERIOD, 1));
        op_remove_attr(op, AT_DOWN);
    }
    return true;
}

void loop_turn_up(Ctx *ctx, Kernel *kernel, Block *block) {
    Builder where = ir_at_end(ctx, kernel, block);
    ir_walk(block, turn_up, &where);
}
