// What every generated kernel builds on: tiles in registers, shared memory, products.
//
// A tile of rows x cols lies in the registers of a block of WARPS warps as the accumulators of mma.m16n8 do: warp w holds
// the slabs of 16 rows w, w + WARPS, ...; in x[s][i], i = 4 j + 2 h + b, a thread has row lane / 4 + 8 h of slab s and
// column 8 j + 2 (lane % 4) + b. Columns are padded to multiples of 16. A column (rows x 1) is x[s][h], a row (1 x cols)
// x[2 j + b]. Tiles of 16-bit numbers are pairs: x[s][i] holds what the float tile has in 2 i and 2 i + 1, which makes
// x[s][4 k .. 4 k + 3] the left operand of step k of a product. In shared memory (ir.h: ir_shared_stride) eight rows of a
// column lie in different banks: rows of whole lines of 128 bytes have their pieces of 16 bytes exchanged, others are 16
// bytes longer than their columns.
typedef unsigned int       u32;
typedef unsigned short     u16;
typedef unsigned long long u64;
typedef long long          i64;

#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#define DEVICE static __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#define UNROLL1 _Pragma("unroll 1")
#define UNROLL2 _Pragma("unroll 2")
#define EACH(S, N) UNROLL for (int s = 0; s < (S); s++) UNROLL for (int i = 0; i < (N); i++)

// Which lane of a tile a thread is, and back; of a mask of lanes, the mask of threads. Products of matrix units say which. On
// plain units a pair of threads has the same columns of two rows, and threads two apart the same rows: a wide load of shared
// memory takes half the time where either pair reads one address.
#ifdef PLAIN_PRODUCTS
DEVICE constexpr int lane_of(int thread) { return (thread & 24) | (thread >> 1 & 3) | (thread & 1) << 2; }
DEVICE constexpr int thread_of(int lane) { return (lane & 24) | (lane & 3) << 1 | (lane >> 2 & 1); }
#else
DEVICE constexpr int lane_of(int thread) { return thread; }
DEVICE constexpr int thread_of(int lane) { return lane; }
#endif
DEVICE int lane_id() { return lane_of(threadIdx.x & 31); }
// The same, in no register before it is asked for.
DEVICE int lane_here() { int thread; asm volatile("mov.u32 %0, %%laneid;" : "=r"(thread)); return lane_of(thread); }
// What a lane has, and what the one has whose number differs in the bits of `apart`.
template <class X> DEVICE X of_lane(X x, int lane) { return __shfl_sync(~0u, x, thread_of(lane)); }
template <class X> DEVICE X of_apart(X x, int apart) { return __shfl_xor_sync(~0u, x, thread_of(apart)); }
// The compiler knows that all of a warp have the same one; made anew where it is asked for, it takes no register meanwhile.
DEVICE int warp_id() { return __shfl_sync(~0u, threadIdx.x >> 5, 0); }
// The same from a register that is not held since the kernel began.
DEVICE int warp_here() { int thread; asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread)); return __shfl_sync(~0u, thread >> 5, 0); }
// A thread's and a block's number, likewise.
DEVICE u32 thread_here() { u32 thread; asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread)); return thread; }
DEVICE u32 block_here() { u32 block; asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(block)); return block; }
// The number among those WARPS that hold a tile together: where several roles of a kernel compute, each has SHARED_WARPS.
template <int WARPS> DEVICE int warp_of() { return WARPS == SHARED_WARPS ? warp_id() & (WARPS - 1) : warp_id(); }
// Where registers hold little beside main's sums (CROWDED), a thread's place is asked for anew.
#ifdef CROWDED
DEVICE int lane_again() { return lane_here(); }
DEVICE u32 thread_again() { return thread_here(); }
template <int WARPS> DEVICE int warp_again() { return warp_here(); }
#else
DEVICE int lane_again() { return lane_id(); }
DEVICE u32 thread_again() { return threadIdx.x; }
template <int WARPS> DEVICE int warp_again() { return warp_of<WARPS>(); }
#endif
// Likewise, where tiles are masked and multiplied, in other forms of a source, which are compiled where the first one spills. In
// which of them ptxas keeps within the registers differs from architecture to architecture. Macros: one function more in between
// already changes what is spilled.
#if defined(SECOND_FORM) || defined(THIRD_FORM)
#define LANE_OF_TILE lane_again()
#define WARP_OF_TILE(WARPS) warp_again<WARPS>()
#else
#define LANE_OF_TILE lane_id()
#define WARP_OF_TILE(WARPS) warp_of<WARPS>()
#endif
// A warp's number without the latency of a shuffle.
DEVICE int warp_at_once() { return threadIdx.x >> 5; }

// What was loaded is loaded again behind it: no register holds it from before.
DEVICE void forget() { asm volatile("" ::: "memory"); }

// Positions, rows and numbers of items. 32 bits, where they fit, take far fewer instructions.
#ifdef SHORT_NUMBERS
typedef int number;
#else
typedef i64 number;
#endif
template <class I, class J> DEVICE I floor_div(I a, J b) { I q = a / (I)b; return q - (a % (I)b != 0 && a < 0); }
// Where b is no constant: numbers that fit 32 bits, as most do, take far fewer instructions.
DEVICE number floor_div_any(number a, number b) { return sizeof(number) == 4 || ((i64)(a | b) >> 31) != 0 ? floor_div(a, b) : (number)((u32)a / (u32)b); }
template <class I, class J> DEVICE I floor_mod(I a, J b) { return a - (I)b * floor_div(a, b); }
DEVICE number smaller(number a, number b) { return a < b ? a : b; }
DEVICE number larger(number a, number b) { return a > b ? a : b; }
// A number that the compiler does not know: a loop that ends there stays a loop.
DEVICE i64 opaque(i64 a) { asm volatile("" : "+l"(a)); return a; }
DEVICE int opaque(int a) { asm volatile("" : "+r"(a)); return a; }
// What waits for its use is computed where this stands: registers hold it meanwhile, and not what it is made of.
DEVICE void made_here(float &x) { asm volatile("" : "+f"(x)); }
DEVICE int to_int(number a) { return sizeof a == 4 ? (int)a : (int)smaller(larger(a, -(1 << 30)), 1 << 30); }

// ---- Numbers
DEVICE float exp2_fast(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEVICE float exp_fast(float x) { return exp2_fast(x * 1.4426950408889634f); }
DEVICE float sigmoid(float x) { return 1.f / (1.f + exp_fast(-x)); }
#ifdef SECOND_FORM
DEVICE float tanh_fast(float x) { return 1.f - __fdividef(2.f, 1.f + exp2_fast(x * 2.885390082f)); } // 2 / ln 2
#else
DEVICE float tanh_fast(float x) { return 1.f - __fdividef(2.f, 1.f + exp_fast(2.f * x)); }
#endif
// NaN where either is, which max and min alone would lose.
DEVICE float max_nan(float x, float y) { float z; asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y)); return z; }
DEVICE float min_nan(float x, float y) { float z; asm("min.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y)); return z; }

struct bf16 { u16 bits; };
struct f16 { u16 bits; };
DEVICE u32 pack(float lo, float hi, bf16) { u32 y; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo)); return y; }
DEVICE u32 pack(float lo, float hi, f16) { u32 y; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo)); return y; }
DEVICE float to_float(float x) { return x; }
DEVICE float to_float(bf16 x) { return __uint_as_float((u32)x.bits << 16); }
DEVICE float to_float(f16 x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits)); return y; }
DEVICE void from_float(float x, float &y) { y = x; }
DEVICE void from_float(float x, bf16 &y) { y.bits = (u16)pack(x, 0.f, bf16()); }
DEVICE void from_float(float x, f16 &y) { y.bits = (u16)pack(x, 0.f, f16()); }
DEVICE void load_pair(const float *p, float &x, float &y) { float2 v = *(const float2 *)p; x = v.x; y = v.y; }
template <class T> DEVICE void load_pair(const T *p, float &x, float &y) {
    u32 v = *(const u32 *)p;
    T lo, hi;
    lo.bits = (u16)v, hi.bits = (u16)(v >> 16);
    x = to_float(lo), y = to_float(hi);
}
// Of what no kernel of this launch writes; not earlier than where it stands: what comes early takes registers for long.
DEVICE float load_here(const float *p) { float x; asm volatile("ld.global.nc.f32 %0, [%1];" : "=f"(x) : "l"(p)); return x; }
template <class T> DEVICE float load_here(const T *p) { return to_float(*p); }
DEVICE u64 load_here(const u64 *p) { u64 x; asm volatile("ld.global.nc.u64 %0, [%1];" : "=l"(x) : "l"(p)); return x; }
DEVICE void store_pair(float *p, float x, float y) { *(float2 *)p = make_float2(x, y); }
template <class T> DEVICE void store_pair(T *p, float x, float y) { *(u32 *)p = pack(x, y, T()); }

// ---- Parameters
// Where a load or store begins in a parameter: coordinates c, bounds lo <= row < hi of the row's coordinate.
struct View {
    i64 base, stride[3];
    number c[3], lo, hi;
    i64 column;
    __device__ __forceinline__ View behind(i64 bytes) const {
        View v = *this;
        v.base += bytes;
        return v;
    }
};
DEVICE View view(const i64 *arg, number c0, number c1, number c2, number lo, number hi) {
    return View{arg[0], {arg[1], arg[2], arg[3]}, {c0, c1, c2}, lo, hi, 0};
}
// With bounds made anew: no register holds until here those that accesses before had.
DEVICE View anew(View v) { v.hi = opaque(v.hi); return v; }
// Nothing of where it is, either.
DEVICE View all_anew(View v) {
    v.base = opaque(v.base), v.hi = opaque(v.hi);
    UNROLL for (int d = 0; d < 3; d++) v.c[d] = opaque(v.c[d]);
    return v;
}
// With the last coordinate made anew.
DEVICE View row_anew(View v) { v.c[2] = opaque(v.c[2]); return v; }
// The same of a parameter whose strides are known, from a column.
DEVICE View view(const i64 *arg, i64 stride0, i64 stride1, i64 stride2, i64 column, number c0, number c1, number c2, number lo, number hi) {
    return View{arg[0], {stride0, stride1, stride2}, {c0, c1, c2}, lo, hi, column};
}
template <class T> DEVICE View from_column(View v, int column) { v.base += column * sizeof(T); return v; }

// Where dim DIM reaches `border`, another parameter goes on.
template <int DIM> DEVICE View view_beyond(const i64 *arg, const i64 *beyond, number border, number c0, number c1, number c2, number lo, number hi) {
    const number back = (DIM == 0 ? c0 : DIM == 1 ? c1 : c2) >= border ? border : 0;
    return view(back ? beyond : arg, c0 - (DIM == 0 ? back : 0), c1 - (DIM == 1 ? back : 0), c2 - (DIM == 2 ? back : 0), lo - back, hi - back);
}

// Rows of a tile: ROWDIM, GROUPDIM, PERIOD, WRAP and DOWN as in a load of the IR. Rows whose positions fall have a negative stride.
template <int ROWDIM, int GROUPDIM, int PERIOD, int WRAP, int ROWS, int DOWN = 0> struct Rows {
    static constexpr int  COUNT = ROWS;
    static constexpr bool EVEN = GROUPDIM < 0 && WRAP == 0 && PERIOD >= ROWS; // rows lie at equal distances
    static constexpr bool STEADY = GROUPDIM < 0 && PERIOD >= ROWS && (WRAP == 0 || WRAP >= ROWS); // but for a turn of a ring
    static constexpr int  RING = WRAP;
    static constexpr bool SAME = ROWDIM < 0 && PERIOD % 16 == 0; // within a slab
    static constexpr int  SPAN = PERIOD < ROWS ? PERIOD : ROWS, GROUPS = (ROWS + SPAN - 1) / SPAN;
    i64 start, row_stride, group_stride;
    int first, end; // of r % PERIOD
    int turn;       // where row 0 is in a ring
    DEVICE Rows make(const View &v) {
        Rows x;
        x.start = v.column;
        UNROLL for (int d = 0; d < 3; d++) if (d != ROWDIM || !WRAP) x.start += v.c[d] * v.stride[d];
        x.row_stride = ROWDIM >= 0 ? v.stride[ROWDIM >= 0 ? ROWDIM : 0] : 0;
        if (DOWN) x.row_stride = -x.row_stride;
        x.group_stride = GROUPDIM >= 0 ? v.stride[GROUPDIM >= 0 ? GROUPDIM : 0] : 0;
        const number at = ROWDIM >= 0 ? v.c[ROWDIM >= 0 ? ROWDIM : 0] : 0;
        x.first = ROWDIM >= 0 ? to_int(DOWN ? at + 1 - v.hi : v.lo - at) : 0;
        x.end = ROWDIM >= 0 ? to_int(DOWN ? at + 1 - v.lo : v.hi - at) : 1 << 30;
        x.turn = WRAP ? (int)floor_mod(at, WRAP ? WRAP : 1) : 0;
        return x;
    }
    __device__ __forceinline__ int within(int r) const { return (u32)r % PERIOD; }
    __device__ __forceinline__ bool has(int r) const { return r < ROWS && within(r) >= first && within(r) < end; }
    template <int ONTO> __device__ __forceinline__ bool owns(int r) const {
        return ONTO == 0 || (ONTO == 1 ? r % PERIOD >= first : r % PERIOD < end);
    }
    __device__ __forceinline__ i64 offset(int r) const { // in elements
        int row = within(r) + turn;
        if (WRAP && PERIOD <= WRAP) row -= row >= WRAP ? WRAP : 0;
        else if (WRAP) row %= WRAP ? WRAP : 1;
        return start + row * row_stride + (GROUPDIM >= 0 ? (int)((u32)r / PERIOD) * group_stride : 0);
    }
};

