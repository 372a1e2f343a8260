/* link: rattan_ptx rattan_base */
/* NVRTC: cubins for every architecture without a GPU, errors with a remedy, what ptxas says. What needs the library is
 * skipped where it is missing. */
#include "codegen/ptx/nvrtc.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>


static const char SOURCE[] = "extern \"C\" __global__ void scale(float *data, float factor, long long n) {\n"
                             "    __shared__ float line[256];\n"
                             "    long long i = blockIdx.x * 256LL + threadIdx.x;\n"
                             "    line[threadIdx.x] = i < n ? data[i] : 0.f;\n"
                             "    __syncthreads();\n"
                             "    if (i < n) data[i] = factor * line[threadIdx.x ^ 1];\n"
                             "}\n";

static void require_nvrtc(void) {
    Ctx         ctx;
    const char *text;
    ctx_init(&ctx);
    const Status status = nvrtc_describe(&ctx, &text);
    if (status != ST_OK) {
        assert_int_equal(status, ST_NO_DEVICE);
        assert_non_null(strstr(ctx.remedy, "RATTAN_NVRTC"));
    }
    ctx_free(&ctx);
    if (status != ST_OK) {
        print_message("skipped: NVRTC is not on this machine\n");
        skip();
    }
}

typedef struct Run {
    const char *source, *arch;
    NvrtcResult result;
} Run;

static Status run_inside(Ctx *ctx, void *arg) {
    Run *run = arg;
    return nvrtc_compile(ctx, "test.cu", run->source, run->arch, &run->result);
}

static void compiles_for_every_architecture(void **state) {
    static const char *const ARCHS[] = {"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100a", "sm_103a", "sm_120a"};
    (void)state;
    require_nvrtc();
    for (size_t a = 0; a < sizeof ARCHS / sizeof *ARCHS; a++) {
        Ctx            ctx;
        Run            run = {.source = SOURCE, .arch = ARCHS[a]};
        NvrtcResources resources;
        ctx_init(&ctx);
        assert_int_equal(ctx_run(&ctx, run_inside, &run), ST_OK);
        assert_true(run.result.cubin_size > 500);
        assert_memory_equal(run.result.cubin,
                            "\x7f"
                            "ELF",
                            4);
        assert_non_null(strstr(run.result.ptx, ".entry scale"));
        assert_non_null(strstr(run.result.ptx, ARCHS[a]));
        assert_true(nvrtc_resources(run.result.log, "scale", &resources));
        assert_in_range(resources.registers, 4, 64);
        assert_int_equal(resources.spill_stores, 0);
        assert_in_range(resources.shared_bytes, 1024, 2048);
        assert_false(nvrtc_resources(run.result.log, "scal", &resources));
        ctx_free(&ctx);
    }
}

static void expect_failure(const char *source, const char *arch, Status status, const char *message) {
    Ctx ctx;
    Run run = {.source = source, .arch = arch};
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, run_inside, &run), status);
    if (!strstr(ctx.message, message))
        fail_msg("'%s' says nothing of '%s'", ctx.message, message);
    assert_null(strchr(ctx.message, '\n'));
    assert_true(*ctx.remedy);
    ctx_free(&ctx);
}

static void errors_name_the_line_or_the_architecture(void **state) {
    (void)state;
    require_nvrtc();
    expect_failure("extern \"C\" __global__ void f() {\n  undefined_name = 1;\n}\n", "sm_80", ST_FAILED,
                   "test.cu(2): error");
    expect_failure(SOURCE, "sm_999", ST_NO_DEVICE, "does not know it");
}

typedef struct RunAll {
    const NvrtcSource *sources;
    const char        *memo;
    NvrtcResult        results[3];
} RunAll;

static Status run_all_inside(Ctx *ctx, void *arg) {
    RunAll *run = arg;
    return nvrtc_compile_all(ctx, run->sources, 3, "sm_80", run->memo, run->results);
}

