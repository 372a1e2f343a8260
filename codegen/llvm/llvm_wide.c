/* Wide rows. A row of many vectors is worked on in spans of a few, in loops: consecutive elementwise ops and the
 * reductions that end them share one loop, and a value that is wanted later goes through a row of memory: a result's
 * own place, or a buffer. So the code of a region does not grow with the width of its rows.
 * In: the ops of a region one by one, in order. Ops of one column run at once, on splats; concat, cols and rope work on
 * memory. */
#include "codegen/llvm/llvm_gen.h"

enum { SPAN = 2 };

static const Value *tile_of(const Op *op) { return op->code == OP_STORE ? op->in[5] : op->out[0]; }
static bool         is_reduction(const Op *op) { return op->code == OP_ROWSUM || op->code == OP_ROWMAX; }
static int          width_of(const Op *op) { return (is_reduction(op) ? op->in[0] : tile_of(op))->type.cols; }

static bool in_group(const RowLoop *rows, const Op *op) {
    for (int i = 0; i < rows->group_count; i++)
        if (rows->group[i] == op)
            return true;
    return false;
}

/* Does it want the result of a reduction that has not run yet? */
static bool waits(const RowLoop *rows, const Op *op) {
    for (int i = 0; i < op->in_count; i++) {
        const Op *def = op->in[i]->def;
        if (def && is_reduction(def) && in_group(rows, def))
            return true;
    }
    return false;
}

/* ---- Loops over spans ------------------------------------------------------------------------------------------- */
typedef void SpanBody(RowLoop *rows, void *arg, Val *carried);

static void one_span(RowLoop *rows, Val first, int span, int columns, SpanBody *body, void *arg, Val *carried) {
    rows->first = first;
    rows->span = span;
    rows->columns = columns;
    body(rows, arg, carried);
    rows->first = NULL;
    gen_forget(rows, false);
}

/* Runs body for all spans of a row of `width` columns: a loop over the full ones where there are several, then the
 * rest. */
static void each_span(RowLoop *rows, int width, SpanBody *body, void *arg, Val *carried, int count) {
    Gen      *g = rows->g;
    const int step = SPAN * g->lanes, turns = width / step, done = turns * step, rest = width - done;
    if (turns > 1) {
        Loop loop;
        gen_loop_open(g, &loop, "span", gen_int(g, 0), gen_int(g, done), gen_int(g, step), carried, count);
        Val *next = NEW_ARRAY(g->ctx, Val, count);
        for (int i = 0; i < count; i++)
            next[i] = loop.carried[i];
        one_span(rows, loop.iv, SPAN, step, body, arg, next);
        gen_loop_close(g, &loop, next);
        for (int i = 0; i < count; i++)
            carried[i] = loop.carried[i];
    } else if (turns == 1) {
        one_span(rows, gen_int(g, 0), SPAN, step, body, arg, carried);
    }
    if (rest > 0)
        one_span(rows, gen_int(g, done), gen_vectors(g, rest), rest, body, arg, carried);
}

/* ---- Where rows lie --------------------------------------------------------------------------------------------- */
static const Value *yielded(const RowLoop *rows, int result) {
    const Op *owner = rows->owner;
    return owner->region ? ir_terminator(owner->region)->in[result] : owner->out[result];
}

static bool used_outside_group(const RowLoop *rows, const Value *value) {
    if (!rows->owner->region)
        return false;
    for (const Op *op = rows->owner->region->first; op; op = op->next)
        for (int i = 0; i < op->in_count && op->code != OP_YIELD; i++)
            if (op->in[i] == value && !in_group(rows, op))
                return true;
    return false;
}

static Val result_row(RowLoop *rows, int result) {
    const Value *out = rows->owner->out[result];
    return gen_row_address(rows->g, out->type, rows->home ? rows->home : gen_ref(rows->g, out), rows->row);
}

static Val new_buffer(RowLoop *rows, const Value *value) {
    const int64_t bytes = (int64_t)gen_vectors(rows->g, value->type.cols) * rows->g->lanes * 4;
    return gen_temp(rows->g, bytes);
}

