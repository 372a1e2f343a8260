
// ---- Roles: what kernels add whose warps send tiles to one another.
// Tiles come by the tensor copy engine: panels of 64 columns, 128 bytes a row, side by side; within eight rows the pieces of
// 16 bytes of row r stand at their number exclusive-or r % 8 (the 128-byte swizzle). Products are those of warp groups: the
// left side in registers, the right side read from such panels.
struct __align__(64) TensorMap { u64 words[16]; };

DEVICE void barrier_make(u32 barrier, u32 count) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory"); }
DEVICE void barrier_expect(u32 barrier, u32 bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory"); }
DEVICE void barrier_arrive(u32 barrier) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory"); }
DEVICE void barrier_wait(u32 barrier, u32 phase) {
    asm volatile("{\n.reg .pred done;\nagain:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@done bra over;\nbra again;\nover:\n}" ::"r"(barrier), "r"(phase) : "memory");
}

// A slot that was taken.
struct Slot { u32 address, full, empty, phase; };

// SLOTS slots of BYTES each; the barriers `full`, then `empty`, one each a slot. Who sends and who takes count by themselves.
template <int SLOTS, u32 BYTES> struct Ring {
    u32 base, barriers, slot, phase;
    __device__ __forceinline__ Ring(u32 base, u32 barriers) : base(base), barriers(barriers), slot(0), phase(0) {}
    __device__ __forceinline__ void make(u32 fillers, u32 takers) const {
        for (int i = 0; i < SLOTS; i++) {
            barrier_make(barriers + 8 * i, fillers);
            barrier_make(barriers + 8 * (SLOTS + i), takers);
        }
    }
    __device__ __forceinline__ Slot here() const { return Slot{base + slot * BYTES, barriers + 8 * slot, barriers + 8 * (SLOTS + slot), phase}; }
    __device__ __forceinline__ void next() { if (++slot == SLOTS) slot = 0, phase ^= 1; }
    __device__ __forceinline__ Slot open(u32 bytes) { // for `bytes` to be copied into
        const Slot at = here();
        barrier_wait(at.empty, phase ^ 1);
        barrier_expect(at.full, bytes);
        next();
        return at;
    }
    __device__ __forceinline__ Slot offer() { // for a tile that warps put there
        const Slot at = here();
        barrier_wait(at.empty, phase ^ 1);
        next();
        return at;
    }
    __device__ __forceinline__ Slot take() {
        const Slot at = here();
        barrier_wait(at.full, phase);
        next();
        return at;
    }
};
DEVICE void release(const Slot &slot) {
    __syncwarp();
    if (lane_id() == 0) barrier_arrive(slot.empty);
}
// Of what the warp itself has read, not only products: its reads may still be on their way, and an arrival alone does not
// hold back what the copy engine writes there next.
DEVICE void release_read(const Slot &slot) {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    release(slot);
}
DEVICE void copy_box(u32 to, const TensorMap *map, u32 full, int c3, int c2, int c1, int c0) {
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(to), "l"(map), "r"(full), "r"(c3), "r"(c2), "r"(c1), "r"(c0) : "memory");
}
DEVICE void store_box(u32 from, const TensorMap *map, int c3, int c2, int c1, int c0) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map), "r"(from), "r"(c3), "r"(c2), "r"(c1), "r"(c0) : "memory");
}
// Of a single thread: slots are released once what it stores of them has been read, that of the last one meanwhile.
struct Stored {
    u32 empty; // barrier of the slot that still waits; 0: none
    __device__ __forceinline__ Stored() : empty(0) {}
    __device__ __forceinline__ void release(const Slot &slot) {
        asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 1;" ::: "memory");
        if (empty) barrier_arrive(empty);
        empty = slot.empty;
    }
    __device__ __forceinline__ void release_now(const Slot &slot) { // of a ring of one slot
        asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;" ::: "memory");
        barrier_arrive(slot.empty);
    }
    __device__ __forceinline__ void skip(const Slot &slot) { // the one before is given back first
        if (empty) {
            asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
            barrier_arrive(empty);
            empty = 0;
        }
        barrier_arrive(slot.empty);
    }
    __device__ __forceinline__ void end() {
        asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
        if (empty) barrier_arrive(empty);
    }
    // All that was stored is there for others, who wait for it.
    __device__ __forceinline__ void made(int *count) {
        end();
        empty = 0;
        asm volatile("fence.proxy.async;\nfence.acq_rel.gpu;" ::: "memory");
        asm volatile("red.relaxed.gpu.global.add.u32 [%0], 1;" ::"l"(count) : "memory");
    }
};
// Before anything is made: what this block will make. No item is taken yet.
DEVICE void none_made(int *made, u32 items, int *taken) {
    if (threadIdx.x >= 32) return;
    for (u32 item = blockIdx.x + threadIdx.x * gridDim.x; item < items; item += 32 * gridDim.x) made[item] = 0;
    if (blockIdx.x == 0 && threadIdx.x == 0) *taken = 0;
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
}
DEVICE void await_made(const int *made, int parts, int count) {
    for (int p = 0; p < parts;) {
        int here;
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(here) : "l"(made + p) : "memory");
        p += here == count;
    }
    asm volatile("fence.proxy.async;" ::: "memory");
}
// The item that a block does next: who sends the queries hands it to all others, once they know the one before. The phase is
// that of a ring of one slot; threads that copy have no register left for it, and keep it behind.
struct Items {
    u32 word, full, empty, kept;
    __device__ __forceinline__ Items(u32 base) : word(base), full(base + 8), empty(base + 16), kept(base + 24) {}
    __device__ __forceinline__ void make(u32 takers) const {
        barrier_make(full, 1);
        barrier_make(empty, takers);
        for (int i = 0; i < 4; i++) asm volatile("st.shared.u32 [%0], %1;" ::"r"(kept + 4 * i), "r"(0) : "memory");
    }
    __device__ __forceinline__ void hand_out(u32 item, u32 phase) const {
        barrier_wait(empty, phase ^ 1);
        asm volatile("st.shared.u32 [%0], %1;" ::"r"(word), "r"(item) : "memory");
        barrier_arrive(full);
    }
    __device__ __forceinline__ u32 take(u32 number) const { // of a thread alone
        u32 item, phase;
        asm volatile("ld.shared.u32 %0, [%1];" : "=r"(phase) : "r"(kept + 4 * number) : "memory");
        barrier_wait(full, phase);
        asm volatile("st.shared.u32 [%0], %1;" ::"r"(kept + 4 * number), "r"(phase ^ 1) : "memory");
        asm volatile("ld.shared.u32 %0, [%1];" : "=r"(item) : "r"(word) : "memory");
        asm volatile("fence.proxy.async;" ::: "memory"); // what was made for the item is there for the copy engine
        barrier_arrive(empty);
        return __reduce_max_sync(1u, item);
    }
    __device__ __forceinline__ u32 take_all(u32 phase) const { // of a warp: all lanes have the same, as the compiler knows
        u32 item;
        barrier_wait(full, phase);
        asm volatile("ld.shared.u32 %0, [%1];" : "=r"(item) : "r"(word) : "memory");
        __syncwarp();
        if (lane_id() == 0) barrier_arrive(empty);
        return __reduce_max_sync(~0u, item);
    }
};
// Of a slot's ROWS rows, which are positions `start` and on, those from `lo` to `hi` go to a ring of WRAP rows, by boxes of BOX
// rows, eight or one. A row's swizzle depends on its address alone, so that boxes may begin anywhere.
template <int ROWS, int PANELS, int WIDTH, int BOX, int WRAP>
DEVICE void store_rows(u32 from, const TensorMap *some, const TensorMap *eight, const TensorMap *one, int column, i64 start, i64 lo, i64 hi, int c1, int c0) {
    const int end = (int)smaller(hi - start, (i64)ROWS);
    int       r = (int)larger(lo - start, (i64)0), to = r < end ? (int)floor_mod(start + r, (i64)WRAP) : 0;
    UNROLL1 while (r < end) {
        const int        left = smaller(end - r, WRAP - to), rows = left >= BOX ? BOX : left >= 8 ? 8 : 1;
        const TensorMap *map = rows == 1 ? one : rows == BOX ? some : eight;
        UNROLL for (int p = 0; p < PANELS; p++) store_box(from + (p * ROWS + r) * 128, map, column + p * WIDTH, to, c1, c0);
        r += rows;
        to = to + rows == WRAP ? 0 : to + rows;
    }
}
// The other way: the slot's ROWS rows from there, zeros where positions are not between the bounds.
template <int ROWS, int PANELS, int WIDTH, int BOX, int WRAP>
DEVICE void copy_rows(u32 slot, const TensorMap *some, const TensorMap *eight, const TensorMap *one, u32 full, int column, i64 start, i64 lo, i64 hi, int c1, int c0) {
    const int first = (int)smaller(larger(lo - start, (i64)0), (i64)ROWS), end = (int)smaller(larger(hi - start, (i64)first), (i64)ROWS);
    const int turn = (int)floor_mod(start, (i64)WRAP);
    UNROLL1 for (int r = 0, rows; r < ROWS; r += rows) {
        const bool there = r >= first && r < end;
        const int  at = turn + r - (turn + r >= WRAP ? WRAP : 0);
        const int  left = there ? smaller(end - r, WRAP - at) : (r < first ? first : ROWS) - r;
        rows = left >= BOX ? BOX : left >= 8 ? 8 : 1;
        const TensorMap *map = rows == 1 ? one : rows == BOX ? some : eight;
        UNROLL for (int p = 0; p < PANELS; p++) copy_box(slot + (p * ROWS + r) * 128, map, full, column + p * WIDTH, there ? at : WRAP, c1, c0);
    }
}
// The tile in the slot is there for the copy engine and for products, too.
DEVICE void give(const Slot &slot) {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncwarp();
    if (lane_id() == 0) barrier_arrive(slot.full);
}
// What they wrote is then there for the copy engine, too.
DEVICE void await_earlier_kernels() { asm volatile("griddepcontrol.wait;\nfence.proxy.async;" ::: "memory"); }

