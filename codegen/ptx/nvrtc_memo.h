/* What NVRTC made of a source, in a folder that processes share: a tuner compiles schedules that differ in one kernel of many, and
 * each kernel but once.
 *
 * Always: of processes that want the same source at a time one compiles it and the others wait for it. Comments at the
 *      source's head and line numbers do not count. A folder that cannot be used is no failure. */
#ifndef RATTAN_CODEGEN_PTX_NVRTC_MEMO_H
#define RATTAN_CODEGEN_PTX_NVRTC_MEMO_H

#include <stdbool.h>
#include <stddef.h>

enum { MEMO_MOST_BYTES = 512 << 20 };

typedef struct NvrtcMemo { /* malloc'd; the texts end with a zero, which counts */
    char  *log, *ptx, *cubin;
    size_t sizes[3]; /* of these */
} NvrtcMemo;

/* The lock of the source's entry, held until memo_close; -1 where there is none. `compiler`: what else its result depends on. */
int  memo_open(const char *folder, const char *compiler, const char *source, char path[], size_t size);
void memo_close(int lock);
/* false: not known. */
bool memo_read(const char *path, NvrtcMemo *memo);
/* Leaves it out where the folder has grown to MEMO_MOST_BYTES: what is there serves on, the rest is compiled again. */
void memo_write(const char *path, const NvrtcMemo *memo);
void memo_free(NvrtcMemo *memo);

#endif
