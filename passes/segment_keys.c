/* Kind backward in segments: sums that rows add to in memory, of the keys that they see.
 * In: kernel `rows`, cut into segments, whose row tiles set a key tile's sums to zero and add to those of all keys in the window;
 * rows of a segment's begin reach back into the segment before, where other rows add at the same time. Out: there are two of each
 * sum, and segments add to them in turns: no other segment of the same parity reaches so far. Kernel `segment_keys` brings
 * them together in the first one, which is what later kernels read: always in the same order. Of whole sequences, one segment
 * each, the second one is never touched. */
#include "passes/segments.h"

#include <string.h>

#include "base/numbers.h"

int64_t segments_halo(const Spec *spec, const Schedule *schedule) {
    return round_up(round_up(spec->window, schedule->key_tile), schedule->chunk);
}

/* A row tile's keys, from the first one in its window on, are whole tiles, of which the last one may reach beyond the row tile.
 * What is added there is zero, but it is loaded and stored: in the keys of the next segment that the one behind it adds to. */
int64_t segments_least(const Spec *spec, const Schedule *schedule) {
    const int64_t seen = spec->window + schedule->chunk, beyond = round_up(seen, schedule->key_tile) - seen;
    return segments_halo(spec, schedule) + round_up(beyond, schedule->chunk);
}

static bool is_key_sum(const char *param) { return strncmp(param, "key_sum", strlen("key_sum")) == 0; }

static bool is_access(const Op *op) {
    return (op->code == OP_LOAD || op->code == OP_STORE) && is_key_sum(op_text(op, AT_PARAM));
}

/* ---- Two of each sum ---- */

typedef struct Parts {
    Ctx    *ctx;
    Kernel *kernel;
    Value  *parity; /* NULL: the first of both */
    int     kv_heads;
} Parts;

/* [B, T, kv_heads, cols]  ->  [2 * kv_heads, B, T, cols], so that a sum that is not used takes no memory between others. */
static bool move_access(Op *op, void *arg) {
    const Parts *p = arg;
    if (!is_access(op))
        return true;
    Builder b = ir_before(p->ctx, p->kernel, op);
    Value  *const seq = op->in[0], *const row = op->in[1], *head = op->in[2];
    if (p->parity)
        head = ir_ibin(&b, OP_IADD, head, ir_ibin(&b, OP_IMUL, p->parity, ir_i(&b, p->kv_heads)));
    op->in[0] = head;
    op->in[1] = seq;
    op->in[2] = row;
    op_set_int(p->ctx, op, AT_ROWDIM, 2);
    return true;
}

static void move_sums(Ctx *ctx, Kernel *kernel, Value *parity) {
    Parts parts = {ctx, kernel, parity, 1};
    for (int p = 0; p < kernel->param_count; p++) {
        CodeParam *const param = &kernel->params[p];
        if (!is_key_sum(param->name))
            continue;
        const int64_t B = param->dims[0], T = param->dims[1], kv_heads = param->dims[2];
        parts.kv_heads = (int)kv_heads;
        param->dims[0] = 2 * kv_heads;
        param->dims[1] = B;
        param->dims[2] = T;
    }
    ir_walk(kernel->body, move_access, &parts);
}

/* segment % 2, before the row loop. */
static Value *parity_of(Ctx *ctx, Kernel *kernel, Op *rows, Value *segment) {
    Builder      b = ir_before(ctx, kernel, rows);
    Value *const pairs = ir_ibin(&b, OP_IDIV, segment, ir_i(&b, 2));
    return ir_ibin(&b, OP_ISUB, segment, ir_ibin(&b, OP_IMUL, ir_i(&b, 2), pairs));
}

/* ---- What rows start from ---- */

/* Keys before the segment start from zero as its own keys do: for each store in the row loop one in a loop over their tiles. */
static void clear_halo(Ctx *ctx, Kernel *kernel, Op *rows, Value *segment, int64_t halo) {
    Builder      b = ir_before(ctx, kernel, rows);
    Value *const keys = ir_ibin(&b, OP_IMUL, ir_i(&b, halo), ir_ibin(&b, OP_ILT, ir_i(&b, 0), segment));
    Op *const    loop = ir_for(&b, "halo", false, ir_ibin(&b, OP_ISUB, rows->in[0], keys), rows->in[0], rows->in[2], NULL, 0);
    Builder      in = ir_at_end(ctx, kernel, loop->region);
    ValueMap     map = {.ctx = ctx};
    map_set(&map, rows->region->args[0], loop->region->args[0]);
    for (const Op *op = rows->region->first; op; op = op->next) {
        if (op->code != OP_STORE || !is_access(op))
            continue;
        for (int i = 0; i < op->in_count; i++)
            clone_slice(&in, op->in[i], rows->region, &map);
        ir_clone(&in, op, &map);
    }
    ir_yield(&in, NULL, 0);
}

/* ---- Kernel segment_keys ---- */

typedef struct Joining {
    Value *row;           /* of the tile */
    Value *shared;        /* the first of the segment's keys that the next one's rows add to */
    Value *parity, *next; /* 1: there is a next segment */
    int    kv_heads;
} Joining;

