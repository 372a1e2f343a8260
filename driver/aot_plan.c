/* What a library is to hold: names, targets and kinds from the command line, specs from files. */
#include "driver/aot.h"

#include "codegen/llvm/llvm_library.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 48 };

/* Names whose NAME.h or libNAME would hide what every program takes. */
static const char *const SYSTEM[] = {
    "aio",      "assert", "c",        "complex", "ctype",    "cuda",   "dirent",  "dl",     "elf",     "errno",
    "fcntl",    "fenv",   "float",    "glob",    "grp",      "iconv",  "inttypes", "limits", "link",    "locale",
    "m",        "math",   "mqueue",   "netdb",   "poll",     "pthread", "pwd",     "regex",  "rt",      "sched",
    "search",   "setjmp", "signal",   "spawn",   "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint",
    "stdio",    "stdlib", "string",   "strings", "syslog",   "tar",    "termios", "tgmath", "threads", "time",
    "uchar",    "unistd", "util",     "utime",   "wchar",    "wctype",
};

static Status check_name(Ctx *ctx, const char *name) {
    bool fine = name && *name && strlen(name) <= MOST_NAME && !isdigit((unsigned char)*name);
    for (const char *c = name; fine && *c; c++)
        fine = isalnum((unsigned char)*c) || *c == '_';
    if (!name)
        return ctx_fail(ctx, ST_USAGE, "rattan aot", "give --name NAME", "the library has no name");
    for (size_t n = 0; fine && n < sizeof SYSTEM / sizeof *SYSTEM; n++)
        if (strcmp(name, SYSTEM[n]) == 0)
            return ctx_fail(ctx, ST_USAGE, "--name", "choose another", "'%s' is a header or library of the system's", name);
    if (strncmp(name, "rattan", 6) == 0)
        return ctx_fail(ctx, ST_USAGE, "--name", "choose another", "names that begin with rattan are rattan's own");
    return fine ? ST_OK
                : ctx_fail(ctx, ST_USAGE, "--name", "use letters, digits and _, 48 at most",
                           "'%.60s' cannot be part of C names", name);
}

/* ---- Targets ------------------------------------------------------------------------------------------------------
 */
/* "sm_90a" is short for "cuda:sm_90a". */
static Status find_target(Ctx *ctx, const char *word, AotTarget *out) {
    *out = (AotTarget){0};
    if (strcmp(word, "cuda") == 0)
        return ctx_fail(ctx, ST_USAGE, "--targets", "name it, such as sm_90a",
                        "the present GPU is no target for a library");
    if (target_find(ctx, strncmp(word, "sm_", 3) == 0 ? ctx_printf(ctx, "cuda:%s", word) : word, &out->target) != ST_OK)
        return strcmp(ctx->place, "target") == 0 ? ctx_place(ctx, "--targets") : ctx->status;
    if (target_is_cuda(&out->target))
        out->gpu = (int)strtol(strstr(out->target.name, "sm_") + 3, NULL, 10);
    else
        out->machine = llvm_triple_machine(ctx, out->target.triple);
    return ST_OK;
}

/* GPUs before CPUs, newer before older, what knows more of its machine before what knows less. */
static int better_first(const void *a, const void *b) {
    const AotTarget *x = a, *y = b;
    if (x->gpu != y->gpu)
        return y->gpu - x->gpu;
    if (x->target.exact != y->target.exact)
        return y->target.exact - x->target.exact;
    if (x->target.vector_bytes != y->target.vector_bytes)
        return y->target.vector_bytes - x->target.vector_bytes;
    const size_t length_x = strlen(x->target.features), length_y = strlen(y->target.features);
    return length_x != length_y ? (length_x < length_y ? 1 : -1) : strcmp(x->target.name, y->target.name);
}

static bool has_target(const AotLibrary *library, const char *name) {
    for (int t = 0; t < library->target_count; t++)
        if (strcmp(library->targets[t].target.name, name) == 0)
            return true;
    return false;
}

static Status plan_targets(Ctx *ctx, const char *text, AotLibrary *library) {
    char *words = ctx_strdup(ctx, text ? text : "host"), *rest = NULL;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        AotTarget target;
        TRY(find_target(ctx, word, &target));
        if (has_target(library, target.target.name))
            continue;
        if (!library->machine)
            library->machine = target.machine;
        PUSH(ctx, library->targets, library->target_count, library->target_capacity, target);
    }
    if (library->target_count == 0)
        return ctx_fail(ctx, ST_USAGE, "--targets", "'rattan targets' lists them", "none is given");
    if (!library->machine) { /* GPUs alone: for the machines that this program runs on */
        AotTarget host;
        TRY(find_target(ctx, "host", &host));
        library->machine = host.machine;
    }
    qsort(library->targets, (size_t)library->target_count, sizeof *library->targets, better_first);
    return ST_OK;
}

