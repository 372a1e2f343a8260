/* kind_build: Spec and kind to loop IR. Also the parameters and the outer loops that the kinds share. */
#include "frontend/kinds/kinds.h"

#include <string.h>

static const struct {
    const char *name;
    Status (*build)(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module);
} KINDS[KIND_COUNT] = {
    [KIND_FORWARD] = {"forward", kind_forward},
    [KIND_DECODE] = {"decode", kind_decode},
    [KIND_EXTEND] = {"extend", kind_extend},
    [KIND_BACKWARD] = {"backward", kind_backward},
};

static Status check_pooled(Ctx *ctx, const Spec *spec, KernelKind kind, int64_t ring_rows) {
    if (spec->full)
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "use kind forward, or rattention { } with a window",
                        "full attention has no ring of bounded size");
    if (ring_rows > INT32_MAX)
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "use a smaller window or ring",
                        "a ring of %lld rows has more than the %d that it can have", (long long)ring_rows, INT32_MAX);
    if (ring_rows >= spec_ring_rows(spec))
        return ST_OK;
    return spec_fold(spec) == 1
               ? ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "give at least as many rows as the window has keys",
                          "a ring of %lld rows cannot hold a window of %lld", (long long)ring_rows,
                          (long long)spec->window)
               : ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "give at least window + fold rows",
                          "a ring of %lld rows cannot hold a window of %lld and the %d keys that wait to be folded",
                          (long long)ring_rows, (long long)spec->window, spec->fold);
}

Status kind_build(Ctx *ctx, const Spec *spec, KernelKind kind, int variant, int64_t ring_rows, Module **out) {
    const bool pooled = kind == KIND_DECODE || kind == KIND_EXTEND;
    if (pooled && ring_rows == 0)
        ring_rows = spec_ring_rows(spec);
    if (pooled)
        TRY(check_pooled(ctx, spec, kind, ring_rows));
    if (pooled && (variant & (VARIANT_FINAL_STATE | VARIANT_PARTS | VARIANT_SAVED)))
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "ask for them with kind forward",
                        "final_state, swa and rla are outputs of kind forward only");
    if (kind == KIND_BACKWARD && (variant & VARIANT_PARTS))
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "ask for saved: it takes what forward has saved of them",
                        "swa and rla in float32 are outputs of kind forward only");
    if ((variant & VARIANT_PARTS) && (variant & VARIANT_SAVED))
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "ask for one of the two",
                        "swa and rla cannot be both parts, in float32, and saved, in the layer's dtype");
    if (kind == KIND_BACKWARD && (variant & VARIANT_LSE))
        return ctx_fail(ctx, ST_USAGE, KINDS[kind].name, "ask for it with kind forward", "lse is no output of it");
    Module *module = ir_module(ctx, ctx_printf(ctx, "%s_%s", spec->name, KINDS[kind].name));
    TRY(KINDS[kind].build(ctx, spec, variant, ring_rows, module));
    *out = module;
    return ST_OK;
}

static void param(Ctx *ctx, Kernel *kernel, const char *name, DType dtype, ParamRole role, int rank, int64_t a, int64_t b,
                  int64_t c, int64_t d) {
    ir_param(ctx, kernel, name, dtype, role, rank, (const int64_t[]){a, b, c, d});
}

void kind_layer(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows) {
    const int64_t B = DIM_SYM(SYM_B), T = DIM_SYM(SYM_T), N = DIM_SYM(SYM_N), P = DIM_SYM(SYM_P);
    const int64_t H = spec->heads, Hk = spec->kv_heads, D = spec->head_dim, E = spec->value_dim, F = spec_features(spec);
    const DType   type = spec->dtype;
    param(ctx, kernel, "q", type, PARAM_IN, 4, B, T, H, D);
    param(ctx, kernel, "k", type, PARAM_IN, 4, B, T, Hk, D);
    param(ctx, kernel, "v", type, PARAM_IN, 4, B, T, Hk, E);
    if (variant & VARIANT_PACKED)
        param(ctx, kernel, "cu_seqlens", DT_I32, PARAM_IN, 1, DIM_N_PLUS_1, 0, 0, 0);
    if (pooled) {
        param(ctx, kernel, "slots", DT_I32, PARAM_IN, 1, N, 0, 0, 0);
        param(ctx, kernel, "pos", DT_I32, PARAM_IN, 1, N, 0, 0, 0);
    }
    if (spec->norm) {
        param(ctx, kernel, "swa_norm", DT_F32, PARAM_IN, 2, H, E, 0, 0);
        if (!spec->full)
            param(ctx, kernel, "rla_norm", DT_F32, PARAM_IN, 2, H, E, 0, 0);
    }
    if (spec->sink)
        param(ctx, kernel, "sink", DT_F32, PARAM_IN, 2, H, 1, 0, 0);
    if (spec->qk_scale) {
        param(ctx, kernel, "q_scale", DT_F32, PARAM_IN, 1, D, 0, 0, 0);
        param(ctx, kernel, "k_scale", DT_F32, PARAM_IN, 1, D, 0, 0, 0);
    }
    if (spec->initial_state && !pooled)
        param(ctx, kernel, "h0", DT_F32, PARAM_IN, 4, N, H, F, E);
    if (pooled) {
        param(ctx, kernel, "ring_k", type, PARAM_INOUT, 4, P, Hk, ring_rows, D);
        param(ctx, kernel, "ring_v", type, PARAM_INOUT, 4, P, Hk, ring_rows, E);
        param(ctx, kernel, "state", DT_F32, PARAM_INOUT, 4, P, spec->initial_state ? H : Hk, F, E);
    }
}

