/* Devices by index: see cuda_device.h. */
#include "runtime/cuda_device.h"

#include <stdlib.h>

static int attribute(const CudaDevice *device, int number) {
    int value = 0;
    return device->driver.device_attribute(&value, number, device->handle) == 0 ? value : 0;
}

static void read_facts(CudaDevice *device, int index) {
    CudaFacts *facts = &device->facts;
    size_t     bytes = 0;
    *facts = (CudaFacts){
        .index = index,
        .major = attribute(device, CU_DEVICE_MAJOR),
        .minor = attribute(device, CU_DEVICE_MINOR),
        .multiprocessors = attribute(device, CU_DEVICE_MULTIPROCESSORS),
        .shared_bytes = attribute(device, CU_DEVICE_SHARED_OPTIN),
        .registers = attribute(device, CU_DEVICE_REGISTERS),
        .clock_khz = attribute(device, CU_DEVICE_CLOCK_KHZ),
        .memory_clock_khz = attribute(device, CU_DEVICE_MEMORY_CLOCK_KHZ),
        .bus_bits = attribute(device, CU_DEVICE_BUS_BITS),
        .l2_bytes = attribute(device, CU_DEVICE_L2_BYTES),
    };
    device->driver.device_name(facts->name, sizeof facts->name, device->handle);
    if (device->driver.bus_id && device->driver.bus_id(facts->bus_id, sizeof facts->bus_id, device->handle) != 0)
        facts->bus_id[0] = '\0';
    if (device->driver.device_memory(&bytes, device->handle) == 0)
        facts->memory_bytes = (int64_t)bytes;
    device->driver.version(&facts->driver_version);
}

static Status open_device(Ctx *ctx, int index, CudaDevice *device) {
    const CudaDriver *driver = &device->driver;
    int               count = 0;
    TRY(cuda_driver_open(ctx, &device->driver));
    TRY(cuda_check(ctx, driver, driver->device_count(&count), "CUDA", "cuDeviceGetCount"));
    if (index < 0 || index >= count)
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA", "`rattan doctor` lists the devices",
                        "there is no device %d, only 0 to %d", index, count - 1);
    TRY(cuda_check(ctx, driver, driver->device_get(&device->handle, index), "CUDA", "cuDeviceGet"));
    TRY(cuda_check(ctx, driver, driver->context_retain(&device->context, device->handle), "CUDA",
                   "cuDevicePrimaryCtxRetain"));
    read_facts(device, index);
    return ST_OK;
}

Status cuda_device_open(Ctx *ctx, int index, CudaDevice **out) {
    CudaDevice *device = calloc(1, sizeof *device);
    if (!device)
        return ctx_fail(ctx, ST_NO_MEMORY, "CUDA", NULL, "out of memory");
    const Status status = open_device(ctx, index, device);
    if (status == ST_OK)
        *out = device;
    else
        cuda_device_close(device);
    return status;
}

void cuda_device_close(CudaDevice *device) {
    if (!device)
        return;
    if (device->context)
        device->driver.context_release(device->handle);
    free(device);
}

int cuda_device_count(void) {
    CudaDriver driver;
    Ctx        ctx;
    int        count = 0;
    ctx_init(&ctx);
    if (cuda_driver_open(&ctx, &driver) != ST_OK || driver.device_count(&count) != 0)
        count = 0;
    ctx_free(&ctx);
    return count;
}

Status cuda_enter(Ctx *ctx, const CudaDevice *device, bool *pushed) {
    CuContext current = NULL;
    *pushed = false;
    if (device->driver.context_current(&current) == 0 && current == device->context)
        return ST_OK;
    TRY(cuda_check(ctx, &device->driver, device->driver.context_push(device->context), "CUDA", "cuCtxPushCurrent"));
    *pushed = true;
    return ST_OK;
}

void cuda_leave(const CudaDevice *device, bool pushed) {
    CuContext ignored;
    if (pushed)
        device->driver.context_pop(&ignored);
}

bool cuda_enter_to_free(const CudaDevice *device) {
    Ctx  ctx;
    bool pushed;
    ctx_init(&ctx);
    cuda_enter(&ctx, device, &pushed);
    ctx_free(&ctx);
    return pushed;
}

int cuda_relax(const CudaDevice *device) {
    int mode = CU_CAPTURE_RELAXED;
    return device->driver.capture_mode && device->driver.capture_mode(&mode) == 0 ? mode : CU_CAPTURE_RELAXED;
}

void cuda_restore(const CudaDevice *device, int mode) {
    if (mode != CU_CAPTURE_RELAXED)
        device->driver.capture_mode(&mode);
}

/* Calls the driver's function inside the context and turns its result into `status`. */
#define INSIDE(status, what, call)                                                                                     \
    do {                                                                                                               \
        bool pushed_;                                                                                                  \
        TRY(cuda_enter(ctx, device, &pushed_));                                                                        \
        const int result_ = device->driver.call;                                                                       \
        cuda_leave(device, pushed_);                                                                                   \
        (status) = cuda_check(ctx, &device->driver, result_, "CUDA", what);                                            \
    } while (0)

Status cuda_alloc(Ctx *ctx, const CudaDevice *device, int64_t bytes, CuPointer *out) {
    Status status;
    INSIDE(status, "cuMemAlloc", memory_alloc(out, bytes > 0 ? (size_t)bytes : 1));
    return status;
}

void cuda_free(const CudaDevice *device, CuPointer pointer) {
    if (!pointer)
        return;
    const bool pushed = cuda_enter_to_free(device);
    device->driver.memory_free(pointer);
    cuda_leave(device, pushed);
}

Status cuda_copy_in(Ctx *ctx, const CudaDevice *device, CuPointer to, const void *from, int64_t bytes) {
    Status status = ST_OK;
    if (bytes > 0)
        INSIDE(status, "cuMemcpyHtoD", copy_in(to, from, (size_t)bytes));
    /* From pageable memory it may return before the tensor is there, and other streams do not wait for it. */
    return status == ST_OK && bytes > 0 ? cuda_stream_wait(ctx, device, NULL) : status;
}

Status cuda_copy_out(Ctx *ctx, const CudaDevice *device, void *to, CuPointer from, int64_t bytes) {
    Status status = ST_OK;
    if (bytes > 0)
        INSIDE(status, "cuMemcpyDtoH", copy_out(to, from, (size_t)bytes));
    return status;
}

Status cuda_stream_create(Ctx *ctx, const CudaDevice *device, CuStream *out) {
    Status status;
    INSIDE(status, "cuStreamCreate", stream_create(out, CU_STREAM_NON_BLOCKING));
    return status;
}

void cuda_stream_destroy(const CudaDevice *device, CuStream stream) {
    if (!stream)
        return;
    const bool pushed = cuda_enter_to_free(device);
    device->driver.stream_destroy(stream);
    cuda_leave(device, pushed);
}

bool cuda_stream_capturing(const CudaDevice *device, CuStream stream) {
    Ctx  ctx;
    bool pushed, capturing = false;
    ctx_init(&ctx);
    if (cuda_enter(&ctx, device, &pushed) == ST_OK) {
        capturing = cuda_is_known_capturing(&device->driver, stream);
        cuda_leave(device, pushed);
    }
    ctx_free(&ctx);
    return capturing;
}

Status cuda_stream_wait(Ctx *ctx, const CudaDevice *device, CuStream stream) {
    Status status;
    INSIDE(status, "cuStreamSynchronize", stream_wait(stream));
    return status;
}
