/* Trains a tiny character model on a text and prints its loss: embedding, two layers of attention, output. The
 * attention and its gradients are rattan's kernels of train.lua or, with --dense, sums written out (written_out.c): the
 * curves are equal. The last tenth of the text is held out: a line is a step, the loss of what it was trained on, and, behind
 * it, the loss of the text that the model is never trained on.
 *
 *     train [--steps N] [--dense] LAYER.lua TEXT
 *
 * The model, x a token's vector of WIDTH:  x = embedding[character];  twice: n = x / rms(x),
 * x += attention(n Wq, n Wk, n Wv) Wo;  logits = x / rms(x) Wout.  Trained with Adam (Kingma and Ba, arXiv 1412.6980).
 */
#include <rattan/rattan.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "written_out.h"

enum { WIDTH = 64, LAYERS = 2, BATCH = 8, TOKENS = 64, ROWS = BATCH * TOKENS };
enum { MOST_KINDS = 64 /* of characters */, MOST_CHARACTERS = 1 << 20, HELD_OUT = 10 /* one part in so many */ };
enum { Q = HEADS * HEAD_DIM, KV = KV_HEADS * HEAD_DIM, PRINT_EVERY = 10, STEPS = 150, MOST_STEPS = 1000000 };

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
    float *lse, *swa, *rla;   /* and what forward saves for backward */
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
                              allocate(ROWS * Q),
                              allocate(ROWS * HEADS),
                              allocate(ROWS * Q),
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

static rattan_tensor tensor_of_lse(float *data) {
    return rattan_tensor_of("lse", data, RATTAN_FP32, 3, (int64_t[]){BATCH, HEADS, TOKENS});
}

static int attention_forward(const Model *m, const Attention *a) {
    const rattan_tensor tensors[] = {tensor("q", a->q, HEADS),           tensor("k", a->k, KV_HEADS),
                                     tensor("v", a->v, KV_HEADS),        tensor("swa_norm", a->swa_norm, 0),
                                     tensor("rla_norm", a->rla_norm, 0), tensor("o", a->o, HEADS),
                                     tensor("swa", a->swa, HEADS),       tensor("rla", a->rla, HEADS),
                                     tensor_of_lse(a->lse)};
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
                                     tensor("swa", a->swa, HEADS),
                                     tensor("rla", a->rla, HEADS),
                                     tensor_of_lse(a->lse),
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
                         .lse = layer->lse,
                         .swa = layer->swa,
                         .rla = layer->rla,
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
                         .lse = layer->lse,
                         .swa = layer->swa,
                         .rla = layer->rla,
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

/* The loss of the batch; logits become its gradient. */
static int model_forward(Model *m, const int *text, const int *next, double *loss) {
    int status = 0;
    for (int r = 0; r < ROWS; r++)
        memcpy(m->x[0] + r * WIDTH, m->embedding.value + text[r] * WIDTH, sizeof(float) * WIDTH);
    for (int l = 0; l < LAYERS && status == 0; l++)
        status = layer_forward(m, l);
    normalize(m->x[LAYERS], m->n);
    clear(m->logits, ROWS * m->symbols);
    multiply(m->n, &m->output, m->logits);
    *loss = loss_of(m, next);
    return status;
}

/* Gradients of all parameters, after model_forward. */
static int model_backward(Model *m, const int *text) {
    static float dx[ROWS * WIDTH], dn[ROWS * WIDTH];
    int          status = 0;
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
    int *symbols, kinds; /* each character by the order of its first appearance */
    int  length, trained; /* characters; those before the ones that are held out */
} Corpus;

/* The next character of the text; one that is new gets the next number. */
static rattan_status corpus_add(Corpus *corpus, const char *path, int c) {
    static int number[256];
    if (c != '\n' && (c < ' ' || c > '~')) {
        fprintf(stderr, "train: %s: character %d is the byte 0x%02x (give printable ASCII and newlines alone)\n", path,
                corpus->length + 1, (unsigned)c);
        return RATTAN_USAGE;
    }
    if (number[c] == 0 && corpus->kinds == MOST_KINDS) {
        fprintf(stderr, "train: %s: character %d, '%c', is the text's %dth kind (at most %d are taken)\n", path,
                corpus->length + 1, c, MOST_KINDS + 1, MOST_KINDS);
        return RATTAN_USAGE;
    }
    if (number[c] == 0)
        number[c] = ++corpus->kinds;
    corpus->symbols[corpus->length++] = number[c] - 1;
    return RATTAN_OK;
}

static rattan_status corpus_read(const char *path, Corpus *corpus) {
    FILE         *file = fopen(path, "rb");
    rattan_status status = RATTAN_OK;
    if (!file) {
        fprintf(stderr, "train: %s: %s\n", path, strerror(errno));
        return RATTAN_FAILED;
    }
    *corpus = (Corpus){.symbols = allocate(MOST_CHARACTERS)};
    for (int c; status == RATTAN_OK && corpus->length < MOST_CHARACTERS && (c = fgetc(file)) != EOF;)
        status = corpus_add(corpus, path, c);
    const int broken = ferror(file) ? errno : 0, longer = status == RATTAN_OK && fgetc(file) != EOF;
    fclose(file);
    corpus->trained = corpus->length - corpus->length / HELD_OUT;
    if (broken)
        fprintf(stderr, "train: %s: %s\n", path, strerror(broken));
    else if (longer)
        fprintf(stderr, "train: %s has more than %d characters\n", path, MOST_CHARACTERS);
    else if (status == RATTAN_OK && corpus->length - corpus->trained <= TOKENS)
        fprintf(stderr, "train: %s has %d characters (at least %d are needed, of which a tenth is held out)\n", path,
                corpus->length, (TOKENS + 1) * HELD_OUT);
    else
        return status;
    return broken ? RATTAN_FAILED : RATTAN_USAGE;
}

/* Sequence b of a batch, from that character on. */
static void take_sequence(const Corpus *corpus, int start, int b, int *text, int *next) {
    memcpy(text + b * TOKENS, corpus->symbols + start, sizeof(int) * TOKENS);
    memcpy(next + b * TOKENS, corpus->symbols + start + 1, sizeof(int) * TOKENS);
}

/* The loss of sequences at equal distances in the text that is held out. */
static int held_out_loss(Model *m, const Corpus *corpus, double *loss) {
    static int text[ROWS], next[ROWS];
    const int  room = corpus->length - corpus->trained - TOKENS - 1;
    for (int b = 0; b < BATCH; b++)
        take_sequence(corpus, corpus->trained + b * room / (BATCH - 1), b, text, next);
    return model_forward(m, text, next, loss);
}

static int train(Model *m, const Corpus *corpus, int steps) {
    static int text[ROWS], next[ROWS];
    for (int step = 1; step <= steps; step++) {
        const int print = step == 1 || step % PRINT_EVERY == 0;
        double    loss, held_out;
        if (print && held_out_loss(m, corpus, &held_out) != 0)
            return RATTAN_FAILED;
        for (int b = 0; b < BATCH; b++)
            take_sequence(corpus, (int)(next_random() % (uint32_t)(corpus->trained - TOKENS)), b, text, next);
        if (model_forward(m, text, next, &loss) != 0 || model_backward(m, text) != 0)
            return RATTAN_FAILED;
        if (print)
            printf("%4d %.5f %.5f\n", step, loss, held_out);
        update(m, step);
    }
    return RATTAN_OK;
}

static rattan_status get_kernels(rattan_context *context, const char *path, Model *m, rattan_error *error) {
    rattan_kernel_request request = {0};
    rattan_spec          *spec = NULL;
    rattan_status         status = rattan_spec_from_file(path, &spec, error);
    request.spec = spec;
    request.parts = RATTAN_SAVED; /* backward takes what forward saves, instead of computing it anew */
    if (status == RATTAN_OK)
        status = rattan_kernel_get(context, &request, &m->forward, error);
    request.kind = RATTAN_BACKWARD;
    if (status == RATTAN_OK)
        status = rattan_kernel_get(context, &request, &m->backward, error);
    rattan_spec_destroy(spec);
    return status;
}

/* ---- The command line ------------------------------------------------------------------------------------------- */

typedef struct Options {
    int         steps, dense, help;
    const char *layer, *text;
} Options;

static void print_help(void) {
    printf("train [OPTION...] LAYER.lua TEXT\n\n"
           "Trains a tiny character model on TEXT, printable ASCII of at most %d kinds, and prints at step 1 and every %d steps\n"
           "the loss in nats a character: of the batch, and of the last tenth of the text, which is held out.\n\n"
           "  -s, --steps N  steps, 1 to %d (default: %d)\n"
           "  -d, --dense    attention and its gradients as sums written out, without kernels\n"
           "  -h, --help     show help\n",
           MOST_KINDS, PRINT_EVERY, MOST_STEPS, STEPS);
}

static rattan_status parse_steps(const char *text, int *steps) {
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || value < 1 || value > MOST_STEPS) {
        fprintf(stderr, "train: --steps '%.40s': give a whole number from 1 to %d\n", text, MOST_STEPS);
        return RATTAN_USAGE;
    }
    *steps = (int)value;
    return RATTAN_OK;
}

