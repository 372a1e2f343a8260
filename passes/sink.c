/* What only a branch uses, and only behind its first product, is computed there, where it is used first.
 * In: tile IR whose branches multiply. Out: tiles that were computed before a branch for such a use are computed in it: no
 * register holds them while products run that do not use them. What they are loaded from is loaded again there, but for what
 * the kernel writes. What the first product uses stays before the branch, where tiles may be on their way. */
#include "passes/loops.h"

typedef struct Sink {
    Ctx    *ctx;
    Kernel *kernel;
    Block  *branch;
} Sink;

static bool has_products(const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_DOT)
            return true;
    return false;
}

static bool is_tile(const Value *value) { return value->type.cls == TY_TILE && value->type.rows > 1; }

/* Where in the branch all that uses the op does so first; NULL where something else uses it, or the first product. */
static Op *first_use(const Sink *s, const Op *op) {
    int        count;
    Op **const users = ir_users(s->ctx, s->kernel, op->out[0], &count);
    Op        *first = NULL;
    for (int u = 0; u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], s->branch);
        if (!here)
            return NULL;
        first = !first || ir_precedes(here, first) ? here : first;
    }
    for (const Op *at = first ? first->prev : NULL; at; at = at->prev)
        if (at->code == OP_DOT)
            return first;
    return NULL;
}

static bool may_sink(const Op *op) {
    return (op_info(op->code)->traits & PURE) && op->code != OP_LOAD && !op->region && op->out_count == 1 && is_tile(op->out[0]);
}

static bool may_load_again(const Sink *s, const Value *value) {
    return value->def && value->def->code == OP_LOAD && is_tile(value) && value->def->parent != s->branch &&
           !is_stored(s->kernel->body, op_text(value->def, AT_PARAM));
}

/* One load for all that uses it between two products. */
static void load_again(Sink *s) {
    ValueMap map = {.ctx = s->ctx};
    for (Op *op = s->branch->first; op; op = op->next) {
        for (int i = 0; i < op->in_count && op->code != OP_DOT; i++) {
            Value *const tile = op->in[i];
            if (!tile || !may_load_again(s, tile))
                continue;
            Builder b = ir_before(s->ctx, s->kernel, op);
            op->in[i] = map_get(&map, tile) == tile ? ir_clone(&b, tile->def, &map)->out[0] : map_get(&map, tile);
        }
        if (op->code == OP_DOT)
            map = (ValueMap){.ctx = s->ctx};
    }
}

void sink_into_branches(Ctx *ctx, Kernel *kernel, Block *block) {
    for (Op *branch = block->first; branch; branch = branch->next) {
        Sink s = {.ctx = ctx, .kernel = kernel, .branch = branch->code == OP_IF ? branch->region : NULL};
        if (!s.branch || !has_products(s.branch))
            continue;
        bool sunk = false;
        for (Op *op = branch->prev, *before; op; op = before) {
            before = op->prev;
            Op *const first = may_sink(op) ? first_use(&s, op) : NULL;
            if (!first)
                continue;
            Builder b = ir_before(ctx, kernel, first);
            op_unlink(op);
            op_insert(&b, op);
            sunk = true;
        }
        if (sunk)
            load_again(&s);
    }
}
