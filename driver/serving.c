/* Feeding extend and decode kernels: see serving.h. */
#include "driver/serving.h"

#include "driver/judge.h"
#include "driver/terminal.h"

#include <string.h>

enum { SPARE_SLOTS = 2, SIT_OUT = 8 /* one in so many sits a step out */ };

/* One launch: lane l works on sequence lanes[l], or sits out where counts[l] is 0. */
typedef struct Step {
    int64_t   lanes;
    int64_t  *sequence, *count; /* of each lane */
    int64_t   tokens;           /* dim 1 of q: of each lane, or of all where packed */
    TensorSet tensors;
} Step;

static void shuffle(Random *random, int64_t *list, int64_t count) {
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = random_between(random, 0, i), swap = list[i];
        list[i] = list[j];
        list[j] = swap;
    }
}

static Tensor random_pool(Ctx *ctx, Random *random, DType dtype, const int64_t *dims) {
    const Tensor  pool = tensor_new(ctx, dtype, 4, dims);
    const int64_t n = tensor_elements(&pool);
    for (int64_t i = 0; i < n; i++)
        dtype_store(dtype, pool.data, i, 100 * random_normal(random));
    return pool;
}

static Tensor copy_of(Ctx *ctx, const Tensor *tensor) {
    const Tensor copy = tensor_new(ctx, tensor->dtype, tensor->rank, tensor->dims);
    memcpy(copy.data, tensor->data, tensor_bytes(tensor));
    return copy;
}

/* A sequence's state begins as h0, or 0. */
static void clear_state(const Serving *serving, int64_t n) {
    const Tensor *state = tensors_find(&serving->pools, "state"), *h0 = tensors_find(serving->inputs, "h0");
    const size_t  bytes = tensor_bytes(state) / (size_t)serving->slots;
    char         *at = (char *)state->data + (size_t)serving->slot[n] * bytes;
    if (h0)
        memcpy(at, (const char *)h0->data + (size_t)n * bytes, bytes);
    else
        memset(at, 0, bytes);
}

static void open_pools(Ctx *ctx, Serving *serving) {
    const Spec   *spec = &serving->kernel->spec;
    const int64_t P = serving->slots, R = serving->kernel->object->ring_rows, Hk = spec->kv_heads;
    const int64_t ring_k[] = {P, Hk, R, spec->head_dim}, ring_v[] = {P, Hk, R, spec->value_dim};
    const int64_t state[] = {P, spec->initial_state ? spec->heads : Hk, spec_features(spec), spec->value_dim};
    tensors_put(ctx, &serving->pools, "ring_k", random_pool(ctx, serving->random, spec->dtype, ring_k));
    tensors_put(ctx, &serving->pools, "ring_v", random_pool(ctx, serving->random, spec->dtype, ring_v));
    tensors_put(ctx, &serving->pools, "state", random_pool(ctx, serving->random, DT_F32, state));
    for (int64_t n = 0; n < serving->N; n++)
        clear_state(serving, n);
    for (int i = 0; i < serving->pools.count; i++)
        tensors_put(ctx, &serving->spare, serving->pools.items[i].name, copy_of(ctx, &serving->pools.items[i].tensor));
}

void serving_open(Ctx *ctx, Serving *serving) {
    const Tensor *q = tensors_find(serving->inputs, "q"), *v = tensors_find(serving->inputs, "v");
    const Tensor *ends = tensors_find(serving->inputs, "cu_seqlens");
    const int64_t o_dims[] = {q->dims[0], q->dims[1], q->dims[2], v->dims[3]};
    serving->T = q->dims[1];
    serving->N = ends ? ends->dims[0] - 1 : q->dims[0];
    serving->slots = serving->N + SPARE_SLOTS;
    serving->slot = NEW_ARRAY(ctx, int64_t, serving->slots);
    serving->position = NEW_ARRAY(ctx, int64_t, serving->N);
    serving->begin = NEW_ARRAY(ctx, int64_t, serving->N);
    serving->length = NEW_ARRAY(ctx, int64_t, serving->N);
    for (int64_t s = 0; s < serving->slots; s++)
        serving->slot[s] = s;
    shuffle(serving->random, serving->slot, serving->slots);
    for (int64_t n = 0; n < serving->N; n++) {
        serving->begin[n] = ends ? ((const int32_t *)ends->data)[n] : n * serving->T;
        serving->length[n] = ends ? ((const int32_t *)ends->data)[n + 1] - serving->begin[n] : serving->T;
    }
    serving->o = tensor_new(ctx, q->dtype, 4, o_dims);
    tensor_poison(&serving->o);
    serving->skipped_untouched = true;
    open_pools(ctx, serving);
}

