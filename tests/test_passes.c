/* link: rattan_frontend rattan_passes rattan_ir rattan_base */
/* parts: test_gpu_* test_gradients_* test_roles_* test_maps_* test_cpu_* */
/* Every pass keeps the meaning: random specs, shapes and schedules; the interpreter runs the module before the passes and
 * after each of them, at the end also with its buffers in the places they were given. */
#include "tests/pass_trial.h"

static Status draw_attention(Ctx *ctx, void *arg) {
    Trial      *t = arg;
    const int   kv_heads = random_int(1, 2);
    const char *text = ctx_printf(ctx,
                                  "return attention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, "
                                  "value_dim = %d, sink = %s, norm = false, dtype = 'fp32'%s }",
                                  kv_heads * random_int(1, 4), kv_heads, 2 * random_int(1, 12), random_int(1, 20),
                                  random_int(0, 2) ? "false" : "true", random_int(0, 2) ? "" : ", softcap = 3");
    SpecFile    file;
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    t->spec = file.items[0].spec;
    return ST_OK;
}

/* Tiles of 16 bits are read from shared memory where floats are loaded anew; what rounding leaves equal is compared. */
static Status draw_bf16(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    random_spec(t, false);
    t->spec.dtype = DT_BF16;
    t->spec.norm = false; /* which divides small rows by themselves */
    return ST_OK;
}

/* Whose branches, as they are saved, are whole panels. */
static Status draw_panels(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, false);
    while (t->spec.initial_state);
    t->spec.value_dim = 64 * random_int(1, 2);
    t->spec.dtype = DT_BF16;
    t->spec.norm = false;
    return ST_OK;
}

static Status draw_wide_16_bits(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    random_spec(t, true);
    t->spec.dtype = DT_BF16;
    t->spec.norm = false;
    return ST_OK;
}

static Status draw_wide_bf16(Ctx *ctx, void *arg) {
    Trial *t = arg;
    do
        TRY(draw_wide_16_bits(ctx, t));
    while (t->spec.initial_state || spec_group(&t->spec) % 2); /* as wide layers with roles are */
    return ST_OK;
}

/* Where one key has left the window the norm takes its score away: q_scale's gradient is zero, and rounding is compared. */
static Status draw_gradients(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, false);
    while (t->spec.initial_state || (t->spec.norm && t->spec.qk_scale));
    if (t->spec.value_dim == 32) /* whose columns of a state blocks may share out, or its rows */
        t->spec.value_dim = 128;
    return ST_OK;
}

static Status draw_with_map(Ctx *ctx, Trial *t, int head_dim, const char *map) {
    SpecFile    file;
    const int   kv_heads = random_int(1, 2);
    const char *text = ctx_printf(ctx,
                                  "return rattention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, "
                                  "window = %d, feature_map = function(x) %s end, norm = false, qk_scale = %s, initial_state = '%s' }",
                                  kv_heads * random_int(1, 3), kv_heads, head_dim, random_int(0, 1) ? 16 : random_int(2, 20),
                                  random_int(1, 20), map, random_int(0, 1) ? "false" : "true", random_int(0, 1) ? "zero" : "input");
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    t->spec = file.items[0].spec;
    t->from_pass = t->target.warp_size ? "saved" : "chunk"; /* before, rows that are not there may be no numbers */
    return ST_OK;
}

/* Features that are the same for every row, beside others. */
static Status draw_constant_features(Ctx *ctx, void *arg) {
    return draw_with_map(ctx, arg, random_int(0, 1) ? 16 : random_int(2, 12), "return concat(concat(x, 1), exp(-0.5) * sum(x))");
}

/* Maps that begin with a number, of which no row is loaded. */
static Status draw_numbers_first(Ctx *ctx, void *arg) {
    Trial *const t = arg;
    TRY(draw_with_map(ctx, t, random_int(0, 1) ? 16 : random_int(2, 12), random_int(0, 1) ? "return concat(1, x, x * x)" : "return concat(0.5, 2, mean(x), x)"));
    t->spec.fold = t->kind == KIND_DECODE ? draw_fold(t) : 1;
    t->from_pass = t->kind == KIND_DECODE && t->target.warp_size ? "step" : t->from_pass;
    return ST_OK;
}

/* Of which a key's gradient adds up more terms than a sum's places. */
static Status draw_many_parts(Ctx *ctx, void *arg) {
    return draw_with_map(ctx, arg, 16, random_int(0, 1) ? "return concat(x, x, x, x, x, x, x, x)" : "return concat(x, x, x, x, x, x, x, x, x, x)");
}

