/* Launches as graphs: see cuda_graphs.h.
 *
 * A graph is recorded from the launch's own steps, on a stream of its own, so that overlaps become what they are in the
 * caller's stream; but for phases that need not wait for each other, which are in the graph as the code object has them.
 * What is enqueued already keeps its arguments when those of the graph change. A graph never runs
 * beside itself: therefore each stream has its own. All are in one list, in no order; the table `calls` leads to the one that
 * most likely had a call, so that many cost no more than one. */
#include "runtime/cuda_graphs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MOST_GRAPHS = 128, MOST_ALIKE = 64 /* more than most models have layers of a kind */, CALL_BITS = 9 };

typedef struct Recorded {
    struct Recorded *next; /* from here on what is looked at where there are many: a line of the processor's cache */
    uint64_t         used; /* the number of the use that was its last one */
    const void      *stream; /* its cuda_stream_key */
    uint32_t         phases;
    unsigned         cluster;
    int64_t          slices;
    bool             broken;    /* could not be made or changed: kept, so that it is not tried again */
    uint64_t         hash;      /* of args */
    uint64_t         call_hash; /* of `call` */
    CuGraph          graph;
    CuGraphExec      exec;
    CuGraphNode     *nodes;             /* one a step, slice by slice */
    int              steps;             /* of a slice */
    CudaCall         call;              /* that had these arguments last, with `tensors`; no tensors: there was none */
    Tensor           tensors[LAUNCH_MAX_PARAMS];
    int64_t          args[LAUNCH_ARGS]; /* that the nodes of the first slice have: all else follows from them */
} Recorded;

struct CudaGraphs {
    const CudaDriver *driver;
    pthread_mutex_t   lock;
    Recorded         *first;
    int               count;
    uint64_t          uses;                  /* so far */
    Recorded         *calls[1 << CALL_BITS]; /* by a hash of theirs; one that is not in the list any more has no place here */
};

CudaGraphs *cuda_graphs_new(const CudaDriver *driver) {
    if (!driver->capture_info || !driver->graph_set_kernel)
        return NULL;
    CudaGraphs *graphs = calloc(1, sizeof *graphs);
    if (!graphs)
        return NULL;
    graphs->driver = driver;
    pthread_mutex_init(&graphs->lock, NULL);
    return graphs;
}

static void free_recorded(const CudaDriver *driver, Recorded *recorded) {
    if (recorded->exec)
        driver->graph_exec_destroy(recorded->exec);
    if (recorded->graph)
        driver->graph_destroy(recorded->graph);
    free(recorded->nodes);
    free(recorded);
}

void cuda_graphs_free(CudaGraphs *graphs) {
    if (!graphs)
        return;
    while (graphs->first) {
        Recorded *next = graphs->first->next;
        free_recorded(graphs->driver, graphs->first);
        graphs->first = next;
    }
    pthread_mutex_destroy(&graphs->lock);
    free(graphs);
}

/* ---- Recording ----------------------------------------------------------------------------------------------------
 */
/* The node that a stream under capture would wait for next. */
static bool last_node(const CudaDriver *driver, CuStream stream, CuGraphNode *node) {
    const CuGraphNode *nodes = NULL;
    size_t             count = 0;
    int                capturing = 0;
    if (driver->capture_info(stream, &capturing, NULL, NULL, &nodes, &count) != 0 || count != 1)
        return false;
    *node = nodes[0];
    return true;
}

/* Steps of two slices: bit s is step s of this one, bit BEFORE + s of the one before. */
enum { BEFORE = 32 };

typedef struct Order {
    uint64_t waits[LAUNCH_MAX_PHASES]; /* by step: for what */
    uint64_t ended[LAUNCH_MAX_PHASES]; /* what has ended when it has, and itself */
    uint64_t last[LAUNCH_MAX_PHASES];  /* `ended` of the slice before */
} Order;

static uint64_t step_bit(int step) { return UINT64_C(1) << step; }

/* Steps that overlap the one before wait for that one alone: it waits for what they would. The first of a row of such steps
 * waits itself, and then does not overlap, for what comes before it may as well run earlier. */
