/* Kernels of every kind through the public interface on a real device: 1000 repeats give the same bits, and so do a graph's
 * replay, launches on two streams at once, and a workspace that holds anything; packed sequences that fall hang nothing. Whether
 * the bits are right is what `rattan check` says. Out: "ok NAME" or "not ok NAME (why)" a case; exit code 1 if one failed, 77 where there is no device. */
#include <rattan/rattan.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/gpu/public_testing.h"

enum { MOST_TENSORS = 40, REPEATS = 1000, TURNS = 100, SEQUENCES = 3, SLOTS = 5, SEEN = 133 };

typedef struct Case {
    const char *name;
    rattan_kind kind;
    int         parts;
    int64_t     tokens; /* of a sequence; packed: of all of them */
    const char *more;   /* of the spec */
    const char *schedule;
} Case;

static const char PLAIN[] = "window = 48, rope = { theta = 10000, style = 'half' }, sink = true";

static const Case CASES[] = {
    {"forward, lse, final state", RATTAN_FORWARD, RATTAN_LSE | RATTAN_FINAL_STATE, 300, PLAIN, NULL},
    {"forward, without roles", RATTAN_FORWARD, RATTAN_LSE | RATTAN_FINAL_STATE, 300, PLAIN, "roles=0"},
    {"forward, packed", RATTAN_FORWARD, RATTAN_PACKED | RATTAN_LSE, 300, PLAIN, NULL},
    {"forward, packed, keys turned beside it", RATTAN_FORWARD, RATTAN_PACKED, 300, "head_dim = 128, window = 64, rope = { theta = 10000 }", NULL},
    {"forward, initial state", RATTAN_FORWARD, RATTAN_FINAL_STATE, 300, "window = 48, initial_state = 'input'", NULL},
    {"decode", RATTAN_DECODE, 0, 1, PLAIN, NULL},
    {"decode in four parts", RATTAN_DECODE, RATTAN_LSE, 1, PLAIN, "parts=4"},
    {"decode, two tokens, a fold", RATTAN_DECODE, 0, 2, "window = 48, fold = 16", NULL},
    {"decode, packed", RATTAN_DECODE, RATTAN_PACKED, 5, PLAIN, NULL},
    {"extend", RATTAN_EXTEND, RATTAN_LSE, 70, PLAIN, NULL},
    {"extend, window of whole tiles", RATTAN_EXTEND, 0, 200, "window = 128", NULL},
    {"extend, packed", RATTAN_EXTEND, RATTAN_PACKED, 150, PLAIN, NULL},
    {"backward", RATTAN_BACKWARD, 0, 300, PLAIN, NULL},
    {"backward, final state", RATTAN_BACKWARD, RATTAN_FINAL_STATE, 200, "window = 64, qk_scale = true", NULL},
    {"backward, packed", RATTAN_BACKWARD, RATTAN_PACKED, 300, PLAIN, NULL},
    {"backward, without roles", RATTAN_BACKWARD, 0, 200, PLAIN, "roles=0 gradient_roles=0"},
};

typedef struct Bed {
    CudaDevice     *device;
    rattan_context *context;
    rattan_kernel  *kernel;
    const Case     *of;
    int             failures;
} Bed;

typedef struct Data {
    int           count;
    rattan_tensor tensors[MOST_TENSORS];
    rattan_role   roles[MOST_TENSORS];
    int64_t       bytes[MOST_TENSORS];
    void         *start[MOST_TENSORS], *found[MOST_TENSORS]; /* on the host; found: of what is written */
} Data;

static void verdict(Bed *bed, const char *name, bool right) {
    bed->failures += !right;
    printf("%s %s: %s%s\n", right ? "ok" : "not ok", bed->of->name, name, right ? "" : " (other bits)");
    fflush(stdout);
}

/* ---- Tensors, from what the kernel says of its parameters ---- */

