/* Pass chunk for kernels that sum over the heads of a group, too: what older rows hand to keys in kind backward.
 * In: a loop `group` that carries sums from head to head, and in it a loop `residual` with one or more sums s of
 * masked(x_s y_s^T) z_s, x_s of the row tile alone. Out: the row loop carries states S_s = sum of y_s^T z_s over all
 * heads and what has gone by, each sum starts from x_s S_s, and each head adds its masked edge and its part of the next
 * states. A state that is the transpose of another one, y and z exchanged, is not made twice. */
#include "passes/segments.h"

enum { MOST_SUMS = 4 };

typedef struct Heads {
    Ctx     *ctx;
    Kernel  *kernel;
    Op      *rows, *group, *residual;
    int      count;
    Residual sums[MOST_SUMS];
    int      twin[MOST_SUMS];    /* the sum whose state's transpose it reads; itself: it has its own */
    int      carried[MOST_SUMS]; /* which of the group's it adds to */
    Op      *adds[MOST_SUMS];
    Value   *states[MOST_SUMS]; /* in the row loop */
    Value   *any;
    Value   *segment;         /* its number, or NULL: not cut */
    const char *starts;       /* the parameter with the states that segments start from */
} Heads;

static Status find_sums(Heads *h) {
    h->count = h->residual->out_count;
    if (h->count > MOST_SUMS)
        return ctx_fail(h->ctx, ST_FAILED, "pass chunk", NULL, "a residual branch has too many sums");
    for (int s = 0; s < h->count; s++) {
        TRY(match_residual_sum(h->ctx, "pass chunk", h->residual, s, &h->sums[s]));
        h->twin[s] = s;
        for (int o = 0; o < s; o++)
            if (h->sums[o].keys == h->sums[s].values && h->sums[o].values == h->sums[s].keys)
                h->twin[s] = o;
    }
    return ST_OK;
}

/* The group's carried value that a sum is added to. */
static Status find_carried(Heads *h, int s) {
    int        count;
    Op **const users = ir_users(h->ctx, h->kernel, h->residual->out[s], &count);
    Op *const  add = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
    for (int c = 0; add && c < h->group->out_count; c++)
        if (ir_terminator(h->group->region)->in[c] == add->out[0] && (add->in[0] == h->group->region->args[1 + c])) {
            h->carried[s] = c;
            h->adds[s] = add;
            return ST_OK;
        }
    return ctx_fail(h->ctx, ST_FAILED, "pass chunk", NULL, "a residual sum is not added up over heads");
}

/* States enter the row loop. */
static void start_states(Heads *h) {
    Builder  outside = ir_before(h->ctx, h->kernel, h->rows), b = ir_before(h->ctx, h->kernel, h->group);
    ValueMap map = {.ctx = h->ctx};
    h->any = ir_ibin(&b, OP_ILT, ir_i(&b, 0), clone_slice(&b, h->residual->in[1], h->group->region, &map));
    for (int s = 0; s < h->count; s++) {
        if (h->twin[s] != s)
            continue;
        const Type type = type_tile(DT_F32, h->sums[s].keys->type.cols, h->sums[s].values->type.cols);
        const int  at = h->rows->out_count;
        Value     *start = ir_f(&outside, 0, type.rows, type.cols);
        if (h->segment)
            start = segments_start(h->ctx, h->rows, &outside, h->segment, segments_param(h->ctx, h->starts, at), type, false);
        op_add_in(h->ctx, h->rows, 3 + at, start);
        h->states[s] = block_arg(h->ctx, h->kernel, h->rows->region, type, "state");
        op_add_out(h->ctx, h->kernel, h->rows, type);
    }
}

/* Sums start from what states give. */
static void start_sums(Heads *h) {
    Builder b = ir_before(h->ctx, h->kernel, h->group);
    for (int s = 0; s < h->count; s++) {
        Value    *zero = h->group->in[3 + h->carried[s]];
        Op *const maybe = ir_if(&b, h->any, &zero, 1);
        Builder   in = ir_at_end(h->ctx, h->kernel, maybe->region);
        Value    *sum = ir_dot(&in, h->sums[s].features, h->states[h->twin[s]], NULL, false, h->twin[s] != s);
        ir_yield(&in, &sum, 1);
        h->group->in[3 + h->carried[s]] = maybe->out[0];
    }
}

/* x masked with y: the edge, which states do not have yet. */
static Value *edge(Heads *h, Builder *b, int s, Value *keys, Value *values) {
    const Op *const mask = h->sums[s].mask;
    const int64_t   hi = op_int(mask, AT_HI, 0);
    Value *const    score = ir_dot(b, h->sums[s].features, keys, NULL, false, true);
    Value *const kept = ir_mask(b, score, ir_i(b, hi), ir_i(b, 0), IR_NEG_INF, hi, (int)op_int(mask, AT_PERIOD, 1), 0);
    return ir_dot(b, kept, values, h->group->region->args[1 + h->carried[s]], false, false);
}

