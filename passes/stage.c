/* stage: right sides of products come through shared memory, in time.
 * In: tile IR for a machine whose blocks share memory: right sides of products (and transposed left sides) are loads of
 * parameters in the products' dtype, or are computed. Out: every one of them is a slot of a ring. In a key or row loop,
 * tiles are fetched `stages` - 1 turns ahead; the parts that window cut a loop into go on with one ring. What is needed
 * behind the loop is fetched while it runs if everything fits, else behind it, into the memory that the loop has left.
 * A 16-bit tile that is computed with before the loops is fetched as well, and stays, so that it can be read again. In
 * main a turn fetches behind its first product, which runs meanwhile.
 * Left sides of products that are not in shared memory are converted to the products' dtype. Products of floats go via
 * tf32 where the spec permits it. */
#include "passes/stage.h"

#include <string.h>

/* When single tiles are fetched: while the loop before them runs; or behind it, in groups as large as memory allows. */
typedef enum When { WHEN_EARLY, WHEN_LATE } When;

/* ---- What is staged ---- */

bool stage_shared_side(const Op *dot, int operand) {
    return dot->code == OP_DOT && (operand == 1 || (operand == 0 && op_int(dot, AT_TA, 0)));
}

/* Read by products alone, from shared memory. */
static bool only_shared(const Stager *s, const Value *value) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, value, &count);
    for (int u = 0; u < count; u++)
        for (int i = 0; i < users[u]->in_count; i++)
            if (users[u]->in[i] == value && !stage_shared_side(users[u], i))
                return false;
    return count > 0;
}

bool stage_is_fetchable(const Stager *s, const Op *op) {
    return op->code == OP_LOAD && ir_find_param(s->kernel, op_text(op, AT_PARAM))->dtype == s->dtype &&
           only_shared(s, op->out[0]);
}

/* In a loop that fetches ahead, also what is computed with is fetched, and read from shared memory into registers. */
static bool is_readable(const Stager *s, const Op *op) {
    const CodeParam *param = op->code == OP_LOAD ? ir_find_param(s->kernel, op_text(op, AT_PARAM)) : NULL;
    return param && param->dtype == s->dtype && param->role == PARAM_IN && op_int(op, AT_ROWDIM, -1) >= 0 &&
           op->out[0]->type.rows > 1;
}

/* Loops over tokens add up what rows share in the end. There are several beside each other, and they take what little they
 * need as it comes. */
bool stage_of_tokens(const Op *op) {
    const Op *const loop = loop_around(op, "token");
    return loop && loop == op->parent->owner;
}

static bool is_transposed(const Stager *s, const Value *value) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, value, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_TRANSPOSE)
            return true;
    return false;
}

/* What stands over columns is loaded so. */
static bool is_staged(const Stager *s, const Op *op) {
    return stage_is_fetchable(s, op) || (is_readable(s, op) && !is_transposed(s, op->out[0]));
}

Value *stage_ring(Stager *s, int slots, Type tile) {
    Builder    b = ir_before(s->ctx, s->kernel, s->body->first);
    const Type type = type_ring(slots, s->dtype, tile.rows, tile.cols);
    return ir_op(&b, OP_RING, NULL, 0, &type, 1)->out[0];
}

void stage_fetch(Stager *s, Builder *b, const Op *load, Value *ring, Value *slot, const Block *region, ValueMap *map) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD};
    Value               *in[7] = {ring, slot};
    for (int i = 0; i < 5; i++)
        in[2 + i] = clone_slice(b, load->in[i], region, map);
    Op *const made = ir_op(b, OP_FETCH, in, 7, NULL, 0);
    op_set_text(s->ctx, made, AT_PARAM, op_text(load, AT_PARAM));
    for (int k = 0; k < 3; k++)
        op_set_int(s->ctx, made, KEYS[k], op_int(load, KEYS[k], -1));
    if (op_has(load, AT_WRAP))
        op_set_int(s->ctx, made, AT_WRAP, op_int(load, AT_WRAP, 0));
    if (op_has(load, AT_COLDIM))
        op_set_int(s->ctx, made, AT_COLDIM, op_int(load, AT_COLDIM, 0));
    if (op_int(load, AT_LO, 0))
        op_set_int(s->ctx, made, AT_LO, op_int(load, AT_LO, 0));
    if (op_has(load, AT_DOWN))
        op_set_int(s->ctx, made, AT_DOWN, op_int(load, AT_DOWN, 0));
    copy_beyond(s->ctx, made, load);
}