template <class T> DEVICE bool aligned(const i64 *arg, int bytes) {
    const i64 strides = (arg[1] | arg[2] | arg[3]) * (i64)sizeof(T);
    return ((arg[0] | strides) & (bytes - 1)) == 0;
}
template <class T> DEVICE bool aligned(const View &v, int bytes) {
    const i64 all[4] = {v.base, v.stride[0], v.stride[1], v.stride[2]};
    return aligned<T>(all, bytes);
}

// ---- Registers and parameters
// Rows of 16-bit numbers are read and written in full sectors of 32 bytes: of two blocks of 8 columns, an even lane handles
// four columns of the first one and its odd neighbour four of the second; they exchange halves.
DEVICE void exchange(u32 &first, u32 &second) {
    const bool odd = lane_id() & 1;
    const u32  other = of_apart(odd ? first : second, 1);
    if (odd)
        first = other;
    else
        second = other;
}
DEVICE int wide_column() { const int lane = lane_again(); return (lane & 1) * 8 + (lane & 2) * 2; }
template <class T> DEVICE void unpack(u32 v, float &x, float &y) {
    T lo, hi;
    lo.bits = (u16)v, hi.bits = (u16)(v >> 16);
    x = to_float(lo), y = to_float(hi);
}
template <class T> DEVICE float unpacked(u32 v, int b, T) {
    float x, y;
    unpack<T>(v, x, y);
    return b ? y : x;
}
// Without a branch, which would make its addresses anew in each.
DEVICE void store_if(void *p, uint2 v, bool has) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %3, 0;\n@p st.global.v2.u32 [%0], {%1, %2};\n}" ::"l"(p), "r"(v.x), "r"(v.y), "r"((int)has) : "memory");
}
template <class T> struct Wide {
    template <int N, int COLS> DEVICE void load(float (&x)[N], const T *row, bool has, int h) {
        const T *from = row + wide_column();
        asm("" : "+l"(from)); // one address, and constants behind it
        UNROLL for (int j = 0; j < COLS / 8; j += 2) {
            uint2 v = make_uint2(0u, 0u);
            if (has) v = *(const uint2 *)(from + 8 * j);
            exchange(v.x, v.y);
            unpack<T>(v.x, x[4 * j + 2 * h], x[4 * j + 2 * h + 1]);
            unpack<T>(v.y, x[4 * j + 4 + 2 * h], x[4 * j + 4 + 2 * h + 1]);
        }
    }
    template <int N, int COLS> DEVICE void store(const float (&x)[N], T *row, bool has, int h) {
        T *to = row + wide_column();
        asm("" : "+l"(to));
        UNROLL for (int j = 0; j < COLS / 8; j += 2) {
            uint2 v;
            v.x = pack(x[4 * j + 2 * h], x[4 * j + 2 * h + 1], T());
            v.y = pack(x[4 * j + 4 + 2 * h], x[4 * j + 4 + 2 * h + 1], T());
            exchange(v.x, v.y);
            store_if(to + 8 * j, v, has);
        }
    }
};
template <> struct Wide<float> {
    template <int N, int COLS> DEVICE void load(float (&)[N], const float *, bool, int) {}
    template <int N, int COLS> DEVICE void store(const float (&x)[N], float *row, bool has, int h) {
        float *to = row + 2 * (lane_id() & 3);
        asm("" : "+l"(to));
        UNROLL for (int j = 0; j < COLS / 8; j++)
            store_if(to + 8 * j, make_uint2(__float_as_uint(x[4 * j + 2 * h]), __float_as_uint(x[4 * j + 2 * h + 1])), has);
    }
};

template <class T, class R, int WARPS, int COLS, bool INPUT, int S, int N> DEVICE void load_tile(float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int lane = lane_again(), q = lane & 3, first = warp_again<WARPS>() * 16 + lane / 4;
    const bool pairs = aligned<T>(v, 2 * sizeof(T)), wide = sizeof(T) == 2 && COLS % 16 == 0 && aligned<T>(v, 8);
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int  r = first + s * 16 * WARPS + 8 * h;
        const bool has = rows.has(r);
        if (R::SAME && h) {
            UNROLL for (int j = 0; j < N / 2; j++) x[s][2 * (j / 2 * 2 + 1) + j % 2] = x[s][4 * (j / 2) + j % 2];
            continue;
        }
        if (wide) {
            Wide<T>::template load<N, COLS>(x[s], (const T *)v.base + rows.offset(r), has, h);
            continue;
        }
        const T   *p = (const T *)v.base + rows.offset(r) + 2 * q;
        if (INPUT && R::SAME && COLS % 8 == 0 && R::COUNT % (16 * WARPS) == 0) { // a row that all rows share: loaded where it is wanted, in one way
            UNROLL for (int j = 0; j < COLS / 8; j++) UNROLL for (int b = 0; b < 2; b++) x[s][4 * j + b] = load_here(p + 8 * j + b);
            UNROLL for (int j = COLS / 8; j < N / 4; j++) x[s][4 * j] = x[s][4 * j + 1] = 0.f;
            continue;
        }
        UNROLL for (int j = 0; j < N / 4; j++) x[s][4 * j + 2 * h] = x[s][4 * j + 2 * h + 1] = 0.f;
        if (COLS % 8 == 0 && pairs) {
            UNROLL for (int j = 0; j < COLS / 8; j++) if (has) load_pair(p + 8 * j, x[s][4 * j + 2 * h], x[s][4 * j + 2 * h + 1]);
            continue;
        }
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++)
            if (has && 8 * j + 2 * q + b < COLS) x[s][4 * j + 2 * h + b] = to_float(p[8 * j + b]);
    }
}

// A 16-bit tile as products take it: pairs of columns as they lie in memory.
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void load_packed(u32 (&x)[S][N], const View &v) {
    const R    rows = R::make(v);
    const int  lane = lane_again(), first = warp_again<WARPS>() * 16 + lane / 4;
    const bool wide = aligned<T>(v, 8);
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int  r = first + s * 16 * WARPS + 8 * h;
        const bool has = rows.has(r);
        const T   *row = (const T *)v.base + rows.offset(r);
        if (wide) {
            const T *from = row + wide_column();
            asm("" : "+l"(from)); // one address, and constants behind it
            UNROLL for (int j = 0; j < COLS / 8; j += 2) {
                uint2 p = make_uint2(0u, 0u);
                if (has) p = *(const uint2 *)(from + 8 * j);
                exchange(p.x, p.y);
                x[s][2 * j + h] = p.x, x[s][2 * j + 2 + h] = p.y;
            }
            continue;
        }
        const u16 *p = (const u16 *)row + 2 * (lane & 3);
        UNROLL for (int j = 0; j < COLS / 8; j++) x[s][2 * j + h] = has ? (u32)p[8 * j] | (u32)p[8 * j + 1] << 16 : 0u;
    }
}

// Columns of a parameter that is aligned for the copy engine, without branches: all are on their way before the first is there.
DEVICE uint2 load_if(const void *p, bool has) {
    uint2 v;
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %3, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\n@p ld.global.v2.u32 {%0, %1}, [%2];\n}"
                 : "=&r"(v.x), "=&r"(v.y) : "l"(p), "r"((int)has));
    return v;
}
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void load_slice(float (&x)[S][N], const View &v) {
    constexpr int HALVES = COLS > 64 ? 1 : 2; // of rows, whose columns are on their way together
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    if (COLS > 64) { // many: no load is moved before a branch, to wait in registers
        EACH(S, N) x[s][i] = 0.f;
        if (rows.end <= 0) return;
    }
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int half = 0; half < 2; half += HALVES) {
        uint2 pieces[2][COLS / 16];
        UNROLL for (int h = half; h < half + HALVES; h++) {
            const int r = first + s * 16 * WARPS + 8 * h;
            const T  *from = (const T *)v.base + rows.offset(r) + wide_column();
            asm("" : "+l"(from)); // one address, and constants behind it
            UNROLL for (int j = 0; j < COLS / 16; j++) pieces[h][j] = load_if(from + 16 * j, rows.has(r));
        }
        UNROLL for (int h = half; h < half + HALVES; h++) UNROLL for (int j = 0; j < COLS / 16; j++) {
            exchange(pieces[h][j].x, pieces[h][j].y);
            unpack<T>(pieces[h][j].x, x[s][8 * j + 2 * h], x[s][8 * j + 2 * h + 1]);
            unpack<T>(pieces[h][j].y, x[s][8 * j + 4 + 2 * h], x[s][8 * j + 4 + 2 * h + 1]);
        }
    }
}

// y += a tile of working memory, without branches: then as many numbers wait in registers as there are.
DEVICE void add_pair(float &x, float &y, const float *p, bool has) {
    asm volatile("{\n.reg .pred p;\n.reg .f32 a, b;\nsetp.ne.b32 p, %3, 0;\nmov.f32 a, 0f00000000;\nmov.f32 b, 0f00000000;\n@p ld.global.v2.f32 {a, b}, [%2];\nadd.f32 %0, %0, a;\nadd.f32 %1, %1, b;\n}" : "+f"(x), "+f"(y) : "l"(p), "r"((int)has));
}
template <class R, int WARPS, int COLS, int S, int N> DEVICE void add_tile(float (&y)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int q = lane_id() & 3, first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int    r = first + s * 16 * WARPS + 8 * h;
        const float *p = (const float *)v.base + rows.offset(r) + 2 * q;
        UNROLL for (int j = 0; j < COLS / 8; j++) add_pair(y[s][4 * j + 2 * h], y[s][4 * j + 2 * h + 1], p + 8 * j, rows.has(r));
    }
}

// y += the rows of a parameter that are there. Most tiles have none: what they would wait in takes no registers beside y then, nor
// do more than a pair of numbers of those that have some.
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void add_rows(float (&y)[S][N], const View &v) {
    const R rows = R::make(v);
    if (rows.first >= R::SPAN || rows.end <= 0) return;
    const int  q = lane_id() & 3, first = warp_of<WARPS>() * 16 + lane_id() / 4;
    const bool pairs = aligned<T>(v, 2 * sizeof(T));
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        const T  *p = (const T *)v.base + rows.offset(r) + 2 * q;
        if (!rows.has(r)) continue;
        UNROLL for (int j = 0; j < COLS / 8; j++) {
            float a, b;
            if (pairs)
                load_pair(p + 8 * j, a, b);
            else
                a = to_float(p[8 * j]), b = to_float(p[8 * j + 1]);
            y[s][4 * j + 2 * h] += a, y[s][4 * j + 2 * h + 1] += b;
        }
    }
}

template <class T, class R, int WARPS, int S> DEVICE void load_column(float (&x)[S][2], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        x[s][h] = rows.has(r) ? to_float(((const T *)v.base)[rows.offset(r)]) : 0.f;
    }
}

template <class T, class R, int COLS, int N> DEVICE void load_row(float (&x)[N], const View &v) {
    const R   rows = R::make(v);
    const int q = lane_id() & 3;
    const T  *p = (const T *)v.base + rows.offset(0);
    if (COLS % 8 == 0 && aligned<T>(v, 2 * sizeof(T))) {
        UNROLL for (int i = 0; i < N; i++) x[i] = 0.f;
        UNROLL for (int j = 0; j < COLS / 8; j++) if (rows.has(0)) load_pair(p + 8 * j + 2 * q, x[2 * j], x[2 * j + 1]);
        return;
    }
    UNROLL for (int i = 0; i < N; i++) {
        const int c = i / 2 * 8 + 2 * q + i % 2;
        x[i] = rows.has(0) && c < COLS ? to_float(p[c]) : 0.f;
    }
}

template <class T, class R> DEVICE float load_scalar(const View &v) {
    const R rows = R::make(v);
    return rows.has(0) ? to_float(((const T *)v.base)[rows.offset(0)]) : 0.f;
}

