/* Pass roles for kernels of gradients: what loops over tiles of the other side, and multiplies what it loads.
 * In: such a kernel, as pass window leaves it. Out: tiles count upwards also where positions fall, products begin as soon as
 * what they multiply is there, and the warps have roles (roles.c): left sides that are loaded stay where the copy engine puts
 * them, right sides come through a ring. A kernel that cannot have roles stays as it is, and says why. */
#include "passes/roles.h"

#include <string.h>

enum { SLAB = 16, MOST_GROUPS = 2, MOST_ROWS = 128, MOST_COLS = 256, WIDE_COLS = 128, TWO_BLOCKS = 232, TWO_GROUPS = 240, FEW = 24 };
/* Registers of a thread of one group of warps in each of two blocks, of two groups in one, and of those that copy. */

typedef struct Gradients {
    Ctx            *ctx;
    Kernel         *kernel;
    const PassArgs *args;
    Block          *body;
    DType           dtype;
    int             rows, products;
    const Op       *held;  /* a left side that warps load to their registers: there is no ring for it */
    bool            falls; /* positions, as rows go on */
    const char     *why;   /* it has no roles */
    RolesOf         of;
} Gradients;

static const CodeParam *param_of(const Gradients *g, const Op *op) { return ir_find_param(g->kernel, op_text(op, AT_PARAM)); }

/* ---- Can it? ---- */

/* What the copy engine can bring: numbers of products that no warp of the kernel writes. */
static bool can_be_sent(const Gradients *g, const Op *load) {
    return load && load->code == OP_LOAD && param_of(g, load)->dtype == g->dtype && op_int(load, AT_ROWDIM, -1) >= 1 &&
           !op_has(load, AT_WRAP) && load->out[0]->type.cols <= MOST_COLS && load->out[0]->type.cols % SLAB == 0 &&
           load->out[0]->type.rows % SLAB == 0 && load->out[0]->type.rows <= MOST_ROWS &&
           !is_stored(g->kernel->body, op_text(load, AT_PARAM));
}

static bool is_left(const Gradients *g, Op *load) {
    for (int l = 0; l < g->of.left_count; l++)
        if (g->of.left[l] == load)
            return true;
    return false;
}

static void note_left(Gradients *g, Op *load) {
    if (is_left(g, load) || load == g->held)
        return;
    if (!can_be_sent(g, load) || load->parent != g->body || load->out[0]->type.rows != g->rows)
        g->why = "a left side is loaded that cannot be sent";
    else if (g->of.left_count < ROLES_MOST_LEFT)
        g->of.left[g->of.left_count++] = load;
    else if (!g->held)
        g->held = load;
    else
        g->why = "there are more left sides than fit";
}

static bool note_product(Op *dot, void *arg) {
    Gradients *g = arg;
    if (dot->code != OP_DOT || g->why)
        return true;
    const DotParts parts = ir_dot_parts(dot);
    Op *const      left = parts.x->def;
    g->rows = g->products++ ? g->rows : parts.m;
    if (op_int(dot, AT_TA, 0) || parts.m != g->rows || parts.n % SLAB || parts.n > MOST_COLS || parts.k % SLAB || parts.scale ||
        parts.delta)
        g->why = "a product is none of equal row tiles, or too wide";
    else if (!can_be_sent(g, parts.y->def) || !loads_right_side(g->ctx, g->kernel, parts.y->def))
        g->why = "a right side cannot be sent";
    else if (left && left->code == OP_LOAD)
        note_left(g, left);
    return true;
}

/* Does it access a tile whose place depends on the row tile's? */
static bool is_along_rows(const Gradients *g, const Op *op) {
    const Type     type = op->code == OP_STORE ? op->in[5]->type : op->out_count ? op->out[0]->type : type_index();
    const int      rowdim = (int)op_int(op, AT_ROWDIM, -1);
    const Op *const rows = loop_find(g->kernel->body, "row");
    return (op->code == OP_LOAD || op->code == OP_STORE) && rowdim >= 0 && type.rows > 1 && rows &&
           depends_on(op->in[rowdim], rows->region->args[0]);
}

