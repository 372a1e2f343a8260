/* The rows of gradients.h: what one sequence and key/value head computes, and the memory for it. For gradients.c alone.
 *
 * In:  a GradientRun with its inputs found, results and parts zeroed, and a worker for each thread.
 * Out: gradient_item adds one item's share to them. Items of one run may run at the same time: no two have rows of
 *      results or parts in common. */
#ifndef RATTAN_DRIVER_GRADIENT_ROWS_H
#define RATTAN_DRIVER_GRADIENT_ROWS_H

#include "driver/gradients.h"
#include "driver/layer_inputs.h"

#include <stdatomic.h>

typedef struct GradientWorker GradientWorker;

typedef struct GradientRun {
    const Spec             *spec;
    const GradientsRequest *request;
    LayerInputs             in;
    const Tensor           *d_o, *d_final;
    int64_t                 features, ring;     /* ring: keys of a window */
    double                 *dq, *dk, *dv, *dh0; /* of the results: rows that one item alone writes */
    /* What many items add to: each its own, added up in order at the end. NULL where the spec has them not. */
    double         *swa_norm_parts, *rla_norm_parts; /* [N][H][E] */
    double         *sink_parts;                      /* [N][H] */
    double         *q_scale_parts, *k_scale_parts;   /* [N][Hk][D] */
    GradientWorker *workers;
    atomic_llong    tokens; /* walked, by all items */
} GradientRun;

/* Memory of one thread. */
struct GradientWorker {
    const GradientRun *run;
    double            *state;          /* [F][E]: S, then dS */
    double            *key, *value;    /* [ring][D], [ring][E]: rope(k_j) and v_j in row j mod ring */
    double            *p, *slope;      /* [ring]: of the keys of one row: probability; dscore/d(scale q.k) */
    double            *query, *dquery; /* [D]: rope(q_i) and its gradient */
    double            *raw, *x, *dx; /* [D]: of a feature map's input: before q_scale or k_scale, after it, gradient */
    double            *map_values, *map_gradients, *dphi;
    double            *y, *dy, *dbranch, *h0_row; /* [E]: a branch's row, do, the branch's gradient */
    double             mean;                     /* dbranch . y */
    double            *drla;                      /* [T][G][E] of the sequence */
};

GradientWorker gradient_worker_new(Ctx *ctx, const GradientRun *run, int64_t longest);

/* A PoolItem; arg is the GradientRun. Item n * Hk + head. */
void gradient_item(void *arg, int64_t item, int thread);

#endif
