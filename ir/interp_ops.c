/* The interpreter's arithmetic on tiles: plain loops over doubles. Result types have been verified. */
#include "ir/interp.h"

#include "base/weighted_rows.h"

#include <math.h>
#include <string.h>

static Status settled(Machine *m, const Op *op) {
    interp_settle(m, op->out[0]);
    return ST_OK;
}

Status exec_fconst(Machine *m, const Op *op) {
    const int64_t elements = interp_elements(op->out[0]->type);
    const double  value = op_float(op, AT_FVALUE, 0);
    double       *out = interp_result(m, op);
    for (int64_t e = 0; e < elements; e++)
        out[e] = value;
    return settled(m, op);
}

/* ---- Elementwise ---- */

static double fn_neg(double x) { return -x; }
static double fn_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double fn_relu(double x) { return x > 0 || isnan(x) ? x : 0; }
static double fn_step(double x) { return x > 0; }
static double fn_rsqrt(double x) { return 1 / sqrt(x); }
static double fn_max(double x, double y) { return isnan(x) || x > y ? x : y; }
static double fn_min(double x, double y) { return isnan(x) || x < y ? x : y; }

Status exec_unary(Machine *m, const Op *op) {
    static double (*const FUNCTIONS[OP_COUNT])(double) = {
        [OP_NEG] = fn_neg, [OP_EXP] = exp,        [OP_EXP2] = exp2,          [OP_LOG] = log,
        [OP_TANH] = tanh,  [OP_RELU] = fn_relu,   [OP_SIGMOID] = fn_sigmoid, [OP_ABS] = fabs,
        [OP_SQRT] = sqrt,  [OP_RSQRT] = fn_rsqrt, [OP_STEP] = fn_step,
    };
    double (*const fn)(double) = FUNCTIONS[op->code];
    const double *x = interp_tile(m, op->in[0]);
    const int64_t elements = interp_elements(op->out[0]->type);
    double       *out = interp_result(m, op);
    for (int64_t e = 0; e < elements; e++)
        out[e] = fn(x[e]);
    return settled(m, op);
}

/* out[c] = fn of a row's elements; a step of 0 repeats the single one. The switch is outside of the loops, which are short. */
static void binary_row(OpCode code, const double *x, int xc, const double *y, int yc, int cols, double *out) {
#define EACH(expression)               \
    for (int c = 0; c < cols; c++) {   \
        const double a = x[c * xc];    \
        const double b = y[c * yc];    \
        out[c] = expression;           \
    }                                  \
    break
    switch (code) {
    case OP_ADD: EACH(a + b);
    case OP_SUB: EACH(a - b);
    case OP_MUL: EACH(a * b);
    case OP_DIV: EACH(a / b);
    case OP_MAX: EACH(fn_max(a, b));
    default: EACH(fn_min(a, b));
    }
#undef EACH
}

Status exec_binary(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type, xt = op->in[0]->type, yt = op->in[1]->type;
    const double *x = interp_tile(m, op->in[0]), *y = interp_tile(m, op->in[1]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++, out += type.cols)
        binary_row(op->code, x + (xt.rows > 1 ? (int64_t)r * xt.cols : 0), xt.cols > 1, y + (yt.rows > 1 ? (int64_t)r * yt.cols : 0),
                   yt.cols > 1, type.cols, out);
    return settled(m, op);
}

/* Element (r, c) of a tile that repeats its single row or column. */
static double repeated(const double *x, Type type, int r, int c) {
    return x[(type.rows > 1 ? (int64_t)r * type.cols : 0) + (type.cols > 1 ? c : 0)];
}

Status exec_fma(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type, xt = op->in[0]->type, yt = op->in[1]->type, zt = op->in[2]->type;
    const double *x = interp_tile(m, op->in[0]), *y = interp_tile(m, op->in[1]), *z = interp_tile(m, op->in[2]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++)
        for (int c = 0; c < type.cols; c++)
            *out++ = repeated(x, xt, r, c) * repeated(y, yt, r, c) + repeated(z, zt, r, c);
    return settled(m, op);
}

Status exec_same(Machine *m, const Op *op) {
    const double *x = interp_tile(m, op->in[0]);
    memcpy(interp_result(m, op), x, sizeof(double) * (size_t)interp_elements(op->out[0]->type));
    return settled(m, op);
}

/* lo <= delta + c - r % period <= hi */
typedef struct Band {
    int64_t delta, lo, hi, period;
} Band;

