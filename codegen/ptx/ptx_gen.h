/* The generator of CUDA C++: what its files share. One Gen a module; the current kernel's values have names by id.
 * prelude.cuh says how tiles lie in registers and in shared memory. */
#ifndef RATTAN_CODEGEN_PTX_PTX_GEN_H
#define RATTAN_CODEGEN_PTX_PTX_GEN_H

#include "codegen/ptx/ptx_codegen.h"

/* How a tile is held: rows and columns, one column, one row, one number. */
typedef enum Shape { SHAPE_TILE, SHAPE_COLUMN, SHAPE_ROW, SHAPE_NUMBER } Shape;

enum { PTX_MAX_AXES = 4, PTX_MAX_FLIGHT = 32, PTX_MAX_COLUMNS = 256 /* of a product of warp groups */ };

enum { MOST_SHORT = 1 << 30 }; /* no short number is larger */

typedef struct Gen {
    Ctx            *ctx;
    const Module   *module;
    const Kernel   *kernel;
    const Schedule *schedule;
    const Target   *target;
    Text            out;
    int             depth;
    const char    **names;  /* by value id */
    bool            short_numbers; /* 32 bits hold the module's positions, rows and numbers of items */
    int             line_columns; /* of a kernel whose tiles go by lines (ptx_lines.c); else 0 */
    bool           *sides;  /* by value id: a thread's rows follow each other (ptx_layout.c) */
    int             tables; /* of rope frequencies so far */
    const Op       *rope;   /* the one whose tables the kernel has in shared memory as well, or NULL */
    int             rope_tables; /* their number */
    int64_t         rope_at;     /* and offset there */
    bool            takes_ahead; /* a role that computes takes the next item while its last products run */
    bool            rope_ahead;  /* its cosines and sines are made while products of the item before run */
    int64_t         strips;  /* offset in shared memory of what float products stage through */
    int64_t         columns; /* and of what the reductions of columns go through */
    CodePhase      *phase;
    const Op       *axes[PTX_MAX_AXES]; /* the parallel loops that are the grid */
    int             outer_axes;         /* how many of them hold all that follows: that of a cluster does not */
    const Op       *flight[PTX_MAX_FLIGHT]; /* products of warp groups that nothing has waited for yet */
    int             flight_count;
    bool            turn_open;
    bool            crowded;     /* wide heads: registers hold no addresses and numbers beside main's sums */
    bool            behind_keys; /* and what is printed follows main's keys */
    bool            alone; /* what is printed is of one thread */
    bool            one_warp; /* or of one warp, beside others that compute */
    bool            signals;  /* its role says which tiles are there */
    bool            awaited;  /* it waited for earlier kernels at its start */
    int             roles; /* kernels whose warps have some */
} Gen;

/* Records that the passes let through what cannot be generated; generation goes on, the result is dropped. */
void cu_fail(Gen *g, const Op *op, const char *what);

/* Around what several kernels with roles may define, by name: they may be compiled together or apart. */
void cu_once_begin(Gen *g, const char *name);
void cu_once_end(Gen *g);

