/* Pass tile: sums over keys and over rows. Of score * row: a product of matrices for each tile of keys; of x^T y:
 * likewise; of plain rows: a product with a column of ones, or
 * (raw_scores: on GPUs) sums of columns. A loop over keys that adds score * row of the query to a
 * key's row in memory becomes one that adds a product to a tile of them. */
#include "passes/loops.h"
#include "passes/tile.h"

#include <string.h>

enum { MOST_JOINED = 8 };

/* Sums of one block over the same range, and loops that add to memory: one loop. */
typedef struct Joined {
    Op *ops[MOST_JOINED];
    int count;
} Joined;

static bool same_range(const Op *a, const Op *b) {
    const bool adds = b->code == OP_FOR && b->out_count == 0 && ir_is_const(b->in[2], 1);
    return (b->code == OP_SUM || adds) && a->in[0] == b->in[0] && a->in[1] == b->in[1] &&
           strcmp(op_text(a, AT_AXIS), op_text(b, AT_AXIS)) == 0;
}

typedef struct Later { /* values that follow from sums that are joined, by id */
    bool *values;
    bool  used;
} Later;

static bool uses_later(Op *op, void *arg) {
    Later *later = arg;
    for (int i = 0; i < op->in_count; i++)
        later->used = later->used || later->values[op->in[i]->id];
    return !later->used;
}

static bool follows(Op *op, Later *later) {
    later->used = false;
    uses_later(op, later);
    if (op->region)
        ir_walk(op->region, uses_later, later);
    return later->used;
}

static void mark(const Op *op, Later *later) {
    for (int r = 0; r < op->out_count; r++)
        later->values[op->out[r]->id] = true;
}

/* The sums behind `first` that can run with it. What stands between them and does not follow from them is tiled before.
 */
static Status join(Tiler *t, Builder *b, Op *first, Joined *joined) {
    Later later = {NEW_ARRAY(t->ctx, bool, t->value_count), false};
    Op   *last = first;
    *joined = (Joined){.ops = {first}, .count = 1};
    mark(first, &later);
    for (Op *op = first->next; op && joined->count < MOST_JOINED; op = op->next) {
        const bool after = follows(op, &later), same = same_range(first, op);
        if (same && !after) {
            joined->ops[joined->count++] = op;
            last = op;
        } else if (op->region || op->code == OP_STORE || op->code == OP_YIELD) {
            break;
        }
        if (same || after)
            mark(op, &later);
    }
    for (Op *op = first; op != last; op = op->next)
        if (!op->region && !follows(op, &later))
            TRY(tile_op(t, b, op));
    return ST_OK;
}

/* Key tiles from the youngest back, so that number 0 is the one a mask cuts: those of a residual branch. */
static KeyTiles residual_tiles(const Tiler *t, Builder *b, const Range *range) {
    Value *const youngest = index_offset(b, t->row, range->hi);
    Value *const keys = ir_ibin(b, OP_ISUB, index_offset(b, youngest, t->chunk), range->oldest);
    return (KeyTiles){.base = youngest,
                      .first = ir_i(b, 0),
                      .size = t->chunk,
                      .count = ir_ibin(b, OP_IMAX, ir_i(b, 0), index_ceil_div(b, keys, t->chunk))};
}

/* score * row. Both may be single numbers: a score is of rows and keys. */
static bool split_product(const Tiler *t, const Op *product, int side, Value **score, Value **row) {
    const int place = (dep(t, product->in[0]) & DEP_ROW) && (dep(t, product->in[0]) & DEP_KEY) ? 0 : 1;
    *score = product->in[place];
    *row = product->in[1 - place];
    return (*score)->type.cols == 1 && dep(t, *score) & DEP_ROW && dep(t, *score) & DEP_KEY &&
           !(dep(t, *row) & ~side & (DEP_ROW | DEP_KEY));
}

/* The next value of one sum. */
static Status add_keys(Tiler *t, Builder *b, Op *op, Value *key, const KeyTiles *tiles, const Range *range, Value *sum,
                       Value **next) {
    const Op *product = ir_terminator(op->region)->in[0]->def;
    if (!product || product->code != OP_MUL)
        return unsupported(t, op, "a sum of anything but score * row");
    t->range = range;
    TRY(tile_region(t, b, op, key, tiles->size));
    t->range = NULL;
    Value *old, *row;
    if (!split_product(t, product, DEP_KEY, &old, &row))
        return unsupported(t, op, "a sum of anything but score * row");
    Value *const score = t->vanishes[old->id] ? get(t, old) : tile_masked(t, b, get(t, old), key, range, 0);
    *next = ir_dot(b, score, get(t, row), sum, false, false);
    return ST_OK;
}

