/* fuse: rowwise ops grouped into `rows` regions.
 * In: tile IR in which rowwise ops (loads, stores, elementwise ops, reductions over columns) stand alone. Out: each stands in
 * a region of ops over equally many rows, so that a code generator takes a row from memory to memory in registers.
 * Each block is scheduled anew, as dependences allow: index values as early as possible; then everything that is not rowwise
 * and ready, but for products that could not add in place yet; only then a group, which takes in every rowwise op of its row count that is ready or becomes so inside it. Loads of
 * parameters that nothing writes, and constants, have no operands to wait for: each group gets its own copy. */
#include "passes/loops.h"

#include <string.h>

typedef struct Node {
    Op  *op;
    bool done, lazy, rowwise;
    int  rows;
} Node;

typedef struct Fuser {
    Ctx    *ctx;
    Kernel *kernel;
    Node   *nodes;
    int     count;
    bool   *needs; /* count x count: node a must come after node b */
} Fuser;

static int tile_rows(const Op *op) {
    int rows = 1;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->type.cls == TY_TILE && op->in[i]->type.rows > rows)
            rows = op->in[i]->type.rows;
    for (int i = 0; i < op->out_count; i++)
        if (op->out[i]->type.cls == TY_TILE && op->out[i]->type.rows > rows)
            rows = op->out[i]->type.rows;
    return rows;
}

static bool is_rowwise(const Op *op) {
    return (op_info(op->code)->traits & ROWWISE) && !(op->out_count && op->out[0]->type.space == SPACE_GLOBAL);
}

typedef struct Touch { /* what of memory an op (with its region) reads and writes */
    const Op *subject;
    bool      conflict;
} Touch;

static const void *object_of(const Op *op, bool *writes) {
    *writes = (op_info(op->code)->traits & WRITES) != 0;
    if (op->code == OP_RING_PUT || op->code == OP_RING_GET)
        return op->in[0];
    return NULL;
}

/* A product may read its right side where it lies. */
static const char *param_of(const Op *op) {
    const Op *load = op->code == OP_DOT && op->in[1]->type.space == SPACE_GLOBAL ? op->in[1]->def : op;
    return op_text(load ? load : op, AT_PARAM);
}

static bool conflicts(const Op *a, const Op *b) {
    bool        wa, wb;
    const void *ra = object_of(a, &wa), *rb = object_of(b, &wb);
    if (!wa && !wb)
        return false;
    if (ra || rb)
        return ra == rb;
    const char *pa = param_of(a), *pb = param_of(b);
    return pa && pb && strcmp(pa, pb) == 0;
}

static bool conflict_inside(Op *op, void *arg) {
    Touch *t = arg;
    t->conflict = t->conflict || conflicts(op, t->subject);
    return !t->conflict;
}

static bool conflict_either(Op *op, void *arg) {
    Touch *t = arg;
    Touch  inner = {op, false};
    if (conflicts(op, t->subject))
        t->conflict = true;
    else if (t->subject->region)
        t->conflict = !ir_walk(t->subject->region, conflict_inside, &inner) || inner.conflict;
    return !t->conflict;
}

/* Do the two ops, or ops inside them, touch the same memory, one of them writing? */
static bool memory_order(Op *a, Op *b) {
    Touch t = {a, false};
    conflict_either(b, &t);
    if (!t.conflict && b->region)
        ir_walk(b->region, conflict_either, &t);
    return t.conflict;
}

static int node_of(const Fuser *f, const Op *op) {
    for (int n = 0; n < f->count; n++)
        if (f->nodes[n].op == op)
            return n;
    return -1;
}

typedef struct UseScan {
    Fuser *f;
    int    node;
    Block *block;
} UseScan;

static bool note_uses(Op *op, void *arg) {
    UseScan *scan = arg;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->def && op->in[i]->def->parent == scan->block) {
            const int n = node_of(scan->f, op->in[i]->def);
            if (n >= 0)
                scan->f->needs[scan->node * scan->f->count + n] = true;
        }
    return true;
}

static void find_needs(Fuser *f, Block *block) {
    for (int a = 0; a < f->count; a++) {
        UseScan scan = {f, a, block};
        note_uses(f->nodes[a].op, &scan);
        if (f->nodes[a].op->region)
            ir_walk(f->nodes[a].op->region, note_uses, &scan);
        for (int b = 0; b < a; b++)
            if (!f->needs[a * f->count + b] && memory_order(f->nodes[a].op, f->nodes[b].op))
                f->needs[a * f->count + b] = true;
    }
}

