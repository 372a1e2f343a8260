/* What `rattan bench` times: tensors of one launch, and what the launch needs by the definition. */
#ifndef RATTAN_DRIVER_BENCH_CASE_H
#define RATTAN_DRIVER_BENCH_CASE_H

#include <jansson.h>

#include "driver/layer_case.h"
#include "runtime/launch_args.h"

typedef struct BenchCase {
    KernelKind kind;
    Shape      shape; /* as asked, defaults filled in */
    TensorSet  tensors;
    double     useful_flops, bytes;
} BenchCase;

/* Fills defaults into the shape and counts flops and bytes: before compiling, since a ring's size is part of the
 * kernel. */
Status bench_case_plan(Ctx *ctx, const Spec *spec, KernelKind kind, const Shape *shape, BenchCase *out);
/* Adds the bytes of optional outputs and inputs that the kernel has: lse, the branches, the final state or its gradient. */
void bench_case_add_parts(const CodeObject *object, BenchCase *bench);
/* Query-key pairs in the window of the tokens from position `first` on, of one head. */
double bench_case_pairs(const Spec *spec, int64_t first, int64_t tokens);
json_t *bench_case_shape_json(const BenchCase *bench);
/* Sorts the values. */
double bench_median(double *values, int64_t count);
/* The sizes of a launch of `object` on the case: its tensors are not needed. */
Status bench_case_sizes(Ctx *ctx, const CodeObject *object, const BenchCase *bench, LaunchSizes *sizes);
/* What cu_seqlens, slots and pos hold; `fold` of the spec. */
int64_t bench_case_index(const BenchCase *bench, int64_t fold, const char *name, int64_t index);
/* Makes the tensors, random. */
void bench_case_fill(Ctx *ctx, const ReadyKernel *kernel, Random *random, BenchCase *bench);

#endif
