/* saved: the residual sum from states that were saved before, for machines that run all row tiles at once.
 * In: tile IR as for pass chunk. Out: the row loop stays parallel. A row tile takes the keys that left the window
 * within its own chunk from the tile `edge`, and all older ones from S, which kernel `states` has saved for every row
 * tile: residual = masked(phi(q) phi(k_edge)^T) v_edge + phi(q) S. Kernel `prepare` computes phi(k), and the rotated
 * keys of the softmax branch, once, into working memory: behind it every right side of a product is a plain load. With
 * fuse_phi the kernels that make S do both instead: see saved_states.c. Features that are a
 * concatenation of equal pieces stay in pieces: a product with them is a sum of products, and each piece of S is summed
 * up by blocks of its own. */
#include "passes/map_range.h"
#include "passes/saved_gradients.h"

#include <string.h>

enum { PANEL_COLS = IR_PANEL / 2 };

/* Rows of a state that come to shared memory at once; with roles no more than a key tile has, for one ring holds both. */
static int slice_size(const Saver *s) { return s->args->schedule->roles ? s->args->schedule->key_tile : 128; }

/* Of each of several that come at once. */
static int stacked_slice_size(const Saver *s, int stack) {
    const int size = slice_size(s) / stack / 16 * 16;
    return stack == 1 ? slice_size(s) : size ? size : 16;
}

static bool find_load(Op *op, void *arg) {
    Op **found = arg;
    if (op->code == OP_LOAD && op_int(op, AT_ROWDIM, -1) == 1 && !*found)
        *found = op;
    return !*found;
}

/* The load that a key's value starts from: the first one with rows in its slice. */
static Op *source_of(Value *value) {
    Op *op = value->def, *found = NULL;
    if (!op)
        return NULL;
    find_load(op, &found);
    for (int i = 0; i < op->in_count && !found; i++)
        if (op->in[i]->type.cls == TY_TILE)
            found = source_of(op->in[i]);
    return found;
}

/* ---- Nests and loads ---- */

Nest saved_nest(Saver *s, const char *name, const GridAxis *axes, int axis_count) {
    Module  scratch = {0};
    Nest    n = {.kernel = ir_kernel(s->ctx, &scratch, name, LEVEL_TILE)};
    Builder b = ir_at_end(s->ctx, n.kernel, n.kernel->body);
    Op     *loop = ir_for(&b, "seq", true, ir_i(&b, 0), ir_sym(&b, SYM_N), ir_i(&b, 1), NULL, 0);
    int64_t heads = 1;
    n.kernel->params = s->main->params; /* so far */
    n.kernel->param_count = s->main->param_count;
    n.seq = loop->region->args[0];
    ir_const_value(s->heads->in[1], &heads);
    for (int a = -1; a < axis_count; a++) {
        Builder      in = ir_at_end(s->ctx, n.kernel, loop->region);
        Value *const count = a < 0                     ? ir_i(&in, heads)
                             : axes[a].sym < SYM_COUNT ? ir_sym(&in, axes[a].sym)
                                                       : ir_i(&in, axes[a].count);
        loop = ir_for(&in, a < 0 ? "kv_head" : axes[a].name, true, ir_i(&in, 0), count, ir_i(&in, 1), NULL, 0);
        ir_yield(&in, NULL, 0);
        *(a < 0 ? &n.head : &n.axes[a]) = loop->region->args[0];
    }
    Builder inner = ir_at_end(s->ctx, n.kernel, loop->region);
    ir_yield(&inner, NULL, 0);
    n.body = ir_before(s->ctx, n.kernel, ir_terminator(loop->region));
    n.map = saved_place(s, &n);
    return n;
}

ValueMap saved_place(const Saver *s, const Nest *n) {
    ValueMap map = {.ctx = s->ctx};
    map_set(&map, s->seq->region->args[0], n->seq);
    map_set(&map, s->heads->region->args[0], n->head);
    return map;
}

Value *saved_slice(Saver *s, Nest *nest, Value *value) {
    return clone_slice(&nest->body, value, s->main->body, &nest->map);
}

Value *saved_first_tile(Saver *s, Builder *b, Value *batch, Value *first, Value *seq) {
    Value *const token = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, batch, ir_sym(b, SYM_T)), first);
    Value *const before = s->early ? ir_ibin(b, OP_IMUL, seq, ir_i(b, 2)) : seq;
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IDIV, token, ir_i(b, s->chunk)), before);
}

