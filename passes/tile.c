/* tile: loop IR to tile IR.
 * In: kernels at loop level, in which every value is a scalar or one row and belongs to a query row (loops `row` and
 * `group`), to a key (a softmax_sum's or sum's j), to both (scalars: scores), or to neither. Out: the same program on tiles.
 * A value that belongs to query rows becomes a tile of chunk x group_heads rows (head-major: row r is head r / chunk,
 * position r % chunk), one that belongs to keys a tile of key_tile rows, a score a matrix of both. Ranges of j become masks:
 * what follows (window) proves most of them away. softmax_sum becomes the online form (running maximum, sum and output;
 * Milakov and Gimelshein, arXiv 1805.02867); a sum of score * row becomes a product of matrices. Neighbouring sums of
 * the same range become one loop. Where positions fall as rows or keys go on (a coordinate has the row's number with the
 * factor -1), so do those of a tile's rows. */
#include "passes/tile.h"

#include <float.h>
#include <math.h>
#include <string.h>

static int period_of(const Tiler *t, int dependence) { return dependence & DEP_KEY ? t->keys : t->chunk; }

/* Do positions fall from row to row? */
static bool falls(const Tiler *t, Value *old, int dependence) {
    const Value *const along = dependence & DEP_KEY ? t->old_key : dependence & DEP_ROW ? t->old_row : NULL;
    const Affine       a = affine_of(old);
    return along && a.ok && affine_factor(&a, along) == -1;
}

static Status tile_load(Tiler *t, Builder *b, Op *op) {
    const int  d = operands_dep(t, op);
    const bool store = op->code == OP_STORE;
    double     constant;
    Value     *in[6];
    for (int i = 0; i < op->in_count; i++)
        in[i] = get(t, op->in[i]);
    if (store && d & DEP_ROW && is_constant_tile(in[5], &constant)) /* the same for every row */
        in[5] = ir_f(b, constant, rows_of(t, d), in[5]->type.cols);
    const Type old = store ? op->in[5]->type : op->out[0]->type;
    int        rows = old.rows, period = (int)op_int(op, AT_PERIOD, 1);
    const bool stacked = rows > 1 && d == DEP_GROUP && t->heads > 1 && !store && op_int(op, AT_GROUPDIM, -1) >= 0 && rows == period;
    if (rows > 1 && (d & (DEP_ROW | DEP_KEY) || (d & DEP_GROUP && t->heads > 1 && !stacked)))
        return unsupported(t, op, "a tile for each row");
    if (stacked) /* what each head has, one below another */
        rows *= t->heads;
    if (rows == 1) {
        rows = store ? in[5]->type.rows : rows_of(t, d);
        period = period_of(t, d);
    }
    const Type type = type_tile(store ? in[5]->type.dtype : DT_F32, rows, old.cols);
    Op *made = ir_op(b, op->code, in, op->in_count, &type, store ? 0 : 1);
    op_set_text(t->ctx, made, AT_PARAM, op_text(op, AT_PARAM));
    op_set_int(t->ctx, made, AT_ROWDIM, op_int(op, AT_ROWDIM, -1));
    op_set_int(t->ctx, made, AT_GROUPDIM, op_int(op, AT_GROUPDIM, -1));
    op_set_int(t->ctx, made, AT_PERIOD, period);
    if (op_has(op, AT_WRAP))
        op_set_int(t->ctx, made, AT_WRAP, op_int(op, AT_WRAP, 0));
    const int64_t rowdim = op_int(op, AT_ROWDIM, -1);
    if (rowdim >= 0 && period > 1 && rows > 1 && old.rows == 1 && falls(t, op->in[rowdim], d))
        op_set_int(t->ctx, made, AT_DOWN, 1);
    if (!store)
        set(t, op->out[0], made->out[0], d);
    return ST_OK;
}

/* dot of two rows that belong to queries and keys; of a query row and a state. Products of keys with keys are a sum's. */
static Status tile_dot(Tiler *t, Builder *b, Op *op) {
    const bool ta = op_int(op, AT_TA, 0) != 0, tb = op_int(op, AT_TB, 0) != 0;
    const bool turned = tb && dep(t, op->in[0]) & DEP_KEY; /* rows are a score's, keys its columns */
    Value *const x = op->in[turned], *const y = op->in[!turned];
    const int    dx = dep(t, x), dy = dep(t, y);
    const bool   score = tb && dy & DEP_KEY, state = !(dy & (DEP_KEY | DEP_ROW));
    if (ta || dx & DEP_KEY || (!score && !state) || op->in_count != 2)
        return unsupported(t, op, "this product");
    Value *const product = ir_dot(b, get(t, x), get(t, y), NULL, false, tb);
    if (state && dy & DEP_GROUP && t->heads > 1) {
        if (tb || !(dx & DEP_ROW))
            return unsupported(t, op, "this product with what each head has");
        op_set_int(t->ctx, product->def, AT_STACK, t->heads);
    }
    set(t, op->out[0], product, dx | dy);
    return ST_OK;
}