static bool in_band(const Band *band, int r, int c) {
    const int64_t distance = band->delta + c - r % band->period;
    return band->lo <= distance && distance <= band->hi;
}

static Band band_of(const Machine *m, const Op *op, const Value *delta) {
    return (Band){interp_index(m, delta), op_int(op, AT_LO, 0), op_int(op, AT_HI, 0), op_int(op, AT_PERIOD, 1)};
}

Status exec_mask(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type;
    const Band    band = band_of(m, op, op->in[1]);
    const int64_t first = interp_index(m, op->in[2]);
    const double  fill = op_float(op, AT_FILL, 0), *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    const bool    ta = op_int(op, AT_TA, 0) != 0;
    for (int i = 0; i < type.rows; i++)
        for (int j = 0; j < type.cols; j++, x++) {
            const int r = ta ? j : i, c = ta ? i : j;
            *out++ = c >= first && in_band(&band, r, c) ? *x : fill;
        }
    return settled(m, op);
}

/* ---- Rows ---- */

Status exec_rowsum(Machine *m, const Op *op) {
    const Type    type = op->in[0]->type;
    const double *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++) {
        out[r] = 0;
        for (int c = 0; c < type.cols; c++)
            out[r] = interp_round(m, type.dtype == DT_F64 ? DT_F64 : DT_F32, out[r] + *x++);
    }
    return settled(m, op);
}

Status exec_rowmax(Machine *m, const Op *op) {
    const Type    type = op->in[0]->type;
    const double *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++) {
        out[r] = -INFINITY;
        for (int c = 0; c < type.cols; c++)
            out[r] = fn_max(out[r], *x++);
    }
    return settled(m, op);
}

Status exec_colsum(Machine *m, const Op *op) {
    const Type    type = op->in[0]->type;
    const double *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    for (int c = 0; c < type.cols; c++)
        out[c] = 0;
    for (int r = 0; r < type.rows; r++)
        for (int c = 0; c < type.cols; c++)
            out[c] = interp_round(m, type.dtype == DT_F64 ? DT_F64 : DT_F32, out[c] + *x++);
    return settled(m, op);
}

Status exec_colmax(Machine *m, const Op *op) {
    const Type    type = op->in[0]->type;
    const double *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    for (int c = 0; c < type.cols; c++)
        out[c] = -INFINITY;
    for (int r = 0; r < type.rows; r++)
        for (int c = 0; c < type.cols; c++)
            out[c] = fn_max(out[c], *x++);
    return settled(m, op);
}

Status exec_concat(Machine *m, const Op *op) {
    const Type    xt = op->in[0]->type, yt = op->in[1]->type;
    const double *x = interp_tile(m, op->in[0]), *y = interp_tile(m, op->in[1]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < xt.rows; r++, out += xt.cols + yt.cols) {
        memcpy(out, x + (int64_t)r * xt.cols, sizeof *out * (size_t)xt.cols);
        memcpy(out + xt.cols, y + (int64_t)r * yt.cols, sizeof *out * (size_t)yt.cols);
    }
    return settled(m, op);
}

Status exec_cols(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type;
    const int64_t lo = op_int(op, AT_LO, 0) + (op->in_count > 1 ? interp_index(m, op->in[1]) : 0);
    if (lo < 0 || lo + type.cols > op->in[0]->type.cols)
        return interp_fail(m, op, "columns from %lld on of %d", (long long)lo, op->in[0]->type.cols);
    const double *x = interp_tile(m, op->in[0]) + lo;
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++, out += type.cols, x += op->in[0]->type.cols)
        memcpy(out, x, sizeof *out * (size_t)type.cols);
    return settled(m, op);
}

/* theta^(-2n/D), kept while theta and D stay the same. */
static const double *frequencies(Machine *m, double theta, int cols) {
    if (m->rope_cols != cols || m->rope_theta != theta)
        for (int n = 0; n < cols / 2; n++)
            m->rope_frequency[n] = pow(theta, -2.0 * n / cols);
    m->rope_cols = cols;
    m->rope_theta = theta;
    return m->rope_frequency;
}

