/* Targets, specs, kernels and threads of a command: see session.h. */
#include "driver/session.h"

#include "driver/aot_load.h"

#include "driver/device_launch.h"
#include "driver/spec_set.h"
#include "driver/terminal.h"
#include "frontend/frontend.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int         bit;
} VARIANTS[] = {
    {"packed", VARIANT_PACKED}, {"lse", VARIANT_LSE}, {"final-state", VARIANT_FINAL_STATE}, {"parts", VARIANT_PARTS},
    {"saved", VARIANT_SAVED}};
enum { VARIANT_NAMES = sizeof VARIANTS / sizeof *VARIANTS };

/* How long to wait for another process that compiles the same. */
enum { LOCK_MS = 20000 };

static const int64_t MOST_TOKENS = (int64_t)1 << 40;

Status kind_parse(Ctx *ctx, const char *option, const char *text, KernelKind *kind) {
    for (int k = 0; k < KIND_COUNT; k++)
        if (strcmp(text, kind_name((KernelKind)k)) == 0) {
            *kind = (KernelKind)k;
            return ST_OK;
        }
    return ctx_fail(ctx, ST_USAGE, option, "use forward, decode, extend or backward", "there is no kind '%.40s'", text);
}

bool kind_fits(const Spec *spec, KernelKind kind) { return !spec->full || kind == KIND_FORWARD || kind == KIND_BACKWARD; }

Status session_check_kind(Ctx *ctx, const Session *session, KernelKind kind) {
    bool any = false;
    for (int i = session->first; i < session->last; i++)
        any = any || kind_fits(&session->specs.items[i].spec, kind);
    for (int i = session->first; i < session->last; i++) {
        const SpecItem *const item = &session->specs.items[i];
        if (kind_fits(&item->spec, kind))
            continue;
        if (!any)
            return ctx_fail(ctx, ST_USAGE, item->spec.name, "use --kind forward or backward", "full attention has no %s",
                            kind_name(kind));
        terminal_warning(ctx_printf(ctx, "%s is left out: full attention has no %s", item_title(ctx, item), kind_name(kind)));
    }
    return ST_OK;
}

static Status variant_bit(Ctx *ctx, const char *name, int *variant) {
    for (int i = 0; i < VARIANT_NAMES; i++)
        if (strcmp(name, VARIANTS[i].name) == 0) {
            *variant |= VARIANTS[i].bit;
            return ST_OK;
        }
    return ctx_fail(ctx, ST_USAGE, "--with", "use packed, lse, final-state, parts or saved", "there is no part '%.40s'", name);
}

Status variant_parse(Ctx *ctx, const char *text, int *variant) {
    char *words = ctx_strdup(ctx, text), *rest = NULL;
    *variant = 0;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        TRY(variant_bit(ctx, word, variant));
    return ST_OK;
}

const char *variant_text(Ctx *ctx, int variant) {
    Text text = TEXT(ctx);
    for (int i = 0; i < VARIANT_NAMES; i++)
        if (variant & VARIANTS[i].bit)
            text_add(&text, "%s%s", text.length ? "," : "", VARIANTS[i].name);
    return text_str(&text);
}

static Status add_length(Ctx *ctx, const char *word, Shape *shape) {
    if (shape->length_count == MAX_LENGTHS)
        return ctx_fail(ctx, ST_USAGE, "--shape", NULL, "more than %d lengths", MAX_LENGTHS);
    return parse_integer(ctx, "--shape: lengths", word, 0, MOST_TOKENS, &shape->lengths[shape->length_count++]);
}

static Status given_twice(Ctx *ctx, const char *name) {
    return ctx_fail(ctx, ST_USAGE, "--shape", "give it once", "%s is given twice", name);
}

static Status shape_word(Ctx *ctx, char *word, bool *in_lengths, Shape *shape) {
    char *equals = strchr(word, '=');
    if (!equals && *in_lengths)
        return add_length(ctx, word, shape);
    const struct {
        const char *name;
        int64_t     min, *value;
    } keys[] = {{"B", 0, &shape->B}, {"T", 0, &shape->T}, {"pos", 0, &shape->pos}, {"ring", 1, &shape->ring}};
    if (equals)
        *equals = '\0';
    *in_lengths = equals && strcmp(word, "lengths") == 0;
    if (*in_lengths)
        return shape->length_count ? given_twice(ctx, word) : add_length(ctx, equals + 1, shape);
    for (size_t i = 0; equals && i < sizeof keys / sizeof *keys; i++)
        if (strcmp(word, keys[i].name) == 0)
            return *keys[i].value >= 0 ? given_twice(ctx, word)
                                       : parse_integer(ctx, ctx_printf(ctx, "--shape: %s", word), equals + 1, keys[i].min,
                                                       MOST_TOKENS, keys[i].value);
    return ctx_fail(ctx, ST_USAGE, "--shape", "write B=2,T=1000, lengths=5,100,24, pos=N or ring=ROWS",
                    "'%.40s' is no size", word);
}

