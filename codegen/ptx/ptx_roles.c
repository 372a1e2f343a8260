/* Kernels whose warps have roles: rings between them, copies by tensor maps, and the frame that gives every warp its
 * role. Warps that compute come first, in whole groups of four, those of each role as many; roles of one warp share the
 * group behind them: those that send and store tiles are one thread each, those that move rows all of it. A block walks over
 * items; rings and their phases go on from item to item. */
#include "codegen/ptx/ptx_gen.h"

#include <string.h>

enum { GROUP = 4, MAX_RINGS = 8, BARRIER_BYTES = 8, ITEMS_BYTES = 40 /* a word, its barriers, four phases */ };
enum { RESERVED_BYTES = 1024 /* of shared memory beside a block's own */ };

static bool find_role(Op *op, void *arg) {
    const Op **found = arg;
    *found = op->code == OP_ROLE && !*found ? op : *found;
    return !*found;
}

const Op *cu_first_role(const Kernel *kernel) {
    const Op *found = NULL;
    ir_walk(kernel->body, find_role, (void *)&found);
    return found;
}

/* Of several warps; else one thread copies. */
static bool computes(const Op *role) { return op_int(role, AT_WARPS, 1) >= GROUP; }

static int copying_before(const Op *role) {
    int count = 0;
    for (const Op *op = role->prev; op; op = op->prev)
        count += op->code == OP_ROLE && !computes(op);
    return count;
}

static int computing_roles(const Kernel *kernel) {
    int count = 0;
    for (const Op *op = cu_first_role(kernel); op; op = op->next)
        count += op->code == OP_ROLE && computes(op);
    return count;
}

bool cu_several_compute(const Kernel *kernel) { return computing_roles(kernel) > 1; }

/* ---- Kernels beside each other ---- */

/* Where the arguments have the number of items. */
static int item_count(const Gen *g) { return 5 * g->kernel->param_count + SYM_COUNT; }

/* The first word of the parameter in the arguments. */
static int param_at(const Gen *g, const char *name) { return 5 * (int)(ir_find_param(g->kernel, name) - g->kernel->params); }

/* Does main begin while this kernel makes its states; is it main that begins so? See pass grid. */
static bool is_from_last(const Gen *g, int kernels) { return cu_kernel_number(g) + kernels + 1 == g->module->kernel_count; }
static bool makes_for_main(const Gen *g) { return ir_find_param(g->kernel, "made") && is_from_last(g, 1); }
bool cu_runs_beside(const Gen *g) { return ir_find_param(g->kernel, "made") && is_from_last(g, 0); }

/* On top of rings an item begins with what was made for it; else with the window, whose keys are the caller's. */
bool cu_awaits_late(const Gen *g) { return cu_runs_beside(g) && !ir_find_param(g->kernel, "ring_k"); }

/* ---- Rings ---- */

/* Barriers lie behind the rings. */
static int64_t barriers_at(const Gen *g, const Op *ring) {
    int64_t at = g->kernel->scratch_bytes;
    for (const Op *op = ring->parent->first; op != ring; op = op->next)
        if (op->code == OP_RING)
            at += 2 * BARRIER_BYTES * op->out[0]->type.slots;
    return at;
}

static int64_t barriers_end(const Gen *g, const Block *block) {
    int64_t at = g->kernel->scratch_bytes;
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_RING)
            at += 2 * BARRIER_BYTES * op->out[0]->type.slots;
    return at;
}

/* What a rope looks up, which the first product of a tile waits for, lies behind the barriers. */
static int64_t table_bytes(const Gen *g) { return g->rope ? IR_PAIR_BYTES * (g->rope->in[0]->type.cols / 2) : 0; }

/* Then the items that blocks take as they get done. */
static int64_t items_at(const Gen *g, const Block *block) { return barriers_end(g, block) + table_bytes(g); }

static int64_t shared_bytes(const Gen *g, const Block *block) {
    const int64_t end = items_at(g, block) + (cu_runs_beside(g) ? ITEMS_BYTES : 0);
    return end + IR_SLOT_ALIGN; /* the dynamic shared memory may begin anywhere */
}

static void fill_tables(Gen *g, const Block *block) {
    if (!g->rope)
        return;
    g->rope_at = barriers_end(g, block);
    g->rope_tables = cu_rope_tables(g, g->rope);
    cu_eights(g, g->rope, g->rope_tables);
    cu_line(g, "SharedPairs<%d>::fill(shared + %lldu, %s, eights%d);", g->rope->in[0]->type.cols / 2, (long long)g->rope_at,
            cu_pairs(g, g->rope_tables), g->rope_tables);
}

