/* link: rattan_frontend rattan_base */
/* wraps: clock_gettime */
/* The child process that evaluates specs: what it cannot do, what becomes of one that misbehaves, and that the program
 * around it is not disturbed, whatever its threads, signals, descriptors and limits are. */
#include "tests/spec_helper.h"

#include "base/clock.h"
#include "frontend/sandbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a clock that can hurry ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

static int     hurry = 1; /* its seconds in one */
static int64_t hurries_from;

static int64_t nanoseconds(const struct timespec *time) { return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec; }

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    const int result = __real_clock_gettime(clock, time);
    if (hurry > 1) {
        const int64_t now = hurries_from + hurry * (nanoseconds(time) - hurries_from);
        *time = (struct timespec){now / 1000000000, now % 1000000000};
    }
    return result;
}

static void set_hurry(int seconds) {
    struct timespec now;
    hurry = 1;
    __real_clock_gettime(CLOCK_MONOTONIC, &now);
    hurries_from = nanoseconds(&now);
    hurry = seconds;
}

/* ---- children that misbehave ---- */

typedef struct Child {
    SandboxFn  *fn;
    const char *reply;
    size_t      length;
} Child;

static Status run_in_ctx(Ctx *ctx, void *arg) {
    Child *child = arg;
    return sandbox_run(ctx, "place", child->fn, NULL, &child->reply, &child->length);
}

static void expect_child(SandboxFn *fn, Status status, const char *expected) {
    Ctx   ctx;
    Child child = {.fn = fn};
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, run_in_ctx, &child), status);
    if (status == ST_OK)
        assert_string_equal(child.reply, expected);
    else if (!strstr(ctx.message, expected))
        fail_msg("\"%s\" does not say \"%s\"", ctx.message, expected);
    ctx_free(&ctx);
}

static void answers(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg;
    text_add(reply, "an answer");
}

static void faults(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg, (void)reply;
    raise(SIGSEGV);
}

static void exits(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg, (void)reply;
    _exit(0);
}

static void sleeps(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg, (void)reply;
    for (;;)
        pause();
}

static void computes(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg, (void)reply;
    for (volatile unsigned i = 0;; i = i + 1)
        ;
}

static void hoards(Ctx *ctx, void *arg, Text *reply) {
    (void)arg, (void)reply;
    ctx_alloc(ctx, SANDBOX_ARENA);
}

static void lies(Ctx *ctx, void *arg, Text *reply) {
    const uint64_t length = UINT64_MAX; /* of an answer to come */
    if (write(3, &length, sizeof length) != sizeof length)
        _exit(1);
    sleeps(ctx, arg, reply);
}

static void closes(Ctx *ctx, void *arg, Text *reply) {
    close(3);
    sleeps(ctx, arg, reply);
}

static void test_bad_children(void **state) {
    (void)state;
    expect_child(answers, ST_OK, "an answer");
    expect_child(faults, ST_FAILED, "was ended by signal 11");
    expect_child(exits, ST_FAILED, "ended without an answer");
    expect_child(hoards, ST_FAILED, "ended without an answer");
    expect_child(lies, ST_FAILED, "said more than 64 MB");
    const double start = seconds_now();
    set_hurry(20);
    expect_child(closes, ST_USAGE, "took longer than 10 s");
    assert_true(seconds_now() - start >= 10); /* of that clock */
    set_hurry(1);
}

static double children_seconds(void) { /* of processor time */
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

/* Either limit ends it: a busy machine may not give it its second of processor time within the 10 s. */
static void test_child_without_end(void **state) {
    (void)state;
    Ctx          ctx;
    Child        child = {.fn = computes};
    const double before = children_seconds();
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, run_in_ctx, &child), ST_USAGE);
    const double      had = children_seconds() - before;
    const char *const limit = had > 0.9 ? "took longer than 1 s of processor time" : "took longer than 10 s";
    assert_true(had < 2);
    if (!strstr(ctx.message, limit))
        fail_msg("\"%s\" does not say \"%s\" after %.2f s", ctx.message, limit, had);
    ctx_free(&ctx);
}

/* Open descriptors, bytes it may write to a file, bytes of a core dump. */
static void reports(Ctx *ctx, void *arg, Text *reply) {
    (void)ctx, (void)arg;
    struct rlimit core = {1, 1}, size = {1, 1};
    int           open_count = 0;
    for (int fd = 0; fd < 1024; fd++)
        open_count += fcntl(fd, F_GETFD) >= 0;
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_FSIZE, &size);
    text_add(reply, "%d %d %d", open_count, (int)size.rlim_max, (int)core.rlim_max);
}

