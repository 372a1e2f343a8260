/* link: rattan_frontend rattan_base */
/* Specs that are right: every field and default, canonical text, sweeps, models, and what feature maps compute. */
#include "tests/spec_helper.h"

#include <glob.h>

/* ---- fields ---- */

static void test_defaults(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file =
        load_good(&ctx, "dir/tiny-2.b.lua", "return rattention { heads = 6, head_dim = 20, window = 9 }");
    const Spec *spec = &file.items[0].spec;
    assert_int_equal(file.count, 1);
    assert_false(file.is_model);
    assert_string_equal(file.items[0].label, "");
    assert_string_equal(spec->name, "tiny_2");
    assert_false(spec->full);
    assert_int_equal(spec->heads, 6);
    assert_int_equal(spec->kv_heads, 6);
    assert_int_equal(spec->head_dim, 20);
    assert_int_equal(spec->value_dim, 20);
    assert_int_equal(spec->window, 9);
    assert_string_equal(spec->map.name, "softmax2");
    assert_int_equal(spec_features(spec), 40);
    assert_int_equal(spec_group(spec), 1);
    assert_true(spec->rope_theta == 0);
    assert_true(spec->scale == pow(20, -0.5));
    assert_true(spec->softcap == 0);
    assert_false(spec->sink);
    assert_false(spec->qk_scale);
    assert_false(spec->initial_state);
    assert_true(spec->norm);
    assert_true(spec->norm_eps == 1e-8);
    assert_int_equal(spec->dtype, DT_F32);
    assert_int_equal(spec->state_dtype, DT_F32);
    ctx_free(&ctx);
}

static void test_every_field(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file =
        load_good(&ctx, "x.lua",
                  "return rattention { name = 'all_9', heads = 12, kv_heads = 3, head_dim = 24, value_dim = 17,"
                  " window = 2^40, feature_map = 'relu', rope = { theta = 1234.5, style = 'half' },"
                  " scale = 0.7, softcap = 30, sink = true, qk_scale = true, initial_state = 'input',"
                  " norm = { kind = 'rms', eps = 1e-5 }, dtype = 'bf16', state_dtype = 'fp32' }");
    const Spec *spec = &file.items[0].spec;
    assert_string_equal(spec->name, "all_9");
    assert_int_equal(spec->heads, 12);
    assert_int_equal(spec->kv_heads, 3);
    assert_int_equal(spec_group(spec), 4);
    assert_int_equal(spec->head_dim, 24);
    assert_int_equal(spec->value_dim, 17);
    assert_true(spec->window == (int64_t)1 << 40);
    assert_string_equal(spec->map.name, "relu");
    assert_int_equal(spec_features(spec), 24);
    assert_true(spec->rope_theta == 1234.5);
    assert_int_equal(spec->rope_style, ROPE_HALF);
    assert_true(spec->scale == 0.7);
    assert_true(spec->softcap == 30);
    assert_true(spec->sink && spec->qk_scale && spec->initial_state && spec->norm);
    assert_true(spec->norm_eps == 1e-5);
    assert_int_equal(spec->dtype, DT_BF16);
    ctx_free(&ctx);
}

static void test_full_attention(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "f.lua",
                                    "return attention { heads = 4, kv_heads = 2, head_dim = 16, norm = false,"
                                    " softcap = false, rope = false, dtype = 'fp16' }");
    const Spec    *spec = &file.items[0].spec;
    assert_true(spec->full);
    assert_int_equal(spec->window, 0);
    assert_int_equal(spec_features(spec), 0);
    assert_false(spec->norm);
    assert_true(spec->norm_eps == 0 && spec->softcap == 0 && spec->rope_theta == 0);
    assert_int_equal(spec->dtype, DT_F16);
    ctx_free(&ctx);
}

static void test_names_from_files(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a/b/gemma2_9b.lua", "gemma2_9b"},
        {"7b.lua", "_7b"},
        {"<stdin>", "stdin"},
        {"-", "spec"},
        {".lua", "spec"},
        {"x y.lua", "x_y"},
        {"/tmp/a.b.c", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ctx            ctx;
        const SpecFile file = load_good(&ctx, cases[i][0], "return rattention { heads = 1, head_dim = 2, window = 1 }");
        assert_string_equal(file.items[0].spec.name, cases[i][1]);
        ctx_free(&ctx);
    }
}

