/* The kernels of pass saved that make the states and compute the features, where warps have roles. One role sends keys and
 * values, one computes the features of the keys, one sums up S, and two store what the copy engine finds ready in shared
 * memory: the features, and S before each row tile. All of them walk over the row tiles of the segment, each as far ahead
 * as the rings let it, so that neither the latency of a load nor that of a turn counts. A block has one piece of the
 * features and an equal part of the columns of S; blocks with the same features take turns in storing them. */
#include "passes/saved.h"

#include <string.h>

enum { SPARE_BYTES = 4096 /* alignment of the rings, barriers */ };
enum { MAX_SUM = 128, MAX_SUM_BESIDE = 96 /* floats of S a thread; with a further role */ };

Type saved_slot(const Saver *s, StateRing ring) {
    switch (ring) {
    case RING_KEYS: return type_tile(s->dtype, s->chunk, s->k_load->out[0]->type.cols);
    case RING_VALUES: return type_tile(s->dtype, s->chunk, saved_columns(s));
    case RING_FEATURES: return type_tile(s->dtype, s->chunk, s->made_width);
    default: return type_tile(s->dtype, s->made_width, saved_columns(s));
    }
}

static void find_tiles(const Saver *s, Type tiles[RING_COUNT]) {
    for (int r = 0; r < RING_COUNT; r++)
        tiles[r] = saved_slot(s, (StateRing)r);
}

bool saved_grow_slots(const Saver *s, const Type *tiles, const SlotRange *ranges, int count, int *slots) {
    int64_t left = s->args->target->shared_bytes - SPARE_BYTES;
    for (int i = 0; i < count; i++) {
        slots[ranges[i].ring] = ranges[i].least;
        left -= ranges[i].least * ir_slot_bytes(tiles[ranges[i].ring]);
    }
    for (bool grows = left >= 0; grows;) {
        grows = false;
        for (int i = 0; i < count; i++) {
            const int ring = ranges[i].ring;
            if (slots[ring] == ranges[i].most || left < ir_slot_bytes(tiles[ring]))
                continue;
            left -= ir_slot_bytes(tiles[ring]);
            slots[ring]++;
            grows = true;
        }
    }
    return left >= 0;
}

/* Two slots each, since what is stored is released a tile later. */
static bool choose_slots(const Saver *s, const Type tiles[RING_COUNT], int slots[RING_COUNT]) {
    static const SlotRange RANGES[RING_COUNT] = {{RING_STATES, 2, 3}, {RING_FEATURES, 2, 3}, {RING_VALUES, 2, 6}, {RING_KEYS, 2, 4}};
    return saved_grow_slots(s, tiles, RANGES, RING_COUNT, slots);
}

/* Of a thread: slabs of 16 rows a warp. */
static int sum_floats(const Saver *s, Type state) {
    const int rows = 16 * s->args->target->product_warps;
    return (state.rows + rows - 1) / rows * state.cols / 2;
}

/* A turn's keys are 16 a warp of the group that computes their features; S has whole panels of columns, or all of them. */
bool saved_tiles_have_roles(const Saver *s, const Type tiles[RING_COUNT]) {
    const int  group = s->args->target->product_warps, width = tiles[RING_STATES].rows, cols = tiles[RING_KEYS].cols;
    int        slots[RING_COUNT];
    return group && s->chunk == 16 * group && width % 16 == 0 && width <= 256 && cols % 16 == 0 && cols <= 256 &&
           tiles[RING_STATES].cols % 16 == 0 && sum_floats(s, tiles[RING_STATES]) <= MAX_SUM && choose_slots(s, tiles, slots);
}

bool saved_can_have_roles(const Saver *s) {
    Type tiles[RING_COUNT];
    find_tiles(s, tiles);
    return saved_tiles_have_roles(s, tiles);
}

/* ---- Roles ---- */

static bool are_narrow(const Saver *s) { return s->made_width <= 128 && s->k_load->out[0]->type.cols <= 128; }

/* The row tile whose edge begins with the first key that there are features of; those before it have none, or some. On top
 * of rings every row tile has: working memory begins a window before the first token. */
static int64_t first_whole(const Saver *s) { return -op_int(s->mask, AT_HI, 0) - op_int(s->k_load, AT_BORDER, 0); }

