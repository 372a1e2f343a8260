/* What the compiler decided for a layer and why, as data: see cmd_explain.c for the text. */
#ifndef RATTAN_DRIVER_EXPLAIN_H
#define RATTAN_DRIVER_EXPLAIN_H

#include <jansson.h>

#include "driver/bench_case.h"
#include "driver/explain_knobs.h"
#include "driver/tuning_pick.h"
#include "passes/search_space.h"

typedef struct ExplainKernel {
    const char           *name;
    IrWork                work;
    int64_t               items; /* that run on their own: on a GPU blocks */
    const CodePhase      *phase;
    const NvrtcResources *used; /* NULL: not a GPU's, or not known */
    int                   registers_at_most; /* a thread, where as many blocks share a multiprocessor as scheduled; GPUs */
} ExplainKernel;

/* A tensor that kernels hand to later ones. */
typedef struct ExplainStored {
    const CodeParam *param;
    double           bytes;
} ExplainStored;

/* What a schedule that saves the residual branch's state every m chunks, the same in all else, stores and makes of it. */
typedef struct ExplainSaving {
    int    m;
    double stored, products, moved; /* bytes, flops, bytes */
} ExplainSaving;

/* An m that a schedule, the same in all else, cannot have, and why not. */
typedef struct ExplainRefusal {
    int         m;
    const char *why;
} ExplainRefusal;

enum { EXPLAIN_MOST_M = 64, EXPLAIN_MOST_SAVINGS = 8 };

typedef struct Explained {
    const SpecItem *item;
    const Target   *target;
    BenchCase       bench; /* shape, useful flops, bytes of inputs and outputs */
    Compiled        compiled;
    const char     *origin;    /* of the schedule */
    const TuningPick *pick;    /* what the tuning databases say; NULL: nobody asked, or what they say is refused */
    ExplainKnobs    knobs;     /* the schedule's fields */
    const char     *resources; /* where registers and shared memory come from; NULL on CPUs */
    ExplainKernel  *kernels;
    int             kernel_count;
    ExplainStored  *stored;
    int             stored_count;
    IrWork          work; /* of all kernels */
    int64_t         slices; /* of the heads */
    double          saved;  /* bytes of what kind forward saves for kind backward: outputs of the one, inputs of the other */
    ExplainSaving   savings[EXPLAIN_MOST_SAVINGS]; /* kind backward: by rising m; of those that there are */
    int             saving_count;
    ExplainRefusal  refusals[EXPLAIN_MOST_SAVINGS]; /* by rising m; those of the others that were tried */
    int             refusal_count;
    double          cycles[LIMIT_COUNT];
    Limit           limit; /* the largest of these */
    double          clock; /* cycles a second, where the code runs here; 0: not known */
} Explained;

/* Compiles; asks NVRTC for registers where a GPU is meant and it is there. Arena, but for compiled.object. */
Status explain(Ctx *ctx, Session *session, const SpecItem *item, KernelKind kind, const Shape *shape, Explained *out);
void   explain_free(Explained *explained);

/* CPUs: the register tiles of a kernel, "6 x 4 vectors of 16 floats: 3 products, 29 of 32 vector registers; ..."; "": it has none. */
const char *explain_tiles(Ctx *ctx, const Explained *explained, int kernel);
/* What the record behind the schedule says, and from where, or which there are but for other threads, as a sentence; "" where
 * there is none. */
const char *explain_record(Ctx *ctx, const Explained *explained);
/* Product flops beyond those that the definition asks for: tiles computed in full, products inside chunks,
 * recomputation. */
double explain_extra_flops(const Explained *explained);
/* Of what kernels hand to later ones; and are the residual branch's states among it? */
double explain_stored_bytes(const Explained *explained);
bool   explain_saves_states(const Explained *explained);
/* Of the cycles of the limit. */
double  explain_share(const Explained *explained, Limit limit);
json_t *explain_json(Ctx *ctx, const Explained *explained);

#endif
