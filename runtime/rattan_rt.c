/* The public interface of the runtime: see include/rattan/rattan_rt.h.
 *
 * In:  the image of a library, a device, a function's number and its struct of arguments.
 * Out: the outputs in the caller's tensors; or a status, whose text stays with the calling thread.
 * Always: opening touches the image's tables alone; a kernel is read, checked and loaded by the first launch that needs
 *      it, once, and stays until the context goes, so that later launches take no lock. */
#include "rattan/rattan_rt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda_executable.h"
#include "runtime/launch_args.h"
#include "runtime/library.h"

_Static_assert((int)RATTAN_RT_USAGE == ST_USAGE && (int)RATTAN_RT_NO_DEVICE == ST_NO_DEVICE &&
                   (int)RATTAN_RT_INTEGRITY == ST_INTEGRITY && (int)RATTAN_RT_NO_MEMORY == ST_NO_MEMORY &&
                   (int)RATTAN_RT_FAILED == ST_FAILED,
               "rattan_rt_status continues Status");

typedef struct Kernel {
    CodeObject     *object;
    Executable     *executable; /* on CPUs */
    CudaExecutable *cuda;       /* on a GPU */
    /* How its struct of arguments lies: texts are not compared at a launch. */
    Sym     sizes[ARGS_MOST_SIZES];
    int     size_count;
    uint8_t ranks[LAUNCH_MAX_PARAMS]; /* of the parameters, as callers see them */
} Kernel;

struct rattan_rt_context {
    Library           library;
    bool              entered; /* library_enter */
    uint32_t          target;
    Pool             *pool;
    CudaDevice       *device; /* NULL: CPU */
    pthread_mutex_t   loading;
    _Atomic(Kernel *) kernels[]; /* by code */
};

/* ---- Failures ------------------------------------------------------------------------------------------------------
 */
enum { TEXT_BYTES = 1800 };

/* The thread's last failure. */
static _Thread_local struct {
    int  status;
    char text[TEXT_BYTES];
} last;

static rattan_rt_status report(const Ctx *ctx, rattan_rt_status status) {
    if (status != RATTAN_RT_OK) {
        last.status = status;
        ctx_describe(ctx, last.text, sizeof last.text);
    }
    return status;
}

static const char *meaning(int status) {
    switch ((rattan_rt_status)status) {
    case RATTAN_RT_OK: return "done";
    case RATTAN_RT_FAILED: return "the system refused something";
    case RATTAN_RT_USAGE: return "a wrong argument";
    case RATTAN_RT_NO_DEVICE: return "no device that runs a kernel of the library";
    case RATTAN_RT_INTEGRITY: return "the library is damaged or cut short";
    case RATTAN_RT_NO_MEMORY: return "out of memory";
    case RATTAN_RT_NOT_BUILT: return "the library has no kernel for this shape";
    case RATTAN_RT_VERSION: return "library, header and runtime are not of one version";
    case RATTAN_RT_TWO_LIBRARIES: return "another library of this name is in the process";
    }
    return "no status of rattan_rt";
}

const char *rattan_rt_error_string(int status) {
    return status != RATTAN_RT_OK && status == last.status ? last.text : meaning(status);
}

int         rattan_rt_abi(void) { return IMAGE_ABI; }
const char *rattan_rt_version(void) { return RATTAN_VERSION; }

/* ---- Contexts -----------------------------------------------------------------------------------------------------
 */
/* "cuda", "cuda:N": the number; -1: the CPU; -2: neither. */
static int device_index(const char *name) {
    char *end;
    if (!name || strcmp(name, "cpu") == 0)
        return -1;
    if (strcmp(name, "cuda") == 0)
        return 0;
    const long index = strncmp(name, "cuda:", 5) == 0 ? strtol(name + 5, &end, 10) : -1;
    return index >= 0 && index < 4096 && end > name + 5 && !*end ? (int)index : -2;
}

static Status open_device(Ctx *ctx, rattan_rt_context *context, const char *name) {
    const int index = device_index(name);
    if (index == -2)
        return ctx_fail(ctx, ST_USAGE, "device", "use \"cpu\", \"cuda\" or \"cuda:1\"", "'%.40s' is none", name);
    return index < 0 ? ST_OK : cuda_device_open(ctx, index, &context->device);
}

