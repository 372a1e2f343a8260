/* rattan tune: the fastest schedule for a layer, a kind and shapes on this machine, into the tuning database.
 *
 * This process forks, so it has no threads and opens no GPU: what it wants to know of one, a child finds out. */
#include "driver/cli.h"
#include "base/clock.h"
#include "driver/files.h"
#include "driver/fingerprint.h"
#include "driver/terminal.h"
#include "driver/tune_farm.h"
#include "driver/tune_plan.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SEEDS = 4 };

/* What compiling and checking a few candidates takes, and the flops a second of a CPU's core and a GPU until something was
 * timed. */
static const double CPU_LEAST = 10, GPU_LEAST = 25, CPU_RATE = 5e10, GPU_RATE = 1e14;
/* Of shorter runs the time is mostly the launch's. */
static const double TELLING_SECONDS = 1e-3;

/* Tensors of a task may take this share of the machine's memory. */
static const double MEMORY_SHARE = 0.125;

static volatile sig_atomic_t interrupted;

typedef struct Tuning {
    const Cli  *cli;
    Session     session;
    KernelKind  kind;
    int         variant; /* VARIANT_SAVED or 0 */
    TuneBuckets buckets;
    TuningDb   *db;
    TuningKey   key; /* of the machine */
    double      deadline, end; /* of the layer, of all */
    int64_t     seed, jobs;
    int         shard, shards, next_task;
    int         begun, failed, measured, mine, too_large; /* buckets; mine: this shard's */
    ReadBuffer  flush;
    char        memo[256]; /* a folder; "": none */
    json_t     *json; /* NULL: text */
} Tuning;

/* One task. */
typedef struct TaskRun {
    const Tuning  *tuning;
    TuneTask      *base;   /* item, check */
    Ctx           *memory; /* of what all tasks of an item share */
    TuneBuilds    *builds;
    TuningBucket   bucket;
    const TunePlan    *plan;
    const TunePlanned *planned;
    double         seconds; /* of a run with the default; 0: none */
    bool           measured;
    TuneTask       task;
    TuningKey      key;
    TuningSpec     layer;
    TuneSearch     search;
    SearchSpace    space;
    Workload       work;
    TuneFarmCounts counts;
    const char    *title;
} TaskRun;

/* ---- Ctrl-C ---------------------------------------------------------------------------------------------------------- */
static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static void keep_what_is_known(void) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- The machine ----------------------------------------------------------------------------------------------------- */
/* What a child says of the target. */
typedef struct Facts {
    Status status;
    Target target;
    char   machine[256], driver[64], compiler[256];
    char   place[sizeof(((Ctx *)0)->place)], message[sizeof(((Ctx *)0)->message)], remedy[sizeof(((Ctx *)0)->remedy)];
} Facts;

static Status find_facts(Ctx *ctx, const Tuning *tuning, Facts *facts) {
    TuningKey   key = {0};
    CudaDevice *device = NULL;
    TRY(target_find(ctx, cli_value(tuning->cli, OPTION_TARGET), &facts->target));
    target_use_threads(&facts->target, tuning->session.threads);
    if (target_is_cuda(&facts->target) && facts->target.native)
        TRY(cuda_device_open(ctx, 0, &device));
    if (!tuning_key_machine(ctx, &facts->target, device, &key))
        return ctx_fail(ctx, ST_NO_DEVICE, "--target", "name a target that runs on this machine",
                        "code for %s does not run here", facts->target.name);
    snprintf(facts->machine, sizeof facts->machine, "%s", key.machine);
    snprintf(facts->driver, sizeof facts->driver, "%s", key.driver);
    snprintf(facts->compiler, sizeof facts->compiler, "%s", key.compiler);
    return ST_OK;
}

static void tell_facts(Ctx *ctx, const Tuning *tuning, int file) {
    static Facts facts;
    facts.status = find_facts(ctx, tuning, &facts);
    memcpy(facts.place, ctx->place, sizeof facts.place);
    memcpy(facts.message, ctx->message, sizeof facts.message);
    memcpy(facts.remedy, ctx->remedy, sizeof facts.remedy);
    _exit(write(file, &facts, sizeof facts) == sizeof facts ? 0 : 1);
}

