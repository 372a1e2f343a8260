/* link: rattan_driver */
/* What goes into a cache key: every input that can change the code does, and nothing else. The fields of specs and
 * schedules are taken from their tables, so that a new row without a case here fails. */
#include "codegen/ptx/nvrtc.h"
#include "codegen/ptx/ptx_codegen.h"
#include "driver/fingerprint.h"
#include "driver/session.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache_testing.h"

static const char BASE[] =
    "return rattention { name = 'a', heads = 8, kv_heads = 4, head_dim = 16, value_dim = 12, window = 9,\n"
    "feature_map = 'softmax2', rope = { theta = 10000, style = 'half' }, scale = 0.25, softcap = false, sink = false,\n"
    "qk_scale = false, initial_state = 'zero', norm = { kind = 'rms', eps = 1e-8 }, dtype = 'fp32', fold = 1,\n"
    "tf32 = false }\n";

/* Each field of a spec: what stands in BASE and what else could. */
static const struct {
    const char *field, *from, *to;
} CHANGES[] = {
    {"name", "name = 'a'", "name = 'b'"},
    {"heads", "heads = 8", "heads = 16"},
    {"kv_heads", "kv_heads = 4", "kv_heads = 2"},
    {"head_dim", "head_dim = 16", "head_dim = 24"},
    {"value_dim", "value_dim = 12", "value_dim = 20"},
    {"window", "window = 9", "window = 10"},
    {"feature_map", "'softmax2'", "function(x) return concat(softmax(x), softmax(-2 * x)) end"},
    {"rope.theta", "theta = 10000", "theta = 10000.000000000002"},
    {"rope.style", "'half'", "'interleaved'"},
    {"scale", "scale = 0.25", "scale = 0.2500000000000001"},
    {"softcap", "softcap = false", "softcap = 30"},
    {"sink", "sink = false", "sink = true"},
    {"qk_scale", "qk_scale = false", "qk_scale = true"},
    {"initial_state", "'zero'", "'input'"},
    {"norm.eps", "eps = 1e-8", "eps = 1e-7"},
    {"dtype", "dtype = 'fp32'", "dtype = 'bf16'"},
    {"fold", "fold = 1", "fold = 2"},
    {"tf32", "tf32 = false", "tf32 = true"},
};
enum { CHANGE_COUNT = sizeof CHANGES / sizeof *CHANGES };

typedef struct Case {
    Ctx            ctx;
    const char    *file, *source;
    SpecFile       specs;
    Target         target;
    CompileRequest request;
    const char    *key; /* in the arena */
} Case;

static Status load(Ctx *ctx, void *arg) {
    Case *c = arg;
    TRY(spec_load_text(ctx, c->file, c->source, strlen(c->source), &c->specs));
    TRY(llvm_find_target(ctx, "x86-64-v3", &c->target));
    c->request = (CompileRequest){.spec = &c->specs.items[0].spec, .target = &c->target, .emit = EMIT_OBJECT};
    return ST_OK;
}

static Case *open_case(const char *file, const char *source) {
    Case *c = calloc(1, sizeof *c);
    ctx_init(&c->ctx);
    c->file = file;
    c->source = source;
    if (ctx_run(&c->ctx, load, c) != ST_OK)
        fail_msg("%s: %s", c->ctx.place, c->ctx.message);
    return c;
}

static void close_case(Case *c) {
    ctx_free(&c->ctx);
    free(c);
}

static Status print_key(Ctx *ctx, void *arg) {
    Case *c = arg;
    Text  key = TEXT(ctx);
    TRY(compile_key_text(ctx, &c->request, &key));
    c->key = text_str(&key);
    return ST_OK;
}

static const char *key_of_case(Case *c) {
    if (ctx_run(&c->ctx, print_key, c) != ST_OK)
        fail_msg("%s: %s", c->ctx.place, c->ctx.message);
    return c->key;
}

/* BASE with one change. */
static const char *changed(int change, char out[2048]) {
    const char *at = strstr(BASE, CHANGES[change].from);
    assert_non_null(at);
    snprintf(out, 2048, "%.*s%s%s", (int)(at - BASE), BASE, CHANGES[change].to, at + strlen(CHANGES[change].from));
    return out;
}

static void test_every_field_of_a_spec(void **state) {
    (void)state;
    Case *base = open_case("spec.lua", BASE);
    for (int i = 0; i < CHANGE_COUNT; i++) {
        char  source[2048];
        Case *other = open_case("spec.lua", changed(i, source));
        if (strcmp(key_of_case(base), key_of_case(other)) == 0)
            fail_msg("%s does not change the key", CHANGES[i].field);
        close_case(other);
    }
    close_case(base);
}