// 16-bit numbers of a parameter that is known to be aligned.
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void store_vectors(const float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        Wide<T>::template store<N, COLS>(x[s], (T *)v.base + rows.offset(r), rows.has(r), h);
    }
}
// A row for each 16 of the tile, their sum, by halves: at each step a lane gives away half of its columns, so that the eight
// lanes with rows of a column end with an eighth each.
template <int HALF, int APART, int N> DEVICE void sum_half(float (&y)[N]) {
    const bool upper = lane_id() & APART;
    UNROLL for (int i = 0; i < HALF; i++) {
        const float give = upper ? y[i] : y[i + HALF], keep = upper ? y[i + HALF] : y[i];
        y[i] = keep + of_apart(give, APART);
    }
}
template <class R, int WARPS, int COLS, int S, int N> DEVICE void store_sums(const float (&x)[S][N], const View &v) {
    constexpr int COLUMNS = (COLS + 31) / 32 * 8; // of a lane
    const R       rows = R::make(v);
    const int     lane = lane_id(), warp = warp_of<WARPS>();
    UNROLL for (int s = 0; s < S; s++) {
        const int r = warp + s * WARPS;
        float     y[COLUMNS];
        UNROLL for (int i = 0; i < COLUMNS; i++) y[i] = i / 2 * 8 < COLS ? x[s][i / 2 * 4 + i % 2] + x[s][i / 2 * 4 + 2 + i % 2] : 0.f;
        sum_half<COLUMNS / 2, 16>(y);
        sum_half<COLUMNS / 4, 8>(y);
        sum_half<COLUMNS / 8, 4>(y);
        const int first = (lane & 16) / 16 * (COLUMNS / 2) + (lane & 8) / 8 * (COLUMNS / 4) + (lane & 4) / 4 * (COLUMNS / 8);
        float    *to = (float *)v.base + rows.offset(r);
        UNROLL for (int i = 0; i < COLUMNS / 8; i++) {
            const int c = (first + i) / 2 * 8 + 2 * (lane & 3) + (first + i) % 2;
            if (r < R::COUNT && c < COLS) to[c] = y[i];
        }
    }
}
// The same in an order of columns that needs no exchange: only the thread that stored them loads them again.
template <int COUNT> DEVICE void store_words(u32 *p, const u32 (&w)[COUNT], int q) {
    if (COUNT % 4 == 0) {
        UNROLL for (int i = 0; i < COUNT / 4; i++) *(uint4 *)(p + 4 * (4 * i + q)) = make_uint4(w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]);
    } else {
        UNROLL for (int i = 0; i < COUNT / 2; i++) *(uint2 *)(p + 2 * (4 * i + q)) = make_uint2(w[2 * i], w[2 * i + 1]);
    }
}
template <int COUNT> DEVICE void load_words(u32 (&w)[COUNT], const u32 *p, int q) {
    if (COUNT % 4 == 0) {
        UNROLL for (int i = 0; i < COUNT / 4; i++) {
            const uint4 v = *(const uint4 *)(p + 4 * (4 * i + q));
            w[4 * i] = v.x, w[4 * i + 1] = v.y, w[4 * i + 2] = v.z, w[4 * i + 3] = v.w;
        }
    } else {
        UNROLL for (int i = 0; i < COUNT / 2; i++) {
            const uint2 v = *(const uint2 *)(p + 2 * (4 * i + q));
            w[2 * i] = v.x, w[2 * i + 1] = v.y;
        }
    }
}
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void store_own(const float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        u32       w[COLS / 8];
        UNROLL for (int j = 0; j < COLS / 8; j++) w[j] = pack(x[s][4 * j + 2 * h], x[s][4 * j + 2 * h + 1], T());
        if (rows.has(r)) store_words((u32 *)((T *)v.base + rows.offset(r)), w, lane_id() & 3);
    }
}
template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void load_own(float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        u32       w[COLS / 8] = {};
        if (rows.has(r)) load_words(w, (const u32 *)((const T *)v.base + rows.offset(r)), lane_id() & 3);
        UNROLL for (int j = 0; j < COLS / 8; j++) unpack<T>(w[j], x[s][4 * j + 2 * h], x[s][4 * j + 2 * h + 1]);
    }
}

template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void store_tile(const float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int lane = lane_here(), q = lane & 3, first = (WARPS == SHARED_WARPS ? warp_here() & (WARPS - 1) : warp_here()) * 16 + lane / 4;
    const bool pairs = aligned<T>(v, 2 * sizeof(T)), wide = sizeof(T) == 2 && COLS % 16 == 0 && aligned<T>(v, 8);
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        if (wide) {
            Wide<T>::template store<N, COLS>(x[s], (T *)v.base + rows.offset(r), rows.has(r), h);
            continue;
        }
        if (!rows.has(r))
            continue;
        T *p = (T *)v.base + rows.offset(r) + 2 * q;
        if (COLS % 8 == 0 && pairs) {
            UNROLL for (int j = 0; j < COLS / 8; j++) store_pair(p + 8 * j, x[s][4 * j + 2 * h], x[s][4 * j + 2 * h + 1]);
            continue;
        }
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++)
            if (8 * j + 2 * q + b < COLS) from_float(x[s][4 * j + 2 * h + b], p[8 * j + b]);
    }
}

template <class T, class R, int WARPS, int S> DEVICE void store_column(const float (&x)[S][2], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        if (rows.has(r) && (lane_id() & 3) == 0)
            from_float(x[s][h], ((T *)v.base)[rows.offset(r)]);
    }
}

// A single row, or number, which all warps have: the first one stores it.
template <class T, class R, int COLS, int N> DEVICE void store_row(const float (&x)[N], const View &v) {
    const R rows = R::make(v);
    UNROLL for (int i = 0; i < N; i++) {
        const int c = i / 2 * 8 + 2 * (lane_id() & 3) + i % 2;
        if (warp_at_once() == 0 && lane_id() < 4 && rows.has(0) && c < COLS)
            from_float(x[i], ((T *)v.base)[rows.offset(0) + c]);
    }
}
template <class T, class R> DEVICE void store_scalar(float x, const View &v) {
    const R rows = R::make(v);
    if (warp_at_once() == 0 && lane_id() == 0 && rows.has(0))
        from_float(x, ((T *)v.base)[rows.offset(0)]);
}

// Transposed tiles: column c of x is row c of the parameter. Eight lanes read or write 32 bytes of a row.
template <class T, class R, int WARPS, int ROWS, int COLS, int S, int N> DEVICE void load_transposed(float (&x)[S][N], const View &v) {
    constexpr bool FULL = ROWS % (16 * WARPS) == 0;
    const R   rows = R::make(v);
    const int q2 = 2 * (lane_id() & 3), first = warp_at_once() * 16 + lane_id() / 4;
    const T  *p = (const T *)v.base + (R::EVEN ? rows.offset(q2) : 0) + first;
    UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
        const int  c = 8 * j + q2 + b;
        const bool there = c < COLS && rows.has(c);
        const T   *at = R::EVEN ? p + (8 * j + b) * rows.row_stride : p + (there ? rows.offset(c) : 0);
        UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++)
            x[s][4 * j + 2 * h + b] = there && (FULL || first + s * 16 * WARPS + 8 * h < ROWS) ? to_float(at[s * 16 * WARPS + 8 * h]) : 0.f;
    }
}
template <class T, class R, int WARPS, int ROWS, int COLS, int S> DEVICE void load_transposed_column(float (&x)[S][2], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_at_once() * 16 + lane_id() / 4;
    const T  *p = (const T *)v.base + rows.offset(0);
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        x[s][h] = r < ROWS && rows.has(0) ? to_float(p[r]) : 0.f;
    }
}
template <class T, class R, int WARPS, int ROWS, int COLS, int N> DEVICE void load_transposed_row(float (&x)[N], const View &v) {
    const R rows = R::make(v);
    UNROLL for (int i = 0; i < N; i++) {
        const int c = i / 2 * 8 + 2 * (lane_id() & 3) + i % 2;
        x[i] = c < COLS && rows.has(c) ? to_float(((const T *)v.base)[rows.offset(c)]) : 0.f;
    }
}
// The same of numbers that lie side by side, in the order of rows (STEP 1) or the other way (-1). BOUNDED: some may be not there.
template <class R, int STEP, int COLS, bool BOUNDED, int N> DEVICE void load_dense_row(float (&x)[N], const View &v) {
    const R      rows = R::make(v);
    const int    own = 2 * (lane_id() & 3);
    const float *p = (const float *)v.base + rows.start + STEP * own;
    UNROLL for (int i = 0; i < N; i++) {
        const int c = i / 2 * 8 + i % 2;
        x[i] = c < COLS && (!BOUNDED || rows.has(c + own)) ? p[STEP * c] : 0.f;
    }
}
template <class T, class R, int WARPS, int ROWS, int COLS, int S, int N> DEVICE void store_transposed(const float (&x)[S][N], const View &v) {
    constexpr bool FULL = ROWS % (16 * WARPS) == 0;
    const R   rows = R::make(v);
    const int q2 = 2 * (lane_id() & 3), first = warp_at_once() * 16 + lane_id() / 4;
    T        *p = (T *)v.base + (R::EVEN ? rows.offset(q2) : 0) + first;
    UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
        const int c = 8 * j + q2 + b;
        if (c >= COLS || !rows.has(c))
            continue;
        T *at = R::EVEN ? p + (8 * j + b) * rows.row_stride : p + rows.offset(c);
        UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++)
            if (FULL || first + s * 16 * WARPS + 8 * h < ROWS) from_float(x[s][4 * j + 2 * h + b], at[s * 16 * WARPS + 8 * h]);
    }
}
template <class T, class R, int COLS, int N> DEVICE void store_transposed_row(const float (&x)[N], const View &v) {
    const R rows = R::make(v);
    UNROLL for (int i = 0; i < N; i++) {
        const int c = i / 2 * 8 + 2 * (lane_id() & 3) + i % 2;
        if (threadIdx.x < 32 && lane_id() < 4 && c < COLS && rows.has(c)) from_float(x[i], ((T *)v.base)[rows.offset(c)]);
    }
}

// The same with 2 S rows that follow each other in a thread: x[s][4 j + 2 h + b] is row 2 S (lane / 4) + 2 s + h of the
// warp's 16 S rows. They are one access where memory is aligned for it, as ALIGNED says that it is.
template <int WORDS> DEVICE void load_run(u32 (&w)[WORDS], const void *p) {
    if (WORDS % 4 == 0) {
        UNROLL for (int i = 0; i < WORDS / 4; i++) {
            const uint4 v = ((const uint4 *)p)[i];
            w[4 * i] = v.x, w[4 * i + 1] = v.y, w[4 * i + 2] = v.z, w[4 * i + 3] = v.w;
        }
    } else if (WORDS % 2 == 0) {
        UNROLL for (int i = 0; i < WORDS / 2; i++) {
            const uint2 v = ((const uint2 *)p)[i];
            w[2 * i] = v.x, w[2 * i + 1] = v.y;
        }
    } else {
        UNROLL for (int i = 0; i < WORDS; i++) w[i] = ((const u32 *)p)[i];
    }
}
template <int WORDS> DEVICE void store_run(void *p, const u32 (&w)[WORDS]) {
    if (WORDS % 4 == 0) {
        UNROLL for (int i = 0; i < WORDS / 4; i++) ((uint4 *)p)[i] = make_uint4(w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]);
    } else if (WORDS % 2 == 0) {
        UNROLL for (int i = 0; i < WORDS / 2; i++) ((uint2 *)p)[i] = make_uint2(w[2 * i], w[2 * i + 1]);
    } else {
        UNROLL for (int i = 0; i < WORDS; i++) ((u32 *)p)[i] = w[i];
    }
}
DEVICE float float_of(const u32 *w, int n, float) { return __uint_as_float(w[n]); }
template <class T> DEVICE float float_of(const u32 *w, int n, T t) { return unpacked(w[n / 2], n & 1, t); }
DEVICE u32 word_of(float x, float, float) { return __float_as_uint(x); }
template <class T> DEVICE u32 word_of(float x, float y, T t) { return pack(x, y, t); }

