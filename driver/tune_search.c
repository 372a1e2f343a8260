/* The search for a schedule: see tune_search.h. */
#include "driver/tune_search.h"

#include "driver/bench_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Candidates of a generation that go on from the first rounds; rounds of the three stages; generations without
 * a new leader that end a search; candidates of a generation that are drawn at random. */
enum { KEPT = 3, FIRST_ROUNDS = 3, MORE_ROUNDS = 6, LAST_ROUNDS = 20, PATIENCE = 12, AT_RANDOM = 2 };
/* A trial whose own rounds did not decide is timed again until there are so many. */
enum { ENOUGH = 100 };

/* A trial of few samples is timed again where it is so much ahead of the leader: plateaus would fill generations. */
static const double AGAIN = 0.995;

/* The model counts for that much of the logarithm of what it says: measured, it orders coarsely,
 * and GPUs hardly at all. */
static const double MODEL_WEIGHT = 0.5, GPU_MODEL_WEIGHT = 0.25;
/* Of two that promise the same the one that is nearer to the default. */
static const double CHANGE = 0.002;
/* The same where the model says little, as of GPUs: values that nobody tried are tried one at a time. */
static const double UNKNOWN = 0.03;
/* What a candidate that failed says of its values. */
static const double FAILURE = 1.5;

/* ---- Trials ---------------------------------------------------------------------------------------------------------- */
double undisturbed_time(double *values, int64_t count, double *spread) {
    double        distances[TRIAL_SAMPLES];
    const int64_t eighth = count >= 16 ? count / 8 : 1, quarter = count >= 12 ? count / 4 : count < 3 ? count : 3;
    bench_median(values, count); /* sorts */
    const double time = bench_median(values, eighth);
    for (int64_t i = 0; spread && i < quarter; i++)
        distances[i] = fabs(values[i] - time);
    if (spread)
        *spread = bench_median(distances, quarter);
    return time;
}

/* What runs say of a schedule beside the default's in the same rounds. */
typedef struct Comparison {
    double seconds, ratio, spread; /* as in a record */
    double least, most;            /* where the median of rounds may lie */
} Comparison;

/* Of n values one in forty medians lies above the one that is sqrt(n) places behind the middle, whatever their
 * distribution, and one below its counterpart. */
static double median_of_rounds(const double *seconds, const double *base, int count, double *least, double *most) {
    double    ratios[TRIAL_SAMPLES];
    const int off = (int)(0.5 * count + sqrt(count)), last = off < count ? off : count - 1;
    for (int i = 0; i < count; i++)
        ratios[i] = seconds[i] / base[i];
    const double median = bench_median(ratios, count); /* sorts */
    *least = ratios[count - 1 - last];
    *most = ratios[last];
    return median;
}

/* Of the last `count` samples. */
static Comparison compare_last(const TuneTrial *trial, int count) {
    double     seconds[TRIAL_SAMPLES], base[TRIAL_SAMPLES], spread, base_spread;
    Comparison c;
    for (int i = 0; i < count; i++) {
        const int at = (trial->count - count + i) % TRIAL_SAMPLES;
        seconds[i] = trial->seconds[at];
        base[i] = trial->base[at];
    }
    c.ratio = median_of_rounds(seconds, base, count, &c.least, &c.most);
    const double time = undisturbed_time(seconds, count, &spread), usual = undisturbed_time(base, count, &base_spread);
    c.ratio = fmax(c.ratio, time / usual);
    c.spread = (spread + base_spread) / usual;
    c.seconds = c.ratio * usual;
    return c;
}

/* Samples behind the choice are no more than hints. */
static void summarize(TuneTrial *trial, const Comparison *now, int count, bool proven) {
    TuningRecord *summary = &trial->summary;
    summary->seconds = now->seconds;
    summary->ratio = now->ratio;
    summary->spread = trial->differs ? now->spread : 0;
    summary->samples = count;
    summary->note = NULL;
    if (trial->differs && proven) {
        const double worst = fmax(now->most, tuning_bound(summary));
        summary->samples += trial->refuted;
        summary->spread = tuning_spread(summary->samples, summary->ratio, worst);
    } else if (trial->differs && count >= TUNING_SAMPLES) {
        summary->samples = TUNING_SAMPLES - 1;
    }
}

