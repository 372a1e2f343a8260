/* The interpreter's memory: cells of values, scratch, parameters, rings. Everything that is allocated while a machine
 * lives comes from malloc and is freed by interp_release, on errors too; the arena is not touched, so it stays
 * as it is. */
#include "ir/interp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS (INT64_C(1) << 28) /* of a tile, a ring, a work parameter, the scratch: beyond is a mistake */
enum { SCRATCH_UNIT = 2 };              /* bytes */

static double *new_doubles(int64_t count) { return malloc(sizeof(double) * (size_t)(count ? count : 1)); }

static void fill_nan(double *data, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        data[i] = NAN;
}

/* ---- Cells ---- */

typedef struct Preparation {
    Machine *m;
    int64_t  largest; /* elements of a tile */
    int      widest;  /* columns of a tile */
    Status   status;
} Preparation;

static void prepare_cell(Preparation *p, const Value *value, bool assigned) {
    Cell      *cell = &p->m->cells[value->id];
    const Type type = value->type;
    int64_t    elements = interp_elements(type);
    cell->place = -1;
    if (type.cls == TY_INDEX || p->status != ST_OK)
        return;
    if (elements > p->largest)
        p->largest = elements;
    if (type.cols > p->widest)
        p->widest = type.cols;
    if (type.cls == TY_RING && __builtin_mul_overflow(elements, type.slots, &elements))
        elements = MAX_ELEMENTS + 1;
    if (elements > MAX_ELEMENTS) {
        p->status = interp_fail(p->m, value->def, "a tile or ring is too large to interpret");
        return;
    }
    cell->data = cell->owned = new_doubles(elements);
    cell->next = assigned && type.cls == TY_TILE ? new_doubles(elements) : NULL;
    if (!cell->owned || (assigned && type.cls == TY_TILE && !cell->next))
        p->status = interp_no_memory(p->m, NULL);
}

static bool prepare_op(Op *op, void *arg) {
    Preparation *p = arg;
    for (int i = 0; i < op->out_count; i++)
        prepare_cell(p, op->out[i], op->region != NULL);
    for (int i = 0; op->region && i < op->region->arg_count; i++)
        prepare_cell(p, op->region->args[i], true);
    return p->status == ST_OK;
}

static Status prepare_scratch(Machine *m) {
    const int64_t units = m->kernel->scratch_bytes / SCRATCH_UNIT + 1;
    if (!m->args->placed)
        return ST_OK;
    if (units > MAX_ELEMENTS)
        return interp_fail(m, NULL, "scratch=%lld is too large to interpret", (long long)m->kernel->scratch_bytes);
    m->scratch = new_doubles(units);
    if (!m->scratch)
        return interp_no_memory(m, NULL);
    fill_nan(m->scratch, units);
    return ST_OK;
}

Status interp_prepare(Machine *m) {
    Preparation p = {.m = m};
    m->cells = calloc((size_t)m->kernel->value_count + 1, sizeof *m->cells);
    if (!m->cells)
        return interp_no_memory(m, NULL);
    ir_walk(m->kernel->body, prepare_op, &p);
    TRY(p.status);
    m->matrix = new_doubles(p.largest);
    m->rope_frequency = new_doubles(p.widest);
    m->rope_cols = 0;
    if (!m->matrix || !m->rope_frequency)
        return interp_no_memory(m, NULL);
    return prepare_scratch(m);
}

void interp_release(Machine *m) {
    for (int v = 0; m->cells && v < m->kernel->value_count; v++) {
        free(m->cells[v].owned);
        free(m->cells[v].next);
    }
    interp_release_arrivals(m);
    interp_release_parcels(m);
    free(m->cells);
    free(m->matrix);
    free(m->rope_frequency);
    free(m->scratch);
    m->cells = NULL;
    m->matrix = m->rope_frequency = m->scratch = NULL;
}

void interp_release_works(Machine *m) {
    for (int w = 0; w < m->work_count; w++)
        free(m->works[w].data);
}

/* ---- Scratch ---- */

static int64_t unit_of(Type type, int64_t place, int row, int64_t col) {
    return (place + (row * ir_tile_stride(type) + col) * (int64_t)dtype_size(type.dtype)) / SCRATCH_UNIT;
}

static void fetch(const Machine *m, Type type, int64_t place, double *out) {
    const int64_t step = (int64_t)dtype_size(type.dtype) / SCRATCH_UNIT;
    for (int r = 0; r < type.rows; r++) {
        const double *row = m->scratch + unit_of(type, place, r, 0);
        for (int c = 0; c < type.cols; c++)
            *out++ = row[c * step];
    }
}

