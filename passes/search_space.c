/* The knobs, their values and their points: see search_space.h. */
#include "passes/search_space.h"

#include <stddef.h>
#include <string.h>

#include "base/numbers.h"

/* The knob's values are filled into a list whose first is already the default's. */
static void add_value(Knob *knob, int64_t value) {
    for (int v = 0; v < knob->count; v++)
        if (knob->values[v] == value)
            return;
    if (knob->count < MAX_KNOB_VALUES)
        knob->values[knob->count++] = (int)value;
}

static void add_powers(Knob *knob, int64_t first, int64_t last) {
    for (int64_t value = first; value <= last; value *= 2)
        add_value(knob, value);
}

static void chunk_values(const SearchSpace *space, Knob *knob) {
    const bool gpu = space->target->warp_size;
    if (space->kind == KIND_DECODE) {
        add_powers(knob, gpu ? 2 : 1, gpu ? 16 : 4);
        return;
    }
    add_powers(knob, 16, 128);
    add_value(knob, 48);
    add_value(knob, 96);
}

/* Warps with roles are groups whose products take any multiple of 16 keys. */
static void key_tile_values(const SearchSpace *space, Knob *knob) {
    add_powers(knob, space->kind == KIND_DECODE && !space->target->warp_size ? 8 : 16, 256);
    for (int keys = 80; space->base.roles && keys <= 192; keys += keys < 96 ? 16 : 32)
        add_value(knob, keys);
}

static void group_heads_values(const SearchSpace *space, Knob *knob) {
    const int G = spec_group(space->spec);
    for (int heads = 1; heads <= G && heads <= 16; heads++)
        if (G % heads == 0)
            add_value(knob, heads);
}

static void switch_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_value(knob, !knob->values[0]);
}

/* Gradients of full attention on CPUs: every row adds to those of all keys before it. */
static bool takes_whole_sequences(const SearchSpace *space) {
    return space->kind == KIND_BACKWARD && !space->target->warp_size && space->spec->full;
}

/* Can main of forward run beside the kernel that makes states? Both take a multiprocessor each; see pass grid. */
static bool runs_beside(const SearchSpace *space) {
    const Schedule *base = &space->base;
    return space->kind == KIND_FORWARD && space->target->warp_size && base->roles && base->fuse_phi && base->blocks == 1 &&
           !space->spec->initial_state && space->spec->rope_theta == 0;
}

static void segment_values(const SearchSpace *space, Knob *knob) {
    if (takes_whole_sequences(space))
        return;
    add_powers(knob, 512, 8192);
    if (!space->target->warp_size || runs_beside(space)) /* where main runs beside, sequences are whole */
        add_value(knob, 0);
}

/* When sequences are cut, counted in what there is to keep busy. */
static void min_items_values(const SearchSpace *space, Knob *knob) {
    const int processors = space->target->processors;
    if (takes_whole_sequences(space))
        return;
    add_value(knob, 1);
    for (int turns = 1; processors && turns <= 8; turns *= 2)
        add_value(knob, (int64_t)turns * processors);
}

static void even_items_values(const SearchSpace *space, Knob *knob) {
    if (takes_whole_sequences(space))
        return;
    add_value(knob, 0);
    add_value(knob, space->target->processors);
}

static void tile_vectors_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    for (int vectors = 0; vectors <= 4; vectors++)
        add_value(knob, vectors);
    add_value(knob, 8);
}

static void tile_rows_values(const SearchSpace *space, Knob *knob) {
    static const int ROWS[] = {0, 2, 4, 6, 8, 12};
    (void)space;
    for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++)
        add_value(knob, ROWS[r]);
}

static void unroll_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_powers(knob, 1, 4);
}

static void stages_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    for (int stages = 1; stages <= 4; stages++)
        add_value(knob, stages);
}

static void blocks_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_powers(knob, 1, 4);
}

static void gradient_key_tile_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_powers(knob, 16, 128);
}

/* With roles the kernels' own needs say how many heads and blocks. */
static void gradient_heads_values(const SearchSpace *space, Knob *knob) {
    if (!space->base.gradient_roles)
        group_heads_values(space, knob);
}

static void gradient_blocks_values(const SearchSpace *space, Knob *knob) {
    if (!space->base.gradient_roles)
        blocks_values(space, knob);
}

static void gradient_roles_values(const SearchSpace *space, Knob *knob) {
    if (space->base.gradient_roles)
        switch_values(space, knob);
}

static void feature_groups_values(const SearchSpace *space, Knob *knob) {
    add_value(knob, 1);
    if (space->base.roles)
        add_value(knob, 2);
}

static void turns_values(const SearchSpace *space, Knob *knob) {
    if (space->base.roles)
        switch_values(space, knob);
}

/* What those who send keep; the others get the rest: see settle. */
static void copy_registers_values(const SearchSpace *space, Knob *knob) {
    for (int registers = 24; space->base.roles && registers <= 56; registers += 16)
        add_value(knob, registers);
}

