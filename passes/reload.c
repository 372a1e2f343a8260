/* reload: what is needed again only behind a loop is loaded again there.
 * In: tile IR in which a load's tile is used before or in the loops of a block and once more behind one that does not
 * use it. Out: the uses behind have a load of their own, so that no register holds the tile while the loop runs. Memory
 * that the kernel writes is not read again. So do floats that are made of a 16-bit tile; with roles behind each product,
 * too, and from the tile that was taken, which is released only then. Kernels of gradients load again behind products, and
 * without roles add to each sum of a loop as soon as what is added is there. */
#include "passes/loops.h"

#include <string.h>

enum { MAX_MADE = 8 };

typedef struct Reload {
    Ctx    *ctx;
    Kernel *kernel;
    int     again;
    bool    loads; /* remake loads anew, too */
} Reload;

static bool is_never_written(const Reload *r, const Op *load) {
    return !is_stored(r->kernel->body, op_text(load, AT_PARAM));
}

/* The last sequential loop behind `load` in its block with later users, and that does not use it itself. */
static Op *loop_between(const Op *load, Op *const *users, int count) {
    Op *found = NULL;
    for (Op *op = load->next; op; op = op->next) {
        bool inside = false, later = false;
        if (op->code != OP_FOR)
            continue;
        for (int u = 0; u < count; u++) {
            const Op *here = ir_ancestor_in(users[u], load->parent);
            inside |= here == op;
            later |= here && here != op && ir_precedes(op, here);
        }
        found = later && !inside ? op : found;
    }
    return found;
}

/* A tile that may be had again: from a parameter that is not written, or from its 16-bit form, half as large. */
static bool is_cheap(const Reload *r, const Op *op) {
    if (op->code == OP_CONVERT)
        return dtype_size(op->in[0]->type.dtype) < dtype_size(op->out[0]->type.dtype) && op->out[0]->type.rows > 1;
    return op->code == OP_LOAD && op->out[0]->type.rows > 1 &&
           !is_stored(r->kernel->body, op_text(op, AT_PARAM));
}

static bool reads_shared(const Op *op) {
    return op->code == OP_CONVERT && op->in[0]->def && op->in[0]->def->code == OP_RING_GET;
}

/* Where the first use behind the loop is; inside of a branch that has all of them. */
static Op *first_behind(const Op *loop, Op *const *users, int count) {
    const Block *block = loop->parent;
    Op          *first = NULL;
    for (bool inside = true; inside;) {
        Op  *found = NULL;
        bool same = true;
        for (int u = 0; u < count; u++) {
            Op *const here = ir_ancestor_in(users[u], block);
            if (!here || (block == loop->parent && !ir_precedes(loop, here)))
                continue;
            same &= !found || found == here;
            found = !found || ir_precedes(here, found) ? here : found;
        }
        first = found;
        inside = found && same && found->code == OP_IF;
        block = inside ? found->region : block;
    }
    return first;
}

/* The branch for where `branch` is not taken, right behind it. */
static Op *other_way(const Op *branch) {
    Op *const       other = branch->next;
    const Op *const condition = other && other->code == OP_IF ? other->in[0]->def : NULL;
    return condition && condition->code == OP_ILT && condition->in[0] == branch->in[0] && ir_is_const(condition->in[1], 1)
               ? other
               : NULL;
}

/* The op of `block` in which the first of the users there is. */
static Op *first_in(const Block *block, Op *const *users, int count) {
    Op *first = NULL;
    for (int u = 0; u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], block);
        first = here && (!first || ir_precedes(here, first)) ? here : first;
    }
    return first;
}

/* Those of the users behind the loop, and in `block` if it is given, get what is loaded again before `first`. */
static void load_before(Reload *r, const Op *load, const Op *loop, Op *first, const Block *block, Op *const *users, int count) {
    ValueMap     map = {.ctx = r->ctx};
    Builder      b = ir_before(r->ctx, r->kernel, first);
    Value *const again = ir_clone(&b, load, &map)->out[0];
    r->again++;
    for (int u = 0; u < count; u++) {
        const Op *here = ir_ancestor_in(users[u], load->parent);
        const bool mine = here && ir_precedes(loop, here) && (!block || ir_ancestor_in(users[u], block));
        for (int i = 0; i < users[u]->in_count && mine; i++)
            if (users[u]->in[i] == load->out[0])
                users[u]->in[i] = again;
    }
}

