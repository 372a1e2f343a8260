/* Kernel `keys` of the gradients, where warps have roles: see saved_gradient_keys.c. One role sends keys, values, the rows of
 * every head, what those hand on, and the states; a group of warps computes the features of keys and of rows; one sums up
 * dphi(k), and one dv, each with all that follows from it. So both sums read the same tiles, and features are made once for both.
 * Positions that fall from row to row rise here, as the copy engine brings them: masks are turned with them.
 * Of wide heads registers hold one sum at a time, and shared memory few tiles: one group of kernel `keys` sums up dphi(k), part
 * by part of the features, each added to what is in memory before the next begins, and one of kernel `values` dv. Both are
 * short enough for their code to stay near. */
#include "passes/order.h"
#include "passes/saved_gradients.h"

#include <string.h>

typedef enum SumRing { OF_ROWS, OF_GIVEN, OF_VALUES, OF_FEATURES, OF_KEYS, OF_STATES, SUM_RINGS } SumRing;

/* Of a thread of those who compute dphi(k), features or dv, and of the copy engine's: as many as four equal groups have. */
enum { SUM_REGISTERS = 216, FEATURE_REGISTERS = 128, VALUE_REGISTERS = 144, FEW_REGISTERS = 24, GROUP_REGISTERS = 128 };
enum { MOST_FEATURES = 256, MOST_COLS = 128 /* beside what else these registers hold */ };
enum { WIDE_COLS = 256, WIDE_REGISTERS = 240, CUT = 64 /* columns that a part of the features is cut into, at most */ };
enum { LEAST_GIVEN = 2, MOST_GIVEN = 8, WIDE_SPARE = 2048 /* bytes for barriers, and so that slots are aligned */ };

typedef struct SumRoles {
    KeySaver     *k;
    Saver        *s;
    const KeySum *own, *twin; /* dv and dphi(k): x of the first are features of keys, y of rows */
    const Op     *key_load, *row_load, *given_load, *value_load;
    int           cut, cuts; /* of wide heads: columns of a tile of features, and how many of them a part has; else 0 */
    bool          last_first, dv; /* of wide heads: the last part's turn is before the others; which of the sums */
    Type          tiles[SUM_RINGS];
    int           slots[SUM_RINGS];
    Value        *rings[SUM_RINGS];
    Builder       outer;
} SumRoles;

/* ---- Can it? ---- */

static bool find_sides(SumRoles *o) {
    KeySaver *const k = o->k;
    const int       own = k->count == 2 ? k->sums[0].twin : -1;
    if (own < 0 || k->sums[own].twin != own || k->sums[1 - own].twin != own)
        return false;
    o->own = &k->sums[own];
    o->twin = &k->sums[1 - own];
    o->key_load = gradients_source(o->own->x, o->own->parts);
    o->row_load = gradients_source(o->own->y, o->own->parts);
    o->given_load = o->own->of.values->def;
    o->value_load = o->twin->of.features->def;
    return o->own->pieces == 1 && o->twin->parts == 1 && o->twin->pieces == o->own->parts &&
           gradients_is_sendable(k, o->key_load) && gradients_is_sendable(k, o->row_load) &&
           gradients_is_sendable(k, o->given_load) && gradients_is_sendable(k, o->value_load) &&
           op_int(o->key_load, AT_DOWN, 0) == op_int(o->row_load, AT_DOWN, 0);
}

static int part_width(const SumRoles *o) { return gradients_state_rows(o->own) / o->own->parts; }

static void find_tiles(SumRoles *o) {
    const DType dtype = o->s->dtype;
    const int   rows = o->s->chunk, cols = gradients_state_cols(o->own), width = o->cut ? o->cut : part_width(o);
    o->tiles[OF_ROWS] = type_tile(dtype, rows, o->row_load->out[0]->type.cols);
    o->tiles[OF_GIVEN] = o->tiles[OF_VALUES] = type_tile(dtype, rows, cols);
    o->tiles[OF_FEATURES] = o->tiles[OF_KEYS] = type_tile(dtype, rows, width);
    o->tiles[OF_STATES] = type_tile(dtype, width, cols);
}

/* What comes anew with every head grows first. */
static bool choose_slots(SumRoles *o) {
    const int       parts = o->own->parts;
    const SlotRange ranges[SUM_RINGS] = {{OF_GIVEN, 2, 4}, {OF_ROWS, 2, 4}, {OF_STATES, 1, 2}, {OF_VALUES, 1, 2},
                                         {OF_KEYS, parts, 2 * parts}, {OF_FEATURES, 2 * parts, 3 * parts}};
    return saved_grow_slots(o->s, o->tiles, ranges, SUM_RINGS, o->slots);
}

