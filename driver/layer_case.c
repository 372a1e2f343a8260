/* Inputs of a layer: see layer_case.h. */
#include "driver/layer_case.h"

#include <math.h>
#include <string.h>

uint64_t random_next(Random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

int64_t random_between(Random *random, int64_t min, int64_t max) {
    return min + (int64_t)(random_next(random) % (uint64_t)(max - min + 1));
}

double random_normal(Random *random) {
    const double u = ((double)(random_next(random) >> 11) + 0.5) * 0x1p-53,
                 v = (double)(random_next(random) >> 11) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

enum { INPUT_MAX = 10 };

/* An input that a spec calls for: its dims, and how a random one is drawn: mean + spread * normal. */
typedef struct InputRow {
    const char *name;
    bool        needed;
    int         rank;
    int64_t     dims[4];
    double      mean, spread;
} InputRow;

static int input_rows(const Spec *spec, int64_t B, int64_t T, int64_t N, InputRow *rows) {
    const int64_t H = spec->heads, Hk = spec->kv_heads, D = spec->head_dim, E = spec->value_dim,
                  F = spec_features(spec);
    const InputRow all[] = {
        {"q", true, 4, {B, T, H, D}, 0, 1},
        {"k", true, 4, {B, T, Hk, D}, 0, 1},
        {"v", true, 4, {B, T, Hk, E}, 0, 1},
        {"swa_norm", spec->norm, 2, {H, E}, 1, 0.2},
        {"rla_norm", spec->norm && !spec->full, 2, {H, E}, 1, 0.2},
        {"sink", spec->sink, 1, {H}, 0, 1},
        {"q_scale", spec->qk_scale, 1, {D}, 1, 0.2},
        {"k_scale", spec->qk_scale, 1, {D}, 1, 0.2},
        {"h0", spec->initial_state, 4, {N, H, F, E}, 0, 0.3},
    };
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].needed)
            rows[count++] = all[i];
    return count;
}

static Status check_lengths(Ctx *ctx, const char *path, const Tensor *q, const Tensor *lengths) {
    const char *place = ctx_printf(ctx, "%s: cu_seqlens", path);
    if (lengths->dtype != DT_I32 || lengths->rank != 1 || lengths->dims[0] < 1)
        return ctx_fail(ctx, ST_USAGE, place, "give i32 [N + 1]", "it is %s", tensor_describe(ctx, lengths));
    const int32_t *ends = lengths->data;
    const int64_t  count = lengths->dims[0];
    bool           rising = ends[0] == 0 && ends[count - 1] == q->dims[1];
    for (int64_t n = 1; n < count; n++)
        rising = rising && ends[n] >= ends[n - 1];
    if (!rising || q->dims[0] != 1)
        return ctx_fail(ctx, ST_USAGE, place, "begin with 0, never fall, end with T, and let B be 1",
                        "the sequences do not tile the %lld tokens", (long long)q->dims[1]);
    return ST_OK;
}

static Status check_input(Ctx *ctx, const char *path, const InputRow *row, const TensorSet *inputs) {
    const Tensor *tensor = tensors_find(inputs, row->name);
    const char   *place = ctx_printf(ctx, "%s: %s", path, row->name);
    const Tensor  wanted = tensor_view(NULL, DT_F32, row->rank, row->dims);
    if (!tensor)
        return ctx_fail(ctx, ST_USAGE, place, ctx_printf(ctx, "add %s", tensor_describe(ctx, &wanted)),
                        "the tensor is missing");
    if (tensor->dtype == DT_I32 || tensor->dtype == DT_I64)
        return ctx_fail(ctx, ST_USAGE, place, "use a floating type", "it is %s", tensor_describe(ctx, tensor));
    if (tensor->rank != row->rank || memcmp(tensor->dims, row->dims, sizeof(int64_t) * (size_t)row->rank) != 0)
        return ctx_fail(ctx, ST_USAGE, place,
                        ctx_printf(ctx, "the spec and q call for %s", tensor_describe(ctx, &wanted)), "it is %s",
                        tensor_describe(ctx, tensor));
    return ST_OK;
}

