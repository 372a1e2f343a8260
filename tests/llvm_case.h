/* What the tests of the CPU back end share: one kernel of loads, ops and stores on random data, compiled, run and
 * compared with the interpreter. Included by one file each: everything is static. */
#ifndef RATTAN_TESTS_LLVM_CASE_H
#define RATTAN_TESTS_LLVM_CASE_H

#include "codegen/llvm/llvm_codegen.h"
#include "runtime/elf_loader.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CASE_PARAMS = 12 };

typedef struct CaseParam {
    void   *native, *reference; /* two copies of the same random contents */
    int64_t dims[4], strides[4], elements;
    DType   dtype;
    bool    written;
} CaseParam;

typedef struct Case {
    Ctx       ctx;
    Module   *module;
    Kernel   *kernel;
    Builder   b;
    CaseParam params[CASE_PARAMS];
    int       count;
    int64_t   syms[SYM_COUNT];
    uint64_t  seed;
    double    tolerance; /* of |difference| / (1 + |reference|) */
    double    low, high; /* of the random numbers in the next parameters */
    Target    target;
    Schedule  schedule;
    char      name[64];
} Case;

static double case_random(Case *c) {
    c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(c->seed >> 11) * 0x1p-53;
}

static int case_int(Case *c, int low, int high) { return low + (int)(case_random(c) * (high - low + 1)); }

static void case_open(Case *c, const char *target, const char *name, uint64_t seed) {
    memset(c, 0, sizeof *c);
    ctx_init(&c->ctx);
    c->seed = seed * 0x9e3779b97f4a7c15u + 1;
    c->tolerance = 2e-6;
    c->low = -2;
    c->high = 2;
    c->schedule.unroll = 1;
    snprintf(c->name, sizeof c->name, "%s", name);
    for (char *at = c->name; *at; at++)
        if (*at == '-' || *at == ' ')
            *at = '_';
    assert_int_equal(llvm_find_target(&c->ctx, target, &c->target), ST_OK);
}

typedef void CaseBody(Case *c);
typedef struct CaseBuild {
    Case     *c;
    CaseBody *body;
} CaseBuild;

static Status case_build_in(Ctx *ctx, void *arg) {
    CaseBuild *build = arg;
    Case      *c = build->c;
    c->module = ir_module(ctx, c->name);
    c->kernel = ir_kernel(ctx, c->module, "main", LEVEL_TILE);
    c->b = ir_at_end(ctx, c->kernel, c->kernel->body);
    build->body(c);
    ir_number(c->kernel);
    return ir_verify(ctx, c->module);
}

static void case_show_error(Case *c) {
    char text[1024];
    if (c->ctx.status == ST_OK)
        return;
    ctx_describe(&c->ctx, text, sizeof text);
    print_error("%s on %s: %s\n", c->name, c->target.name, text);
}

/* A parameter of the given dims with random contents, its rows padded so that strides differ from dims. */
static const char *case_param(Case *c, DType dtype, const int64_t dims[4], ParamRole role) {
    CaseParam  *p = &c->params[c->count];
    const char *name = ctx_printf(&c->ctx, "p%d", c->count++);
    ir_param(&c->ctx, c->kernel, name, dtype, role, 4, dims);
    p->dtype = dtype;
    p->written = role != PARAM_IN;
    int64_t stride = 1;
    for (int d = 3; d >= 0; d--) {
        p->dims[d] = dims[d];
        p->strides[d] = stride;
        stride *= dims[d];
        if (d == 3)
            stride += 3;
    }
    p->elements = stride;
    p->native = malloc((size_t)stride * dtype_size(dtype));
    p->reference = malloc((size_t)stride * dtype_size(dtype));
    for (int64_t i = 0; i < stride; i++)
        dtype_store(dtype, p->native, i, c->low + (c->high - c->low) * case_random(c));
    memcpy(p->reference, p->native, (size_t)stride * dtype_size(dtype));
    return name;
}

static Value *case_in_at(Case *c, Builder *b, DType dtype, int rows, int cols) {
    const Access access = {.param = case_param(c, dtype, (int64_t[4]){1, 1, rows, cols}, PARAM_IN),
                           .rowdim = 2,
                           .groupdim = -1,
                           .period = rows};
    return ir_load(b, &access, rows, cols);
}

static Value *case_in(Case *c, int rows, int cols) { return case_in_at(c, &c->b, DT_F32, rows, cols); }

static void case_out_typed(Case *c, DType dtype, Value *tile) {
    const int    rows = tile->type.rows, cols = tile->type.cols;
    const Access access = {.param = case_param(c, dtype, (int64_t[4]){1, 1, rows, cols}, PARAM_OUT),
                           .rowdim = 2,
                           .groupdim = -1,
                           .period = rows};
    ir_store(&c->b, &access, tile);
}

static void case_out(Case *c, Value *tile) { case_out_typed(c, DT_F32, tile); }

typedef void Phase(const int64_t *args, int64_t item, void *scratch);

static void case_args(const Case *c, int64_t *args) {
    for (int p = 0; p < c->count; p++) {
        args[5 * p] = (int64_t)(intptr_t)c->params[p].native;
        memcpy(args + 5 * p + 1, c->params[p].strides, sizeof c->params[p].strides);
    }
    memcpy(args + 5 * c->count, c->syms, sizeof c->syms);
}

static int64_t case_items(const Case *c, const CodePhase *phase) {
    int64_t items = 1;
    for (int i = 0; i < phase->axis_count; i++)
        items *= phase->axes[i] > 0 ? phase->axes[i] : c->syms[-1 - phase->axes[i]];
    return items;
}

