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

void db_print_json(json_t *json); /* takes the reference */

Status db_list(Ctx *ctx, const DbJob *job, TuningDb *db);
Status db_explain(Ctx *ctx, const DbJob *job, TuningDb *db);

#endif
