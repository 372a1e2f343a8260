/* What loading a library costs, for tests/test_aot.sh: aot_timing FILE OPEN FUNCTION INTERFACE opens it, runs a forward
 * function of one token and prints the milliseconds from before to behind, how much of the file was touched, the
 * microseconds of a launch. */
#include <rattan/rattan_rt.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef rattan_rt_status OpenFn(uint64_t interface, const rattan_rt_options *options, void **context);
typedef rattan_rt_status CallFn(void *context, const void *args, const rattan_rt_place *place);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void find(void *library, const char *name, void *out) {
    void *symbol = dlsym(library, name);
    if (!symbol)
        exit(1);
    memcpy(out, &symbol, sizeof symbol);
}

/* Resident and all kilobytes of the file's mappings. */
static void touched(const char *file, long *resident, long *size) {
    char  line[4096];
    int   mine = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");
    *resident = *size = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        long value;
        if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
            mine = strstr(line, file) != NULL;
        else if (mine && sscanf(line, "Size: %ld", &value) == 1)
            *size += value;
        else if (mine && sscanf(line, "Rss: %ld", &value) == 1)
            *resident += value;
    }
    if (maps)
        fclose(maps);
}

int main(int argc, char **argv) {
    static float memory[6][16];
    enum { TENSORS = 6 };
    static const int RANKS[TENSORS] = {4, 4, 4, 2, 2, 4};
    int64_t          args[3 + 5 * TENSORS] = {1, 1, 0};
    OpenFn          *open_library;
    CallFn          *call;
    void            *context = NULL;
    long             resident, size;
    const double     start = now();
    void            *library = argc > 4 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library)
        return 1;
    for (int t = 0, at = 3; t < TENSORS; at += 1 + RANKS[t++])
        args[at] = (int64_t)(intptr_t)memory[t];
    find(library, argv[2], &open_library);
    find(library, argv[3], &call);
    if (open_library(strtoull(argv[4], NULL, 16), NULL, &context) || call(context, args, NULL))
        return 1;
    const double loaded = now() - start;
    touched(strrchr(argv[1], '/'), &resident, &size);
    const double begin = now();
    for (int i = 0; i < 20000; i++)
        call(context, args, NULL);
    printf("%.2f ms, %ld of %ld kB, %.2f us\n", loaded, resident, size, (now() - begin) / 20);
    return 0;
}
