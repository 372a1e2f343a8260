/* Loads, stores, copies into shared memory and barriers as CUDA C++. */
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

const char *cu_ctype(DType dtype) { return dtype == DT_BF16 ? "bf16" : dtype == DT_F16 ? "f16" : "float"; }

static const CodeParam *param_of(Gen *g, const Op *op) { return ir_find_param(g->kernel, op_text(op, AT_PARAM)); }

/* Working memory has no gaps and begins at a multiple of 64 bytes (runtime/launch_args.c). In kernels of wide tiles the question
 * stays: ptxas does not move addresses over the branches, and half as much spills. */
static bool always_aligned(const Gen *g, const CodeParam *param) {
    const CodeParam *q = ir_find_param(g->kernel, "q"), *v = ir_find_param(g->kernel, "v");
    const bool narrow = q && v && q->dims[3] <= 128 && v->dims[3] <= 128;
    return narrow && param->role == PARAM_WORK && param->dims[3] > 0 &&
           param->dims[3] * (int64_t)dtype_size(param->dtype) % 16 == 0;
}

/* Parts' results lie without gaps, and all but the first of their sizes are known here. */
static bool is_dense(const CodeParam *param) { return strcmp(param->name, "parts") == 0; }

static const char *dense_view(Gen *g, const Op *op, const CodeParam *param, const char *const *at) {
    const int64_t *d = param->dims;
    return ctx_printf(g->ctx, "view(a.v + %ld, %lldLL, %lldLL, %lldLL, %lldLL, %s, %s, %s, %s, %s)",
                      5 * (long)(param - g->kernel->params), (long long)(d[1] * d[2] * d[3]), (long long)(d[2] * d[3]),
                      (long long)d[3], (long long)op_int(op, AT_LO, 0), at[0], at[1], at[2], at[3], at[4]);
}

/* view(...) of a load, store or fetch whose coordinates start at operand `first`. */
const char *cu_view(Gen *g, const Op *op, int first) {
    const CodeParam *param = param_of(g, op);
    const int        coldim = (int)op_int(op, AT_COLDIM, -1);
    const char      *at[5], *behind = "";
    for (int i = 0; i < 5; i++)
        at[i] = cu_name(g, op->in[first + i]);
    if (is_dense(param))
        return dense_view(g, op, param, at);
    if (op_has(op, AT_BEYOND))
        return ctx_printf(g->ctx, "view_beyond<%d>(a.v + %ld, a.v + %ld, %lld, %s, %s, %s, %s, %s)", (int)op_int(op, AT_ROWDIM, 0),
                          5 * (long)(param - g->kernel->params),
                          5 * (long)(ir_find_param(g->kernel, op_text(op, AT_BEYOND)) - g->kernel->params),
                          (long long)op_int(op, AT_BORDER, 0), at[0], at[1], at[2], at[3], at[4]);
    if (coldim >= 0) {
        const int cols = op->code == OP_LOAD ? op->out[0]->type.cols : op->in[op->code == OP_STORE ? 5 : 0]->type.cols;
        const int pieces = (int)(param->dims[3] / cols), bytes = cols * (int)dtype_size(param->dtype);
        behind = ctx_printf(g->ctx, ".behind(floor_mod(%s, %dLL) * %d)", at[coldim], pieces, bytes);
        at[coldim] = ctx_printf(g->ctx, "floor_div(%s, %dLL)", at[coldim], pieces);
    }
    const char   *whole = ctx_printf(g->ctx, "view(a.v + %ld, %s, %s, %s, %s, %s)%s", 5 * (long)(param - g->kernel->params), at[0],
                                     at[1], at[2], at[3], at[4], behind);
    const int64_t lo = op_int(op, AT_LO, 0);
    const bool    further = op->code == OP_LOAD && op->in_count > 5;
    if (!lo && !further)
        return whole;
    return ctx_printf(g->ctx, "from_column<%s>(%s, %s%lld)", cu_ctype(param->dtype), whole,
                      further ? ctx_printf(g->ctx, "(int)%s + ", cu_name(g, op->in[5])) : "", (long long)lo);
}

/* The view of a tile; where registers hold none from one access to the next, it is made each time. */
static const char *tile_view(Gen *g, const Op *op) {
    return g->behind_keys ? ctx_printf(g->ctx, "all_anew(%s)", cu_view(g, op, 0)) : cu_view(g, op, 0);
}

