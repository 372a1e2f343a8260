/* Pass saved for kind backward: products with a state that is given whole, of an initial or a final one or what they add up to over
 * the heads of a group, by slices of its rows, where shared memory does not hold it beside all else. */
#include "passes/saved_gradients.h"

enum { STATE_ROWS = 64, LEAST_ROWS = 16, LARGE_STATE = 128 << 10 /* bytes */ };

static bool is_given(const Op *load) {
    return load && load->code == OP_LOAD && op_int(load, AT_ROWDIM, -1) == 2 && op_int(load, AT_PERIOD, 1) == load->out[0]->type.rows;
}

/* A loop that only adds up such loads, from zero. */
static bool is_sum(const Op *loop) {
    double constant;
    if (!loop || loop->code != OP_FOR || loop->out_count != 1 || !is_constant_tile(loop->in[3], &constant) || constant != 0)
        return false;
    const Op *const add = ir_terminator(loop->region)->in[0]->def;
    if (!add || add->code != OP_ADD || add->in[0] != loop->region->args[1] || !is_given(add->in[1]->def))
        return false;
    for (const Op *op = loop->region->first; op; op = op->next)
        if (op_info(op->code)->rule != TR_INDEX && op != add && op != add->in[1]->def && op->code != OP_YIELD)
            return false;
    return true;
}

/* How many rows a slice has; all: it is none. Where memory is short, an eighth of it. */
static int rows_of_slice(const Saver *s, const Type type) {
    const int64_t size = (int64_t)dtype_size(s->dtype), row = type.cols * size;
    int           rows = STATE_ROWS;
    if (s->args->schedule->stages > 1)
        return size == 2 && type.rows * row > LARGE_STATE ? rows : type.rows;
    while (rows > LEAST_ROWS && rows * row > s->args->target->shared_bytes / 8)
        rows /= 2;
    return rows < type.rows ? rows : type.rows;
}

/* The load of fewer rows, at the coordinates that the map gives; their first one is computed at `at`. */
static Value *slice_load(const Saver *s, Builder *b, Builder *at, const Op *load, const ValueMap *map, int from, int count) {
    ValueMap     own = map_copy(map);
    Value *const row = index_offset(at, map_get(map, load->in[2]), from);
    Op *const    made = ir_clone(b, load, &own);
    made->in[2] = row; /* other coordinates may be the same value */
    made->out[0]->type.rows = count;
    op_set_int(s->ctx, made, AT_PERIOD, count);
    return made->out[0];
}

static Value *slice_sum(const Saver *s, Builder *b, const Op *loop, int from, int count) {
    ValueMap  map = {.ctx = s->ctx};
    Value    *start = ir_f(b, 0, count, loop->out[0]->type.cols);
    Op *const made = ir_for(b, op_text(loop, AT_AXIS), false, loop->in[0], loop->in[1], loop->in[2], &start, 1);
    Builder   in = ir_at_end(s->ctx, s->main, made->region);
    Value    *part = NULL;
    map_set(&map, loop->region->args[0], made->region->args[0]);
    for (const Op *op = loop->region->first; op; op = op->next) {
        if (op_info(op->code)->rule == TR_INDEX)
            ir_clone(&in, op, &map);
        else if (op->code == OP_LOAD)
            part = slice_load(s, &in, &in, op, &map, from, count);
    }
    part = ir_binary(&in, OP_ADD, made->region->args[1], part);
    ir_yield(&in, &part, 1);
    return made->out[0];
}

static Value *slice(const Saver *s, Builder *b, const Op *state, int from, int count) {
    ValueMap map = {.ctx = s->ctx};
    if (state->code == OP_FOR)
        return slice_sum(s, b, state, from, count);
    Builder before = ir_before(s->ctx, s->main, (Op *)state); /* it may be fetched as early */
    return slice_load(s, b, &before, state, &map, from, count);
}

/* The product with the slice of rows from `from` on, added to `sum`: S's rows are columns of the result, or of x. */
static Value *add_slice(Builder *b, const Op *dot, Value *rows, int from, Value *sum) {
    const int count = rows->type.rows;
    if (!op_int(dot, AT_TB, 0))
        return ir_dot(b, ir_cols(b, dot->in[0], from, count), rows, sum ? sum : dot->in_count > 2 ? dot->in[2] : NULL, false, false);
    Value *const start = dot->in_count > 2 ? ir_cols(b, dot->in[2], from, count) : NULL;
    Value *const columns = ir_dot(b, dot->in[0], rows, start, false, true);
    return sum ? ir_binary(b, OP_CONCAT, sum, columns) : columns;
}

bool gradients_slice_state(Op *dot, void *arg) {
    const Saver *const s = arg;
    const Op *const    state = dot->code == OP_DOT ? dot->in[1]->def : NULL;
    if (!state || dot->in_count > 3 || op_int(dot, AT_TA, 0) || !(is_given(state) || is_sum(state)) ||
        rows_of_slice(s, dot->in[1]->type) == dot->in[1]->type.rows)
        return true;
    Builder   b = ir_before(s->ctx, s->main, dot);
    const int rows = dot->in[1]->type.rows;
    Value    *whole = NULL;
    for (int from = 0, n; from < rows; from += n) {
        n = saved_slice_rows(rows - from, rows_of_slice(s, dot->in[1]->type));
        whole = add_slice(&b, dot, slice(s, &b, state, from, n), from, whole);
    }
    ir_replace_uses(s->main, dot->out[0], whole);
    op_erase(dot);
    return true;
}
