/* link: rattan_driver */
/* The model of times: exact where times are of its form, robust where they are not, and the break-even it gives, which
 * noise does not move about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/bench_case.h"
#include "driver/explore.h"

#include <math.h>
#include <stdlib.h>

static Spec layer(int64_t window) {
    Spec spec = {.heads = 8,
                 .kv_heads = 2,
                 .head_dim = 64,
                 .value_dim = 32,
                 .window = window,
                 .dtype = DT_BF16,
                 .state_dtype = DT_F32};
    spec.full = window == 0;
    if (!spec.full) {
        spec.map.count = 1;
        spec.map.nodes[0].length = 128;
    }
    return spec;
}

static void check_close(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance * fabs(wanted)))
        fail_msg("%.17g, not %.17g", got, wanted);
}

static void test_pairs(void **state) {
    (void)state;
    for (int64_t window = 0; window < 9; window++)
        for (int64_t first = 0; first < 12; first++)
            for (int64_t tokens = 0; tokens < 12; tokens++) {
                const Spec spec = layer(window);
                double     wanted = 0;
                for (int64_t i = first; i < first + tokens; i++)
                    wanted += (double)(!window || i + 1 < window ? i + 1 : window);
                check_close(bench_case_pairs(&spec, first, tokens), wanted, 0);
            }
}

static ModelSample sample_of(int64_t window, int64_t context, const double *weights, double factor) {
    const Spec  spec = layer(window);
    ModelSample sample = {.work = model_work(&spec, KIND_FORWARD, 1, context), .window = window};
    for (int t = 0; t < MODEL_TERMS; t++)
        sample.seconds += weights[t] * sample.work.terms[t];
    sample.seconds *= factor;
    return sample;
}

static double predicted(const TimeModel *model, int64_t window, int64_t context) {
    const Spec      spec = layer(window);
    const ModelWork work = model_work(&spec, KIND_FORWARD, 1, context);
    return model_seconds(model, &work, window);
}

static void test_exact(void **state) {
    (void)state;
    const double      weights[] = {3e-10, 2e-6, 1e-5};
    const ModelSample samples[] = {sample_of(64, 4096, weights, 1), sample_of(512, 4096, weights, 1),
                                   sample_of(512, 2048, weights, 1), sample_of(4096, 4096, weights, 1)};
    TimeModel         model;
    model_fit(samples, 4, &model);
    for (int t = 0; t < MODEL_TERMS; t++)
        check_close(model.weights[t], weights[t], 1e-6);
    check_close(predicted(&model, 1024, 1 << 20), sample_of(1024, 1 << 20, weights, 1).seconds, 1e-6);
}

/* Weights are never negative, whatever the samples; few samples take few terms. */
static void test_signs(void **state) {
    (void)state;
    srand(7);
    for (int round = 0; round < 500; round++) {
        ModelSample samples[5];
        TimeModel   model;
        const int   count = 1 + rand() % 5;
        for (int s = 0; s < count; s++) {
            const double weights[] = {1e-10, 1e-6, 1e-5};
            samples[s] = sample_of(16 << rand() % 8, 512 << rand() % 5, weights, 0.2 + 3.0 * rand() / RAND_MAX);
        }
        model_fit(samples, count, &model);
        for (int t = 0; t < MODEL_TERMS; t++)
            assert_true(model.weights[t] >= 0);
        const double seconds = predicted(&model, 200, 100000);
        assert_true(isfinite(seconds) && seconds > 0);
        if (count == 1)
            check_close(predicted(&model, samples[0].window, 4096) > 0, 1, 0);
    }
}

/* A window whose kernel is slower than the others keeps its own factor; between two windows it lies between theirs. */
static void test_factors(void **state) {
    (void)state;
    const double      weights[] = {3e-10, 2e-6, 0};
    const ModelSample samples[] = {sample_of(64, 4096, weights, 1.3), sample_of(256, 4096, weights, 1),
                                   sample_of(1024, 4096, weights, 1), sample_of(4096, 4096, weights, 1),
                                   sample_of(256, 8192, weights, 1)};
    TimeModel         model;
    model_fit(samples, 5, &model);
    check_close(predicted(&model, 64, 4096), samples[0].seconds, 1e-9);
    check_close(predicted(&model, 1024, 4096), samples[2].seconds, 1e-9);
    const double    low = fmin(model.factors[0], model.factors[1]), high = fmax(model.factors[0], model.factors[1]);
    const double    between = predicted(&model, 128, 65536) / predicted(&model, 256, 65536) * model.factors[1];
    const Spec      narrow = layer(128), wide = layer(256);
    const ModelWork a = model_work(&narrow, KIND_FORWARD, 1, 65536), b = model_work(&wide, KIND_FORWARD, 1, 65536);
    double          plain_a = 0, plain_b = 0;
    for (int t = 0; t < MODEL_TERMS; t++) {
        plain_a += model.weights[t] * a.terms[t];
        plain_b += model.weights[t] * b.terms[t];
    }
    const double factor = between * plain_b / plain_a;
    assert_true(factor >= low - 1e-9 && factor <= high + 1e-9);
}