/* Wide heads of which slices of 64 columns leave a single one over, of the rows or of their features. */
static Status draw_column_over(Ctx *ctx, void *arg) {
    static const char *const MAPS[] = {"relu(x)", "concat(relu(x), relu(-x))", "concat(x, sum(x))", "concat(1, x)", "concat(relu(x), mean(x), -x)"};
    Trial *const t = arg;
    const int    map = random_int(0, 4), kv_heads = random_int(1, 2);
    const int    dim = map < 2 ? 129 + 64 * random_int(0, 1) : random_int(0, 1) ? 192 : 136;
    SpecFile     file;
    const char *text = ctx_printf(ctx,
                                  "return rattention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, window = %d, "
                                  "feature_map = function(x) return %s end, norm = false, qk_scale = %s, dtype = 'bf16' }",
                                  kv_heads * random_int(1, 2), kv_heads, dim, random_int(0, 1) ? 129 : random_int(2, 20), random_int(1, 20),
                                  MAPS[map], random_int(0, 1) ? "false" : "true");
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    t->spec = file.items[0].spec;
    return ST_OK;
}

/* Features of which some are the queries themselves, between others: main multiplies those by slices, these as they are. */
static Status draw_queries_between(Ctx *ctx, void *arg) {
    static const char *const MAPS[] = {"concat(relu(x), x, -x)", "concat(relu(x), relu(-x), x, -x)", "concat(x, relu(x), x, -x)"};
    Trial *const t = arg;
    const int    kv_heads = random_int(1, 2);
    SpecFile     file;
    const char *text = ctx_printf(ctx,
                                  "return rattention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, window = %d, "
                                  "feature_map = function(x) return %s end, norm = false, dtype = 'bf16' }",
                                  kv_heads * random_int(1, 2), kv_heads, random_int(0, 1) ? 40 : 80, 8 * random_int(17, 20), random_int(1, 20),
                                  MAPS[random_int(0, 2)]);
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    t->spec = file.items[0].spec;
    return ST_OK;
}

/* Maps that begin with a sum of what is loaded, as the sum of rings and new rows is one. */
static Status draw_sums(Ctx *ctx, void *arg) {
    return draw_with_map(ctx, arg, random_int(0, 1) ? 16 : random_int(2, 12), random_int(0, 1) ? "return relu(x + 1)" : "return tanh(x + x)");
}

/* Maps that are finite for no row of equal numbers. */
static Status draw_norm_maps(Ctx *ctx, void *arg) {
    return draw_with_map(ctx, arg, random_int(0, 1) ? 16 : random_int(6, 12),
                         random_int(0, 1) ? "local d = x - mean(x) return d / sqrt(mean(d * d))"
                                          : "local d = x - min(x) return concat(d / max(d), x)");
}

/* Maps that are not finite at zero, which rows that are not there would be, and features that are no multiple of head_dim. */
static Status draw_maps(Ctx *ctx, void *arg) {
    static const char *const MAPS[] = {"local b = concat(relu(x), relu(-x)) return b / sum(b)",
                                       "return x / sqrt(sum(x * x))",
                                       "local e = exp(x - max(x)) return concat(e / sum(e), abs(x) / (1 + sum(abs(x))), max(x))",
                                       "return concat(sigmoid(x), tanh(x), abs(x) / (1 + sum(abs(x))))"};
    Trial      *t = arg;
    SpecFile    file;
    const int   kv_heads = random_int(1, 2), map = random_int(0, 3);
    const char *text = ctx_printf(ctx,
                                  "return rattention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, "
                                  "window = %d, fold = %d, feature_map = function(x) %s end, norm = %s, qk_scale = %s, initial_state = '%s', dtype = 'fp32' }",
                                  kv_heads * random_int(1, 3), kv_heads, random_int(0, 1) ? 16 : random_int(2, 12),
                                  random_int(0, 1) ? 16 : random_int(2, 20),
                                  random_int(1, 20), t->kind == KIND_DECODE ? draw_fold(t) : 1, MAPS[map], random_int(0, 1) ? "false" : "{ kind = 'rms', eps = 1e-8 }",
                                  random_int(0, 1) ? "false" : "true", random_int(0, 1) ? "zero" : "input");
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    t->spec = file.items[0].spec;
    t->from_pass = t->kind == KIND_DECODE ? "step" : "saved";
    return ST_OK;
}

