/* The child process that evaluates specs: see sandbox.h.
 *
 * The answer travels through a pipe as its length in 8 bytes and then its bytes; the parent stops at that length,
 * because another thread's fork may hold the pipe open beyond the child's end. The child makes async-signal-safe calls
 * only, mmap counted among them, and none to malloc: it works wherever the threads of the parent were at the fork, and
 * with any malloc. */
#include "frontend/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CPU_SECONDS = 1,
    WALL_SECONDS = 5,
    MEMORY_BYTES = 512 * 1024 * 1024, /* beyond what the program had */
    MAX_REPLY = 64 * 1024 * 1024,
    PIPE_FD = 3,
};

#if defined(__SANITIZE_ADDRESS__)
#define SHADOW_MEMORY 1 /* AddressSanitizer reserves terabytes of address space: no limit on it */
#else
#define SHADOW_MEMORY 0
#endif

static void limit(int resource, rlim_t value) {
    struct rlimit old;
    if (getrlimit((__rlimit_resource_t)resource, &old) == 0 && old.rlim_max != RLIM_INFINITY && value > old.rlim_max)
        value = old.rlim_max;
    const struct rlimit now = {value, value};
    setrlimit((__rlimit_resource_t)resource, &now);
}

/* Pages of address space now: the first number of /proc/self/statm; 0 where that cannot be read. */
static rlim_t pages_held(void) {
    char      digits[32] = {0};
    rlim_t    pages = 0;
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t length = read(fd, digits, sizeof digits - 1);
    for (ssize_t i = 0; i < length && digits[i] >= '0' && digits[i] <= '9'; i++)
        pages = pages * 10 + (rlim_t)(digits[i] - '0');
    close(fd);
    return pages;
}

static void limit_resources(void) {
    const rlim_t pages = pages_held();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, CPU_SECONDS);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    if (!SHADOW_MEMORY && pages)
        limit(RLIMIT_AS, pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_BYTES);
}

/* Keeps the pipe alone, as PIPE_FD. */
static void close_descriptors(int pipe_end) {
    if (pipe_end != PIPE_FD)
        dup2(pipe_end, PIPE_FD);
    for (int fd = 0; fd < PIPE_FD; fd++)
        close(fd);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, PIPE_FD + 1, ~0U, 0) == 0)
        return;
#endif
    const long last = sysconf(_SC_OPEN_MAX);
    for (int fd = PIPE_FD + 1; fd < (last > 0 ? last : 1024); fd++)
        close(fd);
}

