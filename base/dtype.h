/* Element types and the conversions between them. */
#ifndef RATTAN_BASE_DTYPE_H
#define RATTAN_BASE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DType { DT_F32, DT_BF16, DT_F16, DT_F64, DT_I32, DT_I64, DT_COUNT } DType;

const char *dtype_name(DType dtype);                    /* "fp32", "bf16", "fp16", "fp64", "i32", "i64" */
bool        dtype_parse(const char *name, DType *dtype); /* also takes "f32", "float32", "bfloat16", "f16", ... */
size_t      dtype_size(DType dtype);                    /* bytes */

/* Unit roundoff: 2^-24 for fp32, 2^-8 for bf16, 2^-11 for fp16. */
double dtype_roundoff(DType dtype);

float    bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value); /* round to nearest even, NaN stays NaN */
float    f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value); /* round to nearest even, overflow to infinity */
float    f32_to_tf32(float value); /* 10 bits of fraction: round to nearest, halves away from zero; NaN stays NaN */

/* Element i of an array of any floating type, as a double. */
double dtype_load(DType dtype, const void *array, int64_t i);
void   dtype_store(DType dtype, void *array, int64_t i, double value);

/* `count` of them, from element i on, `step` apart. */
void dtype_load_many(DType dtype, const void *array, int64_t i, int64_t step, int64_t count, double *out);
/* Each value to what dtype_store makes of it. */
void dtype_round_many(DType dtype, double *values, int64_t count);

#endif
