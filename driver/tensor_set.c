/* Named tensors: see tensor_set.h. */
#include "driver/tensor_set.h"

#include "base/text.h"

#include <string.h>

enum { TENSOR_ALIGNMENT = 64 };

int64_t tensor_elements(const Tensor *tensor) {
    int64_t n = 1;
    for (int d = 0; d < tensor->rank; d++)
        n *= tensor->dims[d];
    return n;
}

size_t tensor_bytes(const Tensor *tensor) { return (size_t)tensor_elements(tensor) * dtype_size(tensor->dtype); }

void *aligned_memory(Ctx *ctx, size_t bytes) {
    const uintptr_t memory = (uintptr_t)ctx_alloc(ctx, bytes + TENSOR_ALIGNMENT);
    return (void *)((memory + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT);
}

Tensor tensor_view(void *data, DType dtype, int rank, const int64_t *dims) {
    Tensor tensor = {.data = data, .dtype = dtype, .rank = rank};
    for (int64_t d = rank - 1, stride = 1; d >= 0; d--) {
        tensor.dims[d] = dims[d];
        tensor.strides[d] = stride;
        stride *= dims[d];
    }
    return tensor;
}

Tensor tensor_new(Ctx *ctx, DType dtype, int rank, const int64_t *dims) {
    Tensor tensor = tensor_view(NULL, dtype, rank, dims);
    tensor.data = aligned_memory(ctx, tensor_bytes(&tensor));
    return tensor;
}

Tensor tensor_convert(Ctx *ctx, const Tensor *tensor, DType dtype) {
    if (tensor->dtype == dtype)
        return *tensor;
    Tensor        out = tensor_new(ctx, dtype, tensor->rank, tensor->dims);
    const int64_t n = tensor_elements(tensor);
    for (int64_t i = 0; i < n; i++)
        dtype_store(dtype, out.data, i, dtype_load(tensor->dtype, tensor->data, i));
    return out;
}

const char *tensor_describe(Ctx *ctx, const Tensor *tensor) {
    Text text = TEXT(ctx);
    text_add(&text, "%s [", dtype_name(tensor->dtype));
    for (int d = 0; d < tensor->rank; d++)
        text_add(&text, "%s%lld", d ? "," : "", (long long)tensor->dims[d]);
    text_add(&text, "]");
    return text_str(&text);
}

Tensor *tensors_find(const TensorSet *set, const char *name) {
    for (int i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i].tensor;
    return NULL;
}

Tensor *tensors_put(Ctx *ctx, TensorSet *set, const char *name, Tensor tensor) {
    Tensor *there = tensors_find(set, name);
    if (there) {
        *there = tensor;
        return there;
    }
    const NamedTensor item = {ctx_strdup(ctx, name), tensor};
    PUSH(ctx, set->items, set->count, set->capacity, item);
    return &set->items[set->count - 1].tensor;
}
