extern "C" __global__ void __launch_bounds__(128, 2) rattan_layer_decode_main(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<bf16>(a.v + 0, 16);
    const bool k_aligned = aligned<bf16>(a.v + 5, 16);
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool ring_k_aligned = aligned<bf16>(a.v + 25, 16);
    const bool ring_v_aligned = aligned<bf16>(a.v + 30, 16);
    u32 rest = blockIdx.x;
    const int n30 = rest % (u32)a.v[53]; // part
    rest /= (u32)a.v[53];
    const int n28 = rest % 1u; // kv_head
    rest /= 1u;
    const int n14 = rest; // seq
    const int n0 = a.v[52];
    const int n3 = a.v[51];
    const int n9 = a.v[53];
    const int n13 = a.v[57];
    const int n15 = ((const int *)a.v[15])[n14];
    const int n16 = (int)(-1 < n15);
    const int n17 = larger(n15, 0);
    const int n18 = ((const int *)a.v[20])[n14];
    const int n19 = n3 * n16;
    const int n20 = 4 * n16;
    const int n21 = 0 - n18;
    const int n22 = larger(n21, -6);
    const int n23 = n18 + n22;
    const int n24 = n19 + -6;
    const int n25 = larger(0, n24);
    const int n26 = n18 + n19;
    const int n27 = n14 * n3;
    const int n29 = n28 * 2;
    { // part
        const int n40 = n30 * 4;
        const int n41 = 1 - n30;
        const int n42 = n41 + n9;
        const int n43 = n42 + -1;
        const int n44 = floor_div_any(n43, n9);
        const int n49 = n30 * n13;
        const int n50_end = opaque(n19);
        #pragma unroll 1
        for (int n50 = 0; n50 < n50_end; n50 += 2) { // row
            const int n51 = n50 + 2;
            const int n52 = smaller(n51, n19);
            const int n53 = n50 + -5;
            const int n54 = larger(n22, n53);
            const int n55 = n52 - n54;
            const int n56 = n55 + 63;
            const int n57 = floor_div(n56, 64);
            const int n58 = n57 - n30;
            const int n59 = n58 + n9;
            const int n60 = n59 + -1;
            const int n61 = floor_div_any(n60, n9);
            wait<0>();
            const int n62 = n50 + -6;
            const int n63 = n19 - n50;
            const int n64 = smaller(2, n63);
            fetch<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(shared + 15360u, view(a.v + 0, n14, n50, n29, 0, n19), q_aligned);
            const int n65 = n18 + n62;
            const int n66 = n65 + n64;
            const int n67 = smaller(n18, n66);
            fetch<bf16, Rows<2, -1, 2, 6, 2>, 4, 2, 4, 2>(shared + 19200u, view(a.v + 25, n17, n28, n65, n23, n67), ring_k_aligned);
            const int n68 = n62 + n64;
            const int n69 = smaller(0, n68);
            const int n70 = smaller(n19, n68);
            fetch<bf16, Rows<1, -1, 2, 0, 2>, 4, 2, 4, 1>(shared + 19200u, view(a.v + 5, n14, n62, n28, n69, n70), k_aligned);
            fetch<bf16, Rows<2, -1, 2, 6, 2>, 4, 2, 4, 2>(shared + 17664u, view(a.v + 30, n17, n28, n65, n23, n67), ring_v_aligned);
            fetch<bf16, Rows<1, -1, 2, 0, 2>, 4, 2, 4, 1>(shared + 17664u, view(a.v + 10, n14, n62, n28, n69, n70), v_aligned);
            commit();
            const int n71 = (int)(0 < n61);
            if (n71) {
                const int n72 = n30 + 1;
                const int n73 = n72 * 64;
                const int n74 = n52 - n73;
                const int n75 = n18 + n74;
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)0 % 2u * 3072u, view(a.v + 25, n17, n28, n75, n23, n18), ring_k_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)0 % 2u * 3072u, view(a.v + 5, n14, n74, n28, 0, n19), k_aligned);
            }
            commit();
            if (n71) {
                const int n76 = n30 + 1;
                const int n77 = n76 * 64;
                const int n78 = n52 - n77;
                const int n79 = n18 + n78;
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)0 % 2u * 3072u, view(a.v + 30, n17, n28, n79, n23, n18), ring_v_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)0 % 2u * 3072u, view(a.v + 10, n14, n78, n28, 0, n19), v_aligned);
            }
            commit();
            float t81[1][8];
            load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t81, view(a.v + 35, n17, n28, n40, 0, n20));
            wait<2>();
            const u32 t82 = shared + 15360u;
            u32 t83[1][4];
            read_transposed<4, 48, 4, 4>(t83, t82);
            float t84[1][8];
            EACH(1, 8) t84[s][i] = unpacked(t83[s][i >> 1], i & 1, bf16());
            const u32 t85 = shared + 19200u;
            u32 t86[1][4];
            read_transposed<4, 48, 4, 2>(t86, t85);
            float t87[1][8];
            EACH(1, 8) t87[s][i] = unpacked(t86[s][i >> 1], i & 1, bf16());
            float t88[1][8];
            EACH(1, 8) t88[s][i] = max_nan(t84[s][i], 0.f);
            u32 t89[1][4];
            EACH(1, 4) t89[s][i] = pack(has_column<4>(i / 2, 0) ? t88[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t88[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 4, 48>(shared + 16128u, t89);
            float t90[1][8];
            EACH(1, 8) t90[s][i] = max_nan(t87[s][i], 0.f);
            u32 t91[1][4];
            EACH(1, 4) t91[s][i] = pack(has_column<2>(i / 2, 0) ? t90[s][2 * i] : 0.f, has_column<2>(i / 2, 1) ? t90[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 2, 48>(shared + 16896u, t91);
            __syncthreads();
            float t92[1][8];
            EACH(1, 8) t92[s][i] = 0.000000000e+00f;
            const int n93_end = opaque(1);
            #pragma unroll 1
            for (int n93 = n30; n93 < n93_end; n93 += n9) { // slice
                const u32 t95 = shared + 16896u;
                const u32 t96 = shared + 16128u;
                float t97[1][8];
                EACH(1, 8) t97[s][i] = t92[s][i];
                product_transposed<bf16, 4, 0, 48, 48, 16>(t97, t95, t96);
                EACH(1, 8) t92[s][i] = t97[s][i];
            }
            float t98[1][8];
            mask_transposed<4, 2, 0, 1, 0>(t98, t92, -6, 0LL, -6LL, 0, 0.000000000e+00f);
            u32 t99[1][4];
            EACH(1, 4) t99[s][i] = pack(has_column<4>(i / 2, 0) ? t98[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t98[s][2 * i + 1] : 0.f, bf16());
            put<4, 2, 4, 48>(shared + 18432u, t99);
            __syncthreads();
            const u32 t100 = shared + 17664u;
            const u32 t101 = shared + 18432u;
            float t102[1][8];
            EACH(1, 8) t102[s][i] = 0.f;
            product_transposed<bf16, 4, 0, 48, 48, 16>(t102, t100, t101);
            const int n103 = larger(n61, n44);
            float t104[8];
            UNROLL for (int i = 0; i < 8; i++) t104[i] = -1.000000000e+37f;
            float t105[1][8];
            EACH(1, 8) t105[s][i] = 0.000000000e+00f;
            float t106[1][8];
            EACH(1, 8) t106[s][i] = 0.000000000e+00f;
            float t107[1][8];
            EACH(1, 8) t107[s][i] = t102[s][i];
            float t108[1][8];
            EACH(1, 8) t108[s][i] = t81[s][i];
            const int n109_end = opaque(n103);
            #pragma unroll 1
            for (int n109 = 0; n109 < n109_end; n109 += 1) { // keys
                const int n115 = n109 * n9;
                const int n116 = n30 + n115;
                const int n117 = (int)(n109 < n44);
                float t118[1][8];
                EACH(1, 8) t118[s][i] = t107[s][i];
                if (n117) {
                    u32 t119[1][4];
                    EACH(1, 4) t119[s][i] = pack(has_column<4>(i / 2, 0) ? t108[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t108[s][2 * i + 1] : 0.f, bf16());
                    const u32 t120 = shared + 16128u;
                    float t121[1][8];
                    EACH(1, 8) t121[s][i] = t107[s][i];
                    product<bf16, 0, 48>(t121, t119, t120);
                    const u32 t122 = shared + 17664u;
                    const u32 t123 = shared + 16896u;
                    float t124[1][8];
                    EACH(1, 8) t124[s][i] = t108[s][i];
                    product_transposed<bf16, 4, 1, 48, 48, 16>(t124, t122, t123);
                    const int n125 = n116 * 4;
                    store_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t124, view(a.v + 35, n17, n28, n125, 0, n20));
                    EACH(1, 8) t118[s][i] = t121[s][i];
                }
                const int n127 = n116 + n9;
                const int n128 = n127 * 4;
                float t130[1][8];
                load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t130, view(a.v + 35, n17, n28, n128, 0, n20));
                const int n131 = (int)(n109 < n61);
                float t132[8];
                UNROLL for (int i = 0; i < 8; i++) t132[i] = t104[i];
                float t133[1][8];
                EACH(1, 8) t133[s][i] = t105[s][i];
                float t134[1][8];
                EACH(1, 8) t134[s][i] = t106[s][i];
                if (n131) {
                    wait<1>();
                    const int n135 = n109 + 1;
                    const int n136 = (int)(n135 < n61);
                    if (n136) {
                        const int n137 = n135 * n9;
                        const int n138 = n30 + n137;
                        const int n139 = n138 + 1;
                        const int n140 = n139 * 64;
                        const int n141 = n52 - n140;
                        const int n142 = n18 + n141;
                        fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)n135 % 2u * 3072u, view(a.v + 25, n17, n28, n142, n23, n18), ring_k_aligned);
                        fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)n135 % 2u * 3072u, view(a.v + 5, n14, n141, n28, 0, n19), k_aligned);
                    }
                    commit();
                    const int n143 = n116 + 1;
                    const int n144 = n143 * 64;
                    const int n145 = n52 - n144;
                    const u32 t146 = shared + 0u + (u32)n109 % 2u * 3072u;
                    const u32 t147 = shared + 15360u;
                    float t148[1][8];
                    EACH(1, 8) t148[s][i] = 0.f;
                    product_left<bf16, 4, 1, 64, 48, 48, 16>(t148, t146, t147);
                    const int n149 = n22 - n145;
                    const int n150 = larger(0, n149);
                    const int n151 = n145 - n50;
                    float t152[1][8];
                    mask_transposed<4, 2, 1, 1, 1>(t152, t148, n151, -5LL, 0LL, n150, -INFINITY);
                    columns_out<true, 4, 64, 4>(t152, shared + 19968u);
                    __syncthreads();
                    float t153[8];
                    columns_in<true, 4, 64, 4>(t153, shared + 19968u);
                    __syncthreads();
                    float t154[8];
                    UNROLL for (int i = 0; i < 8; i++) t154[i] = max_nan(t104[i], t153[i]);
                    float t156[8];
                    UNROLL for (int i = 0; i < 8; i++) t156[i] = t154[i] * -7.213475204e-01f;
                    float t158[1][8];
                    EACH(1, 8) t158[s][i] = fmaf(t152[s][i], 7.213475204e-01f, t156[(i >> 2) * 2 + (i & 1)]);
                    float t159[1][8];
                    EACH(1, 8) t159[s][i] = exp2_fast(t158[s][i]);
                    float t160[8];
                    UNROLL for (int i = 0; i < 8; i++) t160[i] = t104[i] - t154[i];
                    float t161[8];
                    UNROLL for (int i = 0; i < 8; i++) t161[i] = t160[i] * 7.213475204e-01f;
                    float t162[8];
                    UNROLL for (int i = 0; i < 8; i++) t162[i] = exp2_fast(t161[i]);
                    float t163[1][8];
                    EACH(1, 8) t163[s][i] = t105[s][i] * t162[(i >> 2) * 2 + (i & 1)];
                    float t164[1][8];
                    EACH(1, 8) t164[s][i] = t163[s][i] + t159[s][i];
                    u32 t165[1][4];
                    EACH(1, 4) t165[s][i] = pack(has_column<4>(i / 2, 0) ? t159[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t159[s][2 * i + 1] : 0.f, bf16());
                    put<4, 64, 4, 48>(shared + 12288u, t165);
                    wait<1>();
                    if (n136) {
                        const int n166 = n135 * n9;
                        const int n167 = n30 + n166;
                        const int n168 = n167 + 1;
                        const int n169 = n168 * 64;
                        const int n170 = n52 - n169;
                        const int n171 = n18 + n170;
                        fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)n135 % 2u * 3072u, view(a.v + 30, n17, n28, n171, n23, n18), ring_v_aligned);
                        fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)n135 % 2u * 3072u, view(a.v + 10, n14, n170, n28, 0, n19), v_aligned);
                    }
                    commit();
                    float t172[1][8];
                    EACH(1, 8) t172[s][i] = t106[s][i] * t162[(i >> 2) * 2 + (i & 1)];
                    const u32 t173 = shared + 12288u;
                    const u32 t174 = shared + 6144u + (u32)n109 % 2u * 3072u;
                    float t175[1][8];
                    EACH(1, 8) t175[s][i] = t172[s][i];
                    product_transposed<bf16, 4, 0, 48, 48, 64>(t175, t174, t173);
                    UNROLL for (int i = 0; i < 8; i++) t132[i] = t154[i];
                    EACH(1, 8) t133[s][i] = t164[s][i];
                    EACH(1, 8) t134[s][i] = t175[s][i];
                }
                UNROLL for (int i = 0; i < 8; i++) t104[i] = t132[i];
                EACH(1, 8) t105[s][i] = t133[s][i];
                EACH(1, 8) t106[s][i] = t134[s][i];
                EACH(1, 8) t107[s][i] = t118[s][i];
                EACH(1, 8) t108[s][i] = t130[s][i];
            }
            const int n176 = n27 + n50;
            const int n177 = floor_div(n176, 2);
            const int n178 = n177 + n14;
            const int n179 = n49 + n178;
            columns_out<false, 4, 64, 4>(t105, shared + 19968u);
            __syncthreads();
            float t181[8];
            columns_in<false, 4, 64, 4>(t181, shared + 19968u);
            __syncthreads();
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t104, view(a.v + 45, 48LL, 24LL, 12LL, 8LL, n179, n29, 0, 0, n63));
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t181, view(a.v + 45, 48LL, 24LL, 12LL, 9LL, n179, n29, 0, 0, n63));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t106, view(a.v + 45, 48LL, 24LL, 12LL, 0LL, n179, n29, 0, 0, n63));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t107, view(a.v + 45, 48LL, 24LL, 12LL, 4LL, n179, n29, 0, 0, n63));
        }
    }
    cluster_sync();
    if (n30 == 0) {
        const int n191_end = opaque(n19);
        #pragma unroll 1
        for (int n191 = 0; n191 < n191_end; n191 += 2) { // row
            const int n192 = n27 + n191;
            const int n193 = floor_div(n192, 2);
            const int n194 = n193 + n14;
            const int n195 = n19 - n191;
            float t196[8];
            UNROLL for (int i = 0; i < 8; i++) t196[i] = -1.000000000e+37f;
            float t197[8];
            UNROLL for (int i = 0; i < 8; i++) t197[i] = 0.000000000e+00f;
            float t198[1][8];
            EACH(1, 8) t198[s][i] = 0.000000000e+00f;
            float t199[1][8];
            EACH(1, 8) t199[s][i] = 0.000000000e+00f;
            const int n200_end = opaque(n9);
            #pragma unroll 8
            for (int n200 = 0; n200 < n200_end; n200 += 1) { // part
                const int n205 = n200 * n13;
                const int n206 = n205 + n194;
                float t208[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t208, view(a.v + 45, 48LL, 24LL, 12LL, 8LL, n206, n29, 0, 0, n195));
                float t210[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t210, view(a.v + 45, 48LL, 24LL, 12LL, 9LL, n206, n29, 0, 0, n195));
                float t212[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t212, view(a.v + 45, 48LL, 24LL, 12LL, 0LL, n206, n29, 0, 0, n195));
                float t214[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t214, view(a.v + 45, 48LL, 24LL, 12LL, 4LL, n206, n29, 0, 0, n195));
                float t215[8];
                UNROLL for (int i = 0; i < 8; i++) t215[i] = max_nan(t196[i], t208[i]);
                float t216[8];
                UNROLL for (int i = 0; i < 8; i++) t216[i] = t196[i] - t215[i];
                float t217[8];
                UNROLL for (int i = 0; i < 8; i++) t217[i] = t216[i] * 7.213475204e-01f;
                float t218[8];
                UNROLL for (int i = 0; i < 8; i++) t218[i] = exp2_fast(t217[i]);
                float t219[8];
                UNROLL for (int i = 0; i < 8; i++) t219[i] = t208[i] - t215[i];
                float t220[8];
                UNROLL for (int i = 0; i < 8; i++) t220[i] = t219[i] * 7.213475204e-01f;
                float t221[8];
                UNROLL for (int i = 0; i < 8; i++) t221[i] = exp2_fast(t220[i]);
                float t222[8];
                UNROLL for (int i = 0; i < 8; i++) t222[i] = t210[i] * t221[i];
                float t223[8];
                UNROLL for (int i = 0; i < 8; i++) t223[i] = t197[i] * t218[i];
                float t224[8];
                UNROLL for (int i = 0; i < 8; i++) t224[i] = t223[i] + t222[i];
                float t225[1][8];
                EACH(1, 8) t225[s][i] = t212[s][i] * t221[(i >> 2) * 2 + (i & 1)];
                float t226[1][8];
                EACH(1, 8) t226[s][i] = t198[s][i] * t218[(i >> 2) * 2 + (i & 1)];
                float t227[1][8];
                EACH(1, 8) t227[s][i] = t226[s][i] + t225[s][i];
                float t228[1][8];
                EACH(1, 8) t228[s][i] = t199[s][i] + t214[s][i];
                UNROLL for (int i = 0; i < 8; i++) t196[i] = t215[i];
                UNROLL for (int i = 0; i < 8; i++) t197[i] = t224[i];
                EACH(1, 8) t198[s][i] = t227[s][i];
                EACH(1, 8) t199[s][i] = t228[s][i];
            }
            float t229[8];
            UNROLL for (int i = 0; i < 8; i++) t229[i] = max_nan(t197[i], 1.000000000e-37f);
            float t230[8];
            UNROLL for (int i = 0; i < 8; i++) t230[i] = __fdividef(1.000000000e+00f, t229[i]);
            float t231[1][8];
            EACH(1, 8) t231[s][i] = t198[s][i] * t230[(i >> 2) * 2 + (i & 1)];
            float t232[1][8];
            EACH(1, 8) t232[s][i] = t231[s][i] + t199[s][i];
            store_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t232, view(a.v + 40, n14, n191, n29, 0, n19));
        }
    }
    if (n30 + 1 == n9) {
        const int n234_end = opaque(n19);
        #pragma unroll 1
        for (int n234 = n25; n234 < n234_end; n234 += 16) { // row
            const int n235 = n18 + n234;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n14, n234, n28, 0, n19), view(a.v + 25, n17, n28, n235, n18, n26), view(a.v + 10, n14, n234, n28, 0, n19), view(a.v + 30, n17, n28, n235, n18, n26));
        }
    }
}