static bool read_facts(int file, Facts *facts) {
    size_t at = 0;
    for (ssize_t n; at < sizeof *facts && (n = read(file, (char *)facts + at, sizeof *facts - at)) > 0;)
        at += (size_t)n;
    return at == sizeof *facts;
}

static Status find_machine(Ctx *ctx, Tuning *tuning) {
    Facts *facts = NEW(ctx, Facts);
    int    ends[2];
    fflush(NULL);
    if (pipe(ends) != 0)
        return ctx_fail(ctx, ST_FAILED, "rattan tune", NULL, "cannot make a pipe");
    const pid_t child = fork();
    if (child == 0)
        tell_facts(ctx, tuning, ends[1]);
    close(ends[1]);
    const bool told = child > 0 && read_facts(ends[0], facts);
    close(ends[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    if (!told)
        return ctx_fail(ctx, ST_FAILED, "--target", "see 'rattan doctor'", "looking for the target ended without an answer");
    if (facts->status != ST_OK)
        return ctx_fail(ctx, facts->status, facts->place, facts->remedy, "%s", facts->message);
    tuning->session.target = facts->target;
    tuning->key = (TuningKey){.machine = facts->machine, .driver = facts->driver, .compiler = facts->compiler,
                              .build = COMPILER_FINGERPRINT, .space = SEARCH_SPACE_VERSION};
    return ST_OK;
}

/* ---- What compilers share ------------------------------------------------------------------------------------------- */
static const char MEMO[] = "rattan-tune-";
enum { MEMO_SECONDS = 86400 };

static void remove_folder(Ctx *ctx, const char *path) {
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        unlink(ctx_printf(ctx, "%s/%s", path, entry->d_name));
    if (folder)
        closedir(folder);
    rmdir(path);
}

/* What a search that was killed left, by its process's number: nobody has touched it for a day, and it is the user's own. */
static bool is_left(const char *path, const char *name) {
    struct stat info;
    const long  process = strncmp(name, MEMO, strlen(MEMO)) == 0 ? strtol(name + strlen(MEMO), NULL, 10) : 0;
    return process > 0 && lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
           time(NULL) - info.st_mtime > MEMO_SECONDS && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

static void remove_left(Ctx *ctx, const char *where) {
    DIR *folder = opendir(where);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *path = ctx_printf(ctx, "%s/%s", where, entry->d_name);
        if (is_left(path, entry->d_name))
            remove_folder(ctx, path);
    }
    if (folder)
        closedir(folder);
}

static void make_memo(Ctx *ctx, Tuning *tuning) {
    const char *given = getenv("TMPDIR"), *where = given && *given ? given : "/tmp";
    remove_left(ctx, where);
    snprintf(tuning->memo, sizeof tuning->memo, "%s/%s%ld-XXXXXX", where, MEMO, (long)getpid());
    if (!target_is_cuda(&tuning->session.target) || !mkdtemp(tuning->memo))
        *tuning->memo = '\0';
}

static void remove_memo(Ctx *ctx, const Tuning *tuning) {
    if (*tuning->memo)
        remove_folder(ctx, tuning->memo);
}

/* ---- A task's memory ------------------------------------------------------------------------------------------------- */
/* Tensors that the default's parameters call for. */
static Status fill_tensors(Ctx *ctx, TaskRun *run, const CodeObject *object) {
    ReadyKernel kernel = {.spec = run->task.item->spec, .object = (CodeObject *)object};
    Random      random = {(uint64_t)run->tuning->seed};
    bench_case_fill(ctx, &kernel, &random, &run->task.test);
    return tune_outputs_open(ctx, object, &run->task.test.tensors, &run->task.outputs);
}

static double machine_bytes(void) { return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE); }

/* A bench measures bandwidth by reading more than it takes to empty the caches. */
static void make_flush(Ctx *ctx, ReadBuffer *flush) {
    const int64_t enough = 2 * cache_bytes();
    read_buffer_new(ctx, flush);
    if (flush->bytes > enough)
        flush->bytes = enough;
}

/* ---- What is known --------------------------------------------------------------------------------------------------- */
static Status know(Ctx *ctx, TaskRun *run) {
    TuningRecords   records = {0};
    const TuningKey filter = run->key;
    TRY(tuning_db_find(ctx, run->tuning->db, &filter, &records));
    for (int r = 0; r < records.count; r++)
        tune_search_know(ctx, &run->search, &records.items[r]);
    return ST_OK;
}

typedef struct Seed {
    Schedule schedule;
    int      distance;
} Seed;

static int by_distance(const void *a, const void *b) { return ((const Seed *)a)->distance - ((const Seed *)b)->distance; }

/* The best of the records of one bucket; false where there is none. */
static bool seed_of(Ctx *ctx, const TaskRun *run, const TuningRecords *group, Seed *seed) {
    TuningBucket bucket;
    TuningPick   pick = {0};
    if (!tuning_bucket_parse(group->items[0].key.bucket, &bucket))
        return false;
    tuning_choose(group, &run->key, bucket, &pick);
    seed->schedule = run->space.base;
    seed->distance = tuning_bucket_distance(bucket, run->bucket);
    const bool found = pick.record && schedule_parse(ctx, pick.record->schedule, &seed->schedule) == ST_OK;
    ctx_clear(ctx);
    return found;
}

/* The best schedules of the nearest other buckets; of kernels that make or read what is saved those of plain ones, too. */
static Status find_seeds(Ctx *ctx, TaskRun *run, Schedule *schedules, int *count) {
    TuningRecords records = {0};
    TuningKey     filter = run->key;
    Seed         *seeds;
    int           found = 0;
    filter.bucket = filter.build = NULL;
    TRY(tuning_db_find(ctx, run->tuning->db, &filter, &records));
    filter.kind = kind_name(run->tuning->kind);
    if (run->tuning->variant)
        TRY(tuning_db_find(ctx, run->tuning->db, &filter, &records));
    seeds = NEW_ARRAY(ctx, Seed, records.count + 1);
    for (int first = 0, r = 1; r <= records.count; r++)
        if (r == records.count || strcmp(records.items[r].key.bucket, records.items[first].key.bucket) != 0 ||
            strcmp(records.items[r].key.kind, records.items[first].key.kind) != 0) {
            found += seed_of(ctx, run, &(TuningRecords){records.items + first, r - first, 0}, &seeds[found]);
            first = r;
        }
    qsort(seeds, (size_t)found, sizeof *seeds, by_distance);
    for (*count = 0; *count < found && *count < MOST_SEEDS; ++*count)
        schedules[*count] = seeds[*count].schedule;
    return ST_OK;
}

/* ---- Results --------------------------------------------------------------------------------------------------------- */
static const char *changes_text(Ctx *ctx, const SearchSpace *space, const SpacePoint *point) {
    Text text = TEXT(ctx);
    for (int k = 0; k < space->knob_count; k++)
        if (point->at[k])
            text_add(&text, "%s%s=%d", text.length ? " " : "", space->knobs[k].name, space->knobs[k].values[point->at[k]]);
    return text.length ? text_str(&text) : "the default";
}

/* The default's time in the rounds of the trial: what the ratio compares with. */
static double usual_seconds(const TuneTrial *trial) {
    return trial->summary.samples ? trial->summary.seconds / trial->summary.ratio : 0;
}

/* null: nothing was measured. */
static json_t *measured(const TuneTrial *trial, double number) {
    return trial->summary.samples ? json_real(number) : json_null();
}

static void report_json(Ctx *ctx, const TaskRun *run) {
    const TuneTrial *leader = run->search.leader;
    json_array_append_new(
        run->tuning->json,
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:i, s:i, s:i, s:s, s:s}", "spec", run->title, "kind",
                  run->key.kind, "bucket", run->key.bucket, "machine", run->key.machine, "ms_default",
                  measured(leader, 1e3 * usual_seconds(leader)), "ms_best", measured(leader, 1e3 * leader->summary.seconds),
                  "ratio", measured(leader, leader->summary.ratio), "spread", measured(leader, leader->summary.spread), "runs", (json_int_t)leader->summary.samples, "tried",
                  run->counts.measured, "failed", run->counts.failed, "known", run->search.count, "changes",
                  changes_text(ctx, &run->space, &leader->point), "schedule", schedule_text(ctx, &leader->schedule)));
}

