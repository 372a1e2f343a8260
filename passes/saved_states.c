/* The kernels of pass saved that make the states: see saved.c. `segment_state` sums what each segment but the last adds
 * to S; `states` adds up the sums of the segments before its own and goes on from there, saves S before each row tile,
 * and stores the final state behind the last one. The pieces of S are an axis of the grid, so that few sequences need
 * few segments or none: the first kernel then has no blocks. */
#include "passes/saved.h"

static Access work_access(Saver *s, Builder *b, const Nest *n, Value *segment) {
    Value *const row = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, n->head, ir_i(b, s->F)),
                               ir_ibin(b, OP_IMUL, n->axes[0], ir_i(b, s->width)));
    return (Access){.param = "work", .at = {segment, n->seq, row}, .rowdim = 2, .groupdim = -1, .period = s->width};
}

/* What a turn knows: main's values for the key tile `row` + the mask's upper bound. */
static ValueMap turn_map(Saver *s, Builder *b, const Nest *n, Value *row) {
    ValueMap map = {.ctx = s->ctx};
    map_set(&map, s->seq->region->args[0], n->seq);
    map_set(&map, s->heads->region->args[0], n->head);
    map_set(&map, s->key, ir_ibin(b, OP_IADD, row, ir_i(b, op_int(s->mask, AT_HI, 0))));
    return map;
}

/* The piece of the features that is this block's: one of the parts is computed. */
static Value *compute_piece(Saver *s, Builder *b, const Nest *n, Value *row, Value *loaded) {
    Value *const part = n->axes[0];
    Value       *piece = ir_f(b, 0, s->chunk, s->width);
    for (int p = 0; p < s->parts; p++) {
        Value *const is_it =
            ir_ibin(b, OP_IMUL, ir_ibin(b, OP_ILT, part, ir_i(b, p + 1)), ir_ibin(b, OP_ILT, ir_i(b, p - 1), part));
        Op *const only = ir_if(b, is_it, &piece, 1);
        Builder   in = ir_at_end(s->ctx, b->kernel, only->region);
        ValueMap  inner = turn_map(s, &in, n, row);
        map_set(&inner, s->k_load->out[0], loaded);
        Value *const made = clone_slice(&in, s->keys[p], s->main->body, &inner);
        ir_yield(&in, &made, 1);
        piece = only->out[0];
    }
    return piece;
}

static Value *turn_features(Saver *s, Builder *b, const Nest *n, Value *row, ValueMap *map) {
    if (!s->fused)
        return saved_features(s, b, map, n->head, n->axes[0]);
    return compute_piece(s, b, n, row, clone_slice(b, s->k_load->out[0], s->main->body, map));
}

static void save_turn(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *state, Value *features) {
    Value *const batch = clone_slice(b, s->q_load->in[0], s->main->body, map),
                *const start = clone_slice(b, s->q_load->in[3], s->main->body, map);
    Value *const tile =
        ir_ibin(b, OP_IADD, saved_first_tile(s, b, batch, start, n->seq), ir_ibin(b, OP_IDIV, row, ir_i(b, s->chunk)));
    const Access to = {.param = "states",
                       .at = {NULL, tile, work_access(s, b, n, NULL).at[2]},
                       .rowdim = 2,
                       .groupdim = -1,
                       .period = s->width};
    ir_store(b, &to, state);
    if (s->fused)
        saved_store_features(s, b, map, n->head, n->axes[0], features);
}

