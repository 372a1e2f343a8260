/* share: memory that kernels behind one another take in turns.
 * In: the kernels of kind backward, in the order in which they run. Out: an array that is first written behind the last
 * kernel that uses another one of the same dims and dtype lies where that one did, under its name. What an array holds
 * before it is written is undefined; each kernel waits for those before it before it writes what they use.
 * Results are memory, too, until they are written: an array whose last reader writes a result of the same dims and dtype,
 * each tile behind the last time that it reads the same tile, lies in that result. The reader moves behind the others to be
 * the last. */
#include "passes/rewrite.h"

#include <string.h>

enum { MOST_READS = 8 };

/* The kernels from the first to the last that use a parameter; none: first > last. */
typedef struct Life {
    int first, last;
} Life;

typedef struct Use {
    const char *name;
    bool        found;
} Use;

static bool is_of(const Op *op, AttrKey key, const char *name) {
    const char *const text = op_has(op, key) ? op_text(op, key) : NULL;
    return text && strcmp(text, name) == 0;
}

static bool note_use(Op *op, void *arg) {
    Use *use = arg;
    use->found = use->found || is_of(op, AT_PARAM, use->name) || is_of(op, AT_BEYOND, use->name);
    return !use->found;
}

static Life life_of(const Module *module, const char *name) {
    Life life = {module->kernel_count, -1};
    for (int k = 0; k < module->kernel_count; k++) {
        Use use = {name, false};
        ir_walk(module->kernels[k]->body, note_use, &use);
        if (use.found && life.last < 0)
            life.first = k;
        life.last = use.found ? k : life.last;
    }
    return life;
}

static bool alike(const CodeParam *a, const CodeParam *b) {
    return a->role == PARAM_WORK && b->role == PARAM_WORK && a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

typedef struct Renaming {
    Ctx        *ctx;
    const char *from, *to;
} Renaming;

static bool rename_uses(Op *op, void *arg) {
    const Renaming *r = arg;
    if (is_of(op, AT_PARAM, r->from))
        op_set_text(r->ctx, op, AT_PARAM, r->to);
    if (is_of(op, AT_BEYOND, r->from))
        op_set_text(r->ctx, op, AT_BEYOND, r->to);
    return true;
}

/* The array whose place `param` can have, or NULL. */
static const CodeParam *free_place(const Module *module, const Kernel *kernel, const CodeParam *param) {
    const Life life = life_of(module, param->name);
    for (const CodeParam *other = kernel->params; other < param && life.first <= life.last; other++) {
        const Life before = life_of(module, other->name);
        if (alike(other, param) && before.first <= before.last && before.last < life.first)
            return other;
    }
    return NULL;
}

static void move_into(Ctx *ctx, const PassArgs *args, Module *module, const char *from, const char *to) {
    Renaming r = {ctx, ctx_printf(ctx, "%s", from), ctx_printf(ctx, "%s", to)};
    for (int k = 0; k < module->kernel_count; k++)
        ir_walk(module->kernels[k]->body, rename_uses, &r);
    const bool was = ir_find_param(module->kernels[0], r.to)->role == PARAM_WORK;
    pass_note(ctx, args, NULL, "%s lies where %s %s", r.from, r.to, was ? "was" : "will be");
    drop_param(module->kernels[0], r.from);
}

/* ---- Results ---- */

/* What a kernel does with an array and a result. */
typedef struct Uses {
    const char *array, *result;
    Op         *store, *reads[MOST_READS]; /* the one of the result; of the array */
    int         stores, read_count;
    bool        others, other_results; /* other accesses than these, and of the result */
} Uses;

static bool note_access(Op *op, void *arg) {
    Uses *const uses = arg;
    const bool  array = is_of(op, AT_PARAM, uses->array), result = is_of(op, AT_PARAM, uses->result);
    if (result && op->code == OP_STORE) {
        uses->store = op;
        uses->stores++;
    } else if (array && (op->code == OP_LOAD || op->code == OP_SEND) && uses->read_count < MOST_READS) {
        uses->reads[uses->read_count++] = op;
    } else {
        uses->other_results |= result || is_of(op, AT_BEYOND, uses->result);
        uses->others |= array || is_of(op, AT_BEYOND, uses->array);
    }
    return true;
}

static Uses uses_in(const Kernel *kernel, const char *array, const char *result) {
    Uses uses = {.array = array, .result = result};
    ir_walk(kernel->body, note_access, &uses);
    return uses;
}

/* Are both computed alike from the same? */
static bool same_index(const Value *a, const Value *b) {
    const Op *const x = a->def, *const y = b->def;
    if (a == b || !x || !y || x->code != y->code || x->in_count != y->in_count || x->region || op_info(x->code)->rule != TR_INDEX)
        return a == b;
    if (op_int(x, AT_VALUE, 0) != op_int(y, AT_VALUE, 0) || op_has(x, AT_SYM) != op_has(y, AT_SYM) ||
        (op_has(x, AT_SYM) && strcmp(op_text(x, AT_SYM), op_text(y, AT_SYM)) != 0) || x->code == OP_ILOAD)
        return false;
    for (int i = 0; i < x->in_count; i++)
        if (!same_index(x->in[i], y->in[i]))
            return false;
    return true;
}

static bool same_tile(const Op *read, const Op *store) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD, AT_WRAP, AT_COLDIM, AT_LO, AT_DOWN};
    const bool send = read->code == OP_SEND;
    const Type type = store->in[5]->type;
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++)
        if (op_has(read, KEYS[k]) != op_has(store, KEYS[k]) || op_int(read, KEYS[k], 0) != op_int(store, KEYS[k], 0))
            return false;
    for (int i = 0; i < 5; i++)
        if (!same_index(read->in[i + send], store->in[i]))
            return false;
    return send ? op_int(read, AT_ROWS, 0) == type.rows && op_int(read, AT_COLS, 0) == type.cols
                : read->out[0]->type.rows == type.rows && read->out[0]->type.cols == type.cols;
}