static void report(Ctx *ctx, const TaskRun *run) {
    const TuneTrial *leader = run->search.leader;
    if (run->tuning->json) {
        report_json(ctx, run);
        return;
    }
    printf("%s  %s %s: ", run->title, run->key.kind, run->key.bucket);
    if (leader->summary.samples)
        printf("%.3f ms with the default, %.3f with the best: %.3f of its time (spread %.3f, %lld runs); "
               "%d tried, %d failed\n",
               1e3 * usual_seconds(leader), 1e3 * leader->summary.seconds, leader->summary.ratio, leader->summary.spread,
               (long long)leader->summary.samples, run->counts.measured, run->counts.failed);
    else
        printf("nothing measured\n");
    printf("  %s\n", changes_text(ctx, &run->space, &leader->point));
    fflush(stdout);
}

/* ---- One task -------------------------------------------------------------------------------------------------------- */
/* The default that the timed kernel takes: candidates are texts of all fields, so that none of them gives way. */
static Status find_base(Ctx *ctx, const TaskRun *run, Schedule *base) {
    const CompileRequest request = {.spec = &run->task.item->spec,
                                    .kind = run->tuning->kind,
                                    .variant = run->tuning->variant,
                                    .ring_rows = run->task.test.shape.ring,
                                    .target = &run->tuning->session.target};
    return compile_schedule(ctx, &request, base);
}

