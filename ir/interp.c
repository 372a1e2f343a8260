/* The interpreter: the reference for what every op means. In: a module (verified here first) and bound tensors. Out:
 * the tensors, as running the kernels one after the other leaves them. This file runs control and index ops and holds
 * the table of the others; memory is in interp_memory.c, arithmetic on tiles in interp_ops.c. */
#include "ir/interp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TURNS = 1 << 30 };

Status interp_fail(const Machine *m, const Op *op, const char *format, ...) {
    char    place[256], described[128], message[512];
    va_list args;
    snprintf(place, sizeof place, "interpreter, kernel @%.60s%s%.150s", m->kernel->name, op ? ", " : "",
             op ? ir_describe(op, described, sizeof described) : "");
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ctx_fail(m->ctx, ST_FAILED, place, NULL, "%s", message);
}

Status interp_no_memory(const Machine *m, const Op *op) {
    return ctx_fail(m->ctx, ST_NO_MEMORY, op ? op_info(op->code)->name : "interpreter", "use smaller tensors", "out of memory");
}

/* ---- Index ops ---- */

static Status exec_iconst(Machine *m, const Op *op) {
    m->cells[op->out[0]->id].i = op_int(op, AT_VALUE, 0);
    return ST_OK;
}

static Status exec_isym(Machine *m, const Op *op) {
    Sym sym;
    if (!ir_find_sym(op_text(op, AT_SYM), &sym))
        return interp_fail(m, op, "no such size");
    m->cells[op->out[0]->id].i = m->args->syms[sym];
    return ST_OK;
}

static Status exec_index(Machine *m, const Op *op) {
    const int64_t x = interp_index(m, op->in[0]), y = interp_index(m, op->in[1]);
    if (!ir_fold_index(op->code, x, y, &m->cells[op->out[0]->id].i))
        return interp_fail(m, op, "overflow, or a divisor that is not positive: %lld, %lld", (long long)x,
                           (long long)y);
    return ST_OK;
}

/* ---- Control ---- */

/* to[i] = from[i], all of them read before any is written. */
static void assign(Machine *m, Value *const *to, Value *const *from, int count) {
    for (int i = 0; i < count; i++)
        interp_stage(m, to[i], from[i]);
    for (int i = 0; i < count; i++)
        interp_commit(m, to[i]);
}

static Status check_turns(const Machine *m, const Op *op, int64_t lo, int64_t hi, int64_t step, int64_t *turns) {
    int64_t span;
    if (step <= 0)
        return interp_fail(m, op, "the step is %lld: the loop has no end", (long long)step);
    *turns = 0;
    if (lo >= hi)
        return ST_OK;
    const bool huge = __builtin_sub_overflow(hi, lo, &span);
    *turns = huge ? 0 : (span - 1) / step + 1;
    if (huge || *turns > MAX_TURNS)
        return interp_fail(m, op, "%lld .. %lld is too long for a loop", (long long)lo, (long long)hi);
    return ST_OK;
}

static Status exec_for(Machine *m, const Op *op) {
    const int64_t lo = interp_index(m, op->in[0]), step = interp_index(m, op->in[2]);
    const bool    parallel = op_int(op, AT_PAR, 0) != 0, backwards = m->args->reverse && parallel;
    const int     around = m->turn;
    const int     carried = op->in_count - 3;
    Value *const *args = op->region->args + 1;
    const Op     *yield = ir_terminator(op->region);
    int64_t       turns = 0;
    TRY(check_turns(m, op, lo, interp_index(m, op->in[1]), step, &turns));
    assign(m, args, op->in + 3, carried);
    for (int64_t turn = 0; turn < turns; turn++) {
        m->cells[op->region->args[0]->id].i = lo + (backwards ? turns - 1 - turn : turn) * step;
        if (parallel)
            m->turn = ++m->turns;
        TRY(interp_block(m, op->region));
        assign(m, args, yield->in, carried);
    }
    m->turn = around;
    assign(m, op->out, args, carried);
    return ST_OK;
}

