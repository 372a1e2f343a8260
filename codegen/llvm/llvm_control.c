/* The blocks of a kernel: index arithmetic, for, if, rings, and where tiles live. Everything else is handed on.
 * A tile's home is its place in scratch. Carried tiles, region arguments and results normally share one place, set by
 * the place pass; where they do not, they are copied. */
#include "codegen/llvm/llvm_gen.h"

#include <string.h>

Val gen_ref(Gen *g, const Value *value) {
    const Place *place = &g->places[value->id];
    if (place->ref)
        return place->ref;
    gen_fail(g, value->def, "a value is used before it is defined");
    return value->type.cls == TY_INDEX ? gen_int(g, 0) : g->scratch;
}

static bool is_global(const Value *value) {
    return value->type.cls == TY_TILE && value->type.space == SPACE_GLOBAL && value->def && value->def->code == OP_LOAD;
}

/* The tile in scratch; one that is only viewed in a parameter is brought there now. */
Val gen_tile(Gen *g, const Value *value) {
    if (!is_global(value))
        return gen_ref(g, value);
    const Val home = gen_temp(g, ir_tile_bytes(value->type));
    gen_lone_row_at(g, value->def, home);
    return home;
}

static Val placed(Gen *g, const Value *value) {
    if (value->type.space == SPACE_SCRATCH)
        return gen_bytes(g, g->scratch, value->type.offset);
    return gen_temp(g, ir_tile_bytes(value->type));
}

static Val slot_address(Gen *g, const Value *ring, const Value *slot) {
    const Type tile = type_ring_tile(ring->type);
    const Val  number = gen_floor_mod(g, gen_ref(g, slot), gen_int(g, ring->type.slots));
    const Val  skip = gen_mul(g, number, gen_int(g, ir_tile_bytes(tile)));
    return gen_address(g, gen_ref(g, ring), LLVMInt8TypeInContext(g->context), skip);
}

/* Does an op, or one in its region, read a slot of the ring? */
static bool reads_ring(const Op *op, const Value *ring) {
    for (int i = 0; i < op->in_count; i++) {
        const Op *def = op->in[i]->def;
        if (def && def->code == OP_RING_GET && def->in[0] == ring)
            return true;
    }
    for (const Op *inner = op->region ? op->region->first : NULL; inner; inner = inner->next)
        if (reads_ring(inner, ring))
            return true;
    return false;
}

/* The ring_put that is the only use of a result, if nothing up to it can see the slot: the tile is then made there. */
static const Op *only_put(Gen *g, const Value *value) {
    const Op *put = value->def->next;
    while (put && (op_info(put->code)->rule == TR_INDEX || (put->code == OP_RING_PUT && put->in[2] != value)))
        put = put->next;
    if (!put || put->code != OP_RING_PUT || put->in[2] != value || ir_use_count(g->kernel, value) != 1)
        return NULL;
    if (reads_ring(value->def, put->in[0]))
        return NULL;
    return g->places[put->in[0]->id].ref && g->places[put->in[1]->id].ref ? put : NULL;
}

static void name_value(const Value *value, Val ref) {
    size_t length;
    LLVMGetValueName2(ref, &length);
    if (value->name && length == 0 && !LLVMIsConstant(ref))
        LLVMSetValueName2(ref, value->name, strlen(value->name));
}

Val gen_home(Gen *g, const Op *op, int result) {
    const Value *value = op->out[result];
    const Op    *put = only_put(g, value);
    const Val    home = put ? slot_address(g, put->in[0], put->in[1]) : placed(g, value);
    g->places[value->id].put = put;
    name_value(value, home);
    return home;
}

static bool same_place(const Value *x, const Value *y) {
    return x == y ||
           (x->type.space == SPACE_SCRATCH && y->type.space == SPACE_SCRATCH && x->type.offset == y->type.offset);
}

/* `to` takes over what `from` is: nothing to do where they share a place. */
static void hand_over(Gen *g, const Value *to, const Value *from) {
    if (from->type.cls == TY_TILE && !same_place(to, from))
        gen_copy_tile(g, to->type, gen_ref(g, to), gen_tile(g, from));
}

