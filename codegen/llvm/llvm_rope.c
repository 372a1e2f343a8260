/* Rotary embedding. The angle of pair n in row r is (p + i) f_n, p the position of the first row, i = r % period, f_n =
 * theta^(-2n/D). cos and sin of p f_n are computed once an op, in double; those of i f_n lie in a constant table; the
 * angle-addition formula joins them row by row. So no table grows with the sequence, and angles stay exact to 1e-9 for
 * positions up to 2^31.
 * Pairs are gathered into two lists of vectors, first and second members, whatever the style; a list of half the
 * columns, rounded up to whole vectors, is called padded half. Where positions fall from row to row, the table's angles are
 * taken the other way. */
#include "codegen/llvm/llvm_gen.h"

#include <math.h>
#include <string.h>

typedef struct Rope {
    double theta;
    int    columns, pairs, vectors, style, period;
    bool   down;
} Rope;

static Rope rope_of(const Gen *g, const Op *op) {
    const int columns = op->in[0]->type.cols, pairs = columns / 2;
    return (Rope){op_float(op, AT_THETA, 10000), columns, pairs, gen_vectors(g, pairs), (int)op_int(op, AT_STYLE, 0),
                  (int)op_int(op, AT_PERIOD, 1), op_int(op, AT_DOWN, 0) == 1};
}

static long double frequency(const Rope *rope, int pair) {
    return powl((long double)rope->theta, -2.0L * pair / rope->columns);
}

static const char *name_of(Gen *g, const char *what, const Rope *rope, int period) {
    uint64_t bits;
    memcpy(&bits, &rope->theta, sizeof bits);
    return ctx_printf(g->ctx, "rope_%s_%d_%d_%llx", what, rope->columns, period, (unsigned long long)bits);
}

/* f_n / pi as a sum of two doubles, so that a turn number of 2^31 keeps 1e-10 of a turn. */
static void half_turns(Gen *g, const Rope *rope, Val *upper, Val *lower) {
    static const long double PI = 3.14159265358979323846264338327950288L;
    const int                padded = rope->vectors * g->lanes;
    Val                     *hi = NEW_ARRAY(g->ctx, Val, padded), *lo = NEW_ARRAY(g->ctx, Val, padded);
    for (int n = 0; n < padded; n++) {
        const long double f = n < rope->pairs ? frequency(rope, n) / PI : 0;
        const double      rounded = (double)f;
        hi[n] = LLVMConstReal(g->f64, rounded);
        lo[n] = LLVMConstReal(g->f64, (double)(f - (long double)rounded));
    }
    *upper = gen_constant_array(g, name_of(g, "upper", rope, 0), hi, padded, 64);
    *lower = gen_constant_array(g, name_of(g, "lower", rope, 0), lo, padded, 64);
}

/* Taylor series of cos x (first 1) or sin x / x (first 2), good to 1e-13 for |x| <= pi / 2. */
static Val series(Gen *g, Val square, int first) {
    double factorials[10] = {1};
    for (int i = 1; i < 10; i++)
        factorials[i] = -factorials[i - 1] * (2 * i + first - 2) * (2 * i + first - 1);
    Val sum = gen_like(g, square, 1 / factorials[9]);
    for (int i = 8; i >= 0; i--)
        sum = gen_fma(g, sum, square, gen_like(g, square, 1 / factorials[i]));
    return sum;
}

static Val round_double(Gen *g, Val x) {
    const Val rounder = gen_like(g, x, 6755399441055744.0); /* 1.5 * 2^52 */
    return LLVMBuildFSub(g->b, LLVMBuildFAdd(g->b, x, rounder, ""), rounder, "");
}