Status exec_rope(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type;
    const int64_t position = interp_index(m, op->in[1]), period = op_int(op, AT_PERIOD, 1);
    const bool    halves = op_int(op, AT_STYLE, 0) == 1, down = op_int(op, AT_DOWN, 0) == 1;
    const double *frequency = frequencies(m, op_float(op, AT_THETA, 1), type.cols), *x = interp_tile(m, op->in[0]);
    double       *out = interp_result(m, op);
    for (int r = 0; r < type.rows; r++, x += type.cols, out += type.cols) {
        const int64_t at = position + (down ? -(r % period) : r % period);
        for (int n = 0; n < type.cols / 2; n++) {
            const double angle = (double)at * frequency[n], cosine = cos(angle), sine = sin(angle);
            const int    a = halves ? n : 2 * n, b = halves ? n + type.cols / 2 : 2 * n + 1;
            out[a] = x[a] * cosine - x[b] * sine;
            out[b] = x[a] * sine + x[b] * cosine;
        }
    }
    return settled(m, op);
}

/* ---- Tiles ---- */

static void transpose(const double *x, int rows, int cols, double *out) {
    for (int c = 0; c < cols; c++)
        for (int r = 0; r < rows; r++)
            *out++ = x[(int64_t)r * cols + c];
}

Status exec_transpose(Machine *m, const Op *op) {
    const Type    type = op->in[0]->type;
    const double *x = interp_tile(m, op->in[0]);
    transpose(x, type.rows, type.cols, interp_result(m, op));
    return settled(m, op);
}

/* out = scale * acc, or zeros: what the products are added to. */
static void start_sum(Machine *m, const DotParts *parts, double *out) {
    const double *acc = parts->acc ? interp_tile(m, parts->acc) : NULL,
                 *scale = parts->scale ? interp_tile(m, parts->scale) : NULL;
    const DType dtype = m->args->fp32 ? DT_F32 : DT_F64;
    for (int r = 0; r < parts->m; r++)
        for (int c = 0; c < parts->n; c++, out++)
            *out = !acc ? 0 : interp_round(m, dtype, *acc++ * (scale ? scale[r] : 1));
}

/* trim=1: what need not be computed becomes NaN, so that nobody relies on it. */
static void forget_outside(const Band *band, const DotParts *parts, double *out) {
    for (int r = 0; r < parts->m; r++)
        for (int c = 0; c < parts->n; c++, out++)
            *out = in_band(band, r, c) ? *out : NAN;
}

/* trim=2: the promise that op(%0) is zero outside the band. */
static Status check_zero_outside(const Machine *m, const Op *op, const Band *band, double x, int r, int k) {
    if (x != 0 && !in_band(band, r, k))
        return interp_fail(m, op, "trim=2 promises a zero at (%d, %d), found %g", r, k, x);
    return ST_OK;
}

Status exec_dot(Machine *m, const Op *op) {
    const DotParts parts = ir_dot_parts(op);
    const int64_t  trim = op_int(op, AT_TRIM, 0);
    const bool     ta = op_int(op, AT_TA, 0) != 0, fp32 = m->args->fp32 && op->out[0]->type.dtype == DT_F32;
    const Band     band = parts.delta ? band_of(m, op, parts.delta) : (Band){0};
    const double  *x = interp_tile(m, parts.x), *y = interp_tile(m, parts.y);
    double        *out = interp_result(m, op);
    const int      part = parts.m / (int)op_int(op, AT_STACK, 1); /* rows that have one right side */
    if (op_int(op, AT_TB, 0)) {
        transpose(y, parts.n, parts.k, m->matrix);
        y = m->matrix;
    }
    start_sum(m, &parts, out);
    for (int r = 0; r < parts.m; r++) {
        double *const sum = out + (int64_t)r * parts.n;
        const double *const right = y + (int64_t)(r / part) * parts.k * parts.n;
        double        a[WEIGHTED_AT_A_TIME];
        for (int k = 0; k < parts.k; k++) {
            const int at = k % WEIGHTED_AT_A_TIME;
            a[at] = ta ? x[(int64_t)k * parts.m + r] : x[(int64_t)r * parts.k + k];
            if (trim == 2)
                TRY(check_zero_outside(m, op, &band, a[at], r, k));
            if (at == WEIGHTED_AT_A_TIME - 1)
                weighted_rows_add(sum, a, right + (int64_t)(k - at) * parts.n, parts.n, fp32);
        }
        for (int k = parts.k / WEIGHTED_AT_A_TIME * WEIGHTED_AT_A_TIME; k < parts.k; k++)
            weighted_row_add(sum, a[k % WEIGHTED_AT_A_TIME], right + (int64_t)k * parts.n, parts.n, fp32);
    }
    if (trim == 1)
        forget_outside(&band, &parts, out);
    return settled(m, op);
}
