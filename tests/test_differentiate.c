/* link: rattan_driver */
/* Pass differentiate: the gradients' program, run by the interpreter in float64, is the reference of the gradients on
 * random layers with every option, with and without what kind forward has saved; each op's rule against finite differences. */
#include "tests/gradient_trial.h"

#include "driver/gradients.h"
#include "driver/judge.h"
#include "driver/reference.h"
#include "passes/adjoint.h"

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

static Status compare(Ctx *ctx, const Trial *trial, const TensorSet *outputs) {
    TensorSet              gradients;
    const GradientsRequest request = {
        .spec = &trial->spec, .inputs = &trial->inputs, .position = trial->position, .threads = 2};
    TRY(gradients_run(ctx, &request, &gradients));
    if (outputs->count != gradients.count)
        return ctx_fail(ctx, ST_MISMATCH, NULL, NULL, "%d gradients of %d", outputs->count, gradients.count);
    for (int i = 0; i < gradients.count; i++) {
        const NamedTensor *item = &gradients.items[i];
        const double error = tensor_error(tensors_find(outputs, ctx_printf(ctx, "d%s", item->name)), &item->tensor);
        if (!(error < BOUND)) {
            Text text = TEXT(ctx);
            spec_print(&text, &trial->spec);
            print_message("case %d, %s\n%s", trial->number, case_describe(ctx, &trial->inputs), text_str(&text));
            return ctx_fail(ctx, ST_MISMATCH, item->name, NULL, "it differs by %g", error);
        }
    }
    return ST_OK;
}

/* lse, swa and rla, as kind forward saves them. */
static Status add_saved(Ctx *ctx, Trial *trial) {
    const Spec            *spec = &trial->spec;
    const ReferenceRequest request = {.spec = spec, .inputs = &trial->inputs, .position = trial->position, .threads = 2};
    const int64_t         *q = tensors_find(&trial->inputs, "q")->dims, rows[] = {q[0], q[1], spec->heads, spec->value_dim};
    const int64_t          sums[] = {q[0], spec->heads, q[1], 1};
    Reference              reference;
    const Tensor           lse = tensor_new(ctx, DT_F64, 4, sums);
    TRY(reference_run(ctx, &request, &reference));
    for (int64_t i = 0; i < tensor_elements(&lse); i++) {
        const int64_t b = i / (spec->heads * q[1]), head = i / (q[1] ? q[1] : 1) % spec->heads, t = i % (q[1] ? q[1] : 1);
        ((double *)lse.data)[i] = reference.lse[(b * q[1] + t) * spec->heads + head];
    }
    tensors_put(ctx, &trial->inputs, "lse", lse);
    tensors_put(ctx, &trial->inputs, "swa", tensor_view(reference.swa, DT_F64, 4, rows));
    if (!spec->full)
        tensors_put(ctx, &trial->inputs, "rla", tensor_view(reference.rla, DT_F64, 4, rows));
    return ST_OK;
}

/* What forward has saved nobody computes again, but for sums that pass saved reads in main, and removes. Rows in order have no main. */
static Status check_kernels(Ctx *ctx, const Module *module, bool at_once) {
    const Kernel *const main = ir_find_kernel(module, "main");
    if (!at_once && main)
        return ctx_fail(ctx, ST_MISMATCH, NULL, NULL, "there is a kernel main");
    for (int k = 0; k < module->kernel_count; k++)
        if (module->kernels[k] != main && ir_holds(module->kernels[k]->body, OP_SOFTMAX_SUM))
            return ctx_fail(ctx, ST_MISMATCH, module->kernels[k]->name, NULL, "it computes a softmax");
    return ST_OK;
}

