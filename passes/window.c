/* window: masks on the edges alone.
 * In: key loops that mask every tile of scores. Out: each is cut into the tiles where the window's left edge or the
 * oldest key may cut (full mask), the interior (no mask: the bounds of position differences prove it), and the
 * diagonal. A mask keeps lo <= key - query <= hi; over a tile of key_tile columns and `period` rows the difference runs
 * from delta - (period - 1) to delta + key_tile - 1, and delta grows by key_tile with the tile's number. With roles the
 * parts run from the youngest key back, so that the first turn is there whatever the row. */
#include "passes/loops.h"

typedef struct Split {
    Ctx    *ctx;
    Kernel *kernel;
    Op     *loop, *mask;
    Value  *edge_end, *diagonal;           /* tile numbers: first without left mask, first with a diagonal mask */
    bool    youngest_first, left_diagonal; /* left_diagonal: the window's edge may cut diagonal tiles */
    bool    edge_has_diagonal,
        edge_first; /* the edge part may hold diagonal tiles; it holds the first tile whatever it is */
} Split;

/* Can the first tile hold columns before the oldest key? Not if oldest is 0 and tiles start at multiples of their size.
 */
static bool may_start_early(const Split *s, const PassArgs *args) {
    const int size = s->mask->out[0]->type.cols;
    const Op *skip = s->mask->in[2]->def;
    const Op *rows = loop_around(s->loop, "row");
    if (ir_is_const(s->mask->in[2], 0))
        return false;
    if (!skip || skip->code != OP_IMAX || !rows || args->schedule->chunk % size != 0)
        return true;
    /* skip = max(0, oldest - key), key = row + base + size * m */
    Affine a = affine_of(skip->in[0]);
    if (a.count == 0)
        a = affine_of(skip->in[1]);
    for (int t = 0; t < a.count; t++) {
        const bool row = a.symbols[t] == rows->region->args[0], number = a.symbols[t] == s->loop->region->args[0];
        if (!(row && a.factors[t] == -1) && !(number && a.factors[t] == -size))
            return true;
    }
    return !a.ok || a.constant % size != 0;
}

/* ceil and floor of (bound - delta at number 0) / size, as index values. */
static Value *tiles_up_to(Builder *b, int64_t bound, Value *delta0, int size) {
    return ir_ibin(b, OP_IDIV, ir_ibin(b, OP_ISUB, ir_i(b, bound), delta0), ir_i(b, size));
}

/* delta of tile 0, outside of the loop: what the affine form leaves once the tile number is taken out. */
static Value *first_delta(Split *s, Builder *b, const Affine *delta) {
    Value *sum = ir_i(b, delta->constant);
    for (int t = 0; t < delta->count; t++)
        if (delta->symbols[t] != s->loop->region->args[0])
            sum = ir_ibin(b, OP_IADD, sum, ir_ibin(b, OP_IMUL, delta->symbols[t], ir_i(b, delta->factors[t])));
    return sum;
}

static void find_borders(Split *s, const PassArgs *args, const Affine *delta) {
    const int     size = s->mask->out[0]->type.cols, period = (int)op_int(s->mask, AT_PERIOD, 1);
    const int64_t lo = op_int(s->mask, AT_LO, 0), hi = op_int(s->mask, AT_HI, 0);
    Builder       b = ir_before(s->ctx, s->kernel, s->loop);
    Value *const delta0 = first_delta(s, &b, delta), *const first = s->loop->in[0], *const count = s->loop->in[1];
    Value       *edge = lo == IR_NEG_INF ? ir_i(&b, 0) : tiles_up_to(&b, lo + period - 1 + size - 1, delta0, size);
    Value       *diagonal = ir_ibin(&b, OP_IADD, tiles_up_to(&b, hi - size + 1, delta0, size), ir_i(&b, 1));
    Value *const edge0 = edge;
    int64_t      e, d, c;
    s->edge_first = may_start_early(s, args);
    /* The tile of the oldest key is never beyond the first diagonal one, so that constants in order need no clamping.
     */
    const bool ordered = !s->edge_first && ir_const_value(edge, &e) && ir_const_value(diagonal, &d) &&
                         ir_const_value(count, &c) && e <= d && d <= c;
    if (s->edge_first)
        edge = ir_ibin(&b, OP_IMAX, edge, index_offset(&b, first, 1));
    if (s->youngest_first) { /* tiles end with the row tile's last key, so that these are constants */
        s->left_diagonal = !ir_const_value(edge0, &e) || !ir_const_value(diagonal, &d) || e > d;
        s->edge_end = edge;
        s->diagonal = diagonal;
        return;
    }
    s->edge_has_diagonal = !ordered;
    s->edge_end = ir_ibin(&b, OP_IMAX, first, ordered ? edge : ir_ibin(&b, OP_IMIN, edge, count));
    s->diagonal = ordered ? diagonal : ir_ibin(&b, OP_IMAX, s->edge_end, ir_ibin(&b, OP_IMIN, diagonal, count));
}