void trial_add(TuneTrial *trial, double seconds, double base) {
    trial->seconds[trial->count % TRIAL_SAMPLES] = seconds;
    trial->base[trial->count++ % TRIAL_SAMPLES] = base;
    trial->differs |= seconds != base;
    const bool       proven = trial->chosen && trial->count - trial->chosen_for >= TUNING_SAMPLES;
    const int        counted = proven ? trial->count - trial->chosen_for : trial->count;
    const Comparison now = compare_last(trial, counted < TRIAL_SAMPLES ? counted : TRIAL_SAMPLES);
    const int64_t    before = trial->known ? trial->summary.samples : 0;
    if (before && proven && now.least > tuning_bound(&trial->summary))
        trial->refuted = before;
    else if (trial->count < before)
        return;
    trial->known = false;
    summarize(trial, &now, counted, proven);
}

void trial_choose(TuneTrial *trial) {
    if (trial->chosen)
        return;
    trial->chosen = true;
    trial->chosen_for = trial->count;
}

void trial_follow(TuneTrial *trial, const TuneTrial *twin) {
    const TuneTrial own = *trial;
    *trial = *twin;
    trial->point = own.point;
    trial->schedule = own.schedule;
    trial->effect = own.effect;
    trial->ahead = own.ahead;
    trial->of_objective = own.of_objective;
    trial->summary.note = TUNING_TWIN;
}

double trial_bound(const TuneTrial *trial) {
    return trial->verdict == VERDICT_RIGHT && trial->summary.samples ? tuning_bound(&trial->summary) : INFINITY;
}

static TuneTrial *find_trial(const TuneSearch *search, const SpacePoint *point) {
    for (int t = 0; t < search->count; t++)
        if (memcmp(&search->trials[t]->point, point, sizeof *point) == 0)
            return search->trials[t];
    return NULL;
}

static TuneTrial *add_trial(Ctx *ctx, TuneSearch *search, const SpacePoint *point, const Schedule *schedule) {
    TuneTrial *trial = NEW(ctx, TuneTrial);
    trial->point = *point;
    trial->schedule = trial->effect = *schedule;
    schedule_effect(search->space->spec, search->space->kind, search->space->target, search->work, &trial->effect);
    PUSH(ctx, search->trials, search->count, search->capacity, trial);
    return trial;
}

void tune_search_open(Ctx *ctx, TuneSearch *search) {
    const SpacePoint origin = {{0}};
    search->leader = add_trial(ctx, search, &origin, &search->space->base);
}

static void find_leader(TuneSearch *search) {
    for (int t = 0; t < search->count; t++)
        if (trial_bound(search->trials[t]) < trial_bound(search->leader))
            search->leader = search->trials[t];
}

void tune_search_know(Ctx *ctx, TuneSearch *search, const TuningRecord *record) {
    Schedule   schedule = search->space->base;
    SpacePoint point;
    if (schedule_parse(ctx, record->schedule, &schedule) != ST_OK || !space_find(search->space, &schedule, &point)) {
        ctx_clear(ctx);
        return;
    }
    TuneTrial *trial = find_trial(search, &point);
    if (!trial)
        trial = add_trial(ctx, search, &point, &schedule);
    if (trial == search->trials[0] && record->verdict != VERDICT_RIGHT)
        return; /* a bad moment of the machine must not end every later search: the default is tried anew */
    trial->known = true;
    trial->verdict = record->verdict;
    trial->summary = *record;
    find_leader(search);
}

/* ---- What the trials say of the knobs' values ------------------------------------------------------------------------ */
/* The mean logarithm of the ratios of the trials that have the value, as if one more had been like the default: an additive
 * model, which is wrong in detail and brings together what did well apart, and no more of what was refused or failed. */
