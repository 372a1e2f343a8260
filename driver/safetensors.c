/* safetensors files: see safetensors.h. */
#include "driver/safetensors.h"

#include "base/text.h"
#include "driver/files.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_LIMIT = 100 * 1000 * 1000, LENGTH_BYTES = 8, MAX_RANK = 4 };

static const struct {
    const char *name;
    DType       dtype;
} TYPE_NAMES[] = {{"F32", DT_F32}, {"BF16", DT_BF16}, {"F16", DT_F16},
                  {"F64", DT_F64}, {"I32", DT_I32},   {"I64", DT_I64}};
enum { TYPE_COUNT = sizeof TYPE_NAMES / sizeof *TYPE_NAMES };

typedef struct Reader {
    Ctx        *ctx;
    const char *path;
    const char *payload; /* what follows the header */
    size_t      payload_size;
    SafeFile   *out;
} Reader;

typedef struct Range {
    size_t      begin, end;
    const char *name;
} Range;

static const char *place_of(const Reader *reader, const char *tensor) {
    return ctx_printf(reader->ctx, "%s: %.80s", reader->path, tensor);
}

static Status damaged(const Reader *reader, const char *tensor, const char *what) {
    return ctx_fail(reader->ctx, ST_INTEGRITY, place_of(reader, tensor), "write or fetch the file again",
                    "damaged header: %s", what);
}

static Status read_dtype(const Reader *reader, const char *name, const json_t *entry, DType *dtype) {
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type)
        return damaged(reader, name, "no dtype");
    for (int i = 0; i < TYPE_COUNT; i++)
        if (strcmp(type, TYPE_NAMES[i].name) == 0) {
            *dtype = TYPE_NAMES[i].dtype;
            return ST_OK;
        }
    return ctx_fail(reader->ctx, ST_USAGE, place_of(reader, name), "use F32, BF16, F16, F64, I32 or I64",
                    "the type '%.20s' is not one that rattan reads", type);
}

static Status read_shape(const Reader *reader, const char *name, const json_t *entry, Tensor *tensor) {
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape))
        return damaged(reader, name, "no shape");
    const size_t rank = json_array_size(shape);
    if (rank > MAX_RANK)
        return ctx_fail(reader->ctx, ST_USAGE, place_of(reader, name), "reshape it",
                        "%zu dims, at most %d are supported", rank, MAX_RANK);
    int64_t dims[MAX_RANK] = {0}, elements = 1;
    for (size_t d = 0; d < rank; d++) {
        const json_t *dim = json_array_get(shape, d);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return damaged(reader, name, "a dim is not a count");
        dims[d] = json_integer_value(dim);
        if (__builtin_mul_overflow(elements, dims[d], &elements) || elements > INT64_MAX / 16)
            return damaged(reader, name, "the shape is too large");
    }
    *tensor = tensor_view(NULL, tensor->dtype, (int)rank, dims);
    return ST_OK;
}

static Status read_range(const Reader *reader, const char *name, const json_t *entry, const Tensor *tensor,
                         Range *range) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return damaged(reader, name, "data_offsets is not a pair of counts");
    const json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from)
        return damaged(reader, name, "data_offsets runs backwards");
    if ((size_t)to > reader->payload_size)
        return ctx_fail(reader->ctx, ST_INTEGRITY, place_of(reader, name), "write or fetch the file again",
                        "truncated: the tensor ends at byte %lld of the data, the file has %zu", (long long)to,
                        reader->payload_size);
    if ((size_t)(to - from) != tensor_bytes(tensor))
        return damaged(reader, name, "the shape and the length of the data disagree");
    *range = (Range){(size_t)from, (size_t)to, name};
    return ST_OK;
}

static Status read_entry(Reader *reader, const char *name, const json_t *entry, Range *range) {
    Tensor tensor = {0};
    if (!json_is_object(entry))
        return damaged(reader, name, "the entry is not an object");
    TRY(read_dtype(reader, name, entry, &tensor.dtype));
    TRY(read_shape(reader, name, entry, &tensor));
    TRY(read_range(reader, name, entry, &tensor, range));
    tensor.data = aligned_memory(reader->ctx, tensor_bytes(&tensor));
    memcpy(tensor.data, reader->payload + range->begin, tensor_bytes(&tensor));
    tensors_put(reader->ctx, &reader->out->tensors, name, tensor);
    return ST_OK;
}

static Status read_meta(Reader *reader, json_t *meta) {
    if (!json_is_object(meta))
        return damaged(reader, "__metadata__", "not an object");
    SafeFile *out = reader->out;
    out->meta = NEW_ARRAY(reader->ctx, MetaEntry, json_object_size(meta));
    const char *key;
    json_t     *value;
    json_object_foreach(meta, key, value) {
        if (!json_is_string(value))
            return damaged(reader, "__metadata__", "a value is not a string");
        out->meta[out->meta_count++] =
            (MetaEntry){ctx_strdup(reader->ctx, key), ctx_strdup(reader->ctx, json_string_value(value))};
    }
    return ST_OK;
}

