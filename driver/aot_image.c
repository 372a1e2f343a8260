/* Lays a library's code objects out as an image: see base/library_image.h. */
#include "driver/aot.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/squeeze.h"
#include "driver/files.h"

typedef struct ImageBuilder {
    Ctx              *ctx;
    const AotLibrary *library;
    const char       *machine;
    int              *numbers; /* of targets in the image; -1: not in it */
    Text              texts;
    size_t            code_bytes;
    ImageHeader       header;
    ImageTarget      *targets;
    ImageEntry       *entries;
    ImageCode        *codes;
    Part             *sources; /* bytes of codes */
} ImageBuilder;

static uint32_t add_text(ImageBuilder *b, const char *text) {
    const size_t at = b->texts.length;
    text_write(&b->texts, text, strlen(text) + 1);
    return (uint32_t)at;
}

static bool belongs(const ImageBuilder *b, const AotTarget *target) {
    return target->gpu || strcmp(target->machine, b->machine) == 0;
}

static void add_targets(ImageBuilder *b) {
    b->targets = NEW_ARRAY(b->ctx, ImageTarget, b->library->target_count);
    b->numbers = NEW_ARRAY(b->ctx, int, b->library->target_count);
    for (int t = 0; t < b->library->target_count; t++) {
        const AotTarget *target = &b->library->targets[t];
        b->numbers[t] = belongs(b, target) ? (int)b->header.target_count : -1;
        if (b->numbers[t] < 0)
            continue;
        b->targets[b->header.target_count++] = (ImageTarget){
            .name = add_text(b, target->target.name),
            .features = add_text(b, target->gpu ? "" : target->target.features),
            .gpu = (uint32_t)target->gpu,
            .flags = (target->gpu && target->target.exact ? IMAGE_EXACT : 0u) |
                     (t == aot_last_resort(b->library) ? IMAGE_PTX : 0u),
        };
    }
}

/* What has PTX is squeezed: text, and as large as the code. */
static Part squeezed(ImageBuilder *b, const AotCode *code, ImageCode *row) {
    Text text = TEXT(b->ctx);
    if (!code->object->ptx || !*code->object->ptx)
        return (Part){code->bytes, code->size};
    squeeze(&text, code->bytes, code->size);
    row->length = code->size;
    row->bytes = text.length;
    return (Part){text.data, text.length};
}

static void add_code(ImageBuilder *b, const AotCode *code) {
    ImageCode row = {
        .target = (uint32_t)b->numbers[code->target],
        .plain = code->plain,
        .sequences = code->bucket.N,
        .tokens = code->bucket.T,
        .bytes = code->size,
    };
    memcpy(row.sum, code->bytes + code->size - IMAGE_SUM, IMAGE_SUM); /* how an encoded object ends */
    b->sources[b->header.code_count] = squeezed(b, code, &row);
    b->code_bytes += code->object->payload_size;
    b->codes[b->header.code_count++] = row;
}

static void add_entries(ImageBuilder *b) {
    int most = 0;
    for (int f = 0; f < b->library->function_count; f++)
        most += b->library->functions[f].code_count;
    b->entries = NEW_ARRAY(b->ctx, ImageEntry, b->library->function_count);
    b->codes = NEW_ARRAY(b->ctx, ImageCode, most);
    b->sources = NEW_ARRAY(b->ctx, Part, most);
    for (int f = 0; f < b->library->function_count; f++) {
        const AotFunction *function = &b->library->functions[f];
        ImageEntry         entry = {.name = add_text(b, function->name),
                                    .first_code = b->header.code_count,
                                    .packed = (function->variant & VARIANT_PACKED) != 0};
        for (int c = 0; c < function->code_count; c++)
            if (b->numbers[function->codes[c].target] >= 0)
                add_code(b, &function->codes[c]);
        entry.code_count = b->header.code_count - entry.first_code;
        b->entries[b->header.entry_count++] = entry;
    }
}

static uint64_t align(uint64_t at, uint64_t alignment) { return (at + alignment - 1) / alignment * alignment; }

/* Gives everything its place; equal code objects, as buckets may have, share one. */
static void place_all(ImageBuilder *b) {
    ImageHeader *header = &b->header;
    header->targets_at = sizeof *header;
    header->entries_at = header->targets_at + header->target_count * sizeof(ImageTarget);
    header->codes_at = header->entries_at + header->entry_count * sizeof(ImageEntry);
    header->texts_at = header->codes_at + header->code_count * sizeof(ImageCode);
    header->text_bytes = (uint32_t)b->texts.length;
    header->objects_at = align(header->texts_at + b->texts.length, IMAGE_ALIGN);
    uint64_t at = header->objects_at;
    for (uint32_t c = 0; c < header->code_count; c++) {
        for (uint32_t before = 0; before < c && !b->codes[c].at; before++)
            if (memcmp(b->codes[before].sum, b->codes[c].sum, IMAGE_SUM) == 0)
                b->codes[c].at = b->codes[before].at;
        if (b->codes[c].at)
            continue;
        b->codes[c].at = at;
        at = align(at + b->codes[c].bytes, IMAGE_ALIGN);
    }
    header->bytes = at + IMAGE_ALIGN;
}

static void put(uint8_t *image, uint64_t at, const void *from, size_t bytes) {
    if (bytes)
        memcpy(image + at, from, bytes);
}

static void write_image(ImageBuilder *b, AotImage *out) {
    ImageHeader       *header = &b->header;
    uint8_t           *image = ctx_alloc(b->ctx, header->bytes);
    put(image, header->targets_at, b->targets, header->target_count * sizeof *b->targets);
    put(image, header->entries_at, b->entries, header->entry_count * sizeof *b->entries);
    put(image, header->codes_at, b->codes, header->code_count * sizeof *b->codes);
    put(image, header->texts_at, text_str(&b->texts), b->texts.length);
    for (uint32_t c = 0; c < header->code_count; c++)
        put(image, b->codes[c].at, b->sources[c].bytes, b->sources[c].size);
    out->code_bytes = b->code_bytes;
    put(image, header->bytes - strlen(IMAGE_END), IMAGE_END, strlen(IMAGE_END));
    put(image, 0, header, sizeof *header);
    image_sum(image, header->tables);
    put(image, 0, header, sizeof *header);
    out->bytes = image;
    out->size = header->bytes;
}

Status aot_image(Ctx *ctx, const AotLibrary *library, const char *machine, AotImage *out) {
    ImageBuilder b = {.ctx = ctx, .library = library, .machine = machine, .texts = TEXT(ctx)};
    *out = (AotImage){.machine = machine, .triple = ctx_printf(ctx, "%s-unknown-linux-gnu", machine)};
    memcpy(b.header.magic, IMAGE_MAGIC, sizeof b.header.magic);
    b.header.abi = IMAGE_ABI;
    b.header.header_bytes = sizeof b.header;
    b.header.interface = library->interface;
    b.header.name = add_text(&b, library->name);
    add_targets(&b);
    add_entries(&b);
    place_all(&b);
    write_image(&b, out);
    return ST_OK;
}