/* Adjusts or removes the clone of the mask. */
static void set_mask(Split *s, Op *mask, bool left, bool skip, bool diagonal) {
    Builder b = ir_before(s->ctx, s->kernel, mask);
    if (!left && !skip && !diagonal) {
        ir_replace_uses(s->kernel, mask->out[0], mask->in[0]);
        op_erase(mask);
        return;
    }
    if (!left)
        op_set_int(s->ctx, mask, AT_LO, IR_NEG_INF);
    if (!diagonal)
        op_set_int(s->ctx, mask, AT_HI, IR_POS_INF);
    if (!skip)
        mask->in[2] = ir_i(&b, 0);
}

/* Does a tile of `rows` rows from a multiple of its size stay in one turn of the ring? */
static bool never_wraps(const Op *load, int rows) {
    const Affine  at = affine_of(load->in[op_int(load, AT_ROWDIM, 0)]);
    const int64_t wrap = op_int(load, AT_WRAP, 0);
    bool          whole = at.ok && at.constant % rows == 0 && wrap % rows == 0;
    for (int t = 0; t < at.count; t++)
        whole = whole && at.factors[t] % rows == 0;
    return whole;
}

/* Ring and new tokens added up: each load has some of the keys, and zeros for the others. */
static bool is_one_of_two(const Split *s, const Op *load) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        for (int i = 0; i < 2 && users[u]->code == OP_ADD; i++)
            if (users[u]->in[i] != load->out[0] && users[u]->in[i]->def && users[u]->in[i]->def->code == OP_LOAD)
                return true;
    return false;
}

/* Every key of an interior tile is there: its loads need no bounds, nor the ring's turn row by row. */
static void free_loads(Split *s, Op *loop) {
    for (Op *op = loop->region->first; op; op = op->next) {
        const int64_t rowdim = op->code == OP_LOAD ? op_int(op, AT_ROWDIM, -1) : -1;
        const int     rows = op->out_count ? op->out[0]->type.rows : 0;
        if (rowdim < 0 || rows != s->mask->out[0]->type.cols || !depends_on(op->in[rowdim], loop->region->args[0]) ||
            is_one_of_two(s, op))
            continue;
        Builder b = ir_before(s->ctx, s->kernel, op);
        op->in[3] = ir_i(&b, 0);
        op->in[4] = ir_i(&b, IR_POS_INF);
        if (op_int(op, AT_WRAP, 0) > 0 && never_wraps(op, rows)) {
            op->in[rowdim] = ir_ibin(&b, OP_IMOD, op->in[rowdim], ir_i(&b, op_int(op, AT_WRAP, 0)));
            op_remove_attr(op, AT_WRAP);
        }
    }
}

