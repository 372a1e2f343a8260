/* The machine's ceilings: see ceilings.h. Work is cut into more items than threads, as kernels are, so that a late
 * thread costs little. */
#include "driver/ceilings.h"

#include "base/clock.h"
#include "driver/tensor_set.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { ITEMS_PER_THREAD = 8, FMA_STEPS = 40000, ACCUMULATORS = 12, READ_ITEM = 4 << 20, STREAMS = 8 };

/* The multipliers keep the sums finite; the result is stored so that the loop must run. */
static const float SHRINK = 0.999f, STEP = 0.001f;

/* "32768K" in a file of the kernel's; 0 where there is none. */
static int64_t kernel_says(const char *path) {
    FILE     *file = fopen(path, "r");
    long long kibibytes = 0;
    if (file) {
        if (fscanf(file, "%lldK", &kibibytes) != 1)
            kibibytes = 0;
        fclose(file);
    }
    return kibibytes * 1024;
}

/* sysconf comes second: on some machines it adds up the caches of all cores, also those that are not ours. */
int64_t cache_bytes(void) {
    const int64_t l3 = kernel_says("/sys/devices/system/cpu/cpu0/cache/index3/size");
    const long    sum = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return l3 > 0 ? l3 : sum > 0 ? sum : 32 << 20;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float fma_avx512(int64_t steps) {
    __m512       sums[ACCUMULATORS];
    const __m512 shrink = _mm512_set1_ps(SHRINK), step = _mm512_set1_ps(STEP);
    for (int a = 0; a < ACCUMULATORS; a++)
        sums[a] = _mm512_set1_ps((float)a);
    for (int64_t i = 0; i < steps; i++) {
#pragma GCC unroll 12
        for (int a = 0; a < ACCUMULATORS; a++)
            sums[a] = _mm512_fmadd_ps(sums[a], shrink, step);
    }
    for (int a = 1; a < ACCUMULATORS; a++)
        sums[0] = _mm512_add_ps(sums[0], sums[a]);
    return _mm512_reduce_add_ps(sums[0]);
}

__attribute__((target("avx2,fma"))) static float fma_avx2(int64_t steps) {
    __m256       sums[ACCUMULATORS];
    const __m256 shrink = _mm256_set1_ps(SHRINK), step = _mm256_set1_ps(STEP);
    for (int a = 0; a < ACCUMULATORS; a++)
        sums[a] = _mm256_set1_ps((float)a);
    for (int64_t i = 0; i < steps; i++) {
#pragma GCC unroll 12
        for (int a = 0; a < ACCUMULATORS; a++)
            sums[a] = _mm256_fmadd_ps(sums[a], shrink, step);
    }
    for (int a = 1; a < ACCUMULATORS; a++)
        sums[0] = _mm256_add_ps(sums[0], sums[a]);
    float lanes[8];
    _mm256_storeu_ps(lanes, sums[0]);
    return lanes[0] + lanes[7];
}
#endif

#if defined(__aarch64__)
static float fma_neon(int64_t steps) {
    float32x4_t       sums[ACCUMULATORS];
    const float32x4_t shrink = vdupq_n_f32(SHRINK), step = vdupq_n_f32(STEP);
    for (int a = 0; a < ACCUMULATORS; a++)
        sums[a] = vdupq_n_f32((float)a);
    for (int64_t i = 0; i < steps; i++) {
#pragma GCC unroll 12
        for (int a = 0; a < ACCUMULATORS; a++)
            sums[a] = vfmaq_f32(step, sums[a], shrink);
    }
    for (int a = 1; a < ACCUMULATORS; a++)
        sums[0] = vaddq_f32(sums[0], sums[a]);
    return vaddvq_f32(sums[0]);
}
#endif

/* Without FMA instructions: four lanes a vector, multiply and add. */
static float fma_plain(int64_t steps) {
    float sums[4 * ACCUMULATORS];
    for (int a = 0; a < 4 * ACCUMULATORS; a++)
        sums[a] = (float)a;
    for (int64_t i = 0; i < steps; i++)
        for (int a = 0; a < 4 * ACCUMULATORS; a++)
            sums[a] = sums[a] * SHRINK + STEP;
    float sum = 0;
    for (int a = 0; a < 4 * ACCUMULATORS; a++)
        sum += sums[a];
    return sum;
}

typedef struct FmaLoop {
    float (*run)(int64_t steps);
    int lanes;
} FmaLoop;

static FmaLoop fma_loop(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (FmaLoop){fma_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (FmaLoop){fma_avx2, 8};
#elif defined(__aarch64__)
    return (FmaLoop){fma_neon, 4};
#endif
    return (FmaLoop){fma_plain, 4};
}

typedef struct FmaJob {
    FmaLoop        loop;
    volatile float sink; /* racing writes are fine: nobody reads a meaning into it */
} FmaJob;

static void fma_item(void *arg, int64_t item, int thread) {
    FmaJob *job = arg;
    (void)item;
    (void)thread;
    job->sink = job->loop.run(FMA_STEPS);
}

double ceiling_fma(Pool *pool) {
    FmaJob        job = {.loop = fma_loop()};
    const int64_t items = (int64_t)ITEMS_PER_THREAD * pool_threads(pool);
    const double  start = seconds_now();
    pool_run(pool, fma_item, &job, items);
    const double seconds = seconds_now() - start;
    return 2.0 * job.loop.lanes * ACCUMULATORS * FMA_STEPS * (double)items / seconds;
}

#if defined(__x86_64__)
#define ADD "add %1, %0\n\t"
#elif defined(__aarch64__)
#define ADD "add %0, %0, %1\n\t"
#endif

double ceiling_clock(void) {
#ifdef ADD
    enum { TURNS = 10000, ADDS = 16, ROUNDS = 20 };
    double least = INFINITY; /* what disturbs takes longer, never shorter */
    for (int round = 0; round < ROUNDS; round++) {
        int64_t      sum = 0;
        const double start = seconds_now();
        for (int i = 0; i < TURNS; i++)
            __asm__ volatile(ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD : "+r"(sum) : "r"((int64_t)i));
        least = fmin(least, seconds_now() - start);
    }
    return TURNS * ADDS / least;
#else
    return 0;
#endif
}

/* A sum over STREAMS parts side by side: enough loads in flight for the memory, not the core, to be the limit. */
static inline __attribute__((always_inline)) float read_streams(const float *data, int64_t floats) {
    typedef float Vector __attribute__((vector_size(64), aligned(64)));
    const int64_t vectors = floats / STREAMS / 16;
    Vector        sums[STREAMS] = {{0}};
    for (int64_t i = 0; i < vectors; i++) {
#pragma GCC unroll 8
        for (int s = 0; s < STREAMS; s++)
            sums[s] += ((const Vector *)(const void *)data)[s * vectors + i];
    }
    for (int s = 1; s < STREAMS; s++)
        sums[0] += sums[s];
    float sum = 0;
    for (int l = 0; l < 16; l++)
        sum += sums[0][l];
    return sum;
}

static float read_plain(const float *data, int64_t floats) { return read_streams(data, floats); }
#if defined(__x86_64__)
__attribute__((target("avx2"))) static float read_avx2(const float *data, int64_t floats) {
    return read_streams(data, floats);
}
__attribute__((target("avx512f"))) static float read_avx512(const float *data, int64_t floats) {
    return read_streams(data, floats);
}
#endif

typedef struct ReadJob {
    float (*read)(const float *data, int64_t floats);
    const float   *data;
    volatile float sink;
} ReadJob;

static void read_item(void *arg, int64_t item, int thread) {
    ReadJob *job = arg;
    (void)thread;
    job->sink = job->read(job->data + item * (READ_ITEM / 4), READ_ITEM / 4);
}

void read_buffer_new(Ctx *ctx, ReadBuffer *buffer) {
    const int64_t least = 128 << 20, most = (int64_t)1 << 30, wanted = 4 * cache_bytes();
    buffer->bytes = (wanted < least ? least : wanted > most ? most : wanted) / READ_ITEM * READ_ITEM;
    buffer->data = aligned_memory(ctx, (size_t)buffer->bytes);
    /* Pages of their own, not the shared zero page. */
    memset(buffer->data, 1, (size_t)buffer->bytes);
}

double ceiling_read(Pool *pool, const ReadBuffer *buffer) {
    ReadJob job = {.read = read_plain, .data = buffer->data};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        job.read = read_avx512;
    else if (__builtin_cpu_supports("avx2"))
        job.read = read_avx2;
#endif
    const double start = seconds_now();
    pool_run(pool, read_item, &job, buffer->bytes / READ_ITEM);
    return (double)buffer->bytes / (seconds_now() - start);
}
