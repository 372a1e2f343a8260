/* link: rattan_runtime */
/* A driver that fails at any one call, or at that and all that follow: whatever a device, code and launches were made of is
 * given back, failures are told with a place, and what is said to have been launched was, whole. */
#include "runtime/cuda_executable.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cuda.h"

enum { HEADS = 4, WIDTH = 24, BATCH = 2, TOKENS = 5, COUNT = BATCH * TOKENS * HEADS * WIDTH, KERNELS = 3, SLICES = 2 };
enum { OUT_OF_MEMORY = 2, NO_BINARY = 209, ILLEGAL_ADDRESS = 700, ONE = 1, ALL = -1 };

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)

static FakeCuda *fake;

typedef struct Fixture {
    Ctx             ctx;
    CodeParam       params[3];
    CodePhase       phases[KERNELS];
    CodeObject      object;
    CudaDevice     *device;
    CudaExecutable *executable;
    CuStream        stream;
    CuPointer       memory;
    Tensor          tensors[2], others[2];
    int             told; /* failures, each with its place */
    _Alignas(64) uint16_t q[COUNT], o[COUNT], other_q[COUNT], other_o[COUNT];
} Fixture;

static Tensor tensor_of(uint16_t *data) {
    return (Tensor){data, DT_BF16, 4, {BATCH, TOKENS, HEADS, WIDTH}, {TOKENS * HEADS * WIDTH, HEADS * WIDTH, WIDTH, 1}};
}

/* Three phases in two images, one behind the other and one beside the first one, with maps and more shared memory than usual, whose
 * heads are taken in two slices. */
static void describe(Fixture *f) {
    const CodeMap map = {.param = 0, .dims = 4, .row_dim = 1, .box_rows = 16, .box_cols = 8};
    f->params[0] = (CodeParam){"q", DT_BF16, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, .sliced = 3};
    f->params[1] = (CodeParam){"work", DT_F32, PARAM_WORK, 4, {B_, T_, 10, 32}, 0};
    f->params[2] = (CodeParam){"o", DT_BF16, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, .sliced = 3};
    f->phases[0] = (CodePhase){.symbol = "one", .axis_count = 2, .axes = {B_, T_}, .threads = 64, .shared_bytes = 60 << 10};
    f->phases[1] = (CodePhase){.symbol = "two", .axis_count = 1, .axes = {T_}, .threads = 64, .overlaps = true, .code_at = 6, .ptx_at = 5};
    f->phases[2] = (CodePhase){.symbol = "mapped", .axis_count = 2, .axes = {B_, T_}, .threads = 64, .beside = 2,
                               .maps = {map}, .map_count = 1};
    f->object = (CodeObject){.params = f->params, .param_count = 3, .phases = f->phases, .phase_count = KERNELS, .chunk = 1,
                             .kv_heads = HEADS, .head_slices = SLICES, .name = (char *)"sample", .target = (char *)"cuda:sm_90",
                             .ptx = (char *)".one .two", .payload = (uint8_t *)"first second", .payload_size = 12};
    f->tensors[0] = tensor_of(f->q);
    f->tensors[1] = tensor_of(f->o);
    f->others[0] = tensor_of(f->other_q);
    f->others[1] = tensor_of(f->other_o);
}

/* ---- A program --------------------------------------------------------------------------------------------------- */
/* Notes a failure, which has a message; -> whether there was none. */
static bool done(Fixture *f, Status status) {
    char text[2048];
    ctx_describe(&f->ctx, text, sizeof text);
    if (status != f->ctx.status)
        fail_msg("%s failed, %d is returned and '%s' noted", fake->failed, (int)status, text);
    if (status == ST_OK)
        return true;
    if (!f->ctx.place[0] || !f->ctx.message[0] || strchr(text, '\n'))
        fail_msg("%s failed, and '%s' tells", fake->failed, text);
    ctx_clear(&f->ctx);
    f->told++;
    return false;
}

/* What was launched is all kernels in turn. */
static void launch(Fixture *f, const CudaPlace *place, const Tensor *tensors) {
    static const char *const NAMES[KERNELS] = {"one", "two", "mapped"};
    fake->launch_count = 0;
    if (!done(f, cuda_executable_launch(&f->ctx, f->executable, place, tensors, 0)))
        return;
    assert_int_equal(fake->launch_count, KERNELS * SLICES);
    for (int l = 0; l < fake->launch_count; l++) {
        assert_string_equal(fake->launches[l].symbol, NAMES[l % KERNELS]);
        assert_int_equal(fake->launches[l].args[0], (int64_t)(intptr_t)((uint16_t *)tensors[0].data + l / KERNELS * HEADS / SLICES * WIDTH));
        assert_ptr_equal(fake->launches[l].stream, place->stream);
    }
}

static void use_executable(Fixture *f) {
    const CudaPlace none = {0}, own = {.stream = f->stream};
    int64_t         bytes;
    assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, f->tensors, &bytes), ST_OK);
    const CudaPlace brought = {.stream = f->stream, .workspace = f->memory, .workspace_bytes = bytes};
    launch(f, &none, f->tensors);
    done(f, cuda_executable_prepare(&f->ctx, f->executable, &own, f->tensors));
    launch(f, &own, f->tensors);
    launch(f, &own, f->others);
    if (f->memory)
        launch(f, &brought, f->tensors);
    done(f, cuda_executable_wait(&f->ctx, f->executable, f->stream, f->tensors, 0));
}

