/* link: rattan_driver */
/* The target of a device: the row that its compute capability gets, with what this device has where that is less. */
#include "driver/compile.h"
#include "driver/targets.h"
#include "frontend/frontend.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cuda_testing.h"
#include "fake_cuda.h"

enum { KIB = 1 << 10, SMALL = 99 * KIB };

static FakeCuda *fake;
static Ctx       ctx;

static int set_up(void **state) {
    (void)state;
    *fake = (FakeCuda){.devices = 1, .max_threads = 1024};
    ctx_init(&ctx);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    ctx_free(&ctx);
    return fake->pushed != 0;
}

static Target target_here(void) {
    Target target;
    if (target_find(&ctx, "cuda", &target) != ST_OK)
        fail_msg("%s: %s", ctx.place, ctx.message);
    return target;
}

static void a_device_has_the_limits_of_its_row(void **state) {
    (void)state;
    const Target target = target_here();
    assert_string_equal(target.name, "cuda:sm_90a");
    assert_int_equal(target.shared_bytes, 227 * KIB);
    assert_int_equal(target.registers, 65536);
    assert_int_equal(target.processors, FAKE_PROCESSORS);
    assert_true(target.native);
}

static void less_of_the_device_counts(void **state) {
    (void)state;
    fake->major = 12; /* 12.1 has no row: that of 9.0 stands in, whose chips have more shared memory */
    fake->minor = 1;
    fake->shared_bytes = SMALL;
    fake->registers = 32768;
    const Target target = target_here();
    assert_string_equal(target.name, "cuda:sm_90");
    assert_int_equal(target.shared_bytes, SMALL);
    assert_int_equal(target.registers, 32768);
}

static void more_of_the_device_does_not(void **state) {
    (void)state;
    fake->major = 8;
    fake->shared_bytes = 227 * KIB;
    fake->registers = 1 << 17;
    const Target target = target_here();
    assert_string_equal(target.name, "cuda:sm_80");
    assert_int_equal(target.shared_bytes, 163 * KIB); /* code for sm_80 also runs on other chips */
    assert_int_equal(target.registers, 65536);
}

/* A layer that takes more than the device has gives way instead of being refused when it is loaded. */
static void layers_fit_the_device(void **state) {
    static const char *const SPECS[] = {"specs/paper_d128.lua", "specs/gpt_oss.lua"};
    (void)state;
    fake->major = 12;
    fake->minor = 1;
    fake->shared_bytes = SMALL;
    const Target target = target_here();
    for (size_t s = 0; s < sizeof SPECS / sizeof *SPECS; s++)
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            SpecFile file;
            Compiled compiled;
            assert_int_equal(spec_load_file(&ctx, SPECS[s], &file), ST_OK);
            const CompileRequest request = {
                .spec = &file.items[0].spec, .kind = (KernelKind)kind, .target = &target, .emit = EMIT_CUDA | EMIT_PLAN};
            if (compile_kernel(&ctx, &request, &compiled) != ST_OK)
                fail_msg("%s, %s: %s: %s", SPECS[s], kind_name((KernelKind)kind), ctx.place, ctx.message);
            for (int p = 0; p < compiled.object->phase_count; p++)
                assert_in_range(compiled.object->phases[p].shared_bytes, 0, SMALL);
            code_object_free(compiled.object);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_has_the_limits_of_its_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(less_of_the_device_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_of_the_device_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(layers_fit_the_device, set_up, tear_down),
    };
    setenv("RATTAN_LIBCUDA", FAKE_CUDA, 1);
    void *library = dlopen(FAKE_CUDA, RTLD_NOW);
    fake = library ? dlsym(library, "fake_cuda") : NULL;
    return fake ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
