extern "C" __global__ void __launch_bounds__(128, 2) rattan_layer_backward_window_keys(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<float>(a.v + 0, 16);
    const bool do_aligned = aligned<float>(a.v + 15, 16);
    u32 rest = blockIdx.x;
    const i64 n16 = rest % (u32)a.v[66]; // row
    rest /= (u32)a.v[66];
    const i64 n12 = rest % 1u; // kv_head
    rest /= 1u;
    const i64 n11 = rest; // seq
    const i64 n0 = a.v[62];
    const i64 n3 = a.v[61];
    const i64 n15 = a.v[66];
    const i64 n18 = n16 * 64LL;
    const i64 n19 = (i64)(n18 < n3);
    if (n19) {
        const i64 n20 = n3 + -1LL;
        const i64 n21 = n20 - n18;
        float t22[1][8];
        load_tile<float, Rows<1, -1, 64, 0, 64, 1>, 4, 16, 1>(t22, view(a.v + 5, n11, n21, n12, 0LL, n3));
        put<4, 64, 16, 80>(shared + 0u, t22);
        float t25[1][8];
        load_tile<float, Rows<1, -1, 64, 0, 64, 1>, 4, 16, 1>(t25, view(a.v + 10, n11, n21, n12, 0LL, n3));
        put<4, 64, 16, 80>(shared + 5120u, t25);
        const i64 n28 = n18 + -6LL;
        const i64 n29 = 0LL - n28;
        const i64 n30 = n29 >> 5;
        const i64 n31 = larger(0LL, n30);
        const i64 n32 = n31 * 32LL;
        const i64 n33 = n28 + n32;
        const i64 n34 = n20 - n33;
        const i64 n35 = n31 + 1LL;
        const i64 n36 = larger(2LL, n35);
        const i64 n37 = smaller(n36, 3LL);
        const i64 n38 = larger(n31, n37);
        const i64 n39 = larger(n38, 0LL);
        const i64 n42 = n12 * 2LL;
        float t43[1][8];
        EACH(1, 8) t43[s][i] = 0.000000000e+00f;
        float t44[1][8];
        EACH(1, 8) t44[s][i] = 0.000000000e+00f;
        const i64 n45_end = opaque(2LL);
        #pragma unroll 1
        for (i64 n45 = 0LL; n45 < n45_end; n45 += 1LL) { // group
            const i64 n50 = n42 + n45;
            fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 10240u + (u32)n31 % 2u * 2560u, view(a.v + 0, n11, n34, n50, 0LL, n3), q_aligned, thread_here());
            fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 15360u + (u32)n31 % 2u * 2560u, view(a.v + 15, n11, n34, n50, 0LL, n3), do_aligned, thread_here());
            commit();
            float t51[1][8];
            EACH(1, 8) t51[s][i] = t43[s][i];
            float t52[1][8];
            EACH(1, 8) t52[s][i] = t44[s][i];
            const i64 n53_end = opaque(n38);
            #pragma unroll 1
            for (i64 n53 = n31; n53 < n53_end; n53 += 1LL) { // key
                wait<0>();
                const i64 n56 = n53 + 1LL;
                const i64 n57 = (i64)(n56 < 3LL);
                if (n57) {
                    const i64 n58 = n56 * 32LL;
                    const i64 n59 = n28 + n58;
                    const i64 n60 = n20 - n59;
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 10240u + (u32)n56 % 2u * 2560u, view(a.v + 0, n11, n60, n50, 0LL, n3), q_aligned);
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 15360u + (u32)n56 % 2u * 2560u, view(a.v + 15, n11, n60, n50, 0LL, n3), do_aligned);
                }
                commit();
                const i64 n61 = n53 * 32LL;
                const i64 n62 = n28 + n61;
                const i64 n63 = n20 - n62;
                const u32 t64 = shared + 10240u + (u32)n53 % 2u * 2560u;
                const u32 t66 = shared + 15360u + (u32)n53 % 2u * 2560u;
                const u32 t68 = shared + 0u;
                float t69[1][16];
                EACH(1, 16) t69[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t69, t68, t64);
                float t70[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, true>(t70, view(a.v + 35, n11, n50, n63, 0LL, n3));
                const i64 n71 = n62 - n18;
                const i64 n72 = 0LL - n62;
                const i64 n73 = larger(0LL, n72);
                float t74[1][16];
                mask<4, 64, 1, 1, 1>(t74, t69, n71, -5LL, 0LL, n73, -INFINITY);
                float t75[16];
                UNROLL for (int i = 0; i < 16; i++) t75[i] = t70[i] * -1.442695041e+00f;
                float t76[1][16];
                EACH(1, 16) t76[s][i] = fmaf(t74[s][i], 3.606737602e-01f, t75[(i >> 2) * 2 + (i & 1)]);
                float t77[1][16];
                EACH(1, 16) t77[s][i] = exp2_fast(t76[s][i]);
                float t78[1][8];
                EACH(1, 8) t78[s][i] = t52[s][i];
                float_product<0, 20>(t78, t77, t66, shared + 20480u);
                const u32 t79 = shared + 5120u;
                float t80[1][16];
                EACH(1, 16) t80[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t80, t79, t66);
                float t81[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, true>(t81, view(a.v + 40, n11, n50, n63, 0LL, n3));
                float t82[1][16];
                EACH(1, 16) t82[s][i] = t80[s][i] - t81[(i >> 2) * 2 + (i & 1)];
                float t83[1][16];
                EACH(1, 16) t83[s][i] = t77[s][i] * t82[s][i];
                float t84[1][16];
                EACH(1, 16) t84[s][i] = t83[s][i] * 2.500000000e-01f;
                float t85[1][8];
                EACH(1, 8) t85[s][i] = t51[s][i];
                float_product<0, 20>(t85, t84, t64, shared + 20480u);
                EACH(1, 8) t51[s][i] = t85[s][i];
                EACH(1, 8) t52[s][i] = t78[s][i];
            }
            float t86[1][8];
            EACH(1, 8) t86[s][i] = t51[s][i];
            float t87[1][8];
            EACH(1, 8) t87[s][i] = t52[s][i];
            const i64 n88_end = opaque(n39);
            #pragma unroll 1
            for (i64 n88 = n38; n88 < n88_end; n88 += 1LL) { // key
                wait<0>();
                const i64 n91 = n88 + 1LL;
                const i64 n92 = (i64)(n91 < 3LL);
                if (n92) {
                    const i64 n93 = n91 * 32LL;
                    const i64 n94 = n28 + n93;
                    const i64 n95 = n20 - n94;
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 10240u + (u32)n91 % 2u * 2560u, view(a.v + 0, n11, n95, n50, 0LL, n3), q_aligned);
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 15360u + (u32)n91 % 2u * 2560u, view(a.v + 15, n11, n95, n50, 0LL, n3), do_aligned);
                }
                commit();
                const i64 n96 = n88 * 32LL;
                const i64 n97 = n28 + n96;
                const i64 n98 = n20 - n97;
                const u32 t99 = shared + 10240u + (u32)n88 % 2u * 2560u;
                const u32 t101 = shared + 15360u + (u32)n88 % 2u * 2560u;
                const u32 t103 = shared + 0u;
                float t104[1][16];
                EACH(1, 16) t104[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t104, t103, t99);
                float t105[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, false>(t105, view(a.v + 35, n11, n50, n98, 0LL, 1152921504606846976LL));
                float t106[16];
                UNROLL for (int i = 0; i < 16; i++) t106[i] = t105[i] * -1.442695041e+00f;
                float t107[1][16];
                EACH(1, 16) t107[s][i] = fmaf(t104[s][i], 3.606737602e-01f, t106[(i >> 2) * 2 + (i & 1)]);
                float t108[1][16];
                EACH(1, 16) t108[s][i] = exp2_fast(t107[s][i]);
                float t109[1][8];
                EACH(1, 8) t109[s][i] = t87[s][i];
                float_product<0, 20>(t109, t108, t101, shared + 20480u);
                const u32 t110 = shared + 5120u;
                float t111[1][16];
                EACH(1, 16) t111[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t111, t110, t101);
                float t112[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, false>(t112, view(a.v + 40, n11, n50, n98, 0LL, 1152921504606846976LL));
                float t113[1][16];
                EACH(1, 16) t113[s][i] = t111[s][i] - t112[(i >> 2) * 2 + (i & 1)];
                float t114[1][16];
                EACH(1, 16) t114[s][i] = t108[s][i] * t113[s][i];
                float t115[1][16];
                EACH(1, 16) t115[s][i] = t114[s][i] * 2.500000000e-01f;
                float t116[1][8];
                EACH(1, 8) t116[s][i] = t86[s][i];
                float_product<0, 20>(t116, t115, t99, shared + 20480u);
                EACH(1, 8) t86[s][i] = t116[s][i];
                EACH(1, 8) t87[s][i] = t109[s][i];
            }
            float t117[1][8];
            EACH(1, 8) t117[s][i] = t86[s][i];
            float t118[1][8];
            EACH(1, 8) t118[s][i] = t87[s][i];
            const i64 n119_end = opaque(3LL);
            #pragma unroll 1
            for (i64 n119 = n39; n119 < n119_end; n119 += 1LL) { // key
                wait<0>();
                const i64 n122 = n119 + 1LL;
                const i64 n123 = (i64)(n122 < 3LL);
                if (n123) {
                    const i64 n124 = n122 * 32LL;
                    const i64 n125 = n28 + n124;
                    const i64 n126 = n20 - n125;
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 10240u + (u32)n122 % 2u * 2560u, view(a.v + 0, n11, n126, n50, 0LL, n3), q_aligned);
                    fetch<float, Rows<1, -1, 32, 0, 32, 1>, 4, 32, 16>(shared + 15360u + (u32)n122 % 2u * 2560u, view(a.v + 15, n11, n126, n50, 0LL, n3), do_aligned);
                }
                commit();
                const i64 n127 = n119 * 32LL;
                const i64 n128 = n28 + n127;
                const i64 n129 = n20 - n128;
                const u32 t130 = shared + 10240u + (u32)n119 % 2u * 2560u;
                const u32 t132 = shared + 15360u + (u32)n119 % 2u * 2560u;
                const u32 t134 = shared + 0u;
                float t135[1][16];
                EACH(1, 16) t135[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t135, t134, t130);
                float t136[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, true>(t136, view(a.v + 35, n11, n50, n129, 0LL, n3));
                const i64 n137 = n128 - n18;
                float t138[1][16];
                mask<4, 64, 0, 1, 0>(t138, t135, n137, 0LL, 0LL, 0LL, -INFINITY);
                float t139[16];
                UNROLL for (int i = 0; i < 16; i++) t139[i] = t136[i] * -1.442695041e+00f;
                float t140[1][16];
                EACH(1, 16) t140[s][i] = fmaf(t138[s][i], 3.606737602e-01f, t139[(i >> 2) * 2 + (i & 1)]);
                float t141[1][16];
                EACH(1, 16) t141[s][i] = exp2_fast(t140[s][i]);
                float t142[1][8];
                EACH(1, 8) t142[s][i] = t118[s][i];
                float_product<0, 20>(t142, t141, t132, shared + 20480u);
                const u32 t143 = shared + 5120u;
                float t144[1][16];
                EACH(1, 16) t144[s][i] = 0.f;
                float_product_left<4, 1, 64, 20, 20, 16>(t144, t143, t132);
                float t145[16];
                load_dense_row<Rows<2, -1, 32, 0, 32, 1>, -1, 32, true>(t145, view(a.v + 40, n11, n50, n129, 0LL, n3));
                float t146[1][16];
                EACH(1, 16) t146[s][i] = t144[s][i] - t145[(i >> 2) * 2 + (i & 1)];
                float t147[1][16];
                EACH(1, 16) t147[s][i] = t141[s][i] * t146[s][i];
                float t148[1][16];
                EACH(1, 16) t148[s][i] = t147[s][i] * 2.500000000e-01f;
                float t149[1][8];
                EACH(1, 8) t149[s][i] = t117[s][i];
                float_product<0, 20>(t149, t148, t130, shared + 20480u);
                EACH(1, 8) t117[s][i] = t149[s][i];
                EACH(1, 8) t118[s][i] = t142[s][i];
            }
            __syncthreads();
            EACH(1, 8) t43[s][i] = t117[s][i];
            EACH(1, 8) t44[s][i] = t118[s][i];
        }
        store_tile<float, Rows<1, -1, 64, 0, 64, 1>, 4, 16>(t43, anew(view(a.v + 25, n11, n21, n12, 0LL, n3)));
        store_tile<float, Rows<1, -1, 64, 0, 64, 1>, 4, 16>(t44, anew(view(a.v + 30, n11, n21, n12, 0LL, n3)));
    }
}
