/* The kernels of pass saved that make the states: see saved.c. `segment_state` sums what each segment but the last adds
 * to S; `states` adds up the sums of the segments before its own and goes on from there, saves S before each row tile,
 * and stores the final state behind the last one. The pieces of S are an axis of the grid, so that few sequences need
 * few segments or none: the first kernel then has no blocks.
 * Fused, a block has a whole piece of the features and half the columns of S, and a turn takes as many keys as the piece
 * has features: first 16 keys a warp, whose features go through shared memory, then 16 features a warp. The features of
 * a turn are computed while the products of the turn before run, so that one barrier a turn is enough. Measured on an H100
 * for B 4, T 4096: 0.17 ms, where a kernel for the features and one for the sums take 0.05 + 0.09; two warps a scheduler
 * wait for each other's latencies. */
#include "passes/saved.h"

/* Where rows of F x E tensors are: d2 counts them. */
static Value *state_row(Saver *s, Builder *b, const Nest *n) {
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, n->head, ir_i(b, s->F)), ir_ibin(b, OP_IMUL, n->part, ir_i(b, s->width)));
}

/* The block's columns of what an access to all of them is at coordinate `at` of d0. */
static Value *halved(Saver *s, Builder *b, const Nest *n, Value *at) {
    return s->halves == 1 ? at : ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, at ? at : ir_i(b, 0), ir_i(b, s->halves)), n->half);
}

static void mark_halved(Saver *s, Op *access, int dim) {
    if (s->halves > 1)
        op_set_int(s->ctx, access, AT_COLDIM, dim);
}

static void store_part(Saver *s, Builder *b, const Nest *n, const char *param, Value *const at[2], Value *tile) {
    const Access to = {.param = param,
                       .at = {halved(s, b, n, at[0]), at[1], state_row(s, b, n)},
                       .rowdim = 2,
                       .groupdim = -1,
                       .period = s->width};
    mark_halved(s, ir_store(b, &to, tile), 0);
}

static int columns(const Saver *s) { return s->E / s->halves; }

/* What a turn knows: main's values for the key tile `row` + the mask's upper bound. */
static ValueMap turn_map(Saver *s, Builder *b, const Nest *n, Value *row) {
    ValueMap map = {.ctx = s->ctx};
    map_set(&map, s->seq->region->args[0], n->seq);
    map_set(&map, s->heads->region->args[0], n->head);
    map_set(&map, s->key, ir_ibin(b, OP_IADD, row, ir_i(b, op_int(s->mask, AT_HI, 0))));
    return map;
}

/* Of the load's rows, the first of which belongs to `row`, those before `end`. */
static void bound_rows(Saver *s, const Nest *n, Op *load, Value *row, Value *end) {
    Builder      b = ir_before(s->ctx, n->kernel, load);
    Value *const left = ir_ibin(&b, OP_ISUB, end, row);
    load->in[4] = ir_ibin(&b, OP_IMIN, load->in[4], ir_ibin(&b, OP_IADD, load->in[1], left));
}

/* The rows of the values that belong to the chunk at `row`. */
static Value *turn_values(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *end) {
    Op *const load = clone_slice(b, s->v_load->out[0], s->main->body, map)->def;
    Builder   before = ir_before(s->ctx, n->kernel, load);
    load->in[2] = halved(s, &before, n, load->in[2]);
    load->out[0]->type.cols = columns(s);
    mark_halved(s, load, 2);
    bound_rows(s, n, load, row, end);
    return load->out[0];
}

/* S before the row tile at `row`. */
static void save_state(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *state) {
    Value *const batch = clone_slice(b, s->q_load->in[0], s->main->body, map),
                *const start = clone_slice(b, s->q_load->in[3], s->main->body, map);
    Value *const tile =
        ir_ibin(b, OP_IADD, saved_first_tile(s, b, batch, start, n->seq), saved_tile(s, b, row));
    store_part(s, b, n, "states", (Value *[]){NULL, tile}, state);
}

/* ---- Turns that compute features ---- */

