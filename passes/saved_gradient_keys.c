/* Kernel `keys` of the gradients: see saved_gradients.c. In: its loop over heads with the sums of a residual branch. Out:
 * those sums from saved states and one tile of rows, each in a loop over heads of its own; kernels before it that save the
 * states. */
#include "passes/map_range.h"
#include "passes/order.h"
#include "passes/saved_gradients.h"

#include <string.h>

enum { STATE_COLS = 64 };

/* The group's carried value that a sum is added to. */
static Status find_carried(KeySaver *k, int s) {
    int        count;
    const Op  *group = k->saver.group;
    Op **const users = ir_users(k->saver.ctx, k->saver.main, k->saver.residual->out[s], &count);
    Op *const  add = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
    for (int c = 0; add && c < group->out_count; c++)
        if (ir_terminator(group->region)->in[c] == add->out[0] && add->in[0] == group->region->args[1 + c]) {
            k->sums[s].carried = c;
            return ST_OK;
        }
    return gradients_refuse(k->saver.ctx, k->saver.main->name, "does not add up a residual sum over heads");
}

static Status find_sums(KeySaver *k) {
    k->count = k->saver.residual->out_count;
    if (k->count > MOST_SUMS)
        return gradients_refuse(k->saver.ctx, k->saver.main->name, "has too many residual sums");
    for (int s = 0; s < k->count; s++) {
        KeySum *const sum = &k->sums[s];
        TRY(match_residual_sum(k->saver.ctx, "pass saved", k->saver.residual, s, &sum->of));
        TRY(find_carried(k, s));
        sum->parts = residual_pieces(&sum->of, sum->y, sum->x);
        sum->pieces = value_pieces(sum->of.values, sum->z);
        sum->twin = s;
    }
    /* Of a pair the one whose z is a load has the state: its columns can be shared out. */
    for (int s = 0; s < k->count; s++)
        for (int o = 0; o < k->count; o++)
            if (o != s && k->sums[o].of.keys == k->sums[s].of.values && k->sums[o].of.values == k->sums[s].of.keys &&
                k->sums[o].twin == o && (k->sums[o].of.values->def->code == OP_LOAD || o < s) && k->sums[s].twin == s)
                k->sums[s].twin = o;
    return ST_OK;
}

static bool find_row(Op *op, void *arg) {
    const Op **found = arg;
    if (op->code == OP_LOAD && op_int(op, AT_ROWDIM, -1) == 1 && op_int(op, AT_PERIOD, 1) > 1)
        *found = op;
    return !*found;
}

Value *gradients_tile_number(KeySaver *k, Builder *b, ValueMap *map, Value *seq, Value *row) {
    Saver *const s = &k->saver;
    Value *const batch = clone_slice(b, k->row_load->in[0], s->main->body, map),
                *const start = clone_slice(b, k->row_load->in[3], s->main->body, map);
    return ir_ibin(b, OP_IADD, saved_first_state(s, b, batch, start, seq), saved_state(s, b, row));
}

int gradients_state_rows(const KeySum *sum) { return sum->of.keys->type.cols; }
int gradients_state_cols(const KeySum *sum) { return sum->of.values->type.cols; }

/* How many blocks share a state: each has some of its columns. */
int gradients_column_parts(const KeySum *sum) {
    const bool loads = sum->of.values->def && sum->of.values->def->code == OP_LOAD;
    return loads && gradients_state_cols(sum) % STATE_COLS == 0 ? gradients_state_cols(sum) / STATE_COLS : 1;
}

/* The block's columns of a load or store of all of them. */
void gradients_take_columns(KeySaver *k, Op *access, int dim, int parts, Value *part, Kernel *kernel) {
    if (parts == 1)
        return;
    Builder      b = ir_before(k->saver.ctx, kernel, access);
    Value *const at = access->in[dim] ? access->in[dim] : ir_i(&b, 0);
    access->in[dim] = ir_ibin(&b, OP_IADD, ir_ibin(&b, OP_IMUL, at, ir_i(&b, parts)), part);
    op_set_int(k->saver.ctx, access, AT_COLDIM, dim);
}

