/* Random cases: see check_random.h. The truth is float64 on the inputs before rounding; kernels get the rounded ones.
 * Forward runs whole; extend feeds the same sequences in chunks of random size; decode step by step: all must give
 * forward's rows and final state. */
#include "driver/check_random.h"

#include "base/text.h"
#include "driver/aot_load.h"
#include "driver/judge.h"
#include "driver/serving.h"
#include "driver/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Multiply-adds that the reference may spend on all rows; above, SAMPLED rows are compared. */
static const double REFERENCE_BUDGET = 4e9;
/* The same for a tuner, which has better things to do with its time. */
static const double SAMPLING_BUDGET = 2e8;
enum { SAMPLED = 96, MOST_DECODED = 1536, DECODED_OF_LONG = 256, DECODED_BRIEFLY = 64, MOST_OFFSET = 1000000, FEW_TOKENS = 4 };

struct RandomCheck {
    Session        *session;
    const SpecItem *item;
    const Shape    *shape;
    uint64_t        seed;
    Report         *report;
    Random          random;
    const Spec     *spec;
    const char     *name;
    TensorSet       inputs, rounded;
    int64_t        *rows; /* NULL: all */
    int64_t         row_count;
    bool            rough;        /* see case_is_rough */
    Reference       truth, typed; /* typed: of rough inputs only */
    double          budget;       /* multiply-adds of the reference: see REFERENCE_BUDGET */
    int             threads;      /* of the reference */
    bool            one_kind;     /* only `kind`, other kinds that it needs with their default schedules */
    KernelKind      kind;
};

static bool add_row(RandomCheck *check, int64_t row, int64_t begin, int64_t end) {
    if (row < begin || row >= end)
        return false;
    for (int64_t i = 0; i < check->row_count; i++)
        if (check->rows[i] == row)
            return false;
    check->rows[check->row_count++] = row;
    return true;
}

