/* Specs as bytes: see spec_wire.h. */
#include "frontend/spec_wire.h"
#include "frontend/feature_map.h"
#include "frontend/spec_fields.h"

#include <string.h>

enum { WIRE_VERSION = 2, MAX_ITEMS = 4096, MAX_LAYERS = 65536 };

static void put_integer(Text *bytes, int64_t value) { text_write(bytes, (const char *)&value, sizeof value); }
static void put_real(Text *bytes, double value) { text_write(bytes, (const char *)&value, sizeof value); }

static void put_string(Text *bytes, const char *text) {
    put_integer(bytes, (int64_t)strlen(text));
    text_write(bytes, text, strlen(text));
}

static void put_map(Text *bytes, const FeatureMap *map) {
    put_string(bytes, map->name);
    put_integer(bytes, map->sized);
    put_integer(bytes, map->count);
    for (int i = 0; i < map->count; i++) {
        const MapNode *node = &map->nodes[i];
        put_integer(bytes, node->op);
        put_integer(bytes, node->a);
        put_integer(bytes, node->b);
        put_integer(bytes, node->length);
        put_real(bytes, node->value);
    }
}

static void put_field(Text *bytes, const SpecField *field, const Spec *spec) {
    switch (field->type) {
    case FIELD_NAME: put_string(bytes, spec_get_text(bytes->ctx, field, spec)); break;
    case FIELD_INT:
    case FIELD_WIDE:
    case FIELD_FLAG:
    case FIELD_CHOICE:
    case FIELD_SWITCH: put_integer(bytes, spec_get_integer(field, spec)); break;
    case FIELD_REAL:
    case FIELD_CAP: put_real(bytes, spec_get_real(field, spec)); break;
    case FIELD_MAP: put_map(bytes, &spec->map); break;
    case FIELD_TABLE: put_integer(bytes, spec_get_real(field, spec) != 0); break;
    case FIELD_WORD: break;
    }
}

static void put_item(Text *bytes, const SpecItem *item) {
    put_string(bytes, item->label);
    put_integer(bytes, item->spec.full);
    put_integer(bytes, (int64_t)item->spec.defaulted);
    for (int i = 0; i < SPEC_FIELD_COUNT; i++)
        if (spec_field_present(&spec_fields[i], &item->spec))
            put_field(bytes, &spec_fields[i], &item->spec);
}

void spec_wire_write(Text *bytes, const Ctx *ctx, const SpecFile *file) {
    put_integer(bytes, WIRE_VERSION);
    put_integer(bytes, ctx->status);
    if (ctx->status != ST_OK) {
        put_string(bytes, ctx->place);
        put_string(bytes, ctx->message);
        put_string(bytes, ctx->remedy);
        return;
    }
    put_integer(bytes, file->is_model);
    put_string(bytes, file->model_name);
    put_integer(bytes, file->layers);
    put_integer(bytes, file->count);
    for (int i = 0; i < file->count; i++)
        put_item(bytes, &file->items[i]);
    for (int i = 0; i < file->layers; i++)
        put_integer(bytes, file->pattern[i]);
}

/* Reading: past the end, or after a value out of bounds, every read gives 0 and `bad` stays set. */
typedef struct Reader {
    Ctx              *ctx;
    const SpecSource *source;
    const char       *at, *end;
    bool              bad;
} Reader;

static void get_bytes(Reader *reader, void *out, size_t size) {
    reader->bad = reader->bad || (size_t)(reader->end - reader->at) < size;
    if (reader->bad) {
        memset(out, 0, size);
        return;
    }
    memcpy(out, reader->at, size);
    reader->at += size;
}

static int64_t get_integer(Reader *reader, int64_t min, int64_t max) {
    int64_t value;
    get_bytes(reader, &value, sizeof value);
    reader->bad = reader->bad || value < min || value > max;
    return reader->bad ? min : value;
}

static double get_real(Reader *reader) {
    double value;
    get_bytes(reader, &value, sizeof value);
    return value;
}

