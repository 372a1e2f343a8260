/* A folder below TMPDIR for what a test writes. */
#ifndef RATTAN_TESTS_FOLDER_TESTING_H
#define RATTAN_TESTS_FOLDER_TESTING_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

/* 0, or -1 if there is none; `folder`: room for its path. */
static inline int folder_open(char folder[256], const char *name) {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, 256, "%.180s/rattan-%s-XXXXXX", parent ? parent : "/tmp", name);
    return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline int folder_remove(const char *folder) { return nftw(folder, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

#endif
