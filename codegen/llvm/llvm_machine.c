/* Target machines of LLVM: see llvm_machine.h. */
#include "codegen/llvm/llvm_machine.h"

#include <llvm-c/Core.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <string.h>

/* Loop strength reduction takes a quarter of the time of code generation and makes the loops here, whose addresses are
 * simple already, slower. Only a command line option turns it off. */
static void initialize(void) {
    static const char *const OPTIONS[] = {"rattan", "-disable-lsr", "-enable-misched=0"};
    LLVMParseCommandLineOptions(3, OPTIONS, "");
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
}

Status llvm_machine_open(Ctx *ctx, const Target *target, LLVMTargetMachineRef *machine) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    LLVMTargetRef found;
    char         *message = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &found, &message)) {
        ctx_fail(ctx, ST_FAILED, target->name, "use another target, or an LLVM that has it", "LLVM: %s", message);
        LLVMDisposeMessage(message);
        return ctx->status;
    }
    *machine = LLVMCreateTargetMachine(found, target->triple, target->cpu, target->features, LLVMCodeGenLevelLess,
                                       LLVMRelocPIC, LLVMCodeModelSmall);
    if (!*machine)
        return ctx_fail(ctx, ST_FAILED, target->name, "use another target", "LLVM makes no code for this processor");
    return ST_OK;
}

Status llvm_machine_emit(Ctx *ctx, LLVMTargetMachineRef machine, LLVMModuleRef module, LLVMCodeGenFileType type,
                         uint8_t **bytes, size_t *size) {
    size_t              length;
    const char         *name = LLVMGetModuleIdentifier(module, &length);
    char               *message = NULL;
    LLVMMemoryBufferRef buffer = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, &buffer)) {
        ctx_fail(ctx, ST_FAILED, name, "report this", "LLVM: %.800s", message);
        LLVMDisposeMessage(message);
        return ctx->status;
    }
    *size = LLVMGetBufferSize(buffer);
    *bytes = ctx_alloc(ctx, *size + 1);
    memcpy(*bytes, LLVMGetBufferStart(buffer), *size);
    LLVMDisposeMemoryBuffer(buffer);
    return ST_OK;
}