static Status exec_if(Machine *m, const Op *op) {
    if (interp_index(m, op->in[0]) == 0) {
        assign(m, op->out, op->in + 1, op->out_count);
        return ST_OK;
    }
    TRY(interp_block(m, op->region));
    assign(m, op->out, ir_terminator(op->region)->in, op->out_count);
    return ST_OK;
}

static Status exec_rows(Machine *m, const Op *op) {
    TRY(interp_block(m, op->region));
    assign(m, op->out, ir_terminator(op->region)->in, op->out_count);
    return ST_OK;
}

/* ---- Reductions of the loop level ---- */

typedef struct Softmax { /* sum of e^(s - peak) and of e^(s - peak) v over what was added */
    double  peak, total;
    double *weighted;
    int     cols;
} Softmax;

static void softmax_add(const Machine *m, Softmax *softmax, double score, const double *vector) {
    if (score == -INFINITY)
        return;
    const double peak = score > softmax->peak || isnan(score) ? score : softmax->peak;
    const double keep = softmax->total == 0 ? 0 : exp(softmax->peak - peak), weight = exp(score - peak);
    softmax->peak = peak;
    softmax->total = interp_round(m, DT_F32, softmax->total * keep + weight);
    for (int c = 0; c < softmax->cols; c++) {
        const double added = vector ? weight * vector[c] : 0;
        softmax->weighted[c] = interp_round(m, DT_F32, softmax->weighted[c] * keep + added);
    }
}

static Status exec_softmax_sum(Machine *m, const Op *op) {
    const int64_t lo = interp_index(m, op->in[0]), hi = interp_index(m, op->in[1]);
    const Op     *yield = ir_terminator(op->region);
    Softmax       softmax = {-INFINITY, 0, interp_result(m, op), op->out[0]->type.cols};
    int64_t       turns = 0;
    TRY(check_turns(m, op, lo, hi, 1, &turns));
    memset(softmax.weighted, 0, sizeof(double) * (size_t)softmax.cols);
    if (op->in_count > 2)
        softmax_add(m, &softmax, *interp_tile(m, op->in[2]), NULL);
    for (int64_t j = lo; j < hi; j++) {
        m->cells[op->region->args[0]->id].i = j;
        TRY(interp_block(m, op->region));
        softmax_add(m, &softmax, *interp_tile(m, yield->in[0]), interp_tile(m, yield->in[1]));
    }
    for (int c = 0; c < softmax.cols && softmax.total != 0; c++)
        softmax.weighted[c] /= softmax.total;
    *m->cells[op->out[1]->id].data = softmax.peak + log(softmax.total);
    interp_settle(m, op->out[0]);
    interp_settle(m, op->out[1]);
    return ST_OK;
}

static Status exec_sum(Machine *m, const Op *op) {
    const int64_t lo = interp_index(m, op->in[0]), hi = interp_index(m, op->in[1]);
    const int64_t elements = interp_elements(op->out[0]->type);
    double       *total = interp_result(m, op);
    int64_t       turns = 0;
    TRY(check_turns(m, op, lo, hi, 1, &turns));
    memset(total, 0, sizeof(double) * (size_t)elements);
    for (int64_t j = lo; j < hi; j++) {
        m->cells[op->region->args[0]->id].i = j;
        TRY(interp_block(m, op->region));
        const double *added = interp_tile(m, ir_terminator(op->region)->in[0]);
        for (int64_t e = 0; e < elements; e++)
            total[e] = interp_round(m, DT_F32, total[e] + added[e]);
    }
    interp_settle(m, op->out[0]);
    return ST_OK;
}

static Status exec_yield(Machine *m, const Op *op) {
    (void)m, (void)op; /* its owner reads the operands */
    return ST_OK;
}

/* ---- The table, blocks, kernels ---- */