template <class T, class R, int WARPS, int ROWS, int COLS, bool ALIGNED = false, int S, int N> DEVICE void load_sides(float (&x)[S][N], const View &v) {
    constexpr int RUN = 2 * S, WORDS = RUN * sizeof(T) / 4;
    const R       rows = R::make(v);
    const int     q2 = 2 * (lane_id() & 3);
    const T      *p = (const T *)v.base + warp_at_once() * 16 * S + lane_id() / 4 * RUN;
    const bool    runs = ALIGNED || aligned<T>(v, WORDS % 4 == 0 ? 16 : 4 * WORDS);
    EACH(S, N) x[s][i] = 0.f;
    UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
        const int c = 8 * j + q2 + b;
        if (8 * j >= COLS || c >= COLS || !rows.has(c))
            continue;
        const T *at = p + rows.offset(c);
        if (runs) {
            u32 w[WORDS];
            load_run(w, at);
            UNROLL for (int n = 0; n < RUN; n++) x[n / 2][4 * j + n % 2 * 2 + b] = float_of(w, n, T());
        } else {
            UNROLL for (int n = 0; n < RUN; n++) x[n / 2][4 * j + n % 2 * 2 + b] = to_float(at[n]);
        }
    }
}
// A column that such tiles are computed with.
template <class T, class R, int WARPS, int ROWS, int COLS, int S> DEVICE void load_sides_column(float (&x)[S][2], const View &v) {
    const R  rows = R::make(v);
    const T *p = (const T *)v.base + rows.offset(0) + warp_at_once() * 16 * S + lane_id() / 4 * 2 * S;
    EACH(S, 2) x[s][i] = rows.has(0) ? to_float(p[2 * s + i]) : 0.f;
}
template <class T, class R, int WARPS, int ROWS, int COLS, bool ALIGNED = false, int S, int N> DEVICE void store_sides(const float (&x)[S][N], const View &v) {
    constexpr int RUN = 2 * S, WORDS = RUN * sizeof(T) / 4, PER = 4 / sizeof(T);
    const R       rows = R::make(v);
    const int     q2 = 2 * (lane_id() & 3);
    T            *p = (T *)v.base + warp_at_once() * 16 * S + lane_id() / 4 * RUN;
    const bool    runs = ALIGNED || aligned<T>(v, WORDS % 4 == 0 ? 16 : 4 * WORDS);
    UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
        const int c = 8 * j + q2 + b;
        if (8 * j >= COLS || c >= COLS || !rows.has(c))
            continue;
        T *at = p + rows.offset(c);
        if (runs) {
            u32 w[WORDS];
            UNROLL for (int n = 0; n < WORDS; n++) {
                const int first = n * PER, second = first + PER - 1;
                w[n] = word_of(x[first / 2][4 * j + first % 2 * 2 + b], x[second / 2][4 * j + second % 2 * 2 + b], T());
            }
            store_run(at, w);
        } else {
            UNROLL for (int n = 0; n < RUN; n++) from_float(x[n / 2][4 * j + n % 2 * 2 + b], at[n]);
        }
    }
}

// ---- Shared memory
extern __shared__ __align__(128) unsigned char shared_memory[];

// Strides and offsets in bytes: where the piece of 16 bytes that holds column byte `at` of row r lies, and the byte.
template <int STRIDE> DEVICE u32 place(int r, int at) { return r * STRIDE + (STRIDE % 128 ? at : at ^ (r & 7) << 4); }
DEVICE constexpr int shared_stride(int wide, int size) { return wide * size + (size == 2 && wide % 64 == 0 ? 0 : 16); } // wide: of whole 16

DEVICE u32 shared_base() { return (u32)__cvta_generic_to_shared(shared_memory); }
template <class T> DEVICE T *shared_pointer(u32 address) { return (T *)(shared_memory + (address - shared_base())); }

DEVICE void copy16(u32 to, const void *from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
DEVICE void copy16(u32 to, const void *from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
DEVICE void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int COUNT> DEVICE void wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(COUNT) : "memory");
    __syncthreads();
}

// All blocks of the cluster are here, and see what each has written.
DEVICE void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// 1 in all threads of the last of `count` blocks, fewer than 16, to come here, which sees what the others have written. `cell` may
// hold anything when the first one comes: until its upper bits are a mixture of its address nobody has been counted there, and
// whoever finds them otherwise counts itself once they are right. The last one leaves them, and a count of 0.
DEVICE u64 arrivals(u64 *cell, u64 none) {
    u64 before = atomicAdd(cell, 1ull);
    if ((before ^ none) < 16)
        return before ^ none;
    for (u64 there = before + 1; (there ^ none) >= 16; there = before)
        if ((before = atomicCAS(cell, there, none | 1)) == there)
            return 0;
    return atomicAdd(cell, 1ull) ^ none;
}
DEVICE int arrive(u64 *cell, u32 count) {
    int last = count == 1;
    __syncthreads();
    if (!last && threadIdx.x == 0) {
        const u64 none = (u64)cell * 0x9e3779b97f4a7c15ull & ~15ull;
        __threadfence();
        last = arrivals(cell, none) + 1 == count;
        if (last)
            atomicExch(cell, none);
        __threadfence();
    }
    return __syncthreads_or(last);
}

// Starts to copy a tile: in pieces of 16 bytes where memory is aligned for it, else element by element, at once.
// ONTO: rows before the first that is there (1), or behind the last (2), are another copy's.
template <class T, class R, int WARPS, int ROWS, int COLS, int ONTO = 0> DEVICE void fetch(u32 to, const View &v, bool is_aligned, u32 thread = thread_again()) {
    constexpr int PER = 16 / sizeof(T), WIDE = (COLS + 15) / 16 * 16, PIECES = WIDE / PER, TALL = (ROWS + 15) / 16 * 16;
    constexpr int STRIDE = shared_stride(WIDE, sizeof(T)), THREADS = 32 * WARPS, TOTAL = TALL * PIECES, STEP = THREADS / PIECES;
    const R rows = R::make(v);
    if (ONTO && (ONTO == 1 ? rows.first >= TALL : rows.end <= 0))
        return;
    if (COLS % 16 == 0 && R::EVEN && !ONTO && THREADS % PIECES == 0 && TALL % (STEP ? STEP : 1) == 0 && is_aligned) {
        const int   r = thread / PIECES, c = thread % PIECES, least = rows.first - r, end = (rows.end < ROWS ? rows.end : ROWS) - r;
        const i64   step = STEP * rows.row_stride * (i64)sizeof(T);
        const char *from = (const char *)v.base + (rows.start + r * rows.row_stride) * (i64)sizeof(T) + c * 16;
        UNROLL for (int n = 0; n < TALL / (STEP ? STEP : 1); n++, from += step)
            copy16(to + (STEP % 8 ? place<STRIDE>(r + n * STEP, c * 16) : place<STRIDE>(r, c * 16) + n * STEP * STRIDE), from, n * STEP >= least && n * STEP < end);
        return;
    }
    // Most tiles of a ring: all rows are there, one behind the other.
    if (COLS % 16 == 0 && ROWS % 16 == 0 && R::STEADY && R::RING && ONTO != 1 && THREADS % PIECES == 0 && STEP % 8 == 0 && TALL % (STEP ? STEP : 1) == 0 &&
        is_aligned && rows.first <= 0 && rows.end >= ROWS && rows.turn + ROWS <= R::RING && rows.row_stride == COLS) {
        const u32   at = to + place<STRIDE>(thread / PIECES, thread % PIECES * 16);
        const char *from = (const char *)v.base + (rows.start + rows.turn * COLS) * (i64)sizeof(T) + thread * 16;
        UNROLL for (int n = 0; n < TALL / (STEP ? STEP : 1); n++) copy16(at + n * STEP * STRIDE, from + n * STEP * COLS * (int)sizeof(T));
        return;
    }
    if (COLS % 16 == 0 && R::STEADY && THREADS % PIECES == 0 && TALL % (STEP ? STEP : 1) == 0 && is_aligned) {
        const int   r = thread / PIECES, c = thread % PIECES, least = rows.first - r, end = (rows.end < ROWS ? rows.end : ROWS) - r;
        const i64   bytes = rows.row_stride * (i64)sizeof(T), back = R::RING * bytes;
        const char *from = (const char *)v.base + rows.start * (i64)sizeof(T) + (rows.turn + r) * bytes + c * 16;
        UNROLL for (int n = 0; n < TALL / (STEP ? STEP : 1); n++, from += STEP * bytes)
            if (ONTO == 0 || (ONTO == 1 ? n * STEP >= least : n * STEP < end))
                copy16(to + (STEP % 8 ? place<STRIDE>(r + n * STEP, c * 16) : place<STRIDE>(r, c * 16) + n * STEP * STRIDE),
                       R::RING && rows.turn + r + n * STEP >= R::RING ? from - back : from, n * STEP >= least && n * STEP < end);
        return;
    }
    if (COLS % 16 == 0 && !R::STEADY && THREADS % PIECES == 0 && TALL % (STEP ? STEP : 1) == 0 && is_aligned) {
        const int r = thread / PIECES, c = thread % PIECES;
        const T  *from = (const T *)v.base + c * PER;
        UNROLL for (int n = 0; n < TALL / (STEP ? STEP : 1); n++) {
            const bool there = rows.has(r + n * STEP);
            if (rows.template owns<ONTO>(r + n * STEP))
                copy16(to + place<STRIDE>(r + n * STEP, c * 16), from + (there ? rows.offset(r + n * STEP) : 0), there);
        }
        return;
    }
    if (COLS % PER == 0 && is_aligned) {
        for (int piece = thread; piece < TOTAL; piece += THREADS) {
            const int  r = piece / PIECES, c = piece % PIECES;
            const bool there = rows.has(r) && c * PER < COLS;
            if (rows.template owns<ONTO>(r))
                copy16(to + place<STRIDE>(r, c * 16), (const T *)v.base + (there ? rows.offset(r) + c * PER : 0), there);
        }
        return;
    }
    UNROLL1 for (int e = thread; e < TALL * WIDE; e += THREADS) {
        const int r = e / WIDE, c = e % WIDE;
        T         x = T();
        if (rows.has(r) && c < COLS)
            x = ((const T *)v.base)[rows.offset(r) + c];
        if (rows.template owns<ONTO>(r))
            *shared_pointer<T>(to + place<STRIDE>(r, c * (int)sizeof(T))) = x;
    }
}

// Rows from one parameter to another, both of T: in pieces of 16 bytes, four on their way at a time, where memory is aligned.
template <class T, class FROM, class TO, int WARPS, int ROWS, int COLS> DEVICE void copy_rows(const View &v, const View &w) {
    constexpr int PER = 16 / sizeof(T), PIECES = COLS / PER > 0 ? COLS / PER : 1, THREADS = 32 * WARPS, BATCH = 4;
    const FROM from = FROM::make(v);
    const TO   to = TO::make(w);
    if (COLS % PER == 0 && aligned<T>(v, 16) && aligned<T>(w, 16)) {
        UNROLL1 for (int first = threadIdx.x; first < ROWS * PIECES; first += BATCH * THREADS) {
            uint4 piece[BATCH];
            UNROLL for (int n = 0; n < BATCH; n++) {
                const int r = (first + n * THREADS) / PIECES, c = (first + n * THREADS) % PIECES * PER;
                piece[n] = from.has(r) && to.has(r) ? *(const uint4 *)((const T *)v.base + from.offset(r) + c) : make_uint4(0u, 0u, 0u, 0u);
            }
            UNROLL for (int n = 0; n < BATCH; n++) {
                const int r = (first + n * THREADS) / PIECES, c = (first + n * THREADS) % PIECES * PER;
                if (to.has(r)) *(uint4 *)((T *)w.base + to.offset(r) + c) = piece[n];
            }
        }
        return;
    }
    UNROLL1 for (int i = threadIdx.x; i < ROWS * COLS; i += THREADS) {
        const int r = i / COLS, c = i % COLS;
        if (to.has(r)) ((T *)w.base)[to.offset(r) + c] = from.has(r) ? ((const T *)v.base)[from.offset(r) + c] : T();
    }
}

// Two such copies at once: both are read before either is written.
template <class T, class FROM, class TO, int WARPS, int ROWS, int COLS> DEVICE void copy_rows(const View &v, const View &w, const View &v2, const View &w2) {
    constexpr int PER = 16 / sizeof(T), PIECES = COLS / PER > 0 ? COLS / PER : 1, THREADS = 32 * WARPS, BATCH = 2;
    const FROM from = FROM::make(v), from2 = FROM::make(v2);
    const TO   to = TO::make(w), to2 = TO::make(w2);
    if (COLS % PER || !aligned<T>(v, 16) || !aligned<T>(w, 16) || !aligned<T>(v2, 16) || !aligned<T>(w2, 16)) {
        UNROLL1 for (int i = threadIdx.x; i < ROWS * COLS; i += THREADS) {
            const int r = i / COLS, c = i % COLS;
            if (to.has(r)) ((T *)w.base)[to.offset(r) + c] = from.has(r) ? ((const T *)v.base)[from.offset(r) + c] : T();
            if (to2.has(r)) ((T *)w2.base)[to2.offset(r) + c] = from2.has(r) ? ((const T *)v2.base)[from2.offset(r) + c] : T();
        }
        return;
    }
    UNROLL1 for (int first = threadIdx.x; first < ROWS * PIECES; first += BATCH * THREADS) {
        uint4 piece[2][BATCH];
        UNROLL for (int n = 0; n < BATCH; n++) {
            const int r = (first + n * THREADS) / PIECES, c = (first + n * THREADS) % PIECES * PER;
            piece[0][n] = piece[1][n] = make_uint4(0u, 0u, 0u, 0u);
            if (from.has(r) && to.has(r)) piece[0][n] = *(const uint4 *)((const T *)v.base + from.offset(r) + c);
            if (from2.has(r) && to2.has(r)) piece[1][n] = *(const uint4 *)((const T *)v2.base + from2.offset(r) + c);
        }
        UNROLL for (int n = 0; n < BATCH; n++) {
            const int r = (first + n * THREADS) / PIECES, c = (first + n * THREADS) % PIECES * PER;
            if (to.has(r)) *(uint4 *)((T *)w.base + to.offset(r) + c) = piece[0][n];
            if (to2.has(r)) *(uint4 *)((T *)w2.base + to2.offset(r) + c) = piece[1][n];
        }
    }
}