// What tells a kernel that runs beside this one which tiles are there: a number for each, how many warps have stored theirs.
// Rows of coordinate DIM count only between `lo` and `hi`. Before the next kernel begins all of a block's are zero.
struct Signals {
    u32 *first;
    i64  stride, row, lo, hi;
};
template <int DIM> DEVICE Signals signals(const i64 *arg, i64 c0, i64 c1, i64 c2, i64 lo, i64 hi) {
    u32 *const first = (u32 *)arg[0] + c0 * arg[1] + c1 * arg[2] + c2 * arg[3];
    return Signals{first, arg[1 + DIM], DIM == 0 ? c0 : DIM == 1 ? c1 : c2, lo, hi};
}
DEVICE bool counts(const Signals &s, i64 row) { return row >= s.lo && row < s.hi; }
DEVICE void clear(const Signals &s) {
    if (counts(s, s.row)) asm volatile("st.relaxed.gpu.global.u32 [%0], 0;" ::"l"(s.first) : "memory");
}
DEVICE void all_cleared() { asm volatile("fence.acq_rel.gpu;\ngriddepcontrol.launch_dependents;" ::: "memory"); }
// Told before the role's next store, or at its end: at once it would wait for what is still being written.
struct Signal {
    u32 *number; // NULL: none waits
    __device__ __forceinline__ Signal() : number(nullptr) {}
    __device__ __forceinline__ void hold(const Signals &s) { number = counts(s, s.row) ? s.first : nullptr; }
    __device__ __forceinline__ void tell() {
        __syncwarp();
        if (lane_id() == 0 && number)
            asm volatile("fence.acq_rel.gpu;\nred.relaxed.gpu.global.add.u32 [%0], 1;" ::"l"(number) : "memory");
        number = nullptr;
    }
};
// Of a single thread: for the copy engine.
template <int ROWS, int PERIOD, u32 WARPS> DEVICE void expect(const Signals &s) {
    constexpr int TILES = (ROWS + PERIOD - 1) / PERIOD;
    for (bool there = false; !there;) {
        u32 stored[TILES];
        there = true;
        UNROLL for (int t = 0; t < TILES; t++) {
            stored[t] = WARPS;
            if (counts(s, s.row + t * PERIOD))
                asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(stored[t]) : "l"(s.first + t * PERIOD * s.stride) : "memory");
        }
        UNROLL for (int t = 0; t < TILES; t++) there = there && stored[t] >= WARPS; // more, where the caller's sequences overlap
    }
    asm volatile("fence.acq_rel.gpu;\nfence.proxy.async;" ::: "memory");
}
template <int COUNT> DEVICE void take_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT)); }
template <int COUNT> DEVICE void give_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT)); }

