/* Pass saved for kind backward: the gradients' kernels, each with a residual branch of its own.
 * Main is what it is in kind forward: kernel `prepare` transforms keys, `states` saves S for every row tile.
 * - Rows: dphi(q) = masked(do v_edge^T) phi(k_edge) + do S^T, with main's S.
 * - Keys, which count backwards: what younger rows have handed on is a state as well, R = sum of phi(q)^T do over the rows
 *   that have gone by and the heads of the group. Kernel `key_states` saves R for every tile of keys, and
 *       dphi(k) = sum over heads of masked(v do_edge^T) phi(q_edge) + v R^T,
 *       dv      = sum over heads of masked(phi(k) phi(q_edge)^T) do_edge + phi(k) R.
 *   Kernel `window_keys` has no residual branch; its key loops go on with the sums of the heads before.
 * Nothing is added to by two blocks, and all sums have one order. Features that are a concatenation of equal pieces go
 * by pieces, as in main. */
#include "passes/order.h"
#include "passes/saved.h"

#include <string.h>

enum { MOST_SUMS = 4, STATE_COLS = 64 };

/* One sum of a residual loop of kernel keys: masked(x y^T) z, added to what the loop over heads carries as number
 * `carried`. */
typedef struct KeySum {
    Residual of; /* x, y and z are its features, keys and values */
    int      carried, twin; /* twin: the sum whose state's transpose it reads; itself: it has its own */
    Value   *x[MAX_PIECES], *y[MAX_PIECES];
    int      parts;
    Value   *z[MAX_PIECES]; /* pieces of its own columns */
    int      pieces;
} KeySum;

typedef struct KeySaver {
    Saver       saver; /* of kernel keys */
    int         count, states;
    KeySum      sums[MOST_SUMS];
    const Op   *row_load;
    const char *param[MOST_SUMS];
} KeySaver;

static Status refuse(Ctx *ctx, const char *kernel, const char *what) {
    return ctx_fail(ctx, ST_FAILED, "pass saved", NULL, "kernel %s %s", kernel, what);
}

/* A saver's view of another kernel. */
static Status view(const Saver *main, Kernel *kernel, Saver *out) {
    *out = *main;
    out->main = kernel;
    out->rows = loop_find(kernel->body, "row");
    out->group = out->rows ? loop_find(out->rows->region, "group") : NULL;
    if (!out->group)
        return refuse(main->ctx, kernel->name, "has no loops over rows and heads");
    out->residual = loop_find(out->group->region, "residual");
    out->heads = out->rows->parent->owner;
    out->seq = out->heads->parent->owner;
    return ST_OK;
}

/* Where a load or store is. */
static Access access_of(const Op *op) {
    return (Access){.param = op_text(op, AT_PARAM),
                    .at = {op->in[0], op->in[1], op->in[2]},
                    .lo = op->in[3],
                    .hi = op->in[4],
                    .rowdim = (int)op_int(op, AT_ROWDIM, -1),
                    .groupdim = (int)op_int(op, AT_GROUPDIM, -1),
                    .period = (int)op_int(op, AT_PERIOD, 1)};
}

static Value *join(Builder *b, Value *const *pieces, int count) {
    Value *whole = pieces[0];
    for (int p = 1; p < count; p++)
        whole = ir_binary(b, OP_CONCAT, whole, pieces[p]);
    return whole;
}

static Value *masked_edge(Builder *b, Value *score, const Op *mask) {
    const int64_t hi = op_int(mask, AT_HI, 0);
    return ir_mask(b, score, ir_i(b, hi), ir_i(b, 0), IR_NEG_INF, hi, (int)op_int(mask, AT_PERIOD, 1), 0);
}

/* Rows `first` to `first` + rows - 1 of the head's state at row tile `tile`. */
static Value *load_state(Builder *b, const char *param, Value *tile, Value *first, int rows, int cols) {
    const Access from = {
        .param = param, .at = {NULL, tile, first}, .rowdim = 2, .groupdim = -1, .period = rows};
    return ir_load(b, &from, rows, cols);
}

/* ---- Rotated tiles ---- */

typedef struct Turned {
    const Saver *s;
    const char  *from, *to;
} Turned;

