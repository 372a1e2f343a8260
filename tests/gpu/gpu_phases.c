/* What a phase may ask of its launch, on a real device: persistent blocks, an overlap with the kernel before, boxes of
 * tensors by their maps, all that also in a captured graph; and what launches cost their caller. The kernels are
 * written by hand. Out: "ok NAME" or "not ok NAME (why)" a case, figures behind "#"; exit code 1 if a case failed, 77
 * where there is no device with a copy engine for tensors or no NVRTC. */
#include "base/clock.h"
#include "tests/gpu/rows_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 8, /* tokens of a box */
    SHIFT = 3,
    SHARED = 4 * ROWS * 128 + 1024,
    MOST_PHASES = 5,
    ROUNDS = 20,
    LAUNCHES = 40,
    MANY = 16,
};

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)

/* args: q at 0, work at 5, o at 10, Syms from 15, then the items.
 * scale: work = 2 q, each token after some 20 us. boxes: o[t] = work[t - 3] + q[t] + position from boxes of 32 columns
 * by 8 tokens, work's token -1 and columns 40 to 63 being zeros; without WAIT it does not wait for scale. */
static const char SOURCE[] =
    "typedef unsigned u32;\n"
    "struct Args { long long at[15 + SYM_COUNT + 1]; };\n"
    "struct __align__(64) Maps { unsigned long long at[2][16]; };\n"
    "extern \"C\" __global__ void scale(const __grid_constant__ Args args) {\n"
    "    asm volatile(\"griddepcontrol.launch_dependents;\");\n"
    "    const long long T = args.at[15 + SYM_T], b = blockIdx.x / T, t = blockIdx.x % T, start = clock64();\n"
    "    while (clock64() - start < 40000) {}\n"
    "    const float *q = (const float *)args.at[0] + b * args.at[1] + t * args.at[2];\n"
    "    float *work = (float *)args.at[5] + b * args.at[6] + t * args.at[7];\n"
    "    for (int i = threadIdx.x; i < 120; i += blockDim.x) work[i] = 2.f * q[i / 40 * args.at[3] + i % 40];\n"
    "}\n"
    "static __device__ void box(u32 to, const void *map, u32 bar, int column, int head, int token, int sequence) {\n"
    "    asm volatile(\"cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes\"\n"
    "                 \" [%0], [%1, {%3, %4, %5, %6}], [%2];\" :: \"r\"(to), \"l\"(map), \"r\"(bar), \"r\"(column),\n"
    "                 \"r\"(head), \"r\"(token), \"r\"(sequence) : \"memory\");\n"
    "}\n"
    "static __device__ void wait_for(u32 bar, u32 parity) {\n"
    "    asm volatile(\"{ .reg .pred p; again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\"\n"
    "                 \" @!p bra again; }\" :: \"r\"(bar), \"r\"(parity) : \"memory\");\n"
    "}\n"
    "extern \"C\" __global__ void boxes(const __grid_constant__ Args args, const __grid_constant__ Maps maps) {\n"
    "    extern __shared__ char raw[];\n"
    "    __shared__ unsigned long long barrier;\n"
    "    const u32 bar = __cvta_generic_to_shared(&barrier), pad = -(u32)__cvta_generic_to_shared(raw) & 1023;\n"
    "    const u32 base = __cvta_generic_to_shared(raw) + pad;\n"
    "    const long long T = args.at[15 + SYM_T], R = args.at[15 + SYM_R], items = args.at[15 + SYM_COUNT];\n"
    "    u32 parity = 0;\n"
    "    if (threadIdx.x == 0) asm volatile(\"mbarrier.init.shared::cta.b64 [%0], 1;\" :: \"r\"(bar) : \"memory\");\n"
    "    asm volatile(\"fence.proxy.async;\" ::: \"memory\");\n"
    "    __syncthreads();\n"
    "    WAIT\n"
    "    for (long long item = blockIdx.x; item < items; item += gridDim.x, parity ^= 1) {\n"
    "        const int t0 = 8 * (int)(item % R), head = (int)(item / R % 3), b = (int)(item / R / 3);\n"
    "        if (threadIdx.x == 0) {\n"
    "            asm volatile(\"mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 4096;\" :: \"r\"(bar) : "
    "\"memory\");\n"
    "            for (int half = 0; half < 2; half++) {\n"
    "                box(base + 1024 * half, &maps.at[0], bar, 32 * half, head, t0 - 3, b);\n"
    "                box(base + 2048 + 1024 * half, &maps.at[1], bar, 32 * half, head, t0, b);\n"
    "            }\n"
    "        }\n"
    "        wait_for(bar, parity);\n"
    "        float *o = (float *)args.at[10] + b * args.at[11] + head * args.at[13];\n"
    "        for (int i = threadIdx.x; i < 8 * 40; i += blockDim.x) {\n"
    "            const int row = i / 40, column = i % 40, chunk = column % 32 / 4 ^ row;\n"
    "            const char *at = raw + pad + column / 32 * 1024 + row * 128 + chunk * 16 + column % 4 * 4;\n"
    "            const float sum = *(const float *)at + *(const float *)(at + 2048);\n"
    "            if (t0 + row < T) o[(t0 + row) * args.at[12] + column] = sum + (float)args.at[15 + SYM_POS];\n"
    "        }\n"
    "        __syncthreads();\n"
    "        asm volatile(\"fence.proxy.async;\" ::: \"memory\");\n"
    "    }\n"
    "}\n"
    "extern \"C\" __global__ void nothing(const __grid_constant__ Args args) {}\n"
    "extern \"C\" __global__ void nothing_mapped(const __grid_constant__ Args args, const __grid_constant__ Maps maps) "
    "{}\n";

