/* A trial of the passes: a random spec, shape and schedule; the interpreter runs the module before the passes and after each of
 * them. Shared by test_passes.c and test_passes_packed.c. */
#ifndef RATTAN_TESTS_PASS_TRIAL_H
#define RATTAN_TESTS_PASS_TRIAL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"
#include "passes/segments.h"
#include "tests/knob_trial.h"

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 4 }; /* each takes three times as long */
#else
enum { CASES = 25 };
#endif
enum { KNOBS_EVERY = 3 }; /* one trial of so many checks what fields passes read, too */
enum { MAX_PARAMS = 32, MOST_SEQUENCES = 6 };

static uint64_t seed;

static uint64_t random_bits(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}
static int    random_int(int lo, int hi) { return lo + (int)(random_bits() % (uint64_t)(hi - lo + 1)); }
static double random_value(void) { return (double)(random_bits() >> 11) * 0x1p-52 - 1.0; }

typedef struct Trial {
    Ctx        *ctx;
    Spec        spec;
    KernelKind  kind;
    int         variant, ring_rows, tokens; /* tokens: of a sequence, at most; 0: not said */
    Schedule    schedule;
    Target      target;
    int64_t     syms[SYM_COUNT];
    int64_t     dims[MAX_PARAMS][4];
    void       *input[MAX_PARAMS], *data[MAX_PARAMS], *expected[MAX_PARAMS];
    int64_t     bytes[MAX_PARAMS], elements[MAX_PARAMS];
    CodeParam   params[MAX_PARAMS];
    int         param_count, failures;
    const char *failed_pass, *failed_param;
    double      worst;
    bool        strays; /* a sequence has no slot: it reads, and makes nothing of, what another one may write */
    bool        spoils; /* packed sequences, of lengths around those of tiles; the inputs of sequence `spoiled` are no numbers */
    int         spoiled, lengths[MOST_SEQUENCES];
    const char *text; /* of the module that was interpreted last, and how */
    bool        placed, awaited;
    KnobTrial   knobs;
    const char *undeclared; /* fields of the schedule that the pass that failed reads and does not declare; NULL: none */
    const char *from_pass; /* which sees to it that rows that are not there are numbers; NULL: they are */
} Trial;

static int64_t dim_of(const Trial *t, int64_t dim) {
    if (dim == DIM_N_PLUS_1)
        return t->syms[SYM_N] + 1;
    return dim < 0 ? t->syms[-dim - 1] : dim;
}

static void make_inputs(Trial *t, const Kernel *kernel) {
    t->param_count = kernel->param_count;
    for (int p = 0; p < t->param_count; p++) {
        t->params[p] = kernel->params[p];
        t->elements[p] = 1;
        for (int d = 0; d < 4; d++)
            t->elements[p] *= t->dims[p][d] = dim_of(t, kernel->params[p].dims[d]);
        t->bytes[p] = t->elements[p] * (int64_t)dtype_size(t->params[p].dtype);
        t->input[p] = ctx_alloc(t->ctx, (size_t)t->bytes[p]);
        t->data[p] = ctx_alloc(t->ctx, (size_t)t->bytes[p]);
        t->expected[p] = ctx_alloc(t->ctx, (size_t)t->bytes[p]);
        for (int64_t i = 0; i < t->elements[p]; i++)
            if (t->params[p].dtype != DT_I32)
                dtype_store(t->params[p].dtype, t->input[p], i, t->params[p].role == PARAM_OUT ? NAN : 1.5 * random_value());
    }
}

static int32_t *ints(Trial *t, const char *name) {
    for (int p = 0; p < t->param_count; p++)
        if (strcmp(t->params[p].name, name) == 0)
            return t->input[p];
    return NULL;
}

