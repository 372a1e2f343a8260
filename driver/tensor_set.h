/* Named tensors in the arena: what safetensors files hold, what a kernel is launched on and what is compared.
 * Always: data is contiguous, row-major and 64-byte aligned. */
#ifndef RATTAN_DRIVER_TENSOR_SET_H
#define RATTAN_DRIVER_TENSOR_SET_H

#include "runtime/executable.h"

typedef struct NamedTensor {
    const char *name;
    Tensor      tensor;
} NamedTensor;

typedef struct TensorSet {
    NamedTensor *items;
    int          count, capacity;
} TensorSet;

int64_t tensor_elements(const Tensor *tensor);
size_t  tensor_bytes(const Tensor *tensor);

/* A contiguous view of `data` (not copied) with these dims. */
Tensor tensor_view(void *data, DType dtype, int rank, const int64_t *dims);
/* Zero-filled memory. */
Tensor tensor_new(Ctx *ctx, DType dtype, int rank, const int64_t *dims);
/* The same values rounded to dtype; the same memory where the type is already that. */
Tensor tensor_convert(Ctx *ctx, const Tensor *tensor, DType dtype);

/* "fp32 [2,100,8,64]" */
const char *tensor_describe(Ctx *ctx, const Tensor *tensor);

/* The tensor of that name, or NULL. */
Tensor *tensors_find(const TensorSet *set, const char *name);
/* Adds it, or replaces the one of that name. */
Tensor *tensors_put(Ctx *ctx, TensorSet *set, const char *name, Tensor tensor);

/* Memory aligned for vector loads, zeroed. */
void *aligned_memory(Ctx *ctx, size_t bytes);

#endif
