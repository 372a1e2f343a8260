/* Ctx: what one compilation shares: its arena and its first error.
 *
 * In:  every function that can fail takes a Ctx first and returns a Status.
 * Out: the first failure is kept with its place and its remedy; later ones are ignored, so a caller may
 *      propagate a Status without thinking about which message wins.
 * Always: nothing here prints, exits or aborts. Running out of memory unwinds to the innermost ctx_run(). */
#ifndef RATTAN_BASE_CTX_H
#define RATTAN_BASE_CTX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order is fixed: rattan_status in the public header mirrors it (a static assert ties them). */
typedef enum Status {
    ST_OK = 0,
    ST_FAILED,    /* the operation failed: I/O, compiler, resources     exit code 1 */
    ST_USAGE,     /* wrong usage, spec, schedule or argument            exit code 2 */
    ST_MISMATCH,  /* verification found a difference                    exit code 3 */
    ST_NO_DEVICE, /* no such device or target here                      exit code 4 */
    ST_INTEGRITY, /* data is damaged: checksum, truncated file          exit code 5 */
    ST_NO_MEMORY, /* memory ran out                                     exit code 1 */
} Status;

/* Propagates a failure to the caller. */
#define TRY(expr)                           \
    do {                                    \
        Status try_status_ = (expr);        \
        if (try_status_ != ST_OK)           \
            return try_status_;             \
    } while (0)

typedef struct ArenaBlock ArenaBlock;

typedef struct Ctx {
    ArenaBlock *blocks;   /* the arena: newest block first */
    size_t      limit;    /* bytes the arena may hold; 0: no limit */
    size_t      used;     /* bytes obtained from malloc so far */
    jmp_buf    *unwind;   /* innermost ctx_run(), or NULL */
    Status      status;   /* of the first failure */
    char        place[256];
    char        message[1024];
    char        remedy[512];
} Ctx;

void ctx_init(Ctx *ctx);
void ctx_free(Ctx *ctx);

/* Runs fn(ctx, arg); an exhausted arena inside it becomes ST_NO_MEMORY here. Calls nest. */
Status ctx_run(Ctx *ctx, Status (*fn)(Ctx *ctx, void *arg), void *arg);

/* Records the first failure and returns its status. `place` ("spec.lua:4: window", "op %12 = dot") and `remedy`
 * ("use a multiple of kv_heads (8)") may be NULL. The message is one line without a full stop. */
Status ctx_fail(Ctx *ctx, Status status, const char *place, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The failure, if there is one, lies at this place, as the caller's own caller names it. Returns the status. */
Status ctx_place(Ctx *ctx, const char *place);

/* Forgets the failure (not the arena), e.g. after falling back to something that works. */
void ctx_clear(Ctx *ctx);

/* "place: message (remedy)" into out, always terminated; returns the length it wanted, as snprintf does. */
int ctx_describe(const Ctx *ctx, char *out, size_t size);

/* The process exit code of a status: see DESIGN, "Errors". */
int status_exit_code(Status status);

/* Arena memory: zeroed, 16-byte aligned, freed by ctx_free. Never NULL. */
void *ctx_alloc(Ctx *ctx, size_t bytes);
void *ctx_realloc(Ctx *ctx, void *old, size_t old_bytes, size_t new_bytes);
char *ctx_strdup(Ctx *ctx, const char *text);
char *ctx_strndup(Ctx *ctx, const char *text, size_t length);
char *ctx_printf(Ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lends memory (16-byte aligned) to the arena, which takes from it next and never frees it: for code that must not call
 * malloc, such as the child of a fork. With ctx->limit = ctx->used + 1 there is nothing beyond it. */
void ctx_lend(Ctx *ctx, void *memory, size_t bytes);

#define NEW(ctx, type) ((type *)ctx_alloc((ctx), sizeof(type)))
#define NEW_ARRAY(ctx, type, n) ((type *)ctx_alloc((ctx), sizeof(type) * (size_t)(n)))

/* Appends to a growing arena array: PUSH(ctx, list->items, list->count, list->capacity, item). */
#define PUSH(ctx, items, count, capacity, item)                                                                  \
    do {                                                                                                         \
        if ((count) == (capacity)) {                                                                             \
            int grown_ = (capacity) ? 2 * (capacity) : 8;                                                        \
            (items) = ctx_realloc((ctx), (items), (size_t)(capacity) * sizeof *(items),                          \
                                  (size_t)grown_ * sizeof *(items));                                             \
            (capacity) = grown_;                                                                                 \
        }                                                                                                        \
        (items)[(count)++] = (item);                                                                             \
    } while (0)

#endif
