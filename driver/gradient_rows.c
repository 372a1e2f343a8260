/* The rows of the gradients' reference: see gradient_rows.h. One item of work is one sequence and key/value head, and
 * walks its tokens twice. Forward, with the keys and values of the window and the state S_{i-W}: the softmax branch
 * whole, and what row i of the residual branch gives q_i and keeps for later, the gradient of rla_i. In reverse, with
 * dS, the gradient of the state: what k_j and v_j get from all the rows that see j in the state. So neither walk has to
 * invert or save a state.
 *
 * Formulas: RATTENTION.md's of the layer, differentiated; dx is the gradient of x.
 *   norm      y = r x g, r = (mean(x^2) + eps)^-1/2:   dg = sum_i dy r x,  dx = r u - r^3 (x.u) x / E  with  u = dy g
 *   softmax   p_j = exp(s_j - lse):   dv_j = p_j dswa,  ds_j = p_j (dswa.v_j - dswa.swa),  dsink = -p_sink dswa.swa
 *   softcap   s = c tanh(z / c):      dz = (1 - (s / c)^2) ds
 *   scores    z = scale rope(q).rope(k): rope is orthogonal, so its transpose turns the other way
 *   residual  rla_i = phi(q_i) S:     dphi(q_i) = S drla_i,  dS = sum_i phi(q_i)^T drla_i
 *   state     S = sum_j phi(k_j)^T v_j:   dphi(k_j) = dS v_j,  dv_j = phi(k_j) dS */
#include "driver/gradient_rows.h"

#include "driver/map_gradient.h"
#include "driver/reference.h"

#include <math.h>
#include <string.h>

typedef struct Sequence {
    int64_t n, head;       /* sequence, key/value head */
    int64_t begin, length; /* first row, tokens */
} Sequence;

/* ---- Vectors ---- */

/* x, in float32 where the evaluation is. */
static double rounded(const GradientWorker *worker, double x) { return worker->run->request->single ? (double)(float)x : x; }

/* In float32, term by term. */
static double single_dot(const double *a, const double *b, int64_t n) {
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (float)a[i] * (float)b[i];
    return (double)sum;
}

/* In lanes, so that the additions of one need not wait for each other: most of the time is spent here. */
static double dot(const GradientWorker *worker, const double *a, const double *b, int64_t n) {
    if (worker->run->request->single)
        return single_dot(a, b, n);
    enum { LANES = 8 };
    double  lanes[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += a[i + lane] * b[i + lane];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (int lane = 0; lane < LANES; lane++)
        sum += lanes[lane];
    return sum;
}

/* y += a * x */
static void axpy(const GradientWorker *worker, double a, const double *restrict x, double *restrict y, int64_t n) {
    const bool single = worker->run->request->single;
    for (int64_t i = 0; single && i < n; i++)
        y[i] = (double)((float)y[i] + (float)a * (float)x[i]);
    for (int64_t i = 0; !single && i < n; i++)
        y[i] += a * x[i];
}

static void clear(double *x, int64_t n) { memset(x, 0, sizeof *x * (size_t)n); }

static void load_row(const Tensor *tensor, int64_t row, int64_t length, double *out) {
    dtype_load_many(tensor->dtype, tensor->data, row * length, 1, length, out);
}

/* Turns x by its position; turn = -1: back. */
static void rope(const GradientWorker *worker, double *x, int64_t position, double turn) {
    const Spec *const spec = worker->run->spec;
    const int         half = spec->head_dim / 2;
    if (spec->rope_theta == 0)
        return;
    for (int i = 0; i < half; i++) {
        const int a = spec->rope_style == ROPE_HALF ? i : 2 * i,
                  b = spec->rope_style == ROPE_HALF ? i + half : 2 * i + 1;
        const double angle = (double)position * pow(spec->rope_theta, -2.0 * i / spec->head_dim);
        const double c = cos(angle), s = turn * sin(angle), xa = x[a], xb = x[b];
        x[a] = rounded(worker, xa * c - xb * s);
        x[b] = rounded(worker, xb * c + xa * s);
    }
}

/* ---- Norm ---- */

/* worker->dbranch: the gradient of a branch's row, worker->y, and worker->mean = dbranch . y, of which a norm leaves r^3 eps (x.u):
 * as a product it would be what roundings leave. Adds to the gain's part. */
static void norm_gradient(GradientWorker *worker, const Sequence *sequence, int64_t h, const Tensor *gain,
                          double *gain_parts) {
    const Spec   *spec = worker->run->spec;
    const int64_t E = spec->value_dim;
    const double *x = worker->y, *dy = worker->dy;
    double *const dx = worker->dbranch;
    if (!spec->norm) {
        memcpy(dx, dy, sizeof *dx * (size_t)E);
        worker->mean = dot(worker, dx, x, E);
        return;
    }
    const double  r = rounded(worker, 1 / sqrt(dot(worker, x, x, E) / (double)E + spec->norm_eps));
    double *const dgain = gain_parts + (sequence->n * spec->heads + h) * E;
    for (int64_t e = 0; e < E; e++) {
        dgain[e] = rounded(worker, dgain[e] + dy[e] * rounded(worker, r * x[e]));
        dx[e] = rounded(worker, dy[e] * dtype_load(gain->dtype, gain->data, h * E + e));
    }
    const double along = rounded(worker, r * r * dot(worker, x, dx, E) / (double)E);
    worker->mean = rounded(worker, along * (double)E * r * spec->norm_eps);
    for (int64_t e = 0; e < E; e++)
        dx[e] = rounded(worker, r * rounded(worker, dx[e] - rounded(worker, along * x[e])));
}

/* ---- Softmax branch ---- */

/* rope(k_j) and v_j take the place of those that left the window. */
static void enter_window(GradientWorker *worker, const Sequence *sequence, int64_t j) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      row = (sequence->begin + j) * spec->kv_heads + sequence->head, slot = j % run->ring;
    load_row(run->in.k, row, spec->head_dim, worker->key + slot * spec->head_dim);
    rope(worker, worker->key + slot * spec->head_dim, run->request->position + j, 1);
    load_row(run->in.v, row, spec->value_dim, worker->value + slot * spec->value_dim);
}

