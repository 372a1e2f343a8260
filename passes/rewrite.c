/* What several passes do to IR: slices and index arithmetic. See rewrite.h. */
#include "passes/rewrite.h"

#include <string.h>

Value *index_ceil_div(Builder *b, Value *a, int64_t divisor) {
    return ir_ibin(b, OP_IDIV, index_offset(b, a, divisor - 1), ir_i(b, divisor));
}

Value *index_offset(Builder *b, Value *base, int64_t offset) {
    return offset == 0 ? base : ir_ibin(b, OP_IADD, base, ir_i(b, offset));
}

static int chosen(int value, int fallback) { return value ? value : fallback; }

/* Two groups of warps take 64 rows each, of two heads or of one, and as many of the other side a turn. Beside wide sums
 * registers hold less of what a softcap takes. */
static void choose_with_roles(const PassArgs *args, const char *name, Schedule *own) {
    enum { GROUP_ROWS = 64, FEW_COLS = 64 };
    const Spec *const spec = args->spec;
    const bool        rows = strcmp(name, "rows") == 0 && !spec->initial_state;
    const bool        keys = strcmp(name, "window_keys") == 0 || strcmp(name, "window_values") == 0;
    if (!rows && !keys)
        return;
    const bool crowded = spec->softcap > 0 && (keys ? spec->head_dim > FEW_COLS : spec_is_wide(spec));
    own->key_tile = crowded ? GROUP_ROWS / 2 : GROUP_ROWS;
    own->group_heads = rows ? args->schedule->group_heads : own->group_heads;
    own->chunk = keys && own->chunk == GROUP_ROWS ? 2 * GROUP_ROWS : own->chunk;
    own->blocks = 1;
}

Value *gradients_low(Builder *b, Value *x, DType dtype) {
    return ir_binary(b, OP_SUB, x, ir_convert(b, ir_convert(b, x, dtype), DT_F32));
}

static bool has_few_values(const Spec *spec) {
    enum { MOST_COLS = 128, FEW_VALUES = 16 };
    return spec->head_dim <= MOST_COLS && spec->value_dim < FEW_VALUES;
}

bool splits_features(const PassArgs *args) {
    enum { MOST_COLS = 64 };
    const Spec *const spec = args->spec;
    const bool        narrow = spec->head_dim <= MOST_COLS && spec->head_dim + spec->value_dim <= 2 * MOST_COLS;
    return args->kind == KIND_BACKWARD && spec->dtype != DT_F32 && gradients_cancel(spec) && !args->schedule->roles &&
           (narrow || has_few_values(spec));
}

bool splits_turned(const PassArgs *args) {
    enum { FEW_COLS = 64 };
    const Spec *const spec = args->spec;
    return args->kind == KIND_BACKWARD && spec->dtype != DT_F32 && spec->rope_theta > 0 && !args->schedule->roles &&
           (spec->head_dim < FEW_COLS || has_few_values(spec));
}

/* Products of floats: two warps more are busy with a tile's keys, whose sums take all of a warp's registers. */
static void choose_for_floats(const PassArgs *args, const char *name, Schedule *own) {
    enum { FEW_ROWS = 32 };
    const Spec *const spec = args->spec;
    if (spec->dtype == DT_F32 && !spec_is_wide(spec) && own->chunk == FEW_ROWS && strcmp(name, "window_keys") == 0)
        own->chunk = 2 * FEW_ROWS;
}

PassArgs args_of_kernel(const PassArgs *args, const Module *module, int kernel, Schedule *own) {
    PassArgs of = *args;
    int      main = 0;
    while (main < module->kernel_count && strcmp(module->kernels[main]->name, "main") != 0)
        main++;
    if (args->kind != KIND_BACKWARD || !args->target->warp_size || kernel <= main)
        return of;
    *own = *args->schedule;
    own->key_tile = chosen(own->gradient_key_tile, own->key_tile);
    own->group_heads = chosen(own->gradient_heads, own->group_heads);
    own->blocks = chosen(own->gradient_blocks, own->blocks);
    own->roles = 0;
    choose_for_floats(args, module->kernels[kernel]->name, own);
    if (own->gradient_roles)
        choose_with_roles(args, module->kernels[kernel]->name, own);
    of.schedule = own;
    return of;
}

Builder open_region(Ctx *ctx, Kernel *kernel, Block *region) {
    Builder in = ir_at_end(ctx, kernel, region);
    ir_yield(&in, NULL, 0);
    return ir_before(ctx, kernel, ir_terminator(region));
}

bool is_constant_tile(const Value *value, double *constant) {
    if (!value->def || value->def->code != OP_FCONST)
        return false;
    *constant = op_float(value->def, AT_FVALUE, 0);
    return true;
}

void copy_beyond(Ctx *ctx, Op *made, const Op *load) {
    if (!op_has(load, AT_BEYOND))
        return;
    op_set_text(ctx, made, AT_BEYOND, op_text(load, AT_BEYOND));
    op_set_int(ctx, made, AT_BORDER, op_int(load, AT_BORDER, 0));
}

