/* The way of a spec through the compiler, on one page: see compile.h. */
#include "driver/compile.h"
#include "driver/code_head.h"
#include "driver/fingerprint.h"
#include "driver/sass.h"
#include "driver/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codegen/ptx/nvrtc.h"
#include "frontend/frontend.h"

const char *kind_name(KernelKind kind) {
    static const char *const NAMES[KIND_COUNT] = {
#define X(id, name, help) name,
        KERNEL_KINDS(X)
#undef X
    };
    return NAMES[kind];
}

/* What the GPU's back end does not do yet. Tiles of one column are columns to it, which no product takes. */
static Status check_gpu(Ctx *ctx, const CompileRequest *request) {
    const Spec *spec = request->spec;
    const char *narrow = spec->head_dim == 1                       ? "head_dim"
                         : spec->value_dim == 1                    ? "value_dim"
                         : !spec->full && spec_features(spec) == 1 ? "feature_map"
                                                                   : NULL;
    return narrow ? ctx_fail(ctx, ST_USAGE, narrow, "use at least 2, or a CPU's target",
                             "is 1 wide, for which there are no kernels for GPUs yet")
                  : ST_OK;
}

/* The default for the request; without roles where they are not wanted: other fields follow from that. smaller:
 * the how manieth of those that need less shared memory, 0: itself; -1 once there is none. */
static Status default_schedule(Ctx *ctx, const CompileRequest *request, int *smaller, Schedule *schedule) {
    Schedule wanted;
    schedule_default(request->spec, request->kind, request->target, schedule);
    wanted = *schedule;
    if (request->schedule)
        TRY(schedule_parse(ctx, request->schedule, &wanted));
    if (schedule->roles && !wanted.roles) {
        Target plain = *request->target;
        plain.product_warps = 0;
        schedule_default(request->spec, request->kind, &plain, schedule);
    }
    if (*smaller && !schedule_smaller(request->spec, request->kind, request->target, *smaller, schedule))
        *smaller = -1;
    return ST_OK;
}

static Status final_schedule(Ctx *ctx, const CompileRequest *request, int *smaller, Schedule *schedule) {
    if (target_is_cuda(request->target))
        TRY(check_gpu(ctx, request));
    TRY(default_schedule(ctx, request, smaller, schedule));
    if (request->schedule)
        TRY(schedule_parse(ctx, request->schedule, schedule));
    return schedule_check(ctx, request->spec, request->kind, request->target, schedule);
}

/* Rows of the rings: part of the meaning of decode and extend, 0 for other kinds. */
static int64_t ring_rows(const CompileRequest *request) {
    if (request->kind == KIND_FORWARD || request->kind == KIND_BACKWARD)
        return 0;
    return request->ring_rows ? request->ring_rows : spec_ring_rows(request->spec);
}

/* What comes behind rattan's own passes. */
static const char *back_end_name(Ctx *ctx, const Target *target) {
    return target_is_cuda(target) ? nvrtc_version(ctx) : llvm_version();
}

static const char *compiler_name(Ctx *ctx, const char *back_end) {
    return ctx_printf(ctx, "rattan %s (%s); %s", RATTAN_VERSION, COMPILER_FINGERPRINT, back_end);
}

/* Whether the text sets the field: "key_tile" is no part of "gradient_key_tile". */
static bool sets_field(const char *text, const char *field) {
    for (const char *at = text; (at = strstr(at, field)); at += strlen(field))
        if ((at == text || strchr(" ,\t\n", at[-1])) && at[strlen(field)] == '=')
            return true;
    return false;
}

/* Does the request leave to the default all that shared memory depends on: sizes of tiles, how many are on their way, how many
 * blocks share it? Of CPUs it takes one alone. */
static bool leaves_sizes(const CompileRequest *request) {
    static const char *const FIELDS[] = {"chunk", "key_tile", "group_heads", "warps", "stages", "blocks", "slices"};
    if (!target_is_cuda(request->target))
        return false;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS && request->schedule; i++)
        if (sets_field(request->schedule, FIELDS[i]))
            return false;
    return true;
}

