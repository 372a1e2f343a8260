/* Rows of q and the keys that leave the window, of which features are made, in a part of a decoding step: see step_parts.c. With
 * a fold of L tokens these are all keys since the last multiple of L. Rows of keys that are not there, before a sequence or behind
 * its last one, are zeros, or another number where a feature map gives none for zeros (map_range.h). */
#include "passes/step_part.h"

/* ---- Rows of q, and the keys that leave the window ---- */

/* base: the slot of the first slice, NULL: 0. */
static Value *slot_at(Builder *b, Value *base, int number) { return base ? index_offset(b, base, number) : ir_i(b, number); }

static void put_pieces(Part *p, Value *ring, Value *base, Value *const *pieces) {
    const Step *s = p->s;
    for (int n = 0; n < s->pieces; n++)
        step_put(s, &p->b, ring, slot_at(&p->b, base, n * s->slices / s->pieces), pieces[n]);
}

/* The rows of a ring that leave the window, and only where some are no longer in it the new tokens beside them;
 * `rows` of them are there. */
static Value *load_edge(Part *p, const Op *sum, Value *first, Value *rows, bool flipped) {
    const Step *s = p->s;
    Value      *loads[2], *limit[2];
    Op         *some = NULL;
    for (int n = 0; n < 2; n++) {
        Value *const past = n ? ir_ibin(&p->b, OP_ILT, ir_i(&p->b, -s->edge_rows), first) : NULL;
        some = n ? ir_if(&p->b, past, &loads[0], 1) : NULL;
        Builder   b = n ? ir_at_end(s->ctx, s->main, some->region) : p->b;
        ValueMap  map = step_map(p);
        const Op *load = sum->in[n]->def;
        Value    *in[5];
        map_set(&map, s->edge, first);
        for (int i = 0; i < 5; i++)
            in[i] = clone_slice(&b, load->in[i], s->rows->region, &map);
        const int rowdim = (int)op_int(load, AT_ROWDIM, 0);
        limit[n] = ir_ibin(&b, OP_IMIN, in[4], ir_ibin(&b, OP_IADD, in[rowdim], rows));
        const Access access = {.param = op_text(load, AT_PARAM),
                               .at = {in[0], in[1], in[2]},
                               .lo = in[3],
                               .hi = limit[n],
                               .rowdim = rowdim,
                               .groupdim = -1,
                               .period = s->edge_rows,
                               .wrap = (int)op_int(load, AT_WRAP, 0)};
        loads[n] = ir_load(&b, &access, s->edge_rows, sum->out[0]->type.cols);
        loads[n] = flipped ? step_transposed(&b, loads[n]) : loads[n];
        if (n) {
            Value *const both = ir_binary(&b, OP_ADD, loads[0], loads[1]);
            ir_yield(&b, &both, 1);
        }
    }
    return some->out[0];
}

/* phi of columns: the flip of main's features, from what is known of them already. */
static Status put_features(Part *p, Value *ring, Value *base, Flip *f, Value *const *pieces) {
    Value *made[MAX_PIECES];
    for (int n = 0; n < p->s->pieces; n++)
        TRY(flip_value(f, &p->b, pieces[n], &made[n]));
    put_pieces(p, ring, base, made);
    return ST_OK;
}

/* The same of rows, sliced by columns. */
static void put_slices(Part *p, Value *ring, Value *base, Value *const *pieces, ValueMap *map) {
    const Step *s = p->s;
    const int   per = s->slices / s->pieces;
    for (int n = 0; n < s->slices; n++) {
        Value *tile = clone_slice(&p->b, pieces[n / per], s->rows->region, map);
        if (per > 1)
            tile = ir_cols(&p->b, tile, n % per * s->slice, s->slice);
        step_put(s, &p->b, ring, slot_at(&p->b, base, n), tile);
    }
}

/* ---- Keys that wait to be folded ---- */

/* With a fold S is that of the last multiple of L: tile number n of the keys since then begins n tiles behind the first
 * of them. All up to the row tile's youngest are read; where its rows reach a multiple of L, S takes the first `edges`
 * tiles. They go from the youngest back, so that the slots hold these in the end. Positions before the sequence are rows
 * of zeros. */
