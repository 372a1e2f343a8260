/* rattan explore: what windows, contexts and feature maps cost beside full attention, as a page and in the terminal. */
#include "driver/cli.h"
#include "driver/explore.h"
#include "driver/files.h"
#include "driver/report.h"
#include "driver/terminal.h"
#include "driver/tune_shapes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char explore_page[]; /* explore_page.html, embedded */

static const char    MARK[] = "@DATA@";
static const int64_t MOST_WINDOW = (int64_t)1 << 24, USUAL_CONTEXT = 4096, USUAL_LONGEST = 1 << 20;
static const double  USUAL_BUDGET = 80;

/* ---- What is asked for ---- */
static Status parse_maps(Ctx *ctx, const char *text, ExploreAsk *ask) {
    char *words = ctx_strdup(ctx, text ? text : ""), *rest = NULL;
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        bool twice = false;
        for (int m = 0; m < ask->map_count; m++)
            twice |= strcmp(ask->maps[m], word) == 0;
        if (twice)
            continue;
        if (ask->map_count == EXPLORE_MAPS)
            return ctx_fail(ctx, ST_USAGE, "--maps", "give fewer", "more than %d feature maps", EXPLORE_MAPS);
        ask->maps[ask->map_count++] = word;
    }
    return text && !ask->map_count
               ? ctx_fail(ctx, ST_USAGE, "--maps", "write softmax2,relu2", "there is no name in '%.40s'", text)
               : ST_OK;
}

static Status parse_ask(Ctx *ctx, const Cli *cli, ExploreAsk *ask) {
    const char *windows = cli_value(cli, OPTION_WINDOWS), *contexts = cli_value(cli, OPTION_CONTEXTS);
    *ask = (ExploreAsk){.budget = USUAL_BUDGET};
    TRY(quantities_parse(ctx, "--windows", windows ? windows : "64:4096", 1, MOST_WINDOW, &ask->windows));
    const int64_t longest = ask->windows.items[ask->windows.count - 1],
                  first = longest > USUAL_CONTEXT ? longest : USUAL_CONTEXT;
    if (!contexts)
        contexts = ctx_printf(ctx, "%lld:%lld", (long long)first,
                              (long long)(4 * first > USUAL_LONGEST ? 4 * first : USUAL_LONGEST));
    TRY(quantities_parse(ctx, "--contexts", contexts, 1, 4 * MOST_WINDOW, &ask->contexts));
    if (cli_has(cli, OPTION_BUDGET))
        TRY(tune_budget_parse(ctx, cli_value(cli, OPTION_BUDGET), &ask->budget));
    return parse_maps(ctx, cli_value(cli, OPTION_MAPS), ask);
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

/* Where the data goes: beside the page. */
static const char *data_path(Ctx *ctx, const char *page) {
    const int stem = (int)strlen(page) - (ends_with(page, ".html") ? 5 : 0);
    return ctx_printf(ctx, "%.*s.json", stem, page);
}

static Status check_file(Ctx *ctx, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *folder = !slash ? "." : slash == path ? "/" : ctx_strndup(ctx, path, (size_t)(slash - path));
    if (!*path || path_is_folder(path) || path[strlen(path) - 1] == '/')
        return ctx_fail(ctx, ST_USAGE, "-o", "name a file, such as report.html", "'%.200s' is a folder", path);
    if (path_is_special(path))
        return ctx_fail(ctx, ST_USAGE, "-o", "name a file, such as report.html", "'%.200s' is no regular file", path);
    if (!path_is_folder(folder))
        return ctx_fail(ctx, ST_USAGE, "-o", ctx_printf(ctx, "make it: mkdir -p %.200s", folder),
                        "there is no folder '%.200s'", folder);
    if (access(folder, W_OK) != 0)
        return ctx_fail(ctx, ST_USAGE, "-o", "name a file in another folder", "'%.200s' cannot be written", folder);
    return ST_OK;
}

/* Before anything is measured: page and data can be written where they are wanted. */
static Status check_output(Ctx *ctx, const char *page) {
    if (!page)
        return ST_OK;
    if (strcmp(page, "-") == 0)
        return ctx_fail(ctx, ST_USAGE, "-o", "name a file, such as report.html; --json prints the data",
                        "the page is not written to the standard output");
    if (ends_with(page, ".json"))
        return ctx_fail(ctx, ST_USAGE, "-o",
                        ctx_printf(ctx, "name the page, -o %.*s.html, or take --json for the data alone",
                                   (int)strlen(page) - 5, page),
                        "-o names an HTML page, and the data goes beside it: '%.200s' is a name for data", page);
    TRY(check_file(ctx, page));
    return check_file(ctx, data_path(ctx, page));
}

/* The layer: the one of --item, the only one, or a model's first with a window. */
static Status choose_item(Ctx *ctx, const Session *session, const SpecItem **item) {
    const SpecFile *file = &session->specs;
    int             chosen = session->first;
    while (file->is_model && !cli_has(session->cli, OPTION_ITEM) && chosen + 1 < session->last &&
           file->items[chosen].spec.full)
        chosen++;
    if (!file->is_model && session->last - session->first > 1)
        return ctx_fail(ctx, ST_USAGE, "rattan explore",
                        "choose one by --item: an index, or a label such as window=256",
                        "the spec stands for %d layers", session->last - session->first);
    *item = &file->items[chosen];
    return ST_OK;
}

/* ---- The page ---- */
/* Data goes into the page with its slashes escaped: no text in it ends the script that holds it. */
static Status write_files(Ctx *ctx, const char *path, json_t *json) {
    char *data = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(7)),
         *inner = json_dumps(json, JSON_COMPACT | JSON_ESCAPE_SLASH | JSON_REAL_PRECISION(7));
    const char *mark = strstr(explore_page, MARK);
    Status      status =
        data && inner && mark ? ST_OK : ctx_fail(ctx, ST_FAILED, path, NULL, "the data cannot be written as JSON");
    if (status == ST_OK) {
        const Part page[] = {{explore_page, (size_t)(mark - explore_page)},
                             {inner, strlen(inner)},
                             {mark + sizeof MARK - 1, strlen(mark + sizeof MARK - 1)}};
        const Part lines[] = {{data, strlen(data)}, {"\n", 1}};
        status = file_write(ctx, data_path(ctx, path), lines, 2);
        if (status == ST_OK)
            status = file_write(ctx, path, page, 3);
    }
    free(data);
    free(inner);
    return status;
}

