/* The verifier's rules of single ops: what the type rule of ops.def does not say. Operand and result counts, types and
 * attributes' presence hold already when these run. */
#include "ir/ir_verify.h"

#include <stdio.h>
#include <string.h>

static bool is_index(const Value *value) { return value->type.cls == TY_INDEX; }
static bool is_tile(const Value *value) { return value->type.cls == TY_TILE; }
static bool is_flag(int64_t value) { return value == 0 || value == 1; }

/* ---- Parameters ---- */

static bool is_dim(int64_t dim) {
    return dim >= 1 || dim == DIM_N_PLUS_1 || (dim < 0 && dim >= DIM_SYM(SYM_COUNT - 1));
}

Status verify_params(const Verifier *v) {
    for (int p = 0; p < v->kernel->param_count; p++) {
        const CodeParam *param = &v->kernel->params[p];
        if (ir_find_param(v->kernel, param->name) != param)
            return verify_fail(v, NULL, "name", "%s is declared twice", param->name);
        if (param->rank < 1 || param->rank > 4)
            return verify_fail(v, NULL, "rank", "%s has rank %d, not 1 to 4", param->name, param->rank);
        for (int d = 0; d < 4; d++)
            if (!is_dim(param->dims[d]) || (d < 4 - param->rank && param->dims[d] != 1))
                return verify_fail(v, NULL, "dims", "%s has dim %d = %lld", param->name, d, (long long)param->dims[d]);
    }
    return ST_OK;
}

static Status find_param(const Verifier *v, const Op *op, const CodeParam **param) {
    const char *name = op_text(op, AT_PARAM);
    *param = ir_find_param(v->kernel, name);
    return *param ? ST_OK : verify_fail(v, op, "param", "the kernel has no parameter %.40s", name);
}

/* ---- Index ops ---- */

static Status check_isym(const Verifier *v, const Op *op) {
    Sym sym;
    if (ir_find_sym(op_text(op, AT_SYM), &sym))
        return ST_OK;
    return verify_fail(v, op, "sym", "\"%.40s\" is no size known at launch", op_text(op, AT_SYM));
}

static Status check_iload(const Verifier *v, const Op *op) {
    const CodeParam *param;
    TRY(find_param(v, op, &param));
    if (param->dtype != DT_I32 || param->rank != 1)
        return verify_fail(v, op, "param", "%s is %s of rank %d, not i32 of rank 1", param->name,
                           type_dtype_name(param->dtype), param->rank);
    return ST_OK;
}

static Status check_divisor(const Verifier *v, const Op *op) {
    int64_t divisor;
    if (ir_const_value(op->in[1], &divisor) && divisor <= 0)
        return verify_fail(v, op, "operands", "the divisor is %lld, not positive", (long long)divisor);
    return ST_OK;
}

/* ---- Memory ---- */

enum { MAX_COLS = 1 << 20 }; /* of a parameter that is read in part */

/* `first`: the operand that is the first coordinate; `cols` of the tile. */
static Status check_access(const Verifier *v, const Op *op, int first, int cols) {
    const CodeParam *param;
    const int64_t    rowdim = op_int(op, AT_ROWDIM, 0), groupdim = op_int(op, AT_GROUPDIM, 0), lo = op_int(op, AT_LO, 0);
    TRY(find_param(v, op, &param));
    if (lo < 0 || lo > MAX_COLS)
        return verify_fail(v, op, "lo", "the first column is %lld", (long long)lo);
    cols += (int)lo;
    for (int i = first; i < first + 5; i++)
        if (!is_index(op->in[i]))
            return verify_fail(v, op, "types", "coordinates and bounds must be index values, operand %d is not", i);
    if (rowdim < -1 || rowdim > 2 || groupdim < -1 || groupdim > 2)
        return verify_fail(v, op, "rowdim", "rowdim %lld and groupdim %lld must be -1, 0, 1 or 2", (long long)rowdim,
                           (long long)groupdim);
    if (rowdim >= 0 && rowdim == groupdim)
        return verify_fail(v, op, "rowdim", "rowdim and groupdim are both %lld", (long long)rowdim);
    if (op_int(op, AT_PERIOD, 0) < 1 || op_int(op, AT_WRAP, 0) < 0)
        return verify_fail(v, op, "period", "period must be at least 1 and wrap at least 0");
    const int64_t coldim = op_int(op, AT_COLDIM, -1);
    if (op_has(op, AT_COLDIM) && (coldim < 0 || coldim > 2 || coldim == rowdim || coldim == groupdim))
        return verify_fail(v, op, "coldim", "coldim %lld must be 0, 1 or 2, and neither rowdim nor groupdim", (long long)coldim);
    if (coldim >= 0 && (param->dims[3] < cols || param->dims[3] % cols != 0))
        return verify_fail(v, op, "coldim", "%d columns are no equal part of those of %s, which has %lld", cols, param->name,
                           (long long)param->dims[3]);
    const char *const      name = op_text(op, AT_BEYOND);
    const CodeParam *const beyond = name ? ir_find_param(v->kernel, name) : NULL;
    if (name && (!beyond || beyond->dtype != param->dtype || rowdim < 0 || op_int(op, AT_WRAP, 0) || op_int(op, AT_BORDER, 0) < 1))
        return verify_fail(v, op, "beyond", "%.40s cannot go on where %s ends", name, param->name);
    const bool goes_on = (op->code == OP_LOAD || op->code == OP_SEND) && param->dims[3] > 0 && cols % param->dims[3] == 0;
    if (param->dims[3] > 0 && cols > param->dims[3] && !goes_on)
        return verify_fail(v, op, "types", "%d columns of %s, which has %lld", cols, param->name,
                           (long long)param->dims[3]);
    return ST_OK;
}

