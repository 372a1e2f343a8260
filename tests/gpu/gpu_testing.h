/* What the tests of the runtime on a device share. */
#ifndef RATTAN_TESTS_GPU_TESTING_H
#define RATTAN_TESTS_GPU_TESTING_H

#include "runtime/cuda_executable.h"

#include <stdio.h>

static int failures;

/* The case's line; the context is good again. */
static void verdict(Ctx *ctx, const char *name, Status status, bool right) {
    char line[2048] = "wrong result";
    if (status != ST_OK)
        ctx_describe(ctx, line, sizeof line);
    failures += status != ST_OK || !right;
    if (status == ST_OK && right)
        printf("ok %s\n", name);
    else
        printf("not ok %s (%s)\n", name, line);
    ctx_clear(ctx);
}

/* A graph of one launch at position 9, prepared before. */
static inline Status capture_launch(Ctx *ctx, CudaExecutable *executable, const CudaDriver *driver, const Tensor *tensors, CuStream stream,
                             CuGraphExec *exec) {
    const CudaPlace place = {.stream = stream};
    CuGraph         graph;
    TRY(cuda_executable_prepare(ctx, executable, &place, tensors));
    TRY(cuda_check(ctx, driver, driver->capture_begin(stream, CU_CAPTURE_THREAD_LOCAL), "test", "cuStreamBeginCapture"));
    TRY(cuda_executable_launch(ctx, executable, &place, tensors, 9));
    TRY(cuda_check(ctx, driver, driver->capture_end(stream, &graph), "test", "cuStreamEndCapture"));
    TRY(cuda_check(ctx, driver, driver->graph_instantiate(exec, graph, 0), "test", "cuGraphInstantiate"));
    driver->graph_destroy(graph);
    return ST_OK;
}

#endif
