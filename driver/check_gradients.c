/* Gradients checked: see check_gradients.h. */
#include "driver/check_gradients.h"

#include "driver/gradients.h"
#include "driver/judge.h"
#include "driver/layer_case.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDINGS = 4 /* of float32, as large as do */ };
enum { MOST_OFFSET = 1000000, TOKENS_BEYOND = 150 };

struct GradientCheck {
    Session         *session;
    const Spec      *spec;
    const char      *name;
    const TensorSet *inputs;
    TensorSet        rounded, truth, typed; /* typed: of rounded inputs, rounded, where that matters */
    int64_t          offset;                /* where a second launch starts */
    bool             given;                 /* the truth is the caller's: it may be of another layer */
    int              threads;               /* of the reference */
    Report          *report;
    const ReadyKernel *forward;             /* what it saves the kernel takes; NULL: it takes nothing */
};

static Status reference(Ctx *ctx, const GradientCheck *check, const TensorSet *inputs, bool single, const char *what,
                        TensorSet *out) {
    Progress               progress;
    const GradientsRequest request = {
        .spec = check->spec, .inputs = inputs, .threads = check->threads, .progress = &progress, .single = single};
    progress_start(&progress, what);
    TRY(gradients_run(ctx, &request, out));
    progress_end(&progress);
    return ST_OK;
}

static double mean_square(const Tensor *tensor) {
    double        sum = 0;
    const int64_t n = tensor_elements(tensor);
    for (int64_t i = 0; i < n; i++)
        sum += dtype_load(tensor->dtype, tensor->data, i) * dtype_load(tensor->dtype, tensor->data, i);
    return n ? sum / (double)n : 0;
}

/* Relative to the norm of what is wanted; where all of it cancels (one key in a window, say) what float32 leaves of terms
 * as large as do counts: a few of its roundings are as much as the bound. */
static double error_of(const GradientCheck *check, const Tensor *got, const Tensor *wanted) {
    Difference   difference = tensor_difference(got, wanted);
    const double least = ROUNDINGS * 0x1p-24 / FP32_BOUND;
    const double squares = (double)tensor_elements(wanted) * mean_square(tensors_find(check->inputs, "do"));
    difference.norm = fmax(difference.norm, least * least * squares);
    return difference_relative(&difference);
}

/* What float32 gives of rounded inputs, and the reference what it loses by. */
typedef struct Measured {
    TensorSet single, truth;
} Measured;

static const char *gradient_of(Ctx *ctx, const NamedTensor *item) { return ctx_printf(ctx, "d%s", item->name); }

/* What the formula itself loses where terms cancel: the rule's evaluation is one in float32, of inputs rounded to the type. Measured,
 * not assumed, it is next to nothing where nothing cancels, so that no bound there is another; and the first time a bound is missed,
 * since it takes as long as the reference. */
static Status measure_single(Ctx *ctx, const GradientCheck *check, Measured *measured) {
    TensorSet exact;
    if (measured->single.count > 0)
        return ST_OK;
    TRY(reference(ctx, check, &check->rounded, true, "gradients in float32", &exact));
    if (check->typed.count > 0)
        case_round(ctx, check->spec, &exact, &measured->single);
    else
        measured->single = exact;
    measured->truth = check->truth;
    return check->given ? reference(ctx, check, check->inputs, false, "float64 gradients", &measured->truth) : ST_OK;
}

/* measured: what measure_single gives, once it was wanted. */
static Status judge(Ctx *ctx, const GradientCheck *check, const NamedTensor *item, const TensorSet *got, Measured *measured,
                    const char *label) {
    const Tensor *typed = tensors_find(&check->typed, item->name);
    const double  error = error_of(check, tensors_find(got, gradient_of(ctx, item)), &item->tensor);
    double        lost = typed ? error_of(check, typed, &item->tensor) : 0;
    if (isfinite(error) && error > accuracy_bound(lost)) {
        TRY(measure_single(ctx, check, measured));
        lost = fmax(lost, error_of(check, tensors_find(&measured->single, item->name), tensors_find(&measured->truth, item->name)));
    }
    report_row(check->report, check->name, ctx_printf(ctx, "backward %s%s", gradient_of(ctx, item), label), error,
               accuracy_bound(lost));
    return ST_OK;
}

