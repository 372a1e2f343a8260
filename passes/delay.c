/* delay: the product of probabilities and values runs a turn behind the scores, so that it does not wait for their
 * softmax. In: the parts of a key loop as pass window leaves them, carrying the largest score m, the sum l and the
 * output o; a turn ends with o' = (o shrink) + p v. Out, where the schedule asks for it: the first turn is peeled, with
 * the masks of both edges; a turn adds the last turn's p v, which it carries the p for, beside its own scores, and
 * shrinks afterwards: o' = (o + p_last v_last) shrink; the last product follows behind the loops. p is carried in the
 * dtype of the values. A first part that has no other turn than the peeled one is gone. Kernels with roles, whose loops
 * run from the youngest key back, get the same in delay_roles.c. */
#include "passes/loops.h"

enum { MAX_LOOP_PARTS = 3 };

typedef struct Delay {
    Ctx    *ctx;
    Kernel *kernel;
    DType   dtype;
    Op     *loops[MAX_LOOP_PARTS];
    int     count;
    Value  *first; /* number of the first turn */
} Delay;

/* What a turn of a key loop computes. */
typedef struct Turn {
    Op    *product; /* p v + o shrink */
    Op    *scaled;  /* o shrink */
    Value *p, *shrink;
    Op    *v_load, *k_load;
} Turn;

static Op *load_of(Value *value) { return value->def && value->def->code == OP_LOAD ? value->def : NULL; }

static bool match_turn(const Op *loop, Turn *turn) {
    const Op *yield = ir_terminator(loop->region);
    if (loop->out_count != 3 || !yield->in[2]->def || yield->in[2]->def->code != OP_DOT)
        return false;
    turn->product = yield->in[2]->def;
    const DotParts parts = ir_dot_parts(turn->product);
    turn->scaled = parts.acc ? parts.acc->def : NULL;
    if (!turn->scaled || turn->scaled->code != OP_MUL || turn->scaled->in[0] != loop->region->args[3])
        return false;
    turn->p = parts.x;
    turn->shrink = turn->scaled->in[1];
    turn->v_load = load_of(parts.y);
    turn->k_load = NULL;
    for (Op *op = loop->region->first; op && !turn->k_load; op = op->next)
        if (op->code == OP_DOT && op_int(op, AT_TB, 0))
            turn->k_load = load_of(op->in[1]);
    return turn->v_load && turn->k_load;
}

/* Whether the bounds of a part's keys can serve the other parts too. */
static bool has_common_bounds(const Op *loop, const Turn *turn) {
    return defined_outside(turn->k_load->in[3], loop->region) && defined_outside(turn->k_load->in[4], loop->region);
}

/* The parts of the loop, if each goes on with what the one before it carries. */
static bool find_parts(Delay *d) {
    Turn turn;
    for (Op *op = loop_find(d->kernel->body, "key"); op; op = op->next) {
        if (!loop_is(op, "key"))
            continue;
        if (d->count == MAX_LOOP_PARTS || !match_turn(op, &turn) || (!d->count && !has_common_bounds(op, &turn)) ||
            (d->count && op->in[3] != d->loops[d->count - 1]->out[0]))
            return false;
        d->loops[d->count++] = op;
    }
    return d->count > 0;
}

/* Whether value <= d->first + 1, for which d->first >= 0. */
static bool at_most_second(const Delay *d, const Value *value) {
    int64_t   constant;
    const Op *op = value->def;
    if (value == d->first || (ir_const_value(value, &constant) && constant <= 1))
        return true;
    if (!op || op->in_count != 2)
        return false;
    if (op->code == OP_IADD)
        return op->in[0] == d->first && ir_const_value(op->in[1], &constant) && constant <= 1;
    const bool x = at_most_second(d, op->in[0]), y = at_most_second(d, op->in[1]);
    return (op->code == OP_IMAX && x && y) || (op->code == OP_IMIN && (x || y));
}

static bool is_not_negative(const Value *value) {
    int64_t   constant;
    const Op *op = value->def;
    if (ir_const_value(value, &constant))
        return constant >= 0;
    return op && op->code == OP_IMAX && (is_not_negative(op->in[0]) || is_not_negative(op->in[1]));
}

/* The values of turn `number`, as the first part loads them: with bounds. */
static Value *load_values(Delay *d, Builder *b, const Op *v_load, Value *number) {
    ValueMap map = {.ctx = d->ctx};
    map_set(&map, d->loops[0]->region->args[0], number);
    return clone_slice(b, v_load->out[0], d->loops[0]->region, &map);
}