static void test_lua_is_usable(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "x.lua",
                                    "local t = {}\n"
                                    "for i, s in ipairs { 'c', 'a', 'b' } do table.insert(t, s:upper()) end\n"
                                    "table.sort(t)\n"
                                    "local heads = math.max(select('#', table.unpack(t)), 2) * #t -- 9\n"
                                    "return rattention { name = string.format('%s_%d', table.concat(t), heads),\n"
                                    "  heads = heads, head_dim = 2 ^ 4, window = tonumber('0x10') // 1 }");
    assert_string_equal(file.items[0].spec.name, "ABC_9");
    assert_int_equal(file.items[0].spec.heads, 9);
    assert_int_equal(file.items[0].spec.window, 16);
    ctx_free(&ctx);
}

static Status help_in_ctx(Ctx *ctx, void *arg) {
    Text text = TEXT(ctx);
    spec_fields_help(&text);
    *(const char **)arg = text_str(&text);
    return ST_OK;
}

static void test_help_names_every_field(void **state) {
    (void)state;
    static const char *const names[] = {
#define SPEC_FIELD(name, ...) name,
#define MODEL_FIELD(name, ...) name,
#include "frontend/spec_fields.def"
    };
    Ctx         ctx;
    const char *help = NULL;
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, help_in_ctx, &help), ST_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  %s", names[i]);
        assert_non_null(strstr(help, line));
    }
    ctx_free(&ctx);
}

/* ---- canonical text ---- */

static void assert_same_map(const FeatureMap *a, const FeatureMap *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->nodes[i].op, b->nodes[i].op);
        assert_int_equal(a->nodes[i].a, b->nodes[i].a);
        assert_int_equal(a->nodes[i].b, b->nodes[i].b);
        assert_int_equal(a->nodes[i].length, b->nodes[i].length);
        assert_memory_equal(&a->nodes[i].value, &b->nodes[i].value, sizeof(double));
    }
}

/* print(load(print(spec))) = print(spec), and the map is the same node by node. */
static void assert_round_trip(const Spec *spec) {
    Ctx ctx;
    Ctx first;
    ctx_init(&first);
    const char    *text = print_spec(&first, spec);
    const SpecFile again = load_good(&ctx, "again.lua", text);
    assert_int_equal(again.count, 1);
    assert_string_equal(print_spec(&ctx, &again.items[0].spec), text);
    assert_same_map(&again.items[0].spec.map, &spec->map);
    assert_true(again.items[0].spec.scale == spec->scale);
    ctx_free(&ctx);
    ctx_free(&first);
}

static void test_specs_round_trip(void **state) {
    (void)state;
    glob_t files;
    assert_int_equal(glob("specs/*.lua", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 11);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        Ctx            ctx;
        const SpecFile file = load_good(&ctx, files.gl_pathv[i], NULL);
        for (int k = 0; k < file.count; k++)
            assert_round_trip(&file.items[k].spec);
        ctx_free(&ctx);
    }
    globfree(&files);
}

static void test_canonical_text(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "x.lua",
                                    "return rattention { heads = 4, head_dim = 16, window = 8, scale = 0.1,\n"
                                    "  rope = { theta = 5e5 }, feature_map = function(x) return 2 * relu(-x) end }");
    assert_string_equal(print_spec(&ctx, &file.items[0].spec), "return rattention {\n"
                                                               "  name = \"x\",\n"
                                                               "  heads = 4,\n"
                                                               "  kv_heads = 4,\n"
                                                               "  head_dim = 16,\n"
                                                               "  value_dim = 16,\n"
                                                               "  window = 8,\n"
                                                               "  feature_map = function(x) return 2 * relu(-x) end,\n"
                                                               "  rope = { theta = 500000, style = \"interleaved\" },\n"
                                                               "  scale = 0.1,\n"
                                                               "  softcap = false,\n"
                                                               "  sink = false,\n"
                                                               "  qk_scale = false,\n"
                                                               "  initial_state = \"zero\",\n"
                                                               "  norm = { kind = \"rms\", eps = 1e-08 },\n"
                                                               "  dtype = \"fp32\",\n"
                                                               "  state_dtype = \"fp32\",\n"
                                                               "  fold = 1,\n"
                                                               "  tf32 = false,\n"
                                                               "}\n");
    ctx_free(&ctx);
}

/* The text of a spec with this function body. */
static const char *with_map(char *out, size_t size, const char *body) {
    snprintf(out, size,
             "return rattention { name = 'm', heads = 4, head_dim = 16, window = 8, feature_map = function(x) %s end }",
             body);
    return out;
}

