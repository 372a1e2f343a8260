/* Arithmetic on tiles as CUDA C++: elementwise ops, rows, masks, rope, products. */
#include "codegen/ptx/ptx_gen.h"

#include <math.h>

Shape cu_shape(Type type) {
    if (type.rows > 1)
        return type.cols > 1 ? SHAPE_TILE : SHAPE_COLUMN;
    return type.cols > 1 ? SHAPE_ROW : SHAPE_NUMBER;
}

int cu_slabs(const Gen *g, Type type) { return g->line_columns ? 1 : (type.rows + 16 * g->kernel->warps - 1) / (16 * g->kernel->warps); }

/* Of 16-bit tiles: pairs. */
int cu_numbers(Type type) {
    const int floats = type.cols == 1 ? 2 : (type.cols + 15) / 16 * 8;
    return dtype_size(type.dtype) == 2 ? floats / 2 : floats;
}

static int numbers_of(const Gen *g, Type type) {
    enum { LINE = 8 };
    return !g->line_columns ? cu_numbers(type) : type.cols == 1 ? 1 : dtype_size(type.dtype) == 2 ? LINE / 2 : LINE;
}

static const char *float_text(Gen *g, double value) {
    if (isinf(value))
        return value > 0 ? "INFINITY" : "-INFINITY";
    return ctx_printf(g->ctx, "%.9ef", value);
}

const char *cu_element(Gen *g, const Value *value, Shape at) {
    static const char *const FROM_TILE[] = {"[s][i]", "[s][(i >> 1) & 1]", "[(i >> 2) * 2 + (i & 1)]", ""};
    static const char *const FROM_COLUMN[] = {NULL, "[s][i]", NULL, ""}, *const FROM_ROW[] = {NULL, NULL, "[i]", ""};
    static const char *const        FROM_NUMBER[] = {NULL, NULL, NULL, ""};
    static const char *const *const FROM[] = {FROM_TILE, FROM_COLUMN, FROM_ROW, FROM_NUMBER};
    if (value->def && value->def->code == OP_FCONST)
        return float_text(g, op_float(value->def, AT_FVALUE, 0));
    const char *index = FROM[at][cu_shape(value->type)];
    if (g->line_columns && index && *index)
        index = cu_shape(value->type) == SHAPE_COLUMN ? "[s][0]" : "[s][i]";
    if (!index)
        cu_fail(g, value->def, "an operand that is larger than the result");
    return ctx_printf(g->ctx, "%s%s", cu_name(g, value), index ? index : "");
}

void cu_declare(Gen *g, const Value *value) {
    const char *name = cu_name(g, value), *type = dtype_size(value->type.dtype) == 2 ? "u32" : "float";
    switch (cu_shape(value->type)) {
    case SHAPE_TILE:
    case SHAPE_COLUMN:
        cu_line(g, "%s %s[%d][%d];", type, name, cu_slabs(g, value->type), numbers_of(g, value->type));
        return;
    case SHAPE_ROW: cu_line(g, "%s %s%s[%d];", type, name, g->line_columns ? "[1]" : "", numbers_of(g, value->type)); return;
    case SHAPE_NUMBER: cu_line(g, "%s %s;", type, name); return;
    }
}

const char *cu_each(Gen *g, const Value *value) {
    switch (g->line_columns && cu_shape(value->type) == SHAPE_ROW ? SHAPE_TILE : cu_shape(value->type)) {
    case SHAPE_TILE:
    case SHAPE_COLUMN: return ctx_printf(g->ctx, "EACH(%d, %d) ", cu_slabs(g, value->type), numbers_of(g, value->type));
    case SHAPE_ROW: return ctx_printf(g->ctx, "UNROLL for (int i = 0; i < %d; i++) ", numbers_of(g, value->type));
    default: return "";
    }
}

void cu_assign(Gen *g, const Value *value, const char *expression) {
    cu_declare(g, value);
    cu_line(g, "%s%s = %s;", cu_each(g, value), cu_element(g, value, cu_shape(value->type)), expression);
}

void cu_move(Gen *g, const Value *to, const Value *from) {
    if (to->type.cls == TY_INDEX)
        cu_line(g, "%s = %s;", cu_name(g, to), cu_name(g, from));
    else
        cu_line(g, "%s%s = %s;", cu_each(g, to), cu_element(g, to, cu_shape(to->type)),
                cu_element(g, from, cu_shape(to->type)));
}

