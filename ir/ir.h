/* The IR: one small typed language at two levels, loop (what a kernel means) and tile (how it runs).
 *
 * A Module holds kernels. A Kernel has parameters and one block. A Block is a list of ops that ends in a yield (a
 * kernel's block has none); an Op takes values, gives values and may own one region, a Block with arguments. Values are
 * in SSA form: each has one definition, and scoping follows the nesting of blocks. What an op means is written in
 * ops.def; ir/interp.c is the reference.
 * Everything lives in the Ctx's arena: nothing is freed before the compilation ends. */
#ifndef RATTAN_IR_IR_H
#define RATTAN_IR_IR_H

#include "base/code_object.h"
#include "base/ctx.h"
#include "base/dtype.h"
#include "base/text.h"

typedef enum OpCode {
#define OP(id, name, ins, outs, rule, traits, attrs, help) OP_##id,
#include "ir/ops.def"
#undef OP
    OP_COUNT
} OpCode;

typedef enum AttrKey {
#define ATTR(id, name, kind) AT_##id,
#include "ir/attrs.def"
#undef ATTR
    ATTR_KEY_COUNT
} AttrKey;

typedef enum AttrKind { ATTR_INT, ATTR_FLOAT, ATTR_TEXT } AttrKind;

/* Traits of ops.def. */
enum { PURE = 1, ROWWISE = 2, REGION = 4, LOOP_LEVEL = 8, TILE_LEVEL = 16, WRITES = 32 };

/* Type rules of ops.def. */
typedef enum TypeRule {
    TR_NONE,
    TR_INDEX,
    TR_GIVEN,
    TR_SAME,
    TR_BROADCAST,
    TR_ROW_REDUCE,
    TR_COL_REDUCE,
    TR_CONCAT,
    TR_DOT,
    TR_TRANSPOSE,
    TR_RING_GET,
    TR_FOR,
    TR_IF,
    TR_SOFTMAX_SUM,
    TR_SUM,
    TR_ROWS,
} TypeRule;

/* Infinite mask bounds: far enough that no sum of positions reaches them. Printed as "-inf" and "inf". */
#define IR_NEG_INF (-(INT64_C(1) << 60))
#define IR_POS_INF (INT64_C(1) << 60)

typedef enum TypeClass { TY_INDEX, TY_TILE, TY_RING } TypeClass;

/* Where a tile lives; set by the place pass. SPACE_NONE before it; SPACE_REGISTER: never in memory;
 * SPACE_GLOBAL: the load that defines it is not executed, users read the parameter itself. */
typedef enum Space { SPACE_NONE, SPACE_SCRATCH, SPACE_REGISTER, SPACE_GLOBAL } Space;

/* index | f32<64x128> | ring<10, f32<128x64>>; with a place: f32<64x128 @4096> (scratch offset in bytes), "@reg",
 * "@global". */
typedef struct Type {
    TypeClass cls;
    DType     dtype;
    int       rows, cols;
    int       slots; /* of a ring */
    Space     space;
    int64_t   offset; /* in scratch, bytes; 64-byte aligned */
} Type;

typedef struct Op    Op;
typedef struct Block Block;

typedef struct Value {
    Type        type;
    int         id;    /* unique in a kernel; renumbered by ir_number */
    Op         *def;   /* the op it is a result of, or NULL for a block argument */
    Block      *owner; /* of a block argument */
    int         index; /* among the results or arguments */
    const char *name;  /* for reading; may be NULL */
} Value;

typedef struct Attr {
    AttrKey     key;
    int64_t     i;
    double      f;
    const char *s;
} Attr;

struct Op {
    OpCode  code;
    Value **in;
    int     in_count;
    Value **out;
    int     out_count;
    Attr   *attrs;
    int     attr_count;
    Block  *region; /* or NULL */
    Op     *prev, *next;
    Block  *parent;
};

