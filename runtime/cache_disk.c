/* One entry of the cache as a file.
 *
 * In:  a key and the text it was made of, an encoded CodeObject.
 * Out: folder/ab/cdef....rattan: magic, version, the lengths of text and object, the text, the object, and the XXH3-128
 *      checksum of all that.
 * Always: a file appears whole or not at all (temporary name, fsync, rename). What is read must be a regular file of
 * this user in folders of this user, none of them writable by others, no link; it is read(), never mapped, and its
 *      checksum and key text are compared. What fails any of this is a miss, and a bad file is removed. Errors of the
 * file system are misses too, and a folder that cannot be written is written no more. */
#include "runtime/cache_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

const char DISK_ENTRY_SUFFIX[] = ".rattan", DISK_TEMP_PREFIX[] = ".tmp-", DISK_LOCK_NAME[] = "lock";

static const char MAGIC[8] = {'R', 'A', 'T', 'T', 'A', 'N', 'C', 'E'};

enum { VERSION = 1, HEADER_BYTES = 32, MAX_ENTRY = 1 << 30 };

/* Little-endian numbers at fixed places: magic, version, length of the text, length of the object. */
typedef struct Header {
    uint64_t version, text, object;
} Header;

typedef struct Names {
    char folder[3];
    char entry[ENTRY_NAME];
} Names;

static Names names_of(const Key *key) {
    char  hex[KEY_HEX];
    Names names;
    key_print(key, hex);
    memcpy(names.folder, hex, 2);
    names.folder[2] = '\0';
    snprintf(names.entry, sizeof names.entry, "%s%s", hex + 2, DISK_ENTRY_SUFFIX);
    return names;
}

void disk_warn(CacheDisk *disk, const char *what, int error) {
    pthread_mutex_lock(&disk->lock);
    if (!disk->warning[0])
        snprintf(disk->warning, sizeof disk->warning, "cache %.300s: %s%s%s; kernels are kept in memory only",
                 disk->folder ? disk->folder : "", what, error ? ": " : "", error ? strerror(error) : "");
    pthread_mutex_unlock(&disk->lock);
}

/* ---- Folders ------------------------------------------------------------------------------------------------------
 */
static bool is_trusted(const struct stat *stat) { return stat->st_uid == geteuid() && !(stat->st_mode & 022); }

int disk_open_folder(int parent, const char *name, bool create) {
    struct stat stat;
    if (create && mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    const int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0 && (fstat(folder, &stat) != 0 || !is_trusted(&stat))) {
        close(folder);
        errno = EPERM;
        return -1;
    }
    return folder;
}

static void make_parents(const char *path) {
    char part[4096];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const size_t length = (size_t)(slash - path);
        if (length >= sizeof part)
            return;
        memcpy(part, path, length);
        part[length] = '\0';
        mkdir(part, 0700);
    }
}

int disk_open_top(CacheDisk *disk, bool create) {
    if (!disk->folder) {
        errno = ENOENT;
        return -1;
    }
    if (create)
        make_parents(disk->folder);
    const int  top = disk_open_folder(AT_FDCWD, disk->folder, create), error = errno;
    const bool refused = error == EPERM || error == ELOOP || error == ENOTDIR;
    if (top < 0 && (create || refused)) {
        disk_warn(disk, refused ? "is not a folder that belongs to this user alone" : "cannot be made",
                  refused ? 0 : error);
        atomic_store(&disk->writable, false);
    }
    errno = error;
    return top;
}