/* The whole of the tile's bytes is overwritten, the padding of rows with NaN. */
static void put(const Machine *m, Type type, int64_t place, const double *data) {
    const int64_t step = (int64_t)dtype_size(type.dtype) / SCRATCH_UNIT;
    fill_nan(m->scratch + place / SCRATCH_UNIT, ir_tile_bytes(type) / SCRATCH_UNIT);
    for (int r = 0; r < type.rows; r++) {
        double *row = m->scratch + unit_of(type, place, r, 0);
        for (int c = 0; c < type.cols; c++)
            row[c * step] = *data++;
    }
}

static bool is_placed(const Machine *m, Type type) { return m->args->placed && type.space == SPACE_SCRATCH; }

/* ---- Values ---- */

int64_t interp_index(const Machine *m, const Value *value) { return m->cells[value->id].i; }

const double *interp_tile(Machine *m, const Value *value) {
    Cell *cell = &m->cells[value->id];
    if (cell->place >= 0) {
        fetch(m, value->type, cell->place, cell->owned);
        return cell->owned;
    }
    /* Read once already where it is defined, with the same operands: it cannot fail here. */
    if (value->type.space == SPACE_GLOBAL)
        interp_read(m, value->def, cell->owned);
    return cell->data;
}

double *interp_result(Machine *m, const Op *op) {
    Cell *cell = &m->cells[op->out[0]->id];
    cell->data = cell->owned;
    return cell->owned;
}

void interp_round_tile(const Machine *m, DType dtype, double *tile, int64_t elements) {
    if (dtype != DT_F32 || m->args->fp32)
        dtype_round_many(dtype, tile, elements);
}

void interp_settle(Machine *m, const Value *value) {
    Cell      *cell = &m->cells[value->id];
    const Type type = value->type;
    interp_round_tile(m, type.dtype, cell->data, interp_elements(type));
    cell->place = -1;
    if (is_placed(m, type)) {
        cell->place = type.offset;
        put(m, type, type.offset, cell->data);
    }
}

void interp_stage(Machine *m, const Value *to, const Value *from) {
    Cell       *target = &m->cells[to->id];
    const Cell *source = &m->cells[from->id];
    target->next_i = source->i;
    target->next_data = source->data;
    target->next_place = source->place;
    if (to->type.cls == TY_TILE)
        memcpy(target->next, interp_tile(m, from), sizeof(double) * (size_t)interp_elements(to->type));
}

void interp_commit(Machine *m, const Value *to) {
    Cell *cell = &m->cells[to->id];
    cell->i = cell->next_i;
    if (to->type.cls == TY_RING) {
        cell->data = cell->next_data;
        cell->place = cell->next_place;
    } else if (to->type.cls == TY_TILE) {
        double *const filled = cell->next;
        cell->next = cell->owned;
        cell->data = cell->owned = filled;
        interp_settle(m, to);
    }
}

/* ---- Parameters ---- */

static int64_t dim_value(const Machine *m, int64_t dim) {
    if (dim == DIM_N_PLUS_1)
        return m->args->syms[SYM_N] + 1;
    return dim < 0 ? m->args->syms[-1 - dim] : dim;
}

static void contiguous(Tensor *tensor) {
    tensor->strides[3] = 1;
    for (int d = 2; d >= 0; d--)
        tensor->strides[d] = tensor->strides[d + 1] * tensor->dims[d + 1];
}

static WorkMemory *find_work(Machine *m, const char *name) {
    for (int w = 0; w < m->work_count; w++)
        if (strcmp(m->works[w].name, name) == 0)
            return &m->works[w];
    return NULL;
}

static void fill_undefined(void *data, DType dtype, int64_t elements) {
    memset(data, 0x81, dtype_size(dtype) * (size_t)elements);
    for (int64_t e = 0; e < elements && dtype != DT_I32 && dtype != DT_I64; e++)
        dtype_store(dtype, data, e, NAN);
}

static Status new_work(Machine *m, const CodeParam *param, int64_t elements, WorkMemory **out) {
    WorkMemory *work = &m->works[m->work_count];
    work->name = param->name;
    work->elements = elements;
    work->data = malloc(dtype_size(param->dtype) * (size_t)(elements ? elements : 1));
    if (!work->data)
        return interp_no_memory(m, NULL);
    fill_undefined(work->data, param->dtype, elements);
    m->work_count++;
    *out = work;
    return ST_OK;
}