static int64_t remaining(const Serving *serving, int64_t n, int64_t until) {
    const int64_t end = serving->length[n] < until ? serving->length[n] : until;
    return end - serving->position[n];
}

/* Tokens of all lanes of a packed step for which there are `piece` tokens a sequence, rounded up to a power of two: so many that
 * what is left can be shared out like that, too. */
static int64_t packed_tokens(const Serving *serving, int64_t until) {
    const int64_t most = serving->N * serving->piece, least = serving->piece > 1 ? most / 2 + 1 : 1;
    int64_t       left = 0;
    for (int64_t n = 0; n < serving->N; n++)
        left += remaining(serving, n, until) > 0 ? remaining(serving, n, until) : 0;
    const int64_t later = (left + most - 1) / most - 1;
    const int64_t low = left - later * most > least ? left - later * most : least;
    const int64_t high = left - later * least < most ? left - later * least : most;
    return low < high ? random_between(serving->random, low, high) : low < left ? low : left;
}

/* Shares them out, unevenly; where there is enough for the others some lanes sit out. */
static void deal_packed(const Serving *serving, int64_t until, int64_t mover, Step *step) {
    int64_t left = packed_tokens(serving, until);
    for (int64_t l = 0; l < step->lanes; l++) {
        step->count[l] = step->sequence[l] == mover;
        left -= step->count[l];
    }
    for (int round = 0; left > 0; round++)
        for (int64_t l = 0; l < step->lanes; l++) {
            const int64_t has = remaining(serving, step->sequence[l], until) - step->count[l];
            const int64_t most = has < left ? has : left;
            const bool    out = round == 0 && random_between(serving->random, 1, SIT_OUT) == 1;
            if (out || most <= 0)
                continue;
            const int64_t given = most > serving->piece ? random_between(serving->random, 1, serving->piece) : most;
            step->count[l] += given;
            left -= given;
        }
    for (int64_t l = 0; l < step->lanes; l++)
        step->tokens += step->count[l];
}

/* Who takes part in a step and with how many tokens. At least one sequence moves. */
static void plan_step(Ctx *ctx, const Serving *serving, int64_t most, int64_t until, int64_t mover, Step *step) {
    Random       *random = serving->random;
    const int64_t left = remaining(serving, mover, until);
    const int64_t size = serving->piece ? serving->piece : random_between(random, 1, left < most ? left : most);
    step->lanes = serving->N;
    step->sequence = NEW_ARRAY(ctx, int64_t, serving->N);
    step->count = NEW_ARRAY(ctx, int64_t, serving->N);
    for (int64_t l = 0; l < step->lanes; l++)
        step->sequence[l] = l;
    shuffle(random, step->sequence, step->lanes);
    if (serving->packed && serving->piece) {
        deal_packed(serving, until, mover, step);
        return;
    }
    for (int64_t l = 0; l < step->lanes; l++) {
        const int64_t n = step->sequence[l], has = remaining(serving, n, until);
        const bool    out = n != mover && (random_between(random, 1, SIT_OUT) == 1 || has <= 0);
        if (!out && serving->packed && has > 0)
            step->count[l] = n == mover ? size : random_between(random, 1, has < most ? has : most);
        else if (!out && has >= size)
            step->count[l] = size;
        step->tokens += serving->packed ? step->count[l] : 0;
    }
    if (!serving->packed)
        step->tokens = size;
}

/* Row of the step's q, k, v and o where the lane's tokens begin. */
static int64_t lane_row(const Serving *serving, const Step *step, int64_t lane) {
    if (!serving->packed)
        return lane * step->tokens;
    int64_t row = 0;
    for (int64_t l = 0; l < lane; l++)
        row += step->count[l];
    return row;
}

