/* dot: which way a matrix product goes, and its walk over register tiles. The walk is a function, shared by all dots
 * that use the same register tiles: column panels outside, so that a panel of b stays in the nearest cache while all
 * rows of a pass by; the contraction in blocks where a panel is larger than that cache; rows inside. Register tiles are
 * of even size, two sizes at most.
 *
 * trim=1 leaves out vectors of columns that no row of a tile needs; trim=2 shortens the contraction to the range where
 * a tile's rows can differ from zero. Tiles then stay within one group of `period` rows. */
#include "codegen/llvm/llvm_gen.h"

/* What a walk is given. Strides in elements; rows are all rows, `group` those of a period; up to row_mid of a group,
 * and up to vector_mid of the columns, the larger tile size is used. `steps` is the most of the contraction that is
 * done at once. */
/* clang-format off */
#define ARGUMENTS(X) \
    X(C, ptr, "c") \
    X(LDC, i64, "ldc") \
    X(ACC, ptr, "acc") \
    X(LDACC, i64, "ldacc") \
    X(SCALE, ptr, "scale") \
    X(A, ptr, "a") \
    X(ROW_STRIDE, i64, "row_stride") \
    X(STEP_STRIDE, i64, "step_stride") \
    X(B, ptr, "b") \
    X(LDB, i64, "ldb") \
    X(K, i64, "k") \
    X(STEPS, i64, "steps") \
    X(ROWS, i64, "rows") \
    X(GROUP, i64, "group") \
    X(ROW_MID, i64, "row_mid") \
    X(VECTOR_MID, i64, "vector_mid") \
    X(VECTORS, i64, "vectors") \
    X(DELTA, i64, "delta") \
    X(LO, i64, "lo") \
    X(HI, i64, "hi")
/* clang-format on */

enum {
#define X(id, type, name) P_##id,
    ARGUMENTS(X)
#undef X
    PARAM_COUNT
};

typedef struct Sizes {
    int larger, smaller; /* 0: there is no such size */
} Sizes;

typedef struct Dot {
    Gen  *g;
    int   trim, tail; /* tail: real columns of a last vector that stands alone; 0: none */
    DType b_dtype;
    bool  far; /* see Micro */
    Sizes rows, vectors;
    Val   p[PARAM_COUNT];
} Dot;

/* Cuts `total` into pieces of at most `most`, as equal as can be, the larger ones first; *mid is where the smaller
 * begin. */
static Sizes split(int total, int most, int *mid) {
    const int pieces = (total + most - 1) / most, size = pieces ? total / pieces : 0;
    const int larger = total - pieces * size;
    *mid = larger * (size + 1);
    return (Sizes){larger ? size + 1 : 0, pieces > larger ? size : 0};
}

/* ---- One register tile ------------------------------------------------------------------------------------------ */
typedef struct Tile {
    Val row, vector; /* its first row, its first vector of columns */
    Val k_first, k_count;
    Val acc, scale, ldacc;
} Tile;

static Val float_at(Gen *g, Val base, Val index) { return gen_address(g, base, g->f32, index); }

static Val unless_null(Gen *g, Val base, Val moved) {
    return gen_select(g, LLVMBuildIsNull(g->b, base, ""), LLVMConstNull(g->ptr), moved);
}

enum { MICRO_ARGS = 11 };

