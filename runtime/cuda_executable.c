/* Loads code for a GPU and launches it: see cuda_executable.h.
 *
 * Workspaces are kept until the executable goes: kernels on their way and captured graphs may still use them. A stream's
 * first one has just the bytes that are needed, each further one at least twice those of the largest before, so that all
 * together are at most twice the largest however slowly shapes grow. What a stream does in turn may share one: therefore the
 * launches that do are enqueued whole, one behind another, whatever threads they are of. */
#include "runtime/cuda_executable.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda_graphs.h"

enum { PLAIN_SHARED = 48 << 10, LOG_BYTES = 1024 };

typedef struct Workspace {
    struct Workspace *next;
    CuPointer         memory;
    int64_t           bytes;
} Workspace;

typedef struct StreamMemory {
    struct StreamMemory *next;
    const void          *stream; /* its cuda_stream_key */
    pthread_mutex_t      turn;   /* of the list, and of a launch until the last kernel that uses one of it is enqueued */
    Workspace           *workspaces;
} StreamMemory;

struct CudaExecutable {
    const CodeObject *object;
    CudaDevice       *device;
    CuModule         *modules; /* by phase: of the first one of an image; NULL: it is that of a phase before */
    CuFunction       *phases;
    CudaPhaseFacts   *facts;
    MapCache         *maps;   /* NULL: no phase has any */
    CudaGraphs       *graphs; /* NULL: the driver cannot */
    int               tensor_count; /* that a launch takes */
    bool              works;        /* there is working memory */
    pthread_mutex_t   lock;   /* of the list; never held while a turn is waited for */
    StreamMemory     *streams;
};

/* ---- Loading ------------------------------------------------------------------------------------------------------
 */
/* The phase whose image phase p is in, too: the first one of it. */
static int image_phase(const CodeObject *object, int p) {
    int first = 0;
    while (object->phases[first].code_at != object->phases[p].code_at)
        first++;
    return first;
}

/* The PTX of a phase's image, malloc'd. */
static char *image_ptx(const CodeObject *object, int p) {
    const int64_t from = object->phases[p].ptx_at;
    int64_t       to = (int64_t)strlen(object->ptx);
    for (int q = 0; q < object->phase_count; q++)
        if (object->phases[q].ptx_at > from && object->phases[q].ptx_at < to)
            to = object->phases[q].ptx_at;
    return strndup(object->ptx + from, (size_t)(to - from));
}

/* The cubin, or, on a chip newer than it, the PTX, which the driver then compiles. */
static Status load_module(Ctx *ctx, CudaExecutable *executable, int p) {
    const CodeObject *object = executable->object;
    const CudaDriver *driver = &executable->device->driver;
    const CudaFacts  *facts = &executable->device->facts;
    char              log[LOG_BYTES] = "";
    const int         options[] = {CU_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_SIZE};
    void             *values[] = {log, (void *)(uintptr_t)sizeof log};
    CuModule         *module = &executable->modules[p];
    int               result = driver->module_load(module, object->payload + object->phases[p].code_at, 0, NULL, NULL);
    char             *ptx = result == CU_RESULT_NO_BINARY && object->ptx ? image_ptx(object, p) : NULL;
    if (ptx && *ptx)
        result = driver->module_load(module, ptx, 2, options, values);
    free(ptx);
    if (result == CU_RESULT_NO_BINARY)
        return ctx_fail(ctx, ST_NO_DEVICE, object->name, "compile it with --target cuda",
                        "is for %s, and device %d is a %s (sm_%d%d)", object->target, facts->index, facts->name,
                        facts->major, facts->minor);
    log[strcspn(log, "\n")] = '\0';
    return cuda_check(ctx, driver, result, object->name, *log ? log : "cuModuleLoadData");
}

/* Kernels run on one multiprocessor at the same time only where they split its memory alike into cache and shared
 * memory: those that overlap all take the most of shared memory. */
static bool overlaps_neighbour(const CodeObject *object, int p) {
    return object->phases[p].overlaps || (p + 1 < object->phase_count && object->phases[p + 1].overlaps);
}

