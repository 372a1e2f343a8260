/* Pass stage for kernels that work in phases: loops that fetch ahead, and single tiles before, between and behind them.
 * Each phase has all of the memory: it is fetched into behind a barrier, once the phase before is done with it; single
 * tiles that fit into it together are one phase. What a block waits for then, the blocks beside it on the multiprocessor
 * compute: memory is chosen for as many as the schedule says, if that leaves two turns of every loop. */
#include "passes/stage.h"

#include <string.h>

enum { MOST_PHASES = 64, MOST_SINGLES = 32 };

typedef struct Phase {
    Op *loops[MAX_LOOPS]; /* parts of one */
    int loop_count;
    Op *staged[MAX_TILES];
    int staged_count;
    Op *singles[MOST_SINGLES];
    int single_count;
    Op *first, *last; /* of the body: what uses it */
} Phase;

typedef struct Phases {
    Stager *s;
    Phase   items[MOST_PHASES];
    int     count;
    bool    failed;
} Phases;

static int64_t tile_bytes(const Stager *s, const Op *load) {
    const Type type = load->out[0]->type;
    return ir_shared_bytes(type_tile(s->dtype, type.rows, type.cols));
}

static int64_t bytes_of(const Stager *s, Op *const *loads, int count) {
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += tile_bytes(s, loads[i]);
    return bytes;
}

/* ---- Finding them ---- */

static Phase *open_phase(Phases *p) {
    if (p->count == MOST_PHASES) {
        p->failed = true;
        return &p->items[0];
    }
    p->items[p->count] = (Phase){0};
    return &p->items[p->count++];
}

static bool goes_on(const Phase *phase, const Op *loop, int staged) {
    const Op *const last = phase->loop_count ? phase->loops[phase->loop_count - 1] : NULL;
    return last && phase->loop_count < MAX_LOOPS && phase->staged_count == staged && stage_goes_on(last, loop);
}

static void add_loop(Phases *p, Op *loop) {
    Phase *phase = p->count ? &p->items[p->count - 1] : NULL;
    int    count;
    stage_is_loop(p->s, loop, NULL, &count);
    p->failed |= count > MAX_TILES;
    if (!phase || !goes_on(phase, loop, count)) {
        phase = open_phase(p);
        phase->first = loop;
        stage_is_loop(p->s, loop, phase->staged, &phase->staged_count);
    }
    phase->loops[phase->loop_count++] = loop;
    phase->last = loop;
}

static bool add_single(Op *op, void *arg) {
    Phases *p = arg;
    Stager *s = p->s;
    int     count;
    if (p->failed || !stage_is_single(s, op))
        return true;
    Phase *phase = p->count ? &p->items[p->count - 1] : NULL;
    if (!phase || phase->loop_count || phase->single_count == MOST_SINGLES ||
        bytes_of(s, phase->singles, phase->single_count) + tile_bytes(s, op) > stage_memory(s))
        phase = open_phase(p);
    phase->singles[phase->single_count++] = op;
    Op **const users = ir_users(s->ctx, s->kernel, op->out[0], &count);
    for (int u = 0; u < count; u++) {
        Op *const here = ir_ancestor_in(users[u], s->body);
        phase->first = !phase->first || ir_precedes(here, phase->first) ? here : phase->first;
        phase->last = !phase->last || ir_precedes(phase->last, here) ? here : phase->last;
    }
    return true;
}

typedef struct Sum {
    const Stager *s;
    int64_t       bytes;
} Sum;

static bool add_bytes(Op *op, void *arg) {
    Sum *sum = arg;
    sum->bytes += stage_is_single(sum->s, op) ? tile_bytes(sum->s, op) : 0;
    return true;
}

/* Those of one branch come in one phase: the next one begins behind the branch. */
static void add_branch(Phases *p, const Op *branch) {
    Stager      *s = p->s;
    const Phase *phase = p->count ? &p->items[p->count - 1] : NULL;
    Sum          sum = {s, 0};
    ir_walk(branch->region, add_bytes, &sum);
    if (phase && phase->single_count && sum.bytes > 0 &&
        bytes_of(s, phase->singles, phase->single_count) + sum.bytes > stage_memory(s))
        open_phase(p);
    ir_walk(branch->region, add_single, p);
}

/* A single tile that is used in several phases is loaded for each: behind a loop anew. */
static void load_for_each(Stager *s) {
    int count;
    for (Op *op = s->body->first, *next; op; op = next) {
        next = op->next;
        if (!stage_is_single(s, op))
            continue;
        Op  **users = ir_users(s->ctx, s->kernel, op->out[0], &count);
        Value *now = op->out[0];
        for (Op *at = op->next; at; at = at->next) {
            int        staged;
            const bool loop = stage_is_loop(s, at, NULL, &staged);
            for (int u = 0; u < count; u++) {
                if (ir_ancestor_in(users[u], s->body) != at)
                    continue;
                if (!now) {
                    Builder  b = ir_before(s->ctx, s->kernel, at);
                    ValueMap map = {.ctx = s->ctx};
                    now = ir_clone(&b, op, &map)->out[0];
                }
                for (int i = 0; i < users[u]->in_count; i++)
                    if (users[u]->in[i] == op->out[0])
                        users[u]->in[i] = now;
            }
            now = loop ? NULL : now;
        }
        if (ir_use_count(s->kernel, op->out[0]) == 0)
            op_erase(op);
    }
}

