/* Gradients of parameters that rows share: gains, sinks, scales, initial states. Kernel `parts` adds up the rows of
 * each sequence and head, `totals` and `shared` these parts; an initial state, which each sequence and head has, is
 * whole then. The rows' own gradients are computed again from what `main` kept; those that sums over keys hand on were
 * stored row by row by kernels `rows` and `keys`. Always in the same order, whatever runs at the same time. */
#include "passes/differentiate.h"

#include <string.h>

enum { MOST_PARAMETERS = 16 };

typedef struct Shared { /* a parameter of all rows */
    const Op   *load;   /* in the program */
    const Op   *row;    /* the load of a row beside it: where gradients by row lie; NULL: they are computed here */
    const char *name, *parts;
    bool        of_head, of_key, of_sequence;
} Shared;

typedef struct Parameters {
    Ctx                *ctx;
    Module             *module;
    const StateProgram *state;
    RowProgram          program;
    Shared              items[MOST_PARAMETERS];
    int                 count;
} Parameters;

static bool known(const Parameters *p, const Op *load) {
    for (int i = 0; i < p->count; i++)
        if (strcmp(op_text(p->items[i].load, AT_PARAM), op_text(load, AT_PARAM)) == 0)
            return true;
    return false;
}

static bool follows(const Op *load, const Value *index) {
    return depends_on(load->in[0], index) || depends_on(load->in[1], index) || depends_on(load->in[2], index);
}

static Status note_loads(Parameters *p, const Block *block, bool of_key) {
    const RowProgram *r = &p->program;
    for (const Op *op = block->first; op; op = op->next) {
        if (op->code != OP_LOAD || !gradient_name(r, op) || is_of_row(r, op) || known(p, op))
            continue;
        if (p->count == MOST_PARAMETERS)
            return ctx_fail(p->ctx, ST_FAILED, "pass differentiate", NULL, "rows share too many parameters");
        const bool by_row = of_key || row_program_hands_on(r, op) || ir_find_param(r->kernel, gradient_rows_name(r, op));
        p->items[p->count++] = (Shared){
            .load = op,
            .row = by_row ? row_load(r, block) : NULL,
            .name = gradient_name(r, op),
            .parts = ctx_printf(p->ctx, "%s_parts", gradient_name(r, op)),
            .of_key = of_key,
            .of_head = follows(op, r->group->region->args[0]),
            .of_sequence = follows(op, r->seq->region->args[0]),
        };
    }
    return ST_OK;
}

/* ---- Parts ---- */

/* One row's gradient of the item. */
static Status row_gradient(const Parameters *p, const Shared *item, Builder *b, Value *row, Value *head, Value **out) {
    const RowProgram *r = &p->program;
    const Type        type = item->load->out[0]->type;
    RowAgain          again;
    const ValueMap    none = {.ctx = p->ctx};
    if (!item->row) {
        TRY(row_again(r, b, &none, row, head, false, &again));
        *out = gradient_in(&again.adjoint, r->body, op_text(item->load, AT_PARAM), NULL);
        return *out ? ST_OK : ctx_fail(p->ctx, ST_FAILED, item->name, NULL, "no row has a gradient of it");
    }
    ValueMap values = {.ctx = p->ctx};
    map_set(&values, r->rows->region->args[0], row);
    for (int i = 0; i < r->reduction_count; i++)
        map_set(&values, r->reductions[i]->region->args[0], row);
    if (head)
        map_set(&values, r->group->region->args[0], head);
    for (int i = 0; i < 5; i++)
        clone_slice(b, item->row->in[i], r->rows->region, &values);
    *out = load_like(b, item->row, &values, gradient_rows_name(r, item->load), type.rows, type.cols);
    return ST_OK;
}

static Status store_part(const Parameters *p, const Shared *item, Builder *b, Value *head, Value *number) {
    const RowProgram *r = &p->program;
    const Type        type = item->load->out[0]->type;
    Op *const         sum = ir_sum(b, "token", r->rows->in[0], r->rows->in[1], type.rows, type.cols);
    Builder           in = ir_at_end(p->ctx, r->kernel, sum->region);
    Value            *term;
    TRY(row_gradient(p, item, &in, sum->region->args[0], head, &term));
    ir_yield(&in, &term, 1);
    if (item->of_sequence) {
        ValueMap values = {.ctx = p->ctx};
        map_set(&values, r->group->region->args[0], head);
        for (int i = 0; i < 5; i++)
            clone_slice(b, item->load->in[i], r->rows->region, &values);
        Value *const of_state = state_start_gradient(p->state, r, b, item->load, &values);
        Value *const total = of_state ? ir_binary(b, OP_ADD, of_state, sum->out[0]) : sum->out[0];
        store_like(b, item->load, &values, item->name, total);
        return ST_OK;
    }
    const Access access = {
        .param = item->parts, .at = {r->seq->region->args[0], number, NULL}, .rowdim = -1, .groupdim = -1, .period = 1};
    ir_store(b, &access, sum->out[0]);
    return ST_OK;
}

static bool any_item(const Parameters *p, bool of_key) {
    for (int i = 0; i < p->count; i++)
        if (p->items[i].of_key == of_key)
            return true;
    return false;
}

/* What belongs to key/value heads. */
static Status key_parts(Parameters *p) {
    RowProgram *r = &p->program;
    Builder     b = ir_before(p->ctx, r->kernel, r->rows);
    for (int i = 0; i < p->count; i++)
        if (p->items[i].of_key)
            TRY(store_part(p, &p->items[i], &b, NULL, r->heads->region->args[0]));
    return ST_OK;
}