static int64_t first_key(const Spec *spec, int64_t i) {
    return spec->full || i < spec->window ? 0 : i - spec->window + 1;
}

/* The score of a key, and its slope by scale * q.k. */
static double score(const GradientWorker *worker, int64_t j, double *slope) {
    const Spec  *spec = worker->run->spec;
    const double s =
        spec->scale * dot(worker, worker->query, worker->key + j % worker->run->ring * spec->head_dim, spec->head_dim);
    const double t = spec->softcap == 0 ? 0 : tanh(s / spec->softcap);
    *slope = rounded(worker, (1 - t) * (1 + t));
    return rounded(worker, spec->softcap == 0 ? s : spec->softcap * t);
}

/* worker->p and slope of row i's keys, and worker->y = swa_i. Returns the sink's probability. */
static double softmax_row(GradientWorker *worker, int64_t i, int64_t h) {
    const GradientRun *run = worker->run;
    const int64_t      E = run->spec->value_dim, first = first_key(run->spec, i);
    const double       sink = run->in.sink ? dtype_load(run->in.sink->dtype, run->in.sink->data, h) : -INFINITY;
    double             most = sink;
    for (int64_t j = first; j <= i; j++) {
        worker->p[j - first] = score(worker, j, &worker->slope[j - first]);
        most = fmax(most, worker->p[j - first]);
    }
    double sum = exp(sink - most);
    for (int64_t j = first; j <= i; j++)
        sum = rounded(worker, sum + (worker->p[j - first] = rounded(worker, exp(worker->p[j - first] - most))));
    clear(worker->y, E);
    for (int64_t j = first; j <= i; j++) {
        worker->p[j - first] = rounded(worker, worker->p[j - first] / sum);
        axpy(worker, worker->p[j - first], worker->value + j % run->ring * E, worker->y, E);
    }
    return rounded(worker, exp(sink - most) / sum);
}

/* Adds row i's part to dk and dv of its keys; worker->dquery becomes its part of rope(q_i)'s gradient. dk stays in the
 * rotated frame until no row adds to it any more. */
