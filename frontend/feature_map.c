/* Feature maps as graphs: see feature_map.h. */
#include "frontend/feature_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int         operands;
} map_ops[MAP_OP_COUNT] = {
#define X(id, name, operands) {name, operands},
    MAP_OPS(X)
#undef X
};

int         map_operands(MapOp op) { return map_ops[op].operands; }
const char *map_op_name(MapOp op) { return map_ops[op].name; }

void map_start(FeatureMap *map, const char *name, int length) {
    memset(map, 0, sizeof *map);
    snprintf(map->name, sizeof map->name, "%s", name);
    map->nodes[0] = (MapNode){MAP_INPUT, -1, -1, 0, length};
    map->count = 1;
}

/* The length of a node with these operands; MAP_LENGTHS where they do not fit, MAP_WIDE where it is too long. */
static int node_length(const FeatureMap *map, MapOp op, int a, int b) {
    const int la = a < 0 ? 1 : map->nodes[a].length;
    const int lb = b < 0 ? 1 : map->nodes[b].length;
    if (op == MAP_ROWSUM || op == MAP_ROWMAX || op == MAP_CONST)
        return 1;
    if (op == MAP_CONCAT)
        return la + lb <= MAP_MAX_FEATURES ? la + lb : MAP_WIDE;
    if (la != lb && la != 1 && lb != 1)
        return MAP_LENGTHS;
    return la > lb ? la : lb;
}

static bool same_node(const MapNode *x, const MapNode *y) {
    return x->op == y->op && x->a == y->a && x->b == y->b && x->value == y->value &&
           !signbit(x->value) == !signbit(y->value);
}

int map_add(FeatureMap *map, MapOp op, int a, int b, double value) {
    const int     length = node_length(map, op, a, b);
    const MapNode node = {op, a, b, value, length};
    if (length < 0)
        return length;
    for (int i = 0; i < map->count; i++)
        if (same_node(&map->nodes[i], &node))
            return i;
    if (map->count == MAP_MAX_NODES)
        return MAP_FULL;
    map->nodes[map->count] = node;
    return map->count++;
}

/* Copies node i and what it needs; `moved` holds new index + 1. At most MAP_MAX_NODES deep. */
static int copy_node(const FeatureMap *from, FeatureMap *to, int i, int *moved) {
    if (moved[i])
        return moved[i] - 1;
    MapNode node = from->nodes[i];
    if (node.a >= 0)
        node.a = copy_node(from, to, node.a, moved);
    if (node.b >= 0)
        node.b = copy_node(from, to, node.b, moved);
    to->nodes[to->count] = node;
    moved[i] = ++to->count;
    return to->count - 1;
}

void map_seal(FeatureMap *map, int result) {
    const FeatureMap from = *map;
    int              moved[MAP_MAX_NODES] = {0};
    memset(map->nodes, 0, sizeof map->nodes);
    map->count = 0;
    copy_node(&from, map, result, moved);
}

bool map_uses_input(const FeatureMap *map) {
    bool uses = false;
    for (int i = 0; i < map->count; i++)
        uses = uses || map->nodes[i].op == MAP_INPUT;
    return uses;
}

static bool node_is_valid(const FeatureMap *map, int i, int head_dim) {
    const MapNode *node = &map->nodes[i];
    if ((int)node->op < 0 || node->op >= MAP_OP_COUNT || !isfinite(node->value))
        return false;
    const int  operands = map_operands(node->op);
    const bool a = operands > 0 ? node->a >= 0 && node->a < i : node->a == -1;
    const bool b = operands > 1 ? node->b >= 0 && node->b < i : node->b == -1;
    if (!a || !b || (node->op != MAP_CONST && node->value != 0))
        return false;
    const int length = node->op == MAP_INPUT ? head_dim : node_length(map, node->op, node->a, node->b);
    return length > 0 && node->length == length;
}

Status map_check(Ctx *ctx, const char *place, const FeatureMap *map, int head_dim) {
    if (map->count < 1 || map->count > MAP_MAX_NODES)
        return ctx_fail(ctx, ST_USAGE, place, NULL, "the map has %d operations, not 1 to %d", map->count,
                        MAP_MAX_NODES);
    for (int i = 0; i < map->count; i++)
        if (!node_is_valid(map, i, head_dim))
            return ctx_fail(ctx, ST_USAGE, place, NULL, "operation %d of the map is not valid", i);
    if (!map_uses_input(map))
        return ctx_fail(ctx, ST_USAGE, place, NULL, "the map makes nothing of its vector");
    return ST_OK;
}

