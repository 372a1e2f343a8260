/* One case of a layer: its inputs by name, as float32 values and as the kernel takes them; random or from a file. */
#ifndef RATTAN_DRIVER_LAYER_CASE_H
#define RATTAN_DRIVER_LAYER_CASE_H

#include "base/spec.h"
#include "driver/session.h"

/* A small, fast, seedable generator (splitmix64). */
typedef struct Random {
    uint64_t state;
} Random;

uint64_t random_next(Random *random);
/* min .. max */
int64_t random_between(Random *random, int64_t min, int64_t max);
double  random_normal(Random *random);

/* Checks that every input which the spec needs is there with the right dims and that cu_seqlens makes sense. `path`
 * names the source. */
Status case_check(Ctx *ctx, const char *path, const Spec *spec, const TensorSet *inputs);

/* Fresh random inputs of a shape; B and T must be set unless packed. */
void case_random(Ctx *ctx, const Spec *spec, const Shape *shape, Random *random, TensorSet *inputs);

/* The same inputs as the kernel takes them: q, k, v and do rounded to the spec's dtype. Other tensors are shared. */
void case_round(Ctx *ctx, const Spec *spec, const TensorSet *inputs, TensorSet *rounded);

/* What a kernel for `target` multiplies has fewer bits than float32: its error is measured by that of a dense evaluation
 * whose inputs have as few. */
bool case_is_rough(const Spec *spec, const Target *target);
/* Those inputs, from the kernel's: q, k and v rounded to tf32 where the spec has float32 and permits that. */
void case_roughen(Ctx *ctx, const Spec *spec, const TensorSet *inputs, TensorSet *rough);

/* "B=2 T=100" or "packed, 5 sequences, T=210" */
const char *case_describe(Ctx *ctx, const TensorSet *inputs);

#endif