static void key_gradients(GradientWorker *worker, const Sequence *sequence, int64_t i) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      D = spec->head_dim, E = spec->value_dim, first = first_key(spec, i);
    const double       mean = dot(worker, worker->dbranch, worker->y, E);
    clear(worker->dquery, D);
    for (int64_t j = first; j <= i; j++) {
        const int64_t row = (sequence->begin + j) * spec->kv_heads + sequence->head, slot = j % run->ring;
        const double  p = worker->p[j - first], dp = dot(worker, worker->dbranch, worker->value + slot * E, E);
        const double  ds = rounded(worker, p * rounded(worker, dp - mean));
        const double  dz = rounded(worker, ds * worker->slope[j - first] * spec->scale);
        axpy(worker, p, worker->dbranch, run->dv + row * E, E);
        axpy(worker, dz, worker->key + slot * D, worker->dquery, D);
        axpy(worker, dz, worker->query, run->dk + row * D, D);
    }
}

static void softmax_branch(GradientWorker *worker, const Sequence *sequence, int64_t i, int64_t h) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      row = (sequence->begin + i) * spec->heads + h, D = spec->head_dim;
    const int64_t      position = run->request->position + i;
    load_row(run->in.q, row, D, worker->query);
    rope(worker, worker->query, position, 1);
    const double sink = softmax_row(worker, i, h);
    norm_gradient(worker, sequence, h, run->in.swa_norm, run->swa_norm_parts);
    key_gradients(worker, sequence, i);
    if (run->in.sink)
        run->sink_parts[sequence->n * spec->heads + h] -= rounded(worker, sink * worker->mean);
    rope(worker, worker->dquery, position, -1);
    axpy(worker, 1, worker->dquery, run->dq + row * D, D);
}

/* ---- Residual branch ---- */

/* phi of a row of q or k [..][D]. */
static const double *features(GradientWorker *worker, const Tensor *tensor, int64_t row, const Tensor *scale) {
    const int64_t D = worker->run->spec->head_dim;
    load_row(tensor, row, D, worker->raw);
    for (int64_t d = 0; d < D; d++)
        worker->x[d] = rounded(worker, worker->raw[d] * (scale ? dtype_load(scale->dtype, scale->data, d) : 1));
    return reference_map(&worker->run->spec->map, worker->x, worker->map_values, false);
}

/* From worker->dphi, of the row whose features were taken last: adds to the row's gradient and to the scale's. */
static void feature_gradient(GradientWorker *worker, const Tensor *scale, double *row_gradient,
                             double *scale_gradient) {
    const int64_t D = worker->run->spec->head_dim;
    clear(worker->dx, D);
    map_gradient(&worker->run->spec->map, worker->map_values, worker->dphi, worker->map_gradients, worker->dx);
    for (int64_t d = 0; d < D; d++)
        row_gradient[d] =
            rounded(worker, row_gradient[d] + worker->dx[d] * (scale ? dtype_load(scale->dtype, scale->data, d) : 1));
    for (int64_t d = 0; scale && d < D; d++)
        scale_gradient[d] = rounded(worker, scale_gradient[d] + worker->dx[d] * worker->raw[d]);
}

static double *scale_part(const GradientRun *run, const Sequence *sequence, double *parts) {
    return parts ? parts + (sequence->n * run->spec->kv_heads + sequence->head) * run->spec->head_dim : NULL;
}

/* S += phi(k_j)^T v_j */
static void fold(GradientWorker *worker, const Sequence *sequence, int64_t j) {
    const GradientRun *run = worker->run;
    const int64_t      E = run->spec->value_dim, row = (sequence->begin + j) * run->spec->kv_heads + sequence->head;
    const double      *phi = features(worker, run->in.k, row, run->in.k_scale);
    load_row(run->in.v, row, E, worker->y);
    for (int64_t f = 0; f < run->features; f++)
        axpy(worker, phi[f], worker->y, worker->state + f * E, E);
}

/* Row f of S + h0[h], what query head h sees; valid until the next call. */
static const double *state_row(GradientWorker *worker, const Sequence *sequence, int64_t h, int64_t f) {
    const GradientRun *run = worker->run;
    const int64_t      E = run->spec->value_dim;
    if (!run->in.h0)
        return worker->state + f * E;
    load_row(run->in.h0, (sequence->n * run->spec->heads + h) * run->features + f, E, worker->h0_row);
    axpy(worker, 1, worker->state + f * E, worker->h0_row, E);
    return worker->h0_row;
}

