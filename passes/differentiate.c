/* differentiate: the gradients of a forward program.
 * In: kind backward: a kernel `main` that computes rows as kind forward does, loads what it differentiates from
 * parameters x and stores results y, and has parameters dx and dy for some of these. Out: `main` keeps, row by row,
 * what its sums over keys give (the softmax's value and lse, the residual sum) in work parameters and no longer stores
 * y; behind it come
 * - `rows`: dx of what a row i loads, sums over the keys that it sees;
 * - `keys`: dx of what key j loads, sums over the rows that see it and over the heads of the group, and what the
 *   gradient of a final state, if it is given, hands to keys (differentiate_state.c);
 * - `parts` and totals: dx of what all rows share (differentiate_parameters.c).
 * Where kind forward has saved what rows keep, these are inputs: `main` loads them, and has no sums over keys but those that pass
 * saved makes states of; where rows run in order it has nothing to do, and there is none.
 * Where rows run in order, `rows` also adds to sums in memory what the softmax's keys get of each, whose scores it has,
 * and `keys` reads these. Where they run at once, kernel `window_keys`, before `keys`, does (of wide heads two kernels: see
 * window_kernels), and `main` keeps for all the gradients of what a row's sums over keys give, unless they are what is
 * given. Everything else of a row is computed again where it is needed. Other modules are left alone.
 *
 * Kernel `keys` counts backwards: its row j' is key T - 1 - j', its keys i' are rows T - 1 - i'. The rows that see key
 * j, i - hi <= j <= i - lo, are then those with j' + lo <= i' <= j' + hi: the ranges are the forward program's, and so
 * is whatever passes know about them; what the residual branch's rows hand to older keys runs forwards, too. */
#include "passes/differentiate.h"

#include <string.h>

/* ---- Kernels ---- */

Status differentiate_copy(Ctx *ctx, Module *module, const Kernel *forward, const char *name, RowProgram *program) {
    Kernel       *kernels[1] = {(Kernel *)forward};
    const Module  one = {.name = module->name, .kernels = kernels, .kernel_count = 1};
    Kernel *const copy = ir_clone_module(ctx, &one)->kernels[0];
    copy->name = name;
    PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, copy);
    return row_program_find(ctx, copy, program);
}

void differentiate_keep(Ctx *ctx, Module *module, const char *name, DType dtype, const int64_t dims[4]) {
    for (int k = 0; k < module->kernel_count; k++)
        if (!ir_find_param(module->kernels[k], name))
            ir_param(ctx, module->kernels[k], name, dtype, PARAM_WORK, 4, dims);
}

void differentiate_work(Ctx *ctx, Module *module, const char *name, int64_t d0, int64_t d1, int64_t d2, int64_t d3) {
    differentiate_keep(ctx, module, name, DT_F32, (const int64_t[]){d0, d1, d2, d3});
}

/* Gradients row by row lie as the rows themselves do, whose dims are those of `row`'s parameter. */
static const char *rows_parameter(Module *module, const RowProgram *p, const Op *load, const Op *row) {
    const char *const      name = gradient_rows_name(p, load);
    const CodeParam *const of = ir_find_param(p->kernel, op_text(row, AT_PARAM));
    differentiate_work(p->ctx, module, name, of->dims[0], of->dims[1], of->dims[2], load->out[0]->type.cols);
    return name;
}

/* Stores the gradient of what `load` gives: at its place if that is the row's own, else among the rows'. */
static void store_gradient(Module *module, const RowProgram *p, Builder *b, const ValueMap *values, const Op *load,
                           const Op *row, Value *gradient) {
    if (is_of_row(p, load))
        store_like(b, load, values, gradient_name(p, load), gradient);
    else
        store_like(b, row, values, rows_parameter(module, p, load, row), gradient);
}

/* ---- Loops beside the program's, which stay as long as it is read ---- */

/* Index values of the program's row and of its heads' loop for `row`: bounds of loops. */
static void clone_bounds(const RowProgram *p, Builder *b, Value *row, ValueMap *map) {
    const Block *const blocks[2] = {p->rows->region, p->body};
    map_set(map, p->rows->region->args[0], row);
    for (int i = 0; i < 2; i++)
        for (const Op *op = blocks[i]->first; op; op = op->next)
            if (op_info(op->code)->rule == TR_INDEX)
                ir_clone(b, op, map);
}

