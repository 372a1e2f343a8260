/* Generated kernels through the public interface on a real device: the same bits every time, from a graph, on two
 * streams at once, whatever the strides, beyond 2^31 elements and on large grids; with the schedule that is the default
 * there and, where that gives warps roles, without them. Whether the bits are right is what `rattan check` says.
 * Out: "ok NAME" or "not ok NAME (why)" a case, times as "# ..."; exit code 1 if one failed, 77 where there is no
 * device. */
#include <rattan/rattan.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/gpu/public_testing.h"

enum { TENSORS = 6, O = TENSORS - 1, REPEATS = 1000, POSITION = 3 };

typedef struct Layer {
    const char *name;
    int         heads, kv, dim;
    const char *more; /* of the spec */
} Layer;

static const Layer SMALL = {"small", 4, 2, 64, "window = 48, rope = { theta = 10000, style = 'half' }"};
static const Layer LARGE = {"large", 32, 8, 128, "window = 512"};

typedef struct Bed {
    CudaDevice     *device;
    rattan_context *context;
    rattan_kernel  *kernel;
    const Layer    *layer;
    const char     *schedule; /* over the default; NULL: none */
    int             failures;
} Bed;

/* How q, k and v lie: each on its own; the same with `GAP` elements between sequences; as columns of one tensor; with
 * heads outside tokens. */
typedef enum Layout { PLAIN, APART, FUSED, HEADS_FIRST } Layout;

static const int64_t GAP = (INT64_C(1) << 31) + 4096;

/* q, k, v, the two gains, o: in the order of NAMES. */
typedef struct Data {
    int64_t       batch, tokens;
    rattan_tensor tensors[TENSORS];
    CuPointer     memory[TENSORS]; /* 0: lies in that of another one */
    uint16_t     *o;               /* on the host, where all of it is wanted */
} Data;

static const char *const NAMES[TENSORS] = {"q", "k", "v", "swa_norm", "rla_norm", "o"};

static void verdict(Bed *bed, const char *name, bool right, const char *why) {
    bed->failures += !right;
    printf("%s %s, %s%s%s%s%s%s\n", right ? "ok" : "not ok", bed->layer->name, name, bed->schedule ? ", " : "",
           bed->schedule ? bed->schedule : "", right ? "" : " (", right ? "" : why, right ? "" : ")");
    fflush(stdout);
}

static int tensor_heads(const Bed *bed, int t) { return t == 1 || t == 2 ? bed->layer->kv : bed->layer->heads; }

/* Elements of a sequence. */
static int64_t sequence(const Bed *bed, const Data *data, int t) {
    return data->tokens * tensor_heads(bed, t) * bed->layer->dim;
}

/* One sequence from or to the device, in one piece where it lies so. */
static void move(Ctx *ctx, const Bed *bed, const Data *data, int t, int64_t b, uint16_t *host, bool in) {
    const rattan_tensor *tensor = &data->tensors[t];
    const int64_t        heads = tensor->dims[2], dim = tensor->dims[3], *strides = tensor->strides;
    const bool           whole = strides[1] == heads * dim && strides[2] == dim;
    const int64_t        rows = whole ? 1 : data->tokens * heads, bytes = 2 * (whole ? sequence(bed, data, t) : dim);
    for (int64_t r = 0; r < rows; r++) {
        const int64_t   at = b * strides[0] + r / heads * strides[1] + r % heads * strides[2];
        const CuPointer there = (CuPointer)(uintptr_t)tensor->data + (CuPointer)(2 * at);
        void           *here = host + r * dim;
        must(in ? cuda_copy_in(ctx, bed->device, there, here, bytes)
                : cuda_copy_out(ctx, bed->device, here, there, bytes),
             ctx);
    }
}

/* Sequence b gets the numbers of sequence b % period. */
static void fill(Ctx *ctx, const Bed *bed, const Data *data, int t, int64_t period) {
    const int64_t count = sequence(bed, data, t), kinds = period < data->batch ? period : data->batch;
    uint16_t     *numbers = malloc((size_t)(kinds * count) * 2);
    uint64_t      state = (uint64_t)t + 1;
    for (int64_t i = 0; i < kinds * count; i++)
        numbers[i] = bf16_of(random_number(&state));
    for (int64_t b = 0; b < data->batch; b++)
        move(ctx, bed, data, t, b, numbers + b % kinds * count, true);
    free(numbers);
}

