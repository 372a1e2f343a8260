/* The first lines of generated code: see code_head.h. */
#include "driver/code_head.h"

#include <string.h>

#include "driver/bench_case.h"
#include "driver/session.h"
#include "frontend/frontend.h"

static void add_command(Text *head, const CompileRequest *request, const Schedule *schedule) {
    text_add(head, "// rattan compile SPEC --kind %s", kind_name(request->kind));
    if (request->variant)
        text_add(head, " --with %s", variant_text(head->ctx, request->variant));
    if (request->ring_rows)
        text_add(head, " --shape ring=%lld", (long long)request->ring_rows);
    text_add(head, " --target %s --emit cuda --schedule '", request->target->name);
    schedule_print(head, schedule);
    text_add(head, "'\n");
}

static void add_spec(Text *head, const Spec *spec) {
    Text  text = TEXT(head->ctx);
    char *rest = NULL;
    spec_print(&text, spec);
    text_add(head, "// of this SPEC:\n");
    for (char *line = strtok_r(ctx_strdup(head->ctx, text_str(&text)), "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        text_add(head, "//   %s\n", line);
}

static void add_budget(Text *head, const CompileRequest *request) {
    const Shape asked = {.B = -1, .T = -1, .pos = -1, .ring = -1};
    BenchCase   bench;
    if (bench_case_plan(head->ctx, request->spec, request->kind, &asked, &bench) != ST_OK)
        return;
    const Shape *shape = &bench.shape;
    text_add(head, "// A launch of B=%lld,T=%lld", (long long)shape->B, (long long)shape->T);
    if (shape->pos >= 0)
        text_add(head, ",pos=%lld", (long long)shape->pos);
    text_add(head, " has to do %.4g Gflop of products and to move %.4g MB.\n", 1e-9 * bench.useful_flops, 1e-6 * bench.bytes);
}

const char *code_head(Ctx *ctx, const CompileRequest *request, const Schedule *schedule) {
    Text head = TEXT(ctx);
    add_command(&head, request, schedule);
    add_spec(&head, request->spec);
    add_budget(&head, request);
    return text_str(&head);
}