/* How the nodes are printed: node i as t[i] where it is used more than once or stands deep, else where it is used. */
typedef struct Printer {
    Text             *text;
    const FeatureMap *map;
    bool              named[MAP_MAX_NODES];
} Printer;

void spec_print_number(Text *text, double value) {
    if (value == floor(value) && fabs(value) < 1e9)
        text_add(text, value == 0 && signbit(value) ? "%.1f" : "%.0f", value); /* -0 would be the integer 0 */
    else
        text_add_double(text, value);
}

/* Lua's parser takes about 200 nested expressions. */
enum { MAX_DEPTH = 40 };

static void choose_names(Printer *printer) {
    const FeatureMap *map = printer->map;
    int               uses[MAP_MAX_NODES] = {0}, depth[MAP_MAX_NODES] = {0};
    for (int i = 0; i < map->count; i++) {
        const int operands[2] = {map->nodes[i].a, map->nodes[i].b};
        for (int k = 0; k < 2; k++)
            if (operands[k] >= 0)
                uses[operands[k]]++;
    }
    for (int i = 0; i < map->count; i++) {
        const MapNode *node = &map->nodes[i];
        const int      a = node->a < 0 || printer->named[node->a] ? 0 : depth[node->a];
        const int      b = node->b < 0 || printer->named[node->b] ? 0 : depth[node->b];
        depth[i] = 1 + (a > b ? a : b);
        printer->named[i] = map_operands(node->op) > 0 && (uses[i] > 1 || depth[i] > MAX_DEPTH);
    }
}

/* What Lua calls the ops that are no function of the op's name. */
static const char *const infix[MAP_OP_COUNT] = {[MAP_ADD] = "+", [MAP_SUB] = "-", [MAP_MUL] = "*", [MAP_DIV] = "/"};
static const char *const renamed[MAP_OP_COUNT] = {[MAP_ROWSUM] = "sum", [MAP_ROWMAX] = "max"};

static void print_expression(const Printer *printer, int i);

/* Node i where it is used; in parentheses where an operator stands beside an operator. */
static void print_use(const Printer *printer, int i, bool beside_operator) {
    const MapOp op = printer->map->nodes[i].op;
    if (printer->named[i]) {
        text_add(printer->text, "t[%d]", i);
        return;
    }
    const bool closed = beside_operator && (infix[op] || op == MAP_NEG);
    text_add(printer->text, closed ? "(" : "");
    print_expression(printer, i);
    text_add(printer->text, closed ? ")" : "");
}

static void print_call(const Printer *printer, const MapNode *node) {
    text_add(printer->text, "%s(", renamed[node->op] ? renamed[node->op] : map_op_name(node->op));
    print_use(printer, node->a, false);
    if (node->b >= 0) {
        text_add(printer->text, ", ");
        print_use(printer, node->b, false);
    }
    text_add(printer->text, ")");
}

static void print_expression(const Printer *printer, int i) {
    const MapNode *node = &printer->map->nodes[i];
    if (node->op == MAP_INPUT) {
        text_add(printer->text, "x");
    } else if (node->op == MAP_CONST) {
        spec_print_number(printer->text, node->value);
    } else if (node->op == MAP_NEG) {
        text_add(printer->text, "-");
        print_use(printer, node->a, true);
    } else if (infix[node->op]) {
        print_use(printer, node->a, true);
        text_add(printer->text, " %s ", infix[node->op]);
        print_use(printer, node->b, true);
    } else {
        print_call(printer, node);
    }
}

void map_print(Text *text, const FeatureMap *map) {
    Printer printer = {text, map, {false}};
    bool    any = false;
    choose_names(&printer);
    text_add(text, "function(x)");
    for (int i = 0; i < map->count - 1; i++) {
        if (!printer.named[i])
            continue;
        text_add(text, "%s t[%d] = ", any ? "" : " local t = {}", i);
        print_expression(&printer, i);
        any = true;
    }
    text_add(text, " return ");
    print_expression(&printer, map->count - 1);
    text_add(text, " end");
}
