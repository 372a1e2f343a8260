/* The plain dense evaluation: see dense.h. Scores of a row are sums over the rows of the transposed keys, and outputs
 * sums over rows of v, so that the compiler vectorizes both without reordering a sum. */
#include "driver/dense.h"

#include "base/clock.h"
#include "driver/reference.h"

#include <math.h>
#include <string.h>

enum { ROWS_PER_ITEM = 16, MOST_DIM = 1024 };

typedef struct Dense {
    const Spec  *spec;
    int64_t      B, T, F;
    float       *q, *phi_q; /* [B,H,T,D or F]: roped and scaled; mapped */
    float       *k, *phi_k; /* [B,Hk,D or F,T]: transposed */
    float       *v;         /* [B,Hk,T,E] */
    const float *swa_norm, *rla_norm, *sink;
    float       *o;      /* [B,T,H,E] */
    float       *scores; /* [threads][T] */
} Dense;

/* y[i] += a * x[i], for the machine at hand. */
static inline __attribute__((always_inline)) void axpy_body(float   a, const float *restrict x, float *restrict y,
                                                            int64_t n) {
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i];
}
typedef void Axpy(float a, const float *restrict x, float *restrict y, int64_t n);
static void  axpy_plain(float a, const float *restrict x, float *restrict y, int64_t n) { axpy_body(a, x, y, n); }
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void axpy_avx2(float   a, const float *restrict x, float *restrict y,
                                                          int64_t n) {
    axpy_body(a, x, y, n);
}
__attribute__((target("avx512f,fma,prefer-vector-width=512"))) static void axpy_avx512(float a, const float *restrict x,
                                                                                       float *restrict y, int64_t n) {
    axpy_body(a, x, y, n);
}
#endif

static Axpy *choose_axpy(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return axpy_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return axpy_avx2;
#endif
    return axpy_plain;
}

static void rope_row(const Spec *spec, float *x, int64_t position) {
    const int half = spec->head_dim / 2;
    for (int i = 0; spec->rope_theta > 0 && i < half; i++) {
        const int a = spec->rope_style == ROPE_HALF ? i : 2 * i,
                  b = spec->rope_style == ROPE_HALF ? i + half : 2 * i + 1;
        const double angle = (double)position * pow(spec->rope_theta, -2.0 * i / spec->head_dim);
        const float  c = (float)cos(angle), s = (float)sin(angle), xa = x[a], xb = x[b];
        x[a] = xa * c - xb * s;
        x[b] = xb * c + xa * s;
    }
}

/* One head of q or k: rows of phi(x) and of rope(x) * factor, laid out as rows, or transposed. */
typedef struct HeadJob {
    const Tensor *tensor, *scale;
    int64_t       b, head, heads;
    float         factor;
    bool          transposed;
    float        *out, *phi;
} HeadJob;

static void convert_head(Ctx *ctx, const Dense *dense, const HeadJob *job) {
    const Spec   *spec = dense->spec;
    const int64_t D = spec->head_dim, T = dense->T;
    float         row[MOST_DIM];
    double        x[MOST_DIM], *values = NEW_ARRAY(ctx, double, spec->full ? 0 : reference_map_values(&spec->map));
    for (int64_t t = 0; t < T; t++) {
        for (int64_t d = 0; d < D; d++) {
            row[d] = (float)dtype_load(job->tensor->dtype, job->tensor->data,
                                       ((job->b * T + t) * job->heads + job->head) * D + d);
            x[d] = row[d] * (job->scale ? dtype_load(job->scale->dtype, job->scale->data, d) : 1);
        }
        const double *phi = spec->full ? NULL : reference_map(&spec->map, x, values, false);
        rope_row(spec, row, t);
        for (int64_t d = 0; d < D; d++)
            job->out[job->transposed ? d * T + t : t * D + d] = row[d] * job->factor;
        for (int64_t f = 0; f < dense->F; f++)
            job->phi[job->transposed ? f * T + t : t * dense->F + f] = (float)phi[f];
    }
}

static void convert_inputs(Ctx *ctx, const TensorSet *inputs, Dense *dense) {
    const Spec   *spec = dense->spec;
    const int64_t H = spec->heads, Hk = spec->kv_heads, D = spec->head_dim, E = spec->value_dim, F = dense->F,
                  T = dense->T;
    const Tensor *v = tensors_find(inputs, "v");
    dense->q = NEW_ARRAY(ctx, float, dense->B *H *T *D);
    dense->phi_q = NEW_ARRAY(ctx, float, dense->B *H *T *F);
    dense->k = NEW_ARRAY(ctx, float, dense->B *Hk *T *D);
    dense->phi_k = NEW_ARRAY(ctx, float, dense->B *Hk *T *F);
    dense->v = NEW_ARRAY(ctx, float, dense->B *Hk *T *E);
    for (int64_t b = 0; b < dense->B; b++) {
        for (int64_t h = 0; h < H; h++)
            convert_head(ctx, dense,
                         &(HeadJob){tensors_find(inputs, "q"), tensors_find(inputs, "q_scale"), b, h, H,
                                    (float)spec->scale, false, dense->q + (b * H + h) * T * D,
                                    dense->phi_q + (b * H + h) * T * F});
        for (int64_t h = 0; h < Hk; h++) {
            convert_head(ctx, dense,
                         &(HeadJob){tensors_find(inputs, "k"), tensors_find(inputs, "k_scale"), b, h, Hk, 1, true,
                                    dense->k + (b * Hk + h) * T * D, dense->phi_k + (b * Hk + h) * T * F});
            for (int64_t i = 0; i < T * E; i++)
                dense->v[(b * Hk + h) * T * E + i] =
                    (float)dtype_load(v->dtype, v->data, ((b * T + i / E) * Hk + h) * E + i % E);
        }
    }
}