static void use_device(Fixture *f) {
    char here[64] = "";
    if (done(f, cuda_alloc(&f->ctx, f->device, 1 << 20, &f->memory)) &&
        done(f, cuda_copy_in(&f->ctx, f->device, f->memory, "sixteen bytes...", 16)) &&
        done(f, cuda_copy_out(&f->ctx, f->device, here, f->memory, 16)))
        assert_string_equal(here, "sixteen bytes...");
    done(f, cuda_stream_create(&f->ctx, f->device, &f->stream));
    if (done(f, cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable)))
        use_executable(f);
    cuda_executable_free(f->executable);
    cuda_stream_destroy(f->device, f->stream);
    cuda_free(f->device, f->memory);
}

/* Captures may be ended by this thread as before. */
static void expect_mode(void) {
    int  mode = 0;
    bool pushed;
    Ctx  ctx;
    CudaDevice *device;
    ctx_init(&ctx);
    fake->fail_at = 0;
    assert_int_equal(cuda_device_open(&ctx, 0, &device), ST_OK);
    assert_int_equal(cuda_enter(&ctx, device, &pushed), ST_OK);
    assert_int_equal(device->driver.capture_mode(&mode), 0);
    assert_int_equal(mode, 0);
    cuda_leave(device, pushed);
    cuda_device_close(device);
    ctx_free(&ctx);
}

/* -> how many calls the driver had. */
static int run_program(int refuse_cubin, int fail_at, int fail_for, int fail_with, int *told) {
    Fixture *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
    memset(f, 0, sizeof *f);
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024, .map_count = 1, .refuse_cubin = refuse_cubin,
                       .fail_at = fail_at, .fail_for = fail_for, .fail_with = fail_with};
    ctx_init(&f->ctx);
    describe(f);
    if (done(f, cuda_device_open(&f->ctx, 0, &f->device)))
        use_device(f);
    cuda_device_close(f->device);
    ctx_free(&f->ctx);
    *told = f->told;
    free(f);
    const int calls = fake->calls;
    expect_mode();
    return calls;
}

static void expect_nothing_left(void) {
    const int left[] = {fake->pushed, fake->retained, fake->modules, fake->streams, fake->graphs, fake->allocations - fake->freed};
    static const char *const NAMES[] = {"contexts on the stack", "contexts", "modules", "streams", "graphs", "allocations"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i] != 0)
            fail_msg("%d %s left where call %d failed, %s", left[i], NAMES[i], fake->calls, fake->failed ? fake->failed : "none");
}

/* ---- Cases ------------------------------------------------------------------------------------------------------- */
static void all_is_given_back(void **state) {
    int told;
    (void)state;
    for (int refuse = 0; refuse < 2; refuse++) {
        const int calls = run_program(refuse, 0, 0, 0, &told);
        assert_int_equal(told, 0);
        assert_true(calls > 100);
        assert_true(fake->graph_launches > 0 && fake->encode_count > 0);
        expect_nothing_left();
    }
}

static void fail_at_each(int fail_for, int fail_with) {
    for (int refuse = 0; refuse < 2; refuse++) {
        int       told, all_told = 0;
        const int calls = run_program(refuse, 0, 0, 0, &told);
        for (int call = 1; call <= calls; call++) {
            run_program(refuse, call, fail_for, fail_with, &told);
            assert_non_null(fake->failed);
            all_told += told;
            expect_nothing_left();
        }
        assert_true(all_told > 20);
    }
}

static void one_call_fails(void **state) {
    (void)state;
    fail_at_each(ONE, ILLEGAL_ADDRESS);
    fail_at_each(ONE, NO_BINARY);
}

static void memory_runs_out(void **state) {
    (void)state;
    fail_at_each(ONE, OUT_OF_MEMORY);
}

/* As behind a kernel's fault. */
static void the_context_is_lost(void **state) {
    (void)state;
    fail_at_each(ALL, ILLEGAL_ADDRESS);
}

/* A capture in the default mode is ended by what frees, unless that asks to be let. */
static void freeing_ends_no_capture(void **state) {
    Fixture         f = {0};
    const CudaPlace place = {0};
    (void)state;
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024, .map_count = 1};
    ctx_init(&f.ctx);
    describe(&f);
    assert_int_equal(cuda_device_open(&f.ctx, 0, &f.device), ST_OK);
    assert_int_equal(cuda_executable_load(&f.ctx, f.device, &f.object, &f.executable), ST_OK);
    assert_int_equal(cuda_executable_prepare(&f.ctx, f.executable, &place, f.tensors), ST_OK);
    fake->capturing = 1;
    fake->captured = &f;
    cuda_executable_free(f.executable);
    assert_int_equal(fake->captures_ended, 0);
    fake->capturing = 0;
    cuda_device_close(f.device);
    ctx_free(&f.ctx);
    expect_nothing_left();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_given_back),
        cmocka_unit_test(one_call_fails),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(the_context_is_lost),
        cmocka_unit_test(freeing_ends_no_capture),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    return fake ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
