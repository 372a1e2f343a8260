/* What tests of the public interface on a device share: a failure here leaves nothing to test with. */
#ifndef RATTAN_TESTS_GPU_PUBLIC_TESTING_H
#define RATTAN_TESTS_GPU_PUBLIC_TESTING_H

#include <rattan/rattan.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* From -1 to 1. */
static inline float random_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(*state >> 40) / 8388608.0 - 1.0);
}

static inline uint16_t bf16_of(float value) { /* without rounding */
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)(bits >> 16);
}

/* A graph of one launch, prepared before. */
static inline CuGraphExec capture(Ctx *ctx, const CudaDevice *device, rattan_kernel *kernel, CuStream stream,
                                  const rattan_tensor *tensors, int count, int64_t position) {
    const CudaDriver  *driver = &device->driver;
    const rattan_place place = {.stream = stream};
    CuGraph            graph;
    CuGraphExec        exec;
    rattan_error       error;
    must_public(rattan_prepare_on(kernel, &place, tensors, count, &error), &error);
    must(cuda_check(ctx, driver, driver->capture_begin(stream, CU_CAPTURE_THREAD_LOCAL), "graph", "begin"), ctx);
    must_public(rattan_launch_on(kernel, &place, tensors, count, position, &error), &error);
    must(cuda_check(ctx, driver, driver->capture_end(stream, &graph), "graph", "end"), ctx);
    must(cuda_check(ctx, driver, driver->graph_instantiate(&exec, graph, 0), "graph", "instantiate"), ctx);
    driver->graph_destroy(graph);
    return exec;
}

#endif