static Status bucket_shape(Ctx *ctx, TuningBucket bucket, Shape *shape) {
    TRY(shape_parse(ctx, NULL, shape));
    shape->B = bucket.N;
    shape->T = bucket.T;
    return ST_OK;
}

static Status plan(Ctx *ctx, TaskRun *run) {
    const Tuning *tuning = run->tuning;
    Shape    shape;
    Schedule base;
    TRY(bucket_shape(ctx, run->bucket, &shape));
    run->task = *run->base;
    run->work = (Workload){run->bucket.N, run->bucket.T};
    const Spec *spec = &run->task.item->spec;
    TRY(bench_case_plan(ctx, spec, tuning->kind, &shape, &run->task.test));
    run->key = tuning->key;
    run->key.bucket = tuning_bucket_text(ctx, run->bucket);
    tuning_key_layer(ctx, spec, tuning->kind, tuning->variant, &run->key);
    TRY(find_base(ctx, run, &base));
    space_open(&run->space, spec, tuning->kind, &tuning->session.target, &base);
    run->title = item_title(ctx, run->task.item);
    run->layer = (TuningSpec){run->key.spec, spec->name, tuning_spec_text(ctx, spec)};
    return tuning_db_put_spec(ctx, tuning->db, run->layer.spec, run->layer.name, run->layer.text);
}

static Status open_check(Ctx *ctx, TuneTask *task, uint64_t seed) {
    if (task->kind == KIND_BACKWARD)
        return check_gradients_open(ctx, task->session, task->checked, &task->small, seed, &task->gradients);
    return check_random_open(ctx, task->session, task->checked, &task->small, seed, &task->check);
}

/* The reference of the first task of an item: it takes seconds, in which the default and the first candidates are built. */
static Status prepare_check(Ctx *ctx, TaskRun *run) {
    TuneTask *base = run->base;
    Ctx      *memory = run->memory;
    if (!base->check && !base->gradients && open_check(memory, base, (uint64_t)run->tuning->seed) != ST_OK) {
        ctx_fail(ctx, memory->status, memory->place, memory->remedy, "%s", memory->message);
        ctx_clear(memory);
        return ctx->status;
    }
    run->task.check = base->check;
    run->task.gradients = base->gradients;
    return ST_OK;
}

/* Once everything that all buckets need is there. */
static double task_deadline(const TaskRun *run) {
    const double now = seconds_now();
    return now + tune_plan_share(run->plan, run->planned, run->tuning->deadline - now);
}