static void case_run_native(Case *c, const LlvmOutput *out) {
    int64_t   args[5 * CASE_PARAMS + SYM_COUNT];
    ElfSymbol symbol = {out->phases[0].symbol, NULL};
    ElfImage  image;
    elf_load(&c->ctx, out->object, out->object_size, &symbol, 1, &image);
    case_show_error(c);
    assert_int_equal(c->ctx.status, ST_OK);
    case_args(c, args);
    const size_t bytes = (size_t)out->phases[0].scratch_bytes;
    uint8_t     *scratch = aligned_alloc(64, bytes + 64);
    memset(scratch, 0xff, bytes + 64); /* NaN: nothing may depend on what was there */
    for (int64_t item = 0; item < case_items(c, &out->phases[0]); item++)
        ((Phase *)(uintptr_t)symbol.address)(args, item, scratch);
    for (size_t i = bytes; i < bytes + 64; i++)
        assert_int_equal(scratch[i], 0xff);
    free(scratch);
    elf_unload(&image);
}

/* The same through qemu: a program that reads the parameters, runs all items and writes them back. */
static void case_run_foreign(Case *c, const LlvmOutput *out) {
    char        folder[] = "/tmp/rattan_case_XXXXXX";
    const char *source = getenv("SOURCE");
    assert_non_null(mkdtemp(folder));
    char path[256], command[1024];
    snprintf(path, sizeof path, "%s/data", folder);
    FILE         *data = fopen(path, "wb");
    const int64_t header[4] = {c->count, SYM_COUNT, case_items(c, &out->phases[0]), out->phases[0].scratch_bytes};
    fwrite(header, sizeof header, 1, data);
    for (int p = 0; p < c->count; p++) {
        const int64_t bytes = c->params[p].elements * (int64_t)dtype_size(c->params[p].dtype);
        fwrite(&bytes, 8, 1, data);
        fwrite(c->params[p].strides, 8, 4, data);
        fwrite(c->params[p].native, 1, (size_t)bytes, data);
    }
    fwrite(c->syms, sizeof c->syms, 1, data);
    fclose(data);
    snprintf(path, sizeof path, "%s/code.o", folder);
    FILE *code = fopen(path, "wb");
    fwrite(out->object, 1, out->object_size, code);
    fclose(code);
    snprintf(
        command, sizeof command,
        "aarch64-linux-gnu-gcc -O1 -static -DPHASE=%s -o %s/run -x c %s/tests/phase_runner.inc -x none "
             "%s/code.o && "
        "qemu-aarch64-static %s/run %s/data",
        out->phases[0].symbol, folder, source ? source : ".", folder, folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/data", folder);
    data = fopen(path, "rb");
    for (int p = 0; p < c->count; p++) {
        const size_t bytes = (size_t)c->params[p].elements * dtype_size(c->params[p].dtype);
        assert_int_equal(fread(c->params[p].native, 1, bytes, data), bytes);
    }
    fclose(data);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void case_interpret(Case *c) {
    InterpBinding bindings[CASE_PARAMS];
    for (int p = 0; p < c->count; p++) {
        bindings[p] = (InterpBinding){c->kernel->params[p].name, c->params[p].reference, {0}, c->params[p].strides};
        memcpy(bindings[p].dims, c->params[p].dims, sizeof bindings[p].dims);
    }
    InterpArgs args = {.bindings = bindings, .binding_count = c->count};
    memcpy(args.syms, c->syms, sizeof args.syms);
    ir_interpret(&c->ctx, c->module, &args);
    case_show_error(c);
    assert_int_equal(c->ctx.status, ST_OK);
}

static bool case_close(const Case *c, DType dtype, double got, double want) {
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= (c->tolerance + dtype_roundoff(dtype) * 2) * (1 + fabs(want));
}

static void case_compare(Case *c) {
    for (int p = 0; p < c->count; p++) {
        const CaseParam *param = &c->params[p];
        for (int64_t i = 0; i < param->elements; i++) {
            const double got = dtype_load(param->dtype, param->native, i),
                         want = dtype_load(param->dtype, param->reference, i);
            if (case_close(c, param->dtype, got, want))
                continue;
            Text text = TEXT(&c->ctx);
            ir_print(&text, c->module);
            print_error("%s on %s: p%d[%lld] is %.9g, not %.9g\n%s\n", c->name, c->target.name, p, (long long)i, got,
                        want, text_str(&text));
            fail();
        }
    }
}

/* Builds, compiles, runs and compares; then frees. */
static void case_check(Case *c, CaseBody *body) {
    CaseBuild  build = {c, body};
    LlvmOutput out;
    ctx_run(&c->ctx, case_build_in, &build);
    case_show_error(c);
    assert_int_equal(c->ctx.status, ST_OK);
    llvm_compile(&c->ctx, c->module, &c->target, &c->schedule, LLVM_WANT_OBJECT, &out);
    case_show_error(c);
    assert_int_equal(c->ctx.status, ST_OK);
    if (c->target.native)
        case_run_native(c, &out);
    else
        case_run_foreign(c, &out);
    case_interpret(c);
    case_compare(c);
    for (int p = 0; p < c->count; p++) {
        free(c->params[p].native);
        free(c->params[p].reference);
    }
    ctx_free(&c->ctx);
}

/* The targets whose code can run here: natively, or ARM's under qemu. */
static bool case_target_runs(const char *name) {
    Ctx    ctx;
    Target target;
    ctx_init(&ctx);
    llvm_find_target(&ctx, name, &target);
    ctx_free(&ctx);
    if (target.native)
        return true;
    return strncmp(target.triple, "aarch64", 7) == 0 && access("/usr/bin/qemu-aarch64-static", X_OK) == 0 &&
           access("/usr/bin/aarch64-linux-gnu-gcc", X_OK) == 0;
}

#endif
