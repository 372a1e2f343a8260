/* Pass saved for kind backward: the gradients' kernels, each with a residual branch of its own.
 * Main is what it is in kind forward: kernel `prepare` transforms keys, `states` saves S for every row tile; what follows
 * from one sum over keys is computed before the next, so that registers hold one of them at a time.
 * - Rows: dphi(q) = masked(do v_edge^T) phi(k_edge) + do S^T, with main's S.
 * - Keys, which count backwards: what younger rows have handed on is a state as well, R = sum of phi(q)^T do over the rows
 *   that have gone by and the heads of the group. Kernel `key_states` saves R for every tile of keys, and
 *       dphi(k) = sum over heads of masked(v do_edge^T) phi(q_edge) + v R^T,
 *       dv      = sum over heads of masked(phi(k) phi(q_edge)^T) do_edge + phi(k) R.
 *   Kernels `window_keys` and `window_values` have no residual branch; their key loops go on with the sums of the heads before.
 * Registers hold few of these tiles: each sum over heads has a loop of its own, and what rows get of the residual branch is
 * what their key loop starts from. Rows keep their rotated queries, which all keys that they see would rotate again.
 * Where gradients add up all rows (q's scale), or the window gives none (of one key), or scores of features of both signs
 * cancel, what sides of products lose in 16 bits of main's and rows' scores, and of do where it is multiplied with values, is
 * multiplied as well; in narrow layers of phi(q) in main and wherever keys take it, of keys' scores, and of phi(k), whose second
 * part lies in memory as well: in all of these or in none, for they are to agree.
 * Nothing is added to by two blocks, and all sums have one order. Features that are a concatenation of equal pieces go
 * by pieces, as in main. */
#include "passes/columns.h"
#include "passes/map_range.h"
#include "passes/order.h"
#include "passes/saved_gradients.h"

#include <string.h>

Status gradients_refuse(Ctx *ctx, const char *kernel, const char *what) {
    return ctx_fail(ctx, ST_FAILED, "pass saved", NULL, "kernel %s %s", kernel, what);
}

/* A saver's view of another kernel. */
Status gradients_view(const Saver *main, Kernel *kernel, Saver *out) {
    *out = *main;
    out->main = kernel;
    out->rows = loop_find(kernel->body, "row");
    out->group = out->rows ? loop_find(out->rows->region, "group") : NULL;
    if (!out->group)
        return gradients_refuse(main->ctx, kernel->name, "has no loops over rows and heads");
    out->residual = loop_find(out->group->region, "residual");
    out->heads = out->rows->parent->owner;
    out->seq = out->heads->parent->owner;
    return ST_OK;
}

/* Where a load or store is. */
Access gradients_access(const Op *op) {
    return (Access){.param = op_text(op, AT_PARAM),
                    .at = {op->in[0], op->in[1], op->in[2]},
                    .lo = op->in[3],
                    .hi = op->in[4],
                    .rowdim = (int)op_int(op, AT_ROWDIM, -1),
                    .groupdim = (int)op_int(op, AT_GROUPDIM, -1),
                    .period = (int)op_int(op, AT_PERIOD, 1)};
}

bool gradients_split(const Saver *s) {
    return s->args->kind == KIND_BACKWARD && dtype_size(s->dtype) == 2 && gradients_cancel(s->args->spec);
}

bool gradients_split_features(const Saver *s) { return splits_features(s->args); }

const char *gradients_low_param(const Saver *s, const Op *load) {
    const char *const name = ctx_printf(s->ctx, "%s_low", op_text(load, AT_PARAM));
    return ir_find_param(s->main, name) ? name : NULL;
}

Value *gradients_join(Builder *b, Value *const *pieces, int count) {
    Value *whole = pieces[0];
    for (int p = 1; p < count; p++)
        whole = ir_binary(b, OP_CONCAT, whole, pieces[p]);
    return whole;
}

Value *gradients_edge(Builder *b, Value *score, const Op *mask, Value *back, const Op *keys) {
    const int64_t hi = op_int(mask, AT_HI, 0);
    const int     dim = keys ? (int)op_int(keys, AT_ROWDIM, 0) : 0;
    Value        *skip = ir_i(b, 0);
    if (keys && !ir_is_const(keys->in[3], 0)) {
        Value *const before = op_int(keys, AT_DOWN, 0) ? ir_ibin(b, OP_ISUB, index_offset(b, keys->in[dim], 1), keys->in[4])
                                                       : ir_ibin(b, OP_ISUB, keys->in[3], keys->in[dim]);
        skip = ir_ibin(b, OP_IMAX, skip, before);
    }
    return ir_mask(b, score, ir_ibin(b, OP_ISUB, ir_i(b, hi), back), skip, IR_NEG_INF, hi, (int)op_int(mask, AT_PERIOD, 1), 0);
}

