/* Tensors and counts of a benchmark: see bench_case.h. */
#include "driver/bench_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE = 65521 }; /* a prime: repeats fall on other rows */

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* The first rows see one key more each; those behind them a window. */
double bench_case_pairs(const Spec *spec, int64_t first, int64_t tokens) {
    const int64_t window = spec->full ? INT64_MAX : spec->window, end = first + tokens;
    const int64_t rising = end < window ? end : first < window ? window : first;
    const double  young = ((double)rising * ((double)rising + 1) - (double)first * ((double)first + 1)) / 2;
    return young + (end > rising ? (double)(end - rising) * (double)window : 0);
}

/* 2(D+E) a query-key pair in the window and head, 2FE a token and query head, 2FE a token and key/value head. */
static double count_flops(const Spec *spec, double pairs, double tokens) {
    const double state = 2.0 * spec_features(spec) * spec->value_dim;
    return 2.0 * (spec->head_dim + spec->value_dim) * pairs * spec->heads +
           state * tokens * (spec->heads + spec->kv_heads);
}

/* q and o, k and v: each token's rows once. */
static double token_bytes(const Spec *spec) {
    return (double)((spec->heads + spec->kv_heads) * (spec->head_dim + spec->value_dim)) *
           (double)dtype_size(spec->dtype);
}

/* Of a step of decode or extend, a sequence: rows of the rings that the window and, on an average, the residual branch
 * need, rows written, states read and, by steps that fold, written. */
static double pool_bytes(const Spec *spec, int64_t pos, int64_t tokens) {
    const double fold = spec_fold(spec), writes = (double)tokens < fold ? (double)tokens / fold : 1;
    const double valid = pos < spec->window ? (double)pos : (double)spec->window + (fold - 1) / 2,
                 state = (double)spec_features(spec) * spec->value_dim * sizeof(float);
    const double heads = spec->initial_state ? spec->heads : spec->kv_heads;
    return (valid + (double)tokens) * spec->kv_heads * (spec->head_dim + spec->value_dim) *
               (double)dtype_size(spec->dtype) +
           (1 + writes) * heads * state;
}

static void plan_forward(const Spec *spec, BenchCase *bench) {
    Shape *shape = &bench->shape;
    double tokens = 0, pairs = 0;
    shape->B = shape->B < 0 ? 1 : shape->B;
    shape->T = shape->T < 0 ? 4096 : shape->T;
    for (int64_t n = 0; n < (shape->length_count ? shape->length_count : shape->B); n++) {
        const int64_t length = shape->length_count ? shape->lengths[n] : shape->T;
        tokens += (double)length;
        pairs += bench_case_pairs(spec, 0, length);
    }
    bench->useful_flops = count_flops(spec, pairs, tokens);
    bench->bytes = tokens * token_bytes(spec);
}

/* Of forward's two products in the window five are left: scores, and the gradients of probabilities, values, queries and
 * keys; of each of the residual branch three, its own and two gradients. Every tensor and its gradient, but for o's. */
static void plan_backward(const Spec *spec, BenchCase *bench) {
    plan_forward(spec, bench);
    const double tokens = bench->bytes / token_bytes(spec);
    const double window = bench->useful_flops - count_flops(spec, 0, tokens);
    bench->useful_flops = 2.5 * window + 3 * count_flops(spec, 0, tokens);
    bench->bytes = 2 * bench->bytes - tokens * (double)(spec->heads * spec->value_dim) * (double)dtype_size(spec->dtype);
}

static Status plan_step(Ctx *ctx, const Spec *spec, BenchCase *bench) {
    Shape *shape = &bench->shape;
    if (shape->length_count)
        return ctx_fail(ctx, ST_USAGE, "--shape", "give B, T and pos", "lengths are for forward");
    shape->B = shape->B < 0 ? 16 : shape->B;
    shape->T = shape->T < 0 ? (bench->kind == KIND_DECODE ? 1 : 256) : shape->T;
    shape->pos = shape->pos < 0 ? 2 * spec->window : shape->pos;
    if (shape->ring < 0)
        shape->ring = spec_ring_rows(spec);
    const double pairs = bench_case_pairs(spec, shape->pos, shape->T) * (double)shape->B;
    bench->useful_flops = count_flops(spec, pairs, (double)(shape->B * shape->T));
    bench->bytes =
        (double)(shape->B * shape->T) * token_bytes(spec) + (double)shape->B * pool_bytes(spec, shape->pos, shape->T);
    return ST_OK;
}

Status bench_case_plan(Ctx *ctx, const Spec *spec, KernelKind kind, const Shape *shape, BenchCase *out) {
    *out = (BenchCase){.kind = kind, .shape = *shape};
    if (kind == KIND_DECODE || kind == KIND_EXTEND)
        return plan_step(ctx, spec, out);
    (kind == KIND_BACKWARD ? plan_backward : plan_forward)(spec, out);
    return ST_OK;
}

/* The noise again and again, from somewhere on: rounded once, since tensors may have gigabytes. */
static Tensor noisy_tensor(Ctx *ctx, DType dtype, int rank, const int64_t *dims, const float *noise, Random *random) {
    const Tensor  tensor = tensor_new(ctx, dtype, rank, dims), table = tensor_new(ctx, dtype, 1, (int64_t[]){NOISE});
    const int64_t n = tensor_elements(&tensor), start = random_between(random, 0, NOISE - 1);
    const size_t  size = dtype_size(dtype);
    for (int64_t i = 0; i < NOISE; i++)
        dtype_store(dtype, table.data, i, noise[(start + i) % NOISE]);
    for (int64_t i = 0; i < n; i += NOISE)
        memcpy((char *)tensor.data + (size_t)i * size, table.data, (size_t)(n - i < NOISE ? n - i : NOISE) * size);
    return tensor;
}

