/* The public interface's contexts, kernels, launches and cache: see rattan/rattan.h.
 *
 * In:  requests and tensors from an application.
 * Out: kernels, from the context's own list, the cache or the compiler; outputs in the caller's tensors.
 * Always: a kernel once in the list stays until the context ends, so that it can be used without a lock. Two lists of
 *      locks: `lists` is held for moments, `compiling` while one kernel is made, so that equal requests compile once.
 */
#include "driver/api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/session.h"

_Static_assert((int)RATTAN_FORWARD == KIND_FORWARD && (int)RATTAN_DECODE == KIND_DECODE &&
                   (int)RATTAN_EXTEND == KIND_EXTEND && (int)RATTAN_BACKWARD == KIND_BACKWARD,
               "rattan_kind mirrors KernelKind");
_Static_assert((int)RATTAN_PACKED == VARIANT_PACKED && (int)RATTAN_LSE == VARIANT_LSE &&
                   (int)RATTAN_FINAL_STATE == VARIANT_FINAL_STATE && (int)RATTAN_PARTS == VARIANT_PARTS &&
                   (int)RATTAN_SAVED == VARIANT_SAVED,
               "parts mirror the variants");

enum { BUCKETS = 64, MAX_TENSORS = 64 };

struct rattan_kernel {
    rattan_kernel        *next; /* in its bucket */
    rattan_context       *context;
    const char           *spec_text, *schedule; /* malloc'd: with `request`, what the kernel was asked for */
    rattan_kernel_request request;              /* of the numbers alone: no pointers */
    CodeObject           *object;
    Executable           *executable; /* on CPUs */
    CudaExecutable       *cuda;       /* on a GPU */
};

struct rattan_context {
    Target          target;
    Pool           *pool;
    Cache          *cache;
    CudaDevice     *device; /* NULL for CPUs */
    TuningMode      tuning;
    pthread_mutex_t lists, compiling;
    rattan_kernel  *kernels[BUCKETS];
};

/* ---- Contexts -----------------------------------------------------------------------------------------------------
 */
typedef struct ContextArgs {
    const rattan_context_options *options;
    rattan_context               *context;
} ContextArgs;

/* "cuda" is whatever the device is; a GPU's name must suit it, which is seen when code loads. */
static Status open_target(Ctx *ctx, const rattan_context_options *options, rattan_context *context) {
    const char *name = options->target;
    if (!name || !target_name_is_cuda(name))
        return target_find(ctx, name, &context->target);
    TRY(cuda_device_open(ctx, options->device, &context->device));
    return strcmp(name, "cuda") == 0 ? target_of_device(ctx, context->device, &context->target)
                                     : target_find(ctx, name, &context->target);
}

static Status open_context(Ctx *ctx, void *arg) {
    const ContextArgs *args = arg;
    rattan_context    *context = args->context;
    if (args->options->threads < 0)
        return ctx_fail(ctx, ST_USAGE, "threads", "0 stands for as many as there are cores", "is %d, should not be negative",
                        args->options->threads);
    TRY(tuning_mode(ctx, &context->tuning));
    if (args->options->no_tuning)
        context->tuning = TUNING_OFF;
    TRY(open_target(ctx, args->options, context));
    target_use_threads(&context->target, args->options->threads);
    TRY(pool_create(ctx, args->options->threads, &context->pool));
    return cache_open(ctx, args->options->cache_dir, args->options->cache_limit, &context->cache);
}

static Status out_of_memory(Ctx *ctx, void *arg) {
    (void)arg;
    return ctx_fail(ctx, ST_NO_MEMORY, "context", NULL, "out of memory");
}

rattan_status rattan_context_create(const rattan_context_options *options, rattan_context **out, rattan_error *error) {
    static const rattan_context_options DEFAULTS;
    if (!api_has(out, "context", error))
        return RATTAN_USAGE;
    rattan_context *context = calloc(1, sizeof *context);
    if (!context)
        return api_run(out_of_memory, NULL, error);
    pthread_mutex_init(&context->lists, NULL);
    pthread_mutex_init(&context->compiling, NULL);
    const rattan_status status = api_run(open_context, &(ContextArgs){options ? options : &DEFAULTS, context}, error);
    if (status == RATTAN_OK)
        *out = context;
    else
        rattan_context_destroy(context);
    return status;
}

