/* The tuner's child processes: see tune_farm.h. */
#include "driver/tune_farm.h"

#include "base/clock.h"
#include "driver/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_JOBS = 64, QUEUE = 64 };

/* How long a compiler, a check with the first run, and a run may take; of a run also so many times the default's. */
static const double BUILD_SECONDS = 180, READY_SECONDS = 90, RUN_SECONDS = 10, RUN_RATIO = 40, UNKNOWN_RATIO = 10;
/* At the end of a search what still runs may take that long, and twice what the default took to get ready; it hangs if it has had
 * ten times as long by then, else nothing is said of it. */
static const double LATE_SECONDS = 5, LATE_RATIO = 2, HANGS_RATIO = 10;
/* A candidate so much slower than the default, twice, is not timed again. */
static const double HOPELESS = 2;
enum { HOPELESS_AFTER = 2 };
/* How often progress is told, on a terminal and elsewhere. */
static const double REDRAW_SECONDS = 0.2, REPEAT_SECONDS = 60;

typedef enum JobState { JOB_QUEUED, JOB_BUILDING, JOB_BUILT } JobState;

/* A trial's processes. */
typedef struct Job {
    JobState    state;
    const char *schedule;
    int         file;    /* what the builder wrote; -1: none */
    pid_t       builder; /* 0: none */
    double      started;
    pid_t       runner; /* 0: none */
    int         commands, replies;
    TuneBuilt  *built; /* the same for all buckets; NULL: not kept */
} Job;

struct TuneFarm {
    Ctx              *ctx;
    TuneFarmOptions   options;
    const TuneSearch *search;
    TuneTrial        *queue[QUEUE]; /* announced, in order */
    int               queued;
    TuneTrial        *building[MOST_JOBS];
    int               building_count;
    double            until;  /* options.deadline, or sooner */
    double            usual;  /* seconds in which the default was checked; 0: it was not */
    bool              yields; /* compilers stand still while a kernel is timed */
    TuneFarmCounts    counts;
    double            drawn;
    bool              refuted; /* what an earlier run may have said against the default */
};

/* ---- Verdicts -------------------------------------------------------------------------------------------------------- */
static const char *schedule_of(TuneFarm *farm, const TuneTrial *trial) {
    return schedule_text(farm->ctx, &trial->schedule);
}

/* The default, which all are compared with, is tried anew whatever is known of it. Once it has run so often here, that it
 * once failed was a bad moment of the machine. */
static void refute_failure(TuneFarm *farm, const TuneTrial *trial) {
    if (farm->refuted || !farm->search || trial != farm->search->trials[0] || trial->verdict != VERDICT_RIGHT ||
        trial->count < TUNING_SAMPLES)
        return;
    farm->refuted = true;
    tuning_db_refute(farm->ctx, farm->options.db, &trial->summary);
}

/* A database that cannot be written is the farm's failure; the first one stays in ctx and stops the search. */
static void record(TuneFarm *farm, TuneTrial *trial) {
    TuningRecord *summary = &trial->summary;
    if (farm->ctx->status != ST_OK || trial->known || trial->killed || (trial->verdict == VERDICT_RIGHT && !trial->count))
        return;
    summary->key = *farm->options.key;
    summary->schedule = ((Job *)trial->of_objective)->schedule;
    summary->verdict = trial->verdict;
    summary->when = (int64_t)time(NULL);
    if (!summary->note)
        summary->note = "";
    refute_failure(farm, trial);
    if (farm->options.layer)
        tuning_db_put_of(farm->ctx, farm->options.db, summary, farm->options.layer);
    else
        tuning_db_put(farm->ctx, farm->options.db, summary);
}

static void condemn(TuneFarm *farm, TuneTrial *trial, TuningVerdict verdict, const char *note) {
    trial->verdict = verdict;
    trial->known = false;
    trial->summary = (TuningRecord){.note = ctx_strdup(farm->ctx, note)};
    farm->counts.failed++;
    record(farm, trial);
}

/* A process that a signal ended, when it was `doing` something. Nothing that a kernel does is SIGKILL, and the farm kills only
 * what it is done with: somebody else did, such as a machine that has no more memory. */
static void condemn_ended(TuneFarm *farm, TuneTrial *trial, const char *doing, int number) {
    trial->killed = number == SIGKILL;
    condemn(farm, trial, VERDICT_CRASHED,
            ctx_printf(farm->ctx, trial->killed ? "%swas killed (signal %d)" : "%sended with signal %d", doing, number));
}

