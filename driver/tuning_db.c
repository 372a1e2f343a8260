/* The tuning database on SQLite: see tuning_db.h. */
#include "driver/tuning_db.h"

#include "base/text.h"
#include "driver/tuning_shipped.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMA = 1, APPLICATION = 0x72746E31, BUSY_MS = 20000 };

struct TuningDb {
    sqlite3      *sqlite;
    const char   *path;      /* malloc'd */
    sqlite3_stmt *put;       /* prepared when first needed */
};

static const char MAKE[] =
    "CREATE TABLE IF NOT EXISTS records("
    " machine TEXT NOT NULL, driver TEXT NOT NULL, compiler TEXT NOT NULL, build TEXT NOT NULL, space INTEGER NOT NULL,"
    " spec TEXT NOT NULL, kind TEXT NOT NULL, bucket TEXT NOT NULL, schedule TEXT NOT NULL,"
    " verdict INTEGER NOT NULL, samples INTEGER NOT NULL, moment INTEGER NOT NULL, seconds REAL NOT NULL,"
    " ratio REAL NOT NULL, spread REAL NOT NULL, note TEXT NOT NULL,"
    " PRIMARY KEY(spec, kind, bucket, machine, driver, compiler, space, build, schedule)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS specs(spec TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA application_id = 1920233009; PRAGMA user_version = 1;";

/* The total order that tuning_db.h promises. */
static const char PUT[] =
    "INSERT INTO records(machine, driver, compiler, build, space, spec, kind, bucket, schedule, verdict, samples, moment,"
    " seconds, ratio, spread, note) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
    " ON CONFLICT DO UPDATE SET verdict = excluded.verdict, samples = excluded.samples, moment = excluded.moment,"
    " seconds = excluded.seconds, ratio = excluded.ratio, spread = excluded.spread, note = excluded.note"
    " WHERE (excluded.verdict, excluded.samples, excluded.moment, excluded.seconds, excluded.ratio, excluded.spread,"
    " excluded.note) > (verdict, samples, moment, seconds, ratio, spread, note)";

static const char REFUTE[] =
    "DELETE FROM records WHERE machine = ?1 AND driver = ?2 AND compiler = ?3 AND build = ?4 AND space = ?5 AND spec = ?6 AND"
    " kind = ?7 AND bucket = ?8 AND schedule = ?9 AND verdict <> 0";

#define RECORDS                                                                                                        \
    "SELECT machine, driver, compiler, build, space, spec, kind, bucket, schedule, verdict, samples, moment, seconds," \
    " ratio, spread, note FROM records "
#define IN_ORDER " ORDER BY spec, kind, bucket, machine, driver, compiler, space, build, schedule"

static const char FIND[] =
    RECORDS "WHERE machine = ifnull(?1, machine) AND driver = ifnull(?2, driver) AND"
    " compiler = ifnull(?3, compiler) AND build = ifnull(?4, build) AND spec = ifnull(?6, spec) AND"
    " kind = ifnull(?7, kind) AND bucket = ifnull(?8, bucket) AND (?5 = 0 OR space = ?5)" IN_ORDER;

/* A TuningSelection: see bind_selection. */
#define SELECTED                                                                                                       \
    "kind = ifnull(?1, kind) AND bucket = ifnull(?2, bucket) AND (?3 IS NULL OR substr(compiler, 1, length(?3)) = ?3)" \
    " AND (?4 IS NULL OR instr(machine, ?4)) AND (?5 IS NULL OR instr(?5, ' ' || spec || ' '))"
static const char SELECT[] = RECORDS "WHERE " SELECTED IN_ORDER;
#define PRUNED                                                                                                         \
    "FROM records WHERE " SELECTED " AND (moment < ?6 OR build <> ifnull(?7, build) OR (?8 <> 0 AND space <> ?8) OR"   \
    " (?9 <> 0 AND verdict <> 0))"
static const char PRUNE[] = "DELETE " PRUNED, LOSE[] = "INSERT INTO temp.losing SELECT DISTINCT spec " PRUNED;

