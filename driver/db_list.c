/* rattan db list: the best schedule known for each layer, kind, bucket of shapes and machine.
 *
 * Always: layers that share a name are told apart by the fields in which they differ, and a schedule is shown as what it has
 * other than the default's. */
#include "driver/db.h"
#include "driver/fingerprint.h"
#include "driver/terminal.h"
#include "driver/tuning_lines.h"
#include "driver/tuning_pick.h"

#include <stdio.h>
#include <string.h>

typedef struct Listing {
    TuningSelection selection;
    json_t         *json; /* array; NULL: text */
    int             count; /* of records */
} Listing;

static const TuningSpec *spec_of(const TuningSpecs *specs, const char *hash) {
    for (int s = 0; s < specs->count; s++)
        if (strcmp(specs->items[s].spec, hash) == 0)
            return &specs->items[s];
    return NULL;
}

/* Whether every other layer of the name has this line of canonical text, too. */
static bool is_shared(Ctx *ctx, const TuningSpecs *specs, const TuningSpec *own, const char *line) {
    const char *whole = ctx_printf(ctx, "\n%s\n", line);
    for (int s = 0; s < specs->count; s++)
        if (strcmp(specs->items[s].name, own->name) == 0 && !strstr(specs->items[s].text, whole))
            return false;
    return true;
}

/* A line of canonical text without what stands for any value in a key (see tuning_key.c), a map's meaning, the comma. */
static const char *field_of(Ctx *ctx, char *line) {
    char *comment = strstr(line, ", --"), *theta = strstr(line, "theta = "), *behind = theta ? strstr(theta, ", ") : NULL;
    line += strspn(line, " ");
    if (strncmp(line, "scale = ", 8) == 0)
        return NULL;
    if (strncmp(line, "softcap = ", 10) == 0 && strncmp(line + 10, "false", 5) != 0)
        return "softcap";
    if (strncmp(line, "norm = {", 8) == 0)
        return "norm";
    if (comment)
        comment[1] = '\0';
    if (behind)
        memmove(theta, behind + 2, strlen(behind + 2) + 1);
    return ctx_strndup(ctx, line, strlen(line) - 1);
}

/* "rope = false, head_dim = 64": the fields that another layer of that name has otherwise; "" where there is none. */
static const char *differences_of(Ctx *ctx, const TuningSpecs *specs, const TuningSpec *own) {
    Text  text = TEXT(ctx);
    char *rest = NULL;
    for (char *line = strtok_r(ctx_strdup(ctx, own ? own->text : ""), "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *field = *line == ' ' && !is_shared(ctx, specs, own, line) ? field_of(ctx, line) : NULL;
        if (field)
            text_add(&text, "%s%s", text.length ? ", " : "", field);
    }
    return text_str(&text);
}

/* What the pick has other than the default. */
static const char *changes_of(Ctx *ctx, const TuningRecords *records, const TuningRecord *pick) {
    const TuningRecord *base = db_default_of(records, pick);
    if (tuning_is_default(pick))
        return "the default";
    const char *changes = db_changes(ctx, pick->schedule, base ? base->schedule : "", false);
    return *changes ? changes : "as the default";
}

static void list_place(Ctx *ctx, const TuningSpecs *specs, const TuningRecords *records, const char *path,
                       json_t *json) {
    const TuningKey  *key = &records->items[0].key;
    const TuningSpec *spec = spec_of(specs, key->spec);
    const char       *name = spec ? spec->name : key->spec;
    TuningKey         wanted = *key;
    TuningBucket      bucket = {0};
    TuningPick        pick = {0};
    int               failures = 0;
    tuning_bucket_parse(key->bucket, &bucket);
    wanted.build = COMPILER_FINGERPRINT;
    tuning_choose(records, &wanted, bucket, &pick);
    for (int r = 0; r < records->count; r++)
        failures += records->items[r].verdict != VERDICT_RIGHT;
    if (json) {
        json_t *row = pick.record ? tuning_record_json(pick.record) : json_object();
        json_object_update_new(row, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "name", name,
                                              "kind", key->kind, "bucket", key->bucket, "machine", key->machine, "records",
                                              records->count, "failures", failures, "database", path));
        json_array_append_new(json, row);
        return;
    }
    const char *differences = differences_of(ctx, specs, spec);
    printf("%-20s %-14s %-16s %4d schedules, %d failed  %s\n", name, key->kind, key->bucket, records->count, failures,
           key->machine);
    if (*differences)
        printf("  %s\n", differences);
    if (pick.record)
        printf("  %.3f ms, %.3f of the default's time (spread %.3f)%s\n  %s\n", 1e3 * pick.record->seconds,
               pick.record->ratio, pick.record->spread,
               strcmp(pick.record->key.build, COMPILER_FINGERPRINT) == 0 ? "" : ", measured with another build",
               changes_of(ctx, records, pick.record));
}

/* What one database has, under its name. */
static Status list_layer(Ctx *ctx, const char *path, const char *layer, Listing *listing) {
    TuningDb     *db = NULL;
    TuningRecords records = {0};
    TuningSpecs   specs = {0};
    TRY(tuning_db_read(ctx, path, &db));
    Status status = db ? tuning_db_select(ctx, db, &listing->selection, &records) : ST_OK;
    if (status == ST_OK && db)
        status = tuning_db_specs(ctx, db, &specs);
    tuning_db_close(db);
    if (!listing->json && records.count)
        printf("%s (%s)\n", path, layer);
    for (int first = 0, r = 1; r <= records.count; r++)
        if (r == records.count || !db_same_place(&records.items[r].key, &records.items[first].key)) {
            list_place(ctx, &specs, &(TuningRecords){records.items + first, r - first, 0}, path, listing->json);
            first = r;
        }
    listing->count += records.count;
    return status;
}

/* A system's database that cannot be read is no reason to say nothing of the others. */
static void list_systems(Ctx *ctx, Listing *listing) {
    TuningPaths systems;
    tuning_db_system_paths(ctx, &systems);
    for (int s = 0; s < systems.count; s++)
        if (list_layer(ctx, systems.items[s], "the system's", listing) != ST_OK) {
            char line[1024];
            ctx_describe(ctx, line, sizeof line);
            terminal_warning(line);
            ctx_clear(ctx);
        }
}

static bool selects_all(const TuningSelection *s) { return !s->kind && !s->bucket && !s->compiler && !s->machine && !s->specs; }

Status db_list(Ctx *ctx, const DbJob *job, TuningDb *db) {
    Listing listing = {.json = NULL};
    (void)db; /* opened for its failures */
    TRY(db_select(ctx, job, &listing.selection));
    listing.json = job->json ? json_array() : NULL;
    TRY(list_layer(ctx, tuning_db_path(ctx), "the user's", &listing));
    list_systems(ctx, &listing);
    if (listing.json)
        db_print_json(listing.json);
    else if (!listing.count)
        fputs(selects_all(&listing.selection) ? "rattan: the tuning database is empty\n"
                                              : "rattan: the tuning database has no such records\n", stderr);
    return ST_OK;
}
