/* A kernel as a __global__ function: its axes become the block's number, the rest is printed op by op. */
#include "codegen/ptx/ptx_gen.h"

#include <stdio.h>
#include <string.h>

enum { MAX_AXES = 4 };

void cu_fail(Gen *g, const Op *op, const char *what) {
    char place[96] = "";
    ctx_fail(g->ctx, ST_FAILED, op ? ir_describe(op, place, sizeof place) : g->kernel->name,
             "report this: the passes should not let it through", "the GPU back end cannot compile this: %s", what);
}

void cu_line(Gen *g, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int   length = vsnprintf(NULL, 0, format, args);
    char *const line = ctx_alloc(g->ctx, (size_t)length + 1);
    vsnprintf(line, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    text_add(&g->out, "%*s%s\n", 4 * g->depth, "", line);
}

void cu_set_name(Gen *g, const Value *value, const char *name) { g->names[value->id] = name; }

const char *cu_name(Gen *g, const Value *value) {
    int64_t constant;
    if (value->type.cls == TY_INDEX && ir_const_value(value, &constant))
        return ctx_printf(g->ctx, "%lldLL", (long long)constant);
    if (!g->names[value->id])
        g->names[value->id] = ctx_printf(g->ctx, "%c%d", value->type.cls == TY_INDEX ? 'n' : 't', value->id);
    return g->names[value->id];
}

/* ---- Index ops ---- */

static int sym_number(const char *name) {
    static const char *const NAMES[SYM_COUNT] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    for (int s = 0; s < SYM_COUNT; s++)
        if (strcmp(NAMES[s], name) == 0)
            return s;
    return -1;
}

static const char *index_expression(Gen *g, const Op *op) {
    const char *x = op->in_count > 0 ? cu_name(g, op->in[0]) : "", *y = op->in_count > 1 ? cu_name(g, op->in[1]) : "";
    switch (op->code) {
    case OP_ISYM: return ctx_printf(g->ctx, "a.v[%d]", 5 * g->kernel->param_count + sym_number(op_text(op, AT_SYM)));
    case OP_ILOAD:
        return ctx_printf(g->ctx, "((const int *)a.v[%ld])[%s]",
                          5 * (long)(ir_find_param(g->kernel, op_text(op, AT_PARAM)) - g->kernel->params), x);
    case OP_IADD: return ctx_printf(g->ctx, "%s + %s", x, y);
    case OP_ISUB: return ctx_printf(g->ctx, "%s - %s", x, y);
    case OP_IMUL: return ctx_printf(g->ctx, "%s * %s", x, y);
    case OP_IDIV: return ctx_printf(g->ctx, "floor_div(%s, %s)", x, y);
    case OP_IMOD: return ctx_printf(g->ctx, "floor_mod(%s, %s)", x, y);
    case OP_IMIN: return ctx_printf(g->ctx, "smaller(%s, %s)", x, y);
    case OP_IMAX: return ctx_printf(g->ctx, "larger(%s, %s)", x, y);
    case OP_ILT: return ctx_printf(g->ctx, "(i64)(%s < %s)", x, y);
    default: return NULL;
    }
}

static bool index_op(Gen *g, const Op *op) {
    if (op->code == OP_ICONST)
        return true; /* stands where it is used */
    const char *expression = index_expression(g, op);
    if (expression)
        cu_line(g, "const i64 %s = %s;", cu_name(g, op->out[0]), expression);
    return expression != NULL;
}

/* ---- Control ---- */

static void declare_any(Gen *g, const Value *value) {
    if (value->type.cls == TY_INDEX)
        cu_line(g, "i64 %s;", cu_name(g, value));
    else
        cu_declare(g, value);
}

/* What is yielded was made in this turn, or stays where it is: assignments cannot disturb each other. */
static void assign_carried(Gen *g, const Op *loop, const Op *yield) {
    const Block *body = loop->region;
    for (int c = 0; c < loop->out_count; c++) {
        Value *const from = yield->in[c];
        if (from->owner != body || from == body->args[c + 1])
            continue;
        cu_fail(g, loop, "carried values that change places");
        return;
    }
    for (int c = 0; c < loop->out_count; c++)
        if (yield->in[c] != body->args[c + 1])
            cu_move(g, loop->out[c], yield->in[c]);
}

static void loop(Gen *g, const Op *op) {
    const Block *body = op->region;
    const char  *number = cu_name(g, body->args[0]);
    for (int c = 0; c < op->out_count; c++) {
        declare_any(g, op->out[c]);
        cu_move(g, op->out[c], op->in[c + 3]);
        cu_set_name(g, body->args[c + 1], cu_name(g, op->out[c]));
    }
    const char *end = ctx_printf(g->ctx, "%s_end", number);
    cu_line(g, "const i64 %s = opaque(%s);", end, cu_name(g, op->in[1]));
    cu_line(g, "#pragma unroll 1");
    cu_line(g, "for (i64 %s = %s; %s < %s; %s += %s) { // %s", number, cu_name(g, op->in[0]), number, end, number,
            cu_name(g, op->in[2]), op_text(op, AT_AXIS));
    g->depth++;
    cu_block(g, body);
    assign_carried(g, op, ir_terminator(body));
    g->depth--;
    cu_line(g, "}");
}

static void branch(Gen *g, const Op *op) {
    for (int r = 0; r < op->out_count; r++) {
        declare_any(g, op->out[r]);
        cu_move(g, op->out[r], op->in[r + 1]);
    }
    cu_line(g, "if (%s) {", cu_name(g, op->in[0]));
    g->depth++;
    cu_block(g, op->region);
    for (int r = 0; r < op->out_count; r++)
        cu_move(g, op->out[r], ir_terminator(op->region)->in[r]);
    g->depth--;
    cu_line(g, "}");
}

void cu_block(Gen *g, const Block *block) {
    for (const Op *op = block->first; op; op = op->next) {
        if (op->code == OP_YIELD || index_op(g, op) || cu_memory_op(g, op) || cu_tile_op(g, op))
            continue;
        if (op->code == OP_FOR)
            loop(g, op);
        else if (op->code == OP_IF)
            branch(g, op);
        else
            cu_fail(g, op, "no code for this op");
    }
}

/* ---- The grid ---- */

static bool is_axis(const Op *op) { return op->code == OP_FOR && op_int(op, AT_PAR, 0) == 1; }

/* The block's parallel loop, if index ops are all that stands beside it. */
static const Op *axis_of(const Block *block) {
    const Op *axis = NULL;
    for (const Op *op = block->first; op; op = op->next) {
        if (is_axis(op) && !axis)
            axis = op;
        else if (op->code != OP_YIELD && op_info(op->code)->rule != TR_INDEX)
            return NULL;
    }
    return axis;
}

static int64_t extent_of(Gen *g, const Op *axis) {
    int64_t      n;
    const Value *hi = axis->in[1];
    if (!ir_is_const(axis->in[0], 0) || !ir_is_const(axis->in[2], 1))
        cu_fail(g, axis, "a parallel axis must count from 0 by 1");
    if (ir_const_value(hi, &n))
        return n;
    if (hi->def && hi->def->code == OP_ISYM)
        return DIM_SYM(sym_number(op_text(hi->def, AT_SYM)));
    cu_fail(g, hi->def, "a parallel axis must end at a constant or a size known at launch");
    return 1;
}

static const char *extent_text(Gen *g, int64_t extent) {
    if (extent >= 0)
        return ctx_printf(g->ctx, "%lldu", (long long)extent);
    return ctx_printf(g->ctx, "(u32)a.v[%lld]", (long long)(5 * g->kernel->param_count - 1 - extent));
}

/* The block's number counts row-major, the first axis slowest. */
static const Block *open_grid(Gen *g, CodePhase *phase) {
    const Op    *axes[MAX_AXES];
    const Block *block = g->kernel->body;
    for (const Op *axis; (axis = axis_of(block)) && phase->axis_count < MAX_AXES; block = axis->region) {
        phase->axes[phase->axis_count] = extent_of(g, axis);
        axes[phase->axis_count++] = axis;
    }
    cu_line(g, "u32 rest = blockIdx.x;");
    for (int i = phase->axis_count - 1; i >= 0; i--) {
        const char *extent = extent_text(g, phase->axes[i]);
        cu_line(g, "const i64 %s = rest%s%s; // %s", cu_name(g, axes[i]->region->args[0]), i ? " % " : "",
                i ? extent : "", op_text(axes[i], AT_AXIS));
        if (i)
            cu_line(g, "rest /= %s;", extent);
    }
    const Block *outer = g->kernel->body;
    for (int i = 0; i < phase->axis_count; outer = axes[i++]->region)
        for (const Op *op = outer->first; op; op = op->next)
            index_op(g, op);
    return block;
}

static bool multiplies_floats(Op *op, void *arg) {
    bool *found = arg;
    *found = *found || (op->code == OP_DOT && op->in[1]->type.dtype == DT_F32 && !op_int(op, AT_TA, 0));
    return !*found;
}

typedef struct Widest {
    const Gen *g;
    int        floats;
    bool       products;
} Widest;

static bool note_widest(Op *op, void *arg) {
    Widest *w = arg;
    w->products |= op->code == OP_DOT;
    for (int r = 0; r < op->out_count; r++) {
        const Type type = op->out[r]->type;
        const int  floats = type.cls == TY_TILE && cu_shape(type) == SHAPE_TILE && op->code != OP_RING_GET
                                ? cu_slabs(w->g, type) * cu_numbers(type)
                                : 0;
        w->floats = floats > w->floats ? floats : w->floats;
    }
    return true;
}

/* Blocks that a multiprocessor shall hold at once: main's are the schedule's; two where few tiles live at once and are
 * small, so that 128 registers suffice even for large blocks. */
static int resident_blocks(const Gen *g) {
    Widest    w = {.g = g};
    const int threads = 32 * g->kernel->warps;
    if (g->kernel == g->module->kernels[g->module->kernel_count - 1])
        return g->schedule->blocks;
    ir_walk(g->kernel->body, note_widest, &w);
    return w.products && w.floats <= 64 && g->target->registers >= 2 * threads * 128 ? 2 : 1;
}

void cu_kernel(Gen *g, const Kernel *kernel, CodePhase *phase) {
    bool strips = false;
    g->kernel = kernel;
    g->names = NEW_ARRAY(g->ctx, const char *, kernel->value_count + 1);
    ir_walk(kernel->body, multiplies_floats, &strips);
    g->strips = kernel->scratch_bytes;
    phase->threads = 32 * kernel->warps;
    phase->shared_bytes = kernel->scratch_bytes + (strips ? SHARED_STRIP_BYTES * kernel->warps : 0);
    snprintf(phase->symbol, sizeof phase->symbol, "rattan_%s_%s", g->module->name, kernel->name);
    cu_line(g, "// %d threads, %lld bytes of shared memory", phase->threads, (long long)phase->shared_bytes);
    cu_line(g, "extern \"C\" __global__ void __launch_bounds__(%d, %d) %s(const __grid_constant__ Args a) {",
            phase->threads, resident_blocks(g), phase->symbol);
    g->depth++;
    if (phase->shared_bytes)
        cu_line(g, "const u32 shared = shared_base();");
    cu_declare_aligned(g);
    cu_block(g, open_grid(g, phase));
    g->depth--;
    cu_line(g, "}\n");
}
