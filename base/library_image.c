/* The order of a function's sizes: see library_image.h. */
#include "base/library_image.h"

#include <string.h>

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
