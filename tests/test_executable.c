/* link: rattan_runtime */
/* Executables made of loader_sample.c: results, every check of the arguments, memory, launches at the same time. */
#include "runtime/executable.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runtime/launch_args.h"
#include "tests/thread_testing.h"

enum { HEADS = 2, WIDTH = 8 };

static uint64_t seed = 88172645463325252u;

static float random_float(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (float)(seed >> 40) / 16777216.0f - 0.5f;
}

static void add_param(CodeObject *object, const char *name, DType dtype, ParamRole role, int rank,
                      const int64_t dims[4]) {
    CodeParam *param = &object->params[object->param_count++];
    memset(param, 0, sizeof *param);
    snprintf(param->name, sizeof param->name, "%s", name);
    param->dtype = dtype;
    param->role = role;
    param->rank = rank;
    memcpy(param->dims, dims, sizeof param->dims);
}

static void add_phase(CodeObject *object, const char *symbol, int64_t scratch) {
    CodePhase *phase = &object->phases[object->phase_count++];
    memset(phase, 0, sizeof *phase);
    snprintf(phase->symbol, sizeof phase->symbol, "%s", symbol);
    phase->axis_count = 2;
    phase->axes[0] = DIM_SYM(SYM_B);
    phase->axes[1] = DIM_SYM(SYM_T);
    phase->scratch_bytes = scratch;
}

static void read_payload(CodeObject *object) {
    FILE *file = fopen(LOADER_SAMPLE, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    object->payload_size = (size_t)ftell(file);
    rewind(file);
    object->payload = malloc(object->payload_size);
    assert_int_equal(fread(object->payload, 1, object->payload_size, file), object->payload_size);
    fclose(file);
}

#define B_ DIM_SYM(SYM_B)
#define T_ DIM_SYM(SYM_T)
#define N_ DIM_SYM(SYM_N)
#define P_ DIM_SYM(SYM_P)
#define DIMS(...) ((const int64_t[4]){__VA_ARGS__})

/* q, o, work: what sample_sum and sample_scale take. */
static CodeObject *sample_object(void) {
    CodeObject *object = calloc(1, sizeof *object);
    object->chunk = 16;
    object->segment = 100;
    object->min_items = 8;
    object->kv_heads = 2;
    object->head_slices = 1;
    object->params = calloc(16, sizeof *object->params);
    object->phases = calloc(4, sizeof *object->phases);
    add_param(object, "q", DT_F32, PARAM_IN, 4, DIMS(B_, T_, HEADS, WIDTH));
    add_param(object, "o", DT_F32, PARAM_OUT, 4, DIMS(B_, T_, HEADS, WIDTH));
    add_param(object, "work", DT_F64, PARAM_WORK, 4, DIMS(B_, T_, 1, 1));
    add_phase(object, "sample_sum", 100);
    add_phase(object, "sample_scale", 0);
    object->name = strdup("sample");
    object->features = strdup("");
    read_payload(object);
    return object;
}

/* The same code with more parameters behind: as a packed kernel and one on pools have. No phase: only the checks run.
 */
static CodeObject *pooled_object(bool packed) {
    CodeObject *object = sample_object();
    if (packed)
        add_param(object, "cu_seqlens", DT_I32, PARAM_IN, 1, DIMS(1, 1, 1, DIM_N_PLUS_1));
    add_param(object, "slots", DT_I32, PARAM_IN, 1, DIMS(1, 1, 1, N_));
    add_param(object, "pos", DT_I32, PARAM_IN, 1, DIMS(1, 1, 1, N_));
    add_param(object, "ring_k", DT_BF16, PARAM_INOUT, 4, DIMS(P_, 12, 2, WIDTH));
    add_param(object, "lse", DT_F32, PARAM_OUT, 4, DIMS(B_, HEADS, T_, 1));
    object->phase_count = 0;
    return object;
}

static Tensor tensor(void *data, DType dtype, int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    Tensor  out = {data, dtype, rank, {a, b, c, d}, {0}};
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        out.strides[i] = stride;
        stride *= out.dims[i] ? out.dims[i] : 1;
    }
    return out;
}

typedef struct Fixture {
    Ctx         ctx;
    Pool       *pool;
    CodeObject *object;
    Executable *executable;
} Fixture;

