/* What the files of this folder share: the state of one compilation, and helpers that build LLVM IR.
 *
 * A Gen lives for one llvm_compile(). Vectors are `lanes` floats wide: one register of the target. Every helper inserts
 * at the builder's place. Nothing here fails by itself: what cannot be compiled is recorded with gen_fail, and the
 * emission goes on with harmless values until llvm_compile looks. */
#ifndef RATTAN_CODEGEN_LLVM_GEN_H
#define RATTAN_CODEGEN_LLVM_GEN_H

#include "codegen/llvm/llvm_codegen.h"

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

typedef LLVMValueRef      Val;
typedef LLVMTypeRef       Ty;
typedef LLVMBasicBlockRef Blk;

/* Where a value of the kernel is. */
typedef struct Place {
    Val  ref; /* an index, or the address of a tile's first element */
    Val *row; /* inside a rows region: the vectors of the current row or span; a single column is one splat */
    Val  buffer; /* inside one of wide rows: where the current row lies in memory */
    const Op *put; /* the ring_put that finds the tile in its slot already */
} Place;

typedef struct Gen {
    Ctx            *ctx;
    const Target   *target;
    const Schedule *schedule;
    LLVMContextRef  context;
    LLVMModuleRef   module;
    LLVMBuilderRef  b;
    Ty              none, ptr, i1, i16, i32, i64, f16, f32, f64;
    int             lanes;
    bool            masked;   /* loads and stores under a mask are single instructions */
    bool            scalef;   /* x * 2^floor(n) is an instruction */
    bool            nan_max;  /* the maximum instruction gives NaN if either operand is */

    const Module *ir;
    const Kernel *kernel;
    Val           function, args, scratch;
    Place        *places;  /* by value id */
    Val          *bases;   /* parameter addresses and strides (5 a parameter), then the syms: loaded on first use */
    int64_t       temp, most_temp; /* bytes of scratch in use now and at most, with the kernel's own */
    int64_t       sink, sink_bytes; /* where the last sink is, and its size */
    LlvmOutput   *out;
    int           phase; /* number of the kernel */
} Gen;

void gen_fail(Gen *g, const Op *op, const char *what);

/* ---- llvm_build.c: constants, arithmetic, shuffles ------------------------------------------------------------ */
Ty  gen_vector(Gen *g, Ty element); /* lanes elements */
Val gen_int(Gen *g, int64_t n);     /* i64 */
Val gen_i32(Gen *g, int n);
Val gen_splat_const(Gen *g, double x);         /* of floats */
Val gen_splat_int(Gen *g, int64_t x);          /* of i32 */
Val gen_splat(Gen *g, Val scalar);             /* to lanes elements */
Val gen_like(Gen *g, Val vector, double x);    /* a constant of the same vector (or scalar) type */
Val gen_iota(Gen *g, int first);               /* i32: first, first + 1, ... */
Val gen_add(Gen *g, Val x, Val y);             /* integers */
Val gen_sub(Gen *g, Val x, Val y);
Val gen_mul(Gen *g, Val x, Val y);
Val gen_min(Gen *g, Val x, Val y);
Val gen_max(Gen *g, Val x, Val y);
Val gen_floor_div(Gen *g, Val x, Val y);
Val gen_floor_mod(Gen *g, Val x, Val y);
Val gen_less(Gen *g, Val x, Val y);            /* i1, signed */
Val gen_select(Gen *g, Val condition, Val x, Val y);
Val gen_fadd(Gen *g, Val x, Val y);            /* floats; may be contracted into a fused multiply-add */
Val gen_fsub(Gen *g, Val x, Val y);
Val gen_fmul(Gen *g, Val x, Val y);
Val gen_fdiv(Gen *g, Val x, Val y);
Val gen_fma(Gen *g, Val x, Val y, Val z);      /* x * y + z */
Val gen_fcmp(Gen *g, LLVMRealPredicate p, Val x, Val y);
Val gen_intrinsic(Gen *g, const char *name, Ty overload, Val *args, int count); /* overload NULL: none */
Val gen_unary(Gen *g, const char *intrinsic, Val x);
Val gen_cast_bits(Gen *g, Val x, Ty type);
Val gen_address(Gen *g, Val base, Ty element, Val index);
Val gen_bytes(Gen *g, Val base, int64_t bytes);
Val gen_load(Gen *g, Ty type, Val address, unsigned align, const char *name);
void gen_store(Gen *g, Val value, Val address, unsigned align);

/* Lane l of result vector i is column c = i * lanes + l: lane from[c].lane of vectors[from[c].vector], or any at all
 * where that is negative. */
typedef struct LaneOf { int vector, lane; } LaneOf;
void gen_permute(Gen *g, const Val *vectors, const LaneOf *from, int columns, Val *out);
Val  gen_shuffle(Gen *g, Val x, Val y, const int *mask, int count); /* mask -1: any */
Val  gen_reduce(Gen *g, Val vector, Val (*combine)(Gen *, Val, Val)); /* all lanes combined, in every lane */

