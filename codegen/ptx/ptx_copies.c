/* What roles do with rings: tiles that the copy engine brings and takes away, those that are given, taken and passed over, and
 * signals of which ones are there. Every op that touches a ring is printed here, but for products. */
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

enum { MOST_ROWS = 64, FEW_ROWS = 8 /* of a ring that are stored at once; else one */ };

int cu_map_of(Gen *g, const Op *op, const CodeParam *param, int box_rows) {
    CodePhase    *phase = g->phase;
    const CodeMap map = {.param = (int)(param - g->kernel->params),
                         .dims = 4,
                         .box_rows = box_rows,
                         .row_dim = (int)op_int(op, AT_ROWDIM, -1),
                         .box_cols = IR_PANEL / (int)dtype_size(param->dtype)};
    for (int m = 0; m < phase->map_count; m++)
        if (phase->maps[m].param == map.param && phase->maps[m].box_rows == map.box_rows &&
            phase->maps[m].row_dim == map.row_dim)
            return m;
    if (phase->map_count == CODE_MAX_MAPS) {
        cu_fail(g, op, "more tensor maps than a kernel may take");
        return 0;
    }
    phase->maps[phase->map_count] = map;
    return phase->map_count++;
}

bool cu_has_map(const Gen *g, const CodeParam *param) {
    for (int m = 0; m < g->phase->map_count; m++)
        if (g->kernel->params + g->phase->maps[m].param == param)
            return true;
    return false;
}

/* A tile in the panels of a slot, and where it lies in its parameter. */
typedef struct Boxes {
    const Op   *op;
    int         first, rows, cols; /* operand that is the first coordinate */
    const char *address;
} Boxes;

/* The column that coordinate `coldim` asks for, as text to be added to one, and the coordinate itself. */
static const char *split_column(Gen *g, const Boxes *b, const CodeParam *param, const char *at[3]) {
    const int coldim = (int)op_int(b->op, AT_COLDIM, -1);
    if (coldim < 0)
        return "";
    const int pieces = (int)(param->dims[3] / b->cols);
    const char *column = ctx_printf(g->ctx, " + (int)floor_mod(%s, %dLL) * %d", at[coldim], pieces, b->cols);
    at[coldim] = ctx_printf(g->ctx, "floor_div(%s, %dLL)", at[coldim], pieces);
    return column;
}

/* Box by box: panels of columns, and of rows those of each group. */
static void copy_boxes(Gen *g, const Boxes *b) {
    const Op        *op = b->op;
    const CodeParam *param = ir_find_param(g->kernel, op_text(op, AT_PARAM));
    const char      *beyond = op_text(op, AT_BEYOND);
    const int        rows = b->rows, cols = b->cols, rowdim = (int)op_int(op, AT_ROWDIM, -1);
    const int64_t    period = op_int(op, AT_PERIOD, 1), groupdim = op_int(op, AT_GROUPDIM, -1);
    const int        box = (int)(period < rows ? period : rows), width = IR_PANEL / (int)dtype_size(param->dtype);
    const int     panels = (cols + width - 1) / width, map = cu_map_of(g, op, param, box), lo = (int)op_int(op, AT_LO, 0);
    const int64_t own = param->dims[3]; /* further columns are those of the next d2 */
    const bool    goes_on = lo + cols > own;
    if (rowdim < 1 || op_has(op, AT_WRAP) || box > 256 || rows % box ||
        (goes_on && (own % width || lo % width || rowdim == 2 || groupdim == 2)))
        cu_fail(g, op, "this copy");
    if (beyond)
        cu_line(g, "const bool beyond = %s >= %lld;", cu_name(g, op->in[b->first + rowdim]),
                (long long)op_int(op, AT_BORDER, 0));
    const char *from = beyond ? ctx_printf(g->ctx, "&maps.at[beyond ? %d : %d]",
                                           cu_map_of(g, op, ir_find_param(g->kernel, beyond), box), map)
                              : ctx_printf(g->ctx, "&maps.at[%d]", map);
    const char *start[3] = {cu_name(g, op->in[b->first]), cu_name(g, op->in[b->first + 1]), cu_name(g, op->in[b->first + 2])};
    const char *column = split_column(g, b, param, start);
    for (int r = 0; r < rows / box; r++)
        for (int p = 0; p < panels; p++) {
            const char *at[3];
            for (int d = 0; d < 3; d++) {
                const int more = (groupdim == d ? r : 0) + (d == 2 && goes_on ? (int)((lo + p * width) / own) : 0);
                at[d] = more ? ctx_printf(g->ctx, "(int)%s + %d", start[d], more) : ctx_printf(g->ctx, "(int)%s", start[d]);
                if (beyond && d == rowdim)
                    at[d] = ctx_printf(g->ctx, "%s - (beyond ? %lld : 0)", at[d], (long long)op_int(op, AT_BORDER, 0));
            }
            const int   c = goes_on ? (int)((lo + p * width) % own) : lo + p * width;
            const char *to = ctx_printf(g->ctx, "%s + %d", b->address, p * rows * IR_PANEL + r * box * IR_PANEL);
            if (op->code == OP_STORE)
                cu_line(g, "store_box(%s, %s, %d%s, %s, %s, %s);", to, from, c, column, at[2], at[1], at[0]);
            else
                cu_line(g, "copy_box(%s, %s, slot.full, %d%s, %s, %s, %s);", to, from, c, column, at[2], at[1], at[0]);
        }
}

