/* The value of a feature map for one row whose halves are known numbers: see map_is_plain_number in map_range.h. Where no row of
 * equal numbers is finite (a norm without eps), ranges say nothing; here every op is computed, for all columns. */
#include "passes/map_range.h"

#include <math.h>

/* Beyond these bounds a number is not taken: a divisor, a logarithm's or a root's argument may round to zero. */
static const double LARGEST = 1e6, SMALLEST = 1e-3;

/* Rows that were computed, in order of their making. */
typedef struct Known {
    Ctx           *ctx;
    const Value  **values;
    const double **rows;
    int            count, capacity, row_capacity;
} Known;

static const double *find_row(const Known *known, const Value *value) {
    for (int i = 0; i < known->count; i++)
        if (known->values[i] == value)
            return known->rows[i];
    return NULL;
}

static void keep_row(Known *known, const Value *value, const double *row) {
    int count = known->count;
    PUSH(known->ctx, known->rows, count, known->row_capacity, row);
    PUSH(known->ctx, known->values, known->count, known->capacity, value);
}

/* What stands in column c of an operand, whose one column may stand for all. */
static double column(const Value *value, const double *row, int c) { return row[value->type.cols == 1 ? 0 : c]; }

/* Of one element: x, and y where there is a second operand. NaN: an op that maps have not, or a place too close to where
 * it is not finite. */
static double of_element(OpCode code, double x, double y) {
    switch (code) {
    case OP_ADD: return x + y;
    case OP_SUB: return x - y;
    case OP_MUL: return x * y;
    case OP_DIV: return fabs(y) >= SMALLEST ? x / y : NAN;
    case OP_MAX: return fmax(x, y);
    case OP_MIN: return fmin(x, y);
    case OP_NEG: return -x;
    case OP_EXP: return exp(x);
    case OP_LOG: return x >= SMALLEST ? log(x) : NAN;
    case OP_TANH: return tanh(x);
    case OP_SIGMOID: return 1 / (1 + exp(-x));
    case OP_RELU: return fmax(x, 0);
    case OP_STEP: return x > 0;
    case OP_ABS: return fabs(x);
    case OP_SQRT: return x >= SMALLEST ? sqrt(x) : NAN;
    case OP_RSQRT: return x >= SMALLEST ? 1 / sqrt(x) : NAN;
    case OP_COPY:
    case OP_CONVERT: return x;
    default: return NAN;
    }
}

static double reduced(OpCode code, const double *row, int cols) {
    double all = row[0];
    for (int c = 1; c < cols; c++)
        all = code == OP_ROWSUM ? all + row[c] : fmax(all, row[c]);
    return all;
}

/* Column c of what op makes of the rows x and y of its operands. */
static double of_op(const Op *op, const double *x, const double *y, int c) {
    const int cols = op->in[0]->type.cols;
    switch (op->code) {
    case OP_ROWSUM:
    case OP_ROWMAX: return reduced(op->code, x, cols);
    case OP_CONCAT: return c < cols ? x[c] : y[c - cols];
    case OP_COLS: return op->in_count == 1 ? x[op_int(op, AT_LO, 0) + c] : NAN;
    default: return of_element(op->code, column(op->in[0], x, c), y ? column(op->in[1], y, c) : 0);
    }
}

/* NULL: it is not known, or too large. */
static const double *row_of(Known *known, const Value *value) {
    const Op *const     op = value->def;
    const double *const before = find_row(known, value);
    const double       *in[2] = {NULL, NULL};
    if (before)
        return before;
    if (!op || op->region || op->in_count > 2 || op->out_count != 1 || (op->in_count == 0 && op->code != OP_FCONST))
        return NULL;
    for (int i = 0; i < op->in_count; i++) {
        in[i] = op->in[i]->type.cls == TY_TILE ? row_of(known, op->in[i]) : NULL;
        if (!in[i])
            return NULL;
    }
    double *const row = NEW_ARRAY(known->ctx, double, value->type.cols);
    for (int c = 0; c < value->type.cols; c++) {
        row[c] = op->code == OP_FCONST ? op_float(op, AT_FVALUE, 0) : of_op(op, in[0], in[1], c);
        if (!(fabs(row[c]) <= LARGEST))
            return NULL;
    }
    keep_row(known, value, row);
    return row;
}

bool map_is_plain_number(Ctx *ctx, const Value *features, const Value *input, AbsentRow given) {
    Known known = {.ctx = ctx};
    if (!input || input == features)
        return false;
    const int     cols = input->type.cols;
    double *const row = NEW_ARRAY(ctx, double, cols);
    for (int c = 0; c < cols; c++)
        row[c] = c < cols / 2 ? given.left : given.right;
    keep_row(&known, input, row);
    return row_of(&known, features) != NULL;
}
