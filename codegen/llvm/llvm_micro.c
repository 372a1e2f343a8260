/* The register tile of a matrix product: rows x vectors accumulators held in registers over the whole contraction. Each
 * step loads the vectors of a row of b, broadcasts one element of each row of a, and multiplies and adds all with all.
 * Shared by every dot of a module whose tile has the same shape: strides and length are arguments. */
#include "codegen/llvm/llvm_gen.h"

enum { P_C, P_LDC, P_ACC, P_LDACC, P_SCALE, P_A, P_ROW_STRIDE, P_STEP_STRIDE, P_B, P_LDB, P_K, PARAM_COUNT };
enum { ROWS_A_POINTER = 4, MOST_ROWS = 14, MOST_VECTORS = 8, STEPS_AHEAD = 16 };

typedef struct State {
    Gen  *g;
    Micro m;
    int   count;    /* of accumulators */
    int   pointers; /* into a: one for each ROWS_A_POINTER rows */
    Val   p[PARAM_COUNT];
} State;

static Val row_start(const State *s, Val base, Val stride, int row) {
    return row ? gen_address(s->g, base, s->g->f32, gen_mul(s->g, gen_int(s->g, row), stride)) : base;
}

static int columns_of(const State *s, int vector) { return vector + 1 < s->m.vectors ? s->g->lanes : s->m.tail; }

static void load_acc(const State *s, Val *sums) {
    Gen *g = s->g;
    for (int r = 0; r < s->m.rows; r++) {
        const Val row = row_start(s, s->p[P_ACC], s->p[P_LDACC], r);
        for (int v = 0; v < s->m.vectors; v++)
            sums[r * s->m.vectors + v] =
                gen_load_vector(g, DT_F32, gen_bytes(g, row, 4 * (int64_t)v * g->lanes), columns_of(s, v));
    }
}

static void scale_acc(const State *s, const Val *sums, Val *scaled) {
    Gen *g = s->g;
    Val  factor = NULL;
    for (int i = 0; i < s->count; i++) {
        if (i % s->m.vectors == 0)
            factor = gen_load_splat(g, DT_F32, gen_bytes(g, s->p[P_SCALE], 4 * (int64_t)(i / s->m.vectors)));
        scaled[i] = LLVMBuildFMul(g->b, sums[i], factor, "");
    }
}

/* Zeros, the accumulator's tile, or that with its rows scaled: joined by phis. */
static void start(const State *s, Val *sums) {
    Gen *g = s->g;
    Val *loaded = NEW_ARRAY(g->ctx, Val, 2 * s->count), *scaled = loaded + s->count;
    Blk  zero = gen_here(g), add = gen_block(g, "add"), scale = gen_block(g, "scale"), join = gen_block(g, "start");
    gen_branch(g, LLVMBuildIsNull(g->b, s->p[P_ACC], ""), join, add);
    gen_enter(g, add);
    load_acc(s, loaded);
    gen_branch(g, LLVMBuildIsNull(g->b, s->p[P_SCALE], ""), join, scale);
    gen_enter(g, scale);
    scale_acc(s, loaded, scaled);
    gen_jump(g, join);
    gen_enter(g, join);
    for (int i = 0; i < s->count; i++) {
        sums[i] = LLVMBuildPhi(g->b, gen_vector(g, g->f32), "");
        Val values[3] = {gen_splat_const(g, 0), loaded[i], scaled[i]};
        Blk blocks[3] = {zero, add, scale};
        LLVMAddIncoming(sums[i], values, blocks, 3);
    }
}

static Val a_element(const State *s, const Val *pointers, int row) {
    return gen_load_splat(s->g, DT_F32,
                          row_start(s, pointers[row / ROWS_A_POINTER], s->p[P_ROW_STRIDE], row % ROWS_A_POINTER));
}

/* sums += a[.][k] b[k][.]; then the pointers move on. State of the loop: accumulators, pointers into a, pointer into
 * b. */
static void step(const State *s, Val *state) {
    Gen      *g = s->g;
    Val      *pointers = state + s->count, *b = pointers + s->pointers;
    Val       columns[16];
    const int size = (int)dtype_size(s->m.b_dtype);
    for (int v = 0; v < s->m.vectors; v++)
        columns[v] = gen_load_vector(g, s->m.b_dtype, gen_bytes(g, *b, (int64_t)v * g->lanes * size), columns_of(s, v));
    for (int r = 0; r < s->m.rows; r++) {
        const Val element = a_element(s, pointers, r);
        for (int v = 0; v < s->m.vectors; v++)
            state[r * s->m.vectors + v] = gen_fma(g, element, columns[v], state[r * s->m.vectors + v]);
    }
    if (s->m.far)
        gen_prefetch(g,
                     gen_address(g, *b, gen_storage(g, s->m.b_dtype), gen_mul(g, s->p[P_LDB], gen_int(g, STEPS_AHEAD))),
                     (int64_t)s->m.vectors * g->lanes * size, false);
    for (int i = 0; i < s->pointers; i++)
        pointers[i] = gen_address(g, pointers[i], g->f32, s->p[P_STEP_STRIDE]);
    *b = gen_address(g, *b, gen_storage(g, s->m.b_dtype), s->p[P_LDB]);
}

