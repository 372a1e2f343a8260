/* One row of each rowwise op: see llvm_rows.c. Lanes past the last column hold anything; whatever reduces over columns
 * looks at real ones alone. */
#include "codegen/llvm/llvm_gen.h"

#include <math.h>

enum { AHEAD_BYTES = 8192 };

static int columns(const Op *op) { return op->out[0]->type.cols; }

static Val operand(const Val *row, const Value *value, int vector) { return row[value->type.cols == 1 ? 0 : vector]; }

static void row_unary(RowLoop *rows, const Op *op, Val *out) {
    const Val *x = gen_row_of(rows, op->in[0]);
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++)
        out[v] = gen_math(rows->g, op->code, x[v]);
}

static void row_binary(RowLoop *rows, const Op *op, Val *out) {
    const Val *x = gen_row_of(rows, op->in[0]), *y = gen_row_of(rows, op->in[1]);
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++)
        out[v] = gen_arith(rows->g, op->code, operand(x, op->in[0], v), operand(y, op->in[1], v));
}

static void row_fma(RowLoop *rows, const Op *op, Val *out) {
    const Val *x = gen_row_of(rows, op->in[0]), *y = gen_row_of(rows, op->in[1]), *z = gen_row_of(rows, op->in[2]);
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++)
        out[v] = gen_fma(rows->g, operand(x, op->in[0], v), operand(y, op->in[1], v), operand(z, op->in[2], v));
}

static void row_constant(RowLoop *rows, const Op *op, Val *out) {
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++)
        out[v] = gen_splat_const(rows->g, op_float(op, AT_FVALUE, 0));
}

static void row_convert(RowLoop *rows, const Op *op, Val *out) {
    const Val *x = gen_row_of(rows, op->in[0]);
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++)
        out[v] = gen_round(rows->g, op->out[0]->type.dtype, x[v]);
}

Val gen_reduction_start(Gen *g, OpCode code) { return gen_splat_const(g, code == OP_ROWSUM ? 0 : -(double)INFINITY); }

Val gen_reduction_combine(Gen *g, OpCode code, Val x, Val y) {
    return code == OP_ROWSUM ? gen_fadd(g, x, y) : gen_fast_max(g, x, y);
}

/* Pairwise, so that the order is the same whatever surrounds it. */
Val gen_reduction_partial(RowLoop *rows, const Op *op) {
    Gen       *g = rows->g;
    const Val *x = gen_row_of(rows, op->in[0]);
    const int  cols = op->in[0]->type.cols, count = gen_row_vectors(rows, cols),
              rest = gen_row_columns(rows, cols, count - 1);
    Val *left = NEW_ARRAY(g->ctx, Val, count);
    for (int v = 0; v < count; v++)
        left[v] = x[v];
    if (rest < g->lanes) {
        const Val inside = LLVMBuildICmp(g->b, LLVMIntSLT, gen_iota(g, 0), gen_splat_int(g, rest), "");
        left[count - 1] = gen_select(g, inside, left[count - 1], gen_reduction_start(g, op->code));
    }
    for (int n = count; n > 1; n = (n + 1) / 2)
        for (int v = 0; v < n / 2; v++)
            left[v] = gen_reduction_combine(g, op->code, left[v], left[v + (n + 1) / 2]);
    return left[0];
}

static void row_reduce(RowLoop *rows, const Op *op, Val *out) {
    if (op->in[0]->type.cols == 1)
        out[0] = gen_row_of(rows, op->in[0])[0];
    else
        out[0] = gen_reduce(rows->g, gen_reduction_partial(rows, op), op->code == OP_ROWSUM ? gen_fadd : gen_fast_max);
}

static void row_concat(RowLoop *rows, const Op *op, Val *out) {
    Gen       *g = rows->g;
    const Val *x = gen_row_of(rows, op->in[0]), *y = gen_row_of(rows, op->in[1]);
    const int  first = op->in[0]->type.cols, all = columns(op), x_count = gen_vectors(g, first);
    const int  y_count = gen_vectors(g, op->in[1]->type.cols);
    Val       *sources = NEW_ARRAY(g->ctx, Val, x_count + y_count);
    LaneOf    *from = NEW_ARRAY(g->ctx, LaneOf, all);
    for (int v = 0; v < x_count + y_count; v++)
        sources[v] = v < x_count ? x[v] : y[v - x_count];
    for (int c = 0; c < all; c++) {
        const int own = c < first ? c : c - first;
        from[c] = (LaneOf){own / g->lanes + (c < first ? 0 : x_count), own % g->lanes};
    }
    gen_permute(g, sources, from, all, out);
}