static void test_no_field_is_forgotten(void **state) {
    (void)state;
    static const char *const FIELDS[] = {
#define SPEC_FIELD(name, type, member, forms, min, max, choices, fallback, remedy, help) name,
#include "frontend/spec_fields.def"
    };
    /* Tables, whose fields have rows of their own, and fields with one possible value. */
    static const char *const FIXED[] = {"rope", "norm", "norm.kind", "state_dtype"};
    for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++) {
        bool known = false;
        for (size_t i = 0; i < sizeof FIXED / sizeof *FIXED; i++)
            known |= strcmp(FIXED[i], FIELDS[f]) == 0;
        for (int i = 0; i < CHANGE_COUNT; i++)
            known |= strcmp(CHANGES[i].field, FIELDS[f]) == 0;
        if (!known)
            fail_msg("%s has no case in this test", FIELDS[f]);
    }
}

static void test_spelling_does_not_matter(void **state) {
    (void)state;
    static const char SPELLED[] = "-- the same layer, spelled in another way\nlocal h = 4\n"
                                  "return rattention { dtype = 'fp32', window = 3 * 3, heads = 2 * h, kv_heads = h, "
                                  "head_dim = 16, value_dim = 12,\n"
                                  "rope = { style = 'half', theta = 1e4 }, name = 'a' }\n";
    Case             *base = open_case("spec.lua", BASE), *spelled = open_case("elsewhere/other.lua", SPELLED);
    assert_string_equal(key_of_case(base), key_of_case(spelled));
    assert_null(strstr(base->key, "spec.lua"));
    close_case(spelled);
    close_case(base);
}

static Status load_file(Ctx *ctx, void *arg) {
    Case *c = arg;
    return spec_load_file(ctx, c->file, &c->specs);
}

static const char *key_of_file(Case *c, const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(BASE, file);
    fclose(file);
    c->file = path;
    if (ctx_run(&c->ctx, load_file, c) != ST_OK)
        fail_msg("%s: %s", c->ctx.place, c->ctx.message);
    c->request.spec = &c->specs.items[0].spec;
    remove(path);
    return key_of_case(c);
}

static void test_paths_and_times_do_not_matter(void **state) {
    (void)state;
    const char *temp = getenv("TMPDIR");
    char        one[200], two[200];
    snprintf(one, sizeof one, "%.100s/rattan-key-XXXXXX", temp ? temp : "/tmp");
    strcpy(two, one);
    assert_non_null(mkdtemp(one));
    assert_non_null(mkdtemp(two));
    Case *base = open_case("spec.lua", BASE), *other = open_case("spec.lua", BASE);
    assert_string_equal(key_of_file(base, one, "a.lua"), key_of_file(other, two, "b.lua"));
    assert_null(strstr(base->key, one));
    setenv("TZ", "Pacific/Auckland", 1);
    setenv("HOME", two, 1);
    assert_string_equal(base->key, key_of_case(other));
    close_case(other);
    close_case(base);
    rmdir(one);
    rmdir(two);
}

#define DIFFERS(change)                                                                                                \
    do {                                                                                                               \
        c->request = kept;                                                                                             \
        c->target = target;                                                                                            \
        change;                                                                                                        \
        if (strcmp(base, key_of_case(c)) == 0)                                                                         \
            fail_msg("%s does not change the key", #change);                                                           \
    } while (0)

static void test_the_rest_of_a_request(void **state) {
    (void)state;
    Case                *c = open_case("spec.lua", BASE);
    const CompileRequest kept = c->request;
    const Target         target = c->target;
    const char          *base = key_of_case(c);
    DIFFERS(c->request.kind = KIND_DECODE);
    DIFFERS(c->request.kind = KIND_EXTEND);
    DIFFERS(c->request.variant = VARIANT_PACKED);
    DIFFERS(c->request.variant = VARIANT_LSE);
    DIFFERS(c->request.variant = VARIANT_FINAL_STATE);
    DIFFERS(c->request.variant = VARIANT_PARTS);
    DIFFERS(strcpy(c->target.name, "other"));
    DIFFERS(strcpy(c->target.triple, "other"));
    DIFFERS(strcpy(c->target.cpu, "other"));
    DIFFERS(strcat(c->target.features, ",+zzz"));
    DIFFERS(c->target.l1_bytes = 1);     /* products go through panels that stay in it */
    DIFFERS(c->target.shared_bytes = 1); /* a GPU may have less than others of its name */
    DIFFERS(c->target.registers = 1);
    assert_non_null(strstr(base, RATTAN_VERSION));
    assert_int_equal(strlen(COMPILER_FINGERPRINT), 16);
    assert_non_null(strstr(base, COMPILER_FINGERPRINT));
    assert_non_null(strstr(base, llvm_version()));
    c->request = kept;
    c->target = target;
    c->request.kind = KIND_DECODE;
    const CompileRequest decode = c->request;
    base = key_of_case(c);
    c->request.ring_rows = 9; /* the window: what 0 means */
    assert_string_equal(base, key_of_case(c));
    c->request = decode;
    c->request.ring_rows = 10;
    assert_true(strcmp(base, key_of_case(c)) != 0);
    close_case(c);
}

/* What a CPU refuses is asked of a GPU that has it. */
static bool changes_key_of_gpu(const char *name, const int *values, int count) {
    static const char LAYER[] = "return rattention { name = 'x', heads = 4, kv_heads = 2, head_dim = 16, window = 64, dtype = 'bf16' }";
    Case       *c = open_case("spec.lua", LAYER);
    bool        different = false;
    assert_int_equal(ptx_find_target(&c->ctx, "cuda:sm_90a", &c->target), ST_OK);
    c->request.target = &c->target;
    for (int k = 0; k < 2 && !different; k++) {
        c->request.kind = k ? KIND_BACKWARD : KIND_FORWARD;
        c->request.schedule = NULL;
        const char *base = strdup(key_of_case(c));
        for (int v = 0; v < count && !different; v++) {
            char text[64];
            snprintf(text, sizeof text, "%s=%d", name, values[v]);
            c->request.schedule = text;
            different = ctx_run(&c->ctx, print_key, c) == ST_OK && strcmp(base, c->key) != 0;
            ctx_clear(&c->ctx);
        }
        free((char *)base);
    }
    close_case(c);
    return different;
}

/* Each field of a schedule, set to the values it may have until one is possible and differs. */
static void test_every_field_of_a_schedule(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int         values[3];
    } FIELDS[] = {
#define FIELD(name, fallback, min, max, help) {#name, {min, (fallback) + 1, (fallback) + 2}},
#include "ir/schedule.def"
#undef FIELD
    };
    Case       *c = open_case("spec.lua", BASE);
    const char *base = key_of_case(c);
    for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++) {
        int different = 0;
        for (int v = 0; v < 3 && !different; v++) {
            char text[64];
            snprintf(text, sizeof text, "%s=%d", FIELDS[f].name, FIELDS[f].values[v]);
            c->request.schedule = text;
            if (ctx_run(&c->ctx, print_key, c) == ST_OK)
                different = strcmp(base, c->key) != 0;
            ctx_clear(&c->ctx);
        }
        if (!different && !changes_key_of_gpu(FIELDS[f].name, FIELDS[f].values, 3))
            fail_msg("%s does not change the key", FIELDS[f].name);
    }
    close_case(c);
}

