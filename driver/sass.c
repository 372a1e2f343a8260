/* Cubins through nvdisasm: see sass.h. NVIDIA documents no machine code; its own program is the only reader. */
#include "driver/sass.h"

#include "base/text.h"
#include "driver/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program is looked for by the shell, so that its PATH counts. */
static const char COMMAND[] = "PATH=\"$PATH:${CUDA_HOME:-/usr/local/cuda}/bin:/usr/local/cuda/bin\" nvdisasm %s 2>&1";

/* One word of the shell's, whatever TMPDIR holds. */
static const char *shell_word(Ctx *ctx, const char *path) {
    Text text = TEXT(ctx);
    text_add(&text, "'");
    for (; *path; path++)
        text_add(&text, *path == '\'' ? "'\\''" : "%c", *path);
    text_add(&text, "'");
    return text_str(&text);
}

static Status read_all(Ctx *ctx, FILE *from, Text *text) {
    char   block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block - 1, from)) > 0) {
        block[got] = '\0';
        text_add(text, "%s", block);
    }
    return ferror(from) ? ctx_fail(ctx, ST_FAILED, "nvdisasm", NULL, "its output cannot be read") : ST_OK;
}

static Status run_nvdisasm(Ctx *ctx, const char *path, const char **out) {
    Text  text = TEXT(ctx);
    FILE *pipe = popen(ctx_printf(ctx, COMMAND, shell_word(ctx, path)), "r");
    if (!pipe)
        return ctx_fail(ctx, ST_FAILED, "nvdisasm", NULL, "cannot be started");
    const Status status = read_all(ctx, pipe, &text);
    const int    code = pclose(pipe);
    const char  *words = text_str(&text);
    if (status == ST_OK && code != 0)
        return ctx_fail(ctx, ST_FAILED, "--emit sass",
                        "install the CUDA toolkit, which has nvdisasm, and put it on PATH", "nvdisasm failed: %.*s",
                        (int)strcspn(words, "\n"), words);
    *out = words;
    return status;
}

Status sass_disassemble(Ctx *ctx, const uint8_t *cubin, size_t size, const char **text) {
    const char *folder;
    const Part  part = {cubin, size};
    TRY(folder_temporary(ctx, "sass", &folder));
    const char *path = ctx_printf(ctx, "%s/cubin", folder);
    Status      status = file_write(ctx, path, &part, 1);
    if (status == ST_OK)
        status = run_nvdisasm(ctx, path, text);
    unlink(path);
    rmdir(folder);
    return status;
}
