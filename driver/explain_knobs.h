/* The fields of a layer's schedule, for `rattan explain`: who reads them, what else they could be, why they are what they are. */
#ifndef RATTAN_DRIVER_EXPLAIN_KNOBS_H
#define RATTAN_DRIVER_EXPLAIN_KNOBS_H

#include <jansson.h>

#include "driver/compile.h"
#include "passes/search_space.h"

typedef struct ExplainKnob {
    const char *name;
    int         value;
    int         others[MAX_KNOB_VALUES]; /* by rising value; that the rest of the schedule leaves possible: `rattan tune` may try them */
    int         count;
    const char *why; /* a sentence; NULL: nothing is said of it */
} ExplainKnob;

typedef struct ExplainKnobs {
    const ExplainKnob *items; /* arena; in the order of schedule.def */
    int                count;
} ExplainKnobs;

/* How sequences of a launch are cut. */
typedef struct ExplainCut {
    int64_t pairs;            /* of sequences and key/value heads */
    int64_t segments, tokens; /* of a sequence; of a segment */
} ExplainCut;

/* Of the fields that mean something for the request's target and kind. `plan`: the schedule that was taken. `named`: where it comes from,
 * "the tuning database"; NULL: it is the default. */
Status explain_knobs_find(Ctx *ctx, const CompileRequest *request, const Schedule *plan, const char *named,
                          const ExplainCut *cut, ExplainKnobs *out);

/* What reads the schedule behind the passes: index 0 .. until NULL. `fields`: as PassInfo.knobs. */
const char *explain_reader(const Target *target, int index, const char **fields);

/* "chunk=64 (or 16, 32, 48), key_tile=64": those of the fields; what else they could be is said of those that `told`, as
 * many flags as knobs, has not yet. "": none. */
const char *explain_knobs_text(Ctx *ctx, const ExplainKnobs *knobs, const char *fields, bool *told);
json_t     *explain_knobs_json(const ExplainKnobs *knobs, const char *fields);

#endif
