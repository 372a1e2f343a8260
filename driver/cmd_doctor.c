/* rattan doctor: what works here, what is missing and how to get it. Things that are optional never make it fail. */
#include "codegen/llvm/llvm_codegen.h"
#include "base/clock.h"
#include "codegen/ptx/nvrtc.h"
#include "driver/cli.h"
#include "driver/cuda_ceilings.h"
#include "driver/machine.h"
#include "driver/session.h"
#include "driver/targets.h"
#include "driver/terminal.h"
#include "frontend/frontend.h"
#include "passes/search_space.h"
#include "runtime/cache.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum Health { HEALTH_OK, HEALTH_ABSENT, HEALTH_BROKEN } Health; /* absent: optional and not there */

typedef struct Examination {
    Ctx    *ctx;
    json_t *json; /* NULL: text */
    int     broken;
} Examination;

static void finding(Examination *examination, const char *what, Health health, const char *detail, const char *remedy) {
    static const char *const WORDS[] = {"ok", "absent", "BROKEN"};
    static const Colour      COLOURS[] = {COLOUR_GOOD, COLOUR_DIM, COLOUR_BAD};
    examination->broken += health == HEALTH_BROKEN;
    if (examination->json) {
        json_array_append_new(examination->json,
                              json_pack("{s:s, s:s, s:s, s:s}", "what", what, "state", WORDS[health], "detail", detail,
                                        "remedy", health == HEALTH_OK ? "" : remedy));
        return;
    }
    printf("%-17s %s%-7s%s %s%s%s\n", what, colour_on(stdout, COLOURS[health]), WORDS[health], colour_off(stdout),
           detail, health == HEALTH_OK ? "" : ": ", health == HEALTH_OK ? "" : remedy);
}

static void examine_processor(Examination *examination) {
    Ctx        *ctx = examination->ctx;
    const char *model = machine_processor(ctx);
    Target      target;
    if (llvm_find_target(ctx, "host", &target) != ST_OK) {
        finding(examination, "processor", HEALTH_BROKEN, ctx->message, ctx->remedy);
        ctx_clear(ctx);
        return;
    }
    finding(examination, "processor", HEALTH_OK,
            ctx_printf(ctx, "%s; target %s, %d-byte vectors, L2 %lld KiB", model ? model : "unnamed", target.cpu,
                       target.vector_bytes, (long long)target.l2_bytes / 1024),
            "");
}

static void examine_threads(Examination *examination) {
    Pool       *pool;
    const char *variable = getenv("RATTAN_NUM_THREADS");
    if (pool_create(examination->ctx, 0, &pool) != ST_OK) {
        finding(examination, "threads", HEALTH_BROKEN, examination->ctx->message, examination->ctx->remedy);
        ctx_clear(examination->ctx);
        return;
    }
    if (variable && atoi(variable) != pool_threads(pool))
        finding(examination, "threads", HEALTH_BROKEN,
                ctx_printf(examination->ctx, "%d: RATTAN_NUM_THREADS is '%.20s'", pool_threads(pool), variable),
                "let it be a whole number from 1 to 1024, or leave it unset");
    else
        finding(examination, "threads", HEALTH_OK,
                ctx_printf(examination->ctx, "%d%s", pool_threads(pool), variable ? " (RATTAN_NUM_THREADS)" : ""), "");
    pool_destroy(pool);
}

static const char SAMPLE[] = "return rattention { name = \"doctor\", heads = 1, head_dim = 16, window = 4 }";

/* Lua and its sandbox by reading a spec, LLVM by compiling it. */
static void examine_compiler(Examination *examination) {
    Ctx     *ctx = examination->ctx;
    SpecFile file;
    Target   target;
    Compiled compiled = {0};
    if (spec_load_text(ctx, "doctor", SAMPLE, strlen(SAMPLE), &file) != ST_OK) {
        finding(examination, "Lua", HEALTH_BROKEN, ctx->message, ctx->remedy[0] ? ctx->remedy : "install liblua5.4");
        ctx_clear(ctx);
        return;
    }
    finding(examination, "Lua", HEALTH_OK, "specs are read in a child process", "");
    CompileRequest request = {
        .spec = &file.items[0].spec, .kind = KIND_FORWARD, .target = &target, .emit = EMIT_OBJECT};
    if (llvm_find_target(ctx, "host", &target) != ST_OK || compile_kernel(ctx, &request, &compiled) != ST_OK) {
        finding(examination, "LLVM", HEALTH_BROKEN, ctx->message, ctx->remedy[0] ? ctx->remedy : "run scripts/setup");
        ctx_clear(ctx);
        return;
    }
    finding(examination, "LLVM", HEALTH_OK,
            ctx_printf(ctx, "%s; a small kernel took %.0f ms", llvm_version(), 1e3 * compiled.seconds), "");
    code_object_free(compiled.object);
}

