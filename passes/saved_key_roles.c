/* The kernels of pass saved that sum up the states of kernel `keys`, where warps have roles, like those of main's states: see
 * saved_roles.c and saved_gradient_keys.c. One role sends rows and what they hand on, head by head of a group, groups of warps
 * compute the features of the rows in turns, one sums up R, and one stores R before each row tile. A block has one piece of the
 * features and a part of the columns of R. Positions may fall from row to row of a tile: the copy engine brings them as they
 * lie, since a sum over all of them has no order.
 * Features are made by every block that shares them: where registers hold more columns of R than a block without roles has, blocks
 * share out rows instead, as many to a segment.
 * Where kernel keys has roles, too, no block waits to know what those before it add up to: R begins anew in every block, which
 * stores what it adds up to in the end, kernel key_carries adds these up, and keys multiplies by both. */
#include "passes/saved_gradients.h"

#include <string.h>

enum { MOST_COLS = 128, WIDE_SUM = 64 /* columns of R that leave registers as they are */, WIDE_REGISTERS = 160, ALONE_REGISTERS = 224 };

typedef struct KeyRoles {
    KeySaver     *k;
    const KeySum *sum;
    Nest          nest;
    StateRoles    r;
    Type          tiles[RING_COUNT];
    const Op     *rows; /* the load that features are made of */
    int           number, heads;
    int           halves, shares; /* blocks with other columns of R, and with other rows of a segment */
    Value        *half, *share;
} KeyRoles;

/* A turn of a role: rows of one head. */
typedef struct Turn {
    Builder in;
    Value  *row, *head;
} Turn;

/* ---- What the sum is made of ---- */

typedef struct Sources {
    const Op *first;
    bool      others;
    Seen      seen;
} Sources;

static bool same_place(const Op *a, const Op *b) {
    for (int i = 0; i < a->in_count; i++)
        if (a->in[i] != b->in[i])
            return false;
    return strcmp(op_text(a, AT_PARAM), op_text(b, AT_PARAM)) == 0;
}

/* One number of each row: see differentiate_unit.c. */
static bool is_unit(const Op *op) { return op->code == OP_LOAD && op->out[0]->type.rows > 1 && op->out[0]->type.cols == 1; }

static void find_sources(const Value *value, Sources *sources) {
    const Op *op = value->def;
    if (!op || value->type.cls != TY_TILE || is_unit(op) || was_seen(&sources->seen, op))
        return;
    if (op->code == OP_LOAD && op->out[0]->type.rows > 1) {
        sources->others |= sources->first && !same_place(sources->first, op);
        sources->first = sources->first ? sources->first : op;
        return;
    }
    for (int i = 0; i < op->in_count; i++)
        find_sources(op->in[i], sources);
}

const Op *gradients_source(Value *const *pieces, int count) {
    Sources sources = {0};
    for (int p = 0; p < count; p++)
        find_sources(pieces[p], &sources);
    return sources.others ? NULL : sources.first;
}

static void turn_units(const Saver *s, Builder *b, const Value *value, const Block *region, ValueMap *map, Seen *seen) {
    const Op *const op = value->def;
    if (!op || value->type.cls != TY_TILE || map_get(map, (Value *)value) != value || was_seen(seen, op))
        return;
    if (is_unit(op) && op_int(op, AT_DOWN, 0)) {
        Op *const up = clone_slice(b, op->out[0], region, map)->def;
        const int row = (int)op_int(up, AT_ROWDIM, -1);
        Builder   before = ir_before(s->ctx, b->kernel, up);
        up->in[row] = index_offset(&before, up->in[row], 1 - up->out[0]->type.rows);
        op_remove_attr(up, AT_DOWN);
    }
    for (int i = 0; i < op->in_count; i++)
        turn_units(s, b, op->in[i], region, map, seen);
}

void gradients_turn_units(const Saver *s, Builder *b, const Value *value, const Block *region, ValueMap *map) {
    turn_units(s, b, value, region, map, &(Seen){{0}});
}

static const Op *find_rows(const KeySum *sum) { return gradients_source(sum->y, sum->parts); }

