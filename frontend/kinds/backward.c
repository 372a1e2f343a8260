/* Kind backward: the gradients of a layer. Its loop IR is the forward program, rows with both branches kept, and a
 * parameter dx for each input x that has a gradient, do for that of the result; pass differentiate makes their kernels
 * of it. Where kind forward has saved what rows keep, x say, it is an input, and the program stores what it is in
 * `x_again`, for pass differentiate to know it by. */
#include "frontend/kinds/kinds.h"

/* A gradient has its parameter's dims and dtype. */
static void gradients(Ctx *ctx, Kernel *kernel, const Spec *spec) {
    const int     inputs = kernel->param_count;
    const int64_t o[] = {DIM_SYM(SYM_B), DIM_SYM(SYM_T), spec->heads, spec->value_dim};
    ir_param(ctx, kernel, "do", spec->dtype, PARAM_IN, 4, o);
    for (int p = 0; p < inputs; p++) {
        const CodeParam from = kernel->params[p];
        if (from.dtype != DT_I32 && from.role == PARAM_IN)
            ir_param(ctx, kernel, ctx_printf(ctx, "d%s", from.name), from.dtype, PARAM_OUT, from.rank,
                     from.dims + (4 - from.rank));
    }
}

static void row_kept(Ctx *ctx, Kernel *kernel, const char *name, DType saved, bool is_saved, const int64_t *dims) {
    if (is_saved)
        ir_param(ctx, kernel, name, saved, PARAM_IN, 4, dims);
    ir_param(ctx, kernel, is_saved ? ctx_printf(ctx, "%s_again", name) : name, DT_F32, PARAM_WORK, 4, dims);
}

static void rows_kept(Ctx *ctx, Kernel *kernel, const Spec *spec, bool saved) {
    const int64_t o[] = {DIM_SYM(SYM_B), DIM_SYM(SYM_T), spec->heads, spec->value_dim};
    const int64_t lse[] = {DIM_SYM(SYM_B), spec->heads, DIM_SYM(SYM_T), 1};
    row_kept(ctx, kernel, "lse", DT_F32, saved, lse);
    row_kept(ctx, kernel, "swa", spec_saved_swa(spec), saved, o);
    if (!spec->full)
        row_kept(ctx, kernel, "rla", spec_saved_rla(spec), saved, o);
    ir_param(ctx, kernel, "o", DT_F32, PARAM_WORK, 4, o);
}

/* What is given, and in its place what the forward program stores. */
static void final_state(Ctx *ctx, Kernel *kernel, const Spec *spec) {
    const int64_t dims[] = {DIM_SYM(SYM_N), spec->initial_state ? spec->heads : spec->kv_heads, spec_features(spec),
                            spec->value_dim};
    ir_param(ctx, kernel, "dfinal_state", DT_F32, PARAM_IN, 4, dims);
    ir_param(ctx, kernel, "final_state", DT_F32, PARAM_WORK, 4, dims);
}

Status kind_backward(Ctx *ctx, const Spec *spec, int variant, int64_t ring_rows, Module *module) {
    (void)ring_rows;
    Nest          nest;
    Kernel *const rows = ir_kernel(ctx, module, "main", LEVEL_LOOP);
    kind_layer(ctx, rows, spec, variant, false, 0);
    gradients(ctx, rows, spec);
    if (spec->full)
        variant &= ~VARIANT_FINAL_STATE;
    if (variant & VARIANT_FINAL_STATE)
        final_state(ctx, rows, spec);
    rows_kept(ctx, rows, spec, variant & VARIANT_SAVED);
    Builder b = kind_open(ctx, rows, spec, variant | VARIANT_LSE | VARIANT_PARTS, false, 0, &nest);
    nest.again = variant & VARIANT_SAVED;
    kind_rows(&b, &nest);
    ir_yield(&b, NULL, 0);
    if (variant & VARIANT_FINAL_STATE)
        kind_final_state(ctx, rows, spec, variant, module);
    return ST_OK;
}
