/* The tuning database: what was measured of each schedule, for a machine, its compilers, a layer, a kind and a bucket of
 * shapes. SQLite, in WAL mode, so that several processes may write and one that is killed loses what it had not yet put.
 *
 * Always: of two records of the same key and schedule the same one wins in whatever order they are put (the graver
 *      verdict, then more samples, then the newer, then by their numbers): merging is commutative and idempotent. */
#ifndef RATTAN_DRIVER_TUNING_DB_H
#define RATTAN_DRIVER_TUNING_DB_H

#include "base/ctx.h"

/* In the order of their gravity. */
#define TUNING_VERDICTS(X)                                                                                             \
    X(RIGHT, "ok")        /* right and timed */                                                                        \
    X(REFUSED, "refused") /* the compiler or the loader did not take it */                                             \
    X(HUNG, "hung")                                                                                                    \
    X(CRASHED, "crashed")                                                                                              \
    X(WRONG, "wrong")

typedef enum TuningVerdict {
#define X(id, name) VERDICT_##id,
    TUNING_VERDICTS(X)
#undef X
        VERDICT_COUNT
} TuningVerdict;

const char *verdict_name(TuningVerdict verdict);

/* Where a record belongs. As a filter: NULL and 0 stand for anything. */
typedef struct TuningKey {
    const char *machine;  /* "AMD EPYC (znver4), 2 cores", "NVIDIA H200" */
    const char *driver;   /* "" on CPUs */
    const char *compiler; /* "LLVM 19.1.7", "NVRTC 13.0" */
    const char *build;    /* fingerprint of rattan's compiler: records of others serve where there is none of this one */
    const char *spec;     /* hash of the layer, whatever its name */
    const char *kind;
    const char *bucket;   /* "N=4 T=1024": see tuning_key.h */
    int         space;    /* SEARCH_SPACE_VERSION */
} TuningKey;

typedef struct TuningRecord {
    TuningKey     key;
    const char   *schedule; /* every field, as schedule_print has it */
    TuningVerdict verdict;
    int64_t       samples; /* runs behind the numbers below, which are 0 unless the verdict is VERDICT_RIGHT; less than
                            * TUNING_SAMPLES where it was not chosen and timed afresh */
    double        seconds; /* of a launch, undisturbed: see tune_search.h */
    double        ratio;   /* the same, of its time to the default schedule's next to it */
    double        spread;  /* how far runs lie from those two times, relative to the default's; more where pairs of a round
                            * say less than that: see tuning_spread */
    int64_t       when;    /* seconds since 1970 */
    const char   *note;    /* of a failure: what happened; of a right one whose code is another's: TUNING_TWIN, and what was
                            * measured is that of the other */
} TuningRecord;

/* What the record's ratio may be at worst, given its samples and spread: records are compared by it. INFINITY where there
 * are too few samples to tell: no such schedule is picked. */
double tuning_bound(const TuningRecord *record);
/* The spread with which the bound of so many samples is at least `worst`; 0 where it is without any. */
double tuning_spread(int64_t samples, double ratio, double worst);

/* Whether it is the default schedule's: what all are compared with. Of another build, whose default may be another one, it says
 * that nothing better was found. */
bool tuning_is_default(const TuningRecord *record);

enum { TUNING_SAMPLES = 12 };

/* Note of a right record. */
#define TUNING_TWIN "same code as another schedule"
bool tuning_is_twin(const TuningRecord *record);

typedef struct TuningDb TuningDb;

/* $RATTAN_DATA_DIR/tuning.db, else that of $XDG_DATA_HOME/rattan, else of ~/.local/share/rattan; NULL without a home. */
const char *tuning_db_path(Ctx *ctx);
typedef struct TuningPaths {
    const char **items; /* arena */
    int          count, capacity;
} TuningPaths;

/* The system's, in order; they may be absent: the files of $RATTAN_SYSTEM_TUNINGS (between colons; "": none) where that is
 * set, else rattan/tuning.db in each of $XDG_DATA_DIRS and, behind them, the one that came with this rattan. */
void tuning_db_system_paths(Ctx *ctx, TuningPaths *paths);

/* Opens for writing and makes what is missing. ST_INTEGRITY where the file is damaged or no tuning database, ST_FAILED
 * where a newer rattan made it or it cannot be written. */
Status tuning_db_open(Ctx *ctx, const char *path, TuningDb **out);
/* Opens for reading; *out is NULL where there is no such file. Works in folders that cannot be written. */
Status tuning_db_read(Ctx *ctx, const char *path, TuningDb **out);
/* One file that needs none beside it to be read: what is installed where nobody writes. Before it is closed. */
Status tuning_db_settle(Ctx *ctx, TuningDb *db);
void   tuning_db_close(TuningDb *db); /* NULL is allowed */

/* A layer: its hash, a name that it had, its canonical text. */
typedef struct TuningSpec {
    const char *spec, *name, *text;
} TuningSpec;

/* On disk when it returns, unless between begin and commit. */
Status tuning_db_put(Ctx *ctx, TuningDb *db, const TuningRecord *record);
/* A failure of that key and schedule, if there is one, was the moment's and goes: else it would outlast every right record.
 * Merging with a database that has it brings it back. */
Status tuning_db_refute(Ctx *ctx, TuningDb *db, const TuningRecord *record);
/* The canonical text behind a spec's hash and a name that it had. */
Status tuning_db_put_spec(Ctx *ctx, TuningDb *db, const char *spec, const char *name, const char *text);
/* A record with its layer, both or neither; not between begin and commit. */
Status tuning_db_put_of(Ctx *ctx, TuningDb *db, const TuningRecord *record, const TuningSpec *spec);
Status tuning_db_begin(Ctx *ctx, TuningDb *db);
Status tuning_db_commit(Ctx *ctx, TuningDb *db);

typedef struct TuningRecords {
    TuningRecord *items; /* arena */
    int           count, capacity;
} TuningRecords;

/* The records that `filter` lets through, in the order of key and schedule, added to `out`. */
Status tuning_db_find(Ctx *ctx, TuningDb *db, const TuningKey *filter, TuningRecords *out);

/* Which records something is about: those that all of these let through, each of which may be NULL. */
typedef struct TuningSelection {
    const char *kind, *bucket;
    const char *compiler; /* how its name begins */
    const char *machine;  /* a piece of its name */
    const char *specs;    /* hashes, a blank before and behind each */
} TuningSelection;

/* As tuning_db_find. */
Status tuning_db_select(Ctx *ctx, TuningDb *db, const TuningSelection *selection, TuningRecords *out);

typedef struct TuningSpecs {
    TuningSpec *items; /* arena */
    int         count, capacity;
} TuningSpecs;

Status tuning_db_specs(Ctx *ctx, TuningDb *db, TuningSpecs *out);

/* What prune removes: of the records of `only` those that any of the others applies to. */
typedef struct TuningPrune {
    TuningSelection only;
    int64_t     before;      /* records older than that; 0: none for their age */
    const char *other_build; /* records of builds other than this one, NULL: none for that */
    int         other_space; /* records of search spaces other than this one; 0: none for that */
    bool        failures;    /* all but VERDICT_RIGHT */
} TuningPrune;

/* Layers go with the last of their records. */
Status tuning_db_prune(Ctx *ctx, TuningDb *db, const TuningPrune *prune, int64_t *removed);

#endif