/* for row in the segment's rows: S += phi(k_edge)^T v_edge, with `save` S stored before, and phi; -> the loop. */
static Op *sum_segment(Saver *s, Nest *n, Value *start, bool save) {
    Builder     *b = &n->body;
    Value *const segment = n->axes[1], *const size = ir_sym(b, SYM_L),
                 *const length = saved_slice(s, n, s->rows->in[1]);
    Value *const        first = ir_ibin(b, OP_IMUL, segment, size);
    Value *const        end = ir_ibin(b, OP_IMIN, length, ir_ibin(b, OP_IADD, first, size));

    Op *const           loop = ir_for(b, "row", false, first, end, ir_i(b, s->chunk), &start, 1);
    Builder             in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value *const row = loop->region->args[0], *const state = loop->region->args[1];

    ValueMap     map = turn_map(s, &in, n, row);
    Value *const keys = turn_features(s, &in, n, row, &map);
    Value *const values = clone_slice(&in, s->v_load->out[0], s->main->body, &map);
    Builder      before = ir_before(s->ctx, n->kernel, values->def);
    Value *const left = ir_ibin(&before, OP_ISUB, length, row);
    values->def->in[4] =
        ir_ibin(&before, OP_IMIN, values->def->in[4], ir_ibin(&before, OP_IADD, values->def->in[1], left));
    if (save)
        save_turn(s, &in, n, &map, row, state, keys);
    Value *const next = ir_dot(&in, keys, values, state, true, false);
    ir_yield(&in, &next, 1);
    return loop;
}

static void add_kernel(Saver *s, Kernel *kernel) {
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, kernel);
}

static void segment_state_kernel(Saver *s) {
    const GridAxis axes[] = {{"part", SYM_COUNT, s->parts}, {"segment", SYM_K, 0}};
    Nest           n = saved_nest(s, "segment_state", axes, 2);
    Op *const      loop = sum_segment(s, &n, ir_f(&n.body, 0, s->width, s->E), false);
    const Access   to = work_access(s, &n.body, &n, n.axes[1]);
    ir_store(&n.body, &to, loop->out[0]);
    add_kernel(s, n.kernel);
}

/* The piece of the state in a pool that S starts from. */
static Value *pool_start(Saver *s, Nest *n) {
    Op *const load = saved_slice(s, n, s->pool->out[0])->def;
    Builder   b = ir_before(s->ctx, n->kernel, load);
    load->in[2] = ir_ibin(&b, OP_IADD, load->in[2], ir_ibin(&b, OP_IMUL, n->axes[0], ir_i(&b, s->width)));
    load->out[0]->type.rows = s->width;
    op_set_int(s->ctx, load, AT_PERIOD, s->width);
    return load->out[0];
}

/* What the segments before this one add up to. */
static Value *segment_start(Saver *s, Nest *n) {
    Builder     *b = &n->body;
    Value *const zero = s->pool ? pool_start(s, n) : ir_f(b, 0, s->width, s->E);
    Op *const    sum = ir_for(b, "segment", false, ir_i(b, 0), n->axes[1], ir_i(b, 1), &zero, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, sum->region);
    const Access from = work_access(s, &in, n, sum->region->args[0]);
    Value *const next = ir_binary(&in, OP_ADD, sum->region->args[1], ir_load(&in, &from, s->width, s->E));
    ir_yield(&in, &next, 1);
    return sum->out[0];
}

typedef struct Slice { /* of a cloned op on F rows: the rows of one piece */
    Saver *s;
    Nest  *n;
} Slice;

static bool slice_rows(Op *op, void *arg) {
    const Slice *slice = arg;
    const bool   access = op->code == OP_LOAD || op->code == OP_STORE;
    Builder      b = ir_before(slice->s->ctx, slice->n->kernel, op);
    if (access && op_int(op, AT_ROWDIM, -1) == 2)
        op->in[2] = ir_ibin(&b, OP_IADD, op->in[2], ir_ibin(&b, OP_IMUL, slice->n->axes[0], ir_i(&b, slice->s->width)));
    for (int r = 0; r < op->out_count; r++)
        if (op->out[r]->type.cls == TY_TILE && op->out[r]->type.rows == slice->s->F)
            op->out[r]->type.rows = slice->s->width;
    return true;
}

/* Kind extend: pool + sum, which S already is where it starts from the pool. */
static const Op *added_start(const Saver *s, const Op *sum) {
    int  count = 0;
    Op **users = ir_users(s->ctx, s->state, sum->out[0], &count);
    return s->pool && count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
}

