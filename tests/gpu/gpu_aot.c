/* An ahead-of-time library on a device, beside the same kernel compiled at run time: gpu_aot FILE INTERFACE opens the library
 * that `rattan aot SPEC --name layers --kinds forward` wrote of the spec that `gpu_aot --spec` prints. The same bits, captures,
 * tensors that are not aligned, what a launch costs the host. Out: "ok NAME" or "not ok NAME (why)" a case; exit code 1 if one
 * failed, 77 where there is no device. */
#include "rattan/rattan.h"
#include "base/clock.h"
#include "rattan/rattan_rt.h"
#include "runtime/cuda_device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SPEC[] = "return rattention { name = 'layer', heads = 8, kv_heads = 2, head_dim = 128, window = 512,"
                           " feature_map = 'softmax2', norm = { kind = 'rms', eps = 1e-6 }, dtype = 'bf16' }\n";

enum { B = 1, T = 700, H = 8, HK = 2, D = 128, TENSORS = 6, Q = B * T * H * D, K = B * T * HK * D, GAP = 16, CAPTURE_GLOBAL = 0 };
enum { ROUNDS = 25, LAUNCHES = 100 };

static int failures;

typedef rattan_rt_status OpenFn(uint64_t interface, const rattan_rt_options *options, void **context);
typedef rattan_rt_status CallFn(void *context, const void *args, const rattan_rt_place *place);
typedef void             CloseFn(void *context);
typedef const char      *TextFn(int status);

typedef struct Bed {
    Ctx             ctx;
    CudaDevice     *device;
    CuStream        stream, other;
    void           *library, *context;
    OpenFn         *open;
    CallFn         *launch, *prepare;
    CloseFn        *close;
    TextFn         *describe;
    rattan_context *compiler;
    rattan_kernel  *kernel;
    rattan_tensor   tensors[TENSORS];
    CuPointer       memory[TENSORS];
    int64_t         args[3 + 5 * TENSORS]; /* the struct of layers.h: B, T, position, then each tensor and its strides */
    int             output;                /* which tensor */
    uint16_t       *wanted, *got;
} Bed;

/* ---- What both run on ---------------------------------------------------------------------------------------------
 */
static void find(void *library, const char *name, void *out) {
    void *symbol = dlsym(library, name);
    if (!symbol) {
        printf("not ok opens (no %s)\n", name);
        exit(1);
    }
    memcpy(out, &symbol, sizeof symbol);
}

static void open_library(Bed *bed, const char *file, const char *interface) {
    const rattan_rt_options options = {.device = "cuda"};
    bed->library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!bed->library) {
        printf("not ok opens (%s)\n", dlerror());
        exit(1);
    }
    find(bed->library, "layers_open_interface", &bed->open);
    find(bed->library, "layers_close", &bed->close);
    find(bed->library, "layers_error_string", &bed->describe);
    find(bed->library, "layers_layer_forward", &bed->launch);
    find(bed->library, "layers_layer_forward_prepare", &bed->prepare);
    const rattan_rt_status status = bed->open(strtoull(interface, NULL, 16), &options, &bed->context);
    printf(status == RATTAN_RT_OK ? "ok opens\n" : "not ok opens (%s)\n", bed->describe((int)status));
    if (status != RATTAN_RT_OK)
        exit(1);
}

static void open_compiler(Bed *bed) {
    const rattan_context_options options = {.target = "cuda", .no_tuning = 1};
    rattan_kernel_request        request = {.item = 0};
    rattan_spec                 *spec = NULL;
    rattan_error                 error;
    char                         text[2048];
    if (rattan_context_create(&options, &bed->compiler, &error) == RATTAN_OK &&
        rattan_spec_from_text("layer", SPEC, sizeof SPEC - 1, &spec, &error) == RATTAN_OK) {
        request.spec = spec;
        if (rattan_kernel_get(bed->compiler, &request, &bed->kernel, &error) == RATTAN_OK) {
            rattan_spec_destroy(spec);
            return;
        }
    }
    rattan_error_text(&error, text, sizeof text);
    printf("not ok compiles (%s)\n", text);
    exit(1);
}

/* `offset`: elements by which every tensor of q's type begins later; its rows stay without gaps. */
static void lay_out(Bed *bed, int64_t offset) {
    int64_t *at = bed->args;
    *at++ = B;
    *at++ = T;
    *at++ = 0;
    for (int t = 0; t < TENSORS; t++) {
        const bool typed = bed->tensors[t].dtype == RATTAN_BF16;
        bed->tensors[t].data = (void *)(uintptr_t)(bed->memory[t] + (typed ? 2 * (uint64_t)offset : 0));
        *at++ = (int64_t)(intptr_t)bed->tensors[t].data;
        for (int d = 0; d < bed->tensors[t].rank; d++)
            *at++ = 0;
    }
}

