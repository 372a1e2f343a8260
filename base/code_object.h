/* CodeObject: a compiled kernel with all that is needed to launch it; the only thing runtime/ knows of the compiler.
 * Plain data: one malloc'd block each for params, phases, texts and payload; code_object_free() frees them.
 *
 * CPU calling convention. The payload is a relocatable ELF object. Each phase is one function
 *     void phase(const int64_t *args, int64_t item, void *scratch);
 * called once for each item 0 .. product(axes) - 1, in any order and on any thread; phases run one after the other, all
 * items of a phase before the next begins. `scratch` is `scratch_bytes` of memory, 64-byte aligned, private to the
 * running thread, contents undefined. `args` holds for parameter p at args[5p]: its address, then the strides of its
 * four dims in elements (that of d3 must be 1); after the parameters, at args[5 * param_count + s], the value of Sym s.
 * An absent optional parameter has address 0. The item number counts the axes row-major, the first axis slowest.
 *
 * GPU calling convention. The payload is one or several cubins, one behind another, each at a multiple of 16 bytes; the
 * target is "cuda:sm_XX". Each phase is one kernel
 *     extern "C" __global__ void phase(const __grid_constant__ Args args);
 * with struct Args { long long at[5 * param_count + SYM_COUNT + 1]; } laid out like the args above, addresses being the
 * device's; the last entry is the number of items of this phase, product(axes). It is launched with blocks on grid.x
 * (none where there is no item), `threads` threads and `shared_bytes` of dynamic shared memory; phases run one after
 * the other on the launch's stream. The contents of cu_seqlens, slots and pos are in device memory and have not been
 * checked: kernels must reach no memory outside the tensors whatever they hold.
 * - `resident` 0: a block for each item. Else persistent: min(items, multiprocessors * resident) blocks, each of which
 *   walks over items itself.
 * - `overlaps`: the blocks may start before the phase before has ended (programmatic stream serialization). Every block
 *   calls griddepcontrol.wait before it reads what earlier phases wrote (through maps: and then fence.proxy.async) or
 *   writes what they use, and before it ends: the phase behind it waits for this one alone. Never the first phase of a
 *   code object; where those before it had no item, it is launched without overlap, for what comes before is the
 *   caller's. Phases that overlap get the smallest L1 cache, since only kernels that split it alike run side by side.
 * - `cluster`: blocks that differ in the last axis alone form a cluster, and so run at the same time. No persistent phase.
 * - `head_slices` n > 1: all phases run n times, one slice of the heads behind another, in the same working memory. Slice i
 *   has the i-th part of the dim that a `sliced` parameter shares out: its address is that of the part, and working memory
 *   has but one n-th of that dim. 0: n is chosen at launch: 1 where the working memory is no more than 704 MiB, else the least
 *   divisor of kv_heads with which it is no more than 3/16 of all tensors, or the largest one up to that which leaves a slice
 *   65536 tokens times key/value heads.
 * - `beside`, `beside_before`: what need not have ended before the phase begins, of its own slice and of the one before: none
 *   of both writes memory that the other one uses. All else has to be over. Who launches phases one behind another has done
 *   as it should.
 * - `map_count` > 0: the phase takes a second parameter, const __grid_constant__ Maps maps, with
 *   struct Maps { CUtensorMap at[map_count]; }, each 128 bytes and the struct aligned to 64. See CodeMap. */
#ifndef RATTAN_BASE_CODE_OBJECT_H
#define RATTAN_BASE_CODE_OBJECT_H

#include <string.h>

#include "base/ctx.h"
#include "base/dtype.h"

/* Sizes known at launch. */
#define SYMS(X)                                                                                                  \
    X(B, "B", "sequences in the batch dimension of q (1 where packed)")                                          \
    X(T, "T", "tokens: dim 1 of q")                                                                              \
    X(N, "N", "sequences: B, or cu_seqlens entries minus 1")                                                     \
    X(S, "S", "segments a sequence is cut into, or blocks that share a decoding step")                            \
    X(K, "K", "segments but the last: S - 1")                                                                    \
    X(L, "L", "tokens of a segment")                                                                             \
    X(R, "R", "row tiles of a sequence of T tokens: ceil((T + lead) / chunk)")                                   \
    X(C, "C", "row tiles of all sequences, at most: B * T / chunk + N, or + 2 N with a lead")                    \
    X(Z, "Z", "row tiles of all sequences, once for each segment: C * S")                                            \
    X(A, "A", "rows of all sequences and the keys before them: B * T + N * (window + lead)")                         \
    X(J, "J", "row tiles of a sequence of T tokens and the keys before it: ceil((T + window + lead) / chunk)")       \
    X(O, "O", "rows of a sequence's keys, old and new: T + window + lead")                                           \
    X(P, "P", "slots in the pools")                                                                              \
    X(POS, "POS", "position of the first token (rope)")                                                          \
    X(H, "H", "key/value heads of a slice: all of them, where heads are not taken by slices")                     \
    X(G, "G", "query heads of a slice")                                                                         \
    X(M, "M", "states saved of all sequences, at most: B * T / (chunk * states_every) + N")

typedef enum Sym {
#define X(id, name, help) SYM_##id,
    SYMS(X)
#undef X
        SYM_COUNT
} Sym;

/* A dim is a constant >= 1, or -(1 + Sym). N + 1 (cu_seqlens) is DIM_N_PLUS_1. */
#define DIM_SYM(sym) (-(1 + (int64_t)(sym)))
#define DIM_N_PLUS_1 (-100)

