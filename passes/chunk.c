/* chunk: the residual sum as a recurrence over chunks.
 * In: tile IR in which every row tile sums phi(q_i) . phi(k_j) v_j over all j <= i - W (loop `residual`), and a kernel `state`
 * that sums phi(k_j)^T v_j. Out: the row loop runs in order and carries the state S (F x E): with `edge` the chunk of keys
 * [row - W, row - W + chunk),
 *     residual = masked(phi(q) phi(k_edge)^T) v_edge + phi(q) S,      S' = S + phi(k_edge)^T v_edge
 * (the chunkwise form of linear attention, as in the paper's section on efficient implementation). There is one S a key/value
 * head. Kernel `state` is merged: S at the end is its sum. Long sequences may be cut into segments: kernel `segment_state`
 * sums what each adds to S, `segment_scan` adds these up, and `main` starts every segment from its sum.
 * With fold = L row tiles begin at multiples of L, and S at the end is without the keys behind the last one. A decoding
 * step, whose few rows seldom reach one, reads S where it lies and writes it where they do: see fold.h. */
#include "passes/fold.h"
#include "passes/map_range.h"

#include <string.h>

typedef struct Chunker {
    Ctx     *ctx;
    Module  *module;
    const PassArgs *args;
    Kernel  *kernel;         /* main */
    Op      *rows, *group;   /* its loops */
    Op      *residual;       /* NULL: no such branch */
    Value   *length;         /* rows of the whole sequence */
    Value   *segment;        /* number of the segment, NULL: not cut */
    bool        rings_first; /* rows are single tokens on rings */
    const char *merged;      /* parameter whose load became the initial S, or NULL */
    bool        keeps_state; /* S behind the last row is an output */
    Op         *moves;       /* where a decoding step adds to the states in the pools, or NULL: behind the rows */
} Chunker;

static void remove_kernel(Module *module, const Kernel *kernel) {
    int kept = 0;
    for (int k = 0; k < module->kernel_count; k++)
        if (module->kernels[k] != kernel)
            module->kernels[kept++] = module->kernels[k];
    module->kernel_count = kept;
}

static void insert_kernel(Ctx *ctx, Module *module, int at, Kernel *kernel) {
    PUSH(ctx, module->kernels, module->kernel_count, module->kernel_capacity, kernel);
    for (int k = module->kernel_count - 1; k > at; k--)
        module->kernels[k] = module->kernels[k - 1];
    module->kernels[at] = kernel;
}

/* for row in 0 .. length  ->  for segment in 0 .. S { for row in segment * L .. min(length, segment * L + L) }. */
static void cut_into_segments(Chunker *c) {
    Builder b = ir_before(c->ctx, c->kernel, c->rows);
    Op *const loop = ir_for(&b, "segment", true, ir_i(&b, 0), ir_sym(&b, SYM_S), ir_i(&b, 1), NULL, 0);
    c->segment = loop->region->args[0];
    Builder      in = ir_at_end(c->ctx, c->kernel, loop->region);
    Value *const size = ir_sym(&in, SYM_L), *const first = ir_ibin(&in, OP_IMUL, c->segment, size);
    op_unlink(c->rows);
    c->rows->in[0] = first;
    c->rows->in[1] = ir_ibin(&in, OP_IMIN, c->length, ir_ibin(&in, OP_IADD, first, size));
    op_insert(&in, c->rows);
    ir_yield(&in, NULL, 0);
}

