/* Tensors of the kernels that the tests of the runtime have written by hand: rows of q, each with a gap behind it, and rows of o,
 * [batch, tokens, HEADS, WIDTH] floats. */
#ifndef RATTAN_TESTS_GPU_ROWS_TESTING_H
#define RATTAN_TESTS_GPU_ROWS_TESTING_H

#include "tests/gpu/gpu_testing.h"

#include <stdlib.h>

enum { HEADS = 3, WIDTH = 40, STRIDE = HEADS * WIDTH + 8 /* of a token of q */ };

typedef struct Data {
    int64_t   batch, tokens;
    float    *host, *result; /* q and o on the host */
    CuPointer q, o;
    Tensor    tensors[2];
    int       turn; /* how many inputs there have been */
} Data;

static inline int64_t rows_of(const Data *data) { return data->batch * data->tokens; }
static inline int64_t q_bytes(const Data *data) { return rows_of(data) * STRIDE * 4; }
static inline int64_t o_bytes(const Data *data) { return rows_of(data) * HEADS * WIDTH * 4; }

/* Holds nothing yet. data_free even after a failure. */
static inline Status data_new(Ctx *ctx, CudaDevice *device, int64_t batch, int64_t tokens, Data *data) {
    *data = (Data){.batch = batch, .tokens = tokens};
    data->host = malloc((size_t)q_bytes(data));
    data->result = malloc((size_t)o_bytes(data));
    if (!data->host || !data->result)
        return ctx_fail(ctx, ST_NO_MEMORY, NULL, NULL, "out of memory");
    TRY(cuda_alloc(ctx, device, q_bytes(data), &data->q));
    TRY(cuda_alloc(ctx, device, o_bytes(data), &data->o));
    data->tensors[0] = (Tensor){
        (void *)(uintptr_t)data->q, DT_F32, 4, {batch, tokens, HEADS, WIDTH}, {tokens * STRIDE, STRIDE, WIDTH, 1}};
    data->tensors[1] = (Tensor){(void *)(uintptr_t)data->o,
                                DT_F32,
                                4,
                                {batch, tokens, HEADS, WIDTH},
                                {tokens * HEADS * WIDTH, HEADS * WIDTH, WIDTH, 1}};
    return ST_OK;
}

static inline void data_free(CudaDevice *device, Data *data) {
    cuda_free(device, data->q);
    cuda_free(device, data->o);
    free(data->host);
    free(data->result);
}

/* o into `result`, once the stream's work is done. */
static inline Status data_fetch(Ctx *ctx, CudaDevice *device, Data *data, CuStream stream) {
    TRY(cuda_stream_wait(ctx, device, stream));
    return cuda_copy_out(ctx, device, data->result, data->o, o_bytes(data));
}

#endif
