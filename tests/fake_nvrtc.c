/* A run-time compiler that compiles nothing, for tests of what its failures lead to: the call number FAKE_NVRTC_FAIL_AT, counted
 * from 1, gives an error. Loaded through RATTAN_NVRTC. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int fake_nvrtc_calls, fake_nvrtc_programs, fake_nvrtc_fail_at; /* so far; made and not destroyed; 0: none */

enum { FAILURE = 11 };

static int failing(void) { return __atomic_add_fetch(&fake_nvrtc_calls, 1, __ATOMIC_RELAXED) == fake_nvrtc_fail_at ? FAILURE : 0; }

static int give(void *to, const void *from, size_t size) {
    if (failing())
        return FAILURE;
    memcpy(to, from, size);
    return 0;
}

/* Where that fails there may be anything. */
static int give_size(size_t *to, size_t size) {
    *to = (size_t)1 << 50;
    return give(to, &size, sizeof size);
}

EXPORT const char *nvrtcGetErrorString(int result) { return result == FAILURE ? "words for it" : "none"; }
EXPORT int         nvrtcVersion(int *major, int *minor) {
    *major = 13;
    *minor = 0;
    return 0;
}
EXPORT int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers, const char *const *sources,
                              const char *const *names) {
    (void)source, (void)name, (void)headers, (void)sources, (void)names;
    if (failing())
        return FAILURE;
    *program = calloc(1, 1);
    __atomic_add_fetch(&fake_nvrtc_programs, 1, __ATOMIC_RELAXED);
    return 0;
}
EXPORT int nvrtcDestroyProgram(void **program) {
    free(*program);
    *program = NULL;
    __atomic_sub_fetch(&fake_nvrtc_programs, 1, __ATOMIC_RELAXED);
    return failing();
}
EXPORT int nvrtcCompileProgram(void *program, int count, const char *const *options) {
    for (int o = 0; o < count; o++)
        *(char *)program |= strcmp(options[o], "--define-macro=SPARING") == 0;
    return failing();
}

/* A program spills unless it is compiled in a second form, SPARING. */
static const char LOGS[2][80] = {"8 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads\n",
                                 "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"};
EXPORT int nvrtcGetProgramLogSize(void *program, size_t *size) { return (void)program, give_size(size, sizeof LOGS[0]); }
EXPORT int nvrtcGetProgramLog(void *program, char *log) { return give(log, LOGS[*(char *)program != 0], sizeof LOGS[0]); }
EXPORT int nvrtcGetPTXSize(void *program, size_t *size) { return (void)program, give_size(size, sizeof "ptx"); }
EXPORT int nvrtcGetPTX(void *program, char *ptx) { return (void)program, give(ptx, "ptx", sizeof "ptx"); }
EXPORT int nvrtcGetCUBINSize(void *program, size_t *size) { return (void)program, give_size(size, sizeof "cubin"); }
EXPORT int nvrtcGetCUBIN(void *program, char *cubin) { return (void)program, give(cubin, "cubin", sizeof "cubin"); }
EXPORT int nvrtcGetNumSupportedArchs(int *count) { return give(count, &(int){1}, sizeof *count); }
EXPORT int nvrtcGetSupportedArchs(int *list) { return give(list, &(int){90}, sizeof *list); }
