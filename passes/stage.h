/* What the files of pass `stage` share. */
#ifndef RATTAN_PASSES_STAGE_H
#define RATTAN_PASSES_STAGE_H

#include "passes/loops.h"

enum { MAX_LOOPS = 4, MAX_TILES = 256, MAX_STAGES = 6 };

typedef struct Stager {
    Ctx            *ctx;
    Kernel         *kernel;
    const PassArgs *args;
    DType           dtype;
    Block          *body; /* inside of the grid */
    Op             *loops[MAX_LOOPS];
    int             loop_count;
    Op             *staged[MAX_TILES]; /* loads of loops[0] */
    Value          *rings[MAX_TILES];
    int             staged_count, stages;
    Op             *singles[MAX_TILES];
    Value          *single_rings[MAX_TILES];
    int             groups[MAX_TILES]; /* of the singles: those of a group lie side by side */
    int64_t         computed_bytes;    /* of right sides that threads make: they lie behind all others */
    int64_t         own_bytes;         /* of rings that the kernel has come with: likewise */
    int64_t         left_bytes;        /* of left sides of floats that lie before all others as long as the kernel runs */
    int             single_count, opening; /* the first `opening` are needed before the loops */
    int64_t         held_bytes;            /* of singles[0] if it stays while all others come and go, else 0 */
    int             last_group;            /* its first single, where it takes the place of the held tile; else 0 */
    bool            is_main;
    bool            overflow;
    bool            phases; /* stage_phases.c has staged the loops and single tiles, and placed their rings */
    bool            few;    /* memory is short: no more than two of a size serve all computed sides */
    bool            reuses; /* rings of computed sides serve one op of the body after the other */
    int             resident; /* blocks of a multiprocessor that memory is left for; 0: the whole is the block's */
    int64_t         phases_bytes; /* what its rings take */
    Value          *puts[MAX_TILES]; /* rings of computed sides, and the op of the body that uses each last */
    const Op       *put_by[MAX_TILES];
    const Op       *put_of[MAX_TILES]; /* the product, and what is put there for it */
    const Value    *put_values[MAX_TILES];
    int             put_turns[MAX_TILES], put_turn; /* when each was used last */
    int             put_count;
} Stager;

/* Is it a loop whose tiles are fetched turn by turn? Notes the loads in `staged`, if that is not NULL, and their number. */
bool stage_is_loop(const Stager *s, const Op *op, Op **staged, int *count);
/* Is `next` another part of the same loop? Those of keys are (pass window); others begin where `loop` ends. */
bool stage_goes_on(const Op *loop, const Op *next);
bool stage_is_single(const Stager *s, const Op *op); /* a tile that is fetched on its own */
/* Stages s->loops, parts of one loop that load s->staged: the first turns are fetched at `start`. */
void   stage_loops(Stager *s, Builder start);
Value *stage_ring(Stager *s, int slots, Type tile);
/* The fetch that does what `load` would, its coordinates as seen from b. */
void stage_fetch(Stager *s, Builder *b, const Op *load, Value *ring, Value *slot, const Block *region, ValueMap *map);
/* Reads the slot (NULL: 0) in place of the load. */
void stage_read(Stager *s, Op *load, Value *ring, Value *slot);
/* Turns ahead that memory allows for, with those that the schedule asks for as the least. */
int     stage_turns(const Stager *s);
int64_t stage_memory(const Stager *s); /* that a block may use for what is fetched */

bool stage_shared_side(const Op *dot, int operand);       /* is it read from shared memory? */
bool stage_is_fetchable(const Stager *s, const Op *op);   /* a load of such sides alone, in their dtype */
bool stage_of_tokens(const Op *op);                       /* in a loop over tokens, which take what they need as it comes */
bool stage_add_computed(Op *dot, void *stager);           /* adds to computed_bytes */
bool stage_put_side(Op *dot, void *stager);               /* puts computed sides of a product */
/* Is it a wide tile of gradients that slices of columns can be made of, from loads or what lies in shared memory? Such a one is put
 * slice by slice, at b in `block`. */
bool stage_is_wide_made(const Stager *s, const Value *value);
void stage_put(const Stager *s, Builder *b, Value *ring, Value *value, Block *block);
/* Bytes of right sides that threads make, where each op of the body has the memory of those before. */
int64_t stage_computed(const Stager *s);

typedef struct Layout {
    int64_t at, most;
} Layout;
void stage_place(Layout *layout, Value *ring); /* at `at`, which goes on */

/* stage_floats.c: left sides of products of floats that the loops over keys need turn by turn go to shared memory. */
void stage_put_lefts(Stager *s, Layout *layout); /* before the loops of a phase: those that fit behind what is placed */
int64_t stage_lefts(const Stager *s); /* bytes of those of a loop over heads */
void stage_hold_lefts(Stager *s);                /* of loops within one over heads: before that, at the start of memory */

/* stage_phases.c: kernels with several such loops, or with single tiles before them, one after the other: each begins in
 * the same memory. False where the kernel is not of this kind; nothing is changed then. */
bool stage_phases(Stager *s);

#endif