/* ---- Loops ---- */

static int64_t step_of(const Op *loop) {
    int64_t step = 1;
    ir_const_value(loop->in[2], &step);
    return step;
}

/* Never below 0, where rows begin less than a step before it: see pass gather. */
static Value *slot_of(const Stager *s, Builder *b, const Op *loop, Value *number) {
    const bool early = s->args->kind == KIND_EXTEND && spec_fold(s->args->spec) > 1 && loop_is(loop, "row");
    Value *const from_zero = early ? index_offset(b, number, step_of(loop) - 1) : number;
    return step_of(loop) == 1 ? number : ir_ibin(b, OP_IDIV, from_zero, ir_i(b, step_of(loop)));
}

/* `region`: what of the tiles' coordinates b cannot see yet. */
static void fetch_turn(Stager *s, Builder *b, Value *number, const Block *region) {
    const Op *loop = s->loops[0];
    ValueMap  map = {.ctx = s->ctx};
    map_set(&map, loop->region->args[0], number);
    Value *const slot = slot_of(s, b, loop, number);
    for (int t = 0; t < s->staged_count; t++)
        stage_fetch(s, b, s->staged[t], s->rings[t], slot, region, &map);
}

static Value *turns_ahead(Builder *b, const Op *loop, Value *number, int turns) {
    return turns == 0 ? number : ir_ibin(b, OP_IADD, number, ir_i(b, turns * step_of(loop)));
}

/* Of wide layers whatever lives longer spills. */
static bool is_wide(const Stager *s) { return spec_is_wide(s->args->spec); }

/* Where a turn fetches for a later one: at its head; in main behind the first product. Steps of decoding have short turns,
 * so that nothing may wait. */
static Builder fetching_place(const Stager *s, Op *loop, Builder head) {
    Op *op = loop->region->first;
    while (op && op->code != OP_DOT)
        op = op->next;
    return op && s->is_main && s->args->kind != KIND_DECODE && !is_wide(s) ? ir_after(s->ctx, s->kernel, op) : head;
}

/* At the head of a turn: its own tiles are there, everyone is done with the slots that are fetched into next. */
static void open_turn(Stager *s, Op *loop, int stages) {
    Builder      b = ir_before(s->ctx, s->kernel, loop->region->first);
    Value *const number = loop->region->args[0], *const end = s->loops[s->loop_count - 1]->in[1];
    if (stages == 1) {
        ir_bare(&b, OP_BARRIER);
        fetch_turn(s, &b, number, s->loops[0]->region);
        ir_bare(&b, OP_COMMIT);
        ir_wait(&b, 0);
        return;
    }
    ir_wait(&b, stages - 2);
    b = fetching_place(s, loop, b);
    Value *const next = turns_ahead(&b, loop, number, stages - 1);
    Op *const    more = ir_if(&b, ir_ibin(&b, OP_ILT, next, end), NULL, 0);
    Builder      in = ir_at_end(s->ctx, s->kernel, more->region);
    fetch_turn(s, &in, next, s->loops[0]->region);
    ir_yield(&in, NULL, 0);
    ir_bare(&b, OP_COMMIT);
}

void stage_read(Stager *s, Op *load, Value *ring, Value *slot) {
    const bool   shared = only_shared(s, load->out[0]);
    Builder      b = ir_before(s->ctx, s->kernel, load);
    Value *const tile = ir_ring_get(&b, ring, slot ? slot : ir_i(&b, 0));
    Value *const read = shared                       ? tile
                        : tile->type.dtype == DT_F32 ? ir_unary(&b, OP_COPY, tile)
                                                     : ir_convert(&b, tile, DT_F32);
    ir_replace_uses(s->kernel, load->out[0], read);
    op_erase(load);
}