/* x y + sum where y may be features of rows, and x of keys, perhaps of both parts of these. */
static Value *times_features(KeySaver *k, Builder *b, Value *x, Value *y, Value *sum, bool tb) {
    const Saver *const s = &k->saver;
    sum = ir_dot(b, x, y, sum, false, tb);
    if (gradients_split_features(s) && y->def->code != OP_LOAD)
        sum = ir_dot(b, x, gradients_low(b, y, s->dtype), sum, false, tb);
    if (gradients_split_features(s) && x->def->code != OP_LOAD)
        sum = ir_dot(b, gradients_low(b, x, s->dtype), y, sum, false, tb);
    return sum;
}

/* One turn: rows of one head and tile. -> the states behind it. */
static void add_turn(KeySaver *k, int number, Nest *n, Op *loop, int heads, bool save_states) {
    Saver *const        s = &k->saver;
    const KeySum *const sum = &k->sums[number];
    const int           cols = gradients_column_parts(sum), width = gradients_state_rows(sum) / sum->parts;
    Builder             in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value *const        turn = loop->region->args[0], *next[MAX_PIECES];
    Value *const head = ir_ibin(&in, OP_IMOD, turn, ir_i(&in, heads));
    Value *const row = ir_ibin(&in, OP_IMUL, ir_ibin(&in, OP_IDIV, turn, ir_i(&in, heads)), ir_i(&in, s->chunk));
    ValueMap     map = n->map;
    map = (ValueMap){.ctx = s->ctx};
    map_set(&map, s->seq->region->args[0], n->seq);
    map_set(&map, s->heads->region->args[0], n->head);
    map_set(&map, s->rows->region->args[0], row);
    map_set(&map, s->group->region->args[0], head);
    map_set(&map, s->residual->region->args[0], ir_i(&in, 0));
    Value *const tile = gradients_tile_number(k, &in, &map, n->seq, row);
    Value *const first = ir_ibin(&in, OP_IMUL, n->head, ir_i(&in, gradients_state_rows(sum)));
    Value *const z = clone_slice(&in, sum->of.values, s->main->body, &map);
    if (cols > 1) {
        z->type.cols = gradients_state_cols(sum) / cols;
        gradients_take_columns(k, z->def, 2, cols, n->axes[0], n->kernel);
        op_set_int(s->ctx, z->def, AT_GROUPDIM, -1); /* all rows are of one head */
    }
    for (int p = 0; p < sum->parts; p++)
        next[p] = map_clone(&in, sum->y[p], s->main->body, s->absent, &map);
    Value *const begins = save_states ? ir_ibin(&in, OP_ILT, head, ir_i(&in, 1)) : NULL;
    const bool   all = s->args->schedule->states_every == 1;
    Op *const    saves = begins ? ir_if(&in, all ? begins : ir_ibin(&in, OP_IMUL, begins, saved_is_saved(s, &in, row)), NULL, 0) : NULL;
    Builder      save = saves ? ir_at_end(s->ctx, n->kernel, saves->region) : in;
    for (int p = 0; p < sum->parts && saves; p++) {
        const Access to = {.param = k->param[number],
                           .at = {ir_i(&save, 0), tile, index_offset(&save, first, p * width)},
                           .rowdim = 2,
                           .groupdim = -1,
                           .period = width};
        gradients_take_columns(k, ir_store(&save, &to, loop->region->args[1 + p]), 0, cols, n->axes[0], n->kernel);
    }
    if (saves)
        ir_yield(&save, NULL, 0);
    for (int p = 0; p < sum->parts; p++) {
        Value *const y = next[p], *const high = ir_dot(&in, y, z, loop->region->args[1 + p], true, false);
        next[p] = gradients_split_features(s) ? ir_dot(&in, gradients_low(&in, y, s->dtype), z, high, true, false) : high;
    }
    ir_yield(&in, next, sum->parts);
}

