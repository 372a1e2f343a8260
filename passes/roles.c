/* roles: warps that send tiles, and warps that compute with them.
 * In: tile IR whose kernel main loads the right sides of its products, and its queries, from parameters in the
 * products' dtype. Out: main's body is three roles: one sends the queries, one sends all right sides in the order in
 * which they are used, through one ring that takes all memory that is left, and one computes. Left sides are converted
 * to the products' dtype. Kernels other than main stay as they are, and so does every kernel whose schedule has no
 * roles. */
#include "passes/loops.h"

#include <string.h>

enum { MAX_TILES = 64, SLOT_ALIGN = 1024, SPARE_BYTES = 2048 /* alignment of the rings, barriers */ };

typedef struct Roles {
    Ctx            *ctx;
    Kernel         *kernel;
    const PassArgs *args;
    DType           dtype;
    Block          *body;
    Op             *tiles[MAX_TILES]; /* loads of right sides, in the order of use */
    int             tile_count;
    Op             *queries; /* load of the rows' tile, or NULL */
    bool            overflow;
} Roles;

/* ---- What is sent ---- */

static bool is_right_side(const Roles *r, const Op *load) {
    int  count;
    Op **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_DOT || users[u]->in[1] != load->out[0] || users[u]->in[0] == load->out[0])
            return false;
    return count > 0;
}

/* Right next to the first product that uses it, so that tiles are sent in the order of use. */
static void move_to_use(const Roles *r, Op *load) {
    int       count;
    Op      **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    Op *const first = ir_ancestor_in(users[0], load->parent);
    op_unlink(load);
    Builder b = ir_before(r->ctx, r->kernel, first);
    op_insert(&b, load);
}

static bool note_load(Op *op, void *arg) {
    Roles *r = arg;
    if (op->code != OP_LOAD || ir_find_param(r->kernel, op_text(op, AT_PARAM))->dtype != r->dtype)
        return true;
    if (is_right_side(r, op))
        move_to_use(r, op);
    else if (ir_use_count(r->kernel, op->out[0]) && op->parent == r->body && op->out[0]->type.rows > 1 &&
             op_int(op, AT_ROWDIM, -1) >= 0 && !r->queries)
        r->queries = op;
    return true;
}

static bool list_tile(Op *op, void *arg) {
    Roles *r = arg;
    if (op->code != OP_LOAD || ir_find_param(r->kernel, op_text(op, AT_PARAM))->dtype != r->dtype ||
        !is_right_side(r, op))
        return true;
    if (r->tile_count == MAX_TILES)
        r->overflow = true;
    else
        r->tiles[r->tile_count++] = op;
    return true;
}

static bool is_sent(const Roles *r, const Op *op) {
    for (int t = 0; t < r->tile_count; t++)
        if (r->tiles[t] == op)
            return true;
    return false;
}

static bool sends_none(Op *op, void *arg) { return !is_sent(arg, op); }

/* ---- Rings ---- */

