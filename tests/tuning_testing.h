/* What tests of the tuning database share. Include it behind cmocka.h. */
#ifndef RATTAN_TESTS_TUNING_TESTING_H
#define RATTAN_TESTS_TUNING_TESTING_H

#include "driver/tuning_db.h"

static inline TuningRecords all_records(Ctx *ctx, TuningDb *db) {
    TuningRecords   records = {0};
    const TuningKey all = {0};
    assert_int_equal(tuning_db_find(ctx, db, &all, &records), ST_OK);
    return records;
}

#endif