/* Piece `piece` of the nest's state at at[0] and at[1] of `param`. */
static Access part_of_state(const KeySum *sum, const Nest *n, Builder *b, const char *param, Value *const at[2],
                            int piece) {
    const int    width = gradients_state_rows(sum) / sum->parts;
    Value *const first = ir_ibin(b, OP_IMUL, n->head, ir_i(b, gradients_state_rows(sum)));
    return (Access){.param = param,
                    .at = {at[0], at[1], index_offset(b, first, piece * width)},
                    .rowdim = 2,
                    .groupdim = -1,
                    .period = width};
}

/* What the segments before this one add up to. */
static void start_segment(KeySaver *k, const KeySum *sum, Nest *n, const char *work, Value **start) {
    const Saver *const s = &k->saver;
    const int          cols = gradients_column_parts(sum);
    Op *const loop = ir_for(&n->body, "segment", false, ir_i(&n->body, 0), n->axes[1], ir_i(&n->body, 1), start, sum->parts);
    Builder   in = ir_at_end(s->ctx, n->kernel, loop->region);
    Value    *next[MAX_PIECES];
    for (int p = 0; p < sum->parts; p++) {
        const Access from = part_of_state(sum, n, &in, work, (Value *[]){loop->region->args[0], n->seq}, p);
        Value *const part = ir_load(&in, &from, gradients_state_rows(sum) / sum->parts, start[p]->type.cols);
        gradients_take_columns(k, part->def, 0, cols, n->axes[0], n->kernel);
        next[p] = ir_binary(&in, OP_ADD, loop->region->args[1 + p], part);
    }
    ir_yield(&in, next, sum->parts);
    for (int p = 0; p < sum->parts; p++)
        start[p] = loop->out[p];
}

/* A kernel whose blocks sum up a segment of rows each: that saves the state of a sum for every tile of keys, or, before it,
 * only what the segment adds to it. */
static void add_states_kernel(KeySaver *k, int number, const char *name, const char *work, bool save) {
    Saver *const        s = &k->saver;
    const KeySum *const sum = &k->sums[number];
    const int           cols = gradients_column_parts(sum);
    const GridAxis      axes[] = {{"part", SYM_COUNT, cols}, {"segment", save ? SYM_S : SYM_K, 0}};
    int64_t             heads = 1;
    ir_const_value(s->group->in[1], &heads);
    Nest         n = saved_nest(s, name, axes, 2);
    Builder     *b = &n.body;
    Value       *start[MAX_PIECES];
    Value *const size = ir_sym(b, SYM_L), *const first = ir_ibin(b, OP_IMUL, n.axes[1], size);
    Value *const end = ir_ibin(b, OP_IMIN, saved_slice(s, &n, s->rows->in[1]), ir_ibin(b, OP_IADD, first, size));
    Value *const turns = ir_ibin(b, OP_IMUL, index_ceil_div(b, end, s->chunk), ir_i(b, heads));
    Value *const begin = ir_ibin(b, OP_IMUL, ir_ibin(b, OP_IDIV, first, ir_i(b, s->chunk)), ir_i(b, heads));
    for (int p = 0; p < sum->parts; p++)
        start[p] = ir_f(b, 0, gradients_state_rows(sum) / sum->parts, gradients_state_cols(sum) / cols);
    if (save)
        start_segment(k, sum, &n, work, start);
    Op *const loop = ir_for(b, "row", false, begin, turns, ir_i(b, 1), start, sum->parts);
    add_turn(k, number, &n, loop, (int)heads, save);
    for (int p = 0; p < sum->parts && !save; p++) {
        const Access to = part_of_state(sum, &n, b, work, (Value *[]){n.axes[1], n.seq}, p);
        gradients_take_columns(k, ir_store(b, &to, loop->out[p]), 0, cols, n.axes[0], n.kernel);
    }
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, n.kernel);
}