/* Where both ways of a branch use it, each for itself. */
static bool reload(Op *load, void *arg) {
    Reload *r = arg;
    int     count;
    if (!is_cheap(r, load))
        return true;
    Op      **users = ir_users(r->ctx, r->kernel, load->out[0], &count);
    Op *const loop = loop_between(load, users, count);
    Op *const first = loop ? first_behind(loop, users, count) : NULL;
    if (!first)
        return true;
    Op *const other = first->code == OP_IF ? other_way(first) : NULL;
    Op *const here = other ? first_in(first->region, users, count) : NULL, *const there = here ? first_in(other->region, users, count) : NULL;
    if (there) {
        load_before(r, load, loop, here, first->region, users, count);
        load_before(r, load, loop, there, other->region, users, count);
    } else {
        load_before(r, load, loop, first, NULL, users, count);
    }
    if (reads_shared(load) && ir_use_count(r->kernel, load->out[0]) == 0) /* which compilers take for needed */
        op_erase(load);
    return true;
}

static bool is_product(const Op *op) { return op->code == OP_DOT; }

/* What uses the op's result behind another op that `forgets` gets it from an op like it, right there. */
static void make_anew(const Reload *r, const Op *op, bool (*forgets)(const Op *)) {
    Value *const whole = op->out[0], *now = whole;
    bool         forgotten = false;
    for (Op *at = op->next; at; at = at->next) {
        for (int i = 0; i < at->in_count; i++) {
            if (at->in[i] != whole)
                continue;
            Builder  b = ir_before(r->ctx, r->kernel, at);
            ValueMap map = {.ctx = r->ctx};
            now = forgotten ? ir_clone(&b, op, &map)->out[0] : now;
            forgotten = false;
            at->in[i] = now;
        }
        forgotten |= forgets(at);
    }
}

/* Floats made of a 16-bit tile are made anew behind each product: it may run for long, and the 16-bit form is half as large.
 * Likewise what is loaded, where `loads` asks for it. */
static bool remake(Op *op, void *arg) {
    Reload *r = arg;
    if (op->code != OP_CONVERT && !(r->loads && op->code == OP_LOAD && op->out[0]->type.cols > 1))
        return true;
    if (!is_cheap(r, op))
        return true;
    make_anew(r, op, op->code == OP_LOAD ? ir_multiplies : is_product);
    return true;
}

/* ---- Slices of wide tiles ---- */

static bool is_tile(const Value *value) { return value->type.cls == TY_TILE && value->type.rows > 1 && value->type.cols > 1; }

static bool stores_tile(const Op *op) { return op->code == OP_STORE && is_tile(op->in[5]); }

static bool stores_between(const Op *from, const Op *to) {
    for (const Op *op = from; op && op != to; op = op->next)
        if (stores_tile(op))
            return true;
    return false;
}

/* The first of the ops right before a row's sum that are made for it. */
static Op *first_of_run(const Op *sum) {
    Op *first = (Op *)sum;
    while (first->prev && (op_info(first->prev->code)->traits & PURE) && !first->prev->region && first->prev->out_count == 1 &&
           is_tile(first->prev->out[0]) && depends_on(sum->in[0], first->prev->out[0]))
        first = first->prev;
    return first;
}

/* Sums of rows stand where the slices that they are made of are there: not behind all that is stored of these meanwhile. */
static void sum_early(Reload *r, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        Op *const first = op->code == OP_ROWSUM ? first_of_run(op) : NULL, *last = NULL;
        for (const Op *at = first; at && at != next; at = at->next)
            for (int i = 0; i < at->in_count; i++) {
                Op *const def = at->in[i]->def;
                if (def && def->parent == block && ir_precedes(def, first) && (!last || ir_precedes(last, def)))
                    last = def;
            }
        if (!last || !stores_between(last, first))
            continue;
        Builder b = ir_after(r->ctx, r->kernel, last);
        for (Op *at = first, *behind; at != next; at = behind) {
            behind = at->next;
            op_unlink(at);
            op_insert(&b, at);
        }
    }
}

