/* What tests/test_aot.sh asks a built library, which it compiles this with: each word of the command line is one
 * question, and a line answers it. The library is named layers and has specs/tiny.lua's forward and decode. */
#include <layers.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_cuda.h"

enum { B = 2, T = 33, H = 2, D = 8, W = 4, F = 16 };

static float memory[8][B * T * H * D], norms[2][H * D];

static layers_tiny_forward_args forward_args(void) {
    layers_tiny_forward_args args;
    memset(&args, 0, sizeof args);
    for (int i = 0; i < B * T * H * D; i++)
        memory[0][i] = memory[1][i] = memory[2][i] = (float)(i % 13) / 13;
    args.B = B;
    args.T = T;
    args.q = memory[0];
    args.k = memory[1];
    args.v = memory[2];
    args.o = memory[3];
    args.swa_norm = norms[0];
    args.rla_norm = norms[1];
    return args;
}

static void answer(const char *question, layers_status status) {
    printf("%s: %d %s\n", question, (int)status, layers_error_string(status));
}

typedef void Question(layers_context *context);

static void ask_forward(layers_context *context) {
    const layers_tiny_forward_args args = forward_args();
    answer("forward", layers_tiny_forward(context, &args, NULL));
}

static void ask_null(layers_context *context) { answer("null", layers_tiny_forward(context, NULL, NULL)); }

static void ask_nowhere(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    (void)context;
    answer("nowhere", layers_tiny_forward(NULL, &args, NULL));
}

static void ask_data(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.k = NULL;
    answer("data", layers_tiny_forward(context, &args, NULL));
}

static void ask_strides(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.o_strides[3] = 1; /* all rows in one place */
    answer("strides", layers_tiny_forward(context, &args, NULL));
}

static void ask_last_stride(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.q_strides[3] = 2;
    args.q_strides[2] = 16;
    answer("last-stride", layers_tiny_forward(context, &args, NULL));
}

static void ask_huge(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.B = INT64_MAX;
    answer("huge", layers_tiny_forward(context, &args, NULL));
}

static void ask_negative(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.T = -1;
    answer("negative", layers_tiny_forward(context, &args, NULL));
}

static void ask_overlap(layers_context *context) {
    layers_tiny_forward_args args = forward_args();
    args.o = memory[0];
    answer("overlap", layers_tiny_forward(context, &args, NULL));
}

static void ask_place(layers_context *context) {
    const layers_tiny_forward_args args = forward_args();
    const rattan_rt_place          place = {0};
    answer("place", layers_tiny_forward(context, &args, &place));
}

static void ask_memory(layers_context *context) {
    const layers_tiny_forward_args args = forward_args();
    int64_t                        bytes = -1;
    const layers_status            status = layers_tiny_forward_memory(context, &args, &bytes);
    printf("memory: %d %s\n", (int)status, bytes > 0 ? "some" : "none");
    answer("prepare", layers_tiny_forward_prepare(context, &args, NULL));
}

/* Strides as a caller has them who keeps q, k and v in one block [B, T, 3, H, D]: the same as without gaps. */
static void ask_interleaved(layers_context *context) {
    static float             block[B * T * 3 * H * D];
    layers_tiny_forward_args args = forward_args();
    const int64_t            strides[4] = {T * 3 * H * D, 3 * H * D, D, 1};
    for (int i = 0; i < B * T; i++)
        for (int part = 0; part < 3; part++)
            memcpy(block + (i * 3 + part) * H * D, memory[part] + i * H * D, H * D * sizeof(float));
    layers_tiny_forward(context, &args, NULL);
    args.q = block;
    args.k = block + H * D;
    args.v = block + 2 * H * D;
    args.o = memory[4];
    memcpy(args.q_strides, strides, sizeof strides);
    memcpy(args.k_strides, strides, sizeof strides);
    memcpy(args.v_strides, strides, sizeof strides);
    const layers_status status = layers_tiny_forward(context, &args, NULL);
    printf("interleaved: %d %s\n", (int)status,
           memcmp(memory[3], memory[4], sizeof memory[3]) == 0 ? "the same" : "not the same");
}

