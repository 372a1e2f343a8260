/* What builders made, kept: see tune_builds.h. */
#include "driver/tune_builds.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

TuneBuilt *tune_builds_find(TuneBuilds *builds, const char *schedule, int64_t ring) {
    for (int b = 0; b < builds->count; b++)
        if (builds->items[b].ring == ring && strcmp(builds->items[b].schedule, schedule) == 0)
            return &builds->items[b];
    return NULL;
}

TuneBuilt *tune_builds_keep(TuneBuilds *builds, const char *schedule, int64_t ring, int file) {
    const int own = builds->count < MOST_BUILDS ? fcntl(file, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        return NULL;
    builds->items[builds->count] = (TuneBuilt){ctx_strdup(builds->ctx, schedule), ring, own, false};
    return &builds->items[builds->count++];
}

void tune_builds_close(TuneBuilds *builds) {
    for (int b = 0; b < builds->count; b++)
        close(builds->items[b].file);
    builds->count = 0;
}
