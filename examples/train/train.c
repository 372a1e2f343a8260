/* Trains a tiny character model on a text and prints its loss: embedding, two layers of attention, output. The
 * attention and its gradients are rattan's kernels of train.lua or, with --dense, sums written out (written_out.c): the
 * curves are equal.
 *
 *     train LAYER.lua TEXT [STEPS] [--dense]
 *
 * The model, x a token's vector of WIDTH:  x = embedding[character];  twice: n = x / rms(x),
 * x += attention(n Wq, n Wk, n Wv) Wo;  logits = x / rms(x) Wout.  Trained with Adam (Kingma and Ba, arXiv 1412.6980).
 */
#include <rattan/rattan.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "written_out.h"

enum { WIDTH = 64, LAYERS = 2, BATCH = 8, TOKENS = 64, ROWS = BATCH * TOKENS, SYMBOLS = 64 };
enum { Q = HEADS * HEAD_DIM, KV = KV_HEADS * HEAD_DIM, PRINT_EVERY = 10 };

/* What the program has until it ends. */
typedef struct Room {
    struct Room *before;
    float        numbers[];
} Room;
static Room *rooms;

static void free_all(void) {
    while (rooms) {
        Room *const room = rooms;
        rooms = room->before;
        free(room);
    }
}

static void *allocate(size_t count) {
    Room *const room = calloc(1, sizeof(Room) + count * sizeof(float));
    if (!room)
        exit(RATTAN_NO_MEMORY);
    room->before = rooms;
    rooms = room;
    return room->numbers;
}

/* Numbers that are the same everywhere. */
static uint32_t next_random(void) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

/* ---- Parameters and matrices ------------------------------------------------------------------------------------ */

typedef struct Matrix { /* a parameter, its gradient and Adam's two averages */
    int    rows, cols;
    float *value, *gradient, *mean, *square;
} Matrix;

static Matrix matrix_new(int rows, int cols, float spread, float start) {
    const size_t n = (size_t)rows * (size_t)cols;
    Matrix       m = {rows, cols, allocate(n), allocate(n), allocate(n), allocate(n)};
    for (size_t i = 0; i < n; i++)
        m.value[i] = start + spread * ((float)next_random() / 2147483648.0f - 0.5f);
    return m;
}

static void matrix_step(Matrix *m, int step) {
    const float rate = 3e-3f, c1 = 1 - powf(0.9f, (float)step), c2 = 1 - powf(0.99f, (float)step);
    for (int i = 0; i < m->rows * m->cols; i++) {
        const float g = m->gradient[i];
        m->mean[i] = 0.9f * m->mean[i] + 0.1f * g;
        m->square[i] = 0.99f * m->square[i] + 0.01f * g * g;
        m->value[i] -= rate * (m->mean[i] / c1) / (sqrtf(m->square[i] / c2) + 1e-6f);
        m->gradient[i] = 0;
    }
}

/* y += x W, rows of x one after the other. */
static void multiply(const float *x, const Matrix *w, float *y) {
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < w->rows; k++)
            for (int c = 0; c < w->cols; c++)
                y[r * w->cols + c] += x[r * w->rows + k] * w->value[k * w->cols + c];
}

/* dW += x^T dy, dx += dy W^T. */
static void multiply_gradient(const float *x, Matrix *w, const float *dy, float *dx) {
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < w->rows; k++) {
            float sum = 0;
            for (int c = 0; c < w->cols; c++) {
                sum += dy[r * w->cols + c] * w->value[k * w->cols + c];
                w->gradient[k * w->cols + c] += x[r * w->rows + k] * dy[r * w->cols + c];
            }
            dx[r * w->rows + k] += sum;
        }
}

static float inverse_rms(const float *x) {
    float sum = 0;
    for (int c = 0; c < WIDTH; c++)
        sum += x[c] * x[c];
    return 1 / sqrtf(sum / WIDTH + 1e-6f);
}

static void normalize(const float *x, float *y) {
    for (int r = 0; r < ROWS; r++, x += WIDTH, y += WIDTH) {
        const float inverse = inverse_rms(x);
        for (int c = 0; c < WIDTH; c++)
            y[c] = x[c] * inverse;
    }
}

