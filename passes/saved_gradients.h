/* What the files of kind backward's part of pass `saved` share. */
#ifndef RATTAN_PASSES_SAVED_GRADIENTS_H
#define RATTAN_PASSES_SAVED_GRADIENTS_H

#include "passes/saved.h"

enum { MOST_SUMS = 4 };

/* One sum of a residual loop of kernel keys: masked(x y^T) z, added to what the loop over heads carries as number
 * `carried`. */
typedef struct KeySum {
    Residual of; /* x, y and z are its features, keys and values */
    int      carried, twin; /* twin: the sum whose state's transpose it reads; itself: it has its own */
    Value   *x[MAX_PIECES], *y[MAX_PIECES];
    int      parts;
    Value   *z[MAX_PIECES]; /* pieces of its own columns */
    int      pieces;
} KeySum;

typedef struct KeySaver {
    Saver       saver; /* of kernel keys */
    int         count, states;
    KeySum      sums[MOST_SUMS];
    const Op   *row_load;
    const char *param[MOST_SUMS];
    bool        carries; /* states begin anew in each share of a segment; what all before it add up to comes beside them */
    int         shares;  /* blocks that share a segment's rows */
    const char *work, *carried; /* by share: what it adds up to; what those before it do */
} KeySaver;

Status gradients_refuse(Ctx *ctx, const char *kernel, const char *what);
/* A saver's view of another kernel. */
Status gradients_view(const Saver *main, Kernel *kernel, Saver *out);
Access gradients_access(const Op *op); /* where a load or store is */
/* Does it count what sides of the residual branch's products lose in 16 bits? Gradients of q's scale add up all rows,
 * and a window of one key gives none. */
bool   gradients_split(const Saver *s);
bool   gradients_split_features(const Saver *s); /* of phi(q) as well */
/* Where main has kept what 16 bits lose of what `load` loads; NULL: nowhere. */
const char *gradients_low_param(const Saver *s, const Op *load);
/* Without roles registers that hold one sum of a wide head hold no second one beside it: slices of columns are made anew. */
bool   gradients_go_by_slices(const Saver *s);
Value *gradients_join(Builder *b, Value *const *pieces, int count);
/* The scores of an edge tile, `back` rows before the last, whose keys have left the window; zeros for all others, and for keys
 * before the first of the sequence where `keys`, their load, has such a bound: features of others may come in their place. */
Value *gradients_edge(Builder *b, Value *score, const Op *mask, Value *back, const Op *keys);
/* Rows `first` to `first` + rows - 1 of the head's state at row tile `tile`. */
Value *gradients_state(Builder *b, const char *param, Value *tile, Value *first, int rows, int cols);

/* saved_sums.c: rows of main that the kernels behind it only add up become sums of some. */
void gradients_sums(Saver *main, Kernel *const *kernels, int count);
/* saved_key_sums.c: what kernel window_keys adds up for kernel keys lies where that stores its results; `rounds`: also if they
 * have fewer bits. */
void gradients_key_sums(const Saver *main, Kernel *keys, bool rounds);
/* saved_parts.c: sums over all rows are shared out to several blocks, small kernels become one. -> kernels that are left. */
int gradients_parts(const Saver *main, Kernel **kernels, int count);

/* Main gives one sum's gradient before it has the next sum. */
void gradients_order(const Saver *main);
int    gradients_state_rows(const KeySum *sum);
int    gradients_state_cols(const KeySum *sum);
int    gradients_column_parts(const KeySum *sum); /* how many blocks share a state: each has some of its columns */
/* The block's columns of a load or store of all of them. */
void   gradients_take_columns(KeySaver *k, Op *access, int dim, int parts, Value *part, Kernel *kernel);
/* That of the row tile at `row`, whose values the map gives, among all sequences'. */
Value *gradients_tile_number(KeySaver *k, Builder *b, ValueMap *map, Value *seq, Value *row);

/* The one load of rows that all pieces are made of, beside units of rows, or NULL; can the copy engine bring it as products take
 * it? */
const Op *gradients_source(Value *const *pieces, int count);
bool      gradients_is_sendable(const KeySaver *k, const Op *load);
/* Clones at b the units that `value` has, of rows as the copy engine brings them: whose positions rise. */
void gradients_turn_units(const Saver *s, Builder *b, const Value *value, const Block *region, ValueMap *map);
/* A sum with a part in working memory: each further term is added to it there. */
void gradients_add_in_turns(const Saver *s, Op *store);
/* The first column of `whole` that the term which it adds first is made of; -1: none, or it leaves the store as it is. */
int gradients_first_column(const Saver *s, const Op *store, const Value *whole);

/* saved_sum_roles.c: can kernel `keys` have roles? Then, with its states saved, it is rewritten for them. */
bool gradients_sums_have_roles(KeySaver *k);
void gradients_sum_by_roles(KeySaver *k);
/* The same for heads whose sums are too wide for that: one kernel sums up dphi(k), and one dv. */
bool gradients_can_sum_wide(KeySaver *k);
void gradients_sum_wide(KeySaver *k, bool values);

/* saved_key_roles.c: kernels that sum up states of keys, or, with `save`, save them, by roles. */
bool gradients_states_have_roles(KeySaver *k, int number);
int  gradients_state_shares(KeySaver *k, int number); /* blocks that share a segment's rows; its sums lie one behind another */
void gradients_role_kernel(KeySaver *k, int number, const char *name, const char *work, bool save);
/* What shares add up to -> what those before each do. */
void gradients_carry_kernel(KeySaver *k, int number);
/* The number, among all shares of all segments, of that which the row tile at `row` is in. */
Value *gradients_share_number(const KeySaver *k, Builder *b, Value *row);
/* Where in `param`, k's work or carried, what share `number` has of a state's rows from `row` on lies. */
Access gradients_share_access(const KeySaver *k, const KeySum *sum, Builder *b, const char *param, Value *number, Value *seq,
                              Value *head, int64_t row);

/* Cuts products (of a Saver's kernel) with states that are given whole and take too much of shared memory. */
bool gradients_slice_state(Op *dot, void *saver);

/* Rewrites kernel `keys`; the kernels that save its states become the module's last ones. */
Status gradients_keys(const Saver *main, Kernel *kernel);

#endif
