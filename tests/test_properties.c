/* link: rattan_driver */
/* What must hold of any layer, whatever its numbers: linear in v, causal, the same with other tiles, threads, strides
 * and packings, finite where inputs are finite. Each property is tried on random small layers. */
#include "driver/compile.h"
#include "driver/judge.h"
#include "driver/layer_case.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const LAYERS[] = {
    "return rattention { heads = 4, kv_heads = 2, head_dim = 32, window = 24, feature_map = \"softmax2\", norm = "
    "false, "
    "dtype = \"fp32\" }",
    "return rattention { heads = 3, kv_heads = 1, head_dim = 40, value_dim = 24, window = 7, feature_map = \"relu2\", "
    "norm = false, dtype = \"fp32\", rope = { theta = 10000, style = \"half\" }, sink = true, softcap = 20 }",
    "return rattention { heads = 2, head_dim = 16, window = 1, feature_map = \"elu1\", norm = false, dtype = \"fp32\", "
    "qk_scale = true, initial_state = \"input\", rope = { theta = 500000, style = \"interleaved\" } }",
};
enum { LAYER_COUNT = sizeof LAYERS / sizeof *LAYERS };

typedef struct Layer {
    Ctx        *ctx;
    Spec        spec;
    Target      target;
    CodeObject *object;
    Executable *executable;
    Random      random;
} Layer;

typedef Status Property(Layer *layer);

static Status compile(Layer *layer, const char *schedule, int variant) {
    Compiled             compiled = {0};
    const CompileRequest request = {.spec = &layer->spec,
                                    .kind = KIND_FORWARD,
                                    .variant = variant,
                                    .target = &layer->target,
                                    .schedule = schedule,
                                    .emit = EMIT_OBJECT};
    TRY(compile_kernel(layer->ctx, &request, &compiled));
    layer->object = compiled.object;
    return executable_load(layer->ctx, layer->object, &layer->executable);
}

static void unload(Layer *layer) {
    executable_free(layer->executable);
    code_object_free(layer->object);
    layer->executable = NULL;
    layer->object = NULL;
}

/* Runs the loaded kernel on the inputs; o is as its Tensor says. */
static Status run_into(Layer *layer, const TensorSet *inputs, int threads, Tensor o) {
    Tensor arguments[16];
    int    count = 0;
    Pool  *pool;
    for (int p = 0; p < layer->object->param_count; p++) {
        const CodeParam *param = &layer->object->params[p];
        if (param->role == PARAM_OUT)
            arguments[count++] = o;
        else if (param->role != PARAM_WORK)
            arguments[count++] = *tensors_find(inputs, param->name);
    }
    TRY(pool_create(layer->ctx, threads, &pool));
    Status status = executable_prepare(layer->ctx, layer->executable, pool, arguments);
    if (status == ST_OK)
        status = executable_launch(layer->ctx, layer->executable, pool, arguments, 0);
    pool_destroy(pool);
    return status;
}

static Tensor new_output(Layer *layer, const TensorSet *inputs) {
    const Tensor *q = tensors_find(inputs, "q");
    const int64_t dims[] = {q->dims[0], q->dims[1], q->dims[2], layer->spec.value_dim};
    const Tensor  o = tensor_new(layer->ctx, layer->spec.dtype, 4, dims);
    tensor_poison(&o);
    return o;
}

/* Compiles for a schedule and runs. */
static Status evaluate(Layer *layer, const char *schedule, int threads, const TensorSet *inputs, Tensor *o) {
    TRY(compile(layer, schedule, tensors_find(inputs, "cu_seqlens") ? VARIANT_PACKED : 0));
    *o = new_output(layer, inputs);
    const Status status = run_into(layer, inputs, threads, *o);
    unload(layer);
    return status;
}

static TensorSet random_inputs(Layer *layer, int64_t B, int64_t T) {
    TensorSet inputs;
    Shape     shape = {.B = B, .T = T};
    case_random(layer->ctx, &layer->spec, &shape, &layer->random, &inputs);
    return inputs;
}

static Tensor copy_of(Layer *layer, const Tensor *tensor) {
    const Tensor copy = tensor_new(layer->ctx, tensor->dtype, tensor->rank, tensor->dims);
    memcpy(copy.data, tensor->data, tensor_bytes(tensor));
    return copy;
}

