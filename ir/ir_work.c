/* Counting work: see ir_work.h. A loop whose number decides neither a bound, nor a branch, nor what a trim leaves out
 * is gone through once and counts for all its turns: heads, mostly. */
#include "ir/ir_work.h"

#include <string.h>

enum { UNKNOWN, STEERS, UNIFORM };

typedef struct Counter {
    Ctx            *ctx;
    const IrLaunch *launch;
    const Kernel   *kernel;
    int64_t        *index;  /* by value id */
    char           *steers; /* by the id of a loop's number */
    IrWork         *work;
    double          times; /* that what is gone through counts */
} Counter;

static Status count_block(Counter *c, const Block *block);

/* ---- Loops that need one turn ---- */

static bool any_marked(const bool *marked, Value *const *values, int count) {
    for (int i = 0; i < count; i++)
        if (marked[values[i]->id])
            return true;
    return false;
}

/* Does an index value that is marked, or is computed from one, decide what runs in the block? */
static bool decides(bool *marked, const Block *block) {
    for (const Op *op = block->first; op; op = op->next) {
        const int  control = op->code == OP_FOR ? 3 : op->code == OP_IF ? 1 : 0;
        const bool reached = any_marked(marked, op->in, op->in_count);
        if (any_marked(marked, op->in, control) || (reached && (op->code == OP_YIELD || op_has(op, AT_TRIM))))
            return true;
        if (reached && control) /* an index value that a loop carries */
            return true;
        for (int r = 0; r < op->out_count && reached; r++)
            marked[op->out[r]->id] = op->out[r]->type.cls == TY_INDEX;
        if (op->region && decides(marked, op->region))
            return true;
    }
    return false;
}

static bool carries_index(const Op *loop) {
    for (int i = 3; i < loop->in_count; i++)
        if (loop->in[i]->type.cls == TY_INDEX)
            return true;
    return false;
}

static bool is_uniform(Counter *c, const Op *loop) {
    char *known = &c->steers[loop->region->args[0]->id];
    if (*known == UNKNOWN) {
        bool *marked = NEW_ARRAY(c->ctx, bool, c->kernel->value_count);
        marked[loop->region->args[0]->id] = true;
        *known = carries_index(loop) || decides(marked, loop->region) ? STEERS : UNIFORM;
    }
    return *known == UNIFORM;
}

/* ---- Control ---- */

static void assign(Counter *c, Value *const *to, Value *const *from, int count) {
    for (int i = 0; i < count; i++)
        c->index[to[i]->id] = c->index[from[i]->id];
}

static Status count_for(Counter *c, const Op *op) {
    const int64_t lo = c->index[op->in[0]->id], hi = c->index[op->in[1]->id], step = c->index[op->in[2]->id];
    const int     carried = op->in_count - 3;
    const bool    once = lo < hi && is_uniform(c, op);
    const double  times = c->times;
    assign(c, op->region->args + 1, op->in + 3, carried);
    if (once)
        c->times *= (double)((hi - lo - 1) / step + 1);
    for (int64_t i = lo; i < hi && step > 0; i += step) {
        c->index[op->region->args[0]->id] = i;
        TRY(count_block(c, op->region));
        assign(c, op->region->args + 1, ir_terminator(op->region)->in, carried);
        if (once)
            break;
    }
    c->times = times;
    assign(c, op->out, op->region->args + 1, carried);
    return ST_OK;
}

/* What one of several turns does, whichever is last. */
static Status count_last(Counter *c, const Op *op, const Op *arrive) {
    const double times = c->times;
    c->times /= (double)c->index[arrive->in[3]->id];
    TRY(count_block(c, op->region));
    c->times = times;
    return ST_OK;
}

static Status count_if(Counter *c, const Op *op) {
    const Op *condition = op->in[0]->def;
    if (condition && condition->code == OP_ARRIVE && op->out_count == 0)
        return count_last(c, op, condition);
    if (!c->index[op->in[0]->id]) {
        assign(c, op->out, op->in + 1, op->out_count);
        return ST_OK;
    }
    TRY(count_block(c, op->region));
    assign(c, op->out, ir_terminator(op->region)->in, op->out_count);
    return ST_OK;
}

/* ---- Work ---- */

static double elements(Type type) { return (double)type.rows * type.cols; }

/* The share of a tile of `cols` columns and rows in groups of `period` that lies in a trim's band. */
static double share_in_band(const Op *dot, int64_t delta, int cols) {
    const int64_t lo = op_int(dot, AT_LO, 0), hi = op_int(dot, AT_HI, 0), period = op_int(dot, AT_PERIOD, 1);
    double        kept = 0;
    for (int64_t r = 0; r < period; r++) {
        const int64_t first = lo - delta + r > 0 ? lo - delta + r : 0,
                      last = hi - delta + r < cols ? hi - delta + r : cols - 1;
        kept += last >= first ? (double)(last - first + 1) : 0;
    }
    return kept / (double)(period * cols);
}

