/* Checks a launch's tensors against the code's parameters and lays out the args block: see launch_args.h.
 *
 * In:  a code object, the caller's tensors, the position.
 * Out: the values of the Syms; the block described in base/code_object.h; or ST_USAGE whose place is the parameter and
 *      whose message says what it has and what it should have.
 * Always: allocates nothing and takes a microsecond: it runs at every launch. Dims of 1 may have any stride. */
#include "runtime/launch_args.h"

#include <stdio.h>
#include <string.h>

#include "base/numbers.h"

enum { UNBOUND = -1 };

typedef struct DimText {
    char text[128];
} DimText;

static bool is_sym(int64_t dim) { return dim < 0 && dim >= DIM_SYM(SYM_COUNT - 1); }

int64_t launch_dim(const LaunchSizes *sizes, int64_t dim) {
    if (dim == DIM_N_PLUS_1)
        return sizes->syms[SYM_N] + 1;
    return is_sym(dim) ? sizes->syms[-1 - dim] : dim;
}

int64_t launch_param_dim(const LaunchSizes *sizes, const CodeParam *param, int d) {
    const int64_t dim = launch_dim(sizes, param->dims[d]);
    return param->role == PARAM_WORK && param->sliced == 1 + d ? dim / sizes->slices : dim;
}

static const char *sym_name(int64_t dim) {
    static const char *const NAMES[SYM_COUNT] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    return dim == DIM_N_PLUS_1 ? "N+1" : NAMES[-1 - dim];
}

/* A parameter's own dims: without the ones that pad it to four. */
static const int64_t *own_dims(const CodeParam *param) { return param->dims + (4 - param->rank); }

static int find_param(const CodeObject *object, const char *name) {
    int tensor = 0;
    for (int p = 0; p < object->param_count; p++) {
        if (object->params[p].role == PARAM_WORK)
            continue;
        if (object->params[p].name[0] == name[0] && strcmp(object->params[p].name, name) == 0)
            return tensor;
        tensor++;
    }
    return -1;
}

static bool map_fine(const CodeObject *object, const CodeMap *map) {
    if (map->param < 0 || map->param >= object->param_count)
        return false;
    const DType   dtype = object->params[map->param].dtype;
    const int64_t bytes = (int64_t)map->box_cols * (int64_t)dtype_size(dtype);
    return (dtype == DT_F32 || dtype == DT_BF16 || dtype == DT_F16) && map->dims >= 2 && map->dims <= 4 &&
           map->row_dim >= 4 - map->dims && map->row_dim >= 1 && map->row_dim <= 2 && map->box_rows >= 1 &&
           map->box_rows <= 256 && bytes >= 16 && bytes <= 128 && bytes % 16 == 0;
}

static bool phases_fine(const CodeObject *object) {
    bool fine = object->phase_count <= LAUNCH_MAX_PHASES;
    int  maps = 0;
    for (int p = 0; fine && p < object->phase_count; p++) {
        const CodePhase *phase = &object->phases[p];
        fine &= phase->axis_count >= 0 && phase->axis_count <= 4 && phase->scratch_bytes >= 0 && phase->resident >= 0;
        fine &= !phase->cluster || (phase->axis_count > 0 && phase->resident == 0);
        fine &= phase->map_count >= 0 && phase->map_count <= CODE_MAX_MAPS && (p > 0 || !phase->overlaps);
        fine &= phase->beside >= 0 && phase->beside < INT64_C(1) << p && phase->beside_before >= 0 &&
                phase->beside_before < INT64_C(1) << object->phase_count;
        for (int m = 0; fine && m < phase->map_count; m++)
            fine = map_fine(object, &phase->maps[m]);
        maps += phase->map_count;
    }
    return fine && maps <= CODE_MAX_ALL_MAPS;
}

