/* reload: what is needed again only behind a loop is loaded again there.
 * In: tile IR in which a load's tile is used before or in the loops of a block and once more behind one that does not
 * use it. Out: the uses behind have a load of their own, so that no register holds the tile while the loop runs. Memory
 * that the kernel writes is not read again. So do floats that are made of a
 * 16-bit tile; with roles behind each product, too. */
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

/* A tile that may be had again: from a parameter that is not written, or from its 16-bit form, half as large. */
static bool is_cheap(const Reload *r, const Op *op) {
    if (op->code == OP_CONVERT)
        return dtype_size(op->in[0]->type.dtype) < dtype_size(op->out[0]->type.dtype) && op->out[0]->type.rows > 1;
    return op->code == OP_LOAD && op->out[0]->type.rows > 1 &&
           ir_walk(r->kernel->body, writes_no, (void *)op_text(op, AT_PARAM));
}

static bool reads_shared(const Op *op) {
    return op->code == OP_CONVERT && op->in[0]->def && op->in[0]->def->code == OP_RING_GET;
}

/* Where the first use behind the loop is; inside of a branch that has all of them. */
static Op *first_behind(const Op *loop, Op *const *users, int count) {
    const Block *block = loop->parent;
    Op          *first = NULL;
    for (bool inside = true; inside;) {
        Op  *found = NULL;
        bool same = true;
        for (int u = 0; u < count; u++) {
            Op *const here = ir_ancestor_in(users[u], block);
            if (!here || (block == loop->parent && !ir_precedes(loop, here)))
                continue;
            same &= !found || found == here;
            found = !found || ir_precedes(here, found) ? here : found;
        }
        first = found;
        inside = found && same && found->code == OP_IF;
        block = inside ? found->region : block;
    }
    return first;
}

static bool reload(Op *load, void *arg) {
    Reload *r = arg;
    int     count;
    if (!is_cheap(r, load))
        return true;
    Op      **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    Op *const loop = loop_between(load, users, count);
    Op *const first = loop ? first_behind(loop, users, count) : NULL;
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
    if (reads_shared(load) && ir_use_count(r->kernel, load->out[0]) == 0) /* which compilers take for needed */
        op_erase(load);
    return true;
}

/* Floats made of a 16-bit tile are made anew behind each product: it may run for long, and the 16-bit form is half as large. */
static bool remake(Op *op, void *arg) {
    Reload *r = arg;
    if (op->code != OP_CONVERT || !is_cheap(r, op))
        return true;
    Value *const whole = op->out[0];
    Value       *now = whole;
    bool         product = false;
    for (Op *at = op->next; at; at = at->next) {
        for (int i = 0; i < at->in_count; i++) {
            if (at->in[i] != whole)
                continue;
            Builder b = ir_before(r->ctx, r->kernel, at);
            if (product)
                now = ir_convert(&b, op->in[0], whole->type.dtype);
            product = false;
            at->in[i] = now;
        }
        product |= at->code == OP_DOT;
    }
    return true;
}

Status pass_reload(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Reload r = {ctx, module->kernels[k]};
        ir_walk(r.kernel->body, reload, &r);
        if (args->schedule->roles)
            ir_walk(r.kernel->body, remake, &r);
    }
    return ST_OK;
}