static void declare_rings(Gen *g, const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_RING)
            cu_line(g, "Ring<%d, %lldu> %s(shared + %lldu, shared + %lldu);", op->out[0]->type.slots,
                    (long long)ir_slot_bytes(type_ring_tile(op->out[0]->type)), cu_name(g, op->out[0]), (long long)op->out[0]->type.offset,
                    (long long)barriers_at(g, op));
}

typedef struct Uses {
    const Value *ring;
    bool         fills, takes, skips;
} Uses;

static bool note_use(Op *op, void *arg) {
    Uses *uses = arg;
    uses->fills |= (op->code == OP_SEND || op->code == OP_GIVE) && op->in[0] == uses->ring;
    uses->takes |= op->code == OP_TAKE && op->in[0] == uses->ring;
    uses->skips |= op->code == OP_SKIP && op->in[0] == uses->ring;
    return true;
}

/* How often a slot's barriers are arrived at until it is full, and until it is free: once by each warp that computes, or by
 * the thread that copies. Roles that fill it in turns count as one; each role that takes tiles passes every slot. */
static void make_ring(Gen *g, const Block *block, const Value *ring) {
    int  fillers = 0, takers = 0;
    bool fills_in_turns = false;
    for (const Op *op = block->first; op; op = op->next) {
        Uses uses = {.ring = ring};
        if (op->code != OP_ROLE)
            continue;
        ir_walk(op->region, note_use, &uses);
        const int each = computes(op) ? (int)op_int(op, AT_WARPS, 1) : 1;
        fillers += uses.fills && !(uses.skips && fills_in_turns) ? each : 0;
        takers += uses.takes ? each : 0;
        fills_in_turns |= uses.fills && uses.skips;
    }
    cu_line(g, "%s.make(%d, %d);", cu_name(g, ring), fillers, takers);
}

/* Of the block's roles those that take items: each of its warps that compute, and each thread that copies, but the first,
 * who asks for them. */
static int item_takers(const Block *block) {
    int takers = -1;
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_ROLE)
            takers += computes(op) ? (int)op_int(op, AT_WARPS, 1) : 1;
    return takers;
}

static void make_rings(Gen *g, const Block *block) {
    fill_tables(g, block);
    if (makes_for_main(g))
        cu_line(g, "none_made((int *)a.v[%d], (u32)a.v[%d], (int *)a.v[%d]);", param_at(g, "made"), item_count(g),
                param_at(g, "items"));
    cu_line(g, "if (threadIdx.x == 0) {");
    g->depth++;
    declare_rings(g, block);
    if (cu_runs_beside(g))
        cu_line(g, "Items(shared + %lldu).make(%d);", (long long)items_at(g, block), item_takers(block));
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_RING)
            make_ring(g, block, op->out[0]);
    cu_line(g, "asm volatile(\"fence.mbarrier_init.release.cluster;\" ::: \"memory\");");
    g->depth--;
    cu_line(g, "}");
    cu_line(g, "__syncthreads();");
    if (makes_for_main(g))
        cu_let_next_begin(g);
}

/* ---- The frame ---- */

/* A whole warp that moves rows from one parameter to another; others that do not compute are a thread that uses the copy
 * engine. */
static bool moves(const Op *role) { return !computes(role) && ir_holds(role->region, OP_LOAD); }

/* Does the copy engine store for it? */
static bool stores(const Op *role) { return !computes(role) && !moves(role) && ir_holds(role->region, OP_STORE); }

/* Roles of the kernel that makes states each of which stores some of them. */
static int makers(const Gen *g) {
    int count = 0;
    for (const Op *op = cu_first_role(g->module->kernels[cu_kernel_number(g) - 1]); op; op = op->next)
        count += op->code == OP_ROLE && stores(op);
    return count;
}

/* Through which the first role sends a tile an item. */
static Value *queries_ring(const Gen *g) {
    const Op *op = cu_first_role(g->kernel)->region->first;
    while (op->code != OP_SEND)
        op = op->next;
    return op->in[0];
}

static bool hands_out(const Gen *g, const Op *role) { return cu_runs_beside(g) && role == cu_first_role(g->kernel); }

void cu_await_made(Gen *g) {
    const CodeParam *const made = ir_find_param(g->kernel, "made");
    cu_line(g, "await_made((const int *)a.v[%d] + ((u32)%s * %lldu + (u32)%s) * %lldu, %lld, %d);", param_at(g, "made"),
            cu_name(g, g->axes[0]->region->args[0]), (long long)made->dims[2], cu_name(g, g->axes[1]->region->args[0]),
            (long long)made->dims[3], (long long)made->dims[3], makers(g));
}

