/* link: rattan_runtime */
/* What a phase may ask of the launch beside a grid: persistent blocks, an overlap with the phase before, tensor maps.
 * On a driver that only writes down what it is asked; with real kernels in tests/gpu. */
#include "runtime/cuda_executable.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cuda_testing.h"
#include "fake_cuda.h"
#include "runtime/launch_args.h"

enum { HEADS = 3, WIDTH = 24, TOKENS = 5, BATCH = 2, COUNT = BATCH * TOKENS * HEADS * WIDTH, ITEMS = 15 + SYM_COUNT };

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)

static FakeCuda *fake;

typedef struct Fixture {
    Ctx             ctx;
    CodeParam       params[3];
    CodePhase       phases[3];
    CodeObject      object;
    CudaDevice     *device;
    CudaExecutable *executable;
    Tensor          tensors[2];
    _Alignas(64) uint16_t q[COUNT + 64], o[COUNT + 64];
} Fixture;

/* q, work and o in bf16, and three phases: over B x T, over nothing where K is 0, over B x T. */
static void describe(Fixture *f) {
    f->params[0] = (CodeParam){"q", DT_BF16, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, 0};
    f->params[1] = (CodeParam){"work", DT_F32, PARAM_WORK, 4, {B_, DIM_SYM(SYM_K), 10, 32}, 0};
    f->params[2] = (CodeParam){"o", DT_BF16, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, 0};
    f->phases[0] = (CodePhase){.symbol = "one", .axis_count = 2, .axes = {B_, T_}, .threads = 64};
    f->phases[1] = (CodePhase){.symbol = "mapped_none", .axis_count = 1, .axes = {DIM_SYM(SYM_K)}, .threads = 64};
    f->phases[2] = (CodePhase){.symbol = "mapped_last", .axis_count = 2, .axes = {B_, T_}, .threads = 64};
    f->object = (CodeObject){.params = f->params,
                             .param_count = 3,
                             .phases = f->phases,
                             .phase_count = 3,
                             .chunk = 1,
                             .kv_heads = 1,
                             .name = (char *)"sample",
                             .target = (char *)"cuda:sm_90",
                             .ptx = (char *)"",
                             .payload = (uint8_t *)"\x7f"
                                                   "ELF",
                             .payload_size = 4};
    for (int t = 0; t < 2; t++)
        f->tensors[t] = (Tensor){t ? f->o : f->q,
                                 DT_BF16,
                                 4,
                                 {BATCH, TOKENS, HEADS, WIDTH},
                                 {TOKENS * HEADS * WIDTH, HEADS * WIDTH, WIDTH, 1}};
}

static int set_up(void **state) {
    Fixture *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
    memset(f, 0, sizeof *f);
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024};
    ctx_init(&f->ctx);
    describe(f);
    *state = f;
    return cuda_device_open(&f->ctx, 0, &f->device) != ST_OK;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    cuda_executable_free(f->executable);
    cuda_device_close(f->device);
    ctx_free(&f->ctx);
    free(f);
    return fake->pushed != 0 || fake->modules != 0 || fake->allocations != fake->freed;
}

static void load(Fixture *f) {
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable), ST_OK);
}

static Status launch(Fixture *f) {
    const CudaPlace place = {.stream = (CuStream)(void *)f};
    return cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0);
}

/* ---- Grids and overlaps ----------------------------------------------------------------------------------------- */
static void persistent_phases_fill_the_device_and_no_more(void **state) {
    Fixture *f = *state;
    f->phases[0].resident = 1;
    f->phases[2].resident = 2;
    load(f);
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launch_count, 2);
    assert_int_equal(fake->launches[0].blocks, FAKE_PROCESSORS);
    assert_int_equal(fake->launches[0].args[ITEMS], BATCH * TOKENS);
    assert_int_equal(fake->launches[1].blocks, BATCH * TOKENS); /* fewer items than 2 * FAKE_PROCESSORS */
    assert_int_equal(fake->launches[1].args[ITEMS], BATCH * TOKENS);
}

static void persistent_phases_may_leave_room_for_the_next_one(void **state) {
    Fixture *f = *state;
    f->phases[0].resident = 1;
    f->phases[0].blocks = FAKE_PROCESSORS - 1;
    f->phases[2].resident = 1;
    f->phases[2].blocks = FAKE_PROCESSORS + 1; /* more than there is room for */
    load(f);
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launches[0].blocks, FAKE_PROCESSORS - 1);
    assert_int_equal(fake->launches[1].blocks, FAKE_PROCESSORS);
}

