/* `rattan aot`: kernels as a library for programs that have no compiler. What its steps hand on to each other:
 *
 *     plan     words of the command line -> functions and targets         aot_plan.c
 *     compile  each function for each target and bucket -> code objects   aot_compile.c
 *     image    code objects for machines of one kind -> one block         aot_image.c
 *     header   functions -> NAME.h, and the number that stands for it     aot_header.c
 *     package  manifest, CMake package, pkg-config file                   aot_package.c
 *     write    all files, linked, at once, or none                        aot_link.c, aot_headers.c, aot_write.c
 *     check    a library that was built, against float64                  aot_load.c, aot_check.c
 *
 * Always: equal inputs give equal bytes: no times, no paths, and everything in an order of its own. All memory is the
 * Ctx's, but for code objects: aot_free. */
#ifndef RATTAN_DRIVER_AOT_H
#define RATTAN_DRIVER_AOT_H

#include "base/library_image.h"
#include "driver/session.h"

typedef struct AotTarget {
    Target      target;
    int         gpu;     /* 90 for sm_90a; 0: a CPU's */
    const char *machine; /* of CPUs: "x86_64", "aarch64" */
} AotTarget;

typedef struct AotCode {
    int          target; /* index */
    TuningBucket bucket; /* zeros: any shape */
    bool         plain;  /* for tensors that the code before it does not take */
    bool         tuned;  /* its schedule is of the tuning database */
    CodeObject  *object;
    uint8_t     *bytes; /* encoded; malloc'd */
    size_t       size;
} AotCode;

typedef struct AotFunction {
    const char     *name;      /* "NAME_layer_forward_lse" */
    const char     *kind_text; /* "forward with lse" */
    const SpecItem *item;
    KernelKind      kind;
    int             variant;
    AotCode        *codes; /* by target, bucket, plain */
    int             code_count, code_capacity;
} AotFunction;

typedef struct AotLibrary {
    const char  *name, *shapes; /* --shapes; NULL: any */
    AotTarget   *targets;       /* the best first */
    int          target_count, target_capacity;
    AotFunction *functions;
    int          function_count, function_capacity;
    const char  *machine; /* whose files go to lib/ itself */
    const char  *header;  /* text of NAME.h */
    uint64_t     interface;
} AotLibrary;

Status aot_plan(Ctx *ctx, Session *session, AotLibrary *library);
Status aot_compile(Ctx *ctx, Session *session, AotLibrary *library);
void   aot_free(AotLibrary *library);
/* The target that keeps its PTX; -1: none can. PTX is large and wanted where a chip has no cubin alone: the oldest chip's
 * serves all newer ones. */
int aot_last_resort(const AotLibrary *library);

Status aot_header(Ctx *ctx, AotLibrary *library);
/* "swa_norm", or "do_" for what C has a word of its own for. */
const char *aot_field(const CodeParam *param);

typedef struct AotImage {
    const char *machine, *triple;
    uint8_t    *bytes; /* arena */
    size_t      size;
    size_t      code_bytes; /* of cubins and objects in it */
} AotImage;

/* For CPUs of one kind and all GPUs. */
Status aot_image(Ctx *ctx, const AotLibrary *library, const char *machine, AotImage *out);
/* Kinds of machines that there are targets for, each once and the library's own first; until NULL. */
const char *aot_machine(const AotLibrary *library, int index);

/* The librattan_rt of a machine, which is part of this program; NULL: it was built without. */
typedef struct AotRuntime {
    const char    *machine;
    const uint8_t *shared, *shared_end, *archive, *archive_end;
} AotRuntime;
extern const AotRuntime aot_runtimes[]; /* until a machine of NULL */
extern const char       aot_runtime_header[];
const AotRuntime       *aot_runtime(const char *machine);

/* A file of the library: its place below the folder, and its bytes or where a link leads. */
typedef struct AotFile {
    const char    *path;
    const uint8_t *bytes;
    size_t         size;
    const char    *link; /* NULL: a file */
} AotFile;

typedef struct AotFiles {
    AotFile *items;
    int      count, capacity;
} AotFiles;

void aot_add_file(Ctx *ctx, AotFiles *files, const char *path, const void *bytes, size_t size);
void aot_add_text(Ctx *ctx, AotFiles *files, const char *path, const char *text);
void aot_add_link(Ctx *ctx, AotFiles *files, const char *path, const char *target);
/* "lib", or "lib/aarch64" for machines other than the library's first. */
const char *aot_lib_folder(Ctx *ctx, const AotLibrary *library, const char *machine);
/* The text with the name in the place of @NAME@ and the machine in that of @MACHINE@. */
const char *aot_fill(Ctx *ctx, const char *text, const char *name, const char *machine);
/* The manifest comes last: it has the other files' sums. */
void   aot_package(Ctx *ctx, const AotLibrary *library, AotFiles *files);
Status aot_manifest(Ctx *ctx, const AotLibrary *library, AotFiles *files);

/* The two libraries of an image. `linker`: NULL: what suits the machine. */
Status aot_link(Ctx *ctx, const AotLibrary *library, const AotImage *image, const char *linker, AotFiles *files);
/* Of what the linker wrote, in place: see aot_headers.c. */
Status aot_move_headers(Ctx *ctx, const char *name, uint8_t *bytes, size_t size);
/* Puts the files below the folder, each whole; none if that fails before the last is on disk. */
Status aot_write(Ctx *ctx, const char *folder, const AotFiles *files);

/* The library in a folder or file against the float64 reference. */
Status aot_check(Ctx *ctx, Session *session, const char *path);

#endif
