/* What the files of pass `saved` share: the row kernel as the pass found it, and what goes through memory. */
#ifndef RATTAN_PASSES_SAVED_H
#define RATTAN_PASSES_SAVED_H

#include "passes/fold.h"
#include "passes/map_range.h"

enum { MAX_PARTS = 16 };

typedef struct Saver {
    Ctx            *ctx;
    Module         *module;
    const PassArgs *args;
    Kernel         *main, *state;                /* state: what sums up the final state, or NULL */
    Op             *seq, *heads, *rows, *group;  /* main's loops */
    Op             *residual;                    /* NULL: no such branch */
    Op             *mask;                        /* of its scores */
    Value *keys[MAX_PARTS], *queries[MAX_PARTS]; /* phi(k) and phi(q): features in `parts` pieces, `width` each */
    Value *key;                                  /* position of the first key of its tile */
    Op    *k_load, *v_load, *q_load;
    const char *keys_param; /* where keys come from */
    Value  *roped, *roped_at; /* the scores' keys where they are more than a load, and the position of their first one */
    Kernel *update;         /* kind extend: what adds the final sum to the pools behind main, or NULL */
    Op     *pool;           /* kind extend: main's load of the state that S starts from, or NULL: S starts from zero */
    Op     *initial; /* main's load of the state of a query head that the residual sum starts from, or NULL */
    const AbsentRow *absent; /* kind backward: what the map is given of rows that are not there; NULL: zeros, of which it is finite */
    bool   fused; /* the kernels that make states compute the features, and have roles */
    int    halves; /* a block's state has one of so many equal parts of the E columns */
    Value *whole[MAX_PARTS]; /* phi(q) as main multiplies it: in wholes that are one or more parts */
    int    wholes, whole_width;
    Value *made[MAX_PARTS]; /* phi(k) in the pieces that kernels make sums of: of as many parts each */
    int    made_parts, made_width;
    int    parts, width, F, E, chunk;
    DType  dtype; /* of what is saved: that of k */
    Kernel *gather; /* kind extend: what the kernel that makes states does beside, or NULL */
    bool   early; /* row tiles begin at or before the first new token: see pass gather */
} Saver;

/* A new kernel with parallel loops over sequences and key/value heads, up to MAX_GRID further ones, and a map from
 * main's values to its own. Build its body at `body`, which ends before the innermost yield. */
enum { MAX_GRID = 2 };
typedef struct Nest {
    Kernel  *kernel;
    ValueMap map;
    Value   *seq, *head, *axes[MAX_GRID];
    Value   *part, *half; /* of kernels that make states: which piece of features and which columns are the block's */
    Builder  body;
} Nest;
typedef struct GridAxis {
    const char *name;
    Sym         sym; /* SYM_COUNT: `count` */
    int64_t     count;
} GridAxis;
Nest saved_nest(Saver *s, const char *name, const GridAxis *axes, int axis_count);

/* Main's numbers of sequence and head in the nest: what its map holds to begin with. */
ValueMap saved_place(const Saver *s, const Nest *n);
/* A value of main in the nest's terms. */
Value *saved_slice(Saver *s, Nest *nest, Value *value);
/* Tiles of `states` before those of this sequence. */
Value *saved_first_tile(Saver *s, Builder *b, Value *batch, Value *first, Value *seq);
/* States saved before those of this sequence, and the number in it of the last one saved up to the row tile at `row`. */
Value *saved_first_state(Saver *s, Builder *b, Value *batch, Value *first, Value *seq);
Value *saved_state(Saver *s, Builder *b, Value *row);
/* The row tile whose state that is; is it the one at `row`? */
Value *saved_state_row(const Saver *s, Builder *b, Value *row);
Value *saved_is_saved(const Saver *s, Builder *b, Value *row);
/* Where it is; builds there. */
Builder saved_open_saved(const Saver *s, Builder *b, Value *row);
/* What row tiles from the one at `row` back to that one add to `sums`: a loop over them, built at `in`, whose turn is so many
 * tiles, `back` rows, before; or, where the state of every row tile is saved, no loop and one turn, 0. */
Value *saved_tiles_between(const Saver *s, Builder *b, Value *row); /* how many, at least one */
typedef struct Between {
    Op      *loop; /* NULL: none */
    Builder *b, in;
    Value   *turn, *back;
} Between;
Between saved_open_between(const Saver *s, Builder *b, Value *row, Value **sums, int count);
void    saved_close_between(Between *at, Value **sums, int count); /* which have become what the turn gives */
/* Rows of the next slice of so many, of `size` at most where it can be: never a last slice of one row, for the one column of
 * features that belongs to it is no left side of a product. */
int saved_slice_rows(int left, int size);
/* The number of a row tile in its sequence. */
Value *saved_tile(Saver *s, Builder *b, Value *row);
/* Stores `piece`, part `part` of the features, which belongs to the keys from the one that map gives on: rows from lo to
 * hi. */
void saved_store_features(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part, Value *lo, Value *hi, Value *piece);
/* Loads of piece `part` (an index) of the features at the key that map gives. */
Value *saved_features(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part);
/* What these lose in 16 bits, where the gradients' products take both parts; else NULL. */
Value *saved_features_low(Saver *s, Builder *b, ValueMap *map, Value *head, Value *part);

/* Turns `keys`, float32, or if NULL those that it loads, `rows` of them from position `row` on, and stores those before `end`
 * to where main finds them. */
