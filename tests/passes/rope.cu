extern "C" __global__ void __launch_bounds__(256, 2) rattan_layer_forward_main(const __grid_constant__ Args a, const __grid_constant__ Maps7 maps) {
    const u32 shared = (shared_base() + 1023) & ~1023u;
    static const __device__ u64 turns1[] = {2935890503282001226u, 1650972556229361475u, 928410095122917244u, 522083363211519328u, 293589050328200122u, 165097255622936147u, 92841009512291724u, 52208336321151932u, 29358905032820012u, 16509725562293614u, 9284100951229172u, 5220833632115193u, 2935890503282001u, 1650972556229361u, 928410095122917u, 522083363211519u};
    static const __device__ float frequency1[] = {1.000000000e+00f, 5.623413252e-01f, 3.162277660e-01f, 1.778279410e-01f, 1.000000000e-01f, 5.623413252e-02f, 3.162277660e-02f, 1.778279410e-02f, 1.000000000e-02f, 5.623413252e-03f, 3.162277660e-03f, 1.778279410e-03f, 1.000000000e-03f, 5.623413252e-04f, 3.162277660e-04f, 1.778279410e-04f};
    static const __device__ float2 eights1[] = {{-1.455000338e-01f, 9.893582466e-01f}, {-2.120365045e-01f, -9.772617463e-01f}, {-8.186324573e-01f, 5.743177691e-01f}, {1.476312003e-01f, 9.890424807e-01f}, {6.967067093e-01f, 7.173560909e-01f}, {9.005023096e-01f, 4.348512280e-01f}, {9.681703030e-01f, 2.502923579e-01f}, {9.898977666e-01f, 1.417829736e-01f}, {9.968017063e-01f, 7.991469397e-02f}, {9.989882418e-01f, 4.497213290e-02f}, {9.996800171e-01f, 2.529552289e-02f}, {9.998988088e-01f, 1.422575542e-02f}, {9.999680002e-01f, 7.999914667e-03f}, {9.999898807e-01f, 4.498715427e-03f}, {9.999968000e-01f, 2.529819430e-03f}, {9.999989881e-01f, 1.422623048e-03f}};
    SharedPairs<16>::fill(shared + 74000u, Pairs{turns1, frequency1}, eights1);
    if (threadIdx.x == 0) {
        Ring<16, 4096u> t24(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t25(shared + 0u, shared + 73984u);
        t24.make(1, 4);
        t25.make(1, 4);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (warp_id() < 4) {
        take_registers<232>();
        Ring<16, 4096u> t24(shared + 8192u, shared + 73728u);
        Ring<1, 8192u> t25(shared + 0u, shared + 73984u);
        Turns<Angles<4, 32, 32, 1, SharedPairs<16>>> t77_turns;
        {
            const i64 ahead = blockIdx.x, item = ahead;
            u32 rest = (u32)item;
            const i64 n21 = rest % 1u; // group
            rest /= 1u;
            const i64 n8 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n7 = rest % (u32)a.v[42]; // seq
            rest /= (u32)a.v[42];
            const i64 n13 = (u32)a.v[46] - 1 - rest; // row
            const i64 n0 = a.v[42];
            const i64 n3 = a.v[41];
            const i64 n4 = a.v[53];
            const i64 n9 = n8 * 2LL;
            const i64 n12 = a.v[46];
            const i64 n15 = n13 * 32LL;
            const i64 n16 = (i64)(n15 < n3);
            const i64 n17 = n4 + n15;
            const i64 n23 = n21 * 2LL;
            const Angles<4, 32, 32, 1, SharedPairs<16>> t77_angles = Angles<4, 32, 32, 1, SharedPairs<16>>::make(0, n17, SharedPairs<16>{shared + 74000u, frequency1});
            t77_turns.make(t77_angles);
        }
        UNROLL1
        for (i64 item = blockIdx.x; item < a.v[57]; item += gridDim.x) {
            u32 rest = (u32)item;
            const i64 n21 = rest % 1u; // group
            rest /= 1u;
            const i64 n8 = rest % 1u; // kv_head
            rest /= 1u;
            const i64 n7 = rest % (u32)a.v[42]; // seq
            rest /= (u32)a.v[42];
            const i64 n13 = (u32)a.v[46] - 1 - rest; // row
            const i64 n0 = a.v[42];
            const i64 n3 = a.v[41];
            const i64 n4 = a.v[53];
            const i64 n9 = n8 * 2LL;
            const i64 n12 = a.v[46];
            const i64 n15 = n13 * 32LL;
            const i64 n16 = (i64)(n15 < n3);
            const i64 n17 = n4 + n15;
            const i64 n23 = n21 * 2LL;
            const i64 n73 = n9 + n23;
            const Slot t74 = t25.take();
            u32 t75[1][8];
            read_panels<4, 64, 0>(t75, t74.address);
            pin_all(t75);
            float t76[1][16];
            EACH(1, 16) t76[s][i] = unpacked(t75[s][i >> 1], i & 1, bf16());
            u32 t78[1][8];
            UNROLL for (int round = 0; round < 1; round++)
                turn_step<bf16, 1>(t78[0], t75[0], t77_turns, round);
            const i64 n80 = n15 + -32LL;
            const i64 n81 = 0LL - n80;
            const i64 n82 = floor_div(n81, 32LL);
            const i64 n83 = larger(0LL, n82);
            const i64 n87 = larger(n83, 1LL);
            const i64 n88 = larger(n87, 2LL);
            const i64 n89 = smaller(n88, 1LL);
            const i64 n90 = smaller(n87, 1LL);
            const Slot t91 = t24.take();
            float t92[1][16];
            pin_all(t92);
            pin_all(t78);
            products_begin();
            UNROLL for (int s = 0; s < 1; s++)
                wgmma_32_k_x2<0, 256>(t92[s], &t78[s][0], matrix(t91.address, 16), 0, bf16());
            products_commit();
