/* What the machine calls itself. */
#ifndef RATTAN_DRIVER_MACHINE_H
#define RATTAN_DRIVER_MACHINE_H

#include "base/ctx.h"

/* The processor's name, "AMD EPYC 9654 96-Core Processor"; NULL where the system does not say. */
const char *machine_processor(Ctx *ctx);

#endif