/* ---- Elementwise ---- */

static const char *const FORMS[OP_COUNT] = {
    [OP_ADD] = "%s + %s",          [OP_SUB] = "%s - %s",
    [OP_MUL] = "%s * %s",          [OP_DIV] = "__fdividef(%s, %s)",
    [OP_MAX] = "max_nan(%s, %s)",  [OP_MIN] = "min_nan(%s, %s)",
    [OP_FMA] = "fmaf(%s, %s, %s)", [OP_NEG] = "-%s",
    [OP_EXP] = "exp_fast(%s)",     [OP_EXP2] = "exp2_fast(%s)",
    [OP_LOG] = "logf(%s)",         [OP_TANH] = "tanh_fast(%s)",
    [OP_SIGMOID] = "sigmoid(%s)",  [OP_RELU] = "max_nan(%s, 0.f)",
    [OP_ABS] = "fabsf(%s)",        [OP_SQRT] = "sqrtf(%s)",
    [OP_RSQRT] = "rsqrtf(%s)",     [OP_COPY] = "%s",
    [OP_STEP] = "(%s > 0.f ? 1.f : 0.f)",
};

/* Rows times their scale, for the gradients: made in several places, they are compared with one another (which is the
 * largest?), so that none may go into a sum without having been rounded. */
static bool is_compared(const Gen *g, const Op *op) {
    return op->code == OP_MUL && cu_shape(op->out[0]->type) == SHAPE_TILE && cu_shape(op->in[1]->type) == SHAPE_ROW &&
           ir_find_param(g->kernel, "dq_scale");
}

bool cu_is_elementwise(const Op *op) { return FORMS[op->code] && op->code != OP_COPY; }

/* Whether a product stands between a tile of gradients, outside of loops, and whatever uses it, in a kernel without roles. Left
 * alone, the compiler moves what makes the tile down to its use, and registers hold all that it is made of meanwhile: of a
 * feature map's gradient, two tiles for one. */
static bool waits_for_product(const Gen *g, const Op *op) {
    if (cu_first_role(g->kernel) || !ir_find_param(g->kernel, "do") || cu_shape(op->out[0]->type) != SHAPE_TILE ||
        (op->parent->owner && !ir_is_axis(op->parent->owner)))
        return false;
    int        count = 0;
    Op **const users = ir_users(g->ctx, g->kernel, op->out[0], &count);
    for (const Op *next = op->next; next; next = next->next) {
        for (int u = 0; u < count; u++)
            if (ir_ancestor_in(users[u], op->parent) == next)
                return false;
        if (ir_multiplies(next))
            return true;
    }
    return false;
}

static void elementwise(Gen *g, const Op *op) {
    const Shape at = cu_shape(op->out[0]->type);
    Text text = TEXT(g->ctx);
    if (is_compared(g, op)) {
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx, "__fmul_rn(%s, %s)", cu_element(g, op->in[0], at), cu_element(g, op->in[1], at)));
        return;
    }
    /* The forms are constants of the table above; format attributes cannot see that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (op->in_count == 3)
        text_add(&text, FORMS[op->code], cu_element(g, op->in[0], at), cu_element(g, op->in[1], at),
                 cu_element(g, op->in[2], at));
    else if (op->in_count == 2)
        text_add(&text, FORMS[op->code], cu_element(g, op->in[0], at), cu_element(g, op->in[1], at));
    else
        text_add(&text, FORMS[op->code], cu_element(g, op->in[0], at));
#pragma GCC diagnostic pop
    cu_assign(g, op->out[0], text_str(&text));
    if (waits_for_product(g, op))
        cu_line(g, "%smade_here(%s);", cu_each(g, op->out[0]), cu_element(g, op->out[0], at));
}

/* ---- Rows ---- */

/* A tile of shared memory that the value is, or is columns of. */
static const Value *shared_tile(const Value *value) {
    while (value->def && value->def->code == OP_COLS)
        value = value->def->in[0];
    return value->def && value->def->code == OP_RING_GET ? value : NULL;
}

static bool in_shared(const Value *value) { return shared_tile(value) != NULL; }