typedef struct Effects {
    double sum[MAX_KNOBS][MAX_KNOB_VALUES];
    int    count[MAX_KNOBS][MAX_KNOB_VALUES];
} Effects;

static void learn(const TuneSearch *search, Effects *effects) {
    memset(effects, 0, sizeof *effects);
    for (int t = 0; t < search->count; t++) {
        const TuneTrial *trial = search->trials[t];
        const bool       failed = trial->verdict != VERDICT_RIGHT;
        int              changed = 0;
        for (int k = 0; k < search->space->knob_count; k++)
            changed += trial->point.at[k] != 0;
        if (trial->killed || (!failed && !trial->summary.samples) || !changed)
            continue;
        for (int k = 0; k < search->space->knob_count; k++)
            if (trial->point.at[k]) { /* a change is to blame for its share */
                effects->sum[k][trial->point.at[k]] += log(failed ? FAILURE : trial->summary.ratio) / changed;
                effects->count[k][trial->point.at[k]]++;
            }
    }
}

static double doubt(const TuneSearch *search, const Effects *effects, int knob, int value) {
    return !value ? 0 : effects->count[knob][value] || !search->space->target->warp_size ? CHANGE : UNKNOWN;
}

static double predicted(const TuneSearch *search, const Effects *effects, const SpacePoint *point,
                        const Schedule *schedule) {
    const SearchSpace *space = search->space;
    double score = (space->target->warp_size ? GPU_MODEL_WEIGHT : MODEL_WEIGHT) *
                   log(schedule_cost(space->spec, space->kind, space->target, search->work, schedule) /
                                      schedule_cost(space->spec, space->kind, space->target, search->work, &space->base));
    for (int k = 0; k < space->knob_count; k++)
        score += effects->sum[k][point->at[k]] / (effects->count[k][point->at[k]] + 1) +
                 doubt(search, effects, k, point->at[k]);
    return score;
}

/* ---- Candidates ------------------------------------------------------------------------------------------------------ */
typedef struct Candidate {
    SpacePoint point;
    Schedule   schedule;
    double     score;
} Candidate;

typedef struct Candidates {
    Candidate *items; /* arena */
    int        count, capacity;
} Candidates;

