/* Children of a tuner: see tune_child.h.
 *
 * A builder's file: a byte, 'E' and a message, or 'O', the hash of the timed kernel and pairs of cache key and object, each
 * behind its length. A runner
 * puts them into a cache of its own, so that everything in it that asks for a kernel finds it there. */
#include "driver/tune_child.h"

#include "base/clock.h"
#include "driver/cuda_bench.h"
#include "driver/files.h"
#include "driver/judge.h"
#include "runtime/key.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NICE = 5, STACK_BYTES = 8 << 20, HASH_BYTES = KEY_BYTES, MOST_REQUESTS = 3, EXIT_REFUSED = 2, MOST_RETRIES = 3 };

static const double RETRY_SECONDS = 0.05;

/* ---- Both ------------------------------------------------------------------------------------------------------------ */
/* Dies with its parent, and leaves Ctrl-C to it, and what ends all processes of a job: half a reply says nothing. */
static void be_a_child(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (getppid() != parent)
        _exit(1);
}

int64_t tune_ring_rows(const TuneTask *task) {
    return task->kind == KIND_DECODE || task->kind == KIND_EXTEND ? task->test.shape.ring : 0;
}

/* The kernels that checking and timing take, the timed one first. */
static int requests_of(const TuneTask *task, const char *schedule, CompileRequest *requests) {
    const Spec          *spec = &task->item->spec, *checked = &task->checked->spec;
    const bool           saved = task->variant & VARIANT_SAVED, other = checked->window != spec->window;
    const CompileRequest timed = {.spec = spec,
                                  .kind = task->kind,
                                  .variant = task->variant,
                                  .ring_rows = tune_ring_rows(task),
                                  .target = &task->session->target,
                                  .schedule = schedule,
                                  .memo = task->memo,
                                  .emit = EMIT_OBJECT};
    int count = 0;
    requests[count++] = timed;
    if (task->kind == KIND_FORWARD && !saved) {
        requests[count] = timed;
        requests[count].spec = checked;
        requests[count++].variant = VARIANT_LSE | (spec->full ? 0 : VARIANT_FINAL_STATE);
    } else if (other) {
        requests[count] = timed;
        requests[count++].spec = checked;
    }
    if (task->kind == KIND_DECODE) { /* a long prompt comes in by the other kind */
        requests[count] = timed;
        requests[count].kind = KIND_EXTEND;
        requests[count++].schedule = NULL;
    } else if (task->kind == KIND_BACKWARD && saved) { /* what it takes comes from the other kind */
        requests[count] = timed;
        requests[count].spec = checked;
        requests[count].kind = KIND_FORWARD;
        requests[count++].schedule = NULL;
    }
    return count;
}

/* ---- Building -------------------------------------------------------------------------------------------------------- */
static Status write_block(Ctx *ctx, int file, const void *bytes, size_t size) {
    const uint64_t length = size;
    return file_write_all(file, &length, sizeof length) && file_write_all(file, bytes, size)
               ? ST_OK
               : ctx_fail(ctx, ST_FAILED, NULL, NULL, "cannot hand over the kernel: %s", strerror(errno));
}

/* One of the kernels that a builder makes, on a thread of its own or not. */
typedef struct Product {
    Ctx                   ctx; /* what follows lives in it */
    const CompileRequest *request;
    Status                status;
    Text                  key;
    uint8_t              *bytes;
    size_t                size;
    Key                   hash; /* of all but the text of its schedule: of two that make the same code one need not be timed */
    pthread_t             thread;
    bool                  threaded;
} Product;

static Status make_inside(Ctx *ctx, void *arg) {
    Product    *product = arg;
    CodeObject *object;
    uint8_t    *bytes;
    size_t      size;
    product->key = TEXT(ctx);
    TRY(compile_key_text(ctx, product->request, &product->key));
    TRY(session_object(ctx, NULL, product->request, &object, NULL));
    TRY(code_object_encode(ctx, object, &product->bytes, &product->size));
    object->schedule = "";
    TRY(code_object_encode(ctx, object, &bytes, &size));
    product->hash = key_of(bytes, size);
    return ST_OK;
}

