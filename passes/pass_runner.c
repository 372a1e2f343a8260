/* Runs the pipelines of passes.def and gpu_passes.def: order checked against what passes require, every result verified. */
#include "passes/rewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define PASS(name, needs, gives, knobs, summary) {#name, needs, gives, knobs, summary, pass_##name},
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

bool pass_reads(const PassInfo *pass, const char *field) {
    const size_t length = strlen(field);
    for (const char *at = pass->knobs; (at = strstr(at, field)); at += length)
        if ((at == pass->knobs || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

void pass_note(Ctx *ctx, const PassArgs *args, const Kernel *kernel, const char *format, ...) {
    char     text[512];
    va_list  list;
    PassLog *log = args->log;
    if (!log)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const PassNote note = {kernel ? kernel->name : NULL, ctx_strdup(ctx, text)};
    PUSH(ctx, log->notes, log->note_count, log->note_capacity, note);
}

static bool count_op(Op *op, void *arg) {
    (void)op;
    ++*(int *)arg;
    return true;
}

static int count_ops(const Module *module) {
    int count = 0;
    for (int k = 0; k < module->kernel_count; k++)
        ir_walk(module->kernels[k]->body, count_op, &count);
    return count;
}

/* The pass with its notes: what came before is in the log. */
static Status run_logged(Ctx *ctx, const PassInfo *pass, Module *module, const PassArgs *args, double *seconds) {
    PassLog *log = args->log;
    PassRun  run = {.pass = pass};
    if (log) {
        run.ops_before = count_ops(module);
        run.first_note = log->note_count;
    }
    const double start = seconds_now();
    TRY(pass->run(ctx, module, args));
    run.seconds = *seconds = seconds_now() - start;
    if (!log)
        return ST_OK;
    run.kernels = module->kernel_count;
    run.ops_after = count_ops(module);
    run.note_count = log->note_count - run.first_note;
    PUSH(ctx, log->runs, log->run_count, log->run_capacity, run);
    return ST_OK;
}

Status passes_run(Ctx *ctx, Module *module, const PassArgs *args, PassObserver *observe, void *arg) {
    const bool      gpu = args->target->warp_size > 0;
    const PassInfo *passes = gpu ? GPU_PASSES : CPU_PASSES;
    const char     *state = "loop";
    TRY(ir_verify(ctx, module));
    for (int p = 0; p < (gpu ? GPU_COUNT : CPU_COUNT); p++) {
        const PassInfo *pass = &passes[p];
        double          seconds;
        if (strcmp(pass->requires, state) != 0)
            return ctx_fail(ctx, ST_FAILED, pass->name, "reorder passes.def", "the pass requires '%s' but finds '%s'",
                            pass->requires, state);
        TRY(run_logged(ctx, pass, module, args, &seconds));
        state = pass->establishes;
        for (int k = 0; k < module->kernel_count; k++)
            ir_number(module->kernels[k]);
        if (observe)
            observe(arg, pass, module, seconds);
        TRY(ir_verify(ctx, module));
    }
    return ST_OK;
}
