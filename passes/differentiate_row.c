/* One row of the forward program, run again and differentiated: see differentiate.h. The formulas of a softmax_sum with
 * scores s_j and values v_j, of which `out` is the result:
 *     p_j = exp(s_j - lse),   dv_j = p_j dout,   ds_j = p_j (dout . v_j - dout . out),   dsink = -exp(sink - lse) dout
 * . out */
#include "passes/differentiate.h"

#include <string.h>

/* ---- Finding the program ---- */

static bool is_reduction(const Op *op) { return op->code == OP_SOFTMAX_SUM || op->code == OP_SUM; }

/* Of an operand seen from the region of `reduction`. */
static int operand_dependence(const RowProgram *p, const Op *reduction, const Value *value) {
    if (ir_defined_in(value, reduction->region))
        return p->dependence[value->id];
    return value->type.cls == TY_TILE && value->def && value->def->code != OP_FCONST ? OF_ROW : 0;
}

static void find_dependence(RowProgram *p, const Op *reduction) {
    p->dependence[reduction->region->args[0]->id] = OF_KEY;
    for (const Op *op = reduction->region->first; op; op = op->next) {
        int all = 0;
        for (int i = 0; i < op->in_count; i++)
            all |= operand_dependence(p, reduction, op->in[i]);
        for (int r = 0; r < op->out_count; r++)
            p->dependence[op->out[r]->id] = (uint8_t)all;
    }
}

Status row_program_find(Ctx *ctx, Kernel *kernel, RowProgram *out) {
    RowProgram p = {.ctx = ctx, .kernel = kernel};
    p.seq = loop_find(kernel->body, "seq");
    p.heads = p.seq ? loop_find(p.seq->region, "kv_head") : NULL;
    p.rows = p.heads ? loop_find(p.heads->region, "row") : NULL;
    p.group = p.rows ? loop_find(p.rows->region, "group") : NULL;
    if (!p.group)
        return ctx_fail(ctx, ST_FAILED, "pass differentiate", NULL, "kernel %s has no loops over rows and heads",
                        kernel->name);
    p.body = p.group->region;
    ir_number(kernel);
    p.dependence = NEW_ARRAY(ctx, uint8_t, kernel->value_count + 1);
    for (Op *op = p.body->first; op; op = op->next) {
        if (!is_reduction(op))
            continue;
        if (p.reduction_count == MOST_REDUCTIONS)
            return ctx_fail(ctx, ST_FAILED, "pass differentiate", NULL, "a row has too many sums over keys");
        find_dependence(&p, op);
        p.reductions[p.reduction_count++] = op;
        Value *targets[MOST_TARGETS];
        if (row_program_targets(&p, op, OF_KEY, targets) == MOST_TARGETS ||
            row_program_targets(&p, op, OF_ROW, targets) == MOST_TARGETS)
            return ctx_fail(ctx, ST_FAILED, "pass differentiate", NULL, "a score follows from too many values");
    }
    *out = p;
    return ST_OK;
}

static void add_target(Value *value, Value **targets, int *count) {
    for (int t = 0; t < *count; t++)
        if (targets[t] == value)
            return;
    if (*count < MOST_TARGETS)
        targets[(*count)++] = value;
}

int row_program_targets(const RowProgram *p, const Op *reduction, int which, Value **targets) {
    int count = 0;
    for (const Op *op = reduction->region->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++) {
            const bool   mixed = op->code == OP_YIELD || p->dependence[op->out[0]->id] == OF_BOTH;
            Value *const in = op->in[i];
            if (mixed && in->type.cls == TY_TILE && operand_dependence(p, reduction, in) == which)
                add_target(in, targets, &count);
        }
    return count;
}

/* Values of one row are few: no need to remember which were looked at. */
static bool follows_from(const RowProgram *p, const Value *value, const Op *load) {
    if (!value->def || value->def->parent != p->body)
        return false;
    for (const Op *op = value->def; op; op = op->prev) {
        if (op == load)
            return depends_on(value, load->out[0]);
    }
    return false;
}

bool row_program_hands_on(const RowProgram *p, const Op *load) {
    Value *targets[MOST_TARGETS];
    for (int r = 0; r < p->reduction_count; r++) {
        const Op *reduction = p->reductions[r];
        const int count = row_program_targets(p, reduction, OF_ROW, targets);
        if (reduction->code == OP_SOFTMAX_SUM && reduction->in_count > 2 && follows_from(p, reduction->in[2], load))
            return true;
        for (int t = 0; t < count; t++)
            if (follows_from(p, targets[t], load))
                return true;
    }
    return false;
}

