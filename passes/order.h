/* The order of a block's ops. */
#ifndef RATTAN_PASSES_ORDER_H
#define RATTAN_PASSES_ORDER_H

#include "ir/ir.h"

/* Each op where it is needed first. A load stays behind the stores to its parameter; no two ops write the same there, and
 * none writes what is loaded before it. */
void order_by_use(Ctx *ctx, Kernel *kernel, Block *block);
/* Products, and ops with some in their regions, keep their order; what is written of their results is written before the next. */
void order_by_products(Ctx *ctx, Kernel *kernel, Block *block);

/* What is stored is stored as soon as it is there. */
void store_where_made(Ctx *ctx, Kernel *kernel, Block *block);

#endif
