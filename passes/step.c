/* step: a decoding step for machines that run many blocks at once.
 * In: tile IR of kind decode: few rows of q a sequence, keys in rings and among the new tokens, S in a pool, and a
 * kernel `state` that updates both. Out: one kernel. For every sequence and key/value head a loop over parts, whose
 * turns are blocks that run at the same time: each takes some key tiles of the window and some rows of S, by turns, adds
 * what leaves the window to its rows, and puts the softmax' output, maximum and sum and the residual sum of these side by
 * side into working memory (step_parts.c). Behind it the parts' results are merged, in order, the rest of each row is
 * computed, and the rings are written: not before, as all parts read them. With a fold of L tokens S is written by the
 * steps that reach a multiple of L alone. Where blocks cannot wait for each other, what
 * follows the parts is done by the last of them to end, which an element of working memory tells. */
#include "passes/flip.h"
#include "passes/map_range.h"
#include "passes/step.h"

#include <string.h>

/* ---- What there is ---- */

const Op *step_rows_of(const Value *value) {
    const Op *const op = value->def, *found = NULL;
    if (op && op->code == OP_LOAD)
        return value->type.rows > 1 ? op : NULL;
    for (int i = 0; op && i < op->in_count && !found; i++)
        found = op->in[i]->type.cls == TY_TILE ? step_rows_of(op->in[i]) : NULL;
    return found;
}

static Op *first_with(const Block *block, OpCode code) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == code)
            return op;
    return NULL;
}

/* add(phi(q) S, residual). */
static Op *find_total(const Step *s) {
    int  count;
    Op **users = ir_users(s->ctx, s->main, s->residual->out[0], &count);
    return count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
}

static Status strange(const Step *s, const char *what) {
    return ctx_fail(s->ctx, ST_FAILED, "pass step", NULL, "kernel main is no decoding step: %s", what);
}

/* The constant factor in front of the first exponent: p = exp(unit * (score - largest)). */
static double unit_of(const Op *keys) {
    const Op *power = first_with(keys->region, OP_EXP), *scale = power ? power->in[0]->def : NULL;
    double    unit = 1;
    return scale && scale->code == OP_MUL && is_constant_tile(scale->in[1], &unit) ? unit : 1;
}

Value *step_power(const Step *s, Builder *b, Value *x, Value *y) {
    Value *const shift = ir_binary(b, OP_SUB, x, y);
    return ir_unary(b, OP_EXP, s->unit == 1 ? shift : ir_binary(b, OP_MUL, shift, ir_f(b, s->unit, 1, 1)));
}

static Status find_loops(Step *s) {
    s->rows = loop_find(s->main->body, "row");
    s->group = s->rows ? loop_find(s->rows->region, "group") : NULL;
    s->keys = s->group ? loop_find(s->group->region, "key") : NULL;
    s->residual = s->group ? loop_find(s->group->region, "residual") : NULL;
    if (!s->keys || !s->residual)
        return strange(s, "a loop is missing");
    s->heads = s->rows->parent->owner;
    s->seq = s->heads->parent->owner;
    s->score = first_with(s->keys->region, OP_DOT);
    s->mask = loop_mask(s->keys);
    const Op *out = ir_terminator(s->keys->region)->in[2]->def;
    if (!s->score || !s->mask || out->code != OP_DOT)
        return strange(s, "its scores");
    s->key = s->mask->in[1]->def->in[0];
    s->values = out->in[1];
    s->unit = unit_of(s->keys);
    return ST_OK;
}

static Status find_residual(Step *s) {
    TRY(match_residual(s->ctx, "pass step", s->residual, &s->sum));
    s->edge = s->sum.mask->in[1]->def->in[0];
    s->total = find_total(s);
    s->product = s->total ? s->total->in[0]->def : NULL;
    if (!s->product || s->product->code != OP_DOT || !s->product->in[1]->def || s->product->in[1]->def->code != OP_LOAD)
        return strange(s, "its residual branch");
    s->pool = s->product->in[1]->def;
    s->map_input = map_find_finite(s->sum.keys, &s->absent) ? map_input(s->sum.keys) : NULL;
    s->pieces = residual_pieces(&s->sum, s->key_features, s->features);
    return ST_OK;
}

