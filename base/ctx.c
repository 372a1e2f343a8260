/* The arena and the sticky first diagnostic: see ctx.h. */
#include "base/ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16, HUGE_PAGE = 2 * 1024 * 1024 };

struct ArenaBlock {
    ArenaBlock *next;
    size_t      size, used;
    bool        lent;
};

static size_t round_up(size_t n) { return (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1); }

/* Not the texts behind their first bytes: a launch has a Ctx of its own and shall not clear two kilobytes for it. */
void ctx_init(Ctx *ctx) {
    ctx->blocks = NULL;
    ctx->limit = ctx->used = 0;
    ctx->unwind = NULL;
    ctx_clear(ctx);
}

void ctx_free(Ctx *ctx) {
    for (ArenaBlock *block = ctx->blocks; block;) {
        ArenaBlock *next = block->next;
        if (!block->lent)
            free(block);
        block = next;
    }
    ctx->blocks = NULL;
    ctx->used = 0;
}

Status ctx_run(Ctx *ctx, Status (*fn)(Ctx *ctx, void *arg), void *arg) {
    jmp_buf         here;
    jmp_buf *const  outer = ctx->unwind;
    Status          status;
    ctx->unwind = &here;
    if (setjmp(here) == 0)
        status = fn(ctx, arg);
    else
        status = ctx_fail(ctx, ST_NO_MEMORY, NULL, "free some memory or raise the limit", "out of memory");
    ctx->unwind = outer;
    return status;
}

Status ctx_fail(Ctx *ctx, Status status, const char *place, const char *remedy, const char *format, ...) {
    if (ctx->status != ST_OK)
        return status;
    ctx->status = status;
    snprintf(ctx->place, sizeof ctx->place, "%s", place ? place : "");
    snprintf(ctx->remedy, sizeof ctx->remedy, "%s", remedy ? remedy : "");
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    return status;
}

Status ctx_place(Ctx *ctx, const char *place) {
    if (ctx->status != ST_OK)
        snprintf(ctx->place, sizeof ctx->place, "%s", place);
    return ctx->status;
}

void ctx_clear(Ctx *ctx) {
    ctx->status = ST_OK;
    ctx->place[0] = ctx->message[0] = ctx->remedy[0] = '\0';
}

int ctx_describe(const Ctx *ctx, char *out, size_t size) {
    return snprintf(out, size, "%s%s%s%s%s%s", ctx->place, ctx->place[0] ? ": " : "", ctx->message,
                    ctx->remedy[0] ? " (" : "", ctx->remedy, ctx->remedy[0] ? ")" : "");
}

int status_exit_code(Status status) {
    switch (status) {
    case ST_OK: return 0;
    case ST_USAGE: return 2;
    case ST_MISMATCH: return 3;
    case ST_NO_DEVICE: return 4;
    case ST_INTEGRITY: return 5;
    case ST_FAILED:
    case ST_NO_MEMORY: break;
    }
    return 1;
}

/* A request too big to be real, a full arena and a failed malloc all end here. */
static _Noreturn void exhausted(Ctx *ctx) {
    /* A Ctx that allocates outside ctx_run() is a bug of the caller; there is nowhere to return to. */
    if (!ctx->unwind)
        abort();
    longjmp(*ctx->unwind, 1);
}

/* Tensors of tens of megabytes live in such blocks: with small pages a kernel that streams through them would wait for page
 * walks, in a virtual machine more than for memory. Only a hint, and only for whole pages inside the block. */
static void ask_for_huge_pages(void *block, size_t size) {
    if (size < 2 * HUGE_PAGE)
        return;
    const uintptr_t begin = ((uintptr_t)block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t end = ((uintptr_t)block + size) / HUGE_PAGE * HUGE_PAGE;
    if (end > begin)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

void *ctx_alloc(Ctx *ctx, size_t bytes) {
    if (bytes > SIZE_MAX / 4)
        exhausted(ctx);
    const size_t need = round_up(bytes ? bytes : 1);
    const size_t header = round_up(sizeof(ArenaBlock));
    ArenaBlock  *block = ctx->blocks;
    if (!block || block->size - block->used < need) {
        const size_t size = header + (need > BLOCK_BYTES ? need : BLOCK_BYTES);
        if (ctx->limit && ctx->used + size > ctx->limit)
            exhausted(ctx);
        block = malloc(size);
        if (!block)
            exhausted(ctx);
        ask_for_huge_pages(block, size);
        *block = (ArenaBlock){ctx->blocks, size, header, false};
        ctx->blocks = block;
        ctx->used += size;
    }
    void *memory = (char *)block + block->used;
    block->used += need;
    return memset(memory, 0, need);
}

void ctx_lend(Ctx *ctx, void *memory, size_t bytes) {
    ArenaBlock *block = memory;
    *block = (ArenaBlock){ctx->blocks, bytes, round_up(sizeof *block), true};
    ctx->blocks = block;
}

void *ctx_realloc(Ctx *ctx, void *old, size_t old_bytes, size_t new_bytes) {
    void *grown = ctx_alloc(ctx, new_bytes);
    if (old_bytes)
        memcpy(grown, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    return grown;
}

char *ctx_strndup(Ctx *ctx, const char *text, size_t length) {
    char *copy = ctx_alloc(ctx, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *ctx_strdup(Ctx *ctx, const char *text) { return ctx_strndup(ctx, text, strlen(text)); }

char *ctx_printf(Ctx *ctx, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = ctx_alloc(ctx, (size_t)(length < 0 ? 0 : length) + 1);
    if (length >= 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
