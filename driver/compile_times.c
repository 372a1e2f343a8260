/* Times from spec to callable: see compile_times.h. */
#include "driver/compile_times.h"

#include "driver/terminal.h"
#include "frontend/frontend.h"

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
    const CompileRequest request = request_for(timing, &timing->item->spec);
    Status               status = session_object(ctx, cache, &request, &kernel.object);
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

static Status from_memory(Ctx *ctx, void *arg) {
    Timing              *timing = arg;
    Cache               *cache;
    CodeObject          *object;
    const CompileRequest request = request_for(timing, &timing->item->spec);
    TRY(cache_open(ctx, timing->folder, 0, &cache));
    Status status = session_object(ctx, cache, &request, &object);
    if (status == ST_OK)
        code_object_free(object);
    const double start = seconds_now();
    for (int i = 0; i < MEMORY_ROUNDS && status == ST_OK; i++) {
        status = session_object(ctx, cache, &request, &object);
        if (status == ST_OK)
            code_object_free(object);
    }
    timing->memory = (seconds_now() - start) / MEMORY_ROUNDS;
    cache_close(cache);
    return status;
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