/* What may be compiled instead: two requests for the same schedule do not get the same where one of them gives way. */
static const char *stands_in(const CompileRequest *request) {
    const bool tuned = request->origin == SCHEDULE_TUNED;
    if (leaves_sizes(request))
        return tuned ? "smaller, default" : "smaller";
    return tuned ? "default" : "none";
}

/* A key without its last line. */
static Status key_head(Ctx *ctx, const CompileRequest *request, Text *key) {
    Schedule schedule;
    int      first = 0;
    TRY(final_schedule(ctx, request, &first, &schedule));
    spec_print(key, request->spec);
    text_add(key, "kind=%s variant=%d ring_rows=%lld\nschedule=%s\nelse=%s\n", kind_name(request->kind), request->variant,
             (long long)ring_rows(request), schedule_text(ctx, &schedule), stands_in(request));
    text_add(key, "target=%s triple=%s cpu=%s features=%s l1=%lld shared=%lld registers=%d\n", request->target->name,
             request->target->triple, request->target->cpu, request->target->features, (long long)request->target->l1_bytes,
             (long long)request->target->shared_bytes, request->target->registers);
    return ST_OK;
}

static const char *key_line(Ctx *ctx, const char *back_end) {
    return ctx_printf(ctx, "compiler=%s\n", compiler_name(ctx, back_end));
}

Status compile_key_text(Ctx *ctx, const CompileRequest *request, Text *key) {
    TRY(key_head(ctx, request, key));
    text_add(key, "%s", key_line(ctx, back_end_name(ctx, request->target)));
    return ST_OK;
}

typedef struct Keys {
    const char **items;
    int          count, capacity;
} Keys;

static void add_key(Ctx *ctx, Keys *keys, const char *head, const char *back_end) {
    PUSH(ctx, keys->items, keys->count, keys->capacity, ctx_printf(ctx, "%s%s", head, key_line(ctx, back_end)));
}

Status compile_keys(Ctx *ctx, const CompileRequest *request, const char *const **keys, int *count) {
    Keys       list = {0};
    Text       head = TEXT(ctx);
    const bool any = target_is_cuda(request->target) && !nvrtc_is_here();
    TRY(key_head(ctx, request, &head));
    add_key(ctx, &list, text_str(&head), back_end_name(ctx, request->target));
    for (const char *other; any && (other = nvrtc_version_elsewhere(ctx, list.count - 1));)
        add_key(ctx, &list, text_str(&head), other);
    *keys = list.items;
    *count = list.count;
    return ST_OK;
}

bool compile_took(Ctx *ctx, const CompileRequest *request, const CodeObject *object) {
    Schedule   schedule;
    int        first = 0;
    const bool same = final_schedule(ctx, request, &first, &schedule) == ST_OK &&
                      strcmp(schedule_text(ctx, &schedule), object->schedule) == 0;
    ctx_clear(ctx);
    return same;
}

typedef struct Observer {
    Ctx        *ctx;
    const char *dump_after;
    Text        dump;
} Observer;

static void observe(void *arg, const PassInfo *pass, Module *module, double seconds) {
    Observer *o = arg;
    if (!o->dump_after || (strcmp(o->dump_after, "all") != 0 && strcmp(o->dump_after, pass->name) != 0))
        return;
    text_add(&o->dump, "# after %s (%.2f ms): %s\n", pass->name, 1e3 * seconds, pass->summary);
    ir_print(&o->dump, module);
}

static Status check_pass_name(Ctx *ctx, const char *name) {
    if (!name || strcmp(name, "all") == 0)
        return ST_OK;
    for (int p = 0; pass_info(p); p++)
        if (strcmp(pass_info(p)->name, name) == 0)
            return ST_OK;
    return ctx_fail(ctx, ST_USAGE, "--dump-after", "`rattan passes` lists them; \"all\" dumps after each",
                    "no pass is named '%s'", name);
}

static const char *module_text(Ctx *ctx, Module *module) {
    for (int k = 0; k < module->kernel_count; k++)
        ir_number(module->kernels[k]);
    return ir_text(ctx, module);
}

