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
} KeySaver;

Status gradients_refuse(Ctx *ctx, const char *kernel, const char *what);
/* A saver's view of another kernel. */
Status gradients_view(const Saver *main, Kernel *kernel, Saver *out);
Access gradients_access(const Op *op); /* where a load or store is */
/* Does it count what sides of the residual branch's products lose in 16 bits? Gradients of q's scale add up all rows,
 * and a window of one key gives none. */
bool   gradients_split(const Saver *s);
bool   gradients_split_features(const Saver *s); /* of phi(q) as well */
Value *gradients_low(Builder *b, Value *x, DType dtype); /* what x loses */
Value *gradients_join(Builder *b, Value *const *pieces, int count);
/* The scores of an edge tile whose keys have left the window; zeros for all others, and for keys before the first of the
 * sequence where `keys`, their load, has such a bound: features of others may come in their place. */
Value *gradients_edge(Builder *b, Value *score, const Op *mask, const Op *keys);
/* Rows `first` to `first` + rows - 1 of the head's state at row tile `tile`. */
Value *gradients_state(Builder *b, const char *param, Value *tile, Value *first, int rows, int cols);

/* saved_sums.c: rows of main that the kernels behind it only add up become sums of some. */
void gradients_sums(Saver *main, Kernel *const *kernels, int count);

/* Main gives one sum's gradient before it has the next sum. */
void gradients_order(const Saver *main);
int    gradients_state_rows(const KeySum *sum);
int    gradients_state_cols(const KeySum *sum);
int    gradients_column_parts(const KeySum *sum); /* how many blocks share a state: each has some of its columns */
/* The block's columns of a load or store of all of them. */
void   gradients_take_columns(KeySaver *k, Op *access, int dim, int parts, Value *part, Kernel *kernel);
/* That of the row tile at `row`, whose values the map gives, among all sequences'. */
Value *gradients_tile_number(KeySaver *k, Builder *b, ValueMap *map, Value *seq, Value *row);

/* The one load of rows that all pieces are made of, or NULL; can the copy engine bring it as products take it? */
const Op *gradients_source(Value *const *pieces, int count);
bool      gradients_is_sendable(const KeySaver *k, const Op *load);
/* A sum with a part in working memory: each further term is added to it there. */
void gradients_add_in_turns(const Saver *s, Op *store);

/* saved_sum_roles.c: rewrites kernel `keys`, whose states are saved, for warps with roles; false: it stays as it is. */
bool gradients_sum_by_roles(KeySaver *k);

/* saved_key_roles.c: kernels that sum up states of keys, or, with `save`, save them, by roles. */
bool gradients_states_have_roles(KeySaver *k, int number);
int  gradients_state_shares(KeySaver *k, int number); /* blocks that share a segment's rows; its sums lie one behind another */
void gradients_role_kernel(KeySaver *k, int number, const char *name, const char *work, bool save);

/* Rewrites kernel `keys`; the kernels that save its states become the module's last ones. */
Status gradients_keys(const Saver *main, Kernel *kernel);

#endif
