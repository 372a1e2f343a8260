/* Reverse-mode derivatives of straight-line loop IR, op by op: what pass differentiate is made of. dx is the gradient
 * of x: of the sum of all that a kernel stores, each times the gradient it is given. */
#ifndef RATTAN_PASSES_ADJOINT_H
#define RATTAN_PASSES_ADJOINT_H

#include "passes/rewrite.h"

/* Start with the context, the builder and the values; seed with adjoint_add; then adjoint_op in reverse order. */
typedef struct Adjoint {
    Ctx      *ctx;
    Builder  *b;         /* where gradients are computed */
    ValueMap *values;    /* values of the ops that are differentiated -> what stands for them at b */
    ValueMap  gradients; /* their gradients; one of one column stands for equal columns */
} Adjoint;

void   adjoint_add(Adjoint *a, Value *value, Value *gradient);
Value *adjoint_of(const Adjoint *a, Value *value);       /* NULL: it has none */
Value *adjoint_of_whole(const Adjoint *a, Value *value); /* with all its columns */
/* Hands the gradient of op's result on to its operands; nothing where there is none. ST_FAILED: no rule for the op. */
Status adjoint_op(Adjoint *a, const Op *op);

#endif