static void read_turn(Stager *s, Op *loop) {
    int at = 0;
    for (Op *op = loop->region->first, *next; op; op = next) {
        next = op->next;
        if (!is_staged(s, op))
            continue;
        Builder b = ir_before(s->ctx, s->kernel, op);
        stage_read(s, op, s->rings[at++], slot_of(s, &b, loop, loop->region->args[0]));
    }
}

bool stage_is_loop(const Stager *s, const Op *op, Op **staged, int *count) {
    bool products = false;
    *count = 0;
    if (op->code != OP_FOR || loop_is(op, "token"))
        return false;
    for (Op *in = op->region->first; in; in = in->next)
        if (is_staged(s, in)) {
            if (staged && *count < MAX_TILES)
                staged[*count] = in;
            products |= stage_is_fetchable(s, in);
            ++*count;
        }
    return products;
}

bool stage_goes_on(const Op *loop, const Op *next) {
    return loop_is(next, op_text(loop, AT_AXIS)) && (loop_is(loop, "key") || loop->in[1] == next->in[0]);
}

/* The loops in a row that have tiles to stage: the first axis found, all its parts. */
static Status find_loops(Stager *s) {
    for (Op *op = s->body->first; op; op = op->next) {
        int count;
        if ((s->loop_count && !loop_is(op, op_text(s->loops[0], AT_AXIS))) ||
            !stage_is_loop(s, op, s->loop_count ? NULL : s->staged, &count))
            continue;
        const bool other = s->loop_count && (count != s->staged_count || !stage_goes_on(s->loops[s->loop_count - 1], op));
        if (other && loop_is(op, "group")) /* they fit no memory one after the other (stage_phases.c) */
            return ctx_fail(s->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or fewer stages",
                            "kernel %s needs more shared memory a block than %s has", s->kernel->name,
                            s->args->target->name);
        if (s->loop_count == MAX_LOOPS || count > MAX_TILES || other)
            return ctx_fail(s->ctx, ST_FAILED, "pass stage", NULL, "the parts of loop %s do not load the same tiles",
                            op_text(op, AT_AXIS));
        s->staged_count = count;
        s->loops[s->loop_count++] = op;
    }
    return ST_OK;
}

/* Of main's blocks that share a multiprocessor each has its part, and needs room for the strips of products of floats. */
int64_t stage_memory(const Stager *s) {
    const Schedule *schedule = s->args->schedule;
    return s->args->target->shared_bytes / (s->is_main ? schedule->blocks : s->resident ? s->resident : 1) -
           (s->dtype == DT_F32 && !s->args->spec->tf32 ? SHARED_STRIP_BYTES * schedule->warps : 0) - s->computed_bytes -
           s->own_bytes - s->held_bytes - s->left_bytes;
}

/* Turns that are surely there may be fetched before the loop: those of a loop over heads, whose tiles no bound cuts. */
static int most_stages(const Stager *s, int wanted) {
    const Op *loop = s->loop_count == 1 ? s->loops[0] : NULL;
    int64_t   first, end;
    if (!loop || !loop_is(loop, "group") || !ir_const_value(loop->in[0], &first) || !ir_const_value(loop->in[1], &end))
        return wanted;
    return end - first + 1 < wanted ? (int)(end - first + 1) : wanted;
}

static int products_of_turn(const Stager *s) {
    int products = 0;
    for (const Op *op = s->loop_count ? s->loops[0]->region->first : NULL; op; op = op->next)
        products += op->code == OP_DOT;
    return products;
}

/* Turns of the kernels before main are short: memory takes several of them, so that more tiles must be on their way. Two
 * blocks share a multiprocessor unless a kernel brings rings of its own. Turns of gradients multiply as long as main's: where
 * each tile that is on its way comes from takes registers. */
