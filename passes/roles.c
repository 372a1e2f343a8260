/* roles: warps that send tiles, and warps that compute with them.
 * In: tile IR whose kernel main loads the right sides of its products, and its queries, from parameters in the
 * products' dtype. Out: main's body is three roles: one sends the queries, one sends all right sides in the order in
 * which they are used, through one ring that takes all memory that is left, and one computes. Left sides are converted
 * to the products' dtype. Other kernels stay as they are, but for `rings` (roles_rings.c) and those of gradients
 * (roles_gradients.c), and so does every kernel whose schedule has no roles. */
#include "passes/roles.h"

#include <string.h>

#include "base/numbers.h"

enum { MAX_TILES = 192, SPARE_BYTES = 2048 /* alignment of the rings, barriers */ };
enum { MOST_SLOTS = 16, FEW_SLOTS = 4, MAX_PLAIN = 2, MAX_READ = 4 };
enum { BARRIERS_BYTES = 16 * (2 * MOST_SLOTS + 1) /* of three rings */ };

/* What a role hands over that has the kernel's control flow. */
typedef enum Handed { HANDS_TILES, HANDS_QUERIES, HANDS_SAVED } Handed;

typedef struct Roles {
    Ctx            *ctx;
    Kernel         *kernel;
    const PassArgs *args;
    DType           dtype;
    Block          *body;
    Op             *tiles[MAX_TILES]; /* loads of right sides, in the order of use */
    int             tile_count;
    Op             *queries; /* load of the rows' tile, or NULL */
    Op             *plain[MAX_PLAIN]; /* where they are turned: those as they are, in branches behind the scores */
    int             plain_count;
    Op             *read[MAX_READ]; /* tiles that are computed with once, in branches behind the scores: sent as right sides are */
    int             read_count;
    const RolesOf  *gradients; /* of a kernel that has left sides instead of queries, or NULL */
    Value          *left_rings[ROLES_MOST_LEFT];
    Value          *own, *large, *small; /* rings: of the queries, or NULL; of right sides: of small ones, or NULL */
    Type            save;  /* of what kind forward saves, and the copy engine stores; without rows: nothing */
    Value          *saves; /* its ring, or NULL */
    int64_t         small_bytes;
    Handed          hands;
    bool            overflow;
} Roles;

/* ---- What is sent ---- */

bool loads_right_side(Ctx *ctx, Kernel *kernel, const Op *load) {
    int  count;
    Op **users = ir_users(ctx, kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_DOT || users[u]->in[1] != load->out[0] || users[u]->in[0] == load->out[0])
            return false;
    return count > 0;
}

static bool is_right_side(const Roles *r, const Op *load) { return loads_right_side(r->ctx, r->kernel, load); }

static bool has_user(const Roles *r, const Value *value, OpCode code, bool copied) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, value, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == code && (!copied || has_user(r, users[u]->out[0], OP_COPY, false)))
            return true;
    return false;
}

/* Does pass columns leave the queries in shared memory? It copies slices of them then. */
static bool is_cut(const Roles *r, const Op *load) { return has_user(r, load->out[0], OP_COLS, true); }

static bool are_kept(const Roles *r) { return r->plain_count || is_cut(r, r->queries); }

/* Right next to the first product that uses it, so that tiles are sent in the order of use. */
static void move_to_use(const Roles *r, Op *load) {
    int       count;
    Op      **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    Op *const first = ir_ancestor_in(users[0], load->parent);
    op_unlink(load);
    Builder b = ir_before(r->ctx, r->kernel, first);
    op_insert(&b, load);
}

/* Main of kind backward: rows that one of its branches computes with. */
static bool is_read_tile(const Roles *r, const Op *load) {
    for (int n = 0; n < r->read_count; n++)
        if (r->read[n] == load)
            return true;
    return false;
}

