/* Segments of sequences, and the states that they start from: see segments.h. */
#include "passes/segments.h"

#include <string.h>

Value *segments_cut(Ctx *ctx, Kernel *kernel, Op *rows) {
    Builder      b = ir_before(ctx, kernel, rows);
    Op *const    loop = ir_for(&b, "segment", true, ir_i(&b, 0), ir_sym(&b, SYM_S), ir_i(&b, 1), NULL, 0);
    Builder      in = ir_at_end(ctx, kernel, loop->region);
    Value *const length = rows->in[1], *const size = ir_sym(&in, SYM_L);
    Value *const first = ir_ibin(&in, OP_IMUL, loop->region->args[0], size);
    op_unlink(rows);
    rows->in[0] = first;
    rows->in[1] = ir_ibin(&in, OP_IMIN, length, ir_ibin(&in, OP_IADD, first, size));
    op_insert(&in, rows);
    ir_yield(&in, NULL, 0);
    return loop->region->args[0];
}

const char *segments_param(Ctx *ctx, const char *sums, int state) {
    return state == 0 ? sums : ctx_printf(ctx, "%s%d", sums, state);
}

/* Of one segment, sequence and head; `rows` of the state. */
static Access access_sums(Builder *b, const char *param, Value *segment, Value *seq, Value *head, int rows) {
    return (Access){.param = param, .at = {segment, seq, ir_ibin(b, OP_IMUL, head, ir_i(b, rows))},
                    .rowdim = 2, .groupdim = -1, .period = rows};
}

static int64_t kv_heads_of(const Op *rows) {
    int64_t kv_heads = 1;
    ir_const_value(loop_around(rows, "kv_head")->in[1], &kv_heads);
    return kv_heads;
}

static Value *index_of(const Op *inside, const char *axis) { return loop_around(inside, axis)->region->args[0]; }

Value *segments_start(Ctx *ctx, const Op *rows, Builder *b, Value *segment, const char *param, Type state, bool transposed) {
    const int    stored_rows = transposed ? state.cols : state.rows, stored_cols = transposed ? state.rows : state.cols;
    Value       *zero = ir_f(b, 0, state.rows, state.cols);
    Op *const    started = ir_if(b, ir_ibin(b, OP_ILT, ir_i(b, 0), segment), &zero, 1);
    Builder      in = ir_at_end(ctx, b->kernel, started->region);
    Value *const before = index_offset(&in, segment, -1);
    const Access access = access_sums(&in, param, before, index_of(rows, "seq"), index_of(rows, "kv_head"), stored_rows);
    Value       *sum = ir_load(&in, &access, stored_rows, stored_cols);
    if (transposed)
        sum = ir_unary(&in, OP_TRANSPOSE, sum);
    ir_yield(&in, &sum, 1);
    return started->out[0];
}

static void erase_effects(Block *block, const Op *but) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (op != but && op->code != OP_YIELD && ir_has_effects(op))
            op_erase(op);
    }
}

/* What each segment but the last adds to the states goes to the parameters, and nothing else is done. */
static void store_states(Ctx *ctx, Kernel *kernel, const char *sums) {
    Op *const    rows = loop_find(kernel->body, "row");
    Value *const segment = index_of(rows, "segment"), *const head = index_of(rows, "kv_head");
    erase_effects(rows->parent, rows);
    erase_effects(rows->region, NULL);
    Builder      b = ir_before(ctx, kernel, rows);
    Value *const goes_on = ir_ibin(&b, OP_ILT, segment, ir_sym(&b, SYM_K));
    rows->in[1] = ir_ibin(&b, OP_IMUL, rows->in[1], goes_on);
    for (int s = 0; s < rows->out_count; s++) {
        const int F = rows->out[s]->type.rows;
        b = ir_before(ctx, kernel, rows);
        rows->in[3 + s] = ir_f(&b, 0, F, rows->out[s]->type.cols);
        Access access = access_sums(&b, segments_param(ctx, sums, s), segment, index_of(rows, "seq"), head, F);
        access.lo = access.at[2];
        access.hi = ir_ibin(&b, OP_IADD, access.lo, ir_ibin(&b, OP_IMUL, ir_i(&b, F), goes_on));
        b = ir_before(ctx, kernel, ir_terminator(rows->parent));
        ir_store(&b, &access, rows->out[s]);
    }
}

