/* What generated code says of itself in its first lines: how to make it again, and what a launch of it has to do. */
#ifndef RATTAN_DRIVER_CODE_HEAD_H
#define RATTAN_DRIVER_CODE_HEAD_H

#include "driver/compile.h"

/* Lines of comments, arena: a command and the spec that it takes, which give the same code on every machine, and by the definition
 * the flops and bytes of a launch of bench's default shape. `schedule`: the one that was taken. */
const char *code_head(Ctx *ctx, const CompileRequest *request, const Schedule *schedule);

#endif