/* 3 * 2^30 items are too many blocks, but not too many items for blocks that walk. */
static void persistent_phases_may_have_any_number_of_items(void **state) {
    Fixture *f = *state;
    f->phases[0] =
        (CodePhase){.symbol = "one", .axis_count = 3, .axes = {HEADS, 1 << 15, 1 << 15}, .threads = 64, .resident = 1};
    load(f);
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launches[0].blocks, FAKE_PROCESSORS);
    assert_int_equal(fake->launches[0].args[ITEMS], INT64_C(3) << 30);
    cuda_executable_free(f->executable);
    f->phases[0].resident = 0;
    load(f);
    expect_failure(&f->ctx, launch(f), ST_USAGE, "blocks");
}

static void overlapping_phases_are_launched_so(void **state) {
    Fixture *f = *state;
    f->phases[1].overlaps = f->phases[2].overlaps = true;
    f->phases[1].axes[0] = HEADS;
    load(f);
    assert_int_equal(fake->carved, 3); /* all three may share a multiprocessor */
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launch_count, 3);
    for (int p = 0; p < 3; p++) {
        assert_string_equal(fake->launches[p].symbol, f->phases[p].symbol);
        assert_int_equal(fake->launches[p].overlaps, p > 0);
        assert_int_equal(fake->launches[p].threads, 64);
        assert_ptr_equal(fake->launches[p].stream, f);
    }
    fake->fail_launch = 1;
    f->phases[0].axes[0] = DIM_SYM(SYM_K); /* nothing to do: the first that is launched is an overlapping one */
    expect_failure(&f->ctx, launch(f), ST_FAILED, "mapped_none: launch with 3 blocks");
}

/* As many blocks as the last axis has; a cluster of one is none. */
static void clusters_are_the_last_axis(void **state) {
    Fixture *f = *state;
    for (int size = 4; size > 0; size -= 3) {
        f->phases[0] = (CodePhase){
            .symbol = "one", .axis_count = 2, .axes = {DIM_SYM(SYM_B), size}, .threads = 64, .cluster = true};
        load(f);
        fake->launch_count = 0;
        assert_int_equal(launch(f), ST_OK);
        assert_int_equal(fake->launches[0].blocks, BATCH * size);
        assert_int_equal(fake->launches[0].cluster, size == 1 ? 0 : size);
        cuda_executable_free(f->executable);
        f->executable = NULL;
    }
}

/* What lies before the first phase that runs is the caller's: it is never overlapped. */
static void nothing_of_the_caller_is_overlapped(void **state) {
    Fixture *f = *state;
    f->phases[0].axes[0] = DIM_SYM(SYM_K);
    f->phases[2].overlaps = true;
    load(f);
    assert_int_equal(fake->carved, 2); /* the second and the third */
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launch_count, 1);
    assert_int_equal(fake->launches[0].overlaps, 0);
    cuda_executable_free(f->executable);
    f->executable = NULL;
    f->phases[0].overlaps = true;
    expect_failure(&f->ctx, cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable), ST_INTEGRITY,
                   "its phases make no sense");
}

/* ---- Maps ---------------------------------------------------------------------------------------------------------
 */
static void add_map(CodePhase *phase, CodeMap map) { phase->maps[phase->map_count++] = map; }

static void use_maps(Fixture *f) {
    add_map(&f->phases[2], (CodeMap){.param = 0, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 64});
    add_map(&f->phases[2], (CodeMap){.param = 2, .dims = 4, .box_rows = 3, .row_dim = 2, .box_cols = 8});
    fake->map_count = 2;
}

static void maps_say_what_the_tensors_are(void **state) {
    Fixture *f = *state;
    use_maps(f);
    load(f);
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 2);
    assert_int_equal(fake->launches[1].maps[0], 1);
    assert_int_equal(fake->launches[1].maps[1], 2);
    const FakeEncode q = {.type = CU_MAP_BF16,
                          .rank = 4,
                          .swizzle = CU_MAP_SWIZZLE_128,
                          .promotion = CU_MAP_PROMOTE_256,
                          .address = (uint64_t)(uintptr_t)f->q,
                          .dims = {WIDTH, HEADS, TOKENS, BATCH},
                          .strides = {2 * WIDTH, 2 * HEADS * WIDTH, 2 * TOKENS * HEADS * WIDTH},
                          .box = {64, 1, 64, 1},
                          .steps = {1, 1, 1, 1}};
    FakeEncode       o = q;
    o.address = (uint64_t)(uintptr_t)f->o;
    memcpy(o.box, (uint32_t[]){8, 3, 1, 1}, sizeof o.box);
    assert_memory_equal(&fake->encodes[0], &q, sizeof q);
    assert_memory_equal(&fake->encodes[1], &o, sizeof o);
}

