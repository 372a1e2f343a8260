/* rattan check: kernels against reference vectors or the float64 reference. Exit code 3 on a miss. */
#include "driver/check_gradients.h"
#include "driver/check_random.h"
#include "driver/check_vectors.h"
#include "driver/cli.h"

#include <string.h>
#include <time.h>

typedef struct VectorJob {
    Session    *session;
    const char *path;
    bool        from_case, gradients;
    Report     *report;
} VectorJob;

static Status run_vectors(Ctx *ctx, void *arg) {
    const VectorJob *job = arg;
    return check_vectors(ctx, job->session, job->path, job->from_case, job->gradients, job->report);
}

/* Files come from --vectors and from what follows the spec. */
static Status check_files(Ctx *ctx, const Cli *cli, Session *session, bool from_case, bool gradients, Report *report) {
    const StringList *given = &cli->values[OPTION_VECTORS];
    for (int i = 0; i < given->count + cli->operands.count - 1; i++) {
        VectorJob job = {session, i < given->count ? given->items[i] : cli->operands.items[1 + i - given->count],
                         from_case, gradients, report};
        TRY(with_own_memory(ctx, run_vectors, &job));
    }
    return ST_OK;
}

static Status check_items(Ctx *ctx, const Cli *cli, Session *session, bool gradients, Report *report, uint64_t seed) {
    Shape shape;
    TRY(shape_parse(ctx, cli_value(cli, OPTION_SHAPE), &shape));
    TRY(session_check_parts(ctx, session, gradients ? KIND_BACKWARD : KIND_FORWARD, &shape));
    for (int i = session->first; i < session->last; i++)
        TRY((gradients ? check_random_gradients : check_random)(ctx, session, &session->specs.items[i], &shape,
                                                                seed + (uint64_t)i, report));
    return ST_OK;
}

/* Kinds forward, extend and decode are checked against each other; of kinds, backward alone can be asked for. */
static Status wants_gradients(Ctx *ctx, const Cli *cli, bool *gradients) {
    KernelKind kind = KIND_FORWARD;
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &kind));
    *gradients = kind == KIND_BACKWARD;
    if (cli_has(cli, OPTION_KIND) && !*gradients)
        return ctx_fail(ctx, ST_USAGE, "--kind", "use backward, or leave it out",
                        "the other kinds are checked together");
    return ST_OK;
}

static Status run_check(Ctx *ctx, const Cli *cli, Session *session, Report *report, json_t **extra) {
    const char *spec = cli->operands.items[0];
    const bool  from_case = strcmp(spec, "-") == 0, vectors = cli_has(cli, OPTION_VECTORS);
    bool        gradients;
    int64_t     seed;
    TRY(wants_gradients(ctx, cli, &gradients));
    TRY(cli_integer(ctx, cli, OPTION_SEED, 0, INT64_MAX, (int64_t)time(NULL), &seed));
    if (!vectors && cli->operands.count > 1)
        return ctx_fail(ctx, ST_USAGE, "rattan check", "write --vectors before the files",
                        "'%.60s' is one word too many", cli->operands.items[1]);
    if (from_case && !vectors)
        return ctx_fail(ctx, ST_USAGE, "rattan check", "give a spec, or --vectors FILE...",
                        "'-' takes the spec from vectors");
    if (!from_case)
        TRY(session_load_file(ctx, session, spec));
    TRY(session_pool(ctx, session));
    if (vectors && session->with_parts && !(gradients && session->parts == VARIANT_SAVED))
        return ctx_fail(ctx, ST_USAGE, "--with", "leave it out", "the files say which parts there are");
    if (vectors)
        return check_files(ctx, cli, session, from_case, gradients, report);
    if (!report->rows)
        printf("seed %lld\n", (long long)seed);
    *extra = json_pack("{s:I}", "seed", (json_int_t)seed);
    return check_items(ctx, cli, session, gradients, report, (uint64_t)seed);
}

Status cmd_check(Ctx *ctx, const Cli *cli) {
    Session session;
    Report  report;
    json_t *extra = NULL;
    if (cli->operands.count == 0)
        return ctx_fail(ctx, ST_USAGE, "rattan check", "see 'rattan check --help'", "no SPEC is given");
    report_open(&report, cli_has(cli, OPTION_JSON));
    Status status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = run_check(ctx, cli, &session, &report, &extra);
    session_close(&session);
    if (status == ST_OK)
        return report_close(ctx, &report, extra);
    json_decref(report.rows);
    json_decref(extra);
    return status;
}