static void *make_product(void *arg) {
    Product *product = arg;
    ctx_init(&product->ctx);
    product->status = ctx_run(&product->ctx, make_inside, product);
    return NULL;
}

/* For GPUs side by side: the compiler has threads of its own anyway, and whoever waits for the default waits half as long. */
static void make_products(const TuneTask *task, Product *products, int count) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)STACK_BYTES);
    for (int p = 1; p < count && target_is_cuda(&task->session->target); p++)
        products[p].threaded = pthread_create(&products[p].thread, &attributes, make_product, &products[p]) == 0;
    for (int p = 0; p < count; p++)
        if (!products[p].threaded)
            make_product(&products[p]);
    for (int p = 1; p < count; p++)
        if (products[p].threaded)
            pthread_join(products[p].thread, NULL);
    pthread_attr_destroy(&attributes);
}

typedef struct Building {
    const TuneTask *task;
    const char     *schedule;
    int             file;
} Building;

/* The hash stands for the first, which is timed. */
static Status write_product(Ctx *ctx, const Product *product, bool timed, int file) {
    const char *place = product->ctx.place, *message = product->ctx.message, *remedy = product->ctx.remedy;
    if (product->status != ST_OK)
        return ctx_fail(ctx, product->status, place, remedy, "%s", message);
    if (timed && !file_write_all(file, &product->hash, HASH_BYTES))
        return ctx_fail(ctx, ST_FAILED, NULL, NULL, "cannot hand over the kernel: %s", strerror(errno));
    TRY(write_block(ctx, file, text_str(&product->key), product->key.length + 1));
    return write_block(ctx, file, product->bytes, product->size);
}

static Status build_all(Ctx *ctx, void *arg) {
    const Building *building = arg;
    CompileRequest  requests[MOST_REQUESTS];
    Product        *products = NEW_ARRAY(ctx, Product, MOST_REQUESTS);
    const int       count = requests_of(building->task, building->schedule, requests);
    for (int r = 0; r < count; r++)
        products[r].request = &requests[r];
    make_products(building->task, products, count);
    if (!file_write_all(building->file, "O", 1))
        return ctx_fail(ctx, ST_FAILED, NULL, NULL, "cannot hand over the kernel: %s", strerror(errno));
    for (int r = 0; r < count; r++)
        TRY(write_product(ctx, &products[r], r == 0, building->file));
    return ST_OK;
}

void tune_build(const TuneTask *task, const char *schedule, bool is_default, int file) {
    Ctx      ctx;
    Building building = {task, schedule, file};
    be_a_child(task->parent);
    if (!is_default) /* everybody waits for that one */
        setpriority(PRIO_PROCESS, 0, NICE);
    ctx_init(&ctx);
    if (ctx_run(&ctx, build_all, &building) == ST_OK)
        _exit(0);
    char line[200] = "E";
    ctx_describe(&ctx, line + 1, sizeof line - 1);
    if (ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0)
        file_write_all(file, line, strlen(line));
    _exit(EXIT_REFUSED);
}

void tune_build_code(int file, uint64_t code[2]) {
    if (pread(file, code, HASH_BYTES, 1) != HASH_BYTES)
        code[0] = code[1] = 0;
}

void tune_build_note(int file, char *note, size_t size) {
    const ssize_t n = pread(file, note, size - 1, 0);
    note[n > 0 ? n : 0] = '\0';
    if (*note == 'E')
        memmove(note, note + 1, strlen(note));
    else
        *note = '\0';
}

/* ---- Taking over what was built -------------------------------------------------------------------------------------- */
/* A block at *at, which moves past it; NULL where the file ends. */
static const uint8_t *next_block(const uint8_t *bytes, size_t total, size_t *at, size_t *size) {
    uint64_t length;
    if (*at + sizeof length > total)
        return NULL;
    memcpy(&length, bytes + *at, sizeof length);
    *at += sizeof length;
    if (length > total - *at)
        return NULL;
    *size = length;
    *at += length;
    return bytes + *at - length;
}