template <int WARPS, int ROWS, int COLS, int STRIDE, int S, int N> DEVICE void put(u32 to, const float (&x)[S][N]) {
    constexpr int TALL = (ROWS + 15) / 16 * 16;
    const int     q = lane_id() & 3, first = warp_id() * 16 + lane_id() / 4;
    EACH(S, N) {
        const int r = first + s * 16 * WARPS + (i / 2) % 2 * 8, c = i / 4 * 8 + 2 * q + i % 2;
        if (r < TALL)
            shared_pointer<float>(to)[r * (STRIDE / 4) + c] = r < ROWS && c < COLS ? x[s][i] : 0.f;
    }
}

// ---- Rows
DEVICE float quad_sum(float x) {
    x += of_apart(x, 1);
    return x + of_apart(x, 2);
}
DEVICE float quad_max(float x) {
    x = max_nan(x, of_apart(x, 1));
    return max_nan(x, of_apart(x, 2));
}
// Is element i of a row there? Known at compile time but for the last columns of odd widths.
template <int COLS> DEVICE bool has_column(int block, int b) {
    return 8 * block + 8 <= COLS || 8 * block + 2 * (lane_id() & 3) + b < COLS;
}
template <int COLS, int S, int N> DEVICE void rowsum(float (&y)[S][2], const float (&x)[S][N]) {
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        float sum[4] = {0.f, 0.f, 0.f, 0.f}; // four chains hide each other's latency
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++)
            if (8 * j < COLS && has_column<COLS>(j, b)) sum[j % 2 * 2 + b] += x[s][4 * j + 2 * h + b];
        y[s][h] = quad_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}
template <int COLS, int S, int N> DEVICE void rowmax(float (&y)[S][2], const float (&x)[S][N]) {
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        float most[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++)
            if (8 * j < COLS && has_column<COLS>(j, b)) most[j % 2 * 2 + b] = max_nan(most[j % 2 * 2 + b], x[s][4 * j + 2 * h + b]);
        y[s][h] = quad_max(max_nan(max_nan(most[0], most[1]), max_nan(most[2], most[3])));
    }
}

// What lies FROM columns further on in a row (FROM < 0: before) than element i: where that is no whole block of 8, other lanes
// of the quad have it. Zero beyond the registers of the row.
template <int FROM, int N> DEVICE float column_behind(const float (&x)[N], int i) {
    const int q2 = 2 * (lane_id() & 3), start = i / 4 * 8 + i % 2 + FROM, h = i / 2 % 2;
    float     found = 0.f;
    UNROLL for (int step = 0; step < (FROM % 8 ? 2 : 1); step++) {
        const int block = (start + 1024) / 8 - 128 + step;
        if (block < 0 || block >= N / 4) continue;
        const float other = x[4 * block + 2 * h + (start & 1)];
        const float here = FROM % 8 ? of_lane(other, (lane_id() & ~3) | ((start + q2) & 7) >> 1) : other;
        found = start + q2 >= 8 * block && start + q2 < 8 * block + 8 ? here : found;
    }
    return found;
}
template <int FROM, int S, int N, int M> DEVICE void columns_from(float (&y)[S][N], const float (&x)[S][M]) {
    EACH(S, N) y[s][i] = column_behind<FROM>(x[s], i);
}
template <int AT, int S, int M> DEVICE void column_from(float (&y)[S][2], const float (&x)[S][M]) {
    EACH(S, 2) y[s][i] = of_lane(x[s][AT / 8 * 4 + 2 * i + AT % 2], (lane_id() & ~3) | AT % 8 / 2);
}
// Columns of y behind LEFT of x.
template <int LEFT, int S, int N, int K, int M> DEVICE void join_columns(float (&z)[S][N], const float (&x)[S][K], const float (&y)[S][M]) {
    EACH(S, N) {
        const float behind = column_behind<-LEFT>(y[s], i);
        z[s][i] = i < K && has_column<LEFT>(i / 4, i & 1) ? x[s][i < K ? i : 0] : behind;
    }
}

// Of pairs, as they are: half the comparisons, and no float has to be there. NEGATED: of the numbers' negatives.
DEVICE u32 max_pairs(u32 x, u32 y, bf16) { u32 z; asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y)); return z; }
DEVICE u32 max_pairs(u32 x, u32 y, f16) { u32 z; asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y)); return z; }
DEVICE u32 min_pairs(u32 x, u32 y, bf16) { u32 z; asm("min.NaN.bf16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y)); return z; }
DEVICE u32 min_pairs(u32 x, u32 y, f16) { u32 z; asm("min.NaN.f16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y)); return z; }
template <class T, bool NEGATED> DEVICE u32 outer_pairs(u32 x, u32 y) { return NEGATED ? min_pairs(x, y, T()) : max_pairs(x, y, T()); }
template <class T, bool NEGATED, int S, int N> DEVICE void rowmax_pairs(float (&y)[S][2], const u32 (&x)[S][N]) {
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        u32   even = x[s][h], odd = x[s][h + 2];
        float lo, hi;
        UNROLL for (int i = 4 + h; i < N; i += 4) {
            even = outer_pairs<T, NEGATED>(even, x[s][i]);
            odd = outer_pairs<T, NEGATED>(odd, x[s][i + 2]);
        }
        unpack<T>(outer_pairs<T, NEGATED>(even, odd), lo, hi);
        y[s][h] = quad_max(NEGATED ? max_nan(-lo, -hi) : max_nan(lo, hi));
    }
}

// Columns: of a warp by shuffles, then, behind a barrier, of all warps that have rows, through `area`: a float for each
// column and warp. BUSY warps have any.
template <bool MAX> DEVICE float join(float x, float y) { return MAX ? max_nan(x, y) : x + y; }
template <bool MAX, int WARPS, int ROWS, int COLS, int S, int N2> DEVICE void columns_out(const float (&x)[S][N2], u32 area) {
    constexpr int  TALL = (ROWS + 15) / 16, BUSY = TALL < WARPS ? TALL : WARPS, COLUMNS = (COLS + 7) / 8 * 2;
    constexpr bool FULL = ROWS % (16 * WARPS) == 0;
    const int      lane = lane_id(), warp = warp_at_once();
    float        *out = shared_pointer<float>(area);
    UNROLL for (int i = 0; i < COLUMNS; i++) {
        float all = MAX ? -INFINITY : 0.f;
        UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++)
            if (FULL || warp * 16 + s * 16 * WARPS + lane / 4 + 8 * h < ROWS) all = join<MAX>(all, x[s][i / 2 * 4 + 2 * h + i % 2]);
        UNROLL for (int apart = 4; apart < 32; apart *= 2) all = join<MAX>(all, of_apart(all, apart));
        if (lane < 4 && warp < BUSY) out[(i / 2 * 8 + 2 * lane + i % 2) * WARPS + warp] = all;
    }
}
template <bool MAX, int WARPS, int ROWS, int COLS, int N> DEVICE void columns_in(float (&y)[N], u32 area) {
    constexpr int TALL = (ROWS + 15) / 16, BUSY = TALL < WARPS ? TALL : WARPS, COLUMNS = (COLS + 7) / 8 * 2;
    UNROLL for (int i = COLUMNS; i < N; i++) y[i] = 0.f;
    UNROLL for (int i = 0; i < COLUMNS; i++) {
        const float *column = shared_pointer<float>(area) + (i / 2 * 8 + 2 * (lane_id() & 3) + i % 2) * WARPS;
        float        all[WARPS];
        if (WARPS % 4 == 0)
            UNROLL for (int w = 0; w < BUSY; w += 4) *(float4 *)(all + w) = *(const float4 *)(column + w);
        else
            UNROLL for (int w = 0; w < BUSY; w++) all[w] = column[w];
        y[i] = all[0];
        UNROLL for (int w = 1; w < BUSY; w++) y[i] = join<MAX>(y[i], all[w]);
    }
}

// The sum of a column of numbers, one a row: likewise, by a float of each warp in `area`.
template <int WARPS, int ROWS, int S> DEVICE float column_sum(const float (&x)[S][2], u32 area) {
    const int lane = lane_id(), warp = warp_at_once();
    float    *out = shared_pointer<float>(area), all = 0.f;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++)
        if (warp * 16 + s * 16 * WARPS + lane / 4 + 8 * h < ROWS) all += x[s][h];
    UNROLL for (int apart = 4; apart < 32; apart *= 2) all += of_apart(all, apart);
    if (lane == 0) out[warp] = all;
    __syncthreads();
    all = out[0];
    UNROLL for (int w = 1; w < WARPS; w++) all += out[w];
    __syncthreads();
    return all;
}

// Keeps column c of row r if c >= first and LO <= delta + c - r % PERIOD <= HI (where asked).
template <int WARPS, int PERIOD, bool LEFT, bool RIGHT, bool FIRST, int S, int N>
DEVICE void mask(float (&y)[S][N], const float (&x)[S][N], number delta, number lo, number hi, number first, float fill) {
    const int q2 = 2 * (LANE_OF_TILE & 3), row = WARP_OF_TILE(WARPS) * 16 + LANE_OF_TILE / 4;
    const int least = LEFT ? to_int(lo - delta) : 0, most = RIGHT ? to_int(hi - delta) : 0, skip = FIRST ? to_int(first) - q2 : 0;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = (row + s * 16 * WARPS + 8 * h) % PERIOD - q2, a = least + r, z = most + r;
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
            const int  c = 8 * j + b;
            const bool keep = (!LEFT || c >= a) && (!RIGHT || c <= z) && (!FIRST || c >= skip);
            y[s][4 * j + 2 * h + b] = keep ? x[s][4 * j + 2 * h + b] : fill;
        }
    }
}

// The same where it is known how the tile lies: LEAST <= c - r % PERIOD <= MOST. Whole blocks of columns need no comparison
// then, nor does the start of the sequence in tiles that do not hold it.
template <int WARPS, int PERIOD, int LEAST, int MOST, bool FIRST, int S, int N>
DEVICE void mask_fixed(float (&y)[S][N], const float (&x)[S][N], number first, float fill) {
    const int q2 = 2 * (LANE_OF_TILE & 3), row = WARP_OF_TILE(WARPS) * 16 + LANE_OF_TILE / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = (row + s * 16 * WARPS + 8 * h) % PERIOD - q2, a = LEAST + r, z = MOST + r;
        UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) {
            const int  c = 8 * j + b;
            const bool keep = (8 * j >= LEAST + PERIOD - 1 || c >= a) && (8 * j + 7 <= MOST || c <= z);
            y[s][4 * j + 2 * h + b] = keep ? x[s][4 * j + 2 * h + b] : fill;
        }
    }
    if (FIRST && first > 0)
        EACH(S, N) if (i / 4 * 8 + q2 + i % 2 < first) y[s][i] = fill;
}

// The same of a transposed tile: keeps row r of column c if r >= first and LO <= delta + r - c % PERIOD <= HI.
template <int WARPS, int PERIOD, bool LEFT, bool RIGHT, bool FIRST, int S, int N>
DEVICE void mask_transposed(float (&y)[S][N], const float (&x)[S][N], number delta, number lo, number hi, number first, float fill) {
    const int q2 = 2 * (lane_id() & 3), row = warp_of<WARPS>() * 16 + lane_id() / 4;
    const int least = LEFT ? to_int(lo - delta) : 0, most = RIGHT ? to_int(hi - delta) : 0, skip = FIRST ? to_int(first) : 0;
    EACH(S, N) {
        const int  r = row + s * 16 * WARPS + i / 2 % 2 * 8, apart = r - (i / 4 * 8 + q2 + i % 2) % PERIOD;
        const bool keep = (!LEFT || apart >= least) && (!RIGHT || apart <= most) && (!FIRST || r >= skip);
        y[s][i] = keep ? x[s][i] : fill;
    }
}

// Of a tile of one column: is number h of slab s kept?
template <int WARPS, int PERIOD, bool LEFT, bool RIGHT, bool FIRST> DEVICE bool column_keeps(int s, int h, number delta, number lo, number hi, number first) {
    const number apart = delta - (warp_of<WARPS>() * 16 + lane_id() / 4 + s * 16 * WARPS + 8 * h) % PERIOD;
    return (!LEFT || apart >= lo) && (!RIGHT || apart <= hi) && (!FIRST || first <= 0);
}