Value *saved_tile(Saver *s, Builder *b, Value *row) {
    return ir_ibin(b, OP_IDIV, s->early ? index_offset(b, row, s->chunk - 1) : row, ir_i(b, s->chunk));
}

static int64_t tiles_between(const Saver *s) { return (int64_t)s->chunk * s->args->schedule->states_every; }

Value *saved_first_state(Saver *s, Builder *b, Value *batch, Value *first, Value *seq) {
    if (s->args->schedule->states_every == 1)
        return saved_first_tile(s, b, batch, first, seq);
    Value *const token = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, batch, ir_sym(b, SYM_T)), first);
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IDIV, token, ir_i(b, tiles_between(s))), seq);
}

Value *saved_state(Saver *s, Builder *b, Value *row) {
    return s->args->schedule->states_every == 1 ? saved_tile(s, b, row) : ir_ibin(b, OP_IDIV, row, ir_i(b, tiles_between(s)));
}

Value *saved_state_row(const Saver *s, Builder *b, Value *row) {
    if (s->args->schedule->states_every == 1)
        return row;
    return ir_ibin(b, OP_ISUB, row, ir_ibin(b, OP_IMOD, row, ir_i(b, tiles_between(s))));
}

Value *saved_is_saved(const Saver *s, Builder *b, Value *row) {
    return ir_ibin(b, OP_ILT, ir_ibin(b, OP_IMOD, row, ir_i(b, tiles_between(s))), ir_i(b, 1));
}

Value *saved_tiles_between(const Saver *s, Builder *b, Value *row) {
    if (s->args->schedule->states_every == 1)
        return ir_i(b, 1);
    return index_offset(b, ir_ibin(b, OP_IDIV, ir_ibin(b, OP_IMOD, row, ir_i(b, tiles_between(s))), ir_i(b, s->chunk)), 1);
}

Between saved_open_between(const Saver *s, Builder *b, Value *row, Value **sums, int count) {
    Between at = {.b = b, .in = *b};
    if (s->args->schedule->states_every == 1) {
        at.turn = at.back = ir_i(&at.in, 0);
        return at;
    }
    at.loop = ir_for(b, "between", false, ir_i(b, 0), saved_tiles_between(s, b, row), ir_i(b, 1), sums, count);
    at.in = ir_at_end(s->ctx, b->kernel, at.loop->region);
    at.turn = at.loop->region->args[0];
    at.back = ir_ibin(&at.in, OP_IMUL, at.turn, ir_i(&at.in, s->chunk));
    for (int i = 0; i < count; i++)
        sums[i] = at.loop->region->args[1 + i];
    return at;
}

void saved_close_between(Between *at, Value **sums, int count) {
    if (!at->loop) {
        *at->b = at->in;
        return;
    }
    ir_yield(&at->in, sums, count);
    for (int i = 0; i < count; i++)
        sums[i] = at->loop->out[i];
}

static Value *part_index(Builder *b, Value *head, Value *part, int64_t factor, int64_t scale) {
    return ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, head, ir_i(b, factor)), ir_ibin(b, OP_IMUL, part, ir_i(b, scale)));
}

static Access features_access(Saver *s, Builder *b, const char *param, ValueMap *map, Value *head, Value *part) {
    Value *at[5];
    for (int i = 0; i < 5; i++)
        at[i] = clone_slice(b, s->k_load->in[i], s->main->body, map);
    return (Access){.param = param,
                    .at = {at[0], at[1], part_index(b, head, part, s->parts, 1)},
                    .lo = at[3],
                    .hi = at[4],
                    .rowdim = 1,
                    .groupdim = -1,
                    .period = s->chunk};
}

Value *saved_features(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part) {
    const Access access = features_access(s, b, "phi", map, head, part);
    return ir_load(b, &access, s->chunk, s->width);
}

Value *saved_features_low(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part) {
    if (!gradients_split_features(s))
        return NULL;
    const Access access = features_access(s, b, "phi_low", map, head, part);
    return ir_load(b, &access, s->chunk, s->width);
}

void saved_store_features(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part, Value *lo, Value *hi, Value *piece) {
    Access access = features_access(s, b, "phi", map, head, part);
    access.lo = lo;
    access.hi = hi;
    access.period = piece->type.rows;
    ir_store(b, &access, piece);
}

/* ---- Prepare ---- */