static Status search_in(Ctx *ctx, TaskRun *run, TuneFarm *farm) {
    Schedule            seeds[MOST_SEEDS];
    int                 seed_count;
    CodeObject         *object;
    const TuneObjective objective = tune_farm_objective(farm, &run->search);
    run->search.objective = &objective;
    TRY(know(ctx, run));
    TRY(find_seeds(ctx, run, seeds, &seed_count));
    tune_search_begin(ctx, &run->search, seeds, seed_count);
    TRY(prepare_check(ctx, run));
    TRY(tune_farm_default(ctx, farm, run->search.trials[0], &object));
    if (!object)
        return ST_OK; /* there is no more time */
    Status status = fill_tensors(ctx, run, object);
    tune_farm_until(farm, task_deadline(run));
    if (status == ST_OK)
        tune_search_run(ctx, &run->search);
    status = ctx->status;
    tune_outputs_close(&run->task.test.tensors, &run->task.outputs);
    code_object_free(object);
    const TuneTrial *base = run->search.trials[0];
    if (status == ST_OK && base->verdict != VERDICT_RIGHT)
        return ctx_fail(ctx, base->killed ? ST_FAILED : ST_MISMATCH, ctx_printf(ctx, "%s, the default schedule", run->title),
                        base->killed ? "free some memory, or give smaller --shapes, and run it again: it goes on"
                                     : "please report this",
                        "%s: %s", verdict_name(base->verdict), base->summary.note);
    return status;
}

static Status search_task(Ctx *ctx, TaskRun *run) {
    const Tuning *tuning = run->tuning;
    TuneFarm     *farm;
    run->search = (TuneSearch){.space = &run->space, .work = &run->work, .seed = (uint64_t)tuning->seed,
                               .shard = tuning->shard, .shards = tuning->shards};
    const TuneFarmOptions options = {
        .task = &run->task,
        .db = tuning->db,
        .key = &run->key,
        .layer = &run->layer,
        .jobs = (int)tuning->jobs,
        .deadline = tuning->deadline,
        .end = tuning->end,
        .builds = run->builds,
        .interrupted = &interrupted,
        .label = ctx_printf(ctx, "%s %s", run->title, run->key.bucket),
    };
    tune_search_open(ctx, &run->search);
    tune_farm_open(ctx, &options, &farm);
    const Status status = search_in(ctx, run, farm);
    tune_farm_close(ctx, farm, &run->counts);
    return status;
}

static Status run_task(Ctx *ctx, void *arg) {
    TaskRun *run = arg;
    TRY(plan(ctx, run));
    const Status status = search_task(ctx, run);
    if (status == ST_OK)
        report(ctx, run);
    run->measured = run->search.leader->summary.samples > 0;
    run->seconds = run->search.trials[0]->summary.seconds;
    return interrupted ? ST_OK : status;
}

/* ---- Which buckets --------------------------------------------------------------------------------------------------- */
/* Shards share buckets where there are enough, else candidates. */
static bool skip_task(Tuning *tuning, int tasks) {
    return tuning->shards > 1 && tasks >= tuning->shards && tuning->next_task++ % tuning->shards != tuning->shard;
}

/* What an earlier run knows of the layer. */
static Status mark_known(Ctx *ctx, const Tuning *tuning, const Spec *spec, TunePlan *plan) {
    TuningRecords records = {0};
    TuningKey     key = tuning->key;
    TuningBucket  bucket;
    tuning_key_layer(ctx, spec, tuning->kind, tuning->variant, &key);
    TRY(tuning_db_find(ctx, tuning->db, &key, &records));
    for (int r = 0; r < records.count; r++)
        for (int i = 0; i < plan->count && records.items[r].samples >= TUNING_SAMPLES; i++)
            if (tuning_bucket_parse(records.items[r].key.bucket, &bucket) &&
                tuning_bucket_distance(bucket, plan->items[i].bucket) == 0)
                plan->items[i].known = true;
    return ST_OK;
}

static Status plan_buckets(Ctx *ctx, Tuning *tuning, const Spec *spec, int tasks, TunePlan *plan) {
    const Target *target = &tuning->session.target;
    const bool    gpu = target_is_cuda(target);
    int           too_large = 0;
    *plan = (TunePlan){.least = gpu ? GPU_LEAST : CPU_LEAST,
                       .rate = 1 / (gpu ? GPU_RATE : CPU_RATE * fmax(1, target->processors)),
                       .apart = gpu};
    for (int b = 0; b < tuning->buckets.count; b++) {
        const TuningBucket bucket = tuning->buckets.items[b];
        BenchCase          test;
        Shape              shape;
        if (skip_task(tuning, tasks))
            continue;
        tuning->mine++;
        TRY(bucket_shape(ctx, bucket, &shape));
        TRY(bench_case_plan(ctx, spec, tuning->kind, &shape, &test));
        if (test.bytes > MEMORY_SHARE * machine_bytes())
            too_large++;
        else
            plan->items[plan->count++] = (TunePlanned){.bucket = bucket, .work = test.useful_flops};
    }
    if (too_large && plan->count)
        terminal_warning(ctx_printf(ctx,
                                    "%s: %d of %d shapes are left out: their tensors take more than %.1f GB; kernels of those "
                                    "take the schedule of the nearest",
                                    spec->name, too_large, plan->count + too_large, 1e-9 * MEMORY_SHARE * machine_bytes()));
    tuning->too_large += too_large;
    return mark_known(ctx, tuning, spec, plan);
}

