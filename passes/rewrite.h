/* Helpers that several passes share. */
#ifndef RATTAN_PASSES_REWRITE_H
#define RATTAN_PASSES_REWRITE_H

#include "passes/passes.h"

/* An index value as constant + sum of coefficient * symbol; symbols are values that are no sum or constant multiple. */
enum { AFFINE_TERMS = 8 };
typedef struct Affine {
    bool    ok; /* false: more terms than fit */
    int     count;
    Value  *symbols[AFFINE_TERMS];
    int64_t factors[AFFINE_TERMS];
    int64_t constant;
} Affine;
Affine  affine_of(Value *value);
Affine  affine_difference(const Affine *a, const Affine *b);
int64_t affine_factor(const Affine *a, const Value *symbol); /* 0 where absent */
bool    affine_is_constant(const Affine *a);

/* ceil(a / b) as index ops, b > 0. */
Value *index_ceil_div(Builder *b, Value *a, int64_t divisor);
/* base + factor * v + offset, with constants folded. */
Value *index_offset(Builder *b, Value *base, int64_t offset);

bool is_constant_tile(const Value *value, double *constant);

/* Ops that a search has come by, of two in one place the later one: what several ops use is searched about once, where else the
 * time would double with each that uses it twice. */
typedef struct Seen {
    const Op *ops[1024];
} Seen;

/* Has the search come by `op` before? From now on it has. */
bool was_seen(Seen *seen, const Op *op);

/* True if the value is, or is computed from, `source` (through pure ops and regions). */
bool depends_on(const Value *value, const Value *source);
/* Is `value` usable at the start of `block`'s op `before`, i.e. defined outside of `region`? */
bool defined_outside(const Value *value, const Block *region);

/* Clones at b what `value` is computed from, as far as it is defined in `region`; map holds what is known. */
Value *clone_slice(Builder *b, Value *value, const Block *region, ValueMap *map);

/* What float32 x loses when it is rounded to dtype: the second of two parts. */
Value *gradients_low(Builder *b, Value *x, DType dtype);

/* Are features, and gradients that the keys' sums multiply, multiplied in two parts of 16 bits? In narrow layers whose gradients add
 * up, or leave, little; beside more columns registers hold no second part, and roles no ring for it. */
bool splits_features(const PassArgs *args);

/* Are turned queries and keys multiplied in two parts of 16 bits by kernel main of gradients? They are rounded a second time, behind
 * RoPE. Of few numbers, as a sink's gradient, that is by chance more than twice what rounding the inputs adds; of many it is not. */
bool splits_turned(const PassArgs *args);

/* What passes know of kernel number `kernel`: of kind backward those behind main have a schedule of their own, without roles
 * but those that pass roles gives them, which is put in `own`. */
PassArgs args_of_kernel(const PassArgs *args, const Module *module, int kernel, Schedule *own);

/* Removes what has no effect and no use. */
void clean_kernel(Kernel *kernel);
/* Does anything in the block store to a parameter? */
bool is_stored(const Block *block, const char *param);
/* The kernel gets all of the other one's parameters, and none besides. */
void share_params(Ctx *ctx, const Kernel *from, Kernel *kernel);
/* A row of numbers that is loaded: a scale, say. */
bool is_loaded_row(const Value *value);
/* Builds in a region that has nothing but its arguments: from now on it ends, without results. */
Builder open_region(Ctx *ctx, Kernel *kernel, Block *region);
/* Does a kernel load from the parameter? */
bool is_read(const Module *module, const char *param);
void drop_param(Kernel *kernel, const char *name);

/* Takes the kernel out of the module; NULL if absent. */
Kernel *take_kernel(Module *module, const char *name);

/* Equal pure ops of a block become one. */
void share_equal(Ctx *ctx, Kernel *kernel, Block *block);

/* What an access made after `load` goes on with: attributes beyond and border. */
void copy_beyond(Ctx *ctx, Op *made, const Op *load);

/* Makes every load in the slice of `value` that lies in `region` end where its row would pass `rows` rows from its
 * first: rows at and after become zeros. */
void limit_slice(Ctx *ctx, Kernel *kernel, Value *value, const Block *region, Value *rows);

/* chunk, of kernels whose loop over heads carries sums: see chunk_heads.c. segment: number of the row loop's segment, which starts
 * from states in the parameters `starts`, or both NULL. */
Status chunk_heads(Ctx *ctx, Kernel *kernel, Op *rows, Op *group, Op *residual, Value *segment, const char *starts);
/* The kernel's row loop carries the states from zero, and does nothing else. */
Status chunk_heads_states(Ctx *ctx, Kernel *kernel, Op *rows, Op *group, Op *residual);

#define DECLARE_PASS(name) Status pass_##name(Ctx *ctx, Module *module, const PassArgs *args)
#define PASS(name, needs, gives, knobs, summary) DECLARE_PASS(name);
#include "passes/passes.def"
#include "passes/gpu_passes.def"
#undef PASS

#endif
