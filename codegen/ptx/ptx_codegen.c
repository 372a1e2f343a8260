/* The GPU back end's entry: see ptx_codegen.h. Kernels for GPUs are not generated yet, and that is what it says. */
#include "codegen/ptx/ptx_codegen.h"

Status ptx_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, int want,
                   PtxOutput *out) {
    (void)schedule;
    (void)want;
    *out = (PtxOutput){0};
    return ctx_fail(ctx, ST_USAGE, target->name, "compile for a CPU: `rattan targets` lists them",
                    "no code can be made of %s yet", module->name);
}
