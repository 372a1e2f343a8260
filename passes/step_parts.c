/* The parts of a decoding step: see step.c. The few rows of q stand in columns here, so that keys, values, features
 * and rows of S are spread over the warps: scores^T = K q^T, output^T = V^T p^T, residual^T = S^T phi(q)^T, where
 * right sides are small and lie in shared memory. Key tiles are fetched ahead, from the rings and from the new
 * tokens; slices of S go through registers, one ahead: read, used, updated, written. */
#include "passes/step_part.h"

#include <math.h>
#include <string.h>

static Value *new_ring(const Step *s, Builder *b, int slots, int rows, int cols) {
    const Type type = type_ring(slots, s->dtype, rows, cols);
    return ir_op(b, OP_RING, NULL, 0, &type, 1)->out[0];
}

static bool is_wide(const Step *s) { return s->D > 128 || s->E > 128; }

/* Does the product of the scores read keys as they are fetched? */
static bool is_fetched(const Step *s) { return s->score->in[1] == step_sources(s->score->in[1])->out[0]; }

void step_put(const Step *s, Builder *b, Value *ring, Value *slot, Value *tile) {
    ir_ring_put(b, ring, slot, ir_as(b, tile, s->dtype));
}

Value *step_transposed(Builder *b, Value *tile) { return ir_unary(b, OP_TRANSPOSE, tile); }

ValueMap step_map(const Part *p) {
    ValueMap map = {.ctx = p->s->ctx};
    map_set(&map, p->s->rows->region->args[0], p->row);
    map_set(&map, p->s->group->region->args[0], p->group);
    return map;
}

/* What main computes from its rows and heads alone. */
static Value *of_rows(Part *p, Value *value) {
    ValueMap map = step_map(p);
    return clone_slice(&p->b, value, p->s->rows->region, &map);
}

/* The sum of a ring's rows and new tokens that `value` is computed from. */
const Op *step_sources(const Value *value) {
    const Op *const op = value->def, *found = NULL;
    if (op && op->code == OP_ADD && op->in[0]->def && op->in[0]->def->code == OP_LOAD && op_int(op->in[0]->def, AT_WRAP, 0) > 0)
        return op;
    for (int i = 0; op && i < op->in_count && !found; i++)
        found = op->in[i]->type.cls == TY_TILE && op->in[i]->type.rows > 1 ? step_sources(op->in[i]) : NULL;
    return found;
}

Flip step_flip(const Part *p) {
    return (Flip){p->s->ctx, p->s->main, p->s->rows->region, step_map(p), {.ctx = p->s->ctx}};
}

void step_fetch_at(const Part *p, Builder *b, const Op *load, Value *ring, Value *slot, Value *const *at, int period,
                     int onto) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_WRAP};
    const Step          *s = p->s;
    Value *const         in[7] = {ring, slot, at[0], at[1], at[2], at[3], at[4]};
    Op *const            made = ir_op(b, OP_FETCH, in, 7, NULL, 0);
    op_set_text(s->ctx, made, AT_PARAM, op_text(load, AT_PARAM));
    op_set_int(s->ctx, made, AT_PERIOD, period);
    for (int k = 0; k < 3; k++)
        if (op_has(load, KEYS[k]))
            op_set_int(s->ctx, made, KEYS[k], op_int(load, KEYS[k], -1));
    if (onto)
        op_set_int(s->ctx, made, AT_ONTO, onto);
}

void step_fetch(const Part *p, Builder *b, const Op *load, Value *ring, Value *slot, ValueMap *map, int period, int onto) {
    Value *at[5];
    for (int i = 0; i < 5; i++)
        at[i] = clone_slice(b, load->in[i], p->s->rows->region, map);
    step_fetch_at(p, b, load, ring, slot, at, period, onto);
}

/* The ring has the keys before the new tokens. */
int step_onto(const Op *load) { return op_has(load, AT_WRAP) ? 2 : 1; }
/* ---- Keys ---- */

/* The first key of a turn: tiles count from the youngest key back, and the parts take turns. */
static Value *key_of(const Part *p, Builder *b, Value *turn) {
    Value *const number = ir_ibin(b, OP_IADD, p->part, ir_ibin(b, OP_IMUL, turn, p->count));
    return ir_ibin(b, OP_ISUB, p->top, ir_ibin(b, OP_IMUL, index_offset(b, number, 1), ir_i(b, p->s->K)));
}

static void fetch_key(const Part *p, Builder *b, const Op *load, Value *ring, Value *turn, ValueMap *map) {
    step_fetch(p, b, load, ring, turn, map, p->s->K, step_onto(load));
}