/* Stores `tile`, which belongs to the keys that `load` loads, to `param`. */
static void store_like(Builder *b, const Op *load, const char *param, Value *head, Value *hi, Value *tile) {
    const Access access = {.param = param,
                           .at = {load->in[0], load->in[1], head ? head : load->in[2]},
                           .lo = load->in[3],
                           .hi = hi ? hi : load->in[4],
                           .rowdim = 1,
                           .groupdim = -1,
                           .period = tile->type.rows};
    ir_store(b, &access, tile);
}

static void prepare_features(Saver *s, Nest *n, Value *row) {
    map_set(&n->map, s->key, row);
    for (int p = 0; p < s->parts; p++) {
        Value *const piece = saved_slice(s, n, s->keys[p]);
        const Op    *load = map_get(&n->map, s->k_load->out[0])->def;
        Builder     *b = &n->body;
        store_like(b, load, "phi", part_index(b, n->head, ir_i(b, p), s->parts, 1), NULL, piece);
        if (gradients_split_features(s))
            store_like(b, load, "phi_low", part_index(b, n->head, ir_i(b, p), s->parts, 1), NULL, gradients_low(b, piece, s->dtype));
    }
}

/* Of keys old and new, those that leave the window: as many tiles of them as of rows. */
static void prepare_leaving(Saver *s, const Nest *n, Value *row) {
    Nest      inner = *n;
    Op *const some = ir_if(&inner.body, ir_ibin(&inner.body, OP_ILT, n->axes[0], ir_sym(&inner.body, SYM_R)), NULL, 0);
    Builder   in = ir_at_end(s->ctx, n->kernel, some->region);
    ir_yield(&in, NULL, 0);
    inner.body = ir_before(s->ctx, n->kernel, ir_terminator(some->region));
    inner.map = saved_place(s, n);
    prepare_features(s, &inner, row);
}

/* The key that leaves the window with the first row of the nest's row tile. */
static Value *first_leaving(Saver *s, Nest *n) {
    Value *const number = ir_ibin(&n->body, OP_IMUL, n->axes[0], ir_i(&n->body, s->chunk));
    Value *const row = ir_ibin(&n->body, OP_IADD, number, saved_slice(s, n, s->rows->in[0]));
    return index_offset(&n->body, row, -s->args->spec->window);
}

Op *saved_load_turned(Saver *s, Builder *b, ValueMap *map, int rows, Value *row) {
    map_set(map, s->roped_at, row);
    Op *const load = clone_slice(b, source_of(s->roped)->out[0], s->main->body, map)->def;
    if (rows != s->roped->type.rows)
        retile(s->ctx, load, load->next, s->roped->type.rows, rows);
    return load;
}

void saved_store_turned(Saver *s, Builder *b, const ValueMap *outer, Value *keys, int rows, Value *row, Value *end) {
    ValueMap  map = map_copy(outer);
    Op *const load = saved_load_turned(s, b, &map, rows, row);
    if (keys)
        map_set(&map, source_of(s->roped)->out[0], keys);
    Value *const tile = clone_slice(b, s->roped, s->main->body, &map);
    if (rows != s->roped->type.rows)
        retile(s->ctx, b->block->first, NULL, s->roped->type.rows, rows);
    Value *const past = ir_ibin(b, OP_IADD, load->in[1], ir_ibin(b, OP_ISUB, end, row));
    store_like(b, load, "keys", NULL, ir_ibin(b, OP_IMIN, load->in[4], past), tile);
    if (splits_turned(s->args))
        store_like(b, load, "keys_low", NULL, ir_ibin(b, OP_IMIN, load->in[4], past), gradients_low(b, tile, s->dtype));
    if (keys)
        op_erase(load);
}

/* Tiles of roped keys no larger than the row tile, up to its end. */
static void prepare_keys(Saver *s, Nest *n, Value *row) {
    Builder  *b = &n->body;
    const int size = s->roped->type.rows < s->chunk ? s->roped->type.rows : s->chunk;
    Op *const tiles = ir_for(b, "key", false, ir_i(b, 0), ir_i(b, (s->chunk + size - 1) / size), ir_i(b, 1), NULL, 0);
    Builder   in = ir_at_end(s->ctx, n->kernel, tiles->region);
    ir_yield(&in, NULL, 0);
    in = ir_before(s->ctx, n->kernel, ir_terminator(tiles->region));
    Value *const first = ir_ibin(&in, OP_IADD, row, ir_ibin(&in, OP_IMUL, tiles->region->args[0], ir_i(&in, size)));
    saved_store_turned(s, &in, &n->map, NULL, size, first, index_offset(&in, row, s->chunk));
}

