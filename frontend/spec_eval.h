/* Evaluating a spec's Lua text, and what the pieces of that share. Runs in the child process of the sandbox.
 *
 *   spec_eval.c    the Lua state: memory and instruction caps, the allow-listed names, Lua's errors to Status
 *   spec_vector.c  symbolic vectors: tracing a feature map
 *   spec_layer.c   rattention { }, attention { }, sweep { }
 *   spec_model.c   model { }
 *
 * Always: an error is recorded in eval->ctx first; spec_raise() then unwinds Lua. A spec cannot catch it: there is no
 * pcall. */
#ifndef RATTAN_FRONTEND_SPEC_EVAL_H
#define RATTAN_FRONTEND_SPEC_EVAL_H

#include "frontend/feature_map.h"
#include "frontend/lua_pool.h"
#include "frontend/spec_fields.h"
#include "frontend/spec_source.h"
#include "base/spec.h"

#include <lua.h>

typedef struct Eval {
    Ctx        *ctx;
    SpecSource  source;       /* without line and form */
    const char *default_name; /* made from the file's name */
    LuaPool     pool;         /* all memory of Lua */
    int64_t     instructions; /* counted so far */
    FeatureMap *tracing;      /* the map whose function runs; NULL: none does */
    int         trace_number; /* of that trace: tells its vectors from those of earlier ones */
    bool        is_no_lua;    /* the text has another syntax */
} Eval;

/* What a constructor returns, as a userdata. */
typedef struct Layer {
    SpecItem *items; /* more than one: the points of a sweep */
    int       count;
    bool      named; /* the spec gave a name */
} Layer;

/* Evaluates source->text and fills `out`. */
Status spec_eval(Ctx *ctx, const SpecSource *source, const char *default_name, SpecFile *out);

Eval *spec_eval_of(lua_State *L);

/* Unwinds to spec_eval; the error is in the Ctx. */
_Noreturn void spec_raise(lua_State *L);
/* Does so unless status is ST_OK. */
void spec_require(lua_State *L, Status status);
/* Fails at the line of the Lua code that called the running C function, without a field. */
_Noreturn void spec_fail_here(lua_State *L, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an error of a field. */
_Noreturn void spec_fail_field(lua_State *L, const SpecSource *source, const char *field, const char *remedy,
                               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* eval->source at the caller's line, for a constructor. */
SpecSource spec_source_here(lua_State *L, const char *form);

/* The value at index in words, for messages: `the string "abc"`, `the number 3`, `a function`. */
const char *spec_describe(lua_State *L, int index);

/* Calls the function on top of the stack, which is popped, on a symbolic vector; the map goes to `map`. */
void spec_trace(lua_State *L, const SpecSource *source, const char *name, int head_dim, FeatureMap *map);
/* Pushes the function of a built-in map; false: there is none of that name. */
bool spec_push_map(lua_State *L, const char *name);

/* Each registers its names into the table on top of the stack. */
void spec_open_vector(lua_State *L);
void spec_open_layer(lua_State *L);
void spec_open_model(lua_State *L);

/* The Layer at index, NULL where there is none. The SpecFile of a model there. */
Layer    *spec_to_layer(lua_State *L, int index);
SpecFile *spec_to_model(lua_State *L, int index);

#endif