/* The init of S: zeros, the segment's start, or the state that a kernel's pools hold (then phi(q) S_init merges too). */
static Value *initial_state(Chunker *c, Builder *b, int F, int E, Value *pooled, ValueMap *map) {
    if (pooled)
        return clone_slice(b, pooled, c->rows->region, map);
    Value *zero = ir_f(b, 0, F, E);
    if (!c->segment)
        return zero;
    Op *const started = ir_if(b, ir_ibin(b, OP_ILT, ir_i(b, 0), c->segment), &zero, 1);
    Builder   in = ir_at_end(c->ctx, c->kernel, started->region);
    Value    *const n = loop_around(c->rows, "seq")->region->args[0];
    Value    *const head = loop_around(c->rows, "kv_head")->region->args[0];
    const Access access = {.param = "work", .at = {index_offset(&in, c->segment, -1), n, ir_ibin(&in, OP_IMUL, head, ir_i(&in, F))},
                           .rowdim = 2, .groupdim = -1, .period = F};
    ir_yield(&in, (Value *[]){ir_load(&in, &access, F, E)}, 1);
    return started->out[0];
}

/* add(phi(q) X, residual) with an X that no row or head changes: X belongs into S. */
static Op *find_start(const Chunker *c, const Residual *p, Value **start) {
    int  count;
    Op **users = ir_users(c->ctx, c->kernel, c->residual->out[0], &count);
    for (int u = 0; u < count; u++)
        for (int i = 0; i < 2 && users[u]->code == OP_ADD; i++) {
            const Op *product = users[u]->in[i]->def;
            if (!product || product->code != OP_DOT || product->in[0] != p->features || product->in_count != 2)
                continue;
            *start = product->in[1];
            if ((*start)->def && (*start)->def->code == OP_LOAD && !depends_on(*start, c->group->region->args[0]) &&
                !depends_on(*start, c->rows->region->args[0]))
                return users[u];
        }
    return NULL;
}

/* The group's half: what replaces the residual loop. `any`: NULL, or 0 where there is nothing to add yet. */
static Value *residual_of_tile(Chunker *c, const Residual *p, Value *keys, Value *values, Value *state, Value *any) {
    Builder      b = ir_before(c->ctx, c->kernel, c->residual), in = b;
    Value *const none = c->residual->in[3];
    Op          *maybe = NULL;
    if (any) {
        maybe = ir_if(&b, any, &none, 1);
        in = ir_at_end(c->ctx, c->kernel, maybe->region);
    }
    const int64_t hi = op_int(p->mask, AT_HI, 0);
    Value *const  score = ir_dot(&in, p->features, keys, NULL, false, true);
    Value *const  kept = ir_mask(&in, score, ir_i(&in, hi), ir_i(&in, 0), IR_NEG_INF, hi, (int)op_int(p->mask, AT_PERIOD, 1), 0);
    Value        *sum = ir_dot(&in, kept, values, NULL, false, false);
    sum = ir_dot(&in, p->features, state, sum, false, false);
    if (!maybe)
        return sum;
    ir_yield(&in, &sum, 1);
    return maybe->out[0];
}

static Value *advance_state(Chunker *c, Builder *b, Value *keys, Value *values, Value *state, Value *any) {
    if (!any)
        return ir_dot(b, keys, values, state, true, false);
    Op *const    maybe = ir_if(b, any, &state, 1);
    Builder      in = ir_at_end(c->ctx, c->kernel, maybe->region);
    Value *const next = ir_dot(&in, keys, values, state, true, false);
    ir_yield(&in, &next, 1);
    return maybe->out[0];
}

/* The values that S takes: where it is kept, none behind the last multiple of L tokens. */
static Value *kept_values(Chunker *c, Builder *b, const Residual *p, Value *values, ValueMap *map) {
    if (spec_fold(c->args->spec) == 1 || !c->keeps_state)
        return values;
    ValueMap     again = {.ctx = c->ctx};
    Value *const folded = fold_folded(c->args->spec, b, fold_seen(c->kernel), c->length);
    Value *const rows = ir_ibin(b, OP_ISUB, folded, c->rows->region->args[0]);
    map_set(&again, c->residual->region->args[0], map_get(map, c->residual->region->args[0]));
    Value *const made = clone_slice(b, p->values, c->group->region, &again);
    limit_slice(c->ctx, c->kernel, made, c->rows->region, rows);
    return made;
}

