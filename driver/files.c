/* Whole files in and out: see files.h. */
#include "driver/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The temporary file being written, for the signal handler alone; "" when there is none. */
static char pending[4096];

static void on_interrupt(int signal_number) {
    (void)signal_number;
    if (pending[0])
        unlink(pending);
    _exit(130);
}

void interrupts_install(void) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit of a file's size is an error like others, and is cleaned up behind */
}

void interrupts_hold(sigset_t *before) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, before);
}

void interrupts_release(const sigset_t *before) { sigprocmask(SIG_SETMASK, before, NULL); }

static Status cannot(Ctx *ctx, const char *path, const char *what, const char *remedy) {
    return ctx_fail(ctx, ST_FAILED, path, remedy, "cannot %s: %s", what, strerror(errno));
}

static Status read_all(Ctx *ctx, const char *path, int file, char *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t n = read(file, bytes + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot(ctx, path, "read", NULL);
        if (n == 0)
            return ctx_fail(ctx, ST_INTEGRITY, path, "let whoever writes it finish first",
                            "the file shrank while it was read");
        at += (size_t)n;
    }
    return ST_OK;
}

static Status read_open(Ctx *ctx, const char *path, int file, size_t limit, char **bytes, size_t *size) {
    struct stat info;
    if (fstat(file, &info) != 0)
        return cannot(ctx, path, "read", NULL);
    if (!S_ISREG(info.st_mode))
        return ctx_fail(ctx, ST_FAILED, path, "give a regular file", "not a regular file");
    *size = (size_t)info.st_size;
    if (*size > limit)
        return ctx_fail(ctx, ST_USAGE, path, NULL, "the file has %zu bytes, at most %zu are read", *size, limit);
    *bytes = ctx_alloc(ctx, *size + 1);
    return read_all(ctx, path, file, *bytes, *size);
}

Status file_read(Ctx *ctx, const char *path, size_t limit, char **bytes, size_t *size) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return cannot(ctx, path, "open", "check the path and its permissions");
    const Status status = read_open(ctx, path, file, limit, bytes, size);
    close(file);
    return status;
}

bool file_write_all(int file, const void *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t n = write(file, (const char *)bytes + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool write_parts(int file, const Part *parts, int count) {
    for (int i = 0; i < count; i++)
        if (!file_write_all(file, parts[i].bytes, parts[i].size))
            return false;
    return true;
}

bool path_is_special(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static Status write_special(Ctx *ctx, const char *path, const Part *parts, int count) {
    const int  file = open(path, O_WRONLY | O_CLOEXEC);
    const bool written = file >= 0 && write_parts(file, parts, count);
    const int  error = errno;
    if (file >= 0)
        close(file);
    errno = error;
    return written ? ST_OK : cannot(ctx, path, "write", "choose a place where you may write with -o");
}

void file_mark(char mark[FILE_MARK]) {
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        bits = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 40;
    }
    snprintf(mark, FILE_MARK, "%016llx", (unsigned long long)bits);
}

/* A file that nobody else writes; -1: errno says why not. */
static int open_new(const char *path, char temporary[sizeof pending]) {
    int file = -1;
    for (int tries = 0; file < 0 && tries < 16; tries++) {
        char mark[FILE_MARK];
        file_mark(mark);
        if (snprintf(temporary, sizeof pending, "%s.%s.tmp", path, mark) >= (int)sizeof pending) {
            errno = ENAMETOOLONG;
            return -1;
        }
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            return -1;
    }
    return file;
}

Status file_write(Ctx *ctx, const char *path, const Part *parts, int count) {
    char temporary[sizeof pending];
    if (path_is_special(path))
        return write_special(ctx, path, parts, count);
    const int file = open_new(path, temporary);
    if (file < 0 && errno == ENAMETOOLONG)
        return ctx_fail(ctx, ST_USAGE, NULL, "use a shorter path", "the path of the output is too long");
    if (file < 0)
        return cannot(ctx, path, "write", "choose a place where you may write with -o");
    memcpy(pending, temporary, sizeof temporary);
    const bool written = write_parts(file, parts, count) && fsync(file) == 0;
    const int  error = errno;
    const bool closed = close(file) == 0;
    if (written && closed && rename(temporary, path) == 0) {
        pending[0] = '\0';
        return ST_OK;
    }
    if (!written)
        errno = error;
    const Status status = cannot(ctx, path, "write", "choose a place with room where you may write");
    unlink(temporary);
    pending[0] = '\0';
    return status;
}

Status folder_temporary(Ctx *ctx, const char *stem, const char **path) {
    const char *const base = getenv("TMPDIR");
    char *const       folder = ctx_printf(ctx, "%s/rattan-%s-XXXXXX", base && *base ? base : "/tmp", stem);
    *path = folder;
    return mkdtemp(folder) ? ST_OK
                           : ctx_fail(ctx, ST_FAILED, folder, "let TMPDIR name a folder where you may write",
                                      "cannot make the folder: %s", strerror(errno));
}

bool path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

Status folder_make(Ctx *ctx, const char *path) {
    if (path_is_folder(path) || mkdir(path, 0777) == 0 || (errno == EEXIST && path_is_folder(path)))
        return ST_OK;
    return cannot(ctx, path, "make the folder", "choose a place where you may write with -o");
}
