/* librattan_rt: what runs the kernels of an ahead-of-time library (`rattan aot`). Programs use it through the library's own
 * header, NAME.h, whose functions call it; this page says what they share. Needs libc and pthreads, and for GPUs the
 * driver, which it opens when a context for one is made.
 *
 * Every function is safe to call from several threads. Nothing here prints or exits. */
#ifndef RATTAN_RATTAN_RT_H
#define RATTAN_RATTAN_RT_H

#include <stddef.h>
#include <stdint.h>

#if defined __GNUC__
#define RATTAN_RT_API __attribute__((visibility("default")))
#else
#define RATTAN_RT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rattan_rt_status {
    RATTAN_RT_OK = 0,
    RATTAN_RT_FAILED = 1,        /* the system refused something */
    RATTAN_RT_USAGE = 2,         /* a wrong argument: a null pointer, a size, strides that cannot work */
    RATTAN_RT_NO_DEVICE = 4,     /* no such device, or none of the library's kernels runs on it */
    RATTAN_RT_INTEGRITY = 5,     /* the library is damaged or cut short */
    RATTAN_RT_NO_MEMORY = 6,
    RATTAN_RT_NOT_BUILT = 7,     /* the library has no kernel for this shape */
    RATTAN_RT_VERSION = 8,       /* library, header and runtime are not of one version */
    RATTAN_RT_TWO_LIBRARIES = 9  /* another library of this name is in the process */
} rattan_rt_status;

typedef struct rattan_rt_context rattan_rt_context;

typedef struct rattan_rt_options { /* all zero is a good choice */
    const char *device;  /* NULL or "cpu"; "cuda" or "cuda:1": a GPU, counted as CUDA counts them */
    const char *target;  /* NULL: the best one of the library that runs here; else this one, such as "x86-64-v3" */
    int         threads; /* CPUs: 0 stands for RATTAN_NUM_THREADS, else the cores this process may use */
    int         unused[7]; /* zero */
} rattan_rt_options;

/* Where a launch on a GPU goes. NULL in its place: the default stream, waited for. Else it is enqueued on `stream` (a
 * cudaStream_t of the device's primary context) and nothing is waited for. */
typedef struct rattan_rt_place {
    void   *stream;
    void   *workspace;       /* device memory, 256-byte aligned, for this launch alone; NULL: the context's own */
    int64_t workspace_bytes; /* at least what the function's _memory says */
} rattan_rt_place;

/* The functions behind those of NAME.h: `image` is the library's, `entry` the function's number in it, `args` the
 * struct that belongs to it. `interface` is the header's, which must be the library's. */
RATTAN_RT_API rattan_rt_status rattan_rt_open(const void *image, uint64_t interface, const rattan_rt_options *options,
                                              rattan_rt_context **context);
/* No launch may be running. NULL is allowed. */
RATTAN_RT_API void             rattan_rt_close(rattan_rt_context *context);
RATTAN_RT_API rattan_rt_status rattan_rt_launch(const void *image, uint32_t entry, rattan_rt_context *context,
                                                const void *args, const rattan_rt_place *place);
/* Loads the kernel, makes its memory and starts the threads for CPUs, so that launches of this shape on this place's stream
 * allocate nothing, on CPUs one at a time. Without it the first launch does all that; where its stream is
 * being captured that is refused with RATTAN_RT_USAGE, and the capture goes on. */
RATTAN_RT_API rattan_rt_status rattan_rt_prepare(const void *image, uint32_t entry, rattan_rt_context *context,
                                                 const void *args, const rattan_rt_place *place);
/* Bytes that such a launch needs beyond its tensors. */
RATTAN_RT_API rattan_rt_status rattan_rt_memory(const void *image, uint32_t entry, rattan_rt_context *context,
                                                const void *args, int64_t *bytes);
/* The target that the context runs: "x86-64-v4", "cuda:sm_90a". Lives as long as the library; "" of NULL. */
RATTAN_RT_API const char *rattan_rt_target(const rattan_rt_context *context);

/* What the status means; where it is that of this thread's last failure, what failed and what would be right: one line,
 * valid until the thread's next call that fails. Never NULL. */
RATTAN_RT_API const char *rattan_rt_error_string(int status);

/* The version of images this runtime reads, and its own, "0.1.0". */
RATTAN_RT_API int         rattan_rt_abi(void);
RATTAN_RT_API const char *rattan_rt_version(void);

#ifdef __cplusplus
}
#endif
#endif