static const char *tile_operand(Gen *g, const Value *value) {
    if (cu_shape(value->type) != SHAPE_TILE || (value->def && value->def->code == OP_FCONST))
        cu_fail(g, value->def, "this op on anything but a tile in registers");
    return cu_name(g, value);
}

/* The 16-bit tile in registers that floats, or their negatives, were made of; NULL where there is none. */
static const Value *pairs_of(const Value *x, bool *negated) {
    const Op *op = x->def;
    *negated = op && op->code == OP_NEG;
    op = *negated ? op->in[0]->def : op;
    const Value *const from = op && op->code == OP_CONVERT ? op->in[0] : NULL;
    return from && cu_shape(from->type) == SHAPE_TILE && dtype_size(from->type.dtype) == 2 && from->type.cols % 16 == 0 &&
                   dtype_size(x->type.dtype) == 4 && !in_shared(from)
               ? from
               : NULL;
}

static void reduce(Gen *g, const Op *op) {
    const Value *x = op->in[0];
    const char  *name = op->code == OP_ROWSUM ? "rowsum" : "rowmax";
    bool         negated = false;
    const Value *const pairs = op->code == OP_ROWMAX ? pairs_of(x, &negated) : NULL;
    if (pairs) {
        cu_declare(g, op->out[0]);
        cu_line(g, "rowmax_pairs<%s, %s>(%s, %s);", cu_ctype(pairs->type.dtype), negated ? "true" : "false",
                cu_name(g, op->out[0]), cu_name(g, pairs));
        return;
    }
    if (cu_shape(x->type) == SHAPE_COLUMN || cu_shape(x->type) == SHAPE_NUMBER) {
        cu_assign(g, op->out[0], cu_element(g, x, cu_shape(x->type)));
        return;
    }
    const char *from = tile_operand(g, x);
    cu_declare(g, op->out[0]);
    cu_line(g, "%s<%d>(%s, %s);", name, x->type.cols, cu_name(g, op->out[0]), from);
}

/* ---- Columns ---- */

enum { MOST_JOINED = 4 };

static bool reduces_columns(const Op *op) {
    return op && (op->code == OP_COLSUM || op->code == OP_COLMAX) && cu_shape(op->in[0]->type) == SHAPE_TILE;
}

/* The first of those that stand together with `op`: their warps wait for one another once. None needs another's result,
 * which is a row. */
static const Op *first_joined(const Op *op) {
    int before = 0;
    for (const Op *at = op->prev; reduces_columns(at); at = at->prev)
        before++;
    for (before %= MOST_JOINED; before > 0; before--)
        op = op->prev;
    return op;
}

static const Op *last_joined(const Op *first) {
    const Op *last = first;
    while (reduces_columns(last->next) && first_joined(last->next) == first)
        last = last->next;
    return last;
}

static int64_t columns_bytes(const Op *op, int warps) {
    return (op->in[0]->type.cols + 15) / 16 * 16 * (int64_t)sizeof(float) * warps;
}

static bool sums_numbers(const Op *op) {
    return op->code == OP_COLSUM && cu_shape(op->in[0]->type) == SHAPE_COLUMN && op->in[0]->def->code != OP_FCONST;
}

int64_t cu_columns_bytes(const Op *op, int warps) {
    int64_t bytes = 0;
    if (sums_numbers(op))
        return (int64_t)sizeof(float) * warps;
    if (!reduces_columns(op))
        return 0;
    for (const Op *at = first_joined(op); at != op->next; at = at->next)
        bytes += columns_bytes(at, warps);
    return bytes;
}

