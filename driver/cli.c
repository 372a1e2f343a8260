/* Parsing of the command line: see cli.h. */
#include "driver/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const CliCommand CLI_COMMANDS[COMMAND_COUNT] = {
#define COMMAND(id, name, operands, summary, details) {#name, operands, summary, details},
#include "driver/commands.def"
#undef COMMAND
};

const CliOption CLI_OPTIONS[OPTION_COUNT] = {
#define OPTION(id, name, letter, argument, commands, help) {name, letter, argument, commands, help},
#include "driver/options.def"
#undef OPTION
};

/* Long options without a letter are numbered from here for getopt. */
enum { LONG_BASE = 256, MAX_DISTANCE = 3 };

/* Levenshtein distance, capped: names are short. */
static int distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    const size_t n = strlen(a), m = strlen(b);
    int          row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            const int above = row[j], swap = diagonal + (a[i - 1] != b[j - 1]);
            const int step = (above < row[j - 1] ? above : row[j - 1]) + 1;
            diagonal = above;
            row[j] = swap < step ? swap : step;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *name, const char *const *names, int count) {
    const char *nearest = NULL;
    int         least = MAX_DISTANCE;
    for (int i = 0; i < count; i++) {
        const int d = distance(name, names[i]);
        if (d < least) {
            least = d;
            nearest = names[i];
        }
    }
    return nearest;
}

static Status find_command(Ctx *ctx, const char *name, CommandId *command) {
    const char *names[COMMAND_COUNT];
    for (int c = 0; c < COMMAND_COUNT; c++) {
        names[c] = CLI_COMMANDS[c].name;
        if (strcmp(name, names[c]) == 0) {
            *command = (CommandId)c;
            return ST_OK;
        }
    }
    const char *nearest = cli_nearest(name, names, COMMAND_COUNT);
    return ctx_fail(ctx, ST_USAGE, NULL,
                    nearest ? ctx_printf(ctx, "did you mean 'rattan %s'?", nearest) : "see 'rattan --help'",
                    "there is no command '%.40s'", name);
}

char cli_letter(OptionId option, CommandId command) {
    const char letter = CLI_OPTIONS[option].letter;
    for (int o = 0; o < (int)option; o++)
        if (CLI_OPTIONS[o].letter == letter && CLI_OPTIONS[o].commands & 1u << command)
            return 0;
    return letter;
}

/* getopt's tables for one command. */
static int getopt_tables(CommandId command, struct option *longs, char *letters) {
    int count = 0;
    *letters++ = ':';
    for (int o = 0; o < OPTION_COUNT; o++) {
        const CliOption *option = &CLI_OPTIONS[o];
        if (!(option->commands & 1u << command))
            continue;
        longs[count++] =
            (struct option){option->name, option->argument ? required_argument : no_argument, NULL, LONG_BASE + o};
        if (cli_letter((OptionId)o, command)) {
            *letters++ = option->letter;
            if (option->argument)
                *letters++ = ':';
        }
    }
    longs[count] = (struct option){0};
    *letters = '\0';
    return count;
}

static int option_of(int code, CommandId command) {
    if (code >= LONG_BASE)
        return code - LONG_BASE;
    for (int o = 0; o < OPTION_COUNT; o++)
        if (CLI_OPTIONS[o].commands & 1u << command && cli_letter((OptionId)o, command) == code)
            return o;
    return -1;
}

static Status bad_option(Ctx *ctx, const Cli *cli, const char *word, const struct option *longs, int count) {
    const char *names[OPTION_COUNT];
    for (int i = 0; i < count; i++)
        names[i] = longs[i].name;
    const char *dashes = word + strspn(word, "-");
    const char *nearest = cli_nearest(ctx_strndup(ctx, dashes, strcspn(dashes, "=")), names, count);
    const char *command = CLI_COMMANDS[cli->command].name;
    return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan %s", command),
                    nearest ? ctx_printf(ctx, "did you mean '--%s'?", nearest)
                            : ctx_printf(ctx, "see 'rattan %s --help'", command),
                    "unknown option '%.60s'", word);
}

static void push(Ctx *ctx, StringList *list, const char *item) {
    PUSH(ctx, list->items, list->count, list->capacity, item);
}

static Status parse_options(Ctx *ctx, int argc, char **argv, Cli *cli) {
    struct option longs[OPTION_COUNT + 1];
    char          letters[2 * OPTION_COUNT + 2];
    const int     count = getopt_tables(cli->command, longs, letters);
    optind = 0; /* glibc: start afresh */
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (code == ':')
            return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan %s", CLI_COMMANDS[cli->command].name),
                            "give it after the option", "the option '%.60s' needs a value", argv[optind - 1]);
        const int option = code == '?' ? -1 : option_of(code, cli->command);
        if (option < 0)
            return bad_option(ctx, cli, argv[optind - 1], longs, count);
        if (option == OPTION_OUTPUT && optarg && !*optarg)
            return ctx_fail(ctx, ST_USAGE, "-o", "name a file or a folder", "its value is an empty word");
        push(ctx, &cli->values[option], optarg ? optarg : "");
    }
    for (int i = optind; i < argc; i++)
        push(ctx, &cli->operands, argv[i]);
    return ST_OK;
}

Status cli_parse(Ctx *ctx, int argc, char **argv, Cli *cli) {
    *cli = (Cli){0};
    TRY(find_command(ctx, argv[1], &cli->command));
    return parse_options(ctx, argc - 1, argv + 1, cli);
}

bool cli_has(const Cli *cli, OptionId option) { return cli->values[option].count > 0; }

const char *cli_value(const Cli *cli, OptionId option) {
    const StringList *list = &cli->values[option];
    return list->count ? list->items[list->count - 1] : NULL;
}

Status parse_integer(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, int64_t *out) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max)
        return ctx_fail(ctx, ST_USAGE, place, ctx_printf(ctx, "give %lld to %lld", (long long)min, (long long)max),
                        "'%.40s' is not a whole number in range", text);
    *out = value;
    return ST_OK;
}

Status cli_integer(Ctx *ctx, const Cli *cli, OptionId option, int64_t min, int64_t max, int64_t fallback,
                   int64_t *out) {
    *out = fallback;
    if (!cli_has(cli, option))
        return ST_OK;
    return parse_integer(ctx, ctx_printf(ctx, "--%s", CLI_OPTIONS[option].name), cli_value(cli, option), min, max, out);
}

Status cli_one_operand(Ctx *ctx, const Cli *cli, const char *what, const char **operand) {
    const char *name = CLI_COMMANDS[cli->command].name;
    if (cli->operands.count != 1)
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan %s", name),
                        ctx_printf(ctx, "see 'rattan %s --help'", name),
                        cli->operands.count ? "more than one %s" : "no %s is given", what);
    *operand = cli->operands.items[0];
    if (!**operand)
        return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan %s", name), "name a file", "%s is an empty word", what);
    return ST_OK;
}

Status cli_no_operands(Ctx *ctx, const Cli *cli) {
    if (cli->operands.count == 0)
        return ST_OK;
    const char *name = CLI_COMMANDS[cli->command].name;
    return ctx_fail(ctx, ST_USAGE, ctx_printf(ctx, "rattan %s", name), ctx_printf(ctx, "see 'rattan %s --help'", name),
                    "'%.60s' is one word too many", cli->operands.items[0]);
}
