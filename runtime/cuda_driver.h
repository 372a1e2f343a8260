/* NVIDIA's driver API, opened at run time: a machine without it builds and runs everything else.
 * In:  nothing but the machine; $RATTAN_LIBCUDA names another library than libcuda.so.1.
 * Out: a table of the driver's functions. Their types are declared here: the driver keeps them for ever, and no header
 * of the toolkit is wanted to build. Always: a result that is not 0 becomes a Status through cuda_check(), with the
 * driver's own name and words for it. */
#ifndef RATTAN_RUNTIME_CUDA_DRIVER_H
#define RATTAN_RUNTIME_CUDA_DRIVER_H

#include "base/ctx.h"

typedef int                      CuDevice;
typedef uint64_t                 CuPointer; /* an address in the device's memory */
typedef struct CuContextOpaque  *CuContext;
typedef struct CuModuleOpaque   *CuModule;
typedef struct CuFunctionOpaque *CuFunction;
typedef struct CuStreamOpaque   *CuStream; /* NULL: the default stream */
#define CU_STREAM_OF_THREAD ((CuStream)2)  /* cudaStreamPerThread: another stream in each thread */
typedef struct CuEventOpaque    *CuEvent;
typedef struct CuGraphOpaque    *CuGraph;
typedef struct CuExecOpaque     *CuGraphExec;
typedef struct CuNodeOpaque     *CuGraphNode;

/* An attribute of a launch; the driver keeps 64 bytes for its value. */
typedef struct CuLaunchAttribute {
    int id;
    union {
        int64_t  align;
        int      number;
        unsigned dims[3];
        char     room[64];
    } value;
} CuLaunchAttribute;

typedef struct CuLaunchConfig {
    unsigned           grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
    CuStream           stream;
    CuLaunchAttribute *attributes;
    unsigned           attribute_count;
} CuLaunchConfig;

/* A kernel of a graph; `kernel` and `context` stand for a function that is not given. */
typedef struct CuKernelNode {
    CuFunction function;
    unsigned   grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
    void     **parameters, **extra;
    void      *kernel;
    CuContext  context;
} CuKernelNode;

/* What the copy engine reads of a tensor: made by encode_map, passed to kernels by value. */
typedef struct CuTensorMap {
    _Alignas(64) uint64_t opaque[16];
} CuTensorMap;

/* X(member, the driver's name, arguments) */
#define CUDA_FUNCTIONS(X)                                                                                              \
    X(error_name, "cuGetErrorName", (int result, const char **text))                                                   \
    X(error_text, "cuGetErrorString", (int result, const char **text))                                                 \
    X(init, "cuInit", (unsigned flags))                                                                                \
    X(version, "cuDriverGetVersion", (int *version))                                                                   \
    X(device_count, "cuDeviceGetCount", (int *count))                                                                  \
    X(device_get, "cuDeviceGet", (CuDevice * device, int index))                                                       \
    X(device_name, "cuDeviceGetName", (char *name, int size, CuDevice device))                                         \
    X(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, CuDevice device))                          \
    X(device_memory, "cuDeviceTotalMem_v2", (size_t *bytes, CuDevice device))                                          \
    X(context_retain, "cuDevicePrimaryCtxRetain", (CuContext * context, CuDevice device))                              \
    X(context_release, "cuDevicePrimaryCtxRelease_v2", (CuDevice device))                                              \
    X(context_push, "cuCtxPushCurrent_v2", (CuContext context))                                                        \
    X(context_pop, "cuCtxPopCurrent_v2", (CuContext * context))                                                        \
    X(context_current, "cuCtxGetCurrent", (CuContext * context))                                                       \
    X(memory_info, "cuMemGetInfo_v2", (size_t *free_bytes, size_t *total))                                             \
    X(memory_alloc, "cuMemAlloc_v2", (CuPointer * pointer, size_t bytes))                                              \
    X(memory_free, "cuMemFree_v2", (CuPointer pointer))                                                                \
    X(copy_in, "cuMemcpyHtoD_v2", (CuPointer to, const void *from, size_t bytes))                                      \
    X(copy_out, "cuMemcpyDtoH_v2", (void *to, CuPointer from, size_t bytes))                                           \
    X(copy_within, "cuMemcpyDtoDAsync_v2", (CuPointer to, CuPointer from, size_t bytes, CuStream stream))              \
    X(memory_set, "cuMemsetD8Async", (CuPointer pointer, unsigned char value, size_t bytes, CuStream stream))          \
    X(stream_create, "cuStreamCreate", (CuStream * stream, unsigned flags))                                            \
    X(stream_destroy, "cuStreamDestroy_v2", (CuStream stream))                                                         \
    X(stream_wait, "cuStreamSynchronize", (CuStream stream))                                                           \
    X(stream_capturing, "cuStreamIsCapturing", (CuStream stream, int *capturing))                                      \
    X(capture_begin, "cuStreamBeginCapture_v2", (CuStream stream, int mode))                                           \
    X(capture_end, "cuStreamEndCapture", (CuStream stream, CuGraph * graph))                                           \
    X(graph_instantiate, "cuGraphInstantiateWithFlags", (CuGraphExec * exec, CuGraph graph, unsigned long long flags)) \
    X(graph_launch, "cuGraphLaunch", (CuGraphExec exec, CuStream stream))                                              \
    X(graph_exec_destroy, "cuGraphExecDestroy", (CuGraphExec exec))                                                    \
    X(graph_destroy, "cuGraphDestroy", (CuGraph graph))                                                                \
    X(event_create, "cuEventCreate", (CuEvent * event, unsigned flags))                                                \
    X(event_destroy, "cuEventDestroy_v2", (CuEvent event))                                                             \
    X(event_record, "cuEventRecord", (CuEvent event, CuStream stream))                                                 \
    X(event_wait, "cuEventSynchronize", (CuEvent event))                                                               \
    X(event_elapsed, "cuEventElapsedTime", (float *milliseconds, CuEvent start, CuEvent end))                          \
    X(module_load, "cuModuleLoadDataEx",                                                                               \
      (CuModule * module, const void *image, unsigned count, const int *options, void **values))                       \
    X(module_unload, "cuModuleUnload", (CuModule module))                                                              \
    X(module_function, "cuModuleGetFunction", (CuFunction * function, CuModule module, const char *symbol))            \
    X(function_get, "cuFuncGetAttribute", (int *value, int attribute, CuFunction function))                            \
    X(function_set, "cuFuncSetAttribute", (CuFunction function, int attribute, int value))                             \
    X(launch, "cuLaunchKernel",                                                                                        \
      (CuFunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,     \
       unsigned block_z, unsigned shared_bytes, CuStream stream, void **parameters, void **extra))

