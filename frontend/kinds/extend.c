/* Kind extend: a chunk of prompt on top of rings and states in pools; kind decode (decode.c) means the same for one token or
 * a few. Kernel `main` evaluates the rows, kernel `state` then folds what left the window and writes the rings. */
#include "frontend/kinds/kinds.h"

/* state += sum; per key/value head, or per query head where the pool holds learned initial states too. */
static void update_state(Builder *b, const Nest *nest) {
    const Spec  *spec = nest->spec;
    const int    F = spec_features(spec), E = spec->value_dim, G = spec_group(spec);
    Value *const sum = kind_state_sum(b, nest);
    Access       access = {.param = "state", .at = {nest->slot, nest->kv_head, NULL}, .lo = ir_i(b, 0), .hi = nest->state_rows,
                           .rowdim = 2, .groupdim = -1, .period = F};
    if (!spec->initial_state) {
        ir_store(b, &access, ir_binary(b, OP_ADD, ir_load(b, &access, F, E), sum));
        return;
    }
    Op *const heads = ir_for(b, "group", true, ir_i(b, 0), ir_i(b, G), ir_i(b, 1), NULL, 0);
    Builder   h = ir_at_end(b->ctx, b->kernel, heads->region);
    access.at[1] = ir_ibin(&h, OP_IADD, ir_ibin(&h, OP_IMUL, nest->kv_head, ir_i(&h, G)), heads->region->args[0]);
    access.groupdim = 1;
    ir_store(&h, &access, ir_binary(&h, OP_ADD, ir_load(&h, &access, F, E), sum));
    ir_yield(&h, NULL, 0);
}

/* Copies row i of k or v into its ring; of more new tokens than the ring has rows only the last are kept. */
static void write_ring(Builder *b, const Nest *nest, Value *i, const char *fresh, const char *ring, int width) {
    Access from = {.param = fresh, .at = {nest->batch, ir_ibin(b, OP_IADD, nest->first, i), nest->kv_head},
                   .lo = nest->first, .hi = nest->end, .rowdim = 1, .groupdim = -1, .period = 1};
    Value *const absolute = ir_ibin(b, OP_IADD, nest->seen, i);
    Access to = {.param = ring, .at = {nest->slot, nest->kv_head, absolute},
                 .lo = nest->seen, .hi = ir_ibin(b, OP_IADD, nest->seen, nest->length),
                 .rowdim = 2, .groupdim = -1, .period = 1, .wrap = (int)nest->ring_rows};
    ir_store(b, &to, ir_load(b, &from, 1, width));
}

static void update_rings(Builder *b, const Nest *nest) {
    Value *const first = ir_ibin(b, OP_IMAX, ir_i(b, 0), ir_ibin(b, OP_ISUB, nest->length, ir_i(b, nest->ring_rows)));
    Op *const    rows = ir_for(b, "row", true, first, nest->length, ir_i(b, 1), NULL, 0);
    Builder      r = ir_at_end(b->ctx, b->kernel, rows->region);
    write_ring(&r, nest, rows->region->args[0], "k", "ring_k", nest->spec->head_dim);
    write_ring(&r, nest, rows->region->args[0], "v", "ring_v", nest->spec->value_dim);
    ir_yield(&r, NULL, 0);
}

Status kind_on_pools(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, bool aligned, Module *module) {
    Nest          nest;
    Kernel *const rows = ir_kernel(ctx, module, "main", LEVEL_LOOP);
    kind_inputs(ctx, rows, spec, variant, true, ring_rows);
    Builder b = kind_open(ctx, rows, spec, variant, true, ring_rows, &nest);
    if (aligned && spec_fold(spec) > 1) { /* no row of a sequence without tokens, of which there may be no tensor */
        Value *const some = ir_ibin(&b, OP_ILT, ir_i(&b, 0), nest.length);
        nest.row = ir_ibin(&b, OP_ISUB, ir_i(&b, 0), ir_ibin(&b, OP_IMUL, kind_since_fold(&b, &nest, nest.seen), some));
    }
    kind_rows(&b, &nest);
    ir_yield(&b, NULL, 0);
    Kernel *const state = ir_kernel(ctx, module, "state", LEVEL_LOOP);
    kind_inputs(ctx, state, spec, variant, true, ring_rows);
    b = kind_open(ctx, state, spec, variant, true, ring_rows, &nest);
    update_state(&b, &nest);
    update_rings(&b, &nest);
    ir_yield(&b, NULL, 0);
    return ST_OK;
}

Status kind_extend(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module) {
    return kind_on_pools(ctx, spec, variant, ring_rows, true, module);
}
