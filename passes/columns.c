/* columns: tiles that are too wide for registers go by slices of columns.
 * In: main whose queries or values have more columns than registers can hold beside a product's sum: with roles, or
 * of 16 bits. Behind its key loop, phi(q) is multiplied with keys' features and states, and what the two branches
 * gave is scaled and added.
 * Out: sums and maxima of rows go over slices; phi(q) is made slice by slice, each right before the products that read
 * it, and what it is multiplied with comes by the same slices: the scores' and the states' products take turns, and one
 * sum's registers serve both. The first branch's result waits in the output itself, in its dtype, where the second one's
 * is added. Queries stay in shared memory: every slice is a copy of its own. Layers that are narrow stay as they are. */
#include "passes/columns.h"

#include <math.h>
#include <string.h>

/* ---- Rows' sums and maxima ---- */

/* Of the squares of x column: the column, or NULL. */
static Value *square_factor(const Op *reduction) {
    const Op *square = reduction->code == OP_ROWSUM ? reduction->in[0]->def : NULL;
    if (!square || square->code != OP_MUL || square->in[0] != square->in[1])
        return NULL;
    const Op *scaled = square->in[0]->def;
    return scaled && scaled->code == OP_MUL && scaled->in[1]->type.cols == 1 && scaled->in[0]->type.cols > 1 ? scaled->in[1]
                                                                                                              : NULL;
}

/* `all` and what one slice adds to it; of squares of x column, those of x. */
static Value *reduce_slice(const Columns *c, Builder *b, const Op *op, Slice *s, Value *all) {
    Value *x = square_factor(op) ? op->in[0]->def->in[0]->def->in[0] : op->in[0];
    x = columns_slice(c, b, x, s);
    Value *const part = ir_unary(b, op->code, square_factor(op) ? ir_binary(b, OP_MUL, x, x) : x);
    return all ? ir_binary(b, op->code == OP_ROWSUM ? OP_ADD : OP_MAX, all, part) : part;
}

/* Where slices can be made in a loop: an earlier one that knows nothing which this reduction needs takes it, too. */
static Reduction *find_loop(Columns *c, const Op *op) {
    for (int l = 0; l < c->loop_count; l++) {
        Reduction *const r = &c->loops[l];
        bool             later = r->cols != op->in[0]->type.cols || r->rows != op->in[0]->type.rows;
        for (int i = 0; i < r->loop->out_count && !later; i++)
            later = depends_on(op->in[0], r->loop->out[i]);
        if (!later)
            return r;
    }
    return NULL;
}

static Reduction *new_loop(Columns *c, Op *op) {
    Reduction *const r = &c->loops[c->loop_count];
    const Type       type = op->in[0]->type;
    if (c->loop_count == MAX_REDUCTIONS || type.cols < 2 * SLICE)
        return NULL;
    Builder   b = ir_before(c->ctx, c->kernel, op);
    Op *const loop = ir_for(&b, "slice", false, ir_i(&b, 0), ir_i(&b, columns_whole_slices(type.cols)), ir_i(&b, 1), NULL, 0);
    *r = (Reduction){.loop = loop, .cols = type.cols, .rows = type.rows, .slice = columns_slice_at(c, 0, SLICE)};
    Builder in = ir_at_end(c->ctx, c->kernel, loop->region);
    r->slice.from = ir_ibin(&in, OP_IMUL, loop->region->args[0], ir_i(&in, SLICE));
    ir_yield(&in, NULL, 0);
    c->loop_count++;
    return r;
}

/* The reduction over all whole slices. */
static Value *reduce_in_loop(Columns *c, Op *op, Value *none) {
    Reduction *r = find_loop(c, op);
    if (!columns_can_loop(c, op->in[0]) || (!r && !(r = new_loop(c, op))))
        return NULL;
    Op *const loop = r->loop, *const yield = ir_terminator(loop->region);
    columns_hoist_others(c, op->in[0], loop);
    columns_hoist(c, none, loop);
    op_add_in(c->ctx, loop, loop->in_count, none);
    Value *const before = block_arg(c->ctx, c->kernel, loop->region, none->type, NULL);
    Builder      in = ir_before(c->ctx, c->kernel, yield);
    op_add_in(c->ctx, yield, yield->in_count, reduce_slice(c, &in, op, &r->slice, before));
    return op_add_out(c->ctx, c->kernel, loop, none->type);
}

