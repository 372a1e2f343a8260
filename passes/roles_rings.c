/* Pass roles, kind extend: what kernel `rings` does, which writes the new keys and values into the rings, becomes a part of
 * main. What main reads of the rings lies in working memory by then (pass gather), so that they may change while it runs.
 * The first heads of a group move the keys, the next ones the values. Tiles that main's sender reads as the caller has them
 * hold the rows of each row tile once: a role takes those from its ring beside the one that computes, and the copy engine
 * stores them. Where keys are turned first, or cut, two warps move half of a row tile each from memory to memory: measured,
 * 0.009 ms of main, instead of a kernel of 0.021. Blocks that share a multiprocessor have too few registers for any of that:
 * there the kernel stays. */
#include "passes/loops.h"

#include <string.h>

enum { MOVERS = 2 };

typedef struct Rings {
    Ctx            *ctx;
    Kernel         *rings, *main;
    const PassArgs *args;
    Value          *moves[2]; /* indices: whether the block's heads move the keys, the values */
    Builder         in;       /* in the role */
} Rings;

/* Heads are numbered as they come in their group, a row tile has `step` of them. */
static void choose_heads(Rings *r) {
    const Op *const group = loop_find(r->main->body, "group");
    Value *const    head = group->region->args[0];
    int64_t         step = 1, end = 1;
    ir_const_value(group->in[2], &step);
    ir_const_value(group->in[1], &end);
    r->moves[0] = ir_ibin(&r->in, OP_ILT, head, ir_i(&r->in, 1));
    r->moves[1] = r->moves[0];
    if (step < end)
        r->moves[1] = ir_ibin(&r->in, OP_IMUL, ir_ibin(&r->in, OP_ILT, ir_i(&r->in, 0), head),
                              ir_ibin(&r->in, OP_ILT, head, ir_i(&r->in, step + 1)));
}

static Value *counter(Kernel *kernel, const char *axis) { return loop_find(kernel->body, axis)->region->args[0]; }

/* The kernel's numbers of sequence, head and row tile in main's terms: main counts rows, with a fold from before the first new token. */
static ValueMap place_of(const Rings *r, Builder *b) {
    ValueMap     map = {.ctx = r->ctx};
    const int    chunk = r->args->schedule->chunk, ahead = spec_fold(r->args->spec) > 1 ? chunk - 1 : 0;
    Value *const tile = ir_ibin(b, OP_IDIV, index_offset(b, counter(r->main, "row"), ahead), ir_i(b, chunk));
    map_set(&map, counter(r->rings, "seq"), counter(r->main, "seq"));
    map_set(&map, counter(r->rings, "kv_head"), counter(r->main, "kv_head"));
    map_set(&map, counter(r->rings, "row"), tile);
    return map;
}

/* Of the tile that `store` copies the rows from `first` on, as many as one mover takes. */
static void move_part(Rings *r, Builder *b, const Op *store, int first) {
    const int chunk = r->args->schedule->chunk;
    ValueMap  map = place_of(r, b);
    Value    *at[5];
    for (int i = 0; i < 5; i++)
        at[i] = clone_slice(b, store->in[i], r->rings->body, &map);
    Op *const load = clone_slice(b, store->in[5], r->rings->body, &map)->def;
    Builder   before = ir_before(r->ctx, r->main, load);
    const int from = (int)op_int(load, AT_ROWDIM, 0), to = (int)op_int(store, AT_ROWDIM, 0);
    load->in[from] = index_offset(&before, load->in[from], first);
    at[to] = index_offset(&before, at[to], first);
    Op *const moved = ir_clone(b, store, &map);
    memcpy(moved->in, at, sizeof at);
    retile(r->ctx, load, moved->next, chunk, chunk / MOVERS);
}