/* A string of at most size - 1 bytes, without control characters. */
static size_t get_string(Reader *reader, char *out, size_t size) {
    const size_t length = (size_t)get_integer(reader, 0, (int64_t)size - 1);
    get_bytes(reader, out, length);
    out[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
            out[i] = '?';
    return length;
}

static Status damaged(const Reader *reader) {
    return ctx_fail(reader->ctx, ST_FAILED, reader->source->file, NULL,
                    "the process that evaluated the spec sent damaged data");
}

static bool is_map_name(const char *name) {
    for (int i = 0; i < map_source_count; i++)
        if (strcmp(map_sources[i].name, name) == 0)
            return true;
    return strcmp(name, "custom") == 0;
}

static Status get_map(Reader *reader, const SpecField *field, Spec *spec) {
    FeatureMap *map = &spec->map;
    get_string(reader, map->name, sizeof map->name);
    map->sized = get_integer(reader, 0, 1) != 0;
    map->count = (int)get_integer(reader, 1, MAP_MAX_NODES);
    for (int i = 0; i < map->count && !reader->bad; i++) {
        MapNode *node = &map->nodes[i];
        node->op = (MapOp)get_integer(reader, 0, MAP_OP_COUNT - 1);
        node->a = (int)get_integer(reader, -1, MAP_MAX_NODES - 1);
        node->b = (int)get_integer(reader, -1, MAP_MAX_NODES - 1);
        node->length = (int)get_integer(reader, 1, MAP_MAX_FEATURES);
        node->value = get_real(reader);
    }
    if (reader->bad || !is_map_name(map->name))
        return damaged(reader);
    return map_check(reader->ctx, spec_place(reader->ctx, reader->source, field->name), map, spec->head_dim);
}

static Status get_name(Reader *reader, const SpecField *field, Spec *spec) {
    char         name[sizeof spec->name];
    const size_t length = get_string(reader, name, sizeof name);
    return spec_put_text(reader->ctx, reader->source, field, spec, name, length);
}

static Status get_field(Reader *reader, const SpecField *field, Spec *spec, bool *absent) {
    switch (field->type) {
    case FIELD_NAME: return get_name(reader, field, spec);
    case FIELD_INT:
    case FIELD_WIDE:
    case FIELD_FLAG:
    case FIELD_CHOICE:
    case FIELD_SWITCH:
        return spec_put_integer(reader->ctx, reader->source, field, spec, get_integer(reader, INT64_MIN, INT64_MAX));
    case FIELD_REAL:
    case FIELD_CAP: return spec_put_real(reader->ctx, reader->source, field, spec, get_real(reader));
    case FIELD_MAP: return get_map(reader, field, spec);
    case FIELD_TABLE: *absent = !get_integer(reader, 0, 1); break;
    case FIELD_WORD: break;
    }
    return ST_OK;
}

static Status get_item(Reader *reader, SpecItem *item) {
    Spec *const spec = &item->spec;
    bool        absent = false;
    get_string(reader, item->label, sizeof item->label);
    spec->full = get_integer(reader, 0, 1) != 0;
    spec->defaulted = (uint64_t)get_integer(reader, 0, ((int64_t)1 << SPEC_FIELD_COUNT) - 1);
    for (int i = 0; i < SPEC_FIELD_COUNT && !reader->bad; i++) {
        const SpecField *field = &spec_fields[i];
        if (!(field->forms & (spec->full ? FORM_ATTENTION : FORM_RATTENTION)) || (spec_field_parent(field) && absent))
            continue;
        TRY(get_field(reader, field, spec, &absent));
    }
    return reader->bad ? damaged(reader) : spec_finish(reader->ctx, reader->source, spec);
}

static Status get_file(Reader *reader, SpecFile *out) {
    out->is_model = get_integer(reader, 0, 1) != 0;
    get_string(reader, out->model_name, sizeof out->model_name);
    out->layers = (int)get_integer(reader, 0, MAX_LAYERS);
    out->count = (int)get_integer(reader, 1, MAX_ITEMS);
    if (reader->bad)
        return damaged(reader);
    out->items = NEW_ARRAY(reader->ctx, SpecItem, out->count);
    for (int i = 0; i < out->count; i++)
        TRY(get_item(reader, &out->items[i]));
    out->pattern = NEW_ARRAY(reader->ctx, int, out->layers);
    for (int i = 0; i < out->layers; i++)
        out->pattern[i] = (int)get_integer(reader, 0, out->count - 1);
    return reader->bad || reader->at != reader->end ? damaged(reader) : ST_OK;
}

static Status get_error(Reader *reader, Status status) {
    char place[sizeof reader->ctx->place], message[sizeof reader->ctx->message], remedy[sizeof reader->ctx->remedy];
    get_string(reader, place, sizeof place);
    get_string(reader, message, sizeof message);
    get_string(reader, remedy, sizeof remedy);
    return reader->bad ? damaged(reader) : ctx_fail(reader->ctx, status, place, remedy, "%s", message);
}

Status spec_wire_read(Ctx *ctx, const SpecSource *source, const char *bytes, size_t length, SpecFile *out) {
    Reader reader = {ctx, source, bytes, bytes + length, false};
    memset(out, 0, sizeof *out);
    if (get_integer(&reader, WIRE_VERSION, WIRE_VERSION) != WIRE_VERSION || reader.bad)
        return damaged(&reader);
    const Status status = (Status)get_integer(&reader, ST_OK, ST_NO_MEMORY);
    if (reader.bad)
        return damaged(&reader);
    return status != ST_OK ? get_error(&reader, status) : get_file(&reader, out);
}
