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

/* What rows that are not there give to the map: `left` in the first half of their columns (rounded down), `right` in the others. */
typedef struct AbsentRow {
    double left, right;
} AbsentRow;

static inline bool absent_is_zero(AbsentRow row) { return row.left == 0 && row.right == 0; }

/* Whether what the map computes of the row is finite, and so far from where it is not that neither rounding nor a derivative
 * leads there. False also where the features are no map of their input alone. */
bool map_is_plain_number(Ctx *ctx, const Value *features, const Value *input, AbsentRow row);

/* Finds a row that the features are surely finite for, if map_find_finite finds one that one; false: none is known. */
bool map_find_absent(Ctx *ctx, const Value *features, AbsentRow *row);

/* As clone_slice, of features of rows or what is given for them; absent: what rows that are not there give to the map, NULL: the
 * zeros that are loaded. */
Value *map_clone(Builder *b, Value *value, const Block *region, const AbsentRow *absent, ValueMap *map);
/* Features that are no numbers for zeros become numbers in rows that are not there, wherever they are multiplied. Those for which
 * nothing is known, and all that are numbers anyway, stay as they are. ST_USAGE: no such row is known, and of equal numbers none is. */
Status map_fill_absent(Ctx *ctx, Kernel *kernel);

#endif
