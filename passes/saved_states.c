/* The kernels of pass saved that make the states: see saved.c. `segment_state` sums what each segment but the last adds
 * to S; `states` adds up the sums of the segments before its own and goes on from there, saves S before each row tile,
 * and stores the final state behind the last one. The pieces of S are an axis of the grid, so that few sequences need
 * few segments or none: the first kernel then has no blocks. On top of rings sequences are never cut, and there is no such
 * kernel.
 * Where these kernels compute the features, too, their warps have roles: see saved_roles.c. A block then has a whole piece
 * of the features and an equal part of the columns of S. */
#include "passes/saved.h"

/* Where rows of F x E tensors are: d2 counts them. */
static Value *state_row(Saver *s, Builder *b, const Nest *n) {
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, n->head, ir_i(b, s->F)), ir_ibin(b, OP_IMUL, n->part, ir_i(b, s->made_width)));
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
                       .period = s->made_width};
    mark_halved(s, ir_store(b, &to, tile), 0);
}

int saved_columns(const Saver *s) { return s->E / s->halves; }

ValueMap saved_turn(Saver *s, Builder *b, const Nest *n, Value *row) {
    ValueMap map = saved_place(s, n);
    map_set(&map, s->key, ir_ibin(b, OP_IADD, row, ir_i(b, op_int(s->mask, AT_HI, 0))));
    return map;
}

Op *saved_values(Saver *s, Builder *b, const Nest *n, ValueMap *map) {
    Op *const load = clone_slice(b, s->v_load->out[0], s->main->body, map)->def;
    Builder   before = ir_before(s->ctx, n->kernel, load);
    load->in[2] = halved(s, &before, n, load->in[2]);
    load->out[0]->type.cols = saved_columns(s);
    mark_halved(s, load, 2);
    return load;
}

/* The rows of the values that belong to the chunk at `row`, those before `end`. */
static Value *turn_values(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *end) {
    Op *const load = saved_values(s, b, n, map);
    Builder   before = ir_before(s->ctx, n->kernel, load);
    Value *const left = ir_ibin(&before, OP_ISUB, end, row);
    load->in[4] = ir_ibin(&before, OP_IMIN, load->in[4], ir_ibin(&before, OP_IADD, load->in[1], left));
    return load->out[0];
}

void saved_store_state(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *state) {
    Value *const batch = clone_slice(b, s->q_load->in[0], s->main->body, map),
                *const start = clone_slice(b, s->q_load->in[3], s->main->body, map);
    Value *const tile =
        ir_ibin(b, OP_IADD, saved_first_state(s, b, batch, start, n->seq), saved_state(s, b, row));
    store_part(s, b, n, "states", (Value *[]){NULL, tile}, state);
}

/* ---- Kernels ---- */

static Value *plain_turn(Saver *s, Builder *b, const Nest *n, Value *row, Value *kept, Value *state, bool save) {
    ValueMap     map = saved_turn(s, b, n, row);
    Value *const keys = saved_features(s, b, &map, n->head, n->part), *const low = saved_features_low(s, b, &map, n->head, n->part);
    Value *const values = turn_values(s, b, n, &map, row, kept);
    if (save) {
        Builder at = saved_open_saved(s, b, row);
        saved_store_state(s, &at, n, &map, row, state);
    }
    Value *const sum = ir_dot(b, keys, values, state, true, false);
    return low ? ir_dot(b, low, values, sum, true, false) : sum;
}

static bool has_segments(const Saver *s) { return s->args->kind == KIND_FORWARD || s->args->kind == KIND_BACKWARD; }

/* The segment's rows: none before the first row tile that needs S. None whose keys all lie in the window does, nor what
 * shares a key tile of the window with it; what the pool holds all of them need. */