static Status compare_random(Ctx *ctx, void *arg) {
    Trial       *trial = arg;
    const Target target = {.warp_size = trial->number % 2 ? 32 : 0}; /* keys sum up for themselves, or rows add to them */
    TensorSet    outputs = {0};
    Module   *module;
    TRY(random_spec(ctx, trial));
    trial->position = one_in(trial, 2) ? 0 : random_int(trial, 1, 1000);
    random_inputs(ctx, trial);
    const bool saved = trial->number / 2 % 2;
    const int  variant = (tensors_find(&trial->inputs, "cu_seqlens") ? VARIANT_PACKED : 0) |
                        (tensors_find(&trial->inputs, "dfinal_state") ? VARIANT_FINAL_STATE : 0) | (saved ? VARIANT_SAVED : 0);
    if (saved)
        TRY(add_saved(ctx, trial));
    TRY(kind_build(ctx, &trial->spec, KIND_BACKWARD, variant, 0, &module));
    TRY(ir_verify(ctx, module));
    TRY(pass_differentiate(ctx, module, &(PassArgs){.spec = &trial->spec, .kind = KIND_BACKWARD, .target = &target,
                                                    .schedule = &(Schedule){0}}));
    if (saved)
        TRY(check_kernels(ctx, module, trial->number % 2));
    widen_parameters(module);
    TRY(interpret(ctx, trial, module, &outputs));
    return compare(ctx, trial, &outputs);
}

static void test_random(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        run_trial(compare_random, &(Trial){.number = c, .random = {(uint64_t)c + 1}});
}

/* ---- One op at a time, against differences ---- */

enum { WIDTH = 6, VALUES = 64 };

/* y = op(x, z), its gradient given: a kernel that stores y, and what x and z get. */
typedef struct OpTrial {
    OpCode code;
    int    operands, x_cols, z_rows, z_cols;
    bool   turned; /* of a product */
    double low, high;
    double x[VALUES], z[VALUES], dy[VALUES], y[VALUES], dx[VALUES], dz[VALUES];
    Random random;
} OpTrial;

static Value *load_param(Builder *b, const char *name, int rows, int cols) {
    const int64_t dims[] = {1, 1, rows, cols};
    ir_param(b->ctx, b->kernel, name, DT_F64, PARAM_IN, 4, dims);
    const Access access = {.param = name, .rowdim = 2, .groupdim = -1, .period = rows};
    return ir_load(b, &access, rows, cols);
}

static void store_param(Builder *b, const char *name, Value *value) {
    const int64_t dims[] = {1, 1, value->type.rows, value->type.cols};
    ir_param(b->ctx, b->kernel, name, DT_F64, PARAM_OUT, 4, dims);
    const Access access = {.param = name, .rowdim = 2, .groupdim = -1, .period = value->type.rows};
    ir_store(b, &access, value);
}

static Value *build_op(Builder *b, const OpTrial *t, Value *x, Value *z) {
    if (t->code == OP_DOT)
        return ir_dot(b, x, z, NULL, false, t->turned);
    if (t->code == OP_ROPE)
        return ir_rope(b, x, ir_i(b, 5), 100, t->turned, 1);
    return t->operands == 2 ? ir_binary(b, t->code, x, z) : ir_unary(b, t->code, x);
}

static Status build_trial(Ctx *ctx, const OpTrial *t, Module **module) {
    *module = ir_module(ctx, "op");
    Kernel *const  kernel = ir_kernel(ctx, *module, "op", LEVEL_LOOP);
    Builder        b = ir_at_end(ctx, kernel, kernel->body);
    const ValueMap same = {.ctx = ctx};
    Value *const x = load_param(&b, "x", 1, t->x_cols), *const z = load_param(&b, "z", t->z_rows, t->z_cols);
    Value *const y = build_op(&b, t, x, z);
    Adjoint      a = {.ctx = ctx, .b = &b, .values = (ValueMap *)&same};
    adjoint_add(&a, y, load_param(&b, "dy", 1, y->type.cols));
    TRY(adjoint_op(&a, y->def));
    store_param(&b, "y", y);
    store_param(&b, "dx", adjoint_of_whole(&a, x));
    if (t->operands == 2)
        store_param(&b, "dz", adjoint_of_whole(&a, z));
    return ST_OK;
}