/* Copies from the arena into memory that outlives it. */
static void *keep(const void *from, size_t bytes) {
    void *copy = malloc(bytes ? bytes : 1);
    if (copy && bytes)
        memcpy(copy, from, bytes);
    return copy;
}

static char *keep_text(const char *text) { return keep(text, strlen(text) + 1); }

/* What a back end hands to make_object. Arena. */
typedef struct Code {
    const CodePhase *phases;
    int              phase_count;
    const uint8_t   *payload;
    size_t           payload_size;
    const char      *ptx;
} Code;

/* Of working memory heads are the first number that is known now; sequences, tokens and tiles of them come before. */
static int heads_dim(const CodeParam *param) {
    for (int d = 0; d < 4; d++)
        if (param->dims[d] > 1)
            return d;
    return -1;
}

/* Marks the dims that slices of the heads share out: of what the caller has, those that are others with fewer heads. */
static Status mark_slices(Ctx *ctx, const CompileRequest *request, CodeParam *params, int count) {
    Spec    fewer = *request->spec;
    Module *module;
    fewer.heads /= fewer.kv_heads;
    fewer.kv_heads = 1;
    TRY(kind_build(ctx, &fewer, request->kind, request->variant, ring_rows(request), &module));
    for (int p = 0; p < count; p++) {
        const CodeParam *of = params[p].role == PARAM_WORK ? NULL : ir_find_param(module->kernels[0], params[p].name);
        for (int d = 0; d < 4 && of; d++)
            if (params[p].dims[d] != of->dims[d])
                params[p].sliced = 1 + d;
        if (params[p].role == PARAM_WORK)
            params[p].sliced = 1 + heads_dim(&params[p]);
    }
    return ST_OK;
}

/* What is of the arena comes first: where that is full, the object would be left behind. */
static Status make_object(Ctx *ctx, const CompileRequest *request, const Module *module, const Schedule *schedule,
                          const Code *code, CodeObject **out) {
    const Kernel    *first = module->kernels[0];
    const char      *schedule_line = schedule_text(ctx, schedule);
    const char      *compiler = compiler_name(ctx, back_end_name(ctx, request->target));
    CodeParam *const params = NEW_ARRAY(ctx, CodeParam, first->param_count);
    Text             spec = TEXT(ctx);
    spec_print(&spec, request->spec);
    const char *spec_text = text_str(&spec);
    memcpy(params, first->params, sizeof *params * (size_t)first->param_count);
    if (schedule->head_slices != 1)
        TRY(mark_slices(ctx, request, params, first->param_count));
    CodeObject *object = calloc(1, sizeof *object);
    if (!object)
        return ctx_fail(ctx, ST_NO_MEMORY, NULL, "free some memory", "out of memory");
    *object = (CodeObject){
        .kind = (int)request->kind,
        .variant = request->variant,
        .chunk = module->chunk,
        .segment = module->segment,
        .min_items = module->min_items,
        .even_items = schedule->even_items,
        .spread = schedule->spread,
        .parts = module->parts,
        .lead = module->lead,
        .states_every = schedule->states_every,
        .head_slices = schedule->head_slices,
        .kv_heads = request->spec->kv_heads,
        .window = request->spec->window,
        .ring_rows = ring_rows(request),
        .params = keep(params, sizeof *params * (size_t)first->param_count),
        .param_count = first->param_count,
        .phases = keep(code->phases, sizeof *code->phases * (size_t)code->phase_count),
        .phase_count = code->phase_count,
        .name = keep_text(request->spec->name),
        .spec = keep_text(spec_text),
        .schedule = keep_text(schedule_line),
        .target = keep_text(request->target->name),
        .cpu = keep_text(request->target->cpu),
        .features = keep_text(request->target->features),
        .compiler = keep_text(compiler),
        .ptx = keep_text(code->ptx),
        .payload = keep(code->payload, code->payload_size),
        .payload_size = code->payload_size,
    };
    if (!object->params || !object->phases || !object->name || !object->spec || !object->schedule || !object->target ||
        !object->cpu || !object->features || !object->compiler || !object->ptx || !object->payload) {
        code_object_free(object);
        return ctx_fail(ctx, ST_NO_MEMORY, NULL, "free some memory", "out of memory");
    }
    *out = object;
    return ST_OK;
}

