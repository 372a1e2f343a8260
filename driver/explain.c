/* What the compiler decided, as data: see explain.h. Decisions are the passes' own words (PassLog); work is counted on
 * the IR that the last of them leaves. */
#include "driver/explain.h"

#include "codegen/llvm/llvm_codegen.h"
#include "codegen/ptx/nvrtc.h"
#include "driver/ceilings.h"
#include "driver/fingerprint.h"
#include "driver/tuning_lines.h"

#include <string.h>

/* ---- Counting ---- */
typedef struct Indices {
    const BenchCase *bench;
    int64_t          fold;
} Indices;

static int64_t index_element(const void *arg, const char *param, int64_t index) {
    const Indices *i = arg;
    return bench_case_index(i->bench, i->fold, param, index);
}

static int64_t phase_items(const CodePhase *phase, const LaunchSizes *sizes) {
    int64_t items = 1;
    for (int a = 0; a < phase->axis_count; a++)
        items *= launch_dim(sizes, phase->axes[a]);
    return items;
}

/* Of one slice of the heads -> of all. */
static IrWork times_slices(IrWork work, int slices) {
    work.products *= slices;
    work.specials *= slices;
    work.others *= slices;
    work.panels *= slices;
    work.loaded *= slices;
    work.stored *= slices;
    return work;
}

static void add_work(IrWork *to, const IrWork *work) {
    to->products += work->products;
    to->specials += work->specials;
    to->others += work->others;
    to->panels += work->panels;
    to->loaded += work->loaded;
    to->stored += work->stored;
}

/* What is left for a thread by the schedule. */
static int most_registers(const Explained *e, const CodePhase *phase) {
    return phase->threads ? ptx_most_registers(e->target, phase->threads, e->compiled.plan.blocks) : 0;
}

static Status count_work(Ctx *ctx, const LaunchSizes *sizes, Explained *e) {
    const Module *module = e->compiled.module;
    IrWork       *work = NEW_ARRAY(ctx, IrWork, module->kernel_count);
    const Indices indices = {&e->bench, spec_fold(&e->item->spec)};
    IrLaunch      launch = {.element = index_element, .arg = &indices};
    memcpy(launch.syms, sizes->syms, sizeof launch.syms);
    TRY(ir_work(ctx, module, &launch, work));
    e->kernel_count = module->kernel_count;
    e->kernels = NEW_ARRAY(ctx, ExplainKernel, e->kernel_count);
    for (int k = 0; k < e->kernel_count; k++) {
        const CodePhase      *phase = &e->compiled.object->phases[k];
        const NvrtcResources *used = e->compiled.used ? &e->compiled.used[k] : NULL;
        const int             slices = (int)sizes->slices;
        work[k] = times_slices(work[k], slices);
        e->kernels[k] = (ExplainKernel){module->kernels[k]->name, work[k], slices * phase_items(phase, sizes), phase,
                                        used && used->registers ? used : NULL, most_registers(e, phase)};
        add_work(&e->work, &work[k]);
    }
    return ST_OK;
}

/* What kind forward saves, by either kind's kernel. */
static double saved_bytes(const LaunchSizes *sizes, const CodeObject *object) {
    static const char *const NAMES[] = {"lse", "swa", "rla"};
    double                   sum = 0;
    for (int p = 0; p < object->param_count && object->variant & VARIANT_SAVED; p++)
        for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++) {
            double bytes = strcmp(object->params[p].name, NAMES[n]) == 0 ? (double)dtype_size(object->params[p].dtype) : 0;
            for (int d = 0; d < 4; d++)
                bytes *= (double)launch_param_dim(sizes, &object->params[p], d);
            sum += bytes;
        }
    return sum;
}

static void find_stored(Ctx *ctx, const LaunchSizes *sizes, Explained *e) {
    const CodeObject *object = e->compiled.object;
    e->stored = NEW_ARRAY(ctx, ExplainStored, object->param_count);
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        double           bytes = (double)dtype_size(param->dtype);
        for (int d = 0; d < 4; d++)
            bytes *= (double)launch_param_dim(sizes, param, d);
        if (param->role == PARAM_WORK && bytes > 0)
            e->stored[e->stored_count++] = (ExplainStored){param, bytes};
    }
}

