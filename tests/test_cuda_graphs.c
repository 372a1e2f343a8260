/* link: rattan_runtime */
/* Prepared launches go through a graph of the driver's, and everything else step by step: the same kernels with the
 * same arguments either way. On a driver that only writes down what it is asked. */
#include "runtime/cuda_executable.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cuda.h"
#include "runtime/launch_args.h"

enum { HEADS = 3, WIDTH = 24, TOKENS = 5, BATCH = 2, COUNT = BATCH * TOKENS * HEADS * WIDTH, SYMS = 15 };

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
    CudaPlace       place;
    Tensor          tensors[2];
    _Alignas(64) uint16_t q[COUNT + 64], o[COUNT + 64];
} Fixture;

/* Three phases; the second has items where sequences are longer than 4 tokens and so cut into segments. */
static void describe(Fixture *f) {
    f->params[0] = (CodeParam){"q", DT_BF16, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, 0};
    f->params[1] = (CodeParam){"work", DT_F32, PARAM_WORK, 4, {B_, T_, 10, 32}, 0};
    f->params[2] = (CodeParam){"o", DT_BF16, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, 0};
    f->phases[0] = (CodePhase){.symbol = "one", .axis_count = 2, .axes = {B_, T_}, .threads = 64};
    f->phases[1] = (CodePhase){.symbol = "two", .axis_count = 1, .axes = {DIM_SYM(SYM_K)}, .threads = 96};
    f->phases[2] = (CodePhase){.symbol = "mapped",
                               .axis_count = 3,
                               .axes = {B_, T_, HEADS},
                               .threads = 64,
                               .shared_bytes = 1000,
                               .resident = 1,
                               .overlaps = true,
                               .map_count = 1,
                               .maps = {{.param = 0, .dims = 4, .box_rows = 64, .row_dim = 1, .box_cols = 64}}};
    f->object = (CodeObject){.params = f->params,
                             .param_count = 3,
                             .phases = f->phases,
                             .phase_count = 3,
                             .chunk = 1,
                             .segment = 4,
                             .min_items = 1000,
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
    f->place = (CudaPlace){.stream = (CuStream)(void *)f};
}

static int set_up(void **state) {
    Fixture *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
    memset(f, 0, sizeof *f);
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024, .map_count = 1};
    ctx_init(&f->ctx);
    describe(f);
    *state = f;
    return cuda_device_open(&f->ctx, 0, &f->device) != ST_OK ||
           cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable) != ST_OK;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    cuda_executable_free(f->executable);
    cuda_device_close(f->device);
    ctx_free(&f->ctx);
    free(f);
    return fake->pushed != 0 || fake->modules != 0 || fake->allocations != fake->freed || fake->graphs != 0 ||
           fake->streams != 0;
}

static void prepare(Fixture *f) {
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &f->place, f->tensors), ST_OK);
}

static Status launch(Fixture *f, int64_t position) {
    fake->launch_count = 0;
    return cuda_executable_launch(&f->ctx, f->executable, &f->place, f->tensors, position);
}

/* The launch is what it should be, whichever way it went; `through`: by a graph. */
static void expect_launch(Fixture *f, int64_t position, int through) {
    const int64_t tokens = f->tensors[0].dims[1], items[] = {BATCH * tokens, (tokens - 1) / 4, BATCH * tokens * HEADS};
    const int     graphs = fake->graph_launches;
    int           phase = 0;
    assert_int_equal(launch(f, position), ST_OK);
    assert_int_equal(fake->graph_launches - graphs, through);
    assert_int_equal(fake->launch_count, items[1] > 0 ? 3 : 2);
    for (int i = 0; i < fake->launch_count; i++, phase++) {
        const FakeLaunch *made = &fake->launches[i];
        phase += items[phase] == 0;
        assert_string_equal(made->symbol, f->phases[phase].symbol);
        assert_int_equal(made->in_graph, through);
        assert_int_equal(made->threads, f->phases[phase].threads);
        assert_int_equal(made->shared_bytes, f->phases[phase].shared_bytes);
        assert_int_equal(made->overlaps, phase == 2);
        assert_int_equal(made->blocks, phase == 2 ? FAKE_PROCESSORS : items[phase]);
        assert_ptr_equal(made->stream, f->place.stream);
        assert_int_equal(made->args[0], (int64_t)(intptr_t)f->tensors[0].data);
        assert_int_equal(made->args[10], (int64_t)(intptr_t)f->tensors[1].data);
        assert_int_equal(made->args[SYMS + SYM_T], tokens);
        assert_int_equal(made->args[SYMS + SYM_POS], position);
        assert_int_equal(made->args[SYMS + SYM_COUNT], items[phase]);
        assert_int_equal(made->map_addresses[0], phase == 2 ? made->args[0] : 0);
    }
}

