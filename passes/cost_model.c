/* The default schedule and the check of any schedule. The rules follow from counting work, bytes and buffers; the figures
 * behind them were measured with `rattan bench` and stand in doc/tour.md. */
#include "passes/passes.h"
#include "base/numbers.h"

static const char IN_PLACE[] = "rings and states are updated in place, so that a sequence cannot be cut";
static const char ROW_TILE[] = "a row tile of a head; two heads' share every key, 16 rows a warp";
static const char ALL_BEFORE[] = "rows of every segment see all keys before it, and add to their gradients";

/* Edge tiles are computed in full and used by half: two edges of `chunk` keys on a window of W cost about chunk / W. Fewer
 * rows cost more reads of every panel; measured, 64 rows lose nothing and 16 lose a tenth. */
static int chunk_for(const Spec *spec, ScheduleWhy *why) {
    why->chunk = "edge tiles are computed in full and used by half, which costs chunk / window; fewer rows read every panel more often";
    if (spec->full || spec->window >= 256)
        return 64;
    why->chunk = "the window is small, and edge tiles, computed in full and used by half, cost chunk / window";
    return max_int(spec->window >= 64 ? 32 : 16, spec_fold(spec));
}

/* Decoding waits for memory: register tiles as wide as a value row, so that each row is read in one piece, and key tiles small
 * enough that a roped one stays in the first-level cache beside what else is read. */
static void decode_tiles(const Spec *spec, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    const int lanes = target_lanes(target) > 0 ? target_lanes(target) : 1;
    const int vectors = min_int((spec->value_dim + lanes - 1) / lanes, 8);
    const int rows = (target->vector_registers - vectors - 1) / vectors;
    schedule->key_tile = 16;
    why->key_tile = "a tile of keys stays in the first-level cache beside what else is read";
    if (rows >= 1) {
        schedule->tile_rows = min_int(rows, 6);
        schedule->tile_vectors = vectors;
    }
}

/* Gradients have five products where forward has two, and sums of keys that are read and written beside: smaller tiles
 * leave more of them in the second-level cache. Measured, 64 rows lose 4 %, two heads of 64 columns 8 %. */
static void backward_tiles(const Spec *spec, Schedule *schedule, ScheduleWhy *why) {
    why->chunk = "five products, and sums of keys that are read and written beside: of small tiles more stays in the second-level cache";
    why->key_tile = "as many keys as a row tile has rows: the diagonal is one tile";
    schedule->chunk = min_int(schedule->chunk, max_int(32, spec_fold(spec)));
    schedule->key_tile = schedule->chunk;
    if (spec->head_dim <= 64 && schedule->group_heads == 2 && spec_group(spec) % 4 == 0)
        schedule->group_heads = 4;
}

/* A thread's ring of the keys and values in a window. Measured with 8192 keys of 128 columns, it saves 3 %: no more of it than this,
 * since it is as long as the window, whatever the sequence. */
static bool ring_pays(const Spec *spec, const Schedule *schedule) {
    enum { MOST_BYTES = 64 << 20 };
    return spec->full || spec->window + schedule->chunk <= MOST_BYTES / 4 / (spec->head_dim + spec->value_dim);
}

/* A state is cut by its features until sequences, heads and slices come near the number of multiprocessors; where that
 * is not enough, sequences are cut as well. A slice has 64 rows, one for each row of a block's warps. */
static void state_slices(const Spec *spec, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    const int pieces = max_int(spec_features(spec) / spec->head_dim, 1), rows = spec->head_dim == 64 ? 32 : 64;
    schedule->slices = spec->head_dim % rows == 0 && spec->head_dim / rows <= 8 ? max_int(spec->head_dim / rows, 1) : 1;
    schedule->segment = 1024;
    why->segment = "no shorter: sequences are cut where states, cut by their features, leave multiprocessors idle";
    schedule->spread = 1;
    schedule->min_items = max_int(target->processors * 9 / 10 / (pieces * schedule->slices), 1);
}

enum { MUCH_SHARED = 200 << 10 }; /* bytes of a block's: two row tiles of 128 floats beside two turns of keys and values */

static bool wants_small_tiles(const Spec *spec, const Target *target) {
    return target->shared_bytes < 128 * 1024 || spec->dtype == DT_F32 || spec_is_wide(spec);
}

