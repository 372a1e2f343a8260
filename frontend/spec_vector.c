/* Symbolic vectors: running the Lua function of a feature map once on a vector without values, and keeping what it did
 * as the nodes of a FeatureMap.
 *
 * In:  a Lua function of one argument. Out: a sealed FeatureMap.
 * Always: a vector is a userdata with a metatable that a spec can neither get nor change. What cannot be traced
 * (comparing, indexing, a vector of an earlier trace) is an error at its line, never a silently different map. */
#include "frontend/spec_eval.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define VECTOR "vector"

typedef struct Vector {
    int trace_number, node;
} Vector;

static int length_of(const FeatureMap *map, int node) { return node < 0 ? 1 : map->nodes[node].length; }

static int push_node(lua_State *L, MapOp op, int a, int b, double value) {
    Eval *const eval = spec_eval_of(L);
    const int   node = map_add(eval->tracing, op, a, b, value);
    if (node == MAP_FULL)
        spec_fail_here(L, "use fewer operations", "the feature map has more than %d operations", MAP_MAX_NODES);
    if (node == MAP_WIDE)
        spec_fail_here(L, "concat fewer vectors", "a vector is longer than %d", MAP_MAX_FEATURES);
    if (node == MAP_LENGTHS)
        spec_fail_here(L, "operands are equally long, or one of them is a number or a vector of length 1",
                       "vectors of length %d and %d do not fit", length_of(eval->tracing, a),
                       length_of(eval->tracing, b));
    Vector *vector = lua_newuserdatauv(L, sizeof *vector, 0);
    *vector = (Vector){eval->trace_number, node};
    luaL_setmetatable(L, VECTOR);
    return node;
}

/* The node of an argument; a number becomes a constant. */
static int to_node(lua_State *L, int index) {
    Eval *const   eval = spec_eval_of(L);
    const Vector *vector = luaL_testudata(L, index, VECTOR);
    if (!vector && lua_type(L, index) != LUA_TNUMBER)
        spec_fail_here(L, "operands are vectors and numbers", "a feature map computes with %s",
                       spec_describe(L, index));
    if (!eval->tracing || (vector && vector->trace_number != eval->trace_number))
        spec_fail_here(L, "use x and what is made from it inside the function of a feature map",
                       "a vector is used outside of its feature map");
    if (vector)
        return vector->node;
    if (!isfinite(lua_tonumber(L, index)))
        spec_fail_here(L, "use a finite number", "the constant %g", lua_tonumber(L, index));
    const int node = push_node(L, MAP_CONST, -1, -1, lua_tonumber(L, index));
    lua_pop(L, 1);
    return node;
}

static int binary(lua_State *L, MapOp op) {
    const int a = to_node(L, 1), b = to_node(L, 2);
    push_node(L, op, a, b, 0);
    return 1;
}

static int unary(lua_State *L, MapOp op) {
    push_node(L, op, to_node(L, 1), -1, 0);
    return 1;
}

static int vector_add(lua_State *L) { return binary(L, MAP_ADD); }
static int vector_sub(lua_State *L) { return binary(L, MAP_SUB); }
static int vector_mul(lua_State *L) { return binary(L, MAP_MUL); }
static int vector_div(lua_State *L) { return binary(L, MAP_DIV); }
static int vector_neg(lua_State *L) { return unary(L, MAP_NEG); }

static int vector_length(lua_State *L) {
    FeatureMap *const map = spec_eval_of(L)->tracing;
    lua_pushinteger(L, map->nodes[to_node(L, 1)].length);
    map->sized = true;
    return 1;
}

static int vector_text(lua_State *L) {
    lua_pushliteral(L, VECTOR);
    return 1;
}

static int no_compare(lua_State *L) {
    spec_fail_here(L, "use relu, abs, max or min instead of a condition", "a vector has no values yet to compare");
}

static int no_index(lua_State *L) {
    spec_fail_here(L, "use sum, mean, max or min over all elements", "a vector is not indexed");
}

static int no_power(lua_State *L) {
    spec_fail_here(L, "write x * x, or exp(p * log(x))", "a vector has no operator ^");
}

