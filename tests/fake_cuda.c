/* A driver API without a GPU, for the tests of runtime/cuda_*: device memory is the host's, launches are written down
 * and run nothing. Loaded through RATTAN_LIBCUDA. With FAKE_OLD it lacks what a driver may lack. */
#include "fake_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda_driver.h"

#define EXPORT __attribute__((visibility("default")))

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_BINARY = 209, NOT_FOUND = 500, LAUNCH_FAILED = 719, IN_CAPTURE = 900, ALIGNMENT = 256 };

EXPORT FakeCuda fake_cuda;
static char     symbols[FAKE_LAUNCHES][96];
static int      symbol_count;
static int      context; /* its address is the context */

/* A graph, which is also what it is instantiated to: launches to be written down when it is launched. */
typedef struct FakeGraph {
    int        count;
    FakeLaunch nodes[16];
    uint64_t   after; /* what the next one waits for */
} FakeGraph;

/* What call number fail_at and its followers give: 0 for the others. */
static int fault(const char *name) {
    const int call = __atomic_add_fetch(&fake_cuda.calls, 1, __ATOMIC_RELAXED), past = call - fake_cuda.fail_at;
    if (fake_cuda.fail_at == 0 || past < 0 || (fake_cuda.fail_for >= 0 && past >= fake_cuda.fail_for))
        return 0;
    fake_cuda.failed = name;
    return fake_cuda.fail_with;
}

/* At the head of a function that then does nothing. */
#define MAY_FAIL                                                                                                       \
    do {                                                                                                               \
        const int fault_ = fault(__func__);                                                                            \
        if (fault_)                                                                                                    \
            return fault_;                                                                                             \
    } while (0)

static FakeGraph *recording; /* of the one stream that is being captured */
static CuStream   recorded_stream;

/* For whole programs, which cannot be told otherwise. */
__attribute__((constructor)) static void read_environment(void) {
    const char *devices = getenv("FAKE_CUDA_DEVICES"), *load = getenv("FAKE_CUDA_LOAD");
    fake_cuda.devices = devices ? atoi(devices) : 0;
    fake_cuda.fail_load = load ? atoi(load) : 0;
    fake_cuda.max_threads = 1024;
}