/* Is element i of a parameter of sequence `spoiled`? */
static bool is_spoiled(const Trial *t, int p, int64_t i) {
    const int64_t *const dims = t->params[p].dims;
    int64_t              first = 0, row = i / (t->dims[p][2] * t->dims[p][3]);
    for (int n = 0; n < t->spoiled; n++)
        first += t->lengths[n];
    if (dims[1] == DIM_SYM(SYM_T))
        return t->spoils && row >= first && row < first + t->lengths[t->spoiled];
    if (dims[0] == DIM_SYM(SYM_P)) /* see make_indices */
        return t->spoils && row / t->dims[p][1] == t->syms[SYM_N] - 1 - t->spoiled;
    return t->spoils && dims[0] == DIM_SYM(SYM_N) && row / t->dims[p][1] == t->spoiled;
}

static void spoil(Trial *t) {
    for (int p = 0; p < t->param_count && t->spoils; p++)
        for (int64_t i = 0; i < t->elements[p] && t->params[p].role != PARAM_OUT && t->params[p].dtype != DT_I32; i++)
            if (is_spoiled(t, p, i))
                dtype_store(t->params[p].dtype, t->input[p], i, NAN);
}

static void make_indices(Trial *t) {
    const int outside = !t->spoils && seed >> 44 & 1; /* half of them wrong, which must reach nothing outside */
    int32_t  *cu = ints(t, "cu_seqlens"), *slots = ints(t, "slots"), *pos = ints(t, "pos");
    const int N = (int)t->syms[SYM_N];
    for (int n = 0; n <= N && cu; n++)
        cu[n] = n == N      ? (int32_t)t->syms[SYM_T] + 100 * outside
                : n == 0    ? -2 * outside
                : t->spoils ? cu[n - 1] + t->lengths[n - 1]
                            : random_int(cu[n - 1], (int)t->syms[SYM_T]);
    spoil(t);
    for (int n = 0; n < N && slots; n++)
        slots[n] = N - 1 - n;
    t->strays = slots && N > 1;
    if (t->strays)
        slots[random_int(0, N - 1)] = outside ? N + 2 : -1;
    for (int n = 0; n < N && pos; n++)
        pos[n] = random_int(0, 3) == 0 ? 0 : random_int(0, 3 * (int)t->spec.window);
}

/* Verifies the module, too. Once pass await has run, whatever is not waited for is missing. */
static Status interpret(Trial *t, const Module *module, bool placed, bool awaited) {
    InterpBinding bindings[MAX_PARAMS];
    for (int p = 0; p < t->param_count; p++) {
        memcpy(t->data[p], t->input[p], (size_t)t->bytes[p]);
        bindings[p] = (InterpBinding){.name = t->params[p].name, .data = t->data[p]};
        memcpy(bindings[p].dims, t->dims[p], sizeof bindings[p].dims);
    }
    /* Blocks run in any order: here the last one first. */
    InterpArgs args = {.bindings = bindings,
                       .binding_count = t->param_count,
                       .placed = placed,
                       .awaited = awaited,
                       .apart = placed && !t->target.warp_size && !t->strays,
                       .reverse = t->target.warp_size > 0 || t->kind == KIND_BACKWARD};
    memcpy(args.syms, t->syms, sizeof args.syms);
    return ir_interpret(t->ctx, module, &args);
}

/* |x - y| / |y| over the elements that were written; infinity if one side wrote what the other did not. */
static double difference(const Trial *t, int p) {
    double square = 0, scale = 0;
    for (int64_t i = 0; i < t->elements[p]; i++) {
        const double x = dtype_load(t->params[p].dtype, t->data[p], i), y = dtype_load(t->params[p].dtype, t->expected[p], i);
        if ((isnan(x) && isnan(y)) || is_spoiled(t, p, i))
            continue;
        if (isnan(x) != isnan(y))
            return INFINITY;
        square += (x - y) * (x - y);
        scale += y * y;
    }
    return square == 0 ? 0 : sqrt(square / (scale > 0 ? scale : 1));
}

/* Working memory that passes have found to be needed by nobody holds nothing. */
static void compare(Trial *t, const Module *module, const char *pass) {
    for (int p = 0; p < t->param_count; p++) {
        if (t->params[p].role == PARAM_WORK && !ir_find_param(module->kernels[0], t->params[p].name))
            continue;
        const double error = difference(t, p);
        if (!(error <= (t->spec.dtype == DT_F32 ? 3e-6 : 0.05)) && !t->failed_pass) {
            t->failed_pass = pass;
            t->failed_param = t->params[p].name;
            t->worst = error;
        }
    }
}

