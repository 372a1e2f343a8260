/* A kernel as a __global__ function: its axes become the block's number, the rest is printed op by op. */
#include "codegen/ptx/ptx_gen.h"

#include <stdio.h>
#include <string.h>

void cu_fail(Gen *g, const Op *op, const char *what) {
    char place[96] = "";
    ctx_fail(g->ctx, ST_FAILED, op ? ir_describe(op, place, sizeof place) : g->kernel->name,
             "report this: the passes should not let it through", "the GPU back end cannot compile this: %s", what);
}

void cu_line(Gen *g, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int   length = vsnprintf(NULL, 0, format, args);
    char *const line = ctx_alloc(g->ctx, (size_t)length + 1);
    vsnprintf(line, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    text_add(&g->out, "%*s%s\n", 4 * g->depth, "", line);
}

void cu_once_begin(Gen *g, const char *name) {
    if (g->roles > 1)
        text_add(&g->out, "#ifndef HAS_%s\n#define HAS_%s\n", name, name);
}

void cu_once_end(Gen *g) {
    if (g->roles > 1)
        text_add(&g->out, "#endif\n");
}

void cu_set_name(Gen *g, const Value *value, const char *name) { g->names[value->id] = name; }

/* Numbers that are short stand for what is without end by what no position reaches. */
static const char *number_text(Gen *g, int64_t value) {
    if (!g->short_numbers)
        return ctx_printf(g->ctx, "%lldLL", (long long)value);
    return ctx_printf(g->ctx, "%lld",
                      (long long)(value > MOST_SHORT ? MOST_SHORT : value < -MOST_SHORT ? -MOST_SHORT : value));
}

static const char *number_type(const Gen *g) { return g->short_numbers ? "int" : "i64"; }

const char *cu_name(Gen *g, const Value *value) {
    int64_t constant;
    if (value->type.cls == TY_INDEX && ir_const_value(value, &constant))
        return number_text(g, constant);
    if (!g->names[value->id])
        g->names[value->id] = ctx_printf(g->ctx, "%c%d", value->type.cls == TY_INDEX ? 'n' : 't', value->id);
    return g->names[value->id];
}

/* ---- Index ops ---- */

static int sym_number(const char *name) {
    static const char *const NAMES[SYM_COUNT] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    for (int s = 0; s < SYM_COUNT; s++)
        if (strcmp(NAMES[s], name) == 0)
            return s;
    return -1;
}

/* The exponent of a constant power of two, in kernels of gradients whose warps have no roles, where registers are scarcest: a shift
 * to the right rounds down, and takes a third of the instructions of a division that does. -1: another number, or another kernel. */
static int shift_of(const Gen *g, const Value *divisor) {
    int64_t constant;
    int     shift = 0;
    if (cu_first_role(g->kernel) || !ir_find_param(g->kernel, "do") || !ir_const_value(divisor, &constant) || constant < 1 ||
        (constant & (constant - 1)))
        return -1;
    while (constant >> shift > 1)
        shift++;
    return shift;
}

static int widest(const Gen *g, bool *products);

/* Is a quotient kept, or made again at each use? Counted with ptxas, the former spills least beside tiles of more than 64 columns
 * on GPUs with clusters, the latter elsewhere. */
static bool keeps_quotients(const Gen *g) {
    bool products;
    return g->target->cluster && widest(g, &products) > 32;
}

static const char *index_expression(Gen *g, const Op *op) {
    const char *x = op->in_count > 0 ? cu_name(g, op->in[0]) : "", *y = op->in_count > 1 ? cu_name(g, op->in[1]) : "";
    const int   shift = op->code == OP_IDIV ? shift_of(g, op->in[1]) : -1;
    int64_t     constant;
    switch (op->code) {
    case OP_ISYM: return ctx_printf(g->ctx, "a.v[%d]", 5 * g->kernel->param_count + sym_number(op_text(op, AT_SYM)));
    case OP_ILOAD:
        return ctx_printf(g->ctx, "((const int *)a.v[%ld])[%s]",
                          5 * (long)(ir_find_param(g->kernel, op_text(op, AT_PARAM)) - g->kernel->params), x);
    case OP_IADD: return ctx_printf(g->ctx, "%s + %s", x, y);
    case OP_ISUB: return ctx_printf(g->ctx, "%s - %s", x, y);
    case OP_IMUL: return ctx_printf(g->ctx, "%s * %s", x, y);
    case OP_IDIV:
        if (shift >= 0)
            return ctx_printf(g->ctx, keeps_quotients(g) ? "opaque(%s >> %d)" : "%s >> %d", x, shift);
        return ctx_printf(g->ctx, "floor_div%s(%s, %s)", ir_const_value(op->in[1], &constant) ? "" : "_any", x, y);
    case OP_IMOD: return ctx_printf(g->ctx, "floor_mod(%s, %s)", x, y);
    case OP_IMIN: return ctx_printf(g->ctx, "smaller(%s, %s)", x, y);
    case OP_IMAX: return ctx_printf(g->ctx, "larger(%s, %s)", x, y);
    case OP_ARRIVE: return cu_arrive(g, op);
    case OP_ILT: return ctx_printf(g->ctx, "(%s)(%s < %s)", number_type(g), x, y);
    default: return NULL;
    }
}

static bool index_op(Gen *g, const Op *op) {
    if (op->code == OP_ICONST)
        return true; /* stands where it is used */
    const char *expression = index_expression(g, op);
    if (expression)
        cu_line(g, "const %s %s = %s;", number_type(g), cu_name(g, op->out[0]), expression);
    return expression != NULL;
}

/* ---- Control ---- */

static void declare_any(Gen *g, const Value *value) {
    if (value->type.cls == TY_INDEX)
        cu_line(g, "%s %s;", number_type(g), cu_name(g, value));
    else
        cu_declare(g, value);
}

/* What is yielded was made in this turn, or stays where it is: assignments cannot disturb each other. */
static void assign_carried(Gen *g, const Op *loop, const Op *yield) {
    const Block *body = loop->region;
    for (int c = 0; c < loop->out_count; c++) {
        Value *const from = yield->in[c];
        if (from->owner != body || from == body->args[c + 1])
            continue;
        cu_fail(g, loop, "carried values that change places");
        return;
    }
    for (int c = 0; c < loop->out_count; c++)
        if (yield->in[c] != body->args[c + 1])
            cu_move(g, loop->out[c], yield->in[c]);
}

static void loop(Gen *g, const Op *op);

static bool is_apart(const Op *op) { return op->code == OP_FOR && op_int(op, AT_APART, 0); }

/* What others may run than those who merge: the last block does. A block that is alone merges first, and its results do
 * not wait for what this reads. */
static void loops_apart(Gen *g, const Op *axis) {
    for (const Op *op = axis->next; op; op = op->next) {
        if (!is_apart(op))
            continue;
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i]->def && op->in[i]->def->parent == op->parent && op->in[i]->def->code != OP_ICONST)
                cu_fail(g, op, "bounds of a loop apart that are not known before");
        cu_line(g, "if (%s + 1 == %s) {", cu_name(g, axis->region->args[0]), cu_name(g, axis->in[1]));
        g->depth++;
        loop(g, op);
        g->depth--;
        cu_line(g, "}");
    }
}