/* An operand of a score: a number of each key stands over its column. */
static Status beside_score(Tiler *t, Builder *b, const Op *op, int operand, Value **out) {
    Value *const old = op->in[operand];
    const int    d = dep(t, old);
    *out = get(t, old);
    if (!d || d & DEP_ROW || old->type.cls != TY_TILE)
        return ST_OK;
    if (old->type.cols != 1)
        return unsupported(t, op, "a key's row beside a score");
    *out = ir_unary(b, OP_TRANSPOSE, *out);
    return ST_OK;
}

/* e^(score - lse) of a sum: 0 where the score is masked, and whatever it is multiplied with. */
static Status tile_power(Tiler *t, Builder *b, const Op *op) {
    const Op *shift = op->in[0]->def;
    Value    *score, *lse;
    TRY(beside_score(t, b, shift, 0, &score));
    TRY(beside_score(t, b, shift, 1, &lse));
    score = tile_masked(t, b, score, t->key, t->range, -INFINITY);
    set(t, op->out[0], ir_unary(b, OP_EXP, ir_binary(b, OP_SUB, score, lse)), dep(t, op->in[0]));
    t->vanishes[op->out[0]->id] = true;
    return ST_OK;
}

static bool is_power(const Tiler *t, const Op *op) {
    const Op *shift = op->code == OP_EXP && t->range ? op->in[0]->def : NULL;
    return shift && shift->code == OP_SUB && dep(t, shift->in[0]) & DEP_KEY && dep(t, shift->in[0]) & DEP_ROW;
}

/* Sets the types of op's results to what follows from its operands now. */
static void retype(Op *op) {
    if (op_info(op->code)->rule != TR_GIVEN)
        for (int r = 0; r < op->out_count; r++)
            ir_result_type(op, r, &op->out[r]->type);
}

/* What is the same for every row so far, as a tile of rows: no concatenation of single rows, which GPUs have no place for. */
static Value *in_all_rows(Tiler *t, Builder *b, Value *old, int rows, ValueMap *made) {
    double       constant;
    Value *const row = get(t, old), *const before = map_get(made, old);
    if (row->type.rows == rows || before != old)
        return before != old ? before : row;
    Value *all = NULL;
    if (is_constant_tile(row, &constant)) {
        all = ir_f(b, constant, rows, row->type.cols);
    } else if (t->joined[old->id]) {
        for (int i = 0; i < old->def->in_count; i++)
            in_all_rows(t, b, old->def->in[i], rows, made);
        Op *const op = ir_clone(b, old->def, made);
        op->out[0]->type.rows = rows;
        retype(op);
        all = op->out[0];
    } else {
        all = ir_binary(b, OP_ADD, ir_f(b, 0, rows, row->type.cols), row);
    }
    map_set(made, old, all);
    return all;
}

/* Whether operand i of an op that depends on `d` is to have as many rows as its result. */
static bool wants_rows(const Tiler *t, const Op *op, int i, int d) {
    if (op->in[i]->type.cls != TY_TILE || rows_of(t, d) == 1)
        return false;
    return op->code == OP_CONCAT || (op->code == OP_MASK && d & DEP_ROW) || (d && t->joined[op->in[i]->id]);
}