static void normalize_gradient(const float *x, const float *dy, float *dx) {
    for (int r = 0; r < ROWS; r++, x += WIDTH, dy += WIDTH, dx += WIDTH) {
        const float inverse = inverse_rms(x);
        float       along = 0;
        for (int c = 0; c < WIDTH; c++)
            along += x[c] * dy[c];
        for (int c = 0; c < WIDTH; c++)
            dx[c] += inverse * (dy[c] - inverse * inverse * along / WIDTH * x[c]);
    }
}

/* ---- The model -------------------------------------------------------------------------------------------------- */

typedef struct Layer {
    Matrix wq, wk, wv, wo, swa_norm, rla_norm;
    float *n, *q, *k, *v, *o; /* of the last step */
} Layer;

typedef struct Model {
    int            symbols; /* characters that the text has */
    Matrix         embedding, output;
    Layer          layers[LAYERS];
    float         *x[LAYERS + 1], *n, *logits; /* of the last step */
    rattan_kernel *forward, *backward;         /* NULL: dense */
} Model;

static Model model_new(int symbols) {
    Model m = {.symbols = symbols};
    m.embedding = matrix_new(symbols, WIDTH, 1, 0);
    m.output = matrix_new(WIDTH, symbols, 0.25f, 0);
    m.n = allocate(ROWS * WIDTH);
    m.logits = allocate((size_t)(ROWS * symbols));
    for (int l = 0; l <= LAYERS; l++)
        m.x[l] = allocate(ROWS * WIDTH);
    for (int l = 0; l < LAYERS; l++)
        m.layers[l] = (Layer){matrix_new(WIDTH, Q, 0.4f, 0),
                              matrix_new(WIDTH, KV, 0.4f, 0),
                              matrix_new(WIDTH, KV, 0.4f, 0),
                              matrix_new(Q, WIDTH, 0.2f, 0),
                              matrix_new(HEADS, HEAD_DIM, 0, 1),
                              matrix_new(HEADS, HEAD_DIM, 0, 1),
                              allocate(ROWS * WIDTH),
                              allocate(ROWS * Q),
                              allocate(ROWS * KV),
                              allocate(ROWS * KV),
                              allocate(ROWS * Q)};
    return m;
}

/* ---- Attention -------------------------------------------------------------------------------------------------- */

static int launch(rattan_kernel *kernel, const rattan_tensor *tensors, int count) {
    rattan_error error;
    char         text[2048];
    if (rattan_launch(kernel, tensors, count, 0, &error) == RATTAN_OK)
        return 0;
    rattan_error_text(&error, text, sizeof text);
    fprintf(stderr, "train: %s\n", text);
    return 1;
}

static rattan_tensor tensor(const char *name, const float *data, int heads) {
    const int64_t row[] = {BATCH, TOKENS, heads, HEAD_DIM}, gain[] = {HEADS, HEAD_DIM};
    return rattan_tensor_of(name, (void *)(uintptr_t)data, RATTAN_FP32, heads ? 4 : 2, heads ? row : gain);
}

static int attention_forward(const Model *m, const Attention *a) {
    const rattan_tensor tensors[] = {tensor("q", a->q, HEADS),           tensor("k", a->k, KV_HEADS),
                                     tensor("v", a->v, KV_HEADS),        tensor("swa_norm", a->swa_norm, 0),
                                     tensor("rla_norm", a->rla_norm, 0), tensor("o", a->o, HEADS)};
    if (m->forward)
        return launch(m->forward, tensors, sizeof tensors / sizeof *tensors);
    dense_forward(a, BATCH, TOKENS);
    return 0;
}

static int attention_backward(const Model *m, const Attention *a) {
    const rattan_tensor tensors[] = {tensor("q", a->q, HEADS),
                                     tensor("k", a->k, KV_HEADS),
                                     tensor("v", a->v, KV_HEADS),
                                     tensor("swa_norm", a->swa_norm, 0),
                                     tensor("rla_norm", a->rla_norm, 0),
                                     tensor("do", a->d_o, HEADS),
                                     tensor("dq", a->dq, HEADS),
                                     tensor("dk", a->dk, KV_HEADS),
                                     tensor("dv", a->dv, KV_HEADS),
                                     tensor("dswa_norm", a->dswa_norm, 0),
                                     tensor("drla_norm", a->drla_norm, 0)};
    if (m->backward)
        return launch(m->backward, tensors, sizeof tensors / sizeof *tensors);
    dense_backward(a, BATCH, TOKENS);
    return 0;
}

