/* Whole numbers: the lesser and the larger of two, and the next multiple. */
#ifndef RATTAN_BASE_NUMBERS_H
#define RATTAN_BASE_NUMBERS_H

#include <stdint.h>

static inline int     min_int(int a, int b) { return a < b ? a : b; }
static inline int     max_int(int a, int b) { return a > b ? a : b; }
static inline int64_t min_int64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_int64(int64_t a, int64_t b) { return a > b ? a : b; }

/* The least multiple that is not below n >= 0. */
static inline int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

#endif