static Status bind_work(Machine *m, const CodeParam *param, Tensor *tensor) {
    int64_t elements = 1;
    for (int d = 0; d < 4; d++) {
        tensor->dims[d] = dim_value(m, param->dims[d]);
        if (tensor->dims[d] < 0 || __builtin_mul_overflow(elements, tensor->dims[d], &elements) ||
            elements > MAX_ELEMENTS)
            return interp_fail(m, NULL, "work parameter %s is too large, or dim %d is negative", param->name, d);
    }
    WorkMemory *work = find_work(m, param->name);
    if (!work)
        TRY(new_work(m, param, elements, &work));
    if (work->elements != elements)
        return interp_fail(m, NULL, "kernels disagree on the size of work parameter %s", param->name);
    tensor->data = work->data;
    contiguous(tensor);
    return ST_OK;
}

static Status bind_given(const Machine *m, const CodeParam *param, const InterpBinding *binding, Tensor *tensor) {
    for (int d = 0; d < 4; d++) {
        tensor->dims[d] = binding->dims[d];
        if (binding->dims[d] != dim_value(m, param->dims[d]))
            return interp_fail(m, NULL, "dim %d of %s is bound as %lld, the kernel has %lld", d, param->name,
                               (long long)binding->dims[d], (long long)dim_value(m, param->dims[d]));
    }
    tensor->data = binding->data;
    if (binding->strides)
        memcpy(tensor->strides, binding->strides, sizeof tensor->strides);
    else
        contiguous(tensor);
    return ST_OK;
}

static const InterpBinding *find_binding(const Machine *m, const char *name) {
    for (int b = 0; b < m->args->binding_count; b++)
        if (strcmp(m->args->bindings[b].name, name) == 0)
            return &m->args->bindings[b];
    return NULL;
}

Status interp_bind(Machine *m) {
    for (int p = 0; p < m->kernel->param_count; p++) {
        const CodeParam     *param = &m->kernel->params[p];
        const InterpBinding *binding = find_binding(m, param->name);
        m->tensors[p] = (Tensor){.param = param};
        if (binding && binding->data)
            TRY(bind_given(m, param, binding, &m->tensors[p]));
        else if (param->role == PARAM_WORK)
            TRY(bind_work(m, param, &m->tensors[p]));
    }
    return ST_OK;
}

/* Rows of the parameter that comes before the one that this tile is of. */
static int64_t rows_before(const Machine *m, const Op *op, int first) {
    const int64_t border = op_int(op, AT_BORDER, 0);
    return border > 0 && interp_index(m, op->in[first + op_int(op, AT_ROWDIM, 0)]) >= border ? border : 0;
}

static Status op_tensor(const Machine *m, const Op *op, int64_t before, const Tensor **tensor) {
    const char *name = op_text(op, before ? AT_BEYOND : AT_PARAM);
    *tensor = &m->tensors[ir_find_param(m->kernel, name) - m->kernel->params];
    return (*tensor)->data ? ST_OK : interp_fail(m, op, "parameter %s is not bound", name);
}

Status exec_iload(Machine *m, const Op *op) {
    const Tensor *tensor;
    const int64_t at = interp_index(m, op->in[0]);
    TRY(op_tensor(m, op, 0, &tensor));
    if (at < 0 || at >= tensor->dims[3])
        return interp_fail(m, op, "element %lld of %s, which has %lld", (long long)at, tensor->param->name,
                           (long long)tensor->dims[3]);
    m->cells[op->out[0]->id].i = ((const int32_t *)tensor->data)[at * tensor->strides[3]];
    return ST_OK;
}

/* ---- Loads and stores ---- */

/* The rows of a load or store, whose coordinates and bounds are its operands from `first` on. */
typedef struct Rows {
    const Tensor *tensor;
    int64_t       at[3], lo, hi; /* of row 0, and the bounds of dim `rowdim` */
    int64_t       rowdim, groupdim, period, wrap, before, skipped; /* skipped: elements before the first column */
    bool          down;
} Rows;

