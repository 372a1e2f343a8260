/* link: rattan_runtime */
/* Code for a GPU on a driver that only writes down what it is asked: arguments, workspaces, captures, every refusal.
 * What needs a real device is in tests/gpu. */
#include "runtime/cuda_executable.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cuda_testing.h"
#include "fake_cuda.h"

enum { HEADS = 3, WIDTH = 8, SHARED = 60 << 10 };

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)

static FakeCuda *fake;

typedef struct Fixture {
    Ctx             ctx;
    CodeParam       params[3];
    CodePhase       phases[2];
    CodeObject      object;
    CudaDevice     *device;
    CudaExecutable *executable;
    float           q[2 * 5 * HEADS * WIDTH], o[2 * 5 * HEADS * WIDTH];
    Tensor          tensors[2];
} Fixture;

static Tensor tensor_of(void *data, int64_t batch, int64_t tokens) {
    return (Tensor){data, DT_F32, 4, {batch, tokens, HEADS, WIDTH}, {tokens * HEADS * WIDTH, HEADS * WIDTH, WIDTH, 1}};
}

static void describe(Fixture *f) {
    const CodeParam q = {"q", DT_F32, PARAM_IN, 4, {B_, T_, HEADS, WIDTH}, 0},
                    o = {"o", DT_F32, PARAM_OUT, 4, {B_, T_, HEADS, WIDTH}, 0};
    const CodeParam work = {"work", DT_BF16, PARAM_WORK, 4, {1, B_, T_, 1000}, 0};
    const CodePhase one = {.symbol = "one", .axis_count = 2, .axes = {B_, T_, 1, 1}, .threads = 128};
    const CodePhase two = {
        .symbol = "two", .axis_count = 3, .axes = {B_, T_, HEADS, 1}, .threads = 96, .shared_bytes = SHARED};
    f->params[0] = q;
    f->params[1] = work;
    f->params[2] = o;
    f->phases[0] = one;
    f->phases[1] = two;
    f->object = (CodeObject){.params = f->params,
                             .param_count = 3,
                             .phases = f->phases,
                             .phase_count = 2,
                             .chunk = 1,
                             .kv_heads = 1,
                             .name = (char *)"sample",
                             .target = (char *)"cuda:sm_90",
                             .ptx = (char *)"",
                             .payload = (uint8_t *)"\x7f"
                                                   "ELF",
                             .payload_size = 4};
    f->tensors[0] = tensor_of(f->q, 2, 5);
    f->tensors[1] = tensor_of(f->o, 2, 5);
}

static int set_up(void **state) {
    Fixture *f = calloc(1, sizeof *f);
    *fake = (FakeCuda){.devices = 2, .max_threads = 1024};
    ctx_init(&f->ctx);
    describe(f);
    *state = f;
    return cuda_device_open(&f->ctx, 1, &f->device) != ST_OK ||
           cuda_executable_load(&f->ctx, f->device, &f->object, &f->executable) != ST_OK;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    cuda_executable_free(f->executable);
    cuda_device_close(f->device);
    ctx_free(&f->ctx);
    free(f);
    return fake->pushed != 0 || fake->modules != 0 || fake->allocations != fake->freed;
}

static void launches_carry_the_arguments(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {.stream = (CuStream)(void *)f};
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 77), ST_OK);
    assert_int_equal(fake->launch_count, 2);
    const FakeLaunch *one = &fake->launches[0], *two = &fake->launches[1];
    assert_string_equal(one->symbol, "one");
    assert_string_equal(two->symbol, "two");
    assert_int_equal(one->blocks, 10);
    assert_int_equal(two->blocks, 30);
    assert_int_equal(one->threads, 128);
    assert_int_equal(two->threads, 96);
    assert_int_equal(one->shared_bytes, 0);
    assert_int_equal(two->shared_bytes, SHARED);
    assert_int_equal(fake->optin_bytes, SHARED);
    assert_ptr_equal(one->stream, f);
    assert_int_equal(two->args[0], (int64_t)(intptr_t)f->q);
    assert_int_equal(two->args[1], 5 * HEADS * WIDTH);
    assert_int_equal(two->args[5] % 256, 0);
    assert_int_not_equal(two->args[5], 0);
    assert_int_equal(two->args[6], 10 * 1000);
    assert_int_equal(two->args[10], (int64_t)(intptr_t)f->o);
    assert_int_equal(two->args[15 + SYM_T], 5);
    assert_int_equal(two->args[15 + SYM_POS], 77);
    assert_memory_equal(one->args, two->args, sizeof one->args[0] * (15 + SYM_COUNT));
    assert_int_equal(one->args[15 + SYM_COUNT], 10); /* each phase's own items */
    assert_int_equal(two->args[15 + SYM_COUNT], 30);
    assert_int_equal(one->overlaps + two->overlaps, 0);
}

