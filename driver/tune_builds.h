/* What builders of a layer made, for all of its buckets: a kernel's code does not depend on the batch and its length, so
 * that a schedule is built, and checked on the small inputs, once.
 *
 * In:  a schedule, the rows of the ring that its kernels are for, and the file that a builder wrote (see tune_child.c).
 * Out: that file, again.
 * Always: a bounded number of open files; what does not fit is built again. */
#ifndef RATTAN_DRIVER_TUNE_BUILDS_H
#define RATTAN_DRIVER_TUNE_BUILDS_H

#include "base/ctx.h"

typedef struct TuneBuilt {
    const char *schedule;
    int64_t     ring;
    int         file;
    bool        checked; /* a runner found it right on the small inputs */
} TuneBuilt;

enum { MOST_BUILDS = 256 };

typedef struct TuneBuilds {
    Ctx      *ctx; /* of the names */
    TuneBuilt items[MOST_BUILDS];
    int       count;
} TuneBuilds;

/* NULL: not there. */
TuneBuilt *tune_builds_find(TuneBuilds *builds, const char *schedule, int64_t ring);
/* Keeps a duplicate of the file. NULL: there is no place. */
TuneBuilt *tune_builds_keep(TuneBuilds *builds, const char *schedule, int64_t ring, int file);
void       tune_builds_close(TuneBuilds *builds);

#endif
