/* The GPU back end: tile IR to CUDA C++ and, through NVRTC, to PTX and a cubin.
 * In: a verified tile-level module after the passes for a target with warps. Out: readable source, and what NVRTC makes
 * of it. A kernel takes one by-value struct: the args block of base/code_object.h. */
#ifndef RATTAN_CODEGEN_PTX_PTX_CODEGEN_H
#define RATTAN_CODEGEN_PTX_PTX_CODEGEN_H

#include "codegen/ptx/nvrtc.h"
#include "ir/ir.h"
#include "ir/schedule.h"
#include "ir/target.h"

/* "cuda:sm_80", ...: a row of archs.def. An unknown name is ST_USAGE and lists the known ones. Needs no GPU, driver or
 * NVRTC. ptx_arch_for gives the row for a device of compute capability major.minor, NULL where it is too old. */
Status      ptx_find_target(Ctx *ctx, const char *name, Target *target);
const char *ptx_arch_for(int major, int minor);
/* Registers of a thread where so many blocks share a multiprocessor: threads get them by eights, 255 at most. */
int ptx_most_registers(const Target *target, int threads, int blocks);
/* Names and one-line descriptions, for `rattan targets`: index 0 .. until NULL. */
const char *ptx_target_name(int index);
const char *ptx_target_help(int index);

/* PTX and the cubin are of all kernels together, for whoever looks at them. The code to launch comes in images, of which
 * each is compiled on a thread of its own: `main`, which takes as long as those before it together, those, and of kind backward
 * each of those behind it. */
enum { PTX_WANT_SOURCE = 1, PTX_WANT_PTX = 2, PTX_WANT_CUBIN = 4, PTX_WANT_RESOURCES = 8, PTX_WANT_CODE = 16 };
enum { PTX_MAX_IMAGES = 8 };

typedef struct PtxImage {
    const uint8_t *cubin;
    size_t         cubin_size;
} PtxImage;

typedef struct PtxOutput {
    CodePhase  *phases; /* one a kernel, in order; arena, as all below */
    int         phase_count;
    const char *source;    /* CUDA C++, always */
    const char *ptx;       /* where wanted */
    const char *resources; /* a line a kernel: registers, spilled bytes, shared memory; where wanted */
    NvrtcResources *used;  /* the same as numbers, one a phase; registers 0 where ptxas said nothing */
    uint8_t    *cubin;
    size_t      cubin_size;
    PtxImage    images[PTX_MAX_IMAGES]; /* where the code is wanted */
    int         image_count;
    uint8_t    *code;     /* the payload of a code object; where the code is wanted, as is what follows */
    size_t      code_size;
    const char *code_ptx; /* its PTX; "" where no newer chip could run it */
} PtxOutput;

/* Symbols are "rattan_<module name>_<kernel name>". `head_lines`: lines of comments for the source's first ones. `memo`: see
 * nvrtc_compile_all. */
Status ptx_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, const char *head_lines,
                   int want,
                   const char *memo, PtxOutput *out);

#endif
