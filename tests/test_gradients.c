/* link: rattan_driver */
/* The float64 gradients: against the golden vectors' (automatic differentiation of other code), against finite
 * differences of the float64 reference on random layers, and the same bits with any number of threads. */
#include "tests/gradient_trial.h"

#include "driver/gradients.h"
#include "driver/judge.h"
#include "driver/reference.h"

#include <math.h>

/* ---- Golden vectors ---- */

/* Each element is a float64 number rounded to float32: 2^-24 of it at most, and so of the norm. As the roundings spread
 * evenly they make about half of that, beside which what two evaluations in float64 differ by is nothing. */
static const double GOLDEN_BOUND = 0x1p-24;

/* The file has a gradient for each of ours and no other. */
static Status compare_golden(Ctx *ctx, void *arg) {
    GoldenCase *test = arg;
    TensorSet   gradients;
    int         expected = 0;
    TRY(golden_load(ctx, test));
    const GradientsRequest request = {.spec = &test->specs.items[0].spec, .inputs = &test->inputs, .threads = 2};
    TRY(gradients_run(ctx, &request, &gradients));
    for (int i = 0; i < test->file.tensors.count; i++)
        expected += strncmp(test->file.tensors.items[i].name, "grad.", 5) == 0;
    for (int i = 0; i < gradients.count; i++) {
        const NamedTensor *item = &gradients.items[i];
        const Tensor      *tensor = tensors_find(&test->file.tensors, ctx_printf(ctx, "grad.%s", item->name));
        const double       error = tensor ? tensor_error(&item->tensor, tensor) : INFINITY;
        if (!(error <= GOLDEN_BOUND))
            return ctx_fail(ctx, ST_MISMATCH, test->path, NULL, "grad.%s: %g", item->name, error);
    }
    if (expected == gradients.count)
        return ST_OK;
    return ctx_fail(ctx, ST_MISMATCH, test->path, NULL, "%d gradients of %d", gradients.count, expected);
}

static void test_golden(void **state) {
    (void)state;
    golden_run_small(compare_golden);
}

static void test_golden_shared(void **state) {
    (void)state;
    golden_run_large(compare_golden);
}

/* ---- Finite differences ---- */

/* The step of a stencil whose error falls with its fourth power, and which stays within the inputs' distance from kinks;
 * what the differences' roundoff hides. */
static const double STEP = 1e-4, NOISE = 1e-2;
static const double BOUND = 1e-6;

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* sum(do * o) + sum(dfinal_state * final_state), of which gradients are taken. */
static Status loss(Ctx *ctx, const Trial *trial, double *out) {
    Reference              reference;
    const ReferenceRequest request = {.spec = &trial->spec, .inputs = &trial->inputs, .position = trial->position};
    const Tensor *d_o = tensors_find(&trial->inputs, "do"), *d_final = tensors_find(&trial->inputs, "dfinal_state");
    TRY(reference_run(ctx, &request, &reference));
    *out = dot(d_o->data, reference.o, tensor_elements(d_o));
    if (d_final)
        *out += dot(d_final->data, reference.final_state, tensor_elements(d_final));
    return ST_OK;
}

/* The loss where `input` is moved by steps * STEP along `direction`. */
static Status loss_beside(Ctx *ctx, const Trial *trial, Tensor *input, const Tensor *direction, int steps,
                          double *out) {
    const Tensor  before = *input;
    const int64_t n = tensor_elements(input);
    *input = tensor_new(ctx, DT_F64, before.rank, before.dims);
    for (int64_t i = 0; i < n; i++)
        ((double *)input->data)[i] = ((double *)before.data)[i] + steps * STEP * ((double *)direction->data)[i];
    const Status status = loss(ctx, trial, out);
    *input = before;
    return status;
}

/* The derivative along a random direction, by central differences with the five-point stencil (Abramowitz and Stegun,
 * 25.3.6), against the gradient's. The direction's elements are normal, so that the derivative's size is about the
 * gradient's norm: that is what the error is relative to. */