static void find_waits(const CudaLaunch *launch, bool first, Order *order) {
    for (int s = 0; s < launch->step_count; s++) {
        const CudaStep *step = &launch->steps[s];
        order->waits[s] = 0;
        for (int q = 0; q < launch->step_count; q++) {
            const int phase = launch->steps[q].phase;
            order->waits[s] |= q < s && !(step->beside >> phase & 1) ? step_bit(q) : 0;
            order->waits[s] |= !first && !(step->beside_before >> phase & 1) ? step_bit(BEFORE + q) : 0;
        }
    }
    for (int s = launch->step_count - 1; s > 0; s--)
        if (launch->steps[s].overlaps && launch->steps[s - 1].overlaps)
            order->waits[s - 1] |= order->waits[s] & ~step_bit(s - 1);
}

/* What step s has to be told to wait for: not what has ended anyway when another one of those has. */
static uint64_t least_waits(const CudaLaunch *launch, Order *order, int s) {
    uint64_t least = 0;
    order->ended[s] = step_bit(s);
    for (int q = s - 1; q >= 0; q--)
        if (order->waits[s] & ~order->ended[s] & step_bit(q)) {
            least |= step_bit(q);
            order->ended[s] |= order->ended[q];
        }
    for (int q = launch->step_count - 1; q >= 0; q--)
        if (order->waits[s] & ~order->ended[s] & step_bit(BEFORE + q)) {
            least |= step_bit(BEFORE + q);
            order->ended[s] |= order->last[q] << BEFORE;
        }
    return least;
}

/* `nodes`: of this slice. Does the stream now wait for those of `least` alone? */
static bool wait_for(const CudaDriver *driver, CuStream stream, CuGraphNode *nodes, const CudaLaunch *launch,
                     uint64_t least) {
    CuGraphNode some[2 * LAUNCH_MAX_PHASES];
    size_t      count = 0;
    for (int q = 0; q < launch->step_count; q++) {
        if (least & step_bit(q))
            some[count++] = nodes[q];
        if (least & step_bit(BEFORE + q))
            some[count++] = nodes[q - launch->step_count];
    }
    return driver->capture_after(stream, some, count, CU_CAPTURE_SET) == 0;
}

/* Where nothing has to be waited for, the step before is. */
static bool record_step(const CudaDriver *driver, CudaLaunch *launch, Order *order, int s, CuStream stream,
                        CuGraphNode *nodes) {
    const uint64_t before = s > 0 ? step_bit(s - 1) : step_bit(BEFORE + launch->step_count - 1);
    const uint64_t least = least_waits(launch, order, s);
    if (driver->capture_after && least != 0 && least != before) {
        launch->steps[s].overlaps = false;
        if (!wait_for(driver, stream, nodes, launch, least))
            return false;
    }
    return cuda_launch_step(driver, launch, s, stream) == 0 && last_node(driver, stream, &nodes[s]);
}

static bool record_steps(const CudaDriver *driver, CudaLaunch *launch, const CudaSlices *slices, CuStream stream,
                         Recorded *recorded) {
    bool      right = true;
    Order     order = {0};
    const int count = launch->step_count;
    recorded->nodes = calloc((size_t)(slices->count * count), sizeof *recorded->nodes);
    if (!recorded->nodes || driver->capture_begin(stream, CU_CAPTURE_THREAD_LOCAL) != 0)
        return false;
    for (int slice = 0; slice < slices->count && right; slice++) {
        right = slice == 0 || slices->plan(slices->arg, slice, launch);
        memcpy(order.last, order.ended, sizeof order.last);
        find_waits(launch, slice == 0, &order);
        for (int s = 0; s < count && right; s++)
            right = record_step(driver, launch, &order, s, stream, recorded->nodes + slice * count);
    }
    right &= driver->capture_end(stream, &recorded->graph) == 0;
    return right && driver->graph_instantiate(&recorded->exec, recorded->graph, 0) == 0;
}

static size_t args_bytes(const CudaLaunch *launch) { return (size_t)launch->args_count * sizeof launch->args[0]; }

static uint64_t hash_args(const CudaLaunch *launch) { return XXH3_64bits(launch->args, args_bytes(launch)); }

static void note_args(Recorded *recorded, const CudaLaunch *launch, uint64_t hash) {
    memcpy(recorded->args, launch->args, args_bytes(launch));
    recorded->hash = hash;
    recorded->call.count = 0;
    recorded->call_hash = 0;
}

