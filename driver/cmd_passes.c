/* rattan passes: the table of passes. */
#include "driver/cli.h"
#include "passes/passes.h"

#include <jansson.h>

static void print_json(void) {
    json_t *list = json_array();
    for (int i = 0; pass_info(i); i++) {
        const PassInfo *pass = pass_info(i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", pass->name, "requires", pass->requires,
                                              "establishes", pass->establishes, "knobs", pass->knobs, "summary", pass->summary));
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    puts("");
    json_decref(list);
}

Status cmd_passes(Ctx *ctx, const Cli *cli) {
    TRY(cli_no_operands(ctx, cli));
    if (cli_has(cli, OPTION_JSON)) {
        print_json();
        return ST_OK;
    }
    for (int i = 0; pass_info(i); i++) {
        const PassInfo *pass = pass_info(i);
        printf("%-14s %s -> %s\n%-14s %s\n", pass->name, *pass->requires ? pass->requires : "any", pass->establishes,
               "", pass->summary);
        if (*pass->knobs)
            printf("%-14s knobs: %s\n", "", pass->knobs);
    }
    return ST_OK;
}
