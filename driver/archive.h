/* An ar archive with the index that linkers want: the same bytes for the same members. */
#ifndef RATTAN_DRIVER_ARCHIVE_H
#define RATTAN_DRIVER_ARCHIVE_H

#include "base/ctx.h"

/* One member, an object, and the names of the functions it defines. Arena. */
void archive_write(Ctx *ctx, const char *member, const uint8_t *object, size_t object_size, const char *const *symbols,
                   int symbol_count, uint8_t **bytes, size_t *size);

#endif