static Status read_file(Ctx *ctx, int file, uint8_t **bytes, size_t *size) {
    struct stat info;
    if (fstat(file, &info) != 0)
        return ctx_fail(ctx, ST_FAILED, NULL, NULL, "cannot read the kernel: %s", strerror(errno));
    *size = (size_t)info.st_size;
    *bytes = ctx_alloc(ctx, *size + 1);
    for (size_t at = 0; at < *size;) {
        const ssize_t n = pread(file, *bytes + at, *size - at, (off_t)at);
        if (n <= 0)
            return ctx_fail(ctx, ST_FAILED, NULL, NULL, "cannot read the kernel: %s", strerror(errno));
        at += (size_t)n;
    }
    return ST_OK;
}

static Status fill_cache(Ctx *ctx, Cache *cache, int file) {
    uint8_t *bytes = NULL;
    size_t   total = 0, at = 1 + HASH_BYTES, size;
    TRY(read_file(ctx, file, &bytes, &total));
    for (const uint8_t *key; (key = next_block(bytes, total, &at, &size));) {
        CodeObject    *object;
        const uint8_t *code = next_block(bytes, total, &at, &size);
        if (!code)
            break;
        TRY(code_object_decode(ctx, code, size, &object));
        cache_store(cache, (const char *)key, object);
        code_object_free(object);
    }
    return ST_OK;
}

Status tune_build_object(Ctx *ctx, const TuneTask *task, const char *schedule, int file, CodeObject **object) {
    Cache         *cache;
    CompileRequest requests[MOST_REQUESTS];
    requests_of(task, schedule, requests);
    TRY(cache_open(ctx, "", -1, &cache));
    Status status = fill_cache(ctx, cache, file);
    if (status == ST_OK)
        status = session_object(ctx, cache, &requests[0], object, NULL);
    cache_close(cache);
    return status;
}

/* ---- Checking -------------------------------------------------------------------------------------------------------- */
typedef struct Runner {
    const TuneTask *task;
    const char     *schedule;
    bool            is_default;
    int             file, commands, replies;
    Session         session;
    ReadyKernel     kernel;
    Tensor         *arguments;
    CudaTimer      *timer; /* on a GPU */
} Runner;

static const char *first_miss(Ctx *ctx, const json_t *rows) {
    size_t        index;
    const json_t *row;
    json_array_foreach(rows, index, row) {
        if (!json_is_true(json_object_get(row, "pass")))
            return ctx_printf(ctx, "%s: error %.2g, bound %.2g", json_string_value(json_object_get(row, "tensor")),
                              json_number_value(json_object_get(row, "error")),
                              json_number_value(json_object_get(row, "bound")));
    }
    return "a comparison missed its bound";
}

static Status check_small(Ctx *ctx, Runner *runner) {
    Report report;
    report_open(&report, true); /* keeps the lines instead of printing them */
    if (runner->task->kind == KIND_BACKWARD)
        TRY(check_gradients_run(ctx, runner->task->gradients, &runner->session, &report));
    else
        TRY(check_random_kind(ctx, runner->task->check, &runner->session, runner->task->kind, &report));
    return report.misses ? ctx_fail(ctx, ST_MISMATCH, NULL, NULL, "%s", first_miss(ctx, report.rows)) : ST_OK;
}

/* Two evaluations that are each within the bounds of `rattan check` differ by no more than twice as much: those of the types
 * are here what rounding every output value can cost, with room. Gradients are products of results that were rounded once
 * before. */
static double bound_of(const TuneTask *task) {
    const Spec  *spec = &task->item->spec;
    const double more = task->kind == KIND_BACKWARD ? 1.5 : 1;
    if (spec->dtype == DT_BF16)
        return more * 1.6e-2;
    if (spec->dtype == DT_F16)
        return more * 2e-3;
    return more * (case_is_rough(spec, &task->session->target) ? 4e-3 : 2e-5);
}

