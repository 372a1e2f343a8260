/* A schedule's fields by who reads them: see explain_knobs.h. */
#include "driver/explain_knobs.h"

#include "driver/targets.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *help;
    size_t      offset;
} FIELDS[] = {
#define FIELD(name, fallback, min, max, help) {#name, help, offsetof(Schedule, name)},
#include "ir/schedule.def"
#undef FIELD
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

/* Behind the passes: tests/test_layering.sh holds code generation to its fields. */
static const struct {
    const char *name;
    bool        gpu;
    const char *fields;
} READERS[] = {
    {"code", false, "tile_rows tile_vectors unroll"},
    {"code", true, "turns blocks beside"},
    {"launch", false, "even_items spread"},
    {"launch", true, "spread head_slices states_every"},
};

const char *explain_reader(const Target *target, int index, const char **fields) {
    for (size_t r = 0; r < sizeof READERS / sizeof *READERS; r++)
        if (READERS[r].gpu == target_is_cuda(target) && index-- == 0) {
            *fields = READERS[r].fields;
            return READERS[r].name;
        }
    return NULL;
}

static int value_of(const Schedule *schedule, int field) {
    return *(const int *)((const char *)schedule + FIELDS[field].offset);
}

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Fields of GPUs say so in their help; knobs of other kinds or machines are no business of this one. */
static bool applies(const SearchSpace *space, int field) {
    bool own = false;
    for (int k = 0; k < space->knob_count; k++)
        own |= strcmp(space->knobs[k].name, FIELDS[field].name) == 0;
    return own || (!space_is_knob(FIELDS[field].name) &&
                   (target_is_cuda(space->target) || strncmp(FIELDS[field].help, "GPU", 3) != 0));
}

/* The other values of its row in knobs.def, that this schedule could have with all else as it is. */
static void find_others(Ctx *ctx, const SearchSpace *space, ExplainKnob *knob) {
    for (int k = 0; k < space->knob_count; k++)
        for (int v = 1; v < space->knobs[k].count && strcmp(space->knobs[k].name, knob->name) == 0; v++) {
            SpacePoint point = {{0}};
            Schedule   ignored;
            point.at[k] = (int8_t)v;
            if (space_point(ctx, space, &point, &ignored))
                knob->others[knob->count++] = space->knobs[k].values[v];
        }
    qsort(knob->others, (size_t)knob->count, sizeof *knob->others, by_value);
}

/* What min_items makes of this launch. */
static const char *cut_text(Ctx *ctx, const Schedule *plan, const ExplainCut *cut) {
    if (!plan->segment)
        return "";
    if (cut->segments > 1)
        return ctx_printf(ctx, ". Here %lld segments of %lld tokens: %lld pairs of sequence and key/value head, and %d items are wanted",
                          (long long)cut->segments, (long long)cut->tokens, (long long)cut->pairs, plan->min_items);
    const char *enough = cut->pairs >= plan->min_items ? ctx_printf(ctx, "are the %d items that are wanted", plan->min_items)
                         : plan->even_items && cut->pairs % plan->even_items == 0
                             ? ctx_printf(ctx, "keep all of even_items=%d threads as busy", plan->even_items)
                             : "are too few, but no sequence is long enough";
    return ctx_printf(ctx, ". Here nothing is cut: %lld pairs of sequence and key/value head %s", (long long)cut->pairs, enough);
}

/* Why the schedule has it: the default's reason, or whose it is instead. */
static const char *reason(Ctx *ctx, int value, int usual, const char *why, const char *named) {
    if (value == usual)
        return why;
    return named ? ctx_printf(ctx, "by %s; the default is %d: %s", named, usual, why)
                 : ctx_printf(ctx, "%d (%s) gave way: it does not fit", usual, why);
}

static void find_why(Ctx *ctx, const CompileRequest *request, const Schedule *plan, const char *named, const ExplainCut *cut,
                     ExplainKnob *knob) {
    Schedule    usual;
    ScheduleWhy why;
    schedule_default_why(request->spec, request->kind, request->target, &usual, &why);
    if (strcmp(knob->name, "chunk") == 0)
        knob->why = reason(ctx, plan->chunk, usual.chunk, why.chunk, named);
    if (strcmp(knob->name, "key_tile") == 0)
        knob->why = reason(ctx, plan->key_tile, usual.key_tile, why.key_tile, named);
    if (strcmp(knob->name, "segment") == 0 && !request->spec->full)
        knob->why = ctx_printf(ctx, "%s%s", reason(ctx, plan->segment, usual.segment, why.segment, named), cut_text(ctx, plan, cut));
}

Status explain_knobs_find(Ctx *ctx, const CompileRequest *request, const Schedule *plan, const char *named,
                          const ExplainCut *cut, ExplainKnobs *out) {
    ExplainKnob *items = NEW_ARRAY(ctx, ExplainKnob, FIELD_COUNT);
    SearchSpace *space = NEW(ctx, SearchSpace);
    space_open(space, request->spec, request->kind, request->target, plan);
    for (int f = 0; f < FIELD_COUNT; f++) {
        ExplainKnob *knob = &items[out->count];
        *knob = (ExplainKnob){.name = FIELDS[f].name, .value = value_of(plan, f)};
        find_others(ctx, space, knob);
        find_why(ctx, request, plan, named, cut, knob);
        out->count += applies(space, f) || knob->why;
    }
    out->items = items;
    return ctx->status;
}

static bool is_among(const char *name, const char *fields) { return pass_reads(&(PassInfo){.knobs = fields}, name); }

const char *explain_knobs_text(Ctx *ctx, const ExplainKnobs *knobs, const char *fields, bool *told) {
    Text text = TEXT(ctx);
    for (int k = 0; k < knobs->count; k++) {
        const ExplainKnob *knob = &knobs->items[k];
        if (!is_among(knob->name, fields))
            continue;
        text_add(&text, "%s%s=%d", text.length ? ", " : "", knob->name, knob->value);
        for (int o = 0; o < knob->count && !told[k]; o++)
            text_add(&text, "%s%d%s", o ? ", " : " (or ", knob->others[o], o + 1 == knob->count ? ")" : "");
        told[k] = true;
    }
    return text_str(&text);
}

json_t *explain_knobs_json(const ExplainKnobs *knobs, const char *fields) {
    json_t *list = json_array();
    for (int k = 0; k < knobs->count; k++) {
        const ExplainKnob *knob = &knobs->items[k];
        json_t            *others = json_array();
        for (int o = 0; o < knob->count; o++)
            json_array_append_new(others, json_integer(knob->others[o]));
        json_t *row = json_pack("{s:s, s:i, s:o, s:o}", "knob", knob->name, "value", knob->value, "others", others, "why",
                                knob->why ? json_string(knob->why) : json_null());
        if (is_among(knob->name, fields))
            json_array_append(list, row);
        json_decref(row);
    }
    return list;
}