static Status tile_plain(Tiler *t, Builder *b, Op *op) {
    const int d = operands_dep(t, op);
    ValueMap  map = {.ctx = t->ctx}, all = {.ctx = t->ctx};
    const bool score = d & DEP_KEY && d & DEP_ROW && op->out[0]->type.cls == TY_TILE;
    if (is_power(t, op))
        return tile_power(t, b, op);
    for (int i = 0; i < op->in_count; i++) {
        Value *in = wants_rows(t, op, i, d) ? in_all_rows(t, b, op->in[i], rows_of(t, d), &all) : get(t, op->in[i]);
        if (score)
            TRY(beside_score(t, b, op, i, &in));
        map_set(&map, op->in[i], in);
        t->vanishes[op->out[0]->id] |= op->code == OP_MUL && t->vanishes[op->in[i]->id];
        t->joined[op->out[0]->id] |= !d && (op->code == OP_CONCAT || t->joined[op->in[i]->id]);
    }
    Op *made = ir_clone(b, op, &map);
    if (op->code == OP_COLS || op->code == OP_CONVERT)
        made->out[0]->type.rows = made->in[0]->type.rows;
    if (op->code == OP_ROPE && falls(t, op->in[1], dep(t, op->in[1])))
        op_set_int(t->ctx, made, AT_DOWN, 1);
    retype(made);
    if (op_has(op, AT_PERIOD))
        op_set_int(t->ctx, made, AT_PERIOD, period_of(t, d));
    set(t, op->out[0], made->out[0], d);
    return ST_OK;
}

static Status tile_block(Tiler *t, Builder *b, const Block *block);

/* What a row's loop carries is a tile of rows, also where it starts from one constant. */
static Value *carried_start(const Tiler *t, Builder *b, const Value *old) {
    double       constant;
    Value *const start = get(t, old);
    if (!t->old_row || !is_constant_tile(start, &constant))
        return start;
    return ir_f(b, constant, query_rows(t), start->type.cols);
}

/* Where tiles do not divide a group, as in steps on GPUs, the last one has some heads of the one before it again. */
static Value *first_head(const Tiler *t, Builder *b, const Op *heads) {
    Value *const number = heads->region->args[0];
    if (spec_group(t->spec) % t->heads == 0)
        return number;
    return ir_ibin(b, OP_IMIN, number, ir_i(b, spec_group(t->spec) - t->heads));
}

static Status tile_for(Tiler *t, Builder *b, Op *op) {
    const char *axis = op_text(op, AT_AXIS);
    const bool  row = axis[0] == 'r', group = axis[0] == 'g';
    const Tiler outer = *t;
    if (row) {
        t->chunk = t->schedule->chunk;
        t->old_row = op->region->args[0];
        t->length = get(t, op->in[1]);
    }
    const int carried = op->out_count;
    if (group)
        t->heads = t->old_row && !carried ? t->schedule->group_heads : 1;
    Value *step = ir_i(b, row ? t->chunk : group ? t->heads : 1), **values = NEW_ARRAY(t->ctx, Value *, carried + 1);
    for (int c = 0; c < carried; c++)
        values[c] = carried_start(t, b, op->in[3 + c]);
    Op     *made = ir_for(b, axis, op_int(op, AT_PAR, 0) != 0, get(t, op->in[0]), get(t, op->in[1]), step, values, carried);
    Builder inner = ir_at_end(t->ctx, t->to, made->region);
    set(t, op->region->args[0], group ? first_head(t, &inner, made) : made->region->args[0], row ? DEP_ROW : group ? DEP_GROUP : 0);
    for (int c = 0; c < carried; c++)
        set(t, op->region->args[1 + c], made->region->args[1 + c], t->old_row ? DEP_ROW : 0);
    if (row)
        t->row = made->region->args[0];
    TRY(tile_block(t, &inner, op->region));
    for (int c = 0; c < carried; c++) {
        values[c] = get(t, ir_terminator(op->region)->in[c]);
        set(t, op->out[c], made->out[c], t->old_row ? DEP_ROW : 0);
    }
    ir_yield(&inner, values, carried);
    t->chunk = outer.chunk;
    t->heads = outer.heads;
    t->row = outer.row;
    t->old_row = outer.old_row;
    t->length = outer.length;
    return ST_OK;
}

static bool relative_to_row(const Tiler *t, Value *old, int64_t *offset) {
    const Affine a = affine_of(old);
    *offset = a.constant;
    return a.ok && a.count == 1 && a.symbols[0] == t->old_row && a.factors[0] == 1;
}

Status tile_find_range(Tiler *t, const Op *op, Range *range) {
    int64_t end;
    if (!t->old_row || !relative_to_row(t, op->in[1], &end))
        return unsupported(t, op, "a range that does not end at the row");
    *range = (Range){NULL, IR_NEG_INF, end - 1};
    const Op *lo = op->in[0]->def;
    if (lo && lo->code == OP_IMAX)
        for (int i = 0; i < 2; i++)
            if (relative_to_row(t, lo->in[i], &range->lo)) {
                range->oldest = get(t, lo->in[1 - i]);
                return ST_OK;
            }
    if (dep(t, op->in[0]) & DEP_ROW)
        return unsupported(t, op, "this lower end of a range");
    range->lo = IR_NEG_INF;
    range->oldest = get(t, op->in[0]);
    return ST_OK;
}