static bool is_plain(const Value *tile) { return tile->def && tile->def->code == OP_LOAD; }

/* Gives the row loop a carried S and rewrites the branch; returns S after the last row. */
static Status carry_state(Chunker *c, Value **final) {
    Residual p = {0};
    TRY(match_residual(c->ctx, "pass chunk", c->residual, &p));
    const int F = p.keys->type.cols, E = p.values->type.cols;
    Value    *start = NULL;
    Op *const merged = find_start(c, &p, &start);
    ValueMap  map = {.ctx = c->ctx}, before_rows = {.ctx = c->ctx};
    Builder   outside = ir_before(c->ctx, c->kernel, c->rows), b = ir_before(c->ctx, c->kernel, c->group);
    c->merged = merged ? op_text(start->def, AT_PARAM) : NULL;
    op_add_in(c->ctx, c->rows, 3, initial_state(c, &outside, F, E, merged ? start : NULL, &before_rows));
    Value *const state = block_arg(c->ctx, c->kernel, c->rows->region, type_tile(DT_F32, F, E), "state");
    *final = op_add_out(c->ctx, c->kernel, c->rows, type_tile(DT_F32, F, E));
    map_set(&map, c->residual->region->args[0], ir_i(&b, 0));
    Value *const left = ir_ibin(&b, OP_ISUB, c->length, c->rows->region->args[0]);
    Value *const keys = clone_slice(&b, p.keys, c->group->region, &map);
    Value *const values = clone_slice(&b, p.values, c->group->region, &map);
    /* One side of the products is zero behind the last row: not features, whose absent rows may have been filled. */
    limit_slice(c->ctx, c->kernel, is_plain(keys) && !is_plain(values) ? keys : values, c->rows->region, left);
    b = ir_before(c->ctx, c->kernel, c->group);
    Value *const kept = kept_values(c, &b, &p, values, &map);
    b = ir_before(c->ctx, c->kernel, c->group);
    Value *const any = merged ? NULL : ir_ibin(&b, OP_ILT, ir_i(&b, 0), clone_slice(&b, c->residual->in[1], c->group->region, &map));
    Value *const sum = residual_of_tile(c, &p, keys, values, state, any);
    ir_replace_uses(c->kernel, merged ? merged->out[0] : c->residual->out[0], sum);
    if (merged)
        op_erase(merged);
    op_erase(c->residual);
    Op *const yield = ir_terminator(c->rows->region);
    b = ir_before(c->ctx, c->kernel, yield);
    op_add_in(c->ctx, yield, 0, advance_state(c, &b, keys, kept, state, any));
    return ST_OK;
}

/* ---- One token a row: rings first ---- */

/* Where every row tile is one token, its key and value can go into the rings before its scores: the key whose slot they take
 * has just left the window. Scores then read one source instead of two. */
typedef struct RingsFirst {
    Chunker *c;
    Value   *seen;
} RingsFirst;

static bool is_ring_load(const Op *op) { return op && op->code == OP_LOAD && op_int(op, AT_WRAP, 0) > 0; }

static bool is_new_load(const Op *op) {
    return op && op->code == OP_LOAD && op_int(op, AT_ROWDIM, -1) >= 0 && !is_ring_load(op);
}

/* add(ring row, new row): the ring has it all; up to this token inside the key loop, before it elsewhere. */
static bool read_ring_alone(Op *op, void *arg) {
    const RingsFirst *r = arg;
    Op *const ring = op->code == OP_ADD ? op->in[0]->def : NULL;
    if (!is_ring_load(ring) || !is_new_load(op->in[1]->def)) /* else a map's sum */
        return true;
    Builder      b = ir_before(r->c->ctx, r->c->kernel, ring);
    Value *const end = ir_ibin(&b, OP_IADD, r->seen, r->c->rows->region->args[0]);
    const Op *const limit = r->c->moves ? ring->in[4]->def : NULL; /* of the keys that S takes */
    ring->in[4] = loop_around(op, "key")                 ? index_offset(&b, end, 1)
                  : limit && limit->code == OP_IMIN ? ir_ibin(&b, OP_IMIN, end, limit->in[1])
                                                    : end;
    ir_replace_uses(r->c->kernel, op->out[0], ring->out[0]);
    op_erase(op);
    return true;
}

