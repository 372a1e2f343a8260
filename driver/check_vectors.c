/* Reference vectors: see check_vectors.h. */
#include "driver/check_vectors.h"

#include "driver/check_gradients.h"
#include "driver/golden_spec.h"
#include "driver/judge.h"
#include "driver/layer_case.h"
#include "driver/safetensors.h"
#include "frontend/frontend.h"

#include <string.h>

typedef struct VectorCheck {
    Session    *session;
    const char *path, *name; /* the file; what lines call it */
    const Spec *spec;
    TensorSet   inputs, expected; /* as in the file */
    Report     *report;
    int         variant;
    bool        gradients; /* those of kind backward are compared, else forward's outputs */
} VectorCheck;

/* The outputs that a file may hold, and what makes the kernel write them. */
static const struct {
    const char *name;
    int         variant;
} OUTPUTS[] = {{"o", 0},
               {"swa", VARIANT_PARTS},
               {"rla", VARIANT_PARTS},
               {"lse", VARIANT_LSE},
               {"final_state", VARIANT_FINAL_STATE}};
enum { OUTPUT_COUNT = sizeof OUTPUTS / sizeof *OUTPUTS };

static const char *after_prefix(const char *name, const char *prefix) {
    const size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static Status sort_tensors(Ctx *ctx, VectorCheck *check, const SafeFile *file) {
    for (int i = 0; i < file->tensors.count; i++) {
        const NamedTensor *item = &file->tensors.items[i];
        const char        *input = after_prefix(item->name, "in."),
                   *output = after_prefix(item->name, check->gradients ? "grad." : "out.");
        if (input)
            tensors_put(ctx, &check->inputs, input, item->tensor);
        if (output)
            tensors_put(ctx, &check->expected, output, item->tensor);
    }
    if (check->expected.count)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, check->path,
                    check->gradients ? "name inputs in.q, in.do, ... and gradients grad.q, ..."
                                     : "name inputs in.q, in.k, ... and outputs out.o, ...",
                    "the file has no expected %s", check->gradients ? "gradients" : "outputs");
}

static Status find_variant(Ctx *ctx, VectorCheck *check) {
    check->variant = tensors_find(&check->inputs, "cu_seqlens") ? VARIANT_PACKED : 0;
    for (int i = 0; i < check->expected.count; i++) {
        const char *name = check->expected.items[i].name;
        bool        known = false;
        for (int o = 0; o < OUTPUT_COUNT; o++)
            if (strcmp(name, OUTPUTS[o].name) == 0) {
                check->variant |= OUTPUTS[o].variant;
                known = true;
            }
        if (!known)
            return ctx_fail(ctx, ST_USAGE, check->path, "use o, swa, rla, lse or final_state",
                            "there is no output '%.40s'", name);
    }
    return ST_OK;
}

/* Same dims; a kernel may add a last one of 1 (lse is [B,H,T,1] to it). */
static bool same_dims(const Tensor *expected, const Tensor *got) {
    int rank = got->rank;
    while (rank > expected->rank && got->dims[rank - 1] == 1)
        rank--;
    return rank == expected->rank && memcmp(expected->dims, got->dims, sizeof(int64_t) * (size_t)rank) == 0;
}

static Status check_dims(Ctx *ctx, const VectorCheck *check, const char *name, const Tensor *expected,
                         const Tensor *got) {
    if (!got)
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "%s: out.%s", check->path, name), "remove it",
                        "a kernel of this spec has no such output");
    if (same_dims(expected, got))
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "%s: out.%s", check->path, name),
                    ctx_printf(ctx, "the kernel writes %s", tensor_describe(ctx, got)), "it is %s",
                    tensor_describe(ctx, expected));
}

/* What a dense evaluation of rough inputs loses, by output. */
static Status typed_errors(Ctx *ctx, const VectorCheck *check, const TensorSet *rounded, double *errors) {
    Reference        typed;
    TensorSet        rough;
    ReferenceRequest request = {
        .spec = check->spec, .inputs = &rough, .single = true, .threads = pool_threads(check->session->pool)};
    case_roughen(ctx, check->spec, rounded, &rough);
    TRY(reference_run(ctx, &request, &typed));
    for (int i = 0; i < check->expected.count; i++) {
        /* The truth is the file's: compare the dense evaluation with that, through the same rule as the kernel's
         * output. */
        const NamedTensor *item = &check->expected.items[i];
        errors[i] = output_error(check->spec, &typed, NULL, item->name, &item->tensor);
    }
    return ST_OK;
}

