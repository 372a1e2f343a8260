/* rattan: kernels for residual linear attention with a sliding window, compiled for one layer and one machine.
 *
 *     rattan_context *context;  rattan_spec *spec;  rattan_kernel *kernel;  rattan_error error;
 *     rattan_context_create(NULL, &context, &error);
 *     rattan_spec_from_file("layer.lua", &spec, &error);
 *     rattan_kernel_get(context, &(rattan_kernel_request){.spec = spec}, &kernel, &error);
 *     rattan_launch(kernel, tensors, count, 0, &error);
 *
 * Every function that can fail returns a rattan_status and, where `error` is not NULL, says in it what was wrong,
 * where, and what to do; to them a NULL that cannot be is RATTAN_USAGE. The library never prints, never ends the process
 * and keeps no global state. Functions on one context or kernel may be called from several threads at once, except the
 * ones that destroy it.
 *
 * Letters in shapes: B sequences, T tokens, H query heads, Hk key/value heads, D key dim, E value dim, F feature dim,
 * N sequences (B, or those of a packed batch), P slots in the pools, R rows of a ring. */
#ifndef RATTAN_RATTAN_H
#define RATTAN_RATTAN_H

#include <stddef.h>
#include <stdint.h>

#if defined __GNUC__
#define RATTAN_API __attribute__((visibility("default")))
#else
#define RATTAN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, "0.1.0". */
RATTAN_API const char *rattan_version(void);

/* ---- Errors -------------------------------------------------------------------------------------------------------
 */
typedef enum rattan_status {
    RATTAN_OK = 0,
    RATTAN_FAILED,    /* an operation failed: a file, the compiler, the system */
    RATTAN_USAGE,     /* a wrong spec, schedule, request or tensor */
    RATTAN_MISMATCH,  /* a verification found a difference */
    RATTAN_NO_DEVICE, /* the code needs a machine or a CPU feature that is not here */
    RATTAN_INTEGRITY, /* data is damaged */
    RATTAN_NO_MEMORY
} rattan_status;

/* Texts are one line each and may be empty. Untouched by a call that succeeds. */
typedef struct rattan_error {
    rattan_status status;
    char          place[256];    /* "layer.lua:4: window", "q" */
    char          message[1024]; /* "has dims [2, 100, 4, 64], should have [2 (B), 100 (T), 8, 64], in forward of layer" */
    char          remedy[512];   /* "B and T are those of q" */
} rattan_error;

/* Writes "place: message (remedy)", terminated; returns the length it wanted, as snprintf does. */
RATTAN_API int rattan_error_text(const rattan_error *error, char *out, size_t size);

/* ---- Context: threads, cache and target that kernels share ----------------------------------------------------------
 */
typedef struct rattan_context rattan_context;

typedef struct rattan_context_options { /* all zero is a good choice */
    int         threads;                /* 0: RATTAN_NUM_THREADS, else the cores this process may use; schedules are chosen for them */
    const char *cache_dir;   /* NULL: $RATTAN_CACHE_DIR, $XDG_CACHE_HOME/rattan or ~/.cache/rattan; "": memory only */
    int64_t     cache_limit; /* bytes of files to keep; 0: $RATTAN_CACHE_SIZE, else 2 GiB; negative: memory only */
    const char *target; /* NULL: "host"; "cuda": a GPU; `rattan targets` lists more. Only code that runs here loads. */
    int         device; /* which GPU, from 0, as CUDA counts them */
    int         no_tuning; /* 1: default schedules, whatever `rattan tune` found. RATTAN_TUNING=off|strict: see rattan(1) */
} rattan_context_options;

/* `options` may be NULL. RATTAN_USAGE for an unknown target or a negative number of threads, RATTAN_NO_DEVICE for a missing GPU.
 * A cache that cannot be used is no error: rattan_cache_info. */
RATTAN_API rattan_status rattan_context_create(const rattan_context_options *options, rattan_context **context,
                                               rattan_error *error);
/* Ends the context and all its kernels; no launch may be running. NULL is allowed. */
RATTAN_API void rattan_context_destroy(rattan_context *context);
RATTAN_API int  rattan_context_threads(const rattan_context *context);