/* A block takes 128 rows where the window is wide enough for tiles of 64, one head's rows beside another's, so that both
 * share every key; a warp takes 16 of them. */
static void gpu_default(const Spec *spec, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    const int  G = spec_group(spec);
    const bool small = wants_small_tiles(spec, target);
    schedule->chunk = small ? max_int(32, spec_fold(spec)) : 64;
    why->chunk = small ? "little shared memory, float32 or wide heads: fewer rows fit beside the keys"
                       : ROW_TILE;
    schedule->key_tile = schedule->chunk;
    why->key_tile = "as many keys as a row tile has rows: the diagonal is one tile";
    schedule->group_heads = !spec->initial_state && G % 2 == 0 ? 2 : 1;
    schedule->warps = schedule->chunk * schedule->group_heads / 16;
    schedule->stages = 2;
    /* Where p stays in registers and a turn is long: measured, 3 % for 128 columns, nothing for 64. */
    schedule->delay = spec->dtype != DT_F32 && spec->head_dim > 64 && !spec_is_wide(spec);
    state_slices(spec, target, schedule, why);
    schedule->ring = 0;
}

/* Of wide heads a warp's 16 rows leave few registers, so that one block has the multiprocessor: eight warps instead of four hide
 * each other's waits, and half as many states are saved. Measured on an H100 with 256 columns: forward 4.01 -> 2.53 ms, with 32
 * keys a tile 2.82, with half the heads in a tile 3.99; extend 1.24 -> 0.81. Gradients (H200): 25.4 -> 14.6, with 64 keys 15.3. */
static bool wide_rows(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    enum { ROWS = 64, MOST_COLS = 256 };
    const bool few_keys = kind == KIND_BACKWARD || target->shared_bytes < 128 * 1024;
    if (kind == KIND_DECODE || !spec_is_wide_16_bits(spec) ||
        spec->head_dim > MOST_COLS || spec->value_dim > MOST_COLS || spec_fold(spec) > ROWS)
        return false;
    schedule->chunk = ROWS;
    why->chunk = ROW_TILE;
    schedule->key_tile = few_keys ? 32 : ROWS;
    why->key_tile = few_keys ? "more keys do not fit beside the rows, or a key's sums" : "as many keys as a row tile has rows";
    schedule->warps = schedule->chunk * schedule->group_heads / 16;
    return true;
}

/* Products of single warps wait for shared memory and for each other: two blocks of one head each, which run apart,
 * overlap better than one of two heads that share keys, or a product that runs a turn behind. Measured for 128 columns:
 * forward takes 2 and 8 % more with these. */
static void without_roles(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    if (wide_rows(spec, kind, target, schedule, why)) {
        schedule->blocks = 1;
        return;
    }
    if (wants_small_tiles(spec, target)) {
        if (schedule->chunk > 32) { /* for the fold: as many rows, of one head */
            schedule->key_tile = 32;
            why->chunk = "a fold in tokens, the least that states allow";
            why->key_tile = "little shared memory, float32 or wide heads: more keys do not fit beside the rows";
            schedule->group_heads = 1;
            schedule->warps = schedule->chunk / 16;
        }
        schedule->blocks = spec->dtype == DT_F32 && spec->tf32 && target->shared_bytes >= 128 * 1024 ? 2 : 1;
        /* Two of kernel rows' blocks leave no room there for what they multiply turn by turn. */
        schedule->gradient_blocks = schedule->blocks == 2 && kind == KIND_BACKWARD && target->shared_bytes < MUCH_SHARED ? 1 : 0;
        return;
    }
    schedule->group_heads = 1;
    schedule->warps = schedule->chunk / 16;
    schedule->blocks = 2;
    schedule->delay = 0;
}

/* A product of floats on the plain units holds up its warp for longer than another one of the multiprocessor's processor
 * takes: two warps each hide that, as many as registers hold, and four heads share every key. Gradients have kernels of one
 * head's rows as well: where memory holds their tiles, 64 positions of two heads give these twice the warps, and save half as
 * many states. */