static int choose_stages(const Stager *s) {
    enum { LONG = 3 };
    int64_t turn = 0;
    for (int t = 0; t < s->staged_count; t++) {
        const Type tile = s->staged[t]->out[0]->type;
        turn += ir_shared_bytes(type_tile(s->dtype, tile.rows, tile.cols));
    }
    const int     blocks = s->own_bytes || s->resident ? 1 : 2;
    const int64_t held = s->dtype == DT_F32 ? 0 : s->left_bytes; /* of each block; of floats the few blocks' that they leave room for */
    const int64_t fitting = turn ? ((stage_memory(s) + held) / blocks - held) / turn : 0;
    const int64_t most = fitting < MAX_STAGES ? fitting : MAX_STAGES;
    const bool    as_asked = s->is_main || most < s->args->schedule->stages || products_of_turn(s) >= LONG;
    if (s->resident && s->left_bytes) /* which turns make room for */
        return most > 0 ? (int)most : 1;
    return as_asked ? s->args->schedule->stages : (int)most;
}

int stage_turns(const Stager *s) { return most_stages(s, choose_stages(s)); }

static Op *nth_staged(const Stager *s, const Op *loop, int number) {
    Op *op = loop->region->first;
    for (int seen = 0; op; op = op->next)
        if (is_staged(s, op) && seen++ == number)
            break;
    return op;
}

/* A turn of one part fetches for the next one, so that all parts need the bounds of the last: an interior part, which
 * has none of its own (pass window), may be the first. */
static void share_bounds(Stager *s) {
    const Op *last = s->loops[s->loop_count - 1];
    for (int t = 0; t < s->staged_count; t++) {
        const Op *load = nth_staged(s, last, t);
        for (int i = 3; i < 5 && load; i++)
            if (defined_outside(load->in[i], last->region))
                s->staged[t]->in[i] = load->in[i];
    }
}

void stage_loops(Stager *s, Builder b) {
    const int stages = s->stages;
    share_bounds(s);
    for (int t = 0; t < s->staged_count; t++)
        s->rings[t] = stage_ring(s, stages, s->staged[t]->out[0]->type);
    ValueMap     map = {.ctx = s->ctx};
    Value *const first = stages > 1 ? clone_slice(&b, s->loops[0]->in[0], s->body, &map) : NULL;
    for (int turn = 0; turn < stages - 1; turn++) {
        fetch_turn(s, &b, turns_ahead(&b, s->loops[0], first, turn), s->body);
        ir_bare(&b, OP_COMMIT);
    }
    for (int l = 0; l < s->loop_count; l++)
        open_turn(s, s->loops[l], stages);
    for (int l = s->loop_count - 1; l >= 0; l--)
        read_turn(s, s->loops[l]);
}

/* ---- Single tiles ---- */

static bool inside_loop(const Stager *s, const Op *op) {
    for (const Op *at = op->parent->owner; at && at->parent != s->body->owner->parent; at = at->parent->owner)
        if (at->code == OP_FOR && !op_int(at, AT_PAR, 0))
            return true;
    return false;
}

bool stage_is_single(const Stager *s, const Op *op) { return stage_is_fetchable(s, op) && !inside_loop(s, op); }

static bool note_single(Op *op, void *arg) {
    Stager *s = arg;
    if (!stage_is_single(s, op))
        return true;
    if (s->single_count == MAX_TILES)
        s->overflow = true;
    else
        s->singles[s->single_count++] = op;
    return true;
}

static int64_t loop_bytes(const Stager *s) {
    int64_t bytes = 0;
    for (int t = 0; t < s->staged_count; t++)
        bytes += s->stages * ir_shared_bytes(type_ring_tile(s->rings[t]->type));
    return bytes;
}

static int64_t single_bytes(const Stager *s, int t) {
    return ir_shared_bytes(type_ring_tile(s->single_rings[t]->type));
}

/* Of what is not held. */
static When choose(const Stager *s) {
    int64_t all = loop_bytes(s);
    for (int t = s->held_bytes ? 1 : 0; t < s->single_count; t++)
        all += single_bytes(s, t);
    return s->loop_count && all <= stage_memory(s) ? WHEN_EARLY : WHEN_LATE;
}

