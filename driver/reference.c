/* The float64 reference: see reference.h. One item of work is one sequence and key/value head: it walks the tokens in
 * order, folds the one that leaves the window into the state and evaluates the wanted rows. Items run in parallel. */
#include "driver/reference.h"

#include "driver/layer_inputs.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct Run {
    const Spec             *spec;
    LayerInputs             in;
    const ReferenceRequest *request;
    Reference              *out;
    int64_t                 features, ring; /* F; keys kept with rope applied */
    atomic_llong            next;           /* item */
    atomic_llong            tokens;         /* walked, by all items */
} Run;

/* Memory of one thread. */
typedef struct Worker {
    Run     *run;
    bool     caller;    /* the thread that may show progress */
    double  *state;     /* [F][E] */
    double  *key;       /* [ring][D]: rope(k_j) in row j mod ring */
    int64_t *key_token; /* which j the row holds; -1: none */
    double  *scores;    /* [ring] */
    double  *query, *x; /* [D] */
    double  *map_values;
    double  *value; /* [E] */
} Worker;

typedef struct Sequence {
    int64_t n, head;       /* sequence, key/value head */
    int64_t begin, length; /* first row, tokens */
} Sequence;

static inline double rounded(double x, bool single) { return single ? (double)(float)x : x; }

static const double *map_operand(const FeatureMap *map, const double *values, const int64_t *at, int node,
                                 int64_t *length) {
    *length = map->nodes[node].length;
    return values + at[node];
}

static double map_scalar(MapOp op, double a, double b) {
    switch (op) {
    case MAP_ADD: return a + b;
    case MAP_SUB: return a - b;
    case MAP_MUL: return a * b;
    case MAP_DIV: return a / b;
    case MAP_MAX: return a > b || isnan(a) ? a : b;
    case MAP_MIN: return a < b || isnan(a) ? a : b;
    case MAP_NEG: return -a;
    case MAP_EXP: return exp(a);
    case MAP_LOG: return log(a);
    case MAP_TANH: return tanh(a);
    case MAP_SIGMOID: return 1 / (1 + exp(-a));
    case MAP_RELU: return a > 0 || isnan(a) ? a : 0;
    case MAP_ABS: return fabs(a);
    case MAP_SQRT: return sqrt(a);
    default: return NAN;
    }
}

static double map_reduce(MapOp op, const double *a, int64_t length, bool single) {
    double result = a[0];
    for (int64_t i = 1; i < length; i++)
        result = op == MAP_ROWSUM ? rounded(result + a[i], single) : a[i] > result ? a[i] : result;
    return result;
}

static void map_node(const FeatureMap *map, const MapNode *node, const int64_t *at, double *values, double *out,
                     bool single) {
    int64_t       na = 0, nb = 0;
    const double *a = node->a >= 0 ? map_operand(map, values, at, node->a, &na) : NULL;
    const double *b = node->b >= 0 ? map_operand(map, values, at, node->b, &nb) : NULL;
    if (node->op == MAP_CONCAT) {
        memcpy(out, a, sizeof *out * (size_t)na);
        memcpy(out + na, b, sizeof *out * (size_t)nb);
    } else if (node->op == MAP_ROWSUM || node->op == MAP_ROWMAX) {
        out[0] = map_reduce(node->op, a, na, single);
    } else {
        for (int64_t i = 0; i < node->length; i++)
            out[i] = rounded(map_scalar(node->op, a[na == 1 ? 0 : i], b ? b[nb == 1 ? 0 : i] : 0), single);
    }
}

int64_t reference_map_values(const FeatureMap *map) {
    int64_t total = 0;
    for (int i = 0; i < map->count; i++)
        total += map->nodes[i].length;
    return total;
}

const double *reference_map(const FeatureMap *map, const double *x, double *values, bool single) {
    int64_t at[MAP_MAX_NODES], used = 0;
    for (int i = 0; i < map->count; i++) {
        const MapNode *node = &map->nodes[i];
        at[i] = used;
        used += node->length;
        if (node->op == MAP_INPUT)
            memcpy(values + at[i], x, sizeof *x * (size_t)node->length);
        else if (node->op == MAP_CONST)
            values[at[i]] = rounded(node->value, single);
        else
            map_node(map, node, at, values, values + at[i], single);
    }
    return values + at[map->count - 1];
}

static void load_row(const Tensor *tensor, int64_t row, int64_t head, int64_t heads, int64_t length, double *out) {
    dtype_load_many(tensor->dtype, tensor->data, (row * heads + head) * length, 1, length, out);
}