/* A turn's keys, values or both, one group of copies; nothing where there is no such turn. */
static void fetch_turn(const Part *p, Builder *b, Value *turn, Value *turns, bool keys, bool values) {
    const Step  *s = p->s;
    Op *const    there = ir_if(b, ir_ibin(b, OP_ILT, turn, turns), NULL, 0);
    Builder      in = ir_at_end(s->ctx, s->main, there->region);
    ValueMap     map = step_map(p);
    map_set(&map, s->key, key_of(p, &in, turn));
    for (int n = 0; n < 2; n++) {
        if (keys && p->k)
            fetch_key(p, &in, step_sources(s->score->in[1])->in[n]->def, p->k, turn, &map);
        if (values)
            fetch_key(p, &in, step_sources(s->values)->in[n]->def, p->v, turn, &map);
    }
    ir_yield(&in, NULL, 0);
    ir_bare(b, OP_COMMIT);
}

/* Groups of copies that are on their way when a turn's keys or values are waited for. */
static int groups_ahead(const Part *p) { return (p->s->args->schedule->stages - 1) * (p->k ? 2 : 1); }

/* The first turns are fetched before everything else, where more than one fits. */
static void fetch_first(const Part *p, Builder *b, Value *turns) {
    for (int turn = 0; turn + 1 < p->s->args->schedule->stages; turn++) {
        if (p->k)
            fetch_turn(p, b, ir_i(b, turn), turns, true, false);
        fetch_turn(p, b, ir_i(b, turn), turns, false, true);
    }
}

/* Waits for this turn's keys or values, and fetches those for which the wait has shown that there is room: while one
 * half of a turn is used, the other one and the next turn's are on their way. */
static void open_half(const Part *p, Builder *b, Value *turn, Value *turns, bool keys) {
    ir_wait(b, groups_ahead(p) - 1);
    fetch_turn(p, b, index_offset(b, turn, p->s->args->schedule->stages - 1), turns, keys, !keys);
}

static void open_keys(const Part *p, Builder *b, Value *turn, Value *turns) {
    if (p->s->args->schedule->stages > 1) {
        if (p->k)
            open_half(p, b, turn, turns, true);
        return;
    }
    ir_bare(b, OP_BARRIER);
    fetch_turn(p, b, turn, turns, true, true);
    ir_wait(b, 0);
}

static void open_values(const Part *p, Builder *b, Value *turn, Value *turns) {
    if (p->s->args->schedule->stages > 1)
        open_half(p, b, turn, turns, false);
    else
        ir_bare(b, OP_BARRIER);
}

/* What stands between the product and the mask: ops on one element. */
static Value *scaled(const Part *p, Builder *b, Value *value, Value *product) {
    const Step *s = p->s;
    ValueMap    map = step_map(p);
    if (value == s->score->out[0])
        return product;
    if (value->type.rows == 1)
        return clone_slice(b, value, s->rows->region, &map);
    Value    *in[2] = {NULL, NULL};
    const Op *op = value->def;
    for (int i = 0; i < op->in_count; i++)
        in[i] = scaled(p, b, op->in[i], product);
    return ir_op(b, op->code, in, op->in_count, NULL, 0)->out[0];
}

/* A turn's keys as the scores want them: where these turn them, by way of registers. */
static Value *keys_of(const Part *p, Builder *b, Value *turn, ValueMap *map) {
    const Step *s = p->s;
    if (!p->k)
        return clone_slice(b, s->score->in[1], s->rows->region, map);
    Value *const tile = ir_ring_get(b, p->k, turn);
    if (is_fetched(s))
        return tile;
    map_set(map, step_sources(s->score->in[1])->out[0], s->dtype == DT_F32 ? ir_unary(b, OP_COPY, tile) : ir_convert(b, tile, DT_F32));
    return clone_slice(b, s->score->in[1], s->rows->region, map);
}

static Value *masked_scores(const Part *p, Builder *b, Value *turn) {
    const Step  *s = p->s;
    ValueMap     map = step_map(p);
    Value *const key = key_of(p, b, turn);
    map_set(&map, s->key, key);
    Value *const keys = keys_of(p, b, turn, &map);
    Value *const product = ir_dot(b, keys, ir_ring_get(b, p->q, ir_i(b, 0)), NULL, false, true);
    Value *const first = clone_slice(b, s->mask->in[2], s->rows->region, &map);
    Value *const mask = ir_mask(b, scaled(p, b, s->mask->in[0], product), ir_ibin(b, OP_ISUB, key, p->row), first,
                                op_int(s->mask, AT_LO, 0), op_int(s->mask, AT_HI, 0), s->C, -INFINITY);
    op_set_int(s->ctx, mask->def, AT_TA, 1);
    return mask;
}

