/* The second operand of a dot: a tile in scratch, or a view of a parameter, read where it lies. Rows of a view that are
 * there are consecutive, so they form one run, or two where a ring wraps between them. */
#include "codegen/llvm/llvm_gen.h"

static Operand in_scratch(Gen *g, const Value *value) {
    Operand o = {.run_count = 1, .whole = true, .dtype = value->type.dtype};
    o.runs[0] = (Run){gen_int(g, 0), gen_int(g, value->type.rows), gen_tile(g, value)};
    o.stride = gen_int(g, ir_tile_stride(value->type));
    return o;
}

/* Rows run along one dim with a fixed stride. Other views are copied to scratch first. */
static bool simple(const Op *load, const Window *w, int rows) {
    const bool along_rows = w->rowdim >= 0 && w->period >= rows;
    return load->out[0]->type.cols > 1 && along_rows && (w->wrap == 0 || w->wrap >= rows);
}

static Operand view(Gen *g, const Window *w, int rows) {
    const Val none = gen_int(g, 0), all = gen_int(g, rows), at = w->at[w->rowdim];
    const Val base = gen_window_base(g, w), first = gen_max(g, none, gen_min(g, all, gen_sub(g, w->lo, at)));
    int64_t   known;
    Val       end = all;
    if (!gen_constant(w->hi, &known) || known < IR_POS_INF)
        end = gen_max(g, first, gen_min(g, all, gen_sub(g, w->hi, at)));
    Operand  o = {.run_count = 1, .dtype = w->dtype, .stride = gen_param_stride(g, w->param, w->rowdim)};
    Val      slot = gen_add(g, at, first), count = gen_sub(g, end, first);
    const Ty type = gen_storage(g, w->dtype);
    if (w->wrap > 0) {
        slot = gen_floor_mod(g, slot, gen_int(g, w->wrap));
        const Val before = gen_min(g, count, gen_sub(g, gen_int(g, w->wrap), slot));
        o.runs[1] = (Run){gen_add(g, first, before), gen_sub(g, count, before), base};
        o.run_count = 2;
        count = before;
    }
    o.runs[0] = (Run){first, count, gen_address(g, base, type, gen_mul(g, slot, o.stride))};
    return o;
}

Operand gen_operand(Gen *g, const Value *value) {
    const Op *load = value->def;
    if (value->type.space != SPACE_GLOBAL || !load || load->code != OP_LOAD)
        return in_scratch(g, value);
    const Window w = gen_window(g, load);
    return simple(load, &w, value->type.rows) ? view(g, &w, value->type.rows) : in_scratch(g, value);
}
