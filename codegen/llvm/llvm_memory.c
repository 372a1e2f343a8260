/* Vectors and memory: loads and stores of a register's worth of elements with conversion to and from fp32. A partial
 * vector (count < lanes) touches `count` elements alone: by a masked instruction where the target has one, else in
 * pieces of 8, 4, 2 and 1. */
#include "codegen/llvm/llvm_gen.h"

enum { LINE_BYTES = 64 };

Ty gen_storage(Gen *g, DType dtype) {
    switch (dtype) {
    case DT_BF16: return g->i16;
    case DT_F16: return g->f16;
    case DT_I32: return g->i32;
    case DT_I64: return g->i64;
    case DT_F64: return g->f64;
    case DT_F32:
    case DT_COUNT: break;
    }
    return g->f32;
}

static unsigned alignment(DType dtype) { return (unsigned)dtype_size(dtype); }

/* bf16 is the upper half of a float; works on scalars and vectors. */
static Val widen_bf16(Gen *g, Val bits, Ty wide, Ty result) {
    const Val extended = LLVMBuildZExt(g->b, bits, wide, "");
    const Val sixteen = wide == g->i32 ? gen_i32(g, 16) : gen_splat_int(g, 16);
    return gen_cast_bits(g, LLVMBuildShl(g->b, extended, sixteen, ""), result);
}

static Val to_float(Gen *g, DType dtype, Val stored) {
    if (dtype == DT_BF16)
        return widen_bf16(g, stored, gen_vector(g, g->i32), gen_vector(g, g->f32));
    return dtype == DT_F16 ? LLVMBuildFPExt(g->b, stored, gen_vector(g, g->f32), "") : stored;
}

/* Round to nearest even by adding half of what is cut off, less one where the kept part is even. A NaN keeps its upper
 * bits with the quiet bit set, so that it cannot become an infinity. */
static Val narrow_bf16(Gen *g, Val x) {
    const Val bits = gen_cast_bits(g, x, gen_vector(g, g->i32));
    const Val upper = LLVMBuildLShr(g->b, bits, gen_splat_int(g, 16), "");
    const Val odd = LLVMBuildAnd(g->b, upper, gen_splat_int(g, 1), "");
    const Val bias = LLVMBuildAdd(g->b, odd, gen_splat_int(g, 0x7fff), "");
    const Val rounded = LLVMBuildLShr(g->b, LLVMBuildAdd(g->b, bits, bias, ""), gen_splat_int(g, 16), "");
    const Val quiet = LLVMBuildOr(g->b, upper, gen_splat_int(g, 0x40), "");
    const Val chosen = gen_select(g, gen_fcmp(g, LLVMRealUNO, x, x), quiet, rounded);
    return LLVMBuildTrunc(g->b, chosen, gen_vector(g, g->i16), "");
}

static Val from_float(Gen *g, DType dtype, Val x) {
    if (dtype == DT_BF16)
        return narrow_bf16(g, x);
    return dtype == DT_F16 ? LLVMBuildFPTrunc(g->b, x, gen_vector(g, g->f16), "") : x;
}

Val gen_round(Gen *g, DType dtype, Val x) {
    return dtype == DT_BF16 || dtype == DT_F16 ? to_float(g, dtype, from_float(g, dtype, x)) : x;
}

static Val first_lanes(Gen *g, int count) {
    Val bits[64];
    for (int l = 0; l < g->lanes; l++)
        bits[l] = LLVMConstInt(g->i1, l < count, false);
    return LLVMConstVector(bits, (unsigned)g->lanes);
}

/* Halves travel as 16-bit integers under masks and in pieces. */
static Ty carrier(Gen *g, DType dtype) { return dtype == DT_F16 ? g->i16 : gen_storage(g, dtype); }

static Val masked_load(Gen *g, DType dtype, Val address, int count) {
    const Ty       type = gen_vector(g, carrier(g, dtype));
    const Ty       overloads[2] = {type, g->ptr};
    Val            args[4] = {address, gen_i32(g, (int)alignment(dtype)), first_lanes(g, count), LLVMConstNull(type)};
    const unsigned id = LLVMLookupIntrinsicID("llvm.masked.load", 16);
    const Val      function = LLVMGetIntrinsicDeclaration(g->module, id, (Ty *)overloads, 2);
    return LLVMBuildCall2(g->b, LLVMIntrinsicGetType(g->context, id, (Ty *)overloads, 2), function, args, 4, "");
}

static void masked_store(Gen *g, DType dtype, Val address, Val stored, int count) {
    const Ty       overloads[2] = {LLVMTypeOf(stored), g->ptr};
    Val            args[4] = {stored, address, gen_i32(g, (int)alignment(dtype)), first_lanes(g, count)};
    const unsigned id = LLVMLookupIntrinsicID("llvm.masked.store", 17);
    const Val      function = LLVMGetIntrinsicDeclaration(g->module, id, (Ty *)overloads, 2);
    LLVMBuildCall2(g->b, LLVMIntrinsicGetType(g->context, id, (Ty *)overloads, 2), function, args, 4, "");
}