static void add_param(Saver *s, const char *name, int64_t heads, int64_t width) {
    const CodeParam *keys = ir_find_param(s->main, s->keys_param);
    const int64_t    dims[4] = {keys->dims[0], keys->dims[1], heads, width};
    ir_param(s->ctx, s->main, name, s->dtype, PARAM_WORK, 4, dims);
}

/* The load of `param` in place of `value`, with the coordinates of the load that value starts from. */
static void read_prepared(Saver *s, Value *value, const char *param) {
    const Op    *load = source_of(value);
    Builder      b = ir_after(s->ctx, s->main, value->def);
    const Access access = {.param = param,
                           .at = {load->in[0], load->in[1], load->in[2]},
                           .lo = load->in[3],
                           .hi = load->in[4],
                           .rowdim = 1,
                           .groupdim = -1,
                           .period = value->type.rows};
    ir_replace_uses(s->main, value, ir_load(&b, &access, value->type.rows, value->type.cols));
}

/* The scores' keys where they are more than a load: from here on main loads them, too. */
static void find_roped(Saver *s) {
    Op *const loop = loop_find(s->group->region, "key"), *const mask = loop ? loop_mask(loop) : NULL;
    Op *score = NULL;
    for (Op *op = mask ? loop->region->first : NULL; op && !score; op = op->next)
        score = op->code == OP_DOT && op_int(op, AT_TB, 0) ? op : NULL;
    Value *const keys = score ? score->in[1] : NULL;
    if (!keys || !keys->def || keys->def->code == OP_LOAD || !source_of(keys))
        return;
    s->roped = keys;
    s->roped_at = mask->in[1]->def->in[0];
    read_prepared(s, keys, "keys");
    if (splits_turned(s->args))
        saved_split_turned(s, score);
}

static void prepare(Saver *s) {
    int64_t heads = 1;
    ir_const_value(s->heads->in[1], &heads);
    if (s->residual)
        add_param(s, "phi", heads * s->parts, s->width);
    if (s->residual && gradients_split_features(s))
        add_param(s, "phi_low", heads * s->parts, s->width);
    if (s->roped)
        add_param(s, "keys", heads, s->roped->type.cols);
    if (s->roped && splits_turned(s->args))
        add_param(s, "keys_low", heads, s->roped->type.cols);
    if (saved_signals_keys(s))
        saved_signal_keys(s, heads);
    if (saved_turns_keys(s) || (!s->roped && (s->fused || !s->residual)))
        return;
    const bool     old = s->args->kind == KIND_EXTEND; /* keys before the first token, too */
    const GridAxis axis = {"row", old && s->roped ? SYM_J : SYM_R, 0};
    Nest           n = saved_nest(s, "prepare", &axis, 1);
    Value *const   row = index_offset(&n.body, ir_ibin(&n.body, OP_IMUL, n.axes[0], ir_i(&n.body, s->chunk)),
                                      old ? -spec_reach(s->args->spec) : 0);
    Value *const leaving = s->early ? first_leaving(s, &n) : row;
    if (s->residual && !s->fused && old && s->roped)
        prepare_leaving(s, &n, leaving);
    else if (s->residual && !s->fused)
        prepare_features(s, &n, leaving);
    if (s->roped)
        prepare_keys(s, &n, row);
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, n.kernel);
}

/* ---- Main ---- */

/* Columns of a value, made behind it. */
static Value *columns(Saver *s, Value *value, int from, int count) {
    Builder b = ir_after(s->ctx, s->main, value->def);
    return ir_cols(&b, value, from, count);
}

/* Cuts each piece of features into equal slices, so that more blocks share in the work on a state. */
static void slice_pieces(Saver *s) {
    const int slices = s->args->schedule->slices, width = s->width / slices, parts = s->parts * slices;
    Value    *keys[MAX_PARTS], *queries[MAX_PARTS];
    if (slices == 1 || s->width % (16 * slices) != 0 || parts > MAX_PARTS)
        return;
    for (int p = 0; p < parts; p++) {
        keys[p] = columns(s, s->keys[p / slices], p % slices * width, width);
        queries[p] = columns(s, s->queries[p / slices], p % slices * width, width);
    }
    memcpy(s->keys, keys, sizeof keys);
    memcpy(s->queries, queries, sizeof queries);
    s->parts = parts;
    s->width = width;
}