/* Decode: the time follows the ring's rows, whatever the context beyond the window. */
static void test_decode(void **state) {
    (void)state;
    const Spec spec = layer(512);
    for (int64_t context = 512; context < 1 << 20; context *= 4)
        check_close(model_work(&spec, KIND_DECODE, 3, context).terms[0], 3.0 * 512 * 8, 0);
    check_close(model_work(&spec, KIND_DECODE, 3, 99).terms[0], 3.0 * 100 * 8, 0);
}

typedef struct Lines {
    double layer_token, layer_start, full_pair, full_token;
} Lines;
static double layer_line(const void *arg, int64_t n) {
    const Lines *l = arg;
    return l->layer_start + l->layer_token * (double)n;
}
static double full_curve(const void *arg, int64_t n) {
    const Lines *l = arg;
    return l->full_token * (double)n + l->full_pair * (double)n * (double)n;
}

static void test_break_even(void **state) {
    (void)state;
    const Lines crossing = {3, 0, 0.001, 1}; /* 3 n < n + n^2 / 1000 from n = 2001 on */
    assert_int_equal(model_break_even(layer_line, full_curve, &crossing, 1, 0), 2001);
    assert_int_equal(model_break_even(layer_line, full_curve, &crossing, 2001, 0), 2001);
    assert_int_equal(model_break_even(layer_line, full_curve, &crossing, 5000, 0), 5000); /* never below `least` */
    /* Half as slow again, 4.5 n: from 3501 on; a third as fast, n: from 1 on */
    assert_int_equal(model_break_even(layer_line, full_curve, &crossing, 1, 0.5), 3501);
    assert_int_equal(model_break_even(layer_line, full_curve, &crossing, 1, -2.0 / 3), 1);
    const Lines always = {0.5, 0, 0.001, 1};
    assert_int_equal(model_break_even(layer_line, full_curve, &always, 1, 0), 1);
    assert_int_equal(model_break_even(layer_line, full_curve, &always, 513, 0), 513);
    const Lines never = {2, 0, 0, 1};
    assert_int_equal(model_break_even(layer_line, full_curve, &never, 1, 0), 0);
    assert_int_equal(model_break_even(layer_line, full_curve, &always, MODEL_LONGEST + 1, 0), 0);
    const Lines late = {1.5, 5e6, 0, 2}; /* 1.5 n + 5e6 < 2 n from 1e7 + 1 on */
    assert_int_equal(model_break_even(layer_line, full_curve, &late, 1, 0), 10000001);
}

/* ---- Break-even of measured series ---- */
enum { WINDOWS = 7 };
typedef struct Measured {
    Explore       explore;
    ExploreSeries series[2 * EXPLORE_KINDS];
    double        noise; /* a time is up to this much longer than undisturbed */
} Measured;

static double disturbed(const Measured *m, double seconds) { return seconds * (1 + m->noise * rand() / RAND_MAX); }

static void add_sample(Measured *m, ExploreSeries *series, int64_t window, int64_t context, const double *weights) {
    const Spec      spec = explore_spec(&m->explore, series, window, context);
    const ModelWork work = model_work(&spec, series->kind, explore_sequences(series->kind), context);
    double          seconds = 0;
    for (int t = 0; t < MODEL_TERMS; t++)
        seconds += weights[t] * work.terms[t];
    series->windows[series->count] = window;
    series->points[series->count++] =
        (MeasurePoint){.tokens = context, .seconds = disturbed(m, seconds), .spread = m->noise / 3};
}

