/* The checksum of an image's tables, the order of a function's sizes: see library_image.h. */
#include "base/library_image.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void image_sum(const void *image, uint8_t sum[IMAGE_SUM]) {
    const uint8_t *const bytes = image;
    ImageHeader          header;
    XXH3_state_t         state;
    XXH128_canonical_t   canonical;
    memcpy(&header, image, sizeof header);
    memset(header.tables, 0, IMAGE_SUM);
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, &header, sizeof header);
    XXH3_128bits_update(&state, bytes + sizeof header, header.objects_at - sizeof header);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(sum, canonical.digest, IMAGE_SUM);
}

int args_sizes(const CodeObject *object, Sym sizes[ARGS_MOST_SIZES]) {
    bool packed = false, pools = false;
    int  count = 0;
    for (int p = 0; p < object->param_count; p++) {
        packed |= strcmp(object->params[p].name, "cu_seqlens") == 0;
        for (int d = 0; d < 4; d++)
            pools |= object->params[p].role != PARAM_WORK && object->params[p].dims[d] == DIM_SYM(SYM_P);
    }
    sizes[count++] = packed ? SYM_N : SYM_B;
    sizes[count++] = SYM_T;
    if (pools)
        sizes[count++] = SYM_P;
    return count;
}
