/* Rowwise ops: a `rows` region becomes one loop over its rows, in which a row of a tile is a list of vectors (a single
 * column: one splat) and nothing but what the region yields touches memory.
 * Ops whose results have a single row run once, before the loop; so do loads of single rows from outside, as long as they
 * are few enough to stay in registers. A rowwise op outside a region is a region of its own. */
#include "codegen/llvm/llvm_gen.h"

enum { KEPT_VECTORS = 12 };

static RowLoop row_loop(Gen *g, const Op *owner, int count) {
    return (RowLoop){.g = g, .owner = owner, .count = count, .row = gen_int(g, 0), .budget = KEPT_VECTORS};
}

/* Forgets the rows of values from outside: their vectors belong to this loop. */
static void forget(RowLoop *rows, const Op *op) {
    for (int i = 0; i < op->in_count; i++)
        rows->g->places[op->in[i]->id].row = NULL;
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

/* Row `row` of a tile in scratch. */
static Val row_address(Gen *g, Type type, Val home, Val row) {
    const Val skip = type.rows == 1 ? gen_int(g, 0) : gen_mul(g, row, gen_int(g, ir_tile_stride(type)));
    return gen_address(g, home, gen_storage(g, type.dtype), skip);
}

static Val *load_row(Gen *g, const Value *value, Val row) {
    const Type type = value->type;
    const int  count = gen_vectors(g, type.cols);
    Val       *vectors = NEW_ARRAY(g->ctx, Val, count);
    const Val  address = row_address(g, type, gen_ref(g, value), row);
    if (type.cols == 1) {
        vectors[0] = gen_load_splat(g, type.dtype, address);
        return vectors;
    }
    for (int v = 0; v < count; v++)
        vectors[v] = gen_load_vector(g, type.dtype,
                                     gen_bytes(g, address, (int64_t)v * g->lanes * (int64_t)dtype_size(type.dtype)), g->lanes);
    return vectors;
}

static void store_row(Gen *g, Type type, Val home, const Val *vectors, Val row) {
    const Val address = row_address(g, type, home, row);
    if (type.cols == 1) {
        gen_store_vector(g, type.dtype, address, vectors[0], 1);
        return;
    }
    for (int v = 0; v < gen_vectors(g, type.cols); v++)
        gen_store_vector(g, type.dtype, gen_bytes(g, address, (int64_t)v * g->lanes * (int64_t)dtype_size(type.dtype)),
                         vectors[v], g->lanes);
}

static bool single(const RowLoop *rows, const Op *op) {
    const Value *tile = op->code == OP_STORE ? op->in[5] : op->out_count ? op->out[0] : NULL;
    return rows->count > 1 && tile && (tile->type.rows == 1 || tile->type.cls == TY_INDEX);
}

/* A tile outside the region, read at the current row. */
static void fetch(RowLoop *rows, const Value *value) {
    Gen       *g = rows->g;
    const int  count = gen_vectors(g, value->type.cols);
    const bool once = rows->count > 1 && value->type.rows == 1 && rows->preheader && rows->budget >= count;
    Blk        back = once ? gen_hoist(rows) : NULL;
    if (once)
        rows->budget -= count;
    if (value->def && value->def->code == OP_LOAD && value->type.space == SPACE_GLOBAL)
        gen_row_op(rows, value->def);
    else
        g->places[value->id].row = load_row(g, value, rows->row);
    if (once)
        gen_unhoist(rows, back);
}

Val *gen_row_of(RowLoop *rows, const Value *value) {
    Place *place = &rows->g->places[value->id];
    if (!place->row)
        fetch(rows, value);
    if (!place->row) { /* an earlier failure left nothing to read */
        place->row = NEW_ARRAY(rows->g->ctx, Val, gen_vectors(rows->g, value->type.cols));
        for (int v = 0; v < gen_vectors(rows->g, value->type.cols); v++)
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
    Gen       *g = rows->g;
    const Op  *owner = rows->owner;
    Op *const  yield = owner->region ? ir_terminator(owner->region) : NULL;
    for (int i = 0; i < owner->out_count; i++) {
        const Value *result = owner->out[i];
        if ((rows->count > 1 && result->type.rows == 1) == singles)
            store_row(g, result->type, rows->home ? rows->home : gen_ref(g, result),
                      gen_row_of(rows, yield ? yield->in[i] : result), rows->row);
    }
}

static void forget_all(RowLoop *rows) {
    if (!rows->owner->region) {
        forget(rows, rows->owner);
        for (int i = 0; i < rows->owner->out_count; i++)
            rows->g->places[rows->owner->out[i]->id].row = NULL;
        return;
    }
    for (const Op *op = rows->owner->region->first; op; op = op->next)
        forget(rows, op);
}

static void run(RowLoop *rows) {
    Gen *g = rows->g;
    for (int i = 0; i < rows->owner->out_count && !rows->home; i++)
        g->places[rows->owner->out[i]->id].ref = gen_home(g, rows->owner, i);
    each_op(rows, true, gen_row_op);
    store_results(rows, true);
    Loop loop;
    if (rows->count > 1) {
        gen_loop_open(g, &loop, "row", gen_int(g, 0), gen_int(g, rows->count), gen_int(g, 1), NULL, 0);
        rows->preheader = loop.guard;
        rows->row = loop.iv;
    }
    each_op(rows, false, gen_row_op);
    store_results(rows, false);
    if (rows->count > 1)
        gen_loop_close(g, &loop, NULL);
    forget_all(rows);
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
