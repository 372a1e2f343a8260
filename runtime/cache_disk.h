/* The cache's folder: between cache.c, cache_disk.c (one entry) and cache_sweep.c (all of them). */
#ifndef RATTAN_RUNTIME_CACHE_DISK_H
#define RATTAN_RUNTIME_CACHE_DISK_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/cache.h"
#include "runtime/key.h"

typedef struct CacheDisk {
    char           *folder; /* NULL: memory only */
    int64_t         limit;
    atomic_bool     writable;
    atomic_llong    damaged; /* bad entries met and removed */
    pthread_mutex_t lock;    /* of the warning */
    char            warning[512];
} CacheDisk;

/* Records the first problem; `error` is an errno or 0. */
void disk_warn(CacheDisk *disk, const char *what, int error);

/* Opens a folder below `parent` (AT_FDCWD for the top) if it is a real folder of this user that nobody else may write;
 * -1 and errno otherwise: EPERM for one that is not to be trusted. */
int disk_open_folder(int parent, const char *name, bool create);
int disk_open_top(CacheDisk *disk, bool create);

/* The object bytes of an entry (malloc'd), or false: a miss. Bad entries are removed. */
bool disk_read(CacheDisk *disk, const Key *key, const char *key_text, uint8_t **object, size_t *size);
void disk_write(CacheDisk *disk, const Key *key, const char *key_text, const uint8_t *object, size_t size);
int  disk_lock(CacheDisk *disk, const Key *key, int timeout_ms);

/* Makes the folder where there is none, and a file in it that goes again; warns where either fails. */
void disk_try(CacheDisk *disk);

/* Whether the open file is a whole entry: for cache_gc. */
bool disk_verify(int file);

enum { ENTRY_NAME = 40 };
extern const char DISK_ENTRY_SUFFIX[], DISK_TEMP_PREFIX[], DISK_LOCK_NAME[];

/* ---- cache_sweep.c --------------------------------------------------------------------------------------------- */
enum { SWEEP_VERIFY = 1, SWEEP_ALL = 2 };
/* Counts the entries; removes the least recently used beyond `limit`, with SWEEP_VERIFY the damaged, with SWEEP_ALL every
 * one. `kept` is what stays. */
void disk_sweep(CacheDisk *disk, int64_t limit, int what, CacheSwept *swept, CacheSwept *kept);

#endif
