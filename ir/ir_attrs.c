/* Attributes, operands and results of an op. Attributes are kept in the order of attrs.def, so that equal ops print
 * equally. */
#include "ir/ir.h"

#include <string.h>

static Attr *find(const Op *op, AttrKey key) {
    for (int i = 0; i < op->attr_count; i++)
        if (op->attrs[i].key == key)
            return &op->attrs[i];
    return NULL;
}

bool op_has(const Op *op, AttrKey key) { return find(op, key) != NULL; }

int64_t op_int(const Op *op, AttrKey key, int64_t fallback) {
    const Attr *attr = find(op, key);
    return attr ? attr->i : fallback;
}

double op_float(const Op *op, AttrKey key, double fallback) {
    const Attr *attr = find(op, key);
    return attr ? attr->f : fallback;
}

const char *op_text(const Op *op, AttrKey key) {
    const Attr *attr = find(op, key);
    return attr ? attr->s : NULL;
}

/* Inserts by key. */
static Attr *add(Ctx *ctx, Op *op, AttrKey key) {
    Attr *attrs = NEW_ARRAY(ctx, Attr, op->attr_count + 1);
    int   at = 0;
    while (at < op->attr_count && op->attrs[at].key < key)
        at++;
    if (op->attr_count) {
        memcpy(attrs, op->attrs, sizeof *attrs * (size_t)at);
        memcpy(attrs + at + 1, op->attrs + at, sizeof *attrs * (size_t)(op->attr_count - at));
    }
    attrs[at] = (Attr){.key = key};
    op->attrs = attrs;
    op->attr_count++;
    return &attrs[at];
}

static Attr *find_or_add(Ctx *ctx, Op *op, AttrKey key) {
    Attr *attr = find(op, key);
    return attr ? attr : add(ctx, op, key);
}

void op_set_int(Ctx *ctx, Op *op, AttrKey key, int64_t value) { find_or_add(ctx, op, key)->i = value; }
void op_set_float(Ctx *ctx, Op *op, AttrKey key, double value) { find_or_add(ctx, op, key)->f = value; }
void op_set_text(Ctx *ctx, Op *op, AttrKey key, const char *value) {
    find_or_add(ctx, op, key)->s = ctx_strdup(ctx, value);
}

void op_remove_attr(Op *op, AttrKey key) {
    Attr *attr = find(op, key);
    if (!attr)
        return;
    memmove(attr, attr + 1, sizeof *attr * (size_t)(op->attrs + op->attr_count - attr - 1));
    op->attr_count--;
}

void op_add_in(Ctx *ctx, Op *op, int at, Value *value) {
    Value **in = NEW_ARRAY(ctx, Value *, op->in_count + 1);
    if (op->in_count) {
        memcpy(in, op->in, sizeof *in * (size_t)at);
        memcpy(in + at + 1, op->in + at, sizeof *in * (size_t)(op->in_count - at));
    }
    in[at] = value;
    op->in = in;
    op->in_count++;
}

void op_remove_in(Op *op, int at) {
    memmove(op->in + at, op->in + at + 1, sizeof *op->in * (size_t)(op->in_count - at - 1));
    op->in_count--;
}

Value *op_add_out(Ctx *ctx, Kernel *kernel, Op *op, Type type) {
    Value **out = NEW_ARRAY(ctx, Value *, op->out_count + 1);
    if (op->out_count)
        memcpy(out, op->out, sizeof *out * (size_t)op->out_count);
    Value *value = NEW(ctx, Value);
    *value = (Value){.type = type, .id = kernel->value_count++, .def = op, .index = op->out_count};
    out[op->out_count++] = value;
    op->out = out;
    return value;
}

static void remove_value(Value **values, int *count, int at) {
    memmove(values + at, values + at + 1, sizeof *values * (size_t)(*count - at - 1));
    (*count)--;
    for (int i = at; i < *count; i++)
        values[i]->index = i;
}

void op_remove_out(Op *op, int at) { remove_value(op->out, &op->out_count, at); }
void block_remove_arg(Block *block, int at) { remove_value(block->args, &block->arg_count, at); }