const char *verdict_name(TuningVerdict verdict) {
    static const char *const NAMES[VERDICT_COUNT] = {
#define X(id, name) name,
        TUNING_VERDICTS(X)
#undef X
    };
    return NAMES[verdict];
}

bool tuning_is_default(const TuningRecord *record) {
    return record->verdict == VERDICT_RIGHT && record->ratio == 1 && record->spread == 0;
}

bool tuning_is_twin(const TuningRecord *record) {
    return record->verdict == VERDICT_RIGHT && record->note && strcmp(record->note, TUNING_TWIN) == 0;
}

/* The median of n values that spread by s around it (their median distance, 1.48 s being a standard deviation) is off by
 * about 1.25 * 1.48 s / sqrt(n); twice that covers nineteen of twenty. A quarter of the samples counts: see
 * undisturbed_time. Few may lie together by chance, whatever their spread. */
static const double OFF_BY = 3.7, FEW = 0.05;
static double       counted(int64_t samples) { return 0.25 * (double)samples; }

double tuning_bound(const TuningRecord *record) {
    if (tuning_is_default(record))
        return 1;
    const double n = counted(record->samples);
    return record->samples < TUNING_SAMPLES ? INFINITY : record->ratio + OFF_BY * record->spread / sqrt(n) + FEW / n;
}

double tuning_spread(int64_t samples, double ratio, double worst) {
    const double n = counted(samples), spread = (worst - ratio - FEW / n) * sqrt(n) / OFF_BY;
    return spread > 0 ? spread : 0;
}

/* ---- Places ---------------------------------------------------------------------------------------------------------- */
const char *tuning_db_path(Ctx *ctx) {
    const char *own = getenv("RATTAN_DATA_DIR"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (own && *own)
        return ctx_printf(ctx, "%s/tuning.db", own);
    if (data && *data == '/')
        return ctx_printf(ctx, "%s/rattan/tuning.db", data);
    return home && *home == '/' ? ctx_printf(ctx, "%s/.local/share/rattan/tuning.db", home) : NULL;
}

static bool same_file(const char *one, const char *other) {
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void add_path(Ctx *ctx, TuningPaths *paths, const char *path) {
    for (int i = 0; i < paths->count; i++)
        if (strcmp(paths->items[i], path) == 0 || same_file(paths->items[i], path))
            return;
    PUSH(ctx, paths->items, paths->count, paths->capacity, path);
}

/* The absolute ones of the words between colons, with `name` behind each. */
static void add_words(Ctx *ctx, TuningPaths *paths, const char *words, const char *name) {
    char *rest = NULL;
    for (char *word = strtok_r(ctx_strdup(ctx, words), ":", &rest); word; word = strtok_r(NULL, ":", &rest))
        if (*word == '/')
            add_path(ctx, paths, ctx_printf(ctx, "%s%s", word, name));
}

void tuning_db_system_paths(Ctx *ctx, TuningPaths *paths) {
    const char *given = getenv("RATTAN_SYSTEM_TUNINGS"), *folders = getenv("XDG_DATA_DIRS");
    *paths = (TuningPaths){0};
    if (given) {
        add_words(ctx, paths, given, "");
        return;
    }
    add_words(ctx, paths, folders && *folders ? folders : "/usr/local/share:/usr/share", "/rattan/tuning.db");
    const char *shipped = tuning_shipped_path(ctx);
    if (shipped)
        add_path(ctx, paths, shipped);
}

/* The folders above the file; what is made is the user's alone. */
static Status make_folders(Ctx *ctx, const char *path) {
    char *folder = ctx_strdup(ctx, path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return ctx_fail(ctx, ST_FAILED, folder, "set RATTAN_DATA_DIR to a folder of your own",
                            "cannot make the folder: %s", strerror(errno));
        *slash = '/';
    }
    return ST_OK;
}

/* ---- SQLite ---------------------------------------------------------------------------------------------------------- */
/* `code`: without what extends it. */
static const char *remedy_for(int code) {
    static const struct {
        int         code;
        const char *remedy;
    } REMEDIES[] = {
        {SQLITE_READONLY, "set RATTAN_DATA_DIR to a folder of your own"},
        {SQLITE_PERM, "set RATTAN_DATA_DIR to a folder of your own"},
        {SQLITE_CANTOPEN, "set RATTAN_DATA_DIR to a folder of your own"},
        {SQLITE_BUSY, "another process holds it: try again"},
        {SQLITE_FULL, "make room, or set RATTAN_DATA_DIR to a folder with some; what was put before is kept"},
        {SQLITE_IOERR, "see whether it is a file on a disk that works, with room, or set RATTAN_DATA_DIR to another folder"},
    };
    for (size_t r = 0; r < sizeof REMEDIES / sizeof *REMEDIES; r++)
        if (REMEDIES[r].code == code)
            return REMEDIES[r].remedy;
    return NULL;
}

/* What SQLite said, as one of ours. */
static Status failed(Ctx *ctx, const TuningDb *db, int code) {
    code &= 0xFF;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return ctx_fail(ctx, ST_INTEGRITY, db->path, "move it away; 'rattan db import' or 'merge' bring a copy back",
                        "the tuning database is damaged: %s", sqlite3_errmsg(db->sqlite));
    return ctx_fail(ctx, ST_FAILED, db->path, remedy_for(code), "tuning database: %s", sqlite3_errmsg(db->sqlite));
}

static Status execute(Ctx *ctx, TuningDb *db, const char *sql) {
    const int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ST_OK : failed(ctx, db, code);
}

static Status prepare(Ctx *ctx, TuningDb *db, const char *sql, sqlite3_stmt **statement) {
    const int code = sqlite3_prepare_v2(db->sqlite, sql, -1, statement, NULL);
    return code == SQLITE_OK ? ST_OK : failed(ctx, db, code);
}

static Status pragma(Ctx *ctx, TuningDb *db, const char *sql, int *value) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, sql, &statement));
    const int code = sqlite3_step(statement);
    *value = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    const Status status = code == SQLITE_ROW ? ST_OK : failed(ctx, db, code);
    sqlite3_finalize(statement);
    return status;
}

