// ---- Tiles by lines, of kernels without products.
// A line is what a warp has of a tile at a time: 256 / COLS rows, of which a lane has 8 columns, so that 16-bit numbers go from and
// to memory in whole accesses of 16 bytes and no lane exchanges any with another. The 16 rows of a warp's slab are so many turns;
// x[0][i] is column 8 (lane % LANES) + i of this turn's row, a column's y[0][0] that row's.
template <int COLS> struct Line {
    static constexpr int LANES = COLS / 8, ROWS = 32 / LANES, TURNS = 16 / ROWS;
    DEVICE int row() { return (threadIdx.x & 31) / LANES; }
    DEVICE int column() { return threadIdx.x % LANES * 8; }
};

template <int WARPS, int COLS> DEVICE int line_row(int slab, int turn) { return (slab * WARPS + warp_at_once()) * 16 + Line<COLS>::row() + turn * Line<COLS>::ROWS; }

template <class T> struct Eight { // numbers as memory has them
    uint4 raw[sizeof(T) / 2];
    __device__ __forceinline__ void to(float (&x)[8]) const {
        UNROLL for (int w = 0; w < 4; w++) unpack<T>(w == 0 ? raw[0].x : w == 1 ? raw[0].y : w == 2 ? raw[0].z : raw[0].w, x[2 * w], x[2 * w + 1]);
    }
};
template <> __device__ __forceinline__ void Eight<float>::to(float (&x)[8]) const {
    UNROLL for (int w = 0; w < 2; w++) {
        x[4 * w] = __uint_as_float(raw[w].x), x[4 * w + 1] = __uint_as_float(raw[w].y);
        x[4 * w + 2] = __uint_as_float(raw[w].z), x[4 * w + 3] = __uint_as_float(raw[w].w);
    }
}
template <class T> DEVICE uint4 packed_line(const float *x, T) { return make_uint4(pack(x[0], x[1], T()), pack(x[2], x[3], T()), pack(x[4], x[5], T()), pack(x[6], x[7], T())); }
DEVICE uint4 packed_line(const float *x, float) { return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]), __float_as_uint(x[3])); }

// Where a lane finds its part of a slab's lines in a parameter; of a column of numbers, COLUMN, its row's. The rows of a slab are of
// one head.
template <class T, class R, int WARPS, int COLS, bool COLUMN = false> struct LineAt {
    T   *at;
    i64  step; // from a turn to the next
    int  row, first, end;
    bool wide;
    DEVICE LineAt make(const View &v, int slab) {
        const R   rows = R::make(v);
        const int r = R::COUNT == 1 ? 0 : line_row<WARPS, COLS>(slab, 0); // of one row all rows have the same
        LineAt    l;
        l.at = (T *)v.base + rows.offset(r) + (COLUMN ? 0 : Line<COLS>::column());
        l.step = Line<COLS>::ROWS * rows.row_stride;
        l.row = r < R::COUNT ? rows.within(r) : 1 << 30;
        l.first = rows.first, l.end = rows.end;
        l.wide = aligned<T>(v, 16);
        return l;
    }
    __device__ __forceinline__ bool has(int turn) const {
        const int r = row + turn * Line<COLS>::ROWS;
        return turn < Line<COLS>::TURNS && r >= first && r < end;
    }
    __device__ __forceinline__ Eight<T> load(int turn) const {
        Eight<T> x;
        const T *const from = at + turn * step;
        UNROLL for (int w = 0; w < (int)sizeof(T) / 2; w++) x.raw[w] = make_uint4(0u, 0u, 0u, 0u);
        if (wide && has(turn)) {
            UNROLL for (int w = 0; w < (int)sizeof(T) / 2; w++) x.raw[w] = *(const uint4 *)(from + 4 * w);
        } else if (has(turn)) { // rows that begin anywhere
            float y[8];
            UNROLL for (int i = 0; i < 8; i++) y[i] = to_float(from[i]);
            UNROLL for (int w = 0; w < (int)sizeof(T) / 2; w++) x.raw[w] = packed_line(y + 4 * w, T());
        }
        return x;
    }
    __device__ __forceinline__ void store(int turn, const float (&x)[1][8]) const {
        T *const to = at + turn * step;
        if (wide && has(turn)) {
            UNROLL for (int w = 0; w < (int)sizeof(T) / 2; w++) *(uint4 *)(to + 4 * w) = packed_line(x[0] + 4 * w, T());
        } else if (has(turn)) {
            UNROLL for (int i = 0; i < 8; i++) from_float(x[0][i], to[i]);
        }
    }
    __device__ __forceinline__ void store(int turn, const float (&x)[1][1]) const {
        if (has(turn) && threadIdx.x % Line<COLS>::LANES == 0) from_float(x[0][0], at[turn * step]);
    }
};

template <int COLS> DEVICE void line_sum(float (&y)[1][1], const float (&x)[1][8]) {
    y[0][0] = ((x[0][0] + x[0][1]) + (x[0][2] + x[0][3])) + ((x[0][4] + x[0][5]) + (x[0][6] + x[0][7]));
    UNROLL for (int apart = 1; apart < Line<COLS>::LANES; apart *= 2) y[0][0] += __shfl_xor_sync(~0u, y[0][0], apart);
}
DEVICE void add_line(float (&sums)[8], const float (&x)[1][8]) { UNROLL for (int i = 0; i < 8; i++) sums[i] += x[0][i]; }
// The row that a slab's sums are in working memory.
template <class R, int WARPS, int COLS> DEVICE void store_line_sums(float (&sums)[8], const View &v, int slab) {
    const R   rows = R::make(v);
    const int r = slab * WARPS + warp_at_once();
    UNROLL for (int apart = Line<COLS>::LANES; apart < 32; apart *= 2) UNROLL for (int i = 0; i < 8; i++) sums[i] += __shfl_xor_sync(~0u, sums[i], apart);
    if (r < R::COUNT && Line<COLS>::row() == 0) {
        float *const to = (float *)v.base + rows.offset(r) + Line<COLS>::column();
        UNROLL for (int w = 0; w < 2; w++) *(float4 *)(to + 4 * w) = make_float4(sums[4 * w], sums[4 * w + 1], sums[4 * w + 2], sums[4 * w + 3]);
    }
}
