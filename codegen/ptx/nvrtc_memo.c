/* Results of NVRTC in a folder: see nvrtc_memo.h. An entry is a file: three sizes, then the log, the PTX and the cubin. */
#include "codegen/ptx/nvrtc_memo.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Lines that say how the code came about, not what it is. */
static bool counts(const char *line, bool head) {
    return !(head && strncmp(line, "//", 2) == 0) && strncmp(line, "#line", 5) != 0;
}

static XXH128_hash_t hash_of(const char *compiler, const char *source) {
    XXH3_state_t state;
    bool         head = true;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, compiler, strlen(compiler) + 1);
    for (const char *line = source; *line;) {
        const size_t length = strcspn(line, "\n") + (strchr(line, '\n') != NULL);
        if (counts(line, head)) {
            XXH3_128bits_update(&state, line, length);
            head = false;
        }
        line += length;
    }
    return XXH3_128bits_digest(&state);
}

int memo_open(const char *folder, const char *compiler, const char *source, char path[], size_t size) {
    if (!folder)
        return -1;
    const XXH128_hash_t hash = hash_of(compiler, source);
    snprintf(path, size, "%s/%016llx%016llx.lock", folder, (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    const int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    path[strlen(path) - strlen(".lock")] = '\0';
    if (lock >= 0 && flock(lock, LOCK_EX) == 0)
        return lock;
    memo_close(lock);
    return -1;
}

void memo_close(int lock) {
    if (lock >= 0)
        close(lock);
}

/* A zero follows whatever the file holds. */
static bool read_part(FILE *file, size_t size, char **part) {
    *part = size <= MEMO_MOST_BYTES ? calloc(1, size + 1) : NULL;
    return *part && fread(*part, 1, size, file) == size;
}

bool memo_read(const char *path, NvrtcMemo *memo) {
    FILE *file = fopen(path, "re");
    *memo = (NvrtcMemo){0};
    const bool whole = file && fread(memo->sizes, sizeof memo->sizes, 1, file) == 1 &&
                       read_part(file, memo->sizes[0], &memo->log) && read_part(file, memo->sizes[1], &memo->ptx) &&
                       read_part(file, memo->sizes[2], &memo->cubin);
    if (file)
        fclose(file);
    if (!whole)
        memo_free(memo);
    return whole;
}

/* A search of hours makes thousands of entries, in a folder that may be memory. */
static bool is_full(const char *path) {
    char         folder[4096];
    const char  *slash = strrchr(path, '/');
    int64_t      bytes = 0;
    struct stat  info;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
        if (fstatat(dirfd(entries), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            bytes += info.st_size;
    if (entries)
        closedir(entries);
    return bytes >= MEMO_MOST_BYTES;
}

void memo_write(const char *path, const NvrtcMemo *memo) {
    char part[4096];
    if (is_full(path))
        return;
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "we");
    if (!file)
        return;
    fwrite(memo->sizes, sizeof memo->sizes, 1, file);
    fwrite(memo->log, 1, memo->sizes[0], file);
    fwrite(memo->ptx, 1, memo->sizes[1], file);
    fwrite(memo->cubin, 1, memo->sizes[2], file);
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed || rename(part, path) != 0)
        unlink(part);
}

void memo_free(NvrtcMemo *memo) {
    free(memo->log);
    free(memo->ptx);
    free(memo->cubin);
    *memo = (NvrtcMemo){0};
}
