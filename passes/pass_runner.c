/* Runs the pipelines of passes.def and gpu_passes.def: order checked against what passes require, every result verified. */
#include "passes/rewrite.h"

#include <string.h>
#include <time.h>

#define PASS(name, needs, gives, summary) {#name, needs, gives, summary, pass_##name},
static const PassInfo CPU_PASSES[] = {
#include "passes/passes.def"
};
static const PassInfo GPU_PASSES[] = {
#include "passes/gpu_passes.def"
};
#undef PASS
enum { CPU_COUNT = sizeof CPU_PASSES / sizeof *CPU_PASSES, GPU_COUNT = sizeof GPU_PASSES / sizeof *GPU_PASSES };

static bool is_shared(const PassInfo *pass) {
    for (int p = 0; p < CPU_COUNT; p++)
        if (CPU_PASSES[p].run == pass->run)
            return true;
    return false;
}

/* The passes of CPUs, then those that GPUs alone have. */
const PassInfo *pass_info(int index) {
    if (index < CPU_COUNT)
        return index >= 0 ? &CPU_PASSES[index] : NULL;
    for (int p = 0, own = CPU_COUNT; p < GPU_COUNT; p++)
        if (!is_shared(&GPU_PASSES[p]) && own++ == index)
            return &GPU_PASSES[p];
    return NULL;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Status passes_run(Ctx *ctx, Module *module, const PassArgs *args, PassObserver *observe, void *arg) {
    const bool      gpu = args->target->warp_size > 0;
    const PassInfo *passes = gpu ? GPU_PASSES : CPU_PASSES;
    const char     *state = "loop";
    TRY(ir_verify(ctx, module));
    for (int p = 0; p < (gpu ? GPU_COUNT : CPU_COUNT); p++) {
        const PassInfo *pass = &passes[p];
        const double    start = now();
        if (strcmp(pass->requires, state) != 0)
            return ctx_fail(ctx, ST_FAILED, pass->name, "reorder passes.def", "the pass requires '%s' but finds '%s'",
                            pass->requires, state);
        TRY(pass->run(ctx, module, args));
        const double seconds = now() - start;
        state = pass->establishes;
        for (int k = 0; k < module->kernel_count; k++)
            ir_number(module->kernels[k]);
        if (observe)
            observe(arg, pass, module, seconds);
        TRY(ir_verify(ctx, module));
    }
    return ST_OK;
}
