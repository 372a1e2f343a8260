/* Small helpers over LLVM's C builder: constants, arithmetic, shuffles, functions. See llvm_gen.h. */
#include "codegen/llvm/llvm_gen.h"

#include <string.h>

enum { MAX_LANES = 16 };

Ty  gen_vector(Gen *g, Ty element) { return LLVMVectorType(element, (unsigned)g->lanes); }
Val gen_int(Gen *g, int64_t n) { return LLVMConstInt(g->i64, (unsigned long long)n, true); }
Val gen_i32(Gen *g, int n) { return LLVMConstInt(g->i32, (unsigned long long)n, true); }

static Val splat_of(Val element, unsigned count) {
    Val elements[64];
    for (unsigned i = 0; i < count; i++)
        elements[i] = element;
    return LLVMConstVector(elements, count);
}

Val gen_splat_const(Gen *g, double x) { return splat_of(LLVMConstReal(g->f32, x), (unsigned)g->lanes); }

Val gen_splat_int(Gen *g, int64_t x) {
    return splat_of(LLVMConstInt(g->i32, (unsigned long long)x, true), (unsigned)g->lanes);
}

Val gen_like(Gen *g, Val vector, double x) {
    (void)g;
    const Ty type = LLVMTypeOf(vector);
    if (LLVMGetTypeKind(type) != LLVMVectorTypeKind)
        return LLVMConstReal(type, x);
    return splat_of(LLVMConstReal(LLVMGetElementType(type), x), LLVMGetVectorSize(type));
}

Val gen_iota(Gen *g, int first) {
    Val elements[MAX_LANES];
    for (int i = 0; i < g->lanes; i++)
        elements[i] = gen_i32(g, first + i);
    return LLVMConstVector(elements, (unsigned)g->lanes);
}

Val gen_splat(Gen *g, Val scalar) {
    if (LLVMIsConstant(scalar) && !LLVMIsUndef(scalar) && LLVMGetTypeKind(LLVMTypeOf(scalar)) == LLVMFloatTypeKind) {
        LLVMBool loses;
        return gen_splat_const(g, LLVMConstRealGetDouble(scalar, &loses));
    }
    int       mask[MAX_LANES] = {0};
    const Val none = LLVMGetPoison(gen_vector(g, LLVMTypeOf(scalar)));
    const Val one = LLVMBuildInsertElement(g->b, none, scalar, gen_i32(g, 0), "");
    return gen_shuffle(g, one, none, mask, g->lanes);
}

bool gen_constant(Val value, int64_t *n) {
    if (!LLVMIsAConstantInt(value))
        return false;
    *n = LLVMConstIntGetSExtValue(value);
    return true;
}

Val gen_add(Gen *g, Val x, Val y) {
    int64_t n;
    if (gen_constant(y, &n) && n == 0)
        return x;
    if (gen_constant(x, &n) && n == 0)
        return y;
    return LLVMBuildAdd(g->b, x, y, "");
}

Val gen_sub(Gen *g, Val x, Val y) {
    int64_t n;
    return gen_constant(y, &n) && n == 0 ? x : LLVMBuildSub(g->b, x, y, "");
}

Val gen_mul(Gen *g, Val x, Val y) {
    int64_t n;
    if (gen_constant(y, &n) && n == 1)
        return x;
    return LLVMBuildMul(g->b, x, y, "");
}

Val gen_less(Gen *g, Val x, Val y) { return LLVMBuildICmp(g->b, LLVMIntSLT, x, y, ""); }
Val gen_select(Gen *g, Val condition, Val x, Val y) { return LLVMBuildSelect(g->b, condition, x, y, ""); }
Val gen_min(Gen *g, Val x, Val y) { return gen_select(g, gen_less(g, x, y), x, y); }
Val gen_max(Gen *g, Val x, Val y) { return gen_select(g, gen_less(g, x, y), y, x); }

static bool power_of_two(Val value, int *log) {
    int64_t n;
    if (!gen_constant(value, &n) || n <= 0 || (n & (n - 1)) != 0)
        return false;
    for (*log = 0; n > 1; n >>= 1)
        ++*log;
    return true;
}