static void prepared_launches_are_one_call(void **state) {
    Fixture *f = *state;
    prepare(f);
    assert_int_equal(fake->launch_count, 0);
    for (int i = 0; i < 3; i++)
        expect_launch(f, 0, 1);
    assert_int_equal(fake->node_updates, 0);
    prepare(f); /* again: there is one already */
    assert_int_equal(fake->captures, 1);
}

/* Prepare looks at no addresses: not even where a launch would refuse them. */
static void preparing_wants_no_data(void **state) {
    Fixture *f = *state;
    f->tensors[0].data = NULL;
    f->tensors[1].data = NULL;
    prepare(f);
    f->tensors[0].data = f->q;
    f->tensors[1].data = f->o;
    expect_launch(f, 0, 1);
    f->tensors[0].data = f->q + 1;
    f->place.stream = (CuStream)(void *)f->o;
    prepare(f);
    f->tensors[0].data = f->q;
    expect_launch(f, 0, 0);
}

static void other_arguments_reach_every_kernel(void **state) {
    Fixture *f = *state;
    prepare(f);
    expect_launch(f, 7, 1);
    assert_int_equal(fake->node_updates, 3);
    f->tensors[0].data = f->q + 8;
    expect_launch(f, 7, 1);
    assert_int_equal(fake->node_updates, 6);
    expect_launch(f, 7, 1);
    assert_int_equal(fake->node_updates, 6);
    f->tensors[0].data = f->q;
    expect_launch(f, 7, 1); /* which the graph has had, and has no longer */
    assert_int_equal(fake->node_updates, 9);
    f->tensors[1].strides[0] += 8;
    expect_launch(f, 7, 1);
    assert_int_equal(fake->node_updates, 12);
    assert_int_equal(fake->launches[0].args[11], TOKENS * HEADS * WIDTH + 8);
}

/* A call that is the same to the last stride: what the code object says of it is not asked again. */
static void the_same_call_is_not_checked_again(void **state) {
    Fixture *f = *state;
    prepare(f);
    f->params[0].dtype = DT_F32;
    assert_int_equal(launch(f, 0), ST_USAGE); /* what is prepared is not checked */
    ctx_clear(&f->ctx);
    f->params[0].dtype = DT_BF16;
    expect_launch(f, 0, 1);
    f->params[0].dtype = DT_F32;
    expect_launch(f, 0, 1);
    f->tensors[0].rank = 5;
    assert_int_equal(launch(f, 0), ST_USAGE);
    f->tensors[0].rank = 4;
    ctx_clear(&f->ctx);
    assert_int_equal(launch(f, -1), ST_USAGE);
    ctx_clear(&f->ctx);
}

