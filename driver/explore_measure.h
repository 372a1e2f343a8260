/* Timing many kernels fairly on a machine that others use too: a batch of them is loaded, and then all run in turns, so
 * that what disturbs one disturbs all. */
#ifndef RATTAN_DRIVER_EXPLORE_MEASURE_H
#define RATTAN_DRIVER_EXPLORE_MEASURE_H

#include "driver/bench_case.h"
#include "driver/ceilings.h"

enum { MEASURE_POINTS = 16 /* of a batch at most: all have their tensors at once */ };

typedef struct MeasurePoint {
    const Spec *spec;
    KernelKind  kind;
    int64_t     sequences, tokens; /* tokens of each; of decode the context behind which one token is made */
    const char *schedule;          /* NULL: the session's */
    /* out */
    double seconds, spread;     /* of the least disturbed runs; from the least of all to their median, relative to it */
    double useful_flops, bytes; /* as `rattan bench` counts them */
    int    runs;
    const char *used; /* the schedule; arena */
} MeasurePoint;

typedef struct MeasureTools {
    Session   *session;
    ReadBuffer flush;     /* CPUs */
    double     fma, read; /* ceilings: flops and bytes a second, of CPUs the best seen so far; 0: not known */
} MeasureTools;

/* One launch of `kind` on sequences of `tokens`; of decode the step behind so many. */
Shape measure_shape(KernelKind kind, int64_t sequences, int64_t tokens);
/* The pool or the device, and the ceilings: see ceilings.h and cuda_ceilings.h. */
Status measure_open(Ctx *ctx, Session *session, MeasureTools *out);
/* Turns that a batch of `seconds` has at least: four, whose least disturbed third is two runs, or as many of so long ones as fit
 * twice that time, but two. */
int measure_least_turns(double seconds, double turn);
/* Runs all points in turns for about `seconds`, no fewer than measure_least_turns. Where the
 * batch before had point 0 as well, `anchor` holds its time then (else 0): all times are divided by how much it has
 * changed since. */
Status measure_batch(Ctx *ctx, MeasureTools *tools, MeasurePoint *points, int count, double seconds, double anchor);

#endif
