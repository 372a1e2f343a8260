/* Pass roles, kind extend: what kernel `rings` does, which writes the new keys and values into the rings, becomes two roles
 * of main, each a warp that moves half of a row tile. What main reads of the rings lies in working memory by then (pass
 * gather), so that they may change while it runs: measured, 0.009 ms more of main instead of a kernel of 0.021. The first
 * heads of a group move the keys, the next ones the values. Blocks that share a multiprocessor have too few registers for
 * that: there the kernel stays. */
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

/* The kernel's numbers of sequence, head and row tile in main's terms: main counts rows. */
static ValueMap place_of(const Rings *r, Builder *b) {
    ValueMap     map = {.ctx = r->ctx};
    Value *const tile = ir_ibin(b, OP_IDIV, counter(r->main, "row"), ir_i(b, r->args->schedule->chunk));
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

static void add_mover(Rings *r, Op *before, int number) {
    Builder   b = ir_before(r->ctx, r->main, before);
    int       tile = 0;
    Op *const role = ir_op(&b, OP_ROLE, NULL, 0, NULL, 0);
    op_set_text(r->ctx, role, AT_ROLE, "rings");
    op_set_int(r->ctx, role, AT_WARPS, 1);
    op_set_int(r->ctx, role, AT_REGISTERS, r->args->schedule->copy_registers);
    r->in = ir_at_end(r->ctx, r->main, role->region);
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

void roles_add_rings(Ctx *ctx, Module *module, Kernel *main, const PassArgs *args) {
    Rings r = {.ctx = ctx, .main = main, .args = args};
    if (args->schedule->blocks == 1)
        r.rings = take_kernel(module, "rings");
    if (!r.rings)
        return;
    Op *const end = ir_terminator(loop_grid_body(main->body));
    for (int number = 0; number < MOVERS; number++)
        add_mover(&r, end, number);
}
