/* rattention { }, attention { } and sweep { }: from a Lua table to Specs.
 *
 * In:  the table of a constructor's call. Out: a Layer: one Spec, or one for each point of the product of its sweeps.
 * Always: fields are read in the order of spec_fields.def, so that a default may use the fields before it, the same
 * mistake gives the same message every time, and the last swept field varies fastest. */
#include "frontend/spec_eval.h"
#include "base/suggest.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER "layer"
#define SWEEP "sweep"

enum { MAX_POINTS = 4096 };

/* One constructor call. `raw`: stack index of a table from row number (1-based) to the value given. */
typedef struct Build {
    lua_State *L;
    Eval      *eval;
    SpecSource source;
    int        form; /* FORM_x */
    int        raw;
    int        sweeps[SPEC_FIELD_COUNT]; /* length of the row's sweep; 0: not swept */
    int        points;
} Build;

static int row_of(const SpecField *field) { return (int)(field - spec_fields); }

/* Leaves the value given for a row on the stack, nil where there is none; returns its type. */
static int push_raw(const Build *build, int row) { return lua_rawgeti(build->L, build->raw, row + 1); }

static bool is_given(const Build *build, int row) {
    const bool given = push_raw(build, row) != LUA_TNIL;
    lua_pop(build->L, 1);
    return given;
}

Layer *spec_to_layer(lua_State *L, int index) {
    Layer **layer = luaL_testudata(L, index, LAYER);
    return layer ? *layer : NULL;
}

/* Whether a key, or "table.key", may stand in the place of an error. */
static bool shows_as_field(const char *name, size_t length) {
    const char  *dot = strchr(name, '.');
    const size_t first = dot ? (size_t)(dot - name) : length;
    return spec_is_name(name, first) && (!dot || spec_is_name(dot + 1, length - first - 1));
}

static _Noreturn void unknown_field(Build *build, const char *name, size_t length) {
    const char *names[SPEC_FIELD_COUNT];
    int         count = 0;
    for (int i = 0; i < SPEC_FIELD_COUNT; i++)
        if (spec_fields[i].forms & build->form)
            names[count++] = spec_fields[i].name;
    Ctx *const  ctx = build->eval->ctx;
    const char *near = suggest(name, names, count);
    const char *remedy = near && strcmp(near, name) == 0
                             ? "write the table that the field lives in, as in rope = { theta = 10000 }"
                         : near ? ctx_printf(ctx, "did you mean %s?", near)
                                : "see the fields in the manual page rattan(1)";
    const char *place = spec_place(ctx, &build->source, shows_as_field(name, length) ? name : NULL);
    ctx_fail(ctx, ST_USAGE, place, remedy, "unknown field %s", spec_clip(ctx, name, length));
    spec_raise(build->L);
}

static void keep_value(Build *build, const SpecField *field) {
    lua_State *L = build->L;
    if (!(field->forms & build->form))
        spec_fail_field(L, &build->source, field->name,
                        "a layer with a window and a residual branch is rattention { ... }", "attention { } has no %s",
                        field->name);
    lua_pushvalue(L, -1);
    lua_rawseti(L, build->raw, row_of(field) + 1);
}

/* Puts the values of a table into build->raw; `table_name` is "" for the constructor's own. */
static void collect(Build *build, int table, const char *table_name);

/* With key and value on top of the stack. Unknown names go to `unknown`, the first by the alphabet: lua_next has no
 * order. */
static void collect_entry(Build *build, const char *table_name, const char **unknown) {
    lua_State *L = build->L;
    if (lua_type(L, -2) != LUA_TSTRING)
        spec_fail_field(L, &build->source, *table_name ? table_name : NULL, "write every field as name = value",
                        "a value without a field's name: %s", spec_describe(L, -1));
    const char *const key = lua_tostring(L, -2);
    const char *const name = *table_name ? ctx_printf(build->eval->ctx, "%s.%s", table_name, key) : key;
    const bool        whole = strlen(key) == lua_rawlen(L, -2);
    const SpecField  *field = whole ? spec_field_find(name, strlen(name)) : NULL;
    if (!field || (!*table_name && spec_field_parent(field))) {
        *unknown = !*unknown || strcmp(name, *unknown) < 0 ? name : *unknown;
        return;
    }
    keep_value(build, field);
    if (field->type == FIELD_TABLE && lua_istable(L, -1))
        collect(build, lua_gettop(L), field->name);
}

