/* Features of rows that are not there: see map_range.h. Such rows are loaded as zeros, and products multiply their features by
 * zeros, which adds nothing where these are finite. */
#include "passes/map_range.h"

#include <float.h>
#include <math.h>

typedef struct Range {
    double lo, hi;
} Range;

/* A tile of rows, or of one row on CPUs, where a step decodes one token: a scale has no dimension of rows. */
static bool is_load(const Op *op) {
    return op && op->code == OP_LOAD && (op->out[0]->type.rows > 1 || op_int(op, AT_ROWDIM, -1) >= 0);
}

/* Keys of a ring and new ones, where each is zero in the rows of the other. */
static bool is_joined(const Op *op) { return op && op->code == OP_ADD && is_load(op->in[0]->def) && is_load(op->in[1]->def); }

static bool is_rows(const Op *op) { return is_load(op) || is_joined(op); }

static bool scales(const Op *op) {
    return op && op->code == OP_MUL && is_rows(op->in[0]->def) && is_loaded_row(op->in[1]);
}

Value *map_input(Value *features) {
    const Op *op = features->def;
    Value    *found = NULL;
    if (is_rows(op) || scales(op))
        return features;
    for (int i = 0; op && i < op->in_count && !found; i++)
        found = op->in[i]->type.cls == TY_TILE ? map_input(op->in[i]) : NULL;
    return found;
}

static Range hull(Range a, Range b) { return (Range){fmin(a.lo, b.lo), fmax(a.hi, b.hi)}; }

/* 0 * x is 0: what is multiplied is finite. */
static double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

static Range times(Range a, Range b) {
    const double p = product(a.lo, b.lo), q = product(a.lo, b.hi), r = product(a.hi, b.lo), s = product(a.hi, b.hi);
    return (Range){fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s))};
}

/* What float32 cannot tell from nothing is nothing: 1 - 24 * (1 / 24). */
static double sum(double a, double b) {
    return fabs(a + b) < FLT_EPSILON * fmax(fabs(a), fabs(b)) ? 0 : a + b;
}

static Range plus(Range a, Range b) { return (Range){sum(a.lo, b.lo), sum(a.hi, b.hi)}; }

static Range minus(Range a) { return (Range){-a.hi, -a.lo}; }

static Range rising(double (*f)(double), Range a) { return (Range){f(a.lo), f(a.hi)}; }