static void plain_products(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    enum { HEADS = 4, ROWS = 128, LONG = 64, LEAST_WINDOW = 256 };
    if (spec->dtype != DT_F32 || spec->tf32 || spec->initial_state || spec_is_wide(spec))
        return;
    if (kind == KIND_BACKWARD && target->shared_bytes >= MUCH_SHARED && schedule->chunk < LONG && LONG % spec_fold(spec) == 0 &&
        (spec->full || spec->window >= LEAST_WINDOW)) {
        schedule->chunk = LONG;
        why->chunk = "float32: two heads' rows are eight warps, and those of a head's keys four";
        schedule->warps = LONG * schedule->group_heads / 16;
        return;
    }
    if (spec_group(spec) % HEADS || schedule->chunk * HEADS > ROWS)
        return;
    schedule->group_heads = HEADS;
    schedule->warps = schedule->chunk * HEADS / 16;
}

/* As few tiles of at most so many heads as hold a group's, of like size; none where each head has its own state. */
static int even_heads(const Spec *spec, int most) {
    const int G = spec->initial_state ? 1 : spec_group(spec), tiles = (G + most - 1) / most;
    return (G + tiles - 1) / tiles;
}

/* A tile holds the heads of a group and two tokens: a step of more takes turns, and so does a group of more numbers than
 * registers hold well. Counted with ptxas: 32 heads of 128 columns spill 1.4 KB a thread, 16 of them 0.1. */
static void gpu_decode(const Spec *spec, const Target *target, Schedule *schedule, ScheduleWhy *why) {
    enum { MOST_SUMS = 2048 };
    const bool small = wants_small_tiles(spec, target);
    schedule->chunk = 2;
    schedule->group_heads = even_heads(spec, max_int(MOST_SUMS / max_int(max_int(spec->head_dim, spec->value_dim), 64), 1));
    why->chunk = "a tile holds heads of a group and two tokens: a step of more takes turns";
    schedule->key_tile = small ? 32 : 64;
    why->key_tile = small ? "little shared memory, float32 or wide heads: more keys do not fit" : "16 keys for each of four warps";
    schedule->warps = 4; /* a slab of scores each; measured, eight repeat more than they hide */
    schedule->stages = small ? 1 : 2;
    schedule->parts = 8;
    schedule->blocks = small ? 1 : 2;
    schedule->min_items = 2 * target->processors;
    schedule->segment = 0;
    why->segment = IN_PLACE;
    schedule->spread = 0;
    schedule->ring = 0;
}

/* Measured with ptxas: a product of warp groups takes 78 registers, of which six groups and one that copies have fewer. */
enum { MOST_ROWS = 256, MOST_WARPS = 20 };

/* What the copy engine and the products of warp groups can take: 16-bit numbers in whole pieces of 16 columns, as many as
 * registers hold. */
static const char *no_roles(const Spec *spec, KernelKind kind, const Target *target) {
    const int F = spec->full ? 0 : spec_features(spec);
    if (!target->product_warps)
        return "the target has no units for them";
    if (kind == KIND_DECODE || spec->full)
        return "kinds forward, extend and backward of layers with a window have them";
    if (kind == KIND_BACKWARD && spec->initial_state && spec_is_wide(spec))
        return "with initial states gradients of layers with more than 128 columns have none";
    if (spec->dtype == DT_F32)
        return "the products take 16-bit numbers";
    if (spec->head_dim % 16 || spec->value_dim % 16 || F % 16)
        return "head_dim, value_dim and the features must be multiples of 16";
    if (spec->head_dim > 256 || spec->value_dim > 256 || F > 512)
        return "head_dim and value_dim may be 256, and the features 512, at most";
    if (kind == KIND_BACKWARD && spec_is_wide(spec) && spec->head_dim != spec->value_dim)
        return "gradients of layers with more than 128 columns have them where head_dim and value_dim are equal";
    if (spec_is_wide(spec) && spec_group(spec) % 2)
        return "with more than 128 columns they take two heads at a time: the heads of a group must be even";
    return NULL;
}

/* Narrow layers, and layers of few heads, whose sinks sum up what no norm takes away: without roles probabilities are multiplied in
 * two parts, see passes/tile.c. Of one or two sinks, nothing averages out: what rounding the inputs adds may by chance be nothing. */