static void open_fixture(Fixture *fixture, CodeObject *object, int threads) {
    ctx_init(&fixture->ctx);
    fixture->object = object;
    assert_int_equal(pool_create(&fixture->ctx, threads, &fixture->pool), ST_OK);
    assert_int_equal(executable_load(&fixture->ctx, object, &fixture->executable), ST_OK);
}

static void close_fixture(Fixture *fixture) {
    executable_free(fixture->executable);
    pool_destroy(fixture->pool);
    code_object_free(fixture->object);
    ctx_free(&fixture->ctx);
}

static void expect(Fixture *fixture, Status status, Status wanted, const char *place, const char *part) {
    if (status != wanted)
        fail_msg("status %d, wanted %d: %s: %s", status, wanted, fixture->ctx.place, fixture->ctx.message);
    if (place)
        assert_string_equal(fixture->ctx.place, place);
    if (part && !strstr(fixture->ctx.message, part))
        fail_msg("\"%s\" does not have \"%s\"", fixture->ctx.message, part);
    ctx_clear(&fixture->ctx);
}

static void expect_launch(Fixture *fixture, const Tensor *tensors, Status wanted, const char *place, const char *part) {
    expect(fixture, executable_launch(&fixture->ctx, fixture->executable, fixture->pool, tensors, 0), wanted, place,
           part);
}

/* ---- Results ------------------------------------------------------------------------------------------------------
 */
static float *random_array(int64_t count) {
    float *array = malloc((size_t)(count ? count : 1) * sizeof *array);
    for (int64_t i = 0; i < count; i++)
        array[i] = random_float();
    return array;
}

/* o = q * (sum over heads and width of q) * S + L + position, as sample_scale says. */
static void check_result(const Tensor *q, const Tensor *o, int64_t segments, int64_t length, int64_t position) {
    for (int64_t b = 0; b < q->dims[0]; b++)
        for (int64_t t = 0; t < q->dims[1]; t++) {
            const float *row = (const float *)q->data + b * q->strides[0] + t * q->strides[1];
            const float *out = (const float *)o->data + b * o->strides[0] + t * o->strides[1];
            double       sum = 0;
            for (int e = 0; e < WIDTH; e++)
                sum += row[e] + row[q->strides[2] + e];
            for (int h = 0; h < HEADS; h++)
                for (int e = 0; e < WIDTH; e++)
                    assert_true((double)out[h * o->strides[2] + e] ==
                                (double)(float)((double)row[h * q->strides[2] + e] * sum * (double)segments +
                                                (double)length + (double)position));
        }
}

static void run_case(Fixture *fixture, int64_t batch, int64_t tokens, int64_t segments, int64_t length) {
    float *q = random_array(batch * tokens * 3 * HEADS * WIDTH), *o = random_array(batch * tokens * HEADS * WIDTH);
    const Tensor plain[2] = {tensor(q, DT_F32, 4, batch, tokens, HEADS, WIDTH),
                             tensor(o, DT_F32, 4, batch, tokens, HEADS, WIDTH)};
    expect(fixture, executable_launch(&fixture->ctx, fixture->executable, fixture->pool, plain, 7), ST_OK, NULL, NULL);
    check_result(&plain[0], &plain[1], segments, length, 7);
    Tensor strided[2] = {plain[0], plain[1]}; /* q and o are columns of one buffer [B, T, 3 HEADS, WIDTH] */
    for (int t = 0; t < 2; t++) {
        strided[t].strides[0] = tokens * 3 * HEADS * WIDTH;
        strided[t].strides[1] = 3 * HEADS * WIDTH;
    }
    strided[1].data = q + HEADS * WIDTH;
    expect(fixture, executable_launch(&fixture->ctx, fixture->executable, fixture->pool, strided, 0), ST_OK, NULL,
           NULL);
    check_result(&strided[0], &strided[1], segments, length, 0);
    free(q);
    free(o);
}

static void test_results(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        Fixture fixture;
        open_fixture(&fixture, sample_object(), threads);
        run_case(&fixture, 1, 1, 1, 112);
        run_case(&fixture, 2, 300, 3, 112); /* segment 100 is rounded up to 112: three of them */
        run_case(&fixture, 1, 113, 2, 112);
        run_case(&fixture, 4, 300, 1,
                 304); /* 4 sequences of 2 heads are enough items: whole, rounded up to the chunk */
        run_case(&fixture, 3, 0, 1, 112);
        run_case(&fixture, 0, 5, 1, 112);
        close_fixture(&fixture);
    }
}

