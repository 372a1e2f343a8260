/* What the files of pass differentiate share: the forward program as it was found, and one row of it, run again. */
#ifndef RATTAN_PASSES_DIFFERENTIATE_H
#define RATTAN_PASSES_DIFFERENTIATE_H

#include "passes/adjoint.h"
#include "passes/loops.h"

enum { MOST_REDUCTIONS = 4, MOST_TARGETS = 8 };

/* What a value in the region of a reduction over keys follows from. */
enum { OF_KEY = 1, OF_ROW = 2, OF_BOTH = OF_KEY | OF_ROW };

/* A kernel's loops and what stands in its innermost one: row i of query head h. */
typedef struct RowProgram {
    Ctx     *ctx;
    Kernel  *kernel;
    Op      *seq, *heads, *rows, *group;
    Block   *body;                        /* group's region */
    Op      *reductions[MOST_REDUCTIONS]; /* over keys, in order */
    int      reduction_count;
    uint8_t *dependence;   /* by id of values in the regions of reductions */
    bool     adds_to_keys; /* another kernel adds up, in memory, what a softmax_sum's keys get */
    bool     reads_low;    /* of those that `main` keeps in two parts, both; else the first, rounded one */
    bool     reads_kept;   /* gradients of what the sums over keys give are loaded where kernel `main` has kept them */
} RowProgram;

/* ST_FAILED if the kernel has not these loops. */
Status row_program_find(Ctx *ctx, Kernel *kernel, RowProgram *out);
/* Where the scores of a reduction meet values of keys alone (OF_KEY) or of rows alone (OF_ROW): these get their
 * gradients as sums over all rows, or keys. -> how many. */
int row_program_targets(const RowProgram *p, const Op *reduction, int which, Value **targets);
/* Do such a sum's terms reach what `load` loads, a parameter of all rows? */
bool row_program_hands_on(const RowProgram *p, const Op *load);

/* What main keeps of a row's gradient is that divided by the unit; 1 / unit; both NULL: there is none. See differentiate_unit.c. */
typedef struct RowUnit {
    Value *unit, *inverse;
} RowUnit;

/* The row once more, for another i and h: its values and their gradients. */
typedef struct RowAgain {
    const RowProgram *program;
    Builder          *b;
    ValueMap          values; /* the program's -> at b */
    Adjoint           adjoint;
    const Op         *end;                   /* of the program's own ops in its body; NULL: all are */
    Value            *mean[MOST_REDUCTIONS]; /* of a softmax_sum: dout . out */
    Value            *score_mean[MOST_REDUCTIONS]; /* of the dout that scores' gradients are made of, where that is another */
    RowUnit           unit, sink_unit; /* of row_here: of gradients of the residual sum and of a softmax_sum with a sink */
} RowAgain;

/* At b, for the given row and head of the group; `known` holds what the program's values are there already (may be
 * empty). Results of reductions are loaded from where the program stores them. whole: reductions hand their gradients
 * on to the row, as sums over keys; else these are left out. */
Status row_again(const RowProgram *p, Builder *b, const ValueMap *known, Value *row, Value *group, bool whole,
                 RowAgain *out);
/* In the program itself, behind its values: their gradients down to what the sums over keys give. */
Status row_here(const RowProgram *p, Builder *b, RowAgain *out);

/* One term of the sum that `target` of reduction r gets: at b, inside a region in which `values` holds the row's
 * values, the key's position and what is known of the key's values. */
Status row_term(const RowAgain *again, int r, Builder *b, ValueMap *values, Value *target, Value **term);

/* The store in the program's row that keeps `value` for other kernels, or NULL. Where the value's gradient, and the mean of
 * softmax_sum r, lie row by row, as that store (of a mean: lse's) does: name of the work parameter. */
const Op   *row_kept(const RowProgram *p, const Value *value);
/* Where other kernels find what `store`, one that keeps a value, stores: its parameter, `x_again`, or, if kind forward has saved
 * it, the input `x`. */
const char *kept_param(const RowProgram *p, const Op *store);
bool        is_given(const RowProgram *p, const Op *store); /* the latter */
const char *kept_gradient_name(const RowProgram *p, const Value *value);
/* Of the gradient's part that the first one loses in 16 bits, where layers need it: see differentiate.c. */
const char *kept_low_name(const RowProgram *p, const Value *value);
const char *kept_mean_name(const RowProgram *p, int r);
const char *kept_score_mean_name(const RowProgram *p, int r);

