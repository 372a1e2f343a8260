/* The public interface from end to end: compiles the forward kernel of a spec, launches it on random tensors and prints
 * the sum of the output's squares.
 *
 *     launch SPEC.lua [TOKENS]
 *
 * Tensors are made from what the kernel says of its parameters, so that any spec with fp32 tensors works. */
#include <rattan/rattan.h>

#include <stdio.h>
#include <stdlib.h>

enum { MOST_PARAMS = 16, BATCH = 2 };

static int fail(const rattan_error *error) {
    char text[2048];
    rattan_error_text(error, text, sizeof text);
    fprintf(stderr, "launch: %s\n", text);
    return (int)error->status;
}

/* Numbers in -0.5 .. 0.5 that are the same everywhere. */
static void fill(float *values, int64_t count, uint64_t seed) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(seed >> 40) / 16777216.0f - 0.5f;
    }
}

static rattan_tensor make_tensor(const rattan_param *param, int64_t tokens, uint64_t seed) {
    int64_t dims[4], count = 1;
    for (int d = 0; d < param->rank; d++) {
        const int64_t dim = param->dims[d];
        dims[d] = dim > 0 ? dim : dim == RATTAN_DIM_T ? tokens : BATCH;
        count *= dims[d];
    }
    float *values = malloc((size_t)(count > 0 ? count : 1) * sizeof *values);
    if (values)
        fill(values, count, seed);
    return rattan_tensor_of(param->name, values, param->dtype, param->rank, dims);
}

static double sum_of_squares(const rattan_tensor *tensor) {
    const float *values = tensor->data;
    int64_t      count = 1;
    double       sum = 0;
    for (int d = 0; d < tensor->rank; d++)
        count *= tensor->dims[d];
    for (int64_t i = 0; i < count; i++)
        sum += (double)values[i] * values[i];
    return sum;
}

static int launch(rattan_kernel *kernel, int64_t tokens) {
    rattan_tensor tensors[MOST_PARAMS];
    rattan_error  error;
    const int     count = rattan_kernel_params(kernel);
    int           status = 0, output = 0;
    if (count > MOST_PARAMS)
        return 1;
    for (int p = 0; p < count; p++) {
        rattan_param param;
        rattan_kernel_param(kernel, p, &param, NULL);
        tensors[p] = make_tensor(&param, tokens, (uint64_t)p + 1);
        if (param.role == RATTAN_OUT)
            output = p;
    }
    if (rattan_launch(kernel, tensors, count, 0, &error) != RATTAN_OK)
        status = fail(&error);
    else
        printf("%s = %.6e\n", tensors[output].name, sum_of_squares(&tensors[output]));
    for (int p = 0; p < count; p++)
        free(tensors[p].data);
    return status;
}

static int run(rattan_context *context, const rattan_spec *spec, int64_t tokens) {
    rattan_kernel_request request = {0};
    rattan_kernel        *kernel;
    rattan_error          error;
    request.spec = spec;
    request.dtype = RATTAN_FP32;
    if (rattan_kernel_get(context, &request, &kernel, &error) != RATTAN_OK)
        return fail(&error);
    return launch(kernel, tokens);
}

int main(int argc, char **argv) {
    rattan_context *context = NULL;
    rattan_spec    *spec = NULL;
    rattan_error    error;
    int             status;
    if (argc < 2) {
        fprintf(stderr, "usage: launch SPEC.lua [TOKENS]\n");
        return RATTAN_USAGE;
    }
    if (rattan_context_create(NULL, &context, &error) != RATTAN_OK ||
        rattan_spec_from_file(argv[1], &spec, &error) != RATTAN_OK)
        status = fail(&error);
    else
        status = run(context, spec, argc > 2 ? atoll(argv[2]) : 100);
    rattan_spec_destroy(spec);
    rattan_context_destroy(context);
    return status;
}