/* ---- Loads and stores ---- */

static Op *access_like(Builder *b, const Op *like, const ValueMap *values, const char *param, Value *tile, Type type) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    Value               *in[6];
    for (int i = 0; i < 5; i++)
        in[i] = map_get(values, like->in[i]);
    in[5] = tile;
    Op *const op = tile ? ir_op(b, OP_STORE, in, 6, NULL, 0) : ir_op(b, OP_LOAD, in, 5, &type, 1);
    op_set_text(b->ctx, op, AT_PARAM, param);
    for (int k = 0; k < 3; k++)
        op_set_int(b->ctx, op, KEYS[k], op_int(like, KEYS[k], -1));
    return op;
}

Value *load_like(Builder *b, const Op *like, const ValueMap *values, const char *param, int rows, int cols) {
    return access_like(b, like, values, param, NULL, type_tile(DT_F32, rows, cols))->out[0];
}

void store_like(Builder *b, const Op *like, const ValueMap *values, const char *param, Value *tile) {
    access_like(b, like, values, param, tile, type_index());
}

const char *gradient_name(const RowProgram *p, const Op *load) {
    const char *const name = ctx_printf(p->ctx, "d%s", op_text(load, AT_PARAM));
    return ir_find_param(p->kernel, name) ? name : NULL;
}

bool is_of_row(const RowProgram *p, const Op *load) {
    const int64_t rowdim = op_int(load, AT_ROWDIM, -1);
    if (rowdim < 0)
        return false;
    bool of_row = depends_on(load->in[rowdim], p->rows->region->args[0]);
    for (int r = 0; r < p->reduction_count; r++)
        of_row = of_row || depends_on(load->in[rowdim], p->reductions[r]->region->args[0]);
    return of_row;
}

const Op *row_load(const RowProgram *p, const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_LOAD && is_of_row(p, op))
            return op;
    return NULL;
}

const char *gradient_rows_name(const RowProgram *p, const Op *load) {
    return ctx_printf(p->ctx, "d%s_rows", op_text(load, AT_PARAM));
}

static bool loads(const Op *op, const char *param) {
    return op->code == OP_LOAD && strcmp(op_text(op, AT_PARAM), param) == 0;
}

Value *gradient_in(const Adjoint *a, const Block *block, const char *param, Value *sum) {
    for (const Op *op = block->first; op; op = op->next) {
        Value *const gradient = loads(op, param) ? adjoint_of_whole(a, op->out[0]) : NULL;
        if (gradient)
            sum = sum ? ir_binary(a->b, OP_ADD, sum, gradient) : gradient;
    }
    return sum;
}

bool is_first_load(const Block *block, const Op *op) {
    for (const Op *at = block->first; op->code == OP_LOAD && at; at = at->next)
        if (loads(at, op_text(op, AT_PARAM)))
            return at == op;
    return false;
}

/* ---- The row again ---- */

/* The store in the program's row that keeps `value` for other kernels, or NULL. */
const Op *row_kept(const RowProgram *p, const Value *value) {
    for (const Op *op = p->body->first; op; op = op->next)
        if (op->code == OP_STORE && op->in[5] == value && !gradient_name(p, op))
            return op;
    return NULL;
}

const char *kept_param(const RowProgram *p, const Op *store) {
    static const char      SUFFIX[] = "_again";
    const char *const      name = op_text(store, AT_PARAM);
    const int              length = (int)strlen(name) - (int)strlen(SUFFIX);
    const char *const      given = length > 0 && strcmp(name + length, SUFFIX) == 0 ? ctx_printf(p->ctx, "%.*s", length, name) : NULL;
    const CodeParam *const param = given ? ir_find_param(p->kernel, given) : NULL;
    return param && param->role == PARAM_IN ? given : name;
}

bool is_given(const RowProgram *p, const Op *store) { return strcmp(kept_param(p, store), op_text(store, AT_PARAM)) != 0; }

/* A value is loaded where it was kept, else computed again; what a sum over keys gives is kept, or used for a value
 * that is. */