static Status find_object(Ctx *ctx, void *arg) {
    Case              *c = arg;
    const char *const *keys;
    int                count, same = 0;
    bool               found;
    Cache             *cache;
    CodeObject        *object = make_object(7, 64), *other;
    TRY(cache_open(ctx, "", 0, &cache));
    TRY(compile_keys(ctx, &c->request, &keys, &count));
    assert_string_equal(keys[0], key_of_case(c));
    assert_true(count > 1);
    for (int k = 0; k < count; k++)
        same += strstr(keys[k], "; NVRTC 12.9\n") != NULL;
    assert_int_equal(same, 1);
    cache_store(cache, keys[count / 2], object);
    TRY(session_object(ctx, cache, &c->request, &other, &found));
    assert_true(found);
    assert_string_equal(other->name, object->name);
    CacheInfo info;
    cache_info(cache, &info);
    assert_int_equal(info.hits, 1);
    assert_int_equal(info.misses, 0);
    code_object_free(other);
    code_object_free(object);
    cache_close(cache);
    return ST_OK;
}

/* Without NVRTC what any NVRTC made for the same layer, target and build serves; with one, its own alone. */
static void test_objects_of_another_nvrtc(void **state) {
    static const char  LAYER[] = "return rattention { name = 'x', heads = 4, kv_heads = 2, head_dim = 16, window = 64 }";
    const char        *given = getenv("RATTAN_NVRTC"), *own = given ? strdup(given) : NULL;
    const char *const *keys;
    int                count;
    Case              *c = open_case("spec.lua", BASE), *gpu = open_case("spec.lua", LAYER);
    (void)state;
    assert_int_equal(ptx_find_target(&gpu->ctx, "cuda:sm_80", &gpu->target), ST_OK);
    if (nvrtc_is_here()) {
        assert_int_equal(compile_keys(&gpu->ctx, &gpu->request, &keys, &count), ST_OK);
        assert_int_equal(count, 1);
        assert_non_null(strstr(keys[0], nvrtc_version(&gpu->ctx)));
    }
    setenv("RATTAN_NVRTC", "nowhere", 1);
    assert_int_equal(compile_keys(&c->ctx, &c->request, &keys, &count), ST_OK);
    assert_int_equal(count, 1);
    if (ctx_run(&gpu->ctx, find_object, gpu) != ST_OK)
        fail_msg("%s: %s", gpu->ctx.place, gpu->ctx.message);
    if (own)
        setenv("RATTAN_NVRTC", own, 1);
    else
        unsetenv("RATTAN_NVRTC");
    free((char *)own);
    close_case(gpu);
    close_case(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_a_spec),    cmocka_unit_test(test_no_field_is_forgotten),
        cmocka_unit_test(test_spelling_does_not_matter), cmocka_unit_test(test_paths_and_times_do_not_matter),
        cmocka_unit_test(test_the_rest_of_a_request),    cmocka_unit_test(test_every_field_of_a_schedule),
        cmocka_unit_test(test_objects_of_another_nvrtc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
