/* Compiled to a relocatable object that test_elf_loader, test_executable and test_runtime_aarch64.sh load: what the
 * code generator emits, and a little more: constants, data, zeroed data, tables of addresses, calls to memcpy and
 * memset, calls between functions, a variable reached through the offset table. */
#include <stddef.h>
#include <stdint.h>

#include "base/code_object.h" /* Sym */

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);

static const double      WEIGHTS[5] = {0.5, -2.25, 3.125, 7.0, -11.5};
static const int16_t     SHORTS[3] = {-7, 300, 12345};
static const char *const NAMES[3] = {"first", "second", "third"};
static int64_t           counters[4] = {10, 20, 30, 40};
static int64_t           zeroed[1000];
int64_t                  shared_counter = 5; /* default visibility: reached through the offset table */

__attribute__((noinline)) static double weigh(int64_t i) { return WEIGHTS[i % 5] + SHORTS[i % 3]; }

/* args[0]: double out[]: weights by item. */
void sample_weigh(const int64_t *args, int64_t item, void *scratch) {
    (void)scratch;
    ((double *)(uintptr_t)args[0])[item] = weigh(item);
}

/* args[0]: int64 out[4]: what data and zeroed data hold after a call. */
void sample_data(const int64_t *args, int64_t item, void *scratch) {
    int64_t *out = (int64_t *)(uintptr_t)args[0];
    (void)scratch;
    counters[item % 4] += 1;
    zeroed[item % 1000] += 2;
    shared_counter += 3;
    out[0] = counters[item % 4];
    out[1] = zeroed[item % 1000];
    out[2] = shared_counter;
    out[3] = zeroed[999];
}

/* args[0]: char out[16]: a name, copied by a call; the rest is set to '.'. */
void sample_name(const int64_t *args, int64_t item, void *scratch) {
    char        *out = (char *)(uintptr_t)args[0];
    const char  *name = NAMES[item % 3];
    size_t       length = 0;
    volatile int fill = '.';
    while (name[length])
        length++;
    memset(out, fill, 16 + (size_t)args[1]);
    memcpy(scratch, name, length);
    memcpy(out, scratch, length);
}

/* Two phases for test_executable. Params: 0 "q" fp32 [B,T,2,8], 1 "o" fp32 [B,T,2,8], 2 "work" fp64 [B,T,1,1].
 * First: work[b,t] = sum of q[b,t,:,:]; then: o = q * work[b,t] * S + L + position. Syms follow at args[15]. */
void sample_sum(const int64_t *args, int64_t item, void *scratch) {
    const float  *q = (const float *)(uintptr_t)args[0];
    double       *work = (double *)(uintptr_t)args[10];
    double       *partial = scratch;
    const int64_t b = item / args[15 + SYM_T], t = item % args[15 + SYM_T];
    for (int e = 0; e < 8; e++)
        partial[e] = q[b * args[1] + t * args[2] + e] + q[b * args[1] + t * args[2] + args[3] + e];
    double sum = 0;
    for (int e = 0; e < 8; e++)
        sum += partial[e];
    work[b * args[11] + t * args[12]] = sum;
}

/* A phase of any axes: param 1 is fp32, and its first element counts the items. One thread alone may run it. */
void sample_tally(const int64_t *args, int64_t item, void *scratch) {
    (void)item;
    (void)scratch;
    *(float *)(uintptr_t)args[5] += 1;
}

void sample_scale(const int64_t *args, int64_t item, void *scratch) {
    const float  *q = (const float *)(uintptr_t)args[0];
    float        *o = (float *)(uintptr_t)args[5];
    const double *work = (const double *)(uintptr_t)args[10];
    const int64_t b = item / args[15 + SYM_T], t = item % args[15 + SYM_T];
    (void)scratch;
    for (int h = 0; h < 2; h++)
        for (int e = 0; e < 8; e++)
            o[b * args[6] + t * args[7] + h * args[8] + e] =
                (float)((double)q[b * args[1] + t * args[2] + h * args[3] + e] * work[b * args[11] + t * args[12]] *
                            (double)args[15 + SYM_S] +
                        (double)args[15 + SYM_L] + (double)args[15 + SYM_POS]);
}
