/* What a schedule should cost: see search_space.h. It orders candidates, no more: only measuring tells them apart.
 *
 * Time is counted in fused multiply-adds of one core (or multiprocessor). Work: what the definition asks for, plus tiles at
 * the window's edges that are computed in full, plus products inside a chunk. Reads: each panel of keys and each state is
 * read once a row tile, so that more rows a tile read less; what does not stay in the second-level cache costs more. Cuts:
 * a segment's state is summed up twice, against processors that have nothing to do. */
#include "passes/search_space.h"
#include "passes/segments.h"

/* Multiply-adds of a lane in the time of one value read from the near and the far cache, of an exp, of a row's bookkeeping in a
 * tile, of a value read from memory. Fitted to the figures of doc/tour.md, section 4. */
static const double NEAR = 8, FAR = 16, EXP = 12, ROW = 60, MEMORY = 28;

typedef struct Costs {
    const Spec     *spec;
    const Schedule *schedule;
    const Target   *target;
    double          D, E, F, C, K, M, window;
} Costs;

static Costs costs_of(const Spec *spec, const Target *target, const Workload *work, const Schedule *schedule) {
    const double tokens = (double)work->tokens;
    Costs        c = {spec, schedule, target, spec->head_dim, spec->value_dim, spec_features(spec), schedule->chunk,
                      schedule->key_tile, (double)schedule->chunk * schedule->group_heads,
                      spec->full ? tokens / 2 : (double)spec->window};
    if (!spec->full && tokens < c.window)
        c.window = tokens;
    return c;
}

/* Bytes that a row tile goes through again and again: the ring or a key tile, the state, its own rows. */
static double working_set(const Costs *c) {
    const double keys = c->schedule->ring ? c->window + c->C : c->K;
    return 4 * (keys * (c->D + c->E) + c->F * c->E + c->M * (c->D + c->F + c->E + c->K));
}

static double read_cost(const Costs *c) { return working_set(c) > (double)c->target->l2_bytes ? FAR : NEAR; }

/* Of one query row of one head: scores, values, exps, and the reading of panels that its tile shares. */
static double window_cost(const Costs *c) {
    const double keys = c->window + 0.5 * (c->C + c->K), tiles = keys / c->K;
    const double transform = c->schedule->ring ? 0 : keys * c->D / c->M * 4;
    return keys * (c->D + c->E + EXP) + tiles * (ROW + c->E) + keys * (c->D + c->E) / c->M * read_cost(c) + transform;
}

/* Of one query row: the state's product, the product inside the chunk, its share of the state's update and reading. */
static double residual_cost(const Costs *c) {
    if (c->spec->full)
        return 0;
    const double update = c->F * c->E * (c->C / c->M);
    return c->F * c->E + c->C * (c->F + c->E) / 2 + update + c->F * c->E / c->M * read_cost(c);
}

/* A small register tile waits for its operands: a row of v vectors by r rows loads r + v for r * v multiply-adds. */
static double tile_penalty(const Schedule *schedule) {
    const double rows = schedule->tile_rows, vectors = schedule->tile_vectors;
    if (rows < 1 || vectors < 1)
        return 1;
    const double loads = (rows + vectors) / (rows * vectors);
    return loads > 0.5 ? 1 + 0.5 * (loads - 0.5) : 1;
}

/* A GPU's warps with roles: what lies between two products of a tile takes as long as about 13 keys of it, and what a thread
 * holds must fit into its registers: its share of the output's row tile, scores, probabilities, and some beside. Measured on
 * an H200: tiles of 64, 32 and 16 keys take 1.04, 1.3 and 1.7 of the time of 128; 98 registers too few, 7 times as long. */
static double roles_penalty(const Costs *c) {
    const double wanted = c->E / 2 + 0.75 * c->K + 50, missing = wanted - c->schedule->registers;
    return (1 + 13 / c->K) * (missing > 0 ? 1 + 0.04 * missing : 1);
}

static double ceiling(double value) {
    const double whole = (double)(int64_t)value;
    return whole < value ? whole + 1 : whole;
}

/* The least length of a segment as kernels have it: rows of gradients on CPUs reach no further than the segment before. */
static double segment_length(const Spec *spec, KernelKind kind, const Target *target, const Schedule *s) {
    const int64_t least = kind == KIND_BACKWARD && !target->warp_size ? segments_least(spec, s) : 0;
    return (double)(s->segment > least ? s->segment : least);
}