/* param[s] becomes param[0] + ... + param[s], in that order: of rows `first` and on of states. */
static void scan(Ctx *ctx, Kernel *kernel, Builder *b, Value *seq, Value *first, const char *param, int rows, int cols) {
    Value    *zero = ir_f(b, 0, rows, cols);
    Op *const loop = ir_for(b, "segment", false, ir_i(b, 0), ir_sym(b, SYM_K), ir_i(b, 1), &zero, 1);
    Builder   in = ir_at_end(ctx, kernel, loop->region);
    const Access access = {.param = param, .at = {loop->region->args[0], seq, first}, .rowdim = 2, .groupdim = -1, .period = rows};
    Value *const sum = ir_binary(&in, OP_ADD, loop->region->args[1], ir_load(&in, &access, rows, cols));
    ir_store(&in, &access, sum);
    ir_yield(&in, &sum, 1);
}

/* Rows of states that are added up at the same time as others. */
static int slice_rows(const Op *rows) {
    enum { SLICE = 16 };
    const int all = rows->out[0]->type.rows;
    for (int s = 0; s < rows->out_count; s++)
        if (rows->out[s]->type.rows != all)
            return 0;
    return all % SLICE == 0 ? SLICE : all;
}

/* Opens `for axis in 0 .. end {`; the builder stands inside. */
static Value *open_loop(Builder *b, const char *axis, Value *end) {
    Op *const loop = ir_for(b, axis, true, ir_i(b, 0), end, ir_i(b, 1), NULL, 0);
    *b = ir_at_end(b->ctx, b->kernel, loop->region);
    ir_yield(b, NULL, 0);
    *b = ir_before(b->ctx, b->kernel, ir_terminator(loop->region));
    return loop->region->args[0];
}

static Kernel *scan_kernel(Ctx *ctx, Module *scratch, const Kernel *states, const char *name, const char *sums) {
    Kernel *const   kernel = ir_kernel(ctx, scratch, ctx_printf(ctx, "%s_scan", name), LEVEL_TILE);
    const Op *const rows = loop_find(states->body, "row");
    const int       slice = slice_rows(rows);
    Builder         b = ir_at_end(ctx, kernel, kernel->body);
    Value *const    seq = open_loop(&b, "seq", ir_sym(&b, SYM_N)), *const head = open_loop(&b, "kv_head", ir_i(&b, kv_heads_of(rows)));
    Value *const    part = slice ? open_loop(&b, "part", ir_i(&b, rows->out[0]->type.rows / slice)) : NULL;
    for (int s = 0; s < rows->out_count; s++) {
        const Type state = rows->out[s]->type;
        Value     *first = ir_ibin(&b, OP_IMUL, head, ir_i(&b, state.rows));
        if (part)
            first = ir_ibin(&b, OP_IADD, first, ir_ibin(&b, OP_IMUL, part, ir_i(&b, slice)));
        scan(ctx, kernel, &b, seq, first, segments_param(ctx, sums, s), part ? slice : state.rows, state.cols);
    }
    return kernel;
}

/* The parameters of a module's kernels are the same. */
void segments_insert_kernel(Ctx *ctx, Module *module, int at, Kernel *kernel) {
    share_params(ctx, module->kernels[0], kernel);
    PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, kernel);
    for (int k = module->kernel_count - 1; k > at; k--)
        module->kernels[k] = module->kernels[k - 1];
    module->kernels[at] = kernel;
}

void segments_add_kernels(Ctx *ctx, Module *module, int at, Kernel *states, const char *name, const char *sums) {
    Module          scratch = {.name = module->name};
    const Op *const rows = loop_find(states->body, "row");
    store_states(ctx, states, sums);
    clean_kernel(states);
    Kernel *const scans = scan_kernel(ctx, &scratch, states, name, sums);
    states->name = ctx_printf(ctx, "%s_state", name);
    for (int s = 0; s < rows->out_count; s++) {
        const Type    state = rows->out[s]->type;
        const int64_t dims[4] = {DIM_SYM(SYM_K), DIM_SYM(SYM_N), kv_heads_of(rows) * state.rows, state.cols};
        for (int k = 0; k < module->kernel_count; k++)
            ir_param(ctx, module->kernels[k], segments_param(ctx, sums, s), DT_F32, PARAM_WORK, 4, dims);
    }
    segments_insert_kernel(ctx, module, at, scans);
    segments_insert_kernel(ctx, module, at, states);
}
