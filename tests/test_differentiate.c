/* link: rattan_driver */
/* Pass differentiate: the gradients' program, run by the interpreter in float64, is the reference of the gradients on
 * random layers with every option. */
#include "tests/gradient_trial.h"

#include "driver/gradients.h"
#include "driver/judge.h"
#include "passes/rewrite.h"

#include <math.h>

enum { MOST_PARAMS = 32 };
/* Both are float64, but for the order of their sums; the gradient of a sink is what a norm leaves of its cancelling
 * terms. */
static const double BOUND = 1e-7;

static int64_t dim_of(const int64_t *syms, int64_t dim) {
    if (dim == DIM_N_PLUS_1)
        return syms[SYM_N] + 1;
    return dim < 0 ? syms[-1 - dim] : dim;
}

/* Parameters of float64, so that nothing is rounded on its way. */
static void widen_parameters(Module *module) {
    for (int k = 0; k < module->kernel_count; k++)
        for (int p = 0; p < module->kernels[k]->param_count; p++)
            if (module->kernels[k]->params[p].dtype != DT_I32)
                module->kernels[k]->params[p].dtype = DT_F64;
}

static Status interpret(Ctx *ctx, const Trial *trial, const Module *module, TensorSet *outputs) {
    const Kernel *first = module->kernels[0];
    const Tensor *q = tensors_find(&trial->inputs, "q"), *lengths = tensors_find(&trial->inputs, "cu_seqlens");
    InterpBinding bindings[MOST_PARAMS];
    InterpArgs    args = {.bindings = bindings, .reverse = true};
    args.syms[SYM_B] = q->dims[0];
    args.syms[SYM_T] = q->dims[1];
    args.syms[SYM_N] = lengths ? lengths->dims[0] - 1 : q->dims[0];
    args.syms[SYM_POS] = trial->position;
    for (int p = 0; p < first->param_count; p++) {
        const CodeParam *param = &first->params[p];
        Tensor          *tensor = tensors_find(&trial->inputs, param->name);
        if (param->role == PARAM_WORK)
            continue;
        InterpBinding *binding = &bindings[args.binding_count++];
        *binding = (InterpBinding){.name = param->name};
        for (int d = 0; d < 4; d++)
            binding->dims[d] = dim_of(args.syms, param->dims[d]);
        if (param->role == PARAM_OUT) {
            tensor = tensors_put(ctx, outputs, param->name, tensor_new(ctx, DT_F64, 4, binding->dims));
            tensor_poison(tensor);
        }
        binding->data = tensor->data;
    }
    return ir_interpret(ctx, module, &args);
}

static double relative_error(const Tensor *got, const Tensor *expected) {
    Difference difference = {0};
    for (int64_t i = 0; i < tensor_elements(expected); i++)
        difference_add(&difference, ((const double *)got->data)[i], ((const double *)expected->data)[i]);
    return difference_relative(&difference);
}

static Status compare(Ctx *ctx, const Trial *trial, const TensorSet *outputs) {
    TensorSet              gradients;
    const GradientsRequest request = {
        .spec = &trial->spec, .inputs = &trial->inputs, .position = trial->position, .threads = 2};
    TRY(gradients_run(ctx, &request, &gradients));
    if (outputs->count != gradients.count)
        return ctx_fail(ctx, ST_MISMATCH, NULL, NULL, "%d gradients of %d", outputs->count, gradients.count);
    for (int i = 0; i < gradients.count; i++) {
        const NamedTensor *item = &gradients.items[i];
        const double error = relative_error(tensors_find(outputs, ctx_printf(ctx, "d%s", item->name)), &item->tensor);
        if (!(error < BOUND)) {
            Text text = TEXT(ctx);
            spec_print(&text, &trial->spec);
            print_message("case %d, %s\n%s", trial->number, case_describe(ctx, &trial->inputs), text_str(&text));
            return ctx_fail(ctx, ST_MISMATCH, item->name, NULL, "it differs by %g", error);
        }
    }
    return ST_OK;
}

static Status compare_random(Ctx *ctx, void *arg) {
    Trial    *trial = arg;
    TensorSet outputs = {0};
    Module   *module;
    TRY(random_spec(ctx, trial));
    trial->position = one_in(trial, 2) ? 0 : random_int(trial, 1, 1000);
    random_inputs(ctx, trial);
    trial->inputs.count -= tensors_find(&trial->inputs, "dfinal_state") != NULL; /* it was put last */
    const int variant = tensors_find(&trial->inputs, "cu_seqlens") ? VARIANT_PACKED : 0;
    TRY(kind_build(ctx, &trial->spec, KIND_BACKWARD, variant, 0, &module));
    TRY(ir_verify(ctx, module));
    TRY(pass_differentiate(ctx, module, &(PassArgs){.spec = &trial->spec, .kind = KIND_BACKWARD}));
    widen_parameters(module);
    TRY(interpret(ctx, trial, module, &outputs));
    return compare(ctx, trial, &outputs);
}

static void test_random(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        run_trial(compare_random, &(Trial){.number = c, .random = {(uint64_t)c + 1}});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