static bool fits(SumRoles *o) {
    const int group = o->s->args->target->product_warps, cols = gradients_state_cols(o->own), rows = o->tiles[OF_ROWS].cols;
    return group && o->s->chunk == 16 * group && o->key_load->out[0]->type.cols == rows && rows % 16 == 0 && rows <= MOST_COLS &&
           cols % 16 == 0 && cols <= MOST_COLS && o->tiles[OF_FEATURES].cols % 16 == 0 &&
           o->tiles[OF_FEATURES].cols <= MOST_COLS && gradients_state_rows(o->own) <= MOST_FEATURES && choose_slots(o) &&
           4 * 32 * group * GROUP_REGISTERS <= o->s->args->target->registers;
}

/* Tiles of equal columns, as wide as can be. */
static void find_cut(SumRoles *o) {
    const int width = part_width(o);
    o->cut = width < CUT ? width : CUT;
    while (o->cut > 0 && (width % o->cut || o->cut % 16))
        o->cut--;
    o->cuts = o->cut ? width / o->cut : 0;
}

/* States come as what is given does, through its ring, which has all that is left. */
static bool choose_wide_slots(SumRoles *o) {
    int64_t left = o->s->args->target->shared_bytes - WIDE_SPARE;
    o->slots[OF_ROWS] = 1;
    o->slots[OF_VALUES] = !o->dv;
    o->slots[OF_KEYS] = o->dv ? o->cuts : 0;
    o->slots[OF_FEATURES] = o->cuts;
    for (int r = 0; r < SUM_RINGS; r++)
        left -= o->slots[r] * ir_slot_bytes(o->tiles[r]);
    const int64_t given = left / ir_slot_bytes(o->tiles[OF_GIVEN]);
    o->slots[OF_GIVEN] = (int)(given < MOST_GIVEN ? given : MOST_GIVEN);
    return given >= LEAST_GIVEN;
}

static bool fits_wide(SumRoles *o) {
    const int group = o->s->args->target->product_warps, cols = gradients_state_cols(o->own), rows = o->row_load->out[0]->type.cols;
    if (!spec_is_wide(o->s->args->spec) || !group || o->s->chunk != 16 * group || rows != o->key_load->out[0]->type.cols ||
        rows % 16 || rows > cols || cols % 16 || cols > WIDE_COLS || part_width(o) > WIDE_COLS)
        return false;
    find_cut(o);
    if (o->cuts < 1 || o->cuts > MAX_PIECES)
        return false;
    find_tiles(o);
    return choose_wide_slots(o) && 32 * group * (2 * WIDE_REGISTERS + FEW_REGISTERS) <= o->s->args->target->registers;
}

static Value *carried(const SumRoles *o, const KeySum *sum) { return o->s->group->out[sum->carried]; }

/* Every store belongs to one sum, and what follows from the sums neither multiplies nor lets warps wait for one another. */
static bool can_part_stores(const SumRoles *o) {
    for (const Op *op = o->s->rows->region->first; op; op = op->next) {
        const bool simple = !op->region && op->code != OP_DOT && op->code != OP_TRANSPOSE && op->code != OP_COLSUM &&
                            op->code != OP_COLMAX && (op->code != OP_MASK || ir_is_const(op->in[2], 0)) &&
                            (!ir_has_effects(op) || op->code == OP_STORE || op->code == OP_YIELD);
        if (op != o->s->group && !simple)
            return false;
        if (op->code == OP_STORE && depends_on(op->in[5], carried(o, o->own)) && depends_on(op->in[5], carried(o, o->twin)))
            return false;
    }
    return true;
}

/* ---- What roles have in common ---- */

static Builder open_role(SumRoles *o, const char *name, int registers) {
    const bool computes = registers > FEW_REGISTERS;
    return loop_role(o->s->ctx, &o->outer, name, computes ? o->s->args->target->product_warps : 1, registers);
}

static void add_rings(SumRoles *o) {
    int64_t at = 0;
    for (int r = 0; r < SUM_RINGS; r++)
        o->rings[r] = o->slots[r] ? loop_ring(&o->outer, o->slots[r], o->tiles[r], &at) : NULL;
    if (!o->rings[OF_STATES])
        o->rings[OF_STATES] = o->rings[OF_GIVEN];
    o->outer.kernel->scratch_bytes = at;
}

static Value *take(const SumRoles *o, Builder *b, SumRing ring) { return saved_take(b, o->rings[ring], o->tiles[ring]); }

static void release(const SumRoles *o, Builder *b, SumRing ring, Value *tile) { saved_release(b, o->rings[ring], tile); }

static Between open_between(const SumRoles *o, Builder *b, Value **sums, int count) {
    return saved_open_between(o->s, b, o->s->rows->region->args[0], sums, count);
}

