/* The lines of `rattan check`: see report.h. */
#include "driver/report.h"

#include "driver/terminal.h"

#include <math.h>
#include <stdlib.h>

void difference_add(Difference *difference, double got, double want) {
    /* Equal infinities are no difference; any other value that is not finite is broken. */
    if (got == want && !isfinite(want))
        return;
    if (!isfinite(got) || !isfinite(want))
        difference->broken = true;
    difference->squares += (got - want) * (got - want);
    difference->norm += want * want;
}

double difference_relative(const Difference *difference) {
    if (difference->broken)
        return INFINITY;
    if (difference->squares == 0)
        return 0;
    return difference->norm == 0 ? INFINITY : sqrt(difference->squares / difference->norm);
}

void report_open(Report *report, bool json) { *report = (Report){.rows = json ? json_array() : NULL}; }

static void add_row(Report *report, const char *name, const char *tensor, json_t *error, json_t *bound, bool holds) {
    report->tensors++;
    report->misses += !holds;
    if (!report->rows) {
        json_decref(error);
        json_decref(bound);
        return;
    }
    json_array_append_new(report->rows, json_pack("{s:s, s:s, s:o, s:o, s:b}", "case", name, "tensor", tensor,
                                                      "error", error, "bound", bound, "pass", holds));
}

static void print_verdict(bool holds) {
    printf("%s%s%s\n", colour_on(stdout, holds ? COLOUR_GOOD : COLOUR_BAD), holds ? "ok" : "MISS", colour_off(stdout));
    fflush(stdout);
}

void report_row(Report *report, const char *name, const char *tensor, double error, double bound) {
    const bool holds = error <= bound;
    add_row(report, name, tensor, isfinite(error) ? json_real(error) : json_null(), json_real(bound), holds);
    if (report->rows)
        return;
    printf("%-28s %-22s %9.2e  %9.2e  ", name, tensor, error, bound);
    print_verdict(holds);
}

void report_fact(Report *report, const char *name, const char *tensor, bool holds) {
    add_row(report, name, tensor, json_null(), json_null(), holds);
    if (report->rows)
        return;
    printf("%-28s %-22s %9s  %9s  ", name, tensor, holds ? "equal" : "differs", "");
    print_verdict(holds);
}

Status report_close(Ctx *ctx, Report *report, json_t *extra) {
    if (report->rows) {
        json_t *root = json_pack("{s:o, s:i, s:i, s:b}", "rows", report->rows, "tensors", report->tensors, "misses",
                                 report->misses, "pass", report->misses == 0);
        if (extra)
            json_object_update(root, extra);
        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        puts("");
        json_decref(root);
    } else {
        printf("%d tensors, %d missed\n", report->tensors, report->misses);
    }
    json_decref(extra);
    if (report->misses == 0)
        return ST_OK;
    return ctx_fail(ctx, ST_MISMATCH, NULL, "see the lines marked MISS", "%d of %d comparisons missed their bound",
                    report->misses, report->tensors);
}

json_t *json_any_text(Ctx *ctx, const char *text) {
    json_t *whole = json_string(text);
    if (whole)
        return whole;
    char *plain = ctx_strdup(ctx, text);
    for (char *c = plain; *c; c++)
        *c = (unsigned char)*c < 128 ? *c : '?';
    return json_string(plain);
}

void json_print(const json_t *list) {
    json_dumpf(json_array_size(list) == 1 ? json_array_get(list, 0) : list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(8));
    puts("");
}