static Status check_tile_access(const Verifier *v, const Op *op, const Value *tile) {
    if (!is_tile(tile))
        return verify_fail(v, op, "types", "what is loaded or stored must be a tile");
    return check_access(v, op, 0, tile->type.cols);
}

static Status check_load(const Verifier *v, const Op *op) {
    if (op->in_count < 5 || op->in_count > 6 || (op->in_count == 6 && !is_index(op->in[5])))
        return verify_fail(v, op, "operands", "it takes three coordinates, two bounds, and perhaps a column");
    return check_tile_access(v, op, op->out[0]);
}

static Status check_store(const Verifier *v, const Op *op) {
    const CodeParam *param = ir_find_param(v->kernel, op_text(op, AT_PARAM));
    if (param && param->role == PARAM_IN)
        return verify_fail(v, op, "param", "%s is an input: it cannot be stored to", param->name);
    const int64_t sum = op_int(op, AT_SUM, 1);
    if (is_tile(op->in[5]) && (sum < 1 || op->in[5]->type.rows % sum != 0))
        return verify_fail(v, op, "sum", "%d rows are not added up by %lld", op->in[5]->type.rows, (long long)sum);
    return check_tile_access(v, op, op->in[5]);
}

static Status check_ring_put(const Verifier *v, const Op *op) {
    const Type ring = op->in[0]->type;
    if (op->in_count < 3 || op->in_count > 4)
        return verify_fail(v, op, "operands", "it takes a ring, an index and a tile, and perhaps the first of its columns");
    if (ring.cls != TY_RING || !is_index(op->in[1]) || (op->in_count > 3 && !is_index(op->in[3])))
        return verify_fail(v, op, "types", "%%0 must be a ring and %%1 an index, and so %%3");
    const Type tile = op->in[2]->type;
    if (op->in_count > 3 && tile.cls == TY_TILE && tile.dtype == ring.dtype && tile.cols < ring.cols && tile.rows == ring.rows)
        return ST_OK;
    if (op->in_count > 3 || tile.cls != TY_TILE || tile.dtype != ring.dtype || tile.cols != ring.cols || tile.rows % ring.rows != 0 ||
        tile.rows / ring.rows > ring.slots)
        return verify_fail(v, op, "types", "the tile must have the type of the ring's slots, or the rows of some of them");
    return ST_OK;
}

static Status check_fetch(const Verifier *v, const Op *op) {
    if (op->in[0]->type.cls != TY_RING || !is_index(op->in[1]))
        return verify_fail(v, op, "types", "%%0 must be a ring and %%1 an index");
    return check_access(v, op, 2, op->in[0]->type.cols);
}

static Status check_send(const Verifier *v, const Op *op) {
    const Type    ring = op->in[0]->type;
    const int64_t rows = op_int(op, AT_ROWS, 0), cols = op_int(op, AT_COLS, 0);
    if (ring.cls != TY_RING)
        return verify_fail(v, op, "types", "%%0 must be a ring");
    if (rows < 1 || rows > ring.rows || cols < 1 || cols > ring.cols)
        return verify_fail(v, op, "rows", "a tile of %lld x %lld does not fit the ring's slots", (long long)rows, (long long)cols);
    return check_access(v, op, 1, (int)cols);
}