/* ---- Processes ------------------------------------------------------------------------------------------------------- */
/* What is there from another bucket, or from before it was dismissed, need not be built. */
static void take_built(TuneFarm *farm, TuneTrial *trial) {
    Job *job = trial->of_objective;
    if (farm->options.builds)
        job->built = tune_builds_find(farm->options.builds, job->schedule, tune_ring_rows(farm->options.task));
    if (job->built && (job->file = fcntl(job->built->file, F_DUPFD_CLOEXEC, 0)) >= 0) {
        job->state = JOB_BUILT;
        tune_build_code(job->file, trial->code);
    }
}

static Job *job_of(TuneFarm *farm, TuneTrial *trial) {
    if (!trial->of_objective) {
        Job *job = NEW(farm->ctx, Job);
        *job = (Job){.schedule = schedule_of(farm, trial), .file = -1};
        trial->of_objective = job;
        take_built(farm, trial);
    }
    return trial->of_objective;
}

static void end_process(pid_t *pid) {
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    *pid = 0;
}

static void end_runner(Job *job) {
    if (job->runner) {
        end_process(&job->runner);
        close(job->commands);
        close(job->replies);
    }
}

static void end_job(TuneFarm *farm, TuneTrial *trial) {
    Job *job = trial->of_objective;
    end_runner(job);
    end_process(&job->builder);
    if (job->file >= 0)
        close(job->file);
    for (int b = 0; b < farm->building_count; b++)
        if (farm->building[b] == trial)
            farm->building[b--] = farm->building[--farm->building_count];
    for (int q = 0; q < farm->queued; q++)
        if (farm->queue[q] == trial) {
            memmove(&farm->queue[q], &farm->queue[q + 1], sizeof *farm->queue * (size_t)(--farm->queued - q));
            q--;
        }
    trial->of_objective = NULL;
}

static void start_builder(TuneFarm *farm, TuneTrial *trial) {
    Job *job = trial->of_objective;
    job->file = memfd_create("rattan-tune", MFD_CLOEXEC);
    job->started = seconds_now();
    job->state = JOB_BUILDING;
    fflush(NULL);
    job->builder = job->file < 0 ? -1 : fork();
    if (job->builder == 0)
        farm->options.build(farm->options.task, job->schedule, farm->search && trial == farm->search->trials[0], job->file);
    if (job->builder < 0) {
        job->builder = 0;
        ctx_fail(farm->ctx, ST_FAILED, "rattan tune", NULL, "cannot start a process: %s", strerror(errno));
        return;
    }
    farm->building[farm->building_count++] = trial;
}

/* The builder is gone: what did it leave? */
static void end_builder(TuneFarm *farm, TuneTrial *trial, int status) {
    Job *job = trial->of_objective;
    char note[200];
    job->builder = 0;
    job->state = JOB_BUILT;
    tune_build_note(job->file, note, sizeof note);
    tune_build_code(job->file, trial->code);
    if (WIFSIGNALED(status))
        condemn_ended(farm, trial, "compiling ", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        condemn(farm, trial, VERDICT_REFUSED, note);
    else if (farm->options.builds)
        job->built = tune_builds_keep(farm->options.builds, job->schedule, tune_ring_rows(farm->options.task), job->file);
}

static void check_builder(TuneFarm *farm, TuneTrial *trial) {
    Job      *job = trial->of_objective;
    int       status;
    const int found = waitpid(job->builder, &status, WNOHANG);
    if (found == job->builder) {
        end_builder(farm, trial, status);
    } else if (seconds_now() - job->started > BUILD_SECONDS) {
        end_process(&job->builder);
        job->state = JOB_BUILT;
        condemn(farm, trial, VERDICT_HUNG, "compiling did not end");
    }
}

/* Takes in what has been built and starts what waits. */
static void pump(TuneFarm *farm) {
    for (int b = 0; b < farm->building_count; b++) {
        TuneTrial *trial = farm->building[b];
        check_builder(farm, trial);
        if (((Job *)trial->of_objective)->state == JOB_BUILT)
            farm->building[b--] = farm->building[--farm->building_count];
    }
    while (farm->queued && farm->building_count < farm->options.jobs && farm->ctx->status == ST_OK) {
        TuneTrial *trial = farm->queue[0];
        memmove(&farm->queue[0], &farm->queue[1], sizeof *farm->queue * (size_t)--farm->queued);
        start_builder(farm, trial);
    }
}

static void signal_builders(TuneFarm *farm, int number) {
    for (int b = 0; farm->yields && b < farm->building_count; b++)
        kill(((Job *)farm->building[b]->of_objective)->builder, number);
}

static bool stop(void *arg) {
    const TuneFarm *farm = arg;
    return *farm->options.interrupted || farm->ctx->status != ST_OK || seconds_now() > farm->until;
}

static void wait_a_moment(void) { nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); }

