/* Where rattan's own tuning database lies: see tuning_shipped.h. */
#include "driver/tuning_shipped.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 3 };

/* The file of this code, links followed; false where it cannot be told. Asked of the kernel: what the loader was told may be
 * relative to a folder that the process has left. */
static bool own_file(char path[PATH_MAX]) {
    const uintptr_t address = (uintptr_t)own_file;
    char           *line = NULL;
    size_t          capacity = 0;
    bool            found = false;
    FILE           *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && getline(&line, &capacity, maps) > 0) {
        uintptr_t   start, end;
        const char *name = strchr(line, '/');
        if (!name || sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) != 2 || address < start || address >= end)
            continue;
        line[strcspn(line, "\n")] = '\0';
        found = realpath(name, path) != NULL;
    }
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

/* Folders above the program may be anybody's: what lies there counts only if it is its owner's, root's or the user's. */
static bool is_ours(const char *path, uid_t owner) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0 &&
           (info.st_uid == owner || info.st_uid == 0 || info.st_uid == geteuid());
}

const char *tuning_shipped_path(Ctx *ctx) {
    char        file[PATH_MAX];
    struct stat info;
    if (!own_file(file) || stat(file, &info) != 0)
        return NULL;
    for (int up = 0; up < FOLDERS; up++) {
        char *slash = strrchr(file, '/');
        if (!slash)
            break;
        *slash = '\0';
        const char *path = ctx_printf(ctx, "%s/share/rattan/tuning.db", file);
        if (is_ours(path, info.st_uid))
            return path;
    }
    return NULL;
}