static Status no_target(Ctx *ctx, const rattan_rt_context *context, const char *wanted, bool known) {
    const Library   *library = &context->library;
    const CudaFacts *facts = context->device ? &context->device->facts : NULL;
    char             names[512] = "", where[256] = "this CPU";
    for (uint32_t t = 0; t < library->header->target_count && strlen(names) < sizeof names - 64; t++)
        sprintf(names + strlen(names), "%s%.48s", t ? ", " : "", library_target(library, t));
    if (facts)
        snprintf(where, sizeof where, "device %d, a %s (sm_%d%d)", facts->index, facts->name, facts->major, facts->minor);
    if (wanted && !known)
        return ctx_fail(ctx, ST_NO_DEVICE, library_name(library), "build it with that among --targets",
                        "has kernels for %s, and none for the target '%.48s'", names, wanted);
    return ctx_fail(ctx, ST_NO_DEVICE, library_name(library),
                    facts ? "build it with this GPU among --targets" : "build it with this machine among --targets",
                    "has kernels for %s, %s%.48s%s on %s", names, wanted ? "of which '" : "none of which runs",
                    wanted ? wanted : "", wanted ? "' does not run" : "", where);
}

/* Which of two targets that run here is the better one: they are listed with the best first, but code for the chip goes
 * before text that has to be compiled. */
static Status choose_target(Ctx *ctx, rattan_rt_context *context, const char *wanted) {
    const Library *library = &context->library;
    bool           known = false;
    for (int compiled = 0; compiled < 2; compiled++)
        for (uint32_t t = 0; t < library->header->target_count; t++) {
            if (wanted && strcmp(wanted, library_target(library, t)) != 0)
                continue;
            known = true;
            if (compiled ? library_compiles(library, t, context->device) : library_runs(library, t, context->device)) {
                context->target = t;
                return ST_OK;
            }
        }
    return no_target(ctx, context, wanted, known);
}

static Status open_parts(Ctx *ctx, rattan_rt_context *context, const rattan_rt_options *options, LibraryFault *fault) {
    if (options->threads < 0)
        return ctx_fail(ctx, ST_USAGE, "threads", "0 stands for as many as there are cores", "is %d, should not be negative",
                        options->threads);
    TRY(library_enter(ctx, &context->library, fault));
    context->entered = true;
    TRY(open_device(ctx, context, options->device));
    TRY(choose_target(ctx, context, options->target));
    return pool_create(ctx, options->threads, &context->pool);
}

static Status open_context(Ctx *ctx, const void *image, uint64_t interface, const rattan_rt_options *options,
                           LibraryFault *fault, rattan_rt_context **out) {
    Library library;
    TRY(library_open(ctx, image, interface, &library, fault));
    rattan_rt_context *context = calloc(1, sizeof *context + library.header->code_count * sizeof *context->kernels);
    if (!context)
        return ctx_fail(ctx, ST_NO_MEMORY, "context", NULL, "out of memory");
    context->library = library;
    pthread_mutex_init(&context->loading, NULL);
    const Status status = open_parts(ctx, context, options, fault);
    if (status == ST_OK)
        *out = context;
    else
        rattan_rt_close(context);
    return status;
}

static rattan_rt_status faulty(Status status, LibraryFault fault) {
    return fault == LIBRARY_VERSION ? RATTAN_RT_VERSION
           : fault == LIBRARY_TWO   ? RATTAN_RT_TWO_LIBRARIES
                                    : (rattan_rt_status)status;
}

rattan_rt_status rattan_rt_open(const void *image, uint64_t interface, const rattan_rt_options *options,
                                rattan_rt_context **out) {
    static const rattan_rt_options DEFAULTS;
    Ctx                            ctx;
    LibraryFault                   fault = LIBRARY_FINE;
    ctx_init(&ctx);
    if (out)
        *out = NULL;
    const Status status = out ? open_context(&ctx, image, interface, options ? options : &DEFAULTS, &fault, out)
                              : ctx_fail(&ctx, ST_USAGE, "context", NULL, "there is nowhere to put it");
    ctx_free(&ctx);
    return report(&ctx, faulty(status, fault));
}

static void free_kernel(Kernel *kernel) {
    if (!kernel)
        return;
    executable_free(kernel->executable);
    cuda_executable_free(kernel->cuda);
    code_object_free(kernel->object);
    free(kernel);
}

void rattan_rt_close(rattan_rt_context *context) {
    if (!context)
        return;
    for (uint32_t c = 0; c < context->library.header->code_count; c++)
        free_kernel(atomic_load_explicit(&context->kernels[c], memory_order_relaxed));
    if (context->entered)
        library_leave(&context->library);
    cuda_device_close(context->device);
    if (context->pool)
        pool_destroy(context->pool);
    pthread_mutex_destroy(&context->loading);
    free(context);
}

