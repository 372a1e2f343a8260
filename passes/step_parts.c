/* The parts of a decoding step: see step.c. The few rows of q stand in columns here, so that keys, values and rows of S are
 * spread over the warps: scores^T = K q^T, output^T = V^T p^T, residual^T = S^T phi(q)^T, where right sides are small and
 * lie in shared memory. Key tiles of the rings are fetched ahead; slices of S go through registers: read, used, updated,
 * written. Part 0 also takes the keys that leave the window, the last part the new tokens. */
#include "passes/step.h"

#include <math.h>

/* Where keys come from: the ring (operand 0 of the sum of both loads), or the new tokens (operand 1). */
typedef struct Source {
    int    which, rows;
    Value *k, *v, *p; /* rings: keys (NULL: they go through registers), values, exponentials of scores */
} Source;

typedef struct Part {
    Step   *s;
    Builder b;                 /* inside of the loops over rows and heads */
    Value  *part, *count;      /* number of this part, of all */
    Value  *row, *group;
    Value  *q, *phi;           /* rings: rows of q, slices of phi(q) */
    Value  *edge_phi, *edge_v, *edge_p; /* of the keys that leave the window: slices of phi(k), values, scores */
    Source  sources[2];
} Part;

static Value *new_ring(const Step *s, Builder *b, int slots, int rows, int cols) {
    const Type type = type_ring(slots, s->dtype, rows, cols);
    return ir_op(b, OP_RING, NULL, 0, &type, 1)->out[0];
}

static void simple(Builder *b, OpCode code) { ir_op(b, code, NULL, 0, NULL, 0); }

static void wait_for(Builder *b, int64_t count) {
    op_set_int(b->ctx, ir_op(b, OP_WAIT, NULL, 0, NULL, 0), AT_COUNT, count);
}

static Value *narrow(const Step *s, Builder *b, Value *tile) {
    return tile->type.dtype == s->dtype ? tile : ir_convert(b, tile, s->dtype);
}

static void put(const Step *s, Builder *b, Value *ring, Value *slot, Value *tile) {
    ir_ring_put(b, ring, slot, narrow(s, b, tile));
}

static Value *transposed(Builder *b, Value *tile) { return ir_unary(b, OP_TRANSPOSE, tile); }

static ValueMap new_map(const Part *p) {
    ValueMap map = {.ctx = p->s->ctx};
    map_set(&map, p->s->rows->region->args[0], p->row);
    map_set(&map, p->s->group->region->args[0], p->group);
    return map;
}

/* What main computes from its rows and heads alone. */
static Value *of_rows(Part *p, Value *value) {
    ValueMap map = new_map(p);
    return clone_slice(&p->b, value, p->s->rows->region, &map);
}

/* The sum of a ring's rows and new tokens that `value` is computed from. */
static const Op *sum_of_sources(const Value *value) {
    const Op *op = value->def;
    if (!op || (op->code == OP_ADD && op->in[0]->def && op->in[0]->def->code == OP_LOAD &&
                op_int(op->in[0]->def, AT_WRAP, 0) > 0))
        return op;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->type.cls == TY_TILE && op->in[i]->type.rows > 1)
            return sum_of_sources(op->in[i]);
    return NULL;
}

/* ---- Rows of q, and the keys that leave the window ---- */

/* One piece of features into its slots of a ring, slice by slice. */
static void put_slices(Part *p, Value *ring, int piece, Value *features) {
    const Step *s = p->s;
    const int   per = s->slices / s->pieces;
    for (int n = 0; n < per; n++) {
        Value *tile = features;
        if (per > 1) {
            const Type type = type_tile(tile->type.dtype, tile->type.rows, s->slice);
            Op *const  cols = ir_op(&p->b, OP_COLS, &tile, 1, &type, 1);
            op_set_int(s->ctx, cols, AT_LO, n * s->slice);
            tile = cols->out[0];
        }
        put(s, &p->b, ring, ir_i(&p->b, piece * per + n), tile);
    }
}

static void put_queries(Part *p) {
    const Step *s = p->s;
    ValueMap    map = new_map(p);
    put(s, &p->b, p->q, ir_i(&p->b, 0), clone_slice(&p->b, s->score->in[0], s->rows->region, &map));
    for (int n = 0; n < s->pieces; n++)
        put_slices(p, p->phi, n, clone_slice(&p->b, s->features[n], s->rows->region, &map));
}