/* As many rows of S as registers hold well, in whole slices. */
static int slice_of(int width) { return width % 32 == 0 ? 32 : width % 16 == 0 ? 16 : width; }

static Status find_step(Step *s) {
    TRY(find_loops(s));
    TRY(find_residual(s));
    s->query = step_rows_of(s->score->in[0]);
    s->C = s->args->schedule->chunk;
    s->M = s->query->out[0]->type.rows;
    s->K = s->args->schedule->key_tile;
    s->D = s->query->out[0]->type.cols;
    s->E = s->values->type.cols;
    s->F = s->sum.keys->type.cols;
    s->width = s->F / s->pieces;
    s->slice = slice_of(s->width);
    s->slices = s->F / s->slice;
    s->dtype = ir_find_param(s->main, "k")->dtype;
    s->L = spec_fold(s->args->spec);
    s->edge_rows = s->L == 1 ? s->C : s->L < STEP_TILE ? s->L : STEP_TILE;
    s->edges = s->L == 1 ? 1 : s->L / s->edge_rows;
    return ST_OK;
}

/* ---- Partial results ---- */

/* A row of the query tile: its output, its residual sum, then maximum and sum of its softmax, whole pieces of 16 bytes. */
static void add_params(Step *s) {
    const int64_t heads = ir_find_param(s->main, "q")->dims[2];
    const int64_t dims[4] = {DIM_SYM(SYM_Z), heads, s->C, (2 * s->E + 2 + 3) / 4 * 4};
    ir_param(s->ctx, s->main, "parts", DT_F32, PARAM_WORK, 4, dims);
}

/* Tiles are numbered through all sequences: those of one begin where those before it surely have ended. */
Access step_partial(const Step *s, Builder *b, Value *part, ValueMap *map) {
    Value *at[3];
    for (int i = 0; i < 3; i++)
        at[i] = clone_slice(b, s->query->in[i], s->rows->region, map);
    Value *const row = map_get(map, s->rows->region->args[0]), *const length = s->rows->in[1];
    Value *const token = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, at[0], ir_sym(b, SYM_T)), at[1]);
    Value *const tile = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IDIV, token, ir_i(b, s->C)), s->seq->region->args[0]);
    return (Access){.param = "parts",
                    .at = {ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, part, ir_sym(b, SYM_C)), tile), at[2], NULL},
                    .lo = ir_i(b, 0),
                    .hi = ir_ibin(b, OP_ISUB, length, row),
                    .rowdim = 2,
                    .groupdim = 1,
                    .period = s->C};
}

static Value *load_partial(const Step *s, Builder *b, const Access *access, int first, int cols) {
    Value *const tile = ir_load(b, access, s->M, cols);
    if (first)
        op_set_int(s->ctx, tile->def, AT_LO, first);
    return ir_unary(b, OP_TRANSPOSE, tile);
}

/* Maximum, sum and output as the online softmax has them, each part's on top of those before it; and the residual
 * sum. */
static void merge_turn(const Step *s, Op *loop) {
    Builder       b = ir_at_end(s->ctx, s->main, loop->region);
    Value *const *carried = &loop->region->args[1], *const part = loop->region->args[0];
    ValueMap     map = {.ctx = s->ctx};
    const Access access = step_partial(s, &b, part, &map);
    Value *const most = load_partial(s, &b, &access, STEP_MOST(s), 1);
    Value *const sum = load_partial(s, &b, &access, STEP_SUM(s), 1);
    Value *const swa = load_partial(s, &b, &access, STEP_SWA(s), s->E);
    Value *const rla = load_partial(s, &b, &access, STEP_RLA(s), s->E);
    Value *const largest = ir_binary(&b, OP_MAX, carried[0], most);
    Value *const old = step_power(s, &b, carried[0], largest), *const new = step_power(s, &b, most, largest);
    Value *const next[4] = {
        largest,
        ir_binary(&b, OP_ADD, ir_binary(&b, OP_MUL, carried[1], old), ir_binary(&b, OP_MUL, sum, new)),
        ir_binary(&b, OP_ADD, ir_binary(&b, OP_MUL, carried[2], old), ir_binary(&b, OP_MUL, swa, new)),
        ir_binary(&b, OP_ADD, carried[3], rla),
    };
    ir_yield(&b, next, 4);
}