/* The load of what lies rotated in `to` in place of a tile that is rotated for a product. */
static bool load_turned(Op *op, void *arg) {
    const Turned *t = arg;
    const Op     *load = op->code == OP_ROPE ? op->in[0]->def : NULL;
    if (!load || load->code != OP_LOAD || strcmp(op_text(load, AT_PARAM), t->from) != 0)
        return true;
    Builder   b = ir_before(t->s->ctx, t->s->main, op);
    ValueMap  map = {.ctx = t->s->ctx};
    Op *const turned = ir_clone(&b, load, &map);
    op_set_text(t->s->ctx, turned, AT_PARAM, t->to);
    ir_replace_uses(t->s->main, op->out[0], turned->out[0]);
    return true;
}

/* The first tile of the block that is a rotated load of `param`. */
static Op *find_turned(const Block *block, const char *param) {
    Op *op = block->first;
    while (op && !(op->code == OP_ROPE && op->in[0]->def->code == OP_LOAD &&
                   strcmp(op_text(op->in[0]->def, AT_PARAM), param) == 0))
        op = op->next;
    return op;
}

/* Main has rotated keys from kernel `prepare`; rows keep their rotated queries for the keys behind them. */
static void turn_once(const Saver *main, const Saver *s) {
    Op *const turned = find_turned(s->group->region, "q");
    if (main->roped)
        ir_walk(s->rows->region, load_turned, &(Turned){s, "k", "keys"});
    if (turned && !ir_find_param(s->main, "queries")) {
        const int64_t *const dims = ir_find_param(s->main, "q")->dims;
        ir_param(s->ctx, s->main, "queries", s->dtype, PARAM_WORK, 4, dims);
        Builder      b = ir_after(s->ctx, s->main, turned);
        const Op    *load = turned->in[0]->def;
        Access       to = access_of(load);
        to.param = "queries";
        ir_store(&b, &to, turned->out[0]);
    } else if (!turned && ir_find_param(s->main, "queries"))
        ir_walk(s->rows->region, load_turned, &(Turned){s, "q", "queries"});
}

/* ---- Kernel rows ---- */

/* Main's features and states serve: the sum's y are the values, its z the features of the same keys. */
static bool reads_main(const Saver *s, const Residual *sum) {
    const Op *values = sum->keys->def;
    return values && values->code == OP_LOAD && strcmp(op_text(values, AT_PARAM), op_text(s->v_load, AT_PARAM)) == 0 &&
           sum->values->type.cols == s->F && sum->keys->type.cols == s->E;
}

/* The op of the value's block in which it is used first. */
static Op *first_use(const Saver *s, const Value *value) {
    int        count;
    Op **const users = ir_users(s->ctx, s->main, value, &count);
    Op        *first = NULL;
    for (int u = 0; u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], value->def->parent);
        first = !first || (here && ir_precedes(here, first)) ? here : first;
    }
    return first ? first : value->def;
}

typedef struct RowEdge {
    const Saver    *main;
    Saver          *s; /* of kernel rows */
    const Residual *sum;
    Value          *score, *any, *key, *tile, *first;
} RowEdge;

/* Main's values -> here, with its key tile at the edge. */
static ValueMap as_main(const RowEdge *e) {
    const Saver *main = e->main, *s = e->s;
    ValueMap     map = {.ctx = s->ctx};
    map_set(&map, main->seq->region->args[0], s->seq->region->args[0]);
    map_set(&map, main->heads->region->args[0], s->heads->region->args[0]);
    map_set(&map, main->rows->region->args[0], s->rows->region->args[0]);
    map_set(&map, main->key, e->key);
    return map;
}

static void find_state(RowEdge *e, Builder *b) {
    const Saver *main = e->main;
    Value *const row = e->s->rows->region->args[0], *const seq = e->s->seq->region->args[0];
    e->key = ir_ibin(b, OP_IADD, row, ir_i(b, op_int(e->sum->mask, AT_HI, 0)));
    ValueMap     map = as_main(e);
    Value *const batch = clone_slice(b, main->q_load->in[0], main->main->body, &map),
                *const start = clone_slice(b, main->q_load->in[3], main->main->body, &map);
    e->tile = ir_ibin(b, OP_IADD, saved_first_tile(e->s, b, batch, start, seq), saved_tile(e->s, b, row));
    e->first = ir_ibin(b, OP_IMUL, e->s->heads->region->args[0], ir_i(b, e->s->F));
}

