/* reuse: key and value tiles are transformed once.
 * In: a row loop in order, whose key loop loads, ropes and transposes the same key tiles for every row tile that sees them.
 * Out: where the borders of key tiles repeat (key_tile divides chunk, a window), a ring in scratch memory holds the
 * transformed tiles; each row tile first puts the tiles that are new, then all its heads read them. Keys that a score needs
 * are held transposed, which is the form the product wants. */
#include "passes/loops.h"

enum { MAX_SHARED = 4 };

typedef struct Shared { /* one value of the key loop that only the key tile determines */
    Value *value;
    bool   transposed;
    Op    *dots[4];
    int    dot_count;
    Value *ring;
} Shared;

typedef struct Reuse {
    Ctx    *ctx;
    Kernel *kernel;
    Op     *rows, *group, *keys; /* loops; group NULL where all heads are stacked */
    Shared  shared[MAX_SHARED];
    int     count;
} Reuse;

/* Changes with the key tile, but with no head and nothing carried. */
static bool is_of_key_tile(const Reuse *r, const Value *value) {
    const Block *body = r->keys->region;
    for (int a = 1; a < body->arg_count; a++)
        if (depends_on(value, body->args[a]))
            return false;
    if (r->group && depends_on(value, r->group->region->args[0]))
        return false;
    return ir_defined_in(value, body) && depends_on(value, body->args[0]);
}

static void note(Reuse *r, Op *dot) {
    Value *const value = dot->in[1];
    if (!is_of_key_tile(r, value))
        return;
    const bool transposed = op_int(dot, AT_TB, 0) != 0;
    for (int s = 0; s < r->count; s++)
        if (r->shared[s].value == value && r->shared[s].transposed == transposed && r->shared[s].dot_count < 4) {
            r->shared[s].dots[r->shared[s].dot_count++] = dot;
            return;
        }
    if (r->count < MAX_SHARED)
        r->shared[r->count++] = (Shared){.value = value, .transposed = transposed, .dots = {dot}, .dot_count = 1};
}

static Value *ring_for(Reuse *r, const Shared *shared, int slots) {
    Builder    b = ir_before(r->ctx, r->kernel, r->rows);
    const Type type = shared->value->type;
    return ir_ring(&b, slots, shared->transposed ? type.cols : type.rows, shared->transposed ? type.rows : type.cols);
}

/* The number of a key tile among all: row / key_tile + m; both are whole since rows start at multiples of chunk. */
static Value *tile_number(const Reuse *r, Builder *b, Value *m, int key_tile) {
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IDIV, r->rows->region->args[0], ir_i(b, key_tile)), m);
}

static void fill_rings(Reuse *r, int key_tile, int chunk, int64_t slots) {
    Op *const    at = r->group ? r->group : r->keys;
    Builder      b = ir_before(r->ctx, r->kernel, at);
    ValueMap     outer = {.ctx = r->ctx};
    Value *const first = clone_slice(&b, r->keys->in[0], r->group ? r->group->region : NULL, &outer);
    /* The row tile before has put all but its own chunk's worth of tiles; the first one none. */
    Value *const follows = ir_ibin(&b, OP_ILT, r->rows->in[0], r->rows->region->args[0]);
    Value *const fresh = ir_ibin(&b, OP_IMUL, follows, ir_i(&b, slots - chunk / key_tile));
    Op *const    fill = ir_for(&b, "fill", false, ir_ibin(&b, OP_IMAX, first, fresh), ir_i(&b, slots), ir_i(&b, 1), NULL, 0);
    Builder      in = ir_at_end(r->ctx, r->kernel, fill->region);
    Value *const m = fill->region->args[0], *const number = tile_number(r, &in, m, key_tile);
    ValueMap     map = {.ctx = r->ctx};
    map_set(&map, r->keys->region->args[0], m);
    for (int s = 0; s < r->count; s++) {
        Value *tile = clone_slice(&in, r->shared[s].value, r->group ? r->group->region : r->keys->region, &map);
        if (r->shared[s].transposed)
            tile = ir_unary(&in, OP_TRANSPOSE, tile);
        ir_ring_put(&in, r->shared[s].ring, number, tile);
    }
    ir_yield(&in, NULL, 0);
}

static void read_rings(Reuse *r, int key_tile) {
    for (int s = 0; s < r->count; s++)
        for (int d = 0; d < r->shared[s].dot_count; d++) {
            Op *const dot = r->shared[s].dots[d];
            Builder   b = ir_before(r->ctx, r->kernel, dot);
            dot->in[1] = ir_ring_get(&b, r->shared[s].ring, tile_number(r, &b, r->keys->region->args[0], key_tile));
            op_set_int(r->ctx, dot, AT_TB, 0);
        }
}

Status pass_reuse(Ctx *ctx, Module *module, const PassArgs *args) {
    const int chunk = args->schedule->chunk, key_tile = args->schedule->key_tile;
    if (!args->schedule->ring || chunk % key_tile != 0) {
        pass_note(ctx, args, NULL, "no rings: %s",
                  args->schedule->ring ? "key_tile does not divide chunk" : "the schedule asks for none");
        return ST_OK;
    }
    for (int k = 0; k < module->kernel_count; k++) {
        Reuse   r = {.ctx = ctx, .kernel = module->kernels[k]};
        int64_t slots;
        r.keys = loop_find(r.kernel->body, "key");
        if (!r.keys || !ir_const_value(r.keys->in[1], &slots))
            continue;
        r.rows = loop_around(r.keys, "row");
        r.group = loop_around(r.keys, "group");
        for (Op *op = r.keys->region->first; op; op = op->next)
            if (op->code == OP_DOT)
                note(&r, op);
        if (r.count == 0) { /* every head has keys of its own */
            pass_note(ctx, args, r.kernel, "no ring: no key tile is the same for all heads");
            continue;
        }
        for (int s = 0; s < r.count; s++)
            r.shared[s].ring = ring_for(&r, &r.shared[s], (int)slots);
        pass_note(ctx, args, r.kernel, "rings of transformed tiles of %d keys: %d, of %lld slots", key_tile, r.count,
                  (long long)slots);
        fill_rings(&r, key_tile, chunk, slots);
        read_rings(&r, key_tile);
    }
    return ST_OK;
}
