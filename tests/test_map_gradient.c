/* link: rattan_driver */
/* Gradients of feature maps where they have a kink. Elsewhere test_gradients.c holds them against finite differences,
 * as a part of random layers. */
#include "driver/map_gradient.h"
#include "driver/reference.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

typedef struct Kink {
    const char *map;
    double      x[3], gradient[3]; /* where phi's gradient is all ones */
} Kink;

static Status compare_kink(Ctx *ctx, const Kink *kink) {
    SpecFile    file;
    double      values[64], dvalues[64], dphi[8], dx[3] = {0};
    const char *text = ctx_printf(ctx,
                                  "return rattention { heads = 1, head_dim = 3, window = 1, feature_map = "
                                  "function(x) return %s end }",
                                  kink->map);
    TRY(spec_load_text(ctx, "kink.lua", text, strlen(text), &file));
    const FeatureMap *map = &file.items[0].spec.map;
    for (int f = 0; f < 8; f++)
        dphi[f] = 1;
    assert_in_range(reference_map_values(map), 1, 64);
    reference_map(map, kink->x, values, false);
    map_gradient(map, values, dphi, dvalues, dx);
    for (int d = 0; d < 3; d++)
        if (dx[d] != kink->gradient[d])
            return ctx_fail(ctx, ST_MISMATCH, kink->map, NULL, "element %d: %g", d, dx[d]);
    return ST_OK;
}

static Status compare_kinks(Ctx *ctx, void *arg) {
    static const Kink KINKS[] = {
        {"max(x, 1)", {0, 1, 2}, {0, 0.5, 1}}, {"max(1, x)", {0, 1, 2}, {0, 0.5, 1}},
        {"min(x, 1)", {0, 1, 2}, {1, 0.5, 0}}, {"min(1, x)", {0, 1, 2}, {1, 0.5, 0}},
        {"max(x, x)", {0, 1, 2}, {1, 1, 1}},   {"relu(x)", {-1, 0, 1}, {0, 0, 1}},
        {"abs(x)", {-1, 0, 1}, {-1, 0, 1}},    {"max(x)", {2, 1, 2}, {0.5, 0, 0.5}},
        {"min(x)", {2, 1, 2}, {0, 1, 0}},      {"concat(x, max(x))", {2, 1, 3}, {1, 1, 2}},
        /* Roots are infinitely steep at 0, where what is inside is flat. */
        {"sqrt(relu(x))", {-1, 0, 4}, {0, 0, 0.25}}, {"sqrt(abs(x))", {-4, 0, 4}, {-0.25, 0, 0.25}},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof KINKS / sizeof *KINKS; i++)
        TRY(compare_kink(ctx, &KINKS[i]));
    return ST_OK;
}

static void test_kinks(void **state) {
    char line[2048];
    Ctx  ctx;
    (void)state;
    ctx_init(&ctx);
    const Status status = ctx_run(&ctx, compare_kinks, NULL);
    ctx_describe(&ctx, line, sizeof line);
    if (status != ST_OK)
        fail_msg("%s", line);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