static bool can_be_read(const Roles *r, const Op *load) {
    return r->args->kind == KIND_BACKWARD && r->queries && r->read_count < MAX_READ && load->parent != r->body &&
           load->parent->owner->code == OP_IF && op_int(load, AT_ROWDIM, -1) >= 1 && !op_has(load, AT_LO) && !op_has(load, AT_VIA) &&
           load->in_count == 5 && load->out[0]->type.rows == r->queries->out[0]->type.rows &&
           !is_stored(r->body, op_text(load, AT_PARAM));
}

static bool note_load(Op *op, void *arg) {
    Roles *r = arg;
    if (op->code != OP_LOAD || ir_find_param(r->kernel, op_text(op, AT_PARAM))->dtype != r->dtype)
        return true;
    if (is_right_side(r, op))
        move_to_use(r, op);
    else if (r->gradients)
        return true;
    else if (ir_use_count(r->kernel, op->out[0]) && op->parent == r->body && op->out[0]->type.rows > 1 &&
             op_int(op, AT_ROWDIM, -1) >= 0 && !r->queries)
        r->queries = op;
    else if (r->queries && r->plain_count < MAX_PLAIN && is_cut(r, op))
        r->plain[r->plain_count++] = op;
    else if (can_be_read(r, op))
        r->read[r->read_count++] = op;
    return true;
}

static bool list_tile(Op *op, void *arg) {
    Roles *r = arg;
    if (op->code != OP_LOAD || ir_find_param(r->kernel, op_text(op, AT_PARAM))->dtype != r->dtype ||
        !(is_right_side(r, op) || is_read_tile(r, op)))
        return true;
    if (r->tile_count == MAX_TILES)
        r->overflow = true;
    else
        r->tiles[r->tile_count++] = op;
    return true;
}

/* What kind forward saves for kind backward, of a branch that has it: the copy engine stores it while warps compute. Of packed
 * sequences it would need more registers than a thread that copies has. */
static bool is_saved(const Roles *r, const Op *op) {
    const char *const      name = op->code == OP_STORE ? op_text(op, AT_PARAM) : "";
    const CodeParam *const param = strcmp(name, "swa") == 0 || strcmp(name, "rla") == 0 ? ir_find_param(r->kernel, name) : NULL;
    const Type             type = param ? op->in[5]->type : (Type){0};
    return param && r->args->kind == KIND_FORWARD && param->role == PARAM_OUT && param->dtype == r->dtype && dtype_size(r->dtype) == 2 &&
           !loop_is_packed(r->kernel) && op->in[5]->def && op->in[5]->def->code != OP_FCONST && param->dims[3] == type.cols &&
           type.cols * (int)dtype_size(r->dtype) % IR_PANEL == 0 && !op_has(op, AT_COLDIM) && !op_has(op, AT_LO);
}

static bool note_saved(Op *op, void *arg) {
    Roles *r = arg;
    if (is_saved(r, op))
        r->save = type_tile(r->dtype, op->in[5]->type.rows, op->in[5]->type.cols);
    return true;
}

/* The number of a left side, or -1. */
static int left_number(const Roles *r, const Op *op) {
    for (int l = 0; r->gradients && l < r->gradients->left_count; l++)
        if (op == r->gradients->left[l])
            return l;
    return -1;
}

static bool is_query(const Roles *r, const Op *op) {
    for (int p = 0; p < r->plain_count; p++)
        if (op == r->plain[p])
            return true;
    return r->gradients ? left_number(r, op) >= 0 : op == r->queries;
}

static bool is_sent(const Roles *r, const Op *op) {
    for (int t = 0; t < r->tile_count; t++)
        if (r->tiles[t] == op)
            return true;
    return false;
}

/* By the role that is made. */
static bool is_handed(const Roles *r, const Op *op) {
    if (r->hands == HANDS_SAVED)
        return is_saved(r, op);
    if (r->hands == HANDS_QUERIES)
        return is_query(r, op);
    return is_sent(r, op);
}

static bool hands_none(Op *op, void *arg) { return !is_handed(arg, op); }

/* ---- Rings ---- */