/* ---- In the terminal ---- */
static void print_cell(Ctx *ctx, const ExploreCell *cell) {
    printf(" %9s%c", quantity_time(ctx, cell->seconds), cell->measured ? '*' : ' ');
}

static void print_row(Ctx *ctx, const Explore *e, const ExploreSeries *series, int64_t window) {
    const Quantities *contexts = &e->ask.contexts;
    printf("  %-8s", window ? quantity_short(ctx, window) : "full");
    for (int c = 0; c < contexts->count; c++) {
        const ExploreCell cell = explore_cell(e, series, window, contexts->items[c]);
        print_cell(ctx, &cell);
    }
    if (window) {
        const BreakEven even = explore_break_even(e, series->kind, series->map, window);
        printf("  %s", explore_even_words(ctx, &even));
    }
    puts("");
}

static void print_series(Ctx *ctx, const Explore *e, const ExploreSeries *series) {
    const Quantities    *windows = &e->ask.windows, *contexts = &e->ask.contexts;
    const ExploreSeries *full = explore_series(e, series->kind, MAP_FULL);
    printf("\n%s%s, %s%s", colour_on(stdout, COLOUR_STRONG), kind_name(series->kind), e->ask.maps[series->map],
           colour_off(stdout));
    if (series->missing) {
        printf("\n  %s\n", series->missing);
        return;
    }
    printf(": %d points, contexts up to %s", series->count, quantity_short(ctx, explore_known(series)));
    if (series->checked)
        printf("; the model missed the last %d by %.0f %% at most", series->checked, 100 * series->miss);
    if (series->far.beyond > 0)
        printf("; %s by %.0f %%", quantity_short(ctx, series->far.context), 100 * series->far.miss);
    puts("");
    printf("  %-8s", "window");
    for (int c = 0; c < contexts->count; c++)
        printf(" %9s ", quantity_short(ctx, contexts->items[c]));
    puts(series->kind == KIND_DECODE ? "  fewer bytes from" : "  beats full from");
    for (int w = 0; w < windows->count; w++)
        print_row(ctx, e, series, windows->items[w]);
    if (explore_has(full))
        print_row(ctx, e, full, 0);
}

