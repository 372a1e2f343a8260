/* grid: parallel loops become axes of a grid of blocks.
 * In: kernels whose leading parallel loops have any bounds and steps. Out: each such loop counts from 0 by 1 up to a
 * constant or a size known at launch; row tiles are counted by R, and a block whose tile may begin behind its sequence
 * asks first. Every kernel knows the warps of its blocks. */
#include "passes/loops.h"

#include <string.h>

static bool is_axis(const Op *op) { return op->code == OP_FOR && op_int(op, AT_PAR, 0); }

/* iv -> lo + number * step, the loop counts numbers. */
static Value *normalize(Ctx *ctx, Kernel *kernel, Op *loop) {
    int64_t lo, hi, step;
    if (!ir_const_value(loop->in[2], &step))
        return NULL;
    const bool rows = loop_is(loop, "row") && step != 1, zero = ir_const_value(loop->in[0], &lo);
    const bool known = ir_const_value(loop->in[1], &hi);
    if ((!zero && !rows) || (lo == 0 && step == 1))
        return NULL;
    Value *const number = loop->region->args[0], *const limit = loop->in[1];
    Builder      b = ir_before(ctx, kernel, loop), in = ir_before(ctx, kernel, loop->region->first);
    Value *const scaled = ir_op(&in, OP_IMUL, (Value *[]){number, ir_i(&in, step)}, 2, NULL, 0)->out[0];
    Value *const iv = zero ? index_offset(&in, scaled, lo) : ir_ibin(&in, OP_IADD, scaled, loop->in[0]);
    ir_replace_uses(kernel, number, iv);
    scaled->def->in[0] = number;
    loop->in[0] = ir_i(&b, 0);
    loop->in[2] = ir_i(&b, 1);
    loop->in[1] = rows    ? ir_sym(&b, SYM_R)
                  : known ? ir_i(&b, (hi - lo + step - 1) / step)
                          : index_ceil_div(&b, index_offset(&b, limit, -lo), step);
    return rows ? ir_ibin(&in, OP_ILT, iv, limit) : NULL;
}

/* 0 or 1. */
static bool is_truth(const Value *value) {
    const Op *const def = value->def;
    return def && (def->code == OP_ILT || (def->code == OP_IMUL && is_truth(def->in[0]) && is_truth(def->in[1])));
}

typedef struct Instead {
    const Value *old;
    Value       *by;
} Instead;

static bool take_instead(Op *op, void *arg) {
    const Instead *instead = arg;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] == instead->old)
            op->in[i] = instead->by;
    return true;
}

/* The n-th row tile begins at a positive multiple of n: not with a fold, whose tiles may begin before the first row. */
static bool is_from_zero(const Value *row) {
    const Op *const def = row->def;
    int64_t         step;
    return def && def->code == OP_IMUL && !def->in[0]->def && ir_const_value(def->in[1], &step) && step > 0;
}

/* Where a row, 0 or more, lies below a number times a truth, the number alone is said: of extend, whose sequences without a
 * slot have no rows. */
static void assume(Block *block, const Value *condition) {
    const Op *const limit = condition->def->in[1]->def;
    if (!is_from_zero(condition->def->in[0]) || !limit || limit->code != OP_IMUL ||
        (!is_truth(limit->in[0]) && !is_truth(limit->in[1])))
        return;
    Instead instead = {limit->out[0], limit->in[is_truth(limit->in[0])]};
    ir_walk(block, take_instead, &instead);
}

/* All of the block but its yield, and what the condition is made of, goes into an if. */
static void guard(Ctx *ctx, Kernel *kernel, Block *block, Value *condition) {
    Op *const end = ir_terminator(block);
    Builder   b = ir_before(ctx, kernel, end);
    Op *const only = ir_if(&b, condition, NULL, 0);
    Builder   in = ir_at_end(ctx, kernel, only->region);
    Op *const first = condition->def->parent == block ? condition->def->next : block->first;
    for (Op *op = first, *next; op != only; op = next) {
        next = op->next;
        op_unlink(op);
        op_insert(&in, op);
    }
    ir_yield(&in, NULL, 0);
    if (!loop_has_roles(kernel)) /* whose registers are counted otherwise */
        assume(only->region, condition);
}

typedef struct Widest {
    int rows;
} Widest;

static bool note_rows(Op *op, void *arg) {
    Widest *w = arg;
    for (int r = 0; r < op->out_count; r++)
        if (op->out[r]->type.cls == TY_TILE && op->code != OP_RING_GET && op->out[r]->type.rows > w->rows)
            w->rows = op->out[r]->type.rows;
    return true;
}

static bool note_computing(Op *op, void *arg) {
    int *warps = arg;
    if (op->code == OP_ROLE && strcmp(op_text(op, AT_ROLE), "compute") == 0)
        *warps = (int)op_int(op, AT_WARPS, 0);
    return *warps == 0;
}

/* A warp holds 16 rows of every tile at least. */
static int warps_for(const Kernel *kernel, const PassArgs *args, bool is_main) {
    Widest w = {1};
    int    computing = 0;
    if (is_main && args->schedule->warps)
        return args->schedule->warps;
    ir_walk(kernel->body, note_computing, &computing);
    if (computing) /* of each role that does */
        return computing;
    ir_walk(kernel->body, note_rows, &w);
    const int slabs = (w.rows + 15) / 16;
    return slabs < 8 ? slabs : 8;
}

/* Normalizes the axes from this block on; returns the block inside of them. */
static Block *visit_axes(Ctx *ctx, Kernel *kernel, Block *block, Value **there) {
    for (Op *op = block->first; op; op = op->next)
        if (is_axis(op)) {
            Value *const condition = normalize(ctx, kernel, op);
            if (condition)
                *there = condition;
            return visit_axes(ctx, kernel, op->region, there);
        }
    return block;
}

