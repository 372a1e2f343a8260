/* The public interface's errors and specs: see rattan/rattan.h.
 *
 * In:  paths and texts from an application.
 * Out: rattan_spec, which owns an arena with the items and their canonical texts.
 * Always: whatever goes wrong ends in a rattan_status and, if wanted, a rattan_error. */
#include "driver/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"

_Static_assert((int)RATTAN_OK == ST_OK && (int)RATTAN_FAILED == ST_FAILED && (int)RATTAN_USAGE == ST_USAGE &&
                   (int)RATTAN_MISMATCH == ST_MISMATCH && (int)RATTAN_NO_DEVICE == ST_NO_DEVICE &&
                   (int)RATTAN_INTEGRITY == ST_INTEGRITY && (int)RATTAN_NO_MEMORY == ST_NO_MEMORY,
               "rattan_status mirrors Status");
_Static_assert((int)RATTAN_FP32 == DT_F32 + 1 && (int)RATTAN_BF16 == DT_BF16 + 1 && (int)RATTAN_FP16 == DT_F16 + 1 &&
                   (int)RATTAN_FP64 == DT_F64 + 1 && (int)RATTAN_I32 == DT_I32 + 1 && (int)RATTAN_I64 == DT_I64 + 1,
               "rattan_dtype is DType and one");
_Static_assert(sizeof((rattan_error *)0)->place == sizeof((Ctx *)0)->place &&
                   sizeof((rattan_error *)0)->message == sizeof((Ctx *)0)->message &&
                   sizeof((rattan_error *)0)->remedy == sizeof((Ctx *)0)->remedy,
               "rattan_error has room for a Ctx's texts");

DType api_dtype(rattan_dtype dtype) {
    return (int)dtype >= (int)RATTAN_FP32 && (int)dtype <= DT_COUNT ? (DType)((int)dtype - 1) : DT_COUNT;
}

rattan_dtype api_public_dtype(DType dtype) { return (rattan_dtype)((int)dtype + 1); }

/* ---- Errors -------------------------------------------------------------------------------------------------------
 */
rattan_status api_report(const Ctx *ctx, Status status, rattan_error *error) {
    if (status != ST_OK && error) {
        error->status = (rattan_status)status;
        snprintf(error->place, sizeof error->place, "%s", ctx->place);
        snprintf(error->message, sizeof error->message, "%s", ctx->message);
        snprintf(error->remedy, sizeof error->remedy, "%s", ctx->remedy);
    }
    return (rattan_status)status;
}

bool api_has(const void *pointer, const char *what, rattan_error *error) {
    Ctx ctx;
    if (pointer)
        return true;
    ctx_init(&ctx);
    api_report(&ctx, ctx_fail(&ctx, ST_USAGE, what, "see whether the call that should have made it failed", "is NULL"), error);
    return false;
}

rattan_status api_run(Status (*fn)(Ctx *ctx, void *arg), void *arg, rattan_error *error) {
    Ctx ctx;
    ctx_init(&ctx);
    const rattan_status status = api_report(&ctx, ctx_run(&ctx, fn, arg), error);
    ctx_free(&ctx);
    return status;
}

int rattan_error_text(const rattan_error *error, char *out, size_t size) {
    return snprintf(out, size, "%s%s%s%s%s%s", error->place, error->place[0] ? ": " : "", error->message,
                    error->remedy[0] ? " (" : "", error->remedy, error->remedy[0] ? ")" : "");
}

const char *rattan_version(void) { return RATTAN_VERSION; }

/* ---- Specs --------------------------------------------------------------------------------------------------------
 */
typedef struct SpecSource {
    rattan_spec *spec;
    const char  *path, *name, *text;
    size_t       length;
} SpecSource;

static Status load_spec(Ctx *ctx, void *arg) {
    const SpecSource *source = arg;
    rattan_spec      *spec = source->spec;
    if (source->path)
        TRY(spec_load_file(ctx, source->path, &spec->file));
    else
        TRY(spec_load_text(ctx, source->name, source->text, source->length, &spec->file));
    spec->texts = NEW_ARRAY(ctx, const char *, spec->file.count);
    for (int i = 0; i < spec->file.count; i++) {
        Text text = TEXT(ctx);
        spec_print(&text, &spec->file.items[i].spec);
        spec->texts[i] = text_str(&text);
    }
    return ST_OK;
}

static rattan_status make_spec(SpecSource *source, rattan_spec **out, rattan_error *error) {
    rattan_spec *spec = calloc(1, sizeof *spec);
    if (!spec) {
        Ctx ctx;
        ctx_init(&ctx);
        return api_report(&ctx, ctx_fail(&ctx, ST_NO_MEMORY, "spec", NULL, "out of memory"), error);
    }
    ctx_init(&spec->ctx);
    source->spec = spec;
    const Status status = ctx_run(&spec->ctx, load_spec, source);
    api_report(&spec->ctx, status, error);
    if (status == ST_OK)
        *out = spec;
    else
        rattan_spec_destroy(spec);
    return (rattan_status)status;
}

rattan_status rattan_spec_from_file(const char *path, rattan_spec **spec, rattan_error *error) {
    if (!api_has(path, "path", error) || !api_has(spec, "spec", error))
        return RATTAN_USAGE;
    return make_spec(&(SpecSource){.path = path}, spec, error);
}

rattan_status rattan_spec_from_text(const char *name, const char *text, size_t length, rattan_spec **spec,
                                    rattan_error *error) {
    if ((length && !api_has(text, "text", error)) || !api_has(spec, "spec", error))
        return RATTAN_USAGE;
    return make_spec(&(SpecSource){.name = name ? name : "spec", .text = text, .length = length}, spec, error);
}

void rattan_spec_destroy(rattan_spec *spec) {
    if (!spec)
        return;
    ctx_free(&spec->ctx);
    free(spec);
}

int rattan_spec_items(const rattan_spec *spec) { return spec->file.count; }

Status api_check_item(Ctx *ctx, const rattan_spec *spec, int item) {
    if (item >= 0 && item < spec->file.count)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, "item", "count them with rattan_spec_items", "is %d, the spec has %d", item,
                    spec->file.count);
}

rattan_status rattan_spec_layer(const rattan_spec *spec, int item, rattan_layer *layer, rattan_error *error) {
    Ctx ctx;
    if (!api_has(spec, "spec", error) || !api_has(layer, "layer", error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    const Status status = api_check_item(&ctx, spec, item);
    if (status != ST_OK)
        return api_report(&ctx, status, error);
    const Spec *s = &spec->file.items[item].spec;
    *layer = (rattan_layer){
        .name = s->name,
        .label = spec->file.items[item].label,
        .text = spec->texts[item],
        .heads = s->heads,
        .kv_heads = s->kv_heads,
        .head_dim = s->head_dim,
        .value_dim = s->value_dim,
        .features = spec_features(s),
        .window = s->full ? 0 : s->window,
        .fold = spec_fold(s),
        .dtype = api_public_dtype(s->dtype),
    };
    return RATTAN_OK;
}

int rattan_spec_model_layers(const rattan_spec *spec) { return spec->file.is_model ? spec->file.layers : 0; }

int rattan_spec_model_item(const rattan_spec *spec, int layer) {
    return layer >= 0 && layer < rattan_spec_model_layers(spec) ? spec->file.pattern[layer] : -1;
}