/* With roles the parts of a piece, which lie side by side, come in one copy if they are whole lines of it. */
static void join_parts(Saver *s, Value *const *queries, int pieces, int width) {
    const bool joins = s->args->schedule->roles && s->width * (int)dtype_size(s->dtype) % IR_PANEL == 0;
    s->wholes = joins ? pieces : s->parts;
    s->whole_width = joins ? width : s->width;
    memcpy(s->whole, joins ? queries : s->queries, sizeof s->whole);
}

/* Whether rows of zeros, which stand for keys that are not there, surely have finite features: times values of zero
 * they add nothing to a state. */
static bool is_finite_at_zero(Value *features) { return map_is_finite(features, map_input(features), 0); }

/* What rows that are not there are given instead of zeros where features of those may not be finite. */
static Status choose_absent(Saver *s, const Value *features) {
    AbsentRow *const row = NEW(s->ctx, AbsentRow);
    if (!map_find_absent(s->ctx, features, row))
        return ctx_fail(s->ctx, ST_USAGE, "feature_map", "add a small number to what the map divides by or takes the logarithm of",
                        "a map that is finite for none of the rows that are tried in place of rows that are not there has no "
                        "gradients for GPUs");
    s->absent = absent_is_zero(*row) ? NULL : row;
    return ST_OK;
}

/* Sums over rows have terms of rows that are not there: their features are multiplied by gradients of zero. */
static Status fill_absent(Saver *s, Residual *found) {
    TRY(choose_absent(s, found->features));
    if (!s->absent)
        return ST_OK;
    Builder      b = ir_before(s->ctx, s->main, s->residual);
    ValueMap     map = {.ctx = s->ctx};
    Value *const filled = map_clone(&b, found->features, s->group->region, s->absent, &map);
    ir_replace_uses(s->main, found->features, filled);
    clean_kernel(s->main);
    return match_residual(s->ctx, "pass saved", s->residual, found);
}

static bool can_fuse(const Saver *s, const Residual *found) {
    const Schedule *schedule = s->args->schedule;
    return schedule->fuse_phi && schedule->roles && spec_fold(s->args->spec) == 1 && is_finite_at_zero(found->keys) &&
           saved_can_have_roles(s);
}

/* Kernels make sums of the features as they are cut now. */
static void use_pieces(Saver *s) {
    memcpy(s->made, s->keys, sizeof s->made);
    s->made_parts = s->parts;
    s->made_width = s->width;
}

static Status read_residual(Saver *s) {
    Residual found = {0};
    TRY(match_residual(s->ctx, "pass saved", s->residual, &found));
    const Op *delta = found.mask->in[1]->def;
    if (!delta || delta->code != OP_ISUB || !found.values->def || found.values->def->code != OP_LOAD)
        return ctx_fail(s->ctx, ST_FAILED, "pass saved", NULL, "the residual branch is not a masked product of features");
    if (s->args->kind == KIND_BACKWARD)
        TRY(fill_absent(s, &found));
    s->mask = found.mask;
    s->key = delta->in[0];
    s->v_load = found.values->def;
    s->k_load = source_of(found.keys);
    s->q_load = source_of(found.features);
    s->parts = residual_pieces(&found, s->keys, s->queries);
    s->width = s->keys[0]->type.cols;
    s->F = found.keys->type.cols;
    s->E = found.values->type.cols;
    Value    *queries[MAX_PARTS];
    const int count = s->parts, width = s->width;
    memcpy(queries, s->queries, sizeof queries);
    use_pieces(s);
    s->halves = s->E % PANEL_COLS == 0 ? s->E / PANEL_COLS : 1;
    s->fused = can_fuse(s, &found);
    if (!s->fused || width / s->args->schedule->slices % PANEL_COLS == 0)
        slice_pieces(s);
    if (!s->fused) {
        use_pieces(s);
        s->halves = 1;
    }
    join_parts(s, queries, count, width);
    return ST_OK;
}

int saved_slice_rows(int left, int size) {
    if (left == size + 1)
        return size > 16 ? size - 16 : left;
    return left < size ? left : size;
}

