/* Element types: see dtype.h. */
#include "base/dtype.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *aliases[3];
    size_t      size;
    double      roundoff;
} TYPES[DT_COUNT] = {
    [DT_F32] = {"fp32", {"f32", "float32", "F32"}, 4, 0x1p-24},
    [DT_BF16] = {"bf16", {"bfloat16", "BF16", NULL}, 2, 0x1p-8},
    [DT_F16] = {"fp16", {"f16", "float16", "F16"}, 2, 0x1p-11},
    [DT_F64] = {"fp64", {"f64", "float64", "F64"}, 8, 0x1p-53},
    [DT_I32] = {"i32", {"int32", "I32", NULL}, 4, 0},
    [DT_I64] = {"i64", {"int64", "I64", NULL}, 8, 0},
};

const char *dtype_name(DType dtype) { return TYPES[dtype].name; }
size_t      dtype_size(DType dtype) { return TYPES[dtype].size; }
double      dtype_roundoff(DType dtype) { return TYPES[dtype].roundoff; }

bool dtype_parse(const char *name, DType *dtype) {
    for (int t = 0; t < DT_COUNT; t++) {
        bool match = strcmp(name, TYPES[t].name) == 0;
        for (int a = 0; a < 3 && !match && TYPES[t].aliases[a]; a++)
            match = strcmp(name, TYPES[t].aliases[a]) == 0;
        if (match) {
            *dtype = (DType)t;
            return true;
        }
    }
    return false;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float bf16_to_f32(uint16_t bits) { return float_of((uint32_t)bits << 16); }

uint16_t f32_to_bf16(float value) {
    const uint32_t bits = bits_of(value);
    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float f16_to_f32(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31)
        return float_of(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0)
        return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
    return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t f32_to_f16(float value) {
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000;
    const float    magnitude = fabsf(value);
    if (isnan(value))
        return (uint16_t)(sign | 0x7E00);
    if (magnitude >= 65520.0f)
        return (uint16_t)(sign | 0x7C00);
    if (magnitude < 0x1p-14f) /* subnormal: adding 0.5 aligns the fraction and rounds to even */
        return (uint16_t)(sign | (bits_of(magnitude + 0.5f) - bits_of(0.5f)));
    const uint32_t rounded = (bits & 0x7FFFFFFF) + 0xFFF + (bits >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - (112u << 10)));
}

float f32_to_tf32(float value) {
    return isfinite(value) ? float_of((bits_of(value) + 0x1000) & ~UINT32_C(0x1FFF)) : value;
}

double dtype_load(DType dtype, const void *array, int64_t i) {
    switch (dtype) {
    case DT_F32: return ((const float *)array)[i];
    case DT_BF16: return bf16_to_f32(((const uint16_t *)array)[i]);
    case DT_F16: return f16_to_f32(((const uint16_t *)array)[i]);
    case DT_F64: return ((const double *)array)[i];
    case DT_I32: return ((const int32_t *)array)[i];
    case DT_I64: return (double)((const int64_t *)array)[i];
    case DT_COUNT: break;
    }
    return NAN;
}

void dtype_store(DType dtype, void *array, int64_t i, double value) {
    switch (dtype) {
    case DT_F32: ((float *)array)[i] = (float)value; break;
    case DT_BF16: ((uint16_t *)array)[i] = f32_to_bf16((float)value); break;
    case DT_F16: ((uint16_t *)array)[i] = f32_to_f16((float)value); break;
    case DT_F64: ((double *)array)[i] = value; break;
    case DT_I32: ((int32_t *)array)[i] = (int32_t)value; break;
    case DT_I64: ((int64_t *)array)[i] = (int64_t)value; break;
    case DT_COUNT: break;
    }
}

void dtype_load_many(DType dtype, const void *array, int64_t i, int64_t step, int64_t count, double *out) {
    if (dtype == DT_F32)
        for (int64_t n = 0; n < count; n++)
            out[n] = ((const float *)array)[i + n * step];
    else if (dtype == DT_BF16)
        for (int64_t n = 0; n < count; n++)
            out[n] = bf16_to_f32(((const uint16_t *)array)[i + n * step]);
    else
        for (int64_t n = 0; n < count; n++)
            out[n] = dtype_load(dtype, array, i + n * step);
}

static double rounded(DType dtype, double value) {
    union {
        uint16_t bits;
        float    single;
        double   whole;
        int64_t  number;
    } element;
    dtype_store(dtype, &element, 0, value);
    return dtype_load(dtype, &element, 0);
}

void dtype_round_many(DType dtype, double *values, int64_t count) {
    if (dtype == DT_F32)
        for (int64_t n = 0; n < count; n++)
            values[n] = (double)(float)values[n];
    else if (dtype == DT_BF16)
        for (int64_t n = 0; n < count; n++)
            values[n] = bf16_to_f32(f32_to_bf16((float)values[n]));
    else
        for (int64_t n = 0; n < count && dtype != DT_F64; n++)
            values[n] = rounded(dtype, values[n]);
}
