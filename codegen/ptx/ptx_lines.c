/* Kernels without products, whose tiles go by lines: of a few rows at a time a lane has eight columns each, as memory does
 * (prelude_lines.cuh). What products need, rows spread over lanes as accumulators lie, costs such a kernel twice the registers, an
 * exchange with a neighbour for every access, and half of each access' width.
 *
 * In: a kernel of which a block has loads of whole rows, arithmetic on elements and sums of rows, and stores. Out: a loop over the
 * lines of a warp's slab; what the rows after next bring is on its way meanwhile. */
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

enum { SLAB = 16, LINE_FLOATS = 256 };

static const CodeParam *param_of(const Kernel *kernel, const Op *op) { return ir_find_param(kernel, op_text(op, AT_PARAM)); }

/* All rows of a slab are of one head, and of one sequence. */
static bool accesses_lines(const Kernel *kernel, const Op *op, Type tile) {
    static const AttrKey OTHERS[] = {AT_WRAP, AT_BEYOND, AT_COLDIM, AT_LO, AT_DOWN, AT_VIA};
    const CodeParam *const param = param_of(kernel, op);
    const int64_t          period = op_int(op, AT_PERIOD, 1);
    for (size_t k = 0; k < sizeof OTHERS / sizeof *OTHERS; k++)
        if (op_has(op, OTHERS[k]))
            return false;
    return (tile.rows == 1 || tile.rows % SLAB == 0) && (tile.cols == 1 || param->dims[3] == tile.cols) &&
           (op_has(op, AT_SUM) || period % SLAB == 0 || period >= tile.rows);
}

static bool loads_lines(const Kernel *kernel, const Op *load) {
    const Shape shape = cu_shape(load->out[0]->type);
    const bool  fits = shape == SHAPE_TILE || (shape == SHAPE_ROW && op_int(load, AT_ROWDIM, -1) < 0);
    return fits && load->in_count == 5 && accesses_lines(kernel, load, load->out[0]->type);
}

static bool stores_lines(const Kernel *kernel, const Op *store) {
    const Type  type = store->in[5]->type;
    const Shape shape = cu_shape(type);
    if (op_has(store, AT_SUM) && (shape != SHAPE_TILE || op_int(store, AT_SUM, 1) != SLAB))
        return false;
    return (shape == SHAPE_TILE || shape == SHAPE_COLUMN) && store->in[5]->def && store->in[5]->def->code != OP_FCONST &&
           (op_has(store, AT_SUM) || op_int(store, AT_ROWDIM, -1) > 0) && accesses_lines(kernel, store, type);
}

/* Of `op`, which stands in a block; *cols: of all tiles alike. */
static bool goes_by_lines(const Kernel *kernel, const Op *op, int *cols) {
    for (int r = 0; r < op->out_count; r++) {
        const Type type = op->out[r]->type;
        if (type.cls != TY_TILE)
            continue;
        if ((type.dtype != DT_F32 && op->code != OP_CONVERT) || (type.cols > 1 && *cols && *cols != type.cols))
            return false;
        *cols = type.cols > 1 ? type.cols : *cols;
    }
    switch (op->code) {
    case OP_YIELD:
    case OP_FCONST: return true;
    case OP_LOAD: return loads_lines(kernel, op);
    case OP_STORE: return stores_lines(kernel, op);
    case OP_CONVERT: return cu_shape(op->in[0]->type) == SHAPE_TILE;
    case OP_MASK: return cu_shape(op->in[0]->type) == SHAPE_COLUMN && !op_int(op, AT_TA, 0);
    case OP_ROWSUM: return cu_shape(op->in[0]->type) == SHAPE_TILE && op->in[0]->def && op->in[0]->def->code != OP_FCONST;
    default: return op_info(op->code)->rule == TR_INDEX ? op->code != OP_ILOAD && op->code != OP_ARRIVE : cu_is_elementwise(op);
    }
}