static void reduce_columns(Gen *g, const Op *op) {
    if (sums_numbers(op)) {
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx, "column_sum<%d, %d>(%s, shared + %lldu)", g->kernel->warps, op->in[0]->type.rows,
                             cu_name(g, op->in[0]), (long long)g->columns));
        return;
    }
    if (!reduces_columns(op)) {
        tile_operand(g, op->in[0]);
        return;
    }
    if (first_joined(op) != op)
        return;
    const int       warps = g->kernel->warps;
    const Op *const last = last_joined(op);
    int64_t         at = g->columns;
    for (const Op *one = op; one != last->next; at += columns_bytes(one, warps), one = one->next)
        cu_line(g, "columns_out<%s, %d, %d, %d>(%s, shared + %lldu);", one->code == OP_COLMAX ? "true" : "false", warps,
                one->in[0]->type.rows, one->in[0]->type.cols, tile_operand(g, one->in[0]), (long long)at);
    cu_line(g, "__syncthreads();");
    at = g->columns;
    for (const Op *one = op; one != last->next; at += columns_bytes(one, warps), one = one->next) {
        cu_declare(g, one->out[0]);
        cu_line(g, "columns_in<%s, %d, %d, %d>(%s, shared + %lldu);", one->code == OP_COLMAX ? "true" : "false", warps,
                one->in[0]->type.rows, one->in[0]->type.cols, cu_name(g, one->out[0]), (long long)at);
    }
    cu_line(g, "__syncthreads();");
}

/* Tile y behind `left` columns of x: registers of their own where these are whole blocks of 8. */
static void join_tiles(Gen *g, const Op *op, const char *x, int left) {
    const char *y = tile_operand(g, op->in[1]);
    if (left % 8 == 0) {
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx, "i < %d ? %s[s][i < %d ? i : 0] : %s[s][i < %d ? 0 : i - %d]", left / 2, x, left / 2,
                             y, left / 2, left / 2));
        return;
    }
    cu_declare(g, op->out[0]);
    cu_line(g, "join_columns<%d>(%s, %s, %s);", left, cu_name(g, op->out[0]), x, y);
}

/* Behind a single column: that is a tile of one column, or another one. */
static void join_to_column(Gen *g, const Op *op) {
    const char *first = cu_element(g, op->in[0], SHAPE_TILE), *out = cu_name(g, op->out[0]);
    const int   slabs = cu_slabs(g, op->out[0]->type);
    if (op->in[1]->type.cols == 1) {
        cu_assign(g, op->out[0], ctx_printf(g->ctx, "i < 4 && lane_id() %% 4 == 0 ? i %% 2 ? %s : %s : 0.f",
                                            cu_element(g, op->in[1], SHAPE_TILE), first));
        return;
    }
    cu_declare(g, op->out[0]);
    cu_line(g, "float %s_first[%d][4];", out, slabs);
    cu_line(g, "EACH(%d, 4) %s_first[s][i] = %s;", slabs, out, first);
    cu_line(g, "join_columns<1>(%s, %s_first, %s);", out, out, tile_operand(g, op->in[1]));
}

static void concat(Gen *g, const Op *op) {
    const int left = op->in[0]->type.cols;
    if (cu_shape(op->out[0]->type) != SHAPE_TILE) {
        cu_fail(g, op, "a concatenation of anything but tiles");
        return;
    }
    if (left == 1) {
        join_to_column(g, op);
        return;
    }
    const char *x = tile_operand(g, op->in[0]);
    if (cu_shape(op->in[1]->type) == SHAPE_COLUMN)
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx, "i < %d && has_column<%d>(i / 4, i & 1) ? %s[s][i < %d ? i : 0] : "
                                     "i / 4 == %d && i %% 2 == %d && lane_id() %% 4 == %d ? %s : 0.f",
                             (left + 7) / 8 * 4, left, x, (left + 7) / 8 * 4, left / 8, left % 2, left % 8 / 2,
                             cu_element(g, op->in[1], SHAPE_TILE)));
    else
        join_tiles(g, op, x, left);
}

