/* Tensor maps and the cache of them: see tensor_maps.h.
 *
 * The cache is WAYS slots for each of SETS hashes of a map's place and address; within a set the oldest goes first. A launch
 * uses a handful of maps and callers come back with the same tensors, so that it is rarely full. */
#include "runtime/tensor_maps.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SET_BITS = 6, SETS = 1 << SET_BITS, WAYS = 4, ALIGNMENT = 16 };

static const uint64_t MOST_STRIDE = UINT64_C(1) << 40, MOST_ROWS = UINT64_C(1) << 32;

/* All that a map depends on. Dims and strides (in bytes) innermost first; strides[0] is that of dim 1. */
typedef struct MapFacts {
    uint64_t map; /* its phase and number */
    uint64_t address;
    uint64_t dims[4], strides[3];
} MapFacts;

typedef struct MapSlot {
    CuTensorMap map;
    MapFacts    facts; /* address 0: free */
} MapSlot;

struct MapCache {
    const CodeObject *object;
    const CudaDriver *driver;
    int               mapped[LAUNCH_MAX_PARAMS], mapped_count; /* the callers' tensors that maps are made of, each once */
    int64_t           sizes[LAUNCH_MAX_PARAMS];                /* of their elements, in bytes */
    pthread_mutex_t   lock; /* of the slots */
    MapSlot           slots[SETS][WAYS];
    unsigned char     oldest[SETS];
};

static bool is_mapped(const CodeObject *object, int param) {
    for (int p = 0; p < object->phase_count; p++)
        for (int m = 0; m < object->phases[p].map_count; m++)
            if (object->phases[p].maps[m].param == param)
                return true;
    return false;
}

static void list_mapped(MapCache *cache) {
    for (int p = 0, t = 0; p < cache->object->param_count; p++) {
        if (cache->object->params[p].role == PARAM_WORK)
            continue;
        if (is_mapped(cache->object, p)) {
            cache->sizes[cache->mapped_count] = (int64_t)dtype_size(cache->object->params[p].dtype);
            cache->mapped[cache->mapped_count++] = t;
        }
        t++;
    }
}

Status map_cache_new(Ctx *ctx, const CodeObject *object, const CudaDriver *driver, MapCache **out) {
    const CodePhase *mapped = NULL;
    *out = NULL;
    for (int p = 0; p < object->phase_count && !mapped; p++)
        mapped = object->phases[p].map_count > 0 ? &object->phases[p] : NULL;
    if (!mapped)
        return ST_OK;
    if (!driver->encode_map)
        return ctx_fail(ctx, ST_NO_DEVICE, mapped->symbol, "install driver 525 (CUDA 12.0) or newer",
                        "needs tensor maps, and the driver has no cuTensorMapEncodeTiled");
    MapCache *cache = aligned_alloc(_Alignof(MapCache), sizeof *cache);
    if (!cache)
        return ctx_fail(ctx, ST_NO_MEMORY, object->name, NULL, "out of memory");
    memset(cache, 0, sizeof *cache);
    cache->object = object;
    cache->driver = driver;
    list_mapped(cache);
    pthread_mutex_init(&cache->lock, NULL);
    *out = cache;
    return ST_OK;
}

