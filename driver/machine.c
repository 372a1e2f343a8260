/* What the machine calls itself: see machine.h. */
#include "driver/machine.h"

#include <stdio.h>
#include <string.h>

/* The value of the first line "key : value" of /proc/cpuinfo. */
static const char *cpuinfo(Ctx *ctx, const char *key) {
    FILE       *file = fopen("/proc/cpuinfo", "r");
    char        line[8192];
    const char *colon = NULL;
    while (file && !colon && fgets(line, sizeof line, file))
        colon = strncmp(line, key, strlen(key)) == 0 ? strchr(line, ':') : NULL;
    if (file)
        fclose(file);
    if (!colon)
        return NULL;
    const char *value = colon + 1 + strspn(colon + 1, " ");
    return ctx_strndup(ctx, value, strcspn(value, "\n"));
}

const char *machine_processor(Ctx *ctx) { return cpuinfo(ctx, "model name"); }