static void fit_series(Measured *m, ExploreSeries *series) {
    ModelSample samples[MODEL_SAMPLES];
    for (int p = 0; p < series->count; p++) {
        const MeasurePoint *point = &series->points[p];
        const Spec          spec = explore_spec(&m->explore, series, series->windows[p], point->tokens);
        samples[p] = (ModelSample){model_work(&spec, series->kind, explore_sequences(series->kind), point->tokens),
                                   series->windows[p], point->seconds};
    }
    model_fit(samples, series->count, &series->model);
}

/* As explore measures: all windows at the context `base`, the middle at half of it; full attention at three contexts.
 */
static void measure_all(Measured *m, double noise, int64_t base) {
    static const double LAYER[] = {3e-10, 2e-6, 0}, FULL[] = {3e-10, 1e-7, 0};
    *m = (Measured){.noise = noise};
    m->explore =
        (Explore){.layers = {layer(512)}, .full = layer(0), .series = m->series, .series_count = 2 * EXPLORE_KINDS};
    m->explore.ask.map_count = 1;
    for (int s = 0; s < 2 * EXPLORE_KINDS; s++) {
        ExploreSeries *series = &m->series[s];
        series->kind = EXPLORE_KIND[s / 2];
        series->map = s % 2 - 1;
        if (series->map == MAP_FULL && series->kind == KIND_DECODE)
            continue;
        for (int w = 0; w < (series->map == MAP_FULL ? 0 : WINDOWS); w++)
            add_sample(m, series, 64 << w, base, LAYER);
        if (series->map != MAP_FULL && series->kind != KIND_DECODE)
            add_sample(m, series, 512, base / 2, LAYER);
        for (int part = 1; series->map == MAP_FULL && part <= 4; part *= 2)
            add_sample(m, series, 0, base / part, FULL);
        fit_series(m, series);
    }
}

/* Without noise it is where the two laws cross, and known exactly. */
static void test_even_exact(void **state) {
    (void)state;
    Measured m;
    measure_all(&m, 0, 4096);
    /* window 512, 8 heads: 2.4e-9 (512 n - 130816) + 2e-6 n < 1.2e-9 (n^2 + n) + 1e-7 n; roots by hand: n > 2503.7 */
    const BreakEven even = explore_break_even(&m.explore, KIND_FORWARD, 0, 512);
    assert_int_equal(even.from, EVEN_CROSSING);
    const double n = (double)even.context, before = n - 1;
    assert_true(2.4e-9 * (512 * n - 130816) + 2e-6 * n < 1.2e-9 * (n * n + n) + 1e-7 * n);
    assert_false(2.4e-9 * (512 * before - 130816) + 2e-6 * before <
                 1.2e-9 * (before * before + before) + 1e-7 * before);
    assert_int_equal(even.early, even.context);
    assert_int_equal(even.late, even.context);
    assert_int_equal(explore_break_even(&m.explore, KIND_FORWARD, 0, 64).from, EVEN_MEASURED);
}

/* With it: never below the window nor the shortest context measured, rising with the window, the truth nearly always
 * within what is said of the noise; decode's is of bytes alone. */
static void test_even_noise(void **state) {
    (void)state;
    int held = 0, asked = 0;
    srand(11);
    for (int round = 0; round < 200; round++) {
        Measured quiet, loud;
        measure_all(&quiet, 0, 4096);
        measure_all(&loud, 0.02 + 0.6 * rand() / RAND_MAX, 4096);
        for (int k = 0; k < EXPLORE_KINDS; k++) {
            BreakEven last = {0};
            for (int w = 0; w < WINDOWS; w++) {
                const int64_t   window = 64 << w;
                const BreakEven even = explore_break_even(&loud.explore, EXPLORE_KIND[k], 0, window),
                                truth = explore_break_even(&quiet.explore, EXPLORE_KIND[k], 0, window);
                assert_true(even.context > window && even.context >= last.context && even.early >= last.early);
                assert_true(even.early <= even.context && (even.late == 0 || even.late >= even.context));
                assert_true(last.late != 0 || w == 0 || even.late == 0);
                assert_true(EXPLORE_KIND[k] == KIND_DECODE || even.context >= 2048);
                held += even.early <= truth.context && (even.late == 0 || even.late >= truth.context);
                asked++;
                last = even;
            }
        }
    }
    assert_true(held > 0.95 * asked);
}

/* Ring and state of a step against all keys and values: 2 heads of 96 columns in bf16 are 384 bytes a row, the state of
 * 2 x 128 x 32 floats 32 KiB, which are 85.3 rows. */
