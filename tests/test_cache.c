/* link: rattan_runtime */
/* The cache's entries: hits and misses, every way a file can be bad, eviction, clearing. Each test works in a new
 * folder below TMPDIR. */
#include "tests/cache_testing.h"
#include "base/clock.h"

/* ---- Hits and misses ----------------------------------------------------------------------------------------------
 */
static void test_hits(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    assert_int_equal(find(cache, "a"), -1);
    assert_false(exists(place->folder)); /* looking creates nothing */
    store(cache, "a", 1, PAYLOAD);
    store(cache, "b", 2, PAYLOAD);
    assert_int_equal(find(cache, "a"), 1);
    assert_int_equal(find_fresh(place->folder, "b"), 2);
    store(cache, "a", 3, PAYLOAD);
    assert_int_equal(find(cache, "a"), 3);
    assert_int_equal(find_fresh(place->folder, "a"), 3);
    const CacheInfo info = info_of(cache);
    assert_string_equal(info.folder, place->folder);
    assert_string_equal(info.warning, "");
    assert_int_equal(info.entries, 2);
    assert_int_equal(info.memory_entries, 2);
    assert_int_equal(info.hits, 2);
    assert_int_equal(info.misses, 1);
    assert_int_equal(info.stored, 3);
    assert_true(info.bytes > 2 * PAYLOAD);
    cache_close(cache);
}

static void test_any_change_of_the_key_is_a_miss(void **state) {
    Place     *place = *state;
    Cache     *cache = open_cache(place->folder);
    const char key[] = "heads = 8\nwindow = 512\nkind = forward\ntarget = x86-64-v4 +avx512f";
    char       changed[sizeof key + 1];
    store(cache, key, 1, PAYLOAD);
    for (size_t i = 0; i < sizeof key - 1; i++) {
        memcpy(changed, key, sizeof key);
        changed[i] ^= 1;
        assert_int_equal(find(cache, changed), -1);
        memcpy(changed + i, key + i + 1, sizeof key - i - 1);
        assert_int_equal(find(cache, changed), -1);
    }
    snprintf(changed, sizeof changed, "%s ", key);
    assert_int_equal(find(cache, changed), -1);
    assert_int_equal(find(cache, key), 1);
    cache_close(cache);
}

/* The folder moved, the files' times changed: still a hit. */
static void test_paths_and_times_do_not_matter(void **state) {
    Place *place = *state;
    char   moved[300], path[512];
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, PAYLOAD);
    cache_close(cache);
    entry_path(place, "a", path);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    snprintf(moved, sizeof moved, "%s/elsewhere", place->parent);
    assert_int_equal(rename(place->folder, moved), 0);
    assert_int_equal(find_fresh(moved, "a"), 1);
}

/* An entry under the right name with another key text: what a collision of the hash would look like. */
static void test_collision_is_a_miss(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    char   a[512], b[512];
    store(cache, "a", 1, PAYLOAD);
    store(cache, "b", 2, PAYLOAD);
    cache_close(cache);
    entry_path(place, "a", a);
    entry_path(place, "b", b);
    assert_int_equal(rename(a, b), 0);
    assert_int_equal(find_fresh(place->folder, "b"), -1);
    cache = open_cache(place->folder);
    store(cache, "b", 4, PAYLOAD);
    cache_close(cache);
    assert_int_equal(find_fresh(place->folder, "b"), 4);
}

