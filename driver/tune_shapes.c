/* Words of `rattan tune`: see tune_shapes.h. */
#include "driver/tune_shapes.h"

#include "driver/bench_case.h"
#include "driver/cli.h"
#include "driver/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Range {
    int64_t low, high;
} Range;

static const int64_t MOST = (int64_t)1 << 32;
/* Multiply-adds that a reference may take: seconds. */
static const double MOST_WORK = 2e10;

/* "N" or "N..M" */
static Status parse_range(Ctx *ctx, const char *name, char *text, Range *range) {
    const char *place = ctx_printf(ctx, "--shapes: %s", name);
    const char *remedy = ctx_printf(ctx, "write %s=4, %s=1..16 or %s=4k, with numbers from 1 to %s", name, name, name,
                                    quantity_short(ctx, MOST));
    char       *dots = strstr(text, "..");
    if (dots)
        *dots = '\0';
    TRY(quantity_parse(ctx, place, text, 1, MOST, remedy, &range->low));
    range->high = range->low;
    if (dots)
        TRY(quantity_parse(ctx, place, dots + 2, 1, MOST, remedy, &range->high));
    if (range->high < range->low)
        return ctx_fail(ctx, ST_USAGE, place, ctx_printf(ctx, "write %s=%s..%s", name, dots + 2, text),
                        "the range ends below where it begins");
    return ST_OK;
}

static int by_work(const void *a, const void *b) {
    const TuningBucket *x = a, *y = b;
    const double        difference = (double)x->N * (double)x->T - (double)y->N * (double)y->T;
    return difference < 0 ? -1 : difference > 0 ? 1 : x->T < y->T ? -1 : x->T > y->T;
}

static Status list_buckets(Ctx *ctx, Range B, Range T, TuneBuckets *out) {
    const TuningBucket low = tuning_bucket(B.low, T.low), high = tuning_bucket(B.high, T.high);
    out->count = 0;
    for (int64_t N = low.N; N <= high.N; N *= 2)
        for (int64_t tokens = low.T; tokens <= high.T; tokens *= 2) {
            if (out->count == MOST_BUCKETS)
                return ctx_fail(ctx, ST_USAGE, "--shapes", "give narrower ranges", "more than %d buckets", MOST_BUCKETS);
            out->items[out->count++] = (TuningBucket){N, tokens};
        }
    qsort(out->items, (size_t)out->count, sizeof *out->items, by_work);
    return ST_OK;
}

Status tune_shapes_parse(Ctx *ctx, const char *text, KernelKind kind, TuneBuckets *out) {
    const bool whole = kind == KIND_FORWARD || kind == KIND_BACKWARD;
    bool       seen[2] = {false};
    Range      B = {whole ? 1 : 16, 0}, T = {whole ? 4096 : kind == KIND_DECODE ? 1 : 256, 0};
    char *words = ctx_strdup(ctx, text ? text : ""), *rest = NULL;
    B.high = B.low;
    T.high = T.low;
    for (char *word = strtok_r(words, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest)) {
        const bool is_B = strncmp(word, "B=", 2) == 0;
        if (!is_B && strncmp(word, "T=", 2) != 0)
            return ctx_fail(ctx, ST_USAGE, "--shapes", "write B=1..16,T=1024..65536", "'%.40s' is no range of B or T", word);
        if (seen[is_B])
            return ctx_fail(ctx, ST_USAGE, "--shapes", "write one range of each, such as T=128..256", "%c is given twice",
                            *word);
        seen[is_B] = true;
        TRY(parse_range(ctx, is_B ? "B" : "T", word + 2, is_B ? &B : &T));
    }
    if (text && !seen[0] && !seen[1])
        return ctx_fail(ctx, ST_USAGE, "--shapes", "write B=1..16,T=1024..65536, or leave it out", "there is no range in '%.40s'", text);
    return list_buckets(ctx, B, T, out);
}

Status tune_budget_parse(Ctx *ctx, const char *text, double *seconds) {
    char        *end;
    const double value = strtod(text, &end);
    const double unit = strcmp(end, "m") == 0 ? 60 : strcmp(end, "h") == 0 ? 3600 : !*end || strcmp(end, "s") == 0 ? 1 : 0;
    if (end == text || unit == 0 || !isfinite(value) || value <= 0)
        return ctx_fail(ctx, ST_USAGE, "--budget", "write 120s, 10m or 2h", "'%.40s' is no time to spend", text);
    *seconds = value * unit;
    return ST_OK;
}

Status tune_shard_parse(Ctx *ctx, const char *text, int *shard, int *shards) {
    int end = 0;
    if (sscanf(text, "%d/%d%n", shard, shards, &end) != 2 || text[end] || *shard < 1 || *shard > *shards ||
        *shards > 100000)
        return ctx_fail(ctx, ST_USAGE, "--shard", "write 1/4 to 4/4 for four processes", "'%.40s' is no share", text);
    *shard -= 1;
    return ST_OK;
}

/* ---- What candidates are checked on ---------------------------------------------------------------------------------- */
/* Multiply-adds of the gradients' reference for the window: about five products a pair of positions and head. */
static double reference_work(const Spec *spec, int64_t T) {
    return 2.5 * bench_case_pairs(spec, 0, T) * spec->heads * (spec->head_dim + spec->value_dim);
}

static void small_shape(const Spec *spec, Shape *shape) {
    const int64_t window = spec->full ? 300 : spec->window;
    *shape = (Shape){.B = window <= 256 ? 2 : 1, .T = window <= 256 ? 2 * window + 77 : window + 130, .pos = -1, .ring = -1};
    if (!spec->full)
        shape->ring = spec_ring_rows(spec);
}

void tune_small_case(const Spec *spec, KernelKind kind, Spec *checked, Shape *shape) {
    *checked = *spec;
    small_shape(checked, shape);
    while (kind == KIND_BACKWARD && !spec->full && checked->window > 256 && reference_work(checked, shape->T) > MOST_WORK) {
        checked->window /= 2;
        small_shape(checked, shape);
    }
}
