/* Timing a kernel on a GPU by events, in turns with the device's ceilings.
 * Always: launches go round over copies of the tensors that are together larger than the L2 cache, so that none finds
 * its inputs there. */
#ifndef RATTAN_DRIVER_CUDA_BENCH_H
#define RATTAN_DRIVER_CUDA_BENCH_H

#include "driver/session.h"

typedef struct CudaTimes {
    double *seconds; /* arena; of each launch, from the end of the one before to its own end */
    int64_t reps;
    double  graph;                 /* seconds a launch where all sets are launched by one captured graph */
    double  product, copy;         /* flops and bytes a second; product 0: no cuBLAS */
    double  first_call, host_time; /* seconds: with its wait; that the caller spends on a launch */
    int64_t slices, work_bytes; /* slices of the heads, which take turns in the working memory */
    int     sets;   /* of tensors */
    double *phases; /* arena; seconds of each phase, alone between two events */
} CudaTimes;

/* `arguments` are the host's. reps 0: as many as take a second. */
Status cuda_bench(Ctx *ctx, const ReadyKernel *kernel, const Tensor *arguments, int64_t reps, CudaTimes *out);

/* The time of a launch alone, over and over, without the ceilings: `seconds` is the median of a few launches in a row. The
 * kernel must outlive the timer, whose memory is the arena's. */
typedef struct CudaTimer CudaTimer;

Status cuda_timer_open(Ctx *ctx, const ReadyKernel *kernel, const Tensor *arguments, CudaTimer **out);
Status cuda_timer_run(Ctx *ctx, CudaTimer *timer, double *seconds);
void   cuda_timer_close(CudaTimer *timer);

#endif