static Status draw_wide_gradients(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, true);
    while (t->spec.head_dim > 64 || t->spec.value_dim % 64 || t->spec.initial_state);
    return ST_OK;
}

/* What the products of warp groups can take. */
static Status draw_roles_gradients(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, random_int(0, 1));
    while (t->spec.head_dim % 16 || t->spec.head_dim > 64);
    t->spec.value_dim = 16 * random_int(1, 4);
    t->spec.dtype = t->spec.norm || random_int(0, 1) ? DT_F32 : DT_BF16;
    return ST_OK;
}

/* Whose states and features fill more memory than a block has, and whose sums all registers. */
static Status draw_wide_states(Ctx *ctx, void *arg) {
    static const char *const MAPS[] = {"softmax2", "softmax", "relu2"}, *const TURNS[] = {"false", "{ theta = 99, style = 'half' }"};
    static const char *const NORMS[] = {"false", "{ kind = 'rms', eps = 1e-8 }", "{ kind = 'rms', eps = 1e-8 }, qk_scale = true"};
    const int         dim = 32 * random_int(5, 8);
    SpecFile          file;
    const char *const text = ctx_printf(ctx,
        "return rattention { name = 'trial', heads = %d, kv_heads = 2, head_dim = %d, value_dim = %d, window = %d, "
        "feature_map = '%s', rope = %s, softcap = %s, sink = %s, norm = %s, dtype = 'bf16' }",
        2 * random_int(1, 2), dim, dim, random_int(0, 1) ? 64 : 40, MAPS[random_int(0, 2)], TURNS[random_int(0, 1)],
        random_int(0, 1) ? "20" : "false", random_int(0, 1) ? "true" : "false", NORMS[random_int(0, 2)]);
    TRY(spec_load_text(ctx, "trial.lua", text, strlen(text), &file));
    ((Trial *)arg)->spec = file.items[0].spec;
    return ST_OK;
}

static void run_drawn(KernelKind kind, int variants, Target target, Status (*draw)(Ctx *, void *)) {
    run_some(kind, variants, target, draw, CASES);
}

static void run_cases(KernelKind kind, int variants, Target target) { run_drawn(kind, variants, target, draw_spec); }

static const Target CPU = {.name = "test", .vector_registers = 32, .vector_bytes = 64};

static void test_cpu_forward(void **state) {
    (void)state;
    run_cases(KIND_FORWARD, VARIANT_PACKED | VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED, CPU);
}
static void test_cpu_extend(void **state) {
    (void)state;
    run_cases(KIND_EXTEND, VARIANT_PACKED | VARIANT_LSE, CPU);
}
static void test_cpu_decode(void **state) {
    (void)state;
    run_cases(KIND_DECODE, VARIANT_PACKED | VARIANT_LSE, CPU);
}
static void test_cpu_backward(void **state) {
    (void)state;
    run_cases(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED, CPU);
}
static void test_gradients_gpu(void **state) {
    (void)state;
    for (int memory = 32; memory <= 288; memory *= 3)
        run_cases(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED,
                  (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4});
}

/* Columns of a state are shared out to blocks. */
static void test_gradients_wide(void **state) {
    (void)state;
    run_some(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED,
             (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 2048 << 10, .processors = 4}, draw_wide_gradients, CASES / 2);
}

static void test_gradients_bf16(void **state) {
    (void)state;
    run_drawn(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 216 << 10, .processors = 4}, draw_bf16);
}

static void test_gradients_maps(void **state) {
    (void)state;
    run_drawn(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 216 << 10, .processors = 4}, draw_maps);
    run_drawn(KIND_BACKWARD, VARIANT_FINAL_STATE | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .registers = 65536, .shared_bytes = 512 << 10, .processors = 4},
              draw_maps);
}

static const Target GPU = {.name = "gpu", .warp_size = 32, .shared_bytes = 216 << 10, .processors = 4};

static void run_few(Status (*draw)(Ctx *, void *)) {
    enum { FEW = CASES / 4 };
    run_some(KIND_FORWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, CPU, draw, FEW);
    run_some(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, CPU, draw, FEW);
    run_some(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, GPU, draw, FEW);
}

static void test_maps_constant(void **state) {
    (void)state;
    run_few(draw_constant_features);
}