/* The loop over tiles lo .. hi - 1; youngest first: backwards, by the tile number that the region's first op makes. */
static Op *part(Split *s, Value *lo, Value *hi, Value *const *carried) {
    Builder  b = ir_before(s->ctx, s->kernel, s->loop);
    ValueMap map = {.ctx = s->ctx};
    Op      *made = ir_clone(&b, s->loop, &map);
    if (s->youngest_first) {
        Value *const turn = made->region->args[0];
        Builder      in = ir_before(s->ctx, s->kernel, made->region->first);
        Value *const last = index_offset(&b, ir_ibin(&b, OP_IADD, lo, hi), -1);
        op_unlink(made);
        op_insert(&b, made);
        Value *const number = ir_op(&in, OP_ISUB, (Value *[]){last, turn}, 2, NULL, 0)->out[0];
        ir_replace_uses(s->kernel, turn, number);
        number->def->in[1] = turn;
    }
    made->in[0] = lo;
    made->in[1] = hi;
    for (int c = 0; c < made->out_count; c++)
        made->in[c + 3] = carried[c];
    return made;
}

static Op *edge_part(Split *s, Value *const *carried) {
    Op *const edge = part(s, s->loop->in[0], s->edge_end, carried);
    set_mask(s, loop_mask(edge), op_int(s->mask, AT_LO, 0) != IR_NEG_INF, s->edge_first, s->edge_has_diagonal);
    return edge;
}

static Op *interior_part(Split *s, bool edge, Value *const *carried) {
    Op *const interior = part(s, edge ? s->edge_end : s->loop->in[0], s->diagonal, carried);
    set_mask(s, loop_mask(interior), false, false, false);
    free_loads(s, interior);
    return interior;
}

static void split(Split *s) {
    const bool    edge = op_int(s->mask, AT_LO, 0) != IR_NEG_INF || s->edge_first;
    Value *const *carried = &s->loop->in[3];
    carried = edge ? edge_part(s, carried)->out : carried;
    carried = interior_part(s, edge, carried)->out;
    Op *const diagonal = part(s, s->diagonal, s->loop->in[1], carried);
    set_mask(s, loop_mask(diagonal), false, false, true);
    for (int c = 0; c < s->loop->out_count; c++)
        ir_replace_uses(s->kernel, s->loop->out[c], diagonal->out[c]);
    op_erase(s->loop);
}

/* ---- Youngest first ---- */

/* Columns of tile 0 that no row's window reaches, in whole pieces of a product's step. */
static int unseen_columns(const Split *s, const Affine *delta) {
    enum { STEP = 16 };
    const int64_t unseen = op_int(s->mask, AT_LO, 0) - delta->constant;
    const int     size = s->mask->out[0]->type.cols;
    if (unseen <= 0 || size % STEP != 0)
        return 0;
    return (int)(unseen < size - STEP ? unseen / STEP * STEP : size - STEP);
}

/* A clone of an op of the loop, for a tile without its first `cut` keys. */
static void narrow(Split *s, const Op *op, Op *made, int cut) {
    const int     size = s->mask->out[0]->type.cols;
    const int64_t rowdim = op->code == OP_LOAD ? op_int(op, AT_ROWDIM, -1) : -1;
    Builder       before = ir_before(s->ctx, s->kernel, made);
    if (rowdim >= 0 && op->out[0]->type.rows == size && depends_on(op->in[rowdim], s->loop->region->args[0])) {
        made->in[rowdim] = index_offset(&before, made->in[rowdim], cut);
        made->out[0]->type.rows -= cut;
        op_set_int(s->ctx, made, AT_PERIOD, size - cut);
    } else if (op->code == OP_MASK) {
        made->in[1] = index_offset(&before, made->in[1], cut);
        made->in[2] = ir_ibin(&before, OP_IMAX, ir_i(&before, 0), index_offset(&before, made->in[2], -cut));
        op_set_int(s->ctx, made, AT_HI, IR_POS_INF);
    }
    for (int r = 0; r < made->out_count && op_info(op->code)->rule != TR_GIVEN; r++)
        ir_result_type(made, r, &made->out[r]->type);
}