static void micro_args(const Dot *d, const Tile *t, Val args[MICRO_ARGS]) {
    Gen      *g = d->g;
    const Ty  b_type = gen_storage(g, d->b_dtype);
    const Val column = gen_mul(g, t->vector, gen_int(g, g->lanes));
    const Val a_row = float_at(g, d->p[P_A], gen_mul(g, t->row, d->p[P_ROW_STRIDE]));
    const Val b_row = gen_address(g, d->p[P_B], b_type, gen_mul(g, t->k_first, d->p[P_LDB]));
    args[0] = float_at(g, float_at(g, d->p[P_C], gen_mul(g, t->row, d->p[P_LDC])), column);
    args[1] = d->p[P_LDC];
    args[2] = unless_null(g, t->acc, float_at(g, float_at(g, t->acc, gen_mul(g, t->row, t->ldacc)), column));
    args[3] = t->ldacc;
    args[4] = unless_null(g, t->scale, float_at(g, t->scale, t->row));
    args[5] = float_at(g, a_row, gen_mul(g, t->k_first, d->p[P_STEP_STRIDE]));
    args[6] = d->p[P_ROW_STRIDE];
    args[7] = d->p[P_STEP_STRIDE];
    args[8] = gen_address(g, b_row, b_type, column);
    args[9] = d->p[P_LDB];
    args[10] = t->k_count;
}

static void call_micro(const Dot *d, int rows, int vectors, int tail, Val args[MICRO_ARGS]) {
    gen_call(d->g, gen_micro(d->g, (Micro){rows, vectors, tail, d->b_dtype, d->far}), args, MICRO_ARGS);
}

/* ---- Walks ------------------------------------------------------------------------------------------------------ */
typedef struct Panel {
    int vectors, tail;
} Panel;

typedef void EachTile(const Dot *d, Tile *t, int rows, Val position, Panel panel);

/* All row tiles of all groups: `position` is the tile's first row within its group. */
static void each_rows(const Dot *d, Tile *t, EachTile *fn, Panel panel) {
    Gen      *g = d->g;
    const int sizes[2] = {d->rows.larger, d->rows.smaller};
    Loop      groups, rows;
    gen_loop_open(g, &groups, "group", gen_int(g, 0), d->p[P_ROWS], d->p[P_GROUP], NULL, 0);
    for (int i = 0; i < 2; i++) {
        if (sizes[i] == 0)
            continue;
        const Val first = i ? d->p[P_ROW_MID] : gen_int(g, 0);
        gen_loop_open(g, &rows, "rows", first, i ? d->p[P_GROUP] : d->p[P_ROW_MID], gen_int(g, sizes[i]), NULL, 0);
        t->row = LLVMBuildAdd(g->b, groups.iv, rows.iv, "row");
        fn(d, t, sizes[i], rows.iv, panel);
        gen_loop_close(g, &rows, NULL);
    }
    gen_loop_close(g, &groups, NULL);
}

static void plain_tile(const Dot *d, Tile *t, int rows, Val position, Panel panel) {
    Val args[MICRO_ARGS];
    (void)position;
    micro_args(d, t, args);
    call_micro(d, rows, panel.vectors, panel.tail, args);
}

/* The range of k - or of columns - below `limit` for which lo <= delta + k - p <= hi holds for some row p of the
 * tile. */
typedef struct Range {
    Val first, end;
} Range;

static Range needed(const Dot *d, Val position, int rows, Val limit) {
    Gen      *g = d->g;
    const Val diagonal = gen_sub(g, position, d->p[P_DELTA]), zero = gen_int(g, 0);
    const Val first = gen_max(g, gen_min(g, gen_add(g, diagonal, d->p[P_LO]), limit), zero);
    const Val end = gen_add(g, gen_add(g, diagonal, d->p[P_HI]), gen_int(g, rows));
    return (Range){first, gen_max(g, gen_min(g, end, limit), first)};
}

static void short_tile(const Dot *d, Tile *t, int rows, Val position, Panel panel) {
    const Range k = needed(d, position, rows, d->p[P_K]);
    t->k_first = k.first;
    t->k_count = gen_sub(d->g, k.end, k.first);
    plain_tile(d, t, rows, position, panel);
}