/* Opens `for row {`; the builder stands inside. */
static Op *open_rows(const RowProgram *p, bool par, Builder *inside) {
    Builder   b = ir_before(p->ctx, p->kernel, p->rows);
    Op *const rows = ir_for(&b, "row", par, p->rows->in[0], p->rows->in[1], p->rows->in[2], NULL, 0);
    *inside = ir_at_end(p->ctx, p->kernel, rows->region);
    return rows;
}

/* Opens `for group {` with what is carried from head to head. */
static Op *open_group(const RowProgram *p, bool par, Builder *b, const ValueMap *bounds, Value *const *carried,
                      int count, Builder *inside) {
    Value *const *in = p->group->in;
    Op *const     group =
        ir_for(b, "group", par, map_get(bounds, in[0]), map_get(bounds, in[1]), map_get(bounds, in[2]), carried, count);
    *inside = ir_at_end(p->ctx, p->kernel, group->region);
    return group;
}

void differentiate_close(const RowProgram *p) {
    op_erase(p->rows);
    clean_kernel(p->kernel);
}

/* ---- What main keeps ---- */

/* Keeps `gradient`, in `dtype`, as `store` does the value; not if it is what the kernel is given. */
static void keep(Module *module, const RowProgram *p, Builder *b, const Op *store, const char *name, DType dtype,
                 Value *gradient) {
    if (!name || !gradient || (gradient->def && gradient->def->code == OP_LOAD))
        return;
    const ValueMap here = {.ctx = p->ctx};
    differentiate_keep(p->ctx, module, name, dtype, ir_find_param(p->kernel, op_text(store, AT_PARAM))->dims);
    store_like(b, store, &here, name, gradient);
}

/* Gradients of q's scale add up what all rows hand on, and with it what is lost where sides of products are rounded to 16
 * bits; in a window of one key they are all that rows get; times features of both signs they cancel. Of what the residual branch
 * gives these layers keep that, too: kernel `rows`, and kernel `keys` for what its scores get, multiply both parts. */
static void keep_low(Module *module, const RowProgram *p, Builder *b, const Op *store, DType dtype, Value *gradient) {
    if (dtype_size(dtype) != 2 || !gradient || (gradient->def && gradient->def->code == OP_LOAD))
        return;
    for (int r = 0; r < p->reduction_count; r++)
        if (p->reductions[r]->code == OP_SOFTMAX_SUM && p->reductions[r]->out[0] == store->in[5])
            return;
    Value *const high = ir_convert(b, ir_convert(b, gradient, dtype), DT_F32);
    keep(module, p, b, store, kept_low_name(p, store->in[5]), dtype, ir_binary(b, OP_SUB, gradient, high));
}

/* What follows from a row alone: gains. An initial state's gradient is a product of features. */
static bool is_shared(const RowProgram *p, const Op *op) {
    return op->code == OP_LOAD && gradient_name(p, op) && !is_of_row(p, op) && op->out[0]->type.rows == 1 &&
           is_first_load(p->body, op) && !row_program_hands_on(p, op);
}

/* Of a row that sees one key, v, with its probability p, scores' gradients are p (dout . v - mean), and little or nothing is left
 * of it, and of few keys not much; what rounding adds to the mean of dout . v is added to a mean that only scores take. Of one key
 * dout . v is dout . sum / p, of several that is their mean. */
static void keep_score_mean(Module *module, const RowProgram *p, Builder *b, const RowAgain *again, int r, DType dtype) {
    const Op *const op = p->reductions[r];
    Value *const    gradient = adjoint_of_whole(&again->adjoint, op->out[0]);
    if (dtype_size(dtype) != 2 || !gradient || !again->mean[r] || (gradient->def && gradient->def->code == OP_LOAD))
        return;
    Value *const lost = ir_binary(b, OP_SUB, ir_convert(b, ir_convert(b, gradient, dtype), DT_F32), gradient);
    Value       *added = ir_unary(b, OP_ROWSUM, ir_binary(b, OP_MUL, lost, op->out[0]));
    if (op->in_count > 2) { /* all that a sink leaves; of next to nothing what is lost is nothing, too */
        Value *const sink = ir_unary(b, OP_EXP, ir_binary(b, OP_SUB, map_get(&again->values, op->in[2]), op->out[1]));
        Value *const left = ir_binary(b, OP_SUB, ir_f(b, 1, 1, 1), sink);
        added = ir_binary(b, OP_DIV, added, ir_binary(b, OP_MAX, left, ir_f(b, 0x1p-12, 1, 1)));
    }
    keep(module, p, b, row_kept(p, op->out[1]), kept_score_mean_name(p, r), DT_F32,
         ir_binary(b, OP_ADD, again->mean[r], added));
}

