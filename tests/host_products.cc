// Products of floats of the GPU's prelude, on the host: threads for a block's, what warps do together as the maker describes it.
// products.inc is cut from codegen/ptx/prelude.cuh by tests/test_gpu_products.sh. Prints a line a case: its name and the largest
// error as a part of the largest sum of magnitudes; exit code 1 where one is over its bound.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <thread>
#include <vector>

typedef unsigned int u32;
typedef long long    i64;
struct float2 { float x, y; };
struct float4 { float x, y, z, w; };
static float2 make_float2(float x, float y) { return {x, y}; }
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

#define DEVICE static inline
#define UNROLL
#define UNROLL1
#define UNROLL2
#define EACH(S, N) for (int s = 0; s < (S); s++) for (int i = 0; i < (N); i++)

enum { MOST_WARPS = 4 };
static struct Dim { pthread_barrier_t all; u32 words[32][4]; } warps[MOST_WARPS];
static thread_local struct { unsigned x; } threadIdx;
alignas(16) static char memory[256 << 10];
static bool             plain; // how lanes are dealt to threads

static int lane_id() {
    const int thread = threadIdx.x & 31;
    return plain ? (thread & 24) | (thread >> 1 & 3) | (thread & 1) << 2 : thread;
}
static int lane_here() { return lane_id(); }
static int warp_id() { return threadIdx.x >> 5; }
static void __syncwarp() { pthread_barrier_wait(&warps[warp_id()].all); }
template <class T> static T *shared_pointer(u32 at) { return (T *)(memory + at); }

// Rows of a tile in memory, one behind the other; those from `end` on are not there, and must not be read.
struct View { const float *base; int stride, end; };
struct Rows {
    int stride, end;
    static Rows make(const View &v) { return {v.stride, v.end}; }
    bool has(int r) const { return r < end; }
    i64 offset(int r) const { return (i64)r * stride; }
};
template <class T> static bool aligned(const View &v, int bytes) { return v.stride * sizeof(T) % bytes == 0; }
static void load_pair(const float *p, float &x, float &y) { x = p[0], y = p[1]; }

static u32   bits(float x) { u32 y; memcpy(&y, &x, 4); return y; }
static float number(u32 x) { float y; memcpy(&y, &x, 4); return y; }
static u32   __float_as_uint(float x) { return bits(x); }
static float __uint_as_float(u32 x) { return number(x); }
static u32   tf32(float x) { return (bits(x) + 0x1000u) & ~0x1fffu; }

// mma.m16n8k8: lane 4 g + t has a[0] = A(g, t), a[1] = A(g + 8, t), a[2] = A(g, t + 4), a[3] = A(g + 8, t + 4), b[0] = B(t, g),
// b[1] = B(t + 4, g), d = D(g, 2 t), D(g, 2 t + 1), D(g + 8, 2 t), D(g + 8, 2 t + 1).
static void mma_words(float *d, const u32 (&a)[4], u32 b0, u32 b1) {
    Dim      &w = warps[warp_id()];
    const int lane = threadIdx.x & 31, g = lane / 4, t = lane % 4;
    float     A[2][8], B[8][2];
    memcpy(w.words[lane], a, sizeof a);
    __syncwarp();
    for (int k = 0; k < 8; k++) for (int h = 0; h < 2; h++) A[h][k] = number(w.words[4 * g + k % 4][h + 2 * (k / 4)] & ~0x1fffu);
    __syncwarp();
    w.words[lane][0] = b0, w.words[lane][1] = b1;
    __syncwarp();
    for (int k = 0; k < 8; k++) for (int c = 0; c < 2; c++) B[k][c] = number(w.words[4 * (2 * t + c) + k % 4][k / 4] & ~0x1fffu);
    __syncwarp();
    for (int i = 0; i < 4; i++) for (int k = 0; k < 8; k++) d[i] += A[i / 2][k] * B[k][i % 2];
}
static void mma_tf32(float *d, const u32 (&a)[4], float b0, float b1) { mma_words(d, a, tf32(b0), tf32(b1)); }
// ldmatrix.x4: matrix m has its row r where lane 8 m + r says; lane 4 g + t gets word t of row g of each.
static void load4(u32 (&x)[4], u32 from) {
    Dim      &w = warps[warp_id()];
    const int lane = threadIdx.x & 31;
    w.words[lane][0] = from;
    __syncwarp();
    for (int m = 0; m < 4; m++) x[m] = *shared_pointer<u32>(w.words[8 * m + lane / 4][0] + lane % 4 * 4);
    __syncwarp();
}