/* What is written has parts for all slices, and they are equal. */
static bool slices_fine(const CodeObject *object) {
    const int64_t heads = object->kv_heads, count = object->head_slices ? object->head_slices : heads;
    bool          fine = count >= 1 && (!object->head_slices || count <= LAUNCH_MAX_SLICES) && (heads < 1 || heads % count == 0);
    for (int p = 0; fine && count > 1 && p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        const int64_t    dim = param->sliced ? param->dims[param->sliced - 1] : 0;
        fine = param->sliced ? dim > 0 && dim % count == 0 : param->role == PARAM_IN || param->role == PARAM_WORK;
    }
    return fine;
}

/* Numbers with which the sizes of a launch stay within 63 bits, and well beyond what compilers choose. */
static bool numbers_fine(const CodeObject *object) {
    const int64_t tile = INT64_C(1) << 24, most = INT64_C(1) << 41;
    const int64_t numbers[] = {object->segment, object->min_items, object->even_items, object->parts,
                               object->window,  object->ring_rows, object->kv_heads};
    bool          fine = object->chunk >= 0 && object->chunk <= tile && object->states_every >= 0 &&
                object->states_every <= tile && object->lead >= 0 && object->lead <= tile;
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        fine &= numbers[n] >= 0 && numbers[n] <= most;
    return fine;
}

Status launch_check_object(Ctx *ctx, const CodeObject *object) {
    static const char *const INDICES[] = {"cu_seqlens", "slots", "pos"};
    bool fine = object->param_count <= LAUNCH_MAX_PARAMS && find_param(object, "q") >= 0 && numbers_fine(object) &&
                slices_fine(object);
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        fine &= param->rank >= 1 && param->rank <= 4;
        for (int i = 0; i < 3; i++)
            fine &= strcmp(param->name, INDICES[i]) != 0 || (param->dtype == DT_I32 && param->rank == 1);
        fine &= strcmp(param->name, "q") != 0 || param->rank == 4;
    }
    if (!fine)
        return ctx_fail(ctx, ST_INTEGRITY, "code object", "compile it again", "its parameters make no sense");
    return phases_fine(object)
               ? ST_OK
               : ctx_fail(ctx, ST_INTEGRITY, "code object", "compile it again", "its phases make no sense");
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */
static DimText print_dims(const int64_t *dims, int rank) {
    DimText out = {"["};
    for (int d = 0; d < rank; d++) {
        const size_t length = strlen(out.text);
        snprintf(out.text + length, sizeof out.text - length, "%s%lld", d ? ", " : "", (long long)dims[d]);
    }
    strcat(out.text, "]");
    return out;
}

/* The dims that a parameter should have, with the names of those that are free: "[2 (B), 100 (T), 8, 128]". */
static DimText print_wanted(const CodeParam *param, const LaunchSizes *sizes) {
    DimText out = {"["};
    for (int d = 0; d < param->rank; d++) {
        const int64_t dim = own_dims(param)[d], value = launch_dim(sizes, dim);
        const size_t  length = strlen(out.text), room = sizeof out.text - length - 2;
        const char   *comma = d ? ", " : "";
        if (dim > 0)
            snprintf(out.text + length, room, "%s%lld", comma, (long long)value);
        else if (value < 0)
            snprintf(out.text + length, room, "%s%s", comma, sym_name(dim));
        else
            snprintf(out.text + length, room, "%s%lld (%s)", comma, (long long)value, sym_name(dim));
    }
    strcat(out.text, "]");
    return out;
}