/* Half a register of angles: position * (upper + lower) half turns to cos and sin, stored as floats. */
static void angles_step(Gen *g, Val position, Val upper, Val lower, Val cosines, Val sines) {
    const Val turns = LLVMBuildFMul(g->b, position, upper, "turns");
    const Val error = gen_fma(g, position, lower, gen_fma(g, position, upper, LLVMBuildFNeg(g->b, turns, "")));
    const Val whole = round_double(g, turns);
    const Val rest = LLVMBuildFAdd(g->b, LLVMBuildFSub(g->b, turns, whole, ""), error, "");
    const Val x = LLVMBuildFMul(g->b, rest, gen_like(g, rest, 3.14159265358979323846), "angle");
    const Val square = LLVMBuildFMul(g->b, x, x, "");
    const Val half = LLVMBuildFMul(g->b, whole, gen_like(g, whole, 0.5), "");
    const Val odd = gen_fcmp(g, LLVMRealONE, half, round_double(g, half));
    const Val sign = gen_select(g, odd, gen_like(g, x, -1), gen_like(g, x, 1));
    const Val cosine = LLVMBuildFMul(g->b, series(g, square, 1), sign, "cos");
    const Val sine = LLVMBuildFMul(g->b, LLVMBuildFMul(g->b, series(g, square, 2), x, ""), sign, "sin");
    const Ty  floats = LLVMVectorType(g->f32, LLVMGetVectorSize(LLVMTypeOf(x)));
    gen_store(g, LLVMBuildFPTrunc(g->b, cosine, floats, ""), cosines, 4);
    gen_store(g, LLVMBuildFPTrunc(g->b, sine, floats, ""), sines, 4);
}

static Val splat_position(Gen *g, Val position, int count) {
    const Ty  type = LLVMVectorType(g->f64, (unsigned)count);
    int       zeros[16] = {0};
    const Val one = LLVMBuildInsertElement(g->b, LLVMGetPoison(type), LLVMBuildSIToFP(g->b, position, g->f64, ""),
                                           gen_i32(g, 0), "");
    return gen_shuffle(g, one, LLVMGetPoison(type), zeros, count);
}

/* void rope_angles(i64 position, ptr out): out is padded half floats of cos, then of sin. */
static Val angles_function(Gen *g, const Rope *rope) {
    const char *name = name_of(g, "angles", rope, 0);
    Val         function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    Val upper, lower;
    half_turns(g, rope, &upper, &lower);
    const int     count = g->lanes / 2, padded = rope->vectors * g->lanes;
    const Ty      params[2] = {g->i64, g->ptr}, type = LLVMVectorType(g->f64, (unsigned)count);
    const Outside outside = gen_function_begin(g, name, g->none, params, 2);
    function = g->function;
    const Val position = splat_position(g, gen_param(g, 0, "position"), count);
    const Val cosines = gen_param(g, 1, "cosines"), sines = gen_bytes(g, cosines, 4 * (int64_t)padded);
    Loop      loop;
    gen_loop_open(g, &loop, "pair", gen_int(g, 0), gen_int(g, padded), gen_int(g, count), NULL, 0);
    angles_step(g, position, gen_load(g, type, gen_address(g, upper, g->f64, loop.iv), 8, ""),
                gen_load(g, type, gen_address(g, lower, g->f64, loop.iv), 8, ""),
                gen_address(g, cosines, g->f32, loop.iv), gen_address(g, sines, g->f32, loop.iv));
    gen_loop_close(g, &loop, NULL);
    gen_function_end(g, outside);
    return function;
}

Val gen_rope_angles(Gen *g, const Op *op) {
    const Rope rope = rope_of(g, op);
    const Val  memory = gen_temp(g, 8 * (int64_t)rope.vectors * g->lanes);
    Val        args[2] = {gen_ref(g, op->in[1]), memory};
    gen_call(g, angles_function(g, &rope), args, 2);
    return memory;
}