static bool wants_both_probabilities(const Spec *spec, KernelKind kind) {
    enum { FEW_COLS = 64, FEW_HEADS = 2 };
    return kind == KIND_BACKWARD && spec->dtype != DT_F32 && spec->sink && !spec->norm &&
           (spec->head_dim < FEW_COLS || (spec->heads <= FEW_HEADS && !spec_is_wide(spec)));
}

/* Kernels of gradients whose warps have roles: which of them can, pass roles sees for itself. */
static const char *no_gradient_roles(const Spec *spec, KernelKind kind, const Target *target) {
    if (!target->product_warps)
        return "the target has no units for them";
    if (kind != KIND_BACKWARD || spec->full)
        return "kind backward of layers with a window has them";
    if (spec->dtype == DT_F32)
        return "the products take 16-bit numbers";
    if (spec->head_dim % 16 || spec->value_dim % 16)
        return "head_dim and value_dim must be multiples of 16";
    return spec_is_wide(spec) ? no_roles(spec, kind, target) : NULL; /* whose row tiles are main's */
}

/* Narrow layers whose gradients add up, or leave, little: without roles features are multiplied in two parts, see
 * splits_features. Of 64 columns those whose scores cancel, where features are not what is given, but rounded again. */
static bool wants_both_parts(const Spec *spec, KernelKind kind) {
    enum { FEW_COLS = 64 };
    return kind == KIND_BACKWARD && spec->dtype != DT_F32 && gradients_cancel(spec) && spec->head_dim + spec->value_dim <= 2 * FEW_COLS &&
           (spec->head_dim < FEW_COLS || (spec->head_dim == FEW_COLS && spec->qk_scale && features_cancel(spec)));
}

/* Behind a main with roles the gradients' kernels are what they are without, but for those that have roles themselves. */
static void gradients_without_roles(const Spec *spec, const Target *target, Schedule *schedule) {
    Target   plain = *target;
    Schedule own;
    plain.product_warps = 0;
    schedule_default(spec, KIND_BACKWARD, &plain, &own);
    schedule->gradient_key_tile = own.key_tile;
    schedule->gradient_heads = own.group_heads;
    schedule->gradient_blocks = own.blocks;
}

/* Extend: threads that send look where each tile is, new tokens or old ones; forward with RoPE: they wait for keys that are
 * turned meanwhile. They do so sooner with more registers than elsewhere. Measured with groups that take turns: 0.298 ms
 * instead of 0.305, and 0.515 instead of 0.522 with RoPE, which loses 1 % of heads of 64 columns. */
static void take_turns(Schedule *schedule) {
    schedule->registers = 232;
    schedule->copy_registers = 40;
    schedule->turns = 1;
}

void schedule_default(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule) {
    ScheduleWhy why;
    schedule_default_why(spec, kind, target, schedule, &why);
}

