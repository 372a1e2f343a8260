/* link: rattan_driver */
/* Gradients as GPUs round them, without a GPU: the tile IR of small 16-bit layers whose gradients cancel more than others,
 * interpreted in float32 with all that it rounds to 16 bits, keeps the bounds of `rattan check`. */
#include "tests/golden_case.h"

#include "driver/gradients.h"
#include "driver/judge.h"
#include "driver/targets.h"
#include "passes/passes.h"

#include <math.h>

enum { MOST_PARAMS = 96 };

typedef struct Layer {
    const char *spec, *shape;
    uint64_t    seed;
    int         times; /* what is given */
} Layer;

static const Layer LAYERS[] = {
    /* A window of one key: nothing is left of what scores get. */
    {"heads = 3, kv_heads = 1, head_dim = 48, window = 1, sink = true, qk_scale = true, initial_state = 'input', dtype = 'fp16'",
     "B=2,T=40", 1, 1},
    {"heads = 4, kv_heads = 2, head_dim = 32, value_dim = 16, window = 1, feature_map = 'elu1', softcap = 5, sink = true, "
     "dtype = 'bf16'",
     "B=2,T=46", 2, 1},
    {"heads = 12, kv_heads = 3, head_dim = 48, window = 1, feature_map = function(x) return exp(x - max(x)) end, fold = 8, "
     "rope = { theta = 10000, style = 'half' }, dtype = 'bf16'",
     "lengths=8,34", 410, 1},
    /* Gradients of scales add up what all rows hand on. */
    {"heads = 9, kv_heads = 3, head_dim = 24, value_dim = 4, window = 33, fold = 8, softcap = 5, sink = true, qk_scale = true, "
     "initial_state = 'input', dtype = 'bf16'",
     "B=3,T=34", 111, 1},
    {"heads = 3, kv_heads = 1, head_dim = 3, value_dim = 96, window = 31, fold = 64, softcap = 50, qk_scale = true, "
     "initial_state = 'input', norm = false, dtype = 'fp16'",
     "B=3,T=162", 71, 1},
    {"heads = 2, kv_heads = 2, head_dim = 16, value_dim = 4, window = 128, feature_map = 'elu1', fold = 16, "
     "rope = { theta = 500000, style = 'half' }, softcap = 5, qk_scale = true, initial_state = 'input', dtype = 'bf16'",
     "B=2,T=146", 171, 1},
    {"heads = 3, kv_heads = 3, head_dim = 48, window = 3, feature_map = function(x) return exp(x - max(x)) end, fold = 4, "
     "qk_scale = true, dtype = 'fp16'",
     "B=3,T=32", 8, 1},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 40, qk_scale = true, dtype = 'bf16'", "B=1,T=150", 3, 1},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 40, qk_scale = true, dtype = 'bf16'", "lengths=70,0,33", 4, 1},
    {"heads = 3, kv_heads = 3, head_dim = 16, window = 3, feature_map = 'identity', softcap = 50, qk_scale = true, dtype = 'fp16'",
     "B=3,T=65", 99, 1},
    {"heads = 6, kv_heads = 2, head_dim = 8, window = 2, feature_map = 'elu1', fold = 8, rope = { theta = 10000, style = 'half' }, "
     "qk_scale = true, dtype = 'bf16'",
     "B=2,T=42", 46, 1},
    {"heads = 8, kv_heads = 2, head_dim = 2, window = 48, feature_map = 'identity', fold = 8, sink = true, qk_scale = true, "
     "norm = false, dtype = 'bf16'",
     "lengths=66,102", 207, 1},
    {"heads = 8, kv_heads = 2, head_dim = 40, window = 48, feature_map = 'identity', fold = 4, "
     "rope = { theta = 500000, style = 'interleaved' }, softcap = 50, sink = true, qk_scale = true, dtype = 'fp16'",
     "B=2,T=208", 43, 1},
    /* Features of both signs, whose scores cancel. */
    {"heads = 8, kv_heads = 1, head_dim = 16, window = 17, value_dim = 16, feature_map = 'identity', sink = true, dtype = 'fp16'",
     "lengths=37,10", 26, 1},
    {"heads = 4, kv_heads = 2, head_dim = 64, window = 8, feature_map = 'identity', rope = { theta = 10000, style = 'interleaved' }, "
     "softcap = 50, sink = true, dtype = 'fp16'",
     "lengths=26", 5030, 1},
    {"heads = 15, kv_heads = 3, head_dim = 64, window = 33, value_dim = 48, feature_map = 'identity', fold = 4, "
     "rope = { theta = 500000, style = 'interleaved' }, softcap = 30, sink = true, qk_scale = true, dtype = 'fp16'",
     "B=2,T=121", 786, 1},
    /* Of few columns nothing averages out: of scores, and of norms of few values. */
    {"heads = 2, kv_heads = 1, head_dim = 2, window = 63, feature_map = 'softmax', fold = 16, rope = { theta = 10000, style = 'half' }, "
     "sink = true, qk_scale = true, norm = false, dtype = 'bf16'",
     "B=3,T=1", 955, 1},
    {"heads = 4, kv_heads = 2, head_dim = 2, window = 3, value_dim = 4, fold = 2, rope = { theta = 500000, style = 'half' }, "
     "sink = true, initial_state = 'input', dtype = 'fp16'",
     "B=2,T=10", 2129, 1},
    {"heads = 2, kv_heads = 2, head_dim = 7, window = 2, feature_map = 'elu1', softcap = 30, initial_state = 'input', dtype = 'bf16'",
     "lengths=4,3", 5068, 1},
    {"heads = 3, kv_heads = 3, head_dim = 128, window = 64, value_dim = 4, feature_map = function(x) return concat(sigmoid(x), tanh(x), "
     "abs(x) / (1 + sum(abs(x)))) end, fold = 64, rope = { theta = 500000, style = 'half' }, softcap = 30, sink = true, "
     "qk_scale = true, initial_state = 'input', dtype = 'fp16'",
     "B=2,T=225", 1737, 1},
    /* Sequences so short that little is left of what scores get. */
    {"heads = 4, kv_heads = 1, head_dim = 112, window = 300, feature_map = 'elu1', rope = { theta = 10000, style = 'interleaved' }, "
     "dtype = 'fp16'",
     "B=2,T=2", 2, 1},
    {"heads = 4, kv_heads = 1, head_dim = 32, window = 64, sink = true, dtype = 'bf16'", "lengths=1,2,1,3", 6, 1},
    {"heads = 6, kv_heads = 3, head_dim = 32, window = 17, sink = true, qk_scale = true, dtype = 'bf16'", "B=3,T=1", 3, 1},
    /* A sink's gradient is one number a head, which sums up all rows: probabilities in two parts. */
    {"heads = 1, kv_heads = 1, head_dim = 48, window = 33, value_dim = 1, feature_map = 'squared_relu', softcap = 50, sink = true, "
     "qk_scale = true, norm = false, dtype = 'fp16'",
     "B=1,T=118", 1208, 1},
    {"heads = 2, kv_heads = 1, head_dim = 16, window = 3, feature_map = function(x) return exp(x - max(x)) end, fold = 16, sink = true, "
     "norm = false, dtype = 'fp16'",
     "lengths=16,6", 2085, 1},
    {"heads = 1, kv_heads = 1, head_dim = 48, window = 300, value_dim = 128, feature_map = 'squared_relu', fold = 64, softcap = 30, "
     "sink = true, norm = false, dtype = 'bf16'",
     "B=3,T=76", 5037, 1},
    {"heads = 1, kv_heads = 1, head_dim = 64, window = 40, sink = true, norm = false, dtype = 'bf16'", "B=1,T=100", 20, 1},
    {"heads = 1, kv_heads = 1, head_dim = 128, window = 40, sink = true, norm = false, dtype = 'bf16'", "B=1,T=100", 57, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 7, sink = true, qk_scale = true, initial_state = 'input', norm = false, "
     "dtype = 'fp16'",
     "B=1,T=27", 142, 1},
    /* Rows of a tile that has others with keys, which have none themselves: what is given times 1 / eps is no number. */
    {"heads = 8, kv_heads = 1, head_dim = 16, window = 17, feature_map = 'exp', dtype = 'fp16'", "B=1,T=40", 1, 8},
    /* Rows whose residual sum is next to nothing: 1 / n is up to 10,000, and what they hand on, times values, more than fp16 holds. */
    {"heads = 4, kv_heads = 2, head_dim = 8, window = 33, feature_map = 'squared_relu', sink = true, dtype = 'fp16'", "B=2,T=91", 1000, 1},
    {"heads = 4, kv_heads = 1, head_dim = 5, window = 31, value_dim = 72, feature_map = 'relu', fold = 64, sink = true, "
     "qk_scale = true, initial_state = 'input', dtype = 'fp16'",
     "B=3,T=89", 1035, 1},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 20, feature_map = function(x) return relu(x - 1.2) end, dtype = 'fp16'",
     "B=1,T=90", 1, 1},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 20, feature_map = function(x) return concat(relu(x - 1.9), relu(-1.9 - x)) end, "
     "rope = { theta = 500000, style = 'interleaved' }, dtype = 'fp16'",
     "lengths=70,31", 1, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 20, feature_map = function(x) return relu(x - 1.6) end, dtype = 'fp16'",
     "B=1,T=90", 1, 1},
    /* The same, and large gradients: what scores multiply and add up is more than fp16 holds, if units are of 1 / n alone. */
    {"heads = 2, kv_heads = 1, head_dim = 112, window = 20, feature_map = function(x) return exp(6 * (x - max(x))) end, dtype = 'fp16'",
     "B=1,T=90", 1, 30},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 20, feature_map = function(x) return relu(x - 1.6) end, dtype = 'fp16'",
     "B=1,T=90", 1, 30},
    /* Rows whose sink takes nearly all of the softmax: probabilities of keys are few numbers of fp16. */
    {"heads = 2, kv_heads = 1, head_dim = 32, window = 20, scale = 2.8, sink = true, feature_map = 'elu1', dtype = 'fp16'",
     "B=1,T=60", 1, 1},
    /* The same, and what the values are multiplied with is more than fp16 holds. */
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 3, scale = 1, sink = true, dtype = 'fp16'", "B=1,T=70", 1, 8},
    {"heads = 2, kv_heads = 1, head_dim = 40, window = 3, scale = 1, sink = true, feature_map = 'elu1', dtype = 'fp16'",
     "lengths=50,33", 1, 8},
    /* Initial states and products in two parts at once. */
    {"heads = 2, kv_heads = 2, head_dim = 128, window = 16, fold = 64, sink = true, qk_scale = true, initial_state = 'input', "
     "dtype = 'fp16'",
     "B=2,T=5", 2101, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 1, initial_state = 'input', dtype = 'bf16'", "B=1,T=70", 1, 1},
    /* Wide heads, whose initial states a kernel stores in 16 bits: a stack of sequences, and one behind another. */
    {"heads = 2, kv_heads = 1, head_dim = 144, value_dim = 16, window = 5, feature_map = 'relu', initial_state = 'input', qk_scale = true, "
     "dtype = 'bf16'",
     "B=2,T=40", 9, 1},
    {"heads = 2, kv_heads = 1, head_dim = 16, value_dim = 144, window = 5, feature_map = 'relu', initial_state = 'input', dtype = 'fp16'",
     "lengths=20,0,37", 9, 1},
    /* Rows that see one key, whose norm leaves nothing of what its score gets: of scores near zero, and where others are few. */
    {"heads = 2, kv_heads = 1, head_dim = 96, window = 20, feature_map = 'identity', dtype = 'bf16'", "B=1,T=90", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 16, qk_scale = true, dtype = 'fp16'", "B=1,T=17", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 256, window = 16, qk_scale = true, dtype = 'fp16'", "B=1,T=17", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 96, window = 16, qk_scale = true, dtype = 'fp16'", "lengths=17,3", 2, 1},
    {"heads = 1, kv_heads = 1, head_dim = 88, window = 5, qk_scale = true, dtype = 'fp16'", "B=2,T=6", 2, 1},
    {"heads = 1, kv_heads = 1, head_dim = 144, value_dim = 160, window = 5, qk_scale = true, dtype = 'fp16'", "B=2,T=6", 2, 1},
    /* RoPE, behind which queries and keys are rounded once more, and few numbers. */
    {"heads = 12, kv_heads = 3, head_dim = 2, window = 33, feature_map = 'exp2', fold = 8, rope = { theta = 10000, style = 'half' }, "
     "sink = true, qk_scale = true, dtype = 'fp16'",
     "B=2,T=114", 1641, 1},
    {"heads = 2, kv_heads = 2, head_dim = 80, window = 48, value_dim = 1, feature_map = 'exp2', fold = 64, "
     "rope = { theta = 500000, style = 'half' }, sink = true, qk_scale = true, norm = false, dtype = 'bf16'",
     "B=1,T=61", 775, 1},
    {"heads = 1, kv_heads = 1, head_dim = 16, window = 33, feature_map = 'softmax', rope = { theta = 10000, style = 'half' }, "
     "softcap = 50, sink = true, norm = false, dtype = 'fp16'",
     "B=1,T=50", 5042, 1},
    {"heads = 1, kv_heads = 1, head_dim = 40, window = 8, value_dim = 16, feature_map = function(x) return concat(sigmoid(x), tanh(x), "
     "abs(x) / (1 + sum(abs(x)))) end, rope = { theta = 10000, style = 'interleaved' }, softcap = 30, sink = true, dtype = 'fp16'",
     "lengths=4", 1784, 1},
    /* More tiles come behind one that is read than its ring has slots. */
    {"heads = 2, kv_heads = 2, head_dim = 96, window = 17, dtype = 'bf16'", "B=1,T=20", 1, 1},
    {"heads = 6, kv_heads = 1, head_dim = 128, window = 5, fold = 16, dtype = 'fp16'", "B=1,T=20", 1, 1},
};

/* What the default schedule gives way to where shared memory is short: given states go by slices, computed sides share rings. */
static const Layer SHORT[] = {
    {"heads = 4, kv_heads = 2, head_dim = 64, window = 20, initial_state = 'input', dtype = 'bf16'", "B=2,T=70", 1, 1},
    {"heads = 2, kv_heads = 1, head_dim = 96, window = 33, feature_map = 'softmax', initial_state = 'input', dtype = 'fp32'",
     "B=1,T=70", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 256, window = 33, feature_map = 'softmax', initial_state = 'input', dtype = 'bf16'",
     "B=1,T=40", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 256, window = 20, feature_map = function(x) return relu(x - 1.9) end, dtype = 'fp16'",
     "B=1,T=70", 1, 1},
};
static const char SHORT_SCHEDULE[] = "stages=1";

/* Rings of kernel `rows` hold tiles of every kind at once: whatever its layer has, no role waits for another for ever. Each second one
 * has the gradient of a final state. */
static const Layer ROLES[] = {
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 1, initial_state = 'input', qk_scale = true, dtype = 'bf16'", "B=1,T=70", 1, 1},
    {"heads = 2, kv_heads = 2, head_dim = 64, window = 5, feature_map = 'relu', initial_state = 'input', qk_scale = true, softcap = 20, "
     "dtype = 'fp16'",
     "B=1,T=70", 2, 1},
    {"heads = 2, kv_heads = 1, head_dim = 64, window = 100, feature_map = 'relu', initial_state = 'input', "
     "rope = { theta = 10000, style = 'half' }, dtype = 'bf16'",
     "B=1,T=70", 3, 1},
    {"heads = 2, kv_heads = 2, head_dim = 128, window = 100, initial_state = 'input', qk_scale = true, "
     "rope = { theta = 10000, style = 'interleaved' }, dtype = 'fp16'",
     "B=1,T=66", 4, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 5, feature_map = 'relu', initial_state = 'input', qk_scale = true, sink = true, "
     "dtype = 'bf16'",
     "B=1,T=66", 5, 1},
    {"heads = 2, kv_heads = 2, head_dim = 128, window = 1, initial_state = 'input', softcap = 20, "
     "rope = { theta = 10000, style = 'half' }, dtype = 'fp16'",
     "B=1,T=66", 6, 1},
    {"heads = 1, kv_heads = 1, head_dim = 96, value_dim = 128, window = 5, initial_state = 'input', qk_scale = true, norm = false, "
     "dtype = 'bf16'",
     "B=1,T=66", 7, 1},
    {"heads = 2, kv_heads = 1, head_dim = 256, window = 5, softcap = 20, dtype = 'bf16'", "B=1,T=66", 8, 1},
    {"heads = 2, kv_heads = 1, head_dim = 128, window = 5, feature_map = 'identity', initial_state = 'input', dtype = 'bf16'", "B=1,T=70", 1,
     1},
};

/* Wide heads without roles: row tiles of 64 positions, and each of a key's sums has a kernel of its own. */
static const Layer WIDE[] = {
    {"heads = 2, kv_heads = 1, head_dim = 256, window = 33, qk_scale = true, sink = true, dtype = 'bf16'", "B=1,T=70", 1, 1},
    {"heads = 2, kv_heads = 1, head_dim = 144, value_dim = 160, window = 20, feature_map = 'relu', softcap = 20, "
     "rope = { theta = 10000, style = 'half' }, dtype = 'fp16'",
     "lengths=66,0,21", 2, 1},
    {"heads = 1, kv_heads = 1, head_dim = 16, value_dim = 144, window = 5, initial_state = 'input', norm = false, dtype = 'bf16'", "B=2,T=40",
     3, 1},
};
static const char WIDE_SCHEDULE[] = "roles=0 gradient_roles=0";

typedef struct Job {
    const Layer *layer;
    const char  *schedule; /* laid over the default; NULL: none */
    bool         final;    /* with the gradient of a final state */
    bool         roles;    /* kernel rows has some */
} Job;

typedef struct Case {
    Spec      spec;
    Shape     shape;
    int64_t   T, N;
    Target    target;
    Schedule  schedule;
    TensorSet inputs, rounded, truth, typed, got; /* typed: of rounded inputs, rounded */
} Case;

static Tensor random_tensor(Ctx *ctx, Random *random, int rank, const int64_t *dims, int times) {
    const Tensor tensor = tensor_new(ctx, DT_F32, rank, dims);
    for (int64_t i = 0; i < tensor_elements(&tensor); i++)
        ((float *)tensor.data)[i] = (float)(times * random_normal(random));
    return tensor;
}

static Status draw(Ctx *ctx, const Job *job, Case *c) {
    const Layer      *layer = job->layer;
    SpecFile          file;
    Random            random = {layer->seed};
    TensorSet         exact;
    const char *const text = ctx_printf(ctx, "return rattention { name = 'rounded', %s }", layer->spec);
    TRY(spec_load_text(ctx, "rounded.lua", text, strlen(text), &file));
    c->spec = file.items[0].spec;
    TRY(shape_parse(ctx, layer->shape, &c->shape));
    case_random(ctx, &c->spec, &c->shape, &random, &c->inputs);
    const int64_t *q = tensors_find(&c->inputs, "q")->dims, dims[] = {q[0], q[1], c->spec.heads, c->spec.value_dim};
    tensors_put(ctx, &c->inputs, "do", random_tensor(ctx, &random, 4, dims, layer->times));
    c->T = q[1];
    c->N = c->shape.length_count ? c->shape.length_count : q[0];
    const int64_t state[] = {c->N, c->spec.initial_state ? c->spec.heads : c->spec.kv_heads, spec_features(&c->spec),
                             c->spec.value_dim};
    if (job->final)
        tensors_put(ctx, &c->inputs, "dfinal_state", random_tensor(ctx, &random, 4, state, 1));
    case_round(ctx, &c->spec, &c->inputs, &c->rounded);
    TRY(gradients_run(ctx, &(GradientsRequest){.spec = &c->spec, .inputs = &c->inputs, .threads = 1}, &c->truth));
    if (c->spec.dtype == DT_F32)
        return ST_OK;
    TRY(gradients_run(ctx, &(GradientsRequest){.spec = &c->spec, .inputs = &c->rounded, .threads = 1}, &exact));
    case_round(ctx, &c->spec, &exact, &c->typed);
    return ST_OK;
}

static Status compile(Ctx *ctx, Case *c, const Job *job, Module **module) {
    const bool packed = c->shape.length_count > 0;
    TRY(target_find(ctx, "cuda:sm_90a", &c->target));
    Target plain = c->target;
    plain.product_warps = packed ? 0 : plain.product_warps;
    schedule_default(&c->spec, KIND_BACKWARD, &plain, &c->schedule);
    if (job->schedule)
        TRY(schedule_parse(ctx, job->schedule, &c->schedule));
    const int variant = (packed ? VARIANT_PACKED : 0) | (job->final ? VARIANT_FINAL_STATE : 0);
    TRY(kind_build(ctx, &c->spec, KIND_BACKWARD, variant, 0, module));
    return passes_run(ctx, *module, &(PassArgs){&c->spec, KIND_BACKWARD, &c->target, &c->schedule, NULL}, NULL, NULL);
}

/* One segment for each sequence. */
static void set_sizes(const Case *c, int64_t *syms) {
    const int64_t chunk = c->schedule.chunk, B = tensors_find(&c->inputs, "q")->dims[0];
    syms[SYM_B] = B;
    syms[SYM_T] = c->T;
    syms[SYM_N] = c->N;
    syms[SYM_L] = (c->T / chunk + 1) * chunk;
    syms[SYM_S] = 1;
    syms[SYM_R] = (c->T + chunk - 1) / chunk;
    syms[SYM_C] = B * c->T / chunk + c->N;
    syms[SYM_H] = c->spec.kv_heads;
    syms[SYM_G] = c->spec.heads;
    syms[SYM_M] = B * c->T / (chunk * c->schedule.states_every) + c->N;
}

static int64_t dim_of(const int64_t *syms, int64_t dim) {
    return dim == DIM_N_PLUS_1 ? syms[SYM_N] + 1 : dim < 0 ? syms[-1 - dim] : dim;
}

static Status interpret(Ctx *ctx, Case *c, const Module *module) {
    const Kernel *const first = module->kernels[0];
    InterpBinding       bindings[MOST_PARAMS];
    InterpArgs          args = {.bindings = bindings, .fp32 = true, .placed = true};
    set_sizes(c, args.syms);
    for (int p = 0; p < first->param_count; p++) {
        const CodeParam *const param = &first->params[p];
        InterpBinding *const   binding = &bindings[args.binding_count];
        if (param->role == PARAM_WORK)
            continue;
        *binding = (InterpBinding){.name = param->name};
        for (int d = 0; d < 4; d++)
            binding->dims[d] = dim_of(args.syms, param->dims[d]);
        if (param->role == PARAM_OUT)
            tensors_put(ctx, &c->got, param->name, tensor_new(ctx, param->dtype, 4, binding->dims));
        binding->data = tensors_find(param->role == PARAM_OUT ? &c->got : &c->rounded, param->name)->data;
        args.binding_count++;
    }
    return ir_interpret(ctx, module, &args);
}

/* As driver/check_gradients.c has it: where all of it cancels, four roundings of float32 as large as do count. */
static double error_of(const Case *c, const Tensor *got, const Tensor *wanted) {
    const Tensor *const given = tensors_find(&c->inputs, "do");
    const double        least = 4 * 0x1p-24 / FP32_BOUND;
    double              squares = 0;
    Difference          difference = tensor_difference(got, wanted);
    for (int64_t i = 0; i < tensor_elements(given); i++)
        squares += (double)((const float *)given->data)[i] * ((const float *)given->data)[i];
    squares *= (double)tensor_elements(wanted) / (double)tensor_elements(given);
    difference.norm = fmax(difference.norm, least * least * squares);
    return difference_relative(&difference);
}

static bool rows_have_roles(const Module *module) {
    for (int k = 0; k < module->kernel_count; k++)
        if (strcmp(module->kernels[k]->name, "rows") == 0)
            return ir_holds(module->kernels[k]->body, OP_ROLE);
    return false;
}

static Status check_layer(Ctx *ctx, void *arg) {
    const Job         *job = arg;
    const Layer *const layer = job->layer;
    Case               c = {.T = 0};
    Module            *module;
    TRY(draw(ctx, job, &c));
    TRY(compile(ctx, &c, job, &module));
    if (job->roles && !rows_have_roles(module))
        return ctx_fail(ctx, ST_FAILED, "kernel rows", NULL, "{ %s }: it has no roles", layer->spec);
    TRY(interpret(ctx, &c, module));
    for (int i = 0; i < c.truth.count; i++) {
        const NamedTensor *const item = &c.truth.items[i];
        const Tensor *const      got = tensors_find(&c.got, ctx_printf(ctx, "d%s", item->name));
        const double             error = error_of(&c, got, &item->tensor),
                     bound = accuracy_bound(c.typed.count ? error_of(&c, tensors_find(&c.typed, item->name), &item->tensor) : 0);
        if (!(error <= bound))
            print_error("d%s of { %s } %s: %.3e, over its bound of %.3e\n", item->name, layer->spec, layer->shape, error, bound);
        assert_true(error <= bound);
    }
    return ST_OK;
}

static void run(const Job *job) {
    Ctx  ctx;
    char line[2048];
    ctx_init(&ctx);
    if (ctx_run(&ctx, check_layer, (void *)job) != ST_OK) {
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s", line);
    }
    ctx_free(&ctx);
}

static void test_bounds_are_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++)
        run(&(Job){&LAYERS[i], NULL, false, false});
}

static void test_memory_is_short(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHORT / sizeof *SHORT; i++)
        for (int final = 0; final < 2; final++)
            run(&(Job){&SHORT[i], SHORT_SCHEDULE, final, false});
}

static void test_roles_end(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++)
        run(&(Job){&ROLES[i], NULL, i % 2, true});
}

static void test_wide_sums_are_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++)
        run(&(Job){&WIDE[i], WIDE_SCHEDULE, i == 1, false});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds_are_kept), cmocka_unit_test(test_memory_is_short),
                                       cmocka_unit_test(test_roles_end), cmocka_unit_test(test_wide_sums_are_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