typedef struct RingScan {
    const Value *key;
    const Op    *load; /* of a ring, at a key's position */
} RingScan;

static bool find_ring_load(Op *op, void *arg) {
    RingScan *scan = arg;
    if (op->code == OP_LOAD && op_int(op, AT_WRAP, 0) > 0 && depends_on(op->in[op_int(op, AT_ROWDIM, 0)], scan->key))
        scan->load = op;
    return !scan->load;
}

/* Keys in a ring whose rows are whole key tiles: tiles that start at multiples of their size never wrap. The base moves down
 * to one; `origin`, the ring's coordinate of position 0, is what the load adds to j. */
static Value *align_to_ring(Tiler *t, Builder *b, Op *op, Value *base, int size) {
    RingScan scan = {op->region->args[0], NULL};
    ir_walk(op->region, find_ring_load, &scan);
    if (!scan.load || op_int(scan.load, AT_WRAP, 0) % size != 0)
        return NULL;
    const Value *at = scan.load->in[op_int(scan.load, AT_ROWDIM, 0)];
    if (!at->def || at->def->code != OP_IADD || at->def->in[1] != scan.key)
        return NULL;
    Value *origin = get(t, at->def->in[0]), *width = ir_i(b, size);
    Value *down = ir_ibin(b, OP_IMUL, ir_ibin(b, OP_IDIV, ir_ibin(b, OP_IADD, origin, base), width), width);
    return ir_ibin(b, OP_ISUB, down, origin);
}

/* Tiles before that of the oldest key hold nothing. */
static Value *first_seen(Builder *b, const KeyTiles *k, const Range *range) {
    Value *skipped = ir_ibin(b, OP_IDIV, ir_ibin(b, OP_ISUB, range->oldest, k->base), ir_i(b, k->size));
    return ir_ibin(b, OP_IMAX, k->first, skipped);
}

/* A windowed row tile starts its keys at row - window: one before the first that it sees, so that the left-edge tile is the
 * one the residual branch needs, and tile borders repeat from row tile to row tile where key_tile divides chunk. With roles
 * tiles end at the youngest key, so that the first one that is worked on is the diagonal, whatever the window. */
KeyTiles tile_key_tiles(Tiler *t, Builder *b, Op *op, const Range *range) {
    KeyTiles k = {.size = t->schedule->key_tile, .first = ir_i(b, 0)};
    if (range->lo == IR_NEG_INF) {
        k.base = range->oldest;
        k.count = index_ceil_div(b, ir_ibin(b, OP_ISUB, index_offset(b, t->row, t->chunk + range->hi), k.base), k.size);
        return k;
    }
    const int64_t back = t->chunk % k.size == 0 ? 1 : 0;
    const int64_t keys = t->chunk + range->hi - range->lo + back;
    if (t->schedule->roles) {
        const int64_t count = (keys - back + k.size - 1) / k.size;
        k.base = index_offset(b, t->row, t->chunk + range->hi - count * k.size);
        k.count = ir_i(b, count);
        k.first = first_seen(b, &k, range);
        return k;
    }
    k.base = index_offset(b, t->row, range->lo - back);
    Value *aligned = back ? NULL : align_to_ring(t, b, op, k.base, k.size);
    k.base = aligned ? aligned : k.base;
    k.count = ir_i(b, (keys + (aligned ? k.size - 1 : 0) + k.size - 1) / k.size);
    k.first = first_seen(b, &k, range);
    return k;
}

Value *tile_masked(Tiler *t, Builder *b, Value *score, Value *key, const Range *range, double fill) {
    Value *delta = ir_ibin(b, OP_ISUB, key, t->row);
    Value *skip = fill == 0 ? ir_i(b, 0) : ir_ibin(b, OP_IMAX, ir_i(b, 0), ir_ibin(b, OP_ISUB, range->oldest, key));
    return ir_mask(b, score, delta, skip, range->lo, range->hi, t->chunk, fill);
}

/* Builds the region of a reduction for the key tile that starts at `key`. */
Status tile_region(Tiler *t, Builder *b, Op *op, Value *key, int keys) {
    t->keys = keys;
    t->key = key;
    t->old_key = op->region->args[0];
    set(t, op->region->args[0], key, DEP_KEY);
    TRY(tile_block(t, b, op->region));
    t->keys = 0;
    t->old_key = NULL;
    return ST_OK;
}