static void slices_of_heads_take_turns(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {.stream = (CuStream)(void *)f};
    f->object.head_slices = f->object.kv_heads = HEADS;
    f->params[0].sliced = f->params[2].sliced = 3;
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &place, f->tensors), ST_OK);
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
    assert_int_equal(fake->launch_count, 2 * HEADS);
    for (int l = 0; l < 2 * HEADS; l++) {
        const FakeLaunch *launch = &fake->launches[l];
        assert_string_equal(launch->symbol, l % 2 ? "two" : "one");
        assert_int_equal(launch->args[0], (int64_t)(intptr_t)(f->q + l / 2 * WIDTH));
        assert_int_equal(launch->args[3], WIDTH);
        assert_int_equal(launch->args[5], fake->launches[0].args[5]);
        assert_int_equal(launch->args[10], (int64_t)(intptr_t)(f->o + l / 2 * WIDTH));
        assert_int_equal(launch->args[15 + SYM_H], 1);
        assert_int_equal(launch->args[15 + SYM_G], 1);
    }
    float *const q = f->q + 5 * HEADS * WIDTH, *const o = f->o + 5 * HEADS * WIDTH; /* the graph's nodes get other arguments */
    const Tensor other[] = {tensor_of(q, 1, 5), tensor_of(o, 1, 5)};
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, other, 0), ST_OK);
    assert_int_equal(fake->launch_count, 4 * HEADS);
    for (int l = 0; l < 2 * HEADS; l++) {
        assert_int_equal(fake->launches[2 * HEADS + l].args[0], (int64_t)(intptr_t)(q + l / 2 * WIDTH));
        assert_int_equal(fake->launches[2 * HEADS + l].args[10], (int64_t)(intptr_t)(o + l / 2 * WIDTH));
    }
}

/* None up to 704 MiB; else as many as there may be, beside tensors as small as these, but of long sequences alone. */
static void the_launch_chooses_slices(void **state) {
    enum { MIB = 1 << 20, MOST = 704, ENOUGH = 32768 };
    Fixture     *f = *state;
    const Tensor large[] = {tensor_of(f->q, 2, ENOUGH), tensor_of(f->o, 2, ENOUGH)};
    const Tensor small[] = {tensor_of(f->q, 2, ENOUGH - 1), tensor_of(f->o, 2, ENOUGH - 1)};
    int64_t      bytes;
    f->object.head_slices = 0;
    f->object.kv_heads = HEADS;
    f->params[0].sliced = f->params[2].sliced = 3;
    f->params[1].sliced = 2;
    for (int64_t head = MOST / HEADS - 1; head <= MOST / HEADS + 1; head++) { /* of a head */
        const int64_t dims[4] = {1, HEADS, head, MIB / 2};
        memcpy(f->params[1].dims, dims, sizeof dims);
        assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, large, &bytes), ST_OK);
        assert_int_equal(bytes, head * MIB * (head * HEADS <= MOST ? HEADS : 1));
        assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, small, &bytes), ST_OK);
        assert_int_equal(bytes, head * MIB * HEADS);
    }
}

static void slices_must_make_sense(void **state) {
    Fixture        *f = *state;
    CudaExecutable *other = NULL;
    f->object.kv_heads = HEADS;
    f->object.head_slices = 2; /* of 3 heads */
    f->params[0].sliced = f->params[2].sliced = 3;
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &other), ST_INTEGRITY);
    ctx_clear(&f->ctx);
    f->object.head_slices = HEADS;
    f->params[2].sliced = 0; /* each slice would write all of it */
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &other), ST_INTEGRITY);
    ctx_clear(&f->ctx);
}

static void nothing_runs_where_there_is_nothing_to_do(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {0};
    const Tensor    empty[] = {tensor_of(f->q, 2, 0), tensor_of(f->o, 2, 0)};
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, empty, 0), ST_OK);
    assert_int_equal(fake->launch_count, 0);
}

