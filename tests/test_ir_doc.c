/* link: rattan_ir rattan_base */
/* doc/ir.md is what the tables say; RATTAN_BLESS=1 writes it. The example in it parses and verifies. */
#include "tests/ir_testing.h"

static const char *doc_path(Ctx *ctx) {
    const char *source = getenv("SOURCE");
    return ctx_printf(ctx, "%s/doc/ir.md", source ? source : ".");
}

static void bless(const char *path, const Text *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
    assert_int_equal(fclose(file), 0);
}

static void test_page_is_up_to_date(void **state) {
    (void)state;
    static char page[1 << 18];
    Ctx         ctx;
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    ir_doc(&text);
    const char *path = doc_path(&ctx);
    if (getenv("RATTAN_BLESS"))
        bless(path, &text);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing: run this test with RATTAN_BLESS=1", path);
    const size_t length = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[length] = '\0';
    if (strcmp(page, text_str(&text)) != 0)
        fail_msg("%s is out of date: run this test with RATTAN_BLESS=1", path);
    ctx_free(&ctx);
}

static void test_example_is_valid(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    ir_doc(&text);
    const char *start = strstr(text_str(&text), "module \"example\""), *end = start ? strstr(start, "```") : NULL;
    assert_non_null(end);
    const char *example = ctx_strndup(&ctx, start, (size_t)(end - start));
    Module     *module = parse_ok(&ctx, example);
    if (ir_verify(&ctx, module) != ST_OK)
        fail_msg("%s", described(&ctx));
    assert_string_equal(ir_text(&ctx, module), example);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_is_up_to_date),
        cmocka_unit_test(test_example_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
