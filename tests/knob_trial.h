/* Whether a pass reads no field of the schedule but those that its row declares: with any values of the others it makes the same of
 * a module. Part of pass_trial.h. */
#ifndef RATTAN_TESTS_KNOB_TRIAL_H
#define RATTAN_TESTS_KNOB_TRIAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"

static const struct {
    const char *name;
    size_t      offset;
    int         min, max;
} KNOB_FIELDS[] = {
#define FIELD(name, fallback, min, max, help) {#name, offsetof(Schedule, name), min, max},
#include "ir/schedule.def"
#undef FIELD
};
enum { KNOB_FIELD_COUNT = sizeof KNOB_FIELDS / sizeof *KNOB_FIELDS, KNOB_RANGE = 100, ALL_FIELDS = -1 };

/* A module in front of a pass. */
typedef struct KnobTrial {
    const PassArgs *args;
    const char     *text; /* of the module */
    Module          facts; /* that the text does not say: numbers alone */
    unsigned        draw;
} KnobTrial;

/* Any other legal values of what the pass does not declare: of one field, or of all. */
static void spoil_fields(KnobTrial *t, const PassInfo *pass, int only, Schedule *schedule) {
    for (int f = 0; f < KNOB_FIELD_COUNT; f++) {
        int *const field = (int *)((char *)schedule + KNOB_FIELDS[f].offset);
        const int  span = KNOB_FIELDS[f].max - KNOB_FIELDS[f].min, range = span < KNOB_RANGE ? span : KNOB_RANGE;
        if ((only != ALL_FIELDS && only != f) || pass_reads(pass, KNOB_FIELDS[f].name))
            continue;
        const int value = KNOB_FIELDS[f].min + (int)(rand_r(&t->draw) % (unsigned)range);
        *field = value >= *field ? value + 1 : value;
    }
}

typedef struct KnobRun {
    KnobTrial      *trial;
    const PassInfo *pass;
    const Schedule *schedule;
    const char     *made; /* malloc'd: the module, or why there is none */
} KnobRun;

static Status run_knobs(Ctx *ctx, void *arg) {
    KnobRun         *r = arg;
    const KnobTrial *t = r->trial;
    Module          *module;
    Text             text = TEXT(ctx);
    PassArgs         args = *t->args;
    args.schedule = r->schedule;
    args.log = NULL;
    TRY(ir_parse(ctx, "module", t->text, strlen(t->text), &module));
    module->parts = t->facts.parts;
    module->lead = t->facts.lead;
    TRY(r->pass->run(ctx, module, &args));
    for (int k = 0; k < module->kernel_count; k++)
        ir_number(module->kernels[k]);
    text_add(&text, "parts %lld lead %lld\n", (long long)module->parts, (long long)module->lead);
    ir_print(&text, module);
    r->made = strdup(text_str(&text));
    return ST_OK;
}

static const char *made_with(KnobTrial *t, const PassInfo *pass, const Schedule *schedule) {
    Ctx     ctx;
    KnobRun run = {t, pass, schedule, NULL};
    ctx_init(&ctx);
    if (ctx_run(&ctx, run_knobs, &run) != ST_OK)
        run.made = strdup(ctx.message);
    ctx_free(&ctx);
    return run.made;
}

static bool makes_same(KnobTrial *t, const PassInfo *pass, int only, const char *wanted) {
    Schedule schedule = *t->args->schedule;
    spoil_fields(t, pass, only, &schedule);
    const char *made = made_with(t, pass, &schedule);
    const bool  same = strcmp(made, wanted) == 0;
    free((char *)made);
    return same;
}

/* Adds the names of fields that the pass reads and does not declare. */
static void find_undeclared(KnobTrial *t, const PassInfo *pass, Text *names) {
    const char *wanted = made_with(t, pass, t->args->schedule);
    if (!makes_same(t, pass, ALL_FIELDS, wanted)) {
        for (int f = 0; f < KNOB_FIELD_COUNT; f++)
            for (int turn = 0; turn < 8; turn++)
                if (!makes_same(t, pass, f, wanted)) {
                    text_add(names, " %s", KNOB_FIELDS[f].name);
                    break;
                }
        if (!names->length)
            text_add(names, " some together");
    }
    free((char *)wanted);
}

#endif
