/* dot: which way a matrix product goes, and its walk over register tiles. One function for each shape does the walk: column
 * panels outside, so that a panel of b stays in the nearest cache while all rows of a pass by; the contraction in blocks
 * where a panel is larger than that cache; rows inside. Register tiles are of even size, two sizes at most.
 *
 * trim=1 leaves out vectors of columns that no row of a tile needs; trim=2 shortens the contraction to the range where a
 * tile's rows can differ from zero. Tiles then stay within one period of rows. */
#include "codegen/llvm/llvm_gen.h"

enum { P_C, P_ACC, P_LDACC, P_SCALE, P_A, P_B, P_LDB, P_K, P_DELTA, PARAM_COUNT };

typedef struct Dot {
    Gen    *g;
    int     m, n, k, trim, period;
    int64_t lo, hi;
    int64_t ldc, row_stride, step_stride;
    DType   b_dtype;
    int     vectors, tail;
    Micro   shape;
    Val     p[PARAM_COUNT];
} Dot;

typedef struct Part { /* `count` pieces of `size` from `start` on */
    int start, size, count;
} Part;

/* Pieces of at most `most`, as equal as can be: the larger ones first. */
static int split(int total, int most, Part parts[2]) {
    const int pieces = (total + most - 1) / most, size = total / pieces, larger = total % pieces;
    int       n = 0;
    if (larger)
        parts[n++] = (Part){0, size + 1, larger};
    parts[n++] = (Part){larger * (size + 1), size, pieces - larger};
    return n;
}

/* ---- One register tile ------------------------------------------------------------------------------------------ */
typedef struct Tile {
    Val row, vector; /* its first row, its first vector of columns */
    Val k_first, k_count;
    Val acc, scale, ldacc;
} Tile;

static Val float_at(Gen *g, Val base, Val index) { return gen_address(g, base, g->f32, index); }

static void call_micro(const Dot *d, const Tile *t, int rows, int vectors, int tail) {
    Gen        *g = d->g;
    const Micro m = {rows, vectors, tail, d->b_dtype};
    const Val   column = gen_mul(g, t->vector, gen_int(g, g->lanes)), nothing = LLVMConstNull(g->ptr);
    const Val   c = float_at(g, float_at(g, d->p[P_C], gen_mul(g, t->row, gen_int(g, d->ldc))), column);
    const Val   a_row = float_at(g, d->p[P_A], gen_mul(g, t->row, gen_int(g, d->row_stride)));
    const Val   b_row = gen_address(g, d->p[P_B], gen_storage(g, d->b_dtype), gen_mul(g, t->k_first, d->p[P_LDB]));
    const Val   absent = LLVMBuildIsNull(g->b, t->acc, "");
    const Val   acc = float_at(g, float_at(g, t->acc, gen_mul(g, t->row, t->ldacc)), column);
    const Val   no_scale = LLVMBuildIsNull(g->b, t->scale, "");
    Val         args[] = {c,
                          gen_int(g, d->ldc),
                          gen_select(g, absent, nothing, acc),
                          t->ldacc,
                          gen_select(g, no_scale, nothing, float_at(g, t->scale, t->row)),
                          float_at(g, a_row, gen_mul(g, t->k_first, gen_int(g, d->step_stride))),
                          gen_int(g, d->row_stride),
                          gen_int(g, d->step_stride),
                          gen_address(g, b_row, gen_storage(g, d->b_dtype), column),
                          d->p[P_LDB],
                          t->k_count};
    gen_call(g, gen_micro(g, m), args, 11);
}

/* ---- Walks ------------------------------------------------------------------------------------------------------ */
typedef void EachTile(const Dot *d, Tile *t, int rows, Val position, const void *arg);

