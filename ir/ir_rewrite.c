/* Changing IR: unlinking, replacing, cloning, walking, numbering. Ops and values stay in the arena when they are
 * erased. */
#include "ir/ir.h"

#include <string.h>

void op_unlink(Op *op) {
    Block *block = op->parent;
    if (!block)
        return;
    *(op->prev ? &op->prev->next : &block->first) = op->next;
    *(op->next ? &op->next->prev : &block->last) = op->prev;
    op->parent = NULL;
    op->prev = op->next = NULL;
}

void op_erase(Op *op) { op_unlink(op); }

bool ir_walk(Block *block, bool (*fn)(Op *op, void *arg), void *arg) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (!fn(op, arg))
            return false;
        if (op->parent && op->region && !ir_walk(op->region, fn, arg))
            return false;
    }
    return true;
}

static bool replace_in(Op *op, void *arg) {
    Value **pair = arg;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] == pair[0])
            op->in[i] = pair[1];
    return true;
}

void ir_replace_uses(Kernel *kernel, Value *old, Value *by) { ir_walk(kernel->body, replace_in, (Value *[]){old, by}); }

void ir_move_ops(Builder *b, Block *from) {
    for (Op *op = from->first, *next; op; op = next) {
        next = op->next;
        if (op->code == OP_YIELD)
            continue;
        op_unlink(op);
        op_insert(b, op);
    }
}

Value *ir_name(Ctx *ctx, Value *value, const char *name) {
    value->name = ctx_strdup(ctx, name);
    return value;
}

/* ---- ValueMap: open addressing on the address, at most half full ---- */

static int map_slot(const ValueMap *map, const Value *key) {
    const uint64_t hash = (uint64_t)(uintptr_t)key / 16 * UINT64_C(0x9E3779B97F4A7C15);
    int            slot = (int)(hash >> 33) & (map->capacity - 1);
    while (map->from[slot] && map->from[slot] != key)
        slot = (slot + 1) & (map->capacity - 1);
    return slot;
}

Value *map_get(const ValueMap *map, Value *value) {
    if (map->count == 0)
        return value;
    const int slot = map_slot(map, value);
    return map->from[slot] ? map->to[slot] : value;
}

static void map_grow(ValueMap *map) {
    const ValueMap old = *map;
    map->capacity = old.capacity ? 2 * old.capacity : 16;
    map->from = NEW_ARRAY(map->ctx, Value *, map->capacity);
    map->to = NEW_ARRAY(map->ctx, Value *, map->capacity);
    map->count = 0;
    for (int i = 0; i < old.capacity; i++)
        if (old.from[i])
            map_set(map, old.from[i], old.to[i]);
}

void map_set(ValueMap *map, Value *from, Value *to) {
    if (2 * (map->count + 1) > map->capacity)
        map_grow(map);
    const int slot = map_slot(map, from);
    map->count += map->from[slot] == NULL;
    map->from[slot] = from;
    map->to[slot] = to;
}

ValueMap map_copy(const ValueMap *map) {
    ValueMap copy = {.ctx = map->ctx};
    for (int i = 0; i < map->capacity; i++)
        if (map->from[i])
            map_set(&copy, map->from[i], map->to[i]);
    return copy;
}

/* ---- Cloning ---- */

static void clone_block(Builder *b, const Block *from, Block *to, ValueMap *map) {
    for (int i = 0; i < from->arg_count; i++)
        map_set(map, from->args[i], block_arg(b->ctx, b->kernel, to, from->args[i]->type, from->args[i]->name));
    Builder inner = ir_at_end(b->ctx, b->kernel, to);
    for (const Op *op = from->first; op; op = op->next)
        ir_clone(&inner, op, map);
}

Op *ir_clone(Builder *b, const Op *op, ValueMap *map) {
    Op *copy = NEW(b->ctx, Op);
    copy->code = op->code;
    copy->in = NEW_ARRAY(b->ctx, Value *, op->in_count);
    copy->in_count = op->in_count;
    for (int i = 0; i < op->in_count; i++)
        copy->in[i] = map_get(map, op->in[i]);
    copy->attrs = NEW_ARRAY(b->ctx, Attr, op->attr_count);
    copy->attr_count = op->attr_count;
    if (op->attr_count)
        memcpy(copy->attrs, op->attrs, sizeof *op->attrs * (size_t)op->attr_count);
    for (int i = 0; i < op->out_count; i++) {
        Value *out = op_add_out(b->ctx, b->kernel, copy, op->out[i]->type);
        out->name = op->out[i]->name;
        map_set(map, op->out[i], out);
    }
    op_insert(b, copy);
    if (op->region) {
        copy->region = ir_block(b->ctx, copy);
        clone_block(b, op->region, copy->region, map);
    }
    return copy;
}

Kernel *ir_clone_kernel(Ctx *ctx, const Kernel *from, Module *module, const char *name) {
    Kernel  *kernel = ir_kernel(ctx, module, name, from->level);
    ValueMap map = {.ctx = ctx};
    for (int p = 0; p < from->param_count; p++)
        PUSH(ctx, kernel->params, kernel->param_count, kernel->param_capacity, from->params[p]);
    kernel->scratch_bytes = from->scratch_bytes;
    kernel->warps = from->warps;
    Builder b = ir_at_end(ctx, kernel, kernel->body);
    clone_block(&b, from->body, kernel->body, &map);
    return kernel;
}

Module *ir_clone_module(Ctx *ctx, const Module *module) {
    Module *copy = ir_module(ctx, module->name);
    copy->chunk = module->chunk;
    copy->segment = module->segment;
    copy->min_items = module->min_items;
    for (int k = 0; k < module->kernel_count; k++)
        ir_clone_kernel(ctx, module->kernels[k], copy, module->kernels[k]->name);
    return copy;
}

/* ---- Numbering: results first, then the region's arguments, then what is inside, as printed ---- */

static void number_block(Kernel *kernel, Block *block) {
    for (int i = 0; i < block->arg_count; i++)
        block->args[i]->id = kernel->value_count++;
    for (Op *op = block->first; op; op = op->next) {
        for (int i = 0; i < op->out_count; i++)
            op->out[i]->id = kernel->value_count++;
        if (op->region)
            number_block(kernel, op->region);
    }
}

void ir_number(Kernel *kernel) {
    kernel->value_count = 0;
    number_block(kernel, kernel->body);
}
