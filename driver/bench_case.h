/* What `rattan bench` times: tensors of one launch, and what the launch needs by the definition. */
#ifndef RATTAN_DRIVER_BENCH_CASE_H
#define RATTAN_DRIVER_BENCH_CASE_H

#include "driver/layer_case.h"

typedef struct BenchCase {
    KernelKind kind;
    Shape      shape; /* as asked, defaults filled in */
    TensorSet  tensors;
    double     useful_flops, bytes;
} BenchCase;

/* Fills defaults into the shape and counts flops and bytes: before compiling, since a ring's size is part of the
 * kernel. */
Status bench_case_plan(Ctx *ctx, const Spec *spec, KernelKind kind, const Shape *shape, BenchCase *out);
/* Sorts the values. */
double bench_median(double *values, int64_t count);
/* Makes the tensors, random. */
void bench_case_fill(Ctx *ctx, const ReadyKernel *kernel, Random *random, BenchCase *bench);

#endif
