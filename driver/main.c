/* rattan: the command line program. All it does is in the commands: see commands.def and cmd_*.c. */
#include "driver/cli.h"
#include "driver/files.h"
#include "driver/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct Invocation {
    int    argc;
    char **argv;
    Cli    cli; /* as far as it could be read */
} Invocation;

typedef Status CommandFn(Ctx *ctx, const Cli *cli);

static CommandFn *const COMMAND_FNS[COMMAND_COUNT] = {
#define COMMAND(id, name, operands, summary, details) cmd_##name,
#include "driver/commands.def"
#undef COMMAND
};

static Status print_overview(Ctx *ctx) {
    Text text = TEXT(ctx);
    cli_print_overview(&text);
    fputs(text_str(&text), stdout);
    return ST_OK;
}

static Status print_command_help(Ctx *ctx, CommandId command) {
    Text text = TEXT(ctx);
    cli_print_help(&text, command);
    fputs(text_str(&text), stdout);
    return ST_OK;
}

static Status invoke(Ctx *ctx, void *arg) {
    Invocation *invocation = arg;
    const char *first = invocation->argc > 1 ? invocation->argv[1] : NULL;
    Cli *const  cli = &invocation->cli;
    if (!first)
        return ctx_fail(ctx, ST_USAGE, NULL, "see 'rattan --help'", "no command is given");
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return print_overview(ctx);
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
        return puts("rattan " RATTAN_VERSION) < 0 ? ST_FAILED : ST_OK;
    TRY(cli_parse(ctx, invocation->argc, invocation->argv, cli));
    if (cli_has(cli, OPTION_HELP))
        return print_command_help(ctx, cli->command);
    return COMMAND_FNS[cli->command](ctx, cli);
}

/* Memory runs out anywhere; what takes it are the tensors of a shape, where one is asked for. */
static void name_shape(Ctx *ctx, const Cli *cli) {
    if (ctx->status != ST_NO_MEMORY || ctx->place[0] || !cli_has(cli, OPTION_SHAPE))
        return;
    ctx_clear(ctx);
    ctx_fail(ctx, ST_NO_MEMORY, "--shape", "give smaller sizes, or free some memory", "out of memory for '%.80s'", cli_value(cli, OPTION_SHAPE));
}

/* A full disk or a closed pipe behind stdout is a failure like any other. */
static Status flush_output(Ctx *ctx) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return ST_OK;
    return ctx_fail(ctx, ST_FAILED, "stdout", "check where the output goes", "cannot write: %s", strerror(errno));
}

int main(int argc, char **argv) {
    Ctx        ctx;
    Invocation invocation = {.argc = argc, .argv = argv};
    ctx_init(&ctx);
    interrupts_install();
    Status status = ctx_run(&ctx, invoke, &invocation);
    if (status == ST_OK)
        status = flush_output(&ctx);
    name_shape(&ctx, &invocation.cli);
    if (ctx.status != ST_OK) {
        char line[2048];
        ctx_describe(&ctx, line, sizeof line);
        terminal_error(line);
    }
    ctx_free(&ctx);
    return status_exit_code(status);
}