struct Block {
    Value **args;
    int     arg_count;
    Op     *first, *last;
    Op     *owner; /* the op whose region this is; NULL for a kernel's */
};

typedef enum Level { LEVEL_LOOP, LEVEL_TILE } Level;

typedef struct Kernel {
    const char *name; /* symbol-safe */
    Level       level;
    CodeParam  *params;
    int         param_count, param_capacity;
    Block      *body;
    int         value_count;   /* ids handed out */
    int64_t     scratch_bytes; /* set by place */
    int         warps;         /* of the block that runs an item on a GPU; 0: not for GPUs */
} Kernel;

typedef struct Module {
    const char *name;
    Kernel    **kernels; /* run in this order, one after the other */
    int         kernel_count, kernel_capacity;
    int64_t     chunk, segment, min_items, parts, lead; /* launch facts for the CodeObject; set by passes */
} Module;

/* ---- Tables ------------------------------------------------------------------------------------------------- */
typedef struct OpInfo {
    const char *name;
    int         in_count, out_count;
    TypeRule    rule;
    int         traits;
    const char *attrs, *help;
} OpInfo;
const OpInfo *op_info(OpCode code);
bool          op_find(const char *name, OpCode *code);
bool          ir_op_takes_attr(OpCode code, AttrKey key, bool *optional);
const char   *attr_name(AttrKey key);
AttrKind      attr_kind(AttrKey key);
bool          attr_find(const char *name, AttrKey *key);
const char   *ir_sym_name(Sym sym); /* "T" */
bool          ir_find_sym(const char *name, Sym *sym);

/* ---- Types -------------------------------------------------------------------------------------------------- */
Type        type_index(void);
Type        type_tile(DType dtype, int rows, int cols);
Type        type_ring(int slots, DType dtype, int rows, int cols);
bool        type_equal(Type a, Type b); /* the place does not count */
void        type_print(Text *text, Type type);
Type        type_unplaced(Type type);     /* the same, SPACE_NONE */
Type        type_ring_tile(Type ring);    /* of its slots */
const char *type_dtype_name(DType dtype); /* as types are written: "f32", "bf16", "f16", "f64", "i32", "i64" */

/* Layout of a placed tile: row-major; a row takes the columns rounded up to 16 elements, but a single column takes 1. A
 * ring is its slots one after the other. Bytes and strides of index values are 0. */
int64_t ir_tile_stride(Type type); /* elements from row to row */
int64_t ir_tile_bytes(Type type);  /* of the tile, or the whole ring; a multiple of 64 */

/* Layout of a ring's slot in a GPU's shared memory: rows and columns rounded up to 16 elements, the rest zeros once
 * fetched. Equal columns of eight rows lie in different banks: where rows of 16-bit numbers fill lines of 128 bytes, piece
 * p of 16 bytes of row r stands in place p ^ r % 8 of its line; else 16 bytes are left free behind every row. */
int64_t ir_shared_stride(Type type); /* bytes from row to row */
int64_t ir_shared_bytes(Type type);  /* of one tile; a multiple of 128 */
/* Left sides of products of floats go through a strip of 16 x 16 numbers a warp. */
enum { SHARED_STRIP_BYTES = 16 * 16 * 4 };

/* Layout of a tile that the copy engine writes: panels of 128 bytes a row side by side, each all rows of it. */
enum { IR_PANEL = 128 };
enum { IR_SLOT_ALIGN = 1024 };     /* a ring's slots of such tiles begin at its multiples */
enum { IR_PAIR_BYTES = 20 };       /* what a rope looks up of a pair of columns, behind all rings */
int64_t ir_panel_bytes(Type type); /* of one tile */
int64_t ir_slot_bytes(Type type);  /* of a slot for it */