static bool is_small(const Roles *r, Type tile) {
    return ir_slot_bytes(tile) <= r->small_bytes && tile.cols * (int)dtype_size(tile.dtype) <= IR_PANEL;
}

static Type tile_of(const Roles *r, const Op *load) {
    return type_tile(r->dtype, load->out[0]->type.rows, load->out[0]->type.cols);
}

/* What all small tiles fit into, or all others; without rows where there are none. */
static Type slot_of(const Roles *r, bool small) {
    int rows = 0, cols = 0;
    for (int t = 0; t < r->tile_count; t++) {
        const Type type = tile_of(r, r->tiles[t]);
        if (is_small(r, type) != small)
            continue;
        rows = type.rows > rows ? type.rows : rows;
        cols = type.cols > cols ? type.cols : cols;
    }
    return type_tile(r->dtype, rows, cols);
}

static Value *new_ring(Roles *r, int64_t slots, Type tile, int64_t *at) {
    Builder b = ir_before(r->ctx, r->kernel, r->body->first);
    return loop_ring(&b, (int)(slots < MOST_SLOTS ? slots : MOST_SLOTS), tile, at);
}

/* Beside wide queries there are few slots for large tiles. Those of one panel that would leave most of a slot empty have a
 * ring of their own, so that they neither wait for large ones nor keep them. */
static int64_t small_bytes(const Roles *r) {
    int64_t most = 0;
    for (int t = 0; t < r->tile_count && r->queries && are_kept(r); t++) {
        const int64_t bytes = ir_slot_bytes(tile_of(r, r->tiles[t]));
        most = bytes > most ? bytes : most;
    }
    return most / 4;
}

/* Beside the rings, with what a rope of the queries looks up. */
static int64_t spare_bytes(const Roles *r) {
    const Value *const queries = r->queries ? r->queries->out[0] : NULL;
    const bool         ropes = queries && has_user(r, queries, OP_ROPE, false);
    const int64_t      bytes = IR_SLOT_ALIGN + BARRIERS_BYTES + (ropes ? IR_PAIR_BYTES * (queries->type.cols / 2) : 0);
    return bytes > SPARE_BYTES ? bytes : SPARE_BYTES;
}

static Value *ring_of(const Roles *r, Type tile) {
    return r->small && is_small(r, tile) ? r->small : r->large;
}

/* The last op in `block`, or inside of one there, that reads the tile or columns of it; NULL: none. */
static Op *last_reader(const Roles *r, const Value *tile, const Block *block) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, tile, &count), *last = NULL;
    for (int u = 0; u < count; u++) {
        Op *const view = users[u]->code == OP_COLS ? last_reader(r, users[u]->out[0], block) : NULL;
        Op *const here = view ? view : ir_ancestor_in(users[u], block);
        last = here && (!last || ir_precedes(last, here)) ? here : last;
    }
    return last;
}

static int left_place(const Roles *r, int number);

/* Does nobody read what came to place `place` before, when the left side of that number is loaded? */
static bool is_place_free(const Roles *r, int place, int number) {
    Op *const *left = r->gradients->left;
    for (int l = 0; l < number; l++)
        if (left_place(r, l) == place && !(ir_precedes(left[l], left[number]) &&
                                           ir_precedes(last_reader(r, left[l]->out[0], left[l]->parent), left[number])))
            return false;
    return true;
}

/* The left side in whose place the one of that number comes once nobody reads what is there any more, or its own number. */
static int left_place(const Roles *r, int number) {
    Op *const *left = r->gradients->left;
    for (int l = 0; l < number && r->gradients->shares; l++)
        if (type_equal(tile_of(r, left[l]), tile_of(r, left[number])) && left_place(r, l) == l && is_place_free(r, l, number))
            return l;
    return number;
}

/* Blocks of a multiprocessor. */
static int blocks_of(const Roles *r) { return r->gradients ? r->gradients->blocks : r->args->schedule->blocks; }

/* What is read stays in its slot while products take others. */
enum { ENOUGH_SLOTS = 5 };

