/* Products of warp groups (wgmma): the left side in registers or, as the right side, where the copy engine has put it. They
 * run on while the warps go on: op `await` says when one must have ended. Until then its registers are pinned: nothing
 * may move into or out of them. */
#include "codegen/ptx/ptx_gen.h"

const Value *cu_taken(const Value *value, int *lo) {
    *lo = 0;
    for (; value->def && value->def->code == OP_COLS; value = value->def->in[0])
        *lo += (int)op_int(value->def, AT_LO, 0);
    return value->def && value->def->code == OP_TAKE ? value : NULL;
}

static bool is_not_in_place(Op *op, void *arg) {
    int lo;
    (void)arg;
    return op->code != OP_DOT || !cu_taken(op->in[0], &lo) || op_int(op, AT_TA, 0);
}

static bool is_not_stacked(Op *op, void *arg) {
    (void)arg;
    return op->code != OP_DOT || op_int(op, AT_STACK, 1) == 1;
}

bool cu_multiplies_in_place(const Kernel *kernel) { return !ir_walk(kernel->body, is_not_in_place, NULL); }

bool cu_takes_turns(const Gen *g) { return g->schedule->turns && g->kernel->warps == 2 * g->target->product_warps; }

/* The forms of the instruction. K-major: the right side's rows are columns of the product (tb = 1). The left side may lie
 * in shared memory, too. */
typedef struct Form {
    bool k_major;
    int  left; /* 0: in registers, 1: in shared memory, 2: there, transposed */
} Form;

static Form form_of(const Op *dot) {
    int lo;
    return (Form){op_int(dot, AT_TB, 0) != 0, cu_taken(dot->in[0], &lo) ? 1 + (int)op_int(dot, AT_TA, 0) : 0};
}

/* Steps of a product that one statement multiplies: the fewer statements with all the registers of a result, the sooner
 * NVRTC is done. */
enum { MAX_STEPS = 8 };

static const char *form_name(Gen *g, int n, Form form, int steps) {
    static const char *const LEFT[] = {"", "_s", "_t"};
    const char *times = steps > 1 ? ctx_printf(g->ctx, "_x%d", steps) : "";
    return ctx_printf(g->ctx, "wgmma_%d%s%s%s", n, form.k_major ? "_k" : "", LEFT[form.left], times);
}

/* A function's operands in their order: the sums, the left side, the right side's descriptor, whether to add to the sums;
 * where there are several steps, where each one's sides lie. */
typedef struct Operands {
    int sums, left, y, add, y_steps, x_steps;
} Operands;

static Operands operands_of(int n, Form form, int steps) {
    Operands o = {.sums = n / 2, .left = form.left ? 1 : 4 * steps};
    o.y = o.sums + o.left;
    o.add = o.y + 1;
    o.y_steps = o.add + 1;
    o.x_steps = o.y_steps + steps;
    return o;
}

static void descriptor(Gen *g, const char *name, int base, int step, bool moves) {
    if (moves)
        cu_line(g, "        \"add.u32 low, %%%d, %%%d;\\nmov.b64 %s, {low, 0x40000040};\\n\"", base, step, name);
    else
        cu_line(g, "        \"mov.b64 %s, {%%%d, 0x40000040};\\n\"", name, base);
}

static void instruction_step(Gen *g, int n, Form form, int steps, int k, const char *type) {
    const Operands o = operands_of(n, form, steps);
    const int      x = o.sums + 4 * k;
    Text           sums = TEXT(g->ctx);
    for (int i = 0; i < o.sums; i++)
        text_add(&sums, "%s%%%d", i ? ", " : "", i);
    descriptor(g, "y", o.y, o.y_steps + k, steps > 1);
    if (form.left)
        descriptor(g, "x", o.sums, o.x_steps + k, steps > 1);
    cu_line(g, "        \"wgmma.mma_async.sync.aligned.m64n%dk16.f32.%s.%s {%s}, %s, y, %s, 1, 1, %s%d;\\n\"", n, type,
            type, text_str(&sums),
            form.left ? "x" : ctx_printf(g->ctx, "{%%%d, %%%d, %%%d, %%%d}", x, x + 1, x + 2, x + 3), k ? "all" : "p",
            form.left == 2 ? "1, " : form.left ? "0, " : "", !form.k_major);
}

