/* The formulas of RATTENTION.md for the rows of one sequence and key/value head, as loop IR: see kinds.h. */
#include "frontend/kinds/kinds.h"

/* Row `position` of a [B, T, heads, width] parameter; heads: the coordinate of dim 2. */
static Value *load_new(Builder *b, const Nest *nest, const char *param, Value *position, Value *head, bool grouped, int width) {
    const Access access = {.param = param,
                           .at = {nest->batch, ir_ibin(b, OP_IADD, nest->first, position), head},
                           .lo = nest->first, .hi = nest->end,
                           .rowdim = 1, .groupdim = grouped ? 2 : -1, .period = 1};
    return ir_load(b, &access, 1, width);
}

/* Rings [P, Hk, R, width] hold absolute position p in row p mod R, the rows of one head side by side so that decoding reads
 * them in one stream; the rows of positions oldest .. -1 are there. */
static Value *load_ring(Builder *b, const Nest *nest, const char *param, Value *position, int width) {
    Value *const absolute = ir_ibin(b, OP_IADD, nest->seen, position);
    const Access access = {.param = param,
                           .at = {nest->slot, nest->kv_head, absolute},
                           .lo = ir_ibin(b, OP_IADD, nest->seen, nest->oldest), .hi = nest->seen,
                           .rowdim = 2, .groupdim = -1, .period = 1, .wrap = (int)nest->ring_rows};
    return ir_load(b, &access, 1, width);
}

/* Out of bounds reads as zero, so that the sum of the two sources is whichever has the row. */
static Value *load_row(Builder *b, const Nest *nest, const char *fresh, const char *ring, Value *j, int width) {
    Value *const row = load_new(b, nest, fresh, j, nest->kv_head, false, width);
    return nest->pooled ? ir_binary(b, OP_ADD, load_ring(b, nest, ring, j, width), row) : row;
}

Value *kind_key(Builder *b, const Nest *nest, Value *j) { return load_row(b, nest, "k", "ring_k", j, nest->spec->head_dim); }
Value *kind_value(Builder *b, const Nest *nest, Value *j) { return load_row(b, nest, "v", "ring_v", j, nest->spec->value_dim); }

static Value *load_vector(Builder *b, const char *param, int width) {
    const Access access = {.param = param, .rowdim = -1, .groupdim = -1, .period = 1};
    return ir_load(b, &access, 1, width);
}

/* A [H, width] parameter's row of one query head. */
static Value *load_head(Builder *b, const char *param, Value *head, int width) {
    const Access access = {.param = param, .at = {NULL, NULL, head}, .rowdim = -1, .groupdim = 2, .period = 1};
    return ir_load(b, &access, 1, width);
}

Value *kind_feature_map(Builder *b, const FeatureMap *map, Value *x) {
    static const OpCode OPS[MAP_OP_COUNT] = {
        [MAP_ADD] = OP_ADD, [MAP_SUB] = OP_SUB, [MAP_MUL] = OP_MUL, [MAP_DIV] = OP_DIV, [MAP_MAX] = OP_MAX,
        [MAP_MIN] = OP_MIN, [MAP_NEG] = OP_NEG, [MAP_EXP] = OP_EXP, [MAP_LOG] = OP_LOG, [MAP_TANH] = OP_TANH,
        [MAP_SIGMOID] = OP_SIGMOID, [MAP_RELU] = OP_RELU, [MAP_ABS] = OP_ABS, [MAP_SQRT] = OP_SQRT,
        [MAP_ROWSUM] = OP_ROWSUM, [MAP_ROWMAX] = OP_ROWMAX, [MAP_CONCAT] = OP_CONCAT,
    };
    Value *values[MAP_MAX_NODES];
    for (int n = 0; n < map->count; n++) {
        const MapNode *node = &map->nodes[n];
        if (node->op == MAP_INPUT)
            values[n] = x;
        else if (node->op == MAP_CONST)
            values[n] = ir_f(b, node->value, 1, 1);
        else if (node->b >= 0)
            values[n] = ir_binary(b, OPS[node->op], values[node->a], values[node->b]);
        else
            values[n] = ir_unary(b, OPS[node->op], values[node->a]);
    }
    return values[map->count - 1];
}

static Value *features(Builder *b, const Nest *nest, Value *x, const char *scale) {
    if (nest->spec->qk_scale)
        x = ir_binary(b, OP_MUL, x, load_vector(b, scale, nest->spec->head_dim));
    return kind_feature_map(b, &nest->spec->map, x);
}

