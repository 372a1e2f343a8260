/* doc/ir.md from the tables: ops by group, attributes, type rules. A test checks that the committed page is it. */
#include "ir/ir.h"

#include <string.h>

static const char INTRO[] =
    "# The IR\n"
    "\n"
    "Generated from `ir/ops.def` and `ir/attrs.def` by `ir/ir_doc.c`; `RATTAN_BLESS=1` and the test\n"
    "`test_ir_doc` write it anew.\n"
    "\n"
    "A module holds kernels; a kernel holds parameters and a block of ops; an op takes values, gives\n"
    "values and may own a region. There are two levels: `loop` says what a kernel means, `tile` how it\n"
    "runs. Values are in SSA form. Every dump is valid input and prints the same again; `#` or `;` starts\n"
    "a comment.\n"
    "\n"
    "```\n"
    "module \"example\" chunk=64 segment=0 min_items=1\n"
    "kernel @main tile scratch=0 {\n"
    "  param x bf16 in [B, T, 8, 64]\n"
    "  param y f32 out [B, T, 8, 64]\n"
    "  %tokens:index = isym {sym=\"T\"}\n"
    "  %zero:index = iconst {value=0}\n"
    "  %step:index = iconst {value=64}\n"
    "  for %zero, %tokens, %step {axis=\"row\", par=1} (%i:index) {\n"
    "    %x:f32<64x64> = load %zero, %i, %zero, %zero, %tokens {param=\"x\", rowdim=1, groupdim=-1, period=64}\n"
    "    %e:f32<64x64> = rows {count=64} {\n"
    "      %u:f32<64x64> = exp %x\n"
    "      yield %u\n"
    "    }\n"
    "    store %zero, %i, %zero, %zero, %tokens, %e {param=\"y\", rowdim=1, groupdim=-1, period=64}\n"
    "    yield\n"
    "  }\n"
    "}\n"
    "```\n"
    "\n"
    "A value is `%name` or `%number`. A parameter is in, out, inout or work (memory that the runtime\n"
    "provides, contents undefined, shared by the kernels of the module); a dim is a number, a size known\n"
    "at launch (below), or `N+1`.\n"
    "\n"
    "Types: `index`, a 64-bit integer; `f32<64x128>`, a tile of rows x columns of f32, bf16, f16 or f64;\n"
    "`ring<10, f32<64x128>>`, a ring of tiles. The pass `place` adds where a value lives:\n"
    "`f32<64x128 @4096>` in scratch at that byte, `@reg` never in memory, `@global` in the parameter that\n"
    "it would be loaded from. Rows in scratch begin every 16 elements, or follow each other where there is one\n"
    "column.\n";

static void sizes(Text *text) {
    text_add(text, "\n## Sizes known at launch\n\n| name | meaning |\n|---|---|\n");
#define X(id, name, help) text_add(text, "| %s | %s |\n", name, help);
    SYMS(X)
#undef X
}

static const char *rule_text(TypeRule rule) {
    switch (rule) {
    case TR_NONE: return "none";
    case TR_INDEX: return "index; operands are index values";
    case TR_GIVEN: return "as written";
    case TR_SAME: return "the type of %0";
    case TR_BROADCAST: return "rows and columns of the larger operand; each is equal or 1";
    case TR_ROW_REDUCE: return "rows of %0 x 1";
    case TR_COL_REDUCE: return "1 x columns of %0";
    case TR_CONCAT: return "rows of %0 x the sum of the columns";
    case TR_DOT: return "rows of op(%0) x columns of op(%1), f32 (f64 if %0 is)";
    case TR_TRANSPOSE: return "columns of %0 x rows of %0";
    case TR_RING_GET: return "the tile of the ring %0";
    case TR_FOR: return "one for each carried operand, of its type";
    case TR_IF: return "one for each operand after the first, of its type";
    case TR_SOFTMAX_SUM:
        return "f32<1 x cols> and f32<1x1>; the region (j) yields a score f32<1x1> and a vector f32<1 x cols>";
    case TR_SUM: return "f32<rows x cols>, as the region (j) yields";
    case TR_ROWS: return "one for each value the region yields, of its type";
    }
    return "";
}

