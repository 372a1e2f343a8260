/* share: working memory that kernels behind one another take in turns.
 * In: the kernels of kind backward, in the order in which they run. Out: an array that is first written behind the last
 * kernel that uses another one of the same dims and dtype lies where that one did, under its name. What an array holds
 * before it is written is undefined; each kernel waits for those before it before it writes what they use. */
#include "passes/rewrite.h"

#include <string.h>

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

Status pass_share(Ctx *ctx, Module *module, const PassArgs *args) {
    Kernel *const first = module->kernels[0];
    if (args->kind != KIND_BACKWARD || !args->target->warp_size)
        return ST_OK;
    for (int p = 0; p < first->param_count; p++) {
        const CodeParam *const place = free_place(module, first, &first->params[p]);
        if (!place)
            continue;
        Renaming r = {ctx, ctx_printf(ctx, "%s", first->params[p].name), ctx_printf(ctx, "%s", place->name)};
        for (int k = 0; k < module->kernel_count; k++)
            ir_walk(module->kernels[k]->body, rename_uses, &r);
        pass_note(ctx, args, NULL, "%s lies where %s was", r.from, r.to);
        drop_param(first, r.from);
        p--;
    }
    for (int k = 1; k < module->kernel_count; k++) { /* all have the same */
        module->kernels[k]->params = first->params;
        module->kernels[k]->param_count = first->param_count;
        module->kernels[k]->param_capacity = first->param_capacity;
    }
    return ST_OK;
}
