/* A state that is written once in L tokens: see fold.h. A row tile of a decoding step takes the keys from the first that
 * is not in S on as one tile, tall enough for the L - 1 that may wait and those that its own rows add, and masks them;
 * where its rows reach a multiple of L, those before the new first one go into S. */
#include "passes/fold.h"

#include <string.h>

typedef struct Folding {
    Ctx           *ctx;
    const PassArgs *args;
    Kernel         *kernel;
    Op             *rows, *group, *loop; /* loops over rows, heads, keys of the residual branch */
    Residual        sum;                 /* a turn of the last one */
    Value          *seen, *first;        /* tokens before position 0; the first position that is not in S */
    int             height;              /* of the tile of keys */
} Folding;

static bool find_pos(Op *op, void *arg) {
    Value **found = arg;
    if (op->code == OP_ILOAD && strcmp(op_text(op, AT_PARAM), "pos") == 0)
        *found = op->out[0];
    return !*found;
}

Value *fold_seen(Kernel *kernel) {
    Value *found = NULL;
    ir_walk(kernel->body, find_pos, &found);
    return found;
}

static Value *since_fold(const Spec *spec, Builder *b, Value *seen, Value *position) {
    Value *const all = seen ? ir_ibin(b, OP_IADD, seen, position) : position;
    return ir_ibin(b, OP_IMOD, all, ir_i(b, spec_fold(spec)));
}

Value *fold_folded(const Spec *spec, Builder *b, Value *seen, Value *length) {
    return ir_ibin(b, OP_ISUB, length, since_fold(spec, b, seen, length));
}

Value *fold_first(const Spec *spec, Builder *b, Value *seen, Value *position) {
    Value *const left = index_offset(b, fold_folded(spec, b, seen, position), -spec->window);
    return ir_ibin(b, OP_IMAX, ir_ibin(b, OP_ISUB, ir_i(b, 0), seen), left);
}

/* What the residual loop computes of a tile of keys, for those from the first one on. */
static Value *tile_of(const Folding *f, Builder *b, Value *value) {
    ValueMap  map = {.ctx = f->ctx};
    Op *const before = b->before ? b->before->prev : b->block->last;
    map_set(&map, f->sum.mask->in[1]->def->in[0], f->first);
    Value *const made = clone_slice(b, value, f->group->region, &map);
    retile(f->ctx, before ? before->next : b->block->first, b->before, f->args->schedule->chunk, f->height);
    return made;
}

static void read_residual(Folding *f, Value *keys, Value *values) {
    const int64_t hi = op_int(f->sum.mask, AT_HI, 0);
    const int     period = (int)op_int(f->sum.mask, AT_PERIOD, 1);
    Builder       b = ir_before(f->ctx, f->kernel, f->group);
    Value *const  delta = ir_ibin(&b, OP_ISUB, f->first, f->rows->region->args[0]), *const zero = ir_i(&b, 0);
    b = ir_before(f->ctx, f->kernel, f->loop);
    Value *const score = ir_dot(&b, f->sum.features, keys, NULL, false, true);
    Value *const kept = ir_mask(&b, score, delta, zero, IR_NEG_INF, hi, period, 0);
    ir_replace_uses(f->kernel, f->loop->out[0], ir_dot(&b, kept, values, NULL, false, false));
    op_erase(f->loop);
}

static bool take_in(Op *op, void *arg) {
    Folding *f = arg;
    if (op->code != OP_LOAD || strcmp(op_text(op, AT_PARAM), "state") != 0)
        return true;
    Builder b = ir_before(f->ctx, f->kernel, f->group);
    if (!loop_around(op, "row")) {
        op_unlink(op);
        op_insert(&b, op);
    }
    op->in[3] = ir_i(&b, 0); /* where there is a row there is a slot */
    op->in[4] = ir_i(&b, IR_POS_INF);
    return true;
}

static Status find_loops(Folding *f) {
    f->rows = loop_find(f->kernel->body, "row");
    f->group = f->rows ? loop_find(f->rows->region, "group") : NULL;
    f->loop = f->group ? loop_find(f->group->region, "residual") : NULL;
    f->seen = fold_seen(f->kernel);
    if (!f->loop || !f->seen)
        return ctx_fail(f->ctx, ST_FAILED, "fold", NULL, "kernel main is no decoding step");
    return match_residual(f->ctx, "fold", f->loop, &f->sum);
}

/* Of the tile's values only those before position `end`. */
static Value *limited_values(const Folding *f, Builder *b, Value *end) {
    Value *const rows = ir_ibin(b, OP_ISUB, end, f->first), *const values = tile_of(f, b, f->sum.values);
    limit_slice(f->ctx, f->kernel, values, b->block, rows);
    return values;
}

Status fold_steps(Ctx *ctx, Kernel *main, const PassArgs *args, Op **moves, Value **sum) {
    Folding f = {.ctx = ctx, .args = args, .kernel = main};
    TRY(find_loops(&f));
    f.height = spec_fold(args->spec) + args->schedule->chunk - 1;
    Builder      b = ir_before(ctx, main, f.group);
    Value *const row = f.rows->region->args[0];
    f.first = fold_first(args->spec, &b, f.seen, row);
    Value *const keys = tile_of(&f, &b, f.sum.keys), *const values = tile_of(&f, &b, f.sum.values);
    ir_walk(main->body, take_in, &f);
    Builder      end = ir_before(ctx, main, ir_terminator(f.rows->region));
    Value *const next = ir_ibin(&end, OP_IMIN, index_offset(&end, row, args->schedule->chunk), f.rows->in[1]);
    Value *const then = fold_first(args->spec, &end, f.seen, next);
    *moves = ir_if(&end, ir_ibin(&end, OP_ILT, f.first, then), NULL, 0);
    Builder in = ir_at_end(ctx, main, (*moves)->region);
    *sum = ir_dot(&in, keys, limited_values(&f, &in, then), NULL, true, false);
    read_residual(&f, keys, values);
    return ST_OK;
}
