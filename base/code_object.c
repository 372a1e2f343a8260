/* CodeObject to bytes and back.
 *
 * In:  a CodeObject, or a block of bytes from anywhere (a file of the cache, an ahead-of-time library).
 * Out: one flat block: magic, version, the fields in the order of visit_object() as little-endian 64-bit numbers and
 *      counted bytes, then the XXH3-128 checksum of all that. Equal objects give equal bytes.
 * Always: one function, visit_object(), names each field once, so that writing and reading cannot disagree. Reading
 *      checks the checksum first and every count against the bytes that are left: it never trusts a length. */
#include "base/code_object.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { VERSION = 12, CHECKSUM_BYTES = 16, MAX_PARAMS = 256, MAX_PHASES = 256 };

static const char MAGIC[8] = {'R', 'A', 'T', 'T', 'A', 'N', 'C', 'O'};

/* Walks over the fields: with `read` from `bytes`, else counting them, and writing them where `bytes` is not NULL. */
typedef struct Codec {
    bool     read;
    uint8_t *bytes;
    size_t   at, size;
    bool     damaged;   /* reading: the bytes do not make sense */
    bool     exhausted; /* reading: malloc failed */
} Codec;

static bool codec_ok(const Codec *codec) { return !codec->damaged && !codec->exhausted; }

static void visit_bytes(Codec *codec, void *data, size_t size) {
    if (codec->read && size > codec->size - codec->at) {
        codec->damaged = true;
        memset(data, 0, size);
        return;
    }
    if (codec->read)
        memcpy(data, codec->bytes + codec->at, size);
    else if (codec->bytes && size)
        memcpy(codec->bytes + codec->at, data, size);
    codec->at += size;
}

static void visit_i64(Codec *codec, int64_t *value) {
    uint8_t raw[8];
    for (int i = 0; i < 8; i++)
        raw[i] = (uint8_t)((uint64_t)*value >> 8 * i);
    visit_bytes(codec, raw, sizeof raw);
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)raw[i] << 8 * i;
    *value = (int64_t)bits;
}

/* A number that must lie in min .. max when read. */
static void visit_int(Codec *codec, int *value, int64_t min, int64_t max) {
    int64_t wide = *value;
    visit_i64(codec, &wide);
    if (codec->read && (wide < min || wide > max)) {
        codec->damaged = true;
        wide = min;
    }
    *value = (int)wide;
}

/* Memory for what is read: never more than the block itself can fill. */
static void *make_room(Codec *codec, size_t count, size_t size) {
    void *memory = codec_ok(codec) ? calloc(count ? count : 1, size) : NULL;
    codec->exhausted |= codec_ok(codec) && !memory;
    return memory;
}

/* Counted bytes in a malloc'd block; a terminator follows that is not part of them. */
static void visit_block(Codec *codec, uint8_t **data, size_t *size) {
    int64_t length = (int64_t)*size;
    visit_i64(codec, &length);
    if (codec->read) {
        if (length < 0 || (uint64_t)length > codec->size - codec->at)
            codec->damaged = true;
        *size = codec_ok(codec) ? (size_t)length : 0;
        *data = make_room(codec, *size + 1, 1);
        if (!*data)
            return;
    }
    visit_bytes(codec, *data, *size);
}

static void visit_text(Codec *codec, char **text) {
    size_t   length = !codec->read && *text ? strlen(*text) : 0;
    uint8_t *data = (uint8_t *)*text;
    visit_block(codec, &data, &length);
    *text = (char *)data;
    if (codec->read && data && memchr(data, 0, length))
        codec->damaged = true;
}

/* A terminated text in an array; what follows the terminator is written as zeros. */
static void visit_name(Codec *codec, char *name, size_t size) {
    const size_t length = codec->read ? 0 : strnlen(name, size - 1);
    if (!codec->read)
        memset(name + length, 0, size - length);
    visit_bytes(codec, name, size);
    if (codec->read && !memchr(name, 0, size)) {
        codec->damaged = true;
        name[0] = '\0';
    }
}

static void visit_dims(Codec *codec, int64_t dims[4]) {
    for (int d = 0; d < 4; d++) {
        visit_i64(codec, &dims[d]);
        if (codec->read && dims[d] < 1 && dims[d] != DIM_N_PLUS_1 && (dims[d] > -1 || dims[d] < -SYM_COUNT))
            codec->damaged = true;
    }
}

