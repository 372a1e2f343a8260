/* Text to IR: the grammar that ir_print.c writes. In: any bytes. Out: a module in the arena, well formed (operands are
 * defined before, counts and types as written) but not verified; or a message with file:line:column.
 *
 *   module  = "module" string {("chunk" | "segment" | "min_items") "=" int} {kernel}
 *   kernel  = "kernel" "@"name ("loop" | "tile") ["scratch" "=" int] ["warps" "=" int] "{" {param} {op} "}"
 *   param   = "param" name dtype role "[" dim {"," dim} "]"
 *   op      = [def {"," def} "="] opname [%value {"," %value}] ["{" [name "=" value {"," ...}] "}"]
 *             [["(" [def {"," def}] ")"] "{" {op} "}"]                       and the line ends
 *   def     = %value ":" type */
#include "ir/ir.h"
#include "ir/ir_lex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 64, MAX_SIDE = 1 << 24, MAX_SLOTS = 1 << 20 };

typedef struct Parser {
    Lexer        lex;
    Kernel      *kernel;
    Value      **table; /* open hash table of the kernel's values by label */
    const char **labels;
    int          count, capacity, depth;
} Parser;

typedef struct Definition {
    const char *label;
    size_t      at;
    Type        type;
} Definition;

typedef struct Definitions {
    Definition *items;
    int         count, capacity;
} Definitions;

/* ---- Values by label ---- */