static void test_no_pool(void **state) {
    (void)state;
    Fixture fixture;
    open_fixture(&fixture, sample_object(), 1);
    Pool *const pool = fixture.pool;
    fixture.pool = NULL;
    run_case(&fixture, 2, 50, 1, 112);
    fixture.pool = pool;
    close_fixture(&fixture);
}

static void test_no_segments(void **state) {
    (void)state;
    CodeObject *object = sample_object();
    Fixture     fixture;
    object->segment = 0;
    open_fixture(&fixture, object, 2);
    run_case(&fixture, 1, 1000, 1, 1008);
    close_fixture(&fixture);
}

/* 3 sequences of 2 heads keep 3 cores evenly busy, 2 sequences do not. */
static void test_even_items(void **state) {
    (void)state;
    CodeObject *object = sample_object();
    Fixture     fixture;
    object->even_items = 3;
    open_fixture(&fixture, object, 2);
    run_case(&fixture, 3, 300, 1, 304);
    run_case(&fixture, 2, 300, 3, 112);
    close_fixture(&fixture);
}

/* Six items are wanted: one sequence of 2 heads is cut into 3, two are cut into 2, but never below `segment`. */
static void test_spread(void **state) {
    (void)state;
    CodeObject *object = sample_object();
    Fixture     fixture;
    object->spread = 1;
    object->min_items = 6;
    open_fixture(&fixture, object, 2);
    run_case(&fixture, 1, 1000, 3, 336);
    run_case(&fixture, 2, 1000, 2, 512);
    run_case(&fixture, 1, 300, 3, 112);
    run_case(&fixture, 3, 1000, 1, 1008);
    close_fixture(&fixture);
}

/* ---- Refusals -----------------------------------------------------------------------------------------------------
 */
static void test_wrong_tensors(void **state) {
    (void)state;
    Fixture fixture;
    float   q[2 * 5 * 16 + 8], o[2 * 5 * 16 + 8], before[2 * 5 * 16];
    open_fixture(&fixture, sample_object(), 2);
    const Tensor good[2] = {tensor(q, DT_F32, 4, 2, 5, HEADS, WIDTH), tensor(o, DT_F32, 4, 2, 5, HEADS, WIDTH)};
    for (int i = 0; i < 2 * 5 * 16; i++) {
        q[i] = random_float();
        before[i] = o[i] = random_float();
    }
#define BAD(change, place, part)                                                                                       \
    do {                                                                                                               \
        Tensor bad[2] = {good[0], good[1]};                                                                            \
        change;                                                                                                        \
        expect_launch(&fixture, bad, ST_USAGE, place, part);                                                           \
    } while (0)
    BAD(bad[0].dtype = DT_BF16, "q", "is bf16, should be fp32");
    BAD(bad[0].dtype = (DType)77, "q", "should be fp32");
    BAD(bad[1].dims[1] = 4, "o", "has dims [2, 4, 2, 8], should have [2 (B), 5 (T), 2, 8]");
    BAD(bad[0].dims[2] = 3, "q", "should have [2 (B), 5 (T), 2, 8]");
    BAD(bad[0].dims[0] = -1, "q", "has dims [-1, 5, 2, 8]");
    BAD(bad[0].rank = 3, "q", "has dims [2, 5, 2], should have [B, T, 2, 8]");
    BAD(bad[0].rank = 0, "q", "has rank 0");
    BAD(bad[0].rank = 5, "q", "has rank 5");
    BAD(bad[0].strides[3] = 2, "q", "has stride 2 in its last dim");
    BAD(bad[0].strides[1] = -16, "q", "negative stride");
    BAD(bad[0].strides[0] = INT64_MAX / 2, "q", "beyond any memory");
    BAD(bad[1].strides[0] = 0, "o", "let elements share memory");
    BAD(bad[1].strides[1] = 15, "o", "let elements share memory");
    BAD(bad[1].data = NULL, "o", "has no data");
    BAD(bad[0].data = (char *)q + 2, "q", "not aligned");
    BAD(bad[1].data = q, "o", "shares memory with q");
    BAD(bad[1].data = q + 8, "o", "shares memory with q");
#undef BAD
    expect(&fixture, executable_launch(&fixture.ctx, fixture.executable, fixture.pool, good, -1), ST_USAGE, "position",
           "-1");
    assert_memory_equal(o, before, sizeof before); /* a refused launch has written nothing */
    expect_launch(&fixture, good, ST_OK, NULL, NULL);
    Tensor broadcast[2] = {good[0], good[1]}; /* an input may repeat itself */
    broadcast[0].strides[0] = 0;
    expect_launch(&fixture, broadcast, ST_OK, NULL, NULL);
    check_result(&broadcast[0], &broadcast[1], 1, 112, 0);
    close_fixture(&fixture);
}