static void rings_first(Chunker *c, Op *loop, ValueMap *map) {
    Builder    b = ir_before(c->ctx, c->kernel, c->group);
    RingsFirst r = {.c = c};
    map_set(map, loop->region->args[0], c->rows->region->args[0]);
    for (const Op *op = loop->region->first; op; op = op->next) {
        if (op->code == OP_YIELD)
            continue;
        ir_clone(&b, op, map);
        if (op->code == OP_STORE)
            r.seen = map_get(map, op->in[3]);
    }
    ir_walk(c->rows->region, read_ring_alone, &r);
}

/* What stands beside a loop of the grid: index values that were hoisted. */
static void clone_around(Builder *b, const Block *block, const Op *loop, ValueMap *map) {
    for (const Op *op = block->first; op; op = op->next)
        if (op != loop && op->code != OP_YIELD)
            ir_clone(b, op, map);
}

/* Clones the body of kernel `state` behind main's row loop, its sum replaced by S. */
static void merge_state_kernel(Chunker *c, Kernel *from, Value *final) {
    Op *const heads = loop_find(from->body, "kv_head"), *const sum = loop_find(from->body, "residual");
    Op *const seq = loop_find(from->body, "seq");
    Builder   b = ir_after(c->ctx, c->kernel, c->rows);
    ValueMap  map = {.ctx = c->ctx};
    if (c->segment) {
        Value *const size = ir_sym(&b, SYM_L);
        Value *const count = ir_ibin(&b, OP_IDIV, index_offset(&b, ir_ibin(&b, OP_IADD, c->length, size), -1), size);
        Value *const last = ir_ibin(&b, OP_IMAX, ir_i(&b, 0), index_offset(&b, count, -1));
        Value *const is_last = ir_ibin(&b, OP_IMUL, ir_ibin(&b, OP_ILT, c->segment, index_offset(&b, last, 1)),
                                       ir_ibin(&b, OP_ILT, index_offset(&b, last, -1), c->segment));
        Op *const only = ir_if(&b, is_last, NULL, 0);
        b = ir_at_end(c->ctx, c->kernel, only->region);
    }
    map_set(&map, heads->region->args[0], loop_around(c->rows, "kv_head")->region->args[0]);
    map_set(&map, seq->region->args[0], loop_around(c->rows, "seq")->region->args[0]);
    map_set(&map, sum->out[0], final);
    Builder before = ir_before(c->ctx, c->kernel, c->rows);
    clone_around(&before, seq->parent, seq, &map);
    clone_around(&before, seq->region, heads, &map);
    Builder behind = b;
    if (c->moves)
        b = ir_at_end(c->ctx, c->kernel, c->moves->region);
    for (Op *op = heads->region->first; op; op = op->next) {
        if (op == sum || op->code == OP_YIELD)
            continue;
        if (op_info(op->code)->rule == TR_INDEX) {
            ir_clone(&before, op, &map);
            continue;
        }
        const Op *other = op->code == OP_ADD && op->in[1] == sum->out[0] ? op->in[0]->def : NULL;
        if (c->merged && other && other->code == OP_LOAD && strcmp(op_text(other, AT_PARAM), c->merged) == 0)
            map_set(&map, op->out[0], final);
        else if (loop_is(op, "row") && c->rings_first) {
            rings_first(c, op, &map);
        } else {
            Op *const made = ir_clone(loop_is(op, "row") ? &behind : &b, op, &map);
            op_remove_attr(made, AT_PAR);
        }
    }
    if (c->segment || c->moves)
        ir_yield(&b, NULL, 0);
}