/* Keys are turned in a role of their own where its registers suffice, not by a kernel before; on top of rings by that. */
bool saved_turns_keys(const Saver *s) {
    return s->args->kind != KIND_EXTEND && s->fused && s->roped && s->roped->type.rows % s->chunk == 0 && are_narrow(s) &&
           sum_floats(s, saved_slot(s, RING_STATES)) <= MAX_SUM_BESIDE;
}

enum { FEW_COLUMNS = 64 /* so many of them leave registers for a further role */ };

/* Row tiles of main begin where tiles of turned keys do, or a whole number of them from there. A role that turns few columns is
 * what its kernel waits for: measured, that takes half as long again with signals, which wait for what was stored. */
bool saved_signals_keys(const Saver *s) {
    return s->args->kind == KIND_FORWARD && saved_turns_keys(s) && s->k_load->out[0]->type.cols > FEW_COLUMNS &&
           first_whole(s) % s->chunk == 0;
}

void saved_signal_turned(Saver *s, Builder *b, const ValueMap *outer, Value *row, int64_t value) {
    ValueMap  map = map_copy(outer);
    Op *const load = saved_load_turned(s, b, &map, s->chunk, row);
    Op *const made = ir_op(b, OP_SIGNAL, load->in, 5, NULL, 0);
    op_set_text(s->ctx, made, AT_PARAM, "keys_there");
    op_set_int(s->ctx, made, AT_ROWDIM, op_int(load, AT_ROWDIM, 1));
    op_set_int(s->ctx, made, AT_VALUE, value);
    op_erase(load);
}

static bool expect_keys(Op *op, void *arg) {
    const Saver *s = arg;
    if (op->code == OP_LOAD && strcmp(op_text(op, AT_PARAM), "keys") == 0)
        op_set_text(s->ctx, op, AT_THERE, "keys_there");
    return true;
}

void saved_signal_keys(Saver *s, int64_t heads) {
    const CodeParam *keys = ir_find_param(s->main, "keys");
    const int64_t    dims[4] = {keys->dims[0], keys->dims[1], heads, 1};
    ir_param(s->ctx, s->main, "keys_there", DT_I32, PARAM_WORK, 4, dims);
    ir_walk(s->main->body, expect_keys, s);
}

static bool turns_keys(const Saver *s, const StateRoles *r) { return r->save && saved_turns_keys(s); }

/* Groups of warps that compute features, in turns: two of them hide each other's latencies, where registers suffice. Behind
 * one that saves nothing there is less else to wait for: measured, 0.108 ms instead of 0.131. */
static int feature_groups(const Saver *s, const StateRoles *r) {
    if (!are_narrow(s) || (turns_keys(s, r) && s->k_load->out[0]->type.cols > FEW_COLUMNS))
        return 1;
    return r->save ? s->args->schedule->feature_groups : 2;
}

enum { FEW_REGISTERS = 32, MORE_REGISTERS = 16 /* that several groups beside the sum's take of it */ };

static int by_eights(int registers) { return registers < FEW_REGISTERS ? FEW_REGISTERS : registers / 8 * 8; }

/* Of a thread. At the start all have as many; then those who compute take what the others leave. */
static int registers_of(const Saver *s, const StateRoles *r, const char *role, bool computes) {
    const int threads = 32 * s->args->target->product_warps;
    const int several = r->groups, groups = several + 1;
    const int each = by_eights(s->args->target->registers / (threads * (groups + 1))), left = each * (groups + 1) - FEW_REGISTERS;
    const int few = by_eights(left / groups) - (several > 1 ? MORE_REGISTERS : 0), sum = r->sum_registers ? r->sum_registers : few;
    if (!computes)
        return FEW_REGISTERS;
    return strcmp(role, "compute") == 0 ? sum : by_eights((left - sum) / several);
}

Builder saved_open_role(Saver *s, StateRoles *r, const char *name, bool computes) {
    return loop_role(s->ctx, &r->outer, name, computes ? s->args->target->product_warps : 1, registers_of(s, r, name, computes));
}

Builder saved_open_if(const Saver *s, Builder *b, Value *condition) {
    Op *const only = ir_if(b, condition, NULL, 0);
    return open_region(s->ctx, b->kernel, only->region);
}

Value *saved_equals(Builder *b, Value *x, int64_t y) {
    return ir_ibin(b, OP_IMUL, ir_ibin(b, OP_ILT, x, ir_i(b, y + 1)), ir_ibin(b, OP_ILT, ir_i(b, y - 1), x));
}

