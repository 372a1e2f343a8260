/* Kind backward in segments: gradients of parameters that rows share.
 * In: kernel `parts`, in which every sequence and head sums up its rows' gradients, parts of many tiles one after the other, and
 * kernels `total_*`, which add these sums up over sequences. Out: `parts` does so for each segment, whose sums the totals add up
 * in order. Where the kernel stores anything else, as gradients of initial states, which are whole by sequence, it stays. */
#include "passes/segments.h"

#include <string.h>

static const char SUFFIX[] = "_parts";

static bool is_part(const char *param) {
    const size_t length = strlen(param), suffix = sizeof SUFFIX - 1;
    return length > suffix && strcmp(param + length - suffix, SUFFIX) == 0;
}

static bool stores_parts(Op *op, void *arg) {
    (void)arg;
    return op->code != OP_STORE || is_part(op_text(op, AT_PARAM));
}

/* ---- Kernel parts ---- */

typedef struct Cutting {
    Ctx    *ctx;
    Kernel *kernel;
    Value  *segment, *first, *past; /* the segment, and its parts of a sequence */
} Cutting;

static bool cut_sum(Op *op, void *arg) {
    const Cutting *c = arg;
    Builder        b = ir_before(c->ctx, c->kernel, op);
    if (loop_is(op, "part")) {
        op->in[0] = c->first;
        op->in[1] = ir_ibin(&b, OP_IMIN, op->in[1], c->past);
    } else if (op->code == OP_STORE) { /* [N, heads, 1, cols]  ->  [S, N, heads, cols] */
        op->in[2] = op->in[1];
        op->in[1] = op->in[0];
        op->in[0] = c->segment;
    }
    return true;
}

/* What is computed for a sequence and head goes into a loop over segments. */
static void cut_sums(Ctx *ctx, Kernel *kernel, int64_t tokens_a_part) {
    Block *const heads = loop_find(kernel->body, "kv_head")->region;
    Op *const    inner = heads->first;
    Builder      b = ir_before(ctx, kernel, inner);
    Op *const    loop = ir_for(&b, "segment", true, ir_i(&b, 0), ir_sym(&b, SYM_S), ir_i(&b, 1), NULL, 0);
    Builder      in = ir_at_end(ctx, kernel, loop->region);
    Cutting      c = {.ctx = ctx, .kernel = kernel, .segment = loop->region->args[0]};
    Value *const start = ir_ibin(&in, OP_IMUL, c.segment, ir_sym(&in, SYM_L));
    c.first = index_ceil_div(&in, start, tokens_a_part);
    c.past = index_ceil_div(&in, ir_ibin(&in, OP_IADD, start, ir_sym(&in, SYM_L)), tokens_a_part);
    for (Op *op = inner, *next; op->code != OP_YIELD; op = next) {
        next = op->next;
        op_unlink(op);
        op_insert(&in, op);
    }
    ir_yield(&in, NULL, 0);
    ir_walk(loop->region, cut_sum, &c);
}

/* ---- Kernels total_* ---- */

static bool find_part(Op *op, void *arg) {
    Op **found = arg;
    if (op->code == OP_LOAD && is_part(op_text(op, AT_PARAM)))
        *found = op;
    return !*found;
}

/* The sum over sequences goes into a loop over segments. */
static void add_segments(Ctx *ctx, Kernel *kernel) {
    Op *load = NULL;
    ir_walk(kernel->body, find_part, &load);
    if (!load)
        return;
    Op *const sum = loop_around(load, "part");
    Builder   b = ir_before(ctx, kernel, sum);
    Op *const loop = ir_for(&b, "segment", false, ir_i(&b, 0), ir_sym(&b, SYM_S), ir_i(&b, 1), &sum->in[3], 1);
    load->in[2] = load->in[1];
    load->in[1] = load->in[0];
    load->in[0] = loop->region->args[0];
    op_set_int(ctx, load, AT_ROWDIM, 1);
    ir_replace_uses(kernel, sum->out[0], loop->out[0]);
    Builder in = ir_at_end(ctx, kernel, loop->region);
    op_unlink(sum);
    op_insert(&in, sum);
    sum->in[3] = loop->region->args[1];
    ir_yield(&in, sum->out, 1);
}

static void move_param(CodeParam *param) {
    param->dims[2] = param->dims[1];
    param->dims[1] = param->dims[0];
    param->dims[0] = DIM_SYM(SYM_S);
}

void segments_cut_parts(Ctx *ctx, Module *module, int64_t tokens_a_part) {
    Kernel *const parts = ir_find_kernel(module, "parts");
    if (!parts || !ir_walk(parts->body, stores_parts, NULL))
        return;
    cut_sums(ctx, parts, tokens_a_part);
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *const kernel = module->kernels[k];
        if (kernel != parts)
            add_segments(ctx, kernel);
        for (int p = 0; p < kernel->param_count; p++)
            if (is_part(kernel->params[p].name))
                move_param(&kernel->params[p]);
    }
}
