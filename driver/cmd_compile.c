/* rattan compile: a spec's kernel to IR, assembly or object files. All is computed before anything is written. */
#include "driver/cli.h"
#include "base/clock.h"
#include "driver/files.h"
#include "driver/session.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What --emit can name, on which targets, and what asks compile_kernel for it. */
enum { CPUS = 1, GPUS = 2, ANY = CPUS | GPUS, NOT_IN_ALL = 4 /* needs a program that may be missing */ };

#define RESULTS(X)                                                                                                     \
    X(LOOP_IR, "loop-ir", "loop.ir", EMIT_LOOP_IR, ANY)                                                                \
    X(TILE_IR, "tile-ir", "tile.ir", EMIT_TILE_IR, ANY)                                                                \
    X(SCHEDULE, "schedule", "schedule", EMIT_SCHEDULE, ANY)                                                            \
    X(LLVM, "llvm", "ll", EMIT_LLVM, CPUS)                                                                             \
    X(ASM, "asm", "s", EMIT_ASM, CPUS)                                                                                 \
    X(OBJ, "obj", "o", EMIT_OBJECT, CPUS)                                                                              \
    X(CUDA, "cuda", "cu", EMIT_CUDA, GPUS)                                                                             \
    X(PTX, "ptx", "ptx", EMIT_PTX, GPUS)                                                                               \
    X(CUBIN, "cubin", "cubin", EMIT_CUBIN, GPUS)                                                                       \
    X(SASS, "sass", "sass", EMIT_SASS, GPUS | NOT_IN_ALL)                                                              \
    X(RESOURCES, "resources", "resources", EMIT_RESOURCES, GPUS)                                                       \
    X(CODE, "code", "rattan", EMIT_OBJECT, ANY)

typedef enum Result {
#define X(id, name, extension, emit, where) RESULT_##id,
    RESULTS(X)
#undef X
        RESULT_COUNT
} Result;

static const struct {
    const char *name, *extension;
    int         emit, where;
} RESULT_ROWS[RESULT_COUNT] = {
#define X(id, name, extension, emit, where) {name, extension, emit, where},
    RESULTS(X)
#undef X
};

typedef struct Job {
    Session   *session;
    KernelKind kind;
    int        variant;
    Shape      shape;
    bool       wanted[RESULT_COUNT];
    int        wanted_count;
    json_t    *json; /* array; NULL: text */
} Job;

/* What came of an item. */
typedef struct Made {
    Compiled compiled;
    bool     cached; /* the object: from the cache */
} Made;

typedef struct ItemJob {
    Job            *job;
    const SpecItem *item;
} ItemJob;

static Status unknown_result(Ctx *ctx, const Job *job, const char *name, bool elsewhere) {
    const char *remedy = target_is_cuda(&job->session->target)
                             ? "use loop-ir, tile-ir, schedule, cuda, ptx, cubin, sass, resources, code or all"
                             : "use loop-ir, tile-ir, schedule, llvm, asm, obj, code or all";
    return elsewhere ? ctx_fail(ctx, ST_USAGE, "--emit", remedy, "there is no '%.40s' for the target %s", name,
                                job->session->target.name)
                     : ctx_fail(ctx, ST_USAGE, "--emit", remedy, "there is no result '%.40s'", name);
}

static Status want(Ctx *ctx, Job *job, const char *name) {
    const int  here = target_is_cuda(&job->session->target) ? GPUS : CPUS;
    const bool all = strcmp(name, "all") == 0;
    bool       known = false, elsewhere = false;
    for (int r = 0; r < RESULT_COUNT; r++) {
        if (all ? (RESULT_ROWS[r].where & NOT_IN_ALL) != 0 : strcmp(name, RESULT_ROWS[r].name) != 0)
            continue;
        elsewhere |= !(RESULT_ROWS[r].where & here);
        if (!(RESULT_ROWS[r].where & here))
            continue;
        job->wanted_count += !job->wanted[r];
        job->wanted[r] = known = true;
    }
    return known ? ST_OK : unknown_result(ctx, job, name, elsewhere);
}