/* A loop over the heads of the group, built at `in`; what kernel keys says of a head holds for its turn. */
static Op *open_heads(const SumRoles *o, Between *at, Builder *in, Value *const *start, int count, ValueMap *map) {
    Builder *const b = &at->in;
    Value *const *bounds = o->s->group->in;
    Op *const     loop = ir_for(b, "group", false, bounds[0], bounds[1], bounds[2], start, count);
    *in = ir_at_end(o->s->ctx, b->kernel, loop->region);
    *map = (ValueMap){.ctx = o->s->ctx};
    map_set(map, o->s->group->region->args[0], loop->region->args[0]);
    map_set(map, o->s->residual->region->args[0], at->turn);
    return loop;
}

/* The scores of rows that have handed on to the keys: those of others are zeros. */
static Value *keep(const SumRoles *o, Builder *b, const KeySum *sum, const Between *at, Value *score) {
    const int64_t hi = op_int(sum->of.mask, AT_HI, 0);
    const bool    falls = op_int(o->key_load, AT_DOWN, 0) != 0;
    Value *const  delta = ir_ibin(b, falls ? OP_IADD : OP_ISUB, ir_i(b, hi), at->back);
    Value *const  kept = ir_mask(b, score, delta, ir_i(b, 0), falls ? hi : IR_NEG_INF, falls ? IR_POS_INF : hi,
                                 (int)op_int(sum->of.mask, AT_PERIOD, 1), 0);
    return ir_convert(b, kept, o->s->dtype);
}

/* ---- Who sends and who makes features ---- */

/* param: in place of the load's own, or NULL. */
static void send(const SumRoles *o, Builder *b, const Op *load, const char *param, ValueMap *map, SumRing ring) {
    Op *const own = clone_slice(b, load->out[0], o->s->rows->region, map)->def;
    if (param)
        op_set_text(o->s->ctx, own, AT_PARAM, param);
    if (op_int(own, AT_DOWN, 0))
        own->in[1] = index_offset(b, own->in[1], 1 - own->out[0]->type.rows);
    op_set_int(o->s->ctx, own, AT_GROUPDIM, -1); /* all rows are of one head */
    loop_send_own(o->s->ctx, b, own, own->in, o->rings[ring]);
    op_erase(own);
}

/* What a head's rows hand on; behind it, where dphi(k) takes that, what 16 bits lose of it. */
static void send_given(const SumRoles *o, Builder *b, ValueMap *map) {
    const char *const low = gradients_low_param(o->s, o->given_load);
    ValueMap          again = map_copy(map);
    send(o, b, o->given_load, NULL, map, OF_GIVEN);
    if (low && !o->dv)
        send(o, b, o->given_load, low, &again, OF_GIVEN);
}

typedef struct Given {
    Value *high, *low; /* low: NULL where one part is sent */
} Given;

static Given take_given(const SumRoles *o, Builder *b) {
    const bool   both = gradients_low_param(o->s, o->given_load) != NULL;
    Value *const high = take(o, b, OF_GIVEN);
    return (Given){high, both ? take(o, b, OF_GIVEN) : NULL};
}

/* v do^T, masked; what it is made of is released. */
static Value *keep_given(const SumRoles *o, Builder *b, const Between *at, Value *values, Given given) {
    Value *score = ir_dot(b, values, given.high, NULL, false, true);
    score = given.low ? ir_dot(b, values, given.low, score, false, true) : score;
    Value *const kept = keep(o, b, o->twin, at, score);
    release(o, b, OF_GIVEN, given.high);
    if (given.low)
        release(o, b, OF_GIVEN, given.low);
    return kept;
}

/* `count` tiles of states from row `from` of the head's on. */
static void send_rows_of_states(const SumRoles *o, Builder *b, Value *from, int count) {
    const int    width = o->tiles[OF_STATES].rows;
    ValueMap     same = {.ctx = o->s->ctx};
    Value *const tile = gradients_tile_number(o->k, b, &same, o->s->seq->region->args[0], o->s->rows->region->args[0]);
    Value *const head = ir_ibin(b, OP_IMUL, o->s->heads->region->args[0], ir_i(b, gradients_state_rows(o->own)));
    Value *const first = ir_ibin(b, OP_IADD, head, from);
    for (int p = 0; p < count; p++) {
        Value *const state = gradients_state(b, o->k->param[o->own - o->k->sums], tile, index_offset(b, first, p * width), width,
                                             o->tiles[OF_STATES].cols);
        state->def->in[0] = state->def->in[0] ? state->def->in[0] : ir_i(b, 0);
        loop_send(o->s->ctx, b, state->def, state->def->in, o->rings[OF_STATES]);
        op_erase(state->def);
    }
}

/* The share that has saved the tile's state. */
static Value *share_number(const SumRoles *o, Builder *b) {
    return gradients_share_number(o->k, b, saved_state_row(o->s, b, o->s->rows->region->args[0]));
}

