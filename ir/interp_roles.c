/* The interpreter's roles. They run one after the other, the senders first: a ring is a queue without end here. What
 * they did is replayed behind each role that takes tiles, with the slots that the rings have: where nobody can go on,
 * the block would wait for ever. A tile that was released is undefined (NaN) from then on. Where a role awaits products,
 * they are under way until then: what looks at a result earlier, or gives back a tile that one still reads, fails. */
#include "ir/interp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Status grow(const Machine *m, const Op *op, void **items, int count, int *capacity, size_t size) {
    if (count < *capacity)
        return ST_OK;
    const int more = *capacity ? 2 * *capacity : 16;
    void     *grown = realloc(*items, size * (size_t)more);
    if (!grown)
        return interp_no_memory(m, op);
    *items = grown;
    *capacity = more;
    return ST_OK;
}

static Status note(Machine *m, const Op *op, int64_t parcel) {
    TRY(grow(m, op, (void **)&m->handovers, m->handover_count, &m->handover_capacity, sizeof *m->handovers));
    m->handovers[m->handover_count++] = (Handover){op, m->role, parcel};
    return ST_OK;
}

/* Where the role is in the ring; it is one further from now on. */
static int64_t next_place(const Machine *m, const Op *op) { return m->cells[op->in[0]->id].i++; }

static Parcel *parcel_at(const Machine *m, const Value *ring, int64_t place) {
    for (int p = 0; p < m->parcel_count; p++)
        if (m->parcels[p].ring == ring && m->parcels[p].place == place)
            return &m->parcels[p];
    return NULL;
}

static Status new_parcel(Machine *m, const Op *op, Type type, double **tile) {
    TRY(grow(m, op, (void **)&m->parcels, m->parcel_count, &m->parcel_capacity, sizeof *m->parcels));
    *tile = malloc(sizeof(double) * (size_t)interp_elements(type));
    if (!*tile)
        return interp_no_memory(m, op);
    m->parcels[m->parcel_count++] = (Parcel){op->in[0], next_place(m, op), *tile, 0, 0};
    return ST_OK;
}

Status exec_send(Machine *m, const Op *op) {
    const Type type = type_tile(op->in[0]->type.dtype, (int)op_int(op, AT_ROWS, 0), (int)op_int(op, AT_COLS, 0));
    double    *tile = NULL;
    TRY(new_parcel(m, op, type, &tile));
    TRY(interp_read_at(m, op, 1, type, tile));
    for (int64_t e = 0; e < interp_elements(type); e++)
        tile[e] = interp_round(m, type.dtype, tile[e]);
    return note(m, op, m->parcel_count - 1);
}

Status exec_give(Machine *m, const Op *op) {
    const Type type = op->in[1]->type;
    double    *tile = NULL;
    TRY(new_parcel(m, op, type, &tile));
    memcpy(tile, m->cells[op->in[1]->id].data, sizeof(double) * (size_t)interp_elements(type));
    return note(m, op, m->parcel_count - 1);
}

Status exec_take(Machine *m, const Op *op) {
    const Type    type = op->out[0]->type;
    Parcel *const parcel = parcel_at(m, op->in[0], next_place(m, op));
    if (!parcel)
        return interp_fail(m, op, "nothing was sent that could be taken");
    memcpy(interp_result(m, op), parcel->tile, sizeof(double) * (size_t)interp_elements(type));
    parcel->taken++;
    parcel->passed++;
    m->cells[op->out[0]->id].i = parcel - m->parcels;
    return note(m, op, parcel - m->parcels);
}

typedef struct Takes {
    const Value *ring;
    bool         any;
} Takes;

static bool find_take(Op *op, void *arg) {
    Takes *t = arg;
    t->any |= op->code == OP_TAKE && op->in[0] == t->ring;
    return !t->any;
}

static bool takes_from(const Op *role, const Value *ring) {
    Takes t = {.ring = ring};
    ir_walk(role->region, find_take, &t);
    return t.any;
}

Status exec_skip(Machine *m, const Op *op) {
    const int64_t place = next_place(m, op);
    const Op     *role = op->parent->owner;
    while (role && role->code != OP_ROLE)
        role = role->parent->owner;
    Parcel *const parcel = parcel_at(m, op->in[0], place);
    if (!role || !takes_from(role, op->in[0])) /* others put it there */
        return ST_OK;
    if (!parcel)
        return interp_fail(m, op, "nothing was sent that could be passed over");
    parcel->taken++; /* and given back at once */
    parcel->passed++;
    return note(m, op, parcel - m->parcels);
}

Status exec_release(Machine *m, const Op *op) {
    Cell *const cell = &m->cells[op->in[1]->id];
    for (int64_t e = 0; e < interp_elements(op->in[1]->type); e++)
        cell->data[e] = NAN;
    return note(m, op, cell->i);
}

/* ---- Products under way ---- */

static bool is_taken(const Value *value) { return ir_whole_of(value)->def && ir_whole_of(value)->def->code == OP_TAKE; }

/* Products with a tile that was sent run on; one that adds to the result of another follows it by itself. */
Status exec_product(Machine *m, const Op *op) {
    TRY(exec_dot(m, op));
    if (!m->awaits || !is_taken(op->in[1]))
        return ST_OK;
    TRY(grow(m, op, (void **)&m->flights, m->flight_count, &m->flight_capacity, sizeof *m->flights));
    m->flights[m->flight_count++] = op;
    return ST_OK;
}