static const char *instruction_operands(Gen *g, int n, Form form, int steps) {
    const Operands o = operands_of(n, form, steps);
    Text           text = TEXT(g->ctx);
    for (int i = 0; i < o.sums; i++)
        text_add(&text, "%s\"+f\"(d[%d])", i ? ", " : "", i);
    text_add(&text, form.left ? " : \"r\"(x)" : " : ");
    for (int i = 0; i < o.left && !form.left; i++)
        text_add(&text, "%s\"r\"(x[%d])", i ? ", " : "", i);
    text_add(&text, ", \"r\"(y), \"r\"(add)");
    for (int k = 0; k < steps && steps > 1; k++)
        text_add(&text, ", \"n\"(step_at(Y + %d, YPANEL))", k);
    for (int k = 0; k < steps && steps > 1 && form.left; k++)
        text_add(&text, ", \"n\"(step_at(X + %d, XPANEL))", k);
    return text_str(&text);
}

/* Some steps for n columns as a function. With several it is told the first one's number and the panels of the sides. */
static void instruction(Gen *g, int n, Form form, int steps, DType dtype) {
    const char    *type = dtype == DT_BF16 ? "bf16" : "f16";
    const Operands o = operands_of(n, form, steps);
    cu_once_begin(g, form_name(g, n, form, steps));
    if (steps > 1)
        cu_line(g, "template <int Y, int YPANEL%s>", form.left ? ", int X, int XPANEL" : "");
    cu_line(g, "DEVICE void %s(float (&d)[%d], %s, u32 y, int add, %s) {", form_name(g, n, form, steps), o.sums,
            form.left ? "u32 x" : "const u32 *x", type);
    cu_line(g, "    asm volatile(\"{\\n.reg .pred p;\\n.reg .b64 %sy;\\nsetp.ne.b32 p, %%%d, 0;\\n\"",
            form.left ? "x, " : "", o.add);
    if (steps > 1)
        cu_line(g, "        \".reg .pred all;\\n.reg .b32 low;\\nsetp.eq.b32 all, 0, 0;\\n\"");
    for (int k = 0; k < steps; k++)
        instruction_step(g, n, form, steps, k, type);
    cu_line(g, "        \"}\\n\"");
    cu_line(g, "        : %s);", instruction_operands(g, n, form, steps));
    cu_line(g, "}");
    cu_once_end(g);
}

static int columns(const Op *dot) { return (dot->out[0]->type.cols + 15) / 16 * 16; }

/* Parts of a product, as alike as can be: each a statement. */
static int part_count(int steps) { return (steps + MAX_STEPS - 1) / MAX_STEPS; }

typedef struct Seen {
    Gen *g;
    bool known[2][3][PTX_MAX_COLUMNS / 16 + 1][MAX_STEPS + 1];
} Seen;

static bool note_product(Op *op, void *arg) {
    Seen     *seen = arg;
    const int n = op->code == OP_DOT ? columns(op) : 0;
    if (n == 0 || n > PTX_MAX_COLUMNS)
        return true;
    const Form form = form_of(op);
    const int  total = (ir_dot_parts(op).k + 15) / 16, parts = part_count(total);
    for (int p = 0; p < parts; p++) {
        const int   steps = total * (p + 1) / parts - total * p / parts;
        bool *const known = &seen->known[form.k_major][form.left][n / 16][steps];
        if (!*known)
            instruction(seen->g, n, form, steps, op->in[1]->type.dtype);
        *known = true;
    }
    return true;
}

void cu_product_instructions(Gen *g, const Kernel *kernel) {
    Seen seen = {.g = g};
    ir_walk(kernel->body, note_product, &seen);
    text_add(&g->out, "\n");
}

static void pin(Gen *g, const Value *value) {
    if (cu_shape(value->type) == SHAPE_TILE)
        cu_line(g, "pin_all(%s);", cu_name(g, value));
}

