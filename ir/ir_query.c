/* Questions about IR: constants, users, order, dominance. Nothing here changes anything. */
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

bool ir_const_value(const Value *value, int64_t *constant) {
    if (!value->def || value->def->code != OP_ICONST)
        return false;
    *constant = op_int(value->def, AT_VALUE, 0);
    return true;
}

bool ir_is_const(const Value *value, int64_t constant) {
    int64_t found;
    return ir_const_value(value, &found) && found == constant;
}

Op *ir_terminator(const Block *block) { return block->last && block->last->code == OP_YIELD ? block->last : NULL; }

static const Block *home(const Value *value) { return value->def ? value->def->parent : value->owner; }

bool ir_defined_in(const Value *value, const Block *block) {
    for (const Block *at = home(value); at; at = at->owner ? at->owner->parent : NULL)
        if (at == block)
            return true;
    return false;
}

typedef struct Users {
    Ctx         *ctx;
    const Value *value;
    Op         **ops;
    int          count, capacity, uses;
} Users;

static bool collect_user(Op *op, void *arg) {
    Users    *users = arg;
    const int before = users->uses;
    for (int i = 0; i < op->in_count; i++)
        users->uses += op->in[i] == users->value;
    if (users->ctx && users->uses > before)
        PUSH(users->ctx, users->ops, users->count, users->capacity, op);
    return true;
}

int ir_use_count(const Kernel *kernel, const Value *value) {
    Users users = {.value = value};
    ir_walk(kernel->body, collect_user, &users);
    return users.uses;
}

Op **ir_users(Ctx *ctx, const Kernel *kernel, const Value *value, int *count) {
    Users users = {.ctx = ctx, .value = value};
    ir_walk(kernel->body, collect_user, &users);
    *count = users.count;
    return users.ops;
}

Op *ir_ancestor_in(const Op *op, const Block *block) {
    while (op && op->parent != block)
        op = op->parent ? op->parent->owner : NULL;
    return (Op *)op;
}

bool ir_precedes(const Op *a, const Op *b) {
    for (const Op *at = a->next; at; at = at->next)
        if (at == b)
            return true;
    return false;
}

bool ir_dominates(const Value *value, const Op *at) {
    const Block *block = home(value);
    const Op    *ancestor = block ? ir_ancestor_in(at, block) : NULL;
    return ancestor && (!value->def || ir_precedes(value->def, ancestor));
}

static bool is_pure_so_far(Op *op, void *arg) {
    (void)arg;
    return !(op_info(op->code)->traits & WRITES);
}

bool ir_has_effects(const Op *op) {
    if (op_info(op->code)->traits & WRITES)
        return true;
    return op->region && !ir_walk(op->region, is_pure_so_far, NULL);
}

bool ir_holds(const Block *block, OpCode code) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == code || (op->region && ir_holds(op->region, code)))
            return true;
    return false;
}

bool ir_multiplies(const Op *op) { return op->code == OP_DOT || (op->region && ir_holds(op->region, OP_DOT)); }

bool ir_holds_of(const Block *block, OpCode code, const char *param) {
    for (const Op *op = block->first; op; op = op->next)
        if ((op->code == code && strcmp(op_text(op, AT_PARAM), param) == 0) || (op->region && ir_holds_of(op->region, code, param)))
            return true;
    return false;
}

const Value *ir_whole_of(const Value *value) {
    return value->def && value->def->code == OP_COLS ? value->def->in[0] : value;
}

bool ir_is_axis(const Op *op) { return op->code == OP_FOR && op_int(op, AT_PAR, 0) == 1; }

const char *ir_describe(const Op *op, char *out, size_t size) {
    if (op->out_count == 0)
        snprintf(out, size, "op %s", op_info(op->code)->name);
    else if (op->out[0]->name)
        snprintf(out, size, "op %%%s = %s", op->out[0]->name, op_info(op->code)->name);
    else
        snprintf(out, size, "op %%%d = %s", op->out[0]->id, op_info(op->code)->name);
    return out;
}
