extern "C" __global__ void __launch_bounds__(128, 2) rattan_layer_decode_main(const __grid_constant__ Args a) {
    const u32 shared = shared_base();
    const bool q_aligned = aligned<bf16>(a.v + 0, 16);
    const bool k_aligned = aligned<bf16>(a.v + 5, 16);
    const bool v_aligned = aligned<bf16>(a.v + 10, 16);
    const bool ring_k_aligned = aligned<bf16>(a.v + 25, 16);
    const bool ring_v_aligned = aligned<bf16>(a.v + 30, 16);
    u32 rest = blockIdx.x;
    const int n33 = rest % (u32)a.v[53]; // part
    rest /= (u32)a.v[53];
    const int n31 = rest % 1u; // kv_head
    rest /= 1u;
    const int n15 = rest; // seq
    const int n0 = a.v[52];
    const int n3 = a.v[51];
    const int n4 = a.v[62];
    const int n10 = a.v[53];
    const int n14 = a.v[57];
    const int n16 = ((const int *)a.v[15])[n15];
    const int n17 = (int)(n16 < n4);
    const int n18 = (int)(-1 < n16);
    const int n19 = n17 * n18;
    const int n20 = n16 * n19;
    const int n21 = ((const int *)a.v[20])[n15];
    const int n22 = n3 * n19;
    const int n23 = 4 * n19;
    const int n24 = 0 - n21;
    const int n25 = larger(n24, -6);
    const int n26 = n21 + n25;
    const int n27 = n22 + -6;
    const int n28 = larger(0, n27);
    const int n29 = n21 + n22;
    const int n30 = n15 * n3;
    const int n32 = n31 * 2;
    { // part
        const int n43 = n33 * 4;
        const int n44 = 1 - n33;
        const int n45 = n44 + n10;
        const int n46 = n45 + -1;
        const int n47 = floor_div_any(n46, n10);
        const int n52 = n33 * n14;
        const int n53_end = opaque(n22);
        #pragma unroll 1
        for (int n53 = 0; n53 < n53_end; n53 += 2) { // row
            const int n54 = n53 + 2;
            const int n55 = smaller(n54, n22);
            const int n56 = n53 + -5;
            const int n57 = larger(n25, n56);
            const int n58 = n55 - n57;
            const int n59 = n58 + 63;
            const int n60 = floor_div(n59, 64);
            const int n61 = n60 - n33;
            const int n62 = n61 + n10;
            const int n63 = n62 + -1;
            const int n64 = floor_div_any(n63, n10);
            wait<0>();
            const int n65 = n53 + -6;
            const int n66 = n22 - n53;
            const int n67 = smaller(2, n66);
            fetch<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(shared + 15360u, view(a.v + 0, n15, n53, n32, 0, n22), q_aligned);
            const int n68 = n21 + n65;
            const int n69 = n68 + n67;
            const int n70 = smaller(n21, n69);
            fetch<bf16, Rows<2, -1, 2, 6, 2>, 4, 2, 4, 2>(shared + 19200u, view(a.v + 25, n20, n31, n68, n26, n70), ring_k_aligned);
            const int n71 = n65 + n67;
            const int n72 = smaller(0, n71);
            const int n73 = smaller(n22, n71);
            fetch<bf16, Rows<1, -1, 2, 0, 2>, 4, 2, 4, 1>(shared + 19200u, view(a.v + 5, n15, n65, n31, n72, n73), k_aligned);
            fetch<bf16, Rows<2, -1, 2, 6, 2>, 4, 2, 4, 2>(shared + 17664u, view(a.v + 30, n20, n31, n68, n26, n70), ring_v_aligned);
            fetch<bf16, Rows<1, -1, 2, 0, 2>, 4, 2, 4, 1>(shared + 17664u, view(a.v + 10, n15, n65, n31, n72, n73), v_aligned);
            commit();
            const int n74 = (int)(0 < n64);
            if (n74) {
                const int n75 = n33 + 1;
                const int n76 = n75 * 64;
                const int n77 = n55 - n76;
                const int n78 = n21 + n77;
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)0 % 2u * 3072u, view(a.v + 25, n20, n31, n78, n26, n21), ring_k_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)0 % 2u * 3072u, view(a.v + 5, n15, n77, n31, 0, n22), k_aligned);
            }
            commit();
            if (n74) {
                const int n79 = n33 + 1;
                const int n80 = n79 * 64;
                const int n81 = n55 - n80;
                const int n82 = n21 + n81;
                fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)0 % 2u * 3072u, view(a.v + 30, n20, n31, n82, n26, n21), ring_v_aligned);
                fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)0 % 2u * 3072u, view(a.v + 10, n15, n81, n31, 0, n22), v_aligned);
            }
            commit();
            float t84[1][8];
            load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t84, view(a.v + 35, n20, n31, n43, 0, n23));
            wait<2>();
            const u32 t85 = shared + 15360u;
            u32 t86[1][4];
            read_transposed<4, 48, 4, 4>(t86, t85);
            float t87[1][8];
            EACH(1, 8) t87[s][i] = unpacked(t86[s][i >> 1], i & 1, bf16());
            const u32 t88 = shared + 19200u;
            u32 t89[1][4];
            read_transposed<4, 48, 4, 2>(t89, t88);
            float t90[1][8];
            EACH(1, 8) t90[s][i] = unpacked(t89[s][i >> 1], i & 1, bf16());
            float t91[1][8];
            EACH(1, 8) t91[s][i] = max_nan(t87[s][i], 0.f);
            u32 t92[1][4];
            EACH(1, 4) t92[s][i] = pack(has_column<4>(i / 2, 0) ? t91[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t91[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 4, 48>(shared + 16128u, t92);
            float t93[1][8];
            EACH(1, 8) t93[s][i] = max_nan(t90[s][i], 0.f);
            u32 t94[1][4];
            EACH(1, 4) t94[s][i] = pack(has_column<2>(i / 2, 0) ? t93[s][2 * i] : 0.f, has_column<2>(i / 2, 1) ? t93[s][2 * i + 1] : 0.f, bf16());
            put<4, 4, 2, 48>(shared + 16896u, t94);
            __syncthreads();
            float t95[1][8];
            EACH(1, 8) t95[s][i] = 0.000000000e+00f;
            const int n96_end = opaque(1);
            #pragma unroll 1
            for (int n96 = n33; n96 < n96_end; n96 += n10) { // slice
                const u32 t98 = shared + 16896u;
                const u32 t99 = shared + 16128u;
                float t100[1][8];
                EACH(1, 8) t100[s][i] = t95[s][i];
                product_transposed<bf16, 4, 0, 48, 48, 16>(t100, t98, t99);
                EACH(1, 8) t95[s][i] = t100[s][i];
            }
            float t101[1][8];
            mask_transposed<4, 2, 0, 1, 0>(t101, t95, -6, 0LL, -6LL, 0, 0.000000000e+00f);
            u32 t102[1][4];
            EACH(1, 4) t102[s][i] = pack(has_column<4>(i / 2, 0) ? t101[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t101[s][2 * i + 1] : 0.f, bf16());
            put<4, 2, 4, 48>(shared + 18432u, t102);
            __syncthreads();
            const u32 t103 = shared + 17664u;
            const u32 t104 = shared + 18432u;
            float t105[1][8];
            EACH(1, 8) t105[s][i] = 0.f;
            product_transposed<bf16, 4, 0, 48, 48, 16>(t105, t103, t104);
            const int n106 = larger(n64, n47);
            float t107[8];
            UNROLL for (int i = 0; i < 8; i++) t107[i] = -1.000000000e+37f;
            float t108[1][8];
            EACH(1, 8) t108[s][i] = 0.000000000e+00f;
            float t109[1][8];
            EACH(1, 8) t109[s][i] = 0.000000000e+00f;
            float t110[1][8];
            EACH(1, 8) t110[s][i] = t105[s][i];
            float t111[1][8];
            EACH(1, 8) t111[s][i] = t84[s][i];
            const int n112_end = opaque(n106);
            #pragma unroll 1
            for (int n112 = 0; n112 < n112_end; n112 += 1) { // keys
                const int n118 = n112 * n10;
                const int n119 = n33 + n118;
                const int n120 = (int)(n112 < n47);
                float t121[1][8];
                EACH(1, 8) t121[s][i] = t110[s][i];
                if (n120) {
                    u32 t122[1][4];
                    EACH(1, 4) t122[s][i] = pack(has_column<4>(i / 2, 0) ? t111[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t111[s][2 * i + 1] : 0.f, bf16());
                    const u32 t123 = shared + 16128u;
                    float t124[1][8];
                    EACH(1, 8) t124[s][i] = t110[s][i];
                    product<bf16, 0, 48>(t124, t122, t123);
                    const u32 t125 = shared + 17664u;
                    const u32 t126 = shared + 16896u;
                    float t127[1][8];
                    EACH(1, 8) t127[s][i] = t111[s][i];
                    product_transposed<bf16, 4, 1, 48, 48, 16>(t127, t125, t126);
                    const int n128 = n119 * 4;
                    store_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t127, view(a.v + 35, n20, n31, n128, 0, n23));
                    EACH(1, 8) t121[s][i] = t124[s][i];
                }
                const int n130 = n119 + n10;
                const int n131 = n130 * 4;
                float t133[1][8];
                load_transposed<float, Rows<2, -1, 4, 0, 4>, 4, 4, 4>(t133, view(a.v + 35, n20, n31, n131, 0, n23));
                const int n134 = (int)(n112 < n64);
                float t135[8];
                UNROLL for (int i = 0; i < 8; i++) t135[i] = t107[i];
                float t136[1][8];
                EACH(1, 8) t136[s][i] = t108[s][i];
                float t137[1][8];
                EACH(1, 8) t137[s][i] = t109[s][i];
                if (n134) {
                    wait<1>();
                    const int n138 = n112 + 1;
                    const int n139 = (int)(n138 < n64);
                    if (n139) {
                        const int n140 = n138 * n10;
                        const int n141 = n33 + n140;
                        const int n142 = n141 + 1;
                        const int n143 = n142 * 64;
                        const int n144 = n55 - n143;
                        const int n145 = n21 + n144;
                        fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 0u + (u32)n138 % 2u * 3072u, view(a.v + 25, n20, n31, n145, n26, n21), ring_k_aligned);
                        fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 0u + (u32)n138 % 2u * 3072u, view(a.v + 5, n15, n144, n31, 0, n22), k_aligned);
                    }
                    commit();
                    const int n146 = n119 + 1;
                    const int n147 = n146 * 64;
                    const int n148 = n55 - n147;
                    const u32 t149 = shared + 0u + (u32)n112 % 2u * 3072u;
                    const u32 t150 = shared + 15360u;
                    float t151[1][8];
                    EACH(1, 8) t151[s][i] = 0.f;
                    product_left<bf16, 4, 1, 64, 48, 48, 16>(t151, t149, t150);
                    const int n152 = n25 - n148;
                    const int n153 = larger(0, n152);
                    const int n154 = n148 - n53;
                    float t155[1][8];
                    mask_transposed<4, 2, 1, 1, 1>(t155, t151, n154, -5LL, 0LL, n153, -INFINITY);
                    columns_out<true, 4, 64, 4>(t155, shared + 19968u);
                    __syncthreads();
                    float t156[8];
                    columns_in<true, 4, 64, 4>(t156, shared + 19968u);
                    __syncthreads();
                    float t157[8];
                    UNROLL for (int i = 0; i < 8; i++) t157[i] = max_nan(t107[i], t156[i]);
                    float t159[8];
                    UNROLL for (int i = 0; i < 8; i++) t159[i] = t157[i] * -7.213475204e-01f;
                    float t161[1][8];
                    EACH(1, 8) t161[s][i] = fmaf(t155[s][i], 7.213475204e-01f, t159[(i >> 2) * 2 + (i & 1)]);
                    float t162[1][8];
                    EACH(1, 8) t162[s][i] = exp2_fast(t161[s][i]);
                    float t163[8];
                    UNROLL for (int i = 0; i < 8; i++) t163[i] = t107[i] - t157[i];
                    float t164[8];
                    UNROLL for (int i = 0; i < 8; i++) t164[i] = t163[i] * 7.213475204e-01f;
                    float t165[8];
                    UNROLL for (int i = 0; i < 8; i++) t165[i] = exp2_fast(t164[i]);
                    float t166[1][8];
                    EACH(1, 8) t166[s][i] = t108[s][i] * t165[(i >> 2) * 2 + (i & 1)];
                    float t167[1][8];
                    EACH(1, 8) t167[s][i] = t166[s][i] + t162[s][i];
                    u32 t168[1][4];
                    EACH(1, 4) t168[s][i] = pack(has_column<4>(i / 2, 0) ? t162[s][2 * i] : 0.f, has_column<4>(i / 2, 1) ? t162[s][2 * i + 1] : 0.f, bf16());
                    put<4, 64, 4, 48>(shared + 12288u, t168);
                    wait<1>();
                    if (n139) {
                        const int n169 = n138 * n10;
                        const int n170 = n33 + n169;
                        const int n171 = n170 + 1;
                        const int n172 = n171 * 64;
                        const int n173 = n55 - n172;
                        const int n174 = n21 + n173;
                        fetch<bf16, Rows<2, -1, 64, 6, 64>, 4, 64, 4, 2>(shared + 6144u + (u32)n138 % 2u * 3072u, view(a.v + 30, n20, n31, n174, n26, n21), ring_v_aligned);
                        fetch<bf16, Rows<1, -1, 64, 0, 64>, 4, 64, 4, 1>(shared + 6144u + (u32)n138 % 2u * 3072u, view(a.v + 10, n15, n173, n31, 0, n22), v_aligned);
                    }
                    commit();
                    float t175[1][8];
                    EACH(1, 8) t175[s][i] = t109[s][i] * t165[(i >> 2) * 2 + (i & 1)];
                    const u32 t176 = shared + 12288u;
                    const u32 t177 = shared + 6144u + (u32)n112 % 2u * 3072u;
                    float t178[1][8];
                    EACH(1, 8) t178[s][i] = t175[s][i];
                    product_transposed<bf16, 4, 0, 48, 48, 64>(t178, t177, t176);
                    UNROLL for (int i = 0; i < 8; i++) t135[i] = t157[i];
                    EACH(1, 8) t136[s][i] = t167[s][i];
                    EACH(1, 8) t137[s][i] = t178[s][i];
                }
                UNROLL for (int i = 0; i < 8; i++) t107[i] = t135[i];
                EACH(1, 8) t108[s][i] = t136[s][i];
                EACH(1, 8) t109[s][i] = t137[s][i];
                EACH(1, 8) t110[s][i] = t121[s][i];
                EACH(1, 8) t111[s][i] = t133[s][i];
            }
            const int n179 = n30 + n53;
            const int n180 = floor_div(n179, 2);
            const int n181 = n180 + n15;
            const int n182 = n52 + n181;
            columns_out<false, 4, 64, 4>(t108, shared + 19968u);
            __syncthreads();
            float t184[8];
            columns_in<false, 4, 64, 4>(t184, shared + 19968u);
            __syncthreads();
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t107, view(a.v + 45, 48LL, 24LL, 12LL, 8LL, n182, n32, 0, 0, n66));
            store_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4>(t184, view(a.v + 45, 48LL, 24LL, 12LL, 9LL, n182, n32, 0, 0, n66));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t109, view(a.v + 45, 48LL, 24LL, 12LL, 0LL, n182, n32, 0, 0, n66));
            store_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t110, view(a.v + 45, 48LL, 24LL, 12LL, 4LL, n182, n32, 0, 0, n66));
        }
    }
    cluster_sync();
    if (n33 == 0) {
        const int n194_end = opaque(n22);
        #pragma unroll 1
        for (int n194 = 0; n194 < n194_end; n194 += 2) { // row
            const int n195 = n30 + n194;
            const int n196 = floor_div(n195, 2);
            const int n197 = n196 + n15;
            const int n198 = n22 - n194;
            float t199[8];
            UNROLL for (int i = 0; i < 8; i++) t199[i] = -1.000000000e+37f;
            float t200[8];
            UNROLL for (int i = 0; i < 8; i++) t200[i] = 0.000000000e+00f;
            float t201[1][8];
            EACH(1, 8) t201[s][i] = 0.000000000e+00f;
            float t202[1][8];
            EACH(1, 8) t202[s][i] = 0.000000000e+00f;
            const int n203_end = opaque(n10);
            #pragma unroll 8
            for (int n203 = 0; n203 < n203_end; n203 += 1) { // part
                const int n208 = n203 * n14;
                const int n209 = n208 + n197;
                float t211[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t211, view(a.v + 45, 48LL, 24LL, 12LL, 8LL, n209, n32, 0, 0, n198));
                float t213[8];
                load_transposed_row<float, Rows<2, 1, 2, 0, 4>, 4, 1, 4>(t213, view(a.v + 45, 48LL, 24LL, 12LL, 9LL, n209, n32, 0, 0, n198));
                float t215[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t215, view(a.v + 45, 48LL, 24LL, 12LL, 0LL, n209, n32, 0, 0, n198));
                float t217[1][8];
                load_transposed<float, Rows<2, 1, 2, 0, 4>, 4, 4, 4>(t217, view(a.v + 45, 48LL, 24LL, 12LL, 4LL, n209, n32, 0, 0, n198));
                float t218[8];
                UNROLL for (int i = 0; i < 8; i++) t218[i] = max_nan(t199[i], t211[i]);
                float t219[8];
                UNROLL for (int i = 0; i < 8; i++) t219[i] = t199[i] - t218[i];
                float t220[8];
                UNROLL for (int i = 0; i < 8; i++) t220[i] = t219[i] * 7.213475204e-01f;
                float t221[8];
                UNROLL for (int i = 0; i < 8; i++) t221[i] = exp2_fast(t220[i]);
                float t222[8];
                UNROLL for (int i = 0; i < 8; i++) t222[i] = t211[i] - t218[i];
                float t223[8];
                UNROLL for (int i = 0; i < 8; i++) t223[i] = t222[i] * 7.213475204e-01f;
                float t224[8];
                UNROLL for (int i = 0; i < 8; i++) t224[i] = exp2_fast(t223[i]);
                float t225[8];
                UNROLL for (int i = 0; i < 8; i++) t225[i] = t213[i] * t224[i];
                float t226[8];
                UNROLL for (int i = 0; i < 8; i++) t226[i] = t200[i] * t221[i];
                float t227[8];
                UNROLL for (int i = 0; i < 8; i++) t227[i] = t226[i] + t225[i];
                float t228[1][8];
                EACH(1, 8) t228[s][i] = t215[s][i] * t224[(i >> 2) * 2 + (i & 1)];
                float t229[1][8];
                EACH(1, 8) t229[s][i] = t201[s][i] * t221[(i >> 2) * 2 + (i & 1)];
                float t230[1][8];
                EACH(1, 8) t230[s][i] = t229[s][i] + t228[s][i];
                float t231[1][8];
                EACH(1, 8) t231[s][i] = t202[s][i] + t217[s][i];
                UNROLL for (int i = 0; i < 8; i++) t199[i] = t218[i];
                UNROLL for (int i = 0; i < 8; i++) t200[i] = t227[i];
                EACH(1, 8) t201[s][i] = t230[s][i];
                EACH(1, 8) t202[s][i] = t231[s][i];
            }
            float t232[8];
            UNROLL for (int i = 0; i < 8; i++) t232[i] = max_nan(t200[i], 1.000000000e-37f);
            float t233[8];
            UNROLL for (int i = 0; i < 8; i++) t233[i] = __fdividef(1.000000000e+00f, t232[i]);
            float t234[1][8];
            EACH(1, 8) t234[s][i] = t201[s][i] * t233[(i >> 2) * 2 + (i & 1)];
            float t235[1][8];
            EACH(1, 8) t235[s][i] = t234[s][i] + t202[s][i];
            store_transposed<bf16, Rows<1, 2, 2, 0, 4>, 4, 4, 4>(t235, view(a.v + 40, n15, n194, n32, 0, n22));
        }
    }
    if (n33 + 1 == n10) {
        const int n237_end = opaque(n22);
        #pragma unroll 1
        for (int n237 = n28; n237 < n237_end; n237 += 16) { // row
            const int n238 = n21 + n237;
            copy_rows<bf16, Rows<1, -1, 16, 0, 16>, Rows<2, -1, 16, 6, 16>, 4, 16, 4>(view(a.v + 5, n15, n237, n31, 0, n22), view(a.v + 25, n20, n31, n238, n21, n29), view(a.v + 10, n15, n237, n31, 0, n22), view(a.v + 30, n20, n31, n238, n21, n29));
        }
    }
}

