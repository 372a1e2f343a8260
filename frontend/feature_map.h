/* Building, checking and printing the expression graph of a feature map (FeatureMap, base/spec.h), without Lua.
 *
 * Always: a node's operands come before it; equal nodes are one node; after map_seal() every node is needed and the
 * order is that of a walk from the result, a before b: so equal maps are equal arrays, whatever the Lua text looked
 * like. */
#ifndef RATTAN_FRONTEND_FEATURE_MAP_H
#define RATTAN_FRONTEND_FEATURE_MAP_H

#include "base/spec.h"
#include "base/text.h"

/* Starts a map: node 0 is the input, of `length` features. */
void map_start(FeatureMap *map, const char *name, int length);

enum { MAP_MAX_FEATURES = 4096 };

/* The index of the node, an earlier one where there is an equal one. On failure: MAP_FULL (MAP_MAX_NODES there
 * already), MAP_LENGTHS (the operands' lengths differ, and neither is 1), MAP_WIDE (more than MAP_MAX_FEATURES long).
 */
enum { MAP_FULL = -1, MAP_LENGTHS = -2, MAP_WIDE = -3 };
int map_add(FeatureMap *map, MapOp op, int a, int b, double value);

/* Makes node `result` the last one and drops what it does not need. */
void map_seal(FeatureMap *map, int result);

/* Whether features depend on the input; asked of a sealed map. */
bool map_uses_input(const FeatureMap *map);

/* Checks a map from outside: operators, operands, lengths, constants, order, that it uses its input. */
Status map_check(Ctx *ctx, const char *place, const FeatureMap *map, int head_dim);

/* A Lua function of one line that traces to the map. */
void map_print(Text *text, const FeatureMap *map);

/* A number in its shortest exact form; 500000 rather than 5e+05. */
void spec_print_number(Text *text, double value);

int         map_operands(MapOp op);
const char *map_op_name(MapOp op);

/* The maps of specs/maps/, embedded by cmake/embed_maps.cmake: names and Lua texts, sorted by name. */
typedef struct MapSource {
    const char *name, *text;
} MapSource;
extern const MapSource map_sources[];
extern const int       map_source_count;

#endif
