/* Targets: the rows of cpus.def, and the machine this runs on.
 * In: a name. Out: facts for the passes, names for LLVM. Only asks the processor what it is; sets up nothing of
 * LLVM. */
#include "codegen/llvm/llvm_codegen.h"

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
#include <sched.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Cpu {
    const char *name, *triple, *cpu, *features, *needs;
    int         vector_bytes, vector_registers;
    int64_t     l1_bytes, l2_bytes;
    double      flops_per_cycle;
    const char *help;
} Cpu;

static const Cpu CPUS[] = {
#define CPU(...) {__VA_ARGS__},
#include "codegen/llvm/cpus.def"
#undef CPU
};
enum { ROW_COUNT = sizeof CPUS / sizeof *CPUS };

const char *llvm_target_name(int index) {
    return index == 0 ? "host" : index <= ROW_COUNT ? CPUS[index - 1].name : NULL;
}

const char *llvm_target_help(int index) {
    return index == 0 ? "the machine this runs on" : index <= ROW_COUNT ? CPUS[index - 1].help : NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

/* "+b,-a" to "-a,+b": the same machine gives the same text whatever the order LLVM lists features in. */
static void sort_features(Ctx *ctx, const char *features, char *out, size_t size) {
    char       *copy = ctx_strdup(ctx, features), *rest = NULL;
    const char *words[512];
    size_t      count = 0, length = 0;
    for (char *word = strtok_r(copy, ",", &rest); word && count < 512; word = strtok_r(NULL, ",", &rest))
        words[count++] = word;
    qsort(words, count, sizeof *words, by_name);
    for (size_t i = 0; i < count && length + strlen(words[i]) + 2 < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%s", i ? "," : "", words[i]);
}

/* Is "+word" among the features? */
static bool has(const char *features, const char *word, size_t length) {
    for (const char *at = features; (at = strstr(at, word)); at++)
        if (at > features && at[-1] == '+' && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static bool has_all(const char *features, const char *needs) {
    if (!*needs)
        return false;
    while (*needs) {
        const size_t length = strcspn(needs, " ");
        char         word[32];
        snprintf(word, sizeof word, "%.*s", (int)length, needs);
        if (!has(features, word, length))
            return false;
        needs += length + strspn(needs + length, " ");
    }
    return true;
}

static void host_features(Ctx *ctx, Target *target) {
    char *features = LLVMGetHostCPUFeatures();
    sort_features(ctx, features, target->features, sizeof target->features);
    LLVMDisposeMessage(features);
}

static int64_t cache_bytes(int name, int64_t fallback) {
    const long bytes = sysconf(name);
    return bytes > 0 ? bytes : fallback;
}

/* The row with the widest vectors that this machine runs; plain SSE2 or NEON where none is. */
static void host_vectors(Target *target) {
    target->vector_bytes = 16;
    target->flops_per_cycle = 16;
#if defined __x86_64__
    target->vector_registers = 16;
#else
    target->vector_registers = 32;
#endif
    for (int i = 0; i < ROW_COUNT; i++) {
        if (CPUS[i].vector_bytes <= target->vector_bytes || !has_all(target->features, CPUS[i].needs))
            continue;
        target->vector_bytes = CPUS[i].vector_bytes;
        target->vector_registers = CPUS[i].vector_registers;
        target->flops_per_cycle = CPUS[i].flops_per_cycle;
    }
}

/* Cores that this process may use; 0 where that is not to be had. */
static int processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

static void find_host(Ctx *ctx, Target *target) {
    char *cpu = LLVMGetHostCPUName();
    snprintf(target->cpu, sizeof target->cpu, "%s", cpu);
    LLVMDisposeMessage(cpu);
#if defined __x86_64__
    snprintf(target->triple, sizeof target->triple, "x86_64-unknown-linux-gnu");
#else
    snprintf(target->triple, sizeof target->triple, "aarch64-unknown-linux-gnu");
#endif
    host_features(ctx, target);
    host_vectors(target);
    target->l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32768);
    target->l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 524288);
    target->native = true;
    target->processors = processors();
}

static void fill(Ctx *ctx, const Cpu *row, Target *target) {
    Target host = {0};
    host_features(ctx, &host);
    snprintf(target->triple, sizeof target->triple, "%s", row->triple);
    snprintf(target->cpu, sizeof target->cpu, "%s", row->cpu);
    snprintf(target->features, sizeof target->features, "%s", row->features);
    target->vector_bytes = row->vector_bytes;
    target->vector_registers = row->vector_registers;
    target->l1_bytes = row->l1_bytes;
    target->l2_bytes = row->l2_bytes;
    target->flops_per_cycle = row->flops_per_cycle;
#if defined __aarch64__
    target->native = strncmp(row->triple, "aarch64", 7) == 0;
#else
    target->native = has_all(host.features, row->needs);
#endif
}

static Status unknown(Ctx *ctx, const char *name) {
    Text known = TEXT(ctx);
    for (int i = 0; llvm_target_name(i); i++)
        text_add(&known, "%s%s", i ? ", " : "", llvm_target_name(i));
    return ctx_fail(ctx, ST_USAGE, "target", ctx_printf(ctx, "use one of %s", text_str(&known)),
                    "no CPU target \"%.60s\"", name);
}

Status llvm_find_target(Ctx *ctx, const char *name, Target *target) {
    memset(target, 0, sizeof *target);
    snprintf(target->name, sizeof target->name, "%s", name);
    if (strcmp(name, "host") == 0) {
        find_host(ctx, target);
        return ST_OK;
    }
    for (int i = 0; i < ROW_COUNT; i++) {
        if (strcmp(name, CPUS[i].name) == 0) {
            fill(ctx, &CPUS[i], target);
            return ST_OK;
        }
    }
    return unknown(ctx, name);
}

const char *llvm_version(void) {
    static const char VERSION[] = "LLVM " LLVM_VERSION_STRING;
    return VERSION;
}