static void test_equal_maps_print_equally(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "return concat(exp(x - max(x)), sum(relu(x)))",
        "local s = sum(relu(x)) local unused = tanh(x) local m = max(x) return concat(exp(x - m), s)",
    };
    Ctx  ctx[2];
    char text[2][512];
    for (int i = 0; i < 2; i++)
        load_good(&ctx[i], "m.lua", with_map(text[i], sizeof text[i], bodies[i]));
    for (int i = 0; i < 2; i++)
        ctx_free(&ctx[i]);
    SpecFile a = load_good(&ctx[0], "m.lua", text[0]), b = load_good(&ctx[1], "m.lua", text[1]);
    assert_string_equal(print_spec(&ctx[0], &a.items[0].spec), print_spec(&ctx[1], &b.items[0].spec));
    assert_same_map(&a.items[0].spec.map, &b.items[0].spec.map);
    ctx_free(&ctx[0]);
    ctx_free(&ctx[1]);
}

/* The largest maps: deep, and shared throughout. 256 nodes load, 257 do not. */
static void test_large_maps_round_trip(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "for i = 1, 255 do x = tanh(x) end return x",
        "for i = 1, 255 do x = x + x end return x",
        "local y = x for i = 1, 84 do y = (y - i) * x end return y",
        "for i = 1, 255 do x = -x end return x",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        Ctx            ctx;
        char           text[512];
        const SpecFile file = load_good(&ctx, "m.lua", with_map(text, sizeof text, bodies[i]));
        assert_true(file.items[0].spec.map.count >= 253);
        assert_round_trip(&file.items[0].spec);
        ctx_free(&ctx);
    }
    Ctx      ctx;
    SpecFile file;
    char     text[512];
    with_map(text, sizeof text, "for i = 1, 256 do x = tanh(x) end return x");
    assert_int_equal(load_spec(&ctx, "m.lua", text, strlen(text), &file), ST_USAGE);
    ctx_free(&ctx);
}

static void test_constants_round_trip(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "return x * -0.0",         "return x - -0.5",
        "return -(-x) - 3",        "return x / 1e300 + 5e-324",
        "return x + 0.1 + 1/3",    "return x * 123456789012345678",
        "return concat(x, 1, -2)", "return concat(concat(1, 2) + 0.5, x)",
        "return x + exp(1)",       "return max(x, min(2, 3)) + min(x) + max(-1.5, x)",
        "return x + #x",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        Ctx            ctx;
        char           text[512];
        const SpecFile file = load_good(&ctx, "m.lua", with_map(text, sizeof text, bodies[i]));
        assert_round_trip(&file.items[0].spec);
        ctx_free(&ctx);
    }
}

/* ---- sweeps and models ---- */

static void test_sweep(void **state) {
    (void)state;
    static const char *const labels[] = {
        "head_dim=64,window=128",  "head_dim=64,window=256",  "head_dim=64,window=512",  "head_dim=64,window=1024",
        "head_dim=128,window=128", "head_dim=128,window=256", "head_dim=128,window=512", "head_dim=128,window=1024",
    };
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "specs/window_sweep.lua", NULL);
    assert_int_equal(file.count, 8);
    assert_false(file.is_model);
    for (int i = 0; i < 8; i++) {
        const Spec *spec = &file.items[i].spec;
        assert_string_equal(file.items[i].label, labels[i]);
        assert_int_equal(spec->head_dim, i < 4 ? 64 : 128);
        assert_int_equal(spec->value_dim, spec->head_dim);
        assert_int_equal(spec->window, 128 << i % 4);
        assert_int_equal(spec_features(spec), 2 * spec->head_dim);
        assert_true(spec->scale == pow(spec->head_dim, -0.5));
    }
    ctx_free(&ctx);
}

static void test_sweep_of_any_scalar(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file =
        load_good(&ctx, "s.lua",
                  "return rattention { heads = 4, head_dim = 16, window = 2 ^ 20,\n"
                  "  feature_map = sweep { 'relu', 'softmax2' }, rope = { theta = sweep { 2 ^ 13, 0.5e4 } },\n"
                  "  softcap = sweep { false, 30 }, sink = sweep { false, true }, dtype = sweep { 'bf16' } }");
    assert_int_equal(file.count, 16);
    assert_string_equal(file.items[0].label, "feature_map=relu,rope.theta=8192,softcap=false,sink=false,dtype=bf16");
    assert_string_equal(file.items[15].label, "feature_map=softmax2,rope.theta=5000,softcap=30,sink=true,dtype=bf16");
    assert_true(file.items[15].spec.sink && file.items[15].spec.softcap == 30 &&
                file.items[15].spec.rope_theta == 5000);
    assert_int_equal(spec_features(&file.items[7].spec), 16);
    assert_int_equal(spec_features(&file.items[8].spec), 32);
    ctx_free(&ctx);
}