/* All of its rows fall then, each tile's as far as it has rows. */
static bool note_falling(Op *op, void *arg) {
    Gradients *g = arg;
    g->falls |= is_along_rows(g, op) && op_int(op, AT_DOWN, 0);
    return true;
}

static bool check_falling(Op *op, void *arg) {
    Gradients *g = arg;
    const Type type = op->code == OP_STORE ? op->in[5]->type : op->out_count ? op->out[0]->type : type_index();
    if (g->falls && is_along_rows(g, op) && (!op_int(op, AT_DOWN, 0) || op_int(op, AT_PERIOD, 1) != type.rows))
        g->why = "positions fall in some of its tiles alone";
    if (g->falls && (op->code == OP_MASK || op->code == OP_ROPE) && op_int(op, AT_PERIOD, 1) != type.rows)
        g->why = "positions fall in tiles of several heads";
    if (op->code == OP_MASK && op_int(op, AT_TA, 0))
        g->why = "it masks transposed tiles";
    if (op->code == OP_RING || op->code == OP_COLSUM || op->code == OP_COLMAX)
        g->why = "its warps wait for one another";
    return true;
}

/* What is computed with from the start is sent as well, as long as there is room. */
static void note_others(Gradients *g) {
    for (Op *op = g->body->first; op && g->of.left_count < ROLES_MOST_LEFT; op = op->next)
        if (op->code == OP_LOAD && op->out[0]->type.rows == g->rows && !is_left(g, op) && can_be_sent(g, op) &&
            !loads_right_side(g->ctx, g->kernel, op))
            g->of.left[g->of.left_count++] = op;
}

/* Whole groups of warps; one alone shares the multiprocessor with another block's. */
static void choose_warps(Gradients *g) {
    const int group = SLAB * g->args->target->product_warps;
    if (g->rows % group || g->rows / group > MOST_GROUPS) {
        g->why = "its row tiles are not those of one or two groups of warps";
        return;
    }
    g->of.warps = g->rows / SLAB;
    g->of.blocks = g->rows == group ? 2 : 1;
    g->of.registers = g->of.blocks > 1 ? TWO_BLOCKS : TWO_GROUPS;
    g->of.copy_registers = FEW;
}

static bool can_have_roles(Gradients *g) {
    ir_walk(g->kernel->body, note_product, g);
    if (!g->why && g->products == 0)
        g->why = "it has no products";
    ir_walk(g->kernel->body, note_falling, g);
    ir_walk(g->kernel->body, check_falling, g);
    if (!g->why)
        choose_warps(g);
    if (!g->why)
        note_others(g);
    g->of.shares = spec_is_wide(g->args->spec);
    if (!g->why && !roles_fit(g->ctx, g->kernel, g->args, &g->of))
        g->why = "shared memory has no room for its tiles";
    return !g->why;
}

/* ---- Wide left sides ---- */

static bool is_computed_with(const Gradients *g, const Op *load) {
    int        count;
    Op **const users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_DOT && users[u]->code != OP_CONVERT)
            return true;
    return false;
}

/* What loops begin with goes by slices of columns, where registers hold no more. */
static void slice_starts(const Gradients *g) {
    for (int l = 0; l < g->of.left_count; l++)
        if (g->of.left[l]->out[0]->type.cols > WIDE_COLS && is_computed_with(g, g->of.left[l]))
            columns_start_loops(g->ctx, g->kernel, g->body, g->of.left[l]);
}

/* ---- Upwards ---- */

static void turn_all_up(Gradients *g) {
    if (g->falls)
        loop_turn_up(g->ctx, g->kernel, g->kernel->body);
}

/* ---- Products as early as can be ---- */

