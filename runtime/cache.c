/* The cache of compiled kernels: what is in memory, and the way to the files.
 *
 * In:  key texts and code objects.
 * Out: code objects, each the caller's own.
 * Always: entries are compared by their whole key text, so that two texts of one hash are only a miss. Memory holds the
 *      encoded objects, most recently used first, up to MEMORY_LIMIT. The lock is never held while a file is touched.
 */
#include "runtime/cache.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cache_disk.h"
#include "runtime/key.h"

#define DEFAULT_LIMIT (INT64_C(2) << 30)
#define MEMORY_LIMIT (INT64_C(128) << 20)

typedef struct Kept {
    struct Kept *next;
    Key          key;
    char        *key_text;
    uint8_t     *object;
    size_t       size;
} Kept;

struct Cache {
    CacheDisk       disk;
    pthread_mutex_t lock; /* of all below */
    Kept           *kept; /* most recently used first */
    int64_t         kept_count, kept_bytes, hits, misses, stored;
};

/* ---- Opening ------------------------------------------------------------------------------------------------------
 */
/* "500M" as bytes; -1 if it is no such thing. */
static int64_t parse_size(const char *text) {
    char         *end;
    const int64_t value = strtoll(text, &end, 10);
    const char    unit = (char)toupper((unsigned char)*end);
    const int     shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : unit == 'T' ? 40 : 0;
    const char   *rest = shift ? end + 1 : end;
    const bool fine = end != text && value >= 0 && (*rest == '\0' || strcmp(rest, "B") == 0 || strcmp(rest, "iB") == 0);
    return fine && value <= INT64_MAX >> shift ? value << shift : -1;
}

static int64_t choose_limit(CacheDisk *disk, int64_t limit) {
    const char *text = limit == 0 ? secure_getenv("RATTAN_CACHE_SIZE") : NULL;
    if (!text || !*text)
        return limit == 0 ? DEFAULT_LIMIT : limit;
    const int64_t value = parse_size(text);
    if (value < 0)
        snprintf(disk->warning, sizeof disk->warning,
                 "RATTAN_CACHE_SIZE=%.100s is no size (use 500M or 2G); 2G is used", text);
    return value < 0 ? DEFAULT_LIMIT : value;
}

static char *join(const char *folder, const char *rest) {
    const size_t size = strlen(folder) + strlen(rest) + 1;
    char        *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s", folder, rest);
    return path;
}

/* NULL: memory only. */
static char *choose_folder(CacheDisk *disk, const char *folder) {
    const char *own = folder ? folder : secure_getenv("RATTAN_CACHE_DIR");
    const char *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    if (folder && !*folder)
        return NULL;
    if (own && *own)
        return join(own, "");
    if (xdg && *xdg == '/')
        return join(xdg, "/rattan");
    if (home && *home == '/')
        return join(home, "/.cache/rattan");
    disk_warn(disk, "there is no HOME, XDG_CACHE_HOME or RATTAN_CACHE_DIR", 0);
    return NULL;
}

Status cache_open(Ctx *ctx, const char *folder, int64_t limit, Cache **out) {
    Cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return ctx_fail(ctx, ST_NO_MEMORY, "cache", NULL, "out of memory");
    pthread_mutex_init(&cache->lock, NULL);
    pthread_mutex_init(&cache->disk.lock, NULL);
    cache->disk.limit = choose_limit(&cache->disk, limit);
    if (cache->disk.limit > 0)
        cache->disk.folder = choose_folder(&cache->disk, folder);
    atomic_store(&cache->disk.writable, cache->disk.folder != NULL);
    *out = cache;
    return ST_OK;
}

/* ---- Memory -------------------------------------------------------------------------------------------------------
 */
static void free_kept(Kept *kept) {
    free(kept->key_text);
    free(kept->object);
    free(kept);
}

/* Takes an entry out of the list; NULL if it is not there. */
static Kept *unlink_kept(Cache *cache, const Key *key, const char *key_text) {
    for (Kept **link = &cache->kept; *link; link = &(*link)->next) {
        Kept *kept = *link;
        if (memcmp(&kept->key, key, sizeof *key) != 0 || strcmp(kept->key_text, key_text) != 0)
            continue;
        *link = kept->next;
        cache->kept_count--;
        cache->kept_bytes -= (int64_t)kept->size;
        return kept;
    }
    return NULL;
}

static void link_kept(Cache *cache, Kept *kept) {
    kept->next = cache->kept;
    cache->kept = kept;
    cache->kept_count++;
    cache->kept_bytes += (int64_t)kept->size;
}

static void drop_oldest(Cache *cache) {
    while (cache->kept_bytes > MEMORY_LIMIT && cache->kept && cache->kept->next) {
        Kept **link = &cache->kept;
        while ((*link)->next)
            link = &(*link)->next;
        Kept *oldest = *link;
        *link = NULL;
        cache->kept_count--;
        cache->kept_bytes -= (int64_t)oldest->size;
        free_kept(oldest);
    }
}

/* Takes over `object`. */
static void keep(Cache *cache, const Key *key, const char *key_text, uint8_t *object, size_t size) {
    Kept *kept = calloc(1, sizeof *kept);
    char *text = join(key_text, "");
    if (!kept || !text) {
        free(kept);
        free(text);
        free(object);
        return;
    }
    *kept = (Kept){.key = *key, .key_text = text, .object = object, .size = size};
    pthread_mutex_lock(&cache->lock);
    Kept *old = unlink_kept(cache, key, key_text);
    link_kept(cache, kept);
    drop_oldest(cache);
    pthread_mutex_unlock(&cache->lock);
    if (old)
        free_kept(old);
}