// Rotary embedding. turns[n] is the frequency of pair n in turns a position, times 2^64: position * turns[n] wraps as
// angles do, without any loss. What remains is an angle from -pi to pi, where the fast functions err by less than 5e-7;
// its upper 23 bits become the number, for less than a conversion costs.
DEVICE float sine(float x) { float y; asm("sin.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEVICE float cosine(float x) { float y; asm("cos.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
// What `position` turns, in radians, where one position is `turns` / 2^64 of a whole turn.
DEVICE float turned(i64 position, u64 turns) {
    const u32 part = (u32)((u64)position * turns >> 32);
    return (__uint_as_float(0x3f800000u | (part ^ 0x80000000u) >> 9) - 1.5f) * 6.283185307f;
}

// What element i of a row is turned with, the other one of its pair, where pairs are columns (n, n + COLS / 2) of several threads.
template <int COLS, int N> DEVICE float partner(const float (&x)[N], int i, bool second) {
    constexpr int HALF = COLS / 2;
    const int     lane = lane_id(), j = i / 4, h = i / 2 % 2, b = i % 2, c = 8 * j + 2 * (lane & 3) + b;
    float found = 0.f;
    UNROLL for (int up = 0; up < 2; up++) UNROLL for (int step = 0; step < 2; step++) {
        const int start = 8 * j + b + (up ? HALF : -HALF), block = (start + 1024) / 8 - 128 + step;
        const int wanted = c + (up ? HALF : -HALF);
        if (block >= 0 && block < N / 4) {
            const float v = of_lane(x[4 * block + 2 * h + (start & 1)], (lane & ~3) | ((wanted & 7) >> 1));
            if (second != (bool)up && (wanted >> 3) == block)
                found = v;
        }
    }
    return found;
}
// From the lane of quad `quad` that is where this one is in its own.
DEVICE float of_quad(float x, int quad) {
    float y;
    asm volatile("shfl.sync.idx.b32 %0, %1, %2, %3, 0xffffffff;" : "=f"(y) : "f"(x), "r"(thread_of(4 * quad)), "n"(thread_of(3) << 8 | 31));
    return y;
}
// What a rope looks up: how far each pair turns a position, in turns times 2^64 and in radians.
struct Pairs {
    static constexpr bool EIGHTS = false;
    const u64   *turns_at;
    const float *frequency;
    __device__ __forceinline__ u64 turns(int n) const { return load_here(turns_at + n); }
    __device__ __forceinline__ float radians(int n) const { return load_here(frequency + n); }
    __device__ __forceinline__ float2 eight(int) const { return float2{1.f, 0.f}; }
};
// Pair n turns by frequency[n] = theta^(-2n/COLS) a position. What the first row of a slab turns is exact to the last
// position: each lane has it of every 32nd pair, those of a block of columns side by side. What the rows behind it turn more is little, and a product: of pair n + m
// frequency[n] * frequency[m]. DOWN: positions fall from row to row.
template <int WARPS, int PERIOD, int COLS, int STYLE, class P = Pairs, int DOWN = 0> struct Angles {
    static constexpr int  PAIRS = COLS / 2, HELD = (PAIRS + 31) / 32, OWN = STYLE ? 2 : 1; // OWN: pairs of a thread in a block of columns
    static constexpr bool EVEN = PERIOD % 16 == 0;                                         // the rows of a slab go up
    typedef P Source;
    float from[HELD], more[2], slowest[OWN];
    P     pairs;
    DEVICE Angles make(int s, i64 position, const P &pairs) {
        const int lane = lane_here(), slab = (warp_of<WARPS>() + s * WARPS) * 16, row = lane / 4;
        const int held = OWN == 1 ? lane : (lane & 24) + 2 * (lane & 3) + (lane >> 2 & 1), first = OWN * (lane & 3);
        const i64 start = position + (EVEN ? DOWN ? -(slab % PERIOD) : slab % PERIOD : 0);
        Angles    a;
        UNROLL for (int k = 0; k < HELD; k++) a.from[k] = turned(start, pairs.turns(held + 32 * k < PAIRS ? held + 32 * k : 0));
        UNROLL for (int h = 0; h < 2; h++) a.more[h] = (DOWN ? -1.f : 1.f) * (float)(EVEN ? row + 8 * h : (slab + row + 8 * h) % PERIOD);
        UNROLL for (int b = 0; b < OWN; b++) a.slowest[b] = pairs.radians(first + b < PAIRS ? first + b : 0);
        a.pairs = pairs;
        return a;
    }
    // Of pair b of block j of 8 columns, in the first of two rows; blocks' pairs are a thread's own, in style 1 with columns
    // PAIRS further on, where these are whole blocks.
    __device__ __forceinline__ float start_of(int j, int b) const {
        const int n = 4 * OWN * j;
        return of_quad(from[n / 32], n % 32 / 4 + b);
    }
    __device__ __forceinline__ float angle(int j, int b, int h, float start) const {
        const int n = 4 * OWN * j;
        return fmaf(more[h] * slowest[b], pairs.frequency[n < PAIRS ? n : 0], start);
    }
    // Of the second row, eight further down, cosine and sine may follow from those of the first.
    DEVICE void eight_on(float &c, float &s, int j, int b, const P &pairs) {
        const int    own = 4 * OWN * j + OWN * (lane_id() & 3) + b;
        const float2 eight = pairs.eight(own < PAIRS ? own : 0);
        const float  before = c;
        c = before * eight.x - s * eight.y;
        s = s * eight.x + before * eight.y;
    }
    template <int N> DEVICE void turn_pair(float (&y)[N], const float (&x)[N], int i0, float c, float s) {
        const int i1 = STYLE ? i0 + PAIRS / 2 : i0 + 1;
        y[i0] = x[i0] * c - x[i1] * s;
        y[i1] = x[i1] * c + x[i0] * s;
    }
    template <int N> __device__ __forceinline__ void turn(float (&y)[N], const float (&x)[N], int j) const {
        UNROLL for (int b = 0; b < OWN; b++) {
            const float start = start_of(j, b);
            float       c = 0.f, s = 0.f;
            UNROLL for (int h = 0; h < 2; h++) {
                if (h && EVEN && P::EIGHTS)
                    eight_on(c, s, j, b, pairs);
                else
                    c = cosine(angle(j, b, h, start)), s = sine(angle(j, b, h, start));
                turn_pair(y, x, 4 * j + 2 * h + b, c, s);
            }
        }
    }
    // Number 2 j + b of each row, whose pair's other one may be another thread's.
    template <int N> __device__ __forceinline__ void turn_alone(float (&y)[N], const float (&x)[N], int j, int b) const {
        const int  c = 8 * j + 2 * (lane_id() & 3) + b;
        const bool second = c >= PAIRS;
        const int  n = c >= COLS ? 0 : second ? c - PAIRS : c;
        float      start = 0.f;
        UNROLL for (int k = 0; k < HELD; k++) {
            const float other = of_lane(from[k], (n & 24) + 4 * (n & 1) + (n >> 1 & 3)); // as `held` says
            start = n / 32 == k ? other : start;
        }
        UNROLL for (int h = 0; h < 2; h++) {
            const int   i = 4 * j + 2 * h + b;
            const float other = partner<COLS>(x, i, second), angle = fmaf(more[h], pairs.frequency[n], start);
            y[i] = x[i] * cosine(angle) + (second ? other : -other) * sine(angle);
        }
    }
};
template <int WARPS, int PERIOD, int COLS, int STYLE, int DOWN = 0, int S, int N>
DEVICE void rope(float (&y)[S][N], const float (&x)[S][N], i64 position, const Pairs &pairs) {
    typedef Angles<WARPS, PERIOD, COLS, STYLE, Pairs, DOWN> A;
    UNROLL for (int s = 0; s < S; s++) {
        const A a = A::make(s, position, pairs);
        if (!STYLE || A::PAIRS % 8 == 0)
            UNROLL for (int j = 0; j < (STYLE ? A::PAIRS / 8 : N / 4); j++) a.turn(y[s], x[s], j);
        else
            UNROLL for (int j = 0; j < N / 4; j++) UNROLL for (int b = 0; b < 2; b++) a.turn_alone(y[s], x[s], j, b);
    }
}

// Rows turned on their way from one parameter to another, both of T: each thread always turns the same columns, and rows of
// all groups that are at one position at once. Angles are exact; few registers let many loads be under way.
template <class T, class FROM, class TO, int WARPS, int COLS, int STYLE> struct TurnedRows {
    static constexpr int  PER = 16 / sizeof(T), PARTS = STYLE ? 2 : 1, PAIRS = PARTS * PER / 2; // pieces of 16 bytes
    static constexpr int  PIECES = COLS / (PARTS * PER), STEP = 32 * WARPS / PIECES;
    DEVICE void load(float (&x)[2 * PAIRS], const T *from, bool wide, bool has) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            union { uint4 all; T each[PER]; } piece;
            const T *p = from + part * (COLS / 2);
            piece.all = make_uint4(0u, 0u, 0u, 0u);
            if (has && wide) piece.all = *(const uint4 *)p;
            if (has && !wide) UNROLL for (int i = 0; i < PER; i++) piece.each[i] = p[i];
            UNROLL for (int i = 0; i < PER; i++) x[part * PER + i] = to_float(piece.each[i]);
        }
    }
    DEVICE void store(T *to, const float (&x)[2 * PAIRS], bool wide) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            union { uint4 all; T each[PER]; } piece;
            T *p = to + part * (COLS / 2);
            UNROLL for (int i = 0; i < PER; i++) from_float(x[part * PER + i], piece.each[i]);
            if (wide) *(uint4 *)p = piece.all;
            else UNROLL for (int i = 0; i < PER; i++) p[i] = piece.each[i];
        }
    }
    DEVICE void turn(float (&x)[2 * PAIRS], const float (&c)[PAIRS], const float (&s)[PAIRS]) {
        UNROLL for (int n = 0; n < PAIRS; n++) {
            float &first = x[STYLE ? n : 2 * n], &second = x[STYLE ? PER + n : 2 * n + 1];
            const float was = first;
            first = was * c[n] - second * s[n];
            second = second * c[n] + was * s[n];
        }
    }
    DEVICE void all(const View &v, const View &w, i64 position, const Pairs &pairs) {
        const FROM from = FROM::make(v);
        const TO   to = TO::make(w);
        const bool wide = aligned<T>(v, 16) && aligned<T>(w, 16);
        const int  column = (int)threadIdx.x % PIECES * PER, first = STYLE ? column : column / 2;
        u64        turns[PAIRS];
        UNROLL for (int n = 0; n < PAIRS; n++) turns[n] = pairs.turns(first + n);
        #pragma unroll 2
        for (int row = threadIdx.x / PIECES; row < FROM::SPAN; row += STEP) {
            if (threadIdx.x >= STEP * PIECES || !to.has(row)) continue;
            float x[FROM::GROUPS][2 * PAIRS], c[PAIRS], s[PAIRS];
            UNROLL for (int g = 0; g < FROM::GROUPS; g++) {
                const int r = g * FROM::SPAN + row;
                load(x[g], (const T *)v.base + from.offset(r) + column, wide, from.has(r));
            }
            UNROLL for (int n = 0; n < PAIRS; n++) {
                const float angle = turned(position + row, turns[n]);
                c[n] = cosine(angle), s[n] = sine(angle);
            }
            UNROLL for (int g = 0; g < FROM::GROUPS; g++) {
                const int r = g * FROM::SPAN + row;
                turn(x[g], c, s);
                if (to.has(r)) store((T *)w.base + to.offset(r) + column, x[g], wide);
            }
        }
    }
};

