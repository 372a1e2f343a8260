/* A kernel as a function: its parallel loops become the item number, the rest is emitted op by op. */
#include "codegen/llvm/llvm_gen.h"

#include <stdio.h>
#include <string.h>

void gen_fail(Gen *g, const Op *op, const char *what) {
    char place[96] = "";
    ctx_fail(g->ctx, ST_FAILED, op ? ir_describe(op, place, sizeof place) : g->kernel->name,
             "report this: the passes should not let it through", "the CPU back end cannot compile this: %s", what);
}

/* The extent of a parallel axis, as CodePhase wants it. */
static int64_t extent_of(Gen *g, const Value *hi) {
    int64_t n;
    if (ir_const_value(hi, &n))
        return n;
    static const char *const NAMES[SYM_COUNT] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    const char *name = hi->def && hi->def->code == OP_ISYM ? op_text(hi->def, AT_SYM) : NULL;
    for (int s = 0; s < SYM_COUNT; s++)
        if (name && strcmp(NAMES[s], name) == 0)
            return DIM_SYM(s);
    gen_fail(g, hi->def, "a parallel axis must end at a constant or a size known at launch");
    return 1;
}

/* Emits the index ops before a block's parallel loop; returns that loop, or NULL if the block is the body proper. */
static const Op *axis_of(const Block *block) {
    const Op *op = block->first;
    while (op && op_info(op->code)->rule == TR_INDEX)
        op = op->next;
    return op && ir_is_axis(op) && (!op->next || op->next->code == OP_YIELD) ? op : NULL;
}

static void emit_until(Gen *g, const Block *block, const Op *end) {
    for (const Op *op = block->first; op != end; op = op->next)
        gen_index_op(g, op);
}

enum { MAX_AXES = 4 };

/* The item number counts row-major: each axis takes the rest of what the axes inside it leave. */
static void bind_axes(Gen *g, const Op *const *axes, int count, Val item) {
    Val rest = item;
    for (int i = count - 1; i >= 0; i--) {
        const Val extent = gen_ref(g, axes[i]->in[1]);
        const Val iv = i == 0 ? rest : LLVMBuildURem(g->b, rest, extent, "");
        rest = i == 0 ? rest : LLVMBuildUDiv(g->b, rest, extent, "");
        g->places[axes[i]->region->args[0]->id].ref = iv;
        const char *axis = op_text(axes[i], AT_AXIS);
        if (i > 0 && axis)
            LLVMSetValueName2(iv, axis, strlen(axis));
    }
}

/* Extents may be defined between the loops, but depend on constants and launch sizes alone: they are emitted first. */
static void emit_body(Gen *g, CodePhase *phase, Val item) {
    const Block *block = g->kernel->body;
    const Op    *axes[MAX_AXES];
    for (const Op *axis; (axis = axis_of(block)) && phase->axis_count < MAX_AXES; block = axis->region) {
        const Op *end = axis->in[1]->def;
        if (end)
            gen_index_op(g, end);
        phase->axes[phase->axis_count] = extent_of(g, axis->in[1]);
        axes[phase->axis_count++] = axis;
    }
    bind_axes(g, axes, phase->axis_count, item);
    const Block *inner = g->kernel->body;
    for (int i = 0; i < phase->axis_count; inner = axes[i++]->region)
        emit_until(g, inner, axes[i]);
    gen_ops(g, block);
}

static Val declare(Gen *g, const char *symbol) {
    const Ty       params[3] = {g->ptr, g->i64, g->ptr};
    const Val      function = LLVMAddFunction(g->module, symbol, LLVMFunctionType(g->none, (Ty *)params, 3, false));
    const unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(g->context, nounwind, 0));
    return function;
}

static void start_kernel(Gen *g, const Kernel *kernel) {
    g->kernel = kernel;
    g->places = NEW_ARRAY(g->ctx, Place, kernel->value_count);
    g->bases = NEW_ARRAY(g->ctx, Val, 5 * kernel->param_count + SYM_COUNT);
    g->temp = g->most_temp = (kernel->scratch_bytes + 63) / 64 * 64;
    g->sink = g->sink_bytes = 0;
}

void gen_kernel(Gen *g, const Kernel *kernel, CodePhase *phase) {
    start_kernel(g, kernel);
    snprintf(phase->symbol, sizeof phase->symbol, "rattan_%s_%s", g->ir->name, kernel->name);
    g->function = declare(g, phase->symbol);
    g->args = gen_param(g, 0, "args");
    const Val item = gen_param(g, 1, "item");
    g->scratch = gen_param(g, 2, "scratch");
    Blk entry = gen_block(g, "entry"), body = gen_block(g, "body");
    gen_enter(g, entry);
    gen_jump(g, body);
    gen_enter(g, body);
    emit_body(g, phase, item);
    LLVMBuildRetVoid(g->b);
    phase->scratch_bytes = g->most_temp;
}