/* The largest power of two within what is left of a partial vector. */
static int piece(int left) {
    int size = 8;
    while (size > left)
        size /= 2;
    return size;
}

static Val load_pieces(Gen *g, DType dtype, Val address, int count) {
    const Ty type = carrier(g, dtype);
    Val      whole = LLVMConstNull(gen_vector(g, type));
    for (int at = 0, size; at < count; at += size) {
        size = piece(count - at);
        const Val from = gen_address(g, address, type, gen_int(g, at));
        if (size == 1) {
            whole =
                LLVMBuildInsertElement(g->b, whole, gen_load(g, type, from, alignment(dtype), ""), gen_i32(g, at), "");
            continue;
        }
        const Ty  part_type = LLVMVectorType(type, (unsigned)size);
        const Val part = gen_load(g, part_type, from, alignment(dtype), "");
        int       widen[16], merge[16];
        for (int l = 0; l < g->lanes; l++) {
            widen[l] = l < size ? l : -1;
            merge[l] = l >= at && l < at + size ? g->lanes + l - at : l;
        }
        whole = gen_shuffle(g, whole, gen_shuffle(g, part, LLVMGetPoison(part_type), widen, g->lanes), merge, g->lanes);
    }
    return whole;
}

static void store_pieces(Gen *g, DType dtype, Val address, Val stored, int count) {
    const Ty type = carrier(g, dtype);
    for (int at = 0, size; at < count; at += size) {
        size = piece(count - at);
        const Val to = gen_address(g, address, type, gen_int(g, at));
        if (size == 1) {
            gen_store(g, LLVMBuildExtractElement(g->b, stored, gen_i32(g, at), ""), to, alignment(dtype));
            continue;
        }
        int part[16];
        for (int l = 0; l < size; l++)
            part[l] = at + l;
        gen_store(g, gen_shuffle(g, stored, LLVMGetPoison(LLVMTypeOf(stored)), part, size), to, alignment(dtype));
    }
}

Val gen_load_vector(Gen *g, DType dtype, Val address, int count) {
    if (count >= g->lanes)
        return to_float(g, dtype, gen_load(g, gen_vector(g, gen_storage(g, dtype)), address, alignment(dtype), ""));
    Val stored = g->masked ? masked_load(g, dtype, address, count) : load_pieces(g, dtype, address, count);
    if (dtype == DT_F16)
        stored = gen_cast_bits(g, stored, gen_vector(g, g->f16));
    return to_float(g, dtype, stored);
}

void gen_store_vector(Gen *g, DType dtype, Val address, Val vector, int count) {
    Val stored = from_float(g, dtype, vector);
    if (count >= g->lanes) {
        gen_store(g, stored, address, alignment(dtype));
        return;
    }
    if (dtype == DT_F16)
        stored = gen_cast_bits(g, stored, gen_vector(g, g->i16));
    if (g->masked && count > 1)
        masked_store(g, dtype, address, stored, count);
    else
        store_pieces(g, dtype, address, stored, count);
}

Val gen_load_splat(Gen *g, DType dtype, Val address) {
    Val scalar = gen_load(g, gen_storage(g, dtype), address, alignment(dtype), "");
    if (dtype == DT_BF16)
        scalar = widen_bf16(g, scalar, g->i32, g->f32);
    else if (dtype == DT_F16)
        scalar = LLVMBuildFPExt(g->b, scalar, g->f32, "");
    return gen_splat(g, scalar);
}

void gen_prefetch(Gen *g, Val address, int64_t bytes, bool writes) {
    for (int64_t at = 0; at < bytes; at += LINE_BYTES) {
        Val args[4] = {gen_bytes(g, address, at), gen_i32(g, writes), gen_i32(g, 3), gen_i32(g, 1)};
        gen_intrinsic(g, "llvm.prefetch", g->ptr, args, 4);
    }
}

/* Both in scratch with the layout of `type`: one run of memory, whole vectors since a tile's bytes are a multiple of
 * 64. */
void gen_copy_tile(Gen *g, Type type, Val to, Val from) {
    type.cls = TY_TILE;
    const int64_t bytes = ir_tile_bytes(type), step = g->target->vector_bytes;
    const Ty      vector = gen_vector(g, g->f32);
    Loop          loop;
    gen_loop_open(g, &loop, "copy", gen_int(g, 0), gen_int(g, bytes / 4), gen_int(g, step / 4), NULL, 0);
    const Val part = from ? gen_load(g, vector, gen_address(g, from, g->f32, loop.iv), 4, "") : LLVMConstNull(vector);
    gen_store(g, part, gen_address(g, to, g->f32, loop.iv), 4);
    gen_loop_close(g, &loop, NULL);
}
