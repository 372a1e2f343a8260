/* model { }: layers by a repeated pattern of names.
 *
 * In:  model { name, layers = 36, pattern = { "l", "l", "g" }, l = rattention {...}, g = attention {...} }.
 * Out: a SpecFile whose items are the distinct layers in the order in which the pattern names them first. */
#include "frontend/spec_eval.h"
#include "base/suggest.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define MODEL "model"

enum { MAX_LAYERS = 65536, MAX_ITEMS = 256 };

/* One call. Its table is at stack index 1. */
typedef struct Build {
    lua_State *L;
    Eval      *eval;
    SpecSource source;
    SpecFile  *file;
    int        capacity; /* of file->items */
} Build;

static const ModelField *find_field(const char *name) {
    for (int i = 0; i < MODEL_FIELD_COUNT; i++)
        if (strcmp(model_fields[i].name, name) == 0)
            return &model_fields[i];
    return NULL;
}

SpecFile *spec_to_model(lua_State *L, int index) {
    SpecFile **file = luaL_testudata(L, index, MODEL);
    return file ? *file : NULL;
}

static void read_name(Build *build) {
    lua_State  *L = build->L;
    size_t      length;
    const char *name = build->eval->default_name;
    if (lua_getfield(L, 1, "name") != LUA_TNIL) {
        name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        if (!name || !spec_is_name(name, length))
            spec_fail_field(L, &build->source, "name", find_field("name")->remedy, "%s is not a name",
                            spec_describe(L, -1));
    }
    snprintf(build->file->model_name, sizeof build->file->model_name, "%s", name);
    lua_pop(L, 1);
}

static void read_layers(Build *build) {
    lua_State  *L = build->L;
    int         exact = 0;
    const char *remedy = find_field("layers")->remedy;
    if (lua_getfield(L, 1, "layers") == LUA_TNIL)
        spec_fail_field(L, &build->source, "layers", remedy, "is missing");
    const lua_Integer layers = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : 0;
    if (!exact)
        spec_fail_field(L, &build->source, "layers", remedy, "expected an integer, got %s", spec_describe(L, -1));
    if (layers < 1 || layers > MAX_LAYERS)
        spec_fail_field(L, &build->source, "layers", remedy, "%lld is out of range", (long long)layers);
    build->file->layers = (int)layers;
    lua_pop(L, 1);
}

static bool is_named(const SpecFile *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->items[i].label, name) == 0)
            return true;
    return false;
}

/* Every entry that is not a field of models is a layer, and every layer is in the pattern. */
static void check_entries(Build *build) {
    lua_State *L = build->L;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *const name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        if (!name)
            spec_fail_field(L, &build->source, NULL, "write every field as name = value",
                            "a value without a field's name: %s", spec_describe(L, -1));
        if (find_field(name) || is_named(build->file, name))
            continue;
        if (spec_to_layer(L, -1))
            spec_fail_field(L, &build->source, name, "name it in the pattern, or leave it out",
                            "the pattern does not have this layer");
        const char *names[MODEL_FIELD_COUNT];
        for (int i = 0; i < MODEL_FIELD_COUNT; i++)
            names[i] = model_fields[i].name;
        const char *near = suggest(name, names, MODEL_FIELD_COUNT);
        spec_fail_field(L, &build->source, name,
                        near ? ctx_printf(build->eval->ctx, "did you mean %s?", near)
                             : "the value of a layer is rattention { ... } or attention { ... }",
                        "unknown field %s", spec_clip(build->eval->ctx, name, strlen(name)));
    }
}

static void add_item(Build *build, const char *name, const Layer *layer) {
    SpecFile *const file = build->file;
    SpecItem        item = layer->items[0];
    if (layer->count != 1)
        spec_fail_field(build->L, &build->source, name, "sweep in a spec of one layer",
                        "a layer of a model has no sweeps");
    if (file->count == MAX_ITEMS)
        spec_fail_field(build->L, &build->source, "pattern", NULL, "more than %d different layers", MAX_ITEMS);
    snprintf(item.label, sizeof item.label, "%s", name);
    char      whole[sizeof item.spec.name + sizeof file->model_name];
    const int length = snprintf(whole, sizeof whole, "%s_%.63s", file->model_name, name);
    if (!layer->named && length >= (int)sizeof item.spec.name)
        spec_fail_field(build->L, &build->source, name, "give the layer a name of its own", "the name %s is too long",
                        whole);
    if (!layer->named)
        memcpy(item.spec.name, whole, (size_t)length + 1);
    PUSH(build->eval->ctx, file->items, file->count, build->capacity, item);
}

/* The item of the pattern's entry on top of the stack, added where it is new. */
static int item_of_entry(Build *build) {
    lua_State      *L = build->L;
    SpecFile *const file = build->file;
    size_t          length = 0;
    const char     *name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (!name || !spec_is_name(name, length))
        spec_fail_field(L, &build->source, "pattern", find_field("pattern")->remedy, "%s is not a name",
                        spec_describe(L, -1));
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->items[i].label, name) == 0)
            return i;
    lua_getfield(L, 1, name);
    const Layer *layer = spec_to_layer(L, -1);
    if (!layer || find_field(name))
        spec_fail_field(L, &build->source, "pattern", find_field("pattern")->remedy,
                        "there is no layer %s in this model", name);
    add_item(build, name, layer);
    lua_pop(L, 1);
    return file->count - 1;
}

static void read_pattern(Build *build) {
    lua_State      *L = build->L;
    SpecFile *const file = build->file;
    if (lua_getfield(L, 1, "pattern") != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        spec_fail_field(L, &build->source, "pattern", find_field("pattern")->remedy, "expected a list of names, got %s",
                        lua_istable(L, -1) ? "an empty table" : spec_describe(L, -1));
    const lua_Unsigned period = lua_rawlen(L, -1);
    if (period > (lua_Unsigned)file->layers)
        spec_fail_field(L, &build->source, "pattern", "make the pattern at most as long as layers",
                        "the pattern has %llu entries, the model %d layers", (unsigned long long)period, file->layers);
    file->pattern = NEW_ARRAY(build->eval->ctx, int, file->layers);
    for (int i = 0; i < file->layers; i++) {
        if (i >= (int)period) {
            file->pattern[i] = file->pattern[i - (int)period];
            continue;
        }
        lua_rawgeti(L, -1, i + 1);
        file->pattern[i] = item_of_entry(build);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static int call_model(lua_State *L) {
    Build build = {.L = L, .eval = spec_eval_of(L), .source = spec_source_here(L, "model")};
    if (lua_gettop(L) != 1 || !lua_istable(L, 1))
        spec_fail_here(L, "write the fields in braces", "model takes one table");
    build.file = NEW(build.eval->ctx, SpecFile);
    build.file->is_model = true;
    read_name(&build);
    read_layers(&build);
    read_pattern(&build);
    check_entries(&build);
    *(SpecFile **)lua_newuserdatauv(L, sizeof(SpecFile *), 0) = build.file;
    luaL_setmetatable(L, MODEL);
    return 1;
}

void spec_open_model(lua_State *L) {
    luaL_newmetatable(L, MODEL);
    lua_pop(L, 1);
    lua_pushcfunction(L, call_model);
    lua_setfield(L, -2, "model");
}
