/* Pool: threads that share out the items of one job at a time. */
#ifndef RATTAN_RUNTIME_POOL_H
#define RATTAN_RUNTIME_POOL_H

#include "base/ctx.h"

typedef struct Pool Pool;

/* threads <= 0: RATTAN_NUM_THREADS, else the cores this process may use. The threads start with pool_start, else
 * with the first job. */
Status pool_create(Ctx *ctx, int threads, Pool **pool);
void   pool_destroy(Pool *pool); /* no job may be running */
int    pool_threads(const Pool *pool);
/* The threads that a pool made with this number would have; and the cores this process may use. */
int pool_threads_for(int threads);
int pool_usable_cores(void);

/* Starts the threads, where this process has not yet: jobs then make none. Safe from several threads at once. */
void pool_start(Pool *pool);

/* `thread` is below pool_threads(), and no two running calls of one job have the same: an index into scratch memory. */
typedef void PoolItem(void *arg, int64_t item, int thread);

/* Calls item(arg, i, thread) once for each i in 0 .. items - 1, in any order, the calling thread taking part, and returns
 * when all are done. Any thread may call, also from inside an item: while the pool is busy with another job the caller
 * works through its own alone. In a child of fork() the threads are started anew. */
void pool_run(Pool *pool, PoolItem *item, void *arg, int64_t items);

#endif
