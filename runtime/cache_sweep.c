/* All entries of the cache's folder: counting, evicting, clearing.
 *
 * In:  the folder, how many bytes may stay.
 * Out: how much was removed and how much stays.
 * Always: only files with the cache's own names, in folders of two hexadecimal digits, are ever removed, so that a
 * folder named by mistake comes to no harm. Other processes may work in it meanwhile: who loses an entry compiles
 * again. */
#include "runtime/cache_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FANS = 256, STALE_SECONDS = 3600 };

typedef struct Entry {
    char    name[ENTRY_NAME];
    int     fan;
    int64_t bytes, used; /* used: nanoseconds since the epoch */
} Entry;

typedef struct Sweep {
    int         top, what;
    Entry      *entries;
    size_t      count, capacity;
    CacheSwept *swept;
} Sweep;

static bool is_entry_name(const char *name) {
    const size_t digits = 2 * KEY_BYTES - 2;
    return strlen(name) < ENTRY_NAME && strspn(name, "0123456789abcdef") == digits &&
           strcmp(name + digits, DISK_ENTRY_SUFFIX) == 0;
}

static void fan_name(int fan, char name[3]) { snprintf(name, 3, "%02x", (unsigned)fan & 255); }

static void remember(Sweep *sweep, const char *name, int fan, const struct stat *stat) {
    if (sweep->count == sweep->capacity) {
        const size_t grown = sweep->capacity ? 2 * sweep->capacity : 64;
        Entry *const entries = realloc(sweep->entries, grown * sizeof *entries);
        if (!entries)
            return;
        sweep->entries = entries;
        sweep->capacity = grown;
    }
    Entry *entry = &sweep->entries[sweep->count++];
    memcpy(entry->name, name, strlen(name) + 1); /* is_entry_name() has seen that it fits */
    entry->fan = fan;
    entry->bytes = stat->st_size;
    entry->used = (int64_t)stat->st_atim.tv_sec * 1000000000 + stat->st_atim.tv_nsec;
}

static bool is_damaged(int folder, const char *name, const struct stat *stat) {
    if (!S_ISREG(stat->st_mode))
        return true;
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    const bool whole = disk_verify(file);
    close(file);
    return !whole;
}

static void visit(Sweep *sweep, int folder, int fan, const char *name) {
    struct stat stat;
    if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    const bool    temp = strncmp(name, DISK_TEMP_PREFIX, strlen(DISK_TEMP_PREFIX)) == 0;
    const int64_t age = (int64_t)time(NULL) - stat.st_mtim.tv_sec; /* negative: of a clock that was ahead */
    const bool lock = strcmp(name, DISK_LOCK_NAME) == 0, all = sweep->what & SWEEP_ALL;
    if ((temp && (all || age > STALE_SECONDS || age < -STALE_SECONDS)) || (lock && all))
        unlinkat(folder, name, 0);
    if (!is_entry_name(name))
        return;
    if (!all && !(sweep->what & SWEEP_VERIFY && is_damaged(folder, name, &stat))) {
        remember(sweep, name, fan, &stat);
    } else if (unlinkat(folder, name, 0) == 0) {
        sweep->swept->entries++;
        sweep->swept->bytes += stat.st_size;
    }
}

static void visit_fan(Sweep *sweep, int fan) {
    char name[3];
    fan_name(fan, name);
    const int folder = disk_open_folder(sweep->top, name, false);
    DIR      *dir = folder >= 0 ? fdopendir(folder) : NULL;
    if (!dir) {
        if (folder >= 0)
            close(folder);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(sweep, folder, fan, entry->d_name);
    closedir(dir);
    if (sweep->what & SWEEP_ALL)
        unlinkat(sweep->top, name, AT_REMOVEDIR); /* fails where something else lies in it */
}

static int by_use(const void *left, const void *right) {
    const Entry *a = left, *b = right;
    return (a->used > b->used) - (a->used < b->used);
}

static bool remove_entry(const Sweep *sweep, const Entry *entry) {
    char name[3];
    fan_name(entry->fan, name);
    const int  folder = disk_open_folder(sweep->top, name, false);
    const bool removed = folder >= 0 && unlinkat(folder, entry->name, 0) == 0;
    if (folder >= 0)
        close(folder);
    return removed;
}

/* The oldest go first; `kept` is all there is at the start. */
static void evict(Sweep *sweep, int64_t limit, CacheSwept *kept) {
    qsort(sweep->entries, sweep->count, sizeof *sweep->entries, by_use);
    for (size_t i = 0; i < sweep->count && kept->bytes > limit; i++) {
        const Entry *entry = &sweep->entries[i];
        kept->entries--;
        kept->bytes -= entry->bytes;
        if (remove_entry(sweep, entry)) {
            sweep->swept->entries++;
            sweep->swept->bytes += entry->bytes;
        }
    }
}

void disk_sweep(CacheDisk *disk, int64_t limit, int what, CacheSwept *swept, CacheSwept *kept) {
    Sweep sweep = {.top = disk_open_top(disk, false), .what = what, .swept = swept};
    *swept = *kept = (CacheSwept){0, 0};
    if (sweep.top < 0)
        return;
    for (int fan = 0; fan < FANS; fan++)
        visit_fan(&sweep, fan);
    kept->entries = (int64_t)sweep.count;
    for (size_t i = 0; i < sweep.count; i++)
        kept->bytes += sweep.entries[i].bytes;
    if (kept->bytes > limit)
        evict(&sweep, limit, kept);
    free(sweep.entries);
    close(sweep.top);
}