static void find_limit(Explained *e) {
    const Shape   *shape = &e->bench.shape;
    const Workload load = {shape->length_count ? shape->length_count : shape->B,
                           shape->length_count ? shape->lengths[0] : shape->T};
    schedule_limits(&e->item->spec, e->target, &load, &e->compiled.plan, &e->work, e->bench.bytes, e->cycles);
    for (int l = 1; l < LIMIT_COUNT; l++)
        if (e->cycles[l] > e->cycles[e->limit])
            e->limit = (Limit)l;
}

/* Of this machine's core or GPU. */
static double clock_of(const Session *session) {
    if (!session->target.native)
        return 0;
    if (target_is_cuda(&session->target))
        return session->device ? 1e3 * session->device->facts.clock_khz : 0;
    return ceiling_clock();
}

/* ---- Compiling ---- */
static int variant_of(const Session *session, const Explained *e) {
    return session_variant(session, e->bench.kind, e->bench.shape.length_count ? VARIANT_PACKED : 0);
}

static CompileRequest request_of(const Session *session, const Explained *e) {
    return (CompileRequest){
        .spec = &e->item->spec,
        .kind = e->bench.kind,
        .variant = variant_of(session, e),
        .ring_rows = e->bench.shape.ring < 0 ? 0 : e->bench.shape.ring,
        .target = &session->target,
        .schedule = session->schedule,
        .emit = EMIT_PLAN,
    };
}

static Status compile(Ctx *ctx, Session *session, Explained *e) {
    CompileRequest request = request_of(session, e);
    e->origin = request.schedule ? "the default, with --schedule over it" : "the default";
    session->bucket = shape_bucket(&e->bench.shape);
    TRY(session_tune(ctx, session, &request));
    e->pick = request.pick;
    if (e->pick && e->pick->record)
        e->origin = *request.schedule ? "the tuning database" : "the default: the tuning database knows nothing better";
    if (target_is_cuda(&session->target)) {
        const char *nvrtc = nvrtc_version(ctx);
        const bool  there = nvrtc_is_here();
        e->resources = there ? nvrtc : "what the schedule claims: there is no NVRTC to ask";
        request.emit |= there ? EMIT_RESOURCES : 0;
    }
    TRY(compile_kernel(ctx, &request, &e->compiled));
    if (e->compiled.refused) {
        e->origin = "the default: the tuning database's is refused";
        e->pick = NULL;
    }
    return ST_OK;
}

/* ---- Knobs ---- */
static Status find_knobs(Ctx *ctx, const Session *session, const LaunchSizes *sizes, Explained *e) {
    const CompileRequest request = request_of(session, e);
    const ExplainCut     cut = {sizes->syms[SYM_N] * e->item->spec.kv_heads, sizes->syms[SYM_S], sizes->syms[SYM_L]};
    const bool           tuned = e->pick && e->pick->record && !tuning_is_default(e->pick->record);
    return explain_knobs_find(ctx, &request, &e->compiled.plan,
                              session->schedule ? "--schedule" : tuned ? "the tuning database" : NULL, &cut, &e->knobs);
}

/* ---- Other m ---- */
typedef struct SavingJob {
    Session         *session;
    const Explained *of;
    int              m;
    ExplainSaving    saving;
} SavingJob;

static ExplainSaving saving_of(const Explained *e, int m) {
    return (ExplainSaving){m, explain_stored_bytes(e), e->work.products, e->work.loaded + e->work.stored};
}

/* In as many slices of the heads, so that rows can be compared. */
static Status count_saving(Ctx *ctx, void *arg) {
    SavingJob *job = arg;
    Schedule   schedule = job->of->compiled.plan;
    Explained  e = {.item = job->of->item, .target = job->of->target, .bench = job->of->bench};
    LaunchSizes sizes;
    schedule.states_every = job->m;
    schedule.head_slices = (int)job->of->slices;
    const CompileRequest request = {.spec = &e.item->spec,
                                    .kind = e.bench.kind,
                                    .variant = variant_of(job->session, &e),
                                    .target = &job->session->target,
                                    .schedule = schedule_text(ctx, &schedule),
                                    .emit = EMIT_PLAN};
    TRY(compile_kernel(ctx, &request, &e.compiled));
    Status status = bench_case_sizes(ctx, e.compiled.object, &e.bench, &sizes);
    if (status == ST_OK)
        status = count_work(ctx, &sizes, &e);
    if (status == ST_OK) {
        find_stored(ctx, &sizes, &e);
        job->saving = saving_of(&e, job->m);
    }
    explain_free(&e);
    return status;
}

