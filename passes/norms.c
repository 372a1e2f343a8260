/* norms: a root mean square norm behind a division of rows needs no division.
 * In: tile IR with x = o * (1 / l), l a column, and x * rsqrt(mean(x^2) + eps) the only thing made of x. Out: o *
 * rsqrt(mean(o^2) + eps * l^2), the same number: one product an element less, and o is multiplied as it is. What else is
 * made of the root, as gradients are, gets the new one times l. The sum below the root is kept from vanishing: rows of
 * zeros whose l is 0 give zeros. Squares overflow where o, no longer x, reaches 1e19. */
#include "passes/rewrite.h"

typedef struct Norms {
    Ctx    *ctx;
    Kernel *kernel;
    int     found;
} Norms;

static const double LEAST = 1e-37; /* a power that fp32 has, and whose root's inverse is finite */

static Op *made_by(const Value *value, OpCode code) { return value->def && value->def->code == code ? value->def : NULL; }

/* The l of 1 / l, a column; else NULL. */
static Value *inverted(const Value *column) {
    double    one;
    const Op *div = made_by(column, OP_DIV);
    return div && is_constant_tile(div->in[0], &one) && one == 1 && div->in[1]->type.cols == 1 && div->in[1]->type.rows > 1
               ? div->in[1]
               : NULL;
}

/* The rsqrt(rowsum(x * x) * factor + eps) that x is multiplied by, where there is no other use of x. */
static Op *root_of(const Norms *n, const Op *scaled) {
    int        count;
    Op **const users = ir_users(n->ctx, n->kernel, scaled->out[0], &count);
    if (count != 2 || users[0]->code != OP_MUL || users[1]->code != OP_MUL || users[0]->in[0] != users[0]->in[1] ||
        users[1]->in[0] != scaled->out[0])
        return NULL;
    Op *const root = made_by(users[1]->in[1], OP_RSQRT), *const add = root ? made_by(root->in[0], OP_ADD) : NULL,
              *const mean = add ? made_by(add->in[0], OP_MUL) : NULL,
              *const sum = mean ? made_by(mean->in[0], OP_ROWSUM) : NULL;
    double eps, factor;
    return sum && sum->in[0] == users[0]->out[0] && is_constant_tile(mean->in[1], &factor) &&
                   is_constant_tile(add->in[1], &eps) && eps > 0
               ? root
               : NULL;
}

/* The root times l for all users but the norm's own product. */
static void scale_others(const Norms *n, Op *root, const Value *x, Value *l) {
    int        count;
    Op **const users = ir_users(n->ctx, n->kernel, root->out[0], &count);
    Value     *scaled = NULL;
    for (int u = 0; u < count; u++)
        for (int i = 0; i < users[u]->in_count; i++) {
            if (users[u]->in[i] != root->out[0] || (users[u]->code == OP_MUL && users[u]->in[0] == x))
                continue;
            Builder b = ir_after(n->ctx, n->kernel, root);
            scaled = scaled ? scaled : ir_binary(&b, OP_MUL, root->out[0], l);
            users[u]->in[i] = scaled;
        }
}

static bool visit(Op *op, void *arg) {
    Norms *n = arg;
    if (op->code != OP_MUL || op->in[0]->type.cols == 1 || op->in[0]->type.dtype != DT_F32)
        return true;
    Value *const l = inverted(op->in[1]);
    Op *const    root = l ? root_of(n, op) : NULL;
    if (!root)
        return true;
    Op *const    add = root->in[0]->def;
    Builder      b = ir_before(n->ctx, n->kernel, root);
    Value *const eps = ir_binary(&b, OP_MUL, ir_binary(&b, OP_MUL, l, l), add->in[1]),
                *const sum = ir_binary(&b, OP_ADD, add->in[0], eps);
    root->in[0] = ir_binary(&b, OP_MAX, sum, ir_f(&b, LEAST, 1, 1));
    scale_others(n, root, op->out[0], l);
    ir_replace_uses(n->kernel, op->out[0], op->in[0]);
    op_erase(add);
    n->found++;
    return true;
}

Status pass_norms(Ctx *ctx, Module *module, const PassArgs *args) {
    for (int k = 0; k < module->kernel_count; k++) {
        Norms n = {ctx, module->kernels[k], 0};
        ir_walk(n.kernel->body, visit, &n);
        if (n.found)
            pass_note(ctx, args, n.kernel, "norms that divide no tile by the softmax' sum: %d", n.found);
    }
    return ST_OK;
}
