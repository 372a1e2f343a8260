/* Generated kernels through the public interface on a real device: the same bits every time, from a graph, on two
 * streams at once, over strides beyond 2^31 elements and on large grids. Whether the bits are right is what `rattan
 * check` says. Out: "ok NAME" or "not ok NAME (why)" a case, times as "# ..."; exit code 1 if one failed, 77 where
 * there is no device. */
#include <rattan/rattan.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cuda_device.h"

enum { HEADS = 4, KV = 2, DIM = 64, TENSORS = 6, REPEATS = 1000 };

static const char SPEC[] =
    "return rattention { name = 'gpu_kernels', heads = 4, kv_heads = 2, head_dim = 64, window = 48,\n"
    "  rope = { theta = 10000, style = 'half' }, dtype = 'bf16' }";

typedef struct Bed {
    CudaDevice     *device;
    rattan_context *context;
    rattan_kernel  *kernel;
    int             failures;
} Bed;

/* q, k, v, the two gains, o: in the order of NAMES. `gap`: elements between sequences beyond their own. */
typedef struct Data {
    int64_t       batch, tokens;
    rattan_tensor tensors[TENSORS];
    CuPointer     memory[TENSORS];
    uint16_t     *o; /* on the host */
} Data;

static const char *const NAMES[TENSORS] = {"q", "k", "v", "swa_norm", "rla_norm", "o"};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void verdict(Bed *bed, const char *name, bool right, const char *why) {
    bed->failures += !right;
    if (right)
        printf("ok %s\n", name);
    else
        printf("not ok %s (%s)\n", name, why);
    fflush(stdout);
}

/* A failure here leaves nothing to test with. */
static void must(Status status, const Ctx *ctx) {
    char line[2048];
    if (status == ST_OK)
        return;
    ctx_describe(ctx, line, sizeof line);
    printf("not ok the bed (%s)\n", line);
    exit(1);
}

static void must_public(rattan_status status, const rattan_error *error) {
    if (status == RATTAN_OK)
        return;
    printf("%s the bed (%s: %s)\n", status == RATTAN_NO_DEVICE ? "skip" : "not ok", error->place, error->message);
    exit(status == RATTAN_NO_DEVICE ? 77 : 1);
}

static uint16_t random_bf16(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    const float value = (float)((double)(*state >> 40) / 8388608.0 - 1.0);
    uint32_t    bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)(bits >> 16);
}

static int tensor_heads(int t) { return t == 1 || t == 2 ? KV : HEADS; }

/* Every sequence gets the same numbers where `equal`. */
static void fill(Ctx *ctx, const Bed *bed, Data *data, int t, int64_t stride, bool equal) {
    const int64_t count = data->tokens * tensor_heads(t) * DIM;
    uint16_t     *row = malloc((size_t)count * 2);
    uint64_t      state = (uint64_t)t + 1;
    for (int64_t b = 0; b < data->batch; b++) {
        state = equal ? (uint64_t)t + 1 : state;
        for (int64_t i = 0; i < count; i++)
            row[i] = random_bf16(&state);
        must(cuda_copy_in(ctx, bed->device, data->memory[t] + (CuPointer)(b * stride * 2), row, count * 2), ctx);
    }
    free(row);
}

static void make_rows(Ctx *ctx, const Bed *bed, Data *data, int t, int64_t gap, bool equal) {
    const int64_t heads = tensor_heads(t), stride = data->tokens * heads * DIM + gap;
    must(cuda_alloc(ctx, bed->device, 2 * ((data->batch - 1) * stride + data->tokens * heads * DIM), &data->memory[t]),
         ctx);
    data->tensors[t] =
        (rattan_tensor){NAMES[t], (void *)(uintptr_t)data->memory[t],      RATTAN_BF16,
                        4,        {data->batch, data->tokens, heads, DIM}, {stride, heads * DIM, DIM, 1}};
    if (t != TENSORS - 1)
        fill(ctx, bed, data, t, stride, equal);
}

static void make_gain(Ctx *ctx, const Bed *bed, Data *data, int t) {
    float         gain[HEADS * DIM];
    const int64_t dims[] = {HEADS, DIM};
    for (int i = 0; i < HEADS * DIM; i++)
        gain[i] = 0.5f + 0.01f * (float)(i % 97);
    must(cuda_alloc(ctx, bed->device, sizeof gain, &data->memory[t]), ctx);
    must(cuda_copy_in(ctx, bed->device, data->memory[t], gain, sizeof gain), ctx);
    data->tensors[t] = rattan_tensor_of(NAMES[t], (void *)(uintptr_t)data->memory[t], RATTAN_FP32, 2, dims);
}

