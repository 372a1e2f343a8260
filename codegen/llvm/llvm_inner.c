/* dot by inner products: both operands have the contraction along their rows, as q and the keys of a decode step have.
 * Rows of b are read once, as they lie; four of them meet all rows of a in vector accumulators, whose lanes are summed
 * at the end. The result starts as zero or as the scaled accumulator, and is added to. */
#include "codegen/llvm/llvm_gen.h"
#include "base/numbers.h"

enum { P_C, P_A, P_B, P_LDB, P_FIRST, P_COUNT, PARAM_COUNT };
enum { B_ROWS = 4 };

typedef struct Inner {
    Gen    *g;
    int     m, k;
    int64_t ldc, lda;
    DType   dtype; /* of b */
    Val     p[PARAM_COUNT];
} Inner;

static Val b_vector(const Inner *d, Val row, Val at, int count) {
    Gen *g = d->g;
    return gen_load_vector(g, d->dtype, gen_address(g, row, gen_storage(g, d->dtype), at), count);
}

static Val inside(Gen *g, Val x, int count) {
    if (count >= g->lanes)
        return x;
    const Val real = LLVMBuildICmp(g->b, LLVMIntSLT, gen_iota(g, 0), gen_splat_int(g, count), "");
    return gen_select(g, real, x, gen_splat_const(g, 0));
}

/* sums[i * b_rows + j] += a_i b_j over the `count` elements at `at`. */
static void accumulate(const Inner *d, const Val *a_rows, int m, const Val *b_rows, int n, Val at, int count,
                       Val *sums) {
    Gen *g = d->g;
    Val  b[B_ROWS];
    for (int j = 0; j < n; j++)
        b[j] = inside(g, b_vector(d, b_rows[j], at, count), count);
    for (int i = 0; i < m; i++) {
        const Val a = inside(g, gen_load_vector(g, DT_F32, gen_address(g, a_rows[i], g->f32, at), count), count);
        for (int j = 0; j < n; j++)
            sums[i * n + j] = gen_fma(g, a, b[j], sums[i * n + j]);
    }
}

/* Blocks of `width` lanes of x and y, halved by adding their halves: first x's blocks, then y's. */
static Val fold_pair(Gen *g, Val x, Val y, int width) {
    int lower[64], upper[64], at = 0;
    for (int vector = 0; vector < 2; vector++)
        for (int block = 0; block < g->lanes; block += width)
            for (int l = 0; l < width / 2; l++, at++) {
                lower[at] = vector * g->lanes + block + l;
                upper[at] = lower[at] + width / 2;
            }
    return gen_fadd(g, gen_shuffle(g, x, y, lower, g->lanes), gen_shuffle(g, x, y, upper, g->lanes));
}

/* One vector whose lane i is the sum of x[i]'s lanes: as many vectors as lanes, folded in pairs, which costs three
 * instructions a sum where each on its own would take eight. */
static Val sum_lanes(Gen *g, const Val *x, int count) {
    Val left[64];
    for (int i = 0; i < g->lanes; i++)
        left[i] = i < count ? x[i] : gen_splat_const(g, 0);
    for (int width = g->lanes; width > 1; width /= 2)
        for (int i = 0; 2 * i < width; i++)
            left[i] = fold_pair(g, left[2 * i], left[2 * i + 1], width);
    return left[0];
}

/* Lanes `from` .. from + n - 1 of sums are added to the n cells of a row of c from `column` on; n is 1 or B_ROWS. */
static void add_to(const Inner *d, int row, Val column, Val sums, int from, int n) {
    Gen      *g = d->g;
    const Val cells = gen_address(g, gen_bytes(g, d->p[P_C], 4 * row * d->ldc), g->f32, column);
    if (n == 1) {
        const Val sum = LLVMBuildExtractElement(g->b, sums, gen_i32(g, from), "");
        gen_store(g, LLVMBuildFAdd(g->b, gen_load(g, g->f32, cells, 4, ""), sum, ""), cells, 4);
        return;
    }
    int lanes[B_ROWS];
    for (int j = 0; j < n; j++)
        lanes[j] = from + j;
    const Val part = gen_shuffle(g, sums, LLVMGetPoison(LLVMTypeOf(sums)), lanes, n);
    const Val old = gen_load(g, LLVMVectorType(g->f32, (unsigned)n), cells, 4, "");
    gen_store(g, LLVMBuildFAdd(g->b, old, part, ""), cells, 4);
}

/* c's rows from `first` on += the sums over the lanes of m * n vectors, row by row. */
static void add_sums(const Inner *d, int first, int m, Val column, int n, const Val *sums) {
    Gen *g = d->g;
    for (int at = 0; at < m * n; at += g->lanes) {
        const int count = min_int(g->lanes, m * n - at);
        const Val lanes = sum_lanes(g, sums + at, count);
        for (int i = 0; i < count; i += n)
            add_to(d, first + (at + i) / n, column, lanes, i, n);
    }
}