typedef struct Bed {
    CudaDevice     *device;
    CodeParam       params[3];
    CodePhase       phases[MOST_PHASES];
    CodeObject      object;
    CudaExecutable *executable;
} Bed;

static Status compile(Ctx *ctx, const CudaDevice *device, const char *wait, NvrtcResult *code) {
    const char *source = ctx_printf(ctx,
                                    "#define SYM_T %d\n#define SYM_R %d\n#define SYM_POS %d\n#define SYM_COUNT %d\n"
                                    "#define WAIT %s\n%s",
                                    SYM_T, SYM_R, SYM_POS, SYM_COUNT, wait, SOURCE);
    return compile_for(ctx, device, "gpu_phases.cu", source, code);
}

static void describe(Bed *bed, CudaDevice *device, const NvrtcResult *code) {
    *bed = (Bed){.device = device};
    bed->params[0] = (CodeParam){"q", DT_F32, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, 0};
    bed->params[1] = (CodeParam){"work", DT_F32, PARAM_WORK, 4, {B_, T_, HEADS, WIDTH}, 0};
    bed->params[2] = (CodeParam){"o", DT_F32, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, 0};
    bed->object = object_of("gpu_phases", code, bed->params, 3, bed->phases, 2);
    bed->object.chunk = ROWS;
}

static Status make_bed(Ctx *ctx, Bed *bed, CudaDevice *device, const NvrtcResult *code, bool overlaps) {
    describe(bed, device, code);
    bed->phases[0] = (CodePhase){.symbol = "scale", .axis_count = 2, .axes = {B_, T_, 1, 1}, .threads = 64};
    bed->phases[1] = (CodePhase){.symbol = "boxes",
                                 .axis_count = 3,
                                 .axes = {B_, HEADS, DIM_SYM(SYM_R), 1},
                                 .threads = 64,
                                 .shared_bytes = SHARED,
                                 .resident = 1,
                                 .overlaps = overlaps,
                                 .map_count = 2,
                                 .maps = {{.param = 1, .dims = 4, .box_rows = ROWS, .row_dim = 1, .box_cols = 32},
                                          {.param = 0, .dims = 4, .box_rows = ROWS, .row_dim = 1, .box_cols = 32}}};
    return cuda_executable_load(ctx, bed->device, &bed->object, &bed->executable);
}

/* ---- Data ---------------------------------------------------------------------------------------------------------
 */
