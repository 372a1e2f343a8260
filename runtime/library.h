/* The image of an ahead-of-time library in this process: found whole, and which of its kernels run on a device. */
#ifndef RATTAN_RUNTIME_LIBRARY_H
#define RATTAN_RUNTIME_LIBRARY_H

#include "base/library_image.h"
#include "runtime/cuda_device.h"

/* Views into the image. */
typedef struct Library {
    const uint8_t     *image;
    const ImageHeader *header;
    const ImageTarget *targets;
    const ImageEntry  *entries;
    const ImageCode   *codes;
    const char        *texts;
} Library;

/* How an image was refused beyond what Status tells. */
typedef enum LibraryFault { LIBRARY_FINE, LIBRARY_VERSION, LIBRARY_TWO } LibraryFault;

/* Looks at the header and the tables alone. ST_INTEGRITY for what is damaged, also where its file has been cut short
 * and reading on would raise a signal; ST_USAGE and a fault for another version. */
Status library_open(Ctx *ctx, const void *image, uint64_t interface, Library *out, LibraryFault *fault);
/* The names of libraries in use: two of one name that differ are refused, with LIBRARY_TWO. Pairs with library_leave.
 */
Status library_enter(Ctx *ctx, const Library *library, LibraryFault *fault);
void   library_leave(const Library *library);

const char *library_name(const Library *library);
const char *library_target(const Library *library, uint32_t target);

/* The code objects' bytes, checked. */
Status library_code(Ctx *ctx, const Library *library, uint32_t code, CodeObject **out);

/* Whether this machine (device NULL) or this GPU runs a target. */
bool library_runs(const Library *library, uint32_t target, const CudaDevice *device);
/* Whether it could through the PTX of its code objects. */
bool library_compiles(const Library *library, uint32_t target, const CudaDevice *device);

#endif