static void keep_expected(Trial *t) {
    for (int p = 0; p < t->param_count; p++)
        memcpy(t->expected[p], t->data[p], (size_t)t->bytes[p]);
}

static void keep_module(Trial *t, const Module *module, const char *text) {
    t->knobs.text = text;
    t->knobs.facts = *module;
}

/* The pass that made the module, once more, on what it was made of. */
static void check_knobs(Trial *t, const PassInfo *pass, const Module *module, const char *text) {
    Text names = TEXT(t->ctx);
    find_undeclared(&t->knobs, pass, &names);
    if (names.length) {
        t->failed_pass = pass->name;
        t->undeclared = text_str(&names);
    }
    keep_module(t, module, text);
}

/* Whether the interpreter has run this text in this way already: it would give the same. */
static bool is_known(Trial *t, const char *text, bool placed, bool awaited) {
    const bool known = t->text && t->placed == placed && t->awaited == awaited && strcmp(t->text, text) == 0;
    t->text = text;
    t->placed = placed;
    t->awaited = awaited;
    return known;
}

static void after_pass(void *arg, const PassInfo *pass, Module *module, double seconds) {
    Trial            *t = arg;
    const char *const text = ir_text(t->ctx, module);
    (void)seconds;
    if (!t->failed_pass && t->knobs.text)
        check_knobs(t, pass, module, text);
    const bool placed = strcmp(pass->name, "place") == 0 || strcmp(pass->name, "grid") == 0;
    const bool awaited = t->target.product_warps && (placed || strcmp(pass->name, "await") == 0);
    if (t->from_pass && strcmp(t->from_pass, pass->name) == 0)
        t->from_pass = NULL;
    if (t->failed_pass)
        return;
    const Status status = is_known(t, text, placed, awaited) ? ST_OK : interpret(t, module, placed, awaited);
    if (status == ST_OK && t->kind == KIND_BACKWARD && strcmp(pass->name, "differentiate") == 0)
        keep_expected(t); /* from here on the gradients are meant */
    else if (status == ST_OK && !t->from_pass)
        compare(t, module, pass->name);
    else if (status != ST_OK)
        t->failed_pass = pass->name;
}

/* From bits that are there: shapes and schedules are drawn as without it. */
static int draw_fold(const Trial *t) {
    const int bits = (int)(seed >> 40);
    return bits & 1 ? 2 << (bits >> 1) % (t->kind == KIND_DECODE ? 6 : 4) : 1;
}

static void random_spec(Trial *t, bool wide) {
    static const char *const MAPS[] = {"softmax2", "relu2", "softmax", "relu", "elu1", "exp", "identity", "squared_relu"};
    static const char *const ROPES[] = {"", "", ", rope = { theta = 10000, style = 'half' }",
                                        ", rope = { theta = 500, style = 'interleaved' }"};
    const int  kv_heads = random_int(1, 2), group = random_int(1, 4);
    const int  D = wide ? 16 * random_int(1, 16) : random_int(0, 3) ? 2 * random_int(1, 12) : 16 << random_int(0, 1);
    const bool norm = random_int(0, 3);
    const int  E = wide ? 16 * random_int(D > 128 ? 1 : 9, 16)
                        : random_int(0, 5) ? random_int(norm ? 2 : 1, 20) : 32; /* the norm of one number is its sign, and jumps at 0 */
    const char *text = ctx_printf(
        t->ctx,
        "return rattention { name = 'trial', heads = %d, kv_heads = %d, head_dim = %d, value_dim = %d, window = %d, "
        "fold = %d, feature_map = '%s', sink = %s, qk_scale = %s, initial_state = '%s', norm = %s, dtype = 'fp32'%s%s }",
        kv_heads * group, kv_heads, D, E, random_int(0, 4) ? random_int(1, 40) : 1,
        draw_fold(t), MAPS[random_int(0, 7)], random_int(0, 2) ? "false" : "true", random_int(0, 2) ? "false" : "true",
        random_int(0, 2) ? "zero" : "input", norm ? "{ kind = 'rms', eps = 1e-8 }" : "false",
        random_int(0, 2) ? "" : ", softcap = 3", ROPES[random_int(0, 3)]);
    SpecFile file;
    if (spec_load_text(t->ctx, "trial.lua", text, strlen(text), &file) == ST_OK)
        t->spec = file.items[0].spec;
}

