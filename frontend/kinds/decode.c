/* Kind decode: one token, or a few speculative ones, a sequence. It means what extend means; its schedule differs (few
 * rows, keys read once), which is why it is a kind of its own. */
#include "frontend/kinds/kinds.h"

Status kind_decode(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module) {
    return kind_on_pools(ctx, spec, variant, ring_rows, false, module);
}