// ---- Products
DEVICE void load4(u32 (&r)[4], u32 from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(from) : "memory");
}
DEVICE void load4_transposed(u32 (&r)[4], u32 from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(from) : "memory");
}
DEVICE void mma(float *d, const u32 *a, const u32 *b, bf16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void mma(float *d, const u32 *a, const u32 *b, f16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// Where a lane finds its row of the 16 x 16 numbers of step i along the columns of a tile: a multiple of 16 rows down.
template <int STRIDE> DEVICE u32 along(u32 at, int i) {
    return STRIDE % 128 ? at + i * 32 : (at ^ (i % 4) * 32) + i / 4 * 128;
}
// The right operand of steps k, columns n .. n + 15: from n x k (TB) or k x n in shared memory.
template <class T, bool TB, int STRIDE> struct Right {
    u32 at;
    DEVICE Right make(u32 y, int lane) {
        const int r = lane & 7, m = lane >> 3;
        return Right{y + (TB ? place<STRIDE>((m >> 1) * 8 + r, (m & 1) * 16) : place<STRIDE>((m & 1) * 8 + r, (m >> 1) * 16))};
    }
    __device__ __forceinline__ void load(u32 (&b)[4], int k, int n) const {
        if (TB)
            load4(b, along<STRIDE>(at, k) + n * 16 * STRIDE);
        else
            load4_transposed(b, along<STRIDE>(at, n) + k * 16 * STRIDE);
    }
};
// A tile from registers to shared memory: blocks of 16 rows and columns, those that a tile has.
DEVICE void store4(u32 to, u32 x0, u32 x1, u32 x2, u32 x3) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(x0), "r"(x1), "r"(x2), "r"(x3) : "memory");
}
template <int WARPS, int ROWS, int COLS, int STRIDE, int S, int N> DEVICE void put(u32 to, const u32 (&x)[S][N], int lane = lane_id()) {
    constexpr int SLABS = (ROWS + 15) / 16;
    UNROLL for (int s = 0; s < S; s++) {
        const int  slab = warp_at_once() + s * WARPS;
        const bool top = ROWS % 16 == 0 || slab * 16 + lane / 4 < ROWS, low = ROWS % 16 == 0 || slab * 16 + lane / 4 + 8 < ROWS;
        if ((s + 1) * WARPS > SLABS && slab >= SLABS)
            continue;
#if __CUDA_ARCH__ >= 900
        const u32 at = to + place<STRIDE>(slab * 16 + (lane & 15), (lane >> 4) * 16);
        UNROLL for (int k = 0; k < N / 4; k++)
            store4(along<STRIDE>(at, k), top ? x[s][4 * k] : 0u, low ? x[s][4 * k + 1] : 0u, top ? x[s][4 * k + 2] : 0u, low ? x[s][4 * k + 3] : 0u);
#else
        UNROLL for (int half = 0; half < 2; half++) {
            const u32 at = to + place<STRIDE>(slab * 16 + lane / 4, half * 16 + 4 * (lane & 3));
            UNROLL for (int k = 0; k < N / 4; k++) {
                *shared_pointer<u32>(along<STRIDE>(at, k)) = top ? x[s][4 * k + 2 * half] : 0u;
                *shared_pointer<u32>(along<STRIDE>(at, k) + 8 * STRIDE) = low ? x[s][4 * k + 2 * half + 1] : 0u;
            }
        }
#endif
    }
}
// A tile from shared memory to registers.
template <int WARPS, int STRIDE, int ROWS, int S, int N> DEVICE void read_tile(u32 (&x)[S][N], u32 from) {
    constexpr int SLABS = (ROWS + 15) / 16;
    UNROLL for (int s = 0; s < S; s++) {
        const int row = (warp_id() + s * WARPS) % SLABS * 16 + (lane_id() & 15);
        const u32 at = from + place<STRIDE>(row, (lane_id() >> 4) * 16);
        UNROLL for (int k = 0; k < N / 4; k++) {
            u32 a[4];
            load4(a, along<STRIDE>(at, k));
            UNROLL for (int i = 0; i < 4; i++) x[s][4 * k + i] = a[i];
        }
    }
}
template <int WARPS, int STRIDE, int ROWS, int S, int N> DEVICE void read_tile(float (&x)[S][N], u32 from) {
    constexpr int SLABS = (ROWS + 15) / 16;
    EACH(S, N) {
        const int row = (warp_id() + s * WARPS) % SLABS * 16 + lane_id() / 4 + i / 2 % 2 * 8;
        x[s][i] = shared_pointer<float>(from)[row * (STRIDE / 4) + i / 4 * 8 + 2 * (lane_id() & 3) + i % 2];
    }
}
// A tile of COLS x ROWS from shared memory to registers, transposed.
template <int WARPS, int STRIDE, int ROWS, int COLS, int S, int N> DEVICE void read_transposed(u32 (&x)[S][N], u32 from) {
    constexpr int BYTES = STRIDE % 128 ? STRIDE - 16 : STRIDE;
    const int     lane = lane_id(), m = lane >> 3;
    UNROLL for (int s = 0; s < S; s++) {
        const int at = (warp_at_once() + s * WARPS) * 32; // beyond the last column: the first ones
        const u32 block = from + place<STRIDE>((m >> 1) * 8 + (lane & 7), (m & 1) * 16 + (at < BYTES ? at : 0));
        UNROLL for (int k = 0; k < N / 4; k++) {
            u32 a[4];
            load4_transposed(a, block + k * 16 * STRIDE);
            UNROLL for (int i = 0; i < 4; i++)
                x[s][4 * k + i] = (has_column<COLS>(2 * k + i / 2, 0) ? a[i] & 0xffffu : 0u) | (has_column<COLS>(2 * k + i / 2, 1) ? a[i] & ~0xffffu : 0u);
        }
    }
}
template <int WARPS, int STRIDE, int ROWS, int COLS, int S, int N> DEVICE void read_transposed(float (&x)[S][N], u32 from) {
    const int row = warp_at_once() * 16 + lane_id() / 4;
    EACH(S, N) {
        const int r = row + s * 16 * WARPS + i / 2 % 2 * 8, c = i / 4 * 8 + 2 * (lane_id() & 3) + i % 2;
        x[s][i] = c < COLS && r < ROWS ? shared_pointer<float>(from)[c * (STRIDE / 4) + r] : 0.f;
    }
}
// d += x y: x in registers, K steps of 16. HALVES: of x, whose columns come in pairs half a row apart, both halves take turns: what
// a pair is made of does not wait in registers for the second of its steps.
template <class T, bool TB, int STRIDE, bool HALVES = false, int S, int N, int K4> DEVICE void product(float (&d)[S][N], const u32 (&x)[S][K4], u32 y, int lane = LANE_OF_TILE) {
    constexpr int STEPS = K4 / 4;
    const Right<T, TB, STRIDE> right = Right<T, TB, STRIDE>::make(y, lane);
    UNROLL for (int step = 0; step < STEPS; step++) UNROLL for (int n = 0; n < N / 8; n++) {
        const int k = HALVES ? step / 2 + step % 2 * (STEPS / 2) : step;
        u32 b[4];
        right.load(b, k, n);
        UNROLL for (int s = 0; s < S; s++) {
            mma(&d[s][8 * n], &x[s][4 * k], b, T());
            mma(&d[s][8 * n + 4], &x[s][4 * k], b + 2, T());
        }
    }
}
// d += x y: x in shared memory. What a warp has beyond its rows reads row 0.
template <class T, int WARPS, bool TB, int ROWS, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void product_left(float (&d)[S][N], u32 x, u32 y) {
    constexpr int STEPS = K / 16, AT_ONCE = K > 128 ? 2 : STEPS; // of wide tiles few: what is loaded ahead takes registers
    const int lane = K > 128 ? lane_here() : lane_id(), m = lane >> 3, warp = K > 128 ? thread_here() / 32 : warp_at_once();
    const Right<T, TB, STRIDE> right = Right<T, TB, STRIDE>::make(y, lane);
    u32 left[S];
    UNROLL for (int s = 0; s < S; s++)
        left[s] = x + place<XSTRIDE>((m & 1) * 8 + (lane & 7) + (ROWS % (16 * WARPS) == 0 || (warp + s * WARPS) * 16 < ROWS ? (warp + s * WARPS) * 16 : 0), (m >> 1) * 16);
    _Pragma("unroll AT_ONCE") for (int k = 0; k < STEPS; k++) {
        u32 a[S][4];
        UNROLL for (int s = 0; s < S; s++) load4(a[s], along<XSTRIDE>(left[s], k));
        UNROLL for (int n = 0; n < N / 8; n++) {
            u32 b[4];
            right.load(b, k, n);
            UNROLL for (int s = 0; s < S; s++) {
                mma(&d[s][8 * n], a[s], b, T());
                mma(&d[s][8 * n + 4], a[s], b + 2, T());
            }
        }
    }
}
// d += x^T y: x is K x M in shared memory.
template <class T, int WARPS, bool TB, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void product_transposed(float (&d)[S][N], u32 x, u32 y) {
    const int lane = lane_id(), m = lane >> 3;
    constexpr int BYTES = XSTRIDE % 128 ? XSTRIDE - 16 : XSTRIDE;
    const Right<T, TB, STRIDE> right = Right<T, TB, STRIDE>::make(y, lane_id());
    u32 left[S]; // those beyond the last column read the first ones
    UNROLL for (int s = 0; s < S; s++)
        left[s] = x + place<XSTRIDE>((m >> 1) * 8 + (lane & 7), (m & 1) * 16 + ((warp_at_once() + s * WARPS) * 32 < BYTES ? (warp_at_once() + s * WARPS) * 32 : 0));
    UNROLL for (int k = 0; k < K / 16; k++) {
        u32 a[S][4];
        UNROLL for (int s = 0; s < S; s++) load4_transposed(a[s], left[s] + k * 16 * XSTRIDE);
        UNROLL for (int n = 0; n < N / 8; n++) {
            u32 b[4];
            right.load(b, k, n);
            UNROLL for (int s = 0; s < S; s++) {
                mma(&d[s][8 * n], a[s], b, T());
                mma(&d[s][8 * n + 4], a[s], b + 2, T());
            }
        }
    }
}

// Products of floats, on the plain units: a thread's two rows by all its columns, four steps at a time, whose numbers lie
// side by side in the left side and, transposed, in the right one. The left operand goes through a strip of 16 rows x 16
// columns a warp; of every other pair of rows the halves are exchanged, so that neither way meets a bank twice.
constexpr int STRIP = 16;
template <int STEP> DEVICE float step_of(const float4 &v) { return STEP == 0 ? v.x : STEP == 1 ? v.y : STEP == 2 ? v.z : v.w; }
DEVICE void outer(float *d, float x0, float x8, float y0, float y1) {
    d[0] = fmaf(x0, y0, d[0]), d[1] = fmaf(x0, y1, d[1]), d[2] = fmaf(x8, y0, d[2]), d[3] = fmaf(x8, y1, d[3]);
}
template <int STRIDE, int N> DEVICE void float_step(float *d, float x0, float x8, const float *y) {
    UNROLL for (int j = 0; j < N / 4; j++) {
        const float2 v = *(const float2 *)(y + 8 * j);
        outer(d + 4 * j, x0, x8, v.x, v.y);
    }
}
// y: row k of the right side, from the thread's first column on; transposed, that column's number k.
template <bool TB, int STRIDE, int N> DEVICE void float_steps(float *d, const float4 &x0, const float4 &x8, const float *y) {
    if (TB) {
        UNROLL for (int j = 0; j < N / 4; j++) {
            const float4 y0 = *(const float4 *)(y + 8 * j * STRIDE), y1 = *(const float4 *)(y + (8 * j + 1) * STRIDE);
            outer(d + 4 * j, x0.x, x8.x, y0.x, y1.x);
            outer(d + 4 * j, x0.y, x8.y, y0.y, y1.y);
            outer(d + 4 * j, x0.z, x8.z, y0.z, y1.z);
            outer(d + 4 * j, x0.w, x8.w, y0.w, y1.w);
        }
        return;
    }
    float_step<STRIDE, N>(d, x0.x, x8.x, y);
    float_step<STRIDE, N>(d, x0.y, x8.y, y + STRIDE);
    float_step<STRIDE, N>(d, x0.z, x8.z, y + 2 * STRIDE);
    float_step<STRIDE, N>(d, x0.w, x8.w, y + 3 * STRIDE);
}
// Columns 16 k .. 16 k + 15 of the left side into the strip, from the thread's place on.
template <int K2> DEVICE void fill_strip(float *strip, const float (&x)[K2], int k, int q2, int flip) {
    UNROLL for (int i = 0; i < 8; i += 2)
        *(float2 *)(strip + i / 2 % 2 * 8 * STRIP + ((i / 4 * 8 + q2) ^ flip)) = make_float2(x[8 * k + i], x[8 * k + i + 1]);
}
template <bool TB, int STRIDE, int N> DEVICE void strip_steps(float *d, const float *strip, int flip, const float *y) {
    UNROLL1 for (int kk = 0; kk < 16; kk += 4) { // more are loads far ahead of their use, which registers lack for
        const float4 x0 = *(const float4 *)(strip + (kk ^ flip)), x8 = *(const float4 *)(strip + 8 * STRIP + (kk ^ flip));
        float_steps<TB, STRIDE, N>(d, x0, x8, y + kk * (TB ? 1 : STRIDE));
    }
}
// Long and wide products stay loops, which pick the registers of a turn by branches that all of a warp take: unrolled, they are
// most of a kernel's text, and of the time that compiling it takes.
template <bool TB, int STRIDE, int S, int N, int K2> DEVICE void float_product(float (&d)[S][N], const float (&x)[S][K2], u32 right, u32 strips) {
    constexpr int  TURNS = K2 / 8;
    const int      lane = lane_here(), row = lane / 4, q2 = 2 * (lane & 3), flip = (row & 2) * 4;
    const float   *y = shared_pointer<float>(right) + (TB ? q2 * STRIDE : q2);
    float *const   strip = shared_pointer<float>(strips) + (warp_id() * 16 + row) * STRIP;
    UNROLL for (int s = 0; s < S; s++) {
        if (TURNS > 2 && N >= 32) {
            UNROLL1 for (int k = 0; k < TURNS; k++) {
                __syncwarp();
                UNROLL for (int turn = 0; turn < TURNS; turn++)
                    if (turn == k)
                        fill_strip(strip, x[s], turn, q2, flip);
                __syncwarp();
                strip_steps<TB, STRIDE, N>(d[s], strip, flip, y + 16 * k * (TB ? 1 : STRIDE));
            }
            continue;
        }
        UNROLL for (int k = 0; k < TURNS; k++) {
            __syncwarp();
            fill_strip(strip, x[s], k, q2, flip);
            __syncwarp();
            strip_steps<TB, STRIDE, N>(d[s], strip, flip, y + 16 * k * (TB ? 1 : STRIDE));
        }
    }
}
// Of two rows of memory the numbers that a turn of 16 columns takes; zeros of rows that are not there.
DEVICE void load_turn(float (&x)[8], const float *top, const float *low, bool has_top, bool has_low, bool pairs) {
    UNROLL for (int i = 0; i < 8; i += 2) {
        const float *p = (i & 2 ? low : top) + i / 4 * 8;
        x[i] = x[i + 1] = 0.f;
        if (i & 2 ? !has_low : !has_top)
            continue;
        if (pairs)
            load_pair(p, x[i], x[i + 1]);
        else
            x[i] = p[0], x[i + 1] = p[1];
    }
}
// d += x y: x in memory. The next turn's numbers are on their way while one is multiplied: no register holds more of them.
template <class R, int WARPS, int COLS, bool TB, int STRIDE, int S, int N> DEVICE void float_product_loaded(float (&d)[S][N], const View &v, u32 right, u32 strips) {
    const int    lane = lane_here(), row = lane / 4, q2 = 2 * (lane & 3), flip = (row & 2) * 4;
    const float *y = shared_pointer<float>(right) + (TB ? q2 * STRIDE : q2);
    float *const strip = shared_pointer<float>(strips) + (warp_id() * 16 + row) * STRIP;
    const R      rows = R::make(v);
    const bool   pairs = aligned<float>(v, 8);
    UNROLL for (int s = 0; s < S; s++) {
        const int    r = (warp_id() + s * WARPS) * 16 + row;
        const float *top = (const float *)v.base + rows.offset(r) + q2, *low = (const float *)v.base + rows.offset(r + 8) + q2;
        const bool   has_top = rows.has(r), has_low = rows.has(r + 8);
        float        x[8];
        load_turn(x, top, low, has_top, has_low, pairs);
        UNROLL1 for (int k = 0; k < COLS; k += 16) {
            __syncwarp();
            fill_strip(strip, x, 0, q2, flip);
            __syncwarp();
            if (k + 16 < COLS)
                load_turn(x, top + k + 16, low + k + 16, has_top, has_low, pairs);
            strip_steps<TB, STRIDE, N>(d[s], strip, flip, y + k * (TB ? 1 : STRIDE));
        }
    }
}
// d += x y: x in shared memory, K columns. What a warp has beyond its rows reads row 0.
template <int WARPS, bool TB, int ROWS, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void float_product_left(float (&d)[S][N], u32 left, u32 right) {
    const int    lane = lane_here(), q2 = 2 * (lane & 3);
    const float *y = shared_pointer<float>(right) + (TB ? q2 * STRIDE : q2);
    UNROLL for (int s = 0; s < S; s++) {
        const int    slab = warp_id() + s * WARPS;
        const float *x = shared_pointer<float>(left) + ((ROWS % (16 * WARPS) == 0 || slab * 16 < ROWS ? slab * 16 : 0) + lane / 4) * XSTRIDE;
        UNROLL1 for (int k = 0; k < K; k += 4) // columns beyond K are zeros
            float_steps<TB, STRIDE, N>(d[s], *(const float4 *)(x + k), *(const float4 *)(x + 8 * XSTRIDE + k), y + k * (TB ? 1 : STRIDE));
    }
}

