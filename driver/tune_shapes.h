/* What `rattan tune` is told in words: ranges of shapes, a budget of time, a share of the work. */
#ifndef RATTAN_DRIVER_TUNE_SHAPES_H
#define RATTAN_DRIVER_TUNE_SHAPES_H

#include "base/spec.h"
#include "driver/layer_case.h"
#include "driver/tuning_key.h"

enum { MOST_BUCKETS = 1024 };

typedef struct TuneBuckets {
    TuningBucket items[MOST_BUCKETS]; /* the least work first */
    int          count;
} TuneBuckets;

/* "B=1..16,T=1024..65536": every bucket that holds such a shape. NULL, or a letter left out: the kind's usual shape. */
Status tune_shapes_parse(Ctx *ctx, const char *text, KernelKind kind, TuneBuckets *out);
/* "120s", "10m", "2h", "90". */
Status tune_budget_parse(Ctx *ctx, const char *text, double *seconds);
/* "2/8": *shard is 1, *shards 8. */
Status tune_shard_parse(Ctx *ctx, const char *text, int *shard, int *shards);

/* A layer and a shape that the float64 reference has done with soon, to check candidates on: the layer itself with few keys
 * behind the window, which are enough for every part of the kernel to have something to do; of kind backward, whose
 * reference computes every row, with a narrower window where it would take too long. */
void tune_small_case(const Spec *spec, KernelKind kind, Spec *checked, Shape *shape);

#endif