static bool is_loaded_tile(const Reload *r, const Value *value) {
    return value->def && value->def->code == OP_LOAD && is_tile(value) && is_cheap(r, value->def);
}

/* What is loaded, or a product of two loads, is loaded again behind what is stored. */
static void load_behind_stores(Reload *r, Op *op) {
    const bool product = op->code == OP_MUL && is_loaded_tile(r, op->in[0]) && is_loaded_tile(r, op->in[1]);
    if (op->out_count != 1 || !(product || is_loaded_tile(r, op->out[0])))
        return;
    make_anew(r, op, stores_tile);
}

/* Of a layer that goes by slices of columns: no register holds a slice from where it is used first to where it is again. */
static void forget_slices(Reload *r, Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->region)
            forget_slices(r, op->region);
    sum_early(r, block);
    for (Op *op = block->last; op; op = op->prev)
        load_behind_stores(r, op);
}

/* ---- Tiles that were taken ---- */

/* The op that gives the tile's slot back right where it was copied, if nothing else reads the tile. */
static Op *release_of(const Reload *r, const Op *copy) {
    int        count;
    Op **const users = ir_users(r->ctx, r->kernel, copy->in[0], &count);
    Op *const  other = count == 2 ? users[users[0] == copy] : NULL;
    return other && other->code == OP_RELEASE && other->parent == copy->parent ? other : NULL;
}

/* Floats that a branch, or the way on which it is not taken, makes of the copy of a tile, in their order. -> the branch, NULL if
 * there are several. */
static Op *made_in_branch(const Reload *r, const Op *copy, Op **made, int *count) {
    int        users_count;
    Op **const users = ir_users(r->ctx, r->kernel, copy->out[0], &users_count);
    Op        *branch = NULL;
    *count = 0;
    for (int u = 0; u < users_count; u++) {
        Op *const owner = users[u]->parent->owner;
        if (users[u]->code != OP_CONVERT || users[u]->parent == copy->parent)
            continue;
        if (!is_cheap(r, users[u]) || owner->code != OP_IF || owner->parent != copy->parent ||
            (branch && owner != branch && owner != other_way(branch)) || *count == MAX_MADE)
            return NULL;
        branch = branch ? branch : owner;
        made[(*count)++] = users[u];
    }
    return branch;
}

/* Where the tile is given back on one of the ways: behind the last copy that is made of it there. */
static Builder behind_copies(const Reload *r, const Op *way, Op *const *made, int count) {
    while (count > 0 && made[count - 1]->parent != way->region)
        count--;
    return count ? ir_after(r->ctx, r->kernel, made[count - 1]->prev) : ir_before(r->ctx, r->kernel, way->region->first);
}

/* A tile that was copied to registers as soon as it came is copied again for each of the floats that a late branch makes
 * of it: no register holds it until then, nor from one to the next. */
static bool copy_again(Op *copy, void *arg) {
    Reload *r = arg;
    Op     *made[MAX_MADE];
    int     count;
    if (copy->code != OP_COPY || !copy->in[0]->def || copy->in[0]->def->code != OP_TAKE)
        return true;
    Op *const release = release_of(r, copy), *const branch = release ? made_in_branch(r, copy, made, &count) : NULL,
              *const other = branch ? other_way(branch) : NULL;
    if (!other)
        return true;
    ValueMap map = {.ctx = r->ctx};
    for (int m = 0; m < count; m++) {
        Builder b = ir_before(r->ctx, r->kernel, made[m]);
        made[m]->in[0] = ir_clone(&b, copy, &map)->out[0];
    }
    Builder taken = behind_copies(r, branch, made, count), not_taken = behind_copies(r, other, made, count);
    op_unlink(release);
    op_insert(&taken, release);
    ir_clone(&not_taken, release, &(ValueMap){.ctx = r->ctx});
    return true;
}

