/* Pass saved for kind backward: what kernel window_keys sums up for kernel keys goes where that stores the whole, if each tile of
 * it is read for the same tile of one result alone: no memory is used but the result's. Results of 16 bits round once more so;
 * only a kernel with roles takes them, whose registers hold the further terms: others add each term to floats in memory. */
#include "passes/saved_gradients.h"

#include <string.h>

typedef struct KeySums {
    const char *param;
    Op         *store, *load;
    int         stores, loads;
} KeySums;

static bool note_use(Op *op, void *arg) {
    KeySums *const sums = arg;
    if (!op_has(op, AT_PARAM) || strcmp(op_text(op, AT_PARAM), sums->param) != 0)
        return true;
    sums->stores += op->code == OP_STORE;
    sums->loads += op->code != OP_STORE;
    *(op->code == OP_STORE ? &sums->store : &sums->load) = op;
    return true;
}

/* Of kernel keys, and those before it, main among them. */
static KeySums uses_of(const Saver *s, Kernel *keys, const char *param) {
    KeySums sums = {.param = param};
    ir_walk(keys->body, note_use, &sums);
    for (int k = 0; k < s->module->kernel_count; k++)
        ir_walk(s->module->kernels[k]->body, note_use, &sums);
    return sums;
}

static bool same_place(const Op *load, const Op *store) {
    static const AttrKey KEYS[] = {AT_ROWDIM, AT_GROUPDIM, AT_PERIOD, AT_WRAP, AT_COLDIM, AT_LO, AT_DOWN};
    bool                 same = load->parent == store->parent && type_equal(load->out[0]->type, store->in[5]->type);
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++)
        same &= op_int(load, KEYS[k], 0) == op_int(store, KEYS[k], 0);
    for (int i = 0; i < 5; i++)
        same &= load->in[i] == store->in[i];
    return same && ir_precedes(load, store);
}

typedef struct Followers {
    const Op *load, *but;
    bool      found;
} Followers;

static bool note_follower(Op *op, void *arg) {
    Followers *const f = arg;
    f->found |= op->code == OP_STORE && op != f->but && depends_on(op->in[5], f->load->out[0]);
    return !f->found;
}

/* The result that lies where `sums` is asked for, and is made of it alone; or NULL. */
static const CodeParam *result_of(const Saver *s, Kernel *keys, const CodeParam *param, const KeySums *sums, bool rounds) {
    for (int p = 0; p < keys->param_count; p++) {
        const CodeParam *const to = &keys->params[p];
        if (to->role != PARAM_OUT || memcmp(to->dims, param->dims, sizeof to->dims) != 0 || (to->dtype != param->dtype && !rounds))
            continue;
        const KeySums result = uses_of(s, keys, to->name);
        Followers     others = {.load = sums->load, .but = result.store};
        if (result.stores != 1 || result.loads || !same_place(sums->load, result.store) ||
            !depends_on(result.store->in[5], sums->load->out[0]))
            continue;
        ir_walk(result.store->parent, note_follower, &others);
        if (!others.found)
            return to;
    }
    return NULL;
}

void gradients_key_sums(const Saver *s, Kernel *keys, bool rounds) {
    for (int p = 0; p < keys->param_count; p++) {
        const CodeParam *const param = &keys->params[p];
        if (param->role != PARAM_WORK || param->dtype != DT_F32)
            continue;
        const KeySums          sums = uses_of(s, keys, param->name);
        const bool             fits = sums.stores == 1 && sums.loads == 1 && sums.load->code == OP_LOAD;
        const CodeParam *const to = fits ? result_of(s, keys, param, &sums, rounds) : NULL;
        if (!to)
            continue;
        const char *const from = ctx_printf(s->ctx, "%s", param->name), *const place = ctx_printf(s->ctx, "%s", to->name);
        pass_note(s->ctx, s->args, NULL, "%s lies where %s will be", from, place);
        op_set_text(s->ctx, sums.store, AT_PARAM, place);
        op_set_text(s->ctx, sums.load, AT_PARAM, place);
        drop_param(keys, from);
        p = -1; /* places in the list have changed */
    }
}
