/* NVRTC by dlopen: see nvrtc.h. The few prototypes used are declared here: they have been the same since CUDA 11.2, and
 * no header of the toolkit is wanted to build. */
#include "codegen/ptx/nvrtc.h"

#include "codegen/ptx/nvrtc_memo.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct NvrtcProgram_ *NvrtcProgram;

typedef struct Nvrtc {
    const char *(*error_text)(int result);
    int (*version)(int *major, int *minor);
    int (*create)(NvrtcProgram *program, const char *source, const char *name, int headers, const char *const *sources,
                  const char *const *names);
    int (*destroy)(NvrtcProgram *program);
    int (*compile)(NvrtcProgram program, int count, const char *const *options);
    int (*log_size)(NvrtcProgram program, size_t *size);
    int (*log)(NvrtcProgram program, char *log);
    int (*ptx_size)(NvrtcProgram program, size_t *size);
    int (*ptx)(NvrtcProgram program, char *ptx);
    int (*cubin_size)(NvrtcProgram program, size_t *size);
    int (*cubin)(NvrtcProgram program, char *cubin);
    int (*arch_count)(int *count);
    int (*archs)(int *list);
    const char *path; /* of the library, as found */
} Nvrtc;

static const char *const REMEDY =
    "install CUDA 12 or newer, or `pip install nvidia-cuda-nvrtc` and set RATTAN_NVRTC to its folder";

/* ---- The library --------------------------------------------------------------------------------------------------
 */
/* NODELETE: closing and opening again costs nothing, and so no handle has to be kept anywhere. */
static void *open_library(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); }