/* The features that are this block's: one of the parts is computed. */
static Value *compute_piece(Saver *s, Builder *b, const Nest *n, Value *row, Value *keys) {
    Value *piece = ir_f(b, 0, s->width, s->width);
    for (int p = 0; p < s->parts; p++) {
        Value *const is_it =
            ir_ibin(b, OP_IMUL, ir_ibin(b, OP_ILT, n->part, ir_i(b, p + 1)), ir_ibin(b, OP_ILT, ir_i(b, p - 1), n->part));
        Op *const only = ir_if(b, is_it, &piece, 1);
        Builder   in = ir_at_end(s->ctx, b->kernel, only->region);
        ValueMap  map = turn_map(s, &in, n, row);
        map_set(&map, s->k_load->out[0], keys);
        Value *const made = clone_slice(&in, s->keys[p], s->main->body, &map);
        saved_set_rows(s, only->region, s->chunk, s->width);
        ir_yield(&in, &made, 1);
        piece = only->out[0];
    }
    return piece;
}

/* Slot of the ring for the first chunk of the turn at `row`. */
static Value *first_slot(Saver *s, Builder *b, Value *row) {
    return ir_ibin(b, OP_IMUL, ir_ibin(b, OP_IDIV, row, ir_i(b, s->width)), ir_i(b, s->width / s->chunk));
}

/* The roped keys of the turn's rows: of the blocks with the last columns of S, in turns, one for each part. */
static void store_roped(Saver *s, Builder *b, const Nest *n, Value *row, Value *end) {
    Value *const turn = ir_ibin(b, OP_ISUB, ir_ibin(b, OP_IDIV, row, ir_i(b, s->width)), n->part);
    Value *const mine = ir_ibin(b, OP_ILT, ir_ibin(b, OP_IMOD, turn, ir_i(b, s->parts)), ir_i(b, 1));
    Value *const last =
        ir_ibin(b, OP_IMUL, ir_ibin(b, OP_ILT, ir_i(b, s->halves - 2), n->half), ir_ibin(b, OP_ILT, row, end));
    Op *const    only = ir_if(b, ir_ibin(b, OP_IMUL, mine, last), NULL, 0);
    Builder      in = ir_at_end(s->ctx, b->kernel, only->region);
    ValueMap     map = turn_map(s, &in, n, row);
    saved_store_roped(s, &in, &map, s->width, row, end);
    ir_yield(&in, NULL, 0);
}

/* The features of the turn at `row` go into the ring, and to where main finds them. */
static void put_features(Saver *s, Builder *b, const Nest *n, Value *ring, Value *row, Value *end, bool save) {
    ValueMap     map = turn_map(s, b, n, row);
    Value *const keys = clone_slice(b, s->k_load->out[0], s->main->body, &map);
    keys->type.rows = s->width;
    op_set_int(s->ctx, keys->def, AT_PERIOD, s->width);
    bound_rows(s, n, keys->def, row, end);
    Value *const hi = keys->def->in[4], *const piece = compute_piece(s, b, n, row, keys);
    ir_ring_put(b, ring, first_slot(s, b, row), s->dtype == DT_F32 ? piece : ir_convert(b, piece, s->dtype));
    if (!save)
        return;
    Value *const once = ir_ibin(b, OP_IMUL, ir_ibin(b, OP_ILT, n->half, ir_i(b, 1)), ir_ibin(b, OP_ILT, row, end));
    Op *const    only = ir_if(b, once, NULL, 0);
    Builder      in = ir_at_end(s->ctx, b->kernel, only->region);
    saved_store_features(s, &in, &map, n->head, n->part, hi, piece);
    ir_yield(&in, NULL, 0);
    if (s->roped)
        store_roped(s, b, n, row, end);
}