/* Kernels that cut a step into parts count tokens in 32 bits. */
static void test_too_many_tokens(void **state) {
    (void)state;
    float       memory[16] = {0}, more[16];
    CodeObject *object = sample_object();
    Fixture     fixture;
    object->parts = 2;
    open_fixture(&fixture, object, 2);
    const int64_t tokens = (INT64_C(1) << 30) + 1;
    const Tensor  tensors[2] = {tensor(memory, DT_F32, 4, 1, tokens, HEADS, WIDTH),
                                tensor(more, DT_F32, 4, 1, tokens, HEADS, WIDTH)};
    expect_launch(&fixture, tensors, ST_USAGE, "q", "cut into parts");
    close_fixture(&fixture);
}

/* Empty sequences, as many as can be named: outputs without elements take no items and no memory, others all of them. */
static void test_empty_sequences(void **state) {
    (void)state;
    float       memory[16] = {0}, tally = 5;
    CodeObject *object = sample_object();
    Fixture     fixture;
    int64_t     bytes = 0;
    object->phase_count = 0;
    add_phase(object, "sample_tally", 0);
    object->phases[0].axes[1] = 4;
    object->params[2].dims[1] = 3; /* work memory [B, 3] */
    open_fixture(&fixture, object, 1);
    for (int shift = 33; shift <= 43; shift += 10) {
        const int64_t batch = INT64_C(1) << shift;
        const Tensor  tensors[2] = {tensor(memory, DT_F32, 4, batch, 0, HEADS, WIDTH),
                                    tensor(&tally, DT_F32, 4, batch, 0, HEADS, WIDTH)};
        alarm(120);
        assert_int_equal(executable_prepare(&fixture.ctx, fixture.executable, fixture.pool, tensors), ST_OK);
        expect_launch(&fixture, tensors, ST_OK, NULL, NULL);
        alarm(0);
        assert_int_equal(executable_memory(&fixture.ctx, fixture.executable, fixture.pool, tensors, &bytes), ST_OK);
        assert_int_equal(bytes, 64);
        assert_true(tally == 5);
    }
    close_fixture(&fixture);
}

/* Such an output, as of the final states, is written whatever is empty. */
static void test_empty_sequences_with_states(void **state) {
    (void)state;
    float       memory[16] = {0}, tally = 5;
    CodeObject *object = sample_object();
    Fixture     fixture;
    object->param_count = 1;
    add_param(object, "total", DT_F32, PARAM_OUT, 1, DIMS(1, 1, 1, 1));
    object->phase_count = 0;
    add_phase(object, "sample_tally", 0);
    object->phases[0].axes[1] = 4;
    open_fixture(&fixture, object, 1);
    Tensor tensors[2] = {tensor(memory, DT_F32, 4, 7, 0, HEADS, WIDTH), tensor(&tally, DT_F32, 1, 1, 1, 1, 1)};
    expect_launch(&fixture, tensors, ST_OK, NULL, NULL);
    assert_true(tally == 5 + 4 * 7);
    tensors[0].dims[0] = INT64_C(1) << 62; /* four times as many items wrap around to none */
    expect_launch(&fixture, tensors, ST_USAGE, "sample_tally", "more items than 63 bits count");
    assert_true(tally == 5 + 4 * 7);
    close_fixture(&fixture);
}

typedef struct Pooled {
    float    q[1 * 6 * 16], o[1 * 6 * 16], lse[2 * 6];
    int32_t  cu[4], slots[3], pos[3];
    uint16_t ring[100 * 12 * 16];
    Tensor   tensors[7];
} Pooled;