static Status next_inputs(Ctx *ctx, const Bed *bed, Data *data) {
    const uint32_t salt = 2654435761u * (uint32_t)++data->turn;
    for (int64_t i = 0; i < rows_of(data) * STRIDE; i++)
        data->host[i] = (float)(((uint32_t)i * 2246822519u ^ salt) % 4093) / 64.0f;
    return cuda_copy_in(ctx, bed->device, data->q, data->host, rows_of(data) * STRIDE * 4);
}

static bool data_right(const Data *data, float position) {
    for (int64_t row = 0; row < rows_of(data); row++)
        for (int i = 0; i < HEADS * WIDTH; i++) {
            const float *q = data->host + row * STRIDE + i;
            const float  before = row % data->tokens >= SHIFT ? 2 * q[-SHIFT * STRIDE] : 0;
            if (data->result[row * HEADS * WIDTH + i] != before + *q + position)
                return false;
        }
    return true;
}

/* ---- Cases --------------------------------------------------------------------------------------------------------
 */
static Status launches_right(Ctx *ctx, const Bed *bed, bool prepared, bool *right) {
    Data data;
    *right = true;
    TRY(data_new(ctx, bed->device, 3, 1001, &data)); /* 1134 items for boxes: more than one a block */
    if (prepared)
        TRY(cuda_executable_prepare(ctx, bed->executable, &(CudaPlace){0}, data.tensors));
    for (int i = 0; i < 10; i++) {
        TRY(next_inputs(ctx, bed, &data));
        TRY(cuda_executable_launch(ctx, bed->executable, &(CudaPlace){0}, data.tensors, i));
        TRY(data_fetch(ctx, bed->device, &data, NULL));
        *right &= data_right(&data, (float)i);
    }
    data_free(bed->device, &data);
    return ST_OK;
}

static void check_launches(Ctx *ctx, CudaDevice *device, const NvrtcResult *code, bool overlaps, bool prepared,
                           bool wanted, const char *name) {
    Bed    bed;
    bool   right = false;
    Status status = make_bed(ctx, &bed, device, code, overlaps);
    if (status == ST_OK)
        status = launches_right(ctx, &bed, prepared, &right);
    verdict(ctx, name, status, right == wanted);
    cuda_executable_free(bed.executable);
}

/* Many launches on their way at once, each with its own tensors and position, through one graph. */
static Status enqueue_many(Ctx *ctx, const Bed *bed, Data *data, bool *right) {
    const CudaPlace place = {0};
    double          began = 0;
    for (int i = 0; i < MANY; i++) {
        TRY(data_new(ctx, bed->device, 2, 700, &data[i]));
        TRY(next_inputs(ctx, bed, &data[i]));
    }
    TRY(cuda_executable_prepare(ctx, bed->executable, &place, data[0].tensors));
    TRY(cuda_executable_launch(ctx, bed->executable, &place, data[0].tensors, 0));
    TRY(cuda_stream_wait(ctx, bed->device, NULL));
    began = seconds_now();
    for (int i = 0; i < MANY; i++)
        TRY(cuda_executable_launch(ctx, bed->executable, &place, data[i].tensors, i));
    const double enqueued = seconds_now() - began;
    *right = true;
    for (int i = 0; i < MANY; i++) {
        TRY(data_fetch(ctx, bed->device, &data[i], NULL));
        *right &= data_right(&data[i], (float)i);
    }
    printf("# host time, device busy, other tensors each time, 2 phases: %.2f us\n", 1e6 * enqueued / MANY);
    return ST_OK;
}

static void check_many(Ctx *ctx, CudaDevice *device, const NvrtcResult *code) {
    static Data data[MANY];
    Bed         bed;
    bool        right = false;
    Status      status = make_bed(ctx, &bed, device, code, true);
    if (status == ST_OK)
        status = enqueue_many(ctx, &bed, data, &right);
    verdict(ctx, "launches on their way keep their arguments", status, right);
    for (int i = 0; i < MANY; i++)
        data_free(device, &data[i]);
    cuda_executable_free(bed.executable);
}