/* Piece p of dphi(q); nothing to add where no key has left the window yet. */
static Value *row_piece(RowEdge *e, Builder *b, int p) {
    Saver       *s = e->s, of = *e->main;
    ValueMap     map = as_main(e);
    Value *const none = ir_f(b, 0, e->sum->features->type.rows, s->width);
    Op *const    maybe = ir_if(b, e->any, &none, 1);
    Builder      in = ir_at_end(s->ctx, s->main, maybe->region);
    Value *const features = saved_features(&of, &in, &map, s->heads->region->args[0], ir_i(&in, p));
    Value *const edge = ir_dot(&in, e->score, features, NULL, false, false);
    Value *const state = load_state(&in, "states", e->tile, index_offset(&in, e->first, p * s->width), s->width, s->E);
    Value *const piece = ir_dot(&in, e->sum->features, state, edge, false, true);
    ir_yield(&in, &piece, 1);
    return maybe->out[0];
}

static Value *row_pieces(RowEdge *e, Builder *b, int first, int end) {
    Value *pieces[MAX_PARTS] = {0};
    for (int p = first; p < end; p++)
        pieces[p] = row_piece(e, b, p);
    return join(b, pieces + first, end - first);
}

/* Where some columns are used, these are made there: what follows from others does not wait beside them. */
static void use_pieces(RowEdge *e) {
    Saver       *s = e->s;
    int          count;
    Value *const whole = s->residual->out[0];
    Op **const   users = ir_users(s->ctx, s->main, whole, &count);
    for (int u = 0; u < count; u++) {
        const int lo = (int)op_int(users[u], AT_LO, 0), cols = users[u]->out_count ? users[u]->out[0]->type.cols : 0;
        if (users[u]->code != OP_COLS || users[u]->in_count > 1 || lo % s->width || cols % s->width)
            continue;
        Builder b = ir_before(s->ctx, s->main, first_use(s, users[u]->out[0]));
        ir_replace_uses(s->main, users[u]->out[0], row_pieces(e, &b, lo / s->width, (lo + cols) / s->width));
    }
    Builder b = ir_after(s->ctx, s->main, s->residual);
    for (int u = 0; u < count; u++)
        if (users[u]->out_count && ir_use_count(s->main, users[u]->out[0]) == 0)
            op_erase(users[u]);
    if (ir_use_count(s->main, whole))
        ir_replace_uses(s->main, whole, row_pieces(e, &b, 0, s->parts));
}

/* The opposite turn of `x`. */
static Value *turned_back(Builder *b, const Op *rope, Value *x) {
    ValueMap map = {.ctx = b->ctx};
    map_set(&map, rope->in[0], x);
    Op *const back = ir_clone(b, rope, &map);
    back->in[1] = ir_ibin(b, OP_ISUB, ir_i(b, 0), rope->in[1]);
    op_unlink(back);
    op_insert(b, back);
    op_set_int(b->ctx, back, AT_DOWN, !op_int(rope, AT_DOWN, 0));
    return back->out[0];
}

/* x + what the key loop sums up from zero, perhaps turned: the loop starts from x, so that no register holds its own sum
 * beside it. */
static void start_from_rest(const Saver *s, Op *loop) {
    double      constant;
    int         count;
    Value      *sum = loop->out[0];
    Op        **users = ir_users(s->ctx, s->main, sum, &count);
    const Op   *rope = count == 1 && users[0]->code == OP_ROPE ? users[0] : NULL;
    users = rope ? ir_users(s->ctx, s->main, sum = rope->out[0], &count) : users;
    Op *const add = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
    if (loop->out_count != 1 || !add || add->parent != loop->parent || !is_constant_tile(loop->in[3], &constant) ||
        constant != 0)
        return;
    Value *const rest = add->in[add->in[0] == sum];
    if (!type_equal(rest->type, sum->type) || depends_on(rest, loop->out[0]))
        return;
    Builder b = ir_before(s->ctx, s->main, add);
    Value *const start = rope ? turned_back(&b, rope, rest) : rest;
    op_unlink(loop);
    op_insert(&b, loop);
    loop->in[3] = start;
    if (rope) {
        op_unlink(sum->def);
        op_insert(&b, sum->def);
    }
    ir_replace_uses(s->main, add->out[0], sum);
    op_erase(add);
}