static void test_largest_sweep(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "s.lua",
                                    "local n = {} for i = 1, 64 do n[i] = i end\n"
                                    "return rattention { heads = 1, head_dim = sweep(n), window = sweep(n) }");
    assert_int_equal(file.count, 4096);
    assert_string_equal(file.items[4095].label, "head_dim=64,window=64");
    assert_int_equal(spec_features(&file.items[64 * 9].spec), 20);
    ctx_free(&ctx);
}

static void test_model(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file = load_good(&ctx, "specs/local_global.lua", NULL);
    assert_true(file.is_model);
    assert_string_equal(file.model_name, "local_global");
    assert_int_equal(file.layers, 36);
    assert_int_equal(file.count, 2);
    assert_string_equal(file.items[0].label, "l");
    assert_string_equal(file.items[1].label, "g");
    assert_string_equal(file.items[0].spec.name, "local_global_l");
    assert_string_equal(file.items[1].spec.name, "local_global_g");
    assert_false(file.items[0].spec.full);
    assert_true(file.items[1].spec.full);
    for (int i = 0; i < 36; i++)
        assert_int_equal(file.pattern[i], i % 4 == 3);
    ctx_free(&ctx);
}

static void test_model_with_remainder(void **state) {
    (void)state;
    Ctx              ctx;
    const SpecFile   file = load_good(&ctx, "gemma-3.lua",
                                      "local a = attention { name = 'own', heads = 2, head_dim = 4 }\n"
                                        "return model { layers = 8, pattern = { 'g', 'l', 'l' },\n"
                                        "  g = a, l = rattention { heads = 2, head_dim = 4, window = 3 } }");
    static const int expected[] = {0, 1, 1, 0, 1, 1, 0, 1};
    assert_string_equal(file.model_name, "gemma_3");
    assert_string_equal(file.items[0].spec.name, "own");
    assert_string_equal(file.items[1].spec.name, "gemma_3_l");
    assert_memory_equal(file.pattern, expected, sizeof expected);
    ctx_free(&ctx);
}

/* ---- what maps compute ---- */

enum { D = 16, LONGEST = 4 * D };

static double at(const double *values, int length, int i) { return values[length == 1 ? 0 : i]; }

/* Evaluates a traced map on x [D]; returns F. */
static int evaluate_map(const FeatureMap *map, const double *x, double *out) {
    static double values[MAP_MAX_NODES][LONGEST];
    for (int n = 0; n < map->count; n++) {
        const MapNode *node = &map->nodes[n];
        const double  *a = node->a < 0 ? x : values[node->a], *b = node->b < 0 ? x : values[node->b];
        const int la = node->a < 0 ? D : map->nodes[node->a].length, lb = node->b < 0 ? D : map->nodes[node->b].length;
        assert_in_range(node->length, 1, LONGEST);
        double total = 0, largest = -INFINITY;
        for (int i = 0; i < la; i++) {
            total += a[i];
            largest = fmax(largest, a[i]);
        }
        for (int i = 0; i < node->length; i++) {
            const double u = at(a, la, i), v = at(b, lb, i);
            double      *y = &values[n][i];
            switch (node->op) {
            case MAP_INPUT: *y = x[i]; break;
            case MAP_CONST: *y = node->value; break;
            case MAP_ADD: *y = u + v; break;
            case MAP_SUB: *y = u - v; break;
            case MAP_MUL: *y = u * v; break;
            case MAP_DIV: *y = u / v; break;
            case MAP_MAX: *y = fmax(u, v); break;
            case MAP_MIN: *y = fmin(u, v); break;
            case MAP_NEG: *y = -u; break;
            case MAP_EXP: *y = exp(u); break;
            case MAP_LOG: *y = log(u); break;
            case MAP_TANH: *y = tanh(u); break;
            case MAP_SIGMOID: *y = 1 / (1 + exp(-u)); break;
            case MAP_RELU: *y = u > 0 ? u : 0; break;
            case MAP_ABS: *y = fabs(u); break;
            case MAP_SQRT: *y = sqrt(u); break;
            case MAP_ROWSUM: *y = total; break;
            case MAP_ROWMAX: *y = largest; break;
            case MAP_CONCAT: *y = i < la ? a[i] : b[i - la]; break;
            case MAP_OP_COUNT: fail();
            }
        }
    }
    const int length = map->nodes[map->count - 1].length;
    memcpy(out, values[map->count - 1], sizeof(double) * (size_t)length);
    return length;
}