/* x y + sum, x columns of phi(q): perhaps of both parts of x, and of a state that is given in 32 bits. */
static Value *times(Saver *s, Builder *b, Value *x, Value *y, Value *sum, bool tb) {
    sum = ir_dot(b, x, y, sum, false, tb);
    if (!gradients_split_features(s))
        return sum;
    if (ir_find_param(s->main, op_text(y->def, AT_PARAM))->dtype == DT_F32)
        sum = ir_dot(b, x, gradients_low(b, y, s->dtype), sum, false, tb);
    return ir_dot(b, gradients_low(b, x, s->dtype), y, sum, false, tb);
}

/* Piece p of phi(q), times the rows of X that belong to it, of those at `load`, or of each stacked head's, + sum: in slices that
 * shared memory can hold. */
static Value *piece_by_slices(Saver *s, Builder *b, const Op *load, int p, Value *sum) {
    const int stack = load->out[0]->type.rows / s->F;
    for (int from = 0, rows; from < s->whole_width; from += rows) {
        rows = saved_slice_rows(s->whole_width - from, stacked_slice_size(s, stack));
        ValueMap  map = {.ctx = s->ctx};
        Op *const piece = ir_clone(b, load, &map);
        Builder   before = ir_before(s->ctx, s->main, piece);
        Value    *features = s->whole[p];
        piece->in[2] = index_offset(&before, load->in[2], p * s->whole_width + from);
        piece->out[0]->type.rows = stack * rows;
        if (rows < s->whole_width)
            features = columns(s, features, from, rows);
        sum = times(s, b, features, piece->out[0], sum, false);
        if (stack > 1) {
            op_set_int(s->ctx, piece, AT_PERIOD, rows);
            op_set_int(s->ctx, sum->def, AT_STACK, stack);
        }
    }
    return sum;
}

/* phi(q) X + sum, with the rows of X, F of them at `load`, or of each stacked head. */
static Value *product_by_slices(Saver *s, Builder *b, const Op *load, Value *sum) {
    for (int p = 0; p < s->wholes; p++)
        sum = piece_by_slices(s, b, load, p, sum);
    return sum;
}

/* The tile of keys that leave the window with a row tile. */
typedef struct Edge {
    Value   *delta, *at[5]; /* where it begins, against the row tile; the coordinates and bounds of its features */
    ValueMap map;           /* of the residual loop's turn to the tile */
} Edge;

/* That of the row tile `back` rows before the block's own. */
static Edge open_edge(Saver *s, Builder *in, Value *back) {
    Edge         edge = {.map = {.ctx = s->ctx}};
    Value *const row = s->rows->region->args[0];
    edge.delta = ir_ibin(in, OP_ISUB, ir_i(in, op_int(s->mask, AT_HI, 0)), back);
    map_set(&edge.map, s->key, ir_ibin(in, OP_IADD, row, edge.delta));
    for (int i = 0; i < 5; i++)
        edge.at[i] = clone_slice(in, s->k_load->in[i], s->residual->region, &edge.map);
    return edge;
}

/* `score` + piece p of phi(q), times that of phi(k)^T. */
static Value *add_piece(Saver *s, Builder *in, const Edge *edge, int p, Value *score) {
    Value *const  head = s->heads->region->args[0];
    const Access access = {.param = "phi",
                           .at = {edge->at[0], edge->at[1], part_index(in, head, ir_i(in, p * (s->parts / s->wholes)), s->parts, 1)},
                           .lo = edge->at[3],
                           .hi = edge->at[4],
                           .rowdim = 1,
                           .groupdim = -1,
                           .period = s->chunk};
    score = times(s, in, s->whole[p], ir_load(in, &access, s->chunk, s->whole_width), score, true);
    if (!gradients_split_features(s))
        return score;
    Access low = access;
    low.param = "phi_low";
    return ir_dot(in, s->whole[p], ir_load(in, &low, s->chunk, s->whole_width), score, false, true);
}

/* `sum` + masked(score) v. */
static Value *close_edge(Saver *s, Builder *in, Edge *edge, Value *score, Value *sum) {
    /* Features of keys that are not there may be anything: what comes by the copy engine has no bounds but the tensor's. */
    Value *skip = ir_i(in, 0);
    if (s->args->schedule->roles && !ir_is_const(edge->at[3], 0))
        skip = ir_ibin(in, OP_IMAX, skip, ir_ibin(in, OP_ISUB, edge->at[3], edge->at[1]));
    score = ir_mask(in, score, edge->delta, skip, IR_NEG_INF, op_int(s->mask, AT_HI, 0), (int)op_int(s->mask, AT_PERIOD, 1), 0);
    Value *const values = clone_slice(in, s->v_load->out[0], s->residual->region, &edge->map);
    sum = ir_dot(in, score, values, sum, false, false);
    if (gradients_split(s))
        sum = ir_dot(in, gradients_low(in, score, s->dtype), values, sum, false, false);
    return sum;
}

