/* The spec of a reference vector: see golden_spec.h. */
#include "driver/golden_spec.h"

#include "base/text.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct CaseText {
    Ctx          *ctx;
    const char   *path;
    const json_t *root;
    Text          text;
} CaseText;

static Status bad_case(const CaseText *text, const char *key, const char *wanted) {
    return ctx_fail(text->ctx, ST_INTEGRITY, ctx_printf(text->ctx, "%s: metadata", text->path),
                    ctx_printf(text->ctx, "it should be %s", wanted),
                    "'%s' of the case is missing or of the wrong type", key);
}

static Status add_count(CaseText *text, const char *key, const char *field) {
    const json_t *value = json_object_get(text->root, key);
    if (!json_is_integer(value))
        return bad_case(text, key, "a whole number");
    text_add(&text->text, "  %s = %lld,\n", field, (long long)json_integer_value(value));
    return ST_OK;
}

/* A number that may be absent: 0 then. */
static Status get_number(const CaseText *text, const char *key, double *out) {
    const json_t *value = json_object_get(text->root, key);
    *out = json_number_value(value);
    return !value || json_is_number(value) ? ST_OK : bad_case(text, key, "a number");
}

static Status add_number(CaseText *text, const char *key, const char *field, double absent) {
    double value;
    TRY(get_number(text, key, &value));
    if (value == absent)
        return ST_OK;
    text_add(&text->text, "  %s = ", field);
    text_add_double(&text->text, value);
    text_add(&text->text, ",\n");
    return ST_OK;
}

/* Text that may stand between quotes in Lua: names only. */
static Status get_name(const CaseText *text, const char *key, const char *fallback, const char **out) {
    const json_t *value = json_object_get(text->root, key);
    *out = value ? json_string_value(value) : fallback;
    if (!*out)
        return bad_case(text, key, "a name");
    for (const char *c = *out; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return bad_case(text, key, "a name of letters, digits and _");
    return ST_OK;
}

static Status add_rope(CaseText *text) {
    double      theta;
    const char *style;
    TRY(get_number(text, "rope_theta", &theta));
    TRY(get_name(text, "rope_style", "interleaved", &style));
    if (theta == 0)
        return ST_OK;
    text_add(&text->text, "  rope = { theta = ");
    text_add_double(&text->text, theta);
    text_add(&text->text, ", style = \"%s\" },\n", style);
    return ST_OK;
}

static Status add_norm(CaseText *text) {
    double eps;
    TRY(get_number(text, "eps", &eps));
    if (json_is_false(json_object_get(text->root, "norm"))) {
        text_add(&text->text, "  norm = false,\n");
        return ST_OK;
    }
    text_add(&text->text, "  norm = { kind = \"rms\", eps = ");
    text_add_double(&text->text, eps > 0 ? eps : 1e-8);
    text_add(&text->text, " },\n");
    return ST_OK;
}

static void add_flag(CaseText *text, const char *key, const char *line) {
    if (json_is_true(json_object_get(text->root, key)))
        text_add(&text->text, "  %s,\n", line);
}

static Status add_fields(CaseText *text) {
    const char *name, *map;
    TRY(get_name(text, "name", "case", &name));
    TRY(get_name(text, "feature_map", NULL, &map));
    text_add(&text->text, "return rattention {\n  name = \"%s\",\n  feature_map = \"%s\",\n", name, map);
    TRY(add_count(text, "H", "heads"));
    TRY(add_count(text, "Hk", "kv_heads"));
    TRY(add_count(text, "D", "head_dim"));
    TRY(add_count(text, "Dv", "value_dim"));
    TRY(add_count(text, "window", "window"));
    TRY(add_number(text, "scale", "scale", 0));
    TRY(add_number(text, "softcap", "softcap", 0));
    TRY(add_rope(text));
    TRY(add_norm(text));
    add_flag(text, "sink", "sink = true");
    add_flag(text, "qk_scale", "qk_scale = true");
    add_flag(text, "h0", "initial_state = \"input\"");
    text_add(&text->text, "  dtype = \"fp32\",\n}\n");
    return ST_OK;
}

Status golden_spec_text(Ctx *ctx, const char *path, const SafeFile *file, const char **out) {
    const char *json = safetensors_meta(file, "case");
    *out = NULL;
    if (!json)
        return ST_OK;
    json_error_t error;
    json_t      *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return ctx_fail(ctx, ST_INTEGRITY, path, "write the file again", "the metadata's case is no JSON: %s",
                        error.text);
    CaseText     text = {ctx, path, root, TEXT(ctx)};
    const Status status = add_fields(&text);
    json_decref(root);
    *out = text_str(&text.text);
    return status;
}

static bool same_map(const FeatureMap *a, const FeatureMap *b) {
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++) {
        const MapNode *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->op != y->op || x->a != y->a || x->b != y->b || x->value != y->value || x->length != y->length)
            return false;
    }
    return true;
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)); }

typedef struct FieldPair {
    const char *name;
    double      given, of_case;
} FieldPair;

Status golden_spec_agree(Ctx *ctx, const char *path, const Spec *given, const Spec *of_case) {
    const FieldPair pairs[] = {
        {"window (0: full attention)", (double)given->window, (double)of_case->window},
        {"heads", given->heads, of_case->heads},
        {"kv_heads", given->kv_heads, of_case->kv_heads},
        {"head_dim", given->head_dim, of_case->head_dim},
        {"value_dim", given->value_dim, of_case->value_dim},
        {"rope.theta", given->rope_theta, of_case->rope_theta},
        {"rope.style (0: interleaved, 1: half)", given->rope_theta > 0 ? given->rope_style : 0,
         of_case->rope_theta > 0 ? of_case->rope_style : 0},
        {"scale", given->scale, of_case->scale},
        {"softcap", given->softcap, of_case->softcap},
        {"sink", given->sink, of_case->sink},
        {"qk_scale", given->qk_scale, of_case->qk_scale},
        {"initial_state (1: input)", given->initial_state, of_case->initial_state},
        {"norm", given->norm, of_case->norm},
        {"norm.eps", given->norm ? given->norm_eps : 0, of_case->norm ? of_case->norm_eps : 0},
    };
    static const char REMEDY[] = "give the spec that the vectors were made for, or '-' to take it from the file";
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!near(pairs[i].given, pairs[i].of_case))
            return ctx_fail(ctx, ST_USAGE, path, REMEDY, "%s is %g in the spec and %g in the file", pairs[i].name,
                            pairs[i].given, pairs[i].of_case);
    if (!given->full && !same_map(&given->map, &of_case->map))
        return ctx_fail(ctx, ST_USAGE, path, REMEDY, "feature_map is %s in the spec and %s in the file",
                        given->map.name, of_case->map.name);
    return ST_OK;
}