/* All rows of one group lie as if there were none. */
const char *cu_rows(Gen *g, const Op *op, int count) {
    const int period = (int)op_int(op, AT_PERIOD, 1);
    return ctx_printf(g->ctx, "Rows<%d, %d, %d, %d, %d%s>", (int)op_int(op, AT_ROWDIM, -1),
                      period < count ? (int)op_int(op, AT_GROUPDIM, -1) : -1, period, (int)op_int(op, AT_WRAP, 0), count,
                      op_int(op, AT_DOWN, 0) ? ", 1" : "");
}

/* Transposed tiles are loaded on their own. */
static bool only_transposed(Gen *g, const Op *load) {
    int  count = 0;
    Op **users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_TRANSPOSE)
            return false;
    return count > 0;
}

static bool only_stored(Gen *g, const Value *value) {
    int  count = 0;
    Op **users = ir_users(g->ctx, g->kernel, value, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_STORE)
            return false;
    return true;
}

/* Numbers of rows that follow each other in working memory, which has no gaps. */
static bool is_dense_column(Gen *g, const Op *load) {
    const CodeParam *param = param_of(g, load);
    return param->role == PARAM_WORK && param->dtype == DT_F32 && param->dims[3] == 1 && op_int(load, AT_ROWDIM, -1) == 2 &&
           !op_has(load, AT_WRAP) && load->out[0]->type.cols == 1 && op_int(load, AT_PERIOD, 1) >= load->out[0]->type.rows;
}

/* Behind the keys' loop of a head, where rows may be a block's own, which of them are there is the same for all heads: it is asked
 * anew, since registers would hold the answers meanwhile. */
static void load_dense_row(Gen *g, const Op *load, const Value *to) {
    const bool bounded = !ir_is_const(load->in[3], 0) || !ir_is_const(load->in[4], IR_POS_INF);
    const bool anew = bounded && load->parent->owner && cu_heads_loop(load) == load->parent->owner;
    cu_declare(g, to);
    cu_line(g, "load_dense_row<%s, %d, %d, %s>(%s, %s);", cu_rows(g, load, to->type.cols), op_int(load, AT_DOWN, 0) ? -1 : 1,
            to->type.cols, bounded ? "true" : "false", cu_name(g, to),
            anew ? ctx_printf(g->ctx, "row_anew(%s)", cu_view(g, load, 0)) : cu_view(g, load, 0));
}

/* A transposed tile exists on its way from or to memory alone. */
static void transpose(Gen *g, const Op *op) {
    const Op  *load = op->in[0]->def;
    const Type type = op->out[0]->type;
    if (load && load->code == OP_RING_GET && cu_shape(type) == SHAPE_TILE) {
        cu_declare(g, op->out[0]);
        cu_line(g, "read_transposed<%d, %d, %d, %d>(%s, %s);", g->kernel->warps, (int)ir_shared_stride(op->in[0]->type),
                type.rows, type.cols, cu_name(g, op->out[0]), cu_name(g, op->in[0]));
        return;
    }
    if (load && load->code == OP_LOAD && cu_shape(type) == SHAPE_ROW && is_dense_column(g, load)) {
        load_dense_row(g, load, op->out[0]);
        return;
    }
    static const char *const NAMES[] = {"load_transposed", "load_transposed_column", "load_transposed_row"},
                             *const SIDES[] = {"load_sides", "load_sides_column", "load_transposed_row"};
    if (load && load->code == OP_LOAD && cu_shape(type) != SHAPE_NUMBER) {
        const bool side = g->sides[op->out[0]->id], tile = cu_shape(type) == SHAPE_TILE;
        cu_declare(g, op->out[0]);
        cu_line(g, "%s<%s, %s, %d, %d, %d%s>(%s, %s);", (side ? SIDES : NAMES)[cu_shape(type)],
                cu_ctype(param_of(g, load)->dtype), cu_rows(g, load, type.cols), g->kernel->warps, type.rows, type.cols,
                side && tile && always_aligned(g, param_of(g, load)) ? ", true" : "", cu_name(g, op->out[0]),
                cu_view(g, load, 0));
    } else if (!only_stored(g, op->out[0])) {
        cu_fail(g, op, "a transposed tile that is neither loaded nor stored");
    }
}