Status shape_parse(Ctx *ctx, const char *text, Shape *shape) {
    *shape = (Shape){.B = -1, .T = -1, .pos = -1, .ring = -1};
    if (!text)
        return ST_OK;
    bool  in_lengths = false;
    char *words = ctx_strdup(ctx, text), *rest = NULL;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        TRY(shape_word(ctx, word, &in_lengths, shape));
    if (shape->length_count && (shape->B > 1 || shape->T >= 0))
        return ctx_fail(ctx, ST_USAGE, "--shape", "leave B and T out", "lengths already say how many tokens there are");
    return ST_OK;
}

TuningBucket shape_bucket(const Shape *shape) {
    int64_t tokens = 0;
    for (int n = 0; n < shape->length_count; n++)
        tokens += shape->lengths[n];
    if (shape->length_count)
        return tuning_bucket(shape->length_count, tokens / shape->length_count);
    return shape->T > 0 ? tuning_bucket(shape->B > 0 ? shape->B : 1, shape->T) : (TuningBucket){0};
}

Status threads_parse(Ctx *ctx, const Cli *cli, int *threads) {
    int64_t given;
    TRY(cli_integer(ctx, cli, OPTION_THREADS, 1, 4096, 0, &given));
    *threads = (int)given;
    return ST_OK;
}

Status session_open(Ctx *ctx, const Cli *cli, Session *session) {
    *session = (Session){.cli = cli};
    TRY(tuning_mode(ctx, &session->tuning));
    if (cli_has(cli, OPTION_NO_TUNING))
        session->tuning = TUNING_OFF;
    TRY(threads_parse(ctx, cli, &session->threads));
    if (target_find(ctx, cli_value(cli, OPTION_TARGET), &session->target) != ST_OK)
        return strcmp(ctx->place, "target") == 0 ? ctx_place(ctx, "--target") : ctx->status;
    target_use_threads(&session->target, session->threads);
    Schedule ignored = {0};
    session->schedule = cli_value(cli, OPTION_SCHEDULE);
    if (session->schedule)
        TRY(schedule_parse(ctx, session->schedule, &ignored));
    session->with_parts = cli_has(cli, OPTION_WITH);
    if (session->with_parts)
        TRY(variant_parse(ctx, cli_value(cli, OPTION_WITH), &session->parts));
    return cli_has(cli, OPTION_NO_CACHE) ? ST_OK : cache_open(ctx, NULL, 0, &session->cache);
}

/* --item: a label, or a number counted from 0. */
static Status choose_item(Ctx *ctx, Session *session) {
    const char *wanted = cli_value(session->cli, OPTION_ITEM);
    session->first = 0;
    session->last = session->specs.count;
    if (!wanted)
        return ST_OK;
    Text labels = TEXT(ctx);
    for (int i = 0; i < session->specs.count; i++) {
        char index[16];
        snprintf(index, sizeof index, "%d", i);
        text_add(&labels, "%s%d%s%s", i ? ", " : "", i, *session->specs.items[i].label ? " = " : "",
                 session->specs.items[i].label);
        if (strcmp(wanted, session->specs.items[i].label) == 0 || strcmp(wanted, index) == 0) {
            session->first = i;
            session->last = i + 1;
            return ST_OK;
        }
    }
    return ctx_fail(ctx, ST_USAGE, "--item", ctx_printf(ctx, "the items are: %.400s", text_str(&labels)),
                    "there is no item '%.80s'", wanted);
}

/* --set and --dtype, on the chosen items. */
static Status loaded(Ctx *ctx, Session *session) {
    const Cli  *cli = session->cli;
    StringList  changes = {0};
    const char *dtype = cli_value(cli, OPTION_DTYPE);
    for (int s = 0; s < cli->values[OPTION_SET].count; s++)
        PUSH(ctx, changes.items, changes.count, changes.capacity, cli->values[OPTION_SET].items[s]);
    if (dtype)
        PUSH(ctx, changes.items, changes.count, changes.capacity, ctx_printf(ctx, "dtype=%s", dtype));
    TRY(choose_item(ctx, session));
    for (int i = session->first; i < session->last; i++) {
        Spec *spec = &session->specs.items[i].spec;
        if (spec_set(ctx, spec, changes.items, changes.count, spec) != ST_OK)
            return dtype && strcmp(ctx->place, "--set: dtype") == 0 ? ctx_place(ctx, "--dtype") : ctx->status;
    }
    return ST_OK;
}

Status session_load_file(Ctx *ctx, Session *session, const char *path) {
    TRY(spec_load_file(ctx, path, &session->specs));
    return loaded(ctx, session);
}