static Status load_phase(Ctx *ctx, CudaExecutable *executable, int p) {
    const CudaDriver *driver = &executable->device->driver;
    const CodePhase  *phase = &executable->object->phases[p];
    CudaPhaseFacts   *facts = &executable->facts[p];
    const int         image = image_phase(executable->object, p);
    CuFunction        function;
    if (image == p)
        TRY(load_module(ctx, executable, p));
    TRY(cuda_check(ctx, driver, driver->module_function(&function, executable->modules[image], phase->symbol),
                   phase->symbol, "cuModuleGetFunction"));
    executable->phases[p] = function;
    TRY(cuda_check(ctx, driver, driver->function_get(&facts->max_threads, CU_FUNCTION_MAX_THREADS, function),
                   phase->symbol, "cuFuncGetAttribute"));
    driver->function_get(&facts->registers, CU_FUNCTION_REGISTERS, function);
    if (phase->threads < 1 || phase->threads > facts->max_threads)
        return ctx_fail(ctx, ST_NO_DEVICE, phase->symbol, "use a schedule with fewer warps or smaller tiles",
                        "wants %d threads a block, but with its %d registers a thread at most %d fit", phase->threads,
                        facts->registers, facts->max_threads);
    if (phase->shared_bytes > executable->device->facts.shared_bytes)
        return ctx_fail(ctx, ST_NO_DEVICE, phase->symbol, "use a schedule with smaller tiles or fewer stages",
                        "wants %lld bytes of shared memory a block, the device has %d", (long long)phase->shared_bytes,
                        executable->device->facts.shared_bytes);
    if ((phase->overlaps || phase->cluster) && !driver->launch_with)
        return ctx_fail(ctx, ST_NO_DEVICE, phase->symbol, "install driver 525 (CUDA 12.0) or newer",
                        "%s, and the driver has no cuLaunchKernelEx",
                        phase->cluster ? "has clusters of blocks" : "overlaps the kernel before it");
    if (overlaps_neighbour(executable->object, p)) /* a hint: without it nothing is wrong */
        driver->function_set(function, CU_FUNCTION_CARVEOUT, 100);
    if (phase->shared_bytes <= PLAIN_SHARED)
        return ST_OK;
    return cuda_check(ctx, driver, driver->function_set(function, CU_FUNCTION_DYNAMIC_SHARED, (int)phase->shared_bytes),
                      phase->symbol, "cuFuncSetAttribute");
}

static Status load_inside(Ctx *ctx, CudaExecutable *executable) {
    for (int p = 0; p < executable->object->phase_count; p++)
        TRY(load_phase(ctx, executable, p));
    return ST_OK;
}

static Status load(Ctx *ctx, CudaExecutable *executable) {
    const size_t count = (size_t)executable->object->phase_count;
    bool         pushed;
    TRY(launch_check_object(ctx, executable->object));
    executable->modules = calloc(count + 1, sizeof(CuModule));
    executable->phases = calloc(count + 1, sizeof(CuFunction));
    executable->facts = calloc(count + 1, sizeof *executable->facts);
    if (!executable->modules || !executable->phases || !executable->facts)
        return ctx_fail(ctx, ST_NO_MEMORY, executable->object->name, NULL, "out of memory");
    for (int p = 0; p < executable->object->param_count; p++)
        if (executable->object->params[p].role == PARAM_WORK)
            executable->works = true;
        else
            executable->tensor_count++;
    executable->graphs = cuda_graphs_new(&executable->device->driver);
    TRY(map_cache_new(ctx, executable->object, &executable->device->driver, &executable->maps));
    TRY(cuda_enter(ctx, executable->device, &pushed));
    const int    mode = cuda_relax(executable->device);
    const Status status = load_inside(ctx, executable);
    cuda_restore(executable->device, mode);
    cuda_leave(executable->device, pushed);
    return status;
}

Status cuda_executable_load(Ctx *ctx, CudaDevice *device, const CodeObject *object, CudaExecutable **out) {
    CudaExecutable *executable = calloc(1, sizeof *executable);
    if (!executable)
        return ctx_fail(ctx, ST_NO_MEMORY, object->name, NULL, "out of memory");
    executable->object = object;
    executable->device = device;
    pthread_mutex_init(&executable->lock, NULL);
    const Status status = load(ctx, executable);
    if (status == ST_OK)
        *out = executable;
    else
        cuda_executable_free(executable);
    return status;
}