static void store_transposed(Gen *g, const Op *op) {
    const Value *from = op->in[5]->def->in[0];
    const char  *element = cu_ctype(param_of(g, op)->dtype), *how = cu_rows(g, op, from->type.cols);
    const bool side = cu_shape(from->type) == SHAPE_TILE && g->sides[from->id];
    if (cu_shape(from->type) == SHAPE_TILE)
        cu_line(g, "store_%s<%s, %s, %d, %d, %d%s>(%s, %s);", side ? "sides" : "transposed", element, how, g->kernel->warps,
                from->type.rows, from->type.cols, side && always_aligned(g, param_of(g, op)) ? ", true" : "",
                cu_name(g, from), cu_view(g, op, 0));
    else if (cu_shape(from->type) == SHAPE_ROW)
        cu_line(g, "store_transposed_row<%s, %s, %d>(%s, %s);", element, how, from->type.cols, cu_name(g, from),
                cu_view(g, op, 0));
    else
        cu_fail(g, op, "a store of this transposed tile");
}

/* Is `user` the only op that looks at what `load` gives, and is nothing written in between? Then it may load by itself. */
static bool only_used_by(Gen *g, const Op *load, const Op *user) {
    int count = 0;
    ir_users(g->ctx, g->kernel, load->out[0], &count);
    const Op *next = load->next;
    while (next && next != user && !ir_has_effects(next))
        next = next->next;
    return count == 1 && next == user;
}

/* Loaded to be stored as it is, by the next op that writes. */
static bool only_copied(Gen *g, const Op *load) {
    int  count = 0;
    Op **users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    return count == 1 && users[0]->code == OP_STORE && param_of(g, users[0])->dtype == param_of(g, load)->dtype &&
           cu_shape(load->out[0]->type) == SHAPE_TILE && only_used_by(g, load, users[0]);
}

static bool is_copy(Gen *g, const Op *op) {
    const Op *load = op && op->code == OP_STORE ? op->in[5]->def : NULL;
    return load && load->code == OP_LOAD && only_copied(g, load);
}

static const char *copy_form(Gen *g, const Op *store) {
    const Op  *load = store->in[5]->def;
    const Type type = store->in[5]->type;
    return ctx_printf(g->ctx, "copy_rows<%s, %s, %s, %d, %d, %d>", cu_ctype(param_of(g, store)->dtype),
                      cu_rows(g, load, type.rows), cu_rows(g, store, type.rows), g->kernel->warps, type.rows, type.cols);
}

/* The copy right behind this one, of the same form: both are done at once. The third of a row stays alone. */
static const Op *next_copy(Gen *g, const Op *store) {
    const Op *load = store->next, *next = load ? load->next : NULL, *before = store->in[5]->def->prev;
    if (!is_copy(g, next) || next->in[5]->def != load || store->prev != store->in[5]->def || is_copy(g, before))
        return NULL;
    return strcmp(copy_form(g, store), copy_form(g, next)) == 0 ? next : NULL;
}

static void copy_rows(Gen *g, const Op *store) {
    const Op *load = store->in[5]->def, *other = next_copy(g, store);
    if (g->one_warp) {
        const Type type = store->in[5]->type;
        cu_line(g, "move_rows<%s, %s, %s, %d>(%s, %s);", cu_ctype(param_of(g, store)->dtype), cu_rows(g, load, type.rows),
                cu_rows(g, store, type.rows), type.cols, cu_view(g, load, 0), cu_view(g, store, 0));
        return;
    }
    if (is_copy(g, load->prev) && next_copy(g, load->prev) == store)
        return; /* done with that one */
    cu_line(g, "%s(%s, %s%s);", copy_form(g, store), cu_view(g, load, 0), cu_view(g, store, 0),
            other ? ctx_printf(g->ctx, ", %s, %s", cu_view(g, other->in[5]->def, 0), cu_view(g, other, 0)) : "");
}

static bool accesses_alike(const Op *x, const Op *y) {
    return op_int(x, AT_PERIOD, 1) == op_int(y, AT_PERIOD, 1) && op_int(x, AT_DOWN, 0) == 0 && op_int(y, AT_DOWN, 0) == 0 &&
           op_int(y, AT_COLDIM, -1) < 0;
}

/* Of a rope of what was loaded for it, stored by the next op that writes: that store; else NULL. All warps turn such rows
 * together, by pieces of 16 bytes. */
