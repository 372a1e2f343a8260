/* Target: facts about a machine that passes and schedules may ask for. Never an architecture's name. */
#ifndef RATTAN_IR_TARGET_H
#define RATTAN_IR_TARGET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Target {
    char    name[64]; /* as given: "host", "x86-64-v4", "aarch64" */
    char    triple[64];
    char    cpu[64];        /* LLVM's name */
    char    features[2048]; /* LLVM's "+a,-b", sorted */
    int     vector_bytes;   /* of a register: 64, 32, 16 */
    int     vector_registers;
    int64_t l1_bytes, l2_bytes; /* data caches of a core */
    double  flops_per_cycle;    /* fp32, a core: 2 * FMA lanes * units */
    bool    native;             /* runs in this process */
    int     warp_size;    /* threads that run in step; 0: not a GPU, and then the facts below are 0 as well */
    int64_t shared_bytes; /* shared memory a block may have */
    int     registers;    /* 32-bit registers of a multiprocessor, shared by its threads */
    int     product_warps; /* that multiply together what the copy engine put into shared memory; 0: no such units */
    int     cluster;       /* most blocks that can wait for each other; 0: none can */
    bool    exact;        /* GPUs: code runs on this compute capability alone, as PTX too */
    int     processors;   /* multiprocessors, or threads that kernels run on, to keep busy; 0: unknown */
    /* GPUs: what a multiprocessor does in a cycle at most. CPUs: 0; their rates follow from flops_per_cycle. */
    double  product_flops;   /* of matrix products of 16-bit numbers; of tf32 half as many */
    double  special_results; /* exponentials and the like */
    double  cache_bytes;     /* from the cache that all share */
    double  memory_bytes;    /* from memory: the processor's share */
} Target;

/* Elements of a vector register holding fp32. */
static inline int target_lanes(const Target *target) { return target->vector_bytes / 4; }

#endif
