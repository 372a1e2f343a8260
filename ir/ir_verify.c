/* The verifier: what ir.h and ops.def say must hold, checked for a whole module. In: any module that is linked together
 * properly. Out: ST_OK, or ST_FAILED with the op, the rule and what was found. Changes nothing.
 * This file walks and checks names, scope, counts, types and levels; rules of single ops are in ir_verify_ops.c, places
 * in ir_verify_places.c. */
#include "ir/ir_verify.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

Status verify_fail(const Verifier *v, const Op *op, const char *rule, const char *format, ...) {
    char    place[256], described[128], message[512];
    va_list args;
    snprintf(place, sizeof place, "kernel @%.60s, %.150s", v->kernel->name,
             op ? ir_describe(op, described, sizeof described) : "parameters");
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ctx_fail(v->ctx, ST_FAILED, place, NULL, "%s: %s", rule, message);
}

const char *verify_type_text(const Verifier *v, Type type) {
    Text text = TEXT(v->ctx);
    type_print(&text, type);
    return text_str(&text);
}

/* "%3:f32<1x1>, %4:index": what the operands are, for messages. */
static const char *operand_text(const Verifier *v, const Op *op) {
    Text text = TEXT(v->ctx);
    for (int i = 0; i < op->in_count; i++)
        text_add(&text, "%s%s", i ? ", " : "", verify_type_text(v, op->in[i]->type));
    return op->in_count ? text_str(&text) : "none";
}

/* ---- Attributes: the op carries those of its row, and no others ---- */

/* The next name of a row's blank-separated list; a ? ends an optional one. */
static bool next_attr(const char **list, AttrKey *key, bool *optional) {
    char name[32];
    *list += strspn(*list, " ");
    const size_t length = strcspn(*list, " ");
    if (length == 0 || length >= sizeof name)
        return false;
    *optional = (*list)[length - 1] == '?';
    snprintf(name, sizeof name, "%.*s", (int)(length - (size_t)*optional), *list);
    *list += length;
    return attr_find(name, key);
}

bool ir_op_takes_attr(OpCode code, AttrKey key, bool *optional) {
    AttrKey     found;
    const char *list = op_info(code)->attrs;
    while (next_attr(&list, &found, optional))
        if (found == key)
            return true;
    return false;
}

static Status check_attrs(const Verifier *v, const Op *op) {
    bool        optional;
    AttrKey     key;
    const char *list = op_info(op->code)->attrs;
    for (int i = 0; i < op->attr_count; i++)
        if (!ir_op_takes_attr(op->code, op->attrs[i].key, &optional))
            return verify_fail(v, op, "attributes", "it takes no attribute %s", attr_name(op->attrs[i].key));
    while (next_attr(&list, &key, &optional))
        if (!optional && !op_has(op, key))
            return verify_fail(v, op, "attributes", "%s is missing", attr_name(key));
    return ST_OK;
}

/* ---- Values: defined once, used where they are in scope ---- */

static Status declare(Verifier *v, const Op *op, const Value *value, const Op *def, const Block *owner, int index) {
    if (value->def != def || value->owner != owner || value->index != index)
        return verify_fail(v, op, "definition", "value %d does not know where it is defined", value->id);
    if (value->id < 0 || value->id >= v->kernel->value_count || v->seen[value->id])
        return verify_fail(v, op, "definition", "value number %d is not unique in the kernel", value->id);
    v->seen[value->id] = true;
    v->visible[value->id] = value;
    return ST_OK;
}

static bool is_visible(const Verifier *v, const Value *value) {
    return value && value->id >= 0 && value->id < v->kernel->value_count && v->visible[value->id] == value;
}

static Status check_operands(const Verifier *v, const Op *op) {
    const int wanted = op_info(op->code)->in_count;
    if (wanted >= 0 && op->in_count != wanted)
        return verify_fail(v, op, "operands", "it takes %d, found %d", wanted, op->in_count);
    for (int i = 0; i < op->in_count; i++)
        if (!is_visible(v, op->in[i]))
            return verify_fail(v, op, "scope", "operand %d is not defined before it, or in a region that has ended", i);
    return ST_OK;
}

static int wanted_results(const Op *op) {
    switch (op_info(op->code)->rule) {
    case TR_FOR: return op->in_count > 3 ? op->in_count - 3 : 0;
    case TR_IF: return op->in_count > 1 ? op->in_count - 1 : 0;
    case TR_ROWS: return ir_terminator(op->region) ? ir_terminator(op->region)->in_count : 0;
    default: return op_info(op->code)->out_count;
    }
}