/* Few heads: of short sequences so few numbers add up that what each row loses shows. What it costs main, 1 % of its time, the
 * layers of large models do not pay. */
static bool sums_up_little(const Spec *spec) {
    enum { MOST_COLS = 128, MANY = 32 * MOST_COLS };
    return spec->heads * (spec->head_dim > MOST_COLS ? spec->head_dim : MOST_COLS) < MANY;
}

/* What every key that a row sees would have to compute again: the gradients of what its sums over keys give. Those are
 * sides of products, and rounded to what products take. And the row's gradients of parameters that all rows share. */
static Status keep_gradients(Module *module, RowProgram *p, const Spec *spec) {
    const bool  one_key = !spec->full && spec->window == 1, means = one_key || sums_up_little(spec);
    const DType dtype = ir_find_param(p->kernel, op_text(row_load(p, p->body), AT_PARAM))->dtype;
    Op *const   last = ir_terminator(p->body);
    Builder     b = ir_before(p->ctx, p->kernel, last);
    RowAgain    again;
    TRY(row_here(p, &b, &again));
    for (const Op *op = p->body->first; op != last; op = op->next)
        if (op->code == OP_STORE && row_kept(p, op->in[5]) == op) {
            Value *const gradient = adjoint_of_whole(&again.adjoint, op->in[5]);
            keep(module, p, &b, op, kept_gradient_name(p, op->in[5]), dtype, gradient);
            if (gradients_cancel(spec))
                keep_low(module, p, &b, op, dtype, gradient);
        }
    for (int r = 0; r < p->reduction_count; r++)
        if (p->reductions[r]->code == OP_SOFTMAX_SUM) {
            keep(module, p, &b, row_kept(p, p->reductions[r]->out[1]), kept_unit_name(), DT_F32, again.unit.unit);
            keep(module, p, &b, row_kept(p, p->reductions[r]->out[1]), kept_mean_name(p, r), DT_F32, again.mean[r]);
            if (means)
                keep_score_mean(module, p, &b, &again, r, dtype);
        }
    for (const Op *op = p->body->first; op != last; op = op->next) {
        Value *const gradient = is_shared(p, op) ? gradient_in(&again.adjoint, p->body, op_text(op, AT_PARAM), NULL) : NULL;
        if (gradient)
            store_gradient(module, p, &b, &again.values, op, row_load(p, p->body), gradient);
    }
    differentiate_lse_in_units(p, &b, &again.sink_unit);
    return ST_OK;
}

/* What kind forward has saved is loaded. What it is stays in the program, as long as other kernels are made of that. */
static void load_given(const RowProgram *p) {
    for (Op *op = p->body->first; op; op = op->next) {
        Value *const value = op->code == OP_STORE ? op->in[5] : NULL;
        if (!value || !is_given(p, op))
            continue;
        const ValueMap here = {.ctx = p->ctx};
        Builder        b = ir_before(p->ctx, p->kernel, op);
        Value *const   again = load_like(&b, op, &here, kept_param(p, op), value->type.rows, value->type.cols);
        ir_replace_uses(p->kernel, value, again);
        op->in[5] = value;
    }
}

/* Does the program know what its sums over keys give? */
static bool is_saved(const RowProgram *p) {
    bool given = false;
    for (const Op *op = p->body->first; op; op = op->next)
        given = given || (op->code == OP_STORE && is_given(p, op));
    return given;
}

/* ---- Kernel rows ---- */