/* The positive constant factor that scores end with, where they are left without it: the largest one stays the same. */
static double raw_unit(const Tiler *t, const Op *op) {
    double    c;
    const Op *score = ir_terminator(op->region)->in[0]->def;
    return t->raw_scores && score && score->code == OP_MUL && is_constant_tile(score->in[1], &c) && c > 1e-20 &&
                   c < 1e20
               ? c
               : 1;
}

static Value *in_units(Builder *b, Value *x, double unit) {
    return unit == 1 ? x : ir_binary(b, OP_MUL, x, ir_f(b, unit, 1, 1));
}

/* e^(x - y), both in units of `unit`. */
static Value *power(Builder *b, Value *x, Value *y, double unit) {
    return ir_unary(b, OP_EXP, in_units(b, ir_binary(b, OP_SUB, x, y), unit));
}

/* A sink's gradient adds up dout . out of all rows, one number for each head; where no norm takes that away, or one of few values
 * leaves it to rows whose values cancel, what rounding p to 16 bits adds to `out` is as much as what rounding the inputs does: on
 * GPUs, as raw_scores are, for products on CPUs take floats. Warps with roles hand on p in 16 bits, and have one part. */
static bool sums_up_sink(const Tiler *t) {
    enum { FEW_VALUES = 16 };
    return t->raw_scores && dtype_size(t->spec->dtype) == 2 && (!t->spec->norm || t->spec->value_dim < FEW_VALUES) &&
           !t->schedule->roles && ir_find_param(t->to, "dsink");
}

static Status online_softmax(Tiler *t, Builder *b, Op *op, Op *loop, const Range *range, const KeyTiles *tiles,
                             double unit) {
    Value *const *carried = &loop->region->args[1];
    Value        *key = ir_ibin(b, OP_IADD, tiles->base, ir_ibin(b, OP_IMUL, loop->region->args[0], ir_i(b, tiles->size)));
    TRY(tile_region(t, b, op, key, tiles->size));
    const Op *yield = ir_terminator(op->region);
    const Value *given = unit == 1 ? yield->in[0] : yield->in[0]->def->in[0];
    Value       *score = tile_masked(t, b, get(t, given), key, range, -INFINITY);
    Value    *largest = ir_binary(b, OP_MAX, carried[0], ir_unary(b, OP_ROWMAX, score));
    Value       *p = power(b, score, largest, unit);
    Value       *shrink = power(b, carried[0], largest, unit);
    Value    *sum = ir_binary(b, OP_ADD, ir_binary(b, OP_MUL, carried[1], shrink), ir_unary(b, OP_ROWSUM, p));
    Value    *out = ir_dot(b, p, get(t, yield->in[1]), ir_binary(b, OP_MUL, carried[2], shrink), false, false);
    if (sums_up_sink(t))
        out = ir_dot(b, gradients_low(b, p, t->spec->dtype), get(t, yield->in[1]), out, false, false);
    ir_yield(b, (Value *[]){largest, sum, out}, 3);
    return ST_OK;
}

/* Without a score yet: finite, also times the unit, for -inf minus -inf would be NaN. */
double tile_no_score(double unit) { return -1e37 / fmax(1, unit); }

/* By how many powers of two the largest score starts below a sink, where p is rounded to 16 bits: of keys that the sink leaves
 * little it is a normal number of fp16, and of a row that sees one key it is 1, which rounds nothing. */
static int below_sink(const Tiler *t, const Op *op) {
    enum { LEAST_NUMBERS = 16 };
    return op->in_count > 2 && t->raw_scores && dtype_size(t->spec->dtype) == 2 ? LEAST_NUMBERS : 0;
}

/* The sink is a score that is there from the start. */
static Value *first_score(const Tiler *t, Builder *b, const Op *op, double unit) {
    const int M = query_rows(t);
    if (op->in_count <= 2)
        return ir_f(b, t->raw_scores ? tile_no_score(unit) : -FLT_MAX, M, 1);
    Value *const sink = ir_binary(b, OP_ADD, ir_f(b, -below_sink(t, op) * log(2), M, 1), get(t, op->in[2]));
    return in_units(b, sink, 1 / unit);
}

