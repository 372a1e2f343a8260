/* What the tests of the runtime on a device share. */
#ifndef RATTAN_TESTS_GPU_TESTING_H
#define RATTAN_TESTS_GPU_TESTING_H

#include "codegen/ptx/nvrtc.h"
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

/* What kernels of the test's own are to the runtime: the caller names parameters and phases. */
static inline CodeObject object_of(const char *name, const NvrtcResult *code, CodeParam *params, int param_count, CodePhase *phases,
                                   int phase_count) {
    return (CodeObject){.params = params,
                        .param_count = param_count,
                        .phases = phases,
                        .phase_count = phase_count,
                        .chunk = 1,
                        .kv_heads = 1,
                        .name = (char *)(uintptr_t)name,
                        .target = (char *)"cuda",
                        .ptx = (char *)(uintptr_t)code->ptx,
                        .payload = code->cubin,
                        .payload_size = code->cubin_size};
}

/* For the device that is there. */
static inline Status compile_for(Ctx *ctx, const CudaDevice *device, const char *file, const char *source, NvrtcResult *code) {
    return nvrtc_compile(ctx, file, source, ctx_printf(ctx, "sm_%d%d", device->facts.major, device->facts.minor), code);
}

/* What main returns: 77 where there is no device, 1 if a case failed or `all` came to no end. */
static inline int run_cases(Status (*all)(Ctx *ctx, void *arg), void *arg) {
    Ctx  ctx;
    char line[2048];
    ctx_init(&ctx);
    const Status status = ctx_run(&ctx, all, arg);
    if (status != ST_OK) {
        ctx_describe(&ctx, line, sizeof line);
        printf("%s\n", line);
    }
    ctx_free(&ctx);
    return status == ST_NO_DEVICE ? 77 : status != ST_OK || failures;
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
