/* A small thread pool with low latency.
 *
 * In:  jobs: a function, its argument and a number of items.
 * Out: each item done once. The caller works too, and waits for nobody who has not yet begun: a thread that wakes late
 *      finds the job closed and goes back to sleep.
 * Always: one 64-bit word, `state`, says which job is open and how many threads have joined it, so that joining and
 *      closing cannot race. Its parts: bit 0 open, bits 1..15 threads that joined, the rest the job's number.
 *
 * A thread without work looks at the word for some microseconds, since kernels often follow each other closely, and
 * then sleeps on a futex. The job's fields are plain: they are written while no thread can join, and published by the
 * word. */
#include "runtime/pool.h"

#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 1024, SPIN_NANOSECONDS = 30000 };

#define OPEN UINT64_C(1)
#define ONE_JOINED UINT64_C(2)
#define JOB_SHIFT 16
#define JOINED(state) ((int)((state) >> 1 & 0x7FFF))
#define JOB(state) ((state) >> JOB_SHIFT)

struct Pool {
    int         threads, workers; /* workers: started, at most threads - 1 */
    bool        spin;             /* off where there are more threads than cores */
    pthread_t   handles[MAX_THREADS];
    pid_t       pid;  /* whose threads `handles` are; 0: not started */
    atomic_int  busy; /* 0, or the process whose caller has the pool */
    atomic_bool stop;

    _Alignas(64) atomic_uint_fast64_t state;
    atomic_uint posts; /* futex: changes with each job, and to stop */
    atomic_int  sleepers;
    _Alignas(64) atomic_int_fast64_t next; /* item to hand out */
    _Alignas(64) atomic_uint finished;     /* futex: threads that joined the job and are through */
    atomic_bool caller_sleeps;

    PoolItem *item;
    void     *arg;
    int64_t   items;
    fenv_t    rounding; /* the caller's, for all: results do not depend on who does an item */
};

static void futex_wait(atomic_uint *word, unsigned seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void relax(void) {
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int pool_usable_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int pool_threads_for(int threads) {
    if (threads <= 0) {
        const char *text = getenv("RATTAN_NUM_THREADS");
        const long  value = text ? strtol(text, NULL, 10) : 0;
        threads = value > 0 && value <= MAX_THREADS ? (int)value : pool_usable_cores();
    }
    return threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

/* ---- The threads ------------------------------------------------------------------------------------------------- */
static void take_items(Pool *pool, int thread) {
    for (;;) {
        const int64_t item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (item >= pool->items)
            return;
        pool->item(pool->arg, item, thread);
    }
}

/* Joins the open job, if it is not the one numbered `last`; returns the thread's index in it, or 0. */
static int join_job(Pool *pool, uint64_t last, uint64_t *job) {
    uint_fast64_t state = atomic_load(&pool->state);
    while (state & OPEN && JOB(state) != last)
        if (atomic_compare_exchange_weak(&pool->state, &state, state + ONE_JOINED)) {
            *job = JOB(state);
            return JOINED(state) + 1;
        }
    return 0;
}

static void leave_job(Pool *pool) {
    atomic_fetch_add(&pool->finished, 1);
    if (atomic_load(&pool->caller_sleeps))
        futex_wake(&pool->finished, 1);
}

/* Until `posts` differs from `seen`: first looking, then asleep. */
static void wait_for_post(Pool *pool, unsigned seen) {
    for (const int64_t start = now_ns(); pool->spin && now_ns() - start < SPIN_NANOSECONDS;)
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(&pool->posts, memory_order_acquire) != seen)
                return;
            relax();
        }
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->posts) == seen)
        futex_wait(&pool->posts, seen);
    atomic_fetch_sub(&pool->sleepers, 1);
}

static void *work(void *data) {
    Pool    *pool = data;
    uint64_t last = 0;
    for (;;) {
        /* In this order: a stop that comes after the look at `stop` changes `posts` after the look at that. */
        const unsigned seen = atomic_load(&pool->posts);
        if (atomic_load(&pool->stop))
            return NULL;
        const int thread = join_job(pool, last, &last);
        if (thread) {
            fesetenv(&pool->rounding);
            take_items(pool, thread);
            leave_job(pool);
        } else {
            wait_for_post(pool, seen);
        }
    }
}