/* Sums over j of score * row, for a tile of rows. */
static Status tile_row_sums(Tiler *t, Builder *b, const Joined *joined) {
    const char *axis = op_text(joined->ops[0], AT_AXIS);
    const bool  residual = strcmp(axis, "residual") == 0;
    Value      *values[MOST_JOINED];
    Range       range;
    int         sums = 0;
    TRY(tile_find_range(t, joined->ops[0], &range));
    const KeyTiles tiles = residual ? residual_tiles(t, b, &range) : tile_key_tiles(t, b, joined->ops[0], &range);
    for (int s = 0; s < joined->count; s++)
        if (joined->ops[s]->code == OP_SUM)
            values[sums++] = ir_f(b, 0, query_rows(t), (int)op_int(joined->ops[s], AT_COLS, 0));
    Op     *loop = ir_for(b, axis, false, tiles.first, tiles.count, ir_i(b, 1), values, sums);
    Builder body = ir_at_end(t->ctx, t->to, loop->region);
    Value  *at = ir_ibin(&body, OP_IMUL, loop->region->args[0], ir_i(&body, tiles.size));
    Value  *key = ir_ibin(&body, residual ? OP_ISUB : OP_IADD, tiles.base, at);
    sums = 0;
    for (int s = 0; s < joined->count; s++) {
        Op *const op = joined->ops[s];
        if (op->code == OP_SUM) {
            TRY(add_keys(t, &body, op, key, &tiles, &range, loop->region->args[1 + sums], &values[sums]));
            set(t, op->out[0], loop->out[sums++], DEP_QUERY);
            continue;
        }
        t->range = &range;
        TRY(tile_region(t, &body, op, key, tiles.size));
        t->range = NULL;
    }
    ir_yield(&body, values, sums);
    share_equal(t->ctx, t->to, loop->region);
    return ST_OK;
}

bool tile_is_outer_product(const Op *sum) {
    const Op *product = ir_terminator(sum->region)->in[0]->def;
    return product && product->code == OP_DOT && op_int(product, AT_TA, 0);
}

/* Of x_j^T y_j, a state, or of rows x_j. */
static Status add_tile(Tiler *t, Builder *b, Op *op, Value *key, Value *rows, Value *sum, Value **next) {
    const Value *const yielded = ir_terminator(op->region)->in[0];
    TRY(tile_region(t, b, op, key, t->schedule->chunk));
    if (tile_is_outer_product(op)) {
        Value *x = get(t, yielded->def->in[0]), *y = get(t, yielded->def->in[1]);
        limit_slice(t->ctx, t->to, y, b->block, rows);
        *next = ir_dot(b, x, y, sum, true, false);
        return ST_OK;
    }
    if (!(dep(t, yielded) & DEP_KEY))
        return unsupported(t, op, "a sum of anything but rows, and products of columns and rows");
    *next = t->raw_scores ? ir_binary(b, OP_ADD, sum, ir_unary(b, OP_COLSUM, get(t, yielded)))
                          : ir_dot(b, ir_f(b, 1, t->schedule->chunk, 1), get(t, yielded), sum, true, false);
    return ST_OK;
}

/* The tiles first .. past of joined sums, whose first number is at `oldest`, in one loop. */
static Status tile_plain_loop(Tiler *t, Builder *b, const Joined *joined, Value *first, Value *past, Value **values) {
    Value *const oldest = get(t, joined->ops[0]->in[0]), *const end = get(t, joined->ops[0]->in[1]);
    for (int s = 0; s < joined->count; s++)
        values[s] = ir_f(b, 0, (int)op_int(joined->ops[s], AT_ROWS, 0), (int)op_int(joined->ops[s], AT_COLS, 0));
    Op *const loop = ir_for(b, op_text(joined->ops[0], AT_AXIS), false, first, past, ir_i(b, 1), values, joined->count);
    Builder   body = ir_at_end(t->ctx, t->to, loop->region);
    Value    *at = ir_ibin(&body, OP_IMUL, loop->region->args[0], ir_i(&body, t->schedule->chunk));
    Value    *key = ir_ibin(&body, OP_IADD, oldest, at), *rows = ir_ibin(&body, OP_ISUB, end, key);
    for (int s = 0; s < joined->count; s++)
        TRY(add_tile(t, &body, joined->ops[s], key, rows, loop->region->args[1 + s], &values[s]));
    ir_yield(&body, values, joined->count);
    for (int s = 0; s < joined->count; s++)
        values[s] = loop->out[s];
    return ST_OK;
}

