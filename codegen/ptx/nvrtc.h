/* NVRTC, NVIDIA's run-time compiler: CUDA C++ to PTX and cubin, in this process, without a GPU.
 * In:  self-contained sources (no includes) and an architecture. Out: PTX, cubin, ptxas' account of resources.
 * Always: the library is opened at run time, so that rattan builds and starts where it is missing. It is searched for
 * in $RATTAN_NVRTC (the library or its folder; nothing else is tried then), the loader's path, $CUDA_HOME and
 * $CUDA_PATH, and the toolkit's usual folder. Once opened it stays mapped. */
#ifndef RATTAN_CODEGEN_PTX_NVRTC_H
#define RATTAN_CODEGEN_PTX_NVRTC_H

#include "base/ctx.h"

typedef struct NvrtcResult { /* arena */
    const char *ptx;
    uint8_t    *cubin;
    size_t      cubin_size;
    const char *log; /* of the compiler and of ptxas -v; "" at least */
} NvrtcResult;

/* What ptxas says of one kernel. */
typedef struct NvrtcResources {
    int     registers;                        /* a thread */
    int64_t stack, spill_stores, spill_loads; /* bytes a thread */
    int64_t shared_bytes;                     /* static shared memory of a block */
    int64_t constant_bytes;
    int     product_remarks, product_code; /* where ptxas waits between asynchronous products of its own accord, or runs
                                            * them one after another; the last remark's number, such as 7511 */
} NvrtcResources;

/* A source as it goes in: several at once are compiled side by side, a thread each. `forms`: macros, of which each gives it another
 * form, behind them NULL; or NULL. Where kernels spill in the first form, the others are compiled until one spills nothing; the one
 * that spills least is the result. */
typedef struct NvrtcSource {
    const char        *name, *text;
    const char *const *forms;
} NvrtcSource;

/* `name` stands for the source in messages ("paper_d128.cu"), `arch` is "sm_90a". ST_NO_DEVICE where NVRTC is missing
 * or does not know the architecture; ST_FAILED with the compiler's first error otherwise. */
Status nvrtc_compile(Ctx *ctx, const char *name, const char *source, const char *arch, NvrtcResult *out);
/* `count` of them at once, out[i] of sources[i]. The error is that of the first one in order that failed. `memo`: a folder of
 * results that processes share (nvrtc_memo.h); NULL: none. */
Status nvrtc_compile_all(Ctx *ctx, const NvrtcSource *sources, int count, const char *arch, const char *memo,
                         NvrtcResult *out);

/* "NVRTC 13.0 (path)": what `doctor` shows. */
Status nvrtc_describe(Ctx *ctx, const char **text);
/* "NVRTC 13.0", or "no NVRTC" where it is missing: goes into cache keys. Never fails. */
const char *nvrtc_version(Ctx *ctx);
/* The like of versions that may have made what a cache holds, the newest first, as far as numbers go up today; NULL behind the
 * last one. */
const char *nvrtc_version_elsewhere(Ctx *ctx, int index);
bool        nvrtc_is_here(void);

/* Whether the log speaks of a kernel of that symbol, and what it says. */
bool nvrtc_resources(const char *log, const char *symbol, NvrtcResources *out);

#endif
