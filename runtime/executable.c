/* Executable: loads a code object, keeps memory for its launches, and launches.
 *
 * In:  a CodeObject (of this machine's kind), tensors, a pool of threads.
 * Out: the kernel's outputs in the caller's tensors.
 * Always: a launch that fails its checks has written nothing. A launch allocates nothing if one workspace of the needed
 *      size is free and the pool's threads run, which executable_prepare() sees to; launches at the same time each have a
 *      workspace of their own.
 *
 * A workspace is one block: [work memory of the parameters][scratch of thread 0][scratch of thread 1]... */
#include "runtime/executable.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/cpu_features.h"
#include "runtime/elf_loader.h"
#include "runtime/launch_args.h"

typedef void PhaseCode(const int64_t *args, int64_t item, void *scratch);

typedef struct Workspace {
    struct Workspace *next;
    uint8_t          *memory;
    int64_t           bytes;
    uint64_t         *marks; /* for the check of slots: always zero between launches */
    int64_t           mark_words;
} Workspace;

struct Executable {
    const CodeObject *object;
    ElfImage          image;
    PhaseCode       **phases;
    int64_t           scratch; /* bytes a thread, of all phases */
    pthread_mutex_t   lock;    /* of the list */
    Workspace        *idle;
};

typedef struct Needs {
    int64_t bytes, mark_words;
} Needs;

/* ---- Loading ------------------------------------------------------------------------------------------------------
 */
static Status load_phases(Ctx *ctx, Executable *executable) {
    const CodeObject *object = executable->object;
    const size_t      count = (size_t)object->phase_count;
    ElfSymbol        *symbols = calloc(count + 1, sizeof *symbols);
    executable->phases = calloc(count + 1, sizeof(PhaseCode *));
    if (!symbols || !executable->phases) {
        free(symbols);
        return ctx_fail(ctx, ST_NO_MEMORY, object->name, NULL, "out of memory");
    }
    for (size_t p = 0; p < count; p++)
        symbols[p].name = object->phases[p].symbol;
    const Status status = elf_load(ctx, object->payload, object->payload_size, symbols, (int)count, &executable->image);
    for (size_t p = 0; status == ST_OK && p < count; p++)
        memcpy(&executable->phases[p], &symbols[p].address, sizeof(PhaseCode *));
    free(symbols);
    return status;
}

static Status load(Ctx *ctx, Executable *executable) {
    const CodeObject *object = executable->object;
    TRY(launch_check_object(ctx, object));
    TRY(load_phases(ctx, executable));
    TRY(cpu_check_features(ctx, object->features));
    for (int p = 0; p < object->phase_count; p++)
        if (object->phases[p].scratch_bytes > executable->scratch)
            executable->scratch = object->phases[p].scratch_bytes;
    executable->scratch = (executable->scratch + 63) / 64 * 64;
    return ST_OK;
}

Status executable_load(Ctx *ctx, const CodeObject *object, Executable **out) {
    Executable *executable = calloc(1, sizeof *executable);
    if (!executable)
        return ctx_fail(ctx, ST_NO_MEMORY, object->name, NULL, "out of memory");
    executable->object = object;
    pthread_mutex_init(&executable->lock, NULL);
    const Status status = load(ctx, executable);
    if (status == ST_OK)
        *out = executable;
    else
        executable_free(executable);
    return status;
}

static void free_workspace(Workspace *workspace) {
    if (!workspace)
        return;
    free(workspace->memory);
    free(workspace->marks);
    free(workspace);
}

void executable_free(Executable *executable) {
    if (!executable)
        return;
    while (executable->idle) {
        Workspace *next = executable->idle->next;
        free_workspace(executable->idle);
        executable->idle = next;
    }
    elf_unload(&executable->image);
    free(executable->phases);
    pthread_mutex_destroy(&executable->lock);
    free(executable);
}

const CodeObject *executable_object(const Executable *executable) { return executable->object; }

