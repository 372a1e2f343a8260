/* Opens a library as a program would, beside a copy of its image to know what its functions take: see aot_load.h. */
#include "driver/aot_load.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "driver/device_launch.h"
#include "driver/files.h"
#include "frontend/frontend.h"

/* ---- The image -----------------------------------------------------------------------------------------------------
 */
static Status no_library(Ctx *ctx, const char *path) {
    return ctx_fail(ctx, ST_INTEGRITY, path, "give a libNAME.so.1 that `rattan aot` wrote, whole",
                    "is no such library");
}

/* The section ".rattan" begins with the image's magic. */
static Status find_image(Ctx *ctx, const char *path, const char *bytes, size_t size, const uint8_t **image) {
    Elf64_Ehdr elf;
    if (size < sizeof elf)
        return no_library(ctx, path);
    memcpy(&elf, bytes, sizeof elf);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_shentsize != sizeof(Elf64_Shdr) || elf.e_shoff > size ||
        elf.e_shnum > (size - elf.e_shoff) / sizeof(Elf64_Shdr))
        return no_library(ctx, path);
    for (int s = 0; s < elf.e_shnum; s++) {
        Elf64_Shdr section;
        memcpy(&section, bytes + elf.e_shoff + (size_t)s * sizeof section, sizeof section);
        if (section.sh_type != SHT_PROGBITS || section.sh_offset > size || section.sh_size > size - section.sh_offset ||
            section.sh_size < sizeof(ImageHeader) ||
            memcmp(bytes + section.sh_offset, IMAGE_MAGIC, strlen(IMAGE_MAGIC)) != 0)
            continue;
        uint8_t *copy = ctx_alloc(ctx, section.sh_size);
        memcpy(copy, bytes + section.sh_offset, section.sh_size);
        *image = copy;
        return ((const ImageHeader *)copy)->bytes <= section.sh_size ? ST_OK : no_library(ctx, path);
    }
    return no_library(ctx, path);
}

static Status read_image(Ctx *ctx, AotLoaded *loaded) {
    char          *bytes;
    size_t         size;
    const uint8_t *image = NULL;
    LibraryFault   fault;
    TRY(file_read(ctx, loaded->path, (size_t)1 << 33, &bytes, &size));
    TRY(find_image(ctx, loaded->path, bytes, size, &image));
    return library_open(ctx, image, ((const ImageHeader *)image)->interface, &loaded->library, &fault);
}

int aot_damaged(const AotLoaded *loaded) {
    int damaged = 0;
    for (uint32_t c = 0; c < loaded->library.header->code_count; c++) {
        Ctx         quiet;
        CodeObject *object = NULL;
        ctx_init(&quiet);
        damaged += library_code(&quiet, &loaded->library, c, &object) != ST_OK;
        code_object_free(object);
        ctx_free(&quiet);
    }
    return damaged;
}

/* ---- Functions -----------------------------------------------------------------------------------------------------
 */
static Status find_symbol(Ctx *ctx, const AotLoaded *loaded, const char *name, void *out) {
    void *symbol = dlsym(loaded->handle, name);
    memcpy(out, &symbol, sizeof symbol); /* the way from data to code that C has */
    return symbol ? ST_OK : ctx_fail(ctx, ST_INTEGRITY, loaded->path, "build it again", "lacks the function %s", name);
}

static Status open_context(Ctx *ctx, AotLoaded *loaded, const char *target) {
    const char       *name = library_name(&loaded->library);
    const bool        gpu = target && target_name_is_cuda(target);
    rattan_rt_options options = {.device = gpu ? "cuda" : NULL,
                                 .target = gpu && strcmp(target, "cuda") == 0 ? NULL : target};
    AotOpenFn        *open;
    AotTargetFn      *named;
    loaded->handle =
        dlopen(strchr(loaded->path, '/') ? loaded->path : ctx_printf(ctx, "./%s", loaded->path), RTLD_NOW | RTLD_LOCAL);
    if (!loaded->handle)
        return ctx_fail(ctx, ST_FAILED, loaded->path, "keep librattan_rt.so.1 beside it", "cannot be loaded: %s",
                        dlerror());
    TRY(find_symbol(ctx, loaded, ctx_printf(ctx, "%s_open_interface", name), &open));
    TRY(find_symbol(ctx, loaded, ctx_printf(ctx, "%s_close", name), &loaded->close));
    TRY(find_symbol(ctx, loaded, ctx_printf(ctx, "%s_error_string", name), &loaded->describe));
    TRY(find_symbol(ctx, loaded, ctx_printf(ctx, "%s_target", name), &named));
    const rattan_rt_status status = open(loaded->library.header->interface, &options, &loaded->context);
    if (status != RATTAN_RT_OK)
        return ctx_fail(ctx, status <= RATTAN_RT_NO_MEMORY ? (Status)status : ST_FAILED, loaded->path, NULL, "%s",
                        loaded->describe(status));
    loaded->target = named(loaded->context);
    return gpu ? cuda_device_open(ctx, 0, &loaded->device) : ST_OK;
}