/* What the shares of rows before the tile's add up to; none before the first. */
static void send_carries(const SumRoles *o, Builder *b) {
    const int    width = o->tiles[OF_STATES].rows;
    Value *const number = share_number(o, b);
    Builder      in = saved_open_if(o->s, b, ir_ibin(b, OP_ILT, ir_i(b, 0), number));
    for (int p = 0; p < o->own->parts; p++) {
        Access from = gradients_share_access(o->k, o->own, &in, o->k->carried, number, o->s->seq->region->args[0],
                                             o->s->heads->region->args[0], p * width);
        from.period = width;
        Op *const load = ir_load(&in, &from, width, o->tiles[OF_STATES].cols)->def;
        loop_send(o->s->ctx, &in, load, load->in, o->rings[OF_STATES]);
        op_erase(load);
    }
}

/* A turn with the state of the tile, and one with what is carried to its share, if there is any before. */
static Op *open_states(const SumRoles *o, Builder *b, Builder *in, Value *const *sums, int count) {
    Value *const number = share_number(o, b);
    Value *const turns = index_offset(b, ir_ibin(b, OP_ILT, ir_i(b, 0), number), 1);
    Op *const    loop = ir_for(b, "state", false, ir_i(b, 0), turns, ir_i(b, 1), sums, count);
    *in = ir_at_end(o->s->ctx, b->kernel, loop->region);
    return loop;
}

static void send_all(SumRoles *o) {
    Builder  b = open_role(o, "copy", FEW_REGISTERS), in;
    ValueMap map = {.ctx = o->s->ctx}, turn;
    send(o, &b, o->key_load, NULL, &map, OF_ROWS);
    send(o, &b, o->value_load, NULL, &map, OF_VALUES);
    Between at = open_between(o, &b, NULL, 0);
    open_heads(o, &at, &in, NULL, 0, &turn);
    send(o, &in, o->row_load, NULL, &turn, OF_ROWS);
    send_given(o, &in, &turn);
    ir_yield(&in, NULL, 0);
    saved_close_between(&at, NULL, 0);
    send_rows_of_states(o, &b, ir_i(&b, 0), o->own->parts);
    send_carries(o, &b);
}

static void make_features(SumRoles *o, Builder *b, const Op *load, Value *const *pieces, ValueMap *map, SumRing ring) {
    map_set(map, load->out[0], saved_take_own(b, o->rings[OF_ROWS], o->tiles[OF_ROWS]));
    for (int p = 0; p < o->own->parts; p++) {
        gradients_turn_units(o->s, b, pieces[p], o->s->rows->region, map);
        saved_give(b, o->rings[ring], clone_slice(b, pieces[p], o->s->rows->region, map));
    }
}

static void make_all_features(SumRoles *o) {
    Builder  b = open_role(o, "features", FEATURE_REGISTERS), in;
    ValueMap map = {.ctx = o->s->ctx}, turn;
    make_features(o, &b, o->key_load, o->own->x, &map, OF_KEYS);
    Between at = open_between(o, &b, NULL, 0);
    open_heads(o, &at, &in, NULL, 0, &turn);
    make_features(o, &in, o->row_load, o->own->y, &turn, OF_FEATURES);
    ir_yield(&in, NULL, 0);
    saved_close_between(&at, NULL, 0);
}

/* ---- Who sums up ---- */

/* What the kernel says of the sum, or of columns of it, is said of its pieces. */
static void map_pieces(const SumRoles *o, Builder *b, ValueMap *map, Value *whole, Value *const *pieces, int count) {
    int        user_count;
    Op **const users = ir_users(o->s->ctx, o->s->main, whole, &user_count);
    bool       all = true;
    for (int u = 0; u < user_count; u++) {
        int at = users[u]->code == OP_COLS && users[u]->in_count == 1 ? (int)op_int(users[u], AT_LO, 0) : -1;
        const Value *found = NULL;
        for (int p = 0; p < count; at -= pieces[p]->type.cols, p++)
            if (at == 0 && type_equal(users[u]->out[0]->type, pieces[p]->type))
                map_set(map, users[u]->out[0], (Value *)(found = pieces[p]));
        all &= found != NULL;
    }
    if (!all)
        map_set(map, whole, gradients_join(b, pieces, count));
}

/* A block of its own: nothing of it is made while products run. */
static Op *open_block(const SumRoles *o, Builder *b) {
    Op *const only = ir_if(b, ir_i(b, 1), NULL, 0);
    Builder   in = ir_at_end(o->s->ctx, b->kernel, only->region);
    ir_yield(&in, NULL, 0);
    return only;
}