/* Of sequences of T tokens each, R counts the row tiles exactly: none begins behind its sequence, unless the kernel's tiles
 * have more rows than the module's. */
static bool is_counted(const Module *module, const Kernel *kernel, const Value *there) {
    const Op *limit = there->def->in[1]->def, *scaled = there->def->in[0]->def;
    const bool same = scaled && scaled->code == OP_IMUL && ir_is_const(scaled->in[1], module->chunk);
    return !ir_find_param(kernel, "cu_seqlens") && same && limit && limit->code == OP_ISYM &&
           strcmp(op_text(limit, AT_SYM), "T") == 0;
}

/* Kernels that take heads by slices learn at launch how many there are. */
static void count_heads(Ctx *ctx, const PassArgs *args, Kernel *kernel) {
    for (Op *op = kernel->body->first; op; op = is_axis(op) ? op->region->first : op->next) {
        if (!is_axis(op) || (!loop_is(op, "kv_head") && !loop_is(op, "head")))
            continue;
        Builder b = ir_before(ctx, kernel, op);
        op->in[1] = ir_sym(&b, ir_is_const(op->in[1], args->spec->kv_heads) ? SYM_H : SYM_G);
    }
}

static void note_axes(Ctx *ctx, const PassArgs *args, const Kernel *kernel) {
    Text axes = TEXT(ctx);
    for (const Op *op = kernel->body->first; op; op = is_axis(op) ? op->region->first : op->next)
        if (is_axis(op))
            text_add(&axes, "%s%s", axes.length ? ", " : "", op_text(op, AT_AXIS));
    pass_note(ctx, args, kernel, "a block for each (%s)", text_str(&axes));
}

typedef struct Reads {
    const Kernel *states;
    bool          work;
} Reads;

static bool note_read(Op *op, void *arg) {
    Reads *r = arg;
    r->work |= op->code == OP_LOAD && is_stored(r->states->body, op_text(op, AT_PARAM));
    return !r->work;
}

/* Kind forward: all that main takes from the kernel before, its threads that send bring. NULL: so it is; else why main runs behind. */
static const char *runs_behind(const Kernel *states, const Kernel *main, const PassArgs *args) {
    Reads reads = {.states = states};
    if (args->schedule->head_slices != 1)
        return "heads go by slices";
    if (ir_find_param(main, "cu_seqlens"))
        return "sequences are packed";
    if (ir_holds(states->body, OP_SIGNAL))
        return "keys are turned by the kernel before, which tells tile by tile what is there";
    ir_walk(main->body, note_read, &reads);
    return reads.work ? "warps that compute load what the kernel before makes" : NULL;
}

/* Is what makes states the only kernel before main that runs? Of whole sequences there are no segments to sum up. */
static bool are_alone(const Module *module, const PassArgs *args) {
    const int  last = module->kernel_count - 1;
    const bool summed = last == 2 && strcmp(module->kernels[0]->name, "segment_state") == 0 && !args->schedule->segment;
    return (last == 1 || summed) && strcmp(module->kernels[last - 1]->name, "states") == 0;
}

/* Where nothing but the states, features and old keys of a sequence and head lies between both kernels, main may run beside
 * the one that makes them: how far its blocks are is counted in `made`, a number for each of them, the items that main's
 * blocks have taken in `items`. Both are the code generator's: IR runs one kernel behind the other. */
static void run_beside(Ctx *ctx, Module *module, const PassArgs *args) {
    const int last = module->kernel_count - 1;
    if ((args->kind != KIND_EXTEND && args->kind != KIND_FORWARD) || !args->schedule->beside || last < 1 ||
        !are_alone(module, args))
        return;
    Kernel *const   states = module->kernels[last - 1], *const main = module->kernels[last];
    const Op *const part = loop_find(states->body, "part");
    int64_t         parts = 0;
    if (!part || !ir_const_value(part->in[1], &parts) || !loop_has_roles(states) || !loop_has_roles(main) ||
        (args->kind == KIND_EXTEND && !ir_find_param(main, "all_k")))
        return;
    const char *const behind = args->kind == KIND_FORWARD ? runs_behind(states, main, args) : NULL;
    if (behind) {
        pass_note(ctx, args, main, "begins behind the states: %s", behind);
        return;
    }
    const int64_t heads = args->spec->kv_heads;
    for (int k = 0; k <= last; k++) {
        const int64_t made[4] = {1, DIM_SYM(SYM_N), heads, parts}, one[4] = {1, 1, 1, 1};
        ir_param(ctx, module->kernels[k], "made", DT_I32, PARAM_WORK, 4, made);
        ir_param(ctx, module->kernels[k], "items", DT_I32, PARAM_WORK, 4, one);
    }
    pass_note(ctx, args, main, "begins while %d blocks make states, and waits for those of its sequence and head",
              args->schedule->beside);
}

Status pass_grid(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *const kernel = module->kernels[k];
        Value        *there = NULL;
        Block *const  inner = visit_axes(ctx, kernel, kernel->body, &there);
        const bool stores = args->kind == KIND_BACKWARD || (there && there->def->parent != inner);
        if (there && stores && !is_counted(module, kernel, there))
            guard(ctx, kernel, inner, there);
        if (args->schedule->head_slices != 1)
            count_heads(ctx, args, kernel);
        kernel->warps = warps_for(kernel, args, strcmp(kernel->name, "main") == 0);
        note_axes(ctx, args, kernel);
    }
    run_beside(ctx, module, args);
    return ST_OK;
}
