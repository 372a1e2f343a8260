/* The CPU back end: tile IR to a relocatable object through LLVM's C API.
 * In: a verified tile-level module after the place pass. Out: object bytes for CodeObject's CPU calling convention. */
#ifndef RATTAN_CODEGEN_LLVM_LLVM_CODEGEN_H
#define RATTAN_CODEGEN_LLVM_LLVM_CODEGEN_H

#include "ir/ir.h"
#include "ir/schedule.h"
#include "ir/target.h"

/* "host", or a row of cpus.def. An unknown name is ST_USAGE and lists the known ones. Needs no LLVM initialization, so
 * that looking into the cache stays cheap. */
Status llvm_find_target(Ctx *ctx, const char *name, Target *target);
/* Names and one-line descriptions, for `rattan targets`: index 0 .. until NULL. */
const char *llvm_target_name(int index);
const char *llvm_target_help(int index);

/* "LLVM 19.1.7": goes into cache keys. */
const char *llvm_version(void);

enum { LLVM_WANT_IR = 1, LLVM_WANT_ASM = 2, LLVM_WANT_OBJECT = 4 };

/* What products of a kernel keep in registers while they sum up. */
typedef struct LlvmTile {
    int kernel;        /* its number */
    int rows, vectors; /* of sums; beside them a row of `vectors` and one register take part */
    int products;      /* in the kernel's code that are summed up so */
} LlvmTile;

typedef struct LlvmOutput {
    CodePhase  *phases;  /* one a kernel, in order; arena */
    int         phase_count;
    LlvmTile   *tiles;   /* by kernel, as they come in its code; arena */
    int         tile_count, tile_capacity;
    const char *ir;      /* arena; where wanted */
    const char *assembly;
    uint8_t    *object;  /* arena */
    size_t      object_size;
} LlvmOutput;

/* Symbols are "rattan_<module name>_<kernel name>". */
Status llvm_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, int want,
                    LlvmOutput *out);

#endif