/* Beside the kernel that makes states: once those of the item's sequence and head are there, and it reads their rings no
 * more, all roles do the item. */
static void hand_out(Gen *g) {
    if (!cu_awaits_late(g))
        cu_await_made(g);
    cu_line(g, "items.hand_out(item, %s.phase);", cu_name(g, queries_ring(g)));
}

/* Items without tokens, of sequences that are shorter than others or not there, all roles pass over alike. */
static void item(Gen *g, const Op *role, const Block *block) {
    const Op *guard = block->owner && block->owner->code == OP_IF ? block->owner : NULL;
    if (cu_runs_beside(g) && computes(role)) /* the ring has one slot: no need to hold both */
        cu_line(g, "%s.phase = turn & 1;", cu_name(g, queries_ring(g)));
    const bool known = cu_runs_beside(g) && !hands_out(g, role); /* such items are not handed out */
    if (guard) {
        cu_line(g, known ? "{" : "if (%s) {", cu_name(g, guard->in[0]));
        g->depth++;
        cu_index_ops(g, block);
    }
    if (hands_out(g, role))
        hand_out(g);
    if (g->alone && cu_awaits_late(g))
        cu_line(g, "bool there = false;");
    cu_angles_ahead(g, role->region);
    cu_block(g, role->region);
    if (guard) {
        g->depth--;
        cu_line(g, "}");
    }
}

static bool signals_tiles(const Op *role) { return ir_holds(role->region, OP_SIGNAL); }

static bool stores_rows(Op *op, void *arg) {
    bool *found = arg;
    *found |= op->code == OP_STORE && op_has(op, AT_WRAP);
    return !*found;
}

/* Is what earlier kernels wrote, or may still read, the first that the role needs? */
static bool begins_with_work(const Gen *g, const Op *role) {
    bool      found = false;
    const Op *first = role->region->first;
    while (first && first->code != OP_SEND && first->code != OP_FOR && first->code != OP_IF)
        first = first->next;
    ir_walk(role->region, stores_rows, &found);
    return !cu_runs_beside(g) && (found || (first && first->code == OP_SEND && !cu_is_expected(first) &&
                                         cu_may_be_written(g, op_text(first, AT_PARAM))));
}

typedef struct Reads {
    const Gen *g;
    bool       work;
} Reads;

static bool note_read(Op *op, void *arg) {
    Reads *reads = arg;
    reads->work |= op->code == OP_LOAD && cu_may_be_written(reads->g, op_text(op, AT_PARAM));
    return !reads->work;
}

/* Does a role that computes load by itself what earlier kernels may still write? */
static bool reads_work(const Gen *g, const Op *role) {
    Reads reads = {.g = g};
    ir_walk(role->region, note_read, &reads);
    return reads.work;
}

enum { FEW_ROPED = 64 /* columns: of more, registers do not hold what is made ahead (measured: 2 % slower) */ };

/* Does each item of a role give it time to make what turns the next one's left sides? */
static bool turns_ahead(const Gen *g, const Op *role) {
    const Block *const items = role->parent, *const body = role->region;
    const bool guarded = items->owner && items->owner->code == OP_IF;
    return g->rope && g->rope->in[0]->type.cols <= FEW_ROPED && g->rope->parent == body && !guarded && cu_knows_position(g->rope, body) &&
           op_int(g->rope, AT_PERIOD, 1) % 16 == 0 && cu_ends_awaiting(body);
}

/* Beside other blocks some begin late: each takes an item as it gets done. */
static void walk_as_done(Gen *g, const Op *role) {
    if (hands_out(g, role))
        cu_line(g, "for (u32 item; (item = atomicAdd((u32 *)a.v[%d], 1u)) < (u32)a.v[%d];) {", param_at(g, "items"),
                item_count(g));
    else if (g->alone)
        cu_line(g, "for (u32 item; (item = items.take(%d)) < (u32)a.v[%d];) {", copying_before(role), item_count(g));
    else
        cu_line(g, "for (u32 item, turn = 0; (item = %s) < (u32)a.v[%d]; turn++) {",
                g->takes_ahead ? "next" : "items.take_all(turn & 1)", item_count(g));
}

static void open_items(Gen *g, const Op *role) {
    cu_line(g, "UNROLL1");
    if (cu_runs_beside(g))
        walk_as_done(g, role);
    else
        cu_line(g, g->short_numbers ? "for (u32 item = blockIdx.x; item < (u32)a.v[%d]; item += blocks_here()) {"
                                    : "for (i64 item = blockIdx.x; item < a.v[%d]; item += gridDim.x) {",
                item_count(g));
    g->depth++;
    cu_item_axes(g);
}