static void send_none_read(Roles *r) {
    int kept = 0;
    for (int t = 0; t < r->tile_count; t++)
        if (!is_read_tile(r, r->tiles[t]))
            r->tiles[kept++] = r->tiles[t];
    r->tile_count = kept;
    r->read_count = 0;
}

typedef struct Held { /* a tile that is sent */
    const Roles *roles;
    const Op    *load, *end; /* behind its last reader */
} Held;

/* Through the same ring. */
static bool comes_behind(const Op *op, const void *arg) {
    const Held *held = arg;
    return is_sent(held->roles, op) &&
           is_small(held->roles, tile_of(held->roles, op)) == is_small(held->roles, tile_of(held->roles, held->load));
}

static bool is_past(const Op *op, const void *arg) { return op == ((const Held *)arg)->end; }

/* Slots that the ring of small tiles, or of the others, needs at least: a tile keeps its slot while those behind it come, up to its
 * last reader; more than the others hold would wait for it for ever. */
static int64_t slots_needed(const Roles *r, bool small) {
    int64_t most = 0;
    for (int t = 0; t < r->tile_count; t++) {
        const Op *const load = r->tiles[t];
        const Held      held = {r, load, last_reader(r, load->out[0], load->parent)->next};
        const RingWalk  walk = {comes_behind, is_past, &held};
        if (is_small(r, tile_of(r, load)) == small)
            most = max_int64(most, 1 + ring_comes(load->next, &walk));
    }
    return most;
}

enum { LEAST_SLOTS = 3 };

/* What shared memory is used for: `before` bytes of rings of one slot, then `slots` of `each` bytes, which leave what small
 * tiles have reserved. `needed`: the least slots. */
typedef struct Room {
    Type    large, little;
    int64_t limit, before, each, reserved, slots, needed;
} Room;

static Room room_of(Roles *r) {
    r->small_bytes = small_bytes(r);
    Room room = {.large = slot_of(r, false), .little = slot_of(r, true)};
    room.limit = r->args->target->shared_bytes / blocks_of(r) - spare_bytes(r);
    room.each = ir_slot_bytes(room.large);
    room.reserved = room.little.rows ? max_int64(FEW_SLOTS, slots_needed(r, true)) * ir_slot_bytes(room.little) : 0;
    room.needed = max_int64(LEAST_SLOTS, slots_needed(r, false));
    if (r->queries)
        room.before = ir_slot_bytes(tile_of(r, r->queries));
    for (int l = 0; r->gradients && l < r->gradients->left_count; l++)
        room.before += left_place(r, l) == l ? ir_slot_bytes(tile_of(r, r->gradients->left[l])) : 0;
    room.before += r->save.rows ? ir_slot_bytes(r->save) : 0;
    room.slots = (room.limit - room.before - room.reserved) / room.each;
    return room;
}

/* The rings of queries and left sides have one slot; the others the rest of the memory. */
static Status make_rings(Roles *r) {
    Room    room = room_of(r);
    int64_t at = 0;
    if (r->save.rows && room.slots < max_int64(ENOUGH_SLOTS, room.needed)) { /* warps store it themselves */
        r->save.rows = 0;
        room = room_of(r);
    }
    if (room.slots < max_int64(ENOUGH_SLOTS, room.needed) || r->args->schedule->states_every > 1) { /* these take so many more */
        send_none_read(r);
        room = room_of(r);
    }
    if (room.slots < room.needed)
        return ctx_fail(r->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or roles=0",
                        "kernel %s needs %lld bytes of shared memory a block, each of %d on %s has %lld", r->kernel->name,
                        (long long)(room.before + room.reserved + room.needed * room.each), blocks_of(r),
                        r->args->target->name, (long long)room.limit);
    if (r->queries)
        r->own = new_ring(r, 1, tile_of(r, r->queries), &at);
    for (int l = 0; r->gradients && l < r->gradients->left_count; l++)
        r->left_rings[l] = left_place(r, l) == l ? new_ring(r, 1, tile_of(r, r->gradients->left[l]), &at)
                                                 : r->left_rings[left_place(r, l)];
    r->saves = r->save.rows ? new_ring(r, 1, r->save, &at) : NULL;
    r->large = new_ring(r, room.slots, room.large, &at);
    if (room.reserved)
        r->small = new_ring(r, (room.limit - at) / ir_slot_bytes(room.little), room.little, &at);
    r->kernel->scratch_bytes = at;
    pass_note(r->ctx, r->args, r->kernel, "a ring of %lld slots of %lld bytes takes what is left of %lld bytes of shared memory",
              (long long)room.slots, (long long)room.each, (long long)(room.limit + spare_bytes(r)));
    return ST_OK;
}