static const Op *first_loop(const Block *block) {
    const Op *op = block->first;
    while (op && op->code != OP_FOR)
        op = op->next;
    return op;
}

/* The branch for items that have tokens, if there is nothing else in the block; else NULL. */
static const Op *guard_of(const Block *block) {
    const Op *guard = NULL;
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_IF && !guard && op->out_count == 0)
            guard = op;
        else if (op->code != OP_YIELD && op_info(op->code)->rule != TR_INDEX)
            return NULL;
    return guard;
}

static const Block *innermost(const Kernel *kernel) {
    const Block *block = kernel->body;
    for (const Op *loop; (loop = first_loop(block)) != NULL; block = loop->region)
        ;
    const Op *const guard = guard_of(block);
    return guard ? guard->region : block;
}

int cu_line_columns(const Kernel *kernel) {
    int  cols = 0;
    bool stores = false;
    if (strcmp(kernel->name, "main") != 0 || !ir_find_param(kernel, "do") || cu_first_role(kernel))
        return 0;
    for (const Op *op = innermost(kernel)->first; op; op = op->next) {
        stores |= op->code == OP_STORE;
        if (!goes_by_lines(kernel, op, &cols))
            return 0;
    }
    return stores && cols >= SLAB && cols <= LINE_FLOATS && (cols & (cols - 1)) == 0 ? cols : 0;
}

static bool is_of_all_rows(const Op *op) { return op->code == OP_LOAD && op_int(op, AT_ROWDIM, -1) < 0; }
static bool is_of_rows(const Op *op) { return op->code == OP_LOAD && !is_of_all_rows(op); }
static bool is_sum(const Op *op) { return op->code == OP_STORE && op_has(op, AT_SUM); }
static const char *element_of(Gen *g, const Op *op) { return cu_ctype(param_of(g->kernel, op)->dtype); }

/* Lines of a parameter that are on their way: as many registers hold one of floats as two of 16-bit numbers. */
static int ahead(Gen *g, const Op *load) { return dtype_size(param_of(g->kernel, load)->dtype) == 2 ? 2 : 1; }

/* Where a load's or store's lines are: a name that tells the op by its place in the block. */
static void declare_place(Gen *g, const Op *op, int number) {
    const Type type = op->code == OP_LOAD ? op->out[0]->type : op->in[5]->type;
    cu_line(g, "const auto at%d = LineAt<%s, %s, %d, %d%s>::make(%s, slab);", number, element_of(g, op),
            cu_rows(g, op, type.rows), g->kernel->warps, g->line_columns, type.cols == 1 ? ", true" : "", cu_view(g, op, 0));
}

/* Before the loop: what all rows share, and the first lines. */
static void open_lines(Gen *g, const Block *block) {
    int number = 0;
    for (const Op *op = block->first; op; op = op->next, number++) {
        if (is_sum(op))
            cu_line(g, "float sums%d[8] = {};", number);
        else if (op->code == OP_STORE || op->code == OP_LOAD)
            declare_place(g, op, number);
        if (is_of_all_rows(op)) {
            cu_declare(g, op->out[0]);
            cu_line(g, "at%d.load(0).to(%s[0]);", number, cu_name(g, op->out[0]));
        } else if (is_of_rows(op)) {
            cu_line(g, "Eight<%s> next%d[%d];", element_of(g, op), number, ahead(g, op));
        }
    }
    number = 0;
    for (const Op *op = block->first; op; op = op->next, number++)
        for (int a = 0; is_of_rows(op) && a < ahead(g, op); a++)
            cu_line(g, "next%d[%d] = at%d.load(%d);", number, a, number, a);
}

/* A line of a parameter becomes floats, and another is sent for. */
static void take_line(Gen *g, const Op *load, int number) {
    cu_declare(g, load->out[0]);
    cu_line(g, "next%d[0].to(%s[0]);", number, cu_name(g, load->out[0]));
    for (int a = 0; a + 1 < ahead(g, load); a++)
        cu_line(g, "next%d[%d] = next%d[%d];", number, a, number, a + 1);
    cu_line(g, "next%d[%d] = at%d.load(turn + %d);", number, ahead(g, load) - 1, number, ahead(g, load));
}

