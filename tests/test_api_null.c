/* link: rattan_shared */
/* Pointers that are NULL where the public interface cannot do without them: RATTAN_USAGE that says which, and no crash. */
#include <rattan/rattan.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char SPEC[] = "return rattention { name = 'null', heads = 2, head_dim = 8, window = 4 }";

static void expect_missing(rattan_status status, rattan_error *error, const char *what) {
    assert_int_equal(status, RATTAN_USAGE);
    assert_int_equal(error->status, RATTAN_USAGE);
    assert_string_equal(error->place, what);
    assert_string_equal(error->message, "is NULL");
    assert_true(*error->remedy);
    *error = (rattan_error){0};
}

/* A handle that a failed call left NULL, or a place for a result that is none, is an error like any other. */
static void test_pointers_that_are_missing(void **state) {
    (void)state;
    rattan_context       *context = NULL;
    rattan_spec          *spec = NULL;
    rattan_kernel        *kernel = NULL;
    rattan_kernel_request request = {0};
    rattan_tensor         tensors[4] = {{0}};
    rattan_layer          layer;
    rattan_param          param;
    rattan_error          error = {0};
    int64_t               bytes;
    assert_int_equal(rattan_context_create(&(rattan_context_options){.cache_limit = -1, .no_tuning = 1}, &context, &error), RATTAN_OK);
    assert_int_equal(rattan_spec_from_text("spec", SPEC, strlen(SPEC), &spec, &error), RATTAN_OK);
    request.spec = spec;
    assert_int_equal(rattan_kernel_get(context, &request, &kernel, &error), RATTAN_OK);
#define MISSES(call, what) expect_missing(call, &error, what)
    MISSES(rattan_context_create(NULL, NULL, &error), "context");
    MISSES(rattan_spec_from_file(NULL, &spec, &error), "path");
    MISSES(rattan_spec_from_file("x.lua", NULL, &error), "spec");
    MISSES(rattan_spec_from_text("x", NULL, 3, &spec, &error), "text");
    MISSES(rattan_spec_from_text("x", SPEC, strlen(SPEC), NULL, &error), "spec");
    MISSES(rattan_spec_layer(NULL, 0, &layer, &error), "spec");
    MISSES(rattan_spec_layer(spec, 0, NULL, &error), "layer");
    MISSES(rattan_kernel_get(NULL, &request, &kernel, &error), "context");
    MISSES(rattan_kernel_get(context, NULL, &kernel, &error), "request");
    MISSES(rattan_kernel_get(context, &request, NULL, &error), "kernel");
    MISSES(rattan_kernel_param(NULL, 0, &param, &error), "kernel");
    MISSES(rattan_kernel_param(kernel, 0, NULL, &error), "param");
    MISSES(rattan_kernel_memory(kernel, tensors, 4, NULL, &error), "bytes");
    MISSES(rattan_kernel_memory(NULL, tensors, 4, &bytes, &error), "kernel");
    MISSES(rattan_launch(NULL, tensors, 4, 0, &error), "kernel");
    MISSES(rattan_launch(kernel, NULL, 4, 0, &error), "tensors");
    MISSES(rattan_launch_on(NULL, NULL, tensors, 4, 0, &error), "kernel");
    MISSES(rattan_prepare(NULL, tensors, 4, &error), "kernel");
    MISSES(rattan_prepare(kernel, NULL, 4, &error), "tensors");
    MISSES(rattan_prepare_on(NULL, NULL, tensors, 4, &error), "kernel");
#undef MISSES
    assert_int_equal(rattan_launch(NULL, tensors, 4, 0, NULL), RATTAN_USAGE);
    rattan_spec_destroy(spec);
    rattan_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pointers_that_are_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
