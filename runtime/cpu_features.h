/* Whether this machine can run code that was made for a list of CPU features. */
#ifndef RATTAN_RUNTIME_CPU_FEATURES_H
#define RATTAN_RUNTIME_CPU_FEATURES_H

#include "base/ctx.h"

/* `features` in LLVM's names, "+avx2,+fma,-sse4a" (the plus may be left out; what has a minus is not needed).
 * ST_NO_DEVICE names the first one that is missing, or that this version does not know how to look for. */
Status cpu_check_features(Ctx *ctx, const char *features);

#endif
