/* Pieces of a mapping in size classes: multiples of 16 up to SMALL, then four sizes between powers of two. A freed
 * piece serves its class again.
 *
 * Lua tells the size of what it gives back, so that pieces need no headers. */
#include "frontend/lua_pool.h"

#include <string.h>
#include <sys/mman.h>

enum { GRAIN = 16, SMALL = 1024, SMALL_CLASSES = SMALL / GRAIN };

bool lua_pool_open(LuaPool *pool) {
    memset(pool, 0, sizeof *pool);
    void *memory =
        mmap(NULL, LUA_POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    pool->memory = pool->at = memory;
    pool->end = pool->memory + LUA_POOL_BYTES;
    return true;
}

void lua_pool_close(LuaPool *pool) { munmap(pool->memory, LUA_POOL_BYTES); }

/* The class of a size from 1 to LUA_POOL_BYTES, and the size of its pieces. */
static int class_of(size_t size, size_t *piece) {
    if (size <= SMALL) {
        const size_t grains = (size + GRAIN - 1) / GRAIN;
        *piece = grains * GRAIN;
        return (int)grains - 1;
    }
    int class = SMALL_CLASSES;
    size_t base = SMALL;
    for (; 2 * base < size; base *= 2)
        class += 4;
    const size_t quarters = (size - base + base / 4 - 1) / (base / 4);
    *piece = base + quarters * (base / 4);
    return class + (int)quarters - 1;
}

static void *take(LuaPool *pool, size_t size) {
    size_t piece;
    if (size > LUA_POOL_BYTES)
        return NULL;
    const int class = class_of(size, &piece);
    void *found = pool->vacant[class];
    if (found) {
        memcpy(&pool->vacant[class], found, sizeof(void *)); /* a vacant piece starts with the next one's address */
        return found;
    }
    if ((size_t)(pool->end - pool->at) < piece)
        return NULL;
    found = pool->at;
    pool->at += piece;
    return found;
}

static void give(LuaPool *pool, void *old, size_t size) {
    size_t piece;
    const int class = class_of(size, &piece);
    memcpy(old, &pool->vacant[class], sizeof(void *));
    pool->vacant[class] = old;
}

void *lua_pool_alloc(void *user, void *old, size_t old_size, size_t size) {
    LuaPool *const pool = user;
    size_t         old_piece = 0, piece = 0;
    if (old && old_size > 0 && size > 0 && size <= LUA_POOL_BYTES &&
        class_of(old_size, &old_piece) == class_of(size, &piece))
        return old;
    void *now = size > 0 ? take(pool, size) : NULL;
    if (size > 0 && !now)
        return old && size < old_size ? old : NULL; /* Lua relies on it that shrinking never fails */
    if (now && old)
        memcpy(now, old, old_size < size ? old_size : size);
    if (old && old_size > 0)
        give(pool, old, old_size);
    return now;
}
