/* The tensor maps of a code object's launches (base/code_object.h, CodeMap), made by the driver from a launch's args
 * block. In:  the block, whose addresses and strides are the tensors'. Out: maps as kernels take them, or ST_USAGE that
 * names the parameter and what keeps the copy engine from it. Always: allocates nothing after map_cache_new; a map that
 * was made before and is still in the cache costs a comparison. Safe from several threads. */
#ifndef RATTAN_RUNTIME_TENSOR_MAPS_H
#define RATTAN_RUNTIME_TENSOR_MAPS_H

#include "runtime/cuda_driver.h"
#include "runtime/launch_args.h"

typedef struct MapCache MapCache;

/* *out is NULL where no phase has maps. Object and driver must outlive it. ST_NO_DEVICE if the driver makes none. */
Status map_cache_new(Ctx *ctx, const CodeObject *object, const CudaDriver *driver, MapCache **out);
/* NULL is allowed. */
void map_cache_free(MapCache *cache);

/* Whether the copy engine takes the caller's tensors, one for each parameter that is not PARAM_WORK, in order. NULL takes all. */
bool map_cache_takes(const MapCache *cache, const Tensor *tensors);

/* The maps of one phase, in order. */
Status map_cache_get(Ctx *ctx, MapCache *cache, int phase, const LaunchSizes *sizes, const int64_t *args,
                     CuTensorMap *maps);

#endif