Status exec_await(Machine *m, const Op *op) {
    const int left = (int)op_int(op, AT_COUNT, 0), ended = m->flight_count - left;
    if (ended <= 0)
        return ST_OK;
    memmove(m->flights, m->flights + ended, sizeof *m->flights * (size_t)left);
    m->flight_count = left;
    return ST_OK;
}

static bool only_adds_to(const Op *op, const Value *result) {
    const DotParts parts = op->code == OP_DOT ? ir_dot_parts(op) : (DotParts){0};
    return parts.acc == result && !parts.scale && parts.x != result && parts.y != result && is_taken(op->in[1]);
}

Status interp_check_flights(const Machine *m, const Op *op) {
    for (int f = 0; f < m->flight_count; f++)
        for (int i = 0; i < op->in_count; i++) {
            const Op *flight = m->flights[f];
            if (op->in[i] == flight->out[0] && !only_adds_to(op, op->in[i]))
                return interp_fail(m, op, "the result of a product is looked at before it is awaited");
            if (op->code == OP_RELEASE && i == 1 &&
                (op->in[1] == ir_whole_of(flight->in[0]) || op->in[1] == ir_whole_of(flight->in[1])))
                return interp_fail(m, op, "a tile is released while a product reads it");
        }
    return ST_OK;
}

/* ---- Would it end? ---- */

typedef struct Replay {
    const Machine *m;
    int           *next;     /* by role: the next handover, or the count */
    bool          *sent;     /* by parcel, as the next */
    int           *releases; /* still to come before the slot is free: one of each role that took it */
} Replay;

static int count_takers(const Value *ring) {
    int count = 0;
    for (const Op *op = ring->def->parent->first; op; op = op->next)
        count += op->code == OP_ROLE && takes_from(op, ring);
    return count;
}

static void skip(Replay *r, int role) {
    while (r->next[role] < r->m->handover_count && r->m->handovers[r->next[role]].role != role)
        r->next[role]++;
}

/* The parcel that had the slot before; -1 where there was none. */
static int64_t before_in_slot(const Machine *m, int64_t parcel, int slots) {
    const Parcel *const before = parcel_at(m, m->parcels[parcel].ring, m->parcels[parcel].place - slots);
    return before ? before - m->parcels : -1;
}

static bool step(Replay *r, int role) {
    skip(r, role);
    if (r->next[role] == r->m->handover_count)
        return false;
    const Handover *h = &r->m->handovers[r->next[role]];
    const int64_t   before = before_in_slot(r->m, h->parcel, h->op->in[0]->type.slots);
    if ((h->op->code == OP_TAKE || h->op->code == OP_SKIP) && !r->sent[h->parcel])
        return false;
    const bool fills = h->op->code == OP_SEND || h->op->code == OP_GIVE;
    if (fills && before >= 0 && r->releases[before] > 0)
        return false;
    r->sent[h->parcel] |= fills;
    r->releases[h->parcel] -= h->op->code == OP_RELEASE || h->op->code == OP_SKIP;
    r->next[role]++;
    return true;
}

static Status replay(Machine *m, Replay *r) {
    bool moved = true;
    while (moved) {
        moved = false;
        for (int role = 0; role <= m->role; role++)
            while (step(r, role))
                moved = true;
    }
    for (int role = 0; role <= m->role; role++)
        if (r->next[role] < m->handover_count)
            return interp_fail(m, m->handovers[r->next[role]].op, "the roles wait for one another for ever");
    for (int p = 0; p < m->parcel_count; p++)
        if (r->releases[p] > 0 || m->parcels[p].passed != count_takers(m->parcels[p].ring))
            return interp_fail(m, NULL, "a tile that was sent is never released");
    return ST_OK;
}

static Status check_ends(Machine *m, const Op *op) {
    Replay       r = {m, calloc((size_t)m->role + 1, sizeof(int)), calloc((size_t)m->parcel_count + 1, sizeof(bool)),
                      calloc((size_t)m->parcel_count + 1, sizeof(int))};
    for (int p = 0; p < m->parcel_count && r.releases; p++)
        r.releases[p] = m->parcels[p].taken;
    const Status status = r.next && r.sent && r.releases ? replay(m, &r) : interp_no_memory(m, op);
    free(r.next);
    free(r.sent);
    free(r.releases);
    return status;
}

static bool is_last_role(const Op *op) {
    for (const Op *at = op->next; at; at = at->next)
        if (at->code == OP_ROLE)
            return false;
    return true;
}

Status exec_role(Machine *m, const Op *op) {
    for (const Op *ring = op->parent->first; ring; ring = ring->next)
        if (ring->code == OP_RING)
            m->cells[ring->out[0]->id].i = 0;
    m->awaits = m->args->awaited;
    m->awaits = m->awaits || ir_holds(op->region, OP_AWAIT);
    TRY(interp_block(m, op->region));
    m->flight_count = 0;
    m->awaits = false;
    if (!is_last_role(op)) {
        m->role++;
        return ST_OK;
    }
    const Status status = check_ends(m, op);
    for (int p = 0; p < m->parcel_count; p++)
        free(m->parcels[p].tile);
    m->handover_count = m->parcel_count = m->role = 0;
    return status;
}

void interp_release_parcels(Machine *m) {
    for (int p = 0; p < m->parcel_count; p++)
        free(m->parcels[p].tile);
    free(m->parcels);
    free(m->handovers);
    free(m->flights);
    m->flights = NULL;
    m->flight_count = m->flight_capacity = 0;
    m->parcels = NULL;
    m->handovers = NULL;
    m->parcel_count = m->parcel_capacity = m->handover_count = m->handover_capacity = m->role = 0;
}
