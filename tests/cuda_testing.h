/* What the tests on the driver of fake_cuda.c share. Include it behind cmocka.h. */
#ifndef RATTAN_TESTS_CUDA_TESTING_H
#define RATTAN_TESTS_CUDA_TESTING_H

#include "base/ctx.h"

#include <string.h>

/* The call failed as wanted, and its message holds `text`; the context is good again. */
static inline void expect_failure(Ctx *ctx, Status got, Status wanted, const char *text) {
    char line[2048];
    ctx_describe(ctx, line, sizeof line);
    assert_int_equal(got, wanted);
    if (!strstr(line, text))
        fail_msg("'%s' says nothing of '%s'", line, text);
    ctx_clear(ctx);
}

#endif