/* The program's handlers have no business here: a fault or a limit ends the child. */
static void reset_signals(void) {
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t         none;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool write_all(const char *bytes, size_t length) {
    while (length > 0) {
        const ssize_t count = write(PIPE_FD, bytes, length);
        if (count < 0 && errno != EINTR)
            return false;
        bytes += count > 0 ? count : 0;
        length -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

typedef struct Job {
    SandboxFn *fn;
    void      *arg;
    Text       reply;
} Job;

static Status run_job(Ctx *ctx, void *arg) {
    Job *const job = arg;
    job->fn(ctx, job->arg, &job->reply);
    return ST_OK;
}

static Status lend_memory(Ctx *ctx) {
    void *memory =
        mmap(NULL, SANDBOX_ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return ST_NO_MEMORY;
    ctx_lend(ctx, memory, SANDBOX_ARENA);
    ctx->limit = ctx->used;
    return ST_OK;
}

static _Noreturn void child_main(Ctx *ctx, int pipe_end, SandboxFn *fn, void *arg) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    limit_resources();
    close_descriptors(pipe_end);
    reset_signals();
    Job job = {fn, arg, TEXT(ctx)};
    if (lend_memory(ctx) != ST_OK || ctx_run(ctx, run_job, &job) != ST_OK)
        _exit(1);
    const uint64_t length = job.reply.length;
    const bool sent = write_all((const char *)&length, sizeof length) && write_all(job.reply.data, job.reply.length);
    _exit(sent ? 0 : 1);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads exactly `length` bytes; false: the pipe ended or the time is over. */
static bool read_all(int fd, char *bytes, size_t length, int64_t deadline) {
    while (length > 0) {
        struct pollfd ready = {fd, POLLIN, 0};
        const int64_t left = deadline - milliseconds();
        const int     count = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        if (count < 0)
            continue;
        const ssize_t got = read(fd, bytes, length);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        bytes += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Waits for the child; false: its end is not known, because the program reaps all children or ignores SIGCHLD. */
static bool reap(pid_t child, int *ending) {
    pid_t got;
    do
        got = waitpid(child, ending, 0);
    while (got < 0 && errno == EINTR);
    return got == child;
}

static Status no_answer(Ctx *ctx, const char *place, bool known, int ending, bool late) {
    static const char *const remedy = "a spec is data: look for a loop that does not end";
    if (late)
        return ctx_fail(ctx, ST_USAGE, place, remedy, "evaluating the spec took longer than %d s", WALL_SECONDS);
    if (known && WIFSIGNALED(ending) && (WTERMSIG(ending) == SIGXCPU || WTERMSIG(ending) == SIGKILL))
        return ctx_fail(ctx, ST_USAGE, place, remedy, "evaluating the spec took longer than %d s of processor time",
                        CPU_SECONDS);
    if (known && WIFSIGNALED(ending))
        return ctx_fail(ctx, ST_FAILED, place, NULL, "the process that evaluated the spec was ended by signal %d (%s)",
                        WTERMSIG(ending), strsignal(WTERMSIG(ending)));
    return ctx_fail(ctx, ST_FAILED, place, NULL, "the process that evaluated the spec ended without an answer");
}

static pid_t fork_quietly(Ctx *ctx, const int ends[2], SandboxFn *fn, void *arg) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler of the program runs in the child */
    const pid_t child = fork();
    if (child == 0)
        child_main(ctx, ends[1], fn, arg);
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return child;
}

/* Takes the answer; *bytes is NULL without one. The memory is malloc'd: an arena that is full may unwind past a
 * close(). */
static void take_reply(int fd, int64_t deadline, char **bytes, uint64_t *length) {
    *bytes = NULL;
    if (!read_all(fd, (char *)length, sizeof *length, deadline) || *length > MAX_REPLY)
        return;
    char *memory = malloc((size_t)*length + 1);
    if (memory && read_all(fd, memory, (size_t)*length, deadline))
        *bytes = memory;
    else
        free(memory);
}

Status sandbox_run(Ctx *ctx, const char *place, SandboxFn *fn, void *arg, const char **reply, size_t *length) {
    int      ends[2], ending = 0;
    char    *bytes;
    uint64_t count = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ctx_fail(ctx, ST_FAILED, place, "close some files", "no pipe to evaluate the spec: %s", strerror(errno));
    const pid_t   child = fork_quietly(ctx, ends, fn, arg);
    const int     error = errno;
    const int64_t deadline = milliseconds() + WALL_SECONDS * 1000;
    close(ends[1]);
    if (child > 0)
        take_reply(ends[0], deadline, &bytes, &count);
    close(ends[0]);
    if (child < 0)
        return ctx_fail(ctx, ST_FAILED, place, "a spec is evaluated in a process of its own: allow one more",
                        "no process to evaluate the spec: %s", strerror(error));
    const bool late = !bytes && milliseconds() >= deadline;
    if (bytes || late)
        kill(child, SIGKILL); /* it has nothing more to say */
    const bool known = reap(child, &ending);
    if (!bytes)
        return no_answer(ctx, place, known, ending, late);
    char *copy = ctx_alloc(ctx, (size_t)count + 1);
    memcpy(copy, bytes, (size_t)count);
    free(bytes);
    *reply = copy;
    *length = (size_t)count;
    return ST_OK;
}
