/* Finding the loops that the passes on tiles speak of. */
#ifndef RATTAN_PASSES_LOOPS_H
#define RATTAN_PASSES_LOOPS_H

#include "passes/rewrite.h"

/* On CPUs sums over all tokens of a sequence go by parts of so many tiles: loops `part`. */
enum { TILES_A_PART = 16 };

bool loop_is(const Op *op, const char *axis);
Op  *loop_find(Block *block, const char *axis); /* the first in printing order, or NULL */
/* The nearest loop of that axis around op, or NULL. */
Op *loop_around(const Op *op, const char *axis);
/* The block inside of the leading parallel loops, which are a kernel's grid. */
Block *loop_grid_body(Block *block);
/* The first mask among a loop's own ops, or NULL. */
Op *loop_mask(const Op *loop);

/* A residual loop's turn, as pass tile makes it: sum += masked(features keys^T) values, features made outside of it. */
typedef struct Residual {
    Value *features, *keys, *values;
    Op    *mask;
} Residual;
/* ST_FAILED, in the name of `pass`, if the loop does anything else. */
Status match_residual(Ctx *ctx, const char *pass, const Op *loop, Residual *out);
/* Of a loop with several sums, that one. */
Status match_residual_sum(Ctx *ctx, const char *pass, const Op *loop, int sum, Residual *out);

/* Pass delay for kernels whose key loop runs from the youngest key back: see delay_roles.c. */
void delay_youngest_first(Ctx *ctx, Kernel *kernel);

/* pass stage's: converts the left sides of products that are in registers to `dtype`, each once. */
void stage_left_sides(Ctx *ctx, Kernel *kernel, DType dtype);

/* phi as a concatenation of equal pieces: fills both lists, returns how many; the whole as one piece where it is
 * none. */
enum { MAX_PIECES = 8 };
int residual_pieces(const Residual *residual, Value **keys, Value **features);
/* Of one value. */
int value_pieces(Value *value, Value **out);

/* What stands for the largest of no scores, in units of `unit`. */
double tile_no_score(double unit);

/* Is what `load` gives read by products alone, as their right side? */
bool loads_right_side(Ctx *ctx, Kernel *kernel, const Op *load);

/* How many there are of dimension `dim` of a parameter. */
Value *loop_dim(Builder *b, const CodeParam *param, int dim);

/* A ring of `slots` such tiles in shared memory, from byte `*at` on, which becomes the first one behind it. */
Value *loop_ring(Builder *b, int slots, Type tile, int64_t *at);
/* ring_slots.c: how many tiles come through a ring, at most, from the op `first` on until the walk ends, at the end of its block at
 * the latest. A role that takes a tile before that, and gives it back there, needs a slot for it and for each of those. */
typedef struct RingWalk {
    bool (*comes)(const Op *, const void *arg); /* does a tile come with this op? */
    bool (*ends)(const Op *, const void *arg);  /* before this op? */
    const void *arg;
} RingWalk;
int64_t ring_comes(const Op *first, const RingWalk *walk);

/* A role; builds in it. */
Builder loop_role(Ctx *ctx, Builder *b, const char *name, int warps, int registers);

/* turn_up.c: tiles of the block, whose rows' positions fall, have rows whose positions rise. */
void loop_turn_up(Ctx *ctx, Kernel *kernel, Block *block);

/* Sends what `load` would load at coordinates at[0..2], to `ring`. */
Op *loop_send(Ctx *ctx, Builder *b, const Op *load, Value *const at[3], Value *ring);

/* Does the kernel's tensor hold the rows of several sequences, one behind another? */
bool loop_is_packed(const Kernel *kernel);

/* Sends it with zeros in place of rows that are not between the bounds in[3] and in[4], where those are another sequence's: for
 * tiles whose rows a product sums over. Numbers there need not be finite. */
Op *loop_send_own(Ctx *ctx, Builder *b, const Op *load, Value *const in[5], Value *ring);

/* Pass roles: what writes the rings is done by warps of `main`: see roles_rings.c. */
void roles_add_rings(Ctx *ctx, Module *module, Kernel *main, const PassArgs *args);

/* Pass columns' for other kernels than main: in a block that scales, adds up and stores wide tiles these go by slices. */
void columns_of_gradients(Ctx *ctx, Kernel *kernel, Block *block);
/* Sums and maxima of the block's rows go by slices in loops, if slices of `value` can be made in one, too: of `cols` columns from
 * `from` on, made anew. */
bool   columns_reduce(Ctx *ctx, Kernel *kernel, Block *block, const Value *value);
Value *columns_in_loop(Ctx *ctx, Builder *in, Value *value, int cols, Value *from);
bool   columns_can_go_by_slices(const Value *value); /* is it made of what such loops can read by slices? */
/* Wide tiles that loops begin with, made of columns of `queries`, a load of the block. */
void columns_start_loops(Ctx *ctx, Kernel *kernel, Block *block, Op *queries);

/* Without roles: the same of any loads. Pieces that products give are multiplied for each slice anew: no register holds them from the
 * sum of a row, which needs all of them, to where they are used. */
void columns_start_anew(Ctx *ctx, Kernel *kernel, Block *block);
/* Without roles: what follows from wide products is added up and stored by slices of columns. */
void columns_store_anew(Ctx *ctx, Kernel *kernel, Block *block);

/* sink.c: tiles of the block that only a branch uses, behind its first product, are computed in it, where they are used first. */
void sink_into_branches(Ctx *ctx, Kernel *kernel, Block *block);
/* Behind it: a piece of a tile that products stand before is computed again from what its rows are loaded from. */
void sink_pieces(Ctx *ctx, Kernel *kernel, Block *block);

/* What works on query rows: the last kernel, or that of its name where others follow. */
Kernel *loop_main(const Module *module);

/* Without roles, kinds forward and extend: do tiles of more than 128 columns go by slices in main? Registers hold one sum of 256
 * columns, and no second one. */
bool loop_slices_columns(const PassArgs *args);

/* Do some of the kernel's warps have roles? */
bool loop_has_roles(const Kernel *kernel);

/* Values of `from` rows that the ops from `first` up to `end` (NULL: of its block) give get `to` rows, loads that many
 * more. */
void retile(Ctx *ctx, Op *first, const Op *end, int from, int to);

#endif
