/* The type rules: what type a result has, given the operands. One function a rule, used by the builder to make results
 * and by the verifier to check them. A rule reads operands only after it has checked that they are there
 * and are tiles. */
#include "ir/ir.h"
#include "base/numbers.h"

typedef const char *Rule(const Op *op, int index, Type *type);

static bool is_tile(const Op *op, int i) { return i < op->in_count && op->in[i]->type.cls == TY_TILE; }
static bool is_index(const Op *op, int i) { return i < op->in_count && op->in[i]->type.cls == TY_INDEX; }

static const char *rule_none(const Op *op, int index, Type *type) {
    (void)op, (void)index, (void)type;
    return "it has no results";
}

static const char *rule_index(const Op *op, int index, Type *type) {
    (void)index;
    for (int i = 0; i < op->in_count; i++)
        if (!is_index(op, i))
            return "operands must be index values";
    *type = type_index();
    return NULL;
}

static const char *rule_given(const Op *op, int index, Type *type) {
    if (index >= op->out_count)
        return "its result is missing";
    *type = type_unplaced(op->out[index]->type);
    if (op->code == OP_RING ? type->cls != TY_RING : type->cls != TY_TILE)
        return op->code == OP_RING ? "the result must be a ring" : "the result must be a tile";
    return NULL;
}

static const char *rule_same(const Op *op, int index, Type *type) {
    (void)index;
    if (!is_tile(op, 0))
        return "%0 must be a tile";
    *type = type_unplaced(op->in[0]->type);
    return NULL;
}

static bool broadcast(int a, int b, int *result) {
    *result = a > b ? a : b;
    return a == b || min_int(a, b) == 1;
}

static const char *rule_broadcast(const Op *op, int index, Type *type) {
    (void)index;
    for (int i = 0; i < op->in_count; i++) {
        if (!is_tile(op, i))
            return "operands must be tiles";
        const Type y = op->in[i]->type;
        if (i == 0)
            *type = type_unplaced(y);
        if (y.dtype != type->dtype)
            return "operands must have one dtype";
        if (!broadcast(type->rows, y.rows, &type->rows) || !broadcast(type->cols, y.cols, &type->cols))
            return "rows and columns must be equal or 1";
    }
    return NULL;
}

static const char *rule_row_reduce(const Op *op, int index, Type *type) {
    const char *wrong = rule_same(op, index, type);
    type->cols = 1;
    return wrong;
}

static const char *rule_col_reduce(const Op *op, int index, Type *type) {
    const char *wrong = rule_same(op, index, type);
    type->rows = 1;
    return wrong;
}

static const char *rule_concat(const Op *op, int index, Type *type) {
    (void)index;
    if (!is_tile(op, 0) || !is_tile(op, 1))
        return "operands must be tiles";
    const Type x = op->in[0]->type, y = op->in[1]->type;
    if (x.dtype != y.dtype)
        return "operands must have one dtype";
    if (x.rows != y.rows)
        return "operands must have the same number of rows";
    *type = type_tile(x.dtype, x.rows, x.cols + y.cols);
    return NULL;
}

/* Optional operands come in the order acc, scale, delta; delta is the only index among them. */
DotParts ir_dot_parts(const Op *dot) {
    DotParts parts = {0};
    int      count = dot->in_count;
    if (count > 2 && dot->in[count - 1]->type.cls == TY_INDEX)
        parts.delta = dot->in[--count];
    parts.x = count > 0 ? dot->in[0] : NULL;
    parts.y = count > 1 ? dot->in[1] : NULL;
    parts.acc = count > 2 ? dot->in[2] : NULL;
    parts.scale = count > 3 ? dot->in[3] : NULL;
    if (parts.y) {
        const Type x = parts.x->type, y = parts.y->type;
        const bool ta = op_int(dot, AT_TA, 0) != 0, tb = op_int(dot, AT_TB, 0) != 0;
        parts.m = ta ? x.cols : x.rows;
        parts.k = ta ? x.rows : x.cols;
        parts.n = tb ? y.rows : y.cols;
    }
    return parts;
}

static const char *dot_addend(const DotParts *parts, Type result) {
    if (parts->acc && !type_equal(parts->acc->type, result))
        return "the tile added must have the result's type";
    if (parts->scale && !type_equal(parts->scale->type, type_tile(result.dtype, result.rows, 1)))
        return "the scale must be rows x 1 of the result's dtype";
    return NULL;
}

