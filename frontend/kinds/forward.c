/* Kind forward: whole sequences, for training and prefill; optionally lse, the branches and the final state as outputs. */
#include "frontend/kinds/kinds.h"

/* final_state = S_init + sum over j <= length - 1 - W: RATTENTION.md, "State and decoding"; with fold = L of the last
 * multiple of L tokens, as the pools of decode and extend hold it. */
static void store_final_state(Builder *b, const Nest *nest) {
    const Spec  *spec = nest->spec;
    const int    F = spec_features(spec), E = spec->value_dim, G = spec_group(spec);
    Value *const sum = kind_state_sum(b, nest);
    Access       access = {.param = "final_state", .at = {nest->n, nest->kv_head, NULL}, .rowdim = 2, .groupdim = -1, .period = F};
    if (!spec->initial_state) {
        ir_store(b, &access, sum);
        return;
    }
    Op *const heads = ir_for(b, "group", true, ir_i(b, 0), ir_i(b, G), ir_i(b, 1), NULL, 0);
    Builder   h = ir_at_end(b->ctx, b->kernel, heads->region);
    access.at[1] = ir_ibin(&h, OP_IADD, ir_ibin(&h, OP_IMUL, nest->kv_head, ir_i(&h, G)), heads->region->args[0]);
    access.groupdim = 1;
    Access start = access;
    start.param = "h0";
    ir_store(&h, &access, ir_binary(&h, OP_ADD, ir_load(&h, &start, F, E), sum));
    ir_yield(&h, NULL, 0);
}

void kind_final_state(Ctx *ctx, const Kernel *like, const Spec *spec, int variant, Module *module) {
    Nest          nest;
    Kernel *const state = ir_kernel(ctx, module, "state", LEVEL_LOOP);
    for (int p = 0; p < like->param_count; p++)
        PUSH(ctx, state->params, state->param_count, state->param_capacity, like->params[p]);
    Builder b = kind_open(ctx, state, spec, variant, false, 0, &nest);
    store_final_state(&b, &nest);
    ir_yield(&b, NULL, 0);
}

Status kind_forward(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module) {
    (void)ring_rows;
    Nest          nest;
    Kernel *const rows = ir_kernel(ctx, module, "main", LEVEL_LOOP);
    if (spec->full)
        variant &= ~VARIANT_FINAL_STATE;
    kind_inputs(ctx, rows, spec, variant, false, 0);
    Builder b = kind_open(ctx, rows, spec, variant, false, 0, &nest);
    kind_rows(&b, &nest);
    ir_yield(&b, NULL, 0);
    if (variant & VARIANT_FINAL_STATE)
        kind_final_state(ctx, rows, spec, variant, module);
    return ST_OK;
}
