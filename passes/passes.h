/* The passes: from loop IR to scheduled, placed tile IR. Each is one file and one row of passes.def. */
#ifndef RATTAN_PASSES_PASSES_H
#define RATTAN_PASSES_PASSES_H

#include "ir/ir.h"
#include "ir/schedule.h"
#include "ir/target.h"

typedef struct PassArgs {
    const Spec     *spec; /* for names, messages and what it permits: the meaning is in the module */
    KernelKind      kind;
    const Target   *target;
    const Schedule *schedule;
} PassArgs;

typedef struct PassInfo {
    const char *name, *requires, *establishes, *summary;
    Status (*run)(Ctx *ctx, Module *module, const PassArgs *args);
} PassInfo;

const PassInfo *pass_info(int index); /* in pipeline order; NULL past the end */

/* Runs the whole pipeline, verifying after each pass. `observe` (may be NULL) is called after each, for dumps and times. */
typedef void PassObserver(void *arg, const PassInfo *pass, Module *module, double seconds);
Status passes_run(Ctx *ctx, Module *module, const PassArgs *args, PassObserver *observe, void *arg);

/* The cost model's choice for a spec, kind and machine; and the check that a schedule can work, which names the resource. */
void   schedule_default(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule);
Status schedule_check(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target, const Schedule *schedule);

#endif
