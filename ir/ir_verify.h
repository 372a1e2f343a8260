/* Shared by the files of the verifier. */
#ifndef RATTAN_IR_IR_VERIFY_H
#define RATTAN_IR_IR_VERIFY_H

#include "ir/ir.h"

typedef struct Verifier {
    Ctx          *ctx;
    const Kernel *kernel;
    bool         *seen;    /* by value id: defined somewhere already */
    const Value **visible; /* by value id: in scope here */
    int           depth;
} Verifier;

Status verify_fail(const Verifier *v, const Op *op, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
Status      verify_params(const Verifier *v);
Status      verify_op_rules(const Verifier *v, const Op *op);
Status      verify_places(const Verifier *v, const Op *op); /* sizes and places of results and region arguments */
const char *verify_type_text(const Verifier *v, Type type);

#endif