/* Of a column: is this turn's row kept? */
static void mask_line(Gen *g, const Op *mask) {
    const int64_t lo = op_int(mask, AT_LO, 0), hi = op_int(mask, AT_HI, 0);
    const char   *at = cu_name(g, mask->in[1]);
    cu_line(g, "const number row%d = line_row<%d, %d>(slab, turn) %% %d - %s;", mask->out[0]->id, g->kernel->warps, g->line_columns,
            (int)op_int(mask, AT_PERIOD, 1), at);
    const char *from = lo == IR_NEG_INF ? "" : ctx_printf(g->ctx, "row%d + %lldLL <= 0 && ", mask->out[0]->id, (long long)lo);
    const char *to = hi == IR_POS_INF ? "" : ctx_printf(g->ctx, "row%d + %lldLL >= 0 && ", mask->out[0]->id, (long long)hi);
    cu_assign(g, mask->out[0],
              ctx_printf(g->ctx, "%s%s%s <= 0 ? %s : %.9ef", from, to, cu_name(g, mask->in[2]),
                         cu_element(g, mask->in[0], SHAPE_COLUMN), op_float(mask, AT_FILL, 0)));
}

static void line_turn(Gen *g, const Block *block) {
    int number = 0;
    for (const Op *op = block->first; op; op = op->next, number++) {
        if (is_of_rows(op)) {
            take_line(g, op, number);
        } else if (is_sum(op)) {
            cu_line(g, "add_line(sums%d, %s);", number, cu_name(g, op->in[5]));
        } else if (op->code == OP_STORE) {
            cu_line(g, "at%d.store(turn, %s);", number, cu_name(g, op->in[5]));
        } else if (op->code == OP_ROWSUM) {
            cu_declare(g, op->out[0]);
            cu_line(g, "line_sum<%d>(%s, %s);", g->line_columns, cu_name(g, op->out[0]), cu_name(g, op->in[0]));
        } else if (op->code == OP_MASK) {
            mask_line(g, op);
        } else if (cu_is_elementwise(op) || op->code == OP_CONVERT) {
            cu_tile_op(g, op);
        }
    }
}

static void store_sums(Gen *g, const Block *block) {
    int number = 0;
    for (const Op *op = block->first; op; op = op->next, number++)
        if (is_sum(op))
            cu_line(g, "store_line_sums<%s, %d, %d>(sums%d, %s, slab);", cu_rows(g, op, op->in[5]->type.rows / SLAB),
                    g->kernel->warps, g->line_columns, number, cu_view(g, op, 0));
}

static int slabs(const Gen *g, const Block *block) {
    int rows = 0;
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_LOAD && op->out[0]->type.rows > rows)
            rows = op->out[0]->type.rows;
    return (rows + SLAB * g->kernel->warps - 1) / (SLAB * g->kernel->warps);
}

void cu_lines(Gen *g, const Block *block) {
    const Op *const guard = guard_of(block);
    cu_index_ops(g, block);
    if (guard) {
        cu_line(g, "if (%s) {", cu_name(g, guard->in[0]));
        g->depth++;
        cu_lines(g, guard->region);
        g->depth--;
        cu_line(g, "}");
        return;
    }
    cu_line(g, "UNROLL1 for (int slab = 0; slab < %d; slab++) {", slabs(g, block));
    g->depth++;
    open_lines(g, block);
    cu_line(g, "UNROLL1 for (int turn = 0; turn < %d; turn++) {", SLAB * g->line_columns / LINE_FLOATS);
    g->depth++;
    line_turn(g, block);
    g->depth--;
    cu_line(g, "}");
    store_sums(g, block);
    g->depth--;
    cu_line(g, "}");
}