Value *kind_key_features(Builder *b, const Nest *nest, Value *j) {
    return features(b, nest, kind_key(b, nest, j), "k_scale");
}

static Value *rope(Builder *b, const Nest *nest, Value *x, Value *position) {
    const Spec *spec = nest->spec;
    if (spec->rope_theta == 0)
        return x;
    return ir_rope(b, x, ir_ibin(b, OP_IADD, nest->origin, position), spec->rope_theta, (int)spec->rope_style, 1);
}

/* rms(x) * g = x / sqrt(mean(x^2) + eps) * g: RATTENTION.md, "Output". */
static Value *normed(Builder *b, const Nest *nest, Value *x, const char *gain, Value *head) {
    const int    width = nest->spec->value_dim;
    Value *const mean = ir_binary(b, OP_MUL, ir_unary(b, OP_ROWSUM, ir_binary(b, OP_MUL, x, x)), ir_f(b, 1.0 / width, 1, 1));
    /* eps = 0 still gives zeros for a row of zeros. */
    const double eps = nest->spec->norm_eps > 1e-37 ? nest->spec->norm_eps : 1e-37;
    Value *const inverse = ir_unary(b, OP_RSQRT, ir_binary(b, OP_ADD, mean, ir_f(b, eps, 1, 1)));
    return ir_binary(b, OP_MUL, ir_binary(b, OP_MUL, x, inverse), load_head(b, gain, head, width));
}

/* The softmax branch of row i: s_ij = scale * rope(q_i) . rope(k_j), softcapped; -> swa, lse. */
static void softmax_branch(Builder *b, const Nest *nest, Value *i, Value *head, Value *q, Value **swa, Value **lse) {
    const Spec  *spec = nest->spec;
    Value *const rotated = rope(b, nest, q, i);
    Value *const hi = ir_ibin(b, OP_IADD, i, ir_i(b, 1));
    Value *const left = spec->full ? NULL : ir_ibin(b, OP_IADD, i, ir_i(b, 1 - spec->window));
    Value *const lo = spec->full ? nest->oldest : ir_ibin(b, OP_IMAX, nest->oldest, left);
    Value *const sink = spec->sink ? load_head(b, "sink", head, 1) : NULL;
    Op *const    op = ir_softmax_sum(b, "key", lo, hi, sink, spec->value_dim);
    Value *const j = op->region->args[0];
    Builder      r = ir_at_end(b->ctx, b->kernel, op->region);
    Value       *score = ir_dot(&r, rotated, rope(&r, nest, kind_key(&r, nest, j), j), NULL, false, true);
    score = ir_binary(&r, OP_MUL, score, ir_f(&r, spec->scale, 1, 1));
    if (spec->softcap != 0) {
        score = ir_unary(&r, OP_TANH, ir_binary(&r, OP_MUL, score, ir_f(&r, 1.0 / spec->softcap, 1, 1)));
        score = ir_binary(&r, OP_MUL, score, ir_f(&r, spec->softcap, 1, 1));
    }
    ir_yield(&r, (Value *[]){score, kind_value(&r, nest, j)}, 2);
    *swa = op->out[0];
    *lse = op->out[1];
}

static Op *open_sum(Builder *b, Value *lo, Value *hi, int rows, int cols, Value **j, Builder *region) {
    Op *const op = ir_sum(b, "residual", lo, hi, rows, cols);
    *j = op->region->args[0];
    *region = ir_at_end(b->ctx, b->kernel, op->region);
    return op;
}

/* rows: how many rows of the state may be read, NULL: all. */
static Value *load_state(Builder *b, const char *param, Value *n, Value *head, Value *rows, const Spec *spec) {
    const Access access = {.param = param, .at = {n, head, NULL}, .lo = rows ? ir_i(b, 0) : NULL, .hi = rows,
                           .rowdim = 2, .groupdim = spec->initial_state ? 1 : -1, .period = spec_features(spec)};
    return ir_load(b, &access, spec_features(spec), spec->value_dim);
}

