/* Products of phi(q) for pass columns, see columns.c: by slices, in a loop where their number is all that differs. */
#include "passes/columns.h"

#include <string.h>

enum { LEAST = 16 /* columns of a product's left side */ };

/* Does `dot` go on where the product before it with the same rows of a right side ended? */
static bool follows(const Columns *c, const Product *p, const Product *next) {
    const Op *load = p->dot->in[1]->def, *later = next->dot->in[1]->def;
    const int rowdim = (int)op_int(load, AT_ROWDIM, -1);
    if (next->features != p->features || next->lo != p->lo + p->k || ir_dot_parts(next->dot).acc != p->tail->out[0] ||
        ir_use_count(c->kernel, p->tail->out[0]) != 1 || op_int(p->dot, AT_TB, 0) || op_int(next->dot, AT_TB, 0))
        return false;
    if (rowdim < 0 || op_int(later, AT_ROWDIM, -1) != rowdim ||
        strcmp(op_text(load, AT_PARAM), op_text(later, AT_PARAM)) != 0)
        return false;
    for (int d = 0; d < 3; d++) {
        const Affine at = affine_of(load->in[d]), then = affine_of(later->in[d]), apart = affine_difference(&then, &at);
        if (!affine_is_constant(&apart) || apart.constant != (d == rowdim ? p->k : 0))
            return false;
    }
    return true;
}

static bool is_plain_product(const Op *op) { return op && op->code == OP_DOT && op->in_count <= 3; }

/* Is there a product that is not noted, as of the queries themselves, between this sum and one that is? What a chain starts with
 * would then be another chain's. */
static bool goes_on_behind_others(const Columns *c, const Value *sum) {
    bool others = false;
    for (const Op *op = sum ? sum->def : NULL; is_plain_product(op); op = op->in_count == 3 ? op->in[2]->def : NULL) {
        for (int p = 0; p < c->count; p++)
            if (c->products[p].tail == op)
                return others;
        others = true;
    }
    return false;
}

void columns_note_product(Columns *c, Op *dot) {
    const DotParts parts = ir_dot_parts(dot);
    Product        p = {.dot = dot, .tail = dot, .features = dot->in[0], .k = parts.k, .sum = parts.acc, .chain = c->count};
    while (p.features->def && p.features->def->code == OP_COLS) {
        p.lo += (int)op_int(p.features->def, AT_LO, 0);
        p.features = p.features->def->in[0];
    }
    if (c->count == MAX_PRODUCTS || parts.scale || parts.delta || op_int(dot, AT_TA, 0) || !parts.y->def ||
        parts.y->def->code != OP_LOAD || dot->in[0] == c->queries->out[0] || !columns_comes_of(c, dot->in[0], false) ||
        goes_on_behind_others(c, parts.acc))
        return;
    for (int other = 0; other < c->count; other++) {
        Product *const before = &c->products[other];
        if (follows(c, before, &p)) {
            before->k += p.k;
            before->tail = dot;
            return;
        }
        if (before->tail->out[0] == parts.acc)
            p.chain = before->chain;
    }
    c->products[c->count++] = p;
}

/* A chain that starts with products behind `at` ends with them instead. */
static void turn_chain(const Columns *c, Product *p, Op *at) {
    Op *first = p->sum ? p->sum->def : NULL;
    if (!first || first->parent != at->parent || ir_precedes(first, at))
        return;
    if (!is_plain_product(first)) {
        columns_hoist(c, p->sum, at);
        return;
    }
    p->last = first;
    while (first->in_count == 3 && is_plain_product(first->in[2]->def) && first->in[2]->def->parent == at->parent &&
           ir_precedes(at, first->in[2]->def) && ir_use_count(c->kernel, first->in[2]) == 1)
        first = first->in[2]->def;
    p->first = first;
    p->sum = first->in_count == 3 ? first->in[2] : NULL;
    if (first->in_count == 3)
        op_remove_in(first, 2);
}

/* Of n columns of a left side, as many as are multiplied with a stack of right sides at once: these have no more rows than a
 * single right side for all of them. */
static int stacked_columns(int stack, int n) { return stack == 1 || n <= LEAST ? n : n / stack < LEAST ? LEAST : n / stack / LEAST * LEAST; }

/* Of `rows` rows each, if there are several. */
static void stack_sides(const Columns *c, Op *load, Op *dot, int stack, int rows) {
    if (stack == 1)
        return;
    load->out[0]->type.rows = stack * rows;
    op_set_int(c->ctx, load, AT_PERIOD, rows);
    op_set_int(c->ctx, dot, AT_STACK, stack);
}

