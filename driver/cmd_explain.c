/* rattan explain: what the compiler decided for a layer and why, pass by pass, and what limits the result. */
#include "driver/cli.h"
#include "driver/explain.h"
#include "driver/quantity.h"
#include "driver/report.h"
#include "driver/terminal.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, INDENT = 2, PASS_COLUMN = 17, WORK_COLUMN = 21, BAR = 30 };

typedef struct ExplainJob {
    Session        *session;
    const SpecItem *item;
    KernelKind      kind;
    const Shape    *shape;
    json_t         *list; /* array; NULL: text */
} ExplainJob;

static void heading(const char *title) {
    printf("\n%s%s%s\n", colour_on(stdout, COLOUR_STRONG), title, colour_off(stdout));
}

/* `label` in its column, the text behind it, wrapped. */
static void put_wrapped(Ctx *ctx, const char *label, int column, const char *text) {
    Text line = TEXT(ctx);
    text_add(&line, "%*s%-*s", INDENT, "", column - INDENT, label);
    text_add_wrapped(&line, text, column, column, WIDTH);
    fputs(text_str(&line), stdout);
}

static void print_head(Ctx *ctx, const Explained *e) {
    json_t *json = bench_case_shape_json(&e->bench);
    char   *shape = json_dumps(json, JSON_COMPACT);
    printf("%s%s%s  %s %s %s for %s\n", colour_on(stdout, COLOUR_STRONG), item_title(ctx, e->item), colour_off(stdout),
           kind_name(e->bench.kind), shape ? shape : "", dtype_name(e->item->spec.dtype), e->target->name);
    heading(ctx_printf(ctx, "Schedule, from %s", e->origin));
    put_wrapped(ctx, "", INDENT, schedule_text(ctx, &e->compiled.plan));
    if (*explain_record(ctx, e))
        put_wrapped(ctx, "", INDENT, explain_record(ctx, e));
    for (int k = 0; k < e->knobs.count; k++)
        if (e->knobs.items[k].why)
            put_wrapped(ctx, e->knobs.items[k].name, PASS_COLUMN, ctx_printf(ctx, "%d: %s", e->knobs.items[k].value, e->knobs.items[k].why));
    free(shape);
    json_decref(json);
}

/* `told`: of which knobs the other values have been said. */
static void print_pass(Ctx *ctx, const Explained *e, const PassRun *run, bool *told) {
    const PassLog *log = e->compiled.log;
    const char    *knobs = explain_knobs_text(ctx, &e->knobs, run->pass->knobs, told);
    const bool     changed = run->ops_before != run->ops_after;
    if (changed)
        put_wrapped(ctx, run->pass->name, PASS_COLUMN,
                    ctx_printf(ctx, "%d ops become %d", run->ops_before, run->ops_after));
    else if (run->note_count == 0)
        put_wrapped(ctx, run->pass->name, PASS_COLUMN, "nothing to do here");
    for (int n = 0; n < run->note_count; n++) {
        const PassNote *note = &log->notes[run->first_note + n];
        const char     *text = note->kernel ? ctx_printf(ctx, "%s: %s", note->kernel, note->text) : note->text;
        put_wrapped(ctx, n || changed ? "" : run->pass->name, PASS_COLUMN, text);
    }
    if (*knobs)
        put_wrapped(ctx, "", PASS_COLUMN, ctx_printf(ctx, "knobs: %s", knobs));
}

static void print_passes(Ctx *ctx, const Explained *e) {
    bool       *told = NEW_ARRAY(ctx, bool, e->knobs.count + 1);
    const char *fields, *name, *knobs;
    heading("Passes, in order, in their own words; knobs that they read, and what these could be");
    for (int r = 0; r < e->compiled.log->run_count; r++)
        print_pass(ctx, e, &e->compiled.log->runs[r], told);
    for (int r = 0; (name = explain_reader(e->target, r, &fields)); r++)
        if (*(knobs = explain_knobs_text(ctx, &e->knobs, fields, told)))
            put_wrapped(ctx, name, PASS_COLUMN, ctx_printf(ctx, "knobs: %s", knobs));
}

/* ---- Kernels and their work ---- */
static const char *memory_text(Ctx *ctx, const ExplainKernel *kernel) {
    const CodePhase *phase = kernel->phase;
    if (!phase->threads)
        return ctx_printf(ctx, "%9s", quantity_bytes(ctx, (double)phase->scratch_bytes));
    return ctx_printf(
        ctx, "%9s %7d %9s %7s", quantity_bytes(ctx, (double)phase->shared_bytes), phase->threads,
        ctx_printf(ctx, kernel->used ? "%d" : "<=%d",
                   kernel->used ? kernel->used->registers : kernel->registers_at_most),
        kernel->used ? quantity_bytes(ctx, (double)(kernel->used->spill_stores + kernel->used->spill_loads)) : "-");
}