/* Several threads launch on one context at once, each on an output of its own; with strides that change from launch to launch,
 * so that they also look for kernels and memory at once. */
enum { THREADS = 8, LAUNCHES = 200 };

typedef struct Launcher {
    layers_context *context;
    float           o[2 * B * T * H * D]; /* room for gaps */
    int             failed, unlike;
} Launcher;

static void *launch_often(void *arg) {
    Launcher                *own = arg;
    layers_tiny_forward_args args = {.B = B, .T = T, .q = memory[0], .k = memory[1], .v = memory[2], .o = own->o,
                                     .swa_norm = norms[0], .rla_norm = norms[1]};
    for (int n = 0; n < LAUNCHES; n++) {
        const int64_t row = n % 2 ? 2 * H * D : H * D, strides[4] = {T * row, row, D, 1};
        memset(own->o, 0, sizeof own->o);
        memcpy(args.o_strides, strides, sizeof strides);
        own->failed += layers_tiny_forward(own->context, &args, NULL) != RATTAN_RT_OK;
        for (int i = 0; i < B * T; i++)
            own->unlike += memcmp(own->o + i * row, memory[3] + i * H * D, H * D * sizeof(float)) != 0;
    }
    return NULL;
}

static void ask_threads(layers_context *context) {
    static Launcher                launchers[THREADS];
    pthread_t                      threads[THREADS];
    const layers_tiny_forward_args args = forward_args();
    int                            started = 0, failed = 0, unlike = 0;
    layers_tiny_forward(context, &args, NULL);
    for (; started < THREADS; started++) {
        launchers[started].context = context;
        if (pthread_create(&threads[started], NULL, launch_often, &launchers[started]) != 0)
            break;
    }
    for (int t = 0; t < started; t++) {
        pthread_join(threads[t], NULL);
        failed += launchers[t].failed;
        unlike += launchers[t].unlike;
    }
    printf("threads: %d, %d failed, %d rows unlike\n", started, failed, unlike);
}

static void ask_untargeted(layers_context *context) {
    (void)context;
    printf("untargeted: '%s'\n", layers_target(NULL));
}

static const struct {
    const char *name;
    Question   *ask;
} QUESTIONS[] = {
    {"forward", ask_forward},   {"null", ask_null},       {"nowhere", ask_nowhere},
    {"data", ask_data},         {"strides", ask_strides}, {"huge", ask_huge},
    {"negative", ask_negative}, {"overlap", ask_overlap}, {"last-stride", ask_last_stride},
    {"place", ask_place},       {"memory", ask_memory},   {"interleaved", ask_interleaved},
    {"threads", ask_threads}, {"untargeted", ask_untargeted},
};

/* On the default stream and, where the device has streams, on one: of a driver that runs nothing, as tests have. */
static void launch_twice(layers_context *context, int streams) {
    const layers_tiny_forward_args args = forward_args();
    const rattan_rt_place          place = {0};
    answer("waited", layers_tiny_forward(context, &args, NULL));
    if (streams)
        answer("enqueued", layers_tiny_forward(context, &args, &place));
}

/* "target=x86-64-v3", "device=cuda", "threads=8", "interface": of opening. */
static int ask_opening(const char *question) {
    rattan_rt_options options;
    layers_context   *context = NULL;
    memset(&options, 0, sizeof options);
    if (strncmp(question, "target=", 7) == 0)
        options.target = question + 7;
    else if (strncmp(question, "device=", 7) == 0)
        options.device = question + 7;
    else if (strncmp(question, "threads=", 8) == 0)
        options.threads = atoi(question + 8);
    else if (strcmp(question, "interface") != 0)
        return 0;
    const layers_status status = strcmp(question, "interface") == 0
                                     ? layers_open_interface(layers_INTERFACE + 1, NULL, &context)
                                     : layers_open(&options, &context);
    answer(question, status);
    if (status == RATTAN_RT_OK) {
        printf("runs: %s\n", layers_target(context));
        launch_twice(context, options.device != NULL);
    }
    layers_close(context);
    return 1;
}