/* Whether row i sees a state at all. */
static bool has_state(const GradientRun *run, int64_t i) {
    return !run->spec->full && (run->in.h0 || i >= run->spec->window);
}

static double *drla_row(const GradientWorker *worker, int64_t i, int64_t h) {
    const int64_t group = spec_group(worker->run->spec);
    return worker->drla + (i * group + h % group) * worker->run->spec->value_dim;
}

/* drla_i, and with it q_i's gradient. */
static void residual_branch(GradientWorker *worker, const Sequence *sequence, int64_t i, int64_t h) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      row = (sequence->begin + i) * spec->heads + h, E = spec->value_dim;
    const double      *phi = features(worker, run->in.q, row, run->in.q_scale);
    clear(worker->y, E);
    for (int64_t f = 0; f < run->features; f++)
        axpy(worker, phi[f], state_row(worker, sequence, h, f), worker->y, E);
    norm_gradient(worker, sequence, h, run->in.rla_norm, run->rla_norm_parts);
    memcpy(drla_row(worker, i, h), worker->dbranch, sizeof(double) * (size_t)E);
    for (int64_t f = 0; f < run->features; f++)
        worker->dphi[f] = dot(worker, state_row(worker, sequence, h, f), worker->dbranch, E);
    feature_gradient(worker, run->in.q_scale, run->dq + row * spec->head_dim,
                     scale_part(run, sequence, run->q_scale_parts));
}

/* dS and dh0 += phi(q_i)^T drla_i */
static void reverse_query(GradientWorker *worker, const Sequence *sequence, int64_t i, int64_t h) {
    const GradientRun *run = worker->run;
    const int64_t      E = run->spec->value_dim, heads = run->spec->heads;
    const double      *phi = features(worker, run->in.q, (sequence->begin + i) * heads + h, run->in.q_scale);
    const double      *drla = drla_row(worker, i, h);
    for (int64_t f = 0; f < run->features; f++) {
        axpy(worker, phi[f], drla, worker->state + f * E, E);
        if (run->in.h0)
            axpy(worker, phi[f], drla, run->dh0 + ((sequence->n * heads + h) * run->features + f) * E, E);
    }
}

/* What k_j and v_j get from dS, which holds the rows from j + W on. */
static void reverse_key(GradientWorker *worker, const Sequence *sequence, int64_t j) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      row = (sequence->begin + j) * spec->kv_heads + sequence->head, E = spec->value_dim;
    const double      *phi = features(worker, run->in.k, row, run->in.k_scale);
    load_row(run->in.v, row, E, worker->y);
    for (int64_t f = 0; f < run->features; f++) {
        worker->dphi[f] = dot(worker, worker->state + f * E, worker->y, E);
        axpy(worker, phi[f], worker->state + f * E, run->dv + row * E, E);
    }
    feature_gradient(worker, run->in.k_scale, run->dk + row * spec->head_dim,
                     scale_part(run, sequence, run->k_scale_parts));
}

/* The gradient of the final state joins dS where its last key has been added, and is dh0's from the start: the final state
 * is S_{T-1-W}, with a fold of the last multiple of L tokens, per query head with h0. */
static void add_final(GradientWorker *worker, const Sequence *sequence, double *d_state, double *dh0) {
    const GradientRun *run = worker->run;
    const int64_t      size = run->features * run->spec->value_dim, copies = run->in.h0 ? spec_group(run->spec) : 1;
    for (int64_t c = 0; run->d_final && c < copies; c++) {
        const int64_t at = ((sequence->n * run->spec->kv_heads + sequence->head) * copies + c) * size;
        for (int64_t i = 0; i < size; i++) {
            const double d = dtype_load(run->d_final->dtype, run->d_final->data, at + i);
            if (d_state)
                d_state[i] += d;
            if (dh0)
                dh0[at + i] += d;
        }
    }
}

/* ---- Walks ---- */

static void walked(GradientRun *run, int thread) {
    const int64_t walks = run->spec->full ? 1 : 2;
    const int64_t tokens = (int64_t)atomic_fetch_add(&run->tokens, 1) + 1;
    if (thread == 0 && run->request->progress)
        progress_step(run->request->progress, tokens, walks * run->in.B * run->in.T * run->spec->kv_heads);
}

