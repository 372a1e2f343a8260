/* Times from spec to callable: see compile_times.h. */
#include "driver/compile_times.h"

#include "base/clock.h"
#include "frontend/frontend.h"
#include "rattan/rattan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 5, MEMORY_ROUNDS = 200 };

typedef struct Timing {
    Session        *session;
    const char     *path;
    const SpecItem *item;
    KernelKind      kind;
    int64_t         ring_rows;
    const char     *folder;
    double          cold, disk, memory;
} Timing;

static CompileRequest request_for(const Timing *timing, const Spec *spec) {
    return (CompileRequest){.spec = spec,
                            .kind = timing->kind,
                            .ring_rows = timing->ring_rows < 0 ? 0 : timing->ring_rows,
                            .target = &timing->session->target,
                            .schedule = timing->session->schedule,
                            .emit = EMIT_OBJECT};
}

/* All of it once, with a cache that has just been opened. */
static Status from_text(Ctx *ctx, const Timing *timing, double *seconds) {
    const double start = seconds_now();
    SpecFile     file;
    Cache       *cache;
    ReadyKernel  kernel = {0};
    TRY(spec_load_file(ctx, timing->path, &file));
    TRY(cache_open(ctx, timing->folder, 0, &cache));
    CompileRequest request = request_for(timing, &timing->item->spec);
    Status         status = session_tune(ctx, timing->session, &request);
    if (status == ST_OK)
        status = session_object(ctx, cache, &request, &kernel.object, NULL);
    if (status == ST_OK)
        status = session_load_kernel(ctx, timing->session, &kernel);
    *seconds = seconds_now() - start;
    kernel_free(&kernel);
    cache_close(cache);
    return status;
}

static Status empty_cache(Ctx *ctx, const Timing *timing) {
    Cache     *cache;
    CacheSwept swept;
    TRY(cache_open(ctx, timing->folder, 0, &cache));
    cache_clear(cache, &swept);
    cache_close(cache);
    return ST_OK;
}

/* Through the public interface, as an application asks again for what it has: the same request, the kernel at once. */
static rattan_status from_memory_of(rattan_context *context, const rattan_spec *spec, Timing *timing, rattan_error *error) {
    const rattan_kernel_request request = {.spec = spec,
                                           .kind = (rattan_kind)timing->kind,
                                           .ring_rows = timing->ring_rows < 0 ? 0 : timing->ring_rows,
                                           .schedule = timing->session->schedule,
                                           .sequences = timing->session->bucket.N,
                                           .tokens = timing->session->bucket.T};
    rattan_kernel *kernel;
    rattan_status  status = rattan_kernel_get(context, &request, &kernel, error);
    const double   start = seconds_now();
    for (int i = 0; i < MEMORY_ROUNDS && status == RATTAN_OK; i++)
        status = rattan_kernel_get(context, &request, &kernel, error);
    timing->memory = (seconds_now() - start) / MEMORY_ROUNDS;
    return status;
}

static Status from_memory(Ctx *ctx, void *arg) {
    Timing                      *timing = arg;
    const rattan_context_options options = {.cache_dir = timing->folder,
                                            .target = timing->session->target.name,
                                            .no_tuning = timing->session->tuning == TUNING_OFF};
    rattan_context              *context = NULL;
    rattan_spec                 *spec = NULL;
    rattan_error                 error = {0};
    Text                         text = TEXT(ctx);
    spec_print(&text, &timing->item->spec);
    rattan_status status = rattan_context_create(&options, &context, &error);
    if (status == RATTAN_OK)
        status = rattan_spec_from_text(timing->item->spec.name, text_str(&text), strlen(text_str(&text)), &spec, &error);
    if (status == RATTAN_OK)
        status = from_memory_of(context, spec, timing, &error);
    rattan_spec_destroy(spec);
    rattan_context_destroy(context);
    return status == RATTAN_OK ? ST_OK : ctx_fail(ctx, (Status)status, error.place, error.remedy, "%s", error.message);
}

/* The least of a few: what it costs when nothing else runs. */
static Status from_cold_and_disk(Ctx *ctx, void *arg) {
    Timing *timing = arg;
    for (int round = 0; round < ROUNDS; round++) {
        double cold, disk;
        TRY(empty_cache(ctx, timing));
        TRY(from_text(ctx, timing, &cold));
        TRY(from_text(ctx, timing, &disk));
        timing->cold = round && timing->cold < cold ? timing->cold : cold;
        timing->disk = round && timing->disk < disk ? timing->disk : disk;
    }
    return ST_OK;
}

Status compile_times(Ctx *ctx, Session *session, const char *path, const SpecItem *item, KernelKind kind,
                     int64_t ring_rows, CompileTimes *out) {
    char   folder[] = "/tmp/rattan_times_XXXXXX";
    Timing timing = {session, path, item, kind, ring_rows, folder, 0, 0, 0};
    *out = (CompileTimes){0};
    if (!mkdtemp(folder))
        return ctx_fail(ctx, ST_FAILED, "/tmp", "make it writable", "cannot make a folder for the cache");
    Status status = with_own_memory(ctx, from_cold_and_disk, &timing);
    if (status == ST_OK)
        status = with_own_memory(ctx, from_memory, &timing);
    empty_cache(ctx, &timing);
    rmdir(folder);
    *out = (CompileTimes){timing.cold, timing.disk, timing.memory};
    return status;
}
