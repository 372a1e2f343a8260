/* What only a branch uses, and only behind its first product, is computed there, where it is used first.
 * In: tile IR whose branches multiply. Out: tiles that were computed before a branch for such a use are computed in it: no
 * register holds them while products run that do not use them. What they are loaded from is loaded again there, but for what
 * the kernel writes. What the first product uses stays before the branch, where tiles may be on their way. Pieces of features
 * that follow a product are computed again from what is loaded. */
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

/* ---- Pieces of features ---- */

/* Can a tile be had again for some operations a number? What is one number a row, or one row, stays in registers. */
static bool may_compute(const Sink *s, const Value *value) {
    const Op *const def = value->def;
    if (!is_tile(value) || value->type.cols == 1)
        return true;
    if (!def || def->region || def->out_count != 1 || !(op_info(def->code)->traits & PURE) ||
        !(op_info(def->code)->traits & ROWWISE) || def->code == OP_ROPE)
        return false;
    if (def->code == OP_LOAD)
        return !is_stored(s->kernel->body, op_text(def, AT_PARAM));
    for (int i = 0; i < def->in_count; i++)
        if (def->in[i] && !may_compute(s, def->in[i]))
            return false;
    return true;
}

static void compute_before(Builder *b, Value *value, ValueMap *map) {
    if (!is_tile(value) || value->type.cols == 1 || map_get(map, value) != value)
        return;
    for (int i = 0; i < value->def->in_count && value->def->code != OP_LOAD; i++)
        if (value->def->in[i])
            compute_before(b, value->def->in[i], map);
    ir_clone(b, value->def, map);
}

/* The last product before `op`, where the tile is there before it and has been used. */
static bool waits_for_product(const Sink *s, const Op *op) {
    const Value *const tile = op->in[0];
    const Op          *product = op->prev;
    while (product && product->code != OP_DOT && product != tile->def)
        product = product->prev;
    if (!product || product == tile->def)
        return false;
    int        count;
    Op **const users = ir_users(s->ctx, s->kernel, tile, &count);
    for (int u = 0; u < count; u++) {
        const Op *const here = ir_ancestor_in(users[u], s->branch);
        if (!here || ir_precedes(here, product))
            return true;
    }
    return false;
}

static void compute_pieces(Sink *s) {
    for (Op *op = s->branch->first; op; op = op->next) {
        if (op->code != OP_COLS || !is_tile(op->in[0]) || !may_compute(s, op->in[0]) || !waits_for_product(s, op))
            continue;
        ValueMap map = {.ctx = s->ctx};
        Builder  b = ir_before(s->ctx, s->kernel, op);
        compute_before(&b, op->in[0], &map);
        op->in[0] = map_get(&map, op->in[0]);
    }
}

void sink_pieces(Ctx *ctx, Kernel *kernel, Block *block) {
    for (Op *branch = block->first; branch; branch = branch->next) {
        Sink s = {.ctx = ctx, .kernel = kernel, .branch = branch->code == OP_IF ? branch->region : NULL};
        if (s.branch && has_products(s.branch))
            compute_pieces(&s);
    }
}