/* ---- All of them ----------------------------------------------------------------------------------------------------- */
/* One of several tasks failed, such as for want of a device's memory: that is no reason to leave the others. */
static void go_on(Ctx *ctx, Tuning *tuning) {
    char line[1024];
    ctx_describe(ctx, line, sizeof line);
    terminal_warning(line);
    ctx_clear(ctx);
    tuning->failed++;
}

/* The next one, and what it teaches about how long runs take. */
static Status search_next(Ctx *ctx, Tuning *tuning, TunePlan *plan, TunePlanned *next, TaskRun *run, int tasks) {
    next->searched = true;
    run->bucket = next->bucket;
    run->plan = plan;
    run->planned = next;
    tuning->begun++;
    const Status status = with_own_memory(ctx, run_task, run);
    tuning->measured += run->measured;
    next->in_vain = !run->measured;
    if (run->seconds > TELLING_SECONDS && next->work > 0)
        plan->rate = run->seconds / next->work;
    if (status != ST_OK && tasks > 1)
        go_on(ctx, tuning);
    return ctx->status;
}

static void warn(Ctx *ctx, const char *title, const char *text) {
    if (text)
        terminal_warning(ctx_printf(ctx, "%s: %s", title, text));
}

static Status search_buckets(Ctx *ctx, Tuning *tuning, const Tuning *own, TuneTask *base, TunePlan *plan, int tasks) {
    TuneBuilds *builds = NEW(ctx, TuneBuilds);
    const char *title = item_title(ctx, base->item);
    Status      status = ST_OK;
    builds->ctx = ctx;
    warn(ctx, title, tune_plan_lacks(ctx, plan, own->deadline - seconds_now()));
    for (TunePlanned *next; status == ST_OK && !interrupted &&
                            (next = tune_plan_next(plan, own->deadline - seconds_now()));) {
        TaskRun *run = NEW(ctx, TaskRun);
        *run = (TaskRun){.tuning = own, .base = base, .memory = ctx, .builds = builds};
        status = search_next(ctx, tuning, plan, next, run, tasks);
    }
    tune_builds_close(builds);
    if (status == ST_OK && !interrupted)
        warn(ctx, title, tune_plan_leaves(ctx, plan));
    return status;
}

/* `left`: layers that are still to come, this one included. */
static Status tune_item(Ctx *ctx, Tuning *tuning, const SpecItem *item, int tasks, int left) {
    SpecItem *checked = NEW(ctx, SpecItem);
    TunePlan *plan = NEW(ctx, TunePlan);
    Tuning    own = *tuning;
    TuneTask  base = {.session = &tuning->session, .item = item, .kind = tuning->kind, .variant = tuning->variant, .flush = tuning->flush,
                      .parent = getpid(), .memo = *tuning->memo ? tuning->memo : NULL};
    base.checked = checked;
    *checked = *item;
    tune_small_case(&item->spec, tuning->kind, &checked->spec, &base.small);
    if (tasks >= own.shards)
        own.shards = 1;
    own.deadline = seconds_now() + (tuning->deadline - seconds_now()) / left;
    TRY(plan_buckets(ctx, tuning, &item->spec, tasks, plan));
    return search_buckets(ctx, tuning, &own, &base, plan, tasks);
}

typedef struct ItemArgs {
    Tuning         *tuning;
    const SpecItem *item;
    int             tasks, left;
} ItemArgs;

static Status tune_item_in(Ctx *ctx, void *arg) {
    const ItemArgs *args = arg;
    return tune_item(ctx, args->tuning, args->item, args->tasks, args->left);
}

