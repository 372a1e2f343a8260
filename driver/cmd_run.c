/* rattan run: a kernel on tensors from a safetensors file, outputs to another. */
#include "driver/cli.h"
#include "driver/safetensors.h"
#include "driver/session.h"

#include <string.h>

typedef struct RunJob {
    Session    *session;
    KernelKind  kind;
    Shape       shape;
    const char *input, *output;
} RunJob;

static Status parse_job(Ctx *ctx, const Cli *cli, RunJob *job) {
    job->input = cli_value(cli, OPTION_INPUT);
    job->output = cli_value(cli, OPTION_OUTPUT);
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &job->kind));
    TRY(shape_parse(ctx, cli_value(cli, OPTION_SHAPE), &job->shape));
    if (!job->input)
        return ctx_fail(ctx, ST_USAGE, "rattan run", "give --input FILE", "there is no input file");
    if (!job->output)
        return ctx_fail(ctx, ST_USAGE, "rattan run", "give -o FILE", "there is no output file");
    return ST_OK;
}

static void name_inputs(Ctx *ctx, const SafeFile *file, TensorSet *tensors) {
    for (int i = 0; i < file->tensors.count; i++) {
        const char *name = file->tensors.items[i].name;
        if (strncmp(name, "out.", 4) != 0 && strncmp(name, "grad.", 5) != 0)
            tensors_put(ctx, tensors, strncmp(name, "in.", 3) == 0 ? name + 3 : name, file->tensors.items[i].tensor);
    }
}

static void collect_outputs(Ctx *ctx, const ReadyKernel *kernel, const TensorSet *tensors, SafeFile *out) {
    for (int p = 0; p < kernel->object->param_count; p++) {
        const CodeParam *param = &kernel->object->params[p];
        if (param->role != PARAM_OUT && param->role != PARAM_INOUT)
            continue;
        tensors_put(ctx, &out->tensors, param->name, *tensors_find(tensors, param->name));
    }
}

static Status launch(Ctx *ctx, const RunJob *job, const ReadyKernel *kernel, TensorSet *tensors) {
    SafeFile out = {0};
    /* A file that holds an output under its bare name does not get to choose its shape. */
    for (int p = 0; p < kernel->object->param_count; p++)
        if (kernel->object->params[p].role == PARAM_OUT && tensors_find(tensors, kernel->object->params[p].name))
            return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "%s: %s", job->input, kernel->object->params[p].name),
                            "name it out.NAME or remove it", "the tensor is an output of the kernel");
    TRY(kernel_add_outputs(ctx, kernel, tensors));
    TRY(kernel_launch(ctx, job->session, kernel, tensors, job->shape.pos < 0 ? 0 : job->shape.pos));
    collect_outputs(ctx, kernel, tensors, &out);
    return safetensors_write(ctx, job->output, &out);
}

/* Rows of the rings are the file's unless --shape says so. */
static int64_t ring_rows(const RunJob *job, const TensorSet *tensors) {
    const Tensor *ring = tensors_find(tensors, "ring_k");
    return job->shape.ring > 0 || !ring || ring->rank != 4 ? job->shape.ring : ring->dims[2];
}

static TuningBucket bucket_of(const TensorSet *tensors) {
    const Tensor *q = tensors_find(tensors, "q"), *lengths = tensors_find(tensors, "cu_seqlens");
    if (!q || q->rank != 4)
        return (TuningBucket){0};
    const int64_t sequences = lengths && lengths->dims[0] > 1 ? lengths->dims[0] - 1 : q->dims[0];
    return tuning_bucket(sequences, sequences ? q->dims[0] * q->dims[1] / sequences : 0);
}

/* What the file has inputs for. */
static int given_parts(const RunJob *job, const TensorSet *tensors) {
    const bool final = job->kind == KIND_BACKWARD && tensors_find(tensors, "dfinal_state");
    return (tensors_find(tensors, "cu_seqlens") ? VARIANT_PACKED : 0) | (final ? VARIANT_FINAL_STATE : 0);
}

static Status run_item(Ctx *ctx, const RunJob *job, const Spec *spec) {
    SafeFile    file;
    TensorSet   tensors = {0};
    ReadyKernel kernel;
    TRY(safetensors_read(ctx, job->input, &file));
    name_inputs(ctx, &file, &tensors);
    job->session->bucket = bucket_of(&tensors);
    TRY(session_pool(ctx, job->session));
    TRY(session_kernel(ctx, job->session, spec, job->kind, job->session->parts | given_parts(job, &tensors),
                       ring_rows(job, &tensors), &kernel));
    const Status status = launch(ctx, job, &kernel, &tensors);
    kernel_free(&kernel);
    return status;
}

static Status run_job(Ctx *ctx, const Cli *cli, RunJob *job, const char *path) {
    Session *session = job->session;
    TRY(parse_job(ctx, cli, job));
    TRY(session_load_file(ctx, session, path));
    if (session->last - session->first != 1)
        return ctx_fail(ctx, ST_USAGE, path, "choose one with --item", "the spec stands for %d layers",
                        session->last - session->first);
    return run_item(ctx, job, &session->specs.items[session->first].spec);
}

Status cmd_run(Ctx *ctx, const Cli *cli) {
    const char *path;
    Session     session;
    RunJob      job = {.session = &session};
    TRY(cli_one_operand(ctx, cli, "SPEC", &path));
    Status status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = run_job(ctx, cli, &job, path);
    session_close(&session);
    return status;
}