/* Rows `first` to `first` + rows - 1 of the head's state at row tile `tile`. */
Value *gradients_state(Builder *b, const char *param, Value *tile, Value *first, int rows, int cols) {
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
        Access       to = gradients_access(load);
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
    Value          *any, *tile, *first;
    Value *score, *score_low; /* of the edge; what 16 bits lose of them, where that counts, else NULL */
    bool   parted;    /* what is given is the sum of two parts in 16 bits */
    Value *initial;   /* the query head whose initial state main has stored in 16 bits, if the sum starts from that; or NULL */
} RowEdge;

/* Main's values -> here, with its key tile at the edge, `back` rows before. */
static ValueMap as_main(const RowEdge *e, Builder *b, Value *back) {
    const Saver *main = e->main, *s = e->s;
    ValueMap     map = {.ctx = s->ctx};
    map_set(&map, main->seq->region->args[0], s->seq->region->args[0]);
    map_set(&map, main->heads->region->args[0], s->heads->region->args[0]);
    map_set(&map, main->rows->region->args[0], s->rows->region->args[0]);
    Value *const delta = ir_ibin(b, OP_ISUB, ir_i(b, op_int(e->sum->mask, AT_HI, 0)), back);
    map_set(&map, main->key, ir_ibin(b, OP_IADD, s->rows->region->args[0], delta));
    return map;
}

static void find_state(RowEdge *e, Builder *b) {
    const Saver *main = e->main;
    Value *const row = e->s->rows->region->args[0], *const seq = e->s->seq->region->args[0];
    ValueMap     map = as_main(e, b, ir_i(b, 0));
    Value *const batch = clone_slice(b, main->q_load->in[0], main->main->body, &map),
                *const start = clone_slice(b, main->q_load->in[3], main->main->body, &map);
    e->tile = ir_ibin(b, OP_IADD, saved_first_state(e->s, b, batch, start, seq), saved_state(e->s, b, row));
    e->first = ir_ibin(b, OP_IMUL, e->s->heads->region->args[0], ir_i(b, e->s->F));
}

/* do x^T, perhaps of both parts of what was kept in 16 bits. */
static Value *times_given(const RowEdge *e, Builder *b, Value *x, Value *sum) {
    const Op *const add = e->sum->features->def;
    if (!e->parted)
        return ir_dot(b, e->sum->features, x, sum, false, true);
    return ir_dot(b, add->in[1], x, ir_dot(b, add->in[0], x, sum, false, true), false, true);
}

/* The scores of the edge tile that many turns back. */
static void find_scores(RowEdge *e, Builder *b, Value *turn, Value *back) {
    const Saver *s = e->s;
    ValueMap     here = {.ctx = s->ctx};
    map_set(&here, s->residual->region->args[0], turn);
    Value *const values = clone_slice(b, e->sum->keys, s->residual->region, &here);
    e->score = gradients_edge(b, times_given(e, b, values, NULL), e->sum->mask, back, values->def);
    e->score_low = gradients_split(s) ? gradients_low(b, e->score, s->dtype) : NULL;
}

/* sum + what the edge's keys give piece p of dphi(q). */
static Value *add_edge(RowEdge *e, Builder *in, int p, Value *back, Value *sum) {
    Saver        of = *e->main;
    ValueMap     map = as_main(e, in, back);
    Value *const features = saved_features(&of, in, &map, e->s->heads->region->args[0], ir_i(in, p));
    Value *const low = saved_features_low(&of, in, &map, e->s->heads->region->args[0], ir_i(in, p));
    Value       *next = ir_dot(in, e->score, features, sum, false, false);
    if (low)
        next = ir_dot(in, e->score, low, next, false, false);
    return e->score_low ? ir_dot(in, e->score_low, features, next, false, false) : next;
}

bool gradients_go_by_slices(const Saver *s) {
    return spec_is_wide_16_bits(s->args->spec) && !s->args->schedule->gradient_roles;
}

/* Of pieces no wider than a slice: wider ones would be multiplied for each slice of theirs. */
static bool starts_anew(const Saver *s) { return gradients_go_by_slices(s) && s->width <= SLICE; }

