/* What the files of pass columns share: the kernel's tail as the pass knows it, and slices of its values. */
#ifndef RATTAN_PASSES_COLUMNS_H
#define RATTAN_PASSES_COLUMNS_H

#include "passes/loops.h"

enum { WIDE = 128, SLICE = 64, MAX_PRODUCTS = 64, MAX_REDUCTIONS = 8 };

typedef struct Product { /* phi(q)'s columns lo .. lo + k - 1 times a right side */
    Op    *dot, *tail; /* the first, and the last of those that go on with the next rows of the right side */
    Value *features;
    int    lo, k;
    int    chain; /* number of the product whose sum this one goes on with, or its own */
    Value *sum;   /* of a chain: so far */
    Op    *first, *last; /* of a chain: the products that are added at the end, for they need the others' results */
} Product;

typedef struct Slice {
    int      lo, n;
    Value   *from; /* its first column is lo + from; or NULL: lo */
    ValueMap map;  /* what it has already */
} Slice;

typedef struct Reduction { /* a loop over slices, which reductions share */
    Op   *loop;
    Slice slice;
    int   cols, rows;
} Reduction;

typedef struct Columns {
    Ctx      *ctx;
    Kernel   *kernel;
    Op       *queries;
    Product   products[MAX_PRODUCTS];
    int       count;
    Reduction loops[MAX_REDUCTIONS];
    int       loop_count;
    bool      loads;  /* what is made of loads alone goes by slices, too */
    bool      plain;  /* without roles: queries lie in memory, and loops fetch nothing of what they multiply */
    bool      joined; /* and what is made of tiles side by side */
    bool      each;   /* of that each slice is made in a block of its own */
} Columns;

/* A single column that whole slices leave over goes with the last one: alone it is no tile, which products and conversions take.
 * How many slices are whole, and how wide the next one is where `left` columns are left. */
static inline int columns_whole_slices(int cols) { return cols / SLICE - (cols > SLICE && cols % SLICE == 1); }
static inline int columns_slice_width(int left) { return left <= SLICE + 1 ? left : SLICE; }

/* columns_slices.c */
Slice columns_slice_at(const Columns *c, int lo, int n); /* columns lo .. lo + n - 1 */
/* The slice's columns of a value, made anew. */
Value *columns_slice(const Columns *c, Builder *b, Value *value, Slice *s);
/* Of what is loaded; `from`: as in a Slice. Further columns than a row has are those of the following ones. */
Value *columns_load_columns(Builder *b, const Op *load, int lo, int n, Value *from);
/* May slices of it be made in a loop, where only its number says which one it is? */
bool columns_can_loop(const Columns *c, const Value *value);
/* Does a value come of the queries, or of a product as wide as a value, by ops that slices can go through? */
bool columns_comes_of(const Columns *c, const Value *value, bool products);
/* Or, where asked for, of loads, as wide. */
bool columns_comes_of_loads(const Columns *c, const Value *value);
bool columns_is_sliced(const Columns *c, const Value *value); /* a tile, and of any of them */
/* What `value` is made of is made before `at`, as far as it stands behind it in the same block. */
void columns_hoist(const Columns *c, const Value *value, Op *at);
/* The single columns, rows and index values that slices of `value` are made with. */
void columns_hoist_others(const Columns *c, const Value *value, Op *at);

/* columns_products.c: notes a product of phi(q), if dot is one. */
void columns_note_product(Columns *c, Op *dot);
/* What their slices need is made before `at`, the first of them; chains of sums begin there. */
void columns_prepare(Columns *c, Op *at);
/* All of them go by slices, before `at`. */
void columns_multiply(Columns *c, Op *at);

/* columns_queries.c: where the queries are turned before they meet keys, main loads them turned, and once more as they are
 * (columns_load_again) in the block that makes phi of them, right where it begins to (columns_move_to_use). */
bool columns_turn_queries(Columns *c, Module *module, Block *body);
Op  *columns_load_again(const Columns *c, Op *load, Block *block); /* NULL: the block does not use it */
void columns_move_to_use(const Columns *c, Op *load);

#endif