void schedule_default_why(const Spec *spec, KernelKind kind, const Target *target, Schedule *schedule, ScheduleWhy *why) {
#define FIELD(name, fallback, min, max, help) schedule->name = fallback;
#include "ir/schedule.def"
#undef FIELD
    if (target->warp_size) {
        gpu_default(spec, target, schedule, why);
        if (kind == KIND_DECODE)
            gpu_decode(spec, target, schedule, why);
        if (kind == KIND_EXTEND) {
            schedule->segment = schedule->spread = 0;
            why->segment = IN_PLACE;
        }
        schedule->roles = !no_roles(spec, kind, target) && !wants_both_parts(spec, kind) && !wants_both_probabilities(spec, kind);
        if (kind != KIND_BACKWARD && schedule->roles && spec->initial_state && spec_group(spec) % 2 == 0) { /* of a stack of states each group takes its own */
            schedule->group_heads = 2;
            schedule->warps = schedule->chunk * schedule->group_heads / 16;
        }
        /* Beside a key's sums and two tiles of scores: of 128 columns, 64 keys spill 1.5 KB a thread. */
        if (kind == KIND_BACKWARD && !schedule->roles && (spec->head_dim > 64 || spec->value_dim > 64)) {
            schedule->key_tile = min_int(schedule->key_tile, 32);
            why->key_tile = "beside a key's sums and two tiles of scores more keys spill registers";
        }
        schedule->fuse_phi = schedule->roles;
        schedule->feature_groups = schedule->fuse_phi && spec->head_dim <= 64 ? 2 : 1;
        if (!schedule->roles && kind != KIND_DECODE)
            without_roles(spec, kind, target, schedule, why);
        if (kind != KIND_DECODE)
            plain_products(spec, kind, target, schedule, why);
        if (schedule->roles && spec_is_wide(spec)) { /* 64 keys of 256 columns are a slot: five of them lie beside the queries */
            schedule->chunk = schedule->key_tile = 64;
            why->chunk = ROW_TILE;
            why->key_tile = "64 keys of 256 columns fill a slot, and five slots lie beside the queries";
            schedule->warps = schedule->chunk * schedule->group_heads / 16;
            schedule->delay = 1;
        } else if (schedule->roles && schedule->group_heads == 1) { /* one group of warps multiplies: two blocks fit */
            schedule->blocks = 2;
            schedule->registers = 232;
        } else if (schedule->roles && spec->window >= schedule->chunk) {
            schedule->key_tile = 2 * schedule->chunk;
            why->key_tile = "twice a row tile's rows: what lies between two products is done half as often";
        }
        if (kind == KIND_EXTEND && schedule->blocks == 1 && !spec_is_wide(spec)) {
            schedule->beside = target->processors;
            if (schedule->roles)
                take_turns(schedule);
        }
        const bool two_groups = schedule->roles && schedule->warps == 2 * target->product_warps;
        if (kind == KIND_FORWARD && spec->rope_theta > 0 && two_groups && spec->head_dim > 64 && !spec_is_wide(spec))
            take_turns(schedule);
        if (schedule->turns && spec->initial_state) { /* what it multiplies as well takes these */
            schedule->registers = 240;
            schedule->copy_registers = 24;
        }
        if (schedule->roles && kind == KIND_BACKWARD)
            gradients_without_roles(spec, target, schedule);
        schedule->gradient_roles = !no_gradient_roles(spec, kind, target);
        /* Of wide heads slices cost a quarter more time. */
        const bool chosen = kind == KIND_BACKWARD && !spec->qk_scale && spec->kv_heads > 1 && !spec_is_wide(spec);
        schedule->head_slices = chosen ? 0 : 1;
        return;
    }
    schedule->chunk = chunk_for(spec, why);
    schedule->key_tile = schedule->chunk;
    why->key_tile = "as many keys as a row tile has rows: the diagonal is one tile";
    schedule->even_items = target->processors;
    schedule->min_items = max_int(schedule->min_items, 4 * target->processors);
    /* As many segments as keep the cores busy. Measured on 16 cores, with 1 to 8 heads of keys: 3 times as fast as the few
     * that 2048 tokens or more make of a sequence; what a segment sums up again depends on its length but little. */
    schedule->segment = 512;
    why->segment = "no shorter: a segment sums up its state again, which costs the same whatever its length";
    schedule->spread = 1;
    /* Two heads a tile read each key panel half as often; measured, four gain no more. */
    schedule->group_heads = !spec->initial_state && spec_group(spec) % 2 == 0 ? 2 : 1;
    schedule->ring = ring_pays(spec, schedule);
    if (kind == KIND_FORWARD)
        return;
    if (kind == KIND_BACKWARD) {
        backward_tiles(spec, schedule, why);
        if (spec->full) {
            schedule->segment = 0;
            why->segment = ALL_BEFORE;
        }
        return;
    }
    schedule->segment = 0;
    why->segment = IN_PLACE;
    schedule->even_items = 0;
    if (kind == KIND_EXTEND)
        return;
    /* One row a head: all heads of a group share each key while it is in registers. Nothing is seen twice, so no ring. */
    schedule->chunk = 1;
    why->chunk = "a step has one token";
    schedule->group_heads = spec->initial_state ? 1 : spec_group(spec);
    schedule->ring = 0;
    decode_tiles(spec, target, schedule, why);
}

