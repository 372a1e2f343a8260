/* gather: one row of keys and values for each sequence, old and new.
 * In: tile IR of kind extend, where a key is the sum of a load from the rings and one of the new tokens, of which one
 * is zero. Out: kernel `gather` copies both, in order, into working memory, and every such sum is one load from
 * there, so that what follows is as for whole sequences. Position p of sequence n lies at n W + p + W behind the
 * tokens before it; with roles, unless sequences are packed, at row p + W of rows of its own, and rows that are not there
 * are zeros. There only what tiles need that begin in the window is copied: those that begin with a new token are read from
 * k and v. The rings, which nothing else reads any more, are written by a kernel of their own, `rings`, and not by `state`;
 * pass roles makes it part of main, and pass saved, where it can, makes `gather` part of the kernel that saves states. With a
 * fold of L tokens row tiles begin at a multiple of L, up to L - 1 tokens before the first new one, and W is that much more.
 */
#include "passes/loops.h"

#include <string.h>

typedef struct Gather {
    Ctx            *ctx;
    Module         *module;
    const PassArgs *args;
    Kernel         *kernel; /* the one that is rewritten */
    Op             *seq, *heads;
} Gather;

static bool is_both(const Op *op) {
    const Op *ring = op->code == OP_ADD ? op->in[0]->def : NULL;
    return ring && ring->code == OP_LOAD && op_int(ring, AT_WRAP, 0) > 0;
}

static const char *gathered(const Op *fresh) { return strcmp(op_text(fresh, AT_PARAM), "k") == 0 ? "all_k" : "all_v"; }

/* The copy engine knows the bounds of tensors alone: each sequence then has rows of its own, and all of them are written. Packed
 * sequences, whose rows it takes between bounds, stay side by side: as many rows each as there are tokens of all would be too many. */
static bool is_apart(const Gather *g) { return g->args->schedule->roles && !loop_is_packed(g->kernel); }

/* Where the rows of both loads are among all: the old keys of the sequences up to this one come before. */
static Access access_of(const Gather *g, Builder *b, const Op *ring, const Op *fresh, Value *seq) {
    Value *const window = ir_i(b, spec_reach(g->args->spec)), *const oldest = ring->in[3]->def->in[1];
    Value *const before = is_apart(g) ? window
                                      : ir_ibin(b, OP_IADD, ir_ibin(b, OP_IMUL, index_offset(b, seq, 1), window),
                                                ir_ibin(b, OP_IMUL, fresh->in[0], ir_sym(b, SYM_T)));
    return (Access){.param = gathered(fresh),
                    .at = {is_apart(g) ? seq : NULL, ir_ibin(b, OP_IADD, before, fresh->in[1]), fresh->in[2]},
                    .lo = ir_ibin(b, OP_IADD, ir_ibin(b, OP_IADD, before, fresh->in[3]), oldest),
                    .hi = ir_ibin(b, OP_IADD, before, fresh->in[4]),
                    .rowdim = 1,
                    .groupdim = -1,
                    .period = fresh->out[0]->type.rows,
                    .beyond = is_apart(g) ? op_text(fresh, AT_PARAM) : NULL,
                    .border = spec_reach(g->args->spec)};
}

static bool read_gathered(Op *op, void *arg) {
    const Gather *g = arg;
    if (!is_both(op))
        return true;
    Builder      b = ir_before(g->ctx, g->kernel, op);
    const Access access = access_of(g, &b, op->in[0]->def, op->in[1]->def, g->seq->region->args[0]);
    ir_replace_uses(g->kernel, op->out[0], ir_load(&b, &access, op->out[0]->type.rows, op->out[0]->type.cols));
    op_erase(op);
    return true;
}

/* ---- The kernel ---- */

static Op *axis(Gather *g, Kernel *kernel, Block *block, const char *name, Value *(*extent)(Builder *b, Gather *g)) {
    Builder   b = ir_at_end(g->ctx, kernel, block);
    Op *const loop = ir_for(&b, name, true, ir_i(&b, 0), extent(&b, g), ir_i(&b, 1), NULL, 0);
    if (block->owner)
        ir_yield(&b, NULL, 0);
    return loop;
}

static Value *sequences(Builder *b, Gather *g) {
    (void)g;
    return ir_sym(b, SYM_N);
}

static Value *head_count(Builder *b, Gather *g) {
    int64_t heads = 1;
    ir_const_value(g->heads->in[1], &heads);
    return ir_i(b, heads);
}