/* ---- A step ----------------------------------------------------------------------------------------------------- */

static void clear(float *x, int n) { memset(x, 0, sizeof *x * (size_t)n); }

static int layer_forward(const Model *m, int l) {
    const Layer *layer = &m->layers[l];
    normalize(m->x[l], layer->n);
    clear(layer->q, ROWS * Q);
    clear(layer->k, ROWS * KV);
    clear(layer->v, ROWS * KV);
    multiply(layer->n, &layer->wq, layer->q);
    multiply(layer->n, &layer->wk, layer->k);
    multiply(layer->n, &layer->wv, layer->v);
    const Attention a = {.q = layer->q,
                         .k = layer->k,
                         .v = layer->v,
                         .o = layer->o,
                         .swa_norm = layer->swa_norm.value,
                         .rla_norm = layer->rla_norm.value};
    const int       status = attention_forward(m, &a);
    memcpy(m->x[l + 1], m->x[l], sizeof(float) * ROWS * WIDTH);
    multiply(layer->o, &layer->wo, m->x[l + 1]);
    return status;
}

/* dx, the gradient of the layer's result, becomes that of what it was given. */
static int layer_backward(Model *m, int l, float *dx) {
    static float d_o[ROWS * Q], dq[ROWS * Q], dk[ROWS * KV], dv[ROWS * KV], dn[ROWS * WIDTH];
    Layer       *layer = &m->layers[l];
    clear(d_o, ROWS * Q);
    clear(dn, ROWS * WIDTH);
    multiply_gradient(layer->o, &layer->wo, dx, d_o);
    const Attention a = {.q = layer->q,
                         .k = layer->k,
                         .v = layer->v,
                         .d_o = d_o,
                         .dq = dq,
                         .dk = dk,
                         .dv = dv,
                         .swa_norm = layer->swa_norm.value,
                         .rla_norm = layer->rla_norm.value,
                         .dswa_norm = layer->swa_norm.gradient,
                         .drla_norm = layer->rla_norm.gradient};
    const int       status = attention_backward(m, &a);
    multiply_gradient(layer->n, &layer->wq, dq, dn);
    multiply_gradient(layer->n, &layer->wk, dk, dn);
    multiply_gradient(layer->n, &layer->wv, dv, dn);
    normalize_gradient(m->x[l], dn, dx);
    return status;
}

/* The mean of -log p(next character); logits become its gradient. */
static double loss_of(Model *m, const int *next) {
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
        float *const row = m->logits + r * m->symbols;
        double       total = 0;
        for (int s = 0; s < m->symbols; s++)
            total += exp((double)row[s]);
        sum += log(total) - (double)row[next[r]];
        for (int s = 0; s < m->symbols; s++)
            row[s] = (float)((exp((double)row[s]) / total - (s == next[r])) / ROWS);
    }
    return sum / ROWS;
}

static int train_step(Model *m, const int *text, const int *next, double *loss) {
    static float dx[ROWS * WIDTH], dn[ROWS * WIDTH];
    int          status = 0;
    for (int r = 0; r < ROWS; r++)
        memcpy(m->x[0] + r * WIDTH, m->embedding.value + text[r] * WIDTH, sizeof(float) * WIDTH);
    for (int l = 0; l < LAYERS && status == 0; l++)
        status = layer_forward(m, l);
    normalize(m->x[LAYERS], m->n);
    clear(m->logits, ROWS * m->symbols);
    multiply(m->n, &m->output, m->logits);
    *loss = loss_of(m, next);
    clear(dx, ROWS * WIDTH);
    clear(dn, ROWS * WIDTH);
    multiply_gradient(m->n, &m->output, m->logits, dn);
    normalize_gradient(m->x[LAYERS], dn, dx);
    for (int l = LAYERS - 1; l >= 0 && status == 0; l--)
        status = layer_backward(m, l, dx);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < WIDTH; c++)
            m->embedding.gradient[text[r] * WIDTH + c] += dx[r * WIDTH + c];
    return status;
}

