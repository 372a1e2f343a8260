/* The tables of ops and attributes, and types: see ir.h. The tables are ops.def and attrs.def, and no more. */
#include "ir/ir.h"

#include <string.h>

static const OpInfo OPS[OP_COUNT] = {
#define OP(id, name, ins, outs, rule, traits, attrs, help) [OP_##id] = {name, ins, outs, rule, traits, attrs, help},
#include "ir/ops.def"
#undef OP
};

static const struct {
    const char *name;
    AttrKind    kind;
} ATTRS[ATTR_KEY_COUNT] = {
#define ATTR(id, name, kind) [AT_##id] = {name, ATTR_##kind},
#include "ir/attrs.def"
#undef ATTR
};

const OpInfo *op_info(OpCode code) { return &OPS[code]; }
const char   *attr_name(AttrKey key) { return ATTRS[key].name; }
AttrKind      attr_kind(AttrKey key) { return ATTRS[key].kind; }

bool op_find(const char *name, OpCode *code) {
    for (int c = 0; c < OP_COUNT; c++) {
        if (strcmp(OPS[c].name, name) == 0) {
            *code = (OpCode)c;
            return true;
        }
    }
    return false;
}

bool attr_find(const char *name, AttrKey *key) {
    for (int k = 0; k < ATTR_KEY_COUNT; k++) {
        if (strcmp(ATTRS[k].name, name) == 0) {
            *key = (AttrKey)k;
            return true;
        }
    }
    return false;
}

static const char *const SYM_NAMES[SYM_COUNT] = {
#define X(id, name, help) [SYM_##id] = name,
    SYMS(X)
#undef X
};

const char *ir_sym_name(Sym sym) { return SYM_NAMES[sym]; }

bool ir_find_sym(const char *name, Sym *sym) {
    for (int s = 0; s < SYM_COUNT; s++) {
        if (strcmp(SYM_NAMES[s], name) == 0) {
            *sym = (Sym)s;
            return true;
        }
    }
    return false;
}

Type type_index(void) { return (Type){.cls = TY_INDEX, .dtype = DT_I64}; }

Type type_tile(DType dtype, int rows, int cols) {
    return (Type){.cls = TY_TILE, .dtype = dtype, .rows = rows, .cols = cols};
}

Type type_ring(int slots, DType dtype, int rows, int cols) {
    return (Type){.cls = TY_RING, .dtype = dtype, .rows = rows, .cols = cols, .slots = slots};
}

Type type_unplaced(Type type) {
    type.space = SPACE_NONE;
    type.offset = 0;
    return type;
}

Type type_ring_tile(Type ring) { return type_tile(ring.dtype, ring.rows, ring.cols); }

bool type_equal(Type a, Type b) {
    if (a.cls != b.cls)
        return false;
    if (a.cls == TY_INDEX)
        return true;
    return a.dtype == b.dtype && a.rows == b.rows && a.cols == b.cols && (a.cls != TY_RING || a.slots == b.slots);
}

const char *type_dtype_name(DType dtype) {
    switch (dtype) {
    case DT_F32: return "f32";
    case DT_BF16: return "bf16";
    case DT_F16: return "f16";
    case DT_F64: return "f64";
    case DT_I32: return "i32";
    case DT_I64: return "i64";
    case DT_COUNT: break;
    }
    return "?";
}

static void print_space(Text *text, Type type) {
    switch (type.space) {
    case SPACE_NONE: break;
    case SPACE_SCRATCH: text_add(text, " @%lld", (long long)type.offset); break;
    case SPACE_REGISTER: text_add(text, " @reg"); break;
    case SPACE_GLOBAL: text_add(text, " @global"); break;
    }
}

void type_print(Text *text, Type type) {
    if (type.cls == TY_INDEX) {
        text_add(text, "index");
        return;
    }
    if (type.cls == TY_RING)
        text_add(text, "ring<%d, ", type.slots);
    text_add(text, "%s<%dx%d", type_dtype_name(type.dtype), type.rows, type.cols);
    if (type.cls == TY_RING)
        text_add(text, ">");
    print_space(text, type);
    text_add(text, ">");
}

enum { STRIDE_ELEMENTS = 16, PLACE_BYTES = 64 };

int64_t ir_tile_stride(Type type) {
    if (type.cls == TY_INDEX)
        return 0;
    return type.cols == 1 ? 1 : ((int64_t)type.cols + STRIDE_ELEMENTS - 1) / STRIDE_ELEMENTS * STRIDE_ELEMENTS;
}

int64_t ir_tile_bytes(Type type) {
    if (type.cls == TY_INDEX)
        return 0;
    const int64_t tile = ir_tile_stride(type) * type.rows * (int64_t)dtype_size(type.dtype);
    const int64_t aligned = (tile + PLACE_BYTES - 1) / PLACE_BYTES * PLACE_BYTES;
    return type.cls == TY_RING ? aligned * type.slots : aligned;
}

int64_t ir_shared_stride(Type type) {
    const int64_t bytes = (type.cols + 15) / 16 * 16 * (int64_t)dtype_size(type.dtype);
    return dtype_size(type.dtype) == 2 && bytes % 128 == 0 ? bytes : bytes + 16;
}

int64_t ir_shared_bytes(Type type) { return ((type.rows + 15) / 16 * 16 * ir_shared_stride(type) + 127) / 128 * 128; }

int64_t ir_panel_bytes(Type type) {
    const int64_t row = type.cols * (int64_t)dtype_size(type.dtype);
    return (row + IR_PANEL - 1) / IR_PANEL * IR_PANEL * type.rows;
}

int64_t ir_slot_bytes(Type type) { return (ir_panel_bytes(type) + IR_SLOT_ALIGN - 1) / IR_SLOT_ALIGN * IR_SLOT_ALIGN; }
