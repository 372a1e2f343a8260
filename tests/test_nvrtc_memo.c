/* link: rattan_ptx rattan_ir rattan_base */
/* What NVRTC made, kept in a folder: entries come back whole, those of other sources do not, and the folder has an end. */
#include "codegen/ptx/nvrtc_memo.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

static const NvrtcMemo MEMO = {(char *)"log", (char *)"ptx", (char *)"cubin", {4, 4, 6}};

/* Writes an entry of the source, and says whether it is there. */
static bool keeps(const char *source) {
    char       path[512];
    NvrtcMemo  memo;
    const int  lock = memo_open(folder, "compiler", source, path, sizeof path);
    assert_true(lock >= 0);
    assert_false(memo_read(path, &memo));
    memo_write(path, &MEMO);
    const bool there = memo_read(path, &memo);
    if (there) {
        assert_string_equal(memo.ptx, "ptx");
        assert_memory_equal(memo.cubin, "cubin", 6);
        memo_free(&memo);
    }
    memo_close(lock);
    return there;
}

static void test_entries_come_back(void **state) {
    (void)state;
    assert_true(keeps("source"));
    assert_true(keeps("another source"));
}

/* A file without blocks counts by its length. */
static void test_full_folder(void **state) {
    char  path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/large", folder);
    FILE *large = fopen(path, "w");
    assert_non_null(large);
    assert_int_equal(ftruncate(fileno(large), MEMO_MOST_BYTES - 1000), 0);
    assert_true(keeps("source"));
    assert_int_equal(ftruncate(fileno(large), MEMO_MOST_BYTES), 0);
    assert_false(keeps("another source"));
    fclose(large);
}

/* What a file says of its sizes is no more than what it holds. */
static void test_damaged_entries(void **state) {
    static const size_t SIZES[][3] = {{SIZE_MAX, 4, 6}, {4, SIZE_MAX, 6}, {4, 4, SIZE_MAX - 1}, {4, 4, 7}};
    char                path[512], bytes[512] = {0};
    (void)state;
    const int lock = memo_open(folder, "compiler", "source", path, sizeof path);
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        NvrtcMemo memo;
        FILE     *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(SIZES[s], sizeof SIZES[s], 1, file), 1);
        assert_int_equal(fwrite(bytes, s == 3 ? 14 : sizeof bytes, 1, file), 1);
        fclose(file);
        assert_false(memo_read(path, &memo));
        assert_null(memo.log);
    }
    memo_close(lock);
}

static int open_folder(void **state) {
    (void)state;
    return folder_open(folder, "memo");
}

static int close_folder(void **state) {
    (void)state;
    return folder_remove(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
    const struct CMUnitTest tests[] = {TEST(test_entries_come_back), TEST(test_full_folder), TEST(test_damaged_entries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