static void rope(const Spec *spec, double *x, int64_t position, bool single) {
    const int half = spec->head_dim / 2;
    if (spec->rope_theta == 0)
        return;
    for (int i = 0; i < half; i++) {
        const int a = spec->rope_style == ROPE_HALF ? i : 2 * i,
                  b = spec->rope_style == ROPE_HALF ? i + half : 2 * i + 1;
        const double angle = (double)position * pow(spec->rope_theta, -2.0 * i / spec->head_dim);
        const double c = rounded(cos(angle), single), s = rounded(sin(angle), single), xa = x[a], xb = x[b];
        x[a] = rounded(xa * c - xb * s, single);
        x[b] = rounded(xb * c + xa * s, single);
    }
}

/* rope(k_j), kept until j leaves the ring. */
static const double *roped_key(Worker *worker, const Sequence *sequence, int64_t j) {
    const Run    *run = worker->run;
    const int64_t slot = j % run->ring, dim = run->spec->head_dim;
    double *const key = worker->key + slot * dim;
    if (worker->key_token[slot] != j) {
        load_row(run->in.k, sequence->begin + j, sequence->head, run->spec->kv_heads, dim, key);
        rope(run->spec, key, run->request->position + j, run->request->single);
        worker->key_token[slot] = j;
    }
    return key;
}

static double dot(const double *a, const double *b, int64_t n, bool single) {
    double sum = 0;
    if (single)
        for (int64_t i = 0; i < n; i++)
            sum = (double)(float)(sum + a[i] * b[i]);
    else
        for (int64_t i = 0; i < n; i++)
            sum += a[i] * b[i];
    return sum;
}

/* y += a * x */
static void axpy(double a, const double *x, double *y, int64_t n, bool single) {
    if (single)
        for (int64_t i = 0; i < n; i++)
            y[i] = (double)(float)(y[i] + a * x[i]);
    else
        for (int64_t i = 0; i < n; i++)
            y[i] += a * x[i];
}

static const double *features(Worker *worker, const Tensor *tensor, int64_t row, int64_t head, int64_t heads,
                              const Tensor *scale) {
    const Run    *run = worker->run;
    const int64_t dim = run->spec->head_dim;
    load_row(tensor, row, head, heads, dim, worker->x);
    for (int64_t d = 0; scale && d < dim; d++)
        worker->x[d] = rounded(worker->x[d] * dtype_load(scale->dtype, scale->data, d), run->request->single);
    return reference_map(&run->spec->map, worker->x, worker->map_values, run->request->single);
}

/* S += phi(k_j)^T v_j */
static void fold(Worker *worker, const Sequence *sequence, int64_t j) {
    const Run    *run = worker->run;
    const Spec   *spec = run->spec;
    const double *phi = features(worker, run->in.k, sequence->begin + j, sequence->head, spec->kv_heads, run->in.k_scale);
    load_row(run->in.v, sequence->begin + j, sequence->head, spec->kv_heads, spec->value_dim, worker->value);
    for (int64_t f = 0; f < run->features; f++)
        axpy(phi[f], worker->value, worker->state + f * spec->value_dim, spec->value_dim, run->request->single);
}

static double score(Worker *worker, const Sequence *sequence, int64_t j) {
    const Spec  *spec = worker->run->spec;
    const bool   single = worker->run->request->single;
    const double s =
        rounded(spec->scale * dot(worker->query, roped_key(worker, sequence, j), spec->head_dim, single), single);
    return spec->softcap == 0
               ? s
               : rounded(spec->softcap * rounded(tanh(rounded(s / spec->softcap, single)), single), single);
}

/* Softmax over the window of token i, head h. Returns the row's lse. */
static double softmax_branch(Worker *worker, const Sequence *sequence, int64_t i, int64_t h, double *swa) {
    const Run    *run = worker->run;
    const Spec   *spec = run->spec;
    const bool    single = run->request->single;
    const int64_t first = spec->full || i < spec->window ? 0 : i - spec->window + 1;
    load_row(run->in.q, sequence->begin + i, h, spec->heads, spec->head_dim, worker->query);
    rope(spec, worker->query, run->request->position + i, single);
    const double sink = run->in.sink ? dtype_load(run->in.sink->dtype, run->in.sink->data, h) : -INFINITY;
    double       most = sink;
    for (int64_t j = first; j <= i; j++) {
        worker->scores[j - first] = score(worker, sequence, j);
        most = fmax(most, worker->scores[j - first]);
    }
    double sum = rounded(exp(sink - most), single);
    for (int64_t e = 0; e < spec->value_dim; e++)
        swa[e] = 0;
    for (int64_t j = first; j <= i; j++) {
        const double p = rounded(exp(worker->scores[j - first] - most), single);
        sum = rounded(sum + p, single);
        load_row(run->in.v, sequence->begin + j, sequence->head, spec->kv_heads, spec->value_dim, worker->value);
        axpy(p, worker->value, swa, spec->value_dim, single);
    }
    for (int64_t e = 0; e < spec->value_dim; e++)
        swa[e] = rounded(swa[e] / sum, single);
    return rounded(most + log(sum), single);
}

