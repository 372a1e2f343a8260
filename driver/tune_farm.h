/* The objective of a tuner: candidates compiled, checked and timed by child processes, which are killed when they hang.
 *
 * In:  a task and a database. Out: verdicts and samples in trials, and in the database as soon as they are known, so that a
 *      run that is killed loses at most one measurement.
 * Always: one candidate runs at a time; each round runs the default and every trial once, in an order that rotates, each
 *      with empty caches. Where compiling would take the cores that kernels run on it stands still meanwhile. */
#ifndef RATTAN_DRIVER_TUNE_FARM_H
#define RATTAN_DRIVER_TUNE_FARM_H

#include "driver/tune_builds.h"
#include "driver/tune_child.h"
#include "driver/tune_search.h"

#include <signal.h>

typedef struct TuneFarm TuneFarm;

typedef struct TuneFarmOptions {
    const TuneTask *task;
    TuningDb       *db;
    const TuningKey *key; /* the task's */
    const TuningSpec *layer; /* goes with every record, should another process prune it meanwhile; NULL: does not */
    int             jobs; /* compilers at a time */
    double          deadline; /* of seconds_now(): nothing is begun behind it */
    double          end; /* of the whole run: what the progress line counts down to */
    TuneBuilds     *builds; /* of the layer; NULL: none are kept */
    double          hang_seconds; /* at least so long is waited for a candidate; 0: the default */
    double          late_seconds; /* so long for what still runs at the end of the search, or twice what the default takes; 0: the
                                   * default */
    const volatile sig_atomic_t *interrupted;
    const char     *label; /* of the progress line */
    /* What the children do; NULL: tune_build and tune_serve. */
    void (*build)(const TuneTask *task, const char *schedule, bool is_default, int file);
    void (*serve)(const TuneTask *task, const char *schedule, bool is_default, int file, int commands, int replies);
} TuneFarmOptions;

typedef struct TuneFarmCounts {
    int measured, failed; /* trials */
} TuneFarmCounts;

void tune_farm_open(Ctx *ctx, const TuneFarmOptions *options, TuneFarm **farm);
/* Of that farm; `search` tells the progress line who leads. */
TuneObjective tune_farm_objective(TuneFarm *farm, const TuneSearch *search);
/* Builds the default's kernel without running it: its parameters say what tensors a task needs. *object is NULL where there
 * was no time for it, or Ctrl-C. */
Status tune_farm_default(Ctx *ctx, TuneFarm *farm, TuneTrial *trial, CodeObject **object);
/* Ends the search sooner than that. */
void tune_farm_until(TuneFarm *farm, double deadline);
/* What went wrong with the farm itself, such as a database that cannot be written; ST_OK where nothing did. */
Status tune_farm_close(Ctx *ctx, TuneFarm *farm, TuneFarmCounts *counts);

#endif
