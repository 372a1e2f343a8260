/* Pass stage: right sides of products that threads compute, and put into shared memory themselves. */
#include "passes/stage.h"

#include "passes/columns.h"

#include <string.h>

enum { MAX_SIZES = 16, FEW_SIDES = 2 /* both of a product's */ };

/* The barrier of a wait in the same turn stands between the last turn's reading and this one's writing as well. */
static bool is_behind_wait(const Op *op) {
    for (const Op *earlier = op->prev; earlier; earlier = earlier->prev)
        if (earlier->code == OP_WAIT)
            return true;
    return false;
}

bool stage_is_wide_made(const Stager *s, const Value *value) {
    const Op *const def = value->def;
    return s->args->kind == KIND_BACKWARD && !s->is_main && s->dtype != DT_F32 && value->type.cols > WIDE && def &&
           def->code != OP_LOAD && def->code != OP_RING_GET && columns_can_go_by_slices(value);
}

/* A wide left side that the body's own products multiply: beside their sum registers do not hold what it is made of. */
static bool is_wide_left(const Stager *s, const Op *dot) {
    return dot->code == OP_DOT && !op_int(dot, AT_TA, 0) && dot->parent == s->body && stage_is_wide_made(s, dot->in[0]);
}

static bool is_computed_side(const Stager *s, const Op *dot, int i) {
    const Op *def = dot->code == OP_DOT ? dot->in[i]->def : NULL;
    if (i == 0 && is_wide_left(s, dot))
        return true;
    return dot->code == OP_DOT && stage_shared_side(dot, i) &&
           !(def && (def->code == OP_RING_GET || (stage_is_fetchable(s, def) && !stage_of_tokens(def))));
}

bool stage_add_computed(Op *dot, void *arg) {
    Stager *s = arg;
    for (int i = 0; i < 2; i++)
        if (is_computed_side(s, dot, i))
            s->computed_bytes += ir_shared_bytes(type_tile(s->dtype, dot->in[i]->type.rows, dot->in[i]->type.cols));
    return true;
}

/* Computed sides of one size: rings of these serve one op of the body after the other. */
typedef struct Sides {
    const Stager *s;
    int           rows[MAX_SIZES], cols[MAX_SIZES], here[MAX_SIZES], most[MAX_SIZES];
    int           count;
    const Value  *values[MAX_SIZES]; /* of one op of the body, as long as they fit */
    const Block  *blocks[MAX_SIZES];
    int           value_count;
} Sides;

static bool is_known(Sides *c, const Op *dot, const Value *value) {
    for (int v = 0; v < c->value_count; v++)
        if (c->values[v] == value && c->blocks[v] == dot->parent)
            return true;
    if (c->value_count < MAX_SIZES) {
        c->values[c->value_count] = value;
        c->blocks[c->value_count++] = dot->parent;
    }
    return false;
}

static bool count_sides(Op *dot, void *arg) {
    Sides *c = arg;
    for (int i = 0; i < 2; i++) {
        const Type type = dot->code == OP_DOT ? dot->in[i]->type : type_index();
        int        n = 0;
        if (!is_computed_side(c->s, dot, i) || is_known(c, dot, dot->in[i]))
            continue;
        while (n < c->count && (c->rows[n] != type.rows || c->cols[n] != type.cols))
            n++;
        if (n == MAX_SIZES)
            continue;
        c->rows[n] = type.rows;
        c->cols[n] = type.cols;
        c->count = n == c->count ? n + 1 : c->count;
        c->here[n] += !c->s->few || c->here[n] < FEW_SIDES;
        c->most[n] = c->here[n] > c->most[n] ? c->here[n] : c->most[n];
    }
    return true;
}

int64_t stage_computed(const Stager *s) {
    Sides   c = {.s = s};
    int64_t bytes = 0;
    for (Op *op = s->body->first; op; op = op->next) {
        memset(c.here, 0, sizeof c.here);
        c.value_count = 0;
        count_sides(op, &c);
        if (op->region)
            ir_walk(op->region, count_sides, &c);
    }
    for (int n = 0; n < c.count; n++)
        bytes += c.most[n] * ir_shared_bytes(type_tile(s->dtype, c.rows[n], c.cols[n]));
    return bytes;
}

/* The ring where an earlier product of the same block has the side already, or NULL. It is in use again: the product's other
 * side does not get it. */