/* What a driver may lack: NULL then, and whoever needs one says so. */
#define CUDA_OPTIONAL_FUNCTIONS(X)                                                                                     \
    X(launch_with, "cuLaunchKernelEx",                                                                                 \
      (const CuLaunchConfig *config, CuFunction function, void **parameters, void **extra))                            \
    X(capture_info, "cuStreamGetCaptureInfo_v2",                                                                       \
      (CuStream stream, int *capturing, uint64_t *id, CuGraph *graph, const CuGraphNode **last, size_t *count))        \
    X(capture_mode, "cuThreadExchangeStreamCaptureMode", (int *mode))                                                  \
    X(capture_after, "cuStreamUpdateCaptureDependencies",                                                              \
      (CuStream stream, CuGraphNode * nodes, size_t count, unsigned flags))                                            \
    X(graph_set_kernel, "cuGraphExecKernelNodeSetParams_v2",                                                           \
      (CuGraphExec exec, CuGraphNode node, const CuKernelNode *parameters))                                            \
    X(bus_id, "cuDeviceGetPCIBusId", (char *text, int size, CuDevice device))                                          \
    X(encode_map, "cuTensorMapEncodeTiled",                                                                            \
      (CuTensorMap * map, int type, uint32_t rank, void *address, const uint64_t *dims, const uint64_t *strides,       \
       const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int promotion, int fill))

typedef struct CudaDriver {
#define X(member, name, arguments) int(*member) arguments;
    CUDA_FUNCTIONS(X)
    CUDA_OPTIONAL_FUNCTIONS(X)
#undef X
} CudaDriver;

/* The driver's numbers for what is asked of devices and functions. */
enum {
    CU_DEVICE_SHARED_OPTIN = 97,
    CU_DEVICE_MULTIPROCESSORS = 16,
    CU_DEVICE_CLOCK_KHZ = 13,
    CU_DEVICE_MEMORY_CLOCK_KHZ = 36,
    CU_DEVICE_BUS_BITS = 37,
    CU_DEVICE_L2_BYTES = 38,
    CU_DEVICE_MAJOR = 75,
    CU_DEVICE_MINOR = 76,
    CU_DEVICE_REGISTERS = 82, /* of a multiprocessor */
    CU_FUNCTION_MAX_THREADS = 0,
    CU_FUNCTION_REGISTERS = 4,
    CU_FUNCTION_DYNAMIC_SHARED = 8,
    CU_FUNCTION_CARVEOUT = 9, /* percent of a multiprocessor's memory that shall be shared memory */
    CU_EVENT_NO_TIMING = 2,
    CU_STREAM_NON_BLOCKING = 1,
    CU_CAPTURE_THREAD_LOCAL = 1,
    CU_CAPTURE_RELAXED = 2,
    CU_CAPTURE_SET = 1, /* what the stream waits for next is this, nothing else */
    CU_JIT_ERROR_LOG = 5,
    CU_JIT_ERROR_LOG_SIZE = 6,
    CU_LAUNCH_CLUSTER = 4,
    CU_LAUNCH_OVERLAPS = 6, /* programmatic stream serialization */
    CU_MAP_FP16 = 6,
    CU_MAP_FP32 = 7,
    CU_MAP_BF16 = 9,
    CU_MAP_NO_INTERLEAVE = 0,
    CU_MAP_SWIZZLE_128 = 3,
    CU_MAP_PROMOTE_256 = 3,
    CU_MAP_ZERO_FILL = 0,
    CU_RESULT_OUT_OF_MEMORY = 2,
    CU_RESULT_NO_BINARY = 209,
    CU_RESULT_NEWER_PTX = 222, /* "unsupported toolchain": of a compiler that is newer than the driver */
    CU_RESULT_CAPTURE_IMPLICIT = 906, /* asked of the default stream while one that waits for it is captured */
};

/* Opens the library, fills the table and initializes. ST_NO_DEVICE with a remedy where there is no driver or no device.
 */
Status cuda_driver_open(Ctx *ctx, CudaDriver *driver);

/* ST_OK for 0; else "what: CUDA_ERROR_X, its words". Memory that ran out is ST_NO_MEMORY, a driver that is too old
 * ST_NO_DEVICE. */
Status cuda_check(Ctx *ctx, const CudaDriver *driver, int result, const char *place, const char *what);

/* What tells streams apart, for comparisons alone: of CU_STREAM_OF_THREAD something of the thread that asks. */
const void *cuda_stream_key(CuStream stream);

/* Whether the stream is being captured, or the driver will not say; in the stream's context. */
bool cuda_is_capturing(const CudaDriver *driver, CuStream stream);
/* Of a stream that cannot be asked, as behind a fault of a kernel: no; what is done there next says what is wrong. */
bool cuda_is_known_capturing(const CudaDriver *driver, CuStream stream);

#endif
