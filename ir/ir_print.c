/* The text form of IR. One op a line, regions indented; every dump can be parsed again (ir_parse.c) and then prints the
 * same.
 *
 *   module "name" chunk=64 segment=2048 min_items=16
 *   kernel @main tile scratch=0 {
 *     param q bf16 in [B, T, 32, 128]
 *     %n:index = isym {sym="N"}
 *     %r:f32<64x128> = for %lo, %hi, %step, %x {axis="seq"} (%i:index, %c:f32<64x128>) {
 *       yield %c
 *     }
 *   }
 *
 * A value prints as %name where it has a name, which is made unique in its kernel, else as %number. */
#include "ir/ir.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Printer {
    Text        *text;
    Kernel      *kernel;
    const char **names; /* by value id; NULL: the id is printed */
    const char **taken; /* open hash set of the names in use */
    int          taken_capacity, depth;
} Printer;

static const char *const LEVELS[] = {[LEVEL_LOOP] = "loop", [LEVEL_TILE] = "tile"};
static const char *const ROLES[] = {
    [PARAM_IN] = "in", [PARAM_OUT] = "out", [PARAM_INOUT] = "inout", [PARAM_WORK] = "work"};

/* ---- Names ---- */

static uint32_t hash_text(const char *s) {
    uint32_t hash = 2166136261u;
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 16777619u;
    return hash;
}

static bool take(Printer *p, const char *name) {
    int slot = (int)(hash_text(name) & (uint32_t)(p->taken_capacity - 1));
    for (; p->taken[slot]; slot = (slot + 1) & (p->taken_capacity - 1))
        if (strcmp(p->taken[slot], name) == 0)
            return false;
    p->taken[slot] = name;
    return true;
}

/* Letters, digits, _ and . alone, no digit first. */
static char *clean_name(Ctx *ctx, const char *name) {
    char *clean = ctx_printf(ctx, "%s%s", isdigit((unsigned char)name[0]) || !name[0] ? "_" : "", name);
    for (char *c = clean; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.')
            *c = '_';
    return clean;
}

static void name_value(Printer *p, const Value *value) {
    if (!value->name)
        return;
    Ctx  *ctx = p->text->ctx;
    char *base = clean_name(ctx, value->name), *name = base;
    for (int suffix = 2; !take(p, name); suffix++)
        name = ctx_printf(ctx, "%s_%d", base, suffix);
    p->names[value->id] = name;
}

static void name_block(Printer *p, const Block *block) {
    for (int i = 0; i < block->arg_count; i++)
        name_value(p, block->args[i]);
    for (const Op *op = block->first; op; op = op->next) {
        for (int i = 0; i < op->out_count; i++)
            name_value(p, op->out[i]);
        if (op->region)
            name_block(p, op->region);
    }
}

static void name_values(Printer *p) {
    p->names = NEW_ARRAY(p->text->ctx, const char *, p->kernel->value_count);
    for (p->taken_capacity = 16; p->taken_capacity < 2 * p->kernel->value_count;)
        p->taken_capacity *= 2;
    p->taken = NEW_ARRAY(p->text->ctx, const char *, p->taken_capacity);
    name_block(p, p->kernel->body);
}

/* ---- Pieces ---- */

static void print_value(Printer *p, const Value *value) {
    const bool  known = value->id >= 0 && value->id < p->kernel->value_count;
    const char *name = known ? p->names[value->id] : value->name;
    text_put(p->text, "%");
    if (name)
        text_put(p->text, name);
    else
        text_add(p->text, "%d", value->id);
}

static void print_values(Printer *p, Value *const *values, int count) {
    for (int i = 0; i < count; i++) {
        text_put(p->text, i ? ", " : " ");
        print_value(p, values[i]);
    }
}

static void print_definitions(Printer *p, Value *const *values, int count) {
    for (int i = 0; i < count; i++) {
        text_put(p->text, i ? ", " : "");
        print_value(p, values[i]);
        text_add(p->text, ":");
        type_print(p->text, values[i]->type);
    }
}

static void print_string(Text *text, const char *s) {
    text_add(text, "\"");
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(text, "\\%c", *s);
        else if ((unsigned char)*s < 32 || (unsigned char)*s >= 127)
            text_add(text, "\\x%02x", (unsigned char)*s);
        else
            text_write(text, s, 1);
    }
    text_add(text, "\"");
}

