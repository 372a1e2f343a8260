/* link: rattan_driver */
/* The float64 reference against the golden vectors, which were computed by other code from the same definition. Without
 * this, a check of a kernel against the reference would prove nothing. */
#include "driver/golden_spec.h"
#include "driver/judge.h"
#include "driver/layer_case.h"
#include "driver/reference.h"
#include "driver/safetensors.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const SMALL[] = {"elu1", "exp",   "identity", "learned_init", "nope_nonorm", "packed",
                                    "relu", "relu2", "softmax",  "softcap_sink", "window1",     "window_covers_all"};
static const char *const LARGE[] = {"mqa_d256", "paper_small", "paper_d128", "odd_everything"};

typedef struct Case {
    const char *path;
    SafeFile    file;
    SpecFile    specs;
    TensorSet   inputs;
} Case;

static Status load_case(Ctx *ctx, Case *test) {
    const char *text;
    TRY(safetensors_read(ctx, test->path, &test->file));
    TRY(golden_spec_text(ctx, test->path, &test->file, &text));
    TRY(spec_load_text(ctx, test->path, text, strlen(text), &test->specs));
    for (int i = 0; i < test->file.tensors.count; i++)
        if (strncmp(test->file.tensors.items[i].name, "in.", 3) == 0)
            tensors_put(ctx, &test->inputs, test->file.tensors.items[i].name + 3, test->file.tensors.items[i].tensor);
    return case_check(ctx, test->path, &test->specs.items[0].spec, &test->inputs);
}

/* Every output, to 1e-6. */
static Status compare_all(Ctx *ctx, void *arg) {
    static const char *const OUTPUTS[] = {"out.o", "out.swa", "out.rla", "out.lse", "out.final_state"};
    Case                    *test = arg;
    Reference                truth;
    TRY(load_case(ctx, test));
    const Spec            *spec = &test->specs.items[0].spec;
    const ReferenceRequest request = {.spec = spec, .inputs = &test->inputs, .threads = 2};
    TRY(reference_run(ctx, &request, &truth));
    for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
        const Tensor *tensor = tensors_find(&test->file.tensors, OUTPUTS[i]);
        const double  error = tensor ? output_error(spec, &truth, NULL, OUTPUTS[i] + 4, tensor) : INFINITY;
        if (!(error < 1e-6))
            return ctx_fail(ctx, ST_MISMATCH, test->path, NULL, "%s: %g", OUTPUTS[i], error);
    }
    return ST_OK;
}

static void run(Status (*fn)(Ctx *, void *), const char *path) {
    Ctx  ctx;
    Case test = {.path = path};
    ctx_init(&ctx);
    if (ctx_run(&ctx, fn, &test) != ST_OK) {
        char line[2048];
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s", line);
    }
    ctx_free(&ctx);
}

static const char *source(void) { return getenv("SOURCE") ? getenv("SOURCE") : "."; }

static void test_golden(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SMALL / sizeof *SMALL; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/golden/%s.safetensors", source(), SMALL[i]);
        run(compare_all, path);
    }
}

static void test_golden_shared(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof LARGE / sizeof *LARGE; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/../shared/golden/%s.safetensors", source(), LARGE[i]);
        if (access(path, R_OK) != 0)
            skip();
        run(compare_all, path);
    }
}

/* Rows evaluated on demand are the rows of the whole. */
static Status compare_sampled(Ctx *ctx, void *arg) {
    Case         *test = arg;
    Reference     whole, some;
    const int64_t rows[] = {0, 4, 5, 28, 29, 30, 104, 128, 209};
    enum { ROWS = sizeof rows / sizeof *rows };
    TRY(load_case(ctx, test));
    const Spec            *spec = &test->specs.items[0].spec;
    const ReferenceRequest all = {.spec = spec, .inputs = &test->inputs, .threads = 1};
    const ReferenceRequest sampled = {
        .spec = spec, .inputs = &test->inputs, .rows = rows, .row_count = ROWS, .threads = 2};
    TRY(reference_run(ctx, &all, &whole));
    TRY(reference_run(ctx, &sampled, &some));
    const int64_t width = spec->heads * spec->value_dim;
    for (int64_t r = 0; r < ROWS; r++)
        assert_memory_equal(some.o + r * width, whole.o + rows[r] * width, sizeof(double) * (size_t)width);
    assert_memory_equal(some.final_state, whole.final_state, sizeof(double) * (size_t)whole.state_elements);
    return ST_OK;
}