/* From a multiple of 16 on: the registers themselves; else those of other lanes. */
static void take_columns(Gen *g, const Op *op) {
    const Type type = op->out[0]->type;
    const int  lo = (int)op_int(op, AT_LO, 0), pairs = dtype_size(type.dtype) == 2 ? 4 : 2;
    if (in_shared(op->in[0])) { /* whole lines of memory, whose pieces are exchanged among themselves */
        cu_line(g, "const u32 %s = %s + (%s%du) * %du;", cu_name(g, op->out[0]), cu_name(g, op->in[0]),
                op->in_count > 1 ? ctx_printf(g->ctx, "(u32)%s + ", cu_name(g, op->in[1])) : "", lo, (int)dtype_size(type.dtype));
        return;
    }
    const bool whole = lo % 16 == 0;
    const bool one = cu_shape(type) == SHAPE_COLUMN;
    if (op->in_count > 1 || (cu_shape(type) != SHAPE_TILE && !one) || (pairs == 4 && (one || !whole))) {
        cu_fail(g, op, "these columns");
    } else if (one || !whole) {
        cu_declare(g, op->out[0]);
        cu_line(g, "%s<%d>(%s, %s);", one ? "column_from" : "columns_from", lo, cu_name(g, op->out[0]), tile_operand(g, op->in[0]));
    } else if (pairs == 4 && cu_slabs(g, type) == 1) { /* left sides of products: the registers themselves */
        cu_line(g, "u32 (&%s)[1][%d] = *(u32(*)[1][%d]) & %s[0][%d];", cu_name(g, op->out[0]), cu_numbers(type),
                cu_numbers(type), tile_operand(g, op->in[0]), lo / pairs);
    } else {
        cu_assign(g, op->out[0], ctx_printf(g->ctx, "%s[s][i + %d]", tile_operand(g, op->in[0]), lo / pairs));
    }
}

static int clip(int64_t bound, int64_t delta) {
    const int64_t far = INT64_C(1) << 20;
    return (int)(bound < -far ? -far : bound > far ? far : bound - delta);
}

/* A mask of a tile, not transposed, whose place among the rows is known. */
static bool mask_fixed(Gen *g, const Op *op) {
    int64_t delta;
    if (op_int(op, AT_TA, 0) || !ir_const_value(op->in[1], &delta) || delta < -(1 << 19) || delta > 1 << 19)
        return false;
    const char *from = tile_operand(g, op->in[0]);
    cu_declare(g, op->out[0]);
    cu_line(g, "mask_fixed<%d, %d, %d, %d, %d>(%s, %s, %s, %s);", g->kernel->warps, (int)op_int(op, AT_PERIOD, 1),
            clip(op_int(op, AT_LO, 0), delta), clip(op_int(op, AT_HI, 0), delta), !ir_is_const(op->in[2], 0),
            cu_name(g, op->out[0]), from, cu_name(g, op->in[2]), float_text(g, op_float(op, AT_FILL, 0)));
    return true;
}

static void mask(Gen *g, const Op *op) {
    if (mask_fixed(g, op))
        return;
    const bool    left = op_int(op, AT_LO, 0) != IR_NEG_INF, right = op_int(op, AT_HI, 0) != IR_POS_INF;
    const bool    first = !ir_is_const(op->in[2], 0);
    const int64_t lo = left ? op_int(op, AT_LO, 0) : 0, hi = right ? op_int(op, AT_HI, 0) : 0; /* infinity fits no int */
    if (cu_shape(op->out[0]->type) == SHAPE_COLUMN && !op_int(op, AT_TA, 0)) {
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx, "column_keeps<%d, %d, %d, %d, %d>(s, i, %s, %lldLL, %lldLL, %s) ? %s : %s",
                             g->kernel->warps, (int)op_int(op, AT_PERIOD, 1), left, right, first,
                             cu_name(g, op->in[1]), (long long)lo, (long long)hi, cu_name(g, op->in[2]),
                             cu_element(g, op->in[0], SHAPE_COLUMN), float_text(g, op_float(op, AT_FILL, 0))));
        return;
    }
    const char   *from = tile_operand(g, op->in[0]);
    cu_declare(g, op->out[0]);
    cu_line(g, "%s<%d, %d, %d, %d, %d>(%s, %s, %s, %lldLL, %lldLL, %s, %s);",
            op_int(op, AT_TA, 0) ? "mask_transposed" : "mask", g->kernel->warps,
            (int)op_int(op, AT_PERIOD, 1), left, right, first, cu_name(g, op->out[0]), from, cu_name(g, op->in[1]),
            (long long)lo, (long long)hi, cu_name(g, op->in[2]), float_text(g, op_float(op, AT_FILL, 0)));
}

/* Of pair n, in radians a position. */
static long double frequency(const Op *rope, int n) {
    return powl((long double)op_float(rope, AT_THETA, 1), -2.0L * n / rope->in[0]->type.cols);
}