const char *rattan_rt_target(const rattan_rt_context *context) {
    return context ? library_target(&context->library, context->target) : "";
}

/* ---- Kernels ------------------------------------------------------------------------------------------------------
 */
/* Loading has seen to it that there are no more parameters than a launch may have. */
static void note_args(Kernel *kernel) {
    const CodeObject *object = kernel->object;
    kernel->size_count = args_sizes(object, kernel->sizes);
    for (int p = 0; p < object->param_count; p++)
        kernel->ranks[p] = (uint8_t)code_param_caller_rank(&object->params[p]);
}

static Status load_kernel(Ctx *ctx, rattan_rt_context *context, uint32_t code, Kernel *kernel) {
    TRY(library_code(ctx, &context->library, code, &kernel->object));
    if (context->device)
        TRY(cuda_executable_load(ctx, context->device, kernel->object, &kernel->cuda));
    else
        TRY(executable_load(ctx, kernel->object, &kernel->executable));
    note_args(kernel);
    return ST_OK;
}

static Status make_kernel(Ctx *ctx, rattan_rt_context *context, uint32_t code, Kernel **out) {
    Kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return ctx_fail(ctx, ST_NO_MEMORY, "kernel", NULL, "out of memory");
    const Status status = load_kernel(ctx, context, code, kernel);
    if (status != ST_OK) {
        free_kernel(kernel);
        return status;
    }
    atomic_store_explicit(&context->kernels[code], kernel, memory_order_release);
    *out = kernel;
    return ST_OK;
}

static Kernel *loaded_kernel(rattan_rt_context *context, uint32_t code) {
    return atomic_load_explicit(&context->kernels[code], memory_order_acquire);
}

static Status get_kernel(Ctx *ctx, rattan_rt_context *context, uint32_t code, Kernel **out) {
    Status status = ST_OK;
    pthread_mutex_lock(&context->loading);
    *out = atomic_load_explicit(&context->kernels[code], memory_order_relaxed);
    if (!*out)
        status = make_kernel(ctx, context, code, out);
    pthread_mutex_unlock(&context->loading);
    return status;
}

/* ---- Arguments ----------------------------------------------------------------------------------------------------
 */
typedef struct Call {
    rattan_rt_context     *context;
    uint32_t               entry;
    const int64_t         *args;
    const rattan_rt_place *place;
    int64_t               *bytes;
    bool                   not_built;
    int64_t                position;
    Kernel                *kernel;
    Tensor                 tensors[LAUNCH_MAX_PARAMS];
} Call;

typedef Status CallFn(Ctx *ctx, Call *call);

static Status read_sizes(Ctx *ctx, const int64_t *sizes, const Sym *names, int count) {
    static const char *const NAMES[SYM_COUNT] = {[SYM_B] = "B", [SYM_T] = "T", [SYM_N] = "N", [SYM_P] = "P"};
    for (int s = 0; s < count; s++)
        if (sizes[s] < 0 || sizes[s] > INT64_MAX / 2)
            return ctx_fail(ctx, ST_USAGE, NAMES[names[s]], NULL, "is %lld, should be from 0 to 2^62",
                            (long long)sizes[s]);
    return ST_OK;
}

static int64_t size_of_dim(int64_t dim, const Sym *names, const int64_t *sizes, int count) {
    const bool one_more = dim == DIM_N_PLUS_1;
    const Sym  sym = one_more ? SYM_N : (Sym)(-1 - dim);
    if (dim > 0)
        return dim;
    for (int s = 0; s < count; s++)
        if (names[s] == sym)
            return sizes[s] + one_more;
    return sym == SYM_N ? sizes[0] : 1; /* as many sequences as the batch has; packed: a batch of one */
}

/* All zero: a tensor without gaps. */
static void fill_strides(Tensor *tensor, const int64_t *strides) {
    int64_t stride = 1;
    bool    given = false;
    for (int d = 0; d < tensor->rank; d++)
        given |= strides[d] != 0;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        tensor->strides[d] = given ? strides[d] : stride;
        if (tensor->dims[d] > 0 && __builtin_mul_overflow(stride, tensor->dims[d], &stride))
            stride = INT64_MAX;
    }
}