/* What the loop multiplies and a store writes, both in the same 16 bits, is loaded for the loop: it is computed before all
 * else then, and no register holds it until the loop begins. */
static void load_what_is_stored(const Saver *s, Op *loop) {
    for (Op *op = loop->parent->first; op && dtype_size(s->dtype) == 2; op = op->next) {
        Value *const value = op->code == OP_STORE ? op->in[5] : NULL;
        int          count;
        if (!value || value->type.cols == 1 || !value->def || value->def->parent != loop->parent ||
            ir_find_param(s->main, op_text(op, AT_PARAM))->dtype != s->dtype)
            continue;
        Op **const users = ir_users(s->ctx, s->main, value, &count);
        Builder    b = ir_before(s->ctx, s->main, loop);
        Value     *again = NULL;
        for (int u = 0; u < count; u++)
            for (int i = 0; i < users[u]->in_count && ir_ancestor_in(users[u], loop->region); i++)
                if (users[u]->in[i] == value) {
                    const Access from = access_of(op);
                    again = again ? again : ir_load(&b, &from, value->type.rows, value->type.cols);
                    users[u]->in[i] = again;
                }
        if (again && ir_precedes(loop, op)) { /* it has to be there */
            Op *const before = op->prev;
            b = ir_after(s->ctx, s->main, value->def);
            op_unlink(op);
            op_insert(&b, op);
            op = before;
        }
    }
}

static Status rewrite_rows(const Saver *main, Kernel *kernel) {
    Saver    s;
    Residual sum = {0};
    TRY(view(main, kernel, &s));
    turn_once(main, &s);
    if (!s.residual)
        return ST_OK;
    TRY(match_residual(s.ctx, "pass saved", s.residual, &sum));
    if (s.residual->out_count != 1 || !reads_main(main, &sum))
        return refuse(s.ctx, kernel->name, "sums up over keys what no state is saved of");
    Builder  b = ir_before(s.ctx, kernel, s.residual);
    RowEdge  e = {.main = main, .s = &s, .sum = &sum};
    ValueMap here = {.ctx = s.ctx};
    map_set(&here, s.residual->region->args[0], ir_i(&b, 0));
    Value *const values = clone_slice(&b, sum.keys, s.residual->region, &here);
    e.score = masked_edge(&b, ir_dot(&b, sum.features, values, NULL, false, true), sum.mask);
    e.any = ir_ibin(&b, OP_ILT, ir_i(&b, 0), s.residual->in[1]);
    find_state(&e, &b);
    use_pieces(&e);
    op_erase(s.residual);
    Op *const keys = loop_find(s.group->region, "key");
    if (keys) {
        start_from_rest(&s, keys);
        load_what_is_stored(&s, keys);
    }
    order_by_use(s.ctx, kernel, s.group->region);
    store_where_made(s.ctx, kernel, s.group->region);
    return ST_OK;
}

/* ---- Kernel keys ---- */

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
    return refuse(k->saver.ctx, k->saver.main->name, "does not add up a residual sum over heads");
}

