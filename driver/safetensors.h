/* safetensors files: 8 bytes of header length, a JSON header, the tensors' bytes one after the other.
 * A reader's file may come from anyone: every length is checked before it is used, nothing is mapped. */
#ifndef RATTAN_DRIVER_SAFETENSORS_H
#define RATTAN_DRIVER_SAFETENSORS_H

#include "driver/tensor_set.h"

typedef struct MetaEntry {
    const char *key, *value;
} MetaEntry;

typedef struct SafeFile {
    TensorSet  tensors;
    MetaEntry *meta;
    int        meta_count;
} SafeFile;

/* Damage (truncated, overlapping, lengths that do not fit, bad JSON) is ST_INTEGRITY; a tensor that is well formed but
 * of a type or rank that we cannot hold is ST_USAGE. All of it is in the arena. */
Status      safetensors_read(Ctx *ctx, const char *path, SafeFile *out);
const char *safetensors_meta(const SafeFile *file, const char *key); /* NULL where absent */

Status safetensors_write(Ctx *ctx, const char *path, const SafeFile *file);

#endif