/* ---- Senders ---- */

static Op *new_role(Roles *r, Op *before, const char *name, int warps, int registers) {
    Builder   b = ir_before(r->ctx, r->kernel, before);
    Op *const role = ir_op(&b, OP_ROLE, NULL, 0, NULL, 0);
    op_set_text(r->ctx, role, AT_ROLE, name);
    op_set_int(r->ctx, role, AT_WARPS, warps);
    op_set_int(r->ctx, role, AT_REGISTERS, registers);
    return role;
}

/* Rows are signalled a row tile at a time. */
static void expect(const Roles *r, Builder *b, const Op *load, const ValueMap *map) {
    Value *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = map_get(map, load->in[i]);
    Op *const made = ir_op(b, OP_EXPECT, in, 5, NULL, 0);
    op_set_text(r->ctx, made, AT_PARAM, op_text(load, AT_THERE));
    op_set_int(r->ctx, made, AT_ROWS, load->out[0]->type.rows);
    op_set_int(r->ctx, made, AT_ROWDIM, op_int(load, AT_ROWDIM, 1));
    op_set_int(r->ctx, made, AT_PERIOD, r->args->schedule->chunk);
}

/* Have rows of other sequences to be zeros: does a product sum over the rows of what is loaded? Else they are scores' columns, which
 * masks take where they are no keys, or rows of results that are not stored. Gradients of parameters sum over all rows, and those of
 * scores multiply by what no mask has taken. */
static bool is_summed_over(const Roles *r, const Op *load) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_DOT && users[u]->in[1] == load->out[0] && !op_int(users[u], AT_TB, 0))
            return true;
    return r->args->kind == KIND_BACKWARD;
}

static void send(Roles *r, Builder *b, const Op *load, Value *ring, ValueMap *map) {
    Value *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = map_get(map, load->in[i]);
    const bool own = op_int(load, AT_ROWDIM, -1) == 1 && is_summed_over(r, load);
    Op *const  made = own ? loop_send_own(r->ctx, b, load, in, ring) : loop_send(r->ctx, b, load, in, ring);
    Builder    before = ir_before(r->ctx, r->kernel, made);
    if (op_has(load, AT_THERE)) /* next to what waits: only that does */
        expect(r, &before, load, map);
}

static Value *ring_for(const Roles *r, const Op *op) {
    const int left = left_number(r, op);
    return left >= 0 ? r->left_rings[left] : r->hands == HANDS_QUERIES ? r->own : ring_of(r, tile_of(r, op));
}

static void release(Builder b, Value *ring, Value *tile) {
    ir_op(&b, OP_RELEASE, (Value *[]){ring, tile}, 2, NULL, 0);
}

/* From where those who compute have put it. */
static void ship(Roles *r, Builder *b, const Op *store, const ValueMap *map) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    Value               *in[6];
    for (int i = 0; i < 5; i++)
        in[i] = map_get(map, store->in[i]);
    in[5] = ir_op(b, OP_TAKE, &r->saves, 1, &r->save, 1)->out[0];
    Op *const made = ir_op(b, OP_STORE, in, 6, NULL, 0);
    op_set_text(r->ctx, made, AT_PARAM, op_text(store, AT_PARAM));
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++)
        op_set_int(r->ctx, made, KEYS[k], op_int(store, KEYS[k], -1));
    release(*b, r->saves, in[5]);
}