/* Does nobody look at it behind `op`? */
static bool is_last_use(const Gen *g, const Value *acc, const Op *op) {
    int  count;
    Op **users = ir_users(g->ctx, g->kernel, acc, &count);
    for (int u = 0; u < count; u++) {
        const Op *here = ir_ancestor_in(users[u], op->parent);
        if (!here || (here != op && !ir_precedes(here, op)))
            return false;
    }
    return (acc->def ? acc->def->parent : acc->owner) == op->parent;
}

/* What a product adds to and nobody looks at any more becomes the result, in the same registers. */
static void start_sum(Gen *g, const Op *op, const Value *acc) {
    if (!acc)
        cu_declare(g, op->out[0]);
    else if (is_last_use(g, acc, op))
        cu_set_name(g, op->out[0], cu_name(g, acc));
    else
        cu_assign(g, op->out[0], cu_element(g, acc, SHAPE_TILE));
}

static bool find_product(Op *op, void *arg) {
    const Op **found = arg;
    *found = op->code == OP_DOT && !*found ? op : *found;
    return !*found;
}

/* Groups of warps take turns with the scores of the softmax branch and what follows them at once: a softmax is as long as
 * the products of a turn. Of the residual branch's products, several wait for what the warps do in between. */
static bool opens_turn(const Gen *g, const Op *op) {
    const Op *first = NULL;
    if (!cu_takes_turns(g) || g->flight_count > 0 || !op_int(op, AT_TB, 0))
        return false;
    ir_walk(g->kernel->body, find_product, (void *)&first);
    return op->in[0] == first->in[0];
}

/* ---- Ropes of left sides ---- */

const Op *cu_roping_product(const Gen *g, const Op *rope) {
    const Type type = rope->out[0]->type;
    int        count;
    Op **users = ir_users(g->ctx, g->kernel, rope->out[0], &count);
    const Op *const made = count == 1 && users[0]->code == OP_CONVERT ? users[0] : NULL, *const floats = rope->in[0]->def;
    if (!made || op_int(rope, AT_DOWN, 0) || dtype_size(made->out[0]->type.dtype) != 2 || !floats || floats->code != OP_CONVERT ||
        floats->in[0]->type.dtype != made->out[0]->type.dtype || cu_slabs(g, type) > 1 ||
        type.cols % (op_int(rope, AT_STYLE, 0) ? 32 : 16) != 0)
        return NULL;
    const Op *first = NULL;
    users = ir_users(g->ctx, g->kernel, made->out[0], &count);
    for (int u = 0; u < count; u++) {
        const Op *here = ir_ancestor_in(users[u], made->parent);
        first = here && (!first || ir_precedes(here, first)) ? here : first;
    }
    const bool multiplies = first && first->code == OP_DOT && first->in[0] == made->out[0];
    return multiplies && first->in[1]->def && first->in[1]->def->code == OP_TAKE ? first : NULL;
}

bool cu_knows_position(const Op *rope, const Block *block) {
    const Value *position = rope->in[1];
    return position->def ? !ir_ancestor_in(position->def, block) : position->owner != block;
}

typedef struct FirstRope {
    const Gen *g;
    const Op  *found;
} FirstRope;

static bool find_rope(Op *op, void *arg) {
    FirstRope *first = arg;
    first->found = op->code == OP_ROPE && cu_roping_product(first->g, op) ? op : NULL;
    return !first->found;
}

const Op *cu_roped_first(const Gen *g, const Block *block) {
    FirstRope first = {.g = g};
    ir_walk((Block *)block, find_rope, &first);
    return first.found;
}

void cu_angles_ahead(Gen *g, const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_ROPE && cu_roping_product(g, op) && cu_knows_position(op, block) && !(g->rope_ahead && op == g->rope))
            cu_angles(g, op);
}

void cu_turns_ahead(Gen *g, const char *item) {
    const char *name = cu_name(g, g->rope->out[0]);
    cu_line(g, "{");
    g->depth++;
    cu_line(g, "const i64 ahead = %s, item = ahead;", item);
    cu_item_axes(g);
    cu_angles(g, g->rope);
    cu_line(g, "%s_turns.make(%s_angles);", name, name);
    g->depth--;
    cu_line(g, "}");
}

