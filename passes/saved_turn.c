/* Pass saved for kind backward: kernels of keys count backwards, so that the positions of their tiles' rows fall; the copy engine
 * and products of warps with roles know rows that rise alone. */
#include "passes/saved_gradients.h"

/* Of rows that are all there: row r of n becomes row n - 1 - r, and so do columns. */
static void turn_mask(Builder *b, Op *mask) {
    const Type    type = mask->out[0]->type;
    const int64_t lo = op_int(mask, AT_LO, 0), hi = op_int(mask, AT_HI, 0);
    mask->in[1] = ir_ibin(b, OP_ISUB, ir_i(b, type.rows - type.cols), mask->in[1]);
    op_set_int(b->ctx, mask, AT_LO, hi == IR_POS_INF ? IR_NEG_INF : -hi);
    op_set_int(b->ctx, mask, AT_HI, lo == IR_NEG_INF ? IR_POS_INF : -lo);
}

/* Positions that fall rise from now on, and those of a rope that turns back fall. */
static bool turn_up(Op *op, void *arg) {
    const Builder *where = arg;
    const bool     falls = op_int(op, AT_DOWN, 0) != 0;
    const int      place = op->code == OP_ROPE ? 1 : (int)op_int(op, AT_ROWDIM, -1);
    if (!falls && op->code != OP_ROPE && op->code != OP_MASK)
        return true;
    Builder b = ir_before(where->ctx, where->kernel, op);
    if (op->code == OP_MASK) {
        turn_mask(&b, op);
        return true;
    }
    const int64_t rows = op_int(op, AT_PERIOD, 1);
    op->in[place] = index_offset(&b, op->in[place], falls ? 1 - rows : rows - 1);
    if (falls)
        op_remove_attr(op, AT_DOWN);
    else
        op_set_int(where->ctx, op, AT_DOWN, 1);
    return true;
}

void gradients_turn_up(Builder *b, Block *block) { ir_walk(block, turn_up, b); }