/* `all` and what one slice adds to it, in a block of its own. */
static Value *reduce_apart(const Columns *c, Builder *b, const Op *op, Slice *s, Value *all) {
    Op *const    apart = ir_if(b, ir_i(b, 1), &all, 1);
    Builder      in = ir_at_end(c->ctx, c->kernel, apart->region);
    Value *const next = reduce_slice(c, &in, op, s, all);
    ir_yield(&in, &next, 1);
    return apart->out[0];
}

/* Slices of what is side by side are made in a block of their own: registers do not hold them until they are stored. */
static void reduce_by_slices(Columns *c, Op *op) {
    Value *const from = op->code == OP_ROWSUM || op->code == OP_ROWMAX ? op->in[0] : NULL;
    const int    cols = from ? from->type.cols : 0;
    if (cols <= SLICE || !columns_is_sliced(c, from))
        return;
    Builder      b = ir_before(c->ctx, c->kernel, op);
    Value *const none = ir_f(&b, op->code == OP_ROWSUM ? 0 : -INFINITY, from->type.rows, 1);
    Value *const factor = square_factor(op);
    Value       *all = reduce_in_loop(c, op, none);
    Op *const    apart = c->joined && !c->each && !all ? ir_if(&b, ir_i(&b, 1), &none, 1) : NULL;
    Builder      in = apart ? ir_at_end(c->ctx, c->kernel, apart->region) : b;
    for (int lo = all ? columns_whole_slices(cols) * SLICE : 0, n; lo < cols; lo += n) {
        Slice s = columns_slice_at(c, lo, n = columns_slice_width(cols - lo));
        all = c->each ? reduce_apart(c, &in, op, &s, all ? all : none) : reduce_slice(c, &in, op, &s, all);
    }
    if (apart) {
        ir_yield(&in, &all, 1);
        all = apart->out[0];
    }
    if (factor) /* twice, for its square may overflow where the sum is zero */
        all = ir_binary(&b, OP_MUL, ir_binary(&b, OP_MUL, all, factor), factor);
    ir_replace_uses(c->kernel, op->out[0], all);
    op_erase(op);
}

/* ---- Results ---- */

static bool is_wide_store(const Columns *c, const Op *op) {
    return op->code == OP_STORE && op->in[5]->type.cols > SLICE &&
           (columns_comes_of(c, op->in[5], true) || columns_comes_of_loads(c, op->in[5]));
}

/* Does it need the products with phi(q)? */
static bool is_late(const Columns *c, const Value *value) {
    for (int p = 0; p < c->count; p++)
        if (depends_on(value, c->products[p].dot->out[0]))
            return true;
    return false;
}

static Op *store_columns(const Columns *c, Builder *b, const Op *store, Value *tile, int lo) {
    ValueMap map = {.ctx = c->ctx};
    map_set(&map, store->in[5], tile);
    Op *const made = ir_clone(b, store, &map);
    op_set_int(c->ctx, made, AT_LO, lo);
    return made;
}

/* What was stored there: from the tile's rows that a store with these operands writes. */
static Value *stored(const Columns *c, Builder *b, const Op *store, int lo, int n) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    const Type           type = type_tile(DT_F32, store->in[5]->type.rows, n);
    Op *const            load = ir_op(b, OP_LOAD, store->in, 5, &type, 1);
    op_set_text(c->ctx, load, AT_PARAM, op_text(store, AT_PARAM));
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++)
        op_set_int(c->ctx, load, KEYS[k], op_int(store, KEYS[k], -1));
    op_set_int(c->ctx, load, AT_LO, lo);
    if (!c->plain)
        op_set_text(c->ctx, load, AT_VIA, "own");
    return load->out[0];
}

/* The operand of the stored sum that is there before the products with phi(q) begin, or NULL. */
static Value *early_part(const Columns *c, const Op *store) {
    const Op *sum = store->in[5]->def;
    if (!sum || sum->code != OP_ADD || store->in[5]->type.cols <= WIDE || c->count == 0 ||
        !type_equal(sum->in[0]->type, sum->in[1]->type))
        return NULL;
    const bool first = is_late(c, sum->in[0]);
    if (first == is_late(c, sum->in[1]) || !columns_comes_of(c, sum->in[first], true))
        return NULL;
    return sum->in[first];
}