static Status find_sums(KeySaver *k) {
    k->count = k->saver.residual->out_count;
    if (k->count > MOST_SUMS)
        return refuse(k->saver.ctx, k->saver.main->name, "has too many residual sums");
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

static Value *tile_number(KeySaver *k, Builder *b, ValueMap *map, Value *seq, Value *row) {
    Saver *const s = &k->saver;
    Value *const batch = clone_slice(b, k->row_load->in[0], s->main->body, map),
                *const start = clone_slice(b, k->row_load->in[3], s->main->body, map);
    return ir_ibin(b, OP_IADD, saved_first_tile(s, b, batch, start, seq), saved_tile(s, b, row));
}

static int state_rows(const KeySum *sum) { return sum->of.keys->type.cols; }
static int state_cols(const KeySum *sum) { return sum->of.values->type.cols; }

/* How many blocks share a state: each has some of its columns. */
static int column_parts(const KeySum *sum) {
    const bool loads = sum->of.values->def && sum->of.values->def->code == OP_LOAD;
    return loads && state_cols(sum) % STATE_COLS == 0 ? state_cols(sum) / STATE_COLS : 1;
}

/* The block's columns of a load or store of all of them. */
static void take_columns(KeySaver *k, Op *access, int dim, int parts, Value *part, Kernel *kernel) {
    if (parts == 1)
        return;
    Builder      b = ir_before(k->saver.ctx, kernel, access);
    Value *const at = access->in[dim] ? access->in[dim] : ir_i(&b, 0);
    access->in[dim] = ir_ibin(&b, OP_IADD, ir_ibin(&b, OP_IMUL, at, ir_i(&b, parts)), part);
    op_set_int(k->saver.ctx, access, AT_COLDIM, dim);
}

/* One turn: rows of one head and tile. -> the states behind it. */
static void add_turn(KeySaver *k, int number, Nest *n, Op *loop, int heads) {
    Saver *const        s = &k->saver;
    const KeySum *const sum = &k->sums[number];
    const int           cols = column_parts(sum), width = state_rows(sum) / sum->parts;
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
    Value *const tile = tile_number(k, &in, &map, n->seq, row);
    Value *const first = ir_ibin(&in, OP_IMUL, n->head, ir_i(&in, state_rows(sum)));
    Value *const z = clone_slice(&in, sum->of.values, s->main->body, &map);
    if (cols > 1) {
        z->type.cols = state_cols(sum) / cols;
        take_columns(k, z->def, 2, cols, n->axes[0], n->kernel);
        op_set_int(s->ctx, z->def, AT_GROUPDIM, -1); /* all rows are of one head */
    }
    for (int p = 0; p < sum->parts; p++)
        next[p] = clone_slice(&in, sum->y[p], s->main->body, &map);
    Op *const saves = ir_if(&in, ir_ibin(&in, OP_ILT, head, ir_i(&in, 1)), NULL, 0);
    Builder   save = ir_at_end(s->ctx, n->kernel, saves->region);
    for (int p = 0; p < sum->parts; p++) {
        const Access to = {.param = k->param[number],
                           .at = {ir_i(&save, 0), tile, index_offset(&save, first, p * width)},
                           .rowdim = 2,
                           .groupdim = -1,
                           .period = width};
        take_columns(k, ir_store(&save, &to, loop->region->args[1 + p]), 0, cols, n->axes[0], n->kernel);
    }
    ir_yield(&save, NULL, 0);
    for (int p = 0; p < sum->parts; p++)
        next[p] = ir_dot(&in, next[p], z, loop->region->args[1 + p], true, false);
    ir_yield(&in, next, sum->parts);
}

/* The kernel that saves the state of a sum for every tile of keys: of what rows before it have handed on. */
static void add_states(KeySaver *k, int number) {
    Saver *const        s = &k->saver;
    const KeySum *const sum = &k->sums[number];
    const int           cols = column_parts(sum);
    const GridAxis      axis = {"part", SYM_COUNT, cols};
    int64_t             heads = 1, kv_heads = 1;
    ir_const_value(s->group->in[1], &heads);
    ir_const_value(s->heads->in[1], &kv_heads);
    const int64_t dims[4] = {1, DIM_SYM(SYM_C), kv_heads * state_rows(sum), state_cols(sum)};
    k->param[number] = k->states ? ctx_printf(s->ctx, "key_states%d", k->states) : "key_states";
    k->states++;
    ir_param(s->ctx, s->main, k->param[number], s->dtype, PARAM_WORK, 4, dims);
    Nest         n = saved_nest(s, k->param[number], &axis, 1);
    Builder     *b = &n.body;
    Value *const length = saved_slice(s, &n, s->rows->in[1]), *start[MAX_PIECES];
    Value *const turns = ir_ibin(b, OP_IMUL, index_ceil_div(b, length, s->chunk), ir_i(b, heads));
    for (int p = 0; p < sum->parts; p++)
        start[p] = ir_f(b, 0, state_rows(sum) / sum->parts, state_cols(sum) / cols);
    Op *const loop = ir_for(b, "row", false, ir_i(b, 0), turns, ir_i(b, 1), start, sum->parts);
    add_turn(k, number, &n, loop, (int)heads);
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, n.kernel);
}

/* `start` + what no state has yet of piece `piece` of a sum, from all heads and parts first to end - 1 of the features: a
 * loop of its own, so that few tiles live at once. */