#include "products.inc"

// ---- A case: rows x K times K x cols, every way that the sides may lie.
enum Left { REGISTERS, SHARED, MEMORY, TRANSPOSED };
enum { RIGHT_AT = 0, LEFT_AT = 96 << 10, STRIPS_AT = 224 << 10 };
static std::vector<float> X, Y, D; // rows x K, K x cols, rows x cols
static float random_float() { return (float)rand() / RAND_MAX * 2 - 1; }

template <int WARPS, int ROWS, int COLS, int K, bool TB, int LEFT, bool TF32> static void thread_of_block(int thread) {
    constexpr int S = (ROWS + 16 * WARPS - 1) / (16 * WARPS), N = (COLS + 15) / 16 * 8, K2 = (K + 15) / 16 * 8;
    constexpr int STRIDE = ((TB ? K : COLS) + 15) / 16 * 16 + 4, XSTRIDE = ((LEFT == TRANSPOSED ? ROWS : K) + 15) / 16 * 16 + 4;
    threadIdx.x = thread;
    float d[S][N] = {}, x[S][K2];
    const int row = warp_id() * 16 + lane_id() / 4, q2 = 2 * (lane_id() & 3);
    for (int s = 0; s < S; s++) for (int i = 0; i < K2; i++) {
        const int r = row + s * 16 * WARPS + i / 2 % 2 * 8, c = i / 4 * 8 + q2 + i % 2;
        x[s][i] = r < ROWS && c < K ? X[r * K + c] : 0.f;
    }
    const View view = {X.data(), K, ROWS};
    if constexpr (TF32 && LEFT == REGISTERS) tf32_product<TB, STRIDE, K>(d, x, RIGHT_AT);
    else if constexpr (TF32 && LEFT == TRANSPOSED) tf32_product_transposed<WARPS, TB, XSTRIDE, STRIDE, (K + 7) / 8 * 8>(d, LEFT_AT, RIGHT_AT);
    else if constexpr (TF32 && LEFT == SHARED) tf32_product_left<WARPS, TB, ROWS, XSTRIDE, STRIDE, K>(d, LEFT_AT, RIGHT_AT);
    else if constexpr (TF32) tf32_product_loaded<Rows, WARPS, K, TB, STRIDE>(d, view, RIGHT_AT);
    else if constexpr (LEFT == REGISTERS) float_product<TB, STRIDE>(d, x, RIGHT_AT, STRIPS_AT);
    else if constexpr (LEFT == SHARED) float_product_left<WARPS, TB, ROWS, XSTRIDE, STRIDE, K>(d, LEFT_AT, RIGHT_AT);
    else if constexpr (LEFT == MEMORY) float_product_loaded<Rows, WARPS, K, TB, STRIDE>(d, view, RIGHT_AT, STRIPS_AT);
    else float_product_transposed<WARPS, TB, XSTRIDE, STRIDE, K>(d, LEFT_AT, RIGHT_AT);
    for (int s = 0; s < S; s++) for (int i = 0; i < N; i++) {
        const int r = row + s * 16 * WARPS + i / 2 % 2 * 8, c = i / 4 * 8 + q2 + i % 2;
        if (r < ROWS && c < COLS) D[r * COLS + c] = d[s][i];
    }
}

