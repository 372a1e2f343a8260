/* Where rattan's own tuning database lies: see tuning_shipped.h. */
#include "driver/tuning_shipped.h"

#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDERS = 3 };

typedef struct Module {
    uintptr_t   address; /* of something in it */
    const char *file;    /* as the loader found it; "": the program */
} Module;

static int look_for_module(struct dl_phdr_info *info, size_t size, void *arg) {
    Module *module = arg;
    (void)size;
    for (int p = 0; p < info->dlpi_phnum; p++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[p];
        const uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && module->address >= start && module->address - start < part->p_memsz) {
            module->file = info->dlpi_name ? info->dlpi_name : "";
            return 1;
        }
    }
    return 0;
}

/* The file of this code, links followed; false where it cannot be told. */
static bool own_file(char path[PATH_MAX]) {
    Module module = {.address = (uintptr_t)own_file};
    if (!dl_iterate_phdr(look_for_module, &module))
        return false;
    return realpath(*module.file ? module.file : "/proc/self/exe", path);
}

const char *tuning_shipped_path(Ctx *ctx) {
    char file[PATH_MAX];
    if (!own_file(file))
        return NULL;
    for (int up = 0; up < FOLDERS; up++) {
        char *slash = strrchr(file, '/');
        if (!slash)
            break;
        *slash = '\0';
        const char *path = ctx_printf(ctx, "%s/share/rattan/tuning.db", file);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}
