/* link: rattan_frontend rattan_passes rattan_ir rattan_base */
/* parts: test_packed test_packed_gradients test_packed_windows test_packed_edges test_packed_signals test_packed_wide test_packed_extend test_packed_extend_windows test_packed_extend_edges test_packed_extend_wide test_packed_extend_initial */
/* Every pass keeps the meaning of packed sequences where warps have roles: tiles begin before their sequence, or end behind it,
 * and what another one has there is not even a number. */
#include "tests/pass_trial.h"

static const Target GPU = {.name = "gpu", .warp_size = 32, .product_warps = 4, .registers = 65536, .shared_bytes = 512 << 10, .processors = 4};

static void run_packed(Status (*draw)(Ctx *, void *), int cases) {
    run_some(KIND_FORWARD, VARIANT_LSE | VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED, GPU, draw, cases);
}

static Status draw_packed(Ctx *ctx, void *arg) {
    ((Trial *)arg)->spoils = true;
    return draw_spec(ctx, arg);
}

static Status draw_packed_windows(Ctx *ctx, void *arg) {
    ((Trial *)arg)->spoils = true;
    return draw_whole_window(ctx, arg);
}

/* Tiles of features begin before a sequence, and end behind it where the window is short. */
static Status draw_packed_edges(Ctx *ctx, void *arg) {
    TRY(draw_packed_windows(ctx, arg));
    ((Trial *)arg)->spec.window = random_int(1, 100);
    return ST_OK;
}

static Status draw_packed_signals(Ctx *ctx, void *arg) {
    ((Trial *)arg)->spoils = true;
    return draw_signals(ctx, arg);
}

static Status draw_packed_wide(Ctx *ctx, void *arg) {
    ((Trial *)arg)->spoils = true;
    return draw_wide(ctx, arg);
}

/* Where one key has left the window the norm takes its score away: q_scale's gradient is zero, and rounding is compared. */
static Status draw_packed_gradients(Ctx *ctx, void *arg) {
    Trial *const t = arg;
    t->spoils = true;
    do
        TRY(draw_spec(ctx, arg));
    while (t->spec.initial_state || (t->spec.norm && t->spec.qk_scale));
    return ST_OK;
}

static void test_packed(void **state) {
    (void)state;
    run_packed(draw_packed, CASES);
}

static void test_packed_windows(void **state) {
    (void)state;
    run_packed(draw_packed_windows, CASES);
}

static void test_packed_edges(void **state) {
    (void)state;
    run_packed(draw_packed_edges, CASES);
}

static void test_packed_signals(void **state) {
    (void)state;
    run_packed(draw_packed_signals, CASES / 2); /* each takes long */
}

static void test_packed_wide(void **state) {
    (void)state;
    run_packed(draw_packed_wide, CASES / 2);
}

static void test_packed_gradients(void **state) {
    (void)state;
    run_some(KIND_BACKWARD, VARIANT_FINAL_STATE, GPU, draw_packed_gradients, CASES);
}

/* On top of rings: old keys and new ones lie in one row, sequence behind sequence. */
static void test_packed_extend(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, GPU, draw_packed, CASES);
}

static void test_packed_extend_windows(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, GPU, draw_packed_windows, CASES);
}

static void test_packed_extend_edges(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, GPU, draw_packed_edges, CASES);
}

static void test_packed_extend_wide(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, GPU, draw_packed_wide, CASES / 2);
}

static Status draw_packed_initial(Ctx *ctx, void *arg) {
    ((Trial *)arg)->spoils = true;
    return draw_initial(ctx, arg);
}

static void test_packed_extend_initial(void **state) {
    (void)state;
    run_some(KIND_EXTEND, VARIANT_LSE, GPU, draw_packed_initial, CASES / 2);
}

/* argv[1]: which tests, with * and ?; default: all. */
int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        DRAWS(test_packed, 1),         DRAWS(test_packed_windows, 2), DRAWS(test_packed_edges, 3),
        DRAWS(test_packed_signals, 4), DRAWS(test_packed_wide, 5), DRAWS(test_packed_gradients, 6),
        DRAWS(test_packed_extend, 7), DRAWS(test_packed_extend_windows, 8), DRAWS(test_packed_extend_edges, 9),
        DRAWS(test_packed_extend_wide, 10), DRAWS(test_packed_extend_initial, 11),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
