/* What the tests of the cache share: a folder for each test, objects that tell which they are. */
#ifndef RATTAN_TESTS_CACHE_TESTING_H
#define RATTAN_TESTS_CACHE_TESTING_H

#include "runtime/cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/key.h"
#include "folder_testing.h"

enum { NOBODY = 65534, PAYLOAD = 3000 };

typedef struct Place {
    char folder[264]; /* the cache's; its parent is removed at the end */
    char parent[256];
} Place;

static inline int open_place(void **state) {
    Place *place = calloc(1, sizeof *place);
    if (folder_open(place->parent, "cache"))
        return -1;
    snprintf(place->folder, sizeof place->folder, "%s/cache", place->parent);
    unsetenv("RATTAN_CACHE_DIR");
    unsetenv("RATTAN_CACHE_SIZE");
    *state = place;
    return 0;
}

static inline int close_place(void **state) {
    Place *place = *state;
    folder_remove(place->parent);
    free(place);
    return 0;
}

static inline Cache *open_cache(const char *folder) {
    Ctx    ctx;
    Cache *cache = NULL;
    ctx_init(&ctx);
    assert_int_equal(cache_open(&ctx, folder, 0, &cache), ST_OK);
    return cache;
}

/* An object that tells which it is. */
static inline CodeObject *make_object(int number, size_t payload) {
    CodeObject *object = calloc(1, sizeof *object);
    char        name[32];
    snprintf(name, sizeof name, "object%d", number);
    object->params = calloc(1, sizeof *object->params);
    object->phases = calloc(1, sizeof *object->phases);
    object->name = strdup(name);
    object->chunk = number;
    object->payload_size = payload;
    object->payload = malloc(payload);
    for (size_t i = 0; i < payload; i++)
        object->payload[i] = (uint8_t)((i * 2654435761u + (size_t)number * 977) >> 7);
    return object;
}

static inline void store(Cache *cache, const char *key, int number, size_t payload) {
    CodeObject *object = make_object(number, payload);
    cache_store(cache, key, object);
    code_object_free(object);
}

/* -1: a miss. The payload must be whole. */
static inline int find(Cache *cache, const char *key) {
    CodeObject *object = NULL;
    if (!cache_find(cache, key, &object))
        return -1;
    const int   number = (int)object->chunk;
    CodeObject *wanted = make_object(number, object->payload_size);
    assert_memory_equal(object->payload, wanted->payload, wanted->payload_size);
    assert_string_equal(object->name, wanted->name);
    code_object_free(wanted);
    code_object_free(object);
    return number;
}

/* In a cache of its own, as another process would have: nothing is in memory. */
static inline int find_fresh(const char *folder, const char *key) {
    Cache    *cache = open_cache(folder);
    const int number = find(cache, key);
    cache_close(cache);
    return number;
}

static inline CacheInfo info_of(Cache *cache) {
    CacheInfo info;
    cache_info(cache, &info);
    return info;
}

static inline void entry_path(const Place *place, const char *key, char path[512]) {
    const Key hash = key_of(key, strlen(key));
    char      hex[KEY_HEX];
    key_print(&hash, hex);
    snprintf(path, 512, "%s/%.2s/%s.rattan", place->folder, hex, hex + 2);
}

static inline uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline void write_file(const char *path, const uint8_t *bytes, size_t size) {
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), (ssize_t)size);
    close(file);
}

static inline bool exists(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

#endif
