/* CPU features by LLVM's names, as cpuid and the system (x86-64) or the auxiliary vector (aarch64) tell them.
 *
 * In:  the sorted list of a code object.
 * Out: ST_OK, or ST_NO_DEVICE with the feature's name: an illegal instruction must never be the way to find out.
 * Always: a feature that is not in the table counts as missing. */
#include "runtime/cpu_features.h"

#include <string.h>
#include <unistd.h>

#if defined __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>

enum { EAX, EBX, ECX, EDX };
enum { L1, L7, L7_1, LD_1, L14, L19, LX1, LX8, LEAF_COUNT };
static const struct {
    uint32_t leaf, subleaf;
} LEAVES[LEAF_COUNT] = {{1, 0}, {7, 0}, {7, 1}, {0xD, 1}, {0x14, 0}, {0x19, 0}, {0x80000001, 0}, {0x80000008, 0}};

enum { OS_NONE = 0, OS_AVX = 0x6, OS_AVX512 = 0xE6, OS_AMX = 0x60000 }; /* bits of XCR0: state the system saves */

static const struct {
    const char *name;
    int         leaf, reg, bit, os;
} FEATURES[] = {
    {"64bit", LX1, EDX, 29, OS_NONE},
    {"adx", L7, EBX, 19, OS_NONE},
    {"aes", L1, ECX, 25, OS_NONE},
    {"amx-bf16", L7, EDX, 22, OS_AMX},
    {"amx-complex", L7_1, EDX, 8, OS_AMX},
    {"amx-fp16", L7_1, EAX, 21, OS_AMX},
    {"amx-int8", L7, EDX, 25, OS_AMX},
    {"amx-tile", L7, EDX, 24, OS_AMX},
    {"avx", L1, ECX, 28, OS_AVX},
    {"avx2", L7, EBX, 5, OS_AVX},
    {"avx512bf16", L7_1, EAX, 5, OS_AVX512},
    {"avx512bitalg", L7, ECX, 12, OS_AVX512},
    {"avx512bw", L7, EBX, 30, OS_AVX512},
    {"avx512cd", L7, EBX, 28, OS_AVX512},
    {"avx512dq", L7, EBX, 17, OS_AVX512},
    {"avx512f", L7, EBX, 16, OS_AVX512},
    {"avx512fp16", L7, EDX, 23, OS_AVX512},
    {"avx512ifma", L7, EBX, 21, OS_AVX512},
    {"avx512vbmi", L7, ECX, 1, OS_AVX512},
    {"avx512vbmi2", L7, ECX, 6, OS_AVX512},
    {"avx512vl", L7, EBX, 31, OS_AVX512},
    {"avx512vnni", L7, ECX, 11, OS_AVX512},
    {"avx512vp2intersect", L7, EDX, 8, OS_AVX512},
    {"avx512vpopcntdq", L7, ECX, 14, OS_AVX512},
    {"avxifma", L7_1, EAX, 23, OS_AVX},
    {"avxneconvert", L7_1, EDX, 5, OS_AVX},
    {"avxvnni", L7_1, EAX, 4, OS_AVX},
    {"avxvnniint16", L7_1, EDX, 10, OS_AVX},
    {"avxvnniint8", L7_1, EDX, 4, OS_AVX},
    {"bmi", L7, EBX, 3, OS_NONE},
    {"bmi2", L7, EBX, 8, OS_NONE},
    {"cldemote", L7, ECX, 25, OS_NONE},
    {"clflushopt", L7, EBX, 23, OS_NONE},
    {"clwb", L7, EBX, 24, OS_NONE},
    {"clzero", LX8, EBX, 0, OS_NONE},
    {"cmov", L1, EDX, 15, OS_NONE},
    {"cmpccxadd", L7_1, EAX, 7, OS_NONE},
    {"crc32", L1, ECX, 20, OS_NONE},
    {"cx16", L1, ECX, 13, OS_NONE},
    {"cx8", L1, EDX, 8, OS_NONE},
    {"enqcmd", L7, ECX, 29, OS_NONE},
    {"evex512", L7, EBX, 16, OS_AVX512}, /* LLVM's word for registers of 512 bits, which avx512f implies */
    {"f16c", L1, ECX, 29, OS_AVX},
    {"fma", L1, ECX, 12, OS_AVX},
    {"fma4", LX1, ECX, 16, OS_AVX},
    {"fsgsbase", L7, EBX, 0, OS_NONE},
    {"fxsr", L1, EDX, 24, OS_NONE},
    {"gfni", L7, ECX, 8, OS_NONE},
    {"hreset", L7_1, EAX, 22, OS_NONE},
    {"invpcid", L7, EBX, 10, OS_NONE},
    {"kl", L7, ECX, 23, OS_NONE},
    {"lwp", LX1, ECX, 15, OS_NONE},
    {"lzcnt", LX1, ECX, 5, OS_NONE},
    {"mmx", L1, EDX, 23, OS_NONE},
    {"movbe", L1, ECX, 22, OS_NONE},
    {"movdir64b", L7, ECX, 28, OS_NONE},
    {"movdiri", L7, ECX, 27, OS_NONE},
    {"mwaitx", LX1, ECX, 29, OS_NONE},
    {"pclmul", L1, ECX, 1, OS_NONE},
    {"pconfig", L7, EDX, 18, OS_NONE},
    {"pku", L7, ECX, 4, OS_NONE},
    {"popcnt", L1, ECX, 23, OS_NONE},
    {"prefetchi", L7_1, EDX, 14, OS_NONE},
    {"prfchw", LX1, ECX, 8, OS_NONE},
    {"ptwrite", L14, EBX, 4, OS_NONE},
    {"raoint", L7_1, EAX, 3, OS_NONE},
    {"rdpid", L7, ECX, 22, OS_NONE},
    {"rdpru", LX8, EBX, 4, OS_NONE},
    {"rdrnd", L1, ECX, 30, OS_NONE},
    {"rdseed", L7, EBX, 18, OS_NONE},
    {"rtm", L7, EBX, 11, OS_NONE},
    {"sahf", LX1, ECX, 0, OS_NONE},
    {"serialize", L7, EDX, 14, OS_NONE},
    {"sgx", L7, EBX, 2, OS_NONE},
    {"sha", L7, EBX, 29, OS_NONE},
    {"sha512", L7_1, EAX, 0, OS_AVX},
    {"shstk", L7, ECX, 7, OS_NONE},
    {"sm3", L7_1, EAX, 1, OS_AVX},
    {"sm4", L7_1, EAX, 2, OS_AVX},
    {"sse", L1, EDX, 25, OS_NONE},
    {"sse2", L1, EDX, 26, OS_NONE},
    {"sse3", L1, ECX, 0, OS_NONE},
    {"sse4.1", L1, ECX, 19, OS_NONE},
    {"sse4.2", L1, ECX, 20, OS_NONE},
    {"sse4a", LX1, ECX, 6, OS_NONE},
    {"ssse3", L1, ECX, 9, OS_NONE},
    {"tbm", LX1, ECX, 21, OS_NONE},
    {"tsxldtrk", L7, EDX, 16, OS_NONE},
    {"uintr", L7, EDX, 5, OS_NONE},
    {"usermsr", L7_1, EDX, 15, OS_NONE},
    {"vaes", L7, ECX, 9, OS_AVX},
    {"vpclmulqdq", L7, ECX, 10, OS_AVX},
    {"waitpkg", L7, ECX, 5, OS_NONE},
    {"wbnoinvd", LX8, EBX, 9, OS_NONE},
    {"widekl", L19, EBX, 2, OS_NONE},
    {"x87", L1, EDX, 0, OS_NONE},
    {"xop", LX1, ECX, 11, OS_AVX},
    {"xsave", L1, ECX, 26, OS_NONE},
    {"xsavec", LD_1, EAX, 1, OS_NONE},
    {"xsaveopt", LD_1, EAX, 0, OS_NONE},
    {"xsaves", LD_1, EAX, 3, OS_NONE},
};

