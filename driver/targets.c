/* Targets of both back ends: see targets.h. */
#include "driver/targets.h"

#include "codegen/llvm/llvm_codegen.h"
#include "codegen/ptx/ptx_codegen.h"
#include "runtime/pool.h"

#include <string.h>

#include "base/suggest.h"

enum { MOST_TARGETS = 64 };

bool target_name_is_cuda(const char *name) { return strcmp(name, "cuda") == 0 || strncmp(name, "cuda:", 5) == 0; }

/* What a row promises and the device has: a row may stand in for newer chips that have less. 0: the driver does not say. */
static int64_t of_both(int64_t row, int64_t device) { return device > 0 && device < row ? device : row; }

Status target_of_device(Ctx *ctx, const CudaDevice *device, Target *target) {
    const CudaFacts *facts = &device->facts;
    const char      *name = ptx_arch_for(facts->major, facts->minor);
    if (!name)
        return ctx_fail(ctx, ST_NO_DEVICE, "cuda", "use a GPU of compute capability 8.0 or newer",
                        "device %d is a %s of compute capability %d.%d, which is too old", facts->index, facts->name,
                        facts->major, facts->minor);
    TRY(ptx_find_target(ctx, target_name_is_cuda(name) ? name : ctx_printf(ctx, "cuda:%s", name), target));
    target->processors = facts->multiprocessors;
    target->shared_bytes = of_both(target->shared_bytes, facts->shared_bytes);
    target->registers = (int)of_both(target->registers, facts->registers);
    target->native = true;
    return ST_OK;
}

static Status present_device(Ctx *ctx, Target *target) {
    CudaDevice *device;
    TRY(cuda_device_open(ctx, 0, &device));
    const CudaDevice closed = {.facts = device->facts}; /* the arena may be full: nothing is open then */
    cuda_device_close(device);
    return target_of_device(ctx, &closed, target);
}

/* Neither a CPU nor, by its name, a GPU. */
static Status unknown(Ctx *ctx, const char *name) {
    Text        known = TEXT(ctx);
    const char *names[MOST_TARGETS] = {NULL};
    int         count = 0;
    for (; count < MOST_TARGETS && target_name(count); count++) {
        names[count] = target_name(count);
        text_add(&known, "%s%s", count ? ", " : "", names[count]);
    }
    const char *nearest = suggest(target_name_is_cuda(name) || strncmp(name, "sm_", 3) ? name : ctx_printf(ctx, "cuda:%s", name), names, count);
    ctx_clear(ctx);
    return ctx_fail(ctx, ST_USAGE, "target",
                    nearest ? ctx_printf(ctx, "did you mean %s? 'rattan targets' lists them", nearest)
                            : ctx_printf(ctx, "use one of %s, or cuda, the GPU that is here", text_str(&known)),
                    "there is no target '%.60s'", name);
}

Status target_find(Ctx *ctx, const char *name, Target *target) {
    if (name && strcmp(name, "cuda") == 0)
        return present_device(ctx, target);
    if (name && target_name_is_cuda(name))
        return ptx_find_target(ctx, name, target);
    if (llvm_find_target(ctx, name ? name : "host", target) != ST_OK)
        return unknown(ctx, name);
    if (target->processors)
        target->processors = pool_threads_for(0);
    return ST_OK;
}

void target_use_threads(Target *target, int threads) {
    if (threads > 0 && !target_is_cuda(target))
        target->processors = pool_threads_for(threads);
}

static int cpu_count(void) {
    int count = 0;
    while (llvm_target_name(count))
        count++;
    return count;
}

const char *target_name(int index) {
    const int cpus = cpu_count();
    return index < cpus ? llvm_target_name(index) : ptx_target_name(index - cpus);
}

const char *target_help(int index) {
    const int cpus = cpu_count();
    return index < cpus ? llvm_target_help(index) : ptx_target_help(index - cpus);
}