static void free_stream_memory(const CudaDevice *device, StreamMemory *stream) {
    while (stream->workspaces) {
        Workspace *next = stream->workspaces->next;
        cuda_free(device, stream->workspaces->memory);
        free(stream->workspaces);
        stream->workspaces = next;
    }
    pthread_mutex_destroy(&stream->turn);
    free(stream);
}

static void free_inside(CudaExecutable *executable) {
    while (executable->streams) {
        StreamMemory *next = executable->streams->next;
        free_stream_memory(executable->device, executable->streams);
        executable->streams = next;
    }
    cuda_graphs_free(executable->graphs);
    for (int p = 0; executable->modules && p < executable->object->phase_count; p++)
        if (executable->modules[p])
            executable->device->driver.module_unload(executable->modules[p]);
}

void cuda_executable_free(CudaExecutable *executable) {
    if (!executable)
        return;
    const bool pushed = cuda_enter_to_free(executable->device);
    const int  mode = cuda_relax(executable->device); /* another thread may be capturing */
    free_inside(executable);
    cuda_restore(executable->device, mode);
    cuda_leave(executable->device, pushed);
    pthread_mutex_destroy(&executable->lock);
    map_cache_free(executable->maps);
    free(executable->modules);
    free(executable->phases);
    free(executable->facts);
    free(executable);
}

const CodeObject *cuda_executable_object(const CudaExecutable *executable) { return executable->object; }
CudaDevice       *cuda_executable_device(const CudaExecutable *executable) { return executable->device; }
CudaPhaseFacts cuda_executable_phase(const CudaExecutable *executable, int phase) { return executable->facts[phase]; }

/* ---- Workspaces ---------------------------------------------------------------------------------------------------
 */
static Workspace *find_workspace(const StreamMemory *stream, int64_t bytes) {
    Workspace *at = stream->workspaces;
    while (at && at->bytes < bytes)
        at = at->next;
    return at;
}

/* All of the stream are smaller than what is needed. */
static int64_t workspace_size(const StreamMemory *stream, int64_t bytes) {
    int64_t size = bytes;
    for (const Workspace *at = stream->workspaces; at; at = at->next)
        if (size < 2 * at->bytes)
            size = 2 * at->bytes;
    return size;
}

/* What is needed, where there is no more. */
static Status alloc_workspace(Ctx *ctx, CudaExecutable *executable, int64_t bytes, Workspace *workspace) {
    Status status = cuda_alloc(ctx, executable->device, workspace->bytes, &workspace->memory);
    if (status != ST_NO_MEMORY || workspace->bytes == bytes)
        return status;
    ctx_clear(ctx);
    workspace->bytes = bytes;
    return cuda_alloc(ctx, executable->device, bytes, &workspace->memory);
}

static Status make_workspace(Ctx *ctx, CudaExecutable *executable, StreamMemory *stream, int64_t bytes, CuPointer *memory) {
    Workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace)
        return ctx_fail(ctx, ST_NO_MEMORY, executable->object->name, NULL, "out of memory");
    workspace->bytes = workspace_size(stream, bytes);
    const int    mode = cuda_relax(executable->device);
    const Status status = alloc_workspace(ctx, executable, bytes, workspace);
    cuda_restore(executable->device, mode);
    if (status != ST_OK) {
        free(workspace);
        return status;
    }
    *memory = workspace->memory;
    workspace->next = stream->workspaces;
    stream->workspaces = workspace;
    return ST_OK;
}

/* Memory cannot be had while the stream is being captured: the allocation would be outside the graph, or end the
 * capture. */
static Status check_not_capturing(Ctx *ctx, const CudaExecutable *executable, CuStream stream) {
    return !cuda_is_known_capturing(&executable->device->driver, stream)
               ? ST_OK
               : ctx_fail(ctx, ST_USAGE, executable->object->name,
                          "call prepare for this stream and shape before the capture begins",
                          "needs a workspace while the stream is being captured");
}

