/* rattan bench: a kernel's time beside the machine's ceilings, measured in turns with it. */
#include "driver/bench_case.h"
#include "base/clock.h"
#include "driver/ceilings.h"
#include "driver/cli.h"
#include "driver/cuda_report.h"
#include "driver/compile_times.h"
#include "driver/dense.h"
#include "driver/report.h"
#include "driver/terminal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 2, LEAST_REPS = 5, MOST_REPS = 200 };

static const double BUDGET_SECONDS = 2;

typedef struct Bench {
    Session        *session;
    const char     *path;
    const SpecItem *item;
    KernelKind      kind;
    const Shape    *shape;
    int64_t         reps, seed;
    json_t         *json; /* array */
    BenchCase       test;
    ReadBuffer      buffer;
    double         *seconds, *fma, *read; /* of each repetition */
    double          first_call, dense;    /* seconds; 0: not measured */
    int64_t         work_bytes;
    CompileTimes    compile;
    CudaTimes       gpu; /* instead of the five above */
} Bench;

static Status launch_once(Ctx *ctx, Bench *bench, const ReadyKernel *kernel, const Tensor *arguments, double *seconds) {
    const double start = seconds_now();
    TRY(executable_launch(ctx, kernel->executable, bench->session->pool, arguments, 0));
    *seconds = seconds_now() - start;
    return ST_OK;
}

/* How many repetitions fit the budget, each with its turn of the ceilings. */
static int64_t choose_reps(const Bench *bench, double kernel_seconds, double ceiling_seconds) {
    const double fit = BUDGET_SECONDS / (kernel_seconds + ceiling_seconds);
    if (bench->reps)
        return bench->reps;
    return fit < LEAST_REPS ? LEAST_REPS : fit > MOST_REPS ? MOST_REPS : (int64_t)fit;
}

static void measure_ceilings(Bench *bench, double *fma, double *read) {
    *fma = ceiling_fma(bench->session->pool);
    *read = ceiling_read(bench->session->pool, &bench->buffer);
}

static Status repeat(Ctx *ctx, Bench *bench, const ReadyKernel *kernel, const Tensor *arguments) {
    Progress progress;
    double   warm = 0, ignored;
    TRY(launch_once(ctx, bench, kernel, arguments, &bench->first_call));
    for (int i = 0; i < WARM_UP; i++)
        TRY(launch_once(ctx, bench, kernel, arguments, &warm));
    const double start = seconds_now();
    measure_ceilings(bench, &ignored, &ignored);
    bench->reps = choose_reps(bench, warm, seconds_now() - start);
    bench->seconds = NEW_ARRAY(ctx, double, bench->reps);
    bench->fma = NEW_ARRAY(ctx, double, bench->reps);
    bench->read = NEW_ARRAY(ctx, double, bench->reps);
    progress_start(&progress, bench->item->spec.name);
    for (int64_t i = 0; i < bench->reps; i++) {
        TRY(launch_once(ctx, bench, kernel, arguments, &bench->seconds[i]));
        measure_ceilings(bench, &bench->fma[i], &bench->read[i]); /* reading also empties the caches for the next */
        progress_step(&progress, i + 1, bench->reps);
    }
    progress_end(&progress);
    return ST_OK;
}

static Status run_dense(Ctx *ctx, Bench *bench) {
    const Tensor *o = tensors_find(&bench->test.tensors, "o");
    if (!cli_has(bench->session->cli, OPTION_DENSE))
        return ST_OK;
    return dense_run(ctx, &bench->item->spec, &bench->test.tensors, bench->session->pool,
                     NEW_ARRAY(ctx, float, tensor_elements(o)), &bench->dense);
}

static Status time_kernel(Ctx *ctx, Bench *bench, const ReadyKernel *kernel) {
    Random  random = {(uint64_t)bench->seed};
    Tensor *arguments;
    bench_case_fill(ctx, kernel, &random, &bench->test);
    TRY(kernel_arguments(ctx, kernel, &bench->test.tensors, &arguments));
    if (kernel->cuda)
        return cuda_bench(ctx, kernel, arguments, bench->reps, &bench->gpu);
    TRY(executable_prepare(ctx, kernel->executable, bench->session->pool, arguments));
    TRY(executable_memory(ctx, kernel->executable, bench->session->pool, arguments, &bench->work_bytes));
    read_buffer_new(ctx, &bench->buffer);
    TRY(repeat(ctx, bench, kernel, arguments));
    return run_dense(ctx, bench);
}