static bool ready(const Fuser *f, int node) {
    for (int n = 0; n < f->count; n++)
        if (f->needs[node * f->count + n] && !f->nodes[n].done && !f->nodes[n].lazy)
            return false;
    /* What a lazy operand needs must be there as well. */
    for (int n = 0; n < f->count; n++)
        if (f->needs[node * f->count + n] && f->nodes[n].lazy && !ready(f, n))
            return false;
    return true;
}

/* Clones the lazy operands of op into the region, once each. */
static void pull_operands(Fuser *f, Builder *b, Op *op, ValueMap *map) {
    for (int i = 0; i < op->in_count; i++) {
        const int n = op->in[i]->def ? node_of(f, op->in[i]->def) : -1;
        if (n < 0 || !f->nodes[n].lazy)
            continue;
        if (map_get(map, op->in[i]) == op->in[i])
            ir_clone(b, f->nodes[n].op, map);
        op->in[i] = map_get(map, op->in[i]);
    }
}

static void finish_group(Fuser *f, Op *rows, int member_count, Op **members) {
    Value **live = NULL;
    int     count = 0, capacity = 0;
    for (int m = 0; m < member_count; m++)
        for (int r = 0; r < members[m]->out_count; r++) {
            int  users;
            Op **by = ir_users(f->ctx, f->kernel, members[m]->out[r], &users);
            bool outside = false;
            for (int u = 0; u < users; u++)
                outside = outside || by[u]->parent != rows->region;
            if (outside)
                PUSH(f->ctx, live, count, capacity, members[m]->out[r]);
        }
    /* Users outside see the results instead; the region's own uses, and its yield, stay. */
    ir_rows_finish(f->ctx, f->kernel, rows, live, count);
    for (int v = 0; v < count; v++) {
        int  users;
        Op **by = ir_users(f->ctx, f->kernel, live[v], &users);
        for (int u = 0; u < users; u++)
            for (int i = 0; i < by[u]->in_count && by[u]->parent != rows->region; i++)
                if (by[u]->in[i] == live[v])
                    by[u]->in[i] = rows->out[v];
        rows->out[v]->name = live[v]->name;
    }
}

static void schedule_group(Fuser *f, Block *block, Op *end, int first) {
    Builder   at = {f->ctx, f->kernel, block, end};
    Op *const rows = ir_rows(&at, f->nodes[first].rows);
    Builder   in = ir_at_end(f->ctx, f->kernel, rows->region);
    ValueMap  map = {.ctx = f->ctx};
    Op      **members = NULL;
    int       count = 0, capacity = 0;
    for (bool grew = true; grew;) {
        grew = false;
        for (int n = first; n < f->count; n++) {
            Node *node = &f->nodes[n];
            if (node->done || node->lazy || !ready(f, n))
                continue;
            const bool index = op_info(node->op->code)->rule == TR_INDEX;
            if (!index && (!node->rowwise || node->rows != f->nodes[first].rows))
                continue;
            node->done = grew = true;
            op_unlink(node->op);
            if (index) {
                Builder before = ir_before(f->ctx, f->kernel, rows);
                op_insert(&before, node->op);
                continue;
            }
            pull_operands(f, &in, node->op, &map);
            op_insert(&in, node->op);
            PUSH(f->ctx, members, count, capacity, node->op);
        }
    }
    finish_group(f, rows, count, members);
}

/* A product that adds to a tile which others here have yet to read: done now, it would need a buffer of its own. */
static bool would_copy(const Fuser *f, int node) {
    const Op    *op = f->nodes[node].op;
    const Value *acc = op->code == OP_DOT ? ir_dot_parts(op).acc : NULL;
    if (!acc)
        return false;
    int  users;
    Op **by = ir_users(f->ctx, f->kernel, acc, &users);
    for (int u = 0; u < users; u++) {
        const Op *here = ir_ancestor_in(by[u], op->parent);
        const int n = here ? node_of(f, here) : -1;
        if (n >= 0 && n != node && !f->nodes[n].done)
            return true;
    }
    return false;
}

/* The next node by preference, or -1 when all are done. */
static int next_node(const Fuser *f) {
    int best = -1, best_class = 4;
    for (int n = 0; n < f->count; n++) {
        const Node *node = &f->nodes[n];
        if (node->done || node->lazy || !ready(f, n))
            continue;
        const int class = op_info(node->op->code)->rule == TR_INDEX ? 0 : node->rowwise ? 2 : would_copy(f, n) ? 3 : 1;
        if (class < best_class) {
            best = n;
            best_class = class;
        }
    }
    return best;
}