static void each_stream_has_a_workspace(void **state) {
    Fixture        *f = *state;
    const CudaPlace first = {.stream = (CuStream)(void *)&f->q}, second = {.stream = (CuStream)(void *)&f->o};
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &first, f->tensors), ST_OK);
    assert_int_equal(fake->allocations, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &first, f->tensors, 0), ST_OK);
    assert_int_equal(fake->allocations, 1);
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &second, f->tensors, 0), ST_OK);
    assert_int_equal(fake->allocations, 2);
    assert_int_equal(fake->launches[0].args[5], fake->launches[4].args[5]);
    assert_int_not_equal(fake->launches[0].args[5], fake->launches[6].args[5]);
    assert_int_equal(fake->freed, 0);
}

/* The thread's own stream, three times: prepared, and launched twice. */
static void *use_stream_of_thread(void *arg) {
    Fixture        *f = arg;
    const CudaPlace place = {.stream = CU_STREAM_OF_THREAD};
    Ctx             ctx;
    ctx_init(&ctx);
    intptr_t failed = cuda_executable_prepare(&ctx, f->executable, &place, f->tensors);
    for (int i = 0; i < 2; i++)
        failed |= cuda_executable_launch(&ctx, f->executable, &place, f->tensors, 0);
    ctx_free(&ctx);
    return (void *)failed;
}

static void each_thread_has_a_workspace(void **state) {
    Fixture  *f = *state;
    pthread_t other;
    void     *failed;
    assert_null(use_stream_of_thread(f));
    assert_int_equal(fake->allocations, 1);
    assert_int_equal(pthread_create(&other, NULL, use_stream_of_thread, f), 0);
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
    assert_int_equal(fake->allocations, 2);
    const int64_t here = fake->launches[0].args[5], there = fake->launches[4].args[5];
    for (int l = 0; l < 8; l++) {
        assert_ptr_equal(fake->launches[l].stream, CU_STREAM_OF_THREAD);
        assert_int_equal(fake->launches[l].args[5], l < 4 ? here : there);
    }
    assert_int_not_equal(here, there);
    assert_null(use_stream_of_thread(f));
    assert_int_equal(fake->launches[8].args[5], here);
    assert_int_equal(fake->captures, 2); /* a graph a thread: one never runs beside itself */
    assert_int_equal(fake->node_updates, 0);
}

/* A thread that launches when the first kernel of another thread's launch is enqueued. */
typedef struct Intruder {
    Fixture  *f;
    CudaPlace place;
    float     q[2 * 5 * HEADS * WIDTH], o[2 * 5 * HEADS * WIDTH];
    pthread_t thread;
    long      milliseconds; /* that the other launch waits for it at most */
    bool      waited;       /* it came to its end before the other launch went on */
    Status    status;
} Intruder;

static Intruder intruder;

static void *launch_intruder(void *arg) {
    Intruder *const i = arg;
    const Tensor    tensors[] = {tensor_of(i->q, 2, 5), tensor_of(i->o, 2, 5)};
    Ctx             ctx;
    ctx_init(&ctx);
    i->status = cuda_executable_launch(&ctx, i->f->executable, &i->place, tensors, 0);
    ctx_free(&ctx);
    return NULL;
}

static void start_intruder(void) {
    struct timespec until;
    fake->launched = NULL;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += intruder.milliseconds % 1000 * 1000000;
    until.tv_sec += intruder.milliseconds / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    assert_int_equal(pthread_create(&intruder.thread, NULL, launch_intruder, &intruder), 0);
    intruder.waited = pthread_timedjoin_np(intruder.thread, NULL, &until) == 0;
}

/* -> whether the intruder had not to wait for the launch on `place`. */
static bool intrude(Fixture *f, const CudaPlace *place, const CudaPlace *intruding, long milliseconds) {
    intruder = (Intruder){.f = f, .place = *intruding, .milliseconds = milliseconds};
    fake->launch_count = 0;
    fake->launched = start_intruder;
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, place, f->tensors, 0), ST_OK);
    assert_null(fake->launched);
    if (!intruder.waited)
        assert_int_equal(pthread_join(intruder.thread, NULL), 0);
    assert_int_equal(intruder.status, ST_OK);
    return intruder.waited;
}