static const char *with_parts(const Bench *bench) {
    const char *parts = cli_value(bench->session->cli, OPTION_WITH);
    return parts ? parts : "";
}

/* What was timed. */
static json_t *case_json(const Bench *bench, const ReadyKernel *kernel, int64_t reps) {
    const CodeObject *object = kernel->object;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:I}", "spec", object->name, "label", bench->item->label,
                     "kind", kind_name(bench->kind), "with", with_parts(bench), "target", object->target, "dtype",
                     dtype_name(bench->item->spec.dtype), "shape", bench_case_shape_json(&bench->test),
                     "schedule", object->schedule, "reps", (json_int_t)reps);
}

static json_t *gpu_json(Bench *bench, const ReadyKernel *kernel) {
    json_t *json = case_json(bench, kernel, bench->gpu.reps);
    cuda_report_json(json, &bench->gpu, &bench->test, kernel->cuda);
    return json;
}

static json_t *cpu_json(Bench *bench, const ReadyKernel *kernel) {
    const double fma = bench_median(bench->fma, bench->reps), read = bench_median(bench->read, bench->reps);
    const double seconds = bench_median(bench->seconds, bench->reps), rate = bench->test.useful_flops / seconds;
    json_t      *json = case_json(bench, kernel, bench->reps);
    json_object_set_new(json, "threads", json_integer(pool_threads(bench->session->pool)));
    json_object_update_new(json, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "ms_median", 1e3 * seconds, "ms_min",
                                           1e3 * bench->seconds[0], "ms_max", 1e3 * bench->seconds[bench->reps - 1],
                                           "useful_flops", bench->test.useful_flops, "bytes", bench->test.bytes,
                                           "share_of_fma_peak", rate / fma, "share_of_read_bandwidth",
                                           bench->test.bytes / seconds / read));
    json_object_update_new(json, json_pack("{s:f, s:f, s:f, s:f, s:I}", "flops_per_second", rate, "fma_peak", fma,
                                           "read_bandwidth", read, "ms_first_call", 1e3 * bench->first_call,
                                           "work_bytes", (json_int_t)bench->work_bytes));
    if (bench->dense > 0)
        json_object_update_new(json, json_pack("{s:f, s:f}", "ms_dense", 1e3 * bench->dense, "speedup_over_dense",
                                               bench->dense / seconds));
    return json;
}

static double get(const json_t *json, const char *key) { return json_number_value(json_object_get(json, key)); }

static void print_case(Ctx *ctx, const Bench *bench, const json_t *json) {
    char       *shape = json_dumps(json_object_get(json, "shape"), JSON_COMPACT);
    const char *device = json_string_value(json_object_get(json, "device"));
    printf("%s%s%s  %s%s%s %s %s, %s, target %s\n", colour_on(stdout, COLOUR_STRONG), item_title(ctx, bench->item),
           colour_off(stdout), kind_name(bench->kind), *with_parts(bench) ? " with " : "", with_parts(bench), shape, dtype_name(bench->item->spec.dtype),
           device ? device : ctx_printf(ctx, "%d threads", pool_threads(bench->session->pool)),
           bench->session->target.name);
    free(shape);
}

static void print_cpu(const Bench *bench, const json_t *json) {
    printf("  time       %.3f ms median, %.3f to %.3f ms in %lld runs\n", get(json, "ms_median"), get(json, "ms_min"),
           get(json, "ms_max"), (long long)bench->reps);
    printf("  compute    %.1f useful GFLOP/s, %.0f %% of the %.1f that FMAs on registers reached\n",
           1e-9 * get(json, "flops_per_second"), 100 * get(json, "share_of_fma_peak"), 1e-9 * get(json, "fma_peak"));
    printf("  memory     %.2f GB/s needed, %.0f %% of the %.1f that reading reached; %.1f MB of working memory\n",
           1e-6 * get(json, "bytes") / get(json, "ms_median"), 100 * get(json, "share_of_read_bandwidth"),
           1e-9 * get(json, "read_bandwidth"), 1e-6 * (double)bench->work_bytes);
    if (bench->dense > 0)
        printf("  dense      %.0f ms: the kernel is %.1f times as fast\n", get(json, "ms_dense"),
               get(json, "speedup_over_dense"));
}

static void print_result(Ctx *ctx, const Bench *bench, const ReadyKernel *kernel, const json_t *json) {
    print_case(ctx, bench, json);
    if (kernel->cuda)
        cuda_report_print(json);
    else
        print_cpu(bench, json);
    if (json_object_get(json, "ms_compile_cold"))
        printf("  compile    %.1f ms cold, %.2f ms from the disk cache, %.1f us from memory\n",
               get(json, "ms_compile_cold"), get(json, "ms_compile_disk"), 1e3 * get(json, "ms_compile_memory"));
}

