/* link: rattan_ir rattan_base */
/* The text form: exact round trips, messages with place and remedy, and no crash on damaged text. */
#include "tests/ir_testing.h"

/* Every syntax there is: params, names, numbers, places, rings, all attribute kinds, regions with and without
 * arguments. */
static const char SAMPLE[] =
    "module \"sample \\\"x\\\" \\\\ \\x01\" chunk=64 segment=2048 min_items=16\n"
    "kernel @first loop scratch=0 {\n"
    "  param q bf16 in [B, T, 32, 128]\n"
    "  param cu_seqlens i32 in [N+1]\n"
    "  param state f32 inout [P, 8]\n"
    "  param work f16 work [S, N, 8, 32768]\n"
    "  param o f64 out [L, POS]\n"
    "  %n:index = isym {sym=\"N\"}\n"
    "  %1:index = iconst {value=-9223372036854775808}\n"
    "  %2:index = iconst {value=inf}\n"
    "  %begin.0:index = iload %1 {param=\"cu_seqlens\"}\n"
    "  for %1, %n, %2 {axis=\"seq\", par=1} (%i:index) {\n"
    "    %5:f32<1x128>, %6:f32<1x1> = softmax_sum %1, %i {axis=\"key\", cols=128} (%j:index) {\n"
    "      %8:f32<1x1> = fconst {fvalue=0.08838834764831845}\n"
    "      %9:f32<1x128> = fconst {fvalue=-1e-300}\n"
    "      yield %8, %9\n"
    "    }\n"
    "    yield\n"
    "  }\n"
    "}\n"
    "kernel @second tile scratch=1048576 {\n"
    "  param q bf16 in [B, T, 32, 128]\n"
    "  %0:index = iconst {value=0}\n"
    "  %ring:ring<10, f32<64x128> @0> = ring\n"
    "  %2:f32<64x128 @global> = load %0, %0, %0, %0, %0 {param=\"q\", rowdim=1, groupdim=2, period=64, wrap=100}\n"
    "  %3:f32<64x64 @4096> = dot %2, %2, %0 {period=64, lo=-inf, hi=0, ta=0, tb=1, via=\"fma\", trim=1}\n"
    "  %m:f32<64x64> = mask %3, %0, %0 {period=64, lo=-511, hi=inf, fill=-inf}\n"
    "  %m_2:f32<64x64> = mask %m, %0, %0 {period=64, lo=-511, hi=inf, fill=nan}\n"
    "  %a:f32<64x64 @8192>, %b:f32<64x1 @reg> = rows {count=64} {\n"
    "    %c:bf16<64x64> = convert %m_2\n"
    "    %d:f32<64x1> = rowsum %m\n"
    "    yield %c, %d\n"
    "  }\n"
    "  %10:f32<64x64> = if %0, %m {\n"
    "    yield %3\n"
    "  }\n"
    "}\n";

static void test_round_trip_is_exact(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    assert_string_equal(ir_text(&ctx, parse_ok(&ctx, SAMPLE)), SAMPLE);
    ctx_free(&ctx);
}

static void test_clones_print_alike(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    Module *module = parse_ok(&ctx, SAMPLE), *copy = ir_clone_module(&ctx, module);
    assert_string_equal(ir_text(&ctx, copy), SAMPLE);
    op_erase(copy->kernels[0]->body->last); /* the copy shares nothing that changes */
    op_set_int(&ctx, copy->kernels[1]->body->first, AT_VALUE, 7);
    assert_string_equal(ir_text(&ctx, module), SAMPLE);
    ctx_free(&ctx);
}

static void test_free_form_is_normalized(void **state) {
    (void)state;
    static const char LOOSE[] =
        "# head\n; more\n module \"m\" min_items=3 # facts in any order\n\n kernel @k tile {\n\n"
        "param   x f32 in [ 4 ]   \n%007:index=iconst{value = 5} # five\n"
        "%z:index = iadd %007 ,\n   %007\n }\n";
    static const char TIDY[] =
        "module \"m\" chunk=0 segment=0 min_items=3\nkernel @k tile scratch=0 {\n  param x f32 in [4]\n"
        "  %0:index = iconst {value=5}\n  %z:index = iadd %0, %0\n}\n";
    Ctx ctx;
    ctx_init(&ctx);
    assert_string_equal(ir_text(&ctx, parse_ok(&ctx, LOOSE)), TIDY);
    ctx_free(&ctx);
}

/* Names given by passes need not be unique or clean: the printer makes them so. */
static void test_names_are_made_unique(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    Module                  *module = ir_module(&ctx, "m");
    Kernel                  *kernel = ir_kernel(&ctx, module, "k", LEVEL_LOOP);
    Builder                  b = ir_at_end(&ctx, kernel, kernel->body);
    static const char *const NAMES[] = {"a", "a", "a_2", "x y", "9", ""};
    for (int i = 0; i < 6; i++)
        ir_name(&ctx, ir_i(&b, i), NAMES[i]);
    const char              *text = ir_text(&ctx, module);
    static const char *const WANTED[] = {"%a:", "%a_2:", "%a_2_2:", "%x_y:", "%_9:", "%_:"};
    for (int i = 0; i < 6; i++)
        assert_non_null(strstr(text, WANTED[i]));
    assert_string_equal(ir_text(&ctx, parse_ok(&ctx, text)), text);
    ctx_free(&ctx);
}

