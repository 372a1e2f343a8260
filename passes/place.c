/* place: memory for tiles.
 * In: fused tile IR. Out: every tile has a space: a register inside a rows region, else bytes of the item's scratch memory; the
 * kernel knows how much it needs. Values that may share a buffer by their meaning do: what a loop carries, a product and the
 * tile it adds to, a row region's result and an operand of its shape that dies there (each row is read before it is written),
 * so that none of these copies anything. Buffers whose lifetimes do not meet overlap. */
#include "passes/loops.h"

#include <stdlib.h>
#include <string.h>

/* Lifetimes count half steps of the printing order: an op at p reads up to 2p + 1 and makes its results at 2p + 1. */
typedef struct Span {
    int start, end;
} Span;

typedef struct Item { /* a placed value; the root of its class holds the class's buffer */
    Value  *value;
    Span    span;
    int     parent, next; /* union-find; list of the class's members, -1 ends it */
    int64_t bytes, offset;
    bool    placed;
} Item;

typedef struct Placer {
    Ctx    *ctx;
    Kernel *kernel;
    Item   *items;
    int     count, capacity;
    int    *item_of;  /* by value id, -1: none */
    Op    **ops;
    int     op_count, op_capacity;
    int    *ends;
    int     end_capacity, end_count;
} Placer;

static int position(const Placer *p, const Op *op) {
    for (int n = 0; n < p->op_count; n++)
        if (p->ops[n] == op)
            return n;
    return -1;
}

/* ---- Order ---- */

/* Printing order, with one more number at the end of each region for its owner's end. */
static void number(Placer *p, Block *block) {
    for (Op *op = block->first; op; op = op->next) {
        const int at = p->op_count;
        PUSH(p->ctx, p->ops, p->op_count, p->op_capacity, op);
        PUSH(p->ctx, p->ends, p->end_count, p->end_capacity, at);
        if (!op->region)
            continue;
        number(p, op->region);
        p->ends[at] = p->op_count;
        PUSH(p->ctx, p->ops, p->op_count, p->op_capacity, NULL);
        PUSH(p->ctx, p->ends, p->end_count, p->end_capacity, p->op_count - 1);
    }
}

/* ---- Items ---- */

static bool needs_memory(const Value *value) {
    const Op *op = value->def;
    if (value->type.cls == TY_RING)
        return true;
    return value->type.cls == TY_TILE && value->type.space != SPACE_GLOBAL && !(op && op->code == OP_RING_GET);
}

static void add_item(Placer *p, Value *value, int start) {
    if (!needs_memory(value))
        return;
    const Item item = {.value = value, .span = {start, start}, .parent = p->count, .next = -1, .bytes = ir_tile_bytes(value->type)};
    p->item_of[value->id] = p->count;
    PUSH(p->ctx, p->items, p->count, p->capacity, item);
}

static void add_items(Placer *p, Block *block) {
    for (Op *op = block->first; op; op = op->next) {
        const int at = position(p, op);
        if (op->code == OP_ROWS) {
            for (Op *inner = op->region->first; inner; inner = inner->next)
                for (int r = 0; r < inner->out_count; r++)
                    inner->out[r]->type.space = SPACE_REGISTER;
        } else if (op->region) {
            for (int a = 0; a < op->region->arg_count; a++)
                add_item(p, op->region->args[a], 2 * at + 1);
            add_items(p, op->region);
        }
        for (int r = 0; r < op->out_count; r++)
            add_item(p, op->out[r], 2 * p->ends[at] + 1);
    }
}

/* A use extends the value's life to the using op; to the end of every loop around it that the value was not made in. */
static void extend(Placer *p, Value *value, const Op *user, int at) {
    const int item = p->item_of[value->id];
    if (item < 0)
        return;
    int          end = 2 * at + 1;
    const Block *home = value->def ? value->def->parent : value->owner;
    for (const Op *around = user->parent->owner; around && user->parent != home; around = around->parent->owner) {
        if (around->code == OP_FOR || around->code == OP_ROWS)
            end = 2 * p->ends[position(p, around)] + 1;
        if (around->parent == home)
            break;
    }
    if (p->items[item].span.end < end)
        p->items[item].span.end = end;
}

/* A view into a ring keeps the ring alive. */
static Value *memory_of(Value *value) {
    return value->def && value->def->code == OP_RING_GET ? value->def->in[0] : value;
}

static void find_lives(Placer *p) {
    for (int n = 0; n < p->op_count; n++)
        for (int i = 0; p->ops[n] && i < p->ops[n]->in_count; i++)
            extend(p, memory_of(p->ops[n]->in[i]), p->ops[n], n);
}

/* ---- Classes ---- */

static int root_of(const Placer *p, int item) {
    while (p->items[item].parent != item)
        item = p->items[item].parent;
    return item;
}

static bool meet(Span a, Span b) {
    const int start = a.start > b.start ? a.start : b.start, end = a.end < b.end ? a.end : b.end;
    return start < end;
}

/* Lets two values share a buffer if their layouts agree and no two of their classes' lives overlap. */
static bool unite(Placer *p, const Value *a, const Value *b) {
    int x = p->item_of[a->id], y = p->item_of[b->id];
    if (x < 0 || y < 0 || !type_equal(a->type, b->type))
        return false;
    x = root_of(p, x);
    y = root_of(p, y);
    if (x == y)
        return true;
    for (int i = x; i >= 0; i = p->items[i].next)
        for (int j = y; j >= 0; j = p->items[j].next)
            if (meet(p->items[i].span, p->items[j].span))
                return false;
    int last = x;
    while (p->items[last].next >= 0)
        last = p->items[last].next;
    p->items[last].next = y;
    p->items[y].parent = x;
    return true;
}