/* The turn at `row`, whose features are there; makes those of the next one. -> S behind the turn. */
static Value *fused_turn(Saver *s, Builder *b, const Nest *n, Value *ring, Value *row, Value *end, Value *kept, Value *state,
                         bool save) {
    for (int c = 0; c < s->width / s->chunk; c++) {
        Value *const at = index_offset(b, row, (int64_t)c * s->chunk);
        ValueMap     map = turn_map(s, b, n, at);
        if (save && c == 0) {
            save_state(s, b, n, &map, at, state);
        } else if (save) {
            Op *const only = ir_if(b, ir_ibin(b, OP_ILT, at, end), NULL, 0);
            Builder   in = ir_at_end(s->ctx, b->kernel, only->region);
            ValueMap  inner = turn_map(s, &in, n, at);
            save_state(s, &in, n, &inner, at, state);
            ir_yield(&in, NULL, 0);
        }
        Value *const features = ir_ring_get(b, ring, index_offset(b, first_slot(s, b, row), c));
        state = ir_dot(b, features, turn_values(s, b, n, &map, at, kept), state, true, false);
    }
    put_features(s, b, n, ring, index_offset(b, row, s->width), end, save);
    return state;
}

/* ---- Kernels ---- */

static Value *plain_turn(Saver *s, Builder *b, const Nest *n, Value *row, Value *kept, Value *state, bool save) {
    ValueMap     map = turn_map(s, b, n, row);
    Value *const keys = saved_features(s, b, &map, n->head, n->part);
    Value *const values = turn_values(s, b, n, &map, row, kept);
    if (save)
        save_state(s, b, n, &map, row, state);
    return ir_dot(b, keys, values, state, true, false);
}

static Value *features_ring(Saver *s, Builder *b) {
    const Type type = type_ring(2 * s->width / s->chunk, s->dtype, s->chunk, s->width);
    return ir_op(b, OP_RING, NULL, 0, &type, 1)->out[0];
}

/* Position, as of rows, from which on no values are part of the final state: it is that of the last multiple of L tokens,
 * which lies behind the begin of the last row tile. */
static Value *kept_end(Saver *s, Nest *n, Value *end) {
    if (spec_fold(s->args->spec) == 1 || !s->state)
        return end;
    Value *const seen = s->update ? saved_slice(s, n, fold_seen(s->main)) : NULL;
    Value *const folded = fold_folded(s->args->spec, &n->body, seen, saved_slice(s, n, s->rows->in[1]));
    return ir_ibin(&n->body, OP_IMIN, end, folded);
}

/* for row in the segment's rows: S += phi(k_edge)^T v_edge, with `save` S stored before, and phi; -> the loop. */
static Op *sum_segment(Saver *s, Nest *n, Value *start, bool save) {
    Builder     *b = &n->body;
    Value *const ring = s->fused ? features_ring(s, b) : NULL;
    Value *const segment = n->axes[1], *const size = ir_sym(b, SYM_L),
                 *const length = saved_slice(s, n, s->rows->in[1]);
    Value       *first = ir_ibin(b, OP_IMUL, segment, size);
    if (s->early)
        first = ir_ibin(b, OP_IADD, first, saved_slice(s, n, s->rows->in[0]));
    Value *const end = ir_ibin(b, OP_IMIN, length, ir_ibin(b, OP_IADD, first, size));
    Value *const kept = kept_end(s, n, s->fused ? end : length);
    if (s->fused)
        put_features(s, b, n, ring, first, end, save);

    Op *const    loop = ir_for(b, "row", false, first, end, ir_i(b, s->fused ? s->width : s->chunk), &start, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value *const row = loop->region->args[0], *const state = loop->region->args[1];
    Value *const next = s->fused ? fused_turn(s, &in, n, ring, row, end, kept, state, save)
                                 : plain_turn(s, &in, n, row, kept, state, save);
    ir_yield(&in, &next, 1);
    return loop;
}

static void add_kernel(Saver *s, Kernel *kernel) {
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, kernel);
}

static Nest state_nest(Saver *s, const char *name, Sym segments) {
    const GridAxis axes[] = {{"part", SYM_COUNT, s->parts * s->halves}, {"segment", segments, 0}};
    Nest           n = saved_nest(s, name, axes, 2);
    n.part = ir_ibin(&n.body, OP_IDIV, n.axes[0], ir_i(&n.body, s->halves));
    n.half = s->halves == 1 ? ir_i(&n.body, 0) : ir_ibin(&n.body, OP_IMOD, n.axes[0], ir_i(&n.body, s->halves));
    return n;
}