bool gradients_is_sendable(const KeySaver *k, const Op *load) {
    return load && load->code == OP_LOAD && op_int(load, AT_ROWDIM, -1) == 1 && !op_has(load, AT_WRAP) &&
           ir_find_param(k->saver.main, op_text(load, AT_PARAM))->dtype == k->saver.dtype;
}

static void find_tiles(const KeySaver *k, const KeySum *sum, const Op *rows, int halves, Type tiles[RING_COUNT]) {
    const DType dtype = k->saver.dtype;
    const int   cols = gradients_state_cols(sum) / halves, width = gradients_state_rows(sum) / sum->parts;
    tiles[RING_KEYS] = type_tile(dtype, k->saver.chunk, rows->out[0]->type.cols);
    tiles[RING_VALUES] = type_tile(dtype, k->saver.chunk, cols);
    tiles[RING_FEATURES] = type_tile(dtype, k->saver.chunk, width);
    tiles[RING_STATES] = type_tile(dtype, width, cols);
}

/* As many columns as fit: into how many parts they are cut, or 0. */
static int choose_halves(const KeySaver *k, const KeySum *sum, const Op *rows) {
    const int most = gradients_column_parts(sum);
    Type      tiles[RING_COUNT];
    for (int halves = 1; halves <= most; halves++) {
        if (most % halves)
            continue;
        find_tiles(k, sum, rows, halves, tiles);
        if (tiles[RING_STATES].cols <= MOST_COLS && saved_tiles_have_roles(&k->saver, tiles))
            return halves;
    }
    return 0;
}

bool gradients_states_have_roles(KeySaver *k, int number) {
    const KeySum *const sum = &k->sums[number];
    const Schedule     *schedule = k->saver.args->schedule;
    const Op *const     rows = find_rows(sum);
    return schedule->roles && schedule->fuse_phi && !k->saver.absent && gradients_is_sendable(k, rows) &&
           gradients_is_sendable(k, sum->of.values->def) && choose_halves(k, sum, rows) > 0;
}

int gradients_state_shares(KeySaver *k, int number) {
    const KeySum *const sum = &k->sums[number];
    return gradients_states_have_roles(k, number) ? gradients_column_parts(sum) / choose_halves(k, sum, find_rows(sum)) : 1;
}

/* ---- Turns ---- */

/* What a turn knows: the values of kernel keys for its rows. */
static ValueMap turn_map(const KeyRoles *kr, Turn *turn) {
    const Saver *s = &kr->k->saver;
    ValueMap     map = saved_place(s, &kr->nest);
    map_set(&map, s->rows->region->args[0], turn->row);
    map_set(&map, s->group->region->args[0], turn->head);
    map_set(&map, s->residual->region->args[0], ir_i(&turn->in, 0));
    return map;
}

/* for row, for head: nothing is carried. */
static Turn open_turns(KeyRoles *kr, Builder *b) {
    const Saver *s = &kr->k->saver;
    Builder      rows;
    Turn         turn;
    turn.row = saved_open_turns(s, b, &rows, kr->r.first, kr->r.end);
    Op *const loop = ir_for(&rows, "group", false, ir_i(&rows, 0), ir_i(&rows, kr->heads), ir_i(&rows, 1), NULL, 0);
    turn.in = open_region(s->ctx, b->kernel, loop->region);
    turn.head = loop->region->args[0];
    return turn;
}

/* Sends what `load` loads, from its first position on; of several `parts` of its columns the block's. */
static void send(KeyRoles *kr, Turn *turn, const Op *load, int parts, Value *ring) {
    const Saver *s = &kr->k->saver;
    ValueMap     map = turn_map(kr, turn);
    Op *const    own = clone_slice(&turn->in, load->out[0], s->main->body, &map)->def;
    if (op_int(own, AT_DOWN, 0))
        own->in[1] = index_offset(&turn->in, own->in[1], 1 - own->out[0]->type.rows);
    op_set_int(s->ctx, own, AT_GROUPDIM, -1); /* all rows are of one head */
    own->out[0]->type.cols /= parts;
    gradients_take_columns(kr->k, own, 2, parts, kr->half, kr->nest.kernel);
    loop_send_own(s->ctx, &turn->in, own, own->in, ring);
    op_erase(own);
}