/* The right side's part for columns lo .. lo + n - 1 of phi(q). */
static Value *right_side(Columns *c, Builder *b, const Product *p, int lo, int n, Op *at) {
    Value *const whole = p->dot->in[1];
    const int    from = lo - p->lo, rowdim = (int)op_int(whole->def, AT_ROWDIM, -1);
    for (int i = 0; i < whole->def->in_count; i++)
        columns_hoist(c, whole->def->in[i], at);
    if (op_int(p->dot, AT_TB, 0))
        return columns_load_columns(b, whole->def, from, n, NULL);
    ValueMap  map = {.ctx = c->ctx};
    Op *const piece = ir_clone(b, whole->def, &map);
    Builder   before = ir_before(c->ctx, c->kernel, piece);
    piece->in[rowdim] = index_offset(&before, piece->in[rowdim], from);
    piece->out[0]->type.rows = n;
    return piece->out[0];
}

/* `sum` + x times that; of a stack of right sides, which has as many times the rows, by as many parts. */
static Value *add_product(Columns *c, Builder *b, const Product *p, Value *x, int lo, int n, Op *at, Value *sum) {
    const int stack = (int)op_int(p->dot, AT_STACK, 1), most = stacked_columns(stack, n);
    for (int from = 0, part; from < n; from += part) {
        part = n - from < most ? n - from : most;
        Value *const left = part < n ? ir_cols(b, x, from, part) : x, *const y = right_side(c, b, p, lo + from, part, at);
        sum = ir_dot(b, left, y, sum, false, op_int(p->dot, AT_TB, 0));
        stack_sides(c, y->def, sum->def, stack, part);
    }
    return sum;
}

/* All products with phi(q)'s columns lo .. lo + n - 1 of one piece. */
static void multiply_slice(Columns *c, Value *features, int lo, int n, Op *at) {
    Builder      b = ir_before(c->ctx, c->kernel, at);
    Slice        s = columns_slice_at(c, lo, n);
    Value *const x = columns_slice(c, &b, features, &s);
    for (int i = 0; i < c->count; i++) {
        const Product *p = &c->products[i];
        Value        **sum = &c->products[p->chain].sum;
        if (p->features != features || lo < p->lo || lo >= p->lo + p->k)
            continue;
        *sum = add_product(c, &b, p, x, lo, n, at, *sum);
    }
}

/* The right side's part for slice `number`, which is known in a loop only: what a row of keys' features holds, or `rows` rows
 * of a state, from the slice's row `first` on. */
static Value *right_side_of(const Columns *c, Builder *b, const Product *p, Value *number, int first, int rows, Op *at) {
    const Op *const load = p->dot->in[1]->def;
    const bool      keys = op_int(p->dot, AT_TB, 0);
    const int       dim = keys ? 2 : (int)op_int(load, AT_ROWDIM, -1);
    ValueMap        map = {.ctx = c->ctx};
    for (int i = 0; i < load->in_count; i++)
        columns_hoist(c, load->in[i], at);
    Value *const step = keys ? number : index_offset(b, ir_ibin(b, OP_IMUL, number, ir_i(b, SLICE)), first),
                *const place = ir_ibin(b, OP_IADD, load->in[dim], step);
    Op *const made = ir_clone(b, load, &map);
    made->in[dim] = place;
    if (keys)
        made->out[0]->type.cols = SLICE;
    else
        made->out[0]->type.rows = rows;
    return made->out[0];
}

static bool is_row_a_slice(const Columns *c, const Op *load) {
    return ir_find_param(c->kernel, op_text(load, AT_PARAM))->dims[3] == SLICE && op_int(load, AT_LO, 0) == 0;
}

/* The products of one piece in a loop: what is carried, by chains, and last the slice that is multiplied next. */
typedef struct Piece {
    Value *features;
    Value *sums[MAX_PRODUCTS + 1];
    int    chains[MAX_PRODUCTS], count;
} Piece;

static void note_chain(Columns *c, Builder *b, Piece *piece, const Product *p) {
    for (int k = 0; k < piece->count; k++)
        if (piece->chains[k] == p->chain)
            return;
    Value *const sum = c->products[p->chain].sum;
    const Type   type = p->dot->out[0]->type;
    piece->sums[piece->count] = sum ? sum : ir_f(b, 0, type.rows, type.cols);
    piece->chains[piece->count++] = p->chain;
}

static bool read_piece(Columns *c, Builder *b, Value *features, Piece *piece) {
    *piece = (Piece){.features = features};
    for (int i = 0; i < c->count; i++) {
        const Product *p = &c->products[i];
        if (p->features != features)
            continue;
        if (p->lo != 0 || p->k != features->type.cols ||
            (op_int(p->dot, AT_TB, 0) && !is_row_a_slice(c, p->dot->in[1]->def)))
            return false;
        note_chain(c, b, piece, p);
    }
    return columns_can_loop(c, features);
}

/* The left side that slice `number` is, in the dtype of the products. */
static Value *left_side(const Columns *c, Builder *b, const Piece *piece, Value *number) {
    const DType dtype = ir_find_param(c->kernel, "k")->dtype;
    Slice       s = columns_slice_at(c, 0, SLICE);
    s.from = ir_ibin(b, OP_IMUL, number, ir_i(b, SLICE));
    return ir_as(b, columns_slice(c, b, piece->features, &s), dtype);
}