/* m rows of a from `first` on with n rows of b from `column` on. */
static void tile(const Inner *d, int first, int m, Val column, int n) {
    Gen      *g = d->g;
    const int whole = d->k / g->lanes * g->lanes;
    Val       a_rows[B_ROWS], b_rows[B_ROWS], sums[B_ROWS * B_ROWS];
    const Val behind = gen_sub(g, column, d->p[P_FIRST]);
    for (int i = 0; i < m; i++)
        a_rows[i] = gen_bytes(g, d->p[P_A], 4 * (first + i) * d->lda);
    for (int j = 0; j < n; j++)
        b_rows[j] = gen_address(g, d->p[P_B], gen_storage(g, d->dtype),
                                gen_mul(g, gen_add(g, behind, gen_int(g, j)), d->p[P_LDB]));
    for (int i = 0; i < m * n; i++)
        sums[i] = gen_splat_const(g, 0);
    if (whole) {
        Loop loop;
        gen_loop_open(g, &loop, "k", gen_int(g, 0), gen_int(g, whole), gen_int(g, g->lanes), sums, m * n);
        Val next[B_ROWS * B_ROWS];
        for (int i = 0; i < m * n; i++)
            next[i] = loop.carried[i];
        accumulate(d, a_rows, m, b_rows, n, loop.iv, g->lanes, next);
        gen_loop_close(g, &loop, next);
        for (int i = 0; i < m * n; i++)
            sums[i] = loop.carried[i];
    }
    if (d->k > whole)
        accumulate(d, a_rows, m, b_rows, n, gen_int(g, whole), d->k - whole, sums);
    add_sums(d, first, m, column, n, sums);
}

static void all_rows(const Inner *d, Val column, int n) {
    for (int first = 0; first < d->m; first += B_ROWS)
        tile(d, first, min_int(B_ROWS, d->m - first), column, n);
}

static Val inner_function(Inner *d) {
    static const char *const NAMES[PARAM_COUNT] = {"c", "a", "b", "ldb", "first", "count"};
    Gen                     *g = d->g;
    const char *name = ctx_printf(g->ctx, "inner_%dx%d_%lld_%lld_%s", d->m, d->k, (long long)d->ldc, (long long)d->lda,
                                  dtype_name(d->dtype));
    Val         function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Ty      params[PARAM_COUNT] = {g->ptr, g->ptr, g->ptr, g->i64, g->i64, g->i64};
    const Outside outside = gen_function_begin(g, name, g->none, params, PARAM_COUNT);
    function = g->function;
    for (int i = 0; i < PARAM_COUNT; i++)
        d->p[i] = gen_param(g, i, NAMES[i]);
    const Val end = gen_add(g, d->p[P_FIRST], d->p[P_COUNT]);
    const Val fours = gen_add(g, d->p[P_FIRST], LLVMBuildAnd(g->b, d->p[P_COUNT], gen_int(g, -B_ROWS), ""));
    Loop      many, rest;
    gen_loop_open(g, &many, "rows", d->p[P_FIRST], fours, gen_int(g, B_ROWS), NULL, 0);
    all_rows(d, many.iv, B_ROWS);
    gen_loop_close(g, &many, NULL);
    gen_loop_open(g, &rest, "row", fours, end, gen_int(g, 1), NULL, 0);
    all_rows(d, rest.iv, 1);
    gen_loop_close(g, &rest, NULL);
    gen_function_end(g, outside);
    return function;
}

/* The result before anything is added: zero, acc, or acc with its rows scaled. */
static void start(Gen *g, const Op *op, const DotParts *parts, Val home) {
    const Type type = op->out[0]->type;
    const Val  acc = parts->acc ? gen_tile(g, parts->acc) : NULL,
              scale = parts->scale ? gen_tile(g, parts->scale) : NULL;
    if (!acc || !scale) {
        gen_copy_tile(g, type, home, acc);
        return;
    }
    Loop rows, columns;
    gen_loop_open(g, &rows, "scale", gen_int(g, 0), gen_int(g, parts->m), gen_int(g, 1), NULL, 0);
    const Val factor = gen_load(g, g->f32, gen_address(g, scale, g->f32, rows.iv), 4, "");
    gen_loop_open(g, &columns, "column", gen_int(g, 0), gen_int(g, parts->n), gen_int(g, 1), NULL, 0);
    const Val from = gen_add(g, gen_mul(g, rows.iv, gen_int(g, ir_tile_stride(parts->acc->type))), columns.iv);
    const Val to = gen_add(g, gen_mul(g, rows.iv, gen_int(g, ir_tile_stride(type))), columns.iv);
    const Val old = gen_load(g, g->f32, gen_address(g, acc, g->f32, from), 4, "");
    gen_store(g, LLVMBuildFMul(g->b, old, factor, ""), gen_address(g, home, g->f32, to), 4);
    gen_loop_close(g, &columns, NULL);
    gen_loop_close(g, &rows, NULL);
}

void gen_dot_inner(Gen *g, const Op *op) {
    const DotParts parts = ir_dot_parts(op);
    const Val      home = gen_ref(g, op->out[0]), a = gen_tile(g, parts.x);
    Inner          d = {.g = g,
                        .m = parts.m,
                        .k = parts.k,
                        .ldc = ir_tile_stride(op->out[0]->type),
                        .lda = ir_tile_stride(parts.x->type)};
    Operand        b;
    if (op_int(op, AT_TB, 0)) {
        b = gen_operand(g, parts.y);
    } else { /* one column: contiguous, the same as a single row */
        b = (Operand){.run_count = 1, .dtype = DT_F32, .stride = gen_int(g, parts.k)};
        b.runs[0] = (Run){gen_int(g, 0), gen_int(g, 1), gen_tile(g, parts.y)};
    }
    d.dtype = b.dtype;
    start(g, op, &parts, home);
    for (int i = 0; i < b.run_count; i++) {
        Val args[PARAM_COUNT] = {home, a, b.runs[i].address, b.stride, b.runs[i].first, b.runs[i].count};
        gen_call(g, inner_function(&d), args, PARAM_COUNT);
    }
}