bool was_seen(Seen *seen, const Op *op) {
    const Op **const place = &seen->ops[((uintptr_t)op >> 4) % (sizeof seen->ops / sizeof *seen->ops)];
    const bool       before = *place == op;
    *place = op;
    return before;
}

typedef struct Search {
    const Value *source;
    bool         found;
    Seen         seen;
} Search;

static bool finds_source(const Value *value, Search *search);

static bool uses_source(Op *op, void *arg) {
    Search *search = arg;
    for (int i = 0; i < op->in_count && !search->found; i++)
        search->found = finds_source(op->in[i], search);
    return !search->found;
}

static bool finds_source(const Value *value, Search *search) {
    const Op *const op = value->def;
    if (value == search->source || !op)
        return value == search->source;
    if (was_seen(&search->seen, op))
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (finds_source(op->in[i], search))
            return true;
    if (op->region)
        ir_walk(op->region, uses_source, search);
    return search->found;
}

bool depends_on(const Value *value, const Value *source) {
    if (value == source || !value->def)
        return value == source;
    Search search = {.source = source};
    return finds_source(value, &search);
}

bool defined_outside(const Value *value, const Block *region) { return !ir_defined_in(value, region); }

Value *clone_slice(Builder *b, Value *value, const Block *region, ValueMap *map) {
    Value *known = map_get(map, value);
    if (known != value || defined_outside(value, region) || !value->def)
        return known;
    for (int i = 0; i < value->def->in_count; i++)
        clone_slice(b, value->def->in[i], region, map);
    ir_clone(b, value->def, map);
    return map_get(map, value);
}

void limit_slice(Ctx *ctx, Kernel *kernel, Value *value, const Block *region, Value *rows) {
    Op *op = value->def;
    if (!op || defined_outside(value, region))
        return;
    const int64_t rowdim = op->code == OP_LOAD ? op_int(op, AT_ROWDIM, -1) : -1;
    if (rowdim >= 0) {
        Builder b = ir_before(ctx, kernel, op);
        if (op_int(op, AT_DOWN, 0)) {
            op->in[3] = ir_ibin(&b, OP_IMAX, op->in[3], index_offset(&b, ir_ibin(&b, OP_ISUB, op->in[rowdim], rows), 1));
            return;
        }
        op->in[4] = ir_ibin(&b, OP_IMIN, op->in[4], ir_ibin(&b, OP_IADD, op->in[rowdim], rows));
        return;
    }
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i]->type.cls == TY_TILE)
            limit_slice(ctx, kernel, op->in[i], region, rows);
}

Kernel *take_kernel(Module *module, const char *name) {
    for (int k = 0; k < module->kernel_count; k++) {
        Kernel *const kernel = module->kernels[k];
        if (strcmp(kernel->name, name) != 0)
            continue;
        for (int later = k; later + 1 < module->kernel_count; later++)
            module->kernels[later] = module->kernels[later + 1];
        module->kernel_count--;
        return kernel;
    }
    return NULL;
}

static bool drop_in(Kernel *kernel, Block *block) {
    bool changed = false;
    for (Op *op = block->last, *before; op; op = before) {
        bool used = op->code == OP_YIELD || ir_has_effects(op);
        before = op->prev;
        for (int r = 0; r < op->out_count && !used; r++)
            used = ir_use_count(kernel, op->out[r]) > 0;
        if (!used) {
            op_erase(op);
            changed = true;
        } else if (op->region) {
            changed = drop_in(kernel, op->region) || changed;
        }
    }
    return changed;
}

void clean_kernel(Kernel *kernel) {
    while (drop_in(kernel, kernel->body)) {
    }
}

bool is_stored(const Block *block, const char *param) { return ir_holds_of(block, OP_STORE, param); }


void share_params(Ctx *ctx, const Kernel *from, Kernel *kernel) {
    kernel->params = NULL;
    kernel->param_count = kernel->param_capacity = 0;
    for (int p = 0; p < from->param_count; p++)
        PUSH(ctx, kernel->params, kernel->param_count, kernel->param_capacity, from->params[p]);
}

bool is_loaded_row(const Value *value) {
    return value->def && value->def->code == OP_LOAD && value->type.rows == 1 && value->type.cols > 1;
}

bool is_read(const Module *module, const char *param) {
    for (int k = 0; k < module->kernel_count; k++)
        if (ir_holds_of(module->kernels[k]->body, OP_LOAD, param))
            return true;
    return false;
}

void drop_param(Kernel *kernel, const char *name) {
    int kept = 0;
    for (int p = 0; p < kernel->param_count; p++)
        if (strcmp(kernel->params[p].name, name) != 0)
            kernel->params[kept++] = kernel->params[p];
    kernel->param_count = kept;
}
