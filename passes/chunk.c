/* chunk: the residual sum as a recurrence over chunks.
 * In: tile IR in which every row tile sums phi(q_i) . phi(k_j) v_j over all j <= i - W (loop `residual`), and a kernel `state`
 * that sums phi(k_j)^T v_j. Out: the row loop runs in order and carries the state S (F x E): with `edge` the chunk of keys
 * [row - W, row - W + chunk),
 *     residual = masked(phi(q) phi(k_edge)^T) v_edge + phi(q) S,      S' = S + phi(k_edge)^T v_edge
 * (the chunkwise form of linear attention, as in the paper's section on efficient implementation). There is one S a key/value
 * head. Kernel `state` is merged: S at the end is its sum. Long sequences may be cut into segments: kernel `segment_state`
 * sums what each adds to S, `segment_scan` adds these up, and `main` starts every segment from its sum. Of kind backward each
 * kernel with a row loop is cut alike.
 * With fold = L row tiles begin at multiples of L, and S at the end is without the keys behind the last one. A decoding
 * step, whose few rows seldom reach one, reads S where it lies and writes it where they do: see fold.h. */
#include "passes/fold.h"
#include "passes/map_range.h"
#include "passes/segments.h"

#include <string.h>

/* Of segments: work parameters with the states that they start from, kernel `keys`' own being those of what it sums up. */
static const char STARTS[] = "work", KEY_STARTS[] = "key_work";

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
    bool        transposed;  /* segments start from the transposes of the sums that there are */
    Op         *moves;       /* where a decoding step adds to the states in the pools, or NULL: behind the rows */
} Chunker;

static void remove_kernel(Module *module, const Kernel *kernel) {
    int kept = 0;
    for (int k = 0; k < module->kernel_count; k++)
        if (module->kernels[k] != kernel)
            module->kernels[kept++] = module->kernels[k];
    module->kernel_count = kept;
}

/* The init of S: zeros, the segment's start, or the state that a kernel's pools hold (then phi(q) S_init merges too). */
static Value *initial_state(Chunker *c, Builder *b, int F, int E, Value *pooled, ValueMap *map) {
    if (pooled)
        return clone_slice(b, pooled, c->rows->region, map);
    if (!c->segment)
        return ir_f(b, 0, F, E);
    return segments_start(c->ctx, c->rows, b, c->segment, STARTS, type_tile(DT_F32, F, E), c->transposed);
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

static void note_segments(const Chunker *c) {
    const Schedule *s = c->args->schedule;
    if (!c->residual)
        pass_note(c->ctx, c->args, c->kernel, "no residual branch: no state");
    else if (c->segment)
        pass_note(c->ctx, c->args, c->kernel,
                  "sequences are cut into segments of %lld tokens while there are fewer than %d pairs of sequence and head",
                  (long long)c->module->segment, s->min_items);
    else
        pass_note(c->ctx, c->args, c->kernel, "sequences are not cut");
}

/* Kernels segment_state and segment_scan, made from a copy of a kernel once it carries its state. */
static void add_segment_kernels(Chunker *c) {
    Module scratch = {.name = c->module->name};
    Kernel *const states = ir_clone_kernel(c->ctx, c->kernel, &scratch, "states");
    segments_add_kernels(c->ctx, c->module, 0, states, "segment", STARTS);
}

/* ---- The gradients' kernels ---- */

/* Kernel `keys`: its states go from the last row to the first, and are sums over the heads of a group. */
static Status chunk_keys(Chunker *c, int at) {
    if (!c->segment)
        return chunk_heads(c->ctx, c->kernel, c->rows, c->group, c->residual, NULL, NULL);
    Module  scratch = {.name = c->module->name};
    Chunker states = {.ctx = c->ctx, .kernel = ir_clone_kernel(c->ctx, c->kernel, &scratch, "states")};
    find_loops(&states);
    TRY(chunk_heads_states(c->ctx, states.kernel, states.rows, states.group, states.residual));
    TRY(chunk_heads(c->ctx, c->kernel, c->rows, c->group, c->residual, c->segment, KEY_STARTS));
    segments_add_kernels(c->ctx, c->module, at, states.kernel, "key", KEY_STARTS);
    return ST_OK;
}

enum { MOST_SEGMENT = 1 << 30 }; /* tokens: what a longer window reaches is whole */

/* Each starts from its own states, but that `rows` has the transposes of main's; where main has none, those of `rows` are summed. */
static Status chunk_gradients(Ctx *ctx, Module *module, const PassArgs *args) {
    const int64_t least = segments_least(args->spec, args->schedule);
    const bool    cuts = args->schedule->segment > 0 && least <= MOST_SEGMENT;
    module->segment = !cuts ? 0 : args->schedule->segment < least ? least : args->schedule->segment;
    module->min_items = args->schedule->min_items;
    bool       noted = false, summed = false;
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *const kernel = module->kernels[k];
        Chunker       c = {.ctx = ctx, .module = module, .args = args, .kernel = kernel, .transposed = summed};
        Value        *final;
        find_loops(&c);
        if (!c.rows || loop_around(c.rows, "segment"))
            continue;
        if (cuts)
            c.segment = strcmp(kernel->name, "rows") == 0 ? segments_cut_rows(ctx, module, k, args)
                                                          : segments_cut(ctx, kernel, c.rows);
        if (!noted)
            note_segments(&c);
        noted = true;
        if (!c.residual)
            continue;
        note_state(&c, kernel, spec_features(args->spec), args->spec->value_dim);
        if (c.group->out_count) {
            TRY(chunk_keys(&c, k));
        } else {
            TRY(carry_state(&c, &final));
            if (c.segment && !summed)
                add_segment_kernels(&c);
            summed = true;
        }
        while (module->kernels[k] != kernel)
            k++;
    }
    if (cuts)
        segments_cut_parts(ctx, module, (int64_t)TILES_A_PART * args->schedule->chunk);
    return ST_OK;
}

Status pass_chunk(Ctx *ctx, Module *module, const PassArgs *args) {
    Chunker       c = {.ctx = ctx, .module = module, .args = args, .kernel = ir_find_kernel(module, "main")};
    Kernel *const state = ir_find_kernel(module, "state");
    if (!c.kernel && args->kind != KIND_BACKWARD) /* which may have none: see pass differentiate */
        return ctx_fail(ctx, ST_FAILED, "pass chunk", NULL, "the module has no kernel main");
    const bool folds = args->kind == KIND_DECODE && spec_fold(args->spec) > 1;
    for (int k = 0; k < module->kernel_count && !folds; k++)
        TRY(map_fill_absent(ctx, module->kernels[k]));
    if (args->kind == KIND_BACKWARD)
        return chunk_gradients(ctx, module, args);
    find_loops(&c);
    if (args->kind == KIND_FORWARD) {
        c.segment = segments_cut(ctx, c.kernel, c.rows);
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
        TRY(map_fill_absent(ctx, c.kernel)); /* the tiles of keys that it has made */
    } else {
        TRY(carry_state(&c, &final));
    }
    if (final)
        note_state(&c, c.kernel, final->type.rows, final->type.cols);
    if (c.segment)
        add_segment_kernels(&c);
    if (state) {
        merge_state_kernel(&c, state, final);
        remove_kernel(module, state);
    }
    return ST_OK;
}
