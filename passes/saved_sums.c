/* Pass saved for kind backward: rows that are only added up. What main stores row by row of an array that the kernels of
 * parts sum up over a sequence's rows, and nothing else reads, it stores as one row for every 16 of a tile, their sum: the
 * array has an eighth of the bytes of a 16-bit tensor of rows, and the kernel of parts adds up a sixteenth of the rows. */
#include "passes/saved_gradients.h"

#include <string.h>

enum { ROWS = 16 /* what one warp has of a tile */ };

typedef struct RowSums {
    Saver      *s;
    const char *param, *sums;
    Op         *store; /* main's */
    Op         *load;  /* of the only loop that reads them */
    int         loads;
} RowSums;

static bool find_load(Op *op, void *arg) {
    RowSums *r = arg;
    if (op->code == OP_LOAD && strcmp(op_text(op, AT_PARAM), r->param) == 0) {
        r->load = op;
        r->loads++;
    }
    return true;
}

static int count_loads(const Block *block) {
    int count = 0;
    for (const Op *op = block->first; op; op = op->next)
        count += op->code == OP_LOAD;
    return count;
}

/* for token: sum + colsum(load), of bounds that the loop does not change. */
static bool adds_up(const RowSums *r, Kernel *kernel) {
    int             count;
    const Op *const load = r->load, *const loop = loop_around(load, "token");
    Op *const      *users = ir_users(r->s->ctx, kernel, load->out[0], &count);
    return loop && loop == load->parent->owner && loop->out_count == 1 && count_loads(load->parent) == 1 && count == 1 &&
           users[0]->code == OP_COLSUM && op_int(load, AT_ROWDIM, -1) == 1 && load->out[0]->type.rows == r->s->chunk &&
           ir_is_const(loop->in[0], 0) && ir_is_const(loop->in[2], 1) && !ir_defined_in(load->in[0], load->parent) &&
           !ir_defined_in(load->in[2], load->parent) && !ir_defined_in(load->in[3], load->parent) &&
           !ir_defined_in(load->in[4], load->parent);
}

static int pieces(const RowSums *r) { return r->s->chunk / ROWS; }

static void add_param(RowSums *r) {
    const CodeParam *const of = ir_find_param(r->s->main, r->param);
    const int64_t          dims[4] = {1, DIM_SYM(SYM_C), of->dims[2] * pieces(r), of->dims[3]};
    r->sums = ctx_printf(r->s->ctx, "%s_sums", r->param);
    ir_param(r->s->ctx, r->s->main, r->sums, DT_F32, PARAM_WORK, 4, dims);
}

/* A row tile's sums stand side by side, those of a head together. */
static void store_sums(const RowSums *r) {
    Saver *const s = r->s;
    Op *const    store = r->store;
    Builder      b = ir_before(s->ctx, s->main, store);
    Value *const first = saved_first_tile(s, &b, store->in[0], store->in[3], s->seq->region->args[0]);
    const Access to = {.param = r->sums,
                       .at = {NULL, ir_ibin(&b, OP_IADD, first, saved_tile(s, &b, s->rows->region->args[0])),
                              ir_ibin(&b, OP_IMUL, store->in[2], ir_i(&b, pieces(r)))},
                       .rowdim = -1,
                       .groupdim = 2,
                       .period = 1};
    op_set_int(s->ctx, ir_store(&b, &to, store->in[5]), AT_SUM, ROWS);
    op_erase(store);
}

/* The loop adds up what tiles have stored: 16 of them at a time. */
static void load_sums(const RowSums *r, Kernel *kernel) {
    Saver *const s = r->s;
    Op *const    load = r->load, *const loop = load->parent->owner;
    Builder      b = ir_before(s->ctx, kernel, loop), in = ir_before(s->ctx, kernel, load);
    Value *const tiles = index_ceil_div(&b, ir_ibin(&b, OP_ISUB, load->in[4], load->in[3]), s->chunk);
    Value *const first = saved_first_tile(s, &b, load->in[0], load->in[3], loop_around(loop, "seq")->region->args[0]);
    Value *const done = ir_ibin(&in, OP_IMUL, loop->region->args[0], ir_i(&in, ROWS));
    const Access from = {.param = r->sums,
                         .at = {NULL, ir_ibin(&in, OP_IADD, first, done), ir_ibin(&in, OP_IMUL, load->in[2], ir_i(&in, pieces(r)))},
                         .lo = first,
                         .hi = ir_ibin(&b, OP_IADD, first, tiles),
                         .rowdim = 1,
                         .groupdim = 2,
                         .period = ROWS};
    loop->in[1] = index_ceil_div(&b, tiles, ROWS);
    ir_replace_uses(kernel, load->out[0], ir_load(&in, &from, s->chunk, load->out[0]->type.cols));
    op_erase(load);
}

static void sum_rows(RowSums *r, Kernel *const *kernels, int count) {
    Kernel *reader = NULL;
    for (int k = 0; k < count; k++) {
        const int before = r->loads;
        ir_walk(kernels[k]->body, find_load, r);
        reader = r->loads > before ? kernels[k] : reader;
    }
    if (r->loads != 1 || !adds_up(r, reader))
        return;
    add_param(r);
    store_sums(r);
    load_sums(r, reader);
    drop_param(r->s->main, r->param);
}

/* Warps have 16 rows at a time; they are of one head. */
void gradients_sums(Saver *s, Kernel *const *kernels, int count) {
    for (Op *op = s->group->region->first, *next; op && s->chunk % ROWS == 0; op = next) {
        next = op->next;
        const CodeParam *const to = op->code == OP_STORE ? ir_find_param(s->main, op_text(op, AT_PARAM)) : NULL;
        if (!to || to->role != PARAM_WORK || op_int(op, AT_ROWDIM, -1) != 1 || op_int(op, AT_GROUPDIM, -1) != 2)
            continue;
        RowSums r = {.s = s, .param = to->name, .store = op};
        sum_rows(&r, kernels, count);
    }
}