/* A row for that m, or why there is none. */
static void try_saving(Ctx *ctx, Session *session, Explained *e, int m) {
    SavingJob job = {.session = session, .of = e, .m = m};
    Ctx       quiet;
    ctx_init(&quiet);
    if (ctx_run(&quiet, count_saving, &job) == ST_OK)
        e->savings[e->saving_count++] = job.saving;
    else
        e->refusals[e->refusal_count++] = (ExplainRefusal){m, ctx_strdup(ctx, quiet.message)};
    ctx_free(&quiet);
}

/* The schedule's own m, and powers of two. Kernels of a GPU that save no state have no use for an m. */
static void find_savings(Ctx *ctx, Session *session, Explained *e) {
    const int  own = e->compiled.plan.states_every;
    const bool others = !target_is_cuda(e->target) || explain_saves_states(e);
    bool       own_done = false;
    for (int m = 1; m <= EXPLAIN_MOST_M; m *= 2) {
        if (!own_done && own <= m) {
            e->savings[e->saving_count++] = saving_of(e, own);
            own_done = true;
        }
        if (others && m != own)
            try_saving(ctx, session, e, m);
    }
}

Status explain(Ctx *ctx, Session *session, const SpecItem *item, KernelKind kind, const Shape *shape, Explained *out) {
    LaunchSizes sizes;
    *out = (Explained){.item = item, .target = &session->target};
    TRY(bench_case_plan(ctx, &item->spec, kind, shape, &out->bench));
    TRY(compile(ctx, session, out));
    bench_case_add_parts(out->compiled.object, &out->bench);
    TRY(bench_case_sizes(ctx, out->compiled.object, &out->bench, &sizes));
    TRY(count_work(ctx, &sizes, out));
    find_stored(ctx, &sizes, out);
    TRY(find_knobs(ctx, session, &sizes, out));
    out->saved = saved_bytes(&sizes, out->compiled.object);
    find_limit(out);
    TRY(session_device(ctx, session));
    out->clock = clock_of(session);
    out->slices = sizes.slices;
    if (kind == KIND_BACKWARD)
        find_savings(ctx, session, out);
    return ST_OK;
}

void explain_free(Explained *explained) {
    if (explained->compiled.object)
        code_object_free(explained->compiled.object);
    explained->compiled.object = NULL;
}

/* The record is of a kernel without them: what it costs to make or to read them was not timed. */
static const char *added_outputs(Ctx *ctx, const Explained *explained, const TuningRecord *record) {
    const CodeObject *object = explained->compiled.object;
    const int         timed = VARIANT_PACKED | (strchr(record->key.kind, '+') ? VARIANT_SAVED : 0);
    return variant_text(ctx, object ? object->variant & ~timed : 0);
}

const char *explain_record(Ctx *ctx, const Explained *explained) {
    const TuningPick   *pick = explained->pick;
    const TuningRecord *r = pick ? pick->record : NULL;
    if (!r && pick && pick->left_alone)
        return ctx_printf(ctx, "Not from the tuning database: %s.", pick->left_alone);
    if (!r)
        return pick && pick->other_threads ? tuning_threads_text(ctx, pick) : "";
    const char *const more = added_outputs(ctx, explained, r);
    return ctx_printf(ctx, "%s%s, at %s on %s%s, by %s; from %s%s%s",
                      tuning_is_default(r) ? ctx_printf(ctx, "Compared with others in %.3f ms", 1e3 * r->seconds)
                                           : ctx_printf(ctx, "It took %.3f ms, %.3f of the default's time", 1e3 * r->seconds, r->ratio),
                      *more ? ctx_printf(ctx, " without %s", more) : "", r->key.bucket, r->key.machine, *r->key.driver ? ctx_printf(ctx, ", driver %s", r->key.driver) : "",
                      strcmp(r->key.build, COMPILER_FINGERPRINT) == 0 ? "this build" : ctx_printf(ctx, "build %s", r->key.build),
                      pick->path, pick->left_alone ? "; " : "", pick->left_alone ? pick->left_alone : "");
}

double explain_extra_flops(const Explained *explained) {
    return explained->work.products - explained->bench.useful_flops;
}

double explain_stored_bytes(const Explained *explained) {
    double bytes = 0;
    for (int s = 0; s < explained->stored_count; s++)
        bytes += explained->stored[s].bytes;
    return bytes;
}