/* Rows of a ring, and only where some of a tile's positions are not negative the new tokens beside them. */
static Value *load_edge(Part *p, const Op *sum, Value *first, ValueMap *map) {
    const Step  *s = p->s;
    Value *const old = clone_slice(&p->b, sum->in[0], s->rows->region, map);
    Value *const past = ir_ibin(&p->b, OP_ILT, ir_i(&p->b, -s->C), first);
    Op *const    some = ir_if(&p->b, past, &old, 1);
    Builder      b = ir_at_end(s->ctx, s->main, some->region);
    ValueMap     inside = new_map(p); /* what is made in the region stays there */
    map_set(&inside, s->edge, first);
    Value *const new = clone_slice(&b, sum->in[1], s->rows->region, &inside);
    Value *const both = ir_binary(&b, OP_ADD, old, new);
    ir_yield(&b, &both, 1);
    old->type.rows = new->type.rows = both->type.rows = some->out[0]->type.rows = STEP_TILE;
    op_set_int(s->ctx, old->def, AT_PERIOD, STEP_TILE);
    op_set_int(s->ctx, new->def, AT_PERIOD, STEP_TILE);
    return some->out[0];
}

static void limit_rows(Step *s, Value *load, Value *rows) {
    Op *const op = load->def;
    Builder   b = ir_before(s->ctx, s->main, op);
    op->in[4] = ir_ibin(&b, OP_IMIN, op->in[4], ir_ibin(&b, OP_IADD, op->in[op_int(op, AT_ROWDIM, 0)], rows));
}

/* A tile of keys as tall as the machine's smallest, of which only those of this row tile's positions have values. */
static void put_edge(Part *p) {
    Step        *s = p->s;
    ValueMap     map = new_map(p);
    Value *const first = ir_ibin(&p->b, OP_IADD, p->row, ir_i(&p->b, op_int(s->sum.mask, AT_HI, 0)));
    Value *const left = ir_ibin(&p->b, OP_IMIN, ir_i(&p->b, s->C), ir_ibin(&p->b, OP_ISUB, s->rows->in[1], p->row));
    map_set(&map, s->edge, first);
    const Op    *value_sum = sum_of_sources(s->sum.values), *key_sum = sum_of_sources(s->sum.keys);
    Value *const values = load_edge(p, value_sum, first, &map);
    limit_rows(s, values->def->in[1], left);
    limit_rows(s, ir_terminator(values->def->region)->in[0]->def->in[1], left);
    put(s, &p->b, p->edge_v, ir_i(&p->b, 0), values);
    map_set(&map, key_sum->out[0], load_edge(p, key_sum, first, &map));
    Op *before = p->b.block->last;
    for (int n = 0; n < s->pieces; n++) {
        Value *const features = clone_slice(&p->b, s->key_features[n], s->rows->region, &map);
        retile(s->ctx, before->next, s->C, STEP_TILE);
        put_slices(p, p->edge_phi, n, features);
        before = p->b.block->last;
    }
}

/* ---- Keys ---- */

/* The first key of a turn. Tiles of the ring count from its end, and the parts take turns. */
static Value *key_of(const Part *p, Builder *b, const Source *source, Value *turn) {
    if (source->which)
        return ir_ibin(b, OP_IMUL, turn, ir_i(b, source->rows));
    Value *const number = ir_ibin(b, OP_IADD, p->part, ir_ibin(b, OP_IMUL, turn, p->count));
    return ir_ibin(b, OP_IMUL, index_offset(b, number, 1), ir_i(b, -source->rows));
}

static void fetch_one(const Part *p, Builder *b, const Source *source, const Value *sum, Value *ring, Value *turn) {
    const Step *s = p->s;
    const Op   *load = sum_of_sources(sum)->in[source->which]->def;
    ValueMap    map = new_map(p);
    Value      *in[7] = {ring, turn};
    map_set(&map, s->key, key_of(p, b, source, turn));
    for (int i = 0; i < 5; i++)
        in[2 + i] = clone_slice(b, load->in[i], s->rows->region, &map);
    Op *const made = ir_op(b, OP_FETCH, in, 7, NULL, 0);
    op_set_text(s->ctx, made, AT_PARAM, op_text(load, AT_PARAM));
    op_set_int(s->ctx, made, AT_ROWDIM, op_int(load, AT_ROWDIM, -1));
    op_set_int(s->ctx, made, AT_GROUPDIM, op_int(load, AT_GROUPDIM, -1));
    op_set_int(s->ctx, made, AT_PERIOD, source->rows);
    if (op_has(load, AT_WRAP))
        op_set_int(s->ctx, made, AT_WRAP, op_int(load, AT_WRAP, 0));
}

