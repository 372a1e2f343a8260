/* Host tensors through a device: see device_launch.h. */
#include "driver/device_launch.h"

#include "driver/tensor_set.h"

#include <string.h>

/* Bytes from the first to behind the last element. */
static int64_t span(const Tensor *tensor) {
    int64_t last = 0;
    for (int d = 0; d < tensor->rank; d++) {
        if (tensor->dims[d] == 0)
            return 0;
        last += (tensor->dims[d] - 1) * tensor->strides[d];
    }
    return (last + 1) * (int64_t)dtype_size(tensor->dtype);
}

Status device_tensors_make(Ctx *ctx, CudaDevice *device, const Tensor *host, int count, DeviceTensors *out) {
    *out = (DeviceTensors){.device = device, .tensors = NEW_ARRAY(ctx, Tensor, count)};
    for (int t = 0; t < count; t++) {
        CuPointer memory = 0;
        if (host[t].data && span(&host[t]) > 0)
            TRY(cuda_alloc(ctx, device, span(&host[t]), &memory));
        out->tensors[t] = host[t];
        out->tensors[t].data = (void *)(uintptr_t)memory;
        out->count++;
        if (memory)
            TRY(cuda_copy_in(ctx, device, memory, host[t].data, span(&host[t])));
    }
    return ST_OK;
}

void device_tensors_free(DeviceTensors *tensors) {
    for (int t = 0; t < tensors->count; t++)
        cuda_free(tensors->device, (CuPointer)(uintptr_t)tensors->tensors[t].data);
    tensors->count = 0;
}

/* Row by row of the last dim: what lies between rows belongs to others. */
static void copy_rows(const Tensor *to, const char *from) {
    const int64_t size = (int64_t)dtype_size(to->dtype);
    int64_t       dims[4] = {1, 1, 1, 1}, strides[4] = {0};
    for (int d = 0; d < to->rank && d < 4; d++) {
        dims[4 - to->rank + d] = to->dims[d];
        strides[4 - to->rank + d] = to->strides[d];
    }
    for (int64_t row = 0; row < dims[0] * dims[1] * dims[2]; row++) {
        const int64_t a = row / dims[2] / dims[1], b = row / dims[2] % dims[1], c = row % dims[2];
        const int64_t offset = (a * strides[0] + b * strides[1] + c * strides[2]) * size;
        memcpy((char *)to->data + offset, from + offset, (size_t)(dims[3] * size));
    }
}

static Status copy_back(Ctx *ctx, const CodeObject *object, const Tensor *host, const DeviceTensors *tensors) {
    for (int p = 0, t = 0; p < object->param_count; p++) {
        if (object->params[p].role == PARAM_WORK)
            continue;
        const Tensor *tensor = &tensors->tensors[t];
        if (object->params[p].role != PARAM_IN && tensor->data) {
            char *copy = ctx_alloc(ctx, (size_t)span(tensor));
            TRY(cuda_copy_out(ctx, tensors->device, copy, (CuPointer)(uintptr_t)tensor->data, span(tensor)));
            copy_rows(&host[t], copy);
        }
        t++;
    }
    return ST_OK;
}

int caller_params(const CodeObject *object) {
    int count = 0;
    for (int p = 0; p < object->param_count; p++)
        count += object->params[p].role != PARAM_WORK;
    return count;
}

Status device_run(Ctx *ctx, CudaDevice *device, const CodeObject *object, const Tensor *args, DeviceRun *run, void *arg) {
    DeviceTensors tensors;
    Status        status = device_tensors_make(ctx, device, args, caller_params(object), &tensors);
    if (status == ST_OK)
        status = run(ctx, arg, tensors.tensors);
    if (status == ST_OK)
        status = copy_back(ctx, object, args, &tensors);
    device_tensors_free(&tensors);
    return status;
}

typedef struct Launch {
    CudaExecutable *executable;
    int64_t         position;
} Launch;

static Status launch_and_wait(Ctx *ctx, void *arg, const Tensor *tensors) {
    const Launch   *launch = arg;
    const CudaPlace place = {0};
    TRY(cuda_executable_launch(ctx, launch->executable, &place, tensors, launch->position));
    return cuda_executable_wait(ctx, launch->executable, NULL, tensors, launch->position);
}

Status device_launch(Ctx *ctx, CudaExecutable *executable, const Tensor *args, int64_t position) {
    Launch launch = {executable, position};
    return device_run(ctx, cuda_executable_device(executable), cuda_executable_object(executable), args, launch_and_wait, &launch);
}
