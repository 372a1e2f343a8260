/* Pass stage: left sides of products that loops over keys multiply turn by turn, of floats or wide. Beside a gradient's sums registers
 * hold none of them: as many as memory has room for beside the tiles of the turns lie in shared memory, each put there once. */
#include "passes/stage.h"

enum { MOST_LEFTS = 4, BUSY_WARPS = 8 /* of a multiprocessor: two for each of its processors */ };

typedef struct Lefts {
    const Block *region; /* of the loop that is looked at */
    Value       *values[MOST_LEFTS];
    int          count;
} Lefts;

static bool note_left(Op *dot, void *arg) {
    Lefts       *l = arg;
    Value *const x = dot->code == OP_DOT ? dot->in[0] : NULL;
    if (!x || stage_shared_side(dot, 0) || !x->def || x->def->code == OP_RING_GET || x->def->code == OP_FCONST ||
        ir_ancestor_in(x->def, l->region))
        return true;
    for (int n = 0; n < l->count; n++)
        if (l->values[n] == x)
            return true;
    if (l->count < MOST_LEFTS)
        l->values[l->count++] = x;
    return true;
}

/* Those of s->loops that are there before all of them. */
static Lefts find_lefts(const Stager *s) {
    Lefts l = {0};
    const bool wanted = s->dtype == DT_F32 || spec_is_wide(s->args->spec);
    const bool heads = s->dtype != DT_F32 && s->loop_count && loop_is(s->loops[0], "group");
    if (!wanted || s->args->kind != KIND_BACKWARD || s->is_main || !s->loop_count || !(heads || loop_is(s->loops[0], "key")))
        return l;
    for (int i = 0; i < s->loop_count; i++) {
        l.region = s->loops[i]->region;
        ir_walk(s->loops[i]->region, note_left, &l);
    }
    int kept = 0;
    for (int n = 0; n < l.count; n++) {
        const Op *const here = ir_ancestor_in(s->loops[0], l.values[n]->def->parent);
        if (here && ir_precedes(l.values[n]->def, here))
            l.values[kept++] = l.values[n];
    }
    l.count = kept;
    return l;
}

static int64_t left_bytes(const Stager *s, const Value *left) {
    return ir_shared_bytes(type_tile(s->dtype, left->type.rows, left->type.cols));
}

/* How many of them, the first ones, fit into that much memory. */
static int fitting(const Stager *s, const Lefts *l, int64_t memory, int64_t *bytes) {
    int n = 0;
    for (*bytes = 0; n < l->count && *bytes + left_bytes(s, l->values[n]) <= memory; n++)
        *bytes += left_bytes(s, l->values[n]);
    return n;
}

static void note_lefts(const Stager *s, int held, int count) {
    if (count)
        pass_note(s->ctx, s->args, s->kernel, "left sides that the loops over keys multiply: %d, of which %d lie in shared memory", count, held);
}

/* The loops read the left side from the ring, or that value in its place. */
static void read_from(const Stager *s, Value *left, Value *ring, Value *again) {
    int        count;
    Op **const users = ir_users(s->ctx, s->kernel, left, &count);
    for (int u = 0; u < count; u++)
        for (int l = 0; l < s->loop_count; l++)
            if (users[u]->code == OP_DOT && users[u]->in[0] == left && ir_ancestor_in(users[u], s->loops[l]->region)) {
                Builder b = ir_before(s->ctx, s->kernel, users[u]);
                users[u]->in[0] = ring ? ir_ring_get(&b, ring, ir_i(&b, 0)) : again;
            }
}

/* Nothing but loads of what the kernel does not write, and what is made of them. */
static bool is_made_of_loads(const Stager *s, const Value *value, Seen *seen) {
    const Op *op = value->def;
    if (!op || defined_outside(value, s->body) || was_seen(seen, op))
        return true;
    if (op->code == OP_LOAD)
        return !is_stored(s->kernel->body, op_text(op, AT_PARAM));
    bool made = op->code != OP_DOT && !op->region && (op_info(op->code)->traits & PURE);
    for (int i = 0; i < op->in_count && made; i++)
        made = is_made_of_loads(s, op->in[i], seen);
    return made;
}