static Value *load_sum(Builder *b, const Op *store, Value *head, Value *lo, Value *hi) {
    const Access access = {.param = op_text(store, AT_PARAM), .at = {head, store->in[1], store->in[2]}, .lo = lo, .hi = hi,
                           .rowdim = 2, .groupdim = -1, .period = (int)op_int(store, AT_PERIOD, 1)};
    return ir_load(b, &access, store->in[5]->type.rows, store->in[5]->type.cols);
}

/* The store of zeros becomes one of both sums, in the first. */
static void join(Builder *b, const Joining *j, Op *store) {
    Value *const heads = ir_i(b, j->kv_heads), *const second = ir_ibin(b, OP_IMUL, j->parity, heads);
    Value *const own = ir_ibin(b, OP_IADD, store->in[0], second);
    Value *const other = ir_ibin(b, OP_IADD, store->in[0], ir_ibin(b, OP_ISUB, heads, second));
    Value *const first = ir_ibin(b, OP_IADD, store->in[2], ir_ibin(b, OP_ISUB, j->shared, j->row));
    Value *const lo = ir_ibin(b, OP_IMAX, first, store->in[3]);
    Value *const hi = ir_ibin(b, OP_IADD, lo, ir_ibin(b, OP_IMUL, j->next, ir_ibin(b, OP_ISUB, store->in[4], lo)));
    Value *const sum = load_sum(b, store, own, store->in[3], store->in[4]);
    store->in[5] = ir_binary(b, OP_ADD, sum, load_sum(b, store, other, lo, hi));
}

/* Nothing is left of the kernel but its loops and the stores of the row loop. */
static void keep_stores(Kernel *kernel, Op *rows) {
    for (Op *op = rows->region->first, *next; op; op = next) {
        next = op->next;
        const bool stays = op->code == OP_YIELD || op->code == OP_FCONST || op_info(op->code)->rule == TR_INDEX;
        if (!stays && !(op->code == OP_STORE && is_access(op)))
            op_erase(op);
    }
    clean_kernel(kernel);
}

/* Of `from`, `rows` as it was: made from a copy. What is in the first sum already stays there. */
static Kernel *joining_kernel(Ctx *ctx, Module *scratch, const Kernel *from, int kv_heads, int64_t halo) {
    Kernel *const kernel = ir_clone_kernel(ctx, from, scratch, "segment_keys");
    Op *const     rows = loop_find(kernel->body, "row");
    Value *const  length = rows->in[1], *const segment = segments_cut(ctx, kernel, rows);
    keep_stores(kernel, rows);
    move_sums(ctx, kernel, NULL);
    Joining      j = {.row = rows->region->args[0], .parity = parity_of(ctx, kernel, rows, segment), .kv_heads = kv_heads};
    Builder      b = ir_before(ctx, kernel, rows);
    Value *const size = ir_sym(&b, SYM_L), *const end = ir_ibin(&b, OP_IMUL, index_offset(&b, segment, 1), size);
    Value *const even = ir_ibin(&b, OP_ISUB, ir_i(&b, 1), j.parity);
    j.shared = index_offset(&b, end, -halo);
    j.next = ir_ibin(&b, OP_ILT, end, length);
    rows->in[0] = ir_ibin(&b, OP_IADD, rows->in[0], ir_ibin(&b, OP_IMUL, even, index_offset(&b, size, -halo)));
    rows->in[1] = ir_ibin(&b, OP_IMUL, rows->in[1], ir_ibin(&b, OP_IMAX, j.parity, j.next));
    for (Op *op = rows->region->first; op; op = op->next)
        if (op->code == OP_STORE) {
            b = ir_before(ctx, kernel, op);
            join(&b, &j, op);
        }
    return kernel;
}

static const CodeParam *find_sum(const Kernel *kernel) {
    for (int p = 0; p < kernel->param_count; p++)
        if (is_key_sum(kernel->params[p].name))
            return &kernel->params[p];
    return NULL;
}

Value *segments_cut_rows(Ctx *ctx, Module *module, int at, const PassArgs *args) {
    Module                 scratch = {.name = module->name};
    Kernel *const          kernel = module->kernels[at];
    Op *const              rows = loop_find(kernel->body, "row");
    const int64_t          halo = segments_halo(args->spec, args->schedule);
    const CodeParam *const sum = find_sum(kernel);
    Kernel *const          joining = joining_kernel(ctx, &scratch, kernel, (int)sum->dims[2], halo);
    Value *const           segment = segments_cut(ctx, kernel, rows), *const parity = parity_of(ctx, kernel, rows, segment);
    for (int k = 0; k < module->kernel_count; k++)
        move_sums(ctx, module->kernels[k], k == at ? parity : NULL);
    clear_halo(ctx, kernel, rows, segment, halo);
    segments_insert_kernel(ctx, module, at + 1, joining);
    pass_note(ctx, args, kernel,
              "sums of keys are there twice: segments, whose rows also add to the %lld keys before them, take turns",
              (long long)halo);
    return segment;
}