/* ---- Building ----------------------------------------------------------------------------------------------- */
Module *ir_module(Ctx *ctx, const char *name);
Kernel *ir_kernel(Ctx *ctx, Module *module, const char *name, Level level);
/* rank as callers see it; dims padded in front with 1. Returns the parameter's index. */
int ir_param(Ctx *ctx, Kernel *kernel, const char *name, DType dtype, ParamRole role, int rank, const int64_t *dims);
const CodeParam *ir_find_param(const Kernel *kernel, const char *name); /* NULL if absent */
Kernel *ir_find_kernel(const Module *module, const char *name);         /* NULL if absent */

/* A Builder inserts before `before`, or at the end of `block` where that is NULL. */
typedef struct Builder {
    Ctx    *ctx;
    Kernel *kernel;
    Block  *block;
    Op     *before;
} Builder;

Builder ir_at_end(Ctx *ctx, Kernel *kernel, Block *block);
Builder ir_before(Ctx *ctx, Kernel *kernel, Op *op);
Builder ir_after(Ctx *ctx, Kernel *kernel, Op *op);

/* The general constructor: makes the op, infers the result types by its rule (TR_GIVEN and TR_SUM-like rules that need
 * a type take `given`, ignored by others), inserts it and returns it. Operands are copied. No attributes yet: add them
 * with op_set_*. REGION ops get an empty region; add its arguments with block_arg. */
Op *ir_op(Builder *b, OpCode code, Value *const *in, int in_count, const Type *given, int given_count);

/* Shorthands for the common shapes; each returns the single result. */
Value *ir_i(Builder *b, int64_t value);
Value *ir_sym(Builder *b, Sym sym);
Value *ir_iload(Builder *b, const char *param, Value *index);
Value *ir_ibin(Builder *b, OpCode code, Value *x, Value *y); /* folds constants and x + 0, x * 1, min(x, x), ... */
bool   ir_fold_index(OpCode code, int64_t x, int64_t y, int64_t *result); /* false: not such an op, overflow, %1 <= 0 */
Value *ir_unary(Builder *b, OpCode code, Value *x);
Value *ir_binary(Builder *b, OpCode code, Value *x, Value *y);
Value *ir_fma(Builder *b, Value *x, Value *y, Value *z);
Value *ir_f(Builder *b, double value, int rows, int cols); /* fp32 */
Value *ir_dot(Builder *b, Value *x, Value *y, Value *acc, bool ta, bool tb);
Value *ir_rope(Builder *b, Value *x, Value *position, double theta, int style, int period);
Value *ir_mask(Builder *b, Value *x, Value *delta, Value *first_column, int64_t lo, int64_t hi, int period,
               double fill);

typedef struct Access { /* the attributes of load and store */
    const char *param;
    Value      *at[3];   /* coordinates of d0 d1 d2; NULL: 0 */
    Value      *lo, *hi; /* bounds of the rowdim coordinate; NULL: none (0 and the largest) */
    int         rowdim, groupdim, period, wrap;
    const char *beyond; /* of a load: the parameter that goes on at row `border`, or NULL */
    int64_t     border;
} Access;
Value *ir_load(Builder *b, const Access *access, int rows, int cols); /* as fp32 */
Op    *ir_store(Builder *b, const Access *access, Value *tile);

/* Loops: the op with its region's iv as argument 0 and one argument for each carried value. Build the body at
 * ir_at_end(region), then ir_yield. */
Op *ir_for(Builder *b, const char *axis, bool par, Value *lo, Value *hi, Value *step, Value *const *carried, int count);
Op *ir_if(Builder *b, Value *condition, Value *const *otherwise, int count);
void ir_yield(Builder *b, Value *const *values, int count);

/* Loop-level reductions over lo .. hi - 1; region argument 0 is the index. The softmax's region yields (score 1x1,
 * vector 1 x cols), the sum's a tile. `sink` may be NULL. */
Op *ir_softmax_sum(Builder *b, const char *axis, Value *lo, Value *hi, Value *sink, int cols);
Op *ir_sum(Builder *b, const char *axis, Value *lo, Value *hi, int rows, int cols);