/* Does `op` run before `store` whenever that runs, and never again before the next one? Both stand in loops that run both,
 * the store in branches at most. */
static bool runs_before(const Op *op, const Op *store) {
    for (const Op *at = store; at; at = at->parent->owner) {
        const Op *const here = ir_ancestor_in(op, at->parent);
        if (here)
            return here != at && ir_precedes(here, at);
        if (!at->parent->owner || at->parent->owner->code != OP_IF)
            return false;
    }
    return false;
}

typedef struct RingUses {
    const Value *ring;
    Op          *take;
    int          sends, takes;
} RingUses;

static bool note_ring(Op *op, void *arg) {
    RingUses *const uses = arg;
    if (op->in_count == 0 || op->in[0] != uses->ring)
        return true;
    uses->sends += op->code == OP_SEND || op->code == OP_GIVE;
    uses->takes += op->code == OP_TAKE || op->code == OP_SKIP;
    uses->take = op->code == OP_TAKE ? op : uses->take;
    return true;
}

/* What one role sends, that which stores takes. */
static bool is_taken_before(Kernel *kernel, const Op *send, const Op *store) {
    RingUses uses = {.ring = send->in[0]};
    ir_walk(kernel->body, note_ring, &uses);
    return uses.sends == 1 && uses.takes == 1 && uses.take && runs_before(uses.take, store);
}

/* Each turn of a loop that it stands in stores another tile. */
static bool stores_once(const Op *store) {
    for (const Op *loop = store->parent->owner; loop; loop = loop->parent->owner)
        if (loop->code == OP_FOR && !depends_on(store->in[0], loop->region->args[0]) && !depends_on(store->in[1], loop->region->args[0]) &&
            !depends_on(store->in[2], loop->region->args[0]))
            return false;
    return true;
}

static bool is_read_first(Kernel *kernel, const Op *read, const Op *store) {
    return same_tile(read, store) && (read->code == OP_SEND ? is_taken_before(kernel, read, store) : runs_before(read, store));
}

/* The only kernel that has anything to do with the result, and reads the array before: its number, or -1. */
static int find_reader(const Module *module, const char *array, const char *result) {
    int number = -1;
    for (int k = 0; k < module->kernel_count; k++) {
        const Uses uses = uses_in(module->kernels[k], array, result);
        const bool fine = uses.stores == 1 && number < 0 && !uses.others && uses.read_count > 0 && stores_once(uses.store);
        if (uses.other_results || (uses.stores && !fine))
            return -1;
        for (int r = 0; r < uses.read_count && uses.stores; r++)
            if (!is_read_first(module->kernels[k], uses.reads[r], uses.store))
                return -1;
        number = uses.stores ? k : number;
    }
    return number;
}

static bool names_no(Op *op, void *param) { return !is_of(op, AT_PARAM, param) && !is_of(op, AT_BEYOND, param); }

/* Does `b` use what `a` writes? */
static bool follows(const Kernel *a, const Kernel *b) {
    for (int p = 0; p < a->param_count; p++)
        if (ir_holds_of(a->body, OP_STORE, a->params[p].name) &&
            !ir_walk(b->body, names_no, (void *)a->params[p].name))
            return true;
    return false;
}

/* The kernel goes behind number `last`, if no kernel up to there minds. */
static bool move_behind(Module *module, int number, int last) {
    Kernel *const kernel = module->kernels[number];
    for (int k = number + 1; k <= last; k++)
        if (follows(kernel, module->kernels[k]) || follows(module->kernels[k], kernel))
            return false;
    for (int k = number; k < last; k++)
        module->kernels[k] = module->kernels[k + 1];
    module->kernels[last > number ? last : number] = kernel;
    return true;
}

/* An array of working memory that goes into a result. */
static bool use_result(Ctx *ctx, Module *module, const PassArgs *args, const CodeParam *array, const CodeParam *result) {
    const bool same = array->dtype == result->dtype && memcmp(array->dims, result->dims, sizeof array->dims) == 0;
    if (array->role != PARAM_WORK || result->role != PARAM_OUT || !same)
        return false;
    const int  number = find_reader(module, array->name, result->name);
    const Life life = life_of(module, array->name);
    if (number < 0 || !move_behind(module, number, life.last))
        return false;
    move_into(ctx, args, module, array->name, result->name);
    return true;
}

static void use_results(Ctx *ctx, Module *module, const PassArgs *args) {
    const Kernel *const first = module->kernels[0];
    for (int r = 0; r < first->param_count; r++)
        for (int a = 0; a < first->param_count; a++)
            if (use_result(ctx, module, args, &first->params[a], &first->params[r])) {
                r = -1; /* places in the list have changed */
                break;
            }
}

/* ---- The pass ---- */

Status pass_share(Ctx *ctx, Module *module, const PassArgs *args) {
    Kernel *const first = module->kernels[0];
    if (args->kind != KIND_BACKWARD || !args->target->warp_size)
        return ST_OK;
    use_results(ctx, module, args);
    for (int p = 0; p < first->param_count; p++) {
        const CodeParam *const place = free_place(module, first, &first->params[p]);
        if (!place)
            continue;
        move_into(ctx, args, module, first->params[p].name, place->name);
        p--;
    }
    for (int k = 1; k < module->kernel_count; k++) { /* all have the same */
        module->kernels[k]->params = first->params;
        module->kernels[k]->param_count = first->param_count;
        module->kernels[k]->param_capacity = first->param_capacity;
    }
    return ST_OK;
}