const Op *cu_turned_store(Gen *g, const Op *rope) {
    const Op *const load = rope->in[0]->def;
    if (!load || load->code != OP_LOAD || cu_first_role(g->kernel) || !only_used_by(g, load, rope) || !accesses_alike(rope, load))
        return NULL;
    int             count;
    Op *const      *users = ir_users(g->ctx, g->kernel, rope->out[0], &count);
    const Op *const store = users && count == 1 && users[0]->code == OP_STORE ? users[0] : NULL;
    if (!store || !only_used_by(g, rope, store) || !accesses_alike(rope, store) || param_of(g, load)->dtype != param_of(g, store)->dtype)
        return NULL;
    const int bytes = rope->out[0]->type.cols * (int)dtype_size(param_of(g, load)->dtype), pieces = op_int(rope, AT_STYLE, 0) ? 32 : 16;
    const bool whole = cu_shape(rope->out[0]->type) == SHAPE_TILE && bytes % pieces == 0 && bytes / pieces <= 32 * g->kernel->warps;
    return whole ? store : NULL;
}

static bool only_turned(Gen *g, const Op *load) {
    int  count = 0;
    Op **users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    return count == 1 && users[0]->code == OP_ROPE && cu_turned_store(g, users[0]);
}

static bool store_turned(Gen *g, const Op *store) {
    const Op *const rope = store->in[5]->def;
    if (!rope || rope->code != OP_ROPE || cu_turned_store(g, rope) != store)
        return false;
    const Op  *load = rope->in[0]->def;
    const Type type = rope->out[0]->type;
    const int  tables = cu_rope_tables(g, rope);
    cu_line(g, "TurnedRows<%s, %s, %s, %d, %d, %d>::all(%s, %s, %s, %s);", cu_ctype(param_of(g, store)->dtype),
            cu_rows(g, load, type.rows), cu_rows(g, store, type.rows), g->kernel->warps, type.cols, (int)op_int(rope, AT_STYLE, 0),
            cu_view(g, load, 0), cu_view(g, store, 0), cu_name(g, rope->in[1]), cu_pairs(g, tables));
    return true;
}

/* What waits in memory for the threads that stored it, in an order that suits them. */
static bool own_access(Gen *g, const Op *op, const Value *tile) {
    if (strcmp(op_has(op, AT_VIA) ? op_text(op, AT_VIA) : "", "own") != 0)
        return false;
    if (cu_shape(tile->type) != SHAPE_TILE || dtype_size(param_of(g, op)->dtype) != 2 || tile->type.cols % 16 != 0) {
        cu_fail(g, op, "an access in an order of its own");
        return true;
    }
    cu_map_of(g, op, param_of(g, op), (int)op_int(op, AT_PERIOD, 1)); /* for the promise of alignment that it is */
    if (op->code == OP_LOAD)
        cu_declare(g, tile);
    cu_line(g, "%s_own<%s, %s, %d, %d>(%s, %s);", op->code == OP_LOAD ? "load" : "store", cu_ctype(param_of(g, op)->dtype),
            cu_rows(g, op, tile->type.rows), g->kernel->warps, tile->type.cols, cu_name(g, tile), cu_view(g, op, 0));
    return true;
}

enum { LARGE_TILE = 64 /* floats of a thread */ };

/* Of x + a tile of parameters, where both together are more than registers hold: the tile's load; else NULL. */
static const Op *large_added(Gen *g, const Op *add, int floats) {
    const Op *const load = add->in[1]->def;
    const Type      type = add->out[0]->type;
    if (cu_shape(type) != SHAPE_TILE || type.cols % 16 != 0 || !load || load->code != OP_LOAD || !only_used_by(g, load, add))
        return NULL;
    return cu_slabs(g, type) * cu_numbers(type) >= floats || op_has(load, AT_LO) /* of a larger one */ ? load : NULL;
}

static const Op *added_work(Gen *g, const Op *add) {
    const Op *const load = large_added(g, add, LARGE_TILE);
    const CodeParam *const param = load ? param_of(g, load) : NULL;
    const bool pairs = param && param->dims[3] % 2 == 0; /* that each row begins at a multiple of */
    return pairs && param->role == PARAM_WORK && param->dtype == DT_F32 ? load : NULL;
}

/* Keys of a ring and, behind them, new tokens: few tiles have such rows, and those that have have few. */
static const Op *added_tokens(Gen *g, const Op *add) {
    const Op *const load = large_added(g, add, LARGE_TILE + 1), *const ring = add->in[0]->def;
    return load && param_of(g, load)->role == PARAM_IN && ring && ring->code == OP_LOAD && op_has(ring, AT_WRAP) ? load : NULL;
}

static const Op *added_load(Gen *g, const Op *add) {
    const Op *const work = added_work(g, add);
    return work ? work : added_tokens(g, add);
}

