/* Which tiles lie side by side: of those that come transposed from memory and go back to it, a thread may hold rows that
 * follow each other instead of rows 8 apart, and then reads and writes them in one access. All that is computed from each
 * other element by element lies alike; whatever a product, a mask or shared memory touches lies as products have it. */
#include "codegen/ptx/ptx_gen.h"

typedef struct Layout {
    Gen *g;
    bool changed;
} Layout;

static bool is_side(const Gen *g, const Value *value) { return g->sides[value->id]; }

static void make_plain(Layout *l, const Value *value) {
    l->changed |= l->g->sides[value->id];
    l->g->sides[value->id] = false;
}

/* What is spread over the threads by rows. */
static bool has_rows(const Value *value) {
    const Shape shape = cu_shape(value->type);
    return shape == SHAPE_TILE || shape == SHAPE_COLUMN;
}

/* Both lie alike; only tiles and columns lie in one way or another. */
static void tie(Layout *l, const Value *x, const Value *y) {
    if (!has_rows(x) || !has_rows(y) || is_side(l->g, x) == is_side(l->g, y))
        return;
    make_plain(l, x);
    make_plain(l, y);
}

static void tie_region(Layout *l, const Op *op, int first) {
    const Op *yield = ir_terminator(op->region);
    for (int c = 0; c < op->out_count; c++) {
        tie(l, op->out[c], op->in[first + c]);
        tie(l, op->out[c], yield->in[c]);
        if (op->code == OP_FOR)
            tie(l, op->out[c], op->region->args[c + 1]);
    }
}

static bool acts_on_elements(const Op *op) {
    const TypeRule rule = op_info(op->code)->rule;
    return (rule == TR_BROADCAST || rule == TR_SAME) && op->code != OP_MASK && op->code != OP_ROPE;
}

static bool is_way_to_memory(const Op *op) {
    return op->code == OP_STORE && op->in[5]->def && op->in[5]->def->code == OP_TRANSPOSE;
}

static bool is_free(const Op *op) {
    const Op *from = op->in_count ? op->in[0]->def : NULL;
    return op->code == OP_COLSUM || op->code == OP_COLMAX || op->code == OP_FCONST || op->code == OP_YIELD ||
           is_way_to_memory(op) ||
           (op->code == OP_TRANSPOSE && (!from || from->code != OP_RING_GET));
}

static bool settle(Op *op, void *arg) {
    Layout *l = arg;
    if (op->code == OP_FOR || op->code == OP_IF) {
        tie_region(l, op, op->code == OP_FOR ? 3 : 1);
    } else if (acts_on_elements(op)) {
        for (int i = 0; i < op->in_count; i++)
            tie(l, op->out[0], op->in[i]);
    } else if (!is_free(op)) {
        for (int i = 0; i < op->in_count; i++)
            make_plain(l, op->in[i]);
        for (int r = 0; r < op->out_count; r++)
            make_plain(l, op->out[r]);
    }
    return true;
}

static bool may_be_side(Op *op, void *arg) {
    Gen      *g = arg;
    const int rows = 16 * g->kernel->warps;
    for (int r = 0; r < op->out_count; r++)
        g->sides[op->out[r]->id] = op->out[r]->type.rows % rows == 0;
    for (int a = 0; op->region && a < op->region->arg_count; a++)
        g->sides[op->region->args[a]->id] = op->region->args[a]->type.rows % rows == 0;
    return true;
}

void cu_layout(Gen *g) {
    Layout l = {.g = g, .changed = true};
    g->sides = NEW_ARRAY(g->ctx, bool, g->kernel->value_count + 1);
    ir_walk(g->kernel->body, may_be_side, g);
    while (l.changed) {
        l.changed = false;
        ir_walk(g->kernel->body, settle, &l);
    }
}
