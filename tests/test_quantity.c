/* link: rattan_driver */
/* Amounts in words, and ranges of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "driver/quantity.h"

#include <string.h>

static const char *listed(Ctx *ctx, const char *text) {
    Quantities q;
    Text       out = TEXT(ctx);
    if (quantities_parse(ctx, "--windows", text, 1, 1 << 20, &q) != ST_OK)
        return NULL;
    for (int i = 0; i < q.count; i++)
        text_add(&out, "%s%lld", i ? " " : "", (long long)q.items[i]);
    return text_str(&out);
}

static void test_ranges(void **state) {
    (void)state;
    static const char *const CASES[][2] = {
        {"64:512", "64 128 256 512"},
        {"4k:16k", "4096 8192 16384"},
        {"1M", "1048576"},
        {"512,64,512", "64 512"},
        {"100:700", "100 128 256 512 700"},
        {"64:8192:8", "64 128 256 512 1024 2048 4096 8192"},
        {"64:4096:4", "64 256 1024 4096"},
        {"7:7", "7"},
        {"66:73:3", "66 73"},
        {"1:2", "1 2"},
        {"64:128,1K", "64 128 1024"},
        {"4..64", "4 8 16 32 64"},
        {"64..4k..4", "64 256 1024 4096"},
        {"64..4096:4,8", "8 64 256 1024 4096"},
    };
    Ctx ctx;
    ctx_init(&ctx);
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++)
        assert_string_equal(listed(&ctx, CASES[c][0]), CASES[c][1]);
    ctx_free(&ctx);
}

static void test_errors(void **state) {
    (void)state;
    static const char *const CASES[] = {"0",
                                        "-4",
                                        "64:32",
                                        "2M",
                                        "4x",
                                        "",
                                        ",",
                                        "64:",
                                        ":64",
                                        "64..",
                                        "..64",
                                        "64...128",
                                        "64..32",
                                        "64:128:0",
                                        "64:128:4:2",
                                        "1:1048576:65",
                                        "9223372036854775807k",
                                        "64 128",
                                        "0:64"};
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        Ctx ctx;
        ctx_init(&ctx);
        if (listed(&ctx, CASES[c]))
            fail_msg("'%s' is taken for %s", CASES[c], listed(&ctx, CASES[c]));
        assert_int_equal(ctx.status, ST_USAGE);
        assert_string_equal(ctx.place, "--windows");
        assert_true(strlen(ctx.remedy) > 0);
        ctx_free(&ctx);
    }
}

static void test_words(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    assert_string_equal(quantity_text(&ctx, 0, "FLOP"), "0 FLOP");
    assert_string_equal(quantity_text(&ctx, 870, "FLOP"), "870 FLOP");
    assert_string_equal(quantity_text(&ctx, 999.9e6, "FLOP"), "1.00 GFLOP");
    assert_string_equal(quantity_text(&ctx, 12.34e9, "FLOP"), "12.3 GFLOP");
    assert_string_equal(quantity_bytes(&ctx, 1536), "1.50 KiB");
    assert_string_equal(quantity_bytes(&ctx, 96), "96 B");
    assert_string_equal(quantity_time(&ctx, 0.0123), "12.3 ms");
    assert_string_equal(quantity_time(&ctx, 4.5e-7), "450 ns");
    assert_string_equal(quantity_short(&ctx, 4096), "4k");
    assert_string_equal(quantity_short(&ctx, 3 << 20), "3M");
    assert_string_equal(quantity_short(&ctx, 100), "100");
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges), cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
