/* link: rattan_frontend rattan_passes rattan_ir rattan_base */
/* Passes by text: each tests/passes/NAME.ir holds a module, then a line `# after PASS` and what the pass makes of it. The first
 * lines say `# run: PASS`, `# schedule: TEXT` and, where it runs for one,
 * `# target: gpu`, for a kind other than forward `# kind: decode`. RATTAN_BLESS=1 writes the second half anew. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"
#include "passes/passes.h"

#define FOLDER "tests/passes/"

typedef struct TextCase {
    char        path[512];
    char       *text;
    const char *expected; /* in text */
    char        pass[64], schedule[256];
    const char *actual;
    Spec        spec;
} TextCase;

static char *read_all(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char        *text = calloc(1, 1 << 20);
    const size_t got = fread(text, 1, (1 << 20) - 1, file);
    assert_true(got > 0);
    fclose(file);
    return text;
}

static void read_line(const char *text, const char *key, char *out, size_t size) {
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static Status run_one(Ctx *ctx, void *arg) {
    TextCase       *c = arg;
    Module         *module;
    SpecFile        file;
    Schedule        schedule;
    Text            out = TEXT(ctx);
    const Target    cpu = {.name = "test", .vector_registers = 32, .vector_bytes = 64};
    const Target    gpu = {.name = "gpu", .warp_size = 32, .shared_bytes = 99 << 10, .registers = 65536, .processors = 4, .product_warps = 4};
    const Target    target = strstr(c->text, "# target: gpu\n") ? gpu : cpu;
    const PassInfo *pass = NULL;
    const KernelKind kind = strstr(c->text, "# kind: decode\n")   ? KIND_DECODE
                            : strstr(c->text, "# kind: extend\n") ? KIND_EXTEND
                            : strstr(c->text, "# kind: backward\n") ? KIND_BACKWARD
                                                                    : KIND_FORWARD;
    TRY(spec_load_file(ctx, FOLDER "layer.lua", &file));
    const Spec *spec = &file.items[0].spec;
    schedule_default(spec, kind, &target, &schedule);
    TRY(schedule_parse(ctx, c->schedule, &schedule));
    const char *end = strstr(c->text, "\n# after ");
    TRY(ir_parse(ctx, c->path, c->text, end ? (size_t)(end + 1 - c->text) : strlen(c->text), &module));
    for (int p = 0; pass_info(p); p++)
        if (strcmp(pass_info(p)->name, c->pass) == 0)
            pass = pass_info(p);
    if (!pass)
        return ctx_fail(ctx, ST_USAGE, c->path, "`rattan passes` lists them", "no pass is named '%s'", c->pass);
    const PassArgs args = {spec, kind, &target, &schedule, NULL};
    TRY(ir_verify(ctx, module));
    TRY(pass->run(ctx, module, &args));
    TRY(ir_verify(ctx, module));
    for (int k = 0; k < module->kernel_count; k++)
        ir_number(module->kernels[k]);
    ir_print(&out, module);
    c->actual = strdup(text_str(&out));
    return ST_OK;
}

static void bless(const TextCase *c) {
    FILE *file = fopen(c->path, "wb");
    assert_non_null(file);
    const char *end = strstr(c->text, "\n# after ");
    fprintf(file, "%.*s\n# after %s\n%s", (int)(end ? end - c->text : (long)strlen(c->text) - 1), c->text, c->pass, c->actual);
    fclose(file);
}

static void run_case(const char *name) {
    TextCase c = {0};
    Ctx      ctx;
    char     message[1800];
    snprintf(c.path, sizeof c.path, FOLDER "%s", name);
    c.text = read_all(c.path);
    read_line(c.text, "# run: ", c.pass, sizeof c.pass);
    read_line(c.text, "# schedule: ", c.schedule, sizeof c.schedule);
    ctx_init(&ctx);
    if (ctx_run(&ctx, run_one, &c) != ST_OK) {
        ctx_describe(&ctx, message, sizeof message);
        fail_msg("%s: %s", c.path, message);
    }
    ctx_free(&ctx);
    const char *after = strstr(c.text, "\n# after ");
    c.expected = after ? strchr(after + 1, '\n') + 1 : "";
    if (getenv("RATTAN_BLESS"))
        bless(&c);
    else if (strcmp(c.expected, c.actual) != 0)
        fail_msg("%s: pass %s gives other text; RATTAN_BLESS=1 accepts it:\n%s", c.path, c.pass, c.actual);
    free((char *)c.actual);
    free(c.text);
}

/* Every pass of the pipeline has its text; `saved` a second one, of kernels that make states, features and roped keys, and
 * `roles` one of a kernel on top of rings and one of gradients, `share` one of what lies in results, `grid`
 * one of sequences that may have no slot, `reload` two of floats, features that are computed map by map, and such whose second
 * piece is computed again behind products, and one of what keys get of the window. */
static void test_texts(void **state) {
    (void)state;
    for (int p = 0; pass_info(p); p++) {
        char name[128];
        snprintf(name, sizeof name, "%s.ir", pass_info(p)->name);
        run_case(name);
    }
    run_case("saved_keys.ir");
    run_case("roles_rings.ir");
    run_case("roles_gradients.ir");
    run_case("share_results.ir");
    run_case("grid_slots.ir");
    run_case("reload_floats.ir");
    run_case("reload_sums.ir");
    run_case("reload_pieces.ir");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