static Data make_data(const Bed *bed, int64_t batch, int64_t tokens, int64_t gap, bool equal) {
    Ctx  ctx;
    Data data = {.batch = batch, .tokens = tokens, .o = malloc((size_t)(batch * tokens * HEADS * DIM) * 2)};
    ctx_init(&ctx);
    for (int t = 0; t < TENSORS; t++)
        if (t == 3 || t == 4)
            make_gain(&ctx, bed, &data, t);
        else
            make_rows(&ctx, bed, &data, t, gap, equal);
    ctx_free(&ctx);
    return data;
}

static void free_data(const Bed *bed, Data *data) {
    for (int t = 0; t < TENSORS; t++)
        cuda_free(bed->device, data->memory[t]);
    free(data->o);
}

static size_t o_bytes(const Data *data) { return (size_t)(data->batch * data->tokens * HEADS * DIM) * 2; }

static void fetch(const Bed *bed, Data *data) {
    Ctx           ctx;
    const int64_t row = data->tokens * HEADS * DIM * 2, stride = data->tensors[TENSORS - 1].strides[0] * 2;
    ctx_init(&ctx);
    if (row == stride)
        must(cuda_copy_out(&ctx, bed->device, data->o, data->memory[TENSORS - 1], data->batch * row), &ctx);
    for (int64_t b = 0; row != stride && b < data->batch; b++)
        must(cuda_copy_out(&ctx, bed->device, (char *)data->o + b * row,
                           data->memory[TENSORS - 1] + (CuPointer)(b * stride), row),
             &ctx);
    ctx_free(&ctx);
}

static void run(const Bed *bed, Data *data) {
    rattan_error error;
    must_public(rattan_launch(bed->kernel, data->tensors, TENSORS, 3, &error), &error);
    fetch(bed, data);
}

/* ---- Cases --------------------------------------------------------------------------------------------------------
 */
static void repeats(Bed *bed) {
    Data  data = make_data(bed, 2, 300, 0, false);
    void *first = malloc(o_bytes(&data));
    bool  same = true, alive = false;
    run(bed, &data);
    memcpy(first, data.o, o_bytes(&data));
    for (size_t i = 0; i < o_bytes(&data) / 2; i++)
        alive |= data.o[i] != 0;
    for (int i = 0; i < REPEATS && same; i++) {
        run(bed, &data);
        same = memcmp(first, data.o, o_bytes(&data)) == 0;
    }
    verdict(bed, "1000 repeats give the same bits", same && alive, alive ? "they differ" : "all zeros");
    free(first);
    free_data(bed, &data);
}

static void strides(Bed *bed) {
    const int64_t gap = (INT64_C(1) << 31) + 4096;
    Data          plain = make_data(bed, 2, 200, 0, false), wide = make_data(bed, 2, 200, gap, false);
    run(bed, &plain);
    run(bed, &wide);
    verdict(bed, "strides beyond 2^31 elements", memcmp(plain.o, wide.o, o_bytes(&plain)) == 0,
            "other bits than without");
    free_data(bed, &plain);
    free_data(bed, &wide);
}

static void many_blocks(Bed *bed) {
    Data data = make_data(bed, 70000, 2, 0, true), one = make_data(bed, 1, 2, 0, true);
    bool same = true;
    run(bed, &data);
    run(bed, &one);
    for (int64_t b = 0; b < data.batch && same; b++)
        same = memcmp((char *)data.o + (size_t)b * o_bytes(&one), one.o, o_bytes(&one)) == 0;
    verdict(bed, "a batch of 70000", same, "a sequence differs");
    free_data(bed, &data);
    free_data(bed, &one);
}

static void streams(Bed *bed) {
    Ctx          ctx;
    Data         data[2] = {make_data(bed, 1, 500, 0, false), make_data(bed, 3, 257, 0, false)};
    void        *alone[2];
    rattan_place places[2] = {0};
    rattan_error error;
    bool         same = true;
    ctx_init(&ctx);
    for (int s = 0; s < 2; s++) {
        CuStream stream;
        run(bed, &data[s]);
        alone[s] = malloc(o_bytes(&data[s]));
        memcpy(alone[s], data[s].o, o_bytes(&data[s]));
        must(cuda_stream_create(&ctx, bed->device, &stream), &ctx);
        places[s].stream = stream;
    }
    for (int i = 0; i < 200; i++)
        must_public(rattan_launch_on(bed->kernel, &places[i % 2], data[i % 2].tensors, TENSORS, 3, &error), &error);
    for (int s = 0; s < 2; s++) {
        must(cuda_stream_wait(&ctx, bed->device, places[s].stream), &ctx);
        fetch(bed, &data[s]);
        same &= memcmp(alone[s], data[s].o, o_bytes(&data[s])) == 0;
        cuda_stream_destroy(bed->device, places[s].stream);
        free(alone[s]);
        free_data(bed, &data[s]);
    }
    verdict(bed, "two streams at the same time", same, "other bits than alone");
    ctx_free(&ctx);
}