void step_find_waiting(Part *p) {
    const Step  *s = p->s;
    Builder     *b = &p->b;
    const Spec  *spec = s->args->spec;
    Value *const seen = fold_seen(s->main);
    p->first = index_offset(b, fold_folded(spec, b, seen, p->row), -spec->window);
    p->moves = ir_ibin(b, OP_ILT, fold_first(spec, b, seen, p->row), fold_first(spec, b, seen, p->top));
}

/* Keys from `first` on that the row tile reads. */
static Value *keys_from(const Part *p, Builder *b, Value *first) {
    return ir_ibin(b, OP_ISUB, index_offset(b, p->top, -p->s->args->spec->window), first);
}

/* Of `rows` keys from position `first` on, in a tile that lies as features are made. */
static Value *fill_absent(const Part *p, Builder *b, Value *first, Value *rows, Value *tile) {
    const Step  *s = p->s;
    const Op    *sum = step_sources(s->sum.keys), *past = sum->in[0]->def, *new = sum->in[1]->def;
    const int    dim = (int)op_int(past, AT_ROWDIM, 0);
    Value *const none = ir_i(b, 0);
    ValueMap     map = step_map(p);
    map_set(&map, s->edge, first);
    Value *const at = clone_slice(b, past->in[dim], s->rows->region, &map), *const oldest = clone_slice(b, past->in[3], s->rows->region, &map);
    Value *const tokens = clone_slice(b, new->in[4], s->rows->region, &map);
    Value *const end = ir_ibin(b, OP_IMIN, tokens, ir_ibin(b, OP_IADD, first, rows));
    Value *const from = ir_mask(b, tile, ir_ibin(b, OP_ISUB, at, oldest), none, 0, IR_POS_INF, 1, s->absent);
    Value *const until = ir_mask(b, from, ir_ibin(b, OP_ISUB, first, end), none, IR_NEG_INF, -1, 1, s->absent);
    op_set_int(s->ctx, from->def, AT_TA, !p->flipped);
    op_set_int(s->ctx, until->def, AT_TA, !p->flipped);
    return until;
}

/* Features of a tile of `rows` keys from position `first` on go to its slots from `base` on. */
static Status put_keys(Part *p, Value *base, Value *keys, Value *first, Value *rows) {
    const Step *s = p->s;
    Builder    *b = &p->b;
    Flip        f = step_flip(p);
    Value      *tile;
    Op *const   before = b->before ? b->before->prev : b->block->last;
    map_set(p->flipped ? &f.flipped : &f.map, step_sources(s->sum.keys)->out[0], keys);
    if (s->absent != 0) {
        if (p->flipped)
            TRY(flip_value(&f, b, s->map_input, &tile));
        else
            tile = clone_slice(b, s->map_input, s->rows->region, &f.map);
        map_set(p->flipped ? &f.flipped : &f.map, s->map_input, fill_absent(p, b, first, rows, tile));
    }
    if (p->flipped)
        return put_features(p, p->edge_phi, base, &f, s->key_features);
    put_slices(p, p->edge_phi, base, s->key_features, &f.map);
    /* main's tiles have as many rows as q */
    retile(s->ctx, before ? before->next : b->block->first, b->before, s->C, s->edge_rows);
    return ST_OK;
}

/* The same of one of several tiles. */
static Status put_edge(Part *p, Value *slot, Value *keys, Value *first) {
    return put_keys(p, ir_ibin(&p->b, OP_IMUL, slot, ir_i(&p->b, p->s->slices)), keys, first, keys_from(p, &p->b, first));
}

/* The same into shared memory. Where new tokens are not among them, theirs is the rest of the tile, which is empty. */
static void fetch_edge(const Part *p, Builder *b, const Op *sum, Value *ring, Value *slot, Value *first, Value *rows) {
    const Step *s = p->s;
    for (int n = 0; n < 2; n++) {
        ValueMap  map = step_map(p);
        const Op *load = sum->in[n]->def;
        Value    *at[5];
        map_set(&map, s->edge, first);
        for (int i = 0; i < 5; i++)
            at[i] = clone_slice(b, load->in[i], s->rows->region, &map);
        Value *const end = ir_ibin(b, OP_IADD, at[op_int(load, AT_ROWDIM, 0)], rows);
        at[3] = n ? ir_ibin(b, OP_IMIN, at[3], end) : at[3];
        at[4] = ir_ibin(b, OP_IMIN, at[4], end);
        step_fetch_at(p, b, load, ring, slot, at, s->edge_rows, step_onto(load));
    }
}