static void again_of(RowAgain *again, const Op *op) {
    bool kept = op->out_count > 0;
    for (int r = 0; r < op->out_count; r++) {
        const Op  *store = row_kept(again->program, op->out[r]);
        const Type type = op->out[r]->type;
        kept = kept && store;
        if (store)
            map_set(&again->values, op->out[r],
                    load_like(again->b, store, &again->values, kept_param(again->program, store), type.rows, type.cols));
    }
    if (!kept && !is_reduction(op) && op->code != OP_STORE && op->code != OP_YIELD)
        ir_clone(again->b, op, &again->values);
}

/* The values, not their gradients. Index values first: stores that keep something may stand behind them. */
static void clone_values(RowAgain *again) {
    const Block *const blocks[2] = {again->program->rows->region, again->program->body};
    for (int i = 0; i < 2; i++)
        for (const Op *op = blocks[i]->first; op; op = op->next)
            if (op_info(op->code)->rule == TR_INDEX)
                ir_clone(again->b, op, &again->values);
    for (const Op *op = again->program->body->first; op; op = op->next)
        if (op_info(op->code)->rule != TR_INDEX)
            again_of(again, op);
}

/* What is stored gets the gradients that the kernel is given: parameter o has parameter do. */
static void seed(RowAgain *again) {
    const RowProgram *p = again->program;
    for (const Op *op = p->body->first; op; op = op->next) {
        const char *const name = op->code == OP_STORE ? gradient_name(p, op) : NULL;
        if (name)
            adjoint_add(&again->adjoint, op->in[5],
                        load_like(again->b, op, &again->values, name, op->in[5]->type.rows, op->in[5]->type.cols));
    }
}

/* The sum over the keys of the row. */
static Status sum_over_keys(RowAgain *again, int r, Value *target) {
    const Op *const reduction = again->program->reductions[r];
    Value *const lo = map_get(&again->values, reduction->in[0]), *const hi = map_get(&again->values, reduction->in[1]);
    Op *const sum = ir_sum(again->b, op_text(reduction, AT_AXIS), lo, hi, target->type.rows, target->type.cols);
    Builder   in = ir_at_end(again->b->ctx, again->b->kernel, sum->region);
    ValueMap  values = map_copy(&again->values);
    Value    *term;
    map_set(&values, reduction->region->args[0], sum->region->args[0]);
    TRY(row_term(again, r, &in, &values, target, &term));
    ir_yield(&in, &term, 1);
    adjoint_add(&again->adjoint, target, sum->out[0]);
    return ST_OK;
}

/* x rsqrt(factor x.x + eps): the use of x in a norm. */
typedef struct Norm {
    const Op *product, *square;
    Value    *inverse, *factor, *eps;
} Norm;

static bool find_norm(const Op *op, Value *x, Norm *norm) {
    const int at = op->code == OP_MUL && op->in[0] != op->in[1] && op->in[1] == x;
    if (op->code != OP_MUL || op->in[at] != x || !op->in[1 - at]->def || op->in[1 - at]->def->code != OP_RSQRT)
        return false;
    const Op *sum = op->in[1 - at]->def->in[0]->def, *mean = sum && sum->code == OP_ADD ? sum->in[0]->def : NULL;
    const Op *squares = mean && mean->code == OP_MUL ? mean->in[0]->def : NULL;
    const Op *square = squares && squares->code == OP_ROWSUM ? squares->in[0]->def : NULL;
    double    eps;
    if (!square || square->code != OP_MUL || square->in[0] != x || square->in[1] != x ||
        !is_constant_tile(sum->in[1], &eps))
        return false;
    *norm = (Norm){op, square, op->in[1 - at], mean->in[1], sum->in[1]};
    return true;
}

/* dx . x of a value whose one use is a norm. Scaled, it would give the same but for eps: the terms of the product
 * cancel, and what is left, (dy . y) eps / (c x.x + eps), is computed as it is. NULL: it has other uses. */