static void print_memory(Ctx *ctx, const Explore *e) {
    const Quantities *windows = &e->ask.windows, *contexts = &e->ask.contexts;
    const int64_t     longest = contexts->items[contexts->count - 1];
    Spec              spec = e->layers[0];
    printf("\n%scarried by a sequence%s: full attention %s a layer at %s", colour_on(stdout, COLOUR_STRONG),
           colour_off(stdout), quantity_bytes(ctx, carried_ring_bytes(&e->full, longest)),
           quantity_short(ctx, longest));
    if (e->session->specs.is_model)
        printf(", %s in all %d layers", quantity_bytes(ctx, explore_model_bytes(e, 0, 0, longest)),
               e->session->specs.layers);
    puts("");
    for (int w = 0; w < windows->count; w++) {
        spec.window = windows->items[w];
        printf("  %-8s %10s ring + %s state", quantity_short(ctx, spec.window),
               quantity_bytes(ctx, carried_ring_bytes(&spec, longest)),
               quantity_bytes(ctx, carried_state_bytes(&spec)));
        if (e->session->specs.is_model)
            printf(", all layers %s at %s", quantity_bytes(ctx, explore_model_bytes(e, 0, spec.window, longest)),
                   quantity_short(ctx, longest));
        puts("");
    }
}

static void print_conclusions(Ctx *ctx, const Explore *e, int map) {
    Sentences sentences;
    explore_conclusions(ctx, e, map, &sentences);
    printf("\n%sin short, %s%s\n", colour_on(stdout, COLOUR_STRONG), e->ask.maps[map], colour_off(stdout));
    for (int s = 0; s < sentences.count; s++)
        printf("  %s\n", sentences.items[s]);
}

static void print_summary(Ctx *ctx, const Explore *e) {
    int points = 0;
    for (int s = 0; s < e->series_count; s++)
        points += e->series[s].count;
    printf("%s%s%s  %s on %s: %d windows x %d contexts x %d maps, %d points measured in %.0f s\n",
           colour_on(stdout, COLOUR_STRONG), item_title(ctx, e->item), colour_off(stdout),
           dtype_name(e->item->spec.dtype), e->session->target.name, e->ask.windows.count, e->ask.contexts.count,
           e->ask.map_count, points, e->finished - e->started);
    printf("* measured; all else by the model. Of one sequence; of decode a step for %d.\n"
           "<=: so at the shortest context measured. Noise: where it were if the layer were faster or slower by that "
           "much.\n",
           EXPLORE_SEQUENCES);
    for (int s = 0; s < e->series_count; s++)
        if (e->series[s].map != MAP_FULL)
            print_series(ctx, e, &e->series[s]);
    print_memory(ctx, e);
    for (int m = 0; m < e->ask.map_count; m++)
        print_conclusions(ctx, e, m);
}

/* ---- All ---- */
static Status finish(Ctx *ctx, const Cli *cli, const Explore *e) {
    const char *path = cli_value(cli, OPTION_OUTPUT);
    json_t     *json = explore_json(ctx, e);
    Status      status = path ? write_files(ctx, path, json) : ST_OK;
    if (status == ST_OK && cli_has(cli, OPTION_JSON)) {
        json_t *list = json_pack("[O]", json);
        json_print(list);
        json_decref(list);
    } else if (status == ST_OK) {
        print_summary(ctx, e);
        if (path)
            printf("\n%s and %s\n", path, data_path(ctx, path));
    }
    json_decref(json);
    return status;
}

static Status run_explore(Ctx *ctx, const Cli *cli, Session *session, const char *path) {
    const SpecItem *item = NULL;
    ExploreAsk      ask;
    Explore        *e = NEW(ctx, Explore);
    TRY(parse_ask(ctx, cli, &ask));
    TRY(check_output(ctx, cli_value(cli, OPTION_OUTPUT)));
    TRY(session_load_file(ctx, session, path));
    TRY(choose_item(ctx, session, &item));
    TRY(explore_plan(ctx, session, item, &ask, e));
    TRY(explore_run(ctx, e));
    return finish(ctx, cli, e);
}

Status cmd_explore(Ctx *ctx, const Cli *cli) {
    const char *path;
    Session     session = {0};
    TRY(cli_one_operand(ctx, cli, "SPEC", &path));
    Status status = session_open(ctx, cli, &session);
    if (status == ST_OK)
        status = run_explore(ctx, cli, &session, path);
    session_close(&session);
    return status;
}