/* ---- Specs ----------------------------------------------------------------------------------------------------------
 */
typedef struct rattan_spec rattan_spec; /* the layers of one spec file */

typedef enum rattan_dtype {
    RATTAN_DTYPE_OF_SPEC = 0, /* in requests only */
    RATTAN_FP32,
    RATTAN_BF16,
    RATTAN_FP16,
    RATTAN_FP64,
    RATTAN_I32,
    RATTAN_I64
} rattan_dtype;

/* What one layer is. Texts live as long as the spec. */
typedef struct rattan_layer {
    const char  *name;  /* of the layer */
    const char  *label; /* of the item: "window=256,head_dim=64" in a sweep, the pattern letter in a model, else "" */
    const char  *text;  /* canonical: equal layers have equal texts */
    int          heads, kv_heads, head_dim, value_dim, features; /* H, Hk, D, E, F; F is 0 for full attention */
    int64_t      window;                                         /* keys, the query's own included; 0: no end */
    int          fold; /* L: pools hold states of the last multiple of L tokens; 1 for full attention */
    rattan_dtype dtype;
} rattan_layer;

/* Evaluates a spec in a child process with limits on time and memory (some milliseconds). RATTAN_USAGE names line and
 * field; RATTAN_FAILED for a file that cannot be read. `name` stands for the file in messages. */
RATTAN_API rattan_status rattan_spec_from_file(const char *path, rattan_spec **spec, rattan_error *error);
RATTAN_API rattan_status rattan_spec_from_text(const char *name, const char *text, size_t length, rattan_spec **spec,
                                               rattan_error *error);
/* Kernels stay usable after their spec has gone. NULL is allowed. */
RATTAN_API void rattan_spec_destroy(rattan_spec *spec);
/* Items: 1, or the points of a sweep, or the distinct layers of a model. */
RATTAN_API int           rattan_spec_items(const rattan_spec *spec);
RATTAN_API rattan_status rattan_spec_layer(const rattan_spec *spec, int item, rattan_layer *layer, rattan_error *error);
/* Layers of a model, and the item that each of them is; 0 and -1 where the spec is no model. */
RATTAN_API int rattan_spec_model_layers(const rattan_spec *spec);
RATTAN_API int rattan_spec_model_item(const rattan_spec *spec, int layer);

/* ---- Kernels --------------------------------------------------------------------------------------------------------
 */
typedef struct rattan_kernel rattan_kernel; /* belongs to its context and lives as long */

typedef enum rattan_kind {
    RATTAN_FORWARD = 0, /* whole sequences: training and prefill */
    RATTAN_DECODE,      /* one token or a few a sequence, on pools of rings and states */
    RATTAN_EXTEND,      /* a chunk of prompt a sequence, on such pools */
    RATTAN_BACKWARD     /* the gradients of whole sequences */
} rattan_kind;

/* Optional parts of a kernel's signature, to be or-ed. Full attention has no final state and no rla: asked for them, its kernels
 * are those without. */
enum {
    RATTAN_PACKED = 1,      /* input cu_seqlens int32 [N+1], from 0 to T, never falling; B is 1 */
    RATTAN_LSE = 2,         /* output lse fp32 [B, H, T]; not of backward */
    RATTAN_FINAL_STATE = 4, /* output final_state fp32 [N, Hk (H with an initial state), F, E] of forward; of backward: input
                               dfinal_state */
    RATTAN_PARTS = 8,       /* outputs swa and rla fp32 [B, T, H, E], before norms and sum; forward only */
    RATTAN_SAVED = 16       /* outputs lse, swa and rla of forward, in the type that rattan_kernel_param says; of backward, which
                               computes them anew without: inputs */
};

typedef struct rattan_kernel_request { /* all but `spec` may be zero */
    const rattan_spec *spec;
    int                item; /* of the spec */
    rattan_kind        kind;
    int                parts;     /* RATTAN_PACKED | ... */
    int64_t            ring_rows; /* R, decode and extend: at least the window, with a fold window + L; 0: that */
    rattan_dtype       dtype;     /* of q, k, v, o, instead of the spec's: fp32, bf16 or fp16 */
    const char        *schedule;  /* "chunk=32 segment=0", over the default choice; NULL: a tuned one if known */
    int64_t sequences, tokens; /* of a launch (tokens of one sequence), roughly, to choose a tuned schedule by; 0: unknown */
} rattan_kernel_request;