static Builder open_rings(Rings *r, Op *before) {
    Builder   b = ir_before(r->ctx, r->main, before);
    Op *const role = ir_op(&b, OP_ROLE, NULL, 0, NULL, 0);
    op_set_text(r->ctx, role, AT_ROLE, "rings");
    op_set_int(r->ctx, role, AT_WARPS, 1);
    op_set_int(r->ctx, role, AT_REGISTERS, r->args->schedule->copy_registers);
    return ir_at_end(r->ctx, r->main, role->region);
}

static void add_mover(Rings *r, Op *before, int number) {
    int tile = 0;
    r->in = open_rings(r, before);
    choose_heads(r);
    for (const Op *op = loop_find(r->rings->body, "row")->region->first; op; op = op->next) {
        if (op->code != OP_STORE)
            continue;
        Op *const only = ir_if(&r->in, r->moves[tile++], NULL, 0);
        Builder   inner = ir_at_end(r->ctx, r->main, only->region);
        move_part(r, &inner, op, number * r->args->schedule->chunk / MOVERS);
        ir_yield(&inner, NULL, 0);
    }
    ir_yield(&r->in, NULL, 0);
}

/* ---- By the copy engine ---- */

enum { KEYS, VALUES };

/* Which of the rings' stores a send has the rows for; -1: none. */
static int rows_of(const Op *send) {
    const char *const param = op_text(send, AT_PARAM);
    return strcmp(param, "all_k") == 0 ? KEYS : strcmp(param, "all_v") == 0 ? VALUES : -1;
}

/* What a role sends to the ring that keys and values go through, as index values of another role. */
typedef struct Sent {
    Rings    *rings;
    Builder  *b;
    ValueMap  map;       /* the role's own index values */
    const Op *first[2]; /* the first tile of keys, which nothing comes before, and of values */
    Value    *before;   /* tiles before the latter */
    Value    *found;    /* 1: it has come */
    Value    *all;      /* tiles */
    bool      fits;     /* tiles of keys and values have all columns, the first ones at least the rows of a row tile */
} Sent;

/* Of a loop's turns, or of what a branch does. */
typedef struct Turns {
    Value *count, *some; /* some: 1 unless there are none */
    bool   holds_values;
} Turns;

static bool is_whole(const Sent *sent, const Op *send) {
    const CodeParam *const param = ir_find_param(sent->rings->main, op_text(send, AT_PARAM));
    const bool tall = op_int(send, AT_ROWS, 0) >= sent->rings->args->schedule->chunk || send != sent->first[rows_of(send)];
    return tall && op_has(send, AT_BEYOND) && op_int(send, AT_COLS, 0) == param->dims[3] &&
           send->in[0] == sent->first[KEYS]->in[0];
}

static void count_send(Sent *sent, const Op *send, const Turns *turns) {
    Builder *const b = sent->b;
    const int      own = rows_of(send);
    if (own >= 0 && !sent->first[own])
        sent->first[own] = send;
    sent->fits &= sent->first[KEYS] && (own < 0 || is_whole(sent, send));
    if (!sent->fits || send->in[0] != sent->first[KEYS]->in[0])
        return;
    if (own == VALUES) {
        sent->found = ir_ibin(b, OP_IMAX, sent->found, turns->some);
    } else {
        Value *const missing = ir_ibin(b, OP_ISUB, ir_i(b, 1), sent->found);
        Value *const here = ir_ibin(b, OP_IMUL, missing, turns->holds_values ? turns->some : turns->count);
        sent->before = ir_ibin(b, OP_IADD, sent->before, here);
    }
    sent->all = ir_ibin(b, OP_IADD, sent->all, turns->count);
}

static bool note_held(Op *op, void *arg) {
    Turns *turns = arg;
    turns->holds_values |= op->code == OP_SEND && rows_of(op) == VALUES;
    return true;
}