Value *saved_takes_turn(Builder *b, Value *number, int64_t count, Value *whose) {
    return saved_equals(b, ir_ibin(b, OP_ISUB, ir_ibin(b, OP_IMOD, number, ir_i(b, count)), whose), 0);
}

static Value *open_tiles(const Saver *s, Builder *b, Builder *in, Value *first, Value *end, int64_t step) {
    Op *const loop = ir_for(b, "row", false, first, end, ir_i(b, step), NULL, 0);
    *in = open_region(s->ctx, b->kernel, loop->region);
    return loop->region->args[0];
}

Value *saved_open_turns(const Saver *s, Builder *b, Builder *in, Value *first, Value *end) {
    return open_tiles(s, b, in, first, end, s->chunk);
}

Value *saved_take(Builder *b, Value *ring, Type type) { return ir_op(b, OP_TAKE, &ring, 1, &type, 1)->out[0]; }

void saved_release(Builder *b, Value *ring, Value *tile) { ir_op(b, OP_RELEASE, (Value *[]){ring, tile}, 2, NULL, 0); }

void saved_give(Builder *b, Value *ring, Value *tile) {
    Value *const as_there = ir_convert(b, tile, ring->type.dtype);
    ir_op(b, OP_GIVE, (Value *[]){ring, as_there}, 2, NULL, 0);
}

void saved_add_rings(Saver *s, StateRoles *r, const Type tiles[RING_COUNT]) {
    int     slots[RING_COUNT];
    int64_t at = 0;
    choose_slots(s, tiles, slots);
    for (int i = 0; i < RING_COUNT; i++)
        if (i != RING_STATES || r->save)
            r->rings[i] = loop_ring(&r->outer, slots[i], tiles[i], &at);
    r->outer.kernel->scratch_bytes = at;
}

/* Behind the last row tile of a sequence: those whose edges are the keys that are left. `first` and the size of a segment
 * are whole row tiles. */
static Value *late_rows(const Saver *s, const StateRoles *r, Builder *b) {
    Value *const tiles = ir_ibin(b, OP_IDIV, index_offset(b, r->end, s->chunk - 1), ir_i(b, s->chunk));
    return ir_ibin(b, OP_IMAX, r->first, ir_ibin(b, OP_IMUL, tiles, ir_i(b, s->chunk)));
}

/* Past the row tiles whose edges are sent: in the last segment of a sequence there are as many as it has keys. Without tokens
 * there is no tensor to send from. Segments are counted for all sequences alike: those behind the end of a short one have none. */
static Value *keys_end(const Saver *s, const StateRoles *r, Builder *b) {
    Value *const past = index_offset(b, r->length, first_whole(s));
    Value *const last = ir_ibin(b, OP_ILT, r->length, index_offset(b, r->end, 1));
    Value *const some = ir_ibin(b, OP_ILT, loop_is_packed(b->kernel) ? r->begin : ir_i(b, 0), r->length);
    return ir_ibin(b, OP_IMAX, r->end, ir_ibin(b, OP_IMUL, past, ir_ibin(b, OP_IMUL, last, some)));
}

static ValueMap send_keys(Saver *s, Builder *b, const Nest *n, StateRoles *r, Value *row) {
    ValueMap  map = saved_turn(s, b, n, row);
    Op *const keys = clone_slice(b, s->k_load->out[0], s->main->body, &map)->def;
    loop_send_own(s->ctx, b, keys, keys->in, r->rings[RING_KEYS]);
    op_erase(keys);
    return map;
}

/* Rows behind the last row tile that leaves the window: passed over by those who do not want them. */
static Value *open_late(Saver *s, Builder *b, Builder *in, const StateRoles *r) {
    return saved_open_turns(s, b, in, late_rows(s, r, b), saved_gathered_end(s, r, b));
}

/* Blocks that share a head's keys. */
static int64_t sharers(const Saver *s) { return (int64_t)s->made_parts * s->halves; }

/* for the block's share of the row tiles from `first` to `end`; builds at `in`. */
static Value *open_share(const Saver *s, Builder *b, Builder *in, const Nest *n, Value *first, Value *end) {
    Value *const number = ir_ibin(b, OP_IDIV, first, ir_i(b, s->chunk)), *const count = ir_i(b, sharers(s));
    Value *const ahead = ir_ibin(b, OP_IMOD, ir_ibin(b, OP_ISUB, n->axes[0], number), count);
    Value *const own = ir_ibin(b, OP_IADD, first, ir_ibin(b, OP_IMUL, ahead, ir_i(b, s->chunk)));
    return open_tiles(s, b, in, own, end, sharers(s) * s->chunk);
}