/* The first tile of main's input that is computed with before the loops. */
static Op *find_held(const Stager *s) {
    Op *op = s->loop_count && s->is_main && !is_wide(s) && dtype_size(s->dtype) == 2 ? s->body->first : NULL;
    while (op && op != s->loops[0] && !(is_readable(s, op) && op->out[0]->type.cols > 1 && !only_shared(s, op->out[0])))
        op = op->next;
    return op && op != s->loops[0] && !is_transposed(s, op->out[0]) ? op : NULL;
}

/* Holds it if that does not make others come late which would else come early, and leaves room for each of them. */
static void hold_first(Stager *s) {
    Op *const  held = find_held(s);
    const When before = choose(s);
    int64_t    widest = loop_bytes(s);
    if (!held || s->single_count == MAX_TILES ||
        (s->single_count && s->singles[0]->parent == s->body && !ir_precedes(held, s->singles[0])))
        return;
    for (int t = 0; t < s->single_count; t++)
        widest = single_bytes(s, t) > widest ? single_bytes(s, t) : widest;
    Value *const ring = stage_ring(s, 1, held->out[0]->type);
    s->held_bytes = ir_shared_bytes(type_ring_tile(ring->type));
    for (int t = s->single_count; t > 0; t--) {
        s->singles[t] = s->singles[t - 1];
        s->single_rings[t] = s->single_rings[t - 1];
    }
    s->singles[0] = held;
    s->single_rings[0] = ring;
    s->single_count++;
    if (choose(s) == before && widest <= stage_memory(s))
        return;
    s->held_bytes = 0;
    s->single_count--;
    for (int t = 0; t < s->single_count; t++) {
        s->singles[t] = s->singles[t + 1];
        s->single_rings[t] = s->single_rings[t + 1];
    }
    op_erase(ring->def);
}

/* Singles in a row, of one region, that fit into memory together. */
static void make_groups(Stager *s) {
    int64_t bytes = 0;
    for (int t = 0; t < s->single_count; t++) {
        const int64_t more = single_bytes(s, t);
        const bool    joins =
            t > s->opening && s->singles[t]->parent == s->singles[t - 1]->parent && bytes + more <= stage_memory(s);
        s->groups[t] = t == 0 ? 0 : s->groups[t - 1] + !joins;
        bytes = joins ? bytes + more : more;
    }
}

static void fetch_singles(Stager *s, Builder *b, int first, int end, const Block *region) {
    ValueMap map = {.ctx = s->ctx};
    for (int t = first; t < end; t++)
        stage_fetch(s, b, s->singles[t], s->single_rings[t], ir_i(b, 0), region, &map);
}

/* What the loops' prologue needs is fetched first of all, ahead of their own first tiles. */
static void stage_opening(Stager *s) {
    Op *start = s->body->first;
    while (start->code == OP_RING)
        start = start->next;
    Builder b = ir_before(s->ctx, s->kernel, start);
    fetch_singles(s, &b, 0, s->opening, s->body);
    ir_bare(&b, OP_COMMIT);
    b = ir_before(s->ctx, s->kernel, s->singles[0]);
    ir_wait(&b, s->stages - 1);
}

static void stage_early(Stager *s) {
    /* Behind the first part of the loop: its own first tiles come first. They belong to the group of the next turn, and
     * so are not waited for before the one after it. */
    Builder b = ir_before(s->ctx, s->kernel, s->loop_count > 1 ? s->loops[1] : s->loops[0]);
    fetch_singles(s, &b, s->opening, s->single_count, s->body);
    b = ir_after(s->ctx, s->kernel, s->loops[s->loop_count - 1]);
    ir_bare(&b, OP_COMMIT); /* where no turn followed */
    ir_wait(&b, 0);
}

/* Where the first group that comes late is waited for. */
static Op *late_place(const Stager *s) { return ir_ancestor_in(s->singles[s->opening], s->body); }

/* Whether everything that reads the held tile is done there. */
static bool is_free(const Stager *s) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, s->singles[0]->out[0], &count);
    for (int u = 0; u < count; u++)
        if (!ir_precedes(ir_ancestor_in(users[u], s->body), late_place(s)))
            return false;
    return true;
}