static void test_child_has_nothing(void **state) {
    (void)state;
    const int one = open("/dev/null", O_RDONLY), other = fcntl(one, F_DUPFD, 700);
    expect_child(reports, ST_OK, "1 0 0"); /* the pipe */
    close(one);
    close(other);
}

/* ---- a program that is not disturbed ---- */

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_nothing_is_left(void **state) {
    (void)state;
    const int before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(load_bytes(good, strlen(good)), ST_OK);
        assert_int_equal(load_bytes("while true do end", 17), ST_USAGE);
    }
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, not even a dead one */
}

static void *load_often(void *arg) {
    for (int i = 0; i < 40; i++)
        if (load_bytes(good, strlen(good)) != ST_OK)
            *(int *)arg = 1;
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    int       failed[4] = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_often, &failed[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

static void on_signal(int number) { (void)number; }

/* A program may ignore SIGCHLD, so that the kernel reaps the child, or be interrupted all the time. */
static void test_signals_of_the_program(void **state) {
    (void)state;
    struct sigaction       ignore = {.sa_handler = SIG_IGN}, handle = {.sa_handler = on_signal}, old_child, old_alarm;
    const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGCHLD, &ignore, &old_child);
    sigaction(SIGALRM, &handle, &old_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(load_bytes(good, strlen(good)), ST_OK);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old_alarm, NULL);
    sigaction(SIGCHLD, &old_child, NULL);
}

/* Runs fn in a process of its own, whose limits may be spoilt; returns what it returns. */
static int in_process(int (*fn)(void)) {
    const pid_t child = fork();
    int         ending = 0;
    if (child == 0)
        _exit(fn());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &ending, 0), child);
    assert_true(WIFEXITED(ending));
    return WEXITSTATUS(ending);
}

static int load_without_processes(void) {
    const struct rlimit none = {0, 0};
    if (geteuid() == 0 && setuid(65534) != 0)
        return 77;
    if (setrlimit(RLIMIT_NPROC, &none) != 0)
        return 77;
    Ctx      ctx;
    SpecFile file;
    load_spec(&ctx, "x.lua", good, strlen(good), &file);
    return ctx.status == ST_FAILED && strstr(ctx.message, "no process to evaluate the spec") ? 0 : 1;
}

static int load_without_descriptors(void) {
    const struct rlimit few = {4, 4};
    setrlimit(RLIMIT_NOFILE, &few);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    Ctx      ctx;
    SpecFile file;
    load_spec(&ctx, "x.lua", good, strlen(good), &file);
    return ctx.status == ST_FAILED && strstr(ctx.message, "no pipe") ? 0 : 1;
}

static void test_no_resources(void **state) {
    (void)state;
    const int processes = in_process(load_without_processes);
    assert_true(processes == 0 || processes == 77);
    assert_int_equal(in_process(load_without_descriptors), 0);
}

/* With every standard descriptor closed, the pipe's ends are 0 and 1. */
static int load_without_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    Ctx      ctx;
    SpecFile file;
    return load_spec(&ctx, "x.lua", good, strlen(good), &file) == ST_OK ? 0 : 1;
}

static void test_closed_descriptors(void **state) {
    (void)state;
    assert_int_equal(in_process(load_without_standard_descriptors), 0);
}

static void test_load_is_fast(void **state) {
    (void)state;
    double best = 1;
    for (int i = 0; i < 1000 && best > 5e-3; i++) { /* on a busy machine the first ones may take longer */
        const double start = seconds_now();
        assert_int_equal(load_bytes(good, strlen(good)), ST_OK);
        best = fmin(best, seconds_now() - start);
    }
    if (!getenv("RATTAN_SANITIZED") && best > 5e-3)
        fail_msg("the fastest of 1000 loads took %.1f ms, more than 5 ms", best * 1e3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_children),           cmocka_unit_test(test_child_without_end),
        cmocka_unit_test(test_child_has_nothing),
        cmocka_unit_test(test_nothing_is_left),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_signals_of_the_program), cmocka_unit_test(test_no_resources),
        cmocka_unit_test(test_closed_descriptors),     cmocka_unit_test(test_load_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