static Status load_entry(Ctx *ctx, AotLoaded *loaded, const ImageEntry *entry, uint32_t code) {
    const Library *library = &loaded->library;
    AotEntry      *out = &loaded->entries[loaded->count];
    SpecFile       file;
    *out = (AotEntry){.name = library->texts + entry->name,
                      .loaded = loaded,
                      .bucket = {library->codes[code].sequences, library->codes[code].tokens}};
    TRY(find_symbol(ctx, loaded, out->name, &out->function));
    TRY(library_code(ctx, library, code, &out->object));
    loaded->count++;
    TRY(spec_load_text(ctx, out->name, out->object->spec, strlen(out->object->spec), &file));
    out->item = &file.items[0];
    return ST_OK;
}

static Status load_entries(Ctx *ctx, AotLoaded *loaded) {
    const Library *library = &loaded->library;
    loaded->entries = NEW_ARRAY(ctx, AotEntry, library->header->code_count);
    for (uint32_t e = 0; e < library->header->entry_count; e++) {
        const ImageEntry *entry = &library->entries[e];
        for (uint32_t c = entry->first_code; c < entry->first_code + entry->code_count; c++)
            if (!library->codes[c].plain &&
                strcmp(library_target(library, library->codes[c].target), loaded->target) == 0)
                TRY(load_entry(ctx, loaded, entry, c));
    }
    return ST_OK;
}

Status aot_load(Ctx *ctx, const char *path, const char *target, AotLoaded *loaded) {
    *loaded = (AotLoaded){.path = path};
    TRY(read_image(ctx, loaded));
    TRY(open_context(ctx, loaded, target));
    return load_entries(ctx, loaded);
}

void aot_unload(AotLoaded *loaded) {
    for (int e = 0; e < loaded->count; e++)
        code_object_free(loaded->entries[e].object);
    if (loaded->context)
        loaded->close(loaded->context);
    if (loaded->handle)
        dlclose(loaded->handle);
    cuda_device_close(loaded->device);
    *loaded = (AotLoaded){0};
}

/* ---- Calls ---------------------------------------------------------------------------------------------------------
 */
typedef struct Call {
    const AotEntry *entry;
    int64_t         position;
} Call;

/* The tensor whose dims have a size: sizes of tensors that a function takes agree. */
static int64_t size_of(const CodeObject *object, const Tensor *tensors, Sym sym) {
    for (int p = 0, t = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role == PARAM_WORK)
            continue;
        for (int d = 0; d < tensors[t].rank; d++) {
            const int64_t dim = param->dims[4 - param->rank + d];
            if (dim == DIM_SYM(sym))
                return tensors[t].dims[d];
            if (dim == DIM_N_PLUS_1 && sym == SYM_N)
                return tensors[t].dims[d] - 1;
        }
        t++;
    }
    return 0;
}

/* The struct of NAME.h: base/library_image.h says how it lies. */
static const int64_t *fill_args(Ctx *ctx, const CodeObject *object, const Tensor *tensors, int64_t position) {
    Sym       sizes[ARGS_MOST_SIZES];
    const int count = args_sizes(object, sizes);
    int64_t  *args = NEW_ARRAY(ctx, int64_t, count + 1 + 5 * object->param_count), *at = args;
    for (int s = 0; s < count; s++)
        *at++ = size_of(object, tensors, sizes[s]);
    *at++ = position;
    for (int p = 0, t = 0; p < object->param_count; p++) {
        if (object->params[p].role == PARAM_WORK)
            continue;
        const int rank = code_param_caller_rank(&object->params[p]);
        *at++ = (int64_t)(intptr_t)tensors[t].data;
        for (int d = 0; d < rank; d++)
            *at++ = tensors[t].strides[d];
        t++;
    }
    return args;
}

static Status call_function(Ctx *ctx, void *arg, const Tensor *tensors) {
    const Call            *call = arg;
    const AotLoaded       *loaded = call->entry->loaded;
    const int64_t         *args = fill_args(ctx, call->entry->object, tensors, call->position);
    const rattan_rt_status status = call->entry->function(loaded->context, args, NULL);
    return status == RATTAN_RT_OK ? ST_OK
                                  : ctx_fail(ctx, status <= RATTAN_RT_NO_MEMORY ? (Status)status : ST_FAILED,
                                             call->entry->name, NULL, "%s", loaded->describe(status));
}

Status aot_call(Ctx *ctx, const AotEntry *entry, const Tensor *arguments, int64_t position) {
    Call call = {entry, position};
    return entry->loaded->device
               ? device_run(ctx, entry->loaded->device, entry->object, arguments, call_function, &call)
               : call_function(ctx, &call, arguments);
}
