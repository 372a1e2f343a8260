/* The derivative of a feature map: see map_gradient.h. The last node is the result; going down, each node's gradient is
 * complete when its turn comes, since operands are earlier nodes. */
#include "driver/map_gradient.h"

#include <math.h>
#include <string.h>

/* The elements of a node and their gradient. As an operand, one of length 1 broadcasts: its gradient is a sum. */
typedef struct Operand {
    const double *value;
    double       *gradient;
    int           length;
} Operand;

static int element(const Operand *operand, int i) { return operand->length == 1 ? 0 : i; }

/* What of the larger of two is the first one's. */
static double share(double a, double b) { return a > b ? 1 : a < b ? 0 : 0.5; }

/* Of a root's slope at 0: finite, so that nothing is left of it where what is inside is flat. */
static const double LEAST_ROOT = 1e-30;

/* dy/da of y = op(a, b). */
static double slope_a(MapOp op, double a, double b, double y) {
    switch (op) {
    case MAP_ADD:
    case MAP_SUB: return 1;
    case MAP_MUL: return b;
    case MAP_DIV: return 1 / b;
    case MAP_MAX: return share(a, b);
    case MAP_MIN: return share(b, a);
    case MAP_NEG: return -1;
    case MAP_EXP: return y;
    case MAP_LOG: return 1 / a;
    case MAP_TANH: return (1 - y) * (1 + y);
    case MAP_SIGMOID: return y * (1 - y);
    case MAP_RELU: return a > 0;
    case MAP_ABS: return (a > 0) - (a < 0);
    case MAP_SQRT: return 0.5 / fmax(y, LEAST_ROOT);
    default: return NAN;
    }
}

/* dy/db of y = op(a, b). */
static double slope_b(MapOp op, double a, double b, double y) {
    switch (op) {
    case MAP_ADD: return 1;
    case MAP_SUB: return -1;
    case MAP_MUL: return a;
    case MAP_DIV: return -y / b;
    case MAP_MAX: return share(b, a);
    case MAP_MIN: return share(a, b);
    default: return NAN;
    }
}

static void elementwise_gradient(const MapNode *node, const double *y, const double *dy, const Operand *a,
                                 const Operand *b) {
    for (int i = 0; i < node->length; i++) {
        const int    at = element(a, i), bt = node->b < 0 ? 0 : element(b, i);
        const double x = a->value[at], z = node->b < 0 ? 0 : b->value[bt];
        a->gradient[at] += dy[i] * slope_a(node->op, x, z, y[i]);
        if (node->b >= 0)
            b->gradient[bt] += dy[i] * slope_b(node->op, x, z, y[i]);
    }
}

static void rowmax_gradient(double y, double dy, const Operand *a) {
    int ties = 0;
    for (int i = 0; i < a->length; i++)
        ties += a->value[i] == y;
    for (int i = 0; i < a->length; i++)
        if (a->value[i] == y)
            a->gradient[i] += dy / ties;
}

static void node_gradient(const MapNode *node, const double *y, const double *dy, const Operand *a, const Operand *b) {
    switch (node->op) {
    case MAP_CONCAT:
        for (int i = 0; i < a->length; i++)
            a->gradient[i] += dy[i];
        for (int i = 0; i < b->length; i++)
            b->gradient[i] += dy[a->length + i];
        break;
    case MAP_ROWSUM:
        for (int i = 0; i < a->length; i++)
            a->gradient[i] += dy[0];
        break;
    case MAP_ROWMAX: rowmax_gradient(y[0], dy[0], a); break;
    default: elementwise_gradient(node, y, dy, a, b);
    }
}

void map_gradient(const FeatureMap *map, const double *values, const double *dphi, double *dvalues, double *dx) {
    Operand nodes[MAP_MAX_NODES];
    int64_t used = 0;
    for (int i = 0; i < map->count; i++) {
        nodes[i] = (Operand){values + used, dvalues + used, map->nodes[i].length};
        used += map->nodes[i].length;
    }
    const int64_t F = map->nodes[map->count - 1].length;
    memset(dvalues, 0, sizeof *dvalues * (size_t)used);
    memcpy(dvalues + used - F, dphi, sizeof *dphi * (size_t)F);
    for (int i = map->count - 1; i >= 0; i--) {
        const MapNode *node = &map->nodes[i];
        if (node->a >= 0)
            node_gradient(node, nodes[i].value, nodes[i].gradient, &nodes[node->a],
                          node->b >= 0 ? &nodes[node->b] : NULL);
        for (int d = 0; node->op == MAP_INPUT && d < node->length; d++)
            dx[d] += nodes[i].gradient[d];
    }
}