static void send_all(KeyRoles *kr) {
    Builder b = saved_open_role(&kr->k->saver, &kr->r, "copy", false);
    Turn    turn = open_turns(kr, &b);
    send(kr, &turn, kr->rows, 1, kr->r.rings[RING_KEYS]);
    send(kr, &turn, kr->sum->of.values->def, kr->halves, kr->r.rings[RING_VALUES]);
}

/* The block's piece of the features of one turn's rows. */
static void make_features(KeyRoles *kr, Turn *turn) {
    Saver *const s = &kr->k->saver;
    const KeySum *sum = kr->sum;
    Value *const rows = saved_take_own(&turn->in, kr->r.rings[RING_KEYS], kr->tiles[RING_KEYS]);
    for (int p = 0; p < sum->parts; p++) {
        Turn at = *turn;
        if (sum->parts > 1)
            at.in = saved_open_if(s, &turn->in, saved_equals(&turn->in, kr->nest.part, p));
        ValueMap map = turn_map(kr, &at);
        map_set(&map, kr->rows->out[0], rows);
        gradients_turn_units(s, &at.in, sum->y[p], s->main->body, &map);
        saved_give(&at.in, kr->r.rings[RING_FEATURES], clone_slice(&at.in, sum->y[p], s->main->body, &map));
    }
}

/* Group `group` of warps, which take turns. */
static void compute_features(KeyRoles *kr, int group) {
    const Saver *s = &kr->k->saver;
    Builder      b = saved_open_role(&kr->k->saver, &kr->r, "features", true);
    Turn         turn = open_turns(kr, &b);
    if (kr->r.groups == 1) {
        make_features(kr, &turn);
        return;
    }
    Value *const tiles = ir_ibin(&turn.in, OP_IDIV, turn.row, ir_i(&turn.in, s->chunk));
    Value *const number = ir_ibin(&turn.in, OP_IADD, ir_ibin(&turn.in, OP_IMUL, tiles, ir_i(&turn.in, kr->heads)), turn.head);
    Value *const mine = saved_equals(&turn.in, ir_ibin(&turn.in, OP_IMOD, number, ir_i(&turn.in, kr->r.groups)), group);
    Turn         own = turn;
    own.in = saved_open_if(s, &turn.in, mine);
    make_features(kr, &own);
    saved_skip_unless(s, &turn.in, mine, (Value *[]){kr->r.rings[RING_KEYS], kr->r.rings[RING_FEATURES]}, 2);
}

/* ---- R ---- */

/* The block's part of a tile of all features and columns at `at` of d0 and d1; of working memory, which has all shares of a
 * segment for each head, that of `share`, else NULL. */
static Access part_of_state(const KeyRoles *kr, Builder *b, const char *param, Value *d0, Value *d1, Value *share) {
    const int    rows = gradients_state_rows(kr->sum), width = kr->tiles[RING_STATES].rows;
    Value *const head = kr->nest.head;
    Value *const of = share ? ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, head, ir_i(b, kr->shares)), share) : head;
    Value *const first = ir_ibin(b, OP_IMUL, of, ir_i(b, rows));
    return (Access){.param = param,
                    .at = {d0, d1, ir_ibin(b, OP_IADD, first, ir_ibin(b, OP_IMUL, kr->nest.part, ir_i(b, width)))},
                    .rowdim = 2,
                    .groupdim = -1,
                    .period = width};
}

static void store_part(KeyRoles *kr, Builder *b, const Access *to, Value *tile) {
    Op *const store = ir_store(b, to, tile);
    gradients_take_columns(kr->k, store, 0, kr->halves, kr->half, kr->nest.kernel);
}

static void store_states(KeyRoles *kr) {
    Saver *const s = &kr->k->saver;
    Value *const ring = kr->r.rings[RING_STATES];
    Builder      b = saved_open_role(s, &kr->r, "store", false), turn;
    Value *const row = saved_open_turns(s, &b, &turn, kr->r.first, kr->r.end);
    Builder      in = saved_open_saved(s, &turn, row);
    Value *const tile = saved_take(&in, ring, kr->tiles[RING_STATES]);
    ValueMap     map = saved_place(s, &kr->nest);
    map_set(&map, s->rows->region->args[0], row);
    map_set(&map, s->group->region->args[0], ir_i(&in, 0));
    Value *const number = gradients_tile_number(kr->k, &in, &map, kr->nest.seq, row);
    const Access to = part_of_state(kr, &in, kr->k->param[kr->number], NULL, number, NULL);
    store_part(kr, &in, &to, tile);
    saved_release(&in, ring, tile);
}

