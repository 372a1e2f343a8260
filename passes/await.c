/* await: when products end.
 * In: kernels with roles, whose products run on while the warps that began them go on. Out: nothing looks at a
 * product's result before an `await` that covers it, and a tile is released only behind the products that read it. A
 * product that adds to another one's result follows it by itself. Products that are under way end before a loop turns
 * or a branch joins. */
#include "passes/rewrite.h"

#include <string.h>

enum { MAX_FLIGHT = 32, MAX_MOVED = 64, FREE_COLS = 128 };

typedef struct Flight { /* products under way, in the order in which they began, and releases that wait for them */
    Ctx    *ctx;
    Kernel *kernel;
    DType   dtype; /* of the products */
    bool    stores; /* nothing is loaded of what main stores: that of tiles may come early, too */
    Op     *products[MAX_FLIGHT];
    int     count;
    Op     *releases[MAX_FLIGHT];
    int     release_count;
    Op     *moved[MAX_MOVED]; /* to before the op that waits */
    int     moved_count;
    int     awaits;
} Flight;

static bool reads(const Op *product, const Value *tile) {
    return ir_whole_of(product->in[0]) == tile || ir_whole_of(product->in[1]) == tile;
}

/* The number of products that must have ended before `op` may run; 0 for none. Products that add to one sum follow one
 * another by themselves, also where those of another sum stand between. */
static int needed_by(const Flight *f, const Op *op) {
    int needed = 0;
    for (int p = 0; p < f->count; p++) {
        const DotParts parts = op->code == OP_DOT ? ir_dot_parts(op) : (DotParts){0};
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] == f->products[p]->out[0] &&
                !(op->code == OP_DOT && op->in[i] == parts.acc && !parts.scale))
                needed = p + 1;
    }
    return needed;
}

static bool is_free(const Flight *f, const Value *tile) {
    for (int p = 0; p < f->count; p++)
        if (reads(f->products[p], tile))
            return false;
    return true;
}

static bool is_unpacked(const Flight *f, const Op *op) {
    return dtype_size(op->in[0]->type.dtype) < dtype_size(op->out[0]->type.dtype) &&
           ir_use_count(f->kernel, op->out[0]) == 1;
}

/* Before `op`: the first `ended` products have ended, and what they read is released. */
static void end_products(Flight *f, Op *op, int ended) {
    if (ended == 0)
        return;
    while (op->prev && op->prev->code == OP_CONVERT && op->code != OP_CONVERT &&
           is_unpacked(f, op->prev)) /* floats that only wait there */
        op = op->prev;
    Builder   b = ir_before(f->ctx, f->kernel, op);
    Op *const await = ir_op(&b, OP_AWAIT, NULL, 0, NULL, 0);
    f->awaits++;
    int       left = 0;
    op_set_int(f->ctx, await, AT_COUNT, f->count - ended);
    for (int p = ended; p < f->count; p++)
        f->products[p - ended] = f->products[p];
    f->count -= ended;
    for (int r = 0; r < f->release_count; r++) {
        if (is_free(f, f->releases[r]->in[1]))
            op_insert(&b, f->releases[r]);
        else
            f->releases[left++] = f->releases[r];
    }
    f->release_count = left;
}

/* Would taking one more tile wait for a slot that only products under way keep? */
static bool needs_slot(const Flight *f, const Op *op) {
    int held = 1;
    for (int r = 0; r < f->release_count; r++)
        held += op->code == OP_TAKE && f->releases[r]->in[0] == op->in[0];
    return held > 1 && held > op->in[0]->type.slots - 1;
}

/* ---- Something to do meanwhile ---- */

static int in_flight(const Flight *f, const Value *value) {
    for (int p = 0; p < f->count; p++)
        if (f->products[p]->out[0] == value)
            return p;
    return -1;
}

/* Is what `load` loads written between the two? */
static bool is_written_between(const Op *from, const Op *load) {
    for (const Op *op = from; op != load; op = op->next)
        if (op->code == OP_STORE && strcmp(op_text(op, AT_PARAM), op_text(load, AT_PARAM)) == 0)
            return true;
    return false;
}

/* Is `value` there before `at`, or made behind it of nothing that is not? Notes whether it comes of a product that is
 * older than the one waited for, the `needed`-th. */
static bool is_ready(const Flight *f, const Value *value, const Op *at, int needed, bool *older) {
    const Op *def = value->def;
    const int product = in_flight(f, value);
    if (product >= 0) {
        *older |= product + 1 < needed;
        return product + 1 < needed;
    }
    for (int m = 0; m < f->moved_count; m++)
        *older |= f->moved[m] == def;
    if (!def || def->parent != at->parent || ir_precedes(def, at))
        return true;
    if (!(op_info(def->code)->traits & PURE) || def->code == OP_DOT || def == at ||
        (def->code == OP_LOAD && is_written_between(at, def)))
        return false;
    for (int i = 0; i < def->in_count; i++)
        if (!is_ready(f, def->in[i], at, needed, older))
            return false;
    return true;
}

/* A store of what is made early, which no register holds until it would come. */
static bool is_ready_store(const Flight *f, const Op *store, const Op *at, int needed, bool *older) {
    bool other = false;
    if (!f->stores || store->code != OP_STORE || store->in[5]->type.cols == 1 || !is_ready(f, store->in[5], at, needed, older))
        return false;
    for (int i = 0; i < 5; i++)
        if (!is_ready(f, store->in[i], at, needed, &other))
            return false;
    return true;
}

