/* canonicalize, simplify: local truths applied until nothing changes.
 * In: any IR. Out: constants folded, equal pure ops in scope shared, invariants moved out of loops, loops that run once
 * or never gone, unused ops gone; a constant factor of a score moved onto the query, where it costs a row instead of a
 * tile. Not where warps multiply: their operands have 16 bits, the query would be rounded again, and the exponent takes
 * the factor for nothing (pass tile). */
#include "passes/rewrite.h"

#include <math.h>
#include <string.h>

typedef struct State {
    Ctx    *ctx;
    Kernel *kernel;
    bool    scale_query;
    bool    changed;
    int     shared, hoisted, scaled; /* ops; factors that went to the query */
} State;

static bool is_pure(const Op *op) { return (op_info(op->code)->traits & PURE) && !op->region; }

static void replace(State *s, Op *op, Value *by) {
    ir_replace_uses(s->kernel, op->out[0], by);
    op_erase(op);
    s->changed = true;
}

static bool fold_index(State *s, Op *op) {
    int64_t x, y, folded;
    if (op->in_count != 2 || op_info(op->code)->rule != TR_INDEX)
        return false;
    Builder b = ir_before(s->ctx, s->kernel, op);
    if (ir_const_value(op->in[0], &x) && ir_const_value(op->in[1], &y) && ir_fold_index(op->code, x, y, &folded)) {
        replace(s, op, ir_i(&b, folded));
        return true;
    }
    Value *same = ir_ibin(&b, op->code, op->in[0], op->in[1]);
    if (same == op->in[0] || same == op->in[1]) {
        replace(s, op, same);
        return true;
    }
    op_erase(same->def);
    return false;
}

/* What affine forms know: (x + 3) - x is 3; sums of a value and constants are one sum. */
static bool fold_affine(State *s, Op *op) {
    if (s->scale_query || (op->code != OP_ISUB && op->code != OP_IADD)) /* CPUs' passes match the sums as they are */
        return false;
    const Affine a = affine_of(op->out[0]);
    Builder      b = ir_before(s->ctx, s->kernel, op);
    if (!a.ok || a.count > 1 || (a.count == 1 && a.factors[0] != 1))
        return false;
    const bool plain = op->code == OP_IADD && a.count == 1 && (op->in[0] == a.symbols[0] || op->in[1] == a.symbols[0]);
    if (plain || (a.count == 1 && !ir_dominates(a.symbols[0], op)))
        return false;
    replace(s, op, a.count == 1 ? index_offset(&b, a.symbols[0], a.constant) : ir_i(&b, a.constant));
    return true;
}

/* x * 1, and products of constants. */
static bool fold_tile(State *s, Op *op) {
    double x, y;
    if (op->code != OP_MUL && op->code != OP_ADD)
        return false;
    const bool cx = is_constant_tile(op->in[0], &x), cy = is_constant_tile(op->in[1], &y);
    const Type type = op->out[0]->type;
    Builder    b = ir_before(s->ctx, s->kernel, op);
    if (cx && cy) {
        replace(s, op, ir_f(&b, op->code == OP_MUL ? x * y : x + y, type.rows, type.cols));
        return true;
    }
    const double unit = op->code == OP_MUL ? 1 : 0;
    for (int i = 0; i < 2; i++) {
        if ((i ? cx && x == unit : cy && y == unit) && type_equal(op->in[i]->type, type)) {
            replace(s, op, op->in[i]);
            return true;
        }
    }
    return false;
}

/* Row sums, inverse roots and columns of constants. */
static bool fold_constant(State *s, Op *op) {
    double     x;
    const Type type = op->out_count ? op->out[0]->type : type_index();
    const bool foldable = op->code == OP_ROWSUM || op->code == OP_RSQRT || op->code == OP_COLS;
    if (!foldable || op->in_count != 1 || !is_constant_tile(op->in[0], &x) || (op->code == OP_RSQRT && x <= 0))
        return false;
    Builder      b = ir_before(s->ctx, s->kernel, op);
    const double y = op->code == OP_ROWSUM ? x * op->in[0]->type.cols : op->code == OP_RSQRT ? 1 / sqrt(x) : x;
    replace(s, op, ir_f(&b, y, type.rows, type.cols));
    return true;
}