// Asked for anew wherever it is needed.
DEVICE u32 blocks_here() { u32 count; asm volatile("mov.u32 %0, %%nctaid.x;" : "=r"(count)); return count; }

// Rows from one parameter into a ring, by one warp beside those that compute: it has few registers, and what is known before
// the walk over items shall not take them. Both have the same rows; two pieces of 16 bytes are on their way at a time, past the
// first-level cache, which those who compute need.
DEVICE void load_piece(u32 (&x)[4], i64 from) { asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "l"(from)); }
DEVICE void store_piece(i64 to, const u32 (&x)[4]) { asm volatile("st.global.L1::no_allocate.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]) : "memory"); }
template <int RING> DEVICE i64 in_ring(i64 start, int row, i64 step) { return start + (RING >= 32 ? row - (row >= RING ? RING : 0) : row % RING) * step; }
template <class T, class FROM, class TO, int COLS> DEVICE void move_rows(const View &v, const View &w) {
    constexpr int PIECES = COLS * sizeof(T) / 16, AT_ONCE = 32 / PIECES, RING = TO::RING;
    const FROM from = FROM::make(v);
    const TO   to = TO::make(w);
    const int  lane = lane_here(), first = lane / PIECES + (to.first > 0 ? to.first : 0);
    const int  end = lane < AT_ONCE * PIECES ? to.end < FROM::COUNT ? to.end : FROM::COUNT : 0;
    const i64  read_step = opaque(from.row_stride) * (i64)sizeof(T), write_step = opaque(to.row_stride) * (i64)sizeof(T);
    const i64  write = w.base + to.start * (i64)sizeof(T) + lane % PIECES * 16;
    i64        read = v.base + from.start * (i64)sizeof(T) + lane % PIECES * 16 + first * read_step;
    if (((read | write | read_step | write_step) & 15) == 0) {
        UNROLL1 for (int r = first; r < end; r += 2 * AT_ONCE, read += 2 * AT_ONCE * read_step) {
            u32 one[4], other[4];
            load_piece(one, read);
            if (r + AT_ONCE < end) load_piece(other, read + AT_ONCE * read_step);
            store_piece(in_ring<RING>(write, to.turn + r, write_step), one);
            if (r + AT_ONCE < end) store_piece(in_ring<RING>(write, to.turn + r + AT_ONCE, write_step), other);
        }
        return;
    }
    UNROLL1 for (int r = first; r < end; r += AT_ONCE, read += AT_ONCE * read_step)
        UNROLL1 for (int c = 0; c < 16; c += sizeof(T)) *(T *)(in_ring<RING>(write, to.turn + r, write_step) + c) = *(const T *)(read + c);
}

// To registers, as left sides lie there; from the FIRST 16 columns on.
template <int WARPS, int ROWS, int FIRST, int S, int K4> DEVICE void read_panels(u32 (&x)[S][K4], u32 from) {
    const int lane = lane_id();
    UNROLL for (int s = 0; s < S; s++) {
        const int r = 16 * (warp_of<WARPS>() + s * WARPS) + (lane & 15);
        UNROLL for (int k = 0; k < K4 / 4; k++) {
            const u32 piece = ((k + FIRST & 3) * 2 + (lane >> 4)) ^ (r & 7);
            u32 v[4];
            load4(v, from + (k + FIRST) / 4 * ROWS * 128 + r * 128 + piece * 16);
            UNROLL for (int i = 0; i < 4; i++) x[s][4 * k + i] = v[i];
        }
    }
}
// From there: the rows that a tile has.
template <int WARPS, int ROWS, int S, int K4> DEVICE void write_panels(u32 to, const u32 (&x)[S][K4]) {
    const int lane = lane_id();
    UNROLL for (int s = 0; s < S; s++) {
        const int slab = warp_of<WARPS>() + s * WARPS, r = 16 * slab + (lane & 15);
        if ((s + 1) * WARPS * 16 > ROWS && slab * 16 >= ROWS)
            continue;
        UNROLL for (int k = 0; k < K4 / 4; k++) {
            const u32 piece = ((k & 3) * 2 + (lane >> 4)) ^ (r & 7);
            store4(to + k / 4 * ROWS * 128 + r * 128 + piece * 16, x[s][4 * k], x[s][4 * k + 1], x[s][4 * k + 2], x[s][4 * k + 3]);
        }
    }
}
template <int N> DEVICE void pin(float (&x)[N]) { UNROLL for (int i = 0; i < N; i++) asm volatile("" : "+f"(x[i])::"memory"); }
template <int N> DEVICE void pin(u32 (&x)[N]) { UNROLL for (int i = 0; i < N; i++) asm volatile("" : "+r"(x[i])::"memory"); }
template <class T, int S, int N> DEVICE void pin_all(T (&x)[S][N]) { UNROLL for (int s = 0; s < S; s++) pin(x[s]); }
// Never in numbers; what is asked must be there.
template <int S> DEVICE bool all_bits(const float (&x)[S][2]) {
    u32 all = ~0u;
    EACH(S, 2) all &= __float_as_uint(x[s][i]);
    return all == ~0u;
}
template <int S, int N> DEVICE bool all_bits(const u32 (&x)[S][N]) {
    u32 all[2] = {~0u, ~0u};
    EACH(S, N) all[i % 2] &= x[s][i];
    return (all[0] & all[1]) == ~0u;
}
DEVICE void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void products_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int COUNT> DEVICE void products_await() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(COUNT) : "memory"); }
// The low word of a matrix descriptor; `panel`: bytes from panel to panel. The high word, 0x40000040, says 128-byte swizzle
// and 1024 bytes from eight rows to the next.
// Where step k of a side lies behind its start, in units of a descriptor, 16 bytes. Panels go along the sum; 0: across it.
static __device__ constexpr int step_at(int k, int panel) { return panel ? k / 4 * panel + k % 4 * 2 : k * 128; }
DEVICE u32 matrix(u32 address, u32 panel) { return (address & 0x3ffff) >> 4 | panel >> 4 << 16; }