typedef enum ParamRole { PARAM_IN, PARAM_OUT, PARAM_INOUT, PARAM_WORK } ParamRole;

typedef struct CodeParam {
    char      name[24];  /* "q", "k", "v", "o", "swa_norm", "state", ... */
    DType     dtype;
    ParamRole role;      /* PARAM_WORK: memory the runtime provides, contents undefined, shared by all phases */
    int       rank;      /* as callers see it, 1 to 4; dims are padded in front with 1 */
    int64_t   dims[4];   /* d0 d1 d2 d3 */
    int       sliced;    /* 1 + the dim that slices of the heads share out; 0: each slice has the whole parameter.
                          * Dims are those of all heads */
} CodeParam;

/* lse, sink and dsink hold one number a row: kernels see a last dim of 1 that callers leave out. */
static inline int code_param_caller_rank(const CodeParam *param) {
    const bool number = strcmp(param->name, "lse") == 0 || strcmp(param->name, "sink") == 0 ||
                        strcmp(param->name, "dsink") == 0;
    return param->rank - (number ? 1 : 0);
}

/* A map of a parameter for the GPU's bulk copies of boxes. It has the innermost `dims` of the parameter's four dims,
 * innermost first, of the sizes and strides of the launch: rows and columns beyond them read as zeros. A box is
 * box_cols columns of d3 by box_rows of dim `row_dim` (1 or 2), and one of the others; in shared memory with the
 * 128-byte swizzle. L2 promotion is 256 bytes. A launch is refused where the address or a stride of a dim with more
 * than one element is no multiple of 16 bytes. The map of an absent or empty tensor is zeros and must not be used. */
typedef struct CodeMap {
    int param;    /* PARAM_WORK ones too; fp32, bf16 or fp16 */
    int dims;     /* 2 to 4; fewer than 4: the outer ones are 1, constant or as launched */
    int box_rows; /* 1 to 256 */
    int row_dim;  /* at least 4 - dims */
    int box_cols; /* 16 to 128 bytes, a multiple of 16 */
} CodeMap;

enum { CODE_MAX_MAPS = 24, CODE_MAX_ALL_MAPS = 192 /* of all phases together */ };

typedef struct CodePhase {
    char    symbol[96];
    int     axis_count;
    int64_t axes[4];       /* extents, as dims above */
    int64_t scratch_bytes; /* per thread */
    int     threads;       /* GPUs: of a block; 0 on CPUs; the rest is the GPUs' as well */
    bool    cluster;       /* the blocks of the last axis form a cluster */
    int64_t shared_bytes;  /* dynamic shared memory of a block */
    int     resident;      /* blocks a multiprocessor of a persistent phase; 0: a block an item */
    int     blocks;        /* of a persistent phase, at most; 0: as many as there is room for */
    bool    overlaps;      /* may start before the phase before has ended */
    int64_t beside, beside_before; /* bit q: may run while phase q, an earlier one, does; while that of the slice before does */
    int64_t code_at;       /* where the phase's cubin begins in the payload: phases of one cubin have the same */
    int64_t ptx_at;        /* and its PTX in `ptx`, which reaches to where the next one begins, or to the end */
    int     map_count;
    CodeMap maps[CODE_MAX_MAPS];
} CodePhase;

typedef struct CodeObject {
    int        kind, variant;     /* KernelKind, VARIANT_x of base/spec.h */
    int64_t    chunk;             /* positions a tile: L is a multiple of it */
    int64_t    segment;           /* tokens of a segment; 0: S = 1 always */
    int64_t    min_items;         /* no cut where N * kv_heads >= this */
    int64_t    even_items;        /* nor where it is a multiple of this; 0: no such rule */
    int64_t    spread;            /* 1: into ceil(min_items / (N * kv_heads)) segments at most */
    int64_t    parts;             /* most blocks that share a decoding step, a power of two; 0: no such blocks. Then S is
                                   * doubled from 1 on while N * kv_heads * S stays within min_items */
    int64_t    states_every;      /* row tiles from one saved state to the next: L is a multiple of so many */
    int64_t    lead;              /* tokens before the first new one that the first row tile of a sequence may begin with */
    int64_t    head_slices;       /* 1: all heads at once; 0: chosen at launch */
    int64_t    kv_heads, window, ring_rows; /* kv_heads: of all slices together */
    CodeParam *params;
    int        param_count;
    CodePhase *phases;
    int        phase_count;
    char      *name;              /* of the spec */
    char      *spec;              /* canonical text */
    char      *schedule;          /* text */
    char      *target;            /* name: "host", "x86-64-v4", "cuda:sm_90a" */
    char      *cpu, *features;    /* what the code needs; features sorted, comma separated */
    char      *compiler;          /* "rattan 0.1.0; LLVM 19.1.7; ..." */
    char      *ptx;               /* GPUs: for chips newer than the cubin; "" or NULL: none */
    uint8_t   *payload;
    size_t     payload_size;
} CodeObject;

void code_object_free(CodeObject *object);

/* One flat, versioned, checksummed block <-> CodeObject. decode refuses anything damaged with ST_INTEGRITY. */
Status code_object_encode(Ctx *ctx, const CodeObject *object, uint8_t **bytes, size_t *size); /* malloc'd */
Status code_object_decode(Ctx *ctx, const uint8_t *bytes, size_t size, CodeObject **object);  /* malloc'd */

#endif