/* Of a signal or what expects it. */
static Status check_signal(const Verifier *v, const Op *op) {
    const CodeParam *param = ir_find_param(v->kernel, op_text(op, AT_PARAM));
    const int64_t    rowdim = op_int(op, AT_ROWDIM, 0), value = op_int(op, AT_VALUE, 0);
    for (int i = 0; i < op->in_count; i++)
        if (!is_index(op->in[i]))
            return verify_fail(v, op, "operands", "it takes three coordinates and two bounds");
    if (!param || param->dtype != DT_I32 || param->role != PARAM_WORK)
        return verify_fail(v, op, "param", "signals are i32 elements of a work parameter");
    if (rowdim < 0 || rowdim > 2 || value < 0 || value > 1)
        return verify_fail(v, op, "rowdim", "rowdim must be 0, 1 or 2, and a value 0 or 1");
    if (op->code == OP_EXPECT && (op_int(op, AT_ROWS, 0) < 1 || op_int(op, AT_PERIOD, 0) < 1))
        return verify_fail(v, op, "rows", "rows and period must be at least 1");
    return ST_OK;
}

static Status check_arrive(const Verifier *v, const Op *op) {
    const CodeParam *param = ir_find_param(v->kernel, op_text(op, AT_PARAM));
    if (!param || param->dtype != DT_I64 || param->role != PARAM_WORK)
        return verify_fail(v, op, "param", "arrivals are counted in i64 elements of a work parameter");
    return ST_OK;
}

static Status check_give(const Verifier *v, const Op *op) {
    const Type ring = op->in[0]->type, tile = op->in[1]->type;
    if (ring.cls != TY_RING || tile.cls != TY_TILE || tile.dtype != ring.dtype || tile.rows > ring.rows || tile.cols > ring.cols)
        return verify_fail(v, op, "types", "it gives a tile that fits the slots of a ring, of their type");
    return ST_OK;
}

static Status check_take(const Verifier *v, const Op *op) {
    const Type ring = op->in[0]->type, tile = op->out[0]->type;
    if (ring.cls != TY_RING || tile.cls != TY_TILE || tile.dtype != ring.dtype || tile.rows > ring.rows || tile.cols > ring.cols)
        return verify_fail(v, op, "types", "it takes a tile that fits the slots of a ring");
    return ST_OK;
}

static Status check_release(const Verifier *v, const Op *op) {
    if (op->in[0]->type.cls != TY_RING || !op->in[1]->def || op->in[1]->def->code != OP_TAKE || op->in[1]->def->in[0] != op->in[0])
        return verify_fail(v, op, "operands", "%%1 must have been taken from ring %%0");
    return ST_OK;
}

static Status check_role(const Verifier *v, const Op *op) {
    if (op->region->arg_count || ir_terminator(op->region)->in_count)
        return verify_fail(v, op, "region", "a role's region takes and yields nothing");
    if (op_int(op, AT_WARPS, 0) < 1 || op_int(op, AT_WARPS, 0) > 32 || op_int(op, AT_REGISTERS, -1) < 0)
        return verify_fail(v, op, "attributes", "a role has 1 to 32 warps, and registers or 0");
    return ST_OK;
}

static Status check_wait(const Verifier *v, const Op *op) {
    if (op_int(op, AT_COUNT, -1) < 0)
        return verify_fail(v, op, "count", "count must be at least 0");
    return ST_OK;
}

/* ---- Tiles ---- */

static Status check_mask(const Verifier *v, const Op *op) {
    if (!is_index(op->in[1]) || !is_index(op->in[2]))
        return verify_fail(v, op, "types", "%%1 and %%2 must be index values");
    if (op_int(op, AT_PERIOD, 0) < 1)
        return verify_fail(v, op, "period", "period must be at least 1");
    return ST_OK;
}

static Status check_rope(const Verifier *v, const Op *op) {
    if (!is_index(op->in[1]))
        return verify_fail(v, op, "types", "%%1 must be an index");
    if (op->in[0]->type.cols % 2 != 0)
        return verify_fail(v, op, "types", "columns are turned in pairs, found %d", op->in[0]->type.cols);
    if (op_int(op, AT_PERIOD, 0) < 1 || !is_flag(op_int(op, AT_STYLE, 0)) || !(op_float(op, AT_THETA, 0) > 0))
        return verify_fail(v, op, "attributes", "period must be at least 1, style 0 or 1, theta positive");
    return ST_OK;
}