static bool add_loaded(Gen *g, const Op *add) {
    const Op *const load = added_load(g, add);
    if (!load)
        return false;
    const char *const how = cu_rows(g, load, add->out[0]->type.rows);
    const int         warps = g->kernel->warps, cols = add->out[0]->type.cols;
    cu_assign(g, add->out[0], cu_element(g, add->in[0], SHAPE_TILE));
    if (added_tokens(g, add) == load)
        cu_line(g, "add_rows<%s, %s, %d, %d>(%s, %s);", cu_ctype(param_of(g, load)->dtype), how, warps, cols,
                cu_name(g, add->out[0]), cu_view(g, load, 0));
    else
        cu_line(g, "add_tile<%s, %d, %d>(%s, %s);", how, warps, cols, cu_name(g, add->out[0]), cu_view(g, load, 0));
    return true;
}

static bool only_added(Gen *g, const Op *load) {
    int  count = 0;
    Op **users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    return count > 0 && users[0]->code == OP_ADD && added_load(g, users[0]) == load;
}

/* Where other kernels have roles: a piece of what they left in working memory to be added up. */
static bool is_left_piece(const Gen *g, const Op *op) {
    return g->roles && !cu_first_role(g->kernel) && op->code == OP_LOAD && op_has(op, AT_COLDIM) && !op_has(op, AT_LO);
}

/* Rows of gradients' kernels with roles, or some of their columns, and pieces that are added up. They do not ask how they are
 * aligned: there are many, and each launch waits for its code; and loads behind a question are on their way one by one. Working
 * memory is aligned; else a map is the promise. */
static bool slice_access(Gen *g, const Op *op, const Value *tile) {
    const CodeParam *const param = param_of(g, op);
    const bool             half = dtype_size(param->dtype) == 2, work = param->role == PARAM_WORK && param->dims[3] % 16 == 0;
    const bool             row = cu_first_role(g->kernel) && !op_has(op, AT_COLDIM), piece = work && is_left_piece(g, op);
    if (cu_shape(tile->type) != SHAPE_TILE || !(row || piece) || tile->type.cols % 16 != 0 ||
        op_int(op, AT_ROWDIM, -1) < 1 || op_has(op, AT_BEYOND) || op_has(op, AT_WRAP) || op_has(op, AT_SUM) || !(work || half) ||
        (op->code == OP_LOAD && !half) || !ir_find_param(g->kernel, "do"))
        return false;
    if (!work)
        cu_map_of(g, op, param, (int)op_int(op, AT_PERIOD, 1));
    if (op->code == OP_LOAD)
        cu_declare(g, tile);
    cu_line(g, "%s_slice<%s, %s, %d, %d>(%s, %s);", op->code == OP_LOAD ? "load" : "store", cu_ctype(param->dtype),
            cu_rows(g, op, tile->type.rows), g->kernel->warps, tile->type.cols, cu_name(g, tile), cu_view(g, op, 0));
    return true;
}

/* Is it the left side of products of floats alone, which read it from memory by turns? Not in main, whose registers hold it while
 * the loops over keys multiply it again and again. */
bool cu_is_read_by_turns(Gen *g, const Op *load) {
    int  count;
    Op **users = ir_users(g->ctx, g->kernel, load->out[0], &count);
    if (load->code != OP_LOAD || param_of(g, load)->dtype != DT_F32 || cu_shape(load->out[0]->type) != SHAPE_TILE ||
        load->out[0]->type.cols % 16 || op_has(load, AT_BEYOND) || op_has(load, AT_VIA) || cu_first_role(g->kernel) ||
        strcmp(g->kernel->name, "main") == 0 || ir_holds_of(g->kernel->body, OP_STORE, op_text(load, AT_PARAM)))
        return false;
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_DOT || users[u]->in[0] != load->out[0] || users[u]->in[1] == load->out[0] ||
            op_int(users[u], AT_TA, 0))
            return false;
    return count > 0;
}

void cu_product_by_turns(Gen *g, const Op *load, const char *d, const char *y, bool tf32, bool tb, int ystride) {
    const Type type = load->out[0]->type;
    cu_line(g, "%s_product_loaded<%s, %d, %d, %d, %d>(%s, %s, %s%s);", tf32 ? "tf32" : "float", cu_rows(g, load, type.rows),
            g->kernel->warps, type.cols, tb, ystride, d, cu_view(g, load, 0), y,
            tf32 ? "" : ctx_printf(g->ctx, ", shared + %lldu", (long long)g->strips));
}

