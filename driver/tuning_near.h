/* Whether what was measured of a schedule in one bucket of shapes holds in another one, where nobody measured it.
 *
 * In:  a layer, what is known of it, one right record of that, and the bucket that is wanted, which is not the record's.
 * Out: NULL, or why the default is the better choice there: a clause without a full stop.
 * Always: what was measured counts before what is expected. A schedule that was slower in a bucket as near is none; one that
 *      was no slower in buckets on either side of the wanted one is one. Where there are no such neighbours, launches must be
 *      alike in all that a gain depends on: whether rows have keys behind their window and fill their tiles, into how many
 *      segments sequences are cut, and on GPUs whether sequences and tiles are as many, or enough, for all multiprocessors; and
 *      what the cost model says of the way from one bucket to the other must leave enough of the gain, the more the farther it
 *      is. */
#ifndef RATTAN_DRIVER_TUNING_NEAR_H
#define RATTAN_DRIVER_TUNING_NEAR_H

#include "driver/tuning_key.h"

/* What a kernel is of, beside its key. */
typedef struct TuningLayer {
    const Spec   *spec;
    KernelKind    kind;
    const Target *target;
} TuningLayer;

/* Of the default's time that has to be gained for each factor of two between the buckets. */
#define TUNING_GAIN_A_STEP 0.02

/* wanted.T 0: any shape. `layer` NULL: what the schedule does is not known, and other measurements and the gain alone count.
 * *agreed: there is no objection since buckets on either side agree. */
const char *tuning_near_objection(Ctx *ctx, const TuningLayer *layer, const TuningRecords *records, const TuningRecord *record,
                                  TuningBucket wanted, bool *agreed);

#endif
