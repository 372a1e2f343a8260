/* What build systems and people read beside a library: a CMake package, pkg-config's file, the manifest. */
#include "driver/aot.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "frontend/frontend.h"

const char *aot_lib_folder(Ctx *ctx, const AotLibrary *library, const char *machine) {
    return strcmp(machine, library->machine) == 0 ? "lib" : ctx_printf(ctx, "lib/%s", machine);
}

const char *aot_fill(Ctx *ctx, const char *text, const char *name, const char *machine) {
    Text out = TEXT(ctx);
    for (const char *at = text; *at;) {
        const bool  is_name = strncmp(at, "@NAME@", 6) == 0, is_machine = strncmp(at, "@MACHINE@", 9) == 0;
        const char *word = is_name ? name : is_machine ? machine : at;
        text_write(&out, word, word == at ? 1 : strlen(word));
        at += is_name ? 6 : is_machine ? 9 : 1;
    }
    return text_str(&out);
}

/* ---- pkg-config ---------------------------------------------------------------------------------------------------
 */
static void add_pc(Ctx *ctx, const AotLibrary *library, const char *machine, AotFiles *files) {
    const char *lib = aot_lib_folder(ctx, library, machine), *up = strcmp(lib, "lib") == 0 ? "../.." : "../../..";
    const char *text =
        ctx_printf(ctx,
                   "prefix=${pcfiledir}/%s\nlibdir=${prefix}/%s\nincludedir=${prefix}/include\n"
                   "Name: %s\nDescription: Attention kernels, compiled ahead of time by rattan\nVersion: 1\n"
                   "Cflags: -I${includedir}\nLibs: -L${libdir} -l%s -lrattan_rt\n"
                   "Libs.private: -lpthread -ldl -lm\n",
                   up, lib, library->name, library->name);
    aot_add_text(ctx, files, ctx_printf(ctx, "%s/pkgconfig/%s.pc", lib, library->name), text);
}

/* ---- CMake --------------------------------------------------------------------------------------------------------
 */
static const char CONFIG[] =
    "# @NAME@: imported targets @NAME@::@NAME@ (shared) and @NAME@::static, written by rattan aot.\n"
    "get_filename_component(_prefix \"${CMAKE_CURRENT_LIST_DIR}/../../..\" ABSOLUTE)\n"
    "string(TOLOWER \"${CMAKE_SYSTEM_PROCESSOR}\" _machine)\n"
    "if(_machine STREQUAL \"amd64\")\n  set(_machine x86_64)\nelseif(_machine STREQUAL \"arm64\")\n  set(_machine "
    "aarch64)\nendif()\n"
    "set(_lib \"${_prefix}/lib\")\nif(NOT _machine STREQUAL \"@MACHINE@\")\n  string(APPEND _lib "
    "\"/${_machine}\")\nendif()\n"
    "if(NOT EXISTS \"${_lib}/lib@NAME@.so.1\")\n  set(@NAME@_FOUND FALSE)\n"
    "  set(@NAME@_NOT_FOUND_MESSAGE \"@NAME@ was not built for ${_machine}: add it to rattan aot --targets\")\n  "
    "return()\nendif()\n"
    "include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\n"
    "if(NOT TARGET @NAME@::@NAME@)\n"
    "  add_library(@NAME@::runtime SHARED IMPORTED)\n"
    "  set_target_properties(@NAME@::runtime PROPERTIES IMPORTED_LOCATION \"${_lib}/librattan_rt.so.1\"\n"
    "    IMPORTED_SONAME librattan_rt.so.1 INTERFACE_INCLUDE_DIRECTORIES \"${_prefix}/include\")\n"
    "  add_library(@NAME@::@NAME@ SHARED IMPORTED)\n"
    "  set_target_properties(@NAME@::@NAME@ PROPERTIES IMPORTED_LOCATION \"${_lib}/lib@NAME@.so.1\" IMPORTED_SONAME "
    "lib@NAME@.so.1\n"
    "    INTERFACE_INCLUDE_DIRECTORIES \"${_prefix}/include\" INTERFACE_LINK_LIBRARIES @NAME@::runtime)\n"
    "  add_library(@NAME@::static STATIC IMPORTED)\n"
    "  set_target_properties(@NAME@::static PROPERTIES IMPORTED_LOCATION \"${_lib}/lib@NAME@.a\"\n"
    "    INTERFACE_INCLUDE_DIRECTORIES \"${_prefix}/include\"\n"
    "    INTERFACE_LINK_LIBRARIES \"${_lib}/librattan_rt.a;Threads::Threads;${CMAKE_DL_LIBS};m\")\n"
    "endif()\n";