Status session_load_text(Ctx *ctx, Session *session, const char *name, const char *text) {
    TRY(spec_load_text(ctx, name, text, strlen(text), &session->specs));
    return loaded(ctx, session);
}

Status session_pool(Ctx *ctx, Session *session) {
    return session->pool ? ST_OK : pool_create(ctx, session->threads, &session->pool);
}

/* Says what kept the cache from its folder: else each command would compile anew without a word. */
static void close_cache(Cache *cache) {
    char warning[512];
    cache_warning(cache, warning);
    if (*warning)
        terminal_warning(warning);
    cache_close(cache);
}

void session_close(Session *session) {
    if (session->pool)
        pool_destroy(session->pool);
    if (session->cache)
        close_cache(session->cache);
    cuda_device_close(session->device);
    session->device = NULL;
    session->pool = NULL;
    session->cache = NULL;
}

const char *item_title(Ctx *ctx, const SpecItem *item) {
    return *item->label ? ctx_printf(ctx, "%s (%s)", item->spec.name, item->label) : item->spec.name;
}

typedef struct ObjectJob {
    const CompileRequest *request;
    CodeObject          **object;
} ObjectJob;

static Status compile_job(Ctx *ctx, void *arg) {
    const ObjectJob *job = arg;
    Compiled         compiled = {0};
    TRY(compile_kernel(ctx, job->request, &compiled));
    *job->object = compiled.object;
    return ST_OK;
}

/* Comes back where memory runs out, too: the caller may hold a lock. */
static Status compile_object(Ctx *ctx, const CompileRequest *request, CodeObject **object) {
    return ctx_run(ctx, compile_job, &(ObjectJob){request, object});
}

/* What the cache has under none of its keys. */
static Status object_of_key(Ctx *ctx, Cache *cache, const CompileRequest *request, const char *key, CodeObject **object,
                            bool *found) {
    Status    status = ST_OK;
    const int lock = cache_lock(cache, key, LOCK_MS);
    *found = lock >= 0 && cache_find(cache, key, object);
    if (!*found)
        status = compile_object(ctx, request, object);
    if (!*found && status == ST_OK)
        cache_store(cache, key, *object);
    if (lock >= 0)
        cache_unlock(lock);
    return status;
}

Status session_object(Ctx *ctx, Cache *cache, const CompileRequest *request, CodeObject **object, bool *found) {
    const char *const *keys;
    int                count;
    bool               ignored;
    found = found ? found : &ignored;
    *found = false;
    if (!cache)
        return compile_object(ctx, request, object);
    TRY(compile_keys(ctx, request, &keys, &count));
    *found = cache_find_any(cache, keys, count, object);
    return *found ? ST_OK : object_of_key(ctx, cache, request, keys[0], object, found);
}

/* Code for a GPU goes to the first device. */
Status session_load_kernel(Ctx *ctx, Session *session, ReadyKernel *kernel) {
    if (!target_is_cuda(&session->target))
        return executable_load(ctx, kernel->object, &kernel->executable);
    if (!session->device)
        TRY(cuda_device_open(ctx, 0, &session->device));
    return cuda_executable_load(ctx, session->device, kernel->object, &kernel->cuda);
}

Status session_device(Ctx *ctx, Session *session) {
    if (session->device || !target_is_cuda(&session->target) || !session->target.native)
        return ST_OK;
    return cuda_device_open(ctx, 0, &session->device);
}

Status session_tune(Ctx *ctx, Session *session, CompileRequest *request) {
    if (session->tuning == TUNING_OFF || request->schedule)
        return ST_OK;
    TRY(session_device(ctx, session));
    return tuning_apply(ctx, session->tuning, session->device, session->bucket, request);
}

static bool library_has(const Session *session, KernelKind kind) {
    return session->library && session->library->object->kind == (int)kind;
}

int session_variant(const Session *session, KernelKind kind, int otherwise) {
    if (library_has(session, kind))
        return session->library->object->variant;
    return session->with_parts ? session->parts | (otherwise & VARIANT_PACKED) : otherwise;
}

Status session_check_parts(Ctx *ctx, const Session *session, KernelKind kind, const Shape *shape) {
    if (session->parts & VARIANT_PACKED && !shape->length_count)
        return ctx_fail(ctx, ST_USAGE, "--with packed", "give --shape lengths=5,100,24", "the sequences have no lengths");
    if (kind == KIND_BACKWARD && session->parts & (VARIANT_LSE | VARIANT_PARTS))
        return ctx_fail(ctx, ST_USAGE, "--with", "ask for final-state or saved", "lse, swa and rla are no outputs of kind backward");
    return ST_OK;
}

