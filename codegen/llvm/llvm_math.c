/* Elementwise arithmetic on vectors of floats, without libm: a few units in the last place, and right at infinities,
 * zeros and NaN. Polynomials are minimax fits; their errors are under 0.1 units in the last place. */
#include "codegen/llvm/llvm_gen.h"

#include <math.h>

static Val polynomial(Gen *g, Val x, const double *c, int degree) {
    Val sum = gen_like(g, x, c[degree]);
    for (int i = degree - 1; i >= 0; i--)
        sum = gen_fma(g, sum, x, gen_like(g, x, c[i]));
    return sum;
}

/* (bound < x) ? bound : x and its mirror: one instruction each that lets NaN through, which minnum would not. */
static Val at_most(Gen *g, Val x, double bound) {
    const Val limit = gen_like(g, x, bound);
    return gen_select(g, gen_fcmp(g, LLVMRealOLT, limit, x), limit, x);
}

static Val at_least(Gen *g, Val x, double bound) {
    const Val limit = gen_like(g, x, bound);
    return gen_select(g, gen_fcmp(g, LLVMRealOGT, limit, x), limit, x);
}

static Val ints(Gen *g, Val x) { return gen_cast_bits(g, x, gen_vector(g, g->i32)); }
static Val floats(Gen *g, Val x) { return gen_cast_bits(g, x, gen_vector(g, g->f32)); }

/* 2^f for |f| <= 1/2; 1 exactly at 0. */
static Val exp2_fraction(Gen *g, Val f) {
    static const double C[] = {
        1, 0.693147202982, 0.240226478972, 0.0555033217022, 0.00961843857207, 0.00133990004544, 0.000153532616759};
    return polynomial(g, f, C, 6);
}

static Val scale_instruction(Gen *g, Val x, Val n) {
    Val args[5] = {x, n, LLVMGetPoison(LLVMTypeOf(x)), LLVMConstAllOnes(g->i16), gen_i32(g, 4)};
    return gen_intrinsic(g, "llvm.x86.avx512.mask.scalef.ps.512", NULL, args, 5);
}

/* x * 2^n for |n| <= 252 in two steps, so that neither factor leaves the range and results may be denormal or infinite.
 * n is rounded by adding 1.5 * 2^23, whose low bits then are n; a NaN gives some factor, and NaN it stays. */
static const double ROUNDER = 12582912.0;

static Val power_of_two(Gen *g, Val n) {
    const Val biased = LLVMBuildAdd(g->b, n, gen_splat_int(g, 127), "");
    return floats(g, LLVMBuildShl(g->b, biased, gen_splat_int(g, 23), ""));
}

static Val scale_by_parts(Gen *g, Val x, Val shifted) {
    const Val n = LLVMBuildSub(g->b, ints(g, shifted), ints(g, gen_splat_const(g, ROUNDER)), "");
    const Val half = LLVMBuildAShr(g->b, n, gen_splat_int(g, 1), "");
    const Val rest = LLVMBuildSub(g->b, n, half, "");
    return LLVMBuildFMul(g->b, LLVMBuildFMul(g->b, x, power_of_two(g, half), ""), power_of_two(g, rest), "");
}

/* scalef(NaN, -inf) is 0 and scalef(NaN, inf) is inf: what 2^x wants at the infinities, where x - n is NaN. */
static Val exp2_of(Gen *g, Val x) {
    if (g->scalef) {
        const Val n = gen_unary(g, "llvm.roundeven", x);
        return scale_instruction(g, exp2_fraction(g, LLVMBuildFSub(g->b, x, n, "")), n);
    }
    x = at_most(g, at_least(g, x, -151), 129);
    const Val shifted = LLVMBuildFAdd(g->b, x, gen_splat_const(g, ROUNDER), "");
    const Val n = LLVMBuildFSub(g->b, shifted, gen_splat_const(g, ROUNDER), "");
    return scale_by_parts(g, exp2_fraction(g, LLVMBuildFSub(g->b, x, n, "")), shifted);
}

