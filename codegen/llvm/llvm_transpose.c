/* transpose: square blocks of a register's lanes, turned in registers by log2(lanes) rounds of swaps. One function for each
 * shape. Blocks that hang over the edge read and write their last real row again: what that puts into columns past the
 * edge is padding, and rows are written from the last to the first, so that the real one comes last. */
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

static Val line(Gen *g, Val base, Val first, int l, int64_t limit, int64_t stride, Val column) {
    Val number = gen_add(g, first, gen_int(g, l));
    if (limit % g->lanes)
        number = gen_min(g, number, gen_int(g, limit - 1));
    return gen_address(g, gen_address(g, base, g->f32, gen_mul(g, number, gen_int(g, stride))), g->f32, column);
}

static void block(Gen *g, Type from_type, Type to_type, Val from, Val to, Val row, Val column) {
    Val rows[16];
    for (int l = 0; l < g->lanes; l++)
        rows[l] = gen_load_vector(g, DT_F32, line(g, from, row, l, from_type.rows, ir_tile_stride(from_type), column), g->lanes);
    for (int half = g->lanes / 2; half >= 1; half /= 2)
        swap_round(g, rows, half);
    for (int l = g->lanes - 1; l >= 0; l--)
        gen_store_vector(g, DT_F32, line(g, to, column, l, to_type.rows, ir_tile_stride(to_type), row), rows[l], g->lanes);
}

static Val transpose_function(Gen *g, Type from_type, Type to_type) {
    const char *name = ctx_printf(g->ctx, "transpose_%dx%d", from_type.rows, from_type.cols);
    Val         function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Ty      params[2] = {g->ptr, g->ptr};
    const Outside outside = gen_function_begin(g, name, params, 2);
    function = g->function;
    const Val to = gen_param(g, 0, "to"), from = gen_param(g, 1, "from"), step = gen_int(g, g->lanes);
    Loop      rows, columns;
    gen_loop_open(g, &rows, "rows", gen_int(g, 0), gen_int(g, from_type.rows), step, NULL, 0);
    gen_loop_open(g, &columns, "columns", gen_int(g, 0), gen_int(g, from_type.cols), step, NULL, 0);
    block(g, from_type, to_type, from, to, rows.iv, columns.iv);
    gen_loop_close(g, &columns, NULL);
    gen_loop_close(g, &rows, NULL);
    gen_function_end(g, outside);
    return function;
}

void gen_transpose(Gen *g, const Op *op) {
    const Type from = op->in[0]->type, to = op->out[0]->type;
    Val        args[2] = {gen_home(g, op, 0), gen_tile(g, op->in[0])};
    g->places[op->out[0]->id].ref = args[0];
    if (from.rows == 1 || from.cols == 1)
        gen_copy_tile(g, to, args[0], args[1]);
    else
        gen_call(g, transpose_function(g, from, to), args, 2);
}