/* The same inputs with another tensor of that name. */
static TensorSet with(Layer *layer, const TensorSet *inputs, const char *name, Tensor tensor) {
    TensorSet changed = {0};
    for (int i = 0; i < inputs->count; i++)
        tensors_put(layer->ctx, &changed, inputs->items[i].name, inputs->items[i].tensor);
    tensors_put(layer->ctx, &changed, name, tensor);
    return changed;
}

static double relative(const Tensor *got, const Tensor *want) {
    Difference difference = {0};
    assert_int_equal(tensor_elements(got), tensor_elements(want));
    for (int64_t i = 0; i < tensor_elements(want); i++)
        difference_add(&difference, dtype_load(got->dtype, got->data, i), dtype_load(want->dtype, want->data, i));
    return difference_relative(&difference);
}

static void assert_finite(const Tensor *tensor) {
    for (int64_t i = 0; i < tensor_elements(tensor); i++)
        assert_true(isfinite(dtype_load(tensor->dtype, tensor->data, i)));
}

/* ---- The properties ---------------------------------------------------------------------------------------------- */

/* Without norm: f(a v + b w) = a f(v) + b f(w); h0 is part of v's side. */
static Status linear_in_v(Layer *layer) {
    const TensorSet one = random_inputs(layer, 2, 77);
    const Tensor   *v = tensors_find(&one, "v"), *h0 = tensors_find(&one, "h0");
    Tensor          w = copy_of(layer, v), sum = copy_of(layer, v), o1, o2, o3;
    for (int64_t i = 0; i < tensor_elements(v); i++) {
        ((float *)w.data)[i] = (float)random_normal(&layer->random);
        ((float *)sum.data)[i] = 2 * ((float *)v->data)[i] - 3 * ((float *)w.data)[i];
    }
    TensorSet two = with(layer, &one, "v", w), both = with(layer, &one, "v", sum);
    if (h0) { /* h0 goes with the second alone */
        const Tensor zero = tensor_new(layer->ctx, DT_F32, 4, h0->dims);
        Tensor       scaled = copy_of(layer, h0);
        for (int64_t i = 0; i < tensor_elements(h0); i++)
            ((float *)scaled.data)[i] = -3 * ((float *)h0->data)[i];
        tensors_put(layer->ctx, &both, "h0", scaled);
        const TensorSet without = with(layer, &one, "h0", zero);
        TRY(evaluate(layer, NULL, 2, &without, &o1));
    } else {
        TRY(evaluate(layer, NULL, 2, &one, &o1));
    }
    TRY(evaluate(layer, NULL, 2, &two, &o2));
    TRY(evaluate(layer, NULL, 2, &both, &o3));
    for (int64_t i = 0; i < tensor_elements(&o1); i++)
        ((float *)o1.data)[i] = 2 * ((float *)o1.data)[i] - 3 * ((float *)o2.data)[i];
    assert_true(relative(&o3, &o1) < 1e-5);
    return ST_OK;
}

/* Other tokens after t change no row up to t: not by one bit. Some later row changes. */
static Status causal(Layer *layer) {
    enum { T = 90, AT = 41 };
    static const char *const NAMES[] = {"q", "k", "v"};
    const TensorSet          before = random_inputs(layer, 1, T);
    TensorSet                after = before;
    Tensor                   o1, o2;
    for (int n = 0; n < 3; n++) {
        Tensor        changed = copy_of(layer, tensors_find(&before, NAMES[n]));
        const int64_t row = changed.dims[2] * changed.dims[3];
        for (int64_t i = AT * row; i < T * row; i++)
            ((float *)changed.data)[i] = (float)(3 * random_normal(&layer->random));
        after = with(layer, &after, NAMES[n], changed);
    }
    TRY(evaluate(layer, NULL, 2, &before, &o1));
    TRY(evaluate(layer, NULL, 2, &after, &o2));
    const size_t row_bytes = tensor_bytes(&o1) / T;
    assert_memory_equal(o1.data, o2.data, AT * row_bytes);
    assert_memory_not_equal((char *)o1.data + AT * row_bytes, (char *)o2.data + AT * row_bytes, row_bytes);
    return ST_OK;
}

