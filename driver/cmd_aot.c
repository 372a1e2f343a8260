/* rattan aot: layers as a library of compiled kernels. Everything is made in memory; files come last and at once. */
#include "driver/aot.h"
#include "driver/files.h"
#include "driver/report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

typedef struct Built {
    size_t code_bytes, library_bytes; /* of cubins and objects; of the shared libraries */
    int    kernels, tuned;
} Built;

static void count_kernels(const AotLibrary *library, Built *built) {
    for (int f = 0; f < library->function_count; f++)
        for (int c = 0; c < library->functions[f].code_count; c++) {
            built->kernels++;
            built->tuned += library->functions[f].codes[c].tuned;
        }
}

static Status make_files(Ctx *ctx, const Cli *cli, AotLibrary *library, AotFiles *files, Built *built) {
    aot_package(ctx, library, files);
    for (int m = 0; aot_machine(library, m); m++) {
        AotImage image;
        TRY(aot_image(ctx, library, aot_machine(library, m), &image));
        TRY(aot_link(ctx, library, &image, cli_value(cli, OPTION_LINKER), files));
        built->code_bytes += image.code_bytes;
        built->library_bytes += image.size;
    }
    count_kernels(library, built);
    return aot_manifest(ctx, library, files);
}

static void print_built(Ctx *ctx, const Cli *cli, const AotLibrary *library, const char *folder, const AotFiles *files,
                        const Built *built) {
    if (cli_has(cli, OPTION_JSON)) {
        json_t *list = json_array(), *json;
        for (int f = 0; f < files->count; f++)
            json_array_append_new(list, json_string(files->items[f].path));
        json =
            json_pack("{s:s, s:o, s:i, s:i, s:i, s:I, s:I, s:o}", "name", library->name, "folder", json_any_text(ctx, folder),
                      "functions", library->function_count, "kernels", built->kernels, "tuned", built->tuned, "code_bytes",
                      (json_int_t)built->code_bytes, "library_bytes", (json_int_t)built->library_bytes, "files", list);
        json_dumpf(json, stdout, JSON_INDENT(2));
        puts("");
        json_decref(json);
        return;
    }
    printf("%s: %d functions, %d kernels, %d of them tuned, %zu bytes of code in %zu\n", library->name,
           library->function_count, built->kernels, built->tuned, built->code_bytes, built->library_bytes);
    for (int f = 0; f < files->count; f++)
        printf("%s/%s\n", folder, files->items[f].path);
}

static Status build(Ctx *ctx, Session *session, AotLibrary *library) {
    const Cli  *cli = session->cli;
    const char *folder = cli_value(cli, OPTION_OUTPUT), *checked;
    AotFiles    files = {0};
    Built       built = {0};
    if (cli_has(cli, OPTION_CHECK)) {
        TRY(cli_one_operand(ctx, cli, "FOLDER", &checked));
        TRY(session_pool(ctx, session));
        return aot_check(ctx, session, checked);
    }
    if (!folder)
        return ctx_fail(ctx, ST_USAGE, "rattan aot", "give -o FOLDER", "there is no place for the library");
    TRY(aot_plan(ctx, session, library));
    TRY(aot_compile(ctx, session, library));
    TRY(aot_header(ctx, library));
    TRY(make_files(ctx, cli, library, &files, &built));
    TRY(aot_write(ctx, folder, &files));
    print_built(ctx, cli, library, folder, &files, &built);
    return ST_OK;
}

Status cmd_aot(Ctx *ctx, const Cli *cli) {
    Session    session;
    AotLibrary library = {0};
    Status     status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = build(ctx, &session, &library);
    aot_free(&library);
    session_close(&session);
    return status;
}
