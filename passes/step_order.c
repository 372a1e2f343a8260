/* The order of a decoding step's ops. Reductions of columns wait for all warps of a block: those that do not need each
 * other are put side by side, so that the back end lets them wait together. In: a block of tile IR. Out: the same ops.
 * In every run of ops that act on tiles in registers or keep them, the others come as soon as they can, then all
 * reductions of a kind that can be done. */
#include "passes/step.h"

enum { MAX_RUN = 256 };

typedef struct Run {
    Op  *ops[MAX_RUN]; /* in their old order; NULL: placed */
    int  count;
    Op  *end; /* the op behind the run */
} Run;

static bool is_reduction(const Op *op) { return op->code == OP_COLSUM || op->code == OP_COLMAX; }

/* Loads, stores, loops and barriers stay where they are. */
static bool may_move(const Op *op) {
    return op->code == OP_RING_PUT || (!op->region && op->code != OP_LOAD && op->code != OP_YIELD && op->code != OP_RING &&
                                       op->code != OP_RING_GET && !ir_has_effects(op));
}

/* Nothing it needs is still to be placed; what is kept is kept in the old order. */
static bool is_ready(const Run *run, int number) {
    const Op *op = run->ops[number];
    for (int n = 0; n < number; n++) {
        if (!run->ops[n])
            continue;
        if (op->code == OP_RING_PUT && run->ops[n]->code == OP_RING_PUT)
            return false;
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i]->def == run->ops[n])
                return false;
    }
    return true;
}

static void place(Step *s, Run *run, int number) {
    Op *const op = run->ops[number];
    Builder   b = ir_before(s->ctx, s->main, run->end);
    op_unlink(op);
    op_insert(&b, op);
    run->ops[number] = NULL;
}

static void place_others(Step *s, Run *run) {
    for (int n = 0; n < run->count; n++)
        if (run->ops[n] && !is_reduction(run->ops[n]) && is_ready(run, n))
            place(s, run, n);
}

/* -> whether there was one. */
static bool place_reductions(Step *s, Run *run) {
    bool ready[MAX_RUN] = {false};
    int  first = -1;
    for (int n = 0; n < run->count; n++) {
        ready[n] = run->ops[n] && is_ready(run, n) && (first < 0 || run->ops[n]->code == run->ops[first]->code);
        first = first < 0 && ready[n] ? n : first;
    }
    for (int n = 0; n < run->count; n++)
        if (ready[n])
            place(s, run, n);
    return first >= 0;
}

void step_join_reductions(Step *s, Block *block) {
    for (Op *op = block->first; op; op = op->next) {
        Run run = {.count = 0};
        for (; op && may_move(op) && run.count < MAX_RUN; op = op->next)
            run.ops[run.count++] = op;
        if (!op)
            return;
        run.end = op;
        do
            place_others(s, &run);
        while (place_reductions(s, &run));
    }
}