static Value *mean_in_norm(const RowAgain *again, Value *x) {
    Norm norm = {0};
    for (const Op *op = again->program->body->first; op != again->end && !norm.product; op = op->next)
        find_norm(op, x, &norm);
    for (const Op *op = again->program->body->first; op != again->end; op = op->next)
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] == x && op->code != OP_STORE && op != norm.product && op != norm.square)
                return NULL;
    Builder *const b = again->b;
    Value *const   dy = norm.product ? adjoint_of(&again->adjoint, norm.product->out[0]) : NULL;
    if (!dy)
        return NULL;
    Value *const inverse = map_get(&again->values, norm.inverse), *const y =
                                                                      map_get(&again->values, norm.product->out[0]);
    Value *const rest = ir_binary(b, OP_MUL, ir_binary(b, OP_MUL, inverse, inverse), map_get(&again->values, norm.eps));
    Value *const mean = ir_binary(b, OP_MUL, ir_unary(b, OP_ROWSUM, ir_binary(b, OP_MUL, dy, y)), rest);
    return again->sink_unit.inverse ? ir_binary(b, OP_MUL, mean, again->sink_unit.inverse) : mean; /* of what the norm hands on */
}

/* 1 / n where x is a sum over keys: a row without keys has the norm's eps alone, and what is given times that much is no number of
 * fp16. Nothing takes it, but tiles of rows: there it is zero. Of other rows it is in units, which follow from dy as well. */
static Value *inverse_of(RowAgain *again, const Norm *norm, Value *dy) {
    Value *const    value = norm->square->in[0];
    const Op *const sum = value->def;
    const bool      rest = has_unit(again->program, value), sink = has_sink_unit(again->program, value);
    Value          *inverse = map_get(&again->values, norm->inverse);
    if (!again->end || (!rest && !sink))
        return inverse;
    if (sum->code == OP_SUM) {
        Value *const delta = ir_ibin(again->b, OP_ISUB, map_get(&again->values, sum->in[0]), map_get(&again->values, sum->in[1]));
        inverse = ir_mask(again->b, inverse, delta, ir_i(again->b, 0), IR_NEG_INF, -1, 1, 0);
    }
    RowUnit *const unit = sink ? &again->sink_unit : &again->unit;
    Value *const square = ir_unary(again->b, OP_ROWSUM, ir_binary(again->b, OP_MUL, dy, dy));
    *unit = row_unit(again->b, inverse, ir_binary(again->b, OP_MUL, square, map_get(&again->values, norm->factor)));
    return ir_binary(again->b, OP_MUL, inverse, unit->inverse);
}

/* With y = x / n, n the norm: dx = (dy - factor (dy . y) y) / n. Op by op it takes twice as many, and x beside y. -> whether
 * op is such a norm's product. */
static bool hand_on_norm(RowAgain *again, const Op *op) {
    Norm           norm;
    Builder *const b = again->b;
    Value *const   dy = adjoint_of_whole(&again->adjoint, op->out[0]);
    if (op->code != OP_MUL || !dy || !(find_norm(op, op->in[0], &norm) || find_norm(op, op->in[1], &norm)))
        return false;
    Value *const inverse = inverse_of(again, &norm, dy), *const y = map_get(&again->values, op->out[0]);
    Value *const sum = ir_unary(b, OP_ROWSUM, ir_binary(b, OP_MUL, dy, y));
    Value *const part = ir_binary(b, OP_MUL, ir_binary(b, OP_MUL, sum, inverse), map_get(&again->values, norm.factor));
    adjoint_add(&again->adjoint, norm.square->in[0],
                ir_binary(b, OP_SUB, ir_binary(b, OP_MUL, dy, inverse), ir_binary(b, OP_MUL, y, part)));
    return true;
}

const char *key_sum_name(const RowProgram *p, int r, int t) { return ctx_printf(p->ctx, "key_sum%d_%d", r, t); }

const Op *key_row(const RowProgram *p, int r) { return row_load(p, p->reductions[r]->region); }

bool adds_to_keys(const RowProgram *p, int r) { return p->adds_to_keys && p->reductions[r]->code == OP_SOFTMAX_SUM; }

const char *kept_gradient_name(const RowProgram *p, const Value *value) {
    const Op *const store = row_kept(p, value);
    return store ? ctx_printf(p->ctx, "%s_gradient", kept_param(p, store)) : NULL;
}

const char *kept_low_name(const RowProgram *p, const Value *value) {
    const char *const name = kept_gradient_name(p, value);
    return name ? ctx_printf(p->ctx, "%s_low", name) : NULL;
}

const char *kept_mean_name(const RowProgram *p, int r) {
    const Op *const op = p->reductions[r];
    const Op *const store = op->code == OP_SOFTMAX_SUM ? row_kept(p, op->out[0]) : NULL;
    return store && row_kept(p, op->out[1]) ? ctx_printf(p->ctx, "%s_mean", kept_param(p, store)) : NULL;
}

