/* Writes a library's object through LLVM, for any machine it knows and without an assembler: see llvm_library.h. */
#include "codegen/llvm/llvm_library.h"

#include <llvm-c/Core.h>
#include <stdio.h>
#include <string.h>

#include "base/library_image.h"
#include "codegen/llvm/llvm_machine.h"

enum { MOST_ARGUMENTS = 8 };

typedef struct Job {
    const LlvmLibrary   *library;
    Target               target;
    LLVMContextRef       context;
    LLVMModuleRef        module;
    LLVMBuilderRef       builder;
    LLVMTargetMachineRef machine;
    LLVMValueRef         image;
    uint8_t            **object;
    size_t              *size;
} Job;

static LLVMTypeRef type_of(const Job *job, char letter) {
    switch (letter) {
    case 'p': return LLVMPointerTypeInContext(job->context, 0);
    case 'l': return LLVMInt64TypeInContext(job->context);
    case 'i': return LLVMInt32TypeInContext(job->context);
    default: return LLVMVoidTypeInContext(job->context);
    }
}

static void add_image(Job *job, const char *name) {
    LLVMValueRef bytes =
        LLVMConstStringInContext2(job->context, (const char *)job->library->image, job->library->image_size, 1);
    job->image = LLVMAddGlobal(job->module, LLVMTypeOf(bytes), name);
    LLVMSetInitializer(job->image, bytes);
    LLVMSetGlobalConstant(job->image, 1);
    LLVMSetVisibility(job->image, LLVMHiddenVisibility);
    LLVMSetSection(job->image, ".rattan");
    LLVMSetAlignment(job->image, IMAGE_ALIGN);
}

static LLVMTypeRef stub_type(const Job *job, const LlvmStub *stub, bool callee) {
    LLVMTypeRef types[MOST_ARGUMENTS + 2];
    unsigned    count = 0;
    if (callee && stub->with_image)
        types[count++] = type_of(job, 'p');
    if (callee && stub->number >= 0)
        types[count++] = type_of(job, 'i');
    for (const char *c = stub->arguments; *c; c++)
        types[count++] = type_of(job, *c);
    return LLVMFunctionType(type_of(job, stub->result), types, count, 0);
}

static void add_stub(Job *job, const LlvmStub *stub) {
    LLVMTypeRef  called = stub_type(job, stub, true);
    LLVMValueRef values[MOST_ARGUMENTS + 2], callee = LLVMGetNamedFunction(job->module, stub->callee);
    LLVMValueRef function = LLVMAddFunction(job->module, stub->name, stub_type(job, stub, false));
    unsigned     count = 0;
    if (!callee)
        callee = LLVMAddFunction(job->module, stub->callee, called);
    LLVMPositionBuilderAtEnd(job->builder, LLVMAppendBasicBlockInContext(job->context, function, ""));
    if (stub->with_image)
        values[count++] = job->image;
    if (stub->number >= 0)
        values[count++] = LLVMConstInt(type_of(job, 'i'), (unsigned long long)stub->number, 0);
    for (unsigned a = 0; stub->arguments[a]; a++)
        values[count++] = LLVMGetParam(function, a);
    LLVMValueRef result = LLVMBuildCall2(job->builder, called, callee, values, count, "");
    LLVMSetTailCall(result, 1);
    if (stub->result == 'v')
        LLVMBuildRetVoid(job->builder);
    else
        LLVMBuildRet(job->builder, result);
}

static Status build(Ctx *ctx, void *arg) {
    Job *job = arg;
    TRY(llvm_machine_open(ctx, &job->target, &job->machine));
    job->context = LLVMContextCreate();
    job->module = LLVMModuleCreateWithNameInContext(job->library->name, job->context);
    job->builder = LLVMCreateBuilderInContext(job->context);
    LLVMSetTarget(job->module, job->target.triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(job->machine);
    LLVMSetModuleDataLayout(job->module, layout);
    LLVMDisposeTargetData(layout);
    add_image(job, ctx_printf(ctx, "%s_image", job->library->name));
    for (int s = 0; s < job->library->stub_count; s++)
        add_stub(job, &job->library->stubs[s]);
    return llvm_machine_emit(ctx, job->machine, job->module, LLVMObjectFile, job->object, job->size);
}

static void dispose(Job *job) {
    if (job->builder)
        LLVMDisposeBuilder(job->builder);
    if (job->module)
        LLVMDisposeModule(job->module);
    if (job->context)
        LLVMContextDispose(job->context);
    if (job->machine)
        LLVMDisposeTargetMachine(job->machine);
}

Status llvm_library_object(Ctx *ctx, const char *triple, const LlvmLibrary *library, uint8_t **object, size_t *size) {
    Job job = {.library = library, .object = object, .size = size};
    snprintf(job.target.name, sizeof job.target.name, "%s", triple);
    snprintf(job.target.triple, sizeof job.target.triple, "%s", triple);
    snprintf(job.target.cpu, sizeof job.target.cpu, "%s", strncmp(triple, "x86", 3) == 0 ? "x86-64" : "generic");
    const Status status = ctx_run(ctx, build, &job);
    dispose(&job);
    return status;
}

const char *llvm_triple_machine(Ctx *ctx, const char *triple) { return ctx_strndup(ctx, triple, strcspn(triple, "-")); }