typedef struct Schema {
    int application, version, tables;
} Schema;

static Status read_schema(Ctx *ctx, TuningDb *db, Schema *schema) {
    TRY(pragma(ctx, db, "PRAGMA application_id", &schema->application));
    TRY(pragma(ctx, db, "PRAGMA user_version", &schema->version));
    return pragma(ctx, db, "SELECT count(*) FROM sqlite_schema", &schema->tables);
}

/* *empty: a file that nothing has been written to. All is read at one moment: another process may be making the tables. */
static Status check_schema(Ctx *ctx, TuningDb *db, bool *empty) {
    Schema schema;
    TRY(execute(ctx, db, "BEGIN"));
    TRY(read_schema(ctx, db, &schema));
    TRY(execute(ctx, db, "COMMIT"));
    const int application = schema.application, version = schema.version, tables = schema.tables;
    *empty = !application && !version && !tables;
    if (!*empty && application != APPLICATION)
        return ctx_fail(ctx, ST_INTEGRITY, db->path, "move it away", "is a database, but not of rattan's tunings");
    if (version > SCHEMA)
        return ctx_fail(ctx, ST_FAILED, db->path, "use that rattan, or another RATTAN_DATA_DIR",
                        "a newer rattan made this database: its layout is %d, at most %d is known", version, SCHEMA);
    return ST_OK;
}

/* As a URI: what has a meaning there is escaped. */
static const char *uri_of(Ctx *ctx, const char *path, const char *query) {
    Text text = TEXT(ctx);
    text_add(&text, "file:");
    for (const char *c = path; *c; c++)
        text_add(&text, strchr("?#%", *c) ? "%%%02X" : "%c", (unsigned char)*c);
    text_add(&text, "?%s", query);
    return text_str(&text);
}

static Status open_file(Ctx *ctx, const char *path, const char *name, int flags, TuningDb **out) {
    TuningDb *db = calloc(1, sizeof *db);
    *out = db;
    if (!db || !(db->path = strdup(path)))
        return ctx_fail(ctx, ST_NO_MEMORY, path, NULL, "out of memory");
    const int code = sqlite3_open_v2(name, &db->sqlite, flags | SQLITE_OPEN_URI, NULL);
    if (code != SQLITE_OK)
        return failed(ctx, db, code);
    sqlite3_extended_result_codes(db->sqlite, 1);
    sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    return ST_OK;
}

