/* What this machine can do at most, measured: fused multiply-adds on registers alone, and reading memory. */
#ifndef RATTAN_DRIVER_CEILINGS_H
#define RATTAN_DRIVER_CEILINGS_H

#include "runtime/executable.h"
#include "runtime/pool.h"

/* Bytes of the last-level cache; a guess of 32 MiB where the system does not say. */
int64_t cache_bytes(void);

/* Threads of the pool running FMAs on registers for some milliseconds. Returns flops a second (2 an FMA). */
double ceiling_fma(Pool *pool);

/* Cycles a second of a core that runs nothing else, by additions that wait for one another and take a cycle each; 0 where that
 * cannot be told. Takes some milliseconds. */
double ceiling_clock(void);

/* Memory to read through: several times the last-level cache. */
typedef struct ReadBuffer {
    float  *data;
    int64_t bytes;
} ReadBuffer;

void read_buffer_new(Ctx *ctx, ReadBuffer *buffer);
/* Reads it once, all threads, and so also empties the caches of anything else. Returns bytes a second. */
double ceiling_read(Pool *pool, const ReadBuffer *buffer);

#endif