/* Row i of the table: cos, then sin of i f_n, each padded half floats. As bytes, which LLVM takes as they are. */
static Val offset_table(Gen *g, const Rope *rope) {
    const char *name = name_of(g, "table", rope, rope->period);
    Val         table = LLVMGetNamedGlobal(g->module, name);
    if (table)
        return table;
    const int    padded = rope->vectors * g->lanes;
    const size_t bytes = sizeof(float) * 2 * (size_t)padded * (size_t)rope->period;
    float       *values = ctx_alloc(g->ctx, bytes);
    for (int n = 0; n < rope->pairs; n++) {
        const double f = (double)frequency(rope, n);
        for (int i = 0; i < rope->period; i++) {
            values[2 * i * padded + n] = (float)cos(i * f);
            values[(2 * i + 1) * padded + n] = (float)sin(i * f);
        }
    }
    const Val contents = LLVMConstStringInContext2(g->context, (const char *)values, bytes, true);
    table = LLVMAddGlobal(g->module, LLVMTypeOf(contents), name);
    LLVMSetInitializer(table, contents);
    LLVMSetLinkage(table, LLVMInternalLinkage);
    LLVMSetGlobalConstant(table, true);
    LLVMSetAlignment(table, 64);
    return table;
}

/* Column of member `second` (0 or 1) of pair n. */
static int column_of(const Rope *rope, int n, int second) {
    return rope->style == 0 ? 2 * n + second : n + second * rope->pairs;
}

static void gather(Gen *g, const Rope *rope, const Val *x, int second, Val *out) {
    LaneOf *from = NEW_ARRAY(g->ctx, LaneOf, rope->pairs);
    for (int n = 0; n < rope->pairs; n++) {
        const int column = column_of(rope, n, second);
        from[n] = (LaneOf){column / g->lanes, column % g->lanes};
    }
    gen_permute(g, x, from, rope->pairs, out);
}

/* members: the first ones' vectors, then the second ones'. */
static void scatter(Gen *g, const Rope *rope, const Val *members, Val *out) {
    LaneOf *from = NEW_ARRAY(g->ctx, LaneOf, rope->columns);
    for (int n = 0; n < rope->pairs; n++)
        for (int second = 0; second < 2; second++)
            from[column_of(rope, n, second)] = (LaneOf){second * rope->vectors + n / g->lanes, n % g->lanes};
    gen_permute(g, members, from, rope->columns, out);
}

typedef struct Angle {
    Val cosine, sine;
} Angle;

static Angle angle_at(Gen *g, const Rope *rope, Val memory, int vector) {
    const int64_t at = 4 * (int64_t)g->lanes * vector, sines = 4 * (int64_t)g->lanes * rope->vectors;
    return (Angle){gen_load_vector(g, DT_F32, gen_bytes(g, memory, at), g->lanes),
                   gen_load_vector(g, DT_F32, gen_bytes(g, memory, sines + at), g->lanes)};
}

static Angle angle_sum(Gen *g, Angle a, Angle b) {
    const Val product = gen_fmul(g, a.sine, b.sine), mixed = gen_fmul(g, a.cosine, b.sine);
    return (Angle){gen_fma(g, a.cosine, b.cosine, LLVMBuildFNeg(g->b, product, "")),
                   gen_fma(g, a.sine, b.cosine, mixed)};
}

/* The angles of the current row: those of the first row, and the table's row to add to them (NULL: nothing). */
typedef struct Turn {
    Val base, offsets;
} Turn;

static Turn turn_of(RowLoop *rows, const Op *op, const Rope *rope) {
    Gen *g = rows->g;
    Turn turn = {NULL, NULL};
    Blk  back = gen_hoist(rows);
    turn.base = gen_rope_angles(g, op);
    gen_unhoist(rows, back);
    if (rope->period > 1 && rows->count > 1) {
        const Val skip =
            gen_mul(g, gen_row_position(rows, rope->period), gen_int(g, 2 * (int64_t)rope->vectors * g->lanes));
        turn.offsets = gen_address(g, offset_table(g, rope), g->f32, skip);
    }
    return turn;
}

