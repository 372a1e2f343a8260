/* NAME.h: a typed, documented function for each layer and kind. Its declarations are hashed to a number that header and
 * library share, so that neither is used with another build's. */
#include "driver/aot.h"

#include <ctype.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "frontend/frontend.h"

/* What parameters are, by name. */
static const struct {
    const char *name, *help;
} HELP[] = {
    {"q", "queries"},
    {"k", "keys"},
    {"v", "values"},
    {"o", "outputs"},
    {"do", "the gradient of o"},
    {"cu_seqlens", "where each sequence begins, from 0 to T, never falling"},
    {"slots", "which slot of the pools each sequence has, from 0 to P - 1, none twice; -1 skips it"},
    {"pos", "tokens that each slot has seen"},
    {"ring_k", "pool of keys: that of token j in row j mod the rows of a ring"},
    {"ring_v", "pool of values, as ring_k"},
    {"state", "pool of states of the residual branch"},
    {"swa_norm", "gains of the norm behind the softmax branch"},
    {"rla_norm", "gains of the norm behind the residual branch"},
    {"sink", "a logit a head that joins the softmax's denominator"},
    {"q_scale", "factors of q in the residual branch"},
    {"k_scale", "factors of k in the residual branch"},
    {"h0", "initial states"},
    {"lse", "natural logarithm of the sum of each row's exponentials of scores"},
    {"final_state", "states after the last token, as decode and extend take them"},
    {"dfinal_state", "the gradient of final_state"},
    {"swa", "the softmax branch before norm and sum"},
    {"rla", "the residual branch before norm and sum"},
};

static const char *param_help(Ctx *ctx, const Spec *spec, const char *name) {
    if (strcmp(name, "final_state") == 0 && spec_fold(spec) > 1)
        return ctx_printf(ctx, "states after the first n - n mod %d of a sequence's n tokens, as decode and extend take them at pos n",
                          spec_fold(spec));
    for (size_t i = 0; i < sizeof HELP / sizeof *HELP; i++)
        if (strcmp(HELP[i].name, name) == 0)
            return HELP[i].help;
    return *name == 'd' ? ctx_printf(ctx, "the gradient of %s", name + 1) : "";
}

static const char *c_type(DType dtype) {
    switch (dtype) {
    case DT_F32: return "float";
    case DT_F64: return "double";
    case DT_I32: return "int32_t";
    case DT_I64: return "int64_t";
    default: return "uint16_t";
    }
}

static const char *const SYM_NAMES[SYM_COUNT] = {[SYM_B] = "B", [SYM_T] = "T", [SYM_N] = "N", [SYM_P] = "P"};
static const char *const SYM_HELP[SYM_COUNT] = {[SYM_B] = "sequences",
                                                [SYM_T] = "tokens of a sequence",
                                                [SYM_N] = "sequences, one behind the other",
                                                [SYM_P] = "slots of the pools"};

static const char *dim_text(Ctx *ctx, const AotFunction *function, int64_t dim) {
    const bool packed = (function->variant & VARIANT_PACKED) != 0;
    if (dim == DIM_N_PLUS_1)
        return "N + 1";
    if (dim > 0)
        return ctx_printf(ctx, "%lld", (long long)dim);
    const Sym sym = (Sym)(-1 - dim);
    return sym == SYM_B && packed ? "1" : sym == SYM_N && !packed ? "B" : SYM_NAMES[sym];
}

const char *aot_field(const CodeParam *param) { return strcmp(param->name, "do") == 0 ? "do_" : param->name; }

/* "    const float *q; int64_t q_strides[4]; / * [B, T, 8, 64] bf16: queries * /" */
static void add_param(Text *text, const AotFunction *function, const CodeParam *param) {
    static const char *const ROLES[] = {[PARAM_IN] = "", [PARAM_OUT] = ", written", [PARAM_INOUT] = ", changed"};
    const int                rank = code_param_caller_rank(param);
    Text                     dims = TEXT(text->ctx);
    for (int d = 0; d < rank; d++)
        text_add(&dims, "%s%s", d ? ", " : "", dim_text(text->ctx, function, param->dims[4 - param->rank + d]));
    text_add(text, "    %s%s *%s; int64_t %s_strides[%d]; /* [%s] %s%s: %s */\n",
             param->role == PARAM_IN ? "const " : "", c_type(param->dtype), aot_field(param), param->name, rank,
             text_str(&dims), dtype_name(param->dtype), ROLES[param->role], param_help(text->ctx, &function->item->spec, param->name));
}

