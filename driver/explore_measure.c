/* Timing in turns: see explore_measure.h. */
#include "driver/explore_measure.h"

#include "base/clock.h"
#include "driver/cuda_bench.h"
#include "driver/cuda_ceilings.h"

#include <math.h>

enum { LEAST_RUNS = 4, MOST_RUNS = 60, HURRIED_RUNS = 2 };

typedef struct Running {
    ReadyKernel kernel;
    BenchCase   bench;
    Tensor     *arguments;
    CudaTimer  *timer; /* GPUs */
    double     *seconds;
    double      warm;
} Running;

typedef struct Batch {
    MeasureTools *tools;
    Ctx          *keep;
    MeasurePoint *points;
    Running       running[MEASURE_POINTS];
    int           count, loaded;
    double        seconds, anchor;
} Batch;

static Status gpu_ceilings_on(Ctx *ctx, CudaDevice *device, MeasureTools *out) {
    CudaCeilings ceilings = {0};
    CuStream     stream;
    TRY(cuda_stream_create(ctx, device, &stream));
    Status status = cuda_ceilings_open(ctx, device, stream, &ceilings);
    if (status == ST_OK)
        status = cuda_ceiling_product(ctx, &ceilings, &out->fma);
    if (status == ST_OK)
        status = cuda_ceiling_copy(ctx, &ceilings, &out->read);
    if (ceilings.device)
        cuda_ceilings_close(&ceilings);
    cuda_stream_destroy(device, stream);
    return status;
}

static Status gpu_ceilings(Ctx *ctx, MeasureTools *out) {
    bool pushed;
    TRY(session_device(ctx, out->session));
    TRY(cuda_enter(ctx, out->session->device, &pushed));
    const Status status = gpu_ceilings_on(ctx, out->session->device, out);
    cuda_leave(out->session->device, pushed);
    return status;
}

Status measure_open(Ctx *ctx, Session *session, MeasureTools *out) {
    *out = (MeasureTools){.session = session};
    TRY(session_pool(ctx, session));
    if (target_is_cuda(&session->target))
        return gpu_ceilings(ctx, out);
    read_buffer_new(ctx, &out->flush);
    out->fma = ceiling_fma(session->pool);
    out->read = ceiling_read(session->pool, &out->flush);
    return ST_OK;
}

Shape measure_shape(KernelKind kind, int64_t sequences, int64_t tokens) {
    const bool step = kind == KIND_DECODE;
    return (Shape){.B = sequences, .T = step ? 1 : tokens, .pos = step ? tokens : -1, .ring = -1};
}

/* Compiled, on tensors, run once. */
static Status load(Ctx *ctx, Batch *batch, int number) {
    MeasurePoint *point = &batch->points[number];
    Running      *r = &batch->running[number];
    Session      *session = batch->tools->session;
    const Shape   shape = measure_shape(point->kind, point->sequences, point->tokens);
    const char   *asked = session->schedule;
    Random        random = {(uint64_t)number + 1};
    TRY(bench_case_plan(ctx, point->spec, point->kind, &shape, &r->bench));
    session->bucket = shape_bucket(&r->bench.shape);
    session->schedule = point->schedule ? point->schedule : asked;
    const Status status = session_kernel(ctx, session, point->spec, point->kind, 0, r->bench.shape.ring, &r->kernel);
    session->schedule = asked;
    TRY(status);
    batch->loaded = number + 1;
    bench_case_fill(ctx, &r->kernel, &random, &r->bench);
    TRY(kernel_arguments(ctx, &r->kernel, &r->bench.tensors, &r->arguments));
    if (r->kernel.cuda) {
        const Status opened = cuda_timer_open(ctx, &r->kernel, r->arguments, &r->timer);
        r->timer = opened == ST_OK ? r->timer : NULL;
        return opened;
    }
    return executable_prepare(ctx, r->kernel.executable, session->pool, r->arguments);
}

