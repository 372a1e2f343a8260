/* What a phase is given: addresses and strides of parameters, sizes known at launch, scratch; and windows, the loads
 * and stores of parameters row by row. The layout of `args` is base/code_object.h's.
 * Values are loaded in the entry block on first use, so that they are there wherever they are wanted again. */
#include "codegen/llvm/llvm_gen.h"

#include <string.h>

/* Loads word `index` of args, once a kernel. */
static Val argument(Gen *g, int index, Ty type, const char *name) {
    if (g->bases[index])
        return g->bases[index];
    Blk back = gen_here(g);
    Blk entry = LLVMGetEntryBasicBlock(g->function);
    gen_enter(g, entry);
    g->bases[index] = gen_load(g, type, gen_bytes(g, g->args, 8 * (int64_t)index), 8, name);
    gen_enter(g, back);
    return g->bases[index];
}

int gen_param_index(Gen *g, const Op *op) {
    const char *name = op_text(op, AT_PARAM);
    for (int i = 0; i < g->kernel->param_count; i++)
        if (name && strcmp(g->kernel->params[i].name, name) == 0)
            return i;
    gen_fail(g, op, "no such parameter");
    return 0;
}

Val gen_param_base(Gen *g, int param) { return argument(g, 5 * param, g->ptr, g->kernel->params[param].name); }

Val gen_param_stride(Gen *g, int param, int dim) {
    return argument(g, 5 * param + 1 + dim, g->i64,
                    ctx_printf(g->ctx, "%s.stride%d", g->kernel->params[param].name, dim));
}

Val gen_sym(Gen *g, Sym sym) {
    static const char *const NAMES[] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    return argument(g, 5 * g->kernel->param_count + (int)sym, g->i64, NAMES[sym]);
}

Val gen_temp(Gen *g, int64_t bytes) {
    const Val address = gen_bytes(g, g->scratch, g->temp);
    g->temp += (bytes + 63) / 64 * 64;
    if (g->most_temp < g->temp)
        g->most_temp = g->temp;
    return address;
}

void gen_release(Gen *g, int64_t mark) {
    if (g->sink >= mark)
        g->sink_bytes = 0;
    g->temp = mark;
}

Val gen_sink(Gen *g, int64_t bytes) {
    if (g->sink_bytes < bytes) {
        g->sink = g->temp;
        g->sink_bytes = bytes;
        gen_temp(g, bytes);
    }
    return gen_bytes(g, g->scratch, g->sink);
}

Window gen_window(Gen *g, const Op *op) {
    Window w = {.param = gen_param_index(g, op)};
    w.rowdim = (int)op_int(op, AT_ROWDIM, -1);
    w.groupdim = (int)op_int(op, AT_GROUPDIM, -1);
    w.period = (int)op_int(op, AT_PERIOD, 1);
    w.wrap = op_int(op, AT_WRAP, 0);
    w.down = op_int(op, AT_DOWN, 0) == 1;
    w.dtype = g->kernel->params[w.param].dtype;
    for (int d = 0; d < 3; d++)
        w.at[d] = gen_ref(g, op->in[d]);
    w.lo = gen_ref(g, op->in[3]);
    w.hi = gen_ref(g, op->in[4]);
    return w;
}

static Val advance(Gen *g, const Window *w, Val address, int dim, Val coordinate) {
    int64_t n;
    if (gen_constant(coordinate, &n) && n == 0)
        return address;
    return gen_address(g, address, gen_storage(g, w->dtype),
                       gen_mul(g, coordinate, gen_param_stride(g, w->param, dim)));
}

/* All coordinates but the rowdim's, whose wrap comes after the row's own part is added. */
Val gen_window_base(Gen *g, const Window *w) {
    Val address = gen_param_base(g, w->param);
    for (int d = 0; d < 3; d++)
        if (d != w->rowdim)
            address = advance(g, w, address, d, w->at[d]);
    return address;
}

/* lo <= coordinate < hi, or NULL where neither bound can bite. */
static Val within(Gen *g, const Window *w, Val coordinate) {
    int64_t n;
    Val     inside = LLVMBuildICmp(g->b, LLVMIntSGE, coordinate, w->lo, "");
    if (!gen_constant(w->hi, &n) || n < IR_POS_INF)
        inside = LLVMBuildAnd(g->b, inside, gen_less(g, coordinate, w->hi), "present");
    return gen_constant(inside, &n) && n ? NULL : inside;
}

WindowRow gen_window_row(Gen *g, const Window *w, Val base, Val group, Val position) {
    WindowRow row = {base, NULL};
    if (w->groupdim >= 0)
        row.address = advance(g, w, row.address, w->groupdim, group);
    if (w->rowdim < 0)
        return row;
    Val coordinate = w->down ? gen_sub(g, w->at[w->rowdim], position) : gen_add(g, w->at[w->rowdim], position);
    row.present = within(g, w, coordinate);
    if (w->wrap > 0)
        coordinate = gen_floor_mod(g, coordinate, gen_int(g, w->wrap));
    row.address = advance(g, w, row.address, w->rowdim, coordinate);
    return row;
}

Val gen_window_ahead(Gen *g, const Window *w, Val address, int rows) {
    const int dim = w->rowdim >= 0 && w->period > 1 ? w->rowdim : w->groupdim;
    if (w->down && dim == w->rowdim)
        rows = -rows;
    return dim < 0 ? address : advance(g, w, address, dim, gen_int(g, rows));
}