// Rows and columns of a tile in shared memory are padded to 16 with zeros, and lie 16 bytes longer than that.
static void put(int at, const std::vector<float> &tile, int rows, int cols, bool turned) {
    const int tall = ((turned ? cols : rows) + 15) / 16 * 16, wide = ((turned ? rows : cols) + 15) / 16 * 16, stride = wide + 4;
    for (int r = 0; r < tall; r++) for (int c = 0; c < stride; c++) {
        const int i = turned ? c : r, j = turned ? r : c;
        shared_pointer<float>(at)[r * stride + c] = i < rows && j < cols ? tile[i * cols + j] : c < wide ? 0.f : NAN;
    }
}

template <int WARPS, int ROWS, int COLS, int K, bool TB, int LEFT, bool TF32> static int check() {
    static const char *const LEFTS[] = {"registers", "shared memory", "memory", "shared memory, transposed"};
    std::vector<std::thread> threads;
    double error = 0, most = 0;
    plain = !TF32;
    X.assign(ROWS * K, 0.f), Y.assign(K * COLS, 0.f), D.assign(ROWS * COLS, NAN);
    for (float &x : X) x = random_float();
    for (float &y : Y) y = random_float();
    put(RIGHT_AT, Y, K, COLS, TB);
    put(LEFT_AT, X, ROWS, K, LEFT == TRANSPOSED);
    for (int w = 0; w < WARPS; w++) pthread_barrier_init(&warps[w].all, NULL, 32);
    for (int t = 0; t < 32 * WARPS; t++) threads.emplace_back(thread_of_block<WARPS, ROWS, COLS, K, TB, LEFT, TF32>, t);
    for (std::thread &t : threads) t.join();
    for (int r = 0; r < ROWS; r++) for (int c = 0; c < COLS; c++) {
        double sum = 0, magnitude = 0;
        for (int k = 0; k < K; k++) {
            const double x = TF32 ? number(tf32(X[r * K + k])) : X[r * K + k], y = TF32 ? number(tf32(Y[k * COLS + c])) : Y[k * COLS + c];
            sum += x * y, magnitude += fabs(x * y);
        }
        const double off = fabs(D[r * COLS + c] - sum);
        error = off <= error ? error : off; // NaN, too
        most = magnitude > most ? magnitude : most;
    }
    const bool good = error <= 1e-6 * most;
    printf("%s, %d x %d x %d by %d warps, %sleft side in %s: %.2g\n", TF32 ? "tf32" : "float32", ROWS, K, COLS, WARPS,
           TB ? "right side transposed, " : "", LEFTS[LEFT], error / most);
    return !good;
}

template <int WARPS, int ROWS, int COLS, int K, int LEFT, bool TF32> static int both() {
    return check<WARPS, ROWS, COLS, K, false, LEFT, TF32>() + check<WARPS, ROWS, COLS, K, true, LEFT, TF32>();
}

int main() {
    int bad = both<2, 32, 32, 32, REGISTERS, false>() + both<1, 16, 64, 128, REGISTERS, false>() + both<2, 64, 128, 64, REGISTERS, false>() +
              both<2, 32, 32, 128, SHARED, false>() + both<2, 48, 64, 20, SHARED, false>() + both<2, 32, 128, 64, MEMORY, false>() +
              both<2, 40, 16, 48, MEMORY, false>() + both<2, 32, 64, 32, TRANSPOSED, false>() + both<4, 64, 32, 16, TRANSPOSED, false>() +
              both<2, 32, 32, 32, REGISTERS, true>() + both<1, 32, 16, 64, REGISTERS, true>() + both<2, 32, 128, 64, REGISTERS, true>() + both<2, 32, 64, 32, TRANSPOSED, true>() +
              both<2, 32, 32, 64, SHARED, true>() + both<2, 48, 16, 24, SHARED, true>() + both<2, 32, 64, 64, MEMORY, true>() +
              both<2, 40, 32, 48, MEMORY, true>();
    return bad != 0;
}