/* In working memory, with fewer dims; and where nothing is in it, a map of zeros. */
static void working_memory_has_maps(void **state) {
    Fixture *f = *state;
    add_map(&f->phases[2], (CodeMap){.param = 1, .dims = 2, .box_rows = 10, .row_dim = 2, .box_cols = 32});
    fake->map_count = 1;
    f->params[1].dims[0] = 1;
    load(f);
    assert_int_equal(launch(f), ST_OK); /* K is 0 */
    assert_int_equal(fake->encode_count, 0);
    assert_int_equal(fake->launches[1].maps[0], 0);
    f->params[1].dims[1] = 1;
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 1);
    const FakeEncode *made = &fake->encodes[0];
    assert_int_equal(made->type, CU_MAP_FP32);
    assert_int_equal(made->rank, 2);
    assert_int_equal(made->address, fake->launches[3].args[5]);
    assert_int_equal(made->dims[0], 32);
    assert_int_equal(made->dims[1], 10);
    assert_int_equal(made->strides[0], 128);
    f->params[1].dims[1] = T_; /* a dim that the map leaves out has to be 1 */
    expect_failure(&f->ctx, launch(f), ST_USAGE, "work: has 5 elements in dim 1");
}

static void dims_of_one_may_have_any_stride(void **state) {
    Fixture *f = *state;
    use_maps(f);
    f->tensors[0].dims[0] = f->tensors[1].dims[0] = 1;
    f->tensors[0].strides[0] = 7;
    f->tensors[1].strides[0] = 0;
    load(f);
    assert_int_equal(launch(f), ST_OK);
    for (int m = 0; m < 2; m++) {
        assert_int_equal(fake->encodes[m].dims[3], 1);
        assert_int_equal(fake->encodes[m].strides[2], 2 * HEADS * WIDTH);
    }
}

static void what_the_copy_engine_cannot_read_is_refused(void **state) {
    Fixture *f = *state;
    use_maps(f);
    load(f);
    f->tensors[0].data = f->q + 4;
    expect_failure(&f->ctx, launch(f), ST_USAGE, "q: is not aligned to the 16 bytes");
    f->tensors[0].data = f->q;
    f->tensors[0].strides[1] += 4;
    f->tensors[0].dims[0] = f->tensors[1].dims[0] = 1;
    expect_failure(&f->ctx, launch(f), ST_USAGE, "q: has a stride of 152 bytes in dim 1");
    f->tensors[0].strides[1] -= 4;
    fake->fail_encode = 1;
    expect_failure(&f->ctx, launch(f), ST_FAILED, "q: cuTensorMapEncodeTiled");
    assert_int_equal(fake->launch_count, 0);
    f->tensors[0].dims[1] = f->tensors[1].dims[1] = 0; /* nothing to do, nothing to refuse */
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->launch_count + fake->encode_count, 0);
}

/* The same tensors again cost nothing; others are told apart by address, dims and strides. */
static void maps_are_made_once(void **state) {
    Fixture     *f = *state;
    const Tensor plain = f->tensors[0];
    use_maps(f);
    load(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 2);
    assert_int_equal(fake->launches[5].maps[0], 1);
    f->tensors[0].data = f->q + 8;
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 3);
    assert_int_equal(fake->launches[7].maps[0], 3);
    assert_int_equal(fake->launches[7].maps[1], 2);
    f->tensors[0] = plain;
    f->tensors[0].strides[0] += 8;
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 4);
    f->tensors[0].dims[1] = f->tensors[1].dims[1] = TOKENS - 1;
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 6);
    f->tensors[0] = plain;
    f->tensors[1].dims[1] = TOKENS;
    assert_int_equal(launch(f), ST_OK);
    assert_int_equal(fake->encode_count, 6);
    assert_int_equal(fake->launches[13].maps[0], 1);
    assert_int_equal(fake->launches[13].maps[1], 2);
}

/* However many tensors come by: the maps of each launch are its own. */
static void a_full_cache_stays_right(void **state) {
    enum { ROUNDS = 3, PLACES = 1000 };
    Fixture  *f = *state;
    uint16_t *memory = aligned_alloc(64, (COUNT + 8 * PLACES) * sizeof *memory / 64 * 64 + 64);
    use_maps(f);
    load(f);
    for (int i = 0; i < ROUNDS * PLACES; i++) {
        const int last = fake->launch_count + 1;
        f->tensors[0].data = memory + (ptrdiff_t)8 * (i % PLACES);
        assert_int_equal(launch(f), ST_OK);
        const FakeLaunch *made = &fake->launches[last % FAKE_LAUNCHES];
        assert_int_equal(made->map_addresses[0], (uint64_t)(uintptr_t)f->tensors[0].data);
        assert_int_equal(made->map_addresses[1], (uint64_t)(uintptr_t)f->o);
    }
    assert_in_range(fake->encode_count, PLACES, 2 * ROUNDS * PLACES);
    free(memory);
}

