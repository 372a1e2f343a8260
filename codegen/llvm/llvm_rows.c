/* Rowwise ops: a `rows` region becomes one loop over its rows, in which a row of a tile is a list of vectors (a single
 * column: one splat) and nothing but what the region yields touches memory. Regions of wide rows go span by span
 * instead, which costs some loads and stores but keeps the code small: see llvm_wide.c.
 * Ops whose results have a single row run once, before the loop; so do loads of single rows from outside, as long as
 * they are few enough to stay in registers. A rowwise op outside a region is a region of its own. */
#include "codegen/llvm/llvm_gen.h"

enum { KEPT_VECTORS = 12, WIDE_COLUMNS = 128 };

static RowLoop row_loop(Gen *g, const Op *owner, int count) {
    return (RowLoop){.g = g, .owner = owner, .count = count, .row = gen_int(g, 0), .budget = KEPT_VECTORS};
}

void gen_touch(RowLoop *rows, const Value *value, bool kept) {
    const struct Touched touched = {value->id, kept};
    PUSH(rows->g->ctx, rows->touched, rows->touched_count, rows->touched_capacity, touched);
}

/* Vectors do not outlive the row or span they belong to; kept ones live as long as the loop. */
void gen_forget(RowLoop *rows, bool kept_too) {
    int left = 0;
    for (int i = 0; i < rows->touched_count; i++) {
        const struct Touched touched = rows->touched[i];
        if (touched.kept && !kept_too) {
            rows->touched[left++] = touched;
            continue;
        }
        rows->g->places[touched.id].row = NULL;
        if (kept_too)
            rows->g->places[touched.id].buffer = NULL;
    }
    rows->touched_count = left;
}

Blk gen_hoist(RowLoop *rows) {
    Blk back = gen_here(rows->g);
    if (rows->preheader)
        gen_enter(rows->g, rows->preheader);
    return back;
}

void gen_unhoist(RowLoop *rows, Blk back) { gen_enter(rows->g, back); }

/* r % period and r / period: periods are constants, so these are a multiplication and a shift at most. */
static int period_slot(RowLoop *rows, int period) {
    for (int i = 0; i < rows->period_count; i++)
        if (rows->periods[i].period == period)
            return i;
    Gen      *g = rows->g;
    const int slot = rows->period_count < 3 ? rows->period_count++ : 3;
    const Val length = gen_int(g, period);
    rows->periods[slot].period = period;
    rows->periods[slot].position = LLVMBuildURem(g->b, rows->row, length, "position");
    rows->periods[slot].group = LLVMBuildUDiv(g->b, rows->row, length, "group");
    return slot;
}

Val gen_row_position(RowLoop *rows, int period) {
    if (period >= rows->count)
        return rows->row;
    return period == 1 ? gen_int(rows->g, 0) : rows->periods[period_slot(rows, period)].position;
}

Val gen_row_group(RowLoop *rows, int period) {
    if (period >= rows->count)
        return gen_int(rows->g, 0);
    return period == 1 ? rows->row : rows->periods[period_slot(rows, period)].group;
}

int gen_row_vectors(const RowLoop *rows, int cols) {
    return rows->wide && cols > 1 ? rows->span : gen_vectors(rows->g, cols);
}

int gen_row_columns(const RowLoop *rows, int cols, int vector) {
    const int lanes = rows->g->lanes, left = (rows->wide && cols > 1 ? rows->columns : cols) - vector * lanes;
    return left < lanes ? left : lanes;
}

/* Vector `vector` of the current row or span, given where the row begins. */
Val gen_row_vector_address(RowLoop *rows, Val row, DType dtype, int vector) {
    Gen *g = rows->g;
    if (rows->first)
        row = gen_address(g, row, gen_storage(g, dtype), rows->first);
    return gen_bytes(g, row, (int64_t)vector * g->lanes * (int64_t)dtype_size(dtype));
}

/* Row `row` of a tile in scratch. */
Val gen_row_address(Gen *g, Type type, Val home, Val row) {
    const Val skip = type.rows == 1 ? gen_int(g, 0) : gen_mul(g, row, gen_int(g, ir_tile_stride(type)));
    return gen_address(g, home, gen_storage(g, type.dtype), skip);
}

static Val *load_row(RowLoop *rows, const Value *value) {
    Gen       *g = rows->g;
    const Type type = value->type;
    const int  count = gen_row_vectors(rows, type.cols);
    Val       *vectors = NEW_ARRAY(g->ctx, Val, count), buffer = g->places[value->id].buffer;
    const Val  address = buffer ? buffer : gen_row_address(g, type, gen_ref(g, value), rows->row);
    if (type.cols == 1) {
        vectors[0] = gen_load_splat(g, type.dtype, address);
        return vectors;
    }
    for (int v = 0; v < count; v++)
        vectors[v] = gen_load_vector(g, type.dtype, gen_row_vector_address(rows, address, type.dtype, v), g->lanes);
    return vectors;
}

static void store_row(RowLoop *rows, Type type, Val home, const Val *vectors) {
    Gen      *g = rows->g;
    const Val address = gen_row_address(g, type, home, rows->row);
    if (type.cols == 1) {
        gen_store_vector(g, type.dtype, address, vectors[0], 1);
        return;
    }
    for (int v = 0; v < gen_vectors(g, type.cols); v++)
        gen_store_vector(g, type.dtype, gen_row_vector_address(rows, address, type.dtype, v), vectors[v], g->lanes);
}

