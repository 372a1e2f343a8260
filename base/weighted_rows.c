/* Sums of rows: see weighted_rows.h. What is measured to take most of the interpreter's time goes without the checks of sanitizers,
 * and calls of it with them. */
#include "base/weighted_rows.h"

#ifdef __SANITIZE_ADDRESS__
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))
#else
#define UNCHECKED
#endif

UNCHECKED static inline __attribute__((always_inline)) void add_rows(double *restrict sum, const double a[WEIGHTED_AT_A_TIME],
                                                                     const double *restrict rows, int count, bool single) {
    const double *const one = rows + count, *const two = one + count, *const three = two + count;
    if (single)
        for (int c = 0; c < count; c++) {
            const double first = (double)(float)(sum[c] + a[0] * rows[c]), second = (double)(float)(first + a[1] * one[c]),
                         third = (double)(float)(second + a[2] * two[c]);
            sum[c] = (double)(float)(third + a[3] * three[c]);
        }
    else
        for (int c = 0; c < count; c++)
            sum[c] = sum[c] + a[0] * rows[c] + a[1] * one[c] + a[2] * two[c] + a[3] * three[c];
}

/* Twice as many columns at a time where the processor can: without fused products, so that sums are the same everywhere. */
#ifdef __x86_64__
UNCHECKED __attribute__((target("avx2"))) static void add_rows_wide(double *restrict sum, const double a[WEIGHTED_AT_A_TIME],
                                                                    const double *restrict rows, int count, bool single) {
    add_rows(sum, a, rows, count, single);
}

static bool is_wide(void) { return __builtin_cpu_supports("avx2"); }
#else
static bool is_wide(void) { return false; }
#define add_rows_wide add_rows
#endif

UNCHECKED void weighted_rows_add(double *restrict sum, const double a[WEIGHTED_AT_A_TIME], const double *restrict rows, int count,
                                 bool single) {
    if (is_wide())
        add_rows_wide(sum, a, rows, count, single);
    else
        add_rows(sum, a, rows, count, single);
}

UNCHECKED void weighted_row_add(double *restrict sum, double a, const double *restrict row, int count, bool single) {
    if (single)
        for (int c = 0; c < count; c++)
            sum[c] = (double)(float)(sum[c] + a * row[c]);
    else
        for (int c = 0; c < count; c++)
            sum[c] += a * row[c];
}