static Status capture(Ctx *ctx, const Bed *bed, const Data *data, CuStream stream, CuGraphExec *exec) {
    const CudaDriver  *driver = &bed->device->driver;
    const rattan_place place = {.stream = stream};
    CuGraph            graph;
    rattan_error       error;
    must_public(rattan_prepare_on(bed->kernel, &place, data->tensors, TENSORS, &error), &error);
    TRY(cuda_check(ctx, driver, driver->capture_begin(stream, CU_CAPTURE_THREAD_LOCAL), "graph", "begin"));
    must_public(rattan_launch_on(bed->kernel, &place, data->tensors, TENSORS, 3, &error), &error);
    TRY(cuda_check(ctx, driver, driver->capture_end(stream, &graph), "graph", "end"));
    TRY(cuda_check(ctx, driver, driver->graph_instantiate(exec, graph, 0), "graph", "instantiate"));
    driver->graph_destroy(graph);
    return ST_OK;
}

static void graphs(Bed *bed) {
    Ctx         ctx;
    bool        pushed;
    Data        data = make_data(bed, 2, 333, 0, false);
    void       *direct = malloc(o_bytes(&data));
    CuStream    stream;
    CuGraphExec exec;
    ctx_init(&ctx);
    run(bed, &data);
    memcpy(direct, data.o, o_bytes(&data));
    memset(data.o, 0, o_bytes(&data));
    must(cuda_copy_in(&ctx, bed->device, data.memory[TENSORS - 1], data.o, (int64_t)o_bytes(&data)), &ctx);
    must(cuda_enter(&ctx, bed->device, &pushed), &ctx);
    must(cuda_stream_create(&ctx, bed->device, &stream), &ctx);
    must(capture(&ctx, bed, &data, stream, &exec), &ctx);
    must(cuda_check(&ctx, &bed->device->driver, bed->device->driver.graph_launch(exec, stream), "graph", "launch"),
         &ctx);
    must(cuda_stream_wait(&ctx, bed->device, stream), &ctx);
    fetch(bed, &data);
    verdict(bed, "capture and replay", memcmp(direct, data.o, o_bytes(&data)) == 0, "other bits than a launch");
    bed->device->driver.graph_exec_destroy(exec);
    cuda_stream_destroy(bed->device, stream);
    cuda_leave(bed->device, pushed);
    free(direct);
    free_data(bed, &data);
    ctx_free(&ctx);
}

static void host_time(Bed *bed) {
    Ctx                ctx;
    bool               pushed;
    Data               data = make_data(bed, 1, 64, 0, false);
    const rattan_place place = {0};
    double             best = 1;
    ctx_init(&ctx);
    must(cuda_enter(&ctx, bed->device, &pushed), &ctx);
    for (int round = 0; round < 20; round++) {
        const double start = now();
        for (int i = 0; i < 50; i++)
            rattan_launch_on(bed->kernel, &place, data.tensors, TENSORS, 3, NULL);
        const double seconds = (now() - start) / 50;
        best = seconds < best ? seconds : best;
        must(cuda_stream_wait(&ctx, bed->device, NULL), &ctx);
    }
    cuda_leave(bed->device, pushed);
    printf("# host time of a launch: %.2f us\n", 1e6 * best);
    free_data(bed, &data);
    ctx_free(&ctx);
}

/* ---- The bed ------------------------------------------------------------------------------------------------------
 */
static void open_bed(Bed *bed, const char *folder) {
    const rattan_context_options options = {.cache_dir = folder, .target = "cuda"};
    rattan_spec                 *spec;
    rattan_error                 error;
    Ctx                          ctx;
    ctx_init(&ctx);
    const double start = now();
    must_public(rattan_context_create(&options, &bed->context, &error), &error);
    must_public(rattan_spec_from_text("gpu_kernels.lua", SPEC, strlen(SPEC), &spec, &error), &error);
    const double opened = now();
    must_public(rattan_kernel_get(bed->context, &(rattan_kernel_request){.spec = spec}, &bed->kernel, &error), &error);
    printf("# context and device %.0f ms, kernel %.1f ms\n", 1e3 * (opened - start), 1e3 * (now() - opened));
    rattan_spec_destroy(spec);
    must(cuda_device_open(&ctx, 0, &bed->device), &ctx);
    ctx_free(&ctx);
}

static void close_bed(Bed *bed) {
    cuda_device_close(bed->device);
    rattan_context_destroy(bed->context);
}

int main(void) {
    char folder[] = "/tmp/rattan_gpu_XXXXXX";
    Bed  bed = {0};
    if (!mkdtemp(folder))
        return 1;
    open_bed(&bed, folder);
    close_bed(&bed);
    open_bed(&bed, folder); /* now from disk */
    repeats(&bed);
    graphs(&bed);
    streams(&bed);
    many_blocks(&bed);
    strides(&bed);
    host_time(&bed);
    rattan_cache_clear(bed.context);
    close_bed(&bed);
    return bed.failures > 0;
}