/* phi(q_i) (S_{i-W} + h0[h]) */
static void residual_branch(Worker *worker, const Sequence *sequence, int64_t i, int64_t h, double *rla) {
    const Run    *run = worker->run;
    const Spec   *spec = run->spec;
    const int64_t dim = spec->value_dim;
    const double *phi = features(worker, run->in.q, sequence->begin + i, h, spec->heads, run->in.q_scale);
    for (int64_t e = 0; e < dim; e++)
        rla[e] = 0;
    for (int64_t f = 0; f < run->features; f++) {
        axpy(phi[f], worker->state + f * dim, rla, dim, run->request->single);
        if (run->in.h0) {
            load_row(run->in.h0, sequence->n * spec->heads + h, f, run->features, dim, worker->value);
            axpy(phi[f], worker->value, rla, dim, run->request->single);
        }
    }
}

/* o += rms(x) * gain */
static void add_normed(const Run *run, const double *x, const Tensor *gain, int64_t h, double *o) {
    const int64_t dim = run->spec->value_dim;
    const bool    single = run->request->single;
    double        factor = 1;
    if (run->spec->norm) {
        const double mean = rounded(dot(x, x, dim, single) / (double)dim, single);
        factor = rounded(1 / sqrt(rounded(mean + run->spec->norm_eps, single)), single);
    }
    for (int64_t e = 0; e < dim; e++) {
        const double g = run->spec->norm ? dtype_load(gain->dtype, gain->data, h * dim + e) : 1;
        o[e] = rounded(o[e] + rounded(rounded(x[e] * factor, single) * g, single), single);
    }
}

static double rounded_to(DType dtype, double x) {
    uint64_t storage = 0;
    dtype_store(dtype, &storage, 0, x);
    return dtype_load(dtype, &storage, 0);
}

static void evaluate_row(Worker *worker, const Sequence *sequence, int64_t i, int64_t row) {
    const Run  *run = worker->run;
    const Spec *spec = run->spec;
    Reference  *out = run->out;
    for (int64_t g = 0; g < spec_group(spec); g++) {
        const int64_t h = sequence->head * spec_group(spec) + g, at = (row * spec->heads + h) * spec->value_dim;
        out->lse[row * spec->heads + h] = softmax_branch(worker, sequence, i, h, out->swa + at);
        add_normed(run, out->swa + at, run->in.swa_norm, h, out->o + at);
        if (!spec->full) {
            residual_branch(worker, sequence, i, h, out->rla + at);
            add_normed(run, out->rla + at, run->in.rla_norm, h, out->o + at);
        }
        for (int64_t e = 0; run->request->single && e < spec->value_dim; e++)
            out->o[at + e] = rounded_to(spec->dtype, out->o[at + e]);
    }
}

static void store_final_state(Worker *worker, const Sequence *sequence) {
    const Run    *run = worker->run;
    const Spec   *spec = run->spec;
    const int64_t size = run->features * spec->value_dim;
    const int64_t copies = run->in.h0 ? spec_group(spec) : 1;
    for (int64_t c = 0; c < copies; c++) {
        const int64_t at = ((sequence->n * spec->kv_heads + sequence->head) * copies + c) * size;
        for (int64_t i = 0; i < size; i++)
            run->out->final_state[at + i] =
                rounded(worker->state[i] + (run->in.h0 ? dtype_load(run->in.h0->dtype, run->in.h0->data, at + i) : 0),
                        run->request->single);
    }
}

