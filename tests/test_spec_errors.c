/* link: rattan_frontend rattan_base */
/* Specs that are wrong: each file of tests/spec_errors/ holds the expected message in its first line (RATTAN_BLESS=1
 * writes what comes now); files that are no specs at all; damaged text, and damaged answers of the child process. */
#include "tests/spec_helper.h"

#include "frontend/spec_wire.h"

#include <glob.h>

static void expect_error(const char *file, const char *text, size_t length, Status expected, const char *message) {
    Ctx      ctx;
    SpecFile out;
    char     shown[2048];
    assert_int_equal(load_spec(&ctx, file, text, length, &out), expected);
    ctx_describe(&ctx, shown, sizeof shown);
    assert_string_equal(shown, message);
    ctx_free(&ctx);
}

/* ---- tests/spec_errors/ ---- */

static char *read_text(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    *length = fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void bless(const char *path, const char *text, const char *message) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "-- %s\n%s", message, strchr(text, '\n') + 1);
    fclose(file);
}

static int check_case(const char *path) {
    Ctx      ctx;
    SpecFile out;
    size_t   length;
    char     shown[2048];
    char    *text = read_text(path, &length);
    Status   status = load_spec(&ctx, strrchr(path, '/') + 1, text, length, &out);
    ctx_describe(&ctx, shown, sizeof shown);
    const size_t size = strlen(shown);
    const bool   same =
        status == ST_USAGE && length > size + 3 && !strncmp(text + 3, shown, size) && text[size + 3] == '\n';
    if (!same && getenv("RATTAN_BLESS"))
        bless(path, text, shown);
    else if (!same)
        print_error("%s: status %d\n   now: %s\n  file: %.*s\n", path, status, shown, (int)strcspn(text, "\n"), text);
    ctx_free(&ctx);
    free(text);
    return !same;
}

static void test_cases(void **state) {
    (void)state;
    glob_t files;
    int    wrong = 0;
    assert_int_equal(glob("tests/spec_errors/*.lua", 0, NULL, &files), 0);
    assert_true(files.gl_pathc > 80);
    for (size_t i = 0; i < files.gl_pathc; i++)
        wrong += check_case(files.gl_pathv[i]);
    globfree(&files);
    assert_int_equal(wrong, 0);
}

/* ---- files that are no specs ---- */

static void test_no_file(void **state) {
    (void)state;
    expect_error("no/such.lua", NULL, 0, ST_FAILED,
                 "no/such.lua: cannot be opened: No such file or directory (name a Lua file that can be read)");
    expect_error("tests", NULL, 0, ST_FAILED,
                 "tests: cannot be read: Is a directory (name a Lua file that can be read)");
    expect_error(
        "/dev/null", NULL, 0, ST_USAGE,
        "/dev/null: the spec returns nothing (end the spec with `return rattention { ... }`, attention { ... } or "
        "model { ... })");
    expect_error("/dev/zero", NULL, 0, ST_USAGE, "/dev/zero: is too long (a spec is at most 1 MB of text)");
}

static void test_no_text(void **state) {
    (void)state;
    static const char bytecode[] = "\x1bLuaT\0\x19\x93\r\n\x1a\n\4\x08\x08xV\0\0\0\0\0\0\0\0\0\0\0(w@\1";
    expect_error("x.lua", bytecode, sizeof bytecode, ST_USAGE,
                 "x.lua: is compiled Lua, which is not read (write the spec as Lua text)");
    char *junk = malloc(65536);
    assert_non_null(junk);
    uint64_t seed = 3;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 65536; i++)
            junk[i] = (char)(int)(64 * random_value(&seed));
        assert_int_equal(load_bytes(junk, 65536), ST_USAGE);
    }
    free(junk);
}

static void test_longest_text(void **state) {
    (void)state;
    const size_t length = 1024 * 1024;
    char *const  text = malloc(length + 1);
    assert_non_null(text);
    memset(text, ' ', length + 1);
    memcpy(text + length - strlen(good), good, strlen(good));
    assert_int_equal(load_bytes(text, length), ST_OK);
    assert_int_equal(load_bytes(text, length + 1), ST_USAGE);
    free(text);
}

/* ---- damaged text ---- */

static void test_truncated_everywhere(void **state) {
    (void)state;
    const size_t length = strlen(good), closing = length - 2;
    for (size_t cut = 0; cut <= length; cut++)
        assert_int_equal(load_bytes(good, cut), cut > closing ? ST_OK : ST_USAGE);
}