/* Strides of q, k, v and, apart or not, o; elements that the tensor reaches over. */
static int64_t lay_out(const Bed *bed, const Data *data, int t, Layout layout, int64_t strides[4]) {
    const int64_t heads = tensor_heads(bed, t), dim = bed->layer->dim, T = data->tokens;
    const int64_t columns = layout == FUSED && t < 3 ? bed->layer->heads + 2 * bed->layer->kv : heads;
    const bool    outside = layout == HEADS_FIRST && t < 3;
    const int64_t values[] = {T * columns * dim + (layout == APART ? GAP : 0), outside ? dim : columns * dim,
                              outside ? T * dim : dim, 1};
    memcpy(strides, values, sizeof values);
    return (data->batch - 1) * strides[0] + T * columns * dim;
}

static void make_rows(Ctx *ctx, const Bed *bed, Data *data, int t, Layout layout, int64_t period) {
    const int64_t heads = tensor_heads(bed, t), dim = bed->layer->dim;
    rattan_tensor tensor = {NAMES[t], NULL, RATTAN_BF16, 4, {data->batch, data->tokens, heads, dim}, {0}};
    const int64_t reach = lay_out(bed, data, t, layout, tensor.strides);
    const int     before = t == 2 ? bed->layer->heads + bed->layer->kv : bed->layer->heads;
    if (layout == FUSED && (t == 1 || t == 2)) {
        tensor.data = (uint16_t *)data->tensors[0].data + before * dim;
    } else {
        must(cuda_alloc(ctx, bed->device, 2 * reach, &data->memory[t]), ctx);
        tensor.data = (void *)(uintptr_t)data->memory[t];
    }
    data->tensors[t] = tensor;
    if (t != O)
        fill(ctx, bed, data, t, period);
}

static void make_gain(Ctx *ctx, const Bed *bed, Data *data, int t) {
    const int64_t dims[] = {bed->layer->heads, bed->layer->dim}, count = dims[0] * dims[1];
    float        *gain = malloc((size_t)count * sizeof *gain);
    for (int64_t i = 0; i < count; i++)
        gain[i] = 0.5f + 0.01f * (float)(i % 97);
    must(cuda_alloc(ctx, bed->device, 4 * count, &data->memory[t]), ctx);
    must(cuda_copy_in(ctx, bed->device, data->memory[t], gain, 4 * count), ctx);
    data->tensors[t] = rattan_tensor_of(NAMES[t], (void *)(uintptr_t)data->memory[t], RATTAN_FP32, 2, dims);
    free(gain);
}

static Data make_data(const Bed *bed, int64_t batch, int64_t tokens, Layout layout, int64_t period) {
    Ctx  ctx;
    Data data = {.batch = batch, .tokens = tokens};
    ctx_init(&ctx);
    for (int t = 0; t < TENSORS; t++)
        if (t == 3 || t == 4)
            make_gain(&ctx, bed, &data, t);
        else
            make_rows(&ctx, bed, &data, t, layout, period);
    ctx_free(&ctx);
    return data;
}

static void free_data(const Bed *bed, Data *data) {
    for (int t = 0; t < TENSORS; t++)
        if (data->memory[t])
            cuda_free(bed->device, data->memory[t]);
    free(data->o);
}

static size_t o_bytes(const Bed *bed, const Data *data) {
    return (size_t)(data->batch * sequence(bed, data, O)) * 2;
}

static void fetch(const Bed *bed, Data *data) {
    Ctx           ctx;
    const int64_t count = sequence(bed, data, O);
    ctx_init(&ctx);
    data->o = data->o ? data->o : malloc(o_bytes(bed, data));
    if (data->tensors[O].strides[0] == count)
        must(cuda_copy_out(&ctx, bed->device, data->o, data->memory[O], (int64_t)o_bytes(bed, data)), &ctx);
    else
        for (int64_t b = 0; b < data->batch; b++)
            move(&ctx, bed, data, O, b, data->o + b * count, false);
    ctx_free(&ctx);
}

static void launch(const Bed *bed, const Data *data) {
    rattan_error error;
    must_public(rattan_launch(bed->kernel, data->tensors, TENSORS, POSITION, &error), &error);
}

static void run(const Bed *bed, Data *data) {
    launch(bed, data);
    fetch(bed, data);
}

/* ---- Cases --------------------------------------------------------------------------------------------------------
 */
static void repeats(Bed *bed) {
    Data  data = make_data(bed, 2, 300, PLAIN, 2);
    void *first = malloc(o_bytes(bed, &data));
    bool  same = true, alive = false;
    run(bed, &data);
    memcpy(first, data.o, o_bytes(bed, &data));
    for (size_t i = 0; i < o_bytes(bed, &data) / 2; i++)
        alive |= data.o[i] != 0;
    for (int i = 0; i < REPEATS && same; i++) {
        run(bed, &data);
        same = memcmp(first, data.o, o_bytes(bed, &data)) == 0;
    }
    verdict(bed, "1000 repeats give the same bits", same && alive, alive ? "they differ" : "all zeros");
    free(first);
    free_data(bed, &data);
}