/* e^x = 2^n 2^f, n + f = x log2(e) with f taken from the exact product. The bounds give 0 and infinity after rounding.
 * scalef needs no upper one: where f is lost in a huge x, its polynomial is still positive and the result infinite. */
static Val exp_of(Gen *g, Val x) {
    const double log2e = 1.4426950408889634;
    const float  upper = (float)log2e;
    x = at_least(g, x, -104);
    if (!g->scalef)
        x = at_most(g, x, 89);
    const Val scaled = LLVMBuildFMul(g->b, x, gen_splat_const(g, upper), "");
    Val       shifted = NULL, n;
    if (g->scalef) {
        n = gen_unary(g, "llvm.roundeven", scaled);
    } else {
        shifted = LLVMBuildFAdd(g->b, scaled, gen_splat_const(g, ROUNDER), "");
        n = LLVMBuildFSub(g->b, shifted, gen_splat_const(g, ROUNDER), "");
    }
    Val f = gen_fma(g, x, gen_splat_const(g, upper), LLVMBuildFNeg(g->b, n, ""));
    f = gen_fma(g, x, gen_splat_const(g, log2e - (double)upper), f);
    const Val power = exp2_fraction(g, f);
    return g->scalef ? scale_instruction(g, power, n) : scale_by_parts(g, power, shifted);
}

/* log(m 2^e) with m in [sqrt(1/2), sqrt(2)), r = m - 1: e ln 2 + r - r^2 / 2 + r^3 P(r). */
static Val log_core(Gen *g, Val x, Val exponent_bias) {
    static const double P[] = {0.333333317226, -0.25000820967,  0.20001225602,  -0.166233584412,
                               0.142017872989, -0.131602047328, 0.127613868048, -0.0763419769393};
    const Val           bits = ints(g, x);
    const Val           above = LLVMBuildSub(g->b, bits, gen_splat_int(g, 0x3f3504f3), "");
    const Val           exponent = LLVMBuildAShr(g->b, above, gen_splat_int(g, 23), "");
    const Val           mantissa = LLVMBuildSub(g->b, bits, LLVMBuildShl(g->b, exponent, gen_splat_int(g, 23), ""), "");
    const Val           e = LLVMBuildFAdd(g->b, LLVMBuildSIToFP(g->b, exponent, LLVMTypeOf(x), ""), exponent_bias, "");
    const Val           r = LLVMBuildFSub(g->b, floats(g, mantissa), gen_splat_const(g, 1), "");
    const Val           square = LLVMBuildFMul(g->b, r, r, "");
    Val                 sum = LLVMBuildFMul(g->b, LLVMBuildFMul(g->b, square, r, ""), polynomial(g, r, P, 7), "");
    sum = gen_fma(g, e, gen_splat_const(g, -2.12194440e-4), sum);
    sum = gen_fma(g, square, gen_splat_const(g, -0.5), sum);
    return gen_fma(g, e, gen_splat_const(g, 0.693359375), LLVMBuildFAdd(g->b, r, sum, ""));
}

static Val log_of(Gen *g, Val x) {
    const Val tiny = gen_fcmp(g, LLVMRealOLT, x, gen_splat_const(g, 0x1p-126));
    const Val normal = gen_select(g, tiny, LLVMBuildFMul(g->b, x, gen_splat_const(g, 0x1p23), ""), x);
    const Val bias = gen_select(g, tiny, gen_splat_const(g, -23), gen_splat_const(g, 0));
    Val       result = log_core(g, normal, bias);
    result = gen_select(g, gen_fcmp(g, LLVMRealOLT, x, gen_splat_const(g, (double)INFINITY)), result, x);
    result = gen_select(g, gen_fcmp(g, LLVMRealOLT, x, gen_splat_const(g, 0)), gen_splat_const(g, (double)NAN), result);
    return gen_select(g, gen_fcmp(g, LLVMRealOEQ, x, gen_splat_const(g, 0)), gen_splat_const(g, -(double)INFINITY),
                      result);
}