void        cu_line(Gen *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
Shape       cu_shape(Type type);
int         cu_slabs(const Gen *g, Type type); /* S: first extent of a tile's or column's array */
int         cu_numbers(Type type);             /* N: floats of a slab, or of a row */
const char *cu_name(Gen *g, const Value *value);
void        cu_set_name(Gen *g, const Value *value, const char *name);
const char *cu_ctype(DType dtype);

/* Element s, i of `value` as seen from an array of shape `at`. */
const char *cu_element(Gen *g, const Value *value, Shape at);
/* Declares the array of a value; the head of a loop over its elements, after which an assignment to the element
 * follows. */
void        cu_declare(Gen *g, const Value *value);
const char *cu_each(Gen *g, const Value *value);
/* value = expression, element by element; declares it. */
void cu_assign(Gen *g, const Value *value, const char *expression);
/* to = from, where both are declared. */
void cu_move(Gen *g, const Value *to, const Value *from);

void cu_block(Gen *g, const Block *block);
void cu_declare_aligned(Gen *g);
const char *cu_arrive(Gen *g, const Op *op); /* the block's arrival: 1 if it is the last one */
bool cu_memory_op(Gen *g, const Op *op); /* ptx_memory.c: true if it was one of its own */
/* Does a load give a left side in the 16 bits that products take, as memory has them? Then its converts have nothing to do. */
bool cu_is_packed(Gen *g, const Op *load);
const Op *cu_turned_store(Gen *g, const Op *rope); /* the store that turns rows on their way from memory to memory, or NULL */
/* Of a left side of products of floats that nobody else looks at: there is no array of it. d += x y, x where it is loaded from;
 * ystride: floats from row to row. */
bool cu_is_read_by_turns(Gen *g, const Op *load);
void cu_product_by_turns(Gen *g, const Op *load, const char *d, const char *y, bool tf32, bool tb, int ystride);
bool cu_tile_op(Gen *g, const Op *op);   /* ptx_tiles.c */
bool cu_has_wide_heads(const Kernel *kernel); /* queries or values of more than 128 columns? */
bool cu_is_elementwise(const Op *op);    /* arithmetic on elements alone? */
/* Of a load, store or fetch whose coordinates start at operand `first`: view(...), and the type of its `count` rows. */
const char *cu_view(Gen *g, const Op *op, int first);
const char *cu_rows(Gen *g, const Op *op, int count);
/* ptx_lines.c: the columns of all tiles of a kernel that go by lines, or 0; its block. */
int  cu_line_columns(const Kernel *kernel);
void cu_lines(Gen *g, const Block *block);
/* Shared memory that a reduction of columns and those it waits with take, up to its own; 0 for other ops. */
int64_t cu_columns_bytes(const Op *op, int warps);
void    cu_layout(Gen *g); /* fills `sides` */
/* Declares the angles by which a rope turns; the tables that it looks them up in, and returns their number; cosines and
 * sines of eight positions beside them; an expression for the tables. */
void        cu_angles(Gen *g, const Op *rope);
void        cu_declare_turns(Gen *g); /* of g->rope: what cu_turns_ahead makes */
int         cu_rope_tables(Gen *g, const Op *rope);
void        cu_eights(Gen *g, const Op *rope, int tables);
const char *cu_pairs(Gen *g, int tables);
void cu_kernel(Gen *g, const Kernel *kernel, CodePhase *phase);
int  cu_kernel_number(const Gen *g); /* of the current one in its module */
void cu_item_axes(Gen *g); /* the coordinates of `item`, and what is computed from them */
void cu_index_ops(Gen *g, const Block *block); /* those of the block itself */
/* A scope in which index values are computed from the block's number once more, so that no register has held them, and
 * its end. Of a kernel without roles; what was loaded is what it was. */
void cu_open_again(Gen *g, Value *const *numbers, int count);
void cu_close_again(Gen *g);
/* The loop over heads around the op in each of whose turns keys have a loop of their own, or NULL: what threads know of their
 * own places there is asked for anew, since a register that held it from turn to turn would be one too many. */
const Op *cu_heads_loop(const Op *op);
bool cu_is_else(const Op *op); /* a branch for where the one before it was not taken */

/* ptx_roles.c: kernels whose warps have roles. */
const Op *cu_first_role(const Kernel *kernel); /* NULL: it has none */
bool      cu_runs_beside(const Gen *g); /* does the kernel begin before what it needs is made, and wait for each item's? */
bool      cu_awaits_late(const Gen *g); /* and then, where the first of what was made is sent, rather than before the item? */
void      cu_await_made(Gen *g);        /* of the item: what makes it has done so */
bool      cu_may_be_written(const Gen *g, const char *param); /* by a kernel that may still run */
bool      cu_is_expected(const Op *send);                     /* does it stand behind a wait for its rows? */
bool      cu_clears(const Kernel *kernel); /* has a role `clear` */
bool      cu_overlaps(const Gen *g, const Kernel *kernel); /* may begin before the kernel before it has ended */
bool      cu_several_compute(const Kernel *kernel); /* has several roles of whole groups of warps */
void      cu_roles_frame(Gen *g, const Block *block, CodePhase *phase);
void      cu_roles(Gen *g, const Block *block);
bool      cu_role_op(Gen *g, const Op *op);
/* The number of the kernel's tensor map of what `op` accesses; a param with a map has rows of whole vectors of 16 bytes. */
void cu_let_next_begin(Gen *g); /* a kernel that overlaps this one begins on multiprocessors that are free */
int  cu_map_of(Gen *g, const Op *op, const CodeParam *param, int box_rows);
bool cu_has_map(const Gen *g, const CodeParam *param);
/* ptx_products.c: products of warp groups. */
void cu_product_instructions(Gen *g, const Kernel *kernel);
/* The tile taken from a ring that `value` is, or is columns of from `lo` on; NULL where it is no such one. */
const Value *cu_taken(const Value *value, int *lo);
bool cu_stacks(const Kernel *kernel); /* has products with a stack of right sides */
bool cu_multiplies_in_place(const Kernel *kernel); /* has products whose left side was taken from a ring */
void cu_product(Gen *g, const Op *dot);
/* The first product of what a rope gives, if that is a left side, roped from 16 bits to 16 bits; NULL: no such rope. */
const Op *cu_roping_product(const Gen *g, const Op *rope);
void      cu_rope_left_side(Gen *g, const Op *rope, const Value *to);
bool      cu_knows_position(const Op *rope, const Block *block); /* can its angles be made before all else in the block? */
void      cu_turns_ahead(Gen *g, const char *item); /* cosines and sines of g->rope for that item */
const Op *cu_roped_first(const Gen *g, const Block *block); /* the first such rope in a block, or NULL */
void      cu_angles_ahead(Gen *g, const Block *block); /* of such ropes in a block, before all else in it */
void cu_await(Gen *g, const Op *await);
bool cu_ends_awaiting(const Block *block); /* is there a last wait for products on every way through it? */
bool cu_takes_turns(const Gen *g);

extern const char ptx_prelude[], ptx_prelude_roles[], ptx_prelude_packed[], ptx_prelude_lines[];

#endif