bool cu_is_packed(Gen *g, const Op *load) {
    const Value *const tile = load->out[0];
    int                count;
    if (load->code != OP_LOAD || g->roles || !cu_has_wide_heads(g->kernel) || !ir_find_param(g->kernel, "do") ||
        cu_shape(tile->type) != SHAPE_TILE || tile->type.cols % 16 || dtype_size(param_of(g, load)->dtype) != 2 || op_has(load, AT_VIA))
        return false;
    Op **const users = ir_users(g->ctx, g->kernel, tile, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_CONVERT || users[u]->out[0]->type.dtype != param_of(g, load)->dtype)
            return false;
    return count > 0;
}

/* Floats of it would take twice the registers until they are converted. */
static bool load_packed(Gen *g, const Op *op) {
    int count;
    if (!cu_is_packed(g, op))
        return false;
    Op **const         users = ir_users(g->ctx, g->kernel, op->out[0], &count);
    const Value *const pairs = users[0]->out[0];
    cu_declare(g, pairs);
    cu_line(g, "load_packed<%s, %s, %d, %d>(%s, %s);", cu_ctype(pairs->type.dtype), cu_rows(g, op, pairs->type.rows), g->kernel->warps,
            pairs->type.cols, cu_name(g, pairs), tile_view(g, op));
    for (int u = 1; u < count; u++)
        cu_set_name(g, users[u]->out[0], cu_name(g, pairs));
    return true;
}

static void load(Gen *g, const Op *op) {
    if (only_transposed(g, op) || only_copied(g, op) || only_turned(g, op) || only_added(g, op) || own_access(g, op, op->out[0]) ||
        slice_access(g, op, op->out[0]) || load_packed(g, op))
        return;
    const Type  type = op->out[0]->type;
    const char *element = cu_ctype(param_of(g, op)->dtype), *name = cu_name(g, op->out[0]),
               *how = cu_rows(g, op, type.rows);
    cu_declare(g, op->out[0]);
    switch (cu_shape(type)) {
    case SHAPE_TILE:
        cu_line(g, "load_tile<%s, %s, %d, %d, %d>(%s, %s);", element, how, g->kernel->warps, type.cols,
                param_of(g, op)->role == PARAM_IN, name,
                tile_view(g, op));
        return;
    case SHAPE_COLUMN:
        cu_line(g, "load_column<%s, %s, %d>(%s, %s);", element, how, g->kernel->warps, name, cu_view(g, op, 0));
        return;
    case SHAPE_ROW: cu_line(g, "load_row<%s, %s, %d>(%s, %s);", element, how, type.cols, name, cu_view(g, op, 0)); return;
    case SHAPE_NUMBER: cu_line(g, "%s = load_scalar<%s, %s>(%s);", name, element, how, cu_view(g, op, 0)); return;
    }
}

/* One row for the 16 that a warp has at a time. A single column is the first one of a tile. */
static bool store_sums(Gen *g, const Op *op) {
    enum { WARP_ROWS = 16 };
    const Type  type = op->in[5]->type;
    const Shape shape = cu_shape(type);
    if (!op_has(op, AT_SUM))
        return false;
    if ((shape != SHAPE_TILE && shape != SHAPE_COLUMN) || op_int(op, AT_SUM, 1) != WARP_ROWS || param_of(g, op)->dtype != DT_F32) {
        cu_fail(g, op, "a store of these sums of rows");
        return true;
    }
    const char *tile = cu_name(g, op->in[5]);
    if (shape == SHAPE_COLUMN) {
        cu_line(g, "float first%d[%d][4];", op->in[5]->id, cu_slabs(g, type));
        cu_line(g, "EACH(%d, 4) first%d[s][i] = %s;", cu_slabs(g, type), op->in[5]->id, cu_element(g, op->in[5], SHAPE_TILE));
        tile = ctx_printf(g->ctx, "first%d", op->in[5]->id);
    }
    cu_line(g, "store_sums<%s, %d, %d>(%s, %s);", cu_rows(g, op, type.rows / WARP_ROWS), g->kernel->warps, type.cols, tile,
            cu_view(g, op, 0));
    return true;
}

/* Where rows end is read from the arguments, and warps have no roles, whose registers are counted otherwise. */
static bool bounded_anew(const Gen *g, const Op *store) {
    return !g->roles && store->in[4]->def && store->in[4]->def->code == OP_ISYM;
}

