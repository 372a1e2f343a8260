/* Building: modules, kernels, blocks and, through ir_op, every op. Result types come from the op's rule (ir_infer.c);
 * where operands do not fit, ir_op still makes an op, with an index result, and the verifier says what is wrong. */
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

Module *ir_module(Ctx *ctx, const char *name) {
    Module *module = NEW(ctx, Module);
    module->name = ctx_strdup(ctx, name);
    return module;
}

Kernel *ir_kernel(Ctx *ctx, Module *module, const char *name, Level level) {
    Kernel *kernel = NEW(ctx, Kernel);
    kernel->name = ctx_strdup(ctx, name);
    kernel->level = level;
    kernel->body = ir_block(ctx, NULL);
    PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, kernel);
    return kernel;
}

int ir_param(Ctx *ctx, Kernel *kernel, const char *name, DType dtype, ParamRole role, int rank, const int64_t *dims) {
    CodeParam param = {.dtype = dtype, .role = role, .rank = rank, .dims = {1, 1, 1, 1}};
    snprintf(param.name, sizeof param.name, "%s", name);
    for (int d = 0; d < rank; d++)
        param.dims[4 - rank + d] = dims[d];
    PUSH(ctx, kernel->params, kernel->param_count, kernel->param_capacity, param);
    return kernel->param_count - 1;
}

const CodeParam *ir_find_param(const Kernel *kernel, const char *name) {
    for (int p = 0; p < kernel->param_count; p++)
        if (strcmp(kernel->params[p].name, name) == 0)
            return &kernel->params[p];
    return NULL;
}

Kernel *ir_find_kernel(const Module *module, const char *name) {
    for (int k = 0; k < module->kernel_count; k++)
        if (strcmp(module->kernels[k]->name, name) == 0)
            return module->kernels[k];
    return NULL;
}

Builder ir_at_end(Ctx *ctx, Kernel *kernel, Block *block) { return (Builder){ctx, kernel, block, NULL}; }
Builder ir_before(Ctx *ctx, Kernel *kernel, Op *op) { return (Builder){ctx, kernel, op->parent, op}; }
Builder ir_after(Ctx *ctx, Kernel *kernel, Op *op) { return (Builder){ctx, kernel, op->parent, op->next}; }

Block *ir_block(Ctx *ctx, Op *owner) {
    Block *block = NEW(ctx, Block);
    block->owner = owner;
    return block;
}

Value *block_arg(Ctx *ctx, Kernel *kernel, Block *block, Type type, const char *name) {
    Value **args = NEW_ARRAY(ctx, Value *, block->arg_count + 1);
    if (block->arg_count)
        memcpy(args, block->args, sizeof *args * (size_t)block->arg_count);
    Value *value = NEW(ctx, Value);
    *value = (Value){.type = type, .id = kernel->value_count++, .owner = block, .index = block->arg_count};
    value->name = name ? ctx_strdup(ctx, name) : NULL;
    args[block->arg_count++] = value;
    block->args = args;
    return value;
}

/* How many results the op has, before they exist. */
static int result_count(const OpInfo *info, int in_count, int given_count) {
    int count = info->out_count;
    if (info->rule == TR_FOR)
        count = in_count - 3;
    else if (info->rule == TR_IF)
        count = in_count - 1;
    else if (info->rule == TR_ROWS)
        count = given_count;
    return count > 0 ? count : 0;
}

/* The rules of the reductions read sizes from attributes, which `given` states here. */
static void set_sizes(Ctx *ctx, Op *op, const Type *given) {
    const TypeRule rule = op_info(op->code)->rule;
    if (rule == TR_SUM)
        op_set_int(ctx, op, AT_ROWS, given->rows);
    if (rule == TR_SUM || rule == TR_SOFTMAX_SUM)
        op_set_int(ctx, op, AT_COLS, given->cols);
}