static void several_are_compiled_at_once(void **state) {
    static const NvrtcSource GOOD[] = {{"a.cu", "extern \"C\" __global__ void a(int *p) { *p = 1; }\n", NULL},
                                       {"b.cu", SOURCE, NULL},
                                       {"c.cu", "extern \"C\" __global__ void c(int *p) { *p = 3; }\n", NULL}};
    static const NvrtcSource BAD[] = {{"a.cu", "extern \"C\" __global__ void a(int *p) { *p = 1; }\n", NULL},
                                      {"b.cu", "int b = nothing;\n", NULL},
                                      {"c.cu", "nor = this;\n", NULL}};
    NvrtcResources           resources;
    Ctx                      ctx;
    RunAll                   run = {.sources = GOOD};
    (void)state;
    require_nvrtc();
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, run_all_inside, &run), ST_OK);
    assert_true(nvrtc_resources(run.results[0].log, "a", &resources));
    assert_true(nvrtc_resources(run.results[1].log, "scale", &resources));
    assert_true(nvrtc_resources(run.results[2].log, "c", &resources));
    assert_false(nvrtc_resources(run.results[2].log, "a", &resources));
    run.sources = BAD;
    assert_int_equal(ctx_run(&ctx, run_all_inside, &run), ST_FAILED);
    assert_non_null(strstr(ctx.message, "b.cu(1): error"));
    ctx_free(&ctx);
}

/* The first form holds 96 numbers over a barrier, where 64 registers are all there are; the second one number. */
static const char TWO_FORMS[] =
    "#ifdef SPARING\n"
    "enum { COUNT = 1 };\n"
    "#else\n"
    "enum { COUNT = 96 };\n"
    "#endif\n"
    "extern \"C\" __global__ void __launch_bounds__(1024, 1) sums(float *data) {\n"
    "    float x[COUNT];\n"
    "    for (int i = 0; i < COUNT; i++) x[i] = data[i * 1024 + threadIdx.x];\n"
    "    __syncthreads();\n"
    "    for (int i = 0; i < COUNT; i++) data[i * 1024 + (threadIdx.x ^ 1)] = x[i];\n"
    "}\n";

typedef struct RunForms {
    NvrtcSource source;
    NvrtcResult result;
} RunForms;

static Status run_forms_inside(Ctx *ctx, void *arg) {
    RunForms *run = arg;
    return nvrtc_compile_all(ctx, &run->source, 1, "sm_80", NULL, &run->result);
}

static void what_spills_is_tried_in_other_forms(void **state) {
    static const struct {
        const char *forms[4];
        bool        spills;
    } CASES[] = {{{NULL}, true}, {{"SPARING"}, false}, {{"UNKNOWN"}, true}, {{"UNKNOWN", "SPARING", "LAST"}, false}};
    (void)state;
    require_nvrtc();
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        NvrtcResources resources;
        Ctx            ctx;
        RunForms       run = {.source = {"sums.cu", TWO_FORMS, CASES[c].forms}};
        ctx_init(&ctx);
        assert_int_equal(ctx_run(&ctx, run_forms_inside, &run), ST_OK);
        assert_true(nvrtc_resources(run.result.log, "sums", &resources));
        assert_int_equal(resources.spill_stores > 0, CASES[c].spills);
        ctx_free(&ctx);
    }
}

static void remove_folder(const char *name) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", name);
    assert_int_equal(system(command), 0);
}

