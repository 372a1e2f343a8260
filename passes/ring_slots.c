/* slots: how many tiles of a ring are held at once.
 * In: kernels whose roles take tiles from rings and release them, as pass await leaves them. Out: the same. A tile comes to the slot
 * of the one that came as many before it as the ring has slots: if that is held until the new one has been taken, the sender waits
 * for the taker and the taker for the sender, for ever. So between a take and its release the role may take, or pass over, fewer
 * tiles of the ring than it has slots; a schedule with which a role takes more is refused. A warp alone that stores what it takes
 * gives it back only with the next tile (prelude_roles.cuh, Stored), and so needs one slot more, unless the ring has but one. */
#include "passes/loops.h"
#include "base/numbers.h"

enum { MANY = 1 << 20 /* of a loop whose turns are not known */ };

static int64_t turns_of(const Op *op) {
    int64_t from, to, step;
    if (op->code != OP_FOR)
        return 1;
    if (!ir_const_value(op->in[0], &from) || !ir_const_value(op->in[1], &to) || !ir_const_value(op->in[2], &step) || step < 1)
        return MANY;
    return to > from ? min_int64((to - from + step - 1) / step, MANY) : 0;
}

/* Is one of the two branches taken where the other is not? */
static bool excludes(const Op *branch, const Op *other) {
    const Value *const a = branch->in[0], *const b = other->in[0];
    return (a->def && a->def->code == OP_ILT && a->def->in[0] == b && ir_is_const(a->def->in[1], 1)) ||
           (b->def && b->def->code == OP_ILT && b->def->in[0] == a && ir_is_const(b->def->in[1], 1));
}

static int64_t come_with(const Op *op, const RingWalk *walk, bool *ended);

/* Of a branch: what comes with it beside what would come with the one before it that excludes it. */
static int64_t come_beside(const Op *first, const Op *op, int64_t here, const RingWalk *walk) {
    bool ended;
    for (const Op *other = op; other != first;) {
        other = other->prev;
        if (other->code != OP_IF || !excludes(op, other))
            continue;
        const int64_t there = come_with(other, walk, &ended);
        return ended || there > here ? 0 : here - there;
    }
    return here;
}

/* A branch that ends the walk ends it where it is taken: what follows comes where it is not. */
static int64_t come_from(const Op *first, const RingWalk *walk, bool *ended) {
    int64_t sum = 0, most = 0;
    *ended = false;
    for (const Op *op = first; op && !*ended; op = op->next) {
        bool within = false;
        *ended = walk->ends(op, walk->arg);
        if (*ended)
            break;
        int64_t here = come_with(op, walk, &within);
        if (here && op->code == OP_IF)
            here = come_beside(first, op, here, walk);
        most = max_int64(most, sum + here);
        sum = within ? sum : min_int64(sum + here, MANY);
    }
    return max_int64(most, sum);
}

static int64_t come_with(const Op *op, const RingWalk *walk, bool *ended) {
    *ended = false;
    if (!op->region)
        return walk->comes(op, walk->arg);
    const int64_t turn = come_from(op->region->first, walk, ended);
    return turn ? min_int64(turn * turns_of(op), MANY) : 0;
}

int64_t ring_comes(const Op *first, const RingWalk *walk) {
    bool ended;
    return come_from(first, walk, &ended);
}

/* ---- The pass ---- */

typedef struct Slots {
    Ctx      *ctx;
    Kernel   *kernel;
    const Op *role;
    Status    status;
} Slots;

static bool comes_behind(const Op *op, const void *take) {
    return (op->code == OP_TAKE || op->code == OP_SKIP) && op->in[0] == ((const Op *)take)->in[0];
}

static bool gives_back(const Op *op, const void *take) {
    return op->code == OP_RELEASE && op->in[1] == ((const Op *)take)->out[0];
}

static bool check_take(Op *take, void *arg) {
    Slots *s = arg;
    if (take->code != OP_TAKE || s->status != ST_OK)
        return true;
    const int      slots = take->in[0]->type.slots;
    const int64_t  later = op_int(s->role, AT_WARPS, 0) == 1 && slots > 1; /* given back */
    const RingWalk walk = {comes_behind, gives_back, take};
    const int64_t  held = 1 + later + ring_comes(take->next, &walk);
    if (held > slots)
        s->status = ctx_fail(s->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or roles=0",
                             "kernel %s: of a ring of %d slots a role holds %s%lld tiles at once, so that its roles would wait for one "
                             "another for ever",
                             s->kernel->name, slots, held < MANY ? "" : "more than ", (long long)min_int64(held, MANY));
    return true;
}

static bool check_role(Op *op, void *arg) {
    Slots *s = arg;
    if (op->code == OP_ROLE) {
        s->role = op;
        ir_walk(op->region, check_take, s);
    }
    return true;
}

Status pass_slots(Ctx *ctx, Module *module, const PassArgs *args) {
    Slots s = {.ctx = ctx, .status = ST_OK};
    (void)args;
    for (int k = 0; k < module->kernel_count && s.status == ST_OK; k++) {
        s.kernel = module->kernels[k];
        ir_walk(s.kernel->body, check_role, &s);
    }
    return s.status;
}