/* Returns the tokens of all sequences together. */
static int random_lengths(Trial *t, int count) {
    static const int LENGTHS[] = {0, 1, 63, 64, 65, 70, 128, 150};
    int              sum = 0;
    t->spoiled = random_int(0, count - 1);
    for (int n = 0; n < count; n++)
        sum += t->lengths[n] = LENGTHS[random_int(0, 7)];
    return sum;
}

static void random_shape(Trial *t) {
    const bool packed = t->variant & VARIANT_PACKED;
    const int  some = random_int(0, 9) ? random_int(1, t->tokens ? t->tokens : 90) : 0;
    const int  B = t->spoils ? random_int(2, MOST_SEQUENCES) : random_int(1, 3), T = t->spoils ? random_lengths(t, B) : some;
    t->syms[SYM_B] = packed ? 1 : B;
    t->syms[SYM_N] = B;
    t->syms[SYM_T] = T;
    t->syms[SYM_P] = B;
    t->syms[SYM_POS] = random_int(0, 1000);
    t->syms[SYM_H] = t->spec.kv_heads;
    t->syms[SYM_G] = t->spec.heads;
    t->syms[SYM_M] = t->syms[SYM_B] * T / (t->schedule.chunk * t->schedule.states_every) + t->syms[SYM_N];
    const int64_t whole = t->schedule.chunk * t->schedule.states_every;
    int64_t       L = whole * random_int(1, 4);
    if (t->kind == KIND_BACKWARD && !t->target.warp_size)
        L = (t->schedule.segment + whole - 1) / whole * whole + (L / whole - 1) / 2 * whole;
    const bool cut = t->kind == KIND_FORWARD ? random_int(0, 1) : t->kind == KIND_BACKWARD && seed >> 50 & 1;
    t->syms[SYM_L] = cut ? L : (T / whole + 1) * whole;
    t->syms[SYM_S] = T == 0 ? 1 : (T + t->syms[SYM_L] - 1) / t->syms[SYM_L];
    t->syms[SYM_K] = t->syms[SYM_S] - 1;
    const int lead = t->kind == KIND_EXTEND ? spec_fold(&t->spec) - 1 : 0;
    if (lead)
        t->syms[SYM_L] = ((T + lead) / t->schedule.chunk + 1) * t->schedule.chunk;
    t->syms[SYM_R] = (T + lead + t->schedule.chunk - 1) / t->schedule.chunk;
    t->syms[SYM_C] = t->syms[SYM_B] * T / t->schedule.chunk + (lead ? 2 : 1) * t->syms[SYM_N];
    if (t->kind == KIND_DECODE)
        t->syms[SYM_S] = random_int(1, 4);
    t->syms[SYM_A] = t->syms[SYM_B] * T + t->syms[SYM_N] * (t->spec.window + lead);
    t->syms[SYM_O] = T + t->spec.window + lead;
    t->syms[SYM_J] = (T + t->spec.window + lead + t->schedule.chunk - 1) / t->schedule.chunk;
    t->syms[SYM_Z] = t->syms[SYM_C] * t->syms[SYM_S];
}