/* What was made of a source serves another one that differs in what does not count, and gives the same. */
static void results_are_shared_in_a_folder(void **state) {
    static const NvrtcSource FIRST[] = {{"a.cu", "// of one schedule\nextern \"C\" __global__ void a(int *p) { *p = 1; }\n", NULL},
                                        {"b.cu", SOURCE, NULL},
                                        {"c.cu", "#line 7\nextern \"C\" __global__ void c(int *p) { *p = 3; }\n", NULL}};
    static const NvrtcSource SECOND[] = {{"a.cu", "// of another one\nextern \"C\" __global__ void a(int *p) { *p = 1; }\n", NULL},
                                         {"b.cu", SOURCE, NULL},
                                         {"c.cu", "#line 9\nextern \"C\" __global__ void c(int *p) { *p = 3; }\n", NULL}};
    static const NvrtcSource OTHER[] = {{"a.cu", "extern \"C\" __global__ void a(int *p) { *p = 2; }\n", NULL},
                                        {"b.cu", SOURCE, NULL},
                                        {"c.cu", "extern \"C\" __global__ void c(int *p) { *p = 4; }\n", NULL}};
    char   folder[] = "/tmp/rattan-memo-XXXXXX";
    Ctx    ctx;
    RunAll first = {.sources = FIRST, .memo = folder}, second = {.sources = SECOND, .memo = folder},
           other = {.sources = OTHER, .memo = folder}, nowhere = {.sources = FIRST, .memo = "/nowhere/at/all"};
    (void)state;
    require_nvrtc();
    assert_non_null(mkdtemp(folder));
    ctx_init(&ctx);
    const clock_t start = clock(); /* of this process's work, whatever else the machine does */
    assert_int_equal(ctx_run(&ctx, run_all_inside, &first), ST_OK);
    const clock_t middle = clock();
    assert_int_equal(ctx_run(&ctx, run_all_inside, &second), ST_OK);
    assert_true(2 * (clock() - middle) < middle - start);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(first.results[i].cubin_size, second.results[i].cubin_size);
        assert_memory_equal(first.results[i].cubin, second.results[i].cubin, first.results[i].cubin_size);
        assert_string_equal(first.results[i].ptx, second.results[i].ptx);
        assert_string_equal(first.results[i].log, second.results[i].log);
    }
    assert_int_equal(ctx_run(&ctx, run_all_inside, &other), ST_OK);
    assert_string_not_equal(first.results[0].ptx, other.results[0].ptx);
    assert_int_equal(ctx_run(&ctx, run_all_inside, &nowhere), ST_OK);
    assert_int_equal(first.results[0].cubin_size, nowhere.results[0].cubin_size);
    ctx_free(&ctx);
    remove_folder(folder);
}

static void a_missing_library_is_a_clear_error(void **state) {
    char *old = getenv("RATTAN_NVRTC"), *kept = old ? strdup(old) : NULL;
    Ctx   ctx;
    (void)state;
    setenv("RATTAN_NVRTC", "nowhere/libnvrtc.so", 1);
    expect_failure(SOURCE, "sm_80", ST_NO_DEVICE, "nowhere/libnvrtc.so");
    ctx_init(&ctx);
    assert_string_equal(nvrtc_version(&ctx), "no NVRTC");
    assert_int_equal(ctx.status, ST_OK);
    ctx_free(&ctx);
    if (kept)
        setenv("RATTAN_NVRTC", kept, 1);
    else
        unsetenv("RATTAN_NVRTC");
    free(kept);
}

static void the_log_is_read_kernel_by_kernel(void **state) {
    static const char LOG[] =
        "ptxas info    : (C7519) warpgroup.arrive is injected in around line 66 by compiler in function 'two'\n"
        "ptxas info    : (C7519) warpgroup.arrive is injected in around line 70 by compiler in function 'twofold'\n"
        "ptxas info    : (C7511) Potential Performance Loss: wgmma.mma_async instructions are serialized in the function "
        "'two'\n"
        "ptxas info    : 0 bytes gmem\n"
        "ptxas info    : Compiling entry function 'one' for 'sm_90a'\n"
        "ptxas info    : Function properties for one\n"
        "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
        "ptxas info    : Used 168 registers, used 2 barriers, 16 bytes cumulative stack size, 1040 bytes smem\n"
        "ptxas info    : Compiling entry function 'two' for 'sm_90a'\n"
        "ptxas info    : Function properties for two\n"
        "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
        "ptxas info    : Used 24 registers, used 0 barriers, 640 bytes cmem[0]\n";
    NvrtcResources one, two, three;
    (void)state;
    assert_true(nvrtc_resources(LOG, "one", &one));
    assert_true(nvrtc_resources(LOG, "two", &two));
    assert_false(nvrtc_resources(LOG, "three", &three));
    assert_int_equal(one.registers, 168);
    assert_int_equal(one.stack, 16);
    assert_int_equal(one.spill_stores, 8);
    assert_int_equal(one.spill_loads, 12);
    assert_int_equal(one.shared_bytes, 1040);
    assert_int_equal(two.registers, 24);
    assert_int_equal(two.spill_loads, 0);
    assert_int_equal(two.shared_bytes, 0);
    assert_int_equal(two.constant_bytes, 640);
    assert_int_equal(one.product_remarks, 0);
    assert_int_equal(two.product_remarks, 2);
    assert_int_equal(two.product_code, 7511);
}

