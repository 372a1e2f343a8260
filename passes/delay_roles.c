/* The form that pass delay has for kernels with roles: the values of a turn are multiplied in the next one.
 * In: the parts of a key loop, youngest keys first, each turn: scores of the keys, online softmax, product with the
 * values. Out: the first part, which always has one turn, without its product; in every later turn the product with the
 * values of the turn before stands right behind the scores, and does not wait for this turn's softmax; the last product
 * follows the parts. So the two products of a turn run while the exponentials of another are made. Loops of any other
 * form stay as they are. */
#include "passes/loops.h"

enum { MAX_PARTS = 3, CARRIED = 3 }; /* carried: the running maximum, the sum, the output */

typedef struct Delay {
    Ctx    *ctx;
    Kernel *kernel;
    DType   dtype; /* of the products */
    Op     *parts[MAX_PARTS];
    int     count;
    Value  *lo, *hi; /* bounds of the values' rows */
} Delay;

/* A turn's ops by what they are for. */
typedef struct Turn {
    Op    *score, *product, *shrunk; /* scores; p v + shrunk; the carried output times a column */
    Value *number;                   /* of the key tile */
} Turn;

static bool read_turn(const Op *loop, Turn *turn) {
    const Block *region = loop->region;
    const Op    *yield = ir_terminator(region);
    Op *const    product = loop->out_count == CARRIED ? yield->in[2]->def : NULL;
    *turn = (Turn){.product = product, .number = region->first->code == OP_ISUB ? region->first->out[0] : NULL};
    if (!turn->number || !product || product->code != OP_DOT || product->parent != region || product->in_count != 3)
        return false;
    turn->shrunk = product->in[2]->def;
    for (Op *op = region->first; op && !turn->score; op = op->next)
        turn->score = op->code == OP_DOT && op != product ? op : NULL;
    return turn->score && turn->shrunk && turn->shrunk->code == OP_MUL && turn->shrunk->in[0] == region->args[3] &&
           product->in[1]->def && product->in[1]->def->code == OP_LOAD && product->in[1]->def->parent == region;
}

/* A bound that is the same in every turn, as seen before the loop. */
static Value *bound_before(Delay *d, Op *loop, Value *bound) {
    Builder  b = ir_before(d->ctx, d->kernel, loop);
    ValueMap map = {.ctx = d->ctx};
    for (int a = 0; a < loop->region->arg_count; a++)
        if (depends_on(bound, loop->region->args[a]))
            return NULL;
    return clone_slice(&b, bound, loop->region, &map);
}

static bool find_parts(Delay *d) {
    Op *const first = loop_find(d->kernel->body, "key");
    Turn      turn;
    int64_t   lo, hi;
    if (!first || !ir_const_value(first->in[0], &lo) || !ir_const_value(first->in[1], &hi) || hi - lo != 1 ||
        !ir_is_const(first->in[2], 1))
        return false;
    for (Op *op = first; op; op = op->next) {
        if (!loop_is(op, "key"))
            continue;
        if (d->count == MAX_PARTS || !read_turn(op, &turn) || !ir_is_const(op->in[2], 1))
            return false;
        d->parts[d->count++] = op;
    }
    double zero;
    read_turn(first, &turn);
    d->lo = bound_before(d, first, turn.product->in[1]->def->in[3]);
    d->hi = bound_before(d, first, turn.product->in[1]->def->in[4]);
    return d->lo && d->hi && is_constant_tile(first->in[5], &zero) && zero == 0;
}

/* The values of key tile `number`, loaded at b: perhaps one of the part before, where not every row is there. */
static Value *values_of(const Delay *d, Builder *b, const Op *loop, const Turn *turn, Value *number) {
    ValueMap map = {.ctx = b->ctx};
    map_set(&map, turn->number, number);
    Value *const values = clone_slice(b, turn->product->in[1], loop->region, &map);
    values->def->in[3] = d->lo;
    values->def->in[4] = d->hi;
    return values;
}

/* The one turn of the first part, in place of the loop. -> what is carried on: maximum, sum, output, p. */
static void open_first(Delay *d, Value **carried) {
    Op *const loop = d->parts[0];
    Turn      turn;
    read_turn(loop, &turn);
    Op *const yield = ir_terminator(loop->region);
    Builder   b = ir_before(d->ctx, d->kernel, loop);
    ir_replace_uses(d->kernel, loop->region->args[0], loop->in[0]);
    for (int c = 0; c < CARRIED; c++)
        ir_replace_uses(d->kernel, loop->region->args[1 + c], loop->in[3 + c]);
    Value *const kept[] = {yield->in[0], yield->in[1], loop->in[5]};
    Value *const p = turn.product->in[0];
    ir_move_ops(&b, loop->region);
    for (int c = 0; c < CARRIED; c++)
        carried[c] = kept[c];
    carried[CARRIED] = ir_as(&b, p, d->dtype);
    ir_replace_uses(d->kernel, loop->out[0], carried[0]);
    ir_replace_uses(d->kernel, loop->out[1], carried[1]);
    op_erase(turn.product);
}

static void delay_part(Delay *d, Op *loop, Value **carried) {
    Turn turn;
    read_turn(loop, &turn);
    Op *const yield = ir_terminator(loop->region);
    for (int c = 0; c < CARRIED; c++)
        loop->in[3 + c] = carried[c];
    op_add_in(d->ctx, loop, loop->in_count, carried[CARRIED]);
    Value *const before = block_arg(d->ctx, d->kernel, loop->region, carried[CARRIED]->type, "p");
    Builder      b = ir_after(d->ctx, d->kernel, turn.score);
    Value *const values = values_of(d, &b, loop, &turn, index_offset(&b, turn.number, 1));
    Value *const sum = ir_dot(&b, before, values, loop->region->args[3], false, false);
    Builder      end = ir_before(d->ctx, d->kernel, yield);
    Value *const p = ir_as(&end, turn.product->in[0], d->dtype);
    turn.shrunk->in[0] = sum;
    yield->in[2] = turn.shrunk->out[0];
    op_add_in(d->ctx, yield, yield->in_count, p);
    op_erase(turn.product);
    op_add_out(d->ctx, d->kernel, loop, p->type);
    for (int c = 0; c <= CARRIED; c++)
        carried[c] = loop->out[c];
}

static void delay(Delay *d) {
    Op *const    last = d->parts[d->count - 1];
    Value *const old = last->out[2];
    Value       *carried[CARRIED + 1];
    Turn         turn;
    Builder      b = ir_after(d->ctx, d->kernel, last);
    read_turn(last, &turn);
    Value *const values = values_of(d, &b, last, &turn, last->in[0]);
    open_first(d, carried);
    for (int p = 1; p < d->count; p++)
        delay_part(d, d->parts[p], carried);
    Value *const sum = ir_dot(&b, carried[CARRIED], values, d->count > 1 ? carried[2] : NULL, false, false);
    ir_replace_uses(d->kernel, old, sum);
    if (d->count > 1)
        sum->def->in[2] = carried[2];
    op_erase(d->parts[0]);
}

void delay_youngest_first(Ctx *ctx, Kernel *kernel) {
    Delay d = {.ctx = ctx, .kernel = kernel, .dtype = ir_find_param(kernel, "k")->dtype};
    if (find_parts(&d))
        delay(&d);
}