static Rows rows_of(const Machine *m, const Op *op, int first, const Tensor *tensor, int cols) {
    Value *const *in = op->in + first;
    Rows          rows = {.tensor = tensor,
                          .at = {interp_index(m, in[0]), interp_index(m, in[1]), interp_index(m, in[2])},
                          .rowdim = op_int(op, AT_ROWDIM, -1),
                          .groupdim = op_int(op, AT_GROUPDIM, -1),
                          .period = op_int(op, AT_PERIOD, 1),
                          .wrap = op_int(op, AT_WRAP, 0),
                          .before = rows_before(m, op, first),
                          .down = op_int(op, AT_DOWN, 0) != 0};
    const int64_t coldim = op_int(op, AT_COLDIM, -1);
    if (coldim >= 0) {
        const int64_t pieces = tensor->dims[3] / cols, column = (rows.at[coldim] % pieces + pieces) % pieces;
        rows.at[coldim] = (rows.at[coldim] - column) / pieces;
        rows.skipped = column * cols * tensor->strides[3];
    }
    if (rows.rowdim >= 0) {
        rows.lo = interp_index(m, in[3]);
        rows.hi = interp_index(m, in[4]);
    }
    return rows;
}

/* Where row r begins, in elements, or -1 if it is not there. */
static Status find_row(const Machine *m, const Op *op, const Rows *rows, int r, int cols, int64_t *start) {
    const Tensor *const tensor = rows->tensor;
    int64_t             at[3] = {rows->at[0], rows->at[1], rows->at[2]};
    const int64_t       rowdim = rows->rowdim;
    *start = -1;
    if (rows->groupdim >= 0)
        at[rows->groupdim] += r / rows->period;
    if (rowdim >= 0) {
        at[rowdim] += rows->down ? -(r % rows->period) : r % rows->period;
        if (at[rowdim] < rows->lo || at[rowdim] >= rows->hi)
            return ST_OK;
        at[rowdim] -= rows->before;
        if (rows->wrap > 0)
            at[rowdim] = (at[rowdim] % rows->wrap + rows->wrap) % rows->wrap;
    }
    for (int d = 0; d < 3; d++)
        if (at[d] < 0 || at[d] >= tensor->dims[d])
            return interp_fail(m, op, "row %d is at %lld in dim %d of %s, which has %lld", r, (long long)at[d], d,
                               tensor->param->name, (long long)tensor->dims[d]);
    const int64_t next = op->code == OP_LOAD || op->code == OP_SEND ? tensor->dims[2] - at[2] : 1; /* rows that follow on */
    if (cols > tensor->dims[3] * next || (cols > tensor->dims[3] && cols % tensor->dims[3] != 0))
        return interp_fail(m, op, "%d columns of %s, which has %lld", cols, tensor->param->name,
                           (long long)tensor->dims[3]);
    *start = at[0] * tensor->strides[0] + at[1] * tensor->strides[1] + at[2] * tensor->strides[2] + rows->skipped;
    return ST_OK;
}

/* Columns from `lo` on of the row at `start`, and of those that follow it; zeros if the row is not there. */
static void read_row(const Tensor *tensor, int64_t start, int lo, int cols, double *out) {
    const DType   dtype = tensor->param->dtype;
    const int64_t step = tensor->strides[3];
    if (start < 0)
        memset(out, 0, sizeof *out * (size_t)cols);
    else if (lo + cols > tensor->dims[3])
        for (int c = 0; c < cols; c++)
            out[c] = dtype_load(dtype, tensor->data,
                                start + (lo + c) / tensor->dims[3] * tensor->strides[2] + (lo + c) % tensor->dims[3] * step);
    else
        dtype_load_many(dtype, tensor->data, start + lo * step, step, cols, out);
}

Status interp_read_at(Machine *m, const Op *load, int first, Type type, double *out) {
    const Tensor *tensor;
    const bool    further = load->code == OP_LOAD && load->in_count > 5;
    const int     lo = (int)(op_int(load, AT_LO, 0) + (further ? interp_index(m, load->in[5]) : 0));
    TRY(op_tensor(m, load, rows_before(m, load, first), &tensor));
    for (int d = 0; d < 4 && load->code == OP_SEND; d++)
        if (tensor->dims[d] == 0)
            return interp_fail(m, load, "%s is empty: the copy engine has no map of it", tensor->param->name);
    const Rows rows = rows_of(m, load, first, tensor, lo + type.cols);
    for (int r = 0; r < type.rows; r++, out += type.cols) {
        int64_t start;
        TRY(find_row(m, load, &rows, r, lo + type.cols, &start));
        if (tensor->visits && start >= 0 && lo + type.cols <= tensor->dims[3])
            TRY(interp_visit(m, load, tensor, start + lo * tensor->strides[3], type.cols, false));
        read_row(tensor, start, lo, type.cols, out);
    }
    return ST_OK;
}

