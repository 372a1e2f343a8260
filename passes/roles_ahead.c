/* Pass roles, kind extend: while a block works on an item, the role that sends queries, which has little else to do, brings
 * near what the sender needs first of all blocks for the block's next item. Sequences come one after the other there: all
 * of a sequence's keys, values and states come from memory at the time when every block begins with it, and how late a
 * tile comes matters more than how many do. Each block asks for the rows of its own row tile, those that leave the window there and
 * the state; its neighbours ask for the rest. */
#include "passes/loops.h"

#include <string.h>

enum { MAX_AHEAD = 16 };

/* A tile of the kind that `like` sends, where `at` sends one. */
typedef struct Tile {
    const Op *like, *at;
} Tile;

typedef struct Ahead {
    Ctx      *ctx;
    Kernel   *kernel;
    Op       *queries, *sender; /* roles */
    Tile      tiles[MAX_AHEAD];
    int       count;
} Ahead;

static bool is_of(const Op *send, const char *param) { return strcmp(op_text(send, AT_PARAM), param) == 0; }

static bool is_same(const Op *x, const Op *y) {
    for (int i = 1; i <= 3; i++) {
        const Affine a = affine_of(x->in[i]), b = affine_of(y->in[i]), apart = affine_difference(&a, &b);
        if (!apart.ok || !affine_is_constant(&apart) || apart.constant != 0)
            return false;
    }
    return strcmp(op_text(x, AT_PARAM), op_text(y, AT_PARAM)) == 0 && op_int(x, AT_ROWS, 0) == op_int(y, AT_ROWS, 0) &&
           op_int(x, AT_LO, 0) == op_int(y, AT_LO, 0);
}

static bool stands_in_loop(const Op *op) {
    for (const Op *at = op->parent->owner; at->code != OP_ROLE; at = at->parent->owner)
        if (at->code == OP_FOR)
            return true;
    return false;
}

static void add(Ahead *a, const Op *like, const Op *at) {
    if (a->count < MAX_AHEAD)
        a->tiles[a->count++] = (Tile){like, at};
}

typedef struct Values {
    const Op *keys, *found;
} Values;

static bool find_values(Op *op, void *arg) {
    Values *values = arg;
    if (op->code == OP_SEND && is_of(op, "all_v") && op_int(op, AT_ROWS, 0) == op_int(values->keys, AT_ROWS, 0))
        values->found = op;
    return !values->found;
}

/* Keys at places that are known from the start, and the values that belong to them. */
static bool note_send(Op *op, void *arg) {
    Ahead *a = arg;
    bool   known = op->code != OP_SEND || is_of(op, "all_v") || stands_in_loop(op);
    for (int n = 0; n < a->count && !known; n++)
        known = is_same(a->tiles[n].like, op);
    if (known)
        return true;
    add(a, op, op);
    Values values = {.keys = op};
    if (is_of(op, "all_k"))
        ir_walk(a->sender->region, find_values, &values);
    if (values.found)
        add(a, values.found, op);
    return true;
}

static bool sends_queries(Op *op, void *arg) {
    bool *found = arg;
    *found |= op->code == OP_SEND && is_of(op, "q");
    return !*found;
}

static void prefetch(const Ahead *a, Builder *b, const Tile *tile, ValueMap *map) {
    static const AttrKey KEYS[] = {AT_ROWS, AT_COLS, AT_ROWDIM, AT_GROUPDIM, AT_PERIOD, AT_LO, AT_COLDIM};
    Value               *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = clone_slice(b, tile->at->in[1 + i], a->sender->region, map);
    Op *const made = ir_op(b, OP_PREFETCH, in, 5, NULL, 0);
    op_set_text(a->ctx, made, AT_PARAM, op_text(tile->like, AT_PARAM));
    for (int k = 0; k < (int)(sizeof KEYS / sizeof KEYS[0]); k++)
        if (op_has(tile->like, KEYS[k]))
            op_set_int(a->ctx, made, KEYS[k], op_int(tile->like, KEYS[k], 0));
    copy_beyond(a->ctx, made, tile->like);
}

void roles_look_ahead(Ctx *ctx, Kernel *kernel) {
    Ahead a = {.ctx = ctx, .kernel = kernel};
    for (Op *op = loop_grid_body(kernel->body)->first; op; op = op->next) {
        bool queries = false;
        if (op->code != OP_ROLE || strcmp(op_text(op, AT_ROLE), "copy") != 0)
            continue;
        ir_walk(op->region, sends_queries, &queries);
        *(queries ? &a.queries : &a.sender) = op;
    }
    if (!a.queries || !a.sender)
        return;
    ir_walk(a.sender->region, note_send, &a);
    ir_walk(a.queries->region, note_send, &a);
    ValueMap map = {.ctx = ctx};
    Builder  b = ir_before(ctx, kernel, ir_terminator(a.queries->region));
    for (int n = 0; n < a.count; n++)
        prefetch(&a, &b, &a.tiles[n], &map);
}