/* phi by the definition: returns F. */
typedef int MapFormula(const double *x, double *out);

static double softmax_at(const double *x, double sign, int i) {
    double total = 0;
    for (int j = 0; j < D; j++)
        total += exp(sign * x[j]);
    return exp(sign * x[i]) / total;
}

#define FORMULA(name, length, value)                                                                                   \
    static int name(const double *x, double *out) {                                                                    \
        for (int i = 0; i < (length); i++)                                                                             \
            out[i] = (value);                                                                                          \
        return (length);                                                                                               \
    }
#define SIDE (i < D ? x[i % D] : -x[i % D]) /* of a two-sided map */
FORMULA(by_softmax2, 2 * D, softmax_at(x, i < D ? 1 : -1, i % D))
FORMULA(by_relu2, 2 * D, fmax(SIDE, 0))
FORMULA(by_exp2, 2 * D, exp(SIDE))
FORMULA(by_softmax, D, softmax_at(x, 1, i))
FORMULA(by_relu, D, fmax(x[i], 0))
FORMULA(by_elu1, D, x[i] > 0 ? x[i] + 1 : exp(x[i]))
FORMULA(by_exp, D, exp(x[i]))
FORMULA(by_identity, D, x[i])
FORMULA(by_squared_relu, D, x[i] > 0 ? x[i] * x[i] : 0)

static const struct {
    const char *name;
    MapFormula *formula;
} built_in[] = {
    {"softmax2", by_softmax2}, {"relu2", by_relu2},       {"exp2", by_exp2},
    {"softmax", by_softmax},   {"relu", by_relu},         {"elu1", by_elu1},
    {"exp", by_exp},           {"identity", by_identity}, {"squared_relu", by_squared_relu},
};

static void assert_computes(const FeatureMap *map, MapFormula *formula, double factor) {
    uint64_t seed = 7;
    for (int trial = 0; trial < 20; trial++) {
        double x[D], got[LONGEST], expected[LONGEST];
        for (int i = 0; i < D; i++)
            x[i] = factor * random_value(&seed);
        const int length = evaluate_map(map, x, got);
        assert_int_equal(length, formula(x, expected));
        for (int i = 0; i < length; i++)
            if (!(fabs(got[i] - expected[i]) <= 1e-12 * (1 + fabs(expected[i]))))
                fail_msg("%s: element %d is %.17g, not %.17g", map->name, i, got[i], expected[i]);
    }
}

static MapFormula *formula_of(const char *name) {
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (strcmp(built_in[i].name, name) == 0)
            return built_in[i].formula;
    return NULL;
}

