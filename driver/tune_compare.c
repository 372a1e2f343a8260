/* Outputs compared: see tune_compare.h. */
#include "driver/tune_compare.h"

#include "driver/judge.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 1 << 16 /* elements that a thread takes at a time */ };

/* Of the norm of do: sums over all tokens that cancel, as a sink's gradient before a norm, are noise of terms as large. */
static const double CANCELLED = 0.024;

static void *shared_memory(Ctx *ctx, size_t bytes) {
    void *memory = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    ctx_fail(ctx, ST_NO_MEMORY, NULL, "tune for smaller shapes", "no %zu bytes for the tensors", bytes);
    return NULL;
}

static void free_shared(const Tensor *tensor) {
    const size_t bytes = tensor_bytes(tensor);
    if (tensor->data)
        munmap(tensor->data, bytes ? bytes : 1);
}

static bool is_written(const CodeParam *param) { return param->role == PARAM_OUT || param->role == PARAM_INOUT; }

static Status open_one(Ctx *ctx, const CodeParam *param, const TensorSet *tensors, TuneOutput *output) {
    Tensor *tensor = tensors_find(tensors, param->name);
    *output = (TuneOutput){.name = ctx_strdup(ctx, param->name), .fresh = param->role == PARAM_OUT, .expected = *tensor};
    output->expected.data = shared_memory(ctx, tensor_bytes(tensor));
    if (output->fresh)
        tensor->data = shared_memory(ctx, tensor_bytes(tensor));
    return ctx->status;
}

/* Before anything can fail: the memory behind an output is either shared or none. */
static void forget_memory(const CodeObject *object, const TensorSet *tensors) {
    for (int p = 0; p < object->param_count; p++)
        if (object->params[p].role == PARAM_OUT)
            tensors_find(tensors, object->params[p].name)->data = NULL;
}

Status tune_outputs_open(Ctx *ctx, const CodeObject *object, TensorSet *tensors, TuneOutputs *out) {
    *out = (TuneOutputs){.items = NEW_ARRAY(ctx, TuneOutput, object->param_count)};
    forget_memory(object, tensors);
    for (int p = 0; p < object->param_count; p++)
        if (is_written(&object->params[p]))
            TRY(open_one(ctx, &object->params[p], tensors, &out->items[out->count++]));
    return ST_OK;
}

void tune_outputs_close(const TensorSet *tensors, const TuneOutputs *outputs) {
    for (int i = 0; i < outputs->count; i++) {
        free_shared(&outputs->items[i].expected);
        if (outputs->items[i].fresh)
            free_shared(tensors_find(tensors, outputs->items[i].name));
    }
}

void tune_outputs_poison(const TensorSet *tensors, const TuneOutputs *outputs) {
    for (int i = 0; i < outputs->count; i++)
        if (outputs->items[i].fresh)
            tensor_poison(tensors_find(tensors, outputs->items[i].name));
}

void tune_outputs_expect(const TensorSet *tensors, const TuneOutputs *outputs) {
    for (int i = 0; i < outputs->count; i++) {
        const Tensor *tensor = tensors_find(tensors, outputs->items[i].name);
        memcpy(outputs->items[i].expected.data, tensor->data, tensor_bytes(tensor));
    }
}

typedef struct Comparison {
    const Tensor *got, *wanted;
    Difference   *parts; /* of each block */
} Comparison;

static void compare_block(void *arg, int64_t block, int thread) {
    const Comparison *c = arg;
    const int64_t     first = block * BLOCK, all = tensor_elements(c->wanted), last = first + BLOCK < all ? first + BLOCK : all;
    Difference        part = {0};
    (void)thread;
    for (int64_t i = first; i < last; i++)
        difference_add(&part, dtype_load(c->got->dtype, c->got->data, i), dtype_load(c->wanted->dtype, c->wanted->data, i));
    c->parts[block] = part;
}

/* The same bits with any number of threads. */
static Difference difference_of(Ctx *ctx, Pool *pool, const Tensor *got, const Tensor *wanted) {
    const int64_t blocks = (tensor_elements(wanted) + BLOCK - 1) / BLOCK;
    Comparison    comparison = {got, wanted, NEW_ARRAY(ctx, Difference, blocks + 1)};
    Difference    sum = {0};
    pool_run(pool, compare_block, &comparison, blocks);
    for (int64_t b = 0; b < blocks; b++) {
        sum.squares += comparison.parts[b].squares;
        sum.norm += comparison.parts[b].norm;
        sum.broken = sum.broken || comparison.parts[b].broken;
    }
    return sum;
}

static Status compare_one(Ctx *ctx, Pool *pool, const Tensor *got, const TuneOutput *output, double least, double bound) {
    if (memcmp(got->data, output->expected.data, tensor_bytes(got)) == 0 && !output->fresh)
        return ST_OK;
    Difference difference = difference_of(ctx, pool, got, &output->expected);
    difference.norm = fmax(difference.norm, least);
    const double error = difference_relative(&difference);
    if (error <= bound)
        return ST_OK;
    return ctx_fail(ctx, ST_MISMATCH, NULL, NULL, "%s differs from the default schedule's by %.2g, bound %.2g", output->name,
                    error, bound);
}

Status tune_outputs_compare(Ctx *ctx, Pool *pool, const TensorSet *tensors, const TuneOutputs *outputs, double bound) {
    const Tensor *upstream = tensors_find(tensors, "do");
    const double  least =
        upstream ? CANCELLED * CANCELLED * difference_of(ctx, pool, upstream, upstream).norm : 0;
    for (int i = 0; i < outputs->count; i++)
        TRY(compare_one(ctx, pool, tensors_find(tensors, outputs->items[i].name), &outputs->items[i], least, bound));
    return ST_OK;
}