static void test_changed_bytes(void **state) {
    (void)state;
    uint64_t seed = 11;
    int      refused = 0;
    for (int round = 0; round < 400; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (int k = 0; k < 1 + round % 3; k++)
            text[(size_t)((random_value(&seed) + 2) / 4 * (double)(sizeof good - 1))] =
                (char)(int)(64 * random_value(&seed));
        refused += load_bytes(text, sizeof good - 1) != ST_OK;
    }
    assert_true(refused > 200 && refused < 400);
}

/* ---- damaged answers of the child ---- */

typedef struct Wire {
    const SpecFile *file;
    Text            bytes;
    const char     *data;
    size_t          length;
} Wire;

static Status write_wire(Ctx *ctx, void *arg) {
    Wire *wire = arg;
    wire->bytes = TEXT(ctx);
    spec_wire_write(&wire->bytes, ctx, wire->file);
    return ST_OK;
}

static Status read_wire(Ctx *ctx, void *arg) {
    const Wire      *wire = arg;
    const SpecSource source = {.file = "x.lua"};
    SpecFile         file;
    TRY(spec_wire_read(ctx, &source, wire->data, wire->length, &file));
    for (int i = 0; i < file.count; i++) { /* what was taken is a spec: it prints and loads */
        Text  text = TEXT(ctx);
        Spec *spec = &file.items[i].spec;
        assert_in_range(spec->heads, 1, 65536);
        assert_int_equal(spec->heads % spec->kv_heads, 0);
        assert_true(isfinite(spec->scale) && spec->scale > 0);
        spec_print(&text, spec);
    }
    for (int i = 0; i < file.layers; i++)
        assert_in_range(file.pattern[i], 0, file.count - 1);
    return ST_OK;
}

static Status try_wire(const char *data, size_t length) {
    Ctx  ctx;
    Wire wire = {.data = data, .length = length};
    ctx_init(&ctx);
    const Status status = ctx_run(&ctx, read_wire, &wire);
    ctx_free(&ctx);
    return status;
}

static void assert_wire_is_robust(const char *file, const char *text) {
    Ctx      ctx;
    SpecFile specs = load_good(&ctx, file, text);
    Wire     wire = {.file = &specs};
    assert_int_equal(ctx_run(&ctx, write_wire, &wire), ST_OK);
    const size_t length = wire.bytes.length;
    assert_int_equal(try_wire(wire.bytes.data, length), ST_OK);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_not_equal(try_wire(wire.bytes.data, cut), ST_OK);
    char    *bytes = malloc(length);
    uint64_t seed = 5;
    assert_non_null(bytes);
    for (int round = 0; round < 20000; round++) {
        memcpy(bytes, wire.bytes.data, length);
        for (int k = 0; k < 1 + round % 4; k++)
            bytes[(size_t)((random_value(&seed) + 2) / 4 * (double)length)] ^=
                (char)(1 + (int)(20 * (random_value(&seed) + 2)));
        try_wire(bytes, length);
    }
    free(bytes);
    ctx_free(&ctx);
}

static void test_damaged_answers(void **state) {
    (void)state;
    assert_wire_is_robust("good.lua", good);
    assert_wire_is_robust("specs/local_global.lua", NULL);
}

/* A child that lies about a map must not get one past the parent. */
static void test_forged_maps(void **state) {
    (void)state;
    Ctx        ctx;
    SpecFile   specs = load_good(&ctx, "good.lua", good);
    FeatureMap map = specs.items[0].spec.map;
    const int  last = map.count - 1;
    const struct {
        int     node;
        MapNode forged;
    } cases[] = {
        {last, {MAP_CONCAT, last, 0, 0, 44}},     /* its own operand */
        {last, {MAP_CONCAT, 0, last + 1, 0, 44}}, /* an operand behind the end */
        {last, {MAP_CONCAT, 0, 0, 0, 45}},        /* a wrong length */
        {last, {MAP_ADD, 0, -1, 0, 22}},          /* a missing operand */
        {last, {MAP_RELU, 0, 0, 0, 22}},          /* one too many */
        {last, {MAP_CONST, -1, -1, NAN, 1}},      {last, {MAP_OP_COUNT, 0, 0, 0, 22}}, {0, {MAP_INPUT, -1, -1, 0, 23}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Wire wire = {.file = &specs};
        specs.items[0].spec.map = map;
        specs.items[0].spec.map.nodes[cases[i].node] = cases[i].forged;
        assert_int_equal(ctx_run(&ctx, write_wire, &wire), ST_OK);
        assert_int_not_equal(try_wire(wire.bytes.data, wire.bytes.length), ST_OK);
    }
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_damaged_answers),
        cmocka_unit_test(test_forged_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
