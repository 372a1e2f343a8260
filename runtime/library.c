/* Reads the image of a library: see library.h and base/library_image.h.
 *
 * Always: nothing of the image is believed before it has been compared with its size; a page of a file that has been
 * cut short is not touched: the system is asked to read a byte of it first, which is an error and no signal. */
#include "runtime/library.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/squeeze.h"
#include "runtime/cpu_features.h"

enum { MOST_CODE = 1 << 30 };
static const uint64_t MOST_BYTES = UINT64_C(1) << 40; /* of an image */

/* ---- Is it all there ----------------------------------------------------------------------------------------------
 */
/* Whether both bytes can be read. Where there is no pipe to try it with, it is taken for granted. */
static bool readable(const uint8_t *first, const uint8_t *last) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
        return true;
    const bool fine = write(pipes[1], first, 1) == 1 && write(pipes[1], last, 1) == 1;
    close(pipes[0]);
    close(pipes[1]);
    return fine;
}

static Status cut_short(Ctx *ctx) {
    return ctx_fail(ctx, ST_INTEGRITY, "library", "copy or build it again", "its file has been cut short or changed");
}

static bool table_fits(const ImageHeader *header, uint64_t at, uint64_t count, uint64_t size) {
    return at >= header->header_bytes && at <= header->objects_at && at % 8 == 0 &&
           count <= (header->objects_at - at) / size;
}

static bool tables_fit(const ImageHeader *header) {
    return header->header_bytes == sizeof *header && header->objects_at >= sizeof *header &&
           header->objects_at <= header->bytes && header->text_bytes > 0 &&
           table_fits(header, header->targets_at, header->target_count, sizeof(ImageTarget)) &&
           table_fits(header, header->entries_at, header->entry_count, sizeof(ImageEntry)) &&
           table_fits(header, header->codes_at, header->code_count, sizeof(ImageCode)) &&
           table_fits(header, header->texts_at, header->text_bytes, 1);
}

/* What the tables say of places and numbers, against what there is. */
static bool tables_sound(const Library *library) {
    const ImageHeader *header = library->header;
    bool               sound = library->texts[header->text_bytes - 1] == '\0' && header->name < header->text_bytes;
    for (uint32_t t = 0; t < header->target_count; t++)
        sound &= library->targets[t].name < header->text_bytes && library->targets[t].features < header->text_bytes;
    for (uint32_t e = 0; e < header->entry_count; e++)
        sound &= library->entries[e].name < header->text_bytes &&
                 library->entries[e].first_code <= header->code_count &&
                 library->entries[e].code_count <= header->code_count - library->entries[e].first_code;
    for (uint32_t c = 0; c < header->code_count; c++)
        sound &= library->codes[c].target < header->target_count && library->codes[c].at >= header->objects_at &&
                 library->codes[c].at <= header->bytes &&
                 library->codes[c].bytes <= header->bytes - library->codes[c].at;
    return sound;
}

static bool tables_match(const Library *library) {
    uint8_t sum[IMAGE_SUM];
    image_sum(library->image, sum);
    return memcmp(sum, library->header->tables, IMAGE_SUM) == 0;
}

/* ---- Of one version -----------------------------------------------------------------------------------------------
 */
static Status check_header(Ctx *ctx, const ImageHeader *header, LibraryFault *fault) {
    const uint8_t *image = (const uint8_t *)header;
    if (!readable(image, image + sizeof *header - 1))
        return cut_short(ctx);
    if (memcmp(header->magic, IMAGE_MAGIC, sizeof header->magic) != 0)
        return ctx_fail(ctx, ST_INTEGRITY, "library", "copy or build it again", "does not begin as one");
    if (header->abi == 0)
        return cut_short(ctx);
    if (header->abi != IMAGE_ABI) {
        *fault = LIBRARY_VERSION;
        return ctx_fail(ctx, ST_USAGE, "library", "use the librattan_rt that was written beside the library",
                        "is of version %u, this runtime reads version %d", (unsigned)header->abi, IMAGE_ABI);
    }
    const uint64_t end = sizeof IMAGE_END - 1;
    if (header->bytes < sizeof *header + end || header->bytes > MOST_BYTES ||
        !readable(image + header->bytes - end, image + header->bytes - 1) ||
        memcmp(image + header->bytes - end, IMAGE_END, end) != 0)
        return cut_short(ctx);
    return ST_OK;
}

static Status check_interface(Ctx *ctx, const Library *library, uint64_t interface, LibraryFault *fault) {
    if (library->header->interface == interface)
        return ST_OK;
    *fault = LIBRARY_VERSION;
    return ctx_fail(ctx, ST_USAGE, library_name(library),
                    "compile the program with the header that was written with the library",
                    "was built with other functions than the program's header declares");
}