/* Rows of a ring, some at a time: how many of those between the bounds go on without a wrap is known only there. */
static void ring_rows(Gen *g, const Boxes *b) {
    const Op        *op = b->op;
    const CodeParam *param = ir_find_param(g->kernel, op_text(op, AT_PARAM));
    const int        width = IR_PANEL / (int)dtype_size(param->dtype), box = b->rows < MOST_ROWS ? b->rows : MOST_ROWS;
    Value *const    *in = op->in + b->first;
    const char      *start[3] = {cu_name(g, in[0]), cu_name(g, in[1]), cu_name(g, in[2])};
    const char      *column = split_column(g, b, param, start);
    if (op_int(op, AT_ROWDIM, -1) != 2 || op_int(op, AT_GROUPDIM, -1) >= 0 || op_int(op, AT_PERIOD, 1) < b->rows ||
        op_int(op, AT_LO, 0) % width)
        cu_fail(g, op, "this copy of a ring's rows");
    const char *maps = ctx_printf(g->ctx, "&maps.at[%d], &maps.at[%d], &maps.at[%d]", cu_map_of(g, op, param, box),
                                  cu_map_of(g, op, param, FEW_ROWS), cu_map_of(g, op, param, 1));
    cu_line(g, "%s_rows<%d, %d, %d, %d, %d>(%s, %s%s, %d%s, %s, %s, %s, (int)%s, (int)%s);",
            op->code == OP_STORE ? "store" : "copy", b->rows, (b->cols + width - 1) / width, width, box,
            (int)op_int(op, AT_WRAP, 0), b->address, maps, op->code == OP_STORE ? "" : ", slot.full",
            (int)op_int(op, AT_LO, 0), column, start[2], cu_name(g, in[3]), cu_name(g, in[4]), start[1], start[0]);
}

/* Are the bounds of rows those of a packed sequence, where the tensor goes on? */
static bool is_between(const Gen *g, const Boxes *b) {
    return ir_find_param(g->kernel, "cu_seqlens") && op_int(b->op, AT_ROWDIM, -1) == 1 && !ir_is_const(b->op->in[b->first + 3], 0);
}

/* Of a tile that may begin before its sequence, or end behind it: box by box what belongs to it, of each head of a group, or of each
 * coordinate that columns go on in. */
static void sequence_rows(Gen *g, const Boxes *b) {
    const Op        *op = b->op;
    const CodeParam *param = ir_find_param(g->kernel, op_text(op, AT_PARAM));
    const int        width = IR_PANEL / (int)dtype_size(param->dtype), lo = (int)op_int(op, AT_LO, 0), own = (int)param->dims[3];
    const int64_t    period = op_int(op, AT_PERIOD, 1), groupdim = op_int(op, AT_GROUPDIM, -1);
    const int        rows = groupdim >= 0 && period < b->rows ? (int)period : b->rows, some = rows < MOST_ROWS ? rows : MOST_ROWS;
    const bool       goes_on = lo + b->cols > own;
    const int        cols = goes_on ? own : b->cols, pieces = goes_on ? b->cols / own : b->rows / rows;
    Value *const    *in = op->in + b->first;
    const char      *start[3] = {cu_name(g, in[0]), cu_name(g, in[1]), cu_name(g, in[2])};
    const char      *column = split_column(g, b, param, start);
    if ((groupdim >= 0 && groupdim != 2) || period < rows || b->rows % rows || rows > 256 || op_has(op, AT_BEYOND) || lo % width ||
        (goes_on && (rows < b->rows || lo || own % width || b->cols % own)))
        cu_fail(g, op, "this copy of a packed sequence's rows");
    const char *maps = ctx_printf(g->ctx, "RowMaps{maps.at, %d, %d, %d, %d}", cu_map_of(g, op, param, rows),
                                  cu_map_of(g, op, param, some), cu_map_of(g, op, param, FEW_ROWS), cu_map_of(g, op, param, 1));
    const int   panels = (cols + width - 1) / width, further = (goes_on ? panels * rows : rows) * IR_PANEL;
    const char *panel = rows < b->rows ? ctx_printf(g->ctx, ", %d", b->rows) : "";
    for (int n = 0; n < pieces; n++) {
        const char *more = n ? ctx_printf(g->ctx, " + %d", n) : "";
        const char *to = n ? ctx_printf(g->ctx, "%s + %d", b->address, n * further) : b->address;
        cu_line(g, "%s_between<%d, %d, %d, %d%s>(%s, %s%s, %d%s, (int)%s%s, (int)%s, (int)%s, (int)%s, (int)%s);",
                op->code == OP_STORE ? "store" : "copy", rows, panels, width, some, panel, to, maps,
                op->code == OP_STORE ? "" : ", slot.full", lo, column, start[2], more, start[1], cu_name(g, in[3]),
                cu_name(g, in[4]), start[0]);
    }
}