static bool is_lazy(const Fuser *f, const Op *op) {
    if (op->code == OP_LOAD)
        return is_rowwise(op) && !is_stored(f->kernel->body, op_text(op, AT_PARAM));
    return op->code == OP_FCONST;
}

/* Gives the users of a lazy op that are not rowwise a copy that is scheduled like any op. */
static void settle_lazy(Fuser *f, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (!is_lazy(f, op))
            continue;
        int       count;
        Op      **users = ir_users(f->ctx, f->kernel, op->out[0], &count);
        Op       *copy = NULL;
        for (int u = 0; u < count; u++) {
            if (users[u]->parent == block && is_rowwise(users[u]))
                continue;
            if (!copy) {
                ValueMap map = {.ctx = f->ctx};
                Builder  b = ir_after(f->ctx, f->kernel, op);
                copy = ir_clone(&b, op, &map);
                op_set_int(f->ctx, copy, AT_COUNT, 1); /* marks it as settled until the block is scheduled */
            }
            for (int i = 0; i < users[u]->in_count; i++)
                if (users[u]->in[i] == op->out[0])
                    users[u]->in[i] = copy->out[0];
        }
        if (copy)
            next = copy->next;
    }
}

/* Brings lazy ops into the blocks of the rowwise ops that use them, so that what was hoisted out of a loop does not go
 * through memory. */
static bool sink_lazy(Op *op, void *arg) {
    Fuser *f = arg;
    if (!is_rowwise(op))
        return true;
    for (int i = 0; i < op->in_count; i++) {
        const Op *def = op->in[i]->def;
        if (!def || def->parent == op->parent || !is_lazy(f, def))
            continue;
        ValueMap map = {.ctx = f->ctx};
        Builder  b = ir_before(f->ctx, f->kernel, op);
        Value   *old = op->in[i];
        ir_clone(&b, def, &map);
        for (int same = i; same < op->in_count; same++)
            if (op->in[same] == old)
                op->in[same] = map_get(&map, old);
    }
    return true;
}

static void collect(Fuser *f, Block *block) {
    int capacity = 0;
    for (Op *op = block->first; op; op = op->next) {
        if (op->code == OP_YIELD)
            continue;
        Node node = {.op = op, .rowwise = is_rowwise(op), .rows = tile_rows(op)};
        node.lazy = is_lazy(f, op) && !op_has(op, AT_COUNT);
        if (is_lazy(f, op))
            op_remove_attr(op, AT_COUNT);
        PUSH(f->ctx, f->nodes, f->count, capacity, node);
    }
    f->needs = NEW_ARRAY(f->ctx, bool, f->count * f->count);
}

static void fuse_block(Ctx *ctx, Kernel *kernel, Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->region)
            fuse_block(ctx, kernel, op->region);
    Fuser f = {.ctx = ctx, .kernel = kernel};
    settle_lazy(&f, block);
    collect(&f, block);
    find_needs(&f, block);
    Op *const end = ir_terminator(block);
    for (int n; (n = next_node(&f)) >= 0;) {
        if (f.nodes[n].rowwise) {
            schedule_group(&f, block, end, n);
            continue;
        }
        Builder b = {ctx, kernel, block, end};
        op_unlink(f.nodes[n].op);
        op_insert(&b, f.nodes[n].op);
        f.nodes[n].done = true;
    }
    for (int n = 0; n < f.count; n++)
        if (f.nodes[n].lazy)
            op_erase(f.nodes[n].op);
}

typedef struct Groups {
    int count, ops;
} Groups;

static bool count_group(Op *op, void *arg) {
    Groups *g = arg;
    g->count += op->code == OP_ROWS;
    g->ops += op->parent->owner && op->parent->owner->code == OP_ROWS && op->code != OP_YIELD;
    return true;
}

static void note_groups(Ctx *ctx, const PassArgs *args, Kernel *kernel) {
    Groups g = {0, 0};
    if (!args->log)
        return;
    ir_walk(kernel->body, count_group, &g);
    pass_note(ctx, args, kernel, "groups of rowwise ops, whose rows stay in registers: %d, of %d ops in all", g.count, g.ops);
}

Status pass_fuse(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Fuser f = {.ctx = ctx, .kernel = module->kernels[k]};
        ir_walk(f.kernel->body, sink_lazy, &f);
        fuse_block(ctx, module->kernels[k], module->kernels[k]->body);
        note_groups(ctx, args, module->kernels[k]);
    }
    return ST_OK;
}