static Status wrong_dims(Ctx *ctx, const CodeParam *param, const Tensor *tensor, const LaunchSizes *sizes) {
    const DimText has = print_dims(tensor->dims, tensor->rank), wanted = print_wanted(param, sizes);
    return ctx_fail(ctx, ST_USAGE, param->name, "B and T are those of q", "has dims %s, should have %s", has.text,
                    wanted.text);
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
/* A tensor may leave out trailing dims of 1 that the parameter has: lse [B, H, T] for [B, H, T, 1]. */
static Status check_rank(Ctx *ctx, const CodeParam *param, const Tensor *tensor, const LaunchSizes *sizes) {
    if (tensor->rank < 1 || tensor->rank > 4)
        return ctx_fail(ctx, ST_USAGE, param->name, NULL, "has rank %d, should have %d", tensor->rank, param->rank);
    if (tensor->rank > param->rank)
        return wrong_dims(ctx, param, tensor, sizes);
    for (int d = tensor->rank; d < param->rank; d++)
        if (own_dims(param)[d] != 1)
            return wrong_dims(ctx, param, tensor, sizes);
    return ST_OK;
}

static Status check_strides(Ctx *ctx, const CodeParam *param, const Tensor *tensor) {
    const int last = param->rank - 1;
    for (int d = 0; d < tensor->rank; d++)
        if (tensor->strides[d] < 0)
            return ctx_fail(ctx, ST_USAGE, param->name, "copy it", "has a negative stride in dim %d", d);
    if (last < tensor->rank && tensor->dims[last] > 1 && tensor->strides[last] != 1)
        return ctx_fail(ctx, ST_USAGE, param->name, "copy it into a tensor with contiguous rows",
                        "has stride %lld in its last dim, should have 1", (long long)tensor->strides[last]);
    if (tensor_extent(tensor) < 0)
        return ctx_fail(ctx, ST_USAGE, param->name, NULL, "its dims and strides reach beyond any memory");
    if (param->role != PARAM_IN && tensor_overlaps_itself(tensor))
        return ctx_fail(ctx, ST_USAGE, param->name, "give it memory of its own for each element",
                        "is written, but its strides let elements share memory");
    return ST_OK;
}

/* Binds what is still free, checks the rest. */
static Status bind_dims(Ctx *ctx, const CodeParam *param, const Tensor *tensor, LaunchSizes *sizes) {
    for (int d = 0; d < tensor->rank; d++) {
        const int64_t dim = own_dims(param)[d], has = tensor->dims[d];
        if (has < 0)
            return wrong_dims(ctx, param, tensor, sizes);
        if (dim == DIM_N_PLUS_1 && sizes->syms[SYM_N] == UNBOUND && has >= 1)
            sizes->syms[SYM_N] = has - 1;
        else if (is_sym(dim) && sizes->syms[-1 - dim] == UNBOUND)
            sizes->syms[-1 - dim] = has;
        if (launch_dim(sizes, dim) != has || (dim == DIM_N_PLUS_1 && has < 1))
            return wrong_dims(ctx, param, tensor, sizes);
    }
    return ST_OK;
}

static Status bind_param(Ctx *ctx, const CodeParam *param, const Tensor *tensor, LaunchSizes *sizes) {
    if (tensor->dtype != param->dtype)
        return ctx_fail(ctx, ST_USAGE, param->name, "convert it, or compile the spec with that dtype",
                        "is %s, should be %s",
                        (unsigned)tensor->dtype < DT_COUNT ? dtype_name(tensor->dtype) : "of no known type",
                        dtype_name(param->dtype));
    TRY(check_rank(ctx, param, tensor, sizes));
    TRY(bind_dims(ctx, param, tensor, sizes));
    return check_strides(ctx, param, tensor);
}

/* Sizes that no memory holds stay the largest number, which add_work refuses. */
static int64_t times(int64_t x, int64_t y) {
    int64_t product;
    return __builtin_mul_overflow(x, y, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t x, int64_t y) {
    int64_t sum;
    return __builtin_add_overflow(x, y, &sum) ? INT64_MAX : sum;
}

static int64_t count_parts(const CodeObject *object, int64_t items) {
    int64_t parts = 1;
    while (2 * parts <= object->parts && items <= object->min_items / (2 * parts))
        parts *= 2;
    return parts;
}

/* Kernels that cut a step into parts count tokens in 32 bits. */
static const int64_t MOST_COUNTED = INT64_C(1) << 30;

/* Tokens of a segment where `items` pairs of a sequence and a head are too few. */
static int64_t least_segment(const CodeObject *object, int64_t length, int64_t items) {
    const int64_t wanted = object->min_items > items ? (object->min_items + items - 1) / items : 1;
    const int64_t even = object->spread ? (length + wanted - 1) / wanted : 0;
    return even > object->segment ? even : object->segment;
}

/* How sequences are cut into segments: base/code_object.h, CodeObject. */
static void cut_segments(const CodeObject *object, LaunchSizes *sizes) {
    const int64_t chunk = object->chunk > 1 ? object->chunk : 1, heads = sizes->syms[SYM_H] > 1 ? sizes->syms[SYM_H] : 1;
    const int64_t length = sizes->syms[SYM_T] > 1 ? sizes->syms[SYM_T] : 1;
    const int64_t every = object->states_every > 1 ? object->states_every : 1;
    const bool    enough = sizes->syms[SYM_N] >= (object->min_items + heads - 1) / heads;
    const bool    even = object->even_items > 0 && sizes->syms[SYM_N] % object->even_items * heads % object->even_items == 0;
    const bool    whole = object->segment <= 0 || enough || even;
    const int64_t items = times(sizes->syms[SYM_N] > 1 ? sizes->syms[SYM_N] : 1, heads);
    const int64_t old = plus(object->window, object->lead);
    const int64_t segment = round_up(whole ? plus(length, object->lead) : least_segment(object, length, items), times(chunk, every));
    sizes->syms[SYM_L] = segment;
    sizes->syms[SYM_S] =
        object->parts ? count_parts(object, times(sizes->syms[SYM_N], heads)) : (length + segment - 1) / segment;
    sizes->syms[SYM_K] = sizes->syms[SYM_S] - 1;
    sizes->syms[SYM_R] = (sizes->syms[SYM_T] + object->lead + chunk - 1) / chunk;
    const int64_t tokens = times(sizes->syms[SYM_B], sizes->syms[SYM_T]);
    sizes->syms[SYM_C] = plus(tokens / chunk, times(sizes->syms[SYM_N], object->lead ? 2 : 1));
    sizes->syms[SYM_M] = plus(tokens / times(chunk, every), sizes->syms[SYM_N]);
    sizes->syms[SYM_A] = plus(tokens, times(sizes->syms[SYM_N], old));
    sizes->syms[SYM_O] = sizes->syms[SYM_T] + old;
    sizes->syms[SYM_J] = (sizes->syms[SYM_T] + old + chunk - 1) / chunk;
    sizes->syms[SYM_Z] = times(sizes->syms[SYM_C], sizes->syms[SYM_S]);
}

/* Of a parameter with all its dims, at multiples of 64; INT64_MAX where that exceeds 63 bits. */
static int64_t param_bytes(const CodeParam *param, const LaunchSizes *sizes) {
    int64_t bytes = (int64_t)dtype_size(param->dtype);
    for (int d = 0; d < 4; d++) {
        const int64_t dim = launch_param_dim(sizes, param, d);
        if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes))
            return INT64_MAX;
    }
    return __builtin_add_overflow(bytes, 63, &bytes) ? INT64_MAX : bytes & ~INT64_C(63);
}