static Status parse_job(Ctx *ctx, const Cli *cli, Job *job) {
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &job->kind));
    TRY(shape_parse(ctx, cli_value(cli, OPTION_SHAPE), &job->shape));
    job->variant = job->session->parts | (job->shape.length_count ? VARIANT_PACKED : 0);
    const char *emit = cli_value(cli, OPTION_EMIT);
    char       *words = ctx_strdup(ctx, emit ? emit : ""), *rest = NULL;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        TRY(want(ctx, job, word));
    if (!emit && cli_has(cli, OPTION_OUTPUT))
        TRY(want(ctx, job, "all"));
    if (cli_has(cli, OPTION_JSON) && job->wanted_count && !cli_has(cli, OPTION_OUTPUT))
        return ctx_fail(ctx, ST_USAGE, "--json", "name a file or folder with -o",
                        "stdout cannot take both the JSON and the results");
    return ST_OK;
}

/* Text results are borrowed; the encoded code object is malloc'd and handed back in *owned. */
static Status result_bytes(Ctx *ctx, Result result, const Compiled *compiled, Part *part, uint8_t **owned) {
    const char *texts[RESULT_COUNT] = {
        [RESULT_LOOP_IR] = compiled->loop_ir,
        [RESULT_TILE_IR] = compiled->tile_ir,
        [RESULT_SCHEDULE] = compiled->schedule,
        [RESULT_LLVM] = compiled->llvm_ir,
        [RESULT_ASM] = compiled->assembly,
        [RESULT_CUDA] = compiled->cuda,
        [RESULT_PTX] = compiled->ptx,
        [RESULT_SASS] = compiled->sass,
        [RESULT_RESOURCES] = compiled->resources,
    };
    *owned = NULL;
    if (result == RESULT_CODE) {
        TRY(code_object_encode(ctx, compiled->object, owned, &part->size));
        part->bytes = *owned;
    } else if (result == RESULT_CUBIN) {
        *part = (Part){compiled->cubin, compiled->cubin_size};
    } else if (result == RESULT_OBJ) {
        *part = (Part){compiled->object->payload, compiled->object->payload_size};
    } else {
        *part = (Part){texts[result], texts[result] ? strlen(texts[result]) : 0};
    }
    return ST_OK;
}

/* "window=256,head_dim=64" as part of a file name. */
static const char *label_suffix(Ctx *ctx, const char *label) {
    char *suffix = ctx_printf(ctx, "%s%s", *label ? "." : "", label);
    for (char *c = suffix; *c; c++)
        if (*c == '/' || *c == ' ' || *c == ',')
            *c = '_';
    return suffix;
}

static Status write_result(Ctx *ctx, const ItemJob *item, Result result, const Part *part) {
    const Job  *job = item->job;
    const char *output = cli_value(job->session->cli, OPTION_OUTPUT);
    const bool  binary = result == RESULT_OBJ || result == RESULT_CODE || result == RESULT_CUBIN;
    const bool  one = job->wanted_count == 1 && job->session->last - job->session->first == 1;
    if (!output) {
        if (binary && isatty(STDOUT_FILENO))
            return ctx_fail(ctx, ST_USAGE, "--emit", "name a file with -o", "'%s' is binary and stdout is a terminal",
                            RESULT_ROWS[result].name);
        return fwrite(part->bytes, 1, part->size, stdout) == part->size
                   ? ST_OK
                   : ctx_fail(ctx, ST_FAILED, "stdout", NULL, "cannot write");
    }
    if (one && !path_is_folder(output) && output[strlen(output) - 1] != '/')
        return file_write(ctx, output, part, 1);
    TRY(folder_make(ctx, output));
    const char *path =
        ctx_printf(ctx, "%s/%s%s.%s.%s", output, item->item->spec.name, label_suffix(ctx, item->item->label),
                   kind_name(job->kind), RESULT_ROWS[result].extension);
    TRY(file_write(ctx, path, part, 1));
    if (!job->json)
        printf("%s\n", path);
    return ST_OK;
}

static Status write_results(Ctx *ctx, const ItemJob *item, const Compiled *compiled) {
    for (int r = 0; r < RESULT_COUNT; r++) {
        Part     part = {0};
        uint8_t *owned;
        if (!item->job->wanted[r])
            continue;
        TRY(result_bytes(ctx, (Result)r, compiled, &part, &owned));
        const Status status = write_result(ctx, item, (Result)r, &part);
        free(owned);
        TRY(status);
    }
    return ST_OK;
}