static bool is_light(const Op *op) { return op->code == OP_LOAD || op_info(op->code)->rule == TR_INDEX; }

/* Moves an op, and before it what it needs of its block, behind `place`. -> what is last there now. */
static Op *bring_behind(const Gradients *g, Op *op, Op *place) {
    if (op == place || op->parent != place->parent || ir_precedes(op, place))
        return place;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->def)
            place = bring_behind(g, op->in[i]->def, place);
    op_unlink(op);
    Builder b = ir_after(g->ctx, g->kernel, place);
    op_insert(&b, op);
    return op;
}

/* The last op of the block that computes an operand; NULL: they are there, or only loaded. */
static Op *last_made(const Op *dot) {
    Op *last = NULL;
    for (int i = 0; i < dot->in_count; i++) {
        Op *const def = dot->in[i] ? dot->in[i]->def : NULL;
        if (def && def->parent == dot->parent && !is_light(def) && (!last || ir_precedes(last, def)))
            last = def;
    }
    return last;
}

/* Those of what is loaded follow each other; what they give is looked at while the later ones run. */
static void begin_early(const Gradients *g, Block *block) {
    Op *first = NULL;
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (op->region)
            begin_early(g, op->region);
        if (op->code != OP_DOT)
            continue;
        Op *const made = last_made(op), *const behind = made ? made : first;
        if (behind && behind->next != op)
            bring_behind(g, op, behind);
        first = made ? first : op;
    }
}

/* The product that `op` adds that of the same right side with another left side to, or NULL. */
static Op *completed_by(const Op *op) {
    Op *const dot = op->code == OP_DOT && op->in_count == 3 ? op->in[2]->def : NULL;
    return dot && dot->code == OP_DOT && dot->parent == op->parent && dot->in[1] == op->in[1] ? dot : NULL;
}

/* Right sides keep their slots of a ring up to their last product: where that takes more slots than there are, it follows the first
 * one, before the products with others. */
static void complete_early(const Gradients *g, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        Op *const dot = completed_by(op);
        next = op->next;
        if (op->region)
            complete_early(g, op->region);
        if (dot && dot->next != op)
            bring_behind(g, op, dot);
    }
}

/* What stands over columns is loaded before the first product, which takes as long. */
static void load_early(const Gradients *g, Block *block) {
    Op *first = block->first;
    for (Op *op = block->first; op; op = op->next)
        if (op->region)
            load_early(g, op->region);
    while (first && first->code != OP_DOT)
        first = first->next;
    Op *place = first ? first->prev : NULL;
    for (Op *op = first, *next; op && place; op = next) {
        next = op->next;
        if (op->code == OP_TRANSPOSE && op->in[0]->def && op->in[0]->def->code == OP_LOAD)
            place = bring_behind(g, op, place);
    }
}

/* The branch behind this one with the same condition; between them stand constants and indices alone. */
static Op *next_branch(const Op *branch) {
    Op *op = branch->next;
    while (op->code == OP_FCONST || op_info(op->code)->rule == TR_INDEX)
        op = op->next;
    return op->code == OP_IF && op->in[0] == branch->in[0] ? op : NULL;
}

static bool uses(const Op *branch, const Op *of) {
    const Op *const yield = ir_terminator(branch->region);
    for (int r = 0; r < of->out_count; r++)
        for (int i = 0; i < yield->in_count; i++)
            if (depends_on(yield->in[i], of->out[r]))
                return true;
    return false;
}