/* -> the parameter with which the working memory exceeds 63 bits, or NULL. */
static const CodeParam *add_work(const CodeObject *object, LaunchSizes *sizes) {
    sizes->work_bytes = 0;
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role != PARAM_WORK)
            continue;
        sizes->work_bytes = plus(sizes->work_bytes, param_bytes(param, sizes));
        if (sizes->work_bytes == INT64_MAX)
            return param;
    }
    return NULL;
}

/* Working memory that is not worth the time that slices take, and tokens times key/value heads of a slice whose kernels are long
 * enough for their begin and end not to count: measured, see doc/gpu.md. */
static const int64_t FREE_WORK = INT64_C(704) << 20, LEAST_SLICE = 65536;

static int64_t most_work(const CodeObject *object, const LaunchSizes *sizes) {
    int64_t bytes = 0;
    for (int p = 0; p < object->param_count; p++)
        if (object->params[p].role != PARAM_WORK)
            bytes = plus(bytes, param_bytes(&object->params[p], sizes));
    return bytes / 16 * 3;
}

static const CodeParam *cut(const CodeObject *object, int64_t heads, int64_t slices, LaunchSizes *sizes) {
    sizes->slices = slices;
    sizes->syms[SYM_H] = object->kv_heads / slices;
    sizes->syms[SYM_G] = heads / slices;
    cut_segments(object, sizes);
    return add_work(object, sizes);
}

