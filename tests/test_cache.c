/* link: rattan_runtime */
/* The cache: hits and misses, every way a file or folder can be bad, many processes, eviction, clearing. Each test
 * works in a new folder below TMPDIR. */
#include "runtime/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/key.h"

enum { NOBODY = 65534, PAYLOAD = 3000 };

typedef struct Place {
    char folder[256]; /* the cache's; its parent is removed at the end */
    char parent[200];
} Place;

static int open_place(void **state) {
    Place      *place = calloc(1, sizeof *place);
    const char *temp = getenv("TMPDIR");
    snprintf(place->parent, sizeof place->parent, "%.100s/rattan-cache-XXXXXX", temp ? temp : "/tmp");
    if (!mkdtemp(place->parent))
        return -1;
    snprintf(place->folder, sizeof place->folder, "%s/cache", place->parent);
    unsetenv("RATTAN_CACHE_DIR");
    unsetenv("RATTAN_CACHE_SIZE");
    *state = place;
    return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw) {
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int close_place(void **state) {
    Place *place = *state;
    nftw(place->parent, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

static Cache *open_cache(const char *folder) {
    Ctx    ctx;
    Cache *cache = NULL;
    ctx_init(&ctx);
    assert_int_equal(cache_open(&ctx, folder, 0, &cache), ST_OK);
    return cache;
}

static char *copy_text(const char *text) { return strcpy(malloc(strlen(text) + 1), text); }

/* An object that tells which it is. */
static CodeObject *make_object(int number, size_t payload) {
    CodeObject *object = calloc(1, sizeof *object);
    char        name[32];
    snprintf(name, sizeof name, "object%d", number);
    object->params = calloc(1, sizeof *object->params);
    object->phases = calloc(1, sizeof *object->phases);
    object->name = copy_text(name);
    object->chunk = number;
    object->payload_size = payload;
    object->payload = malloc(payload);
    for (size_t i = 0; i < payload; i++)
        object->payload[i] = (uint8_t)((i * 2654435761u + (size_t)number * 977) >> 7);
    return object;
}

static void store(Cache *cache, const char *key, int number, size_t payload) {
    CodeObject *object = make_object(number, payload);
    cache_store(cache, key, object);
    code_object_free(object);
}

/* -1: a miss. The payload must be whole. */
static int find(Cache *cache, const char *key) {
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
static int find_fresh(const char *folder, const char *key) {
    Cache    *cache = open_cache(folder);
    const int number = find(cache, key);
    cache_close(cache);
    return number;
}

static CacheInfo info_of(Cache *cache) {
    CacheInfo info;
    cache_info(cache, &info);
    return info;
}

static void entry_path(const Place *place, const char *key, char path[512]) {
    const Key hash = key_of(key, strlen(key));
    char      hex[KEY_HEX];
    key_print(&hash, hex);
    snprintf(path, 512, "%s/%.2s/%s.rattan", place->folder, hex, hex + 2);
}

static uint8_t *read_file(const char *path, size_t *size) {
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

static void write_file(const char *path, const uint8_t *bytes, size_t size) {
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), (ssize_t)size);
    close(file);
}

static bool exists(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0;
}

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
    char  *home = getenv("HOME") ? copy_text(getenv("HOME")) : NULL;
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

/* ---- Bad folders --------------------------------------------------------------------------------------------------
 */
/* Runs a check in a child process that is not root; its exit code. */
static int as_nobody(int (*check)(const Place *place), const Place *place) {
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(99);
        _exit(check(place));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int fill_folder(const Place *place) {
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, PAYLOAD);
    cache_close(cache);
    return find_fresh(place->folder, "a") == 1 ? 0 : 1;
}

static int use_read_only(const Place *place) {
    char   path[512];
    Cache *cache = open_cache(place->folder);
    entry_path(place, "a", path);
    *strrchr(path, '/') = '\0';
    chmod(path, 0500);
    chmod(place->folder, 0500);
    int failed = find(cache, "a") != 1; /* reading goes on */
    store(cache, "new", 2, PAYLOAD);
    store(cache, "newer", 3, PAYLOAD);
    failed |= find(cache, "new") != 2 || find(cache, "newer") != 3;
    CacheInfo info;
    cache_info(cache, &info);
    failed |= info.writable || !strstr(info.warning, "cannot be written") || info.entries != 1;
    cache_close(cache);
    chmod(place->folder, 0700);
    chmod(path, 0700);
    return failed;
}

static void test_read_only_folder(void **state) {
    Place *place = *state;
    if (geteuid() == 0)
        assert_int_equal(chown(place->parent, NOBODY, NOBODY), 0);
    assert_int_equal(as_nobody(fill_folder, place), 0);
    assert_int_equal(as_nobody(use_read_only, place), 0);
}

static void test_folder_that_cannot_be(void **state) {
    Place *place = *state;
    write_file(place->folder, (const uint8_t *)"x", 1); /* a file where the folder should be */
    Cache *cache = open_cache(place->folder);
    store(cache, "a", 1, PAYLOAD);
    assert_int_equal(find(cache, "a"), 1);
    assert_true(info_of(cache).warning[0]);
    assert_false(info_of(cache).writable);
    cache_close(cache);
    cache = open_cache("/proc/rattan/cache");
    store(cache, "a", 1, PAYLOAD);
    assert_int_equal(find(cache, "a"), 1);
    assert_true(info_of(cache).warning[0]);
    cache_close(cache);
}

static int count_files(const char *folder) {
    char command[400], text[32] = "";
    snprintf(command, sizeof command, "find '%s' -type f ! -name lock | wc -l", folder);
    FILE *pipe = popen(command, "r");
    if (!pipe || !fgets(text, sizeof text, pipe))
        text[0] = '\0';
    if (pipe)
        pclose(pipe);
    return atoi(text);
}

static int use_small_file_limit(const Place *place) {
    const struct rlimit limit = {2000, 2000};
    Cache              *cache = open_cache(place->folder);
    store(cache, "small", 1, 100);
    setrlimit(RLIMIT_FSIZE, &limit);
    store(cache, "large", 2, 100000); /* SIGXFSZ would end this process */
    int       failed = find(cache, "large") != 2 || find(cache, "small") != 1;
    CacheInfo info;
    cache_info(cache, &info);
    failed |= 2 * (info.writable || !strstr(info.warning, "cannot be written"));
    failed |= 4 * (info.entries != 1 || count_files(place->folder) != 1); /* nothing half-written stays */
    cache_close(cache);
    return failed;
}

static void test_file_size_limit(void **state) {
    Place      *place = *state;
    const pid_t child = fork();
    if (child == 0)
        _exit(use_small_file_limit(place));
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int use_full_disk(const Place *place) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(place->folder, 0700) != 0 || mount("tmpfs", place->folder, "tmpfs", 0, "size=64k,mode=0700") != 0)
        return 77;
    Cache *cache = open_cache(place->folder);
    store(cache, "small", 1, 100);
    store(cache, "large", 2, 200000);
    int       failed = find(cache, "large") != 2 || find_fresh(place->folder, "small") != 1;
    CacheInfo info;
    cache_info(cache, &info);
    failed |= 2 * (info.writable || !strstr(info.warning, "No space left")) | 4 * (info.entries != 1);
    cache_close(cache);
    return failed;
}

static void test_full_disk(void **state) {
    Place      *place = *state;
    const pid_t child = fork();
    if (child == 0)
        _exit(use_full_disk(place));
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) /* mounting is not permitted here; the limit above stands for it */
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- Many processes -----------------------------------------------------------------------------------------------
 */
/* What a compiler does: look, lock, look again, compile (slowly), store. Exit code: 1 if it compiled. */
static int find_or_compile(const Place *place) {
    Cache *cache = open_cache(place->folder);
    int    compiled = 0;
    if (find(cache, "shared") < 0) {
        const int lock = cache_lock(cache, "shared", 20000);
        if (find(cache, "shared") < 0) {
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
            store(cache, "shared", 7, 200000);
            compiled = 1;
        }
        cache_unlock(lock);
    }
    const int number = find(cache, "shared");
    cache_close(cache);
    return number == 7 ? compiled : 50;
}

static void test_sixteen_processes(void **state) {
    Place *place = *state;
    pid_t  children[16];
    int    compiled = 0;
    for (int c = 0; c < 16; c++) {
        children[c] = fork();
        if (children[c] == 0)
            _exit(find_or_compile(place));
    }
    for (int c = 0; c < 16; c++) {
        int status = 0;
        waitpid(children[c], &status, 0);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, 1);
        compiled += WEXITSTATUS(status);
    }
    assert_int_equal(compiled, 1);
    assert_int_equal(find_fresh(place->folder, "shared"), 7);
    assert_int_equal(count_files(place->folder), 1);
}

/* Writers, readers, sweepers and clearers at once: each find is a miss or the whole object. */
static int churn(const Place *place, int self) {
    Cache *cache = open_cache(place->folder);
    for (int round = 0; round < 40; round++) {
        char       key[32];
        CacheSwept swept;
        const int  number = (round * 7 + self) % 5;
        snprintf(key, sizeof key, "key%d", number);
        store(cache, key, number, 5000);
        const int found = find_fresh(place->folder, key);
        if (found != -1 && found != number)
            return 1;
        if (round % 10 == self % 10)
            cache_clear(cache, &swept);
        if (round % 10 == 5)
            cache_gc(cache, &swept);
    }
    CacheInfo info;
    cache_info(cache, &info);
    cache_close(cache);
    return info.writable && info.damaged == 0 ? 0 : 2;
}

static void test_churn(void **state) {
    Place *place = *state;
    pid_t  children[16];
    for (int c = 0; c < 16; c++) {
        children[c] = fork();
        if (children[c] == 0)
            _exit(churn(place, c));
    }
    for (int c = 0; c < 16; c++) {
        int status = 0;
        waitpid(children[c], &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void test_lock(void **state) {
    Place    *place = *state;
    Cache    *one = open_cache(place->folder), *two = open_cache(place->folder);
    const int lock = cache_lock(one, "a", 1000);
    assert_true(lock >= 0);
    const double start = seconds();
    assert_int_equal(cache_lock(two, "a", 60), -1); /* held: given up after a while */
    assert_true(seconds() - start >= 0.05 && seconds() - start < 10);
    cache_unlock(lock);
    const int again = cache_lock(two, "a", 1000);
    assert_true(again >= 0);
    cache_unlock(again);
    const pid_t child = fork();
    if (child == 0) {
        cache_lock(one, "a", 1000);
        _exit(0); /* dies with the lock */
    }
    waitpid(child, NULL, 0);
    const int after = cache_lock(two, "a", 1000);
    assert_true(after >= 0);
    cache_unlock(after);
    cache_close(one);
    cache_close(two);
}

static void *find_often(void *data) {
    for (int i = 0; i < 200; i++) {
        char key[32];
        snprintf(key, sizeof key, "key%d", i % 7);
        if (i % 3 == 0)
            store(data, key, i % 7, 1000);
        const int found = find(data, key);
        assert_true(found == -1 || found == i % 7);
    }
    return NULL;
}

static void test_threads(void **state) {
    Place    *place = *state;
    Cache    *cache = open_cache(place->folder);
    pthread_t threads[4];
    for (int t = 0; t < 4; t++)
        pthread_create(&threads[t], NULL, find_often, cache);
    for (int t = 0; t < 4; t++)
        pthread_join(threads[t], NULL);
    cache_close(cache);
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
    char       path[512], stale[600], mine[300];
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
    snprintf(mine, sizeof mine, "%s/notes.txt", place->folder);
    write_file(mine, (const uint8_t *)"mine", 4);
    cache_gc(cache, &swept);
    assert_int_equal(swept.entries, 1);
    assert_int_equal(swept.bytes, 1000);
    assert_false(exists(stale));
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
        const double start = seconds();
        cache = open_cache(place->folder);
        assert_true(cache_find(cache, "a", &object));
        const double took = seconds() - start;
        best = took < best ? took : best;
        code_object_free(object);
        cache_close(cache);
    }
    print_message("an entry of 200 kB from a file: %.0f us\n", 1e6 * best);
    assert_true(best < 15e-3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)
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
        TEST(test_read_only_folder),
        TEST(test_folder_that_cannot_be),
        TEST(test_file_size_limit),
        TEST(test_full_disk),
        TEST(test_sixteen_processes),
        TEST(test_churn),
        TEST(test_lock),
        TEST(test_threads),
        TEST(test_least_recently_used_goes_first),
        TEST(test_gc_and_clear),
        TEST(test_disk_hit_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