static void collect(Build *build, int table, const char *table_name) {
    lua_State  *L = build->L;
    const char *unknown = NULL;
    luaL_checkstack(L, 8, NULL);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        collect_entry(build, table_name, &unknown);
    if (unknown)
        unknown_field(build, unknown, strlen(unknown));
}

static void count_points(Build *build) {
    build->points = 1;
    for (int row = 0; row < SPEC_FIELD_COUNT; row++) {
        push_raw(build, row);
        if (luaL_testudata(build->L, -1, SWEEP)) {
            lua_getiuservalue(build->L, -1, 1);
            build->sweeps[row] = (int)lua_rawlen(build->L, -1);
            build->points *= build->sweeps[row];
            lua_pop(build->L, 1);
        }
        lua_pop(build->L, 1);
        if (build->points > MAX_POINTS)
            spec_fail_field(build->L, &build->source, spec_fields[row].name, "sweep fewer values",
                            "the sweeps have more than %d points", MAX_POINTS);
    }
}

/* Pushes the value of a row at a point: given, swept or the default (whose names are the fields in the table `known`).
 */
static void push_value(Build *build, const SpecField *field, const int *choice, int known) {
    lua_State *L = build->L;
    const int  row = row_of(field);
    if (push_raw(build, row) != LUA_TNIL) {
        if (build->sweeps[row]) {
            lua_getiuservalue(L, -1, 1);
            lua_rawgeti(L, -1, choice[row] + 1);
            lua_replace(L, -3);
            lua_pop(L, 1);
        }
        return;
    }
    lua_pop(L, 1);
    if (!field->fallback)
        spec_fail_field(L, &build->source, field->name, field->remedy, "is missing");
    const char *code = lua_pushfstring(L, "return %s", field->fallback);
    if (luaL_loadstring(L, code) != LUA_OK)
        lua_error(L);
    lua_pushvalue(L, known);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
    lua_remove(L, -2);
}

static _Noreturn void wrong_type(Build *build, const SpecField *field, const char *expected) {
    spec_fail_field(build->L, &build->source, field->name, field->remedy, "expected %s, got %s", expected,
                    spec_describe(build->L, -1));
}

static void put_integer(Build *build, const SpecField *field, Spec *spec) {
    lua_State *L = build->L;
    int        exact;
    if (lua_type(L, -1) != LUA_TNUMBER)
        wrong_type(build, field, "an integer");
    const lua_Integer value = lua_tointegerx(L, -1, &exact);
    if (!exact && !isfinite(lua_tonumber(L, -1)))
        spec_fail_field(L, &build->source, field->name, field->remedy, "%g is out of range", lua_tonumber(L, -1));
    if (!exact)
        spec_fail_field(L, &build->source, field->name, field->remedy, "%.17g is not an integer", lua_tonumber(L, -1));
    spec_require(L, spec_put_integer(build->eval->ctx, &build->source, field, spec, value));
}

static void put_real(Build *build, const SpecField *field, Spec *spec) {
    lua_State *L = build->L;
    const bool none = field->type == FIELD_CAP && lua_type(L, -1) == LUA_TBOOLEAN && !lua_toboolean(L, -1);
    if (!none && lua_type(L, -1) != LUA_TNUMBER)
        wrong_type(build, field, field->type == FIELD_CAP ? "a number or false" : "a number");
    const double value = none ? 0 : lua_tonumber(L, -1);
    if (field->type == FIELD_CAP && !none && value == 0)
        spec_fail_field(L, &build->source, field->name, field->remedy, "0 is out of range");
    spec_require(L, spec_put_real(build->eval->ctx, &build->source, field, spec, value));
}

static void put_flag(Build *build, const SpecField *field, Spec *spec) {
    if (lua_type(build->L, -1) != LUA_TBOOLEAN)
        wrong_type(build, field, "true or false");
    spec_require(build->L,
                 spec_put_integer(build->eval->ctx, &build->source, field, spec, lua_toboolean(build->L, -1)));
}

static void put_text(Build *build, const SpecField *field, Spec *spec) {
    size_t length;
    if (lua_type(build->L, -1) != LUA_TSTRING)
        wrong_type(build, field, "a string");
    const char *text = lua_tolstring(build->L, -1, &length);
    spec_require(build->L, spec_put_text(build->eval->ctx, &build->source, field, spec, text, length));
}