static void move_boxes(Gen *g, const Boxes *b) {
    if (op_has(b->op, AT_WRAP))
        ring_rows(g, b);
    else if (is_between(g, b))
        sequence_rows(g, b);
    else
        copy_boxes(g, b);
}

/* May a kernel that writes the parameter still run? Not behind one that began when all before it had ended. */
bool cu_may_be_written(const Gen *g, const char *param) {
    int k = cu_kernel_number(g);
    for (; param && k > 0 && cu_overlaps(g, g->module->kernels[k]); k--)
        if (ir_holds_of(g->module->kernels[k - 1]->body, OP_STORE, param))
            return true;
    return false;
}

bool cu_is_expected(const Op *send) { return send->prev && send->prev->code == OP_EXPECT; }

static void await_late(Gen *g) {
    cu_line(g, "if (!there) {");
    g->depth++;
    cu_await_made(g);
    cu_line(g, "there = true;");
    g->depth--;
    cu_line(g, "}");
}

static void send(Gen *g, const Op *op) {
    const CodeParam *param = ir_find_param(g->kernel, op_text(op, AT_PARAM));
    const Boxes      b = {op, 1, (int)op_int(op, AT_ROWS, 0), (int)op_int(op, AT_COLS, 0), "slot.address"};
    const bool written = cu_may_be_written(g, param->name) || cu_may_be_written(g, op_text(op, AT_BEYOND));
    if (written && cu_awaits_late(g))
        await_late(g);
    else if (!g->awaited && !cu_runs_beside(g) && !cu_is_expected(op) && written)
        cu_line(g, "if (!awaited) await_earlier_kernels(), awaited = true;");
    cu_line(g, "{");
    g->depth++;
    cu_line(g, "const Slot slot = %s.open(%lld);", cu_name(g, op->in[0]),
            (long long)ir_panel_bytes(type_tile(param->dtype, b.rows, b.cols)));
    move_boxes(g, &b);
    g->depth--;
    cu_line(g, "}");
}

static const char *signals(Gen *g, const Op *op) {
    const CodeParam *const param = ir_find_param(g->kernel, op_text(op, AT_PARAM));
    return ctx_printf(g->ctx, "signals<%d>(a.v + %d, %s, %s, %s, %s, %s)", (int)op_int(op, AT_ROWDIM, 0),
                      5 * (int)(param - g->kernel->params), cu_name(g, op->in[0]), cu_name(g, op->in[1]),
                      cu_name(g, op->in[2]), cu_name(g, op->in[3]), cu_name(g, op->in[4]));
}

static void signal(Gen *g, const Op *op) {
    cu_line(g, "%s(%s);", op_int(op, AT_VALUE, 0) ? "signal.hold" : "clear", signals(g, op));
}

/* Behind the end of earlier kernels everything is there. */
static void expect(Gen *g, const Op *op) {
    if (!g->awaited)
        cu_line(g, "if (!awaited) expect<%d, %d, %d>(%s);", (int)op_int(op, AT_ROWS, 0), (int)op_int(op, AT_PERIOD, 0),
                g->target->product_warps, signals(g, op));
}