/* All row tiles of all groups: `position` is the tile's first row within its group. */
static void each_rows(const Dot *d, Tile *t, EachTile *fn, const void *arg) {
    Gen *g = d->g;
    Part parts[2];
    Loop groups;
    gen_loop_open(g, &groups, "group", gen_int(g, 0), gen_int(g, d->m), gen_int(g, d->period), NULL, 0);
    const int n = split(d->period, d->shape.rows, parts);
    for (int i = 0; i < n; i++) {
        const Part p = parts[i];
        Loop       rows;
        gen_loop_open(g, &rows, "rows", gen_int(g, p.start), gen_int(g, p.start + p.size * p.count), gen_int(g, p.size), NULL, 0);
        t->row = LLVMBuildAdd(g->b, groups.iv, rows.iv, "row");
        fn(d, t, p.size, rows.iv, arg);
        gen_loop_close(g, &rows, NULL);
    }
    gen_loop_close(g, &groups, NULL);
}

typedef struct Panel {
    int vectors, tail;
} Panel;

static void plain_tile(const Dot *d, Tile *t, int rows, Val position, const void *arg) {
    const Panel *panel = arg;
    (void)position;
    call_micro(d, t, rows, panel->vectors, panel->tail);
}

static Val clamp(Gen *g, Val x, Val lo, Val hi) { return gen_max(g, gen_min(g, x, hi), lo); }

/* The range of k - or of columns - for which lo <= delta + k - p <= hi holds for some p of the tile's rows: first and end. */
typedef struct Range {
    Val first, end;
} Range;

static Range needed(const Dot *d, Val position, int rows, int limit) {
    Gen      *g = d->g;
    const Val diagonal = gen_sub(g, position, d->p[P_DELTA]), zero = gen_int(g, 0), all = gen_int(g, limit);
    Range     range = {zero, all};
    if (d->lo > IR_NEG_INF)
        range.first = clamp(g, gen_add(g, diagonal, gen_int(g, d->lo)), zero, all);
    if (d->hi < IR_POS_INF)
        range.end = clamp(g, gen_add(g, diagonal, gen_int(g, d->hi + rows)), range.first, all);
    return range;
}

static void short_tile(const Dot *d, Tile *t, int rows, Val position, const void *arg) {
    const Panel *panel = arg;
    const Range  k = needed(d, position, rows, d->k);
    t->k_first = k.first;
    t->k_count = gen_sub(d->g, k.end, k.first);
    call_micro(d, t, rows, panel->vectors, panel->tail);
}

/* Calls the tile of as many vectors as are left, up to the largest. */
static void narrow_call(const Dot *d, Tile *t, int rows, Val left) {
    Gen *g = d->g;
    Blk  join = gen_block(g, "next");
    for (int v = d->shape.vectors; v >= 1; v--) {
        if (v > 1) {
            Blk yes = gen_block(g, "columns"), no = gen_block(g, "fewer");
            gen_branch(g, LLVMBuildICmp(g->b, LLVMIntSGE, left, gen_int(g, v), ""), yes, no);
            gen_enter(g, yes);
            call_micro(d, t, rows, v, g->lanes);
            gen_jump(g, join);
            gen_enter(g, no);
        } else {
            call_micro(d, t, rows, v, g->lanes);
            gen_jump(g, join);
        }
    }
    LLVMMoveBasicBlockAfter(join, gen_here(g));
    gen_enter(g, join);
}

static void narrow_tile(const Dot *d, Tile *t, int rows, Val position, const void *arg) {
    (void)arg;
    Gen        *g = d->g;
    const Range columns = needed(d, position, rows, d->vectors * g->lanes);
    const Val   lanes = gen_int(g, g->lanes);
    const Val   first = gen_floor_div(g, columns.first, lanes);
    const Val   end = gen_floor_div(g, gen_add(g, columns.end, gen_int(g, g->lanes - 1)), lanes);
    Loop        loop;
    gen_loop_open(g, &loop, "vector", first, end, gen_int(g, d->shape.vectors), NULL, 0);
    t->vector = loop.iv;
    narrow_call(d, t, rows, gen_sub(g, end, loop.iv));
    gen_loop_close(g, &loop, NULL);
}

/* Steps of a block of the contraction: a panel of b takes half of the nearest cache. */
static int block_steps(const Dot *d, int vectors) {
    const int64_t row = (int64_t)vectors * d->g->lanes * (int64_t)dtype_size(d->b_dtype);
    int64_t       steps = d->g->target->l1_bytes * 3 / 4 / row / 16 * 16;
    if (steps < 16)
        steps = 16;
    return steps < d->k ? (int)steps : d->k;
}