static void announce(void *arg, TuneTrial *trial) {
    TuneFarm *farm = arg;
    Job      *job = job_of(farm, trial);
    if (job->file < 0 && farm->queued < QUEUE)
        farm->queue[farm->queued++] = trial;
    pump(farm);
}

/* Waits until the trial has been built; false where that failed or there is no more time. */
static bool build(TuneFarm *farm, TuneTrial *trial) {
    Job *job = job_of(farm, trial);
    bool waits = job->state != JOB_QUEUED;
    for (int q = 0; q < farm->queued; q++)
        waits = waits || farm->queue[q] == trial;
    if (!waits && !stop(farm))
        start_builder(farm, trial);
    while (job->state != JOB_BUILT && !stop(farm)) {
        pump(farm);
        if (job->state != JOB_BUILT)
            wait_a_moment();
    }
    return job->state == JOB_BUILT && trial->verdict == VERDICT_RIGHT;
}

/* ---- Talking to runners ---------------------------------------------------------------------------------------------- */
static bool start_runner(TuneFarm *farm, TuneTrial *trial, bool is_default) {
    Job *job = trial->of_objective;
    int  commands[2], replies[2];
    if (pipe2(commands, O_CLOEXEC) != 0 || pipe2(replies, O_CLOEXEC) != 0) {
        ctx_fail(farm->ctx, ST_FAILED, "rattan tune", NULL, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    fflush(NULL);
    job->runner = fork();
    if (job->runner == 0) {
        close(commands[1]);
        close(replies[0]);
        TuneTask task = *farm->options.task;
        task.checked_small = job->built && job->built->checked;
        farm->options.serve(&task, job->schedule, is_default, job->file, commands[0], replies[1]);
    }
    close(commands[0]);
    close(replies[1]);
    job->commands = commands[1];
    job->replies = replies[0];
    if (job->runner > 0)
        return true;
    job->runner = 0;
    close(job->commands);
    close(job->replies);
    ctx_fail(farm->ctx, ST_FAILED, "rattan tune", NULL, "cannot start a process: %s", strerror(errno));
    return false;
}

/* The runner has closed its end. */
static void judge_death(TuneFarm *farm, TuneTrial *trial) {
    Job  *job = trial->of_objective;
    int   status = 0;
    pid_t found;
    while ((found = waitpid(job->runner, &status, 0)) < 0 && errno == EINTR)
        ;
    job->runner = found == job->runner ? 0 : job->runner;
    if (WIFSIGNALED(status))
        condemn_ended(farm, trial, "", WTERMSIG(status));
    else
        condemn(farm, trial, VERDICT_CRASHED, "ended without a word");
    close(job->commands);
    close(job->replies);
    job->runner = 0;
}

static bool is_late(const TuneFarm *farm) {
    const double given = farm->options.late_seconds, least = given > 0 ? given : LATE_SECONDS, usual = LATE_RATIO * farm->usual;
    return seconds_now() > farm->until + (usual > least ? usual : least);
}

static void condemn_silent(TuneFarm *farm, TuneTrial *trial, double seconds) {
    condemn(farm, trial, VERDICT_HUNG, ctx_printf(farm->ctx, "no reply in %.0f s", seconds));
}

/* A reply within `seconds`; false, and a verdict, where there is none. Interrupted, or late: false without one. */
static bool hear(TuneFarm *farm, TuneTrial *trial, double seconds, TuneReply *reply) {
    Job         *job = trial->of_objective;
    const double begun = seconds_now(), until = begun + seconds;
    for (bool late = false; !late;) {
        struct pollfd wait = {.fd = job->replies, .events = POLLIN};
        const double  left = until - seconds_now();
        const int     found = left > 0 ? poll(&wait, 1, left > 0.05 ? 50 : 1 + (int)(1e3 * left)) : 0;
        if (found > 0 && read(job->replies, reply, sizeof *reply) == sizeof *reply)
            return true;
        if (found > 0)
            judge_death(farm, trial);
        else if (left <= 0)
            condemn_silent(farm, trial, seconds);
        if (*farm->options.interrupted || trial->verdict != VERDICT_RIGHT)
            break;
        const double waited = seconds_now() - begun;
        late = is_late(farm);
        if (late && farm->usual > 0 && waited > HANGS_RATIO * farm->usual)
            condemn_silent(farm, trial, waited);
    }
    end_runner(job);
    return false;
}

static bool say(TuneFarm *farm, TuneTrial *trial, char command) {
    Job *job = trial->of_objective;
    if (write(job->commands, &command, 1) == 1)
        return true;
    judge_death(farm, trial);
    return false;
}

/* Of others the default's time says how long they may take; what the default itself takes nobody knows before. */
static double patience(const TuneFarm *farm, double least, double ratio) {
    const TuneTrial *base = farm->search ? farm->search->trials[0] : NULL;
    const double     given = farm->options.hang_seconds, usual = base ? ratio * base->summary.seconds : 0;
    least = given > 0 ? given : usual > 0 ? least : UNKNOWN_RATIO * least;
    return usual > least ? usual : least;
}

/* A trial that was timed and has the same code: what it showed holds for this one, too. */
static const TuneTrial *twin_of(const TuneFarm *farm, const TuneTrial *trial) {
    for (int t = 0; farm->search && t < farm->search->count && trial->code[0]; t++) {
        const TuneTrial *other = farm->search->trials[t];
        if (other != trial && other->count > trial->count && other->verdict == VERDICT_RIGHT &&
            memcmp(other->code, trial->code, sizeof trial->code) == 0)
            return other;
    }
    return NULL;
}

static bool follows(TuneFarm *farm, TuneTrial *trial) {
    const TuneTrial *twin = trial->verdict == VERDICT_RIGHT && build(farm, trial) ? twin_of(farm, trial) : NULL;
    if (!twin)
        return false;
    trial_follow(trial, twin);
    record(farm, trial);
    return true;
}

/* A runner that has checked its kernel. */
static bool make_ready(TuneFarm *farm, TuneTrial *trial, bool is_default) {
    Job         *job = job_of(farm, trial);
    TuneReply    reply;
    if (trial->verdict != VERDICT_RIGHT || (job->runner && trial->verdict == VERDICT_RIGHT))
        return trial->verdict == VERDICT_RIGHT;
    if (!build(farm, trial))
        return false;
    const double begun = seconds_now();
    if (!start_runner(farm, trial, is_default) || !hear(farm, trial, patience(farm, READY_SECONDS, 10 * RUN_RATIO), &reply))
        return false;
    farm->counts.measured += !trial->count && !trial->known;
    if (reply.what == REPLY_READY) {
        if (is_default)
            farm->usual = seconds_now() - begun;
        if (job->built)
            job->built->checked = true;
        return true;
    }
    condemn(farm, trial, reply.what == REPLY_WRONG ? VERDICT_WRONG : VERDICT_REFUSED, reply.note);
    end_runner(job);
    return false;
}

static bool time_once(TuneFarm *farm, TuneTrial *trial, double *seconds) {
    TuneReply    reply;
    const double limit = patience(farm, RUN_SECONDS, RUN_RATIO);
    if (!say(farm, trial, 'f') || !hear(farm, trial, limit, &reply))
        return false;
    signal_builders(farm, SIGSTOP);
    const bool heard = say(farm, trial, 'g') && hear(farm, trial, limit, &reply);
    signal_builders(farm, SIGCONT);
    if (heard && reply.what != REPLY_TIME)
        condemn(farm, trial, VERDICT_REFUSED, reply.note);
    *seconds = reply.seconds;
    return heard && reply.what == REPLY_TIME;
}

/* ---- Measuring ------------------------------------------------------------------------------------------------------- */
/* A line that is drawn again and again on a terminal, cut to its width; else one from time to time. */
static void show_progress(TuneFarm *farm) {
    const TuningRecord *best = &farm->search->leader->summary;
    const bool          terminal = isatty(STDERR_FILENO);
    const double        now = seconds_now(), left = farm->options.end - now;
    char                line[256];
    if (now - farm->drawn < (terminal ? REDRAW_SECONDS : REPEAT_SECONDS))
        return;
    farm->drawn = now;
    snprintf(line, sizeof line, "%s  %d tried, %d failed, best %.3f, %.0f s left", farm->options.label,
             farm->counts.measured, farm->counts.failed, best->samples ? best->ratio : 1.0, left > 0 ? left : 0);
    if (terminal)
        terminal_redraw(line);
    else
        fprintf(stderr, "%s\n", line);
}

typedef struct Entrant {
    TuneTrial *trial;
    double     seconds; /* of this round; 0: none */
} Entrant;

/* Each once. The default's time is needed by all others: without it the round says nothing. */
static void run_round(TuneFarm *farm, Entrant *entrants, int count, int first) {
    for (int i = 0; i < count; i++) {
        Entrant *entrant = &entrants[(first + i) % count];
        entrant->seconds = 0;
        if (entrant->trial->verdict == VERDICT_RIGHT && !time_once(farm, entrant->trial, &entrant->seconds))
            entrant->seconds = 0;
        pump(farm);
        show_progress(farm);
        if (*farm->options.interrupted)
            return;
    }
    for (int i = 0; i < count && entrants[0].seconds > 0; i++)
        if (entrants[i].seconds > 0)
            trial_add(entrants[i].trial, entrants[i].seconds, entrants[0].seconds);
}

static bool all_hopeless(const Entrant *entrants, int count) {
    for (int i = 1; i < count; i++)
        if (entrants[i].trial->verdict == VERDICT_RIGHT &&
            (entrants[i].trial->count < HOPELESS_AFTER || entrants[i].trial->summary.ratio < HOPELESS))
            return false;
    return true;
}

/* A known trial begins anew: its samples were another run's. */
static void measure(void *arg, TuneTrial **trials, int count, int rounds) {
    enum { MOST = 32 };
    TuneFarm  *farm = arg;
    TuneTrial *base = farm->search->trials[0];
    Entrant    entrants[MOST] = {{base, 0}};
    int        ready = 1;
    if (!make_ready(farm, base, true))
        return;
    for (int t = 0; t < count && ready < MOST && !stop(farm); t++)
        if (!follows(farm, trials[t]) && make_ready(farm, trials[t], false))
            entrants[ready++].trial = trials[t];
    for (int r = 0; r < rounds && ready > 1 && base->verdict == VERDICT_RIGHT && !stop(farm); r++) {
        run_round(farm, entrants, ready, r % ready);
        if (all_hopeless(entrants, ready))
            break;
    }
    for (int e = 0; e < ready; e++)
        record(farm, entrants[e].trial);
}

static void dismiss(void *arg, TuneTrial *trial) {
    if (trial->of_objective)
        end_job(arg, trial);
}

/* ---- The whole ------------------------------------------------------------------------------------------------------- */
void tune_farm_open(Ctx *ctx, const TuneFarmOptions *options, TuneFarm **out) {
    TuneFarm *farm = NEW(ctx, TuneFarm);
    const int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), used = options->task->session->target.processors;
    farm->ctx = ctx;
    farm->options = *options;
    farm->until = options->deadline;
    farm->options.build = options->build ? options->build : tune_build;
    farm->options.serve = options->serve ? options->serve : tune_serve;
    farm->options.jobs = options->jobs < MOST_JOBS ? options->jobs : MOST_JOBS;
    farm->drawn = isatty(STDERR_FILENO) ? 0 : seconds_now();
    farm->yields = !target_is_cuda(&options->task->session->target) && used + options->jobs > cores;
    signal(SIGPIPE, SIG_IGN);
    *out = farm;
}

TuneObjective tune_farm_objective(TuneFarm *farm, const TuneSearch *search) {
    farm->search = search;
    return (TuneObjective){farm, announce, measure, dismiss, stop, target_is_cuda(&farm->options.task->session->target)};
}

Status tune_farm_default(Ctx *ctx, TuneFarm *farm, TuneTrial *trial, CodeObject **object) {
    Job *job = job_of(farm, trial);
    *object = NULL;
    if (!build(farm, trial))
        return trial->verdict == VERDICT_RIGHT
                   ? ctx->status
                   : ctx_fail(ctx, ST_FAILED, "the default schedule", NULL, "%s", trial->summary.note);
    return tune_build_object(ctx, farm->options.task, job->schedule, job->file, object);
}

void tune_farm_until(TuneFarm *farm, double deadline) {
    farm->until = deadline < farm->options.deadline ? deadline : farm->options.deadline;
}

Status tune_farm_close(Ctx *ctx, TuneFarm *farm, TuneFarmCounts *counts) {
    for (int t = 0; farm->search && t < farm->search->count; t++)
        if (farm->search->trials[t]->of_objective)
            end_job(farm, farm->search->trials[t]);
    if (isatty(STDERR_FILENO))
        terminal_redraw("");
    *counts = farm->counts;
    return ctx->status;
}