/* A turn of the online softmax over this part's tiles, on top of maximum (a row), sum of the exponentials, still a tile, and
 * transposed output. */
static void attend(const Part *p, Builder *b, Value *turn, Value *turns, Value *const *before, Value **next) {
    const Step *s = p->s;
    open_keys(p, b, turn, turns);
    Value *const scores = masked_scores(p, b, turn);
    next[0] = ir_binary(b, OP_MAX, before[0], ir_unary(b, OP_COLMAX, scores));
    Value *const power = step_power(s, b, scores, next[0]);
    Value *const shrink = step_power(s, b, before[0], next[0]);
    next[1] = ir_binary(b, OP_ADD, ir_binary(b, OP_MUL, before[1], shrink), power);
    step_put(s, b, p->p, ir_i(b, 0), power);
    open_values(p, b, turn, turns);
    next[2] = ir_dot(b, ir_ring_get(b, p->v, turn), ir_ring_get(b, p->p, ir_i(b, 0)),
                     ir_binary(b, OP_MUL, before[2], shrink), true, false);
}

/* How many of `count` items are this part's, where the parts take turns. */
static Value *my_share(Part *p, Value *count) {
    Builder *b = &p->b;
    Value *const mine = index_offset(b, ir_ibin(b, OP_IADD, ir_ibin(b, OP_ISUB, count, p->part), p->count), -1);
    return ir_ibin(b, OP_IDIV, mine, p->count);
}

static Value *count_turns(Part *p) {
    const Step  *s = p->s;
    Builder     *b = &p->b;
    Value *const oldest = of_rows(p, s->mask->in[2]->def->in[1]->def->in[0]);
    Value *const first = ir_ibin(b, OP_IMAX, oldest, ir_ibin(b, OP_IADD, p->row, ir_i(b, op_int(s->mask, AT_LO, 0))));
    Value *const tiles = index_ceil_div(b, ir_ibin(b, OP_ISUB, p->top, first), s->K);
    return my_share(p, tiles);
}

/* ---- S ---- */
/* ---- S ---- */


static Access slice_access(const Part *p, Builder *b, Value *n) {
    const Step *s = p->s;
    ValueMap    map = step_map(p);
    Value      *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = clone_slice(b, s->pool->in[i], s->rows->region, &map);
    return (Access){.param = op_text(s->pool, AT_PARAM),
                    .at = {in[0], in[1], ir_ibin(b, OP_IMUL, n, ir_i(b, s->slice))},
                    .lo = in[3],
                    .hi = in[4],
                    .rowdim = 2,
                    .groupdim = -1,
                    .period = s->slice};
}

static Value *load_slice(const Part *p, Builder *b, Value *n) {
    const Access access = slice_access(p, b, n);
    return step_transposed(b, ir_load(b, &access, p->s->slice, p->s->E));
}

/* residual^T += S^T phi(q)^T and S^T += v^T phi(k), for slice n of S. */
static Value *use_slice(const Part *p, Builder *b, Value *n, Value *slice, Value *residual) {
    const Step  *s = p->s;
    Value *const state = ir_as(b, slice, s->dtype), *const rows = ir_ring_get(b, p->phi, n);
    Value *const sum = ir_dot(b, state, rows, residual, false, !p->flipped);
    Op *const    only = p->moves ? ir_if(b, p->moves, NULL, 0) : NULL;
    Builder      in = only ? ir_at_end(s->ctx, s->main, only->region) : *b;
    for (int e = 0; e < s->edges; e++) {
        Value *const values = ir_ring_get(&in, p->edge_v, ir_i(&in, e));
        Value *const keys = ir_ring_get(&in, p->edge_phi, e ? index_offset(&in, n, e * s->slices) : n);
        slice = ir_dot(&in, values, keys, slice, true, p->flipped);
    }
    const Access access = slice_access(p, &in, n);
    ir_store(&in, &access, step_transposed(&in, slice));
    if (only)
        ir_yield(&in, NULL, 0);
    return sum;
}

/* What a part sums up: maximum, sum of the exponentials and output of its keys, and the residual of its slices. */
typedef struct Sums {
    Value *of[4];
} Sums;

static Sums no_keys(Part *p) {
    const Step *s = p->s;
    return (Sums){{ir_f(&p->b, tile_no_score(s->unit), 1, s->M), ir_f(&p->b, 0, s->K, s->M), ir_f(&p->b, 0, s->E, s->M)}};
}