/* Nothing of what a call may have wrong hides behind one that was right. */
static void what_differs_is_checked(void **state) {
    Fixture     *f = *state;
    const Tensor o = f->tensors[1];
    prepare(f);
    expect_launch(f, 0, 1);
    const Tensor wrong[] = {{NULL, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {(char *)o.data + 1, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {f->q, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {o.data, DT_F16, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {o.data, o.dtype, 3, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {o.data, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH + 1}, {o.strides[0], o.strides[1], WIDTH, 1}},
                            {o.data, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], 0, 1}},
                            {o.data, o.dtype, 4, {BATCH, TOKENS, HEADS, WIDTH}, {o.strides[0], o.strides[1], WIDTH, 2}}};
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        f->tensors[1] = wrong[w];
        assert_int_equal(launch(f, 0), ST_USAGE);
        assert_string_equal(f->ctx.place, "o");
        assert_int_equal(fake->launch_count, 0);
        ctx_clear(&f->ctx);
        f->tensors[1] = o;
        expect_launch(f, 0, 1);
    }
    assert_int_equal(fake->node_updates, 0);
}

/* ---- Threads that launch on one stream, each two sets of tensors in turn ----------------------------------------- */
enum { TURNS = 3000 };

static void *launch_in_turn(void *arg) {
    Fixture *f = arg;
    Ctx      ctx;
    ctx_init(&ctx);
    intptr_t failed = 0;
    for (int i = 0; i < TURNS; i++) {
        Tensor tensors[] = {f->tensors[0], f->tensors[1]};
        tensors[0].data = f->q + 8 * (i % 2);
        tensors[1].data = f->o + 8 * (i % 2);
        failed |= cuda_executable_launch(&ctx, f->executable, &f->place, tensors, 0) != ST_OK;
    }
    ctx_free(&ctx);
    return (void *)failed;
}

static void threads_share_graphs(void **state) {
    Fixture  *f = *state;
    pthread_t other;
    void     *failed;
    prepare(f);
    f->tensors[0].data = f->q + 8;
    f->tensors[1].data = f->o + 8;
    prepare(f);
    assert_int_equal(pthread_create(&other, NULL, launch_in_turn, f), 0);
    assert_null(launch_in_turn(f));
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
    assert_int_equal(fake->graph_launches, 2 * TURNS);
    assert_int_equal(fake->launch_count, 3 * 2 * TURNS);
    assert_int_equal(fake->node_updates, 0);
    for (int l = fake->launch_count - 60; l < fake->launch_count; l++) { /* of the last 20: all kernels of a set, in order */
        const FakeLaunch *made = &fake->launches[l % FAKE_LAUNCHES];
        assert_string_equal(made->symbol, f->phases[l % 3].symbol);
        assert_int_equal(made->args[0] - (int64_t)(intptr_t)f->q, made->args[10] - (int64_t)(intptr_t)f->o);
        assert_int_equal(made->args[0], fake->launches[(l - l % 3) % FAKE_LAUNCHES].args[0]);
    }
}

/* Tensors in turn: each that was prepared keeps its graph, up to a limit; the others share. */
static void tensors_in_turn_are_changed_no_more(void **state) {
    enum { ALIKE = 64 };
    Fixture *f = *state;
    for (int i = 0; i < ALIKE + 4; i++) {
        f->tensors[1].data = f->o + i;
        prepare(f);
    }
    assert_int_equal(fake->captures, ALIKE);
    for (int i = 0; i < 3 * ALIKE; i++) {
        f->tensors[1].data = f->o + i * 5 % ALIKE;
        expect_launch(f, 0, 1);
    }
    assert_int_equal(fake->node_updates, 0);
    f->tensors[1].data = f->o + ALIKE; /* takes the place of the one used longest ago: 0, by the last round's order */
    expect_launch(f, 0, 1);
    assert_int_equal(fake->node_updates, 3);
    for (int i = 1; i < ALIKE; i++) {
        f->tensors[1].data = f->o + i * 5 % ALIKE;
        expect_launch(f, 0, 1);
    }
    assert_int_equal(fake->node_updates, 3);
    f->tensors[1].data = f->o;
    expect_launch(f, 0, 1);
    assert_int_equal(fake->node_updates, 6);
}

/* Which phases have items depends on the shape: each set wants a graph of its own. */
static void other_phases_are_another_graph(void **state) {
    Fixture *f = *state;
    prepare(f);
    f->tensors[0].dims[1] = f->tensors[1].dims[1] = 4;
    expect_launch(f, 0, 0);
    prepare(f);
    expect_launch(f, 0, 1);
    f->tensors[0].dims[1] = f->tensors[1].dims[1] = 3;
    expect_launch(f, 0, 1);
    f->tensors[0].dims[1] = f->tensors[1].dims[1] = TOKENS;
    expect_launch(f, 0, 1);
    assert_int_equal(fake->captures, 2);
}

static void a_launch_makes_no_graph(void **state) {
    Fixture *f = *state;
    expect_launch(f, 0, 0);
    expect_launch(f, 0, 0);
    prepare(f);
    f->place.stream = (CuStream)(void *)f->o; /* another stream */
    expect_launch(f, 0, 0);
    assert_int_equal(fake->captures, 1);
}

static void captures_get_the_kernels_themselves(void **state) {
    Fixture *f = *state;
    prepare(f);
    fake->capturing = 1;
    expect_launch(f, 5, 0);
    fake->capturing = 0;
    expect_launch(f, 5, 1);
    fake->capturing = 1;
    expect_launch(f, 5, 0);
    fake->capturing = 0;
    expect_launch(f, 5, 1);
    cuda_executable_free(f->executable);
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable), ST_OK);
    fake->capturing = 1;
    f->place.workspace = 1 << 20;
    f->place.workspace_bytes = INT64_MAX;
    prepare(f);
    assert_int_equal(fake->captures, 1);
}

static void timed_phases_are_launched_one_by_one(void **state) {
    Fixture      *f = *state;
    const CuEvent events[] = {(CuEvent)(void *)f, (CuEvent)(void *)f, (CuEvent)(void *)f, (CuEvent)(void *)f};
    prepare(f);
    expect_launch(f, 0, 1);
    f->place.events = events;
    expect_launch(f, 0, 0);
}

/* What the nodes of a graph wait for, as bits. */
static void expect_order(Fixture *f, const uint64_t *after, int count) {
    prepare(f);
    assert_int_equal(launch(f, 0), ST_OK);
    assert_int_equal(fake->launch_count, count);
    for (int n = 0; n < count; n++) {
        assert_int_equal(fake->launches[n].in_graph, 1);
        assert_int_equal(fake->launches[n].after, after[n]);
    }
}