static Recorded *record(const CudaDriver *driver, CudaLaunch *launch, const CudaSlices *slices, CuStream stream, uint64_t hash) {
    Recorded *recorded = calloc(1, sizeof *recorded);
    CuStream  own;
    if (!recorded)
        return NULL;
    recorded->stream = cuda_stream_key(stream);
    recorded->phases = launch->phases;
    recorded->cluster = launch->cluster;
    recorded->slices = slices->count;
    recorded->steps = launch->step_count;
    recorded->broken = true;
    note_args(recorded, launch, hash);
    if (driver->stream_create(&own, CU_STREAM_NON_BLOCKING) == 0) {
        recorded->broken = !record_steps(driver, launch, slices, own, recorded);
        driver->stream_destroy(own);
    }
    return recorded;
}

/* What there is for a stream and set of phases, or NULL. */
typedef struct Found {
    Recorded *exact, *oldest; /* of these arguments; used least recently of those that are not broken */
    int       count;
} Found;

static Found find(CudaGraphs *graphs, const CudaLaunch *launch, int64_t slices, CuStream stream, uint64_t hash) {
    Found             found = {0};
    const void *const key = cuda_stream_key(stream);
    for (Recorded *at = graphs->first; at && !found.exact; at = at->next) {
        if (at->stream != key || at->phases != launch->phases || at->cluster != launch->cluster || at->slices != slices)
            continue;
        found.count++;
        if (!at->broken && (!found.oldest || at->used < found.oldest->used))
            found.oldest = at;
        if (at->hash == hash && memcmp(at->args, launch->args, args_bytes(launch)) == 0)
            found.exact = at;
    }
    return found;
}

static void note_use(CudaGraphs *graphs, Recorded *recorded) { recorded->used = ++graphs->uses; }

/* The one that was used least recently goes; if it still runs, the driver frees it behind that. */
static void drop_oldest(CudaGraphs *graphs) {
    Recorded **oldest = &graphs->first;
    for (Recorded **link = oldest; *link; link = &(*link)->next)
        oldest = (*link)->used < (*oldest)->used ? link : oldest;
    Recorded *const recorded = *oldest;
    *oldest = recorded->next;
    for (int c = 0; c < 1 << CALL_BITS; c++)
        graphs->calls[c] = graphs->calls[c] == recorded ? NULL : graphs->calls[c];
    free_recorded(graphs->driver, recorded);
    graphs->count--;
}

static void add(CudaGraphs *graphs, Recorded *recorded) {
    if (graphs->count == MOST_GRAPHS)
        drop_oldest(graphs);
    note_use(graphs, recorded);
    recorded->next = graphs->first;
    graphs->first = recorded;
    graphs->count++;
}

void cuda_graphs_prepare(CudaGraphs *graphs, CudaLaunch *launch, const CudaSlices *slices, CuStream stream) {
    if (!graphs || launch->step_count == 0)
        return;
    const uint64_t hash = hash_args(launch);
    pthread_mutex_lock(&graphs->lock);
    const Found found = find(graphs, launch, slices->count, stream, hash);
    const bool  wanted = !found.exact && found.count < MOST_ALIKE;
    Recorded   *recorded = wanted ? record(graphs->driver, launch, slices, stream, hash) : NULL;
    if (recorded)
        add(graphs, recorded);
    pthread_mutex_unlock(&graphs->lock);
}

/* ---- Launching ----------------------------------------------------------------------------------------------------
 */
static bool set_steps(const CudaDriver *driver, CudaLaunch *launch, const Recorded *recorded, int slice) {
    for (int s = 0; s < launch->step_count; s++) {
        const CudaStep *step = &launch->steps[s];
        void           *parameters[2];
        cuda_launch_parameters(launch, s, parameters);
        const CuKernelNode node = {.function = step->function,
                                   .grid_x = step->blocks,
                                   .grid_y = 1,
                                   .grid_z = 1,
                                   .block_x = step->threads,
                                   .block_y = 1,
                                   .block_z = 1,
                                   .shared_bytes = step->shared_bytes,
                                   .parameters = parameters};
        if (driver->graph_set_kernel(recorded->exec, recorded->nodes[slice * launch->step_count + s], &node) != 0)
            return false;
    }
    return true;
}