static FakeCuda *fake; /* the driver, where RATTAN_LIBCUDA names one that runs nothing */

/* "capture": launches while a stream is being captured, the first one of its kernel and one that was prepared; and a kernel that
 * is made ready on a stream while another one is being captured. */
static int ask_capture(const char *question) {
    const layers_tiny_forward_args args = forward_args();
    const rattan_rt_options        options = {.device = "cuda"};
    rattan_rt_place                place = {.stream = memory[4]};
    layers_context                *context = NULL;
    if (strcmp(question, "capture") != 0 || !fake)
        return 0;
    answer("open", layers_open(&options, &context));
    fake->capturing = 1;
    answer("unprepared", layers_tiny_forward(context, &args, &place));
    answer("unready", layers_tiny_forward_prepare(context, &args, &place));
    fake->captured = memory[5];
    answer("elsewhere", layers_tiny_forward_prepare(context, &args, &place));
    fake->captured = NULL;
    answer("prepared", layers_tiny_forward(context, &args, &place));
    printf("ended: %d\n", fake->captures_ended);
    fake->capturing = 0;
    layers_close(context);
    return 1;
}

typedef layers_status OpenFn(uint64_t interface, const rattan_rt_options *options, layers_context **context);

/* Another library of this name beside the one the program is linked with. */
static int ask_two(const char *question) {
    layers_context *mine = NULL, *other = NULL;
    OpenFn         *open_other;
    if (strncmp(question, "two=", 4) != 0)
        return 0;
    void *library = dlopen(question + 4, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "layers_open_interface") : NULL;
    if (!symbol)
        return puts("two: cannot be opened");
    memcpy(&open_other, &symbol, sizeof symbol);
    layers_open(NULL, &mine);
    answer("two", open_other(0, NULL, &other));
    answer("two", open_other(layers_INTERFACE, NULL, &other));
    layers_close(other);
    layers_close(mine);
    return 1;
}

/* A copy of the library that is closed and unloaded before the program's own: "gone=FILE". */
static int ask_gone(const char *question) {
    layers_context *mine = NULL, *other = NULL;
    OpenFn         *open_other;
    if (strncmp(question, "gone=", 5) != 0)
        return 0;
    void *library = dlopen(question + 5, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "layers_open_interface") : NULL;
    if (!symbol)
        return puts("gone: cannot be opened");
    memcpy(&open_other, &symbol, sizeof symbol);
    answer("gone", open_other(layers_INTERFACE, NULL, &other));
    answer("gone", layers_open(NULL, &mine));
    layers_close(other);
    dlclose(library);
    layers_close(mine);
    answer("gone", layers_open(NULL, &mine));
    layers_close(mine);
    return 1;
}

/* A driver without a GPU has one when it is told so. */
static void wake_driver(void) {
    const char *path = getenv("RATTAN_LIBCUDA");
    void       *driver = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    fake = driver ? (FakeCuda *)dlsym(driver, "fake_cuda") : NULL;
    if (fake) {
        fake->devices = 1;
        fake->max_threads = 1024;
    }
}

int main(int argc, char **argv) {
    wake_driver();
    layers_context *context = NULL;
    for (int a = 1; a < argc; a++) {
        if (ask_opening(argv[a]) || ask_capture(argv[a]) || ask_two(argv[a]) || ask_gone(argv[a]))
            continue;
        if (!context) {
            const layers_status status = layers_open(NULL, &context);
            if (status != RATTAN_RT_OK)
                answer("open", status);
        }
        for (size_t q = 0; context && q < sizeof QUESTIONS / sizeof *QUESTIONS; q++)
            if (strcmp(argv[a], QUESTIONS[q].name) == 0)
                QUESTIONS[q].ask(context);
    }
    layers_close(context);
    return 0;
}