static Status check_dims(Ctx *ctx, const NamedTensor *item, const Tensor *gradient) {
    const Tensor *const truth = &item->tensor;
    if (!gradient)
        return ctx_fail(ctx, ST_USAGE, item->name, "remove it", "the layer has no such input");
    if (truth->rank == gradient->rank && memcmp(truth->dims, gradient->dims, sizeof(int64_t) * (size_t)truth->rank) == 0)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "grad.%s", item->name),
                    ctx_printf(ctx, "the kernel writes %s", tensor_describe(ctx, gradient)), "it is %s",
                    tensor_describe(ctx, truth));
}

/* What kind forward saves, with the same kernel's inputs. */
static Status add_saved(Ctx *ctx, const GradientCheck *check, Session *session, int64_t position, TensorSet *tensors) {
    static const char *const NAMES[] = {"o", "lse", "swa", "rla"};
    TRY(kernel_add_outputs(ctx, check->forward, tensors));
    for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++)
        if (tensors_find(tensors, NAMES[n]))
            tensor_poison(tensors_find(tensors, NAMES[n]));
    return kernel_launch(ctx, session, check->forward, tensors, position);
}

/* Launches on fresh outputs. */
static Status launch(Ctx *ctx, const GradientCheck *check, Session *session, const ReadyKernel *kernel,
                     int64_t position, TensorSet *tensors) {
    *tensors = (TensorSet){0};
    for (int i = 0; i < check->rounded.count; i++)
        tensors_put(ctx, tensors, check->rounded.items[i].name, check->rounded.items[i].tensor);
    if (check->forward)
        TRY(add_saved(ctx, check, session, position, tensors));
    TRY(kernel_add_outputs(ctx, kernel, tensors));
    for (int i = 0; i < check->truth.count; i++) {
        Tensor *const gradient = tensors_find(tensors, gradient_of(ctx, &check->truth.items[i]));
        TRY(check_dims(ctx, &check->truth.items[i], gradient));
        tensor_poison(gradient);
    }
    return kernel_launch(ctx, session, kernel, tensors, position);
}

typedef struct Repeat {
    const GradientCheck *check;
    Session             *session;
    const ReadyKernel   *kernel;
    const TensorSet     *first;
    bool                 same;
} Repeat;

static Status launch_again(Ctx *ctx, void *arg) {
    Repeat              *r = arg;
    const GradientCheck *check = r->check;
    TensorSet            again;
    TRY(launch(ctx, check, r->session, r->kernel, 0, &again));
    for (int i = 0; i < check->truth.count; i++) {
        const char *const name = gradient_of(ctx, &check->truth.items[i]);
        const Tensor     *one = tensors_find(r->first, name), *two = tensors_find(&again, name);
        r->same = r->same && memcmp(one->data, two->data, tensor_bytes(one)) == 0;
    }
    return ST_OK;
}

static Status option(Ctx *ctx, const Session *session, OptionId id, int64_t min, int64_t max, int64_t fallback, int64_t *out) {
    *out = fallback;
    return session->cli && cli_has(session->cli, id) ? cli_integer(ctx, session->cli, id, min, max, fallback, out) : ST_OK;
}

/* One thread, and other runs, give the same bits. */
static Status check_repeated(Ctx *ctx, const GradientCheck *check, const ReadyKernel *kernel, const TensorSet *first) {
    Session alone = *check->session;
    Repeat  r = {check, &alone, kernel, first, true};
    int64_t count;
    TRY(option(ctx, check->session, OPTION_REPEATS, 1, 1000000, 1, &count));
    TRY(pool_create(ctx, 1, &alone.pool));
    Status status = ST_OK;
    for (int64_t n = 0; n < count && status == ST_OK; n++)
        status = with_own_memory(ctx, launch_again, &r);
    pool_destroy(alone.pool);
    if (status == ST_OK)
        report_fact(check->report, check->name,
                    count == 1 ? "backward, again with 1 thread"
                               : ctx_printf(ctx, "backward, %lld times with 1 thread", (long long)count),
                    r.same);
    return status;
}