static double product_flops(const Counter *c, const Op *dot) {
    const DotParts p = ir_dot_parts(dot);
    const double   all = 2.0 * p.m * p.n * p.k;
    const int64_t  trim = op_int(dot, AT_TRIM, 0);
    return trim ? all * share_in_band(dot, c->index[p.delta->id], trim == 1 ? p.n : p.k) : all;
}

static double moved_bytes(const Counter *c, const Op *op, double count) {
    const CodeParam *param = ir_find_param(c->kernel, op_text(op, AT_PARAM));
    return count * (param ? (double)dtype_size(param->dtype) : 0);
}

static bool is_special(OpCode code) {
    return code == OP_EXP || code == OP_EXP2 || code == OP_LOG || code == OP_TANH || code == OP_SIGMOID ||
           code == OP_SQRT || code == OP_RSQRT || code == OP_DIV;
}

static bool is_arithmetic(OpCode code) {
    return (code >= OP_ADD && code <= OP_MASK) || code == OP_ROWSUM || code == OP_ROWMAX || code == OP_COLSUM ||
           code == OP_COLMAX || code == OP_ROPE;
}

static void count_tile(Counter *c, const Op *op) {
    IrWork *work = c->work;
    switch (op->code) {
    case OP_DOT:
        work->products += c->times * product_flops(c, op);
        work->panels += c->times * 4 * elements(op->in[1]->type);
        break;
    case OP_LOAD: work->loaded += c->times * moved_bytes(c, op, elements(op->out[0]->type)); break;
    case OP_STORE:
        work->stored += c->times * moved_bytes(c, op, elements(op->in[5]->type)) / (double)op_int(op, AT_SUM, 1);
        break;
    case OP_FETCH: work->loaded += c->times * moved_bytes(c, op, elements(type_ring_tile(op->in[0]->type))); break;
    case OP_SEND:
        work->loaded += c->times * moved_bytes(c, op, (double)(op_int(op, AT_ROWS, 0) * op_int(op, AT_COLS, 0)));
        break;
    default:
        if (is_special(op->code))
            work->specials += c->times * elements(op->out[0]->type);
        else if (is_arithmetic(op->code)) /* a reduction reads what it does not give */
            work->others += c->times * elements(op->in[0]->type);
    }
}

/* ---- Blocks ---- */

static void index_op(Counter *c, const Op *op) {
    int64_t *out = &c->index[op->out[0]->id];
    Sym      sym;
    if (op->code == OP_ICONST)
        *out = op_int(op, AT_VALUE, 0);
    else if (op->code == OP_ISYM)
        *out = ir_find_sym(op_text(op, AT_SYM), &sym) ? c->launch->syms[sym] : 0;
    else if (op->code == OP_ILOAD)
        *out = c->launch->element(c->launch->arg, op_text(op, AT_PARAM), c->index[op->in[0]->id]);
    else if (!ir_fold_index(op->code, c->index[op->in[0]->id], c->index[op->in[1]->id], out))
        *out = 0;
}

static Status count_op(Counter *c, const Op *op) {
    if (op->code == OP_FOR)
        return count_for(c, op);
    if (op->code == OP_IF)
        return count_if(c, op);
    if (op->code == OP_SUM || op->code == OP_SOFTMAX_SUM)
        return ctx_fail(c->ctx, ST_FAILED, c->kernel->name, NULL, "work is counted at the tile level");
    if (op->region)
        return count_block(c, op->region);
    if (op_info(op->code)->rule == TR_INDEX && op->code != OP_ARRIVE)
        index_op(c, op);
    else
        count_tile(c, op);
    return ST_OK;
}

static Status count_block(Counter *c, const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        TRY(count_op(c, op));
    return ST_OK;
}

Status ir_work(Ctx *ctx, const Module *module, const IrLaunch *launch, IrWork *work) {
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *kernel = module->kernels[k];
        ir_number(kernel);
        Counter c = {.ctx = ctx, .launch = launch, .kernel = kernel, .work = &work[k], .times = 1};
        c.index = NEW_ARRAY(ctx, int64_t, kernel->value_count);
        c.steers = NEW_ARRAY(ctx, char, kernel->value_count);
        work[k] = (IrWork){0};
        TRY(count_block(&c, kernel->body));
    }
    return ST_OK;
}
