/* llvm_compile: from a tile-level module to text, assembly and an object.
 * One LLVM context lives and dies here, so that threads may compile at the same time. No LLVM optimization pass runs:
 * the IR is emitted as it should be. */
#include "codegen/llvm/llvm_gen.h"
#include "codegen/llvm/llvm_machine.h"

#include <llvm-c/Analysis.h>
#include <string.h>

typedef struct Compilation {
    Gen                  g;
    LLVMTargetMachineRef machine;
    const Module        *module;
    int                  want;
    LlvmOutput          *out;
} Compilation;

static void set_types(Gen *g) {
    g->none = LLVMVoidTypeInContext(g->context);
    g->ptr = LLVMPointerTypeInContext(g->context, 0);
    g->i1 = LLVMInt1TypeInContext(g->context);
    g->i16 = LLVMInt16TypeInContext(g->context);
    g->i32 = LLVMInt32TypeInContext(g->context);
    g->i64 = LLVMInt64TypeInContext(g->context);
    g->f16 = LLVMHalfTypeInContext(g->context);
    g->f32 = LLVMFloatTypeInContext(g->context);
    g->f64 = LLVMDoubleTypeInContext(g->context);
}

/* What instructions there are follows from the width of the vectors and the family of the processor. */
static void set_facts(Gen *g, const Target *target) {
    const bool arm = strncmp(target->triple, "aarch64", 7) == 0;
    g->target = target;
    g->lanes = target_lanes(target);
    g->masked = g->scalef = !arm && target->vector_bytes == 64;
    g->nan_max = arm;
}

static void open_module(Compilation *c) {
    Gen *g = &c->g;
    g->context = LLVMContextCreate();
    g->module = LLVMModuleCreateWithNameInContext(c->module->name, g->context);
    g->b = LLVMCreateBuilderInContext(g->context);
    set_types(g);
    LLVMSetTarget(g->module, g->target->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(c->machine);
    LLVMSetModuleDataLayout(g->module, layout);
    LLVMDisposeTargetData(layout);
}

static Status emit_kernels(Ctx *ctx, Compilation *c) {
    LlvmOutput *out = c->out;
    out->phase_count = c->module->kernel_count;
    out->phases = NEW_ARRAY(ctx, CodePhase, out->phase_count);
    for (int i = 0; i < out->phase_count; i++) {
        c->g.phase = i;
        gen_kernel(&c->g, c->module->kernels[i], &out->phases[i]);
        TRY(ctx->status);
    }
    char *message = NULL;
    if (LLVMVerifyModule(c->g.module, LLVMReturnStatusAction, &message))
        ctx_fail(ctx, ST_FAILED, c->module->name, "report this", "invalid LLVM IR: %.800s", message);
    LLVMDisposeMessage(message);
    return ctx->status;
}

static const char *keep_text(Ctx *ctx, char *text) {
    const char *kept = ctx_strdup(ctx, text);
    LLVMDisposeMessage(text);
    return kept;
}

/* Code generation rewrites the module it is given: assembly is made from a copy, so that the object does not depend on
 * whether assembly was wanted. */
static Status emit_outputs(Ctx *ctx, Compilation *c) {
    LlvmOutput *out = c->out;
    if (c->want & LLVM_WANT_IR)
        out->ir = keep_text(ctx, LLVMPrintModuleToString(c->g.module));
    if (c->want & LLVM_WANT_ASM) {
        LLVMModuleRef copy = LLVMCloneModule(c->g.module);
        uint8_t      *text = NULL;
        size_t        size = 0;
        llvm_machine_emit(ctx, c->machine, copy, LLVMAssemblyFile, &text, &size);
        LLVMDisposeModule(copy);
        TRY(ctx->status);
        out->assembly = (const char *)text;
    }
    if (c->want & LLVM_WANT_OBJECT)
        TRY(llvm_machine_emit(ctx, c->machine, c->g.module, LLVMObjectFile, &out->object, &out->object_size));
    return ST_OK;
}

static Status compile(Ctx *ctx, void *arg) {
    Compilation *c = arg;
    TRY(llvm_machine_open(ctx, c->g.target, &c->machine));
    open_module(c);
    TRY(emit_kernels(ctx, c));
    return emit_outputs(ctx, c);
}

static void dispose(Compilation *c) {
    if (c->g.b)
        LLVMDisposeBuilder(c->g.b);
    if (c->g.module)
        LLVMDisposeModule(c->g.module);
    if (c->g.context)
        LLVMContextDispose(c->g.context);
    if (c->machine)
        LLVMDisposeTargetMachine(c->machine);
}

Status llvm_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, int want,
                    LlvmOutput *out) {
    memset(out, 0, sizeof *out);
    Compilation c = {.g = {.ctx = ctx, .schedule = schedule, .ir = module, .out = out}, .module = module, .want = want, .out = out};
    set_facts(&c.g, target);
    const Status status = ctx_run(ctx, compile, &c);
    dispose(&c);
    return status;
}
