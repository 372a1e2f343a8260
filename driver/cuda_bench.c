/* Timing on a GPU: see cuda_bench.h. */
#include "driver/cuda_bench.h"

#include "base/clock.h"
#include "driver/bench_case.h"
#include "driver/cuda_ceilings.h"
#include "driver/device_launch.h"

enum { MOST_SETS = 64, ROUNDS = 5, LEAST_REPS = 20, MOST_REPS = 1000, WARM_UP = 5, REPLAYS = 11 };
enum { HOST_LAUNCHES = 240, BETWEEN_WAITS = 20, TIMER_TURNS = 7 };

static const double BUDGET_SECONDS = 1;

typedef struct CudaTimer Bench;

struct CudaTimer {
    const ReadyKernel *kernel;
    CudaDevice        *device;
    const CudaDriver  *driver;
    CuStream           stream;
    DeviceTensors      sets[MOST_SETS];
    int                set_count;
    CudaCeilings       ceilings;
    CuEvent           *events; /* arena; a launch lies between two */
    int64_t            event_count;
    CudaTimes         *out;
};

static Bench *new_bench(Ctx *ctx, const ReadyKernel *kernel) {
    Bench *bench = NEW(ctx, Bench);
    bench->kernel = kernel;
    bench->device = cuda_executable_device(kernel->cuda);
    bench->driver = &bench->device->driver;
    return bench;
}

static Status check(Ctx *ctx, const Bench *bench, int result, const char *what) {
    return cuda_check(ctx, bench->driver, result, bench->kernel->object->name, what);
}

/* ---- Tensors ------------------------------------------------------------------------------------------------------
 */
/* Twice the L2 cache's size, at least two sets, and no more than half of what is free. */
static int choose_sets(const Bench *bench, const Tensor *arguments, int count) {
    const double cache = bench->device->facts.l2_bytes > 0 ? (double)bench->device->facts.l2_bytes : 64e6;
    double       bytes = 1;
    size_t       left = 0, total = 0;
    for (int t = 0; t < count; t++)
        bytes += (double)tensor_bytes(&arguments[t]);
    bench->driver->memory_info(&left, &total);
    const double wanted = 2 * cache / bytes + 1, room = 0.5 * (double)left / bytes;
    const double sets = wanted < room ? wanted : room;
    return sets < 2 ? (room < 2 ? 1 : 2) : sets > MOST_SETS ? MOST_SETS : (int)sets;
}

static Status make_sets(Ctx *ctx, Bench *bench, const Tensor *arguments) {
    const int count = caller_params(bench->kernel->object), wanted = choose_sets(bench, arguments, count);
    for (int s = 0; s < wanted; s++) {
        bench->set_count = s + 1;
        TRY(device_tensors_make(ctx, bench->device, arguments, count, &bench->sets[s]));
    }
    return ST_OK;
}

static Status make_events(Ctx *ctx, Bench *bench, int64_t count) {
    bench->events = NEW_ARRAY(ctx, CuEvent, count);
    for (; bench->event_count < count; bench->event_count++)
        TRY(check(ctx, bench, bench->driver->event_create(&bench->events[bench->event_count], 0), "cuEventCreate"));
    return ST_OK;
}

/* A stream, tensors, and the memory that launches on them need. */
static Status open_sets(Ctx *ctx, Bench *bench, const Tensor *arguments) {
    TRY(cuda_stream_create(ctx, bench->device, &bench->stream));
    TRY(make_sets(ctx, bench, arguments));
    for (int s = 0; s < bench->set_count; s++)
        TRY(cuda_executable_prepare(ctx, bench->kernel->cuda, &(CudaPlace){.stream = bench->stream},
                                    bench->sets[s].tensors));
    return ST_OK;
}

static Status open_bench(Ctx *ctx, Bench *bench, const Tensor *arguments) {
    TRY(open_sets(ctx, bench, arguments));
    TRY(cuda_ceilings_open(ctx, bench->device, bench->stream, &bench->ceilings));
    LaunchSizes sizes;
    TRY(launch_bind(ctx, bench->kernel->object, arguments, 0, &sizes));
    bench->out->slices = sizes.slices;
    bench->out->sets = bench->set_count;
    return cuda_executable_memory(ctx, bench->kernel->cuda, arguments, &bench->out->work_bytes);
}

static void close_bench(Bench *bench) {
    for (int64_t e = 0; e < bench->event_count; e++)
        bench->driver->event_destroy(bench->events[e]);
    for (int s = 0; s < bench->set_count; s++)
        device_tensors_free(&bench->sets[s]);
    if (bench->ceilings.device)
        cuda_ceilings_close(&bench->ceilings);
    cuda_stream_destroy(bench->device, bench->stream);
}

/* ---- Timing -------------------------------------------------------------------------------------------------------
 */
static Status launch(Ctx *ctx, const Bench *bench, int64_t turn) {
    const CudaPlace place = {.stream = bench->stream};
    return cuda_executable_launch(ctx, bench->kernel->cuda, &place, bench->sets[turn % bench->set_count].tensors, 0);
}