bool explain_saves_states(const Explained *explained) {
    for (int s = 0; s < explained->stored_count; s++)
        if (strcmp(explained->stored[s].param->name, "states") == 0)
            return true;
    return false;
}

double explain_share(const Explained *explained, Limit limit) {
    const double most = explained->cycles[explained->limit];
    return most > 0 ? explained->cycles[limit] / most : 0;
}

/* Sums, a row of the right side and an element of the left one in all lanes. */
static int tile_registers(const LlvmTile *tile) { return tile->rows * tile->vectors + tile->vectors + 1; }

const char *explain_tiles(Ctx *ctx, const Explained *explained, int kernel) {
    Text text = TEXT(ctx);
    for (int t = 0; t < explained->compiled.tile_count; t++) {
        const LlvmTile *const tile = &explained->compiled.tiles[t];
        if (tile->kernel == kernel)
            text_add(&text, "%s%d x %d vectors of %d floats: %d product%s, %d of %d vector registers", text.length ? "; " : "",
                     tile->rows, tile->vectors, target_lanes(explained->target), tile->products,
                     tile->products > 1 ? "s" : "", tile_registers(tile), explained->target->vector_registers);
    }
    return text_str(&text);
}

/* ---- As JSON ---- */
static json_t *schedule_json(const Explained *e) {
    const Schedule *s = &e->compiled.plan;
    json_t         *json = json_object();
#define FIELD(name, fallback, min, max, help) json_object_set_new(json, #name, json_integer(s->name));
#include "ir/schedule.def"
#undef FIELD
    return json;
}

static json_t *notes_json(const PassLog *log, const PassRun *run) {
    json_t *list = json_array();
    for (int n = run->first_note; n < run->first_note + run->note_count; n++) {
        const PassNote *note = &log->notes[n];
        json_array_append_new(list,
                              json_pack("{s:o, s:s}", "kernel", note->kernel ? json_string(note->kernel) : json_null(),
                                        "text", note->text));
    }
    return list;
}

static json_t *passes_json(const Explained *e) {
    const PassLog *log = e->compiled.log;
    json_t        *list = json_array();
    for (int r = 0; r < log->run_count; r++) {
        const PassRun *run = &log->runs[r];
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:i, s:i, s:i, s:o, s:o}", "pass", run->pass->name, "summary",
                                              run->pass->summary, "ms", 1e3 * run->seconds, "kernels", run->kernels,
                                              "ops_before", run->ops_before, "ops_after", run->ops_after, "notes",
                                              notes_json(log, run), "knobs",
                                              explain_knobs_json(&e->knobs, run->pass->knobs)));
    }
    return list;
}

/* Who reads the schedule behind the passes. */
static json_t *readers_json(const Explained *e) {
    json_t     *readers = json_object();
    const char *fields, *name;
    for (int r = 0; (name = explain_reader(e->target, r, &fields)); r++)
        json_object_set_new(readers, name, explain_knobs_json(&e->knobs, fields));
    return readers;
}

static json_t *work_json(const IrWork *work) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "product_flops", work->products, "special_results",
                     work->specials, "other_results", work->others, "panel_bytes", work->panels, "loaded_bytes",
                     work->loaded, "stored_bytes", work->stored);
}

/* Of a thread's scratch memory on CPUs; of a block on GPUs, registers where ptxas told them. */
static json_t *memory_json(const ExplainKernel *kernel) {
    if (!kernel->phase->threads)
        return json_pack("{s:I}", "scratch_bytes", (json_int_t)kernel->phase->scratch_bytes);
    json_t               *json = json_pack("{s:i, s:I}", "threads", kernel->phase->threads, "shared_bytes",
                                           (json_int_t)kernel->phase->shared_bytes);
    const NvrtcResources *used = kernel->used;
    json_object_set_new(json, "registers_at_most", json_integer(kernel->registers_at_most));
    json_object_set_new(json, "registers", used ? json_integer(used->registers) : json_null());
    json_object_set_new(json, "spilled_bytes",
                        used ? json_integer(used->spill_stores + used->spill_loads) : json_null());
    return json;
}

static json_t *tiles_json(const Explained *e, int kernel) {
    json_t *list = json_array();
    for (int t = 0; t < e->compiled.tile_count; t++) {
        const LlvmTile *const tile = &e->compiled.tiles[t];
        if (tile->kernel == kernel)
            json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:i}", "rows", tile->rows, "vectors", tile->vectors,
                                                  "products", tile->products, "vector_registers", tile_registers(tile)));
    }
    return list;
}

