/* Fitting times, break-even, carried memory: see explore_model.h. */
#include "driver/explore_model.h"

#include "driver/bench_case.h"

#include <math.h>
#include <string.h>

ModelWork model_work(const Spec *spec, KernelKind kind, int64_t sequences, int64_t context) {
    const bool   step = kind == KIND_DECODE;
    const double pairs = step ? bench_case_pairs(spec, context, 1) : bench_case_pairs(spec, 0, context);
    const double tokens = step ? 1 : (double)context;
    return (ModelWork){{pairs * spec->heads * (double)sequences, tokens * (double)sequences, 1}};
}

/* ---- Least squares ---- */
/* Solves the n equations in place by elimination; false: they leave an unknown open. */
static bool solve(double a[MODEL_TERMS][MODEL_TERMS + 1], int n) {
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int r = i + 1; r < n; r++)
            if (fabs(a[r][i]) > fabs(a[best][i]))
                best = r;
        if (fabs(a[best][i]) < 1e-9)
            return false;
        for (int c = 0; c <= n && best != i; c++) {
            const double swap = a[i][c];
            a[i][c] = a[best][c];
            a[best][c] = swap;
        }
        for (int r = 0; r < n; r++) {
            const double factor = r == i ? 0 : a[r][i] / a[i][i];
            for (int c = i; c <= n; c++)
                a[r][c] -= factor * a[i][c];
        }
    }
    return true;
}

static double linear(const double *weights, const ModelWork *work) {
    double sum = 0;
    for (int t = 0; t < MODEL_TERMS; t++)
        sum += weights[t] * work->terms[t];
    return sum;
}

static double squares(const ModelSample *samples, int count, const double *weights) {
    double sum = 0;
    for (int s = 0; s < count; s++) {
        const double miss = linear(weights, &samples[s].work) / samples[s].seconds - 1;
        sum += miss * miss;
    }
    return sum;
}

/* The weights of the terms in `chosen` that fit best, the others 0; terms are scaled to their largest, so that pivots
 * compare. */
static bool fit_terms(const ModelSample *samples, int count, unsigned chosen, double *weights) {
    double equations[MODEL_TERMS][MODEL_TERMS + 1] = {{0}}, scale[MODEL_TERMS] = {0};
    int    term[MODEL_TERMS], n = 0;
    for (int t = 0; t < MODEL_TERMS; t++)
        if (chosen >> t & 1)
            term[n++] = t;
    for (int i = 0; i < n; i++)
        for (int s = 0; s < count; s++)
            scale[i] = fmax(scale[i], samples[s].work.terms[term[i]] / samples[s].seconds);
    for (int s = 0; s < count; s++)
        for (int i = 0; i < n; i++) {
            const double x = samples[s].work.terms[term[i]] / samples[s].seconds / scale[i];
            for (int j = 0; j < n; j++)
                equations[i][j] += x * samples[s].work.terms[term[j]] / samples[s].seconds / scale[j];
            equations[i][n] += x;
        }
    memset(weights, 0, sizeof *weights * MODEL_TERMS);
    if (n > count || !solve(equations, n))
        return false;
    for (int i = 0; i < n; i++)
        weights[term[i]] = equations[i][n] / equations[i][i] / scale[i];
    return true;
}

/* The best of all choices of terms whose weights are not negative: three terms have seven. Fewer terms where they do as
 * well. */
static void fit_weights(const ModelSample *samples, int count, double *best) {
    static const unsigned CHOICES[] = {1, 2, 4, 3, 5, 6, 7};
    double                least = INFINITY;
    for (size_t c = 0; c < sizeof CHOICES / sizeof *CHOICES; c++) {
        double weights[MODEL_TERMS];
        bool   fine = fit_terms(samples, count, CHOICES[c], weights);
        for (int t = 0; t < MODEL_TERMS; t++)
            fine = fine && weights[t] >= 0;
        const double sum = fine ? squares(samples, count, weights) : INFINITY;
        if (sum < least * (1 - 1e-9)) {
            least = sum;
            memcpy(best, weights, sizeof weights);
        }
    }
}

