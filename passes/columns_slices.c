/* Slices of values for pass columns, see columns.c: what they are made of, and what must stand before them. */
#include "passes/columns.h"

static bool is_elementwise(const Op *op) {
    const TypeRule rule = op_info(op->code)->rule;
    return op->code == OP_CONVERT || rule == TR_BROADCAST ||
           (rule == TR_SAME && op->code != OP_MASK && op->code != OP_ROPE && op->code != OP_COPY);
}

Slice columns_slice_at(const Columns *c, int lo, int n) { return (Slice){.lo = lo, .n = n, .map = {.ctx = c->ctx}}; }

static bool is_whole(const Value *value, const Slice *s) { return !s->from && s->lo == 0 && s->n == value->type.cols; }

/* Of a tile in shared memory; without roles its floats. */
static bool is_taken(const Columns *c, const Op *op) {
    const Op *const from = op->code == OP_COPY || op->code == OP_CONVERT ? op->in[0]->def : NULL;
    return c->joined && from && from->code == (op->code == OP_COPY ? OP_TAKE : OP_RING_GET);
}

/* A single column is its own only slice. */
static Value *cut(Builder *b, Value *value, const Slice *s) {
    if (value->type.cols == 1)
        return value;
    const Type type = type_tile(value->type.dtype, value->type.rows, s->n);
    Op *const  cols = ir_op(b, OP_COLS, (Value *[]){value, s->from}, s->from ? 2 : 1, &type, 1);
    op_set_int(b->ctx, cols, AT_LO, s->lo);
    return cols->out[0];
}

Value *columns_load_columns(Builder *b, const Op *load, int lo, int n, Value *from) {
    const int64_t own = ir_find_param(b->kernel, op_text(load, AT_PARAM))->dims[3], first = op_int(load, AT_LO, 0) + lo;
    ValueMap      map = {.ctx = b->ctx};
    Op *const     made = ir_clone(b, load, &map);
    Builder       before = ir_before(b->ctx, b->kernel, made);
    const bool    later = own > 0 && first >= own;
    if (later)
        made->in[2] = index_offset(&before, made->in[2], first / own);
    op_set_int(b->ctx, made, AT_LO, later ? first % own : first);
    made->out[0]->type.cols = n;
    if (from)
        op_add_in(b->ctx, made, made->in_count, from);
    return made->out[0];
}

/* Of a product x column column, the columns are multiplied first, which are one number a row. */
static Value *scaled_twice(const Columns *c, Builder *b, const Op *op, Slice *s) {
    const Op *inner = op->code == OP_MUL ? op->in[0]->def : NULL;
    if (!inner || inner->code != OP_MUL || op->in[1]->type.cols != 1 || op->in[1]->type.rows == 1 ||
        inner->in[1]->type.cols != 1 || inner->in[1]->type.rows == 1 || !columns_comes_of(c, inner->in[0], true))
        return NULL;
    return ir_binary(b, OP_MUL, columns_slice(c, b, inner->in[0], s), ir_binary(b, OP_MUL, inner->in[1], op->in[1]));
}

static Value *sliced_op(const Columns *c, Builder *b, const Op *op, Slice *s) {
    ValueMap     inner = {.ctx = c->ctx};
    Value *const scaled = scaled_twice(c, b, op, s);
    if (scaled)
        return scaled;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->type.cols == op->out[0]->type.cols)
            map_set(&inner, op->in[i], columns_slice(c, b, op->in[i], s));
    Op *const made = ir_clone(b, op, &inner);
    made->out[0]->type.cols = s->n;
    return made->out[0];
}

static Value *sliced_elsewhere(const Columns *c, Builder *b, Value *value, const Slice *s, int lo) {
    Slice other = columns_slice_at(c, lo, s->n);
    other.from = s->from;
    return columns_slice(c, b, value, &other);
}

/* Of both sides. */
static Value *sliced_join(const Columns *c, Builder *b, const Op *op, const Slice *s) {
    const int    left = op->in[0]->type.cols - s->lo;
    Slice        before = columns_slice_at(c, s->lo, left), behind = columns_slice_at(c, 0, s->n - left);
    Value *const x = columns_slice(c, b, op->in[0], &before);
    return ir_binary(b, OP_CONCAT, x, columns_slice(c, b, op->in[1], &behind));
}