/* The inputs that will be timed, where sequences are cut as they will be: against what the default makes of them. */
static Status check_large(Ctx *ctx, Runner *runner) {
    const TuneTask *task = runner->task;
    TensorSet       tensors = task->test.tensors;
    tune_outputs_poison(&tensors, &task->outputs);
    TRY(kernel_launch(ctx, &runner->session, &runner->kernel, &tensors, 0));
    if (!runner->is_default)
        return tune_outputs_compare(ctx, runner->session.pool, &tensors, &task->outputs, bound_of(task));
    tune_outputs_expect(&tensors, &task->outputs);
    return ST_OK;
}

static Status open_runner(Ctx *ctx, Runner *runner) {
    const TuneTask *task = runner->task;
    runner->session = *task->session;
    runner->session.schedule = runner->schedule;
    runner->session.tuning = TUNING_OFF;
    TRY(cache_open(ctx, "", -1, &runner->session.cache));
    TRY(fill_cache(ctx, runner->session.cache, runner->file));
    TRY(pool_create(ctx, runner->session.threads, &runner->session.pool));
    if (!task->checked_small)
        TRY(check_small(ctx, runner));
    TRY(session_kernel(ctx, &runner->session, &task->item->spec, task->kind, task->variant, tune_ring_rows(task), &runner->kernel));
    TRY(kernel_arguments(ctx, &runner->kernel, &task->test.tensors, &runner->arguments));
    TRY(check_large(ctx, runner));
    return runner->kernel.cuda ? cuda_timer_open(ctx, &runner->kernel, runner->arguments, &runner->timer) : ST_OK;
}

/* ---- Timing ---------------------------------------------------------------------------------------------------------- */
/* Times that this process lost a core to another one. */
static long switches(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

static Status launch_once(Ctx *ctx, Runner *runner, double *seconds) {
    const double start = seconds_now();
    TRY(executable_launch(ctx, runner->kernel.executable, runner->session.pool, runner->arguments, 0));
    *seconds = seconds_now() - start;
    return ST_OK;
}

static void empty_caches(const Runner *runner) { ceiling_read(runner->session.pool, &runner->task->flush); }

/* The least of a few where others take cores away, as long as that takes no time to speak of. */
static Status run_once(Ctx *ctx, Runner *runner, double *seconds) {
    const double start = seconds_now();
    double       again;
    if (runner->timer)
        return cuda_timer_run(ctx, runner->timer, seconds);
    long before = switches();
    TRY(launch_once(ctx, runner, seconds));
    for (int retry = 0; retry < MOST_RETRIES && switches() > before && seconds_now() - start < RETRY_SECONDS; retry++) {
        empty_caches(runner);
        before = switches();
        TRY(launch_once(ctx, runner, &again));
        *seconds = again < *seconds ? again : *seconds;
    }
    return ST_OK;
}

static Status obey(Ctx *ctx, Runner *runner, char command, TuneReply *reply) {
    *reply = (TuneReply){.what = REPLY_FLUSHED};
    if (command == 'f') {
        if (!runner->timer) /* a GPU's timer goes over more tensors than its cache holds */
            empty_caches(runner);
        return ST_OK;
    }
    reply->what = REPLY_TIME;
    return run_once(ctx, runner, &reply->seconds);
}

static Status serve(Ctx *ctx, void *arg) {
    Runner   *runner = arg;
    TuneReply reply = {.what = REPLY_READY};
    char      command;
    TRY(open_runner(ctx, runner));
    while (file_write_all(runner->replies, &reply, sizeof reply) && read(runner->commands, &command, 1) == 1)
        TRY(obey(ctx, runner, command, &reply));
    return ST_OK;
}

void tune_serve(const TuneTask *task, const char *schedule, bool is_default, int file, int commands, int replies) {
    Ctx    ctx;
    Runner runner = {.task = task, .schedule = schedule, .is_default = is_default, .file = file, .commands = commands,
                     .replies = replies};
    be_a_child(task->parent);
    ctx_init(&ctx);
    const Status status = ctx_run(&ctx, serve, &runner);
    if (status != ST_OK) {
        TuneReply reply = {.what = status == ST_MISMATCH ? REPLY_WRONG : REPLY_REFUSED};
        ctx_describe(&ctx, reply.note, sizeof reply.note);
        file_write_all(replies, &reply, sizeof reply);
    }
    _exit(0);
}