static StreamMemory *new_stream_memory(const void *stream) {
    StreamMemory *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->stream = stream;
    pthread_mutex_init(&made->turn, NULL);
    return made;
}

/* NULL: there is none yet and none is to be made, or memory ran out. */
static StreamMemory *memory_of_stream(CudaExecutable *executable, const void *stream, bool make) {
    pthread_mutex_lock(&executable->lock);
    StreamMemory *at = executable->streams;
    while (at && at->stream != stream)
        at = at->next;
    if (!at && make && (at = new_stream_memory(stream))) {
        at->next = executable->streams;
        executable->streams = at;
    }
    pthread_mutex_unlock(&executable->lock);
    return at;
}

/* What a launch works in. `stream`: whose turn it has, NULL where the memory is the caller's or none. */
typedef struct Work {
    CuPointer     memory;
    StreamMemory *stream;
} Work;

static void end_turn(Work *work) {
    if (work->stream)
        pthread_mutex_unlock(&work->stream->turn);
    work->stream = NULL;
}

static Status own_workspace(Ctx *ctx, CudaExecutable *executable, CuStream stream, int64_t bytes, Work *work) {
    Status status = ST_OK;
    work->stream = memory_of_stream(executable, cuda_stream_key(stream), true);
    if (!work->stream)
        return ctx_fail(ctx, ST_NO_MEMORY, executable->object->name, NULL, "out of memory");
    pthread_mutex_lock(&work->stream->turn);
    const Workspace *found = find_workspace(work->stream, bytes);
    if (found)
        work->memory = found->memory;
    else
        status = check_not_capturing(ctx, executable, stream);
    if (!found && status == ST_OK)
        status = make_workspace(ctx, executable, work->stream, bytes, &work->memory);
    if (status != ST_OK)
        end_turn(work);
    return status;
}

/* Where that is ST_OK, end_turn has to follow when all is enqueued. */
static Status begin_turn(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, int64_t bytes, Work *work) {
    *work = (Work){place->workspace, NULL};
    if (bytes == 0)
        return ST_OK;
    if (!place->workspace)
        return own_workspace(ctx, executable, place->stream, bytes, work);
    if (place->workspace_bytes < bytes)
        return ctx_fail(ctx, ST_USAGE, "workspace", NULL, "has %lld bytes, should have %lld",
                        (long long)place->workspace_bytes, (long long)bytes);
    if (place->workspace % 256 != 0)
        return ctx_fail(ctx, ST_USAGE, "workspace", NULL, "is not aligned to 256 bytes");
    return ST_OK;
}

/* ---- Launching ----------------------------------------------------------------------------------------------------
 */
/* "B=2 T=5 N=2". */
typedef struct SizesText {
    char text[80];
} SizesText;

static SizesText sizes_text(const LaunchSizes *sizes) {
    SizesText out;
    snprintf(out.text, sizeof out.text, "B=%lld T=%lld N=%lld", (long long)sizes->syms[SYM_B],
             (long long)sizes->syms[SYM_T], (long long)sizes->syms[SYM_N]);
    return out;
}

static Status launch_failed(Ctx *ctx, const CudaExecutable *executable, const CudaStep *step, const LaunchSizes *sizes,
                            int result) {
    char what[256];
    snprintf(what, sizeof what, "launch with %u blocks of %u threads and %u bytes, %s", step->blocks, step->threads,
             step->shared_bytes, sizes_text(sizes).text);
    return cuda_check(ctx, &executable->device->driver, result, executable->object->phases[step->phase].symbol, what);
}

/* For whoever times the phases one by one. */
static Status mark(Ctx *ctx, const CudaExecutable *executable, const CudaPlace *place, int phase) {
    const CudaDriver *driver = &executable->device->driver;
    if (!place->events)
        return ST_OK;
    return cuda_check(ctx, driver, driver->event_record(place->events[phase], place->stream), executable->object->name,
                      "cuEventRecord");
}