static Status tiles_do_not_matter(Layer *layer) {
    static const char *const SCHEDULES[] = {"chunk=16 key_tile=16",
                                            "chunk=32 key_tile=64",
                                            "chunk=64 key_tile=32",
                                            "chunk=8 key_tile=128",
                                            "chunk=32 segment=64 min_items=100",
                                            "ring=0"};
    const TensorSet          inputs = random_inputs(layer, 1, 301);
    Tensor                   first, other;
    TRY(evaluate(layer, NULL, 2, &inputs, &first));
    for (size_t s = 0; s < sizeof SCHEDULES / sizeof *SCHEDULES; s++) {
        TRY(evaluate(layer, SCHEDULES[s], 2, &inputs, &other));
        if (!(relative(&other, &first) < 1e-5))
            fail_msg("schedule '%s': %g", SCHEDULES[s], relative(&other, &first));
    }
    return ST_OK;
}

/* Threads, and running again: the same bits. */
static Status threads_do_not_matter(Layer *layer) {
    static const int COUNTS[] = {1, 2, 2, 3, 7};
    const TensorSet  inputs = random_inputs(layer, 2, 150);
    Tensor           first, other;
    TRY(evaluate(layer, "segment=64 min_items=100 chunk=32", 1, &inputs, &first));
    for (size_t t = 0; t < sizeof COUNTS / sizeof *COUNTS; t++) {
        TRY(evaluate(layer, "segment=64 min_items=100 chunk=32", COUNTS[t], &inputs, &other));
        assert_memory_equal(first.data, other.data, tensor_bytes(&first));
    }
    return ST_OK;
}

/* Rows begin .. begin + length - 1 of dim 1 of a packed tensor; of h0 the sequence n. */
static Tensor slice(const Tensor *packed, const char *name, int64_t n, int64_t begin, int64_t length) {
    Tensor     part = *packed;
    const bool state = strcmp(name, "h0") == 0;
    if (!state && packed->rank < 4)
        return part; /* a weight */
    part.dims[state ? 0 : 1] = state ? 1 : length;
    part.data = (char *)packed->data +
                (size_t)(state ? n * packed->strides[0] : begin * packed->strides[1]) * dtype_size(packed->dtype);
    return part;
}

static Status packed_is_separate(Layer *layer) {
    Shape     shape = {.B = -1, .T = -1, .length_count = 6, .lengths = {5, 0, 61, 1, 24, 40}};
    TensorSet packed;
    Tensor    together;
    int64_t   begin = 0;
    case_random(layer->ctx, &layer->spec, &shape, &layer->random, &packed);
    TRY(evaluate(layer, NULL, 2, &packed, &together));
    for (int n = 0; n < shape.length_count; n++) {
        TensorSet alone = {0};
        Tensor    o;
        for (int i = 0; i < packed.count; i++)
            if (strcmp(packed.items[i].name, "cu_seqlens") != 0)
                tensors_put(layer->ctx, &alone, packed.items[i].name,
                            slice(&packed.items[i].tensor, packed.items[i].name, n, begin, shape.lengths[n]));
        TRY(evaluate(layer, NULL, 2, &alone, &o));
        const Tensor part = slice(&together, "o", n, begin, shape.lengths[n]);
        assert_true(relative(&o, &part) < 1e-6);
        begin += shape.lengths[n];
    }
    return ST_OK;
}

/* The same values as [B,H,T,X] in memory, with a gap after each row that is filled with NaN. */
static Tensor spread_out(Layer *layer, const Tensor *tensor) {
    enum { GAP = 5 };
    const int64_t *d = tensor->dims, dims[] = {d[0], d[2], d[1], d[3] + GAP};
    const Tensor   memory = tensor_new(layer->ctx, tensor->dtype, 4, dims);
    Tensor         view = *tensor;
    tensor_poison(&memory);
    view.data = memory.data;
    view.strides[0] = memory.strides[0];
    view.strides[1] = memory.strides[2];
    view.strides[2] = memory.strides[1];
    for (int64_t i = 0; i < tensor_elements(tensor); i++) {
        const int64_t x = i % d[3], h = i / d[3] % d[2], t = i / d[3] / d[2] % d[1], b = i / d[3] / d[2] / d[1];
        dtype_store(view.dtype, view.data, b * view.strides[0] + t * view.strides[1] + h * view.strides[2] + x,
                    dtype_load(tensor->dtype, tensor->data, i));
    }
    return view;
}