static _Noreturn void unknown_map(Build *build, const char *name, size_t length) {
    Ctx *const   ctx = build->eval->ctx;
    const char **names = NEW_ARRAY(ctx, const char *, map_source_count);
    Text         remedy = TEXT(ctx);
    for (int i = 0; i < map_source_count; i++)
        names[i] = map_sources[i].name;
    const char *near = suggest(name, names, map_source_count);
    if (near)
        text_add(&remedy, "did you mean %s? ", near);
    text_add(&remedy, "there are");
    for (int i = 0; i < map_source_count; i++)
        text_add(&remedy, " %s", names[i]);
    text_add(&remedy, ", or write a function");
    ctx_fail(ctx, ST_USAGE, spec_place(ctx, &build->source, "feature_map"), text_str(&remedy), "unknown feature map %s",
             spec_clip(ctx, name, length));
    spec_raise(build->L);
}

static void put_map(Build *build, const SpecField *field, Spec *spec) {
    lua_State  *L = build->L;
    const char *name = "custom";
    size_t      length;
    const int   top = lua_gettop(L);
    lua_pushvalue(L, top);
    if (lua_type(L, top) == LUA_TSTRING) {
        name = lua_tolstring(L, top, &length);
        if (strlen(name) != length || !spec_push_map(L, name))
            unknown_map(build, name, length);
    } else if (!lua_isfunction(L, top)) {
        wrong_type(build, field, "a name or a function");
    }
    spec_trace(L, &build->source, name, spec->head_dim, &spec->map);
    lua_settop(L, top);
}

static void put_value(Build *build, const SpecField *field, Spec *spec) {
    lua_State *L = build->L;
    switch (field->type) {
    case FIELD_INT:
    case FIELD_WIDE: put_integer(build, field, spec); break;
    case FIELD_REAL:
    case FIELD_CAP: put_real(build, field, spec); break;
    case FIELD_FLAG: put_flag(build, field, spec); break;
    case FIELD_NAME:
    case FIELD_CHOICE:
    case FIELD_SWITCH:
    case FIELD_WORD: put_text(build, field, spec); break;
    case FIELD_MAP: put_map(build, field, spec); break;
    case FIELD_TABLE:
        if (!lua_istable(L, -1) && !(lua_isboolean(L, -1) && !lua_toboolean(L, -1)))
            wrong_type(build, field, "a table or false");
        break;
    }
}

/* "window=256,head_dim=64": the swept fields of a point. */
static void write_label(Build *build, const int *choice, int known, SpecItem *item) {
    lua_State *L = build->L;
    size_t     used = 0;
    for (int row = 0; row < SPEC_FIELD_COUNT; row++) {
        if (!build->sweeps[row])
            continue;
        const int top = lua_gettop(L);
        push_value(build, &spec_fields[row], choice, known);
        if (lua_type(L, -1) == LUA_TNUMBER && lua_tointegerx(L, -1, NULL)) /* 2^10 is a float: no "1024.0" */
            lua_pushinteger(L, lua_tointeger(L, -1));
        const char *value = luaL_tolstring(L, -1, NULL);
        used += (size_t)snprintf(item->label + used, sizeof item->label - used, "%s%s=%s", used ? "," : "",
                                 spec_fields[row].name, value);
        lua_settop(L, top);
        if (used >= sizeof item->label)
            spec_fail_field(L, &build->source, spec_fields[row].name, "sweep fewer fields, or shorter values",
                            "the label of a point is longer than %zu characters", sizeof item->label - 1);
    }
}

static void build_fields(Build *build, const int *choice, int known, Spec *spec) {
    lua_State *L = build->L;
    bool       absent = false; /* the table of the rows "name.x" is false */
    for (int row = 0; row < SPEC_FIELD_COUNT; row++) {
        const SpecField *field = &spec_fields[row];
        const bool       nested = spec_field_parent(field) != NULL;
        if (!(field->forms & build->form) || (nested && absent))
            continue;
        push_value(build, field, choice, known);
        put_value(build, field, spec);
        if (!is_given(build, row))
            spec->defaulted |= (uint64_t)1 << row;
        if (field->type == FIELD_TABLE)
            absent = !lua_istable(L, -1);
        if (nested)
            lua_pop(L, 1);
        else
            lua_setfield(L, known, field->name);
    }
}