/* do X^T by halves of the columns: registers hold half a left side beside the sums that are there. */
static Value *add_state_by_halves(RowEdge *e, Builder *in, Value *state, Value *sum) {
    enum { HALVES = 2, COLUMNS = 0 /* the coordinate that says which of them */ };
    Saver *const s = e->s;
    const int    cols = s->E / HALVES;
    for (int h = 0; h < HALVES; h++) {
        ValueMap     map = {.ctx = s->ctx};
        Op *const    part = ir_clone(in, state->def, &map);
        Value *const half = columns_load_columns(in, e->sum->features->def, h * cols, cols, NULL);
        part->out[0]->type.cols = cols;
        part->in[COLUMNS] = ir_i(in, h);
        op_unlink(part);
        op_insert(in, part);
        op_set_int(s->ctx, part, AT_COLDIM, COLUMNS);
        sum = ir_dot(in, half, part->out[0], sum, false, true);
    }
    return sum;
}

static Value *add_state(RowEdge *e, Builder *in, int p, Value *sum) {
    Saver *const s = e->s;
    Value *const state = gradients_state(in, "states", e->tile, index_offset(in, e->first, p * s->width), s->width, s->E);
    if (starts_anew(s) && e->sum->features->def->code == OP_LOAD && s->E % 32 == 0 && s->E > 128)
        return add_state_by_halves(e, in, state, sum);
    return times_given(e, in, state, sum);
}

/* What piece p of dphi(q) starts from: do X^T of an initial state X, or zeros. */
static Value *start_of_piece(const RowEdge *e, Builder *b, int p) {
    const Saver *s = e->s;
    if (!e->initial)
        return ir_f(b, 0, e->sum->features->type.rows, s->width);
    const Access from = {.param = "initial",
                         .at = {s->seq->region->args[0], e->initial, ir_i(b, (int64_t)p * s->width)},
                         .rowdim = 2,
                         .groupdim = 1,
                         .period = s->width};
    return times_given(e, b, ir_load(b, &from, s->width, s->E), NULL);
}

/* Piece p of dphi(q); nothing to add where no key has left the window yet. */
static Value *row_piece(RowEdge *e, Builder *b, int p) {
    Saver       *s = e->s;
    Value *const none = start_of_piece(e, b, p);
    Op *const    maybe = ir_if(b, e->any, &none, 1);
    Builder      in = ir_at_end(s->ctx, s->main, maybe->region);
    Value *const edge = add_edge(e, &in, p, ir_i(&in, 0), e->initial ? none : NULL), *const piece = add_state(e, &in, p, edge);
    ir_yield(&in, &piece, 1);
    return maybe->out[0];
}

/* The same of several, where a loop goes back to the last state that is saved. */
static void pieces_between(RowEdge *e, Builder *b, int first, int end, Value **pieces) {
    Saver    *s = e->s;
    const int count = end - first;
    Value    *none[MAX_PARTS] = {0}, *sums[MAX_PARTS];
    for (int p = 0; p < count; p++)
        none[p] = sums[p] = start_of_piece(e, b, first + p);
    Op *const maybe = ir_if(b, e->any, none, count);
    Builder   in = ir_at_end(s->ctx, s->main, maybe->region);
    Between   at = saved_open_between(s, &in, s->rows->region->args[0], sums, count);
    find_scores(e, &at.in, at.turn, at.back);
    for (int p = 0; p < count; p++)
        sums[p] = add_edge(e, &at.in, first + p, at.back, sums[p]);
    saved_close_between(&at, sums, count);
    for (int p = 0; p < count; p++)
        sums[p] = add_state(e, &in, first + p, sums[p]);
    ir_yield(&in, sums, count);
    memcpy(pieces, maybe->out, sizeof *pieces * (size_t)count);
}