/* Fewer tiles on their way, then no roles, then smaller tiles: what costs least comes first. */
bool schedule_smaller(const Spec *spec, KernelKind kind, const Target *target, int times, Schedule *schedule) {
    enum { MOST = 256 };
    static const struct {
        bool plain; /* no roles */
        int  stages, key_tile, rows;
    } STEPS[] = {{false, 1, MOST, MOST}, {true, 2, MOST, MOST}, {true, 1, MOST, MOST}, {true, 1, 32, MOST},
                 {true, 1, 16, MOST},    {true, 1, 32, 32},     {true, 1, 16, 32},     {true, 1, 16, 16}};
    Target plain = *target;
    if (!target->warp_size || times > (int)(sizeof STEPS / sizeof *STEPS))
        return false;
    plain.product_warps = STEPS[times - 1].plain ? 0 : target->product_warps;
    if (STEPS[times - 1].plain)
        schedule_default(spec, kind, &plain, schedule);
    schedule->stages = min_int(schedule->stages, STEPS[times - 1].stages);
    schedule->key_tile = min_int(schedule->key_tile, STEPS[times - 1].key_tile);
    if (schedule->chunk * schedule->group_heads <= STEPS[times - 1].rows)
        return true;
    if (kind == KIND_DECODE) {
        schedule->group_heads = even_heads(spec, STEPS[times - 1].rows / schedule->chunk);
        return true;
    }
    schedule->group_heads = 1;
    schedule->chunk = max_int(min_int(schedule->chunk, STEPS[times - 1].rows), spec_fold(spec));
    schedule->warps = schedule->chunk / 16;
    return true;
}

static Status refuse(Ctx *ctx, const char *field, const char *remedy, const char *message) {
    return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "schedule: %s", field), remedy, "%s", message);
}

/* Bytes of the largest buffers that live together: see the tiles in passes/tile.c and passes/chunk.c. */
static int64_t scratch_estimate(const Spec *spec, const Schedule *s) {
    const int64_t D = spec->head_dim, E = spec->value_dim, F = spec_features(spec), C = s->chunk, K = s->key_tile;
    const int64_t M = C * s->group_heads, window = spec->full ? 0 : spec->window;
    const int64_t rings = s->ring && C % K == 0 && window ? (window + C) * (D + E) : K * (2 * D + E);
    return 4 * (rings + F * E + M * (D + F + 2 * E + K) + C * (2 * F + E));
}

static Status check_gpu_decode(Ctx *ctx, const Spec *spec, const Schedule *schedule) {
    if (schedule->chunk < 2 || schedule->chunk > 16)
        return refuse(ctx, "chunk", "use 2 to 16", "a decoding step has few tokens");
    if (spec_fold(spec) > 1 && schedule->chunk > spec->fold)
        return refuse(ctx, "chunk", ctx_printf(ctx, "use %d at most", spec->fold),
                      "the state takes one fold of keys behind a row tile, no more");
    if (schedule->group_heads > spec_group(spec))
        return refuse(ctx, "group_heads", ctx_printf(ctx, "use %d at most", spec_group(spec)), "a group has no more heads");
    if (schedule->parts & (schedule->parts - 1))
        return refuse(ctx, "parts", "use 1, 2, 4 or 8", "the parts of a step are doubled");
    return ST_OK;
}

/* A block starts with the same number of registers for every thread, a multiple of 8. It hands on those alone: who asks for
 * more than there are waits for ever. Senders give, the others take. */
static Status check_registers(Ctx *ctx, const Target *target, const Schedule *schedule) {
    const int groups = schedule->warps / target->product_warps, threads = 32 * target->product_warps;
    const int each = target->registers / (schedule->blocks * threads * (groups + 1)) / 8 * 8;
    const int all = groups * schedule->registers + schedule->copy_registers;
    if (all > (groups + 1) * each)
        return refuse(ctx, "registers", "use fewer registers or copy_registers",
                      ctx_printf(ctx, "%d warp groups with %d registers a thread and one with %d take more than the %d each that "
                                 "a block starts with", groups, schedule->registers, schedule->copy_registers, each));
    if (schedule->registers < each || schedule->copy_registers > each)
        return refuse(ctx, "registers",
                      each > 248 ? "use more blocks"
                                 : ctx_printf(ctx, "use at least %d registers, at most as many copy_registers, or more "
                                                   "blocks", each),
                      ctx_printf(ctx, "with blocks=%d a thread starts with %d: those who compute must take more, those who "
                                 "copy give", schedule->blocks, each));
    return ST_OK;
}