static void test_maps_numbers_first(void **state) {
    const Target step = {.name = "gpu", .warp_size = 32, .cluster = 8, .shared_bytes = 216 << 10, .processors = 4};
    (void)state;
    run_few(draw_numbers_first);
    run_some(KIND_DECODE, VARIANT_PACKED, step, draw_numbers_first, CASES / 2);
    run_some(KIND_EXTEND, VARIANT_PACKED, step, draw_numbers_first, CASES / 4);
}

static void test_maps_column_over(void **state) {
    const Target wide = {.name = "gpu", .warp_size = 32, .shared_bytes = 512 << 10, .processors = 4};
    (void)state;
    run_some(KIND_FORWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, wide, draw_column_over, CASES / 4);
    run_some(KIND_EXTEND, VARIANT_PACKED, wide, draw_column_over, CASES / 4);
    run_some(KIND_BACKWARD, VARIANT_PACKED, wide, draw_column_over, CASES / 4);
}

static void test_maps_queries_between(void **state) {
    const Target wide = {.name = "gpu", .warp_size = 32, .shared_bytes = 512 << 10, .processors = 4};
    (void)state;
    run_some(KIND_FORWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, wide, draw_queries_between, CASES / 4);
    run_some(KIND_EXTEND, VARIANT_PACKED, wide, draw_queries_between, CASES / 4);
}

static void test_maps_many_parts(void **state) {
    (void)state;
    run_some(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE, (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 512 << 10, .processors = 4},
             draw_many_parts, CASES / 4);
}

static void test_maps_sum(void **state) {
    enum { FEW = 12 };
    (void)state;
    run_some(KIND_DECODE, VARIANT_PACKED, CPU, draw_sums, FEW);
    run_some(KIND_EXTEND, VARIANT_PACKED, CPU, draw_sums, FEW);
}

static void test_maps_norm(void **state) {
    (void)state;
    run_few(draw_norm_maps);
}

/* Kernels of gradients whose warps have roles. */
static void test_gradients_sent(void **state) {
    (void)state;
    run_drawn(KIND_BACKWARD, VARIANT_PACKED | VARIANT_FINAL_STATE | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .registers = 65536, .shared_bytes = 512 << 10, .processors = 4},
              draw_roles_gradients);
}

/* Without a residual branch one kernel sums up all that keys get. */
static void test_gradients_attention(void **state) {
    (void)state;
    run_drawn(KIND_BACKWARD, VARIANT_PACKED | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 216 << 10, .processors = 4}, draw_attention);
}

/* Blocks with much shared memory fetch what the residual branch needs while the key loop runs, those with little behind it,
 * in groups. */
static void test_gpu_forward(void **state) {
    (void)state;
    for (int memory = 24; memory <= 216; memory *= 3)
        run_cases(KIND_FORWARD, VARIANT_PACKED | VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED,
                  (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4});
}

/* So little memory that what comes late comes in groups, the last one into the place of the queries. */
static void test_gpu_bf16(void **state) {
    (void)state;
    for (int memory = 12; memory <= 24; memory += 4)
        run_drawn(KIND_FORWARD, VARIANT_PACKED | VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED,
                  (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4}, draw_bf16);
}

/* Main has roles, the gradients' kernels, which have other tiles, none. */
static void test_gradients_roles(void **state) {
    (void)state;
    run_drawn(KIND_BACKWARD, VARIANT_FINAL_STATE | VARIANT_SAVED,
              (Target){.name = "gpu",
                       .warp_size = 32,
                       .product_warps = 4,
                       .registers = 65536,
                       .shared_bytes = 216 << 10,
                       .processors = 4},
              draw_gradients);
}

static void test_gradients_wide_states(void **state) {
    (void)state;
    const Target target = {.name = "gpu",
                           .warp_size = 32,
                           .product_warps = 4,
                           .registers = 65536,
                           .shared_bytes = 227 << 10,
                           .processors = 4};
    run_some(KIND_BACKWARD, VARIANT_SAVED, target, draw_wide_states, CASES / 4); /* these take longest */
    run_some(KIND_BACKWARD, VARIANT_FINAL_STATE | VARIANT_SAVED, target, draw_wide_states, (CASES + 3) / 7);
}

/* Without roles: sums by slices of columns, left sides in shared memory, more or fewer of them. */
static void test_gradients_wide_plain(void **state) {
    (void)state;
    for (int memory = 227; memory <= 454; memory *= 2)
        run_some(KIND_BACKWARD, VARIANT_FINAL_STATE | VARIANT_SAVED,
                 (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4}, draw_wide_states,
                 (CASES + 3) / 7);
}