static bool give_saved(Op *op, void *arg) {
    Roles *r = arg;
    if (!is_saved(r, op))
        return true;
    Builder b = ir_before(r->ctx, r->kernel, op);
    ir_op(&b, OP_GIVE, (Value *[]){r->saves, ir_convert(&b, op->in[5], r->dtype)}, 2, NULL, 0);
    op_erase(op);
    return true;
}

/* The control flow of `from` around what it sends; index values as they come. */
static void copy_block(Roles *r, Builder *b, const Block *from, ValueMap *map) {
    for (Op *op = from->first; op; op = op->next) {
        if (op_info(op->code)->rule == TR_INDEX) {
            ir_clone(b, op, map);
        } else if (r->hands == HANDS_SAVED && is_saved(r, op)) {
            ship(r, b, op, map);
        } else if (is_handed(r, op)) {
            send(r, b, op, ring_for(r, op), map);
        } else if ((op->code == OP_FOR || op->code == OP_IF) && !ir_walk(op->region, hands_none, r)) {
            Op *const made = op->code == OP_FOR ? ir_for(b, op_text(op, AT_AXIS), false, map_get(map, op->in[0]),
                                                         map_get(map, op->in[1]), map_get(map, op->in[2]), NULL, 0)
                                                : ir_if(b, map_get(map, op->in[0]), NULL, 0);
            Builder   in = ir_at_end(r->ctx, r->kernel, made->region);
            if (op->code == OP_FOR)
                map_set(map, op->region->args[0], made->region->args[0]);
            copy_block(r, &in, op->region, map);
            ir_yield(&in, NULL, 0);
        }
    }
}

/* ---- The computing role ---- */

/* A tile from the ring in place of what was loaded; columns of it are views, of its dtype. */
static Value *take_tile(Roles *r, Op *load, Value *ring) {
    Builder      b = ir_before(r->ctx, r->kernel, load);
    const Type   type = tile_of(r, load);
    Value *const tile = ir_op(&b, OP_TAKE, &ring, 1, &type, 1)->out[0];
    int          count;
    ir_replace_uses(r->kernel, load->out[0], tile);
    op_erase(load);
    Op **users = ir_users(r->ctx, r->kernel, tile, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_COLS)
            users[u]->out[0]->type.dtype = r->dtype;
    return tile;
}

static Value *take(Roles *r, Op *load, Value *ring) {
    Value *const tile = take_tile(r, load, ring);
    release(ir_after(r->ctx, r->kernel, last_reader(r, tile, tile->def->parent)), ring, tile);
    return tile;
}

/* Narrow queries go to registers at once: as they are for products, as floats for everything else. */
static void copy_queries(Roles *r, Value *ring) {
    Op *const    load = r->queries;
    Builder      b = ir_before(r->ctx, r->kernel, load);
    const Type   type = tile_of(r, load);
    Value *const tile = ir_op(&b, OP_TAKE, &ring, 1, &type, 1)->out[0], *const own = ir_unary(&b, OP_COPY, tile);
    release(b, ring, tile);
    ir_replace_uses(r->kernel, load->out[0], type.dtype == DT_F32 ? own : ir_convert(&b, own, DT_F32));
    op_erase(load);
}

/* Is `op` a branch for where the one before it was not taken? */
static bool is_else(const Op *op) {
    const Op *const condition = op && op->code == OP_IF ? op->in[0]->def : NULL;
    return condition && op->prev && op->prev->code == OP_IF && condition->code == OP_ILT &&
           condition->in[0] == op->prev->in[0] && ir_is_const(condition->in[1], 1);
}

/* Behind the last op that reads it, on each way of the branches there. */
static void release_on_all_ways(Roles *r, Value *ring, Value *tile) {
    Op *const last = last_reader(r, tile, tile->def->parent);
    Op *const ways[] = {is_else(last) ? last->prev : last, is_else(last) ? last : last->next};
    if (!is_else(ways[1])) {
        release(ir_after(r->ctx, r->kernel, last), ring, tile);
        return;
    }
    for (int w = 0; w < 2; w++) {
        Op *const here = last_reader(r, tile, ways[w]->region);
        release(here ? ir_after(r->ctx, r->kernel, here) : ir_before(r->ctx, r->kernel, ways[w]->region->first), ring,
                tile);
    }
}

