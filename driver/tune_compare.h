/* What a candidate of the tuner wrote beside what the default schedule made of the same inputs: every tensor that the kernel
 * writes, in memory that the tuner's processes share. */
#ifndef RATTAN_DRIVER_TUNE_COMPARE_H
#define RATTAN_DRIVER_TUNE_COMPARE_H

#include "driver/tensor_set.h"
#include "runtime/pool.h"

typedef struct TuneOutput {
    const char *name;
    bool        fresh;    /* it is only written; else what was there is part of the inputs */
    Tensor      expected; /* the default's */
} TuneOutput;

typedef struct TuneOutputs {
    TuneOutput *items; /* arena */
    int         count;
} TuneOutputs;

/* The tensors that `object` writes, made where they are missing, and memory for what is expected of them. What is only
 * written is the same memory for all processes: one runs at a time. */
Status tune_outputs_open(Ctx *ctx, const CodeObject *object, TensorSet *tensors, TuneOutputs *out);
void   tune_outputs_close(const TensorSet *tensors, const TuneOutputs *outputs);

/* Before the kernel runs: what it is to write is filled with NaN. */
void tune_outputs_poison(const TensorSet *tensors, const TuneOutputs *outputs);
/* What it wrote is what is expected from now on. */
void tune_outputs_expect(const TensorSet *tensors, const TuneOutputs *outputs);
/* Relative to the norm of what is expected, and to what of `do` a gradient can keep where all of it cancels. ST_MISMATCH
 * names the tensor. */
Status tune_outputs_compare(Ctx *ctx, Pool *pool, const TensorSet *tensors, const TuneOutputs *outputs, double bound);

#endif