/* What the segments before this one, and the shares before the block's, add up to. */
static Value *segment_start(KeyRoles *kr, Builder *b, const char *work) {
    const Saver *s = &kr->k->saver;
    const Type   state = kr->tiles[RING_STATES];
    Value       *zero = ir_f(b, 0, state.rows, state.cols);
    if (!kr->r.save || kr->k->carries)
        return zero;
    Value *const before = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, kr->nest.axes[1], ir_i(b, kr->shares)), kr->share);
    Op *const    loop = ir_for(b, "segment", false, ir_i(b, 0), before, ir_i(b, 1), &zero, 1);
    Builder      in = ir_at_end(s->ctx, kr->nest.kernel, loop->region);
    Value *const number = loop->region->args[0], *const shares = ir_i(&in, kr->shares);
    const Access from =
        part_of_state(kr, &in, work, ir_ibin(&in, OP_IDIV, number, shares), kr->nest.seq, ir_ibin(&in, OP_IMOD, number, shares));
    Value *const part = ir_load(&in, &from, state.rows, state.cols);
    gradients_take_columns(kr->k, part->def, 0, kr->halves, kr->half, kr->nest.kernel);
    Value *const next = ir_binary(&in, OP_ADD, loop->region->args[1], part);
    ir_yield(&in, &next, 1);
    return loop->out[0];
}

/* Turns from the row tile at `row` to the next whose state is saved, or to the end. */
static Value *turns_between(const KeyRoles *kr, Builder *b, Value *row) {
    const Saver *s = &kr->k->saver;
    const int    every = s->args->schedule->states_every;
    Value *const heads = ir_i(b, kr->heads);
    if (every == 1)
        return heads;
    Value *const left = index_ceil_div(b, ir_ibin(b, OP_ISUB, kr->r.end, row), s->chunk);
    return ir_ibin(b, OP_IMUL, ir_ibin(b, OP_IMIN, left, ir_i(b, every)), heads);
}

/* for row tile whose state is saved: R goes to where it is stored; for head of rows up to the next: R += phi(q)^T z. -> R behind
 * the last one */
static Value *sum_turns(KeyRoles *kr, Builder *b, Value *start) {
    const Saver  *s = &kr->k->saver;
    Value **const rings = kr->r.rings, *const step = ir_i(b, (int64_t)s->chunk * s->args->schedule->states_every);
    Op *const     rows = ir_for(b, "row", false, kr->r.first, kr->r.end, step, &start, 1);
    Builder       row = ir_at_end(s->ctx, b->kernel, rows->region);
    if (kr->r.save)
        saved_give(&row, rings[RING_STATES], rows->region->args[1]);
    Value *const turns = turns_between(kr, &row, rows->region->args[0]);
    Op *const    heads = ir_for(&row, "group", false, ir_i(&row, 0), turns, ir_i(&row, 1), &rows->region->args[1], 1);
    Builder      in = ir_at_end(s->ctx, b->kernel, heads->region);
    Value *const features = saved_take(&in, rings[RING_FEATURES], kr->tiles[RING_FEATURES]);
    Value *const values = saved_take(&in, rings[RING_VALUES], kr->tiles[RING_VALUES]);
    Value *const sum = ir_dot(&in, features, values, heads->region->args[1], true, false);
    saved_release(&in, rings[RING_FEATURES], features);
    saved_release(&in, rings[RING_VALUES], values);
    ir_yield(&in, &sum, 1);
    ir_yield(&row, &heads->out[0], 1);
    return rows->out[0];
}

/* Rows of a share of a segment: as segments, whole row tiles, so that each begins with one whose state is saved. */
static Value *rows_of_share(const Saver *s, Builder *b, int shares) {
    const int64_t rows = (int64_t)s->chunk * s->args->schedule->states_every;
    Value *const  size = ir_sym(b, SYM_L);
    return shares == 1 ? size : ir_ibin(b, OP_IMUL, index_ceil_div(b, size, rows * shares), ir_i(b, rows));
}