/* The step's tokens of q, k or v; lanes that sit out get numbers that would show. */
static void gather(Ctx *ctx, const Serving *serving, Step *step, const char *name) {
    const Tensor *whole = tensors_find(serving->inputs, name);
    const int64_t dims[] = {serving->packed ? 1 : step->lanes, step->tokens, whole->dims[2], whole->dims[3]};
    const Tensor  piece = tensor_new(ctx, whole->dtype, 4, dims);
    const size_t  row_bytes = (size_t)(dims[2] * dims[3]) * dtype_size(whole->dtype);
    tensor_poison(&piece);
    for (int64_t l = 0; l < step->lanes; l++) {
        const int64_t n = step->sequence[l];
        memcpy((char *)piece.data + (size_t)lane_row(serving, step, l) * row_bytes,
               (const char *)whole->data + (size_t)(serving->begin[n] + serving->position[n]) * row_bytes,
               (size_t)step->count[l] * row_bytes);
    }
    tensors_put(ctx, &step->tensors, name, piece);
}

static void put_lanes(Ctx *ctx, const Serving *serving, Step *step) {
    const int64_t lanes[] = {step->lanes}, ends[] = {step->lanes + 1};
    const Tensor  slots = tensor_new(ctx, DT_I32, 1, lanes), pos = tensor_new(ctx, DT_I32, 1, lanes);
    const Tensor  cu_seqlens = tensor_new(ctx, DT_I32, 1, ends);
    for (int64_t l = 0; l < step->lanes; l++) {
        const int64_t n = step->sequence[l];
        ((int32_t *)slots.data)[l] = step->count[l] ? (int32_t)serving->slot[n] : -1;
        ((int32_t *)pos.data)[l] = (int32_t)serving->position[n];
        ((int32_t *)cu_seqlens.data)[l + 1] = ((int32_t *)cu_seqlens.data)[l] + (int32_t)step->count[l];
    }
    tensors_put(ctx, &step->tensors, "slots", slots);
    tensors_put(ctx, &step->tensors, "pos", pos);
    if (serving->packed)
        tensors_put(ctx, &step->tensors, "cu_seqlens", cu_seqlens);
}

static void make_step_tensors(Ctx *ctx, const Serving *serving, Step *step) {
    static const char *const PIECES[] = {"q", "k", "v"};
    static const char *const SHARED[] = {"swa_norm", "rla_norm", "sink", "q_scale", "k_scale"};
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++)
        gather(ctx, serving, step, PIECES[i]);
    for (size_t i = 0; i < sizeof SHARED / sizeof *SHARED; i++)
        if (tensors_find(serving->inputs, SHARED[i]))
            tensors_put(ctx, &step->tensors, SHARED[i], *tensors_find(serving->inputs, SHARED[i]));
    for (int i = 0; i < serving->pools.count; i++)
        tensors_put(ctx, &step->tensors, serving->pools.items[i].name, serving->pools.items[i].tensor);
    put_lanes(ctx, serving, step);
}

/* Copies the step's o to its place and moves the sequences on. */
static void scatter(Serving *serving, const Step *step, const Tensor *o, const Tensor *before) {
    const size_t row_bytes = (size_t)(o->dims[2] * o->dims[3]) * dtype_size(o->dtype);
    for (int64_t l = 0; l < step->lanes; l++) {
        const int64_t n = step->sequence[l], row = lane_row(serving, step, l);
        const char   *from = (const char *)o->data + (size_t)row * row_bytes;
        memcpy((char *)serving->o.data + (size_t)(serving->begin[n] + serving->position[n]) * row_bytes, from,
               (size_t)step->count[l] * row_bytes);
        if (step->count[l] == 0 && !serving->packed &&
            memcmp(from, (const char *)before->data + (size_t)row * row_bytes, (size_t)step->tokens * row_bytes) != 0)
            serving->skipped_untouched = false;
        serving->position[n] += step->count[l];
    }
}

typedef struct StepJob {
    Serving           *serving;
    const ReadyKernel *kernel;
    int64_t            most, until, mover;
} StepJob;