static void add_normed(const Spec *spec, const float *x, const float *norm, int64_t h, float *o) {
    const int64_t E = spec->value_dim;
    const float  *gain = norm ? norm + h * E : NULL;
    float         mean = 0;
    for (int64_t e = 0; e < E; e++)
        mean += x[e] * x[e] / (float)E;
    const float factor = spec->norm ? 1 / sqrtf(mean + (float)spec->norm_eps) : 1;
    for (int64_t e = 0; e < E; e++)
        o[e] += x[e] * factor * (gain ? gain[e] : 1);
}

/* Scores of keys first .. i to probabilities; returns their sum, sink included. */
static float softmax(const Dense *dense, float *scores, int64_t first, int64_t i, int64_t h) {
    const float cap = (float)dense->spec->softcap;
    float       most = dense->sink ? dense->sink[h] : -INFINITY;
    for (int64_t j = first; j <= i; j++) {
        scores[j] = cap > 0 ? cap * tanhf(scores[j] / cap) : scores[j];
        most = scores[j] > most ? scores[j] : most;
    }
    float sum = dense->sink ? expf(dense->sink[h] - most) : 0;
    for (int64_t j = first; j <= i; j++)
        sum += scores[j] = expf(scores[j] - most);
    return sum;
}

static void dense_row(const Dense *dense, Axpy *axpy, int64_t b, int64_t h, int64_t i, float *scores) {
    const Spec   *spec = dense->spec;
    const int64_t H = spec->heads, D = spec->head_dim, E = spec->value_dim, F = dense->F, T = dense->T;
    const int64_t kv = b * spec->kv_heads + h / spec_group(spec),
                  first = spec->full || i < spec->window ? 0 : i - spec->window + 1;
    float        swa[MOST_DIM] = {0}, rla[MOST_DIM] = {0}, *o = dense->o + ((b * T + i) * H + h) * E;
    const float *v = dense->v + kv * T * E;
    memset(scores, 0, sizeof(float) * (size_t)(i + 1));
    for (int64_t d = 0; d < D; d++)
        axpy(dense->q[((b * H + h) * T + i) * D + d], dense->k + (kv * D + d) * T + first, scores + first,
             i + 1 - first);
    for (int64_t f = 0; f < F; f++)
        axpy(dense->phi_q[((b * H + h) * T + i) * F + f], dense->phi_k + (kv * F + f) * T, scores, first);
    const float sum = softmax(dense, scores, first, i, h);
    for (int64_t j = first; j <= i; j++)
        axpy(scores[j] / sum, v + j * E, swa, E);
    for (int64_t j = 0; j < first; j++)
        axpy(scores[j], v + j * E, rla, E);
    memset(o, 0, sizeof(float) * (size_t)E);
    add_normed(spec, swa, dense->swa_norm, h, o);
    if (!spec->full)
        add_normed(spec, rla, dense->rla_norm, h, o);
}

static void dense_item(void *arg, int64_t item, int thread) {
    const Dense  *dense = arg;
    Axpy         *axpy = choose_axpy();
    const int64_t tiles = (dense->T + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM;
    const int64_t head = item / tiles, from = item % tiles * ROWS_PER_ITEM;
    for (int64_t i = from; i < from + ROWS_PER_ITEM && i < dense->T; i++)
        dense_row(dense, axpy, head / dense->spec->heads, head % dense->spec->heads, i,
                  dense->scores + thread * dense->T);
}

static const float *floats_of(const TensorSet *inputs, const char *name) {
    const Tensor *tensor = tensors_find(inputs, name);
    return tensor ? tensor->data : NULL;
}

Status dense_check(Ctx *ctx, const Spec *spec, bool packed) {
    if (spec->head_dim <= MOST_DIM && spec->value_dim <= MOST_DIM && !spec->initial_state && !packed)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, "--dense", "leave it out",
                    "the dense evaluation has no initial state, packed input or dims over %d", MOST_DIM);
}

Status dense_run(Ctx *ctx, const Spec *spec, const TensorSet *inputs, Pool *pool, float *o, double *seconds) {
    const Tensor *q = tensors_find(inputs, "q");
    Dense         dense = {.spec = spec,
                           .B = q->dims[0],
                           .T = q->dims[1],
                           .F = spec_features(spec),
                           .swa_norm = floats_of(inputs, "swa_norm"),
                           .rla_norm = floats_of(inputs, "rla_norm"),
                           .sink = floats_of(inputs, "sink"),
                           .o = o};
    dense.scores = NEW_ARRAY(ctx, float, dense.T *pool_threads(pool));
    convert_inputs(ctx, inputs, &dense);
    const double start = seconds_now();
    pool_run(pool, dense_item, &dense, dense.B * spec->heads * ((dense.T + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM));
    *seconds = seconds_now() - start;
    return ST_OK;
}