typedef struct Batch {
    int                count;
    const char *const *forms;
    NvrtcResult        results[3];
} Batch;

static Status run_batch(Ctx *ctx, void *arg) {
    Batch            *batch = arg;
    const NvrtcSource sources[3] = {{"one.cu", SOURCE, batch->forms}, {"two.cu", SOURCE, NULL}, {"three.cu", SOURCE, NULL}};
    return nvrtc_compile_all(ctx, sources, batch->count, "sm_90", NULL, batch->results);
}

/* Each call of the compiler's fails in turn. -> how often that was told. */
static int let_calls_fail(void *library, int sources, const char *const *forms) {
    int *calls = dlsym(library, "fake_nvrtc_calls"), *programs = dlsym(library, "fake_nvrtc_programs"),
        *fail_at = dlsym(library, "fake_nvrtc_fail_at"), told = 0;
    for (int at = 0, count = 0; at <= count; at++) {
        Ctx   ctx;
        Batch batch = {.count = sources, .forms = forms};
        ctx_init(&ctx);
        *calls = 0;
        *fail_at = at;
        const Status status = ctx_run(&ctx, run_batch, &batch);
        count = at ? count : *calls;
        if (status != ST_OK && (status != ST_FAILED || !strstr(ctx.message, "words for it")))
            fail_msg("call %d: status %d, '%s: %s'", at, (int)status, ctx.place, ctx.message);
        if (status == ST_OK)
            for (int r = 0; r < sources; r++)
                assert_string_equal(batch.results[r].ptx, "ptx");
        if (at == 0) /* the form that spills less, else the first */
            assert_int_equal(strncmp(batch.results[0].log, "0 bytes", 7) == 0, forms && forms[1]);
        told += status != ST_OK;
        assert_int_equal(*programs, 0);
        ctx_free(&ctx);
    }
    *fail_at = 0;
    return told;
}

/* Any call of the compiler's may fail: that is told, unless it could be done without, and its programs go. */
static void failures_are_told(void **state) {
    enum { TOLD = 8 }; /* of a source: a program's making, compiling, and two calls for each of three results */
    char        given[4096] = "";
    const char *before = getenv("RATTAN_NVRTC");
    (void)state;
    if (before)
        snprintf(given, sizeof given, "%s", before);
    assert_int_equal(setenv("RATTAN_NVRTC", FAKE_NVRTC, 1), 0);
    void *library = dlopen(FAKE_NVRTC, RTLD_NOW);
    assert_non_null(library);
    assert_int_equal(let_calls_fail(library, 3, NULL), 3 * TOLD);
    assert_int_equal(let_calls_fail(library, 1, (const char *const[]){"OTHER", "SPARING", NULL}), TOLD);
    assert_int_equal(let_calls_fail(library, 1, (const char *const[]){"OTHER", NULL}), TOLD);
    assert_int_equal(before ? setenv("RATTAN_NVRTC", given, 1) : unsetenv("RATTAN_NVRTC"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles_for_every_architecture),
        cmocka_unit_test(errors_name_the_line_or_the_architecture),
        cmocka_unit_test(several_are_compiled_at_once),
        cmocka_unit_test(what_spills_is_tried_in_other_forms),
        cmocka_unit_test(results_are_shared_in_a_folder),
        cmocka_unit_test(a_missing_library_is_a_clear_error),
        cmocka_unit_test(the_log_is_read_kernel_by_kernel),
        cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