/* A function of its own: begin moves the builder into it, end back. Private to the module. */
typedef struct Outside {
    Blk place;
    Val function;
} Outside;
Outside gen_function_begin(Gen *g, const char *name, Ty result, const Ty *params, int count);
void    gen_function_end(Gen *g, Outside outside); /* returns, where the function has not yet */
Val     gen_param(Gen *g, int index, const char *name);
Val     gen_call(Gen *g, Val function, Val *args, int count);
Val     gen_constant_array(Gen *g, const char *name, Val *elements, int count, unsigned align);

/* ---- llvm_loop.c: blocks -------------------------------------------------------------------------------------- */
typedef struct Loop {
    Blk  guard, body, exit;
    Val  iv, hi, step;
    Val *carried; /* their values in this turn; after the loop: the last ones */
    Val *initial;
    int  count;
    bool nonempty;
    const char *name;
} Loop;
/* for iv = lo; iv < hi; iv += step, tested at the bottom. Between open and close the builder is in the body. */
void gen_loop_open(Gen *g, Loop *loop, const char *name, Val lo, Val hi, Val step, Val *const initial, int count);
void gen_loop_close(Gen *g, Loop *loop, Val *const next);
Blk  gen_block(Gen *g, const char *name);
Blk  gen_here(Gen *g);
void gen_enter(Gen *g, Blk block);
void gen_jump(Gen *g, Blk block);
void gen_branch(Gen *g, Val condition, Blk yes, Blk no);
bool gen_constant(Val value, int64_t *n);

/* ---- llvm_module.c: adds a kernel's function to the LLVM module and fills its phase: symbol, axes, scratch ------ */
void gen_kernel(Gen *g, const Kernel *kernel, CodePhase *phase);

/* ---- llvm_control.c: a kernel's blocks ------------------------------------------------------------------------ */
void gen_ops(Gen *g, const Block *block);
Val  gen_ref(Gen *g, const Value *value); /* an index, or a tile's address */
Val  gen_tile(Gen *g, const Value *value); /* a tile's address in scratch, also of one that is a view of a parameter */
Val  gen_home(Gen *g, const Op *op, int result); /* where a result is to be written */
void gen_index_op(Gen *g, const Op *op);

/* ---- llvm_param.c: what a phase is given ---------------------------------------------------------------------- */
int gen_param_index(Gen *g, const Op *op);
Val gen_param_base(Gen *g, int param);
Val gen_param_stride(Gen *g, int param, int dim);
Val gen_sym(Gen *g, Sym sym);
Val gen_temp(Gen *g, int64_t bytes); /* scratch beyond the kernel's own, until it is released */
void gen_release(Gen *g, int64_t mark); /* all since g->temp was `mark` */
Val gen_sink(Gen *g, int64_t bytes); /* such memory that is only ever written */

/* A load or store taken apart. */
typedef struct Window {
    int   param, rowdim, groupdim, period;
    int64_t wrap;
    bool    down; /* rows follow one another towards coordinate 0 */
    Val   at[3], lo, hi;
    DType dtype;
} Window;
Window gen_window(Gen *g, const Op *op);
/* The address of column 0 of row r, and whether the row is there (NULL: always). `base` comes from gen_window_base. */
typedef struct WindowRow {
    Val address, present;
} WindowRow;
Val       gen_window_base(Gen *g, const Window *w);
WindowRow gen_window_row(Gen *g, const Window *w, Val base, Val group, Val position);
Val       gen_window_ahead(Gen *g, const Window *w, Val address, int rows); /* about where row + rows lies */

/* ---- llvm_memory.c: vectors and memory ------------------------------------------------------------------------ */
Ty   gen_storage(Gen *g, DType dtype);
Val  gen_load_vector(Gen *g, DType dtype, Val address, int count); /* as floats; lanes from `count` on are 0 */
void gen_store_vector(Gen *g, DType dtype, Val address, Val vector, int count);
Val  gen_load_splat(Gen *g, DType dtype, Val address);
Val  gen_round(Gen *g, DType dtype, Val x); /* floats to the values that a dtype has */
void gen_prefetch(Gen *g, Val address, int64_t bytes, bool writes); /* every cache line of a row */
void gen_copy_tile(Gen *g, Type type, Val to, Val from); /* both in scratch; from NULL: zeros */
static inline int gen_vectors(const Gen *g, int cols) { return (cols + g->lanes - 1) / g->lanes; }

/* ---- llvm_math.c: float vectors ------------------------------------------------------------------------------- */
Val gen_math(Gen *g, OpCode code, Val x);           /* unary elementwise ops */
Val gen_arith(Gen *g, OpCode code, Val x, Val y);   /* binary ones */
Val gen_fast_max(Gen *g, Val x, Val y);             /* either operand where one is NaN */

