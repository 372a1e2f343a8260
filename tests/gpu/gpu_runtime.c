/* The CUDA side of the runtime on a real device, with two kernels written by hand: results, large grids, streams,
 * graphs, repeats, and what a faulty kernel leaves behind. Out: "ok NAME" or "not ok NAME (why)" a case; exit code 1 if
 * one failed, 77 where there is no device or no NVRTC. */
#include "tests/gpu/rows_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARED = 60 << 10, REPEATS = 1000 };

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)

/* args: q at 0, work at 5, o at 10, Syms from 15; their numbers are defined in front. */
static const char SOURCE[] =
    "struct Args { long long at[15 + SYM_COUNT + 1]; };\n"
    "extern \"C\" __global__ void gpu_test_double(const __grid_constant__ Args args) {\n"
    "    const long long T = args.at[15 + SYM_T], b = blockIdx.x / T, t = blockIdx.x % T;\n"
    "    const float *q = (const float *)args.at[0] + b * args.at[1] + t * args.at[2];\n"
    "    float *work = (float *)args.at[5] + b * args.at[7] + t * args.at[8];\n"
    "    for (int i = threadIdx.x; i < 120; i += blockDim.x)\n"
    "        work[i] = 2.f * q[i / 40 * args.at[3] + i % 40];\n"
    "}\n"
    "extern \"C\" __global__ void gpu_test_add(const __grid_constant__ Args args) {\n"
    "    extern __shared__ float line[];\n"
    "    const long long T = args.at[15 + SYM_T], b = blockIdx.x / T, t = blockIdx.x % T, last = 15360 - 128;\n"
    "    const float *work = (const float *)args.at[5] + b * args.at[7] + t * args.at[8];\n"
    "    float *o = (float *)args.at[10] + b * args.at[11] + t * args.at[12];\n"
    "    for (int i = threadIdx.x; i < 120; i += blockDim.x)\n"
    "        line[last + i] = work[i];\n"
    "    __syncthreads();\n"
    "    for (int i = threadIdx.x; i < 120; i += blockDim.x)\n"
    "        o[i / 40 * args.at[13] + i % 40] = line[last + 119 - i] + (float)args.at[15 + SYM_POS];\n"
    "}\n"
    "extern \"C\" __global__ void gpu_test_fault(const __grid_constant__ Args args) { *(volatile int *)16 = 1; }\n";

typedef struct Bed {
    CudaDevice     *device;
    CodeParam       params[3];
    CodePhase       phases[2];
    CodeObject      object;
    CudaExecutable *executable;
} Bed;

static Status make_bed(Ctx *ctx, Bed *bed, const NvrtcResult *code, const char *first, const char *second) {
    const CodeParam q = {"q", DT_F32, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, 0},
                    o = {"o", DT_F32, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, 0};
    const CodeParam work = {"work", DT_F32, PARAM_WORK, 4, {1, B_, T_, HEADS * WIDTH}, 0};
    bed->params[0] = q;
    bed->params[1] = work;
    bed->params[2] = o;
    for (int p = 0; p < 2; p++) {
        bed->phases[p] =
            (CodePhase){.axis_count = 2, .axes = {B_, T_, 1, 1}, .threads = 64, .shared_bytes = p ? SHARED : 0};
        snprintf(bed->phases[p].symbol, sizeof bed->phases[p].symbol, "%s", p ? second : first);
    }
    bed->object = object_of("gpu_test", code, bed->params, 3, bed->phases, 2);
    return cuda_executable_load(ctx, bed->device, &bed->object, &bed->executable);
}

static float value_at(int64_t i) { return (float)(i * 2654435761u % 4093) / 64.0f; }

/* Tensors of the shape; q has numbers. */
static Status make_data(Ctx *ctx, const Bed *bed, int64_t batch, int64_t tokens, Data *data) {
    TRY(data_new(ctx, bed->device, batch, tokens, data));
    for (int64_t i = 0; i < q_bytes(data) / 4; i++)
        data->host[i] = value_at(i);
    return cuda_copy_in(ctx, bed->device, data->q, data->host, q_bytes(data));
}

static bool data_right(const Data *data, float position) {
    for (int64_t row = 0; row < data->batch * data->tokens; row++)
        for (int i = 0; i < HEADS * WIDTH; i++)
            if (data->result[row * HEADS * WIDTH + i] != 2 * data->host[row * STRIDE + 119 - i] + position)
                return false;
    return true;
}

static Status run_once(Ctx *ctx, const Bed *bed, Data *data, CuStream stream, int64_t position) {
    const CudaPlace place = {.stream = stream};
    TRY(cuda_executable_launch(ctx, bed->executable, &place, data->tensors, position));
    return data_fetch(ctx, bed->device, data, stream);
}

static void check_shape(Ctx *ctx, const Bed *bed, const char *name, int64_t batch, int64_t tokens) {
    Data   data;
    Status status = make_data(ctx, bed, batch, tokens, &data);
    if (status == ST_OK)
        status = run_once(ctx, bed, &data, NULL, 5);
    verdict(ctx, name, status, status == ST_OK && data_right(&data, 5));
    data_free(bed->device, &data);
}

static Status two_streams(Ctx *ctx, const Bed *bed, Data data[2], bool *right) {
    CuStream streams[2];
    TRY(cuda_stream_create(ctx, bed->device, &streams[0]));
    TRY(cuda_stream_create(ctx, bed->device, &streams[1]));
    for (int i = 0; i < 100; i++) {
        const CudaPlace place = {.stream = streams[i % 2]};
        TRY(cuda_executable_launch(ctx, bed->executable, &place, data[i % 2].tensors, i % 2));
    }
    for (int s = 0; s < 2; s++) {
        TRY(data_fetch(ctx, bed->device, &data[s], streams[s]));
        *right &= data_right(&data[s], (float)s);
        cuda_stream_destroy(bed->device, streams[s]);
    }
    return ST_OK;
}

