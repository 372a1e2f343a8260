/* Finding loops by their axis, and what they compute: see loops.h. */
#include "passes/loops.h"

#include <string.h>

bool loop_is(const Op *op, const char *axis) { return op->code == OP_FOR && strcmp(op_text(op, AT_AXIS), axis) == 0; }

Op *loop_find(Block *block, const char *axis) {
    for (Op *op = block->first; op; op = op->next) {
        if (loop_is(op, axis))
            return op;
        Op *inner = op->region ? loop_find(op->region, axis) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

Op *loop_around(const Op *op, const char *axis) {
    for (Op *at = op->parent ? op->parent->owner : NULL; at; at = at->parent ? at->parent->owner : NULL)
        if (loop_is(at, axis))
            return at;
    return NULL;
}

Block *loop_grid_body(Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == OP_FOR && op_int(op, AT_PAR, 0))
            return loop_grid_body(op->region);
    return block;
}

Op *loop_mask(const Op *loop) {
    for (Op *op = loop->region->first; op; op = op->next)
        if (op->code == OP_MASK)
            return op;
    return NULL;
}

static int pieces(Value *value, Value **out, int count) {
    if (count >= MAX_PIECES)
        return count;
    if (!value->def || value->def->code != OP_CONCAT) {
        out[count] = value;
        return count + 1;
    }
    return pieces(value->def->in[1], out, pieces(value->def->in[0], out, count));
}

static bool equal_pieces(Value *const *values, int count, int whole) {
    int columns = 0;
    for (int p = 0; p < count; p++) {
        if (values[p]->type.cols != values[0]->type.cols)
            return false;
        columns += values[p]->type.cols;
    }
    return columns == whole;
}

int value_pieces(Value *value, Value **out) {
    const int count = pieces(value, out, 0);
    if (equal_pieces(out, count, value->type.cols) && out[0]->type.cols > 1)
        return count;
    out[0] = value;
    return 1;
}

int residual_pieces(const Residual *residual, Value **keys, Value **features) {
    const int count = pieces(residual->keys, keys, 0), whole = residual->keys->type.cols;
    if (pieces(residual->features, features, 0) == count && equal_pieces(keys, count, whole) &&
        equal_pieces(features, count, whole) && keys[0]->type.cols > 1)
        return count;
    keys[0] = residual->keys;
    features[0] = residual->features;
    return 1;
}

void retile(Ctx *ctx, Op *first, const Op *end, int from, int to) {
    for (Op *op = first; op != end; op = op->next) {
        for (int r = 0; r < op->out_count; r++)
            if (op->out[r]->type.cls == TY_TILE && op->out[r]->type.rows == from)
                op->out[r]->type.rows = to;
        if (op_has(op, AT_PERIOD) && op_int(op, AT_PERIOD, 0) == from)
            op_set_int(ctx, op, AT_PERIOD, to);
    }
}

Status match_residual_sum(Ctx *ctx, const char *pass, const Op *loop, int sum, Residual *out) {
    const Block   *region = loop->region;
    const Op      *add = ir_terminator(region)->in[sum]->def;
    const DotParts outer = add && add->code == OP_DOT ? ir_dot_parts(add) : (DotParts){0};
    Op *const      mask = outer.x ? outer.x->def : NULL;
    const Op      *score = mask && mask->code == OP_MASK ? mask->in[0]->def : NULL;
    if (outer.acc != region->args[1 + sum] || !score || score->code != OP_DOT || !defined_outside(score->in[0], region))
        return ctx_fail(ctx, ST_FAILED, pass, NULL, "the residual branch is not a masked product of features");
    *out = (Residual){score->in[0], score->in[1], outer.y, mask};
    return ST_OK;
}

Status match_residual(Ctx *ctx, const char *pass, const Op *loop, Residual *out) {
    return match_residual_sum(ctx, pass, loop, 0, out);
}

Value *loop_dim(Builder *b, const CodeParam *param, int dim) {
    const int64_t size = param->dims[dim];
    return size >= 0 ? ir_i(b, size) : ir_sym(b, (Sym)(-1 - size));
}

Value *loop_ring(Builder *b, int slots, Type tile, int64_t *at) {
    Type type = type_ring(slots, tile.dtype, tile.rows, tile.cols);
    type.space = SPACE_SCRATCH;
    type.offset = *at;
    *at += slots * ir_slot_bytes(tile);
    return ir_op(b, OP_RING, NULL, 0, &type, 1)->out[0];
}

Builder loop_role(Ctx *ctx, Builder *b, const char *name, int warps, int registers) {
    Op *const role = ir_op(b, OP_ROLE, NULL, 0, NULL, 0);
    op_set_text(ctx, role, AT_ROLE, name);
    op_set_int(ctx, role, AT_WARPS, warps);
    op_set_int(ctx, role, AT_REGISTERS, registers);
    return open_region(ctx, b->kernel, role->region);
}

/* The copy engine knows where the tensor ends, and no other bounds: masks have to keep out what lies beyond those of the load. */
Op *loop_send(Ctx *ctx, Builder *b, const Op *load, Value *const at[3], Value *ring) {
    static const AttrKey   KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    const CodeParam *const param = ir_find_param(b->kernel, op_text(load, AT_PARAM));
    Value *const           hi = loop_dim(b, param, (int)op_int(load, AT_ROWDIM, 1));
    Op *const made = ir_op(b, OP_SEND, (Value *[]){ring, at[0], at[1], at[2], ir_i(b, 0), hi}, 6, NULL, 0);
    op_set_text(ctx, made, AT_PARAM, op_text(load, AT_PARAM));
    op_set_int(ctx, made, AT_ROWS, load->out[0]->type.rows);
    op_set_int(ctx, made, AT_COLS, load->out[0]->type.cols);
    for (int k = 0; k < 3; k++)
        op_set_int(ctx, made, KEYS[k], op_int(load, KEYS[k], -1));
    if (op_int(load, AT_LO, 0))
        op_set_int(ctx, made, AT_LO, op_int(load, AT_LO, 0));
    if (op_has(load, AT_COLDIM))
        op_set_int(ctx, made, AT_COLDIM, op_int(load, AT_COLDIM, 0));
    copy_beyond(ctx, made, load);
    return made;
}

bool loop_is_packed(const Kernel *kernel) { return ir_find_param(kernel, "cu_seqlens") != NULL; }

Op *loop_send_own(Ctx *ctx, Builder *b, const Op *load, Value *const in[5], Value *ring) {
    Op *const made = loop_send(ctx, b, load, in, ring);
    for (int i = 3; i < 5 && loop_is_packed(b->kernel); i++)
        made->in[1 + i] = in[i];
    return made;
}

bool loop_has_roles(const Kernel *kernel) { return ir_holds(kernel->body, OP_ROLE); }

Kernel *loop_main(const Module *module) {
    for (int k = 0; k < module->kernel_count; k++)
        if (strcmp(module->kernels[k]->name, "main") == 0)
            return module->kernels[k];
    return module->kernels[module->kernel_count - 1];
}

bool loop_slices_columns(const PassArgs *args) {
    return args->target->warp_size && !args->schedule->roles && (args->kind == KIND_FORWARD || args->kind == KIND_EXTEND) &&
           spec_is_wide_16_bits(args->spec) && !args->spec->full && !args->spec->initial_state;
}