/* The value goes where the store writes, before `at`: added to `early`, which waits there; or it is what waits. */
static void store_by_slices(const Columns *c, Op *store, Value *value, const Value *early, Op *at) {
    columns_hoist_others(c, value, at);
    for (int i = 0; i < 5; i++)
        columns_hoist(c, store->in[i], at);
    Builder b = ir_before(c->ctx, c->kernel, at);
    for (int lo = 0, n; lo < value->type.cols; lo += n) {
        n = columns_slice_width(value->type.cols - lo);
        Slice        s = columns_slice_at(c, lo, n);
        Value *const before = early && early != value ? stored(c, &b, store, lo, n) : NULL;
        Value *const part = columns_slice(c, &b, value, &s);
        Op *const made = store_columns(c, &b, store, before ? ir_binary(&b, OP_ADD, before, part) : part, lo);
        if (early == value && !c->plain)
            op_set_text(c->ctx, made, AT_VIA, "own");
    }
}

typedef struct Result { /* what a wide store writes */
    Op    *store;
    Value *early; /* the operand of its sum that waits where it goes, or NULL */
} Result;
enum { MAX_RESULTS = 8 };

static int note_results(const Columns *c, const Block *block, Result *results) {
    int count = 0;
    for (Op *op = block->first; op && count < MAX_RESULTS; op = op->next)
        if (is_wide_store(c, op))
            results[count++] = (Result){op, early_part(c, op)};
    return count;
}

/* Before the products with phi(q) at `at`, what needs none of them is stored; or waits there, and leaves the rest of the
 * sum, which may be one that the new products give. */
static void store_early(const Columns *c, Result *result, Op *at) {
    Op *const store = result->store;
    if (result->early) {
        const Op *sum = store->in[5]->def;
        store_by_slices(c, store, result->early, result->early, at);
        store->in[5] = sum->in[sum->in[0] == result->early];
    } else if (at && !is_late(c, store->in[5])) {
        store_by_slices(c, store, store->in[5], NULL, at);
        op_erase(store);
    }
}

/* ---- The pass ---- */

static void erase_unused(const Columns *c, Block *block) {
    for (Op *op = block->last, *prev; op; op = prev) {
        prev = op->prev;
        if ((op_info(op->code)->traits & PURE) && !op->region && op->out_count == 1 &&
            ir_use_count(c->kernel, op->out[0]) == 0)
            op_erase(op);
    }
}

static void reduce_all(Columns *c, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        reduce_by_slices(c, op);
    }
}

static void slice_tail(Columns *c, Block *block) {
    c->count = c->loop_count = 0;
    reduce_all(c, block);
    for (Op *op = block->first; op && c->queries; op = op->next)
        if (op->code == OP_DOT)
            columns_note_product(c, op);
    Op *const at = c->count ? c->products[0].dot : NULL;
    Result    results[MAX_RESULTS];
    const int count = note_results(c, block, results);
    columns_prepare(c, at);
    for (int r = 0; r < count; r++)
        store_early(c, &results[r], at);
    columns_multiply(c, at);
    for (int r = 0; r < count; r++)
        if (results[r].store->parent) {
            store_by_slices(c, results[r].store, results[r].store->in[5], results[r].early, results[r].store);
            op_erase(results[r].store);
        }
    erase_unused(c, block);
}

/* What lies in memory is added to what registers hold: without branches so. */
static void add_loaded_last(const Block *block) {
    for (Op *op = block->first; op; op = op->next)
        if (op->code == OP_ADD && op->in[0]->def && op->in[0]->def->code == OP_LOAD && type_equal(op->in[0]->type, op->in[1]->type)) {
            Value *const load = op->in[0];
            op->in[0] = op->in[1];
            op->in[1] = load;
        }
}

void columns_of_gradients(Ctx *ctx, Kernel *kernel, Block *block) {
    Columns c = {.ctx = ctx, .kernel = kernel, .loads = true, .joined = true};
    add_loaded_last(block);
    slice_tail(&c, block);
}

/* What is stored before a row's sum goes behind it: slices that both are made of would wait in between. */
static void sum_first(const Columns *c, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (op->code != OP_STORE || op->in[5]->type.cols <= WIDE || op->in[5]->type.rows == 1)
            continue;
        Op *at = next;
        while (at && at->code != OP_ROWSUM && at->code != OP_DOT && !at->region && (op_info(at->code)->traits & PURE))
            at = at->next;
        if (!at || at->code != OP_ROWSUM || at->in[0]->type.cols <= WIDE)
            continue;
        Builder b = ir_after(c->ctx, c->kernel, at);
        op_unlink(op);
        op_insert(&b, op);
    }
}

void columns_store_anew(Ctx *ctx, Kernel *kernel, Block *block) {
    Columns c = {.ctx = ctx, .kernel = kernel, .loads = true, .joined = true, .each = true};
    add_loaded_last(block);
    sum_first(&c, block);
    slice_tail(&c, block);
}

