/* What tests/test_aot.sh links with the archives of a library, and with malloc and its like from here: each request of the runtime
 * for memory is refused once, with all behind it. A context is then refused, or a launch, with NO_MEMORY and a text; nothing is left,
 * and once there is memory again the launch is right. Out: a line, how many requests there are; or what was wrong. */
#include <layers.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B = 2, T = 33, H = 2, D = 8, COUNT = B * T * H * D };

static float tensors[3][COUNT], norms[2][H * D], wanted[COUNT], o[COUNT];
static int   at, made, live; /* the request to refuse first, 0: none; so far; not freed */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strndup(const char *text, size_t length);
void  __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strndup(const char *text, size_t length);
void  __wrap_free(void *memory);

static int refuses(void) { return ++made >= at && at > 0; }

static void *counted(void *memory) {
    live += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size) { return refuses() ? NULL : counted(__real_malloc(size)); }
void *__wrap_calloc(size_t count, size_t size) { return refuses() ? NULL : counted(__real_calloc(count, size)); }
void *__wrap_realloc(void *old, size_t size) {
    void *memory = refuses() ? NULL : __real_realloc(old, size);
    return old ? memory : counted(memory);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return refuses() ? NULL : counted(__real_aligned_alloc(alignment, size));
}
char *__wrap_strndup(const char *text, size_t length) { return refuses() ? NULL : counted(__real_strndup(text, length)); }
void  __wrap_free(void *memory) {
    live -= memory != NULL;
    __real_free(memory);
}

static layers_status launch(layers_context *context, int prepare) {
    const layers_tiny_forward_args args = {.B = B, .T = T, .q = tensors[0], .k = tensors[1], .v = tensors[2], .o = o,
                                           .swa_norm = norms[0], .rla_norm = norms[1]};
    const layers_status status = prepare ? layers_tiny_forward_prepare(context, &args, NULL) : RATTAN_RT_OK;
    memset(o, 0, sizeof o);
    return status == RATTAN_RT_OK ? layers_tiny_forward(context, &args, NULL) : status;
}

static int wrong(const char *what, layers_status status) {
    printf("request %d: %s: status %d, %s; %d not freed\n", at, what, (int)status, layers_error_string(status), live);
    return 1;
}

static int told(layers_status status) { return status == RATTAN_RT_NO_MEMORY && strstr(layers_error_string(status), "memory"); }

/* -> 0: as it should be. */
static int run(int refused, int prepare) {
    const rattan_rt_options options = {.threads = 1};
    layers_context         *context = NULL;
    at = refused;
    made = 0;
    layers_status status = layers_open(&options, &context);
    if (status != RATTAN_RT_OK)
        return told(status) && !context && live == 0 ? 0 : wrong("opening", status);
    status = launch(context, prepare);
    if (status != RATTAN_RT_OK && !told(status))
        return wrong("a launch", status);
    const int all = made;
    at = 0;
    status = launch(context, prepare);
    if (status != RATTAN_RT_OK || (refused && memcmp(o, wanted, sizeof o) != 0))
        return wrong("a launch behind it", status);
    layers_close(context);
    made = all;
    return live == 0 ? 0 : wrong("closing", status);
}

int main(void) {
    int requests = 0;
    for (int i = 0; i < COUNT; i++)
        for (int t = 0; t < 3; t++)
            tensors[t][i] = (float)((i * 7 + t) % 13) / 13;
    for (int i = 0; i < H * D; i++)
        norms[0][i] = norms[1][i] = 1 + (float)i / 16;
    for (int prepare = 0; prepare < 2; prepare++) {
        if (run(0, prepare))
            return 1;
        memcpy(wanted, o, sizeof o);
        const int count = made;
        for (int refused = 1; refused <= count; refused++)
            if (run(refused, prepare))
                return 1;
        requests += count;
    }
    printf("%d requests\n", requests);
    return 0;
}