/* What is stored in the region, from the merged results. */
static Status flip_stores(Step *s, Flip *f) {
    for (Op *op = s->group->region->first; op; op = op->next) {
        Builder b = ir_before(s->ctx, s->main, op);
        Value  *tile;
        if (op->code != OP_STORE)
            continue;
        TRY(flip_value(f, &b, op->in[5], &tile));
        op->in[5] = ir_unary(&b, OP_TRANSPOSE, tile);
    }
    return ST_OK;
}

/* The reductions and what was computed from them. */
static void erase_unused(Step *s) {
    for (Op *op = s->group->region->last, *before; op; op = before) {
        bool used = op->code == OP_YIELD || ir_has_effects(op);
        before = op->prev;
        for (int r = 0; r < op->out_count; r++)
            used |= ir_use_count(s->main, op->out[r]) > 0;
        if (!used)
            op_erase(op);
    }
}

static bool stands_before(const Value *value, const Op *op) {
    const Op *def = value->def;
    if (!def || def->parent != op->parent)
        return true;
    for (; def; def = def->next)
        if (def == op)
            return true;
    return false;
}

/* What the rest of a row takes from parameters, such as gains, is on its way while the parts' results are. */
static void load_early(Step *s, Op *parts) {
    for (Op *op = parts->next, *next; op; op = next) {
        next = op->next;
        const Op *load = op->code == OP_TRANSPOSE ? op->in[0]->def : op;
        bool      early = load && load->code == OP_LOAD;
        for (int i = 0; i < op->in_count; i++)
            early = early && stands_before(op->in[i], parts);
        if (!early)
            continue;
        Builder b = ir_before(s->ctx, s->main, parts);
        op_unlink(op);
        op_insert(&b, op);
    }
}

static Status merge_parts(Step *s) {
    Flip    f = {.ctx = s->ctx, .kernel = s->main, .region = NULL, .map = {.ctx = s->ctx}, .flipped = {.ctx = s->ctx}};
    Builder b = ir_before(s->ctx, s->main, s->keys);
    Value  *start[4];
    for (int c = 0; c < 3; c++)
        TRY(flip_value(&f, &b, s->keys->in[3 + c], &start[c]));
    start[3] = ir_f(&b, 0, s->E, s->M);
    Op *const loop = ir_for(&b, "part", false, ir_i(&b, 0), ir_sym(&b, SYM_S), ir_i(&b, 1), start, 4);
    merge_turn(s, loop);
    for (int c = 0; c < 3; c++)
        map_set(&f.flipped, s->keys->out[c], loop->out[c]);
    map_set(&f.flipped, s->total->out[0], loop->out[3]);
    TRY(flip_stores(s, &f));
    erase_unused(s);
    load_early(s, loop);
    step_join_reductions(s, s->group->region);
    return ST_OK;
}

/* ---- Rings ---- */