static void test_folder_from_environment(void **state) {
    Place *place = *state;
    char  *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    char   xdg[300];
    setenv("HOME", place->parent, 1);
    unsetenv("XDG_CACHE_HOME");
    Cache *cache = open_cache(NULL);
    store(cache, "a", 1, PAYLOAD);
    snprintf(xdg, sizeof xdg, "%s/.cache/rattan", place->parent);
    assert_int_equal(find_fresh(xdg, "a"), 1);
    cache_close(cache);
    setenv("XDG_CACHE_HOME", place->folder, 1);
    assert_int_equal(find_fresh(NULL, "a"), -1);
    setenv("RATTAN_CACHE_DIR", xdg, 1);
    assert_int_equal(find_fresh(NULL, "a"), 1);
    unsetenv("RATTAN_CACHE_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    cache = open_cache(NULL);
    store(cache, "a", 5, PAYLOAD);
    assert_int_equal(find(cache, "a"), 5); /* in memory */
    assert_non_null(strstr(info_of(cache).warning, "HOME"));
    cache_close(cache);
    if (home)
        setenv("HOME", home, 1);
    free(home);
}

static void test_memory_only(void **state) {
    (void)state;
    Cache *cache = open_cache("");
    store(cache, "a", 1, PAYLOAD);
    assert_int_equal(find(cache, "a"), 1);
    assert_string_equal(info_of(cache).folder, "");
    assert_int_equal(cache_lock(cache, "a", 10), -1);
    cache_close(cache);
}

/* ---- Bad files ----------------------------------------------------------------------------------------------------
 */
static void test_truncated_anywhere(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    char   path[512];
    size_t size;
    store(cache, "a", 1, 100);
    cache_close(cache);
    entry_path(place, "a", path);
    uint8_t *bytes = read_file(path, &size);
    for (size_t length = 0; length < size; length++) {
        write_file(path, bytes, length);
        assert_int_equal(find_fresh(place->folder, "a"), -1);
        assert_false(exists(path)); /* removed */
    }
    write_file(path, bytes, size);
    assert_int_equal(find_fresh(place->folder, "a"), 1);
    free(bytes);
}

static void test_any_bit_flipped(void **state) {
    Place   *place = *state;
    Cache   *cache = open_cache(place->folder);
    char     path[512];
    size_t   size;
    unsigned random = 99;
    store(cache, "a", 1, 100);
    cache_close(cache);
    entry_path(place, "a", path);
    uint8_t *bytes = read_file(path, &size);
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        const uint8_t bit = (uint8_t)(1u << (random >> 20) % 8);
        bytes[i] ^= bit;
        write_file(path, bytes, size);
        bytes[i] ^= bit;
        assert_int_equal(find_fresh(place->folder, "a"), -1);
        assert_false(exists(path));
    }
    free(bytes);
}

static void test_links_and_pipes_are_refused(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    char   path[512], away[300];
    store(cache, "a", 1, PAYLOAD);
    cache_close(cache);
    entry_path(place, "a", path);
    snprintf(away, sizeof away, "%s/away", place->parent);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink(away, path), 0);
    assert_int_equal(find_fresh(place->folder, "a"), -1);
    assert_false(exists(path));
    assert_true(exists(away)); /* the link went, not what it named */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(find_fresh(place->folder, "a"), -1);
    assert_false(exists(path));
    snprintf(path, sizeof path, "%s/link", place->parent);
    assert_int_equal(symlink(place->folder, path), 0);
    cache = open_cache(path);
    store(cache, "b", 2, PAYLOAD);
    assert_non_null(strstr(info_of(cache).warning, "belongs to this user alone"));
    assert_int_equal(find(cache, "b"), 2);
    assert_int_equal(find_fresh(place->folder, "b"), -1);
    cache_close(cache);
}

static void test_writable_by_others_is_refused(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    char   path[512];
    store(cache, "a", 1, PAYLOAD);
    store(cache, "b", 2, PAYLOAD);
    cache_close(cache);
    struct stat stat_of;
    assert_int_equal(stat(place->folder, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0700);
    entry_path(place, "a", path);
    assert_int_equal(chmod(path, 0620), 0);
    assert_int_equal(find_fresh(place->folder, "a"), -1);
    assert_false(exists(path));
    assert_int_equal(chmod(place->folder, 0777), 0);
    assert_int_equal(find_fresh(place->folder, "b"), -1);
    cache = open_cache(place->folder);
    store(cache, "c", 3, PAYLOAD);
    assert_non_null(strstr(info_of(cache).warning, "belongs to this user alone"));
    cache_close(cache);
    assert_int_equal(chmod(place->folder, 0700), 0);
    assert_int_equal(find_fresh(place->folder, "b"), 2);
    assert_int_equal(find_fresh(place->folder, "c"), -1);
    entry_path(place, "b", path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(chmod(path, 0770), 0); /* the folder between */
    assert_int_equal(find_fresh(place->folder, "b"), -1);
}

static void test_foreign_owner_is_refused(void **state) {
    Place *place = *state;
    char   path[512];
    if (geteuid() != 0) /* only root can give files away */
        skip();
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, PAYLOAD);
    store(cache, "b", 2, PAYLOAD);
    cache_close(cache);
    entry_path(place, "a", path);
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(find_fresh(place->folder, "a"), -1);
    assert_int_equal(chown(place->folder, NOBODY, NOBODY), 0);
    assert_int_equal(find_fresh(place->folder, "b"), -1);
    assert_int_equal(chown(place->folder, 0, 0), 0);
    assert_int_equal(find_fresh(place->folder, "b"), 2);
}

/* ---- Size ---------------------------------------------------------------------------------------------------------
 */
static void set_access_time(const Place *place, const char *key, time_t when) {
    char path[512];
    entry_path(place, key, path);
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_nsec = UTIME_OMIT}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_least_recently_used_goes_first(void **state) {
    Place *place = *state;
    setenv("RATTAN_CACHE_SIZE", "35K", 1);
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, 10000);
    store(cache, "b", 2, 10000);
    store(cache, "c", 3, 10000);
    set_access_time(place, "a", 1000);
    set_access_time(place, "b", 2000);
    set_access_time(place, "c", 3000);
    assert_int_equal(find_fresh(place->folder, "a"), 1); /* used: now the newest */
    store(cache, "d", 4, 10000);
    assert_int_equal(find_fresh(place->folder, "b"), -1);
    assert_int_equal(find_fresh(place->folder, "a"), 1);
    assert_int_equal(find_fresh(place->folder, "c"), 3);
    assert_int_equal(find_fresh(place->folder, "d"), 4);
    const CacheInfo info = info_of(cache);
    assert_int_equal(info.limit, 35 << 10);
    assert_true(info.bytes <= info.limit);
    cache_close(cache);
    setenv("RATTAN_CACHE_SIZE", "a lot", 1);
    cache = open_cache(place->folder);
    assert_non_null(strstr(info_of(cache).warning, "RATTAN_CACHE_SIZE"));
    assert_true(info_of(cache).limit == INT64_C(2) << 30);
    cache_close(cache);
    unsetenv("RATTAN_CACHE_SIZE");
}