/* Neither where tensors lie nor how far apart changes a bit. */
static void layouts(Bed *bed) {
    static const struct {
        Layout      layout;
        const char *name;
    } CASES[] = {{APART, "strides beyond 2^31 elements"},
                 {FUSED, "q, k and v in one tensor"},
                 {HEADS_FIRST, "heads before tokens"}};
    Data plain = make_data(bed, 2, 200, PLAIN, 2);
    run(bed, &plain);
    for (int c = 0; c < 3; c++) {
        Data data = make_data(bed, 2, 200, CASES[c].layout, 2);
        run(bed, &data);
        verdict(bed, CASES[c].name, memcmp(plain.o, data.o, o_bytes(bed, &plain)) == 0, "other bits than without");
        free_data(bed, &data);
    }
    free_data(bed, &plain);
}

static void many_blocks(Bed *bed) {
    const int64_t period = 3;
    Data          data = make_data(bed, 70000, 2, PLAIN, period), few = make_data(bed, period, 2, PLAIN, period);
    const int64_t count = sequence(bed, &data, O);
    bool          same = true;
    run(bed, &data);
    run(bed, &few);
    for (int64_t b = 0; b < data.batch && same; b++)
        same = memcmp(data.o + b * count, few.o + b % period * count, (size_t)count * 2) == 0;
    verdict(bed, "a batch of 70000", same, "a sequence differs");
    free_data(bed, &data);
    free_data(bed, &few);
}

/* 132 sequences of 2^24 elements of q: in the place of each, 2^31 elements or bytes before it, lie other numbers. */
static void many_elements(Bed *bed) {
    static const int64_t SAMPLES[] = {0, 1, 63, 64, 65, 127, 128, 129, 131};
    const int64_t        period = 3;
    Data                 data = make_data(bed, 132, 4096, PLAIN, period), few = make_data(bed, period, 4096, PLAIN, period);
    const int64_t        count = sequence(bed, &data, O);
    uint16_t            *o = malloc((size_t)count * 2);
    bool                 same = true;
    Ctx                  ctx;
    ctx_init(&ctx);
    launch(bed, &data);
    run(bed, &few);
    for (size_t s = 0; s < sizeof SAMPLES / sizeof *SAMPLES; s++) {
        move(&ctx, bed, &data, O, SAMPLES[s], o, false);
        same &= memcmp(o, few.o + SAMPLES[s] % period * count, (size_t)count * 2) == 0;
    }
    verdict(bed, "more than 2^31 elements", same, "a sequence differs from that of a small batch");
    free(o);
    free_data(bed, &data);
    free_data(bed, &few);
    ctx_free(&ctx);
}

static void streams(Bed *bed) {
    Ctx          ctx;
    Data         data[2] = {make_data(bed, 1, 500, PLAIN, 1), make_data(bed, 3, 257, PLAIN, 3)};
    void        *alone[2];
    rattan_place places[2] = {0};
    rattan_error error;
    bool         same = true;
    ctx_init(&ctx);
    for (int s = 0; s < 2; s++) {
        CuStream stream;
        run(bed, &data[s]);
        alone[s] = malloc(o_bytes(bed, &data[s]));
        memcpy(alone[s], data[s].o, o_bytes(bed, &data[s]));
        must(cuda_stream_create(&ctx, bed->device, &stream), &ctx);
        places[s].stream = stream;
    }
    for (int i = 0; i < 200; i++)
        must_public(rattan_launch_on(bed->kernel, &places[i % 2], data[i % 2].tensors, TENSORS, POSITION, &error),
                    &error);
    for (int s = 0; s < 2; s++) {
        must(cuda_stream_wait(&ctx, bed->device, places[s].stream), &ctx);
        fetch(bed, &data[s]);
        same &= memcmp(alone[s], data[s].o, o_bytes(bed, &data[s])) == 0;
        cuda_stream_destroy(bed->device, places[s].stream);
        free(alone[s]);
        free_data(bed, &data[s]);
    }
    verdict(bed, "two streams at the same time", same, "other bits than alone");
    ctx_free(&ctx);
}