/* The role's own walk over the block's items. */
static void walk(Gen *g, const Op *role, const Block *block) {
    g->one_warp = moves(role);
    g->alone = !computes(role) && !g->one_warp;
    if (!g->one_warp)
        declare_rings(g, block);
    if (computes(role) && cu_takes_turns(g)) {
        cu_line(g, "const int group = warp_id() / %d;", GROUP);
        cu_line(g, "turns_open(group);");
    }
    if (computes(role) && cu_multiplies_in_place(g->kernel))
        cu_line(g, "const u32 own_rows = warp_id() %% %d / %d * %du;", g->kernel->warps, GROUP, GROUP * 16 * IR_PANEL);
    if (computes(role) && cu_stacks(g->kernel))
        cu_line(g, "const u32 own_group = warp_id() / %d;", GROUP);
    g->awaited = g->one_warp ? !cu_runs_beside(g) : g->alone ? begins_with_work(g, role) : reads_work(g, role);
    if (g->awaited)
        cu_line(g, "await_earlier_kernels();");
    else if (g->alone)
        cu_line(g, "bool awaited = false;");
    if (stores(role))
        cu_line(g, "Stored stored;");
    g->signals = signals_tiles(role);
    if (g->signals)
        cu_line(g, "Signal signal;");
    g->rope_ahead = turns_ahead(g, role);
    if (g->rope_ahead) {
        cu_declare_turns(g);
        cu_turns_ahead(g, "blockIdx.x");
    }
    if (cu_runs_beside(g))
        cu_line(g, "Items items(shared + %lldu);", (long long)items_at(g, block));
    g->takes_ahead = cu_runs_beside(g) && computes(role) && cu_ends_awaiting(role->region);
    if (g->takes_ahead)
        cu_line(g, "u32 next = items.take_all(0);");
    open_items(g, role);
    item(g, role, block);
    if (makes_for_main(g) && stores(role))
        cu_line(g, "stored.made((int *)a.v[%d] + item);", param_at(g, "made"));
    g->depth--;
    cu_line(g, "}");
    if (hands_out(g, role))
        cu_line(g, "items.hand_out(~0u, %s.phase);", cu_name(g, queries_ring(g)));
    if (g->alone && !g->awaited)
        cu_line(g, "if (!awaited) await_earlier_kernels();");
    if (stores(role))
        cu_line(g, "stored.end();");
    if (g->signals)
        cu_line(g, "signal.tell();");
    g->signals = g->alone = g->one_warp = g->rope_ahead = false;
    g->takes_ahead = false;
}

/* Registers at the start are shared out evenly; then those who compute take what the others give. */
static void computing_role(Gen *g, const Op *role, int first, const Block *block) {
    cu_line(g, "%sif (warp_id() < %d) {", first ? "} else " : "", first + (int)op_int(role, AT_WARPS, 0));
    g->depth++;
    cu_line(g, "take_registers<%d>();", (int)op_int(role, AT_REGISTERS, 0));
    walk(g, role, block);
    g->depth--;
}

static bool is_named(const Op *op, const char *name) {
    return op->code == OP_ROLE && strcmp(op_text(op, AT_ROLE), name) == 0;
}

static bool has_no_ring(Op *op, void *arg) {
    (void)arg;
    return (op->code != OP_SEND && op->code != OP_STORE) || !op_has(op, AT_WRAP);
}

/* Does the copy engine move a ring's rows? Then 32 bits hold all positions, and its threads need their few registers. */
static bool copies_rings(const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_ROLE && !computes(op) && !moves(op) && !ir_walk(op->region, has_no_ring, NULL))
            return true;
    return false;
}

static void copying_role(Gen *g, const Op *role, int warp, const Block *block) {
    const bool short_numbers = g->short_numbers;
    cu_line(g, moves(role) ? "if (warp_here() == %d) {" : "if (warp_id() == %d) {", warp);
    g->depth++;
    if (!moves(role))
        cu_line(g, "if (lane_id() != 0) return;");
    g->short_numbers |= copies_rings(block);
    walk(g, role, block);
    g->short_numbers = short_numbers;
    cu_line(g, "return;");
    g->depth--;
    cu_line(g, "}");
}

static const Op *find_clear(const Block *block) {
    for (const Op *op = block->first; op; op = op->next)
        if (op->code == OP_ROLE && is_named(op, "clear"))
            return op;
    return NULL;
}

bool cu_clears(const Kernel *kernel) {
    const Op *role = cu_first_role(kernel);
    return role && find_clear(role->parent);
}

