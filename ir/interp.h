/* The interpreter's machine: what its files share. Not for others: see ir_interpret in ir.h.
 *
 * Every SSA value has a Cell, allocated before the kernel runs, so that nothing is allocated while it runs. Tiles are
 * doubles, row-major and dense, whatever their dtype; a result is rounded to its dtype when it is settled. Where the
 * caller asks for `placed`, a settled tile with a scratch place is also written to the scratch memory, and every read
 * of it comes from there: whoever reuses the bytes too early shows. */
#ifndef RATTAN_IR_INTERP_H
#define RATTAN_IR_INTERP_H

#include "ir/ir.h"

typedef struct Cell {
    int64_t i;    /* of an index */
    double *data; /* of a tile: owned, or a view into a ring's cell; of a ring: all slots */
    double *owned;
    double *next; /* what a loop, if or rows assigns, until all of its values are read */
    int64_t next_i;
    double *next_data;
    int64_t place, next_place; /* offset in scratch, or -1 */
} Cell;

typedef struct Visit { /* numbers of turns; 0: none, and several ones that read: -1 */
    int writer, reader;
} Visit;

typedef struct Tensor { /* a parameter as bound; data is NULL where the caller left it out */
    const CodeParam *param;
    void            *data;
    int64_t          dims[4], strides[4];
    Visit           *visits; /* malloc'd, by element, or NULL */
} Tensor;

typedef struct WorkMemory { /* lasts over the kernels of a module */
    const char *name;
    void       *data;
    int64_t     elements;
} WorkMemory;

typedef struct Arrival { /* a fetch that no wait has covered yet */
    const Op *fetch;
    double   *tile; /* malloc'd */
    double   *slot; /* where it goes: its data, and its place or -1 */
    int64_t   place;
    int64_t   group;
} Arrival;

typedef struct Parcel { /* a tile that was sent or given */
    const Value *ring;
    int64_t      place; /* its number in the ring */
    double      *tile;  /* malloc'd */
    int          taken, passed; /* by so many roles, which may look at it or not */
} Parcel;

/* What roles did to rings, in their order: replayed behind the last of them to see whether slots suffice. */
typedef struct Handover {
    const Op    *op;
    int          role;
    int64_t      parcel;
} Handover;

typedef struct Machine {
    Ctx              *ctx;
    const InterpArgs *args;
    const Kernel     *kernel;
    Cell             *cells;   /* by value id */
    Tensor           *tensors; /* by parameter index */
    WorkMemory       *works;
    int               work_count, work_capacity;
    Arrival          *arrivals; /* malloc'd */
    int               arrival_count, arrival_capacity;
    Parcel           *parcels; /* malloc'd, as the next */
    int               parcel_count, parcel_capacity;
    Handover         *handovers;
    int               handover_count, handover_capacity;
    int               role;       /* number of the role that runs */
    const Op        **flights;    /* malloc'd: products under way, in the order in which they began */
    int               flight_count, flight_capacity;
    bool              awaits;     /* the role that runs has awaits: its products run on while it does */
    int64_t           group;      /* number of the group that the next commit closes */
    int               turn, turns; /* of par=1 loops: number of the one that runs, and how many began */
    double           *scratch;    /* one double for each 2 bytes, exact: a value lies at its first 2 bytes */
    double           *matrix;     /* a tile's worth, as large as the largest */
    double            rope_theta; /* of rope_frequency, with rope_cols columns */
    int               rope_cols;
    double           *rope_frequency;
} Machine;

typedef Status Exec(Machine *m, const Op *op);

/* interp.c */
Status interp_fail(const Machine *m, const Op *op, const char *format, ...) __attribute__((format(printf, 3, 4)));
Status interp_no_memory(const Machine *m, const Op *op); /* op: what asked for it, or NULL */
Status interp_block(Machine *m, const Block *block);

/* interp_memory.c */
Status        interp_bind(Machine *m);    /* tensors of the kernel's parameters */
Status        interp_prepare(Machine *m); /* cells and scratch */
void          interp_release(Machine *m); /* what interp_prepare made */
void          interp_release_works(Machine *m);
int64_t       interp_index(const Machine *m, const Value *value);
const double *interp_tile(Machine *m, const Value *value);   /* valid until the next read of the same value */
double       *interp_result(Machine *m, const Op *op);       /* where result 0, a tile, is computed */
void          interp_settle(Machine *m, const Value *value); /* rounds what was computed and puts it in its place */
void          interp_stage(Machine *m, const Value *to, const Value *from);
void          interp_commit(Machine *m, const Value *to);
void          interp_round_tile(const Machine *m, DType dtype, double *tile, int64_t elements);
/* What a load with the operands from `first` on gives, unrounded: a tile of type's size. */
Status interp_read_at(Machine *m, const Op *load, int first, Type type, double *out);
Status interp_read(Machine *m, const Op *load, double *out); /* what a load gives, unrounded */
/* The slot of operand 1 of the ring that is operand 0: its data, and its place or -1. */
void interp_find_slot(const Machine *m, const Op *op, double **data, int64_t *place);
void interp_put_slot(const Machine *m, Type type, double *data, int64_t place, const double *tile);
Exec          exec_iload, exec_load, exec_store, exec_signal, exec_expect, exec_arrive, exec_ring, exec_ring_put, exec_ring_get;

/* interp_async.c */
void interp_release_arrivals(Machine *m);
Exec exec_fetch, exec_commit, exec_wait, exec_barrier;

/* interp_roles.c */
void interp_release_parcels(Machine *m);
Exec exec_role, exec_send, exec_give, exec_take, exec_skip, exec_release, exec_await, exec_product;
Status interp_check_flights(const Machine *m, const Op *op); /* may it run beside the products under way? */

/* interp_turns.c */
Status interp_prepare_turns(Machine *m); /* once tensors are bound */
void   interp_release_turns(Machine *m);
/* The turn that runs reads or writes `count` elements of a row from `first` on: fails where it meets another one that may run at
 * the same time. */
Status interp_visit(const Machine *m, const Op *op, const Tensor *tensor, int64_t first, int count, bool writes);

/* interp_ops.c */
Exec exec_fconst, exec_unary, exec_binary, exec_fma, exec_mask, exec_rowsum, exec_rowmax, exec_colsum, exec_colmax,
    exec_concat, exec_cols, exec_rope, exec_dot, exec_transpose, exec_same;

static inline int64_t interp_elements(Type type) { return (int64_t)type.rows * type.cols; }

/* To dtype; fp32 keeps its doubles unless the caller asks for `fp32`. */
static inline double interp_round(const Machine *m, DType dtype, double value) {
    if (dtype == DT_F32)
        return m->args->fp32 ? (double)(float)value : value;
    if (dtype != DT_F64)
        dtype_round_many(dtype, &value, 1);
    return value;
}

#endif