/* The first of the wanted rows that is `row` or later. */
static int64_t first_row_from(const ReferenceRequest *request, int64_t row) {
    int64_t low = 0, high = request->row_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (request->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void walked(Worker *worker) {
    Run          *run = worker->run;
    const int64_t tokens = (int64_t)atomic_fetch_add(&run->tokens, 1) + 1;
    if (worker->caller && run->request->progress)
        progress_step(run->request->progress, tokens, run->out->B * run->out->T * run->spec->kv_heads);
}

static void run_sequence(Worker *worker, const Sequence *sequence) {
    const Run              *run = worker->run;
    const Spec             *spec = run->spec;
    const ReferenceRequest *request = run->request;
    int64_t                 wanted = request->rows ? first_row_from(request, sequence->begin) : 0;
    memset(worker->state, 0, sizeof(double) * (size_t)(run->features * spec->value_dim));
    for (int64_t j = 0; j < run->ring; j++)
        worker->key_token[j] = -1;
    const int64_t folded = sequence->length - sequence->length % spec_fold(spec);
    if (!spec->full && folded == 0)
        store_final_state(worker, sequence);
    for (int64_t i = 0; i < sequence->length; i++) {
        const int64_t row = sequence->begin + i;
        if (!spec->full && i >= spec->window)
            fold(worker, sequence, i - spec->window);
        if (!request->rows)
            evaluate_row(worker, sequence, i, row);
        else if (wanted < request->row_count && request->rows[wanted] == row)
            evaluate_row(worker, sequence, i, wanted++);
        if (!spec->full && i + 1 == folded)
            store_final_state(worker, sequence);
        walked(worker);
    }
}

static void *run_worker(void *arg) {
    Worker       *worker = arg;
    Run          *run = worker->run;
    const int64_t items = run->out->N * run->spec->kv_heads;
    for (int64_t item; (item = (int64_t)atomic_fetch_add(&run->next, 1)) < items;) {
        Sequence sequence = {.n = item / run->spec->kv_heads, .head = item % run->spec->kv_heads};
        sequence.begin = run->in.cu_seqlens ? run->in.cu_seqlens[sequence.n] : sequence.n * run->out->T;
        sequence.length = run->in.cu_seqlens ? run->in.cu_seqlens[sequence.n + 1] - sequence.begin : run->out->T;
        run_sequence(worker, &sequence);
    }
    return NULL;
}

static Worker worker_new(Ctx *ctx, Run *run) {
    const Spec *spec = run->spec;
    return (Worker){
        .run = run,
        .state = NEW_ARRAY(ctx, double, run->features * spec->value_dim),
        .key = NEW_ARRAY(ctx, double, run->ring * spec->head_dim),
        .key_token = NEW_ARRAY(ctx, int64_t, run->ring),
        .scores = NEW_ARRAY(ctx, double, run->ring),
        .query = NEW_ARRAY(ctx, double, spec->head_dim),
        .x = NEW_ARRAY(ctx, double, spec->head_dim),
        .map_values = NEW_ARRAY(ctx, double, spec->full ? 0 : reference_map_values(&spec->map)),
        .value = NEW_ARRAY(ctx, double, spec->value_dim),
    };
}

static void run_all(Ctx *ctx, Run *run) {
    enum { MOST_THREADS = 64 };
    const int wanted = run->request->threads;
    const int count = wanted < 1 ? 1 : wanted > MOST_THREADS ? MOST_THREADS : wanted;
    Worker    workers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    bool      started[MOST_THREADS] = {false};
    for (int t = 0; t < count; t++)
        workers[t] = worker_new(ctx, run);
    for (int t = 1; t < count; t++)
        started[t] = pthread_create(&threads[t], NULL, run_worker, &workers[t]) == 0;
    workers[0].caller = true;
    run_worker(&workers[0]);
    for (int t = 1; t < count; t++)
        if (started[t])
            pthread_join(threads[t], NULL);
}

static void result_new(Ctx *ctx, const Run *run, Reference *out) {
    const Spec *spec = run->spec;
    *out = (Reference){.B = run->in.B, .T = run->in.T, .N = run->in.N};
    out->row_count = run->request->rows ? run->request->row_count : out->B * out->T;
    const int64_t elements = out->row_count * spec->heads * spec->value_dim;
    out->o = NEW_ARRAY(ctx, double, elements);
    out->swa = NEW_ARRAY(ctx, double, elements);
    out->rla = NEW_ARRAY(ctx, double, elements);
    out->lse = NEW_ARRAY(ctx, double, out->row_count * spec->heads);
    out->state_elements =
        out->N * (spec->initial_state ? spec->heads : spec->kv_heads) * run->features * spec->value_dim;
    out->final_state = spec->full ? NULL : NEW_ARRAY(ctx, double, out->state_elements);
}

Status reference_run(Ctx *ctx, const ReferenceRequest *request, Reference *out) {
    Run run = {.spec = request->spec, .request = request, .out = out, .features = spec_features(request->spec)};
    TRY(layer_inputs_find(ctx, run.spec, request->inputs, &run.in));
    result_new(ctx, &run, out);
    const int64_t longest = layer_inputs_longest(&run.in);
    run.ring = run.spec->full || run.spec->window > longest ? longest : run.spec->window;
    run.ring = run.ring < 1 ? 1 : run.ring;
    run_all(ctx, &run);
    return ST_OK;
}

double reference_cost(const Spec *spec, int64_t tokens, int64_t rows) {
    const double keys = spec->full || spec->window > tokens ? (double)tokens : (double)spec->window;
    const double state = (double)spec_features(spec) * spec->value_dim;
    return (double)tokens * spec->kv_heads * state +
           (double)rows * spec->heads * (state + keys * (spec->head_dim + spec->value_dim));
}