static Value *open_late_share(const Saver *s, Builder *b, Builder *in, const Nest *n, const StateRoles *r) {
    return open_share(s, b, in, n, late_rows(s, r, b), keys_end(s, r, b));
}

/* Keys that stay in the window behind the last row tile have their turn before all others if main is told of them, else
 * behind. `before`: where it stands now. */
static bool is_late_turn(const Saver *s, const StateRoles *r, bool before) {
    return turns_keys(s, r) && saved_signals_keys(s) == before;
}

static void skip_late_keys(const Saver *s, Builder *b, const Nest *n, StateRoles *r, bool before) {
    Builder in;
    if (!is_late_turn(s, r, before))
        return;
    open_late_share(s, b, &in, n, r);
    ir_op(&in, OP_SKIP, &r->rings[RING_KEYS], 1, NULL, 0);
}

static void send_late_keys(Saver *s, Builder *b, const Nest *n, StateRoles *r, bool before) {
    Builder in;
    if (is_late_turn(s, r, before))
        send_keys(s, &in, n, r, open_late_share(s, b, &in, n, r));
}

static void send_all(Saver *s, const Nest *n, StateRoles *r) {
    Builder b = saved_open_role(s, r, "copy", false), in;
    if (s->gather) {
        saved_send_gathered(s, &b, n, r);
        return;
    }
    send_late_keys(s, &b, n, r, true);
    Value *const row = saved_open_turns(s, &b, &in, r->first, r->end);
    ValueMap     map = send_keys(s, &in, n, r, row);
    Op *const    values = saved_values(s, &in, n, &map);
    loop_send_own(s->ctx, &in, values, values->in, r->rings[RING_VALUES]);
    op_erase(values);
    send_late_keys(s, &b, n, r, false);
}

/* The final state has a key for each row of the sequence, none of those that are still in the window: their features
 * become zeros. */
static Value *without_late(Saver *s, Builder *b, const StateRoles *r, Value *row, Value *piece) {
    Value *const kept = ir_mask(b, piece, ir_ibin(b, OP_ISUB, row, r->end), ir_i(b, 0), IR_NEG_INF, -1, 1, 0);
    op_set_int(s->ctx, kept->def, AT_TA, 1);
    return kept;
}

/* The features at the turn's keys, to where main finds them: by the parts that it reads. Those of keys that are not there,
 * too, where what belongs to no key is not another sequence's. */
static void store_parts(Saver *s, Builder *b, const Nest *n, Value *row, Value *piece) {
    ValueMap     map = saved_turn(s, b, n, row);
    const int    count = s->parts / s->made_parts;
    const bool   packed = loop_is_packed(s->main);
    Value *const lo = packed ? clone_slice(b, s->k_load->in[3], s->main->body, &map) : ir_i(b, 0);
    Value *const hi = packed ? clone_slice(b, s->k_load->in[4], s->main->body, &map) : loop_dim(b, ir_find_param(s->main, "phi"), 1);
    for (int p = 0; p < count; p++) {
        Value *const part = count > 1 ? ir_cols(b, piece, p * s->width, s->width) : piece;
        Value *const first = ir_ibin(b, OP_IMUL, n->part, ir_i(b, count));
        saved_store_features(s, b, &map, n->head, ir_ibin(b, OP_IADD, first, ir_i(b, p)), lo, hi, part);
    }
}

/* Blocks with other columns of S have the same features: they take turns in storing them, so that all store as much. */
static Value *stores_features(const Saver *s, Builder *b, const Nest *n, Value *row) {
    Value *const number = ir_ibin(b, OP_IDIV, row, ir_i(b, s->chunk));
    return saved_takes_turn(b, number, s->halves, n->half);
}

/* What the copy engine cannot store where it knows no bounds but the tensor's: the first of the keys, where the tile begins before them. Negative coordinates, which
 * loads may have, are illegal for stores. */
static void store_early(Saver *s, Builder *b, const Nest *n, Value *row, Value *piece) {
    Value *const early = ir_ibin(b, OP_ILT, row, ir_i(b, first_whole(s)));
    Builder      in = saved_open_if(s, b, ir_ibin(b, OP_IMUL, early, stores_features(s, b, n, row)));
    store_parts(s, &in, n, row, piece);
}