static void free_kernel(rattan_kernel *kernel) {
    executable_free(kernel->executable);
    cuda_executable_free(kernel->cuda);
    code_object_free(kernel->object);
    free((char *)kernel->spec_text);
    free((char *)kernel->schedule);
    free(kernel);
}

void rattan_context_destroy(rattan_context *context) {
    if (!context)
        return;
    for (int b = 0; b < BUCKETS; b++)
        while (context->kernels[b]) {
            rattan_kernel *next = context->kernels[b]->next;
            free_kernel(context->kernels[b]);
            context->kernels[b] = next;
        }
    cuda_device_close(context->device);
    cache_close(context->cache);
    pool_destroy(context->pool);
    pthread_mutex_destroy(&context->compiling);
    pthread_mutex_destroy(&context->lists);
    free(context);
}

int rattan_context_threads(const rattan_context *context) { return pool_threads(context->pool); }

/* ---- Getting kernels ----------------------------------------------------------------------------------------------
 */
/* A request with all that tells kernels apart. */
typedef struct Wanted {
    const Spec           *spec;
    const char           *spec_text, *schedule;
    rattan_kernel_request request;
} Wanted;

static Status read_request(Ctx *ctx, const rattan_kernel_request *request, Wanted *wanted) {
    const DType dtype = api_dtype(request->dtype);
    if (!request->spec)
        return ctx_fail(ctx, ST_USAGE, "spec", NULL, "is missing in the request");
    TRY(api_check_item(ctx, request->spec, request->item));
    if ((int)request->kind < 0 || (int)request->kind >= KIND_COUNT)
        return ctx_fail(ctx, ST_USAGE, "kind", "use RATTAN_FORWARD, RATTAN_DECODE, RATTAN_EXTEND or RATTAN_BACKWARD",
                        "there is no kind %d", (int)request->kind);
    if (request->parts & ~(RATTAN_PACKED | RATTAN_LSE | RATTAN_FINAL_STATE | RATTAN_PARTS | RATTAN_SAVED))
        return ctx_fail(ctx, ST_USAGE, "parts", NULL, "has bits that mean nothing: %d", request->parts);
    if (request->dtype != RATTAN_DTYPE_OF_SPEC && dtype != DT_F32 && dtype != DT_BF16 && dtype != DT_F16)
        return ctx_fail(ctx, ST_USAGE, "dtype", "use RATTAN_FP32, RATTAN_BF16 or RATTAN_FP16", "cannot be %d",
                        (int)request->dtype);
    if (request->ring_rows < 0)
        return ctx_fail(ctx, ST_USAGE, "ring_rows", NULL, "is %lld, should not be negative",
                        (long long)request->ring_rows);
    if (request->sequences < 0 || request->tokens < 0)
        return ctx_fail(ctx, ST_USAGE, "sequences and tokens", "leave them 0 where they are not known",
                        "are %lld and %lld, should not be negative", (long long)request->sequences,
                        (long long)request->tokens);
    const SpecItem *item = &request->spec->file.items[request->item];
    *wanted = (Wanted){&item->spec, request->spec->texts[request->item], request->schedule ? request->schedule : "",
                       *request};
    wanted->request.spec = NULL;
    wanted->request.item = 0;
    wanted->request.schedule = NULL;
    const TuningBucket bucket = tuning_bucket(request->sequences, request->tokens);
    wanted->request.sequences = bucket.N; /* shapes of a bucket share a kernel */
    wanted->request.tokens = bucket.T;
    wanted->request.dtype = request->dtype ? request->dtype : api_public_dtype(item->spec.dtype);
    return ST_OK;
}

static bool same_request(const rattan_kernel *kernel, const Wanted *wanted) {
    const rattan_kernel_request *a = &kernel->request, *b = &wanted->request;
    return a->kind == b->kind && a->parts == b->parts && a->ring_rows == b->ring_rows && a->dtype == b->dtype &&
           a->sequences == b->sequences && a->tokens == b->tokens &&
           strcmp(kernel->schedule, wanted->schedule) == 0 && strcmp(kernel->spec_text, wanted->spec_text) == 0;
}

static rattan_kernel **bucket_of(rattan_context *context, const Wanted *wanted) {
    uint32_t hash = (uint32_t)wanted->request.kind * 31 + (uint32_t)wanted->request.parts;
    for (const char *c = wanted->spec_text; *c; c++)
        hash = hash * 31 + (uint8_t)*c;
    return &context->kernels[hash % BUCKETS];
}

