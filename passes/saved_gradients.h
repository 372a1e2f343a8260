/* What the files of kind backward's part of pass `saved` share. */
#ifndef RATTAN_PASSES_SAVED_GRADIENTS_H
#define RATTAN_PASSES_SAVED_GRADIENTS_H

#include "passes/saved.h"

Status gradients_refuse(Ctx *ctx, const char *kernel, const char *what);
/* A saver's view of another kernel. */
Status gradients_view(const Saver *main, Kernel *kernel, Saver *out);
Access gradients_access(const Op *op); /* where a load or store is */
Value *gradients_join(Builder *b, Value *const *pieces, int count);
/* The scores of an edge tile whose keys have left the window; zeros for all others. */
Value *gradients_edge(Builder *b, Value *score, const Op *mask);
/* Rows `first` to `first` + rows - 1 of the head's state at row tile `tile`. */
Value *gradients_state(Builder *b, const char *param, Value *tile, Value *first, int rows, int cols);

/* saved_sums.c: rows of main that the kernels behind it only add up become sums of some. */
void gradients_sums(Saver *main, Kernel *const *kernels, int count);

/* Main gives one sum's gradient before it has the next sum. */
void gradients_order(const Saver *main);

/* Rewrites kernel `keys`; the kernels that save its states become the module's last ones. */
Status gradients_keys(const Saver *main, Kernel *kernel);

#endif