/* With rows of their own all that tiles of keys need which begin before the first new token: the others are read where the
 * caller has them. Tiles of scores end with a row tile or a multiple of their size before it, so that one which begins
 * earlier ends a row tile earlier than it is tall; tiles of leaving keys are as tall as a row tile, and begin anywhere: with
 * the oldest key that there is. With a fold tiles of scores begin anywhere, too. */
static Value *tiles(Builder *b, Gather *g) {
    const int64_t window = spec_reach(g->args->spec), chunk = g->args->schedule->chunk, size = g->args->schedule->key_tile;
    const int64_t leaving = chunk - 1;
    const int64_t past = size % chunk || spec_fold(g->args->spec) > 1 ? (size > chunk ? size : chunk) - 1 : size - chunk > leaving ? size - chunk : leaving;
    return is_apart(g) ? ir_i(b, (window + past + chunk - 1) / chunk) : ir_sym(b, SYM_J);
}

/* The rows that `sum` adds up in the key loop of main, at another key and in tiles as tall as a row tile: each load's
 * rows go where they belong, old ones before the first token's place. */
static void copy_tile(Gather *g, Builder *b, const Op *sum, const Value *key, Value *at, const ValueMap *around) {
    const int chunk = g->args->schedule->chunk;
    Value    *seq = map_get(around, g->seq->region->args[0]), *loads[2];
    ValueMap  map = {.ctx = g->ctx};
    Op *const before = b->block->last;
    map_set(&map, g->seq->region->args[0], seq);
    map_set(&map, g->heads->region->args[0], map_get(around, g->heads->region->args[0]));
    map_set(&map, (Value *)key, at);
    for (int n = 0; n < 2; n++)
        loads[n] = clone_slice(b, sum->in[n], g->kernel->body, &map);
    retile(g->ctx, before->next, NULL, sum->out[0]->type.rows, chunk);
    const Op    *fresh = loads[1]->def;
    Access       access = access_of(g, b, loads[0]->def, fresh, seq);
    Value *const ahead = ir_ibin(b, OP_ISUB, access.at[1], fresh->in[1]), *const end = access.hi;
    access.period = chunk;
    access.beyond = NULL;
    for (int n = 0; n < 2; n++) {
        Value *const border = ir_ibin(b, OP_IADD, ahead, fresh->in[3]);
        access.lo = n ? border : is_apart(g) ? ir_i(b, 0) : access.lo;
        access.hi = !n ? border : is_apart(g) ? ir_sym(b, SYM_O) : end;
        op_unlink(loads[n]->def); /* a load and its store stand together: nothing need be held */
        op_insert(b, loads[n]->def);
        ir_store(b, &access, loads[n]);
    }
}

static Kernel *gather_kernel(Gather *g, const Op *keys, const Op *values, const Value *key) {
    Module        scratch = {0};
    Kernel *const kernel = ir_kernel(g->ctx, &scratch, "gather", LEVEL_TILE);
    Op *const     seq = axis(g, kernel, kernel->body, "seq", sequences);
    Op *const     heads = axis(g, kernel, seq->region, "kv_head", head_count);
    Op *const     rows = axis(g, kernel, heads->region, "row", tiles);
    Builder       b = ir_at_end(g->ctx, kernel, rows->region);
    ValueMap      around = {.ctx = g->ctx};
    map_set(&around, g->seq->region->args[0], seq->region->args[0]);
    map_set(&around, g->heads->region->args[0], heads->region->args[0]);
    Value *const number = ir_ibin(&b, OP_IMUL, rows->region->args[0], ir_i(&b, g->args->schedule->chunk));
    Value *const at = ir_ibin(&b, OP_ISUB, number, ir_i(&b, spec_reach(g->args->spec)));
    copy_tile(g, &b, keys, key, at, &around);
    copy_tile(g, &b, values, key, at, &around);
    ir_yield(&b, NULL, 0);
    return kernel;
}

/* ---- All of it ---- */

static void add_param(Gather *g, Kernel *main, const char *name, const char *like) {
    const CodeParam *param = ir_find_param(main, like);
    const int64_t    apart[4] = {DIM_SYM(SYM_N), DIM_SYM(SYM_O), param->dims[2], param->dims[3]},
                  row[4] = {1, DIM_SYM(SYM_A), param->dims[2], param->dims[3]};
    const int64_t *dims = is_apart(g) ? apart : row;
    ir_param(g->ctx, main, name, param->dtype, PARAM_WORK, 4, dims);
}

typedef struct Found {
    const Op *keys, *values;
} Found;