/* The struct of NAME.h as tensors: base/library_image.h says how it lies. */
static Status read_args(Ctx *ctx, Call *call) {
    const CodeObject *object = call->kernel->object;
    const Sym        *names = call->kernel->sizes;
    const int         count = call->kernel->size_count;
    const int64_t    *sizes = call->args, *at = sizes + count + 1;
    Tensor           *tensor = call->tensors;
    TRY(read_sizes(ctx, sizes, names, count));
    call->position = sizes[count];
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role == PARAM_WORK)
            continue;
        *tensor =
            (Tensor){.data = (void *)(intptr_t)at[0], .dtype = param->dtype, .rank = call->kernel->ranks[p]};
        for (int d = 0; d < tensor->rank; d++)
            tensor->dims[d] = size_of_dim(param->dims[4 - param->rank + d], names, sizes, count);
        fill_strides(tensor, at + 1);
        at += 1 + tensor->rank;
        tensor++;
    }
    return ST_OK;
}

/* ---- Which code ---------------------------------------------------------------------------------------------------
 */
/* The launch's bucket: its sequences and the tokens of one, of packed ones on average. */
static void bucket_of(const ImageEntry *entry, const int64_t *args, int64_t *sequences, int64_t *tokens) {
    const int64_t N = args[0] > 0 ? args[0] : 1;
    *sequences = image_bucket(args[0]);
    *tokens = image_bucket(entry->packed && args[1] > 0 ? (args[1] - 1) / N + 1 : args[1]);
}

static bool fits(const ImageCode *code, uint32_t target, int64_t sequences, int64_t tokens) {
    return !code->plain && code->target == target && (code->sequences == 0 || code->sequences == sequences) &&
           (code->tokens == 0 || code->tokens == tokens);
}

static Status not_built(Ctx *ctx, Call *call) {
    const Library    *library = &call->context->library;
    const ImageEntry *entry = &library->entries[call->entry];
    char              built[400] = "";
    bool              any = false;
    for (uint32_t c = entry->first_code; c < entry->first_code + entry->code_count; c++) {
        const ImageCode *code = &library->codes[c];
        if (code->target != call->context->target || code->plain || strlen(built) > sizeof built - 64)
            continue;
        sprintf(built + strlen(built), "%s%lld x %lld", any ? ", " : "", (long long)code->sequences,
                (long long)code->tokens);
        any = true;
    }
    call->not_built = true;
    const char *name = library->texts + entry->name;
    return any ? ctx_fail(ctx, ST_USAGE, name, "build the library with this shape among --shapes",
                          "has no kernel for %lld sequences of %lld tokens; rounded up to powers of two there are %s",
                          (long long)call->args[0], (long long)call->args[1], built)
               : ctx_fail(ctx, ST_USAGE, name, "build the library with this function for the target",
                          "has no kernel for %s", library_target(library, call->context->target));
}

static Status find_code(Ctx *ctx, Call *call, uint32_t *out) {
    const Library    *library = &call->context->library;
    const ImageEntry *entry = &library->entries[call->entry];
    const Sym         names[] = {entry->packed ? SYM_N : SYM_B, SYM_T};
    int64_t           sequences, tokens;
    TRY(read_sizes(ctx, call->args, names, 2)); /* what cannot be is no shape that could be built */
    bucket_of(entry, call->args, &sequences, &tokens);
    for (uint32_t c = entry->first_code; c < entry->first_code + entry->code_count; c++)
        if (fits(&library->codes[c], call->context->target, sequences, tokens)) {
            *out = c;
            return ST_OK;
        }
    return not_built(ctx, call);
}

static CudaPlace cuda_place(const Call *call) {
    const rattan_rt_place *place = call->place;
    return place ? (CudaPlace){.stream = (CuStream)place->stream,
                               .workspace = (CuPointer)(uintptr_t)place->workspace,
                               .workspace_bytes = place->workspace_bytes}
                 : (CudaPlace){0};
}

/* What cannot be done between the begin and the end of a capture is refused: tried, it would end the capture. */
static Status call_kernel(Ctx *ctx, Call *call, uint32_t code) {
    rattan_rt_context *context = call->context;
    const Library     *library = &context->library;
    call->kernel = loaded_kernel(context, code);
    if (call->kernel)
        return ST_OK;
    if (context->device && cuda_stream_capturing(context->device, cuda_place(call).stream))
        return ctx_fail(ctx, ST_USAGE, library->texts + library->entries[call->entry].name,
                        "call _prepare with these tensors before the capture begins",
                        "needs a kernel%s that is not loaded yet and cannot be while the stream is being captured",
                        library->codes[code].plain ? " for tensors that are not aligned to 16 bytes" : "");
    return get_kernel(ctx, context, code, &call->kernel);
}