Status session_kernel(Ctx *ctx, Session *session, const Spec *spec, KernelKind kind, int variant, int64_t ring_rows,
                      ReadyKernel *out) {
    CompileRequest request = {
        .spec = spec,
        .kind = kind,
        .variant = variant,
        .ring_rows = ring_rows < 0 ? 0 : ring_rows,
        .target = &session->target,
        .schedule = session->schedule,
        .emit = EMIT_OBJECT,
    };
    *out = (ReadyKernel){.spec = *spec};
    if (library_has(session, kind)) {
        out->object = session->library->object;
        out->library = session->library;
        return ST_OK;
    }
    TRY(session_tune(ctx, session, &request));
    TRY(session_object(ctx, session->cache, &request, &out->object, NULL));
    const Status status = session_load_kernel(ctx, session, out);
    if (status != ST_OK)
        kernel_free(out);
    return status;
}

void kernel_free(ReadyKernel *kernel) {
    if (kernel->library)
        kernel->object = NULL;
    cuda_executable_free(kernel->cuda);
    kernel->cuda = NULL;
    if (kernel->executable)
        executable_free(kernel->executable);
    if (kernel->object)
        code_object_free(kernel->object);
    kernel->executable = NULL;
    kernel->object = NULL;
}

Status kernel_arguments(Ctx *ctx, const ReadyKernel *kernel, const TensorSet *tensors, Tensor **arguments) {
    const CodeObject *object = kernel->object;
    Tensor           *list = NEW_ARRAY(ctx, Tensor, object->param_count);
    int               count = 0;
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role == PARAM_WORK)
            continue;
        const Tensor *tensor = tensors_find(tensors, param->name);
        if (!tensor)
            return ctx_fail(ctx, ST_USAGE, param->name, "add the tensor to the inputs",
                            "the kernel %s needs it and it is missing", object->name);
        list[count++] = *tensor;
    }
    *arguments = list;
    return ST_OK;
}

Status kernel_launch(Ctx *ctx, Session *session, const ReadyKernel *kernel, const TensorSet *tensors,
                     int64_t position) {
    Tensor *arguments;
    TRY(kernel_arguments(ctx, kernel, tensors, &arguments));
    if (kernel->library)
        return aot_call(ctx, kernel->library, arguments, position);
    if (kernel->cuda)
        return device_launch(ctx, kernel->cuda, arguments, position);
    TRY(executable_prepare(ctx, kernel->executable, session->pool, arguments));
    return executable_launch(ctx, kernel->executable, session->pool, arguments, position);
}

/* The sizes known at launch that outputs may have. */
static Status launch_sizes(Ctx *ctx, const TensorSet *tensors, int64_t *sizes) {
    const Tensor *q = tensors_find(tensors, "q"), *lengths = tensors_find(tensors, "cu_seqlens");
    const Tensor *ring = tensors_find(tensors, "ring_k");
    if (!q || q->rank != 4)
        return ctx_fail(ctx, ST_USAGE, "q", "give q with the dims [B,T,H,D]", q ? "it has %d dims" : "it is missing",
                        q ? q->rank : 0);
    sizes[SYM_B] = q->dims[0];
    sizes[SYM_T] = q->dims[1];
    sizes[SYM_N] = lengths ? lengths->dims[0] - 1 : q->dims[0];
    sizes[SYM_P] = ring ? ring->dims[0] : 0;
    return ST_OK;
}

static int64_t dim_value(int64_t dim, const int64_t *sizes) {
    if (dim == DIM_N_PLUS_1)
        return sizes[SYM_N] + 1;
    return dim < 0 ? sizes[-dim - 1] : dim;
}

Status kernel_add_outputs(Ctx *ctx, const ReadyKernel *kernel, TensorSet *tensors) {
    int64_t sizes[SYM_COUNT] = {0};
    TRY(launch_sizes(ctx, tensors, sizes));
    for (int p = 0; p < kernel->object->param_count; p++) {
        const CodeParam *param = &kernel->object->params[p];
        if (param->role != PARAM_OUT || tensors_find(tensors, param->name))
            continue;
        const int rank = code_param_caller_rank(param);
        int64_t   dims[4];
        for (int d = 0; d < rank; d++)
            dims[d] = dim_value(param->dims[d + 4 - param->rank], sizes);
        tensors_put(ctx, tensors, param->name, tensor_new(ctx, param->dtype, rank, dims));
    }
    return ST_OK;
}

Status with_own_memory(Ctx *ctx, Status (*fn)(Ctx *ctx, void *arg), void *arg) {
    Ctx inner;
    ctx_init(&inner);
    const Status status = ctx_run(&inner, fn, arg);
    if (status != ST_OK)
        ctx_fail(ctx, status, inner.place, inner.remedy, "%s", inner.message);
    ctx_free(&inner);
    return status;
}