static Value *slice_of_turn(const Part *p, Builder *b, Value *turn) {
    return ir_ibin(b, OP_IADD, p->part, ir_ibin(b, OP_IMUL, turn, p->count));
}

/* A slice of S and a key tile a turn, so that both streams of memory flow all the time; a slice is ahead. */
static void walk_both(Part *p, Value *turns, Value *slices, Value *first, Value *residual, Sums *sums) {
    const Step *s = p->s;
    const Sums  start = no_keys(p);
    Value      *next[5] = {start.of[0], start.of[1], start.of[2], residual, first};
    Value *const most = ir_ibin(&p->b, OP_IMAX, turns, slices);
    Op *const    loop = ir_for(&p->b, "keys", false, ir_i(&p->b, 0), most, ir_i(&p->b, 1), next, 5);
    Value *const turn = loop->region->args[0], *const *carried = &loop->region->args[1];
    Builder      b = ir_at_end(s->ctx, s->main, loop->region);
    Value *const n = slice_of_turn(p, &b, turn);
    Op *const    state = ir_if(&b, ir_ibin(&b, OP_ILT, turn, slices), carried + 3, 1);
    Builder      in = ir_at_end(s->ctx, s->main, state->region);
    next[3] = use_slice(p, &in, n, carried[4], carried[3]);
    ir_yield(&in, &next[3], 1);
    next[4] = load_slice(p, &b, ir_ibin(&b, OP_IADD, n, p->count)); /* into the registers of the one before */
    Op *const keys = ir_if(&b, ir_ibin(&b, OP_ILT, turn, turns), carried, 3);
    in = ir_at_end(s->ctx, s->main, keys->region);
    attend(p, &in, turn, turns, carried, next);
    ir_yield(&in, next, 3);
    memcpy(next, keys->out, 3 * sizeof *next);
    next[3] = state->out[0];
    ir_yield(&b, next, 5);
    memcpy(sums->of, loop->out, sizeof sums->of);
}

static void walk_keys(Part *p, Value *turns, Sums *sums) {
    const Step *s = p->s;
    const Sums  start = no_keys(p);
    Value      *next[3];
    Op *const   loop = ir_for(&p->b, "keys", false, ir_i(&p->b, 0), turns, ir_i(&p->b, 1), start.of, 3);
    Builder     b = ir_at_end(s->ctx, s->main, loop->region);
    attend(p, &b, loop->region->args[0], turns, &loop->region->args[1], next);
    ir_yield(&b, next, 3);
    memcpy(sums->of, loop->out, sizeof next);
}

static void walk_slices(Part *p, Value *slices, Value *first, Value *residual, Sums *sums) {
    const Step   *s = p->s;
    Value        *next[2] = {residual, first};
    Op *const     loop = ir_for(&p->b, "slice", false, ir_i(&p->b, 0), slices, ir_i(&p->b, 1), next, 2);
    Value *const *carried = &loop->region->args[1];
    Builder       b = ir_at_end(s->ctx, s->main, loop->region);
    Value *const  n = slice_of_turn(p, &b, loop->region->args[0]);
    next[0] = use_slice(p, &b, n, carried[1], carried[0]);
    next[1] = load_slice(p, &b, ir_ibin(&b, OP_IADD, n, p->count));
    ir_yield(&b, next, 2);
    sums->of[3] = loop->out[0];
}

/* Wide layers have no registers for keys and slices at once, nor for a first slice that waits for the keys. */
static Status walk(Part *p, Value *turns, Value *first, Sums *sums) {
    Value *const slices = my_share(p, ir_i(&p->b, p->s->slices)), *residual;
    if (!is_wide(p->s)) {
        TRY(step_sum_edges(p, &residual));
        walk_both(p, turns, slices, first, residual, sums);
        return ST_OK;
    }
    walk_keys(p, turns, sums);
    first = load_slice(p, &p->b, p->part);
    TRY(step_sum_edges(p, &residual));
    walk_slices(p, slices, first, residual, sums);
    return ST_OK;
}

/* ---- All of a part ---- */

static void store_partial(Part *p, const Access *access, int first, Value *tile) {
    Op *const store = ir_store(&p->b, access, step_transposed(&p->b, tile));
    if (first)
        op_set_int(p->s->ctx, store, AT_LO, first);
}

/* A map that joins parts before its end has no transposed form. */
static bool can_flip(const Step *s) {
    int joins = 0;
    for (const Op *op = s->residual->region->first; op; op = op->next)
        joins += op->code == OP_CONCAT;
    return joins == s->pieces - 1;
}