static void print_summary(Ctx *ctx, const ItemJob *item, const Made *made) {
    const CodeObject *object = made->compiled.object;
    const char       *title = item_title(ctx, item->item), *kind = kind_name(item->job->kind);
    const double      ms = 1e3 * made->compiled.seconds;
    if (item->job->json) {
        json_array_append_new(item->job->json,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:f, s:b}", "spec", object->name, "label",
                                        item->item->label, "kind", kind, "target", object->target, "schedule",
                                        object->schedule, "phases", object->phase_count, "object_bytes",
                                        (json_int_t)object->payload_size, "ms_compile", ms, "cached", made->cached));
        return;
    }
    printf("%s: %s for %s, %d phases, %zu bytes, %s in %.0f ms\n  schedule: %s\n", title, kind, object->target,
           object->phase_count, object->payload_size, made->cached ? "from the cache" : "compiled", ms, object->schedule);
}

static Status finish_item(Ctx *ctx, const ItemJob *item, const Made *made) {
    if (made->compiled.dump)
        fputs(made->compiled.dump, stdout);
    if (item->job->wanted_count)
        TRY(write_results(ctx, item, &made->compiled));
    if (item->job->json || (!item->job->wanted_count && !made->compiled.dump))
        print_summary(ctx, item, made);
    return ST_OK;
}

/* The cache keeps objects, which know their schedule; all else the compiler has to make anew. */
static Status make(Ctx *ctx, const Job *job, const CompileRequest *request, Made *made) {
    Compiled    *compiled = &made->compiled;
    const double start = seconds_now();
    if (!(request->emit & EMIT_OBJECT) || (request->emit & ~(EMIT_OBJECT | EMIT_SCHEDULE)) || request->dump_after)
        return compile_kernel(ctx, request, compiled);
    TRY(session_object(ctx, job->session->cache, request, &compiled->object, &made->cached));
    compiled->schedule = compiled->object->schedule;
    compiled->seconds = seconds_now() - start;
    return ST_OK;
}

static Status compile_item(Ctx *ctx, void *arg) {
    const ItemJob *item = arg;
    const Job     *job = item->job;
    CompileRequest request = {
        .spec = &item->item->spec,
        .kind = job->kind,
        .variant = job->variant,
        .ring_rows = job->shape.ring < 0 ? 0 : job->shape.ring,
        .target = &job->session->target,
        .schedule = job->session->schedule,
        .dump_after = cli_value(job->session->cli, OPTION_DUMP),
        .emit = job->wanted_count && !job->json ? 0 : EMIT_OBJECT, /* the summary is about the object */
    };
    for (int r = 0; r < RESULT_COUNT; r++)
        request.emit |= job->wanted[r] ? RESULT_ROWS[r].emit : 0;
    Made made = {0};
    job->session->bucket = shape_bucket(&job->shape);
    TRY(session_tune(ctx, job->session, &request));
    TRY(make(ctx, job, &request, &made));
    const Status status = finish_item(ctx, item, &made);
    if (made.compiled.object)
        code_object_free(made.compiled.object);
    return status;
}

static Status run_job(Ctx *ctx, const Cli *cli, Job *job, const char *path) {
    Session *session = job->session;
    TRY(parse_job(ctx, cli, job));
    TRY(session_load_file(ctx, session, path));
    if (cli_has(cli, OPTION_JSON))
        job->json = json_array();
    for (int i = session->first; i < session->last; i++) {
        ItemJob item = {job, &session->specs.items[i]};
        TRY(with_own_memory(ctx, compile_item, &item));
    }
    if (job->json) {
        json_dumpf(job->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        puts("");
    }
    return ST_OK;
}

Status cmd_compile(Ctx *ctx, const Cli *cli) {
    const char *path;
    Session     session;
    Job         job = {.session = &session};
    TRY(cli_one_operand(ctx, cli, "SPEC", &path));
    Status status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = run_job(ctx, cli, &job, path);
    json_decref(job.json);
    session_close(&session);
    return status;
}