/* Kernel `state` behind the last segment's loop, with the piece of S for its sum. */
static void store_final(Saver *s, Nest *n, Value *final) {
    Op *const seq = loop_find(s->state->body, "seq"), *const heads = loop_find(s->state->body, "kv_head");
    Op *const    sum = loop_find(s->state->body, "residual");
    Builder     *b = &n->body;
    Value *const size = ir_sym(b, SYM_L), *const length = saved_slice(s, n, s->rows->in[1]);
    Value *const whole = ir_ibin(b, OP_IDIV, index_offset(b, ir_ibin(b, OP_IADD, length, size), -1), size);
    Value *const last = ir_ibin(b, OP_IMAX, ir_i(b, 0), index_offset(b, whole, -1));
    Value *const reached = ir_ibin(b, OP_ILT, n->axes[1], index_offset(b, last, 1));
    Value *const not_past = ir_ibin(b, OP_ILT, index_offset(b, last, -1), n->axes[1]);
    Op *const    only = ir_if(b, ir_ibin(b, OP_IMUL, reached, not_past), NULL, 0);
    Builder      in = ir_at_end(s->ctx, n->kernel, only->region);
    ValueMap     map = {.ctx = s->ctx};
    map_set(&map, seq->region->args[0], n->seq);
    map_set(&map, heads->region->args[0], n->head);
    const Op *const whole_sum = added_start(s, sum);
    map_set(&map, whole_sum ? whole_sum->out[0] : sum->out[0], final);
    const Block *const blocks[] = {s->state->body, seq->region, heads->region};
    for (int level = 0; level < 3; level++)
        for (const Op *op = blocks[level]->first; op; op = op->next)
            if (op != seq && op != heads && op != sum && op != whole_sum && op->code != OP_YIELD)
                op_remove_attr(ir_clone(&in, op, &map), AT_PAR);
    Slice slice = {s, n};
    ir_walk(only->region, slice_rows, &slice);
    ir_yield(&in, NULL, 0);
}

/* Where main reads the pools first: the sum waits in working memory, from where kernel `state` takes it. */
static void hand_over_sum(Saver *s, Nest *n, Value *final) {
    Op *const     sum = loop_find(s->update->body, "residual");
    Value *const  head = loop_find(s->update->body, "kv_head")->region->args[0];
    const int64_t dims[4] = {1, DIM_SYM(SYM_N), ir_find_param(s->main, "k")->dims[2] * s->F, s->E};
    Access        access = work_access(s, &n->body, n, NULL);
    ir_param(s->ctx, s->main, "sum", DT_F32, PARAM_WORK, 4, dims);
    access.param = "sum";
    ir_store(&n->body, &access, final);
    Builder b = ir_before(s->ctx, s->update, sum);
    access.at[1] = loop_find(s->update->body, "seq")->region->args[0];
    access.at[2] = ir_ibin(&b, OP_IMUL, head, ir_i(&b, s->F));
    access.period = s->F;
    ir_replace_uses(s->update, sum->out[0], ir_load(&b, &access, s->F, s->E));
    op_erase(sum);
}

Status saved_state_kernels(Saver *s) {
    int64_t heads = 1;
    ir_const_value(s->heads->in[1], &heads);
    const int64_t work[4] = {DIM_SYM(SYM_K), DIM_SYM(SYM_N), heads * s->F, s->E},
                  states[4] = {1, DIM_SYM(SYM_C), heads * s->F, s->E};
    ir_param(s->ctx, s->main, "work", DT_F32, PARAM_WORK, 4, work);
    ir_param(s->ctx, s->main, "states", s->dtype, PARAM_WORK, 4, states);
    segment_state_kernel(s);
    const GridAxis axes[] = {{"part", SYM_COUNT, s->parts}, {"segment", SYM_S, 0}};
    Nest           n = saved_nest(s, "states", axes, 2);
    Op *const      loop = sum_segment(s, &n, segment_start(s, &n), true);
    if (s->update && !s->pool)
        hand_over_sum(s, &n, loop->out[0]);
    else if (s->state)
        store_final(s, &n, loop->out[0]);
    add_kernel(s, n.kernel);
    return ST_OK;
}
