/* Access to a Spec by field, as spec_fields.def lists them.
 *
 * In:  values from a Lua table (spec_layer.c) or from the sandbox's reply (spec_wire.c).
 * Out: a checked Spec, or an error whose place is "file:line: field".
 * Always: a value reaches a Spec only through spec_put_*, which check it. Both sides of the sandbox use the same
 * checks. */
#ifndef RATTAN_FRONTEND_SPEC_FIELDS_H
#define RATTAN_FRONTEND_SPEC_FIELDS_H

#include "frontend/spec_source.h"
#include "base/spec.h"
#include "base/text.h"

typedef enum FieldType {
    FIELD_NAME,   /* char[64]: letters, digits, _ */
    FIELD_INT,    /* int */
    FIELD_WIDE,   /* int64_t */
    FIELD_REAL,   /* double */
    FIELD_CAP,    /* double; `false` in Lua is 0 here */
    FIELD_FLAG,   /* bool */
    FIELD_CHOICE, /* an enum whose values count the words of `choices` */
    FIELD_SWITCH, /* a word of `choices`; the second sets a bool */
    FIELD_WORD,   /* the only word there is so far: nothing is stored */
    FIELD_MAP,    /* FeatureMap */
    FIELD_TABLE,  /* the rows "name.x"; `false` in Lua is 0 in `member`, the double of one of them */
} FieldType;

enum { FORM_RATTENTION = 1, FORM_ATTENTION = 2, FORM_BOTH = 3 };

typedef struct SpecField {
    const char *name;
    FieldType   type;
    size_t      offset;
    int         forms;
    double      min, max;
    const char *choices, *fallback, *remedy, *help;
} SpecField;

enum {
    SPEC_FIELD_COUNT = 0
#define SPEC_FIELD(name, type, member, forms, min, max, choices, fallback, remedy, help) +1
#include "frontend/spec_fields.def"
};
extern const SpecField spec_fields[SPEC_FIELD_COUNT];

typedef struct ModelField {
    const char *name, *remedy, *help;
} ModelField;

enum {
    MODEL_FIELD_COUNT = 0
#define MODEL_FIELD(name, remedy, help) +1
#include "frontend/spec_fields.def"
};
extern const ModelField model_fields[MODEL_FIELD_COUNT];

/* The row of a name; NULL: none. */
const SpecField *spec_field_find(const char *name, size_t length);

/* The table that a row lives in ("rope" of "rope.theta"); NULL for the others. */
const SpecField *spec_field_parent(const SpecField *field);
/* The last part of the name: "theta" of "rope.theta". */
const char *spec_field_leaf(const SpecField *field);

/* Whether a finished spec has the field: its form takes it and its table is not `false`. */
bool spec_field_present(const SpecField *field, const Spec *spec);
/* Whether the file gave the field a value, be it the default's. */
bool spec_field_written(const SpecField *field, const Spec *spec);

/* Each checks type, range and spelling, then stores. Integers serve INT, WIDE, FLAG, CHOICE and SWITCH; reals REAL and
 * CAP (where 0 is none); texts NAME, CHOICE, SWITCH and WORD. */
Status spec_put_integer(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, int64_t value);
Status spec_put_real(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, double value);
Status spec_put_text(Ctx *ctx, const SpecSource *source, const SpecField *field, Spec *spec, const char *text,
                     size_t length);

int64_t     spec_get_integer(const SpecField *field, const Spec *spec);
double      spec_get_real(const SpecField *field, const Spec *spec);
const char *spec_get_text(Ctx *ctx, const SpecField *field, const Spec *spec); /* NAME, CHOICE, SWITCH, WORD */

/* What follows from the fields, then the rules between them: heads % kv_heads, rope on even head_dim, fold, the map. */
Status spec_finish(Ctx *ctx, const SpecSource *source, Spec *spec);

/* Whether text is a name: [A-Za-z_][A-Za-z0-9_]*, at most 63 long. */
bool spec_is_name(const char *text, size_t length);

#endif
