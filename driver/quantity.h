/* Amounts in words: "12.3 GFLOP", "1.5 MiB" out; "64", "4k", "1M" and ranges of them in. */
#ifndef RATTAN_DRIVER_QUANTITY_H
#define RATTAN_DRIVER_QUANTITY_H

#include "base/ctx.h"

/* Three digits and a prefix of thousands: "12.3 GFLOP", "870 FLOP". */
const char *quantity_text(Ctx *ctx, double value, const char *unit);
/* Three digits and a prefix of 1024: "1.5 MiB", "96 B". */
const char *quantity_bytes(Ctx *ctx, double bytes);
/* Seconds: "12.3 ms", "870 us". */
const char *quantity_time(Ctx *ctx, double seconds);
/* A power of two's usual name: "4k" for 4096, "1M"; other numbers as they are. */
const char *quantity_short(Ctx *ctx, int64_t value);

/* "64", "4k", "1M": k and M stand for 1024 and 1024 * 1024. ST_USAGE with `place` and `remedy` where it is none of min .. max. */
Status quantity_parse(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, const char *remedy, int64_t *out);

enum { QUANTITY_MOST = 64 };

typedef struct Quantities {
    int64_t items[QUANTITY_MOST]; /* rising */
    int     count;
} Quantities;

/* "64:4096" (both ends and the powers of two between them), "64:4096:8" (8 values by equal ratios),
 * "512", "64,128,1k", or several of these with commas between; ".." may stand for ':'. k and M stand for 1024 and 1024 * 1024. Values lie in
 * min .. max. `place` names the option in the error (ST_USAGE). */
Status quantities_parse(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, Quantities *out);

#endif
