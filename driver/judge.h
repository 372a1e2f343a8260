/* Comparing what a kernel wrote with the truth, under the accuracy rule of RATTENTION:
 * fp32 under 1e-5; bf16, fp16 and tf32 no more than twice the error of a dense evaluation of that type. */
#ifndef RATTAN_DRIVER_JUDGE_H
#define RATTAN_DRIVER_JUDGE_H

#include "driver/reference.h"
#include "driver/report.h"

extern const double FP32_BOUND;

/* 1e-5, or twice `typed_error`, 0 for float32, where that is more. */
double accuracy_bound(double typed_error);

/* Of two tensors with as many elements, whatever their types: as Difference says. */
Difference tensor_difference(const Tensor *got, const Tensor *wanted);
double     tensor_error(const Tensor *got, const Tensor *wanted);

/* Relative error of one output against a reference. The tensor is [B,T,H,E], lse [B,H,T] or the whole final state; only
 * the reference's rows are looked at. `rows` as in the reference's request. */
double output_error(const Spec *spec, const Reference *truth, const int64_t *rows, const char *name,
                    const Tensor *tensor);
/* The same for another evaluation of the same rows. */
double reference_error(const Spec *spec, const Reference *truth, const char *name, const Reference *other);

/* Fills it with NaN, so that what a kernel leaves out shows. */
void tensor_poison(const Tensor *tensor);

#endif