static int64_t elements(const rattan_tensor *tensor) {
    int64_t count = 1;
    for (int d = 0; d < tensor->rank; d++)
        count *= tensor->dims[d];
    return count;
}

static uint16_t small_bf16(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    const float value = (float)(*seed >> 40) / 16777216.0f - 0.5f;
    uint32_t    bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Numbers of bf16; of fp32 the same in the high half, zeros in the low one. `offset` as above. */
static Status fill(Bed *bed, int t, int64_t offset) {
    const bool    typed = bed->tensors[t].dtype == RATTAN_BF16;
    const int64_t count = elements(&bed->tensors[t]);
    uint16_t     *values = calloc((size_t)(2 * count + GAP), sizeof *values);
    uint64_t      seed = (uint64_t)t + 1;
    for (int64_t i = 0; i < count; i++)
        values[typed ? i + offset : 2 * i + 1] = small_bf16(&seed);
    const Status status = cuda_copy_in(&bed->ctx, bed->device, bed->memory[t], values, (typed ? count + GAP : 2 * count) * 2);
    free(values);
    return status;
}

static Status make_tensors(Bed *bed) {
    for (int t = 0; t < TENSORS; t++) {
        rattan_param param;
        rattan_error error;
        int64_t      dims[4] = {0};
        rattan_kernel_param(bed->kernel, t, &param, &error);
        for (int d = 0; d < param.rank; d++)
            dims[d] = param.dims[d] == RATTAN_DIM_B ? B : param.dims[d] == RATTAN_DIM_T ? T : param.dims[d];
        bed->tensors[t] = rattan_tensor_of(NULL, NULL, param.dtype, param.rank, dims);
        bed->output = param.role == RATTAN_OUT ? t : bed->output;
        TRY(cuda_alloc(&bed->ctx, bed->device, 4 * elements(&bed->tensors[t]) + 4 * GAP, &bed->memory[t]));
        TRY(fill(bed, t, 0));
    }
    lay_out(bed, 0);
    return ST_OK;
}

static Status read_output(Bed *bed, uint16_t *to) {
    TRY(cuda_stream_wait(&bed->ctx, bed->device, bed->stream));
    return cuda_copy_out(&bed->ctx, bed->device, to, (CuPointer)(uintptr_t)bed->tensors[bed->output].data, Q * 2);
}

/* Whether o is what it was once; zeros stand there behind it. */
static bool same_output(Bed *bed) {
    static const uint16_t ZEROS[Q];
    const bool            right = read_output(bed, bed->got) == ST_OK && memcmp(bed->got, bed->wanted, Q * 2) == 0;
    return cuda_copy_in(&bed->ctx, bed->device, (CuPointer)(uintptr_t)bed->tensors[bed->output].data, ZEROS, Q * 2) == ST_OK && right;
}

static void verdict(const char *name, bool right, const char *why) {
    failures += !right;
    if (right)
        printf("ok %s\n", name);
    else
        printf("not ok %s (%s)\n", name, why);
}

/* ---- Cases --------------------------------------------------------------------------------------------------------
 */
static void expect(Bed *bed, const char *name, rattan_rt_status got, rattan_rt_status wanted, bool right) {
    char why[2048];
    snprintf(why, sizeof why, "status %d: %s%s", (int)got, bed->describe((int)got), right ? "" : "; the output or the graph is wrong");
    verdict(name, got == wanted && right, why);
}

static bool begin(Bed *bed) {
    bool       pushed;
    const bool fine = cuda_enter(&bed->ctx, bed->device, &pushed) == ST_OK &&
                      bed->device->driver.capture_begin(bed->stream, CAPTURE_GLOBAL) == 0;
    cuda_leave(bed->device, pushed);
    return fine;
}

/* Ends the capture and runs what it has, where `run`. False where the capture had been ended. */
static bool end(Bed *bed, bool run) {
    const CudaDriver *driver = &bed->device->driver;
    CuGraph           graph = NULL;
    CuGraphExec       exec = NULL;
    bool              pushed;
    if (cuda_enter(&bed->ctx, bed->device, &pushed) != ST_OK)
        return false;
    bool fine = driver->capture_end(bed->stream, &graph) == 0 && graph;
    if (fine && run)
        fine = driver->graph_instantiate(&exec, graph, 0) == 0 && driver->graph_launch(exec, bed->stream) == 0 &&
               driver->stream_wait(bed->stream) == 0;
    if (exec)
        driver->graph_exec_destroy(exec);
    if (graph)
        driver->graph_destroy(graph);
    cuda_leave(bed->device, pushed);
    return fine;
}

static void test_captures(Bed *bed, const char *what) {
    const rattan_rt_place here = {.stream = bed->stream}, there = {.stream = bed->other};
    rattan_rt_status      status;
    char                  name[128];
    bool                  begun = begin(bed);
    status = bed->launch(bed->context, bed->args, &here);
    snprintf(name, sizeof name, "%s: a first launch in a capture is refused, and the capture goes on", what);
    expect(bed, name, status, RATTAN_RT_USAGE, begun && end(bed, false));
    begun = begin(bed);
    status = bed->prepare(bed->context, bed->args, &there);
    snprintf(name, sizeof name, "%s: made ready on a stream while another is captured", what);
    expect(bed, name, status, RATTAN_RT_OK, begun && end(bed, false));
    status = bed->prepare(bed->context, bed->args, &here);
    begun = status == RATTAN_RT_OK && begin(bed);
    status = bed->launch(bed->context, bed->args, &here);
    snprintf(name, sizeof name, "%s: a prepared launch is captured", what);
    expect(bed, name, status, RATTAN_RT_OK, begun && end(bed, true) && same_output(bed));
    status = bed->launch(bed->context, bed->args, NULL);
    snprintf(name, sizeof name, "%s: a launch that is waited for", what);
    expect(bed, name, status, RATTAN_RT_OK, same_output(bed));
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

static double launch_compiled(Bed *bed) {
    const rattan_place place = {.stream = bed->stream};
    const double       start = seconds_now();
    for (int i = 0; i < LAUNCHES; i++)
        rattan_launch_on(bed->kernel, &place, bed->tensors, TENSORS, 0, NULL);
    return 1e6 * (seconds_now() - start) / LAUNCHES;
}

static double launch_built(Bed *bed) {
    const rattan_rt_place place = {.stream = bed->stream};
    const double          start = seconds_now();
    for (int i = 0; i < LAUNCHES; i++)
        bed->launch(bed->context, bed->args, &place);
    return 1e6 * (seconds_now() - start) / LAUNCHES;
}

/* Of launches whose kernel, memory and graph are there, in turns. */
static void test_host_time(Bed *bed) {
    const rattan_place place = {.stream = bed->stream};
    double             compiled[ROUNDS], built[ROUNDS];
    rattan_prepare_on(bed->kernel, &place, bed->tensors, TENSORS, NULL);
    for (int r = -1; r < ROUNDS; r++) {
        const double a = launch_compiled(bed);
        cuda_stream_wait(&bed->ctx, bed->device, bed->stream);
        const double b = launch_built(bed);
        cuda_stream_wait(&bed->ctx, bed->device, bed->stream);
        compiled[r < 0 ? 0 : r] = a;
        built[r < 0 ? 0 : r] = b;
    }
    qsort(compiled, ROUNDS, sizeof *compiled, by_size);
    qsort(built, ROUNDS, sizeof *built, by_size);
    const double a = compiled[0], b = built[0]; /* what other work beside does not make longer */
    char         why[64];
    printf("# a launch costs the host %.2f us compiled at run time, %.2f us built ahead of time (medians %.2f, %.2f)\n", a, b,
           compiled[ROUNDS / 2], built[ROUNDS / 2]);
    snprintf(why, sizeof why, "%.2f us to %.2f", b, a);
    verdict("a launch costs no more host time", b <= 1.05 * a + 0.1, why);
}

static void run(Bed *bed) {
    rattan_error error;
    const bool   fine = make_tensors(bed) == ST_OK &&
                        rattan_launch(bed->kernel, bed->tensors, TENSORS, 0, &error) == RATTAN_OK &&
                        read_output(bed, bed->wanted) == ST_OK;
    verdict("the kernel that is compiled at run time", fine, "does not run");
    test_captures(bed, "aligned");
    test_host_time(bed);
    for (int t = 0; t < TENSORS; t++)
        fill(bed, t, 1);
    lay_out(bed, 1);
    if (rattan_launch(bed->kernel, bed->tensors, TENSORS, 0, &error) == RATTAN_OK && read_output(bed, bed->wanted) == ST_OK)
        test_captures(bed, "not aligned");
    else
        verdict("tensors that are not aligned", false, "do not run where the kernel is compiled at run time");
}

int main(int argc, char **argv) {
    Bed *bed = calloc(1, sizeof *bed);
    if (argc == 2 && strcmp(argv[1], "--spec") == 0)
        return fputs(SPEC, stdout) < 0;
    if (argc != 3 || !bed)
        return 2;
    ctx_init(&bed->ctx);
    bed->wanted = calloc(Q, 2);
    bed->got = calloc(Q, 2);
    if (cuda_device_open(&bed->ctx, 0, &bed->device) != ST_OK ||
        cuda_stream_create(&bed->ctx, bed->device, &bed->stream) != ST_OK ||
        cuda_stream_create(&bed->ctx, bed->device, &bed->other) != ST_OK) {
        puts("skip a library on a device (no device)");
        return 77;
    }
    open_library(bed, argv[1], argv[2]);
    open_compiler(bed);
    run(bed);
    bed->close(bed->context);
    rattan_context_destroy(bed->compiler);
    return failures > 0;
}