/* ---- Kernels that sum up over heads ---- */

/* Made of loads by rowwise ops alone. */
static bool is_rowwise(const Value *value, const Block *block) {
    const Op *op = value->def;
    if (!op || op->parent != block || value->type.cls != TY_TILE || op->code == OP_LOAD || op->code == OP_FCONST)
        return true;
    if (op->region || !(op_info(op->code)->traits & ROWWISE))
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (!is_rowwise(op->in[i], block))
            return false;
    return true;
}

typedef struct Again {
    Reload  *r;
    Block   *body;
    Op      *heads, *product; /* the last loop over heads so far, and the last op with a product */
    Op      *here;            /* the op of the body */
    bool     wide;            /* what is computed again is forgotten behind each loop and branch, too */
    ValueMap map;             /* what has been computed again behind the last of them */
} Again;

/* A tile that is loaded, perhaps for a product's left side. */
static bool is_loaded(const Reload *r, const Op *op) {
    const Op *load = op->code == OP_CONVERT ? op->in[0]->def : op;
    return load && load->code == OP_LOAD && load->out[0]->type.cols > 1 && is_cheap(r, load);
}

static bool compute_operands(Op *op, void *arg) {
    Again *a = arg;
    for (int i = 0; i < op->in_count; i++) {
        Value *const value = op->in[i];
        const Op    *def = value ? value->def : NULL;
        if (!def || def->parent != a->body || value->type.cls != TY_TILE || value->type.rows == 1 || def->code == OP_FCONST)
            continue;
        const bool late = a->product && ir_precedes(def, a->product) && is_loaded(a->r, def);
        if (!late && (!a->heads || !ir_precedes(def, a->heads) || !is_rowwise(value, a->body)))
            continue;
        Builder b = ir_before(a->r->ctx, a->r->kernel, a->here);
        op->in[i] = clone_slice(&b, value, a->body, &a->map);
    }
    return true;
}

static void drop_unused(Reload *r, Block *body) {
    for (Op *op = body->last, *before; op; op = before) {
        before = op->prev;
        if (op->out_count == 1 && op->out[0]->type.cls == TY_TILE && !op->region && ir_use_count(r->kernel, op->out[0]) == 0)
            op_erase(op);
    }
}

/* Kind backward: what is loaded is loaded again behind a product. Features of a tile of keys are multiplied in loops over
 * heads, and again, or what they are made of, behind these; that is computed again, for the loops' sums take most
 * registers. */
static void compute_again(Reload *r, bool wide) {
    Again a = {.r = r, .body = loop_grid_body(r->kernel->body), .wide = wide, .map = {.ctx = r->ctx}};
    for (a.here = a.body->first; a.here; a.here = a.here->next) {
        compute_operands(a.here, &a);
        if (a.here->region)
            ir_walk(a.here->region, compute_operands, &a);
        if (a.wide && a.here->region)
            a.map = (ValueMap){.ctx = r->ctx};
        if (!ir_multiplies(a.here))
            continue;
        a.product = a.here;
        a.heads = loop_is(a.here, "group") ? a.here : a.heads;
        a.map = (ValueMap){.ctx = r->ctx};
    }
    drop_unused(r, a.body);
}

/* What a rope turns is loaded for it: no register holds it since it was used for something else. */
static bool load_for_rope(Op *op, void *arg) {
    const Reload   *r = arg;
    const Op *const load = op->code == OP_ROPE ? op->in[0]->def : NULL;
    if (!load || load->code != OP_LOAD || load == op->prev || !is_cheap(r, load) || ir_use_count(r->kernel, load->out[0]) == 1)
        return true;
    Builder  b = ir_before(r->ctx, r->kernel, op);
    ValueMap map = {.ctx = r->ctx};
    op->in[0] = ir_clone(&b, load, &map)->out[0];
    return true;
}

/* The last op before `dot` in its block that gives one of its operands; NULL: all come from outside. */
static Op *last_operand(const Op *dot) {
    Op *last = NULL;
    for (int i = 0; i < dot->in_count; i++) {
        Op *const def = dot->in[i] ? dot->in[i]->def : NULL;
        last = def && def->parent == dot->parent && (!last || ir_precedes(last, def)) ? def : last;
    }
    return last;
}