/* Sums over j outside of any row. Those over all tokens in two levels on CPUs, whose items take whole sequences: a running sum of
 * n terms loses with the root of n. */
static Status tile_plain_sums(Tiler *t, Builder *b, const Joined *joined) {
    const char *axis = op_text(joined->ops[0], AT_AXIS);
    Value      *values[MOST_JOINED], *parts[MOST_JOINED];
    Value *const oldest = get(t, joined->ops[0]->in[0]), *const end = get(t, joined->ops[0]->in[1]), *const none = ir_i(b, 0);
    Value *const count = ir_ibin(b, OP_IMAX, none, index_ceil_div(b, ir_ibin(b, OP_ISUB, end, oldest), t->schedule->chunk));
    if (t->raw_scores || strcmp(axis, "token") != 0) {
        TRY(tile_plain_loop(t, b, joined, none, count, values));
    } else {
        for (int s = 0; s < joined->count; s++)
            values[s] = ir_f(b, 0, (int)op_int(joined->ops[s], AT_ROWS, 0), (int)op_int(joined->ops[s], AT_COLS, 0));
        Op *const loop = ir_for(b, "part", false, none, index_ceil_div(b, count, TILES_A_PART), ir_i(b, 1), values, joined->count);
        Builder   body = ir_at_end(t->ctx, t->to, loop->region);
        Value    *first = ir_ibin(&body, OP_IMUL, loop->region->args[0], ir_i(&body, TILES_A_PART));
        Value    *past = ir_ibin(&body, OP_IMIN, count, index_offset(&body, first, TILES_A_PART));
        TRY(tile_plain_loop(t, &body, joined, first, past, parts));
        for (int s = 0; s < joined->count; s++)
            parts[s] = ir_binary(&body, OP_ADD, loop->region->args[1 + s], parts[s]);
        ir_yield(&body, parts, joined->count);
        memcpy(values, loop->out, (size_t)joined->count * sizeof *values);
    }
    for (int s = 0; s < joined->count; s++)
        set(t, joined->ops[s]->out[0], values[s], 0);
    return ST_OK;
}

Status tile_sum(Tiler *t, Builder *b, Op *op) {
    Joined joined;
    if (get(t, op->out[0])) /* with one before it */
        return ST_OK;
    TRY(join(t, b, op, &joined));
    return t->old_row ? tile_row_sums(t, b, &joined) : tile_plain_sums(t, b, &joined);
}

/* What a loop over keys adds to a key's row in memory: score * row of the query. NULL: nothing of the kind. */
const Op *tile_added_product(const Op *op) {
    const Op *owner = op->parent->owner;
    if (!owner || owner->code != OP_FOR || owner->out_count || strcmp(op_text(owner, AT_AXIS), "key") != 0 ||
        op->code != OP_ADD)
        return NULL;
    const Op *before = op->in[0]->def, *product = op->in[1]->def;
    return before && before->code == OP_LOAD && product && product->code == OP_MUL && product->parent == op->parent
               ? product
               : NULL;
}

Status tile_addition(Tiler *t, Builder *b, Op *op, const Op *product) {
    Value *old, *row;
    if (!split_product(t, product, DEP_ROW, &old, &row) || !t->vanishes[old->id])
        return unsupported(t, op, "an addition of anything but score * row");
    set(t, op->out[0], ir_dot(b, get(t, old), get(t, row), get(t, op->in[0]), true, false), DEP_KEY);
    return ST_OK;
}

bool tile_is_added(const Op *op) {
    for (const Op *at = op->code == OP_MUL ? op->next : NULL; at; at = at->next)
        if (tile_added_product(at) == op)
            return true;
    return false;
}