static Value *add_slice(const Columns *c, Builder *b, const Product *p, Value *x, Value *number, Op *at, Value *sum) {
    const int stack = (int)op_int(p->dot, AT_STACK, 1), most = stacked_columns(stack, SLICE);
    for (int from = 0, part; from < SLICE; from += part) {
        part = SLICE - from < most ? SLICE - from : most;
        Value *const left = part < SLICE ? ir_cols(b, x, from, part) : x, *const y = right_side_of(c, b, p, number, from, part, at);
        sum = ir_dot(b, left, y, sum, false, op_int(p->dot, AT_TB, 0));
        stack_sides(c, y->def, sum->def, stack, part);
    }
    return sum;
}

static void multiply(const Columns *c, Builder *b, Piece *piece, Value *x, Value *number, Op *at) {
    for (int i = 0; i < c->count; i++) {
        const Product *p = &c->products[i];
        for (int k = 0; k < piece->count && p->features == piece->features; k++)
            if (piece->chains[k] == p->chain)
                piece->sums[k] = add_slice(c, b, p, x, number, at, piece->sums[k]);
    }
}

/* A loop over the whole slices of one piece but the last one, if all its products go over all of it: while a slice is
 * multiplied the next one is made. -> how many columns it took. */
static int multiply_in_loop(Columns *c, Value *features, Op *at) {
    const int slices = columns_whole_slices(features->type.cols);
    Builder   b = ir_before(c->ctx, c->kernel, at);
    Piece     piece;
    if (c->plain || slices < 2 || !read_piece(c, &b, features, &piece))
        return 0;
    piece.sums[piece.count] = left_side(c, &b, &piece, ir_i(&b, 0));
    Op *const    loop =
        ir_for(&b, "slice", false, ir_i(&b, 0), ir_i(&b, slices - 1), ir_i(&b, 1), piece.sums, piece.count + 1);
    Builder      in = ir_at_end(c->ctx, c->kernel, loop->region);
    Value *const number = loop->region->args[0], *const x = loop->region->args[1 + piece.count];
    memcpy(piece.sums, loop->region->args + 1, sizeof *piece.sums * (size_t)piece.count);
    multiply(c, &in, &piece, x, number, loop);
    piece.sums[piece.count] = left_side(c, &in, &piece, index_offset(&in, number, 1));
    ir_yield(&in, piece.sums, piece.count + 1);
    memcpy(piece.sums, loop->out, sizeof *piece.sums * (size_t)piece.count);
    multiply(c, &b, &piece, loop->out[piece.count], ir_i(&b, slices - 1), at);
    for (int k = 0; k < piece.count; k++)
        c->products[piece.chains[k]].sum = piece.sums[k];
    return slices * SLICE;
}

/* Where the products with columns from lo on end, or the rows that keys' features stand in: no slice goes on behind. */
static int next_border(const Columns *c, const Value *features, int lo) {
    int end = features->type.cols;
    for (int i = 0; i < c->count; i++) {
        const Product *p = &c->products[i];
        const int64_t  row = ir_find_param(c->kernel, op_text(p->dot->in[1]->def, AT_PARAM))->dims[3];
        const bool     rows = op_int(p->dot, AT_TB, 0) && row > 0;
        const int      last = p->lo + (rows ? (int)((lo - p->lo) / row * row + row) : p->k);
        if (p->features == features && last > lo && last < end)
            end = last;
    }
    return end;
}

/* Where the slice from lo on ends. */
static int slice_end(const Columns *c, const Value *features, int lo) {
    const int border = next_border(c, features, lo), end = lo / SLICE * SLICE + SLICE;
    return end < border - 1 ? end : border;
}

/* What used the chains' last sums uses the new ones, and nothing the old products. */
static void close_chains(Columns *c) {
    for (int i = c->count - 1; i >= 0; i--) {
        const Product *p = &c->products[i], *first = &c->products[p->chain];
        bool           goes_on = false;
        for (int other = i + 1; other < c->count; other++)
            goes_on |= c->products[other].chain == p->chain;
        if (!goes_on) {
            if (first->last)
                op_add_in(c->ctx, first->first, first->first->in_count, first->sum);
            ir_replace_uses(c->kernel, p->tail->out[0], first->last ? first->last->out[0] : first->sum);
        }
    }
}

void columns_prepare(Columns *c, Op *at) {
    for (int i = 0; i < c->count; i++) {
        columns_hoist_others(c, c->products[i].features, at);
        if (c->products[i].chain == i)
            turn_chain(c, &c->products[i], at);
    }
}

void columns_multiply(Columns *c, Op *at) {
    for (int i = 0; i < c->count; i++) {
        bool seen = false;
        for (int other = 0; other < i; other++)
            seen |= c->products[other].features == c->products[i].features;
        Value *const features = c->products[i].features;
        for (int lo = seen ? 0 : multiply_in_loop(c, features, at), end; lo < features->type.cols && !seen; lo = end) {
            end = slice_end(c, features, lo);
            multiply_slice(c, features, lo, end - lo, at);
        }
    }
    close_chains(c);
}