Status case_check(Ctx *ctx, const char *path, const Spec *spec, const TensorSet *inputs) {
    const Tensor *q = tensors_find(inputs, "q"), *lengths = tensors_find(inputs, "cu_seqlens");
    if (!q || q->rank != 4)
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "%s: q", path), "give q with the dims [B,T,H,D]",
                        q ? "it is %s" : "the tensor is missing", q ? tensor_describe(ctx, q) : "");
    if (lengths)
        TRY(check_lengths(ctx, path, q, lengths));
    InputRow  rows[INPUT_MAX];
    const int count = input_rows(spec, q->dims[0], q->dims[1], lengths ? lengths->dims[0] - 1 : q->dims[0], rows);
    for (int i = 0; i < count; i++)
        TRY(check_input(ctx, path, &rows[i], inputs));
    return ST_OK;
}

static Tensor random_tensor(Ctx *ctx, const InputRow *row, Random *random) {
    const Tensor  tensor = tensor_new(ctx, DT_F32, row->rank, row->dims);
    const int64_t n = tensor_elements(&tensor);
    for (int64_t i = 0; i < n; i++)
        ((float *)tensor.data)[i] = (float)(row->mean + row->spread * random_normal(random));
    return tensor;
}

void case_random(Ctx *ctx, const Spec *spec, const Shape *shape, Random *random, TensorSet *inputs) {
    int64_t B = shape->B, T = shape->T, N = B;
    *inputs = (TensorSet){0};
    if (shape->length_count) {
        const int64_t dims[] = {shape->length_count + 1};
        const Tensor  lengths = tensor_new(ctx, DT_I32, 1, dims);
        B = 1;
        T = 0;
        N = shape->length_count;
        for (int n = 0; n < shape->length_count; n++)
            ((int32_t *)lengths.data)[n + 1] = (int32_t)(T += shape->lengths[n]);
        tensors_put(ctx, inputs, "cu_seqlens", lengths);
    }
    InputRow  rows[INPUT_MAX];
    const int count = input_rows(spec, B, T, N, rows);
    for (int i = 0; i < count; i++)
        tensors_put(ctx, inputs, rows[i].name, random_tensor(ctx, &rows[i], random));
}

static bool is_typed(const char *name) {
    return strcmp(name, "q") == 0 || strcmp(name, "k") == 0 || strcmp(name, "v") == 0 || strcmp(name, "do") == 0;
}

void case_round(Ctx *ctx, const Spec *spec, const TensorSet *inputs, TensorSet *rounded) {
    *rounded = (TensorSet){0};
    for (int i = 0; i < inputs->count; i++) {
        const char *name = inputs->items[i].name;
        const DType dtype = is_typed(name) ? spec->dtype : strcmp(name, "cu_seqlens") == 0 ? DT_I32 : DT_F32;
        tensors_put(ctx, rounded, name, tensor_convert(ctx, &inputs->items[i].tensor, dtype));
    }
}

bool case_is_rough(const Spec *spec, const Target *target) {
    return spec->dtype != DT_F32 || (spec->tf32 && target_is_cuda(target));
}

static Tensor to_tf32(Ctx *ctx, const Tensor *tensor) {
    Tensor        out = tensor_new(ctx, DT_F32, tensor->rank, tensor->dims);
    const int64_t n = tensor_elements(tensor);
    for (int64_t i = 0; i < n; i++)
        dtype_store(DT_F32, out.data, i, f32_to_tf32((float)dtype_load(tensor->dtype, tensor->data, i)));
    return out;
}

void case_roughen(Ctx *ctx, const Spec *spec, const TensorSet *inputs, TensorSet *rough) {
    *rough = (TensorSet){0};
    for (int i = 0; i < inputs->count; i++) {
        const NamedTensor *item = &inputs->items[i];
        const bool         rounds = spec->dtype == DT_F32 && spec->tf32 && is_typed(item->name);
        tensors_put(ctx, rough, item->name, rounds ? to_tf32(ctx, &item->tensor) : item->tensor);
    }
}

const char *case_describe(Ctx *ctx, const TensorSet *inputs) {
    const Tensor *q = tensors_find(inputs, "q"), *lengths = tensors_find(inputs, "cu_seqlens");
    if (lengths)
        return ctx_printf(ctx, "packed N=%lld T=%lld", (long long)lengths->dims[0] - 1, (long long)q->dims[1]);
    return ctx_printf(ctx, "B=%lld T=%lld", (long long)q->dims[0], (long long)q->dims[1]);
}
