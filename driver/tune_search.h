/* The search for a schedule: which candidates to measure next, how often, and which of them leads.
 *
 * In:  a space of schedules, a workload, what is already known, and an objective that measures.
 * Out: trials with their samples, and the one that leads.
 *
 * Generations of a few candidates go through successive halving: each is timed a few times in turns with the default; the
 * best of them are timed more, together. The best one is then chosen: it leads if rounds of its own, beside the leader, bear it
 * out, as luck that won the first ones says nothing of these. So is a leader that an earlier run found. Candidates are
 * changes of one or two knobs of the leader that nobody has measured, in the order of what the cost model and the trials so far
 * say of their knobs' values.
 * Always: knows nothing of compilers, processes, clocks or databases: the objective does. */
#ifndef RATTAN_DRIVER_TUNE_SEARCH_H
#define RATTAN_DRIVER_TUNE_SEARCH_H

#include "driver/tuning_db.h"
#include "passes/search_space.h"

enum { TRIAL_SAMPLES = 256, TUNE_GENERATION = 8 };

typedef struct TuneTrial {
    SpacePoint    point;
    Schedule      schedule, effect; /* effect: see schedule_effect */
    TuningVerdict verdict;
    uint64_t      code[2]; /* what the objective makes of it: where that is the same, so are times; 0: not known */
    bool          ahead; /* announced for the next generation */
    bool          known; /* the summary is an earlier run's, until there are as many samples of this one, or they refute it */
    bool          chosen; /* the samples from here on are no longer those that it was chosen for */
    bool          killed; /* the verdict is of a process that somebody else ended: it holds for this search alone */
    bool          differs; /* its samples are not the default's own */
    int           count, chosen_for; /* of all samples; of those */
    int64_t       refuted; /* samples of an earlier run that said otherwise */
    double        seconds[TRIAL_SAMPLES]; /* of a launch; the last ones */
    double        base[TRIAL_SAMPLES];    /* of the default's beside it */
    TuningRecord  summary; /* samples, seconds, ratio, spread, note */
    void         *of_objective;
} TuneTrial;

/* The median of the least eighth of the values (at least one), and the median distance from it of the least quarter (at
 * least three; may be NULL). Sorts them. What disturbs a run only ever makes it longer, and on a machine that others share most
 * runs may be: twice as long where one of two cores was busy. */
double undisturbed_time(double *values, int64_t count, double *spread);

/* Adds one sample, with that of the default (its own, if it is the default) in the same round, and brings the summary up to
 * date. Undisturbed times of as many runs in the same rounds are compared, so that neither had better chances; and the two
 * of each round, as on a machine where a run takes its time or twice as long by chance it is luck whose few least ones are
 * the lesser. The ratio is the greater of the two, and the bound holds for both. Until the trial is chosen and has
 * TUNING_SAMPLES after that, the summary counts less than those. */
void trial_add(TuneTrial *trial, double seconds, double base);
/* It did best of several: what showed that counts no more once there are enough samples of later rounds. */
void trial_choose(TuneTrial *trial);
/* The same samples as `twin`, whose code is the same; its record says so. */
void trial_follow(TuneTrial *trial, const TuneTrial *twin);
/* Less is better; INFINITY unless it is right and was timed. */
double trial_bound(const TuneTrial *trial);

typedef struct TuneObjective {
    void *arg;
    /* The trial will be measured soon. */
    void (*announce)(void *arg, TuneTrial *trial);
    /* For each round, adds a sample to the default, the search's first trial, and to each of the trials that still are
     * VERDICT_RIGHT, in turns, or gives them another verdict. Returns early where `stop` would say so. */
    void (*measure)(void *arg, TuneTrial **trials, int count, int rounds);
    /* The trial has lost: what it holds may go. It can be measured again all the same. */
    void (*dismiss)(void *arg, TuneTrial *trial);
    bool (*stop)(void *arg);
    bool ahead; /* what is announced gets ready beside what is measured, without disturbing it */
} TuneObjective;

/* Candidates that are measured together. */
typedef struct TuneGeneration {
    TuneTrial *trials[TUNE_GENERATION + 1]; /* one more: the leader joins in */
    int        count;
} TuneGeneration;

typedef struct TuneSearch {
    const SearchSpace   *space;
    const Workload      *work;
    const TuneObjective *objective;
    uint64_t             seed;
    int                  shard, shards; /* this one's share of the candidates: shard of 0 .. shards - 1 */
    TuneTrial          **trials; /* all; the default is the first */
    int                  count, capacity;
    TuneTrial           *leader;
    int                  generations; /* done */
    TuneGeneration       next;
} TuneSearch;

/* Finds the default's trial and adds what is known of others: records of schedules that the space lacks are left out. */
void tune_search_open(Ctx *ctx, TuneSearch *search);
void tune_search_know(Ctx *ctx, TuneSearch *search, const TuningRecord *record);
/* Announces the default and the first candidates: they can be built before anything can be measured. `seeds`: schedules that
 * did well elsewhere, tried first. */
void tune_search_begin(Ctx *ctx, TuneSearch *search, const Schedule *seeds, int seed_count);
/* Runs, once begun, until the objective says stop, or there is nothing left to try, or many generations in a row found
 * nothing better. */
void tune_search_run(Ctx *ctx, TuneSearch *search);

#endif