/* What a function of the kind does, in lines of a comment. */
static const char *const KIND_HELP[KIND_COUNT] = {
    [KIND_FORWARD] = " * Runs the layer on whole sequences, whose first token is number `position`.\n",
    [KIND_BACKWARD] = " * The gradients of what forward computes from the same inputs, by the gradient of o. Nothing that forward kept is\n"
                      " * needed. Every gradient has the dims and the type of what it is for.\n",
    [KIND_DECODE] = " * Runs the layer on the next token of each sequence, or the next few, and brings its slot of the pools up to\n"
                    " * date.\n",
    [KIND_EXTEND] = " * Runs the layer on the next chunk of each sequence, a piece of a prompt, and brings its slot of the pools up to\n"
                    " * date.\n",
};

static const char SLOT_HELP[] =
    " * A slot that has seen p tokens (its pos): the rings hold the last keys and values, the state the sum over tokens\n"
    " * 0 .. p - %s%lld - 1, as forward with final-state gives it for T = p. A new sequence has pos 0 and a state of\n"
    " * %s; what its rings hold does not matter.\n";

/* For those who fill a slot. */
static void add_slot_help(Text *text, const Spec *spec) {
    const char *fold = spec->fold > 1 ? ctx_printf(text->ctx, "p mod %lld - ", (long long)spec->fold) : "";
    text_add(text, SLOT_HELP, fold, (long long)spec->window, spec->initial_state ? "its initial one" : "zeros");
}

static const char *size_help(const AotFunction *function, Sym size) {
    return size == SYM_T && function->variant & VARIANT_PACKED ? "tokens of all sequences together" : SYM_HELP[size];
}

static void add_struct(Text *text, const AotFunction *function) {
    const CodeObject *object = function->codes[0].object;
    Sym               sizes[ARGS_MOST_SIZES];
    const int         count = args_sizes(object, sizes);
    const bool        pooled = object->ring_rows > 0;
    text_add(text, "typedef struct %s_args {\n", function->name);
    for (int s = 0; s < count; s++)
        text_add(text, "    int64_t %s; /* %s%s */\n", SYM_NAMES[sizes[s]], pooled && sizes[s] == SYM_T ? "new " : "",
                 size_help(function, sizes[s]));
    text_add(text, "    int64_t position; /* %s */\n",
             pooled ? "0: pos says it" : "of the first token, in tokens: for RoPE, else without meaning");
    for (int p = 0; p < object->param_count; p++)
        if (object->params[p].role != PARAM_WORK)
            add_param(text, function, &object->params[p]);
    text_add(text, "} %s_args;\n", function->name);
}

/* The canonical spec, as lines of a comment. */
static void add_spec(Text *text, const Spec *spec) {
    Text printed = TEXT(text->ctx);
    spec_print(&printed, spec);
    for (const char *line = text_str(&printed); *line;) {
        const int length = (int)strcspn(line, "\n");
        text_add(text, " *     ");
        for (int i = 0; i < length; i++)
            text_add(text, line[i] == '*' && line[i + 1] == '/' ? "* " : "%c", line[i]);
        text_add(text, "\n");
        line += length + (line[length] == '\n');
    }
}

static void add_built(Text *text, const AotLibrary *library, const AotFunction *function) {
    text_add(text, " * Built for");
    for (int t = 0; t < library->target_count; t++)
        text_add(text, "%s %s", t ? "," : "", library->targets[t].target.name);
    text_add(text, ".\n");
    if (!function->codes[0].bucket.N)
        return;
    text_add(text, " * Shapes (sequences x tokens of one, each rounded up to a power of two):");
    for (int c = 0; c < function->code_count && function->codes[c].target == function->codes[0].target; c++)
        if (!function->codes[c].plain)
            text_add(text, "%s %lld x %lld", c ? "," : "", (long long)function->codes[c].bucket.N,
                     (long long)function->codes[c].bucket.T);
    text_add(text, ". Others are RATTAN_RT_NOT_BUILT.\n");
}

static void add_function(Text *text, const AotLibrary *library, const AotFunction *function) {
    const char *name = function->name, *own = library->name;
    text_add(text, "\n/* %s%s%s: %s.\n", function->item->spec.name, *function->item->label ? " " : "",
             function->item->label, function->kind_text);
    text_add(text, "%s", KIND_HELP[function->kind]);
    if (function->codes[0].object->ring_rows > 0)
        add_slot_help(text, &function->item->spec);
    text_add(text, " *\n");
    add_spec(text, &function->item->spec);
    text_add(text, " *\n");
    add_built(text, library, function);
    text_add(text, " */\n");
    add_struct(text, function);
    text_add(text,
             "RATTAN_RT_API %s_status %s(%s_context *context, const %s_args *args, const rattan_rt_place *place);\n",
             own, name, own, name);
    text_add(
        text,
        "RATTAN_RT_API %s_status %s_prepare(%s_context *context, const %s_args *args, const rattan_rt_place *place);\n",
        own, name, own, name);
    text_add(text, "RATTAN_RT_API %s_status %s_memory(%s_context *context, const %s_args *args, int64_t *bytes);\n",
             own, name, own, name);
}