/* The kernel of a request: from this context (well under 20 microseconds), from the cache's folder (some milliseconds,
 * no compiler is started), or compiled. Equal requests give the same kernel, also through different specs. */
RATTAN_API rattan_status rattan_kernel_get(rattan_context *context, const rattan_kernel_request *request,
                                           rattan_kernel **kernel, rattan_error *error);

typedef enum rattan_role { RATTAN_IN, RATTAN_OUT, RATTAN_INOUT } rattan_role;

/* Dims that are known at launch only. */
enum { RATTAN_DIM_B = -1, RATTAN_DIM_T = -2, RATTAN_DIM_N = -3, RATTAN_DIM_N_PLUS_1 = -4, RATTAN_DIM_P = -5 };

typedef struct rattan_param {
    const char  *name; /* lives as long as the kernel */
    rattan_dtype dtype;
    rattan_role  role;
    int          rank;
    int64_t      dims[4]; /* numbers, or RATTAN_DIM_x */
} rattan_param;

/* The tensors a launch takes, in an order that rattan_kernel_param tells. They depend on spec and request:
 *     q [B, T, H, D], k [B, T, Hk, D], v [B, T, Hk, E], o [B, T, H, E]             always, but for o in backward
 *     slots, pos int32 [N]; ring_k [P, Hk, R, D], ring_v [P, Hk, R, E], state [P, Hk or H, F, E]    decode, extend
 *     swa_norm, rla_norm [H, E]; sink [H]; q_scale, k_scale [D]; h0 [N, H, F, E]                    where the spec has
 * them and those of `parts`. Of backward: do, the gradient of o, and for every floating input x the output dx, its gradient,
 * with x's dims and type, summed in float32, the same bits at each run; with RATTAN_FINAL_STATE dfinal_state, float32, the
 * gradient of final_state with its dims, is an input, too. With RATTAN_SAVED lse, swa and rla [B, T, H, E] are, as forward with
 * RATTAN_SAVED has written them: swa in the type of o (fp32 with a sink), rla, too (fp32 if that is fp16).
 * A slot of -1 skips its sequence; pos is how many tokens the slot has seen.
 *
 * What a slot holds after p tokens follows from p, the window W, the spec's fold L and R alone, so that every sequence of a
 * batch may be at a p of its own: token j stands in row j mod R of the rings, and the state is the sum (on top of its
 * initial value) over the tokens j < p - p mod L - W. L = 1: all that have left the window. With L > 1 a launch that ends at
 * or passes a multiple of L adds up to L tokens at once (the first time fewer, where L does not divide W) and writes the
 * state; others only read it, and attend to the tokens that have left the window since, fewer than L, from the rings.
 * final_state keeps the same rule: it is that of the first T - T mod L tokens. So, where sequences begin at position 0,
 * it and the last keys and values in rings are what `decode` and `extend` take at pos = T. As long as no multiple of L
 * has been reached, a smaller pos takes tokens back: the state is the same, and the rows are still in the rings. */
RATTAN_API int           rattan_kernel_params(const rattan_kernel *kernel);
RATTAN_API rattan_status rattan_kernel_param(const rattan_kernel *kernel, int index, rattan_param *param,
                                             rattan_error *error);

typedef struct rattan_kernel_facts {
    const char *name, *spec, *schedule, *target, *features, *compiler; /* live as long as the kernel */
    size_t      code_bytes;
} rattan_kernel_facts;

RATTAN_API void rattan_kernel_describe(const rattan_kernel *kernel, rattan_kernel_facts *facts);

/* ---- Launching ------------------------------------------------------------------------------------------------------
 */
/* The caller's memory. Strides count elements, are not negative, and that of the last dim is 1. Inputs may overlap each
 * other; what is written may overlap nothing. Trailing dims of 1 may be left out. */
typedef struct rattan_tensor {
    const char  *name; /* NULL in all: the tensors are in the order of the parameters */
    void        *data;
    rattan_dtype dtype;
    int          rank;
    int64_t      dims[4], strides[4];
} rattan_tensor;