static uint64_t next_random(TuneSearch *search) {
    uint64_t z = search->seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool has_effect(const TuneSearch *search, Schedule schedule) {
    schedule_effect(search->space->spec, search->space->kind, search->space->target, search->work, &schedule);
    for (int t = 0; t < search->count; t++)
        if (memcmp(&search->trials[t]->effect, &schedule, sizeof schedule) == 0)
            return true;
    return false;
}

/* Whose share a point is: the same for every process, whatever it has measured. */
static bool mine(const TuneSearch *search, const SpacePoint *point) {
    uint32_t hash = 2166136261u;
    for (int k = 0; k < MAX_KNOBS; k++)
        hash = (hash ^ (uint8_t)point->at[k]) * 16777619u;
    return search->shards < 2 || (int)((hash >> 8) % (uint32_t)search->shards) == search->shard;
}

static void consider(Ctx *ctx, TuneSearch *search, const Effects *effects, const SpacePoint *point, Candidates *out) {
    Candidate candidate = {.point = *point};
    if (find_trial(search, point) || !mine(search, point) || !space_point(ctx, search->space, point, &candidate.schedule) ||
        has_effect(search, candidate.schedule))
        return;
    candidate.score = predicted(search, effects, point, &candidate.schedule);
    PUSH(ctx, out->items, out->count, out->capacity, candidate);
}

/* Changes of one knob of the leader, and of two. */
static void neighbours(Ctx *ctx, TuneSearch *search, const Effects *effects, Candidates *out) {
    const SearchSpace *space = search->space;
    for (int k = 0; k < space->knob_count; k++)
        for (int v = 0; v < space->knobs[k].count; v++) {
            SpacePoint point = search->leader->point;
            if (v == point.at[k])
                continue;
            point.at[k] = (int8_t)v;
            consider(ctx, search, effects, &point, out);
            for (int other = k + 1; other < space->knob_count; other++)
                for (int w = 0; w < space->knobs[other].count; w++) {
                    SpacePoint both = point;
                    both.at[other] = (int8_t)w;
                    if (w != point.at[other])
                        consider(ctx, search, effects, &both, out);
                }
        }
}

static int by_score(const void *a, const void *b) {
    const double x = ((const Candidate *)a)->score, y = ((const Candidate *)b)->score;
    return x < y ? -1 : x > y;
}

/* Trials that may be better than the leader and were timed too little to say. */
static int propose_again(const TuneSearch *search, TuneTrial **generation, int count) {
    for (int t = 0; t < search->count && count < KEPT; t++) {
        TuneTrial *trial = search->trials[t];
        if (trial != search->leader && !trial->ahead && trial->verdict == VERDICT_RIGHT && trial->summary.samples &&
            trial->summary.samples < (trial->chosen ? ENOUGH : TUNING_SAMPLES) &&
            trial->summary.ratio < AGAIN * search->leader->summary.ratio)
            generation[count++] = trial;
    }
    return count;
}

/* Those with the best prospects, and a few drawn from the rest. Candidates live in a Ctx of their own. */
static int propose(Ctx *ctx, TuneSearch *search, TuneTrial **generation, int count) {
    Ctx        scratch;
    Effects    effects;
    Candidates all = {0};
    ctx_init(&scratch);
    learn(search, &effects);
    neighbours(&scratch, search, &effects, &all);
    qsort(all.items, (size_t)all.count, sizeof *all.items, by_score);
    for (int i = 0; i < all.count && count < TUNE_GENERATION; i++) {
        const int last = all.count - i, random = TUNE_GENERATION - count <= AT_RANDOM;
        const int at = random ? i + (int)(next_random(search) % (uint64_t)last) : i;
        if (!has_effect(search, all.items[at].schedule))
            generation[count++] = add_trial(ctx, search, &all.items[at].point, &all.items[at].schedule);
    }
    ctx_free(&scratch);
    return count;
}

static int propose_seeds(Ctx *ctx, TuneSearch *search, const Schedule *seeds, int seed_count, TuneTrial **generation) {
    int count = 0;
    for (int s = 0; s < seed_count && count < TUNE_GENERATION; s++) {
        SpacePoint point;
        Schedule   schedule;
        if (space_find(search->space, &seeds[s], &point) && !find_trial(search, &point) &&
            space_point(ctx, search->space, &point, &schedule))
            generation[count++] = add_trial(ctx, search, &point, &schedule);
    }
    return count;
}

/* ---- Generations ----------------------------------------------------------------------------------------------------- */
/* Among few samples the spread says nothing: what goes on is decided by the ratio alone, who leads by the bound. */
static double standing(const TuneTrial *trial) {
    return trial->verdict == VERDICT_RIGHT && trial->summary.samples ? trial->summary.ratio : INFINITY;
}

static int by_standing(const void *a, const void *b) {
    const double x = standing(*(TuneTrial *const *)a), y = standing(*(TuneTrial *const *)b);
    return x < y ? -1 : x > y;
}

/* Sorts by standing and dismisses all behind the first `kept`, and those that failed. */
static int halve(const TuneSearch *search, TuneTrial **trials, int count, int kept) {
    qsort(trials, (size_t)count, sizeof(TuneTrial *), by_standing);
    int right = 0;
    while (right < count && right < kept && isfinite(standing(trials[right])))
        right++;
    for (int t = right; t < count; t++)
        if (trials[t] != search->leader)
            search->objective->dismiss(search->objective->arg, trials[t]);
    return right;
}

/* The survivors with the leader, unless that is the default, which is in every turn anyway. */
static int with_leader(const TuneSearch *search, TuneTrial **trials, int count) {
    bool in = search->leader == search->trials[0];
    for (int t = 0; t < count; t++)
        in = in || trials[t] == search->leader;
    if (!in)
        trials[count++] = search->leader;
    return count;
}

/* Those that lost; what is being built for the next generation stays. */
static void dismiss_all(const TuneSearch *search) {
    for (int t = 1; t < search->count; t++) {
        TuneTrial *trial = search->trials[t];
        if (trial != search->leader && trial->of_objective && !trial->ahead)
            search->objective->dismiss(search->objective->arg, trial);
    }
}

/* Whether it does as well in rounds that it was not chosen for. */
static void try_out(TuneSearch *search, TuneTrial *trial) {
    TuneTrial *trials[2] = {trial};
    if (search->objective->stop(search->objective->arg))
        return;
    trial_choose(trial);
    search->objective->measure(search->objective->arg, trials, with_leader(search, trials, 1), LAST_ROUNDS);
}

/* What an earlier run says leads: if it does not, the next that is said to. */
static void try_out_known(TuneSearch *search) {
    while (search->leader->known && search->leader != search->trials[0] && !search->leader->chosen &&
           !search->objective->stop(search->objective->arg)) {
        TuneTrial *said = search->leader;
        try_out(search, said);
        find_leader(search);
        if (search->leader != said)
            search->objective->dismiss(search->objective->arg, said);
    }
}

static void run_generation(TuneSearch *search, TuneTrial **trials, int count) {
    const TuneObjective *objective = search->objective;
    const TuneTrial     *before = search->leader;
    for (int t = 0; t < count && !objective->stop(objective->arg); t++)
        objective->measure(objective->arg, &trials[t], 1, FIRST_ROUNDS);
    count = with_leader(search, trials, halve(search, trials, count, KEPT));
    if (count && !objective->stop(objective->arg))
        objective->measure(objective->arg, trials, count, MORE_ROUNDS);
    count = halve(search, trials, count, 1);
    /* The last stage is for those that may lead: a candidate far behind shows that in the first. */
    if (count && trials[0] != before && standing(trials[0]) < 1.02 * standing(before))
        try_out(search, trials[0]);
    find_leader(search);
    dismiss_all(search);
}

/* Proposes the next one and announces it. */
static void propose_next(Ctx *ctx, TuneSearch *search, const Schedule *seeds, int seed_count, TuneGeneration *next) {
    const TuneObjective *objective = search->objective;
    next->count = propose_seeds(ctx, search, seeds, seed_count, next->trials);
    next->count = propose(ctx, search, next->trials, propose_again(search, next->trials, next->count));
    for (int t = 0; t < next->count; t++) {
        next->trials[t]->ahead = objective->ahead;
        objective->announce(objective->arg, next->trials[t]);
    }
}

void tune_search_begin(Ctx *ctx, TuneSearch *search, const Schedule *seeds, int seed_count) {
    search->objective->announce(search->objective->arg, search->trials[0]);
    if (search->leader != search->trials[0])
        search->objective->announce(search->objective->arg, search->leader);
    propose_next(ctx, search, seeds, seed_count, &search->next);
}

/* Where compilers have cores of their own a generation is built while the one before is measured, which it cannot learn
 * from. */
static void measure_next(Ctx *ctx, TuneSearch *search) {
    TuneGeneration now = search->next;
    const bool     ahead = search->objective->ahead;
    if (ahead)
        propose_next(ctx, search, NULL, 0, &search->next);
    for (int t = 0; t < now.count; t++)
        now.trials[t]->ahead = false;
    run_generation(search, now.trials, now.count);
    search->generations++;
    if (!ahead)
        propose_next(ctx, search, NULL, 0, &search->next);
}

void tune_search_run(Ctx *ctx, TuneSearch *search) {
    const TuneObjective *objective = search->objective;
    int                  idle = 0;
    try_out_known(search);
    while (search->next.count && !objective->stop(objective->arg) && idle < PATIENCE) {
        const TuneTrial *before = search->leader;
        measure_next(ctx, search);
        idle = search->leader == before ? idle + 1 : 0;
        if (search->trials[0]->verdict != VERDICT_RIGHT)
            break; /* with nothing to compare with, nothing can be said */
    }
}