/* A parallel loop inside of a kernel: its turns are the blocks of a cluster. What follows is the first block's, in braces
 * that the block's end closes. */
static void cluster_loop(Gen *g, const Op *op) {
    cu_line(g, "{ // %s", op_text(op, AT_AXIS));
    g->depth++;
    cu_block(g, op->region);
    g->depth--;
    cu_line(g, "}");
    cu_line(g, "cluster_sync();");
    cu_line(g, "if (%s == 0) {", cu_name(g, op->region->args[0]));
    g->depth++;
}

/* Parts' results: few, and their loads shall be on their way together, as many as registers hold. Not where all warps add up
 * columns in turn: they wait for each other between. */
static int parts_at_once(const Gen *g, const Op *op) {
    int floats = 0;
    if (ir_holds(op->region, OP_COLSUM))
        return 1;
    for (int r = 0; r < op->out_count; r++)
        if (op->out[r]->type.cls == TY_TILE && cu_shape(op->out[r]->type) == SHAPE_TILE)
            floats += cu_slabs(g, op->out[r]->type) * cu_numbers(op->out[r]->type);
    return floats <= 32 ? 8 : 4;
}

static void loop(Gen *g, const Op *op) {
    const Block *body = op->region;
    const char  *number = cu_name(g, body->args[0]);
    for (int c = 0; c < op->out_count; c++) {
        declare_any(g, op->out[c]);
        cu_move(g, op->out[c], op->in[c + 3]);
        cu_set_name(g, body->args[c + 1], cu_name(g, op->out[c]));
    }
    const char *end = ctx_printf(g->ctx, "%s_end", number);
    cu_line(g, "const %s %s = opaque(%s);", number_type(g), end, cu_name(g, op->in[1]));
    cu_line(g, "#pragma unroll %d", strcmp(op_text(op, AT_AXIS), "part") == 0 ? parts_at_once(g, op) : 1);
    cu_line(g, "for (%s %s = %s; %s < %s; %s += %s) { // %s", number_type(g), number, cu_name(g, op->in[0]), number, end,
            number, cu_name(g, op->in[2]), op_text(op, AT_AXIS));
    g->depth++;
    cu_block(g, body);
    assign_carried(g, op, ir_terminator(body));
    g->depth--;
    cu_line(g, "}");
}