static int compare_ranges(const void *a, const void *b) {
    const Range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors tile the data: no overlap, no hole, nothing left over. */
static Status check_ranges(const Reader *reader, Range *ranges, size_t count) {
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].begin < at)
            return damaged(reader, ranges[i].name, "its data overlaps another tensor's");
        if (ranges[i].begin > at)
            return damaged(reader, ranges[i].name, "there is a hole before its data");
        at = ranges[i].end;
    }
    return at == reader->payload_size ? ST_OK : damaged(reader, "header", "the file goes on after the last tensor");
}

static Status read_header(Reader *reader, json_t *header) {
    if (!json_is_object(header))
        return damaged(reader, "header", "not a JSON object");
    Range      *ranges = NEW_ARRAY(reader->ctx, Range, json_object_size(header));
    size_t      count = 0;
    const char *name;
    json_t     *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            TRY(read_meta(reader, entry));
        else
            TRY(read_entry(reader, name, entry, &ranges[count++]));
    }
    return check_ranges(reader, ranges, count);
}

static uint64_t little_endian(const char *bytes) {
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        value = value << 8 | (uint8_t)bytes[i];
    return value;
}

Status safetensors_read(Ctx *ctx, const char *path, SafeFile *out) {
    char  *bytes;
    size_t size;
    *out = (SafeFile){0};
    TRY(file_read(ctx, path, SIZE_MAX / 8, &bytes, &size));
    Reader reader = {.ctx = ctx, .path = path, .out = out};
    if (size < LENGTH_BYTES)
        return ctx_fail(ctx, ST_INTEGRITY, path, "write or fetch the file again",
                        "truncated: %zu bytes are no safetensors file", size);
    const uint64_t length = little_endian(bytes);
    if (length > HEADER_LIMIT)
        return ctx_fail(ctx, ST_INTEGRITY, path, "give a safetensors file",
                        "not a safetensors file: the header would be %llu bytes", (unsigned long long)length);
    if (length > size - LENGTH_BYTES)
        return ctx_fail(ctx, ST_INTEGRITY, path, "write or fetch the file again",
                        "truncated: the header wants %llu bytes, the file has %zu", (unsigned long long)length,
                        size - LENGTH_BYTES);
    reader.payload = bytes + LENGTH_BYTES + length;
    reader.payload_size = size - LENGTH_BYTES - (size_t)length;
    json_error_t error;
    json_t      *header = json_loadb(bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        return ctx_fail(ctx, ST_INTEGRITY, path, "write or fetch the file again", "damaged header: %s at byte %d",
                        error.text, error.position);
    const Status status = read_header(&reader, header);
    json_decref(header);
    return status;
}

const char *safetensors_meta(const SafeFile *file, const char *key) {
    for (int i = 0; i < file->meta_count; i++)
        if (strcmp(file->meta[i].key, key) == 0)
            return file->meta[i].value;
    return NULL;
}

static const char *type_name(DType dtype) {
    for (int i = 0; i < TYPE_COUNT; i++)
        if (TYPE_NAMES[i].dtype == dtype)
            return TYPE_NAMES[i].name;
    return NULL;
}

static json_t *entry_json(const Tensor *tensor, size_t begin) {
    json_t *shape = json_array();
    for (int d = 0; d < tensor->rank; d++)
        json_array_append_new(shape, json_integer(tensor->dims[d]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", type_name(tensor->dtype), "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + tensor_bytes(tensor)));
}

static json_t *header_json(const SafeFile *file) {
    json_t *header = json_object();
    if (file->meta_count) {
        json_t *meta = json_object();
        for (int i = 0; i < file->meta_count; i++)
            json_object_set_new(meta, file->meta[i].key, json_string(file->meta[i].value));
        json_object_set_new(header, "__metadata__", meta);
    }
    size_t at = 0;
    for (int i = 0; i < file->tensors.count; i++) {
        const Tensor *tensor = &file->tensors.items[i].tensor;
        json_object_set_new(header, file->tensors.items[i].name, entry_json(tensor, at));
        at += tensor_bytes(tensor);
    }
    return header;
}

/* The header's text, padded with spaces so that the data starts at a multiple of 64. */
static void header_text(Ctx *ctx, const SafeFile *file, Text *text) {
    json_t *header = header_json(file);
    char   *dumped = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    const size_t length = strlen(dumped), padded = (length + LENGTH_BYTES + 63) / 64 * 64 - LENGTH_BYTES;
    *text = TEXT(ctx);
    for (int i = 0; i < LENGTH_BYTES; i++) {
        const char byte = (char)(padded >> (8 * i) & 255);
        text_write(text, &byte, 1);
    }
    text_write(text, dumped, length);
    text_add(text, "%*s", (int)(padded - length), "");
    free(dumped);
}

Status safetensors_write(Ctx *ctx, const char *path, const SafeFile *file) {
    Text header;
    header_text(ctx, file, &header);
    Part *parts = NEW_ARRAY(ctx, Part, file->tensors.count + 1);
    parts[0] = (Part){header.data, header.length};
    for (int i = 0; i < file->tensors.count; i++)
        parts[i + 1] = (Part){file->tensors.items[i].tensor.data, tensor_bytes(&file->tensors.items[i].tensor)};
    return file_write(ctx, path, parts, file->tensors.count + 1);
}