const char *kept_score_mean_name(const RowProgram *p, int r) {
    const char *const name = kept_mean_name(p, r);
    return name ? ctx_printf(p->ctx, "%s_of_scores", name) : NULL;
}

/* What kernel `main` has kept of `value`'s gradient, or NULL. */
static Value *load_kept(RowAgain *again, const char *name, const Value *value) {
    const RowProgram *p = again->program;
    if (!p->reads_kept || !name || !ir_find_param(p->kernel, name))
        return NULL;
    return load_like(again->b, row_kept(p, value), &again->values, name, 1, value->type.cols);
}

/* The other half of the terms of sum_over_keys: each key's sum takes its own. */
static Status add_to_keys(RowAgain *again, int r) {
    const RowProgram *p = again->program;
    const Op *const   reduction = p->reductions[r];
    Builder *const    b = again->b;
    Value            *targets[MOST_TARGETS];
    const int         count = row_program_targets(p, reduction, OF_KEY, targets);
    for (int t = 0; t < count; t++) {
        Value *const lo = map_get(&again->values, reduction->in[0]), *const hi =
                                                                         map_get(&again->values, reduction->in[1]);
        Op *const loop = ir_for(b, op_text(reduction, AT_AXIS), false, lo, hi, ir_i(b, 1), NULL, 0);
        Builder   in = ir_at_end(b->ctx, b->kernel, loop->region);
        ValueMap  values = map_copy(&again->values);
        Value    *term;
        map_set(&values, reduction->region->args[0], loop->region->args[0]);
        TRY(row_term(again, r, &in, &values, targets[t], &term));
        const char *const name = key_sum_name(p, r, t);
        Value *const      before = load_like(&in, key_row(p, r), &values, name, 1, targets[t]->type.cols);
        store_like(&in, key_row(p, r), &values, name, ir_binary(&in, OP_ADD, before, term));
        ir_yield(&in, NULL, 0);
    }
    return ST_OK;
}

static Status hand_on(RowAgain *again, int r, bool whole) {
    const Op *const op = again->program->reductions[r];
    Builder *const  b = again->b;
    Value *const    d_out = adjoint_of_whole(&again->adjoint, op->out[0]);
    Value          *targets[MOST_TARGETS];
    if (!d_out)
        return ST_OK;
    map_set(&again->adjoint.gradients, op->out[0], d_out);
    if (op->code == OP_SOFTMAX_SUM) {
        again->mean[r] = load_kept(again, kept_mean_name(again->program, r), op->out[1]);
        again->score_mean[r] = load_kept(again, kept_score_mean_name(again->program, r), op->out[1]);
    }
    if (op->code == OP_SOFTMAX_SUM && !again->mean[r])
        again->mean[r] = mean_in_norm(again, op->out[0]);
    if (op->code == OP_SOFTMAX_SUM && !again->mean[r])
        again->mean[r] = ir_unary(b, OP_ROWSUM, ir_binary(b, OP_MUL, d_out, map_get(&again->values, op->out[0])));
    if (!whole)
        return ST_OK;
    if (op->code == OP_SOFTMAX_SUM && op->in_count > 2) {
        Value *const sink = map_get(&again->values, op->in[2]), *const lse = map_get(&again->values, op->out[1]);
        Value *const p = ir_unary(b, OP_EXP, ir_binary(b, OP_SUB, sink, lse));
        adjoint_add(&again->adjoint, op->in[2], ir_unary(b, OP_NEG, ir_binary(b, OP_MUL, p, again->mean[r])));
    }
    const int count = row_program_targets(again->program, op, OF_ROW, targets);
    for (int t = 0; t < count; t++)
        TRY(sum_over_keys(again, r, targets[t]));
    return adds_to_keys(again->program, r) ? add_to_keys(again, r) : ST_OK;
}

static Status sweep(RowAgain *again, bool whole) {
    int r = again->program->reduction_count;
    for (const Op *op = again->program->body->last; op; op = op->prev) {
        Value *const kept =
            op->out_count ? load_kept(again, kept_gradient_name(again->program, op->out[0]), op->out[0]) : NULL;
        Value *const low = kept && again->program->reads_low
                               ? load_kept(again, kept_low_name(again->program, op->out[0]), op->out[0])
                               : NULL;
        if (kept)
            map_set(&again->adjoint.gradients, op->out[0], low ? ir_binary(again->b, OP_ADD, kept, low) : kept);
        if (is_reduction(op))
            TRY(hand_on(again, --r, whole));
        else if (op->out_count == 1 && op->out[0]->type.cls == TY_TILE && !hand_on_norm(again, op))
            TRY(adjoint_op(&again->adjoint, op));
    }
    return ST_OK;
}

