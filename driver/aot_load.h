/* A library that `rattan aot` wrote, opened by the compiler to be checked: what its functions are, and calls of them.
 */
#ifndef RATTAN_DRIVER_AOT_LOAD_H
#define RATTAN_DRIVER_AOT_LOAD_H

#include "driver/session.h"
#include "rattan/rattan_rt.h"
#include "runtime/library.h"

typedef rattan_rt_status AotOpenFn(uint64_t interface, const rattan_rt_options *options, void **context);
typedef rattan_rt_status AotCallFn(void *context, const void *args, const rattan_rt_place *place);
typedef void             AotCloseFn(void *context);
typedef const char      *AotTextFn(int status);
typedef const char      *AotTargetFn(const void *context);

typedef struct AotLoaded AotLoaded;

typedef struct AotEntry {
    const char  *name;
    CodeObject  *object; /* of the target that runs here; NULL: none does */
    SpecItem    *item;
    AotLoaded   *loaded;
    AotCallFn   *function;
    TuningBucket bucket;
} AotEntry;

struct AotLoaded {
    const char *path;
    void       *handle, *context; /* of dlopen, and the library's own */
    AotCloseFn *close;
    AotTextFn  *describe;
    Library     library; /* a copy of its image */
    CudaDevice *device;  /* NULL: CPU */
    const char *target;
    AotEntry   *entries; /* one a code of the target */
    int         count;
};

/* `target`: NULL: the best one for this CPU; "cuda": for the first GPU. aot_unload even after a failure. */
Status aot_load(Ctx *ctx, const char *path, const char *target, AotLoaded *out);
void   aot_unload(AotLoaded *loaded);
/* Looks at every code object, also of other machines; reports how many are damaged. */
int aot_damaged(const AotLoaded *loaded);

/* Calls the library's own function. */
Status aot_call(Ctx *ctx, const AotEntry *entry, const Tensor *arguments, int64_t position);

#endif