/* The row's own key is the first time that a key is seen: its sums start from zero. */
static void start_key_sums(Module *module, const RowProgram *p, Builder *b, Value *row) {
    for (int r = 0; r < p->reduction_count; r++) {
        Value           *targets[MOST_TARGETS];
        const Op *const  like = key_row(p, r);
        const CodeParam *of = ir_find_param(p->kernel, op_text(like, AT_PARAM));
        const int        count = adds_to_keys(p, r) ? row_program_targets(p, p->reductions[r], OF_KEY, targets) : 0;
        ValueMap         values = {.ctx = p->ctx};
        map_set(&values, p->rows->region->args[0], row);
        map_set(&values, p->reductions[r]->region->args[0], row);
        for (int i = 0; i < 5 && count; i++)
            clone_slice(b, like->in[i], p->rows->region, &values);
        for (int t = 0; t < count; t++) {
            const char *const name = key_sum_name(p, r, t);
            differentiate_work(p->ctx, module, name, of->dims[0], of->dims[1], of->dims[2], targets[t]->type.cols);
            store_like(b, like, &values, name, ir_f(b, 0, 1, targets[t]->type.cols));
        }
    }
}

static Status rows_kernel(Ctx *ctx, Module *module, const Kernel *forward, bool add_to_keys) {
    RowProgram p;
    RowAgain   again;
    Builder    b, h;
    ValueMap   none = {.ctx = ctx}, bounds = {.ctx = ctx};
    TRY(differentiate_copy(ctx, module, forward, "rows", &p));
    p.adds_to_keys = add_to_keys;
    p.reads_kept = p.reads_low = !add_to_keys;
    Op *const rows = open_rows(&p, !add_to_keys, &b);
    clone_bounds(&p, &b, rows->region->args[0], &bounds);
    start_key_sums(module, &p, &b, rows->region->args[0]);
    Op *const group = open_group(&p, !add_to_keys, &b, &bounds, NULL, 0, &h);
    TRY(row_again(&p, &h, &none, rows->region->args[0], group->region->args[0], true, &again));
    for (const Op *op = p.body->first; op; op = op->next) {
        if (op->code != OP_LOAD || !gradient_name(&p, op) || !is_first_load(p.body, op))
            continue;
        Value *const gradient = gradient_in(&again.adjoint, p.body, op_text(op, AT_PARAM), NULL);
        if (gradient && (is_of_row(&p, op) || row_program_hands_on(&p, op)))
            store_gradient(module, &p, &h, &again.values, op, row_load(&p, p.body), gradient);
    }
    ir_yield(&h, NULL, 0);
    ir_yield(&b, NULL, 0);
    differentiate_close(&p);
    return ST_OK;
}

/* ---- Kernel keys ---- */

/* What keys get from one reduction: sums over rows and heads. */
typedef struct KeySum {
    int    reduction, number; /* of its sums */
    Value *value;             /* the program's */
} KeySum;

typedef struct Keys {
    RowProgram          program;
    KeySum              targets[MOST_REDUCTIONS * MOST_TARGETS];
    int                 target_count;
    Value              *row, *last;     /* j'; T - 1 */
    ValueMap            bounds, values; /* of loops over rows; of key j */
    const StateProgram *state;
    Value              *d_state; /* of the final state, where its gradient is given */
    ValueMap            state_values;
    Adjoint             state_adjoint;
} Keys;

static void find_targets(Keys *k) {
    for (int r = 0; r < k->program.reduction_count; r++) {
        Value    *values[MOST_TARGETS];
        const int count = row_program_targets(&k->program, k->program.reductions[r], OF_KEY, values);
        for (int t = 0; t < count && !adds_to_keys(&k->program, r); t++)
            k->targets[k->target_count++] = (KeySum){r, t, values[t]};
    }
}

/* What only the key determines, once for all rows. */
static void clone_key(Keys *k, Builder *b) {
    const RowProgram *p = &k->program;
    Value *const      key = ir_ibin(b, OP_ISUB, k->last, k->row);
    for (int r = 0; r < p->reduction_count; r++) {
        const Block *region = p->reductions[r]->region;
        map_set(&k->values, region->args[0], key);
        for (const Op *op = region->first; op; op = op->next)
            if (op->code != OP_YIELD && !(p->dependence[op->out[0]->id] & OF_ROW))
                ir_clone(b, op, &k->values);
    }
}

