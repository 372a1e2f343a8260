/* tails: what follows the key loop goes both ways of the branches there.
 * In: kernels for roles, and main of wide heads without, in whose body, behind the last loop, branches give tiles to
 * the ops behind them: the window's edge, the residual sum. What they add is nothing where they need not be taken.
 * Out: all ops from the loop to the end are in one branch, with what the others held, and once more in another one
 * for where none is taken. So no register holds results of the way that is not taken, and products run on where the
 * branch began and ended. Then every tile op stands right before the first that uses it: tiles are held for as short
 * as can be, and what one product needs is made while the product before it runs. */
#include "passes/loops.h"

typedef struct Tails {
    Ctx    *ctx;
    Kernel *kernel;
} Tails;

/* Are there branches behind the block's last loop, and do all of them give something? */
static bool has_branches(const Block *block) {
    bool found = false;
    for (const Op *op = block->last; op && op->code != OP_FOR; op = op->prev) {
        if (op->code == OP_IF && op->out_count == 0)
            return false;
        found |= op->code == OP_IF;
    }
    return found;
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

/* The branch's ops where it stood, for the way on which it is taken. */
static void inline_taken(Tails *t, Builder *b, Op *branch) {
    const Op *yield = ir_terminator(branch->region);
    for (int r = 0; r < branch->out_count; r++)
        ir_replace_uses(t->kernel, branch->out[r], yield->in[r]);
    ir_move_ops(b, branch->region);
    op_erase(branch);
}

/* -> the way on which the branches are taken: if any of them would be. */
static Op *go_both_ways(Tails *t, Op *first) {
    Builder before = ir_before(t->ctx, t->kernel, first),
            b = ir_before(t->ctx, t->kernel, ir_terminator(first->parent));
    Value *any = NULL;
    for (const Op *op = first; op; op = op->next)
        if (op->code == OP_IF)
            any = any ? ir_ibin(&before, OP_IMAX, any, op->in[0]) : op->in[0];
    Op *const taken = ir_if(&b, any, NULL, 0), *const other =
                                                   ir_if(&b, ir_ibin(&before, OP_ILT, any, ir_i(&before, 1)), NULL, 0);
    Builder  in = ir_at_end(t->ctx, t->kernel, taken->region), out = ir_at_end(t->ctx, t->kernel, other->region);
    ValueMap map = {.ctx = t->ctx};
    for (Op *op = first, *next; op != taken; op = next) {
        next = op->next;
        for (int r = 0; op->code == OP_IF && r < op->out_count; r++)
            map_set(&map, ir_terminator(op->region)->in[r],
                    map_get(&map, op->in[r + 1])); /* which is what uses see from here on */
        if (op->code == OP_IF) {
            inline_taken(t, &in, op);
        } else if (!is_index(op)) {
            ir_clone(&out, op, &map);
            op_unlink(op);
            op_insert(&in, op);
        }
    }
    ir_yield(&in, NULL, 0);
    ir_yield(&out, NULL, 0);
    return taken;
}

/* The first op of the block, behind `from`, that uses `value` and is not `but`; NULL if there is none. */
static Op *first_use(Tails *t, const Block *block, const Value *value, const Op *from, const Op *but) {
    int  count;
    Op **users = ir_users(t->ctx, t->kernel, value, &count);
    Op  *first = NULL;
    for (int u = 0; u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], block);
        if (here && here != but && ir_precedes(from, here) && (!first || ir_precedes(here, first)))
            first = here;
    }
    return first;
}

static int64_t bytes(Type type) { return (int64_t)type.rows * type.cols * (int64_t)dtype_size(type.dtype); }

/* Where an op is best: before its first use, but where it makes a tile smaller no later than the tile's other uses. */
static Op *place_for(Tails *t, const Block *block, const Op *op) {
    Op *place = first_use(t, block, op->out[0], op, NULL);
    for (int i = 0; i < op->in_count && place; i++) {
        if (op->in[i]->type.cls != TY_TILE || bytes(op->in[i]->type) <= bytes(op->out[0]->type))
            continue;
        Op *const other = first_use(t, block, op->in[i], op, op);
        place = other && ir_precedes(other, place) ? other : place;
    }
    return place;
}

/* One column made of several takes no time and, made at once, leaves fewer of them to hold. */
static bool joins_columns(const Op *op) {
    int columns = 0;
    for (int i = 0; i < op->in_count; i++)
        columns += op->in[i]->type.cols != 1 ? -op->in_count : op->in[i]->type.rows > 1;
    return columns > 1 && op->out[0]->type.cols == 1;
}

