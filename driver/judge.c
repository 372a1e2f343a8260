/* The accuracy rule: see judge.h. */
#include "driver/judge.h"

#include <math.h>
#include <string.h>

const double FP32_BOUND = 1e-5;

double accuracy_bound(double typed_error) { return 2 * typed_error > FP32_BOUND ? 2 * typed_error : FP32_BOUND; }

Difference tensor_difference(const Tensor *got, const Tensor *wanted) {
    Difference    difference = {0};
    const int64_t n = tensor_elements(wanted);
    for (int64_t i = 0; i < n; i++)
        difference_add(&difference, dtype_load(got->dtype, got->data, i), dtype_load(wanted->dtype, wanted->data, i));
    return difference;
}

double tensor_error(const Tensor *got, const Tensor *wanted) {
    const Difference difference = tensor_difference(got, wanted);
    return difference_relative(&difference);
}

static const double *values_of(const Reference *reference, const char *name) {
    if (strcmp(name, "o") == 0)
        return reference->o;
    if (strcmp(name, "swa") == 0)
        return reference->swa;
    if (strcmp(name, "rla") == 0)
        return reference->rla;
    return strcmp(name, "lse") == 0 ? reference->lse : reference->final_state;
}

static int64_t values_count(const Spec *spec, const Reference *reference, const char *name) {
    if (strcmp(name, "final_state") == 0)
        return reference->state_elements;
    return reference->row_count * spec->heads * (strcmp(name, "lse") == 0 ? 1 : spec->value_dim);
}

/* Where the tensor holds value `at` of the reference's array. */
static int64_t tensor_index(const Spec *spec, const Reference *truth, const int64_t *rows, const char *name,
                            int64_t at) {
    if (strcmp(name, "final_state") == 0)
        return at;
    const int64_t width = spec->heads * (strcmp(name, "lse") == 0 ? 1 : spec->value_dim);
    const int64_t row = rows ? rows[at / width] : at / width;
    if (strcmp(name, "lse") != 0)
        return row * width + at % width;
    return (row / truth->T * spec->heads + at % width) * truth->T + row % truth->T;
}

double output_error(const Spec *spec, const Reference *truth, const int64_t *rows, const char *name,
                    const Tensor *tensor) {
    const double *values = values_of(truth, name);
    const int64_t count = values_count(spec, truth, name);
    Difference    difference = {0};
    for (int64_t i = 0; i < count; i++)
        difference_add(&difference, dtype_load(tensor->dtype, tensor->data, tensor_index(spec, truth, rows, name, i)),
                       values[i]);
    return difference_relative(&difference);
}

double reference_error(const Spec *spec, const Reference *truth, const char *name, const Reference *other) {
    const double *values = values_of(truth, name), *others = values_of(other, name);
    const int64_t count = values_count(spec, truth, name);
    Difference    difference = {0};
    for (int64_t i = 0; i < count; i++)
        difference_add(&difference, others[i], values[i]);
    return difference_relative(&difference);
}

void tensor_poison(const Tensor *tensor) {
    const int64_t n = tensor_elements(tensor);
    for (int64_t i = 0; i < n; i++)
        dtype_store(tensor->dtype, tensor->data, i, NAN);
}
