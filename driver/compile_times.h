/* How long it takes from a spec's text to a kernel that can be called. */
#ifndef RATTAN_DRIVER_COMPILE_TIMES_H
#define RATTAN_DRIVER_COMPILE_TIMES_H

#include "driver/session.h"

typedef struct CompileTimes {
    double cold;   /* seconds: file read, evaluated, compiled, stored, loaded; the least of a few */
    double disk;   /* the same with the entry in the disk cache and nothing in memory */
    double memory; /* an entry in memory, from the Spec: key, look-up, copy */
} CompileTimes;

/* Uses a cache folder of its own, which it removes. `path` and `item` say which spec. */
Status compile_times(Ctx *ctx, Session *session, const char *path, const SpecItem *item, KernelKind kind,
                     int64_t ring_rows, CompileTimes *out);

#endif