static bool is_wide(const Columns *c, const Value *value) { return value->type.cols > WIDE && columns_is_sliced(c, value); }

/* The same tile, its slices made before `at`. */
static Value *made_by_slices(const Columns *c, Value *value, Op *at) {
    Builder b = ir_before(c->ctx, c->kernel, at);
    Value  *whole = NULL;
    for (int lo = 0, n; lo < value->type.cols; lo += n) {
        Slice        s = columns_slice_at(c, lo, n = columns_slice_width(value->type.cols - lo));
        Value *const part = columns_slice(c, &b, value, &s);
        whole = whole ? ir_binary(&b, OP_CONCAT, whole, part) : part;
    }
    return whole;
}

/* Of a sum the first part is made where it stands, before what the second one needs. */
static void start_by_slices(const Columns *c, Op *loop, int operand) {
    Op *const sum = loop->in[operand]->def;
    if (c->each && sum && sum->code == OP_ROPE && sum->parent == loop->parent && is_wide(c, sum->in[0]))
        sum->in[0] = made_by_slices(c, sum->in[0], sum);
    if (!sum || !is_wide(c, loop->in[operand]))
        return;
    if (sum->code == OP_ADD && sum->in[0]->def && sum->in[0]->def->parent == sum->parent && is_wide(c, sum->in[0]))
        sum->in[0] = made_by_slices(c, sum->in[0], sum->in[0]->def->next);
    loop->in[operand] = made_by_slices(c, loop->in[operand], loop);
}

Value *columns_in_loop(Ctx *ctx, Builder *in, Value *value, int cols, Value *from) {
    const Columns c = {.ctx = ctx, .kernel = in->kernel, .joined = true};
    Slice         s = columns_slice_at(&c, 0, cols);
    s.from = from;
    return columns_slice(&c, in, value, &s);
}

bool columns_can_go_by_slices(const Value *value) { return columns_can_loop(&(Columns){.loads = true, .joined = true}, value); }

bool columns_reduce(Ctx *ctx, Kernel *kernel, Block *block, const Value *value) {
    Columns c = {.ctx = ctx, .kernel = kernel, .loads = true, .joined = true};
    if (!columns_can_loop(&c, value))
        return false;
    reduce_all(&c, block);
    return true;
}

void columns_start_loops(Ctx *ctx, Kernel *kernel, Block *block, Op *queries) {
    Columns c = {.ctx = ctx, .kernel = kernel, .queries = queries, .joined = true};
    reduce_all(&c, block);
    for (Op *op = block->first; op; op = op->next)
        for (int i = 3; i < op->in_count && op->code == OP_FOR; i++)
            start_by_slices(&c, op, i);
    erase_unused(&c, block);
}

/* A piece that products give on one way of a branch. */
static bool is_product_piece(const Op *op) {
    return op->code == OP_IF && op->out_count == 1 && op->out[0]->type.cls == TY_TILE && op->out[0]->type.rows > 1 &&
           op->out[0]->type.cols > 1 && ir_holds(op->region, OP_DOT);
}

/* Each of the piece's users gets it from products of its own, right before it. */
static void multiply_anew(const Columns *c, Op *piece) {
    int        count;
    Op **const users = ir_users(c->ctx, c->kernel, piece->out[0], &count);
    for (int u = 0; u < count && count > 1; u++) {
        Builder      b = ir_before(c->ctx, c->kernel, users[u]);
        ValueMap     map = {.ctx = c->ctx};
        Value *const again = ir_clone(&b, piece, &map)->out[0];
        for (int i = 0; i < users[u]->in_count; i++)
            if (users[u]->in[i] == piece->out[0])
                users[u]->in[i] = again;
    }
    if (count > 1)
        op_erase(piece);
}

void columns_start_anew(Ctx *ctx, Kernel *kernel, Block *block) {
    Columns c = {.ctx = ctx, .kernel = kernel, .loads = true, .joined = true, .each = true};
    reduce_all(&c, block);
    for (Op *op = block->first; op; op = op->next)
        for (int i = 3; i < op->in_count && op->code == OP_FOR; i++)
            start_by_slices(&c, op, i);
    erase_unused(&c, block);
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (is_product_piece(op))
            multiply_anew(&c, op);
    }
}

static bool note_wide(Op *op, void *arg) {
    bool *wide = arg;
    *wide |= op->code == OP_DOT && (op->out[0]->type.cols > WIDE && op->out[0]->type.rows > 1 && !op_int(op, AT_TB, 0));
    return !*wide;
}