static void build_point(Build *build, int point, SpecItem *item) {
    lua_State *L = build->L;
    int        choice[SPEC_FIELD_COUNT] = {0};
    for (int row = SPEC_FIELD_COUNT - 1; row >= 0; row--) {
        if (!build->sweeps[row])
            continue;
        choice[row] = point % build->sweeps[row];
        point /= build->sweeps[row];
    }
    lua_newtable(L);
    const int known = lua_gettop(L);
    lua_pushstring(L, build->eval->default_name);
    lua_setfield(L, known, "file_name");
    write_label(build, choice, known, item);
    build->source.label = item->label;
    item->spec.full = build->form == FORM_ATTENTION;
    build_fields(build, choice, known, &item->spec);
    spec_require(L, spec_finish(build->eval->ctx, &build->source, &item->spec));
    lua_settop(L, known - 1);
}

static void push_layer(Build *build) {
    Layer *const layer = NEW(build->eval->ctx, Layer);
    layer->items = NEW_ARRAY(build->eval->ctx, SpecItem, build->points);
    layer->count = build->points;
    layer->named = is_given(build, row_of(spec_field_find("name", 4)));
    for (int point = 0; point < build->points; point++)
        build_point(build, point, &layer->items[point]);
    *(Layer **)lua_newuserdatauv(build->L, sizeof(Layer *), 0) = layer;
    luaL_setmetatable(build->L, LAYER);
}

static int construct(lua_State *L, int form, const char *name) {
    Build build = {.L = L, .eval = spec_eval_of(L), .source = spec_source_here(L, name), .form = form};
    if (lua_gettop(L) != 1 || !lua_istable(L, 1))
        spec_fail_here(L, "write the fields in braces", "%s takes one table, not %s", name,
                       lua_gettop(L) == 1 ? spec_describe(L, 1)
                       : lua_gettop(L)    ? "several values"
                                          : "nothing");
    lua_newtable(L);
    build.raw = lua_gettop(L);
    collect(&build, 1, "");
    count_points(&build);
    push_layer(&build);
    return 1;
}

static int call_rattention(lua_State *L) { return construct(L, FORM_RATTENTION, "rattention"); }
static int call_attention(lua_State *L) { return construct(L, FORM_ATTENTION, "attention"); }

/* Whether values i and n + 1 .. of the list on top of the stack repeat one another. */
static bool repeats(lua_State *L, int list, int n) {
    bool found = false;
    lua_rawgeti(L, list, n);
    for (int i = 1; i < n && !found; i++) {
        lua_rawgeti(L, list, i);
        found = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

static int call_sweep(lua_State *L) {
    static const char *const remedy = "write sweep { 128, 256 }: different numbers, strings or booleans";
    if (lua_gettop(L) != 1 || !lua_istable(L, 1) || lua_rawlen(L, 1) == 0)
        spec_fail_here(L, remedy, "sweep takes a table with at least one value");
    const lua_Unsigned count = lua_rawlen(L, 1);
    lua_Unsigned       keys = 0;
    if (count > MAX_POINTS)
        spec_fail_here(L, "sweep fewer values", "a sweep has more than %d values", MAX_POINTS);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        keys++;
    lua_newuserdatauv(L, 0, 1);
    luaL_setmetatable(L, SWEEP);
    lua_createtable(L, (int)count, 0);
    for (int i = 1; i <= (int)count; i++) {
        const int type = lua_rawgeti(L, 1, i);
        if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN)
            spec_fail_here(L, remedy, "a sweep has %s", spec_describe(L, -1));
        lua_rawseti(L, 3, i);
        if (repeats(L, 3, i))
            spec_fail_here(L, remedy, "value %d of the sweep repeats an earlier one", i);
    }
    if (keys != count)
        spec_fail_here(L, remedy, "a sweep is a plain list");
    lua_setiuservalue(L, 2, 1);
    return 1;
}

void spec_open_layer(lua_State *L) {
    luaL_newmetatable(L, LAYER);
    luaL_newmetatable(L, SWEEP);
    lua_pop(L, 2);
    lua_pushcfunction(L, call_rattention);
    lua_setfield(L, -2, "rattention");
    lua_pushcfunction(L, call_attention);
    lua_setfield(L, -2, "attention");
    lua_pushcfunction(L, call_sweep);
    lua_setfield(L, -2, "sweep");
}