static int compare_rows(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Rows where things change, and some at random, of each sequence. */
static void sample_rows(Ctx *ctx, RandomCheck *check) {
    const Tensor  *q = tensors_find(&check->inputs, "q"), *lengths = tensors_find(&check->inputs, "cu_seqlens");
    const int32_t *ends = lengths ? lengths->data : NULL;
    const int64_t  N = lengths ? lengths->dims[0] - 1 : q->dims[0], T = q->dims[1], W = check->spec->window;
    const int64_t  edges[] = {0, 1, W - 1, W, W + 1, 2 * W, -2, -1}; /* from the begin, or from the end */
    const int      edge_count = sizeof edges / sizeof *edges;
    const int64_t  random_rows = N < SAMPLED ? SAMPLED / (N ? N : 1) : 1;
    if (reference_cost(check->spec, q->dims[0] * T, q->dims[0] * T) <= check->budget)
        return;
    check->rows = NEW_ARRAY(ctx, int64_t, N *(edge_count + random_rows));
    for (int64_t n = 0; n < N; n++) {
        const int64_t begin = ends ? ends[n] : n * T, end = ends ? ends[n + 1] : begin + T;
        for (int e = 0; e < edge_count; e++)
            add_row(check, (edges[e] < 0 ? end : begin) + edges[e], begin, end);
        for (int64_t r = 0; r < random_rows && end > begin; r++)
            add_row(check, random_between(&check->random, begin, end - 1), begin, end);
    }
    qsort(check->rows, (size_t)check->row_count, sizeof *check->rows, compare_rows);
}

static Status find_truth(Ctx *ctx, RandomCheck *check) {
    Progress         progress;
    ReferenceRequest request = {.spec = check->spec,
                                .inputs = &check->inputs,
                                .rows = check->rows,
                                .row_count = check->row_count,
                                .threads = check->threads,
                                .progress = &progress};
    progress_start(&progress, "float64 reference");
    TRY(reference_run(ctx, &request, &check->truth));
    progress_end(&progress);
    if (!check->rough)
        return ST_OK;
    TensorSet rough;
    case_roughen(ctx, check->spec, &check->rounded, &rough);
    request.inputs = &rough;
    request.single = true;
    progress_start(&progress, "dense evaluation of the type");
    TRY(reference_run(ctx, &request, &check->typed));
    progress_end(&progress);
    return ST_OK;
}

static void judge(RandomCheck *check, const char *label, const char *output, const Tensor *tensor) {
    const Spec  *spec = check->spec;
    const double typed = check->rough ? reference_error(spec, &check->truth, output, &check->typed) : 0;
    report_row(check->report, check->name, label, output_error(spec, &check->truth, check->rows, output, tensor),
               accuracy_bound(typed));
}

static int packed_bit(const RandomCheck *check) { return check->shape->length_count ? VARIANT_PACKED : 0; }

/* One thread gives the same bits as many. */
static Status check_one_thread(Ctx *ctx, RandomCheck *check, const ReadyKernel *kernel, TensorSet *tensors) {
    Session      alone = *check->session;
    Tensor      *o = tensors_find(tensors, "o");
    const Tensor many = *o;
    *o = tensor_new(ctx, o->dtype, o->rank, o->dims);
    tensor_poison(o);
    TRY(pool_create(ctx, 1, &alone.pool));
    const Status status = kernel_launch(ctx, &alone, kernel, tensors, 0);
    pool_destroy(alone.pool);
    if (status == ST_OK)
        report_fact(check->report, check->name, "forward o, 1 thread",
                    memcmp(many.data, o->data, tensor_bytes(o)) == 0);
    return status;
}

/* Rope sees differences of positions alone: wherever the sequences start, the truth is the same. */
static Status check_offset(Ctx *ctx, RandomCheck *check, const ReadyKernel *kernel, const TensorSet *before) {
    TensorSet     tensors = *before;
    const int64_t given = check->shape->pos;
    if (check->spec->rope_theta == 0)
        return ST_OK;
    tensors.items = NEW_ARRAY(ctx, NamedTensor, tensors.capacity);
    memcpy(tensors.items, before->items, sizeof *tensors.items * (size_t)tensors.count);
    Tensor *o = tensors_find(&tensors, "o");
    *o = tensor_new(ctx, o->dtype, o->rank, o->dims);
    tensor_poison(o);
    TRY(kernel_launch(ctx, check->session, kernel, &tensors,
                      given >= 0 ? given : random_between(&check->random, 1, MOST_OFFSET)));
    judge(check, "forward o at an offset", "o", o);
    return ST_OK;
}

static Status run_forward(Ctx *ctx, RandomCheck *check, const ReadyKernel *kernel) {
    enum { OUTPUTS = 5 };
    static const char *const NAMES[OUTPUTS] = {"o", "lse", "final_state", "swa", "rla"};
    TensorSet                tensors = {0};
    for (int i = 0; i < check->rounded.count; i++)
        tensors_put(ctx, &tensors, check->rounded.items[i].name, check->rounded.items[i].tensor);
    TRY(kernel_add_outputs(ctx, kernel, &tensors));
    for (int i = 0; i < OUTPUTS; i++)
        if (tensors_find(&tensors, NAMES[i]))
            tensor_poison(tensors_find(&tensors, NAMES[i]));
    TRY(kernel_launch(ctx, check->session, kernel, &tensors, 0));
    for (int i = 0; i < OUTPUTS; i++)
        if (tensors_find(&tensors, NAMES[i]))
            judge(check, ctx_printf(ctx, "forward %s", NAMES[i]), NAMES[i], tensors_find(&tensors, NAMES[i]));
    TRY(check_offset(ctx, check, kernel, &tensors));
    return kernel->library || pool_threads(check->session->pool) == 1 ? ST_OK : check_one_thread(ctx, check, kernel, &tensors);
}

static Status check_forward(Ctx *ctx, RandomCheck *check) {
    ReadyKernel kernel;
    const int   usual = VARIANT_LSE | (check->spec->full ? 0 : VARIANT_FINAL_STATE) | packed_bit(check);
    const int   variant = session_variant(check->session, KIND_FORWARD, usual);
    TRY(session_kernel(ctx, check->session, check->spec, KIND_FORWARD, variant, 0, &kernel));
    const Status status = run_forward(ctx, check, &kernel);
    kernel_free(&kernel);
    return status;
}

static int64_t longest(const Serving *serving) {
    int64_t most = 0;
    for (int64_t n = 0; n < serving->N; n++)
        most = serving->length[n] > most ? serving->length[n] : most;
    return most;
}

static void judge_serving(Ctx *ctx, RandomCheck *check, const Serving *serving, const char *kind) {
    const char  *name = check->name;
    const Tensor states = serving_states(ctx, serving);
    judge(check, ctx_printf(ctx, "%s o", kind), "o", &serving->o);
    judge(check, ctx_printf(ctx, "%s state", kind), "final_state", &states);
    report_fact(check->report, name, ctx_printf(ctx, "%s ring_k", kind), serving_ring_right(serving, "k"));
    report_fact(check->report, name, ctx_printf(ctx, "%s ring_v", kind), serving_ring_right(serving, "v"));
    report_fact(check->report, name, ctx_printf(ctx, "%s other slots", kind), serving_spare_untouched(serving));
    report_fact(check->report, name, ctx_printf(ctx, "%s slot -1", kind), serving->skipped_untouched);
}

/* Rows of the ring: those of --shape, else as many as it must have and sometimes more. */
static int64_t choose_ring(RandomCheck *check) {
    if (check->shape->ring > 0)
        return check->shape->ring;
    return spec_ring_rows(check->spec) + (random_next(&check->random) % 2 ? random_between(&check->random, 1, 40) : 0);
}

/* Tokens of every launch where a library's kernel is for one bucket of shapes; 0: any number. */
static int64_t piece_of(const RandomCheck *check, KernelKind kind) {
    const AotEntry *entry = check->session->library;
    return entry && entry->object->kind == (int)kind && entry->bucket.N > 0 ? entry->bucket.T : 0;
}

static Status serve(Ctx *ctx, RandomCheck *check, const ReadyKernel *extend, const ReadyKernel *decode) {
    const int64_t W = check->spec->window;
    Serving       chunks = {.session = check->session,
                            .kernel = extend,
                            .inputs = &check->rounded,
                            .random = &check->random,
                            .packed = packed_bit(check) != 0};
    Serving       steps = chunks;
    if (!check->one_kind || check->kind == KIND_EXTEND) {
        chunks.piece = piece_of(check, KIND_EXTEND);
        serving_open(ctx, &chunks);
        TRY(serving_feed(ctx, &chunks, extend, random_between(&check->random, 1, 2 * W + 70), INT64_MAX));
        judge_serving(ctx, check, &chunks, "extend");
    }
    if (check->one_kind && check->kind == KIND_EXTEND)
        return ST_OK;
    serving_open(ctx, &steps);
    const int64_t piece = piece_of(check, KIND_DECODE), decoded = piece > 1 ? DECODED_OF_LONG / piece * piece + piece : DECODED_OF_LONG;
    if (check->one_kind && longest(&steps) > DECODED_BRIEFLY)
        TRY(serving_feed(ctx, &steps, extend, INT64_MAX, longest(&steps) - DECODED_BRIEFLY));
    else if (longest(&steps) > MOST_DECODED)
        TRY(serving_feed(ctx, &steps, extend, INT64_MAX, longest(&steps) - decoded));
    steps.piece = piece;
    TRY(serving_feed(ctx, &steps, decode, random_next(&check->random) % 2 ? 1 : FEW_TOKENS, INT64_MAX));
    judge_serving(ctx, check, &steps, "decode");
    return ST_OK;
}

/* The schedule without its segment, which has no meaning where sequences cannot be cut, and without roles and what runs beside
 * main, which a step has not. */
static const char *serving_schedule(Ctx *ctx, const RandomCheck *check, KernelKind kind) {
    const char *schedule = check->one_kind && check->kind != kind ? NULL : check->session->schedule;
    Text        text = TEXT(ctx);
    char       *words = ctx_strdup(ctx, schedule ? schedule : ""), *rest = NULL;
    for (char *word = strtok_r(words, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest))
        if (strncmp(word, "segment=", strlen("segment=")) != 0 &&
            (kind != KIND_DECODE ||
             (strncmp(word, "roles=", strlen("roles=")) != 0 && strncmp(word, "beside=", strlen("beside=")) != 0)))
            text_add(&text, "%s ", word);
    return schedule ? text_str(&text) : NULL;
}

static Status check_serving(Ctx *ctx, RandomCheck *check) {
    ReadyKernel   extend, decode = {0};
    Session       session = *check->session;
    const bool    steps = !check->one_kind || check->kind == KIND_DECODE;
    const int64_t ring = choose_ring(check);
    session.schedule = serving_schedule(ctx, check, KIND_EXTEND);
    TRY(session_kernel(ctx, &session, check->spec, KIND_EXTEND, packed_bit(check), ring, &extend));
    session.schedule = serving_schedule(ctx, check, KIND_DECODE);
    session.bucket.T = session.bucket.N ? 1 : 0;
    Status status =
        steps ? session_kernel(ctx, &session, check->spec, KIND_DECODE, packed_bit(check), ring, &decode) : ST_OK;
    if (status == ST_OK) {
        status = serve(ctx, check, &extend, &decode);
        kernel_free(&decode);
    }
    kernel_free(&extend);
    return status;
}

static Shape default_shape(const Spec *spec, const Shape *given) {
    Shape shape = *given;
    if (shape.B < 0)
        shape.B = 2;
    if (shape.T < 0)
        shape.T = spec->full ? 300 : spec->window > 1000 ? spec->window + 300 : 2 * spec->window + 77;
    return shape;
}

/* The inputs and what is right for them. */
static Status prepare(Ctx *ctx, RandomCheck *check) {
    const Shape shape = default_shape(check->spec, check->shape);
    check->name = item_title(ctx, check->item);
    check->session->bucket = shape_bucket(&shape);
    check->random.state = check->seed;
    case_random(ctx, check->spec, &shape, &check->random, &check->inputs);
    case_round(ctx, check->spec, &check->inputs, &check->rounded);
    check->rough = case_is_rough(check->spec, &check->session->target);
    sample_rows(ctx, check);
    return find_truth(ctx, check);
}

static Status run_check(Ctx *ctx, void *arg) {
    RandomCheck *check = arg;
    TRY(prepare(ctx, check));
    TRY(check_forward(ctx, check));
    /* Full attention has no ring of bounded size, so neither kind. */
    return check->spec->full ? ST_OK : check_serving(ctx, check);
}

Status check_random(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                    Report *report) {
    RandomCheck check = {.session = session, .item = item, .shape = shape, .seed = seed, .report = report,
                         .spec = &item->spec, .budget = REFERENCE_BUDGET, .threads = pool_threads(session->pool)};
    return with_own_memory(ctx, run_check, &check);
}

Status check_random_open(Ctx *ctx, Session *session, const SpecItem *item, const Shape *shape, uint64_t seed,
                         const RandomCheck **out) {
    RandomCheck *check = NEW(ctx, RandomCheck);
    *check = (RandomCheck){.session = session, .item = item, .shape = shape, .seed = seed, .spec = &item->spec,
                           .budget = SAMPLING_BUDGET, .threads = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    *out = check;
    return prepare(ctx, check);
}

Status check_random_kind(Ctx *ctx, const RandomCheck *check, Session *session, KernelKind kind, Report *report) {
    RandomCheck own = *check;
    own.session = session;
    own.report = report;
    own.one_kind = true;
    own.kind = kind;
    return kind == KIND_FORWARD ? check_forward(ctx, &own) : check_serving(ctx, &own);
}