/* The last of several groups, in one branch with the first, may take the held tile's place: it then is on its way while the
 * others are computed with. */
static void reuse_held(Stager *s) {
    int     first = s->single_count - 1;
    int64_t bytes = single_bytes(s, first);
    for (; first > 0 && s->groups[first - 1] == s->groups[first]; first--)
        bytes += single_bytes(s, first - 1);
    if (first > s->opening && bytes <= s->held_bytes && late_place(s)->code == OP_IF &&
        s->singles[first]->parent == late_place(s)->region && is_free(s))
        s->last_group = first;
}

/* Behind a loop, before its memory is fetched into again. Tiles that were fetched ahead of its first turn may lie behind its
 * last one, so that none has waited for them: of two stages there is no such tile. */
static void end_turns(const Stager *s, Builder *b) {
    if (s->loop_count && s->stages > 2)
        ir_wait(b, 0);
    else
        ir_bare(b, OP_BARRIER);
}

/* The first group is fetched right behind the loops, whose memory it takes, and waited for where it is needed. */
static void stage_late(Stager *s) {
    for (int t = s->opening, end; t < s->single_count; t = end) {
        const bool ahead = t == s->opening && s->loop_count && !is_wide(s), last = s->last_group && t == s->last_group;
        Op *const  use = s->singles[t];
        Builder    b = ahead  ? ir_after(s->ctx, s->kernel, s->loops[s->loop_count - 1])
                       : last ? ir_before(s->ctx, s->kernel, late_place(s)->region->first)
                              : ir_before(s->ctx, s->kernel, use);
        for (end = t + 1; end < s->single_count && s->groups[end] == s->groups[t];)
            end++;
        if (!last) /* which stands behind the first group's wait */
            end_turns(s, &b);
        fetch_singles(s, &b, t, end, ahead ? s->body : use->parent);
        ir_bare(&b, OP_COMMIT);
        b = ir_before(s->ctx, s->kernel, ahead ? late_place(s) : use);
        ir_wait(&b, 0);
    }
}

static When stage_singles(Stager *s) {
    for (int t = 0; t < s->single_count; t++)
        s->single_rings[t] = stage_ring(s, 1, s->singles[t]->out[0]->type);
    hold_first(s);
    for (int t = 0; t < s->single_count && s->loop_count && s->singles[t]->parent == s->body; t++)
        s->opening += ir_precedes(s->singles[t], s->loops[0]);
    const When when = choose(s);
    make_groups(s);
    if (when == WHEN_LATE && s->held_bytes)
        reuse_held(s);
    if (s->opening)
        stage_opening(s);
    if (when == WHEN_EARLY && s->single_count > s->opening)
        stage_early(s);
    else
        stage_late(s);
    for (int t = 0; t < s->single_count; t++)
        stage_read(s, s->singles[t], s->single_rings[t], NULL);
    return when;
}

/* ---- Left sides ---- */

/* Floats of a tile that shared memory has in the products' dtype. */
static bool lies_in_shared(const Stager *s, const Value *value) {
    const Op *def = value->def;
    return def && def->code == OP_CONVERT && def->in[0]->type.dtype == s->dtype && def->in[0]->def &&
           def->in[0]->def->code == OP_RING_GET;
}

/* A tile of shared memory in registers, once for all products. */
static Value *as_it_lies(Stager *s, Builder *b, Value *tile, const Op *user) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, tile, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_COPY && ir_dominates(users[u]->out[0], user))
            return users[u]->out[0];
    return ir_unary(b, OP_COPY, tile);
}

/* Columns that are registers of their own in a tile of 16-bit numbers: see codegen/ptx/prelude.cuh. */
static bool takes_whole_steps(const Op *cols) {
    return op_int(cols, AT_LO, 0) % 16 == 0 && cols->out[0]->type.cols % 16 == 0;
}

/* `value` in the products' dtype: made next to where the value is, once for all products. Of columns, where these are whole
 * steps of a product, the columns of the converted tile, so that each element is converted once. */
