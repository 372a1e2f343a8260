/* A module as one CUDA C++ source, and what NVRTC makes of it: see ptx_codegen.h. */
#include "codegen/ptx/nvrtc.h"
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

enum { CODE_ALIGN = 16 };

static void head(Gen *g, const char *lines) {
    cu_line(g, "// %s for %s (NVRTC: %s), made by rattan %s:", g->module->name, g->target->name, g->target->cpu,
            RATTAN_VERSION);
    text_add(&g->out, "%s", lines);
}

enum { ALL_IMAGES = -1 };

/* A module's source in pieces: kernels stand by themselves. */
typedef struct Pieces {
    const char *head, *args, **kernels;
    int        *lines; /* of all kernels together: where each begins */
} Pieces;

static const char *taken(Gen *g) {
    const char *text = text_str(&g->out);
    g->out = TEXT(g->ctx);
    return text;
}

/* Steps that are cut into parts: the runtime refuses more tokens, and no ring of a longer window fits in memory but one
 * of the smallest rows. */
static bool counts_in_32_bits(const Module *module) {
    const CodeParam *ring = ir_find_param(module->kernels[0], "ring_k");
    return ir_find_param(module->kernels[0], "parts") && ring && ring->dims[2] <= MOST_SHORT;
}

/* Kinds forward and extend of wide heads without roles, whose products take 16-bit numbers: main's sum is half of the registers,
 * and most others hold queries. */
static bool is_crowded(const Gen *g) {
    const Kernel *const kernel = g->module->kernels[0];
    return !g->roles && cu_has_wide_heads(kernel) && dtype_size(ir_find_param(kernel, "q")->dtype) == 2 &&
           !ir_find_param(kernel, "do") && !ir_find_param(kernel, "parts");
}

static bool is_no_plain_product(Op *op, void *arg) {
    (void)arg;
    return op->code != OP_DOT || op->in[1]->type.dtype != DT_F32 || op_has(op, AT_VIA);
}

static Pieces make_pieces(Gen *g, const char *lines, PtxOutput *out) {
    const Module *module = g->module;
    Pieces        pieces = {.kernels = NEW_ARRAY(g->ctx, const char *, module->kernel_count),
                            .lines = NEW_ARRAY(g->ctx, int, module->kernel_count)};
    int           shared = 0;
    bool          plain = false;
    for (int k = 0; k < module->kernel_count; k++) {
        g->roles += cu_first_role(module->kernels[k]) != NULL;
        shared = cu_several_compute(module->kernels[k]) ? module->kernels[k]->warps : shared;
        plain |= !ir_walk(module->kernels[k]->body, is_no_plain_product, NULL);
    }
    head(g, lines);
    cu_line(g, "#define SHARED_WARPS %d", shared);
    g->short_numbers = counts_in_32_bits(module);
    if (g->short_numbers)
        cu_line(g, "#define SHORT_NUMBERS");
    g->crowded = is_crowded(g);
    if (g->crowded)
        cu_line(g, "#define CROWDED");
    if (plain)
        cu_line(g, "#define PLAIN_PRODUCTS");
    pieces.head = taken(g);
    cu_line(g, "// The args block of base/code_object.h: for each parameter its address and four strides, then the sizes, "
               "then the items.");
    cu_line(g, "struct Args {\n    i64 v[%d];\n};\n", 5 * module->kernels[0]->param_count + SYM_COUNT + 1);
    pieces.args = taken(g);
    for (int k = 0; k < module->kernel_count; k++) {
        cu_kernel(g, module->kernels[k], &out->phases[k]);
        pieces.kernels[k] = taken(g);
    }
    return pieces;
}

static bool is_main(const Module *module, int k) { return strcmp(module->kernels[k]->name, "main") == 0; }

/* The number of a kernel's image: images are compiled at the same time. `main` has its own; those before it share one; of kind
 * backward those behind it, which take as long each, have their own as far as there are some. */
static int image_of(const Module *module, int k) {
    int main = 0;
    while (main + 1 < module->kernel_count && !is_main(module, main))
        main++;
    if (k < main || !ir_find_param(module->kernels[0], "do"))
        return module->kernel_count > 1 && is_main(module, k);
    const int image = k - main + (main > 0);
    return image < PTX_MAX_IMAGES ? image : PTX_MAX_IMAGES - 1;
}

static int image_count(const Module *module) {
    int count = 1;
    for (int k = 0; k < module->kernel_count; k++)
        count = image_of(module, k) >= count ? image_of(module, k) + 1 : count;
    return count;
}

static int next_line(const Text *text) {
    int lines = 1;
    for (size_t c = 0; c < text->length; c++)
        lines += text->data[c] == '\n';
    return lines;
}