/* Runs `turns` turns of `unroll` steps each over the state. */
static void contract(const State *s, Val *state, Val turns, int unroll, const char *name) {
    const int total = s->count + s->pointers + 1;
    Loop      loop;
    gen_loop_open(s->g, &loop, name, gen_int(s->g, 0), turns, gen_int(s->g, 1), state, total);
    Val *next = NEW_ARRAY(s->g->ctx, Val, total);
    for (int i = 0; i < total; i++)
        next[i] = loop.carried[i];
    for (int u = 0; u < unroll; u++)
        step(s, next);
    gen_loop_close(s->g, &loop, next);
    for (int i = 0; i < total; i++)
        state[i] = loop.carried[i];
}

static void store_sums(const State *s, const Val *sums) {
    Gen *g = s->g;
    for (int r = 0; r < s->m.rows; r++) {
        const Val row = row_start(s, s->p[P_C], s->p[P_LDC], r);
        for (int v = 0; v < s->m.vectors; v++)
            gen_store_vector(g, DT_F32, gen_bytes(g, row, 4 * (int64_t)v * g->lanes), sums[r * s->m.vectors + v],
                             columns_of(s, v));
    }
}

static void body(State *s) {
    Gen      *g = s->g;
    Val      *state = NEW_ARRAY(g->ctx, Val, s->count + s->pointers + 1);
    const int unroll = g->schedule->unroll > 1 ? g->schedule->unroll : 1;
    start(s, state);
    for (int i = 0; i < s->pointers; i++)
        state[s->count + i] = row_start(s, s->p[P_A], s->p[P_ROW_STRIDE], i * ROWS_A_POINTER);
    state[s->count + s->pointers] = s->p[P_B];
    const Val turns = unroll == 1 ? s->p[P_K] : LLVMBuildUDiv(g->b, s->p[P_K], gen_int(g, unroll), "");
    contract(s, state, turns, unroll, "k");
    if (unroll > 1)
        contract(s, state, LLVMBuildURem(g->b, s->p[P_K], gen_int(g, unroll), ""), 1, "rest");
    store_sums(s, state);
}

Val gen_micro(Gen *g, Micro m) {
    static const char *const NAMES[PARAM_COUNT] = {"c",          "ldc",         "acc", "ldacc", "scale", "a",
                                                   "row_stride", "step_stride", "b",   "ldb",   "k"};
    const char              *name =
        ctx_printf(g->ctx, "dot_%dx%d_%s_%d%s", m.rows, m.vectors, dtype_name(m.b_dtype), m.tail, m.far ? "_far" : "");
    Val function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Ty params[PARAM_COUNT] = {g->ptr, g->i64, g->ptr, g->i64, g->ptr, g->ptr,
                                    g->i64, g->i64, g->ptr, g->i64, g->i64};
    State s = {.g = g, .m = m, .count = m.rows * m.vectors, .pointers = (m.rows + ROWS_A_POINTER - 1) / ROWS_A_POINTER};
    const Outside outside = gen_function_begin(g, name, g->none, params, PARAM_COUNT);
    function = g->function;
    for (int i = 0; i < PARAM_COUNT; i++)
        s.p[i] = gen_param(g, i, NAMES[i]);
    body(&s);
    gen_function_end(g, outside);
    return function;
}

static int split_evenly(int total, int most) {
    const int parts = (total + most - 1) / most;
    return (total + parts - 1) / parts;
}

static Micro fitted(const Gen *g, int rows, int vectors, int wanted_vectors, int wanted_rows) {
    Micro m = {.vectors = split_evenly(vectors, wanted_vectors), .tail = g->lanes};
    int   most = (g->target->vector_registers - 1 - m.vectors) / m.vectors;
    if (most > MOST_ROWS)
        most = MOST_ROWS;
    if (wanted_rows > 0)
        most = wanted_rows;
    m.rows = split_evenly(rows, most < 1 ? 1 : most);
    return m;
}

/* Multiply-adds a load; a shape with too few accumulators waits for its own results instead. */
static double merit(Micro m) {
    const int count = m.rows * m.vectors;
    return (double)count / (m.rows + m.vectors) * (count < 10 ? count / 10.0 : 1);
}

/* Fewer rows that divide all rows need no second function for the rest, and cost little while they are not much
 * fewer. */
static Micro without_rest(Micro m, int rows) {
    Micro even = m;
    while (even.rows > 1 && rows % even.rows != 0)
        even.rows--;
    return merit(even) >= 0.8 * merit(m) ? even : m;
}

Micro gen_micro_shape(const Gen *g, int rows, int vectors) {
    if (g->schedule->tile_vectors > 0)
        return fitted(g, rows, vectors, g->schedule->tile_vectors, g->schedule->tile_rows);
    Micro best = fitted(g, rows, vectors, 1, g->schedule->tile_rows);
    for (int wanted = 2; wanted <= MOST_VECTORS && wanted <= vectors; wanted++) {
        const Micro m = fitted(g, rows, vectors, wanted, g->schedule->tile_rows);
        if (merit(m) > merit(best))
            best = m;
    }
    return g->schedule->tile_rows > 0 ? best : without_rest(best, rows);
}
