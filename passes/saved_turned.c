/* Pass saved for kind backward of narrow layers: scores of turned queries and keys in two parts of 16 bits each.
 * In: kernel main, whose score is a product of turned queries with keys that kernel `prepare` has turned and stored as `keys`. Out: to
 * it is added what 16 bits lose of the keys, which `prepare` stores as `keys_low`, and of the queries. What is lost of both is too
 * little to count. */
#include "passes/saved.h"

void saved_split_turned(const Saver *s, Op *score) {
    Op *const    loop = score->parent->owner;
    Builder      before = ir_before(s->ctx, s->main, loop), b = ir_after(s->ctx, s->main, score);
    ValueMap     same = {.ctx = s->ctx};
    Value *const queries = score->in[0], *const keys = score->in[1], *const high = score->out[0];
    Value *const queries_low = gradients_low(&before, queries, s->dtype);
    Op *const    keys_low = ir_clone(&b, keys->def, &same);
    op_set_text(s->ctx, keys_low, AT_PARAM, "keys_low");
    Value *const first = ir_dot(&b, queries, keys_low->out[0], high, false, true);
    Value *const both = ir_dot(&b, queries_low, keys, first, false, true);
    ir_replace_uses(s->main, high, both);
    first->def->in[2] = high;
}