/* All at once: measured, steps of a product that each wait for their own angles take longer than the first of them gain
 * while others are roped. */
void cu_rope_left_side(Gen *g, const Op *rope, const Value *to) {
    const int   style = (int)op_int(rope, AT_STYLE, 0), steps = to->type.cols / 16, rounds = style ? steps / 2 : steps;
    const char *from = cu_name(g, rope->in[0]->def->in[0]);
    if (!cu_knows_position(rope, rope->parent))
        cu_angles(g, rope);
    cu_declare(g, to);
    cu_line(g, "UNROLL for (int round = 0; round < %d; round++)", rounds);
    cu_line(g, "    turn_step<%s, %d>(%s[0], %s[0], %s_%s, round);", cu_ctype(to->type.dtype), style ? rounds : 0,
            cu_name(g, to), from, cu_name(g, rope->out[0]), g->rope_ahead && rope == g->rope ? "turns" : "angles");
}

/* ---- Products ---- */

/* Where step k of a side with `rows` rows, its columns from `lo` on along the sum, lies behind its start: in units of a
 * descriptor, 16 bytes. */
static const char *along(Gen *g, int rows, int lo) {
    const char *k = lo ? ctx_printf(g->ctx, "(k + %d)", lo / 16) : "k";
    return ctx_printf(g->ctx, "%s / 4 * %d + %s %% 4 * 2", k, rows * IR_PANEL / 16, k);
}

/* Of a left side in shared memory. Transposed, a slab of the product is a panel. */
static const char *left_start(Gen *g, const Op *op, const Value *x) {
    int                lo;
    const Value *const tile = cu_taken(x, &lo);
    const int          panel = tile->type.rows * IR_PANEL;
    if (op_int(op, AT_TA, 0)) {
        if (lo || g->kernel->warps != g->target->product_warps)
            cu_fail(g, op, "this transposed left side");
        return ctx_printf(g->ctx, "matrix(%s.address + s * %d, %d)", cu_name(g, tile), panel, panel);
    }
    if (cu_slabs(g, op->out[0]->type) != 1)
        cu_fail(g, op, "a left side of several slabs in shared memory");
    return ctx_printf(g->ctx, "matrix(%s.address + own_rows, 16)", cu_name(g, tile));
}

static const char *left_side(Gen *g, const Op *op, const Value *x) {
    int                lo;
    const Value *const tile = cu_taken(x, &lo);
    return tile ? ctx_printf(g->ctx, "%s + %s", left_start(g, op, x),
                             op_int(op, AT_TA, 0) ? "k * 128" : along(g, tile->type.rows, lo))
                : ctx_printf(g->ctx, "&%s[s][4 * k]", cu_name(g, x));
}

bool cu_stacks(const Kernel *kernel) { return !ir_walk(kernel->body, is_not_stacked, NULL); }

/* Of a stack of right sides: each group of warps has rows of one part alone, and takes that part's. */
static const char *stacked_start(Gen *g, const Op *op, const Value *tile) {
    const int64_t stack = op_int(op, AT_STACK, 1), groups = g->kernel->warps / g->target->product_warps;
    if (cu_slabs(g, op->out[0]->type) != 1 || groups % stack || cu_several_compute(g->kernel))
        cu_fail(g, op, "this stack of right sides");
    const char *part = groups > stack ? ctx_printf(g->ctx, "own_group / %d", (int)(groups / stack)) : "own_group";
    return ctx_printf(g->ctx, "matrix(%s.address + %s * %du, %d)", cu_name(g, tile), part,
                      (int)(tile->type.rows / stack * IR_PANEL), tile->type.rows * IR_PANEL);
}

static const char *right_start(Gen *g, const Op *op, const Value *y) {
    int                lo;
    const Value *const tile = cu_taken(y, &lo);
    const bool         k_major = op_int(op, AT_TB, 0) != 0;
    if (!k_major && lo)
        cu_fail(g, op, "columns of a right side");
    if (op_int(op, AT_STACK, 1) > 1)
        return stacked_start(g, op, tile);
    return ctx_printf(g->ctx, "matrix(%s.address, %d)", cu_name(g, tile), k_major ? 16 : tile->type.rows * IR_PANEL);
}

