/* reload: what is needed again only behind a loop is loaded again there.
 * In: tile IR in which a load's tile is used before or in the loops of a block and once more behind one that does not
 * use it. Out: the uses behind have a load of their own, so that no register holds the tile while the loop runs. Memory
 * that the kernel writes is not read again. */
#include "passes/loops.h"

#include <string.h>

typedef struct Reload {
    Ctx    *ctx;
    Kernel *kernel;
} Reload;

static bool writes_no(Op *op, void *param) { return op->code != OP_STORE || strcmp(op_text(op, AT_PARAM), param) != 0; }

/* The last sequential loop behind `load` in its block with later users, and that does not use it itself. */
static Op *loop_between(const Op *load, Op *const *users, int count) {
    Op *found = NULL;
    for (Op *op = load->next; op; op = op->next) {
        bool inside = false, later = false;
        if (op->code != OP_FOR)
            continue;
        for (int u = 0; u < count; u++) {
            const Op *here = ir_ancestor_in(users[u], load->parent);
            inside |= here == op;
            later |= here && here != op && ir_precedes(op, here);
        }
        found = later && !inside ? op : found;
    }
    return found;
}

static bool reload(Op *load, void *arg) {
    Reload *r = arg;
    int     count;
    if (load->code != OP_LOAD || load->out[0]->type.rows < 2 ||
        !ir_walk(r->kernel->body, writes_no, (void *)op_text(load, AT_PARAM)))
        return true;
    Op      **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    Op *const loop = loop_between(load, users, count);
    Op       *first = NULL;
    for (int u = 0; loop && u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], load->parent);
        if (here && ir_precedes(loop, here) && (!first || ir_precedes(here, first)))
            first = here;
    }
    if (!first)
        return true;
    ValueMap     map = {.ctx = r->ctx};
    Builder      b = ir_before(r->ctx, r->kernel, first);
    Value *const again = ir_clone(&b, load, &map)->out[0];
    for (int u = 0; u < count; u++) {
        const Op *here = ir_ancestor_in(users[u], load->parent);
        for (int i = 0; i < users[u]->in_count && here && ir_precedes(loop, here); i++)
            if (users[u]->in[i] == load->out[0])
                users[u]->in[i] = again;
    }
    return true;
}

Status pass_reload(Ctx *ctx, Module *module, const PassArgs *args) {
    (void)args;
    for (int k = 0; k < module->kernel_count; k++) {
        Reload r = {ctx, module->kernels[k]};
        ir_walk(r.kernel->body, reload, &r);
    }
    return ST_OK;
}
