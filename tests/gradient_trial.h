/* Random layers whose gradients are compared: small specs of every option, float64 inputs away from the kinks of their
 * feature maps, and the gradients of their results. */
#ifndef RATTAN_TESTS_GRADIENT_TRIAL_H
#define RATTAN_TESTS_GRADIENT_TRIAL_H

#include "tests/golden_case.h"

#include <math.h>

enum { CASES = 60, MOST_SEQUENCES = 4, MOST_TOKENS = 30 };
/* How near to a kink an input may be. */
static const double MARGIN = 0.05;

/* Every op of maps; where they have kinks, these are at 0, 1.5, 3 and their negatives, and where the largest or the
 * smallest element is not the only one. */
static const char *const MAPS[] = {
    "'softmax2'",
    "'relu2'",
    "'softmax'",
    "'relu'",
    "'elu1'",
    "'exp'",
    "'exp2'",
    "'identity'",
    "'squared_relu'",
    "function(x) return concat(tanh(x), sigmoid(x) / sum(exp(x)), mean(x * x)) end",
    "function(x) return sqrt(1 + x * x) - log(2 + abs(x)) end",
    "function(x) local b = concat(relu(x), relu(-x)) return concat(b / sum(b), max(x), min(x)) end",
    "function(x) return max(min(x, 1.5), -1.5, 0.5 * x) end",
    "function(x) return (max(x) - x) * sum(relu(x)) / (3 - tanh(x)) end",
    "function(x) local e = exp(x - max(x)) return concat(e / sum(e), log(sum(e)) + max(x)) end",
    "function(x) local e = exp(x - max(x)) return e / (1 + sum(e)) end",
};
enum { MAP_COUNT = sizeof MAPS / sizeof *MAPS };

typedef struct Trial {
    int       number;
    Random    random;
    SpecFile  file;
    Spec      spec;
    int64_t   position;
    TensorSet inputs; /* float64, do and dfinal_state too */
} Trial;

static int random_int(Trial *trial, int min, int max) { return (int)random_between(&trial->random, min, max); }

static bool one_in(Trial *trial, int n) { return random_int(trial, 1, n) == 1; }

static const char *random_rope(Ctx *ctx, Trial *trial) {
    if (one_in(trial, 3))
        return "false";
    return ctx_printf(ctx, "{ theta = %d, style = '%s' }", random_int(trial, 2, 20000),
                      one_in(trial, 2) ? "half" : "interleaved");
}

static inline Status random_spec(Ctx *ctx, Trial *trial) {
    const bool  full = one_in(trial, 8), norm = !one_in(trial, 3);
    const int   kv_heads = random_int(trial, 1, 2);
    const char *residual =
        full ? ""
             : ctx_printf(ctx, "fold = %d, window = %d, feature_map = %s, qk_scale = %s, initial_state = '%s',",
                          trial->number % 3 ? 1 : 4, one_in(trial, 5) ? 1 : random_int(trial, 2, 14),
                          MAPS[trial->number % MAP_COUNT],
                          one_in(trial, 2) ? "true" : "false", one_in(trial, 2) ? "input" : "zero");
    const char *text = ctx_printf(
        ctx,
        "return %s { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, %s scale = %g, "
        "softcap = %s, sink = %s, norm = %s, rope = %s }",
        full ? "attention" : "rattention", kv_heads * random_int(trial, 1, 3), kv_heads, 2 * random_int(trial, 1, 6),
        random_int(trial, norm ? 2 : 1, 9), residual, 0.1 * random_int(trial, 2, 8), one_in(trial, 2) ? "3" : "false",
        one_in(trial, 2) ? "true" : "false",
        norm ? ctx_printf(ctx, "{ kind = 'rms', eps = %s }", one_in(trial, 2) ? "1e-8" : "0.1") : "false",
        random_rope(ctx, trial));
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &trial->file));
    trial->spec = trial->file.items[0].spec;
    return ST_OK;
}

