/* Keys of tunings: see tuning_key.h. */
#include "driver/tuning_key.h"

#include "driver/compile.h"
#include "driver/fingerprint.h"
#include "driver/machine.h"
#include "driver/targets.h"
#include "codegen/ptx/nvrtc.h"
#include "frontend/frontend.h"
#include "passes/search_space.h"
#include "runtime/key.h"
#include "runtime/pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t round_up(int64_t value) {
    int64_t power = 1;
    while (power < value && power < (int64_t)1 << 40)
        power *= 2;
    return value > 0 ? power : 0;
}

TuningBucket tuning_bucket(int64_t sequences, int64_t tokens) {
    return (TuningBucket){round_up(sequences), round_up(tokens)};
}

const char *tuning_bucket_text(Ctx *ctx, TuningBucket bucket) {
    return ctx_printf(ctx, "N=%lld T=%lld", (long long)bucket.N, (long long)bucket.T);
}

bool tuning_bucket_parse(const char *text, TuningBucket *bucket) {
    long long N, T;
    int       end = 0;
    if (sscanf(text, "N=%lld T=%lld%n", &N, &T, &end) != 2 || text[end] || N < 1 || T < 1)
        return false;
    *bucket = (TuningBucket){N, T};
    return true;
}

static int log_of(int64_t power) {
    int log = 0;
    while (power > 1) {
        power /= 2;
        log++;
    }
    return log;
}

int tuning_bucket_distance(TuningBucket a, TuningBucket b) {
    return abs(log_of(a.N) - log_of(b.N)) + abs(log_of(a.T) - log_of(b.T));
}

/* Kernels that run on other threads than the cores there are have other best schedules. Of a CPU by its name the target knows
 * no number unless one was given. */
static const char *cpu_text(Ctx *ctx, const Target *target) {
    const char *model = machine_processor(ctx);
    const int   cores = pool_usable_cores(), threads = pool_threads_for(target->processors);
    return ctx_printf(ctx, "%s (%s), %d cores%s", model ? model : "processor", target->cpu, cores,
                      threads == cores ? "" : ctx_printf(ctx, ", %d threads", threads));
}

static void name_compilers(Ctx *ctx, const Target *target, TuningKey *key) {
    const bool gpu = target_is_cuda(target);
    key->compiler = gpu ? ctx_printf(ctx, "%s; %s", target->name, nvrtc_version(ctx)) : llvm_version();
    key->build = COMPILER_FINGERPRINT;
    key->space = SEARCH_SPACE_VERSION;
}

bool tuning_key_machine(Ctx *ctx, const Target *target, const CudaDevice *device, TuningKey *key) {
    const bool gpu = target_is_cuda(target);
    if (!target->native || (gpu && !device))
        return false;
    key->machine = gpu ? ctx_strdup(ctx, device->facts.name) : cpu_text(ctx, target);
    key->driver = gpu ? ctx_printf(ctx, "CUDA %d.%d", device->facts.driver_version / 1000,
                                   device->facts.driver_version % 1000 / 10)
                      : "";
    name_compilers(ctx, target, key);
    return true;
}

bool tuning_key_target(Ctx *ctx, const Target *target, TuningKey *key) {
    if (!target_is_cuda(target))
        return false;
    key->machine = key->driver = NULL;
    name_compilers(ctx, target, key);
    return true;
}

/* The layer with the numbers that are mere constants in its code at one value each: no schedule depends on which. */
static void fix_constants(Spec *spec) {
    spec->scale = pow(spec->head_dim, -0.5);
    spec->softcap = spec->softcap > 0 ? 50 : 0;
    spec->rope_theta = spec->rope_theta > 0 ? 500000 : 0;
    spec->norm_eps = spec->norm_eps > 0 ? 1e-8 : 0;
}

const char *tuning_spec_text(Ctx *ctx, const Spec *spec) {
    Spec *layer = NEW(ctx, Spec);
    Text  text = TEXT(ctx);
    *layer = *spec;
    snprintf(layer->name, sizeof layer->name, "layer");
    fix_constants(layer);
    spec_print(&text, layer);
    return text_str(&text);
}

static bool can_save(KernelKind kind) { return kind == KIND_FORWARD || kind == KIND_BACKWARD; }

const char *tuning_kind(KernelKind kind, int variant) {
    static const char *const SAVED[KIND_COUNT] = {[KIND_FORWARD] = "forward+saved", [KIND_BACKWARD] = "backward+saved"};
    return variant & VARIANT_SAVED && SAVED[kind] ? SAVED[kind] : kind_name(kind);
}

Status tuning_variant_parse(Ctx *ctx, const char *text, KernelKind kind, int *variant) {
    *variant = 0;
    if (!text)
        return ST_OK;
    if (strcmp(text, "saved") != 0)
        return ctx_fail(ctx, ST_USAGE, "--with", "write --with saved, or leave it out: kernels with other parts take the plain one's tunings",
                        "there are no tunings of '%.40s'", text);
    if (!can_save(kind))
        return ctx_fail(ctx, ST_USAGE, "--with", "give --kind forward or backward, or leave it out", "kind %s saves nothing", kind_name(kind));
    *variant = VARIANT_SAVED;
    return ST_OK;
}

void tuning_key_layer(Ctx *ctx, const Spec *spec, KernelKind kind, int variant, TuningKey *key) {
    const char *text = tuning_spec_text(ctx, spec);
    const Key   hash = key_of(text, strlen(text));
    char        hex[KEY_HEX];
    key_print(&hash, hex);
    key->spec = ctx_strdup(ctx, hex);
    key->kind = tuning_kind(kind, variant);
}