static Status compare_direction(Ctx *ctx, Trial *trial, const NamedTensor *gradient, double *error) {
    Tensor       *input = tensors_find(&trial->inputs, gradient->name);
    const Tensor  direction = random_tensor(ctx, trial, input->rank, input->dims);
    const int64_t n = tensor_elements(input);
    double        at[5];
    for (int s = 0; s < 5; s++)
        TRY(loss_beside(ctx, trial, input, &direction, s - 2, &at[s]));
    const double slope = (at[0] - at[4] + 8 * (at[3] - at[1])) / (12 * STEP);
    const double norm = sqrt(dot(gradient->tensor.data, gradient->tensor.data, n));
    *error = fabs(slope - dot(gradient->tensor.data, direction.data, n)) / fmax(norm, NOISE);
    return ST_OK;
}

static Status compare_differences(Ctx *ctx, void *arg) {
    Trial    *trial = arg;
    TensorSet gradients;
    TRY(random_spec(ctx, trial));
    trial->position = one_in(trial, 2) ? 0 : random_int(trial, 1, 1000);
    random_inputs(ctx, trial);
    const GradientsRequest request = {
        .spec = &trial->spec, .inputs = &trial->inputs, .position = trial->position, .threads = 2};
    TRY(gradients_run(ctx, &request, &gradients));
    for (int i = 0; i < gradients.count; i++) {
        double error;
        TRY(compare_direction(ctx, trial, &gradients.items[i], &error));
        if (!(error < BOUND)) {
            Text text = TEXT(ctx);
            spec_print(&text, &trial->spec);
            print_message("case %d, %s\n%s", trial->number, case_describe(ctx, &trial->inputs), text_str(&text));
            return ctx_fail(ctx, ST_MISMATCH, gradients.items[i].name, NULL, "it differs by %g", error);
        }
    }
    return ST_OK;
}

static void test_differences(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        run_trial(compare_differences, &(Trial){.number = c, .random = {(uint64_t)c + 1}});
}

/* ---- Threads ---- */

static Status compare_threads(Ctx *ctx, void *arg) {
    static const char SPEC[] =
        "return rattention { name = 'all', heads = 6, kv_heads = 3, head_dim = 8, value_dim = 5, window = 7,"
        " softcap = 3, sink = true, qk_scale = true, initial_state = 'input', rope = { theta = 100 } }";
    Trial    *trial = arg;
    Shape     shape = {.lengths = {40, 3, 0, 61, 25}, .length_count = 5};
    TensorSet alone;
    TRY(spec_load_text(ctx, "all.lua", SPEC, strlen(SPEC), &trial->file));
    trial->spec = trial->file.items[0].spec;
    case_random(ctx, &trial->spec, &shape, &trial->random, &trial->inputs);
    const int64_t d_o[] = {1, 129, 6, 5}, d_final[] = {5, 6, 16, 5};
    tensors_put(ctx, &trial->inputs, "do", random_tensor(ctx, trial, 4, d_o));
    tensors_put(ctx, &trial->inputs, "dfinal_state", random_tensor(ctx, trial, 4, d_final));
    GradientsRequest request = {.spec = &trial->spec, .inputs = &trial->inputs, .threads = 1};
    TRY(gradients_run(ctx, &request, &alone));
    assert_int_equal(alone.count, 9);
    for (request.threads = 2; request.threads < 20; request.threads += 3) {
        TensorSet many;
        TRY(gradients_run(ctx, &request, &many));
        for (int i = 0; i < alone.count; i++)
            assert_memory_equal(tensors_find(&many, alone.items[i].name)->data, alone.items[i].tensor.data,
                                tensor_bytes(&alone.items[i].tensor));
    }
    return ST_OK;
}

static void test_threads(void **state) {
    (void)state;
    run_trial(compare_threads, &(Trial){.random = {11}});
}