/* Frequencies in turns a position, times 2^64, and in radians. */
int cu_rope_tables(Gen *g, const Op *rope) {
    const int         table = g->tables++;
    const long double pi = 3.14159265358979323846264338327950288L;
    Text              turns = TEXT(g->ctx), frequencies = TEXT(g->ctx);
    for (int n = 0; n < rope->in[0]->type.cols / 2; n++) {
        text_add(&turns, "%s%lluu", n ? ", " : "", (unsigned long long)ldexpl(frequency(rope, n) / (2 * pi), 64));
        text_add(&frequencies, "%s%.9ef", n ? ", " : "", (double)frequency(rope, n));
    }
    cu_line(g, "static const __device__ u64 turns%d[] = {%s};", table, text_str(&turns));
    cu_line(g, "static const __device__ float frequency%d[] = {%s};", table, text_str(&frequencies));
    return table;
}

void cu_eights(Gen *g, const Op *rope, int tables) {
    Text eights = TEXT(g->ctx);
    for (int n = 0; n < rope->in[0]->type.cols / 2; n++) {
        const long double angle = 8 * frequency(rope, n);
        text_add(&eights, "%s{%.9ef, %.9ef}", n ? ", " : "", (double)cosl(angle), (double)sinl(angle));
    }
    cu_line(g, "static const __device__ float2 eights%d[] = {%s};", tables, text_str(&eights));
}

const char *cu_pairs(Gen *g, int tables) { return ctx_printf(g->ctx, "Pairs{turns%d, frequency%d}", tables, tables); }

static const char *rope_arguments(Gen *g, const Op *op) {
    return ctx_printf(g->ctx, "%d, %d, %d, %d", g->kernel->warps, (int)op_int(op, AT_PERIOD, 1), op->in[0]->type.cols,
                      (int)op_int(op, AT_STYLE, 0));
}

/* The type of a rope's angles, which look up in `kind`. */
static const char *angles_type(Gen *g, const Op *rope, const char *kind) {
    return ctx_printf(g->ctx, "Angles<%s, %s>", rope_arguments(g, rope), kind);
}

static const char *shared_pairs(Gen *g, const Op *rope) {
    return ctx_printf(g->ctx, "SharedPairs<%d>", rope->in[0]->type.cols / 2);
}

void cu_declare_turns(Gen *g) {
    cu_line(g, "Turns<%s> %s_turns;", angles_type(g, g->rope, shared_pairs(g, g->rope)), cu_name(g, g->rope->out[0]));
}

void cu_angles(Gen *g, const Op *rope) {
    const bool  shared = rope == g->rope;
    const int   tables = shared ? g->rope_tables : cu_rope_tables(g, rope);
    const char *kind = shared ? shared_pairs(g, rope) : "Pairs";
    const char *pairs = shared ? ctx_printf(g->ctx, "%s{shared + %lldu, frequency%d}", kind, (long long)g->rope_at, tables)
                               : cu_pairs(g, tables);
    const char *type = angles_type(g, rope, kind);
    cu_line(g, "const %s %s_angles = %s::make(0, %s, %s);", type, cu_name(g, rope->out[0]), type, cu_name(g, rope->in[1]),
            pairs);
}

static void rope(Gen *g, const Op *op) {
    if (cu_turned_store(g, op))
        return;
    const char *from = tile_operand(g, op->in[0]);
    if (cu_roping_product(g, op))
        return;
    const int tables = cu_rope_tables(g, op);
    cu_declare(g, op->out[0]);
    cu_line(g, "rope<%s%s>(%s, %s, %s, %s);", rope_arguments(g, op), op_int(op, AT_DOWN, 0) ? ", 1" : "",
            cu_name(g, op->out[0]), from, cu_name(g, op->in[1]), cu_pairs(g, tables));
}

/* ---- Products ---- */

/* A tile of shared memory in registers: the name of its array, numbers or pairs as they lie there. */
static const char *read_shared(Gen *g, const Op *op) {
    const Type  type = op->in[0]->type, whole = shared_tile(op->in[0])->type;
    const char *name = ctx_printf(g->ctx, "%s_read", cu_name(g, op->out[0]));
    cu_line(g, "%s %s[%d][%d];", dtype_size(type.dtype) == 2 ? "u32" : "float", name, cu_slabs(g, type),
            cu_numbers(type));
    cu_line(g, "read_tile<%d, %d, %d>(%s, %s);", g->kernel->warps, (int)ir_shared_stride(whole), type.rows, name,
            cu_name(g, op->in[0]));
    return name;
}