/* ---- The back ends --------------------------------------------------------------------------------------------- */
static int llvm_wants(int emit) {
    return (emit & EMIT_LLVM ? LLVM_WANT_IR : 0) | (emit & EMIT_ASM ? LLVM_WANT_ASM : 0) |
           (emit & (EMIT_OBJECT | EMIT_PLAN) ? LLVM_WANT_OBJECT : 0);
}

static Status generate_cpu(Ctx *ctx, const CompileRequest *request, const Module *module, const Schedule *schedule,
                           Compiled *out, Code *code) {
    LlvmOutput output = {0};
    const int  want = llvm_wants(request->emit);
    if (want)
        TRY(llvm_compile(ctx, module, request->target, schedule, want, &output));
    out->llvm_ir = output.ir;
    out->assembly = output.assembly;
    out->tiles = output.tiles;
    out->tile_count = output.tile_count;
    *code = (Code){output.phases, output.phase_count, output.object, output.object_size, ""};
    return ST_OK;
}

static int ptx_wants(int emit) {
    return (emit & (EMIT_OBJECT | EMIT_SASS) ? PTX_WANT_CODE : 0) | (emit & (EMIT_CUDA | EMIT_PLAN) ? PTX_WANT_SOURCE : 0) |
           (emit & EMIT_PTX ? PTX_WANT_PTX : 0) | (emit & EMIT_CUBIN ? PTX_WANT_CUBIN : 0) |
           (emit & EMIT_RESOURCES ? PTX_WANT_RESOURCES : 0);
}

/* Of the images as they are launched. */
static Status disassemble(Ctx *ctx, const PtxOutput *output, const char **sass) {
    Text text = TEXT(ctx);
    for (int i = 0; i < output->image_count; i++) {
        const char *part;
        TRY(sass_disassemble(ctx, output->images[i].cubin, output->images[i].cubin_size, &part));
        text_add(&text, "%s", part);
    }
    *sass = text_str(&text);
    return ST_OK;
}

static Status generate_gpu(Ctx *ctx, const CompileRequest *request, const Module *module, const Schedule *schedule,
                           Compiled *out, Code *code) {
    PtxOutput output = {0};
    const int want = ptx_wants(request->emit);
    if (want)
        TRY(ptx_compile(ctx, module, request->target, schedule, code_head(ctx, request, schedule), want, request->memo, &output));
    if (request->emit & EMIT_SASS)
        TRY(disassemble(ctx, &output, &out->sass));
    out->cuda = output.source;
    out->ptx = output.ptx;
    out->cubin = output.cubin;
    out->cubin_size = output.cubin_size;
    out->resources = output.resources;
    out->used = output.used;
    *code = (Code){output.phases, output.phase_count, output.code, output.code_size,
                   output.code_ptx ? output.code_ptx : ""};
    return ST_OK;
}

static Status generate(Ctx *ctx, const CompileRequest *request, const Module *module, const Schedule *schedule,
                       Compiled *out) {
    Code code;
    if (target_is_cuda(request->target))
        TRY(generate_gpu(ctx, request, module, schedule, out, &code));
    else
        TRY(generate_cpu(ctx, request, module, schedule, out, &code));
    return request->emit & (EMIT_OBJECT | EMIT_PLAN) ? make_object(ctx, request, module, schedule, &code, &out->object)
                                                     : ST_OK;
}

/* ---- All of it ------------------------------------------------------------------------------------------------- */

