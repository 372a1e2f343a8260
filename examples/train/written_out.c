/* See written_out.h. One query row at a time: its softmax over the window's keys, its sum over all older ones, and, of the
 * gradients, what it hands to each of them. */
#include "written_out.h"

#include <math.h>
#include <string.h>

enum { FEATURES = 2 * HEAD_DIM, MOST_TOKENS = 256 };
static const double SCALE = 0.25, THETA = 10000, EPS = 1e-8; /* SCALE = HEAD_DIM ^ -0.5 */

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void axpy(double factor, const double *x, double *y, int n) {
    for (int i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void load(const float *x, double *out) {
    for (int d = 0; d < HEAD_DIM; d++)
        out[d] = (double)x[d];
}

static void add_to(const double *x, float *out) {
    for (int d = 0; d < HEAD_DIM; d++)
        out[d] += (float)x[d];
}

/* turn = -1: back. */
static void rope(double *x, int position, double turn) {
    for (int n = 0; n < HEAD_DIM / 2; n++) {
        const double angle = position * pow(THETA, -2.0 * n / HEAD_DIM), c = cos(angle), s = turn * sin(angle);
        const double a = x[2 * n], b = x[2 * n + 1];
        x[2 * n] = a * c - b * s;
        x[2 * n + 1] = a * s + b * c;
    }
}

static void softmax(const double *x, double sign, double *y) {
    double sum = 0;
    for (int d = 0; d < HEAD_DIM; d++)
        sum += y[d] = exp(sign * x[d]);
    for (int d = 0; d < HEAD_DIM; d++)
        y[d] /= sum;
}

static void features(const double *x, double *phi) {
    softmax(x, 1, phi);
    softmax(x, -1, phi + HEAD_DIM);
}

static void features_gradient(const double *phi, const double *dphi, double *dx) {
    for (int half = 0; half < 2; half++) {
        const double *y = phi + half * HEAD_DIM, *dy = dphi + half * HEAD_DIM, mean = dot(y, dy, HEAD_DIM);
        for (int d = 0; d < HEAD_DIM; d++)
            dx[d] += (half ? -1 : 1) * y[d] * (dy[d] - mean);
    }
}

/* y += x / rms(x) * gain; -> 1 / rms(x) */
static double norm(const double *x, const float *gain, double *y) {
    const double inverse = 1 / sqrt(dot(x, x, HEAD_DIM) / HEAD_DIM + EPS);
    for (int d = 0; d < HEAD_DIM; d++)
        y[d] += x[d] * inverse * (double)gain[d];
    return inverse;
}

static void norm_gradient(const double *x, double inverse, const float *gain, const double *dy, double *dx,
                          float *dgain) {
    double u[HEAD_DIM];
    for (int d = 0; d < HEAD_DIM; d++) {
        u[d] = dy[d] * (double)gain[d];
        dgain[d] += (float)(dy[d] * x[d] * inverse);
    }
    const double along = inverse * inverse * dot(x, u, HEAD_DIM) / HEAD_DIM;
    for (int d = 0; d < HEAD_DIM; d++)
        dx[d] = inverse * (u[d] - along * x[d]);
}

/* ---- One head of one sequence ---- */

typedef struct Head {
    const Attention *a;
    int              tokens, batch, head;
    double           k[MOST_TOKENS][HEAD_DIM], roped[MOST_TOKENS][HEAD_DIM], v[MOST_TOKENS][HEAD_DIM];
    double           phi[MOST_TOKENS][FEATURES];
    double           q[HEAD_DIM], roped_q[HEAD_DIM], phi_q[FEATURES]; /* of the current row */
    double           p[MOST_TOKENS], swa[HEAD_DIM], rla[HEAD_DIM];
} Head;

static int row_of(const Head *h, int token) { return (h->batch * h->tokens + token) * HEADS + h->head; }
static int key_of(const Head *h, int token) {
    return (h->batch * h->tokens + token) * KV_HEADS + h->head / (HEADS / KV_HEADS);
}
static int first_key(int i) { return i < WINDOW ? 0 : i - WINDOW + 1; }

static void load_keys(Head *h) {
    for (int j = 0; j < h->tokens; j++) {
        load(h->a->k + key_of(h, j) * HEAD_DIM, h->k[j]);
        load(h->a->v + key_of(h, j) * HEAD_DIM, h->v[j]);
        memcpy(h->roped[j], h->k[j], sizeof h->k[j]);
        rope(h->roped[j], j, 1);
        features(h->k[j], h->phi[j]);
    }
}

static void compute_row(Head *h, int i) {
    double sum = 0;
    load(h->a->q + row_of(h, i) * HEAD_DIM, h->q);
    memcpy(h->roped_q, h->q, sizeof h->q);
    rope(h->roped_q, i, 1);
    features(h->q, h->phi_q);
    memset(h->swa, 0, sizeof h->swa);
    memset(h->rla, 0, sizeof h->rla);
    for (int j = first_key(i); j <= i; j++)
        sum += h->p[j] = exp(SCALE * dot(h->roped_q, h->roped[j], HEAD_DIM));
    for (int j = first_key(i); j <= i; j++)
        axpy(h->p[j] /= sum, h->v[j], h->swa, HEAD_DIM);
    for (int j = 0; j < first_key(i); j++)
        axpy(dot(h->phi_q, h->phi[j], FEATURES), h->v[j], h->rla, HEAD_DIM);
}

static void row_forward(Head *h, int i) {
    double o[HEAD_DIM] = {0};
    compute_row(h, i);
    norm(h->swa, h->a->swa_norm + h->head * HEAD_DIM, o);
    norm(h->rla, h->a->rla_norm + h->head * HEAD_DIM, o);
    for (int d = 0; d < HEAD_DIM; d++)
        h->a->o[row_of(h, i) * HEAD_DIM + d] = (float)o[d];
}

/* Softmax's half of a row's gradients. */
static void window_gradient(const Head *h, int i, const double *dswa, double *dq) {
    const double mean = dot(dswa, h->swa, HEAD_DIM);
    double       roped_dq[HEAD_DIM] = {0};
    for (int j = first_key(i); j <= i; j++) {
        const double ds = SCALE * h->p[j] * (dot(dswa, h->v[j], HEAD_DIM) - mean);
        double       dk[HEAD_DIM] = {0}, dv[HEAD_DIM] = {0};
        axpy(ds, h->roped[j], roped_dq, HEAD_DIM);
        axpy(ds, h->roped_q, dk, HEAD_DIM);
        axpy(h->p[j], dswa, dv, HEAD_DIM);
        rope(dk, j, -1);
        add_to(dk, h->a->dk + key_of(h, j) * HEAD_DIM);
        add_to(dv, h->a->dv + key_of(h, j) * HEAD_DIM);
    }
    rope(roped_dq, i, -1);
    axpy(1, roped_dq, dq, HEAD_DIM);
}

static void residual_gradient(const Head *h, int i, const double *drla, double *dq) {
    double dphi_q[FEATURES] = {0};
    for (int j = 0; j < first_key(i); j++) {
        const double weight = dot(h->phi_q, h->phi[j], FEATURES), along = dot(drla, h->v[j], HEAD_DIM);
        double       dphi[FEATURES] = {0}, dk[HEAD_DIM] = {0}, dv[HEAD_DIM] = {0};
        axpy(along, h->phi[j], dphi_q, FEATURES);
        axpy(along, h->phi_q, dphi, FEATURES);
        axpy(weight, drla, dv, HEAD_DIM);
        features_gradient(h->phi[j], dphi, dk);
        add_to(dk, h->a->dk + key_of(h, j) * HEAD_DIM);
        add_to(dv, h->a->dv + key_of(h, j) * HEAD_DIM);
    }
    features_gradient(h->phi_q, dphi_q, dq);
}

static void row_backward(Head *h, int i) {
    const Attention *a = h->a;
    const int        gain = h->head * HEAD_DIM;
    double           dy[HEAD_DIM], none[HEAD_DIM] = {0}, dswa[HEAD_DIM], drla[HEAD_DIM], dq[HEAD_DIM] = {0};
    compute_row(h, i);
    load(a->d_o + row_of(h, i) * HEAD_DIM, dy);
    norm_gradient(h->swa, norm(h->swa, a->swa_norm + gain, none), a->swa_norm + gain, dy, dswa, a->dswa_norm + gain);
    norm_gradient(h->rla, norm(h->rla, a->rla_norm + gain, none), a->rla_norm + gain, dy, drla, a->drla_norm + gain);
    window_gradient(h, i, dswa, dq);
    residual_gradient(h, i, drla, dq);
    add_to(dq, a->dq + row_of(h, i) * HEAD_DIM);
}

static void each_row(const Attention *a, int batch, int tokens, void (*fn)(Head *, int)) {
    static Head h;
    for (int b = 0; b < batch; b++)
        for (int head = 0; head < HEADS; head++) {
            h.a = a;
            h.tokens = tokens;
            h.batch = b;
            h.head = head;
            load_keys(&h);
            for (int i = 0; i < tokens; i++)
                fn(&h, i);
        }
}

void dense_forward(const Attention *a, int batch, int tokens) { each_row(a, batch, tokens, row_forward); }

void dense_backward(const Attention *a, int batch, int tokens) {
    const size_t rows = (size_t)batch * (size_t)tokens, row = sizeof(float) * HEAD_DIM;
    memset(a->dq, 0, rows * HEADS * row);
    memset(a->dk, 0, rows * KV_HEADS * row);
    memset(a->dv, 0, rows * KV_HEADS * row);
    memset(a->dswa_norm, 0, HEADS * row);
    memset(a->drla_norm, 0, HEADS * row);
    each_row(a, batch, tokens, row_backward);
}