static void fetch_turn(const Part *p, Builder *b, const Source *source, Value *turn) {
    if (source->k)
        fetch_one(p, b, source, p->s->score->in[1], source->k, turn);
    fetch_one(p, b, source, p->s->values, source->v, turn);
}

static int stages_of(const Source *source) { return source->v->type.slots; }

/* The first turns are fetched before everything else, where more than one fits. */
static void fetch_first(const Part *p, Builder *b, const Source *source, Value *turns) {
    for (int turn = 0; turn + 1 < stages_of(source); turn++) {
        Value *const number = ir_i(b, turn);
        Op *const    there = ir_if(b, ir_ibin(b, OP_ILT, number, turns), NULL, 0);
        Builder      in = ir_at_end(p->s->ctx, p->s->main, there->region);
        fetch_turn(p, &in, source, number);
        ir_yield(&in, NULL, 0);
        simple(b, OP_COMMIT);
    }
}

static void open_turn(const Part *p, Builder *b, const Source *source, Value *turn, Value *turns) {
    const int stages = stages_of(source);
    if (stages == 1) {
        simple(b, OP_BARRIER);
        fetch_turn(p, b, source, turn);
        simple(b, OP_COMMIT);
        wait_for(b, 0);
        return;
    }
    wait_for(b, stages - 2);
    Value *const next = index_offset(b, turn, stages - 1);
    Op *const    more = ir_if(b, ir_ibin(b, OP_ILT, next, turns), NULL, 0);
    Builder      in = ir_at_end(p->s->ctx, p->s->main, more->region);
    fetch_turn(p, &in, source, next);
    ir_yield(&in, NULL, 0);
    simple(b, OP_COMMIT);
}

/* Keys as the scores' left side. */
static Value *read_keys(const Part *p, Builder *b, const Source *source, Value *turn, Value *key) {
    const Step *s = p->s;
    if (source->k)
        return ir_ring_get(b, source->k, turn);
    Op *const before = key->def;
    ValueMap  map = new_map(p);
    map_set(&map, s->key, key);
    const Op *sum = sum_of_sources(s->score->in[1]);
    map_set(&map, sum->out[0], clone_slice(b, sum->in[source->which], s->rows->region, &map));
    Value *const keys = clone_slice(b, s->score->in[1], s->rows->region, &map);
    if (source->rows != s->K)
        retile(s->ctx, before->next, s->K, source->rows);
    return keys;
}

