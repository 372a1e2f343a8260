/* Pass saved, kind extend: what kernel `gather` does, by the kernel that makes states and features. Its blocks read the old
 * keys and values anyway, to sum up those that leave the window: they do so from the rings, and store what they have in
 * shared memory to where main reads it, each block of a head an equal share. Rows that no block sums up, of which there are
 * some where fewer tokens come than the window has, are sent behind the others for that alone. A row tile is old or new,
 * since the window is a multiple of it. */
#include "passes/saved.h"

#include <string.h>

bool saved_can_gather(const Saver *s) {
    return s->args->kind == KIND_EXTEND && s->fused && !s->roped && spec_reach(s->args->spec) % s->chunk == 0 &&
           !loop_is_packed(s->main) && ir_find_kernel(s->module, "gather");
}

static Op *row_loop(const Saver *s) {
    return loop_find(loop_find(loop_find(s->gather->body, "seq")->region, "kv_head")->region, "row");
}

/* The load of kernel gather from `param`, or its store of what was loaded there. */
static const Op *access_of(const Saver *s, const char *param, bool store) {
    for (const Op *op = row_loop(s)->region->first; op; op = op->next) {
        const Op *const load = op->code == OP_LOAD ? op : op->code == OP_STORE && store ? op->in[5]->def : NULL;
        if (load && (op->code == OP_STORE) == store && strcmp(op_text(load, AT_PARAM), param) == 0)
            return op;
    }
    return NULL;
}

/* Kernel gather's numbers of sequence and head in the nest. */
static ValueMap place_of(const Saver *s, const Nest *n) {
    ValueMap  map = {.ctx = s->ctx};
    Op *const seq = loop_find(s->gather->body, "seq");
    map_set(&map, seq->region->args[0], n->seq);
    map_set(&map, loop_find(seq->region, "kv_head")->region->args[0], n->head);
    return map;
}

/* Its row, of all, is `row`: it counts tiles. */
static void set_row(const Saver *s, ValueMap *map, Value *row) {
    const Op *op = row_loop(s)->region->first;
    while (op->code != OP_IMUL || op->in[0] != row_loop(s)->region->args[0])
        op = op->next;
    map_set(map, op->out[0], row);
}

/* What accesses of all rows have in common is made before the loop. */
static void clone_common(const Saver *s, Builder *b, const Op *access, ValueMap *map) {
    for (int i = 0; i < 5; i++)
        if (!depends_on(access->in[i], row_loop(s)->region->args[0]))
            clone_slice(b, access->in[i], s->gather->body, map);
}

Value *saved_gathered_end(const Saver *s, const StateRoles *r, Builder *b) {
    int64_t tiles = 0;
    ir_const_value(row_loop(s)->in[1], &tiles);
    return ir_ibin(b, OP_IMUL, ir_i(b, tiles * s->chunk), ir_ibin(b, OP_ILT, ir_i(b, 0), r->length));
}

static Value *not(Builder *b, Value *condition) { return ir_ibin(b, OP_ILT, condition, ir_i(b, 1)); }

/* The block's columns where an access has all of them: those that the coordinate of the head then counts, too. */
static void take_half(const Saver *s, Builder *b, const Nest *n, Op *access, int first, int head) {
    Value **const at = &access->in[first + head];
    if (s->halves == 1)
        return;
    *at = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, *at, ir_i(b, s->halves)), n->half);
    op_set_int(s->ctx, access, AT_COLDIM, head);
}

/* What a load of kernel gather reads, sent with its bounds. */
static void send_load(const Saver *s, Builder *b, const Nest *n, const StateRoles *r, const char *param, const ValueMap *place,
                      StateRing ring) {
    const Op *const load = access_of(s, param, false);
    const Type      slot = saved_slot(s, ring);
    const int       rowdim = (int)op_int(load, AT_ROWDIM, 1);
    ValueMap        map = map_copy(place);
    Value          *in[6] = {r->rings[ring]};
    for (int i = 0; i < 5; i++)
        in[1 + i] = clone_slice(b, load->in[i], s->gather->body, &map);
    if (!op_has(load, AT_WRAP)) { /* the copy engine knows no bounds but the tensor's */
        in[4] = ir_i(b, 0);
        in[5] = loop_dim(b, ir_find_param(s->main, param), rowdim);
    }
    Op *const send = ir_op(b, OP_SEND, in, 6, NULL, 0);
    op_set_text(s->ctx, send, AT_PARAM, param);
    op_set_int(s->ctx, send, AT_ROWS, slot.rows);
    op_set_int(s->ctx, send, AT_COLS, slot.cols);
    op_set_int(s->ctx, send, AT_ROWDIM, rowdim);
    op_set_int(s->ctx, send, AT_GROUPDIM, -1);
    op_set_int(s->ctx, send, AT_PERIOD, slot.rows);
    if (op_has(load, AT_WRAP))
        op_set_int(s->ctx, send, AT_WRAP, op_int(load, AT_WRAP, 0));
    Builder before = ir_before(s->ctx, b->kernel, send);
    if (ring == RING_VALUES)
        take_half(s, &before, n, send, 1, rowdim == 1 ? 2 : 1);
}