Value *saved_take_own(Builder *in, Value *ring, Type type) {
    Value *const tile = saved_take(in, ring, type), *const own = ir_unary(in, OP_COPY, tile);
    saved_release(in, ring, tile);
    return ir_convert(in, own, DT_F32);
}

/* The block's piece of the features of one turn's keys. */
static void make_features(Saver *s, Builder *in, const Nest *n, StateRoles *r, Value *row) {
    Value *const keys = saved_take_own(in, r->rings[RING_KEYS], saved_slot(s, RING_KEYS));
    for (int p = 0; p < s->made_parts; p++) {
        Builder  at = s->made_parts > 1 ? saved_open_if(s, in, saved_equals(in, n->part, p)) : *in;
        ValueMap map = saved_turn(s, &at, n, row);
        map_set(&map, s->k_load->out[0], keys);
        Value *const piece = clone_slice(&at, s->made[p], s->main->body, &map);
        saved_give(&at, r->rings[RING_FEATURES], s->state ? without_late(s, &at, r, row, piece) : piece);
        if (r->save && first_whole(s) % s->chunk != 0 && !loop_is_packed(s->main))
            store_early(s, &at, n, row, piece);
    }
}

void saved_skip_unless(const Saver *s, Builder *b, Value *mine, Value *const *rings, int count) {
    Builder at = saved_open_if(s, b, ir_ibin(b, OP_ILT, mine, ir_i(b, 1)));
    for (int i = 0; i < count; i++)
        ir_op(&at, OP_SKIP, (Value **)&rings[i], 1, NULL, 0);
}

/* What is gathered alone. */
static void skip_late(Saver *s, StateRoles *r, Builder *b, StateRing ring) {
    Builder in;
    if (!s->gather)
        return;
    open_late(s, b, &in, r);
    ir_op(&in, OP_SKIP, &r->rings[ring], 1, NULL, 0);
}

/* Group `group` of `groups`, which take turns. */
static void compute_features(Saver *s, const Nest *n, StateRoles *r, int group, int groups) {
    Builder b = saved_open_role(s, r, "features", true), in;
    skip_late_keys(s, &b, n, r, true);
    Value *const row = saved_open_turns(s, &b, &in, r->first, r->end);
    if (groups == 1) {
        make_features(s, &in, n, r, row);
    } else {
        Value *const number = ir_ibin(&in, OP_IDIV, row, ir_i(&in, s->chunk));
        Value *const mine = saved_equals(&in, ir_ibin(&in, OP_IMOD, number, ir_i(&in, groups)), group);
        Builder      at = saved_open_if(s, &in, mine);
        make_features(s, &at, n, r, row);
        saved_skip_unless(s, &in, mine, (Value *[]){r->rings[RING_KEYS], r->rings[RING_FEATURES]}, 2);
    }
    skip_late_keys(s, &b, n, r, false);
    skip_late(s, r, &b, RING_KEYS);
}

static void store_features(Saver *s, const Nest *n, StateRoles *r) {
    Value *const ring = r->rings[RING_FEATURES];
    Builder      b = saved_open_role(s, r, "store", false), in;
    Value *const row = saved_open_turns(s, &b, &in, r->first, r->end), *const tile = saved_take(&in, ring, saved_slot(s, RING_FEATURES));
    /* Between bounds the copy engine stores tiles that begin before them, too. */
    Value *const there = loop_is_packed(s->main) ? ir_i(&in, 1) : ir_ibin(&in, OP_ILT, ir_i(&in, first_whole(s) - 1), row);
    Builder      at = saved_open_if(s, &in, ir_ibin(&in, OP_IMUL, there, stores_features(s, &in, n, row)));
    store_parts(s, &at, n, row, tile);
    saved_release(&in, ring, tile);
}

Builder saved_open_saved(const Saver *s, Builder *b, Value *row) {
    return s->args->schedule->states_every == 1 ? *b : saved_open_if(s, b, saved_is_saved(s, b, row));
}

static void store_states(Saver *s, const Nest *n, StateRoles *r) {
    Value *const ring = r->rings[RING_STATES];
    Builder      b = saved_open_role(s, r, "store", false), in;
    Value *const row = saved_open_turns(s, &b, &in, r->first, r->end);
    Builder      at = saved_open_saved(s, &in, row);
    Value *const tile = saved_take(&at, ring, saved_slot(s, RING_STATES));
    ValueMap     map = saved_turn(s, &at, n, row);
    saved_store_state(s, &at, n, &map, row, tile);
    saved_release(&at, ring, tile);
}