static Turns turns_of(Sent *sent, const Op *op) {
    Builder *const b = sent->b;
    Turns          turns = {.count = map_get(&sent->map, op->in[0])};
    if (op->code == OP_FOR) {
        Value *const all = ir_ibin(b, OP_ISUB, map_get(&sent->map, op->in[1]), turns.count);
        turns.count = ir_ibin(b, OP_IMAX, ir_i(b, 0), all);
        sent->fits &= ir_is_const(op->in[2], 1);
    }
    turns.some = ir_ibin(b, OP_IMIN, turns.count, ir_i(b, 1));
    ir_walk(op->region, note_held, &turns);
    return turns;
}

static void count_sends(Sent *sent, const Op *owner, const Turns *turns) {
    for (const Op *op = owner->region->first; op && sent->fits; op = op->next) {
        if (op_info(op->code)->rule == TR_INDEX && owner->code == OP_ROLE) {
            ir_clone(sent->b, op, &sent->map);
        } else if (op->code == OP_SEND) {
            count_send(sent, op, turns);
        } else if (op->code == OP_FOR || op->code == OP_IF) {
            const Turns inner = turns_of(sent, op);
            sent->fits &= owner->code == OP_ROLE;
            count_sends(sent, op, &inner);
        }
    }
}

/* The row tile's keys are those that come first, known as such; the first values are theirs. */
static bool begins_with_own(const Sent *sent, const Op *sender, const Value *row) {
    const Op *const keys = sent->first[KEYS];
    if (!sent->fits || !keys || !sent->first[VALUES] || keys->parent != sender->region)
        return false;
    for (const Op *op = keys->prev; op; op = op->prev)
        if (op_info(op->code)->rule != TR_INDEX)
            return false;
    const int64_t past = op_int(keys, AT_ROWS, 0) - op_int(keys, AT_BORDER, 0) - sent->rings->args->schedule->chunk;
    const Affine  at = affine_of(map_get(&sent->map, keys->in[1 + (int)op_int(keys, AT_ROWDIM, 0)]));
    const Affine  first = affine_of((Value *)row), apart = affine_difference(&at, &first);
    return apart.ok && affine_is_constant(&apart) && apart.constant + past == 0;
}

static const Op *ring_store(const Rings *r, int rows) {
    const Op *op = loop_find(r->rings->body, "row")->region->first;
    for (; op->code != OP_STORE || rows > 0; op = op->next)
        rows -= op->code == OP_STORE;
    return op;
}

/* Of a tile that ends with the row tile, which begins at token `row`: the row tile's rows to where `rings` stores them, the
 * newest ones, as many as the ring has. */
static void store_own(Rings *r, Builder *b, int rows, Value *row, Value *tile) {
    const Op *const store = ring_store(r, rows), *const load = store->in[5]->def;
    const int       from = (int)op_int(load, AT_ROWDIM, 0), to = (int)op_int(store, AT_ROWDIM, 0);
    const int64_t   wrap = op_int(store, AT_WRAP, 0);
    ValueMap        map = place_of(r, b);
    Value          *in[6];
    for (int i = 0; i < 5; i++)
        in[i] = clone_slice(b, store->in[i], r->rings->body, &map);
    Value *const ahead = ir_ibin(b, OP_ISUB, in[to], clone_slice(b, load->in[from], r->rings->body, &map));
    Value *const own = ir_ibin(b, OP_IADD, ahead, row);
    in[to] = index_offset(b, own, r->args->schedule->chunk - tile->type.rows);
    in[3] = ir_ibin(b, OP_IMAX, ir_ibin(b, OP_IMAX, in[3], own), index_offset(b, in[4], -wrap));
    in[5] = tile;
    Op *const made = ir_op(b, OP_STORE, in, 6, NULL, 0);
    op_set_text(r->ctx, made, AT_PARAM, op_text(store, AT_PARAM));
    op_set_int(r->ctx, made, AT_ROWDIM, to);
    op_set_int(r->ctx, made, AT_GROUPDIM, -1);
    op_set_int(r->ctx, made, AT_PERIOD, tile->type.rows);
    op_set_int(r->ctx, made, AT_WRAP, wrap);
}