/* The block's share of the segment's rows. What only the last share of all adds nobody asks for. */
static void find_share(KeyRoles *kr) {
    Builder     *b = &kr->nest.body;
    Value *const size = ir_sym(b, SYM_L), *const start = ir_ibin(b, OP_IMUL, kr->nest.axes[1], size);
    Value *const each = rows_of_share(&kr->k->saver, b, kr->shares);
    kr->r.first = ir_ibin(b, OP_IADD, start, ir_ibin(b, OP_IMUL, kr->share, each));
    Value *const end = ir_ibin(b, OP_IMIN, ir_ibin(b, OP_IADD, start, size), ir_ibin(b, OP_IADD, kr->r.first, each));
    kr->r.end = ir_ibin(b, OP_IMIN, kr->r.length, end);
    if (!kr->r.save)
        kr->r.end = ir_ibin(b, OP_IMUL, kr->r.end, ir_ibin(b, OP_ILT, end, kr->r.length));
}

/* The nest, with the block's rows. */
static void open_nest(KeyRoles *kr, const char *name) {
    Saver *const   s = &kr->k->saver;
    const int      each = kr->halves * kr->shares;
    const bool     all = kr->r.save || kr->shares > 1; /* segments: the last one has shares that others need */
    const GridAxis axes[] = {{"part", SYM_COUNT, kr->sum->parts * each}, {"segment", all ? SYM_S : SYM_K, 0}};
    kr->nest = saved_nest(s, name, axes, 2);
    Builder     *b = &kr->nest.body;
    Value *const part = kr->nest.axes[0];
    kr->nest.part = ir_ibin(b, OP_IDIV, part, ir_i(b, each));
    kr->half = ir_ibin(b, OP_IMOD, part, ir_i(b, kr->halves));
    kr->share = ir_ibin(b, OP_IMOD, ir_ibin(b, OP_IDIV, part, ir_i(b, kr->halves)), ir_i(b, kr->shares));
    kr->r.length = saved_slice(s, &kr->nest, s->rows->in[1]);
    find_share(kr);
}

/* Of a thread of those who sum up: wide rows alone need more for their features. 0: as main's states have. */
static int choose_registers(const KeyRoles *kr) {
    const Type state = kr->tiles[RING_STATES];
    if (kr->r.groups == 1)
        return ALONE_REGISTERS;
    return state.cols > WIDE_SUM && state.rows > WIDE_SUM ? WIDE_REGISTERS : 0;
}

void gradients_role_kernel(KeySaver *k, int number, const char *name, const char *work, bool save) {
    Saver *const s = &k->saver;
    KeyRoles     kr = {.k = k, .sum = &k->sums[number], .number = number, .r = {.save = save}};
    int64_t      heads = 1;
    ir_const_value(s->group->in[1], &heads);
    kr.heads = (int)heads;
    kr.rows = find_rows(kr.sum);
    kr.halves = choose_halves(k, kr.sum, kr.rows);
    kr.shares = gradients_column_parts(kr.sum) / kr.halves;
    find_tiles(k, kr.sum, kr.rows, kr.halves, kr.tiles);
    open_nest(&kr, name);
    kr.r.outer = kr.nest.body;
    kr.r.groups = kr.tiles[RING_FEATURES].cols <= 128 && kr.tiles[RING_KEYS].cols <= 128 ? 2 : 1;
    kr.r.sum_registers = choose_registers(&kr);
    saved_add_rings(s, &kr.r, kr.tiles);
    send_all(&kr);
    for (int group = 0; group < kr.r.groups; group++)
        compute_features(&kr, group);
    Builder      b = saved_open_role(s, &kr.r, "compute", true);
    Value *const sum = sum_turns(&kr, &b, segment_start(&kr, &b, work));
    if (!save || k->carries) {
        const Access to = part_of_state(&kr, &b, work, kr.nest.axes[1], kr.nest.seq, kr.share);
        store_part(&kr, &b, &to, sum);
    }
    if (save)
        store_states(&kr);
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, kr.nest.kernel);
}

/* ---- Carries ---- */