static void forward_row(GradientWorker *worker, const Sequence *sequence, int64_t i) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    const int64_t      group = spec_group(spec), E = spec->value_dim;
    enter_window(worker, sequence, i);
    if (!spec->full && i >= spec->window)
        fold(worker, sequence, i - spec->window);
    for (int64_t h = sequence->head * group; h < (sequence->head + 1) * group; h++) {
        load_row(run->d_o, (sequence->begin + i) * spec->heads + h, E, worker->dy);
        softmax_branch(worker, sequence, i, h);
        if (has_state(run, i))
            residual_branch(worker, sequence, i, h);
    }
}

static void reverse_row(GradientWorker *worker, const Sequence *sequence, int64_t i) {
    const GradientRun *run = worker->run;
    const int64_t      group = spec_group(run->spec);
    for (int64_t h = sequence->head * group; has_state(run, i) && h < (sequence->head + 1) * group; h++)
        reverse_query(worker, sequence, i, h);
    if (i >= run->spec->window)
        reverse_key(worker, sequence, i - run->spec->window);
}

/* dk out of the rotated frame, all of it softmax's so far. */
static void turn_keys_back(const GradientWorker *worker, const Sequence *sequence) {
    const GradientRun *run = worker->run;
    const Spec        *spec = run->spec;
    for (int64_t j = 0; j < sequence->length; j++) {
        const int64_t row = (sequence->begin + j) * spec->kv_heads + sequence->head;
        rope(worker, run->dk + row * spec->head_dim, run->request->position + j, -1);
    }
}

void gradient_item(void *arg, int64_t item, int thread) {
    GradientRun    *run = arg;
    GradientWorker *worker = &run->workers[thread];
    Sequence        sequence = {.n = item / run->spec->kv_heads, .head = item % run->spec->kv_heads};
    sequence.begin = run->in.cu_seqlens ? run->in.cu_seqlens[sequence.n] : sequence.n * run->in.T;
    sequence.length = run->in.cu_seqlens ? run->in.cu_seqlens[sequence.n + 1] - sequence.begin : run->in.T;
    clear(worker->state, run->features * run->spec->value_dim);
    for (int64_t i = 0; i < sequence.length; i++) {
        forward_row(worker, &sequence, i);
        walked(run, thread);
    }
    turn_keys_back(worker, &sequence);
    if (run->spec->full)
        return;
    const int64_t folded = sequence.length - sequence.length % spec_fold(run->spec);
    clear(worker->state, run->features * run->spec->value_dim);
    add_final(worker, &sequence, NULL, run->dh0);
    for (int64_t i = sequence.length - 1; i >= 0; i--) {
        if (i + 1 == folded)
            add_final(worker, &sequence, worker->state, NULL);
        reverse_row(worker, &sequence, i);
        walked(run, thread);
    }
}

/* ---- Memory ---- */

GradientWorker gradient_worker_new(Ctx *ctx, const GradientRun *run, int64_t longest) {
    const Spec   *spec = run->spec;
    const int64_t D = spec->head_dim, E = spec->value_dim, nodes = spec->full ? 0 : reference_map_values(&spec->map);
    return (GradientWorker){
        .run = run,
        .state = NEW_ARRAY(ctx, double, run->features *E),
        .key = NEW_ARRAY(ctx, double, run->ring *D),
        .value = NEW_ARRAY(ctx, double, run->ring *E),
        .p = NEW_ARRAY(ctx, double, run->ring),
        .slope = NEW_ARRAY(ctx, double, run->ring),
        .query = NEW_ARRAY(ctx, double, D),
        .dquery = NEW_ARRAY(ctx, double, D),
        .raw = NEW_ARRAY(ctx, double, D),
        .x = NEW_ARRAY(ctx, double, D),
        .dx = NEW_ARRAY(ctx, double, D),
        .map_values = NEW_ARRAY(ctx, double, nodes),
        .map_gradients = NEW_ARRAY(ctx, double, nodes),
        .dphi = NEW_ARRAY(ctx, double, run->features),
        .y = NEW_ARRAY(ctx, double, E),
        .dy = NEW_ARRAY(ctx, double, E),
        .dbranch = NEW_ARRAY(ctx, double, E),
        .h0_row = NEW_ARRAY(ctx, double, E),
        .drla = NEW_ARRAY(ctx, double, spec->full ? 0 : longest *spec_group(spec) * E),
    };
}
