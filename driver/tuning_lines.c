/* JSON lines: see tuning_lines.h. */
#include "driver/tuning_lines.h"

#include "passes/search_space.h"

#include <math.h>
#include <string.h>

json_t *tuning_record_json(const TuningRecord *r) {
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "machine", r->key.machine, "driver",
                             r->key.driver, "compiler", r->key.compiler, "build", r->key.build, "space", r->key.space,
                             "spec", r->key.spec, "kind", r->key.kind, "bucket", r->key.bucket, "schedule", r->schedule);
    json_object_update_new(json, json_pack("{s:s, s:I, s:f, s:f, s:f, s:I, s:s}", "verdict", verdict_name(r->verdict),
                                           "samples", (json_int_t)r->samples, "seconds", r->seconds, "ratio", r->ratio,
                                           "spread", r->spread, "when", (json_int_t)r->when, "note",
                                           r->note ? r->note : ""));
    return json;
}

json_t *tuning_spec_json(const TuningSpec *spec) {
    return json_pack("{s:s, s:s, s:s}", "spec", spec->spec, "name", spec->name, "text", spec->text);
}

static bool verdict_parse(const char *name, TuningVerdict *verdict) {
    for (int v = 0; v < VERDICT_COUNT; v++)
        if (strcmp(name, verdict_name((TuningVerdict)v)) == 0) {
            *verdict = (TuningVerdict)v;
            return true;
        }
    return false;
}

/* Numbers that no measurement gives would win every comparison. */
static bool sensible(const TuningRecord *r) {
    const bool timed = r->seconds > 0 && r->ratio > 0 && r->spread >= 0 && r->samples > 0 && isfinite(r->seconds) &&
                       isfinite(r->ratio) && isfinite(r->spread);
    return r->samples >= 0 && r->key.space > 0 && (r->verdict != VERDICT_RIGHT || timed);
}

static bool record_parse(json_t *json, TuningRecord *r) {
    const char *verdict;
    json_int_t  samples, when;
    *r = (TuningRecord){0};
    if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:F, s:F, s:F, s:I, s:s}", "machine",
                    &r->key.machine, "driver", &r->key.driver, "compiler", &r->key.compiler, "build", &r->key.build,
                    "space", &r->key.space, "spec", &r->key.spec, "kind", &r->key.kind, "bucket", &r->key.bucket,
                    "schedule", &r->schedule, "verdict", &verdict, "samples", &samples, "seconds", &r->seconds, "ratio",
                    &r->ratio, "spread", &r->spread, "when", &when, "note", &r->note) != 0)
        return false;
    r->samples = samples;
    r->when = when;
    return verdict_parse(verdict, &r->verdict) && sensible(r);
}

static Status put_json(Ctx *ctx, TuningDb *db, json_t *json, TuningCount *count) {
    TuningRecord record;
    TuningSpec   spec;
    if (json && record_parse(json, &record)) {
        count->records++;
        count->other_spaces += record.key.space != SEARCH_SPACE_VERSION;
        return tuning_db_put(ctx, db, &record);
    }
    if (json && json_unpack(json, "{s:s, s:s, s:s}", "spec", &spec.spec, "name", &spec.name, "text", &spec.text) == 0) {
        count->specs++;
        return tuning_db_put_spec(ctx, db, spec.spec, spec.name, spec.text);
    }
    if (!count->skipped++)
        count->first_skipped = count->lines;
    return ST_OK;
}

static Status put_line(Ctx *ctx, TuningDb *db, const char *line, size_t length, TuningCount *count) {
    count->lines++;
    if (strspn(line, " \t\r") >= length)
        return ST_OK;
    json_t      *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const Status status = put_json(ctx, db, json, count);
    json_decref(json);
    return status;
}

Status tuning_lines_put(Ctx *ctx, TuningDb *db, const char *text, TuningCount *count) {
    while (*text) {
        const size_t length = strcspn(text, "\n");
        TRY(put_line(ctx, db, text, length, count));
        text += length + (text[length] == '\n');
    }
    return ST_OK;
}