static Status run_step(Ctx *ctx, void *arg) {
    const StepJob *job = arg;
    Serving       *serving = job->serving;
    Step           step = {0};
    plan_step(ctx, serving, job->most, job->until, job->mover, &step);
    make_step_tensors(ctx, serving, &step);
    TRY(kernel_add_outputs(ctx, job->kernel, &step.tensors));
    const Tensor *o = tensors_find(&step.tensors, "o");
    tensor_poison(o);
    const Tensor before = copy_of(ctx, o);
    TRY(kernel_launch(ctx, serving->session, job->kernel, &step.tensors, 0));
    scatter(serving, &step, o, &before);
    return ST_OK;
}

static int64_t tokens_fed(const Serving *serving) {
    int64_t fed = 0;
    for (int64_t n = 0; n < serving->N; n++)
        fed += serving->position[n];
    return fed;
}

static int64_t tokens_to_feed(const Serving *serving, int64_t until) {
    int64_t tokens = tokens_fed(serving);
    for (int64_t n = 0; n < serving->N; n++)
        tokens += remaining(serving, n, until) > 0 ? remaining(serving, n, until) : 0;
    return tokens;
}

Status serving_feed(Ctx *ctx, Serving *serving, const ReadyKernel *kernel, int64_t most, int64_t until) {
    StepJob  job = {serving, kernel, most, until, 0};
    Progress progress;
    progress_start(&progress, kernel->object->kind == KIND_DECODE ? "decode" : "extend");
    for (int64_t n = 0; n < serving->N; n++)
        while (remaining(serving, n, until) > 0) {
            job.mover = n;
            TRY(with_own_memory(ctx, run_step, &job));
            progress_step(&progress, tokens_fed(serving), tokens_to_feed(serving, until));
        }
    progress_end(&progress);
    return ST_OK;
}

bool serving_spare_untouched(const Serving *serving) {
    for (int i = 0; i < serving->pools.count; i++) {
        const Tensor *now = &serving->pools.items[i].tensor, *then = &serving->spare.items[i].tensor;
        const size_t  bytes = tensor_bytes(now) / (size_t)serving->slots;
        for (int64_t s = serving->N; s < serving->slots; s++) {
            const size_t at = (size_t)serving->slot[s] * bytes;
            if (memcmp((const char *)now->data + at, (const char *)then->data + at, bytes) != 0)
                return false;
        }
    }
    return true;
}

bool serving_ring_right(const Serving *serving, const char *what) {
    const Spec   *spec = &serving->kernel->spec;
    const Tensor *whole = tensors_find(serving->inputs, what);
    const Tensor *ring = tensors_find(&serving->pools, strcmp(what, "k") == 0 ? "ring_k" : "ring_v");
    const int64_t heads = ring->dims[1], rows = ring->dims[2];
    const size_t  bytes = (size_t)ring->dims[3] * dtype_size(ring->dtype);
    for (int64_t n = 0; n < serving->N; n++) {
        const int64_t end = serving->position[n], kept = spec->window + end % spec_fold(spec);
        for (int64_t j = end > kept ? end - kept : 0; j < end; j++)
            for (int64_t h = 0; h < heads; h++)
                if (memcmp(
                        (const char *)ring->data + (size_t)((serving->slot[n] * heads + h) * rows + j % rows) * bytes,
                        (const char *)whole->data + (size_t)((serving->begin[n] + j) * heads + h) * bytes, bytes) != 0)
                    return false;
    }
    return true;
}

Tensor serving_states(Ctx *ctx, const Serving *serving) {
    const Tensor *pool = tensors_find(&serving->pools, "state");
    const int64_t dims[] = {serving->N, pool->dims[1], pool->dims[2], pool->dims[3]};
    const Tensor  states = tensor_new(ctx, DT_F32, 4, dims);
    const size_t  bytes = tensor_bytes(pool) / (size_t)serving->slots;
    for (int64_t n = 0; n < serving->N; n++)
        memcpy((char *)states.data + (size_t)n * bytes, (const char *)pool->data + (size_t)serving->slot[n] * bytes,
               bytes);
    return states;
}