/* ---- Factors of windows ---- */
static int place_of(TimeModel *model, int64_t window) {
    int at = 0;
    while (at < model->window_count && model->windows[at] < window)
        at++;
    if (at < model->window_count && model->windows[at] == window)
        return at;
    memmove(&model->windows[at + 1], &model->windows[at], sizeof *model->windows * (size_t)(model->window_count - at));
    model->windows[at] = window;
    model->window_count++;
    return at;
}

/* Of several samples of a window the geometric mean. */
static void find_factors(const ModelSample *samples, int count, TimeModel *model) {
    model->window_count = 0;
    for (int s = 0; s < count; s++)
        place_of(model, samples[s].window);
    for (int w = 0; w < model->window_count; w++) {
        double sum = 0;
        int    found = 0;
        for (int s = 0; s < count; s++) {
            if (samples[s].window != model->windows[w])
                continue;
            sum += log(samples[s].seconds / linear(model->weights, &samples[s].work));
            found++;
        }
        model->factors[w] = exp(sum / found);
    }
}

void model_fit(const ModelSample *samples, int count, TimeModel *out) {
    *out = (TimeModel){0};
    fit_weights(samples, count, out->weights);
    out->miss = sqrt(squares(samples, count, out->weights) / count);
    find_factors(samples, count, out);
}

/* Between windows with samples by the logarithm of the window. */
static double factor_of(const TimeModel *model, int64_t window) {
    int above = 0;
    while (above < model->window_count && model->windows[above] < window)
        above++;
    if (above == model->window_count)
        return model->factors[above - 1];
    if (above == 0 || model->windows[above] == window)
        return model->factors[above];
    const double low = log2((double)model->windows[above - 1]), high = log2((double)model->windows[above]);
    const double share = (log2((double)window) - low) / (high - low);
    return model->factors[above - 1] * (1 - share) + model->factors[above] * share;
}

double model_seconds(const TimeModel *model, const ModelWork *work, int64_t window) {
    return linear(model->weights, work) * factor_of(model, window);
}

double model_fitted(const TimeModel *model, const ModelWork *work) { return linear(model->weights, work); }

/* ---- Break-even ---- */
/* Looked at from above, in steps of an eighth of an octave, and by halves within the step where it changes. */
int64_t model_break_even(ModelTime *layer, ModelTime *full, const void *arg, int64_t least, double margin) {
    int64_t behind = least - 1, ahead = MODEL_LONGEST; /* the largest context known to be behind; one that is ahead */
    if (least > ahead || (1 + margin) * layer(arg, ahead) >= full(arg, ahead))
        return 0;
    while (ahead > least) {
        const int64_t step = (int64_t)((double)ahead * 0.917), context = step < least ? least : step;
        if ((1 + margin) * layer(arg, context) >= full(arg, context)) {
            behind = context;
            break;
        }
        ahead = context;
    }
    while (ahead - behind > 1) {
        const int64_t middle = behind + (ahead - behind) / 2;
        if ((1 + margin) * layer(arg, middle) < full(arg, middle))
            ahead = middle;
        else
            behind = middle;
    }
    return ahead;
}

/* ---- Memory ---- */
double carried_ring_bytes(const Spec *spec, int64_t context) {
    const int64_t rows = spec->full ? context : spec_ring_rows(spec);
    return (double)rows * spec->kv_heads * (spec->head_dim + spec->value_dim) * (double)dtype_size(spec->dtype);
}

double carried_state_bytes(const Spec *spec) {
    const int heads = spec->initial_state ? spec->heads : spec->kv_heads;
    return (double)heads * spec_features(spec) * spec->value_dim * (double)dtype_size(spec->state_dtype);
}

int64_t carried_break_even(const Spec *spec, const Spec *full) {
    const double carried = carried_ring_bytes(spec, 0) + carried_state_bytes(spec);
    return (int64_t)floor(carried / carried_ring_bytes(full, 1)) + 1;
}