static bool turns_over(const Op *op, const char *axis) {
    return op->code == OP_FOR && !op_int(op, AT_PAR, 0) && strcmp(op_text(op, AT_AXIS), axis) == 0;
}

const Op *cu_heads_loop(const Op *op) {
    for (const Op *loop = op->parent->owner; loop; loop = loop->parent->owner)
        for (const Op *in = turns_over(loop, "group") ? loop->region->first : NULL; in; in = in->next)
            if (turns_over(in, "key"))
                return loop;
    return NULL;
}

bool cu_is_else(const Op *op) {
    const Op *other = op->prev, *condition = op->in[0]->def;
    return op->out_count == 0 && other && other->code == OP_IF && other->out_count == 0 && condition &&
           condition->code == OP_ILT && condition->in[0] == other->in[0] && ir_is_const(condition->in[1], 1);
}

/* Values of what surrounds a block that it uses: index values, or single columns. */
typedef struct Numbers {
    Ctx         *ctx;
    const Block *block;
    Value      **values;
    int          count, capacity;
} Numbers;

static bool note_numbers(Op *op, void *arg) {
    Numbers *n = arg;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && op->in[i]->type.cls == TY_INDEX && !ir_defined_in(op->in[i], n->block))
            PUSH(n->ctx, n->values, n->count, n->capacity, op->in[i]);
    return true;
}

/* Of wide heads: what follows main's keys, as pass tails leaves it without roles. */
static bool follows_wide_keys(const Gen *g, const Op *op) {
    return g->crowded && !g->behind_keys && op->out_count == 0 && strcmp(g->kernel->name, "main") == 0 &&
           ir_holds(op->region, OP_DOT);
}

static void branch(Gen *g, const Op *op);

/* It, and the branch for where it is not taken, if there is one, with numbers of their own. -> the last of them */
static const Op *branch_anew(Gen *g, const Op *op) {
    const Op *const other = op->next && op->next->code == OP_IF && cu_is_else(op->next) ? op->next : NULL;
    Numbers         n = {.ctx = g->ctx, .block = op->region};
    ir_walk(op->region, note_numbers, &n);
    PUSH(n.ctx, n.values, n.count, n.capacity, op->in[0]);
    if (other) {
        n.block = other->region;
        ir_walk(other->region, note_numbers, &n);
    }
    cu_open_again(g, n.values, n.count);
    g->behind_keys = true;
    branch(g, op);
    if (other)
        branch(g, other);
    g->behind_keys = false;
    cu_close_again(g);
    return other ? other : op;
}