static Pooled *make_pooled(void) {
    Pooled *p = calloc(1, sizeof *p);
    memcpy(p->cu, (int32_t[]){0, 2, 2, 6}, sizeof p->cu);
    memcpy(p->slots, (int32_t[]){99, -1, 64}, sizeof p->slots);
    memcpy(p->pos, (int32_t[]){0, -5, 1000}, sizeof p->pos);
    p->tensors[0] = tensor(p->q, DT_F32, 4, 1, 6, HEADS, WIDTH);
    p->tensors[1] = tensor(p->o, DT_F32, 4, 1, 6, HEADS, WIDTH);
    p->tensors[2] = tensor(p->cu, DT_I32, 1, 4, 1, 1, 1);
    p->tensors[3] = tensor(p->slots, DT_I32, 1, 3, 1, 1, 1);
    p->tensors[4] = tensor(p->pos, DT_I32, 1, 3, 1, 1, 1);
    p->tensors[5] = tensor(p->ring, DT_BF16, 4, 100, 12, 2, WIDTH);
    p->tensors[6] = tensor(p->lse, DT_F32, 3, 1, HEADS, 6, 1); /* without the last dim of 1 */
    return p;
}

static void test_indices(void **state) {
    (void)state;
    Fixture fixture;
    Pooled *p = make_pooled();
    open_fixture(&fixture, pooled_object(true), 2);
    expect_launch(&fixture, p->tensors, ST_OK, NULL, NULL);
#define BAD(array, index, value, place, part)                                                                          \
    do {                                                                                                               \
        const int32_t kept = (array)[index];                                                                           \
        (array)[index] = (value);                                                                                      \
        expect_launch(&fixture, p->tensors, ST_USAGE, place, part);                                                    \
        (array)[index] = kept;                                                                                         \
        expect_launch(&fixture, p->tensors, ST_OK, NULL, NULL); /* the marks are clean again */                        \
    } while (0)
    BAD(p->cu, 0, 1, "cu_seqlens", "starts with 1");
    BAD(p->cu, 1, 3, "cu_seqlens", "falls from 3 to 2 at entry 2");
    BAD(p->cu, 3, 7, "cu_seqlens", "ends with 7, should end with T = 6");
    BAD(p->slots, 1, 100, "slots", "entry 1 is 100, should be below P = 100");
    BAD(p->slots, 2, 99, "slots", "slot 99 is there twice, again at entry 2");
    BAD(p->pos, 2, -1, "pos", "entry 2 is -1");
#undef BAD
    p->slots[0] = -1; /* two that are skipped are no duplicates */
    expect_launch(&fixture, p->tensors, ST_OK, NULL, NULL);
    p->tensors[0].dims[0] = 2;
    p->tensors[0].dims[1] = 3;
    expect_launch(&fixture, p->tensors, ST_USAGE, "q", "should have 1 as the batch is packed");
    p->tensors[0] = tensor(p->q, DT_F32, 4, 1, 6, HEADS, WIDTH);
    p->tensors[2].dims[0] = 0;
    expect_launch(&fixture, p->tensors, ST_USAGE, "cu_seqlens", "N+1");
    p->tensors[2].dims[0] = 4;
    p->tensors[3].dims[0] = 2;
    expect_launch(&fixture, p->tensors, ST_USAGE, "slots", "has dims [2], should have [3 (N)]");
    close_fixture(&fixture);
    free(p);
}

/* Pools whose slots lie in slabs: ring and output are apart though their ranges mix. */
static void test_interleaved_pools(void **state) {
    (void)state;
    Fixture fixture;
    Pooled *p = make_pooled();
    open_fixture(&fixture, pooled_object(true), 1);
    uint16_t *slab = calloc(100 * 1000, sizeof *slab);
    p->tensors[5].data = slab;
    p->tensors[5].strides[0] = 1000;
    p->tensors[1].data = slab + 2 * 192; /* bytes 768 .. 1536 of slab 0 */
    expect_launch(&fixture, p->tensors, ST_OK, NULL, NULL);
    p->tensors[1].data = slab + 190; /* reaches into the ring */
    expect_launch(&fixture, p->tensors, ST_USAGE, "o", "shares memory with ring_k");
    free(slab);
    close_fixture(&fixture);
    free(p);
}

