/* A layer's inputs: see layer_inputs.h. */
#include "driver/layer_inputs.h"

Status layer_input_find(Ctx *ctx, const TensorSet *tensors, const char *name, bool needed, const Tensor **out) {
    *out = needed ? tensors_find(tensors, name) : NULL;
    if (needed && !*out)
        return ctx_fail(ctx, ST_USAGE, name, "add it to the inputs", "the input is missing");
    return ST_OK;
}

Status layer_inputs_find(Ctx *ctx, const Spec *spec, const TensorSet *tensors, LayerInputs *out) {
    const Tensor *const lengths = tensors_find(tensors, "cu_seqlens");
    TRY(layer_input_find(ctx, tensors, "q", true, &out->q));
    TRY(layer_input_find(ctx, tensors, "k", true, &out->k));
    TRY(layer_input_find(ctx, tensors, "v", true, &out->v));
    TRY(layer_input_find(ctx, tensors, "swa_norm", spec->norm, &out->swa_norm));
    TRY(layer_input_find(ctx, tensors, "rla_norm", spec->norm && !spec->full, &out->rla_norm));
    TRY(layer_input_find(ctx, tensors, "sink", spec->sink, &out->sink));
    TRY(layer_input_find(ctx, tensors, "q_scale", spec->qk_scale, &out->q_scale));
    TRY(layer_input_find(ctx, tensors, "k_scale", spec->qk_scale, &out->k_scale));
    TRY(layer_input_find(ctx, tensors, "h0", spec->initial_state, &out->h0));
    out->cu_seqlens = lengths ? lengths->data : NULL;
    out->B = out->q->dims[0];
    out->T = out->q->dims[1];
    out->N = lengths ? lengths->dims[0] - 1 : out->B;
    return ST_OK;
}

int64_t layer_inputs_longest(const LayerInputs *in) {
    int64_t longest = in->cu_seqlens ? 0 : in->T;
    for (int64_t n = 0; in->cu_seqlens && n < in->N; n++) {
        const int64_t length = in->cu_seqlens[n + 1] - in->cu_seqlens[n];
        longest = length > longest ? length : longest;
    }
    return longest;
}