/* In a block of its own what follows from the sum: all stores that need it, and, with `others`, those that need none. */
static Op *open_finish(SumRoles *o, Builder *b, const KeySum *sum, Value *const *pieces, int count, bool others) {
    const KeySum *const other = sum == o->own ? o->twin : o->own;
    Op *const    only = open_block(o, b);
    Builder      in = ir_before(o->s->ctx, b->kernel, ir_terminator(only->region));
    ValueMap     map = {.ctx = o->s->ctx};
    map_pieces(o, &in, &map, carried(o, sum), pieces, count);
    for (const Op *op = o->s->rows->region->first; op; op = op->next) {
        if (op->code != OP_STORE || depends_on(op->in[5], carried(o, other)) ||
            (!others && !depends_on(op->in[5], carried(o, sum))))
            continue;
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i])
                clone_slice(&in, op->in[i], o->s->rows->region, &map);
        ir_clone(&in, op, &map);
    }
    for (Op *op = only->region->first; op; op = op->next)
        if (op->code == OP_STORE && op->in[5]->type.cols > 1)
            gradients_add_in_turns(o->s, op);
    return only;
}

static void close_finish(SumRoles *o, Builder *b, const Op *only) {
    order_by_use(o->s->ctx, b->kernel, only->region);
    store_where_made(o->s->ctx, b->kernel, only->region);
    if (o->cut)
        columns_of_gradients(o->s->ctx, b->kernel, only->region);
    if (op_int(o->key_load, AT_DOWN, 0))
        loop_turn_up(o->s->ctx, b->kernel, only->region);
}

static void finish(SumRoles *o, Builder *b, const KeySum *sum, Value *const *pieces, int count, bool others) {
    close_finish(o, b, open_finish(o, b, sum, pieces, count, others));
}

/* dphi(k) = sum over heads of masked(v do^T) phi(q) + v R^T, in as many pieces. */
static void sum_key_gradients(SumRoles *o) {
    const int    parts = o->own->parts;
    Builder      b = open_role(o, "compute", SUM_REGISTERS), in;
    ValueMap     map;
    Value       *sums[MAX_PIECES], *features[MAX_PIECES];
    Value *const values = take(o, &b, OF_VALUES);
    for (int p = 0; p < parts; p++)
        sums[p] = ir_f(&b, 0, o->s->chunk, o->tiles[OF_FEATURES].cols);
    Between      at = open_between(o, &b, sums, parts);
    Op *const    loop = open_heads(o, &at, &in, sums, parts, &map);
    const Given  given = take_given(o, &in);
    for (int p = 0; p < parts; p++)
        features[p] = take(o, &in, OF_FEATURES);
    Value *const kept = keep_given(o, &in, &at, values, given);
    for (int p = 0; p < parts; p++) {
        sums[p] = ir_dot(&in, kept, features[p], loop->region->args[1 + p], false, false);
        release(o, &in, OF_FEATURES, features[p]);
    }
    ir_yield(&in, sums, parts);
    memcpy(sums, loop->out, sizeof *sums * (size_t)parts);
    saved_close_between(&at, sums, parts);
    Op *const states = open_states(o, &b, &in, sums, parts);
    for (int p = 0; p < parts; p++) {
        Value *const state = take(o, &in, OF_STATES);
        sums[p] = ir_dot(&in, values, state, states->region->args[1 + p], false, true);
        release(o, &in, OF_STATES, state);
    }
    ir_yield(&in, sums, parts);
    release(o, &b, OF_VALUES, values);
    finish(o, &b, o->twin, states->out, parts, false);
}

/* dv = sum over heads of masked(phi(k) phi(q)^T) do + phi(k) R. */
static void sum_value_gradients(SumRoles *o) {
    const int parts = o->own->parts;
    Builder   b = open_role(o, "values", VALUE_REGISTERS), in;
    ValueMap  map;
    Value    *keys[MAX_PIECES], *sum = ir_f(&b, 0, o->s->chunk, gradients_state_cols(o->own)), *score = NULL;
    for (int p = 0; p < parts; p++)
        keys[p] = take(o, &b, OF_KEYS);
    Between      at = open_between(o, &b, &sum, 1);
    Op *const    loop = open_heads(o, &at, &in, &sum, 1, &map);
    Value *const given = take(o, &in, OF_GIVEN);
    for (int p = 0; p < parts; p++) {
        Value *const features = take(o, &in, OF_FEATURES);
        score = ir_dot(&in, keys[p], features, score, false, true);
        release(o, &in, OF_FEATURES, features);
    }
    sum = ir_dot(&in, keep(o, &in, o->own, &at, score), given, loop->region->args[1], false, false);
    release(o, &in, OF_GIVEN, given);
    if (gradients_low_param(o->s, o->given_load)) /* dphi(k)'s own */
        ir_op(&in, OP_SKIP, &o->rings[OF_GIVEN], 1, NULL, 0);
    ir_yield(&in, &sum, 1);
    sum = loop->out[0];
    saved_close_between(&at, &sum, 1);
    Op *const states = open_states(o, &b, &in, &sum, 1);
    sum = states->region->args[1];
    for (int p = 0; p < parts; p++) {
        Value *const state = take(o, &in, OF_STATES);
        sum = ir_dot(&in, keys[p], state, sum, false, false);
        release(o, &in, OF_STATES, state);
    }
    ir_yield(&in, &sum, 1);
    for (int p = 0; p < parts; p++)
        release(o, &b, OF_KEYS, keys[p]);
    finish(o, &b, o->own, states->out, 1, true);
}