static int no_operator(lua_State *L) {
    spec_fail_here(L, "use + - * / and the functions of feature maps", "a vector does not have this operator");
}

/* The functions of one argument also take numbers, so that exp(1) is a constant. */
static double relu(double x) { return x > 0 ? x : 0; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static const struct {
    const char *name;
    MapOp       op;
    double (*value)(double);
} unary_names[] = {
    {"exp", MAP_EXP, exp},    {"log", MAP_LOG, log},  {"tanh", MAP_TANH, tanh}, {"sigmoid", MAP_SIGMOID, sigmoid},
    {"relu", MAP_RELU, relu}, {"abs", MAP_ABS, fabs}, {"sqrt", MAP_SQRT, sqrt},
};

static void take_arguments(lua_State *L, const char *name, int least, int most) {
    const int count = lua_gettop(L);
    if (count >= least && count <= most)
        return;
    if (least == most)
        spec_fail_here(L, NULL, "%s takes %d argument%s, not %d", name, least, least == 1 ? "" : "s", count);
    spec_fail_here(L, NULL, "%s takes at least %d argument%s, not %d", name, least, least == 1 ? "" : "s", count);
}

static int call_unary(lua_State *L) {
    const int row = (int)lua_tointeger(L, lua_upvalueindex(1));
    take_arguments(L, unary_names[row].name, 1, 1);
    if (lua_type(L, 1) != LUA_TNUMBER)
        return unary(L, unary_names[row].op);
    lua_pushnumber(L, unary_names[row].value(lua_tonumber(L, 1)));
    return 1;
}

/* max(a, b, ...), min(a, b, ...): element by element, from the left. Numbers alone: a number. */
static int fold(lua_State *L, MapOp op, double (*value)(double, double)) {
    for (int count = lua_gettop(L); count > 1; count--) {
        if (lua_type(L, 1) == LUA_TNUMBER && lua_type(L, 2) == LUA_TNUMBER)
            lua_pushnumber(L, value(lua_tonumber(L, 1), lua_tonumber(L, 2)));
        else
            binary(L, op);
        lua_replace(L, 1);
        lua_remove(L, 2);
    }
    return 1;
}

/* max(x): over the elements. */
static int call_max(lua_State *L) {
    take_arguments(L, "max", 1, MAP_MAX_NODES);
    return lua_gettop(L) == 1 ? unary(L, MAP_ROWMAX) : fold(L, MAP_MAX, fmax);
}

/* min(x): over the elements. There is no row minimum: -max(-x). */
static int row_min(lua_State *L) {
    const int negated = push_node(L, MAP_NEG, to_node(L, 1), -1, 0);
    const int largest = push_node(L, MAP_ROWMAX, negated, -1, 0);
    push_node(L, MAP_NEG, largest, -1, 0);
    return 1;
}

static int call_min(lua_State *L) {
    take_arguments(L, "min", 1, MAP_MAX_NODES);
    return lua_gettop(L) == 1 ? row_min(L) : fold(L, MAP_MIN, fmin);
}

static int call_sum(lua_State *L) {
    take_arguments(L, "sum", 1, 1);
    return unary(L, MAP_ROWSUM);
}

static int call_mean(lua_State *L) {
    take_arguments(L, "mean", 1, 1);
    const int x = to_node(L, 1);
    const int length = spec_eval_of(L)->tracing->nodes[x].length;
    const int total = push_node(L, MAP_ROWSUM, x, -1, 0);
    const int divisor = push_node(L, MAP_CONST, -1, -1, length);
    push_node(L, MAP_DIV, total, divisor, 0);
    return 1;
}

static int call_softmax(lua_State *L) {
    take_arguments(L, "softmax", 1, 1);
    const int x = to_node(L, 1);
    const int largest = push_node(L, MAP_ROWMAX, x, -1, 0);
    const int shifted = push_node(L, MAP_SUB, x, largest, 0);
    const int weights = push_node(L, MAP_EXP, shifted, -1, 0);
    const int total = push_node(L, MAP_ROWSUM, weights, -1, 0);
    push_node(L, MAP_DIV, weights, total, 0);
    return 1;
}

static int call_concat(lua_State *L) {
    take_arguments(L, "concat", 1, MAP_MAX_NODES);
    const int count = lua_gettop(L);
    int       joined = to_node(L, 1);
    lua_pushvalue(L, 1);
    for (int i = 2; i <= count; i++) {
        lua_pop(L, 1);
        joined = push_node(L, MAP_CONCAT, joined, to_node(L, i), 0);
    }
    return 1;
}

static const luaL_Reg vector_names[] = {
    {"max", call_max},         {"min", call_min},       {"sum", call_sum}, {"mean", call_mean},
    {"softmax", call_softmax}, {"concat", call_concat}, {NULL, NULL},
};

static const luaL_Reg vector_methods[] = {
    {"__add", vector_add},  {"__sub", vector_sub},     {"__mul", vector_mul},       {"__div", vector_div},
    {"__unm", vector_neg},  {"__len", vector_length},  {"__tostring", vector_text}, {"__eq", no_compare},
    {"__lt", no_compare},   {"__le", no_compare},      {"__index", no_index},       {"__newindex", no_index},
    {"__pow", no_power},    {"__mod", no_operator},    {"__idiv", no_operator},     {"__band", no_operator},
    {"__bor", no_operator}, {"__bxor", no_operator},   {"__bnot", no_operator},     {"__shl", no_operator},
    {"__shr", no_operator}, {"__concat", no_operator}, {"__call", no_operator},     {NULL, NULL},
};

void spec_open_vector(lua_State *L) {
    if (luaL_newmetatable(L, VECTOR))
        luaL_setfuncs(L, vector_methods, 0);
    lua_pop(L, 1);
    luaL_setfuncs(L, vector_names, 0);
    for (size_t i = 0; i < sizeof unary_names / sizeof *unary_names; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushcclosure(L, call_unary, 1);
        lua_setfield(L, -2, unary_names[i].name);
    }
}

bool spec_push_map(lua_State *L, const char *name) {
    for (int i = 0; i < map_source_count; i++) {
        if (strcmp(map_sources[i].name, name) != 0)
            continue;
        const char *text = map_sources[i].text;
        if (luaL_loadbufferx(L, text, strlen(text), lua_pushfstring(L, "=specs/maps/%s.lua", name), "t") != LUA_OK)
            lua_error(L);
        /* A table of its own: a spec that sets `softmax` changes nothing here. */
        lua_newtable(L);
        spec_open_vector(L);
        lua_setupvalue(L, -2, 1);
        lua_call(L, 0, 1);
        lua_remove(L, -2);
        return true;
    }
    return false;
}

/* The value that the function returned, as a node. */
static int result_node(lua_State *L, const SpecSource *source, int results) {
    const Vector *vector = results == 1 ? luaL_testudata(L, -1, VECTOR) : NULL;
    if (vector && vector->trace_number == spec_eval_of(L)->trace_number)
        return vector->node;
    const char *what = results == 0  ? "nothing"
                       : results > 1 ? "several values"
                       : vector      ? "a vector of another feature map"
                                     : spec_describe(L, -1);
    spec_fail_field(L, source, "feature_map",
                    "a feature map ends with `return` and one vector, such as `return concat(a, b)`",
                    "the function returns %s", what);
}

void spec_trace(lua_State *L, const SpecSource *source, const char *name, int head_dim, FeatureMap *map) {
    Eval *const eval = spec_eval_of(L);
    if (eval->tracing)
        spec_fail_here(L, "make layers outside of the functions of feature maps",
                       "a layer is made inside a feature map");
    const int base = lua_gettop(L) - 1;
    map_start(map, name, head_dim);
    eval->tracing = map;
    eval->trace_number++;
    Vector *input = lua_newuserdatauv(L, sizeof *input, 0);
    *input = (Vector){eval->trace_number, 0};
    luaL_setmetatable(L, VECTOR);
    lua_call(L, 1, LUA_MULTRET);
    map_seal(map, result_node(L, source, lua_gettop(L) - base));
    if (!map_uses_input(map))
        spec_fail_field(L, source, "feature_map", "return a vector that is made from the function's argument",
                        "the function makes the same features of every row");
    eval->tracing = NULL;
    lua_settop(L, base);
}