static void test_gc_and_clear(void **state) {
    Place     *place = *state;
    Cache     *cache = open_cache(place->folder);
    char       path[512], stale[600], ahead[600], mine[300];
    CacheSwept swept;
    store(cache, "a", 1, PAYLOAD);
    store(cache, "b", 2, PAYLOAD);
    store(cache, "c", 3, PAYLOAD);
    entry_path(place, "b", path);
    assert_int_equal(truncate(path, 1000), 0);
    *strrchr(path, '/') = '\0';
    snprintf(stale, sizeof stale, "%s/.tmp-1-0", path);
    write_file(stale, (const uint8_t *)"half", 4);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, stale, times, 0), 0);
    snprintf(ahead, sizeof ahead, "%s/.tmp-1-1", path);
    write_file(ahead, (const uint8_t *)"half", 4);
    const struct timespec later[2] = {{.tv_sec = INT32_MAX}, {.tv_sec = INT32_MAX}}; /* of a clock that was wrong */
    assert_int_equal(utimensat(AT_FDCWD, ahead, later, 0), 0);
    snprintf(mine, sizeof mine, "%s/notes.txt", place->folder);
    write_file(mine, (const uint8_t *)"mine", 4);
    cache_gc(cache, &swept);
    assert_int_equal(swept.entries, 1);
    assert_int_equal(swept.bytes, 1000);
    assert_false(exists(stale));
    assert_false(exists(ahead));
    assert_int_equal(info_of(cache).entries, 2);
    cache_clear(cache, &swept);
    assert_int_equal(swept.entries, 2);
    assert_true(exists(mine)); /* not the cache's */
    assert_int_equal(find(cache, "a"), -1);
    assert_int_equal(info_of(cache).entries, 0);
    assert_int_equal(info_of(cache).memory_entries, 0);
    cache_close(cache);
}

static void test_disk_hit_is_quick(void **state) {
    Place *place = *state;
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, 200000);
    cache_close(cache);
    double best = 1;
    for (int i = 0; i < 20; i++) {
        CodeObject  *object = NULL;
        const double start = seconds_now();
        cache = open_cache(place->folder);
        assert_true(cache_find(cache, "a", &object));
        const double took = seconds_now() - start;
        best = took < best ? took : best;
        code_object_free(object);
        cache_close(cache);
    }
    print_message("an entry of 200 kB from a file: %.0f us\n", 1e6 * best);
    assert_true(best < 15e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_hits),
        TEST(test_any_change_of_the_key_is_a_miss),
        TEST(test_paths_and_times_do_not_matter),
        TEST(test_collision_is_a_miss),
        TEST(test_folder_from_environment),
        TEST(test_memory_only),
        TEST(test_truncated_anywhere),
        TEST(test_any_bit_flipped),
        TEST(test_links_and_pipes_are_refused),
        TEST(test_writable_by_others_is_refused),
        TEST(test_foreign_owner_is_refused),
        TEST(test_least_recently_used_goes_first),
        TEST(test_gc_and_clear),
        TEST(test_disk_hit_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