/* Near 0 a polynomial, since 1 - 2 / (e^2x + 1) would cancel there. */
static Val tanh_of(Gen *g, Val x) {
    static const double C[] = {-0.33333283926, 0.133314912981, -0.0537434987094, 0.0206505888489, -0.00571704643645};
    const Val           one = gen_splat_const(g, 1), size = gen_unary(g, "llvm.fabs", x);
    const Val           square = LLVMBuildFMul(g->b, x, x, "");
    const Val           near = gen_fma(g, LLVMBuildFMul(g->b, square, x, ""), polynomial(g, square, C, 4), x);
    const Val           power = exp_of(g, LLVMBuildFAdd(g->b, size, size, ""));
    const Val           part = gen_fdiv(g, gen_splat_const(g, 2), LLVMBuildFAdd(g->b, power, one, ""));
    Val                 far[2] = {LLVMBuildFSub(g->b, one, part, ""), x};
    const Val           signed_far = gen_intrinsic(g, "llvm.copysign", LLVMTypeOf(x), far, 2);
    return gen_select(g, gen_fcmp(g, LLVMRealOLT, size, gen_splat_const(g, 0.625)), near, signed_far);
}

static Val sigmoid_of(Gen *g, Val x) {
    const Val one = gen_splat_const(g, 1);
    return gen_fdiv(g, one, LLVMBuildFAdd(g->b, one, exp_of(g, LLVMBuildFNeg(g->b, x, "")), ""));
}

Val gen_math(Gen *g, OpCode code, Val x) {
    switch (code) {
    case OP_NEG: return LLVMBuildFNeg(g->b, x, "");
    case OP_EXP: return exp_of(g, x);
    case OP_EXP2: return exp2_of(g, x);
    case OP_LOG: return log_of(g, x);
    case OP_TANH: return tanh_of(g, x);
    case OP_SIGMOID: return sigmoid_of(g, x);
    case OP_RELU: return at_least(g, x, 0);
    case OP_STEP:
        return gen_select(g, gen_fcmp(g, LLVMRealOGT, x, gen_like(g, x, 0)), gen_like(g, x, 1), gen_like(g, x, 0));
    case OP_ABS: return gen_unary(g, "llvm.fabs", x);
    case OP_SQRT: return gen_unary(g, "llvm.sqrt", x);
    case OP_RSQRT: return gen_fdiv(g, gen_like(g, x, 1), gen_unary(g, "llvm.sqrt", x));
    default: return x;
    }
}

Val gen_fast_max(Gen *g, Val x, Val y) {
    if (g->nan_max) {
        Val args[2] = {x, y};
        return gen_intrinsic(g, "llvm.maximum", LLVMTypeOf(x), args, 2);
    }
    return gen_select(g, gen_fcmp(g, LLVMRealOGT, x, y), x, y);
}

/* The comparison gives y where either is NaN: so x needs a look of its own. */
static Val extreme(Gen *g, const char *intrinsic, LLVMRealPredicate better, Val x, Val y) {
    if (g->nan_max) {
        Val args[2] = {x, y};
        return gen_intrinsic(g, intrinsic, LLVMTypeOf(x), args, 2);
    }
    const Val chosen = gen_select(g, gen_fcmp(g, better, x, y), x, y);
    return gen_select(g, gen_fcmp(g, LLVMRealUNO, x, x), x, chosen);
}

Val gen_arith(Gen *g, OpCode code, Val x, Val y) {
    switch (code) {
    case OP_ADD: return gen_fadd(g, x, y);
    case OP_SUB: return gen_fsub(g, x, y);
    case OP_MUL: return gen_fmul(g, x, y);
    case OP_DIV: return gen_fdiv(g, x, y);
    case OP_MAX: return extreme(g, "llvm.maximum", LLVMRealOGT, x, y);
    case OP_MIN: return extreme(g, "llvm.minimum", LLVMRealOLT, x, y);
    default: return x;
    }
}