// The same of COUNT pairs in shared memory, 20 bytes each, since the first product of a tile waits for it; and cosine and
// sine of what eight positions turn, for less than the units take that make powers as well. Filled by all threads.
template <int COUNT> struct SharedPairs {
    static constexpr bool EIGHTS = true;
    u32          at;
    const float *frequency;
    DEVICE void fill(u32 at, const Pairs &from, const float2 *eights) {
        for (int n = threadIdx.x; n < COUNT; n += blockDim.x) {
            const float2 eight = eights[n];
            asm volatile("st.shared.u64 [%0], %1;" ::"r"(at + 8 * n), "l"(from.turns(n)) : "memory");
            asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at + 8 * (COUNT + n)), "f"(eight.x), "f"(eight.y) : "memory");
            asm volatile("st.shared.f32 [%0], %1;" ::"r"(at + 16 * COUNT + 4 * n), "f"(from.radians(n)) : "memory");
        }
    }
    __device__ __forceinline__ u64 turns(int n) const {
        u64 x;
        asm volatile("ld.shared.u64 %0, [%1];" : "=l"(x) : "r"(at + 8 * n));
        return x;
    }
    __device__ __forceinline__ float2 eight(int n) const {
        float2 x;
        asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(x.x), "=f"(x.y) : "r"(at + 8 * (COUNT + n)));
        return x;
    }
    __device__ __forceinline__ float radians(int n) const {
        float x;
        asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(at + 16 * COUNT + 4 * n));
        return x;
    }
};
// Cosines and sines of the first of a thread's two rows of a tile, made ahead: while the last products of the tile before run.
template <class A> struct Turns {
    static constexpr int COUNT = A::PAIRS / 4;
    typename A::Source   pairs;
    float                c[COUNT], s[COUNT];
    __device__ __forceinline__ void make(const A &a) {
        pairs = a.pairs;
        UNROLL for (int n = 0; n < COUNT; n++) {
            const float angle = a.angle(n / A::OWN, n % A::OWN, 0, a.start_of(n / A::OWN, n % A::OWN));
            c[n] = cosine(angle), s[n] = sine(angle);
        }
    }
    __device__ __forceinline__ bool there() const { // as all_bits
        u32 all[2] = {~0u, ~0u};
        UNROLL for (int n = 0; n < COUNT; n++) all[n % 2] &= __float_as_uint(c[n]) & __float_as_uint(s[n]);
        return (all[0] & all[1]) == ~0u;
    }
    template <int N> __device__ __forceinline__ void turn(float (&y)[N], const float (&x)[N], int j) const {
        UNROLL for (int b = 0; b < A::OWN; b++) {
            float cosines = c[A::OWN * j + b], sines = s[A::OWN * j + b];
            A::turn_pair(y, x, 4 * j + b, cosines, sines);
            A::eight_on(cosines, sines, j, b, pairs);
            A::turn_pair(y, x, 4 * j + 2 + b, cosines, sines);
        }
    }
};
// What step k of a product multiplies, and with it step k + APART where the other ones of its pairs are there, turned. As
// few floats as can be live at once.
template <class T, int APART, class A, int K4> DEVICE void turn_step(u32 (&y)[K4], const u32 (&x)[K4], const A &a, int k) {
    float from[2 * K4], to[2 * K4];
    UNROLL for (int m = 0; m <= APART; m += APART ? APART : 1)
        UNROLL for (int i = 8 * (k + m); i < 8 * (k + m) + 8; i++) from[i] = unpacked(x[i >> 1], i & 1, T());
    UNROLL for (int j = 2 * k; j < 2 * k + 2; j++) a.turn(to, from, j);
    UNROLL for (int m = 0; m <= APART; m += APART ? APART : 1) UNROLL for (int i = 4 * (k + m); i < 4 * (k + m) + 4; i++) {
        y[i] = pack(to[2 * i], to[2 * i + 1], T());
        asm volatile("" : "+r"(y[i])::"memory");
    }
}

// Two groups of warps begin their products in turns: while one multiplies, the other does what lies between products.
DEVICE void turns_open(int group) { if (group == 1) asm volatile("bar.arrive 1, 256;" ::: "memory"); }
DEVICE void turn_begin(int group) { asm volatile("bar.sync %0, 256;" ::"r"(1 + group) : "memory"); }
DEVICE void turn_end(int group) { asm volatile("bar.arrive %0, 256;" ::"r"(2 - group) : "memory"); }

template <class T, class R, int WARPS, int COLS, int S, int N> DEVICE void store_slice(const float (&x)[S][N], const View &v) {
    const R   rows = R::make(v);
    const int first = warp_of<WARPS>() * 16 + lane_id() / 4;
    UNROLL for (int s = 0; s < S; s++) UNROLL for (int h = 0; h < 2; h++) {
        const int r = first + s * 16 * WARPS + 8 * h;
        Wide<T>::template store<N, COLS>(x[s], (T *)v.base + rows.offset(r), rows.has(r), h);
    }
}
