/* What the commands that work on a spec share: the target, the schedule, the threads, the spec's items, and kernels
 * ready to launch. */
#ifndef RATTAN_DRIVER_SESSION_H
#define RATTAN_DRIVER_SESSION_H

#include "base/spec.h"
#include "driver/cli.h"
#include "driver/compile.h"
#include "driver/tensor_set.h"
#include "driver/targets.h"
#include "driver/tuning_pick.h"
#include "runtime/cache.h"
#include "runtime/cuda_executable.h"
#include "runtime/executable.h"

enum { MAX_LENGTHS = 4096 };

/* --shape. Values that were not given are -1. */
typedef struct Shape {
    int64_t B, T, pos, ring;
    int64_t lengths[MAX_LENGTHS]; /* packed */
    int     length_count;         /* 0: not packed */
} Shape;

struct AotEntry;

typedef struct Session {
    const Cli  *cli;
    Target      target;
    int         threads;  /* --threads; 0: not given */
    const char *schedule; /* --schedule; NULL: a tuned one, else the default */
    TuningMode  tuning;
    TuningBucket bucket; /* of the shape that kernels are for */
    bool        with_parts; /* --with is given */
    int         parts;      /* what it asks for: bits of VARIANT_x */
    Pool       *pool;     /* NULL until session_pool */
    Cache      *cache;    /* NULL: --no-cache */
    CudaDevice *device;   /* NULL until a kernel for a GPU is loaded */
    const struct AotEntry *library; /* a function of a built library to take the place of the kernel it is; NULL: none */
    SpecFile    specs;
    int         first, last; /* items chosen by --item: first .. last - 1 */
} Session;

/* A kernel that can be launched. */
typedef struct ReadyKernel {
    Spec            spec;
    CodeObject     *object;
    Executable     *executable; /* on CPUs */
    CudaExecutable *cuda;       /* on a GPU */
    const struct AotEntry *library; /* a function of a built library, which has the others' place; the object is its own */
} ReadyKernel;

/* Packed sequences have lengths, and kind backward no results but gradients: else --with is refused. */
Status session_check_parts(Ctx *ctx, const Session *session, KernelKind kind, const Shape *shape);

/* --threads. */
Status threads_parse(Ctx *ctx, const Cli *cli, int *threads);
/* Finds the target, for --threads, checks the form of --schedule and --with, opens the cache. session_close even after a failure. */
Status session_open(Ctx *ctx, const Cli *cli, Session *session);
Status session_load_file(Ctx *ctx, Session *session, const char *path);
Status session_load_text(Ctx *ctx, Session *session, const char *name, const char *text);
Status session_pool(Ctx *ctx, Session *session);
void   session_close(Session *session);

Status      shape_parse(Ctx *ctx, const char *text, Shape *shape);
Status      kind_parse(Ctx *ctx, const char *option, const char *text, KernelKind *kind);
/* Whether a layer has kernels of the kind: full attention has no pools. */
bool        kind_fits(const Spec *spec, KernelKind kind);
/* ST_USAGE where none of the chosen items has kernels of the kind; warns of the others that have none. */
Status      session_check_kind(Ctx *ctx, const Session *session, KernelKind kind);
/* "packed,lse": bits of VARIANT_x. */
Status variant_parse(Ctx *ctx, const char *text, int *variant);
/* And back. */
const char *variant_text(Ctx *ctx, int variant);

/* Where it belongs in the tuning database; zeros where it says too little. */
TuningBucket shape_bucket(const Shape *shape);

/* "name" or "name (window=256)": how an item is called in tables. */
const char *item_title(Ctx *ctx, const SpecItem *item);

/* Opens the first GPU where the target is this machine's GPU and it is not yet open. */
Status session_device(Ctx *ctx, Session *session);
/* The request with a tuned schedule, where there is one for the session's bucket and none is asked for. */
Status session_tune(Ctx *ctx, Session *session, CompileRequest *request);
/* Compiles, or takes it from the cache: of GPUs, where there is no NVRTC, also what another NVRTC made. `found`: which of both;
 * NULL is allowed. */
Status session_object(Ctx *ctx, Cache *cache, const CompileRequest *request, CodeObject **object, bool *found);
Status session_kernel(Ctx *ctx, Session *session, const Spec *spec, KernelKind kind, int variant, int64_t ring_rows,
                      ReadyKernel *out);
/* The parts that a kernel of this kind is to be checked with: those of the session's library where that has the kind, else those of
 * --with, packed or not as `otherwise` is, else `otherwise`. */
int session_variant(const Session *session, KernelKind kind, int otherwise);
/* Loads kernel->object for the session's target. */
Status session_load_kernel(Ctx *ctx, Session *session, ReadyKernel *kernel);
void   kernel_free(ReadyKernel *kernel);

/* Launches on the tensors of that set which have the names of the kernel's parameters. */
Status kernel_launch(Ctx *ctx, Session *session, const ReadyKernel *kernel, const TensorSet *tensors, int64_t position);
/* Tensors in the order of the parameters; all must be there. */
Status kernel_arguments(Ctx *ctx, const ReadyKernel *kernel, const TensorSet *tensors, Tensor **arguments);

/* Adds every output the kernel writes and the set lacks, with the dims that the set's q, cu_seqlens and pools imply. */
Status kernel_add_outputs(Ctx *ctx, const ReadyKernel *kernel, TensorSet *tensors);

/* Runs fn in a Ctx of its own, whose memory ends with it; a failure is handed on to `ctx`. */
Status with_own_memory(Ctx *ctx, Status (*fn)(Ctx *ctx, void *arg), void *arg);

#endif
