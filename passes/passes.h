/* The passes: from loop IR to scheduled, placed tile IR. Each is one file and one row of passes.def. */
#ifndef RATTAN_PASSES_PASSES_H
#define RATTAN_PASSES_PASSES_H

#include "ir/ir.h"
#include "ir/schedule.h"
#include "ir/target.h"

typedef struct PassLog PassLog;

typedef struct PassArgs {
    const Spec     *spec; /* for names, messages and what it permits: the meaning is in the module */
    KernelKind      kind;
    const Target   *target;
    const Schedule *schedule;
    PassLog        *log; /* NULL: nobody asks what passes decide */
} PassArgs;

typedef struct PassInfo {
    const char *name, *requires, *establishes;
    const char *knobs; /* the fields of the schedule that it reads, between blanks */
    const char *summary;
    Status (*run)(Ctx *ctx, Module *module, const PassArgs *args);
} PassInfo;

/* What passes decided, for `rattan explain`: the runner counts and times, the passes say what they chose, proved or found
 * nothing to do for, each in the place where it does. */
typedef struct PassNote {
    const char *kernel; /* NULL: of the module */
    const char *text;   /* a line without a full stop */
} PassNote;

typedef struct PassRun {
    const PassInfo *pass;
    double          seconds;
    int             kernels, ops_before, ops_after; /* of all kernels */
    int             first_note, note_count;         /* in PassLog.notes */
} PassRun;

struct PassLog { /* arena; starts as zeros */
    PassRun  *runs;
    int       run_count, run_capacity;
    PassNote *notes;
    int       note_count, note_capacity;
};

/* A note of the pass that runs; nothing where there is no log. `kernel` may be NULL. */
void pass_note(Ctx *ctx, const PassArgs *args, const Kernel *kernel, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const PassInfo *pass_info(int index); /* in pipeline order; NULL past the end */

bool pass_reads(const PassInfo *pass, const char *field);

/* Runs the whole pipeline, verifying after each pass. `observe` (may be NULL) is called after each, for dumps and times. */
typedef void PassObserver(void *arg, const PassInfo *pass, Module *module, double seconds);
Status passes_run(Ctx *ctx, Module *module, const PassArgs *args, PassObserver *observe, void *arg);

/* Kind backward: do sums of gradients cancel more than rounding lets them? Those of scales add up what all rows hand on; of a window
 * of one key nothing is left of what scores get, nor where features of both signs make scores of few keys next to 0; of few columns
 * errors do not average out, and norms of few values are next to 0 now and then. */
bool gradients_cancel(const Spec *spec);
/* May features be less than 0, so that scores cancel? */
bool features_cancel(const Spec *spec);

/* Why the default has these values: clauses without a full stop, that live for ever. */
typedef struct ScheduleWhy {
    const char *chunk, *key_tile, *segment;
} ScheduleWhy;

/* The cost model's choice for a spec, kind and machine; and the check that a schedule can work, which names the resource. */
void   schedule_default(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule);
/* The same with its reasons. */
void   schedule_default_why(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule, ScheduleWhy *why);
/* Where shared memory is too small for that: from the default to the times-th schedule that needs less. False: there is none. */
bool   schedule_smaller(const Spec *spec, KernelKind kind, const Target *target, int times, Schedule *schedule);
Status schedule_check(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target, const Schedule *schedule);

#endif