/* The state kernel's loop over the new tokens, in tiles of rows, behind main's. */
static void write_rings(Step *s, Builder *before) {
    Op *const seq = loop_find(s->state->body, "seq"), *const heads = loop_find(s->state->body, "kv_head");
    Op *const          rows = loop_find(heads->region, "row");
    const Block *const blocks[] = {s->state->body, seq->region, heads->region};
    ValueMap           map = {.ctx = s->ctx};
    map_set(&map, seq->region->args[0], s->seq->region->args[0]);
    map_set(&map, heads->region->args[0], s->heads->region->args[0]);
    for (int level = 0; level < 3; level++)
        for (const Op *op = blocks[level]->first; op; op = op->next)
            if (op_info(op->code)->rule == TR_INDEX)
                ir_clone(before, op, &map);
    Builder   b = ir_before(s->ctx, s->main, ir_terminator(s->heads->region));
    Op *const made = ir_clone(&b, rows, &map);
    op_remove_attr(made, AT_PAR);
    op_set_int(s->ctx, made, AT_APART, 1);
    Builder step = ir_before(s->ctx, s->main, made);
    made->in[2] = ir_i(&step, STEP_TILE);
    retile(s->ctx, made->region->first, NULL, s->C, STEP_TILE);
}

/* ---- Where blocks cannot wait ---- */

static Op *find_parts(Kernel *kernel) {
    Op *const heads = loop_find(kernel->body, "kv_head");
    for (Op *op = heads->region->first; op; op = op->next)
        if (loop_is(op, "part"))
            return op;
    return NULL;
}

/* What follows the parts is done by the last one to get there: in the order of their numbers, whichever that is. */
static void let_last_merge(Step *s) {
    Op *const     parts = find_parts(s->main);
    const int64_t dims[4] = {DIM_SYM(SYM_N), s->args->spec->kv_heads, 1, 1};
    ir_param(s->ctx, s->main, "arrived", DT_I64, PARAM_WORK, 4, dims);
    Builder      b = ir_before(s->ctx, s->main, ir_terminator(parts->region));
    Value *const at[4] = {s->seq->region->args[0], s->heads->region->args[0], ir_i(&b, 0), parts->in[1]};
    Op *const    arrive = ir_op(&b, OP_ARRIVE, at, 4, NULL, 0);
    op_set_text(s->ctx, arrive, AT_PARAM, "arrived");
    Op *const last = ir_if(&b, arrive->out[0], NULL, 0);
    Builder   in = ir_at_end(s->ctx, s->main, last->region);
    for (Op *op = parts->next, *next; op->code != OP_YIELD; op = next) {
        next = op->next;
        op_unlink(op);
        op_insert(&in, op);
        op_remove_attr(op, AT_APART);
    }
    ir_yield(&in, NULL, 0);
}

static Status take_kernels(Step *s) {
    for (int k = 0; k < s->module->kernel_count; k++) {
        Kernel *const kernel = s->module->kernels[k];
        s->main = strcmp(kernel->name, "main") == 0 ? kernel : s->main;
        s->state = strcmp(kernel->name, "state") == 0 ? kernel : s->state;
    }
    return s->main && s->state && s->module->kernel_count == 2 ? ST_OK : strange(s, "its kernels");
}

Status pass_step(Ctx *ctx, Module *module, const PassArgs *args) {
    Step s = {.ctx = ctx, .module = module, .args = args};
    if (args->kind != KIND_DECODE)
        return ST_OK;
    TRY(take_kernels(&s));
    TRY(find_step(&s));
    add_params(&s);
    Builder before = ir_before(ctx, s.main, s.rows);
    TRY(step_parts(&s, &before));
    TRY(merge_parts(&s));
    op_remove_attr(s.rows, AT_PAR);
    op_remove_attr(s.group, AT_PAR);
    before = ir_before(ctx, s.main, find_parts(s.main));
    write_rings(&s, &before);
    module->kernels[0] = s.main;
    module->kernel_count = 1;
    module->parts = args->schedule->parts;
    module->min_items = args->schedule->min_items;
    pass_note(ctx, args, s.main, "up to %d parts of a step run at the same time, merged by %s", args->schedule->parts,
              args->target->cluster ? "blocks that wait for each other" : "the last block to end");
    if (!args->target->cluster)
        let_last_merge(&s);
    return ST_OK;
}
