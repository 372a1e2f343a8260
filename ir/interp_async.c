/* The interpreter's copies in flight. A fetch reads its tile at once and leaves its slot undefined (NaN) until a wait
 * covers it, so that whoever reads a slot too early shows. Nothing else runs at the same time here: a barrier is
 * nothing. */
#include "ir/interp.h"

#include <math.h>
#include <stdlib.h>

static Status grow(Machine *m, const Op *op) {
    if (m->arrival_count < m->arrival_capacity)
        return ST_OK;
    const int capacity = m->arrival_capacity ? 2 * m->arrival_capacity : 8;
    Arrival  *more = realloc(m->arrivals, sizeof *more * (size_t)capacity);
    if (!more)
        return interp_no_memory(m, op);
    m->arrivals = more;
    m->arrival_capacity = capacity;
    return ST_OK;
}

static double *undefined_tile(int64_t elements) {
    double *tile = malloc(sizeof(double) * (size_t)elements);
    for (int64_t e = 0; tile && e < elements; e++)
        tile[e] = NAN;
    return tile;
}

/* Rows that are another fetch's are undefined in this one's tile. */
static void leave_rows(Machine *m, const Op *op, Type type, double *tile) {
    const int64_t onto = op_int(op, AT_ONTO, 0), rowdim = op_int(op, AT_ROWDIM, -1), period = op_int(op, AT_PERIOD, 1);
    for (int r = 0; r < type.rows && onto && rowdim >= 0; r++) {
        const int64_t at = interp_index(m, op->in[2 + rowdim]) + r % period;
        const bool    left = onto == 1 ? at < interp_index(m, op->in[5]) : at >= interp_index(m, op->in[6]);
        for (int c = 0; c < type.cols && left; c++)
            tile[(int64_t)r * type.cols + c] = NAN;
    }
}

Status exec_fetch(Machine *m, const Op *op) {
    const Type type = type_ring_tile(op->in[0]->type);
    Arrival    arrival = {.fetch = op, .group = m->group};
    TRY(grow(m, op));
    if (interp_index(m, op->in[1]) < 0) /* back ends count slots without a sign */
        return interp_fail(m, op, "slot %lld", (long long)interp_index(m, op->in[1]));
    arrival.tile = undefined_tile(interp_elements(type));
    if (!arrival.tile)
        return interp_no_memory(m, op);
    interp_find_slot(m, op, &arrival.slot, &arrival.place);
    m->arrivals[m->arrival_count++] = arrival;
    if (op_int(op, AT_ONTO, 0) != 1)
        interp_put_slot(m, type, arrival.slot, arrival.place, arrival.tile);
    TRY(interp_read_at(m, op, 2, type, arrival.tile));
    leave_rows(m, op, type, arrival.tile);
    interp_round_tile(m, type.dtype, arrival.tile, interp_elements(type));
    return ST_OK;
}

Status exec_commit(Machine *m, const Op *op) {
    (void)op;
    m->group++;
    return ST_OK;
}

static void arrive(Machine *m, const Arrival *arrival) {
    const Type type = type_ring_tile(arrival->fetch->in[0]->type);
    for (int64_t e = 0; e < interp_elements(type) && op_int(arrival->fetch, AT_ONTO, 0); e++)
        arrival->tile[e] = isnan(arrival->tile[e]) ? arrival->slot[e] : arrival->tile[e];
    interp_put_slot(m, type, arrival->slot, arrival->place, arrival->tile);
    free(arrival->tile);
}

Status exec_wait(Machine *m, const Op *op) {
    const int64_t arrived = m->group - op_int(op, AT_COUNT, 0);
    int           left = 0;
    for (int a = 0; a < m->arrival_count; a++) {
        if (m->arrivals[a].group < arrived)
            arrive(m, &m->arrivals[a]);
        else
            m->arrivals[left++] = m->arrivals[a];
    }
    m->arrival_count = left;
    return ST_OK;
}

Status exec_barrier(Machine *m, const Op *op) {
    (void)m, (void)op;
    return ST_OK;
}

void interp_release_arrivals(Machine *m) {
    for (int a = 0; a < m->arrival_count; a++)
        free(m->arrivals[a].tile);
    free(m->arrivals);
    m->arrivals = NULL;
    m->arrival_count = m->arrival_capacity = 0;
    m->group = 0;
}