/* Where the copy engine cannot take the tensors the code behind does, if there is one. */
static Status suit(Ctx *ctx, Call *call, uint32_t code) {
    const Library *library = &call->context->library;
    if (!call->kernel->cuda || cuda_executable_takes(call->kernel->cuda, call->tensors) ||
        code + 1 >= library->header->code_count || !library->codes[code + 1].plain)
        return ST_OK;
    return call_kernel(ctx, call, code + 1);
}

static Status check_call(Ctx *ctx, const void *image, const Call *call) {
    if (!call->context || !call->args)
        return ctx_fail(ctx, ST_USAGE, call->context ? "args" : "context", NULL, "is NULL");
    if (image != call->context->library.image)
        return ctx_fail(ctx, ST_USAGE, "context", "use one that this library's _open made", "is another library's");
    if (call->entry >= call->context->library.header->entry_count)
        return ctx_fail(ctx, ST_USAGE, "function", NULL, "there is none with number %u", (unsigned)call->entry);
    if (call->place && !call->context->device)
        return ctx_fail(ctx, ST_USAGE, "place", "pass NULL", "the context is for the CPU, which has no streams");
    return ST_OK;
}

static Status ready(Ctx *ctx, const void *image, Call *call) {
    uint32_t code = 0;
    TRY(check_call(ctx, image, call));
    TRY(find_code(ctx, call, &code));
    TRY(call_kernel(ctx, call, code));
    TRY(read_args(ctx, call));
    return suit(ctx, call, code);
}

static rattan_rt_status run_call(const void *image, Call *call, CallFn *fn) {
    Ctx ctx;
    ctx_init(&ctx);
    Status status = ready(&ctx, image, call);
    if (status == ST_OK)
        status = fn(&ctx, call);
    ctx_free(&ctx);
    return report(&ctx, call->not_built ? RATTAN_RT_NOT_BUILT : (rattan_rt_status)status);
}

/* ---- Calls --------------------------------------------------------------------------------------------------------
 */
static Status launch(Ctx *ctx, Call *call) {
    const CudaPlace place = cuda_place(call);
    if (!call->context->device)
        return executable_launch(ctx, call->kernel->executable, call->context->pool, call->tensors, call->position);
    TRY(cuda_executable_launch(ctx, call->kernel->cuda, &place, call->tensors, call->position));
    return call->place ? ST_OK
                       : cuda_executable_wait(ctx, call->kernel->cuda, NULL, call->tensors, call->position);
}

static Status prepare(Ctx *ctx, Call *call) {
    const CudaPlace place = cuda_place(call);
    return call->context->device
               ? cuda_executable_prepare(ctx, call->kernel->cuda, &place, call->tensors)
               : executable_prepare(ctx, call->kernel->executable, call->context->pool, call->tensors);
}

static Status memory(Ctx *ctx, Call *call) {
    if (!call->bytes)
        return ctx_fail(ctx, ST_USAGE, "bytes", NULL, "is NULL");
    return call->context->device
               ? cuda_executable_memory(ctx, call->kernel->cuda, call->tensors, call->bytes)
               : executable_memory(ctx, call->kernel->executable, call->context->pool, call->tensors, call->bytes);
}

/* Not the tensors: a launch shall not clear kilobytes for them. */
static void open_call(Call *call, rattan_rt_context *context, uint32_t entry, const void *args,
                      const rattan_rt_place *place) {
    call->context = context;
    call->entry = entry;
    call->args = args;
    call->place = place;
    call->bytes = NULL;
    call->not_built = false;
}

rattan_rt_status rattan_rt_launch(const void *image, uint32_t entry, rattan_rt_context *context, const void *args,
                                  const rattan_rt_place *place) {
    Call call;
    open_call(&call, context, entry, args, place);
    return run_call(image, &call, launch);
}

rattan_rt_status rattan_rt_prepare(const void *image, uint32_t entry, rattan_rt_context *context, const void *args,
                                   const rattan_rt_place *place) {
    Call call;
    open_call(&call, context, entry, args, place);
    return run_call(image, &call, prepare);
}

rattan_rt_status rattan_rt_memory(const void *image, uint32_t entry, rattan_rt_context *context, const void *args,
                                  int64_t *bytes) {
    Call call;
    open_call(&call, context, entry, args, NULL);
    call.bytes = bytes;
    return run_call(image, &call, memory);
}