static void examine_cache(Examination *examination) {
    Cache    *cache;
    CacheInfo info;
    if (cache_open(examination->ctx, NULL, 0, &cache) != ST_OK) {
        finding(examination, "cache", HEALTH_BROKEN, examination->ctx->message, examination->ctx->remedy);
        ctx_clear(examination->ctx);
        return;
    }
    cache_try(cache);
    cache_info(cache, &info);
    cache_close(cache);
    const bool usable = *info.folder && !*info.warning;
    finding(examination, "cache", usable ? HEALTH_OK : HEALTH_ABSENT,
            usable ? ctx_printf(examination->ctx, "%s, %lld entries", info.folder, (long long)info.entries)
                   : *info.warning ? ctx_strdup(examination->ctx, info.warning) : "memory only",
            "set RATTAN_CACHE_DIR to a folder of your own");
}

typedef struct Tunings {
    int    records, other_spaces; /* other_spaces: of them, those that no kernel gets */
    Status status;
} Tunings;

static Tunings count_tunings(Ctx *ctx, const char *path) {
    Tunings         tunings = {0};
    TuningDb       *db = NULL;
    TuningRecords   records = {0};
    const TuningKey all = {0};
    tunings.status = tuning_db_read(ctx, path, &db);
    if (tunings.status == ST_OK && db)
        tunings.status = tuning_db_find(ctx, db, &all, &records);
    tuning_db_close(db);
    tunings.records = records.count;
    for (int r = 0; r < records.count; r++)
        tunings.other_spaces += records.items[r].key.space != SEARCH_SPACE_VERSION;
    return tunings;
}

/* One database; `absent`: what it says where there is nothing in it. */
static void examine_database(Examination *examination, const char *path, const char *absent) {
    Ctx          *ctx = examination->ctx;
    const Tunings found = count_tunings(ctx, path);
    const char   *ignored =
        found.other_spaces ? ctx_printf(ctx, ", %d of other search spaces are ignored", found.other_spaces) : "";
    if (found.status != ST_OK)
        finding(examination, "tunings", HEALTH_BROKEN, ctx->message, ctx->remedy);
    else if (found.records)
        finding(examination, "tunings", HEALTH_OK, ctx_printf(ctx, "%s, %d records%s", path, found.records, ignored), "");
    else if (absent)
        finding(examination, "tunings", HEALTH_ABSENT, absent, "'rattan tune' finds faster schedules");
    ctx_clear(ctx);
}

static void examine_tunings(Examination *examination) {
    TuningPaths systems;
    examine_database(examination, tuning_db_path(examination->ctx), "none of this user's");
    tuning_db_system_paths(examination->ctx, &systems);
    for (int s = 0; s < systems.count; s++)
        examine_database(examination, systems.items[s], NULL);
}

static bool on_path(Ctx *ctx, const char *program) {
    const char *path = getenv("PATH");
    char       *folders = ctx_strdup(ctx, path ? path : ""), *rest = NULL;
    for (char *folder = strtok_r(folders, ":", &rest); folder; folder = strtok_r(NULL, ":", &rest))
        if (access(ctx_printf(ctx, "%s/%s", folder, program), X_OK) == 0)
            return true;
    return false;
}

static void examine_programs(Examination *examination) {
    Ctx       *ctx = examination->ctx;
    const bool qemu = on_path(ctx, "qemu-aarch64-static") || on_path(ctx, "qemu-aarch64");
    finding(examination, "qemu", qemu ? HEALTH_OK : HEALTH_ABSENT,
            qemu ? "aarch64 kernels can be tried" : "aarch64 kernels cannot be tried", "install qemu-user-static");
    const int  answer = on_path(ctx, "python3") ? system("python3 -c 'import importlib.util as u, sys; "
                                                          "sys.exit(u.find_spec(\"torch\") is None)' >/dev/null 2>&1")
                                                : -1;
    const bool torch = answer != -1 && WIFEXITED(answer) && WEXITSTATUS(answer) == 0;
    finding(examination, "PyTorch", torch ? HEALTH_OK : HEALTH_ABSENT,
            torch ? "present" : "no comparison in 'make demo'", "pip install torch");
}