static void random_schedule(Trial *t) {
    static const int CHUNKS[] = {1, 4, 8, 16, 32, 48};
    const bool       gpu = t->target.warp_size > 0;
    schedule_default(&t->spec, t->kind, &t->target, &t->schedule);
    t->schedule.chunk = CHUNKS[gpu ? random_int(3, 5) : random_int(0, 4)];
    if (gpu && t->kind == KIND_DECODE)
        t->schedule.chunk = random_int(2, spec_fold(&t->spec) > 1 ? spec_fold(&t->spec) : 16);
    if (t->kind != KIND_DECODE && t->schedule.chunk % spec_fold(&t->spec) != 0)
        t->schedule.chunk = spec_fold(&t->spec);
    t->schedule.stages = gpu ? random_int(1, 4) : 0;
    t->schedule.key_tile = gpu ? CHUNKS[random_int(3, 5)] : t->schedule.chunk > 4 && random_int(0, 1) ? t->schedule.chunk / 2 : CHUNKS[random_int(1, 4)];
    t->schedule.slices = gpu ? random_int(1, 2) : 1;
    t->schedule.fuse_phi = t->schedule.stages != 3;
    t->schedule.feature_groups = random_int(1, 2);
    t->schedule.delay = gpu ? random_int(0, 1) : 0;
    t->schedule.ring = random_int(0, 3) != 0;
    if (t->target.product_warps) {
        t->schedule.roles = 1;
        t->schedule.chunk = random_int(0, 1) ? 64 : t->schedule.chunk; /* whose features can have a role of their own */
        t->schedule.segment = t->schedule.chunk == 64 ? 0 : t->schedule.segment;
        t->schedule.beside = t->kind == KIND_EXTEND || (t->kind == KIND_FORWARD && !t->schedule.segment) ? random_int(0, 3) : 0;
        t->schedule.key_tile = random_int(0, 2) ? t->schedule.chunk : t->schedule.key_tile;
        t->schedule.warps = 4;
        if (t->kind == KIND_BACKWARD) {
            t->schedule.roles = 1;
            t->schedule.gradient_key_tile = CHUNKS[random_int(3, 5)];
            t->schedule.gradient_heads = random_int(0, 1);
            t->schedule.gradient_blocks = random_int(0, 2);
            t->schedule.gradient_roles = t->spec.head_dim % 16 == 0 && t->spec.value_dim % 16 == 0;
        }
    }
    if (t->target.product_warps && t->kind != KIND_BACKWARD && t->spec.window % 64 == 0) {
        t->schedule.chunk = 64;
        t->schedule.key_tile = 64 * random_int(1, 2);
    }
    if (t->kind == KIND_BACKWARD && !gpu)
        t->schedule.segment = (int)segments_least(&t->spec, &t->schedule);
    const bool wide = t->spec.head_dim > 128 || t->spec.value_dim > 128;
    if (t->schedule.roles && (t->kind == KIND_FORWARD || (t->schedule.gradient_roles && !wide)))
        t->schedule.states_every = random_int(0, 1) ? random_int(2, 4) : 1;
    if ((!t->spec.initial_state || (t->kind != KIND_BACKWARD && t->schedule.roles)) && random_int(0, 1))
        t->schedule.group_heads = gpu && t->kind == KIND_DECODE ? random_int(1, spec_group(&t->spec)) : spec_group(&t->spec);
}

static void describe_failure(Trial *t, int number) {
    Text text = TEXT(t->ctx);
    char message[1800];
    spec_print(&text, &t->spec);
    schedule_print(&text, &t->schedule);
    ctx_describe(t->ctx, message, sizeof message);
    if (t->undeclared)
        fail_msg("case %d: pass %s reads what its row does not declare:%s\nkind %d\n%s", number, t->failed_pass, t->undeclared,
                 (int)t->kind, text_str(&text));
    fail_msg("case %d, after pass %s: %s differs by %g; %s\nkind %d variant %d B %d N %d T %d L %d\n%s", number,
             t->failed_pass ? t->failed_pass : "(none)", t->failed_param ? t->failed_param : "?", t->worst, message, (int)t->kind,
             t->variant, (int)t->syms[SYM_B], (int)t->syms[SYM_N], (int)t->syms[SYM_T], (int)t->syms[SYM_L], text_str(&text));
}

