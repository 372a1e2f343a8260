/* Pass saved: initial states of each query head, for warps with roles. Main multiplies phi(q) with the head's state in float32, of
 * an input or of a pool, which is the same for all rows of a sequence. A kernel before it stores that state in the products'
 * dtype, so that its rows come through main's ring as those of saved states do. So do gradients of wide heads without roles: warps
 * that convert a state on its way to shared memory hold floats of it beside their sums, and spill. */
#include "passes/saved.h"

enum { INITIAL_ROWS = 64, LEAST_ROWS = 16, MOST_ROWS = 512 /* pass stage keeps so many slices in mind */ };

static const char NAME[] = "initial";

/* The state that `dot` multiplies features with, if it is one of a query head in other bits than products take; else NULL. */
static Op *initial_of(const Saver *s, const Op *dot) {
    Op *const load = dot->code == OP_DOT ? dot->in[1]->def : NULL;
    if (!load || load->code != OP_LOAD || op_int(load, AT_ROWDIM, -1) != 2 ||
        ir_find_param(s->main, op_text(load, AT_PARAM))->dtype == s->dtype)
        return NULL;
    return depends_on(load->out[0], s->group->region->args[0]) && !depends_on(load->out[0], s->rows->region->args[0]) ? load : NULL;
}

static Op *find_initial(const Saver *s) {
    Op *load = NULL;
    for (const Op *op = s->group->region->first; op && !load; op = op->next)
        load = initial_of(s, op);
    return load;
}

static int rows_of_block(int rows) { return rows % INITIAL_ROWS == 0 ? INITIAL_ROWS : rows % LEAST_ROWS == 0 ? LEAST_ROWS : rows; }

/* A block stores some rows of one head's state. */
static void store_initial(Saver *s, const Op *load, int64_t group) {
    const int      rows = rows_of_block(s->F);
    const GridAxis axes[] = {{"group", SYM_COUNT, group}, {"row", SYM_COUNT, s->F / rows}};
    Nest           n = saved_nest(s, NAME, axes, 2);
    map_set(&n.map, s->group->region->args[0], n.axes[0]);
    Op *const    made = saved_slice(s, &n, load->out[0])->def;
    Builder      before = ir_before(s->ctx, n.kernel, made);
    Value *const row = ir_ibin(&before, OP_IMUL, n.axes[1], ir_i(&before, rows));
    made->in[2] = ir_ibin(&before, OP_IADD, made->in[2], row);
    made->out[0]->type.rows = rows;
    op_set_int(s->ctx, made, AT_PERIOD, rows);
    const Access to = {.param = NAME, .at = {n.seq, made->in[1], row}, .rowdim = 2, .groupdim = 1, .period = rows};
    ir_store(&n.body, &to, made->out[0]);
    PUSH(s->ctx, s->module->kernels, s->module->kernel_count, s->module->kernel_capacity, n.kernel);
}

/* Main's product with the state, all of it, which it adds to the residual sum. */
static Op *find_total(const Saver *s, const Op *load) {
    int        count;
    Op **const users = ir_users(s->ctx, s->main, load->out[0], &count);
    Op **const sums = count == 1 ? ir_users(s->ctx, s->main, users[0]->out[0], &count) : NULL;
    return sums && count == 1 && sums[0]->code == OP_ADD && sums[0]->in[1] == s->residual->out[0] ? sums[0] : NULL;
}

/* Without roles warps convert the state themselves, unless their sums take all registers. */
static bool wants_16_bits(const Saver *s) {
    return s->args->schedule->roles || (s->args->kind == KIND_BACKWARD && spec_is_wide(s->args->spec) && s->F <= MOST_ROWS);
}

void saved_initial(Saver *s) {
    Op *const load = wants_16_bits(s) ? find_initial(s) : NULL, *const total = load ? find_total(s, load) : NULL;
    int64_t   group = 1, heads = 1;
    if (!total)
        return;
    ir_const_value(s->group->in[1], &group);
    ir_const_value(s->heads->in[1], &heads);
    const int64_t dims[4] = {DIM_SYM(SYM_N), heads * group, s->F, s->E};
    ir_param(s->ctx, s->main, NAME, s->dtype, PARAM_WORK, 4, dims);
    store_initial(s, load, group);
    Builder      b = ir_before(s->ctx, s->main, s->residual);
    const Access from = {.param = NAME,
                         .at = {s->seq->region->args[0], load->in[1], NULL},
                         .rowdim = 2,
                         .groupdim = 1,
                         .period = s->F};
    s->initial = ir_load(&b, &from, load->out[0]->type.rows, s->E)->def;
    ir_replace_uses(s->main, total->out[0], s->residual->out[0]);
    Op *const product = total->in[0]->def;
    op_erase(total);
    op_erase(product);
    op_erase(load);
    pass_note(s->ctx, s->args, s->main, "initial states are stored in %s by a kernel before it", dtype_name(s->dtype));
}