static Status parse(Ctx *ctx, const Cli *cli, Tuning *tuning) {
    const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    double        budget;
    TuningMode    unused; /* what is measured takes no tuned schedule; a wrong word is refused here as everywhere */
    TRY(tuning_mode(ctx, &unused));
    if (cli_has(cli, OPTION_KIND))
        TRY(kind_parse(ctx, "--kind", cli_value(cli, OPTION_KIND), &tuning->kind));
    TRY(tuning_variant_parse(ctx, cli_value(cli, OPTION_WITH), tuning->kind, &tuning->variant));
    tuning->session.with_parts = tuning->variant != 0;
    tuning->session.parts = tuning->variant;
    TRY(tune_shapes_parse(ctx, cli_value(cli, OPTION_SHAPES), tuning->kind, &tuning->buckets));
    TRY(tune_budget_parse(ctx, cli_has(cli, OPTION_BUDGET) ? cli_value(cli, OPTION_BUDGET) : "120s", &budget));
    tuning->shards = 1;
    if (cli_has(cli, OPTION_SHARD))
        TRY(tune_shard_parse(ctx, cli_value(cli, OPTION_SHARD), &tuning->shard, &tuning->shards));
    TRY(cli_integer(ctx, cli, OPTION_JOBS, 1, 64, cores > 2 ? cores - 1 : 1, &tuning->jobs));
    TRY(threads_parse(ctx, cli, &tuning->session.threads));
    TRY(cli_integer(ctx, cli, OPTION_SEED, 0, INT64_MAX, 1, &tuning->seed));
    tuning->deadline = tuning->end = seconds_now() + budget;
    return ST_OK;
}

static Status tune(Ctx *ctx, const Cli *cli, Tuning *tuning, const char *path) {
    TRY(parse(ctx, cli, tuning));
    TRY(session_load_file(ctx, &tuning->session, path));
    TRY(find_machine(ctx, tuning));
    TRY(tuning_db_open(ctx, tuning_db_path(ctx), &tuning->db));
    if (!target_is_cuda(&tuning->session.target))
        make_flush(ctx, &tuning->flush);
    keep_what_is_known();
    make_memo(ctx, tuning);
    TRY(session_check_kind(ctx, &tuning->session, tuning->kind));
    int left = 0;
    for (int i = tuning->session.first; i < tuning->session.last; i++)
        left += kind_fits(&tuning->session.specs.items[i].spec, tuning->kind);
    const int tasks = left * tuning->buckets.count;
    for (int i = tuning->session.first; i < tuning->session.last && !interrupted; i++) {
        const SpecItem *item = &tuning->session.specs.items[i];
        if (kind_fits(&item->spec, tuning->kind))
            TRY(with_own_memory(ctx, tune_item_in, &(ItemArgs){tuning, item, tasks, left--}));
    }
    if (tuning->failed)
        return ctx_fail(ctx, ST_FAILED, "rattan tune", "see the warnings above", "%d of %d shapes failed", tuning->failed,
                        tuning->begun);
    if (tuning->measured || interrupted)
        return ST_OK;
    return ctx_fail(ctx, ST_FAILED, "rattan tune",
                    tuning->too_large < tuning->mine ? "give it more time, such as --budget 120s"
                                              : "the tensors of these shapes take too much memory: ask for smaller ones",
                    "nothing was measured");
}

Status cmd_tune(Ctx *ctx, const Cli *cli) {
    const char *path;
    Tuning     *tuning = NEW(ctx, Tuning);
    TRY(cli_one_operand(ctx, cli, "SPEC", &path));
    *tuning = (Tuning){.cli = cli, .session = {.cli = cli, .tuning = TUNING_OFF},
                       .json = cli_has(cli, OPTION_JSON) ? json_array() : NULL};
    const Status status = tune(ctx, cli, tuning, path);
    remove_memo(ctx, tuning);
    tuning_db_close(tuning->db);
    if (tuning->json && (status == ST_OK || interrupted)) {
        json_dumpf(tuning->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        puts("");
    }
    json_decref(tuning->json);
    if (interrupted) { /* all is said: ends as any command does on Ctrl-C */
        fflush(stdout);
        fputs("rattan: interrupted; what is known is in the database\n", stderr);
        interrupts_install();
        raise(SIGINT);
    }
    return status;
}