static const char *level_text(int traits) {
    if (traits & LOOP_LEVEL)
        return "loop level";
    return traits & TILE_LEVEL ? "tile level" : "both levels";
}

static void op_line(Text *text, const OpInfo *info) {
    text_add(text, "\n### `%s`\n\n%s.\n\n", info->name, info->help);
    if (info->in_count >= 0)
        text_add(text, "- operands: %d\n", info->in_count);
    text_add(text, "- results: %s\n", rule_text(info->rule));
    if (info->attrs[0])
        text_add(text, "- attributes: %s\n", info->attrs);
    text_add(text, "- %s%s%s%s%s\n", level_text(info->traits), info->traits & PURE ? ", pure" : "",
             info->traits & ROWWISE ? ", rowwise" : "", info->traits & REGION ? ", has a region" : "",
             info->traits & WRITES ? ", writes" : "");
}

/* The op that opens a group, as ops.def is divided. */
static const struct {
    OpCode      first;
    const char *title, *help;
} GROUPS[] = {
    {OP_ICONST, "Index arithmetic", ""},
    {OP_FOR, "Control", ""},
    {OP_LOAD, "Memory",
     "A parameter has four dims d0 d1 d2 d3, those a caller does not see being 1 in front. A load takes\n"
     "coordinates %0 %1 %2 of d0 d1 d2 and all its columns of d3 from column 0 on. Row r adds r % period\n"
     "to the coordinate of `rowdim` and r / period to that of `groupdim` (-1: to none). A row is there\n"
     "only if %3 <= its rowdim coordinate < %4, else it reads as zeros and is not written. wrap > 0: the\n"
     "rowdim coordinate, once checked, is taken modulo wrap (a ring). Without a rowdim the bounds are\n"
     "ignored.\n"},
    {OP_FCONST, "Elementwise", "Single rows and single columns are broadcast.\n"},
    {OP_ROWSUM, "Rows", ""},
    {OP_DOT, "Tiles", ""},
};

static void ops(Text *text) {
    size_t group = 0;
    text_add(text, "\n# Ops\n\nAn attribute with `?` is optional. Rowwise: row r of a result depends on row r (or the "
                   "single row) of "
                   "the tiles\nalone, so that `rows` may run it. `tests/test_interp.c` runs every op against a plain "
                   "computation.\n");
    for (int code = 0; code < OP_COUNT; code++) {
        if (group < sizeof GROUPS / sizeof GROUPS[0] && GROUPS[group].first == (OpCode)code) {
            text_add(text, "\n## %s\n%s%s", GROUPS[group].title, GROUPS[group].help[0] ? "\n" : "", GROUPS[group].help);
            group++;
        }
        op_line(text, op_info((OpCode)code));
    }
}

static void attributes(Text *text) {
    static const char *const KINDS[] = {
        [ATTR_INT] = "integer, `inf` or `-inf`", [ATTR_FLOAT] = "number", [ATTR_TEXT] = "text"};
    text_add(text, "\n# Attributes\n\n| name | value | of |\n|---|---|---|\n");
    for (int key = 0; key < ATTR_KEY_COUNT; key++) {
        text_add(text, "| %s | %s |", attr_name((AttrKey)key), KINDS[attr_kind((AttrKey)key)]);
        for (int code = 0; code < OP_COUNT; code++) {
            bool optional;
            if (ir_op_takes_attr((OpCode)code, (AttrKey)key, &optional))
                text_add(text, " %s%s", op_info((OpCode)code)->name, optional ? "?" : "");
        }
        text_add(text, " |\n");
    }
}

void ir_doc(Text *text) {
    text_write(text, INTRO, strlen(INTRO));
    sizes(text);
    ops(text);
    attributes(text);
}