/* Rope sees differences of positions alone. */
static Status check_offset(Ctx *ctx, const GradientCheck *check, const ReadyKernel *kernel, Measured *measured) {
    TensorSet moved;
    TRY(launch(ctx, check, check->session, kernel, check->offset, &moved));
    for (int i = 0; i < check->truth.count; i++) {
        const NamedTensor *const item = &check->truth.items[i];
        if (strcmp(item->name, "q") == 0 || strcmp(item->name, "k") == 0)
            TRY(judge(ctx, check, item, &moved, measured, " at an offset"));
    }
    return ST_OK;
}

static Status run_kernel(Ctx *ctx, const GradientCheck *check, const ReadyKernel *kernel) {
    TensorSet tensors;
    Measured  measured = {0};
    TRY(launch(ctx, check, check->session, kernel, 0, &tensors));
    for (int i = 0; i < check->truth.count; i++)
        TRY(judge(ctx, check, &check->truth.items[i], &tensors, &measured, ""));
    TRY(check_repeated(ctx, check, kernel, &tensors));
    return check->spec->rope_theta == 0 ? ST_OK : check_offset(ctx, check, kernel, &measured);
}

/* What is expected of which inputs; `expected`: NULL: the reference's. */
static Status prepare(Ctx *ctx, GradientCheck *check, const TensorSet *expected) {
    case_round(ctx, check->spec, check->inputs, &check->rounded);
    check->given = expected != NULL;
    if (expected)
        check->truth = *expected;
    else
        TRY(reference(ctx, check, check->inputs, false, "float64 gradients", &check->truth));
    if (case_is_rough(check->spec, &check->session->target)) {
        TensorSet exact; /* of inputs of the type; results have it, too */
        TRY(reference(ctx, check, &check->rounded, false, "gradients of rounded inputs", &exact));
        case_round(ctx, check->spec, &exact, &check->typed);
    }
    return ST_OK;
}

static int packed_bit(const GradientCheck *check) { return tensors_find(check->inputs, "cu_seqlens") ? VARIANT_PACKED : 0; }

static int variant_of(const GradientCheck *check) {
    return packed_bit(check) | (tensors_find(check->inputs, "dfinal_state") ? VARIANT_FINAL_STATE : 0) |
           (session_variant(check->session, KIND_BACKWARD, 0) & VARIANT_SAVED);
}

/* With a forward that saves, of the default schedule. */
static Status run_saved(Ctx *ctx, const GradientCheck *check, const ReadyKernel *kernel) {
    GradientCheck own = *check;
    ReadyKernel   forward;
    TRY(session_device(ctx, check->session)); /* which closes it */
    Session session = *check->session;
    session.schedule = NULL;
    session.library = NULL;
    TRY(session_kernel(ctx, &session, check->spec, KIND_FORWARD, packed_bit(check) | VARIANT_SAVED, 0, &forward));
    own.forward = &forward;
    const Status status = run_kernel(ctx, &own, kernel);
    kernel_free(&forward);
    return status;
}

static Status compile_and_run(Ctx *ctx, const GradientCheck *check) {
    ReadyKernel kernel;
    TRY(session_kernel(ctx, check->session, check->spec, KIND_BACKWARD, variant_of(check), 0, &kernel));
    const bool   saved = kernel.object->variant & VARIANT_SAVED;
    const Status status = saved ? run_saved(ctx, check, &kernel) : run_kernel(ctx, check, &kernel);
    kernel_free(&kernel);
    return status;
}

Status check_gradients(Ctx *ctx, Session *session, const Spec *spec, const char *name, const TensorSet *inputs,
                       const TensorSet *expected, int64_t offset, Report *report) {
    GradientCheck check = {.session = session, .spec = spec, .name = name, .inputs = inputs, .report = report,
                           .offset = offset < 0 ? MOST_OFFSET : offset, .threads = pool_threads(session->pool)};
    TRY(prepare(ctx, &check, expected));
    return compile_and_run(ctx, &check);
}

Status check_gradients_run(Ctx *ctx, const GradientCheck *check, Session *session, Report *report) {
    GradientCheck own = *check;
    own.session = session;
    own.report = report;
    return compile_and_run(ctx, &own);
}

/* ---- Random inputs ---- */

