/* The two libraries of an image. The object comes from LLVM and the archive from archive.c, with no other program; the
 * shared library needs a linker, which every machine that builds programs has.
 *
 * The linker's script puts the image behind everything else in the file: where the file is cut short, the dynamic
 * linker still finds what it reads, and the runtime says that the image is damaged. Where it is cut short before the image the
 * dynamic linker says so: aot_headers.c, which moves the headers, so that they are in no segment here. */
#include "driver/aot.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codegen/llvm/llvm_library.h"
#include "driver/archive.h"
#include "driver/files.h"

static const char SCRIPT[] =
    "PHDRS {\n  tables PT_LOAD FLAGS(4);\n  code PT_LOAD FLAGS(5);\n  data PT_LOAD FLAGS(6);\n"
    "  image PT_LOAD FLAGS(4);\n  dynamic PT_DYNAMIC FLAGS(6);\n  note PT_NOTE FLAGS(4);\n  stack PT_GNU_STACK "
    "FLAGS(6);\n}\n"
    "SECTIONS {\n"
    "  . = SIZEOF_HEADERS;\n"
    "  .note : { *(.note.gnu.build-id) } :tables :note\n"
    "  .gnu.hash : { *(.gnu.hash) } :tables\n  .dynsym : { *(.dynsym) }\n  .dynstr : { *(.dynstr) }\n"
    "  .gnu.version : { *(.gnu.version) }\n  .gnu.version_d : { *(.gnu.version_d) }\n"
    "  .gnu.version_r : { *(.gnu.version_r) }\n"
    "  .rela.dyn : { *(.rela.dyn) *(.rela.got) }\n  .rela.plt : { *(.rela.plt) }\n"
    "  .rodata : { *(.rodata .rodata.*) }\n  .eh_frame : { KEEP(*(.eh_frame)) }\n"
    "  . = ALIGN(CONSTANT(MAXPAGESIZE));\n"
    "  .plt : { *(.plt) *(.plt.*) } :code\n  .text : { *(.text .text.*) }\n"
    "  . = ALIGN(CONSTANT(MAXPAGESIZE));\n"
    "  .dynamic : { *(.dynamic) } :data :dynamic\n  .got : { *(.got) *(.got.plt) } :data\n  .data : { *(.data .data.*) "
    "}\n"
    "  . = ALIGN(CONSTANT(MAXPAGESIZE));\n"
    "  .rattan : { KEEP(*(.rattan)) } :image\n"
    "  /DISCARD/ : { *(.comment) *(.note.GNU-stack) *(.note.gnu.property) }\n}\n";

/* ---- The object ---------------------------------------------------------------------------------------------------
 */
enum { COMMON = 4, EACH = 3 };

static int common_stubs(Ctx *ctx, const char *name, LlvmStub *stubs) {
    stubs[0] = (LlvmStub){ctx_printf(ctx, "%s_open_interface", name), "rattan_rt_open", true, -1, "lpp", 'i'};
    stubs[1] = (LlvmStub){ctx_printf(ctx, "%s_close", name), "rattan_rt_close", false, -1, "p", 'v'};
    stubs[2] = (LlvmStub){ctx_printf(ctx, "%s_target", name), "rattan_rt_target", false, -1, "p", 'p'};
    stubs[3] = (LlvmStub){ctx_printf(ctx, "%s_error_string", name), "rattan_rt_error_string", false, -1, "i", 'p'};
    return COMMON;
}

static void function_stubs(Ctx *ctx, const char *name, int number, LlvmStub *stubs) {
    stubs[0] = (LlvmStub){name, "rattan_rt_launch", true, number, "ppp", 'i'};
    stubs[1] = (LlvmStub){ctx_printf(ctx, "%s_prepare", name), "rattan_rt_prepare", true, number, "ppp", 'i'};
    stubs[2] = (LlvmStub){ctx_printf(ctx, "%s_memory", name), "rattan_rt_memory", true, number, "ppp", 'i'};
}

static Status make_object(Ctx *ctx, const AotLibrary *library, const AotImage *image, LlvmLibrary *what,
                          uint8_t **object, size_t *size) {
    const int count = COMMON + EACH * library->function_count;
    LlvmStub *stubs = NEW_ARRAY(ctx, LlvmStub, count);
    common_stubs(ctx, library->name, stubs);
    for (int f = 0; f < library->function_count; f++)
        function_stubs(ctx, library->functions[f].name, f, stubs + COMMON + EACH * f);
    *what = (LlvmLibrary){library->name, image->bytes, image->size, stubs, count};
    return llvm_library_object(ctx, image->triple, what, object, size);
}