static int64_t dim_of(const Bed *bed, int64_t dim) {
    const bool packed = bed->of->parts & RATTAN_PACKED;
    switch (dim) {
    case RATTAN_DIM_B: return packed ? 1 : SEQUENCES;
    case RATTAN_DIM_T: return bed->of->tokens;
    case RATTAN_DIM_N: return SEQUENCES;
    case RATTAN_DIM_N_PLUS_1: return SEQUENCES + 1;
    case RATTAN_DIM_P: return SLOTS;
    default: return dim;
    }
}

static void fill_ints(const Bed *bed, const char *name, int32_t *out, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        out[i] = (int32_t)(strcmp(name, "slots") == 0 ? SLOTS - 1 - i
                           : strcmp(name, "pos") == 0 ? SEEN + 40 * i
                           : i == count - 1           ? bed->of->tokens
                                                      : bed->of->tokens * i / (SEQUENCES + 1));
}

static void fill(const Bed *bed, const rattan_param *param, int64_t count, uint64_t *state, void *out) {
    if (param->dtype == RATTAN_I32) {
        fill_ints(bed, param->name, out, count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        const float value = random_number(state);
        if (param->dtype == RATTAN_BF16)
            ((uint16_t *)out)[i] = bf16_of(value);
        else
            ((float *)out)[i] = value;
    }
}

static void make_tensor(Ctx *ctx, const Bed *bed, Data *data, int t, uint64_t *state) {
    rattan_param param;
    rattan_error error;
    int64_t      dims[4], count = 1;
    CuPointer    memory;
    must_public(rattan_kernel_param(bed->kernel, t, &param, &error), &error);
    for (int d = 0; d < param.rank; d++)
        count *= dims[d] = dim_of(bed, param.dims[d]);
    data->roles[t] = param.role;
    data->bytes[t] = count * (param.dtype == RATTAN_BF16 ? 2 : 4);
    data->start[t] = malloc((size_t)data->bytes[t]);
    data->found[t] = malloc((size_t)data->bytes[t]);
    if (param.role == RATTAN_OUT)
        memset(data->start[t], 0xff, (size_t)data->bytes[t]);
    else
        fill(bed, &param, count, state, data->start[t]);
    must(cuda_alloc(ctx, bed->device, data->bytes[t], &memory), ctx);
    data->tensors[t] = rattan_tensor_of(param.name, (void *)(uintptr_t)memory, param.dtype, param.rank, dims);
}

static void restore(Ctx *ctx, const Bed *bed, const Data *data, bool all) {
    for (int t = 0; t < data->count; t++)
        if (all || data->roles[t] == RATTAN_INOUT)
            must(cuda_copy_in(ctx, bed->device, (CuPointer)(uintptr_t)data->tensors[t].data, data->start[t], data->bytes[t]), ctx);
}

static Data make_data(Ctx *ctx, const Bed *bed, uint64_t seed) {
    Data data = {.count = rattan_kernel_params(bed->kernel)};
    for (int t = 0; t < data.count; t++)
        make_tensor(ctx, bed, &data, t, &seed);
    restore(ctx, bed, &data, true);
    return data;
}

static void free_data(const Bed *bed, Data *data) {
    for (int t = 0; t < data->count; t++) {
        cuda_free(bed->device, (CuPointer)(uintptr_t)data->tensors[t].data);
        free(data->start[t]);
        free(data->found[t]);
    }
}

/* What was written, into `found`; returns whether it is what was found before. */
static bool is_as_found(Ctx *ctx, const Bed *bed, Data *data) {
    bool same = true;
    for (int t = 0; t < data->count; t++) {
        if (data->roles[t] == RATTAN_IN)
            continue;
        void *const now = malloc((size_t)data->bytes[t]);
        must(cuda_copy_out(ctx, bed->device, now, (CuPointer)(uintptr_t)data->tensors[t].data, data->bytes[t]), ctx);
        same &= memcmp(now, data->found[t], (size_t)data->bytes[t]) == 0;
        free(data->found[t]);
        data->found[t] = now;
    }
    return same;
}

static void launch(const Bed *bed, const Data *data) {
    rattan_error error;
    must_public(rattan_launch(bed->kernel, data->tensors, data->count, 0, &error), &error);
}

static void launch_on(const Bed *bed, const Data *data, const rattan_place *place) {
    rattan_error error;
    must_public(rattan_launch_on(bed->kernel, place, data->tensors, data->count, 0, &error), &error);
}

/* ---- Cases ---- */

static void repeats(Ctx *ctx, Bed *bed) {
    Data data = make_data(ctx, bed, 1);
    bool same = true;
    launch(bed, &data);
    is_as_found(ctx, bed, &data);
    bool written = false;
    for (int t = 0; t < data.count; t++)
        written |= data.roles[t] != RATTAN_IN && memcmp(data.start[t], data.found[t], (size_t)data.bytes[t]) != 0;
    for (int i = 0; i < REPEATS && same; i++) {
        restore(ctx, bed, &data, i == 0);
        launch(bed, &data);
        same = is_as_found(ctx, bed, &data);
    }
    verdict(bed, "1000 repeats", same && written);
    free_data(bed, &data);
}

static void replay(Ctx *ctx, Bed *bed, CuStream stream) {
    const CudaDriver *driver = &bed->device->driver;
    Data              data = make_data(ctx, bed, 2);
    bool              same = true;
    launch(bed, &data);
    is_as_found(ctx, bed, &data);
    const CuGraphExec exec = capture(ctx, bed->device, bed->kernel, stream, data.tensors, data.count, 0);
    for (int i = 0; i < 3; i++) {
        restore(ctx, bed, &data, true);
        must(cuda_check(ctx, driver, driver->graph_launch(exec, stream), "graph", "launch"), ctx);
        must(cuda_stream_wait(ctx, bed->device, stream), ctx);
        same &= is_as_found(ctx, bed, &data);
    }
    verdict(bed, "capture and replay", same);
    driver->graph_exec_destroy(exec);
    free_data(bed, &data);
}

/* States and rings go on from launch to launch, so that both streams have as many as each had alone. */
static void streams(Ctx *ctx, Bed *bed, CuStream of[2]) {
    Data data[2] = {make_data(ctx, bed, 3), make_data(ctx, bed, 4)};
    bool same = true;
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < TURNS; i++)
            launch(bed, &data[s]);
        is_as_found(ctx, bed, &data[s]);
        restore(ctx, bed, &data[s], true);
    }
    for (int i = 0; i < 2 * TURNS; i++)
        launch_on(bed, &data[i % 2], &(rattan_place){.stream = of[i % 2]});
    for (int s = 0; s < 2; s++) {
        must(cuda_stream_wait(ctx, bed->device, of[s]), ctx);
        same &= is_as_found(ctx, bed, &data[s]);
        free_data(bed, &data[s]);
    }
    verdict(bed, "two streams at the same time", same);
}