static void print_int(Text *text, int64_t value) {
    if (value == IR_POS_INF || value == IR_NEG_INF)
        text_add(text, value > 0 ? "inf" : "-inf");
    else
        text_add(text, "%lld", (long long)value);
}

/* NaN has no sign in the text, so that it reads back alike. */
static void print_float(Text *text, double value) {
    if (isnan(value))
        text_add(text, "nan");
    else
        text_add_double(text, value);
}

static void print_attr(Text *text, const Attr *attr) {
    text_put(text, attr_name(attr->key));
    text_put(text, "=");
    switch (attr_kind(attr->key)) {
    case ATTR_INT: print_int(text, attr->i); break;
    case ATTR_FLOAT: print_float(text, attr->f); break;
    case ATTR_TEXT: print_string(text, attr->s); break;
    }
}

static void print_attrs(Text *text, const Op *op) {
    if (op->attr_count == 0)
        return;
    text_add(text, " {");
    for (int i = 0; i < op->attr_count; i++) {
        text_put(text, i ? ", " : "");
        print_attr(text, &op->attrs[i]);
    }
    text_add(text, "}");
}

/* ---- Ops, kernels, modules ---- */

static void indent(Printer *p) {
    for (int i = 0; i < p->depth; i++)
        text_put(p->text, "  ");
}

static void print_block(Printer *p, const Block *block);

static void print_op(Printer *p, const Op *op) {
    indent(p);
    print_definitions(p, op->out, op->out_count);
    text_put(p->text, op->out_count ? " = " : "");
    text_put(p->text, op_info(op->code)->name);
    print_values(p, op->in, op->in_count);
    print_attrs(p->text, op);
    if (op->region) {
        if (op->region->arg_count) {
            text_add(p->text, " (");
            print_definitions(p, op->region->args, op->region->arg_count);
            text_add(p->text, ")");
        }
        text_add(p->text, " {\n");
        print_block(p, op->region);
        indent(p);
        text_add(p->text, "}");
    }
    text_add(p->text, "\n");
}

static void print_block(Printer *p, const Block *block) {
    p->depth++;
    for (const Op *op = block->first; op; op = op->next)
        print_op(p, op);
    p->depth--;
}

static void print_dim(Text *text, int64_t dim) {
    if (dim == DIM_N_PLUS_1)
        text_add(text, "N+1");
    else if (dim < 0 && dim >= DIM_SYM(SYM_COUNT - 1))
        text_add(text, "%s", ir_sym_name((Sym)(-1 - dim)));
    else
        text_add(text, "%lld", (long long)dim);
}

static void print_param(Text *text, const CodeParam *param) {
    text_add(text, "  param %s %s %s [", param->name, type_dtype_name(param->dtype), ROLES[param->role]);
    for (int d = 4 - param->rank; d < 4; d++) {
        print_dim(text, param->dims[d]);
        text_add(text, d < 3 ? ", " : "]\n");
    }
}

static void print_kernel(Text *text, Kernel *kernel) {
    Printer p = {.text = text, .kernel = kernel};
    ir_number(kernel);
    name_values(&p);
    text_add(text, "kernel @%s %s", kernel->name, LEVELS[kernel->level]);
    text_add(text, " scratch=%lld", (long long)kernel->scratch_bytes);
    if (kernel->warps)
        text_add(text, " warps=%d", kernel->warps);
    text_add(text, " {\n");
    for (int i = 0; i < kernel->param_count; i++)
        print_param(text, &kernel->params[i]);
    print_block(&p, kernel->body);
    text_add(text, "}\n");
}

void ir_print(Text *text, Module *module) {
    text_add(text, "module ");
    print_string(text, module->name);
    text_add(text, " chunk=%lld segment=%lld min_items=%lld\n", (long long)module->chunk, (long long)module->segment,
             (long long)module->min_items);
    for (int k = 0; k < module->kernel_count; k++)
        print_kernel(text, module->kernels[k]);
}

const char *ir_text(Ctx *ctx, Module *module) {
    Text text = TEXT(ctx);
    ir_print(&text, module);
    return text_str(&text);
}