/* Calls the tile of as many vectors as are left, up to the largest. */
static void narrow_call(const Dot *d, Tile *t, int rows, int most, Val left) {
    Gen *g = d->g;
    Val  args[MICRO_ARGS];
    Blk  join = gen_block(g, "next");
    micro_args(d, t, args);
    for (int v = most; v >= 1; v--) {
        Blk yes = v > 1 ? gen_block(g, "columns") : gen_here(g), no = v > 1 ? gen_block(g, "fewer") : NULL;
        if (v > 1)
            gen_branch(g, LLVMBuildICmp(g->b, LLVMIntSGE, left, gen_int(g, v), ""), yes, no);
        gen_enter(g, yes);
        call_micro(d, rows, v, g->lanes, args);
        gen_jump(g, join);
        if (no)
            gen_enter(g, no);
    }
    LLVMMoveBasicBlockAfter(join, LLVMGetLastBasicBlock(g->function));
    gen_enter(g, join);
}

static void narrow_tile(const Dot *d, Tile *t, int rows, Val position, Panel panel) {
    Gen        *g = d->g;
    const Val   lanes = gen_int(g, g->lanes);
    const Range columns = needed(d, position, rows, gen_mul(g, d->p[P_VECTORS], lanes));
    const Val   first = gen_floor_div(g, columns.first, lanes);
    const Val   end = gen_floor_div(g, gen_add(g, columns.end, gen_int(g, g->lanes - 1)), lanes);
    Loop        loop;
    gen_loop_open(g, &loop, "vector", first, end, gen_int(g, panel.vectors), NULL, 0);
    t->vector = loop.iv;
    narrow_call(d, t, rows, panel.vectors, gen_sub(g, end, loop.iv));
    gen_loop_close(g, &loop, NULL);
}

/* One panel: in blocks of the contraction, each adding to what the one before left in c. */
static void walk_panel(const Dot *d, Tile *t, Panel panel) {
    Gen *g = d->g;
    Tile part = *t;
    Loop loop;
    if (d->trim == 2) {
        each_rows(d, &part, short_tile, panel);
        return;
    }
    gen_loop_open(g, &loop, "block", gen_int(g, 0), gen_max(g, d->p[P_K], gen_int(g, 1)), d->p[P_STEPS], NULL, 0);
    const Val again = LLVMBuildICmp(g->b, LLVMIntNE, loop.iv, gen_int(g, 0), "again");
    part.k_first = loop.iv;
    part.k_count = gen_min(g, gen_sub(g, d->p[P_K], loop.iv), d->p[P_STEPS]);
    part.acc = gen_select(g, again, d->p[P_C], t->acc);
    part.ldacc = gen_select(g, again, d->p[P_LDC], t->ldacc);
    part.scale = gen_select(g, again, LLVMConstNull(g->ptr), t->scale);
    each_rows(d, &part, plain_tile, panel);
    gen_loop_close(g, &loop, NULL);
}

static void walk_panels(const Dot *d, Tile *t) {
    Gen      *g = d->g;
    const int sizes[2] = {d->vectors.larger, d->vectors.smaller};
    for (int i = 0; i < 2; i++) {
        if (sizes[i] == 0)
            continue;
        Loop      loop;
        const Val first = i ? d->p[P_VECTOR_MID] : gen_int(g, 0);
        gen_loop_open(g, &loop, "panel", first, i ? d->p[P_VECTORS] : d->p[P_VECTOR_MID], gen_int(g, sizes[i]), NULL,
                      0);
        t->vector = loop.iv;
        walk_panel(d, t, (Panel){sizes[i], g->lanes});
        gen_loop_close(g, &loop, NULL);
    }
    if (d->tail) {
        t->vector = d->p[P_VECTORS];
        walk_panel(d, t, (Panel){1, d->tail});
    }
}