static void update(Model *m, int step) {
    matrix_step(&m->embedding, step);
    matrix_step(&m->output, step);
    for (int l = 0; l < LAYERS; l++) {
        Matrix *const all[] = {&m->layers[l].wq, &m->layers[l].wk,       &m->layers[l].wv,
                               &m->layers[l].wo, &m->layers[l].swa_norm, &m->layers[l].rla_norm};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            matrix_step(all[i], step);
    }
}

/* ---- Text and steps --------------------------------------------------------------------------------------------- */

typedef struct Corpus {
    int *symbols, length, kinds; /* each character by the order of its first appearance */
} Corpus;

static Corpus corpus_read(const char *path) {
    static int number[256];
    Corpus     corpus = {allocate(1 << 20), 0, 0};
    FILE      *file = fopen(path, "rb");
    for (int c; file && corpus.length < 1 << 20 && (c = fgetc(file)) != EOF;) {
        if (number[c] == 0 && corpus.kinds < SYMBOLS)
            number[c] = ++corpus.kinds;
        corpus.symbols[corpus.length++] = number[c] ? number[c] - 1 : 0;
    }
    if (file)
        fclose(file);
    return corpus;
}

static int train(Model *m, const Corpus *corpus, int steps) {
    static int text[ROWS], next[ROWS];
    for (int step = 1; step <= steps; step++) {
        double loss;
        for (int b = 0; b < BATCH; b++) {
            const int start = (int)(next_random() % (uint32_t)(corpus->length - TOKENS));
            memcpy(text + b * TOKENS, corpus->symbols + start, sizeof(int) * TOKENS);
            memcpy(next + b * TOKENS, corpus->symbols + start + 1, sizeof(int) * TOKENS);
        }
        if (train_step(m, text, next, &loss) != 0)
            return RATTAN_FAILED;
        if (step == 1 || step % PRINT_EVERY == 0)
            printf("%4d %.5f\n", step, loss);
        update(m, step);
    }
    return RATTAN_OK;
}

static rattan_status get_kernels(rattan_context *context, const char *path, Model *m, rattan_error *error) {
    rattan_kernel_request request = {0};
    rattan_spec          *spec = NULL;
    rattan_status         status = rattan_spec_from_file(path, &spec, error);
    request.spec = spec;
    if (status == RATTAN_OK)
        status = rattan_kernel_get(context, &request, &m->forward, error);
    request.kind = RATTAN_BACKWARD;
    if (status == RATTAN_OK)
        status = rattan_kernel_get(context, &request, &m->backward, error);
    rattan_spec_destroy(spec);
    return status;
}

int main(int argc, char **argv) {
    const int       dense = argc > 2 && strcmp(argv[argc - 1], "--dense") == 0;
    rattan_context *context = NULL;
    rattan_error    error;
    char            text[2048];
    if (argc < 3) {
        fprintf(stderr, "usage: train LAYER.lua TEXT [STEPS] [--dense]\n");
        return RATTAN_USAGE;
    }
    atexit(free_all);
    const Corpus corpus = corpus_read(argv[2]);
    if (corpus.length <= TOKENS) {
        fprintf(stderr, "train: %s: cannot be read, or has no more than %d characters\n", argv[2], TOKENS);
        return RATTAN_USAGE;
    }
    Model model = model_new(corpus.kinds);
    if (!dense && (rattan_context_create(NULL, &context, &error) != RATTAN_OK ||
                   get_kernels(context, argv[1], &model, &error) != RATTAN_OK)) {
        rattan_error_text(&error, text, sizeof text);
        fprintf(stderr, "train: %s\n", text);
        rattan_context_destroy(context);
        return (int)error.status;
    }
    const int status = train(&model, &corpus, argc > 3 + dense ? atoi(argv[3]) : 150);
    rattan_context_destroy(context);
    return status;
}