static Status closed(TuningDb **db, Status status) {
    if (status != ST_OK) {
        tuning_db_close(*db);
        *db = NULL;
    }
    return status;
}

/* The switch takes the whole file for a moment, and does not wait for others that want the same as other statements do. */
static Status use_wal(Ctx *ctx, TuningDb *db) {
    int code = SQLITE_BUSY;
    for (int waited = 0; (code & 0xFF) == SQLITE_BUSY && waited < BUSY_MS; waited += 5) {
        code = sqlite3_exec(db->sqlite, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xFF) == SQLITE_BUSY)
            sqlite3_sleep(5);
    }
    return code == SQLITE_OK ? ST_OK : failed(ctx, db, code);
}

static Status make_schema(Ctx *ctx, TuningDb *db) {
    bool empty;
    TRY(check_schema(ctx, db, &empty));
    TRY(use_wal(ctx, db));
    TRY(execute(ctx, db, "PRAGMA synchronous = FULL"));
    if (!empty)
        return ST_OK;
    TRY(execute(ctx, db, "BEGIN IMMEDIATE")); /* another process may be at it as well: IF NOT EXISTS */
    TRY(execute(ctx, db, MAKE));
    return execute(ctx, db, "COMMIT");
}

Status tuning_db_open(Ctx *ctx, const char *path, TuningDb **out) {
    *out = NULL;
    if (!path)
        return ctx_fail(ctx, ST_FAILED, NULL, "set RATTAN_DATA_DIR to a folder of your own",
                        "there is no home folder to keep the tuning database in");
    TRY(make_folders(ctx, path));
    const Status status =
        open_file(ctx, path, uri_of(ctx, path, "mode=rwc"), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, out);
    return closed(out, status == ST_OK ? make_schema(ctx, *out) : status);
}

static Status open_read(Ctx *ctx, const char *path, const char *query, TuningDb **out) {
    bool   empty = false;
    Status status = open_file(ctx, path, uri_of(ctx, path, query), SQLITE_OPEN_READONLY, out);
    if (status == ST_OK)
        status = check_schema(ctx, *out, &empty);
    closed(out, status);
    if (status == ST_OK && empty) { /* a writer that has just begun */
        tuning_db_close(*out);
        *out = NULL;
    }
    return status;
}

/* A database in WAL mode wants files beside it: where they cannot be made, nobody writes, and it is read as it lies. */
Status tuning_db_read(Ctx *ctx, const char *path, TuningDb **out) {
    struct stat info;
    *out = NULL;
    if (!path || stat(path, &info) != 0 || ctx->status != ST_OK)
        return ctx->status;
    if (open_read(ctx, path, "mode=ro", out) == ST_OK)
        return ST_OK;
    if (ctx->status == ST_INTEGRITY || access(path, R_OK) != 0)
        return ctx->status;
    ctx_clear(ctx);
    return open_read(ctx, path, "mode=ro&immutable=1", out);
}

Status tuning_db_settle(Ctx *ctx, TuningDb *db) {
    TRY(execute(ctx, db, "PRAGMA journal_mode = DELETE"));
    return execute(ctx, db, "VACUUM");
}

void tuning_db_close(TuningDb *db) {
    if (!db)
        return;
    sqlite3_finalize(db->put);
    sqlite3_close(db->sqlite);
    free((char *)db->path);
    free(db);
}