/* `sum` + masked(phi(q) phi(k)^T) v of the keys that leave the window with the row tile `back` rows before the block's own. */
static Value *add_edge(Saver *s, Builder *in, Value *back, Value *sum) {
    Edge   edge = open_edge(s, in, back);
    Value *score = NULL;
    for (int p = 0; p < s->wholes; p++)
        score = add_piece(s, in, &edge, p, score);
    return close_edge(s, in, &edge, score, sum);
}

/* Floats: registers do not hold the features of all pieces beside two sums. */
static bool goes_by_pieces(const Saver *s) { return s->dtype == DT_F32 && !s->args->schedule->roles; }

/* Each piece is multiplied by both sides in turn, so that the next one may be computed when it is done with (pass reload). */
static Value *piece_by_piece(Saver *s, Builder *in, const Op *states) {
    Edge   edge = open_edge(s, in, ir_i(in, 0));
    Value *score = NULL, *sum = NULL;
    for (int p = 0; p < s->wholes; p++) {
        score = add_piece(s, in, &edge, p, score);
        sum = piece_by_slices(s, in, states, p, sum);
    }
    return close_edge(s, in, &edge, score, sum);
}

/* What replaces the residual loop; nothing to add where no key has left the window yet and S starts from zero, or but an
 * initial state. */
static void use_states(Saver *s) {
    Builder      b = ir_before(s->ctx, s->main, s->residual);
    Value *const row = s->rows->region->args[0], *const seq = s->seq->region->args[0],
                 *const head = s->heads->region->args[0];
    Value *const none = s->initial ? product_by_slices(s, &b, s->initial, NULL) : s->residual->in[3], *const keys = s->residual->in[1];
    Value *const  any = s->pool ? ir_i(&b, 1) : ir_ibin(&b, OP_ILT, ir_i(&b, 0), keys);
    Op *const     maybe = ir_if(&b, any, &none, 1);
    Builder       in = ir_at_end(s->ctx, s->main, maybe->region);
    Value        *sum = s->args->schedule->states_every > 1 ? ir_f(&in, 0, none->type.rows, none->type.cols) : NULL;
    if (!goes_by_pieces(s)) {
        Between between = saved_open_between(s, &in, row, &sum, 1);
        sum = add_edge(s, &between.in, between.back, sum);
        saved_close_between(&between, &sum, 1);
    }
    Value *const tile = ir_ibin(&in, OP_IADD, saved_first_state(s, &in, s->q_load->in[0], s->q_load->in[3], seq),
                                saved_state(s, &in, row));
    const Access states = {.param = "states",
                           .at = {NULL, tile, ir_ibin(&in, OP_IMUL, head, ir_i(&in, s->F))},
                           .rowdim = 2,
                           .groupdim = -1,
                           .period = s->F};
    Op *const    all = ir_load(&in, &states, s->F, s->E)->def;
    sum = goes_by_pieces(s) ? piece_by_piece(s, &in, all) : product_by_slices(s, &in, all, sum);
    op_erase(all);
    if (s->initial)
        sum = product_by_slices(s, &in, s->initial, sum);
    ir_yield(&in, &sum, 1);
    ir_replace_uses(s->main, s->residual->out[0], maybe->out[0]);
    if (s->initial)
        op_erase(s->initial);
}

/* phi(q) X where X is loaded: an initial state. */
static void split_products(Saver *s, Value *features) {
    int  count;
    Op **users = ir_users(s->ctx, s->main, features, &count);
    for (int u = 0; u < count; u++) {
        Op *const dot = users[u], *const load = dot->code == OP_DOT ? dot->in[1]->def : NULL;
        if (!load || load->code != OP_LOAD || op_int(load, AT_ROWDIM, -1) != 2 || dot->in[0] != features ||
            dot->in_count != 2)
            continue;
        Builder b = ir_before(s->ctx, s->main, dot);
        ir_replace_uses(s->main, dot->out[0], product_by_slices(s, &b, load, NULL));
        op_erase(dot);
    }
}

