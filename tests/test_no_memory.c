/* link: rattan_driver */
/* wraps: malloc calloc realloc aligned_alloc strdup strndup */
/* Memory that runs out at any one request, in this process or in the child that evaluates specs: what was asked for then succeeds
 * all the same or fails with ST_NO_MEMORY, says so, and leaves nothing behind (for the sanitizers). In what wants no LLVM. */
#include "driver/compile.h"
#include "driver/session.h"
#include "driver/targets.h"
#include "driver/tuning_db.h"
#include "driver/tuning_pick.h"
#include "frontend/frontend.h"
#include "runtime/cache.h"
#include "runtime/cuda_executable.h"
#include "runtime/launch_args.h"

#include <dirent.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_cuda.h"
#include "folder_testing.h"

/* ---- Requests that are refused ----------------------------------------------------------------------------------- */
/* Of this process and its children. `made`: requests since the case began; refused: number `at`, and `more` of those behind it. */
typedef struct Requests {
    atomic_int made, refused;
    int        at, more;
} Requests;

static Requests *requests;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);

static bool refuses(void) {
    if (!requests || requests->at == 0)
        return false;
    const int past = atomic_fetch_add(&requests->made, 1) + 1 - requests->at;
    if (past < 0 || past > requests->more)
        return false;
    atomic_fetch_add(&requests->refused, 1);
    return true;
}

