/* Help, manual page and completion scripts, made from commands.def and options.def. */
#include "driver/cli.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 100, OPTION_COLUMN = 26 };

static bool option_shown(int option, CommandId command) {
    return CLI_OPTIONS[option].commands & 1u << command && !(CLI_OPTIONS[option].commands & HIDDEN);
}

static void add_option(Text *text, OptionId id, CommandId command) {
    const CliOption *option = &CLI_OPTIONS[id];
    const size_t     start = text->length;
    const char       letter = cli_letter(id, command);
    if (letter)
        text_add(text, "  -%c, ", letter);
    else
        text_add(text, "      ");
    text_add(text, "--%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    const int used = (int)(text->length - start);
    if (used >= OPTION_COLUMN)
        text_add(text, "\n%*s", OPTION_COLUMN, "");
    else
        text_add(text, "%*s", OPTION_COLUMN - used, "");
    text_add_wrapped(text, option->help, OPTION_COLUMN, OPTION_COLUMN, WIDTH);
}

void cli_print_help(Text *text, CommandId command) {
    const CliCommand *row = &CLI_COMMANDS[command];
    text_add(text, "rattan %s%s%s [OPTION...]\n\n", row->name, *row->operands ? " " : "", row->operands);
    text_add(text, "%c", toupper((unsigned char)row->summary[0]));
    text_add_wrapped(text, ctx_printf(text->ctx, "%s.", row->summary + 1), 0, 0, WIDTH);
    text_add(text, "\n");
    text_add_wrapped(text, row->details, 0, 0, WIDTH);
    text_add(text, "\nOptions:\n");
    for (int o = 0; o < OPTION_COUNT; o++)
        if (option_shown(o, command))
            add_option(text, (OptionId)o, command);
}

void cli_print_overview(Text *text) {
    text_add(text,
             "rattan turns a Lua spec of one attention layer into kernels made for its dims, window and machine.\n\n"
             "  rattan COMMAND [OPTION...]\n\nCommands:\n");
    for (int c = 0; c < COMMAND_COUNT; c++)
        text_add(text, "  %-10s%s\n", CLI_COMMANDS[c].name, CLI_COMMANDS[c].summary);
    text_add(text, "\n'rattan COMMAND --help' says more; 'rattan --version' prints the version.\n\n"
                   "Exit codes: 0 done, 1 failed, 2 wrong usage or spec, 3 verification mismatch, 4 no such device, "
                   "5 damaged data,\n130 interrupted.\n");
}

/* Text for troff: dashes and backslashes kept, no line may start with a dot or quote. */
static void add_troff(Text *text, const char *source) {
    if (*source == '.' || *source == '\'')
        text_add(text, "\\&");
    for (; *source; source++) {
        if (*source == '-' || *source == '\\')
            text_add(text, "\\%c", *source == '-' ? '-' : 'e');
        else
            text_write(text, source, 1);
    }
}

static void add_man_option(Text *text, OptionId id, CommandId command) {
    const CliOption *option = &CLI_OPTIONS[id];
    const char       letter = cli_letter(id, command);
    text_add(text, ".TP\n.B ");
    if (letter)
        text_add(text, "\\-%c, ", letter);
    add_troff(text, ctx_printf(text->ctx, "--%s", option->name));
    if (option->argument)
        text_add(text, " \\fI%s\\fR", option->argument);
    text_add(text, "\n");
    add_troff(text, option->help);
    text_add(text, "\n");
}

static void add_man_command(Text *text, CommandId command) {
    const CliCommand *row = &CLI_COMMANDS[command];
    text_add(text, ".SS \"rattan %s%s%s\"\n", row->name, *row->operands ? " " : "", row->operands);
    add_troff(text, ctx_printf(text->ctx, "%c%s. %s", toupper((unsigned char)row->summary[0]), row->summary + 1,
                               row->details));
    text_add(text, "\n");
    for (int o = 0; o < OPTION_COUNT; o++)
        if (option_shown(o, command))
            add_man_option(text, (OptionId)o, command);
}

static const char MAN_TAIL[] = ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage or spec, 3 verification mismatch, 4 "
                               "no such device, 5 damaged data, "
                               "130 interrupted.\n"
                               ".SH ENVIRONMENT\n"
                               ".TP\n.B RATTAN_NUM_THREADS\nThreads that kernels run on.\n"
                               ".TP\n.B RATTAN_CACHE_DIR\nFolder of the cache of compiled kernels; else "
                               "$XDG_CACHE_HOME/rattan, else ~/.cache/rattan.\n"
                               ".TP\n.B RATTAN_DATA_DIR\nFolder of the tuning database; else "
                               "$XDG_DATA_HOME/rattan, else ~/.local/share/rattan.\n"
                               ".TP\n.B RATTAN_SYSTEM_TUNINGS\nTuning databases, between colons, that are read behind "
                               "it; else rattan/tuning.db in $XDG_DATA_DIRS and rattan's own. Empty: none.\n"
                               ".TP\n.B RATTAN_TUNING\non (the default): kernels get the best schedule that the tuning "
                               "databases know; off: as \\-\\-no\\-tuning; strict: to know none, "
                               "or one that is refused, is a failure.\n"
                               ".TP\n.B RATTAN_NVRTC\nNVRTC, NVIDIA's compiler for GPUs: the library or its folder; else the "
                               "loader's path, $CUDA_HOME, $CUDA_PATH, /usr/local/cuda.\n"
                               ".TP\n.B RATTAN_LIBCUDA\nAnother library than libcuda.so.1 as the driver of GPUs.\n"
                               ".TP\n.B CUDA_HOME\nCUDA's toolkit, for NVRTC, cuBLAS, nvdisasm and compute\\-sanitizer; else "
                               "/usr/local/cuda.\n"
                               ".TP\n.B CUDA_VISIBLE_DEVICES\nThe GPUs that there are, as CUDA has it; rattan's first one is the first of "
                               "these.\n"
                               ".TP\n.B NO_COLOR\nIf set and not empty, no colour.\n"
                               ".SH EXAMPLES\n.nf\n"
                               "rattan compile spec.lua \\-\\-emit asm \\-o kernel.s\n"
                               "rattan check spec.lua \\-\\-shape B=2,T=1000 \\-\\-dtype bf16\n"
                               "rattan check \\- \\-\\-vectors tests/golden/*.safetensors\n"
                               "rattan bench spec.lua \\-\\-shape T=4096 \\-\\-json\n"
                               "rattan tune spec.lua \\-\\-shapes B=1..16,T=1024..65536 \\-\\-budget 10m\n"
                               "rattan db merge shard*/tuning.db\n"
                               "rattan aot spec.lua \\-\\-name layers \\-\\-targets sm_90a,x86\\-64\\-v3 \\-o out\n.fi\n";

void cli_print_man(Text *text) {
    text_add(
        text,
        ".\\\" Made by 'rattan help --man' from driver/commands.def and driver/options.def.\n"
        ".TH RATTAN 1 \"\" \"rattan %s\"\n.SH NAME\nrattan \\- compile, check and time attention layers\n"
        ".SH SYNOPSIS\n.B rattan\n.I COMMAND\n.RI [ OPTION ...]\n.SH DESCRIPTION\n"
        "rattan turns a Lua spec of one attention layer (a sliding softmax window and a residual linear branch) into "
        "kernels made for its dims, window and machine.\n.SH COMMANDS\n",
        RATTAN_VERSION);
    for (int c = 0; c < COMMAND_COUNT; c++)
        add_man_command(text, (CommandId)c);
    text_add(text, "%s", MAN_TAIL);
}

/* Words that an option's value may be, for completion; NULL: files. */
static const char *option_words(int option) {
    switch ((OptionId)option) {
    case OPTION_KIND:
    case OPTION_KINDS: return "forward decode extend backward";
    case OPTION_DTYPE: return "fp32 bf16 fp16";
    case OPTION_EMIT: return "loop-ir tile-ir schedule llvm asm obj cuda ptx cubin sass resources code all";
    case OPTION_WITH: return "packed lse final-state parts saved";
    case OPTION_TARGET:
    case OPTION_TARGETS: return "$(rattan targets 2>/dev/null | cut -d\" \" -f1)";
    case OPTION_DUMP: return "all $(rattan passes 2>/dev/null | cut -d\" \" -f1)";
    default: return NULL;
    }
}

/* What a command's first operand may be; "" for files. */
static const char *operand_words(int command) {
    switch ((CommandId)command) {
    case COMMAND_CACHE: return "info clear gc";
    case COMMAND_DB: return "list explain export import merge pack prune";
    default: return "";
    }
}

static void add_bash_command(Text *text, CommandId command) {
    text_add(text, "        %s) words=\"", CLI_COMMANDS[command].name);
    for (int o = 0; o < OPTION_COUNT; o++)
        if (option_shown(o, command))
            text_add(text, "--%s ", CLI_OPTIONS[o].name);
    text_add(text, "%s\" ;;\n", operand_words((int)command));
}

void cli_print_bash_completion(Text *text) {
    text_add(text,
             "# bash completion for rattan. Made by 'rattan help --completion bash'.\n_rattan() {\n"
             "    local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" words=\"\"\n"
             "    case \"$previous\" in\n");
    for (int o = 0; o < OPTION_COUNT; o++)
        if (option_words(o))
            text_add(text, "        --%s) COMPREPLY=($(compgen -W \"%s\" -- \"$current\")); return ;;\n",
                     CLI_OPTIONS[o].name, option_words(o));
    text_add(text, "    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    for (int c = 0; c < COMMAND_COUNT; c++)
        text_add(text, "%s ", CLI_COMMANDS[c].name);
    text_add(text, "--help --version\" -- \"$current\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (int c = 0; c < COMMAND_COUNT; c++)
        add_bash_command(text, (CommandId)c);
    text_add(text,
             "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\"))\n}\n"
             "complete -o filenames -F _rattan rattan\n");
}

/* Help inside a zsh _arguments spec: brackets, colons and quotes have meaning there. */
static void add_zsh_help(Text *text, const char *help) {
    for (; *help; help++) {
        if (*help == '\'')
            text_add(text, "'\\''");
        else
            text_add(text, strchr("[]:\\", *help) ? "\\%c" : "%c", *help);
    }
}

static void add_zsh_option(Text *text, int option) {
    const CliOption *row = &CLI_OPTIONS[option];
    text_add(text, "                '*--%s[", row->name);
    add_zsh_help(text, row->help);
    text_add(text, "]");
    const char *words = option_words(option);
    if (words && strchr(words, '$')) /* a list to be asked for */
        text_add(text, ":%s:{compadd -- %s}", row->name, words);
    else if (words)
        text_add(text, ":%s:(%s)", row->name, words);
    else if (row->argument)
        text_add(text, ":%s:_files", row->name);
    text_add(text, "' \\\n");
}

void cli_print_zsh_completion(Text *text) {
    text_add(text,
             "#compdef rattan\n# zsh completion for rattan. Made by 'rattan help --completion zsh'.\n_rattan() {\n"
             "    local -a commands=(\n");
    for (int c = 0; c < COMMAND_COUNT; c++) {
        text_add(text, "        '%s:", CLI_COMMANDS[c].name);
        add_zsh_help(text, CLI_COMMANDS[c].summary);
        text_add(text, "'\n");
    }
    text_add(text,
             "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
             "    case $words[2] in\n");
    for (int c = 0; c < COMMAND_COUNT; c++) {
        text_add(text, "        %s)\n            _arguments \\\n", CLI_COMMANDS[c].name);
        for (int o = 0; o < OPTION_COUNT; o++)
            if (option_shown(o, (CommandId)c))
                add_zsh_option(text, o);
        if (*operand_words(c))
            text_add(text, "                '1:action:(%s)' \\\n", operand_words(c));
        text_add(text, "                '*:operand:%s'\n            ;;\n", c == COMMAND_CACHE ? "( )" : "_files");
    }
    text_add(text, "    esac\n}\n_rattan \"$@\"\n");
}