/* The kernels that save the state of a sum for every tile of keys: of what rows before it have handed on. */
static void add_states(KeySaver *k, int number) {
    Saver *const        s = &k->saver;
    const KeySum *const sum = &k->sums[number];
    const int           shares = gradients_state_shares(k, number);
    int64_t             kv_heads = 1;
    ir_const_value(s->heads->in[1], &kv_heads);
    const Sym     count = s->args->schedule->states_every > 1 ? SYM_M : SYM_C;
    const int64_t dims[4] = {1, DIM_SYM(count), kv_heads * gradients_state_rows(sum), gradients_state_cols(sum)},
                  work_dims[4] = {DIM_SYM(shares > 1 || k->carries ? SYM_S : SYM_K), DIM_SYM(SYM_N), shares * kv_heads * gradients_state_rows(sum),
                                  gradients_state_cols(sum)};
    k->shares = shares;
    const char *const tail = k->states ? ctx_printf(s->ctx, "%d", k->states) : "";
    const char *const work = ctx_printf(s->ctx, "key_segments%s", tail);
    k->param[number] = ctx_printf(s->ctx, "key_states%s", tail);
    k->states++;
    k->work = work;
    ir_param(s->ctx, s->main, work, k->carries ? s->dtype : DT_F32, PARAM_WORK, 4, work_dims);
    ir_param(s->ctx, s->main, k->param[number], s->dtype, PARAM_WORK, 4, dims);
    if (k->carries) {
        k->carried = ctx_printf(s->ctx, "key_carries%s", tail);
        ir_param(s->ctx, s->main, k->carried, s->dtype, PARAM_WORK, 4, work_dims);
        gradients_role_kernel(k, number, k->param[number], work, true);
        gradients_carry_kernel(k, number);
        return;
    }
    if (gradients_states_have_roles(k, number)) {
        gradients_role_kernel(k, number, work, work, false);
        gradients_role_kernel(k, number, k->param[number], work, true);
        return;
    }
    add_states_kernel(k, number, work, work, false);
    add_states_kernel(k, number, k->param[number], work, true);
}

/* The load of rows that a value of them starts from, or NULL. */
static const Op *loaded_rows(const Value *value) {
    const Op *const op = value->def, *found = NULL;
    if (op && op->code == OP_LOAD)
        return value->type.rows > 1 ? op : NULL;
    for (int i = 0; op && i < op->in_count && !found; i++)
        found = op->in[i]->type.cls == TY_TILE ? loaded_rows(op->in[i]) : NULL;
    return found;
}

/* A loop over the heads of the group and row tiles back to the last one whose state is saved, built at `in`: what the kernel says
 * of a head holds for its turn, `back` rows before. */
static Op *open_heads(const Saver *s, Builder *b, Builder *in, ValueMap *map, Value **back, Value **start) {
    Value *const *bounds = s->group->in, *const heads = bounds[1];
    const bool    all = s->args->schedule->states_every == 1;
    Value *const  tiles = saved_tiles_between(s, b, s->rows->region->args[0]);
    Value *const  turns = all ? heads : ir_ibin(b, OP_IMUL, tiles, heads);
    Op *const     loop = ir_for(b, "group", false, bounds[0], turns, bounds[2], start, 1);
    *in = ir_at_end(s->ctx, b->kernel, loop->region);
    Value *const turn = loop->region->args[0], *const tile = all ? ir_i(in, 0) : ir_ibin(in, OP_IDIV, turn, heads);
    map_set(map, s->group->region->args[0], all ? turn : ir_ibin(in, OP_IMOD, turn, heads));
    map_set(map, s->residual->region->args[0], tile);
    *back = ir_ibin(in, OP_IMUL, tile, ir_i(in, s->chunk));
    return loop;
}

/* `start` + what no state has yet of piece `piece` of a sum, from all heads and parts first to end - 1 of the features: a
 * loop of its own, so that few tiles live at once. low: what y is loaded from instead, or NULL. */
static Value *edge_piece(KeySaver *k, Builder *b, const KeySum *sum, int piece, int first, int end, const char *low, Value *start) {
    Saver *const s = &k->saver;
    Value       *score = NULL, *back;
    ValueMap     map = {.ctx = s->ctx};
    Builder      body;
    Op *const    loop = open_heads(s, b, &body, &map, &back, &start);
    for (int p = first; p < end; p++) {
        Value *const y = map_clone(&body, sum->y[p], s->group->region, s->absent, &map);
        if (low)
            op_set_text(s->ctx, y->def, AT_PARAM, low);
        score = times_features(k, &body, sum->x[p], y, score, true);
    }
    Value *const kept = gradients_edge(&body, score, sum->of.mask, back, loaded_rows(score->def->in[1]));
    Value *const z = map_clone(&body, sum->z[piece], s->group->region, s->absent, &map);
    Value *const next = times_features(k, &body, kept, z, loop->region->args[1], false);
    ir_yield(&body, &next, 1);
    return loop->out[0];
}