static int64_t size_of(int64_t dim, const BenchCase *bench, int64_t sequences, int64_t tokens) {
    const Shape *shape = &bench->shape;
    if (dim == DIM_N_PLUS_1)
        return sequences + 1;
    if (dim == DIM_SYM(SYM_B))
        return shape->length_count ? 1 : shape->B;
    if (dim == DIM_SYM(SYM_T))
        return tokens;
    return dim < 0 ? sequences : dim; /* N, P */
}

/* Of `fold` sequences one folds at every step. */
int64_t bench_case_index(const BenchCase *bench, int64_t fold, const char *name, int64_t index) {
    if (strcmp(name, "slots") == 0)
        return bench->shape.B - 1 - index;
    if (strcmp(name, "pos") == 0)
        return bench->shape.pos + index % fold;
    int64_t end = 0;
    for (int64_t i = 0; i < index; i++)
        end += bench->shape.lengths[i];
    return end;
}

/* cu_seqlens, slots and pos have a meaning; any other tensor is noise. */
static void put_meaning(const BenchCase *bench, const char *name, int64_t fold, const Tensor *tensor) {
    int32_t *values = tensor->data;
    for (int64_t i = 0; i < tensor->dims[0]; i++)
        values[i] = (int32_t)bench_case_index(bench, fold, name, i);
}

static int64_t all_tokens(const BenchCase *bench) {
    int64_t tokens = bench->shape.length_count ? 0 : bench->shape.T;
    for (int n = 0; n < bench->shape.length_count; n++)
        tokens += bench->shape.lengths[n];
    return tokens;
}

static void param_dims(const CodeParam *param, const BenchCase *bench, int64_t *dims) {
    const Shape  *shape = &bench->shape;
    const int64_t sequences = shape->length_count ? shape->length_count : shape->B;
    for (int d = 0; d < param->rank; d++)
        dims[d] = size_of(param->dims[d + 4 - param->rank], bench, sequences, all_tokens(bench));
}

void bench_case_add_parts(const CodeObject *object, BenchCase *bench) {
    static const char *const NAMES[] = {"lse", "swa", "rla", "final_state", "dfinal_state"};
    for (int p = 0; p < object->param_count; p++)
        for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++)
            if (strcmp(object->params[p].name, NAMES[n]) == 0 && object->params[p].role != PARAM_WORK) {
                int64_t dims[4];
                double  bytes = (double)dtype_size(object->params[p].dtype);
                param_dims(&object->params[p], bench, dims);
                for (int d = 0; d < object->params[p].rank; d++)
                    bytes *= (double)dims[d];
                bench->bytes += bytes;
            }
}

Status bench_case_sizes(Ctx *ctx, const CodeObject *object, const BenchCase *bench, LaunchSizes *sizes) {
    Tensor *tensors = NEW_ARRAY(ctx, Tensor, object->param_count);
    int     count = 0;
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        int64_t          dims[4];
        if (param->role == PARAM_WORK)
            continue;
        param_dims(param, bench, dims);
        tensors[count++] = tensor_view(NULL, param->dtype, param->rank, dims);
    }
    return launch_bind(ctx, object, tensors, 0, sizes);
}

/* Of weights that add up to about one over the keys that a row sees: far from it they would leave the range of 16 bits. */
static void raise_lse(const Spec *spec, const BenchCase *bench, const Tensor *lse) {
    const int64_t tokens = all_tokens(bench), keys = !spec->full && spec->window < tokens ? spec->window : tokens;
    for (int64_t i = 0; i < tensor_elements(lse); i++)
        dtype_store(lse->dtype, lse->data, i, log(fmax((double)keys, 1)) + 1 + 0.1 * dtype_load(lse->dtype, lse->data, i));
}

void bench_case_fill(Ctx *ctx, const ReadyKernel *kernel, Random *random, BenchCase *bench) {
    float *noise = NEW_ARRAY(ctx, float, NOISE);
    for (int i = 0; i < NOISE; i++)
        noise[i] = (float)random_normal(random);
    for (int p = 0; p < kernel->object->param_count; p++) {
        const CodeParam *param = &kernel->object->params[p];
        int64_t          dims[4];
        if (param->role == PARAM_WORK)
            continue;
        param_dims(param, bench, dims);
        const Tensor tensor = param->dtype == DT_I32
                                  ? tensor_new(ctx, DT_I32, param->rank, dims)
                                  : noisy_tensor(ctx, param->dtype, param->rank, dims, noise, random);
        if (param->dtype == DT_I32)
            put_meaning(bench, param->name, spec_fold(&kernel->spec), &tensor);
        if (param->role == PARAM_IN && strcmp(param->name, "lse") == 0)
            raise_lse(&kernel->spec, bench, &tensor);
        tensors_put(ctx, &bench->tensors, param->name, tensor);
    }
}

json_t *bench_case_shape_json(const BenchCase *bench) {
    const Shape *shape = &bench->shape;
    if (shape->length_count) {
        json_t *lengths = json_array();
        for (int n = 0; n < shape->length_count; n++)
            json_array_append_new(lengths, json_integer(shape->lengths[n]));
        return json_pack("{s:o}", "lengths", lengths);
    }
    json_t *json = json_pack("{s:I, s:I}", "B", (json_int_t)shape->B, "T", (json_int_t)shape->T);
    if (bench->kind == KIND_DECODE || bench->kind == KIND_EXTEND)
        json_object_update_new(json,
                               json_pack("{s:I, s:I}", "pos", (json_int_t)shape->pos, "ring", (json_int_t)shape->ring));
    return json;
}
