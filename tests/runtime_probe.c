/* Loads loader_sample.c's object and runs all of it; prints "ok". test_runtime_aarch64.sh builds it, without cmocka, for
 * another machine. Usage: runtime_probe OBJECT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cpu_features.h"
#include "runtime/elf_loader.h"
#include "runtime/pool.h"

typedef void Phase(const int64_t *args, int64_t item, void *scratch);

typedef struct Job {
    Phase        *phase;
    const int64_t args[1];
} Job;

static Phase *phase_of(const ElfSymbol *symbol) {
    Phase *phase;
    memcpy(&phase, &symbol->address, sizeof phase);
    return phase;
}

static void run_item(void *arg, int64_t item, int thread) {
    const Job *job = arg;
    (void)thread;
    job->phase(job->args, item, NULL);
}

static int weights_are_right(const ElfSymbol *symbol, Pool *pool) {
    static const double WEIGHTS[5] = {0.5, -2.25, 3.125, 7.0, -11.5};
    static const short  SHORTS[3] = {-7, 300, 12345};
    static double       out[300];
    Job                 job = {phase_of(symbol), {(int64_t)(uintptr_t)out}};
    pool_run(pool, run_item, &job, 300);
    for (int i = 0; i < 300; i++)
        if (out[i] != WEIGHTS[i % 5] + SHORTS[i % 3])
            return 0;
    return 1;
}

static int data_is_right(const ElfSymbol *symbol) {
    int64_t       out[4];
    const int64_t args[1] = {(int64_t)(uintptr_t)out};
    phase_of(symbol)(args, 2, NULL);
    phase_of(symbol)(args, 2, NULL);
    return out[0] == 32 && out[1] == 4 && out[2] == 11 && out[3] == 0;
}

static int names_are_right(const ElfSymbol *symbol) {
    char          out[40] = "", scratch[16];
    const int64_t args[2] = {(int64_t)(uintptr_t)out, 23};
    phase_of(symbol)(args, 2, scratch);
    return strcmp(out, "third..................................") == 0;
}

int main(int argc, char **argv) {
    static uint8_t bytes[1 << 20];
    ElfSymbol      symbols[3] = {{"sample_weigh", NULL}, {"sample_data", NULL}, {"sample_name", NULL}};
    ElfImage       image;
    Ctx            ctx;
    Pool          *pool;
    FILE          *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    ctx_init(&ctx);
    if (!file || pool_create(&ctx, 3, &pool) != ST_OK)
        return 1;
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (elf_load(&ctx, bytes, size, symbols, 3, &image) != ST_OK) {
        fprintf(stderr, "%s: %s\n", ctx.place, ctx.message);
        return ctx.status;
    }
#ifdef __aarch64__
    if (cpu_check_features(&ctx, "+fp-armv8,+neon") != ST_OK || cpu_check_features(&ctx, "+nonesuch") != ST_NO_DEVICE)
        return 10;
#endif
    if (!weights_are_right(&symbols[0], pool) || !data_is_right(&symbols[1]) || !names_are_right(&symbols[2]))
        return 11;
    elf_unload(&image);
    pool_destroy(pool);
    puts("ok");
    return 0;
}