void *__wrap_malloc(size_t size) { return refuses() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuses() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *old, size_t size) { return refuses() ? NULL : __real_realloc(old, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return refuses() ? NULL : __real_aligned_alloc(alignment, size);
}
char *__wrap_strdup(const char *text) { return refuses() ? NULL : __real_strdup(text); }
char *__wrap_strndup(const char *text, size_t length) { return refuses() ? NULL : __real_strndup(text, length); }

static int open_files(void) {
    int  count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Runs `job` in a Ctx of its own as often as it makes requests, each time with another one refused, and with all behind it. */
static void run_out(const char *name, Status (*job)(Ctx *ctx, void *arg), void *arg, int least) {
    int refused = 1, failed = 0;
    for (int more = 0; more < 2; more++)
        for (int at = 1; refused > 0 || at == 1; at++) {
            Ctx       ctx;
            char      text[2048];
            const int files = open_files();
            ctx_init(&ctx);
            *requests = (Requests){.at = at, .more = more ? 1 << 30 : 0};
            const Status status = ctx_run(&ctx, job, arg);
            refused = requests->refused;
            requests->at = 0;
            ctx_describe(&ctx, text, sizeof text);
            if (status != ctx.status || (status != ST_OK && (status != ST_NO_MEMORY || !ctx.message[0])))
                fail_msg("%s, request %d: status %d, and %d with '%s' noted", name, at, (int)status, (int)ctx.status, text);
            if (refused == 0)
                assert_int_equal(status, ST_OK);
            failed += status != ST_OK;
            assert_int_equal(open_files(), files);
            ctx_free(&ctx);
        }
    assert_in_range(failed, least, 1 << 20);
}

/* ---- Specs ------------------------------------------------------------------------------------------------------- */
static const char SPEC[] = "local function phi(x) return concat(softmax(x), softmax(-x)) end\n"
                           "return rattention { heads = 4, kv_heads = 2, head_dim = 64, window = sweep { 64, 128 }, dtype = 'bf16',\n"
                           "                    feature_map = phi, rope = { theta = 10000 }, norm = { kind = 'rms', eps = 1e-6 } }\n";

static Status load(Ctx *ctx, void *arg) {
    SpecFile file;
    (void)arg;
    TRY(spec_load_text(ctx, "spec", SPEC, sizeof SPEC - 1, &file));
    Text text = TEXT(ctx);
    spec_print(&text, &file.items[1].spec);
    return text_str(&text) ? ST_OK : ST_FAILED;
}

static Status load_file(Ctx *ctx, void *arg) {
    SpecFile file;
    return spec_load_file(ctx, arg, &file);
}

static void specs(void **state) {
    (void)state;
    run_out("a spec's file", load_file, (void *)"specs/gpt_oss.lua", 2);
    run_out("a spec", load, NULL, 2);
}

/* ---- From a spec to CUDA C++ ------------------------------------------------------------------------------------- */
static Status compile(Ctx *ctx, void *arg) {
    const CompileRequest *request = arg;
    Compiled              compiled;
    TRY(compile_kernel(ctx, request, &compiled));
    code_object_free(compiled.object);
    return ST_OK;
}

static void kernels(void **state) {
    Ctx      ctx;
    SpecFile file;
    Target   target;
    (void)state;
    ctx_init(&ctx);
    assert_int_equal(spec_load_text(&ctx, "spec", SPEC, sizeof SPEC - 1, &file), ST_OK);
    assert_int_equal(target_find(&ctx, "cuda:sm_90a", &target), ST_OK);
    for (int kind = 0; kind < KIND_COUNT; kind += KIND_BACKWARD) { /* the least and the most */
        CompileRequest request = {.spec = &file.items[0].spec,
                                  .kind = (KernelKind)kind,
                                  .target = &target,
                                  .emit = EMIT_LOOP_IR | EMIT_TILE_IR | EMIT_SCHEDULE | EMIT_CUDA | EMIT_PLAN};
        run_out(kind_name((KernelKind)kind), compile, &request, 10);
    }
    ctx_free(&ctx);
}

/* ---- Through the cache, whose lock others wait for ---------------------------------------------------------------- */
typedef struct Cached {
    Cache         *cache;
    CompileRequest request;
} Cached;

/* Twice: made, and found. */
static Status make_object(Ctx *ctx, void *arg) {
    const Cached *cached = arg;
    CodeObject   *object;
    CacheSwept    swept;
    cache_clear(cached->cache, &swept);
    for (int again = 0; again < 2; again++) {
        TRY(session_object(ctx, cached->cache, &cached->request, &object, NULL));
        code_object_free(object);
    }
    return ST_OK;
}

static void cached_objects(void **state) {
    Ctx      ctx;
    SpecFile file;
    Target   target;
    Cached   cached = {.request = {.target = &target, .emit = EMIT_PLAN, .schedule = "head_slices=2"}};
    char     folder[256];
    (void)state;
    ctx_init(&ctx);
    assert_int_equal(folder_open(folder, "no-memory"), 0);
    assert_int_equal(cache_open(&ctx, folder, 0, &cached.cache), ST_OK);
    assert_int_equal(spec_load_text(&ctx, "spec", SPEC, sizeof SPEC - 1, &file), ST_OK);
    assert_int_equal(target_find(&ctx, "cuda:sm_90a", &target), ST_OK);
    cached.request.spec = &file.items[0].spec;
    cached.request.kind = KIND_BACKWARD;
    run_out("the cache", make_object, &cached, 10);
    cache_close(cached.cache);
    assert_int_equal(folder_remove(folder), 0);
    ctx_free(&ctx);
}

/* ---- A device and its code --------------------------------------------------------------------------------------- */
typedef struct OnDevice {
    const CodeObject *object;
    Tensor            tensors[LAUNCH_MAX_PARAMS];
} OnDevice;

static FakeCuda *fake;

static Status use_executable(Ctx *ctx, CudaExecutable *executable, const OnDevice *on) {
    const CudaPlace place = {.stream = (CuStream)(void *)fake};
    TRY(cuda_executable_prepare(ctx, executable, &place, on->tensors));
    TRY(cuda_executable_launch(ctx, executable, &place, on->tensors, 0));
    return cuda_executable_launch(ctx, executable, &(CudaPlace){0}, on->tensors, 0);
}

static Status use_device(Ctx *ctx, void *arg) {
    const OnDevice *on = arg;
    Target          target;
    CudaDevice     *device;
    CudaExecutable *executable;
    TRY(target_find(ctx, "cuda", &target));
    TRY(cuda_device_open(ctx, 0, &device));
    if (cuda_executable_load(ctx, device, on->object, &executable) == ST_OK) {
        use_executable(ctx, executable, on);
        cuda_executable_free(executable);
    }
    cuda_device_close(device);
    assert_int_equal(fake->retained + fake->modules + fake->graphs + fake->streams + fake->pushed, 0);
    assert_int_equal(fake->allocations, fake->freed);
    return ctx->status;
}

/* Tensors of a batch of one, of 100 tokens, in memory that nobody reads. */
static void describe(OnDevice *on, char *memory) {
    for (int p = 0, t = 0; p < on->object->param_count; p++) {
        const CodeParam *param = &on->object->params[p];
        Tensor          *tensor = &on->tensors[t];
        int64_t          stride = 1;
        if (param->role == PARAM_WORK)
            continue;
        *tensor = (Tensor){.data = memory + ((size_t)t++ << 20), .dtype = param->dtype, .rank = code_param_caller_rank(param)};
        for (int d = tensor->rank - 1; d >= 0; d--) {
            const int64_t dim = param->dims[4 - param->rank + d];
            tensor->dims[d] = dim > 0 ? dim : dim == DIM_SYM(SYM_T) ? 100 : 1;
            tensor->strides[d] = stride;
            stride *= tensor->dims[d];
        }
    }
}

static void devices(void **state) {
    Ctx      ctx;
    SpecFile file;
    Target   target;
    Compiled compiled;
    OnDevice on = {0};
    (void)state;
    ctx_init(&ctx);
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024, .map_count = 0};
    assert_int_equal(spec_load_text(&ctx, "spec", SPEC, sizeof SPEC - 1, &file), ST_OK);
    assert_int_equal(target_find(&ctx, "cuda", &target), ST_OK);
    const CompileRequest request = {.spec = &file.items[0].spec, .target = &target, .emit = EMIT_PLAN};
    assert_int_equal(compile_kernel(&ctx, &request, &compiled), ST_OK);
    free(compiled.object->payload);
    compiled.object->payload = calloc(1, compiled.object->payload_size = 16);
    char *memory = aligned_alloc(256, (size_t)LAUNCH_MAX_PARAMS << 20);
    on.object = compiled.object;
    describe(&on, memory);
    run_out("a device", use_device, &on, 5);
    assert_true(fake->launch_count > 0);
    free(memory);
    code_object_free(compiled.object);
    ctx_free(&ctx);
}

/* ---- Tuned schedules --------------------------------------------------------------------------------------------- */
static Status find_tuned(Ctx *ctx, void *arg) {
    CompileRequest request = *(const CompileRequest *)arg;
    TRY(tuning_apply_elsewhere(ctx, TUNING_ON, (TuningBucket){1, 128}, &request));
    TuningDb *db;
    TRY(tuning_db_read(ctx, tuning_db_path(ctx), &db));
    TuningSpecs specs = {0};
    tuning_db_specs(ctx, db, &specs);
    tuning_db_close(db);
    return ctx->status;
}

static void tunings(void **state) {
    Ctx       ctx;
    SpecFile  file;
    Target    target;
    TuningDb *db;
    TuningKey key = {0};
    char      folder[256];
    (void)state;
    ctx_init(&ctx);
    assert_int_equal(folder_open(folder, "no-memory"), 0);
    assert_int_equal(setenv("RATTAN_DATA_DIR", folder, 1), 0);
    assert_int_equal(spec_load_text(&ctx, "spec", SPEC, sizeof SPEC - 1, &file), ST_OK);
    assert_int_equal(target_find(&ctx, "cuda:sm_90a", &target), ST_OK);
    assert_int_equal(tuning_db_open(&ctx, tuning_db_path(&ctx), &db), ST_OK);
    tuning_key_layer(&ctx, &file.items[0].spec, KIND_FORWARD, 0, &key);
    key.machine = key.driver = key.compiler = key.build = key.bucket = "some";
    const TuningRecord record = {.key = key, .schedule = "chunk=64"};
    const TuningSpec   spec = {key.spec, "layer", SPEC};
    assert_int_equal(tuning_db_put_of(&ctx, db, &record, &spec), ST_OK);
    tuning_db_close(db);
    const CompileRequest request = {.spec = &file.items[0].spec, .target = &target, .emit = EMIT_PLAN};
    run_out("tuned schedules", find_tuned, (void *)&request, 1);
    assert_int_equal(folder_remove(folder), 0);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs),
        cmocka_unit_test(kernels),
        cmocka_unit_test(cached_objects),
        cmocka_unit_test(devices),
        cmocka_unit_test(tunings),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    requests = mmap(NULL, sizeof *requests, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return fake && requests != MAP_FAILED ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