Status interp_read(Machine *m, const Op *load, double *out) { return interp_read_at(m, load, 0, load->out[0]->type, out); }

Status exec_load(Machine *m, const Op *op) {
    TRY(interp_read(m, op, interp_result(m, op)));
    interp_settle(m, op->out[0]);
    return ST_OK;
}

static double sum_rows(const Machine *m, const double *tile, Type type, int rows, int c) {
    double sum = tile[c];
    for (int r = 1; r < rows; r++)
        sum = interp_round(m, type.dtype, sum + tile[r * type.cols + c]);
    return sum;
}

Status exec_store(Machine *m, const Op *op) {
    const double *tile = interp_tile(m, op->in[5]);
    const Type    type = op->in[5]->type;
    const Tensor *tensor;
    const int     lo = (int)op_int(op, AT_LO, 0), sum = (int)op_int(op, AT_SUM, 1);
    TRY(op_tensor(m, op, 0, &tensor));
    const Rows rows = rows_of(m, op, 0, tensor, lo + type.cols);
    for (int r = 0; r < type.rows / sum; r++, tile += sum * type.cols) {
        int64_t start;
        TRY(find_row(m, op, &rows, r, lo + type.cols, &start));
        if (tensor->visits && start >= 0)
            TRY(interp_visit(m, op, tensor, start + lo * tensor->strides[3], type.cols, true));
        for (int c = 0; c < type.cols && start >= 0; c++)
            dtype_store(tensor->param->dtype, tensor->data, start + (lo + c) * tensor->strides[3],
                        sum_rows(m, tile, type, sum, c));
    }
    return ST_OK;
}

/* ---- What is there ---- */

/* The element of a signal, or of an expect's row `r`: -1 if that lies beyond the bounds. */
static Status find_element(const Machine *m, const Op *op, int64_t r, const Tensor **tensor, int64_t *element) {
    const int64_t rowdim = op_int(op, AT_ROWDIM, 0), row = interp_index(m, op->in[rowdim]) + r;
    *element = -1;
    TRY(op_tensor(m, op, 0, tensor));
    if (row < interp_index(m, op->in[3]) || row >= interp_index(m, op->in[4]))
        return ST_OK;
    *element = 0;
    for (int d = 0; d < 3; d++) {
        const int64_t at = d == rowdim ? row : interp_index(m, op->in[d]);
        if (at < 0 || at >= (*tensor)->dims[d])
            return interp_fail(m, op, "row %lld of %s is no row of it", (long long)row, (*tensor)->param->name);
        *element += at * (*tensor)->strides[d];
    }
    return ST_OK;
}

Status exec_signal(Machine *m, const Op *op) {
    const Tensor *tensor;
    int64_t       element;
    TRY(find_element(m, op, 0, &tensor, &element));
    if (element < 0)
        return ST_OK;
    /* Warps count in it what they have stored: it is cleared once, and then signalled once. */
    int32_t *const there = (int32_t *)tensor->data + element;
    const bool     clears = op_int(op, AT_VALUE, 0) == 0;
    if (clears ? *there == 0 || *there == 1 : *there != 0)
        return interp_fail(m, op, "element %lld of %s is %s", (long long)element, tensor->param->name,
                           clears ? "cleared again" : "signalled again, or never cleared");
    *there = !clears;
    return ST_OK;
}

Status exec_expect(Machine *m, const Op *op) {
    for (int64_t r = 0; r < op_int(op, AT_ROWS, 0); r += op_int(op, AT_PERIOD, 1)) {
        const Tensor *tensor;
        int64_t       element;
        TRY(find_element(m, op, r, &tensor, &element));
        if (element >= 0 && ((const int32_t *)tensor->data)[element] != 1)
            return interp_fail(m, op, "nobody signals row %lld of %s", (long long)r, tensor->param->name);
    }
    return ST_OK;
}