/* What is wrong getopt_long has said. */
static rattan_status parse_options(int argc, char **argv, Options *options) {
    static const struct option LIST[] = {
        {"steps", required_argument, NULL, 's'}, {"dense", no_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
    *options = (Options){.steps = STEPS};
    for (int letter; (letter = getopt_long(argc, argv, "s:dh", LIST, NULL)) != -1;) {
        if (letter == '?' || (letter == 's' && parse_steps(optarg, &options->steps) != RATTAN_OK))
            return RATTAN_USAGE;
        options->dense |= letter == 'd';
        options->help |= letter == 'h';
    }
    if (!options->help && argc - optind != 2) {
        fprintf(stderr, "train: give LAYER.lua and TEXT (see train --help)\n");
        return RATTAN_USAGE;
    }
    options->layer = argv[optind];
    options->text = options->help ? NULL : argv[optind + 1];
    return RATTAN_OK;
}

static rattan_status run(const Options *options) {
    rattan_context *context = NULL;
    rattan_error    error;
    char            line[2048];
    Corpus          corpus;
    rattan_status   status = corpus_read(options->text, &corpus);
    if (status != RATTAN_OK)
        return status;
    Model model = model_new(corpus.kinds);
    if (!options->dense) {
        status = rattan_context_create(NULL, &context, &error);
        if (status == RATTAN_OK)
            status = get_kernels(context, options->layer, &model, &error);
        if (status != RATTAN_OK) {
            rattan_error_text(&error, line, sizeof line);
            fprintf(stderr, "train: %s\n", line);
        }
    }
    if (status == RATTAN_OK)
        status = (rattan_status)train(&model, &corpus, options->steps);
    rattan_context_destroy(context);
    return status;
}

int main(int argc, char **argv) {
    Options options;
    atexit(free_all);
    if (parse_options(argc, argv, &options) != RATTAN_OK)
        return RATTAN_USAGE;
    if (options.help) {
        print_help();
        return RATTAN_OK;
    }
    return (int)run(&options);
}