static Status graph_result(Ctx *ctx, const CudaExecutable *executable, const CudaCall *call, int steps, int result) {
    LaunchSizes sizes;
    char        what[128];
    if (result == 0) /* no text for nothing: this runs at every launch */
        return ST_OK;
    TRY(launch_bind(ctx, executable->object, call->tensors, call->position, &sizes));
    snprintf(what, sizeof what, "launch of %d kernels, %s", steps, sizes_text(&sizes).text);
    return cuda_check(ctx, &executable->device->driver, result, executable->object->name, what);
}

static Status launch_steps(Ctx *ctx, const CudaExecutable *executable, const CudaPlace *place, const LaunchSizes *sizes,
                           CudaLaunch *launch) {
    const int count = executable->object->phase_count;
    for (int p = 0, s = 0; p < count; p++) {
        TRY(mark(ctx, executable, place, p));
        if (s == launch->step_count || launch->steps[s].phase != p)
            continue;
        const int result = cuda_launch_step(&executable->device->driver, launch, s, place->stream);
        if (result != 0)
            return launch_failed(ctx, executable, &launch->steps[s], sizes, result);
        s++;
    }
    return mark(ctx, executable, place, count);
}

static Status plan(Ctx *ctx, const CudaExecutable *executable, const Tensor *tensors, const LaunchSizes *sizes,
                   CuPointer work, int slice, CudaLaunch *launch) {
    launch_fill(executable->object, tensors, sizes, (uint8_t *)(uintptr_t)work, launch->args);
    launch_slice(executable->object, sizes, slice, launch->args);
    return cuda_launch_plan(ctx, executable->object, executable->device, executable->phases, executable->maps, sizes,
                            launch);
}

/* What all slices of a launch have in common. */
typedef struct Sliced {
    Ctx                  *ctx;
    const CudaExecutable *executable;
    const Tensor         *tensors;
    const LaunchSizes    *sizes;
    CuPointer             work;
} Sliced;

static Status plan_slice(const Sliced *s, int slice, CudaLaunch *launch) {
    return plan(s->ctx, s->executable, s->tensors, s->sizes, s->work, slice, launch);
}

/* Quietly: where a graph cannot be used, launches go step by step, and may well succeed. */
static bool could_plan(void *arg, int slice, CudaLaunch *launch) {
    Ctx    quiet;
    Sliced sliced = *(const Sliced *)arg;
    sliced.ctx = &quiet;
    ctx_init(&quiet);
    return plan_slice(&sliced, slice, launch) == ST_OK;
}

/* Slices of the heads take turns in the working memory: the first phase of each waits for all before it. */
static Status launch_in(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const CudaCall *call,
                        const LaunchSizes *sizes, CuPointer work) {
    CudaLaunch       launch;
    int              result;
    Sliced           sliced = {ctx, executable, call->tensors, sizes, work};
    const CudaSlices slices = {sizes->slices, could_plan, &sliced};
    TRY(plan_slice(&sliced, 0, &launch));
    if (!place->events && cuda_graphs_launch(executable->graphs, &launch, &slices, call, place->stream, &result))
        return graph_result(ctx, executable, call, launch.step_count, result);
    for (int slice = 0; slice < sizes->slices; slice++) {
        if (sizes->slices > 1)
            TRY(plan_slice(&sliced, slice, &launch));
        TRY(launch_steps(ctx, executable, place, sizes, &launch));
    }
    return ST_OK;
}

static Status launch_anew(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const CudaCall *call) {
    LaunchSizes sizes;
    Work        work;
    TRY(launch_bind(ctx, executable->object, call->tensors, call->position, &sizes));
    TRY(launch_check_data(ctx, executable->object, call->tensors));
    TRY(begin_turn(ctx, executable, place, sizes.work_bytes, &work));
    const Status status = launch_in(ctx, executable, place, call, &sizes, work.memory);
    end_turn(&work);
    return status;
}

/* A call that a graph has had, on a stream that has a workspace if there is one: false where there is no such graph. It takes its
 * turn, too: what the graph works in may be what another thread's launch, of kernels one by one, is using. */
static bool repeat(CudaExecutable *executable, const CudaPlace *place, const CudaCall *call, int *steps, int *result) {
    Work work = {0};
    if (place->events)
        return false;
    if (executable->works && !place->workspace) {
        work.stream = memory_of_stream(executable, cuda_stream_key(place->stream), false);
        if (!work.stream)
            return false;
        pthread_mutex_lock(&work.stream->turn);
    }
    const bool done = cuda_graphs_repeat(executable->graphs, call, place->stream, steps, result);
    end_turn(&work);
    return done;
}