/* The value made anew at b: no register holds it until then. What stores it before does so there. */
static Value *made_here(const Stager *s, Builder *b, Value *left) {
    ValueMap map = {.ctx = s->ctx};
    int      count;
    if (!is_made_of_loads(s, left, &(Seen){{0}}))
        return left;
    Op **const   users = ir_users(s->ctx, s->kernel, left, &count);
    Value *const again = clone_slice(b, left, s->body, &map);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_STORE && users[u]->parent == s->body && ir_precedes(users[u], b->before)) {
            users[u]->in[5] = again;
            op_unlink(users[u]);
            op_insert(b, users[u]);
        }
    return again;
}

/* Those that have no room are made there all the same, behind those that have; but what is loaded of floats, products read by turns. */
void stage_put_lefts(Stager *s, Layout *layout) {
    const Lefts l = find_lefts(s);
    int64_t     bytes;
    const int   count = fitting(s, &l, stage_memory(s) - layout->at, &bytes);
    for (int n = 0; n < l.count; n++) {
        Builder b = ir_before(s->ctx, s->kernel, s->loops[0]);
        if (n >= count) {
            if (l.values[n]->def->code != OP_LOAD || s->dtype != DT_F32)
                read_from(s, l.values[n], NULL, made_here(s, &b, l.values[n]));
            continue;
        }
        Value *const ring = stage_ring(s, 1, l.values[n]->type);
        stage_place(layout, ring);
        stage_put(s, &b, ring, made_here(s, &b, l.values[n]), s->body);
        read_from(s, l.values[n], ring, NULL);
    }
    note_lefts(s, count, l.count);
}

int64_t stage_lefts(const Stager *s) {
    const Lefts l = s->loop_count && loop_is(s->loops[0], "group") ? find_lefts(s) : (Lefts){0};
    int64_t     bytes = 0;
    for (int n = 0; n < l.count; n++)
        bytes += left_bytes(s, l.values[n]);
    return bytes;
}

/* Of a turn's tiles, all that are on their way. */
static int64_t turns_bytes(const Stager *s) {
    int64_t bytes = 0;
    for (int t = 0; t < s->staged_count; t++)
        bytes += s->args->schedule->stages *
                 ir_shared_bytes(type_tile(s->dtype, s->staged[t]->out[0]->type.rows, s->staged[t]->out[0]->type.cols));
    return bytes;
}

/* Of as many blocks as keep a multiprocessor busy, or as many as have room for their turns, each has what is left. The others are
 * read from memory turn by turn; beside operands of matrix units registers leave no room for two such. */
static int choose_lefts(const Stager *s, const Lefts *l, int64_t *bytes) {
    const int rows = l->values[0]->type.rows, warps = rows < 16 * BUSY_WARPS ? (rows + 15) / 16 : BUSY_WARPS;
    const bool units = s->args->spec->tf32 || s->dtype != DT_F32;
    const int  strips = units ? 0 : SHARED_STRIP_BYTES * warps;
    int64_t    memory = -1, least = units ? left_bytes(s, l->values[0]) : 0;
    for (int blocks = BUSY_WARPS / warps; blocks > 0 && memory < least; blocks--)
        memory = s->args->target->shared_bytes / blocks - strips - turns_bytes(s);
    return fitting(s, l, memory, bytes);
}

void stage_hold_lefts(Stager *s) {
    Block *const grid = loop_grid_body(s->kernel->body);
    const Lefts  l = s->body == grid ? (Lefts){0} : find_lefts(s);
    Layout       layout = {0};
    const int    count = l.count ? choose_lefts(s, &l, &s->left_bytes) : 0;
    for (int n = 0; n < count; n++) {
        const Type   type = type_ring(1, s->dtype, l.values[n]->type.rows, l.values[n]->type.cols);
        Builder      b = ir_after(s->ctx, s->kernel, l.values[n]->def);
        Value *const ring = ir_op(&b, OP_RING, NULL, 0, &type, 1)->out[0];
        stage_place(&layout, ring);
        stage_put(s, &b, ring, l.values[n], s->body);
        read_from(s, l.values[n], ring, NULL);
    }
    note_lefts(s, count, l.count);
}