bool cu_has_wide_heads(const Kernel *kernel) {
    const CodeParam *q = ir_find_param(kernel, "q"), *v = ir_find_param(kernel, "v");
    return q && v && (q->dims[3] > 128 || v->dims[3] > 128);
}

static bool note_single_columns(Op *op, void *arg) {
    Numbers *n = arg;
    for (int i = 0; i < op->in_count; i++) {
        Value *const value = op->in[i];
        bool         known = !value || value->type.cls != TY_TILE || cu_shape(value->type) != SHAPE_COLUMN || ir_defined_in(value, n->block) ||
                     (value->def && value->def->code == OP_FCONST);
        for (int v = 0; v < n->count && !known; v++)
            known = n->values[v] == value;
        if (!known)
            PUSH(n->ctx, n->values, n->count, n->capacity, value);
    }
    return true;
}

/* What slices of wide tiles are made of is loaded, and computed, for each anew: pass columns has made them apart. A compiler that
 * knew the columns they are multiplied by would keep the products for the next use. */
static void forget_apart(Gen *g, const Op *op) {
    Numbers n = {.ctx = g->ctx, .block = op->region};
    if (!ir_is_const(op->in[0], 1) || !cu_has_wide_heads(g->kernel) || cu_first_role(g->kernel))
        return;
    cu_line(g, "forget();");
    ir_walk(op->region, note_single_columns, &n);
    for (int v = 0; v < n.count; v++)
        cu_line(g, "%smade_here(%s);", cu_each(g, n.values[v]), cu_element(g, n.values[v], SHAPE_COLUMN));
}

static void branch(Gen *g, const Op *op) {
    for (int r = 0; r < op->out_count; r++) {
        declare_any(g, op->out[r]);
        cu_move(g, op->out[r], op->in[r + 1]);
    }
    if (cu_is_else(op))
        cu_line(g, "else {");
    else
        cu_line(g, "if (%s) {", cu_name(g, op->in[0]));
    g->depth++;
    cu_block(g, op->region);
    for (int r = 0; r < op->out_count; r++)
        cu_move(g, op->out[r], ir_terminator(op->region)->in[r]);
    g->depth--;
    cu_line(g, "}");
    forget_apart(g, op);
}

void cu_block(Gen *g, const Block *block) {
    const Op *clustered = NULL;
    for (const Op *op = block->first; op; op = op->next) {
        if (op->code == OP_YIELD || (clustered && is_apart(op)))
            continue;
        if (index_op(g, op) || cu_role_op(g, op) || cu_memory_op(g, op) || cu_tile_op(g, op))
            continue;
        clustered = ir_is_axis(op) ? op : clustered;
        if (ir_is_axis(op))
            cluster_loop(g, op);
        else if (op->code == OP_FOR)
            loop(g, op);
        else if (op->code == OP_IF && follows_wide_keys(g, op))
            op = branch_anew(g, op);
        else if (op->code == OP_IF)
            branch(g, op);
        else
            cu_fail(g, op, "no code for this op");
    }
    if (!clustered)
        return;
    g->depth--;
    cu_line(g, "}");
    loops_apart(g, clustered);
}

/* ---- The grid ---- */

/* The block's parallel loop, if index ops are all that stands beside it. */
static const Op *axis_of(const Block *block) {
    const Op *axis = NULL;
    for (const Op *op = block->first; op; op = op->next) {
        if (ir_is_axis(op) && !axis)
            axis = op;
        else if (op->code != OP_YIELD && op_info(op->code)->rule != TR_INDEX)
            return NULL;
    }
    return axis;
}

static int64_t extent_of(Gen *g, const Op *axis) {
    int64_t      n;
    const Value *hi = axis->in[1];
    if (!ir_is_const(axis->in[0], 0) || !ir_is_const(axis->in[2], 1))
        cu_fail(g, axis, "a parallel axis must count from 0 by 1");
    if (ir_const_value(hi, &n))
        return n;
    if (hi->def && hi->def->code == OP_ISYM)
        return DIM_SYM(sym_number(op_text(hi->def, AT_SYM)));
    cu_fail(g, hi->def, "a parallel axis must end at a constant or a size known at launch");
    return 1;
}