static void add_cmake(Ctx *ctx, const AotLibrary *library, AotFiles *files) {
    const char *n = library->name;
    aot_add_text(ctx, files, ctx_printf(ctx, "lib/cmake/%s/%s-config.cmake", n, n),
                 aot_fill(ctx, CONFIG, n, library->machine));
    aot_add_text(ctx, files, ctx_printf(ctx, "lib/cmake/%s/%s-config-version.cmake", n, n),
                 "set(PACKAGE_VERSION 1)\nif(NOT PACKAGE_FIND_VERSION VERSION_GREATER 1)\n"
                 "  set(PACKAGE_VERSION_COMPATIBLE TRUE)\nendif()\n");
}

void aot_package(Ctx *ctx, const AotLibrary *library, AotFiles *files) {
    aot_add_text(ctx, files, ctx_printf(ctx, "include/%s.h", library->name), library->header);
    aot_add_text(ctx, files, "include/rattan/rattan_rt.h", aot_runtime_header);
    for (int m = 0; aot_machine(library, m); m++)
        add_pc(ctx, library, aot_machine(library, m), files);
    add_cmake(ctx, library, files);
}

/* ---- The manifest -------------------------------------------------------------------------------------------------
 */
static const char *sum_text(Ctx *ctx, const void *bytes, size_t size) {
    const XXH128_hash_t sum = XXH3_128bits(bytes, size);
    return ctx_printf(ctx, "%016llx%016llx", (unsigned long long)sum.high64, (unsigned long long)sum.low64);
}

static json_t *code_json(Ctx *ctx, const AotLibrary *library, const AotCode *code) {
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "target", library->targets[code->target].target.name, "schedule",
                  code->object->schedule, "compiler", code->object->compiler, "xxh128",
                  sum_text(ctx, code->bytes, code->size), "code_bytes", (json_int_t)code->object->payload_size,
                  "ptx_bytes", (json_int_t)(code->object->ptx ? strlen(code->object->ptx) : 0));
    if (code->bucket.N)
        json_object_set_new(
            json, "shape",
            json_pack("{s:I, s:I}", "sequences", (json_int_t)code->bucket.N, "tokens", (json_int_t)code->bucket.T));
    if (code->tuned)
        json_object_set_new(json, "tuned", json_true());
    if (code->plain)
        json_object_set_new(json, "unaligned", json_true());
    return json;
}

static json_t *function_json(Ctx *ctx, const AotLibrary *library, const AotFunction *function) {
    Text    spec = TEXT(ctx);
    json_t *codes = json_array();
    spec_print(&spec, &function->item->spec);
    for (int c = 0; c < function->code_count; c++)
        if (json_array_append_new(codes, code_json(ctx, library, &function->codes[c])) != 0) {
            json_decref(codes);
            return NULL;
        }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "function", function->name, "layer", function->item->spec.name,
                     "label", function->item->label, "kind", function->kind_text, "spec", text_str(&spec), "kernels",
                     codes);
}

static json_t *target_json(const AotTarget *target) {
    return target->gpu ? json_pack("{s:s, s:i}", "name", target->target.name, "compute_capability", target->gpu)
                       : json_pack("{s:s, s:s, s:s}", "name", target->target.name, "machine", target->machine,
                                   "features", target->target.features);
}

static json_t *file_json(Ctx *ctx, const AotFile *file) {
    return file->link ? json_pack("{s:s, s:s}", "path", file->path, "link", file->link)
                      : json_pack("{s:s, s:I, s:s}", "path", file->path, "bytes", (json_int_t)file->size, "xxh128",
                                  sum_text(ctx, file->bytes, file->size));
}

Status aot_manifest(Ctx *ctx, const AotLibrary *library, AotFiles *files) {
    json_t *targets = json_array(), *functions = json_array(), *list = json_array();
    bool    whole = true;
    for (int t = 0; t < library->target_count; t++)
        whole &= json_array_append_new(targets, target_json(&library->targets[t])) == 0;
    for (int f = 0; f < library->function_count; f++)
        whole &= json_array_append_new(functions, function_json(ctx, library, &library->functions[f])) == 0;
    for (int f = 0; f < files->count; f++)
        whole &= json_array_append_new(list, file_json(ctx, &files->items[f])) == 0;
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:o, s:o, s:o}", "name", library->name, "rattan", RATTAN_VERSION, "abi",
                  IMAGE_ABI, "interface", ctx_printf(ctx, "%016llx", (unsigned long long)library->interface), "targets",
                  targets, "functions", functions, "files", list);
    char       *text = whole ? json_dumps(json, JSON_INDENT(2)) : NULL;
    const char *lines = text ? ctx_printf(ctx, "%s\n", text) : NULL;
    free(text);
    json_decref(json);
    if (!lines)
        return ctx_fail(ctx, ST_FAILED, "manifest", NULL, "cannot be written: out of memory, or a text of it is no UTF-8");
    aot_add_text(ctx, files, ctx_printf(ctx, "share/%s/%s.json", library->name, library->name), lines);
    return ST_OK;
}