/* From the last op up, so that what an op needs is moved after the op itself was. */
static void sink(Tails *t, Block *block) {
    for (Op *op = block->last, *prev; op; op = prev) {
        prev = op->prev;
        if (!(op_info(op->code)->traits & PURE) || op->region || is_index(op) || op->out_count != 1)
            continue;
        if (ir_use_count(t->kernel, op->out[0]) == 0) {
            op_erase(op);
            continue;
        }
        Op *const place = op->code == OP_DOT || joins_columns(op) ? NULL : place_for(t, block, op);
        if (!place)
            continue;
        Builder b = ir_before(t->ctx, t->kernel, place);
        op_unlink(op);
        op_insert(&b, op);
    }
}

static Op *next_product(Op *op) {
    while (op && op->code != OP_DOT)
        op = op->next;
    return op;
}

/* What `value` is made of, and it itself, goes before `at`. */
static void raise_value(Tails *t, const Value *value, Op *at) {
    Op *const op = value->def;
    if (!op || op == at || op->parent != at->parent || ir_precedes(op, at))
        return;
    for (int i = 0; i < op->in_count; i++)
        raise_value(t, op->in[i], at);
    Builder b = ir_before(t->ctx, t->kernel, at);
    op_unlink(op);
    op_insert(&b, op);
}

/* What uses `value` behind `from` finds it in the products' dtype, in half the registers. */
static void hold_small(Tails *t, Value *value, const Op *from) {
    const DType dtype = ir_find_param(t->kernel, "k")->dtype;
    int         count;
    Op        **users = ir_users(t->ctx, t->kernel, value, &count);
    Value      *held = NULL;
    for (int u = 0; u < count && dtype_size(dtype) < dtype_size(value->type.dtype); u++) {
        if (users[u]->parent != from->parent || !ir_precedes(from, users[u]))
            continue;
        Builder made = ir_after(t->ctx, t->kernel, value->def), b = ir_before(t->ctx, t->kernel, users[u]);
        held = held ? held : ir_convert(&made, value, dtype);
        Value *const again = ir_convert(&b, held, value->type.dtype);
        for (int i = 0; i < users[u]->in_count; i++)
            users[u]->in[i] = users[u]->in[i] == value ? again : users[u]->in[i];
    }
}

/* The way on which no branch is taken, if it has more products than the key loop has left to it, as with an initial state: all
 * left sides are made before these begin, one of them while the first product runs, and what its result becomes, for registers hold
 * no sum beside two more. */
static void end_first_product(Tails *t, Block *block) {
    Op *const first = next_product(block->first), *const second = first ? next_product(first->next) : NULL;
    if (!second)
        return;
    sink(t, block);
    Op *const behind = first->next;
    for (Op *op = second->next, *next; op; op = next) {
        next = op->next;
        const bool tile = op->out_count == 1 && op->code != OP_DOT && op->out[0]->type.cls == TY_TILE;
        if (tile && depends_on(op->out[0], first->out[0]) && !depends_on(op->out[0], second->out[0]))
            raise_value(t, op->out[0], behind);
    }
    for (Op *op = second->prev; op != first; op = op->prev)
        if (op->out_count == 1 && op->out[0]->type.cls == TY_TILE && op->out[0]->type.cols > 1 && op->code != OP_DOT &&
            depends_on(op->out[0], first->out[0]))
            hold_small(t, op->out[0], second);
    for (Op *op = second; op; op = next_product(op->next))
        raise_value(t, op->in[0], second);
}

/* A product that adds up what a turn before has left goes behind the scores of this one: they are waited for first. */
static void scores_first(Tails *t, Block *block) {
    Op *first = NULL, *second = NULL;
    for (Op *op = block->first; op && !second; op = op->next)
        if (op->code == OP_DOT) {
            second = first ? op : NULL;
            first = first ? first : op;
        }
    Op *const load = first ? first->in[1]->def : NULL;
    if (!second || !load || load->parent != block || depends_on(second->out[0], first->out[0]) ||
        ir_precedes(first_use(t, block, first->out[0], first, NULL), second))
        return;
    Builder b = ir_after(t->ctx, t->kernel, second);
    op_unlink(load);
    op_insert(&b, load);
    op_unlink(first);
    op_insert(&b, first);
}

Status pass_tails(Ctx *ctx, Module *module, const PassArgs *args) {
    Tails        t = {.ctx = ctx, .kernel = loop_main(module)};
    Block *const block = loop_grid_body(t.kernel->body);
    if (!(args->schedule->roles || loop_slices_columns(args)) || !has_branches(block))
        return ST_OK;
    Op *const taken = go_both_ways(&t, hoist_indices(&t, block));
    sink(&t, taken->region);
    if (args->kind == KIND_BACKWARD) /* two operands of one op change places */
        sink(&t, taken->region);
    scores_first(&t, taken->region);
    end_first_product(&t, taken->next->region);
    pass_note(ctx, args, t.kernel, "what follows the key loop goes both ways of the residual sum's branch");
    return ST_OK;
}