Val gen_floor_mod(Gen *g, Val x, Val y) {
    int log;
    if (power_of_two(y, &log))
        return LLVMBuildAnd(g->b, x, gen_int(g, (INT64_C(1) << log) - 1), "");
    const Val rest = LLVMBuildSRem(g->b, x, y, "");
    return gen_select(g, gen_less(g, rest, gen_int(g, 0)), gen_add(g, rest, y), rest);
}

Val gen_floor_div(Gen *g, Val x, Val y) {
    int log;
    if (power_of_two(y, &log))
        return LLVMBuildAShr(g->b, x, gen_int(g, log), "");
    const Val quotient = LLVMBuildSDiv(g->b, x, y, "");
    const Val rest = gen_sub(g, x, gen_mul(g, quotient, y));
    return gen_select(g, gen_less(g, rest, gen_int(g, 0)), gen_sub(g, quotient, gen_int(g, 1)), quotient);
}

static Val contracted(Val x) {
    if (LLVMIsAInstruction(x))
        LLVMSetFastMathFlags(x, LLVMFastMathAllowContract);
    return x;
}

Val gen_fadd(Gen *g, Val x, Val y) { return contracted(LLVMBuildFAdd(g->b, x, y, "")); }
Val gen_fsub(Gen *g, Val x, Val y) { return contracted(LLVMBuildFSub(g->b, x, y, "")); }
Val gen_fmul(Gen *g, Val x, Val y) { return contracted(LLVMBuildFMul(g->b, x, y, "")); }
Val gen_fdiv(Gen *g, Val x, Val y) { return LLVMBuildFDiv(g->b, x, y, ""); }
Val gen_fcmp(Gen *g, LLVMRealPredicate p, Val x, Val y) { return LLVMBuildFCmp(g->b, p, x, y, ""); }

Val gen_intrinsic(Gen *g, const char *name, Ty overload, Val *args, int count) {
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    const size_t   overloads = overload ? 1 : 0;
    const Val      function = LLVMGetIntrinsicDeclaration(g->module, id, &overload, overloads);
    const Ty       type = LLVMIntrinsicGetType(g->context, id, &overload, overloads);
    return LLVMBuildCall2(g->b, type, function, args, (unsigned)count, "");
}

Val gen_unary(Gen *g, const char *intrinsic, Val x) { return gen_intrinsic(g, intrinsic, LLVMTypeOf(x), &x, 1); }

/* fmuladd and not fma: on a CPU without the instruction it becomes two, where fma would be a call into libm. */
Val gen_fma(Gen *g, Val x, Val y, Val z) {
    Val args[3] = {x, y, z};
    return gen_intrinsic(g, "llvm.fmuladd", LLVMTypeOf(x), args, 3);
}

Val gen_cast_bits(Gen *g, Val x, Ty type) { return LLVMBuildBitCast(g->b, x, type, ""); }

Val gen_address(Gen *g, Val base, Ty element, Val index) {
    int64_t n;
    if (gen_constant(index, &n) && n == 0)
        return base;
    return LLVMBuildGEP2(g->b, element, base, &index, 1, "");
}

Val gen_bytes(Gen *g, Val base, int64_t bytes) {
    return gen_address(g, base, LLVMInt8TypeInContext(g->context), gen_int(g, bytes));
}

Val gen_load(Gen *g, Ty type, Val address, unsigned align, const char *name) {
    const Val load = LLVMBuildLoad2(g->b, type, address, name);
    LLVMSetAlignment(load, align);
    return load;
}

void gen_store(Gen *g, Val value, Val address, unsigned align) {
    LLVMSetAlignment(LLVMBuildStore(g->b, value, address), align);
}

Val gen_shuffle(Gen *g, Val x, Val y, const int *mask, int count) {
    Val elements[64];
    for (int i = 0; i < count; i++)
        elements[i] = mask[i] < 0 ? LLVMGetPoison(g->i32) : gen_i32(g, mask[i]);
    return LLVMBuildShuffleVector(g->b, x, y, LLVMConstVector(elements, (unsigned)count), "");
}