static const char HEAD[] =
    "/* @NAME@: attention kernels, written by rattan " RATTAN_VERSION ". Do not edit.\n"
    " *\n"
    " *     @NAME@_context *context;\n"
    " *     if (@NAME@_open(NULL, &context) != RATTAN_RT_OK) ...\n"
    " *     @NAME@_layer_forward_args args = {.B = 1, .T = 1000, .q = q, ...};\n"
    " *     status = @NAME@_layer_forward(context, &args, NULL);\n"
    " *     if (status != RATTAN_RT_OK) puts(@NAME@_error_string(status));\n"
    " *     @NAME@_close(context);\n"
    " *\n"
    " * A function runs its kernel on the context's device; the struct of its arguments has the sizes, then every "
    "tensor:\n"
    " * its address and its strides, counted in elements. Strides that are all zero stand for a tensor without gaps; "
    "else\n"
    " * none may be negative and the last is 1. uint16_t holds the bits of bf16 or fp16. What is written may overlap "
    "nothing.\n"
    " * `place`: see rattan_rt.h; NULL on CPUs. Tensors of a context for a GPU are in its memory.\n"
    " * Every argument is checked before anything is written; what was wrong @NAME@_error_string says. The first "
    "launch of a\n"
    " * kernel loads it: call its _prepare, which also makes the memory of launches of that shape, where that must not "
    "wait,\n"
    " * and before a stream is captured, where a launch that was not prepared is refused (USAGE).\n"
    " * _memory: the bytes that a launch needs beyond its tensors. All functions may be called from several threads.\n"
    " * Statuses: RATTAN_RT_OK; USAGE for sizes, strides and pointers; NO_DEVICE; INTEGRITY for a damaged library; "
    "NO_MEMORY;\n"
    " * NOT_BUILT; VERSION; TWO_LIBRARIES; FAILED: see rattan_rt.h. */\n";

static const char OPEN[] =
    "\ntypedef rattan_rt_status @NAME@_status;\ntypedef struct @NAME@_context @NAME@_context;\n\n"
    "/* A device with its threads and its kernels; options may be NULL: this CPU. NO_DEVICE where it runs no kernel of "
    "the\n"
    " * library; VERSION where header, library and runtime are of different builds; TWO_LIBRARIES where another "
    "library of\n"
    " * this name is in use; INTEGRITY where the library is damaged. */\n"
    "RATTAN_RT_API @NAME@_status @NAME@_open_interface(uint64_t interface, const rattan_rt_options *options, "
    "@NAME@_context **context);\n"
    "static inline @NAME@_status @NAME@_open(const rattan_rt_options *options, @NAME@_context **context) {\n"
    "    return @NAME@_open_interface(@NAME@_INTERFACE, options, context);\n}\n"
    "/* No launch may be running. NULL is allowed. */\n"
    "RATTAN_RT_API void @NAME@_close(@NAME@_context *context);\n"
    "/* Whose kernels the context runs: \"x86-64-v4\", \"cuda:sm_90a\". */\n"
    "RATTAN_RT_API const char *@NAME@_target(const @NAME@_context *context);\n"
    "/* What a status means; of this thread's last failure: what was wrong and what would be right, in one line. */\n"
    "RATTAN_RT_API const char *@NAME@_error_string(@NAME@_status status);\n";

static const char *upper(Ctx *ctx, const char *name) {
    char *text = ctx_strdup(ctx, name);
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return text;
}

/* All that the number stands for. */
static const char *declarations(Ctx *ctx, const AotLibrary *library) {
    Text text = TEXT(ctx);
    text_add(&text, "%s", aot_fill(ctx, OPEN, library->name, ""));
    for (int f = 0; f < library->function_count; f++)
        add_function(&text, library, &library->functions[f]);
    return text_str(&text);
}

Status aot_header(Ctx *ctx, AotLibrary *library) {
    const char *guard = upper(ctx, library->name), *body = declarations(ctx, library);
    Text        text = TEXT(ctx);
    library->interface = XXH3_64bits(body, strlen(body));
    text_add(&text, "%s", aot_fill(ctx, HEAD, library->name, ""));
    text_add(
        &text,
        "#ifndef %s_H\n#define %s_H\n\n#include <rattan/rattan_rt.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
        guard, guard);
    text_add(&text,
             "/* Stands for the declarations below: the library must be of the same. */\n"
             "#define %s_INTERFACE UINT64_C(0x%016llx)\n",
             library->name, (unsigned long long)library->interface);
    text_add(&text, "%s", body);
    text_add(&text, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
    library->header = text_str(&text);
    return ST_OK;
}
