/* select: products in the forms that a code generator has.
 * In: tile IR with plain dots. Out: a product with a transposed right side gets a transposed panel (or, for few rows, runs
 * row by row: via="inner"); a transposed left side uses such a panel where there is one; an accumulator that is first scaled
 * by rows takes the scale along; a product under a mask, or of a masked tile, says which part matters (trim); a tile that
 * only products read, without row bounds, is read in place (SPACE_GLOBAL). */
#include "passes/loops.h"

enum { INNER_ROWS = 8 }; /* up to here a row-by-row product beats transposing the other side */

typedef struct Select {
    Ctx    *ctx;
    Kernel *kernel;
    int     transposed, inner, scaled, trimmed, in_place;
} Select;

/* A value's transposed twin, made right behind it, once. */
static Value *transposed(Select *s, Value *value) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, value, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_TRANSPOSE)
            return users[u]->out[0];
    Builder b = value->def ? ir_after(s->ctx, s->kernel, value->def)
                           : ir_before(s->ctx, s->kernel, value->owner->first);
    return ir_unary(&b, OP_TRANSPOSE, value);
}

static bool transpose_right(Op *dot, void *arg) {
    Select *s = arg;
    if (dot->code != OP_DOT || !op_int(dot, AT_TB, 0))
        return true;
    if (ir_dot_parts(dot).m <= INNER_ROWS) {
        op_set_text(s->ctx, dot, AT_VIA, "inner");
        s->inner++;
        return true;
    }
    s->transposed++;
    dot->in[1] = transposed(s, dot->in[1]);
    op_set_int(s->ctx, dot, AT_TB, 0);
    return true;
}

static bool transpose_left(Op *dot, void *arg) {
    Select *s = arg;
    if (dot->code != OP_DOT || !op_int(dot, AT_TA, 0))
        return true;
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, dot->in[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_TRANSPOSE && ir_dominates(users[u]->out[0], dot)) {
            dot->in[0] = users[u]->out[0];
            op_set_int(s->ctx, dot, AT_TA, 0);
            return true;
        }
    return true;
}

static bool scale_accumulator(Op *dot, void *arg) {
    Select *s = arg;
    if (dot->code != OP_DOT)
        return true;
    const DotParts p = ir_dot_parts(dot);
    const Op      *product = p.acc && !p.scale ? p.acc->def : NULL;
    if (!product || product->code != OP_MUL || product->in[1]->type.cols != 1 || product->in[1]->type.rows != p.m ||
        ir_use_count(s->kernel, p.acc) != 1)
        return true;
    dot->in[2] = product->in[0];
    op_add_in(s->ctx, dot, 3, product->in[1]);
    op_erase((Op *)product);
    s->scaled++;
    return true;
}

static void trim(Select *s, Op *dot, const Op *mask, int how) {
    s->trimmed++;
    op_set_int(s->ctx, dot, AT_TRIM, how);
    op_set_int(s->ctx, dot, AT_LO, op_int(mask, AT_LO, IR_NEG_INF));
    op_set_int(s->ctx, dot, AT_HI, op_int(mask, AT_HI, IR_POS_INF));
    op_set_int(s->ctx, dot, AT_PERIOD, op_int(mask, AT_PERIOD, 1));
    op_add_in(s->ctx, dot, dot->in_count, mask->in[1]);
}

static bool is_bounded(const Op *mask) {
    return mask && mask->code == OP_MASK &&
           (op_int(mask, AT_LO, 0) != IR_NEG_INF || op_int(mask, AT_HI, 0) != IR_POS_INF);
}

/* The mask that made parts of a product's left side zero: fill 0, or exp(masked with -inf - something), or such a factor. */
static const Op *zeroing_mask(const Value *x) {
    const Op *op = x->def;
    if (op && op->code == OP_MUL) {
        const Op *mask = type_equal(op->in[0]->type, x->type) ? zeroing_mask(op->in[0]) : NULL;
        return mask || !type_equal(op->in[1]->type, x->type) ? mask : zeroing_mask(op->in[1]);
    }
    if (op && op->code == OP_EXP) {
        op = op->in[0]->def;
        op = op && op->code == OP_SUB ? op->in[0]->def : NULL;
        return is_bounded(op) && op_float(op, AT_FILL, 0) < 0 ? op : NULL;
    }
    return is_bounded(op) && op_float(op, AT_FILL, 1) == 0 ? op : NULL;
}

/* A score's product moves next to its mask, behind what the mask's position needs. */
static bool trim_scores(Op *mask, void *arg) {
    Select *s = arg;
    Op     *dot = mask->code == OP_MASK ? mask->in[0]->def : NULL;
    if (!dot || dot->code != OP_DOT || !is_bounded(mask) || op_has(dot, AT_TRIM) || dot->parent != mask->parent ||
        ir_use_count(s->kernel, dot->out[0]) != 1)
        return true;
    op_unlink(dot);
    Builder b = ir_before(s->ctx, s->kernel, mask);
    op_insert(&b, dot);
    trim(s, dot, mask, 1);
    return true;
}

static bool trim_products(Op *dot, void *arg) {
    Select   *s = arg;
    const Op *mask = dot->code == OP_DOT && !op_has(dot, AT_TRIM) && !op_int(dot, AT_TA, 0) ? zeroing_mask(dot->in[0]) : NULL;
    if (mask)
        trim(s, dot, mask, 2);
    return true;
}

static bool read_in_place(Op *load, void *arg) {
    Select *s = arg;
    int     count;
    if (load->code != OP_LOAD || !ir_is_const(load->in[3], 0) || !ir_is_const(load->in[4], IR_POS_INF) ||
        load->out[0]->type.rows < 2 || op_int(load, AT_WRAP, 0) || op_int(load, AT_DOWN, 0))
        return true;
    const int period = (int)op_int(load, AT_PERIOD, 1);
    if (op_int(load, AT_ROWDIM, -1) < 0 || period < load->out[0]->type.rows)
        return true;
    Op **users = ir_users(s->ctx, s->kernel, load->out[0], &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code != OP_DOT || users[u]->in[1] != load->out[0] || users[u]->in[0] == load->out[0] ||
            ir_dot_parts(users[u]).acc == load->out[0])
            return true;
    load->out[0]->type.space = SPACE_GLOBAL;
    s->in_place++;
    return true;
}

static void note_forms(const Select *s, const PassArgs *args) {
    const struct {
        int         count;
        const char *form;
    } forms[] = {{s->transposed, "with a transposed panel"}, {s->inner, "row by row"}, {s->scaled, "scale what they add to"},
                 {s->trimmed, "skip what a mask hides"}, {s->in_place, "read a tile in place"}};
    Text text = TEXT(s->ctx);
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        if (forms[f].count)
            text_add(&text, "%s%d %s", text.length ? ", " : "", forms[f].count, forms[f].form);
    if (text.length)
        pass_note(s->ctx, args, s->kernel, "products: %s", text_str(&text));
}

Status pass_select(Ctx *ctx, Module *module, const PassArgs *args) {
    bool (*const steps[])(Op *, void *) = {transpose_right, transpose_left, scale_accumulator, trim_scores, trim_products, read_in_place};
    for (int k = 0; k < module->kernel_count; k++) {
        Select s = {.ctx = ctx, .kernel = module->kernels[k]};
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            ir_walk(s.kernel->body, steps[i], &s);
        note_forms(&s, args);
    }
    return ST_OK;
}
