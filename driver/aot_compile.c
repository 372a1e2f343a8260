/* Compiles what a library holds, or takes it from the cache of kernels: a build that was interrupted goes on there. */
#include "driver/aot.h"

#include <stdlib.h>
#include <string.h>

#include "driver/terminal.h"
#include "driver/tune_shapes.h"

int aot_last_resort(const AotLibrary *library) {
    int found = -1;
    for (int t = 0; t < library->target_count; t++)
        if (library->targets[t].gpu && !library->targets[t].target.exact)
            found = t;
    return found;
}

static void drop_ptx(CodeObject *object) {
    if (object->ptx)
        object->ptx[0] = '\0';
    for (int p = 0; p < object->phase_count; p++)
        object->phases[p].ptx_at = 0;
}

static bool has_maps(const CodeObject *object) {
    for (int p = 0; p < object->phase_count; p++)
        if (object->phases[p].map_count > 0)
            return true;
    return false;
}

static Status add_code(Ctx *ctx, Session *session, const AotLibrary *library, AotFunction *function, AotCode code,
                       const char *schedule) {
    CompileRequest request = {
        .spec = &function->item->spec,
        .kind = function->kind,
        .variant = function->variant,
        .target = &library->targets[code.target].target,
        .schedule = schedule,
        .emit = EMIT_OBJECT,
    };
    if (!schedule)
        TRY(tuning_apply_elsewhere(ctx, session->tuning, code.bucket, &request));
    code.tuned = !schedule && request.schedule;
    TRY(session_object(ctx, session->cache, &request, &code.object, NULL));
    code.tuned &= request.origin != SCHEDULE_TUNED || compile_took(ctx, &request, code.object);
    if (code.target != aot_last_resort(library))
        drop_ptx(code.object);
    const Status status = code_object_encode(ctx, code.object, &code.bytes, &code.size);
    if (status != ST_OK) {
        code_object_free(code.object);
        return status;
    }
    PUSH(ctx, function->codes, function->code_count, function->code_capacity, code);
    return ST_OK;
}

/* A kernel whose copy engine wants aligned tensors gets one beside it that takes all. */
static Status add_codes(Ctx *ctx, Session *session, const AotLibrary *library, AotFunction *function, AotCode code) {
    TRY(add_code(ctx, session, library, function, code, session->schedule));
    if (!has_maps(function->codes[function->code_count - 1].object) || session->schedule)
        return ST_OK;
    code.plain = true;
    return add_code(ctx, session, library, function, code, "roles=0 gradient_roles=0");
}

static Status compile_function(Ctx *ctx, Session *session, const AotLibrary *library, AotFunction *function) {
    TuneBuckets *buckets = NEW(ctx, TuneBuckets);
    buckets->count = 1; /* of any shape */
    if (library->shapes)
        TRY(tune_shapes_parse(ctx, library->shapes, function->kind, buckets));
    for (int t = 0; t < library->target_count; t++)
        for (int b = 0; b < buckets->count; b++)
            TRY(add_codes(ctx, session, library, function, (AotCode){.target = t, .bucket = buckets->items[b]}));
    return ST_OK;
}

Status aot_compile(Ctx *ctx, Session *session, AotLibrary *library) {
    Progress progress;
    Status   status = ST_OK;
    progress_start(&progress, "compiling");
    for (int f = 0; status == ST_OK && f < library->function_count; f++) {
        status = compile_function(ctx, session, library, &library->functions[f]);
        progress_step(&progress, f + 1, library->function_count);
    }
    progress_end(&progress);
    return status;
}

void aot_free(AotLibrary *library) {
    for (int f = 0; f < library->function_count; f++)
        for (int c = 0; c < library->functions[f].code_count; c++) {
            code_object_free(library->functions[f].codes[c].object);
            free(library->functions[f].codes[c].bytes);
        }
    library->function_count = 0;
}