static void add_kernel(Gen *g, const Pieces *pieces, int image, int k) {
    if (image == ALL_IMAGES)
        pieces->lines[k] = next_line(&g->out);
    else /* errors name lines of the source that --emit shows */
        cu_line(g, "#line %d", pieces->lines[k]);
    text_add(&g->out, "%s", pieces->kernels[k]);
}

/* That of all images comes first. */
static const char *source_of(Gen *g, const Pieces *pieces, int image) {
    const Module *module = g->module;
    bool          roles = false, lines = false;
    for (int k = 0; k < module->kernel_count; k++)
        if (image == ALL_IMAGES || image == image_of(module, k)) {
            roles |= cu_first_role(module->kernels[k]) != NULL;
            lines |= cu_line_columns(module->kernels[k]) > 0;
        }
    text_add(&g->out, "%s%s\n", pieces->head, ptx_prelude);
    if (roles)
        text_add(&g->out, "%s\n", ptx_prelude_roles);
    if (roles && ir_find_param(module->kernels[0], "cu_seqlens"))
        text_add(&g->out, "%s\n", ptx_prelude_packed);
    if (lines)
        text_add(&g->out, "%s\n", ptx_prelude_lines);
    text_add(&g->out, "%s", pieces->args);
    for (int k = 0; k < module->kernel_count; k++)
        if (image == ALL_IMAGES || image == image_of(module, k))
            add_kernel(g, pieces, image, k);
    return taken(g);
}

/* ---- Which kernels may run side by side ---- */

typedef struct Use {
    const char *name;
    bool        used, written;
} Use;

static bool note_use(Op *op, void *arg) {
    Use *const use = arg;
    const AttrKey keys[] = {AT_PARAM, AT_BEYOND, AT_THERE};
    bool          found = false;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        found |= op_has(op, keys[k]) && strcmp(op_text(op, keys[k]), use->name) == 0;
    use->used |= found;
    use->written |= found && op->code != OP_LOAD && op->code != OP_SEND && op->code != OP_FETCH && op->code != OP_ILOAD;
    return true;
}

static Use use_of(const Kernel *kernel, const char *name) {
    Use use = {name, false, false};
    ir_walk(kernel->body, note_use, &use);
    return use;
}

/* Slices share working memory alone. */
static bool may_run_beside(const Kernel *a, const Kernel *b, bool of_slices) {
    for (int p = 0; p < a->param_count; p++) {
        const CodeParam *param = &a->params[p];
        if (param->role == PARAM_IN || (of_slices && param->role != PARAM_WORK))
            continue;
        const Use x = use_of(a, param->name), y = use_of(b, param->name);
        if (x.used && y.used && (x.written || y.written))
            return false;
    }
    return true;
}

/* Of kind backward: others are short, or tell each other by flags what is there. */
static void find_beside(const Module *module, CodePhase *phases) {
    for (int k = 0; k < module->kernel_count && ir_find_param(module->kernels[0], "do"); k++)
        for (int q = 0; q < module->kernel_count; q++) {
            const int64_t bit = INT64_C(1) << q;
            phases[k].beside |= q < k && may_run_beside(module->kernels[k], module->kernels[q], false) ? bit : 0;
            phases[k].beside_before |= may_run_beside(module->kernels[k], module->kernels[q], true) ? bit : 0;
        }
}

/* What NVRTC is asked for at once: the images, then all kernels together. */
typedef struct Batch {
    NvrtcSource sources[PTX_MAX_IMAGES + 1];
    NvrtcResult results[PTX_MAX_IMAGES + 1];
    int         count;
} Batch;

static void add_resources(Text *text, PtxOutput *out, const Batch *batch) {
    out->used = NEW_ARRAY(text->ctx, NvrtcResources, out->phase_count);
    for (int k = 0; k < out->phase_count; k++) {
        NvrtcResources r = {0};
        bool           found = false;
        for (int i = 0; i < batch->count && !found; i++)
            found = nvrtc_resources(batch->results[i].log, out->phases[k].symbol, &r);
        if (!found)
            continue;
        out->used[k] = r;
        text_add(text,
                 "%s: %d threads, %d registers, %lld + %lld bytes spilled, %lld bytes of stack, %lld bytes of "
                 "shared memory",
                 out->phases[k].symbol, out->phases[k].threads, r.registers, (long long)r.spill_stores,
                 (long long)r.spill_loads, (long long)r.stack, (long long)out->phases[k].shared_bytes);
        if (r.product_remarks)
            text_add(text, ", products held up in %d places (C%d)", r.product_remarks, r.product_code);
        text_add(text, "\n");
    }
}

