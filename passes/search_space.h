/* The schedules that a tuner may try, and what each of them should cost.
 *
 * In:  a spec, kind and target. Out: knobs with their values (knobs.def); points, one value a knob; a relative cost of a
 *      schedule for a workload.
 * Always: the point of all zeros is the base, which is the default schedule; every point that space_point accepts passes
 *      schedule_check, so that nothing infeasible reaches a compiler. */
#ifndef RATTAN_PASSES_SEARCH_SPACE_H
#define RATTAN_PASSES_SEARCH_SPACE_H

#include "ir/ir_work.h"
#include "passes/passes.h"

/* Part of every tuning record's key: records of other knobs or values are another search's. */
enum { SEARCH_SPACE_VERSION = 3, MAX_KNOBS = 32, MAX_KNOB_VALUES = 12 };

typedef struct Knob {
    const char *name;
    size_t      offset; /* of the field in Schedule */
    int         values[MAX_KNOB_VALUES];
    int         count; /* at least 1; values[0] is the default's */
} Knob;

typedef struct SearchSpace {
    const Spec   *spec;
    KernelKind    kind;
    const Target *target;
    Schedule      base; /* the default, as it is taken */
    Knob          knobs[MAX_KNOBS];
    int           knob_count;
} SearchSpace;

/* An index into the values of each knob; all 0: the default. */
typedef struct SpacePoint {
    int8_t at[MAX_KNOBS];
} SpacePoint;

/* What a kernel is run on. */
typedef struct Workload {
    int64_t sequences, tokens; /* of each sequence, in this launch */
} Workload;

/* `base`: the default that is taken where the first one gives way; NULL: the first one. */
void space_open(SearchSpace *space, const Spec *spec, KernelKind kind, const Target *target, const Schedule *base);
/* Whether a field of the schedule is a knob of some kind of kernel on some kind of machine. */
bool space_is_knob(const char *field);
/* The point's schedule, dependent fields settled; false where schedule_check refuses it. Leaves no failure in `ctx`. */
bool space_point(Ctx *ctx, const SearchSpace *space, const SpacePoint *point, Schedule *schedule);
/* Where a schedule of this space lies; false for one that is none of its points. */
bool space_find(const SearchSpace *space, const Schedule *schedule, SpacePoint *point);

/* Of schedules with the same effect on a workload one stands for all: where nothing is cut, how it would be cut says nothing. */
void schedule_effect(const Spec *spec, KernelKind kind, const Target *target, const Workload *work, Schedule *schedule);

/* Segments that a sequence is cut into; 1 of kinds that cut none. */
double schedule_segments(const Spec *spec, KernelKind kind, const Target *target, const Workload *work, const Schedule *s);

/* Expected time, in arbitrary units that are the same for all schedules of a spec, kind, target and workload. */
double schedule_cost(const Spec *spec, KernelKind kind, const Target *target, const Workload *work,
                     const Schedule *schedule);

/* What each part of a machine has to do: the least time is that of the busiest. */
#define LIMITS(X)                                                                                                      \
    X(PRODUCT, "matrix product")                                                                                       \
    X(SPECIAL, "special functions")                                                                                    \
    X(CACHE, "cache")                                                                                                  \
    X(MEMORY, "memory")

typedef enum Limit {
#define X(id, name) LIMIT_##id,
    LIMITS(X)
#undef X
        LIMIT_COUNT
} Limit;

const char *limit_name(Limit limit);

/* Cycles of a processor, where all have as much to do, for the counted work; `bytes`: of inputs and outputs, each once. */
void schedule_limits(const Spec *spec, const Target *target, const Workload *workload, const Schedule *schedule,
                     const IrWork *work, double bytes, double cycles[LIMIT_COUNT]);

#endif