/* They come before what fills the memory's queues: nothing else is waited for so soon. */
Status step_fetch_rows(Part *p, FewRows *few) {
    const Step  *s = p->s;
    Builder     *b = &p->b;
    ValueMap     map = step_map(p);
    const int64_t hi = op_int(s->sum.mask, AT_HI, 0);
    Value *const first = s->L > 1 ? p->first : ir_ibin(b, OP_IADD, p->row, ir_i(b, hi));
    Value *const rows = s->L > 1 ? keys_from(p, b, first)
                                 : ir_ibin(b, OP_IMIN, ir_i(b, s->C), ir_ibin(b, OP_ISUB, s->rows->in[1], p->row));
    Value       *query;
    *few = (FewRows){.rows = step_flip(p), .first = first, .count = rows, .sum = step_sources(s->sum.keys)};
    if (p->q_fetched)
        step_fetch(p, b, s->query, p->q, ir_i(b, 0), &map, s->C, 0);
    if (p->edge_k)
        fetch_edge(p, b, few->sum, p->edge_k, ir_i(b, 0), first, rows);
    fetch_edge(p, b, step_sources(s->sum.values), p->edge_v, ir_i(b, 0), first, rows);
    ir_bare(b, OP_COMMIT);
    if (p->flipped && !p->raw_q)
        TRY(flip_value(&few->rows, b, step_rows_of(s->features[0])->out[0], &query));
    if (!p->edge_k)
        few->leaving = p->leaving = load_edge(p, few->sum, first, rows, p->flipped);
    return ST_OK;
}

static Value *read_flipped(Part *p, Value *ring) {
    Value *const tile = step_transposed(&p->b, ir_ring_get(&p->b, ring, ir_i(&p->b, 0)));
    return ir_as(&p->b, tile, DT_F32);
}

static void put_turned_queries(Part *p) {
    ValueMap map = step_map(p);
    if (!p->q_fetched)
        step_put(p->s, &p->b, p->q, ir_i(&p->b, 0), clone_slice(&p->b, p->s->score->in[0], p->s->rows->region, &map));
}

/* Features are made of rows, which few warps have, and a thread has many of their numbers: the keys, which wait in registers,
 * become theirs before rows of q are loaded. */
static Status put_plain_rows(Part *p, FewRows *few) {
    if (p->s->L == 1)
        TRY(put_keys(p, NULL, few->leaving, few->first, few->count));
    put_turned_queries(p);
    put_slices(p, p->phi, NULL, p->s->features, &few->rows.map);
    return ST_OK;
}

Status step_put_rows(Part *p, FewRows *few) {
    if (!p->flipped)
        return put_plain_rows(p, few);
    put_turned_queries(p);
    if (p->raw_q)
        map_set(&few->rows.flipped, p->s->query->out[0], read_flipped(p, p->raw_q));
    Value *const keys = p->s->L > 1 ? NULL : p->edge_k ? read_flipped(p, p->edge_k) : few->leaving;
    TRY(put_features(p, p->phi, NULL, &few->rows, p->s->features));
    return keys ? put_keys(p, NULL, keys, few->first, few->count) : ST_OK;
}

/* ---- What these keys give ---- */

/* masked(phi(k) phi(q)^T), then its product with the values: what the leaving keys give to the rows of this tile, by this
 * part's slices of the features. */
static Value *edge_sum(Part *p) {
    const Step  *s = p->s;
    Builder      b = p->b;
    Value *const zero = ir_i(&b, 0);
    Value       *scores = ir_f(&b, 0, s->C, s->M);
    Op *const    loop = ir_for(&b, "slice", false, p->part, ir_i(&b, s->slices), p->count, &scores, 1);
    Builder      in = ir_at_end(s->ctx, s->main, loop->region);
    Value *const n = loop->region->args[0];
    Value *const keys = ir_ring_get(&in, p->edge_phi, n), *const rows = ir_ring_get(&in, p->phi, n);
    scores = ir_dot(&in, keys, rows, loop->region->args[1], p->flipped, !p->flipped);
    ir_yield(&in, &scores, 1);
    const int64_t hi = op_int(s->sum.mask, AT_HI, 0);
    Value *const  mask = ir_mask(&b, loop->out[0], ir_i(&b, hi), zero, IR_NEG_INF, hi, s->C, 0);
    op_set_int(s->ctx, mask->def, AT_TA, 1);
    step_put(s, &b, p->edge_p, zero, mask);
    ir_bare(&b, OP_BARRIER);
    Value *const values = ir_ring_get(&b, p->edge_v, zero);
    return ir_dot(&b, values, ir_ring_get(&b, p->edge_p, zero), NULL, true, false);
}

