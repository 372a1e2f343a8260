/* Which buckets of shapes `rattan tune` searches, in which order and for how long: there may be more than there is time
 * for.
 *
 * In:  buckets with the work of a launch, what is known already, the time that is left and how long runs took.
 * Out: the next bucket, and its share of the time.
 * Kernels take the schedule of the nearest bucket within TUNING_FARTHEST steps that serves them (tuning_near.h), so that one
 * stands for those around it. The next one stands for most that no other does yet, for the time that it needs; once all have
 * one within so many steps, within fewer. */
#ifndef RATTAN_DRIVER_TUNE_PLAN_H
#define RATTAN_DRIVER_TUNE_PLAN_H

#include "driver/tune_shapes.h"

typedef struct TunePlanned {
    TuningBucket bucket;
    double       work; /* of a launch, in any unit */
    bool         searched; /* or begun */
    bool         in_vain;  /* nothing was measured: it stands for none */
    bool         known;    /* an earlier run has searched it: it comes behind the others */
} TunePlanned;

typedef struct TunePlan {
    TunePlanned items[MOST_BUCKETS];
    int         count;
    double      least; /* seconds of a search whose runs take no time: what compiles and checks */
    double      rate;  /* seconds of a run, of its work */
    bool        apart; /* buckets of as many sequences alone stand for each other: on GPUs */
} TunePlan;

/* Seconds that a search needs to find something. */
double tune_plan_need(const TunePlan *plan, const TunePlanned *item);
/* The one to search next in so many seconds, whatever it needs where none was searched so far; NULL: none, or none that
 * they are enough for. */
TunePlanned *tune_plan_next(TunePlan *plan, double seconds);
/* The part of the seconds for `item`, which is searched next: what others will need that they are enough for is theirs. */
double tune_plan_share(const TunePlan *plan, const TunePlanned *item, double seconds);
/* Beforehand, where the seconds are not enough for all: how many and which they are enough for. NULL: they are, or there is
 * but one. */
const char *tune_plan_lacks(Ctx *ctx, const TunePlan *plan, double seconds);
/* Afterwards: how many were not searched, and what their kernels take. NULL: none. */
const char *tune_plan_leaves(Ctx *ctx, const TunePlan *plan);

#endif
