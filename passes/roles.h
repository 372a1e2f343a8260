/* What the files of pass roles share. */
#ifndef RATTAN_PASSES_ROLES_H
#define RATTAN_PASSES_ROLES_H

#include "passes/loops.h"

enum { ROLES_MOST_LEFT = 3 };

/* A kernel of gradients that gets roles: its left sides that are loaded stay in shared memory for a block's whole item. */
typedef struct RolesOf {
    Op  *left[ROLES_MOST_LEFT];
    int  left_count;
    bool shares;                    /* left sides that follow each other have one place */
    int  warps, blocks;             /* that compute; that share a multiprocessor */
    int  registers, copy_registers; /* of a thread that computes, of one that copies */
} RolesOf;

/* roles.c: is there shared memory enough for its tiles? */
bool roles_fit(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of);

/* roles.c: does its ring have a slot for each of the right sides that are held at once? Loads them where they are used first. */
bool roles_have_slots(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of);

/* roles.c: gives them to it. Fails where the ring has too few slots. */
Status roles_of_gradients(Ctx *ctx, Kernel *kernel, const PassArgs *args, const RolesOf *of);

/* roles_gradients.c: gives them to all kernels of gradients that can have some, where the schedule wants it. */
Status roles_gradients(Ctx *ctx, Module *module, const PassArgs *args);

#endif