/* The sum over the rows i = T - 1 - i' that see the key. */
static Status sum_over_rows(Keys *k, Builder *b, const KeySum *target, Value *head, Value **sum) {
    const RowProgram *p = &k->program;
    const Op *const   reduction = p->reductions[target->reduction];
    Value *const lo = map_get(&k->bounds, reduction->in[0]), *const hi = map_get(&k->bounds, reduction->in[1]);
    const Type   type = target->value->type;
    Op *const    op = ir_sum(b, op_text(reduction, AT_AXIS), lo, hi, type.rows, type.cols);
    Builder      in = ir_at_end(p->ctx, p->kernel, op->region);
    Value *const row = ir_ibin(&in, OP_ISUB, k->last, op->region->args[0]);
    RowAgain     again;
    Value       *term;
    TRY(row_again(p, &in, &k->values, row, head, false, &again));
    TRY(row_term(&again, target->reduction, &in, &again.values, target->value, &term));
    ir_yield(&in, &term, 1);
    *sum = op->out[0];
    return ST_OK;
}

static Status sum_over_heads(Keys *k, Builder *b, Adjoint *adjoint) {
    enum { MOST = MOST_REDUCTIONS * MOST_TARGETS };
    Value  *zeros[MOST], *next[MOST];
    Builder h;
    for (int t = 0; t < k->target_count; t++)
        zeros[t] = ir_f(b, 0, k->targets[t].value->type.rows, k->targets[t].value->type.cols);
    if (k->target_count == 0)
        return ST_OK;
    Op *const group = open_group(&k->program, false, b, &k->bounds, zeros, k->target_count, &h);
    for (int t = 0; t < k->target_count; t++) /* sums first: passes look for neighbours of the same range */
        TRY(sum_over_rows(k, &h, &k->targets[t], group->region->args[0], &next[t]));
    for (int t = 0; t < k->target_count; t++)
        next[t] = ir_binary(&h, OP_ADD, group->region->args[1 + t], next[t]);
    ir_yield(&h, next, k->target_count);
    for (int t = 0; t < k->target_count; t++)
        adjoint_add(adjoint, k->targets[t].value, group->out[t]);
    return ST_OK;
}

/* What kernel rows has summed up. */
static void load_key_sums(Keys *k, Builder *b, Adjoint *adjoint) {
    const RowProgram *p = &k->program;
    for (int r = 0; r < p->reduction_count; r++) {
        Value    *targets[MOST_TARGETS];
        const int count = adds_to_keys(p, r) ? row_program_targets(p, p->reductions[r], OF_KEY, targets) : 0;
        for (int t = 0; t < count; t++)
            adjoint_add(adjoint, targets[t],
                        load_like(b, key_row(p, r), &k->values, key_sum_name(p, r, t), 1, targets[t]->type.cols));
    }
}

static Value *gradient_of_key(const Keys *k, const Adjoint *adjoint, const char *param) {
    Value *sum = NULL;
    for (int r = 0; r < k->program.reduction_count; r++)
        sum = gradient_in(adjoint, k->program.reductions[r]->region, param, sum);
    if (k->d_state)
        sum = gradient_in(&k->state_adjoint, k->state->sum->region, param, sum);
    return sum;
}

static bool is_first_of_keys(const RowProgram *p, int reduction, const Op *op) {
    if (!is_first_load(p->reductions[reduction]->region, op))
        return false;
    for (int r = 0; r < reduction; r++)
        for (const Op *at = p->reductions[r]->region->first; at; at = at->next)
            if (at->code == OP_LOAD && strcmp(op_text(at, AT_PARAM), op_text(op, AT_PARAM)) == 0)
                return false;
    return true;
}

static Status store_key(Module *module, Keys *k, Builder *b, Adjoint *adjoint) {
    const RowProgram *p = &k->program;
    for (int r = p->reduction_count - 1; r >= 0; r--)
        for (const Op *op = p->reductions[r]->region->last; op; op = op->prev)
            if (op->out_count == 1 && !(p->dependence[op->out[0]->id] & OF_ROW))
                TRY(adjoint_op(adjoint, op));
    if (k->d_state)
        TRY(state_key_gradient(k->state, p, b, ir_ibin(b, OP_ISUB, k->last, k->row), k->d_state, &k->state_values,
                               &k->state_adjoint));
    for (int r = 0; r < p->reduction_count; r++)
        for (const Op *op = p->reductions[r]->region->first; op; op = op->next) {
            if (op->code != OP_LOAD || !gradient_name(p, op) || !is_first_of_keys(p, r, op))
                continue;
            Value *const gradient = gradient_of_key(k, adjoint, op_text(op, AT_PARAM));
            if (gradient)
                store_gradient(module, p, b, &k->values, op, row_load(p, p->reductions[r]->region), gradient);
        }
    return ST_OK;
}