static const char *right_side(Gen *g, const Op *op, const Value *y) {
    int                lo;
    const Value *const tile = cu_taken(y, &lo);
    return ctx_printf(g->ctx, "%s + %s", right_start(g, op, y),
                      op_int(op, AT_TB, 0) ? along(g, tile->type.rows, lo) : "k * 128");
}

/* The arguments of step_at for the first of some steps. */
static const char *first_step(Gen *g, const Value *side, bool k_major, int k) {
    int                lo;
    const Value *const tile = cu_taken(side, &lo);
    return ctx_printf(g->ctx, "%d, %d", lo / 16 + k, k_major ? tile->type.rows * IR_PANEL / 16 : 0);
}

/* Some steps of a product from step k on, in one statement. */
static const char *multiply_steps(Gen *g, const Op *op, const DotParts *p, bool adds, int k, int steps) {
    const Form  form = form_of(op);
    const char *panels = form.left ? ctx_printf(g->ctx, ", %s", first_step(g, p->x, form.left == 1, k)) : "";
    const char *x = form.left ? left_start(g, op, p->x) : ctx_printf(g->ctx, "&%s[s][%d]", cu_name(g, p->x), 4 * k);
    return ctx_printf(g->ctx, "%s<%s%s>(%s[s], %s, %s, %d, %s());", form_name(g, columns(op), form, steps),
                      first_step(g, p->y, form.k_major, k), panels, cu_name(g, op->out[0]), x, right_start(g, op, p->y),
                      adds || k > 0, cu_ctype(p->y->type.dtype));
}

/* All of them; `step` multiplies for s and k. */
static void multiply(Gen *g, const Op *op, const DotParts *p, bool adds, const char *step) {
    const int total = (p->k + 15) / 16, parts = part_count(total), slabs = cu_slabs(g, op->out[0]->type);
    cu_line(g, "UNROLL for (int s = 0%s; s < %d; s++)%s", total > 1 ? "" : ", k = 0", slabs, parts > 1 ? " {" : "");
    for (int part = 0; part < parts; part++) {
        const int k = total * part / parts, steps = total * (part + 1) / parts - k;
        cu_line(g, "    %s", steps > 1 ? multiply_steps(g, op, p, adds, k, steps) : step);
    }
    if (parts > 1)
        cu_line(g, "}");
}

static bool is_product(const Gen *g, const Op *op, const DotParts *p) {
    int        lo;
    const bool registers = cu_shape(p->x->type) == SHAPE_TILE && dtype_size(p->x->type.dtype) == 2;
    const bool taken = cu_taken(p->x, &lo);
    return (taken || (registers && !op_int(op, AT_TA, 0))) && !p->scale && !p->delta && columns(op) <= PTX_MAX_COLUMNS &&
           g->flight_count < PTX_MAX_FLIGHT;
}

void cu_product(Gen *g, const Op *op) {
    const DotParts p = ir_dot_parts(op);
    double         zero = 1;
    int            lo;
    if (!is_product(g, op, &p)) {
        cu_fail(g, op, "this product");
        return;
    }
    if (p.acc && p.acc->def && p.acc->def->code == OP_FCONST)
        zero = op_float(p.acc->def, AT_FVALUE, 1);
    const bool adds = p.acc && zero != 0;
    if (opens_turn(g, op)) {
        cu_line(g, "turn_begin(group);");
        g->turn_open = true;
    }
    start_sum(g, op, adds ? p.acc : NULL);
    const char *step = ctx_printf(g->ctx, "%s(%s[s], %s, %s, %s, %s());", form_name(g, columns(op), form_of(op), 1),
                                  cu_name(g, op->out[0]), left_side(g, op, p.x), right_side(g, op, p.y), adds ? "1" : "k > 0",
                                  cu_ctype(p.y->type.dtype));
    pin(g, op->out[0]);
    if (!cu_taken(p.x, &lo))
        pin(g, p.x);
    cu_line(g, "products_begin();");
    multiply(g, op, &p, adds, step);
    cu_line(g, "products_commit();");
    g->flight[g->flight_count++] = op;
}

