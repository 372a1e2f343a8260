/* A program that runs kernels without a compiler: the forward function of specs/tiny.lua from a library that was built
 * with
 *
 *     rattan aot specs/tiny.lua --name layers --targets x86-64-v3 -o DIR
 *
 * consumer [TOKENS] prints the sum of the outputs' squares, which is that of examples/launch.c. README.md says how to
 * build it. */
#include <layers.h>

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 2, HEADS = 2, DIM = 8 };

/* Numbers in -0.5 .. 0.5 that are the same everywhere. */
static float *numbers(int64_t count, uint64_t seed) {
    float *values = (float *)malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; values && i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(seed >> 40) / 16777216.0f - 0.5f;
    }
    return values;
}

static int run(layers_context *context, int64_t tokens) {
    const int64_t count = BATCH * tokens * HEADS * DIM;
    float        *q = numbers(count, 1), *k = numbers(count, 2), *v = numbers(count, 3), *o = numbers(count, 6);
    float        *swa_norm = numbers(HEADS * DIM, 4), *rla_norm = numbers(HEADS * DIM, 5);
    layers_tiny_forward_args args = {0}; /* strides of zero: tensors without gaps */
    double                   sum = 0;
    args.B = BATCH;
    args.T = tokens;
    args.q = q;
    args.k = k;
    args.v = v;
    args.swa_norm = swa_norm;
    args.rla_norm = rla_norm;
    args.o = o;
    const layers_status status = layers_tiny_forward(context, &args, NULL);
    if (status != RATTAN_RT_OK)
        fprintf(stderr, "consumer: %s\n", layers_error_string(status));
    for (int64_t i = 0; status == RATTAN_RT_OK && i < count; i++)
        sum += (double)o[i] * o[i];
    if (status == RATTAN_RT_OK)
        printf("o = %.6e\n", sum);
    free(q);
    free(k);
    free(v);
    free(o);
    free(swa_norm);
    free(rla_norm);
    return (int)status;
}

int main(int argc, char **argv) {
    layers_context     *context;
    const layers_status status = layers_open(NULL, &context);
    if (status != RATTAN_RT_OK) {
        fprintf(stderr, "consumer: %s\n", layers_error_string(status));
        return (int)status;
    }
    fprintf(stderr, "consumer: runs kernels for %s\n", layers_target(context));
    const int code = run(context, argc > 1 ? atoll(argv[1]) : 200);
    layers_close(context);
    return code;
}