/* ---- What cannot be loaded ----------------------------------------------------------------------------------------
 */
static void maps_without_sense_are_refused(void **state) {
    static const CodeMap WRONG[] = {
        {.param = 3, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 64},
        {.param = -1, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 64},
        {.param = 0, .dims = 5, .box_rows = 64, .row_dim = 1, .box_cols = 64},
        {.param = 0, .dims = 2, .box_rows = 64, .row_dim = 1, .box_cols = 64}, /* rows of a dim that it leaves out */
        {.param = 0, .dims = 4, .box_rows = 257, .row_dim = 1, .box_cols = 64},
        {.param = 0, .dims = 4, .box_rows = 64, .row_dim = 3, .box_cols = 64},
        {.param = 0, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 72}, /* 144 bytes */
        {.param = 0, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 12}, /* 24 bytes */
        {.param = 1, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 64}, /* 256 bytes */
    };
    Fixture *f = *state;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        f->phases[2].map_count = 0;
        add_map(&f->phases[2], WRONG[i]);
        expect_failure(&f->ctx, cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable), ST_INTEGRITY,
                       "its phases make no sense");
    }
}

static void old_drivers_serve_what_they_can(void **state) {
    Fixture        *f = *state;
    CudaDevice     *device;
    CudaExecutable *executable = NULL;
    setenv("RATTAN_LIBCUDA", FAKE_CUDA_OLD, 1);
    void     *library = dlopen(FAKE_CUDA_OLD, RTLD_NOW);
    FakeCuda *old = dlsym(library, "fake_cuda");
    *old = *fake;
    assert_int_equal(cuda_device_open(&f->ctx, 0, &device), ST_OK);
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    f->phases[1].overlaps = true;
    expect_failure(&f->ctx, cuda_executable_load(&f->ctx, device, &f->object, &executable), ST_NO_DEVICE,
                   "mapped_none: overlaps the kernel before it, and the driver has no cuLaunchKernelEx");
    f->phases[1].overlaps = false;
    use_maps(f);
    expect_failure(&f->ctx, cuda_executable_load(&f->ctx, device, &f->object, &executable), ST_NO_DEVICE,
                   "mapped_last: needs tensor maps, and the driver has no cuTensorMapEncodeTiled");
    f->phases[2].map_count = 0;
    assert_int_equal(cuda_executable_load(&f->ctx, device, &f->object, &executable), ST_OK);
    assert_int_equal(cuda_executable_launch(&f->ctx, executable, &(CudaPlace){0}, f->tensors, 0), ST_OK);
    assert_int_equal(old->launch_count, 2);
    cuda_executable_free(executable);
    cuda_device_close(device);
    dlclose(library);
}

/* An address or a stride off the 16 bytes that the copy engine needs; a dim of one element may have any. */
static void what_maps_take(void **state) {
    Fixture *f = *state;
    f->phases[2].map_count = 1;
    f->phases[2].maps[0] = (CodeMap){.param = 0, .dims = 4, .box_rows = 8, .row_dim = 1, .box_cols = 8};
    load(f);
    assert_true(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[1].data = f->o + 1; /* has no map */
    assert_true(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[0].data = f->q + 4;
    assert_false(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[0].data = f->q + 8;
    assert_true(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[0].strides[2] = WIDTH + 4;
    assert_false(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[0].dims[2] = 1;
    assert_true(cuda_executable_takes(f->executable, f->tensors));
    f->tensors[0].strides[0] = INT64_C(1) << 39;
    assert_false(cuda_executable_takes(f->executable, f->tensors));
    assert_int_equal(launch(f), ST_USAGE);
    ctx_clear(&f->ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_maps_take, set_up, tear_down),
        cmocka_unit_test_setup_teardown(persistent_phases_fill_the_device_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(persistent_phases_may_leave_room_for_the_next_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(persistent_phases_may_have_any_number_of_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overlapping_phases_are_launched_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_of_the_caller_is_overlapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clusters_are_the_last_axis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(maps_say_what_the_tensors_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(working_memory_has_maps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dims_of_one_may_have_any_stride, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_copy_engine_cannot_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(maps_are_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_cache_stays_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(maps_without_sense_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_drivers_serve_what_they_can, set_up, tear_down),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    return fake ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
