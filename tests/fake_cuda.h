/* What tests see of fake_cuda.c beside the driver API: what was called, and what to do wrong. Found by dlsym
 * "fake_cuda". */
#ifndef RATTAN_TESTS_FAKE_CUDA_H
#define RATTAN_TESTS_FAKE_CUDA_H

#include <stdint.h>

enum { FAKE_LAUNCHES = 64, FAKE_ARGS = 64, FAKE_MAPS = 4, FAKE_ENCODES = 64, FAKE_PROCESSORS = 7 };

typedef struct FakeLaunch {
    char     symbol[96];
    unsigned blocks, threads, shared_bytes;
    void    *stream;
    int      in_graph;        /* one of a graph's */
    uint64_t after;           /* in a graph: bit n: it waits for node n, counted from 0 */
    int      overlaps;        /* launched so as to start before the one before has ended */
    unsigned cluster;         /* blocks of a cluster, 0: none */
    int64_t  args[FAKE_ARGS]; /* the first 8 * FAKE_ARGS bytes of the kernel's parameter */
    int      maps[FAKE_MAPS]; /* kernels named "mapped...": 1 + the encode that made each map, 0 for zeros */
    uint64_t map_addresses[FAKE_MAPS];
} FakeLaunch;

/* What a tensor map was made of. */
typedef struct FakeEncode {
    int      type, rank, interleave, swizzle, promotion, fill;
    uint64_t address, dims[4], strides[3];
    uint32_t box[4], steps[4];
} FakeEncode;

typedef struct FakeCuda {
    FakeLaunch launches[FAKE_LAUNCHES];
    int        launch_count;
    FakeEncode encodes[FAKE_ENCODES];
    int        encode_count;
    int        allocations, freed; /* of device memory, so far */
    int64_t    allocated, last_allocated; /* bytes, of all so far and of the last one */
    int        modules;            /* loaded and not unloaded */
    int        pushed;             /* contexts on the stacks of all threads */
    int        retained;           /* primary contexts, not released */
    int        optin_bytes;        /* dynamic shared memory that a function was allowed last */
    int        streams, graphs;    /* made and not destroyed; graphs and what was instantiated of them */
    int        graph_launches, node_updates, captures;
    int        carved;             /* functions that were given the most of shared memory */
    int        loaded_ptx;         /* the last module was made of text */
    char       image[16], image_before[16]; /* what the last one and the one before it were made of begin with */
    /* What to do wrong */
    int devices, capturing, max_threads, refuse_cubin, fail_alloc, fail_launch, fail_encode, fail_instantiate,
        fail_update, fail_graph_launch, fail_after, fail_asked, fail_wait, fail_load; /* the last three: what asking for a capture, waiting and loading give */
    int major, minor, shared_bytes, registers; /* of the devices; 0: those of an H100 */
    int64_t most_allocated; /* larger allocations fail; 0: none does */
    int   calls;          /* so far, of what can fail */
    int   fail_at, fail_for, fail_with; /* calls from that one on, counted from 1; how many, all if negative; what they return. What
                             frees has freed nevertheless, as in the real one, which then tells of an earlier fault */
    const char *failed;   /* the last one that did */
    void *captured;       /* the one stream for which `capturing` holds; NULL: for all */
    int   captures_ended; /* by what may not be done in a capture */
    /* Not wrong */
    int map_count;          /* how many maps kernels named "mapped..." take */
    void (*launched)(void); /* called when a kernel has been written down, before its launch returns; NULL: nothing */
} FakeCuda;

#endif
