/* From a Spec to a CodeObject: the page that shows every step. */
#ifndef RATTAN_DRIVER_COMPILE_H
#define RATTAN_DRIVER_COMPILE_H

#include "base/spec.h"
#include "codegen/llvm/llvm_codegen.h"
#include "codegen/ptx/ptx_codegen.h"
#include "ir/ir.h"
#include "ir/schedule.h"
#include "passes/passes.h"

/* "forward", "decode", ... */
const char *kind_name(KernelKind kind);

enum {
    EMIT_LOOP_IR = 1,
    EMIT_TILE_IR = 2,
    EMIT_SCHEDULE = 4,
    EMIT_LLVM = 8,
    EMIT_ASM = 16,
    EMIT_OBJECT = 32, /* the CodeObject */
    EMIT_CUDA = 64,   /* from here on for GPUs alone; EMIT_LLVM and EMIT_ASM are for CPUs alone */
    EMIT_PTX = 128,
    EMIT_CUBIN = 256,
    EMIT_SASS = 512, /* the cubin as nvdisasm shows it */
    EMIT_RESOURCES = 1024,
    EMIT_PLAN = 2048, /* what was decided, without the code: for `rattan explain` */
};

/* Whose the request's schedule is, and what happens where it is refused. */
typedef enum ScheduleOrigin {
    SCHEDULE_ASKED, /* the user's: a failure */
    SCHEDULE_TUNED, /* a tuning database's, which another build, variant or compiler may have made: the default stands in */
    SCHEDULE_STRICT /* the same where nothing may stand in: a failure that says so */
} ScheduleOrigin;

typedef struct CompileRequest {
    const Spec   *spec;
    KernelKind    kind;
    int           variant;    /* VARIANT_x */
    int64_t       ring_rows;  /* decode, extend; 0: as few as there may be */
    const Target *target;
    const char   *schedule;   /* text laid over the default; NULL: none */
    ScheduleOrigin origin;    /* of that text */
    const struct TuningPick *pick; /* what the tuning databases say, and which record it is from: see tuning_pick.h; NULL: nobody asked */
    int           emit;       /* EMIT_x: which of the results are wanted */
    const char   *memo;       /* GPUs: a folder of what NVRTC made, which processes share; NULL: none */
    const char   *dump_after; /* a pass whose output is wanted in Compiled.dump; "all"; NULL: none */
} CompileRequest;

typedef struct Compiled { /* texts are in the Ctx's arena; NULL where not asked for */
    const char *loop_ir, *tile_ir, *schedule, *llvm_ir, *assembly, *dump;
    const char *cuda, *ptx, *sass, *resources;
    const NvrtcResources *used; /* of EMIT_RESOURCES as numbers: one a phase of the object */
    uint8_t    *cubin; /* arena */
    size_t      cubin_size;
    CodeObject *object; /* malloc'd: code_object_free; of EMIT_PLAN alone, for GPUs, with an empty payload */
    PassLog    *log;    /* of EMIT_PLAN, as what follows; arena */
    Module     *module; /* behind the last pass */
    Schedule    plan;
    const struct LlvmTile *tiles; /* CPUs: of registers, see llvm_codegen.h */
    int         tile_count;
    const char *refused; /* why the default stands in for a tuned schedule; NULL: it does not */
    double      seconds;
} Compiled;

Status compile_kernel(Ctx *ctx, const CompileRequest *request, Compiled *out);

/* The schedule that the request gets, after those that give way: of GPUs all is done but NVRTC's part. Of a failure the
 * first default. */
Status compile_schedule(Ctx *ctx, const CompileRequest *request, Schedule *taken);

/* The text that a cache key hashes: canonical spec, kind, variant, ring rows, final schedule and what may stand in for it,
 * target with CPU, features and limits, compiler and rattan versions. Cheap: no LLVM, no passes. */
Status compile_key_text(Ctx *ctx, const CompileRequest *request, Text *key);

/* All keys that the request's object may have, the first one that of compile_key_text: of GPUs, where there is no NVRTC, any NVRTC's
 * object serves. `keys`: arena. */
Status compile_keys(Ctx *ctx, const CompileRequest *request, const char *const **keys, int *count);

/* Whether the object has the request's schedule and not one that stands in for it. */
bool compile_took(Ctx *ctx, const CompileRequest *request, const CodeObject *object);

#endif