static double relu(double x) { return fmax(x, 0); }
static double step(double x) { return x > 0; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double inverse_root(double x) { return 1 / sqrt(x); }

static Range size_of(Range a) { return a.lo >= 0 ? a : a.hi <= 0 ? minus(a) : (Range){0, fmax(-a.lo, a.hi)}; }

/* Ranges are remembered, of two values in one place the later one's; a map that is as long as no other is given up on. */
enum { MOST_SIDES = 3, MOST_STEPS = 20000, REMEMBERED = 256 };

typedef struct Known {
    const Value *input;
    double       x;
    int          steps;
    bool         gave_up; /* that something is not finite is a lack of knowledge */
    struct {
        const Value *value;
        Range        range;
    } ranges[REMEMBERED];
} Known;

/* Of ops that are no sums of other ranges: not finite where it is not known. */
static Range of_op(const Op *op, const Range *in, Known *known) {
    const Range unknown = {-INFINITY, INFINITY};
    switch (op->code) {
    case OP_ADD: return plus(in[0], in[1]);
    case OP_SUB: return plus(in[0], minus(in[1]));
    case OP_MUL: return times(in[0], in[1]);
    case OP_DIV: return in[1].lo > 0 || in[1].hi < 0 ? times(in[0], (Range){1 / in[1].hi, 1 / in[1].lo}) : unknown;
    case OP_MAX: return (Range){fmax(in[0].lo, in[1].lo), fmax(in[0].hi, in[1].hi)};
    case OP_MIN: return (Range){fmin(in[0].lo, in[1].lo), fmin(in[0].hi, in[1].hi)};
    case OP_FMA: return plus(times(in[0], in[1]), in[2]);
    case OP_NEG: return minus(in[0]);
    case OP_EXP: return rising(exp, in[0]);
    case OP_EXP2: return rising(exp2, in[0]);
    case OP_LOG: return in[0].lo > 0 ? rising(log, in[0]) : unknown;
    case OP_TANH: return rising(tanh, in[0]);
    case OP_SIGMOID: return rising(sigmoid, in[0]);
    case OP_RELU: return rising(relu, in[0]);
    case OP_STEP: return rising(step, in[0]);
    case OP_ABS: return size_of(in[0]);
    case OP_SQRT: return in[0].lo >= 0 ? rising(sqrt, in[0]) : unknown;
    case OP_RSQRT: return in[0].lo > 0 ? (Range){inverse_root(in[0].hi), inverse_root(in[0].lo)} : unknown;
    case OP_CONCAT: return hull(in[0], in[1]);
    case OP_ROWMAX:
    case OP_COLS:
    case OP_COPY:
    case OP_CONVERT: return in[0];
    default: known->gave_up = true; return unknown;
    }
}

static bool is_finite(Range a) { return a.lo >= -FLT_MAX && a.hi <= FLT_MAX; }

static bool range_of(const Value *value, Known *known, Range *out);

/* The sum of a row: of what is joined, both parts' sums. */
static bool sum_range(const Value *row, Known *known, Range *out) {
    const Op *const op = row->def;
    const double    cols = row->type.cols;
    Range           left, right;
    if (op && op->code == OP_CONCAT) {
        if (!sum_range(op->in[0], known, &left) || !sum_range(op->in[1], known, &right))
            return false;
        *out = plus(left, right);
    } else {
        if (!range_of(row, known, &left))
            return false;
        *out = times(left, (Range){cols, cols});
    }
    return is_finite(*out);
}

static bool range_made(const Value *value, Known *known, Range *out) {
    const Op *const op = value->def;
    Range           in[MOST_SIDES] = {{0, 0}};
    *out = (Range){known->x, known->x};
    if (value == known->input)
        return true;
    if (!op || is_rows(op) || known->steps++ == MOST_STEPS) {
        known->gave_up = true;
        return false;
    }
    *out = (Range){-FLT_MAX, FLT_MAX};
    if (op->code == OP_LOAD) { /* a scale: any number */
        known->gave_up = true;
        return true;
    }
    if (op->code == OP_ROWSUM)
        return sum_range(op->in[0], known, out);
    if (op->code == OP_FCONST) {
        const double constant = op_float(op, AT_FVALUE, 0);
        *out = (Range){constant, constant};
        return isfinite(constant);
    }
    for (int i = 0; i < op->in_count; i++) {
        if (i == MOST_SIDES || op->in[i]->type.cls != TY_TILE) {
            known->gave_up = true;
            return false;
        }
        if (!range_of(op->in[i], known, &in[i]))
            return false;
    }
    *out = of_op(op, in, known);
    return is_finite(*out);
}

/* False: it may be infinite, or no number. */
static bool range_of(const Value *value, Known *known, Range *out) {
    const size_t place = ((uintptr_t)value >> 4) % REMEMBERED;
    if (known->ranges[place].value == value)
        *out = known->ranges[place].range;
    else if (range_made(value, known, out))
        known->ranges[place].range = *out, known->ranges[place].value = value;
    else
        return false;
    return true;
}

bool map_is_finite(const Value *features, const Value *input, double x) {
    Range range;
    Known known = {.input = input, .x = x};
    return input && range_of(features, &known, &range);
}

/* Of rows of one number each, tried in this order. */
static const double TRIED[] = {0, 1, -1, 0.5, 2};

bool map_find_finite(const Value *features, double *x) {
    const Value *const  input = map_input((Value *)features);
    for (size_t i = 0; i < sizeof TRIED / sizeof *TRIED; i++)
        if (map_is_finite(features, input, TRIED[i])) {
            *x = TRIED[i];
            return true;
        }
    return false;
}

/* Whether for each of them something is surely infinite, or no number: 0 / 0 where x has no variance. */
static bool is_never_finite(const Value *features) {
    const Value *const input = map_input((Value *)features);
    for (size_t i = 0; i < sizeof TRIED / sizeof *TRIED; i++) {
        Range range;
        Known known = {.input = input, .x = TRIED[i]};
        if (!input || range_of(features, &known, &range) || known.gave_up)
            return false;
    }
    return true;
}

bool map_find_absent(Ctx *ctx, const Value *features, AbsentRow *row) {
    static const AbsentRow TRIED[] = {{1, 0},   {0, 1},     {2, 1},   {1, 2},     {-1, -2},   {-2, -1}, {1, -1},
                                      {8, 4},   {-8, -4},   {16, 16}, {-16, -16}, {256, 256}, {-256, -256}};
    double                 x;
    if (map_find_finite(features, &x)) {
        *row = (AbsentRow){x, x};
        return true;
    }
    for (size_t i = 0; i < sizeof TRIED / sizeof *TRIED; i++)
        if (map_is_plain_number(ctx, features, map_input((Value *)features), TRIED[i])) {
            *row = TRIED[i];
            return true;
        }
    return false;
}

/* `fill` in rows of the load that are not there, else zeros. */
static Value *absent_rows(Builder *b, const Op *load, double fill) {
    const int    dim = (int)op_int(load, AT_ROWDIM, 0), period = (int)op_int(load, AT_PERIOD, 1);
    const bool   down = op_int(load, AT_DOWN, 0);
    Value *const at = load->in[dim], *const lo = load->in[3], *const hi = load->in[4];
    Value *const last = down ? ir_ibin(b, OP_ISUB, at, lo) : index_offset(b, ir_ibin(b, OP_ISUB, hi, at), -1);
    Value *const first = down ? index_offset(b, ir_ibin(b, OP_ISUB, at, hi), 1) : ir_ibin(b, OP_ISUB, lo, at);
    Value *const until = ir_mask(b, ir_f(b, 0, load->out[0]->type.rows, 1), last, ir_i(b, 0), 0, IR_POS_INF, period, fill);
    return ir_mask(b, until, first, ir_i(b, 0), IR_NEG_INF, 0, period, fill);
}

/* The same for the tile that a map is given: of keys that are joined, in rows that are in neither part. */
static Value *absent_input(Builder *b, const Op *op, double fill) {
    if (scales(op))
        return absent_input(b, op->in[0]->def, fill);
    if (is_load(op))
        return absent_rows(b, op, fill);
    return ir_binary(b, OP_MUL, absent_rows(b, op->in[0]->def, fill), absent_rows(b, op->in[1]->def, 1));
}

/* The row in rows that are not there, else zeros: of equal numbers, a column. */
static Value *absent_tile(Builder *b, const Op *op, AbsentRow row) {
    const Type type = op->out[0]->type;
    if (row.left == row.right)
        return absent_input(b, op, row.left);
    Value *const zeros = ir_f(b, 0, type.rows, type.cols), *const none = ir_i(b, 0), *const half = ir_i(b, type.cols / 2);
    Value *const step = ir_binary(b, OP_ADD, zeros, absent_input(b, op, row.right - row.left));
    Value *const others = ir_mask(b, step, none, half, IR_NEG_INF, IR_POS_INF, type.rows, 0);
    return ir_binary(b, OP_ADD, others, absent_input(b, op, row.left));
}

Value *map_clone(Builder *b, Value *value, const Block *region, const AbsentRow *absent, ValueMap *map) {
    Value *const input = absent ? map_input(value) : NULL;
    if (input && input != value && map_get(map, input) == input) {
        Value *const rows = clone_slice(b, input, region, map);
        map_set(map, input, ir_binary(b, OP_ADD, absent_tile(b, rows->def, *absent), rows));
    }
    return clone_slice(b, value, region, map);
}

typedef struct Filling {
    Ctx    *ctx;
    Kernel *kernel;
    Status  status;
} Filling;

static bool fill_operands(Op *op, void *arg) {
    Filling  *f = arg;
    AbsentRow absent;
    for (int i = 0; i < 2 && op->code == OP_DOT; i++) {
        Value *const value = op->in[i];
        const bool   found = value->def && map_find_absent(f->ctx, value, &absent);
        if (value->def && !found && is_never_finite(value)) {
            f->status = ctx_fail(f->ctx, ST_USAGE, "feature_map", "add a small number to what it divides by",
                                 "of rows of equal numbers, 0 among them, the map's features are infinite or no numbers");
            return false;
        }
        if (!found || absent_is_zero(absent))
            continue;
        Builder  b = ir_after(f->ctx, f->kernel, value->def);
        ValueMap map = {.ctx = f->ctx};
        ir_replace_uses(f->kernel, value, map_clone(&b, value, map_input(value)->def->parent, &absent, &map));
    }
    return true;
}

Status map_fill_absent(Ctx *ctx, Kernel *kernel) {
    Filling f = {ctx, kernel, ST_OK};
    ir_walk(kernel->body, fill_operands, &f);
    return f.status;
}