static const char *rule_dot(const Op *op, int index, Type *type) {
    (void)index;
    if (!is_tile(op, 0) || !is_tile(op, 1))
        return "%0 and %1 must be tiles";
    const DotParts parts = ir_dot_parts(op);
    const Type     y = parts.y->type;
    const bool     wide = parts.x->type.dtype == DT_F64;
    *type = type_tile(wide ? DT_F64 : DT_F32, parts.m, parts.n);
    if (op->in_count > 4 + (parts.delta != NULL))
        return "it takes at most %0, %1, a tile to add, its scale and an index";
    if (parts.k * op_int(op, AT_STACK, 1) != (op_int(op, AT_TB, 0) ? y.cols : y.rows))
        return "the columns of op(%0) must be as many as the rows of op(%1)";
    return dot_addend(&parts, *type);
}

static const char *rule_transpose(const Op *op, int index, Type *type) {
    const char *wrong = rule_same(op, index, type);
    if (!wrong)
        *type = type_tile(type->dtype, type->cols, type->rows);
    return wrong;
}

static const char *rule_ring_get(const Op *op, int index, Type *type) {
    (void)index;
    if (op->in_count < 2 || op->in[0]->type.cls != TY_RING || !is_index(op, 1))
        return "%0 must be a ring and %1 an index";
    *type = type_ring_tile(op->in[0]->type);
    return NULL;
}

static const char *rule_for(const Op *op, int index, Type *type) {
    if (!is_index(op, 0) || !is_index(op, 1) || !is_index(op, 2))
        return "%0, %1 and %2 must be index values";
    if (index + 3 >= op->in_count)
        return "it has more results than carried operands";
    *type = type_unplaced(op->in[index + 3]->type);
    return NULL;
}

static const char *rule_if(const Op *op, int index, Type *type) {
    if (!is_index(op, 0))
        return "%0 must be an index";
    if (index + 1 >= op->in_count)
        return "it has more results than default operands";
    *type = type_unplaced(op->in[index + 1]->type);
    return NULL;
}

/* A size stated by an attribute; 0 where it is missing or makes no tile. */
static int stated_size(const Op *op, AttrKey key) {
    const int64_t size = op_int(op, key, 0);
    return size >= 1 && size <= 1 << 24 ? (int)size : 0;
}

static const char *rule_softmax_sum(const Op *op, int index, Type *type) {
    if (!is_index(op, 0) || !is_index(op, 1))
        return "%0 and %1 must be index values";
    if (op->in_count > 2 && !type_equal(op->in[2]->type, type_tile(DT_F32, 1, 1)))
        return "the sink must be f32<1x1>";
    *type = type_tile(DT_F32, 1, index == 0 ? stated_size(op, AT_COLS) : 1);
    return NULL;
}

static const char *rule_sum(const Op *op, int index, Type *type) {
    (void)index;
    if (!is_index(op, 0) || !is_index(op, 1))
        return "%0 and %1 must be index values";
    *type = type_tile(DT_F32, stated_size(op, AT_ROWS), stated_size(op, AT_COLS));
    return NULL;
}

static const char *rule_rows(const Op *op, int index, Type *type) {
    const Op *yield = op->region ? ir_terminator(op->region) : NULL;
    if (!yield || index >= yield->in_count)
        return "it has more results than its region yields";
    *type = type_unplaced(yield->in[index]->type);
    return NULL;
}

const char *ir_result_type(const Op *op, int index, Type *type) {
    static Rule *const RULES[] = {
        [TR_NONE] = rule_none,
        [TR_INDEX] = rule_index,
        [TR_GIVEN] = rule_given,
        [TR_SAME] = rule_same,
        [TR_BROADCAST] = rule_broadcast,
        [TR_ROW_REDUCE] = rule_row_reduce,
        [TR_COL_REDUCE] = rule_col_reduce,
        [TR_CONCAT] = rule_concat,
        [TR_DOT] = rule_dot,
        [TR_TRANSPOSE] = rule_transpose,
        [TR_RING_GET] = rule_ring_get,
        [TR_FOR] = rule_for,
        [TR_IF] = rule_if,
        [TR_SOFTMAX_SUM] = rule_softmax_sum,
        [TR_SUM] = rule_sum,
        [TR_ROWS] = rule_rows,
    };
    *type = type_index();
    return RULES[op_info(op->code)->rule](op, index, type);
}
