/* GPU targets: the rows of archs.def. In: a name or a compute capability. Out: facts for the passes. Asks no device. */
#include "codegen/ptx/ptx_codegen.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { WARP = 32 };

typedef struct Arch {
    const char *name;
    int         major, minor;
    bool        exact;
    int64_t     shared_bytes;
    int         registers, processors, product_warps, cluster;
    double      flops_per_cycle, product_flops, special_results, cache_bytes, memory_bytes;
    const char *help;
} Arch;

static const Arch ARCHS[] = {
#define ARCH(...) {__VA_ARGS__},
#include "codegen/ptx/archs.def"
#undef ARCH
};
enum { ARCH_COUNT = sizeof ARCHS / sizeof *ARCHS };

/* The names as targets have them. */
static const char *const NAMES[] = {
#define ARCH(name, ...) "cuda:" name,
#include "codegen/ptx/archs.def"
#undef ARCH
};

const char *ptx_target_name(int index) { return index < ARCH_COUNT ? NAMES[index] : NULL; }

const char *ptx_target_help(int index) { return index < ARCH_COUNT ? ARCHS[index].help : NULL; }

/* The exact row; else the highest of the same major; else the highest below, through PTX. */
const char *ptx_arch_for(int major, int minor) {
    const char *found = NULL;
    for (int a = 0; a < ARCH_COUNT; a++) {
        const Arch *arch = &ARCHS[a];
        if (arch->major == major && arch->minor == minor)
            return NAMES[a];
        if (!arch->exact && (arch->major < major || (arch->major == major && arch->minor < minor)))
            found = NAMES[a];
    }
    return found;
}

int ptx_most_registers(const Target *target, int threads, int blocks) {
    const int left = target->registers / (threads * blocks) / 8 * 8;
    return left < 255 ? left : 255;
}

static Status unknown(Ctx *ctx, const char *name) {
    Text list = TEXT(ctx);
    for (int a = 0; a < ARCH_COUNT; a++)
        text_add(&list, ", %s", NAMES[a]);
    return ctx_fail(ctx, ST_USAGE, "target",
                    ctx_printf(ctx, "the GPUs are cuda (the one that is here)%s", text_str(&list)),
                    "there is no target '%.60s'", name);
}

Status ptx_find_target(Ctx *ctx, const char *name, Target *target) {
    for (int a = 0; a < ARCH_COUNT; a++) {
        const Arch *arch = &ARCHS[a];
        if (strcmp(name, NAMES[a]) != 0)
            continue;
        *target = (Target){.warp_size = WARP,
                           .shared_bytes = arch->shared_bytes,
                           .registers = arch->registers,
                           .cluster = arch->cluster,
                           .product_warps = arch->product_warps,
                           .exact = arch->exact,
                           .processors = arch->processors,
                           .flops_per_cycle = arch->flops_per_cycle,
                           .product_flops = arch->product_flops,
                           .special_results = arch->special_results,
                           .cache_bytes = arch->cache_bytes,
                           .memory_bytes = arch->memory_bytes};
        snprintf(target->name, sizeof target->name, "%s", name);
        snprintf(target->triple, sizeof target->triple, "nvptx64-nvidia-cuda");
        snprintf(target->cpu, sizeof target->cpu, "%s", arch->name);
        return ST_OK;
    }
    return unknown(ctx, name);
}