static void visit_param(Codec *codec, CodeParam *param) {
    int dtype = (int)param->dtype, role = (int)param->role;
    visit_name(codec, param->name, sizeof param->name);
    visit_int(codec, &dtype, 0, DT_COUNT - 1);
    visit_int(codec, &role, 0, PARAM_WORK);
    visit_int(codec, &param->rank, 1, 4);
    visit_dims(codec, param->dims);
    visit_int(codec, &param->sliced, 0, 4);
    param->dtype = (DType)dtype;
    param->role = (ParamRole)role;
}

static void visit_map(Codec *codec, CodeMap *map, int param_count) {
    visit_int(codec, &map->param, 0, param_count - 1);
    visit_int(codec, &map->dims, 2, 4);
    visit_int(codec, &map->box_rows, 1, 256);
    visit_int(codec, &map->row_dim, 1, 2);
    visit_int(codec, &map->box_cols, 1, 128);
}

static void visit_phase(Codec *codec, CodePhase *phase, int param_count) {
    int overlaps = phase->overlaps, cluster = phase->cluster;
    visit_name(codec, phase->symbol, sizeof phase->symbol);
    visit_int(codec, &phase->axis_count, 0, 4);
    for (int a = phase->axis_count; !codec->read && a < 4; a++)
        phase->axes[a] = 1; /* unused: always the same bytes */
    visit_dims(codec, phase->axes);
    visit_i64(codec, &phase->scratch_bytes);
    visit_int(codec, &phase->threads, 0, 1024);
    visit_i64(codec, &phase->shared_bytes);
    codec->damaged |= codec->read && (phase->scratch_bytes < 0 || phase->shared_bytes < 0);
    visit_int(codec, &phase->resident, 0, INT16_MAX);
    visit_int(codec, &phase->blocks, 0, INT16_MAX);
    visit_int(codec, &overlaps, 0, 1);
    visit_int(codec, &cluster, 0, 1);
    visit_i64(codec, &phase->beside);
    visit_i64(codec, &phase->beside_before);
    visit_i64(codec, &phase->code_at);
    visit_i64(codec, &phase->ptx_at);
    visit_int(codec, &phase->map_count, 0, CODE_MAX_MAPS);
    for (int m = 0; m < phase->map_count; m++)
        visit_map(codec, &phase->maps[m], param_count);
    phase->overlaps = overlaps;
    phase->cluster = cluster;
}

static void visit_params(Codec *codec, CodeObject *object) {
    visit_int(codec, &object->param_count, 0, MAX_PARAMS);
    if (codec->read)
        object->params = make_room(codec, (size_t)object->param_count, sizeof *object->params);
    for (int p = 0; object->params && codec_ok(codec) && p < object->param_count; p++) {
        CodeParam param = object->params[p];
        visit_param(codec, &param);
        if (codec->read)
            object->params[p] = param;
    }
}

static void visit_phases(Codec *codec, CodeObject *object) {
    visit_int(codec, &object->phase_count, 0, MAX_PHASES);
    if (codec->read)
        object->phases = make_room(codec, (size_t)object->phase_count, sizeof *object->phases);
    for (int p = 0; object->phases && codec_ok(codec) && p < object->phase_count; p++) {
        CodePhase phase = object->phases[p];
        visit_phase(codec, &phase, object->param_count);
        if (codec->read)
            object->phases[p] = phase;
    }
}

static void visit_texts(Codec *codec, CodeObject *object) {
    visit_text(codec, &object->name);
    visit_text(codec, &object->spec);
    visit_text(codec, &object->schedule);
    visit_text(codec, &object->target);
    visit_text(codec, &object->cpu);
    visit_text(codec, &object->features);
    visit_text(codec, &object->compiler);
    visit_text(codec, &object->ptx);
}

/* An image may be empty in tests and in code for CPUs, but it begins inside. */
static bool phases_lie_inside(const CodeObject *object) {
    const int64_t code = (int64_t)object->payload_size, ptx = object->ptx ? (int64_t)strlen(object->ptx) : 0;
    for (int p = 0; p < object->phase_count; p++) {
        const CodePhase *phase = &object->phases[p];
        if (phase->code_at < 0 || phase->code_at >= code + !code || phase->ptx_at < 0 || phase->ptx_at > ptx)
            return false;
    }
    return true;
}