static void beside_values(const SearchSpace *space, Knob *knob) {
    const int processors = space->target->processors;
    for (int part = runs_beside(space) ? 2 : 1; (space->base.beside || runs_beside(space)) && part <= 4; part *= 2)
        add_value(knob, max_int(processors / part, 1));
    if (runs_beside(space))
        add_value(knob, max_int(processors / 3, 1));
    if (space->base.beside)
        add_value(knob, 0);
}

/* More slices than the default's, or as many as it chooses at launch: fewer would take more memory than it promises. */
static void head_slices_values(const SearchSpace *space, Knob *knob) {
    for (int slices = max_int(space->base.head_slices, 2); slices <= 8; slices *= 2)
        if (space->spec->kv_heads % slices == 0)
            add_value(knob, slices);
}

static void states_every_values(const SearchSpace *space, Knob *knob) {
    if (space->base.roles)
        add_powers(knob, 1, 4);
}

static void warps_values(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_powers(knob, 2, 8);
}

static void powers_to_8(const SearchSpace *space, Knob *knob) {
    (void)space;
    add_powers(knob, 1, 8);
}

typedef struct KnobRow {
    const char *name;
    size_t      offset;
    int         machines;
    unsigned    kinds;
    void (*values)(const SearchSpace *space, Knob *knob);
} KnobRow;

static const KnobRow ROWS[] = {
#define KNOB(field, machines, kinds, values) {#field, offsetof(Schedule, field), machines, kinds, values},
#include "passes/knobs.def"
#undef KNOB
};
_Static_assert(sizeof ROWS / sizeof *ROWS <= MAX_KNOBS, "MAX_KNOBS is too small");

bool space_is_knob(const char *field) {
    for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++)
        if (strcmp(ROWS[r].name, field) == 0)
            return true;
    return false;
}

static int *field_of(Schedule *schedule, size_t offset) { return (int *)((char *)schedule + offset); }

void space_open(SearchSpace *space, const Spec *spec, KernelKind kind, const Target *target, const Schedule *base) {
    const int machine = target->warp_size ? 2 : 1; /* GPUS, CPUS of knobs.def */
    *space = (SearchSpace){.spec = spec, .kind = kind, .target = target};
    if (base)
        space->base = *base;
    else
        schedule_default(spec, kind, target, &space->base);
    for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++) {
        const KnobRow *row = &ROWS[r];
        if (!(row->machines & machine) || !(row->kinds & 1u << kind))
            continue;
        Knob *knob = &space->knobs[space->knob_count++];
        *knob = (Knob){.name = row->name, .offset = row->offset};
        add_value(knob, *field_of(&space->base, row->offset));
        row->values(space, knob);
    }
}

/* A block begins with as many registers a thread as there are for all of its warps; what those who send give up the
 * others get, by eights, up to what a kernel may use. */
static void share_registers(const SearchSpace *space, Schedule *schedule) {
    enum { MOST = 240 };
    const int group = space->target->product_warps, groups = schedule->warps / group;
    if (groups < 1)
        return;
    const int each = space->target->registers / (schedule->blocks * 32 * group * (groups + 1)) / 8 * 8;
    const int left = ((groups + 1) * each - schedule->copy_registers) / groups / 8 * 8;
    schedule->registers = left < MOST ? max_int(left, 24) : MOST;
}

/* What follows from the knobs: a warp of a GPU holds 16 rows of a row tile, as in the default. */
static void settle(const SearchSpace *space, Schedule *schedule) {
    const Schedule *base = &space->base;
    if (!space->target->warp_size || space->kind == KIND_DECODE)
        return;
    schedule->warps = schedule->chunk * schedule->group_heads / 16;
    if (base->roles && (schedule->warps != base->warps || schedule->blocks != base->blocks ||
                        schedule->copy_registers != base->copy_registers))
        share_registers(space, schedule);
}

bool space_point(Ctx *ctx, const SearchSpace *space, const SpacePoint *point, Schedule *schedule) {
    *schedule = space->base;
    for (int k = 0; k < space->knob_count; k++)
        *field_of(schedule, space->knobs[k].offset) = space->knobs[k].values[point->at[k]];
    settle(space, schedule);
    const bool feasible = schedule_check(ctx, space->spec, space->kind, space->target, schedule) == ST_OK;
    ctx_clear(ctx);
    return feasible;
}

bool space_find(const SearchSpace *space, const Schedule *schedule, SpacePoint *point) {
    Schedule copy = *schedule, same = space->base;
    *point = (SpacePoint){{0}};
    for (int k = 0; k < space->knob_count; k++) {
        const Knob *knob = &space->knobs[k];
        const int   value = *field_of(&copy, knob->offset);
        int         v = 0;
        while (v < knob->count && knob->values[v] != value)
            v++;
        if (v == knob->count)
            return false;
        point->at[k] = (int8_t)v;
        *field_of(&same, knob->offset) = value;
    }
    settle(space, &same);
    return memcmp(&same, &copy, sizeof same) == 0;
}