/* A tensor without gaps. */
static inline rattan_tensor rattan_tensor_of(const char *name, void *data, rattan_dtype dtype, int rank,
                                             const int64_t *dims) {
    rattan_tensor tensor;
    int64_t       stride = 1;
    int           d;
    tensor.name = name;
    tensor.data = data;
    tensor.dtype = dtype;
    tensor.rank = rank;
    for (d = 3; d >= 0; d--) {
        tensor.dims[d] = d < rank ? dims[d] : 1;
        tensor.strides[d] = stride;
        stride *= tensor.dims[d] > 0 ? tensor.dims[d] : 1;
    }
    return tensor;
}

/* Runs the kernel and returns when the outputs are written. `position` is the first token's, for RoPE (forward; 0
 * else). Every tensor is checked first: RATTAN_USAGE names the parameter, what it has and what it should have, and
 * nothing has been written. Takes under 5 microseconds beyond the kernel itself. Results do not depend on the number of
 * threads. */
RATTAN_API rattan_status rattan_launch(rattan_kernel *kernel, const rattan_tensor *tensors, int count, int64_t position,
                                       rattan_error *error);
/* Makes the memory that launches of this shape need, and starts the context's threads: one launch at a time then allocates
 * nothing, but for the first in a child of fork(), which starts threads anew. Of data pointers the alignment alone is looked
 * at: tensors whose address or strides are not multiples of 16 bytes may take another kernel. */
RATTAN_API rattan_status rattan_prepare(rattan_kernel *kernel, const rattan_tensor *tensors, int count,
                                        rattan_error *error);
/* Bytes that a launch of these tensors, aligned as they are, needs beyond them, all threads together. */
RATTAN_API rattan_status rattan_kernel_memory(const rattan_kernel *kernel, const rattan_tensor *tensors, int count,
                                              int64_t *bytes, rattan_error *error);

/* On a GPU: tensors are in the memory of the context's device. rattan_launch waits for the outputs, as above;
 * rattan_launch_on only enqueues, on a stream of the device's primary context (a cudaStream_t; NULL: the default one),
 * and then synchronizes nothing. It allocates nothing where it is given a workspace or rattan_prepare_on has seen the
 * shape and stream: it may then be captured into a graph, which is not to be replayed while other launches run on that
 * stream. (The first tensors not aligned to 16 bytes need rattan_prepare_on in any case: it compiles their kernel.) The
 * contents of cu_seqlens, slots and pos are not checked there: wrong ones give wrong results. */
typedef struct rattan_place {
    void *stream;
    void *workspace; /* device memory, 256-byte aligned, for this launch alone; NULL: the kernel's own, one a stream */
    int64_t workspace_bytes; /* at least what rattan_kernel_memory says */
} rattan_place;

RATTAN_API rattan_status rattan_launch_on(rattan_kernel *kernel, const rattan_place *place,
                                          const rattan_tensor *tensors, int count, int64_t position,
                                          rattan_error *error);
/* As rattan_prepare. Launches on that stream then take one call of the driver, fastest with the very tensors. */
RATTAN_API rattan_status rattan_prepare_on(rattan_kernel *kernel, const rattan_place *place,
                                           const rattan_tensor *tensors, int count, rattan_error *error);

/* ---- Cache ----------------------------------------------------------------------------------------------------------
 */
typedef struct rattan_cache_facts {
    char    folder[4096]; /* "": memory only */
    char    warning[512]; /* what kept the cache from its folder; "" if nothing did */
    int     writable;
    int64_t entries, bytes, limit;         /* files in the folder */
    int64_t hits, misses, stored, damaged; /* of this context; damaged: bad files that were met and removed */
} rattan_cache_facts;

RATTAN_API void rattan_cache_info(rattan_context *context, rattan_cache_facts *facts);
/* Both return the bytes of the files they removed. Kernels in use stay. */
RATTAN_API int64_t rattan_cache_clear(rattan_context *context); /* every entry */
RATTAN_API int64_t rattan_cache_gc(rattan_context *context); /* damaged ones, leftovers, the oldest beyond the limit */

#ifdef __cplusplus
}
#endif
#endif