// Products of floats rounded to tf32. A step takes 8 columns of the left side, in any order that both sides follow: here
// thread q of four gives 2 q and 2 q + 1, as it has them. With FLIP the upper two give them the other way round, so that
// eight rows of a right side n x k are read from different banks.
#if __CUDA_ARCH__ >= 900
DEVICE u32 tf32(float x) { u32 y; asm("cvt.rn.tf32.f32 %0, %1;" : "=r"(y) : "f"(x)); return y; } // one instruction there
#else
DEVICE u32 tf32(float x) { u32 y; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x)); return y; }
#endif
DEVICE void mma_tf32(float *d, const u32 (&a)[4], float b0, float b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(tf32(b0)), "r"(tf32(b1)));
}
template <bool FLIP> DEVICE int tf32_first() { const int q = lane_id() & 3; return 2 * q + (FLIP ? q >> 1 : 0); }
template <bool FLIP> DEVICE int tf32_second() { const int q = lane_id() & 3; return 2 * q + (FLIP ? 1 - (q >> 1) : 1); }
// All columns of step k: the left sides of S slabs, and the right side from y on.
template <bool TB, int STRIDE, int S, int N> DEVICE void tf32_step(float (&d)[S][N], const u32 (&a)[S][4], const float *y, int k) {
    const float *first = y + (TB ? lane_id() / 4 * STRIDE + tf32_first<TB>() : tf32_first<TB>() * STRIDE + lane_id() / 4);
    const float *second = y + (TB ? lane_id() / 4 * STRIDE + tf32_second<TB>() : tf32_second<TB>() * STRIDE + lane_id() / 4);
    UNROLL for (int n = 0; n < N / 4; n++) {
        const int   at = TB ? n * 8 * STRIDE + 8 * k : k * 8 * STRIDE + 8 * n;
        const float b0 = first[at], b1 = second[at];
        UNROLL for (int s = 0; s < S; s++) mma_tf32(&d[s][4 * n], a[s], b0, b1);
    }
}
// Columns 8 k .. 8 k + 7 of the left side.
template <int S, int K2> DEVICE void tf32_left(u32 (&a)[S][4], const float (&x)[S][K2], int k, bool flip) {
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const float even = x[s][4 * k + 2 * h], odd = x[s][4 * k + 2 * h + 1];
        a[s][h] = tf32(flip ? odd : even), a[s][h + 2] = tf32(flip ? even : odd);
    }
}
template <bool TB, int STRIDE, int K, int S, int N, int K2> DEVICE void tf32_product(float (&d)[S][N], const float (&x)[S][K2], u32 right) {
    const bool flip = TB && (lane_id() & 2);
    UNROLL for (int k = 0; k < (K + 7) / 8; k++) {
        u32 a[S][4];
        tf32_left(a, x, k, flip);
        tf32_step<TB, STRIDE>(d, a, shared_pointer<float>(right), k);
    }
}
// d += x y: x in shared memory, K columns; a step takes them in their order. Transposed right sides give four words a row as well.
template <int WARPS, bool TB, int ROWS, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void tf32_product_left(float (&d)[S][N], u32 left, u32 right) {
    const int lane = lane_id(), r = lane & 7, m = lane >> 3;
    const u32 wide = right + ((m >> 1) * 8 + r) * STRIDE * 4 + (m & 1) * 16;
    const float *y = shared_pointer<float>(right) + (lane & 3) * STRIDE + lane / 4;
    u32       at[S]; // those beyond the last row read the first ones
    UNROLL for (int s = 0; s < S; s++) {
        const int slab = warp_id() + s * WARPS, first = ROWS % (16 * WARPS) == 0 || slab * 16 < ROWS ? slab * 16 : 0;
        at[s] = left + (first + (m & 1) * 8 + r) * XSTRIDE * 4 + (m >> 1) * 16;
    }
    UNROLL2 for (int k = 0; k < (K + 7) / 8; k++) {
        u32 a[S][4];
        UNROLL for (int s = 0; s < S; s++) {
            load4(a[s], at[s] + 32 * k);
            UNROLL for (int i = 0; i < 4; i++) a[s][i] = tf32(__uint_as_float(a[s][i]));
        }
        UNROLL for (int n = 0; n < N / 4; n += 2) {
            u32 b[4];
            if (TB)
                load4(b, wide + 32 * k + n * 8 * STRIDE * 4);
            else
                UNROLL for (int i = 0; i < 4; i++) b[i] = __float_as_uint(y[(8 * k + i % 2 * 4) * STRIDE + 8 * (n + i / 2)]);
            UNROLL for (int s = 0; s < S; s++) {
                mma_tf32(&d[s][4 * n], a[s], __uint_as_float(b[0]), __uint_as_float(b[1]));
                mma_tf32(&d[s][4 * n + 4], a[s], __uint_as_float(b[2]), __uint_as_float(b[3]));
            }
        }
    }
}
// d += x y: x in memory, read as float_product_loaded does, by as many columns as hide the second-level cache.
template <class R, int WARPS, int COLS, bool TB, int STRIDE, int S, int N> DEVICE void tf32_product_loaded(float (&d)[S][N], const View &v, u32 right) {
    constexpr int STEPS = COLS % 32 ? 2 : 4;
    const R    rows = R::make(v);
    const bool pairs = aligned<float>(v, 8), flip = TB && (lane_id() & 2);
    UNROLL for (int s = 0; s < S; s++) {
        const int    r = (warp_id() + s * WARPS) * 16 + lane_id() / 4, q2 = 2 * (lane_id() & 3);
        const float *top = (const float *)v.base + rows.offset(r) + q2, *low = (const float *)v.base + rows.offset(r + 8) + q2;
        const bool   has_top = rows.has(r), has_low = rows.has(r + 8);
        float        x[STEPS / 2][8];
        UNROLL for (int j = 0; j < STEPS / 2; j++) load_turn(x[j], top + 16 * j, low + 16 * j, has_top, has_low, pairs);
        UNROLL1 for (int k = 0; k < COLS / 8; k += STEPS) {
            u32 a[STEPS][1][4];
            UNROLL for (int j = 0; j < STEPS; j++) tf32_left(a[j], *(const float(*)[1][8])x[j / 2], j % 2, flip);
            if (k + STEPS < COLS / 8)
                UNROLL for (int j = 0; j < STEPS / 2; j++)
                    load_turn(x[j], top + 8 * (k + STEPS) + 16 * j, low + 8 * (k + STEPS) + 16 * j, has_top, has_low, pairs);
            UNROLL for (int j = 0; j < STEPS; j++) tf32_step<TB, STRIDE>(*(float(*)[1][N])d[s], a[j], shared_pointer<float>(right), k + j);
        }
    }
}
// d += x^T y: x is K x M in shared memory.
template <int WARPS, bool TB, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void tf32_product_transposed(float (&d)[S][N], u32 left, u32 right) {
    const float *x = shared_pointer<float>(left) + lane_id() / 4;
    UNROLL for (int k = 0; k < K / 8; k++) {
        u32 a[S][4];
        UNROLL for (int s = 0; s < S; s++) { // columns beyond the last one are the first ones
            const int slab = warp_id() + s * WARPS, column = slab * 16 < XSTRIDE - 4 ? slab * 16 : 0;
            UNROLL for (int h = 0; h < 2; h++) {
                a[s][h] = tf32(x[(8 * k + tf32_first<TB>()) * XSTRIDE + column + 8 * h]);
                a[s][h + 2] = tf32(x[(8 * k + tf32_second<TB>()) * XSTRIDE + column + 8 * h]);
            }
        }
        tf32_step<TB, STRIDE>(d, a, shared_pointer<float>(right), k);
    }
}
template <int WARPS, bool TB, int XSTRIDE, int STRIDE, int K, int S, int N> DEVICE void float_product_transposed(float (&d)[S][N], u32 left, u32 right) {
    const int    q2 = 2 * (lane_id() & 3);
    const float *x = shared_pointer<float>(left) + lane_id() / 4, *y = shared_pointer<float>(right) + (TB ? q2 * STRIDE : q2);
    int          column[S]; // those beyond the last one read the first ones
    UNROLL for (int s = 0; s < S; s++) column[s] = (warp_id() + s * WARPS) * 16 < XSTRIDE - 4 ? (warp_id() + s * WARPS) * 16 : 0;
    UNROLL1 for (int k = 0; k < (K + 3) / 4 * 4; k += 4) // rows beyond K are zeros
        UNROLL for (int s = 0; s < S; s++) {
            const float *const at = x + k * XSTRIDE + column[s];
            const float4 x0 = make_float4(at[0], at[XSTRIDE], at[2 * XSTRIDE], at[3 * XSTRIDE]);
            const float4 x8 = make_float4(at[8], at[XSTRIDE + 8], at[2 * XSTRIDE + 8], at[3 * XSTRIDE + 8]);
            float_steps<TB, STRIDE, N>(d[s], x0, x8, y + k * (TB ? 1 : STRIDE));
        }
}