/* The results of extend: beside its sums registers hold where sequences lie in the row of all keys. */
static bool placed_anew(const Gen *g, const Op *store) {
    return bounded_anew(g, store) && cu_shape(store->in[5]->type) == SHAPE_TILE && !g->short_numbers &&
           strcmp(g->kernel->name, "main") == 0 && ir_find_param(g->kernel, "slots");
}

static void store(Gen *g, const Op *op) {
    const Type  type = op->in[5]->type;
    const char *element = cu_ctype(param_of(g, op)->dtype), *name = cu_name(g, op->in[5]),
               *how = cu_rows(g, op, type.rows);
    if (is_copy(g, op)) {
        copy_rows(g, op);
        return;
    }
    if (op->in[5]->def && op->in[5]->def->code == OP_TRANSPOSE) {
        store_transposed(g, op);
        return;
    }
    if (own_access(g, op, op->in[5]) || slice_access(g, op, op->in[5]) || store_turned(g, op))
        return;
    if (store_sums(g, op))
        return;
    const Shape shape = cu_shape(type);
    if (shape == SHAPE_ROW && op->in[5]->def && op->in[5]->def->code == OP_FCONST) {
        cu_fail(g, op, "a store of a single row of a constant");
        return;
    }
    if (shape != SHAPE_NUMBER && op->in[5]->def && op->in[5]->def->code == OP_FCONST) { /* an array to store from */
        name = ctx_printf(g->ctx, "%s_%d", name, g->tables++);
        cu_line(g, "float %s[%d][%d];", name, cu_slabs(g, type), cu_numbers(type));
        cu_line(g, "EACH(%d, %d) %s[s][i] = %s;", cu_slabs(g, type), cu_numbers(type), name,
                cu_element(g, op->in[5], cu_shape(type)));
    }
    const bool placed = placed_anew(g, op) && !g->behind_keys;
    if (placed)
        cu_open_again(g, op->in, 5);
    if (cu_shape(type) == SHAPE_TILE)
        cu_line(g, "store_%s<%s, %s, %d, %d>(%s, %s);",
                cu_has_map(g, param_of(g, op)) && type.cols % 16 == 0 ? "vectors" : "tile", element, how, g->kernel->warps,
                type.cols, name, bounded_anew(g, op) && !g->behind_keys ? ctx_printf(g->ctx, "anew(%s)", cu_view(g, op, 0)) : tile_view(g, op));
    else if (cu_shape(type) == SHAPE_COLUMN)
        cu_line(g, "store_column<%s, %s, %d>(%s, %s);", element, how, g->kernel->warps, name, cu_view(g, op, 0));
    else if (cu_shape(type) == SHAPE_ROW)
        cu_line(g, "store_row<%s, %s, %d>(%s, %s);", element, how, type.cols, name, cu_view(g, op, 0));
    else
        cu_line(g, "store_scalar<%s, %s>(%s, %s);", element, how, cu_element(g, op->in[5], SHAPE_NUMBER), cu_view(g, op, 0));
    if (placed)
        cu_close_again(g);
}

static const char *slot(Gen *g, const Op *op) {
    const Value *ring = op->in[0];
    const Type   type = ring->type;
    if (type.slots == 1)
        return ctx_printf(g->ctx, "shared + %lldu", (long long)type.offset);
    return ctx_printf(g->ctx, "shared + %lldu + (u32)%s %% %du * %lldu", (long long)type.offset, cu_name(g, op->in[1]),
                      type.slots, (long long)ir_shared_bytes(type_ring_tile(type)));
}

/* Kernel keys multiplies from its first tile to its last: no register holds from put to put where a thread's numbers go. */
static bool placed_here(const Gen *g, DType dtype) {
    return strcmp(g->kernel->name, "keys") == 0 && !cu_first_role(g->kernel) && dtype != DT_F32;
}

/* Nor from fetch to fetch of single tiles, whole loops apart: where the rows that the threads copy at once are not whole eights, of
 * which each has its pieces exchanged alike, a thread has several places. By ptxas, wide heads spill more by it, 944 bytes
 * for 884, and where fetches of rings ask anew, too, full attention of 128 columns on sm_120a and the paper's layer without RoPE on
 * sm_86 do. */