static bool product_between(const Op *from, const Op *to) {
    for (const Op *op = from->next; op != to; op = op->next)
        if (ir_multiplies(op))
            return true;
    return false;
}

static bool is_carried(const Value *sum, const Block *block) {
    return sum->def ? sum->def->code == OP_FOR && sum->def->parent == block : sum->owner == block;
}

/* What a turn, or what follows the last one, adds to a loop's sum is added before the next product: no register holds its
 * left side meanwhile. */
static bool add_early(Op *dot, void *arg) {
    const Reload *r = arg;
    const Value  *sum = dot->code == OP_DOT && dot->in_count > 2 ? dot->in[2] : NULL;
    Op *const     last = sum && is_carried(sum, dot->parent) ? last_operand(dot) : NULL;
    if (!last || !product_between(last, dot))
        return true;
    Builder b = ir_after(r->ctx, r->kernel, last);
    op_unlink(dot);
    op_insert(&b, dot);
    return true;
}

/* A row of numbers that is loaded, and nothing else. */
static bool is_transposed_load(const Value *row) {
    const Op *const op = row->def;
    return row->type.rows == 1 && row->type.cols > 1 && op && op->code == OP_TRANSPOSE && op->in[0]->def && op->in[0]->def->code == OP_LOAD;
}

/* Of a product less a row the sum starts from the row's negative: no register holds the row beside it. */
static bool start_from_row(Op *difference, void *arg) {
    const Reload *r = arg;
    Op *const     dot = difference->code == OP_SUB ? difference->in[0]->def : NULL;
    if (!dot || dot->code != OP_DOT || dot->in_count != 2 || dot->parent != difference->parent ||
        ir_use_count(r->kernel, dot->out[0]) != 1 || !is_transposed_load(difference->in[1]))
        return true;
    Builder      b = ir_before(r->ctx, r->kernel, dot);
    ValueMap     map = {.ctx = r->ctx};
    const Type   type = dot->out[0]->type;
    Value *const row = clone_slice(&b, difference->in[1], dot->parent, &map);
    op_add_in(r->ctx, dot, 2, ir_binary(&b, OP_SUB, ir_f(&b, 0, type.rows, type.cols), row));
    ir_replace_uses(r->kernel, difference->out[0], dot->out[0]);
    op_erase(difference);
    return true;
}

/* Indices between the grid's loops are computed where the body needs them first: of 64 bits, they take registers, too. */
static void sink_indices(Reload *r) {
    Block *const body = loop_grid_body(r->kernel->body);
    for (Block *block = body->owner ? body->owner->parent : NULL; block; block = block->owner ? block->owner->parent : NULL)
        for (Op *op = block->last, *before; op; op = before) {
            int  count;
            Op  *first = NULL;
            bool inside = true;
            before = op->prev;
            if (op_info(op->code)->rule != TR_INDEX || op->code == OP_ICONST || op->code == OP_ISYM)
                continue;
            Op **const users = ir_users(r->ctx, r->kernel, op->out[0], &count);
            for (int u = 0; u < count && inside; u++) {
                Op *const here = ir_ancestor_in(users[u], body);
                inside = here != NULL;
                first = here && (!first || ir_precedes(here, first)) ? here : first;
            }
            if (!inside || !first)
                continue;
            Builder b = ir_before(r->ctx, r->kernel, first);
            op_unlink(op);
            op_insert(&b, op);
        }
}

/* What is loaded before a tile is stored and used behind that, too, is loaded again there: what lies between needs registers. */
static void reload_behind(Reload *r, Op *store) {
    for (Op *load = store->parent->first; load != store; load = load->next) {
        if (load->code != OP_LOAD || load->out[0]->type.cols == 1 || !is_never_written(r, load))
            continue;
        Value *again = NULL;
        for (Op *op = store->next; op; op = op->next)
            for (int i = 0; i < op->in_count; i++) {
                if (op->in[i] != load->out[0])
                    continue;
                Builder  b = ir_before(r->ctx, r->kernel, op);
                ValueMap map = {.ctx = r->ctx};
                again = again ? again : ir_clone(&b, load, &map)->out[0];
                op->in[i] = again;
            }
    }
}