/* Beside wide sums registers hold few features: each of their parts has a loop of its own. So has, beside what rows were given, what 16
 * bits lose of that, where main has kept it: shared memory has no room for both. */
static Value *edge(KeySaver *k, Builder *b, const KeySum *sum, int piece) {
    const int         cols = sum->z[piece]->type.cols, step = cols > STATE_COLS ? 1 : sum->parts;
    const Op *const   given = sum->parts == 1 ? sum->y[0]->def : NULL;
    const char *const low = given && given->code == OP_LOAD ? gradients_low_param(&k->saver, given) : NULL;
    Value            *total = ir_f(b, 0, k->saver.chunk, cols);
    for (int p = 0; p < sum->parts; p += step)
        total = edge_piece(k, b, sum, piece, p, p + step, NULL, total);
    return low ? edge_piece(k, b, sum, piece, 0, 1, low, total) : total;
}

/* The states' part of all pieces, once for all heads: of the sum that has them one whole, else as many as they have. */
static int add_state(KeySaver *k, Builder *b, const KeySum *sum, Value *tile, Value **pieces) {
    Saver *const        s = &k->saver;
    const KeySum *const own = &k->sums[sum->twin];
    const int           width = gradients_state_rows(own) / own->parts;
    Value *const first = ir_ibin(b, OP_IMUL, s->heads->region->args[0], ir_i(b, gradients_state_rows(own)));
    const bool   parted = sum != own && sum->pieces == own->parts;
    Value       *whole = parted ? NULL : gradients_join(b, pieces, sum->pieces);
    for (int p = 0; p < own->parts; p++) {
        Value *const state =
            gradients_state(b, k->param[sum->twin], tile, index_offset(b, first, p * width), width, gradients_state_cols(own));
        if (sum == own)
            whole = times_features(k, b, sum->x[p], state, whole, false);
        else
            pieces[p] = times_features(k, b, sum->of.features, state, parted ? pieces[p] : ir_cols(b, whole, p * width, width),
                                       true);
    }
    if (sum == own)
        pieces[0] = whole;
    return sum == own ? 1 : own->parts;
}

/* The columns of a value that is made of pieces, where they are whole ones. */
static void use_parts(const Saver *s, Value *whole, Value *const *pieces, int count) {
    int        user_count;
    Op **const users = ir_users(s->ctx, s->main, whole, &user_count);
    for (int u = 0; u < user_count; u++) {
        int at = users[u]->code == OP_COLS && users[u]->in_count == 1 ? (int)op_int(users[u], AT_LO, 0) : -1;
        for (int p = 0; p < count; at -= pieces[p]->type.cols, p++)
            if (at == 0 && type_equal(users[u]->out[0]->type, pieces[p]->type)) {
                ir_replace_uses(s->main, users[u]->out[0], pieces[p]);
                op_erase(users[u]);
                break;
            }
    }
}

static void add_sums(KeySaver *k) {
    Saver *const s = &k->saver;
    Builder      b = ir_after(s->ctx, s->main, s->group);
    ValueMap     same = {.ctx = s->ctx};
    Value *const tile = gradients_tile_number(k, &b, &same, s->seq->region->args[0], s->rows->region->args[0]);
    for (int i = 0; i < k->count; i++) {
        const KeySum *const sum = &k->sums[i];
        Value              *pieces[MAX_PIECES] = {0};
        for (int p = 0; p < sum->pieces; p++)
            pieces[p] = edge(k, &b, sum, p);
        const int count = add_state(k, &b, sum, tile, pieces);
        use_parts(s, s->group->out[sum->carried], pieces, count);
        if (ir_use_count(s->main, s->group->out[sum->carried]))
            ir_replace_uses(s->main, s->group->out[sum->carried], gradients_join(&b, pieces, count));
    }
    op_erase(s->group);
}

