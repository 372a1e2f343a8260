/* Units of what rows hand on: a part of pass differentiate, for GPUs. Of a row whose residual sum is next to nothing, of keys that
 * it hardly sees, the norm's gradient is what is given times up to 1 / sqrt(eps), and that, or its products with values, is more
 * than fp16 holds. Kernel `main` keeps what such a row hands on in units of 64 or 1024, and the kernels behind it multiply the
 * row's features by them: the residual branch's products are of both, so that they are what they were. A power of two rounds
 * nothing. How large it is follows from what is given, too: small gradients are in no units, of which fp16 has few small numbers.
 * Of a row whose sink takes nearly all of the softmax, the same holds for what the softmax's values are multiplied with: the
 * probabilities behind main are then in units, which is a sum with lse, and what they are multiplied with is as small. */
#include "passes/differentiate.h"

/* Rows whose |dy| / n, root mean square, is larger than `from` have `unit`; all others have 1. Products with values are some
 * hundred times as large at most. */
static const struct {
    double from, unit;
} UNITS[] = {{256, 64}, {16384, 1024}};

const char *kept_unit_name(void) { return "rla_gradient_unit"; }

static const Op *find_lse(const RowProgram *p) {
    for (int r = 0; r < p->reduction_count; r++)
        if (p->reductions[r]->code == OP_SOFTMAX_SUM)
            return row_kept(p, p->reductions[r]->out[1]);
    return NULL;
}

/* phi(q), which the sum's scores are made of. */
static Value *features_of(const RowProgram *p, const Op *sum) {
    Value *targets[MOST_TARGETS];
    return sum && sum->code == OP_SUM && row_program_targets(p, sum, OF_ROW, targets) == 1 ? targets[0] : NULL;
}

bool has_unit(const RowProgram *p, const Value *value) {
    const Op *const load = row_load(p, p->body);
    const Op       *sum = value->def && value->def->code == OP_ADD ? value->def->in[1]->def : value->def;
    return features_of(p, sum) && find_lse(p) && ir_find_param(p->kernel, op_text(load, AT_PARAM))->dtype == DT_F16;
}

/* lse that kind forward has saved stays what it is. */
bool has_sink_unit(const RowProgram *p, const Value *value) {
    const Op *const load = row_load(p, p->body), *const sum = value->def, *const lse = find_lse(p);
    return sum && sum->code == OP_SOFTMAX_SUM && sum->in_count > 2 && sum->out[0] == value && lse && !is_given(p, lse) &&
           ir_find_param(p->kernel, op_text(load, AT_PARAM))->dtype == DT_F16;
}

RowUnit row_unit(Builder *b, Value *inverse_norm, Value *mean_square) {
    Value *const square = ir_binary(b, OP_MUL, ir_binary(b, OP_MUL, inverse_norm, inverse_norm), mean_square);
    RowUnit      row = {ir_f(b, 1, 1, 1), ir_f(b, 1, 1, 1)};
    double       unit = 1;
    for (size_t u = 0; u < sizeof UNITS / sizeof *UNITS; unit = UNITS[u++].unit) {
        Value *const is_large = ir_unary(b, OP_STEP, ir_binary(b, OP_SUB, square, ir_f(b, UNITS[u].from * UNITS[u].from, 1, 1)));
        row.unit = ir_binary(b, OP_ADD, row.unit, ir_binary(b, OP_MUL, is_large, ir_f(b, UNITS[u].unit - unit, 1, 1)));
        row.inverse = ir_binary(b, OP_SUB, row.inverse, ir_binary(b, OP_MUL, is_large, ir_f(b, 1 / unit - 1 / UNITS[u].unit, 1, 1)));
    }
    return row;
}

/* Piece by piece, for passes take pieces apart. */
static Value *in_units(Builder *b, Value *features, Value *unit) {
    const Op *const op = features->def;
    if (op && op->code == OP_CONCAT)
        return ir_binary(b, OP_CONCAT, in_units(b, op->in[0], unit), in_units(b, op->in[1], unit));
    return ir_binary(b, OP_MUL, features, unit);
}

static void replace_in(const Op *op, const Value *from, Value *to) {
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] == from)
            op->in[i] = to;
}

/* exp(s - (lse - ln unit)) = unit exp(s - lse). */
void differentiate_lse_in_units(RowProgram *p, Builder *b, const RowUnit *unit) {
    const ValueMap here = {.ctx = p->ctx};
    Op *const      lse = unit->unit ? (Op *)find_lse(p) : NULL;
    if (!lse)
        return;
    store_like(b, lse, &here, op_text(lse, AT_PARAM), ir_binary(b, OP_SUB, lse->in[5], ir_unary(b, OP_LOG, unit->unit)));
    op_erase(lse);
}

void differentiate_in_units(RowProgram *p) {
    const Op *const lse = find_lse(p);
    for (int r = 0; r < p->reduction_count && ir_find_param(p->kernel, kept_unit_name()); r++) {
        Op *const    sum = p->reductions[r];
        Value *const features = features_of(p, sum);
        if (!features)
            continue;
        ValueMap here = {.ctx = p->ctx};
        Builder  b = ir_before(p->ctx, p->kernel, sum);
        for (int i = 0; i < 5; i++) /* where a row is may be computed behind the sum */
            clone_slice(&b, lse->in[i], p->body, &here);
        Value *const scaled = in_units(&b, features, load_like(&b, lse, &here, kept_unit_name(), 1, 1));
        for (const Op *op = sum->region->first; op; op = op->next)
            replace_in(op, features, scaled);
        for (const Op *op = sum->next; op; op = op->next) /* times what the sum starts from */
            if (op->code == OP_DOT)
                replace_in(op, features, scaled);
    }
}