static bool brute_overlap(const Tensor *a, const Tensor *b) {
    char     used[4096] = {0};
    bool     hit = false;
    uint8_t *base = a->data < b->data ? a->data : b->data;
    for (int pass = 0; pass < 2; pass++) {
        const Tensor *t = pass ? b : a;
        for (int64_t i = 0; i < t->dims[0]; i++)
            for (int64_t j = 0; j < t->dims[1]; j++)
                for (int64_t k = 0; k < t->dims[2] * 4; k++) {
                    const int64_t at = (uint8_t *)t->data - base + 4 * (i * t->strides[0] + j * t->strides[1]) + k;
                    assert_in_range(at, 0, 4095);
                    hit |= pass && used[at];
                    used[at] |= !pass;
                }
    }
    return hit;
}

/* The quick answer may be a false alarm, never the other way round; and disjoint columns are recognized. */
static void test_overlap_is_never_missed(void **state) {
    (void)state;
    static float buffer[1024];
    int          alarms = 0, apart = 0;
    for (int round = 0; round < 20000; round++) {
        Tensor t[2];
        for (int i = 0; i < 2; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const uint64_t r = seed >> 20;
            t[i] = tensor(buffer + r % 60, DT_F32, 3, 1 + (int64_t)(r >> 8) % 4, 1 + (int64_t)(r >> 12) % 4,
                          1 + (int64_t)(r >> 16) % 9, 1);
            t[i].strides[1] = 10 + (int64_t)(r >> 20) % 2 * 5;
            t[i].strides[0] = 60;
        }
        const bool truth = brute_overlap(&t[0], &t[1]), answer = tensors_overlap(&t[0], &t[1]);
        if (truth)
            assert_true(answer);
        alarms += answer && !truth;
        apart += !answer;
    }
    assert_true(apart > 4 * alarms);
}

static void test_object_that_cannot_be(void **state) {
    (void)state;
    Ctx         ctx;
    Executable *executable = NULL;
    CodeObject *object = sample_object();
    ctx_init(&ctx);
    strcpy(object->params[0].name, "x");
    assert_int_equal(executable_load(&ctx, object, &executable), ST_INTEGRITY);
    strcpy(object->params[0].name, "q");
    ctx_clear(&ctx);
    strcpy(object->phases[1].symbol, "sample_other");
    assert_int_equal(executable_load(&ctx, object, &executable), ST_INTEGRITY);
    assert_non_null(strstr(ctx.message, "sample_other"));
    ctx_clear(&ctx);
    strcpy(object->phases[1].symbol, "sample_scale");
    free(object->features);
    object->features = strdup("+nonesuch");
    assert_int_equal(executable_load(&ctx, object, &executable), ST_NO_DEVICE);
    assert_non_null(strstr(ctx.message, "nonesuch"));
    ctx_clear(&ctx);
    free(object->features);
#ifdef __x86_64__
    object->features = strdup("+64bit,+cx8,+fast-lzcnt-x,+sse,+sse2,-nonesuch");
#else
    object->features = strdup("+fp-armv8,+neon,-nonesuch");
#endif
    assert_int_equal(executable_load(&ctx, object, &executable), ST_OK);
    executable_free(executable);
    code_object_free(object);
}

/* ---- Memory and time ----------------------------------------------------------------------------------------------
 */
static void test_memory(void **state) {
    (void)state;
    Fixture fixture;
    int64_t bytes = 0;
    open_fixture(&fixture, sample_object(), 3);
    Tensor shapes[2] = {tensor(NULL, DT_F32, 4, 2, 1000, HEADS, WIDTH), tensor(NULL, DT_F32, 4, 2, 1000, HEADS, WIDTH)};
    assert_int_equal(executable_memory(&fixture.ctx, fixture.executable, fixture.pool, shapes, &bytes), ST_OK);
    assert_int_equal(bytes, 3 * 128 + 2 * 1000 * 8);
    close_fixture(&fixture);
}