static Status check_roles(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target, const Schedule *schedule) {
    const char *why = no_roles(spec, kind, target);
    if (why)
        return refuse(ctx, "roles", "use roles=0", why);
    if (16 * schedule->warps != schedule->chunk * schedule->group_heads || schedule->warps % target->product_warps)
        return refuse(ctx, "warps", ctx_printf(ctx, "use a multiple of %d, and 16 rows a warp", target->product_warps),
                      "with roles, warps multiply in groups and hold all rows of a tile");
    if (schedule->chunk > MOST_ROWS || schedule->key_tile > MOST_ROWS)
        return refuse(ctx, schedule->chunk > MOST_ROWS ? "chunk" : "key_tile", ctx_printf(ctx, "use %d at most", MOST_ROWS),
                      "with roles, a product and a copy take no more rows of keys");
    if (schedule->warps > MOST_WARPS)
        return refuse(ctx, "warps", ctx_printf(ctx, "use %d at most", MOST_WARPS),
                      "with roles, more leave a thread fewer registers than a product takes");
    if (schedule->registers % 8 || schedule->copy_registers % 8)
        return refuse(ctx, "registers", "use a multiple of 8", "warps hand registers over by eights");
    return check_registers(ctx, target, schedule);
}

static Status check_gradient_roles(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target) {
    const char *why = no_gradient_roles(spec, kind, target);
    return why ? refuse(ctx, "gradient_roles", "use gradient_roles=0", why) : ST_OK;
}

/* Those that are 0 are main's. */
static Status check_gradients(Ctx *ctx, const Spec *spec, const Schedule *schedule) {
    if (spec->initial_state && schedule->gradient_heads > 1)
        return refuse(ctx, "gradient_heads", "use 1", "a state for each query head allows no stacked heads");
    if (schedule->gradient_key_tile % 16 != 0)
        return refuse(ctx, "gradient_key_tile", "use a multiple of 16", "a GPU multiplies matrices in steps of 16");
    if (schedule->gradient_heads && spec_group(spec) % schedule->gradient_heads != 0)
        return refuse(ctx, "gradient_heads", ctx_printf(ctx, "use a divisor of %d", spec_group(spec)),
                      ctx_printf(ctx, "%d heads do not divide the %d of a group", schedule->gradient_heads, spec_group(spec)));
    return ST_OK;
}

static Status check_gpu(Ctx *ctx, const Spec *spec, KernelKind kind, const Schedule *schedule) {
    if (kind == KIND_DECODE)
        TRY(check_gpu_decode(ctx, spec, schedule));
    else if (schedule->chunk % 16 != 0)
        return refuse(ctx, "chunk", "use a multiple of 16", "a warp of a GPU holds 16 rows");
    if (schedule->key_tile % 16 != 0)
        return refuse(ctx, "key_tile", "use a multiple of 16", "a GPU multiplies matrices in steps of 16");
    const int rows = schedule->chunk * schedule->group_heads;
    if (kind != KIND_DECODE && 16 * schedule->warps > rows)
        return refuse(ctx, "warps", ctx_printf(ctx, "use %d at most", rows / 16),
                      ctx_printf(ctx, "a warp holds 16 of a tile's %d rows, so that others have none", rows));
    if (schedule->beside && kind != KIND_EXTEND && kind != KIND_FORWARD)
        return refuse(ctx, "beside", "use 0", "of kinds extend and forward alone states are made beside main");
    if (schedule->beside && kind == KIND_FORWARD && schedule->segment)
        return refuse(ctx, "beside", "use 0, or segment=0", "what sequences are cut into is summed up before states are made");
    if (schedule->stages < 1)
        return refuse(ctx, "stages", "use 2", "key tiles need memory to arrive in");
    return kind == KIND_BACKWARD ? check_gradients(ctx, spec, schedule) : ST_OK;
}