/* ---- llvm_rows.c, llvm_row_ops.c, llvm_wide.c: rowwise ops ------------------------------------------------------ */
typedef struct RowLoop {
    Gen *g;
    const Op *owner;
    int  count;
    Val  home;      /* of a lone op's result; NULL: its own */
    Val  row;       /* number of the row, i64 */
    Blk  preheader; /* its terminator is where hoisted code goes; NULL while there is none */
    int  budget;    /* vectors that may still be kept across the loop */
    struct { int period; Val position, group; } periods[4];
    int  period_count;
    struct Touched { int id; bool kept; } *touched; /* values from outside whose vectors are at hand */
    int  touched_count, touched_capacity;

    /* Wide rows are worked on span by span: so many vectors from column `first` on, with `columns` real columns. */
    bool wide;
    Val  first;
    int  span, columns;
    const Op **group; /* ops that wait to share the next loop over spans */
    int  group_count, group_capacity, group_width;
    Val *addresses;   /* of the rows that the group loads and stores, found before its loop; NULL: not yet */
    bool *stored;     /* results of the owner that are in their place already */
} RowLoop;
void gen_rows(Gen *g, const Op *op);     /* a rows region */
void gen_lone_row(Gen *g, const Op *op); /* a rowwise op outside of one */
void gen_lone_row_at(Gen *g, const Op *op, Val home);
Val *gen_row_of(RowLoop *rows, const Value *value);
void gen_row_op(RowLoop *rows, const Op *op);
int  gen_row_vectors(const RowLoop *rows, int cols);      /* of a row, or of the current span of it */
int  gen_row_columns(const RowLoop *rows, int cols, int vector); /* real ones in a vector */
Val  gen_row_vector_address(RowLoop *rows, Val row, DType dtype, int vector);
Val  gen_row_address(Gen *g, Type type, Val home, Val row);
Val  gen_row_position(RowLoop *rows, int period); /* r % period */
Val  gen_row_group(RowLoop *rows, int period);    /* r / period */
Blk  gen_hoist(RowLoop *rows);                    /* moves the builder before the loop, where there is one ... */
void gen_unhoist(RowLoop *rows, Blk back);        /* ... and back */
void gen_touch(RowLoop *rows, const Value *value, bool kept);
void gen_forget(RowLoop *rows, bool kept_too);
Val  gen_row_of_window(RowLoop *rows, const Op *op, const Window *w);
Val  gen_reduction_start(Gen *g, OpCode code);
Val  gen_reduction_combine(Gen *g, OpCode code, Val x, Val y);
Val  gen_reduction_partial(RowLoop *rows, const Op *op); /* of the current row or span, lane by lane */
void gen_wide_op(RowLoop *rows, const Op *op);
void gen_wide_flush(RowLoop *rows);
void gen_wide_result(RowLoop *rows, const Value *value, int result); /* to the owner's result, if it is not there */

/* ---- llvm_rope.c ---------------------------------------------------------------------------------------------- */
void gen_rope(RowLoop *rows, const Op *op, const Val *x, Val *out);
void gen_rope_in_memory(RowLoop *rows, const Op *op, Val from, Val to);
Val  gen_rope_angles(Gen *g, const Op *op); /* cos and sin of the base position, in memory: once an op */

/* ---- llvm_dot.c, llvm_micro.c, llvm_inner.c, llvm_transpose.c -------------------------------------------------- */
/* c (rows x columns) = [acc [* scale]] + a b for one register tile, as a function (c, ldc, acc, ldacc, scale, a, row
 * and step strides of a, b, ldb, k), strides in elements; acc and scale may be null. */
typedef struct Micro {
    int   rows, vectors;
    int   tail;    /* columns of the last vector that may be read and written */
    DType b_dtype;
    bool  far;     /* b is a parameter: fetched from memory ahead of its use */
} Micro;
Val gen_micro(Gen *g, Micro micro);
/* The register tile for rows x vectors results: what fits the registers and leaves the least to load. */
Micro gen_micro_shape(const Gen *g, int rows, int vectors);

/* The second operand of a dot, by runs of rows that are there and lie a fixed stride apart: two where a ring wraps. */
typedef struct Run {
    Val first, count, address; /* number of its first row in the tile; how many; where that is */
} Run;
typedef struct Operand {
    Run   runs[2];
    int   run_count;
    Val   stride;
    DType dtype;
    bool  whole; /* all rows are there, in one run, and rows are padded */
} Operand;
Operand gen_operand(Gen *g, const Value *value);

void gen_dot(Gen *g, const Op *op);
void gen_dot_inner(Gen *g, const Op *op);
void gen_dot_plain(Gen *g, const Op *op);
void gen_transpose(Gen *g, const Op *op);

#endif