/* They share the stream's workspace: first all kernels of the one, then those of the other. */
static void expect_whole(Fixture *f, const CudaPlace *place, int kernels) {
    const CudaPlace intruding = {.stream = place->stream};
    const int64_t   from = (int64_t)(intptr_t)intruder.q, to = from + (int64_t)sizeof intruder.q;
    assert_false(intrude(f, place, &intruding, 20));
    assert_int_equal(fake->launch_count, 2 * kernels);
    for (int l = 0; l < 2 * kernels; l++) {
        const FakeLaunch *launch = &fake->launches[l];
        assert_string_equal(launch->symbol, l % 2 ? "two" : "one");
        assert_int_equal(launch->args[5], fake->launches[0].args[5]);
        assert_int_equal(launch->args[0] >= from && launch->args[0] < to, l >= kernels);
    }
}

static void launches_of_threads_do_not_mix(void **state) {
    Fixture        *f = *state;
    const CuEvent   events[] = {(CuEvent)(void *)f, (CuEvent)(void *)f, (CuEvent)(void *)f};
    const CudaPlace none = {0}, some = {.stream = (CuStream)(void *)f}, timed = {.stream = some.stream, .events = events};
    expect_whole(f, &none, 2);
    expect_whole(f, &none, 2);
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &some, f->tensors), ST_OK);
    expect_whole(f, &timed, 2); /* step by step, and the other one as a graph */
    assert_int_equal(fake->launches[1].in_graph, 0);
    assert_int_equal(fake->launches[2].in_graph, 1);
    expect_whole(f, &timed, 2); /* which then is the same call as before */
    assert_int_equal(fake->launches[2].in_graph, 1);
    fake->capturing = 1;
    expect_whole(f, &some, 2);
    fake->capturing = 0;
    f->object.head_slices = f->object.kv_heads = HEADS;
    f->params[0].sliced = f->params[2].sliced = 3;
    expect_whole(f, &none, 2 * HEADS);
}

/* Ten seconds, not to hang where they do. */
static void launches_with_memory_apart_do_not_wait(void **state) {
    Fixture        *f = *state;
    const CudaPlace first = {.stream = (CuStream)(void *)&f->q}, second = {.stream = (CuStream)(void *)&f->o};
    const CudaPlace brought = {.stream = first.stream, .workspace = 512 << 10, .workspace_bytes = INT64_MAX};
    assert_true(intrude(f, &first, &second, 10000));
    assert_true(intrude(f, &first, &second, 10000));
    assert_true(intrude(f, &first, &brought, 10000));
    assert_true(intrude(f, &brought, &first, 10000));
}

static int64_t prepare_tokens(Fixture *f, int64_t tokens) {
    const CudaPlace place = {.stream = (CuStream)(void *)&f->q};
    const Tensor    tensors[] = {tensor_of(f->q, 2, tokens), tensor_of((char *)f->q + (1 << 20), 2, tokens)};
    int64_t         bytes;
    assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, tensors, &bytes), ST_OK);
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &place, tensors), ST_OK);
    return bytes;
}

static void what_is_reported_is_allocated(void **state) {
    Fixture      *f = *state;
    const int64_t bytes = prepare_tokens(f, 1000);
    assert_in_range(fake->allocated, bytes, bytes + 255);
}

/* Old ones stay, for graphs may use them: shapes that grow little by little must not add up. */
static void workspaces_that_grow_do_not_add_up(void **state) {
    Fixture *f = *state;
    int64_t  bytes = 0;
    for (int64_t tokens = 5; tokens <= 1000; tokens++)
        bytes = prepare_tokens(f, tokens);
    assert_in_range(fake->allocated, bytes, 4 * bytes);
    assert_true(fake->allocations <= 9);
    const int before = fake->allocations;
    prepare_tokens(f, 5);
    assert_int_equal(fake->allocations, before);
    fake->most_allocated = prepare_tokens(f, 3000); /* what is asked for is enough where there is no more */
    fake->most_allocated = fake->last_allocated + 256 * 100;
    bytes = prepare_tokens(f, 3001);
    assert_in_range(fake->last_allocated, bytes, bytes + 255);
}

static void a_capture_allocates_nothing(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {.stream = (CuStream)(void *)&f->q};
    fake->capturing = 1;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_USAGE,
                   "before the capture");
    assert_int_equal(fake->launch_count + fake->allocations, 0);
    fake->capturing = 0;
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &place, f->tensors), ST_OK);
    fake->capturing = 1;
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
    assert_int_equal(fake->allocations, 1);
}