Status library_open(Ctx *ctx, const void *image, uint64_t interface, Library *out, LibraryFault *fault) {
    const ImageHeader *header = image;
    *fault = LIBRARY_FINE;
    if (!image)
        return ctx_fail(ctx, ST_USAGE, "library", NULL, "is NULL");
    TRY(check_header(ctx, header, fault));
    if (!tables_fit(header))
        return cut_short(ctx);
    const uint8_t *bytes = image;
    *out = (Library){
        .image = bytes,
        .header = header,
        .targets = (const ImageTarget *)(bytes + header->targets_at),
        .entries = (const ImageEntry *)(bytes + header->entries_at),
        .codes = (const ImageCode *)(bytes + header->codes_at),
        .texts = (const char *)bytes + header->texts_at,
    };
    if (!tables_match(out) || !tables_sound(out))
        return cut_short(ctx);
    return check_interface(ctx, out, interface, fault);
}

/* ---- Names in use -------------------------------------------------------------------------------------------------
 */
/* The one thing that contexts share: which library has a name, as long as any context of it is open. Of the image it has
 * copies: one of several that are alike may be closed before the others. */
typedef struct NameInUse {
    struct NameInUse *next;
    int               users;
    uint8_t           tables[IMAGE_SUM];
    char              name[];
} NameInUse;

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static NameInUse      *names;

static NameInUse *find_name(const char *name) {
    NameInUse *at = names;
    while (at && strcmp(at->name, name) != 0)
        at = at->next;
    return at;
}

static Status two_libraries(Ctx *ctx, const Library *library, LibraryFault *fault) {
    *fault = LIBRARY_TWO;
    return ctx_fail(ctx, ST_USAGE, library_name(library), "build one of them with another --name",
                    "another library of this name, with other kernels, is in use in this process");
}

static Status enter_locked(Ctx *ctx, const Library *library, LibraryFault *fault) {
    const char *const name = library_name(library);
    NameInUse        *at = find_name(name);
    if (at && memcmp(at->tables, library->header->tables, IMAGE_SUM) != 0)
        return two_libraries(ctx, library, fault);
    if (!at) {
        at = calloc(1, sizeof *at + strlen(name) + 1);
        if (!at)
            return ctx_fail(ctx, ST_NO_MEMORY, "library", NULL, "out of memory");
        memcpy(at->tables, library->header->tables, IMAGE_SUM);
        strcpy(at->name, name);
        at->next = names;
        names = at;
    }
    at->users++;
    return ST_OK;
}

Status library_enter(Ctx *ctx, const Library *library, LibraryFault *fault) {
    pthread_mutex_lock(&names_lock);
    const Status status = enter_locked(ctx, library, fault);
    pthread_mutex_unlock(&names_lock);
    return status;
}

void library_leave(const Library *library) {
    pthread_mutex_lock(&names_lock);
    NameInUse *at = find_name(library_name(library));
    if (at && --at->users == 0) {
        NameInUse **link = &names;
        while (*link != at)
            link = &(*link)->next;
        *link = at->next;
        free(at);
    }
    pthread_mutex_unlock(&names_lock);
}

/* ---- What it holds ------------------------------------------------------------------------------------------------
 */
const char *library_name(const Library *library) { return library->texts + library->header->name; }

const char *library_target(const Library *library, uint32_t target) {
    return library->texts + library->targets[target].name;
}

static Status decode(Ctx *ctx, const ImageCode *row, const uint8_t *bytes, size_t size, CodeObject **out) {
    if (size < IMAGE_SUM || memcmp(bytes + size - IMAGE_SUM, row->sum, IMAGE_SUM) != 0)
        return cut_short(ctx);
    return code_object_decode(ctx, bytes, size, out);
}

static Status decode_squeezed(Ctx *ctx, const ImageCode *row, const uint8_t *bytes, CodeObject **out) {
    uint8_t *whole = row->length <= MOST_CODE ? malloc(row->length) : NULL;
    if (!whole)
        return ctx_fail(ctx, ST_NO_MEMORY, "library", NULL, "no memory for %llu bytes of code",
                        (unsigned long long)row->length);
    const Status status =
        unsqueeze(bytes, row->bytes, whole, row->length) ? decode(ctx, row, whole, row->length, out) : cut_short(ctx);
    free(whole);
    return status;
}

Status library_code(Ctx *ctx, const Library *library, uint32_t code, CodeObject **out) {
    const ImageCode *row = &library->codes[code];
    const uint8_t   *bytes = library->image + row->at;
    if (row->bytes > 0 && !readable(bytes, bytes + row->bytes - 1)) /* cut short since it was opened */
        return cut_short(ctx);
    return row->length ? decode_squeezed(ctx, row, bytes, out) : decode(ctx, row, bytes, row->bytes, out);
}

bool library_runs(const Library *library, uint32_t target, const CudaDevice *device) {
    const ImageTarget *row = &library->targets[target];
    if (!device) {
        Ctx quiet;
        ctx_init(&quiet);
        return !row->gpu && cpu_check_features(&quiet, library->texts + row->features) == ST_OK;
    }
    const uint32_t major = (uint32_t)device->facts.major, minor = (uint32_t)device->facts.minor;
    if (row->flags & IMAGE_EXACT)
        return row->gpu == 10 * major + minor;
    return row->gpu / 10 == major && row->gpu % 10 <= minor;
}

bool library_compiles(const Library *library, uint32_t target, const CudaDevice *device) {
    const ImageTarget *row = &library->targets[target];
    return device && row->flags & IMAGE_PTX &&
           row->gpu <= (uint32_t)(10 * device->facts.major + device->facts.minor);
}