static bool set_slices(const CudaDriver *driver, CudaLaunch *launch, const CudaSlices *slices, Recorded *recorded, uint64_t hash) {
    note_args(recorded, launch, hash);
    for (int slice = 0; slice < slices->count; slice++)
        if ((slice > 0 && !slices->plan(slices->arg, slice, launch)) || !set_steps(driver, launch, recorded, slice))
            return false;
    return true;
}

static size_t tensors_bytes(const CudaCall *call) { return (size_t)call->count * sizeof call->tensors[0]; }

/* Addresses tell most calls apart. */
static uint64_t hash_call(const CudaCall *call, CuStream stream) {
    uint64_t hash = (uint64_t)(uintptr_t)cuda_stream_key(stream) ^ (uint64_t)call->position ^ call->workspace;
    for (int t = 0; t < call->count; t++)
        hash = (hash ^ (uint64_t)(uintptr_t)call->tensors[t].data) * UINT64_C(0x9e3779b97f4a7c15);
    return hash;
}

static Recorded **place_of(CudaGraphs *graphs, uint64_t hash) { return &graphs->calls[hash >> (64 - CALL_BITS)]; }

static void note_call(CudaGraphs *graphs, Recorded *recorded, const CudaCall *call, uint64_t hash) {
    recorded->call = *call;
    recorded->call.tensors = memcpy(recorded->tensors, call->tensors, tensors_bytes(call));
    recorded->call_hash = hash;
    *place_of(graphs, hash) = recorded;
}

static bool had_call(const Recorded *recorded, const CudaCall *call, const void *stream, uint64_t hash) {
    const CudaCall *last = &recorded->call;
    return recorded->call_hash == hash && recorded->stream == stream && last->count == call->count &&
           last->position == call->position && last->workspace == call->workspace &&
           last->workspace_bytes == call->workspace_bytes && memcmp(last->tensors, call->tensors, tensors_bytes(call)) == 0;
}

static bool launch_found(CudaGraphs *graphs, CudaLaunch *launch, const CudaSlices *slices, const Found *found, const CudaCall *call,
                         CuStream stream, uint64_t hash, int *result) {
    const bool exact = found->exact && !found->exact->broken;
    Recorded  *recorded = exact ? found->exact : found->oldest;
    if (!recorded || cuda_is_capturing(graphs->driver, stream)) /* a graph cannot be launched into a capture */
        return false;
    note_use(graphs, recorded);
    recorded->broken = !exact && !set_slices(graphs->driver, launch, slices, recorded, hash);
    if (recorded->broken)
        return false;
    note_call(graphs, recorded, call, hash_call(call, stream));
    *result = graphs->driver->graph_launch(recorded->exec, stream);
    return true;
}

bool cuda_graphs_launch(CudaGraphs *graphs, CudaLaunch *launch, const CudaSlices *slices, const CudaCall *call, CuStream stream,
                        int *result) {
    if (!graphs || launch->step_count == 0)
        return false;
    const uint64_t hash = hash_args(launch);
    pthread_mutex_lock(&graphs->lock);
    const Found found = find(graphs, launch, slices->count, stream, hash);
    const bool  done = found.count > 0 && launch_found(graphs, launch, slices, &found, call, stream, hash, result);
    pthread_mutex_unlock(&graphs->lock);
    return done;
}

static Recorded *find_call(CudaGraphs *graphs, const CudaCall *call, CuStream stream) {
    const void *const key = cuda_stream_key(stream);
    const uint64_t    hash = hash_call(call, stream);
    Recorded *const   likely = *place_of(graphs, hash), *at = graphs->first;
    if (likely && had_call(likely, call, key, hash))
        return likely;
    while (at && !had_call(at, call, key, hash))
        at = at->next;
    if (at)
        *place_of(graphs, hash) = at;
    return at;
}

bool cuda_graphs_repeat(CudaGraphs *graphs, const CudaCall *call, CuStream stream, int *steps, int *result) {
    if (!graphs)
        return false;
    pthread_mutex_lock(&graphs->lock);
    Recorded  *recorded = find_call(graphs, call, stream);
    const bool found = recorded && !cuda_is_capturing(graphs->driver, stream);
    if (found) {
        note_use(graphs, recorded);
        *steps = recorded->steps;
        *result = graphs->driver->graph_launch(recorded->exec, stream);
    }
    pthread_mutex_unlock(&graphs->lock);
    return found;
}