static const char *const NAMES[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

static void *open_in(Ctx *ctx, const char *folder) {
    void *library = NULL;
    for (int n = 0; n < NAME_COUNT && !library; n++)
        library = open_library(*folder ? ctx_printf(ctx, "%s/%s", folder, NAMES[n]) : NAMES[n]);
    return library;
}

static bool is_folder(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static void *find_library(Ctx *ctx) {
    static const char *const HOMES[] = {"CUDA_HOME", "CUDA_PATH"};
    const char              *given = getenv("RATTAN_NVRTC");
    if (given && *given)
        return is_folder(given) ? open_in(ctx, given) : open_library(given);
    void *library = open_in(ctx, "");
    for (int h = 0; h < 2 && !library; h++)
        if (getenv(HOMES[h]))
            library = open_in(ctx, ctx_printf(ctx, "%s/lib64", getenv(HOMES[h])));
    return library ? library : open_in(ctx, "/usr/local/cuda/lib64");
}

static bool find_functions(void *library, Nvrtc *nvrtc) {
    const struct {
        const char *name;
        void       *place;
    } functions[] = {
        {"nvrtcGetErrorString", &nvrtc->error_text},
        {"nvrtcVersion", &nvrtc->version},
        {"nvrtcCreateProgram", &nvrtc->create},
        {"nvrtcDestroyProgram", &nvrtc->destroy},
        {"nvrtcCompileProgram", &nvrtc->compile},
        {"nvrtcGetProgramLogSize", &nvrtc->log_size},
        {"nvrtcGetProgramLog", &nvrtc->log},
        {"nvrtcGetPTXSize", &nvrtc->ptx_size},
        {"nvrtcGetPTX", &nvrtc->ptx},
        {"nvrtcGetCUBINSize", &nvrtc->cubin_size},
        {"nvrtcGetCUBIN", &nvrtc->cubin},
        {"nvrtcGetNumSupportedArchs", &nvrtc->arch_count},
        {"nvrtcGetSupportedArchs", &nvrtc->archs},
    };
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        void *address = dlsym(library, functions[f].name);
        if (!address)
            return false;
        memcpy(functions[f].place, &address, sizeof address);
    }
    return true;
}

/* NVRTC opens a second library by its bare name when it compiles. A wheel's folder is on no path: open it from there.
 */
static void open_builtins(Ctx *ctx, const Nvrtc *nvrtc) {
    const char *slash = strrchr(nvrtc->path, '/');
    int         major = 0, minor = 0;
    if (!slash || nvrtc->version(&major, &minor) != 0)
        return;
    void *library = open_library(
        ctx_printf(ctx, "%.*s/libnvrtc-builtins.so.%d.%d", (int)(slash - nvrtc->path), nvrtc->path, major, minor));
    if (library)
        dlclose(library);
}

static Status open_nvrtc(Ctx *ctx, Nvrtc *nvrtc) {
    const char *given = getenv("RATTAN_NVRTC");
    void       *library = find_library(ctx);
    Dl_info     info;
    if (!library)
        return ctx_fail(ctx, ST_NO_DEVICE, "NVRTC", REMEDY, "CUDA's run-time compiler was not found%s%s",
                        given && *given ? " where RATTAN_NVRTC points: " : "", given && *given ? given : "");
    const bool complete = find_functions(library, nvrtc);
    if (complete) {
        void *address;
        memcpy(&address, &nvrtc->compile, sizeof address);
        nvrtc->path = dladdr(address, &info) && info.dli_fname ? ctx_strdup(ctx, info.dli_fname) : "";
        open_builtins(ctx, nvrtc);
    }
    dlclose(library);
    return complete ? ST_OK : ctx_fail(ctx, ST_NO_DEVICE, "NVRTC", REMEDY, "the library found is older than CUDA 11.2");
}

Status nvrtc_describe(Ctx *ctx, const char **text) {
    Nvrtc nvrtc;
    int   major = 0, minor = 0;
    TRY(open_nvrtc(ctx, &nvrtc));
    nvrtc.version(&major, &minor);
    *text = ctx_printf(ctx, "NVRTC %d.%d (%s)", major, minor, nvrtc.path);
    return ST_OK;
}

static Status version_inside(Ctx *ctx, void *arg) {
    Nvrtc nvrtc;
    int  *numbers = arg;
    TRY(open_nvrtc(ctx, &nvrtc));
    nvrtc.version(&numbers[0], &numbers[1]);
    return ST_OK;
}

static bool find_version(int numbers[2]) {
    Ctx own; /* a missing library is no failure of the caller's */
    ctx_init(&own);
    const Status status = ctx_run(&own, version_inside, numbers);
    ctx_free(&own);
    return status == ST_OK;
}

static const char *version_text(Ctx *ctx, int major, int minor) { return ctx_printf(ctx, "NVRTC %d.%d", major, minor); }

bool nvrtc_is_here(void) { return find_version((int[2]){0}); }

const char *nvrtc_version(Ctx *ctx) {
    int numbers[2] = {0};
    return find_version(numbers) ? version_text(ctx, numbers[0], numbers[1]) : "no NVRTC";
}

const char *nvrtc_version_elsewhere(Ctx *ctx, int index) {
    enum { OLDEST = 11, NEWEST = 15, MINORS = 10 };
    const int major = NEWEST - index / MINORS;
    return major < OLDEST ? NULL : version_text(ctx, major, MINORS - 1 - index % MINORS);
}

/* ---- Compiling ----------------------------------------------------------------------------------------------------
 */
enum { MAX_OPTIONS = 4, COMPILER_STACK = 8 << 20 };

typedef struct Job {
    const Nvrtc       *nvrtc;
    NvrtcProgram       program;
    const NvrtcSource *source;
    const char *const *options;
    int                option_count;
    NvrtcResult       *out;
    const char        *folder, *compiler; /* of the memo, NULL: none; what results depend on beside the source */
    NvrtcMemo          memo;              /* where it is full, the program has not been compiled */
    pthread_t          thread;
    bool               threaded; /* `thread` has to be joined */
    int                result;   /* of the compilation */
} Job;

/* "sm_90a" to 90. */
static int arch_number(const char *arch) { return strncmp(arch, "sm_", 3) == 0 ? atoi(arch + 3) : 0; }

static Status check_arch(Ctx *ctx, const Nvrtc *nvrtc, const char *arch) {
    int  count = 0, list[256] = {0}, major = 0, minor = 0;
    bool known = false;
    if (nvrtc->arch_count(&count) != 0 || count > 256 || nvrtc->archs(list) != 0)
        return ST_OK; /* the compiler itself will say */
    for (int i = 0; i < count; i++)
        known |= list[i] == arch_number(arch);
    nvrtc->version(&major, &minor);
    return known ? ST_OK
                 : ctx_fail(ctx, ST_NO_DEVICE, arch, "install a newer CUDA toolkit, or name an older architecture",
                            "NVRTC %d.%d does not know it", major, minor);
}

/* One line for the user: the first error of the log. ptxas calls what it gives up for fatal, and errors what follows. */
static const char *first_error(Ctx *ctx, const char *log) {
    const char *at = strstr(log, "error"), *fatal = strstr(log, "fatal");
    at = !at || (fatal && fatal < at) ? fatal : at;
    if (!at)
        return *log ? ctx_strndup(ctx, log, strcspn(log, "\n")) : "no log";
    while (at > log && at[-1] != '\n')
        at--;
    return ctx_strndup(ctx, at, strcspn(at, "\n"));
}

static Status fail_call(Ctx *ctx, const Job *job, const char *what, int result) {
    return ctx_fail(ctx, ST_FAILED, job->source->name, NULL, "%s: %s", what, job->nvrtc->error_text(result));
}

static Status take_text(Ctx *ctx, const Job *job, const char *what, int (*size_of)(NvrtcProgram, size_t *),
                        int (*get)(NvrtcProgram, char *), char **text, size_t *size) {
    int result = size_of(job->program, size);
    *size = result == 0 ? *size : 0;
    *text = ctx_alloc(ctx, *size + 1);
    if (*size)
        result = get(job->program, *text);
    return result == 0 ? ST_OK : fail_call(ctx, job, what, result);
}

/* From 12.9 on NVRTC keeps results of its own where the driver does: rattan's cache is to be the only one, and a log is
 * always there. */
static bool keeps_results(const Nvrtc *nvrtc) {
    int major, minor;
    return nvrtc->version(&major, &minor) == 0 && (major > 12 || (major == 12 && minor >= 9));
}

static int fill_options(Ctx *ctx, const Nvrtc *nvrtc, const char *arch, const char *options[MAX_OPTIONS]) {
    int count = 0;
    options[count++] = ctx_printf(ctx, "--gpu-architecture=%s", arch);
    options[count++] = "--std=c++17";
    options[count++] = "--ptxas-options=-v";
    if (keeps_results(nvrtc))
        options[count++] = "--no-cache";
    return count;
}

static char *copy_text(const Job *job, int (*size_of)(NvrtcProgram, size_t *), int (*get)(NvrtcProgram, char *), size_t *size) {
    char *text = size_of(job->program, size) == 0 ? calloc(1, *size + 1) : NULL;
    if (text && *size && get(job->program, text) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The number before `words`, between `from` and `end`; 0 where they are not there. */
static int64_t number_before(const char *from, const char *end, const char *words) {
    const char *at = strstr(from, words);
    if (!at || at >= end)
        return 0;
    while (at > from && at[-1] == ' ')
        at--;
    while (at > from && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return strtoll(at, NULL, 10);
}

/* For other processes. */
static void remember(const Job *job, const char *path) {
    const Nvrtc *nvrtc = job->nvrtc;
    NvrtcMemo    memo = {0};
    memo.log = copy_text(job, nvrtc->log_size, nvrtc->log, &memo.sizes[0]);
    memo.ptx = copy_text(job, nvrtc->ptx_size, nvrtc->ptx, &memo.sizes[1]);
    memo.cubin = copy_text(job, nvrtc->cubin_size, nvrtc->cubin, &memo.sizes[2]);
    if (memo.log && memo.ptx && memo.cubin)
        memo_write(path, &memo);
    memo_free(&memo);
}

/* Bytes a thread of all kernels; -1: the log cannot be had. */
static int64_t spilled(const Job *job, NvrtcProgram program) {
    static const char STORES[] = " bytes spill stores";
    const Job         asked = {.nvrtc = job->nvrtc, .program = program};
    size_t            size;
    char *const       log = copy_text(&asked, job->nvrtc->log_size, job->nvrtc->log, &size);
    int64_t           bytes = log ? 0 : -1;
    for (const char *at = log, *end; at && (end = strstr(at, STORES)); at = end + 1)
        bytes += number_before(at, end + 1, STORES);
    free(log);
    return bytes;
}

/* The program in another form takes the first one's place where it spills less. What goes wrong with it is no failure. */
static int64_t try_form(Job *job, const char *form, int64_t least) {
    const Nvrtc *const nvrtc = job->nvrtc;
    const char        *options[MAX_OPTIONS + 1];
    char               define[64];
    NvrtcProgram       made, other;
    if (nvrtc->create(&made, job->source->text, job->source->name, 0, NULL, NULL) != 0)
        return least;
    memcpy(options, job->options, (size_t)job->option_count * sizeof *options);
    snprintf(define, sizeof define, "--define-macro=%s", form);
    options[job->option_count] = define;
    const int64_t bytes = nvrtc->compile(made, job->option_count + 1, options) == 0 ? spilled(job, made) : -1;
    const bool    better = bytes >= 0 && bytes < least;
    other = better ? job->program : made;
    job->program = better ? made : job->program;
    nvrtc->destroy(&other);
    return better ? bytes : least;
}

static void try_forms(Job *job) {
    int64_t least = spilled(job, job->program);
    for (const char *const *form = job->source->forms; *form && least > 0; form++)
        least = try_form(job, *form, least);
}

static void *compile_program(void *arg) {
    Job      *job = arg;
    char      path[4096];
    const int lock = memo_open(job->folder, job->compiler, job->source->text, path, sizeof path);
    if (lock < 0 || !memo_read(path, &job->memo)) {
        job->result = job->nvrtc->compile(job->program, job->option_count, job->options);
        if (job->result == 0 && job->source->forms)
            try_forms(job);
        if (lock >= 0 && job->result == 0)
            remember(job, path);
    }
    memo_close(lock);
    return NULL;
}

/* The compiler recurses deeply: it gets the stack that it has on most main threads. Where there is no thread to be had
 * the job is done here and now. The program's signals are for its own threads. */
static void start(Job *job) {
    pthread_attr_t attributes;
    sigset_t       all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)COMPILER_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    job->threaded = pthread_create(&job->thread, &attributes, compile_program, job) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!job->threaded)
        compile_program(job);
}

/* The last source here, the ones before it beside it. */
static void compile_programs(Job *jobs, int count) {
    for (int j = 0; j < count - 1; j++)
        start(&jobs[j]);
    compile_program(&jobs[count - 1]);
    for (int j = 0; j < count; j++)
        if (jobs[j].threaded)
            pthread_join(jobs[j].thread, NULL);
}

static char *taken_over(Ctx *ctx, const char *bytes, size_t size) {
    char *copy = ctx_alloc(ctx, size + 1);
    memcpy(copy, bytes, size);
    return copy;
}

static Status take_result(Ctx *ctx, const Job *job) {
    const NvrtcMemo *memo = &job->memo;
    char            *log, *ptx, *cubin;
    size_t           size;
    if (memo->cubin) {
        *job->out = (NvrtcResult){.ptx = taken_over(ctx, memo->ptx, memo->sizes[1]),
                                  .cubin = (uint8_t *)taken_over(ctx, memo->cubin, memo->sizes[2]),
                                  .cubin_size = memo->sizes[2],
                                  .log = taken_over(ctx, memo->log, memo->sizes[0])};
        return ST_OK;
    }
    TRY(take_text(ctx, job, "the log", job->nvrtc->log_size, job->nvrtc->log, &log, &size));
    if (job->result != 0)
        return ctx_fail(ctx, ST_FAILED, job->source->name, "emit the source with --emit cuda and look at it", "%s: %s",
                        job->nvrtc->error_text(job->result), first_error(ctx, log));
    TRY(take_text(ctx, job, "the PTX", job->nvrtc->ptx_size, job->nvrtc->ptx, &ptx, &size));
    TRY(take_text(ctx, job, "the cubin", job->nvrtc->cubin_size, job->nvrtc->cubin, &cubin, &size));
    *job->out = (NvrtcResult){.ptx = ptx, .cubin = (uint8_t *)cubin, .cubin_size = size, .log = log};
    return ST_OK;
}

typedef struct Batch {
    Job *jobs;
    int  count;
} Batch;

static Status run_batch(Ctx *ctx, void *arg) {
    const Batch *batch = arg;
    for (int j = 0; j < batch->count; j++) {
        Job      *job = &batch->jobs[j];
        const int result = job->nvrtc->create(&job->program, job->source->text, job->source->name, 0, NULL, NULL);
        if (result != 0)
            return fail_call(ctx, job, "a program cannot be made", result);
    }
    compile_programs(batch->jobs, batch->count);
    for (int j = 0; j < batch->count; j++)
        TRY(take_result(ctx, &batch->jobs[j]));
    return ST_OK;
}

/* The compilers took 150 MB and more. Kept for later, they would slow every fork of the program, and with it every spec that
 * is read. */
static void give_memory_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

Status nvrtc_compile_all(Ctx *ctx, const NvrtcSource *sources, int count, const char *arch, const char *memo,
                         NvrtcResult *out) {
    Nvrtc       nvrtc;
    const char *options[MAX_OPTIONS];
    Batch       batch = {.jobs = NEW_ARRAY(ctx, Job, count), .count = count};
    for (int j = 0; j < count; j++)
        out[j] = (NvrtcResult){.log = ""};
    TRY(open_nvrtc(ctx, &nvrtc));
    TRY(check_arch(ctx, &nvrtc, arch));
    const int option_count = fill_options(ctx, &nvrtc, arch, options);
    const char *compiler = ctx_printf(ctx, "%s %s", nvrtc_version(ctx), arch);
    for (int j = 0; j < count; j++)
        batch.jobs[j] = (Job){.nvrtc = &nvrtc, .source = &sources[j], .options = options, .option_count = option_count,
                              .folder = memo, .compiler = compiler, .out = &out[j]};
    const Status status = ctx_run(ctx, run_batch, &batch); /* so that the programs go even if memory runs out */
    for (int j = 0; j < count; j++) {
        memo_free(&batch.jobs[j].memo);
        if (batch.jobs[j].program)
            nvrtc.destroy(&batch.jobs[j].program);
    }
    give_memory_back();
    return status;
}

Status nvrtc_compile(Ctx *ctx, const char *name, const char *source, const char *arch, NvrtcResult *out) {
    const NvrtcSource one = {name, source, NULL};
    return nvrtc_compile_all(ctx, &one, 1, arch, NULL, out);
}

/* ---- Resources ----------------------------------------------------------------------------------------------------
 */
/* "ptxas info : (C7511) ... wgmma.mma_async instructions are serialized ... in the function 'f'": C7500 to C7599 are about
 * asynchronous products. They stand in a row of their own, before the first kernel. */
static void read_remarks(const char *log, const char *symbol, NvrtcResources *out) {
    static const char FUNCTION[] = "function '", CODE[] = "(C75";
    const size_t      length = strlen(symbol);
    for (const char *at = strstr(log, CODE); at; at = strstr(at + 1, CODE)) {
        const char *name = strstr(at, FUNCTION);
        if (!name || name > at + strcspn(at, "\n"))
            continue;
        name += sizeof FUNCTION - 1;
        if (strncmp(name, symbol, length) != 0 || name[length] != '\'')
            continue;
        out->product_remarks++;
        out->product_code = atoi(at + 2);
    }
}

bool nvrtc_resources(const char *log, const char *symbol, NvrtcResources *out) {
    static const char ENTRY[] = "Compiling entry function '";
    const size_t      length = strlen(symbol);
    const char       *at = log;
    *out = (NvrtcResources){0};
    while ((at = strstr(at, ENTRY))) {
        at += sizeof ENTRY - 1;
        if (strncmp(at, symbol, length) != 0 || at[length] != '\'')
            continue;
        const char *next = strstr(at, ENTRY), *end = next ? next : at + strlen(at);
        *out = (NvrtcResources){
            .registers = (int)number_before(at, end, " registers"),
            .stack = number_before(at, end, " bytes stack frame"),
            .spill_stores = number_before(at, end, " bytes spill stores"),
            .spill_loads = number_before(at, end, " bytes spill loads"),
            .shared_bytes = number_before(at, end, " bytes smem"),
            .constant_bytes = number_before(at, end, " bytes cmem[0]"),
        };
        read_remarks(log, symbol, out);
        return out->registers > 0;
    }
    return false;
}