static Status wait_for_all(Ctx *ctx, const Bench *bench) {
    return cuda_executable_wait(ctx, bench->kernel->cuda, bench->stream, bench->sets[0].tensors, 0);
}

static Status elapsed(Ctx *ctx, const Bench *bench, int64_t first, int64_t last, double *seconds) {
    float milliseconds = 0;
    TRY(check(ctx, bench, bench->driver->event_elapsed(&milliseconds, bench->events[first], bench->events[last]),
              "cuEventElapsedTime"));
    *seconds = 1e-3 * (double)milliseconds;
    return ST_OK;
}

/* Launches first .. last - 1, with an event before, between and behind them. The first is not timed: it fills the
 * stream. */
static Status run_turns(Ctx *ctx, Bench *bench, int64_t count, double *seconds) {
    TRY(launch(ctx, bench, 0));
    for (int64_t i = 0; i <= count; i++) {
        TRY(check(ctx, bench, bench->driver->event_record(bench->events[i], bench->stream), "cuEventRecord"));
        if (i < count)
            TRY(launch(ctx, bench, i + 1));
    }
    TRY(wait_for_all(ctx, bench));
    for (int64_t i = 0; i < count; i++)
        TRY(elapsed(ctx, bench, i, i + 1, &seconds[i]));
    return ST_OK;
}

static Status first_calls(Ctx *ctx, Bench *bench, double *estimate) {
    double       seconds[WARM_UP];
    const double start = seconds_now();
    TRY(launch(ctx, bench, 0));
    TRY(wait_for_all(ctx, bench));
    bench->out->first_call = seconds_now() - start;
    TRY(run_turns(ctx, bench, WARM_UP, seconds));
    *estimate = bench_median(seconds, WARM_UP);
    return ST_OK;
}

static int64_t choose_round(int64_t reps, double estimate) {
    const double fit = BUDGET_SECONDS / (estimate + 1e-6);
    const double all = reps ? (double)reps : fit < LEAST_REPS ? LEAST_REPS : fit > MOST_REPS ? MOST_REPS : fit;
    return ((int64_t)all + ROUNDS - 1) / ROUNDS;
}

static Status time_rounds(Ctx *ctx, Bench *bench, int64_t round) {
    double products[ROUNDS], copies[ROUNDS];
    bench->out->reps = round * ROUNDS;
    bench->out->seconds = NEW_ARRAY(ctx, double, bench->out->reps);
    for (int r = 0; r < ROUNDS; r++) {
        TRY(run_turns(ctx, bench, round, bench->out->seconds + r * round));
        TRY(cuda_ceiling_product(ctx, &bench->ceilings, &products[r]));
        TRY(cuda_ceiling_copy(ctx, &bench->ceilings, &copies[r]));
    }
    bench->out->product = bench_median(products, ROUNDS);
    bench->out->copy = bench_median(copies, ROUNDS);
    return ST_OK;
}

static Status phases_once(Ctx *ctx, Bench *bench, int turn, double *seconds, int stride) {
    const int       count = bench->kernel->object->phase_count;
    const CudaPlace place = {.stream = bench->stream, .events = bench->events};
    TRY(launch(ctx, bench, turn)); /* keeps the device busy until the one that is timed is enqueued */
    TRY(cuda_executable_launch(ctx, bench->kernel->cuda, &place, bench->sets[(turn + 1) % bench->set_count].tensors,
                               0));
    TRY(wait_for_all(ctx, bench));
    for (int p = 0; p < count; p++)
        TRY(elapsed(ctx, bench, p, p + 1, &seconds[p * stride]));
    for (int p = 0; p < count; p++) /* the events are those of the last slice of the heads */
        seconds[p * stride] *= (double)bench->out->slices;
    return ST_OK;
}

static Status time_phases(Ctx *ctx, Bench *bench) {
    const int count = bench->kernel->object->phase_count;
    double   *seconds = NEW_ARRAY(ctx, double, count *REPLAYS);
    bench->out->phases = NEW_ARRAY(ctx, double, count);
    for (int i = 0; i < REPLAYS; i++)
        TRY(phases_once(ctx, bench, i, seconds + i, REPLAYS));
    for (int p = 0; p < count; p++)
        bench->out->phases[p] = bench_median(seconds + (ptrdiff_t)p * REPLAYS, REPLAYS);
    return ST_OK;
}

/* What a launch costs its caller: the median of launches timed one by one. So few between two waits that the driver's
 * queue, of about a thousand kernels, always has room: else a launch would wait for the device. */
static Status time_host(Ctx *ctx, Bench *bench) {
    double seconds[HOST_LAUNCHES];
    for (int i = 0; i < HOST_LAUNCHES; i++) {
        const double start = seconds_now();
        TRY(launch(ctx, bench, i));
        seconds[i] = seconds_now() - start;
        if ((i + 1) % BETWEEN_WAITS == 0)
            TRY(wait_for_all(ctx, bench));
    }
    bench->out->host_time = bench_median(seconds, HOST_LAUNCHES);
    return ST_OK;
}