/* One branch: sums, then states, go on only where a row has left the window. */
static void add_head(Heads *h) {
    Value   *before[2 * MOST_SUMS], *after[2 * MOST_SUMS], *carried[MOST_SUMS];
    int      count = h->count;
    Builder  b = ir_before(h->ctx, h->kernel, h->residual);
    ValueMap map = {.ctx = h->ctx};
    map_set(&map, h->residual->region->args[0], ir_i(&b, 0));
    for (int s = 0; s < h->count; s++)
        before[s] = h->group->region->args[1 + h->carried[s]];
    for (int s = 0; s < h->count; s++)
        if (h->twin[s] == s) {
            op_add_in(h->ctx, h->group, 3 + h->group->out_count, h->states[s]);
            carried[s] = before[count++] = block_arg(h->ctx, h->kernel, h->group->region, h->states[s]->type, "next");
            op_add_out(h->ctx, h->kernel, h->group, type_unplaced(h->states[s]->type));
        }
    Op *const maybe = ir_if(&b, h->any, before, count);
    Builder   in = ir_at_end(h->ctx, h->kernel, maybe->region);
    count = h->count;
    for (int s = 0; s < h->count; s++) {
        Value *const keys = clone_slice(&in, h->sums[s].keys, h->group->region, &map);
        Value *const values = clone_slice(&in, h->sums[s].values, h->group->region, &map);
        after[s] = edge(h, &in, s, keys, values);
    }
    for (int s = 0; s < h->count; s++)
        if (h->twin[s] == s)
            after[count++] =
                ir_dot(&in, map_get(&map, h->sums[s].keys), map_get(&map, h->sums[s].values), carried[s], true, false);
    ir_yield(&in, after, count);
    for (int s = 0; s < h->count; s++) {
        ir_replace_uses(h->kernel, h->adds[s]->out[0], maybe->out[s]);
        op_erase(h->adds[s]);
    }
    for (int c = h->count; c < count; c++) {
        Op *const group_yield = ir_terminator(h->group->region), *const row_yield = ir_terminator(h->rows->region);
        op_add_in(h->ctx, group_yield, group_yield->in_count, maybe->out[c]);
        op_add_in(h->ctx, row_yield, row_yield->in_count, h->group->out[group_yield->in_count - 1]);
    }
    op_erase(h->residual);
}

Status chunk_heads(Ctx *ctx, Kernel *kernel, Op *rows, Op *group, Op *residual, Value *segment, const char *starts) {
    Heads h = {.ctx = ctx, .kernel = kernel, .rows = rows, .group = group, .residual = residual,
               .segment = segment, .starts = starts};
    TRY(find_sums(&h));
    for (int s = 0; s < h.count; s++)
        TRY(find_carried(&h, s));
    start_states(&h);
    start_sums(&h);
    add_head(&h);
    return ST_OK;
}

/* What one head adds to the states. */
static void add_states(Heads *h, Builder *b, const Op *heads, Value **next) {
    ValueMap map = {.ctx = h->ctx};
    map_set(&map, h->group->region->args[0], heads->region->args[0]);
    map_set(&map, h->residual->region->args[0], ir_i(b, 0));
    for (int s = 0, at = 0; s < h->count; s++) {
        if (h->twin[s] != s)
            continue;
        Value *const keys = clone_slice(b, h->sums[s].keys, h->group->region, &map);
        Value *const values = clone_slice(b, h->sums[s].values, h->group->region, &map);
        next[at] = ir_dot(b, keys, values, heads->region->args[1 + at], true, false);
        at++;
    }
}

Status chunk_heads_states(Ctx *ctx, Kernel *kernel, Op *rows, Op *group, Op *residual) {
    Heads  h = {.ctx = ctx, .kernel = kernel, .rows = rows, .group = group, .residual = residual};
    Value *next[MOST_SUMS];
    TRY(find_sums(&h));
    start_states(&h);
    Builder   b = ir_before(ctx, kernel, group);
    Op *const maybe = ir_if(&b, h.any, rows->region->args + 1, rows->out_count);
    Builder   in = ir_at_end(ctx, kernel, maybe->region);
    Op *const heads = ir_for(&in, "group", false, group->in[0], group->in[1], group->in[2], rows->region->args + 1,
                             rows->out_count);
    Builder   head = ir_at_end(ctx, kernel, heads->region);
    add_states(&h, &head, heads, next);
    ir_yield(&head, next, rows->out_count);
    ir_yield(&in, heads->out, rows->out_count);
    for (Op *op = group, *behind; op; op = behind) {
        behind = op->next;
        if (op->code != OP_YIELD)
            op_erase(op);
    }
    Op *const yield = ir_terminator(rows->region);
    for (int s = 0; s < rows->out_count; s++)
        op_add_in(ctx, yield, s, maybe->out[s]);
    return ST_OK;
}