static void copy(Gen *g, const Op *op) {
    const char *from = in_shared(op->in[0]) ? read_shared(g, op) : tile_operand(g, op->in[0]);
    cu_assign(g, op->out[0], ctx_printf(g->ctx, "%s[s][i]", from));
}

/* To the products' 16-bit type, as pairs; columns that are not there become zeros. Or back. */
static void convert(Gen *g, const Op *op) {
    const Op *const rope = op->in[0]->def && op->in[0]->def->code == OP_ROPE ? op->in[0]->def : NULL;
    if (rope && cu_roping_product(g, rope)) {
        cu_rope_left_side(g, rope, op->out[0]);
        return;
    }
    if (op->in[0]->def && cu_is_packed(g, op->in[0]->def))
        return;
    const Type  to = op->out[0]->type, from = op->in[0]->type;
    const char *x = in_shared(op->in[0]) ? read_shared(g, op) : tile_operand(g, op->in[0]), *pair = cu_ctype(to.dtype);
    if (dtype_size(to.dtype) == 4 && dtype_size(from.dtype) == 2) {
        if (cu_first_role(g->kernel)) /* else the compiler would keep floats that were asked for anew */
            cu_line(g, "pin_all(%s);", x);
        cu_assign(g, op->out[0], ctx_printf(g->ctx, "unpacked(%s[s][i >> 1], i & 1, %s())", x, cu_ctype(from.dtype)));
    } else if (dtype_size(to.dtype) != 2 || dtype_size(from.dtype) != 4)
        cu_fail(g, op, "this conversion");
    else if (to.cols % 16)
        cu_assign(g, op->out[0],
                  ctx_printf(g->ctx,
                             "pack(has_column<%d>(i / 2, 0) ? %s[s][2 * i] : 0.f, "
                             "has_column<%d>(i / 2, 1) ? %s[s][2 * i + 1] : 0.f, %s())",
                             to.cols, x, to.cols, x, pair));
    else
        cu_assign(g, op->out[0], ctx_printf(g->ctx, "pack(%s[s][2 * i], %s[s][2 * i + 1], %s())", x, x, pair));
}

/* Of floats, on the plain units or via tf32. */
static void float_dot(Gen *g, const Op *op, const DotParts *p, int ystride, bool tb) {
    const char *d = cu_name(g, op->out[0]), *x = cu_name(g, p->x), *y = cu_name(g, p->y);
    const bool  tf32 = op_has(op, AT_VIA);
    if (op_int(op, AT_TA, 0)) {
        cu_line(g, "%s_product_transposed<%d, %d, %d, %d, %d>(%s, %s, %s);", tf32 ? "tf32" : "float", g->kernel->warps, tb,
                (int)ir_shared_stride(p->x->type) / 4, ystride / 4, tf32 ? (p->k + 7) / 8 * 8 : p->k, d, x, y);
        return;
    }
    if (p->x->def && cu_is_read_by_turns(g, p->x->def)) {
        cu_product_by_turns(g, p->x->def, d, y, tf32, tb, ystride / 4);
        return;
    }
    if (in_shared(p->x)) {
        cu_line(g, "%s_product_left<%d, %d, %d, %d, %d, %d>(%s, %s, %s);", tf32 ? "tf32" : "float", g->kernel->warps, tb, p->m,
                (int)ir_shared_stride(p->x->type) / 4, ystride / 4, p->k, d, x, y);
        return;
    }
    if (p->k % 16) { /* what stands in columns that are not there may be no number */
        cu_line(g, "float %s_left[%d][%d];", d, cu_slabs(g, p->x->type), cu_numbers(p->x->type));
        cu_line(g, "EACH(%d, %d) %s_left[s][i] = has_column<%d>(i / 4, i & 1) ? %s[s][i] : 0.f;",
                cu_slabs(g, p->x->type), cu_numbers(p->x->type), d, p->k, x);
        x = ctx_printf(g->ctx, "%s_left", d);
    }
    if (tf32)
        cu_line(g, "tf32_product<%d, %d, %d>(%s, %s, %s);", tb, ystride / 4, p->k, d, x, y);
    else
        cu_line(g, "float_product<%d, %d>(%s, %s, %s, shared + %lldu);", tb, ystride / 4, d, x, y, (long long)g->strips);
}