void kind_inputs(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows) {
    const int64_t B = DIM_SYM(SYM_B), T = DIM_SYM(SYM_T), N = DIM_SYM(SYM_N);
    const int64_t H = spec->heads, Hk = spec->kv_heads, E = spec->value_dim, F = spec_features(spec);
    kind_layer(ctx, kernel, spec, variant, pooled, ring_rows);
    param(ctx, kernel, "o", spec->dtype, PARAM_OUT, 4, B, T, H, E);
    if (variant & (VARIANT_LSE | VARIANT_SAVED))
        param(ctx, kernel, "lse", DT_F32, PARAM_OUT, 4, B, H, T, 1);
    if (variant & VARIANT_FINAL_STATE)
        param(ctx, kernel, "final_state", DT_F32, PARAM_OUT, 4, N, spec->initial_state ? H : Hk, F, E);
    if (variant & (VARIANT_PARTS | VARIANT_SAVED)) {
        const bool saved = variant & VARIANT_SAVED;
        param(ctx, kernel, "swa", saved ? spec_saved_swa(spec) : DT_F32, PARAM_OUT, 4, B, T, H, E);
        if (!spec->full)
            param(ctx, kernel, "rla", saved ? spec_saved_rla(spec) : DT_F32, PARAM_OUT, 4, B, T, H, E);
    }
}

static Builder open_loop(Builder *b, const char *axis, Value *extent, Value **variable) {
    Op *loop = ir_for(b, axis, true, ir_i(b, 0), extent, ir_i(b, 1), NULL, 0);
    *variable = loop->region->args[0];
    return ir_at_end(b->ctx, b->kernel, loop->region);
}

Value *kind_since_fold(Builder *b, const Nest *nest, Value *tokens) {
    return ir_ibin(b, OP_IMOD, tokens, ir_i(b, spec_fold(nest->spec)));
}

/* A slot of -1 skips its sequence: its length becomes 0, and so no row, ring or state is touched. So does one that is not
 * there: where slots lie in a device's memory nobody has looked at them before. */
static void open_slot(Builder *b, Nest *nest) {
    Value *const slot = ir_iload(b, "slots", nest->n), *const zero = ir_i(b, 0);
    Value *const exists = ir_ibin(b, OP_ILT, slot, ir_sym(b, SYM_P));
    Value *const live = ir_ibin(b, OP_IMUL, exists, ir_ibin(b, OP_ILT, ir_i(b, -1), slot));
    nest->slot = ir_ibin(b, OP_IMUL, slot, live);
    nest->seen = ir_iload(b, "pos", nest->n);
    nest->length = ir_ibin(b, OP_IMUL, nest->length, live);
    nest->end = ir_ibin(b, OP_IADD, nest->first, nest->length);
    nest->origin = nest->seen;
    nest->state_rows = ir_ibin(b, OP_IMUL, ir_i(b, spec_features(nest->spec)), live);
    nest->oldest = ir_ibin(b, OP_IMAX, ir_ibin(b, OP_ISUB, zero, nest->seen), ir_i(b, -nest->spec->window));
    if (spec_fold(nest->spec) > 1) {
        Value *const left = ir_ibin(b, OP_ISUB, ir_i(b, -nest->spec->window), kind_since_fold(b, nest, nest->seen));
        nest->oldest = ir_ibin(b, OP_IMAX, ir_ibin(b, OP_ISUB, zero, nest->seen), left);
    }
}

static void find_folded(Builder *b, Nest *nest) {
    Value *const all = nest->pooled ? ir_ibin(b, OP_IADD, nest->seen, nest->length) : nest->length;
    nest->folded = nest->length;
    if (spec_fold(nest->spec) > 1)
        nest->folded = ir_ibin(b, OP_ISUB, nest->length, kind_since_fold(b, nest, all));
}

/* Where packed sequence n, or the one behind the last, begins: inside the tensors whatever the caller wrote, see open_slot. */
static Value *boundary(Builder *b, Value *n) {
    Value *const row = ir_ibin(b, OP_IMAX, ir_iload(b, "cu_seqlens", n), ir_i(b, 0));
    return ir_ibin(b, OP_IMIN, row, ir_sym(b, SYM_T));
}

Builder kind_open(Ctx *ctx, Kernel *kernel, const Spec *spec, int variant, bool pooled, int64_t ring_rows, Nest *nest) {
    *nest = (Nest){.ctx = ctx, .spec = spec, .kernel = kernel, .variant = variant, .pooled = pooled, .ring_rows = ring_rows};
    Builder top = ir_at_end(ctx, kernel, kernel->body);
    Builder b = open_loop(&top, "seq", ir_sym(&top, SYM_N), &nest->n);
    Builder outer = b;
    b = open_loop(&outer, "kv_head", ir_i(&outer, spec->kv_heads), &nest->kv_head);
    ir_yield(&outer, NULL, 0);
    if (variant & VARIANT_PACKED) {
        nest->batch = ir_i(&b, 0);
        nest->first = boundary(&b, nest->n);
        nest->end = ir_ibin(&b, OP_IMAX, nest->first, boundary(&b, ir_ibin(&b, OP_IADD, nest->n, ir_i(&b, 1))));
        nest->length = ir_ibin(&b, OP_ISUB, nest->end, nest->first);
    } else {
        nest->batch = nest->n;
        nest->first = ir_i(&b, 0);
        nest->length = ir_sym(&b, SYM_T);
        nest->end = nest->length;
    }
    nest->oldest = ir_i(&b, 0);
    if (pooled)
        open_slot(&b, nest);
    else
        nest->origin = ir_sym(&b, SYM_POS);
    find_folded(&b, nest);
    return b;
}
