/* The text form of a Schedule: see schedule.h. Everything comes from the table schedule.def. */
#include "ir/schedule.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"

static const struct {
    const char *name;
    size_t      offset;
    int         min, max;
} FIELDS[] = {
#define FIELD(name, fallback, min, max, help) {#name, offsetof(Schedule, name), min, max},
#include "ir/schedule.def"
#undef FIELD
};

enum { FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

static int *field(Schedule *schedule, int index) { return (int *)((char *)schedule + FIELDS[index].offset); }

void schedule_print(Text *text, const Schedule *schedule) {
    Schedule copy = *schedule;
    for (int f = 0; f < FIELD_COUNT; f++)
        text_add(text, "%s%s=%d", f ? " " : "", FIELDS[f].name, *field(&copy, f));
}

const char *schedule_text(Ctx *ctx, const Schedule *schedule) {
    Text text = TEXT(ctx);
    schedule_print(&text, schedule);
    return text_str(&text);
}

static int find_field(const char *name, size_t length) {
    for (int f = 0; f < FIELD_COUNT; f++)
        if (strlen(FIELDS[f].name) == length && memcmp(FIELDS[f].name, name, length) == 0)
            return f;
    return -1;
}

static Status unknown_field(Ctx *ctx, const char *name, size_t length) {
    Text        known = TEXT(ctx);
    const char *names[FIELD_COUNT];
    for (int f = 0; f < FIELD_COUNT; f++)
        names[f] = FIELDS[f].name;
    const char *const nearest = suggest(ctx_strndup(ctx, name, length), names, FIELD_COUNT);
    text_add(&known, nearest ? "did you mean %s? fields are" : "fields are", nearest);
    for (int f = 0; f < FIELD_COUNT; f++)
        text_add(&known, "%s %s", f ? "," : "", FIELDS[f].name);
    return ctx_fail(ctx, ST_USAGE, "schedule", text_str(&known), "no field \"%.*s\"", (int)(length < 60 ? length : 60),
                    name);
}

/* One `name=value` at *at, which moves past it. */
static Status parse_field(Ctx *ctx, const char **at, Schedule *schedule, bool seen[]) {
    const char  *name = *at;
    const size_t length = strcspn(name, "= \t\r\n");
    const int    f = find_field(name, length);
    if (f < 0)
        return unknown_field(ctx, name, length);
    if (seen[f])
        return ctx_fail(ctx, ST_USAGE, "schedule", "give it once", "%s is given twice", FIELDS[f].name);
    if (name[length] != '=')
        return ctx_fail(ctx, ST_USAGE, "schedule", "write name=value", "%s has no value", FIELDS[f].name);
    char           *end;
    const long long value = (errno = 0, strtoll(name + length + 1, &end, 10));
    if (end == name + length + 1 || strchr(" \t\r\n=", name[length + 1]) || !strchr(" \t\r\n", *end))
        return ctx_fail(ctx, ST_USAGE, "schedule", "write a whole number", "%s is not a number", FIELDS[f].name);
    if (errno == ERANGE || value < FIELDS[f].min || value > FIELDS[f].max)
        return ctx_fail(ctx, ST_USAGE, "schedule",
                        ctx_printf(ctx, "%s is %d to %d", FIELDS[f].name, FIELDS[f].min, FIELDS[f].max),
                        "%s=%lld is out of range", FIELDS[f].name, value);
    seen[f] = true;
    *field(schedule, f) = (int)value;
    *at = end;
    return ST_OK;
}

Status schedule_parse(Ctx *ctx, const char *text, Schedule *schedule) {
    Schedule result = *schedule;
    bool     seen[FIELD_COUNT] = {false};
    for (const char *at = text + strspn(text, " \t\r\n"); *at; at += strspn(at, " \t\r\n"))
        TRY(parse_field(ctx, &at, &result, seen));
    *schedule = result;
    return ST_OK;
}