static Status check_results(const Verifier *v, const Op *op) {
    const int wanted = wanted_results(op);
    if (op->out_count != wanted)
        return verify_fail(v, op, "results", "it gives %d, found %d", wanted, op->out_count);
    for (int i = 0; i < op->out_count; i++) {
        Type        type;
        const char *wrong = ir_result_type(op, i, &type);
        if (wrong)
            return verify_fail(v, op, "types", "%s; found %s", wrong, operand_text(v, op));
        if (!type_equal(type, op->out[i]->type))
            return verify_fail(v, op, "types", "result %d must be %s, found %s", i, verify_type_text(v, type),
                               verify_type_text(v, op->out[i]->type));
    }
    return ST_OK;
}

/* ---- Levels, regions, the walk ---- */

static Status check_level(const Verifier *v, const Op *op) {
    const int traits = op_info(op->code)->traits;
    if ((traits & LOOP_LEVEL) && v->kernel->level != LEVEL_LOOP)
        return verify_fail(v, op, "level", "it belongs to loop kernels, this is a tile kernel");
    if ((traits & TILE_LEVEL) && v->kernel->level != LEVEL_TILE)
        return verify_fail(v, op, "level", "it belongs to tile kernels, this is a loop kernel");
    return ST_OK;
}

static Status check_block(Verifier *v, const Op *owner, const Block *block);

static Status check_region(Verifier *v, const Op *op) {
    const bool wanted = (op_info(op->code)->traits & REGION) != 0;
    if ((op->region != NULL) != wanted)
        return verify_fail(v, op, "region", wanted ? "its region is missing" : "it has no region");
    if (!op->region)
        return ST_OK;
    if (op->region->owner != op)
        return verify_fail(v, op, "region", "its region belongs to another op");
    if (!ir_terminator(op->region))
        return verify_fail(v, op, "region", "its region does not end in a yield");
    if (++v->depth > MAX_DEPTH)
        return verify_fail(v, op, "region", "regions nest more than %d deep", MAX_DEPTH);
    TRY(check_block(v, op, op->region));
    v->depth--;
    return ST_OK;
}

static Status check_op(Verifier *v, const Op *op) {
    if ((unsigned)op->code >= OP_COUNT)
        return ctx_fail(v->ctx, ST_FAILED, v->kernel->name, NULL, "unknown op code %d", (int)op->code);
    if (op->code == OP_YIELD && (op->next || !op->parent->owner))
        return verify_fail(v, op, "region", "a yield ends a region, this one does not");
    TRY(check_operands(v, op));
    TRY(check_level(v, op));
    TRY(check_attrs(v, op));
    TRY(check_region(v, op));
    TRY(check_results(v, op));
    TRY(verify_op_rules(v, op));
    TRY(verify_places(v, op));
    for (int i = 0; i < op->out_count; i++)
        TRY(declare(v, op, op->out[i], op, NULL, i));
    return ST_OK;
}

static void hide(Verifier *v, Value *const *values, int count) {
    for (int i = 0; i < count; i++)
        v->visible[values[i]->id] = NULL;
}

static Status check_block(Verifier *v, const Op *owner, const Block *block) {
    const Op *before = NULL;
    for (int i = 0; i < block->arg_count; i++)
        TRY(declare(v, owner, block->args[i], NULL, block, i));
    for (const Op *op = block->first; op; before = op, op = op->next) {
        if (op->parent != block || op->prev != before)
            return verify_fail(v, op, "block", "it is not linked into its block properly");
        TRY(check_op(v, op));
    }
    hide(v, block->args, block->arg_count);
    for (const Op *op = block->first; op; op = op->next)
        hide(v, op->out, op->out_count);
    return ST_OK;
}

static Status check_kernel(Ctx *ctx, const Kernel *kernel) {
    Verifier v = {.ctx = ctx, .kernel = kernel};
    v.seen = NEW_ARRAY(ctx, bool, kernel->value_count);
    v.visible = NEW_ARRAY(ctx, const Value *, kernel->value_count);
    TRY(verify_params(&v));
    return check_block(&v, NULL, kernel->body);
}

Status ir_verify(Ctx *ctx, const Module *module) {
    for (int k = 0; k < module->kernel_count; k++) {
        for (int other = 0; other < k; other++)
            if (strcmp(module->kernels[k]->name, module->kernels[other]->name) == 0)
                return ctx_fail(ctx, ST_FAILED, module->name, "rename one", "two kernels are named @%.60s",
                                module->kernels[k]->name);
        TRY(check_kernel(ctx, module->kernels[k]));
    }
    return ST_OK;
}