void map_cache_free(MapCache *cache) {
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- Facts --------------------------------------------------------------------------------------------------------
 */
/* A dim of one element may have any stride in a Tensor: here it gets one that the driver takes. */
static MapFacts gather(const CodeParam *param, const LaunchSizes *sizes, const int64_t *args) {
    const uint64_t size = dtype_size(param->dtype);
    MapFacts       facts = {.address = (uint64_t)args[0]};
    for (int i = 0; i < 4; i++) {
        facts.dims[i] = (uint64_t)launch_param_dim(sizes, param, 3 - i);
        facts.address = facts.dims[i] > 0 ? facts.address : 0;
    }
    uint64_t widest = (facts.dims[0] * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    for (int i = 1; i < 4; i++) {
        const uint64_t bytes = facts.dims[i] > 1 ? (uint64_t)args[4 - i] * size : widest;
        facts.strides[i - 1] = bytes;
        widest = bytes > widest ? bytes : widest;
    }
    return facts;
}

static Status check_facts(Ctx *ctx, const CodeParam *param, const CodeMap *map, const MapFacts *facts) {
    static const char *const COPY = "copy it into a contiguous tensor whose address is a multiple of 16 bytes";
    if (facts->address % ALIGNMENT != 0)
        return ctx_fail(ctx, ST_USAGE, param->name, COPY, "is not aligned to the 16 bytes that the copy engine needs");
    for (int i = 0; i < 4; i++)
        if (facts->dims[i] > (i < map->dims ? MOST_ROWS : 1))
            return ctx_fail(ctx, ST_USAGE, param->name, "use a smaller batch",
                            "has %llu elements in dim %d, more than the copy engine counts",
                            (unsigned long long)facts->dims[i], param->rank - 1 - i);
    for (int i = 1; i < map->dims; i++)
        if (facts->strides[i - 1] % ALIGNMENT != 0 || facts->strides[i - 1] >= MOST_STRIDE)
            return ctx_fail(ctx, ST_USAGE, param->name, COPY,
                            "has a stride of %llu bytes in dim %d, the copy engine needs multiples of 16 below 2^40",
                            (unsigned long long)facts->strides[i - 1], param->rank - 1 - i);
    return ST_OK;
}

/* Tensors are not checked yet: of a rank that there is not, nothing is read. */
static bool takes_tensor(int64_t size, const Tensor *tensor) {
    bool fine = (uintptr_t)tensor->data % ALIGNMENT == 0;
    for (int d = 0; d + 1 < tensor->rank && tensor->rank <= 4; d++) {
        const int64_t dim = tensor->dims[d], stride = tensor->strides[d], most = (int64_t)MOST_STRIDE;
        fine &= dim <= 1 || (dim <= (int64_t)MOST_ROWS && stride >= 0 && stride < most && stride * size % ALIGNMENT == 0 &&
                             stride * size < most);
    }
    return fine;
}

bool map_cache_takes(const MapCache *cache, const Tensor *tensors) {
    bool fine = true;
    for (int m = 0; cache && m < cache->mapped_count && fine; m++)
        fine = takes_tensor(cache->sizes[m], &tensors[cache->mapped[m]]);
    return fine;
}

/* ---- Maps ---------------------------------------------------------------------------------------------------------
 */
static int map_type(DType dtype) {
    return dtype == DT_F32 ? CU_MAP_FP32 : dtype == DT_BF16 ? CU_MAP_BF16 : CU_MAP_FP16;
}

static Status encode(Ctx *ctx, const MapCache *cache, const CodeMap *map, const MapFacts *facts, CuTensorMap *out) {
    const CodeParam *param = &cache->object->params[map->param];
    const uint32_t   steps[4] = {1, 1, 1, 1};
    uint32_t         box[4] = {(uint32_t)map->box_cols, 1, 1, 1};
    box[3 - map->row_dim] = (uint32_t)map->box_rows;
    TRY(check_facts(ctx, param, map, facts));
    const int result = cache->driver->encode_map(
        out, map_type(param->dtype), (uint32_t)map->dims, (void *)(uintptr_t)facts->address, facts->dims,
        facts->strides, box, steps, CU_MAP_NO_INTERLEAVE, CU_MAP_SWIZZLE_128, CU_MAP_PROMOTE_256, CU_MAP_ZERO_FILL);
    return cuda_check(ctx, cache->driver, result, param->name, "cuTensorMapEncodeTiled");
}

/* The upper bits of a product: all bits of the factors have a say in them. */
static unsigned set_of(const MapFacts *facts) {
    const uint64_t both = facts->address + facts->map * UINT64_C(0xd1b54a32d192ed03);
    return (unsigned)(both * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SET_BITS));
}

static bool same_facts(const MapFacts *a, const MapFacts *b) {
    return a->address == b->address && a->map == b->map && memcmp(a, b, sizeof *a) == 0;
}

static Status find_or_make(Ctx *ctx, MapCache *cache, const CodeMap *map, const MapFacts *facts, CuTensorMap *out) {
    const unsigned set = set_of(facts);
    MapSlot *const slots = cache->slots[set];
    for (int w = 0; w < WAYS; w++)
        if (same_facts(&slots[w].facts, facts)) {
            *out = slots[w].map;
            return ST_OK;
        }
    TRY(encode(ctx, cache, map, facts, out));
    slots[cache->oldest[set]] = (MapSlot){*out, *facts};
    cache->oldest[set] = (unsigned char)((cache->oldest[set] + 1) % WAYS);
    return ST_OK;
}

Status map_cache_get(Ctx *ctx, MapCache *cache, int phase, const LaunchSizes *sizes, const int64_t *args,
                     CuTensorMap *maps) {
    const CodePhase *code = &cache->object->phases[phase];
    Status           status = ST_OK;
    pthread_mutex_lock(&cache->lock);
    for (int m = 0; m < code->map_count && status == ST_OK; m++) {
        const CodeMap *map = &code->maps[m];
        MapFacts       facts = gather(&cache->object->params[map->param], sizes, args + 5 * map->param);
        facts.map = (uint64_t)phase * CODE_MAX_MAPS + (uint64_t)m;
        if (facts.address)
            status = find_or_make(ctx, cache, map, &facts, &maps[m]);
        else
            maps[m] = (CuTensorMap){{0}};
    }
    pthread_mutex_unlock(&cache->lock);
    return status;
}