/* Tiles beside the loop over rows go into it: it is an axis of the grid. */
static void into_rows(const Saver *s) {
    Builder b = ir_before(s->ctx, s->main, s->rows->region->first);
    for (Op *op = s->heads->region->first, *next; op && op != s->rows; op = next) {
        next = op->next;
        if (op_info(op->code)->rule != TR_INDEX) {
            op_unlink(op);
            op_insert(&b, op);
        }
    }
}

enum { MOST_TERMS = 8 };

/* The terms of a sum behind `count` others, first those of its left side; no more than `most` in all: the last place is the
 * right side's, and what there is no room for stays a sum. */
static int find_terms(const Saver *s, Value *value, Value **terms, int count, int most) {
    const Op *const add = value->def;
    const bool      sums = add && add->code == OP_ADD && ir_use_count(s->main, value) == 1 && count + 2 <= most &&
                      type_equal(add->in[0]->type, value->type) && type_equal(add->in[1]->type, value->type);
    if (!sums) {
        terms[count] = value;
        return count + 1;
    }
    return find_terms(s, add->in[1], terms, find_terms(s, add->in[0], terms, count, most - 1), most);
}

/* The load that a term is made of, turned perhaps, from working memory or from where the sum goes; or NULL. */
static const Op *loaded_part(const Saver *s, const Op *store, const Value *term) {
    const Op *op = term->def;
    while (op && op->code == OP_ROPE)
        op = op->in[0]->def;
    const CodeParam *const param = op && op->code == OP_LOAD ? ir_find_param(s->main, op_text(op, AT_PARAM)) : NULL;
    const bool kept = param && (param->role == PARAM_WORK || strcmp(param->name, op_text(store, AT_PARAM)) == 0);
    return kept && ir_use_count(s->main, op->out[0]) == 1 && type_equal(op->out[0]->type, term->type) ? op : NULL;
}

/* The first of the columns of `whole` that `value` is made of, or -1. */
static int columns_of(const Value *value, const Value *whole) {
    const Op *const op = value->def;
    int             first = -1;
    if (op && op->code == OP_COLS && op->in[0] == whole)
        return (int)op_int(op, AT_LO, 0);
    for (int i = 0; op && i < op->in_count && first < 0; i++)
        first = columns_of(op->in[i], whole);
    return first;
}

int gradients_first_column(const Saver *s, const Op *store, const Value *whole) {
    Value    *terms[MOST_TERMS];
    const int count = find_terms(s, store->in[5], terms, 0, MOST_TERMS);
    return count < 3 ? -1 : columns_of(terms[loaded_part(s, store, terms[0]) ? 1 : 0], whole);
}

/* Each term is added to the part in memory, of floats; a wide one that is turned is turned there first: no register holds it beside
 * a term. */
static Value *add_there(const Saver *s, Builder *b, const Op *part, Value **terms, int count, int first) {
    const Access to = gradients_access(part);
    Value       *sum = NULL;
    if (terms[first]->def->code != OP_LOAD && gradients_go_by_slices(s)) {
        op_set_int(s->ctx, ir_store(b, &to, terms[first]), AT_DOWN, op_int(part, AT_DOWN, 0));
        terms[first] = ir_load(b, &to, part->out[0]->type.rows, part->out[0]->type.cols);
        op_set_int(s->ctx, terms[first]->def, AT_DOWN, op_int(part, AT_DOWN, 0));
    }
    for (int t = 0, left = count - 1; t < count; t++) {
        if (t == first)
            continue;
        Value *const before = sum ? ir_load(b, &to, sum->type.rows, sum->type.cols) : terms[first];
        if (sum)
            op_set_int(s->ctx, before->def, AT_DOWN, op_int(part, AT_DOWN, 0));
        sum = ir_binary(b, OP_ADD, terms[t], before);
        if (--left)
            op_set_int(s->ctx, ir_store(b, &to, sum), AT_DOWN, op_int(part, AT_DOWN, 0));
    }
    return sum;
}