static Status run_op(Ctx *ctx, OpTrial *t, const Module *module) {
    const Kernel *kernel = module->kernels[0];
    double *const data[] = {t->x, t->z, t->dy, t->y, t->dx, t->dz};
    InterpBinding bindings[6];
    InterpArgs    args = {.bindings = bindings};
    for (int p = 0; p < kernel->param_count; p++) {
        InterpBinding *binding = &bindings[args.binding_count++];
        *binding = (InterpBinding){.name = kernel->params[p].name, .data = data[p]};
        memcpy(binding->dims, kernel->params[p].dims, sizeof binding->dims);
    }
    return ir_interpret(ctx, module, &args);
}

static double along(const double *a, const double *b) {
    double sum = 0;
    for (int i = 0; i < VALUES; i++)
        sum += a[i] * b[i];
    return sum;
}

static void draw(OpTrial *t, double *values, int count, double low, double high) {
    memset(values, 0, sizeof *values * VALUES);
    for (int i = 0; i < count; i++) /* apart from each other, for the maximum of a row */
        values[i] = low + (high - low) * (double)random_between(&t->random, 1, 999) / 1000 + 1e-3 * i;
}

/* The derivative of dy . y along a random direction of both operands. */
static Status compare_op(Ctx *ctx, void *arg) {
    OpTrial *t = arg;
    Module  *module;
    double   direction[2][VALUES], at[2], before[2][VALUES];
    TRY(build_trial(ctx, t, &module));
    draw(t, t->x, t->x_cols, t->low, t->high);
    draw(t, t->z, t->z_rows * t->z_cols, t->low + 0.02, t->high);
    draw(t, t->dy, (int)ir_find_param(module->kernels[0], "dy")->dims[3], -1, 1);
    draw(t, direction[0], t->x_cols, -1, 1);
    draw(t, direction[1], t->z_rows * t->z_cols, -1, 1);
    memcpy(before[0], t->x, sizeof t->x);
    memcpy(before[1], t->z, sizeof t->z);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < VALUES; i++) {
            t->x[i] = before[0][i] + (side ? 1e-5 : -1e-5) * direction[0][i];
            t->z[i] = before[1][i] + (side ? 1e-5 : -1e-5) * direction[1][i];
        }
        TRY(run_op(ctx, t, module));
        at[side] = along(t->dy, t->y);
    }
    memcpy(t->x, before[0], sizeof t->x);
    memcpy(t->z, before[1], sizeof t->z);
    TRY(run_op(ctx, t, module));
    const double slope = (at[1] - at[0]) / 2e-5;
    const double found = along(t->dx, direction[0]) + (t->operands == 2 ? along(t->dz, direction[1]) : 0);
    if (fabs(slope - found) < 1e-6 * (1 + fabs(slope)))
        return ST_OK;
    return ctx_fail(ctx, ST_MISMATCH, op_info(t->code)->name, NULL, "%g, by differences %g", found, slope);
}

static void run_op_trial(OpTrial *t) {
    Ctx ctx;
    ctx_init(&ctx);
    if (ctx_run(&ctx, compare_op, t) != ST_OK) {
        char line[512];
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s (%d columns, %d x %d)", line, t->x_cols, t->z_rows, t->z_cols);
    }
    ctx_free(&ctx);
}