static Status check_dot(const Verifier *v, const Op *op) {
    const int64_t trim = op_int(op, AT_TRIM, 0);
    if (!is_flag(op_int(op, AT_TA, 0)) || !is_flag(op_int(op, AT_TB, 0)) || trim < 0 || trim > 2)
        return verify_fail(v, op, "attributes", "ta and tb must be 0 or 1, trim 0, 1 or 2");
    if ((ir_dot_parts(op).delta != NULL) != (trim != 0))
        return verify_fail(v, op, "operands",
                           trim ? "trim needs delta, an index, as the last operand" : "an index operand without trim");
    const int64_t stack = op_int(op, AT_STACK, 1);
    if (stack < 1 || (stack > 1 && (op_int(op, AT_TA, 0) || op_int(op, AT_TB, 0) || trim || ir_dot_parts(op).m % stack)))
        return verify_fail(v, op, "stack", "neither side of a stack is transposed or trimmed, and it divides the rows");
    if (trim && (!op_has(op, AT_LO) || !op_has(op, AT_HI) || op_int(op, AT_PERIOD, 0) < 1))
        return verify_fail(v, op, "attributes", "trim needs lo, hi and a period of at least 1");
    return ST_OK;
}

static Status check_convert(const Verifier *v, const Op *op) {
    const Type from = op->in[0]->type, to = op->out[0]->type;
    if (op->in_count < 1 || op->in_count > 2 || (op->in_count == 2 && !is_index(op->in[1])))
        return verify_fail(v, op, "operands", "it takes a tile, and perhaps an index");
    if (!is_tile(op->in[0]) || from.rows != to.rows || from.cols != to.cols)
        return verify_fail(v, op, "types", "it changes the dtype of a tile and nothing else");
    return ST_OK;
}

static Status check_cols(const Verifier *v, const Op *op) {
    const int64_t lo = op_int(op, AT_LO, -1);
    if (op->in_count < 1 || op->in_count > 2 || (op->in_count == 2 && !is_index(op->in[1])))
        return verify_fail(v, op, "operands", "it takes a tile, and perhaps an index");
    const Type from = op->in[0]->type, to = op->out[0]->type;
    if (!is_tile(op->in[0]) || from.rows != to.rows || from.dtype != to.dtype)
        return verify_fail(v, op, "types", "it takes columns of a tile and changes nothing else");
    if (lo < 0 || lo > from.cols - to.cols)
        return verify_fail(v, op, "lo", "%d columns from %lld on of %d", to.cols, (long long)lo, from.cols);
    return ST_OK;
}

/* ---- Regions ---- */

static Status check_region_args(const Verifier *v, const Op *op, int count) {
    const Block *region = op->region;
    if (region->arg_count != count)
        return verify_fail(v, op, "region", "its region takes %d arguments, found %d", count, region->arg_count);
    if (count && !is_index(region->args[0]))
        return verify_fail(v, op, "region", "the region's first argument must be an index");
    return ST_OK;
}

/* The region yields one value for each type in `wanted`. */
static Status check_yield(const Verifier *v, const Op *op, const Type *wanted, int count) {
    const Op *yield = ir_terminator(op->region);
    if (yield->in_count != count)
        return verify_fail(v, op, "yield", "its region yields %d values, found %d", count, yield->in_count);
    for (int i = 0; i < count; i++) {
        Text text = TEXT(v->ctx);
        type_print(&text, wanted[i]);
        text_add(&text, ", found ");
        type_print(&text, yield->in[i]->type);
        if (!type_equal(yield->in[i]->type, wanted[i]))
            return verify_fail(v, op, "yield", "value %d must be %s", i, text_str(&text));
    }
    return ST_OK;
}

static Type *operand_types(const Verifier *v, const Op *op, int first) {
    Type *types = NEW_ARRAY(v->ctx, Type, op->in_count);
    for (int i = first; i < op->in_count; i++)
        types[i - first] = type_unplaced(op->in[i]->type);
    return types;
}