/* On the path, or in the toolkit. */
static bool in_toolkit(Ctx *ctx, const char *program) {
    const char *home = getenv("CUDA_HOME");
    return on_path(ctx, program) ||
           access(ctx_printf(ctx, "%s/bin/%s", home && *home ? home : "/usr/local/cuda", program), X_OK) == 0;
}

static void examine_tool(Examination *examination, const char *program, const char *without) {
    const bool found = in_toolkit(examination->ctx, program);
    finding(examination, program, found ? HEALTH_OK : HEALTH_ABSENT, found ? "present" : without,
            "install the CUDA toolkit, and set CUDA_HOME if it is elsewhere than in /usr/local/cuda");
}

/* "1755 MHz, 1980 MHz, 120.50 W, 41": what the clocks are at this moment; NULL where nvidia-smi is missing, which numbers
 * devices in its own way. */
static const char *clocks_now(Ctx *ctx, const CudaFacts *facts) {
    char  line[256] = "";
    FILE *pipe =
        on_path(ctx, "nvidia-smi")
            ? popen(ctx_printf(ctx,
                               "nvidia-smi -i %s --query-gpu=clocks.sm,clocks.max.sm,power.draw,temperature.gpu "
                               "--format=csv,noheader 2>/dev/null",
                               *facts->bus_id ? facts->bus_id : ctx_printf(ctx, "%d", facts->index)),
                    "r")
            : NULL;
    if (!pipe)
        return NULL;
    if (!fgets(line, sizeof line, pipe))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return pclose(pipe) == 0 && *line ? ctx_strdup(ctx, line) : NULL;
}

static const char EMPTY_KERNEL[] = "extern \"C\" __global__ void nothing() {}\n";

static Status launch_nothing(Ctx *ctx, const CudaDriver *driver, CuModule module) {
    CuFunction function;
    TRY(cuda_check(ctx, driver, driver->module_function(&function, module, "nothing"), "an empty kernel", "cuModuleGetFunction"));
    TRY(cuda_check(ctx, driver, driver->launch(function, 1, 1, 1, 32, 1, 1, 0, NULL, (void *[]){NULL}, NULL), "an empty kernel",
                   "cuLaunchKernel"));
    return cuda_check(ctx, driver, driver->stream_wait(NULL), "an empty kernel", "cuStreamSynchronize");
}

static Status load_nothing(Ctx *ctx, const CudaDriver *driver, const NvrtcResult *result, CuModule *module) {
    int loaded = driver->module_load(module, result->cubin, 0, NULL, NULL);
    if (loaded == CU_RESULT_NO_BINARY) /* a newer chip than the target */
        loaded = driver->module_load(module, result->ptx, 0, NULL, NULL);
    return cuda_check(ctx, driver, loaded, "an empty kernel", "cuModuleLoadData");
}

/* An empty kernel for the device, all the way. */
static Status run_nothing(Ctx *ctx, const CudaDevice *device, const Target *target) {
    NvrtcResult result;
    CuModule    module = NULL;
    bool        pushed;
    TRY(nvrtc_compile(ctx, "doctor.cu", EMPTY_KERNEL, target->cpu, &result));
    TRY(cuda_enter(ctx, device, &pushed));
    Status status = load_nothing(ctx, &device->driver, &result, &module);
    if (status == ST_OK) {
        status = launch_nothing(ctx, &device->driver, module);
        device->driver.module_unload(module);
    }
    cuda_leave(device, pushed);
    return status;
}

