/* The verifier's rules of sizes and places. A result may take the place of an operand only where the op reads each
 * element, or row, before it writes it: rowwise ops on the same layout, what a dot adds to, what a loop carries.
 * Whether a place is taken while its value is still needed later is not checked here: the interpreter shows it
 * (InterpArgs.placed). */
#include "ir/ir_verify.h"

#define MAX_TILE (INT64_C(1) << 32) /* elements: byte offsets stay far from overflow */
enum { MAX_SLOTS = 1 << 20 };

static Status check_size(const Verifier *v, const Op *op, Type type) {
    if (type.cls == TY_INDEX)
        return ST_OK;
    if (type.rows < 1 || type.cols < 1 || (type.cls == TY_RING && type.slots < 1))
        return verify_fail(v, op, "types", "sizes must be at least 1, found %s", verify_type_text(v, type));
    if ((int64_t)type.rows * type.cols > MAX_TILE || type.slots > MAX_SLOTS)
        return verify_fail(v, op, "types", "%s is too large to be real", verify_type_text(v, type));
    if (type.dtype == DT_I32 || type.dtype == DT_I64)
        return verify_fail(v, op, "types", "tiles hold floating types, found %s", verify_type_text(v, type));
    return ST_OK;
}

static Status check_place(const Verifier *v, const Op *op, const Value *value) {
    const Type type = value->type;
    TRY(check_size(v, op, type));
    if (type.space == SPACE_GLOBAL && (!value->def || value->def->code != OP_LOAD))
        return verify_fail(v, op, "place", "only a load's result may be @global");
    if (type.space == SPACE_REGISTER && type.cls == TY_RING)
        return verify_fail(v, op, "place", "a ring cannot be @reg");
    if (type.space != SPACE_SCRATCH)
        return ST_OK;
    if (type.cls == TY_INDEX || v->kernel->level != LEVEL_TILE)
        return verify_fail(v, op, "place", "only tiles and rings of a tile kernel have scratch places");
    if (type.offset < 0 || type.offset % 64 != 0)
        return verify_fail(v, op, "place", "offset %lld is not a multiple of 64", (long long)type.offset);
    if (type.offset + ir_tile_bytes(type) > v->kernel->scratch_bytes)
        return verify_fail(v, op, "place", "offset %lld + %lld bytes exceeds scratch=%lld", (long long)type.offset,
                           (long long)ir_tile_bytes(type), (long long)v->kernel->scratch_bytes);
    return ST_OK;
}

/* Where a value's bytes are: of a view, those of its ring. */
static Type home(const Value *value) {
    const bool view = value->type.space != SPACE_SCRATCH && value->def && value->def->code == OP_RING_GET;
    return view ? value->def->in[0]->type : value->type;
}

static bool overlap(Type a, Type b) {
    return a.space == SPACE_SCRATCH && b.space == SPACE_SCRATCH && a.offset < b.offset + ir_tile_bytes(b) &&
           b.offset < a.offset + ir_tile_bytes(a);
}

static bool same_layout(Type a, Type b) {
    return a.cls == b.cls && a.offset == b.offset && a.rows == b.rows && ir_tile_stride(a) == ir_tile_stride(b) &&
           dtype_size(a.dtype) == dtype_size(b.dtype);
}

static bool may_take_place(const Op *op, int operand) {
    switch (op->code) {
    case OP_FOR:
    case OP_IF:
    case OP_COPY: return true;
    case OP_DOT: return operand == 2;
    case OP_CONCAT: return operand == 0;
    default: return (op_info(op->code)->traits & ROWWISE) != 0;
    }
}

static Status check_result_against(const Verifier *v, const Op *op, const Value *result, const Value *operand,
                                   bool allowed) {
    const Type place = home(operand);
    if (!overlap(result->type, place) || (allowed && same_layout(result->type, place)))
        return ST_OK;
    return verify_fail(v, op, "place", "its result %s overwrites an operand that it still reads, %s",
                       verify_type_text(v, result->type), verify_type_text(v, place));
}

/* What ops inside a `rows` read is read row by row while the results are written row by row. */
static Status check_rows(const Verifier *v, const Op *rows) {
    for (const Op *op = rows->region->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++)
            for (int r = 0; r < rows->out_count; r++)
                TRY(check_result_against(v, rows, rows->out[r], op->in[i], true));
    return ST_OK;
}

/* Assignments to[i] = from[i] are made one after the other: none may overwrite what a later one reads. */
static Status check_moves(const Verifier *v, const Op *op, Value *const *to, Value *const *from, int count) {
    for (int k = 0; k < count; k++) {
        for (int j = k + 1; j < count; j++) {
            const Type source = home(from[j]);
            const bool stays = from[k] == from[j] && same_layout(to[k]->type, source);
            if (overlap(to[k]->type, source) && !stays)
                return verify_fail(v, op, "place", "value %d goes to %s, where value %d still waits to be moved", k,
                                   verify_type_text(v, to[k]->type), j);
        }
    }
    return ST_OK;
}

static Status check_assignments(const Verifier *v, const Op *op) {
    const Op *yield = op->region ? ir_terminator(op->region) : NULL;
    if (op->code == OP_FOR) {
        Value *const *args = op->region->args + 1;
        TRY(check_moves(v, op, args, op->in + 3, op->out_count));
        TRY(check_moves(v, op, args, yield->in, op->out_count));
        return check_moves(v, op, op->out, args, op->out_count);
    }
    if (op->code == OP_IF)
        TRY(check_moves(v, op, op->out, op->in + 1, op->out_count));
    return op->code == OP_IF || op->code == OP_ROWS ? check_moves(v, op, op->out, yield->in, op->out_count) : ST_OK;
}

static Status check_overlaps(const Verifier *v, const Op *op) {
    for (int r = 0; r < op->out_count; r++) {
        for (int i = 0; i < op->in_count; i++)
            TRY(check_result_against(v, op, op->out[r], op->in[i], may_take_place(op, i)));
        for (int other = 0; other < r; other++)
            if (overlap(op->out[r]->type, op->out[other]->type))
                return verify_fail(v, op, "place", "results %d and %d share bytes of scratch", other, r);
    }
    if (op->code == OP_RING_PUT && overlap(op->in[0]->type, home(op->in[2])) && home(op->in[2]).cls == TY_TILE)
        return verify_fail(v, op, "place", "the tile and the ring share bytes of scratch");
    TRY(check_assignments(v, op));
    return op->code == OP_ROWS ? check_rows(v, op) : ST_OK;
}

Status verify_places(const Verifier *v, const Op *op) {
    for (int i = 0; i < op->out_count; i++)
        TRY(check_place(v, op, op->out[i]));
    for (int i = 0; op->region && i < op->region->arg_count; i++)
        TRY(check_place(v, op, op->region->args[i]));
    return check_overlaps(v, op);
}
