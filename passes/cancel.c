/* Whose gradients cancel: layers in which what products of 16-bit numbers round may be most of what is left. */
#include "passes/passes.h"

static bool node_has_signs(const bool *signs, const MapNode *node) {
    const bool a = node->a >= 0 && signs[node->a], b = node->b >= 0 && signs[node->b];
    switch (node->op) {
    case MAP_CONST: return node->value < 0;
    case MAP_EXP:
    case MAP_SIGMOID:
    case MAP_RELU:
    case MAP_ABS:
    case MAP_SQRT: return false;
    case MAP_MUL: return (a || b) && node->a != node->b;
    case MAP_MAX: return a && b;
    case MAP_INPUT:
    case MAP_NEG:
    case MAP_SUB:
    case MAP_LOG: return true;
    default: return a || b;
    }
}

/* As far as each operation's bounds tell. */
static bool map_has_signs(const FeatureMap *map) {
    bool signs[MAP_MAX_NODES];
    for (int i = 0; i < map->count; i++)
        signs[i] = node_has_signs(signs, &map->nodes[i]);
    return map->count > 0 && signs[map->count - 1];
}

bool features_cancel(const Spec *spec) { return map_has_signs(&spec->map); }

bool gradients_cancel(const Spec *spec) {
    enum { FEW_COLS = 16 };
    return spec->qk_scale || spec->window == 1 || spec->head_dim < FEW_COLS || spec->value_dim < FEW_COLS || features_cancel(spec);
}
