/* The command line: the tables of commands and options, and what one invocation asked for.
 * commands.def and options.def say all there is to say; parsing, help, manual page and completions follow them. */
#ifndef RATTAN_DRIVER_CLI_H
#define RATTAN_DRIVER_CLI_H

#include "base/ctx.h"
#include "base/text.h"

typedef enum CommandId {
#define COMMAND(id, name, operands, summary, details) COMMAND_##id,
#include "driver/commands.def"
#undef COMMAND
    COMMAND_COUNT
} CommandId;

typedef enum OptionId {
#define OPTION(id, name, letter, argument, commands, help) OPTION_##id,
#include "driver/options.def"
#undef OPTION
    OPTION_COUNT
} OptionId;

/* In CliOption.commands: not shown in help. */
#define HIDDEN (1u << 31)

typedef struct CliCommand {
    const char *name, *operands, *summary, *details;
} CliCommand;

typedef struct CliOption {
    const char *name;
    char        letter;   /* 0: none */
    const char *argument; /* NULL: a flag */
    unsigned    commands; /* bits 1 << CommandId */
    const char *help;
} CliOption;

extern const CliCommand CLI_COMMANDS[COMMAND_COUNT];
extern const CliOption  CLI_OPTIONS[OPTION_COUNT];

typedef struct StringList {
    const char **items;
    int          count, capacity;
} StringList;

typedef struct Cli {
    CommandId  command;
    StringList values[OPTION_COUNT]; /* as given, in order; a flag has one "" */
    StringList operands;
} Cli;

/* argv[1] is the command. */
Status cli_parse(Ctx *ctx, int argc, char **argv, Cli *cli);

bool        cli_has(const Cli *cli, OptionId option);
const char *cli_value(const Cli *cli, OptionId option); /* the last given, or NULL */
/* The letter that stands for the option with this command; 0: none. */
char cli_letter(OptionId option, CommandId command);
/* A whole number in min .. max, or `fallback` where the option is absent. */
Status cli_integer(Ctx *ctx, const Cli *cli, OptionId option, int64_t min, int64_t max, int64_t fallback, int64_t *out);
/* The whole of `text` as a whole number in min .. max; `place` names it in the error. */
Status parse_integer(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, int64_t *out);

/* "did you mean 'x'?" material: the nearest of `names`, or NULL where none is near. */
const char *cli_nearest(const char *name, const char *const *names, int count);

/* Exactly one operand, or none. */
Status cli_one_operand(Ctx *ctx, const Cli *cli, const char *what, const char **operand);
Status cli_no_operands(Ctx *ctx, const Cli *cli);

/* cli_help.c */
void cli_print_help(Text *text, CommandId command);
void cli_print_overview(Text *text);
void cli_print_man(Text *text);
void cli_print_bash_completion(Text *text);
void cli_print_zsh_completion(Text *text);

/* One file a command: cmd_*.c. */
#define COMMAND(id, name, operands, summary, details) Status cmd_##name(Ctx *ctx, const Cli *cli);
#include "driver/commands.def"
#undef COMMAND

#endif