static rattan_kernel *find_kernel(rattan_context *context, const Wanted *wanted) {
    pthread_mutex_lock(&context->lists);
    rattan_kernel *kernel = *bucket_of(context, wanted);
    while (kernel && !same_request(kernel, wanted))
        kernel = kernel->next;
    pthread_mutex_unlock(&context->lists);
    return kernel;
}

static void list_kernel(rattan_context *context, const Wanted *wanted, rattan_kernel *kernel) {
    rattan_kernel **bucket = bucket_of(context, wanted);
    pthread_mutex_lock(&context->lists);
    kernel->next = *bucket;
    *bucket = kernel;
    pthread_mutex_unlock(&context->lists);
}

/* A kernel that is being made. */
typedef struct Making {
    rattan_context *context;
    const Wanted   *wanted;
    rattan_kernel  *kernel;
} Making;

static Status load_kernel(Ctx *ctx, void *arg) {
    const Making *const   making = arg;
    const Wanted *const   wanted = making->wanted;
    rattan_context *const context = making->context;
    rattan_kernel *const  kernel = making->kernel;
    Spec                 *spec = NEW(ctx, Spec);
    *spec = *wanted->spec;
    spec->dtype = api_dtype(wanted->request.dtype);
    CompileRequest request = {
        .spec = spec,
        .kind = (KernelKind)wanted->request.kind,
        .variant = wanted->request.parts,
        .ring_rows = wanted->request.ring_rows,
        .target = &context->target,
        .schedule = wanted->schedule[0] ? wanted->schedule : NULL,
        .emit = EMIT_OBJECT,
    };
    const int64_t sequences = wanted->request.sequences ? wanted->request.sequences : 1;
    TRY(tuning_apply(ctx, context->tuning, context->device, tuning_bucket(sequences, wanted->request.tokens), &request));
    TRY(session_object(ctx, context->cache, &request, &kernel->object, NULL));
    return context->device ? cuda_executable_load(ctx, context->device, kernel->object, &kernel->cuda)
                           : executable_load(ctx, kernel->object, &kernel->executable);
}

static Status make_kernel(Ctx *ctx, rattan_context *context, const Wanted *wanted, rattan_kernel **out) {
    rattan_kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return out_of_memory(ctx, NULL);
    kernel->context = context;
    kernel->request = wanted->request;
    kernel->spec_text = strdup(wanted->spec_text);
    kernel->schedule = strdup(wanted->schedule);
    const bool   complete = kernel->spec_text && kernel->schedule;
    Making       making = {context, wanted, kernel};
    const Status status = ctx_run(ctx, complete ? load_kernel : out_of_memory, &making);
    if (status == ST_OK) {
        list_kernel(context, wanted, kernel);
        *out = kernel;
    } else {
        free_kernel(kernel);
    }
    return status;
}

typedef struct KernelArgs {
    rattan_context *context;
    Wanted          wanted;
    rattan_kernel  *kernel;
} KernelArgs;

static Status make_kernel_in(Ctx *ctx, void *arg) {
    KernelArgs *args = arg;
    return make_kernel(ctx, args->context, &args->wanted, &args->kernel);
}

