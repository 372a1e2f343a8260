/* The float64 reference of RATTENTION, straight from the definition: softmax over the window row by row, and for the
 * residual branch a running state. Kernels are judged against it, so it shares no code with them.
 *
 * In:  a spec and its inputs by name: q [B,T,H,D], k [B,T,Hk,D], v [B,T,Hk,E]; cu_seqlens [N+1] where packed; swa_norm,
 * rla_norm [H,E]; sink [H]; q_scale, k_scale [D]; h0 [N,H,F,E]. Any floating types. Shapes are the caller's to check.
 * Out: the chosen rows of o, swa, rla and lse, and the final state: with fold = L that of the last multiple of L tokens. */
#ifndef RATTAN_DRIVER_REFERENCE_H
#define RATTAN_DRIVER_REFERENCE_H

#include "base/spec.h"
#include "driver/tensor_set.h"
#include "driver/terminal.h"

typedef struct ReferenceRequest {
    const Spec      *spec;
    const TensorSet *inputs;
    /* Every operation rounded to float32 and o to the spec's dtype: "the same formula evaluated densely with float32
     * accumulation", the measure of what a kernel of that type may lose. */
    bool           single;
    int64_t        position; /* of each sequence's first token, for rope */
    const int64_t *rows;     /* b * T + t, ascending; NULL: all B * T */
    int64_t        row_count;
    int            threads;
    Progress      *progress; /* started; stepped by tokens. NULL: none */
} ReferenceRequest;

typedef struct Reference {
    int64_t B, T, N, row_count;
    double *o, *swa, *rla;  /* [row][H][E] */
    double *lse;            /* [row][H] */
    double *final_state;    /* [N][Hk][F][E], or [N][H][F][E] with h0; NULL where full */
    int64_t state_elements; /* of final_state */
} Reference;

Status reference_run(Ctx *ctx, const ReferenceRequest *request, Reference *out);

/* phi(x) in float64, or every node rounded to float32. `values` holds reference_map_values(map) doubles; returns where
 * phi(x) lies in it. */
int64_t       reference_map_values(const FeatureMap *map);
const double *reference_map(const FeatureMap *map, const double *x, double *values, bool single);

/* Multiply-adds that evaluating `rows` rows costs, with the states of all B * T: to decide on sampling. */
double reference_cost(const Spec *spec, int64_t tokens, int64_t rows);

#endif
