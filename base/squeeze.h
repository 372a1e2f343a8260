/* Text made smaller: PTX, which says the same again and again, takes a sixth or less. Equal inputs give equal outputs.
 *
 * The form: runs of [count of literals] [literals] [length of a match] [distance], counts in 7 bits a byte, the lowest
 * first, the eighth says that more follow; a match of length 0 ends it and has no distance. */
#ifndef RATTAN_BASE_SQUEEZE_H
#define RATTAN_BASE_SQUEEZE_H

#include "base/text.h"

void squeeze(Text *out, const uint8_t *bytes, size_t size);
/* Fills `out` exactly, or is false: what was squeezed has been damaged. Reads and writes nothing outside. */
bool unsqueeze(const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size);

#endif
