/* Where a strided tensor's elements lie, and whether tensors lie apart.
 *
 * In:  tensors whose strides are not negative.
 * Out: extents, and answers that err on the side of "may overlap".
 * Always: no arithmetic overflows: extents were checked by tensor_extent() before the others are asked. */
#include "runtime/launch_args.h"

int64_t tensor_extent(const Tensor *tensor) {
    int64_t last = 0, bytes;
    for (int d = 0; d < tensor->rank; d++)
        if (tensor->dims[d] == 0)
            return 0;
    for (int d = 0; d < tensor->rank; d++) {
        int64_t reach;
        if (__builtin_mul_overflow(tensor->dims[d] - 1, tensor->strides[d], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return -1;
    }
    if (__builtin_add_overflow(last, 1, &last) ||
        __builtin_mul_overflow(last, (int64_t)dtype_size(tensor->dtype), &bytes))
        return -1;
    return bytes;
}

/* The dims with more than one element, by rising stride. */
static int moving_dims(const Tensor *tensor, int order[4]) {
    int count = 0;
    for (int d = 0; d < tensor->rank; d++) {
        if (tensor->dims[d] <= 1)
            continue;
        int at = count++;
        for (; at > 0 && tensor->strides[order[at - 1]] > tensor->strides[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    return count;
}

bool tensor_overlaps_itself(const Tensor *tensor) {
    int       order[4];
    int64_t   reach = 0;
    const int count = moving_dims(tensor, order);
    if (tensor_extent(tensor) == 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (tensor->strides[order[i]] <= reach)
            return true;
        reach += (tensor->dims[order[i]] - 1) * tensor->strides[order[i]];
    }
    return false;
}

/* Bytes that a tensor's addresses span modulo `period`: the dims that step by multiples of it do not count. */
static int64_t span_within(const Tensor *tensor, int64_t period) {
    const int64_t size = (int64_t)dtype_size(tensor->dtype);
    int64_t       span = size;
    for (int d = 0; d < tensor->rank; d++)
        if (tensor->dims[d] > 1 && tensor->strides[d] * size % period != 0)
            span += (tensor->dims[d] - 1) * tensor->strides[d] * size;
    return span;
}

/* Whether the two are different columns of rows of `period` bytes. */
static bool apart_within(const Tensor *a, const Tensor *b, int64_t period) {
    const int64_t span_a = span_within(a, period), span_b = span_within(b, period);
    int64_t       distance = (int64_t)((uintptr_t)b->data - (uintptr_t)a->data) % period;
    distance += distance < 0 ? period : 0;
    return distance >= span_a && span_b <= period - distance;
}

/* Whether a stride of `a` is such a period. */
static bool apart_by_strides(const Tensor *a, const Tensor *b) {
    for (int d = 0; d < a->rank; d++) {
        const int64_t period = a->dims[d] > 1 ? a->strides[d] * (int64_t)dtype_size(a->dtype) : 0;
        if (period > 0 && apart_within(a, b, period))
            return true;
    }
    return false;
}

bool tensors_overlap(const Tensor *a, const Tensor *b) {
    const int64_t extent_a = tensor_extent(a), extent_b = tensor_extent(b);
    const int64_t distance = (int64_t)((uintptr_t)b->data - (uintptr_t)a->data);
    if (extent_a == 0 || extent_b == 0 || distance >= extent_a || distance <= -extent_b)
        return false;
    return !apart_by_strides(a, b) && !apart_by_strides(b, a);
}