static void test_even_decode(void **state) {
    (void)state;
    Measured m;
    measure_all(&m, 0.5, 4096);
    const BreakEven even = explore_break_even(&m.explore, KIND_DECODE, 0, 512);
    assert_int_equal(even.from, EVEN_BYTES);
    assert_int_equal(even.context, 512 + 85 + 1);
    m.series[2].count = m.series[3].count = 0;
    assert_int_equal(explore_break_even(&m.explore, KIND_DECODE, 0, 512).from, EVEN_UNKNOWN);
}

/* Times are within noise by their ratio, whichever is the longer. Points that vary by 120 % do not hide a factor of 5.
 */
static void test_within_noise(void **state) {
    (void)state;
    Measured m;
    measure_all(&m, 0, 4096);
    for (int p = 0; p < m.series[1].count; p++)
        m.series[1].points[p].spread = 1.2;
    for (int longer = 0; longer < 2; longer++) {
        assert_true(explore_within_noise(&m.explore, KIND_FORWARD, 0, longer ? 2.1 : 1, longer ? 1 : 2.1));
        assert_false(explore_within_noise(&m.explore, KIND_FORWARD, 0, longer ? 2.3 : 1, longer ? 1 : 2.3));
        assert_false(explore_within_noise(&m.explore, KIND_FORWARD, 0, longer ? 5 : 1, longer ? 1 : 5));
    }
}

static void test_even_words(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    const struct {
        BreakEven   even;
        const char *words;
    } CASES[] = {{{EVEN_CROSSING, 1310, 1310, 1310}, "1310"},
                 {{EVEN_CROSSING, 1310, 1100, 1600}, "1310 (noise: 1100 to 1600)"},
                 {{EVEN_CROSSING, 1310, 1100, 0}, "1310 (noise: 1100 to ?)"},
                 {{EVEN_MEASURED, 512, 512, 700}, "<=512 (noise: 512 to 700)"},
                 {{EVEN_WINDOW, 4097, 4097, 4097}, "4097"},
                 {{EVEN_BYTES, 193, 193, 193}, "193"},
                 {{EVEN_NOT_FOUND, 0, 0, 0}, "not found"},
                 {{EVEN_NOT_FOUND, 0, 9000, 0}, "not found (noise: 9000 to ?)"},
                 {{EVEN_UNKNOWN, 0, 0, 0}, "-"}};
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++)
        assert_string_equal(explore_even_words(&ctx, &CASES[c].even), CASES[c].words);
    ctx_free(&ctx);
}

static void test_carried(void **state) {
    (void)state;
    Spec spec = layer(512);
    check_close(carried_ring_bytes(&spec, 4096), 512.0 * 2 * (64 + 32) * 2, 0);
    check_close(carried_state_bytes(&spec), 2.0 * 128 * 32 * 4, 0);
    spec.fold = 16; /* rings keep a fold of keys more */
    check_close(carried_ring_bytes(&spec, 4096), 528.0 * 2 * (64 + 32) * 2, 0);
    spec.initial_state = true; /* a state for each query head */
    check_close(carried_state_bytes(&spec), 8.0 * 128 * 32 * 4, 0);
    const Spec full = layer(0);
    check_close(carried_ring_bytes(&full, 4096), 4096.0 * 2 * (64 + 32) * 2, 0);
    check_close(carried_state_bytes(&full), 0, 0);
}

/* Kernels that take longer than was thought are run less often, so that a budget holds; never once. */
static void test_least_turns(void **state) {
    (void)state;
    assert_int_equal(measure_least_turns(10, 1), 4);
    assert_int_equal(measure_least_turns(2, 1), 4);
    assert_int_equal(measure_least_turns(1.6, 1), 3);
    assert_int_equal(measure_least_turns(0.5, 1), 2);
    assert_int_equal(measure_least_turns(0, 1), 2);
    assert_int_equal(measure_least_turns(-1, 1), 2);
    assert_int_equal(measure_least_turns(1, 0), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),       cmocka_unit_test(test_exact),      cmocka_unit_test(test_signs),
        cmocka_unit_test(test_factors),     cmocka_unit_test(test_decode),     cmocka_unit_test(test_break_even),
        cmocka_unit_test(test_carried),     cmocka_unit_test(test_even_exact), cmocka_unit_test(test_even_noise),
        cmocka_unit_test(test_even_decode), cmocka_unit_test(test_even_words), cmocka_unit_test(test_within_noise),
        cmocka_unit_test(test_least_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
