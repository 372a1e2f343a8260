/* tails: what follows the key loop goes both ways of the branch there.
 * In: kernels for roles, in whose body, behind the last loop, a branch gives tiles to the ops behind it: the residual sum.
 * Out: all ops from the loop to the end are in the branch, around what it held, and once more in another one for where it is
 * not taken, in which its results are what they would have been. So no register holds results of the way that is not taken,
 * and products run on where the branch began and ended. Then every tile op stands right before the first that uses it: tiles
 * are held for as short as can be, and what one product needs is made while the product before it runs. */
#include "passes/loops.h"

typedef struct Tails {
    Ctx    *ctx;
    Kernel *kernel;
    Op     *branch;
} Tails;

static Block *inside_grid(Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == OP_FOR && op_int(op, AT_PAR, 0))
            return inside_grid(op->region);
    return block;
}

/* The block's only branch behind its last loop, if it gives anything. */
static Op *last_branch(const Block *block) {
    for (Op *op = block->last; op && op->code != OP_FOR; op = op->prev)
        if (op->code == OP_IF)
            return op->out_count ? op : NULL;
    return NULL;
}

static bool is_index(const Op *op) { return op_info(op->code)->rule == TR_INDEX; }

/* Index values go before everything, so that both ways see them; the first op of the tail is returned. */
static Op *hoist_indices(Tails *t, Block *block) {
    Op *first = block->first;
    for (Op *op = block->first; op; op = op->next)
        first = op->code == OP_FOR ? op->next : first;
    while (is_index(first))
        first = first->next;
    for (Op *op = first, *next; op; op = next) {
        next = op->next;
        if (!is_index(op))
            continue;
        Builder b = ir_before(t->ctx, t->kernel, first);
        op_unlink(op);
        op_insert(&b, op);
    }
    return first;
}

static void go_both_ways(Tails *t, Op *first) {
    Op *const    branch = t->branch, *const end = ir_terminator(branch->parent), *const yield = ir_terminator(branch->region);
    Builder      b = ir_before(t->ctx, t->kernel, end), before = ir_before(t->ctx, t->kernel, first);
    Op *const    other = ir_if(&b, ir_ibin(&before, OP_ILT, branch->in[0], ir_i(&before, 1)), NULL, 0);
    Builder      in = ir_at_end(t->ctx, t->kernel, other->region), head = ir_before(t->ctx, t->kernel, branch->region->first),
            inside = ir_before(t->ctx, t->kernel, yield);
    ValueMap map = {.ctx = t->ctx};
    bool     behind = false;
    for (Op *op = first, *next; op != other; op = next) {
        next = op->next;
        behind |= op == branch;
        for (int r = 0; op == branch && r < branch->out_count; r++)
            map_set(&map, branch->out[r], map_get(&map, branch->in[r + 1]));
        if (op == branch || is_index(op))
            continue;
        ir_clone(&in, op, &map);
        op_unlink(op);
        op_insert(behind ? &inside : &head, op);
    }
    ir_yield(&in, NULL, 0);
    for (int r = branch->out_count - 1; r >= 0; r--) {
        ir_replace_uses(t->kernel, branch->out[r], yield->in[r]);
        op_remove_in(yield, r);
        op_remove_out(branch, r);
        op_remove_in(branch, r + 1);
    }
}

/* From the last op up, so that what an op needs is moved after the op itself was. */
static void sink(Tails *t, Block *block) {
    for (Op *op = block->last, *prev; op; op = prev) {
        prev = op->prev;
        int count;
        if (!(op_info(op->code)->traits & PURE) || op->region || is_index(op) || op->out_count != 1)
            continue;
        Op **users = ir_users(t->ctx, t->kernel, op->out[0], &count);
        Op  *first = NULL;
        if (count == 0) {
            op_erase(op);
            continue;
        }
        for (int u = 0; u < count; u++) {
            Op *const here = ir_ancestor_in(users[u], block);
            first = here && (!first || ir_precedes(here, first)) ? here : first;
        }
        if (!first || op->code == OP_DOT)
            continue;
        Builder b = ir_before(t->ctx, t->kernel, first);
        op_unlink(op);
        op_insert(&b, op);
    }
}

Status pass_tails(Ctx *ctx, Module *module, const PassArgs *args) {
    Tails        t = {.ctx = ctx, .kernel = module->kernels[module->kernel_count - 1]};
    Block *const block = inside_grid(t.kernel->body);
    t.branch = args->schedule->roles ? last_branch(block) : NULL;
    if (!t.branch)
        return ST_OK;
    go_both_ways(&t, hoist_indices(&t, block));
    sink(&t, t.branch->region);
    return ST_OK;
}