static void segment_rows(Saver *s, Nest *n, StateRoles *r) {
    Builder      *b = &n->body;
    const int64_t left = -op_int(s->mask, AT_HI, 0) - s->args->schedule->key_tile;
    Value *const  size = ir_sym(b, SYM_L);
    r->length = saved_slice(s, n, s->rows->in[1]);
    Value        *first = ir_ibin(b, OP_IMUL, n->axes[1], size);
    if (s->early)
        first = ir_ibin(b, OP_IADD, first, saved_slice(s, n, s->rows->in[0]));
    r->begin = first;
    r->end = ir_ibin(b, OP_IMIN, r->length, ir_ibin(b, OP_IADD, first, size));
    const int64_t whole = (int64_t)s->chunk * s->args->schedule->states_every;
    if (has_segments(s) && left >= whole)
        first = ir_ibin(b, OP_IMAX, first, ir_i(b, left / whole * whole));
    r->first = first;
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

/* for row in the segment's rows: S += phi(k_edge)^T v_edge, with `save` S stored before; -> S behind the last one. */
static Value *sum_segment(Saver *s, Nest *n, const StateRoles *r, Value *start) {
    Value *const kept = kept_end(s, n, r->length);
    Builder     *b = &n->body;
    Op *const    loop = ir_for(b, "row", false, r->first, r->end, ir_i(b, s->chunk), &start, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value *const sum = plain_turn(s, &in, n, loop->region->args[0], kept, loop->region->args[1], r->save);
    ir_yield(&in, &sum, 1);
    return loop->out[0];
}

static Nest state_nest(Saver *s, const char *name, Sym segments) {
    const GridAxis axes[] = {{"part", SYM_COUNT, s->made_parts * s->halves}, {"segment", segments, 0}};
    Nest           n = saved_nest(s, name, axes, 2);
    n.part = ir_ibin(&n.body, OP_IDIV, n.axes[0], ir_i(&n.body, s->halves));
    n.half = s->halves == 1 ? ir_i(&n.body, 0) : ir_ibin(&n.body, OP_IMOD, n.axes[0], ir_i(&n.body, s->halves));
    return n;
}

/* The block's part of the state in a pool that S starts from. */
static Value *pool_start(Saver *s, Nest *n) {
    Op *const load = saved_slice(s, n, s->pool->out[0])->def;
    Builder   b = ir_before(s->ctx, n->kernel, load);
    load->in[0] = halved(s, &b, n, load->in[0]);
    load->in[2] = ir_ibin(&b, OP_IADD, load->in[2], ir_ibin(&b, OP_IMUL, n->part, ir_i(&b, s->made_width)));
    load->out[0]->type = type_tile(load->out[0]->type.dtype, s->made_width, saved_columns(s));
    op_set_int(s->ctx, load, AT_PERIOD, s->made_width);
    mark_halved(s, load, 0);
    return load->out[0];
}

/* What the segments before this one add up to. */
static Value *segment_start(Saver *s, Nest *n) {
    Builder     *b = &n->body;
    Value *const zero = s->pool ? pool_start(s, n) : ir_f(b, 0, s->made_width, saved_columns(s));
    if (!has_segments(s))
        return zero;
    Op *const    sum = ir_for(b, "segment", false, ir_i(b, 0), n->axes[1], ir_i(b, 1), &zero, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, sum->region);
    const Access from = {.param = "work",
                         .at = {halved(s, &in, n, sum->region->args[0]), n->seq, state_row(s, &in, n)},
                         .rowdim = 2,
                         .groupdim = -1,
                         .period = s->made_width};
    Value *const part = ir_load(&in, &from, s->made_width, saved_columns(s));
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
        op->in[2] = ir_ibin(&b, OP_IADD, op->in[2], ir_ibin(&b, OP_IMUL, slice->n->part, ir_i(&b, s->made_width)));
        op->in[0] = halved(s, &b, slice->n, op->in[0]);
        mark_halved(s, op, 0);
    }
    for (int r = 0; r < op->out_count; r++)
        if (op->out[r]->type.cls == TY_TILE && op->out[r]->type.rows == s->F) {
            op->out[r]->type.rows = s->made_width;
            op->out[r]->type.cols = op->out[r]->type.cols == s->E ? saved_columns(s) : op->out[r]->type.cols;
        }
    return true;
}

/* Kind extend: pool + sum, which S already is where it starts from the pool. */
static const Op *added_start(const Saver *s, const Op *sum) {
    int  count = 0;
    Op **users = ir_users(s->ctx, s->state, sum->out[0], &count);
    return s->pool && count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
}

enum { FEW_COLUMNS = 32 };

/* Columns `part` of `count` equal parts of what an access to a state has: d0 counts them, too. */
static void take_part(Saver *s, Op *access, Kernel *kernel, int part, int count) {
    Builder b = ir_before(s->ctx, kernel, access);
    access->in[0] = index_offset(&b, ir_ibin(&b, OP_IMUL, access->in[0], ir_i(&b, count)), part);
    op_set_int(s->ctx, access, AT_COLDIM, 0);
}

/* sum + initial state, a few columns at a time: registers do not hold both. */
static bool store_by_columns(Op *store, void *arg) {
    const Slice *slice = arg;
    Saver *const s = slice->s;
    const Op    *add = store->code == OP_STORE ? store->in[5]->def : NULL, *load = add && add->code == OP_ADD ? add->in[0]->def : NULL;
    const int    cols = add ? add->out[0]->type.cols : 0;
    if (!load || load->code != OP_LOAD || add->parent != store->parent || cols % FEW_COLUMNS || cols == FEW_COLUMNS)
        return true;
    for (int lo = 0; lo < cols; lo += FEW_COLUMNS) {
        Builder      b = ir_before(s->ctx, slice->n->kernel, store);
        ValueMap     map = {.ctx = s->ctx};
        Op *const    from = ir_clone(&b, load, &map);
        from->out[0]->type.cols = FEW_COLUMNS;
        take_part(s, from, slice->n->kernel, lo / FEW_COLUMNS, cols / FEW_COLUMNS);
        Value *const part = ir_binary(&b, OP_ADD, from->out[0], ir_cols(&b, add->in[1], lo, FEW_COLUMNS));
        map_set(&map, store->in[5], part);
        take_part(s, ir_clone(&b, store, &map), slice->n->kernel, lo / FEW_COLUMNS, cols / FEW_COLUMNS);
    }
    op_erase(store);
    return true;
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
    if (s->fused)
        ir_walk(only->region, store_by_columns, &slice);
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

/* What is left of the sum behind its last turn. */
static void finish(Saver *s, Nest *n, Value *sum, bool save) {
    if (!save)
        store_part(s, &n->body, n, "work", (Value *[]){n->axes[1], n->seq}, sum);
    else if (s->update && !s->pool)
        hand_over_sum(s, n, sum);
    else if (s->state)
        store_final(s, n, sum);
}

/* `save`: kernel states, else segment_state. */
static void add_kernel(Saver *s, bool save) {
    Nest         n = state_nest(s, save ? "states" : "segment_state", save ? SYM_S : SYM_K);
    Builder     *b = &n.body;
    StateRoles   r = {.save = save};
    segment_rows(s, &n, &r);
    if (s->fused)
        saved_open_roles(s, &n, &r);
    Value *const start = save ? segment_start(s, &n) : ir_f(b, 0, s->made_width, saved_columns(s));
    finish(s, &n, s->fused ? saved_sum_turns(s, &n, &r, start) : sum_segment(s, &n, &r, start), save);
    if (s->fused)
        saved_close_roles(s, &n, &r);
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, n.kernel);
}

Status saved_state_kernels(Saver *s) {
    int64_t heads = 1;
    ir_const_value(s->heads->in[1], &heads);
    const Sym     count = s->args->schedule->states_every > 1 ? SYM_M : SYM_C;
    const int64_t work[4] = {DIM_SYM(SYM_K), DIM_SYM(SYM_N), heads * s->F, s->E},
                  states[4] = {1, DIM_SYM(count), heads * s->F, s->E};
    if (has_segments(s))
        ir_param(s->ctx, s->main, "work", DT_F32, PARAM_WORK, 4, work);
    ir_param(s->ctx, s->main, "states", s->dtype, PARAM_WORK, 4, states);
    if (has_segments(s))
        add_kernel(s, false);
    add_kernel(s, true);
    return ST_OK;
}