/* ---- Errors ---- */

static Status refuse_inputs(Ctx *ctx, void *arg) {
    static const char SPEC[] = "return rattention { heads = 2, kv_heads = 1, head_dim = 4, window = 3, norm = false }";
    Trial            *trial = arg;
    TensorSet         gradients;
    const Shape       shape = {.B = 2, .T = 5};
    const int64_t     wrong[] = {2, 5, 1, 4}, d_o[] = {2, 5, 2, 4};
    TRY(spec_load_text(ctx, "s.lua", SPEC, strlen(SPEC), &trial->file));
    case_random(ctx, &trial->file.items[0].spec, &shape, &trial->random, &trial->inputs);
    const GradientsRequest request = {.spec = &trial->file.items[0].spec, .inputs = &trial->inputs};
    for (int step = 0; step < 3; step++) {
        assert_int_equal(gradients_run(ctx, &request, &gradients), ST_USAGE);
        assert_string_equal(ctx->place, step < 2 ? "do" : "dfinal_state");
        ctx_clear(ctx);
        tensors_put(ctx, &trial->inputs, "do", random_tensor(ctx, trial, 4, step == 0 ? wrong : d_o));
        if (step == 1)
            tensors_put(ctx, &trial->inputs, "dfinal_state", random_tensor(ctx, trial, 4, wrong));
    }
    return ST_OK;
}

static void test_errors(void **state) {
    (void)state;
    run_trial(refuse_inputs, &(Trial){.random = {5}});
}

/* ---- In float32 ---- */

typedef struct InSingle {
    const char *spec;
    int64_t     T;
    bool        cancels; /* what q's scale gets */
} InSingle;

/* A layer whose rows see a key in the residual branch, and one whose last row alone does: its norm takes all of that. */
static const InSingle IN_SINGLE[] = {
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 30, sink = true, qk_scale = true, softcap = 9, rope = { theta = 100 }", 99,
     false},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 30, feature_map = 'identity', qk_scale = true", 31, true},
};

/* Where nothing cancels, what float32 loses moves no bound. */
static Status compare_single(Ctx *ctx, void *arg) {
    Trial *const          trial = arg;
    const InSingle *const in = &IN_SINGLE[trial->number];
    const Shape           shape = {.B = 1, .T = in->T};
    const int64_t         d_o[] = {1, in->T, 2, 64};
    const char *const     text = ctx_printf(ctx, "return rattention { name = 'single', %s }", in->spec);
    TensorSet             exact, single;
    TRY(spec_load_text(ctx, "single.lua", text, strlen(text), &trial->file));
    trial->spec = trial->file.items[0].spec;
    case_random(ctx, &trial->spec, &shape, &trial->random, &trial->inputs);
    tensors_put(ctx, &trial->inputs, "do", random_tensor(ctx, trial, 4, d_o));
    GradientsRequest request = {.spec = &trial->spec, .inputs = &trial->inputs, .threads = 2};
    TRY(gradients_run(ctx, &request, &exact));
    request.single = true;
    TRY(gradients_run(ctx, &request, &single));
    for (int i = 0; i < exact.count; i++) {
        const double error = tensor_error(&single.items[i].tensor, &exact.items[i].tensor);
        const bool   scale = strcmp(exact.items[i].name, "q_scale") == 0;
        assert_true(error > 0);
        if (!in->cancels && error >= FP32_BOUND / 2)
            fail_msg("d%s of { %s }: %.2e", exact.items[i].name, in->spec, error);
        assert_true(!in->cancels || !scale || error > FP32_BOUND);
    }
    return ST_OK;
}

static void test_single(void **state) {
    (void)state;
    for (int n = 0; n < 2; n++)
        run_trial(compare_single, &(Trial){.number = n, .random = {3}});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_golden_shared), cmocka_unit_test(test_differences),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_errors), cmocka_unit_test(test_single),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