/* ---- Graphs -------------------------------------------------------------------------------------------------------
 */
static Status capture(Ctx *ctx, Bench *bench, CuGraphExec *exec) {
    CuGraph graph = NULL;
    Status  status = ST_OK;
    TRY(check(ctx, bench, bench->driver->capture_begin(bench->stream, CU_CAPTURE_THREAD_LOCAL),
              "cuStreamBeginCapture"));
    for (int s = 0; s < bench->set_count && status == ST_OK; s++)
        status = launch(ctx, bench, s);
    const int ended = bench->driver->capture_end(bench->stream, &graph);
    TRY(status);
    TRY(check(ctx, bench, ended, "cuStreamEndCapture"));
    const int made = bench->driver->graph_instantiate(exec, graph, 0);
    bench->driver->graph_destroy(graph);
    return check(ctx, bench, made, "cuGraphInstantiate");
}

static Status replay(Ctx *ctx, Bench *bench, CuGraphExec exec) {
    double seconds[REPLAYS];
    TRY(check(ctx, bench, bench->driver->graph_launch(exec, bench->stream), "cuGraphLaunch"));
    for (int i = 0; i <= REPLAYS; i++) {
        TRY(check(ctx, bench, bench->driver->event_record(bench->events[i], bench->stream), "cuEventRecord"));
        if (i < REPLAYS)
            TRY(check(ctx, bench, bench->driver->graph_launch(exec, bench->stream), "cuGraphLaunch"));
    }
    TRY(wait_for_all(ctx, bench));
    for (int i = 0; i < REPLAYS; i++)
        TRY(elapsed(ctx, bench, i, i + 1, &seconds[i]));
    bench->out->graph = bench_median(seconds, REPLAYS) / bench->set_count;
    return ST_OK;
}

static Status time_graph(Ctx *ctx, Bench *bench) {
    CuGraphExec exec = NULL;
    TRY(capture(ctx, bench, &exec));
    const Status status = replay(ctx, bench, exec);
    bench->driver->graph_exec_destroy(exec);
    return status;
}

static Status run_bench(Ctx *ctx, Bench *bench, const Tensor *arguments, int64_t reps) {
    double estimate;
    TRY(open_bench(ctx, bench, arguments));
    TRY(make_events(ctx, bench, MOST_REPS + ROUNDS + reps));
    TRY(first_calls(ctx, bench, &estimate));
    TRY(time_rounds(ctx, bench, choose_round(reps, estimate)));
    TRY(time_phases(ctx, bench));
    TRY(time_host(ctx, bench));
    return time_graph(ctx, bench);
}

Status cuda_bench(Ctx *ctx, const ReadyKernel *kernel, const Tensor *arguments, int64_t reps, CudaTimes *out) {
    Bench *bench = new_bench(ctx, kernel);
    bool   pushed;
    *out = (CudaTimes){0};
    bench->out = out;
    TRY(cuda_enter(ctx, bench->device, &pushed));
    const Status status = run_bench(ctx, bench, arguments, reps);
    close_bench(bench);
    cuda_leave(bench->device, pushed);
    return status;
}

static Status timer_in(Ctx *ctx, Bench *bench, const Tensor *arguments) {
    double ignored[TIMER_TURNS];
    TRY(open_sets(ctx, bench, arguments));
    TRY(make_events(ctx, bench, TIMER_TURNS + 1));
    return run_turns(ctx, bench, TIMER_TURNS, ignored);
}

Status cuda_timer_open(Ctx *ctx, const ReadyKernel *kernel, const Tensor *arguments, CudaTimer **out) {
    Bench *bench = new_bench(ctx, kernel);
    bool   pushed;
    TRY(cuda_enter(ctx, bench->device, &pushed));
    const Status status = timer_in(ctx, bench, arguments);
    if (status != ST_OK)
        close_bench(bench);
    cuda_leave(bench->device, pushed);
    *out = bench;
    return status;
}

Status cuda_timer_run(Ctx *ctx, CudaTimer *timer, double *seconds) {
    double times[TIMER_TURNS];
    bool   pushed;
    TRY(cuda_enter(ctx, timer->device, &pushed));
    const Status status = run_turns(ctx, timer, TIMER_TURNS, times);
    cuda_leave(timer->device, pushed);
    TRY(status);
    *seconds = bench_median(times, TIMER_TURNS);
    return ST_OK;
}

void cuda_timer_close(CudaTimer *timer) {
    bool pushed;
    Ctx  ignored;
    ctx_init(&ignored);
    if (cuda_enter(&ignored, timer->device, &pushed) == ST_OK) {
        close_bench(timer);
        cuda_leave(timer->device, pushed);
    }
    ctx_free(&ignored);
}
