/* What tests see of fake_cuda.c beside the driver API: what was called, and what to do wrong. Found by dlsym
 * "fake_cuda". */
#ifndef RATTAN_TESTS_FAKE_CUDA_H
#define RATTAN_TESTS_FAKE_CUDA_H

#include <stdint.h>

enum { FAKE_LAUNCHES = 64, FAKE_ARGS = 64 };

typedef struct FakeLaunch {
    char     symbol[96];
    unsigned blocks, threads, shared_bytes;
    void    *stream;
    int64_t  args[FAKE_ARGS]; /* the first 8 * FAKE_ARGS bytes of the kernel's parameter */
} FakeLaunch;

typedef struct FakeCuda {
    FakeLaunch launches[FAKE_LAUNCHES];
    int        launch_count;
    int        allocations, freed; /* of device memory, so far */
    int        modules;            /* loaded and not unloaded */
    int        pushed;             /* contexts on the stack */
    int        optin_bytes;        /* dynamic shared memory that a function was allowed last */
    int        loaded_ptx;         /* the last module was made of text */
    /* What to do wrong */
    int devices, capturing, max_threads, refuse_cubin, fail_alloc, fail_launch;
} FakeCuda;

#endif