/* ---- Memory -------------------------------------------------------------------------------------------------------
 */
/* Large blocks start on a huge page, to spare address translations. */
static uint8_t *allocate(int64_t bytes) {
    const size_t huge = (size_t)2 << 20, page = (size_t)bytes >= huge ? huge : 64;
    const size_t size = ((size_t)bytes + page - 1) / page * page;
    uint8_t     *memory = aligned_alloc(page, size);
    if (memory && page == huge)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static bool fits(const Workspace *workspace, Needs needs) {
    return workspace->bytes >= needs.bytes && workspace->mark_words >= needs.mark_words;
}

static bool grow(Workspace *workspace, Needs needs) {
    if (workspace->bytes < needs.bytes) {
        free(workspace->memory);
        workspace->memory = allocate(needs.bytes);
        workspace->bytes = workspace->memory ? needs.bytes : 0;
    }
    if (workspace->mark_words < needs.mark_words) {
        free(workspace->marks);
        workspace->marks = calloc((size_t)needs.mark_words, sizeof *workspace->marks);
        workspace->mark_words = workspace->marks ? needs.mark_words : 0;
    }
    return fits(workspace, needs);
}

/* An idle workspace that fits, else any idle one. */
static Workspace *take_idle(Executable *executable, Needs needs) {
    pthread_mutex_lock(&executable->lock);
    Workspace **link = &executable->idle;
    for (Workspace **at = link; *at; at = &(*at)->next)
        if (fits(*at, needs)) {
            link = at;
            break;
        }
    Workspace *workspace = *link;
    if (workspace)
        *link = workspace->next;
    pthread_mutex_unlock(&executable->lock);
    return workspace;
}

static void give_back(Executable *executable, Workspace *workspace) {
    pthread_mutex_lock(&executable->lock);
    workspace->next = executable->idle;
    executable->idle = workspace;
    pthread_mutex_unlock(&executable->lock);
}

static Status take_workspace(Ctx *ctx, Executable *executable, Needs needs, Workspace **out) {
    Workspace *workspace = take_idle(executable, needs);
    if (!workspace)
        workspace = calloc(1, sizeof *workspace);
    if (workspace && grow(workspace, needs)) {
        *out = workspace;
        return ST_OK;
    }
    free_workspace(workspace);
    return ctx_fail(ctx, ST_NO_MEMORY, executable->object->name, "use a smaller batch or fewer threads",
                    "no memory for %lld bytes of scratch and work memory", (long long)needs.bytes);
}

/* Where nothing is written no phase has to run: then they need no memory, however many empty sequences there are. */
static Status bind(Ctx *ctx, const Executable *executable, const Tensor *tensors, int64_t position, LaunchSizes *sizes) {
    TRY(launch_bind(ctx, executable->object, tensors, position, sizes));
    if (!launch_writes(executable->object, sizes))
        sizes->work_bytes = 0;
    return ST_OK;
}

static Status needs_of(Ctx *ctx, const Executable *executable, const Pool *pool, const LaunchSizes *sizes,
                       Needs *needs) {
    const int64_t threads = pool ? pool_threads(pool) : 1;
    int64_t       scratch;
    if (__builtin_mul_overflow(threads, executable->scratch, &scratch) ||
        __builtin_add_overflow(scratch, sizes->work_bytes, &needs->bytes) || needs->bytes > INT64_MAX / 2)
        return ctx_fail(ctx, ST_NO_MEMORY, executable->object->name, "use a smaller batch",
                        "the memory exceeds 62 bits");
    needs->bytes += needs->bytes == 0 ? 64 : 0; /* never a null pointer */
    needs->mark_words = sizes->syms[SYM_P] > 0 ? (sizes->syms[SYM_P] + 63) / 64 : 0;
    return ST_OK;
}

/* ---- Launching ----------------------------------------------------------------------------------------------------
 */
typedef struct PhaseRun {
    PhaseCode     *code;
    const int64_t *args;
    uint8_t       *scratch;
    int64_t        stride;
} PhaseRun;

static void run_item(void *arg, int64_t item, int thread) {
    const PhaseRun *run = arg;
    run->code(run->args, item, run->scratch + thread * run->stride);
}

/* items[p]: of phase p. Of none where nothing is written: sequences without tokens may be more than time allows to visit. */
static Status count_items(Ctx *ctx, const CodeObject *object, const LaunchSizes *sizes, int64_t items[LAUNCH_MAX_PHASES]) {
    const bool writes = launch_writes(object, sizes);
    for (int p = 0; p < object->phase_count; p++) {
        const CodePhase *phase = &object->phases[p];
        bool             over = false;
        items[p] = writes ? 1 : 0;
        for (int a = 0; a < phase->axis_count; a++)
            over |= __builtin_mul_overflow(items[p], launch_dim(sizes, phase->axes[a]), &items[p]);
        if (over)
            return ctx_fail(ctx, ST_USAGE, phase->symbol, "use a smaller batch", "would have more items than 63 bits count");
    }
    return ST_OK;
}

static void run_phases(const Executable *executable, Pool *pool, const int64_t *items, const int64_t *args, uint8_t *scratch) {
    for (int p = 0; p < executable->object->phase_count; p++) {
        PhaseRun run = {executable->phases[p], args, scratch, executable->scratch};
        if (pool)
            pool_run(pool, run_item, &run, items[p]);
        for (int64_t i = 0; !pool && i < items[p]; i++)
            run_item(&run, i, 0);
    }
}

static Status launch_in(Ctx *ctx, const Executable *executable, Pool *pool, const Tensor *tensors,
                        const LaunchSizes *sizes, const Workspace *workspace) {
    int64_t args[LAUNCH_ARGS], items[LAUNCH_MAX_PHASES];
    TRY(count_items(ctx, executable->object, sizes, items));
    TRY(launch_check_indices(ctx, executable->object, tensors, sizes, workspace->marks));
    launch_fill(executable->object, tensors, sizes, workspace->memory, args);
    run_phases(executable, pool, items, args, workspace->memory + sizes->work_bytes);
    return ST_OK;
}

Status executable_launch(Ctx *ctx, Executable *executable, Pool *pool, const Tensor *tensors, int64_t position) {
    LaunchSizes sizes;
    Needs       needs = {0, 0};
    Workspace  *workspace;
    TRY(bind(ctx, executable, tensors, position, &sizes));
    TRY(launch_check_data(ctx, executable->object, tensors));
    TRY(needs_of(ctx, executable, pool, &sizes, &needs));
    TRY(take_workspace(ctx, executable, needs, &workspace));
    const Status status = launch_in(ctx, executable, pool, tensors, &sizes, workspace);
    give_back(executable, workspace);
    return status;
}

Status executable_prepare(Ctx *ctx, Executable *executable, Pool *pool, const Tensor *tensors) {
    LaunchSizes sizes;
    Needs       needs = {0, 0};
    Workspace  *workspace;
    TRY(bind(ctx, executable, tensors, 0, &sizes));
    TRY(needs_of(ctx, executable, pool, &sizes, &needs));
    TRY(take_workspace(ctx, executable, needs, &workspace));
    give_back(executable, workspace);
    if (pool)
        pool_start(pool);
    return ST_OK;
}

Status executable_memory(Ctx *ctx, const Executable *executable, const Pool *pool, const Tensor *tensors,
                         int64_t *bytes) {
    LaunchSizes sizes;
    Needs       needs = {0, 0};
    TRY(bind(ctx, executable, tensors, 0, &sizes));
    TRY(needs_of(ctx, executable, pool, &sizes, &needs));
    *bytes = needs.bytes + needs.mark_words * (int64_t)sizeof(uint64_t);
    return ST_OK;
}