static const char *extent_text(Gen *g, int64_t extent) {
    if (extent >= 0)
        return ctx_printf(g->ctx, "%lldu", (long long)extent);
    return ctx_printf(g->ctx, "(u32)a.v[%lld]", (long long)(5 * g->kernel->param_count - 1 - extent));
}

/* The kernel's axes; returns the block inside of them. */
static const Block *find_axes(Gen *g, CodePhase *phase) {
    const Block *block = g->kernel->body;
    g->outer_axes = 0;
    for (const Op *axis; (axis = axis_of(block)) && phase->axis_count < PTX_MAX_AXES; block = axis->region) {
        phase->axes[phase->axis_count] = extent_of(g, axis);
        g->axes[phase->axis_count++] = axis;
        g->outer_axes++;
    }
    for (const Op *op = block->first; op && phase->axis_count < PTX_MAX_AXES; op = op->next)
        if (ir_is_axis(op)) {
            phase->axes[phase->axis_count] = extent_of(g, op);
            g->axes[phase->axis_count++] = op;
            phase->cluster = true;
        }
    return block;
}

static void axis_from_rest(Gen *g, int a, bool last) {
    const char *extent = extent_text(g, g->phase->axes[a]);
    cu_line(g, "const %s %s = rest%s%s; // %s", number_type(g), cu_name(g, g->axes[a]->region->args[0]), last ? "" : " % ",
            last ? "" : extent, op_text(g->axes[a], AT_AXIS));
    if (!last)
        cu_line(g, "rest /= %s;", extent);
}

void cu_index_ops(Gen *g, const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        index_op(g, op);
}

static void axis_values(Gen *g) {
    const Block *outer = g->kernel->body;
    for (int i = 0; i < g->outer_axes; outer = g->axes[i++]->region)
        cu_index_ops(g, outer);
}

static int row_axis(const Gen *g) {
    int row = g->phase->axis_count - 1;
    while (row >= 0 && strcmp(op_text(g->axes[row], AT_AXIS), "row") != 0)
        row--;
    return row;
}

/* Rows slowest, the last ones first: blocks that run at the same time share keys, and the short tiles at the start of a
 * sequence fill the end of the walk. On top of full rings all tiles are alike, and sequences come one after the other; so they do
 * where this kernel runs beside the one that makes their states. */
static void rows_slowest(Gen *g, int row) {
    const bool alike = (ir_find_param(g->kernel, "ring_k") || cu_runs_beside(g)) && row > 0;
    for (int i = g->phase->axis_count - 1; i >= 0; i--)
        if (i != row && (i != 0 || !alike))
            axis_from_rest(g, i, false);
    const char *name = cu_name(g, g->axes[row]->region->args[0]), *extent = extent_text(g, g->phase->axes[row]);
    if (alike) {
        cu_line(g, "const %s %s = %s - 1 - rest %% %s; // %s", number_type(g), name, extent, extent,
                op_text(g->axes[row], AT_AXIS));
        cu_line(g, "rest /= %s;", extent);
        axis_from_rest(g, 0, true);
    } else {
        cu_line(g, "const %s %s = %s - 1 - rest; // %s", number_type(g), name, extent, op_text(g->axes[row], AT_AXIS));
    }
}

/* Else the block's number counts row-major, the first axis slowest. */
static void axes_of_block(Gen *g, const char *block) {
    const int row = strcmp(g->kernel->name, "main") == 0 ? row_axis(g) : -1;
    cu_line(g, "u32 rest = %s;", block);
    if (row >= 0)
        rows_slowest(g, row);
    for (int i = g->phase->axis_count - 1; i >= 0 && row < 0; i--)
        axis_from_rest(g, i, i == 0);
}

static void open_grid(Gen *g) {
    axes_of_block(g, "blockIdx.x");
    axis_values(g);
}

