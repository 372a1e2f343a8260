/* What a GPU can do at most, measured: a bf16 matrix product through cuBLAS, and a copy within its memory. */
#ifndef RATTAN_DRIVER_CUDA_CEILINGS_H
#define RATTAN_DRIVER_CUDA_CEILINGS_H

#include "runtime/cuda_device.h"

typedef struct CudaCeilings {
    CudaDevice *device;
    CuStream    stream;
    CuEvent     start, end;
    CuPointer   a, b, c; /* matrices, and the ends of the copy */
    void       *blas;    /* cuBLAS' handle; NULL where it cannot be opened */
    int (*product)(void *handle, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type,
                   int lda, const void *b, int b_type, int ldb, const void *beta, void *c, int c_type, int ldc,
                   int compute, int algorithm);
    int (*destroy)(void *handle);
} CudaCeilings;

/* cuBLAS, from the loader's path or $CUDA_HOME; NULL where there is none. It stays mapped. */
void *cuda_open_blas(Ctx *ctx);

/* The device's context must be current, here and below. Memory is 400 MB. cuda_ceilings_close even after a failure. */
Status cuda_ceilings_open(Ctx *ctx, CudaDevice *device, CuStream stream, CudaCeilings *out);
void   cuda_ceilings_close(CudaCeilings *ceilings);

/* Flops a second of one product of two 8192 x 8192 matrices of random numbers; 0 without cuBLAS. */
Status cuda_ceiling_product(Ctx *ctx, const CudaCeilings *ceilings, double *flops);
/* Bytes a second, read and written, of one copy. */
Status cuda_ceiling_copy(Ctx *ctx, const CudaCeilings *ceilings, double *bytes);

#endif