/* ---- Records --------------------------------------------------------------------------------------------------------- */
static void bind_text(sqlite3_stmt *statement, int index, const char *text) {
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

static void bind_key(sqlite3_stmt *statement, const TuningKey *key) {
    bind_text(statement, 1, key->machine);
    bind_text(statement, 2, key->driver);
    bind_text(statement, 3, key->compiler);
    bind_text(statement, 4, key->build);
    sqlite3_bind_int(statement, 5, key->space);
    bind_text(statement, 6, key->spec);
    bind_text(statement, 7, key->kind);
    bind_text(statement, 8, key->bucket);
}

static Status finish(Ctx *ctx, TuningDb *db, sqlite3_stmt *statement) {
    const int    code = sqlite3_step(statement);
    const Status status = code == SQLITE_DONE || code == SQLITE_ROW ? ST_OK : failed(ctx, db, code);
    sqlite3_reset(statement);
    return status;
}

Status tuning_db_put(Ctx *ctx, TuningDb *db, const TuningRecord *record) {
    if (!db->put)
        TRY(prepare(ctx, db, PUT, &db->put));
    bind_key(db->put, &record->key);
    bind_text(db->put, 9, record->schedule);
    sqlite3_bind_int(db->put, 10, record->verdict);
    sqlite3_bind_int64(db->put, 11, record->samples);
    sqlite3_bind_int64(db->put, 12, record->when);
    sqlite3_bind_double(db->put, 13, record->seconds);
    sqlite3_bind_double(db->put, 14, record->ratio);
    sqlite3_bind_double(db->put, 15, record->spread);
    bind_text(db->put, 16, record->note ? record->note : "");
    return finish(ctx, db, db->put);
}

Status tuning_db_refute(Ctx *ctx, TuningDb *db, const TuningRecord *record) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, REFUTE, &statement));
    bind_key(statement, &record->key);
    bind_text(statement, 9, record->schedule);
    const Status status = finish(ctx, db, statement);
    sqlite3_finalize(statement);
    return status;
}

Status tuning_db_put_spec(Ctx *ctx, TuningDb *db, const char *spec, const char *name, const char *text) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db,
                "INSERT INTO specs VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET name = min(name, excluded.name),"
                " text = min(text, excluded.text) WHERE excluded.name < name OR excluded.text < text",
                &statement));
    bind_text(statement, 1, spec);
    bind_text(statement, 2, name);
    bind_text(statement, 3, text);
    const Status status = finish(ctx, db, statement);
    sqlite3_finalize(statement);
    return status;
}

Status tuning_db_begin(Ctx *ctx, TuningDb *db) { return execute(ctx, db, "BEGIN IMMEDIATE"); }
Status tuning_db_commit(Ctx *ctx, TuningDb *db) { return execute(ctx, db, "COMMIT"); }

/* Whatever went wrong stays what ctx says. */
static Status undo(const Ctx *ctx, TuningDb *db) {
    sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return ctx->status;
}

Status tuning_db_put_of(Ctx *ctx, TuningDb *db, const TuningRecord *record, const TuningSpec *spec) {
    TRY(tuning_db_begin(ctx, db));
    const bool done = tuning_db_put_spec(ctx, db, spec->spec, spec->name, spec->text) == ST_OK && tuning_db_put(ctx, db, record) == ST_OK;
    return done ? tuning_db_commit(ctx, db) : undo(ctx, db);
}

static const char *column(Ctx *ctx, sqlite3_stmt *statement, int index) {
    const unsigned char *text = sqlite3_column_text(statement, index);
    return ctx_strdup(ctx, text ? (const char *)text : "");
}

/* A verdict that this version does not know is none to rely on. */
static TuningVerdict verdict_of(int number) {
    return number < 0 || number >= VERDICT_COUNT ? VERDICT_WRONG : (TuningVerdict)number;
}

static TuningRecord record_of(Ctx *ctx, sqlite3_stmt *row) {
    return (TuningRecord){
        .key = {.machine = column(ctx, row, 0),
                .driver = column(ctx, row, 1),
                .compiler = column(ctx, row, 2),
                .build = column(ctx, row, 3),
                .space = sqlite3_column_int(row, 4),
                .spec = column(ctx, row, 5),
                .kind = column(ctx, row, 6),
                .bucket = column(ctx, row, 7)},
        .schedule = column(ctx, row, 8),
        .verdict = verdict_of(sqlite3_column_int(row, 9)),
        .samples = sqlite3_column_int64(row, 10),
        .when = sqlite3_column_int64(row, 11),
        .seconds = sqlite3_column_double(row, 12),
        .ratio = sqlite3_column_double(row, 13),
        .spread = sqlite3_column_double(row, 14),
        .note = column(ctx, row, 15),
    };
}