rattan_status rattan_kernel_get(rattan_context *context, const rattan_kernel_request *request, rattan_kernel **out,
                                rattan_error *error) {
    Ctx        ctx;
    KernelArgs args = {.context = context};
    if (!api_has(context, "context", error) || !api_has(request, "request", error) || !api_has(out, "kernel", error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    const Status read = read_request(&ctx, request, &args.wanted);
    if (read != ST_OK)
        return api_report(&ctx, read, error);
    rattan_status status = RATTAN_OK;
    args.kernel = find_kernel(context, &args.wanted);
    if (!args.kernel) {
        pthread_mutex_lock(&context->compiling);
        args.kernel = find_kernel(context, &args.wanted);
        if (!args.kernel)
            status = api_run(make_kernel_in, &args, error);
        pthread_mutex_unlock(&context->compiling);
    }
    if (status == RATTAN_OK)
        *out = args.kernel;
    return status;
}

/* ---- What a kernel is ---------------------------------------------------------------------------------------------
 */
static int64_t public_dim(int64_t dim) {
    switch (dim) {
    case DIM_SYM(SYM_B): return RATTAN_DIM_B;
    case DIM_SYM(SYM_T): return RATTAN_DIM_T;
    case DIM_SYM(SYM_N): return RATTAN_DIM_N;
    case DIM_SYM(SYM_P): return RATTAN_DIM_P;
    case DIM_N_PLUS_1: return RATTAN_DIM_N_PLUS_1;
    default: return dim;
    }
}

/* The parameter at an index that counts those of the caller alone; NULL past the end. */
static const CodeParam *caller_param(const CodeObject *object, int index) {
    for (int p = 0; p < object->param_count; p++)
        if (object->params[p].role != PARAM_WORK && index-- == 0)
            return &object->params[p];
    return NULL;
}

int rattan_kernel_params(const rattan_kernel *kernel) {
    int count = 0;
    for (int p = 0; p < kernel->object->param_count; p++)
        count += kernel->object->params[p].role != PARAM_WORK;
    return count;
}

rattan_status rattan_kernel_param(const rattan_kernel *kernel, int index, rattan_param *out, rattan_error *error) {
    static const rattan_role ROLES[] = {[PARAM_IN] = RATTAN_IN, [PARAM_OUT] = RATTAN_OUT, [PARAM_INOUT] = RATTAN_INOUT};
    if (!api_has(kernel, "kernel", error) || !api_has(out, "param", error))
        return RATTAN_USAGE;
    const CodeParam *param = index < 0 ? NULL : caller_param(kernel->object, index);
    if (!param) {
        Ctx ctx;
        ctx_init(&ctx);
        return api_report(&ctx,
                          ctx_fail(&ctx, ST_USAGE, "index", "count them with rattan_kernel_params",
                                   "there is no parameter %d", index),
                          error);
    }
    *out = (rattan_param){.name = param->name,
                          .dtype = api_public_dtype(param->dtype),
                          .role = ROLES[param->role],
                          .rank = code_param_caller_rank(param)};
    for (int d = 0; d < 4; d++)
        out->dims[d] = d < out->rank ? public_dim(param->dims[4 - param->rank + d]) : 1;
    return RATTAN_OK;
}

void rattan_kernel_describe(const rattan_kernel *kernel, rattan_kernel_facts *facts) {
    const CodeObject *object = kernel->object;
    *facts = (rattan_kernel_facts){
        .name = object->name,
        .spec = object->spec,
        .schedule = object->schedule,
        .target = object->target,
        .features = object->features,
        .compiler = object->compiler,
        .code_bytes = object->payload_size,
    };
}

/* ---- Launching ----------------------------------------------------------------------------------------------------
 */
/* Without what callers may have left undefined behind the last dim: equal calls are known by equal tensors. */
static Tensor convert(const rattan_tensor *tensor) {
    Tensor out = {.data = tensor->data, .dtype = api_dtype(tensor->dtype), .rank = tensor->rank};
    for (int d = 0; d < 4 && d < tensor->rank; d++) {
        out.dims[d] = tensor->dims[d];
        out.strides[d] = tensor->strides[d];
    }
    return out;
}

/* Looks at place `first` first: callers mostly keep to the order of the parameters. */
static const rattan_tensor *find_named(const rattan_tensor *tensors, int count, int first, const char *name) {
    for (int i = 0; i < count; i++) {
        const rattan_tensor *tensor = &tensors[(first + i) % count];
        if (tensor->name && strcmp(tensor->name, name) == 0)
            return tensor;
    }
    return NULL;
}

static Status check_count(Ctx *ctx, const rattan_kernel *kernel, int count) {
    const int wanted = rattan_kernel_params(kernel);
    if (count == wanted && count <= MAX_TENSORS)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, kernel->object->name, "rattan_kernel_param() describes them",
                    "got %d tensors, takes %d", count, wanted);
}

/* A program has many kernels, and most have a q: what is wrong with an argument names the kernel, too. */
static rattan_status report_call(Ctx *ctx, const rattan_kernel *kernel, Status status, rattan_error *error) {
    const size_t length = strlen(ctx->message);
    if (status == ST_USAGE)
        snprintf(ctx->message + length, sizeof ctx->message - length, ", in %s of %s", kind_name((KernelKind)kernel->object->kind),
                 kernel->object->name);
    return api_report(ctx, status, error);
}

/* The launch's tensors in the order of the parameters. As many as there are parameters and each found: none is left
 * over. */
static Status order_tensors(Ctx *ctx, const rattan_kernel *kernel, const rattan_tensor *tensors, int count,
                            Tensor *out) {
    const CodeObject *object = kernel->object;
    const bool        named = count > 0 && tensors[0].name;
    TRY(check_count(ctx, kernel, count));
    for (int p = 0, t = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role == PARAM_WORK)
            continue;
        const rattan_tensor *tensor = named ? find_named(tensors, count, t, param->name) : &tensors[t];
        if (!tensor)
            return ctx_fail(ctx, ST_USAGE, param->name, "give a tensor of this name", "is missing");
        out[t++] = convert(tensor);
    }
    return ST_OK;
}