/* A single column becomes a splat, as all of them are. */
static void row_cols(RowLoop *rows, const Op *op, Val *out) {
    Gen      *g = rows->g;
    const int lo = (int)op_int(op, AT_LO, 0), step = columns(op) > 1, all = step ? columns(op) : g->lanes;
    LaneOf   *from = NEW_ARRAY(g->ctx, LaneOf, all);
    for (int c = 0; c < all; c++)
        from[c] = (LaneOf){(lo + c * step) / g->lanes, (lo + c * step) % g->lanes};
    gen_permute(g, gen_row_of(rows, op->in[0]), from, all, out);
}

static void row_rope(RowLoop *rows, const Op *op, Val *out) { gen_rope(rows, op, gen_row_of(rows, op->in[0]), out); }

/* A bound on columns as a splat of i32: brought into -1 .. cols first, where comparing gives the same. */
static Val column_bound(Gen *g, Val bound, int cols) {
    const Val within = gen_max(g, gen_min(g, bound, gen_int(g, cols)), gen_int(g, -1));
    return gen_splat(g, LLVMBuildTrunc(g->b, within, g->i32, ""));
}

typedef struct MaskBounds {
    Val lo, hi; /* first and last column kept, splats of i32; NULL: no such bound */
} MaskBounds;

/* c >= %2 and lo <= %1 + c - position <= hi, solved for c. */
static MaskBounds mask_bounds(RowLoop *rows, const Op *op) {
    Gen          *g = rows->g;
    const int64_t lo = op_int(op, AT_LO, IR_NEG_INF), hi = op_int(op, AT_HI, IR_POS_INF);
    const int     cols = columns(op);
    const Val     delta = gen_ref(g, op->in[1]);
    const Val     position = gen_row_position(rows, (int)op_int(op, AT_PERIOD, 1));
    const Val     diagonal = gen_sub(g, position, delta);
    Val           first = gen_ref(g, op->in[2]);
    MaskBounds    bounds = {NULL, NULL};
    int64_t       known;
    if (lo > IR_NEG_INF)
        first = gen_max(g, first, gen_add(g, diagonal, gen_int(g, lo)));
    if (!gen_constant(first, &known) || known > 0)
        bounds.lo = column_bound(g, first, cols);
    if (hi < IR_POS_INF)
        bounds.hi = column_bound(g, gen_add(g, diagonal, gen_int(g, hi)), cols);
    return bounds;
}

static Val column_numbers(RowLoop *rows, int vector) {
    Gen      *g = rows->g;
    const Val numbers = gen_iota(g, vector * g->lanes);
    if (!rows->first)
        return numbers;
    const Val before = LLVMBuildTrunc(g->b, rows->first, g->i32, "");
    return LLVMBuildAdd(g->b, numbers, gen_splat(g, before), "");
}

static void row_mask(RowLoop *rows, const Op *op, Val *out) {
    Gen             *g = rows->g;
    const Val       *x = gen_row_of(rows, op->in[0]);
    const MaskBounds bounds = mask_bounds(rows, op);
    const Val        fill = gen_splat_const(g, op_float(op, AT_FILL, 0));
    for (int v = 0; v < gen_row_vectors(rows, columns(op)); v++) {
        const Val column = columns(op) == 1 ? gen_splat_int(g, 0) : column_numbers(rows, v);
        out[v] = x[v];
        if (bounds.lo)
            out[v] = gen_select(g, LLVMBuildICmp(g->b, LLVMIntSGE, column, bounds.lo, ""), out[v], fill);
        if (bounds.hi)
            out[v] = gen_select(g, LLVMBuildICmp(g->b, LLVMIntSLE, column, bounds.hi, ""), out[v], fill);
    }
}

/* A row that is not there is read from zeros and written to a sink: no branches. */
static Val zeros(Gen *g, int64_t bytes) {
    const char *name = ctx_printf(g->ctx, "zeros_%lld", (long long)bytes);
    Val         array = LLVMGetNamedGlobal(g->module, name);
    if (array)
        return array;
    const Ty type = LLVMArrayType2(LLVMInt8TypeInContext(g->context), (uint64_t)bytes);
    array = LLVMAddGlobal(g->module, type, name);
    LLVMSetInitializer(array, LLVMConstNull(type));
    LLVMSetLinkage(array, LLVMInternalLinkage);
    LLVMSetGlobalConstant(array, true);
    LLVMSetAlignment(array, 64);
    return array;
}

