/* The memory of a Lua state: one mapping, so that its size is the limit, and malloc is not called (see sandbox.h). */
#ifndef RATTAN_FRONTEND_LUA_POOL_H
#define RATTAN_FRONTEND_LUA_POOL_H

#include <stdbool.h>
#include <stddef.h>

enum { LUA_POOL_BYTES = 96 * 1024 * 1024, LUA_POOL_CLASSES = 128 };

typedef struct LuaPool {
    char *memory, *at, *end;
    void *vacant[LUA_POOL_CLASSES]; /* lists of freed pieces, by size class */
} LuaPool;

bool lua_pool_open(LuaPool *pool);
void lua_pool_close(LuaPool *pool);

/* A lua_Alloc; `pool` is a LuaPool. NULL where the pool is used up. */
void *lua_pool_alloc(void *pool, void *old, size_t old_size, size_t size);

#endif
