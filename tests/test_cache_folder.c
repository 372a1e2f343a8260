/* link: rattan_runtime */
/* The cache's folder: read-only, impossible, full; and many processes and threads at once. */
#include "tests/cache_testing.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"

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

static void test_lock(void **state) {
    Place    *place = *state;
    Cache    *one = open_cache(place->folder), *two = open_cache(place->folder);
    const int lock = cache_lock(one, "a", 1000);
    assert_true(lock >= 0);
    const double start = seconds_now();
    assert_int_equal(cache_lock(two, "a", 60), -1); /* held: given up after a while */
    assert_true(seconds_now() - start >= 0.05 && seconds_now() - start < 10);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_read_only_folder),
        TEST(test_folder_that_cannot_be),
        TEST(test_file_size_limit),
        TEST(test_full_disk),
        TEST(test_sixteen_processes),
        TEST(test_churn),
        TEST(test_lock),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
