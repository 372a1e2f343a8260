/* Time on a clock that only goes on, from a moment that is the same for all of a machine's processes. */
#ifndef RATTAN_BASE_CLOCK_H
#define RATTAN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int64_t milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