static double away(double x, double kink) {
    return fabs(x - kink) >= MARGIN ? x : kink + (x < kink ? -MARGIN : MARGIN);
}

/* No element at a kink, and the largest and the smallest alone. */
static void leave_kinks(double *x, int64_t n) {
    int64_t least = 0, most = 0;
    for (int64_t i = 1; i < n; i++) {
        least = x[i] < x[least] ? i : least;
        most = x[i] > x[most] ? i : most;
    }
    x[least] -= 4 * MARGIN;
    x[most] += 4 * MARGIN;
    for (int64_t i = 0; i < n; i++)
        for (double kink = -3; kink <= 3; kink += 1.5)
            x[i] = away(x[i], kink);
}

static void leave_all_kinks(Ctx *ctx, const Trial *trial, const char *name) {
    const Tensor *tensor = tensors_find(&trial->inputs, name),
                 *scale = tensors_find(&trial->inputs, ctx_printf(ctx, "%s_scale", name));
    const int64_t D = trial->spec.head_dim, rows = tensor_elements(tensor) / D;
    for (int64_t r = 0; r < rows; r++) {
        double *x = (double *)tensor->data + r * D;
        for (int64_t d = 0; scale && d < D; d++)
            x[d] *= ((double *)scale->data)[d];
        leave_kinks(x, D);
        for (int64_t d = 0; scale && d < D; d++)
            x[d] /= ((double *)scale->data)[d];
    }
}

static Tensor random_tensor(Ctx *ctx, Trial *trial, int rank, const int64_t *dims) {
    const Tensor  tensor = tensor_new(ctx, DT_F64, rank, dims);
    const int64_t n = tensor_elements(&tensor);
    for (int64_t i = 0; i < n; i++)
        ((double *)tensor.data)[i] = random_normal(&trial->random);
    return tensor;
}

static void random_shape(Trial *trial, Shape *shape) {
    const int count = random_int(trial, 1, MOST_SEQUENCES);
    *shape = (Shape){.B = count, .T = one_in(trial, 10) ? 0 : random_int(trial, 1, MOST_TOKENS)};
    if (one_in(trial, 2))
        return;
    shape->length_count = count;
    for (int n = 0; n < count; n++)
        shape->lengths[n] = one_in(trial, 5) ? 0 : random_int(trial, 1, MOST_TOKENS);
}

static inline void random_inputs(Ctx *ctx, Trial *trial) {
    Shape       shape;
    TensorSet   drawn;
    const Spec *spec = &trial->spec;
    random_shape(trial, &shape);
    case_random(ctx, spec, &shape, &trial->random, &drawn);
    for (int i = 0; i < drawn.count; i++) {
        const NamedTensor *item = &drawn.items[i];
        tensors_put(ctx, &trial->inputs, item->name,
                    item->tensor.dtype == DT_I32 ? item->tensor : tensor_convert(ctx, &item->tensor, DT_F64));
    }
    leave_all_kinks(ctx, trial, "q");
    leave_all_kinks(ctx, trial, "k");
    const int64_t *q = tensors_find(&trial->inputs, "q")->dims;
    const int64_t  N = shape.length_count ? shape.length_count : q[0];
    const int64_t  d_o[] = {q[0], q[1], spec->heads, spec->value_dim};
    const int64_t  d_final[] = {N, spec->initial_state ? spec->heads : spec->kv_heads, spec_features(spec),
                                spec->value_dim};
    tensors_put(ctx, &trial->inputs, "do", random_tensor(ctx, trial, 4, d_o));
    if (!spec->full && one_in(trial, 2))
        tensors_put(ctx, &trial->inputs, "dfinal_state", random_tensor(ctx, trial, 4, d_final));
}

static inline void run_trial(Status (*fn)(Ctx *, void *), Trial *trial) {
    Ctx ctx;
    ctx_init(&ctx);
    if (ctx_run(&ctx, fn, trial) != ST_OK) {
        char line[2048];
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s", line);
    }
    ctx_free(&ctx);
}

#endif