/* Gradients that are sums over all heads would be those of the last slice. */
static Status check_slices(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target, const Schedule *schedule) {
    if (schedule->head_slices == 1)
        return ST_OK;
    if ((kind != KIND_FORWARD && kind != KIND_BACKWARD) || !target->warp_size)
        return refuse(ctx, "head_slices", "use 1", "only kinds forward and backward on GPUs take heads by slices");
    if (kind == KIND_BACKWARD && spec->qk_scale)
        return refuse(ctx, "head_slices", "use 1", "gradients of q_scale and k_scale are sums over all heads");
    if (schedule->head_slices == 0)
        return ST_OK;
    if (spec->kv_heads % schedule->head_slices != 0)
        return refuse(ctx, "head_slices", ctx_printf(ctx, "use a divisor of %d", spec->kv_heads),
                      ctx_printf(ctx, "%d slices do not divide %d key/value heads", schedule->head_slices, spec->kv_heads));
    return ST_OK;
}

/* A group of warps multiplies rows of one head. */
static Status check_stacked_states(Ctx *ctx, KernelKind kind, const Target *target, const Schedule *schedule) {
    if (kind == KIND_BACKWARD || !schedule->roles)
        return refuse(ctx, "group_heads", "use 1", "a state for each query head allows no stacked heads");
    if (schedule->chunk % (16 * target->product_warps))
        return refuse(ctx, "chunk", ctx_printf(ctx, "use a multiple of %d, or group_heads=1", 16 * target->product_warps),
                      "with a state for each query head a group of warps has rows of one head alone");
    return ST_OK;
}

Status schedule_check(Ctx *ctx, const Spec *spec, KernelKind kind, const Target *target, const Schedule *schedule) {
    const int G = spec_group(spec);
    const bool uneven = kind == KIND_DECODE && target->warp_size; /* the last tile has some heads again */
    if (G % schedule->group_heads != 0 && !uneven)
        return refuse(ctx, "group_heads", ctx_printf(ctx, "use a divisor of %d", G),
                      ctx_printf(ctx, "%d heads do not divide the %d of a group", schedule->group_heads, G));
    if (kind != KIND_DECODE && schedule->chunk % spec_fold(spec) != 0)
        return refuse(ctx, "chunk", ctx_printf(ctx, "use a multiple of %d", spec->fold),
                      "states are kept where a row tile begins: at multiples of the spec's fold");
    if (target->warp_size)
        TRY(check_gpu(ctx, spec, kind, schedule));
    if (schedule->roles)
        TRY(check_roles(ctx, spec, kind, target, schedule));
    if (schedule->gradient_roles)
        TRY(check_gradient_roles(ctx, spec, kind, target));
    TRY(check_slices(ctx, spec, kind, target, schedule));
    if (schedule->states_every > 1 && ((kind != KIND_FORWARD && kind != KIND_BACKWARD) || !target->warp_size))
        return refuse(ctx, "states_every", "use 1", "only kinds forward and backward on GPUs sum up what lies between states");
    if (schedule->states_every > 1 && (!schedule->roles || (kind == KIND_BACKWARD && !schedule->gradient_roles)))
        return refuse(ctx, "states_every", "use 1", "warps without roles fetch no tiles in a loop between states");
    if (spec->initial_state && schedule->group_heads != 1)
        TRY(check_stacked_states(ctx, kind, target, schedule));
    if (kind == KIND_BACKWARD && schedule->segment != 0 && !target->warp_size && spec->full)
        return refuse(ctx, "segment", "use 0", ALL_BEFORE);
    if (kind != KIND_FORWARD && kind != KIND_BACKWARD && schedule->segment != 0)
        return refuse(ctx, "segment", "use 0", IN_PLACE);
    const int used = schedule->tile_rows * schedule->tile_vectors + schedule->tile_vectors + 1;
    if (schedule->tile_rows && schedule->tile_vectors && used > target->vector_registers)
        return refuse(ctx, "tile_rows", "use a smaller register tile",
                      ctx_printf(ctx, "%d x %d needs %d vector registers of the %d that %s has", schedule->tile_rows,
                                 schedule->tile_vectors, used, target->vector_registers, target->name));
    const int64_t bytes = scratch_estimate(spec, schedule), limit = (int64_t)1 << 30;
    if (bytes > limit)
        return refuse(ctx, "chunk", "use a smaller chunk, key_tile or group_heads, or ring=0",
                      ctx_printf(ctx, "scratch memory of about %lld MB a thread is over the limit of %lld MB",
                                 (long long)(bytes >> 20), (long long)(limit >> 20)));
    return ST_OK;
}