static Val walk_function(Dot *d) {
    static const char *const NAMES[PARAM_COUNT] = {
#define X(id, type, name) name,
        ARGUMENTS(X)
#undef X
    };
    Gen     *g = d->g;
    const Ty params[PARAM_COUNT] = {
#define X(id, type, name) g->type,
        ARGUMENTS(X)
#undef X
    };
    const char *name = ctx_printf(g->ctx, "dot_rows%d_%d_vectors%d_%d_tail%d_%s%s_trim%d", d->rows.larger,
                                  d->rows.smaller, d->vectors.larger, d->vectors.smaller, d->tail,
                                  dtype_name(d->b_dtype), d->far ? "_far" : "", d->trim);
    Val         function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Outside outside = gen_function_begin(g, name, g->none, params, PARAM_COUNT);
    function = g->function;
    for (int i = 0; i < PARAM_COUNT; i++)
        d->p[i] = gen_param(g, i, NAMES[i]);
    Tile t = {.acc = d->p[P_ACC],
              .scale = d->p[P_SCALE],
              .ldacc = d->p[P_LDACC],
              .k_first = gen_int(g, 0),
              .k_count = d->p[P_K]};
    if (d->trim == 1)
        each_rows(d, &t, narrow_tile, (Panel){d->vectors.larger ? d->vectors.larger : d->vectors.smaller, g->lanes});
    else
        walk_panels(d, &t);
    gen_function_end(g, outside);
    return function;
}

/* ---- The op ----------------------------------------------------------------------------------------------------- */
typedef struct Product { /* c (m x n) = [acc [* scale]] + a b */
    const Op *op;
    int       m, n, k;
    Val       c, acc, scale, a, delta;
    int64_t   ldc, ldacc, row_stride, step_stride;
    Operand   b;
} Product;

static int block_steps(const Gen *g, const Product *p, int vectors) {
    const int64_t row = (int64_t)vectors * g->lanes * (int64_t)dtype_size(p->b.dtype);
    const int64_t steps = g->target->l1_bytes * 3 / 8 / row / 16 * 16;
    return steps < 16 ? 16 : (int)steps;
}

static void note_tile(Gen *g, Micro shape) {
    LlvmOutput *const out = g->out;
    for (int t = 0; t < out->tile_count; t++) {
        LlvmTile *const tile = &out->tiles[t];
        if (tile->kernel == g->phase && tile->rows == shape.rows && tile->vectors == shape.vectors) {
            tile->products++;
            return;
        }
    }
    const LlvmTile tile = {g->phase, shape.rows, shape.vectors, 1};
    PUSH(g->ctx, out->tiles, out->tile_count, out->tile_capacity, tile);
}

/* Fills in everything that does not depend on the run of b, and picks the register tiles. */
static void plan(Gen *g, const Product *p, Dot *d, Val args[PARAM_COUNT]) {
    const Val   nothing = LLVMConstNull(g->ptr);
    const int   trim = (int)op_int(p->op, AT_TRIM, 0), period = (int)op_int(p->op, AT_PERIOD, p->m);
    const bool  trimmed = trim && p->delta && p->b.whole && period > 0 && p->m % period == 0;
    const int   group = trimmed ? period : p->m, whole = p->b.whole ? gen_vectors(g, p->n) : p->n / g->lanes;
    const Micro shape = gen_micro_shape(g, group, whole ? whole : 1);
    int         row_mid, vector_mid;
    note_tile(g, shape);
    *d = (Dot){.g = g,
               .trim = trimmed ? trim : 0,
               .tail = p->b.whole ? 0 : p->n % g->lanes,
               .b_dtype = p->b.dtype,
               .far = !p->b.whole};
    d->rows = split(group, shape.rows, &row_mid);
    d->vectors = split(whole, shape.vectors, &vector_mid);
    args[P_C] = p->c, args[P_LDC] = gen_int(g, p->ldc);
    args[P_ACC] = p->acc ? p->acc : nothing, args[P_LDACC] = gen_int(g, p->ldacc);
    args[P_SCALE] = p->scale ? p->scale : nothing;
    args[P_ROW_STRIDE] = gen_int(g, p->row_stride), args[P_STEP_STRIDE] = gen_int(g, p->step_stride);
    args[P_LDB] = p->b.stride, args[P_STEPS] = gen_int(g, block_steps(g, p, shape.vectors));
    args[P_ROWS] = gen_int(g, p->m), args[P_GROUP] = gen_int(g, group), args[P_ROW_MID] = gen_int(g, row_mid);
    args[P_VECTOR_MID] = gen_int(g, vector_mid), args[P_VECTORS] = gen_int(g, whole);
    args[P_DELTA] = p->delta ? p->delta : gen_int(g, 0);
    args[P_LO] = gen_int(g, op_int(p->op, AT_LO, IR_NEG_INF)),
    args[P_HI] = gen_int(g, op_int(p->op, AT_HI, IR_POS_INF));
}