/* Rows of a parameter often lie a page apart, where no prefetcher of the processor follows. */
static void look_ahead(RowLoop *rows, const Window *w, Val address, int64_t bytes, bool writes) {
    const int64_t ahead = AHEAD_BYTES / bytes;
    const int     distance = ahead < 2 ? 2 : ahead > 16 ? 16 : (int)ahead;
    /* Past the last row of a small tile the next tile's rows follow. */
    if (rows->preheader && 2 * rows->count > distance)
        gen_prefetch(rows->g, gen_window_ahead(rows->g, w, address, distance), bytes, writes);
}

static Val window_row(RowLoop *rows, const Window *w, int tile_rows, int64_t bytes, bool writes) {
    Gen       *g = rows->g;
    Blk        back = gen_hoist(rows);
    const Val  base = gen_window_base(g, w);
    const bool one = tile_rows == 1;
    gen_unhoist(rows, back);
    const WindowRow row = gen_window_row(g, w, base, one ? gen_int(g, 0) : gen_row_group(rows, w->period),
                                         one ? gen_int(g, 0) : gen_row_position(rows, w->period));
    if (!one)
        look_ahead(rows, w, row.address, bytes, writes);
    if (!row.present)
        return row.address;
    return gen_select(g, row.present, row.address, writes ? gen_sink(g, bytes) : zeros(g, bytes));
}

static int64_t row_bytes(const Gen *g, DType dtype, int cols) {
    return (int64_t)gen_vectors(g, cols) * g->lanes * (int64_t)dtype_size(dtype);
}

/* Where the current row of a load or store lies; looked up where it was found before the loop over its spans. */
Val gen_row_of_window(RowLoop *rows, const Op *op, const Window *w) {
    const Type type = op->code == OP_STORE ? op->in[5]->type : op->out[0]->type;
    for (int i = 0; i < rows->group_count; i++)
        if (rows->group[i] == op && rows->addresses && rows->addresses[i])
            return rows->addresses[i];
    return window_row(rows, w, type.rows, row_bytes(rows->g, w->dtype, type.cols), op->code == OP_STORE);
}

static void row_load(RowLoop *rows, const Op *op, Val *out) {
    Gen         *g = rows->g;
    const Window w = gen_window(g, op);
    const int    cols = columns(op);
    const DType  wanted = op->out[0]->type.dtype;
    const Val    address = gen_row_of_window(rows, op, &w);
    if (cols == 1) {
        out[0] = gen_load_splat(g, w.dtype, address);
        return;
    }
    for (int v = 0; v < gen_row_vectors(rows, cols); v++) {
        out[v] = gen_load_vector(g, w.dtype, gen_row_vector_address(rows, address, w.dtype, v),
                                 gen_row_columns(rows, cols, v));
        if (wanted != w.dtype)
            out[v] = gen_round(g, wanted, out[v]);
    }
}

static void row_store(RowLoop *rows, const Op *op) {
    Gen         *g = rows->g;
    const Window w = gen_window(g, op);
    const Value *tile = op->in[5];
    const int    cols = tile->type.cols;
    const Val   *x = gen_row_of(rows, tile);
    const Val    address = gen_row_of_window(rows, op, &w);
    for (int v = 0; v < gen_row_vectors(rows, cols); v++)
        gen_store_vector(g, w.dtype, gen_row_vector_address(rows, address, w.dtype, v), x[v],
                         gen_row_columns(rows, cols, v));
}

static void row_results(RowLoop *rows, const Op *op, Val *out) {
    switch (op->code) {
    case OP_LOAD: row_load(rows, op, out); return;
    case OP_FCONST: row_constant(rows, op, out); return;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MAX:
    case OP_MIN: row_binary(rows, op, out); return;
    case OP_FMA: row_fma(rows, op, out); return;
    case OP_ROWSUM:
    case OP_ROWMAX: row_reduce(rows, op, out); return;
    case OP_CONCAT: row_concat(rows, op, out); return;
    case OP_COLS: row_cols(rows, op, out); return;
    case OP_ROPE: row_rope(rows, op, out); return;
    case OP_MASK: row_mask(rows, op, out); return;
    case OP_CONVERT:
    case OP_COPY: row_convert(rows, op, out); return;
    default: row_unary(rows, op, out); return;
    }
}

void gen_row_op(RowLoop *rows, const Op *op) {
    if (op->code == OP_STORE) {
        row_store(rows, op);
        return;
    }
    if (op_info(op->code)->rule == TR_INDEX) {
        gen_index_op(rows->g, op);
        return;
    }
    Val *out = NEW_ARRAY(rows->g->ctx, Val, gen_row_vectors(rows, columns(op)));
    row_results(rows, op, out);
    rows->g->places[op->out[0]->id].row = out;
}