static Value *converted(Stager *s, Value *value, const Op *user) {
    int  count;
    Op **users = ir_users(s->ctx, s->kernel, value, &count);
    for (int u = 0; u < count; u++)
        if (users[u]->code == OP_CONVERT && users[u]->out[0]->type.dtype == s->dtype &&
            ir_dominates(users[u]->out[0], user))
            return users[u]->out[0];
    Builder b = value->def ? ir_after(s->ctx, s->kernel, value->def) : ir_before(s->ctx, s->kernel, value->owner->first);
    if (lies_in_shared(s, value))
        return as_it_lies(s, &b, value->def->in[0], user);
    if (!value->def || value->def->code != OP_COLS || !takes_whole_steps(value->def))
        return ir_convert(&b, value, s->dtype);
    Value *const whole = converted(s, value->def->in[0], value->def);
    return ir_cols(&b, whole, (int)op_int(value->def, AT_LO, 0), value->type.cols);
}

static bool convert_left(Op *dot, void *arg) {
    Stager *s = arg;
    if (dot->code == OP_DOT && !stage_shared_side(dot, 0) && dot->in[0]->type.dtype != s->dtype)
        dot->in[0] = converted(s, dot->in[0], dot);
    return true;
}

void stage_left_sides(Ctx *ctx, Kernel *kernel, DType dtype) {
    Stager s = {.ctx = ctx, .kernel = kernel, .dtype = dtype};
    ir_walk(kernel->body, convert_left, &s);
}

static bool choose_tf32(Op *op, void *ctx) {
    if (op->code == OP_DOT)
        op_set_text(ctx, op, AT_VIA, "tf32");
    return true;
}

/* ---- Memory ---- */

/* Rings of loops, and of what is fetched while they run, lie side by side; each later group begins there again, behind what
 * is held, or in its place. What is put there by the threads themselves lies behind all. */
static Status place_rings(Stager *s, When when) {
    Layout layout = {s->left_bytes, s->phases_bytes + s->left_bytes}; /* those are none of kernels with phases */
    if (s->held_bytes)
        stage_place(&layout, s->single_rings[0]);
    const int64_t start = layout.at;
    for (int t = 0; t < s->staged_count && !s->phases; t++)
        stage_place(&layout, s->rings[t]);
    for (int t = s->held_bytes ? 1 : 0; t < s->single_count && !s->phases; t++) {
        if (when == WHEN_LATE && t >= s->opening && (t == s->opening || s->groups[t] != s->groups[t - 1]))
            layout.at = s->last_group && t == s->last_group ? 0 : start;
        stage_place(&layout, s->single_rings[t]);
    }
    layout.at = layout.most;
    for (Op *op = s->body->first; op; op = op->next)
        if (op->code == OP_RING && op->out[0]->type.space != SPACE_SCRATCH)
            stage_place(&layout, op->out[0]);
    s->kernel->scratch_bytes = layout.most;
    if (layout.most > s->args->target->shared_bytes)
        return ctx_fail(s->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or fewer stages",
                        "kernel %s needs %lld bytes of shared memory a block, %s has %lld", s->kernel->name,
                        (long long)layout.most, s->args->target->name, (long long)s->args->target->shared_bytes);
    return ST_OK;
}

static void note_tiles(const Stager *s, When when) {
    Ctx *ctx = s->ctx;
    if (s->staged_count)
        pass_note(ctx, s->args, s->kernel, "tiles of a turn: %d, fetched %d turns ahead", s->staged_count, s->stages - 1);
    if (s->single_count)
        pass_note(ctx, s->args, s->kernel, "single tiles: %d, fetched %s", s->single_count,
                  when == WHEN_EARLY ? "while the loop before them runs" : "behind the loop, in groups as large as memory allows");
    if (s->kernel->scratch_bytes)
        pass_note(ctx, s->args, s->kernel, "shared memory: %lld bytes", (long long)s->kernel->scratch_bytes);
}