/* Every file is a map; those of RATTENTION's table compute what it says. */
static void test_built_in_maps(void **state) {
    (void)state;
    glob_t files;
    size_t known = 0;
    assert_int_equal(glob("specs/maps/*.lua", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        Ctx         ctx;
        char        text[256], name[48];
        const char *base = strrchr(files.gl_pathv[i], '/') + 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
        snprintf(text, sizeof text, "return rattention { heads = 1, head_dim = %d, window = 1, feature_map = '%s' }", D,
                 name);
        const SpecFile file = load_good(&ctx, "m.lua", text);
        assert_string_equal(file.items[0].spec.map.name, name);
        assert_round_trip(&file.items[0].spec);
        if (formula_of(name)) {
            assert_computes(&file.items[0].spec.map, formula_of(name), 1);
            known++;
        }
        ctx_free(&ctx);
    }
    assert_int_equal(known, sizeof built_in / sizeof *built_in);
    globfree(&files);
}

/* Nothing overflows where the definition does not: x to 160, beyond exp's range in fp32. */
static void test_maps_at_large_values(void **state) {
    (void)state;
    static const struct {
        const char *name;
        MapFormula *formula;
    } cases[] = {{"softmax2", by_softmax2}, {"softmax", by_softmax}};
    for (size_t i = 0; i < 2; i++) {
        Ctx  ctx;
        char text[256];
        snprintf(text, sizeof text, "return rattention { heads = 1, head_dim = %d, window = 1, feature_map = '%s' }", D,
                 cases[i].name);
        const SpecFile file = load_good(&ctx, "m.lua", text);
        assert_computes(&file.items[0].spec.map, cases[i].formula, 80);
        for (int n = 0; n < file.items[0].spec.map.count; n++) {
            const MapNode *node = &file.items[0].spec.map.nodes[n];
            if (node->op == MAP_EXP) /* its argument is x minus its maximum */
                assert_int_equal(file.items[0].spec.map.nodes[node->a].op, MAP_SUB);
        }
        ctx_free(&ctx);
    }
}

/* A spec that redefines `softmax` does not change the map of that name. */
static void test_maps_are_sealed(void **state) {
    (void)state;
    Ctx            ctx;
    const SpecFile file =
        load_good(&ctx, "m.lua",
                  "softmax = exp; concat = exp; math.exp = nil\n"
                  "return rattention { heads = 1, head_dim = 16, window = 1, feature_map = 'softmax2' }");
    assert_computes(&file.items[0].spec.map, by_softmax2, 1);
    ctx_free(&ctx);
}

static double row_sum(const double *x) {
    double total = 0;
    for (int i = 0; i < D; i++)
        total += x[i];
    return total;
}
static double row_max(const double *x, double sign) {
    double largest = -INFINITY;
    for (int i = 0; i < D; i++)
        largest = fmax(largest, sign * x[i]);
    return largest;
}

FORMULA(by_arithmetic, D, (2 * x[i] + 1 - x[i] / 4) * -x[i])
FORMULA(by_functions, D, tanh(x[i]) + 1 / (1 + exp(-x[i])) + log(fabs(x[i]) + 1) + sqrt(x[i] * x[i] + 0.5))
FORMULA(by_extremes, D, fmax(fmax(x[i], 0.25), -x[i]) - fmin(x[i], -0.5))
FORMULA(by_rows, D, x[i] * row_sum(x) - row_max(x, 1) + -row_max(x, -1) / (row_sum(x) / D + 9))
FORMULA(by_concat, 2 * D + 2, i < D ? x[i] : i == D ? 3.5 : i < 2 * D + 1 ? 1 / exp(x[i - D - 1]) : row_sum(x))
FORMULA(by_number_first, D, 1 - x[i] + 2 / (x[i] * x[i] + 1))
FORMULA(by_length, D, x[i] / sqrt(D))
FORMULA(by_loop, D, 1 + x[i] + x[i] * x[i] / 2 + x[i] * x[i] * x[i] / 6)

static void test_custom_maps(void **state) {
    (void)state;
    static const struct {
        const char *body;
        MapFormula *formula;
    } cases[] = {
        {"return (2 * x + 1 - x / 4) * -x", by_arithmetic},
        {"return tanh(x) + sigmoid(x) + log(abs(x) + 1) + sqrt(x * x + 0.5)", by_functions},
        {"return max(x, 0.25, -x) - min(x, -0.5)", by_extremes},
        {"return x * sum(x) - max(x) + min(x) / (mean(x) + 9)", by_rows},
        {"return concat(x, 3.5, exp(-x), sum(x))", by_concat},
        {"return 1 - x + 2 / (x * x + 1)", by_number_first},
        {"return x / sqrt(#x)", by_length},
        {"local term, total = 1, 1 for i = 1, 3 do term = term * x / i total = total + term end return total", by_loop},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ctx            ctx;
        char           text[512];
        const SpecFile file = load_good(&ctx, "m.lua", with_map(text, sizeof text, cases[i].body));
        assert_string_equal(file.items[0].spec.map.name, "custom");
        assert_computes(&file.items[0].spec.map, cases[i].formula, 1);
        assert_round_trip(&file.items[0].spec);
        ctx_free(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_full_attention),
        cmocka_unit_test(test_names_from_files),
        cmocka_unit_test(test_lua_is_usable),
        cmocka_unit_test(test_help_names_every_field),
        cmocka_unit_test(test_specs_round_trip),
        cmocka_unit_test(test_canonical_text),
        cmocka_unit_test(test_equal_maps_print_equally),
        cmocka_unit_test(test_large_maps_round_trip),
        cmocka_unit_test(test_constants_round_trip),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_sweep_of_any_scalar),
        cmocka_unit_test(test_largest_sweep),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_model_with_remainder),
        cmocka_unit_test(test_built_in_maps),
        cmocka_unit_test(test_maps_at_large_values),
        cmocka_unit_test(test_maps_are_sealed),
        cmocka_unit_test(test_custom_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