static void visit_object(Codec *codec, CodeObject *object) {
    char magic[sizeof MAGIC];
    int  version = VERSION;
    memcpy(magic, MAGIC, sizeof magic);
    visit_bytes(codec, magic, sizeof magic);
    visit_int(codec, &version, 1, INT32_MAX);
    codec->damaged |= memcmp(magic, MAGIC, sizeof magic) != 0 || version != VERSION;
    visit_int(codec, &object->kind, 0, 255);
    visit_int(codec, &object->variant, 0, INT32_MAX);
    visit_i64(codec, &object->chunk);
    visit_i64(codec, &object->segment);
    visit_i64(codec, &object->min_items);
    visit_i64(codec, &object->even_items);
    visit_i64(codec, &object->spread);
    visit_i64(codec, &object->parts);
    visit_i64(codec, &object->lead);
    visit_i64(codec, &object->head_slices);
    visit_i64(codec, &object->states_every);
    visit_i64(codec, &object->kv_heads);
    visit_i64(codec, &object->window);
    visit_i64(codec, &object->ring_rows);
    visit_params(codec, object);
    visit_phases(codec, object);
    visit_texts(codec, object);
    visit_block(codec, &object->payload, &object->payload_size);
    codec->damaged |= codec->read && codec_ok(codec) && !phases_lie_inside(object);
}

void code_object_free(CodeObject *object) {
    if (!object)
        return;
    free(object->params);
    free(object->phases);
    free(object->name);
    free(object->spec);
    free(object->schedule);
    free(object->target);
    free(object->cpu);
    free(object->features);
    free(object->compiler);
    free(object->ptx);
    free(object->payload);
    free(object);
}

static void checksum(const uint8_t *bytes, size_t size, uint8_t out[CHECKSUM_BYTES]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(out, canonical.digest, CHECKSUM_BYTES);
}

Status code_object_encode(Ctx *ctx, const CodeObject *object, uint8_t **bytes, size_t *size) {
    CodeObject copy = *object; /* visiting to write changes nothing, but takes no const */
    Codec      codec = {0};
    visit_object(&codec, &copy);
    const size_t length = codec.at;
    uint8_t     *block = malloc(length + CHECKSUM_BYTES);
    if (!block)
        return ctx_fail(ctx, ST_NO_MEMORY, "code object", NULL, "no memory for %zu bytes", length);
    codec = (Codec){.bytes = block, .size = length};
    visit_object(&codec, &copy);
    checksum(block, length, block + length);
    *bytes = block;
    *size = length + CHECKSUM_BYTES;
    return ST_OK;
}

static Status damaged(Ctx *ctx, const char *how) {
    return ctx_fail(ctx, ST_INTEGRITY, "code object", "compile it again", "%s", how);
}

Status code_object_decode(Ctx *ctx, const uint8_t *bytes, size_t size, CodeObject **out) {
    uint8_t sum[CHECKSUM_BYTES];
    if (size < sizeof MAGIC + CHECKSUM_BYTES)
        return damaged(ctx, "too short to be one");
    if (memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return damaged(ctx, "does not start as one");
    const size_t length = size - CHECKSUM_BYTES;
    checksum(bytes, length, sum);
    if (memcmp(sum, bytes + length, CHECKSUM_BYTES) != 0)
        return damaged(ctx, "the checksum does not match: truncated or changed");
    CodeObject *object = calloc(1, sizeof *object);
    if (!object)
        return ctx_fail(ctx, ST_NO_MEMORY, "code object", NULL, "out of memory");
    Codec codec = {.read = true, .bytes = (uint8_t *)bytes, .size = length};
    visit_object(&codec, object);
    codec.damaged |= codec.at != length;
    if (codec_ok(&codec)) {
        *out = object;
        return ST_OK;
    }
    code_object_free(object);
    if (codec.exhausted)
        return ctx_fail(ctx, ST_NO_MEMORY, "code object", NULL, "out of memory");
    return damaged(ctx, "of another version, or its fields make no sense");
}
