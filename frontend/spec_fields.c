/* The field table and the checks of single values: see spec_fields.h. */
#include "frontend/spec_fields.h"
#include "frontend/feature_map.h"
#include "frontend/frontend.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { RATTENTION = FORM_RATTENTION, BOTH = FORM_BOTH };

const SpecField spec_fields[SPEC_FIELD_COUNT] = {
#define SPEC_FIELD(name, type, member, forms, min, max, choices, fallback, remedy, help)                               \
    {name, FIELD_##type, offsetof(Spec, member), forms, min, max, choices, fallback, remedy, help},
#include "frontend/spec_fields.def"
};

const ModelField model_fields[MODEL_FIELD_COUNT] = {
#define MODEL_FIELD(name, remedy, help) {name, remedy, help},
#include "frontend/spec_fields.def"
};

/* The words of `choices` count the values of these enums. */
_Static_assert(ROPE_INTERLEAVED == 0 && ROPE_HALF == 1, "order of rope.style");
_Static_assert(DT_F32 == 0 && DT_BF16 == 1 && DT_F16 == 2, "order of dtype");
_Static_assert(SPEC_FIELD_COUNT < 63, "Spec.defaulted has a bit a row");
_Static_assert(sizeof(RopeStyle) == sizeof(int) && sizeof(DType) == sizeof(int), "a choice is stored as an int");

const SpecField *spec_field_find(const char *name, size_t length) {
    for (int i = 0; i < SPEC_FIELD_COUNT; i++)
        if (strlen(spec_fields[i].name) == length && memcmp(spec_fields[i].name, name, length) == 0)
            return &spec_fields[i];
    return NULL;
}

const SpecField *spec_field_parent(const SpecField *field) {
    const char *dot = strchr(field->name, '.');
    return dot ? spec_field_find(field->name, (size_t)(dot - field->name)) : NULL;
}

const char *spec_field_leaf(const SpecField *field) {
    const char *dot = strchr(field->name, '.');
    return dot ? dot + 1 : field->name;
}

bool spec_field_present(const SpecField *field, const Spec *spec) {
    if (!(field->forms & (spec->full ? FORM_ATTENTION : FORM_RATTENTION)))
        return false;
    const SpecField *parent = spec_field_parent(field);
    return !parent || spec_get_real(parent, spec) != 0;
}

bool spec_field_written(const SpecField *field, const Spec *spec) {
    return !(spec->defaulted >> (field - spec_fields) & 1);
}

bool spec_is_name(const char *text, size_t length) {
    if (length < 1 || length > 63)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* The n-th word of "a|b|c"; NULL past the end. */
static const char *choice_word(const char *choices, int64_t n, size_t *length) {
    for (const char *word = choices; word; n--) {
        const char *end = strchr(word, '|');
        *length = end ? (size_t)(end - word) : strlen(word);
        if (n == 0)
            return word;
        word = end ? end + 1 : NULL;
    }
    return NULL;
}

static int64_t choice_index(const char *choices, const char *text, size_t length) {
    size_t      size;
    const char *word;
    for (int64_t i = 0; (word = choice_word(choices, i, &size)); i++)
        if (size == length && memcmp(word, text, length) == 0)
            return i;
    return -1;
}

static void *member(const SpecField *field, Spec *spec) { return (char *)spec + field->offset; }

Status spec_put_integer(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, int64_t value) {
    if ((double)value < field->min || (double)value > field->max)
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field->name), field->remedy,
                        "%" PRId64 " is out of range", value);
    const int  narrow = (int)value;
    const bool flag = value != 0;
    if (field->type == FIELD_WIDE)
        memcpy(member(field, spec), &value, sizeof value);
    else if (field->type == FIELD_FLAG || field->type == FIELD_SWITCH)
        memcpy(member(field, spec), &flag, sizeof flag);
    else
        memcpy(member(field, spec), &narrow, sizeof narrow);
    return ST_OK;
}

Status spec_put_real(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, double value) {
    const bool none = field->type == FIELD_CAP && value == 0;
    if (isnan(value))
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field->name), field->remedy, "NaN is not a number");
    if (!none && !(value >= field->min && value <= field->max))
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field->name), field->remedy, "%g is out of range",
                        value);
    memcpy(member(field, spec), &value, sizeof value);
    return ST_OK;
}

