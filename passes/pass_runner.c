/* Runs the pipeline of passes.def: order checked against what passes require, every result verified. */
#include "passes/rewrite.h"

#include <string.h>
#include <time.h>

static const PassInfo PASSES[] = {
#define PASS(name, needs, gives, summary) {#name, needs, gives, summary, pass_##name},
#include "passes/passes.def"
#undef PASS
};
enum { PASS_COUNT = sizeof PASSES / sizeof *PASSES };

const PassInfo *pass_info(int index) { return index >= 0 && index < PASS_COUNT ? &PASSES[index] : NULL; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Status passes_run(Ctx *ctx, Module *module, const PassArgs *args, PassObserver *observe, void *arg) {
    const char *state = "loop";
    TRY(ir_verify(ctx, module));
    for (int p = 0; p < PASS_COUNT; p++) {
        const PassInfo *pass = &PASSES[p];
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