/* What reads a tile that stays in shared memory takes floats of a copy, but products, which take it as it is. */
static void read_copy(const Roles *r, Op *user, Value *tile) {
    Builder      b = ir_before(r->ctx, r->kernel, user);
    Value *const floats = ir_convert(&b, ir_unary(&b, OP_COPY, tile), DT_F32);
    for (int i = 0; i < user->in_count; i++)
        user->in[i] = user->in[i] == tile ? floats : user->in[i];
}

/* Copies of a slice of the queries, or of all their columns, have its dtype; what they were made for takes floats. */
static void copy_slices(const Roles *r, Value *slice) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, slice, &count);
    for (int u = 0; u < count; u++) {
        if (users[u]->code == OP_DOT || users[u]->code == OP_COLS || users[u]->code == OP_RELEASE)
            continue;
        if (users[u]->code != OP_COPY) {
            read_copy(r, users[u], slice);
            continue;
        }
        Value *const own = users[u]->out[0];
        Builder      b = ir_after(r->ctx, r->kernel, users[u]);
        own->type.dtype = r->dtype;
        Value *const floats = ir_convert(&b, own, DT_F32);
        ir_replace_uses(r->kernel, own, floats);
        floats->def->in[0] = own;
    }
}

static void copy_all_slices(const Roles *r, Value *tile) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, tile, &count);
    copy_slices(r, tile);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_COLS)
            copy_slices(r, users[u]->out[0]);
}

/* Wide ones stay where they are, as left sides of products; slices of them are copied for everything else. */
static void keep_queries(Roles *r, Value *ring) {
    Value *const tile = take_tile(r, r->queries, ring);
    copy_all_slices(r, tile);
    release_on_all_ways(r, ring, tile);
}

/* To more bits and back again is the same tile. */
static bool drop_conversion(Op *op, void *arg) {
    Roles    *r = arg;
    Op *const inner = op->code == OP_CONVERT ? op->in[0]->def : NULL;
    if (inner && inner->code == OP_CONVERT && inner->in[0]->type.dtype == op->out[0]->type.dtype &&
        dtype_size(op->out[0]->type.dtype) < dtype_size(inner->out[0]->type.dtype)) {
        ir_replace_uses(r->kernel, op->out[0], inner->in[0]);
        op_erase(op);
    }
    return true;
}

static void fill_computing(Roles *r, Op *role) {
    Builder in = ir_at_end(r->ctx, r->kernel, role->region);
    for (int t = 0; t < r->tile_count; t++) {
        const bool   read = is_read_tile(r, r->tiles[t]);
        Value *const tile = take(r, r->tiles[t], ring_of(r, tile_of(r, r->tiles[t])));
        if (read)
            copy_all_slices(r, tile);
    }
    for (int p = 0; p < r->plain_count; p++)
        copy_all_slices(r, take(r, r->plain[p], r->own));
    for (int l = 0; r->gradients && l < r->gradients->left_count; l++)
        copy_all_slices(r, take(r, r->gradients->left[l], r->left_rings[l]));
    if (r->queries && are_kept(r))
        keep_queries(r, r->own);
    else if (r->queries)
        copy_queries(r, r->own);
    for (Op *op = r->body->first, *next; op; op = next) {
        next = op->next;
        if (op->code == OP_RING || op->code == OP_ROLE || op->code == OP_YIELD)
            continue;
        op_unlink(op);
        op_insert(&in, op);
    }
    ir_yield(&in, NULL, 0);
    stage_left_sides(r->ctx, r->kernel, r->dtype);
    ir_walk(role->region, drop_conversion, r);
}