static bool find_sums(Op *op, void *arg) {
    Found *found = arg;
    if (is_both(op) && strcmp(gathered(op->in[1]->def), "all_k") == 0)
        found->keys = op;
    else if (is_both(op))
        found->values = op;
    return true;
}

static void rewrite(Gather *g, Kernel *kernel) {
    g->kernel = kernel;
    g->seq = loop_find(kernel->body, "seq");
    g->heads = loop_find(kernel->body, "kv_head");
    ir_walk(kernel->body, read_gathered, g);
}

static bool run_in_order(Op *op, void *arg) {
    (void)arg;
    if (op->code == OP_FOR)
        op_remove_attr(op, AT_PAR);
    return true;
}

static Op *ring_rows(Kernel *state) { return loop_find(loop_find(state->body, "kv_head")->region, "row"); }

/* for i = first .. end by tiles -> for number = 0 .. R, i = first + number * chunk: what lies behind the end is neither
 * loaded nor stored, and every row has a slot of its own, so that all tiles are written at the same time. */
static void count_tiles(Gather *g, Kernel *kernel, Op *rows) {
    Builder      b = ir_before(g->ctx, kernel, rows), in = ir_before(g->ctx, kernel, rows->region->first);
    Value *const number = rows->region->args[0], *const first = rows->in[0];
    Value *const scaled = ir_op(&in, OP_IMUL, (Value *[]){number, ir_i(&in, g->args->schedule->chunk)}, 2, NULL, 0)->out[0];
    Value *const row = ir_ibin(&in, OP_IADD, first, scaled);
    ir_replace_uses(kernel, number, row);
    scaled->def->in[0] = number;
    rows->in[0] = ir_i(&b, 0);
    rows->in[1] = ir_sym(&b, SYM_R);
    rows->in[2] = ir_i(&b, 1);
}

/* A copy of kernel `state` that keeps its loop over the new tokens; state keeps the rest. */
static Kernel *rings_kernel(Gather *g, Kernel *state) {
    Kernel       *only[1] = {state};
    Module        one = {.name = g->module->name, .kernels = only, .kernel_count = 1, .kernel_capacity = 1};
    Kernel *const rings = ir_clone_module(g->ctx, &one)->kernels[0];
    Op *const     kept = ring_rows(rings);
    rings->name = "rings";
    for (Op *op = kept->parent->last, *before; op; op = before) {
        before = op->prev;
        if (op != kept && op->code != OP_YIELD && op_info(op->code)->rule != TR_INDEX)
            op_erase(op);
    }
    count_tiles(g, rings, kept);
    op_erase(ring_rows(state));
    return rings;
}

static void set_params(Kernel *kernel, const Kernel *like) {
    kernel->params = like->params;
    kernel->param_count = like->param_count;
    kernel->param_capacity = like->param_capacity;
}

Status pass_gather(Ctx *ctx, Module *module, const PassArgs *args) {
    Gather        g = {.ctx = ctx, .module = module, .args = args};
    Kernel *const main = ir_find_kernel(module, "main"), *const state = ir_find_kernel(module, "state");
    Op *const keys = main ? loop_find(main->body, "key") : NULL, *const mask = keys ? loop_mask(keys) : NULL;
    Found found = {NULL, NULL};
    if (args->kind != KIND_EXTEND)
        return ST_OK;
    if (mask)
        ir_walk(keys->region, find_sums, &found);
    if (!state || !found.keys || !found.values)
        return ctx_fail(ctx, ST_FAILED, "pass gather", NULL, "the module does not extend sequences");
    module->lead = spec_fold(args->spec) - 1;
    g.kernel = main;
    g.seq = loop_find(main->body, "seq");
    g.heads = loop_find(main->body, "kv_head");
    add_param(&g, main, "all_k", "k");
    add_param(&g, main, "all_v", "v");
    Kernel *const gather = gather_kernel(&g, found.keys, found.values, mask->in[1]->def->in[0]);
    rewrite(&g, main);
    rewrite(&g, state);
    Kernel *const rings = rings_kernel(&g, state);
    ir_walk(g.heads->region, run_in_order, NULL);
    pass_note(ctx, args, gather, "copies keys and values of rings and new tokens into one row a sequence, %s",
              is_apart(&g) ? "where tiles begin in the window" : "all of them");
    Kernel *const all[] = {gather, rings, main, state};
    module->kernel_count = 0;
    for (int k = 0; k < 4; k++) {
        set_params(all[k], main);
        PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, all[k]);
    }
    return ST_OK;
}