static Val emit_symbol(Gen *g, const Op *op) {
    static const char *const NAMES[SYM_COUNT] = {
#define X(id, name, help) name,
        SYMS(X)
#undef X
    };
    const char *name = op_text(op, AT_SYM);
    for (int s = 0; s < SYM_COUNT; s++)
        if (name && strcmp(NAMES[s], name) == 0)
            return gen_sym(g, (Sym)s);
    gen_fail(g, op, "no such size");
    return gen_int(g, 0);
}

static Val emit_iload(Gen *g, const Op *op) {
    const int param = gen_param_index(g, op);
    const Ty  type = gen_storage(g, g->kernel->params[param].dtype);
    const Val address = gen_address(g, gen_param_base(g, param), type, gen_ref(g, op->in[0]));
    return LLVMBuildSExt(g->b, gen_load(g, type, address, 4, ""), g->i64, "");
}

static Val index_binary(Gen *g, OpCode code, Val x, Val y) {
    switch (code) {
    case OP_IADD: return gen_add(g, x, y);
    case OP_ISUB: return gen_sub(g, x, y);
    case OP_IMUL: return gen_mul(g, x, y);
    case OP_IDIV: return gen_floor_div(g, x, y);
    case OP_IMOD: return gen_floor_mod(g, x, y);
    case OP_IMIN: return gen_min(g, x, y);
    case OP_IMAX: return gen_max(g, x, y);
    default: return LLVMBuildZExt(g->b, gen_less(g, x, y), g->i64, "");
    }
}

void gen_index_op(Gen *g, const Op *op) {
    Val *ref = &g->places[op->out[0]->id].ref;
    switch (op->code) {
    case OP_ICONST: *ref = gen_int(g, op_int(op, AT_VALUE, 0)); break;
    case OP_ISYM: *ref = emit_symbol(g, op); break;
    case OP_ILOAD: *ref = emit_iload(g, op); break;
    default: *ref = index_binary(g, op->code, gen_ref(g, op->in[0]), gen_ref(g, op->in[1])); break;
    }
    name_value(op->out[0], *ref);
}

/* Index values among the carried ones become phis; tiles stay in memory. */
static int count_indices(Value *const *values, int count) {
    int indices = 0;
    for (int i = 0; i < count; i++)
        indices += values[i]->type.cls == TY_INDEX;
    return indices;
}

static Val *index_refs(Gen *g, Value *const *values, int count) {
    Val *refs = NEW_ARRAY(g->ctx, Val, count);
    for (int i = 0, n = 0; i < count; i++)
        if (values[i]->type.cls == TY_INDEX)
            refs[n++] = gen_ref(g, values[i]);
    return refs;
}

static void bind_indices(Gen *g, Value *const *values, int count, const Val *refs) {
    for (int i = 0, n = 0; i < count; i++) {
        if (values[i]->type.cls != TY_INDEX)
            continue;
        g->places[values[i]->id].ref = refs[n++];
        name_value(values[i], g->places[values[i]->id].ref);
    }
}

static void place_tiles(Gen *g, Value *const *values, int count) {
    for (int i = 0; i < count; i++)
        if (values[i]->type.cls == TY_TILE) {
            g->places[values[i]->id].ref = placed(g, values[i]);
            name_value(values[i], g->places[values[i]->id].ref);
        }
}

/* A yield may not pass one argument's tile on as another's: the copies below go one by one. */
static void check_yield(Gen *g, const Op *loop, const Op *yield) {
    Value *const *args = loop->region->args + 1;
    for (int i = 0; i < yield->in_count; i++)
        for (int j = 0; j < i; j++)
            if (yield->in[i]->type.cls == TY_TILE && same_place(yield->in[i], args[j]) &&
                !same_place(yield->in[i], args[i]))
                gen_fail(g, loop, "carried tiles change places");
}