Status row_again(const RowProgram *p, Builder *b, const ValueMap *known, Value *row, Value *group, bool whole,
                 RowAgain *out) {
    *out = (RowAgain){.program = p, .b = b, .values = map_copy(known)};
    out->values.ctx = p->ctx;
    out->adjoint = (Adjoint){.ctx = p->ctx, .b = b, .values = &out->values};
    map_set(&out->values, p->rows->region->args[0], row);
    map_set(&out->values, p->group->region->args[0], group);
    clone_values(out);
    seed(out);
    return sweep(out, whole);
}

Status row_here(const RowProgram *p, Builder *b, RowAgain *out) {
    *out = (RowAgain){.program = p, .b = b, .values = {.ctx = p->ctx}};
    out->adjoint = (Adjoint){.ctx = p->ctx, .b = b, .values = &out->values};
    const Op *const last = ir_terminator(p->body)->prev;
    seed(out);
    out->end = last->next;
    return sweep(out, false);
}

/* ---- A term of a sum ---- */

static void seed_softmax(const RowAgain *again, int r, Adjoint *a) {
    const Op *const op = again->program->reductions[r], *const yield = ir_terminator(op->region);
    Builder *const b = a->b;
    Value *const d_out = adjoint_of(&again->adjoint, op->out[0]), *const lse = map_get(a->values, op->out[1]);
    Value *const p = ir_unary(b, OP_EXP, ir_binary(b, OP_SUB, map_get(a->values, yield->in[0]), lse));
    Value *const dp = ir_dot(b, d_out, map_get(a->values, yield->in[1]), NULL, false, true);
    Value *const mean = again->score_mean[r] ? again->score_mean[r] : again->mean[r];
    adjoint_add(a, yield->in[0], ir_binary(b, OP_MUL, p, ir_binary(b, OP_SUB, dp, mean)));
    adjoint_add(a, yield->in[1], ir_binary(b, OP_MUL, p, d_out));
}

/* The sum of s_j v_j: ds_j = dout . v_j, dv_j = s_j dout. */
static Status seed_sum(const RowAgain *again, int r, Adjoint *a) {
    const RowProgram *p = again->program;
    const Op *const   product = ir_terminator(p->reductions[r]->region)->in[0]->def;
    const int         score = product && product->code == OP_MUL && p->dependence[product->in[0]->id] != OF_BOTH;
    if (!product || product->code != OP_MUL || product->in[score]->type.cols != 1)
        return ctx_fail(p->ctx, ST_FAILED, "pass differentiate", NULL, "a sum over keys adds up no scores times rows");
    Value *const d_out = adjoint_of(&again->adjoint, p->reductions[r]->out[0]);
    Value *const s = product->in[score], *const v = product->in[1 - score];
    adjoint_add(a, s, ir_dot(a->b, d_out, map_get(a->values, v), NULL, false, true));
    adjoint_add(a, v, ir_binary(a->b, OP_MUL, map_get(a->values, s), d_out));
    return ST_OK;
}

Status row_term(const RowAgain *again, int r, Builder *b, ValueMap *values, Value *target, Value **term) {
    const RowProgram *p = again->program;
    const Op *const   reduction = p->reductions[r];
    Adjoint           a = {.ctx = p->ctx, .b = b, .values = values};
    for (const Op *op = reduction->region->first; op; op = op->next)
        if (op->code != OP_YIELD && map_get(values, op->out[0]) == op->out[0])
            ir_clone(b, op, values);
    if (reduction->code == OP_SOFTMAX_SUM)
        seed_softmax(again, r, &a);
    else
        TRY(seed_sum(again, r, &a));
    for (const Op *op = reduction->region->last; op; op = op->prev)
        if (op->out_count == 1 && p->dependence[op->out[0]->id] == OF_BOTH)
            TRY(adjoint_op(&a, op));
    *term = adjoint_of_whole(&a, target);
    return *term ? ST_OK
                 : ctx_fail(p->ctx, ST_FAILED, "pass differentiate", NULL, "a value of a score has no gradient");
}