static void workspace(Ctx *ctx, Bed *bed, CuStream stream) {
    static const int CONTENTS[] = {0x00, 0x55, 0xff};
    Data             data = make_data(ctx, bed, 5);
    rattan_error     error;
    int64_t          bytes;
    CuPointer        memory;
    bool             same = true;
    launch(bed, &data);
    is_as_found(ctx, bed, &data);
    must_public(rattan_kernel_memory(bed->kernel, data.tensors, data.count, &bytes, &error), &error);
    void *const contents = malloc((size_t)bytes + 1);
    must(cuda_alloc(ctx, bed->device, bytes + 1, &memory), ctx);
    const rattan_place place = {stream, (void *)(uintptr_t)memory, bytes};
    for (int c = 0; c < 3; c++) {
        memset(contents, CONTENTS[c], (size_t)bytes);
        must(cuda_copy_in(ctx, bed->device, memory, contents, bytes), ctx);
        for (int again = 0; again < 2; again++) { /* in what the launch before has left, too */
            restore(ctx, bed, &data, true);
            launch_on(bed, &data, &place);
            must(cuda_stream_wait(ctx, bed->device, stream), ctx);
            same &= is_as_found(ctx, bed, &data);
        }
    }
    verdict(bed, "a workspace that holds anything", same);
    cuda_free(bed->device, memory);
    free(contents);
    free_data(bed, &data);
}