/* By the copy engine: of a thread alone, from where the tile was taken. */
static bool store_slot(Gen *g, const Op *op) {
    int                lo;
    const Type         type = op->in[5]->type;
    const Value *const tile = cu_taken(op->in[5], &lo);
    if (!tile)
        return false;
    const int   panel = lo * (int)dtype_size(type.dtype) / IR_PANEL;
    const char *address = ctx_printf(g->ctx, "%s.address + %d", cu_name(g, tile), panel * tile->type.rows * IR_PANEL);
    const Boxes b = {op, 0, type.rows, type.cols, panel ? address : ctx_printf(g->ctx, "%s.address", cu_name(g, tile))};
    if (lo * (int)dtype_size(type.dtype) % IR_PANEL)
        cu_fail(g, op, "a store of columns that are no panels");
    if (!g->alone)
        cu_fail(g, op, "a store of what was taken, by a role that computes");
    move_boxes(g, &b);
    return true;
}

static void give(Gen *g, const Op *op) {
    const Type type = op->in[1]->type;
    cu_line(g, "{");
    g->depth++;
    cu_line(g, "const Slot slot = %s.offer();", cu_name(g, op->in[0]));
    cu_line(g, "write_panels<%d, %d>(slot.address, %s);", g->kernel->warps, type.rows, cu_name(g, op->in[1]));
    cu_line(g, "give(slot);");
    g->depth--;
    cu_line(g, "}");
}

/* From where it came to into registers. */
static bool copy(Gen *g, const Op *op) {
    int                lo;
    const Value *const from = cu_taken(op->in[0], &lo);
    if (!from)
        return false;
    cu_declare(g, op->out[0]);
    /* A branch: slices are not read ahead of what is made of the ones before, which registers hold. */
    if (op->in[0] != from && op->in[0]->def->in_count == 1)
        cu_line(g, "barrier_wait(%s.full, %s.phase);", cu_name(g, from), cu_name(g, from));
    const Value *const number = op->in[0] != from && op->in[0]->def->in_count > 1 ? op->in[0]->def->in[1] : NULL;
    const char *const  further = /* whole panels */
        number ? ctx_printf(g->ctx, " + (u32)%s / %d * %d", cu_name(g, number), IR_PANEL / 2, from->type.rows * IR_PANEL)
               : "";
    cu_line(g, "read_panels<%d, %d, %d>(%s, %s.address%s);", g->kernel->warps, from->type.rows, lo / 16,
            cu_name(g, op->out[0]), cu_name(g, from), further);
    return true;
}

/* Whether warps read a tile that was taken, or columns of it, to registers. */
static bool is_read(const Gen *g, const Value *tile) {
    int        count;
    Op **const users = ir_users(g->ctx, g->kernel, tile, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_COPY || (users[u]->code == OP_COLS && is_read(g, users[u]->out[0])))
            return true;
    return false;
}

static void release(Gen *g, const Value *tile) {
    const char *stored = tile->def->in[0]->type.slots > 1 ? "stored.release" : "stored.release_now";
    const char *how = g->alone ? stored : is_read(g, tile) ? "release_read" : "release";
    cu_line(g, "%s(%s);", how, cu_name(g, tile));
}

static bool is_no_take(Op *op, void *ring) { return op->code != OP_TAKE || op->in[0] != (const Value *)ring; }

/* Does the role of `skip` take tiles from its ring? */
static bool takes(const Op *skip) {
    const Op *role = skip->parent->owner;
    while (role->code != OP_ROLE)
        role = role->parent->owner;
    return !ir_walk(role->region, is_no_take, skip->in[0]);
}

static void skip(Gen *g, const Op *op) {
    const char *how = !takes(op) ? "%s.next();" : g->alone ? "stored.skip(%s.take());" : "release(%s.take());";
    cu_line(g, how, cu_name(g, op->in[0]));
}

bool cu_role_op(Gen *g, const Op *op) {
    int lo;
    switch (op->code) {
    case OP_SEND: send(g, op); return true;
    case OP_SIGNAL: signal(g, op); return true;
    case OP_EXPECT: expect(g, op); return true;
    case OP_TAKE: cu_line(g, "const Slot %s = %s.take();", cu_name(g, op->out[0]), cu_name(g, op->in[0])); return true;
    case OP_RELEASE: release(g, op->in[1]); return true;
    case OP_GIVE: give(g, op); return true;
    case OP_SKIP: skip(g, op); return true;
    case OP_STORE:
        if (g->signals)
            cu_line(g, "signal.tell();");
        return store_slot(g, op);
    case OP_AWAIT: cu_await(g, op); return true;
    case OP_COPY: return copy(g, op);
    case OP_DOT:
        if (!cu_taken(op->in[1], &lo))
            return false;
        cu_product(g, op);
        return true;
    case OP_COLS: return cu_taken(op->out[0], &lo) != NULL; /* stand where they are used */
    default: return false;
    }
}