static Status check_for(const Verifier *v, const Op *op) {
    int64_t   step;
    const int carried = op->in_count - 3;
    if (carried < 0 || !is_index(op->in[0]) || !is_index(op->in[1]) || !is_index(op->in[2]))
        return verify_fail(v, op, "operands", "it takes three index values: from, to, step");
    if (ir_const_value(op->in[2], &step) && step <= 0)
        return verify_fail(v, op, "step", "the step is %lld, not positive", (long long)step);
    if (!is_flag(op_int(op, AT_PAR, 0)) || !is_flag(op_int(op, AT_APART, 0)))
        return verify_fail(v, op, "attributes", "par must be 0 or 1");
    if (op_int(op, AT_PAR, 0) && carried)
        return verify_fail(v, op, "par", "the turns of a par=1 loop are independent, this one carries %d values",
                           carried);
    TRY(check_region_args(v, op, 1 + carried));
    const Type *types = operand_types(v, op, 3);
    for (int i = 0; i < carried; i++)
        if (!type_equal(op->region->args[1 + i]->type, types[i]))
            return verify_fail(v, op, "region", "region argument %d does not have the type of what it carries", 1 + i);
    return check_yield(v, op, types, carried);
}

static Status check_if(const Verifier *v, const Op *op) {
    if (op->in_count < 1 || !is_index(op->in[0]))
        return verify_fail(v, op, "operands", "it takes a condition, an index, and the values if it is 0");
    TRY(check_region_args(v, op, 0));
    return check_yield(v, op, operand_types(v, op, 1), op->in_count - 1);
}

static Status check_softmax_sum(const Verifier *v, const Op *op) {
    if (op->in_count < 2 || op->in_count > 3)
        return verify_fail(v, op, "operands", "it takes from, to and perhaps a sink, found %d", op->in_count);
    TRY(check_region_args(v, op, 1));
    return check_yield(v, op, (Type[]){op->out[1]->type, op->out[0]->type}, 2);
}

static Status check_sum(const Verifier *v, const Op *op) {
    TRY(check_region_args(v, op, 1));
    return check_yield(v, op, &op->out[0]->type, 1);
}

static bool rows_fit(const Value *value, int64_t count) {
    return value->type.cls != TY_TILE || value->type.rows == 1 || value->type.rows == count;
}

static Status check_rows(const Verifier *v, const Op *op) {
    const int64_t count = op_int(op, AT_COUNT, 0);
    TRY(check_region_args(v, op, 0));
    for (const Op *in = op->region->first; in; in = in->next) {
        const OpInfo *info = op_info(in->code);
        if (!(info->traits & ROWWISE) && info->rule != TR_INDEX && in->code != OP_YIELD)
            return verify_fail(v, in, "rows", "only rowwise and index ops may stand inside rows");
        for (int i = 0; i < in->in_count; i++)
            if (!rows_fit(in->in[i], count) || in->in[i]->type.cls == TY_RING)
                return verify_fail(v, in, "rows", "operand %d has %d rows, not 1 or count=%lld", i,
                                   in->in[i]->type.rows, (long long)count);
        for (int i = 0; i < in->out_count; i++)
            if (!rows_fit(in->out[i], count))
                return verify_fail(v, in, "rows", "result %d has %d rows, not 1 or count=%lld", i,
                                   in->out[i]->type.rows, (long long)count);
    }
    return ST_OK;
}

Status verify_op_rules(const Verifier *v, const Op *op) {
    switch (op->code) {
    case OP_ISYM: return check_isym(v, op);
    case OP_ILOAD: return check_iload(v, op);
    case OP_IDIV:
    case OP_IMOD: return check_divisor(v, op);
    case OP_FOR: return check_for(v, op);
    case OP_IF: return check_if(v, op);
    case OP_SOFTMAX_SUM: return check_softmax_sum(v, op);
    case OP_SUM: return check_sum(v, op);
    case OP_ROWS: return check_rows(v, op);
    case OP_LOAD: return check_load(v, op);
    case OP_STORE: return check_store(v, op);
    case OP_RING_PUT: return check_ring_put(v, op);
    case OP_FETCH: return check_fetch(v, op);
    case OP_WAIT:
    case OP_AWAIT: return check_wait(v, op);
    case OP_SEND: return check_send(v, op);
    case OP_GIVE: return check_give(v, op);
    case OP_SIGNAL:
    case OP_EXPECT: return check_signal(v, op);
    case OP_ARRIVE: return check_arrive(v, op);
    case OP_TAKE: return check_take(v, op);
    case OP_SKIP:
        return op->in[0]->type.cls == TY_RING ? ST_OK : verify_fail(v, op, "types", "%%0 must be a ring");
    case OP_RELEASE: return check_release(v, op);
    case OP_ROLE: return check_role(v, op);
    case OP_MASK: return check_mask(v, op);
    case OP_COLS: return check_cols(v, op);
    case OP_ROPE: return check_rope(v, op);
    case OP_DOT: return check_dot(v, op);
    case OP_CONVERT: return check_convert(v, op);
    default: return ST_OK;
    }
}