/* add(phi(q) X, residual) where X, a pool's state, is the same for all rows and heads: S starts from X instead. */
static void take_start(Saver *s) {
    int  count;
    Op **users = ir_users(s->ctx, s->main, s->residual->out[0], &count);
    Op *const total = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL, *product = total ? total->in[0]->def : NULL;
    Op *const load = product && product->code == OP_DOT ? product->in[1]->def : NULL;
    if (!load || load->code != OP_LOAD || depends_on(load->out[0], s->group->region->args[0]) ||
        depends_on(load->out[0], s->rows->region->args[0]))
        return;
    s->pool = load;
    ir_replace_uses(s->main, total->out[0], s->residual->out[0]);
    op_erase(total);
    op_erase(product);
}

static Status rewrite(Saver *s) {
    s->rows = loop_find(s->main->body, "row");
    s->group = s->rows ? loop_find(s->rows->region, "group") : NULL;
    if (!s->group)
        return ctx_fail(s->ctx, ST_FAILED, "pass saved", NULL, "the kernel main has no loops over rows and heads");
    s->residual = loop_find(s->group->region, "residual");
    s->heads = s->rows->parent->owner;
    s->seq = s->heads->parent->owner;
    s->dtype = ir_find_param(s->main, "k")->dtype;
    s->keys_param = ir_find_param(s->main, "all_k") ? "all_k" : "k";
    if (s->residual)
        TRY(read_residual(s));
    find_roped(s);
    s->gather = saved_can_gather(s) ? take_kernel(s->module, "gather") : NULL;
    prepare(s);
    if (s->update)
        take_start(s);
    if (s->residual) {
        saved_initial(s);
        TRY(saved_state_kernels(s));
        split_products(s, s->mask->in[0]->def->in[0]);
        use_states(s);
    }
    return ST_OK;
}

static void note_states(const Saver *s) {
    if (!s->residual) {
        pass_note(s->ctx, s->args, s->main, "no residual branch: no states");
        return;
    }
    pass_note(s->ctx, s->args, s->main, "a state of %d x %d %s is saved for every row tile of %d positions, by kernels before it",
              s->F, s->E, dtype_name(s->dtype), s->chunk);
    pass_note(s->ctx, s->args, s->main, "features in %d pieces of %d, computed by %s; a block sums %d of %d columns", s->parts,
              s->width, s->fused ? "the kernels that sum states" : "a kernel before those", s->E / (s->halves ? s->halves : 1),
              s->E);
}

Status pass_saved(Ctx *ctx, Module *module, const PassArgs *args) {
    Saver s = {.ctx = ctx, .module = module, .args = args, .chunk = args->schedule->chunk};
    s.early = args->kind == KIND_EXTEND && spec_fold(args->spec) > 1;
    if (args->kind == KIND_DECODE)
        return ST_OK;
    Kernel *const *const all = module->kernels, **behind = NULL;
    int                  behind_count = 0;
    s.main = take_kernel(module, "main");
    if (args->kind == KIND_BACKWARD) {
        behind = NEW_ARRAY(ctx, Kernel *, module->kernel_count + 1);
        behind_count = module->kernel_count;
        memcpy(behind, all, sizeof *behind * (size_t)behind_count);
        module->kernel_count = 0;
    }
    s.state = take_kernel(module, "state");
    s.update = args->kind == KIND_EXTEND ? s.state : NULL;
    if (!s.main)
        return ctx_fail(ctx, ST_FAILED, "pass saved", NULL, "the module has no kernel main");
    TRY(rewrite(&s));
    note_states(&s);
    Kernel *const rings = s.gather ? take_kernel(module, "rings") : NULL;
    if (rings) /* behind the last one that reads them */
        PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, rings);
    PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, s.main);
    TRY(saved_gradients(&s, behind, behind_count));
    if (s.residual) /* which all this was made of */
        op_erase(s.residual);
    if (args->kind == KIND_BACKWARD)
        gradients_order(&s);
    if (s.update && !s.pool) /* main reads the pools */
        PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, s.update);
    for (int k = 0; k < module->kernel_count; k++) {
        module->kernels[k]->params = s.main->params;
        module->kernels[k]->param_count = s.main->param_count;
        module->kernels[k]->param_capacity = s.main->param_capacity;
    }
    module->segment = args->schedule->segment;
    module->min_items = args->schedule->min_items;
    return ST_OK;
}
