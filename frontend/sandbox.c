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

#include "base/clock.h"

enum {
    CPU_SECONDS = 1,
    WALL_SECONDS = 10, /* a busy machine may take its time over one second of work */
    MEMORY_BYTES = 512 * 1024 * 1024, /* beyond what the program had */
    MAX_REPLY = 64 * 1024 * 1024,
    PIPE_FD = 3,
};

#if defined(__SANITIZE_ADDRESS__)
#define SHADOW_MEMORY 1 /* AddressSanitizer reserves terabytes of address space: no limit on it */
#else
#define SHADOW_MEMORY 0
#endif

static void limit(int resource, rlim_t value, rlim_t most) {
    struct rlimit old;
    if (getrlimit((__rlimit_resource_t)resource, &old) == 0 && most > old.rlim_max)
        most = old.rlim_max; /* RLIM_INFINITY is the largest number */
    const struct rlimit now = {value < most ? value : most, most};
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
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1); /* SIGXCPU; SIGKILL if that is ignored */
    limit(RLIMIT_FSIZE, 0, 0);
    limit(RLIMIT_NPROC, 0, 0);
    const rlim_t bytes = pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_BYTES;
    if (!SHADOW_MEMORY && pages)
        limit(RLIMIT_AS, bytes, bytes);
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
    ctx->limit = ctx->used + 1; /* no malloc; 0 would mean no limit */
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

/* Reads exactly `length` bytes; false: the pipe ended or the time is over. */
static bool read_all(int fd, char *bytes, size_t length, int64_t deadline) {
    while (length > 0) {
        struct pollfd ready = {fd, POLLIN, 0};
        const int64_t left = deadline - milliseconds_now();
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

/* Waits for the child until the deadline, then ends it. False: its end is not known, because the program reaps all
 * children or ignores SIGCHLD. */
static bool reap(pid_t child, int64_t deadline, int *ending) {
    const struct timespec pause = {0, 1000000};
    pid_t                 got = 0;
    while (got == 0 && milliseconds_now() < deadline) {
        got = waitpid(child, ending, WNOHANG);
        if (got == 0)
            nanosleep(&pause, NULL);
    }
    if (got == 0)
        kill(child, SIGKILL);
    while (got == 0 || (got < 0 && errno == EINTR))
        got = waitpid(child, ending, 0);
    return got == child;
}

static Status no_answer(Ctx *ctx, const char *place, bool known, int ending, bool late) {
    static const char *const remedy = "a spec is data: look for a loop that does not end";
    if (late)
        return ctx_fail(ctx, ST_USAGE, place, remedy, "evaluating the spec took longer than %d s", WALL_SECONDS);
    if (known && WIFSIGNALED(ending) && WTERMSIG(ending) == SIGXCPU)
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

typedef struct Answer {
    char    *bytes; /* malloc'd: an arena that is full may unwind past a close(); NULL: none came */
    uint64_t length;
    bool     no_memory; /* for it, in this process */
} Answer;

static Answer take_answer(int fd, int64_t deadline) {
    Answer answer = {NULL, 0, false};
    if (!read_all(fd, (char *)&answer.length, sizeof answer.length, deadline) || answer.length > MAX_REPLY)
        return answer;
    char *memory = malloc((size_t)answer.length + 1);
    answer.no_memory = !memory;
    if (memory && read_all(fd, memory, (size_t)answer.length, deadline))
        answer.bytes = memory;
    else
        free(memory);
    return answer;
}

/* Closes fd and sees the child out. */
static Status listen_to(Ctx *ctx, const char *place, pid_t child, int fd, Answer *answer) {
    const int64_t deadline = milliseconds_now() + WALL_SECONDS * 1000;
    int           ending = 0;
    *answer = take_answer(fd, deadline);
    close(fd);
    const bool excess = answer->length > MAX_REPLY, over = answer->bytes || answer->no_memory || excess;
    const bool known = reap(child, over ? 0 : deadline, &ending); /* it has nothing more to say */
    if (answer->no_memory)
        return ctx_fail(ctx, ST_NO_MEMORY, place, NULL, "out of memory");
    if (excess)
        return ctx_fail(ctx, ST_FAILED, place, NULL, "the process that evaluated the spec said more than %d MB",
                        MAX_REPLY >> 20);
    return answer->bytes ? ST_OK : no_answer(ctx, place, known, ending, milliseconds_now() >= deadline);
}

typedef struct Copy {
    const Answer *answer;
    const char  **reply;
} Copy;

static Status copy_answer(Ctx *ctx, void *arg) {
    const Copy *copy = arg;
    char       *memory = ctx_alloc(ctx, (size_t)copy->answer->length + 1);
    memcpy(memory, copy->answer->bytes, (size_t)copy->answer->length);
    *copy->reply = memory;
    return ST_OK;
}

Status sandbox_run(Ctx *ctx, const char *place, SandboxFn *fn, void *arg, const char **reply, size_t *length) {
    int    ends[2];
    Answer answer;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ctx_fail(ctx, ST_FAILED, place, "close some files", "no pipe to evaluate the spec: %s", strerror(errno));
    const pid_t child = fork_quietly(ctx, ends, fn, arg);
    const int   error = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return ctx_fail(ctx, ST_FAILED, place, "a spec is evaluated in a process of its own: allow one more",
                        "no process to evaluate the spec: %s", strerror(error));
    }
    TRY(listen_to(ctx, place, child, ends[0], &answer));
    *length = (size_t)answer.length;
    const Status status = ctx_run(ctx, copy_answer, &(Copy){&answer, reply});
    free(answer.bytes);
    return status;
}
