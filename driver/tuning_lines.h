/* Tuning records as JSON lines, to carry from one machine or database to another: one object a line, a record or a spec. */
#ifndef RATTAN_DRIVER_TUNING_LINES_H
#define RATTAN_DRIVER_TUNING_LINES_H

#include "driver/tuning_db.h"

#include <jansson.h>

json_t *tuning_record_json(const TuningRecord *record);
json_t *tuning_spec_json(const TuningSpec *spec);

typedef struct TuningCount {
    int64_t records, specs, skipped; /* skipped: lines that are neither */
    int64_t other_spaces;            /* records that kernels ignore: another search space's */
    int64_t lines, first_skipped;    /* of all; the number of the first such line, 0: there is none */
} TuningCount;

/* Puts every line that can be read; the rest is counted. Texts are the arena's. */
Status tuning_lines_put(Ctx *ctx, TuningDb *db, const char *text, TuningCount *count);

#endif