static void find_phases(Phases *p) {
    int count;
    p->count = 0;
    p->failed = false;
    for (Op *op = p->s->body->first; op; op = op->next) {
        if (stage_is_loop(p->s, op, NULL, &count))
            add_loop(p, op);
        else if (op->region)
            add_branch(p, op);
        else
            add_single(op, p);
    }
}

/* Does every phase end before the next one begins, and fit into memory? */
static bool follow_each_other(const Phases *p) {
    const Stager *s = p->s;
    bool          loops = false;
    for (int i = 0; i < p->count; i++) {
        const Phase *phase = &p->items[i];
        const int64_t bytes = phase->loop_count ? s->args->schedule->stages * bytes_of(s, phase->staged, phase->staged_count)
                                                : bytes_of(s, phase->singles, phase->single_count);
        loops |= phase->loop_count > 0;
        if (bytes > stage_memory(s) || (i > 0 && !ir_precedes(p->items[i - 1].last, phase->first)))
            return false;
    }
    return !p->failed && p->count > 1 && loops;
}

/* For as many blocks as there shall be, or else for one. */
static bool choose_blocks(Phases *p) {
    Stager *const s = p->s;
    for (s->resident = s->args->schedule->blocks; s->resident > 0; s->resident--) {
        find_phases(p);
        if (follow_each_other(p))
            return true;
    }
    return false;
}

/* ---- Staging them ---- */

void stage_place(Layout *layout, Value *ring) {
    ring->type.space = SPACE_SCRATCH;
    ring->type.offset = layout->at;
    layout->at += ring->type.slots * ir_shared_bytes(type_ring_tile(ring->type));
    if (layout->most < layout->at)
        layout->most = layout->at;
}

/* Where the phase's tiles are fetched: at the kernel's start, or behind the phase before. */
static Builder fetching_place(const Stager *s, const Phase *before) {
    if (before) {
        Builder b = ir_after(s->ctx, s->kernel, before->last);
        if (before->loop_count) /* what was fetched beyond its last turn has to arrive */
            ir_wait(&b, 0);
        else
            ir_bare(&b, OP_BARRIER);
        return b;
    }
    Op *start = s->body->first;
    while (start->code == OP_RING)
        start = start->next;
    return ir_before(s->ctx, s->kernel, start);
}

static void fetch_loop(Stager *s, const Phase *phase, const Phase *before, Layout *layout) {
    s->loop_count = phase->loop_count;
    s->staged_count = phase->staged_count;
    memcpy(s->loops, phase->loops, sizeof phase->loops);
    memcpy(s->staged, phase->staged, sizeof phase->staged);
    s->left_bytes = stage_lefts(s);
    s->stages = stage_turns(s);
    s->left_bytes = 0;
    stage_loops(s, fetching_place(s, before));
    for (int t = 0; t < s->staged_count; t++)
        stage_place(layout, s->rings[t]);
    stage_put_lefts(s, layout);
}

static void fetch_singles(Stager *s, const Phase *phase, const Phase *before, Layout *layout) {
    Builder  b = fetching_place(s, before);
    ValueMap map = {.ctx = s->ctx};
    Value   *rings[MOST_SINGLES];
    for (int t = 0; t < phase->single_count; t++) {
        rings[t] = stage_ring(s, 1, phase->singles[t]->out[0]->type);
        stage_place(layout, rings[t]);
        stage_fetch(s, &b, phase->singles[t], rings[t], ir_i(&b, 0), s->body, &map);
    }
    ir_bare(&b, OP_COMMIT);
    for (int t = 0; t < phase->single_count; t++) /* the first may be what they were fetched before */
        stage_read(s, phase->singles[t], rings[t], NULL);
    b = ir_before(s->ctx, s->kernel, phase->first);
    ir_wait(&b, 0);
}

bool stage_phases(Stager *s) {
    Phases p = {.s = s};
    if (s->args->kind != KIND_BACKWARD || s->is_main || s->own_bytes || s->body != loop_grid_body(s->kernel->body))
        return false;
    load_for_each(s);
    s->computed_bytes = stage_computed(s);
    if (!choose_blocks(&p)) {
        s->computed_bytes = 0;
        s->resident = 0;
        return false;
    }
    s->phases = true;
    for (int i = 0; i < p.count; i++) {
        Layout layout = {0, s->phases_bytes};
        if (p.items[i].loop_count)
            fetch_loop(s, &p.items[i], i ? &p.items[i - 1] : NULL, &layout);
        else
            fetch_singles(s, &p.items[i], i ? &p.items[i - 1] : NULL, &layout);
        s->phases_bytes = layout.most;
    }
    return true;
}
