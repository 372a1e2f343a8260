/* The tuning database that comes with rattan, beside the program or library that this code is part of. */
#ifndef RATTAN_DRIVER_TUNING_SHIPPED_H
#define RATTAN_DRIVER_TUNING_SHIPPED_H

#include "base/ctx.h"

/* share/rattan/tuning.db in the folder of the program or library (as in a build tree) or in one of the two above it (as in a
 * prefix: bin, lib, lib/<triplet>); NULL where there is none. Wherever the tree was moved to. */
const char *tuning_shipped_path(Ctx *ctx);

#endif
