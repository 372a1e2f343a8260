/* From a file to Specs: read it, evaluate it in the sandbox, take back what it says.
 *
 * Always: the text is at most 1 MB, and not one byte of it is interpreted in this process. */
#include "frontend/frontend.h"
#include "frontend/sandbox.h"
#include "frontend/spec_eval.h"
#include "frontend/spec_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SOURCE = 1024 * 1024 };

static const char REMEDY[] = "name a Lua file that can be read";

typedef struct Request {
    SpecSource  source;
    const char *default_name;
    Text        reply;
} Request;

static Status evaluate(Ctx *ctx, void *arg) {
    Request *request = arg;
    SpecFile file = {0};
    spec_eval(ctx, &request->source, request->default_name, &file);
    spec_wire_write(&request->reply, ctx, &file);
    return ST_OK;
}

/* In the child: the specs, or what is wrong with them. */
static void answer(Ctx *ctx, void *arg, Text *reply) {
    enum { RESERVE = 16 * 1024 }; /* enough to say that memory ran out */
    Request *request = arg;
    void    *reserve = ctx_alloc(ctx, RESERVE);
    request->reply = TEXT(ctx);
    if (ctx_run(ctx, evaluate, request) == ST_NO_MEMORY) {
        ctx_lend(ctx, reserve, RESERVE);
        ctx_clear(ctx);
        ctx_fail(ctx, ST_USAGE, request->source.file, "make fewer layers", "needs more than %d MB of memory",
                 SANDBOX_ARENA >> 20);
        request->reply = TEXT(ctx);
        spec_wire_write(&request->reply, ctx, NULL);
    }
    *reply = request->reply;
}

/* "dir/gemma-2.lua" to "gemma_2": what a spec without a name is called. */
static const char *name_of_file(Ctx *ctx, const char *file) {
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    char        name[64] = "";
    size_t      length = 0;
    for (const char *c = base; *c && *c != '.' && length < sizeof name - 2; c++) {
        const bool kept = spec_is_name(c, 1) || (*c >= '0' && *c <= '9');
        if (length == 0 && kept && !spec_is_name(c, 1))
            name[length++] = '_';
        if (kept || length > 0)
            name[length++] = kept ? *c : '_';
    }
    while (length > 0 && name[length - 1] == '_')
        name[--length] = '\0';
    return ctx_strdup(ctx, length > 0 ? name : "spec");
}

Status spec_load_text(Ctx *ctx, const char *file, const char *text, size_t length, SpecFile *out) {
    const char *reply = NULL;
    size_t      reply_length = 0;
    if (ctx->status != ST_OK)
        return ctx->status;
    if (length > MAX_SOURCE)
        return ctx_fail(ctx, ST_USAGE, file, "a spec is at most 1 MB of text", "is too long");
    Request request = {.source = {.file = file, .text = text, .length = length},
                       .default_name = name_of_file(ctx, file)};
    TRY(sandbox_run(ctx, file, answer, &request, &reply, &reply_length));
    return spec_wire_read(ctx, &request.source, reply, reply_length, out);
}

typedef struct Reading {
    const char *path;
    int         fd;
    Text        text;
} Reading;

/* Stops soon after MAX_SOURCE bytes: spec_load_text refuses them. */
static Status read_source(Ctx *ctx, void *arg) {
    Reading *reading = arg;
    char     piece[4096];
    ssize_t  count = 1;
    while (count != 0 && reading->text.length <= MAX_SOURCE) {
        count = read(reading->fd, piece, sizeof piece);
        if (count < 0 && errno != EINTR)
            return ctx_fail(ctx, ST_FAILED, reading->path, REMEDY, "cannot be read: %s", strerror(errno));
        if (count > 0)
            text_write(&reading->text, piece, (size_t)count);
    }
    return ST_OK;
}

Status spec_load_file(Ctx *ctx, const char *path, SpecFile *out) {
    Reading reading = {path, open(path, O_RDONLY | O_CLOEXEC), TEXT(ctx)};
    if (reading.fd < 0)
        return ctx_fail(ctx, ST_FAILED, path, REMEDY, "cannot be opened: %s", strerror(errno));
    const Status status = ctx_run(ctx, read_source, &reading); /* the file is closed if memory runs out, too */
    close(reading.fd);
    TRY(status);
    return spec_load_text(ctx, path, text_str(&reading.text), reading.text.length, out);
}
