/* Amounts in words: see quantity.h. */
#include "driver/quantity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *prefixed(Ctx *ctx, double value, double step, const char *const *prefixes, int count,
                            const char *unit) {
    int p = 0;
    while (p + 1 < count && fabs(value) >= 0.9995 * step) {
        value /= step;
        p++;
    }
    const int digits = value == 0 || fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    return ctx_printf(ctx, "%.*f %s%s", p == 0 && value == floor(value) ? 0 : digits, value, prefixes[p], unit);
}

const char *quantity_text(Ctx *ctx, double value, const char *unit) {
    static const char *const PREFIXES[] = {"", "k", "M", "G", "T", "P", "E"};
    return prefixed(ctx, value, 1000, PREFIXES, 7, unit);
}

const char *quantity_bytes(Ctx *ctx, double bytes) {
    static const char *const PREFIXES[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    return prefixed(ctx, bytes, 1024, PREFIXES, 6, "B");
}

const char *quantity_time(Ctx *ctx, double seconds) {
    static const char *const PREFIXES[] = {"n", "u", "m", ""};
    return prefixed(ctx, 1e9 * seconds, 1000, PREFIXES, 4, "s");
}

static const struct {
    char    letter;
    int64_t factor;
} LETTERS[] = {{'k', 1024}, {'M', 1024 * 1024}};

const char *quantity_short(Ctx *ctx, int64_t value) {
    for (int l = 1; l >= 0; l--)
        if (value && value % LETTERS[l].factor == 0)
            return ctx_printf(ctx, "%lld%c", (long long)(value / LETTERS[l].factor), LETTERS[l].letter);
    return ctx_printf(ctx, "%lld", (long long)value);
}

/* ---- In ---- */
Status quantity_parse(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, const char *remedy, int64_t *out) {
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    int64_t         value = number;
    bool            fits = end != text && !errno;
    for (int l = 0; l < 2 && fits; l++)
        if (*end == LETTERS[l].letter || (*end == 'K' && l == 0)) {
            fits = !__builtin_mul_overflow(value, LETTERS[l].factor, &value);
            end++;
            break;
        }
    if (!fits || *end || value < min || value > max)
        return ctx_fail(ctx, ST_USAGE, place, remedy, "'%.40s' is not a whole number in range", text);
    *out = value;
    return ST_OK;
}

static Status parse_one(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, int64_t *out) {
    return quantity_parse(ctx, place, text, min, max,
                          ctx_printf(ctx, "give numbers from %s to %s, such as 64:4096, 4k:1M or 256,512",
                                     quantity_short(ctx, min), quantity_short(ctx, max)),
                          out);
}

static Status add(Ctx *ctx, const char *place, int64_t value, Quantities *out) {
    int at = 0;
    while (at < out->count && out->items[at] < value)
        at++;
    if (at < out->count && out->items[at] == value)
        return ST_OK;
    if (out->count == QUANTITY_MOST)
        return ctx_fail(ctx, ST_USAGE, place, "give fewer, or a count: 64:4096:8", "more than %d values",
                        QUANTITY_MOST);
    memmove(&out->items[at + 1], &out->items[at], sizeof *out->items * (size_t)(out->count - at));
    out->items[at] = value;
    out->count++;
    return ST_OK;
}

/* `count` values from low to high by equal ratios, those between rounded to multiples of 16 where they are large. */
static Status add_by_ratio(Ctx *ctx, const char *place, int64_t low, int64_t high, int64_t count, Quantities *out) {
    for (int64_t i = 0; i < count; i++) {
        const double wanted =
            (double)low * pow((double)high / (double)low, (double)i / (double)(count > 1 ? count - 1 : 1));
        const int64_t unit = wanted >= 64 ? 16 : 1;
        const int64_t round = (int64_t)(wanted / (double)unit + 0.5) * unit;
        const int64_t value = i == 0 || round < low ? low : i == count - 1 || round > high ? high : round;
        TRY(add(ctx, place, value, out));
    }
    return ST_OK;
}

static Status add_powers(Ctx *ctx, const char *place, int64_t low, int64_t high, Quantities *out) {
    TRY(add(ctx, place, low, out));
    for (int64_t power = 1; power < high; power *= 2)
        if (power > low)
            TRY(add(ctx, place, power, out));
    return add(ctx, place, high, out);
}

/* "A", "A:B" or "A:B:COUNT"; ".." does for ':', as in --shapes */
static Status parse_item(Ctx *ctx, const char *place, char *text, int64_t min, int64_t max, Quantities *out) {
    char   *parts[3] = {text, NULL, NULL};
    int64_t low, high, count;
    for (int p = 1; p < 3 && parts[p - 1]; p++) {
        char *const dots = strstr(parts[p - 1], ".."), *const colon = strchr(parts[p - 1], ':');
        char *const mark = dots && (!colon || dots < colon) ? dots : colon;
        if (!mark)
            break;
        parts[p] = mark + (mark == dots ? 2 : 1);
        *mark = '\0';
    }
    TRY(parse_one(ctx, place, parts[0], min, max, &low));
    if (!parts[1])
        return add(ctx, place, low, out);
    TRY(parse_one(ctx, place, parts[1], min, max, &high));
    if (high < low)
        return ctx_fail(ctx, ST_USAGE, place, "give the smaller end first, such as 64:4096",
                        "the range ends below where it begins");
    if (!parts[2])
        return add_powers(ctx, place, low, high, out);
    TRY(parse_one(ctx, place, parts[2], 1, QUANTITY_MOST, &count));
    return add_by_ratio(ctx, place, low, high, count, out);
}

Status quantities_parse(Ctx *ctx, const char *place, const char *text, int64_t min, int64_t max, Quantities *out) {
    char *words = ctx_strdup(ctx, text), *rest = NULL;
    *out = (Quantities){0};
    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        TRY(parse_item(ctx, place, word, min, max, out));
    return out->count ? ST_OK
                      : ctx_fail(ctx, ST_USAGE, place, "give numbers such as 64:4096 or 256,512",
                                 "there are none in '%.40s'", text);
}