/* for row in all row tiles that are summed up or copied; builds at `in`. */
static Value *open_rows(const Saver *s, const StateRoles *r, Builder *b, Builder *in) {
    Value *const end = ir_ibin(b, OP_IMAX, r->end, saved_gathered_end(s, r, b));
    return saved_open_turns(s, b, in, r->first, end);
}

void saved_send_gathered(Saver *s, Builder *b, const Nest *n, const StateRoles *r) {
    ValueMap place = place_of(s, n);
    Builder  in;
    clone_common(s, b, access_of(s, "ring_k", false), &place);
    Value *const row = open_rows(s, r, b, &in), *const old = ir_ibin(&in, OP_ILT, row, ir_i(&in, spec_reach(s->args->spec)));
    Builder      from_ring = saved_open_if(s, &in, old), from_new = saved_open_if(s, &in, not(&in, old));
    set_row(s, &place, row);
    send_load(s, &from_ring, n, r, "ring_k", &place, RING_KEYS);
    send_load(s, &from_ring, n, r, "ring_v", &place, RING_VALUES);
    send_load(s, &from_new, n, r, "k", &place, RING_KEYS);
    send_load(s, &from_new, n, r, "v", &place, RING_VALUES);
}

/* Where `mine` holds. */
static void store_share(const Saver *s, Builder *b, const Nest *n, const StateRoles *r, StateRing ring, const ValueMap *place,
                        Value *mine) {
    const Op *const store = access_of(s, ring == RING_KEYS ? "ring_k" : "ring_v", true);
    const Type      type = saved_slot(s, ring);
    Value *const    from = r->rings[ring];
    Builder         yes = saved_open_if(s, b, mine), no = saved_open_if(s, b, not(b, mine));
    ValueMap        map = map_copy(place);
    Access          to = {.param = op_text(store, AT_PARAM), .rowdim = 1, .groupdim = -1, .period = type.rows};
    Value *const    tile = ir_op(&yes, OP_TAKE, (Value *[]){from}, 1, &type, 1)->out[0];
    for (int d = 0; d < 3; d++)
        to.at[d] = clone_slice(&yes, store->in[d], s->gather->body, &map);
    to.hi = loop_dim(&yes, ir_find_param(s->main, to.param), 1);
    Op *const made = ir_store(&yes, &to, tile);
    Builder   before = ir_before(s->ctx, b->kernel, made);
    if (ring == RING_VALUES)
        take_half(s, &before, n, made, 0, 2);
    ir_op(&yes, OP_RELEASE, (Value *[]){from, tile}, 2, NULL, 0);
    ir_op(&no, OP_SKIP, (Value *[]){from}, 1, NULL, 0);
}

/* The blocks of a head take turns with the keys, those with the same columns with their values, so that all store as much. */
void saved_store_gathered(Saver *s, Builder *b, const Nest *n, const StateRoles *r) {
    Value *const end = saved_gathered_end(s, r, b);
    ValueMap     place = place_of(s, n);
    Builder      in;
    Value *const row = open_rows(s, r, b, &in), *const kept = ir_ibin(&in, OP_ILT, row, end);
    Value *const number = ir_ibin(&in, OP_IDIV, row, ir_i(&in, s->chunk));
    Value *const keys = saved_takes_turn(&in, number, s->made_parts * s->halves, n->axes[0]);
    Value *const values = saved_takes_turn(&in, number, s->made_parts, n->part);
    set_row(s, &place, row);
    store_share(s, &in, n, r, RING_KEYS, &place, ir_ibin(&in, OP_IMUL, kept, keys));
    store_share(s, &in, n, r, RING_VALUES, &place, ir_ibin(&in, OP_IMUL, kept, values));
}
