/* The interpreter: do turns of par=1 loops keep apart? They may run at the same time, so that what one of them writes no other
 * one may touch in the same kernel. Each turn has a number; each element of a parameter knows which turns have been there. */
#include "ir/interp.h"

#include <stdlib.h>

enum { SEVERAL = -1 };

static int64_t elements_of(const Tensor *tensor) {
    int64_t last = 0;
    for (int d = 0; d < 4; d++) {
        if (tensor->dims[d] <= 0)
            return 0;
        last += (tensor->dims[d] - 1) * tensor->strides[d];
    }
    return last + 1;
}

Status interp_prepare_turns(Machine *m) {
    m->turn = m->turns = 1;
    if (!m->args->apart)
        return ST_OK;
    for (int p = 0; p < m->kernel->param_count; p++) {
        Tensor *const tensor = &m->tensors[p];
        if (!tensor->data)
            continue;
        tensor->visits = calloc((size_t)elements_of(tensor) + 1, sizeof *tensor->visits);
        if (!tensor->visits)
            return interp_no_memory(m, NULL);
    }
    return ST_OK;
}

void interp_release_turns(Machine *m) {
    for (int p = 0; p < m->kernel->param_count; p++) {
        free(m->tensors[p].visits);
        m->tensors[p].visits = NULL;
    }
}

Status interp_visit(const Machine *m, const Op *op, const Tensor *tensor, int64_t first, int count, bool writes) {
    for (int c = 0; tensor->visits && c < count; c++) {
        const int64_t element = first + c * tensor->strides[3];
        Visit *const  visit = &tensor->visits[element];
        const bool    meets = (visit->writer && visit->writer != m->turn) || (writes && visit->reader && visit->reader != m->turn);
        if (meets)
            return interp_fail(m, op, "turns that may run at the same time meet at element %lld of %s", (long long)element,
                               tensor->param->name);
        if (writes)
            visit->writer = m->turn;
        else
            visit->reader = visit->reader == 0 || visit->reader == m->turn ? m->turn : SEVERAL;
    }
    return ST_OK;
}