static Status strides_do_not_matter(Layer *layer) {
    static const char *const NAMES[] = {"q", "k", "v"};
    const TensorSet          inputs = random_inputs(layer, 2, 70);
    TensorSet                moved = inputs;
    Tensor                   o;
    TRY(evaluate(layer, NULL, 2, &inputs, &o));
    for (int n = 0; n < 3; n++)
        moved = with(layer, &moved, NAMES[n], spread_out(layer, tensors_find(&inputs, NAMES[n])));
    const Tensor blank = new_output(layer, &inputs), wanted = spread_out(layer, &o), got = spread_out(layer, &blank);
    TRY(compile(layer, NULL, 0));
    const Status status = run_into(layer, &moved, 2, got);
    unload(layer);
    /* The gaps too: they still hold their NaN. */
    const size_t bytes = (size_t)(wanted.strides[0] * wanted.dims[0]) * dtype_size(wanted.dtype);
    assert_memory_equal(got.data, wanted.data, bytes);
    return status;
}

/* Inputs as large as a model can make them, as small as zero, and equal keys: the output is finite. */
static Status finite_stays_finite(Layer *layer) {
    static const double SCALES[] = {1e-30, 0, 1e3, 1e8};
    for (size_t s = 0; s < sizeof SCALES / sizeof *SCALES; s++) {
        const TensorSet inputs = random_inputs(layer, 1, 80);
        Tensor          o;
        for (int i = 0; i < inputs.count; i++)
            if (inputs.items[i].tensor.rank == 4)
                for (int64_t e = 0; e < tensor_elements(&inputs.items[i].tensor); e++)
                    ((float *)inputs.items[i].tensor.data)[e] *= (float)SCALES[s];
        TRY(evaluate(layer, NULL, 2, &inputs, &o));
        assert_finite(&o);
    }
    return ST_OK;
}

/* ---- Running them ------------------------------------------------------------------------------------------------ */
typedef struct Trial {
    const char *text;
    Property   *property;
    bool        norm; /* with the norm that the layers leave out */
    uint64_t    seed;
} Trial;

static Status try_property(Ctx *ctx, void *arg) {
    const Trial *trial = arg;
    Layer        layer = {.ctx = ctx, .random = {trial->seed}};
    SpecFile     file;
    TRY(spec_load_text(ctx, "layer", trial->text, strlen(trial->text), &file));
    TRY(llvm_find_target(ctx, "host", &layer.target));
    layer.spec = file.items[0].spec;
    if (trial->norm) {
        layer.spec.norm = true;
        layer.spec.norm_eps = 1e-8;
    }
    return trial->property(&layer);
}

static void for_all_layers(Property *property, bool norm) {
    for (int l = 0; l < LAYER_COUNT; l++) {
        Ctx   ctx;
        Trial trial = {LAYERS[l], property, norm, 100 + (uint64_t)l};
        ctx_init(&ctx);
        if (ctx_run(&ctx, try_property, &trial) != ST_OK) {
            char line[2048];
            ctx_describe(&ctx, line, sizeof line);
            fail_msg("layer %d: %s", l, line);
        }
        ctx_free(&ctx);
    }
}

static void test_linear_in_v(void **state) {
    (void)state;
    for_all_layers(linear_in_v, false);
}
static void test_causal(void **state) {
    (void)state;
    for_all_layers(causal, true);
}
static void test_tiles(void **state) {
    (void)state;
    for_all_layers(tiles_do_not_matter, true);
}
static void test_threads(void **state) {
    (void)state;
    for_all_layers(threads_do_not_matter, true);
}
static void test_packed(void **state) {
    (void)state;
    for_all_layers(packed_is_separate, true);
}
static void test_strides(void **state) {
    (void)state;
    for_all_layers(strides_do_not_matter, true);
}
static void test_finite(void **state) {
    (void)state;
    for_all_layers(finite_stays_finite, false);
    for_all_layers(finite_stays_finite, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_in_v), cmocka_unit_test(test_causal), cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_threads),     cmocka_unit_test(test_packed), cmocka_unit_test(test_strides),
        cmocka_unit_test(test_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