static Status compare_outputs(Ctx *ctx, const VectorCheck *check, const TensorSet *tensors) {
    double *errors = NEW_ARRAY(ctx, double, check->expected.count);
    for (int i = 0; i < check->expected.count; i++)
        TRY(check_dims(ctx, check, check->expected.items[i].name, &check->expected.items[i].tensor,
                       tensors_find(tensors, check->expected.items[i].name)));
    if (case_is_rough(check->spec, &check->session->target))
        TRY(typed_errors(ctx, check, tensors, errors));
    for (int i = 0; i < check->expected.count; i++) {
        const NamedTensor *item = &check->expected.items[i];
        report_row(check->report, check->name, item->name,
                   tensor_error(tensors_find(tensors, item->name), &item->tensor),
                   accuracy_bound(errors[i]));
    }
    return ST_OK;
}

static Status run_kernel(Ctx *ctx, const VectorCheck *check, TensorSet *tensors) {
    ReadyKernel kernel;
    case_round(ctx, check->spec, &check->inputs, tensors);
    TRY(session_kernel(ctx, check->session, check->spec, KIND_FORWARD, check->variant, 0, &kernel));
    Status status = kernel_add_outputs(ctx, &kernel, tensors);
    for (int i = 0; i < OUTPUT_COUNT && status == ST_OK; i++)
        if (tensors_find(tensors, OUTPUTS[i].name))
            tensor_poison(tensors_find(tensors, OUTPUTS[i].name));
    if (status == ST_OK)
        status = kernel_launch(ctx, check->session, &kernel, tensors, 0);
    kernel_free(&kernel);
    return status;
}

static Status check_spec(Ctx *ctx, VectorCheck *check, const Spec *spec) {
    TensorSet tensors;
    check->spec = spec;
    TRY(case_check(ctx, check->path, spec, &check->inputs));
    if (check->gradients)
        return check_gradients(ctx, check->session, spec, check->name, &check->inputs, &check->expected, -1,
                               check->report);
    TRY(run_kernel(ctx, check, &tensors));
    return compare_outputs(ctx, check, &tensors);
}

static const char *file_stem(Ctx *ctx, const char *path) {
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    return ctx_strndup(ctx, base, strcspn(base, "."));
}

/* The items to run: the session's, each of which must agree with the metadata where there is any; or the metadata's
 * own. */
static Status choose_specs(Ctx *ctx, VectorCheck *check, const SafeFile *file, bool from_case, Session *own) {
    const char *text;
    TRY(golden_spec_text(ctx, check->path, file, &text));
    if (from_case && !text)
        return ctx_fail(ctx, ST_USAGE, check->path, "give the spec instead of '-'", "the file's metadata has no case");
    if (from_case)
        return session_load_text(ctx, own, ctx_printf(ctx, "%s: metadata", check->path), text);
    if (!text)
        return ST_OK;
    SpecFile of_case;
    TRY(spec_load_text(ctx, ctx_printf(ctx, "%s: metadata", check->path), text, strlen(text), &of_case));
    for (int i = own->first; i < own->last; i++)
        TRY(golden_spec_agree(ctx, check->path, &own->specs.items[i].spec, &of_case.items[0].spec));
    return ST_OK;
}

Status check_vectors(Ctx *ctx, Session *session, const char *path, bool from_case, bool gradients, Report *report) {
    SafeFile    file;
    Session     own = *session;
    VectorCheck check = {
        .session = session, .path = path, .name = file_stem(ctx, path), .report = report, .gradients = gradients};
    TRY(safetensors_read(ctx, path, &file));
    TRY(sort_tensors(ctx, &check, &file));
    if (!gradients)
        TRY(find_variant(ctx, &check));
    TRY(choose_specs(ctx, &check, &file, from_case, &own));
    for (int i = own.first; i < own.last; i++)
        TRY(check_spec(ctx, &check, &own.specs.items[i].spec));
    return ST_OK;
}
