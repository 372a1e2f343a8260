/* Pass saved for kind backward: sums over all rows of a sequence and head, by several blocks each. What kernels of parts add up
 * row by row, loop by loop, and store as one number, or row, for each sequence and head, PARTS blocks add up in turns: each has
 * every PARTS-th turn of the loops and stores its own part; the kernels of totals add up all of these. Totals of the same heads
 * come from one kernel. Kernels that store anything else stay as they are. */
#include "passes/saved_gradients.h"

#include <string.h>

enum { PARTS = 16 };

static CodeParam *param_of(const Saver *s, const char *name) {
    for (int p = 0; p < s->main->param_count; p++)
        if (strcmp(s->main->params[p].name, name) == 0)
            return &s->main->params[p];
    return NULL;
}

/* ---- Parts ---- */

/* for token from 0 by 1: sum + what no turn before has to do with. */
static bool adds_up(const Op *loop) {
    double constant;
    if (!loop_is(loop, "token") || loop->out_count != 1 || !ir_is_const(loop->in[0], 0) || !ir_is_const(loop->in[2], 1) ||
        !is_constant_tile(loop->in[3], &constant) || constant != 0)
        return false;
    const Value *const sum = loop->region->args[1];
    const Op *const    add = ir_terminator(loop->region)->in[0]->def;
    return add && add->code == OP_ADD && add->in[0] == sum && add->in[1] != sum && !depends_on(add->in[1], sum);
}

static bool stores_part(const Saver *s, const Op *store) {
    const CodeParam *const param = param_of(s, op_text(store, AT_PARAM));
    const Op *const        loop = store->in[5]->def;
    return param->role == PARAM_WORK && param->dims[2] == 1 && ir_is_const(store->in[2], 0) &&
           op_int(store, AT_ROWDIM, -1) < 0 && loop && loop->code == OP_FOR && loop->parent == store->parent;
}

static bool can_be_shared(const Saver *s, const Block *block) {
    int loops = 0;
    for (const Op *op = block->first; op; op = op->next) {
        if ((op->region && !adds_up(op)) || (op->code == OP_STORE && !stores_part(s, op)))
            return false;
        loops += op->region != NULL;
    }
    return loops > 0;
}

/* The innermost block of the loops that run at the same time. */
static Block *innermost(Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == OP_FOR && op_int(op, AT_PAR, 0))
            return innermost(op->region);
    return block;
}

/* A block has every PARTS-th turn. */
static void take_turns(Builder *in, Op *loop, Value *part) {
    loop->in[0] = part;
    loop->in[2] = ir_i(in, PARTS);
}

static void share_parts(const Saver *s, Kernel *kernel, Block *block) {
    Builder   b = ir_before(s->ctx, kernel, block->first);
    Op *const axis = ir_for(&b, "part", true, ir_i(&b, 0), ir_i(&b, PARTS), ir_i(&b, 1), NULL, 0);
    Builder   in = open_region(s->ctx, kernel, axis->region);
    Op *const end = ir_terminator(block);
    for (Op *op = axis->next, *next; op != end; op = next) {
        next = op->next;
        op_unlink(op);
        if (op->region) {
            take_turns(&in, op, axis->region->args[0]);
        } else if (op->code == OP_STORE) {
            op->in[2] = axis->region->args[0];
            param_of(s, op_text(op, AT_PARAM))->dims[2] = PARTS;
        }
        op_insert(&in, op);
    }
}

/* ---- Totals ---- */

static bool find_load(Op *op, void *arg) {
    Op **found = arg;
    *found = op->code == OP_LOAD ? op : *found;
    return true;
}

/* The loop's tile of sequences becomes one of fewer sequences with all their parts. */
static bool can_load_parts(const Op *load) {
    return load && op_int(load, AT_ROWDIM, -1) == 0 && op_int(load, AT_GROUPDIM, -1) < 0 &&
           load->out[0]->type.rows % PARTS == 0 && loop_around(load, "part") &&
           load->parent->owner == loop_around(load, "part");
}