Status cuda_executable_launch(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const Tensor *tensors,
                              int64_t position) {
    const CudaCall call = {tensors, executable->tensor_count, position, place->workspace, place->workspace_bytes};
    bool           pushed;
    int            steps, result;
    TRY(cuda_enter(ctx, executable->device, &pushed));
    const bool   again = repeat(executable, place, &call, &steps, &result);
    const Status status =
        again ? graph_result(ctx, executable, &call, steps, result) : launch_anew(ctx, executable, place, &call);
    cuda_leave(executable->device, pushed);
    return status;
}

/* The driver does not say which kernel of the stream it was: all of the launch are named, as far as there is room. */
static Status fault(Ctx *ctx, const CudaExecutable *executable, const Tensor *tensors, int64_t position, int result) {
    const CodeObject *object = executable->object;
    LaunchSizes       sizes;
    char              names[600] = "", what[768];
    size_t            length = 0;
    TRY(launch_bind(ctx, object, tensors, position, &sizes));
    for (int p = 0; p < object->phase_count && length < sizeof names; p++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", p > 0 ? ", " : "", object->phases[p].symbol);
    snprintf(what, sizeof what, "a fault in %s, or in what ran before, %s, position %lld", names, sizes_text(&sizes).text,
             (long long)position);
    return cuda_check(ctx, &executable->device->driver, result, object->name, what);
}

Status cuda_executable_wait(Ctx *ctx, const CudaExecutable *executable, CuStream stream, const Tensor *tensors,
                            int64_t position) {
    bool pushed;
    TRY(cuda_enter(ctx, executable->device, &pushed));
    const int result = executable->device->driver.stream_wait(stream);
    cuda_leave(executable->device, pushed);
    return result == 0 ? ST_OK : fault(ctx, executable, tensors, position, result);
}

/* What a launch would refuse is for the launch to say: here there is no graph then. */
static void prepare_graph(const CudaExecutable *executable, const CudaPlace *place, const Tensor *tensors,
                          const LaunchSizes *sizes, CuPointer work) {
    Ctx              quiet;
    CudaLaunch       launch;
    Sliced           sliced = {&quiet, executable, tensors, sizes, work};
    const CudaSlices slices = {sizes->slices, could_plan, &sliced};
    ctx_init(&quiet);
    if (!cuda_is_capturing(&executable->device->driver, place->stream) && plan_slice(&sliced, 0, &launch) == ST_OK)
        cuda_graphs_prepare(executable->graphs, &launch, &slices, place->stream);
    ctx_free(&quiet);
}

static Status prepare_inside(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const Tensor *tensors,
                             const LaunchSizes *sizes) {
    Work work;
    TRY(begin_turn(ctx, executable, place, sizes->work_bytes, &work));
    end_turn(&work); /* nothing is enqueued */
    const int mode = cuda_relax(executable->device);
    prepare_graph(executable, place, tensors, sizes, work.memory);
    cuda_restore(executable->device, mode);
    return ST_OK;
}

Status cuda_executable_prepare(Ctx *ctx, CudaExecutable *executable, const CudaPlace *place, const Tensor *tensors) {
    LaunchSizes sizes;
    bool        pushed;
    TRY(launch_bind(ctx, executable->object, tensors, 0, &sizes));
    TRY(cuda_enter(ctx, executable->device, &pushed));
    const Status status = prepare_inside(ctx, executable, place, tensors, &sizes);
    cuda_leave(executable->device, pushed);
    return status;
}

bool cuda_executable_takes(const CudaExecutable *executable, const Tensor *tensors) {
    return map_cache_takes(executable->maps, tensors);
}

Status cuda_executable_memory(Ctx *ctx, const CudaExecutable *executable, const Tensor *tensors, int64_t *bytes) {
    LaunchSizes sizes;
    TRY(launch_bind(ctx, executable->object, tensors, 0, &sizes));
    *bytes = sizes.work_bytes;
    return ST_OK;
}