/* ---- Wide heads ---- */

/* Their states are saved before every row tile: nothing lies between. */
static Op *open_wide_heads(const SumRoles *o, Builder *b, Builder *in, Value *const *start, int count, ValueMap *map, Between *at) {
    Between   here = open_between(o, b, NULL, 0);
    Op *const loop = open_heads(o, &here, in, start, count, map);
    saved_close_between(&here, NULL, 0);
    if (at)
        *at = here;
    return loop;
}

static int part_at(const SumRoles *o, int turn) { return o->last_first ? o->own->parts - 1 - turn : turn; }

/* The part that what is stored adds up first has the first turn. */
static void find_turns(SumRoles *o) {
    for (const Op *op = o->s->rows->region->first; op; op = op->next) {
        const bool adds = op->code == OP_STORE && op->in[5]->type.cols > 1;
        const int  column = adds ? gradients_first_column(o->s, op, carried(o, o->twin)) : 0;
        o->last_first |= column > 0 && column >= (o->own->parts - 1) * part_width(o);
    }
}

/* Features' own: for each part rows of all heads; before them, for dv, the keys'. */
static void send_wide_rows(SumRoles *o) {
    Builder   b = open_role(o, "copy", FEW_REGISTERS), in;
    Op *const turns = ir_for(&b, "part", false, ir_i(&b, 0), ir_i(&b, o->own->parts), ir_i(&b, 1), NULL, 0);
    Builder   turn = open_region(o->s->ctx, b.kernel, turns->region);
    ValueMap  of_keys = {.ctx = o->s->ctx}, of_rows;
    if (o->dv)
        send(o, &turn, o->key_load, NULL, &of_keys, OF_ROWS);
    open_wide_heads(o, &turn, &in, NULL, 0, &of_rows, NULL);
    send(o, &in, o->row_load, NULL, &of_rows, OF_ROWS);
    ir_yield(&in, NULL, 0);
}

static void send_wide_others(SumRoles *o) {
    const int parts = o->own->parts;
    Builder   b = open_role(o, "copy", FEW_REGISTERS), in;
    ValueMap  of_values = {.ctx = o->s->ctx}, of_keys = {.ctx = o->s->ctx}, of_rows;
    if (!o->dv)
        send(o, &b, o->value_load, NULL, &of_values, OF_VALUES);
    Op *const turns = ir_for(&b, "part", false, ir_i(&b, 0), ir_i(&b, parts), ir_i(&b, 1), NULL, 0);
    Builder   turn = open_region(o->s->ctx, b.kernel, turns->region);
    open_wide_heads(o, &turn, &in, NULL, 0, &of_rows, NULL);
    send_given(o, &in, &of_rows);
    ir_yield(&in, NULL, 0);
    Value *const number = turns->region->args[0];
    Value *const part = o->last_first ? ir_ibin(&turn, OP_ISUB, ir_i(&turn, parts - 1), number) : number;
    send_rows_of_states(o, &turn, ir_ibin(&turn, OP_IMUL, part, ir_i(&turn, part_width(o))), o->cuts);
    if (!o->dv)
        send(o, &turn, o->key_load, NULL, &of_keys, OF_GIVEN);
}

/* By slices of the tile that is taken, where that can be: their code is short. */
static void make_wide_part(SumRoles *o, Builder *b, const Op *load, Value *piece, ValueMap *map, SumRing ring) {
    Value *const tile = saved_take(b, o->rings[OF_ROWS], o->tiles[OF_ROWS]);
    map_set(map, load->out[0], ir_convert(b, ir_unary(b, OP_COPY, tile), DT_F32));
    gradients_turn_units(o->s, b, piece, o->s->rows->region, map);
    Value *const part = clone_slice(b, piece, o->s->rows->region, map);
    if (o->cuts > 1 && columns_reduce(o->s->ctx, o->s->main, b->block, part)) {
        Op *const    cuts = ir_for(b, "slice", false, ir_i(b, 0), ir_i(b, o->cuts), ir_i(b, 1), NULL, 0);
        Builder      in = open_region(o->s->ctx, o->s->main, cuts->region);
        Value *const from = ir_ibin(&in, OP_IMUL, cuts->region->args[0], ir_i(&in, o->cut));
        saved_give(&in, o->rings[ring], columns_in_loop(o->s->ctx, &in, part, o->cut, from));
    } else
        for (int c = 0; c < o->cuts; c++)
            saved_give(b, o->rings[ring], o->cuts > 1 ? ir_cols(b, part, c * o->cut, o->cut) : part);
    release(o, b, OF_ROWS, tile);
}

