/* The float64 reference of the gradients: see gradients.h. Inputs, results and threads; the computing is
 * gradient_rows.c's. */
#include "driver/gradient_rows.h"

#include "runtime/pool.h"

#include <string.h>

static Status check_dims(Ctx *ctx, const char *name, const Tensor *tensor, const int64_t *dims) {
    const Tensor wanted = tensor_view(NULL, tensor->dtype, 4, dims);
    if (tensor->rank == 4 && memcmp(tensor->dims, dims, sizeof wanted.dims) == 0)
        return ST_OK;
    return ctx_fail(ctx, ST_USAGE, name, ctx_printf(ctx, "give %s", tensor_describe(ctx, &wanted)), "it is %s",
                    tensor_describe(ctx, tensor));
}

static Status find_output_gradients(Ctx *ctx, GradientRun *run) {
    const Spec   *spec = run->spec;
    const int64_t d_o[] = {run->in.B, run->in.T, spec->heads, spec->value_dim};
    const int64_t d_final[] = {run->in.N, spec->initial_state ? spec->heads : spec->kv_heads, run->features,
                               spec->value_dim};
    TRY(layer_input_find(ctx, run->request->inputs, "do", true, &run->d_o));
    TRY(check_dims(ctx, "do", run->d_o, d_o));
    run->d_final = spec->full ? NULL : tensors_find(run->request->inputs, "dfinal_state");
    return run->d_final ? check_dims(ctx, "dfinal_state", run->d_final, d_final) : ST_OK;
}

static double *result_new(Ctx *ctx, TensorSet *out, const char *name, const Tensor *input) {
    return input ? tensors_put(ctx, out, name, tensor_new(ctx, DT_F64, input->rank, input->dims))->data : NULL;
}

static void results_new(Ctx *ctx, GradientRun *run, TensorSet *out) {
    *out = (TensorSet){0};
    run->dq = result_new(ctx, out, "q", run->in.q);
    run->dk = result_new(ctx, out, "k", run->in.k);
    run->dv = result_new(ctx, out, "v", run->in.v);
    run->dh0 = result_new(ctx, out, "h0", run->in.h0);
}

static double *parts_new(Ctx *ctx, const Tensor *input, int64_t copies) {
    return input ? NEW_ARRAY(ctx, double, copies *tensor_elements(input)) : NULL;
}

static void all_parts_new(Ctx *ctx, GradientRun *run) {
    run->swa_norm_parts = parts_new(ctx, run->in.swa_norm, run->in.N);
    run->rla_norm_parts = parts_new(ctx, run->in.rla_norm, run->in.N);
    run->sink_parts = parts_new(ctx, run->in.sink, run->in.N);
    run->q_scale_parts = parts_new(ctx, run->in.q_scale, run->in.N * run->spec->kv_heads);
    run->k_scale_parts = parts_new(ctx, run->in.k_scale, run->in.N * run->spec->kv_heads);
}

/* The sum of the items' parts, in their order. */
static void add_parts(Ctx *ctx, TensorSet *out, const char *name, const Tensor *input, const double *parts,
                      int64_t copies) {
    double *const sum = result_new(ctx, out, name, input);
    const int64_t n = input ? tensor_elements(input) : 0;
    for (int64_t i = 0; i < copies * n; i++)
        sum[i % n] += parts[i];
}

static void add_all_parts(Ctx *ctx, const GradientRun *run, TensorSet *out) {
    const int64_t items = run->in.N * run->spec->kv_heads;
    add_parts(ctx, out, "swa_norm", run->in.swa_norm, run->swa_norm_parts, run->in.N);
    add_parts(ctx, out, "rla_norm", run->in.rla_norm, run->rla_norm_parts, run->in.N);
    add_parts(ctx, out, "sink", run->in.sink, run->sink_parts, run->in.N);
    add_parts(ctx, out, "q_scale", run->in.q_scale, run->q_scale_parts, items);
    add_parts(ctx, out, "k_scale", run->in.k_scale, run->k_scale_parts, items);
}

/* ---- Running ---- */

/* No more threads than items: each has memory of its own. */
static Status run_all(Ctx *ctx, GradientRun *run) {
    const int64_t items = run->in.N * run->spec->kv_heads, longest = layer_inputs_longest(&run->in);
    const int64_t most = run->request->threads < items ? run->request->threads : items;
    const int     threads = most < 1 ? 1 : (int)most;
    Pool         *pool;
    run->ring = run->spec->full || run->spec->window > longest ? longest : run->spec->window;
    run->workers = NEW_ARRAY(ctx, GradientWorker, threads);
    for (int t = 0; t < threads; t++)
        run->workers[t] = gradient_worker_new(ctx, run, longest);
    TRY(pool_create(ctx, threads, &pool));
    pool_run(pool, gradient_item, run, items);
    pool_destroy(pool);
    return ST_OK;
}

Status gradients_run(Ctx *ctx, const GradientsRequest *request, TensorSet *out) {
    GradientRun run = {.spec = request->spec, .request = request, .features = spec_features(request->spec)};
    TRY(layer_inputs_find(ctx, run.spec, request->inputs, &run.in));
    TRY(find_output_gradients(ctx, &run));
    results_new(ctx, &run, out);
    all_parts_new(ctx, &run);
    TRY(run_all(ctx, &run));
    add_all_parts(ctx, &run, out);
    return ST_OK;
}