static void emit_for(Gen *g, const Op *op) {
    const Block  *body = op->region;
    const int     count = op->in_count - 3;
    Value *const *initial = op->in + 3, *const *args = body->args + 1;
    const Op     *yield = ir_terminator(body);
    place_tiles(g, args, count);
    for (int i = 0; i < count; i++)
        hand_over(g, args[i], initial[i]);
    const char *axis = op_text(op, AT_AXIS);
    Loop        loop;
    gen_loop_open(g, &loop, axis ? axis : "for", gen_ref(g, op->in[0]), gen_ref(g, op->in[1]), gen_ref(g, op->in[2]),
                  index_refs(g, initial, count), count_indices(initial, count));
    g->places[body->args[0]->id].ref = loop.iv;
    bind_indices(g, args, count, loop.carried);
    gen_ops(g, body);
    check_yield(g, op, yield);
    for (int i = 0; i < count; i++)
        hand_over(g, args[i], yield->in[i]);
    gen_loop_close(g, &loop, index_refs(g, yield->in, count));
    bind_indices(g, op->out, count, loop.carried);
    place_tiles(g, op->out, count);
    for (int i = 0; i < count; i++)
        hand_over(g, op->out[i], args[i]);
}

static void finish_branch(Gen *g, const Op *op, Value *const *values, Blk join) {
    for (int i = 0; i < op->out_count; i++)
        hand_over(g, op->out[i], values[i]);
    gen_jump(g, join);
}

static void emit_if(Gen *g, const Op *op) {
    const Op *yield = ir_terminator(op->region);
    Blk       yes = gen_block(g, "then"), no = gen_block(g, "else"), join = gen_block(g, "endif");
    place_tiles(g, op->out, op->out_count);
    const Val condition = LLVMBuildICmp(g->b, LLVMIntNE, gen_ref(g, op->in[0]), gen_int(g, 0), "");
    gen_branch(g, condition, yes, no);
    gen_enter(g, yes);
    gen_ops(g, op->region);
    Val *if_yes = index_refs(g, yield->in, op->out_count);
    finish_branch(g, op, yield->in, join);
    Blk yes_end = LLVMGetInsertBlock(g->b);
    LLVMMoveBasicBlockAfter(no, yes_end);
    gen_enter(g, no);
    Val *if_no = index_refs(g, op->in + 1, op->out_count);
    finish_branch(g, op, op->in + 1, join);
    Blk no_end = LLVMGetInsertBlock(g->b);
    LLVMMoveBasicBlockAfter(join, no_end);
    gen_enter(g, join);
    for (int i = 0; i < count_indices(op->out, op->out_count); i++) {
        const Val phi = LLVMBuildPhi(g->b, g->i64, "");
        LLVMAddIncoming(phi, &if_yes[i], &yes_end, 1);
        LLVMAddIncoming(phi, &if_no[i], &no_end, 1);
        if_yes[i] = phi;
    }
    bind_indices(g, op->out, op->out_count, if_yes);
}

static void emit_ring_put(Gen *g, const Op *op) {
    const Value *tile = op->in[2];
    if (g->places[tile->id].put == op)
        return;
    gen_copy_tile(g, tile->type, slot_address(g, op->in[0], op->in[1]), gen_tile(g, tile));
}

static void emit_copy(Gen *g, const Op *op) {
    Val *home = &g->places[op->out[0]->id].ref;
    *home = gen_home(g, op, 0);
    gen_copy_tile(g, op->out[0]->type, *home, gen_tile(g, op->in[0]));
}

static void gen_op(Gen *g, const Op *op) {
    switch (op->code) {
    case OP_FOR: emit_for(g, op); return;
    case OP_IF: emit_if(g, op); return;
    case OP_YIELD: return;
    case OP_RING: g->places[op->out[0]->id].ref = placed(g, op->out[0]); return;
    case OP_RING_PUT: emit_ring_put(g, op); return;
    case OP_RING_GET: g->places[op->out[0]->id].ref = slot_address(g, op->in[0], op->in[1]); return;
    case OP_ROWS: gen_rows(g, op); return;
    case OP_DOT: gen_dot(g, op); return;
    case OP_TRANSPOSE: gen_transpose(g, op); return;
    case OP_COPY: emit_copy(g, op); return;
    default: break;
    }
    if (op_info(op->code)->rule == TR_INDEX)
        gen_index_op(g, op);
    else if (!(op_info(op->code)->traits & ROWWISE))
        gen_fail(g, op, "this op has no code on a CPU");
    else if (op->out_count == 0 || !is_global(op->out[0]))
        gen_lone_row(g, op);
}

void gen_ops(Gen *g, const Block *block) {
    for (const Op *op = block->first; op && g->ctx->status == ST_OK; op = op->next)
        gen_op(g, op);
}