static void test_prepared_launch_allocates_nothing(void **state) {
    (void)state;
    Fixture fixture;
    float  *q = random_array(2 * 1000 * 16), *o = random_array(2 * 1000 * 16);
    open_fixture(&fixture, sample_object(), 3);
    const Tensor tensors[2] = {tensor(q, DT_F32, 4, 2, 1000, HEADS, WIDTH),
                               tensor(o, DT_F32, 4, 2, 1000, HEADS, WIDTH)};
    const int    threads = count_threads();
    assert_int_equal(executable_prepare(&fixture.ctx, fixture.executable, fixture.pool, tensors), ST_OK);
    assert_int_equal(count_threads(), threads + 2);
#ifndef __SANITIZE_ADDRESS__
    const struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 10; i++)
        expect_launch(&fixture, tensors, ST_OK, NULL, NULL);
    const struct mallinfo2 after = mallinfo2();
    assert_int_equal(before.uordblks, after.uordblks);
    assert_int_equal(before.hblkhd, after.hblkhd);
#endif
    expect_launch(&fixture, tensors, ST_OK, NULL, NULL);
    assert_int_equal(count_threads(), threads + 2);
    check_result(&tensors[0], &tensors[1], 9, 112, 0);
    free(q);
    free(o);
    close_fixture(&fixture);
}

typedef struct Launcher {
    Fixture *fixture;
    int      number;
} Launcher;

static void *launch_often(void *data) {
    const Launcher *launcher = data;
    Ctx             ctx;
    ctx_init(&ctx);
    for (int round = 0; round < 40; round++) {
        const int64_t tokens = 1 + (launcher->number * 37 + round * 11) % 200;
        float        *q = malloc((size_t)tokens * 16 * sizeof *q), *o = malloc((size_t)tokens * 16 * sizeof *o);
        for (int64_t i = 0; i < tokens * 16; i++)
            q[i] = (float)((i * 7919 + round * 31 + launcher->number) % 1000) * 1e-3f;
        const Tensor tensors[2] = {tensor(q, DT_F32, 4, 1, tokens, HEADS, WIDTH),
                                   tensor(o, DT_F32, 4, 1, tokens, HEADS, WIDTH)};
        assert_int_equal(executable_launch(&ctx, launcher->fixture->executable, launcher->fixture->pool, tensors, 3),
                         ST_OK);
        check_result(&tensors[0], &tensors[1], (tokens + 111) / 112, 112, 3);
        free(q);
        free(o);
    }
    return NULL;
}

static void test_launches_at_once(void **state) {
    (void)state;
    Fixture   fixture;
    pthread_t threads[4];
    Launcher  launchers[4];
    open_fixture(&fixture, sample_object(), 2);
    for (int t = 0; t < 4; t++) {
        launchers[t] = (Launcher){&fixture, t};
        pthread_create(&threads[t], NULL, launch_often, &launchers[t]);
    }
    for (int t = 0; t < 4; t++)
        pthread_join(threads[t], NULL);
    close_fixture(&fixture);
}

/* The checks of a kernel with all kinds of parameters: the best of many must be under 5 microseconds where optimized.
 */
static void test_overhead(void **state) {
    (void)state;
    Fixture fixture;
    Pooled *p = make_pooled();
    double  best = 1;
    open_fixture(&fixture, pooled_object(true), 2);
    for (int round = 0; round < 300; round++) {
        const double start = seconds_now();
        for (int i = 0; i < 10; i++)
            executable_launch(&fixture.ctx, fixture.executable, fixture.pool, p->tensors, 0);
        const double each = (seconds_now() - start) / 10;
        best = each < best ? each : best;
    }
    print_message("a launch of nothing: %.2f us\n", 1e6 * best);
    assert_true(best < 50e-6);
#if defined __OPTIMIZE__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    assert_true(best < 5e-6);
#endif
    close_fixture(&fixture);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_no_pool),
        cmocka_unit_test(test_no_segments),
        cmocka_unit_test(test_even_items),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_wrong_tensors),
        cmocka_unit_test(test_too_many_tokens),
        cmocka_unit_test(test_empty_sequences),
        cmocka_unit_test(test_empty_sequences_with_states),
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_interleaved_pools),
        cmocka_unit_test(test_overlap_is_never_missed),
        cmocka_unit_test(test_object_that_cannot_be),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_prepared_launch_allocates_nothing),
        cmocka_unit_test(test_launches_at_once),
        cmocka_unit_test(test_overhead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