/* The same of a tile of main's that another role stores, if none comes before it. */
static bool is_ready_give(const Flight *f, const Op *give, const Op *at, int needed, bool *older) {
    if (!f->stores || give->code != OP_GIVE || strcmp(f->kernel->name, "main") != 0)
        return false;
    for (const Op *op = at; op != give; op = op->next)
        if (op->code == OP_GIVE)
            return false;
    return is_ready(f, give->in[1], at, needed, older);
}

static void move_before(Flight *f, Op *op, Op *at) {
    if (op->parent != at->parent || ir_precedes(op, at))
        return;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->def)
            move_before(f, op->in[i]->def, at);
    Builder b = ir_before(f->ctx, f->kernel, at);
    op_unlink(op);
    op_insert(&b, op);
    if (f->moved_count < MAX_MOVED && op->out_count && op->out[0]->type.cols > 1)
        f->moved[f->moved_count++] = op;
}

/* What was made early and is wanted behind `op` waits in the products' dtype, in half the registers. */
static void hold_small(Flight *f, const Op *op, Value *value) {
    int  count;
    Op **users = ir_users(f->ctx, f->kernel, value, &count);
    if (dtype_size(f->dtype) >= dtype_size(value->type.dtype))
        return;
    Op *later = NULL;
    for (int u = 0; u < count; u++)
        if (users[u]->parent == op->parent && ir_precedes(op, users[u]))
            later = !later || ir_precedes(users[u], later) ? users[u] : later;
    if (!later)
        return;
    Builder      b = ir_after(f->ctx, f->kernel, value->def);
    Value *const held = ir_convert(&b, value, f->dtype);
    b = ir_before(f->ctx, f->kernel, later);
    Value *const again = ir_convert(&b, held, value->type.dtype);
    for (int u = 0; u < count; u++)
        for (int i = 0; i < users[u]->in_count && users[u]->parent == op->parent && ir_precedes(op, users[u]); i++)
            users[u]->in[i] = users[u]->in[i] == value ? again : users[u]->in[i];
}

/* No product follows: registers are free for the loads of what comes behind this wait, which take as long; but not where
 * the sum takes most of them. */
static void fetch_ahead(Flight *f, Op *op) {
    if (f->products[f->count - 1]->out[0]->type.cols > FREE_COLS)
        return;
    for (const Op *later = op; later; later = later->next)
        if (later->code == OP_DOT)
            return;
    for (Op *later = op->next, *next; later; later = next) {
        next = later->next;
        if (later->code == OP_LOAD && later->out[0]->type.rows > 1 && !is_written_between(op, later)) {
            Builder b = ir_before(f->ctx, f->kernel, op);
            op_unlink(later);
            op_insert(&b, later);
        }
    }
}

/* `op` waits for products: what later ops make of older ones alone is made now. -> the first of it, or op. */
static Op *fill(Flight *f, Op *op, int needed) {
    Op *const before = op->prev;
    f->moved_count = 0;
    for (Op *later = op->next, *next; later && needed > 1; later = next) {
        bool older = false;
        next = later->next;
        const bool ready = later->out_count == 1 && later->out[0]->type.cls == TY_TILE
                               ? is_ready(f, later->out[0], op, needed, &older)
                               : is_ready_store(f, later, op, needed, &older) || is_ready_give(f, later, op, needed, &older);
        if (ready && older)
            move_before(f, later, op);
    }
    if (needed > 0 && needed == f->count)
        fetch_ahead(f, op);
    for (int m = 0; m < f->moved_count; m++)
        hold_small(f, op, f->moved[m]->out[0]);
    return before ? before->next : op->parent->first;
}

/* Slices of a left side that two products read, the last of them `op`: no more than two are held at once, the one that
 * is multiplied and the one that is made meanwhile. */
static void end_other_slices(Flight *f, Op *op) {
    if (f->count > 2 && f->products[f->count - 2]->in[0] == op->in[0])
        end_products(f, op->next, f->count - 2);
}

static void visit_block(Flight *f, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (op->region || op->code == OP_YIELD || f->count == MAX_FLIGHT)
            end_products(f, op, f->count);
        else {
            const int needed = needs_slot(f, op) ? f->count : needed_by(f, op);
            Op *const first = fill(f, op, needed);
            if (first != op) { /* it comes first */
                next = first;
                continue;
            }
            end_products(f, op, needed);
        }
        if (op->region)
            visit_block(f, op->region);
        if (op->code == OP_RELEASE && !is_free(f, op->in[1])) {
            op_unlink(op);
            f->releases[f->release_count++] = op;
        }
        if (op->code == OP_DOT) {
            f->products[f->count++] = op;
            end_other_slices(f, op);
        }
    }
}

static bool visit_role(Op *op, void *arg) {
    Flight *f = arg;
    if (op->code == OP_ROLE)
        visit_block(f, op->region);
    return true;
}

Status pass_await(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Flight f = {.ctx = ctx, .kernel = module->kernels[k]};
        f.dtype = ir_find_param(f.kernel, "k")->dtype;
        f.stores = args->kind == KIND_FORWARD;
        ir_walk(f.kernel->body, visit_role, &f);
        if (f.awaits)
            pass_note(ctx, args, f.kernel, "places where products are waited for: %d", f.awaits);
    }
    return ST_OK;
}