/* The same of tile `number` of the keys that wait, at `slot`, added to `residual`. */
static Value *waiting_sum(Part *p, Value *number, Value *slot, Value *residual) {
    const Step  *s = p->s;
    Builder     *b = &p->b;
    const int64_t hi = op_int(s->sum.mask, AT_HI, 0);
    Value *const base = ir_ibin(b, OP_IMUL, slot, ir_i(b, s->slices)), *const zero = ir_i(b, 0);
    Value *const first = ir_ibin(b, OP_IADD, p->first, ir_ibin(b, OP_IMUL, number, ir_i(b, s->edge_rows)));
    Value *const delta = ir_ibin(b, OP_ISUB, first, p->row);
    Value       *scores = ir_f(b, 0, s->edge_rows, s->M);
    Op *const    loop = ir_for(b, "slice", false, p->part, ir_i(b, s->slices), p->count, &scores, 1);
    Builder      in = ir_at_end(s->ctx, s->main, loop->region);
    Value *const n = loop->region->args[0];
    Value *const keys = ir_ring_get(&in, p->edge_phi, ir_ibin(&in, OP_IADD, base, n));
    Value *const rows = ir_ring_get(&in, p->phi, n);
    scores = ir_dot(&in, keys, rows, loop->region->args[1], p->flipped, !p->flipped);
    ir_yield(&in, &scores, 1);
    Value *const mask = ir_mask(b, loop->out[0], delta, zero, IR_NEG_INF, hi, s->C, 0);
    op_set_int(s->ctx, mask->def, AT_TA, 1);
    step_put(s, b, p->edge_p, zero, mask);
    ir_bare(b, OP_BARRIER);
    return ir_dot(b, ir_ring_get(b, p->edge_v, number), ir_ring_get(b, p->edge_p, zero), residual, true, false);
}

/* All tiles but the first, from the youngest back, then that one, whose rows are on their way already. */
static Status attend_waiting(Part *p, Value **residual) {
    const Step  *s = p->s;
    Value *const zero = ir_i(&p->b, 0), *const none = ir_f(&p->b, 0, s->E, s->M);
    Value *const last = index_offset(&p->b, index_ceil_div(&p->b, keys_from(p, &p->b, p->first), s->edge_rows), -1);
    Op *const    loop = ir_for(&p->b, "edge", false, zero, last, ir_i(&p->b, 1), &none, 1);
    Part         in = *p;
    in.b = ir_at_end(s->ctx, s->main, loop->region);
    Value *const number = ir_ibin(&in.b, OP_ISUB, last, loop->region->args[0]);
    Value *const slot = ir_ibin(&in.b, OP_IMOD, number, ir_i(&in.b, s->edges));
    Value *const first = ir_ibin(&in.b, OP_IADD, p->first, ir_ibin(&in.b, OP_IMUL, number, ir_i(&in.b, s->edge_rows)));
    Value *const rows = keys_from(p, &in.b, first);
    fetch_edge(&in, &in.b, step_sources(s->sum.values), p->edge_v, number, first, rows);
    ir_bare(&in.b, OP_COMMIT);
    TRY(put_edge(&in, slot, load_edge(&in, step_sources(s->sum.keys), first, rows, p->flipped), first));
    ir_wait(&in.b, 0);
    ir_bare(&in.b, OP_BARRIER);
    Value *const sum = waiting_sum(&in, number, slot, loop->region->args[1]);
    ir_bare(&in.b, OP_BARRIER);
    ir_yield(&in.b, &sum, 1);
    TRY(put_edge(p, zero, p->edge_k ? read_flipped(p, p->edge_k) : p->leaving, p->first));
    ir_bare(&p->b, OP_BARRIER);
    *residual = waiting_sum(p, zero, zero, loop->out[0]);
    return ST_OK;
}

/* What the keys that S has not give to the rows of this tile. */
Status step_sum_edges(Part *p, Value **residual) {
    if (p->s->L > 1)
        return attend_waiting(p, residual);
    *residual = edge_sum(p);
    return ST_OK;
}