static void a_fault_is_no_capture(void **state) {
    enum { ILLEGAL_ADDRESS = 700, CAPTURE_IMPLICIT = 906 };
    Fixture        *f = *state;
    const CudaPlace place = {.stream = (CuStream)(void *)&f->q};
    fake->fail_asked = CAPTURE_IMPLICIT; /* of the default stream, while another is captured */
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_USAGE,
                   "before the capture");
    fake->fail_asked = ILLEGAL_ADDRESS;
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
    fake->fail_asked = 0;
}

static void the_caller_may_bring_the_workspace(void **state) {
    Fixture *f = *state;
    int64_t  bytes;
    assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, f->tensors, &bytes), ST_OK);
    assert_in_range(bytes, 2 * 10 * 1000, 2 * 10 * 1000 + 63);
    CudaPlace place = {.workspace = 512 << 10, .workspace_bytes = bytes};
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
    assert_int_equal(fake->launches[1].args[5], 512 << 10);
    assert_int_equal(fake->allocations, 0);
    place.workspace_bytes--;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_USAGE, "workspace");
    place = (CudaPlace){.workspace = (512 << 10) + 64, .workspace_bytes = bytes};
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_USAGE, "256 bytes");
}

/* Also where launches are graphs, which keep what they have been checked for. */
static void another_workspace_is_another_call(void **state) {
    Fixture  *f = *state;
    int64_t   bytes;
    CudaPlace place = {.stream = (CuStream)(void *)f, .workspace = 512 << 10, .workspace_bytes = INT64_MAX};
    assert_int_equal(cuda_executable_memory(&f->ctx, f->executable, f->tensors, &bytes), ST_OK);
    assert_int_equal(cuda_executable_prepare(&f->ctx, f->executable, &place, f->tensors), ST_OK);
    for (int i = 0; i < 6; i++) {
        place.workspace = i % 3 == 2 ? 0 : (CuPointer)(512 + i % 3) << 10;
        fake->launch_count = 0;
        assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
        assert_int_equal(fake->launches[1].in_graph, 1);
        if (place.workspace)
            assert_int_equal(fake->launches[1].args[5], place.workspace);
        else
            assert_true(fake->launches[1].args[5] > (int64_t)1 << 20);
    }
    place.workspace = 512 << 10;
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
    place.workspace_bytes = bytes - 1;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_USAGE, "workspace");
}

static void wrong_arguments_launch_nothing(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {0};
    Tensor          wrong[2] = {f->tensors[0], f->tensors[1]};
    wrong[1].dims[1] = 4;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, wrong, 0), ST_USAGE,
                   "should have [2 (B), 5 (T), 3, 8]");
    wrong[1] = f->tensors[0];
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, wrong, 0), ST_USAGE,
                   "shares memory with q");
    wrong[1] = f->tensors[1];
    wrong[0].dtype = DT_BF16;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, wrong, 0), ST_USAGE,
                   "is bf16, should be fp32");
    /* 2 * 2^30 * 3 blocks */
    const Tensor many[] = {{f->q, DT_F32, 4, {2, 1 << 30, HEADS, WIDTH}, {0, 0, 0, 1}},
                           tensor_of((void *)((char *)f->q + (1 << 20)), 2, 1 << 30)};
    expect_failure(&f->ctx,
                   cuda_executable_launch(&f->ctx, f->executable,
                                          &(CudaPlace){.workspace = 256, .workspace_bytes = INT64_MAX}, many, 0),
                   ST_USAGE, "blocks");
    assert_int_equal(fake->launch_count, 0);
}

static void failures_of_the_driver_are_named(void **state) {
    Fixture        *f = *state;
    const CudaPlace place = {0};
    fake->fail_alloc = 1;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_NO_MEMORY,
                   "CUDA_ERROR_OUT_OF_MEMORY");
    fake->fail_alloc = 0;
    fake->fail_launch = 1;
    expect_failure(&f->ctx, cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_FAILED,
                   "one: launch with 10 blocks of 128 threads and 0 bytes, B=2 T=5 N=2: CUDA_ERROR_LAUNCH_FAILED");
    fake->fail_launch = 0;
    assert_int_equal(cuda_executable_launch(&f->ctx, f->executable, &place, f->tensors, 0), ST_OK);
}

