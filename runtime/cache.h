/* The cache of compiled kernels: memory first, then one file an entry. Nothing that goes wrong here is ever fatal. */
#ifndef RATTAN_RUNTIME_CACHE_H
#define RATTAN_RUNTIME_CACHE_H

#include "base/code_object.h"

typedef struct Cache Cache;

/* `folder`: NULL for $RATTAN_CACHE_DIR, else $XDG_CACHE_HOME/rattan, else ~/.cache/rattan; "" for memory only.
 * `limit`: bytes of files to keep; 0 for $RATTAN_CACHE_SIZE ("500M", "2G"), else 2 GiB; negative for memory only.
 * Fails only for want of memory: a folder that cannot be used means memory only and a warning in CacheInfo. */
Status cache_open(Ctx *ctx, const char *folder, int64_t limit, Cache **out);
void   cache_close(Cache *cache);

/* True and a new object (code_object_free) if there is an entry of just this key text. Safe from several threads. */
bool cache_find(Cache *cache, const char *key_text, CodeObject **object);
/* The first of these keys that has an entry; one hit or miss. */
bool cache_find_any(Cache *cache, const char *const *key_texts, int count, CodeObject **object);
/* Keeps a copy, in memory and, where possible, in a file. */
void cache_store(Cache *cache, const char *key_text, const CodeObject *object);

/* Lets one process at a time compile an entry: the others wait, find it and need not. Returns a handle for cache_unlock(), or
 * -1 where there is no folder or the wait took over `timeout_ms`: then go on without. A process that dies lets go. */
int  cache_lock(Cache *cache, const char *key_text, int timeout_ms);
void cache_unlock(int handle);

typedef struct CacheInfo {
    char    folder[4096];  /* "" for memory only */
    char    warning[512];  /* the first thing that kept the cache from its folder; "" if nothing did */
    bool    writable;
    int64_t entries, bytes, limit;         /* files */
    int64_t memory_entries, memory_bytes;  /* of this process */
    int64_t hits, misses, stored, damaged; /* of this process; damaged: bad files met and removed */
} CacheInfo;

void cache_info(Cache *cache, CacheInfo *info);
/* CacheInfo.warning alone: looks at no file. */
void cache_warning(Cache *cache, char text[512]);
/* Whether entries can be stored is known once one is; this tries it: the folder is made where it is not there. What keeps the
 * cache from it is CacheInfo.warning then. */
void cache_try(Cache *cache);

typedef struct CacheSwept {
    int64_t entries, bytes; /* removed */
} CacheSwept;

/* Removes damaged entries, leftovers of writers that died, and the least recently used beyond the limit. */
void cache_gc(Cache *cache, CacheSwept *swept);
/* Removes all entries, here and in memory. Files that are not the cache's stay. */
void cache_clear(Cache *cache, CacheSwept *swept);

#endif