/* The kernel's control flow around what it hands over. */
static void fill_role(Roles *r, Op *role, Handed hands) {
    ValueMap map = {.ctx = r->ctx};
    Builder  in = ir_at_end(r->ctx, r->kernel, role->region);
    r->hands = hands;
    copy_block(r, &in, r->body, &map);
    ir_yield(&in, NULL, 0);
}

static void send_queries(Roles *r, Op *role) {
    ValueMap map = {.ctx = r->ctx};
    if (r->plain_count || r->gradients) {
        fill_role(r, role, HANDS_QUERIES);
        return;
    }
    Builder in = ir_at_end(r->ctx, r->kernel, role->region);
    for (const Op *op = r->body->first; op != r->queries; op = op->next)
        if (op_info(op->code)->rule == TR_INDEX)
            ir_clone(&in, op, &map);
    send(r, &in, r->queries, r->own, &map);
    ir_yield(&in, NULL, 0);
}

static void list_tiles(Roles *r) {
    r->body = loop_grid_body(r->kernel->body);
    ir_walk(r->body, note_load, r);
    ir_walk(r->body, list_tile, r);
    ir_walk(r->body, note_saved, r);
}

static Status rewrite(Roles *r) {
    list_tiles(r);
    if (r->overflow || r->tile_count == 0)
        return ctx_fail(r->ctx, ST_FAILED, "pass roles", NULL, "kernel %s has %s right sides", r->kernel->name,
                        r->overflow ? "too many" : "no");
    TRY(make_rings(r));
    Op *const  end = ir_terminator(r->body);
    const int  compute = r->gradients ? r->gradients->warps : r->args->schedule->warps;
    const int  registers = r->gradients ? r->gradients->registers : r->args->schedule->registers;
    const int  few = r->gradients ? r->gradients->copy_registers : r->args->schedule->copy_registers;
    const bool sends = r->queries || (r->gradients && r->gradients->left_count);
    if (sends)
        send_queries(r, new_role(r, end, "copy", 1, few));
    fill_role(r, new_role(r, end, "copy", 1, few), HANDS_TILES);
    pass_note(r->ctx, r->args, r->kernel, "%d warps compute with %d registers a thread each, %d send tiles with %d each", compute,
              registers, 1 + sends, few);
    Op *const computing = new_role(r, end, "compute", compute, registers);
    if (r->saves)
        fill_role(r, new_role(r, end, "store", 1, few), HANDS_SAVED);
    fill_computing(r, computing);
    if (r->saves)
        ir_walk(computing->region, give_saved, r);
    return ST_OK;
}

static Roles roles_for(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of) {
    return (Roles){.ctx = ctx, .args = args, .kernel = kernel, .gradients = of, .dtype = ir_find_param(kernel, "k")->dtype};
}

bool roles_fit(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of) {
    Roles r = roles_for(ctx, kernel, args, of);
    ir_walk(kernel->body, list_tile, &r);
    return r.tile_count > 0 && !r.overflow && room_of(&r).slots >= LEAST_SLOTS;
}

bool roles_have_slots(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of) {
    Roles r = roles_for(ctx, kernel, args, of);
    list_tiles(&r);
    const Room room = room_of(&r);
    return room.slots >= room.needed;
}

Status roles_of_gradients(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of) {
    Roles r = roles_for(ctx, kernel, args, of);
    return rewrite(&r);
}

Status pass_roles(Ctx *ctx, Module *module, const PassArgs *args) {
    Roles r = {.ctx = ctx, .args = args, .kernel = loop_main(module)};
    TRY(roles_gradients(ctx, module, args));
    if (!args->schedule->roles)
        return ST_OK;
    if (!ir_holds(r.kernel->body, OP_DOT)) { /* kind backward, where forward has saved the sums over keys */
        pass_note(ctx, args, r.kernel, "no products: no roles");
        return ST_OK;
    }
    r.dtype = ir_find_param(r.kernel, "k")->dtype;
    TRY(rewrite(&r));
    roles_add_rings(ctx, module, r.kernel, args);
    return ST_OK;
}
