/* Loads, stores, copies into shared memory and barriers as CUDA C++. */
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

const char *cu_ctype(DType dtype) { return dtype == DT_BF16 ? "bf16" : dtype == DT_F16 ? "f16" : "float"; }

static const CodeParam *param_of(Gen *g, const Op *op) { return ir_find_param(g->kernel, op_text(op, AT_PARAM)); }

/* view(...) of a load, store or fetch whose coordinates start at operand `first`. */
static const char *view(Gen *g, const Op *op, int first) {
    const long  param = (long)(param_of(g, op) - g->kernel->params);
    const char *at[5];
    for (int i = 0; i < 5; i++)
        at[i] = cu_name(g, op->in[first + i]);
    return ctx_printf(g->ctx, "view(a.v + %ld, %s, %s, %s, %s, %s)", 5 * param, at[0], at[1], at[2], at[3], at[4]);
}

static const char *rows(Gen *g, const Op *op, int count) {
    return ctx_printf(g->ctx, "Rows<%d, %d, %d, %d, %d>", (int)op_int(op, AT_ROWDIM, -1),
                      (int)op_int(op, AT_GROUPDIM, -1), (int)op_int(op, AT_PERIOD, 1), (int)op_int(op, AT_WRAP, 0),
                      count);
}

static void load(Gen *g, const Op *op) {
    const Type  type = op->out[0]->type;
    const char *element = cu_ctype(param_of(g, op)->dtype), *name = cu_name(g, op->out[0]),
               *how = rows(g, op, type.rows);
    cu_declare(g, op->out[0]);
    switch (cu_shape(type)) {
    case SHAPE_TILE:
        cu_line(g, "load_tile<%s, %s, %d, %d>(%s, %s);", element, how, g->kernel->warps, type.cols, name,
                view(g, op, 0));
        return;
    case SHAPE_COLUMN:
        cu_line(g, "load_column<%s, %s, %d>(%s, %s);", element, how, g->kernel->warps, name, view(g, op, 0));
        return;
    case SHAPE_ROW: cu_line(g, "load_row<%s, %s, %d>(%s, %s);", element, how, type.cols, name, view(g, op, 0)); return;
    case SHAPE_NUMBER: cu_line(g, "%s = load_scalar<%s, %s>(%s);", name, element, how, view(g, op, 0)); return;
    }
}

static void store(Gen *g, const Op *op) {
    const Type  type = op->in[5]->type;
    const char *element = cu_ctype(param_of(g, op)->dtype), *name = cu_name(g, op->in[5]),
               *how = rows(g, op, type.rows);
    if (op->in[5]->def && op->in[5]->def->code == OP_FCONST) { /* an array to store from */
        name = ctx_printf(g->ctx, "%s_%d", name, g->tables++);
        cu_line(g, "float %s[%d][%d];", name, cu_slabs(g, type), cu_numbers(type));
        cu_line(g, "EACH(%d, %d) %s[s][i] = %s;", cu_slabs(g, type), cu_numbers(type), name, cu_element(g, op->in[5], cu_shape(type)));
    }
    if (cu_shape(type) == SHAPE_TILE)
        cu_line(g, "store_tile<%s, %s, %d, %d>(%s, %s);", element, how, g->kernel->warps, type.cols, name,
                view(g, op, 0));
    else if (cu_shape(type) == SHAPE_COLUMN)
        cu_line(g, "store_column<%s, %s, %d>(%s, %s);", element, how, g->kernel->warps, name, view(g, op, 0));
    else
        cu_fail(g, op, "a store of a single row");
}

static const char *slot(Gen *g, const Op *op) {
    const Value *ring = op->in[0];
    const Type   type = ring->type;
    if (type.slots == 1)
        return ctx_printf(g->ctx, "shared + %lldu", (long long)type.offset);
    return ctx_printf(g->ctx, "shared + %lldu + (u32)%s %% %du * %lldu", (long long)type.offset, cu_name(g, op->in[1]),
                      type.slots, (long long)ir_shared_bytes(type_ring_tile(type)));
}

static void fetch(Gen *g, const Op *op) {
    const Type type = type_ring_tile(op->in[0]->type);
    cu_line(g, "fetch<%s, %s, %d, %d, %d>(%s, %s, %s_aligned);", cu_ctype(type.dtype), rows(g, op, type.rows),
            g->kernel->warps, type.rows, type.cols, slot(g, op), view(g, op, 2), op_text(op, AT_PARAM));
}

static bool is_no_fetch(Op *op, void *param) {
    return op->code != OP_FETCH || strcmp(op_text(op, AT_PARAM), param) != 0;
}

/* Whether copies of 16 bytes may be used: asked once for every parameter that is fetched. */
void cu_declare_aligned(Gen *g) {
    for (int p = 0; p < g->kernel->param_count; p++)
        if (!ir_walk(g->kernel->body, is_no_fetch, (void *)g->kernel->params[p].name))
            cu_line(g, "const bool %s_aligned = aligned<%s>(a.v + %d, 16);", g->kernel->params[p].name,
                    cu_ctype(g->kernel->params[p].dtype), 5 * p);
}

static void put(Gen *g, const Op *op) {
    const Type type = op->in[2]->type;
    cu_line(g, "put<%d, %d, %d>(%s, %s);", g->kernel->warps, type.rows, type.cols, slot(g, op), cu_name(g, op->in[2]));
}

bool cu_memory_op(Gen *g, const Op *op) {
    switch (op->code) {
    case OP_LOAD: load(g, op); return true;
    case OP_STORE: store(g, op); return true;
    case OP_RING: return true; /* a place in shared memory */
    case OP_RING_PUT: put(g, op); return true;
    case OP_RING_GET: cu_line(g, "const u32 %s = %s;", cu_name(g, op->out[0]), slot(g, op)); return true;
    case OP_FETCH: fetch(g, op); return true;
    case OP_COMMIT: cu_line(g, "commit();"); return true;
    case OP_WAIT: cu_line(g, "wait<%d>();", (int)op_int(op, AT_COUNT, 0)); return true;
    case OP_BARRIER: cu_line(g, "__syncthreads();"); return true;
    default: return false;
    }
}