/* segment_state: main without its rows' outputs; what each segment but the last adds to S goes to `work`. */
static Kernel *segment_state_kernel(Chunker *c, Module *scratch) {
    Kernel *const k = scratch->kernels[0];
    k->name = "segment_state";
    Op *const rows = loop_find(k->body, "row"), *const heads = loop_find(k->body, "kv_head"), *const seq = loop_find(k->body, "seq");
    Value *const segment = loop_find(k->body, "segment")->region->args[0], *const state = rows->in[3];
    const int    F = state->type.rows, E = state->type.cols;
    op_erase(loop_find(rows->region, "group"));
    while (rows->next->code != OP_YIELD)
        op_erase(rows->next);
    Builder      b = ir_before(c->ctx, k, rows);
    Value *const goes_on = ir_ibin(&b, OP_ILT, segment, ir_sym(&b, SYM_K));
    rows->in[1] = ir_ibin(&b, OP_IMUL, rows->in[1], goes_on);
    rows->in[3] = ir_f(&b, 0, F, E);
    Value *const first = ir_ibin(&b, OP_IMUL, heads->region->args[0], ir_i(&b, F));
    const Access access = {.param = "work", .at = {segment, seq->region->args[0], first}, .lo = first,
                           .hi = ir_ibin(&b, OP_IADD, first, ir_ibin(&b, OP_IMUL, ir_i(&b, F), goes_on)),
                           .rowdim = 2, .groupdim = -1, .period = F};
    b = ir_after(c->ctx, k, rows);
    ir_store(&b, &access, rows->out[0]);
    return k;
}

/* segment_scan: work[s] becomes work[0] + ... + work[s], in that order. */
static Kernel *segment_scan_kernel(Chunker *c, Module *scratch, int64_t kv_heads, int F, int E) {
    Kernel *const k = ir_kernel(c->ctx, scratch, "segment_scan", LEVEL_TILE);
    k->params = c->kernel->params;
    k->param_count = c->kernel->param_count;
    k->param_capacity = c->kernel->param_capacity;
    Builder   b = ir_at_end(c->ctx, k, k->body);
    Op *const seq = ir_for(&b, "seq", true, ir_i(&b, 0), ir_sym(&b, SYM_N), ir_i(&b, 1), NULL, 0);
    b = ir_at_end(c->ctx, k, seq->region);
    Op *const heads = ir_for(&b, "kv_head", true, ir_i(&b, 0), ir_i(&b, kv_heads), ir_i(&b, 1), NULL, 0);
    ir_yield(&b, NULL, 0);
    b = ir_at_end(c->ctx, k, heads->region);
    Value    *zero = ir_f(&b, 0, F, E);
    Op *const scan = ir_for(&b, "segment", false, ir_i(&b, 0), ir_sym(&b, SYM_K), ir_i(&b, 1), &zero, 1);
    ir_yield(&b, NULL, 0);
    b = ir_at_end(c->ctx, k, scan->region);
    const Access access = {.param = "work", .at = {scan->region->args[0], seq->region->args[0], ir_ibin(&b, OP_IMUL, heads->region->args[0], ir_i(&b, F))},
                           .rowdim = 2, .groupdim = -1, .period = F};
    Value *const sum = ir_binary(&b, OP_ADD, scan->region->args[1], ir_load(&b, &access, F, E));
    ir_store(&b, &access, sum);
    ir_yield(&b, &sum, 1);
    return k;
}

/* The two kernels before main, made from a copy of main once it carries its state. */
static void add_segment_kernels(Chunker *c, const Spec *spec, int F, int E) {
    const int64_t dims[4] = {DIM_SYM(SYM_K), DIM_SYM(SYM_N), (int64_t)spec->kv_heads * F, E};
    ir_param(c->ctx, c->kernel, "work", DT_F32, PARAM_WORK, 4, dims);
    Kernel *only[1] = {c->kernel};
    Module  one = {.name = c->module->name, .kernels = only, .kernel_count = 1, .kernel_capacity = 1};
    Module *const copy = ir_clone_module(c->ctx, &one);
    Kernel *const state = segment_state_kernel(c, copy);
    Kernel *const scan = segment_scan_kernel(c, copy, spec->kv_heads, F, E);
    insert_kernel(c->ctx, c->module, 0, scan);
    insert_kernel(c->ctx, c->module, 0, state);
}