static bool single(const RowLoop *rows, const Op *op) {
    const Value *tile = op->code == OP_STORE ? op->in[5] : op->out_count ? op->out[0] : NULL;
    return rows->count > 1 && tile && (tile->type.rows == 1 || tile->type.cls == TY_INDEX);
}

/* A tile outside the region, read at the current row. */
static void fetch(RowLoop *rows, const Value *value) {
    Gen       *g = rows->g;
    const int  cols = value->type.cols, count = gen_vectors(g, cols);
    const bool loop = rows->count > 1 && rows->preheader, fits = rows->budget >= count && (!rows->wide || cols == 1);
    const bool once = loop && value->type.rows == 1 && fits;
    Blk        back = once ? gen_hoist(rows) : NULL;
    if (once)
        rows->budget -= count;
    if (value->def && value->def->code == OP_LOAD && value->type.space == SPACE_GLOBAL)
        gen_row_op(rows, value->def);
    else
        g->places[value->id].row = load_row(rows, value);
    if (once)
        gen_unhoist(rows, back);
    gen_touch(rows, value, once);
}

Val *gen_row_of(RowLoop *rows, const Value *value) {
    Place *place = &rows->g->places[value->id];
    if (!place->row)
        fetch(rows, value);
    if (!place->row) { /* an earlier failure left nothing to read */
        place->row = NEW_ARRAY(rows->g->ctx, Val, gen_row_vectors(rows, value->type.cols));
        for (int v = 0; v < gen_row_vectors(rows, value->type.cols); v++)
            place->row[v] = gen_splat_const(rows->g, 0);
    }
    return place->row;
}

typedef void EachOp(RowLoop *rows, const Op *op);

static void each_op(RowLoop *rows, bool singles, EachOp *fn) {
    if (!rows->owner->region) {
        if (single(rows, rows->owner) == singles)
            fn(rows, rows->owner);
        return;
    }
    for (const Op *op = rows->owner->region->first; op; op = op->next)
        if (op->code != OP_YIELD && single(rows, op) == singles)
            fn(rows, op);
}

/* What the loop leaves behind: the yield's values, or the lone op's results. */
static void store_results(RowLoop *rows, bool singles) {
    Gen      *g = rows->g;
    const Op *owner = rows->owner, *yield = owner->region ? ir_terminator(owner->region) : NULL;
    for (int i = 0; i < owner->out_count; i++) {
        const Value *result = owner->out[i], *value = yield ? yield->in[i] : result;
        if ((rows->count > 1 && result->type.rows == 1) != singles)
            continue;
        if (rows->wide && result->type.cols > 1)
            gen_wide_result(rows, value, i);
        else
            store_row(rows, result->type, rows->home ? rows->home : gen_ref(g, result), gen_row_of(rows, value));
    }
}

static bool is_wide(const Op *op) {
    const Value *tile = op->code == OP_STORE ? op->in[5] : op->out_count ? op->out[0] : NULL;
    return tile && tile->type.cls == TY_TILE && tile->type.cols >= WIDE_COLUMNS;
}

static bool any_wide(const Op *owner) {
    if (!owner->region)
        return is_wide(owner);
    for (const Op *op = owner->region->first; op; op = op->next)
        if (is_wide(op))
            return true;
    return false;
}

/* Inside the loops over spans it would be too late to compute these: what comes after could not use them. */
static void prepare_periods(RowLoop *rows, const Op *op) {
    const int period = (int)op_int(op, AT_PERIOD, 0);
    if (period > 0 && op->code != OP_YIELD) {
        gen_row_position(rows, period);
        gen_row_group(rows, period);
    }
}

static void each_row(RowLoop *rows) {
    if (rows->wide)
        each_op(rows, false, prepare_periods);
    each_op(rows, false, rows->wide ? gen_wide_op : gen_row_op);
    if (rows->wide)
        gen_wide_flush(rows);
    store_results(rows, false);
}

static void run(RowLoop *rows) {
    Gen *g = rows->g;
    for (int i = 0; i < rows->owner->out_count && !rows->home; i++)
        g->places[rows->owner->out[i]->id].ref = gen_home(g, rows->owner, i);
    for (int i = 0; i < rows->owner->out_count; i++)
        gen_touch(rows, rows->owner->out[i], true);
    const int64_t mark = g->temp;
    rows->wide = any_wide(rows->owner);
    rows->stored = NEW_ARRAY(g->ctx, bool, rows->owner->out_count);
    each_op(rows, true, rows->wide ? gen_wide_op : gen_row_op);
    if (rows->wide)
        gen_wide_flush(rows);
    store_results(rows, true);
    Loop loop;
    if (rows->count > 1) {
        gen_loop_open(g, &loop, "row", gen_int(g, 0), gen_int(g, rows->count), gen_int(g, 1), NULL, 0);
        rows->preheader = loop.guard;
        rows->row = loop.iv;
    }
    each_row(rows);
    if (rows->count > 1)
        gen_loop_close(g, &loop, NULL);
    gen_forget(rows, true);
    gen_release(g, mark);
}

void gen_rows(Gen *g, const Op *op) {
    RowLoop rows = row_loop(g, op, (int)op_int(op, AT_COUNT, 1));
    run(&rows);
}

void gen_lone_row_at(Gen *g, const Op *op, Val home) {
    const Value *tile = op->code == OP_STORE ? op->in[5] : op->out[0];
    RowLoop      rows = row_loop(g, op, tile->type.rows);
    rows.home = home;
    run(&rows);
}

void gen_lone_row(Gen *g, const Op *op) { gen_lone_row_at(g, op, NULL); }