static void make_wide_features(SumRoles *o) {
    Builder b = open_role(o, "features", WIDE_REGISTERS), in;
    for (int p = 0; p < o->own->parts; p++) {
        ValueMap of_keys = {.ctx = o->s->ctx}, of_rows;
        if (o->dv)
            make_wide_part(o, &b, o->key_load, o->own->x[part_at(o, p)], &of_keys, OF_KEYS);
        open_wide_heads(o, &b, &in, NULL, 0, &of_rows, NULL);
        make_wide_part(o, &in, o->row_load, o->own->y[part_at(o, p)], &of_rows, OF_FEATURES);
        ir_yield(&in, NULL, 0);
    }
}

/* A part of dphi(k). */
static Value *sum_wide_part(SumRoles *o, Builder *b, Value *values) {
    const int cuts = o->cuts;
    Builder   in;
    ValueMap  map;
    Between   at;
    Value    *sums[MAX_PIECES], *features[MAX_PIECES];
    for (int c = 0; c < cuts; c++)
        sums[c] = ir_f(b, 0, o->s->chunk, o->cut);
    Op *const    loop = open_wide_heads(o, b, &in, sums, cuts, &map, &at);
    const Given  given = take_given(o, &in);
    Value *const kept = keep_given(o, &in, &at, values, given);
    for (int c = 0; c < cuts; c++) {
        features[c] = take(o, &in, OF_FEATURES);
        sums[c] = ir_dot(&in, kept, features[c], loop->region->args[1 + c], false, false);
        release(o, &in, OF_FEATURES, features[c]);
    }
    ir_yield(&in, sums, cuts);
    for (int c = 0; c < cuts; c++) {
        Value *const state = take(o, b, OF_STATES);
        sums[c] = ir_dot(b, values, state, loop->out[c], false, true);
        release(o, b, OF_STATES, state);
    }
    return gradients_join(b, sums, cuts);
}

/* Keys that the block loads come through the ring, behind the states of its part. */
static void read_keys(SumRoles *o, Op *only) {
    Builder      b = ir_before(o->s->ctx, o->s->main, only), behind = ir_after(o->s->ctx, o->s->main, only);
    Value *const tile = saved_take(&b, o->rings[OF_GIVEN], o->tiles[OF_ROWS]);
    release(o, &behind, OF_GIVEN, tile);
    b = ir_before(o->s->ctx, o->s->main, only->region->first);
    Value *const floats = ir_convert(&b, ir_unary(&b, OP_COPY, tile), DT_F32);
    for (Op *op = only->region->first, *next; op; op = next) {
        next = op->next;
        if (op->code != OP_LOAD || strcmp(op_text(op, AT_PARAM), op_text(o->key_load, AT_PARAM)) != 0)
            continue;
        ir_replace_uses(o->s->main, op->out[0], floats);
        op_erase(op);
    }
}

/* Does it need a part whose turn is behind that one? */
static bool needs_later(const SumRoles *o, const Value *value, int turn, Value *const *parts) {
    for (int t = turn + 1; t < o->own->parts; t++)
        if (depends_on(value, parts[part_at(o, t)]))
            return true;
    return false;
}

/* The first of what is stored, as far as it needs no part behind that turn, is stored before the next turn begins. */
static void finish_early(SumRoles *o, const Op *only, int turn, Value *const *parts, Op *behind) {
    Builder  b = ir_after(o->s->ctx, o->s->main, behind);
    Op      *early = NULL;
    ValueMap map = {.ctx = o->s->ctx};
    for (Op *op = only->region->first, *next; op; op = next) {
        next = op->next;
        if (op->code != OP_STORE)
            continue;
        if (needs_later(o, op->in[5], turn, parts))
            break;
        early = early ? early : open_block(o, &b);
        Builder in = ir_before(o->s->ctx, o->s->main, ir_terminator(early->region));
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i])
                clone_slice(&in, op->in[i], only->region, &map);
        ir_clone(&in, op, &map);
        op_erase(op);
    }
    early = early ? early : open_block(o, &b);
    read_keys(o, early);
    close_finish(o, &b, early);
}

static void sum_wide_key_gradients(SumRoles *o, Builder *b) {
    const int    count = o->own->parts;
    Value *const values = take(o, b, OF_VALUES);
    Value       *parts[MAX_PIECES];
    Op          *behind[MAX_PIECES];
    for (int t = 0; t < count; t++) {
        parts[part_at(o, t)] = sum_wide_part(o, b, values);
        behind[t] = b->before->prev;
    }
    release(o, b, OF_VALUES, values);
    Op *const only = open_finish(o, b, o->twin, parts, count, false);
    for (int t = 0; t < count - 1; t++)
        finish_early(o, only, t, parts, behind[t]);
    read_keys(o, only);
    close_finish(o, b, only);
}