static void find_loops(Chunker *c) {
    c->rows = loop_find(c->kernel->body, "row");
    c->group = c->rows ? loop_find(c->rows->region, "group") : NULL;
    c->residual = c->group ? loop_find(c->group->region, "residual") : NULL;
    c->length = c->rows ? c->rows->in[1] : NULL;
    if (c->rows)
        op_remove_attr(c->rows, AT_PAR);
    if (c->group)
        op_remove_attr(c->group, AT_PAR);
}

static void note_state(const Chunker *c, const Kernel *kernel, int features, int columns) {
    pass_note(c->ctx, c->args, kernel, "a state of %d x %d float32 (%lld bytes) a key/value head goes from row tile to row tile",
              features, columns, 4ll * features * columns);
}

/* The gradients' kernels, each on its own: none hands a state to another one. */
static Status chunk_each(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Chunker c = {.ctx = ctx, .module = module, .args = args, .kernel = module->kernels[k]};
        Value  *final;
        find_loops(&c);
        if (!c.residual)
            continue;
        note_state(&c, c.kernel, spec_features(args->spec), args->spec->value_dim);
        if (c.group->out_count)
            TRY(chunk_heads(ctx, c.kernel, c.rows, c.group, c.residual));
        else
            TRY(carry_state(&c, &final));
    }
    return ST_OK;
}

static void note_segments(const Chunker *c) {
    const Schedule *s = c->args->schedule;
    if (!c->residual)
        pass_note(c->ctx, c->args, c->kernel, "no residual branch: no state");
    else if (c->segment)
        pass_note(c->ctx, c->args, c->kernel,
                  "sequences are cut into segments of %d tokens while there are fewer than %d pairs of sequence and head",
                  s->segment, s->min_items);
    else
        pass_note(c->ctx, c->args, c->kernel, "sequences are not cut");
}

Status pass_chunk(Ctx *ctx, Module *module, const PassArgs *args) {
    Chunker       c = {.ctx = ctx, .module = module, .args = args, .kernel = ir_find_kernel(module, "main")};
    Kernel *const state = ir_find_kernel(module, "state");
    if (!c.kernel)
        return ctx_fail(ctx, ST_FAILED, "pass chunk", NULL, "the module has no kernel main");
    const bool folds = args->kind == KIND_DECODE && spec_fold(args->spec) > 1;
    for (int k = 0; k < module->kernel_count && !folds; k++)
        map_fill_absent(ctx, module->kernels[k]);
    if (args->kind == KIND_BACKWARD)
        return chunk_each(ctx, module, args);
    find_loops(&c);
    if (args->kind == KIND_FORWARD) {
        cut_into_segments(&c);
        module->segment = args->schedule->segment;
        module->min_items = args->schedule->min_items;
    }
    note_segments(&c);
    if (!c.residual)
        return ST_OK;
    c.rings_first = args->kind != KIND_FORWARD && args->schedule->chunk == 1;
    c.keeps_state = state != NULL;
    Value *final = NULL;
    if (folds) {
        TRY(fold_steps(ctx, c.kernel, args, &c.moves, &final));
        map_fill_absent(ctx, c.kernel); /* the tiles of keys that it has made */
    } else {
        TRY(carry_state(&c, &final));
    }
    if (final)
        note_state(&c, c.kernel, final->type.rows, final->type.cols);
    if (c.segment)
        add_segment_kernels(&c, args->spec, final->type.rows, final->type.cols);
    if (state) {
        merge_state_kernel(&c, state, final);
        remove_kernel(module, state);
    }
    return ST_OK;
}