static Value *edge_piece(KeySaver *k, Builder *b, const KeySum *sum, int piece, int first, int end, Value *start) {
    Saver *const s = &k->saver;
    Value       *score = NULL;
    Value *const *in = s->group->in;
    Op *const    loop = ir_for(b, "group", false, in[0], in[1], in[2], &start, 1);
    Builder      body = ir_at_end(s->ctx, s->main, loop->region);
    ValueMap     map = {.ctx = s->ctx};
    map_set(&map, s->group->region->args[0], loop->region->args[0]);
    map_set(&map, s->residual->region->args[0], ir_i(&body, 0));
    for (int p = first; p < end; p++)
        score = ir_dot(&body, sum->x[p], clone_slice(&body, sum->y[p], s->group->region, &map), score, false, true);
    Value *const kept = masked_edge(&body, score, sum->of.mask);
    Value *const z = clone_slice(&body, sum->z[piece], s->group->region, &map);
    Value *const next = ir_dot(&body, kept, z, loop->region->args[1], false, false);
    ir_yield(&body, &next, 1);
    return loop->out[0];
}

/* Beside wide sums registers hold few features: each of their parts has a loop of its own. */
static Value *edge(KeySaver *k, Builder *b, const KeySum *sum, int piece) {
    const int cols = sum->z[piece]->type.cols, step = cols > STATE_COLS ? 1 : sum->parts;
    Value    *total = ir_f(b, 0, k->saver.chunk, cols);
    for (int p = 0; p < sum->parts; p += step)
        total = edge_piece(k, b, sum, piece, p, p + step, total);
    return total;
}

