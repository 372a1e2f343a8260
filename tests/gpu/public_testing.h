/* What tests of the public interface on a device share: a failure here leaves nothing to test with. */
#ifndef RATTAN_TESTS_GPU_PUBLIC_TESTING_H
#define RATTAN_TESTS_GPU_PUBLIC_TESTING_H

#include <rattan/rattan.h>

#include <stdio.h>
#include <stdlib.h>

#include "runtime/cuda_device.h"

static void must(Status status, const Ctx *ctx) {
    char line[2048];
    if (status == ST_OK)
        return;
    ctx_describe(ctx, line, sizeof line);
    printf("not ok the bed (%s)\n", line);
    exit(1);
}

static void must_public(rattan_status status, const rattan_error *error) {
    if (status == RATTAN_OK)
        return;
    printf("%s the bed (%s: %s)\n", status == RATTAN_NO_DEVICE ? "skip" : "not ok", error->place, error->message);
    exit(status == RATTAN_NO_DEVICE ? 77 : 1);
}

#endif