/* One panel: in blocks of the contraction, each adding to what the one before left in c. */
static void walk_panel(const Dot *d, Tile *t, Panel panel) {
    Gen      *g = d->g;
    const int steps = block_steps(d, panel.vectors);
    if (d->trim == 2 || steps >= d->k) {
        t->k_first = gen_int(g, 0);
        t->k_count = d->p[P_K];
        each_rows(d, t, d->trim == 2 ? short_tile : plain_tile, &panel);
        return;
    }
    Tile first = *t;
    Loop loop;
    gen_loop_open(g, &loop, "block", gen_int(g, 0), gen_max(g, d->p[P_K], gen_int(g, 1)), gen_int(g, steps), NULL, 0);
    const Val again = LLVMBuildICmp(g->b, LLVMIntNE, loop.iv, gen_int(g, 0), "again");
    first.k_first = loop.iv;
    first.k_count = gen_min(g, gen_sub(g, d->p[P_K], loop.iv), gen_int(g, steps));
    first.acc = gen_select(g, again, d->p[P_C], t->acc);
    first.ldacc = gen_select(g, again, gen_int(g, d->ldc), t->ldacc);
    first.scale = gen_select(g, again, LLVMConstNull(g->ptr), t->scale);
    each_rows(d, &first, plain_tile, &panel);
    gen_loop_close(g, &loop, NULL);
}

static void walk_panels(const Dot *d, Tile *t) {
    Gen *g = d->g;
    Part parts[2];
    int  whole = d->vectors - (d->tail < g->lanes ? 1 : 0);
    for (int i = 0, n = whole ? split(whole, d->shape.vectors, parts) : 0; i < n; i++) {
        const Part p = parts[i];
        Loop       loop;
        gen_loop_open(g, &loop, "panel", gen_int(g, p.start), gen_int(g, p.start + p.size * p.count), gen_int(g, p.size), NULL, 0);
        t->vector = loop.iv;
        walk_panel(d, t, (Panel){p.size, g->lanes});
        gen_loop_close(g, &loop, NULL);
    }
    if (whole < d->vectors) {
        t->vector = gen_int(g, whole);
        walk_panel(d, t, (Panel){1, d->tail});
    }
}

static const char *walk_name(const Dot *d) {
    return ctx_printf(d->g->ctx, "dot_%dx%dx%d_%lld_%lld_%lld_%s_%d_trim%d_%lld_%lld_%d", d->m, d->n, d->k, (long long)d->ldc,
                      (long long)d->row_stride, (long long)d->step_stride, dtype_name(d->b_dtype), d->tail, d->trim,
                      (long long)d->lo, (long long)d->hi, d->period);
}

static Val walk_function(Dot *d) {
    static const char *const NAMES[PARAM_COUNT] = {"c", "acc", "ldacc", "scale", "a", "b", "ldb", "k", "delta"};
    Gen        *g = d->g;
    const char *name = walk_name(d);
    Val         function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    const Ty params[PARAM_COUNT] = {g->ptr, g->ptr, g->i64, g->ptr, g->ptr, g->ptr, g->i64, g->i64, g->i64};
    const Outside outside = gen_function_begin(g, name, params, PARAM_COUNT);
    function = g->function;
    for (int i = 0; i < PARAM_COUNT; i++)
        d->p[i] = gen_param(g, i, NAMES[i]);
    Tile t = {.acc = d->p[P_ACC], .scale = d->p[P_SCALE], .ldacc = d->p[P_LDACC]};
    t.k_first = gen_int(g, 0);
    t.k_count = d->p[P_K];
    if (d->trim == 1)
        each_rows(d, &t, narrow_tile, NULL);
    else
        walk_panels(d, &t);
    gen_function_end(g, outside);
    return function;
}

/* ---- The op ----------------------------------------------------------------------------------------------------- */
/* What a call is given beside the second operand. */
typedef struct Given {
    Val c, acc, scale, a, delta;
    int64_t ldacc;
} Given;