static Status row_parts(Parameters *p) {
    RowProgram *r = &p->program;
    Builder     b = ir_before(p->ctx, r->kernel, r->rows);
    int64_t     heads = 1;
    ir_const_value(r->group->in[1], &heads);
    Op *const    group = ir_for(&b, "group", true, ir_i(&b, 0), ir_i(&b, heads), ir_i(&b, 1), NULL, 0);
    Builder      h = ir_at_end(p->ctx, r->kernel, group->region);
    Value *const head = group->region->args[0];
    Value *const number = ir_ibin(&h, OP_IADD, ir_ibin(&h, OP_IMUL, r->heads->region->args[0], ir_i(&h, heads)), head);
    for (int i = 0; i < p->count; i++)
        if (!p->items[i].of_key)
            TRY(store_part(p, &p->items[i], &h, head, number));
    ir_yield(&h, NULL, 0);
    return ST_OK;
}

/* ---- Totals ---- */

/* Heads of the loops over query heads, or key/value heads. */
static int64_t head_count(const Parameters *p, const Shared *item) {
    int64_t kv_heads = 1, group = 1;
    ir_const_value(p->program.heads->in[1], &kv_heads);
    ir_const_value(p->program.group->in[1], &group);
    return item->of_key ? kv_heads : kv_heads * group;
}

static Value *sum_over_sequences(const Shared *item, Builder *b, Value *head) {
    const Type   type = item->load->out[0]->type;
    Value *const end = ir_sym(b, SYM_N);
    Op *const    sum = ir_sum(b, "part", ir_i(b, 0), end, type.rows, type.cols);
    Builder      in = ir_at_end(b->ctx, b->kernel, sum->region);
    const Access access = {.param = item->parts,
                           .at = {sum->region->args[0], head, NULL},
                           .hi = end,
                           .rowdim = 0,
                           .groupdim = -1,
                           .period = 1};
    Value *const part = ir_load(&in, &access, type.rows, type.cols);
    ir_yield(&in, &part, 1);
    return sum->out[0];
}

/* A kernel of its own for each: they are small and differ in their loops. */
static void total_kernel(const Parameters *p, const Shared *item) {
    Kernel *const kernel = ir_kernel(p->ctx, p->module, ctx_printf(p->ctx, "total_%s", item->name), LEVEL_LOOP);
    Builder       top = ir_at_end(p->ctx, kernel, kernel->body);
    const int64_t heads = head_count(p, item);
    Op *const     loop =
        ir_for(&top, "head", true, ir_i(&top, 0), ir_i(&top, item->of_head ? heads : 1), ir_i(&top, 1), NULL, 0);
    Builder b = ir_at_end(p->ctx, kernel, loop->region);
    Value  *total, *at = loop->region->args[0];
    if (item->of_head) {
        total = sum_over_sequences(item, &b, at);
    } else {
        Value    *zero = ir_f(&b, 0, item->load->out[0]->type.rows, item->load->out[0]->type.cols);
        Op *const all = ir_for(&b, "head", false, ir_i(&b, 0), ir_i(&b, heads), ir_i(&b, 1), &zero, 1);
        Builder   in = ir_at_end(p->ctx, kernel, all->region);
        Value *sum = ir_binary(&in, OP_ADD, all->region->args[1], sum_over_sequences(item, &in, all->region->args[0]));
        ir_yield(&in, &sum, 1);
        total = all->out[0];
    }
    const Access access = {.param = item->name,
                           .at = {NULL, NULL, item->of_head ? at : NULL},
                           .rowdim = -1,
                           .groupdim = item->of_head ? 2 : -1,
                           .period = 1};
    ir_store(&b, &access, total);
    ir_yield(&b, NULL, 0);
}

/* Notes what rows share in a new kernel's program; which is in no module yet. */
static Status open_parts(Parameters *p, const Kernel *forward, const char *name, bool reads_kept) {
    Module scratch = {.name = p->module->name};
    p->count = 0;
    TRY(differentiate_copy(p->ctx, &scratch, forward, name, &p->program));
    p->program.reads_kept = reads_kept;
    TRY(note_loads(p, p->program.body, false));
    for (int r = 0; r < p->program.reduction_count; r++)
        TRY(note_loads(p, p->program.reductions[r]->region, true));
    return ST_OK;
}

static void close_parts(Parameters *p) {
    PUSH(p->ctx, p->module->kernels, p->module->kernel_count, p->module->kernel_capacity, p->program.kernel);
    differentiate_close(&p->program);
}

Status differentiate_parameters(Ctx *ctx, Module *module, const Kernel *forward, const StateProgram *state,
                                bool one_grid) {
    Parameters p = {.ctx = ctx, .module = module, .state = state};
    TRY(open_parts(&p, forward, "parts", one_grid));
    if (p.count == 0)
        return ST_OK;
    for (int i = 0; i < p.count; i++)
        if (!p.items[i].of_sequence)
            differentiate_work(ctx, module, p.items[i].parts, DIM_SYM(SYM_N), head_count(&p, &p.items[i]), 1,
                               p.items[i].load->out[0]->type.cols);
    const Parameters found = p; /* totals read what the kernel of parts is about to lose */
    const bool       both = any_item(&p, true) && any_item(&p, false);
    if (any_item(&p, true))
        TRY(key_parts(&p));
    if (both && one_grid) {
        close_parts(&p);
        TRY(open_parts(&p, forward, "row_parts", one_grid));
    }
    if (any_item(&p, false) || !one_grid)
        TRY(row_parts(&p));
    close_parts(&p);
    for (int i = 0; i < found.count; i++)
        if (!found.items[i].of_sequence)
            total_kernel(&found, &found.items[i]);
    return ST_OK;
}