static void test_gradients_roles_wide(void **state) {
    (void)state;
    const Target target = {.name = "gpu",
                           .warp_size = 32,
                           .product_warps = 4,
                           .registers = 65536,
                           .shared_bytes = 2048 << 10,
                           .processors = 4};
    run_some(KIND_BACKWARD, VARIANT_FINAL_STATE | VARIANT_SAVED, target, draw_wide_gradients, CASES / 2); /* each takes long */
}

static void test_roles_forward(void **state) {
    (void)state;
    for (int memory = 48; memory <= 192; memory *= 2)
        run_cases(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED,
                  (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = memory << 10, .processors = 4});
}

/* More columns than registers hold: what follows the key loop goes by slices. */
static void test_roles_wide(void **state) {
    (void)state;
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 512 << 10, .processors = 4};
    run_drawn(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED, target, draw_wide);
}

/* Queries that stay in shared memory have 16 bits there, whole ones of few columns as well. */
static void test_roles_wide_bf16(void **state) {
    (void)state;
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 512 << 10, .processors = 4};
    run_drawn(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED, target, draw_wide_bf16);
}

/* A role stores what is saved, through a slot of its own. */
static void test_roles_saved(void **state) {
    (void)state;
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 512 << 10, .processors = 4};
    run_some(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_SAVED, target, draw_panels, CASES / 2);
}

/* Nor have warps without roles more registers. */
static void test_gpu_wide(void **state) {
    (void)state;
    for (int memory = 96; memory <= 512; memory *= 4)
        run_drawn(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED,
                  (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4}, draw_wide_16_bits);
}

static void test_gpu_wide_extend(void **state) {
    (void)state;
    run_drawn(KIND_EXTEND, VARIANT_PACKED | VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 512 << 10, .processors = 4}, draw_wide_16_bits);
}

static void test_roles_initial(void **state) {
    (void)state;
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 512 << 10, .processors = 4};
    run_drawn(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS, target, draw_initial);
}

/* With tokens enough for keys that leave the window, and some that stay. */
static void test_roles_signals(void **state) {
    (void)state;
    run_drawn(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED,
              (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .registers = 65536, .shared_bytes = 512 << 10, .processors = 4},
              draw_signals);
}

/* Values so wide that blocks share the columns of a state. */
static Status draw_halves(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, true);
    while (t->spec.head_dim % 16 || t->spec.head_dim > 64 || t->spec.initial_state || spec_group(&t->spec) % 2);
    t->spec.value_dim = 128;
    t->spec.dtype = t->spec.norm ? DT_F32 : DT_BF16;
    t->spec.window = 64 * random_int(1, 2);
    t->tokens = 300;
    return ST_OK;
}

static void test_roles_halves(void **state) {
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .registers = 65536, .shared_bytes = 512 << 10, .processors = 4};
    (void)state;
    run_some(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE, target, draw_halves, CASES / 4);
    run_some(KIND_BACKWARD, VARIANT_FINAL_STATE, target, draw_halves, CASES / 4);
}

/* Blocks that wait for each other, and those whose last one to end merges. */
static void test_gpu_decode(void **state) {
    (void)state;
    for (int cluster = 0; cluster <= 8; cluster += 8)
        run_cases(KIND_DECODE, VARIANT_PACKED | VARIANT_LSE,
                  (Target){.name = "gpu", .warp_size = 32, .cluster = cluster, .shared_bytes = 216 << 10, .processors = 4});
}

/* Rows of q and leaving keys are read transposed from shared memory, as 16-bit numbers. */
static void test_gpu_decode_bf16(void **state) {
    (void)state;
    run_drawn(KIND_DECODE, VARIANT_PACKED | VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .cluster = 8, .shared_bytes = 216 << 10, .processors = 4}, draw_bf16);
}

/* Keys that are not there, before a sequence and behind its last one, reach no sum. */
static void test_gpu_decode_maps(void **state) {
    (void)state;
    run_drawn(KIND_DECODE, VARIANT_PACKED | VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .cluster = 8, .shared_bytes = 216 << 10, .processors = 4}, draw_maps);
}

/* More columns than registers hold: the slices of the state follow the keys. */
static void test_gpu_wide_decode(void **state) {
    (void)state;
    run_drawn(KIND_DECODE, VARIANT_PACKED | VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .cluster = 8, .shared_bytes = 512 << 10, .processors = 4}, draw_wide);
}