static void call_walk(Dot *d, const Given *given, const Operand *b, const Run *run, bool again) {
    Gen      *g = d->g;
    const Val nothing = LLVMConstNull(g->ptr), skip = gen_mul(g, run->first, gen_int(g, d->step_stride));
    Val       args[PARAM_COUNT] = {given->c,
                                   again ? given->c : given->acc ? given->acc : nothing,
                                   gen_int(g, again ? d->ldc : given->ldacc),
                                   !again && given->scale ? given->scale : nothing,
                                   float_at(g, given->a, skip),
                                   run->address,
                                   b->stride,
                                   run->count,
                                   given->delta ? given->delta : gen_int(g, 0)};
    gen_call(g, walk_function(d), args, PARAM_COUNT);
}

/* A second run is rare: it is there only where a ring wraps inside the tile. */
static void call_runs(Dot *d, const Given *given, const Operand *b) {
    Gen *g = d->g;
    call_walk(d, given, b, &b->runs[0], false);
    if (b->run_count < 2)
        return;
    Blk more = gen_block(g, "wrapped"), done = gen_block(g, "dot.end");
    gen_branch(g, gen_less(g, gen_int(g, 0), b->runs[1].count), more, done);
    gen_enter(g, more);
    call_walk(d, given, b, &b->runs[1], true);
    gen_jump(g, done);
    gen_enter(g, done);
}

static void set_trim(Dot *d, const Op *op, const Operand *b) {
    d->period = d->m;
    const int period = (int)op_int(op, AT_PERIOD, d->m), trim = (int)op_int(op, AT_TRIM, 0);
    if (trim == 0 || !b->whole || period < 1 || d->m % period != 0)
        return;
    d->trim = trim;
    d->period = period;
    d->lo = op_int(op, AT_LO, IR_NEG_INF);
    d->hi = op_int(op, AT_HI, IR_POS_INF);
}

static void finish_shape(Dot *d, const Operand *b) {
    Gen *g = d->g;
    d->b_dtype = b->dtype;
    d->vectors = gen_vectors(g, d->n);
    d->tail = b->whole || d->n % g->lanes == 0 ? g->lanes : d->n % g->lanes;
    d->shape = gen_micro_shape(g, d->period, d->vectors);
}

static void emit_outer(Gen *g, const Op *op, const DotParts *parts, Val home) {
    const bool ta = op_int(op, AT_TA, 0) != 0;
    const int64_t stride = ir_tile_stride(parts->x->type);
    Dot d = {.g = g, .m = parts->m, .n = parts->n, .k = parts->k, .ldc = ir_tile_stride(op->out[0]->type),
             .row_stride = ta ? 1 : stride, .step_stride = ta ? stride : 1};
    Given given = {.c = home, .a = gen_tile(g, parts->x)};
    if (parts->acc) {
        given.acc = gen_tile(g, parts->acc);
        given.ldacc = ir_tile_stride(parts->acc->type);
    }
    given.scale = parts->scale ? gen_tile(g, parts->scale) : NULL;
    given.delta = parts->delta ? gen_ref(g, parts->delta) : NULL;
    const Operand b = gen_operand(g, parts->y);
    set_trim(&d, op, &b);
    finish_shape(&d, &b);
    call_runs(&d, &given, &b);
}

/* One result column, first operand transposed: the row vector y^T x, which has the same layout. */
static void emit_row_vector(Gen *g, const DotParts *parts, Val home) {
    Dot d = {.g = g, .m = 1, .n = parts->m, .k = parts->k, .period = 1, .ldc = (parts->m + 15) / 16 * 16, .row_stride = 1,
             .step_stride = 1};
    Given given = {.c = home, .a = gen_tile(g, parts->y), .ldacc = d.ldc};
    given.acc = parts->acc ? gen_tile(g, parts->acc) : NULL;
    const Operand b = gen_operand(g, parts->x);
    finish_shape(&d, &b);
    call_runs(&d, &given, &b);
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
        emit_row_vector(g, &parts, home);
    else if (!tb && parts.n > 1)
        emit_outer(g, op, &parts, home);
    else
        gen_dot_plain(g, op);
}