static bool fetched_here(const Gen *g, const Op *fetch, Type tile) {
    const int pieces = (int)(tile.cols * (int64_t)dtype_size(tile.dtype) / 16);
    return fetch->in[0]->type.slots == 1 && placed_here(g, tile.dtype) && !cu_has_wide_heads(g->kernel) && pieces > 0 &&
           32 * g->kernel->warps / pieces % 8 != 0;
}

static void fetch(Gen *g, const Op *op) {
    const Type type = type_ring_tile(op->in[0]->type);
    const int  onto = (int)op_int(op, AT_ONTO, 0);
    const char *beyond = op_text(op, AT_BEYOND);
    const bool ahead = op->parent->owner && cu_heads_loop(op) == op->parent->owner; /* of the keys' loop */
    const bool here = ahead || fetched_here(g, op, type);
    cu_line(g, "fetch<%s, %s, %d, %d, %d%s>(%s, %s, %s_aligned%s%s);", cu_ctype(type.dtype), cu_rows(g, op, type.rows),
            g->kernel->warps, type.rows, type.cols, onto ? ctx_printf(g->ctx, ", %d", onto) : "", slot(g, op),
            cu_view(g, op, 2), op_text(op, AT_PARAM), beyond ? ctx_printf(g->ctx, " && %s_aligned", beyond) : "",
            here ? ", thread_here()" : "");
}

static bool is_no_fetch(Op *op, void *param) {
    const char *beyond = op->code == OP_FETCH ? op_text(op, AT_BEYOND) : NULL;
    return op->code != OP_FETCH || (strcmp(op_text(op, AT_PARAM), param) != 0 && (!beyond || strcmp(beyond, param) != 0));
}

/* Whether copies of 16 bytes may be used: asked once for every parameter that is fetched. */
void cu_declare_aligned(Gen *g) {
    for (int p = 0; p < g->kernel->param_count; p++) {
        const CodeParam *param = &g->kernel->params[p];
        if (ir_walk(g->kernel->body, is_no_fetch, (void *)param->name))
            continue;
        if (always_aligned(g, param))
            cu_line(g, "const bool %s_aligned = true;", param->name);
        else
            cu_line(g, "const bool %s_aligned = aligned<%s>(a.v + %d, 16);", param->name, cu_ctype(param->dtype), 5 * p);
    }
}

static void put(Gen *g, const Op *op) {
    const Type        type = op->in[2]->type;
    const char *const first = /* whole lines of memory, whose pieces are exchanged among themselves */
        op->in_count > 3 ? ctx_printf(g->ctx, " + (u32)%s * %du", cu_name(g, op->in[3]), (int)dtype_size(type.dtype)) : "";
    cu_line(g, "put<%d, %d, %d, %d>(%s%s, %s%s);", g->kernel->warps, type.rows, type.cols,
            (int)ir_shared_stride(type_ring_tile(op->in[0]->type)), slot(g, op), first, cu_name(g, op->in[2]),
            placed_here(g, type.dtype) ? ", lane_here()" : "");
}

/* Elements of working memory, which has no gaps. */
const char *cu_arrive(Gen *g, const Op *op) {
    const CodeParam *param = param_of(g, op);
    const int64_t   *d = param->dims;
    return ctx_printf(g->ctx, "arrive((u64 *)a.v[%ld] + ((u32)%s * %lldu + (u32)%s) * %lldu + (u32)%s, (u32)%s)",
                      5 * (long)(param - g->kernel->params), cu_name(g, op->in[0]), (long long)d[1], cu_name(g, op->in[1]),
                      (long long)d[2], cu_name(g, op->in[2]), cu_name(g, op->in[3]));
}

bool cu_memory_op(Gen *g, const Op *op) {
    switch (op->code) {
    case OP_LOAD:
        if (!cu_is_read_by_turns(g, op))
            load(g, op);
        return true;
    case OP_STORE: store(g, op); return true;
    case OP_TRANSPOSE: transpose(g, op); return true;
    case OP_ADD: return add_loaded(g, op);
    case OP_RING: return true; /* a place in shared memory */
    case OP_RING_PUT: put(g, op); return true;
    case OP_RING_GET: cu_line(g, "const u32 %s = %s;", cu_name(g, op->out[0]), slot(g, op)); return true;
    case OP_FETCH: fetch(g, op); return true;
    case OP_COMMIT: cu_line(g, "commit();"); return true;
    case OP_WAIT: cu_line(g, "wait<%d>();", (int)op_int(op, AT_COUNT, 0)); return true;
    case OP_BARRIER: cu_line(g, "__syncthreads();"); return true;
    default: return false;
    }
}
