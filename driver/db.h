/* The actions of `rattan db` that have files of their own, and what all of them share. */
#ifndef RATTAN_DRIVER_DB_H
#define RATTAN_DRIVER_DB_H

#include <jansson.h>

#include "driver/cli.h"
#include "driver/tuning_db.h"

typedef struct DbJob {
    const Cli         *cli;
    const char *const *operands; /* behind the action */
    int                count;
    bool               json;
} DbJob;

/* The records that the command line is about: --kind, --target, --shape, and the layers of SPEC, the operand, with --set, --dtype
 * and --item. Of a target: what its code is, on whatever machine. ST_USAGE where they make no sense. */
Status db_select(Ctx *ctx, const DbJob *job, TuningSelection *selection);

/* Whether two records are of the same layer, kind, bucket, machine and compilers, whatever the build. */
bool db_same_place(const TuningKey *a, const TuningKey *b);

/* The default's record that `record` was compared with, of its build if there is one; NULL: none among them. */
const TuningRecord *db_default_of(const TuningRecords *records, const TuningRecord *record);
/* "chunk=48 segment=0": the fields of a schedule that the other has not so, all where that is ""; `before`: with the other's values,
 * "chunk=48 (64) segment=0 (512)". "": none. */
const char *db_changes(Ctx *ctx, const char *schedule, const char *other, bool before);

void db_print_json(json_t *json); /* takes the reference */

Status db_list(Ctx *ctx, const DbJob *job, TuningDb *db);
Status db_explain(Ctx *ctx, const DbJob *job, TuningDb *db);

#endif
