/* Keys: see key.h. The text itself comes from the compiler's side: what it leaves out (paths, times) cannot matter. */
#include "runtime/key.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

Key key_of(const void *data, size_t size) {
    Key                key;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
    memcpy(key.bytes, canonical.digest, KEY_BYTES);
    return key;
}

void key_print(const Key *key, char hex[KEY_HEX]) {
    static const char DIGITS[] = "0123456789abcdef";
    for (int i = 0; i < KEY_BYTES; i++) {
        hex[2 * i] = DIGITS[key->bytes[i] >> 4];
        hex[2 * i + 1] = DIGITS[key->bytes[i] & 15];
    }
    hex[2 * KEY_BYTES] = '\0';
}