static Status replay(Ctx *ctx, const Bed *bed, Data *data, bool *right) {
    const CudaDriver *driver = &bed->device->driver;
    CuStream          stream;
    CuGraphExec       exec;
    TRY(cuda_stream_create(ctx, bed->device, &stream));
    TRY(capture_launch(ctx, bed->executable, &bed->device->driver, data->tensors, stream, &exec));
    for (int i = 0; i < 10; i++) {
        TRY(next_inputs(ctx, bed, data));
        TRY(cuda_check(ctx, driver, driver->graph_launch(exec, stream), "test", "cuGraphLaunch"));
        TRY(data_fetch(ctx, bed->device, data, stream));
        *right &= data_right(data, 9);
    }
    driver->graph_exec_destroy(exec);
    cuda_stream_destroy(bed->device, stream);
    return ST_OK;
}

static void check_graph(Ctx *ctx, CudaDevice *device, const NvrtcResult *code) {
    Bed    bed;
    Data   data = {0};
    bool   right = true;
    Status status = make_bed(ctx, &bed, device, code, true);
    if (status == ST_OK)
        status = data_new(ctx, device, 2, 700, &data);
    if (status == ST_OK)
        status = replay(ctx, &bed, &data, &right);
    verdict(ctx, "overlapping phases in a captured graph", status, right);
    data_free(device, &data);
    cuda_executable_free(bed.executable);
}

/* ---- Host time ------------------------------------------------------------------------------------------------------
 */
static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median microseconds of a launch, each timed alone, so few between two waits that the queue always has room. */
static Status time_launches(Ctx *ctx, const Bed *bed, const Data *data, CuStream stream, bool moving, double *median) {
    const CudaPlace place = {.stream = stream};
    static double   seconds[ROUNDS * LAUNCHES];
    for (int i = 0; i < ROUNDS * LAUNCHES; i++) {
        const double start = seconds_now();
        TRY(cuda_executable_launch(ctx, bed->executable, &place, data->tensors, moving ? i : 0));
        seconds[i] = seconds_now() - start;
        if (i % LAUNCHES == LAUNCHES - 1)
            TRY(cuda_stream_wait(ctx, bed->device, stream));
    }
    qsort(seconds, ROUNDS * LAUNCHES, sizeof *seconds, by_size);
    *median = 1e6 * seconds[ROUNDS * LAUNCHES / 2];
    return ST_OK;
}

typedef struct TimedCase {
    const char *name;
    int         count, maps;
    bool        overlaps, prepared, moving; /* moving: other arguments each time */
} TimedCase;

static Status host_time(Ctx *ctx, CudaDevice *device, const NvrtcResult *code, const TimedCase *c, CuStream stream,
                        double *median) {
    Bed  bed;
    Data data;
    describe(&bed, device, code);
    bed.object.phase_count = c->count;
    for (int p = 0; p < c->count; p++) {
        bed.phases[p] = (CodePhase){.axis_count = 1, .axes = {B_}, .threads = 64, .overlaps = c->overlaps && p > 0};
        snprintf(bed.phases[p].symbol, sizeof bed.phases[p].symbol, c->maps ? "nothing_mapped" : "nothing");
        bed.phases[p].map_count = c->maps;
        for (int m = 0; m < c->maps; m++)
            bed.phases[p].maps[m] = (CodeMap){.param = m, .dims = 4, .box_rows = ROWS, .row_dim = 1, .box_cols = 32};
    }
    TRY(cuda_executable_load(ctx, device, &bed.object, &bed.executable));
    TRY(data_new(ctx, device, 1, 1, &data));
    if (c->prepared)
        TRY(cuda_executable_prepare(ctx, bed.executable, &(CudaPlace){.stream = stream}, data.tensors));
    TRY(time_launches(ctx, &bed, &data, stream, c->moving, median));
    data_free(device, &data);
    cuda_executable_free(bed.executable);
    return ST_OK;
}