/* A `rows` op: build its body at ir_at_end(region), then end it with ir_rows_finish, which makes the yield and one
 * result for each value yielded, in order: op->out[i]. */
Op  *ir_rows(Builder *b, int64_t count);
void ir_rows_finish(Ctx *ctx, Kernel *kernel, Op *rows, Value *const *yielded, int count);

Value *ir_convert(Builder *b, Value *x, DType dtype);
Value *ir_as(Builder *b, Value *x, DType dtype); /* converted where it has another dtype, else itself */
Value *ir_cols(Builder *b, Value *x, int lo, int count); /* `count` columns of x from `lo` on */
Value *ir_ring(Builder *b, int slots, int rows, int cols); /* of fp32 */
void   ir_ring_put(Builder *b, Value *ring, Value *slot, Value *tile);
Value *ir_ring_get(Builder *b, Value *ring, Value *slot);
void   ir_bare(Builder *b, OpCode code);   /* an op without operands and results: a barrier, a commit */
void   ir_wait(Builder *b, int64_t count); /* until all groups but the last `count` have arrived */
Value *ir_name(Ctx *ctx, Value *value, const char *name); /* names it; returns it */

/* The operands of a dot by their roles, NULL where absent, and its sizes: op(x) is m x k, op(y) k x n. */
typedef struct DotParts {
    Value *x, *y, *acc, *scale, *delta;
    int    m, n, k;
} DotParts;
DotParts ir_dot_parts(const Op *dot);

Value *block_arg(Ctx *ctx, Kernel *kernel, Block *block, Type type, const char *name);
Block *ir_block(Ctx *ctx, Op *owner);

/* ---- Attributes --------------------------------------------------------------------------------------------- */
bool        op_has(const Op *op, AttrKey key);
int64_t     op_int(const Op *op, AttrKey key, int64_t fallback);
double      op_float(const Op *op, AttrKey key, double fallback);
const char *op_text(const Op *op, AttrKey key); /* NULL if absent */
void        op_set_int(Ctx *ctx, Op *op, AttrKey key, int64_t value);
void        op_set_float(Ctx *ctx, Op *op, AttrKey key, double value);
void        op_set_text(Ctx *ctx, Op *op, AttrKey key, const char *value);
void        op_remove_attr(Op *op, AttrKey key); /* nothing where absent */
/* Operands and results one by one: for loops that gain or lose carried values. Indices count after the change. */
void   op_add_in(Ctx *ctx, Op *op, int at, Value *value);
void   op_remove_in(Op *op, int at);
Value *op_add_out(Ctx *ctx, Kernel *kernel, Op *op, Type type); /* at the end */
void   op_remove_out(Op *op, int at);                           /* it must have no uses */
void   block_remove_arg(Block *block, int at);                  /* likewise */