static void test_ops(void **state) {
    (void)state;
    static const struct {
        OpCode code;
        double low, high;
    } UNARY[] = {{OP_NEG, -2, 2},    {OP_EXP, -2, 2},    {OP_LOG, 0.5, 3},  {OP_TANH, -2, 2},   {OP_SIGMOID, -2, 2},
                 {OP_RELU, 0.1, 2},  {OP_RELU, -2, 0},   {OP_ABS, 0.1, 2},  {OP_ABS, -2, -0.1}, {OP_SQRT, 0.5, 3},
                 {OP_RSQRT, 0.5, 3}, {OP_ROWSUM, -2, 2}, {OP_ROWMAX, -2, 2}};
    static const OpCode BINARY[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MAX, OP_MIN};
    const Random        random = {77};
    for (size_t i = 0; i < sizeof UNARY / sizeof *UNARY; i++)
        run_op_trial(&(OpTrial){UNARY[i].code, 1, WIDTH, 1, 1, false, UNARY[i].low, UNARY[i].high, .random = random});
    for (size_t i = 0; i < sizeof BINARY / sizeof *BINARY; i++)
        for (int narrow = 0; narrow < 3; narrow++) /* one of them a single number */
            run_op_trial(&(OpTrial){BINARY[i], 2, narrow == 1 ? 1 : WIDTH, 1, narrow == 2 ? 1 : WIDTH, false, 0.5, 2,
                                    .random = random});
    run_op_trial(&(OpTrial){OP_CONCAT, 2, WIDTH, 1, 4, false, -1, 1, .random = random});
    for (int turned = 0; turned < 2; turned++)
        run_op_trial(&(OpTrial){OP_ROPE, 1, WIDTH, 1, 1, turned, -1, 1, .random = random});
    run_op_trial(&(OpTrial){OP_DOT, 2, WIDTH, WIDTH, 4, false, -1, 1, .random = random});
    run_op_trial(&(OpTrial){OP_DOT, 2, WIDTH, 4, WIDTH, true, -1, 1, .random = random});
    run_op_trial(&(OpTrial){OP_DOT, 2, WIDTH, 1, WIDTH, true, -1, 1, .random = random});
}

/* ---- Maxima that cancel ---- */

/* Is the gradient of a row's maximum computed where the features are `map`? */
static Status find_steps(Ctx *ctx, const char *map, bool *found) {
    const Target target = {.warp_size = 32};
    const char  *text = ctx_printf(ctx, "return rattention { heads = 1, head_dim = 4, window = 3, feature_map = %s }", map);
    SpecFile     file;
    Module      *module;
    *found = false;
    TRY(spec_load_text(ctx, "maxima.lua", text, strlen(text), &file));
    TRY(kind_build(ctx, &file.items[0].spec, KIND_BACKWARD, 0, 0, &module));
    TRY(pass_differentiate(ctx, module,
                           &(PassArgs){.spec = &file.items[0].spec, .kind = KIND_BACKWARD, .target = &target,
                                       .schedule = &(Schedule){0}}));
    for (int k = 0; k < module->kernel_count; k++)
        *found = *found || ir_holds(module->kernels[k]->body, OP_STEP);
    return ST_OK;
}

static Status check_maxima(Ctx *ctx, void *arg) {
    (void)arg;
    static const struct {
        const char *map;
        bool        counts;
    } MAPS_OF_MAXIMA[] = {
        {"'softmax2'", false},
        {"function(x) return softmax(3 * x) end", false},
        {"function(x) local m = max(x) local e = exp(2 * (x - m)) return sqrt(e) / sqrt(sum(e)) end", false},
        {"function(x) local m = max(x) return log(sum(exp(x - m))) + m + x end", false},
        {"function(x) local e = exp(x - max(x)) return e / (1 + sum(e)) end", true},
        {"function(x) local e = exp(x - max(x)) return e / sum(e * e) end", true},
        {"function(x) local e = exp(x - max(x)) return concat(e / sum(e), e) end", true},
        {"function(x) return x - max(x) end", true},
        {"function(x) local m = max(x) return log(sum(exp(x - m))) + 2 * m + x end", true},
    };
    for (size_t i = 0; i < sizeof MAPS_OF_MAXIMA / sizeof *MAPS_OF_MAXIMA; i++) {
        bool found;
        TRY(find_steps(ctx, MAPS_OF_MAXIMA[i].map, &found));
        if (found != MAPS_OF_MAXIMA[i].counts)
            return ctx_fail(ctx, ST_MISMATCH, MAPS_OF_MAXIMA[i].map, NULL, "its maximum counts: %d", found);
    }
    return ST_OK;
}

static void test_maxima(void **state) {
    Ctx ctx;
    (void)state;
    ctx_init(&ctx);
    if (ctx_run(&ctx, check_maxima, NULL) != ST_OK) {
        char line[512];
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s", line);
    }
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_ops),
                                       cmocka_unit_test(test_maxima)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