/* The loop over keys, and what a key and loops over its rows are made of; the builder stands inside. */
static void open_keys(Keys *k, Builder *b) {
    Op *const rows = open_rows(&k->program, true, b);
    k->row = rows->region->args[0];
    k->last = ir_ibin(b, OP_ISUB, rows->in[1], ir_i(b, 1));
    clone_bounds(&k->program, b, k->row, &k->bounds);
    clone_key(k, b);
}

enum { ALL_SUMS = -1 };

/* What keys get of the softmax_sums, added up for kernel `keys` to read: all of it, or sum number `which`. Beside what `keys`
 * adds up itself, it would be more than registers hold. */
static Status window_kernel(Ctx *ctx, Module *module, const Kernel *forward, const char *kernel, int which) {
    Keys    k = {.bounds = {.ctx = ctx}, .values = {.ctx = ctx}};
    Builder b;
    int     at = 0;
    TRY(differentiate_copy(ctx, module, forward, kernel, &k.program));
    k.program.reads_kept = true;
    find_targets(&k);
    for (int t = 0; t < k.target_count; t++)
        if (k.program.reductions[k.targets[t].reduction]->code == OP_SOFTMAX_SUM &&
            (which == ALL_SUMS || which == k.targets[t].number))
            k.targets[at++] = k.targets[t];
    k.target_count = at;
    open_keys(&k, &b);
    Adjoint adjoint = {.ctx = ctx, .b = &b, .values = &k.values};
    TRY(sum_over_heads(&k, &b, &adjoint));
    for (int t = 0; t < k.target_count; t++) {
        const KeySum *const target = &k.targets[t];
        const Op *const     like = key_row(&k.program, target->reduction);
        const CodeParam    *of = ir_find_param(k.program.kernel, op_text(like, AT_PARAM));
        const char *const   name = key_sum_name(&k.program, target->reduction, target->number);
        differentiate_work(ctx, module, name, of->dims[0], of->dims[1], of->dims[2], target->value->type.cols);
        store_like(&b, like, &k.values, name, adjoint_of_whole(&adjoint, target->value));
    }
    ir_yield(&b, NULL, 0);
    differentiate_close(&k.program);
    return ST_OK;
}

/* Kernel `window_keys`; of wide heads one sum is all that a GPU's registers hold: kernel `window_values` has that of the values
 * then, and computes the probabilities once more. */
static Status window_kernels(Ctx *ctx, Module *module, const Kernel *forward, const PassArgs *args) {
    const bool apart = args->target->warp_size && spec_is_wide(args->spec);
    TRY(window_kernel(ctx, module, forward, "window_keys", apart ? 0 : ALL_SUMS));
    return apart ? window_kernel(ctx, module, forward, "window_values", 1) : ST_OK;
}

static Status keys_kernel(Ctx *ctx, Module *module, const Kernel *forward, const StateProgram *state,
                          bool add_to_keys, bool reads_kept, bool reads_low) {
    Keys    k = {.state = state, .bounds = {.ctx = ctx}, .values = {.ctx = ctx}};
    Builder b;
    TRY(differentiate_copy(ctx, module, forward, "keys", &k.program));
    k.program.adds_to_keys = add_to_keys;
    k.program.reads_kept = reads_kept;
    k.program.reads_low = reads_low;
    find_targets(&k);
    if (state->kernel) {
        b = ir_before(ctx, k.program.kernel, k.program.rows);
        k.d_state = state_gradient(state, &k.program, &b);
    }
    open_keys(&k, &b);
    Adjoint adjoint = {.ctx = ctx, .b = &b, .values = &k.values};
    TRY(sum_over_heads(&k, &b, &adjoint));
    load_key_sums(&k, &b, &adjoint);
    TRY(store_key(module, &k, &b, &adjoint));
    ir_yield(&b, NULL, 0);
    differentiate_close(&k.program);
    return ST_OK;
}

