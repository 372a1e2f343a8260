/* What kernels do in a launch, counted on the tile IR: loops turn and branches are taken as they would, tiles are not
 * computed.
 *
 * In:  a module of tile kernels, the sizes of a launch, and what its index parameters hold.
 * Out: for each kernel the work of all its items together. A tile counts as a whole, also where some of its rows are
 * not there. */
#ifndef RATTAN_IR_IR_WORK_H
#define RATTAN_IR_IR_WORK_H

#include "ir/ir.h"

typedef struct IrWork {
    double products;       /* flops of products, without what their trims leave out */
    double specials;       /* results of exponentials, logarithms, tanh, sigmoid, roots and divisions */
    double others;         /* results of other arithmetic on tiles */
    double panels;         /* bytes of the products' right sides, as float32 */
    double loaded, stored; /* bytes of parameters */
} IrWork;

typedef struct IrLaunch {
    int64_t syms[SYM_COUNT];
    int64_t (*element)(const void *arg, const char *param, int64_t index); /* of a parameter of i32 */
    const void *arg;
} IrLaunch;

/* `work`: one a kernel. ST_FAILED where a kernel is at loop level. */
Status ir_work(Ctx *ctx, const Module *module, const IrLaunch *launch, IrWork *work);

#endif