/* From nothing, or from a row's negative. */
static bool starts_sum(const DotParts *p) {
    const Op *const start = p->acc ? p->acc->def : NULL;
    return !p->acc || (start && start->code == OP_SUB && start->in[0]->def && start->in[0]->def->code == OP_FCONST);
}

/* Of several products of a turn of a head's keys one that starts a sum: the compiler would read its right side while the ones
 * before it run, and registers hold more than all their sums. Where rows are no longer than a tile has keys, it reads little. */
static bool reads_behind(const Op *op, const DotParts *p) {
    const Op *before = op->prev;
    while (before && before->code != OP_DOT)
        before = before->prev;
    return before && starts_sum(p) && p->n < p->k && cu_heads_loop(op);
}

/* Is the left side a rope's, made for this product alone, whose pairs lie half a row apart, a whole number of steps? */
static bool takes_halves(Gen *g, const Op *op, const Value *left) {
    enum { STEP = 16 };
    const Op *const convert = left->def, *const rope = convert && convert->code == OP_CONVERT ? convert->in[0]->def : NULL;
    int             count;
    ir_users(g->ctx, g->kernel, left, &count);
    return rope && rope->code == OP_ROPE && op_int(rope, AT_STYLE, 0) == 1 && count == 1 && convert->parent == op->parent &&
           left->type.cols % (2 * STEP) == 0;
}

static void dot(Gen *g, const Op *op) {
    const DotParts p = ir_dot_parts(op);
    const bool     ta = op_int(op, AT_TA, 0) != 0, tb = op_int(op, AT_TB, 0) != 0;
    const int      ystride = (int)ir_shared_stride(p.y->type);
    if (!in_shared(p.y) || (ta && !in_shared(p.x)) || p.scale || p.delta || cu_shape(op->out[0]->type) != SHAPE_TILE ||
        (!ta && cu_shape(p.x->type) != SHAPE_TILE) || op_int(op, AT_STACK, 1) > 1) {
        cu_fail(g, op, "this product");
        return;
    }
    cu_assign(g, op->out[0], p.acc ? cu_element(g, p.acc, SHAPE_TILE) : "0.f");
    if (p.y->type.dtype == DT_F32) {
        float_dot(g, op, &p, ystride, tb);
        return;
    }
    const char *type = cu_ctype(p.y->type.dtype), *d = cu_name(g, op->out[0]), *x = cu_name(g, p.x),
               *y = cu_name(g, p.y);
    if (ta)
        cu_line(g, "product_transposed<%s, %d, %d, %d, %d, %d>(%s, %s, %s);", type, g->kernel->warps, tb,
                (int)ir_shared_stride(p.x->type), ystride, (p.k + 15) / 16 * 16, d, x, y);
    else if (in_shared(p.x))
        cu_line(g, "product_left<%s, %d, %d, %d, %d, %d, %d>(%s, %s, %s);", type, g->kernel->warps, tb, p.m,
                (int)ir_shared_stride(p.x->type), ystride, (p.k + 15) / 16 * 16, d, x, y);
    else {
        if (reads_behind(op, &p))
            cu_line(g, "__syncwarp();");
        cu_line(g, "product<%s, %d, %d%s>(%s, %s, %s%s);", type, tb, ystride, takes_halves(g, op, p.x) ? ", true" : "", d, x, y,
                cu_heads_loop(op) ? ", lane_here()" : "");
    }
}

bool cu_tile_op(Gen *g, const Op *op) {
    switch (op->code) {
    case OP_FCONST: return true; /* stands where it is used */
    case OP_ROWSUM:
    case OP_ROWMAX: reduce(g, op); return true;
    case OP_COLSUM:
    case OP_COLMAX: reduce_columns(g, op); return true;
    case OP_CONCAT: concat(g, op); return true;
    case OP_COLS: take_columns(g, op); return true;
    case OP_MASK: mask(g, op); return true;
    case OP_ROPE: rope(g, op); return true;
    case OP_CONVERT: convert(g, op); return true;
    case OP_COPY: copy(g, op); return true;
    case OP_DOT: dot(g, op); return true;
    default: break;
    }
    if (!FORMS[op->code])
        return false;
    elementwise(g, op);
    return true;
}
