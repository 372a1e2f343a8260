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
    const Invocation *invocation = arg;
    const char       *first = invocation->argc > 1 ? invocation->argv[1] : NULL;
    Cli               cli;
    if (!first)
        return ctx_fail(ctx, ST_USAGE, NULL, "see 'rattan --help'", "no command is given");
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return print_overview(ctx);
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
        return puts("rattan " RATTAN_VERSION) < 0 ? ST_FAILED : ST_OK;
    TRY(cli_parse(ctx, invocation->argc, invocation->argv, &cli));
    if (cli_has(&cli, OPTION_HELP))
        return print_command_help(ctx, cli.command);
    return COMMAND_FNS[cli.command](ctx, &cli);
}

/* A full disk or a closed pipe behind stdout is a failure like any other. */
static Status flush_output(Ctx *ctx) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return ST_OK;
    return ctx_fail(ctx, ST_FAILED, "stdout", "check where the output goes", "cannot write: %s", strerror(errno));
}

int main(int argc, char **argv) {
    Ctx        ctx;
    Invocation invocation = {argc, argv};
    ctx_init(&ctx);
    interrupts_install();
    Status status = ctx_run(&ctx, invoke, &invocation);
    if (status == ST_OK)
        status = flush_output(&ctx);
    if (ctx.status != ST_OK) {
        char line[2048];
        ctx_describe(&ctx, line, sizeof line);
        terminal_error(line);
    }
    ctx_free(&ctx);
    return status_exit_code(status);
}