/* ---- Tensors that the copy engine does not take ------------------------------------------------------------------ */
/* The same kernel without the copy engine: compiled when it is first wanted. */
static Status kernel_without_maps(Ctx *ctx, const rattan_kernel *kernel, CuStream stream, rattan_kernel **out) {
    static const char     PLAIN[] = "roles=0 gradient_roles=0";
    rattan_kernel_request request = kernel->request;
    rattan_spec          *spec = NULL;
    rattan_error          error;
    *out =
        find_kernel(kernel->context, &(Wanted){.spec_text = kernel->spec_text, .schedule = PLAIN, .request = request});
    if (*out)
        return ST_OK;
    if (cuda_stream_capturing(kernel->context->device, stream))
        return ctx_fail(
            ctx, ST_USAGE, kernel->object->name, "call prepare with these tensors before the capture begins",
            "needs a kernel for tensors that are not aligned to 16 bytes, which cannot be loaded in a capture");
    rattan_status status =
        rattan_spec_from_text(kernel->object->name, kernel->spec_text, strlen(kernel->spec_text), &spec, &error);
    request.spec = spec;
    request.schedule = PLAIN;
    if (status == RATTAN_OK)
        status = rattan_kernel_get(kernel->context, &request, out, &error);
    rattan_spec_destroy(spec);
    return status == RATTAN_OK ? ST_OK : ctx_fail(ctx, (Status)status, error.place, error.remedy, "%s", error.message);
}

/* The kernel that takes these tensors: `kernel`, or, unless its schedule is the caller's own, its like without maps. */
static Status suit(Ctx *ctx, rattan_kernel *kernel, CuStream stream, const Tensor *tensors, rattan_kernel **out) {
    *out = kernel;
    if (!kernel->cuda || *kernel->schedule || cuda_executable_takes(kernel->cuda, tensors))
        return ST_OK;
    return kernel_without_maps(ctx, kernel, stream, out);
}

/* On a GPU: enqueued on the default stream and waited for. */
static Status launch_and_wait(Ctx *ctx, rattan_kernel *kernel, const Tensor *tensors, int64_t position) {
    const CudaPlace place = {0};
    if (!kernel->cuda)
        return executable_launch(ctx, kernel->executable, kernel->context->pool, tensors, position);
    TRY(suit(ctx, kernel, NULL, tensors, &kernel));
    TRY(cuda_executable_launch(ctx, kernel->cuda, &place, tensors, position));
    return cuda_executable_wait(ctx, kernel->cuda, NULL, tensors, position);
}

static Status read_place(Ctx *ctx, const rattan_kernel *kernel, const rattan_place *place, CudaPlace *out) {
    if (!kernel->cuda)
        return ctx_fail(ctx, ST_USAGE, kernel->object->name, "use rattan_launch, or a context with the target \"cuda\"",
                        "is for %s, which has no streams", kernel->object->target);
    *out = (CudaPlace){0};
    if (place)
        *out = (CudaPlace){.stream = (CuStream)place->stream,
                           .workspace = (CuPointer)(uintptr_t)place->workspace,
                           .workspace_bytes = place->workspace_bytes};
    return ST_OK;
}

static bool has_arguments(const rattan_kernel *kernel, const rattan_tensor *tensors, int count, rattan_error *error) {
    return api_has(kernel, "kernel", error) && (count < 1 || api_has(tensors, "tensors", error));
}