/* By the rules that the runtime follows. */
double schedule_segments(const Spec *spec, KernelKind kind, const Target *target, const Workload *work, const Schedule *s) {
    const int64_t pairs = work->sequences * spec->kv_heads;
    if (!s->segment || spec->full || pairs >= s->min_items || (s->even_items && pairs % s->even_items == 0))
        return 1;
    const double cut = ceiling((double)work->tokens / segment_length(spec, kind, target, s)), wanted = ceiling((double)s->min_items / (double)pairs);
    return s->spread && wanted < cut ? wanted : cut;
}

void schedule_effect(const Spec *spec, KernelKind kind, const Target *target, const Workload *work, Schedule *schedule) {
    if (kind != KIND_FORWARD && kind != KIND_BACKWARD)
        return;
    const double cut = schedule_segments(spec, kind, target, work, schedule);
    if (cut > 1 && schedule->spread) { /* as many segments, of the same length */
        schedule->segment = (int)cut;
        schedule->min_items = 1;
    }
    if (cut > 1)
        return;
    if (schedule->segment) /* code that could cut is other code */
        schedule->segment = 1;
    schedule->min_items = 1;
    schedule->even_items = schedule->spread = 0;
}

double schedule_cost(const Spec *spec, KernelKind kind, const Target *target, const Workload *work,
                     const Schedule *schedule) {
    const Costs  c = costs_of(spec, target, work, schedule);
    const double rows = (double)work->sequences * (double)work->tokens * spec->heads;
    const bool   cuts = kind == KIND_FORWARD || (kind == KIND_BACKWARD && !target->warp_size);
    const double cut = cuts ? schedule_segments(spec, kind, target, work, schedule) : 1;
    const double again = cut > 1 ? c.F * c.E * (c.C / c.M) : 0; /* a segment's state, before it runs */
    const double processors = target->processors ? target->processors : 1;
    const double items = (double)work->sequences * spec->kv_heads * cut *
                         (target->warp_size ? ceiling((double)work->tokens / c.C) : 1);
    const double idle = ceiling(items / processors) * processors / items;
    const double penalty = schedule->roles ? roles_penalty(&c) : tile_penalty(schedule);
    return rows * (window_cost(&c) + residual_cost(&c) + again) * penalty * idle / processors;
}

const char *limit_name(Limit limit) {
    static const char *const NAMES[LIMIT_COUNT] = {
#define X(id, name) name,
        LIMITS(X)
#undef X
    };
    return NAMES[limit];
}

/* Of floats products go through the units for 16 bits at half the rate where the spec lets them be rounded. */
static double gpu_product_rate(const Spec *spec, const Target *target) {
    if (spec->dtype != DT_F32)
        return target->product_flops;
    return spec->tf32 ? target->product_flops / 2 : target->flops_per_cycle;
}

static void gpu_limits(const Spec *spec, const Target *target, const IrWork *work, double bytes, double *cycles) {
    cycles[LIMIT_PRODUCT] = work->products / gpu_product_rate(spec, target);
    cycles[LIMIT_SPECIAL] = work->specials / target->special_results;
    cycles[LIMIT_CACHE] = (work->loaded + work->stored) / target->cache_bytes;
    cycles[LIMIT_MEMORY] = bytes / target->memory_bytes;
}

/* In multiply-adds of a lane, as all of this file; values have 4 bytes. */
static void cpu_limits(const Costs *c, const IrWork *work, double bytes, double *cycles) {
    const double lanes = c->target->flops_per_cycle / 2;
    cycles[LIMIT_PRODUCT] = work->products / 2 / lanes;
    cycles[LIMIT_SPECIAL] = work->specials * EXP / lanes;
    cycles[LIMIT_CACHE] = (work->panels + work->stored) / 4 * read_cost(c) / lanes;
    cycles[LIMIT_MEMORY] = bytes / 4 * MEMORY / lanes;
}

void schedule_limits(const Spec *spec, const Target *target, const Workload *workload, const Schedule *schedule,
                     const IrWork *work, double bytes, double cycles[LIMIT_COUNT]) {
    const Costs  c = costs_of(spec, target, workload, schedule);
    const double processors = target->processors ? target->processors : 1;
    if (target->warp_size)
        gpu_limits(spec, target, work, bytes, cycles);
    else
        cpu_limits(&c, work, bytes, cycles);
    for (int l = 0; l < LIMIT_COUNT; l++)
        cycles[l] /= processors;
}