static bool awaits(const Op *op) {
    return op->code == OP_AWAIT || ((op->code == OP_FOR || op->code == OP_IF) && ir_holds(op->region, OP_AWAIT));
}

bool cu_ends_awaiting(const Block *block) {
    const Op *last = NULL;
    for (const Op *op = block->first; op; op = op->next)
        last = awaits(op) ? op : last;
    return last && (last->code == OP_AWAIT || (last->code == OP_IF && cu_is_else(last) && cu_ends_awaiting(last->region) &&
                                               cu_ends_awaiting(last->prev->region)));
}

/* Is it the last of the role's waits on every way that leads through it? */
static bool is_last_await(const Op *op) {
    for (const Op *here = op; here && here->code != OP_ROLE; here = here->parent->owner)
        for (const Op *later = here->next; later; later = later->next)
            if (awaits(later) && !(later == here->next && later->code == OP_IF && cu_is_else(later)))
                return false;
    return true;
}

/* A tile in half its registers, or a column in the place of two. */
static bool made_small(const Op *op) {
    const Type type = op->out[0]->type;
    return (op->code == OP_CONVERT && cu_shape(type) == SHAPE_TILE && dtype_size(type.dtype) == 2) ||
           (op->code == OP_ADD && cu_shape(type) == SHAPE_COLUMN && cu_shape(op->in[1]->type) == SHAPE_COLUMN &&
            op->parent->owner->code != OP_FOR); /* which loops carry on at once */
}

/* The barrier of the last tile once more: a branch, which keeps what stands before it from being moved behind the wait.
 * What was made small since, to wait for what comes, is looked at in another one: else it would be made there. */
static void hold(Gen *g, const Op *last, const Op *await, bool turns) {
    int         lo;
    const char *y = cu_name(g, cu_taken(last->in[1], &lo));
    if (turns)
        cu_line(g, "if (%s_turns.there()) barrier_wait(%s.full, %s.phase);", cu_name(g, g->rope->out[0]), y, y);
    for (const Op *op = await->prev; op && op != last; op = op->prev)
        if (op->out_count == 1 && made_small(op))
            cu_line(g, "if (all_bits(%s)) barrier_wait(%s.full, %s.phase);", cu_name(g, op->out[0]), y, y);
    cu_line(g, "barrier_wait(%s.full, %s.phase);", y, y);
}

/* What products that have ended gave and read may be moved again, unless another one still adds to it. */
static void unpin(Gen *g, int ended) {
    int lo;
    for (int p = 0; p < ended; p++) {
        bool goes_on = false;
        for (int later = p + 1; later < g->flight_count; later++)
            goes_on |= cu_name(g, g->flight[p]->out[0]) == cu_name(g, g->flight[later]->out[0]);
        if (!goes_on)
            pin(g, g->flight[p]->out[0]);
        if (!cu_taken(g->flight[p]->in[0], &lo))
            pin(g, g->flight[p]->in[0]);
    }
}

void cu_await(Gen *g, const Op *op) {
    const int left = (int)op_int(op, AT_COUNT, 0), ended = g->flight_count - left;
    if (ended < 1) {
        cu_fail(g, op, "a wait for products that are not there");
        return;
    }
    if (g->turn_open)
        cu_line(g, "turn_end(group);");
    g->turn_open = false;
    const bool ahead = g->rope_ahead && is_last_await(op);
    if (g->takes_ahead && is_last_await(op))
        cu_line(g, "next = items.take_all((turn + 1) & 1);");
    if (ahead)
        cu_turns_ahead(g, "item + gridDim.x");
    if (left == 0)
        hold(g, g->flight[g->flight_count - 1], op, ahead);
    cu_line(g, "products_await<%d>();", left);
    unpin(g, ended);
    for (int p = 0; p < left; p++)
        g->flight[p] = g->flight[ended + p];
    g->flight_count = left;
}