/* What is made of a tile that was taken is, behind a tile that is given on, made of another copy of it: what lies between
 * needs registers. */
static void copy_behind(Reload *r, Op *give) {
    for (Op *convert = give->parent->first; convert != give; convert = convert->next) {
        Op *const copy = convert->code == OP_CONVERT ? convert->in[0]->def : NULL;
        Op *const release = copy && copy->code == OP_COPY && copy->parent == give->parent ? release_of(r, copy) : NULL;
        Value    *again = NULL;
        for (Op *op = give->next; op && release && release->parent == give->parent; op = op->next)
            for (int i = 0; i < op->in_count; i++) {
                if (op->in[i] != convert->out[0])
                    continue;
                if (!again) {
                    Builder  b = ir_before(r->ctx, r->kernel, op);
                    ValueMap map = {.ctx = r->ctx};
                    ir_clone(&b, copy, &map);
                    again = ir_clone(&b, convert, &map)->out[0];
                    Builder behind = ir_after(r->ctx, r->kernel, again->def);
                    op_unlink(release);
                    op_insert(&behind, release);
                }
                op->in[i] = again;
            }
    }
}

/* ---- Layers with scales ---- */

static bool forgets_scaled(const Op *op) { return op->code == OP_ROWSUM || ir_multiplies(op); }

static bool is_scaled(const Op *op) { return op->code == OP_MUL && is_loaded_row(op->in[1]) && op->out[0]->type.rows > 1; }

static bool scale_anew(Op *op, void *arg) {
    if (is_scaled(op))
        make_anew(arg, op, forgets_scaled);
    return true;
}

/* A row of numbers is loaded where it is wanted. */
static bool load_scale_anew(Op *op, void *arg) {
    Reload *r = arg;
    for (int i = 0; i < op->in_count; i++) {
        if (!op->in[i] || op->in[i]->type.cls != TY_TILE || !is_loaded_row(op->in[i]) || op->in[i]->def == op->prev)
            continue;
        Builder  b = ir_before(r->ctx, r->kernel, op);
        ValueMap map = {.ctx = r->ctx};
        op->in[i] = ir_clone(&b, op->in[i]->def, &map)->out[0];
    }
    return true;
}

static bool load_scaled_anew(Op *op, void *arg) {
    const Reload *r = arg;
    if (op->out_count == 1 && op->out[0]->type.cols > 1 && op->out[0]->type.rows > 1 && is_cheap(r, op))
        make_anew(r, op, forgets_scaled);
    return true;
}

/* Where rows are scaled before the map, both, and the scales, are wanted again and again: registers hold none of them from
 * one sum or product to the next. */
static void forget_scaled(Reload *r) {
    if (!ir_find_param(r->kernel, "q_scale"))
        return;
    ir_walk(r->kernel->body, scale_anew, r);
    ir_walk(r->kernel->body, load_scale_anew, r);
    ir_walk(r->kernel->body, load_scaled_anew, r);
    clean_kernel(r->kernel);
}

static bool visit_store(Op *op, void *arg) {
    if (op->code == OP_GIVE)
        copy_behind(arg, op);
    if (op->code == OP_STORE && op->in[5]->type.cols > 1 && op->parent->owner->code == OP_IF)
        reload_behind(arg, op);
    return true;
}

/* Products of floats on the plain units leave registers for one piece of the features beside both branches' sums. */
static bool keeps_no_pieces(const PassArgs *args) {
    return args->spec->dtype == DT_F32 && !args->spec->tf32 && (args->kind == KIND_FORWARD || args->kind == KIND_EXTEND);
}