/* The residual branch of row i: sum over j <= i - W of (phi(q_i) . phi(k_j)) v_j, plus phi(q_i) S_init. */
static Value *residual_branch(Builder *b, const Nest *nest, Value *i, Value *head, Value *q) {
    const Spec  *spec = nest->spec;
    Value *const phi = features(b, nest, q, "q_scale");
    Value       *j;
    Builder      r;
    Value *const hi = ir_ibin(b, OP_IADD, i, ir_i(b, 1 - spec->window));
    Op *const    op = open_sum(b, nest->oldest, hi, 1, spec->value_dim, &j, &r);
    Value *const score = ir_dot(&r, phi, kind_key_features(&r, nest, j), NULL, false, true);
    ir_yield(&r, (Value *[]){ir_binary(&r, OP_MUL, score, kind_value(&r, nest, j))}, 1);
    Value *rla = op->out[0], *start = NULL;
    if (nest->pooled)
        start = load_state(b, "state", nest->slot, spec->initial_state ? head : nest->kv_head, nest->state_rows, spec);
    else if (spec->initial_state)
        start = load_state(b, "h0", nest->n, head, NULL, spec);
    if (start)
        rla = ir_binary(b, OP_ADD, ir_dot(b, phi, start, NULL, false, false), rla);
    return rla;
}

Value *kind_state_sum(Builder *b, const Nest *nest) {
    const Spec  *spec = nest->spec;
    Value       *j;
    Builder      r;
    Value *const hi = ir_ibin(b, OP_IADD, nest->folded, ir_i(b, -spec->window));
    Op *const    op = open_sum(b, nest->oldest, hi, spec_features(spec), spec->value_dim, &j, &r);
    ir_yield(&r, (Value *[]){ir_dot(&r, kind_key_features(&r, nest, j), kind_value(&r, nest, j), NULL, true, false)}, 1);
    return op->out[0];
}

static void store_row(Builder *b, const Nest *nest, const char *param, Value *i, Value *head, Value *tile) {
    const Access access = {.param = param,
                           .at = {nest->batch, ir_ibin(b, OP_IADD, nest->first, i), head},
                           .lo = nest->first, .hi = nest->end, .rowdim = 1, .groupdim = 2, .period = 1};
    ir_store(b, &access, tile);
}

static void store_lse(Builder *b, const Nest *nest, Value *i, Value *head, Value *lse) {
    const Access access = {.param = nest->again ? "lse_again" : "lse",
                           .at = {nest->batch, head, ir_ibin(b, OP_IADD, nest->first, i)},
                           .lo = nest->first, .hi = nest->end, .rowdim = 2, .groupdim = 1, .period = 1};
    ir_store(b, &access, lse);
}

static void one_row(Builder *b, const Nest *nest, Value *i, Value *head) {
    const Spec  *spec = nest->spec;
    Value *const q = load_new(b, nest, "q", i, head, true, spec->head_dim);
    Value       *swa, *lse, *rla = NULL;
    softmax_branch(b, nest, i, head, q, &swa, &lse);
    if (!spec->full)
        rla = residual_branch(b, nest, i, head, q);
    if (nest->variant & (VARIANT_LSE | VARIANT_SAVED))
        store_lse(b, nest, i, head, lse);
    if (nest->variant & (VARIANT_PARTS | VARIANT_SAVED)) {
        store_row(b, nest, nest->again ? "swa_again" : "swa", i, head, swa);
        if (rla)
            store_row(b, nest, nest->again ? "rla_again" : "rla", i, head, rla);
    }
    if (spec->norm) {
        swa = normed(b, nest, swa, "swa_norm", head);
        rla = rla ? normed(b, nest, rla, "rla_norm", head) : NULL;
    }
    store_row(b, nest, "o", i, head, rla ? ir_binary(b, OP_ADD, swa, rla) : swa);
}

void kind_rows(Builder *b, const Nest *nest) {
    const int G = spec_group(nest->spec);
    Op *const rows = ir_for(b, "row", true, nest->row ? nest->row : ir_i(b, 0), nest->length, ir_i(b, 1), NULL, 0);
    Builder   r = ir_at_end(b->ctx, b->kernel, rows->region);
    Op *const heads = ir_for(&r, "group", true, ir_i(&r, 0), ir_i(&r, G), ir_i(&r, 1), NULL, 0);
    ir_yield(&r, NULL, 0);
    Builder      h = ir_at_end(b->ctx, b->kernel, heads->region);
    Value *const head = ir_ibin(&h, OP_IADD, ir_ibin(&h, OP_IMUL, nest->kv_head, ir_i(&h, G)), heads->region->args[0]);
    one_row(&h, nest, rows->region->args[0], head);
    ir_yield(&h, NULL, 0);
}