static json_t *kernels_json(const Explained *e) {
    json_t *list = json_array();
    for (int k = 0; k < e->kernel_count; k++) {
        json_t *json = json_pack("{s:s, s:I}", "kernel", e->kernels[k].name, "items", (json_int_t)e->kernels[k].items);
        json_object_update_new(json, memory_json(&e->kernels[k]));
        json_object_update_new(json, work_json(&e->kernels[k].work));
        if (!e->kernels[k].phase->threads)
            json_object_set_new(json, "register_tiles", tiles_json(e, k));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *limits_json(const Explained *e) {
    json_t *list = json_array();
    for (int l = 0; l < LIMIT_COUNT; l++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:o}", "limit", limit_name((Limit)l), "cycles", e->cycles[l],
                                              "share", explain_share(e, (Limit)l), "ms",
                                              e->clock > 0 ? json_real(1e3 * e->cycles[l] / e->clock) : json_null()));
    return list;
}

/* What is stored for the gradients' kernels, and the work that this leaves: a row for each m; the schedule's own has tensors. */
static json_t *saving_json(const Explained *e) {
    json_t *tensors = json_array(), *rows = json_array();
    for (int s = 0; s < e->stored_count; s++)
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:f}", "tensor", e->stored[s].param->name, "dtype",
                                                 dtype_name(e->stored[s].param->dtype), "bytes", e->stored[s].bytes));
    for (int s = 0; s < e->saving_count; s++) {
        const ExplainSaving *const saving = &e->savings[s];
        json_t *const row = json_pack("{s:f, s:f, s:f, s:f}", "stored_bytes", saving->stored, "product_flops", saving->products,
                                      "extra_flops", saving->products - e->bench.useful_flops, "moved_bytes", saving->moved);
        json_object_set_new(row, "m", explain_saves_states(e) ? json_integer(saving->m) : json_null());
        if (saving->m == e->compiled.plan.states_every)
            json_object_set(row, "tensors", tensors);
        json_array_append_new(rows, row);
    }
    json_decref(tensors);
    return rows;
}

/* The record behind the schedule, and where it lies. */
static json_t *record_json(const Explained *e) {
    return e->pick && e->pick->record ? json_pack("{s:s, s:o}", "database", e->pick->path, "record", tuning_record_json(e->pick->record)) : json_null();
}

static json_t *refusals_json(const Explained *e) {
    json_t *rows = json_array();
    for (int r = 0; r < e->refusal_count; r++)
        json_array_append_new(rows, json_pack("{s:i, s:s}", "m", e->refusals[r].m, "why", e->refusals[r].why));
    return rows;
}

json_t *explain_json(Ctx *ctx, const Explained *e) {
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "spec", e->item->spec.name, "label", e->item->label, "kind",
                  kind_name(e->bench.kind), "target", e->target->name, "dtype", dtype_name(e->item->spec.dtype));
    json_object_set_new(json, "shape", bench_case_shape_json(&e->bench));
    json_object_update_new(
        json, json_pack("{s:s, s:s, s:o, s:s?, s:o, s:o, s:o, s:o, s:o}", "schedule", schedule_text(ctx, &e->compiled.plan), "schedule_origin", e->origin,
                        "schedule_record", record_json(e), "schedule_left_alone", e->pick ? e->pick->left_alone : NULL,
                        "schedule_fields", schedule_json(e), "passes", passes_json(e), "knobs_behind", readers_json(e), "resources",
                        e->resources ? json_string(e->resources) : json_null(), "kernels", kernels_json(e)));
    json_object_update_new(json,
                           json_pack("{s:f, s:f, s:f, s:o, s:o, s:s, s:i, s:o}", "useful_flops", e->bench.useful_flops, "bytes",
                                     e->bench.bytes, "saved_bytes", e->saved, "work", work_json(&e->work), "limits", limits_json(e), "limit",
                                     limit_name(e->limit), "processors", e->target->processors, "clock_ghz",
                                     e->clock > 0 ? json_real(1e-9 * e->clock) : json_null()));
    if (e->bench.kind == KIND_BACKWARD)
        json_object_update_new(json, json_pack("{s:o, s:o}", "saving", saving_json(e), "saving_refused", refusals_json(e)));
    return json;
}