/* The first target for a kind of machine that is not the library's own. */
static bool is_new_machine(const AotLibrary *library, int target) {
    const char *machine = library->targets[target].machine;
    bool        found = !machine || strcmp(machine, library->machine) == 0;
    for (int t = 0; t < target && !found; t++)
        found = library->targets[t].machine && strcmp(library->targets[t].machine, machine) == 0;
    return !found;
}

const char *aot_machine(const AotLibrary *library, int index) {
    if (index == 0)
        return library->machine;
    for (int t = 0; t < library->target_count; t++)
        if (is_new_machine(library, t) && --index == 0)
            return library->targets[t].machine;
    return NULL;
}

/* ---- Functions ----------------------------------------------------------------------------------------------------
 */
/* "window=256,head_dim=64" as part of a C name. */
static const char *c_name(Ctx *ctx, const char *text) {
    char *name = ctx_strdup(ctx, text);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return name;
}

static Status check_new(Ctx *ctx, const AotLibrary *library, const char *name) {
    for (int f = 0; f < library->function_count; f++)
        if (strcmp(library->functions[f].name, name) == 0)
            return ctx_fail(ctx, ST_USAGE, name, "give each layer a name of its own, and each kind once",
                            "two functions of the library would have this name");
    return ST_OK;
}

static Status check_length(Ctx *ctx, const char *name) {
    return strlen(name) < 200 ? ST_OK : ctx_fail(ctx, ST_USAGE, name, "use shorter names", "is too long for a C name");
}

/* "forward" or "forward+packed+lse". */
static Status plan_kind(Ctx *ctx, AotLibrary *library, const SpecItem *item, const char *word) {
    char       *kind = ctx_strdup(ctx, word), *parts = strchr(kind, '+');
    AotFunction function = {.item = item};
    if (parts)
        *parts++ = '\0';
    TRY(kind_parse(ctx, "--kinds", kind, &function.kind));
    for (char *c = parts; c && *c; c++)
        *c = *c == '+' ? ',' : *c;
    if (parts && !*parts)
        return ctx_fail(ctx, ST_USAGE, "--kinds", "write it without the +, or name a part behind it", "'%s' names no part",
                        word);
    if (parts)
        TRY(variant_parse(ctx, parts, &function.variant));
    function.name =
        c_name(ctx, ctx_printf(ctx, "%s_%s%s%s_%s%s%s", library->name, item->spec.name, *item->label ? "_" : "",
                               item->label, kind, parts ? "_" : "", parts ? parts : ""));
    function.kind_text = parts ? ctx_printf(ctx, "%s with %s", kind, parts) : kind;
    TRY(check_length(ctx, function.name));
    TRY(check_new(ctx, library, function.name));
    PUSH(ctx, library->functions, library->function_count, library->function_capacity, function);
    return ST_OK;
}

static Status plan_item(Ctx *ctx, AotLibrary *library, const SpecItem *item, const char *kinds) {
    char *words = ctx_strdup(ctx, kinds ? kinds : "forward"), *rest = NULL;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        TRY(plan_kind(ctx, library, item, word));
    return ST_OK;
}

/* Items stay in the arena when the session goes on to the next file. */
static Status plan_file(Ctx *ctx, Session *session, AotLibrary *library, const char *path) {
    TRY(session_load_file(ctx, session, path));
    for (int i = session->first; i < session->last; i++)
        TRY(plan_item(ctx, library, &session->specs.items[i], cli_value(session->cli, OPTION_KINDS)));
    return ST_OK;
}

Status aot_plan(Ctx *ctx, Session *session, AotLibrary *library) {
    const Cli *cli = session->cli;
    *library = (AotLibrary){.name = cli_value(cli, OPTION_NAME), .shapes = cli_value(cli, OPTION_SHAPES)};
    TRY(check_name(ctx, library->name));
    TRY(plan_targets(ctx, cli_value(cli, OPTION_TARGETS), library));
    for (int t = 0; t < library->target_count; t++)
        target_use_threads(&library->targets[t].target, session->threads);
    for (int f = 0; f < cli->operands.count; f++)
        TRY(plan_file(ctx, session, library, cli->operands.items[f]));
    if (library->function_count == 0)
        return ctx_fail(ctx, ST_USAGE, "rattan aot", "give spec files, and --kinds", "there is nothing to build");
    return ST_OK;
}
