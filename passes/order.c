/* The order of a block's ops: each stands where it is needed first, so that registers hold what it gives for a short
 * time. Ops are put down from what writes back through their operands. Of what writes that goes first which takes least:
 * nothing is held of it afterwards. Of several operands the one that most is left to be computed for goes first: what it
 * holds meanwhile is gone when the others are computed. */
#include "passes/order.h"

#include "passes/rewrite.h"

#include <string.h>

typedef struct Node {
    Op  *op;
    int *needs; /* nodes of the block that it, or an op nested in it, uses; each once */
    int  need_count, need_capacity;
    int  seen; /* the last search that came by */
    bool done;
} Node;

typedef struct Order {
    Ctx    *ctx;
    Block  *block;
    Builder end;
    Node   *nodes;
    int     count, searches;
    int    *node_of; /* by the number of an op's first result */
    Node   *now;     /* whose needs are noted */
    bool    free_indices;
} Order;

static bool note_needs(Op *op, void *arg) {
    Order *const o = arg;
    for (int i = 0; i < op->in_count; i++) {
        const Op *def = op->in[i] ? op->in[i]->def : NULL;
        bool      known = !def || def->parent != o->block;
        for (int k = 0; k < o->now->need_count && !known; k++)
            known = o->nodes[o->now->needs[k]].op == def;
        if (!known)
            PUSH(o->ctx, o->now->needs, o->now->need_count, o->now->need_capacity, o->node_of[def->out[0]->id]);
    }
    return true;
}

/* What is loaded behind a store to the same parameter needs the store. */
static void note_stores(Order *o, int node) {
    const Op *const op = o->nodes[node].op;
    for (int n = 0; n < node && op->code == OP_LOAD; n++) {
        const Op *const store = o->nodes[n].op;
        if (store->code == OP_STORE && strcmp(op_text(store, AT_PARAM), op_text(op, AT_PARAM)) == 0)
            PUSH(o->ctx, o->now->needs, o->now->need_count, o->now->need_capacity, n);
    }
}

static void find_nodes(Order *o, Kernel *kernel) {
    const Op *const yield = ir_terminator(o->block);
    ir_number(kernel);
    o->node_of = NEW_ARRAY(o->ctx, int, kernel->value_count + 1);
    for (const Op *op = o->block->first; op != yield; op = op->next)
        o->count++;
    o->nodes = NEW_ARRAY(o->ctx, Node, o->count + 1);
    int n = 0;
    for (Op *op = o->block->first; op != yield; op = op->next) {
        o->nodes[n] = (Node){.op = op};
        if (op->out_count)
            o->node_of[op->out[0]->id] = n;
        n++;
    }
    for (n = 0; n < o->count; n++) {
        o->now = &o->nodes[n];
        note_needs(o->now->op, o);
        if (o->now->op->region)
            ir_walk(o->now->op->region, note_needs, o);
        note_stores(o, n);
    }
}

/* What is left to be put down for `node`, itself counted. */
static int work(Order *o, Node *node) {
    enum { PRODUCT = 64 }; /* as many other ops */
    const bool free = o->free_indices && op_info(node->op->code)->rule == TR_INDEX;
    int        sum = ir_multiplies(node->op) ? PRODUCT : free ? 0 : 1;
    if (node->done || node->seen == o->searches)
        return 0;
    node->seen = o->searches;
    for (int i = 0; i < node->need_count; i++)
        sum += work(o, &o->nodes[node->needs[i]]);
    return sum;
}

static void put_down(Order *o, Node *node) {
    for (Node *next = node; next;) {
        int most = -1;
        next = NULL;
        for (int i = 0; i < node->need_count; i++) {
            if (o->nodes[node->needs[i]].done)
                continue;
            o->searches++;
            const int left = work(o, &o->nodes[node->needs[i]]);
            next = left > most ? &o->nodes[node->needs[i]] : next;
            most = left > most ? left : most;
        }
        if (next)
            put_down(o, next);
    }
    node->done = true;
    op_unlink(node->op);
    op_insert(&o->end, node->op);
}

static bool is_root(const Op *op) { return op->out_count == 0 || ir_has_effects(op); }

/* Does it need a product, or a region with one, that is not put down yet? */
static bool waits(Order *o, Node *node) {
    if (node->done || node->seen == o->searches)
        return false;
    node->seen = o->searches;
    bool found = ir_multiplies(node->op);
    for (int i = 0; i < node->need_count && !found; i++)
        found = waits(o, &o->nodes[node->needs[i]]);
    return found;
}

/* Of those left, or of those that wait for no product, the one that least is left to be computed for; NULL: there is none. */
static Node *next_root(Order *o, bool ready) {
    Node *next = NULL;
    int   least = 0;
    for (int n = 0; n < o->count; n++) {
        if (o->nodes[n].done || !is_root(o->nodes[n].op))
            continue;
        o->searches++;
        if (ready && waits(o, &o->nodes[n]))
            continue;
        o->searches++;
        const int left = work(o, &o->nodes[n]);
        if (!next || left < least) {
            next = &o->nodes[n];
            least = left;
        }
    }
    return next;
}

static Order open_order(Ctx *ctx, Kernel *kernel, Block *block) {
    Order o = {.ctx = ctx, .block = block, .end = ir_before(ctx, kernel, ir_terminator(block))};
    find_nodes(&o, kernel);
    return o;
}

static void put_down_roots(Order *o, bool ready) {
    for (Node *root = next_root(o, ready); root; root = next_root(o, ready))
        put_down(o, root);
}

static void put_down_rest(Order *o) {
    put_down_roots(o, false);
    for (int n = 0; n < o->count; n++) /* what only the block's end needs */
        if (!o->nodes[n].done)
            put_down(o, &o->nodes[n]);
}

void order_by_use(Ctx *ctx, Kernel *kernel, Block *block) {
    Order o = open_order(ctx, kernel, block);
    put_down_rest(&o);
}

void order_by_products(Ctx *ctx, Kernel *kernel, Block *block) {
    Order o = open_order(ctx, kernel, block);
    o.free_indices = true;
    for (int n = 0; n < o.count; n++)
        if (!o.nodes[n].done && ir_multiplies(o.nodes[n].op)) {
            put_down(&o, &o.nodes[n]);
            put_down_roots(&o, true);
        }
    put_down_rest(&o);
}

void store_where_made(Ctx *ctx, Kernel *kernel, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        Op *last = NULL;
        next = op->next;
        for (int i = 0; i < op->in_count && op->code == OP_STORE; i++) {
            Op *const def = op->in[i] ? op->in[i]->def : NULL;
            last = def && def->parent == block && (!last || ir_precedes(last, def)) ? def : last;
        }
        if (last && last != op->prev) {
            Builder b = ir_after(ctx, kernel, last);
            op_unlink(op);
            op_insert(&b, op);
        }
    }
}