static void test_floats_survive(void **state) {
    (void)state;
    for (int trial = 0; trial < 300; trial++) {
        Ctx ctx;
        ctx_init(&ctx);
        const double value = ldexp(random_between(-1, 1), (int)random_between(-1070, 1020));
        Module      *module = ir_module(&ctx, "m");
        Kernel      *kernel = ir_kernel(&ctx, module, "k", LEVEL_LOOP);
        Builder      b = ir_at_end(&ctx, kernel, kernel->body);
        ir_f(&b, value, 1, 1);
        Module *again = parse_ok(&ctx, ir_text(&ctx, module));
        assert_true(op_float(again->kernels[0]->body->first, AT_FVALUE, NAN) == value);
        ctx_free(&ctx);
    }
}

/* ---- Messages ---- */

static const struct {
    const char *text, *wanted;
} ERRORS[] = {
    {"", "t.ir:1:1: expected \"module\", found the end of the text (a file starts with: module \"name\")"},
    {"module x", "t.ir:1:8: expected a string, found \"x\" (strings stand in double quotes)"},
    {"module \"x", "t.ir:1:8: the string has no end"},
    {"module \"\\q\"", "unknown escape"},
    {"module \"m\" chunk=q", "t.ir:1:18: expected a whole number, found \"q\""},
    {"module \"m\"\nkernal", "t.ir:2:1: expected \"kernel\", found \"kernal\""},
    {"module \"m\"\nkernel k", "t.ir:2:8: expected \"@\""},
    {"module \"m\"\nkernel @k grid {", "expected a level, found \"grid\" (use loop or tile)"},
    {"module \"m\"\nkernel @k tile {\n", "expected \"}\", found the end of the text"},
    {"module \"m\"\nkernel @k tile {\n  param x f33 in [1]", "t.ir:3:11: no element type \"f33\" (use f32, bf16"},
    {"module \"m\"\nkernel @k tile {\n  param x f32 at [1]", "expected a parameter's role, found \"at\""},
    {"module \"m\"\nkernel @k tile {\n  param x f32 in [0]", "a dim is 0"},
    {"module \"m\"\nkernel @k tile {\n  param x f32 in [Q]", "expected a dim, found \"Q]\""},
    {"module \"m\"\nkernel @k tile {\n  param x f32 in [1, 2, 3, 4, 5]", "too many dims"},
    {"module \"m\"\nkernel @k tile {\n  param x f32 in [1]\n  param x f32 in [1]", "parameter x is declared twice"},
    {"module \"m\"\nkernel @k tile {\n  param abcdefghijklmnopqrstuvwxyz f32 in [1]", "name is too long"},
    {"module \"m\"\nkernel @k tile {\n  frob %1", "t.ir:3:3: no op \"frob\" (doc/ir.md lists them)"},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iadd %0, %0", "t.ir:3:19: no value %0 (define it in a line above)"},
    {"module \"m\"\nkernel @k tile {\n  %1 = iconst", "expected \":\""},
    {"module \"m\"\nkernel @k tile {\n  %:index = iconst", "expected a name after %"},
    {"module \"m\"\nkernel @k tile {\n  %1x:index = iconst", "expected a name after %"},
    {"module \"m\"\nkernel @k tile {\n  %1:f32<0x4> = fconst", "the number of rows is 0 (use 1 to 16777216)"},
    {"module \"m\"\nkernel @k tile {\n  %1:f32<4,4> = fconst", "expected \"x\""},
    {"module \"m\"\nkernel @k tile {\n  %1:f32<4x4 @-1> = fconst", "the scratch offset is -1"},
    {"module \"m\"\nkernel @k tile {\n  %1:ring<0, f32<4x4>> = ring", "the number of slots is 0"},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iconst {valu=1}", "no attribute \"valu\""},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iconst {value=1, value=1}", "attribute value is given twice"},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iconst {value=99999999999999999999}", "the number is too large"},
    {"module \"m\"\nkernel @k tile {\n  %1:f32<1x1> = fconst {fvalue=1.2.3}", "expected a number, found \"1.2.3}\""},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iconst {value=1} x", "expected the end of the line, found \"x\""},
    {"module \"m\"\nkernel @k tile {\n  %1:index = iconst {value=1}\n  %1:index = iconst {value=1}",
     "t.ir:4:3: %1 is defined twice"},
    {"module \"m\"\nkernel @k tile {\n  rows {count=1}\n}",
     "expected \"{\", found the end of the line (this op has a region)"},
};

static void test_messages(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++) {
        Ctx     ctx;
        Module *module = NULL;
        ctx_init(&ctx);
        assert_int_equal(ir_parse(&ctx, "t.ir", ERRORS[i].text, strlen(ERRORS[i].text), &module), ST_USAGE);
        if (!strstr(described(&ctx), ERRORS[i].wanted))
            fail_msg("\"%s\" is not in: %s", ERRORS[i].wanted, described(&ctx));
        ctx_free(&ctx);
    }
}