static void segment_state_kernel(Saver *s) {
    Nest      n = state_nest(s, "segment_state", SYM_K);
    Op *const loop = sum_segment(s, &n, ir_f(&n.body, 0, s->width, columns(s)), false);
    store_part(s, &n.body, &n, "work", (Value *[]){n.axes[1], n.seq}, loop->out[0]);
    add_kernel(s, n.kernel);
}

/* The piece of the state in a pool that S starts from. */
static Value *pool_start(Saver *s, Nest *n) {
    Op *const load = saved_slice(s, n, s->pool->out[0])->def;
    Builder   b = ir_before(s->ctx, n->kernel, load);
    load->in[2] = ir_ibin(&b, OP_IADD, load->in[2], ir_ibin(&b, OP_IMUL, n->part, ir_i(&b, s->width)));
    load->out[0]->type.rows = s->width;
    op_set_int(s->ctx, load, AT_PERIOD, s->width);
    return load->out[0];
}

/* What the segments before this one add up to. */
static Value *segment_start(Saver *s, Nest *n) {
    Builder     *b = &n->body;
    Value *const zero = s->pool ? pool_start(s, n) : ir_f(b, 0, s->width, columns(s));
    Op *const    sum = ir_for(b, "segment", false, ir_i(b, 0), n->axes[1], ir_i(b, 1), &zero, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, sum->region);
    const Access from = {.param = "work",
                         .at = {halved(s, &in, n, sum->region->args[0]), n->seq, state_row(s, &in, n)},
                         .rowdim = 2,
                         .groupdim = -1,
                         .period = s->width};
    Value *const part = ir_load(&in, &from, s->width, columns(s));
    mark_halved(s, part->def, 0);
    Value *const next = ir_binary(&in, OP_ADD, sum->region->args[1], part);
    ir_yield(&in, &next, 1);
    return sum->out[0];
}

typedef struct Slice { /* of a cloned op on F rows: the rows of one piece */
    Saver *s;
    Nest  *n;
} Slice;

static bool slice_rows(Op *op, void *arg) {
    const Slice *slice = arg;
    Saver *const s = slice->s;
    const bool   access = op->code == OP_LOAD || op->code == OP_STORE;
    Builder      b = ir_before(s->ctx, slice->n->kernel, op);
    if (access && op_int(op, AT_ROWDIM, -1) == 2) {
        op->in[2] = ir_ibin(&b, OP_IADD, op->in[2], ir_ibin(&b, OP_IMUL, slice->n->part, ir_i(&b, s->width)));
        op->in[0] = halved(s, &b, slice->n, op->in[0]);
        mark_halved(s, op, 0);
    }
    for (int r = 0; r < op->out_count; r++)
        if (op->out[r]->type.cls == TY_TILE && op->out[r]->type.rows == s->F) {
            op->out[r]->type.rows = s->width;
            op->out[r]->type.cols = op->out[r]->type.cols == s->E ? columns(s) : op->out[r]->type.cols;
        }
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
    ir_param(s->ctx, s->main, "sum", DT_F32, PARAM_WORK, 4, dims);
    store_part(s, &n->body, n, "sum", (Value *[]){NULL, n->seq}, final);
    Builder      b = ir_before(s->ctx, s->update, sum);
    const Access from = {.param = "sum",
                         .at = {NULL, loop_find(s->update->body, "seq")->region->args[0],
                                ir_ibin(&b, OP_IMUL, head, ir_i(&b, s->F))},
                         .rowdim = 2,
                         .groupdim = -1,
                         .period = s->F};
    ir_replace_uses(s->update, sum->out[0], ir_load(&b, &from, s->F, s->E));
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
    Nest      n = state_nest(s, "states", SYM_S);
    Op *const loop = sum_segment(s, &n, segment_start(s, &n), true);
    if (s->update && !s->pool)
        hand_over_sum(s, &n, loop->out[0]);
    else if (s->state)
        store_final(s, &n, loop->out[0]);
    add_kernel(s, n.kernel);
    return ST_OK;
}
