/* The time of a layer as a function of its window and context, fitted to few measured points; where a window begins to
 * beat full attention; and what a sequence carries from token to token.
 *
 * The model: seconds = a * query-key pairs of all heads + b * tokens + c, none of them negative, times a factor for the
 * window that is 1 where the three fit (tiles change with the window). Errors are relative. Break-even asks the three
 * alone: a window's own factor is as much noise as tiles, and a larger window never has less to do. */
#ifndef RATTAN_DRIVER_EXPLORE_MODEL_H
#define RATTAN_DRIVER_EXPLORE_MODEL_H

#include "base/spec.h"

enum { MODEL_TERMS = 3, MODEL_SAMPLES = 64 };

/* What the time is linear in. Of forward and backward: of one sequence of `context` tokens; of decode: of a step of one
 * token a sequence behind `context` others. */
typedef struct ModelWork {
    double terms[MODEL_TERMS]; /* pairs x heads, tokens, 1 */
} ModelWork;

ModelWork model_work(const Spec *spec, KernelKind kind, int64_t sequences, int64_t context);

typedef struct ModelSample {
    ModelWork work;
    int64_t   window; /* 0: full attention */
    double    seconds;
} ModelSample;

typedef struct TimeModel {
    double  weights[MODEL_TERMS];
    int64_t windows[MODEL_SAMPLES]; /* rising: those with samples */
    double  factors[MODEL_SAMPLES];
    int     window_count;
    double  miss; /* root mean square of what the three terms alone are off by, relative */
} TimeModel;

/* At least one sample. */
void   model_fit(const ModelSample *samples, int count, TimeModel *out);
double model_seconds(const TimeModel *model, const ModelWork *work, int64_t window);
/* By the three terms alone. */
double model_fitted(const TimeModel *model, const ModelWork *work);

/* The smallest context, `least` or above, from which on, up to MODEL_LONGEST, the layer takes less time than full
 * attention, even if it took 1 + margin times as long as `layer` says (margin above -1); 0: none. */
#define MODEL_LONGEST ((int64_t)1 << 24)
typedef double ModelTime(const void *arg, int64_t context);
int64_t        model_break_even(ModelTime *layer, ModelTime *full, const void *arg, int64_t least, double margin);

/* Bytes that a sequence of `context` tokens carries: the ring and the state; of full attention all keys and values. */
double carried_ring_bytes(const Spec *spec, int64_t context);
double carried_state_bytes(const Spec *spec);
/* The smallest context at which full attention's keys and values are more bytes than the layer's ring and state: from
 * there on a step of decode reads less. Above the window by as many rows as the state is worth, and one. */
int64_t carried_break_even(const Spec *spec, const Spec *full);

#endif