/* The second one's ops go into the first: their products follow each other, and are waited for once. */
static void join(const Gradients *g, Op *first, Op *second) {
    Op *const end = ir_terminator(first->region), *const yield = ir_terminator(second->region);
    Builder   b = ir_before(g->ctx, g->kernel, first), in = ir_before(g->ctx, g->kernel, end);
    for (Op *op = first->next, *next; op != second; op = next) {
        next = op->next;
        op_unlink(op);
        op_insert(&b, op);
    }
    ir_move_ops(&in, second->region);
    for (int r = 0; r < second->out_count; r++) {
        op_add_in(g->ctx, first, first->in_count, second->in[1 + r]);
        op_add_in(g->ctx, end, end->in_count, yield->in[r]);
        ir_replace_uses(g->kernel, second->out[r], op_add_out(g->ctx, g->kernel, first, second->out[r]->type));
    }
    op_erase(second);
}

static void join_branches(const Gradients *g, const Block *block) {
    for (Op *op = block->first; op; op = op->next)
        for (Op *other; op->code == OP_IF && (other = next_branch(op)) && !uses(other, op);)
            join(g, op, other);
}

/* ---- Factors ---- */

static const Op *only_maker(const Gradients *g, const Value *value, OpCode code) {
    return value->def && value->def->code == code && ir_use_count(g->kernel, value) == 1 ? value->def : NULL;
}

/* c (p (x - m)), m a column or row: p (c x - c m), one operation less an element. */
static bool fold_factor(Op *op, void *arg) {
    const Gradients *g = arg;
    double           c;
    const Op *const  product = op->code == OP_MUL && is_constant_tile(op->in[1], &c) ? only_maker(g, op->in[0], OP_MUL) : NULL;
    const Op *const  shift = product ? only_maker(g, product->in[1], OP_SUB) : NULL;
    if (!shift || shift->in[0]->type.cols == 1 || (shift->in[1]->type.cols != 1 && shift->in[1]->type.rows != 1) ||
        !type_equal(shift->in[0]->type, shift->out[0]->type))
        return true;
    Builder      b = ir_before(g->ctx, g->kernel, (Op *)shift);
    Value *const start = ir_binary(&b, OP_MUL, shift->in[1], ir_f(&b, -c, 1, 1));
    ir_replace_uses(g->kernel, shift->out[0], ir_fma(&b, shift->in[0], ir_f(&b, c, 1, 1), start));
    ir_replace_uses(g->kernel, op->out[0], product->out[0]);
    op_erase((Op *)shift);
    op_erase(op);
    return true;
}

/* ---- The pass ---- */

static bool is_named(const Kernel *kernel) {
    static const char *const NAMES[] = {"rows", "window_keys", "window_values"};
    for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++)
        if (strcmp(kernel->name, NAMES[n]) == 0)
            return true;
    return false;
}

Status roles_gradients(Ctx *ctx, Module *module, const PassArgs *args) {
    bool gradients = false;
    if (args->kind != KIND_BACKWARD || !args->schedule->gradient_roles)
        return ST_OK;
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *const kernel = module->kernels[k];
        Gradients     g = {.ctx = ctx, .kernel = kernel, .args = args, .body = loop_grid_body(kernel->body)};
        const bool    behind = gradients;
        gradients |= strcmp(kernel->name, "main") == 0;
        if (!behind || !is_named(kernel) || loop_has_roles(kernel))
            continue;
        g.dtype = ir_find_param(kernel, "k")->dtype;
        clean_kernel(kernel);
        if (!can_have_roles(&g)) {
            pass_note(ctx, args, kernel, "no roles: %s", g.why);
            if (args->schedule->states_every > 1)
                return ctx_fail(ctx, ST_USAGE, "schedule: states_every", "use 1",
                                "kernel %s has no roles, without which no tiles are fetched in a loop between states", kernel->name);
            continue;
        }
        slice_starts(&g);
        turn_all_up(&g);
        join_branches(&g, g.body);
        begin_early(&g, g.body);
        load_early(&g, g.body);
        ir_walk(kernel->body, fold_factor, &g);
        if (!roles_have_slots(ctx, kernel, args, &g.of))
            complete_early(&g, g.body);
        TRY(roles_of_gradients(ctx, kernel, args, &g.of));
    }
    return ST_OK;
}