static Status run_trial(Ctx *ctx, void *arg) {
    Trial  *t = arg;
    Module *module;
    Schedule plain = t->schedule; /* roles want sizes and dtypes that the interpreter does not care for */
    plain.roles = plain.gradient_roles = 0;
    plain.states_every = 1; /* which want roles */
    plain.group_heads = t->spec.initial_state ? 1 : plain.group_heads;
    plain.warps = 0;
    TRY(schedule_check(ctx, &t->spec, t->kind, &t->target, &plain));
    TRY(kind_build(ctx, &t->spec, t->kind, t->variant, t->ring_rows, &module));
    TRY(ir_verify(ctx, module));
    random_shape(t);
    make_inputs(t, module->kernels[0]);
    make_indices(t);
    TRY(interpret(t, module, false, false));
    t->text = ir_text(ctx, module);
    keep_expected(t);
    const PassArgs args = {&t->spec, t->kind, &t->target, &t->schedule, NULL};
    t->knobs = (KnobTrial){.args = &args, .draw = (unsigned)t->syms[SYM_T] + 1};
    if (t->syms[SYM_T] % KNOBS_EVERY == 0)
        keep_module(t, module, t->text);
    TRY(passes_run(ctx, module, &args, after_pass, t));
    return t->failed_pass ? ST_MISMATCH : ST_OK;
}

static Status draw_spec(Ctx *ctx, void *arg) {
    (void)ctx;
    random_spec(arg, false);
    return ST_OK;
}

static Status draw_wide(Ctx *ctx, void *arg) {
    (void)ctx;
    random_spec(arg, true);
    return ST_OK;
}

/* Windows of whole row tiles, as most real layers have them: see passes/saved_gather.c. */
static Status draw_whole_window(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, false);
    while (t->spec.initial_state || spec_fold(&t->spec) > 1 || t->spec.head_dim % 16 || t->spec.rope_theta > 0);
    t->spec.value_dim = 16 * random_int(1, 4);
    t->spec.window = 64 * random_int(1, 2);
    return ST_OK;
}

/* States of query heads, which a kernel before main stores in 16 bits. */
static Status draw_initial(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, random_int(0, 1));
    while (!t->spec.initial_state || ((t->spec.head_dim > 128 || t->spec.value_dim > 128) && spec_group(&t->spec) % 2));
    t->spec.dtype = DT_BF16;
    t->spec.norm = false;
    return ST_OK;
}

/* Turned keys that are signalled tile by tile: see passes/saved_roles.c. */
static Status draw_signals(Ctx *ctx, void *arg) {
    Trial *t = arg;
    (void)ctx;
    do
        random_spec(t, true);
    while (t->spec.head_dim <= 64 || t->spec.head_dim > 128 || t->spec.rope_theta <= 0 || t->spec.initial_state || spec_group(&t->spec) % 2);
    t->spec.value_dim = 16 * random_int(1, 8);
    t->spec.window = 64 * random_int(1, 2);
    t->tokens = 200;
    return ST_OK;
}

static void run_some(KernelKind kind, int variants, Target target, Status (*draw)(Ctx *, void *), int cases) {
    int refused = 0; /* too much shared memory: drawn anew, at most every second one */
    for (int c = 0; c < cases + refused && refused <= cases; c++) {
        Ctx   ctx;
        Trial t = {.ctx = &ctx, .kind = kind, .target = target};
        ctx_init(&ctx);
        assert_int_equal(ctx_run(&ctx, draw, &t), ST_OK);
        assert_true(t.spec.heads > 0);
        t.variant = ((int)random_bits() & variants) | (t.spoils ? VARIANT_PACKED : 0);
        t.variant &= t.variant & VARIANT_SAVED ? ~VARIANT_PARTS : ~0; /* of another type */
        t.ring_rows = (int)spec_ring_rows(&t.spec) + random_int(0, 3);
        random_schedule(&t);
        const Status status = ctx_run(&ctx, run_trial, &t);
        refused += status == ST_USAGE;
        if (status != ST_OK && status != ST_USAGE)
            describe_failure(&t, c);
        ctx_free(&ctx);
    }
    assert_in_range(refused, 0, target.warp_size ? cases : 0);
}

/* Each test draws by itself, whichever run beside it. */
static int draw_anew(void **state) {
    seed = 88172645463325252u ^ (uint64_t)(uintptr_t)*state * 0x9e3779b97f4a7c15u;
    return 0;
}

#define DRAWS(test, number) {#test, test, draw_anew, NULL, (void *)(uintptr_t)(number)}

#endif