/* Without roles registers hold no features of a wide head beside a sum: each product has its columns made for it. */
static bool make_left(Op *dot, void *arg) {
    enum { WIDE = 128 };
    const Reload   *r = arg;
    const Op *const cols = dot->code == OP_DOT ? dot->in[0]->def : NULL;
    const Op *const whole = cols && cols->code == OP_COLS && cols->in_count == 1 ? cols->in[0]->def : NULL;
    if (!whole || whole->code != OP_CONVERT || whole->out[0]->type.cols <= WIDE || !columns_can_go_by_slices(whole->in[0]))
        return true;
    Builder      b = ir_before(r->ctx, r->kernel, dot);
    Value *const lo = ir_i(&b, op_int(cols, AT_LO, 0));
    dot->in[0] = ir_convert(&b, columns_in_loop(r->ctx, &b, whole->in[0], cols->out[0]->type.cols, lo), cols->out[0]->type.dtype);
    return true;
}

/* A slice that is made in a block of its own loads there what it is made of. */
static bool load_apart(Op *apart, void *arg) {
    const Reload *r = arg;
    if (apart->code != OP_IF || !ir_is_const(apart->in[0], 1))
        return true;
    for (Op *op = apart->region->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++) {
            Op *const load = op->in[i] ? op->in[i]->def : NULL;
            if (!load || load->code != OP_LOAD || load->parent == apart->region || load->out[0]->type.cols == 1 || !is_cheap(r, load))
                continue;
            Builder  b = ir_before(r->ctx, r->kernel, op);
            ValueMap map = {.ctx = r->ctx};
            op->in[i] = ir_clone(&b, load, &map)->out[0];
        }
    return true;
}

static void make_lefts(Reload *r, const PassArgs *args) {
    if (!(r->loads || args->kind == KIND_BACKWARD) || !spec_is_wide_16_bits(args->spec) || loop_has_roles(r->kernel))
        return;
    ir_walk(r->kernel->body, make_left, r);
    if (r->loads)
        ir_walk(r->kernel->body, load_apart, r);
    clean_kernel(r->kernel);
}

Status pass_reload(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Reload         r = {.ctx = ctx, .kernel = module->kernels[k]};
        Schedule       gradients;
        const PassArgs of = args_of_kernel(args, module, k, &gradients);
        r.loads = (args->kind == KIND_BACKWARD || loop_slices_columns(args)) && strcmp(r.kernel->name, "main") == 0;
        if (args->spec->dtype == DT_F32 && !args->schedule->roles && args->kind != KIND_DECODE)
            sink_into_branches(ctx, r.kernel, loop_grid_body(r.kernel->body));
        if (keeps_no_pieces(args))
            sink_pieces(ctx, r.kernel, loop_grid_body(r.kernel->body));
        make_lefts(&r, args);
        if (r.loads && !loop_has_roles(r.kernel)) {
            ir_walk(r.kernel->body, remake, &r);
        } else if (args->kind == KIND_BACKWARD && !loop_has_roles(r.kernel)) {
            compute_again(&r, spec_is_wide_16_bits(args->spec));
            sink_indices(&r);
            ir_walk(r.kernel->body, remake, &r);
            ir_walk(r.kernel->body, add_early, &r);
            if (spec_is_wide_16_bits(args->spec)) {
                ir_walk(r.kernel->body, start_from_row, &r);
                clean_kernel(r.kernel);
            }
            if (args->spec->dtype == DT_F32)
                ir_walk(r.kernel->body, load_for_rope, &r);
        }
        if (args->kind == KIND_BACKWARD && strcmp(r.kernel->name, "main") != 0 && loop_has_roles(r.kernel)) {
            ir_walk(r.kernel->body, visit_store, &r);
            forget_scaled(&r);
        }
        ir_walk(r.kernel->body, reload, &r);
        if (r.loads && spec_is_wide(args->spec))
            forget_slices(&r, r.kernel->body);
        if (r.again)
            pass_note(ctx, args, r.kernel, "tiles loaded again behind a loop: %d", r.again);
        if (of.schedule->roles || loop_has_roles(r.kernel)) {
            ir_walk(r.kernel->body, remake, &r);
            ir_walk(r.kernel->body, copy_again, &r);
        }
    }
    return ST_OK;
}
