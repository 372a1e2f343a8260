/* The Lua state of a spec: see spec_eval.h.
 *
 * What a spec can reach is what is listed here, nothing else: the constructors, the operations of feature maps, and the
 * parts of Lua's library that cannot run away (no patterns, no string.rep, no load, no pcall, no metatables, no
 * coroutines). */
#include "frontend/spec_eval.h"
#include "base/suggest.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INSTRUCTION_CAP = 20 * 1000 * 1000,
    INSTRUCTION_STEP = 10 * 1000,
};

static const char *const base_names[] = {"assert", "error",    "ipairs",   "next", "pairs",
                                         "select", "tonumber", "tostring", "type"};
static const char *const string_names[] = {"byte", "char", "format", "len", "lower", "reverse", "sub", "upper"};
static const char *const table_names[] = {"concat", "insert", "pack", "remove", "sort", "unpack"};
static const char *const math_names[] = {"abs",  "ceil", "cos",        "exp",  "floor",      "fmod", "huge",
                                         "log",  "max",  "maxinteger", "min",  "mininteger", "pi",   "sin",
                                         "sqrt", "tan",  "tointeger",  "type", "ult"};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Eval *spec_eval_of(lua_State *L) { return *(Eval **)lua_getextraspace(L); }

void spec_raise(lua_State *L) {
    lua_pushnil(L);
    lua_error(L);
    __builtin_unreachable(); /* lua_error does not return */
}

void spec_require(lua_State *L, Status status) {
    if (status != ST_OK)
        spec_raise(L);
}

/* The line of the innermost Lua function that is text of the spec; 0: none is. */
static int line_here(lua_State *L) {
    lua_Debug frame;
    for (int level = 0; lua_getstack(L, level, &frame); level++)
        if (lua_getinfo(L, "Sl", &frame) && strcmp(frame.source, "=spec") == 0 && frame.currentline > 0)
            return frame.currentline;
    return 0;
}

SpecSource spec_source_here(lua_State *L, const char *form) {
    SpecSource source = spec_eval_of(L)->source;
    source.line = line_here(L);
    source.form = form;
    return source;
}

/* Lua code that runs inside a constructor is the function of a feature map. */
static const char *field_here(const Eval *eval) { return eval->tracing ? "feature_map" : NULL; }

static void fail_at(lua_State *L, const SpecSource *source, const char *field, const char *remedy, const char *format,
                    va_list args) {
    Ctx *const ctx = spec_eval_of(L)->ctx;
    char       message[512];
    vsnprintf(message, sizeof message, format, args);
    ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field), remedy, "%s", message);
}

void spec_fail_here(lua_State *L, const char *remedy, const char *format, ...) {
    const SpecSource source = spec_source_here(L, NULL);
    va_list          args;
    va_start(args, format);
    fail_at(L, &source, field_here(spec_eval_of(L)), remedy, format, args);
    va_end(args);
    spec_raise(L);
}

void spec_fail_field(lua_State *L, const SpecSource *source, const char *field, const char *remedy, const char *format,
                     ...) {
    va_list args;
    va_start(args, format);
    fail_at(L, source, field, remedy, format, args);
    va_end(args);
    spec_raise(L);
}

const char *spec_describe(lua_State *L, int index) {
    Ctx *const ctx = spec_eval_of(L)->ctx;
    size_t     length;
    switch (lua_type(L, index)) {
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, index, &length);
        return ctx_printf(ctx, "the string %s", spec_clip(ctx, text, length));
    }
    case LUA_TNUMBER: return ctx_printf(ctx, "the number %g", lua_tonumber(L, index));
    case LUA_TBOOLEAN: return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TUSERDATA: luaL_getmetafield(L, index, "__name"); return ctx_printf(ctx, "a %s", lua_tostring(L, -1));
    case LUA_TNIL: return "nothing";
    default: return ctx_printf(ctx, "a %s", luaL_typename(L, index));
    }
}

static void count_instructions(lua_State *L, lua_Debug *frame) {
    (void)frame;
    Eval *const eval = spec_eval_of(L);
    eval->instructions += INSTRUCTION_STEP;
    if (eval->instructions >= INSTRUCTION_CAP)
        spec_fail_here(L, "a spec is data: look for an endless loop", "stopped after %d million instructions",
                       INSTRUCTION_CAP / 1000000);
}

/* A name that is not there is an error, not nil: most often it is a typing error. Upvalue 1: the library's name and a
 * dot. */
static int unknown_name(lua_State *L) {
    enum { MAX_NAMES = 64 };
    const char *names[MAX_NAMES];
    int         count = 0;
    Ctx *const  ctx = spec_eval_of(L)->ctx;
    size_t      length;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &length) : NULL;
    if (!key || !spec_is_name(key, length))
        spec_fail_here(L, NULL, "there is nothing named %s", spec_describe(L, 2));
    for (lua_pushnil(L); count < MAX_NAMES && lua_next(L, 1); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -2);
    const char *near = suggest(key, names, count);
    spec_fail_here(L,
                   near ? ctx_printf(ctx, "did you mean %s?", near)
                        : "a spec has no io, os, load, pcall, metatables, coroutines or string patterns",
                   "unknown name %s%s", lua_tostring(L, lua_upvalueindex(1)), key);
}

