/* Canonical text of a Spec.
 *
 * Always: every field that the spec has, in the order of spec_fields.def, numbers in their shortest exact form. The
 * text loads back to an equal Spec, and equal Specs give equal text. A built-in map's name is followed by its meaning
 * as a comment, so that a hash of the text covers what the name stands for. spec_print_written leaves defaults out. */
#include "frontend/frontend.h"
#include "frontend/feature_map.h"
#include "frontend/spec_fields.h"

#include <inttypes.h>
#include <string.h>

static void print_map(Text *text, const FeatureMap *map) {
    if (strcmp(map->name, "custom") == 0) {
        map_print(text, map);
        text_add(text, ",");
        return;
    }
    text_add(text, "\"%s\", -- ", map->name);
    map_print(text, map);
}

static void print_value(Text *text, const SpecField *field, const Spec *spec) {
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_CHOICE:
    case FIELD_SWITCH:
    case FIELD_WORD: text_add(text, "\"%s\"", spec_get_text(text->ctx, field, spec)); break;
    case FIELD_INT:
    case FIELD_WIDE: text_add(text, "%" PRId64, spec_get_integer(field, spec)); break;
    case FIELD_FLAG: text_add(text, "%s", spec_get_integer(field, spec) ? "true" : "false"); break;
    case FIELD_REAL:
    case FIELD_CAP: spec_print_number(text, spec_get_real(field, spec)); break;
    case FIELD_MAP:
    case FIELD_TABLE: break;
    }
}

/* "{ theta = 10000, style = "half" }": the rows that live in the table. */
static void print_table(Text *text, const SpecField *table, const Spec *spec) {
    const char *separator = "{ ";
    for (int i = 0; i < SPEC_FIELD_COUNT; i++) {
        const SpecField *field = &spec_fields[i];
        if (spec_field_parent(field) != table)
            continue;
        text_add(text, "%s%s = ", separator, spec_field_leaf(field));
        print_value(text, field, spec);
        separator = ", ";
    }
    text_add(text, " }");
}

static void print_field(Text *text, const SpecField *field, const Spec *spec) {
    const bool stored = field->type == FIELD_TABLE || field->type == FIELD_CAP;
    text_add(text, "  %s = ", field->name);
    if (field->type == FIELD_MAP)
        print_map(text, &spec->map);
    else if (stored && spec_get_real(field, spec) == 0)
        text_add(text, "false,");
    else if (field->type == FIELD_TABLE)
        print_table(text, field, spec), text_add(text, ",");
    else
        print_value(text, field, spec), text_add(text, ",");
    text_add(text, "\n");
}

static void print_spec(Text *text, const Spec *spec, bool defaults) {
    text_add(text, "return %s {\n", spec->full ? "attention" : "rattention");
    for (int i = 0; i < SPEC_FIELD_COUNT; i++) {
        const SpecField *field = &spec_fields[i];
        const bool       wanted = defaults || field->type == FIELD_NAME || spec_field_written(field, spec);
        if (wanted && spec_field_present(field, spec) && !spec_field_parent(field))
            print_field(text, field, spec);
    }
    text_add(text, "}\n");
}

void spec_print(Text *text, const Spec *spec) { print_spec(text, spec, true); }

/* The name is always there: its default is of the file that the text comes from. */
void spec_print_written(Text *text, const Spec *spec) { print_spec(text, spec, false); }
