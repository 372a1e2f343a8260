/* A GPU's ceilings: see cuda_ceilings.h. cuBLAS is opened at run time and optional. */
#include "driver/cuda_ceilings.h"

#include "base/dtype.h"
#include "driver/layer_case.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8192, TYPE_BF16 = 14, COMPUTE_FP32 = 68, DEFAULT_ALGORITHM = -1, NOISE_ROWS = 64 };

static const int64_t MATRIX_BYTES = (int64_t)SIDE * SIDE * 2;

void *cuda_open_blas(Ctx *ctx) {
    static const char *const NAMES[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};
    const char              *home = getenv("CUDA_HOME");
    void                    *library = NULL;
    for (int n = 0; n < 3 && !library; n++)
        library = dlopen(NAMES[n], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    for (int n = 0; n < 3 && !library; n++)
        library = dlopen(ctx_printf(ctx, "%s/lib64/%s", home ? home : "/usr/local/cuda", NAMES[n]),
                         RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return library;
}

static bool find(void *library, const char *name, void *place) {
    void *address = dlsym(library, name);
    memcpy(place, &address, sizeof address);
    return address != NULL;
}

/* Leaves blas NULL where anything is missing: the ceiling is then not known. */
static void start_blas(Ctx *ctx, CudaCeilings *ceilings) {
    int (*create)(void **handle), (*set_stream)(void *handle, CuStream stream);
    void *library = cuda_open_blas(ctx), *handle = NULL;
    if (!library)
        return;
    if (find(library, "cublasCreate_v2", &create) && find(library, "cublasSetStream_v2", &set_stream) &&
        find(library, "cublasGemmEx", &ceilings->product) && find(library, "cublasDestroy_v2", &ceilings->destroy) &&
        create(&handle) == 0 && set_stream(handle, ceilings->stream) == 0)
        ceilings->blas = handle;
    dlclose(library);
}

/* Random numbers: zeros draw less power and so run at higher clocks. */
static Status fill_matrix(Ctx *ctx, const CudaCeilings *ceilings, CuPointer matrix, uint64_t seed) {
    const int64_t count = (int64_t)NOISE_ROWS * SIDE, bytes = 2 * count;
    uint16_t     *noise = ctx_alloc(ctx, (size_t)bytes);
    Random        random = {seed};
    for (int64_t i = 0; i < count; i++)
        dtype_store(DT_BF16, noise, i, random_normal(&random));
    for (int64_t at = 0; at < MATRIX_BYTES; at += bytes)
        TRY(cuda_copy_in(ctx, ceilings->device, matrix + (CuPointer)at, noise, bytes));
    return ST_OK;
}

Status cuda_ceilings_open(Ctx *ctx, CudaDevice *device, CuStream stream, CudaCeilings *out) {
    const CudaDriver *driver = &device->driver;
    *out = (CudaCeilings){.device = device, .stream = stream};
    TRY(cuda_check(ctx, driver, driver->event_create(&out->start, 0), "ceilings", "cuEventCreate"));
    TRY(cuda_check(ctx, driver, driver->event_create(&out->end, 0), "ceilings", "cuEventCreate"));
    TRY(cuda_alloc(ctx, device, MATRIX_BYTES, &out->a));
    TRY(cuda_alloc(ctx, device, MATRIX_BYTES, &out->b));
    TRY(cuda_alloc(ctx, device, MATRIX_BYTES, &out->c));
    TRY(fill_matrix(ctx, out, out->a, 1));
    TRY(fill_matrix(ctx, out, out->b, 2));
    start_blas(ctx, out);
    return ST_OK;
}

void cuda_ceilings_close(CudaCeilings *ceilings) {
    if (ceilings->blas)
        ceilings->destroy(ceilings->blas);
    if (ceilings->start)
        ceilings->device->driver.event_destroy(ceilings->start);
    if (ceilings->end)
        ceilings->device->driver.event_destroy(ceilings->end);
    cuda_free(ceilings->device, ceilings->a);
    cuda_free(ceilings->device, ceilings->b);
    cuda_free(ceilings->device, ceilings->c);
}

static Status begin(Ctx *ctx, const CudaCeilings *ceilings) {
    const CudaDriver *driver = &ceilings->device->driver;
    return cuda_check(ctx, driver, driver->event_record(ceilings->start, ceilings->stream), "ceilings",
                      "cuEventRecord");
}

static Status finish(Ctx *ctx, const CudaCeilings *ceilings, double *seconds) {
    const CudaDriver *driver = &ceilings->device->driver;
    float             milliseconds = 0;
    TRY(cuda_check(ctx, driver, driver->event_record(ceilings->end, ceilings->stream), "ceilings", "cuEventRecord"));
    TRY(cuda_check(ctx, driver, driver->event_wait(ceilings->end), "ceilings", "cuEventSynchronize"));
    TRY(cuda_check(ctx, driver, driver->event_elapsed(&milliseconds, ceilings->start, ceilings->end), "ceilings",
                   "cuEventElapsedTime"));
    *seconds = 1e-3 * (double)milliseconds;
    return ST_OK;
}

Status cuda_ceiling_product(Ctx *ctx, const CudaCeilings *ceilings, double *flops) {
    const float one = 1, zero = 0;
    double      seconds;
    *flops = 0;
    if (!ceilings->blas)
        return ST_OK;
    TRY(begin(ctx, ceilings));
    const int result =
        ceilings->product(ceilings->blas, 0, 0, SIDE, SIDE, SIDE, &one, (void *)(uintptr_t)ceilings->a, TYPE_BF16, SIDE,
                          (void *)(uintptr_t)ceilings->b, TYPE_BF16, SIDE, &zero, (void *)(uintptr_t)ceilings->c,
                          TYPE_BF16, SIDE, COMPUTE_FP32, DEFAULT_ALGORITHM);
    TRY(finish(ctx, ceilings, &seconds));
    *flops = result == 0 ? 2.0 * SIDE * SIDE * SIDE / seconds : 0;
    return ST_OK;
}

Status cuda_ceiling_copy(Ctx *ctx, const CudaCeilings *ceilings, double *bytes) {
    const CudaDriver *driver = &ceilings->device->driver;
    double            seconds;
    TRY(begin(ctx, ceilings));
    for (int i = 0; i < 2; i++) /* there and back again, to one matrix each: 128 MB, more than an L2 cache holds */
        TRY(cuda_check(ctx, driver,
                       driver->copy_within(i ? ceilings->c : ceilings->a, i ? ceilings->b : ceilings->c,
                                           (size_t)MATRIX_BYTES, ceilings->stream),
                       "ceilings", "cuMemcpyDtoDAsync"));
    TRY(finish(ctx, ceilings, &seconds));
    *bytes = 4.0 * (double)MATRIX_BYTES / seconds;
    return ST_OK;
}
