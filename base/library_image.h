/* The image of an ahead-of-time library: what driver/aot_image.c writes and runtime/library.c reads where it lies.
 *
 * One block of read-only bytes, aligned to 64, for machines of one kind:
 *     ImageHeader, targets, entries, codes, texts, then encoded code objects (code_object.h), each at a multiple of 64, and
 *     IMAGE_END in the last 8 bytes.
 * An entry is a function of the library; codes are what it can run: the code objects of an entry lie next to each other,
 * the best target first, then by bucket, a plain one behind the one it stands in for. Numbers are little-endian, places
 * count bytes from the beginning, texts are terminated and named by their place in the block of texts.
 * `tables` is the XXH3-128 of all before the first code object, with `tables` itself as zeros; there each code has its own
 * checksum: two images of equal `tables` are equal. */
#ifndef RATTAN_BASE_LIBRARY_IMAGE_H
#define RATTAN_BASE_LIBRARY_IMAGE_H

#include "base/code_object.h"

/* IMAGE_ABI also goes up with the version of code objects: a runtime reads what was written beside it alone. */
enum { IMAGE_ABI = 2, IMAGE_ALIGN = 64, IMAGE_SUM = 16 };
#define IMAGE_MAGIC "RATTANLI"
#define IMAGE_END "RATTANLE"

typedef struct ImageHeader {
    char     magic[8];
    uint32_t abi, header_bytes;
    uint64_t interface;       /* stands for what NAME.h declares */
    uint64_t bytes;           /* of the whole */
    uint8_t  tables[IMAGE_SUM];
    uint32_t name, target_count, entry_count, code_count, text_bytes, unused;
    uint64_t targets_at, entries_at, codes_at, texts_at, objects_at;
} ImageHeader;

/* Of GPUs: code runs on that compute capability alone, as that for sm_90a does; code objects have PTX for newer ones. */
enum { IMAGE_EXACT = 1, IMAGE_PTX = 2 };

typedef struct ImageTarget {
    uint32_t name, features; /* texts */
    uint32_t gpu;            /* 90 for sm_90a; 0: a CPU's */
    uint32_t flags;          /* IMAGE_EXACT, IMAGE_PTX */
} ImageTarget;

typedef struct ImageEntry {
    uint32_t name, first_code, code_count;
    uint32_t packed; /* its struct begins with N and all tokens */
} ImageEntry;

typedef struct ImageCode {
    uint32_t target, plain;     /* plain: for tensors that the code before it does not take */
    int64_t  sequences, tokens; /* its bucket; 0: any shape */
    uint64_t at, bytes;
    uint64_t length;            /* of the code object, where its bytes are squeezed (squeeze.h); 0: they are not */
    uint8_t  sum[IMAGE_SUM];    /* how the code object ends */
} ImageCode;

_Static_assert(sizeof(ImageHeader) == 112 && sizeof(ImageTarget) == 16 && sizeof(ImageEntry) == 16 &&
                   sizeof(ImageCode) == 64,
               "without gaps, the same on all machines");

/* What `tables` should be: `image` is readable up to the header's objects_at, which lies behind the header. */
void image_sum(const void *image, uint8_t sum[IMAGE_SUM]);

/* The bucket of a size: the next power of two. */
static inline int64_t image_bucket(int64_t size) {
    int64_t power = 1;
    while (power < size && power < (int64_t)1 << 62)
        power *= 2;
    return power;
}

/* The arguments of a function, as the struct in NAME.h has them and the runtime reads them: the sizes of args_sizes, then
 * the position, each an int64; then for every parameter of the caller its address and an int64 stride for each dim. */
enum { ARGS_MOST_SIZES = 4 };

/* Syms in the order of the struct: B or, where packed, N; T; P where there are pools. Returns how many. */
int args_sizes(const CodeObject *object, Sym sizes[ARGS_MOST_SIZES]);

#endif