static Status tile_softmax(Tiler *t, Builder *b, Op *op) {
    const int M = query_rows(t), E = (int)op_int(op, AT_COLS, 0);
    Range     range;
    TRY(tile_find_range(t, op, &range));
    const KeyTiles tiles = tile_key_tiles(t, b, op, &range);
    const bool     sink = op->in_count > 2;
    const double   unit = raw_unit(t, op);
    Value         *start[3] = {first_score(t, b, op, unit), ir_f(b, sink ? ldexp(1, below_sink(t, op)) : 0, M, 1), ir_f(b, 0, M, E)};
    Op    *loop = ir_for(b, op_text(op, AT_AXIS), false, tiles.first, tiles.count, ir_i(b, 1), start, 3);
    Builder body = ir_at_end(t->ctx, t->to, loop->region);
    TRY(online_softmax(t, &body, op, loop, &range, &tiles, unit));
    /* No key at all: a sum of 0, an output of 0, a log of -inf. */
    Value *safe = ir_binary(b, OP_MAX, loop->out[1], ir_f(b, 1e-37, 1, 1));
    Value *inverse = ir_binary(b, OP_DIV, ir_f(b, 1, 1, 1), safe);
    set(t, op->out[0], ir_binary(b, OP_MUL, loop->out[2], inverse), DEP_QUERY);
    set(t, op->out[1], ir_binary(b, OP_ADD, in_units(b, loop->out[0], unit), ir_unary(b, OP_LOG, loop->out[1])),
        DEP_QUERY);
    return ST_OK;
}

Status tile_op(Tiler *t, Builder *b, Op *op) {
    switch (op->code) {
    case OP_FOR: return tile_for(t, b, op);
    case OP_SOFTMAX_SUM: return tile_softmax(t, b, op);
    case OP_SUM: return tile_sum(t, b, op);
    case OP_LOAD:
    case OP_STORE: return tile_load(t, b, op);
    case OP_DOT: return tile_dot(t, b, op);
    default: return tile_plain(t, b, op);
    }
}

/* The product that a sum adds up is built by the sum itself. */
static bool is_summand(const Tiler *t, const Op *op) {
    const Op *owner = op->parent->owner, *yield = ir_terminator(op->parent);
    return owner && owner->code == OP_SUM && op->out_count == 1 && yield->in[0] == op->out[0] &&
           (t->old_row || tile_is_outer_product(owner));
}

/* Moved before sums that were joined. */
static bool is_done(const Tiler *t, const Op *op) {
    return op->out_count ? get(t, op->out[0]) != NULL : op->code == OP_FOR && get(t, op->region->args[0]);
}

static Status tile_block(Tiler *t, Builder *b, const Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == OP_YIELD || is_summand(t, op) || tile_is_added(op) || is_done(t, op))
            continue;
        else if (tile_added_product(op))
            TRY(tile_addition(t, b, op, tile_added_product(op)));
        else
            TRY(tile_op(t, b, op));
    return ST_OK;
}

Status pass_tile(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel        *old = module->kernels[k];
        Module         made = {0};
        Schedule       gradients;
        const PassArgs of = args_of_kernel(args, module, k, &gradients);
        ir_number(old);
        Tiler t = {.ctx = ctx, .spec = args->spec, .schedule = of.schedule, .chunk = 1, .heads = 1};
        t.raw_scores = args->target->warp_size > 0;
        t.to = ir_kernel(ctx, &made, old->name, LEVEL_TILE);
        t.to->params = old->params;
        t.to->param_count = old->param_count;
        t.to->param_capacity = old->param_capacity;
        t.map = NEW_ARRAY(ctx, Value *, old->value_count);
        t.dep = NEW_ARRAY(ctx, uint8_t, old->value_count);
        t.vanishes = NEW_ARRAY(ctx, bool, old->value_count);
        t.joined = NEW_ARRAY(ctx, bool, old->value_count);
        t.value_count = old->value_count;
        Builder b = ir_at_end(ctx, t.to, t.to->body);
        TRY(tile_block(&t, &b, old->body));
        module->kernels[k] = t.to;
    }
    const Schedule *s = args->schedule;
    module->chunk = s->chunk;
    pass_note(ctx, args, NULL, "a row tile: %d positions x %d heads = %d rows; a tile of scores: %d x %d", s->chunk,
              s->group_heads, s->chunk * s->group_heads, s->chunk * s->group_heads, s->key_tile);
    pass_note(ctx, args, NULL, "softmax goes online over key tiles: running maximum, sum and output%s",
              args->target->warp_size > 0 ? "; the scale is the exponent's" : "");
    return ST_OK;
}