Status spec_put_text(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, const char *text,
                     size_t length) {
    const char *const shown = spec_clip(ctx, text, length);
    if (field->type == FIELD_NAME) {
        if (!spec_is_name(text, length))
            return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field->name), field->remedy, "%s is not a name",
                            shown);
        char *name = member(field, spec);
        memcpy(name, text, length);
        name[length] = '\0';
        return ST_OK;
    }
    const int64_t index = choice_index(field->choices, text, length);
    if (index < 0)
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, field->name), field->remedy, "unknown word %s", shown);
    return field->type == FIELD_WORD ? ST_OK : spec_put_integer(ctx, source, field, spec, index);
}

int64_t spec_get_integer(const SpecField *field, const Spec *spec) {
    const char *at = (const char *)spec + field->offset;
    int64_t     wide;
    int         narrow;
    if (field->type == FIELD_WIDE)
        return memcpy(&wide, at, sizeof wide), wide;
    if (field->type == FIELD_FLAG || field->type == FIELD_SWITCH)
        return *(const bool *)at;
    return memcpy(&narrow, at, sizeof narrow), narrow;
}

double spec_get_real(const SpecField *field, const Spec *spec) {
    double value;
    memcpy(&value, (const char *)spec + field->offset, sizeof value);
    return value;
}

const char *spec_get_text(Ctx *ctx, const SpecField *field, const Spec *spec) {
    if (field->type == FIELD_NAME)
        return (const char *)spec + field->offset;
    size_t        length = 0;
    const int64_t index = field->type == FIELD_WORD ? 0 : spec_get_integer(field, spec);
    const char   *word = choice_word(field->choices, index, &length);
    return ctx_strndup(ctx, word ? word : "", word ? length : 0);
}

Status spec_finish(Ctx *ctx, const SpecSource *source, Spec *spec) {
    spec->norm = spec->norm_eps != 0;
    if (spec->heads % spec->kv_heads != 0)
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, "kv_heads"), "heads must be a multiple of kv_heads",
                        "%d heads do not divide into %d key/value heads", spec->heads, spec->kv_heads);
    if (spec->rope_theta != 0 && spec->head_dim % 2 != 0)
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, "head_dim"), "use an even head_dim, or leave rope out",
                        "%d is odd, and rope rotates pairs", spec->head_dim);
    if (!spec->full && (spec->fold & (spec->fold - 1)) != 0)
        return ctx_fail(ctx, ST_USAGE, spec_place(ctx, source, "fold"), spec_field_find("fold", 4)->remedy,
                        "%d is no power of two", spec->fold);
    if (!spec->full)
        return map_check(ctx, spec_place(ctx, source, "feature_map"), &spec->map, spec->head_dim);
    return ST_OK;
}

static const char *type_words(const SpecField *field) {
    switch (field->type) {
    case FIELD_NAME: return "name";
    case FIELD_INT:
    case FIELD_WIDE: return "integer";
    case FIELD_REAL: return "number";
    case FIELD_CAP: return "number or false";
    case FIELD_FLAG: return "true or false";
    case FIELD_CHOICE:
    case FIELD_SWITCH:
    case FIELD_WORD: return "word";
    case FIELD_MAP: return "name or function";
    case FIELD_TABLE: return "table or false";
    }
    return "";
}

void spec_fields_help(Text *text) {
    text_add(text, "rattention { ... } and attention { ... }\n");
    for (int i = 0; i < SPEC_FIELD_COUNT; i++) {
        const SpecField *field = &spec_fields[i];
        text_add(text, "  %s (%s", field->name, type_words(field));
        if (field->choices)
            text_add(text, ": %s", field->choices);
        if (field->fallback)
            text_add(text, "; default %s)\n", field->fallback);
        else
            text_add(text, "; required)\n");
        text_add(text, "      %s%s\n      %s\n", field->help, field->forms == FORM_BOTH ? "" : " (rattention alone)",
                 field->remedy);
    }
    text_add(text, "model { ... }\n");
    for (int i = 0; i < MODEL_FIELD_COUNT; i++)
        text_add(text, "  %s\n      %s\n      %s\n", model_fields[i].name, model_fields[i].help,
                 model_fields[i].remedy);
}
