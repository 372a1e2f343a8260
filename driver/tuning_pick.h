/* The schedule that a kernel gets where none is asked for: the best of what the tuning databases know, else the default. */
#ifndef RATTAN_DRIVER_TUNING_PICK_H
#define RATTAN_DRIVER_TUNING_PICK_H

#include "driver/compile.h"
#include "driver/tuning_near.h"

typedef enum TuningMode {
    TUNING_ON,
    TUNING_OFF,   /* --no-tuning, RATTAN_TUNING=off */
    TUNING_STRICT /* RATTAN_TUNING=strict: no tuned schedule is a failure */
} TuningMode;

/* RATTAN_TUNING; ST_USAGE where it says something else. */
Status tuning_mode(Ctx *ctx, TuningMode *mode);

/* Most steps to a bucket whose schedule may serve: a factor of eight. */
enum { TUNING_FARTHEST = 3 };

typedef struct TuningPick {
    const TuningRecord *record; /* NULL: none */
    const char         *path;   /* of its database */
    int                 distance; /* of its bucket from the one wanted */
    bool                agreed;   /* of a near bucket's: it is no slower on the other side of the wanted one, either */
    int                 other_spaces; /* records of this layer, kind and machine that another search space made: ignored */
    int                 other_threads; /* and those of this processor with other cores or threads */
    const char         *left_alone;   /* why the record that would be next is not taken: it serves other variants of the kernel, or see
                                       * tuning_near.h; NULL: there is none */
    const char         *threads_of;   /* one of their machines; NULL: there are none */
} TuningPick;

/* Whether the record was measured with another driver, or by another compiler, than the key names. */
bool tuning_other_driver(const TuningRecord *record, const TuningKey *key);
bool tuning_other_compiler(const TuningRecord *record, const TuningKey *key);

/* What a CPU's machine is called without its cores and threads: so many characters; all, where it has none. */
size_t tuning_processor_length(const char *machine);

/* Of a pick with other_threads: that these records are left alone, and how to get some; a sentence. */
const char *tuning_threads_text(Ctx *ctx, const TuningPick *pick);

/* Looks through the user's and the system's databases: records of this machine with its driver and compiler, else with others;
 * of this build, else of another; of a kernel that
 * reads or makes what is saved its own, else the plain kernel's; of the bucket, else of the nearest one within a factor of
 * eight (of the largest where `bucket` is not known) to whose schedule there is no objection: see tuning_near.h, also for
 * `layer`. The key's machine may be NULL: any that runs code for the key's target. A record that failed anywhere is never
 * picked. A database that cannot be read counts as empty; ctx keeps no failure; `why` (may be NULL) says what kept one. */
void tuning_find(Ctx *ctx, const TuningKey *key, const TuningLayer *layer, TuningBucket bucket, TuningPick *pick, const char **why);
/* The best among given records, all of one machine, whatever there is to object to it. `path` is left alone. */
void tuning_choose(const TuningRecords *records, const TuningKey *key, TuningBucket bucket, TuningPick *pick);

/* Fills request->schedule and its origin, where it is NULL and there is one that this request can have: "" where the
 * default is the best that is known. request->pick says what was found, without a record where none is taken. Of a GPU that is not here: what is known of any that the target's code runs on. Fails in
 * strict mode alone. */
Status tuning_apply(Ctx *ctx, TuningMode mode, const CudaDevice *device, TuningBucket bucket, CompileRequest *request);
/* The same for code that will run elsewhere, even if it runs here: this machine's GPU does not come before others. */
Status tuning_apply_elsewhere(Ctx *ctx, TuningMode mode, TuningBucket bucket, CompileRequest *request);

#endif