/* Decoding finds its inputs in memory, as a server's does: the caches are read full of something else before. */
static Status run(Ctx *ctx, const Batch *batch, int number, double *seconds) {
    const Running *r = &batch->running[number];
    MeasureTools  *tools = batch->tools;
    if (r->timer)
        return cuda_timer_run(ctx, r->timer, seconds);
    if (batch->points[number].kind == KIND_DECODE)
        tools->read = fmax(tools->read, ceiling_read(tools->session->pool, &tools->flush));
    const double start = seconds_now();
    TRY(executable_launch(ctx, r->kernel.executable, tools->session->pool, r->arguments, 0));
    *seconds = seconds_now() - start;
    return ST_OK;
}

int measure_least_turns(double seconds, double turn) {
    const double fit = turn > 0 ? 2 * seconds / turn : LEAST_RUNS;
    return fit < HURRIED_RUNS ? HURRIED_RUNS : fit > LEAST_RUNS ? LEAST_RUNS : (int)fit;
}

static double warm_seconds(const Batch *batch) {
    double turn = 0;
    for (int p = 0; p < batch->count; p++)
        turn += batch->running[p].warm;
    return turn;
}

/* As many turns as fit the time, each with its turn of the ceiling. */
static Status run_turns(Ctx *ctx, Batch *batch, int *turns) {
    MeasureTools *tools = batch->tools;
    const double  start = seconds_now();
    const int     least = measure_least_turns(batch->seconds, warm_seconds(batch));
    *turns = 0;
    while (*turns < MOST_RUNS && (*turns < least || seconds_now() - start < batch->seconds)) {
        for (int p = 0; p < batch->count; p++)
            TRY(run(ctx, batch, p, &batch->running[p].seconds[*turns]));
        if (tools->flush.data)
            tools->fma = fmax(tools->fma, ceiling_fma(tools->session->pool));
        ++*turns;
    }
    return ST_OK;
}

/* Others on the machine only ever make a run longer: the median of the least disturbed third counts. */
static void settle(Batch *batch, int turns) {
    double drift = 1;
    for (int p = 0; p < batch->count; p++) {
        MeasurePoint *point = &batch->points[p];
        Running      *r = &batch->running[p];
        const double  median = bench_median(r->seconds, turns); /* and now they are sorted */
        point->seconds = bench_median(r->seconds, (turns + 2) / 3);
        point->spread = (median - r->seconds[0]) / point->seconds;
        if (p == 0 && batch->anchor > 0)
            drift = point->seconds / batch->anchor;
        point->seconds /= drift;
        point->runs = turns;
        point->useful_flops = r->bench.useful_flops;
        point->bytes = r->bench.bytes;
    }
}

static Status measure(Ctx *ctx, void *arg) {
    Batch *batch = arg;
    int    turns;
    for (int p = 0; p < batch->count; p++) {
        TRY(load(ctx, batch, p));
        batch->running[p].seconds = NEW_ARRAY(ctx, double, MOST_RUNS);
        TRY(run(ctx, batch, p, &batch->running[p].warm));
    }
    TRY(run_turns(ctx, batch, &turns));
    settle(batch, turns);
    return ST_OK;
}

static void unload(Batch *batch) {
    for (int p = 0; p < batch->loaded; p++) {
        if (batch->running[p].timer)
            cuda_timer_close(batch->running[p].timer);
        kernel_free(&batch->running[p].kernel);
    }
}

/* The timers are in the batch's own memory: closed before it goes. What is kept of it goes to the caller's. */
static Status measure_and_unload(Ctx *ctx, void *arg) {
    Batch       *batch = arg;
    const Status status = measure(ctx, batch);
    for (int p = 0; p < batch->loaded; p++)
        batch->points[p].used = ctx_strdup(batch->keep, batch->running[p].kernel.object->schedule);
    unload(batch);
    return status;
}

Status measure_batch(Ctx *ctx, MeasureTools *tools, MeasurePoint *points, int count, double seconds, double anchor) {
    Batch *batch = NEW(ctx, Batch);
    *batch =
        (Batch){.tools = tools, .keep = ctx, .points = points, .count = count, .seconds = seconds, .anchor = anchor};
    return with_own_memory(ctx, measure_and_unload, batch);
}