static bool is_axis_number(const Gen *g, const Value *value) {
    for (int a = 0; a < g->phase->axis_count; a++)
        if (value == g->axes[a]->region->args[0])
            return true;
    return false;
}

/* Computes an index value once more, behind what it is made of, if an axis' number is part of it. `known`, by the value's
 * number: whether it is. */
static bool number_again(Gen *g, const Value *value, char *known) {
    enum { KEPT = 1, MADE };
    const Op *const def = value->def;
    bool            made = !def && is_axis_number(g, value);
    if (known[value->id])
        return known[value->id] == MADE;
    if (def && op_info(def->code)->rule == TR_INDEX && def->code != OP_ILOAD && !ir_has_effects(def))
        for (int i = 0; i < def->in_count; i++)
            made |= number_again(g, def->in[i], known);
    if (made && def)
        index_op(g, def);
    known[value->id] = made ? MADE : KEPT;
    return made;
}

void cu_open_again(Gen *g, Value *const *numbers, int count) {
    char *known = NEW_ARRAY(g->ctx, char, g->kernel->value_count + 1);
    cu_line(g, "{ // its place from the block's number");
    g->depth++;
    axes_of_block(g, "block_here()");
    for (int n = 0; n < count; n++)
        number_again(g, numbers[n], known);
}

void cu_close_again(Gen *g) {
    g->depth--;
    cu_line(g, "}");
}

void cu_item_axes(Gen *g) {
    const int row = row_axis(g);
    cu_line(g, "u32 rest = (u32)item;");
    rows_slowest(g, row < 0 ? g->phase->axis_count - 1 : row);
    axis_values(g);
    cu_index_ops(g, g->axes[g->phase->axis_count - 1]->region);
}

static bool multiplies_floats(Op *op, void *arg) {
    bool *found = arg;
    *found = *found || (op->code == OP_DOT && op->in[1]->type.dtype == DT_F32 && !op_int(op, AT_TA, 0) && !op_has(op, AT_VIA));
    return !*found;
}

typedef struct Widest {
    const Gen *g;
    int        floats;
    bool       products;
} Widest;

static bool note_widest(Op *op, void *arg) {
    Widest *w = arg;
    w->products |= op->code == OP_DOT;
    for (int r = 0; r < op->out_count; r++) {
        const Type type = op->out[r]->type;
        const int  floats = type.cls == TY_TILE && cu_shape(type) == SHAPE_TILE && op->code != OP_RING_GET
                                ? cu_slabs(w->g, type) * cu_numbers(type)
                                : 0;
        w->floats = floats > w->floats ? floats : w->floats;
    }
    return true;
}

/* Floats of the widest tile that a thread holds; whether there are products. */
static int widest(const Gen *g, bool *products) {
    Widest w = {.g = g};
    ir_walk(g->kernel->body, note_widest, &w);
    *products = w.products;
    return w.floats;
}

/* Blocks that a multiprocessor shall hold at once: main's are the schedule's, unless its tiles go by lines; two where few tiles live
 * at once and are small, so that 128 registers suffice even for large blocks. Products of floats on the plain units take more beside
 * them. */
static int resident_blocks(const Gen *g) {
    enum { FEW = 128, MORE = 168, LINE_THREADS = 512 /* whose rows on their way cover memory's latency */ };
    bool      floats = false, products;
    const int threads = 32 * g->kernel->warps, most = widest(g, &products);
    if (g->line_columns)
        return threads < LINE_THREADS ? LINE_THREADS / threads : 1;
    if (strcmp(g->kernel->name, "main") == 0)
        return g->schedule->blocks;
    ir_walk(g->kernel->body, multiplies_floats, &floats);
    return products && most <= 64 && g->target->registers >= 2 * threads * (floats ? MORE : FEW) &&
                   2 * g->phase->shared_bytes <= g->target->shared_bytes
               ? 2
               : 1;
}

