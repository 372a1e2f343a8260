/* Which records an action of `rattan db` is about: see db.h.
 *
 * Always: an option that was given and cannot choose is a failure, never left out. Losing records by it must be impossible. */
#include "driver/db.h"
#include "driver/session.h"

#include <string.h>

static Status select_shape(Ctx *ctx, const char *text, TuningSelection *selection) {
    Shape shape;
    TRY(shape_parse(ctx, text, &shape));
    const TuningBucket bucket = shape_bucket(&shape);
    if (!bucket.T)
        return ctx_fail(ctx, ST_USAGE, "--shape", "write B=2,T=1000 or lengths=5,100,24", "'%.40s' does not say how many tokens", text);
    selection->bucket = tuning_bucket_text(ctx, bucket);
    return ST_OK;
}

static Status select_target(Ctx *ctx, const char *name, TuningSelection *selection) {
    Target target;
    TRY(target_find(ctx, name, &target));
    if (target_is_cuda(&target))
        selection->compiler = ctx_printf(ctx, "%s;", target.name);
    else
        selection->machine = ctx_printf(ctx, "(%s),", target.cpu);
    return ST_OK;
}

/* The hashes of the chosen layers. */
static Status select_layers(Ctx *ctx, const DbJob *job, TuningSelection *selection) {
    Session session = {.cli = job->cli};
    Text    hashes = TEXT(ctx);
    TRY(session_load_file(ctx, &session, job->operands[0]));
    for (int i = session.first; i < session.last; i++) {
        TuningKey key;
        tuning_key_layer(ctx, &session.specs.items[i].spec, KIND_FORWARD, 0, &key);
        text_add(&hashes, " %s ", key.spec);
    }
    selection->specs = text_str(&hashes);
    return ST_OK;
}

static Status no_layers(Ctx *ctx, const DbJob *job) {
    static const OptionId OF_SPEC[] = {OPTION_SET, OPTION_DTYPE, OPTION_ITEM};
    for (size_t o = 0; o < sizeof OF_SPEC / sizeof *OF_SPEC; o++)
        if (cli_has(job->cli, OF_SPEC[o]))
            return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "--%s", CLI_OPTIONS[OF_SPEC[o]].name), "give the SPEC that it is about",
                            "there is no SPEC");
    return ST_OK;
}

Status db_select(Ctx *ctx, const DbJob *job, TuningSelection *selection) {
    const Cli *cli = job->cli;
    KernelKind kind = KIND_FORWARD;
    int        variant;
    *selection = (TuningSelection){0};
    if (cli_has(cli, OPTION_KIND)) {
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &kind));
        selection->kind = kind_name(kind);
    }
    if (cli_has(cli, OPTION_WITH)) {
        if (!selection->kind)
            return ctx_fail(ctx, ST_USAGE, "--with", "give --kind forward or backward", "it is not said of which kind");
        TRY(tuning_variant_parse(ctx, cli_value(cli, OPTION_WITH), kind, &variant));
        selection->kind = tuning_kind(kind, variant);
    }
    if (cli_has(cli, OPTION_SHAPE))
        TRY(select_shape(ctx, cli_value(cli, OPTION_SHAPE), selection));
    if (cli_has(cli, OPTION_TARGET))
        TRY(select_target(ctx, cli_value(cli, OPTION_TARGET), selection));
    return job->count ? select_layers(ctx, job, selection) : no_layers(ctx, job);
}