/* Each term is computed in a block of its own, from what it loads itself, and added to those before; the part comes last. */
static Value *add_apart(const Saver *s, Builder *b, const Block *block, Value *const *terms, int count, int first) {
    Value *sum = ir_f(b, 0, terms[first]->type.rows, terms[first]->type.cols);
    for (int t = 0; t < count; t++) {
        if (t == first)
            continue;
        Op *const    own = ir_if(b, ir_i(b, 1), &sum, 1);
        Builder      in = ir_at_end(s->ctx, b->kernel, own->region);
        ValueMap     map = {.ctx = s->ctx};
        Value *const term = clone_slice(&in, terms[t], block, &map), *const next = ir_binary(&in, OP_ADD, sum, term);
        ir_yield(&in, &next, 1);
        sum = own->out[0];
    }
    return ir_binary(b, OP_ADD, sum, terms[first]);
}

/* A sum with a part in memory, which nothing else reads: no register holds more than one sum while the next term's are computed,
 * and where these are floats none does. */
void gradients_add_in_turns(const Saver *s, Op *store) {
    Value    *terms[MOST_TERMS];
    const int count = find_terms(s, store->in[5], terms, 0, MOST_TERMS);
    int       first = 0;
    while (first < count && !loaded_part(s, store, terms[first]))
        first++;
    const Op *const part = first < count ? loaded_part(s, store, terms[first]) : NULL;
    if (!part || count < 3)
        return;
    Builder b = ir_before(s->ctx, s->main, store);
    if (ir_find_param(s->main, op_text(part, AT_PARAM))->dtype == DT_F32)
        store->in[5] = add_there(s, &b, part, terms, count, first);
    else
        store->in[5] = add_apart(s, &b, store->parent, terms, count, first);
}

static Status view_keys(const Saver *main, Kernel *kernel, KeySaver *k) {
    TRY(gradients_view(main, kernel, &k->saver));
    if (!k->saver.residual)
        return ST_OK;
    TRY(find_sums(k));
    ir_walk(k->saver.rows->region, find_row, &k->row_load);
    if (!k->row_load || k->saver.group->out_count != k->count)
        return gradients_refuse(main->ctx, kernel->name, "loads no rows, or sums up more than they hand on");
    return ST_OK;
}

/* Kernel `values` sums up dv, kernel `keys` dphi(k). */
static Status sum_wide(const Saver *main, Kernel *kernel, KeySaver *k) {
    KeySaver values = *k;
    values.row_load = NULL;
    TRY(view_keys(main, ir_clone_kernel(main->ctx, kernel, main->module, "values"), &values));
    gradients_sum_wide(&values, true);
    gradients_sum_wide(k, false);
    return ST_OK;
}

Status gradients_keys(const Saver *main, Kernel *kernel) {
    KeySaver k = {0};
    TRY(view_keys(main, kernel, &k));
    if (!k.saver.residual)
        return ST_OK;
    into_rows(&k.saver);
    k.carries = gradients_sums_have_roles(&k);
    gradients_key_sums(main, kernel, k.carries);
    for (int i = 0; i < k.count; i++)
        if (k.sums[i].twin == i)
            add_states(&k, i);
    if (k.carries) {
        gradients_sum_by_roles(&k);
        return ST_OK;
    }
    if (gradients_can_sum_wide(&k))
        return sum_wide(main, kernel, &k);
    add_sums(&k);
    ir_walk(k.saver.rows->region, gradients_slice_state, &k.saver);
    for (Op *op = k.saver.rows->region->first; op; op = op->next)
        if (op->code == OP_STORE && op->in[5]->type.cols > 1)
            gradients_add_in_turns(&k.saver, op);
    if (gradients_go_by_slices(&k.saver))
        columns_store_anew(main->ctx, kernel, k.saver.rows->region);
    order_by_use(main->ctx, kernel, k.saver.rows->region);
    store_where_made(main->ctx, kernel, k.saver.rows->region);
    return ST_OK;
}