/* Angles of the vector of pairs at `pair`. */
static Angle turn_at(Gen *g, const Rope *rope, const Turn *turn, Val pair) {
    const Angle angle = angle_at(g, rope, gen_address(g, turn->base, g->f32, pair), 0);
    if (!turn->offsets)
        return angle;
    Angle offset = angle_at(g, rope, gen_address(g, turn->offsets, g->f32, pair), 0);
    if (rope->down)
        offset.sine = LLVMBuildFNeg(g->b, offset.sine, "");
    return angle_sum(g, angle, offset);
}

static void rotate(Gen *g, Angle angle, Val *first, Val *second) {
    const Val x = *first, y = *second;
    *first = gen_fma(g, x, angle.cosine, LLVMBuildFNeg(g->b, gen_fmul(g, y, angle.sine), ""));
    *second = gen_fma(g, y, angle.cosine, gen_fmul(g, x, angle.sine));
}

void gen_rope(RowLoop *rows, const Op *op, const Val *x, Val *out) {
    Gen       *g = rows->g;
    const Rope rope = rope_of(g, op);
    Val       *members = NEW_ARRAY(g->ctx, Val, 2 * rope.vectors);
    const Turn turn = turn_of(rows, op, &rope);
    gather(g, &rope, x, 0, members);
    gather(g, &rope, x, 1, members + rope.vectors);
    for (int v = 0; v < rope.vectors; v++)
        rotate(g, turn_at(g, &rope, &turn, gen_int(g, (int64_t)v * g->lanes)), &members[v], &members[rope.vectors + v]);
    scatter(g, &rope, members, out);
}

/* One vector of pairs, `count` of them real, from one row of memory to another. Interleaved ones are two vectors, taken
 * apart and put together again; halves lie half a row apart. */
static void rope_step(Gen *g, const Rope *rope, const Turn *turn, Val from, Val to, Val pair, int count) {
    const int  lanes = g->lanes, upper = count * 2 > lanes ? count * 2 - lanes : 0;
    const Rope two = {.columns = 2 * lanes, .pairs = lanes, .vectors = 1, .style = rope->style};
    const bool halves = rope->style != 0;
    const int  counts[2] = {halves ? count : count * 2 - upper, halves ? count : upper};
    Val        at[2][2], x[2], members[2];
    for (int side = 0; side < 2; side++) {
        const Val row = gen_address(g, side ? to : from, g->f32, halves ? pair : gen_mul(g, pair, gen_int(g, 2)));
        at[side][0] = row;
        at[side][1] = gen_bytes(g, row, 4 * (int64_t)(halves ? rope->pairs : lanes));
    }
    for (int i = 0; i < 2; i++)
        members[i] = x[i] = counts[i] ? gen_load_vector(g, DT_F32, at[0][i], counts[i]) : gen_splat_const(g, 0);
    if (!halves) {
        gather(g, &two, x, 0, &members[0]);
        gather(g, &two, x, 1, &members[1]);
    }
    rotate(g, turn_at(g, rope, turn, pair), &members[0], &members[1]);
    x[0] = members[0], x[1] = members[1];
    if (!halves)
        scatter(g, &two, members, x);
    for (int i = 0; i < 2; i++)
        if (counts[i])
            gen_store_vector(g, DT_F32, at[1][i], x[i], counts[i]);
}

void gen_rope_in_memory(RowLoop *rows, const Op *op, Val from, Val to) {
    Gen       *g = rows->g;
    const Rope rope = rope_of(g, op);
    const int  whole = rope.pairs / g->lanes * g->lanes;
    const Turn turn = turn_of(rows, op, &rope);
    Loop       loop;
    if (whole) {
        gen_loop_open(g, &loop, "pair", gen_int(g, 0), gen_int(g, whole), gen_int(g, g->lanes), NULL, 0);
        rope_step(g, &rope, &turn, from, to, loop.iv, g->lanes);
        gen_loop_close(g, &loop, NULL);
    }
    if (rope.pairs > whole)
        rope_step(g, &rope, &turn, from, to, gen_int(g, whole), rope.pairs - whole);
}