/* What the block's items will signal is not there before any of its roles begins, nor before the next kernel does. */
static void clear_role(Gen *g, const Block *block) {
    const Op *role = find_clear(block);
    if (!role)
        return;
    cu_line(g, "if (threadIdx.x == 32) {");
    g->depth++;
    open_items(g, role);
    item(g, role, block);
    g->depth--;
    cu_line(g, "}");
    cu_line(g, "all_cleared();");
    g->depth--;
    cu_line(g, "}");
}

void cu_roles(Gen *g, const Block *block) {
    const int senders = computing_roles(g->kernel) * g->kernel->warps;
    int       next = 0;
    const Op *copies = NULL;
    clear_role(g, block);
    make_rings(g, block);
    for (int pass = 0; pass < 2; pass++) /* role compute is first */
        for (const Op *op = block->first; op; op = op->next)
            if (op->code == OP_ROLE && computes(op) && is_named(op, "compute") == (pass == 0)) {
                computing_role(g, op, next, block);
                next += (int)op_int(op, AT_WARPS, 0);
            }
    cu_line(g, "} else {");
    g->depth++;
    for (int pass = 0; pass < 2; pass++) /* whole warps first: behind a thread others come worse off with registers */
        for (const Op *op = block->first; op; op = op->next) {
            if (op->code != OP_ROLE || computes(op) || moves(op) != (pass == 0) || is_named(op, "clear"))
                continue;
            if (!copies)
                cu_line(g, "give_registers<%d>();", (int)op_int(op, AT_REGISTERS, 0));
            copies = op;
            copying_role(g, op, next++, block);
        }
    if (next > senders + GROUP)
        cu_fail(g, copies, "more roles of one warp than a group has warps");
    g->depth--;
    cu_line(g, "}");
}

typedef struct Reuse {
    const Module *module;
    const Kernel *kernel;
    bool          found;
} Reuse;

static bool names_no(Op *op, void *param) {
    return !op_has(op, AT_PARAM) || strcmp(op_text(op, AT_PARAM), param) != 0;
}

static bool find_reuse(Op *op, void *arg) {
    Reuse *const           r = arg;
    const CodeParam *const param = op->code == OP_STORE ? ir_find_param(r->kernel, op_text(op, AT_PARAM)) : NULL;
    for (int k = 0; param && param->role != PARAM_INOUT && r->module->kernels[k] != r->kernel; k++)
        r->found = r->found || !ir_walk(r->module->kernels[k]->body, names_no, (void *)param->name);
    return !r->found;
}

/* Does it write what kernels before it use? They may still run when one that overlaps begins. */
static bool reuses_memory(const Gen *g, const Kernel *kernel) {
    Reuse r = {g->module, kernel, false};
    ir_walk(kernel->body, find_reuse, &r);
    return r.found;
}

/* Kernels with several computing roles store what those before them may still read, but on top of rings, where the kernels
 * before read rings, keys and values alone. */
bool cu_overlaps(const Gen *g, const Kernel *kernel) {
    return kernel != g->module->kernels[0] && cu_first_role(kernel) &&
           (!cu_several_compute(kernel) || ir_find_param(kernel, "ring_k")) && !reuses_memory(g, kernel);
}

/* Blocks that a multiprocessor shall hold: main's are the schedule's, of others one, or two that leave each other room. */
static int resident_blocks(const Gen *g, const CodePhase *phase, int computing) {
    const Op *const role = cu_first_role(g->kernel);
    const Op       *compute = role;
    if (computing > 1 || strcmp(g->kernel->name, "main") == 0)
        return computing > 1 ? 1 : g->schedule->blocks;
    while (!computes(compute))
        compute = compute->next;
    const int64_t registers = 32 * (op_int(compute, AT_WARPS, 1) * op_int(compute, AT_REGISTERS, 0) +
                                    GROUP * op_int(role, AT_REGISTERS, 0));
    return 2 * registers <= g->target->registers && 2 * (phase->shared_bytes + RESERVED_BYTES) <= g->target->shared_bytes + RESERVED_BYTES ? 2 : 1;
}

void cu_roles_frame(Gen *g, const Block *block, CodePhase *phase) {
    const int computing = computing_roles(g->kernel);
    g->rope = cu_roped_first(g, block);
    phase->threads = 32 * (computing * g->kernel->warps + GROUP);
    phase->shared_bytes = shared_bytes(g, block);
    phase->resident = resident_blocks(g, phase, computing);
    phase->overlaps = cu_overlaps(g, g->kernel);
    phase->blocks = makes_for_main(g) ? g->schedule->beside : 0;
}