static void test_gpu_extend(void **state) {
    (void)state;
    for (int memory = 48; memory <= 192; memory *= 2)
        run_cases(KIND_EXTEND, VARIANT_PACKED | VARIANT_LSE,
                  (Target){.name = "gpu", .warp_size = 32, .shared_bytes = memory << 10, .processors = 4});
}

/* With roles every sequence has its own rows, those that are not there zeros. */
static void test_roles_extend(void **state) {
    (void)state;
    for (int memory = 96; memory <= 192; memory *= 2)
        run_cases(KIND_EXTEND, VARIANT_LSE,
                  (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = memory << 10, .processors = 4});
}

/* The pools hold initial states, too: main reads them, and what they get is added behind it. */
static void test_roles_extend_initial(void **state) {
    (void)state;
    const Target target = {.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 512 << 10, .processors = 4};
    run_drawn(KIND_EXTEND, VARIANT_LSE, target, draw_initial);
}

static void test_roles_whole_window(void **state) {
    (void)state;
    run_drawn(KIND_EXTEND, VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 216 << 10, .processors = 4},
              draw_whole_window);
}

/* Row tiles, and so tiles of keys that are taller, begin at any token before the first new one. */
static Status draw_fold_window(Ctx *ctx, void *arg) {
    TRY(draw_whole_window(ctx, arg));
    ((Trial *)arg)->spec.fold = 4 << random_int(0, 2);
    ((Trial *)arg)->tokens = 200;
    return ST_OK;
}

static void test_roles_fold(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, (Target){.name = "gpu", .warp_size = 32, .product_warps = 4, .shared_bytes = 216 << 10, .processors = 4},
             draw_fold_window, CASES / 2);
}

/* Without a window no part of the key loop has a left edge; the diagonal's tiles may reach beyond the sequence. */
static void test_gpu_attention(void **state) {
    (void)state;
    run_drawn(KIND_FORWARD, VARIANT_PACKED | VARIANT_LSE,
              (Target){.name = "gpu", .warp_size = 32, .shared_bytes = 216 << 10, .processors = 4}, draw_attention);
}

/* argv[1]: which tests, with * and ?; default: all. */
int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        DRAWS(test_cpu_forward, 1),
        DRAWS(test_cpu_extend, 2),
        DRAWS(test_cpu_decode, 3),
        DRAWS(test_cpu_backward, 15),
        DRAWS(test_gradients_gpu, 16),
        DRAWS(test_gradients_bf16, 17),
        DRAWS(test_gradients_attention, 18),
        DRAWS(test_gradients_maps, 24),
        DRAWS(test_maps_constant, 26),
        DRAWS(test_maps_norm, 27),
        DRAWS(test_maps_numbers_first, 33),
        DRAWS(test_maps_many_parts, 34),
        DRAWS(test_maps_column_over, 35),
        DRAWS(test_maps_queries_between, 36),
        DRAWS(test_maps_sum, 28),
        DRAWS(test_gradients_wide, 19),
        DRAWS(test_gradients_sent, 22),
        DRAWS(test_gradients_roles, 20),
        DRAWS(test_gradients_wide_states, 25),
        DRAWS(test_gradients_wide_plain, 32),
        DRAWS(test_gradients_roles_wide, 21),
        DRAWS(test_gpu_forward, 4),
        DRAWS(test_gpu_bf16, 5),
        DRAWS(test_gpu_attention, 6),
        DRAWS(test_gpu_decode, 7),
        DRAWS(test_gpu_decode_bf16, 8),
        DRAWS(test_gpu_wide_decode, 9),
        DRAWS(test_gpu_wide, 5),
        DRAWS(test_gpu_wide_extend, 6),
        DRAWS(test_gpu_decode_maps, 29),
        DRAWS(test_gpu_extend, 10),
        DRAWS(test_roles_forward, 11),
        DRAWS(test_roles_wide, 12),
        DRAWS(test_roles_wide_bf16, 13),
        DRAWS(test_roles_saved, 32),
        DRAWS(test_roles_initial, 26),
        DRAWS(test_roles_extend, 14),
        DRAWS(test_roles_extend_initial, 30),
        DRAWS(test_roles_fold, 31),
        DRAWS(test_roles_whole_window, 16),
        DRAWS(test_roles_signals, 23),
        DRAWS(test_roles_halves, 45),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