/* ---- The pass ---- */

/* Results whose gradients are given are not stored again. */
static void drop_results(RowProgram *p) {
    for (Op *op = p->body->first, *next; op; op = next) {
        next = op->next;
        if (op->code == OP_STORE && gradient_name(p, op))
            op_erase(op);
    }
    clean_kernel(p->kernel);
}

/* Kernels of a module have the same parameters; main has all, since differentiate_work adds to it. */
/* What the forward program keeps, and no kernel needs; sums that nothing else is made of stay until states are saved. */
static void drop_unread(RowProgram *p, const Module *module) {
    for (Op *op = p->body->first, *next; op; op = next) {
        next = op->next;
        const char *const name = op->code == OP_STORE ? op_text(op, AT_PARAM) : NULL;
        if (name && !is_read(module, name) && ir_use_count(p->kernel, op->in[5]) > 1) {
            drop_param(p->kernel, name);
            op_erase(op);
        }
    }
}

/* Of rows that run in order main keeps only what is given. */
static void drop_main(const RowProgram *p, Module *module) {
    for (const Op *op = p->body->first; op; op = op->next)
        if (op->code == OP_STORE)
            drop_param(p->kernel, op_text(op, AT_PARAM));
    take_kernel(module, p->kernel->name);
}

/* What main keeps for the gradients' kernels, and what these do not find there. */
static void note_stored(Ctx *ctx, const PassArgs *args, const Kernel *main, bool saved) {
    Text stored = TEXT(ctx);
    for (int p = 0; p < main->param_count; p++)
        if (main->params[p].role == PARAM_WORK && !(saved && strstr(main->params[p].name, "_again")))
            text_add(&stored, "%s%s", stored.length ? ", " : "", main->params[p].name);
    if (saved)
        pass_note(ctx, args, NULL, "given by kind forward: what a row's sums over keys give");
    pass_note(ctx, args, NULL, "stored between kernels: %s", stored.length ? text_str(&stored) : "nothing");
    pass_note(ctx, args, NULL, "recomputed by every kernel that needs them: scores, probabilities, features");
    pass_note(ctx, args, NULL, args->target->warp_size > 0 ? "keys sum up their gradients themselves: rows run at the same time"
                                                           : "keys' gradients are summed up in memory while rows go by in order");
}

Status pass_differentiate(Ctx *ctx, Module *module, const PassArgs *args) {
    RowProgram   main, forward;
    StateProgram state;
    if (args->kind != KIND_BACKWARD)
        return ST_OK;
    /* Rows of a GPU run at once: there every key sums up for itself. */
    const bool gpu = args->target->warp_size > 0;
    TRY(row_program_find(ctx, module->kernels[0], &main));
    const bool saved = is_saved(&main);
    TRY(state_program_find(ctx, module, &state));
    module->kernel_count = 1; /* kernel state is read from here on, and no more run */
    Module scratch = {.name = module->name};
    TRY(differentiate_copy(ctx, &scratch, main.kernel, "forward", &forward));
    if (gpu)
        TRY(keep_gradients(module, &main, args->spec));
    /* The copies that follow find what main has kept. */
    share_params(ctx, main.kernel, forward.kernel);
    differentiate_in_units(&forward);
    TRY(rows_kernel(ctx, module, forward.kernel, !gpu));
    share_params(ctx, main.kernel, forward.kernel);
    const bool two = gpu && forward.reduction_count > 1;
    if (two)
        TRY(window_kernels(ctx, module, forward.kernel, args));
    TRY(keys_kernel(ctx, module, forward.kernel, &state, !gpu || two, gpu, gpu && splits_features(args)));
    TRY(differentiate_parameters(ctx, module, forward.kernel, &state, gpu));
    drop_results(&main);
    if (gpu) {
        load_given(&main);
        drop_unread(&main, module);
    } else if (saved) {
        drop_main(&main, module);
    }
    drop_param(main.kernel, "o"); /* the result that is differentiated is no parameter of any kernel */
    drop_param(main.kernel, "final_state");
    for (int k = 0; k < module->kernel_count; k++)
        if (module->kernels[k] != main.kernel)
            share_params(ctx, main.kernel, module->kernels[k]);
    note_stored(ctx, args, main.kernel, saved);
    return ST_OK;
}
