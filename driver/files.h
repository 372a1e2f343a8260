/* Whole files in and out: a file that we write is there completely or not at all. */
#ifndef RATTAN_DRIVER_FILES_H
#define RATTAN_DRIVER_FILES_H

#include <signal.h>

#include "base/ctx.h"

/* The whole file, terminated by a zero that *size does not count; arena. `limit`: the most bytes it may have. */
Status file_read(Ctx *ctx, const char *path, size_t limit, char **bytes, size_t *size);

typedef struct Part {
    const void *bytes;
    size_t      size;
} Part;

/* Part of a name that no other thread, process or container that shares the folder comes to. */
enum { FILE_MARK = 17 };
void file_mark(char mark[FILE_MARK]);

/* Writes the parts one after the other to a temporary name beside `path`, syncs and renames it. A device or pipe is written
 * to as it is: a rename would put a file in its place. */
Status file_write(Ctx *ctx, const char *path, const Part *parts, int count);

/* All of the bytes to an open file; false: errno says why not, or nothing more could be written. */
bool file_write_all(int file, const void *bytes, size_t size);

/* Makes the folder if it is not there; its parent must be. */
Status folder_make(Ctx *ctx, const char *path);
/* A new one below $TMPDIR, else /tmp, that is the user's alone: "rattan-STEM-" and what nobody else has. */
Status folder_temporary(Ctx *ctx, const char *stem, const char **path);
bool   path_is_folder(const char *path);
bool   path_is_special(const char *path); /* a device, pipe or socket */

/* Between the two, signals that end the process wait: for work that cleans up behind itself. */
void interrupts_hold(sigset_t *before);
void interrupts_release(const sigset_t *before);

/* SIGINT ends the process with exit code 130 and removes the temporary file being written; SIGXFSZ does nothing. */
void interrupts_install(void);

#endif