/* (x * c1) * c2 = x * (c1 c2); (x . y) * c = (x * c) . y for one row x. */
static bool fold_scale(State *s, Op *op) {
    double c, inner;
    if (op->code != OP_MUL || !is_constant_tile(op->in[1], &c) || op->in[1]->type.rows * op->in[1]->type.cols != 1)
        return false;
    Op     *from = op->in[0]->def;
    Builder b = ir_before(s->ctx, s->kernel, op);
    if (from && from->code == OP_MUL && is_constant_tile(from->in[1], &inner) && from->in[1]->type.cols == 1 &&
        from->in[1]->type.rows == 1) {
        replace(s, op, ir_binary(&b, OP_MUL, from->in[0], ir_f(&b, c * inner, 1, 1)));
        return true;
    }
    if (!s->scale_query || !from || from->code != OP_DOT || from->in_count != 2 || from->in[0]->type.rows != 1 ||
        op_int(from, AT_TA, 0) || ir_use_count(s->kernel, from->out[0]) != 1)
        return false;
    Value *scaled = ir_binary(&b, OP_MUL, from->in[0], ir_f(&b, c, 1, 1));
    replace(s, op, ir_dot(&b, scaled, from->in[1], NULL, false, op_int(from, AT_TB, 0) != 0));
    s->scaled++;
    return true;
}

/* x / sum = x * (1 / sum) where the sum is of exponentials of differences to a row's maximum: at least 1, so that its
 * inverse is exact to half a unit and never overflows. */
static bool fold_softmax_division(State *s, Op *op) {
    const Op *sum = op->code == OP_DIV ? op->in[1]->def : NULL;
    const Op *power = sum && sum->code == OP_ROWSUM ? sum->in[0]->def : NULL;
    const Op *shift = power && power->code == OP_EXP ? power->in[0]->def : NULL;
    const Op *largest = shift && shift->code == OP_SUB ? shift->in[1]->def : NULL;
    if (!largest || largest->code != OP_ROWMAX || largest->in[0] != shift->in[0] || op->in[0]->type.cols == 1)
        return false;
    Builder b = ir_before(s->ctx, s->kernel, op);
    Value  *inverse = ir_binary(&b, OP_DIV, ir_f(&b, 1, 1, 1), op->in[1]);
    replace(s, op, ir_binary(&b, OP_MUL, op->in[0], inverse));
    return true;
}

static bool same_attrs(const Op *a, const Op *b) {
    if (a->attr_count != b->attr_count)
        return false;
    for (int i = 0; i < a->attr_count; i++) {
        const Attr *x = &a->attrs[i], *y = &b->attrs[i];
        const bool  texts = x->s && y->s ? strcmp(x->s, y->s) == 0 : x->s == y->s;
        if (x->key != y->key || x->i != y->i || x->f != y->f || !texts)
            return false;
    }
    return true;
}

static bool same_op(const Op *a, const Op *b) {
    if (a->code != b->code || a->in_count != b->in_count || !same_attrs(a, b))
        return false;
    for (int i = 0; i < a->in_count; i++)
        if (a->in[i] != b->in[i])
            return false;
    return type_equal(a->out[0]->type, b->out[0]->type);
}

static bool written_by(Op *op, void *arg) {
    const char *param = arg;
    return op->code != OP_STORE || strcmp(op_text(op, AT_PARAM), param) != 0;
}

/* A load may only be shared or moved while nothing writes its parameter. */
static bool is_stable(const State *s, const Op *op) {
    return op->code != OP_LOAD || ir_walk(s->kernel->body, written_by, (void *)op_text(op, AT_PARAM));
}

/* An earlier equal op in this block or one around it. */
static bool share(State *s, Op *op) {
    if (op->code == OP_COPY || !is_stable(s, op))
        return false;
    for (Op *at = op; at; at = at->parent->owner)
        for (Op *earlier = at->prev; earlier; earlier = earlier->prev)
            if (is_pure(earlier) && same_op(earlier, op)) {
                replace(s, op, earlier->out[0]);
                return true;
            }
    return false;
}

void share_equal(Ctx *ctx, Kernel *kernel, Block *block) {
    State s = {.ctx = ctx, .kernel = kernel};
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        if (is_pure(op) && op->code != OP_YIELD)
            share(&s, op);
    }
}

static bool is_loop(const Op *op) { return op && (op->code == OP_FOR || op->code == OP_SOFTMAX_SUM || op->code == OP_SUM); }

/* Out of the loop if no operand is made inside it. Tiles stay inside parallel loops: between the loops of a grid there are
 * index values only. */
static bool hoist(State *s, Op *op) {
    Op *loop = op->parent->owner;
    if (!is_loop(loop) || !is_stable(s, op) || (op_int(loop, AT_PAR, 0) && op->out[0]->type.cls != TY_INDEX))
        return false;
    /* Where registers are few, what a loop over rows needs of a tile it loads in its turn. */
    if (!s->scale_query && op->code == OP_LOAD && op->out[0]->type.rows > 1 && strcmp(op_text(loop, AT_AXIS), "row") == 0)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (ir_defined_in(op->in[i], op->parent))
            return false;
    op_unlink(op);
    Builder b = ir_before(s->ctx, s->kernel, loop);
    op_insert(&b, op);
    return s->changed = true;
}