static Value *row_pieces(RowEdge *e, Builder *b, int first, int end) {
    Value *pieces[MAX_PARTS] = {0};
    if (e->s->args->schedule->states_every > 1)
        pieces_between(e, b, first, end, pieces + first);
    for (int p = first; p < end && e->s->args->schedule->states_every == 1; p++)
        pieces[p] = row_piece(e, b, p);
    return gradients_join(b, pieces + first, end - first);
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
                    const Access from = gradients_access(op);
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

static bool loads_16_bits(const Saver *s, const Value *value) {
    return value->def && value->def->code == OP_LOAD &&
           dtype_size(ir_find_param(s->main, op_text(value->def, AT_PARAM))->dtype) == 2;
}

static bool is_parted(const Saver *s, const Value *value) {
    const Op *const add = value->def;
    return add && add->code == OP_ADD && loads_16_bits(s, add->in[0]) && loads_16_bits(s, add->in[1]);
}

/* What is given times an initial state, in 32 bits: of both of its parts, and of the state's. */
static bool split_given(Op *op, void *arg) {
    const Saver    *s = arg;
    const Op *const load = op->code == OP_DOT && op->in_count == 2 ? op->in[1]->def : NULL;
    if (!load || load->code != OP_LOAD || !is_parted(s, op->in[0]) || loads_16_bits(s, op->in[1]))
        return true;
    Builder      b = ir_before(s->ctx, s->main, op);
    Value *const x = op->in[0], *const y = op->in[1];
    const bool   tb = op_int(op, AT_TB, 0);
    Value       *sum = ir_dot(&b, x->def->in[0], y, NULL, false, tb);
    sum = ir_dot(&b, x->def->in[0], gradients_low(&b, y, s->dtype), sum, false, tb);
    ir_replace_uses(s->main, op->out[0], ir_dot(&b, x->def->in[1], y, sum, false, tb));
    op_erase(op);
    return true;
}

/* residual + do X^T, X an initial state that main has stored in 16 bits: the pieces of the sum start from that. -> its head, or
 * NULL */
static Value *take_initial(const Saver *main, const Saver *s, const Residual *sum) {
    int        count;
    Op **const users = ir_users(s->ctx, s->main, s->residual->out[0], &count);
    Op *const  total = count == 1 && users[0]->code == OP_ADD ? users[0] : NULL;
    Op *const  product = total ? total->in[total->in[0] == s->residual->out[0]]->def : NULL;
    Op *const  load = product && product->code == OP_DOT && product->in_count == 2 ? product->in[1]->def : NULL;
    if (!load || load->code != OP_LOAD || !main->initial || product->in[0] != sum->features || !op_int(product, AT_TB, 0) ||
        op_int(load, AT_ROWDIM, -1) != 2 || load->out[0]->type.rows != s->F)
        return NULL;
    Value *const head = load->in[1];
    ir_replace_uses(s->main, total->out[0], s->residual->out[0]);
    op_erase(total);
    op_erase(product);
    op_erase(load);
    return head;
}

/* What softmax scores hand on, made by a product of factors, times keys or rows: with what 16 bits lose of it. */
static bool split_score(Op *op, void *arg) {
    const Saver    *s = arg;
    const Op *const made = op->code == OP_DOT && op->in_count == 3 ? op->in[0]->def : NULL;
    if (!made || made->code != OP_MUL || op_int(op, AT_TB, 0))
        return true;
    Builder      b = ir_after(s->ctx, s->main, op);
    Value *const low = gradients_low(&b, op->in[0], s->dtype);
    Value *const both = ir_dot(&b, low, op->in[1], op->out[0], false, false);
    ir_replace_uses(s->main, op->out[0], both);
    both->def->in[2] = op->out[0];
    return true;
}

/* Of few columns little averages out. Roles have no registers for it. */
static void split_scores(const Saver *s, Op *keys) {
    if (gradients_split_features(s) && !s->args->schedule->gradient_roles)
        ir_walk(keys->region, split_score, (void *)s);
}

static Status rewrite_rows(const Saver *main, Kernel *kernel) {
    Saver    s;
    Residual sum = {0};
    TRY(gradients_view(main, kernel, &s));
    turn_once(main, &s);
    if (!s.residual)
        return ST_OK;
    if (gradients_split_features(&s))
        ir_walk(kernel->body, split_given, &s);
    TRY(match_residual(s.ctx, "pass saved", s.residual, &sum));
    if (s.residual->out_count != 1 || !reads_main(main, &sum))
        return gradients_refuse(s.ctx, kernel->name, "sums up over keys what no state is saved of");
    Builder  b = ir_before(s.ctx, kernel, s.residual);
    RowEdge  e = {.main = main, .s = &s, .sum = &sum, .initial = take_initial(main, &s, &sum)};
    e.parted = is_parted(&s, sum.features);
    if (s.args->schedule->states_every == 1)
        find_scores(&e, &b, ir_i(&b, 0), ir_i(&b, 0));
    e.any = ir_ibin(&b, OP_ILT, ir_i(&b, 0), s.residual->in[1]);
    find_state(&e, &b);
    use_pieces(&e);
    op_erase(s.residual);
    if (s.args->schedule->stages == 1)
        ir_walk(s.group->region, gradients_slice_state, &s);
    Op *const keys = loop_find(s.group->region, "key");
    if (keys) {
        start_from_rest(&s, keys);
        if (!s.args->schedule->gradient_roles) /* with roles, what is stored is not sent */
            load_what_is_stored(&s, keys);
        split_scores(&s, keys);
        if (starts_anew(&s))
            columns_start_anew(s.ctx, kernel, s.group->region);
    }
    order_by_use(s.ctx, kernel, s.group->region);
    store_where_made(s.ctx, kernel, s.group->region);
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
    TRY(gradients_view(main, kernel, &s));
    Op *const keys = loop_find(s.group->region, "key");
    if (!keys)
        return ST_OK;
    turn_once(main, &s);
    if (s.group->out_count)
        go_on(&s, keys);
    split_scores(&s, keys);
    return ST_OK;
}

/* What main stores and no kernel reads: a residual sum whose gradient is given. */
static void drop_unread(const Saver *s) {
    for (Op *op = s->group->region->first, *next; op; op = next) {
        next = op->next;
        const char *const      name = op->code == OP_STORE ? op_text(op, AT_PARAM) : NULL;
        const CodeParam *const param = name ? ir_find_param(s->main, name) : NULL;
        if (param && param->role == PARAM_WORK && !is_read(s->module, name)) {
            drop_param(s->main, name);
            op_erase(op);
        }
    }
    clean_kernel(s->main);
}

static Op *find_given(const Saver *s, const char *param) {
    Op *op = s->group->region->first;
    while (op && !(op->code == OP_LOAD && strcmp(op_text(op, AT_PARAM), param) == 0))
        op = op->next;
    return op;
}

/* Of what forward has saved: all that is stored of the softmax branch comes before what the other one gives, so that no register
 * holds tiles of both. */
static void order_branches(const Saver *s) {
    const Op *const residual = find_given(s, "rla");
    Op *const       end = ir_terminator(s->group->region);
    Builder         b = ir_before(s->ctx, s->main, end);
    Op             *next, *last = end->prev;
    for (Op *op = s->group->region->first; residual && op != end; op = op == last ? end : next) {
        next = op->next;
        if (op->code == OP_STORE && op != last && depends_on(op->in[5], residual->out[0])) {
            op_unlink(op);
            op_insert(&b, op);
        }
    }
    order_by_use(s->ctx, s->main, s->group->region);
}

void gradients_order(const Saver *main) {
    drop_unread(main);
    if (!ir_holds(main->group->region, OP_DOT)) {
        order_branches(main);
        return;
    }
    order_by_products(main->ctx, main->main, main->group->region);
    store_where_made(main->ctx, main->main, main->group->region);
}

/* Of products that add up rows, x^T y: what is given is zero in rows that are not there; their features are to be numbers. */
static bool fill_absent(Op *op, void *arg) {
    const Saver *s = arg;
    if (op->code != OP_DOT || !op_int(op, AT_TA, 0))
        return true;
    Builder  b = ir_before(s->ctx, s->main, op);
    ValueMap map = {.ctx = s->ctx};
    op->in[0] = map_clone(&b, op->in[0], op->parent, s->absent, &map);
    return true;
}

static void fill_sums(const Saver *main, Kernel *kernel) {
    Saver s = *main;
    s.main = kernel;
    if (!s.absent)
        return;
    ir_walk(kernel->body, fill_absent, &s);
    clean_kernel(kernel);
}

/* Kernels behind main get new parameters last; all have the same. */
Status saved_gradients(Saver *s, Kernel **kernels, int count) {
    gradients_sums(s, kernels, count);
    count = gradients_parts(s, kernels, count);
    for (int i = 0; i < count; i++) {
        Kernel *const kernel = kernels[i];
        kernel->params = s->main->params;
        kernel->param_count = s->main->param_count;
        kernel->param_capacity = s->main->param_capacity;
        if (strcmp(kernel->name, "rows") == 0)
            TRY(rewrite_rows(s, kernel));
        else if (strcmp(kernel->name, "keys") == 0)
            TRY(gradients_keys(s, kernel));
        else if (strstr(kernel->name, "parts"))
            fill_sums(s, kernel);
        if (strstr(kernel->name, "keys") || strcmp(kernel->name, "window_values") == 0)
            TRY(add_heads(s, kernel));
        s->main->params = kernel->params;
        s->main->param_count = kernel->param_count;
        s->main->param_capacity = kernel->param_capacity;
        PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, kernel);
    }
    return ST_OK;
}