static void test_deep_nesting_is_refused(void **state) {
    (void)state;
    Ctx     ctx;
    Module *module = NULL;
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    text_add(&text, "module \"m\"\nkernel @k tile {\n");
    for (int i = 0; i < 100000; i++)
        text_add(&text, "rows {\n");
    assert_int_equal(ir_parse(&ctx, "t.ir", text.data, text.length, &module), ST_USAGE);
    assert_non_null(strstr(ctx.message, "nest too deeply"));
    ctx_free(&ctx);
}

/* ---- Damaged text: any answer is fine but a crash, and what parses prints the same again ---- */

static Status survive(Ctx *ctx, void *arg) {
    const Text *text = arg;
    Module     *module;
    TRY(ir_parse(ctx, "t.ir", text->data, text->length, &module));
    const char *once = ir_text(ctx, module);
    assert_string_equal(ir_text(ctx, parse_ok(ctx, once)), once);
    return ir_verify(ctx, module);
}

/* A block of its own, of the exact size, so that reading past the end is found by the sanitizers. */
static void try_bytes(const char *bytes, size_t length) {
    Ctx   ctx;
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    Text text = {NULL, copy, length, length};
    ctx_init(&ctx);
    const Status status = ctx_run(&ctx, survive, &text);
    assert_true(status == ST_OK || status == ST_USAGE || status == ST_FAILED);
    assert_true(status == ST_OK || ctx.message[0] != '\0');
    ctx_free(&ctx);
    free(copy);
}

/* Pieces that fit, that do not, and that are nothing: what is there is always terminated. */
static void test_pieces_of_text(void **state) {
    char wanted[2000] = "", piece[100];
    Ctx  ctx;
    (void)state;
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    assert_string_equal(text_str(&text), "");
    for (int n = 0; n < 40; n++) {
        snprintf(piece, sizeof piece, "%d%*s", n, 2 * n, "");
        text_add(&text, "%s%s", piece, "");
        strcat(wanted, piece);
        text_add(&text, "|");
        text_put(&text, "%d");
        strcat(wanted, "|%d");
        assert_string_equal(text_str(&text), wanted);
        assert_int_equal(text.length, strlen(wanted));
    }
    ctx_free(&ctx);
}

static void test_truncated_anywhere(void **state) {
    (void)state;
    for (size_t length = 0; length < sizeof SAMPLE; length++)
        try_bytes(SAMPLE, length);
}

static void test_flipped_bytes(void **state) {
    (void)state;
    static const char BYTES[] = "\0 \n\"%{}()<>=,:@#x9-.a\xff";
    for (size_t place = 0; place + 1 < sizeof SAMPLE; place++) {
        char damaged[sizeof SAMPLE];
        memcpy(damaged, SAMPLE, sizeof SAMPLE);
        damaged[place] = BYTES[place % (sizeof BYTES - 1)];
        try_bytes(damaged, sizeof SAMPLE - 1);
        damaged[place] = (char)(SAMPLE[place] ^ 1 << place % 8);
        try_bytes(damaged, sizeof SAMPLE - 1);
    }
}

/* Pieces of the sample swapped and repeated: closer to real mistakes than single bytes. */
static void test_shuffled_pieces(void **state) {
    (void)state;
    for (int trial = 0; trial < 1500; trial++) {
        char         damaged[2 * sizeof SAMPLE];
        size_t       length = 0;
        const size_t keep = (size_t)random_between(0, sizeof SAMPLE - 1);
        memcpy(damaged, SAMPLE, length = keep);
        const size_t from = (size_t)random_between(0, sizeof SAMPLE - 1);
        memcpy(damaged + length, SAMPLE + from, sizeof SAMPLE - 1 - from);
        try_bytes(damaged, length + sizeof SAMPLE - 1 - from);
    }
}

/* An arena that is too small is a Status, wherever it runs out. */
static void test_small_arenas(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    Text text = TEXT(&ctx);
    text_add(&text, "module \"m\"\nkernel @k tile {\n");
    for (int i = 0; i < 2000; i++)
        text_add(&text, "  %%v%d:index = iconst {value=%d}\n", i, i);
    text_add(&text, "}\n");
    int failures = 0;
    for (size_t limit = 1; limit < 4000000; limit += 65536) {
        Ctx small;
        ctx_init(&small);
        small.limit = limit;
        const Status status = ctx_run(&small, survive, &text);
        assert_true(status == ST_OK || status == ST_NO_MEMORY);
        failures += status == ST_NO_MEMORY;
        ctx_free(&small);
    }
    assert_in_range(failures, 2, 60);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_is_exact),
        cmocka_unit_test(test_clones_print_alike),
        cmocka_unit_test(test_free_form_is_normalized),
        cmocka_unit_test(test_names_are_made_unique),
        cmocka_unit_test(test_floats_survive),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_pieces_of_text),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_shuffled_pieces),
        cmocka_unit_test(test_small_arenas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