static void inline_once(State *s, Op *loop) {
    Builder   b = ir_before(s->ctx, s->kernel, loop);
    Op *const yield = ir_terminator(loop->region);
    ir_replace_uses(s->kernel, loop->region->args[0], loop->in[0]);
    for (int c = 0; c < loop->out_count; c++)
        ir_replace_uses(s->kernel, loop->region->args[c + 1], loop->in[c + 3]);
    for (int c = 0; c < loop->out_count; c++)
        ir_replace_uses(s->kernel, loop->out[c], yield->in[c]);
    ir_move_ops(&b, loop->region);
    op_erase(loop);
    s->changed = true;
}

static bool trim_loop(State *s, Op *loop) {
    int64_t lo, hi, step;
    if (loop->code != OP_FOR)
        return false;
    /* A kernel's leading parallel loops stay: they are its grid. So does a loop over the heads of a group that carries sums
     * until pass chunk has seen it. */
    const bool group = s->kernel->level == LEVEL_LOOP && strcmp(op_text(loop, AT_AXIS), "group") == 0;
    if (group || op_int(loop, AT_PAR, 0) || !ir_const_value(loop->in[0], &lo) ||
        !ir_const_value(loop->in[1], &hi) || !ir_const_value(loop->in[2], &step))
        return false;
    if (lo < hi && lo + step < hi)
        return false;
    if (lo < hi) {
        inline_once(s, loop);
        return true;
    }
    for (int c = 0; c < loop->out_count; c++)
        ir_replace_uses(s->kernel, loop->out[c], loop->in[c + 3]);
    op_erase(loop);
    return s->changed = true;
}

/* A carried value that nothing but its own yield uses; or that never changes. */
static bool drop_carried(State *s, Op *loop) {
    if (loop->code != OP_FOR)
        return false;
    for (int c = 0; c < loop->out_count; c++) {
        Op *const    yield = ir_terminator(loop->region);
        Value *const arg = loop->region->args[c + 1];
        if (yield->in[c] != arg && !(ir_use_count(s->kernel, loop->out[c]) == 0 && ir_use_count(s->kernel, arg) == 0))
            continue;
        ir_replace_uses(s->kernel, loop->out[c], loop->in[c + 3]);
        op_remove_in(yield, c);
        ir_replace_uses(s->kernel, arg, loop->in[c + 3]);
        block_remove_arg(loop->region, c + 1);
        op_remove_out(loop, c);
        op_remove_in(loop, c + 3);
        return s->changed = true;
    }
    return false;
}

static bool is_unused(const State *s, const Op *op) {
    if (op->code == OP_YIELD || ir_has_effects(op))
        return false;
    for (int r = 0; r < op->out_count; r++)
        if (ir_use_count(s->kernel, op->out[r]))
            return false;
    return true;
}

static void visit_block(State *s, Block *block);

static bool counted(int *count, bool done) {
    *count += done;
    return done;
}

/* True if the op is gone or was moved. */
static bool visit(State *s, Op *op) {
    if (is_unused(s, op)) {
        op_erase(op);
        return s->changed = true;
    }
    if (op->region) {
        if (trim_loop(s, op))
            return true;
        while (drop_carried(s, op)) {
        }
        visit_block(s, op->region);
        return false;
    }
    if (!is_pure(op) || op->code == OP_YIELD)
        return false;
    return fold_index(s, op) || fold_affine(s, op) || fold_tile(s, op) || fold_constant(s, op) || fold_scale(s, op) ||
           fold_softmax_division(s, op) || counted(&s->shared, share(s, op)) || counted(&s->hoisted, hoist(s, op));
}

static void visit_block(State *s, Block *block) {
    for (Op *op = block->first, *next; op; op = next) {
        next = op->next;
        visit(s, op);
    }
}

static Status settle(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        State s = {ctx, module->kernels[k], args->target->warp_size == 0, true, 0, 0, 0};
        for (int round = 0; s.changed && round < 50; round++) {
            s.changed = false;
            visit_block(&s, s.kernel->body);
        }
        pass_note(ctx, args, s.kernel, "equal ops shared: %d, moved out of loops: %d%s", s.shared, s.hoisted,
                  s.scaled ? "; the score's factor is the query's: a row instead of a tile" : "");
    }
    return ST_OK;
}

Status pass_canonicalize(Ctx *ctx, Module *module, const PassArgs *args) { return settle(ctx, module, args); }

Status pass_simplify(Ctx *ctx, Module *module, const PassArgs *args) { return settle(ctx, module, args); }