/* Leaves are read when first asked for: cpuid takes microseconds in a virtual machine. */
typedef struct Cpu {
    bool     known[LEAF_COUNT];
    unsigned regs[LEAF_COUNT][4];
    uint64_t os; /* XCR0 */
} Cpu;

static const unsigned *leaf_regs(Cpu *cpu, int leaf) {
    unsigned *regs = cpu->regs[leaf];
    if (!cpu->known[leaf])
        __get_cpuid_count(LEAVES[leaf].leaf, LEAVES[leaf].subleaf, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]);
    cpu->known[leaf] = true;
    return regs;
}

static Cpu open_cpu(void) {
    Cpu cpu = {0};
    if (leaf_regs(&cpu, L1)[ECX] >> 27 & 1) { /* OSXSAVE */
        uint32_t low, high;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        cpu.os = (uint64_t)high << 32 | low;
    }
    return cpu;
}

/* Linux hands out the tile registers only to processes that ask for them. */
static bool request_tiles(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static bool has_feature(Cpu *cpu, const char *name, size_t length) {
    for (size_t f = 0; f < sizeof FEATURES / sizeof *FEATURES; f++) {
        if (strncmp(FEATURES[f].name, name, length) != 0 || FEATURES[f].name[length])
            continue;
        const uint64_t os = (uint64_t)FEATURES[f].os;
        if (!(leaf_regs(cpu, FEATURES[f].leaf)[FEATURES[f].reg] >> FEATURES[f].bit & 1) || (cpu->os & os) != os)
            return false;
        return os != OS_AMX || request_tiles();
    }
    return false;
}
#elif defined __aarch64__
#include <sys/auxv.h>

static const struct {
    const char *name;
    int         word, bit; /* of AT_HWCAP (1) or AT_HWCAP2 (2) */
} FEATURES[] = {
    {"aes", 1, 3},          {"bf16", 2, 14},     {"bti", 2, 17},     {"complxnum", 1, 14}, {"crc", 1, 7},
    {"dit", 1, 24},         {"dotprod", 1, 20},  {"f32mm", 2, 10},   {"f64mm", 2, 11},     {"flagm", 1, 27},
    {"fp-armv8", 1, 0},     {"fp16fml", 1, 23},  {"fptoint", 2, 8},  {"fullfp16", 1, 10},  {"i8mm", 2, 13},
    {"jsconv", 1, 13},      {"lse", 1, 8},       {"neon", 1, 1},     {"rand", 2, 16},      {"rcpc", 1, 15},
    {"rcpc-immo", 1, 26},   {"rdm", 1, 12},      {"sb", 1, 29},      {"sha2", 1, 6},       {"sha3", 1, 17},
    {"sm4", 1, 19},         {"ssbs", 1, 28},     {"sve", 1, 22},     {"sve2", 2, 1},       {"sve2-aes", 2, 2},
    {"sve2-bitperm", 2, 4}, {"sve2-sha3", 2, 5}, {"sve2-sm4", 2, 6}, {"v8a", 1, 1},
};

typedef struct Cpu {
    unsigned long words[3];
} Cpu;

static Cpu open_cpu(void) { return (Cpu){{0, getauxval(AT_HWCAP), getauxval(AT_HWCAP2)}}; }

static bool has_feature(Cpu *cpu, const char *name, size_t length) {
    for (size_t f = 0; f < sizeof FEATURES / sizeof *FEATURES; f++)
        if (strncmp(FEATURES[f].name, name, length) == 0 && !FEATURES[f].name[length])
            return cpu->words[FEATURES[f].word] >> FEATURES[f].bit & 1;
    return false;
}
#else
typedef struct Cpu {
    char none;
} Cpu;

static Cpu open_cpu(void) { return (Cpu){0}; }

static bool has_feature(Cpu *cpu, const char *name, size_t length) {
    (void)cpu;
    (void)name;
    (void)length;
    return false;
}
#endif

/* What only guides the choice of instructions, and needs none. */
static bool is_tuning(const char *name, size_t length) {
    static const char *const PREFIXES[] = {"fast-", "prefer-", "slow-", "tuning-", "false-deps-", "use-"};
    for (size_t p = 0; p < sizeof PREFIXES / sizeof *PREFIXES; p++)
        if (length > strlen(PREFIXES[p]) && strncmp(name, PREFIXES[p], strlen(PREFIXES[p])) == 0)
            return true;
    return false;
}

/* One item of the list: whether it asks for something that is missing; then what. */
static bool is_missing(Cpu *cpu, const char **name, size_t *length) {
    if (*length == 0 || **name == '-')
        return false;
    const size_t sign = **name == '+';
    *name += sign;
    *length -= sign;
    return *length && !is_tuning(*name, *length) && !has_feature(cpu, *name, *length);
}

Status cpu_check_features(Ctx *ctx, const char *features) {
    if (!features || !*features)
        return ST_OK;
    Cpu cpu = open_cpu();
    for (const char *at = features; *at;) {
        const char *name = at;
        size_t      length = strcspn(at, ",");
        at += length;
        at += *at == ',';
        if (is_missing(&cpu, &name, &length))
            return ctx_fail(ctx, ST_NO_DEVICE, "cpu", "compile for target host on this machine",
                            "the code needs %.*s, which this CPU does not have", (int)length, name);
    }
    return ST_OK;
}