/* ---- Rewriting ---------------------------------------------------------------------------------------------- */
void op_unlink(Op *op); /* out of its block; may be inserted again */
void op_insert(Builder *b, Op *op);
void op_erase(Op *op);                                       /* unlink, for good */
void ir_replace_uses(Kernel *kernel, Value *old, Value *by); /* in every op of the kernel */
int  ir_use_count(const Kernel *kernel, const Value *value);
Op  *ir_terminator(const Block *block);                     /* its yield, or NULL */
bool ir_defined_in(const Value *value, const Block *block); /* in that block or a block nested in it */
bool ir_const_value(const Value *value, int64_t *constant); /* true if an iconst defines it */
bool ir_is_const(const Value *value, int64_t constant);
Op **ir_users(Ctx *ctx, const Kernel *kernel, const Value *value, int *count); /* each op once, in printing order */
Op  *ir_ancestor_in(const Op *op, const Block *block); /* op or its ancestor that is directly in block, or NULL */
bool ir_precedes(const Op *a, const Op *b);            /* same block, a before b */
bool ir_dominates(const Value *value, const Op *at);   /* may `at` use it? */
bool ir_has_effects(const Op *op);                     /* it or an op nested in it WRITES: not removable when unused */
bool ir_holds(const Block *block, OpCode code);        /* is there such an op in it, or nested? */
bool ir_multiplies(const Op *op);                     /* is it a product, or is there one in its region? */
bool ir_holds_of(const Block *block, OpCode code, const char *param); /* one whose attribute param says so */
const Value *ir_whole_of(const Value *value);          /* the tile that it is columns of, or itself */
bool         ir_is_axis(const Op *op);                 /* a loop of the kernel's grid: blocks run its turns */
/* Moves the ops of a block, its yield left behind, to the builder's place (unrolling, inlining a region). */
void ir_move_ops(Builder *b, Block *from);
/* Clones op (and region) at the builder, operands mapped through map (pairs old -> new that cloning extends). */
/* Start with {.ctx = ctx}; an open hash table, use only these functions: what is assigned shares its table. */
typedef struct ValueMap {
    Ctx    *ctx;
    Value **from, **to;
    int     count, capacity;
} ValueMap;
Value  *map_get(const ValueMap *map, Value *value); /* itself where absent */
void    map_set(ValueMap *map, Value *from, Value *to);
ValueMap map_copy(const ValueMap *map); /* what is set in the one is not in the other */
Op     *ir_clone(Builder *b, const Op *op, ValueMap *map);
Module *ir_clone_module(Ctx *ctx, const Module *module);
Kernel *ir_clone_kernel(Ctx *ctx, const Kernel *from, Module *module, const char *name); /* at the module's end */
/* Visits every op of a block, nested ones after their owner; fn returns false to stop. fn may erase the op it is given.
 */
bool ir_walk(Block *block, bool (*fn)(Op *op, void *arg), void *arg);
/* Numbers values in printing order, for stable text. */
void ir_number(Kernel *kernel);

/* The type of result `index` by the op's rule, from operands, attributes and, for rows, the region's yield; a TR_GIVEN
 * result must exist already. Returns NULL, or what is wrong with the operands. */
const char *ir_result_type(const Op *op, int index, Type *type);

/* "op %12 = dot", or "op store" where there is no result: the place of a message. */
const char *ir_describe(const Op *op, char *out, size_t size);

/* ---- Text, checks, meaning ---------------------------------------------------------------------------------- */
void   ir_print(Text *text, Module *module);
const char *ir_text(Ctx *ctx, Module *module); /* as ir_print has it */
Status ir_parse(Ctx *ctx, const char *file, const char *text, size_t length, Module **module);
Status ir_verify(Ctx *ctx, const Module *module); /* the message names the op and the rule */

/* The interpreter: float64 arithmetic, or fp32 after every op where `fp32` is set. */
typedef struct InterpBinding { /* one a parameter, by name; strides in elements, NULL: contiguous */
    const char    *name;
    void          *data;    /* of the parameter's dtype */
    int64_t        dims[4]; /* actual, padded in front with 1 */
    const int64_t *strides;
} InterpBinding;
typedef struct InterpArgs {
    InterpBinding *bindings;
    int            binding_count;
    int64_t        syms[SYM_COUNT];
    bool           fp32;
    bool placed; /* tiles that have a scratch place are written to and read from there, so that a clobbered buffer shows
                  */
    bool awaited; /* products of roles run on until an `await`, also in a role that has none */
    bool apart;   /* fails where turns of par=1 loops of a kernel meet: one writes what another one touches */
    bool reverse; /* par=1 loops run backwards: independent turns give the same results */
} InterpArgs;
/* Runs the kernels of the module in order. PARAM_WORK parameters without a binding are provided, filled with NaN. */
Status ir_interpret(Ctx *ctx, const Module *module, const InterpArgs *args);
bool   ir_interpreter_knows(OpCode code);

/* The reference of ops as Markdown: doc/ir.md. */
void ir_doc(Text *text);

#endif