/* Which kernel of the launch it was the driver does not say. */
static void faults_name_what_was_launched(void **state) {
    Fixture *f = *state;
    assert_int_equal(cuda_executable_wait(&f->ctx, f->executable, NULL, f->tensors, 7), ST_OK);
    fake->fail_wait = 719;
    expect_failure(&f->ctx, cuda_executable_wait(&f->ctx, f->executable, NULL, f->tensors, 7), ST_FAILED,
                   "sample: a fault in one, two, or in what ran before, B=2 T=5 N=2, position 7: "
                   "CUDA_ERROR_LAUNCH_FAILED");
    fake->fail_wait = 0;
}

static void load_refuses(Fixture *f, const char *text) {
    CudaExecutable *executable = NULL;
    expect_failure(&f->ctx, cuda_executable_load(&f->ctx, f->device, &f->object, &executable), ST_NO_DEVICE, text);
    assert_null(executable);
}

static void code_that_does_not_fit_is_refused(void **state) {
    Fixture        *f = *state;
    CudaExecutable *executable;
    fake->max_threads = 96;
    load_refuses(f, "one: wants 128 threads a block");
    fake->max_threads = 1024;
    f->phases[1].shared_bytes = 232449;
    load_refuses(f, "two: wants 232449 bytes of shared memory");
    f->phases[1].shared_bytes = 0;
    fake->refuse_cubin = 1;
    load_refuses(f, "is for cuda:sm_90");
    fake->fail_load = 222;
    load_refuses(f, "the driver is older than the NVRTC that compiled it");
    fake->fail_load = 0;
    f->object.ptx = (char *)".version 9.0\n";
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &executable), ST_OK);
    assert_int_equal(fake->loaded_ptx, 1);
    cuda_executable_free(executable);
}

/* Two cubins, and of PTX, what each begins with tells which one was loaded. */
static void images_are_loaded_once_each(void **state) {
    Fixture        *f = *state;
    CudaExecutable *executable;
    const int       before = fake->modules;
    f->object.payload = (uint8_t *)"first image 16b second";
    f->object.payload_size = 22;
    f->phases[1].code_at = 16;
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &executable), ST_OK);
    assert_int_equal(fake->modules, before + 2);
    assert_string_equal(fake->image, "second");
    cuda_executable_free(executable);
    assert_int_equal(fake->modules, before);
    fake->refuse_cubin = 1;
    f->object.ptx = (char *)".one.two";
    f->phases[1].ptx_at = 4;
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &executable), ST_OK);
    assert_string_equal(fake->image, ".two");
    assert_string_equal(fake->image_before, ".one");
    cuda_executable_free(executable);
    f->phases[1].code_at = 0;
    assert_int_equal(cuda_executable_load(&f->ctx, f->device, &f->object, &executable), ST_OK);
    assert_int_equal(fake->modules, before + 1);
    cuda_executable_free(executable);
}

static void devices_are_found_by_index(void **state) {
    Fixture    *f = *state;
    CudaDevice *device = NULL;
    assert_int_equal(cuda_device_count(), 2);
    assert_string_equal(f->device->facts.name, "Fake GPU");
    expect_failure(&f->ctx, cuda_device_open(&f->ctx, 2, &device), ST_NO_DEVICE, "there is no device 2, only 0 to 1");
    fake->devices = 0;
    expect_failure(&f->ctx, cuda_device_open(&f->ctx, 0, &device), ST_NO_DEVICE, "shows no device");
    assert_int_equal(cuda_device_count(), 0);
    setenv("RATTAN_LIBCUDA", "nowhere/libcuda.so", 1);
    expect_failure(&f->ctx, cuda_device_open(&f->ctx, 0, &device), ST_NO_DEVICE, "nowhere/libcuda.so cannot be opened");
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(launches_carry_the_arguments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slices_of_heads_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_launch_chooses_slices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slices_must_make_sense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_runs_where_there_is_nothing_to_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_stream_has_a_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_thread_has_a_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(launches_of_threads_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(launches_with_memory_apart_do_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_reported_is_allocated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workspaces_that_grow_do_not_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_capture_allocates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_is_no_capture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_caller_may_bring_the_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_workspace_is_another_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_arguments_launch_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_of_the_driver_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_name_what_was_launched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(code_that_does_not_fit_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(images_are_loaded_once_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(devices_are_found_by_index, set_up, tear_down),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    return fake ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