/* The states' part of all pieces, once for all heads: of the sum that has them one whole, else as many as they have. */
static int add_state(KeySaver *k, Builder *b, const KeySum *sum, Value *tile, Value **pieces) {
    Saver *const        s = &k->saver;
    const KeySum *const own = &k->sums[sum->twin];
    const int           width = state_rows(own) / own->parts;
    Value *const first = ir_ibin(b, OP_IMUL, s->heads->region->args[0], ir_i(b, state_rows(own)));
    const bool   parted = sum != own && sum->pieces == own->parts;
    Value       *whole = parted ? NULL : join(b, pieces, sum->pieces);
    for (int p = 0; p < own->parts; p++) {
        Value *const state =
            load_state(b, k->param[sum->twin], tile, index_offset(b, first, p * width), width, state_cols(own));
        if (sum == own)
            whole = ir_dot(b, sum->x[p], state, whole, false, false);
        else
            pieces[p] = ir_dot(b, sum->of.features, state, parted ? pieces[p] : ir_cols(b, whole, p * width, width), false,
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
    Value *const tile = tile_number(k, &b, &same, s->seq->region->args[0], s->rows->region->args[0]);
    for (int i = 0; i < k->count; i++) {
        const KeySum *const sum = &k->sums[i];
        Value              *pieces[MAX_PIECES] = {0};
        for (int p = 0; p < sum->pieces; p++)
            pieces[p] = edge(k, &b, sum, p);
        const int count = add_state(k, &b, sum, tile, pieces);
        use_parts(s, s->group->out[sum->carried], pieces, count);
        if (ir_use_count(s->main, s->group->out[sum->carried]))
            ir_replace_uses(s->main, s->group->out[sum->carried], join(&b, pieces, count));
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

/* The terms of a sum, first those of its left side. */
static int find_terms(const Saver *s, Value *value, Value **terms, int count) {
    const Op *const add = value->def;
    const bool      sums = add && add->code == OP_ADD && ir_use_count(s->main, value) == 1 && count + 2 <= MOST_TERMS &&
                      type_equal(add->in[0]->type, value->type) && type_equal(add->in[1]->type, value->type);
    if (!sums) {
        terms[count] = value;
        return count + 1;
    }
    return find_terms(s, add->in[1], terms, find_terms(s, add->in[0], terms, count));
}

/* What a term is made of in working memory, as large as it is: the load, or NULL. */
static const Op *loaded_part(const Saver *s, const Value *term) {
    const Op *op = term->def;
    while (op && op->code == OP_ROPE)
        op = op->in[0]->def;
    const CodeParam *const param = op && op->code == OP_LOAD ? ir_find_param(s->main, op_text(op, AT_PARAM)) : NULL;
    return param && param->role == PARAM_WORK && param->dtype == DT_F32 && ir_use_count(s->main, op->out[0]) == 1 &&
                   type_equal(op->out[0]->type, term->type)
               ? op
               : NULL;
}

/* A sum with a part in working memory, which nothing else reads: each further term is added to it there, so that no
 * register holds a sum while the next term's loops run. */
static void add_in_turns(const Saver *s, Op *store) {
    Value    *terms[MOST_TERMS], *sum = NULL;
    const int count = find_terms(s, store->in[5], terms, 0);
    int       first = 0;
    while (first < count && !loaded_part(s, terms[first]))
        first++;
    const Op *const part = first < count ? loaded_part(s, terms[first]) : NULL;
    if (!part || count < 3)
        return;
    Builder      b = ir_before(s->ctx, s->main, store);
    const Access to = access_of(part);
    for (int t = 0, left = count - 1; t < count; t++) {
        if (t == first)
            continue;
        Value *const before = sum ? ir_load(&b, &to, sum->type.rows, sum->type.cols) : terms[first];
        if (sum)
            op_set_int(s->ctx, before->def, AT_DOWN, op_int(part, AT_DOWN, 0));
        sum = ir_binary(&b, OP_ADD, terms[t], before);
        if (--left)
            op_set_int(s->ctx, ir_store(&b, &to, sum), AT_DOWN, op_int(part, AT_DOWN, 0));
    }
    store->in[5] = sum;
}

static Status rewrite_keys(const Saver *main, Kernel *kernel) {
    KeySaver k = {0};
    TRY(view(main, kernel, &k.saver));
    if (!k.saver.residual)
        return ST_OK;
    TRY(find_sums(&k));
    ir_walk(k.saver.rows->region, find_row, &k.row_load);
    if (!k.row_load || k.saver.group->out_count != k.count)
        return refuse(main->ctx, kernel->name, "loads no rows, or sums up more than they hand on");
    for (int i = 0; i < k.count; i++)
        if (k.sums[i].twin == i)
            add_states(&k, i);
    add_sums(&k);
    into_rows(&k.saver);
    for (Op *op = k.saver.rows->region->first; op; op = op->next)
        if (op->code == OP_STORE && op->in[5]->type.cols > 1)
            add_in_turns(&k.saver, op);
    order_by_use(main->ctx, kernel, k.saver.rows->region);
    store_where_made(main->ctx, kernel, k.saver.rows->region);
    return ST_OK;
}

/* ---- Kernels with key loops inside of the loop over heads ---- */

/* carried + (0 + terms) -> (carried + terms): a loop goes on with the sums of the heads before, so that no register holds
 * its own beside them. */
static void go_on(const Saver *s, Op *loop) {
    double constant;
    for (int c = 0; c < loop->out_count; c++) {
        int        count;
        Op **const users = ir_users(s->ctx, s->main, loop->out[c], &count);
        Op *const  add = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
        if (!add || add->in[1] != loop->out[c] || add->in[0]->owner != s->group->region ||
            !is_constant_tile(loop->in[3 + c], &constant) || constant != 0)
            continue;
        loop->in[3 + c] = add->in[0];
        ir_replace_uses(s->main, add->out[0], loop->out[c]);
        op_erase(add);
    }
}

static Status add_heads(const Saver *main, Kernel *kernel) {
    Saver s;
    TRY(view(main, kernel, &s));
    Op *const keys = loop_find(s.group->region, "key");
    if (keys)
        turn_once(main, &s);
    if (keys && s.group->out_count)
        go_on(&s, keys);
    return ST_OK;
}

/* Kernels behind main get new parameters last; all have the same. */
Status saved_gradients(Saver *s, Kernel *const *kernels, int count) {
    for (int i = 0; i < count; i++) {
        Kernel *const kernel = kernels[i];
        kernel->params = s->main->params;
        kernel->param_count = s->main->param_count;
        kernel->param_capacity = s->main->param_capacity;
        if (strcmp(kernel->name, "rows") == 0)
            TRY(rewrite_rows(s, kernel));
        else if (strcmp(kernel->name, "keys") == 0)
            TRY(rewrite_keys(s, kernel));
        if (strstr(kernel->name, "keys"))
            TRY(add_heads(s, kernel));
        s->main->params = kernel->params;
        s->main->param_count = kernel->param_count;
        s->main->param_capacity = kernel->param_capacity;
        PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, kernel);
    }
    return ST_OK;
}