static void phases_wait_for_what_they_need(void **state) {
    Fixture *f = *state;
    expect_order(f, (const uint64_t[]){0, 1, 2}, 3);
    f->phases[2].beside = 2; /* mapped may run while two does */
    f->place.stream = (CuStream)(void *)f->o;
    expect_order(f, (const uint64_t[]){0, 1, 1}, 3);
    assert_int_equal(fake->launches[2].overlaps, 0); /* two would have to let it */
    f->place.stream = (CuStream)(void *)(f->o + 8);
    fake->fail_after = 1;
    prepare(f);
    expect_launch(f, 0, 0);
}

/* Two of the three phases of each slice: one, mapped. */
static void slices_wait_for_what_they_need(void **state) {
    Fixture *f = *state;
    f->object.kv_heads = f->object.head_slices = HEADS;
    f->params[0].sliced = f->params[2].sliced = 3;
    f->object.segment = 0;
    expect_order(f, (const uint64_t[]){0, 1, 2, 4, 8, 16}, 2 * HEADS);
    f->phases[0].beside_before = 4; /* one may run while mapped of the slice before does, which waits for its own */
    f->place.stream = (CuStream)(void *)f->o;
    expect_order(f, (const uint64_t[]){0, 1, 1, 2 + 4, 4, 8 + 16}, 2 * HEADS);
    assert_int_equal(fake->launches[1].overlaps, 1);
    assert_int_equal(fake->launches[3].overlaps, 0);
    f->phases[0].overlaps = false;
    f->phases[1].overlaps = true; /* has no items */
    f->phases[2].beside_before = 5;
    f->place.stream = (CuStream)(void *)(f->o + 8);
    expect_order(f, (const uint64_t[]){0, 1, 1, 4, 4, 16}, 2 * HEADS);
    assert_int_equal(fake->launches[3].overlaps, 1);
}

/* Whatever goes wrong with graphs: launches go on without them. */
static void launches_do_without_graphs(void **state) {
    Fixture *f = *state;
    fake->fail_instantiate = 1;
    prepare(f);
    expect_launch(f, 0, 0);
    fake->fail_instantiate = 0;
    prepare(f); /* not tried again */
    assert_int_equal(fake->captures, 1);
    f->place.stream = (CuStream)(void *)f->o;
    prepare(f);
    expect_launch(f, 0, 1);
    fake->fail_update = 1;
    expect_launch(f, 1, 0);
    fake->fail_update = 0;
    expect_launch(f, 1, 0);
    expect_launch(f, 0, 0); /* as it was before that */
}

static void failures_of_a_graph_are_named(void **state) {
    Fixture *f = *state;
    char     line[2048];
    prepare(f);
    for (int again = 0; again < 2; again++) { /* the first call, and the same as one before */
        fake->fail_graph_launch = 1;
        assert_int_equal(launch(f, 0), ST_FAILED);
        ctx_describe(&f->ctx, line, sizeof line);
        assert_non_null(strstr(line, "sample: launch of 3 kernels, B=2 T=5 N=2: CUDA_ERROR_LAUNCH_FAILED"));
        ctx_clear(&f->ctx);
        fake->fail_graph_launch = 0;
        expect_launch(f, 0, 1);
    }
}

/* A server with streams that come and go must not collect graphs for ever, and those that come later have theirs. */
static void there_is_a_limit_to_graphs(void **state) {
    Fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        f->place.stream = (CuStream)(void *)(f->q + i);
        prepare(f);
        expect_launch(f, 0, 1);
    }
    assert_int_equal(fake->captures, 300);
    assert_int_equal(fake->graphs, 2 * 128);
    expect_launch(f, 0, 1);
    f->place.stream = (CuStream)(void *)(f->q + 172);
    expect_launch(f, 0, 1);
    f->place.stream = (CuStream)(void *)(f->q + 171);
    expect_launch(f, 0, 0);
    prepare(f);
    expect_launch(f, 0, 1);
    f->place.stream = (CuStream)(void *)(f->q + 172); /* used since, so it is not the one that went */
    expect_launch(f, 0, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prepared_launches_are_one_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(preparing_wants_no_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_arguments_reach_every_kernel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_call_is_not_checked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_differs_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_share_graphs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tensors_in_turn_are_changed_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_phases_are_another_graph, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_launch_makes_no_graph, set_up, tear_down),
        cmocka_unit_test_setup_teardown(captures_get_the_kernels_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timed_phases_are_launched_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(phases_wait_for_what_they_need, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slices_wait_for_what_they_need, set_up, tear_down),
        cmocka_unit_test_setup_teardown(launches_do_without_graphs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_of_a_graph_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_a_limit_to_graphs, set_up, tear_down),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    return fake ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