static int64_t query_heads(const CodeObject *object) {
    const CodeParam *param = object->params;
    while (strcmp(param->name, "q") != 0)
        param++;
    return param->dims[2];
}

/* How sequences are cut into segments, and heads into slices; see base/code_object.h. */
static Status cut_launch(Ctx *ctx, const CodeObject *object, LaunchSizes *sizes) {
    const int64_t    heads = query_heads(object), tokens = times(sizes->syms[SYM_B], sizes->syms[SYM_T]);
    const CodeParam *over = cut(object, heads, object->head_slices ? object->head_slices : 1, sizes);
    const bool       whole = object->head_slices || sizes->work_bytes <= FREE_WORK;
    const int64_t    most = whole ? INT64_MAX : most_work(object, sizes), slices = times(tokens, object->kv_heads) / LEAST_SLICE;
    for (int64_t n = 2; sizes->work_bytes > most && n <= object->kv_heads && n <= slices && n <= LAUNCH_MAX_SLICES; n++)
        if (object->kv_heads % n == 0)
            over = cut(object, heads, n, sizes);
    return over ? ctx_fail(ctx, ST_NO_MEMORY, over->name, "use a smaller batch", "the working memory exceeds 63 bits") : ST_OK;
}

Status launch_bind(Ctx *ctx, const CodeObject *object, const Tensor *tensors, int64_t position, LaunchSizes *sizes) {
    for (int s = 0; s < SYM_COUNT; s++)
        sizes->syms[s] = UNBOUND;
    if (position < 0)
        return ctx_fail(ctx, ST_USAGE, "position", NULL, "is %lld, should not be negative", (long long)position);
    sizes->syms[SYM_POS] = position;
    const int packed = find_param(object, "cu_seqlens");
    for (int p = 0, t = 0; p < object->param_count; p++) {
        if (object->params[p].role == PARAM_WORK)
            continue;
        TRY(bind_param(ctx, &object->params[p], &tensors[t++], sizes));
        if (packed < 0 && sizes->syms[SYM_N] == UNBOUND)
            sizes->syms[SYM_N] = sizes->syms[SYM_B];
        if (packed >= 0 && sizes->syms[SYM_B] != 1)
            return ctx_fail(ctx, ST_USAGE, "q", "put the sequences one after the other in dim 1",
                            "has %lld sequences in dim 0, should have 1 as the batch is packed",
                            (long long)sizes->syms[SYM_B]);
    }
    if (sizes->syms[SYM_T] > INT64_C(1) << 40)
        return ctx_fail(ctx, ST_USAGE, "q", NULL, "has %lld tokens, more than any machine can hold",
                        (long long)sizes->syms[SYM_T]);
    TRY(cut_launch(ctx, object, sizes));
    if (object->parts && (times(sizes->syms[SYM_B], sizes->syms[SYM_T]) > MOST_COUNTED || sizes->syms[SYM_Z] > MOST_COUNTED))
        return ctx_fail(ctx, ST_USAGE, "q", "use a smaller batch",
                        "has more tokens than a step that is cut into parts counts");
    return ST_OK;
}