void saved_store_turned(Saver *s, Builder *b, const ValueMap *outer, Value *keys, int rows, Value *row, Value *end);
/* saved_turned.c: main's score, of turned keys that it loads, gets what 16 bits lose of these and of the queries. */
void saved_split_turned(const Saver *s, Op *score);
/* A load like the one that the roped keys start from, of `rows` keys from `row` on. */
Op *saved_load_turned(Saver *s, Builder *b, ValueMap *map, int rows, Value *row);
/* Says that those of the row tile at `row` are there, or, value 0, not yet. */
void saved_signal_turned(Saver *s, Builder *b, const ValueMap *outer, Value *row, int64_t value);

/* saved_initial.c: with roles, and for gradients of wide heads, initial states of query heads are stored in the products' dtype;
 * main is to add phi(q) times `initial` to the residual sum. */
void saved_initial(Saver *s);

/* The kernels that make the states; they are put before main. */
Status saved_state_kernels(Saver *s);

/* saved_gradients.c: what kind backward has behind main, once main is rewritten. */
Status saved_gradients(Saver *s, Kernel **kernels, int count);

/* What a turn knows: main's values for the key tile `row` + the mask's upper bound. */
ValueMap saved_turn(Saver *s, Builder *b, const Nest *n, Value *row);
int      saved_columns(const Saver *s); /* of a block's part of S */
/* The load of the block's columns of the values at the key that map gives. */
Op *saved_values(Saver *s, Builder *b, const Nest *n, ValueMap *map);
/* Stores `state`, S before the row tile at `row`. */
void saved_store_state(Saver *s, Builder *b, const Nest *n, ValueMap *map, Value *row, Value *state);

/* saved_roles.c: the turns of a kernel that makes states, by roles; `first` and `end` bound their rows. */
typedef struct StateRoles {
    Value  *begin, *first, *end, *length; /* begin: of the segment, which may lie behind the end; length: of the sequence */
    bool    save; /* S before each row tile, and the features */
    Value  *rings[4]; /* by StateRing */
    int     groups; /* of warps that compute beside those of the sum */
    int     sum_registers; /* of a thread of those; 0: as many as it takes for few columns */
    Builder outer; /* where roles are */
} StateRoles;
typedef enum StateRing { RING_KEYS, RING_VALUES, RING_FEATURES, RING_STATES, RING_COUNT } StateRing;
Type saved_slot(const Saver *s, StateRing ring); /* a slot's tile */
/* Slots of rings, by their numbers: the least that they need, then one more at a time while shared memory has room for it, in
 * the order of the ranges. False: not even the least fit. */
typedef struct SlotRange {
    int ring, least, most;
} SlotRange;
bool saved_grow_slots(const Saver *s, const Type *tiles, const SlotRange *ranges, int count, int *slots);
bool saved_can_have_roles(const Saver *s);
bool saved_tiles_have_roles(const Saver *s, const Type tiles[RING_COUNT]); /* of kernels whose slots hold such ones */
void saved_add_rings(Saver *s, StateRoles *r, const Type tiles[RING_COUNT]);
Builder saved_open_role(Saver *s, StateRoles *r, const char *name, bool computes); /* the sum's is "compute" */
Value  *saved_take(Builder *b, Value *ring, Type type);
Value  *saved_take_own(Builder *b, Value *ring, Type type); /* to registers, as floats */
void    saved_release(Builder *b, Value *ring, Value *tile);
void    saved_give(Builder *b, Value *ring, Value *tile);
void    saved_skip_unless(const Saver *s, Builder *b, Value *mine, Value *const *rings, int count);
Value  *saved_equals(Builder *b, Value *x, int64_t y);
bool saved_turns_keys(const Saver *s); /* by a role of the kernel that saves S */
bool saved_signals_keys(const Saver *s); /* tile by tile */
/* Main need not wait for the end of the kernel that turns its keys: each tile of them is signalled. */
void saved_signal_keys(Saver *s, int64_t heads);
/* Where `condition` holds; builds there. */
Builder saved_open_if(const Saver *s, Builder *b, Value *condition);
/* for row in row tiles from first to end, without anything carried; builds at `in`. */
Value *saved_open_turns(const Saver *s, Builder *b, Builder *in, Value *first, Value *end);
/* Is it the turn of number `whose` of `count` with turn `number`? */
Value *saved_takes_turn(Builder *b, Value *number, int64_t count, Value *whose);
/* Every role but those behind the sum; then the nest's body is that of the role that computes it. */
void   saved_open_roles(Saver *s, Nest *n, StateRoles *r);
Value *saved_sum_turns(Saver *s, Nest *n, StateRoles *r, Value *start); /* -> S behind the last turn */
void   saved_close_roles(Saver *s, Nest *n, StateRoles *r);

/* saved_gather.c: what kernel `gather` does is a part of the kernel that makes states and features. */
bool saved_can_gather(const Saver *s);
/* Rows that are copied: those before this one, of sequences with tokens. */
Value *saved_gathered_end(const Saver *s, const StateRoles *r, Builder *b);
/* The sender's walk: row tiles from where they are, keys to one ring, the block's columns of values to the other. */
void saved_send_gathered(Saver *s, Builder *b, const Nest *n, const StateRoles *r);
/* The block's share of them, to working memory. */
void saved_store_gathered(Saver *s, Builder *b, const Nest *n, const StateRoles *r);

#endif