static void check_host_time(Ctx *ctx, CudaDevice *device, const NvrtcResult *code, CuStream stream, const char *where) {
    static const TimedCase CASES[] = {
        {"1 phase", 1, 0, false, false, false},
        {"2 phases", 2, 0, false, false, false},
        {"3 phases", 3, 0, false, false, false},
        {"3 phases, overlapping", 3, 0, true, false, false},
        {"1 phase with 2 maps", 1, 2, false, false, false},
        {"prepared, 1 phase", 1, 0, false, true, false},
        {"prepared, 2 phases", 2, 0, false, true, false},
        {"prepared, 3 phases", 3, 0, false, true, false},
        {"prepared, 5 phases", 5, 0, false, true, false},
        {"prepared, 3 phases, overlapping", 3, 0, true, true, false},
        {"prepared, 3 phases with 2 maps", 3, 2, false, true, false},
        {"prepared, 1 phase, other arguments", 1, 0, false, true, true},
        {"prepared, 3 phases, other arguments", 3, 0, false, true, true},
    };
    double worst = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double       median = 0;
        const Status status = host_time(ctx, device, code, &CASES[i], stream, &median);
        if (status != ST_OK)
            verdict(ctx, CASES[i].name, status, false);
        printf("# host time, %s, %s: %.2f us\n", where, CASES[i].name, median);
        worst = CASES[i].prepared && !CASES[i].moving && median > worst ? median : worst;
    }
    verdict(ctx, "prepared launches take less than 5 us of host time", ST_OK, worst < 5);
}

/* What making a map costs, which the cache saves. */
static void show_encode_time(const CudaDevice *device) {
    CuTensorMap    map;
    const uint64_t dims[] = {128, 8, 4096, 4}, strides[] = {256, 2048, 8388608};
    const uint32_t box[] = {64, 1, 64, 1}, steps[] = {1, 1, 1, 1};
    const double   start = seconds_now();
    int            result = 0;
    for (int i = 0; i < 1000 && result == 0; i++)
        result =
            device->driver.encode_map(&map, CU_MAP_BF16, 4, (void *)(uintptr_t)(1 << 20), dims, strides, box, steps,
                                      CU_MAP_NO_INTERLEAVE, CU_MAP_SWIZZLE_128, CU_MAP_PROMOTE_256, CU_MAP_ZERO_FILL);
    printf("# cuTensorMapEncodeTiled: %.0f ns (result %d)\n", 1e6 * (seconds_now() - start), result);
}

static Status run_all(Ctx *ctx, void *arg) {
    CudaDevice *device;
    NvrtcResult code, careless;
    CuStream    stream;
    bool        pushed;
    (void)arg;
    TRY(cuda_device_open(ctx, 0, &device));
    if (device->facts.major < 9)
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA", NULL, "the device has no copy engine for tensors");
    TRY(compile(ctx, device, "asm volatile(\"griddepcontrol.wait;\\nfence.proxy.async;\" ::: \"memory\");", &code));
    TRY(compile(ctx, device, "", &careless));
    check_launches(ctx, device, &code, false, false, true, "persistent blocks take boxes of tensors");
    check_launches(ctx, device, &code, true, false, true, "overlapping phases wait where they must");
    check_launches(ctx, device, &careless, true, false, false, "overlapping phases start early: seen where none waits");
    check_launches(ctx, device, &careless, false, false, true, "other phases need not wait");
    check_launches(ctx, device, &code, true, true, true, "prepared: overlapping phases wait where they must");
    check_launches(ctx, device, &careless, true, true, false, "prepared: overlapping phases start early");
    check_launches(ctx, device, &careless, false, true, true, "prepared: other phases need not wait");
    check_many(ctx, device, &code);
    check_host_time(ctx, device, &code, NULL, "no context current");
    TRY(cuda_enter(ctx, device, &pushed));
    check_graph(ctx, device, &code);
    check_host_time(ctx, device, &code, NULL, "default stream");
    TRY(cuda_stream_create(ctx, device, &stream));
    check_host_time(ctx, device, &code, stream, "stream of its own");
    cuda_stream_destroy(device, stream);
    show_encode_time(device);
    cuda_leave(device, pushed);
    cuda_device_close(device);
    return ST_OK;
}

int main(void) { return run_cases(run_all, NULL); }