/* Rows of a statement, into one of the two. */
typedef struct Rows {
    TuningDb      *db;
    sqlite3_stmt  *statement;
    TuningRecords *records;
    TuningSpecs   *specs;
} Rows;

static void take_row(Ctx *ctx, const Rows *rows) {
    if (rows->records) {
        const TuningRecord record = record_of(ctx, rows->statement);
        PUSH(ctx, rows->records->items, rows->records->count, rows->records->capacity, record);
    } else {
        const TuningSpec spec = {column(ctx, rows->statement, 0), column(ctx, rows->statement, 1), column(ctx, rows->statement, 2)};
        PUSH(ctx, rows->specs->items, rows->specs->count, rows->specs->capacity, spec);
    }
}

static Status step_through(Ctx *ctx, void *arg) {
    const Rows *rows = arg;
    int         code;
    while ((code = sqlite3_step(rows->statement)) == SQLITE_ROW)
        take_row(ctx, rows);
    return code == SQLITE_DONE ? ST_OK : failed(ctx, rows->db, code);
}

/* Steps through what was prepared and bound, and ends it: if memory runs out, too, since the database could not be closed else. */
static Status take_rows(Ctx *ctx, Rows rows) {
    const Status status = ctx_run(ctx, step_through, &rows);
    sqlite3_finalize(rows.statement);
    return status;
}

Status tuning_db_find(Ctx *ctx, TuningDb *db, const TuningKey *filter, TuningRecords *out) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, FIND, &statement));
    bind_key(statement, filter);
    return take_rows(ctx, (Rows){db, statement, out, NULL});
}

static void bind_selection(sqlite3_stmt *statement, const TuningSelection *selection) {
    bind_text(statement, 1, selection->kind);
    bind_text(statement, 2, selection->bucket);
    bind_text(statement, 3, selection->compiler);
    bind_text(statement, 4, selection->machine);
    bind_text(statement, 5, selection->specs);
}

Status tuning_db_select(Ctx *ctx, TuningDb *db, const TuningSelection *selection, TuningRecords *out) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, SELECT, &statement));
    bind_selection(statement, selection);
    return take_rows(ctx, (Rows){db, statement, out, NULL});
}

Status tuning_db_specs(Ctx *ctx, TuningDb *db, TuningSpecs *out) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, "SELECT spec, name, text FROM specs ORDER BY spec", &statement));
    return take_rows(ctx, (Rows){db, statement, NULL, out});
}

static Status run_prune(Ctx *ctx, TuningDb *db, const char *sql, const TuningPrune *prune) {
    sqlite3_stmt *statement;
    TRY(prepare(ctx, db, sql, &statement));
    bind_selection(statement, &prune->only);
    sqlite3_bind_int64(statement, 6, prune->before);
    bind_text(statement, 7, prune->other_build);
    sqlite3_bind_int(statement, 8, prune->other_space);
    sqlite3_bind_int(statement, 9, prune->failures);
    const Status status = finish(ctx, db, statement);
    sqlite3_finalize(statement);
    return status;
}

/* Layers go with their last records alone: one without any may be a search's that has just begun. */
static Status prune_all(Ctx *ctx, TuningDb *db, const TuningPrune *prune, int64_t *removed) {
    TRY(run_prune(ctx, db, LOSE, prune));
    TRY(run_prune(ctx, db, PRUNE, prune));
    *removed = sqlite3_changes64(db->sqlite);
    return execute(ctx, db, "DELETE FROM specs WHERE spec IN (SELECT spec FROM temp.losing) AND spec NOT IN (SELECT spec FROM records)");
}

Status tuning_db_prune(Ctx *ctx, TuningDb *db, const TuningPrune *prune, int64_t *removed) {
    TRY(execute(ctx, db, "CREATE TEMP TABLE IF NOT EXISTS losing(spec TEXT); DELETE FROM temp.losing"));
    TRY(tuning_db_begin(ctx, db));
    return prune_all(ctx, db, prune, removed) == ST_OK ? tuning_db_commit(ctx, db) : undo(ctx, db);
}