static Op *find_queries(Columns *c, Block *body) {
    for (Op *op = body->first; op; op = op->next)
        if (op->code == OP_LOAD && op->out[0]->type.rows > 1 && op_int(op, AT_ROWDIM, -1) >= 0 &&
            !loads_right_side(c->ctx, c->kernel, op))
            return op;
    return NULL;
}

/* With queries of its own, if the block needs them and main has turned ones. */
static void visit_tail(Columns *c, Block *block, bool turned) {
    erase_unused(c, block);
    Op *const whole = c->queries, *const own = turned ? columns_load_again(c, whole, block) : NULL;
    c->queries = own ? own : whole;
    slice_tail(c, block);
    if (own)
        columns_move_to_use(c, own);
    c->queries = whole;
}

/* Kind backward, where forward has saved what products would give: main is made of loads alone. */
static void slice_loads(Ctx *ctx, Kernel *kernel, const PassArgs *args, Block *body) {
    int most = 0;
    for (const Op *op = body->first; op; op = op->next)
        if (op->code == OP_LOAD && op->out[0]->type.rows > 1 && op->out[0]->type.cols > most)
            most = op->out[0]->type.cols;
    pass_note(ctx, args, kernel, most > WIDE ? "tiles of more than %d columns go by slices" : "no tile has more than %d columns: none goes by slices",
              WIDE);
    if (most > WIDE)
        columns_of_gradients(ctx, kernel, body);
}

static bool is_branch(const Op *op) { return op->code == OP_IF && op->out_count == 0; }

static bool has_branches(const Block *body) {
    for (const Op *op = body->first; op; op = op->next)
        if (is_branch(op))
            return true;
    return false;
}

/* Are the features of keys, which kernel `prepare` stores by slices, made so? Those of wide heads, where kernels have no roles. */
static bool slices_features(const PassArgs *args) {
    return loop_slices_columns(args) || (args->kind == KIND_BACKWARD && !args->schedule->roles && spec_is_wide_16_bits(args->spec));
}

static void slice_features(Ctx *ctx, Kernel *kernel, Block *block) {
    Columns c = {.ctx = ctx, .kernel = kernel, .loads = true};
    reduce_all(&c, block);
    for (Op *op = block->first; op; op = op->next) {
        const Op *const cols = op->code == OP_STORE ? op->in[5]->def : NULL;
        if (op->code == OP_IF)
            slice_features(ctx, kernel, op->region);
        if (!cols || cols->code != OP_COLS || !columns_comes_of_loads(&c, cols->in[0]))
            continue;
        Builder b = ir_before(ctx, kernel, op);
        Slice   s = columns_slice_at(&c, 0, cols->out[0]->type.cols);
        op->in[5] = columns_slice(&c, &b, op->in[5], &s);
    }
    erase_unused(&c, block);
}

Status pass_columns(Ctx *ctx, Module *module, const PassArgs *args) {
    Columns      c = {.ctx = ctx, .kernel = loop_main(module)};
    Block *const body = loop_grid_body(c.kernel->body);
    bool         wide = false;
    if (args->kind == KIND_BACKWARD && !ir_holds(body, OP_DOT)) {
        slice_loads(ctx, c.kernel, args, body);
        return ST_OK;
    }
    if (!args->schedule->roles && args->kind == KIND_BACKWARD && spec_is_wide_16_bits(args->spec))
        columns_store_anew(ctx, c.kernel, body);
    c.plain = !args->schedule->roles;
    for (int k = 0; k < module->kernel_count && slices_features(args); k++)
        if (strcmp(module->kernels[k]->name, "prepare") == 0)
            slice_features(ctx, module->kernels[k], loop_grid_body(module->kernels[k]->body));
    if (c.plain && !loop_slices_columns(args))
        return ST_OK;
    c.loads = args->kind == KIND_BACKWARD;
    c.queries = find_queries(&c, body);
    ir_walk(body, note_wide, &wide);
    if (!c.queries || !(wide || c.queries->out[0]->type.cols > WIDE)) {
        pass_note(ctx, args, c.kernel, "no tile has more than %d columns: none goes by slices", WIDE);
        return ST_OK;
    }
    pass_note(ctx, args, c.kernel, "tiles of more than %d columns go by slices: registers hold no more beside a sum", WIDE);
    const bool branches = has_branches(body), turned = branches && !c.plain && columns_turn_queries(&c, module, body);
    for (Op *op = body->first; op; op = op->next)
        if (is_branch(op))
            visit_tail(&c, op->region, turned);
    if (!branches)
        visit_tail(&c, body, false);
    erase_unused(&c, body);
    return ST_OK;
}