static void make_rings(Step *s, Builder *b, Part *p) {
    const int stages = s->args->schedule->stages;
    /* From shared memory, turned keys of wide heads spill registers. */
    p->k = is_wide(s) && !is_fetched(s) ? NULL : new_ring(s, b, stages, s->K, s->D);
    p->v = new_ring(s, b, stages, s->K, s->E);
    p->p = new_ring(s, b, 1, s->K, s->M);
    p->q = new_ring(s, b, 1, s->M, s->D);
    p->q_fetched = s->score->in[0]->def->code == OP_LOAD;
    p->flipped = can_flip(s);
    p->phi = p->flipped ? new_ring(s, b, s->slices, s->slice, s->M) : new_ring(s, b, s->slices, s->M, s->slice);
    const int tall = s->edge_rows, slots = s->edges * s->slices;
    p->edge_phi = p->flipped ? new_ring(s, b, slots, s->slice, tall) : new_ring(s, b, slots, tall, s->slice);
    p->edge_v = new_ring(s, b, s->L > 1 ? s->edges + 1 : 1, tall, s->E); /* one for a tile that S does not take */
    p->edge_p = new_ring(s, b, 1, tall, s->M);
    const bool room = p->flipped && stages > 1; /* in shared memory */
    p->edge_k = room ? new_ring(s, b, 1, tall, s->D) : NULL;
    p->raw_q = room && p->q_fetched && step_rows_of(s->features[0]) == s->query ? p->q : NULL;
}

/* All heads of a group read S before it changes. */
static void let_last_heads_move(Part *p) {
    const Step *s = p->s;
    Builder    *b = &p->b;
    const int   G = spec_group(s->args->spec), heads = s->args->schedule->group_heads;
    if (s->args->spec->initial_state || heads == G) /* which have their own, or are all */
        return;
    Value *const last = ir_ibin(b, OP_ILT, ir_i(b, G - heads - 1), p->group);
    p->moves = p->moves ? ir_ibin(b, OP_IMUL, p->moves, last) : last;
}

static Status one_tile(Part *p) {
    const Step *s = p->s;
    Builder    *b = &p->b;
    p->top = ir_ibin(b, OP_IMIN, index_offset(b, p->row, s->C), s->rows->in[1]);
    Value *const turns = count_turns(p);
    FewRows      few;
    p->moves = NULL;
    if (s->L > 1)
        step_find_waiting(p);
    let_last_heads_move(p);
    ir_wait(b, 0); /* the tile before this one is done with shared memory, and none of its copies is still on its way */
    TRY(step_fetch_rows(p, &few));
    fetch_first(p, b, turns);
    Value *const first = is_wide(s) ? NULL : load_slice(p, b, p->part);
    ir_wait(b, groups_ahead(p));
    TRY(step_put_rows(p, &few));
    ir_bare(b, OP_BARRIER);
    Sums sums;
    TRY(walk(p, turns, first, &sums));
    Value *const sum = ir_unary(b, OP_COLSUM, sums.of[1]);
    ValueMap     map = step_map(p);
    const Access access = step_partial(s, b, p->part, &map);
    store_partial(p, &access, STEP_MOST(s), sums.of[0]);
    store_partial(p, &access, STEP_SUM(s), sum);
    store_partial(p, &access, STEP_SWA(s), sums.of[2]);
    store_partial(p, &access, STEP_RLA(s), sums.of[3]);
    return ST_OK;
}

Status step_parts(Step *s, Builder *b) {
    Part      p = {.s = s};
    Op *const parts = ir_for(b, "part", true, ir_i(b, 0), ir_sym(b, SYM_S), ir_i(b, 1), NULL, 0);
    Builder   top = ir_at_end(s->ctx, s->main, parts->region);
    p.part = parts->region->args[0];
    make_rings(s, &top, &p);
    p.count = ir_sym(&top, SYM_S);
    Op *const rows = ir_for(&top, "row", false, s->rows->in[0], s->rows->in[1], s->rows->in[2], NULL, 0);
    ir_yield(&top, NULL, 0);
    Builder in = ir_at_end(s->ctx, s->main, rows->region);
    p.row = rows->region->args[0];
    Value   *range[3];
    ValueMap map = {.ctx = s->ctx};
    for (int i = 0; i < 3; i++)
        range[i] = clone_slice(&in, s->group->in[i], s->rows->region, &map);
    Op *const group = ir_for(&in, "group", false, range[0], range[1], range[2], NULL, 0);
    ir_yield(&in, NULL, 0);
    p.group = group->region->args[0];
    p.b = ir_at_end(s->ctx, s->main, group->region);
    TRY(one_tile(&p));
    ir_yield(&p.b, NULL, 0);
    step_join_reductions(s, group->region);
    return ST_OK;
}