static int label_slot(const Parser *p, const char *label) {
    uint32_t hash = 2166136261u;
    for (const char *s = label; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 16777619u;
    int slot = (int)(hash & (uint32_t)(p->capacity - 1));
    while (p->labels[slot] && strcmp(p->labels[slot], label) != 0)
        slot = (slot + 1) & (p->capacity - 1);
    return slot;
}

static void put_label(Parser *p, const char *label, Value *value) {
    const int slot = label_slot(p, label);
    p->labels[slot] = label;
    p->table[slot] = value;
    p->count++;
}

static void grow_labels(Parser *p) {
    const Parser old = *p;
    p->capacity = old.capacity ? 2 * old.capacity : 256;
    p->labels = NEW_ARRAY(p->lex.ctx, const char *, p->capacity);
    p->table = NEW_ARRAY(p->lex.ctx, Value *, p->capacity);
    p->count = 0;
    for (int i = 0; i < old.capacity; i++)
        if (old.labels[i])
            put_label(p, old.labels[i], old.table[i]);
}

static Status define(Parser *p, const Definition *definition, Value *value) {
    if (2 * (p->count + 1) > p->capacity)
        grow_labels(p);
    if (p->labels[label_slot(p, definition->label)])
        return lex_fail(&p->lex, definition->at, "a value has one definition in its kernel", "%%%s is defined twice",
                        definition->label);
    put_label(p, definition->label, value);
    if (!isdigit((unsigned char)definition->label[0]))
        value->name = definition->label;
    return ST_OK;
}

/* ---- Types ---- */

static Status parse_dtype(Parser *p, DType *dtype) {
    const size_t start = (lex_blanks(&p->lex), p->lex.at);
    const char  *word;
    TRY(lex_word(&p->lex, "an element type", &word));
    for (int d = 0; d < DT_COUNT; d++) {
        if (strcmp(word, type_dtype_name((DType)d)) == 0) {
            *dtype = (DType)d;
            return ST_OK;
        }
    }
    return lex_fail(&p->lex, start, "use f32, bf16, f16, f64, i32 or i64", "no element type \"%.40s\"", word);
}

static Status parse_place(Parser *p, Type *type) {
    if (!lex_accept(&p->lex, '@'))
        return ST_OK;
    if (lex_accept_word(&p->lex, "reg")) {
        type->space = SPACE_REGISTER;
        return ST_OK;
    }
    if (lex_accept_word(&p->lex, "global")) {
        type->space = SPACE_GLOBAL;
        return ST_OK;
    }
    type->space = SPACE_SCRATCH;
    return lex_int_in(&p->lex, "the scratch offset", 0, INT64_C(1) << 40, &type->offset);
}

/* "32x128": the lexer's words take digits, so the sides are read as numbers around an x. */
static Status parse_sides(Parser *p, Type *type) {
    int64_t rows, cols;
    TRY(lex_int_in(&p->lex, "the number of rows", 1, MAX_SIDE, &rows));
    TRY(lex_expect(&p->lex, 'x', "a tile's size is written 64x128"));
    TRY(lex_int_in(&p->lex, "the number of columns", 1, MAX_SIDE, &cols));
    type->rows = (int)rows;
    type->cols = (int)cols;
    return ST_OK;
}

static const char TYPE_HELP[] = "types are index, f32<64x128> and ring<10, f32<64x128>>";

static Status parse_tile(Parser *p, Type *type) {
    TRY(parse_dtype(p, &type->dtype));
    TRY(lex_expect(&p->lex, '<', TYPE_HELP));
    return parse_sides(p, type);
}

static Status parse_ring(Parser *p, Type *type) {
    int64_t slots;
    type->cls = TY_RING;
    TRY(lex_expect(&p->lex, '<', TYPE_HELP));
    TRY(lex_int_in(&p->lex, "the number of slots", 1, MAX_SLOTS, &slots));
    type->slots = (int)slots;
    TRY(lex_expect(&p->lex, ',', TYPE_HELP));
    TRY(parse_tile(p, type));
    return lex_expect(&p->lex, '>', TYPE_HELP);
}

static Status parse_type(Parser *p, Type *type) {
    *type = (Type){.cls = TY_TILE};
    if (lex_accept_word(&p->lex, "index")) {
        *type = type_index();
        return ST_OK;
    }
    if (lex_accept_word(&p->lex, "ring"))
        TRY(parse_ring(p, type));
    else
        TRY(parse_tile(p, type));
    TRY(parse_place(p, type));
    return lex_expect(&p->lex, '>', TYPE_HELP);
}

static Status parse_definitions(Parser *p, Definitions *list) {
    do {
        Definition item;
        lex_space(&p->lex);
        item.at = p->lex.at;
        TRY(lex_label(&p->lex, &item.label));
        TRY(lex_expect(&p->lex, ':', "a definition is written %name:type"));
        TRY(parse_type(p, &item.type));
        PUSH(p->lex.ctx, list->items, list->count, list->capacity, item);
    } while (lex_accept(&p->lex, ','));
    return ST_OK;
}

/* ---- Ops ---- */

static Status parse_operands(Parser *p, Op *op) {
    Value **in = NULL;
    int     count = 0, capacity = 0;
    lex_blanks(&p->lex);
    if (lex_peek(&p->lex) != '%')
        return ST_OK;
    do {
        const char *label;
        lex_space(&p->lex);
        const size_t at = p->lex.at;
        TRY(lex_label(&p->lex, &label));
        Value *value = p->capacity ? p->table[label_slot(p, label)] : NULL;
        if (!value)
            return lex_fail(&p->lex, at, "define it in a line above", "no value %%%.60s", label);
        PUSH(p->lex.ctx, in, count, capacity, value);
    } while (lex_accept(&p->lex, ','));
    op->in = in;
    op->in_count = count;
    return ST_OK;
}

static Status parse_attr_value(Parser *p, Op *op, AttrKey key) {
    Ctx        *ctx = p->lex.ctx;
    int64_t     i;
    double      f;
    const char *s;
    switch (attr_kind(key)) {
    case ATTR_INT:
        TRY(lex_int(&p->lex, &i));
        op_set_int(ctx, op, key, i);
        break;
    case ATTR_FLOAT:
        TRY(lex_float(&p->lex, &f));
        op_set_float(ctx, op, key, f);
        break;
    case ATTR_TEXT:
        TRY(lex_string(&p->lex, &s));
        op_set_text(ctx, op, key, s);
        break;
    }
    return ST_OK;
}

static Status parse_attr(Parser *p, Op *op) {
    const char *word;
    AttrKey     key;
    lex_space(&p->lex);
    const size_t at = p->lex.at;
    TRY(lex_word(&p->lex, "an attribute", &word));
    if (!attr_find(word, &key))
        return lex_fail(&p->lex, at, "doc/ir.md lists them", "no attribute \"%.40s\"", word);
    if (op_has(op, key))
        return lex_fail(&p->lex, at, "give it once", "attribute %s is given twice", word);
    TRY(lex_expect(&p->lex, '=', "attributes are written name=value"));
    return parse_attr_value(p, op, key);
}

/* "{name=value, ...}"; a brace that opens a region is left alone. */
static Status parse_attrs(Parser *p, Op *op) {
    const size_t start = (lex_blanks(&p->lex), p->lex.at);
    if (!lex_accept(&p->lex, '{'))
        return ST_OK;
    if (!lex_at_word_and(&p->lex, '=')) {
        p->lex.at = start;
        return ST_OK;
    }
    do
        TRY(parse_attr(p, op));
    while (lex_accept(&p->lex, ','));
    return lex_expect(&p->lex, '}', "attributes are separated by commas");
}

static Status parse_block(Parser *p, Block *block);

static Status parse_region_args(Parser *p, Block *region) {
    Definitions args = {0};
    if (!lex_accept(&p->lex, '('))
        return ST_OK;
    TRY(parse_definitions(p, &args));
    for (int i = 0; i < args.count; i++)
        TRY(define(p, &args.items[i], block_arg(p->lex.ctx, p->kernel, region, args.items[i].type, NULL)));
    return lex_expect(&p->lex, ')', "region arguments are written (%i:index, ...)");
}

static Status parse_region(Parser *p, Op *op) {
    if (!(op_info(op->code)->traits & REGION))
        return ST_OK;
    op->region = ir_block(p->lex.ctx, op);
    TRY(parse_region_args(p, op->region));
    lex_blanks(&p->lex);
    if (lex_peek(&p->lex) != '{')
        return lex_expected(&p->lex, "\"{\"", "this op has a region");
    p->lex.at++;
    if (++p->depth > MAX_DEPTH)
        return lex_fail(&p->lex, p->lex.at, "64 levels at most", "regions nest too deeply");
    TRY(parse_block(p, op->region));
    p->depth--;
    return lex_expect(&p->lex, '}', "end the region");
}

static Status parse_opcode(Parser *p, OpCode *code) {
    const size_t at = (lex_blanks(&p->lex), p->lex.at);
    const char  *word;
    TRY(lex_word(&p->lex, "an op", &word));
    if (!op_find(word, code))
        return lex_fail(&p->lex, at, "doc/ir.md lists them", "no op \"%.40s\"", word);
    return ST_OK;
}

/* One op a line: what follows on the line may be a comment or the brace that ends the region. */
static Status end_of_op(Parser *p) {
    lex_blanks(&p->lex);
    const char c = lex_peek(&p->lex);
    if (p->lex.at >= p->lex.length || strchr("\r\n#;}", c ? c : ' '))
        return ST_OK;
    return lex_expected(&p->lex, "the end of the line", "write one op a line");
}

static Status parse_op(Parser *p, Block *block) {
    Definitions results = {0};
    Op         *op = NEW(p->lex.ctx, Op);
    if (lex_peek(&p->lex) == '%') {
        TRY(parse_definitions(p, &results));
        TRY(lex_expect(&p->lex, '=', "results are followed by = and the op"));
    }
    TRY(parse_opcode(p, &op->code));
    TRY(parse_operands(p, op));
    TRY(parse_attrs(p, op));
    Builder b = ir_at_end(p->lex.ctx, p->kernel, block);
    op_insert(&b, op);
    TRY(parse_region(p, op));
    for (int i = 0; i < results.count; i++)
        TRY(define(p, &results.items[i], op_add_out(p->lex.ctx, p->kernel, op, results.items[i].type)));
    return end_of_op(p);
}

static Status parse_block(Parser *p, Block *block) {
    for (;;) {
        lex_space(&p->lex);
        if (p->lex.at >= p->lex.length)
            return lex_expected(&p->lex, "\"}\"", "end the region or kernel");
        if (lex_peek(&p->lex) == '}')
            return ST_OK;
        TRY(parse_op(p, block));
    }
}

/* ---- Parameters, kernels, modules ---- */

static Status parse_dim(Parser *p, int64_t *dim) {
    lex_space(&p->lex);
    for (int s = 0; s < SYM_COUNT; s++) {
        if (lex_accept_word(&p->lex, ir_sym_name((Sym)s))) {
            *dim = DIM_SYM(s);
            if (s == SYM_N && lex_accept(&p->lex, '+')) {
                *dim = DIM_N_PLUS_1;
                return lex_int_in(&p->lex, "what is added to N", 1, 1, &(int64_t){0});
            }
            return ST_OK;
        }
    }
    if (!isdigit((unsigned char)lex_peek(&p->lex)))
        return lex_expected(&p->lex, "a dim", "a dim is a number, N+1 or a size known at launch: see doc/ir.md");
    return lex_int_in(&p->lex, "a dim", 1, INT64_C(1) << 48, dim);
}

static Status parse_dims(Parser *p, int64_t dims[4], int *rank) {
    TRY(lex_expect(&p->lex, '[', "dims are written [B, T, 8, 128]"));
    do {
        if (*rank == 4)
            return lex_fail(&p->lex, p->lex.at, "4 at most", "too many dims");
        TRY(parse_dim(p, &dims[(*rank)++]));
    } while (lex_accept(&p->lex, ','));
    return lex_expect(&p->lex, ']', "dims are written [B, T, 8, 128]");
}

static Status parse_role(Parser *p, ParamRole *role) {
    static const char *const ROLES[] = {"in", "out", "inout", "work"};
    for (int r = 0; r < 4; r++) {
        if (lex_accept_word(&p->lex, ROLES[r])) {
            *role = (ParamRole)r;
            return ST_OK;
        }
    }
    return lex_expected(&p->lex, "a parameter's role", "use in, out, inout or work");
}

static Status parse_param(Parser *p) {
    const char  *name;
    DType        dtype = DT_F32;
    ParamRole    role = PARAM_IN;
    int64_t      dims[4];
    int          rank = 0;
    const size_t at = (lex_blanks(&p->lex), p->lex.at);
    TRY(lex_word(&p->lex, "a parameter's name", &name));
    if (strlen(name) >= sizeof((CodeParam *)0)->name)
        return lex_fail(&p->lex, at, "use 23 characters at most", "the parameter's name is too long");
    if (ir_find_param(p->kernel, name))
        return lex_fail(&p->lex, at, "rename one", "parameter %s is declared twice", name);
    TRY(parse_dtype(p, &dtype));
    TRY(parse_role(p, &role));
    TRY(parse_dims(p, dims, &rank));
    ir_param(p->lex.ctx, p->kernel, name, dtype, role, rank, dims);
    return ST_OK;
}

static Status parse_level(Parser *p, Level *level) {
    if (lex_accept_word(&p->lex, "tile"))
        *level = LEVEL_TILE;
    else if (lex_accept_word(&p->lex, "loop"))
        *level = LEVEL_LOOP;
    else
        return lex_expected(&p->lex, "a level", "use loop or tile");
    return ST_OK;
}

static Status parse_kernel(Parser *p, Module *module) {
    const char *name;
    Level       level = LEVEL_LOOP;
    TRY(lex_expect(&p->lex, '@', "a kernel is written: kernel @name tile {"));
    TRY(lex_word(&p->lex, "a kernel's name", &name));
    TRY(parse_level(p, &level));
    *p = (Parser){.lex = p->lex, .kernel = ir_kernel(p->lex.ctx, module, name, level)};
    if (lex_accept_word(&p->lex, "scratch")) {
        TRY(lex_expect(&p->lex, '=', "write scratch=bytes"));
        TRY(lex_int_in(&p->lex, "scratch", 0, INT64_C(1) << 40, &p->kernel->scratch_bytes));
    }
    if (lex_accept_word(&p->lex, "warps")) {
        int64_t warps = 0;
        TRY(lex_expect(&p->lex, '=', "write warps=count"));
        TRY(lex_int_in(&p->lex, "warps", 1, 32, &warps));
        p->kernel->warps = (int)warps;
    }
    TRY(lex_expect(&p->lex, '{', "open the kernel's body"));
    for (lex_space(&p->lex); lex_accept_word(&p->lex, "param"); lex_space(&p->lex))
        TRY(parse_param(p));
    TRY(parse_block(p, p->kernel->body));
    return lex_expect(&p->lex, '}', "end the kernel");
}

static Status parse_fact(Parser *p, Module *module, bool *found) {
    const struct {
        const char *name;
        int64_t    *value;
    } facts[] = {{"chunk", &module->chunk}, {"segment", &module->segment}, {"min_items", &module->min_items}};
    *found = false;
    for (int f = 0; f < 3 && !*found; f++) {
        if (lex_accept_word(&p->lex, facts[f].name)) {
            *found = true;
            TRY(lex_expect(&p->lex, '=', "write name=number"));
            TRY(lex_int(&p->lex, facts[f].value));
        }
    }
    return ST_OK;
}

static Status parse_module(Parser *p, Module **out) {
    const char *name;
    bool        more = true;
    lex_space(&p->lex);
    if (!lex_accept_word(&p->lex, "module"))
        return lex_expected(&p->lex, "\"module\"", "a file starts with: module \"name\"");
    TRY(lex_string(&p->lex, &name));
    Module *module = ir_module(p->lex.ctx, name);
    while (more)
        TRY(parse_fact(p, module, &more));
    for (lex_space(&p->lex); p->lex.at < p->lex.length; lex_space(&p->lex)) {
        if (!lex_accept_word(&p->lex, "kernel"))
            return lex_expected(&p->lex, "\"kernel\"", "a module is a list of kernels");
        TRY(parse_kernel(p, module));
    }
    *out = module;
    return ST_OK;
}

Status ir_parse(Ctx *ctx, const char *file, const char *text, size_t length, Module **module) {
    Parser p = {.lex = {.ctx = ctx, .file = file, .text = text, .length = length}};
    return parse_module(&p, module);
}
