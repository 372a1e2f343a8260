/* rattan aot --check: a built library's own functions against the float64 reference, as `rattan check` does with
 * kernels. */
#include "driver/aot.h"

#include <glob.h>
#include <string.h>
#include <time.h>

#include "driver/aot_load.h"
#include "driver/check_gradients.h"
#include "driver/check_random.h"
#include "driver/files.h"
#include "driver/terminal.h"

/* Elements of q that a check of many sequences may take. */
static const int64_t MOST_ELEMENTS = (int64_t)1 << 25;

/* Whole pieces of the bucket's size: past the window, where so many sequences leave room for that. */
static int64_t tokens_in_pieces(const AotEntry *entry) {
    const Spec   *spec = &entry->item->spec;
    const int64_t piece = entry->bucket.T, room = MOST_ELEMENTS / (entry->bucket.N * spec->heads * spec->head_dim);
    const int64_t wanted = 2 * spec->window + 77, tokens = wanted < room ? wanted : room;
    return tokens < piece ? piece : tokens / piece * piece;
}

/* Small enough for a reference, and inside the bucket that the code is for. */
static void choose_shape(const AotEntry *entry, Shape *shape) {
    const CodeObject *object = entry->object;
    const bool        packed = (object->variant & VARIANT_PACKED) != 0, any = entry->bucket.N == 0;
    const int64_t     tokens = any ? 0 : object->ring_rows > 0 ? tokens_in_pieces(entry) : entry->bucket.T;
    *shape = (Shape){.B = -1, .T = -1, .pos = -1, .ring = object->ring_rows > 0 ? object->ring_rows : -1};
    if (packed) {
        shape->length_count = any ? 3 : (int)entry->bucket.N;
        for (int n = 0; n < shape->length_count; n++)
            shape->lengths[n] = any ? 50 + 77 * n : tokens;
    } else if (!any) {
        shape->B = entry->bucket.N;
        shape->T = tokens;
    }
}

static bool can_check(const AotEntry *entry) {
    return !(entry->object->variant & VARIANT_PACKED) || entry->bucket.N <= MAX_LENGTHS;
}

typedef struct EntryJob {
    Session        *session;
    const AotEntry *entry;
    Report         *report;
    uint64_t        seed;
} EntryJob;

static Status check_entry(Ctx *ctx, void *arg) {
    const EntryJob    *job = arg;
    const KernelKind   kind = (KernelKind)job->entry->object->kind;
    const RandomCheck *check;
    Shape             *shape = NEW(ctx, Shape);
    choose_shape(job->entry, shape);
    job->session->library = job->entry;
    if (kind == KIND_BACKWARD)
        return check_random_gradients(ctx, job->session, job->entry->item, shape, job->seed, job->report);
    TRY(check_random_open(ctx, job->session, job->entry->item, shape, job->seed, &check));
    return check_random_kind(ctx, check, job->session, kind, job->report);
}

static Status check_loaded(Ctx *ctx, Session *session, const AotLoaded *loaded, Report *report, uint64_t seed) {
    TRY(target_find(ctx, loaded->device ? "cuda" : loaded->target, &session->target));
    report_fact(report, library_name(&loaded->library), "every kernel intact", aot_damaged(loaded) == 0);
    for (int e = 0; e < loaded->count; e++) {
        EntryJob job = {session, &loaded->entries[e], report, seed + (uint64_t)e};
        if (can_check(job.entry))
            TRY(with_own_memory(ctx, check_entry, &job));
        else
            terminal_warning(ctx_printf(ctx, "%s of %lld packed sequences is not checked: %d are the most", job.entry->name,
                                        (long long)job.entry->bucket.N, MAX_LENGTHS));
    }
    session->library = NULL;
    return ST_OK;
}

static Status check_file(Ctx *ctx, Session *session, const char *path, Report *report, uint64_t seed) {
    AotLoaded loaded;
    Status    status = aot_load(ctx, path, cli_value(session->cli, OPTION_TARGETS), &loaded);
    if (status == ST_OK)
        status = check_loaded(ctx, session, &loaded, report, seed);
    aot_unload(&loaded);
    return status;
}

/* The libraries in a folder that -o named, of this machine; a file stands for itself. */
static Status check_files(Ctx *ctx, Session *session, const char *path, Report *report, uint64_t seed) {
    glob_t found;
    int    checked = 0;
    Status status = ST_OK;
    if (!path_is_folder(path))
        return check_file(ctx, session, path, report, seed);
    if (glob(ctx_printf(ctx, "%s/lib/lib*.so.1", path), 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    for (size_t i = 0; status == ST_OK && i < found.gl_pathc; i++)
        if (!strstr(found.gl_pathv[i], "/librattan_rt.")) {
            status = check_file(ctx, session, ctx_strdup(ctx, found.gl_pathv[i]), report, seed);
            checked++;
        }
    globfree(&found);
    return status == ST_OK && checked == 0
               ? ctx_fail(ctx, ST_USAGE, path, "give the folder that 'rattan aot -o' wrote, or a libNAME.so.1",
                          "holds no library")
               : status;
}

Status aot_check(Ctx *ctx, Session *session, const char *path) {
    Report  report;
    json_t *extra = NULL;
    int64_t seed;
    TRY(cli_integer(ctx, session->cli, OPTION_SEED, 0, INT64_MAX, (int64_t)time(NULL), &seed));
    report_open(&report, cli_has(session->cli, OPTION_JSON));
    if (!report.rows)
        printf("seed %lld\n", (long long)seed);
    extra = json_pack("{s:I}", "seed", (json_int_t)seed);
    const Status status = check_files(ctx, session, path, &report, (uint64_t)seed);
    if (status == ST_OK)
        return report_close(ctx, &report, extra);
    json_decref(report.rows);
    json_decref(extra);
    return status;
}
