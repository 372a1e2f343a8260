/* What the machine calls itself: see machine.h. */
#include "driver/machine.h"

#include <stdio.h>
#include <string.h>

/* The value of the first line "key : value" of /proc/cpuinfo. */
static const char *cpuinfo(Ctx *ctx, const char *key) {
    FILE       *file = fopen("/proc/cpuinfo", "r");
    char        line[8192];
    const char *value = NULL;
    while (file && !value && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, key, strlen(key)) == 0)
            value =
                ctx_strndup(ctx, colon + 1 + strspn(colon + 1, " "), strcspn(colon + 1 + strspn(colon + 1, " "), "\n"));
    }
    if (file)
        fclose(file);
    return value;
}

const char *machine_processor(Ctx *ctx) { return cpuinfo(ctx, "model name"); }