static void live_until(Placer *p, const Value *value, int end) {
    const int item = p->item_of[value->id];
    if (item >= 0 && p->items[item].span.end < end)
        p->items[item].span.end = end;
}

/* Carried values: argument and result are one buffer; the next value too if it is made after the argument's last use, else
 * it is copied at the end of a turn, until when both must live. The same holds for the initial value at the start. */
static void unite_loop(Placer *p, Op *loop, int at) {
    const Op *yield = ir_terminator(loop->region);
    const int end = 2 * p->ends[at] + 1;
    for (int c = 0; c < loop->out_count; c++) {
        const Value *arg = loop->region->args[c + 1];
        unite(p, arg, loop->out[c]);
        if (p->item_of[arg->id] < 0)
            continue;
        if (!unite(p, arg, yield->in[c]))
            live_until(p, arg, end - 1);
        live_until(p, yield->in[c], end - 1);
        unite(p, loop->in[c + 3], arg);
        live_until(p, arg, 2 * at + 2);
    }
}

static void unite_if(Placer *p, Op *op, int at) {
    const Op *yield = ir_terminator(op->region);
    for (int r = 0; r < op->out_count; r++) {
        if (unite(p, yield->in[r], op->out[r]))
            live_until(p, yield->in[r], 2 * p->ends[at]);
        if (!unite(p, op->in[r + 1], op->out[r]))
            live_until(p, op->in[r + 1], 2 * p->ends[at] + 1);
    }
}

static void unite_rows(Placer *p, Op *rows) {
    for (int r = 0; r < rows->out_count; r++)
        for (Op *op = rows->region->first; op; op = op->next)
            for (int i = 0; i < op->in_count; i++)
                if (op->in[i]->type.cls == TY_TILE && op->in[i]->type.rows == rows->out[r]->type.rows &&
                    !ir_defined_in(op->in[i], rows->region) && unite(p, op->in[i], rows->out[r])) {
                    i = op->in_count;
                    break;
                }
}

static void unite_all(Placer *p) {
    for (int n = 0; n < p->op_count; n++) {
        Op *op = p->ops[n];
        if (!op)
            continue;
        if (op->code == OP_FOR)
            unite_loop(p, op, n);
        else if (op->code == OP_IF)
            unite_if(p, op, n);
        else if (op->code == OP_DOT && ir_dot_parts(op).acc)
            unite(p, ir_dot_parts(op).acc, op->out[0]);
    }
    for (int n = 0; n < p->op_count; n++)
        if (p->ops[n] && p->ops[n]->code == OP_ROWS)
            unite_rows(p, p->ops[n]);
}

/* ---- Buffers ---- */

static Span hull(const Placer *p, int root) {
    Span all = p->items[root].span;
    for (int i = root; i >= 0; i = p->items[i].next) {
        all.start = p->items[i].span.start < all.start ? p->items[i].span.start : all.start;
        all.end = p->items[i].span.end > all.end ? p->items[i].span.end : all.end;
    }
    return all;
}

/* The lowest offset at which the class fits beside every placed class that is alive with it. */
static int64_t first_fit(const Placer *p, int root, Span life) {
    int64_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < p->count; i++) {
            const Item *other = &p->items[i];
            if (other->parent != i || !other->placed)
                continue;
            const Span o = hull(p, i);
            const bool alive = o.start <= life.end && life.start <= o.end;
            if (alive && at < other->offset + other->bytes && other->offset < at + p->items[root].bytes) {
                at = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return at;
}

static int by_size(const void *a, const void *b) {
    const Item *x = *(Item *const *)a, *y = *(Item *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static void assign(Placer *p) {
    Item **order = NEW_ARRAY(p->ctx, Item *, p->count + 1);
    int    classes = 0;
    for (int i = 0; i < p->count; i++)
        if (p->items[i].parent == i)
            order[classes++] = &p->items[i];
    qsort(order, (size_t)classes, sizeof *order, by_size);
    p->kernel->scratch_bytes = 0;
    for (int c = 0; c < classes; c++) {
        Item *item = order[c];
        item->offset = first_fit(p, (int)(item - p->items), hull(p, (int)(item - p->items)));
        item->placed = true;
        if (p->kernel->scratch_bytes < item->offset + item->bytes)
            p->kernel->scratch_bytes = item->offset + item->bytes;
    }
    for (int i = 0; i < p->count; i++) {
        p->items[i].value->type.space = SPACE_SCRATCH;
        p->items[i].value->type.offset = p->items[root_of(p, i)].offset;
    }
}

static void note_memory(const Placer *p, const PassArgs *args) {
    int64_t apart = 0;
    int     buffers = 0;
    for (int i = 0; i < p->count; i++) {
        buffers += p->items[i].parent == i;
        apart += p->items[i].bytes;
    }
    pass_note(p->ctx, args, p->kernel, "%d tiles share buffers: %d, %lld bytes a thread instead of %lld", p->count,
              buffers, (long long)p->kernel->scratch_bytes, (long long)apart);
}

Status pass_place(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Placer p = {.ctx = ctx, .kernel = module->kernels[k]};
        ir_number(p.kernel);
        p.item_of = NEW_ARRAY(ctx, int, p.kernel->value_count + 1);
        memset(p.item_of, 0xFF, sizeof(int) * (size_t)(p.kernel->value_count + 1));
        number(&p, p.kernel->body);
        add_items(&p, p.kernel->body);
        find_lives(&p);
        unite_all(&p);
        assign(&p);
        note_memory(&p, args);
    }
    return ST_OK;
}
