/* LLVM's machines: made for a target, and from a module to bytes. */
#ifndef RATTAN_CODEGEN_LLVM_LLVM_MACHINE_H
#define RATTAN_CODEGEN_LLVM_LLVM_MACHINE_H

#include <llvm-c/TargetMachine.h>

#include "base/ctx.h"
#include "ir/target.h"

/* Sets LLVM up when first called. LLVMDisposeTargetMachine ends it. */
Status llvm_machine_open(Ctx *ctx, const Target *target, LLVMTargetMachineRef *machine);
/* Changes the module. `bytes`: arena, with a zero behind. */
Status llvm_machine_emit(Ctx *ctx, LLVMTargetMachineRef machine, LLVMModuleRef module, LLVMCodeGenFileType type,
                         uint8_t **bytes, size_t *size);

#endif