static void graphs(Bed *bed) {
    Ctx         ctx;
    bool        pushed;
    Data        data = make_data(bed, 2, 333, PLAIN, 2);
    void       *direct = malloc(o_bytes(bed, &data));
    CuStream    stream;
    ctx_init(&ctx);
    run(bed, &data);
    memcpy(direct, data.o, o_bytes(bed, &data));
    memset(data.o, 0, o_bytes(bed, &data));
    must(cuda_copy_in(&ctx, bed->device, data.memory[O], data.o, (int64_t)o_bytes(bed, &data)), &ctx);
    must(cuda_enter(&ctx, bed->device, &pushed), &ctx);
    must(cuda_stream_create(&ctx, bed->device, &stream), &ctx);
    const CuGraphExec exec = capture(&ctx, bed->device, bed->kernel, stream, data.tensors, TENSORS, POSITION);
    must(cuda_check(&ctx, &bed->device->driver, bed->device->driver.graph_launch(exec, stream), "graph", "launch"),
         &ctx);
    must(cuda_stream_wait(&ctx, bed->device, stream), &ctx);
    fetch(bed, &data);
    verdict(bed, "capture and replay", memcmp(direct, data.o, o_bytes(bed, &data)) == 0, "other bits than a launch");
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
    Data               data = make_data(bed, 1, 64, PLAIN, 1);
    const rattan_place place = {0};
    double             best = 1;
    ctx_init(&ctx);
    must(cuda_enter(&ctx, bed->device, &pushed), &ctx);
    for (int round = 0; round < 20; round++) {
        const double start = seconds_now();
        for (int i = 0; i < 50; i++)
            rattan_launch_on(bed->kernel, &place, data.tensors, TENSORS, POSITION, NULL);
        const double seconds = (seconds_now() - start) / 50;
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
static rattan_spec *make_spec(const Layer *layer) {
    char         text[512];
    rattan_spec *spec;
    rattan_error error;
    snprintf(text, sizeof text,
             "return rattention { name = 'gpu_kernels', heads = %d, kv_heads = %d, head_dim = %d, dtype = 'bf16', %s }",
             layer->heads, layer->kv, layer->dim, layer->more);
    must_public(rattan_spec_from_text("gpu_kernels.lua", text, strlen(text), &spec, &error), &error);
    return spec;
}

static void open_bed(Bed *bed, const char *folder) {
    const rattan_context_options options = {.cache_dir = folder, .target = "cuda"};
    rattan_error                 error;
    Ctx                          ctx;
    ctx_init(&ctx);
    const double start = seconds_now();
    must_public(rattan_context_create(&options, &bed->context, &error), &error);
    printf("# context and device %.0f ms\n", 1e3 * (seconds_now() - start));
    must(cuda_device_open(&ctx, 0, &bed->device), &ctx);
    ctx_free(&ctx);
}

static void get_kernel(Bed *bed, const Layer *layer, const char *schedule) {
    rattan_spec                *spec = make_spec(layer);
    const rattan_kernel_request request = {.spec = spec, .schedule = schedule};
    const double                start = seconds_now();
    rattan_error                error;
    bed->layer = layer;
    bed->schedule = schedule;
    must_public(rattan_kernel_get(bed->context, &request, &bed->kernel, &error), &error);
    printf("# %s kernel %.1f ms\n", layer->name, 1e3 * (seconds_now() - start));
    rattan_spec_destroy(spec);
}

static void close_bed(Bed *bed) {
    cuda_device_close(bed->device);
    rattan_context_destroy(bed->context);
}

static bool has_roles(const Bed *bed) {
    rattan_kernel_facts facts;
    rattan_kernel_describe(bed->kernel, &facts);
    return strstr(facts.schedule, " roles=1") != NULL;
}

static void all_small(Bed *bed) {
    repeats(bed);
    graphs(bed);
    streams(bed);
    many_blocks(bed);
    layouts(bed);
    host_time(bed);
}

int main(void) {
    char folder[] = "/tmp/rattan_gpu_XXXXXX";
    Bed  bed = {0};
    if (!mkdtemp(folder))
        return 1;
    open_bed(&bed, folder);
    get_kernel(&bed, &SMALL, NULL);
    close_bed(&bed);
    open_bed(&bed, folder);
    get_kernel(&bed, &SMALL, NULL); /* now from disk */
    const bool roles = has_roles(&bed);
    all_small(&bed);
    if (roles) {
        get_kernel(&bed, &SMALL, "roles=0");
        all_small(&bed);
    }
    /* Whole sequences: no batch then adds up a state in another order. */
    get_kernel(&bed, &LARGE, "segment=0");
    many_elements(&bed);
    rattan_cache_clear(bed.context);
    close_bed(&bed);
    return bed.failures > 0;
}