static void call_walk(const Product *p, Dot *d, const Run *run, Val args[PARAM_COUNT]) {
    Gen *g = d->g;
    args[P_A] = float_at(g, p->a, gen_mul(g, run->first, gen_int(g, p->step_stride)));
    args[P_B] = run->address;
    args[P_K] = run->count;
    gen_call(g, walk_function(d), args, PARAM_COUNT);
}

/* A second run is rare - it is there only where a ring wraps inside the tile - and adds to what the first left. */
static void emit_product(Gen *g, const Product *p) {
    Val args[PARAM_COUNT];
    Dot d;
    plan(g, p, &d, args);
    call_walk(p, &d, &p->b.runs[0], args);
    if (p->b.run_count < 2)
        return;
    Blk more = gen_block(g, "wrapped"), done = gen_block(g, "dot.end");
    gen_branch(g, gen_less(g, gen_int(g, 0), p->b.runs[1].count), more, done);
    gen_enter(g, more);
    args[P_ACC] = p->c;
    args[P_LDACC] = args[P_LDC];
    args[P_SCALE] = LLVMConstNull(g->ptr);
    call_walk(p, &d, &p->b.runs[1], args);
    gen_jump(g, done);
    gen_enter(g, done);
}

static void emit_outer(Gen *g, const Op *op, const DotParts *parts, Val home) {
    const bool    ta = op_int(op, AT_TA, 0) != 0;
    const int64_t stride = ir_tile_stride(parts->x->type);
    Product       p = {.op = op, .m = parts->m, .n = parts->n, .k = parts->k, .c = home, .a = gen_tile(g, parts->x)};
    p.ldc = ir_tile_stride(op->out[0]->type);
    p.row_stride = ta ? 1 : stride;
    p.step_stride = ta ? stride : 1;
    if (parts->acc) {
        p.acc = gen_tile(g, parts->acc);
        p.ldacc = ir_tile_stride(parts->acc->type);
    }
    p.scale = parts->scale ? gen_tile(g, parts->scale) : NULL;
    p.delta = parts->delta ? gen_ref(g, parts->delta) : NULL;
    p.b = gen_operand(g, parts->y);
    emit_product(g, &p);
}

/* One result column, first operand transposed: the row vector y^T x, which has the same layout. */
static void emit_row_vector(Gen *g, const Op *op, const DotParts *parts, Val home) {
    Product p = {
        .op = op, .m = 1, .n = parts->m, .k = parts->k, .c = home, .a = gen_tile(g, parts->y), .step_stride = 1};
    p.acc = parts->acc ? gen_tile(g, parts->acc) : NULL;
    p.b = gen_operand(g, parts->x);
    emit_product(g, &p);
}

void gen_dot(Gen *g, const Op *op) {
    const DotParts parts = ir_dot_parts(op);
    const char    *via = op_text(op, AT_VIA);
    const bool     ta = op_int(op, AT_TA, 0) != 0, tb = op_int(op, AT_TB, 0) != 0;
    const bool     inner = via && via[0] == 'i';
    const Val      home = gen_home(g, op, 0);
    g->places[op->out[0]->id].ref = home;
    if (!ta && (inner ? tb : parts.n == 1))
        gen_dot_inner(g, op);
    else if (ta && parts.n == 1 && !parts.scale)
        emit_row_vector(g, op, &parts, home);
    else if (!tb && parts.n > 1)
        emit_outer(g, op, &parts, home);
    else
        gen_dot_plain(g, op);
}