static int64_t round_up(int64_t bytes) { return (bytes + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN; }

static Type slot_of(const Roles *r) {
    int rows = 1, cols = 1;
    for (int t = 0; t < r->tile_count; t++) {
        const Type type = r->tiles[t]->out[0]->type;
        rows = type.rows > rows ? type.rows : rows;
        cols = type.cols > cols ? type.cols : cols;
    }
    return type_tile(r->dtype, rows, cols);
}

static Value *new_ring(Roles *r, int slots, Type tile, int64_t offset) {
    Builder b = ir_before(r->ctx, r->kernel, r->body->first);
    Type    type = type_ring(slots, r->dtype, tile.rows, tile.cols);
    type.space = SPACE_SCRATCH;
    type.offset = offset;
    return ir_op(&b, OP_RING, NULL, 0, &type, 1)->out[0];
}

/* The queries' ring has one slot; the other one the rest of the memory. */
static Status make_rings(Roles *r, Value **queries, Value **tiles) {
    const Type    slot = slot_of(r);
    const int64_t each = round_up(ir_panel_bytes(slot)),
                  limit = r->args->target->shared_bytes / r->args->schedule->blocks - SPARE_BYTES;
    int64_t at = 0;
    if (r->queries) {
        *queries = new_ring(r, 1, r->queries->out[0]->type, at);
        (*queries)->type.dtype = r->dtype;
        at += round_up(ir_panel_bytes(type_ring_tile((*queries)->type)));
    }
    const int64_t slots = (limit - at) / each;
    if (slots < 3)
        return ctx_fail(r->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or roles=0",
                        "kernel %s needs %lld bytes of shared memory a block, each of %d on %s has %lld", r->kernel->name,
                        (long long)(at + 3 * each), r->args->schedule->blocks, r->args->target->name, (long long)limit);
    *tiles = new_ring(r, slots < 16 ? (int)slots : 16, slot, at);
    r->kernel->scratch_bytes = at + (*tiles)->type.slots * each;
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

/* The copy engine knows where the tensor ends, and no other bounds: masks have to keep out what lies beyond those of the load. */
static void set_bounds(const Roles *r, Builder *b, const Op *load, Value **lo, Value **hi) {
    const CodeParam *param = ir_find_param(r->kernel, op_text(load, AT_PARAM));
    const int64_t    dim = param->dims[op_int(load, AT_ROWDIM, 1)];
    *lo = ir_i(b, 0);
    *hi = dim >= 1 ? ir_i(b, dim) : ir_sym(b, (Sym)(-1 - dim));
}

static void send(Roles *r, Builder *b, const Op *load, Value *ring, ValueMap *map) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    Value               *in[6] = {ring};
    for (int i = 0; i < 3; i++)
        in[1 + i] = map_get(map, load->in[i]);
    set_bounds(r, b, load, &in[4], &in[5]);
    Op *const made = ir_op(b, OP_SEND, in, 6, NULL, 0);
    op_set_text(r->ctx, made, AT_PARAM, op_text(load, AT_PARAM));
    op_set_int(r->ctx, made, AT_ROWS, load->out[0]->type.rows);
    op_set_int(r->ctx, made, AT_COLS, load->out[0]->type.cols);
    for (int k = 0; k < 3; k++)
        op_set_int(r->ctx, made, KEYS[k], op_int(load, KEYS[k], -1));
    copy_beyond(r->ctx, made, load);
}

/* The control flow of `from` around what it sends; index values as they come. */
static void copy_block(Roles *r, Builder *b, const Block *from, Value *ring, ValueMap *map) {
    for (Op *op = from->first; op; op = op->next) {
        if (op_info(op->code)->rule == TR_INDEX) {
            ir_clone(b, op, map);
        } else if (is_sent(r, op)) {
            send(r, b, op, ring, map);
        } else if ((op->code == OP_FOR || op->code == OP_IF) && !ir_walk(op->region, sends_none, r)) {
            Op *const made = op->code == OP_FOR ? ir_for(b, op_text(op, AT_AXIS), false, map_get(map, op->in[0]),
                                                         map_get(map, op->in[1]), map_get(map, op->in[2]), NULL, 0)
                                                : ir_if(b, map_get(map, op->in[0]), NULL, 0);
            Builder   in = ir_at_end(r->ctx, r->kernel, made->region);
            if (op->code == OP_FOR)
                map_set(map, op->region->args[0], made->region->args[0]);
            copy_block(r, &in, op->region, ring, map);
            ir_yield(&in, NULL, 0);
        }
    }
}

/* ---- The computing role ---- */

static void take(Roles *r, Op *load, Value *ring) {
    Builder      b = ir_before(r->ctx, r->kernel, load);
    const Type   type = type_tile(r->dtype, load->out[0]->type.rows, load->out[0]->type.cols);
    Value *const tile = ir_op(&b, OP_TAKE, &ring, 1, &type, 1)->out[0];
    int          count;
    ir_replace_uses(r->kernel, load->out[0], tile);
    op_erase(load);
    Op **users = ir_users(r->ctx, r->kernel, tile, &count);
    b = ir_after(r->ctx, r->kernel, ir_ancestor_in(users[count - 1], tile->def->parent));
    ir_op(&b, OP_RELEASE, (Value *[]){ring, tile}, 2, NULL, 0);
}

/* The queries go to registers at once: as they are for products, as floats for everything else. */
static void take_queries(Roles *r, Value *ring) {
    Op *const    load = r->queries;
    Builder      b = ir_before(r->ctx, r->kernel, load);
    const Type   type = type_tile(r->dtype, load->out[0]->type.rows, load->out[0]->type.cols);
    Value *const tile = ir_op(&b, OP_TAKE, &ring, 1, &type, 1)->out[0], *const own = ir_unary(&b, OP_COPY, tile);
    ir_op(&b, OP_RELEASE, (Value *[]){ring, tile}, 2, NULL, 0);
    ir_replace_uses(r->kernel, load->out[0], type.dtype == DT_F32 ? own : ir_convert(&b, own, DT_F32));
    op_erase(load);
}

/* There and back again is the same tile. */
static bool drop_conversion(Op *op, void *arg) {
    Roles    *r = arg;
    Op *const inner = op->code == OP_CONVERT ? op->in[0]->def : NULL;
    if (inner && inner->code == OP_CONVERT && inner->in[0]->type.dtype == op->out[0]->type.dtype) {
        ir_replace_uses(r->kernel, op->out[0], inner->in[0]);
        op_erase(op);
    }
    return true;
}

static void fill_computing(Roles *r, Op *role, Value *queries, Value *tiles) {
    Builder in = ir_at_end(r->ctx, r->kernel, role->region);
    for (int t = 0; t < r->tile_count; t++)
        take(r, r->tiles[t], tiles);
    if (r->queries)
        take_queries(r, queries);
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

static Status rewrite(Roles *r) {
    Value *queries = NULL, *tiles = NULL;
    r->body = loop_grid_body(r->kernel->body);
    ir_walk(r->body, note_load, r);
    ir_walk(r->body, list_tile, r);
    if (r->overflow || r->tile_count == 0)
        return ctx_fail(r->ctx, ST_FAILED, "pass roles", NULL, "kernel %s has %s right sides", r->kernel->name,
                        r->overflow ? "too many" : "no");
    TRY(make_rings(r, &queries, &tiles));
    Op *const end = ir_terminator(r->body);
    const int compute = r->args->schedule->warps;
    if (r->queries) {
        ValueMap  map = {.ctx = r->ctx};
        Op *const role = new_role(r, end, "copy", 1, r->args->schedule->copy_registers);
        Builder   in = ir_at_end(r->ctx, r->kernel, role->region);
        for (const Op *op = r->body->first; op != r->queries; op = op->next)
            if (op_info(op->code)->rule == TR_INDEX)
                ir_clone(&in, op, &map);
        send(r, &in, r->queries, queries, &map);
        ir_yield(&in, NULL, 0);
    }
    ValueMap  map = {.ctx = r->ctx};
    Op *const copy = new_role(r, end, "copy", 1, r->args->schedule->copy_registers);
    Builder   in = ir_at_end(r->ctx, r->kernel, copy->region);
    copy_block(r, &in, r->body, tiles, &map);
    ir_yield(&in, NULL, 0);
    fill_computing(r, new_role(r, end, "compute", compute, r->args->schedule->registers), queries, tiles);
    return ST_OK;
}

Status pass_roles(Ctx *ctx, Module *module, const PassArgs *args) {
    Roles r = {.ctx = ctx, .args = args, .kernel = module->kernels[module->kernel_count - 1]};
    if (!args->schedule->roles)
        return ST_OK;
    r.dtype = ir_find_param(r.kernel, "k")->dtype;
    return rewrite(&r);
}