/* differentiate_unit.c: of a row with the norm n that is given dy, of 1 / n and the mean of dy's squares. */
RowUnit row_unit(Builder *b, Value *inverse_norm, Value *mean_square);
/* Do gradients that rows hand on have units: of `value`, a residual sum with what it starts from; of a softmax_sum with a sink? */
bool        has_unit(const RowProgram *p, const Value *value);
bool        has_sink_unit(const RowProgram *p, const Value *value);
const char *kept_unit_name(void);
/* What kernels behind main find in place of lse, and what their program makes of main's units, if it has any. */
void differentiate_lse_in_units(RowProgram *p, Builder *b, const RowUnit *unit);
void differentiate_in_units(RowProgram *p);

/* The work parameter in which target t (OF_KEY) of reduction r is summed up over rows, where rows add to keys; and the
 * load of a key's own data, in whose place it has rows. */
const char *key_sum_name(const RowProgram *p, int r, int t);
const Op   *key_row(const RowProgram *p, int r);
bool        adds_to_keys(const RowProgram *p, int r);

/* A load or store of `param` where `like`, a load or store, is. */
Value *load_like(Builder *b, const Op *like, const ValueMap *values, const char *param, int rows, int cols);
void   store_like(Builder *b, const Op *like, const ValueMap *values, const char *param, Value *tile);

/* The name of its parameter's gradient if the kernel has that, or NULL. */
const char *gradient_name(const RowProgram *p, const Op *load);
/* Its coordinates follow from the program's row, or a key. */
bool is_of_row(const RowProgram *p, const Op *load);
/* The first load of a row's, or a key's, own data in the block. */
const Op *row_load(const RowProgram *p, const Block *block);
/* The work parameter with the gradients, row by row, of a parameter that all rows share. */
const char *gradient_rows_name(const RowProgram *p, const Op *load);
/* The sum of the gradients of all loads of `param` in the block. NULL: none. */
Value *gradient_in(const Adjoint *a, const Block *block, const char *param, Value *sum);
/* Is it the first load of its parameter in the block? */
bool is_first_load(const Block *block, const Op *op);

/* Kernel `state` of the forward program, which stores a final state. */
typedef struct StateProgram {
    Kernel *kernel; /* NULL: there is none */
    Op     *sum, *store;
    Value  *x, *y; /* in the sum's region: rows whose products it adds up */
} StateProgram;

Status state_program_find(Ctx *ctx, Module *module, StateProgram *out);
/* The given gradient of the state of a sequence and key/value head, at b inside of these loops of the program. */
Value *state_gradient(const StateProgram *s, const RowProgram *p, Builder *b);
/* What it gives a key: values of the state's region at b, and their gradients. */
Status state_key_gradient(const StateProgram *s, const RowProgram *p, Builder *b, Value *key, Value *d_state,
                          ValueMap *values, Adjoint *adjoint);
/* What it gives the parameter that `load` loads, if states start from it, or NULL. */
Value *state_start_gradient(const StateProgram *s, const RowProgram *p, Builder *b, const Op *load,
                            const ValueMap *values);

/* Adds a kernel, a copy of `forward`, and finds its program. */
Status differentiate_copy(Ctx *ctx, Module *module, const Kernel *forward, const char *name, RowProgram *program);
/* Removes the program from its kernel, once others stand beside it, and what is not used. */
void differentiate_close(const RowProgram *p);
/* Adds a work parameter, of floats, to every kernel of the module. */
void differentiate_keep(Ctx *ctx, Module *module, const char *name, DType dtype, const int64_t dims[4]);
void differentiate_work(Ctx *ctx, Module *module, const char *name, int64_t d0, int64_t d1, int64_t d2, int64_t d3);
/* The kernels that add up, over rows and sequences, the gradients of parameters that these share. one_grid: a kernel's
 * loops that run at once lie in each other, so that parts of query heads and of key/value heads have kernels of their own. */
Status differentiate_parameters(Ctx *ctx, Module *module, const Kernel *forward, const StateProgram *state,
                                bool one_grid);

#endif
