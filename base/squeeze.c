/* Finds what has been there before: see squeeze.h. */
#include "base/squeeze.h"

#include <string.h>

enum { HASH_BITS = 15, LEAST = 6, MOST_BYTES = 10 };

/* ---- Squeezing ----------------------------------------------------------------------------------------------------
 */
static void put_number(Text *out, size_t number) {
    char   bytes[MOST_BYTES];
    size_t count = 0;
    for (; number >= 128; number >>= 7)
        bytes[count++] = (char)(number | 128);
    bytes[count++] = (char)number;
    text_write(out, bytes, count);
}

static uint32_t hash_of(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word * 2654435761u >> (32 - HASH_BITS);
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end) {
    size_t length = 0;
    while (b + length < end && a[length] == b[length])
        length++;
    return length;
}

void squeeze(Text *out, const uint8_t *bytes, size_t size) {
    size_t *seen = NEW_ARRAY(out->ctx, size_t, 1 << HASH_BITS); /* one more than the place; 0: not yet */
    size_t  begin = 0, at = 0;
    while (at + LEAST <= size) {
        size_t      *slot = &seen[hash_of(bytes + at)];
        const size_t before = *slot;
        const size_t length = before ? match_length(bytes + before - 1, bytes + at, bytes + size) : 0;
        *slot = at + 1;
        if (length < LEAST) {
            at++;
            continue;
        }
        put_number(out, at - begin);
        text_write(out, (const char *)bytes + begin, at - begin);
        put_number(out, length);
        put_number(out, at + 1 - before);
        at += length;
        begin = at;
    }
    put_number(out, size - begin);
    text_write(out, (const char *)bytes + begin, size - begin);
    put_number(out, 0);
}

/* ---- And back ------------------------------------------------------------------------------------------------------
 */
typedef struct Reader {
    const uint8_t *at, *end;
    bool           bad;
} Reader;

static size_t get_number(Reader *in) {
    size_t number = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        if (in->at == in->end)
            break;
        const uint8_t byte = *in->at++;
        number |= (size_t)(byte & 127) << shift;
        if (byte < 128)
            return number;
    }
    in->bad = true;
    return 0;
}

bool unsqueeze(const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size) {
    Reader in = {bytes, bytes + size, false};
    size_t at = 0;
    for (;;) {
        const size_t literals = get_number(&in);
        if (in.bad || literals > (size_t)(in.end - in.at) || literals > out_size - at)
            return false;
        memcpy(out + at, in.at, literals);
        in.at += literals;
        at += literals;
        const size_t length = get_number(&in), distance = length ? get_number(&in) : 0;
        if (in.bad || length > out_size - at || (length && (distance == 0 || distance > at)))
            return false;
        if (length == 0)
            return at == out_size && in.at == in.end;
        for (size_t i = 0; i < length; i++) /* forwards: a match may overlap itself */
            out[at + i] = out[at + i - distance];
        at += length;
    }
}
