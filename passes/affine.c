/* Affine forms of index values: what the passes know about positions. See rewrite.h. */
#include "passes/rewrite.h"

static void add_term(Affine *a, Value *symbol, int64_t factor) {
    for (int t = 0; t < a->count; t++) {
        if (a->symbols[t] != symbol)
            continue;
        a->factors[t] += factor;
        if (a->factors[t] == 0) {
            a->count--;
            a->symbols[t] = a->symbols[a->count];
            a->factors[t] = a->factors[a->count];
        }
        return;
    }
    if (factor == 0)
        return;
    if (a->count == AFFINE_TERMS) {
        a->ok = false;
        return;
    }
    a->symbols[a->count] = symbol;
    a->factors[a->count++] = factor;
}

static void accumulate(Affine *a, Value *value, int64_t factor) {
    const Op *op = value->def;
    int64_t   constant;
    if (ir_const_value(value, &constant)) {
        a->constant += factor * constant;
    } else if (op && op->code == OP_IADD) {
        accumulate(a, op->in[0], factor);
        accumulate(a, op->in[1], factor);
    } else if (op && op->code == OP_ISUB) {
        accumulate(a, op->in[0], factor);
        accumulate(a, op->in[1], -factor);
    } else if (op && op->code == OP_IMUL && ir_const_value(op->in[1], &constant)) {
        accumulate(a, op->in[0], factor * constant);
    } else if (op && op->code == OP_IMUL && ir_const_value(op->in[0], &constant)) {
        accumulate(a, op->in[1], factor * constant);
    } else {
        add_term(a, value, factor);
    }
}

Affine affine_of(Value *value) {
    Affine a = {.ok = true};
    accumulate(&a, value, 1);
    return a;
}

Affine affine_difference(const Affine *a, const Affine *b) {
    Affine d = *a;
    d.ok = a->ok && b->ok;
    d.constant -= b->constant;
    for (int t = 0; t < b->count; t++)
        add_term(&d, b->symbols[t], -b->factors[t]);
    return d;
}

int64_t affine_factor(const Affine *a, const Value *symbol) {
    for (int t = 0; t < a->count; t++)
        if (a->symbols[t] == symbol)
            return a->factors[t];
    return 0;
}

bool affine_is_constant(const Affine *a) { return a->ok && a->count == 0; }
