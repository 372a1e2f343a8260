/* Lays a launch out and enqueues its steps: see cuda_launch.h. */
#include "runtime/cuda_launch.h"

static const int64_t MOST_BLOCKS = INT32_MAX;

/* Items of a phase, and the blocks that do them. */
static Status count_blocks(Ctx *ctx, const CodePhase *phase, const CudaDevice *device, const LaunchSizes *sizes,
                           CudaStep *step) {
    const int processors = device->facts.multiprocessors;
    bool      over = false;
    step->items = 1;
    for (int a = 0; a < phase->axis_count; a++)
        over |= __builtin_mul_overflow(step->items, launch_dim(sizes, phase->axes[a]), &step->items);
    const int64_t most = (int64_t)(processors > 0 ? processors : 1) * phase->resident;
    const int64_t limit = phase->blocks > 0 && phase->blocks < most ? phase->blocks : most;
    const int64_t blocks = phase->resident > 0 && step->items > limit ? limit : step->items;
    if (over || blocks > MOST_BLOCKS || step->items > UINT32_MAX) /* kernels count items in 32 bits */
        return ctx_fail(ctx, ST_USAGE, phase->symbol, "use a smaller batch", "would take more than %lld blocks",
                        (long long)MOST_BLOCKS);
    step->blocks = (unsigned)blocks;
    return ST_OK;
}

Status cuda_launch_plan(Ctx *ctx, const CodeObject *object, const CudaDevice *device, const CuFunction *functions,
                        MapCache *maps, const LaunchSizes *sizes, CudaLaunch *launch) {
    CuTensorMap *room = launch->maps;
    launch->step_count = 0;
    launch->phases = 0;
    launch->cluster = 1;
    launch->args_count = 5 * object->param_count + SYM_COUNT;
    for (int p = 0; p < object->phase_count; p++) {
        const CodePhase *phase = &object->phases[p];
        CudaStep        *step = &launch->steps[launch->step_count];
        TRY(count_blocks(ctx, phase, device, sizes, step));
        if (step->blocks == 0)
            continue;
        step->function = functions[p];
        step->maps = room;
        step->threads = (unsigned)phase->threads;
        step->shared_bytes = (unsigned)phase->shared_bytes;
        step->phase = p;
        step->overlaps = phase->overlaps && launch->step_count > 0;
        step->beside = (uint32_t)phase->beside;
        step->beside_before = (uint32_t)phase->beside_before;
        step->cluster = phase->cluster ? (unsigned)launch_dim(sizes, phase->axes[phase->axis_count - 1]) : 1;
        launch->cluster = step->cluster > launch->cluster ? step->cluster : launch->cluster;
        if (phase->map_count > 0)
            TRY(map_cache_get(ctx, maps, p, sizes, launch->args, room));
        room += phase->map_count;
        launch->phases |= UINT32_C(1) << p;
        launch->step_count++;
    }
    return ST_OK;
}

void cuda_launch_parameters(CudaLaunch *launch, int step, void *parameters[2]) {
    launch->args[launch->args_count] = launch->steps[step].items;
    parameters[0] = launch->args;
    parameters[1] = launch->steps[step].maps;
}

int cuda_launch_step(const CudaDriver *driver, CudaLaunch *launch, int step, CuStream stream) {
    const CudaStep *s = &launch->steps[step];
    void           *parameters[2];
    cuda_launch_parameters(launch, step, parameters);
    CuLaunchAttribute attributes[2];
    unsigned          count = 0;
    if (s->overlaps)
        attributes[count++] = (CuLaunchAttribute){.id = CU_LAUNCH_OVERLAPS, .value.number = 1};
    if (s->cluster > 1)
        attributes[count++] = (CuLaunchAttribute){.id = CU_LAUNCH_CLUSTER, .value.dims = {s->cluster, 1, 1}};
    if (count == 0)
        return driver->launch(s->function, s->blocks, 1, 1, s->threads, 1, 1, s->shared_bytes, stream, parameters,
                              NULL);
    const CuLaunchConfig config = {s->blocks, 1, 1, s->threads, 1, 1, s->shared_bytes, stream, attributes, count};
    return driver->launch_with(&config, s->function, parameters, NULL);
}
