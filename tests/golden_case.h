/* One reference vector, ready to be computed: its spec and its inputs, checked. */
#ifndef RATTAN_TESTS_GOLDEN_CASE_H
#define RATTAN_TESTS_GOLDEN_CASE_H

#include "driver/golden_spec.h"
#include "driver/layer_case.h"
#include "driver/safetensors.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct GoldenCase {
    const char *path;
    SafeFile    file;
    SpecFile    specs;
    TensorSet   inputs; /* without their "in." */
} GoldenCase;

/* In the tree, and what is too large for it: beside it, where it may be missing. */
static const char *const GOLDEN_SMALL[] = {"elu1",        "exp",          "identity", "learned_init",
                                           "nope_nonorm", "packed",       "relu",     "relu2",
                                           "softmax",     "softcap_sink", "window1",  "window_covers_all"};
static const char *const GOLDEN_LARGE[] = {"mqa_d256", "paper_small", "paper_d128", "odd_everything"};

static inline Status golden_load(Ctx *ctx, GoldenCase *test) {
    const char *text;
    TRY(safetensors_read(ctx, test->path, &test->file));
    TRY(golden_spec_text(ctx, test->path, &test->file, &text));
    TRY(spec_load_text(ctx, test->path, text, strlen(text), &test->specs));
    for (int i = 0; i < test->file.tensors.count; i++)
        if (strncmp(test->file.tensors.items[i].name, "in.", 3) == 0)
            tensors_put(ctx, &test->inputs, test->file.tensors.items[i].name + 3, test->file.tensors.items[i].tensor);
    return case_check(ctx, test->path, &test->specs.items[0].spec, &test->inputs);
}

/* fn's argument is a GoldenCase with its path set. */
static inline void golden_run(Status (*fn)(Ctx *, void *), const char *path) {
    Ctx        ctx;
    GoldenCase test = {.path = path};
    ctx_init(&ctx);
    if (ctx_run(&ctx, fn, &test) != ST_OK) {
        char line[2048];
        ctx_describe(&ctx, line, sizeof line);
        fail_msg("%s", line);
    }
    ctx_free(&ctx);
}

static inline const char *golden_source(void) { return getenv("SOURCE") ? getenv("SOURCE") : "."; }

static inline void golden_run_small(Status (*fn)(Ctx *, void *)) {
    for (size_t i = 0; i < sizeof GOLDEN_SMALL / sizeof *GOLDEN_SMALL; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/golden/%s.safetensors", golden_source(), GOLDEN_SMALL[i]);
        golden_run(fn, path);
    }
}

/* Skips the test where the files are missing. */
static inline void golden_run_large(Status (*fn)(Ctx *, void *)) {
    for (size_t i = 0; i < sizeof GOLDEN_LARGE / sizeof *GOLDEN_LARGE; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/../shared/golden/%s.safetensors", golden_source(), GOLDEN_LARGE[i]);
        if (access(path, R_OK) != 0) {
            print_message("skipped: there is no %s\n", path);
            skip();
        }
        golden_run(fn, path);
    }
}

#endif