rattan_status rattan_launch_on(rattan_kernel *kernel, const rattan_place *place, const rattan_tensor *tensors,
                               int count, int64_t position, rattan_error *error) {
    Ctx            ctx;
    Tensor         ordered[MAX_TENSORS];
    CudaPlace      where;
    rattan_kernel *suited = NULL;
    if (!has_arguments(kernel, tensors, count, error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    Status status = read_place(&ctx, kernel, place, &where);
    if (status == ST_OK)
        status = order_tensors(&ctx, kernel, tensors, count, ordered);
    if (status == ST_OK)
        status = suit(&ctx, kernel, where.stream, ordered, &suited);
    if (status == ST_OK)
        status = cuda_executable_launch(&ctx, suited->cuda, &where, ordered, position);
    return report_call(&ctx, kernel, status, error);
}

rattan_status rattan_prepare_on(rattan_kernel *kernel, const rattan_place *place, const rattan_tensor *tensors,
                                int count, rattan_error *error) {
    Ctx            ctx;
    Tensor         ordered[MAX_TENSORS];
    CudaPlace      where;
    rattan_kernel *suited = NULL;
    if (!has_arguments(kernel, tensors, count, error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    Status status = read_place(&ctx, kernel, place, &where);
    if (status == ST_OK)
        status = order_tensors(&ctx, kernel, tensors, count, ordered);
    if (status == ST_OK)
        status = suit(&ctx, kernel, where.stream, ordered, &suited);
    if (status == ST_OK)
        status = cuda_executable_prepare(&ctx, suited->cuda, &where, ordered);
    return report_call(&ctx, kernel, status, error);
}

rattan_status rattan_launch(rattan_kernel *kernel, const rattan_tensor *tensors, int count, int64_t position,
                            rattan_error *error) {
    Ctx    ctx;
    Tensor ordered[MAX_TENSORS];
    if (!has_arguments(kernel, tensors, count, error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    Status status = order_tensors(&ctx, kernel, tensors, count, ordered);
    if (status == ST_OK)
        status = launch_and_wait(&ctx, kernel, ordered, position);
    return report_call(&ctx, kernel, status, error);
}

rattan_status rattan_prepare(rattan_kernel *kernel, const rattan_tensor *tensors, int count, rattan_error *error) {
    Ctx    ctx;
    Tensor ordered[MAX_TENSORS];
    if (!has_arguments(kernel, tensors, count, error))
        return RATTAN_USAGE;
    if (kernel->cuda)
        return rattan_prepare_on(kernel, NULL, tensors, count, error);
    ctx_init(&ctx);
    Status status = order_tensors(&ctx, kernel, tensors, count, ordered);
    if (status == ST_OK)
        status = executable_prepare(&ctx, kernel->executable, kernel->context->pool, ordered);
    return report_call(&ctx, kernel, status, error);
}

rattan_status rattan_kernel_memory(const rattan_kernel *kernel, const rattan_tensor *tensors, int count, int64_t *bytes,
                                   rattan_error *error) {
    Ctx    ctx;
    Tensor ordered[MAX_TENSORS];
    if (!has_arguments(kernel, tensors, count, error) || !api_has(bytes, "bytes", error))
        return RATTAN_USAGE;
    ctx_init(&ctx);
    rattan_kernel *suited = NULL;
    Status         status = order_tensors(&ctx, kernel, tensors, count, ordered);
    if (status == ST_OK)
        status = suit(&ctx, (rattan_kernel *)kernel, NULL, ordered, &suited);
    if (status == ST_OK)
        status = kernel->cuda ? cuda_executable_memory(&ctx, suited->cuda, ordered, bytes)
                              : executable_memory(&ctx, kernel->executable, kernel->context->pool, ordered, bytes);
    return report_call(&ctx, kernel, status, error);
}

/* ---- Cache --------------------------------------------------------------------------------------------------------
 */
void rattan_cache_info(rattan_context *context, rattan_cache_facts *facts) {
    CacheInfo info;
    cache_info(context->cache, &info);
    *facts = (rattan_cache_facts){
        .writable = info.writable,
        .entries = info.entries,
        .bytes = info.bytes,
        .limit = info.limit,
        .hits = info.hits,
        .misses = info.misses,
        .stored = info.stored,
        .damaged = info.damaged,
    };
    memcpy(facts->folder, info.folder, sizeof facts->folder);
    memcpy(facts->warning, info.warning, sizeof facts->warning);
}

int64_t rattan_cache_clear(rattan_context *context) {
    CacheSwept swept;
    cache_clear(context->cache, &swept);
    return swept.bytes;
}

int64_t rattan_cache_gc(rattan_context *context) {
    CacheSwept swept;
    cache_gc(context->cache, &swept);
    return swept.bytes;
}