/* Makes unknown names of the table on top of the stack errors. */
static void guard_names(lua_State *L, const char *library) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, library);
    lua_pushcclosure(L, unknown_name, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Moves the listed names of the library table on top of the stack into a new table, pushed in its stead. */
static void keep_names(lua_State *L, const char *const *names, int count) {
    lua_createtable(L, 0, count);
    for (int i = 0; i < count; i++) {
        lua_getfield(L, -2, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    lua_remove(L, -2);
}

static void open_library(lua_State *L, const char *name, lua_CFunction open, const char *const *names, int count) {
    luaL_requiref(L, name, open, 0);
    keep_names(L, names, count);
    guard_names(L, ctx_printf(spec_eval_of(L)->ctx, "%s.", name));
    lua_setfield(L, -2, name);
}

/* ("x"):upper() looks into the metatable of strings: let it see the kept names alone. */
static void limit_string_methods(lua_State *L) {
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -3, "string");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
}

/* Pushes the table of all that a spec can reach. */
static void push_environment(lua_State *L) {
    luaL_requiref(L, "_G", luaopen_base, 0);
    keep_names(L, base_names, COUNT(base_names));
    open_library(L, LUA_STRLIBNAME, luaopen_string, string_names, COUNT(string_names));
    open_library(L, LUA_TABLIBNAME, luaopen_table, table_names, COUNT(table_names));
    open_library(L, LUA_MATHLIBNAME, luaopen_math, math_names, COUNT(math_names));
    limit_string_methods(L);
    spec_open_vector(L);
    spec_open_layer(L);
    spec_open_model(L);
    guard_names(L, "");
}

static void take_result(lua_State *L, Eval *eval, SpecFile *out) {
    static const char *const remedy =
        "end the spec with `return rattention { ... }`, attention { ... } or model { ... }";
    if (lua_gettop(L) != 1)
        spec_fail_field(L, &eval->source, NULL, remedy, "the spec returns %s",
                        lua_gettop(L) ? "several values" : "nothing");
    const SpecFile *model = spec_to_model(L, 1);
    const Layer    *layer = spec_to_layer(L, 1);
    if (model)
        *out = *model;
    else if (layer)
        *out = (SpecFile){.items = layer->items, .count = layer->count};
    else
        spec_fail_field(L, &eval->source, NULL, remedy, "the spec returns %s", spec_describe(L, 1));
}

/* Runs protected, so that an error of Lua itself (memory, stack) comes back as a status. */
static int run(lua_State *L) {
    Eval *const     eval = spec_eval_of(L);
    SpecFile *const out = lua_touserdata(L, 1);
    lua_settop(L, 0);
    push_environment(L);
    const int loaded = luaL_loadbufferx(L, eval->source.text, eval->source.length, "=spec", "t");
    eval->is_no_lua = loaded == LUA_ERRSYNTAX;
    if (loaded != LUA_OK)
        return lua_error(L);
    lua_rotate(L, 1, 1);
    lua_setupvalue(L, 1, 1);
    lua_call(L, 0, LUA_MULTRET);
    take_result(L, eval, out);
    return 0;
}

/* "spec:4: message" of Lua to a place and a message. */
static void report(lua_State *L, Eval *eval, int error) {
    Ctx *const ctx = eval->ctx;
    SpecSource source = eval->source;
    int        used = 0;
    if (ctx->status != ST_OK)
        return;
    if (error == LUA_ERRMEM) {
        ctx_fail(ctx, ST_USAGE, source.file, "a spec is data: look for something that grows",
                 "needs more than %d MB of memory", (int)(LUA_POOL_BYTES >> 20));
        return;
    }
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (!message)
        message = ctx_printf(ctx, "error() was called with %s", spec_describe(L, -1));
    if (sscanf(message, "spec:%9d: %n", &source.line, &used) == 1 && used > 0)
        message += used;
    else
        source.line = 0;
    char *clean = ctx_printf(ctx, "%.300s", message);
    for (char *c = clean; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = ' ';
    const char *remedy = strstr(clean, "got vector") ? "use the functions of feature maps: exp(x), not math.exp(x)"
                         : eval->is_no_lua ? "a spec is Lua: fields end with a comma, words stand in quotes" : NULL;
    ctx_fail(ctx, ST_USAGE, spec_place(ctx, &source, field_here(eval)), remedy, "%s", clean);
}

Status spec_eval(Ctx *ctx, const SpecSource *source, const char *default_name, SpecFile *out) {
    Eval eval = {.ctx = ctx, .source = *source, .default_name = default_name};
    if (source->length > 0 && source->text[0] == LUA_SIGNATURE[0])
        return ctx_fail(ctx, ST_USAGE, source->file, "write the spec as Lua text",
                        "is compiled Lua, which is not read");
    if (!lua_pool_open(&eval.pool))
        return ctx_fail(ctx, ST_FAILED, source->file, "free some memory", "no memory for Lua");
    lua_State *L = lua_newstate(lua_pool_alloc, &eval.pool);
    if (!L)
        return ctx_fail(ctx, ST_FAILED, source->file, "free some memory", "no memory for a Lua state");
    *(Eval **)lua_getextraspace(L) = &eval;
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, INSTRUCTION_STEP);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, out);
    const int error = lua_pcall(L, 1, 0, 0);
    if (error != LUA_OK)
        report(L, &eval, error);
    lua_pool_close(&eval.pool); /* the state lies in it, and owns nothing else */
    return ctx->status;
}