Value *columns_slice(const Columns *c, Builder *b, Value *value, Slice *s) {
    const Op *op = value->def;
    Value    *made = map_get(&s->map, value);
    if (made != value || (c->joined && is_whole(value, s)))
        return made;
    if (op && op == c->queries && !c->plain)
        made = ir_unary(b, OP_COPY, cut(b, value, s));
    else if (op && is_taken(c, op))
        made = op->code == OP_COPY ? ir_unary(b, OP_COPY, cut(b, op->in[0], s))
                                   : ir_convert(b, cut(b, op->in[0], s), value->type.dtype);
    else if (op && op->code == OP_LOAD)
        made = columns_load_columns(b, op, s->lo, s->n, s->from);
    else if (op && op->code == OP_FCONST)
        made = ir_f(b, op_float(op, AT_FVALUE, 0), value->type.rows, s->n);
    else if (op && op->code == OP_COLS)
        made = sliced_elsewhere(c, b, op->in[0], s, s->lo + (int)op_int(op, AT_LO, 0));
    else if (op && op->code == OP_CONCAT && s->lo >= op->in[0]->type.cols)
        made = sliced_elsewhere(c, b, op->in[1], s, s->lo - op->in[0]->type.cols);
    else if (op && op->code == OP_CONCAT && s->lo + s->n <= op->in[0]->type.cols)
        made = columns_slice(c, b, op->in[0], s);
    else if (op && op->code == OP_CONCAT && !s->from)
        made = sliced_join(c, b, op, s);
    else if (op && is_elementwise(op))
        made = sliced_op(c, b, op, s);
    else
        made = cut(b, value, s);
    map_set(&s->map, value, made);
    return made;
}

static bool can_loop(const Columns *c, const Value *value, Seen *seen) {
    const Op *op = value->def;
    if (value->type.cols <= 1 || (op && (op == c->queries || is_taken(c, op) || op->code == OP_FCONST || op->code == OP_LOAD)))
        return true;
    if (!op || !is_elementwise(op))
        return false;
    if (was_seen(seen, op))
        return true;
    for (int i = 0; i < op->in_count; i++)
        if (!can_loop(c, op->in[i], seen))
            return false;
    return true;
}

bool columns_can_loop(const Columns *c, const Value *value) { return can_loop(c, value, &(Seen){{0}}); }

static bool comes_of(const Columns *c, const Value *value, bool products, Seen *seen) {
    const Op *op = value->def;
    if (!op || value->type.cols <= 1)
        return products && !op && value->type.cols > WIDE;
    if (op == c->queries)
        return !products;
    if (products && value->type.cols > WIDE && (op->code == OP_DOT || op->code == OP_FOR || op->code == OP_IF))
        return true;
    if (products && c->joined && value->type.cols > WIDE && op->code == OP_CONCAT)
        return true;
    if ((op->code != OP_CONCAT && op->code != OP_COLS && !is_elementwise(op)) || was_seen(seen, op))
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (comes_of(c, op->in[i], products, seen))
            return true;
    return false;
}

bool columns_comes_of(const Columns *c, const Value *value, bool products) { return comes_of(c, value, products, &(Seen){{0}}); }

bool columns_comes_of_loads(const Columns *c, const Value *value) {
    return c->loads && value->type.cols > WIDE && columns_can_loop(c, value);
}

bool columns_is_sliced(const Columns *c, const Value *value) {
    return value->type.cls == TY_TILE && value->type.rows > 1 && value->type.cols > 1 &&
           (columns_comes_of(c, value, false) || columns_comes_of(c, value, true) || columns_comes_of_loads(c, value));
}

/* ---- Order ---- */

typedef struct Hoisting {
    const Columns *c;
    Op            *at;
} Hoisting;

static bool hoist_operands(Op *op, void *arg) {
    const Hoisting *h = arg;
    for (int i = 0; i < op->in_count; i++)
        columns_hoist(h->c, op->in[i], h->at);
    return true;
}

void columns_hoist(const Columns *c, const Value *value, Op *at) {
    Op *const op = value->def;
    Hoisting  h = {c, at};
    if (!op || op == at || op->parent != at->parent || ir_precedes(op, at))
        return;
    hoist_operands(op, &h);
    if (op->region)
        ir_walk(op->region, hoist_operands, &h);
    Builder b = ir_before(c->ctx, c->kernel, at);
    op_unlink(op);
    op_insert(&b, op);
}

static void hoist_others(const Columns *c, const Value *value, Op *at, Seen *seen) {
    const Op *op = value->def;
    if (!op || op == c->queries || was_seen(seen, op))
        return;
    if (op->code != OP_CONCAT && op->code != OP_COLS && op->code != OP_LOAD && !is_elementwise(op)) {
        columns_hoist(c, value, at);
        return;
    }
    for (int i = 0; i < op->in_count; i++) {
        if (op->in[i]->type.cls == TY_INDEX || op->in[i]->type.cols == 1)
            columns_hoist(c, op->in[i], at);
        else
            hoist_others(c, op->in[i], at, seen);
    }
}

void columns_hoist_others(const Columns *c, const Value *value, Op *at) { hoist_others(c, value, at, &(Seen){{0}}); }