static void head(Gen *g, const CodePhase *phase) {
    const int blocks = phase->resident ? phase->resident : resident_blocks(g);
    cu_line(g, "// %d threads, at most %d registers each, %lld bytes of shared memory", phase->threads,
            ptx_most_registers(g->target, phase->threads, blocks), (long long)phase->shared_bytes);
    cu_line(g, "extern \"C\" __global__ void __launch_bounds__(%d, %d) %s(const __grid_constant__ Args a%s) {", phase->threads,
            blocks, phase->symbol,
            phase->map_count ? ctx_printf(g->ctx, ", const __grid_constant__ Maps%d maps", phase->map_count) : "");
}

int cu_kernel_number(const Gen *g) {
    int k = 0;
    while (g->module->kernels[k] != g->kernel)
        k++;
    return k;
}

/* A kernel that overlaps this one begins on multiprocessors that are free; behind role `clear`, where there is one. */
void cu_let_next_begin(Gen *g) {
    const int k = cu_kernel_number(g);
    if (k + 1 < g->module->kernel_count && cu_overlaps(g, g->module->kernels[k + 1]) && !cu_clears(g->kernel))
        cu_line(g, "asm volatile(\"griddepcontrol.launch_dependents;\" ::: \"memory\");");
}

static void kernel_with_roles(Gen *g) {
    const Block *block = cu_first_role(g->kernel)->parent;
    Text before = g->out; /* how many maps there are is known only behind the body */
    g->out = TEXT(g->ctx);
    cu_roles_frame(g, block, g->phase);
    g->depth++;
    if (!ir_find_param(g->kernel, "made")) /* else once it is known that nothing is made */
        cu_let_next_begin(g);
    cu_line(g, "const u32 shared = (shared_base() + 1023) & ~1023u;");
    cu_roles(g, block);
    g->depth--;
    Text body = g->out;
    g->out = before;
    cu_product_instructions(g, g->kernel);
    cu_once_begin(g, ctx_printf(g->ctx, "Maps%d", g->phase->map_count));
    cu_line(g, "struct Maps%d { TensorMap at[%d]; };", g->phase->map_count, g->phase->map_count);
    cu_once_end(g);
    head(g, g->phase);
    text_add(&g->out, "%s", text_str(&body));
}

/* What the reductions of columns go through. */
typedef struct Columns {
    int     warps;
    int64_t bytes;
} Columns;

static bool note_columns(Op *op, void *arg) {
    Columns      *columns = arg;
    const int64_t bytes = cu_columns_bytes(op, columns->warps);
    columns->bytes = bytes > columns->bytes ? bytes : columns->bytes;
    return true;
}

static void plain_kernel(Gen *g, const Block *block) {
    bool    strips = false;
    Columns columns = {.warps = g->kernel->warps};
    ir_walk(g->kernel->body, multiplies_floats, &strips);
    ir_walk(g->kernel->body, note_columns, &columns);
    g->strips = g->kernel->scratch_bytes;
    g->columns = g->strips + (strips ? SHARED_STRIP_BYTES * g->kernel->warps : 0);
    g->phase->threads = 32 * g->kernel->warps;
    g->phase->shared_bytes = g->columns + columns.bytes;
    head(g, g->phase);
    g->depth++;
    if (g->phase->shared_bytes)
        cu_line(g, "const u32 shared = shared_base();");
    cu_let_next_begin(g);
    cu_declare_aligned(g);
    open_grid(g);
    if (g->line_columns)
        cu_lines(g, block);
    else
        cu_block(g, block);
    g->depth--;
}

void cu_kernel(Gen *g, const Kernel *kernel, CodePhase *phase) {
    g->kernel = kernel;
    g->phase = phase;
    g->flight_count = 0;
    g->rope = NULL;
    g->line_columns = cu_line_columns(kernel);
    g->names = NEW_ARRAY(g->ctx, const char *, kernel->value_count + 1);
    cu_layout(g);
    snprintf(phase->symbol, sizeof phase->symbol, "rattan_%s_%s", g->module->name, kernel->name);
    const Block *block = find_axes(g, phase);
    if (cu_first_role(kernel))
        kernel_with_roles(g);
    else
        plain_kernel(g, block);
    cu_line(g, "}\n");
}
