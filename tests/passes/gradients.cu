extern "C" __global__ void __launch_bounds__(32, 2) rattan_layer_backward_window_keys(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<bf16>(a.v + 0, 16);
    const bool do_aligned = aligned<bf16>(a.v + 15, 16);
    u32 rest = blockIdx.x;
    const i64 n14 = rest % (u32)a.v[76]; // row
    rest /= (u32)a.v[76];
    const i64 n10 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n9 = rest; // seq
    const i64 n0 = a.v[72];
    const i64 n3 = a.v[71];
    const i64 n13 = a.v[76];
    const i64 n16 = n14 * 16LL;
    const i64 n17 = (i64)(n16 < n3);
    const i64 n18 = n3 + -1LL;
    const i64 n19 = n18 - n16;
    float t20[1][8];
    load_tile<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 1>(t20, view(a.v + 5, n9, n19, n10, 0LL, n3));
    u32 t21[1][4];
    EACH(1, 4) t21[s][i] = pack(t20[s][2 * i], t20[s][2 * i + 1], bf16());
    float t23[1][8];
    load_tile<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 1>(t23, view(a.v + 10, n9, n19, n10, 0LL, n3));
    u32 t24[1][4];
    EACH(1, 4) t24[s][i] = pack(t23[s][2 * i], t23[s][2 * i + 1], bf16());
    const i64 n26 = n16 + -6LL;
    const i64 n27 = 0LL - n26;
    const i64 n28 = n27 >> 4;
    const i64 n29 = larger(0LL, n28);
    const i64 n30 = n29 * 16LL;
    const i64 n31 = n26 + n30;
    const i64 n32 = n18 - n31;
    const i64 n33 = n29 + 1LL;
    const i64 n34 = larger(1LL, n33);
    const i64 n35 = smaller(n34, 2LL);
    const i64 n36 = larger(n29, n35);
    const i64 n37 = larger(n36, 0LL);
    const i64 n40 = n10 * 2LL;
    float t41[1][8];
    EACH(1, 8) t41[s][i] = 0.000000000e+00f;
    float t42[1][8];
    EACH(1, 8) t42[s][i] = 0.000000000e+00f;
    const i64 n43_end = opaque(2LL);
    #pragma unroll 1
    for (i64 n43 = 0LL; n43 < n43_end; n43 += 1LL) { // group
        const i64 n48 = n40 + n43;
        fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 0u + (u32)n29 % 2u * 768u, view(a.v + 0, n9, n32, n48, 0LL, n3), q_aligned, thread_here());
        fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 1536u + (u32)n29 % 2u * 768u, view(a.v + 15, n9, n32, n48, 0LL, n3), do_aligned, thread_here());
        commit();
        float t49[1][8];
        EACH(1, 8) t49[s][i] = t41[s][i];
        float t50[1][8];
        EACH(1, 8) t50[s][i] = t42[s][i];
        const i64 n51_end = opaque(n36);
        #pragma unroll 1
        for (i64 n51 = n29; n51 < n51_end; n51 += 1LL) { // key
            wait<0>();
            const i64 n54 = n51 + 1LL;
            const i64 n55 = (i64)(n54 < 2LL);
            if (n55) {
                const i64 n56 = n54 * 16LL;
                const i64 n57 = n26 + n56;
                const i64 n58 = n18 - n57;
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 0u + (u32)n54 % 2u * 768u, view(a.v + 0, n9, n58, n48, 0LL, n3), q_aligned);
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 1536u + (u32)n54 % 2u * 768u, view(a.v + 15, n9, n58, n48, 0LL, n3), do_aligned);
            }
            commit();
            const i64 n59 = n51 * 16LL;
            const i64 n60 = n26 + n59;
            const i64 n61 = n18 - n60;
            const u32 t62 = shared + 0u + (u32)n51 % 2u * 768u;
            const u32 t64 = shared + 1536u + (u32)n51 % 2u * 768u;
            float t66[1][8];
            EACH(1, 8) t66[s][i] = 0.f;
            product<bf16, 1, 48>(t66, t21, t62, lane_here());
            float t67[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, true>(t67, view(a.v + 35, n9, n48, n61, 0LL, n3));
            const i64 n68 = n60 - n16;
            const i64 n69 = 0LL - n60;
            const i64 n70 = larger(0LL, n69);
            float t71[1][8];
            mask<1, 16, 1, 1, 1>(t71, t66, n68, -5LL, 0LL, n70, -INFINITY);
            float t72[8];
            UNROLL for (int i = 0; i < 8; i++) t72[i] = t67[i] * -1.442695041e+00f;
            float t73[1][8];
            EACH(1, 8) t73[s][i] = fmaf(t71[s][i], 3.606737602e-01f, t72[(i >> 2) * 2 + (i & 1)]);
            float t74[1][8];
            EACH(1, 8) t74[s][i] = exp2_fast(t73[s][i]);
            u32 t75[1][4];
            EACH(1, 4) t75[s][i] = pack(t74[s][2 * i], t74[s][2 * i + 1], bf16());
            float t76[1][8];
            EACH(1, 8) t76[s][i] = t50[s][i];
            product<bf16, 0, 48>(t76, t75, t64, lane_here());
            float t77[1][8];
            EACH(1, 8) t77[s][i] = 0.f;
            product<bf16, 1, 48>(t77, t24, t64, lane_here());
            float t78[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, true>(t78, view(a.v + 40, n9, n48, n61, 0LL, n3));
            float t79[1][8];
            EACH(1, 8) t79[s][i] = t77[s][i] - t78[(i >> 2) * 2 + (i & 1)];
            float t80[1][8];
            EACH(1, 8) t80[s][i] = t74[s][i] * t79[s][i];
            float t81[1][8];
            EACH(1, 8) t81[s][i] = t80[s][i] * 2.500000000e-01f;
            u32 t82[1][4];
            EACH(1, 4) t82[s][i] = pack(t81[s][2 * i], t81[s][2 * i + 1], bf16());
            float t83[1][8];
            EACH(1, 8) t83[s][i] = t49[s][i];
            product<bf16, 0, 48>(t83, t82, t62, lane_here());
            EACH(1, 8) t49[s][i] = t83[s][i];
            EACH(1, 8) t50[s][i] = t76[s][i];
        }
        float t84[1][8];
        EACH(1, 8) t84[s][i] = t49[s][i];
        float t85[1][8];
        EACH(1, 8) t85[s][i] = t50[s][i];
        const i64 n86_end = opaque(n37);
        #pragma unroll 1
        for (i64 n86 = n36; n86 < n86_end; n86 += 1LL) { // key
            wait<0>();
            const i64 n89 = n86 + 1LL;
            const i64 n90 = (i64)(n89 < 2LL);
            if (n90) {
                const i64 n91 = n89 * 16LL;
                const i64 n92 = n26 + n91;
                const i64 n93 = n18 - n92;
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 0u + (u32)n89 % 2u * 768u, view(a.v + 0, n9, n93, n48, 0LL, n3), q_aligned);
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 1536u + (u32)n89 % 2u * 768u, view(a.v + 15, n9, n93, n48, 0LL, n3), do_aligned);
            }
            commit();
            const i64 n94 = n86 * 16LL;
            const i64 n95 = n26 + n94;
            const i64 n96 = n18 - n95;
            const u32 t97 = shared + 0u + (u32)n86 % 2u * 768u;
            const u32 t99 = shared + 1536u + (u32)n86 % 2u * 768u;
            float t101[1][8];
            EACH(1, 8) t101[s][i] = 0.f;
            product<bf16, 1, 48>(t101, t21, t97, lane_here());
            float t102[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, false>(t102, view(a.v + 35, n9, n48, n96, 0LL, 1152921504606846976LL));
            float t103[8];
            UNROLL for (int i = 0; i < 8; i++) t103[i] = t102[i] * -1.442695041e+00f;
            float t104[1][8];
            EACH(1, 8) t104[s][i] = fmaf(t101[s][i], 3.606737602e-01f, t103[(i >> 2) * 2 + (i & 1)]);
            float t105[1][8];
            EACH(1, 8) t105[s][i] = exp2_fast(t104[s][i]);
            u32 t106[1][4];
            EACH(1, 4) t106[s][i] = pack(t105[s][2 * i], t105[s][2 * i + 1], bf16());
            float t107[1][8];
            EACH(1, 8) t107[s][i] = t85[s][i];
            product<bf16, 0, 48>(t107, t106, t99, lane_here());
            float t108[1][8];
            EACH(1, 8) t108[s][i] = 0.f;
            product<bf16, 1, 48>(t108, t24, t99, lane_here());
            float t109[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, false>(t109, view(a.v + 40, n9, n48, n96, 0LL, 1152921504606846976LL));
            float t110[1][8];
            EACH(1, 8) t110[s][i] = t108[s][i] - t109[(i >> 2) * 2 + (i & 1)];
            float t111[1][8];
            EACH(1, 8) t111[s][i] = t105[s][i] * t110[s][i];
            float t112[1][8];
            EACH(1, 8) t112[s][i] = t111[s][i] * 2.500000000e-01f;
            u32 t113[1][4];
            EACH(1, 4) t113[s][i] = pack(t112[s][2 * i], t112[s][2 * i + 1], bf16());
            float t114[1][8];
            EACH(1, 8) t114[s][i] = t84[s][i];
            product<bf16, 0, 48>(t114, t113, t97, lane_here());
            EACH(1, 8) t84[s][i] = t114[s][i];
            EACH(1, 8) t85[s][i] = t107[s][i];
        }
        float t115[1][8];
        EACH(1, 8) t115[s][i] = t84[s][i];
        float t116[1][8];
        EACH(1, 8) t116[s][i] = t85[s][i];
        const i64 n117_end = opaque(2LL);
        #pragma unroll 1
        for (i64 n117 = n37; n117 < n117_end; n117 += 1LL) { // key
            wait<0>();
            const i64 n120 = n117 + 1LL;
            const i64 n121 = (i64)(n120 < 2LL);
            if (n121) {
                const i64 n122 = n120 * 16LL;
                const i64 n123 = n26 + n122;
                const i64 n124 = n18 - n123;
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 0u + (u32)n120 % 2u * 768u, view(a.v + 0, n9, n124, n48, 0LL, n3), q_aligned);
                fetch<bf16, Rows<1, -1, 16, 0, 16, 1>, 1, 16, 16>(shared + 1536u + (u32)n120 % 2u * 768u, view(a.v + 15, n9, n124, n48, 0LL, n3), do_aligned);
            }
            commit();
            const i64 n125 = n117 * 16LL;
            const i64 n126 = n26 + n125;
            const i64 n127 = n18 - n126;
            const u32 t128 = shared + 0u + (u32)n117 % 2u * 768u;
            const u32 t130 = shared + 1536u + (u32)n117 % 2u * 768u;
            float t132[1][8];
            EACH(1, 8) t132[s][i] = 0.f;
            product<bf16, 1, 48>(t132, t21, t128, lane_here());
            float t133[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, true>(t133, view(a.v + 35, n9, n48, n127, 0LL, n3));
            const i64 n134 = n126 - n16;
            float t135[1][8];
            mask<1, 16, 0, 1, 0>(t135, t132, n134, 0LL, 0LL, 0LL, -INFINITY);
            float t136[8];
            UNROLL for (int i = 0; i < 8; i++) t136[i] = t133[i] * -1.442695041e+00f;
            float t137[1][8];
            EACH(1, 8) t137[s][i] = fmaf(t135[s][i], 3.606737602e-01f, t136[(i >> 2) * 2 + (i & 1)]);
            float t138[1][8];
            EACH(1, 8) t138[s][i] = exp2_fast(t137[s][i]);
            u32 t139[1][4];
            EACH(1, 4) t139[s][i] = pack(t138[s][2 * i], t138[s][2 * i + 1], bf16());
            float t140[1][8];
            EACH(1, 8) t140[s][i] = t116[s][i];
            product<bf16, 0, 48>(t140, t139, t130, lane_here());
            float t141[1][8];
            EACH(1, 8) t141[s][i] = 0.f;
            product<bf16, 1, 48>(t141, t24, t130, lane_here());
            float t142[8];
            load_dense_row<Rows<2, -1, 16, 0, 16, 1>, -1, 16, true>(t142, view(a.v + 40, n9, n48, n127, 0LL, n3));
            float t143[1][8];
            EACH(1, 8) t143[s][i] = t141[s][i] - t142[(i >> 2) * 2 + (i & 1)];
            float t144[1][8];
            EACH(1, 8) t144[s][i] = t138[s][i] * t143[s][i];
            float t145[1][8];
            EACH(1, 8) t145[s][i] = t144[s][i] * 2.500000000e-01f;
            u32 t146[1][4];
            EACH(1, 4) t146[s][i] = pack(t145[s][2 * i], t145[s][2 * i + 1], bf16());
            float t147[1][8];
            EACH(1, 8) t147[s][i] = t115[s][i];
            product<bf16, 0, 48>(t147, t146, t128, lane_here());
            EACH(1, 8) t115[s][i] = t147[s][i];
            EACH(1, 8) t116[s][i] = t140[s][i];
        }
        __syncthreads();
        EACH(1, 8) t41[s][i] = t115[s][i];
        EACH(1, 8) t42[s][i] = t116[s][i];
    }
    store_tile<float, Rows<1, -1, 16, 0, 16, 1>, 1, 16>(t41, anew(view(a.v + 45, n9, n19, n10, 0LL, n3)));
    store_tile<float, Rows<1, -1, 16, 0, 16, 1>, 1, 16>(t42, anew(view(a.v + 50, n9, n19, n10, 0LL, n3)));
}