static void on_alarm(int number) {
    static const char TEXT[] = "not ok sequences that fall (a kernel waits for ever)\n";
    (void)number;
    _exit(write(STDOUT_FILENO, TEXT, sizeof TEXT - 1) > 0 ? 1 : 2);
}

/* cu_seqlens that fall, rise too far or begin anywhere: any results, but an end, and right ones at the next launch. */
static void falling(Ctx *ctx, Bed *bed, CuStream stream) {
    enum { SECONDS = 60 };
    const int32_t T = (int32_t)bed->of->tokens;
    const int32_t wrong[][SEQUENCES + 1] = {
        {0, T, 0, T}, {T, 0, T, 0}, {0, T, T / 2, T}, {0, 64, 0, 64}, {-T, 2 * T, -1, INT32_MAX}, {INT32_MIN, T, T, 0}};
    const rattan_place place = {.stream = stream};
    Data               data = make_data(ctx, bed, 6);
    rattan_param       param;
    rattan_error       error;
    if (bed->of->parts & RATTAN_PACKED) {
        launch(bed, &data);
        is_as_found(ctx, bed, &data);
        signal(SIGALRM, on_alarm);
        alarm(SECONDS);
        for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++)
            for (int t = 0; t < data.count; t++) {
                must_public(rattan_kernel_param(bed->kernel, t, &param, &error), &error);
                if (strcmp(param.name, "cu_seqlens") != 0)
                    continue;
                must(cuda_copy_in(ctx, bed->device, (CuPointer)(uintptr_t)data.tensors[t].data, wrong[w], sizeof wrong[w]), ctx);
                launch_on(bed, &data, &place);
                must(cuda_stream_wait(ctx, bed->device, stream), ctx);
            }
        alarm(0);
        restore(ctx, bed, &data, true);
        launch(bed, &data);
        verdict(bed, "sequences that fall", is_as_found(ctx, bed, &data));
    }
    free_data(bed, &data);
}

static void get_kernel(Bed *bed, const Case *of) {
    char         text[512];
    rattan_spec *spec;
    rattan_error error;
    bed->of = of;
    snprintf(text, sizeof text,
             "return rattention { name = 'gpu_kinds', heads = 4, kv_heads = 2, dtype = 'bf16', %s%s }",
             strstr(of->more, "head_dim") ? "" : "head_dim = 64, ", of->more);
    must_public(rattan_spec_from_text("gpu_kinds.lua", text, strlen(text), &spec, &error), &error);
    const rattan_kernel_request request = {.spec = spec, .kind = of->kind, .parts = of->parts, .schedule = of->schedule};
    must_public(rattan_kernel_get(bed->context, &request, &bed->kernel, &error), &error);
    rattan_spec_destroy(spec);
}

int main(void) {
    Bed          bed = {0};
    Ctx          ctx;
    CuStream     of[2];
    bool         pushed;
    rattan_error error;
    ctx_init(&ctx);
    must_public(rattan_context_create(&(rattan_context_options){.cache_limit = -1, .target = "cuda"}, &bed.context, &error), &error);
    must(cuda_device_open(&ctx, 0, &bed.device), &ctx);
    must(cuda_enter(&ctx, bed.device, &pushed), &ctx);
    must(cuda_stream_create(&ctx, bed.device, &of[0]), &ctx);
    must(cuda_stream_create(&ctx, bed.device, &of[1]), &ctx);
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        get_kernel(&bed, &CASES[c]);
        repeats(&ctx, &bed);
        replay(&ctx, &bed, of[0]);
        streams(&ctx, &bed, of);
        workspace(&ctx, &bed, of[1]);
        falling(&ctx, &bed, of[0]);
    }
    cuda_stream_destroy(bed.device, of[0]);
    cuda_stream_destroy(bed.device, of[1]);
    cuda_leave(bed.device, pushed);
    cuda_device_close(bed.device);
    rattan_context_destroy(bed.context);
    ctx_free(&ctx);
    return bed.failures > 0;
}
