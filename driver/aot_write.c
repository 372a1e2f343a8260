/* Puts a library's files where they belong: all are on disk under other names before the first gets its own. */
#include "driver/aot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/files.h"

void aot_add_file(Ctx *ctx, AotFiles *files, const char *path, const void *bytes, size_t size) {
    PUSH(ctx, files->items, files->count, files->capacity, ((AotFile){path, bytes, size, NULL}));
}

void aot_add_text(Ctx *ctx, AotFiles *files, const char *path, const char *text) {
    aot_add_file(ctx, files, path, text, strlen(text));
}

void aot_add_link(Ctx *ctx, AotFiles *files, const char *path, const char *target) {
    PUSH(ctx, files->items, files->count, files->capacity, ((AotFile){path, NULL, 0, target}));
}

static Status cannot(Ctx *ctx, const char *path, const char *what) {
    return ctx_fail(ctx, ST_FAILED, path, "choose a place with room where you may write with -o", "cannot %s: %s", what,
                    strerror(errno));
}

/* The folders above `path`, below `root` and with it. */
static Status make_folders(Ctx *ctx, const char *root, const char *path) {
    char *place = ctx_printf(ctx, "%s/%s", root, path);
    for (char *slash = place + strlen(root); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        TRY(folder_make(ctx, place));
        *slash = '/';
    }
    return ST_OK;
}

/* Where the files go, and what is in the names they have until all are there. */
typedef struct Place {
    const char *root;
    char        mark[FILE_MARK];
} Place;

static const char *final_name(Ctx *ctx, const Place *place, const AotFile *file) {
    return ctx_printf(ctx, "%s/%s", place->root, file->path);
}

static const char *staged_name(Ctx *ctx, const Place *place, const AotFile *file) {
    return ctx_printf(ctx, "%s/%s.%s.new", place->root, file->path, place->mark);
}

/* A folder where the file belongs would be found out by the last step, when others have been written. */
static Status check_free(Ctx *ctx, const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode)
               ? ctx_fail(ctx, ST_FAILED, path, "move it away, or choose another place with -o", "is a folder where a file belongs")
               : ST_OK;
}

static Status stage(Ctx *ctx, const Place *place, const AotFile *file) {
    const char *path = staged_name(ctx, place, file);
    TRY(make_folders(ctx, place->root, file->path));
    TRY(check_free(ctx, final_name(ctx, place, file)));
    if (!file->link)
        return file_write(ctx, path, &(Part){file->bytes, file->size}, 1);
    return symlink(file->link, path) == 0 ? ST_OK : cannot(ctx, path, "make the link");
}

/* What is there has the bytes that are wanted: programs that use it are not disturbed. */
static bool is_there(Ctx *ctx, const Place *place, const AotFile *file) {
    const char *path = final_name(ctx, place, file);
    struct stat info;
    char       *bytes;
    size_t      size;
    Ctx         quiet;
    bool        same = false;
    if (file->link || lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size != file->size)
        return false;
    ctx_init(&quiet);
    same = file_read(&quiet, path, file->size, &bytes, &size) == ST_OK && size == file->size &&
           memcmp(bytes, file->bytes, size) == 0;
    ctx_free(&quiet);
    return same;
}

static Status stage_all(Ctx *ctx, const Place *place, const AotFiles *files) {
    for (int f = 0; f < files->count; f++)
        TRY(stage(ctx, place, &files->items[f]));
    return ST_OK;
}

static Status rename_all(Ctx *ctx, const Place *place, const AotFiles *files) {
    for (int f = 0; f < files->count; f++) {
        const char *path = final_name(ctx, place, &files->items[f]);
        if (is_there(ctx, place, &files->items[f]))
            continue;
        if (rename(staged_name(ctx, place, &files->items[f]), path) != 0)
            return cannot(ctx, path, "write");
    }
    return ST_OK;
}

/* Every name that has not been taken away by a rename; the folders that this left empty, but for one that was there before. */
static void clean_up(Ctx *ctx, const Place *place, bool had, const AotFiles *files, bool failed) {
    const size_t root = strlen(place->root);
    for (int f = 0; f < files->count; f++)
        unlink(staged_name(ctx, place, &files->items[f]));
    for (int f = files->count - 1; failed && f >= 0; f--) {
        char *folder = ctx_printf(ctx, "%s/%s", place->root, files->items[f].path);
        while (strlen(folder) > root) {
            *strrchr(folder, '/') = '\0';
            if ((had && strlen(folder) <= root) || rmdir(folder) != 0)
                break;
        }
    }
}

Status aot_write(Ctx *ctx, const char *folder, const AotFiles *files) {
    sigset_t   before;
    Place      place = {.root = folder};
    const bool had = path_is_folder(folder);
    file_mark(place.mark);
    interrupts_hold(&before);
    Status status = stage_all(ctx, &place, files);
    if (status == ST_OK)
        status = rename_all(ctx, &place, files);
    clean_up(ctx, &place, had, files, status != ST_OK);
    interrupts_release(&before);
    return status;
}