/* One result vector: sources are merged in one after the other, each by a shuffle of what there is so far. */
static Val permute_one(Gen *g, const Val *vectors, const LaneOf *from) {
    const int lanes = g->lanes;
    bool      done[MAX_LANES] = {false};
    Val       result = NULL;
    for (int first = 0; first < lanes; first++) {
        if (done[first] || from[first].vector < 0)
            continue;
        int  mask[MAX_LANES];
        bool identity = true;
        for (int l = 0; l < lanes; l++) {
            const bool mine = from[l].vector == from[first].vector;
            mask[l] = mine ? from[l].lane + (result ? lanes : 0) : result && done[l] ? l : -1;
            identity = identity && (mask[l] < 0 || (!result && mask[l] == l));
            done[l] = done[l] || mine;
        }
        const Val source = vectors[from[first].vector];
        if (identity)
            result = source;
        else
            result = gen_shuffle(g, result ? result : source, result ? source : LLVMGetPoison(LLVMTypeOf(source)), mask,
                                 lanes);
    }
    return result ? result : gen_splat_const(g, 0);
}

void gen_permute(Gen *g, const Val *vectors, const LaneOf *from, int columns, Val *out) {
    for (int first = 0; first < columns; first += g->lanes) {
        LaneOf part[MAX_LANES];
        for (int l = 0; l < g->lanes; l++)
            part[l] = first + l < columns ? from[first + l] : (LaneOf){-1, 0};
        out[first / g->lanes] = permute_one(g, vectors, part);
    }
}

Val gen_reduce(Gen *g, Val vector, Val (*combine)(Gen *, Val, Val)) {
    for (int half = g->lanes / 2; half >= 1; half /= 2) {
        int mask[MAX_LANES];
        for (int l = 0; l < g->lanes; l++)
            mask[l] = l ^ half;
        vector = combine(g, vector, gen_shuffle(g, vector, LLVMGetPoison(LLVMTypeOf(vector)), mask, g->lanes));
    }
    return vector;
}

static void add_attribute(Gen *g, Val function, const char *name) {
    const unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(g->context, kind, 0));
}

Outside gen_function_begin(Gen *g, const char *name, Ty result, const Ty *params, int count) {
    const Outside outside = {LLVMGetInsertBlock(g->b), g->function};
    Ty            types[24];
    for (int i = 0; i < count; i++)
        types[i] = params[i];
    g->function = LLVMAddFunction(g->module, name, LLVMFunctionType(result, types, (unsigned)count, false));
    LLVMSetLinkage(g->function, LLVMInternalLinkage);
    add_attribute(g, g->function, "nounwind");
    gen_enter(g, gen_block(g, "entry"));
    return outside;
}

void gen_function_end(Gen *g, Outside outside) {
    if (!LLVMGetBasicBlockTerminator(gen_here(g)))
        LLVMBuildRetVoid(g->b);
    g->function = outside.function;
    if (outside.place)
        gen_enter(g, outside.place);
}

Val gen_param(Gen *g, int index, const char *name) {
    const Val param = LLVMGetParam(g->function, (unsigned)index);
    LLVMSetValueName2(param, name, strlen(name));
    return param;
}

Val gen_call(Gen *g, Val function, Val *args, int count) {
    return LLVMBuildCall2(g->b, LLVMGlobalGetValueType(function), function, args, (unsigned)count, "");
}

Val gen_constant_array(Gen *g, const char *name, Val *elements, int count, unsigned align) {
    Val array = LLVMGetNamedGlobal(g->module, name);
    if (array)
        return array;
    const Val contents = LLVMConstArray2(LLVMTypeOf(elements[0]), elements, (uint64_t)count);
    array = LLVMAddGlobal(g->module, LLVMTypeOf(contents), name);
    LLVMSetInitializer(array, contents);
    LLVMSetLinkage(array, LLVMInternalLinkage);
    LLVMSetGlobalConstant(array, true);
    LLVMSetAlignment(array, align);
    return array;
}
