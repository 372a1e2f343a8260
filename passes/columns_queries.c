/* Wide queries that are turned, for pass columns, see columns.c: shared memory has room for one form of them. A kernel
 * before main writes the turned ones, which main multiplies with keys; the others come in their place once the scores
 * are done, where phi(q) is wanted. */
#include "passes/columns.h"

static Op *find_rope(const Columns *c, Block *body) {
    for (Op *op = body->first; op; op = op->next)
        if (op->code == OP_ROPE && op->in[0] == c->queries->out[0])
            return op;
    return NULL;
}

/* Only what stands between the grid and the store: from the last op up, so that users go first. */
static void erase_others(Kernel *kernel, Block *body, const Op *store) {
    for (Op *op = body->last, *prev; op; op = prev) {
        bool used = op == store || op->code == OP_YIELD;
        prev = op->prev;
        for (int r = 0; r < op->out_count; r++)
            used |= ir_use_count(kernel, op->out[r]) > 0;
        if (!used)
            op_erase(op);
    }
}

/* A kernel in front of all others, with main's grid, that stores what `turned` gives. */
static void write_turned(const Columns *c, Module *module, const Op *turned, const char *name) {
    Kernel *const main = c->kernel, *const kernel = ir_kernel(c->ctx, module, name, LEVEL_TILE);
    Builder       b = ir_at_end(c->ctx, kernel, kernel->body);
    ValueMap      map = {.ctx = c->ctx};
    for (const Op *op = main->body->first; op; op = op->next)
        ir_clone(&b, op, &map);
    const Op *const load = map_get(&map, c->queries->out[0])->def;
    Value *const    tile = map_get(&map, turned->out[0]);
    const Access    to = {.param = name,
                          .at = {load->in[0], load->in[1], load->in[2]},
                          .lo = load->in[3],
                          .hi = load->in[4],
                          .rowdim = (int)op_int(load, AT_ROWDIM, -1),
                          .groupdim = (int)op_int(load, AT_GROUPDIM, -1),
                          .period = (int)op_int(load, AT_PERIOD, 1)};
    b = ir_after(c->ctx, kernel, tile->def);
    ir_store(&b, &to, tile);
    erase_others(kernel, tile->def->parent, tile->def->next);
    for (int k = module->kernel_count - 1; k > 0; k--)
        module->kernels[k] = module->kernels[k - 1];
    module->kernels[0] = kernel;
}

bool columns_turn_queries(Columns *c, Module *module, Block *body) {
    static const char NAME[] = "queries";
    Op *const         turned = find_rope(c, body);
    if (!turned)
        return false;
    const CodeParam *queries = ir_find_param(c->kernel, op_text(c->queries, AT_PARAM));
    const int64_t    dims[4] = {queries->dims[0], queries->dims[1], queries->dims[2], queries->dims[3]};
    if (!ir_find_param(c->kernel, NAME)) /* kernels behind main may read them, too */
        ir_param(c->ctx, c->kernel, NAME, queries->dtype, PARAM_WORK, 4, dims);
    write_turned(c, module, turned, NAME);
    for (int k = 0; k < module->kernel_count; k++) {
        module->kernels[k]->params = c->kernel->params;
        module->kernels[k]->param_count = c->kernel->param_count;
        module->kernels[k]->param_capacity = c->kernel->param_capacity;
    }
    ValueMap  map = {.ctx = c->ctx};
    Builder   b = ir_before(c->ctx, c->kernel, c->queries);
    Op *const load = ir_clone(&b, c->queries, &map);
    op_set_text(c->ctx, load, AT_PARAM, NAME);
    ir_replace_uses(c->kernel, turned->out[0], load->out[0]);
    op_erase(turned);
    return true;
}

/* What the block reads of `value` it reads of a clone of the op that gives it, at the block's start. -> that, or NULL */
static Op *clone_for(const Columns *c, const Value *value, Block *block) {
    int      count;
    Op     **users = ir_users(c->ctx, c->kernel, value, &count);
    ValueMap map = {.ctx = c->ctx};
    Builder  b = ir_before(c->ctx, c->kernel, block->first);
    Op      *again = NULL;
    for (int u = 0; u < count; u++) {
        if (!ir_ancestor_in(users[u], block))
            continue;
        again = again ? again : ir_clone(&b, value->def, &map);
        for (int i = 0; i < users[u]->in_count; i++)
            users[u]->in[i] = users[u]->in[i] == value ? again->out[0] : users[u]->in[i];
    }
    return again;
}

/* Columns of the queries may have been taken right behind them. */
Op *columns_load_again(const Columns *c, Op *load, Block *block) {
    int  count;
    Op **users = ir_users(c->ctx, c->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_COLS && users[u]->parent == load->parent)
            clone_for(c, users[u]->out[0], block);
    return clone_for(c, load->out[0], block);
}

void columns_move_to_use(const Columns *c, Op *load) {
    int  count;
    Op **users = ir_users(c->ctx, c->kernel, load->out[0], &count);
    if (count == 0)
        return;
    Op *const first = ir_ancestor_in(users[0], load->parent);
    op_unlink(load);
    Builder b = ir_before(c->ctx, c->kernel, first);
    op_insert(&b, load);
}