/* What stands between the product and the mask: ops on one element. */
static Value *scaled(const Part *p, Builder *b, Value *value, Value *product) {
    const Step *s = p->s;
    ValueMap    map = new_map(p);
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

static Value *masked_scores(const Part *p, Builder *b, const Source *source, Value *turn) {
    const Step  *s = p->s;
    ValueMap     map = new_map(p);
    Value *const key = ir_op(b, OP_IADD, (Value *[]){key_of(p, b, source, turn), ir_i(b, 0)}, 2, NULL, 0)->out[0];
    Value *const keys = read_keys(p, b, source, turn, key);
    Value *const product = ir_dot(b, keys, ir_ring_get(b, p->q, ir_i(b, 0)), NULL, false, true);
    map_set(&map, s->key, key);
    Value *const first = source->which ? ir_i(b, 0) : clone_slice(b, s->mask->in[2], s->rows->region, &map);
    Value *const mask = ir_mask(b, scaled(p, b, s->mask->in[0], product), ir_ibin(b, OP_ISUB, key, p->row), first,
                                op_int(s->mask, AT_LO, 0), op_int(s->mask, AT_HI, 0), s->C, -INFINITY);
    op_set_int(s->ctx, mask->def, AT_TA, 1);
    return mask;
}

/* The online softmax over the turns lo .. hi - 1 of a source; carries maximum, sum (rows) and the transposed output. */
static Op *attend(Part *p, const Source *source, Value *lo, Value *hi, Value *const *start) {
    const Step   *s = p->s;
    Op *const     loop = ir_for(&p->b, source->which ? "new" : "old", false, lo, hi, ir_i(&p->b, 1), start, 3);
    Value *const  turn = loop->region->args[0], *const *carried = &loop->region->args[1];
    Builder       b = ir_at_end(s->ctx, s->main, loop->region);
    open_turn(p, &b, source, turn, hi);
    Value *const scores = masked_scores(p, &b, source, turn);
    Value *const largest = ir_binary(&b, OP_MAX, carried[0], ir_unary(&b, OP_COLMAX, scores));
    Value *const power = step_power(s, &b, scores, largest);
    Value *const shrink = step_power(s, &b, carried[0], largest);
    Value *const sum = ir_binary(&b, OP_ADD, ir_binary(&b, OP_MUL, carried[1], shrink), ir_unary(&b, OP_COLSUM, power));
    put(s, &b, source->p, ir_i(&b, 0), power);
    simple(&b, OP_BARRIER);
    Value *const out = ir_dot(&b, ir_ring_get(&b, source->v, turn), ir_ring_get(&b, source->p, ir_i(&b, 0)),
                              ir_binary(&b, OP_MUL, carried[2], shrink), true, false);
    ir_yield(&b, (Value *[]){largest, sum, out}, 3);
    return loop;
}

/* The first key that a row of the tile sees; turns over the ring for this part. */
static Value *first_key(Part *p) {
    Value *const oldest = of_rows(p, p->s->mask->in[2]->def->in[1]->def->in[0]);
    return ir_ibin(&p->b, OP_IMAX, oldest, ir_ibin(&p->b, OP_IADD, p->row, ir_i(&p->b, op_int(p->s->mask, AT_LO, 0))));
}

static Value *ring_turns(Part *p, Value *first) {
    Builder     *b = &p->b;
    Value *const keys = ir_ibin(b, OP_IMAX, ir_i(b, 0), ir_ibin(b, OP_ISUB, ir_i(b, 0), first));
    Value *const tiles = index_ceil_div(b, keys, p->sources[0].rows);
    Value *const mine = index_offset(b, ir_ibin(b, OP_IADD, ir_ibin(b, OP_ISUB, tiles, p->part), p->count), -1);
    return ir_ibin(b, OP_IDIV, mine, p->count);
}

static Value *is_part(const Part *p, Builder *b, bool last) {
    if (!last)
        return ir_ibin(b, OP_ILT, p->part, ir_i(b, 1));
    return ir_ibin(b, OP_ILT, index_offset(b, p->count, -2), p->part);
}

static Op *attend_new(Part *p, Value *first, Value *const *start) {
    Builder     *b = &p->b;
    Value *const size = ir_i(b, STEP_TILE);
    Value *const lo = ir_ibin(b, OP_IDIV, ir_ibin(b, OP_IMAX, ir_i(b, 0), first), size);
    Value *const hi = index_ceil_div(b, index_offset(b, p->row, p->s->C), STEP_TILE);
    return attend(p, &p->sources[1], lo, ir_ibin(b, OP_IMUL, hi, is_part(p, b, true)), start);
}

/* ---- S ---- */

/* masked(phi(k) phi(q)^T), then its product with the values: what the leaving keys give to the rows of this tile. */
static Value *edge_sum(Part *p) {
    const Step  *s = p->s;
    Value *const none = ir_f(&p->b, 0, s->E, s->M), *const zero = ir_i(&p->b, 0);
    Op *const    only = ir_if(&p->b, is_part(p, &p->b, false), &none, 1);
    Builder      b = ir_at_end(s->ctx, s->main, only->region);
    Value       *scores = ir_f(&b, 0, STEP_TILE, s->M);
    Op *const    loop = ir_for(&b, "slice", false, ir_i(&b, 0), ir_i(&b, s->slices), ir_i(&b, 1), &scores, 1);
    Builder      in = ir_at_end(s->ctx, s->main, loop->region);
    Value *const n = loop->region->args[0];
    scores = ir_dot(&in, ir_ring_get(&in, p->edge_phi, n), ir_ring_get(&in, p->phi, n), loop->region->args[1], false, true);
    ir_yield(&in, &scores, 1);
    const int64_t hi = op_int(s->sum.mask, AT_HI, 0);
    Value *const  mask = ir_mask(&b, loop->out[0], ir_i(&b, hi), ir_i(&b, 0), IR_NEG_INF, hi, s->C, 0);
    op_set_int(s->ctx, mask->def, AT_TA, 1);
    put(s, &b, p->edge_p, zero, mask);
    simple(&b, OP_BARRIER);
    Value *const sum = ir_dot(&b, ir_ring_get(&b, p->edge_v, zero), ir_ring_get(&b, p->edge_p, zero), NULL, true, false);
    ir_yield(&b, &sum, 1);
    return only->out[0];
}

static Access slice_access(Part *p, Builder *b, Value *n) {
    const Step *s = p->s;
    ValueMap    map = new_map(p);
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

/* residual^T += S^T phi(q)^T and S^T += v^T phi(k), slice by slice of this part. */
static Value *walk_state(Part *p, Value *start) {
    const Step  *s = p->s;
    Op *const    loop = ir_for(&p->b, "slice", false, p->part, ir_i(&p->b, s->slices), p->count, &start, 1);
    Builder      b = ir_at_end(s->ctx, s->main, loop->region);
    Value *const n = loop->region->args[0];
    const Access access = slice_access(p, &b, n);
    Value *const state = transposed(&b, ir_load(&b, &access, s->slice, s->E));
    Value *const sum =
        ir_dot(&b, narrow(s, &b, state), ir_ring_get(&b, p->phi, n), loop->region->args[1], false, true);
    Value *const next = ir_dot(&b, ir_ring_get(&b, p->edge_v, ir_i(&b, 0)), ir_ring_get(&b, p->edge_phi, n), state, true, false);
    ir_store(&b, &access, transposed(&b, next));
    ir_yield(&b, &sum, 1);
    return loop->out[0];
}

/* ---- All of a part ---- */

static void store_partial(Part *p, const char *param, Value *tile) {
    ValueMap     map = new_map(p);
    const Access access = step_partial(p->s, &p->b, param, p->part, &map);
    ir_store(&p->b, &access, transposed(&p->b, tile));
}

static void make_source(Step *s, Builder *b, Source *source, int which, int rows, int stages) {
    const bool plain = s->score->in[1]->def->code == OP_ADD;
    *source = (Source){which, rows, plain ? new_ring(s, b, stages, rows, s->D) : NULL, new_ring(s, b, stages, rows, s->E),
                       new_ring(s, b, 1, rows, s->M)};
}

static void make_rings(Step *s, Builder *b, Part *p) {
    make_source(s, b, &p->sources[0], 0, s->K, s->args->schedule->stages);
    make_source(s, b, &p->sources[1], 1, STEP_TILE, 1);
    p->q = new_ring(s, b, 1, s->M, s->D);
    p->phi = new_ring(s, b, s->slices, s->M, s->slice);
    p->edge_phi = new_ring(s, b, s->slices, STEP_TILE, s->slice);
    p->edge_v = new_ring(s, b, 1, STEP_TILE, s->E);
    p->edge_p = new_ring(s, b, 1, STEP_TILE, s->M);
}

static void one_tile(Part *p) {
    const Step  *s = p->s;
    Builder     *b = &p->b;
    Value *const first = first_key(p), *const turns = ring_turns(p, first);
    simple(b, OP_BARRIER); /* the tile before this one is done with shared memory */
    fetch_first(p, b, &p->sources[0], turns);
    put_queries(p);
    put_edge(p);
    simple(b, OP_BARRIER);
    Value *const start[3] = {ir_f(b, -1e37 / fmax(1, s->unit), 1, s->M), ir_f(b, 0, 1, s->M), ir_f(b, 0, s->E, s->M)};
    Op *const    old = attend(p, &p->sources[0], ir_i(b, 0), turns, start);
    Op *const    all = attend_new(p, first, old->out);
    Value *const residual = walk_state(p, edge_sum(p));
    store_partial(p, "part_max", all->out[0]);
    store_partial(p, "part_sum", all->out[1]);
    store_partial(p, "part_swa", all->out[2]);
    store_partial(p, "part_rla", residual);
}

void step_parts(Step *s, Builder *b) {
    Part      p = {.s = s};
    Op *const parts = ir_for(b, "part", true, ir_i(b, 0), ir_sym(b, SYM_S), ir_i(b, 1), NULL, 0);
    Builder   top = ir_at_end(s->ctx, s->main, parts->region);
    p.part = parts->region->args[0];
    make_rings(s, &top, &p);
    p.count = ir_sym(&top, SYM_S);
    Op *const rows = ir_for(&top, "row", false, s->rows->in[0], s->rows->in[1], s->rows->in[2], NULL, 0);
    ir_yield(&top, NULL, 0);
    Builder   in = ir_at_end(s->ctx, s->main, rows->region);
    p.row = rows->region->args[0];
    Value    *range[3];
    ValueMap  map = {.ctx = s->ctx};
    for (int i = 0; i < 3; i++)
        range[i] = clone_slice(&in, s->group->in[i], s->rows->region, &map);
    Op *const group = ir_for(&in, "group", false, range[0], range[1], range[2], NULL, 0);
    ir_yield(&in, NULL, 0);
    p.group = group->region->args[0];
    p.b = ir_at_end(s->ctx, s->main, group->region);
    one_tile(&p);
    ir_yield(&p.b, NULL, 0);
}
