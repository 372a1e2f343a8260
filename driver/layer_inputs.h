/* A layer's inputs as its float64 references read them. */
#ifndef RATTAN_DRIVER_LAYER_INPUTS_H
#define RATTAN_DRIVER_LAYER_INPUTS_H

#include "base/spec.h"
#include "driver/tensor_set.h"

typedef struct LayerInputs {
    const Tensor  *q, *k, *v, *swa_norm, *rla_norm, *sink, *q_scale, *k_scale, *h0; /* NULL where the spec has them not */
    const int32_t *cu_seqlens;                                                      /* NULL: not packed */
    int64_t        B, T, N;
} LayerInputs;

/* ST_USAGE: one that the spec needs is missing. Shapes are the caller's to check (case_check). */
Status layer_inputs_find(Ctx *ctx, const Spec *spec, const TensorSet *tensors, LayerInputs *out);
/* The same of one tensor; NULL where it is not needed. */
Status layer_input_find(Ctx *ctx, const TensorSet *tensors, const char *name, bool needed, const Tensor **out);

/* Tokens of the longest sequence. */
int64_t layer_inputs_longest(const LayerInputs *in);

#endif