static Status compile_with(Ctx *ctx, const CompileRequest *request, const Schedule *schedule, Compiled *out) {
    Observer observer = {.ctx = ctx, .dump_after = request->dump_after, .dump = TEXT(ctx)};
    Module  *module;
    *out = (Compiled){0};
    TRY(kind_build(ctx, request->spec, request->kind, request->variant, ring_rows(request), &module));
    if (request->emit & EMIT_LOOP_IR)
        out->loop_ir = module_text(ctx, module);
    if (request->emit & EMIT_PLAN)
        out->log = NEW(ctx, PassLog);
    const PassArgs args = {request->spec, request->kind, request->target, schedule, out->log};
    TRY(passes_run(ctx, module, &args, observe, &observer));
    if (request->emit & EMIT_TILE_IR)
        out->tile_ir = module_text(ctx, module);
    if (request->emit & EMIT_SCHEDULE)
        out->schedule = schedule_text(ctx, schedule);
    out->module = request->emit & EMIT_PLAN ? module : NULL;
    out->plan = *schedule;
    if (request->dump_after)
        out->dump = text_str(&observer.dump);
    return generate(ctx, request, module, schedule, out);
}

static bool lacks_memory(const Ctx *ctx) { return strcmp(ctx->place, "schedule: shared memory") == 0; }

/* Smaller tiles were tried: to recommend them would lead nowhere. */
static Status too_large(Ctx *ctx, const CompileRequest *request) {
    snprintf(ctx->remedy, sizeof ctx->remedy, "smaller tiles do not fit either: use %sa GPU with more shared memory, or a CPU's target",
             request->spec->dtype == DT_F32 ? "a 16-bit dtype, " : "");
    return ctx->status;
}

/* What is asked for is taken as it is; where the default needs more shared memory than there is, the next one that needs less. */
static Status compile_asked(Ctx *ctx, const CompileRequest *request, Compiled *out) {
    Schedule schedule;
    int      smaller = 0;
    *out = (Compiled){0};
    TRY(final_schedule(ctx, request, &smaller, &schedule));
    Status status = compile_with(ctx, request, &schedule, out);
    while (status != ST_OK && lacks_memory(ctx) && leaves_sizes(request) && smaller >= 0) {
        ctx_clear(ctx);
        smaller++;
        TRY(final_schedule(ctx, request, &smaller, &schedule)); /* of the first one, once there is none, for its message */
        status = compile_with(ctx, request, &schedule, out);
    }
    return status != ST_OK && smaller < 0 && lacks_memory(ctx) ? too_large(ctx, request) : status;
}

static bool refuses_schedule(const Ctx *ctx) {
    static const char FIELD[] = "schedule: ";
    return ctx->status == ST_USAGE && strncmp(ctx->place, FIELD, strlen(FIELD)) == 0;
}

/* A tuned schedule is refused: the default's turn, but in strict mode. */
static Status compile_instead(Ctx *ctx, const CompileRequest *request, Compiled *out) {
    CompileRequest plain = *request;
    char           line[1024];
    ctx_describe(ctx, line, sizeof line);
    ctx_clear(ctx);
    if (request->origin == SCHEDULE_STRICT)
        return ctx_fail(ctx, ST_FAILED, request->spec->name, "run 'rattan tune', or unset RATTAN_TUNING",
                        "the tuned schedule for %s is refused: %s", kind_name(request->kind), line);
    plain.schedule = NULL;
    plain.origin = SCHEDULE_ASKED;
    const char  *refused = ctx_strdup(ctx, line);
    const Status status = compile_asked(ctx, &plain, out);
    out->refused = refused;
    return status;
}

Status compile_kernel(Ctx *ctx, const CompileRequest *request, Compiled *out) {
    const double start = seconds_now();
    TRY(check_pass_name(ctx, request->dump_after));
    Status status = compile_asked(ctx, request, out);
    if (status != ST_OK && request->origin != SCHEDULE_ASKED && refuses_schedule(ctx))
        status = compile_instead(ctx, request, out);
    out->seconds = seconds_now() - start;
    return status;
}

Status compile_schedule(Ctx *ctx, const CompileRequest *request, Schedule *taken) {
    CompileRequest text = *request;
    Compiled       compiled;
    int            first = 0;
    text.emit = EMIT_CUDA;
    schedule_default(request->spec, request->kind, request->target, taken);
    if (!target_is_cuda(request->target))
        return final_schedule(ctx, request, &first, taken);
    TRY(compile_kernel(ctx, &text, &compiled));
    *taken = compiled.plan;
    return ST_OK;
}
