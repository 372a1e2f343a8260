/* What the children of a tuner do: one process compiles a candidate, another checks and times it. Each can be killed, and takes
 * nothing with it.
 *
 * In:  a TuneTask that the parent filled before it forked; a candidate's schedule.
 * Out: the builder's objects, in a file; the runner's replies, through a pipe.
 * Always: the parent has no threads and has not touched a GPU, so that a fork is a whole process. Children end with
 *      _exit. */
#ifndef RATTAN_DRIVER_TUNE_CHILD_H
#define RATTAN_DRIVER_TUNE_CHILD_H

#include "driver/bench_case.h"
#include "driver/ceilings.h"
#include "driver/check_gradients.h"
#include "driver/check_random.h"
#include "driver/tune_compare.h"

#include <sys/types.h>

/* A layer, a kind and a shape to tune for. */
typedef struct TuneTask {
    Session           *session; /* target and command line; no threads, no cache, no device */
    const SpecItem    *item;
    KernelKind         kind;
    int                variant;  /* VARIANT_SAVED or 0 */
    BenchCase          test;     /* shape and, once filled, tensors; outputs lie in memory that all children share */
    const SpecItem    *checked;  /* the item, or one like it: see tune_small_case */
    Shape              small;    /* that it is checked on */
    const RandomCheck *check;    /* its small inputs with their truth */
    const GradientCheck *gradients; /* of kind backward, instead */
    ReadBuffer         flush;    /* CPUs: what to read for the caches to be empty */
    pid_t              parent;
    const char        *memo;     /* GPUs: of CompileRequest */
    TuneOutputs        outputs; /* what the default schedule made of `test` */
    bool               checked_small; /* another bucket's runner found the candidate right on the small inputs */
} TuneTask;

/* A runner's replies; small enough to arrive whole. */
typedef struct TuneReply {
    enum { REPLY_READY, REPLY_WRONG, REPLY_REFUSED, REPLY_FLUSHED, REPLY_TIME } what;
    double seconds;   /* of REPLY_TIME */
    char   note[200]; /* of REPLY_WRONG and REPLY_REFUSED */
} TuneReply;

/* Compiles all kernels that checking and timing the schedule take and writes them to `file`; or writes why not. Exit code
 * 0, or 2 where the schedule is refused. */
_Noreturn void tune_build(const TuneTask *task, const char *schedule, bool is_default, int file);

/* The ring's rows that the task's kernels are for. */
int64_t tune_ring_rows(const TuneTask *task);

/* Reads what tune_build wrote, checks the kernel on the small inputs, unless that was done, and, unless it is the default's,
 * on the large ones against the default's output, and says REPLY_READY. Then obeys: 'f' empties the caches, 'g' runs and
 * times once. */
_Noreturn void tune_serve(const TuneTask *task, const char *schedule, bool is_default, int file, int commands, int replies);

/* What stands for the timed kernel's code, all but the text of its schedule; zeros where there is none. */
void tune_build_code(int file, uint64_t code[2]);
/* Why a builder refused; "" where it did not say. */
void tune_build_note(int file, char *note, size_t size);
/* The timed kernel among what a builder wrote. */
Status tune_build_object(Ctx *ctx, const TuneTask *task, const char *schedule, int file, CodeObject **object);

#endif
