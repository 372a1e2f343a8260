/* dot element by element: for the odd shapes that no faster way takes. */
#include "codegen/llvm/llvm_gen.h"

static Val element(Gen *g, Val base, Val row, int64_t row_stride, Val step, int64_t step_stride) {
    const Val at = gen_add(g, gen_mul(g, row, gen_int(g, row_stride)), gen_mul(g, step, gen_int(g, step_stride)));
    return gen_load(g, g->f32, gen_address(g, base, g->f32, at), 4, "");
}

void gen_dot_plain(Gen *g, const Op *op) {
    const DotParts p = ir_dot_parts(op);
    const bool     ta = op_int(op, AT_TA, 0) != 0, tb = op_int(op, AT_TB, 0) != 0;
    const int64_t  a_stride = ir_tile_stride(p.x->type), b_stride = ir_tile_stride(p.y->type);
    const Val      a = gen_tile(g, p.x), b = gen_tile(g, p.y), c = gen_ref(g, op->out[0]);
    const Val      acc = p.acc ? gen_tile(g, p.acc) : NULL, scale = p.scale ? gen_tile(g, p.scale) : NULL;
    const Val      zero = gen_int(g, 0), one = gen_int(g, 1);
    Val            sum = LLVMConstReal(g->f32, 0);
    Loop           rows, columns, steps;
    gen_loop_open(g, &rows, "row", zero, gen_int(g, p.m), one, NULL, 0);
    gen_loop_open(g, &columns, "column", zero, gen_int(g, p.n), one, NULL, 0);
    if (acc)
        sum = element(g, acc, rows.iv, ir_tile_stride(p.acc->type), columns.iv, 1);
    if (acc && scale)
        sum = LLVMBuildFMul(g->b, sum, element(g, scale, rows.iv, 1, zero, 0), "");
    gen_loop_open(g, &steps, "k", zero, gen_int(g, p.k), one, &sum, 1);
    const Val x = element(g, a, rows.iv, ta ? 1 : a_stride, steps.iv, ta ? a_stride : 1);
    const Val y = element(g, b, steps.iv, tb ? 1 : b_stride, columns.iv, tb ? b_stride : 1);
    sum = gen_fma(g, x, y, steps.carried[0]);
    gen_loop_close(g, &steps, &sum);
    const Val at = gen_add(g, gen_mul(g, rows.iv, gen_int(g, ir_tile_stride(op->out[0]->type))), columns.iv);
    gen_store(g, steps.carried[0], gen_address(g, c, g->f32, at), 4);
    gen_loop_close(g, &columns, NULL);
    gen_loop_close(g, &rows, NULL);
}
