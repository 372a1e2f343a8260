/* The driver API by dlopen: see cuda_driver.h. */
#include "runtime/cuda_driver.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { RESULT_NO_DEVICE = 100, LEAST_VERSION = 12000 };

static bool find_functions(void *library, CudaDriver *driver, const char **missing) {
    const struct {
        const char *name;
        void       *place;
        bool        optional;
    } functions[] = {
#define X(member, name, arguments) {name, &driver->member, false},
        CUDA_FUNCTIONS(X)
#undef X
#define X(member, name, arguments) {name, &driver->member, true},
            CUDA_OPTIONAL_FUNCTIONS(X)
#undef X
    };
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        void *address = dlsym(library, functions[f].name);
        *missing = functions[f].name;
        if (!address && !functions[f].optional)
            return false;
        memcpy(functions[f].place, &address, sizeof address);
    }
    return true;
}

/* The library stays open: what the driver has set up in this process cannot be taken down. */
static Status open_library(Ctx *ctx, CudaDriver *driver) {
    const char *given = getenv("RATTAN_LIBCUDA"), *name = given && *given ? given : "libcuda.so.1", *missing;
    void       *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA driver",
                        "install NVIDIA's driver on a machine with a GPU; `--target cuda:sm_XX` compiles without one",
                        "%s cannot be opened", name);
    const bool complete = find_functions(library, driver, &missing);
    dlclose(library);
    return complete ? ST_OK
                    : ctx_fail(ctx, ST_NO_DEVICE, "CUDA driver", "install driver 525 (CUDA 12.0) or newer",
                               "%s has no %s", name, missing);
}

Status cuda_driver_open(Ctx *ctx, CudaDriver *driver) {
    int version = 0, count = 0;
    TRY(open_library(ctx, driver));
    const int result = driver->init(0);
    if (result != 0 && result != RESULT_NO_DEVICE) {
        const char *name = NULL;
        driver->error_name(result, &name);
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA driver", "see whether nvidia-smi works", "cuInit: %s (%d)",
                        name ? name : "unknown error", result);
    }
    if (result != 0 || driver->device_count(&count) != 0 || count == 0)
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA driver",
                        "look at CUDA_VISIBLE_DEVICES; `--target cuda:sm_XX` compiles without a GPU",
                        "it shows no device");
    driver->version(&version);
    if (version < LEAST_VERSION)
        return ctx_fail(ctx, ST_NO_DEVICE, "CUDA driver", "install driver 525 (CUDA 12.0) or newer",
                        "it is for CUDA %d.%d", version / 1000, version % 1000 / 10);
    return ST_OK;
}

Status cuda_check(Ctx *ctx, const CudaDriver *driver, int result, const char *place, const char *what) {
    const char *name = NULL, *text = NULL;
    if (result == 0)
        return ST_OK;
    driver->error_name(result, &name);
    driver->error_text(result, &text);
    if (result == CU_RESULT_OUT_OF_MEMORY)
        return ctx_fail(ctx, ST_NO_MEMORY, place, "use a smaller batch, or free memory on the device", "%s: %s", what,
                        name ? name : "out of memory");
    if (result == CU_RESULT_NEWER_PTX)
        return ctx_fail(ctx, ST_NO_DEVICE, place, "install a newer driver, or an NVRTC that is not newer than it",
                        "%s: %s, the driver is older than the NVRTC that compiled it", what, name ? name : "unsupported PTX");
    return ctx_fail(ctx, ST_FAILED, place,
                    "run it under compute-sanitizer, or with CUDA_LAUNCH_BLOCKING=1, to see where it happens",
                    "%s: %s, %s", what, name ? name : "unknown error", text ? text : "no words for it");
}

const void *cuda_stream_key(CuStream stream) {
    static _Thread_local char of_thread;
    return stream == CU_STREAM_OF_THREAD ? &of_thread : (const void *)stream;
}

bool cuda_is_capturing(const CudaDriver *driver, CuStream stream) {
    int capturing = 0;
    return driver->stream_capturing(stream, &capturing) != 0 || capturing != 0;
}

bool cuda_is_known_capturing(const CudaDriver *driver, CuStream stream) {
    int       capturing = 0;
    const int result = driver->stream_capturing(stream, &capturing);
    return result == 0 ? capturing != 0 : result == CU_RESULT_CAPTURE_IMPLICIT;
}
