/* rattan cache: what the cache of compiled kernels holds, and making it smaller. */
#include "driver/cli.h"
#include "runtime/cache.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void print_info(Cache *cache, bool json) {
    CacheInfo info;
    cache_info(cache, &info);
    if (json) {
        json_t *root = json_pack("{s:s, s:b, s:I, s:I, s:I, s:s}", "folder", info.folder, "writable", info.writable,
                                 "entries", (json_int_t)info.entries, "bytes", (json_int_t)info.bytes, "limit",
                                 (json_int_t)info.limit, "warning", info.warning);
        json_dumpf(root, stdout, JSON_INDENT(2));
        puts("");
        json_decref(root);
        return;
    }
    printf("folder   %s%s\nentries  %lld\nbytes    %lld of at most %lld\n",
           *info.folder ? info.folder : "none: memory only", info.writable || !*info.folder ? "" : " (read only)",
           (long long)info.entries, (long long)info.bytes, (long long)info.limit);
    if (*info.warning)
        printf("warning  %s\n", info.warning);
}

static void print_swept(const CacheSwept *swept, bool json) {
    if (json)
        printf("{\"removed_entries\": %lld, \"removed_bytes\": %lld}\n", (long long)swept->entries,
               (long long)swept->bytes);
    else
        printf("removed %lld entries, %lld bytes\n", (long long)swept->entries, (long long)swept->bytes);
}

/* "500M" */
static Status parse_size(Ctx *ctx, const char *text, int64_t *bytes) {
    static const char UNITS[] = "KMG";
    const size_t      length = strlen(text);
    const char       *unit = length ? strchr(UNITS, text[length - 1]) : NULL;
    const int         shift = unit && *unit ? 10 * (int)(unit - UNITS + 1) : 0;
    const char       *digits = shift ? ctx_strndup(ctx, text, length - 1) : text;
    TRY(parse_integer(ctx, "--max-size", digits, 1, INT64_MAX >> shift, bytes));
    *bytes <<= shift;
    return ST_OK;
}

static Status act(Ctx *ctx, const char *action, bool json, Cache *cache) {
    CacheSwept swept = {0};
    if (strcmp(action, "info") == 0) {
        print_info(cache, json);
        return ST_OK;
    }
    if (strcmp(action, "clear") == 0)
        cache_clear(cache, &swept);
    else if (strcmp(action, "gc") == 0)
        cache_gc(cache, &swept);
    else
        return ctx_fail(ctx, ST_USAGE, "rattan cache", "use info, clear or gc", "there is no action '%.40s'", action);
    print_swept(&swept, json);
    return ST_OK;
}

Status cmd_cache(Ctx *ctx, const Cli *cli) {
    const char *action;
    Cache      *cache;
    int64_t     limit = 0;
    TRY(cli_one_operand(ctx, cli, "action", &action));
    if (cli_has(cli, OPTION_MAX_SIZE))
        TRY(parse_size(ctx, cli_value(cli, OPTION_MAX_SIZE), &limit));
    TRY(cache_open(ctx, NULL, limit, &cache));
    const Status status = act(ctx, action, cli_has(cli, OPTION_JSON), cache);
    cache_close(cache);
    return status;
}
