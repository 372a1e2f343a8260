/* A module as one CUDA C++ source, and what NVRTC makes of it: see ptx_codegen.h. */
#include "codegen/ptx/nvrtc.h"
#include "codegen/ptx/ptx_gen.h"

static void head(Gen *g, const Target *target, const Schedule *schedule) {
    Text text = TEXT(g->ctx);
    schedule_print(&text, schedule);
    cu_line(g, "// %s for %s (NVRTC: %s), made by rattan %s", g->module->name, target->name, target->cpu,
            RATTAN_VERSION);
    cu_line(g, "// schedule: %s", text_str(&text));
}

static void add_source(Gen *g, const Target *target, const Schedule *schedule, PtxOutput *out) {
    const Module *module = g->module;
    bool roles = false;
    int  shared = 0;
    for (int k = 0; k < module->kernel_count; k++) {
        roles |= cu_first_role(module->kernels[k]) != NULL;
        shared = cu_several_compute(module->kernels[k]) ? module->kernels[k]->warps : shared;
    }
    head(g, target, schedule);
    cu_line(g, "#define SHARED_WARPS %d", shared);
    text_add(&g->out, "%s\n", ptx_prelude);
    if (roles)
        text_add(&g->out, "%s\n", ptx_prelude_roles);
    cu_line(g, "// The args block of base/code_object.h: for each parameter its address and four strides, then the sizes, "
               "then the items.");
    cu_line(g, "struct Args {\n    i64 v[%d];\n};\n", 5 * module->kernels[0]->param_count + SYM_COUNT + 1);
    for (int k = 0; k < module->kernel_count; k++)
        cu_kernel(g, module->kernels[k], &out->phases[k]);
    out->source = text_str(&g->out);
}

static const char *resources(Ctx *ctx, const PtxOutput *out, const char *log) {
    Text text = TEXT(ctx);
    for (int k = 0; k < out->phase_count; k++) {
        NvrtcResources r;
        if (!nvrtc_resources(log, out->phases[k].symbol, &r))
            continue;
        text_add(&text,
                 "%s: %d threads, %d registers, %lld + %lld bytes spilled, %lld bytes of stack, %lld bytes of "
                 "shared memory",
                 out->phases[k].symbol, out->phases[k].threads, r.registers, (long long)r.spill_stores,
                 (long long)r.spill_loads, (long long)r.stack, (long long)out->phases[k].shared_bytes);
        if (r.product_remarks)
            text_add(&text, ", products held up in %d places (C%d)", r.product_remarks, r.product_code);
        text_add(&text, "\n");
    }
    return text_str(&text);
}

static Status check_memory(Ctx *ctx, const Target *target, const PtxOutput *out) {
    for (int k = 0; k < out->phase_count; k++)
        if (out->phases[k].shared_bytes > target->shared_bytes)
            return ctx_fail(ctx, ST_USAGE, "schedule: shared memory",
                            "use a smaller chunk or key_tile, or fewer stages",
                            "%s needs %lld bytes of shared memory a block, %s has %lld", out->phases[k].symbol,
                            (long long)out->phases[k].shared_bytes, target->name, (long long)target->shared_bytes);
    return ST_OK;
}

Status ptx_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, int want,
                   PtxOutput *out) {
    Gen         g = {.ctx = ctx, .module = module, .schedule = schedule, .target = target, .out = TEXT(ctx)};
    NvrtcResult result;
    *out = (PtxOutput){.phases = NEW_ARRAY(ctx, CodePhase, module->kernel_count), .phase_count = module->kernel_count};
    add_source(&g, target, schedule, out);
    if (ctx->status != ST_OK)
        return ctx->status;
    TRY(check_memory(ctx, target, out));
    if (!(want & (PTX_WANT_PTX | PTX_WANT_CUBIN | PTX_WANT_RESOURCES)))
        return ST_OK;
    TRY(nvrtc_compile(ctx, ctx_printf(ctx, "%s.cu", module->name), out->source, target->cpu, &result));
    out->ptx = result.ptx;
    out->cubin = result.cubin;
    out->cubin_size = result.cubin_size;
    out->resources = resources(ctx, out, result.log);
    return ST_OK;
}