static void load_parts(const Saver *s, Kernel *kernel, Op *load) {
    Op *const    loop = load->parent->owner;
    const int    each = load->out[0]->type.rows / PARTS;
    Builder      b = ir_before(s->ctx, kernel, loop), in = ir_before(s->ctx, kernel, load);
    loop->in[1] = index_ceil_div(&b, load->in[4], each);
    load->in[0] = ir_ibin(&in, OP_IMUL, loop->region->args[0], ir_i(&in, each));
    op_set_int(s->ctx, load, AT_GROUPDIM, 2);
    op_set_int(s->ctx, load, AT_PERIOD, each);
}

/* The one kernel that adds up what `name` holds: its load; NULL: there is none that can. */
static Op *total_of(Kernel *const *kernels, int count, const char *name, Kernel **kernel) {
    for (int k = 0; k < count; k++) {
        Op *load = NULL;
        if (strncmp(kernels[k]->name, "total_", 6) != 0)
            continue;
        ir_walk(kernels[k]->body, find_load, &load);
        if (load && strcmp(op_text(load, AT_PARAM), name) == 0) {
            *kernel = kernels[k];
            return can_load_parts(load) ? load : NULL;
        }
    }
    return NULL;
}

static bool have_totals(const Block *block, Kernel *const *kernels, int count) {
    Kernel *kernel;
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_STORE && !total_of(kernels, count, op_text(op, AT_PARAM), &kernel))
            return false;
    return true;
}

static void add_parts(const Saver *s, const Block *block, Kernel *const *kernels, int count) {
    Kernel *kernel = NULL;
    for (const Op *op = block->first; op; op = op->next) {
        Op *const load = op->code == OP_STORE ? total_of(kernels, count, op_text(op, AT_PARAM), &kernel) : NULL;
        if (load)
            load_parts(s, kernel, load);
    }
}

static Op *heads_of(Kernel *kernel) { return loop_find(kernel->body, "head"); }

/* Both have a block for each of the same heads. */
static bool same_heads(Kernel *a, Kernel *b) {
    int64_t of_a, of_b;
    return ir_const_value(heads_of(a)->in[1], &of_a) && ir_const_value(heads_of(b)->in[1], &of_b) && of_a == of_b;
}

/* What `from` does for a head, `to` does as well. */
static void merge(const Saver *s, Kernel *to, Kernel *from) {
    Op *const loop = heads_of(to), *const other = heads_of(from);
    Builder   b = ir_before(s->ctx, to, loop), in = ir_before(s->ctx, to, ir_terminator(loop->region));
    ValueMap  map = {.ctx = s->ctx};
    for (const Op *op = from->body->first; op != other; op = op->next)
        ir_clone(&b, op, &map);
    map_set(&map, other->region->args[0], loop->region->args[0]);
    for (const Op *op = other->region->first; op != ir_terminator(other->region); op = op->next)
        ir_clone(&in, op, &map);
}

static bool is_total(const Kernel *kernel) { return strncmp(kernel->name, "total_", 6) == 0; }

/* -> how many kernels are left. */
static int merge_totals(const Saver *s, Kernel **kernels, int count) {
    int left = 0;
    for (int k = 0; k < count; k++) {
        int to = 0;
        while (to < left && !(is_total(kernels[k]) && is_total(kernels[to]) && same_heads(kernels[to], kernels[k])))
            to++;
        if (to == left)
            kernels[left++] = kernels[k];
        else
            merge(s, kernels[to], kernels[k]);
    }
    return left;
}

int gradients_parts(const Saver *s, Kernel **kernels, int count) {
    for (int k = 0; k < count; k++) {
        Block *const block = strstr(kernels[k]->name, "parts") ? innermost(kernels[k]->body) : NULL;
        if (!block || !can_be_shared(s, block) || !have_totals(block, kernels, count))
            continue;
        add_parts(s, block, kernels, count);
        share_parts(s, kernels[k], block);
    }
    return merge_totals(s, kernels, count);
}