static Exec *const EXEC[OP_COUNT] = {
    [OP_ICONST] = exec_iconst,
    [OP_ISYM] = exec_isym,
    [OP_ILOAD] = exec_iload,
    [OP_IADD] = exec_index,
    [OP_ISUB] = exec_index,
    [OP_IMUL] = exec_index,
    [OP_IDIV] = exec_index,
    [OP_IMOD] = exec_index,
    [OP_IMIN] = exec_index,
    [OP_IMAX] = exec_index,
    [OP_ILT] = exec_index,
    [OP_FOR] = exec_for,
    [OP_IF] = exec_if,
    [OP_SOFTMAX_SUM] = exec_softmax_sum,
    [OP_SUM] = exec_sum,
    [OP_ROWS] = exec_rows,
    [OP_YIELD] = exec_yield,
    [OP_LOAD] = exec_load,
    [OP_STORE] = exec_store,
    [OP_RING] = exec_ring,
    [OP_RING_PUT] = exec_ring_put,
    [OP_RING_GET] = exec_ring_get,
    [OP_FETCH] = exec_fetch,
    [OP_COMMIT] = exec_commit,
    [OP_WAIT] = exec_wait,
    [OP_ARRIVE] = exec_arrive,
    [OP_BARRIER] = exec_barrier,
    [OP_ROLE] = exec_role,
    [OP_SEND] = exec_send,
    [OP_GIVE] = exec_give,
    [OP_TAKE] = exec_take,
    [OP_SKIP] = exec_skip,
    [OP_RELEASE] = exec_release,
    [OP_SIGNAL] = exec_signal,
    [OP_EXPECT] = exec_expect,
    [OP_AWAIT] = exec_await,
    [OP_FCONST] = exec_fconst,
    [OP_ADD] = exec_binary,
    [OP_SUB] = exec_binary,
    [OP_MUL] = exec_binary,
    [OP_DIV] = exec_binary,
    [OP_MAX] = exec_binary,
    [OP_MIN] = exec_binary,
    [OP_FMA] = exec_fma,
    [OP_NEG] = exec_unary,
    [OP_EXP] = exec_unary,
    [OP_EXP2] = exec_unary,
    [OP_LOG] = exec_unary,
    [OP_TANH] = exec_unary,
    [OP_SIGMOID] = exec_unary,
    [OP_RELU] = exec_unary,
    [OP_STEP] = exec_unary,
    [OP_ABS] = exec_unary,
    [OP_SQRT] = exec_unary,
    [OP_RSQRT] = exec_unary,
    [OP_MASK] = exec_mask,
    [OP_ROWSUM] = exec_rowsum,
    [OP_ROWMAX] = exec_rowmax,
    [OP_COLSUM] = exec_colsum,
    [OP_COLMAX] = exec_colmax,
    [OP_CONCAT] = exec_concat,
    [OP_COLS] = exec_cols,
    [OP_ROPE] = exec_rope,
    [OP_DOT] = exec_product,
    [OP_TRANSPOSE] = exec_transpose,
    [OP_CONVERT] = exec_same,
    [OP_COPY] = exec_same,
};

bool ir_interpreter_knows(OpCode code) { return EXEC[code] != NULL; }

Status interp_block(Machine *m, const Block *block) {
    for (const Op *op = block->first; op; op = op->next) {
        if (m->flight_count)
            TRY(interp_check_flights(m, op));
        TRY(EXEC[op->code](m, op));
    }
    return ST_OK;
}

static Status run_kernel(Machine *m) {
    TRY(interp_bind(m));
    Status status = interp_prepare(m);
    if (status == ST_OK)
        status = interp_prepare_turns(m);
    if (status == ST_OK)
        status = interp_block(m, m->kernel->body);
    interp_release_turns(m);
    interp_release(m);
    return status;
}

Status ir_interpret(Ctx *ctx, const Module *module, const InterpArgs *args) {
    Machine m = {.ctx = ctx, .args = args};
    Status  status = ir_verify(ctx, module);
    int     works = 0, widest = 1;
    for (int k = 0; k < module->kernel_count; k++) {
        works += module->kernels[k]->param_count;
        if (module->kernels[k]->param_count > widest)
            widest = module->kernels[k]->param_count;
    }
    m.works = NEW_ARRAY(ctx, WorkMemory, works);
    m.tensors = NEW_ARRAY(ctx, Tensor, widest);
    for (int k = 0; k < module->kernel_count && status == ST_OK; k++) {
        m.kernel = module->kernels[k];
        status = run_kernel(&m);
    }
    interp_release_works(&m);
    return status;
}