/* As on a GPU the element's place is its upper bits once a turn has been there: nothing else is taken for a count. */
Status exec_arrive(Machine *m, const Op *op) {
    enum { MOST_TURNS = 16 };
    const Tensor *tensor;
    int64_t       element = 0;
    const int64_t turns = interp_index(m, op->in[3]);
    TRY(op_tensor(m, op, 0, &tensor));
    for (int d = 0; d < 3; d++) {
        const int64_t at = interp_index(m, op->in[d]);
        if (at < 0 || at >= tensor->dims[d])
            return interp_fail(m, op, "coordinate %lld of dim %d of %s", (long long)at, d, tensor->param->name);
        element += at * tensor->strides[d];
    }
    if (turns < 1 || turns >= MOST_TURNS)
        return interp_fail(m, op, "%lld turns, which are 1 to %d", (long long)turns, MOST_TURNS - 1);
    uint64_t *const there = (uint64_t *)tensor->data + element;
    const uint64_t  none = (uint64_t)(uintptr_t)there * MOST_TURNS, count = *there - none < MOST_TURNS ? *there - none + 1 : 1;
    const bool      last = (int64_t)count == turns;
    *there = last ? none : none + count;
    m->cells[op->out[0]->id].i = last;
    return ST_OK;
}

/* ---- Rings ---- */

Status exec_ring(Machine *m, const Op *op) {
    const Type type = op->out[0]->type;
    Cell      *cell = &m->cells[op->out[0]->id];
    cell->data = cell->owned;
    cell->place = is_placed(m, type) ? type.offset : -1;
    fill_nan(cell->data, interp_elements(type) * type.slots);
    if (cell->place >= 0)
        fill_nan(m->scratch + cell->place / SCRATCH_UNIT, ir_tile_bytes(type) / SCRATCH_UNIT);
    return ST_OK;
}

void interp_find_slot(const Machine *m, const Op *op, double **data, int64_t *place) {
    const Type    ring = op->in[0]->type;
    const Cell   *cell = &m->cells[op->in[0]->id];
    const int64_t index = interp_index(m, op->in[1]), slot = (index % ring.slots + ring.slots) % ring.slots;
    *data = cell->data + slot * interp_elements(ring);
    *place = cell->place < 0 ? -1 : cell->place + slot * ir_tile_bytes(type_ring_tile(ring));
}

void interp_put_slot(const Machine *m, Type type, double *data, int64_t place, const double *tile) {
    memmove(data, tile, sizeof(double) * (size_t)interp_elements(type));
    if (place >= 0)
        put(m, type, place, tile);
}

/* Of one slot some columns. */
static Status put_columns(Machine *m, const Op *op) {
    const Type    type = type_ring_tile(op->in[0]->type);
    const double *tile = interp_tile(m, op->in[2]);
    const int     cols = op->in[2]->type.cols;
    const int64_t first = interp_index(m, op->in[3]);
    double       *data;
    int64_t       place;
    if (first < 0 || first > type.cols - cols)
        return interp_fail(m, op, "%d columns from %lld on, of %d", cols, (long long)first, type.cols);
    interp_find_slot(m, op, &data, &place);
    for (int r = 0; r < type.rows; r++)
        memcpy(data + (int64_t)r * type.cols + first, tile + (int64_t)r * cols, sizeof *tile * (size_t)cols);
    interp_put_slot(m, type, data, place, data);
    return ST_OK;
}

Status exec_ring_put(Machine *m, const Op *op) {
    if (op->in_count > 3)
        return put_columns(m, op);
    const Type    type = type_ring_tile(op->in[0]->type);
    const double *tile = interp_tile(m, op->in[2]);
    const int     count = op->in[2]->type.rows / type.rows;
    const int64_t slots = op->in[0]->type.slots, first = interp_index(m, op->in[1]);
    double       *data;
    int64_t       place;
    if (count > 1 && (first % slots + slots) % slots + count > slots)
        return interp_fail(m, op, "%d slots from %lld on, of %lld", count, (long long)first, (long long)slots);
    interp_find_slot(m, op, &data, &place);
    for (int n = 0; n < count; n++)
        interp_put_slot(m, type, data + n * interp_elements(type), place < 0 ? -1 : place + n * ir_tile_bytes(type),
                        tile + n * interp_elements(type));
    return ST_OK;
}

/* A view, unless the result has a place of its own. */
Status exec_ring_get(Machine *m, const Op *op) {
    Cell   *cell = &m->cells[op->out[0]->id];
    double *data;
    int64_t place;
    interp_find_slot(m, op, &data, &place);
    cell->data = data;
    cell->place = place;
    if (is_placed(m, op->out[0]->type)) {
        const double *tile = interp_tile(m, op->out[0]);
        if (tile != cell->owned)
            memcpy(cell->owned, tile, sizeof(double) * (size_t)interp_elements(op->out[0]->type));
        cell->data = cell->owned;
        interp_settle(m, op->out[0]);
    }
    return ST_OK;
}
