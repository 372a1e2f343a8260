/* The lines of `rattan check`: one a tensor, as text while they come or as JSON at the end. */
#ifndef RATTAN_DRIVER_REPORT_H
#define RATTAN_DRIVER_REPORT_H

#include "base/ctx.h"

#include <jansson.h>

/* ||got - want|| / ||want|| in the 2-norm, summed up value by value. Anything not finite makes it infinite. */
typedef struct Difference {
    double squares, norm; /* of the difference, of what was wanted */
    bool   broken;
} Difference;

void   difference_add(Difference *difference, double got, double want);
double difference_relative(const Difference *difference);

typedef struct Report {
    json_t *rows; /* NULL: text */
    int     tensors, misses;
} Report;

void report_open(Report *report, bool json);
/* A line: passes where error <= bound. */
void report_row(Report *report, const char *name, const char *tensor, double error, double bound);
/* A line that says whether something holds that has no error measure ("slot -1 untouched"). */
void report_fact(Report *report, const char *name, const char *tensor, bool holds);
/* The last line, or the JSON with `extra` (may be NULL) in it; ST_MISMATCH where a line missed. */
Status report_close(Ctx *ctx, Report *report, json_t *extra);

/* A text of anyone's, a path say, as JSON: "?" for each byte that is no UTF-8. */
json_t *json_any_text(Ctx *ctx, const char *text);

/* The list to stdout, or its one entry. */
void json_print(const json_t *list);

#endif