/* Starts the threads, in this process for the first time: what a fork() left behind of them, and of a job that was open then,
 * is forgotten. Fewer than wanted is no error. Signals are the application's threads' affair. */
static void start_workers(Pool *pool, pid_t pid) {
    sigset_t all, before;
    pool->pid = pid;
    pool->workers = 0;
    atomic_store(&pool->sleepers, 0);
    atomic_store(&pool->state, JOB(atomic_load(&pool->state)) << JOB_SHIFT);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->workers < pool->threads - 1 && pthread_create(&pool->handles[pool->workers], NULL, work, pool) == 0)
        pool->workers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- The caller -------------------------------------------------------------------------------------------------- */
static void open_job(Pool *pool, PoolItem *item, void *arg, int64_t items) {
    pool->item = item;
    pool->arg = arg;
    pool->items = items;
    fegetenv(&pool->rounding);
    atomic_store(&pool->finished, 0);
    atomic_store(&pool->next, 0);
    const uint64_t job = JOB(atomic_load(&pool->state)) + 1;
    atomic_store(&pool->state, job << JOB_SHIFT | OPEN);
    atomic_fetch_add(&pool->posts, 1);
    if (atomic_load(&pool->sleepers) > 0)
        futex_wake(&pool->posts, items - 1 < INT_MAX ? (int)(items - 1) : INT_MAX);
}

/* No thread can join any more; waits for those that did. */
static void close_job(Pool *pool) {
    const unsigned joined = (unsigned)JOINED(atomic_fetch_and(&pool->state, ~OPEN));
    for (const int64_t start = now_ns(); now_ns() - start < SPIN_NANOSECONDS;)
        for (int i = 0; i < 16; i++) {
            if (atomic_load(&pool->finished) == joined)
                return;
            relax();
        }
    atomic_store(&pool->caller_sleeps, true);
    for (unsigned finished; (finished = atomic_load(&pool->finished)) != joined;)
        futex_wait(&pool->finished, finished);
    atomic_store(&pool->caller_sleeps, false);
}

/* The pool for this caller alone. A holder that a fork() has left in another process does not count. */
static bool acquire(Pool *pool, pid_t pid) {
    int holder = atomic_load(&pool->busy);
    return holder != pid && atomic_compare_exchange_strong(&pool->busy, &holder, pid);
}

void pool_start(Pool *pool) {
    const pid_t pid = getpid();
    if (pool->threads == 1 || !acquire(pool, pid)) /* whoever has it has started them */
        return;
    if (pool->pid != pid)
        start_workers(pool, pid);
    atomic_store(&pool->busy, 0);
}

void pool_run(Pool *pool, PoolItem *item, void *arg, int64_t items) {
    const pid_t pid = items > 1 && pool->threads > 1 ? getpid() : 0;
    if (pid == 0 || !acquire(pool, pid)) {
        for (int64_t i = 0; i < items; i++)
            item(arg, i, 0);
        return;
    }
    if (pool->pid != pid)
        start_workers(pool, pid);
    open_job(pool, item, arg, items);
    take_items(pool, 0);
    close_job(pool);
    atomic_store(&pool->busy, 0);
}

Status pool_create(Ctx *ctx, int threads, Pool **out) {
    Pool *pool = aligned_alloc(64, (sizeof *pool + 63) / 64 * 64);
    if (!pool)
        return ctx_fail(ctx, ST_NO_MEMORY, "threads", NULL, "out of memory");
    memset(pool, 0, sizeof *pool);
    pool->threads = pool_threads_for(threads);
    pool->spin = pool->threads <= pool_usable_cores();
    *out = pool;
    return ST_OK;
}

void pool_destroy(Pool *pool) {
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->posts, 1);
    futex_wake(&pool->posts, INT_MAX);
    for (int i = 0; pool->pid == getpid() && i < pool->workers; i++)
        pthread_join(pool->handles[i], NULL);
    free(pool);
}

int pool_threads(const Pool *pool) { return pool->threads; }