typedef struct RandomGradients {
    Session        *session;
    const SpecItem *item;
    Shape           shape;
    uint64_t        seed;
    Report         *report;
} RandomGradients;

static Tensor random_tensor(Ctx *ctx, Random *random, const int64_t *dims) {
    const Tensor tensor = tensor_new(ctx, DT_F32, 4, dims);
    for (int64_t i = 0; i < tensor_elements(&tensor); i++)
        ((float *)tensor.data)[i] = (float)random_normal(random);
    return tensor;
}

static void scale(TensorSet *inputs, const char *name, double factor) {
    Tensor *const tensor = tensors_find(inputs, name);
    for (int64_t i = 0; tensor && i < tensor_elements(tensor); i++)
        dtype_store(tensor->dtype, tensor->data, i, factor * dtype_load(tensor->dtype, tensor->data, i));
}

/* Large queries and keys would measure how e^x grows. */
static Status scale_inputs(Ctx *ctx, const Session *session, TensorSet *inputs) {
    static const char *const NAMES[] = {"v", "do", "dfinal_state", "q", "k"};
    int64_t                  exponent;
    TRY(option(ctx, session, OPTION_MAGNITUDE, -100, 100, 0, &exponent));
    for (int n = 0; n < (exponent < 0 ? 5 : 3); n++)
        scale(inputs, NAMES[n], ldexp(1, (int)exponent));
    return ST_OK;
}

/* A layer's inputs and do. */
static void random_inputs(Ctx *ctx, const Spec *spec, const Shape *shape, Random *random, TensorSet *inputs) {
    case_random(ctx, spec, shape, random, inputs);
    const int64_t *q = tensors_find(inputs, "q")->dims;
    const int64_t  o[] = {q[0], q[1], spec->heads, spec->value_dim};
    tensors_put(ctx, inputs, "do", random_tensor(ctx, random, o));
}

static void random_final_state(Ctx *ctx, const Spec *spec, const Shape *shape, Random *random, TensorSet *inputs) {
    const int64_t N = shape->length_count ? shape->length_count : tensors_find(inputs, "q")->dims[0];
    const int64_t state[] = {N, spec->initial_state ? spec->heads : spec->kv_heads, spec_features(spec),
                             spec->value_dim};
    tensors_put(ctx, inputs, "dfinal_state", random_tensor(ctx, random, state));
}

static Status run_random(Ctx *ctx, void *arg) {
    RandomGradients *run = arg;
    const Spec      *spec = &run->item->spec;
    Random           random = {run->seed};
    TensorSet        inputs;
    random_inputs(ctx, spec, &run->shape, &random, &inputs);
    const int wanted = session_variant(run->session, KIND_BACKWARD, random_next(&random) % 2 ? VARIANT_FINAL_STATE : 0);
    if (!spec->full && wanted & VARIANT_FINAL_STATE)
        random_final_state(ctx, spec, &run->shape, &random, &inputs);
    TRY(scale_inputs(ctx, run->session, &inputs));
    return check_gradients(ctx, run->session, spec, item_title(ctx, run->item), &inputs, NULL, run->shape.pos,
                           run->report);
}

Status check_gradients_open(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                            const GradientCheck **out) {
    GradientCheck *check = NEW(ctx, GradientCheck);
    TensorSet     *inputs = NEW(ctx, TensorSet);
    Random         random = {seed};
    *check = (GradientCheck){.session = session, .spec = &item->spec, .name = item_title(ctx, item), .inputs = inputs,
                             .offset = MOST_OFFSET, .threads = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    *out = check;
    random_inputs(ctx, &item->spec, shape, &random, inputs);
    return prepare(ctx, check, NULL);
}

/* The reference computes every row: no more than show the residual branch by default. */
Status check_random_gradients(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                              Report *report) {
    RandomGradients run = {.session = session, .item = item, .shape = *shape, .seed = seed, .report = report};
    if (run.shape.B < 0)
        run.shape.B = item->spec.window > 256 || item->spec.full ? 1 : 2;
    if (run.shape.T < 0)
        run.shape.T = (item->spec.full ? 0 : item->spec.window) + TOKENS_BEYOND;
    return with_own_memory(ctx, run_random, &run);
}