/* Gives a value of the region a row of memory: that of the result it is yielded as, else a buffer where `needed`. */
static void settle(RowLoop *rows, const Value *value, bool needed) {
    Val *buffer = &rows->g->places[value->id].buffer;
    for (int i = 0; i < rows->owner->out_count && !*buffer; i++)
        if (yielded(rows, i) == value && !rows->stored[i]) {
            *buffer = result_row(rows, i);
            rows->stored[i] = true;
        }
    if (!*buffer && needed)
        *buffer = new_buffer(rows, value);
    gen_touch(rows, value, true);
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */
typedef struct Copying {
    const Value *value;
    Val          to;
    bool         exact; /* not a column more than there is */
} Copying;

static void copy_span(RowLoop *rows, void *arg, Val *carried) {
    const Copying *copying = arg;
    const Val     *x = gen_row_of(rows, copying->value);
    const int      cols = copying->value->type.cols;
    (void)carried;
    for (int v = 0; v < rows->span; v++)
        gen_store_vector(rows->g, DT_F32, gen_row_vector_address(rows, copying->to, DT_F32, v), x[v],
                         copying->exact ? gen_row_columns(rows, cols, v) : rows->g->lanes);
}

static void copy_row(RowLoop *rows, const Value *value, Val to, bool exact) {
    Copying copying = {value, to, exact};
    if (value->type.cols == 1)
        gen_store_vector(rows->g, DT_F32, to, gen_row_of(rows, value)[0], 1);
    else
        each_span(rows, value->type.cols, copy_span, &copying, NULL, 0);
}

void gen_wide_result(RowLoop *rows, const Value *value, int result) {
    if (rows->stored[result])
        return;
    rows->stored[result] = true;
    copy_row(rows, value, result_row(rows, result), false);
}

/* The current row in memory as floats. */
static Val row_in_memory(RowLoop *rows, const Value *value) {
    Gen *g = rows->g;
    if (g->places[value->id].buffer)
        return g->places[value->id].buffer;
    if (value->type.space != SPACE_GLOBAL && value->type.dtype == DT_F32 && g->places[value->id].ref)
        return gen_row_address(g, value->type, gen_ref(g, value), rows->row);
    const Val buffer = new_buffer(rows, value);
    copy_row(rows, value, buffer, false);
    return buffer;
}

/* ---- Ops -------------------------------------------------------------------------------------------------------- */
/* One span of every op of the group; carried are the reductions so far, in order. */
static void group_span(RowLoop *rows, void *arg, Val *carried) {
    Gen *g = rows->g;
    int  reductions = 0;
    (void)arg;
    for (int i = 0; i < rows->group_count; i++) {
        const Op *op = rows->group[i];
        if (is_reduction(op)) {
            carried[reductions] =
                gen_reduction_combine(g, op->code, carried[reductions], gen_reduction_partial(rows, op));
            reductions++;
            continue;
        }
        gen_row_op(rows, op);
        if (op->out_count == 0)
            continue;
        const Place *place = &g->places[op->out[0]->id];
        for (int v = 0; v < rows->span && place->buffer; v++)
            gen_store_vector(g, DT_F32, gen_row_vector_address(rows, place->buffer, DT_F32, v), place->row[v],
                             g->lanes);
        gen_touch(rows, op->out[0], false);
    }
}

static void find_addresses(RowLoop *rows) {
    Val *addresses = NEW_ARRAY(rows->g->ctx, Val, rows->group_count);
    rows->addresses = NULL;
    for (int i = 0; i < rows->group_count; i++) {
        const Op *op = rows->group[i];
        if (op->code != OP_LOAD && op->code != OP_STORE)
            continue;
        const Window w = gen_window(rows->g, op);
        addresses[i] = gen_row_of_window(rows, op, &w);
    }
    rows->addresses = addresses;
}

void gen_wide_flush(RowLoop *rows) {
    Gen *g = rows->g;
    Val *carried = NEW_ARRAY(g->ctx, Val, rows->group_count);
    int  reductions = 0;
    if (rows->group_count == 0)
        return;
    for (int i = 0; i < rows->group_count; i++) {
        const Op *op = rows->group[i];
        if (is_reduction(op))
            carried[reductions++] = gen_reduction_start(g, op->code);
        else if (op->out_count)
            settle(rows, op->out[0], used_outside_group(rows, op->out[0]));
    }
    find_addresses(rows);
    each_span(rows, rows->group_width, group_span, NULL, carried, reductions);
    for (int i = 0, r = 0; i < rows->group_count; i++) {
        const Op *op = rows->group[i];
        if (!is_reduction(op))
            continue;
        Val *row = NEW_ARRAY(g->ctx, Val, 1);
        row[0] = gen_reduce(g, carried[r++], op->code == OP_ROWSUM ? gen_fadd : gen_fast_max);
        g->places[op->out[0]->id].row = row;
    }
    rows->group_count = 0;
}

/* The second part begins wherever the first ends; the last vector of each is stored to its real columns alone. */
static void wide_concat(RowLoop *rows, const Op *op) {
    settle(rows, op->out[0], true);
    const Val to = rows->g->places[op->out[0]->id].buffer;
    copy_row(rows, op->in[0], to, true);
    copy_row(rows, op->in[1], gen_bytes(rows->g, to, 4 * (int64_t)op->in[0]->type.cols), true);
}

typedef struct Slice {
    Val from, to;
    int cols;
} Slice;

static void slice_span(RowLoop *rows, void *arg, Val *carried) {
    const Slice *slice = arg;
    Gen         *g = rows->g;
    (void)carried;
    for (int v = 0; v < rows->span; v++)
        gen_store_vector(g, DT_F32, gen_row_vector_address(rows, slice->to, DT_F32, v),
                         gen_load_vector(g, DT_F32, gen_row_vector_address(rows, slice->from, DT_F32, v),
                                         gen_row_columns(rows, slice->cols, v)),
                         g->lanes);
}

static void wide_cols(RowLoop *rows, const Op *op) {
    Gen      *g = rows->g;
    const Val from = gen_bytes(g, row_in_memory(rows, op->in[0]), 4 * op_int(op, AT_LO, 0));
    if (op->out[0]->type.cols == 1) {
        g->places[op->out[0]->id].row = NEW_ARRAY(g->ctx, Val, 1);
        g->places[op->out[0]->id].row[0] = gen_load_splat(g, DT_F32, from);
        return;
    }
    settle(rows, op->out[0], true);
    Slice slice = {from, g->places[op->out[0]->id].buffer, op->out[0]->type.cols};
    each_span(rows, slice.cols, slice_span, &slice, NULL, 0);
}

static void wide_rope(RowLoop *rows, const Op *op) {
    const Val from = row_in_memory(rows, op->in[0]);
    settle(rows, op->out[0], true);
    gen_rope_in_memory(rows, op, from, rows->g->places[op->out[0]->id].buffer);
}

static void at_once(RowLoop *rows, const Op *op) {
    const int width = width_of(op);
    if (op->code == OP_CONCAT)
        wide_concat(rows, op);
    else if (op->code == OP_COLS)
        wide_cols(rows, op);
    else if (op->code == OP_ROPE && width > 1)
        wide_rope(rows, op);
    else
        gen_row_op(rows, op);
}

void gen_wide_op(RowLoop *rows, const Op *op) {
    if (op_info(op->code)->rule == TR_INDEX) {
        gen_index_op(rows->g, op);
        return;
    }
    const int  width = width_of(op);
    const bool spans = width > 1 && op->code != OP_CONCAT && op->code != OP_COLS && op->code != OP_ROPE;
    const bool memory = op->code == OP_LOAD || op->code == OP_STORE || op->code == OP_COLS;
    if (waits(rows, op) || (!spans && (width > 1 || memory)) || (spans && width != rows->group_width))
        gen_wide_flush(rows);
    if (spans) {
        rows->group_width = width;
        PUSH(rows->g->ctx, rows->group, rows->group_count, rows->group_capacity, op);
    } else {
        at_once(rows, op);
    }
}
