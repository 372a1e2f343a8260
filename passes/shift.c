/* Values that cancel. A softmax subtracts the largest element only so that no power overflows: its result is the same for
 * any other number there, and so the gradient of that maximum is zero. This is shown for any program by following what
 * happens to all values computed from a number m if t is added to m. Each of them is one of
 *   SHIFTED by degree d:  v + d t     (m itself: d = 1),
 *   SCALED by degree d:   v exp(d t),
 * and d = 0, either way, is unchanged; a value that is neither, or that something here knows nothing of takes, may depend
 * on m. If every chain of uses ends in unchanged values, nothing depends on it. */
#include "passes/shift.h"

#include "passes/rewrite.h"

typedef enum Change { UNCHANGED, SHIFTED, SCALED, UNKNOWN } Change;

enum { MOST_CHANGED = 64 };

typedef struct Changed {
    const Value *value;
    Change       change;
    double       degree;
} Changed;

typedef struct Changes {
    Changed values[MOST_CHANGED];
    int     count;
    bool    used, known;
} Changes;

static const Changed UNKNOWN_CHANGE = {.change = UNKNOWN};

static Changed change(Change how, double degree) {
    return (Changed){.change = degree == 0 ? UNCHANGED : how, .degree = degree};
}

static Changed change_of(const Changes *c, const Value *value) {
    for (int i = 0; i < c->count; i++)
        if (c->values[i].value == value)
            return c->values[i];
    return (Changed){.value = value};
}

/* Is it changed in no other way than `how`? What is unchanged is either, by degree 0. */
static bool is(Changed x, Change how) { return x.change == how || x.change == UNCHANGED; }

/* Both in the same way: what any op does that commutes with it. */
static Changed alike(Changed x, Changed y) {
    return x.change == y.change && x.degree == y.degree ? change(x.change, x.degree) : UNKNOWN_CHANGE;
}

static Changed sum(Changed x, Changed y, double sign) {
    return is(x, SHIFTED) && is(y, SHIFTED) ? change(SHIFTED, x.degree + sign * y.degree) : alike(x, y);
}

/* Of x times y to the power of sign. */
static Changed product(const Op *op, Changed x, Changed y, double sign) {
    double c;
    if (is(x, SCALED) && is(y, SCALED))
        return change(SCALED, x.degree + sign * y.degree);
    if (x.change == SHIFTED && is_constant_tile(op->in[1], &c))
        return change(SHIFTED, sign > 0 ? x.degree * c : x.degree / c);
    if (y.change == SHIFTED && sign > 0 && is_constant_tile(op->in[0], &c))
        return change(SHIFTED, y.degree * c);
    return UNKNOWN_CHANGE;
}

static Changed power(Changed x, double exponent) {
    return x.change == SCALED ? change(SCALED, x.degree * exponent) : UNKNOWN_CHANGE;
}

/* Of an op's result, where its operands change by x and y. */
static Changed result(const Op *op, Changed x, Changed y) {
    switch (op->code) {
    case OP_ADD: return sum(x, y, 1);
    case OP_SUB: return sum(x, y, -1);
    case OP_MUL: return product(op, x, y, 1);
    case OP_DIV: return product(op, x, y, -1);
    case OP_MAX:
    case OP_MIN:
    case OP_CONCAT: return alike(x, y);
    case OP_NEG: return change(x.change, x.change == SHIFTED ? -x.degree : x.degree);
    case OP_EXP: return x.change == SHIFTED ? change(SCALED, x.degree) : UNKNOWN_CHANGE;
    case OP_LOG: return x.change == SCALED ? change(SHIFTED, x.degree) : UNKNOWN_CHANGE;
    case OP_SQRT: return power(x, 0.5);
    case OP_RSQRT: return power(x, -0.5);
    case OP_RELU:
    case OP_ABS: return power(x, 1);
    case OP_STEP: return power(x, 0);
    case OP_ROWSUM: return change(x.change, x.change == SHIFTED ? x.degree * op->in[0]->type.cols : x.degree);
    case OP_ROWMAX:
    case OP_COLS:
    case OP_COPY: return x;
    default: return UNKNOWN_CHANGE;
    }
}

static bool note(Op *op, void *arg) {
    Changes *c = arg;
    bool     uses = false;
    for (int i = 0; i < op->in_count; i++)
        uses = uses || change_of(c, op->in[i]).change != UNCHANGED;
    if (!uses)
        return true;
    const bool one = op->out_count == 1 && !op->region && op->in_count <= 2;
    Changed    out = one ? result(op, change_of(c, op->in[0]), change_of(c, op->in[op->in_count - 1])) : UNKNOWN_CHANGE;
    c->used = true;
    c->known = out.change != UNKNOWN && c->count < MOST_CHANGED;
    if (c->known && out.change != UNCHANGED) {
        out.value = op->out[0];
        c->values[c->count++] = out;
    }
    return c->known;
}

bool shift_invariant(const Value *number) {
    Changes c = {.values = {{number, SHIFTED, 1}}, .count = 1, .known = true};
    Block  *all = number->def->parent;
    while (all->owner)
        all = all->owner->parent;
    ir_walk(all, note, &c);
    return c.used && c.known;
}