static Status try_device(Examination *examination, const char *what, const CudaDevice *device) {
    Ctx             *ctx = examination->ctx;
    const CudaFacts *facts = &device->facts;
    const char      *clocks = clocks_now(ctx, facts);
    const bool       compiles = nvrtc_is_here();
    Target           target;
    TRY(target_of_device(ctx, device, &target));
    if (compiles)
        TRY(run_nothing(ctx, device, &target));
    finding(examination, what, HEALTH_OK,
            ctx_printf(ctx, "%s, target %s, %d multiprocessors, %.1f GB, L2 %lld MiB, driver for CUDA %d.%d%s%s%s", facts->name,
                       target.name, facts->multiprocessors, 1e-9 * (double)facts->memory_bytes, (long long)facts->l2_bytes >> 20,
                       facts->driver_version / 1000, facts->driver_version % 1000 / 10,
                       compiles ? "; an empty kernel ran" : "", clocks ? "; clock, its maximum, power, temperature: " : "",
                       clocks ? clocks : ""),
            "");
    return ST_OK;
}

static void examine_device(Examination *examination, int index) {
    Ctx        *ctx = examination->ctx;
    CudaDevice *device = NULL;
    const char *what = ctx_printf(ctx, "GPU %d", index);
    Status      status = cuda_device_open(ctx, index, &device);
    if (status == ST_OK)
        status = try_device(examination, what, device);
    cuda_device_close(device);
    if (status != ST_OK)
        finding(examination, what, HEALTH_BROKEN, ctx->message, ctx->remedy);
    ctx_clear(ctx);
}

static void examine_driver(Examination *examination) {
    Ctx       *ctx = examination->ctx;
    CudaDriver driver;
    if (cuda_driver_open(ctx, &driver) != ST_OK) {
        finding(examination, "CUDA driver", HEALTH_ABSENT, ctx->message, ctx->remedy);
        ctx_clear(ctx);
        return;
    }
    const int count = cuda_device_count();
    finding(examination, "CUDA driver", HEALTH_OK, ctx_printf(ctx, "%d device%s", count, count == 1 ? "" : "s"), "");
    for (int d = 0; d < count; d++)
        examine_device(examination, d);
}

/* By compiling: that needs a second library beside it. */
static void examine_nvrtc(Examination *examination) {
    Ctx         *ctx = examination->ctx;
    NvrtcResult  result;
    const char  *text;
    const double start = seconds_now();
    if (nvrtc_describe(ctx, &text) != ST_OK) {
        finding(examination, "NVRTC", HEALTH_ABSENT, ctx->message, ctx->remedy);
    } else if (nvrtc_compile(ctx, "doctor.cu", EMPTY_KERNEL, "sm_80", &result) != ST_OK) {
        finding(examination, "NVRTC", HEALTH_BROKEN, ctx->message, ctx->remedy[0] ? ctx->remedy : "install CUDA again");
    } else {
        finding(examination, "NVRTC", HEALTH_OK,
                ctx_printf(ctx, "%s; an empty kernel took %.0f ms", text, 1e3 * (seconds_now() - start)), "");
    }
    ctx_clear(ctx);
}

static void examine_cuda(Examination *examination) {
    const bool blas = cuda_open_blas(examination->ctx) != NULL;
    examine_driver(examination);
    examine_nvrtc(examination);
    finding(examination, "cuBLAS", blas ? HEALTH_OK : HEALTH_ABSENT, blas ? "present" : "not found",
            "without it a GPU's bench has no matrix product to compare with");
    examine_tool(examination, "nvdisasm", "no --emit sass");
    examine_tool(examination, "compute-sanitizer", "kernels cannot be searched for accesses outside of tensors");
}

Status cmd_doctor(Ctx *ctx, const Cli *cli) {
    TRY(cli_no_operands(ctx, cli));
    Examination examination = {.ctx = ctx, .json = cli_has(cli, OPTION_JSON) ? json_array() : NULL};
    finding(&examination, "rattan", HEALTH_OK, RATTAN_VERSION, "");
    examine_processor(&examination);
    examine_threads(&examination);
    examine_compiler(&examination);
    examine_cache(&examination);
    examine_tunings(&examination);
    examine_programs(&examination);
    examine_cuda(&examination);
    if (examination.json) {
        json_dumpf(examination.json, stdout, JSON_INDENT(2));
        puts("");
        json_decref(examination.json);
    }
    return examination.broken ? ctx_fail(ctx, ST_FAILED, "rattan doctor", "see the lines marked BROKEN",
                                         examination.broken == 1 ? "%d thing does not work" : "%d things do not work", examination.broken)
                              : ST_OK;
}