static void check_streams(Ctx *ctx, const Bed *bed) {
    Data   data[2];
    bool   right = true;
    Status status = make_data(ctx, bed, 1, 3000, &data[0]);
    Status other = make_data(ctx, bed, 2, 2000, &data[1]);
    if (status == ST_OK && other == ST_OK)
        status = two_streams(ctx, bed, data, &right);
    verdict(ctx, "two streams at the same time", status, right);
    data_free(bed->device, &data[0]);
    data_free(bed->device, &data[1]);
}

static Status replay(Ctx *ctx, const Bed *bed, Data *data, bool *right) {
    const CudaDriver *driver = &bed->device->driver;
    CuStream          stream;
    CuGraphExec       exec;
    TRY(cuda_stream_create(ctx, bed->device, &stream));
    TRY(capture_launch(ctx, bed->executable, &bed->device->driver, data->tensors, stream, &exec));
    for (int i = 0; i < 3; i++) {
        data->host[17] = (float)i;
        TRY(cuda_copy_in(ctx, bed->device, data->q, data->host, q_bytes(data)));
        TRY(cuda_check(ctx, driver, driver->graph_launch(exec, stream), "test", "cuGraphLaunch"));
        TRY(data_fetch(ctx, bed->device, data, stream));
        *right &= data_right(data, 9);
    }
    driver->graph_exec_destroy(exec);
    cuda_stream_destroy(bed->device, stream);
    return ST_OK;
}

static void check_graph(Ctx *ctx, const Bed *bed) {
    Data   data;
    bool   pushed, right = true;
    Status status = make_data(ctx, bed, 2, 700, &data);
    if (status == ST_OK)
        status = cuda_enter(ctx, bed->device, &pushed);
    if (status == ST_OK) {
        status = replay(ctx, bed, &data, &right);
        cuda_leave(bed->device, pushed);
    }
    verdict(ctx, "capture into a graph and replay on new data", status, right);
    data_free(bed->device, &data);
}

static Status repeat(Ctx *ctx, const Bed *bed, Data *data, bool *same) {
    float *first = malloc((size_t)o_bytes(data));
    TRY(run_once(ctx, bed, data, NULL, 3));
    memcpy(first, data->result, (size_t)o_bytes(data));
    for (int i = 0; i < REPEATS && *same; i++) {
        TRY(run_once(ctx, bed, data, NULL, 3));
        *same = memcmp(first, data->result, (size_t)o_bytes(data)) == 0;
    }
    free(first);
    return ST_OK;
}

static void check_repeats(Ctx *ctx, const Bed *bed) {
    Data   data;
    bool   same = true;
    Status status = make_data(ctx, bed, 1, 50, &data);
    if (status == ST_OK)
        status = repeat(ctx, bed, &data, &same);
    verdict(ctx, "1000 repeats give the same bits", status, same);
    data_free(bed->device, &data);
}

/* Last: the device's context is of no use afterwards. */
static void check_fault(Ctx *ctx, const Bed *bed, const NvrtcResult *code) {
    Bed    faulty = {.device = bed->device};
    Data   data = {0};
    Status status = make_bed(ctx, &faulty, code, "gpu_test_fault", "gpu_test_add");
    if (status == ST_OK)
        status = make_data(ctx, &faulty, 1, 1, &data);
    if (status == ST_OK)
        status = run_once(ctx, &faulty, &data, NULL, 0);
    const bool named = status == ST_FAILED && strstr(ctx->message, "CUDA_ERROR_ILLEGAL_ADDRESS");
    printf("# %s\n", ctx->message);
    verdict(ctx, "a faulty kernel becomes an error with the driver's name for it", ST_OK, named);
}

static Status prepare_bed(Ctx *ctx, Bed *bed, NvrtcResult *code) {
    TRY(cuda_device_open(ctx, 0, &bed->device));
    const CudaFacts *facts = &bed->device->facts;
    printf("# %s, sm_%d%d, %d multiprocessors, driver for CUDA %d\n", facts->name, facts->major, facts->minor,
           facts->multiprocessors, facts->driver_version);
    const char *source = ctx_printf(ctx, "#define SYM_T %d\n#define SYM_POS %d\n#define SYM_COUNT %d\n%s", SYM_T,
                                    SYM_POS, SYM_COUNT, SOURCE);
    TRY(compile_for(ctx, bed->device, "gpu_test.cu", source, code));
    return make_bed(ctx, bed, code, "gpu_test_double", "gpu_test_add");
}

static Status run_all(Ctx *ctx, void *arg) {
    Bed        *bed = arg;
    NvrtcResult code;
    TRY(prepare_bed(ctx, bed, &code));
    check_shape(ctx, bed, "a small launch", 2, 5);
    check_shape(ctx, bed, "more than 65535 blocks", 2, 70000);
    check_streams(ctx, bed);
    check_graph(ctx, bed);
    check_repeats(ctx, bed);
    NvrtcResult text = code;
    text.cubin = (uint8_t *)ctx_strdup(ctx, code.ptx); /* the driver compiles PTX where a cubin would be */
    Bed from_ptx = {.device = bed->device};
    verdict(ctx, "PTX loads", make_bed(ctx, &from_ptx, &text, "gpu_test_double", "gpu_test_add"), true);
    cuda_executable_free(from_ptx.executable);
    check_fault(ctx, bed, &code);
    return ST_OK;
}

int main(void) {
    Bed bed = {0};
    return run_cases(run_all, &bed);
}
