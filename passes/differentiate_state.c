/* The gradient of the final state: kernel `state` of the forward program stores S_init + sum of x_j^T y_j over the keys
 * j < end, so that with dS given
 *     dx_j = y_j dS^T,   dy_j = x_j dS   for j < end,   dS_init = dS. */
#include "passes/differentiate.h"

#include <string.h>

static bool find_store(Op *op, void *arg) {
    Op **found = arg;
    if (op->code == OP_STORE)
        *found = op;
    return !*found;
}

Status state_program_find(Ctx *ctx, Module *module, StateProgram *out) {
    *out = (StateProgram){.kernel = ir_find_kernel(module, "state")};
    if (!out->kernel)
        return ST_OK;
    Op *const heads = loop_find(out->kernel->body, "kv_head");
    for (Op *op = heads ? heads->region->first : NULL; op; op = op->next)
        if (op->code == OP_SUM)
            out->sum = op;
    ir_walk(out->kernel->body, find_store, &out->store);
    const Op *const product = out->sum ? ir_terminator(out->sum->region)->in[0]->def : NULL;
    if (!product || product->code != OP_DOT || !op_int(product, AT_TA, 0) || !out->store)
        return ctx_fail(ctx, ST_FAILED, "pass differentiate", NULL, "kernel state stores no sum of products");
    out->x = product->in[0];
    out->y = product->in[1];
    return ST_OK;
}

/* The loops of kernel `state` are those of the program's. */
static ValueMap in_program(const StateProgram *s, const RowProgram *p) {
    ValueMap map = {.ctx = p->ctx};
    map_set(&map, loop_find(s->kernel->body, "seq")->region->args[0], p->seq->region->args[0]);
    map_set(&map, loop_find(s->kernel->body, "kv_head")->region->args[0], p->heads->region->args[0]);
    return map;
}

static Value *load_part(const StateProgram *s, const RowProgram *p, Builder *b, ValueMap *map) {
    const Type type = s->sum->out[0]->type;
    for (int i = 0; i < 5; i++)
        clone_slice(b, s->store->in[i], s->kernel->body, map);
    return load_like(b, s->store, map, gradient_name(p, s->store), type.rows, type.cols);
}

/* All heads of a group that have states of their own have the same keys. */
Value *state_gradient(const StateProgram *s, const RowProgram *p, Builder *b) {
    ValueMap   map = in_program(s, p);
    const Op  *group = loop_around(s->store, "group");
    const Type type = s->sum->out[0]->type;
    if (!group)
        return load_part(s, p, b, &map);
    Value *const zero = ir_f(b, 0, type.rows, type.cols);
    for (int i = 0; i < 3; i++)
        clone_slice(b, group->in[i], s->kernel->body, &map);
    Op *const all = ir_for(b, "group", false, map_get(&map, group->in[0]), map_get(&map, group->in[1]),
                           map_get(&map, group->in[2]), &zero, 1);
    Builder   in = ir_at_end(p->ctx, p->kernel, all->region);
    map_set(&map, group->region->args[0], all->region->args[0]);
    Value *const sum = ir_binary(&in, OP_ADD, all->region->args[1], load_part(s, p, &in, &map));
    ir_yield(&in, &sum, 1);
    return all->out[0];
}

Status state_key_gradient(const StateProgram *s, const RowProgram *p, Builder *b, Value *key, Value *d_state,
                          ValueMap *values, Adjoint *adjoint) {
    const Block *region = s->sum->region;
    *values = in_program(s, p);
    *adjoint = (Adjoint){.ctx = p->ctx, .b = b, .values = values};
    map_set(values, region->args[0], key);
    Value *const end = clone_slice(b, s->sum->in[1], s->kernel->body, values);
    Value *const x = clone_slice(b, s->x, s->kernel->body, values), *const y =
                                                                        clone_slice(b, s->y, s->kernel->body, values);
    Value *const one = ir_f(b, 1, 1, 1), *const zero = ir_i(b, 0);
    Value *const is_in = ir_mask(b, one, ir_ibin(b, OP_ISUB, key, end), zero, IR_NEG_INF, -1, 1, 0);
    adjoint_add(adjoint, s->x, ir_binary(b, OP_MUL, is_in, ir_dot(b, y, d_state, NULL, false, true)));
    adjoint_add(adjoint, s->y, ir_binary(b, OP_MUL, is_in, ir_dot(b, x, d_state, NULL, false, false)));
    for (const Op *op = region->last; op; op = op->prev)
        if (op->out_count == 1 && op->out[0] != ir_terminator(region)->in[0] && op->out[0]->type.cls == TY_TILE)
            TRY(adjoint_op(adjoint, op));
    return ST_OK;
}

Value *state_start_gradient(const StateProgram *s, const RowProgram *p, Builder *b, const Op *load,
                            const ValueMap *values) {
    if (!s->kernel || !ir_holds_of(s->kernel->body, OP_LOAD, op_text(load, AT_PARAM)))
        return NULL;
    const Type type = load->out[0]->type;
    return load_like(b, load, values, gradient_name(p, s->store), type.rows, type.cols);
}