/* The folder of the key's first two digits. */
static int open_fan(CacheDisk *disk, const Names *names, bool create) {
    const int top = disk_open_top(disk, create);
    if (top < 0)
        return -1;
    const int fan = disk_open_folder(top, names->folder, create);
    const int error = errno;
    close(top);
    errno = error;
    return fan;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------
 */
static uint64_t get64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static void put64(uint8_t *bytes, uint64_t value) {
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

/* All bytes of a file; `error` tells a file system that fails from a file that is bad. */
static uint8_t *read_all(int file, size_t *size, int *error) {
    struct stat stat;
    *error = fstat(file, &stat) == 0 ? 0 : errno;
    if (*error || !S_ISREG(stat.st_mode) || !is_trusted(&stat) || stat.st_size < HEADER_BYTES ||
        stat.st_size > MAX_ENTRY)
        return NULL;
    uint8_t *bytes = malloc((size_t)stat.st_size);
    size_t   at = 0;
    if (!bytes)
        *error = ENOMEM;
    while (bytes && at < (size_t)stat.st_size) {
        const ssize_t got = read(file, bytes + at, (size_t)stat.st_size - at);
        if (got > 0) {
            at += (size_t)got;
            continue;
        }
        if (got < 0 && errno == EINTR)
            continue;
        *error = got < 0 ? errno : 0;
        free(bytes);
        return NULL;
    }
    *size = at;
    return bytes;
}

static bool parse(const uint8_t *bytes, size_t size, Header *header) {
    if (size < HEADER_BYTES + KEY_BYTES || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return false;
    *header = (Header){get64(bytes + 8), get64(bytes + 16), get64(bytes + 24)};
    const uint64_t room = size - HEADER_BYTES - KEY_BYTES;
    if (header->version != VERSION || header->text > room || header->object != room - header->text)
        return false;
    const Key sum = key_of(bytes, size - KEY_BYTES);
    return memcmp(sum.bytes, bytes + size - KEY_BYTES, KEY_BYTES) == 0;
}

bool disk_verify(int file) {
    size_t         size;
    int            error;
    Header         header;
    uint8_t *const bytes = read_all(file, &size, &error);
    const bool     whole = bytes ? parse(bytes, size, &header) : error != 0;
    free(bytes);
    return whole;
}

/* Least recently used is told by access times that the cache sets itself: file systems may not keep them. */
static void touch(int file) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    futimens(file, times);
}

enum ReadResult { READ_MISS, READ_BAD, READ_HIT };

static enum ReadResult read_entry(int fan, const char *name, const char *key_text, uint8_t **object,
                                  size_t *object_size) {
    const int file = openat(fan, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return errno == ELOOP || errno == ENXIO ? READ_BAD : READ_MISS;
    size_t          size;
    int             error;
    Header          header;
    uint8_t *const  bytes = read_all(file, &size, &error);
    enum ReadResult result = error ? READ_MISS : READ_BAD;
    if (bytes && parse(bytes, size, &header)) {
        const bool same = header.text == strlen(key_text) && memcmp(bytes + HEADER_BYTES, key_text, header.text) == 0;
        result = same ? READ_HIT : READ_MISS;
    }
    if (result == READ_HIT) {
        touch(file);
        memmove(bytes, bytes + HEADER_BYTES + header.text, header.object);
        *object = bytes;
        *object_size = header.object;
    } else {
        free(bytes);
    }
    close(file);
    return result;
}

bool disk_read(CacheDisk *disk, const Key *key, const char *key_text, uint8_t **object, size_t *size) {
    const Names names = names_of(key);
    const int   fan = open_fan(disk, &names, false);
    if (fan < 0)
        return false;
    const enum ReadResult result = read_entry(fan, names.entry, key_text, object, size);
    if (result == READ_BAD && unlinkat(fan, names.entry, 0) == 0)
        atomic_fetch_add(&disk->damaged, 1);
    close(fan);
    return result == READ_HIT;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------
 */
/* A file size limit must give an error, not kill the application by its signal. */
static ssize_t write_quietly(int file, const uint8_t *bytes, size_t size) {
    const struct timespec now = {0, 0};
    sigset_t              limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    const ssize_t written = write(file, bytes, size);
    const int     error = errno;
    if (written < 0 && error == EFBIG && !sigismember(&before, SIGXFSZ))
        sigtimedwait(&limit, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

static int write_all(int file, const uint8_t *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t written = write_quietly(file, bytes + at, size - at);
        if (written < 0 && errno != EINTR)
            return errno;
        at += written > 0 ? (size_t)written : 0;
    }
    return fsync(file) == 0 ? 0 : errno;
}

/* The file's bytes; malloc'd. */
static uint8_t *layout(const char *key_text, const uint8_t *object, size_t object_size, size_t *size) {
    const size_t text = strlen(key_text);
    *size = HEADER_BYTES + text + object_size + KEY_BYTES;
    uint8_t *bytes = malloc(*size);
    if (!bytes)
        return NULL;
    memcpy(bytes, MAGIC, sizeof MAGIC);
    put64(bytes + 8, VERSION);
    put64(bytes + 16, text);
    put64(bytes + 24, object_size);
    memcpy(bytes + HEADER_BYTES, key_text, text);
    memcpy(bytes + HEADER_BYTES + text, object, object_size);
    const Key sum = key_of(bytes, *size - KEY_BYTES);
    memcpy(bytes + *size - KEY_BYTES, sum.bytes, KEY_BYTES);
    return bytes;
}

/* Creates a file of a new name; the process, its thread's stack and the time make clashes unlikely, O_EXCL harmless. */
static int create_temp(int fan, char name[64]) {
    for (int attempt = 0; attempt < 16; attempt++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        const uint64_t salt = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)(uintptr_t)&now;
        snprintf(name, 64, "%s%ld-%llx", DISK_TEMP_PREFIX, (long)getpid(), (unsigned long long)salt);
        const int file = openat(fan, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

static int write_entry(int fan, const char *name, const uint8_t *bytes, size_t size) {
    char      temp[64];
    const int file = create_temp(fan, temp);
    if (file < 0)
        return errno;
    int error = write_all(file, bytes, size);
    if (close(file) != 0 && !error)
        error = errno;
    if (!error && renameat(fan, temp, fan, name) != 0)
        error = errno;
    if (error)
        unlinkat(fan, temp, 0);
    return error;
}

/* Another process may clear or move the folder at any time: that is no reason to give up. */
static bool is_passing(int error) { return error == ENOENT || error == ESTALE || error == EBUSY || error == EINTR; }

void disk_write(CacheDisk *disk, const Key *key, const char *key_text, const uint8_t *object, size_t object_size) {
    if (!disk->folder || !atomic_load(&disk->writable))
        return;
    const Names    names = names_of(key);
    size_t         size;
    const int      fan = open_fan(disk, &names, true);
    int            error = fan < 0 ? errno : 0;
    uint8_t *const bytes = fan < 0 ? NULL : layout(key_text, object, object_size, &size);
    if (bytes)
        error = write_entry(fan, names.entry, bytes, size);
    if (error && !is_passing(error)) {
        disk_warn(disk, "cannot be written", error);
        atomic_store(&disk->writable, false);
    }
    free(bytes);
    if (fan >= 0)
        close(fan);
}

void disk_try(CacheDisk *disk) {
    char      name[64];
    const int top = disk_open_top(disk, true), file = top < 0 ? -1 : create_temp(top, name);
    if (top >= 0 && file < 0) {
        disk_warn(disk, "cannot be written", errno);
        atomic_store(&disk->writable, false);
    }
    if (file >= 0) {
        close(file);
        unlinkat(top, name, 0);
    }
    if (top >= 0)
        close(top);
}

/* ---- Locking ------------------------------------------------------------------------------------------------------
 */
int disk_lock(CacheDisk *disk, const Key *key, int timeout_ms) {
    const Names names = names_of(key);
    if (!disk->folder || !atomic_load(&disk->writable))
        return -1;
    const int fan = open_fan(disk, &names, true);
    if (fan < 0)
        return -1;
    const int file = openat(fan, DISK_LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    close(fan);
    const int64_t end = milliseconds_now() + timeout_ms;
    for (int64_t pause = 1; file >= 0; pause = pause < 16 ? 2 * pause : 16) {
        if (flock(file, LOCK_EX | LOCK_NB) == 0)
            return file;
        if ((errno != EWOULDBLOCK && errno != EINTR) || milliseconds_now() >= end)
            break;
        nanosleep(&(struct timespec){.tv_nsec = pause * 1000000}, NULL);
    }
    if (file >= 0)
        close(file);
    return -1;
}