/* The first turn, in front of the loops: m, l and p; there is no output yet. */
static void peel(Delay *d, Value *carried[4]) {
    const Op *source = loop_mask(d->loops[0]) ? d->loops[0] : d->loops[d->count - 1], *const last =
                                                                                          d->loops[d->count - 1];
    const Op *yield = ir_terminator(source->region);
    Turn      turn;
    Builder   b = ir_before(d->ctx, d->kernel, d->loops[0]);
    ValueMap  map = {.ctx = d->ctx};
    match_turn(source, &turn);
    map_set(&map, source->region->args[0], d->first);
    for (int c = 0; c < 3; c++)
        map_set(&map, source->region->args[c + 1], d->loops[0]->in[c + 3]);
    for (int c = 0; c < 2; c++)
        carried[c] = clone_slice(&b, yield->in[c], source->region, &map);
    carried[2] = d->loops[0]->in[5];
    carried[3] = ir_as(&b, clone_slice(&b, turn.p, source->region, &map), d->dtype);
    const Op *mask = loop_mask(source);
    Op *const copy = mask ? map_get(&map, mask->out[0])->def : NULL;
    if (copy && loop_mask(last))
        op_set_int(d->ctx, copy, AT_HI, op_int(loop_mask(last), AT_HI, 0));
}

/* Makes `loop` anew, with p carried as well. */
static Op *delay_part(Delay *d, Op *loop, const Turn *first, Value *const carried[4]) {
    Builder      b = ir_before(d->ctx, d->kernel, loop);
    Value *const from = ir_ibin(&b, OP_IMAX, loop->in[0], index_offset(&b, d->first, 1));
    Op *const    made = ir_for(&b, "key", false, from, loop->in[1], loop->in[2], carried, 4);
    Builder      in = ir_at_end(d->ctx, d->kernel, made->region);
    const Op    *yield = ir_terminator(loop->region);
    Turn         turn;
    ValueMap     map = {.ctx = d->ctx};
    match_turn(loop, &turn);
    for (int a = 0; a < 4; a++)
        map_set(&map, loop->region->args[a], made->region->args[a]);
    Value *const keys = clone_slice(&in, turn.k_load->out[0], loop->region, &map);
    keys->def->in[3] = first->k_load->in[3];
    keys->def->in[4] = first->k_load->in[4];
    for (const Op *op = loop->region->first; op; op = op->next)
        if (op->code == OP_DOT && op != turn.product)
            clone_slice(&in, op->out[0], loop->region, &map);
    Value *const before = index_offset(&in, made->region->args[0], -1);
    Value *const values = load_values(d, &in, first->v_load, before);
    Value *const sum = ir_dot(&in, made->region->args[4], values, made->region->args[3], false, false);
    Value       *next[4];
    for (int c = 0; c < 2; c++)
        next[c] = clone_slice(&in, yield->in[c], loop->region, &map);
    next[3] = ir_as(&in, clone_slice(&in, turn.p, loop->region, &map), d->dtype);
    next[2] = ir_binary(&in, OP_MUL, sum, clone_slice(&in, turn.shrink, loop->region, &map));
    ir_yield(&in, next, 4);
    return made;
}

static void delay(Delay *d) {
    Op *const last = d->loops[d->count - 1];
    Turn      first;
    Value    *carried[4];
    match_turn(d->loops[0], &first);
    d->first = d->loops[0]->in[0];
    const bool gone = d->count > 1 && is_not_negative(d->first) && at_most_second(d, d->loops[0]->in[1]);
    peel(d, carried);
    for (int l = gone; l < d->count; l++) {
        const Op *made = delay_part(d, d->loops[l], &first, carried);
        for (int c = 0; c < 4; c++)
            carried[c] = made->out[c];
    }
    Builder      b = ir_before(d->ctx, d->kernel, last);
    Value *const values = load_values(d, &b, first.v_load, index_offset(&b, last->in[1], -1));
    carried[2] = ir_dot(&b, carried[3], values, carried[2], false, false);
    for (int c = 0; c < 3; c++)
        ir_replace_uses(d->kernel, last->out[c], carried[c]);
    for (int l = d->count - 1; l >= 0; l--)
        op_erase(d->loops[l]);
}

Status pass_delay(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count && args->schedule->roles; k++) {
        Schedule gradients;
        if (args_of_kernel(args, module, k, &gradients).schedule->roles)
            delay_youngest_first(ctx, module->kernels[k]);
    }
    for (int k = 0; k < module->kernel_count && args->schedule->delay && !args->schedule->roles; k++) {
        Delay d = {.ctx = ctx, .kernel = module->kernels[k]};
        d.dtype = ir_find_param(d.kernel, "k")->dtype;
        const bool found = find_parts(&d);
        if (found)
            delay(&d);
        pass_note(ctx, args, d.kernel,
                  found ? "probabilities times values run a turn behind the scores" : "no key loop of the form that can be delayed");
    }
    if (args->schedule->roles || !args->schedule->delay)
        pass_note(ctx, args, NULL, "%s", args->schedule->roles ? "always a turn behind, with roles" : "not asked for");
    return ST_OK;
}