static void report(Ctx *ctx, Bench *bench, const ReadyKernel *kernel) {
    json_t *json = kernel->cuda ? gpu_json(bench, kernel) : cpu_json(bench, kernel);
    if (cli_has(bench->session->cli, OPTION_COMPILE_TIMES))
        json_object_update_new(json,
                               json_pack("{s:f, s:f, s:f}", "ms_compile_cold", 1e3 * bench->compile.cold, "ms_compile_disk",
                                         1e3 * bench->compile.disk, "ms_compile_memory", 1e3 * bench->compile.memory));
    if (!cli_has(bench->session->cli, OPTION_JSON))
        print_result(ctx, bench, kernel, json);
    json_array_append_new(bench->json, json);
}

static Status bench_item(Ctx *ctx, void *arg) {
    Bench      *bench = arg;
    const Spec *spec = &bench->item->spec;
    ReadyKernel kernel;
    const int   variant = session_variant(bench->session, bench->kind, bench->shape->length_count ? VARIANT_PACKED : 0);
    if (cli_has(bench->session->cli, OPTION_DENSE))
        TRY(dense_check(ctx, spec, (variant & VARIANT_PACKED) != 0));
    TRY(bench_case_plan(ctx, spec, bench->kind, bench->shape, &bench->test));
    bench->session->bucket = shape_bucket(&bench->test.shape);
    TRY(session_kernel(ctx, bench->session, spec, bench->kind, variant, bench->test.shape.ring, &kernel));
    bench_case_add_parts(kernel.object, &bench->test);
    Status status = ST_OK;
    /* Before there are tensors: a spec is read in a child process, and forking slows with the memory of its parent. */
    if (cli_has(bench->session->cli, OPTION_COMPILE_TIMES))
        status = compile_times(ctx, bench->session, bench->path, bench->item, bench->kind, bench->test.shape.ring, &bench->compile);
    if (status == ST_OK)
        status = time_kernel(ctx, bench, &kernel);
    if (status == ST_OK)
        report(ctx, bench, &kernel);
    kernel_free(&kernel);
    return status;
}

static Status run_bench(Ctx *ctx, const Cli *cli, Session *session, const char *path, json_t *list) {
    KernelKind kind = KIND_FORWARD;
    Shape      shape;
    int64_t    reps, seed;
    TRY(shape_parse(ctx, cli_value(cli, OPTION_SHAPE), &shape));
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &kind));
    if (kind != KIND_FORWARD && cli_has(cli, OPTION_DENSE))
        return ctx_fail(ctx, ST_USAGE, "--dense", "leave it out", "the dense evaluation is for forward alone");
    if (target_is_cuda(&session->target) && cli_has(cli, OPTION_DENSE))
        return ctx_fail(ctx, ST_USAGE, "--dense", "leave it out", "the dense evaluation runs on CPUs alone");
    if (session->with_parts && cli_has(cli, OPTION_COMPILE_TIMES))
        return ctx_fail(ctx, ST_USAGE, "--compile-times", "leave out one of the two", "--with is not for it");
    TRY(session_check_parts(ctx, session, kind, &shape));
    TRY(cli_integer(ctx, cli, OPTION_REPS, 1, 1000000, 0, &reps));
    TRY(cli_integer(ctx, cli, OPTION_SEED, 0, INT64_MAX, 1, &seed));
    TRY(session_load_file(ctx, session, path));
    TRY(session_pool(ctx, session));
    for (int i = session->first; i < session->last; i++) {
        Bench bench = {.session = session,
                       .path = path,
                       .item = &session->specs.items[i],
                       .kind = kind,
                       .shape = &shape,
                       .reps = reps,
                       .seed = seed,
                       .json = list};
        TRY(with_own_memory(ctx, bench_item, &bench));
    }
    if (cli_has(cli, OPTION_JSON))
        json_print(list);
    return ST_OK;
}

Status cmd_bench(Ctx *ctx, const Cli *cli) {
    const char *path;
    Session     session;
    json_t     *list = json_array();
    Status      status = cli_one_operand(ctx, cli, "SPEC", &path);
    if (status == ST_OK) {
        status = session_open(ctx, cli, &session);
        if (status == ST_OK)
            status = run_bench(ctx, cli, &session, path, list);
        session_close(&session);
    }
    json_decref(list);
    return status;
}
