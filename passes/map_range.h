/* What features can be where a row has one known number in all columns: interval arithmetic on the map. */
#ifndef RATTAN_PASSES_MAP_RANGE_H
#define RATTAN_PASSES_MAP_RANGE_H

#include "passes/rewrite.h"

/* The tile of rows that the map is given: what is loaded, times its scale where there is one. NULL: it starts from none. */
Value *map_input(Value *features);
/* Whether all features of rows that give `x` in every column are surely finite. */
bool map_is_finite(const Value *features, const Value *input, double x);

/* Finds such an x, 0 if it is one; false: none is known. */
bool map_find_finite(const Value *features, double *x);

/* As clone_slice, of features of rows or what is given for them; absent: what rows that are not there give to the map instead
 * of zeros. */
Value *map_clone(Builder *b, Value *value, const Block *region, double absent, ValueMap *map);
/* Features that are no numbers for zeros become numbers in rows that are not there, wherever they are multiplied. Those of which
 * nothing is known, and all that are numbers anyway, stay as they are. ST_USAGE: they are numbers for no row of equal numbers. */
Status map_fill_absent(Ctx *ctx, Kernel *kernel);

#endif