bool launch_writes(const CodeObject *object, const LaunchSizes *sizes) {
    bool writes = false;
    for (int p = 0; p < object->param_count && !writes; p++) {
        const CodeParam *param = &object->params[p];
        writes = param->role == PARAM_OUT || param->role == PARAM_INOUT;
        for (int d = 0; d < 4 && writes; d++)
            writes = launch_param_dim(sizes, param, d) != 0;
    }
    return writes;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */
static Status check_pointer(Ctx *ctx, const CodeParam *param, const Tensor *tensor, int64_t extent) {
    if (extent > 0 && !tensor->data)
        return ctx_fail(ctx, ST_USAGE, param->name, "pass its memory", "has no data");
    if ((uintptr_t)tensor->data % dtype_size(param->dtype) != 0)
        return ctx_fail(ctx, ST_USAGE, param->name, NULL, "is not aligned to its elements of %zu bytes",
                        dtype_size(param->dtype));
    return ST_OK;
}

/* Whether a written tensor and another share memory: nearly always their extents alone say that they do not. */
static bool clash(const Tensor *a, int64_t extent_a, const Tensor *b, int64_t extent_b) {
    const uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;
    const bool      apart = at_a <= at_b ? at_b - at_a >= (uint64_t)extent_a : at_a - at_b >= (uint64_t)extent_b;
    return !apart && tensors_overlap(a, b);
}

Status launch_check_data(Ctx *ctx, const CodeObject *object, const Tensor *tensors) {
    int     written[LAUNCH_MAX_PARAMS], params[LAUNCH_MAX_PARAMS], count = 0, written_count = 0;
    int64_t extents[LAUNCH_MAX_PARAMS];
    for (int p = 0; p < object->param_count; p++) {
        if (object->params[p].role == PARAM_WORK)
            continue;
        extents[count] = tensor_extent(&tensors[count]);
        TRY(check_pointer(ctx, &object->params[p], &tensors[count], extents[count]));
        if (object->params[p].role != PARAM_IN)
            written[written_count++] = count;
        params[count++] = p;
    }
    for (int w = 0; w < written_count; w++)
        for (int t = 0; t < count; t++)
            if (t != written[w] && clash(&tensors[written[w]], extents[written[w]], &tensors[t], extents[t]))
                return ctx_fail(ctx, ST_USAGE, object->params[params[written[w]]].name, "give it memory of its own",
                                "is written, but shares memory with %s", object->params[params[t]].name);
    return ST_OK;
}

static Status check_cu_seqlens(Ctx *ctx, const Tensor *tensor, int64_t tokens) {
    const int32_t *starts = tensor->data;
    const int64_t  last = tensor->dims[0] - 1;
    if (starts[0] != 0)
        return ctx_fail(ctx, ST_USAGE, "cu_seqlens", NULL, "starts with %d, should start with 0", starts[0]);
    for (int64_t n = 0; n < last; n++)
        if (starts[n + 1] < starts[n])
            return ctx_fail(ctx, ST_USAGE, "cu_seqlens", NULL, "falls from %d to %d at entry %lld, should never fall",
                            starts[n], starts[n + 1], (long long)n + 1);
    if (starts[last] != tokens)
        return ctx_fail(ctx, ST_USAGE, "cu_seqlens", NULL, "ends with %d, should end with T = %lld", starts[last],
                        (long long)tokens);
    return ST_OK;
}

/* Marks each slot; stops at the first that is out of range or there twice. Returns how many entries it went through. */
static int64_t mark_slots(const int32_t *slots, int64_t count, int64_t pool, uint64_t *marks) {
    for (int64_t n = 0; n < count; n++) {
        if (slots[n] < 0)
            continue;
        if (slots[n] >= pool || marks[slots[n] / 64] >> slots[n] % 64 & 1)
            return n;
        marks[slots[n] / 64] |= UINT64_C(1) << slots[n] % 64;
    }
    return count;
}

static Status check_slots(Ctx *ctx, const Tensor *tensor, int64_t pool, uint64_t *marks) {
    const int32_t *slots = tensor->data;
    const int64_t  count = tensor->dims[0], good = mark_slots(slots, count, pool, marks);
    for (int64_t n = 0; n < good; n++)
        if (slots[n] >= 0)
            marks[slots[n] / 64] = 0;
    if (good == count)
        return ST_OK;
    if (slots[good] >= pool)
        return ctx_fail(ctx, ST_USAGE, "slots", "use -1 for a sequence to skip",
                        "entry %lld is %d, should be below P = %lld", (long long)good, slots[good], (long long)pool);
    return ctx_fail(ctx, ST_USAGE, "slots", "give each sequence a slot of its own",
                    "slot %d is there twice, again at entry %lld", slots[good], (long long)good);
}

static Status check_positions(Ctx *ctx, const Tensor *positions, const Tensor *slots) {
    const int32_t *values = positions->data;
    for (int64_t n = 0; n < positions->dims[0]; n++)
        if (values[n] < 0 && (!slots || ((const int32_t *)slots->data)[n] >= 0))
            return ctx_fail(ctx, ST_USAGE, "pos", NULL, "entry %lld is %d, should not be negative", (long long)n,
                            values[n]);
    return ST_OK;
}

Status launch_check_indices(Ctx *ctx, const CodeObject *object, const Tensor *tensors, const LaunchSizes *sizes,
                            uint64_t *marks) {
    const int packed = find_param(object, "cu_seqlens"), slots = find_param(object, "slots"),
              pos = find_param(object, "pos");
    if (packed >= 0)
        TRY(check_cu_seqlens(ctx, &tensors[packed], sizes->syms[SYM_T]));
    if (slots >= 0)
        TRY(check_slots(ctx, &tensors[slots], sizes->syms[SYM_P], marks));
    return pos >= 0 ? check_positions(ctx, &tensors[pos], slots >= 0 ? &tensors[slots] : NULL) : ST_OK;
}

/* ---- The block --------------------------------------------------------------------------------------------------- */
static void fill_tensor(const CodeParam *param, const Tensor *tensor, int64_t *args) {
    const int pad = 4 - param->rank;
    args[0] = (int64_t)(intptr_t)tensor->data;
    for (int d = 0; d < 4; d++)
        args[1 + d] = d >= pad && d - pad < tensor->rank ? tensor->strides[d - pad] : 0;
    args[4] = 1;
}

static void fill_work(const CodeParam *param, const LaunchSizes *sizes, uint8_t *memory, int64_t *args) {
    args[0] = (int64_t)(intptr_t)memory;
    args[4] = 1;
    for (int d = 2; d >= 0; d--)
        args[1 + d] = args[2 + d] * launch_param_dim(sizes, param, d + 1);
}

void launch_fill(const CodeObject *object, const Tensor *tensors, const LaunchSizes *sizes, uint8_t *work,
                 int64_t *args) {
    for (int p = 0; p < object->param_count; p++) {
        const CodeParam *param = &object->params[p];
        if (param->role != PARAM_WORK) {
            fill_tensor(param, tensors++, args + 5 * p);
            continue;
        }
        fill_work(param, sizes, work, args + 5 * p);
        work += param_bytes(param, sizes);
    }
    memcpy(args + 5 * object->param_count, sizes->syms, sizeof sizes->syms);
}

void launch_slice(const CodeObject *object, const LaunchSizes *sizes, int slice, int64_t *args) {
    for (int p = 0; slice > 0 && p < object->param_count; p++) { /* the first one's is what it is */
        const CodeParam *param = &object->params[p];
        int64_t *const   of = args + 5 * p;
        if (param->role != PARAM_WORK && param->sliced && of[0])
            of[0] += slice * (param->dims[param->sliced - 1] / sizes->slices) * of[param->sliced] *
                     (int64_t)dtype_size(param->dtype);
    }
}