/* The next tile of the sender's ring, if the block's heads move it; else it is passed over. */
static void take_or_pass(const Sent *sent, Builder *b, int rows, Value *row) {
    Rings *const    r = sent->rings;
    const Op *const send = sent->first[rows];
    Value *const    ring = send->in[0], *const mine = r->moves[rows];
    const Type      type = type_tile(ring->type.dtype, (int)op_int(send, AT_ROWS, 0), (int)op_int(send, AT_COLS, 0));
    Builder         yes = ir_at_end(r->ctx, r->main, ir_if(b, mine, NULL, 0)->region);
    Value *const    tile = ir_op(&yes, OP_TAKE, (Value *[]){ring}, 1, &type, 1)->out[0];
    store_own(r, &yes, rows, row, tile);
    ir_op(&yes, OP_RELEASE, (Value *[]){ring, tile}, 2, NULL, 0);
    ir_yield(&yes, NULL, 0);
    Builder no = ir_at_end(r->ctx, r->main, ir_if(b, ir_ibin(b, OP_ILT, mine, ir_i(b, 1)), NULL, 0)->region);
    ir_op(&no, OP_SKIP, (Value *[]){ring}, 1, NULL, 0);
    ir_yield(&no, NULL, 0);
}

static void pass_over(const Sent *sent, Builder *b, Value *first, Value *end) {
    Op *const loop = ir_for(b, "tile", false, first, end, ir_i(b, 1), NULL, 0);
    Builder   in = ir_at_end(b->ctx, b->kernel, loop->region);
    ir_op(&in, OP_SKIP, (Value *[]){sent->first[KEYS]->in[0]}, 1, NULL, 0);
    ir_yield(&in, NULL, 0);
}

static bool sends_queries(Op *op, void *arg) {
    const Op **found = arg;
    *found = op->code == OP_SEND && strcmp(op_text(op, AT_PARAM), "q") == 0 ? op : *found;
    return !*found;
}

static bool sends_keys(Op *op, void *arg) {
    (void)arg;
    return op->code != OP_SEND || rows_of(op) != KEYS;
}

static bool store_from_ring(Rings *r, Op *before) {
    const Op *queries = NULL, *sender = before->parent->first;
    while (sender && (sender->code != OP_ROLE || ir_walk(sender->region, sends_keys, NULL)))
        sender = sender->next;
    ir_walk(r->main->body, sends_queries, (void *)&queries);
    if (!sender || !queries)
        return false;
    Builder *const b = &r->in;
    *b = open_rings(r, before);
    choose_heads(r);
    Value *const none = ir_i(b, 0), *const one = ir_i(b, 1);
    const Turns  once = {.count = one, .some = one};
    Sent         sent = {.rings = r, .b = b, .map = {.ctx = r->ctx}, .before = none, .found = none, .all = none, .fits = true};
    Value *const row = clone_slice(b, queries->in[1 + (int)op_int(queries, AT_ROWDIM, 0)], queries->parent, &sent.map);
    count_sends(&sent, sender, &once);
    if (!begins_with_own(&sent, sender, row)) {
        op_erase(b->block->owner);
        return false;
    }
    take_or_pass(&sent, b, KEYS, row);
    pass_over(&sent, b, one, sent.before);
    take_or_pass(&sent, b, VALUES, row);
    pass_over(&sent, b, index_offset(b, sent.before, 1), sent.all);
    ir_yield(b, NULL, 0);
    return true;
}

void roles_add_rings(Ctx *ctx, Module *module, Kernel *main, const PassArgs *args) {
    Rings r = {.ctx = ctx, .main = main, .args = args};
    if (args->schedule->blocks == 1)
        r.rings = take_kernel(module, "rings");
    if (!r.rings)
        return;
    Op *const end = ir_terminator(loop_grid_body(main->body));
    if (store_from_ring(&r, end))
        return;
    for (int number = 0; number < MOVERS; number++)
        add_mover(&r, end, number);
}
