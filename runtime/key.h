/* Cache keys: 128 bits of a text that names all that went into a kernel. */
#ifndef RATTAN_RUNTIME_KEY_H
#define RATTAN_RUNTIME_KEY_H

#include <stddef.h>
#include <stdint.h>

enum { KEY_BYTES = 16, KEY_HEX = 2 * KEY_BYTES + 1 };

typedef struct Key {
    uint8_t bytes[KEY_BYTES];
} Key;

/* XXH3-128, in its canonical byte order. */
Key  key_of(const void *data, size_t size);
void key_print(const Key *key, char hex[KEY_HEX]);

#endif