static void print_tiles(Ctx *ctx, const Explained *e) {
    heading("Register tiles, in which products sum up");
    for (int k = 0; k < e->kernel_count; k++) {
        const char *tiles = explain_tiles(ctx, e, k);
        put_wrapped(ctx, e->kernels[k].name, PASS_COLUMN, *tiles ? tiles : "none");
    }
}

static void print_kernels(Ctx *ctx, const Explained *e) {
    const bool gpu = e->target->warp_size > 0;
    heading(gpu ? ctx_printf(ctx, "Kernels; registers and spills: %s", e->resources) : "Kernels");
    printf("  %-16s %8s %10s %10s %9s %9s %s\n", "", gpu ? "blocks" : "items", "FLOP", "specials", "loads", "stores",
           gpu ? "   shared threads registers  spills" : "  scratch");
    for (int k = 0; k < e->kernel_count; k++) {
        const ExplainKernel *kernel = &e->kernels[k];
        printf("  %-16s %8lld %10s %10s %9s %9s %s\n", kernel->name, (long long)kernel->items,
               quantity_text(ctx, kernel->work.products, ""), quantity_text(ctx, kernel->work.specials, ""),
               quantity_bytes(ctx, kernel->work.loaded), quantity_bytes(ctx, kernel->work.stored),
               memory_text(ctx, kernel));
    }
    if (!gpu)
        print_tiles(ctx, e);
}

/* 1 where there is nothing at all, as of no tokens. */
static double ratio(double value, double whole) { return whole > 0 ? value / whole : 1; }

static void print_work(Ctx *ctx, const Explained *e) {
    heading("Work");
    put_wrapped(ctx, "flops", WORK_COLUMN,
                ctx_printf(ctx, "%s of products; the definition asks for %s: %.2f times as many",
                           quantity_text(ctx, e->work.products, "FLOP"),
                           quantity_text(ctx, e->bench.useful_flops, "FLOP"),
                           ratio(e->work.products, e->bench.useful_flops)));
    put_wrapped(ctx, "special functions", WORK_COLUMN, quantity_text(ctx, e->work.specials, " results"));
    put_wrapped(ctx, "bytes", WORK_COLUMN,
                ctx_printf(ctx, "%s of inputs and outputs, each once: %.1f FLOP a byte; tiles load %s and store %s",
                           quantity_bytes(ctx, e->bench.bytes), ratio(e->bench.useful_flops, e->bench.bytes),
                           quantity_bytes(ctx, e->work.loaded), quantity_bytes(ctx, e->work.stored)));
    const double stored = explain_stored_bytes(e);
    if (stored > 0)
        put_wrapped(ctx, "working memory", WORK_COLUMN,
                    ctx_printf(ctx, "%s that kernels hand to later ones%s", quantity_bytes(ctx, stored),
                           e->slices > 1 ? ctx_printf(ctx, ", for one of %d slices of the heads at a time", (int)e->slices) : ""));
}

/* Of a layer, from the one kernel's launch to the other's. */
static void print_saved(Ctx *ctx, const Explained *e) {
    if (e->saved > 0)
        put_wrapped(ctx, "saved", WORK_COLUMN,
                    ctx_printf(ctx, "%s that forward keeps for backward: lse and what both branches give", quantity_bytes(ctx, e->saved)));
}

static void print_limits(Ctx *ctx, const Explained *e) {
    const int processors = e->target->processors;
    heading(ctx_printf(ctx, "Predicted limit: %s", limit_name(e->limit)));
    for (int l = 0; l < LIMIT_COUNT; l++) {
        const double share = explain_share(e, (Limit)l);
        char         bar[BAR + 1] = "";
        memset(bar, '#', (size_t)(share * BAR + 0.5));
        printf("  %-18s %14s %s%5.0f %% %s\n", limit_name((Limit)l), quantity_text(ctx, e->cycles[l], "cycles"),
               e->clock > 0 ? ctx_printf(ctx, "%10.3f ms ", 1e3 * e->cycles[l] / e->clock) : "", 100 * share, bar);
    }
    put_wrapped(ctx, "", INDENT,
                ctx_printf(ctx, "Of one of %s%d %s, all of them evenly busy, if it did nothing else%s.",
                           processors ? "" : "an unknown number, taken as ", processors ? processors : 1,
                           e->target->warp_size ? "multiprocessors" : "cores",
                           e->clock > 0 ? ctx_printf(ctx, ", at %.2f GHz, %s", 1e-9 * e->clock,
                                                     e->target->warp_size ? "this GPU's highest" : "as one core ran just now")
                                        : ""));
}