Value *gradients_share_number(const KeySaver *k, Builder *b, Value *row) {
    Value *const size = ir_sym(b, SYM_L), *const segment = ir_ibin(b, OP_IDIV, row, size);
    if (k->shares == 1)
        return segment;
    Value *const share = ir_ibin(b, OP_IDIV, ir_ibin(b, OP_IMOD, row, size), rows_of_share(&k->saver, b, k->shares));
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, segment, ir_i(b, k->shares)), share);
}

Access gradients_share_access(const KeySaver *k, const KeySum *sum, Builder *b, const char *param, Value *number, Value *seq,
                              Value *head, int64_t row) {
    Value *const shares = ir_i(b, k->shares), *const share = ir_ibin(b, OP_IMOD, number, shares);
    Value *const of = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, head, shares), share);
    return (Access){.param = param,
                    .at = {ir_ibin(b, OP_IDIV, number, shares), seq,
                           index_offset(b, ir_ibin(b, OP_IMUL, of, ir_i(b, gradients_state_rows(sum))), row)},
                    .rowdim = 2,
                    .groupdim = -1};
}

/* A block has these rows and columns of one share. */
enum { CARRY_ROWS = 16, CARRY_COLS = 32 };

typedef struct Carry {
    KeySaver     *k;
    const KeySum *sum;
    Nest          nest;
    int           cols; /* into how many parts they are cut */
    Value        *piece;
} Carry;

/* The block's rows and columns of share `number` in `param`. */
static Access carry_access(const Carry *c, Builder *b, const char *param, Value *number) {
    Access at = gradients_share_access(c->k, c->sum, b, param, number, c->nest.seq, c->nest.head, 0);
    Value *const rows = ir_ibin(b, OP_IDIV, c->piece, ir_i(b, c->cols));
    at.at[2] = ir_ibin(b, OP_IADD, at.at[2], ir_ibin(b, OP_IMUL, rows, ir_i(b, CARRY_ROWS)));
    at.period = CARRY_ROWS;
    return at;
}

static void take_columns(const Carry *c, Op *access) {
    Builder b = ir_before(c->k->saver.ctx, c->nest.kernel, access);
    gradients_take_columns(c->k, access, 0, c->cols, ir_ibin(&b, OP_IMOD, c->piece, ir_i(&b, c->cols)), c->nest.kernel);
}

/* for part in shares before the block's: a loop whose code is short, and whose loads are on their way together. */
void gradients_carry_kernel(KeySaver *k, int number) {
    Saver *const s = &k->saver;
    Carry        c = {.k = k, .sum = &k->sums[number]};
    const int    all = gradients_state_cols(c.sum);
    c.cols = all % CARRY_COLS ? 1 : all / CARRY_COLS;
    const int      pieces = gradients_state_rows(c.sum) / CARRY_ROWS * c.cols;
    const GridAxis axes[] = {{"part", SYM_COUNT, pieces * k->shares}, {"segment", SYM_S, 0}};
    c.nest = saved_nest(s, "key_carries", axes, 2);
    Builder     *b = &c.nest.body;
    Value *const share = ir_ibin(b, OP_IDIV, c.nest.axes[0], ir_i(b, pieces));
    Value *const own = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, c.nest.axes[1], ir_i(b, k->shares)), share);
    Value       *sum = ir_f(b, 0, CARRY_ROWS, all / c.cols);
    c.piece = ir_ibin(b, OP_IMOD, c.nest.axes[0], ir_i(b, pieces));
    Op *const    loop = ir_for(b, "part", false, ir_i(b, 0), own, ir_i(b, 1), &sum, 1);
    Builder      in = ir_at_end(s->ctx, c.nest.kernel, loop->region);
    const Access from = carry_access(&c, &in, k->work, loop->region->args[0]);
    Value *const part = ir_load(&in, &from, CARRY_ROWS, all / c.cols);
    take_columns(&c, part->def);
    sum = ir_binary(&in, OP_ADD, loop->region->args[1], part);
    ir_yield(&in, &sum, 1);
    const Access to = carry_access(&c, b, k->carried, own);
    take_columns(&c, ir_store(b, &to, loop->out[0]));
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, c.nest.kernel);
}
