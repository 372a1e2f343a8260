/* transpose: square blocks of a register's lanes, turned in registers by log2(lanes) rounds of swaps. One function for
 * all shapes made of whole blocks, one for the others. There blocks that hang over the edge read and write their last
 * real row again: what that puts into columns past the edge is padding, and rows are written from the last to the
 * first, so that the real one comes last. */
#include "codegen/llvm/llvm_gen.h"

/* Round `half`: rows a and a + half exchange the off-diagonal quarters of each block of 2 half x 2 half. */
static void swap_round(Gen *g, Val *rows, int half) {
    int upper[16], lower[16];
    for (int l = 0; l < g->lanes; l++) {
        upper[l] = l & half ? g->lanes + l - half : l;
        lower[l] = l & half ? g->lanes + l : l + half;
    }
    for (int r = 0; r < g->lanes; r++) {
        if (r & half)
            continue;
        const Val x = rows[r], y = rows[r + half];
        rows[r] = gen_shuffle(g, x, y, upper, g->lanes);
        rows[r + half] = gen_shuffle(g, x, y, lower, g->lanes);
    }
}

enum { P_TO, P_FROM, P_ROWS, P_COLS, P_TO_STRIDE, P_FROM_STRIDE, PARAM_COUNT };

typedef struct Lines { /* consecutive rows of one side of a block */
    Val  base, stride, first, limit;
    bool edges; /* rows from `limit` on do not exist */
} Lines;

/* Where row first + l begins, or the last one that exists. */
static Val line(Gen *g, const Lines *lines, int l) {
    Val number = gen_int(g, l);
    if (lines->edges)
        number = gen_min(g, number, gen_sub(g, gen_sub(g, lines->limit, lines->first), gen_int(g, 1)));
    return gen_address(g, lines->base, g->f32, gen_mul(g, number, lines->stride));
}

static Lines lines_at(Gen *g, Val base, Val stride, Val first, Val column, Val limit, bool edges) {
    const Val start = gen_address(g, gen_address(g, base, g->f32, gen_mul(g, first, stride)), g->f32, column);
    return (Lines){start, stride, first, limit, edges};
}

static void block(Gen *g, const Val *p, Val row, Val column, bool edges) {
    const Lines from = lines_at(g, p[P_FROM], p[P_FROM_STRIDE], row, column, p[P_ROWS], edges);
    const Lines to = lines_at(g, p[P_TO], p[P_TO_STRIDE], column, row, p[P_COLS], edges);
    Val         rows[16];
    for (int l = 0; l < g->lanes; l++)
        rows[l] = gen_load_vector(g, DT_F32, line(g, &from, l), g->lanes);
    for (int half = g->lanes / 2; half >= 1; half /= 2)
        swap_round(g, rows, half);
    for (int l = g->lanes - 1; l >= 0; l--)
        gen_store_vector(g, DT_F32, line(g, &to, l), rows[l], g->lanes);
}

static Val transpose_function(Gen *g, bool edges) {
    static const char *const NAMES[PARAM_COUNT] = {"to", "from", "rows", "cols", "to_stride", "from_stride"};
    const char              *name = edges ? "transpose_edges" : "transpose";
    Val                      function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Ty      params[PARAM_COUNT] = {g->ptr, g->ptr, g->i64, g->i64, g->i64, g->i64};
    const Outside outside = gen_function_begin(g, name, g->none, params, PARAM_COUNT);
    function = g->function;
    Val p[PARAM_COUNT];
    for (int i = 0; i < PARAM_COUNT; i++)
        p[i] = gen_param(g, i, NAMES[i]);
    Loop rows, columns;
    gen_loop_open(g, &rows, "rows", gen_int(g, 0), p[P_ROWS], gen_int(g, g->lanes), NULL, 0);
    gen_loop_open(g, &columns, "columns", gen_int(g, 0), p[P_COLS], gen_int(g, g->lanes), NULL, 0);
    block(g, p, rows.iv, columns.iv, edges);
    gen_loop_close(g, &columns, NULL);
    gen_loop_close(g, &rows, NULL);
    gen_function_end(g, outside);
    return function;
}

void gen_transpose(Gen *g, const Op *op) {
    const Type from = op->in[0]->type, to = op->out[0]->type;
    Val        args[PARAM_COUNT] = {gen_home(g, op, 0),    gen_tile(g, op->in[0]),         gen_int(g, from.rows),
                                    gen_int(g, from.cols), gen_int(g, ir_tile_stride(to)),
                                    gen_int(g, ir_tile_stride(from))};
    g->places[op->out[0]->id].ref = args[0];
    if (from.rows == 1 || from.cols == 1)
        gen_copy_tile(g, to, args[0], args[1]);
    else
        gen_call(g, transpose_function(g, from.rows % g->lanes || from.cols % g->lanes), args, PARAM_COUNT);
}
