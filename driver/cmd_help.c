/* rattan help: help on a command, and (hidden) the manual page and the completion scripts that are made from the
 * tables. */
#include "driver/cli.h"

#include <stdio.h>
#include <string.h>

static Status completion(Ctx *ctx, Text *text, const char *shell) {
    if (strcmp(shell, "bash") == 0)
        cli_print_bash_completion(text);
    else if (strcmp(shell, "zsh") == 0)
        cli_print_zsh_completion(text);
    else
        return ctx_fail(ctx, ST_USAGE, "--completion", "use bash or zsh", "there is no completion for '%.40s'", shell);
    return ST_OK;
}

static Status command_help(Ctx *ctx, Text *text, const char *name) {
    for (int c = 0; c < COMMAND_COUNT; c++)
        if (strcmp(name, CLI_COMMANDS[c].name) == 0) {
            cli_print_help(text, (CommandId)c);
            return ST_OK;
        }
    return ctx_fail(ctx, ST_USAGE, NULL, "see 'rattan --help'", "there is no command '%.40s'", name);
}

Status cmd_help(Ctx *ctx, const Cli *cli) {
    Text text = TEXT(ctx);
    if (cli_has(cli, OPTION_MAN))
        cli_print_man(&text);
    else if (cli_has(cli, OPTION_COMPLETION))
        TRY(completion(ctx, &text, cli_value(cli, OPTION_COMPLETION)));
    else if (cli->operands.count)
        TRY(command_help(ctx, &text, cli->operands.items[0]));
    else
        cli_print_overview(&text);
    fputs(text_str(&text), stdout);
    return ST_OK;
}