/* The block that has the key loop: the grid's, or a loop's over heads. */
static Block *working_block(Kernel *kernel) {
    Block *const body = loop_grid_body(kernel->body);
    for (Op *op = body->first; op; op = op->next)
        if (loop_is(op, "group") && loop_find(op->region, "key"))
            return op->region;
    return body;
}

/* The next head's tiles come where this one's are. */
static void part_turns(Stager *s) {
    if (s->body == loop_grid_body(s->kernel->body))
        return;
    Builder b = ir_before(s->ctx, s->kernel, ir_terminator(s->body));
    end_turns(s, &b);
}

/* Does a branch before the loop need tiles? They would come where the loop's first turns are on their way. */
static bool has_early_branch(const Stager *s) {
    for (int t = 0; t < s->single_count && s->loop_count; t++) {
        const Op *const here = ir_ancestor_in(s->singles[t], s->body);
        if (s->singles[t]->parent != s->body && ir_precedes(here, s->loops[0]))
            return true;
    }
    return false;
}

/* One loop, in parts, and all single tiles. */
static Status stage_at_once(Stager *s, When *when) {
    TRY(find_loops(s));
    stage_hold_lefts(s);
    s->stages = stage_turns(s);
    /* Before anything else, so that the first tiles arrive while the rest of the prologue runs. */
    Op *start = s->body->first;
    while (start->code == OP_RING)
        start = start->next;
    if (s->loop_count)
        stage_loops(s, ir_before(s->ctx, s->kernel, start));
    ir_walk(s->body, note_single, s);
    if (s->overflow)
        return ctx_fail(s->ctx, ST_FAILED, "pass stage", NULL, "kernel %s has too many right sides", s->kernel->name);
    if (has_early_branch(s))
        return ctx_fail(s->ctx, ST_USAGE, "schedule: shared memory", "use a smaller chunk or key_tile, or fewer stages",
                        "kernel %s needs more shared memory a block than %s has", s->kernel->name, s->args->target->name);
    if (s->reuses)
        s->computed_bytes = stage_computed(s);
    else
        ir_walk(s->body, stage_add_computed, s);
    *when = stage_singles(s);
    return ST_OK;
}

static Status stage(Stager *s) {
    s->body = working_block(s->kernel);
    for (const Op *op = s->body->first; op; op = op->next)
        if (op->code == OP_RING)
            s->own_bytes += op->out[0]->type.slots * ir_shared_bytes(type_ring_tile(op->out[0]->type));
    When when = WHEN_LATE;
    s->few = s->args->kind != KIND_DECODE && s->args->schedule->stages == 1;
    s->reuses = s->few || (s->args->kind == KIND_BACKWARD && !s->is_main);
    if (!stage_phases(s))
        TRY(stage_at_once(s, &when));
    ir_walk(s->body, stage_put_side, s);
    part_turns(s);
    stage_left_sides(s->ctx, s->kernel, s->dtype);
    if (s->dtype == DT_F32 && s->args->spec->tf32)
        ir_walk(s->body, choose_tf32, s->ctx);
    TRY(place_rings(s, when));
    note_tiles(s, when);
    return ST_OK;
}

/* The kernel whose blocks share multiprocessors as the schedule says. */
static bool is_main(const Module *module, int kernel, const PassArgs *args) {
    if (args->kind == KIND_BACKWARD)
        return strcmp(module->kernels[kernel]->name, "main") == 0;
    return kernel + 1 == module->kernel_count;
}

Status pass_stage(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Schedule       gradients;
        const PassArgs of = args_of_kernel(args, module, k, &gradients);
        if (loop_has_roles(module->kernels[k])) /* which have staged it */
            continue;
        if (args->kind != KIND_DECODE) /* keys that a kernel before turned are loaded in their place: nobody fetches the others */
            clean_kernel(module->kernels[k]);
        Stager s = {.ctx = ctx,
                    .kernel = module->kernels[k],
                    .args = &of,
                    .is_main = is_main(module, k, args),
                    .dtype = ir_find_param(module->kernels[k], "k")->dtype};
        TRY(stage(&s));
    }
    return ST_OK;
}