/* ---- The linker ---------------------------------------------------------------------------------------------------
 */
typedef struct LinkJob {
    const AotLibrary *library;
    const AotImage   *image;
    const AotRuntime *runtime;
    const uint8_t    *object;
    size_t            object_size;
    const char       *linker, *folder; /* folder: for the linker's files */
    char             *bytes;           /* what came out */
    size_t            size;
} LinkJob;

static Status write_input(Ctx *ctx, const LinkJob *job, const char *name, const void *bytes, size_t size) {
    return file_write(ctx, ctx_printf(ctx, "%s/%s", job->folder, name), &(Part){bytes, size}, 1);
}

/* With no signal held: Ctrl-C ends the linker, for which this program waits with its signals held. */
static int spawn(pid_t *child, const char *program, char *const *arguments) {
    extern char     **environ;
    posix_spawnattr_t attributes;
    sigset_t          none;
    sigemptyset(&none);
    int failed = posix_spawnattr_init(&attributes);
    if (failed)
        return failed;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    failed = posix_spawnp(child, program, NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static Status run_linker(Ctx *ctx, const char *program, char *const *arguments, bool *absent) {
    pid_t     child;
    int       how = 0;
    pid_t     ended;
    const int failed = spawn(&child, program, arguments);
    *absent = failed == ENOENT;
    if (failed)
        return ctx_fail(ctx, ST_FAILED, program, "install binutils, or name a linker with --linker",
                        "cannot be started: %s", strerror(failed));
    do
        ended = waitpid(child, &how, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0) /* who started rattan ignores the ends of children: whether there is a result says it */
        return ST_OK;
    *absent = WIFEXITED(how) && WEXITSTATUS(how) == 127;
    return WIFEXITED(how) && WEXITSTATUS(how) == 0
               ? ST_OK
               : ctx_fail(ctx, ST_FAILED, program, "install binutils, or name another linker with --linker",
                          "did not link the library");
}

static Status link_with(Ctx *ctx, const LinkJob *job, const char *program, bool *absent) {
    const char *name = job->library->name;
    char       *arguments[] = {ctx_strdup(ctx, program),
                               "-shared",
                               "-m",
                         strcmp(job->image->machine, "aarch64") == 0 ? "aarch64linux" : "elf_x86_64",
                               "-soname",
                               ctx_printf(ctx, "lib%s.so.1", name),
                               "-T",
                               ctx_printf(ctx, "%s/script", job->folder),
                               "-o",
                               ctx_printf(ctx, "%s/linked", job->folder),
                               ctx_printf(ctx, "%s/object.o", job->folder),
                               ctx_printf(ctx, "%s/librattan_rt.so.1", job->folder),
                               "-rpath",
                               "$ORIGIN",
                               "--enable-new-dtags",
                               "--hash-style=gnu",
                               "--build-id=sha1",
                               "-z",
                               "noexecstack",
                               "-z",
                               "now",
                               "-s",
                               NULL};
    return run_linker(ctx, program, arguments, absent);
}

/* The machine's own linker first, then one that knows all machines. */
static Status link_by_any(Ctx *ctx, const LinkJob *job) {
    const bool  native = strcmp(job->image->machine, aot_runtimes[0].machine ? aot_runtimes[0].machine : "") == 0;
    const char *names[] = {native ? "ld" : ctx_printf(ctx, "%s-linux-gnu-ld", job->image->machine), "ld.lld"};
    bool        absent;
    if (job->linker)
        return link_with(ctx, job, job->linker, &absent);
    for (int i = 0; i < 2; i++) {
        const Status status = link_with(ctx, job, names[i], &absent);
        if (!absent)
            return status;
        ctx_clear(ctx);
    }
    return ctx_fail(ctx, ST_FAILED, "linker",
                    native ? "install binutils or lld, or name a linker with --linker"
                           : ctx_printf(ctx, "install binutils-%s-linux-gnu or lld, or name a linker with --linker",
                                        job->image->machine),
                    "neither %s nor %s is there to link lib%s.so.1", names[0], names[1], job->library->name);
}

static Status link_in_folder(Ctx *ctx, LinkJob *job) {
    const AotRuntime *rt = job->runtime;
    TRY(write_input(ctx, job, "script", SCRIPT, sizeof SCRIPT - 1));
    TRY(write_input(ctx, job, "object.o", job->object, job->object_size));
    TRY(write_input(ctx, job, "librattan_rt.so.1", rt->shared, (size_t)(rt->shared_end - rt->shared)));
    TRY(link_by_any(ctx, job));
    TRY(file_read(ctx, ctx_printf(ctx, "%s/linked", job->folder), (size_t)1 << 32, &job->bytes, &job->size));
    return aot_move_headers(ctx, job->library->name, (uint8_t *)job->bytes, job->size);
}

static Status link_shared(Ctx *ctx, LinkJob *job) {
    static const char *const NAMES[] = {"script", "object.o", "librattan_rt.so.1", "linked"};
    const char              *folder;
    TRY(folder_temporary(ctx, "aot", &folder));
    job->folder = folder;
    const Status status = link_in_folder(ctx, job);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        unlink(ctx_printf(ctx, "%s/%s", folder, NAMES[i]));
    rmdir(folder);
    return status;
}

/* ---- Both ---------------------------------------------------------------------------------------------------------
 */
const AotRuntime *aot_runtime(const char *machine) {
    for (const AotRuntime *at = aot_runtimes; at->machine; at++)
        if (strcmp(at->machine, machine) == 0)
            return at;
    return NULL;
}

/* Ctrl-C waits until the linker's files are gone. */
static Status link_undisturbed(Ctx *ctx, LinkJob *job) {
    sigset_t before;
    interrupts_hold(&before);
    const Status status = link_shared(ctx, job);
    interrupts_release(&before);
    return status;
}

static void add_runtime(Ctx *ctx, const AotRuntime *rt, const char *lib, AotFiles *files) {
    aot_add_file(ctx, files, ctx_printf(ctx, "%s/librattan_rt.a", lib), rt->archive,
                 (size_t)(rt->archive_end - rt->archive));
    aot_add_file(ctx, files, ctx_printf(ctx, "%s/librattan_rt.so.1", lib), rt->shared,
                 (size_t)(rt->shared_end - rt->shared));
    aot_add_link(ctx, files, ctx_printf(ctx, "%s/librattan_rt.so", lib), "librattan_rt.so.1");
}

static void add_archive(Ctx *ctx, const LinkJob *job, const LlvmLibrary *what, const char *path, AotFiles *files) {
    const char **symbols = NEW_ARRAY(ctx, const char *, what->stub_count);
    uint8_t     *bytes;
    size_t       size;
    for (int s = 0; s < what->stub_count; s++)
        symbols[s] = what->stubs[s].name;
    archive_write(ctx, ctx_printf(ctx, "%s.o", what->name), job->object, job->object_size, symbols, what->stub_count,
                  &bytes, &size);
    aot_add_file(ctx, files, path, bytes, size);
}

Status aot_link(Ctx *ctx, const AotLibrary *library, const AotImage *image, const char *linker, AotFiles *files) {
    const char *lib = aot_lib_folder(ctx, library, image->machine), *name = library->name;
    LlvmLibrary what;
    uint8_t    *object;
    LinkJob     job = {.library = library, .image = image, .linker = linker, .runtime = aot_runtime(image->machine)};
    if (!job.runtime)
        return ctx_fail(ctx, ST_FAILED, image->machine,
                        ctx_printf(ctx, "build rattan where %s-linux-gnu-gcc is installed", image->machine),
                        "this program was built without the runtime for that machine");
    TRY(make_object(ctx, library, image, &what, &object, &job.object_size));
    job.object = object;
    TRY(link_undisturbed(ctx, &job));
    add_archive(ctx, &job, &what, ctx_printf(ctx, "%s/lib%s.a", lib, name), files);
    aot_add_file(ctx, files, ctx_printf(ctx, "%s/lib%s.so.1", lib, name), job.bytes, job.size);
    aot_add_link(ctx, files, ctx_printf(ctx, "%s/lib%s.so", lib, name), ctx_printf(ctx, "lib%s.so.1", name));
    add_runtime(ctx, job.runtime, lib, files);
    return ST_OK;
}