/* Tile 0, where the window's edge cuts, stands alone in a branch, as narrow as it is seen. */
static Op *edge_branch(Split *s, const Affine *delta, Value *const *carried) {
    Builder   b = ir_before(s->ctx, s->kernel, s->loop);
    Op *const edge = ir_if(&b, ir_ibin(&b, OP_ILT, s->loop->in[0], ir_i(&b, 1)), carried, s->loop->out_count);
    Builder   in = ir_at_end(s->ctx, s->kernel, edge->region);
    ValueMap  map = {.ctx = s->ctx};
    const int cut = unseen_columns(s, delta);
    map_set(&map, s->loop->region->args[0], ir_i(&in, 0));
    for (int c = 0; c < s->loop->out_count; c++)
        map_set(&map, s->loop->region->args[1 + c], carried[c]);
    for (const Op *op = s->loop->region->first; op; op = op->next)
        narrow(s, op, ir_clone(&in, op, &map), cut);
    return edge;
}

/* The diagonal, which every row tile has; the interior; what is cut by the start of the sequence, or by the window's
 * edge beyond the first tile; that tile. */
static void split_youngest_first(Split *s, const Affine *delta) {
    const bool left = op_int(s->mask, AT_LO, 0) != IR_NEG_INF;
    Builder    b = ir_before(s->ctx, s->kernel, s->loop);
    int64_t    edge;
    const bool alone = left && ir_const_value(s->diagonal, &edge) && edge > 0;
    Value     *first = alone ? ir_ibin(&b, OP_IMAX, s->loop->in[0], ir_i(&b, 1)) : s->loop->in[0];
    Value     *whole = ir_ibin(&b, OP_IMIN, ir_ibin(&b, OP_IMAX, first, s->edge_end), s->diagonal);
    first = ir_ibin(&b, OP_IMIN, first, s->diagonal);
    Op *const diagonal = part(s, s->diagonal, s->loop->in[1], &s->loop->in[3]);
    set_mask(s, loop_mask(diagonal), left && s->left_diagonal, s->edge_first, true);
    Op *const interior = part(s, whole, s->diagonal, diagonal->out);
    set_mask(s, loop_mask(interior), false, false, false);
    free_loads(s, interior);
    Op *last = interior;
    if (left || s->edge_first) {
        last = part(s, first, whole, interior->out);
        set_mask(s, loop_mask(last), left, s->edge_first, false);
    }
    if (alone)
        last = edge_branch(s, delta, last->out);
    for (int c = 0; c < s->loop->out_count; c++)
        ir_replace_uses(s->kernel, s->loop->out[c], last->out[c]);
    op_erase(s->loop);
}

static const char *tile_number(Ctx *ctx, const Value *value) {
    int64_t number;
    return ir_const_value(value, &number) ? ctx_printf(ctx, "%lld", (long long)number) : "(known at launch)";
}

static void note_parts(const Split *s, const PassArgs *args) {
    const bool left = op_int(s->mask, AT_LO, 0) != IR_NEG_INF;
    pass_note(s->ctx, args, s->kernel, "masks on %s alone: from tile %s on the diagonal's%s",
              left || s->edge_first ? "the window's left edge and the diagonal" : "the diagonal",
              tile_number(s->ctx, s->diagonal),
              left ? ctx_printf(s->ctx, ", before tile %s the left edge's", tile_number(s->ctx, s->edge_end)) : "");
}

Status pass_window(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Schedule       gradients;
        const PassArgs of = args_of_kernel(args, module, k, &gradients);
        Split          s = {.ctx = ctx, .kernel = module->kernels[k], .youngest_first = of.schedule->roles};
        s.loop = loop_find(s.kernel->body, "key");
        s.mask = s.loop ? loop_mask(s.loop) : NULL;
        if (!s.mask)
            continue;
        const Affine delta = affine_of(s.mask->in[1]);
        if (!delta.ok || affine_factor(&delta, s.loop->region->args[0]) != s.mask->out[0]->type.cols)
            return ctx_fail(ctx, ST_FAILED, "pass window", NULL,
                            "the key loop's mask is not affine in its tile number");
        find_borders(&s, args, &delta);
        if (s.youngest_first)
            split_youngest_first(&s, &delta);
        else
            split(&s);
        note_parts(&s, args);
    }
    return ST_OK;
}
