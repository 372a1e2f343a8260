/* The object file of an ahead-of-time library: its image, and functions that hand their arguments on to the runtime. */
#ifndef RATTAN_CODEGEN_LLVM_LLVM_LIBRARY_H
#define RATTAN_CODEGEN_LLVM_LLVM_LIBRARY_H

#include "base/ctx.h"
#include "ir/target.h"

/* A function `name` that the library shows: calls `callee` with the address of the image where `with_image`, with
 * `number` where that is not negative, and then with its own arguments, and returns what that returns.
 * `arguments`, `result`: p an address, l a 64-bit number, i a 32-bit one, v nothing. */
typedef struct LlvmStub {
    const char *name, *callee;
    bool        with_image;
    int64_t     number;
    const char *arguments;
    char        result;
} LlvmStub;

typedef struct LlvmLibrary {
    const char     *name; /* of the library: becomes part of the image's symbol */
    const uint8_t  *image;
    size_t          image_size;
    const LlvmStub *stubs;
    int             stub_count;
} LlvmLibrary;

/* The image lies in a section ".rattan" of its own. `triple`: the machine; its least processor is enough. */
Status llvm_library_object(Ctx *ctx, const char *triple, const LlvmLibrary *library, uint8_t **object, size_t *size);

/* "x86_64" or "aarch64" of a triple. */
const char *llvm_triple_machine(Ctx *ctx, const char *triple);

#endif