static Value *find_put(Stager *s, const Op *dot, const Value *value) {
    for (int p = 0; p < s->put_count && s->reuses; p++)
        if (s->put_values[p] == value && s->put_of[p]->parent == dot->parent) {
            s->put_by[p] = ir_ancestor_in(dot, s->body);
            s->put_turns[p] = ++s->put_turn;
            return s->puts[p];
        }
    return NULL;
}

/* The ring of such tiles that may be used again, or -1: one that an earlier op of the body is done with; or, of few, that
 * which was used longest ago. */
static int used_ring(const Stager *s, const Op *here, Type tile) {
    int oldest = -1, count = 0;
    for (int p = 0; p < s->put_count && s->reuses; p++) {
        const Type type = s->puts[p]->type;
        if (type.rows != tile.rows || type.cols != tile.cols)
            continue;
        if (s->put_by[p] != here)
            return p;
        oldest = oldest < 0 || s->put_turns[p] < s->put_turns[oldest] ? p : oldest;
        count++;
    }
    return s->few && count >= FEW_SIDES ? oldest : -1;
}

/* A ring for a computed side of `dot`. */
static Value *put_ring(Stager *s, const Op *dot, const Value *value) {
    const Op *const here = ir_ancestor_in(dot, s->body);
    const int       used = used_ring(s, here, value->type);
    Value *const    ring = used >= 0 ? s->puts[used] : stage_ring(s, 1, value->type);
    const int       p = used >= 0 ? used : s->put_count;
    if (p == MAX_TILES)
        return ring;
    s->put_count += used < 0;
    s->put_turns[p] = ++s->put_turn;
    s->put_by[p] = here;
    s->put_of[p] = dot;
    s->put_values[p] = value;
    s->puts[p] = ring;
    return ring;
}

static void put_slice(const Stager *s, Builder *b, Value *ring, Value *value, int cols, Value *from) {
    Value *const part = ir_convert(b, columns_in_loop(s->ctx, b, value, cols, from), s->dtype);
    ir_op(b, OP_RING_PUT, (Value *[]){ring, ir_i(b, 0), part, from}, 4, NULL, 0);
}

/* Slice by slice, of what is made of a wide tile in shared memory: no register holds more of it. */
static void put_by_slices(const Stager *s, Builder *b, Value *ring, Value *value, Block *block) {
    const int cols = value->type.cols, whole = columns_whole_slices(cols), rest = cols - whole * SLICE;
    columns_reduce(s->ctx, s->kernel, block, value);
    Op *const loop = ir_for(b, "slice", false, ir_i(b, 0), ir_i(b, whole), ir_i(b, 1), NULL, 0);
    Builder   in = ir_at_end(s->ctx, s->kernel, loop->region);
    put_slice(s, &in, ring, value, SLICE, ir_ibin(&in, OP_IMUL, loop->region->args[0], ir_i(&in, SLICE)));
    ir_yield(&in, NULL, 0);
    if (rest)
        put_slice(s, b, ring, value, rest, ir_i(b, whole * SLICE));
}

void stage_put(const Stager *s, Builder *b, Value *ring, Value *value, Block *block) {
    if (stage_is_wide_made(s, value))
        put_by_slices(s, b, ring, value, block);
    else
        ir_ring_put(b, ring, ir_i(b, 0), ir_as(b, value, s->dtype));
}

bool stage_put_side(Op *dot, void *arg) {
    Stager *s = arg;
    for (int i = 0; i < 2; i++) {
        if (!is_computed_side(s, dot, i))
            continue;
        Value *const value = dot->in[i], *const there = find_put(s, dot, value);
        const int    rings = s->put_count;
        Value *const ring = there ? there : put_ring(s, dot, value);
        const bool   fresh = s->put_count > rings; /* else an earlier product may still read there */
        Builder      b = ir_before(s->ctx, s->kernel, dot);
        if (there) {
            dot->in[i] = ir_ring_get(&b, ring, ir_i(&b, 0));
            continue;
        }
        if (!fresh || !is_behind_wait(dot))
            ir_bare(&b, OP_BARRIER);
        stage_put(s, &b, ring, value, dot->parent);
        ir_bare(&b, OP_BARRIER);
        dot->in[i] = ir_ring_get(&b, ring, ir_i(&b, 0));
    }
    return true;
}