/* dv: the scores of each part of the features are multiplied with what is given by themselves. */
static void sum_wide_values(SumRoles *o, Builder *b) {
    Value       *sum = ir_f(b, 0, o->s->chunk, gradients_state_cols(o->own)), *keys[MAX_PIECES], *score = NULL;
    Op *const    parts = ir_for(b, "part", false, ir_i(b, 0), ir_i(b, o->own->parts), ir_i(b, 1), &sum, 1);
    Builder      part = ir_at_end(o->s->ctx, b->kernel, parts->region), in;
    ValueMap     map;
    Between      at;
    for (int c = 0; c < o->cuts; c++)
        keys[c] = take(o, &part, OF_KEYS);
    Op *const loop = open_wide_heads(o, &part, &in, &parts->region->args[1], 1, &map, &at);
    for (int c = 0; c < o->cuts; c++) {
        Value *const features = take(o, &in, OF_FEATURES);
        score = ir_dot(&in, keys[c], features, score, false, true);
        release(o, &in, OF_FEATURES, features);
    }
    Value *const given = take(o, &in, OF_GIVEN);
    sum = ir_dot(&in, keep(o, &in, o->own, &at, score), given, loop->region->args[1], false, false);
    release(o, &in, OF_GIVEN, given);
    ir_yield(&in, &sum, 1);
    sum = loop->out[0];
    for (int c = 0; c < o->cuts; c++) {
        Value *const state = take(o, &part, OF_STATES);
        sum = ir_dot(&part, keys[c], state, sum, false, false);
        release(o, &part, OF_STATES, state);
    }
    for (int c = 0; c < o->cuts; c++)
        release(o, &part, OF_KEYS, keys[c]);
    ir_yield(&part, &sum, 1);
    finish(o, b, o->own, &parts->out[0], 1, true);
}

static void sum_wide(SumRoles *o) {
    Builder b = open_role(o, "compute", WIDE_REGISTERS);
    if (o->dv)
        sum_wide_values(o, &b);
    else
        sum_wide_key_gradients(o, &b);
}

/* What stood there for a block without roles. */
static void drop_others(SumRoles *o) {
    Block *const block = o->s->rows->region;
    for (Op *op = block->last, *prev; op; op = prev) {
        bool used = op->code == OP_ROLE || op->code == OP_RING || op->code == OP_YIELD;
        prev = op->prev;
        for (int r = 0; r < op->out_count && op != o->s->group; r++)
            used |= ir_use_count(o->s->main, op->out[r]) > 0;
        if (!used)
            op_erase(op);
    }
}

static bool can_have_roles(SumRoles *o) {
    const Schedule *schedule = o->s->args->schedule;
    if (!schedule->roles || !schedule->fuse_phi || o->s->absent || !find_sides(o))
        return false;
    find_tiles(o);
    return fits(o) && can_part_stores(o) && gradients_states_have_roles(o->k, (int)(o->own - o->k->sums)) &&
           gradients_state_rows(o->own) % 16 == 0;
}

bool gradients_sums_have_roles(KeySaver *k) { return can_have_roles(&(SumRoles){.k = k, .s = &k->saver}); }

void gradients_sum_by_roles(KeySaver *k) {
    SumRoles o = {.k = k, .s = &k->saver};
    can_have_roles(&o);
    o.outer = ir_before(o.s->ctx, o.s->main, ir_terminator(o.s->rows->region));
    add_rings(&o);
    send_all(&o);
    make_all_features(&o);
    sum_key_gradients(&o);
    sum_value_gradients(&o);
    drop_others(&o);
}

bool gradients_can_sum_wide(KeySaver *k) {
    SumRoles        o = {.k = k, .s = &k->saver};
    const Schedule *schedule = k->saver.args->schedule;
    return schedule->roles && schedule->gradient_roles && schedule->fuse_phi && schedule->states_every <= 1 &&
           !k->saver.absent && find_sides(&o) && fits_wide(&o) && can_part_stores(&o);
}

void gradients_sum_wide(KeySaver *k, bool values) {
    SumRoles o = {.k = k, .s = &k->saver, .dv = values};
    find_sides(&o);
    fits_wide(&o);
    o.outer = ir_before(o.s->ctx, o.s->main, ir_terminator(o.s->rows->region));
    find_turns(&o);
    add_rings(&o);
    send_wide_rows(&o);
    send_wide_others(&o);
    make_wide_features(&o);
    sum_wide(&o);
    drop_others(&o);
}