static void print_saving_row(Ctx *ctx, const Explained *e, const ExplainSaving *saving) {
    const bool own = saving->m == e->compiled.plan.states_every;
    printf("  %-8s %12s %14s %14s %12s\n",
           !explain_saves_states(e) ? "none" : ctx_printf(ctx, "%d%s", saving->m, own ? " here" : ""),
           quantity_bytes(ctx, saving->stored), quantity_text(ctx, saving->products, ""),
           quantity_text(ctx, saving->products - e->bench.useful_flops, ""), quantity_bytes(ctx, saving->moved));
    for (int s = 0; s < e->stored_count && own; s++)
        printf("    %-20s %5s %12s\n", e->stored[s].param->name, dtype_name(e->stored[s].param->dtype),
               quantity_bytes(ctx, e->stored[s].bytes));
}

/* A line for each reason, with every m that it keeps from the layer. */
static void print_refusals(Ctx *ctx, const Explained *e) {
    for (int r = 0; r < e->refusal_count; r++) {
        Text which = TEXT(ctx);
        bool told = false;
        for (int other = 0; other < e->refusal_count; other++) {
            const bool same = strcmp(e->refusals[other].why, e->refusals[r].why) == 0;
            told |= same && other < r;
            if (same)
                text_add(&which, "%s%d", other > r ? ", " : "", e->refusals[other].m);
        }
        if (!told)
            put_wrapped(ctx, "", INDENT, ctx_printf(ctx, "No m of %s: %s.", text_str(&which), e->refusals[r].why));
    }
}

/* What m is, or why there is none. */
static const char *saving_note(const Explained *e) {
    return e->item->spec.full         ? "Full attention has no residual branch, and so no states."
           : explain_saves_states(e) ? "m is the schedule's states_every; heads are in as many slices in all rows."
                                      : "No state is stored: each kernel that needs them sums them up again.";
}

/* A row for each m that the layer can have. */
static void print_saving(Ctx *ctx, const Explained *e) {
    heading(e->item->spec.full ? "Stored and recomputed" : "Stored and recomputed: the states are saved every m chunks");
    printf("  %-8s %12s %14s %14s %12s\n", "m", "stored", "FLOP", "extra FLOP", "moved");
    for (int s = 0; s < e->saving_count; s++)
        print_saving_row(ctx, e, &e->savings[s]);
    if (!e->item->spec.full)
        print_refusals(ctx, e);
    put_wrapped(ctx, "", INDENT,
                ctx_printf(ctx, "%s Extra: beyond what the definition asks for, by recomputation, tiles computed in full and "
                           "products inside chunks.",
                           saving_note(e)));
}

static void print_explained(Ctx *ctx, const Explained *e) {
    print_head(ctx, e);
    print_passes(ctx, e);
    print_kernels(ctx, e);
    print_work(ctx, e);
    print_saved(ctx, e);
    if (e->bench.kind == KIND_BACKWARD)
        print_saving(ctx, e);
    print_limits(ctx, e);
}

/* ---- All ---- */
static Status explain_item(Ctx *ctx, void *arg) {
    const ExplainJob *job = arg;
    Explained         e;
    const Status      status = explain(ctx, job->session, job->item, job->kind, job->shape, &e);
    if (status == ST_OK && job->list)
        json_array_append_new(job->list, explain_json(ctx, &e));
    else if (status == ST_OK)
        print_explained(ctx, &e);
    explain_free(&e);
    return status;
}

static Status run_explain(Ctx *ctx, const Cli *cli, Session *session, const char *path, json_t *list) {
    KernelKind kind = KIND_FORWARD;
    Shape      shape;
    TRY(shape_parse(ctx, cli_value(cli, OPTION_SHAPE), &shape));
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &kind));
    TRY(session_check_parts(ctx, session, kind, &shape));
    TRY(session_load_file(ctx, session, path));
    TRY(session_check_kind(ctx, session, kind));
    bool another = false;
    for (int i = session->first; i < session->last; i++) {
        ExplainJob job = {session, &session->specs.items[i], kind, &shape, list};
        if (!kind_fits(&job.item->spec, kind))
            continue;
        if (another && !list)
            puts("");
        TRY(with_own_memory(ctx, explain_item, &job));
        another = true;
    }
    if (list)
        json_print(list);
    return ST_OK;
}

Status cmd_explain(Ctx *ctx, const Cli *cli) {
    const char *path;
    Session     session = {0};
    json_t     *list = cli_has(cli, OPTION_JSON) ? json_array() : NULL;
    Status      status = cli_one_operand(ctx, cli, "SPEC", &path);
    if (status == ST_OK)
        status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = run_explain(ctx, cli, &session, path, list);
    session_close(&session);
    json_decref(list);
    return status;
}
