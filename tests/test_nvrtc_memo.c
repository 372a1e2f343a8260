/* link: rattan_ptx rattan_ir rattan_base */
/* What NVRTC made, kept in a folder: entries come back whole, those of other sources do not, and the folder has an end. */
#include "codegen/ptx/nvrtc_memo.h"
#include "folder_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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
    const struct CMUnitTest tests[] = {TEST(test_entries_come_back), TEST(test_full_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