static bool decode(const uint8_t *bytes, size_t size, CodeObject **object) {
    Ctx ctx;
    ctx_init(&ctx);
    return code_object_decode(&ctx, bytes, size, object) == ST_OK;
}

static bool find_in_memory(Cache *cache, const Key *key, const char *key_text, CodeObject **object) {
    pthread_mutex_lock(&cache->lock);
    Kept      *kept = unlink_kept(cache, key, key_text);
    const bool found = kept && decode(kept->object, kept->size, object);
    if (kept)
        link_kept(cache, kept);
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static bool find_on_disk(Cache *cache, const Key *key, const char *key_text, CodeObject **object) {
    uint8_t *bytes;
    size_t   size;
    if (!disk_read(&cache->disk, key, key_text, &bytes, &size))
        return false;
    if (!decode(bytes, size, object)) {
        free(bytes);
        return false;
    }
    keep(cache, key, key_text, bytes, size);
    return true;
}

/* ---- The interface ------------------------------------------------------------------------------------------------
 */
bool cache_find(Cache *cache, const char *key_text, CodeObject **object) {
    return cache_find_any(cache, &key_text, 1, object);
}

bool cache_find_any(Cache *cache, const char *const *key_texts, int count, CodeObject **object) {
    bool hit = false;
    for (int k = 0; k < count && !hit; k++) {
        const Key key = key_of(key_texts[k], strlen(key_texts[k]));
        hit = find_in_memory(cache, &key, key_texts[k], object) || find_on_disk(cache, &key, key_texts[k], object);
    }
    pthread_mutex_lock(&cache->lock);
    cache->hits += hit;
    cache->misses += !hit;
    pthread_mutex_unlock(&cache->lock);
    return hit;
}

void cache_store(Cache *cache, const char *key_text, const CodeObject *object) {
    Ctx        ctx;
    uint8_t   *bytes;
    size_t     size;
    CacheSwept swept, kept;
    const Key  key = key_of(key_text, strlen(key_text));
    ctx_init(&ctx);
    if (code_object_encode(&ctx, object, &bytes, &size) != ST_OK)
        return;
    disk_write(&cache->disk, &key, key_text, bytes, size);
    keep(cache, &key, key_text, bytes, size);
    if (atomic_load(&cache->disk.writable))
        disk_sweep(&cache->disk, cache->disk.limit, 0, &swept, &kept);
    pthread_mutex_lock(&cache->lock);
    cache->stored++;
    pthread_mutex_unlock(&cache->lock);
}

int cache_lock(Cache *cache, const char *key_text, int timeout_ms) {
    const Key key = key_of(key_text, strlen(key_text));
    return disk_lock(&cache->disk, &key, timeout_ms);
}

void cache_unlock(int handle) {
    if (handle >= 0)
        close(handle);
}

void cache_warning(Cache *cache, char text[512]) {
    pthread_mutex_lock(&cache->disk.lock);
    memcpy(text, cache->disk.warning, sizeof cache->disk.warning);
    pthread_mutex_unlock(&cache->disk.lock);
}

void cache_try(Cache *cache) { disk_try(&cache->disk); }

void cache_info(Cache *cache, CacheInfo *info) {
    CacheSwept swept, kept;
    memset(info, 0, sizeof *info);
    disk_sweep(&cache->disk, INT64_MAX, 0, &swept, &kept);
    info->entries = kept.entries;
    info->bytes = kept.bytes;
    info->limit = cache->disk.limit;
    info->writable = atomic_load(&cache->disk.writable);
    info->damaged = atomic_load(&cache->disk.damaged);
    snprintf(info->folder, sizeof info->folder, "%s", cache->disk.folder ? cache->disk.folder : "");
    cache_warning(cache, info->warning);
    pthread_mutex_lock(&cache->lock);
    info->memory_entries = cache->kept_count;
    info->memory_bytes = cache->kept_bytes;
    info->hits = cache->hits;
    info->misses = cache->misses;
    info->stored = cache->stored;
    pthread_mutex_unlock(&cache->lock);
}

void cache_gc(Cache *cache, CacheSwept *swept) {
    CacheSwept kept;
    disk_sweep(&cache->disk, cache->disk.limit, SWEEP_VERIFY, swept, &kept);
}

static void forget_memory(Cache *cache) {
    pthread_mutex_lock(&cache->lock);
    Kept *kept = cache->kept;
    cache->kept = NULL;
    cache->kept_count = cache->kept_bytes = 0;
    pthread_mutex_unlock(&cache->lock);
    while (kept) {
        Kept *next = kept->next;
        free_kept(kept);
        kept = next;
    }
}

void cache_clear(Cache *cache, CacheSwept *swept) {
    CacheSwept kept;
    forget_memory(cache);
    disk_sweep(&cache->disk, 0, SWEEP_ALL, swept, &kept);
}

void cache_close(Cache *cache) {
    if (!cache)
        return;
    forget_memory(cache);
    free(cache->disk.folder);
    pthread_mutex_destroy(&cache->disk.lock);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}