static void turn_tile(Saver *s, Builder *b, const Nest *n, StateRoles *r, Value *row) {
    Value *const   keys = saved_take_own(b, r->rings[RING_KEYS], saved_slot(s, RING_KEYS)), *const key = index_offset(b, row, -first_whole(s));
    const ValueMap place = saved_place(s, n);
    saved_store_turned(s, b, &place, keys, s->chunk, key, index_offset(b, key, s->chunk));
    if (saved_signals_keys(s))
        saved_signal_turned(s, b, &place, key, 1);
}

static void turn_late(Saver *s, Builder *b, const Nest *n, StateRoles *r, bool before) {
    Builder in;
    if (is_late_turn(s, r, before))
        turn_tile(s, &in, n, r, open_late_share(s, b, &in, n, r));
}

/* Every key comes by here once: those that leave the window in the segment and, before or behind them, those that stay in it.
 * The blocks of a head take turns. */
static void turn_keys(Saver *s, const Nest *n, StateRoles *r) {
    Builder b = saved_open_role(s, r, "turn", true), in;
    turn_late(s, &b, n, r, true);
    Value *const row = saved_open_turns(s, &b, &in, r->first, r->end);
    Value *const number = ir_ibin(&in, OP_IDIV, row, ir_i(&in, s->chunk));
    Value *const mine = saved_takes_turn(&in, number, sharers(s), n->axes[0]);
    Builder      at = saved_open_if(s, &in, mine);
    turn_tile(s, &at, n, r, row);
    saved_skip_unless(s, &in, mine, &r->rings[RING_KEYS], 1);
    turn_late(s, &b, n, r, false);
}

/* Before anything else of the block: no key that it turns is there yet. */
static void clear_signals(Saver *s, const Nest *n, StateRoles *r) {
    Builder        b = saved_open_role(s, r, "clear", false), in;
    Value *const   row = open_share(s, &b, &in, n, r->first, keys_end(s, r, &b));
    const ValueMap place = saved_place(s, n);
    saved_signal_turned(s, &in, &place, index_offset(&in, row, -first_whole(s)), 0);
}

void saved_open_roles(Saver *s, Nest *n, StateRoles *r) {
    Type      tiles[RING_COUNT];
    const int groups = feature_groups(s, r);
    find_tiles(s, tiles);
    r->outer = n->body;
    r->groups = groups + turns_keys(s, r);
    saved_add_rings(s, r, tiles);
    if (turns_keys(s, r) && saved_signals_keys(s))
        clear_signals(s, n, r);
    send_all(s, n, r);
    for (int group = 0; group < groups; group++)
        compute_features(s, n, r, group, groups);
    if (r->save)
        store_features(s, n, r);
    if (s->gather) {
        Builder b = saved_open_role(s, r, "gather", false);
        saved_store_gathered(s, &b, n, r);
    }
    if (turns_keys(s, r))
        turn_keys(s, n, r);
    n->body = saved_open_role(s, r, "compute", true);
}

Value *saved_sum_turns(Saver *s, Nest *n, StateRoles *r, Value *start) {
    Builder     *b = &n->body;
    Op *const    loop = ir_for(b, "row", false, r->first, r->end, ir_i(b, s->chunk), &start, 1);
    Builder      in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value *const state = loop->region->args[1];
    if (r->save) {
        Builder at = saved_open_saved(s, &in, loop->region->args[0]);
        saved_give(&at, r->rings[RING_STATES], state);
    }
    Value *const features = saved_take(&in, r->rings[RING_FEATURES], saved_slot(s, RING_FEATURES));
    Value *const values = saved_take(&in, r->rings[RING_VALUES], saved_slot(s, RING_VALUES));
    Value *const sum = ir_dot(&in, features, values, state, true, false);
    saved_release(&in, r->rings[RING_FEATURES], features);
    saved_release(&in, r->rings[RING_VALUES], values);
    ir_yield(&in, &sum, 1);
    skip_late(s, r, b, RING_VALUES);
    return loop->out[0];
}

void saved_close_roles(Saver *s, Nest *n, StateRoles *r) {
    n->body = r->outer;
    if (r->save)
        store_states(s, n, r);
}
