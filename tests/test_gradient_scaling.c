/* link: rattan_driver */
/* Gradients are linear in do and dfinal_state: where these are 2^n times as large, so is every gradient, to the bit as long as
 * nothing leaves float32's range. `rattan check --magnitude` judges small ones beside do; here each is beside itself. */
#include "driver/layer_case.h"
#include "driver/judge.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const char *const LAYERS[] = {
    "return rattention { heads = 4, kv_heads = 2, head_dim = 32, window = 24, dtype = 'fp32' }",
    "return rattention { heads = 3, kv_heads = 1, head_dim = 40, value_dim = 24, window = 7, feature_map = 'relu2', "
    "norm = false, dtype = 'fp32', rope = { theta = 10000, style = 'half' }, sink = true, softcap = 20 }",
    "return rattention { heads = 2, head_dim = 16, window = 1, feature_map = 'elu1', dtype = 'fp32', qk_scale = true, "
    "initial_state = 'input', rope = { theta = 500000, style = 'interleaved' } }",
};
enum { LAYER_COUNT = sizeof LAYERS / sizeof *LAYERS };

/* Beyond EXACT products of a gradient with small numbers may become subnormal. */
enum { EXACT = 40 };
static const int    EXPONENTS[] = {-60, -EXACT, -20, 20, EXACT, 60};
static const double NEARLY = 1e-6;

typedef struct Trial {
    const char *text;
    uint64_t    seed;
    SpecFile    file;
    Session     session;
    ReadyKernel kernel;
    TensorSet   inputs; /* do and dfinal_state too */
} Trial;

static void put_random(Ctx *ctx, Trial *trial, Random *random, const char *name, const int64_t *dims) {
    const Tensor tensor = tensor_new(ctx, DT_F32, 4, dims);
    for (int64_t i = 0; i < tensor_elements(&tensor); i++)
        ((float *)tensor.data)[i] = (float)random_normal(random);
    tensors_put(ctx, &trial->inputs, name, tensor);
}

static void make_inputs(Ctx *ctx, Trial *trial) {
    const Spec *spec = &trial->file.items[0].spec;
    const Shape shape = {.B = 2, .T = 70};
    Random      random = {trial->seed};
    case_random(ctx, spec, &shape, &random, &trial->inputs);
    put_random(ctx, trial, &random, "do", (int64_t[]){shape.B, shape.T, spec->heads, spec->value_dim});
    put_random(ctx, trial, &random, "dfinal_state",
               (int64_t[]){shape.B, spec->initial_state ? spec->heads : spec->kv_heads, spec_features(spec), spec->value_dim});
}

/* Launches on do and dfinal_state times 2^exponent. */
static Status launch(Ctx *ctx, Trial *trial, int exponent, TensorSet *tensors) {
    static const char *const NAMES[] = {"do", "dfinal_state"};
    *tensors = (TensorSet){0};
    for (int i = 0; i < trial->inputs.count; i++)
        tensors_put(ctx, tensors, trial->inputs.items[i].name, trial->inputs.items[i].tensor);
    for (int n = 0; n < 2; n++) {
        const Tensor *given = tensors_find(&trial->inputs, NAMES[n]);
        const Tensor  scaled = tensor_new(ctx, DT_F32, 4, given->dims);
        for (int64_t i = 0; i < tensor_elements(given); i++)
            ((float *)scaled.data)[i] = ldexpf(((float *)given->data)[i], exponent);
        tensors_put(ctx, tensors, NAMES[n], scaled);
    }
    TRY(kernel_add_outputs(ctx, &trial->kernel, tensors));
    for (int i = trial->inputs.count; i < tensors->count; i++)
        tensor_poison(&tensors->items[i].tensor);
    return kernel_launch(ctx, &trial->session, &trial->kernel, tensors, 0);
}

static Status compare(Ctx *ctx, const NamedTensor *one, const Tensor *scaled, int exponent) {
    Difference    difference = {0};
    const int64_t n = tensor_elements(&one->tensor);
    bool          same = true, zero = true;
    for (int64_t i = 0; i < n; i++) {
        const float wanted = ((float *)one->tensor.data)[i], got = ldexpf(((float *)scaled->data)[i], -exponent);
        same = same && got == wanted;
        zero = zero && wanted == 0;
        difference_add(&difference, (double)got, (double)wanted);
    }
    if (zero)
        return ctx_fail(ctx, ST_MISMATCH, one->name, NULL, "it is zero");
    if (exponent >= -EXACT && exponent <= EXACT ? same : difference_relative(&difference) < NEARLY)
        return ST_OK;
    return ctx_fail(ctx, ST_MISMATCH, one->name, NULL, "2^%d: %g", exponent, difference_relative(&difference));
}

static Status compare_scales(Ctx *ctx, Trial *trial) {
    TensorSet one, scaled;
    TRY(launch(ctx, trial, 0, &one));
    for (size_t e = 0; e < sizeof EXPONENTS / sizeof *EXPONENTS; e++) {
        TRY(launch(ctx, trial, EXPONENTS[e], &scaled));
        for (int i = trial->inputs.count; i < one.count; i++)
            TRY(compare(ctx, &one.items[i], tensors_find(&scaled, one.items[i].name), EXPONENTS[e]));
    }
    return ST_OK;
}

static Status run_layer(Ctx *ctx, void *arg) {
    Trial   *trial = arg;
    Session *session = &trial->session;
    TRY(spec_load_text(ctx, "layer", trial->text, strlen(trial->text), &trial->file));
    TRY(target_find(ctx, "host", &session->target));
    TRY(pool_create(ctx, 2, &session->pool));
    make_inputs(ctx, trial);
    Status status = session_kernel(ctx, session, &trial->file.items[0].spec, KIND_BACKWARD, VARIANT_FINAL_STATE, 0, &trial->kernel);
    if (status == ST_OK)
        status = compare_scales(ctx, trial);
    kernel_free(&trial->kernel);
    session_close(session);
    return status;
}

static void test_linear_in_do(void **state) {
    (void)state;
    for (int l = 0; l < LAYER_COUNT; l++) {
        Ctx   ctx;
        Trial trial = {.text = LAYERS[l], .seed = 100 + (uint64_t)l, .session.tuning = TUNING_OFF};
        ctx_init(&ctx);
        if (ctx_run(&ctx, run_layer, &trial) != ST_OK) {
            char line[2048];
            ctx_describe(&ctx, line, sizeof line);
            fail_msg("layer %d: %s", l, line);
        }
        ctx_free(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear_in_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