static void test_sampled_rows(void **state) {
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/packed.safetensors", source());
    run(compare_sampled, path);
}

/* The dense evaluation in a type loses about that type's roundoff: a bound of twice that is tight enough to mean
 * something. */
static Status compare_typed(Ctx *ctx, void *arg) {
    static const struct {
        DType  dtype;
        bool   tf32;
        double least, most;
    } EXPECTED[] = {{DT_F32, false, 1e-8, 1e-5}, {DT_BF16, false, 5e-4, 3e-2}, {DT_F16, false, 5e-5, 4e-3},
                    {DT_F32, true, 2e-5, 2e-3},  {DT_BF16, true, 5e-4, 3e-2}};
    Case     *test = arg;
    Reference truth;
    TRY(load_case(ctx, test));
    Spec             spec = test->specs.items[0].spec;
    ReferenceRequest request = {.spec = &spec, .inputs = &test->inputs, .threads = 2};
    TRY(reference_run(ctx, &request, &truth));
    for (size_t t = 0; t < sizeof EXPECTED / sizeof *EXPECTED; t++) {
        Reference typed;
        TensorSet rounded, rough;
        spec.dtype = EXPECTED[t].dtype;
        spec.tf32 = EXPECTED[t].tf32;
        case_round(ctx, &spec, &test->inputs, &rounded);
        case_roughen(ctx, &spec, &rounded, &rough);
        const ReferenceRequest single = {.spec = &spec, .inputs = &rough, .single = true, .threads = 2};
        TRY(reference_run(ctx, &single, &typed));
        const double error = reference_error(&spec, &truth, "o", &typed);
        if (!(error > EXPECTED[t].least && error < EXPECTED[t].most))
            return ctx_fail(ctx, ST_MISMATCH, dtype_name(spec.dtype), NULL, "the typed evaluation's error is %g",
                            error);
    }
    return ST_OK;
}

static void test_typed(void **state) {
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/softcap_sink.safetensors", source());
    run(compare_typed, path);
}

/* Only a GPU multiplies in tf32, and only where the spec permits it. */
static void test_rough(void **state) {
    (void)state;
    const Target cpu = {.name = "cpu"}, gpu = {.name = "gpu", .warp_size = 32};
    Spec         spec = {.dtype = DT_F32};
    assert_false(case_is_rough(&spec, &gpu));
    spec.tf32 = true;
    assert_true(case_is_rough(&spec, &gpu));
    assert_false(case_is_rough(&spec, &cpu));
    spec.dtype = DT_BF16;
    assert_true(case_is_rough(&spec, &cpu));
}

static void test_tf32(void **state) {
    (void)state;
    assert_true(f32_to_tf32(1) == 1 && f32_to_tf32(-0x1.004p0f) == -0x1.004p0f);
    assert_true(f32_to_tf32(0x1.002p0f) == 0x1.004p0f && f32_to_tf32(0x1.001ffep0f) == 1);
    assert_true(f32_to_tf32(-0x1.fffp0f) == -2);
    assert_true(isnan(f32_to_tf32(NAN)) && f32_to_tf32(-INFINITY) == -INFINITY);
}

static void test_difference(void **state) {
    (void)state;
    Difference same = {0}, zero = {0}, infinite = {0}, third = {0};
    difference_add(&same, 3, 3);
    difference_add(&same, -INFINITY, -INFINITY);
    difference_add(&zero, 1e-30, 0);
    difference_add(&infinite, (double)NAN, 1);
    difference_add(&third, 4, 3);
    assert_true(difference_relative(&same) == 0);
    assert_true(isinf(difference_relative(&zero)));
    assert_true(isinf(difference_relative(&infinite)));
    assert_true(fabs(difference_relative(&third) - 1.0 / 3) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_golden_shared), cmocka_unit_test(test_sampled_rows),
        cmocka_unit_test(test_typed),  cmocka_unit_test(test_difference),    cmocka_unit_test(test_rough),
        cmocka_unit_test(test_tf32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