Op *ir_op(Builder *b, OpCode code, Value *const *in, int in_count, const Type *given, int given_count) {
    const OpInfo *info = op_info(code);
    const int     results = result_count(info, in_count, given_count);
    const bool    takes_given = info->rule == TR_GIVEN || info->rule == TR_ROWS;
    Op           *op = NEW(b->ctx, Op);
    op->code = code;
    op->in = NEW_ARRAY(b->ctx, Value *, in_count);
    op->in_count = in_count;
    if (in_count)
        memcpy(op->in, in, sizeof *in * (size_t)in_count);
    if (given_count)
        set_sizes(b->ctx, op, given);
    for (int i = 0; i < results; i++) {
        Type type = type_index();
        if (takes_given && i < given_count)
            type = given[i];
        else if (!takes_given)
            ir_result_type(op, i, &type);
        op_add_out(b->ctx, b->kernel, op, type);
    }
    if (info->traits & REGION)
        op->region = ir_block(b->ctx, op);
    op_insert(b, op);
    return op;
}

void op_insert(Builder *b, Op *op) {
    Op *const next = b->before, *const prev = next ? next->prev : b->block->last;
    op->parent = b->block;
    op->prev = prev;
    op->next = next;
    *(prev ? &prev->next : &b->block->first) = op;
    *(next ? &next->prev : &b->block->last) = op;
}

Op *ir_for(Builder *b, const char *axis, bool par, Value *lo, Value *hi, Value *step, Value *const *carried,
           int count) {
    Value **in = NEW_ARRAY(b->ctx, Value *, 3 + count);
    in[0] = lo, in[1] = hi, in[2] = step;
    if (count)
        memcpy(in + 3, carried, sizeof *in * (size_t)count);
    Op *op = ir_op(b, OP_FOR, in, 3 + count, NULL, 0);
    op_set_text(b->ctx, op, AT_AXIS, axis);
    if (par)
        op_set_int(b->ctx, op, AT_PAR, 1);
    block_arg(b->ctx, b->kernel, op->region, type_index(), NULL);
    for (int i = 0; i < count; i++)
        block_arg(b->ctx, b->kernel, op->region, type_unplaced(carried[i]->type), NULL);
    return op;
}

Op *ir_if(Builder *b, Value *condition, Value *const *otherwise, int count) {
    Value **in = NEW_ARRAY(b->ctx, Value *, 1 + count);
    in[0] = condition;
    if (count)
        memcpy(in + 1, otherwise, sizeof *in * (size_t)count);
    return ir_op(b, OP_IF, in, 1 + count, NULL, 0);
}

void ir_yield(Builder *b, Value *const *values, int count) { ir_op(b, OP_YIELD, values, count, NULL, 0); }

static Op *reduction(Builder *b, OpCode code, const char *axis, Value *const *in, int in_count, Type given) {
    Op *op = ir_op(b, code, in, in_count, &given, 1);
    op_set_text(b->ctx, op, AT_AXIS, axis);
    block_arg(b->ctx, b->kernel, op->region, type_index(), NULL);
    return op;
}

Op *ir_softmax_sum(Builder *b, const char *axis, Value *lo, Value *hi, Value *sink, int cols) {
    return reduction(b, OP_SOFTMAX_SUM, axis, (Value *[]){lo, hi, sink}, sink ? 3 : 2, type_tile(DT_F32, 1, cols));
}

Op *ir_sum(Builder *b, const char *axis, Value *lo, Value *hi, int rows, int cols) {
    return reduction(b, OP_SUM, axis, (Value *[]){lo, hi}, 2, type_tile(DT_F32, rows, cols));
}

Op *ir_rows(Builder *b, int64_t count) {
    Op *op = ir_op(b, OP_ROWS, NULL, 0, NULL, 0);
    op_set_int(b->ctx, op, AT_COUNT, count);
    return op;
}

void ir_rows_finish(Ctx *ctx, Kernel *kernel, Op *rows, Value *const *yielded, int count) {
    Builder b = ir_at_end(ctx, kernel, rows->region);
    ir_yield(&b, yielded, count);
    for (int i = 0; i < count; i++)
        op_add_out(ctx, kernel, rows, type_unplaced(yielded[i]->type));
}