EXPORT int cuGetErrorName(int result, const char **text) {
    *text = result == LAUNCH_FAILED   ? "CUDA_ERROR_LAUNCH_FAILED"
            : result == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
                                      : "CUDA_ERROR_FAKE";
    return 0;
}
EXPORT int cuGetErrorString(int result, const char **text) {
    (void)result;
    *text = "words for it";
    return 0;
}
EXPORT int cuInit(unsigned flags) {
    MAY_FAIL;
    return flags ? INVALID_VALUE : fake_cuda.devices ? 0 : 100;
}
EXPORT int cuDriverGetVersion(int *version) {
    MAY_FAIL;
    *version = 13000;
    return 0;
}
EXPORT int cuDeviceGetCount(int *count) {
    MAY_FAIL;
    *count = fake_cuda.devices;
    return 0;
}
EXPORT int cuDeviceGet(CuDevice *device, int index) {
    MAY_FAIL;
    *device = index;
    return index < fake_cuda.devices ? 0 : INVALID_VALUE;
}
EXPORT int cuDeviceGetName(char *name, int size, CuDevice device) {
    MAY_FAIL;
    (void)device;
    strncpy(name, "Fake GPU", (size_t)size);
    return 0;
}
#ifndef FAKE_OLD
EXPORT int cuDeviceGetPCIBusId(char *text, int size, CuDevice device) {
    MAY_FAIL;
    return snprintf(text, (size_t)size, "0000:%02x:00.0", (unsigned)device + 16) < size ? 0 : INVALID_VALUE;
}
#endif
EXPORT int cuDeviceGetAttribute(int *value, int attribute, CuDevice device) {
    MAY_FAIL;
    (void)device;
    *value = attribute == CU_DEVICE_MAJOR             ? fake_cuda.major ? fake_cuda.major : 9
             : attribute == CU_DEVICE_MINOR           ? fake_cuda.minor
             : attribute == CU_DEVICE_SHARED_OPTIN    ? fake_cuda.shared_bytes ? fake_cuda.shared_bytes : 232448
             : attribute == CU_DEVICE_REGISTERS       ? fake_cuda.registers ? fake_cuda.registers : 65536
             : attribute == CU_DEVICE_MULTIPROCESSORS ? FAKE_PROCESSORS
                                                      : 0;
    return 0;
}
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, CuDevice device) {
    MAY_FAIL;
    (void)device;
    *bytes = (size_t)1 << 30;
    return 0;
}
EXPORT int cuDevicePrimaryCtxRetain(CuContext *out, CuDevice device) {
    MAY_FAIL;
    (void)device;
    *out = (CuContext)(void *)&context;
    fake_cuda.retained++;
    return 0;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(CuDevice device) {
    (void)device;
    fake_cuda.retained--;
    return fault(__func__);
}
static _Thread_local int stacked; /* each thread has a stack of its own */

static void stack(int count) {
    stacked += count;
    __atomic_add_fetch(&fake_cuda.pushed, count, __ATOMIC_RELAXED);
}

EXPORT int cuCtxPushCurrent_v2(CuContext pushed) {
    MAY_FAIL;
    if (fake_cuda.retained < 1 || pushed != (CuContext)(void *)&context)
        return INVALID_VALUE;
    stack(1);
    return 0;
}
EXPORT int cuCtxPopCurrent_v2(CuContext *popped) {
    *popped = (CuContext)(void *)&context;
    stack(-1);
    return fault(__func__);
}
EXPORT int cuCtxGetCurrent(CuContext *current) {
    MAY_FAIL;
    *current = stacked ? (CuContext)(void *)&context : NULL;
    return 0;
}
EXPORT int cuMemGetInfo_v2(size_t *left, size_t *total) {
    MAY_FAIL;
    *left = *total = (size_t)1 << 30;
    return 0;
}
/* Work on memory and modules needs a context, as in the real one. */
static int without_context(void) { return stacked == 0 ? 201 : 0; }

static bool is_captured(CuStream stream) {
    return fake_cuda.capturing && (!fake_cuda.captured || fake_cuda.captured == (void *)stream);
}

/* A capture in the default mode is ended by what any thread does that is not safe, but for threads that have asked to be let. */
static _Thread_local int mode;

static int in_capture(void) {
    if (!fake_cuda.capturing || mode == CU_CAPTURE_RELAXED)
        return 0;
    fake_cuda.captures_ended++;
    return IN_CAPTURE;
}

/* What a function that frees gives: it has freed in any case. */
static int ended(const char *name) {
    const int result = without_context() ? without_context() : fault(name);
    return in_capture() ? IN_CAPTURE : result;
}

#ifndef FAKE_OLD
EXPORT int cuThreadExchangeStreamCaptureMode(int *other) {
    const int before = mode;
    if (without_context())
        return 201;
    mode = *other;
    *other = before;
    return 0;
}
#endif

EXPORT int cuMemAlloc_v2(CuPointer *pointer, size_t bytes) {
    MAY_FAIL;
    if (without_context())
        return 201;
    if (fake_cuda.fail_alloc || (fake_cuda.most_allocated && (int64_t)bytes > fake_cuda.most_allocated))
        return OUT_OF_MEMORY;
    if (in_capture())
        return IN_CAPTURE;
    fake_cuda.allocations++;
    fake_cuda.allocated += (int64_t)bytes;
    fake_cuda.last_allocated = (int64_t)bytes;
    *pointer = (CuPointer)(uintptr_t)aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return 0;
}
EXPORT int cuMemFree_v2(CuPointer pointer) {
    fake_cuda.freed++;
    free((void *)(uintptr_t)pointer);
    return ended(__func__);
}
EXPORT int cuMemcpyHtoD_v2(CuPointer to, const void *from, size_t bytes) {
    MAY_FAIL;
    memcpy((void *)(uintptr_t)to, from, bytes);
    return without_context();
}
EXPORT int cuMemcpyDtoH_v2(void *to, CuPointer from, size_t bytes) {
    MAY_FAIL;
    memcpy(to, (const void *)(uintptr_t)from, bytes);
    return without_context();
}
EXPORT int cuMemcpyDtoDAsync_v2(CuPointer to, CuPointer from, size_t bytes, CuStream stream) {
    MAY_FAIL;
    (void)stream;
    return cuMemcpyDtoH_v2((void *)(uintptr_t)to, from, bytes);
}
EXPORT int cuMemsetD8Async(CuPointer pointer, unsigned char value, size_t bytes, CuStream stream) {
    MAY_FAIL;
    (void)stream;
    memset((void *)(uintptr_t)pointer, value, bytes);
    return 0;
}
EXPORT int cuStreamCreate(CuStream *stream, unsigned flags) {
    MAY_FAIL;
    (void)flags;
    *stream = malloc(1);
    fake_cuda.streams++;
    return 0;
}
EXPORT int cuStreamDestroy_v2(CuStream stream) {
    free(stream);
    fake_cuda.streams--;
    return fault(__func__);
}
EXPORT int cuStreamSynchronize(CuStream stream) {
    MAY_FAIL;
    (void)stream;
    return fake_cuda.fail_wait;
}
EXPORT int cuStreamIsCapturing(CuStream stream, int *capturing) {
    MAY_FAIL;
    if (fake_cuda.fail_asked)
        return fake_cuda.fail_asked;
    *capturing = is_captured(stream);
    return without_context();
}
EXPORT int cuModuleLoadDataEx(CuModule *module, const void *image, unsigned count, const int *options, void **values) {
    MAY_FAIL;
    (void)options;
    (void)values;
    if (in_capture() || fake_cuda.fail_load)
        return fake_cuda.fail_load ? fake_cuda.fail_load : IN_CAPTURE;
    fake_cuda.loaded_ptx = *(const char *)image == '.';
    if (fake_cuda.refuse_cubin && count == 0)
        return NO_BINARY;
    fake_cuda.modules++;
    memcpy(fake_cuda.image_before, fake_cuda.image, sizeof fake_cuda.image);
    snprintf(fake_cuda.image, sizeof fake_cuda.image, "%.15s", (const char *)image);
    *module = malloc(1);
    return without_context();
}
EXPORT int cuModuleUnload(CuModule module) {
    free(module);
    fake_cuda.modules--;
    return ended(__func__);
}
EXPORT int cuModuleGetFunction(CuFunction *function, CuModule module, const char *symbol) {
    MAY_FAIL;
    (void)module;
    strncpy(symbols[symbol_count], symbol, sizeof symbols[0] - 1);
    *function = (CuFunction)(void *)symbols[symbol_count];
    symbol_count = (symbol_count + 1) % FAKE_LAUNCHES;
    return strcmp(symbol, "absent") == 0 ? NOT_FOUND : 0;
}
EXPORT int cuFuncGetAttribute(int *value, int attribute, CuFunction function) {
    MAY_FAIL;
    (void)function;
    *value = attribute == CU_FUNCTION_MAX_THREADS ? fake_cuda.max_threads : 40;
    return 0;
}
EXPORT int cuFuncSetAttribute(CuFunction function, int attribute, int value) {
    MAY_FAIL;
    (void)function;
    fake_cuda.optin_bytes = attribute == CU_FUNCTION_DYNAMIC_SHARED ? value : fake_cuda.optin_bytes;
    fake_cuda.carved += attribute == CU_FUNCTION_CARVEOUT && value == 100;
    return attribute == CU_FUNCTION_DYNAMIC_SHARED || attribute == CU_FUNCTION_CARVEOUT ? 0 : INVALID_VALUE;
}

static void note_parameters(FakeLaunch *launch, void **parameters) {
    const CuTensorMap *maps = strncmp(launch->symbol, "mapped", 6) == 0 ? parameters[1] : NULL;
    if (parameters[0]) /* else the kernel takes none */
        memcpy(launch->args, parameters[0], sizeof launch->args);
    for (int m = 0; maps && m < fake_cuda.map_count; m++) {
        launch->maps[m] = (int)maps[m].opaque[0];
        launch->map_addresses[m] = maps[m].opaque[1];
    }
}

static FakeLaunch *next_launch(CuStream stream) {
    if (recording && stream == recorded_stream)
        return &recording->nodes[recording->count++];
    return &fake_cuda.launches[fake_cuda.launch_count++ % FAKE_LAUNCHES];
}

EXPORT int cuLaunchKernel(CuFunction function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty,
                          unsigned tz, unsigned shared_bytes, CuStream stream, void **parameters, void **extra) {
    MAY_FAIL;
    if (fake_cuda.fail_launch || extra || y * z * ty * tz != 1 || without_context())
        return LAUNCH_FAILED;
    FakeLaunch *launch = next_launch(stream);
    *launch = (FakeLaunch){.blocks = x, .threads = threads, .shared_bytes = shared_bytes, .stream = stream};
    if (recording) {
        launch->after = recording->after;
        recording->after = UINT64_C(1) << (recording->count - 1);
    }
    memcpy(launch->symbol, (const void *)function, sizeof launch->symbol);
    note_parameters(launch, parameters);
    if (fake_cuda.launched)
        fake_cuda.launched();
    return 0;
}

/* ---- Graphs -------------------------------------------------------------------------------------------------------
 */
EXPORT int cuStreamBeginCapture_v2(CuStream stream, int mode) {
    MAY_FAIL;
    if (recording || !stream || mode != CU_CAPTURE_THREAD_LOCAL || without_context())
        return INVALID_VALUE;
    recording = calloc(1, sizeof *recording);
    recorded_stream = stream;
    fake_cuda.graphs++;
    fake_cuda.captures++;
    return 0;
}
EXPORT int cuStreamEndCapture(CuStream stream, CuGraph *graph) {
    if (!recording || stream != recorded_stream)
        return INVALID_VALUE;
    const int result = fault(__func__);
    *graph = result ? NULL : (CuGraph)(void *)recording;
    if (result) {
        free(recording);
        fake_cuda.graphs--;
    }
    recording = NULL;
    return result;
}
EXPORT int cuGraphInstantiateWithFlags(CuGraphExec *exec, CuGraph graph, unsigned long long flags) {
    MAY_FAIL;
    FakeGraph *copy = malloc(sizeof *copy);
    if (fake_cuda.fail_instantiate || flags || without_context()) {
        free(copy);
        return INVALID_VALUE;
    }
    memcpy(copy, (const void *)graph, sizeof *copy);
    *exec = (CuGraphExec)(void *)copy;
    fake_cuda.graphs++;
    return 0;
}
EXPORT int cuGraphDestroy(CuGraph graph) {
    free(graph);
    fake_cuda.graphs--;
    return ended(__func__);
}
EXPORT int cuGraphExecDestroy(CuGraphExec exec) { return cuGraphDestroy((CuGraph)(void *)exec); }
EXPORT int cuGraphLaunch(CuGraphExec exec, CuStream stream) {
    MAY_FAIL;
    const FakeGraph *graph = (const void *)exec;
    if (fake_cuda.fail_graph_launch || is_captured(stream) || without_context())
        return LAUNCH_FAILED;
    for (int n = 0; n < graph->count; n++) {
        FakeLaunch *launch = next_launch(stream);
        *launch = graph->nodes[n];
        launch->stream = stream;
        launch->in_graph = 1;
    }
    fake_cuda.graph_launches++;
    return 0;
}
EXPORT int cuEventRecord(CuEvent event, CuStream stream) {
    MAY_FAIL;
    return event && stream ? 0 : INVALID_VALUE;
}

#ifndef FAKE_OLD
EXPORT int cuLaunchKernelEx(const CuLaunchConfig *c, CuFunction function, void **parameters, void **extra) {
    const int   result = cuLaunchKernel(function, c->grid_x, c->grid_y, c->grid_z, c->block_x, c->block_y, c->block_z,
                                        c->shared_bytes, c->stream, parameters, extra);
    FakeLaunch *launch = recording ? &recording->nodes[recording->count - 1]
                                   : &fake_cuda.launches[(fake_cuda.launch_count - 1) % FAKE_LAUNCHES];
    for (unsigned a = 0; result == 0 && a < c->attribute_count; a++)
        if (c->attributes[a].id == CU_LAUNCH_OVERLAPS)
            launch->overlaps = c->attributes[a].value.number;
        else if (c->attributes[a].id == CU_LAUNCH_CLUSTER)
            launch->cluster = c->attributes[a].value.dims[0];
    return result;
}

/* A node is the number of kernels recorded so far, its own included. */
EXPORT int cuStreamGetCaptureInfo_v2(CuStream stream, int *capturing, uint64_t *id, CuGraph *graph,
                                     const CuGraphNode **last, size_t *count) {
    MAY_FAIL;
    static CuGraphNode node; /* the driver's own memory */
    if (!recording || stream != recorded_stream || id || graph)
        return INVALID_VALUE;
    node = (CuGraphNode)(uintptr_t)recording->count;
    *capturing = 1;
    *last = &node;
    *count = recording->count > 0;
    return 0;
}
EXPORT int cuStreamUpdateCaptureDependencies(CuStream stream, CuGraphNode *nodes, size_t count, unsigned flags) {
    MAY_FAIL;
    if (!recording || stream != recorded_stream || flags != CU_CAPTURE_SET || fake_cuda.fail_after)
        return INVALID_VALUE;
    recording->after = 0;
    for (size_t n = 0; n < count; n++)
        recording->after |= UINT64_C(1) << ((uintptr_t)nodes[n] - 1);
    return 0;
}
EXPORT int cuGraphExecKernelNodeSetParams_v2(CuGraphExec exec, CuGraphNode node, const CuKernelNode *p) {
    MAY_FAIL;
    FakeGraph    *graph = (void *)exec;
    const int64_t number = (int64_t)(uintptr_t)node;
    if (fake_cuda.fail_update || number < 1 || number > graph->count ||
        p->grid_y * p->grid_z * p->block_y * p->block_z != 1)
        return INVALID_VALUE;
    FakeLaunch *launch = &graph->nodes[number - 1];
    if (strcmp(launch->symbol, (const char *)p->function) != 0)
        return INVALID_VALUE;
    launch->blocks = p->grid_x;
    launch->threads = p->block_x;
    launch->shared_bytes = p->shared_bytes;
    note_parameters(launch, p->parameters);
    fake_cuda.node_updates++;
    return 0;
}

EXPORT int cuTensorMapEncodeTiled(CuTensorMap *map, int type, uint32_t rank, void *address, const uint64_t *dims,
                                  const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                                  int swizzle, int promotion, int fill) {
    MAY_FAIL;
    bool fine = !fake_cuda.fail_encode && (uintptr_t)map % 64 == 0 && address && (uintptr_t)address % 16 == 0;
    for (uint32_t i = 0; i < rank; i++)
        fine = fine && dims[i] > 0 && box[i] > 0 && (i == 0 || (strides[i - 1] > 0 && strides[i - 1] % 16 == 0));
    if (!fine)
        return INVALID_VALUE;
    FakeEncode *encode = &fake_cuda.encodes[fake_cuda.encode_count++ % FAKE_ENCODES];
    *encode = (FakeEncode){.type = type,
                           .rank = (int)rank,
                           .interleave = interleave,
                           .swizzle = swizzle,
                           .promotion = promotion,
                           .fill = fill,
                           .address = (uint64_t)(uintptr_t)address};
    memcpy(encode->dims, dims, rank * sizeof *dims);
    memcpy(encode->strides, strides, (rank - 1) * sizeof *strides);
    memcpy(encode->box, box, rank * sizeof *box);
    memcpy(encode->steps, steps, rank * sizeof *steps);
    *map = (CuTensorMap){{(uint64_t)fake_cuda.encode_count, encode->address}};
    return 0;
}
#endif

/* There so that the table is complete; nothing tested here calls them. */
#define UNUSED(name)                                                                                                   \
    EXPORT int name(void) { return INVALID_VALUE; }
UNUSED(cuEventCreate)
UNUSED(cuEventDestroy_v2)
UNUSED(cuEventSynchronize)
UNUSED(cuEventElapsedTime)