static Status check_memory(Ctx *ctx, const Target *target, const PtxOutput *out) {
    for (int k = 0; k < out->phase_count; k++)
        if (out->phases[k].shared_bytes > target->shared_bytes)
            return ctx_fail(ctx, ST_USAGE, "schedule: shared memory",
                            "use a smaller chunk or key_tile, or fewer stages",
                            "%s needs %lld bytes of shared memory a block, %s has %lld", out->phases[k].symbol,
                            (long long)out->phases[k].shared_bytes, target->name, (long long)target->shared_bytes);
    return ST_OK;
}

static Status check_maps(Ctx *ctx, const PtxOutput *out) {
    int count = 0;
    for (int k = 0; k < out->phase_count; k++)
        count += out->phases[k].map_count;
    return count <= CODE_MAX_ALL_MAPS ? ST_OK
                                      : ctx_fail(ctx, ST_USAGE, "schedule: roles", "use roles=0", "of %d tensor maps a launch takes %d",
                                                 count, CODE_MAX_ALL_MAPS);
}

/* Images one behind another, each where it may be loaded from. */
static void join_images(Gen *g, const Batch *batch, PtxOutput *out) {
    Ctx    *ctx = g->ctx;
    int64_t code_at[PTX_MAX_IMAGES], ptx_at[PTX_MAX_IMAGES];
    Text    ptx = TEXT(ctx);
    for (int i = 0; i < out->image_count; i++) {
        out->images[i] = (PtxImage){batch->results[i].cubin, batch->results[i].cubin_size};
        code_at[i] = (int64_t)out->code_size;
        ptx_at[i] = (int64_t)strlen(text_str(&ptx));
        out->code_size += (out->images[i].cubin_size + CODE_ALIGN - 1) / CODE_ALIGN * CODE_ALIGN;
        if (!g->target->exact)
            text_add(&ptx, "%s", batch->results[i].ptx);
    }
    out->code = ctx_alloc(ctx, out->code_size);
    out->code_ptx = text_str(&ptx);
    for (int i = 0; i < out->image_count; i++)
        memcpy(out->code + code_at[i], out->images[i].cubin, out->images[i].cubin_size);
    for (int k = 0; k < out->phase_count; k++) {
        out->phases[k].code_at = code_at[image_of(g->module, k)];
        out->phases[k].ptx_at = ptx_at[image_of(g->module, k)];
    }
}

static Status run_nvrtc(Gen *g, const Pieces *pieces, int want, const char *memo, PtxOutput *out) {
    Ctx        *ctx = g->ctx;
    const char *name = ctx_printf(ctx, "%s.cu", g->module->name);
    const bool  whole = want & (PTX_WANT_PTX | PTX_WANT_CUBIN);
    static const char *const FORMS[] = {"SECOND_FORM", "THIRD_FORM", NULL}; /* of the prelude */
    Text        text = TEXT(ctx);
    Batch       batch = {0};
    if (want & PTX_WANT_CODE || !whole)
        out->image_count = image_count(g->module);
    for (; batch.count < out->image_count; batch.count++)
        batch.sources[batch.count] = (NvrtcSource){name, source_of(g, pieces, batch.count), g->crowded ? FORMS : NULL};
    if (whole)
        batch.sources[batch.count++] = (NvrtcSource){name, out->source, g->crowded ? FORMS : NULL};
    TRY(nvrtc_compile_all(ctx, batch.sources, batch.count, g->target->cpu, memo, batch.results));
    if (whole) {
        const NvrtcResult *result = &batch.results[batch.count - 1];
        out->ptx = result->ptx;
        out->cubin = result->cubin;
        out->cubin_size = result->cubin_size;
    }
    join_images(g, &batch, out);
    add_resources(&text, out, &batch);
    out->resources = text_str(&text);
    return ST_OK;
}

Status ptx_compile(Ctx *ctx, const Module *module, const Target *target, const Schedule *schedule, const char *head_lines,
                   int want, const char *memo, PtxOutput *out) {
    Gen g = {.ctx = ctx, .module = module, .schedule = schedule, .target = target, .out = TEXT(ctx)};
    *out = (PtxOutput){.phases = NEW_ARRAY(ctx, CodePhase, module->kernel_count), .phase_count = module->kernel_count};
    const Pieces pieces = make_pieces(&g, head_lines, out);
    out->source = source_of(&g, &pieces, ALL_IMAGES);
    find_beside(module, out->phases);
    if (ctx->status != ST_OK)
        return ctx->status;
    TRY(check_memory(ctx, target, out));
    TRY(check_maps(ctx, out));
    return want & ~PTX_WANT_SOURCE ? run_nvrtc(&g, &pieces, want, memo, out) : ST_OK;
}
